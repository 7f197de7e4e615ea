/* SPDX-License-Identifier: BSD-2-Clause */
/* Contended locks of a session. */
#include "model/locks.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/flame_tree.h"
#include "model/split.h"
#include "model/tally.h"

#define Z_99 2.5758293035489 /* two-sided 99 % */
#define SMALL                                                                                      \
	1000 /* of cores x time: locks that cost less than one part in so many                     \
	      * are one row with those of their name and place */
#define NO_ROW 0xffffffffu

/* What a lock's weights say, by row. */
struct part {
	__u64 lock_wait, sync_wait; /* by state */
	__u64 wait_idle;	    /* of both */
	__u64 spin, spin_idle;
	__u64 line;
};

struct build {
	const struct ft_model *m;
	const struct ft_findings *f;
	const struct ft_stacks *s;
	struct ft_locks *out;
	__u32 *row_of;		/* by record */
	struct part *part;	/* by row; the last is the unknown's */
	struct ft_tally waiter; /* by row */
	struct ft_tally owner;
	struct ft_tally name; /* by row, of frames that say what the lock belongs to */
	__u64 line_weight;    /* of all FT_SK_SHARED weights, those of types too */
};

static __u64 part_of(__u64 whole, __u64 part, __u64 sum)
{
	return sum ? (__u64)((unsigned __int128)whole * (part < sum ? part : sum) / sum) : 0;
}

const struct ft_lock_rec *ft_lock_find(const struct ft_findings *f, __u32 id)
{
	size_t lo = 0, hi = f ? f->lock_cnt : 0, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (f->lock[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return f && lo < f->lock_cnt && f->lock[lo].id == id ? &f->lock[lo] : NULL;
}

const char *ft_lock_kind_name(__u32 kind)
{
	switch (kind) {
	case FT_LK_OBJECT:
		return "object";
	case FT_LK_THREADING:
		return "threading";
	case FT_LK_NATIVE:
		return "native";
	default:
		return "runtime";
	}
}

__u64 ft_lock_contended_ns(const struct ft_mlock *l)
{
	return l->wait_ns > l->idle_ns ? l->wait_ns - l->idle_ns : 0;
}

static __u64 spin_of(const struct ft_mlock *l)
{
	return l->spin_ns > l->spin_idle_ns ? l->spin_ns - l->spin_idle_ns : 0;
}

__u64 ft_lock_cost_ns(const struct ft_mlock *l)
{
	return ft_add_sat(ft_add_sat(ft_lock_contended_ns(l), spin_of(l)), l->line_ns);
}

/* The row that a weight belongs to, NO_ROW: none. */
static __u32 row_of(const struct build *b, const struct ft_weight *w)
{
	const struct ft_lock_rec *r = w->arg ? ft_lock_find(b->f, w->arg) : NULL;

	if (r)
		return b->row_of[r - b->f->lock];
	/* idle queues have no lock; sharing without a lock is an object's */
	if (w->kind == FT_ST_LOCK_WAIT || w->kind == FT_SK_ON + FT_ON_SPIN)
		return (__u32)b->out->cnt;
	return NO_ROW;
}

/* The program waits there for something to happen. */
static bool is_idle(const struct build *b, __u32 row, const struct ft_place *place)
{
	const struct ft_mlock *l = &b->out->row[row];

	if (l->kind != FT_LK_THREADING)
		return false;
	/* get() of an empty one; its own lock is an object's */
	if (!strcmp(l->name, "_queue.SimpleQueue"))
		return true;
	/* wait() takes its condition's lock again when it was woken: that is none of the locks that
	 * it makes to sleep on, which are plain ones */
	return !strcmp(l->name, "_thread.lock") && ft_place_waits(b->s, place);
}

static int add_waiter(struct build *b, const struct ft_weight *w, __u32 row)
{
	struct part *p = &b->part[row];
	struct ft_place place;
	bool idle;
	int err = 0;

	ft_place_of(b->s, w->stack, &place);
	idle = is_idle(b, row, &place);
	if (w->kind == FT_SK_ON + FT_ON_SPIN) {
		p->spin = ft_add_sat(p->spin, w->ns);
		p->spin_idle = ft_add_sat(p->spin_idle, idle ? w->ns : 0);
	} else {
		if (w->kind == FT_ST_LOCK_WAIT)
			p->lock_wait = ft_add_sat(p->lock_wait, w->ns);
		else
			p->sync_wait = ft_add_sat(p->sync_wait, w->ns);
		p->wait_idle = ft_add_sat(p->wait_idle, idle ? w->ns : 0);
	}
	if (place.frame != FT_NO_STACK)
		err = ft_tally_add(&b->waiter, row, place.frame, w->ns, w->cnt);
	if (!err && place.sync != FT_NO_STACK && b->out->row[row].kind == FT_LK_THREADING)
		err = ft_tally_add(&b->name, row, place.sync, w->ns, w->cnt);
	return err;
}

static int add_weight(struct build *b, const struct ft_weight *w)
{
	__u32 row = row_of(b, w);
	struct ft_place place;

	switch (w->kind) {
	case FT_ST_LOCK_WAIT:
	case FT_ST_SYNC_WAIT:
	case FT_SK_ON + FT_ON_SPIN:
		if (row == NO_ROW || w->stack == FT_NO_STACK)
			return 0;
		return add_waiter(b, w, row);
	case FT_SK_LOCK_OWNER:
		if (row == NO_ROW)
			return 0;
		ft_place_of(b->s, w->stack, &place);
		if (place.frame == FT_NO_STACK)
			return 0;
		return ft_tally_add(&b->owner, row, place.frame, w->ns, w->cnt);
	case FT_SK_SHARED:
		b->line_weight = ft_add_sat(b->line_weight, w->ns);
		if (row == NO_ROW)
			return 0;
		b->part[row].line = ft_add_sat(b->part[row].line, w->ns);
		ft_place_of(b->s, w->stack, &place);
		if (place.frame == FT_NO_STACK)
			return 0;
		return ft_tally_add(&b->waiter, row, place.frame, w->ns, w->cnt);
	default:
		return 0;
	}
}

static int take_records(struct build *b)
{
	size_t cnt = b->f ? b->f->lock_cnt : 0, i;
	struct ft_locks *out = b->out;

	out->row = calloc(cnt + 1, sizeof(*out->row));
	b->part = calloc(cnt + 1, sizeof(*b->part));
	b->row_of = calloc(cnt + 1, sizeof(*b->row_of));
	if (!out->row || !b->part || !b->row_of)
		return -ENOMEM;
	for (i = 0; i < cnt; i++) {
		const struct ft_lock_rec *r = &b->f->lock[i];
		struct ft_mlock *l = &out->row[out->cnt];

		b->row_of[i] = NO_ROW;
		if (r->kind == FT_LK_TYPE)
			continue;
		b->row_of[i] = (__u32)out->cnt++;
		l->kind = r->kind;
		l->addr = r->addr;
		l->objects = 1;
		l->waits = r->waits;
		l->wait_ns = r->wait_ns;
		l->wait_max_ns = r->wait_max_ns;
		l->spin_ticks = r->spin_ticks;
		l->yields = r->yields; /* seen; estimated below */
		l->threads = r->threads;
		l->many = r->many;
		memcpy(l->name, r->name, sizeof(l->name));
		memcpy(l->part_of, r->owner, sizeof(l->part_of));
		l->name[sizeof(l->name) - 1] = '\0';
		l->part_of[sizeof(l->part_of) - 1] = '\0';
	}
	return 0;
}

/*
 * From the calls that windows saw to all of them. The interval is that of all locks' calls (how
 * windows differ from each other) widened by how few of them are this one's.
 */
static void estimate_yields(const struct build *b, struct ft_mlock *l)
{
	__u64 seen = l->yields, window = b->f->yield_window_ns;
	double scale, rel, all = b->f->yields_rel_err;

	l->yields_lo = l->yields_hi = seen;
	if (!seen || !window || window >= b->m->duration_ns)
		return;
	scale = (double)b->m->duration_ns / (double)window;
	if (!isfinite(all) || all < 0)
		all = 1;
	rel = sqrt(all * all + Z_99 * Z_99 / (double)seen);
	if ((double)seen * scale * (1 + rel) >= 9e18)
		return;
	l->yields = (__u64)((double)seen * scale + 0.5);
	if (rel < 1)
		l->yields_lo = (__u64)((double)seen * scale * (1 - rel));
	if (l->yields_lo < seen) /* those were certainly made */
		l->yields_lo = seen;
	l->yields_hi = (__u64)((double)seen * scale * (1 + rel) + 0.5);
}

static void heaviest(const struct build *b, const struct ft_tally *t, __u32 *best)
{
	size_t i;

	for (i = 0; i <= b->out->cnt; i++)
		best[i] = NO_ROW;
	for (i = 0; i < t->cnt; i++) {
		__u32 *at = &best[t->ent[i].what];

		if (*at == NO_ROW || t->ent[i].ns > t->ent[*at].ns)
			*at = (__u32)i;
	}
}

/* Names and places, from what most of the time says. */
static int name_rows(struct build *b)
{
	__u32 *best = calloc(b->out->cnt + 1, sizeof(*best));
	struct ft_mlock *l;
	char name[96];
	size_t i;

	if (!best)
		return -ENOMEM;
	heaviest(b, &b->waiter, best);
	for (i = 0; i <= b->out->cnt; i++)
		if (best[i] != NO_ROW)
			ft_place_text(b->s, b->waiter.ent[best[i]].frame, b->out->row[i].waiter,
				      sizeof(b->out->row[i].waiter));
	heaviest(b, &b->owner, best);
	for (i = 0; i <= b->out->cnt; i++)
		if (best[i] != NO_ROW)
			ft_place_text(b->s, b->owner.ent[best[i]].frame, b->out->row[i].owner,
				      sizeof(b->out->row[i].owner));
	heaviest(b, &b->name, best);
	for (i = 0; i < b->out->cnt; i++) {
		l = &b->out->row[i];
		if (best[i] == NO_ROW ||
		    (strcmp(l->name, "_thread.lock") && strcmp(l->name, "_thread.RLock")))
			continue;
		ft_place_owner(b->s, &(struct ft_place){.sync = b->name.ent[best[i]].frame}, name,
			       sizeof(name));
		memcpy(l->name, name, sizeof(l->name));
	}
	free(best);
	return 0;
}

/* How much of a row's sleep was in the state lock_wait; the rest was in sync_wait. */
static __u64 lock_state_ns(const struct ft_mlock *l, const struct part *p, __u64 ns)
{
	__u64 sum = ft_add_sat(p->lock_wait, p->sync_wait);

	if (!sum)
		return l->kind == FT_LK_THREADING ? 0 : ns;
	return part_of(ns, p->lock_wait, sum);
}

static void row_figures(struct build *b, size_t i, __u64 spin_ticks)
{
	const struct ft_mthread *all = &b->m->all;
	struct ft_mlock *l = &b->out->row[i];
	const struct part *p = &b->part[i];
	__u64 waits = ft_add_sat(p->lock_wait, p->sync_wait);

	/* without a stack nobody can tell an idle pool from a contended lock */
	l->idle_ns = l->kind != FT_LK_THREADING ? 0
		     : waits			? part_of(l->wait_ns, p->wait_idle, waits)
						: l->wait_ns;
	l->spin_ns = part_of(all->state_ns[FT_R_ON_SPIN], l->spin_ticks, spin_ticks);
	l->spin_err_ns = (__u64)((double)all->on_ns * ft_wilson_err(l->spin_ticks, all->ticks));
	l->spin_idle_ns = p->spin ? part_of(l->spin_ns, p->spin_idle, p->spin)
			  : waits ? part_of(l->spin_ns, p->wait_idle, waits)
				  : 0;
	estimate_yields(b, l);
}

static void figures(struct build *b, __u64 line_ns)
{
	const struct ft_mthread *all = &b->m->all;
	struct ft_locks *out = b->out;
	__u64 ticks = 0, spin = 0, asleep = 0, sync = 0, ns;
	struct ft_mlock *l;
	size_t i;

	for (i = 0; i < out->cnt; i++)
		ticks = ft_add_sat(ticks, out->row[i].spin_ticks);
	if (ticks < all->tick_cnt[FT_ON_SPIN])
		ticks = all->tick_cnt[FT_ON_SPIN];
	for (i = 0; i < out->cnt; i++) {
		l = &out->row[i];
		row_figures(b, i, ticks);
		l->line_ns = part_of(line_ns, b->part[i].line, b->line_weight);
		spin = ft_add_sat(spin, l->spin_ns);
		asleep = ft_add_sat(asleep, lock_state_ns(l, &b->part[i], l->wait_ns));
		ns = ft_lock_contended_ns(l);
		sync = ft_add_sat(sync, ns - lock_state_ns(l, &b->part[i], ns));
		out->wait_ns = ft_add_sat(out->wait_ns, ns);
		out->spin_idle_ns = ft_add_sat(out->spin_idle_ns, l->spin_idle_ns);
		out->line_ns = ft_add_sat(out->line_ns, l->line_ns);
	}
	l = &out->row[out->cnt];
	if (all->state_ns[FT_R_ON_SPIN] > spin)
		l->spin_ns = all->state_ns[FT_R_ON_SPIN] - spin;
	if (all->state_ns[FT_R_LOCK_WAIT] > asleep)
		l->wait_ns = all->state_ns[FT_R_LOCK_WAIT] - asleep;
	l->kind = FT_LK_NONE;
	out->unknown = *l;
	out->sync_ns = sync;
	out->wait_ns = ft_add_sat(out->wait_ns, l->wait_ns);
	out->spin_ns = ft_add_sat(spin, l->spin_ns);
	out->spin_ns -= out->spin_idle_ns < out->spin_ns ? out->spin_idle_ns : out->spin_ns;
}

static bool contended(const struct ft_mlock *l)
{
	if (ft_lock_cost_ns(l))
		return true;
	/* a thread spins before it waits for something to happen, too: seen in a window only, that
	 * says nothing */
	if (l->kind == FT_LK_THREADING)
		return false;
	return l->yields || l->waits;
}

static int by_place(const void *pa, const void *pb)
{
	const struct ft_mlock *a = pa, *b = pb;
	int c;

	if (contended(a) != contended(b))
		return contended(a) ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	c = strcmp(a->name, b->name);
	c = c ? c : strcmp(a->part_of, b->part_of);
	c = c ? c : strcmp(a->waiter, b->waiter);
	if (c)
		return c;
	return (a->addr > b->addr) - (a->addr < b->addr);
}

static int by_cost(const void *pa, const void *pb)
{
	const struct ft_mlock *a = pa, *b = pb;
	__u64 x = ft_lock_cost_ns(a), y = ft_lock_cost_ns(b);

	if (contended(a) != contended(b))
		return contended(a) ? -1 : 1;
	if (x == y) {
		x = a->yields;
		y = b->yields;
	}
	if (x == y) {
		x = a->wait_ns;
		y = b->wait_ns;
	}
	if (x != y)
		return x > y ? -1 : 1;
	return by_place(pa, pb);
}

static void add_row(struct ft_mlock *to, const struct ft_mlock *l)
{
	double err = hypot((double)to->spin_err_ns, (double)l->spin_err_ns);

	to->addr = 0;
	to->objects += l->objects;
	to->waits = ft_add_sat(to->waits, l->waits);
	to->wait_ns = ft_add_sat(to->wait_ns, l->wait_ns);
	to->idle_ns = ft_add_sat(to->idle_ns, l->idle_ns);
	if (l->wait_max_ns > to->wait_max_ns)
		to->wait_max_ns = l->wait_max_ns;
	to->yields = ft_add_sat(to->yields, l->yields);
	to->yields_lo = ft_add_sat(to->yields_lo, l->yields_lo);
	to->yields_hi = ft_add_sat(to->yields_hi, l->yields_hi);
	to->spin_ticks = ft_add_sat(to->spin_ticks, l->spin_ticks);
	to->spin_ns = ft_add_sat(to->spin_ns, l->spin_ns);
	to->spin_err_ns = err < 1.8e19 ? (__u64)err : to->spin_err_ns;
	to->spin_idle_ns = ft_add_sat(to->spin_idle_ns, l->spin_idle_ns);
	to->line_ns = ft_add_sat(to->line_ns, l->line_ns);
	/* which threads they were is not kept */
	if (l->threads > to->threads)
		to->threads = l->threads;
	to->many = true;
}

/* Locks that live shortly come by the thousand: one row for those of one name and place. */
static void merge_small(struct ft_locks *out, __u64 small)
{
	struct ft_mlock *last = NULL, *l;
	size_t i, n = 0;

	qsort(out->row, out->cnt, sizeof(*out->row), by_place);
	for (i = 0; i < out->cnt; i++) {
		l = &out->row[i];
		if (ft_lock_cost_ns(l) >= small) {
			out->row[n++] = *l;
			continue;
		}
		if (last && contended(last) == contended(l) && last->kind == l->kind &&
		    !strcmp(last->name, l->name) && !strcmp(last->part_of, l->part_of) &&
		    !strcmp(last->waiter, l->waiter)) {
			add_row(last, l);
			continue;
		}
		out->row[n] = *l;
		last = &out->row[n++];
	}
	out->cnt = n;
	qsort(out->row, out->cnt, sizeof(*out->row), by_cost);
	for (out->contended = 0; out->contended < out->cnt; out->contended++)
		if (!contended(&out->row[out->contended]))
			break;
}

int ft_locks_build(const struct ft_model *m, const struct ft_findings *f, const struct ft_stacks *s,
		   __u64 line_ns, struct ft_locks *out)
{
	struct build b = {.m = m, .f = f, .s = s, .out = out};
	double small = m->core_limit * (double)m->duration_ns / SMALL;
	size_t i;
	int err;

	memset(out, 0, sizeof(*out));
	err = take_records(&b);
	for (i = 0; s && i < s->weight_cnt && !err; i++)
		err = add_weight(&b, &s->weight[i]);
	if (!err && s)
		err = name_rows(&b);
	if (!err) {
		figures(&b, line_ns);
		merge_small(out, small < 1 ? 1 : (__u64)small);
	}
	free(b.part);
	free(b.row_of);
	ft_tally_free(&b.waiter);
	ft_tally_free(&b.owner);
	ft_tally_free(&b.name);
	if (err)
		ft_locks_free(out);
	return err;
}

void ft_locks_free(struct ft_locks *l)
{
	if (!l)
		return;
	free(l->row);
	memset(l, 0, sizeof(*l));
}
