/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory of the target over time: few points, however long the session is. */
#ifndef FT_CAPTURE_MEMORY_H
#define FT_CAPTURE_MEMORY_H

#include <linux/types.h>
#include <stddef.h>
#include "record/findings.h"

#define FT_MEMORY_PACE_NS 2000000000ull /* between points, at first */

/* 8 KB: not for small stacks. */
struct ft_memory {
	const char *root; /* of /proc */
	int pid;
	__u64 pace_ns;
	__u64 next_ns;
	size_t cnt;
	struct ft_memory_rec rec[FT_MEMORY_MAX];
};

/* root, FT_PROC in life, must stay. */
void ft_memory_init(struct ft_memory *m, const char *root, int pid);
/*
 * Call often, with CLOCK_MONOTONIC: takes a point when it is time for one. Of a process that is
 * gone there is none.
 */
void ft_memory_step(struct ft_memory *m, __u64 now);
/* Replaces f->memory. 0 or -ENOMEM. */
int ft_memory_fill(const struct ft_memory *m, struct ft_findings *f);

#endif
