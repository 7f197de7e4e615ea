/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stretch between two looks at one session, as if it were a session of its own: ft_model_from()
 * of it gives every figure of the last seconds by the code that makes those of a report. Pure.
 *
 * Sums are subtracted, and never fall below 0: how an open interval was closed in the first look
 * can differ from what it came to be, and then the residual of its thread shows it. Of a maximum it
 * is exact when it grew; else it is the old one or what the histogram allows, whichever is smaller.
 */
#ifndef FT_MODEL_DELTA_H
#define FT_MODEL_DELTA_H

#include "model/model.h"

/* A copy of a look, for the next one to be compared with. */
struct ft_delta_base;

/* Frames and nodes are not copied: only sums are wanted of it. 0 or -ENOMEM. */
int ft_delta_base_new(const struct ft_model_src *src, struct ft_delta_base **out);
void ft_delta_base_free(struct ft_delta_base *c); /* NULL is fine */
__u64 ft_delta_base_end_ns(const struct ft_delta_base *c);

struct ft_delta {
	struct ft_model_src src; /* for ft_model_from(); all in it stays until the delta is freed */
	__u32 *number;		 /* [src.cnt] the thread's number in the later look, ascending */
	struct ft_session_info info;
	struct ft_totals totals;
	struct ft_thread_rec *recs;
	struct ft_findings findings; /* lock and pause are owned, the rest the later look's */
	struct ft_weight *weight;
	struct ft_stacks stacks; /* frames and nodes are the later look's */
};

/*
 * What happened after `from` (NULL: the session's start) up to `to`, which must outlive *out. A
 * thread is the same in both when it has the same number and began at the same time; one that ended
 * before is left out. src.others_ns is 0. 0, -EINVAL when `from` is later than `to`, or -ENOMEM.
 */
int ft_delta_new(struct ft_delta_base *from, const struct ft_model_src *to, struct ft_delta **out);
void ft_delta_free(struct ft_delta *d); /* NULL is fine */

#endif
