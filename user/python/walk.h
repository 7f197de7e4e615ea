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
 * Walks the stack of a thread state, innermost frame first; marks in it tell what could not be
 * read. Of a thread that sleeps the stack is exact. Of one that runs, all frames are copied within
 * a microsecond or so; a stack put together from two moments is then about one in a hundred where
 * nothing but calls and returns happen, more if it is spread over too much memory to be copied
 * (24 KB). The number of elements in out[], or -errno (-ESRCH: the process is gone; -ENODATA: no
 * layout).
 */
int ft_py_walk(int pid, const struct ft_pylayout *l, __u64 tstate,
	       struct ft_pyframe out[FT_PY_ELEMS]);
/* A mark in words: "[deeper than 128 frames]". *error: whether a walk went wrong there. */
const char *ft_py_mark(enum ft_pymark mark, int *error);

#endif
