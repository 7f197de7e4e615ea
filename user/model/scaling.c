/* SPDX-License-Identifier: BSD-2-Clause */
/* Core-seconds lost by cause; docs/design.md has the definition, docs/verdict.md the words. */
#include "model/scaling.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "model/flame_tree.h"
#include "model/tally.h"

#define ROW_SHARE 100	   /* a row has at least one part in so many of the budget */
#define WHOLE_WINDOW 0.995 /* probes that were in place for so much saw all */

const char *ft_loss_name(enum ft_loss_cause cause)
{
	static const char *const names[FT_LOSS_CNT] = {
		[FT_LOSS_LOCK] = "lock",
		[FT_LOSS_STW] = "stw",
		[FT_LOSS_GIL] = "gil_reenabled",
		[FT_LOSS_RUNQ] = "runq",
		[FT_LOSS_SINGLE] = "single_thread",
		[FT_LOSS_REFCOUNT] = "refcount",
	};

	return (unsigned int)cause < FT_LOSS_CNT ? names[cause] : "unknown";
}

const char *ft_pause_name(__u32 cause)
{
	static const char *const names[FT_PC_CNT] = {
		[FT_PC_OTHER] = "other",     [FT_PC_GC] = "gc",		  [FT_PC_IMPORT] = "import",
		[FT_PC_FORK] = "fork",	     [FT_PC_TRACE] = "trace",	  [FT_PC_CLASS] = "class",
		[FT_PC_THREADS] = "threads", [FT_PC_INSPECT] = "inspect",
	};

	return cause < FT_PC_CNT ? names[cause] : "other";
}

const char *ft_ext_gil_name(__u32 gil)
{
	switch (gil) {
	case FT_EG_NOT_USED:
		return "not_used";
	case FT_EG_USED:
		return "used";
	default:
		return "unknown";
	}
}

static __u64 part_of(__u64 whole, __u64 part, __u64 sum)
{
	return sum ? (__u64)((unsigned __int128)whole * (part < sum ? part : sum) / sum) : 0;
}

static __u64 least(__u64 a, __u64 b)
{
	return a < b ? a : b;
}

static __u64 scaled(__u64 n, double by)
{
	double v = (double)n * by;

	return by <= 1 ? n : v < 1.8e19 ? (__u64)(v + 0.5) : n;
}

/* Who asked for the pauses, by cause: the heaviest place of its records. */
static int pause_places(struct ft_scaling *sc, const struct ft_stacks *s)
{
	const struct ft_findings *f = sc->f;
	__u64 best[FT_PC_CNT] = {0};
	struct ft_tally t = {0};
	struct ft_place place;
	size_t i, k;
	int err = 0;

	for (i = 0; s && i < s->weight_cnt && !err; i++) {
		const struct ft_weight *w = &s->weight[i];

		if (w->kind != FT_SK_PAUSE)
			continue;
		for (k = 0; k < f->pause_cnt && f->pause[k].id != w->arg; k++)
			;
		if (k == f->pause_cnt || f->pause[k].cause >= FT_PC_CNT)
			continue;
		ft_place_of(s, w->stack, &place);
		if (place.frame != FT_NO_STACK)
			err = ft_tally_add(&t, f->pause[k].cause, place.frame, w->ns, w->cnt);
	}
	for (i = 0; i < t.cnt; i++) {
		const struct ft_tally_ent *e = &t.ent[i];
		struct ft_mpause *p = &sc->pause[e->what];

		if (p->site[0] && e->ns <= best[e->what])
			continue;
		best[e->what] = e->ns;
		ft_place_text(s, e->frame, p->site, sizeof(p->site));
	}
	ft_tally_free(&t);
	return err;
}

static void add_pause(struct ft_mpause *to, const struct ft_pause_rec *r, double by)
{
	to->cnt = ft_add_sat(to->cnt, scaled(r->cnt, by));
	to->to_stop_ns = ft_add_sat(to->to_stop_ns, scaled(r->to_stop_ns, by));
	to->stopped_ns = ft_add_sat(to->stopped_ns, scaled(r->stopped_ns, by));
	to->threads = ft_add_sat(to->threads, scaled(r->threads, by));
	if (r->max_ns > to->max_ns)
		to->max_ns = r->max_ns;
}

static int pause_figures(const struct ft_model *m, struct ft_scaling *sc, const struct ft_stacks *s)
{
	const struct ft_findings *f = sc->f;
	__u64 most[FT_PC_CNT] = {0}, window = f->pause_window_ns;
	double by = 1;
	size_t i;

	if (window && (double)window < WHOLE_WINDOW * (double)m->duration_ns) {
		by = (double)m->duration_ns / (double)window;
		sc->pauses_estimated = true;
	}
	for (i = 0; i < f->pause_cnt; i++) {
		const struct ft_pause_rec *r = &f->pause[i];
		__u32 cause = r->cause < FT_PC_CNT ? r->cause : (__u32)FT_PC_OTHER;
		struct ft_mpause *p = &sc->pause[cause];

		if (r->func[0] && (!p->func[0] || r->stopped_ns > most[cause])) {
			most[cause] = r->stopped_ns;
			memcpy(p->func, r->func, sizeof(p->func));
			p->func[sizeof(p->func) - 1] = '\0';
		}
		add_pause(p, r, by);
		add_pause(&sc->pauses, r, by);
	}
	sc->pause_p50_ns = ft_hist_quantile(f->pause_hist, FT_HIST_LEN, 0.50);
	sc->pause_p99_ns = ft_hist_quantile(f->pause_hist, FT_HIST_LEN, 0.99);
	/* a bucket's middle can lie above the longest, which is exact */
	if (sc->pauses.max_ns) {
		sc->pause_p50_ns = least(sc->pause_p50_ns, sc->pauses.max_ns);
		sc->pause_p99_ns = least(sc->pause_p99_ns, sc->pauses.max_ns);
	}
	return pause_places(sc, s);
}

/* "numpy._core._multiarray_umath" and "_multiarray_umath" may be the same. */
static bool same_module(const char *a, const char *b)
{
	const char *x = strrchr(a, '.'), *y = strrchr(b, '.');

	if (x && y)
		return !strcmp(a, b);
	return !strcmp(x ? x + 1 : a, y ? y + 1 : b);
}

static void gil_figures(const struct ft_model *m, struct ft_scaling *sc)
{
	const struct ft_findings *f = sc->f;
	size_t i;

	sc->gil_module = m->info->gil_enabled_by;
	for (i = 0; i < f->gil_cnt; i++) {
		const struct ft_gil_rec *g = &f->gil[i];

		if (g->state != FT_GIL_ENABLED)
			sc->gil_on = NULL;
		else if (!sc->gil_on || (g->module[0] && !sc->gil_on->module[0]))
			sc->gil_on = g;
	}
	if (sc->gil_on && sc->gil_on->module[0] && !sc->gil_module[0])
		sc->gil_module = sc->gil_on->module;
	for (i = 0; i < f->ext_cnt; i++) {
		const struct ft_ext_rec *e = &f->ext[i];

		if (sc->gil_module[0] && !sc->gil_ext && same_module(e->module, sc->gil_module))
			sc->gil_ext = e;
		if (e->stdlib)
			continue;
		sc->ext_used += e->gil == FT_EG_USED;
		sc->ext_unknown += e->gil == FT_EG_UNKNOWN;
	}
}

/* What a row is made of: time on cores that came to nothing, and threads' waits. */
struct item {
	struct ft_loss loss;
	__u64 burnt;
	__u64 wait;
};

struct items {
	struct item *v;
	size_t cnt;
	size_t cap;
	int err;
};

static void add_item(struct items *t, struct ft_loss loss, __u64 burnt, __u64 wait)
{
	void *p = t->v;

	if (t->err || (!burnt && !wait))
		return;
	t->err = ft_array_reserve(&p, &t->cap, t->cnt + 1, sizeof(*t->v));
	t->v = p;
	if (!t->err)
		t->v[t->cnt++] = (struct item){loss, burnt, wait};
}

static void lock_item(struct items *t, const struct ft_mlock *l)
{
	struct ft_loss loss = {.cause = FT_LOSS_LOCK, .lock = l};
	__u64 spin = l->spin_ns > l->spin_idle_ns ? l->spin_ns - l->spin_idle_ns : 0;

	add_item(t, loss, ft_add_sat(spin, l->line_ns), ft_lock_contended_ns(l));
}

static void add_sharing(struct items *t, const struct ft_scaling *sc)
{
	const struct ft_sharing *sh = &sc->sharing;
	struct ft_loss loss = {.cause = FT_LOSS_REFCOUNT, .code = FT_CC_SHARED};
	size_t i;

	for (i = 0; i < sh->cnt; i++) {
		loss.share = &sh->row[i];
		add_item(t, loss, sh->row[i].hot_ns, 0);
	}
	loss.share = NULL;
	/* nobody knows where */
	if (!sh->cnt && sh->shared_ns > sc->locks.line_ns)
		add_item(t, loss, sh->shared_ns - sc->locks.line_ns, 0);
	loss.code = FT_CC_MERGE;
	add_item(t, loss, sh->merge_ns, 0);
	loss.code = FT_CC_DELAYED;
	add_item(t, loss, sh->delayed_ns, 0);
}

/* Threads stood still for pauses: a part of that time for each cause, by how long it stopped them.
 */
static void add_pauses(struct items *t, const struct ft_scaling *sc, __u64 stood_ns)
{
	struct ft_loss loss = {.cause = FT_LOSS_STW};
	__u32 i;

	if (!sc->pauses.stopped_ns)
		add_item(t, loss, 0, stood_ns);
	for (i = 0; i < FT_PC_CNT && sc->pauses.stopped_ns; i++) {
		loss.pause = i;
		add_item(t, loss, 0,
			 part_of(stood_ns, sc->pause[i].stopped_ns, sc->pauses.stopped_ns));
	}
}

static int by_lost(const void *pa, const void *pb)
{
	const struct ft_loss *a = pa, *b = pb;

	if (a->lost_ns != b->lost_ns)
		return a->lost_ns > b->lost_ns ? -1 : 1;
	return (int)a->cause - (int)b->cause;
}

/*
 * A row's share of what was burnt and of what stood idle while threads waited. Returns the idle
 * time that was dealt out.
 */
static __u64 deal_items(struct items *t, __u64 on, __u64 idle)
{
	struct ft_deal burnt = {0}, wait = {0};
	size_t i;

	for (i = 0; i < t->cnt; i++) {
		burnt.sum += t->v[i].burnt;
		wait.sum += t->v[i].wait;
	}
	burnt.total = burnt.sum < on ? (__u64)burnt.sum : on;
	wait.total = wait.sum < idle ? (__u64)wait.sum : idle;
	for (i = 0; i < t->cnt; i++)
		t->v[i].loss.lost_ns =
			ft_deal(&burnt, t->v[i].burnt) + ft_deal(&wait, t->v[i].wait);
	return wait.total;
}

/* Idle cores while at least one was used, from the time by number of cores at once. */
static __u64 idle_beside(const struct ft_model *m)
{
	double sum = 0;
	__u32 k;

	for (k = 1; k <= FT_MAX_CPUS && k < m->core_limit; k++)
		sum += (m->core_limit - k) * (double)m->totals->level_ns[k];
	return sum < 1.8e19 ? (__u64)sum : 0;
}

static void keep_row(struct ft_scaling *sc, const struct ft_model *m, const struct ft_loss *l)
{
	struct ft_loss *to;

	if (!l->lost_ns || l->lost_ns < sc->budget_ns / ROW_SHARE)
		return;
	to = &sc->loss[sc->loss_cnt++];
	*to = *l;
	ft_loss_say(m, sc, to);
	sc->lost_ns += to->lost_ns;
}

/* Rows of what is large enough; the small locks together are one, and so are the small places. */
static int keep_rows(struct ft_scaling *sc, const struct ft_model *m, const struct items *t)
{
	struct ft_loss small[FT_LOSS_CNT] = {0};
	size_t i;

	sc->loss = calloc(t->cnt + FT_LOSS_CNT, sizeof(*sc->loss));
	if (!sc->loss)
		return -ENOMEM;
	for (i = 0; i < t->cnt; i++) {
		const struct ft_loss *l = &t->v[i].loss;

		if (l->lost_ns >= sc->budget_ns / ROW_SHARE ||
		    (l->cause != FT_LOSS_LOCK && l->cause != FT_LOSS_REFCOUNT)) {
			keep_row(sc, m, l);
			continue;
		}
		small[l->cause].cause = l->cause;
		small[l->cause].code = FT_CC_SHARED;
		small[l->cause].lost_ns += l->lost_ns;
		small[l->cause].others++;
	}
	keep_row(sc, m, &small[FT_LOSS_LOCK]);
	keep_row(sc, m, &small[FT_LOSS_REFCOUNT]);
	qsort(sc->loss, sc->loss_cnt, sizeof(*sc->loss), by_lost);
	return 0;
}

static int losses(const struct ft_model *m, struct ft_scaling *sc, __u64 others_ns)
{
	const __u64 *ns = m->all.state_ns;
	double budget = m->core_limit * (double)m->duration_ns;
	__u64 on, idle, given, taken, throttled, runq, gil, beside;
	struct items t = {0};
	size_t i;
	int err;

	if (!(budget >= 1) || budget >= 1.8e19)
		return 0;
	sc->budget_ns = (__u64)budget;
	on = least(m->all.on_ns, sc->budget_ns);
	sc->others_ns = least(others_ns, sc->budget_ns - on);
	idle = sc->budget_ns - on - sc->others_ns;
	/* who waits for a core waits for what others took of it, or for the quota */
	runq = ft_add_sat(ns[FT_R_RUNQ], m->all.gil_wait_runq_ns);
	taken = least(runq, sc->others_ns);
	throttled = least(least(runq - taken, m->totals->throttled_ns), idle);
	idle -= throttled;
	sc->idle_ns = idle;
	for (i = 0; i < sc->locks.contended; i++)
		lock_item(&t, &sc->locks.row[i]);
	lock_item(&t, &sc->locks.unknown);
	add_sharing(&t, sc);
	add_pauses(&t, sc, ns[FT_R_STW]);
	gil = least(m->lost_ns, ft_add_sat(ns[FT_R_GIL_WAIT], ns[FT_R_GIL_SWITCH]));
	add_item(&t, (struct ft_loss){.cause = FT_LOSS_GIL}, 0, gil);
	given = deal_items(&t, on, idle);
	add_item(&t, (struct ft_loss){.cause = FT_LOSS_RUNQ, .lost_ns = taken + throttled}, 1, 0);
	beside = least(idle - given, idle_beside(m));
	add_item(&t, (struct ft_loss){.cause = FT_LOSS_SINGLE, .lost_ns = beside}, 1, 0);
	err = t.err;
	if (!err)
		err = keep_rows(sc, m, &t);
	free(t.v);
	return err;
}

int ft_scaling_build(const struct ft_model *m, const struct ft_findings *f,
		     const struct ft_stacks *s, __u64 others_ns, struct ft_scaling **out)
{
	static const struct ft_findings none;
	struct ft_scaling *sc = calloc(1, sizeof(*sc));
	__u64 shared;
	int err;

	*out = NULL;
	if (!sc)
		return -ENOMEM;
	sc->f = f ? f : &none;
	ft_sharing_times(m, &sc->sharing);
	shared = sc->sharing.shared_ns;
	err = ft_locks_build(m, f, s, shared, &sc->locks);
	if (!err)
		err = ft_sharing_rows(f, s, shared - least(shared, sc->locks.line_ns),
				      &sc->sharing);
	if (!err)
		err = pause_figures(m, sc, s);
	if (!err) {
		gil_figures(m, sc);
		if (m->info->free_threaded)
			err = losses(m, sc, others_ns);
	}
	if (err) {
		ft_scaling_free(sc);
		return err;
	}
	*out = sc;
	return 0;
}

void ft_scaling_free(struct ft_scaling *sc)
{
	if (!sc)
		return;
	ft_locks_free(&sc->locks);
	ft_sharing_free(&sc->sharing);
	free(sc->loss);
	free(sc);
}
