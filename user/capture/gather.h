/* SPDX-License-Identifier: BSD-2-Clause */
/* What a session finds beside threads and stacks, gathered while it runs: record/findings.h. */
#ifndef FT_CAPTURE_GATHER_H
#define FT_CAPTURE_GATHER_H

#include "capture/freethread.h"
#include "capture/gcprobe.h"
#include "capture/probe.h"
#include "capture/stacks.h"
#include "python/runtime.h"
#include "record/session.h"

struct ft_gather;

/* Borrows p and st (NULL: no stacks). 0 or -errno. */
int ft_gather_new(struct ft_probe *p, struct ft_stacker *st, struct ft_gather **out);
void ft_gather_free(struct ft_gather *g); /* NULL is fine; waits for what it has under way */
/* The session has begun. */
void ft_gather_begin(struct ft_gather *g, __u64 start_ns);
/* Whose it is; rt must stay. Call again when the process replaced its program. */
void ft_gather_target(struct ft_gather *g, int pid, const struct ft_runtime *rt);
/* Twice a second, and when the session is over. gil: enum ft_gil_state as it was last read. */
void ft_gather_poll(struct ft_gather *g, __u64 now, __u32 gil);
/* The interpreter has told that a module brought the GIL back. 0 or -ENOMEM. */
int ft_gather_gil(struct ft_gather *g, const struct ft_ev_gil *ev);
/* All so far, with what *x and *gc (NULL: none) have; valid until the next call. NULL: no memory.
 */
const struct ft_findings *ft_gather_view(struct ft_gather *g, const struct ft_freethread *x,
					 const struct ft_gcprobe *gc, __u64 now);
/* The module that brought the GIL back, "" if it was not seen. */
const char *ft_gather_culprit(const struct ft_gather *g);

#endif
