/* SPDX-License-Identifier: BSD-2-Clause */
/* The cells of a timeline: intervals go in, nanoseconds a column come out. Knows no events. */
#include "model/timeline_grid.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/array.h"

/* Windows of other processes' time that are kept until all is known; above it they are spread. */
#define OTHER_MAX (1u << 18)

int ft_tl_grid_init(struct ft_tl_grid *g, __u64 from, __u64 to, __u32 cols, __u32 lane_cnt)
{
	__u64 span = to - from;

	memset(g, 0, sizeof(*g));
	g->from = from;
	g->to = to;
	g->cols = cols;
	g->lane_cnt = lane_cnt;
	g->cols_per_ns = span ? (double)cols / (double)span : 0;
	g->bound = calloc((size_t)cols + 1, sizeof(*g->bound));
	g->rest = calloc(cols, sizeof(*g->rest));
	g->on_ns = calloc(cols, sizeof(*g->on_ns));
	g->level = calloc((size_t)cols * FT_TL_SUB + 1, sizeof(*g->level));
	g->gap = calloc(cols, sizeof(*g->gap));
	g->thread = calloc((size_t)lane_cnt + 1, sizeof(struct ft_tl_thread *));
	if (!g->bound || !g->rest || !g->on_ns || !g->level || !g->gap || !g->thread) {
		ft_tl_grid_free(g);
		return -ENOMEM;
	}
	for (__u32 i = 0; i <= cols; i++)
		g->bound[i] = from + (__u64)((unsigned __int128)span * i / cols);
	return 0;
}

void ft_tl_grid_free(struct ft_tl_grid *g)
{
	for (size_t i = 0; i < FT_MAX_CPUS; i++) {
		free(g->lanes[i].cell);
		free(g->lanes[i].top);
	}
	for (__u32 i = 0; g->thread && i < g->lane_cnt; i++)
		free(g->thread[i]);
	free(g->thread);
	free(g->bound);
	free(g->rest);
	free(g->on_ns);
	free(g->level);
	free(g->gap);
	free(g->other);
	memset(g, 0, sizeof(*g));
}

/* The column that holds t, for from <= t < to. */
static __u32 column(const struct ft_tl_grid *g, __u64 t)
{
	double d = (double)(t - g->from) * g->cols_per_ns;
	__u32 i = d < (double)g->cols ? (__u32)d : g->cols - 1;

	/* the double may be off by one at a boundary; the integers decide */
	while (i > 0 && t < g->bound[i])
		i--;
	while (i + 1 < g->cols && t >= g->bound[i + 1])
		i++;
	return i;
}

static bool clip(const struct ft_tl_grid *g, __u64 *a, __u64 *b)
{
	if (*a < g->from)
		*a = g->from;
	if (*b > g->to)
		*b = g->to;
	return *a < *b;
}

static __u64 overlap(const struct ft_tl_grid *g, __u32 i, __u64 a, __u64 b)
{
	__u64 lo = a > g->bound[i] ? a : g->bound[i];
	__u64 hi = b < g->bound[i + 1] ? b : g->bound[i + 1];

	return hi > lo ? hi - lo : 0;
}

int ft_tl_grid_use_cpu(struct ft_tl_grid *g, __u32 cpu)
{
	struct ft_tl_lane *lane;

	if (cpu >= FT_MAX_CPUS)
		return 0;
	lane = &g->lanes[cpu];
	if (lane->cell)
		return 0;
	lane->top = calloc(g->cols, sizeof(*lane->top));
	if (!lane->top)
		return -ENOMEM;
	lane->cell = calloc(g->cols, sizeof(*lane->cell));
	if (!lane->cell) {
		free(lane->top);
		lane->top = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* The row of cells of a thread: its lane's, or that of all others. NULL: no memory. */
static struct ft_tl_thread *row(struct ft_tl_grid *g, __u32 lane)
{
	if (lane >= g->lane_cnt)
		return g->rest;
	if (!g->thread[lane])
		g->thread[lane] = calloc(g->cols, sizeof(struct ft_tl_thread));
	return g->thread[lane];
}

static void top_add(struct ft_tl_top *top, __u32 thr, __u64 ns)
{
	int min = 0;

	for (int i = 0; i < FT_TL_TOP; i++) {
		if (top->ns[i] && top->thr[i] == thr) {
			top->ns[i] += ns;
			return;
		}
		if (top->ns[i] < top->ns[min])
			min = i;
	}
	top->thr[min] = thr;
	top->ns[min] += ns;
}

/* The first of the instants (middles of the sub-steps) that is not before t. */
static size_t instant(const struct ft_tl_grid *g, __u64 t)
{
	double k = ceil((double)(t - g->from) * g->cols_per_ns * FT_TL_SUB - 0.5);
	size_t max = (size_t)g->cols * FT_TL_SUB;

	if (k <= 0)
		return 0;
	return k < (double)max ? (size_t)k : max;
}

/* Divides ns by the shares so that the parts add up to it exactly. */
static void divide(__u64 ns, const float *split, __u64 *part)
{
	__u64 left = ns;
	int most = 0;

	for (int i = 0; i < FT_ON_CNT; i++) {
		part[i] = split[i] >= 1 ? ns : (__u64)((double)ns * (double)split[i]);
		if (part[i] > left)
			part[i] = left;
		left -= part[i];
		if (split[i] > split[most])
			most = i;
	}
	part[most] += left;
}

int ft_tl_grid_on(struct ft_tl_grid *g, __u32 thr, __u32 lane, __u32 cpu, __u64 a, __u64 b,
		  const float *split)
{
	struct ft_tl_thread *cells;
	struct ft_tl_lane *core = NULL;
	__u64 part[FT_ON_CNT];

	if (!clip(g, &a, &b))
		return 0;
	cells = row(g, lane);
	if (!cells)
		return -ENOMEM;
	if (cpu < FT_MAX_CPUS) {
		if (ft_tl_grid_use_cpu(g, cpu))
			return -ENOMEM;
		core = &g->lanes[cpu];
	}
	g->level[instant(g, a)]++;
	g->level[instant(g, b)]--;
	for (__u32 i = column(g, a); i < g->cols && g->bound[i] < b; i++) {
		__u64 ns = overlap(g, i, a, b);

		if (!ns)
			continue;
		divide(ns, split, part);
		cells[i].ns[FT_R_ON_GIL] += part[FT_ON_GIL];
		cells[i].ns[FT_R_ON_FREE] += part[FT_ON_FREE];
		cells[i].ns[FT_R_ON_SPIN] += part[FT_ON_SPIN];
		g->on_ns[i] += ns;
		if (core) {
			core->cell[i].gil_ns += part[FT_ON_GIL];
			core->cell[i].free_ns += part[FT_ON_FREE] + part[FT_ON_SPIN];
			top_add(&core->top[i], thr, ns);
		}
	}
	return 0;
}

int ft_tl_grid_off(struct ft_tl_grid *g, __u32 lane, enum ft_rstate state, __u64 a, __u64 b)
{
	struct ft_tl_thread *cells;

	if (!clip(g, &a, &b))
		return 0;
	cells = row(g, lane);
	if (!cells)
		return -ENOMEM;
	for (__u32 i = column(g, a); i < g->cols && g->bound[i] < b; i++)
		cells[i].ns[state] += overlap(g, i, a, b);
	return 0;
}

void ft_tl_grid_gap(struct ft_tl_grid *g, __u64 a, __u64 b)
{
	if (b == a)
		b = a + 1;
	if (!clip(g, &a, &b))
		return;
	for (__u32 i = column(g, a); i < g->cols && g->bound[i] < b; i++)
		g->gap[i] = true;
}

/* How much of a window the target and others left free in column i. */
static __u64 room(const struct ft_tl_grid *g, const struct ft_tl_other *w, __u32 i)
{
	const struct ft_tl_core *c = &g->lanes[w->cpu].cell[i];
	__u64 width = g->bound[i + 1] - g->bound[i], in = overlap(g, i, w->from, w->to);
	__u64 used = c->gil_ns + c->free_ns + c->other_ns;
	__u64 left = used < width ? width - used : 0;

	return left < in ? left : in;
}

/*
 * Lays w->ns into the columns of its window in proportion to the room that is left in each: a core
 * cannot have given time away while it ran the target.
 */
static void lay_other(struct ft_tl_grid *g, const struct ft_tl_other *w)
{
	__u32 first = column(g, w->from), last = column(g, w->to - 1);
	__u64 total = 0, acc = 0, done = 0;

	for (__u32 i = first; i <= last; i++)
		total += room(g, w, i);
	for (__u32 i = first; i <= last && total; i++) {
		__u64 r = room(g, w, i), upto, ns;

		acc += r;
		upto = w->ns < total ? (__u64)((unsigned __int128)w->ns * acc / total) : acc;
		ns = upto - done;
		g->lanes[w->cpu].cell[i].other_ns += ns < r ? ns : r;
		done = upto;
	}
}

int ft_tl_grid_other(struct ft_tl_grid *g, __u32 cpu, __u64 a, __u64 b, __u64 ns)
{
	struct ft_tl_other w = {.from = a, .to = b, .cpu = cpu};
	double share;
	int err;

	if (cpu >= FT_MAX_CPUS || a >= b || !ns || !clip(g, &w.from, &w.to))
		return 0;
	share = (double)(w.to - w.from) / (double)(b - a);
	if (ns > b - a)
		ns = b - a;
	w.ns = share < 1 ? (__u64)((double)ns * share + 0.5) : ns;
	err = ft_tl_grid_use_cpu(g, cpu);
	if (err)
		return err;
	if (g->other_cnt >= OTHER_MAX) {
		lay_other(g, &w);
		return 0;
	}
	err = ft_array_reserve((void **)&g->other, &g->other_cap, g->other_cnt + 1,
			       sizeof(*g->other));
	if (err)
		return err;
	g->other[g->other_cnt++] = w;
	return 0;
}

/* Two threads cannot have been on one core at once; where a core was guessed they may seem so. */
static void fit(struct ft_tl_core *c, __u64 width)
{
	__u64 used = c->gil_ns + c->free_ns;

	if (used > width) {
		c->gil_ns = (__u64)((double)width * ((double)c->gil_ns / (double)used));
		c->free_ns = width - c->gil_ns;
		used = width;
	}
	if (c->other_ns > width - used)
		c->other_ns = width - used;
}

void ft_tl_grid_settle(struct ft_tl_grid *g)
{
	for (size_t cpu = 0; cpu < FT_MAX_CPUS; cpu++) {
		struct ft_tl_lane *lane = &g->lanes[cpu];

		if (!lane->cell)
			continue;
		for (__u32 i = 0; i < g->cols; i++) {
			struct ft_tl_core *c = &lane->cell[i];
			__u64 width = g->bound[i + 1] - g->bound[i];

			fit(c, width);
			c->top_thr = FT_NO_THREAD;
			for (int k = 0; k < FT_TL_TOP; k++) {
				__u64 ns = lane->top[i].ns[k];

				if (ns <= c->top_ns)
					continue;
				c->top_ns = ns;
				c->top_thr = lane->top[i].thr[k];
			}
			if (c->top_ns > width)
				c->top_ns = width;
		}
	}
	for (size_t i = 0; i < g->other_cnt; i++)
		lay_other(g, &g->other[i]);
}
