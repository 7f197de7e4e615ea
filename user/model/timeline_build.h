/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The builder of a timeline, fed with events one by one: ft_timeline_build() without the file.
 */
#ifndef FT_MODEL_TIMELINE_BUILD_H
#define FT_MODEL_TIMELINE_BUILD_H

#include "model/timeline.h"

struct ft_tl_input {
	__u64 from_ns, to_ns; /* the window */
	__u64 session_end_ns; /* no open interval goes further */
	__u32 cols, thread_max;
	const struct ft_thread_rec *recs; /* must outlive the builder */
	size_t rec_cnt;
	const __u16 *cpus; /* allowed cores: they have lanes even when idle */
	size_t cpu_cnt;
	const struct ft_model *m; /* for the shares; may be NULL */
	bool gil; /* the session saw a GIL; decides what on-core time is without any evidence */
};

struct ft_tl_builder;

/* 0, -EINVAL (no columns, too many, from after to), -ENOMEM. */
int ft_tl_builder_new(const struct ft_tl_input *in, struct ft_tl_builder **out);
/* See ft_spans_prime(): when events before the window are not there. */
void ft_tl_builder_prime(struct ft_tl_builder *b, __u32 thr, __u64 seg_ns, __u32 next_seq,
			 __u16 cpu);
/* Nearly sorted events (see timeline_order.h) of the whole session. 0 or -ENOMEM. */
int ft_tl_builder_event(struct ft_tl_builder *b, const struct ft_event *ev);
/* Closes what is open and hands the timeline over. Call once, then free the builder. 0 or -ENOMEM.
 */
int ft_tl_builder_finish(struct ft_tl_builder *b, struct ft_timeline **out);
void ft_tl_builder_free(struct ft_tl_builder *b); /* NULL is fine */

#endif
