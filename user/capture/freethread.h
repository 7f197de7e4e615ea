/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What comes and goes in a session with a free-threaded interpreter: the probes on pauses and on
 * the GIL's return, and the windows in which calls of sched_yield() are counted.
 */
#ifndef FT_CAPTURE_FREETHREAD_H
#define FT_CAPTURE_FREETHREAD_H

#include "capture/probe.h"
#include "python/ftsites.h"
#include "record/findings.h"

struct ft_freethread;

/*
 * Finds the places in the process; what cannot be found is told by ft_freethread_limits(). Borrows
 * p. budget: of the probes, a share of one core; 0: none is planted. 0 or -errno.
 */
int ft_freethread_new(struct ft_probe *p, int pid, const struct ft_runtime *rt, double budget,
		      struct ft_freethread **out);
void ft_freethread_free(struct ft_freethread *x); /* NULL is fine */
/* Puts the probes in: before the session begins, so that it sees all of it. */
void ft_freethread_plant(struct ft_freethread *x);
/* The session has begun. */
void ft_freethread_begin(struct ft_freethread *x, __u64 start);
/*
 * Call often. Every half second it holds up its caller for a window of some milliseconds.
 * others_ns: what other probes took of the budget so far.
 */
void ft_freethread_step(struct ft_freethread *x, __u64 now, __u64 others_ns);
/* Takes the probes out. */
void ft_freethread_end(struct ft_freethread *x, __u64 now);
/* One line a place with a probe / a thing that cannot be measured; cut to sz. */
void ft_freethread_describe(const struct ft_freethread *x, char *buf, size_t sz);
void ft_freethread_limits(const struct ft_freethread *x, char *buf, size_t sz);
__u32 ft_freethread_site_cnt(const struct ft_freethread *x);
/* The windows' figures in *f; while the probes are in place up to now. */
void ft_freethread_fill(const struct ft_freethread *x, __u64 now, struct ft_findings *f);

#endif
