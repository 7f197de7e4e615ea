/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From slots to threads: numbers the threads of a session, turns ring records into events for the
 * session file, and keeps the totals of threads that exited.
 */
#ifndef FT_CAPTURE_COLLECTOR_H
#define FT_CAPTURE_COLLECTOR_H

#include "capture/probe.h"
#include "capture/stacks.h"
#include "record/session.h"

struct ft_collector;

/* What happens to the process, told as it is decoded. */
struct ft_collector_events {
	void *ctx;
	void (*on_exec)(void *ctx, __u32 pid, __u64 ts);
	void (*on_fork)(void *ctx, __u32 pid, __u64 ts);
	void (*on_gil)(void *ctx, const struct ft_ev_gil *ev);
	/* every event, before its stack is known; an error ends the session */
	int (*on_event)(void *ctx, const struct ft_event *ev);
	/* > 0: so long after its exit a thread's number may go to another, so that memory does not
	 * grow with the threads that ever were. Only where no file is written. */
	__u64 keep_ns;
};

/* The writer may be NULL (nothing is kept), the stacker too (no stacks). Borrows all three. */
int ft_collector_new(struct ft_probe *p, struct ft_writer *w, struct ft_stacker *st,
		     const struct ft_collector_events *ev, struct ft_collector **out);
/*
 * Decodes what the rings hold, and gives back the slots of threads that exited. 0 or -errno of
 * the rings; a writer's error is left to the writer.
 */
int ft_collector_drain(struct ft_collector *c);
/*
 * Writes the events that wait for the description of their stack, with it or without: after the
 * last drain, or they would be lost.
 */
void ft_collector_flush(struct ft_collector *c);
/*
 * The threads of the session so far, every open interval of a copy closed at end_ns. The array is
 * malloc'ed. What closing ended is added to *t (NULL: not wanted): GIL waits to wait_hist, sleeps
 * in system calls to syscall_ns.
 */
int ft_collector_threads(struct ft_collector *c, __u64 end_ns, struct ft_thread_rec **recs,
			 size_t *cnt, struct ft_totals *t);
/* The name that a thread has by now (comm; it is set after the thread began). */
void ft_collector_rename(struct ft_collector *c, __u32 thr, const char *name);
__u64 ft_collector_malformed(const struct ft_collector *c);
/* Threads that are there now, and on-core and gil_wait ns of all threads up to now: for progress.
 */
struct ft_live {
	__u32 threads;
	__u64 on_ns;
	__u64 gil_wait_ns;
};
void ft_collector_live(struct ft_collector *c, __u64 now, struct ft_live *out);
void ft_collector_free(struct ft_collector *c); /* NULL is fine */

#endif
