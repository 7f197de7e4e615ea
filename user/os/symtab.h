/* SPDX-License-Identifier: BSD-2-Clause */
/* A table of named address ranges: filled in any order, finished, then asked by address. */
#ifndef FT_OS_SYMTAB_H
#define FT_OS_SYMTAB_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

struct ft_symtab_entry {
	__u64 addr;
	__u64 end;   /* beyond the last byte */
	__u64 reach; /* highest end of this and all lower entries */
	const char *name;
	__u32 seq; /* the order in which they came */
	__u8 rank; /* at one address the highest is kept */
	bool sized;
	/* of the user of the table: */
	bool settled, eval, root;
};

/* All zero is an empty table. */
struct ft_symtab {
	struct ft_symtab_entry *v;
	size_t cnt;
	size_t cap;
	char **text; /* what the names point into */
	size_t text_cnt;
	size_t text_cap;
	__u32 next_seq;
	bool latest; /* of ranges that overlap, and of those at one address, the last added counts
		      */
};

/* Makes t the owner of a malloc'ed text, in any case: it is freed when there is no memory. */
int ft_symtab_own(struct ft_symtab *t, char *text);
/*
 * Adds a range, or a label (size 0) that reaches up to the next entry, but not beyond limit. The
 * name must live as long as t. 0 or -ENOMEM.
 */
int ft_symtab_add(struct ft_symtab *t, __u64 addr, __u64 size, __u64 limit, const char *name,
		  __u8 rank);
/* Sorts; more can be added later, and then it is to be finished again. */
void ft_symtab_finish(struct ft_symtab *t);
/* The innermost entry that holds addr (or the latest), or NULL. */
struct ft_symtab_entry *ft_symtab_find(struct ft_symtab *t, __u64 addr);
/* Which of two names for one address is shown: fewer underscores in front, then the longer. */
int ft_symtab_name_cmp(const char *a, const char *b);
void ft_symtab_free(struct ft_symtab *t); /* leaves it empty */

#endif
