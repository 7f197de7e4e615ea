/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A session that was never recorded, as it is made: threads that come to cores and leave them, and
 * the totals that go with it.
 */
#ifndef FT_TOOLS_SESSION_WORLD_H
#define FT_TOOLS_SESSION_WORLD_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/session.h"
#include "ftprof_state.h"

#define START 1000000000000ull
#define US 1000ull
#define MS 1000000ull
#define SEC 1000000000ull
#define TICK_NS 2004008ull /* 499 Hz */
#define FRAMES 300u
#define NODES 3000u
#define DEPTH 40u
#define LOCK_A 0x7f0000001000ull
#define LOCK_B 0x7f0000002040ull

/* A thread as its events are made. */
struct mthr {
	__u64 on_since; /* 0: not on a core */
	__u64 next_tick;
	__u16 cpu;
	__u32 events;
};

struct world {
	struct ft_writer *w;
	struct ft_session_info *info;
	struct ft_totals *tot;
	struct ft_thread_rec *rec;
	struct mthr *thr;
	__u32 thr_cnt;
	/* comings and goings, as time * 4 + kind: what the figures over all threads are made from
	 */
	__u64 *edge;
	size_t edge_cnt, edge_cap;
	struct ft_frame frame[FRAMES];
	char name[FRAMES][64];
	struct ft_node node[NODES];
	__u64 weight_ns[NODES][FT_SK_CNT];
	__u32 weight_cnt[NODES][FT_SK_CNT];
	__u64 seed;
	__u32 lose_every; /* 0: none is lost */
	bool jumps;	  /* the clock does, in the middle */
	__s64 shift;	  /* of the clock */
	__u64 events;
	int err;
};

enum { EDGE_ON, EDGE_OFF, EDGE_WAIT, EDGE_GOT };

static inline __u64 rnd(struct world *w, __u64 below)
{
	w->seed ^= w->seed << 13;
	w->seed ^= w->seed >> 7;
	w->seed ^= w->seed << 17;
	return below ? w->seed % below : 0;
}

static inline void note(struct world *w, int err)
{
	if (err && !w->err)
		w->err = err;
}

static inline void edge(struct world *w, __u64 ts, __u32 kind)
{
	if (w->edge_cnt == w->edge_cap) {
		size_t cap = w->edge_cap ? 2 * w->edge_cap : 65536;
		__u64 *p = realloc(w->edge, cap * sizeof(*p));

		if (!p) {
			note(w, -ENOMEM);
			return;
		}
		w->edge = p;
		w->edge_cap = cap;
	}
	w->edge[w->edge_cnt++] = (ts - START) * 4 + kind;
}

static inline void put(struct world *w, struct ft_event ev)
{
	struct mthr *t = ev.thr != FT_NO_THREAD ? &w->thr[ev.thr] : NULL;
	bool lost =
		t && w->lose_every && ev.type == FT_EV_SLICE && ++t->events % w->lose_every == 0;

	if (lost) {
		w->tot->sums.cnt[FT_CN_LOST_RING]++;
		return;
	}
	ev.ts += (__u64)w->shift;
	ev.out_ns += ev.type == FT_EV_SLICE ? (__u64)w->shift : 0;
	ev.wake_ns += ev.wake_ns ? (__u64)w->shift : 0;
	w->events++;
	w->tot->sums.cnt[FT_CN_EVENTS]++;
	note(w, ft_writer_event(w->w, &ev));
}

static inline void weigh(struct world *w, __u32 stack, __u32 kind, __u64 ns)
{
	if (stack >= NODES)
		return;
	w->weight_ns[stack][kind] += ns;
	w->weight_cnt[stack][kind]++;
}

/* A stack that the same thread has often: a few of each. */
static inline __u32 some_stack(struct world *w, __u32 thr)
{
	__u64 r = rnd(w, 100);

	return (__u32)(r < 95 ? (thr * 131 + rnd(w, 6)) % NODES : rnd(w, NODES));
}

/* Appears at ts in `state`; FT_ST_ON: on core cpu. */
static inline void appear(struct world *w, __u32 thr, __u64 ts, __u8 state, __u16 cpu, bool seeded)
{
	struct ft_thread *t = &w->rec[thr].t;

	t->start_ns = ts;
	t->tid = t->ns_tid = 5000 + thr;
	t->flags = FT_TF_PYTHON | (seeded ? FT_TF_SEEDED : 0) | (thr ? 0 : FT_TF_LEADER);
	t->since_ns = ts;
	t->state = state;
	if (state == FT_ST_ON) {
		w->thr[thr].on_since = ts;
		w->thr[thr].next_tick = ts + rnd(w, TICK_NS);
		w->thr[thr].cpu = cpu;
		edge(w, ts, EDGE_ON);
	}
	put(w, (struct ft_event){.type = FT_EV_START,
				 .ts = ts,
				 .thr = thr,
				 .waker = FT_NO_THREAD,
				 .stack = FT_NO_STACK,
				 .state = state,
				 .cpu = cpu});
}

/* The ticks of this stay up to `to`, `on` each; one in three has a stack. */
static inline void ticks(struct world *w, __u32 thr, __u64 to, __u8 on)
{
	struct mthr *t = &w->thr[thr];
	__u32 stack;

	for (; t->on_since && t->next_tick < to; t->next_tick += TICK_NS) {
		stack = rnd(w, 5) < 2 ? some_stack(w, thr) : FT_NO_STACK;
		w->rec[thr].t.tick_cnt[on]++;
		weigh(w, stack, FT_SK_ON + on, TICK_NS * 5 / 2);
		put(w, (struct ft_event){.type = FT_EV_TICK,
					 .ts = t->next_tick,
					 .thr = thr,
					 .waker = FT_NO_THREAD,
					 .stack = stack,
					 .state = on,
					 .cpu = t->cpu});
	}
}

static inline void leave(struct world *w, __u32 thr, __u64 out)
{
	struct mthr *m = &w->thr[thr];

	if (!m->on_since)
		return;
	if (out < m->on_since)
		note(w, -ERANGE);
	w->rec[thr].t.state_ns[FT_ST_ON] += out - m->on_since;
	edge(w, out, EDGE_OFF);
	m->on_since = 0;
}

static inline void gil_waited(struct world *w, struct ft_thread *t, __u64 out, __u64 wake, __u64 ts)
{
	__u8 origin = t->last_off == FT_ST_GIL_WAIT ? FT_OR_FORCED
		      : t->last_off		    ? FT_OR_BLOCKING
						    : FT_OR_START;

	t->gil_wait_cnt++;
	t->gil_wait_lo++;
	t->gil_wait_hi++;
	t->gil_wait_runq_ns += wake ? ts - wake : 0;
	if (ts - out > t->gil_wait_max_ns)
		t->gil_wait_max_ns = ts - out;
	w->tot->wait_hist[origin][ft_hist_index(ts - out)]++;
	edge(w, out, EDGE_WAIT);
	edge(w, ts, EDGE_GOT);
}

struct away {
	__u64 out, wake, ts, arg;
	__u32 thr, waker, stack;
	__u16 cpu;
	__u8 state, flags;
};

/* Left its core at out, was in state, came back at ts; the ticks before were put already. */
static inline void away(struct world *w, const struct away *a)
{
	struct ft_thread *t = &w->rec[a->thr].t;
	struct mthr *m = &w->thr[a->thr];
	__u64 wake = a->wake ? a->wake : a->ts;

	if (a->out > wake || wake > a->ts)
		note(w, -ERANGE);
	leave(w, a->thr, a->out);
	if (a->state == FT_ST_GIL_WAIT) {
		t->state_ns[FT_ST_GIL_WAIT] += a->ts - a->out;
		gil_waited(w, t, a->out, a->wake, a->ts);
	} else {
		t->state_ns[a->state] += wake - a->out;
		t->state_ns[FT_ST_RUNQ] += a->ts - wake;
	}
	if (a->state == FT_ST_BLOCKED)
		w->tot->syscall_ns[a->arg] += wake - a->out;
	if (a->flags & FT_SF_HELD)
		t->held_off_ns += a->ts - a->out;
	weigh(w, a->stack, a->state, wake - a->out);
	t->last_off = a->state;
	t->switch_cnt++;
	m->on_since = a->ts;
	m->cpu = a->cpu;
	if (m->next_tick < a->ts)
		m->next_tick = a->ts + rnd(w, TICK_NS);
	edge(w, a->ts, EDGE_ON);
	put(w,
	    (struct ft_event){.type = FT_EV_SLICE,
			      .ts = a->ts,
			      .out_ns = a->out,
			      .wake_ns = a->wake,
			      .arg = a->arg,
			      .thr = a->thr,
			      .waker = a->waker,
			      .stack = a->stack,
			      .seq = t->seq++,
			      .state = a->state,
			      .flags = a->flags | (a->waker != FT_NO_THREAD ? FT_SF_WAKER_OK : 0),
			      .cpu = a->cpu});
}

/* Asleep in `state` from out to the end of the session; out 0: on its core until then. */
static inline void stay(struct world *w, __u32 thr, __u64 out, __u8 state, __u64 end)
{
	struct ft_thread *t = &w->rec[thr].t;

	leave(w, thr, out ? out : end);
	if (out)
		t->state_ns[state] += end - out;
	if (out && state == FT_ST_GIL_WAIT) {
		edge(w, out, EDGE_WAIT);
		edge(w, end, EDGE_GOT);
	}
	t->state = out ? state : FT_ST_ON;
	t->since_ns = end;
}

static inline void leave_for_good(struct world *w, __u32 thr, __u64 ts)
{
	struct ft_thread *t = &w->rec[thr].t;

	leave(w, thr, ts);
	t->state = FT_ST_DEAD;
	t->since_ns = ts;
	t->flags |= FT_TF_EXITED;
	put(w, (struct ft_event){.type = FT_EV_EXIT,
				 .ts = ts,
				 .thr = thr,
				 .waker = FT_NO_THREAD,
				 .stack = FT_NO_STACK,
				 .seq = t->seq,
				 .state = FT_ST_DEAD,
				 .cpu = w->thr[thr].cpu});
}

/* Core cpu gave ns of from..to to others. */
static inline void others(struct world *w, __u16 cpu, __u64 from, __u64 to, __u64 ns)
{
	put(w, (struct ft_event){.type = FT_EV_CPU,
				 .ts = to,
				 .wake_ns = from,
				 .out_ns = ns,
				 .thr = FT_NO_THREAD,
				 .waker = FT_NO_THREAD,
				 .stack = FT_NO_STACK,
				 .cpu = cpu});
}

static inline void make_stacks(struct world *w)
{
	static const char *const file[] = {"/srv/app/web.py", "/srv/app/store.py",
					   "/usr/lib/python3.14/json/decoder.py"};
	__u16 depth[NODES];
	__u32 i, up;

	for (i = 0; i < FRAMES; i++) {
		snprintf(w->name[i], sizeof(w->name[i]), i % 7 ? "Handler.step_%u" : "native_%u",
			 i);
		w->frame[i] = (struct ft_frame){.name = w->name[i],
						.file = i % 7 ? file[i % 3] : "/usr/lib/libm.so.6",
						.line = i % 7 ? 10 + i : 0,
						.first_line = i % 7 ? 9 + i : 0,
						.kind = i % 7 ? FT_FK_PYTHON : FT_FK_NATIVE};
	}
	for (i = 0; i < NODES; i++) {
		up = i ? 1 + (__u32)rnd(w, rnd(w, 3) ? 4 : i) : 0;
		w->node[i].frame = (__u32)rnd(w, FRAMES);
		w->node[i].parent = FT_NO_STACK;
		depth[i] = 1;
		if (i && up <= i && depth[i - up] < DEPTH) {
			w->node[i].parent = i - up;
			depth[i] = depth[i - up] + 1;
		}
	}
}

static inline int by_time(const void *a, const void *b)
{
	const __u64 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* What is known of all threads together. */
static inline void sum_edges(struct world *w)
{
	__u64 last = 0, cores = w->info->cpus_cnt, end = w->tot->end_ns - START;
	__s64 on = 0, wait = 0;

	if (w->edge_cnt)
		qsort(w->edge, w->edge_cnt, sizeof(*w->edge), by_time);
	for (size_t i = 0; i <= w->edge_cnt; i++) {
		__u64 at = i < w->edge_cnt ? w->edge[i] / 4 : end;
		__u64 idle = on >= 0 && (__u64)on < cores ? cores - (__u64)on : 0;

		if (at > last && on >= 0 && on <= FT_MAX_CPUS)
			w->tot->level_ns[on] += at - last;
		if (at > last && wait > 0) {
			w->tot->sums.wait_any_ns += at - last;
			w->tot->sums.lost_parallel_ns +=
				(at - last) * ((__u64)wait < idle ? (__u64)wait : idle);
		}
		last = at > last ? at : last;
		if (i == w->edge_cnt)
			break;
		on += w->edge[i] % 4 == EDGE_ON ? 1 : w->edge[i] % 4 == EDGE_OFF ? -1 : 0;
		wait += w->edge[i] % 4 == EDGE_WAIT ? 1 : w->edge[i] % 4 == EDGE_GOT ? -1 : 0;
	}
	for (__u32 i = 0; i < w->thr_cnt; i++)
		w->tot->target_cpu_ns += w->rec[i].t.state_ns[FT_ST_ON];
}

static inline int put_stacks(struct world *w)
{
	struct ft_stacks s = {
		.frame = w->frame, .frame_cnt = FRAMES, .node = w->node, .node_cnt = NODES};
	struct ft_weight *weight = calloc((size_t)NODES * FT_SK_CNT, sizeof(*weight));
	int err;

	if (!weight)
		return -ENOMEM;
	for (__u32 i = 0; i < NODES; i++)
		for (__u8 k = 0; k < FT_SK_CNT; k++)
			if (w->weight_cnt[i][k])
				weight[s.weight_cnt++] =
					(struct ft_weight){.stack = i,
							   .kind = k,
							   .ns = w->weight_ns[i][k],
							   .raw_ns = w->weight_ns[i][k],
							   .cnt = w->weight_cnt[i][k]};
	s.weight = weight;
	err = ft_writer_stacks(w->w, &s);
	free(weight);
	return err;
}

static inline int put_locks(struct world *w)
{
	struct ft_lock_rec lock[2] = {
		{.id = 1, .kind = FT_LK_OBJECT, .name = "list", .addr = LOCK_A, .waits = 1},
		{.id = 2,
		 .kind = FT_LK_OBJECT,
		 .name = "dict",
		 .owner = "class Cache",
		 .addr = LOCK_B,
		 .waits = 1},
	};
	struct ft_findings *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return -ENOMEM;
	f->lock = lock;
	f->lock_cnt = 2;
	err = ft_writer_findings(w->w, f);
	free(f);
	return err;
}

#endif
