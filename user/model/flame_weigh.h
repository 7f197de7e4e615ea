/* SPDX-License-Identifier: BSD-2-Clause */
/* Which weights answer a question, and how they are scaled to the report's own figures. */
#ifndef FT_MODEL_FLAME_WEIGH_H
#define FT_MODEL_FLAME_WEIGH_H

#include "model/flame.h"
#include "model/flame_tree.h"

/* Weights and what they must add up to: of a session, or of a stretch of it. */
struct ft_weighing {
	const struct ft_weight *weight;
	size_t cnt;
	__u64 total[FT_SK_CNT]; /* by kind, but for blame: that adds up to the wait for the GIL */
	bool gil_present;
};

/* How one question's weights are scaled; filled by ft_scale_init(). */
struct ft_scale {
	enum ft_of of;
	bool gil_present;
	struct ft_deal deal[FT_SK_CNT];
	__u64 no_stack[FT_SK_CNT]; /* time of a kind that has no weight at all */
	__u64 not_seen;		   /* of blame: waits with no holder that was seen */
	double factor;		   /* of blame: of what ticks saw; 0: nothing to scale */
	__u64 sampled_ns;
	__u64 samples;
};

void ft_scale_init(struct ft_scale *s, enum ft_of of, const struct ft_weighing *in);
/* The share of the next weight, in the order of the weighing; 0 when the question is another. */
__u64 ft_scale_next(struct ft_scale *s, const struct ft_weight *w);
/* The kind that a weight counts as, FT_SK_CNT: none that there is. */
unsigned int ft_weight_kind(const struct ft_weight *w, bool gil_present);
/* The exact totals of a session, from its model. */
void ft_weigh_totals(const struct ft_model *m, __u64 total[FT_SK_CNT]);

struct ft_stretch;
/*
 * The weights of [from_ns, to_ns) (CLOCK_MONOTONIC) from a session's events. `blame`: also those of
 * GIL blame, which cost another pass. *out holds what in->weight points to. 0 or -errno.
 */
int ft_stretch_weigh(struct ft_reader *r, const struct ft_model *m, __u64 from_ns, __u64 to_ns,
		     bool blame, struct ft_weighing *in, struct ft_stretch **out);
void ft_stretch_free(struct ft_stretch *range); /* NULL is fine */

#endif
