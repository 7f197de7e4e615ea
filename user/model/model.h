/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The figures of a report, computed from a session's totals; pure. Views render it and compute
 * nothing themselves, so that every view shows the same number.
 */
#ifndef FT_MODEL_MODEL_H
#define FT_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include "record/session.h"

/* The states of a report, in the order of its JSON: on-core split by ticks or probes. */
enum ft_rstate {
	FT_R_ON_GIL = 0,
	FT_R_ON_FREE,
	FT_R_ON_SPIN,
	FT_R_GIL_WAIT,
	FT_R_GIL_SWITCH,
	FT_R_LOCK_WAIT,
	FT_R_SYNC_WAIT,
	FT_R_STW,
	FT_R_RUNQ,
	FT_R_BLOCKED,
	FT_R_FAULT,
	FT_R_STOPPED,
	FT_R_CNT,
};

struct ft_mthread {
	__u32 thr; /* index into the session's threads */
	__u32 tid;
	__u32 ns_tid;
	char name[32];
	__u64 lifetime_ns;
	__s64 residual_ns; /* lifetime minus the states */
	__u64 state_ns[FT_R_CNT];
	__u64 on_ns;	       /* exact; state_ns[ON_*] add up to it */
	__u64 on_split_err_ns; /* half width of the 99 % interval of each of ON_* */
	__u64 gil_wait_runq_ns;
	__u64 gil_waits, gil_waits_lo, gil_waits_hi;
	__u64 gil_wait_max_ns;
	__u64 held_off_ns;
	__u64 switches;
	__u64 ticks;
	__u64 tick_cnt[FT_ON_CNT];
	__u64 on_ticked_ns; /* the part of on_ns that ticks split; the rest is exact */
	__u64 gil_wants_ns; /* gil_wait + gil_switch */
	__u64 want_ns;	    /* not asleep of its own will: on core, or waiting for something */
	bool leader;	    /* the main thread */
	bool python;	    /* has been seen with a GIL or a thread state; else a native thread */
	bool exited;
};

/* Threads with like names ("AnyIO worker thread" x40), or a single one. */
struct ft_mgroup {
	char name[48]; /* with " x40" where cnt > 1 */
	__u32 tail;    /* bytes at its end that are the report's own words */
	__u32 cnt;
	__u32 first; /* threads[first..first + cnt): the model sorts them by group */
	struct ft_mthread sum;
};

enum ft_verdict_kind {
	FT_V_INCONCLUSIVE = 0,
	FT_V_GIL_BOUND,
	FT_V_GIL_RETURNED,
	FT_V_LOCK_BOUND,
	FT_V_SHARING_BOUND,
	FT_V_STW_BOUND,
	FT_V_CPU_STARVED,
	FT_V_IO_BOUND,
	FT_V_SINGLE_THREADED,
	FT_V_PARALLEL,
	FT_V_IDLE,
};

struct ft_verdict {
	enum ft_verdict_kind kind;
	char text[512];	  /* one or two plain sentences with the numbers */
	char advice[512]; /* what to do next; lines separated by \n */
};

struct ft_syscall_share {
	__u32 nr;
	char name[24];
	__u64 ns;
};

struct ft_scaling;
struct ft_findings;

struct ft_model {
	const struct ft_session_info *info; /* borrowed from the reader */
	const struct ft_totals *totals;
	const char *damage; /* of the file, or NULL */
	__u64 duration_ns;
	struct ft_mthread *threads; /* grouped, heaviest group first */
	size_t thread_cnt;
	struct ft_mgroup *groups;
	size_t group_cnt;
	struct ft_mthread all; /* sums over the threads */
	__u32 cores;	       /* usable at once: allowed cores, capped by the quota (rounded up) */
	double core_limit;     /* the same, not rounded */
	/* parallelism */
	double par_mean;   /* over the time with at least one thread on a core */
	__u64 par_any_ns;  /* that time */
	double cores_used; /* on-core time / duration */
	__u32 par_max;	   /* highest level with time */
	__u64 lost_ns;
	double lost_cores; /* lost_ns / duration */
	/* the GIL */
	bool gil_present; /* false: off at the end (it may still have come back for an import) */
	__u64 held_ns;	  /* on_gil + held off core */
	__u64 held_off_ns;
	__u64 wait_ns, waits, waits_lo, waits_hi;
	__u64 wait_p50_ns, wait_p99_ns, wait_max_ns;
	struct {
		__u64 waits, p50_ns, p99_ns;
	} by_origin[FT_OR_CNT];
	__u64 handoffs;
	double handoffs_per_sec;
	__u64 hold_p50_ns, hold_p99_ns; /* by probes; 0 when none were used */
	/* events */
	__u64 received, lost;
	double loss_share;
	__u64 missed_threads; /* that no slot was left for: in no figure */
	/* cost */
	double self_core_share; /* ftprof's CPU time and its BPF programs' / duration */
	struct ft_syscall_share top_syscalls[4];
	size_t top_syscall_cnt;
	struct ft_scaling *scaling; /* model/scaling.h; never NULL */
	struct ft_verdict verdict;
};

/* Time with lo to hi threads of the process on cores at once. */
struct ft_level {
	__u32 lo;
	__u32 hi;
	__u64 ns;
};

#define FT_LEVELS_MAX 16

/* What a model is made from. */
struct ft_model_src {
	const struct ft_session_info *info;
	const struct ft_totals *totals;
	const struct ft_thread_rec *recs;
	size_t cnt;
	const char *damage;		    /* NULL: none */
	const struct ft_findings *findings; /* NULL: none */
	const struct ft_stacks *stacks;	    /* NULL: none */
	/* time that the cores of the process gave to others, by events; 0: not known */
	__u64 others_ns;
};

/* Builds *out from a reader, which must outlive it. 0 or -errno. */
int ft_model_build(struct ft_reader *r, struct ft_model *out);
/*
 * The same from its parts, which must outlive *out too. Nothing in them is trusted. On error *out
 * is zeroed. 0, -EINVAL or -ENOMEM.
 */
int ft_model_from(const struct ft_model_src *src, struct ft_model *out);
void ft_model_free(struct ft_model *m); /* NULL is fine */
/*
 * Parallelism for a table: levels with time, the high ones in ranges of powers of two when there
 * are many. Returns how many of out[] were filled.
 */
size_t ft_model_levels(const struct ft_model *m, struct ft_level out[FT_LEVELS_MAX]);
/* part / whole, 0 when whole is 0. */
double ft_share(__u64 part, __u64 whole);

/* The value below which a share q (0..1) of the histogram's counts lie, in ns; 0 when empty. */
__u64 ft_hist_quantile(const __u64 *hist, size_t len, double q);
/* "gil_bound" and so on; the names of the JSON. */
const char *ft_verdict_name(enum ft_verdict_kind kind);
const char *ft_rstate_name(enum ft_rstate s); /* "on_gil" */
const char *ft_gil_state_name(__u32 gil);     /* "enabled_by_import", of an enum ft_gil_state */
const char *ft_gil_words(__u32 gil);	      /* "GIL switched on", for people */
/* The words people read: "waits GIL"; the build decides "native, GIL free" or "running". */
const char *ft_rstate_words(enum ft_rstate s, bool gil_present);
/* Fills m->verdict; verdict.c, rules and thresholds in docs/verdict.md. */
void ft_verdict_decide(struct ft_model *m);

#endif
