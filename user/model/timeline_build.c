/* SPDX-License-Identifier: BSD-2-Clause */
/* The builder of a timeline: puts the spans of a session into the grid. */
#include "model/timeline_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "model/spans.h"
#include "model/timeline_grid.h"

struct ft_tl_builder {
	struct ft_tl_input in;
	struct ft_tl_grid grid;
	struct ft_spans *spans;
	__u32 *lane; /* [in.rec_cnt] of a thread, FT_TL_NO_LANE: none of its own */
	__u64 events;
	__u32 *cand; /* thread numbers of the grid's lanes */
	__u32 cand_cnt;
};

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
		b->lane[w[i].thr] = i;
	}
	free(w);
	return b->cand ? 0 : -ENOMEM;
}

static int take_span(void *ctx, const struct ft_span *s)
{
	struct ft_tl_builder *b = ctx;

	switch (s->type) {
	case FT_SPAN_ON:
		return ft_tl_grid_on(&b->grid, s->thr, b->lane[s->thr], s->cpu, s->from_ns,
				     s->to_ns, s->split);
	case FT_SPAN_OFF:
		return ft_tl_grid_off(&b->grid, b->lane[s->thr], (enum ft_rstate)s->state,
				      s->from_ns, s->to_ns);
	case FT_SPAN_GAP:
		ft_tl_grid_gap(&b->grid, s->from_ns, s->to_ns);
		return 0;
	case FT_SPAN_OTHER:
		return ft_tl_grid_other(&b->grid, s->cpu, s->from_ns, s->to_ns, s->arg);
	default:
		return 0;
	}
}

static int new_spans(struct ft_tl_builder *b)
{
	struct ft_spans_input in = {.session_end_ns = b->in.session_end_ns,
				    .recs = b->in.recs,
				    .rec_cnt = b->in.rec_cnt,
				    .m = b->in.m,
				    .gil = b->in.gil,
				    .cb = take_span,
				    .ctx = b};

	b->lane = calloc(b->in.rec_cnt + 1, sizeof(*b->lane));
	if (!b->lane)
		return -ENOMEM;
	for (size_t i = 0; i < b->in.rec_cnt; i++)
		b->lane[i] = FT_TL_NO_LANE;
	return ft_spans_new(&in, &b->spans);
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
	err = new_spans(b);
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

void ft_tl_builder_prime(struct ft_tl_builder *b, __u32 thr, __u64 seg_ns, __u32 next_seq,
			 __u16 cpu)
{
	ft_spans_prime(b->spans, thr, seg_ns, next_seq, cpu);
}

int ft_tl_builder_event(struct ft_tl_builder *b, const struct ft_event *ev)
{
	if (ev->ts >= b->in.from_ns && ev->ts <= b->in.to_ns)
		b->events++;
	return ft_spans_event(b->spans, ev);
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
		struct ft_tl_thread *cells = g->thread[b->lane[w[i].thr]];

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
	err = ft_spans_finish(b->spans);
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
	ft_spans_free(b->spans);
	free(b->lane);
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
