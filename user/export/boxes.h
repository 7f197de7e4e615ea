/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which nodes of a flame are drawn, and where. A picture has room for some thousand boxes: the
 * widest are kept, and what is left out is counted.
 */
#ifndef FT_EXPORT_BOXES_H
#define FT_EXPORT_BOXES_H

#include "model/flame.h"

#define FT_NO_NODE 0xffffffffu

/* The children of each node, brothers in the order of their numbers. */
struct ft_kin {
	__u32 *child; /* the first one, FT_NO_NODE: none */
	__u32 *next;  /* brother */
	size_t cnt;
};

/* -EINVAL when a node's parent or frame is none, -ENOMEM. */
int ft_kin_build(const struct ft_flame *f, struct ft_kin *out);
void ft_kin_free(struct ft_kin *k); /* NULL is fine */
/*
 * Depth first: the node after n, FT_NO_NODE when all were seen. *up: how many
 * levels are left behind; a child has none, a brother 1.
 */
__u32 ft_kin_next(const struct ft_kin *k, const struct ft_flame *f, __u32 n, __u32 *up);

struct ft_box {
	__u32 node;
	__u32 depth; /* 0: the root */
	__u64 x_ns;  /* its left edge, in the flame's own measure */
};

struct ft_boxes {
	struct ft_box *box; /* depth first; [0] is the root */
	size_t cnt;
	__u32 depth_max;
	size_t hidden_cnt; /* nodes left out */
	__u64 hidden_ns;   /* their time; what they are called by has it too */
	size_t gone_cnt;   /* of a difference: left out since only the other session has them */
	__u64 gone_ns;	   /* and their scaled time there */
};

struct ft_box_opts {
	__u64 min_ns;	  /* narrower boxes are left out */
	size_t max_bytes; /* widest first, boxes are taken until their cost is more than this */
	bool gone; /* those that only the other session has are taken too, as wide as there */
	/* bytes that a node will take; called once a node, the widest first */
	size_t (*cost)(void *ctx, const struct ft_flame *f, __u32 node);
	void *ctx;
};

/* 0, -EINVAL, -ENOMEM. */
int ft_boxes_build(const struct ft_flame *f, const struct ft_box_opts *o, struct ft_boxes *out);
void ft_boxes_free(struct ft_boxes *b); /* NULL is fine */

#endif
