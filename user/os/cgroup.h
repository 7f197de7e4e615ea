/* SPDX-License-Identifier: BSD-2-Clause */
/* How many cores a process may use: affinity, cpuset and CPU quota, cgroup v1 and v2. */
#ifndef FT_OS_CGROUP_H
#define FT_OS_CGROUP_H

#include <linux/types.h>
#include <stdbool.h>
#include "ftprof_abi.h"

struct ft_cores {
	__u16 cpus[FT_MAX_CPUS]; /* ascending: the union over its threads (cpuset included) */
	__u32 cnt;
	double quota;	      /* tightest CPU quota as a number of cores, 0: none */
	bool quota_unknown;   /* its cgroup's files cannot be reached from here */
	char quota_from[256]; /* "cpu.max of /a/b", empty: none */
	char stat_path[512];  /* cpu.stat of the cgroup with that quota, empty: none */
	bool v1;
};

int ft_cgroup_cores(int pid, struct ft_cores *out);
/* The same with a root directory before every absolute path ("" in life), for tests. */
int ft_cgroup_cores_at(const char *root, int pid, struct ft_cores *out);
/*
 * Time so far that the quota kept runnable tasks of that cgroup from running, summed over cores,
 * in ns. 0 without a quota.
 */
int ft_cgroup_throttled(const struct ft_cores *c, __u64 *ns);

#endif
