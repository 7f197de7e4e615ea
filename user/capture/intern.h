/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables of a session's stacks: each string, frame, node and weight once, numbered in the order
 * of appearance. Pure.
 */
#ifndef FT_CAPTURE_INTERN_H
#define FT_CAPTURE_INTERN_H

#include "record/stacks.h"

struct ft_intern;

/* At most node_max nodes; what would be beyond is FT_NO_STACK. 0 or -ENOMEM. */
int ft_intern_new(size_t node_max, struct ft_intern **out);
void ft_intern_free(struct ft_intern *t); /* NULL is fine */

/*
 * The number of a frame, which is copied. Strings longer than FT_FRAME_STRING_MAX are cut; they
 * must be valid UTF-8 without NUL. An empty name becomes "?". 0 or -ENOMEM.
 */
int ft_intern_frame(struct ft_intern *t, const struct ft_frame *f, __u32 *frame);
/* The node of a frame under another node (FT_NO_STACK: outermost). FT_NO_STACK in *node: full. */
int ft_intern_node(struct ft_intern *t, __u32 parent, __u32 frame, __u32 *node);
/* Adds to a weight. */
int ft_intern_weight(struct ft_intern *t, const struct ft_weight *w);
/* Sets the weights to what they were at ft_intern_keep(): for sums that are read again and again.
 */
void ft_intern_rewind(struct ft_intern *t);
void ft_intern_keep(struct ft_intern *t);
/* Everything so far; valid until the next call of any other function but rewind and keep. */
void ft_intern_view(const struct ft_intern *t, struct ft_stacks *out);

#endif
