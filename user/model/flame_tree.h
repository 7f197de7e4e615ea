/* SPDX-License-Identifier: BSD-2-Clause */
/* What flames are made with: trees that grow by (parent, frame), and frames that count as one. */
#ifndef FT_MODEL_FLAME_TREE_H
#define FT_MODEL_FLAME_TREE_H

#include "base/map.h"
#include "model/flame.h"

struct ft_stack_tree {
	struct ft_flame_node *node; /* [0] is the root */
	size_t cnt;
	size_t cap;
	struct ft_map child;
};

/* 0 or -ENOMEM; on error there is nothing to free. */
int ft_stack_tree_init(struct ft_stack_tree *t);
/* The child of `parent` that is `frame`, made when it is not there. 0 or -ENOMEM. */
int ft_stack_tree_child(struct ft_stack_tree *t, __u32 parent, __u32 frame, __u32 *out);
/*
 * Adds the totals up, sorts brothers by name and file, and numbers the nodes so that every
 * subtree is one run of numbers with its root first. 0 or -ENOMEM.
 */
int ft_stack_tree_finish(struct ft_stack_tree *t, const struct ft_frame *frame, size_t frame_cnt);
void ft_stack_tree_free(struct ft_stack_tree *t); /* NULL is fine */

/* Saturates: a damaged file must not make a large sum a small one. */
__u64 ft_add_sat(__u64 a, __u64 b);

/*
 * Deals `total` out over weights that add up to `sum`, in proportion and without a remainder: what
 * is rounded off one comes to the next.
 */
struct ft_deal {
	__u64 total;
	unsigned __int128 sum;
	unsigned __int128 seen;
	__u64 given;
};

__u64 ft_deal(struct ft_deal *d, __u64 weight);

/* The last part of a path. */
const char *ft_base_name(const char *path);

typedef int (*ft_frame_cmp)(const struct ft_frame *a, const struct ft_frame *b);

int ft_frame_cmp_all(const struct ft_frame *a, const struct ft_frame *b);      /* name first */
int ft_frame_cmp_function(const struct ft_frame *a, const struct ft_frame *b); /* but for lines */
/* What a function is in another session: its name, and the last part of its file's. */
int ft_frame_cmp_moved(const struct ft_frame *a, const struct ft_frame *b);
/*
 * Puts the number of its class into of[i] for each frame: frames that cmp holds for equal are one
 * class, and classes are numbered in the order of cmp. 0 or -ENOMEM.
 */
int ft_frame_classes(const struct ft_frame *frame, size_t cnt, ft_frame_cmp cmp, __u32 *of,
		     size_t *class_cnt);

#endif
