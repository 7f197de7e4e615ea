/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watching a session while it runs: events as they are decoded, and the session as it stands once
 * in a while. A session that is watched writes no file.
 */
#ifndef FT_CAPTURE_WATCH_H
#define FT_CAPTURE_WATCH_H

#include "record/session.h"

/*
 * A session as it stands: what its file would hold if it ended now. Threads are closed in copies;
 * one that exited a while ago may have given its number to another.
 */
struct ft_snap {
	const struct ft_session_info *info; /* the session's own */
	const struct ft_findings *findings; /* the session's own, until the next snapshot */
	struct ft_stacks stacks;	    /* as findings; all 0: none */
	struct ft_totals *totals;	    /* owned */
	struct ft_thread_rec *recs;	    /* owned; by thread number */
	size_t cnt;
};

void ft_snap_free(struct ft_snap *s); /* NULL is fine; leaves it empty */

#define FT_WATCH_END 1

/*
 * All callbacks return 0 to go on, FT_WATCH_END to end the session, or -errno to fail it (logged).
 * They are called by the thread that runs the session, which reads nothing meanwhile: they must
 * not wait.
 */
struct ft_watch {
	void *ctx;
	__u64 period_ns;
	/* An event, nearly in order of time; its stack is not known. */
	int (*event)(void *ctx, const struct ft_event *ev);
	/* Once a period: every event up to s->totals->end_ns has been told. *s is freed after it.
	 */
	int (*snapshot)(void *ctx, const struct ft_snap *s);
	/* -1: none; input() is called when it can be read, and after any signal; a hang-up ends it
	 */
	int fd;
	int (*input)(void *ctx);
	/* so long after its exit a thread keeps its number; events of it may be kept that long */
	__u64 keep_ns;
};

#endif
