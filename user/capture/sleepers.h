/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stacks of threads that sleep for long: since before the session, or since a switch that was not
 * walked because there were too many. What a sleeping thread's memory says does not change, so user
 * space walks it. No sleep of a second and more is left without its stack.
 */
#ifndef FT_CAPTURE_SLEEPERS_H
#define FT_CAPTURE_SLEEPERS_H

#include <stdbool.h>
#include "capture/probe.h"
#include "capture/stacks.h"
#include "python/runtime.h"

struct ft_sleepers;

/* Borrows both. 0 or -ENOMEM. */
int ft_sleepers_new(struct ft_probe *p, struct ft_stacker *st, struct ft_sleepers **out);
void ft_sleepers_free(struct ft_sleepers *sl); /* NULL is fine */
/*
 * Walks the threads that sleep without a known stack: all of them right after the session began
 * (`begin`), else those that have slept for a while. Twice a second. What cannot be read stays
 * without a stack. 0 or -ENOMEM.
 */
int ft_sleepers_look(struct ft_sleepers *sl, int pid, const struct ft_runtime *rt, __u64 now,
		     bool begin);
/*
 * Adds the weights of the intervals that are open at the session's end: the threads' slots before
 * and after they were closed, [cnt] each; after ft_stacker_weights(). 0 or -ENOMEM.
 */
int ft_sleepers_close(struct ft_sleepers *sl, const struct ft_thread_rec *before,
		      const struct ft_thread_rec *after, size_t cnt, __u64 end_ns);

#endif
