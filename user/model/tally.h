/* SPDX-License-Identifier: BSD-2-Clause */
/* Weights added up by what they belong to and where they are. */
#ifndef FT_MODEL_TALLY_H
#define FT_MODEL_TALLY_H

#include "base/map.h"
#include "record/stacks.h"

struct ft_tally_ent {
	__u32 what; /* the caller's number */
	__u32 frame;
	__u64 ns;
	__u64 cnt;
};

/* All zero is an empty one. */
struct ft_tally {
	struct ft_tally_ent *ent;
	size_t cnt;
	size_t cap;
	struct ft_map map;
};

/* 0 or -ENOMEM. */
int ft_tally_add(struct ft_tally *t, __u32 what, __u32 frame, __u64 ns, __u64 cnt);
void ft_tally_free(struct ft_tally *t); /* NULL is fine */

#endif
