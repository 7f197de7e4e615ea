/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The USDT probes on collections of an interpreter that was built --with-dtrace: how long they
 * took, by generation. Other builds have none, and nothing is planted there.
 */
#ifndef FT_CAPTURE_GCPROBE_H
#define FT_CAPTURE_GCPROBE_H

#include "capture/probe.h"
#include "python/runtime.h"
#include "record/findings.h"

struct ft_gcprobe;

/*
 * Borrows p, which must have been opened with ft_probe_opts.gc, and rt. budget: of the probes, a
 * share of one core; INFINITY: none. 0 or -ENOMEM.
 */
int ft_gcprobe_new(struct ft_probe *p, int pid, const struct ft_runtime *rt, double budget,
		   struct ft_gcprobe **out);
void ft_gcprobe_free(struct ft_gcprobe *x); /* NULL is fine; takes nothing out */
/* Puts the probes in, where there are any: before the session begins, so that it sees all of it. */
void ft_gcprobe_plant(struct ft_gcprobe *x);
/* The session has begun. */
void ft_gcprobe_begin(struct ft_gcprobe *x, __u64 start);
/* Call often: takes them out for good when they cost more than their budget. */
void ft_gcprobe_step(struct ft_gcprobe *x, __u64 now);
/* Takes the probes out. */
void ft_gcprobe_end(struct ft_gcprobe *x);
/* What the hits so far have cost, at the price of a probe: in ns. */
__u64 ft_gcprobe_spent(const struct ft_gcprobe *x);
/* The probes that were planted: how many, and one line for the report's head ("": none). */
__u32 ft_gcprobe_site_cnt(const struct ft_gcprobe *x);
const char *ft_gcprobe_describe(const struct ft_gcprobe *x);
/* What could not be measured, one sentence; NULL: nothing to tell. */
const char *ft_gcprobe_limit(const struct ft_gcprobe *x);
/* The durations in *f. */
void ft_gcprobe_fill(const struct ft_gcprobe *x, struct ft_findings *f);

#endif
