/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walk of include/ftprof_pywalk.h from user space: a look at the stack of a thread that runs
 * on, or is asleep.
 */
#ifndef FT_PYTHON_WALK_H
#define FT_PYTHON_WALK_H

#include <linux/types.h>
#include "ftprof_abi.h"

/*
 * Walks the stack of a thread state, innermost frame first. A stack that changes meanwhile is
 * walked again, a few times; marks in it tell what could not be read. Of a thread that sleeps the
 * stack is exact. That of one that runs may be put together from several moments: where nothing
 * but calls and returns happen, 6 to 16 % of the stacks are ones that never were. The number of
 * elements in out[], or -errno (-ESRCH: the process is gone; -ENODATA: no layout).
 */
int ft_py_walk(int pid, const struct ft_pylayout *l, __u64 tstate,
	       struct ft_pyframe out[FT_PY_ELEMS]);
/* A mark in words: "[deeper than 128 frames]". *error: whether a walk went wrong there. */
const char *ft_py_mark(enum ft_pymark mark, int *error);

#endif
