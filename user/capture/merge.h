/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One stack out of three: the kernel's, the native one and Python's, in the order in which they
 * called each other. Pure.
 */
#ifndef FT_CAPTURE_MERGE_H
#define FT_CAPTURE_MERGE_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include "ftprof_abi.h"

enum ft_part {
	FT_PART_PY = 0,	  /* py[idx] */
	FT_PART_USER = 1, /* user[idx] */
	FT_PART_KERN = 2, /* kern[idx] */
	FT_PART_CUT = 3,  /* native frames are missing here; idx: the last user frame, or none */
	/*
	 * The native frames are whole, but too few of them were recognised as eval loops: the
	 * Python frames that follow belong somewhere between them. No idx.
	 */
	FT_PART_UNSEEN = 4,
};

#define FT_MERGE_MAX (FT_PY_ELEMS + FT_USER_DEPTH + FT_KERN_DEPTH + 2)
#define FT_MERGE_NO_IDX 0xffffu

struct ft_merged {
	__u8 part; /* enum ft_part */
	__u16 idx;
};

/* How a user frame is seen by the merge. */
enum ft_native_role {
	FT_NR_PLAIN = 0,
	FT_NR_EVAL = 1, /* an eval loop of the interpreter: stands for one run of Python frames */
	FT_NR_ROOT = 2, /* where a thread begins */
	/*
	 * What calls an eval loop: when the walk did not show that loop, it is there all the same.
	 * A function without a frame pointer of its own hides its caller: C code that the eval loop
	 * calls hides the eval loop.
	 */
	FT_NR_CALLS_EVAL = 4,
	/*
	 * Stands between the two when frames are evaluated through a hook (PEP 523; -X perf has one
	 * and code made at run time): the loop inside it is that of the caller outside it.
	 */
	FT_NR_PASSES = 5,
	FT_NR_BAD = 3, /* no code there: the walk went astray, this and all outer ones */
};

struct ft_merge {
	const struct ft_pyframe *py; /* innermost first, as all */
	size_t py_cnt;
	const __u8 *role; /* [user_cnt] enum ft_native_role */
	size_t user_cnt;
	size_t kern_cnt;
	bool native; /* native frames were asked for */
};

/* Innermost first. Returns the number of elements in out[]. */
size_t ft_merge(const struct ft_merge *m, struct ft_merged out[FT_MERGE_MAX]);

#endif
