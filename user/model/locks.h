/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contended locks of a session: what each one is, what it cost, who waited for it and where. Idle
 * waiting in the standard library's own locks and queues is told apart: it is no contention.
 */
#ifndef FT_MODEL_LOCKS_H
#define FT_MODEL_LOCKS_H

#include "model/model.h"
#include "model/place.h"
#include "record/findings.h"

struct ft_mlock {
	__u32 kind; /* enum ft_lock_kind; never FT_LK_TYPE */
	/* "list", "_thread.lock", "queue.Queue", "type lock"; a stranger's bytes */
	char name[96];
	/* FT_LK_RUNTIME: "interpreter+0x2ff68"; FT_LK_OBJECT, a dict: "class C"; or empty */
	char part_of[96];
	__u64 addr;    /* 0: several */
	__u32 objects; /* how many locks this row has: small ones of one name and place are one */
	__u64 waits;
	__u64 wait_ns;
	__u64 idle_ns; /* of wait_ns: waiting for something to happen, which is no contention */
	__u64 wait_max_ns;
	__u64 yields; /* an estimate from windows, and its 99 % interval */
	__u64 yields_lo, yields_hi;
	__u64 spin_ticks;
	__u64 spin_ns;	    /* a part of the state on_spin */
	__u64 spin_err_ns;  /* how far that can be off: 99 % */
	__u64 spin_idle_ns; /* of spin_ns, before waiting for something to happen */
	__u64 line_ns;	    /* on a core, waiting for the cache line that the lock is in */
	__u32 threads;	    /* that waited or spun; at least, when `many` */
	bool many;
	char waiter[FT_PLACE_LEN]; /* where most of the time of waiting was, or empty */
	char owner[FT_PLACE_LEN];  /* where those stood that ended the waits, or empty */
};

struct ft_locks {
	struct ft_mlock *row; /* contended ones first, heaviest first, then those that only idled */
	size_t cnt;
	size_t contended;
	struct ft_mlock unknown; /* what no lock of these can be told for */
	__u64 wait_ns;		 /* sums of contended rows and the unknown: asleep */
	__u64 sync_ns;		 /* of it, in the program's own locks (state sync_wait) */
	__u64 spin_ns;
	__u64 spin_idle_ns; /* of the state on_spin, in front of idle waiting */
	__u64 line_ns;
};

/*
 * Builds *out. f and s may be NULL; m has its figures of threads and states, and totals. `line_ns`:
 * the time on cores for which shared reference counts and locks kept it waiting (their share of
 * FT_SK_SHARED is the locks'). 0 or -ENOMEM, and then there is nothing to free.
 */
int ft_locks_build(const struct ft_model *m, const struct ft_findings *f, const struct ft_stacks *s,
		   __u64 line_ns, struct ft_locks *out);
void ft_locks_free(struct ft_locks *l); /* NULL is fine */

/* Asleep for it because another thread had it. */
__u64 ft_lock_contended_ns(const struct ft_mlock *l);
/* What it cost: asleep, spinning, and waiting for its cache line. */
__u64 ft_lock_cost_ns(const struct ft_mlock *l);
const char *ft_lock_kind_name(__u32 kind); /* "object" */
/* The record of a number, NULL: there is none. Records stand in ascending order. */
const struct ft_lock_rec *ft_lock_find(const struct ft_findings *f, __u32 id);

#endif
