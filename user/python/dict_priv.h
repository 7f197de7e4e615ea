/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dictionaries and strings of a process that runs on: shared inside this folder only. What is read
 * may be stale or torn, and no pointer in it is good before it was checked.
 */
#ifndef FT_PYTHON_DICT_PRIV_H
#define FT_PYTHON_DICT_PRIV_H

#include "python/runtime.h"

struct ft_dict_entry {
	__u64 key, value; /* 0: removed, or not written yet */
};

/*
 * The entries of what the caller holds for a dict, in the order in which they were added; owned by
 * the caller (free()). -EBADMSG: it is none, has more than max entries, or keeps its values outside
 * the keys that it shares with others (an instance's __dict__). -EFAULT, -ESRCH, -EPERM, -ENOMEM.
 */
int ft_dict_read(int pid, const struct ft_runtime *rt, __u64 dict, size_t max,
		 struct ft_dict_entry **out, size_t *cnt);
/*
 * What the caller holds for a str as UTF-8, cut to buf, its middle left out when it is longer.
 * 0 or -errno (-EFAULT also: it is none).
 */
int ft_dict_str(int pid, const struct ft_runtime *rt, __u64 addr, char *buf, size_t sz);

#endif
