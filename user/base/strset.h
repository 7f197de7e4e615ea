/* SPDX-License-Identifier: BSD-2-Clause */
/* A set of strings, each kept once and numbered in the order in which they came. */
#ifndef FT_BASE_STRSET_H
#define FT_BASE_STRSET_H

#include <linux/types.h>
#include <stddef.h>

struct ft_strset_block;

struct ft_string {
	const char *s; /* NUL-terminated; stays where it is until the set is cleared or freed */
	size_t len;
	__u64 hash;
};

/* All zero is an empty set. */
struct ft_strset {
	struct ft_string *v;
	size_t cnt;
	size_t cap;
	__u32 *slot; /* number + 1, 0: free */
	size_t slot_cnt;
	struct ft_strset_block *block; /* where the bytes are: the last one first */
	__u64 seed;
};

/*
 * The number of a string of len bytes (any bytes; a NUL is added) in *no; adds it when it is not
 * there yet. 0, -ENOMEM, -EFBIG beyond 2^31 strings.
 */
int ft_strset_add(struct ft_strset *set, const char *s, size_t len, __u32 *no);
/* Forgets all strings and keeps some of the memory. */
void ft_strset_clear(struct ft_strset *set);
void ft_strset_free(struct ft_strset *set); /* NULL is fine; leaves an empty set */

#endif
