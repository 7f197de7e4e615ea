/* SPDX-License-Identifier: BSD-2-Clause */
/* The weights of a stretch of a session, from its events. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/map.h"
#include "model/flame_weigh.h"
#include "model/spans.h"

/*
 * A thread that was woken by one that gave the GIL up, until it ran: a hand-over if it got the GIL.
 */
struct follow {
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
	__u64 tick_ns;	       /* the period of ticks with a stack */
	struct follow *follow; /* by thread number */
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
static int note_blame(struct ft_stretch *r, const struct ft_span *s)
{
	__u64 from = s->from_ns > r->from ? s->from_ns : r->from;
	__u64 to = s->to_ns < r->to ? s->to_ns : r->to;
	bool waits = s->st == FT_ST_GIL_WAIT;
	struct follow *f = &r->follow[s->thr];
	int err = 0;

	if (!(waits && s->ev_flags & FT_SF_GW_CONT))
		err = note_handover(r, f);
	f->free_to = 0;
	if (waits && s->ev_flags & FT_SF_WAKER_OK && s->wake_ns >= s->from_ns) {
		f->free_from = s->wake_ns;
		f->free_to = s->to_ns;
	}
	if (err || from >= to)
		return err;
	if (waits) {
		err = add_point(r, from, POINT_BEGIN, 0);
		if (!err)
			err = add_point(r, to, POINT_END, 0);
	} else if (s->ev_flags & FT_SF_HELD) {
		err = add_ask(r, s->stack, FT_SK_BLAME_OFF, from, to);
	}
	return err;
}

/* A stretch off core; without a stack it is counted, and its like have theirs scaled to it. */
static int off_core(struct ft_stretch *r, const struct ft_span *s)
{
	__u64 ns = clip(r, s->from_ns, s->to_ns);
	int err = r->blame ? note_blame(r, s) : 0;

	if (err || !ns)
		return err;
	r->total[s->st] = ft_add_sat(r->total[s->st], ns);
	if (s->flags & FT_SPAN_OPEN) {
		r->open_ns[s->st] = ft_add_sat(r->open_ns[s->st], ns);
		return 0;
	}
	return s->stack == FT_NO_STACK ? 0 : add(r, s->st, s->arg, s->stack, ns, ns);
}

static int tick(struct ft_stretch *r, const struct ft_span *s)
{
	int err;

	if (s->from_ns < r->from || s->from_ns >= r->to)
		return 0;
	r->tick_cnt[s->on]++;
	if (s->stack == FT_NO_STACK)
		return 0;
	err = add(r, (__u8)(FT_SK_ON + s->on), 0, s->stack, r->tick_ns, r->tick_ns);
	if (!err && r->blame && s->on == FT_ON_GIL)
		err = add_ask(r, s->stack, FT_SK_BLAME, s->from_ns, s->from_ns);
	return err;
}

static int take_span(void *ctx, const struct ft_span *s)
{
	struct ft_stretch *r = ctx;

	switch (s->type) {
	case FT_SPAN_ON:
		r->on_ns = ft_add_sat(r->on_ns, clip(r, s->from_ns, s->to_ns));
		return 0;
	case FT_SPAN_OFF:
		return off_core(r, s);
	case FT_SPAN_TICK:
		return tick(r, s);
	default:
		return 0;
	}
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

static int follow_all(struct ft_stretch *r, struct ft_reader *reader, const struct ft_model *m)
{
	size_t cnt, i;
	int err;

	ft_reader_threads(reader, &cnt);
	r->follow = calloc(cnt + 1, sizeof(*r->follow));
	if (!r->follow)
		return -ENOMEM;
	err = ft_spans_read(reader, m, take_span, r);
	for (i = 0; r->blame && i < cnt && !err; i++)
		err = note_handover(r, &r->follow[i]);
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
	err = follow_all(r, reader, m);
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
	free(r->weight);
	ft_map_free(&r->map);
	free(r->point);
	free(r->ask);
	free(r);
}
