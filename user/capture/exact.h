/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The uprobe engine's policy: GIL probes for the whole session, or in windows of a few
 * milliseconds whose price stays below a share of one core.
 */
#ifndef FT_CAPTURE_EXACT_H
#define FT_CAPTURE_EXACT_H

#include "capture/probe.h"
#include "python/sites.h"

#define FT_SITES_DESC 512

/* The price of one hit, measured on a 3 GHz virtual machine: docs/design.md. */
#define FT_PROBE_HIT_NS 1200
#define FT_PROBE_STEP_NS 12000 /* when the first instruction must be single-stepped */

enum ft_exact_mode { FT_EXACT_OFF = 0, FT_EXACT_WINDOWS = 1, FT_EXACT_FULL = 2 };

struct ft_exact {
	enum ft_exact_mode mode;
	double budget; /* share of one core */
	struct ft_probe *probe;
	int pid;
	struct ft_sites *sites; /* owned */
	bool use[FT_SITE_CNT];
	bool in_place;
	__u32 gen;
	__u64 start, since, next;
	__u64 window_ns; /* time with probes in place so far */
	__u64 hits0;
	__u64 window_cost_ns; /* priced hits of the last window, or a guess before the first */
	__u64 spent_ns;	      /* priced hits so far */
	__u32 windows;
	__u32 failed;
};

/*
 * Finds the sites. On -ENOENT `why` says in one sentence why there are none. *sites_text gets a
 * line for each site (for the report's head).
 */
int ft_exact_init(struct ft_exact *x, struct ft_probe *p, int pid, const struct ft_runtime *rt,
		  enum ft_exact_mode mode, double budget, char *why, size_t why_sz);
void ft_exact_describe(const struct ft_exact *x, char *buf, size_t sz);
/* Puts the probes in at the session's begin (full), or plans the first window. */
int ft_exact_begin(struct ft_exact *x, __u64 now);
/* Call often: opens and closes windows. others_ns: what other probes took of the budget so far. */
void ft_exact_step(struct ft_exact *x, __u64 now, __u64 others_ns);
/* Takes the probes out. */
void ft_exact_end(struct ft_exact *x, __u64 now);
__u32 ft_exact_site_cnt(const struct ft_exact *x);
void ft_exact_free(struct ft_exact *x); /* a zeroed one is fine */

#endif
