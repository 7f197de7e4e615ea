/* SPDX-License-Identifier: BSD-2-Clause */
/* The weights of a stretch of a session, from its events. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/map.h"
#include "model/flame_weigh.h"
#include "model/timeline_order.h"

/* A thread while its events go by. */
struct follow {
	__u64 seg;     /* on a core since then, as far as is known */
	__u64 on_seen; /* on-core time so far, outside the stretch too */
	__u32 next_seq;
	bool begun; /* START or a SLICE was seen */
	bool dead;
	bool lossy; /* events of it were lost */
	/* woken by a thread that gave the GIL up, until it ran: a hand-over if it got the GIL */
	__u64 free_from, free_to;
};

/* A moment at which the number of waiters for the GIL changes, or is asked for. */
enum point_kind { POINT_END, POINT_BEGIN, POINT_ASK };

struct point {
	__u64 ts;
	__u32 idx; /* ASK: into the questions */
	__u8 kind;
};

/*
 * What cost the waiters: a holder off its core, a hand-over, or (at one moment) a holder under a
 * tick.
 */
struct ask {
	__u32 stack;
	__u8 kind;    /* FT_SK_BLAME* */
	__u64 before; /* the waiters' integral up to its begin */
	__u64 ns;
};

struct ft_stretch {
	__u64 from, to;
	bool blame;
	__u64 tick_ns; /* the period of ticks with a stack */
	const struct ft_thread_rec *recs;
	size_t rec_cnt;
	struct follow *follow; /* [rec_cnt] */
	struct ft_order order;
	struct ft_weight *weight;
	size_t weight_cnt, weight_cap;
	struct ft_map map; /* (kind, system call, stack) to a number of a weight */
	__u64 on_ns;
	__u64 tick_cnt[FT_ON_CNT];
	__u64 total[FT_ST_CNT];	  /* time off core, by state */
	__u64 open_ns[FT_ST_CNT]; /* of it, in intervals that did not end: no event has a stack */
	struct point *point;
	size_t point_cnt, point_cap;
	struct ask *ask;
	size_t ask_cnt, ask_cap;
};

static __u64 clip(const struct ft_stretch *r, __u64 from, __u64 to)
{
	if (from < r->from)
		from = r->from;
	if (to > r->to)
		to = r->to;
	return to > from ? to - from : 0;
}

static int add(struct ft_stretch *r, __u8 kind, __u64 arg, __u32 stack, __u64 ns, __u64 raw_ns)
{
	__u32 call = arg < FT_MAX_SYSCALLS ? (__u32)arg : FT_MAX_SYSCALLS, no;
	void *p = r->weight;
	struct ft_weight *w;
	bool added;
	int err;

	if (!ns)
		return 0;
	if (kind != FT_ST_BLOCKED)
		call = 0;
	err = ft_array_reserve(&p, &r->weight_cap, r->weight_cnt + 1, sizeof(*w));
	r->weight = p;
	if (!err)
		err = ft_map_get(&r->map, ((__u64)kind << 16 | call) << 32 | stack,
				 (__u32)r->weight_cnt, &no, &added);
	if (err)
		return err;
	w = &r->weight[no];
	if (added) {
		*w = (struct ft_weight){.stack = stack, .arg = call, .kind = kind};
		r->weight_cnt++;
	}
	w->ns = ft_add_sat(w->ns, ns);
	w->raw_ns = ft_add_sat(w->raw_ns, raw_ns);
	w->cnt++;
	return 0;
}

static int add_point(struct ft_stretch *r, __u64 ts, enum point_kind kind, size_t idx)
{
	void *p = r->point;
	int err = ft_array_reserve(&p, &r->point_cap, r->point_cnt + 1, sizeof(*r->point));

	r->point = p;
	if (!err)
		r->point[r->point_cnt++] =
			(struct point){.ts = ts, .idx = (__u32)idx, .kind = (__u8)kind};
	return err;
}

static int add_ask(struct ft_stretch *r, __u32 stack, __u8 kind, __u64 begin, __u64 end)
{
	void *p = r->ask;
	int err = ft_array_reserve(&p, &r->ask_cap, r->ask_cnt + 1, sizeof(*r->ask));

	r->ask = p;
	if (!err && r->ask_cnt >= FT_NO_STACK)
		err = -ENOMEM;
	if (!err)
		err = add_point(r, begin, POINT_ASK, r->ask_cnt);
	if (!err && kind != FT_SK_BLAME)
		err = add_point(r, end, POINT_ASK, r->ask_cnt);
	if (!err)
		r->ask[r->ask_cnt++] = (struct ask){.stack = stack, .kind = kind};
	return err;
}

/* The thread did not go on with its wait: nobody held the GIL while it was on its way in. */
static int note_handover(struct ft_stretch *r, struct follow *f)
{
	__u64 from = f->free_from > r->from ? f->free_from : r->from;
	__u64 to = f->free_to < r->to ? f->free_to : r->to;

	f->free_to = 0;
	return from < to ? add_ask(r, FT_NO_STACK, FT_SK_BLAME_FREE, from, to) : 0;
}

/* What a time off core says of the GIL: that somebody waited, or that its holder was away. */
static int note_blame(struct ft_stretch *r, struct follow *f, const struct ft_event *ev, __u64 out)
{
	__u64 from = out > r->from ? out : r->from, to = ev->ts < r->to ? ev->ts : r->to;
	int err = 0;

	if (!r->blame)
		return 0;
	if (!(ev->state == FT_ST_GIL_WAIT && ev->flags & FT_SF_GW_CONT))
		err = note_handover(r, f);
	f->free_to = 0;
	if (ev->state == FT_ST_GIL_WAIT && ev->flags & FT_SF_WAKER_OK && ev->wake_ns >= out) {
		f->free_from = ev->wake_ns;
		f->free_to = ev->ts;
	}
	if (err || from >= to)
		return err;
	if (ev->state == FT_ST_GIL_WAIT) {
		err = add_point(r, from, POINT_BEGIN, 0);
		if (!err)
			err = add_point(r, to, POINT_END, 0);
	} else if (ev->flags & FT_SF_HELD) {
		err = add_ask(r, ev->stack, FT_SK_BLAME_OFF, from, to);
	}
	return err;
}

/* A stretch off core; without a stack it is counted, and its like have theirs scaled to it. */
static int off_core(struct ft_stretch *r, const struct ft_event *ev, __u8 state, __u64 from,
		    __u64 to)
{
	__u64 ns = clip(r, from, to);

	if (!ns || state >= FT_ST_CNT || state == FT_ST_ON)
		return 0;
	r->total[state] = ft_add_sat(r->total[state], ns);
	if (ev->stack == FT_NO_STACK)
		return 0;
	return add(r, state, ev->arg, ev->stack, ns, ns);
}

static void on_core(struct ft_stretch *r, struct follow *f, __u64 to)
{
	if (to <= f->seg)
		return;
	f->on_seen = ft_add_sat(f->on_seen, to - f->seg);
	r->on_ns = ft_add_sat(r->on_ns, clip(r, f->seg, to));
	f->seg = to;
}

static int slice(struct ft_stretch *r, struct follow *f, const struct ft_event *ev)
{
	__s32 ahead = (__s32)(ev->seq - f->next_seq);
	__u64 out = ev->out_ns, wake = ev->wake_ns, ts = ev->ts;
	int err;

	if (f->dead || ahead < 0)
		return 0;
	if (ts < f->seg)
		ts = f->seg;
	if (out > ts)
		out = ts;
	/* what it did in between when records are missing is not known */
	if (ahead > 0)
		f->lossy = true;
	else
		on_core(r, f, out);
	if (out < f->seg)
		out = f->seg < ts ? f->seg : ts;
	if (!wake || ev->state == FT_ST_GIL_WAIT || wake > ts)
		wake = ts;
	if (wake < out)
		wake = out;
	err = off_core(r, ev, ev->state, out, wake);
	if (!err)
		err = off_core(r, ev, FT_ST_RUNQ, wake, ts);
	if (!err)
		err = note_blame(r, f, ev, out);
	f->seg = ts;
	f->next_seq = ev->seq + 1;
	f->begun = true;
	return err;
}

static int tick(struct ft_stretch *r, const struct ft_event *ev)
{
	int err = 0;

	if (ev->ts < r->from || ev->ts >= r->to || ev->state >= FT_ON_CNT)
		return 0;
	r->tick_cnt[ev->state]++;
	if (ev->stack == FT_NO_STACK)
		return 0;
	err = add(r, (__u8)(FT_SK_ON + ev->state), 0, ev->stack, r->tick_ns, r->tick_ns);
	if (!err && r->blame && ev->state == FT_ON_GIL)
		err = add_ask(r, ev->stack, FT_SK_BLAME, ev->ts, ev->ts);
	return err;
}

static int process(void *ctx, const struct ft_event *ev)
{
	struct ft_stretch *r = ctx;
	struct follow *f;

	if (ev->thr >= r->rec_cnt)
		return 0;
	f = &r->follow[ev->thr];
	switch (ev->type) {
	case FT_EV_SLICE:
		return slice(r, f, ev);
	case FT_EV_TICK:
		return tick(r, ev);
	case FT_EV_START:
		if (f->begun)
			return 0;
		f->begun = true;
		f->seg = ev->ts;
		f->next_seq = ev->seq;
		return 0;
	case FT_EV_EXIT:
		if (!f->dead && ev->seq == f->next_seq)
			on_core(r, f, ev->ts);
		f->dead = true;
		return 0;
	default:
		return 0;
	}
}

static int push(void *ctx, const struct ft_event *ev)
{
	struct ft_stretch *r = ctx;

	return ft_order_push(&r->order, ev);
}

/*
 * A thread's last interval has no event. How much of it was on a core is what the kernel's total
 * has more than the events; where events were lost that is not known.
 */
static int close_thread(struct ft_stretch *r, struct follow *f, const struct ft_thread *t)
{
	__u64 end = t->since_ns, on_total = t->state_ns[FT_ST_ON], on = 0, ns;
	int err = 0;

	if (r->blame && t->state != FT_ST_GIL_WAIT)
		err = note_handover(r, f);
	if (err || f->dead || end <= f->seg || t->seq != f->next_seq || t->state >= FT_ST_CNT)
		return err;
	if (t->state == FT_ST_ON)
		on = end - f->seg;
	else if (!f->lossy && on_total > f->on_seen)
		on = on_total - f->on_seen;
	if (on > end - f->seg)
		on = end - f->seg;
	on_core(r, f, f->seg + on);
	ns = clip(r, f->seg, end);
	if (t->state == FT_ST_ON || !ns)
		return 0;
	r->total[t->state] = ft_add_sat(r->total[t->state], ns);
	r->open_ns[t->state] = ft_add_sat(r->open_ns[t->state], ns);
	if (r->blame && t->state == FT_ST_GIL_WAIT) {
		__u64 from = f->seg > r->from ? f->seg : r->from;

		err = add_point(r, from, POINT_BEGIN, 0);
		if (!err)
			err = add_point(r, from + ns, POINT_END, 0);
	}
	return err;
}

static int by_time(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	if (x->ts != y->ts)
		return x->ts < y->ts ? -1 : 1;
	return (int)x->kind - (int)y->kind;
}

/* Sweeps over the waits: what each holder cost those who waited meanwhile. */
static int weigh_blame(struct ft_stretch *r)
{
	__u64 sum = 0, last = r->from;
	__s64 waiters = 0;
	size_t i;
	int err = 0;

	if (r->point_cnt)
		qsort(r->point, r->point_cnt, sizeof(*r->point), by_time);
	for (i = 0; i < r->point_cnt; i++) {
		const struct point *p = &r->point[i];
		struct ask *a;

		sum += (__u64)waiters * (p->ts - last);
		last = p->ts;
		if (p->kind == POINT_BEGIN) {
			waiters++;
		} else if (p->kind == POINT_END) {
			waiters--;
		} else {
			a = &r->ask[p->idx];
			/* the second question of an interval is its end */
			a->ns = a->kind == FT_SK_BLAME ? (__u64)waiters * r->tick_ns
						       : sum - a->before;
			a->before = sum;
		}
	}
	for (i = 0; i < r->ask_cnt && !err; i++) {
		const struct ask *a = &r->ask[i];

		err = add(r, a->kind, 0, a->stack, a->ns, a->ns);
	}
	return err;
}

/* Deals on-core time out by the ticks of the stretch, or, if there are none, of the session. */
static void split_on(const struct ft_stretch *r, const struct ft_model *m, __u64 total[FT_SK_CNT])
{
	struct ft_deal d = {.total = r->on_ns};
	__u64 part[FT_ON_CNT];
	bool ticked = false;
	size_t i;

	for (i = 0; i < FT_ON_CNT; i++)
		ticked |= r->tick_cnt[i] != 0;
	for (i = 0; i < FT_ON_CNT; i++) {
		part[i] = ticked ? r->tick_cnt[i] : m->all.state_ns[FT_R_ON_GIL + i];
		d.sum += part[i];
	}
	if (!d.sum) {
		d.sum = 1;
		part[m->gil_present ? FT_ON_GIL : FT_ON_FREE] = 1;
	}
	for (i = 0; i < FT_ON_CNT; i++)
		total[FT_SK_ON + i] = ft_deal(&d, part[i]);
	if (!m->gil_present) {
		total[FT_SK_ON + FT_ON_FREE] += total[FT_SK_ON + FT_ON_GIL];
		total[FT_SK_ON + FT_ON_GIL] = 0;
	}
}

/*
 * Intervals that ended tell where their thread stood, or stand for others of their state that were
 * not walked. Those that were open at the session's end must not be given the others' stacks.
 */
static int settle_open(struct ft_stretch *r)
{
	__u64 with[FT_ST_CNT] = {0}, want;
	struct ft_deal d[FT_ST_CNT];
	size_t i;
	__u8 s;
	int err = 0;

	for (i = 0; i < r->weight_cnt; i++)
		if (r->weight[i].kind < FT_ST_CNT)
			with[r->weight[i].kind] =
				ft_add_sat(with[r->weight[i].kind], r->weight[i].ns);
	for (s = 0; s < FT_ST_CNT; s++) {
		want = r->total[s] - r->open_ns[s];
		d[s] = (struct ft_deal){.total = want, .sum = with[s]};
	}
	for (i = 0; i < r->weight_cnt; i++)
		if (r->weight[i].kind < FT_ST_CNT)
			r->weight[i].ns = ft_deal(&d[r->weight[i].kind], r->weight[i].ns);
	for (s = 0; s < FT_ST_CNT && !err; s++) {
		want = with[s] ? r->open_ns[s] : r->total[s];
		err = add(r, s, FT_MAX_SYSCALLS, FT_NO_STACK, want, 0);
	}
	return err;
}

static int follow_all(struct ft_stretch *r, struct ft_reader *reader)
{
	size_t i;
	int err;

	r->follow = calloc(r->rec_cnt + 1, sizeof(*r->follow));
	if (!r->follow)
		return -ENOMEM;
	for (i = 0; i < r->rec_cnt; i++)
		r->follow[i].seg = r->recs[i].t.start_ns;
	err = ft_reader_events(reader, 0, ~0ull, push, r);
	if (!err)
		err = ft_order_flush(&r->order);
	for (i = 0; i < r->rec_cnt && !err; i++)
		err = close_thread(r, &r->follow[i], &r->recs[i].t);
	return err;
}

int ft_stretch_weigh(struct ft_reader *reader, const struct ft_model *m, __u64 from_ns, __u64 to_ns,
		     bool blame, struct ft_weighing *in, struct ft_stretch **out)
{
	__u32 hz = m->info->tick_hz < m->info->stack_hz ? m->info->tick_hz : m->info->stack_hz;
	struct ft_stretch *r;
	size_t s;
	int err;

	*out = NULL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->from = from_ns;
	r->to = to_ns;
	r->blame = blame;
	r->tick_ns = 1000000000u / (hz ? hz : 1);
	r->order.cb = process;
	r->order.ctx = r;
	r->recs = ft_reader_threads(reader, &r->rec_cnt);
	err = follow_all(r, reader);
	if (!err && blame)
		err = weigh_blame(r);
	if (!err)
		err = settle_open(r);
	if (err) {
		ft_stretch_free(r);
		return err;
	}
	memset(in->total, 0, sizeof(in->total));
	for (s = 0; s < FT_ST_CNT; s++)
		in->total[s] = r->total[s];
	split_on(r, m, in->total);
	in->weight = r->weight;
	in->cnt = r->weight_cnt;
	*out = r;
	return 0;
}

void ft_stretch_free(struct ft_stretch *r)
{
	if (!r)
		return;
	free(r->follow);
	ft_order_free(&r->order);
	free(r->weight);
	ft_map_free(&r->map);
	free(r->point);
	free(r->ask);
	free(r);
}
