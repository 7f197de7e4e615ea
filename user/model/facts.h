/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a verdict is decided from. Unless said otherwise in threads (or cores) at a time: the
 * figure divided by the session's length. Between verdict.c, which decides, and verdict_text.c,
 * which says why.
 */
#ifndef FT_MODEL_FACTS_H
#define FT_MODEL_FACTS_H

#include "model/model.h"

struct ft_facts {
	double secs;	 /* length of the session */
	double limit;	 /* cores that the process may use */
	double used;	 /* cores that it used */
	double want;	 /* threads that ran, or would have if nothing had stood in their way */
	double gil;	 /* waited for the GIL (gil_wait + gil_switch) */
	double gil_runq; /* of those, already woken and waiting for a core */
	double lock;	 /* asleep for a lock inside an object or the runtime */
	double spin, spin_err;
	double sync_lock; /* of sync: for locks that another thread had; the rest waits idly */
	double line;	  /* on a core, waiting for the cache line of a lock */
	double shared;	  /* on a core, for reference counts that several threads change */
	double shared_share, shared_err; /* of used, and how far that can be off */
	double stw;
	double runq;
	double sync;   /* asleep in the program's own locks and queues */
	double asleep; /* in system calls and page faults */
	double io;     /* of those, in calls that wait for I/O or a timer */
	double stopped;
	double busy_asleep; /* asleep, without a main thread that only waits for the others */
	double lost;	    /* cores that idled while threads wanted the GIL */
	double held;	    /* GIL held, on a core and off it */
	double contended; /* share of the session with a thread waiting for the GIL, or the GIL held
			   */
	double held_off;
	double gil_share; /* of want */
	double runq_share;
	/* lock + spin + line + sync_lock, the same of want and sync_lock, and its interval */
	double lock_all;
	double lock_share, lock_share_lo, lock_share_hi;
	double stw_share;
	double top_share;	 /* the busiest thread's part of want */
	double top_want, top_on; /* the busiest thread's */
	const struct ft_mthread *top;
	unsigned int busy; /* threads that wanted to run for at least half of the session */
	bool serial;	   /* one at a time, although nothing but the program itself forced it */
};

/* Writes m->verdict.text and advice for m->verdict.kind. */
void ft_verdict_say(struct ft_model *m, const struct ft_facts *f);

#endif
