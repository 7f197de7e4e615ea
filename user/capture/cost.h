/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What ftprof itself uses. The kernel measures the run time of BPF programs only while its
 * statistics are on, and that costs every BPF program on the host two clock readings a run; so by
 * default they are on for a short window now and then, and the share is scaled up by time. What the
 * statistics themselves add to each run is measured on a program that does nothing, and taken off.
 */
#ifndef FT_CAPTURE_COST_H
#define FT_CAPTURE_COST_H

#include "capture/probe.h"

struct ft_cost {
	struct ft_probe *probe;
	bool always;	  /* statistics on for the whole session */
	int fd;		  /* statistics are on while it is open; -1 */
	bool failed;	  /* this kernel or these rights have none */
	__u64 since;	  /* the open window's begin */
	__u64 next;	  /* the next window's begin */
	__u64 on_ns;	  /* time in windows so far */
	__u64 run0_ns;	  /* programs' run time when the window began */
	__u64 run_ns;	  /* and in all windows so far */
	__u64 run0, runs; /* the same as numbers of runs */
	double price;	  /* what the statistics add to each run, ns */
	__u64 start;
	__u64 cpu0_ns;
};

void ft_cost_begin(struct ft_cost *c, struct ft_probe *p, __u64 now, bool always);
/* Call often (every few tens of ms). */
void ft_cost_step(struct ft_cost *c, __u64 now);
struct ft_cost_sum {
	__u64 cpu_ns; /* user and system time since begin */
	__u64 bpf_ns;
	__u64 rss_bytes; /* largest so far */
	__u64 misses;
};
void ft_cost_end(struct ft_cost *c, __u64 now, struct ft_cost_sum *out);

#endif
