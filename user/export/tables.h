/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the formats of other tools have in common: the tree of a flame depth first, the frames that
 * it uses, and tables in which each string and each function stands once.
 */
#ifndef FT_EXPORT_TABLES_H
#define FT_EXPORT_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include "base/text.h"
#include "model/flame.h"

#define FT_NO_INDEX 0xffffffffu

/* A flame depth first, which is the order of the files. */
struct ft_dfs {
	const struct ft_flame *f; /* borrowed */
	__u32 *order;	 /* numbers of nodes without the root: a node, then what it calls */
	__u32 *depth;	 /* by number of a node: frames of its stack; 0 for the root */
	__u32 *frame_of; /* by number of a node: index into frame[] */
	size_t order_cnt;
	__u32 max_depth;
	const struct ft_frame **frame; /* used ones, in the order of their first use */
	size_t frame_cnt;
	/* time of the root itself has no frame: it gets this mark's, else FT_NO_INDEX */
	__u32 bare_frame;
};

/* 0, -ENOMEM, or -EINVAL for a flame with an index out of range. Frees nothing of f. */
int ft_dfs_init(struct ft_dfs *t, const struct ft_flame *f);
void ft_dfs_free(struct ft_dfs *t); /* NULL and a zeroed one are fine */

/* Strings, each once, numbered from 0 in the order in which they came. */
struct ft_string;
struct ft_strings {
	struct ft_string *hash;
	const char **s; /* by number; owned */
	size_t cnt;
	size_t cap;
};

/* Its number, old or new, in *index. Copies s. 0, -ENOMEM. */
int ft_strings_add(struct ft_strings *t, const char *s, __u32 *index);
void ft_strings_free(struct ft_strings *t); /* NULL and a zeroed one are fine */

/* Frames that differ in their line only are one function. */
struct ft_function {
	__u32 name; /* numbers of strings */
	__u32 file;
	__u32 first_line; /* 0: not known */
	__u32 kind;	  /* enum ft_frame_kind */
};

struct ft_functions {
	struct ft_function_entry *hash;
	struct ft_function *fn;
	size_t cnt;
	size_t cap;
	__u32 *of_frame; /* by index into a tree's frame[] */
};

/*
 * Fills *fns (zeroed) and adds the names and files to *strings. With `printable`, what a terminal
 * would obey (ft_text_add_safe) is replaced in them. 0, -ENOMEM.
 */
int ft_functions_init(struct ft_functions *fns, const struct ft_dfs *t, struct ft_strings *strings,
		      bool printable);
void ft_functions_free(struct ft_functions *fns); /* NULL and a zeroed one are fine */

/* "gil_wait": the question as one word, for formats that name what is measured so. */
const char *ft_measure_name(enum ft_of of);
/* Appends what a reader shows as the profile's name: "app.py, pid 12: GIL wait: who...". */
void ft_profile_name(const struct ft_flame *f, struct ft_text *out);

#endif
