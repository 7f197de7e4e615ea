/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A session's events reduced to columns of equal time: what each core and each thread did in each.
 * Built in one pass over the events with memory that depends on columns, cores and threads only.
 */
#ifndef FT_MODEL_TIMELINE_H
#define FT_MODEL_TIMELINE_H

#include "model/model.h"

/* One core in one column; times in ns, they add up to at most the column (the rest is idle). */
struct ft_tl_core {
	__u64 gil_ns;	/* a thread of the target holding the GIL */
	__u64 free_ns;	/* a thread of the target without it, spinning included */
	__u64 other_ns; /* other processes */
	__u32 top_thr;	/* thread with the most time here, FT_NO_THREAD: none */
	__u64 top_ns;	/* its time; at most a quarter of the cell too much, see FT_TL_TOP */
};

/* One thread in one column: the states of a report. */
struct ft_tl_thread {
	__u64 ns[FT_R_CNT];
};

struct ft_timeline {
	__u64 from_ns, to_ns; /* absolute; column i covers from + i * col_ns */
	__u64 end_ns;	      /* where the session ends: to_ns, or earlier */
	double col_ns;
	__u32 cols;
	__u32 core_cnt;
	__u16 *cores;		 /* core numbers of the lanes, ascending: those allowed or used */
	struct ft_tl_core *core; /* [core_cnt][cols] */
	__u32 thread_cnt;
	__u32 *thr;		     /* thread numbers of the lanes, heaviest first */
	struct ft_tl_thread *thread; /* [thread_cnt][cols] */
	__u32 rest_cnt;		     /* threads without a lane that lived inside the window */
	struct ft_tl_thread *rest;   /* [cols] the sum of all of them */
	double *at_once;	     /* [cols] threads on cores, mean */
	/*
	 * [cols] most threads on cores at one time: the largest count at 64 evenly spaced instants
	 * of the column, and never less than the mean rounded up (which it cannot be). A burst
	 * between two instants is missed; a count that never was is never shown.
	 */
	double *at_once_max;
	bool *gap;    /* [cols] events were lost here: times are missing */
	__u64 events; /* that fell into the window */
};

/*
 * from_ns/to_ns absolute (0, 0: the whole session); to_ns may lie past the session's end, so that
 * two sessions can be drawn on one scale. thread_max: lanes for the heaviest threads; they are
 * chosen by their time not asleep inside the window, among the max(64, 4 * thread_max) threads
 * that are heaviest in the whole session. All events are read even for a short window: where a
 * thread's last, open interval begins is only known from the sum of all before.
 * The caller frees *out. 0 or -errno.
 */
int ft_timeline_build(struct ft_reader *r, const struct ft_model *m, __u64 from_ns, __u64 to_ns,
		      __u32 cols, __u32 thread_max, struct ft_timeline **out);
void ft_timeline_free(struct ft_timeline *tl); /* NULL is fine */
/*
 * The start of the window of `len_ns` in which the most switches of the target happened, to a
 * sixteenth of it (the earliest of several; the session's start when nothing ever switched); used
 * for the zoom. 0 or -errno; -ENODATA when there are no events.
 */
int ft_timeline_densest(struct ft_reader *r, const struct ft_model *m, __u64 len_ns,
			__u64 *start_ns);

#endif
