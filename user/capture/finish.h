/* SPDX-License-Identifier: BSD-2-Clause */
/* What a session puts on disk besides its events: what it is about, its threads, its totals. */
#ifndef FT_CAPTURE_FINISH_H
#define FT_CAPTURE_FINISH_H

#include "capture/capture.h"
#include "capture/collector.h"
#include "capture/cost.h"
#include "capture/exact.h"
#include "capture/gather.h"
#include "capture/gcprobe.h"
#include "capture/sleepers.h"
#include "capture/target.h"
#include "capture/watch.h"
#include "os/cgroup.h"

struct ft_finish {
	const struct ft_capture_opts *opts;
	struct ft_session_info *info;
	struct ft_proc *target;
	const struct ft_cores *cores;
	struct ft_probe *probe;
	struct ft_collector *collector;
	struct ft_stacker *stacker; /* NULL: no stacks */
	struct ft_sleepers *sleepers;
	struct ft_gather *gather;
	struct ft_freethread *freethread; /* NULL: a build with a GIL, or not known */
	struct ft_gcprobe *gcprobe;	  /* NULL: not asked for, or not known */
	struct ft_exact *exact;
	struct ft_cost *cost;
	__u64 throttled0_ns;
	bool weights; /* save() writes the weights of stacks too */
	bool totals;  /* and threads and totals */
	size_t saved; /* threads that save() wrote */
	size_t named; /* where the next look at names begins; the caller keeps it */
};

/* The part of *info that is known at the start. */
void ft_finish_describe(struct ft_session_info *info, const struct ft_capture_opts *o,
			const struct ft_cores *cores);
/*
 * What there is so far, and threads and totals as they stand, so that a killed run leaves a file
 * that can be read. 0 or -errno (logged).
 */
int ft_finish_save(struct ft_finish *f, struct ft_writer *w, __u64 now);
/*
 * The session as it stands (f->weights and f->totals say how much of it): all that save() writes.
 * 0 or -errno (logged), and then *s is empty.
 */
int ft_finish_snapshot(struct ft_finish *f, __u64 now, struct ft_snap *s);
/* Stops counting, drains, and writes everything. 0 or -errno (logged). */
int ft_finish_run(struct ft_finish *f, struct ft_writer *w, struct ft_capture_result *res);

#endif
