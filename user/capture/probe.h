/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life cycle of the BPF programs: open, load, attach, seed, drain, close. probe.c and
 * probe_tables.c alone see the skeleton.
 */
#ifndef FT_CAPTURE_PROBE_H
#define FT_CAPTURE_PROBE_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include "ftprof_abi.h"

struct ft_probe;

struct ft_probe_opts {
	__u32 slot_max;	   /* threads followed at one time */
	__u32 cores;	   /* that the process may use at once */
	const __u16 *cpus; /* that it may run on */
	__u32 cpus_cnt;
	bool with_events;    /* false: totals only */
	bool uprobes;	     /* load the GIL probes too */
	bool gc;	     /* and those on collections */
	bool free_threaded;  /* and what only free-threaded builds need: pauses, yields */
	__u32 tick_hz;	     /* on each allowed core; 0: no ticks */
	__u32 stack_hz;	     /* on-core stacks a second and core; 0: no stacks */
	bool native;	     /* with native user frames */
	bool kernel;	     /* with kernel frames */
	__u32 walks_per_sec; /* stacks of switches, on each core; above it one in n */
	size_t ring_bytes;   /* all rings together */
};

enum ft_probe_prog {
	FT_PROG_TAKE = 0,
	FT_PROG_DROP = 1,
	FT_PROG_SIGNAL = 2,
	FT_PROG_STOP_WORLD = 3,
	FT_PROG_START_WORLD = 4,
	FT_PROG_WARN = 5,
	FT_PROG_CNT = 6,
};

/* Opens and loads. The error has been logged. 0 or -errno. */
int ft_probe_open(const struct ft_probe_opts *opts, struct ft_probe **out);
/* Attaches the passive programs; nothing is counted before ft_probe_start(). */
int ft_probe_attach(struct ft_probe *p);
/* Makes the process behind a pidfd target `idx`. */
int ft_probe_member(struct ft_probe *p, int pidfd, __u32 idx);
/* Publishes what is known of a target's interpreter, `runtime` last; keeps what the BPF side wrote.
 */
int ft_probe_set_target(struct ft_probe *p, __u32 idx, const struct ft_target *t);
int ft_probe_get_target(struct ft_probe *p, __u32 idx, struct ft_target *t);
/* Begins the session: seeds the threads that are there. *start_ns: CLOCK_MONOTONIC. */
int ft_probe_start(struct ft_probe *p, __u64 *start_ns);
/* Seeds again: after another process became a target while the session runs. */
int ft_probe_reseed(struct ft_probe *p);
/* Ends counting; *end_ns as above. The programs stay attached until ft_probe_close(). */
int ft_probe_stop(struct ft_probe *p, __u64 *end_ns);
/* Hands every record that is there to cb(ctx, data, len). Returns the number or -errno. */
int ft_probe_drain(struct ft_probe *p, int (*cb)(void *ctx, void *data, size_t len), void *ctx);
/* The slots, mapped; [slot_max]. Other cores write them: copy first, then look. */
const struct ft_thread *ft_probe_slots(const struct ft_probe *p, __u32 *max);
/* How many slots have ever been used: those beyond are empty. */
__u32 ft_probe_slots_used(const struct ft_probe *p);
/* Gives a slot back after its thread's exit. */
int ft_probe_free_slot(struct ft_probe *p, __u32 slot);
/* Adds up the per-CPU sums. level_ns: [level_max] etc. as in struct ft_totals. */
struct ft_probe_sums {
	struct ft_sums sums;
	__u64 level_ns[FT_MAX_CPUS + 1];
	__u64 syscall_ns[FT_MAX_SYSCALLS];
	__u64 hist[FT_OR_CNT + 1][FT_HIST_LEN];
};
int ft_probe_sums(struct ft_probe *p, struct ft_probe_sums *out);
/* The per-CPU counters alone, added up. */
int ft_probe_counters(struct ft_probe *p, struct ft_sums *out);
/* Brings the concurrency word up to now: at least every 30 s. */
int ft_probe_touch(struct ft_probe *p);
/* Run time and number of runs of all programs since load, as far as statistics were switched on. */
int ft_probe_run_time(struct ft_probe *p, __u64 *ns, __u64 *runs, __u64 *misses);

/*
 * What the statistics add to each run while they are on, in ns: they read the clock twice, and one
 * reading falls inside what they measure. 0 when it cannot be measured. Statistics must be on.
 */
double ft_probe_stats_price(struct ft_probe *p);

/* Where a thread's state is: [cnt] thread ids (in the target's PID namespace) and addresses. */
int ft_probe_tstates(struct ft_probe *p, const __u32 *ns_tids, const __u64 *addrs, size_t cnt);
/* How often the target has replaced its program, modulo 256: h.slot of STACK and CODE records. */
__u16 ft_probe_program(const struct ft_probe *p);
/* The stack that the thread in a slot sleeps with. */
int ft_probe_sleeper(struct ft_probe *p, __u32 slot, const struct ft_sleeper *s);
/*
 * Calls cb for each weight of the kernel's table; with `take` they are taken out of it, which may
 * lose what is added in that very moment: only for a table that fills up, or when nothing is
 * counted any more. The number of weights, or -errno.
 */
int ft_probe_weights(struct ft_probe *p, bool take,
		     int (*cb)(void *ctx, const struct ft_wkey *k, const struct ft_wval *v),
		     void *ctx);
/* Waiters x time of a target's GIL up to `now`, in ns; 0 when it cannot be read. */
__u64 ft_probe_gil_wait(struct ft_probe *p, __u32 target, __u32 gil, __u64 now);
/*
 * Now and then begins the ticks' periods anew, at a moment that nothing in the target knows, so
 * that they keep step with nothing for long. What is left of a period is lost: a tick in five
 * hundred.
 */
void ft_probe_jitter(struct ft_probe *p, __u64 now);

/* Probes in the target: those of the GIL and those of pauses come and go on their own. */
struct ft_uprobe {
	enum ft_probe_prog prog;
	int pid;
	const char *path;
	__u64 offset;
};
enum ft_probe_set { FT_SET_GIL = 0, FT_SET_PAUSE = 1, FT_SET_WARN = 2, FT_SET_CNT = 3 };
/* Puts probes in, all at the same time. 0 or the first error; those that worked are in place. */
int ft_probe_attach_uprobes(struct ft_probe *p, enum ft_probe_set set, const struct ft_uprobe *u,
			    int n);
/* Takes a set's probes out of the target. */
void ft_probe_detach_uprobes(struct ft_probe *p, enum ft_probe_set set);
/* A new window of a set's probes (GIL or PAUSE): odd while they are in place. */
void ft_probe_window(struct ft_probe *p, enum ft_probe_set set, __u32 gen);
/*
 * Puts the tracepoint on sched_yield() in place, or takes it out: for milliseconds only, it slows
 * the whole host. Calls are counted while the window is open.
 */
int ft_probe_yields(struct ft_probe *p, bool on);
void ft_probe_yield_window(struct ft_probe *p, bool open);

/*
 * The tables of locks [FT_MAX_LOCKS] and of causes of pauses [FT_MAX_PAUSE_CAUSES] by their
 * numbers, and the histogram of time stopped [FT_HIST_LEN], mapped: other cores write them. An
 * entry with kind 0 (cnt 0) is not in use.
 */
const struct ft_lock *ft_probe_locks(const struct ft_probe *p);
const struct ft_pause *ft_probe_pauses(const struct ft_probe *p);
const __u64 *ft_probe_pause_hist(const struct ft_probe *p);

/*
 * The USDT probes on collections of the interpreter in a file: attached with sums of 0. 0, -ENOENT:
 * the file has no such probes, or -errno; of both or none.
 */
int ft_probe_attach_gc(struct ft_probe *p, int pid, const char *path);
/* Takes them out of the target. Nothing when they are not in place. */
void ft_probe_detach_gc(struct ft_probe *p);
/* Their sums [FT_GC_GENS], mapped: other cores write them. NULL without ft_probe_opts.gc. */
const struct ft_gc_gen *ft_probe_gc_gens(const struct ft_probe *p);

/* Detaches everything and frees p. NULL is fine. */
void ft_probe_close(struct ft_probe *p);

#endif
