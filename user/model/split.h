/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One thread of a report from its record, and sums of such threads. What a thread did while it was
 * on a core is known from GIL probes where there were some, and from timer ticks elsewhere.
 */
#ifndef FT_MODEL_SPLIT_H
#define FT_MODEL_SPLIT_H

#include "model/model.h"

/*
 * How far the true share can be from the estimate k / n, with 99 % confidence: the distance from
 * the estimate to the farther end of the Wilson interval (which is not centred on it, so that half
 * its width would be too little near 0 and 1). 1 when n is 0.
 */
double ft_wilson_err(__u64 k, __u64 n);

/* What the parts of on-core time need to know of the session. */
struct ft_split_ctx {
	bool gil_off;		   /* no thread holds a GIL: its ticks are GIL-free ones */
	__u64 tick_cnt[FT_ON_CNT]; /* of the whole process: the estimate for threads without any */
};

/* Adds the ticks of a record to the context's. */
void ft_split_ctx_add(struct ft_split_ctx *ctx, const struct ft_thread_rec *rec);
/* Fills *t from a record; state_ns of the three on-core states adds up to on_ns exactly. */
void ft_split_thread(const struct ft_split_ctx *ctx, const struct ft_thread_rec *rec,
		     struct ft_mthread *t);
/*
 * Adds t's figures to *sum (maxima for gil_wait_max_ns). Call ft_split_sum_end() once after the
 * last: the interval of a sum comes from all its ticks, it is not the sum of the intervals.
 */
void ft_split_sum(struct ft_mthread *sum, const struct ft_mthread *t);
void ft_split_sum_end(struct ft_mthread *sum);

#endif
