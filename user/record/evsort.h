/* SPDX-License-Identifier: BSD-2-Clause */
/* A stable sort by time for what is nearly sorted: rings drained one after the other. */
#ifndef FT_RECORD_EVSORT_H
#define FT_RECORD_EVSORT_H

#include <linux/types.h>
#include <stddef.h>

struct ft_sort_key {
	__u64 ts;
	__u32 idx;
	__u32 pad;
};

/*
 * Sorts cnt keys by ts, equal ones in their order; tmp has room for cnt more. Returns the array
 * that holds the result: keys or tmp. The cost grows with the logarithm of the number of ascending
 * runs; it is one pass when all is sorted or nearly so.
 */
struct ft_sort_key *ft_sort_keys(struct ft_sort_key *keys, struct ft_sort_key *tmp, size_t cnt);

#endif
