/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose a dict of a live process is: a class's, a module's, or nobody's that can be told. */
#ifndef FT_PYTHON_DICTOWNER_H
#define FT_PYTHON_DICTOWNER_H

#include <linux/types.h>
#include <stddef.h>
#include "python/runtime.h"

/* Where the mutex stands in a dict; free-threaded builds only. */
#define FT_DICT_MUTEX 10u

/*
 * Looks at the dict at this address: 0 and in buf "class C" when it is the namespace of a class, or
 * "globals of app" when it is a module's. Both are said only when the owner points back to the
 * dict: a copy of them is nobody's. Names are a stranger's bytes, cut to fit.
 *
 * -ENOENT: nobody's that can be told (an instance's __dict__, a plain dict, no dict at all, or one
 * that was being changed: another look may find it). -EOPNOTSUPP: this interpreter's types are not
 * known (before 3.13, or no symbol). -ESRCH, -EPERM, -ENOMEM. On error buf is empty.
 *
 * The process is not stopped. A few milliseconds at most: what is read is bounded.
 */
int ft_dict_owner(int pid, const struct ft_runtime *rt, __u64 dict, char *buf, size_t sz);

#endif
