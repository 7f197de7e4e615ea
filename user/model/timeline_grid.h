/* SPDX-License-Identifier: BSD-2-Clause */
/* The cells of a timeline: intervals go in, nanoseconds a column come out. Knows no events. */
#ifndef FT_MODEL_TIMELINE_GRID_H
#define FT_MODEL_TIMELINE_GRID_H

#include "model/timeline.h"

#define FT_TL_MAX_COLS 65536u
#define FT_TL_SUB 64u /* instants a column at which the threads on cores are counted */
#define FT_TL_NO_LANE 0xffffffffu

/*
 * The threads with the most time in a cell are found with a few counters instead of one a thread
 * (Metwally's space saving): exact while no more than FT_TL_TOP threads ran on that core in that
 * column, otherwise too large by at most the column divided by FT_TL_TOP.
 */
#define FT_TL_TOP 4

struct ft_tl_top {
	__u32 thr[FT_TL_TOP];
	__u64 ns[FT_TL_TOP]; /* 0: free */
};

struct ft_tl_lane {
	struct ft_tl_core *cell; /* [cols]; NULL until used */
	struct ft_tl_top *top;	 /* [cols] */
};

/* Time that a core gave to others somewhere inside a window. */
struct ft_tl_other {
	__u64 from, to, ns;
	__u32 cpu;
};

struct ft_tl_grid {
	__u64 from, to;
	__u32 cols;
	double cols_per_ns;
	__u64 *bound; /* [cols + 1] column i covers [bound[i], bound[i + 1]) */
	struct ft_tl_lane lanes[FT_MAX_CPUS];
	struct ft_tl_thread **thread; /* [lane_cnt][cols]; rows are NULL until used */
	__u32 lane_cnt;
	struct ft_tl_thread *rest; /* [cols] */
	__u64 *on_ns;		   /* [cols] */
	__s32 *level;		   /* [cols * FT_TL_SUB + 1] differences */
	bool *gap;		   /* [cols] */
	struct ft_tl_other *other;
	size_t other_cnt, other_cap;
};

/* cols > 0, from <= to. lane_cnt: threads that have a lane of their own. 0 or -ENOMEM. */
int ft_tl_grid_init(struct ft_tl_grid *g, __u64 from, __u64 to, __u32 cols, __u32 lane_cnt);
void ft_tl_grid_free(struct ft_tl_grid *g); /* a zeroed one is fine */

/*
 * A thread was on a core during [a, b); split[] are the shares of enum ft_on, which add up to 1.
 * Times outside the window are cut off. lane: of the thread, or FT_TL_NO_LANE. 0 or -ENOMEM.
 */
int ft_tl_grid_on(struct ft_tl_grid *g, __u32 thr, __u32 lane, __u32 cpu, __u64 a, __u64 b,
		  const float *split);
/* A thread was in `state` (not one of FT_R_ON_*) during [a, b). 0 or -ENOMEM. */
int ft_tl_grid_off(struct ft_tl_grid *g, __u32 lane, enum ft_rstate state, __u64 a, __u64 b);
/* What happened during [a, b] is not known. */
void ft_tl_grid_gap(struct ft_tl_grid *g, __u64 a, __u64 b);
/* Core `cpu` gave `ns` of [a, b) to others; laid out by ft_tl_grid_settle(). 0 or -ENOMEM. */
int ft_tl_grid_other(struct ft_tl_grid *g, __u32 cpu, __u64 a, __u64 b, __u64 ns);
/* Gives core `cpu` a lane although nothing ran there. 0 or -ENOMEM. */
int ft_tl_grid_use_cpu(struct ft_tl_grid *g, __u32 cpu);
/*
 * After the last interval: makes the cells of each core fit their column, lays the time of other
 * processes into the room that the target left and finds the top threads.
 */
void ft_tl_grid_settle(struct ft_tl_grid *g);

#endif
