/* SPDX-License-Identifier: BSD-2-Clause */
/* The builder of a timeline: follows each thread through its events and fills the grid. */
#include "model/timeline_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "model/timeline_grid.h"
#include "model/timeline_order.h"

#define CLS_NONE 0xffu

/* What is known of a thread while its events go by. */
struct follow {
	__u64 prev;	 /* when it last came to a core, or appeared */
	__u64 seg;	 /* on-core time from here on is not in the grid yet */
	__u64 last_tick; /* of this stay on the core */
	__u64 on_seen;	 /* on-core time so far, outside the window too */
	float share[FT_ON_CNT];
	__u32 next_seq;
	__u32 lane;
	__u16 cpu;	/* of this stay, FT_TL_NO_CPU: not known yet */
	__u8 cls;	/* the last tick of this stay, CLS_NONE: none yet */
	__u8 last_cls;	/* the thread's last tick */
	bool held_hint; /* this stay began with the GIL */
	bool dead;
	bool begun; /* START or a SLICE was seen */
	bool lossy; /* events of it were lost */
};

struct ft_tl_builder {
	struct ft_tl_input in;
	struct ft_tl_grid grid;
	struct ft_order order;
	struct follow *follow; /* [in.rec_cnt] */
	__u64 events;
	__u32 *cand; /* thread numbers of the grid's lanes */
	__u32 cand_cnt;
};

static const float pure[FT_ON_CNT][FT_ON_CNT] = {
	[FT_ON_GIL] = {1, 0, 0},
	[FT_ON_FREE] = {0, 1, 0},
	[FT_ON_SPIN] = {0, 0, 1},
};

/* FT_R_CNT: takes no time. */
static enum ft_rstate rstate(__u8 state)
{
	static const enum ft_rstate map[FT_ST_CNT] = {
		[FT_ST_ON] = FT_R_CNT,
		[FT_ST_GIL_WAIT] = FT_R_GIL_WAIT,
		[FT_ST_GIL_SWITCH] = FT_R_GIL_SWITCH,
		[FT_ST_LOCK_WAIT] = FT_R_LOCK_WAIT,
		[FT_ST_SYNC_WAIT] = FT_R_SYNC_WAIT,
		[FT_ST_STW] = FT_R_STW,
		[FT_ST_RUNQ] = FT_R_RUNQ,
		[FT_ST_BLOCKED] = FT_R_BLOCKED,
		[FT_ST_FAULT] = FT_R_FAULT,
		[FT_ST_STOPPED] = FT_R_STOPPED,
	};

	return state < FT_ST_CNT ? map[state] : FT_R_CNT;
}

struct weight {
	__u64 ns;
	__u32 thr;
};

/* Heaviest first, then by number. */
static int by_weight(const void *a, const void *b)
{
	const struct weight *x = a, *y = b;

	if (x->ns != y->ns)
		return x->ns < y->ns ? 1 : -1;
	return x->thr < y->thr ? -1 : x->thr > y->thr;
}

static __u64 awake_ns(const struct ft_thread *t)
{
	return t->state_ns[FT_ST_ON] + t->state_ns[FT_ST_GIL_WAIT] + t->state_ns[FT_ST_GIL_SWITCH] +
	       t->state_ns[FT_ST_LOCK_WAIT] + t->state_ns[FT_ST_STW] + t->state_ns[FT_ST_RUNQ];
}

/* Which threads may get a lane: the window's heaviest are looked for among the session's. */
static int pick_candidates(struct ft_tl_builder *b)
{
	size_t n = b->in.rec_cnt, max = 64;
	struct weight *w;

	if ((size_t)b->in.thread_max * 4 > max)
		max = (size_t)b->in.thread_max * 4;
	if (!b->in.thread_max || !n)
		return 0;
	w = calloc(n, sizeof(*w));
	if (!w)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		w[i].ns = awake_ns(&b->in.recs[i].t);
		w[i].thr = (__u32)i;
	}
	qsort(w, n, sizeof(*w), by_weight);
	b->cand_cnt = (__u32)(n < max ? n : max);
	b->cand = calloc(b->cand_cnt, sizeof(*b->cand));
	for (__u32 i = 0; b->cand && i < b->cand_cnt; i++) {
		b->cand[i] = w[i].thr;
		b->follow[w[i].thr].lane = i;
	}
	free(w);
	return b->cand ? 0 : -ENOMEM;
}

static void set_share(struct follow *f, const struct ft_mthread *t)
{
	double g = (double)t->state_ns[FT_R_ON_GIL], o = (double)t->state_ns[FT_R_ON_FREE];
	double s = (double)t->state_ns[FT_R_ON_SPIN], sum = g + o + s;

	if (sum <= 0)
		return;
	f->share[FT_ON_GIL] = (float)(g / sum);
	f->share[FT_ON_FREE] = (float)(o / sum);
	f->share[FT_ON_SPIN] = (float)(s / sum);
}

static int follow_init(struct ft_tl_builder *b)
{
	const struct ft_model *m = b->in.m;

	b->follow = calloc(b->in.rec_cnt + 1, sizeof(*b->follow));
	if (!b->follow)
		return -ENOMEM;
	for (size_t i = 0; i < b->in.rec_cnt; i++) {
		struct follow *f = &b->follow[i];

		f->prev = b->in.recs[i].t.start_ns;
		f->seg = f->prev;
		f->lane = FT_TL_NO_LANE;
		f->cpu = FT_TL_NO_CPU;
		f->cls = CLS_NONE;
		f->last_cls = CLS_NONE;
		f->share[b->in.gil ? FT_ON_GIL : FT_ON_FREE] = 1;
	}
	for (size_t i = 0; m && i < m->thread_cnt; i++)
		if (m->threads[i].thr < b->in.rec_cnt)
			set_share(&b->follow[m->threads[i].thr], &m->threads[i]);
	return 0;
}

/* Puts the on-core time up to `end` into the grid. `cpu` if its core is not known. */
static int on_until(struct ft_tl_builder *b, struct follow *f, __u64 end, __u32 cpu, bool held)
{
	const float *split = f->share;
	__u64 from = f->seg;

	if (end <= from)
		return 0;
	if (f->cls != CLS_NONE)
		split = pure[f->cls];
	else if (b->in.gil && (held || f->held_hint))
		split = pure[FT_ON_GIL];
	else if (f->last_cls != CLS_NONE)
		split = pure[f->last_cls];
	if (f->cpu != FT_TL_NO_CPU)
		cpu = f->cpu;
	f->on_seen += end - from;
	f->seg = end;
	return ft_tl_grid_on(&b->grid, (__u32)(f - b->follow), f->lane, cpu, from, end, split);
}

static void lost(struct ft_tl_builder *b, struct follow *f, __u64 from, __u64 to)
{
	f->lossy = true;
	ft_tl_grid_gap(&b->grid, from, to > from ? to : from);
}

static int slice(struct ft_tl_builder *b, struct follow *f, const struct ft_event *ev)
{
	__s32 ahead = (__s32)(ev->seq - f->next_seq);
	__u64 out = ev->out_ns, wake = ev->wake_ns, ts = ev->ts;
	enum ft_rstate state = rstate(ev->state);
	bool held = (ev->flags & FT_SF_HELD) != 0;
	int err = 0;

	if (f->dead)
		return 0;
	if (ahead < 0) {
		/* too late to be put in order: its place was counted as a gap already */
		lost(b, f, out < ts ? out : ts, ts);
		return 0;
	}
	if (ts < f->prev)
		ts = f->prev;
	if (out > ts)
		out = ts;
	if (ahead > 0)
		lost(b, f, f->seg, out);
	else
		err = on_until(b, f, out, ev->cpu, held);
	/* a clock that stepped back must not make the same time count twice */
	if (out < f->seg)
		out = f->seg < ts ? f->seg : ts;
	if (!wake || state == FT_R_GIL_WAIT || wake > ts)
		wake = ts;
	if (wake < out)
		wake = out;
	if (!err && state != FT_R_CNT)
		err = ft_tl_grid_off(&b->grid, f->lane, state, out, wake);
	if (!err)
		err = ft_tl_grid_off(&b->grid, f->lane, FT_R_RUNQ, wake, ts);
	f->prev = ts;
	f->seg = ts;
	f->cpu = ev->cpu;
	f->cls = CLS_NONE;
	f->held_hint = held || ev->state == FT_ST_GIL_WAIT;
	f->next_seq = ev->seq + 1;
	f->begun = true;
	return err;
}

static int tick(struct ft_tl_builder *b, struct follow *f, const struct ft_event *ev)
{
	int err = 0;

	if (ev->state >= FT_ON_CNT || f->dead)
		return 0;
	if (ev->ts < f->seg) { /* of a stay that is closed already */
		f->last_cls = ev->state;
		return 0;
	}
	if (f->cpu == FT_TL_NO_CPU) {
		f->cpu = ev->cpu;
	} else if (f->cpu != ev->cpu) {
		/* a move between cores that no switch told: the tick is sure, the rest is not */
		err = on_until(b, f, ev->ts, f->cpu, false);
		f->cpu = ev->cpu;
	} else if (f->cls != CLS_NONE && f->cls != ev->state) {
		err = on_until(b, f, f->last_tick + (ev->ts - f->last_tick) / 2, f->cpu, false);
	}
	f->cls = ev->state;
	f->last_cls = ev->state;
	f->last_tick = ev->ts;
	return err;
}

static int exited(struct ft_tl_builder *b, struct follow *f, const struct ft_event *ev)
{
	int err = 0;

	if (f->dead)
		return 0;
	if (ev->seq != f->next_seq)
		lost(b, f, f->seg, ev->ts);
	else
		err = on_until(b, f, ev->ts, ev->cpu, false);
	f->dead = true;
	return err;
}

static int process(void *ctx, const struct ft_event *ev)
{
	struct ft_tl_builder *b = ctx;
	struct follow *f;

	if (ev->ts >= b->in.from_ns && ev->ts <= b->in.to_ns)
		b->events++;
	if (ev->type == FT_EV_CPU)
		return ft_tl_grid_other(&b->grid, ev->cpu, ev->wake_ns, ev->ts, ev->out_ns);
	if (ev->thr >= b->in.rec_cnt)
		return 0; /* EXEC and FORK; the reader checked the others */
	f = &b->follow[ev->thr];
	switch (ev->type) {
	case FT_EV_SLICE:
		return slice(b, f, ev);
	case FT_EV_TICK:
		return tick(b, f, ev);
	case FT_EV_EXIT:
		return exited(b, f, ev);
	case FT_EV_START:
		if (f->begun)
			return 0;
		f->begun = true;
		f->prev = ev->ts;
		f->seg = ev->ts;
		f->next_seq = ev->seq;
		/* a seeded thread's START comes from the core of the iterator, not from its own */
		if (ev->state == FT_ST_ON && !(b->in.recs[ev->thr].t.flags & FT_TF_SEEDED))
			f->cpu = ev->cpu;
		return 0;
	default:
		return 0;
	}
}

/*
 * The last interval of a thread has no event. How much of it was on core is what the kernel's
 * total has more than the events; where events were lost that is not known, and only the last
 * tick says anything.
 */
static int close_thread(struct ft_tl_builder *b, struct follow *f, const struct ft_thread *t)
{
	__u64 end = t->since_ns < b->in.session_end_ns ? t->since_ns : b->in.session_end_ns;
	__u64 on = 0, on_total = t->state_ns[FT_ST_ON];
	enum ft_rstate state = rstate(t->state);
	int err;

	if (f->dead || end <= f->seg)
		return 0;
	if (t->seq != f->next_seq) {
		lost(b, f, f->seg, end);
		return 0;
	}
	if (state == FT_R_CNT)
		return on_until(b, f, end, FT_TL_NO_CPU, false);
	if (!f->lossy)
		on = on_total > f->on_seen ? on_total - f->on_seen : 0;
	else if (f->cls != CLS_NONE && f->last_tick > f->seg)
		on = f->last_tick - f->seg;
	if (on > end - f->seg)
		on = end - f->seg;
	err = on_until(b, f, f->seg + on, FT_TL_NO_CPU, false);
	return err ? err : ft_tl_grid_off(&b->grid, f->lane, state, f->seg, end);
}

int ft_tl_builder_new(const struct ft_tl_input *in, struct ft_tl_builder **out)
{
	struct ft_tl_builder *b;
	int err;

	*out = NULL;
	if (!in->cols || in->cols > FT_TL_MAX_COLS || in->from_ns > in->to_ns)
		return -EINVAL;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->in = *in;
	b->order.cb = process;
	b->order.ctx = b;
	err = follow_init(b);
	if (!err)
		err = pick_candidates(b);
	if (!err)
		err = ft_tl_grid_init(&b->grid, in->from_ns, in->to_ns, in->cols, b->cand_cnt);
	for (size_t i = 0; !err && i < in->cpu_cnt; i++)
		err = ft_tl_grid_use_cpu(&b->grid, in->cpus[i]);
	if (err)
		ft_tl_builder_free(b);
	else
		*out = b;
	return err;
}

int ft_tl_builder_event(struct ft_tl_builder *b, const struct ft_event *ev)
{
	return ft_order_push(&b->order, ev);
}

static void add_cells(struct ft_tl_thread *to, const struct ft_tl_thread *from, __u32 cols)
{
	for (__u32 i = 0; from && i < cols; i++)
		for (int s = 0; s < FT_R_CNT; s++)
			to[i].ns[s] += from[i].ns[s];
}

static __u64 cells_awake(const struct ft_tl_thread *c, __u32 cols)
{
	__u64 sum = 0;

	for (__u32 i = 0; c && i < cols; i++)
		for (int s = 0; s < FT_R_CNT; s++)
			if (s != FT_R_SYNC_WAIT && s < FT_R_BLOCKED)
				sum += c[i].ns[s];
	return sum;
}

/* The lanes: of the candidates the heaviest inside the window; the others join the rest. */
static int take_threads(struct ft_tl_builder *b, struct ft_timeline *tl)
{
	struct ft_tl_grid *g = &b->grid;
	struct weight *w = calloc(b->cand_cnt + 1, sizeof(*w));
	__u32 n = 0, lived = 0;

	if (!w)
		return -ENOMEM;
	for (size_t i = 0; i < b->in.rec_cnt; i++) {
		const struct ft_thread *t = &b->in.recs[i].t;

		lived += t->start_ns < tl->to_ns && t->since_ns > tl->from_ns;
	}
	for (__u32 i = 0; i < b->cand_cnt; i++) {
		if (!g->thread[i])
			continue;
		w[n].ns = cells_awake(g->thread[i], g->cols);
		w[n++].thr = b->cand[i];
	}
	qsort(w, n, sizeof(*w), by_weight);
	tl->thread_cnt = n < b->in.thread_max ? n : b->in.thread_max;
	tl->rest_cnt = lived > tl->thread_cnt ? lived - tl->thread_cnt : 0;
	tl->thr = calloc(tl->thread_cnt + 1, sizeof(*tl->thr));
	tl->thread = calloc((size_t)tl->thread_cnt * g->cols + 1, sizeof(*tl->thread));
	for (__u32 i = 0; tl->thr && tl->thread && i < n; i++) {
		struct ft_tl_thread *cells = g->thread[b->follow[w[i].thr].lane];

		if (i < tl->thread_cnt) {
			tl->thr[i] = w[i].thr;
			memcpy(&tl->thread[(size_t)i * g->cols], cells, g->cols * sizeof(*cells));
		} else {
			add_cells(g->rest, cells, g->cols);
		}
	}
	free(w);
	tl->rest = g->rest;
	g->rest = NULL;
	return tl->thr && tl->thread ? 0 : -ENOMEM;
}

static int take_cores(struct ft_tl_builder *b, struct ft_timeline *tl)
{
	struct ft_tl_grid *g = &b->grid;
	__u32 n = 0;

	ft_tl_grid_settle(g);
	for (__u32 cpu = 0; cpu < FT_MAX_CPUS; cpu++)
		tl->core_cnt += g->lanes[cpu].cell != NULL;
	tl->cores = calloc(tl->core_cnt + 1, sizeof(*tl->cores));
	tl->core = calloc((size_t)tl->core_cnt * g->cols + 1, sizeof(*tl->core));
	if (!tl->cores || !tl->core)
		return -ENOMEM;
	for (__u32 cpu = 0; cpu < FT_MAX_CPUS; cpu++) {
		if (!g->lanes[cpu].cell)
			continue;
		memcpy(&tl->core[(size_t)n * g->cols], g->lanes[cpu].cell,
		       g->cols * sizeof(*tl->core));
		tl->cores[n++] = (__u16)cpu;
	}
	return 0;
}

static int take_levels(struct ft_tl_builder *b, struct ft_timeline *tl)
{
	struct ft_tl_grid *g = &b->grid;
	__s64 level = 0;

	tl->at_once = calloc(g->cols, sizeof(*tl->at_once));
	tl->at_once_max = calloc(g->cols, sizeof(*tl->at_once_max));
	if (!tl->at_once || !tl->at_once_max)
		return -ENOMEM;
	for (__u32 i = 0; i < g->cols; i++) {
		__u64 width = g->bound[i + 1] - g->bound[i], up;
		__s64 most = 0;

		for (__u32 k = 0; k < FT_TL_SUB; k++) {
			level += g->level[(size_t)i * FT_TL_SUB + k];
			if (level > most)
				most = level;
		}
		if (!width)
			continue;
		up = (g->on_ns[i] + width - 1) / width;
		tl->at_once[i] = (double)g->on_ns[i] / (double)width;
		tl->at_once_max[i] = (__u64)most > up ? (double)most : (double)up;
	}
	return 0;
}

int ft_tl_builder_finish(struct ft_tl_builder *b, struct ft_timeline **out)
{
	struct ft_timeline *tl = NULL;
	int err;

	*out = NULL;
	err = ft_order_flush(&b->order);
	for (size_t i = 0; i < b->in.rec_cnt && !err; i++)
		err = close_thread(b, &b->follow[i], &b->in.recs[i].t);
	if (err)
		return err;
	tl = calloc(1, sizeof(*tl));
	if (!tl)
		return -ENOMEM;
	tl->from_ns = b->in.from_ns;
	tl->to_ns = b->in.to_ns;
	tl->end_ns = b->in.session_end_ns < tl->to_ns ? b->in.session_end_ns : tl->to_ns;
	if (tl->end_ns < tl->from_ns)
		tl->end_ns = tl->from_ns;
	tl->cols = b->in.cols;
	tl->col_ns = (double)(tl->to_ns - tl->from_ns) / tl->cols;
	tl->events = b->events;
	err = take_levels(b, tl);
	if (!err)
		err = take_cores(b, tl);
	if (!err)
		err = take_threads(b, tl);
	tl->gap = b->grid.gap;
	b->grid.gap = NULL;
	if (err)
		ft_timeline_free(tl);
	else
		*out = tl;
	return err;
}

void ft_tl_builder_free(struct ft_tl_builder *b)
{
	if (!b)
		return;
	ft_tl_grid_free(&b->grid);
	ft_order_free(&b->order);
	free(b->follow);
	free(b->cand);
	free(b);
}

void ft_timeline_free(struct ft_timeline *tl)
{
	if (!tl)
		return;
	free(tl->cores);
	free(tl->core);
	free(tl->thr);
	free(tl->thread);
	free(tl->rest);
	free(tl->at_once);
	free(tl->at_once_max);
	free(tl->gap);
	free(tl);
}
