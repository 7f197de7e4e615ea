/* SPDX-License-Identifier: BSD-2-Clause */
/* What the running kernel offers, each as a check with its reason and remedy. */
#ifndef FT_OS_KERNEL_H
#define FT_OS_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

enum ft_kcheck {
	FT_KC_VERSION = 0, /* 5.15 and later */
	FT_KC_BTF = 1,
	FT_KC_LOCKDOWN = 2, /* "confidentiality" forbids reading memory from BPF */
	FT_KC_PARANOID = 3, /* perf_event_paranoid; only bars users without CAP_PERFMON */
	FT_KC_CNT = 4,
};

struct ft_check {
	const char *name; /* "kernel version" */
	bool ok;
	bool fatal;	  /* if not ok, a live session cannot run */
	char why[160];	  /* what was found, one sentence part: "6.1.0, 5.15 needed" */
	char remedy[160]; /* empty when ok */
};

/* Fills all of them; root stands before every path ("" in life). */
void ft_kernel_checks(const char *root, struct ft_check out[FT_KC_CNT]);
/* major << 16 | minor << 8 | patch of the running kernel (patch capped at 255); 0 on error. */
unsigned int ft_kernel_version(const char *root);

#endif
