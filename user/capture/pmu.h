/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hardware counters of each thread of a process. A thread counts from when it is first seen, and
 * for itself alone: counters that threads inherit would put the work of each under the thread that
 * made it, too.
 */
#ifndef FT_CAPTURE_PMU_H
#define FT_CAPTURE_PMU_H

#include <linux/types.h>
#include "record/findings.h"

#define FT_PMU_EVENTS 3

/* A counter as perf_event_open(2) names it. */
struct ft_pmu_event {
	const char *what; /* "cache misses" */
	__u32 type;
	__u64 config;
};

struct ft_pmu;

/* Cycles, instructions, cache misses: what struct ft_pmu_rec has, in its order. */
extern const struct ft_pmu_event ft_pmu_hardware[FT_PMU_EVENTS];

/*
 * Begins to count in all threads that there are. Where nothing can be counted it succeeds, and
 * ft_pmu_fill() says why. root (of /proc) and events must stay. 0 or -ENOMEM.
 */
int ft_pmu_new(const char *root, int pid, const struct ft_pmu_event events[FT_PMU_EVENTS],
	       struct ft_pmu **out);
void ft_pmu_free(struct ft_pmu *p); /* NULL is fine */
/*
 * Now and then: begins to count in new threads, puts aside what those that have ended counted.
 * At most FT_PMU_MAX threads, and fewer where few files may be open. 0 or -ENOMEM.
 */
int ft_pmu_poll(struct ft_pmu *p);
/*
 * Replaces f->pmu by the counts until now and sets pmu_ok and pmu_why; the latter also says how
 * many threads found no room. 0 or -ENOMEM.
 */
int ft_pmu_fill(struct ft_pmu *p, struct ft_findings *f);

/*
 * What a counter would have counted, had it run all the time that it was meant to; counters that
 * there are too few of take turns. running 0: 0.
 */
__u64 ft_pmu_scale(__u64 value, __u64 enabled, __u64 running);

#endif
