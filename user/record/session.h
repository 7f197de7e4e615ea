/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The session file (.ftprof): what a live run keeps and what every report is made from.
 *
 * Append-only chunks, each zstd-compressed with a checksum: META (JSON), THREADS, TOTALS, EVENTS,
 * FRAMES, NODES, WEIGHTS, FINDINGS (JSON), then an INDEX and an END mark. META, THREADS, TOTALS,
 * WEIGHTS and FINDINGS may come several times: the last whole one counts, so that a file whose
 * writer was killed is readable up to its last whole chunk. docs/record-format.md describes the
 * bytes.
 */
#ifndef FT_RECORD_SESSION_H
#define FT_RECORD_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include "record/event.h"
#include "record/findings.h"
#include "record/stacks.h"

struct ft_writer;
struct ft_reader;

enum ft_engine { FT_ENGINE_PASSIVE = 0, FT_ENGINE_UPROBE = 1, FT_ENGINE_MIXED = 2 };
enum ft_gil_state {
	FT_GIL_UNKNOWN = 0,
	FT_GIL_ON = 1,	    /* a build that always has it */
	FT_GIL_OFF = 2,	    /* free-threaded, off */
	FT_GIL_ENABLED = 3, /* free-threaded, but on: -X gil=1, or an extension brought it back */
};
enum ft_end {
	FT_END_RUNNING = 0,   /* not written yet, or the writer was killed */
	FT_END_DURATION = 1,  /* -d is over */
	FT_END_INTERRUPT = 2, /* Ctrl-C */
	FT_END_EXIT = 3, /* the target exited; end_status as from wait(2) if it is ours, else -1 */
	FT_END_EXEC = 4, /* the target replaced its program */
};

#define FT_SITES_LEN 1024

/* What a session is about; META. Strings are UTF-8 made from a stranger's input: escape them. */
struct ft_session_info {
	char ftprof_version[32];
	char host[64];
	char kernel[96];
	__u64 start_wall_ns;	 /* CLOCK_REALTIME at start_ns */
	__u64 start_ns;		 /* CLOCK_MONOTONIC; all times of the file are on that clock */
	__u32 engine;		 /* enum ft_engine */
	__u32 cpu_cnt;		 /* possible CPUs of the host: core numbers are below it */
	__u16 cpus[FT_MAX_CPUS]; /* cores the process may use (affinity and cpuset), ascending */
	__u32 cpus_cnt;
	double quota; /* cpu.max as a number of cores, 0: none */
	__u32 tick_hz;
	bool has_events; /* false: totals only */
	__u32 stack_hz;	 /* on-core stacks a second and core, 0: no stacks in this session */
	bool native_frames;
	bool kernel_frames;
	/* one line for each library in which native stacks end early: no frame pointers */
	char cut[FT_SITES_LEN];
	/* the target */
	__u32 pid;
	char name[FT_COMM_LEN + 1];
	char exe[512];
	char cmdline[512];
	char python[16]; /* "3.14.6", empty while not known */
	__u32 python_hex;
	bool free_threaded;
	__u32 gil;		  /* enum ft_gil_state, at the end of the session */
	char gil_enabled_by[128]; /* module, empty: not known */
	__u32 switch_interval_us; /* sys.getswitchinterval(), 0: not known */
	__u32 children; /* Python processes that it is the parent of, not in the figures */
	char sites[FT_SITES_LEN];  /* one line a probe site in the target */
	char limits[FT_SITES_LEN]; /* one line for each thing that this session could not measure */
	__u32 end;		   /* enum ft_end */
	__s32 end_status;
};

/* A thread of the session, as its slot stood at its exit or was closed at the session's end. */
struct ft_thread_rec {
	struct ft_thread t; /* closed: since_ns is the thread's end */
	char name[32]; /* NUL-terminated, from comm at the end; arbitrary bytes of the target */
};

/* Process-wide totals. */
struct ft_totals {
	__u64 end_ns;
	struct ft_sums sums;			 /* added over the CPUs */
	__u64 level_ns[FT_MAX_CPUS + 1];	 /* time with exactly k threads on cores */
	__u64 wait_hist[FT_OR_CNT][FT_HIST_LEN]; /* GIL waits by what came before */
	__u64 syscall_ns[FT_MAX_SYSCALLS];	 /* blocked, by system call number */
	__u64 handoffs;				 /* switch_number moved by, all GILs */
	__u64 hold_hist[FT_HIST_LEN];		 /* GIL hold times seen by probes */
	__u64 exact_window_ns;			 /* time during which GIL probes were in place */
	__u64 exact_take_cnt;			 /* acquisitions seen by probes */
	__u64 exact_wait_cnt;
	__u64 ftprof_cpu_ns;	/* ftprof's own CPU time */
	__u64 bpf_ns;		/* run time of its BPF programs; 0 when not measured */
	__u64 rss_bytes;	/* ftprof's largest resident size */
	__u64 probes_in_target; /* places in the target's memory that were patched */
	__u64 target_cpu_ns;	/* on-core time of all its threads */
	__u64 recursion_misses; /* runs of the BPF programs that the kernel skipped */
	__u64 events_dropped;	/* not written to the file: above its size cap */
	__u64 events_malformed; /* records that decode refused */
	__u64 throttled_ns;	/* the cgroup's throttled time during the session */
	__u64 stacks_distinct;	/* in the file */
	__u64 stacks_cap;     /* how many there can be; above it they are counted without a name */
	__u64 stacks_unnamed; /* frames whose code object was gone before it was read */
	__u64 stacks_undescribed; /* weights of stacks whose description was lost */
};

struct ft_writer_opts {
	const char *path; /* final name; written under a temporary name beside it and renamed */
	bool force;	  /* replace an existing file (never through a link) */
	__u64 max_bytes; /* above it events are dropped and counted, totals still written; 0: no cap
			  */
	bool own;	 /* give the file to uid and gid */
	bool as_user; /* open and rename with the rights of uid and gid: the directory is theirs */
	unsigned int uid;
	unsigned int gid;
	int zstd_level; /* 0: the default */
};

/* All return 0 or -errno. After an error the writer only counts; finish() reports the first one. */
int ft_writer_open(const struct ft_writer_opts *opts, struct ft_writer **out);
int ft_writer_info(struct ft_writer *w, const struct ft_session_info *info);
int ft_writer_event(struct ft_writer *w, const struct ft_event *ev);
int ft_writer_threads(struct ft_writer *w, const struct ft_thread_rec *recs, size_t cnt);
/*
 * Writes the frames and nodes that were added since the last call (both arrays only grow) and all
 * weights. A reader takes all frames and nodes and the last weights. -EINVAL when *s is not what
 * record/stacks.h promises or does not continue what was written, -EFBIG with more than 4 Mi
 * frames, 16 Mi nodes or 4 Mi weights.
 * With
 * weight NULL only frames and nodes are written: weights are whole each time, and too many for
 * every two seconds of a long session.
 */
int ft_writer_stacks(struct ft_writer *w, const struct ft_stacks *s);
/*
 * Any time after the stacks that it names. -EINVAL when *f is not what record/findings.h promises,
 * -EFBIG when there is more of something than that allows.
 */
int ft_writer_findings(struct ft_writer *w, const struct ft_findings *f);
/* Sets totals->events_dropped from the writer's own count before writing. */
int ft_writer_totals(struct ft_writer *w, struct ft_totals *totals);
/* Puts what is buffered on disk; call now and then so that a killed run loses little. */
int ft_writer_flush(struct ft_writer *w);
/* Index, end mark, fsync, rename; removes the temporary file on error. Frees w. */
int ft_writer_finish(struct ft_writer *w);
/* Removes the temporary file. NULL is fine. */
void ft_writer_abort(struct ft_writer *w);
__u64 ft_writer_bytes(const struct ft_writer *w);
__u64 ft_writer_events(const struct ft_writer *w);

/*
 * Opens and checks a file. On error returns -errno and puts one plain sentence, with the remedy
 * and without a newline, into err (-EBADMSG not a session or damaged, -EPROTO other version).
 * A truncated or partly damaged file opens when a META and a TOTALS chunk before the damage are
 * whole; ft_reader_damage() then tells what is missing.
 */
int ft_reader_open(const char *path, struct ft_reader **out, char *err, size_t err_sz);
void ft_reader_close(struct ft_reader *r);
const struct ft_session_info *ft_reader_info(const struct ft_reader *r);
const struct ft_totals *ft_reader_totals(const struct ft_reader *r);
const struct ft_thread_rec *ft_reader_threads(const struct ft_reader *r, size_t *cnt);
/*
 * Never NULL. Checked: every index is in range, parents stand before children, stacks are at most
 * 512 deep, strings are as promised. Where the file is damaged, numbers stay what they were: a node
 * that is lost is an outermost one of a FT_FK_MARK with `error`, as is the frame of a node whose
 * own is lost; a weight whose stack is lost has FT_NO_STACK.
 */
const struct ft_stacks *ft_reader_stacks(const struct ft_reader *r);
/*
 * Never NULL; empty when the file has none. As record/findings.h promises; a stack that is not
 * there is FT_NO_STACK.
 */
const struct ft_findings *ft_reader_findings(const struct ft_reader *r);
/* NULL for a whole file, else one sentence. */
const char *ft_reader_damage(const struct ft_reader *r);
__u64 ft_reader_event_cnt(const struct ft_reader *r);
/*
 * Calls cb for every event that touches [from, to]: from <= ts, and out_ns of a SLICE, wake_ns of
 * a CPU, ts of any other <= to (chunks outside are not unpacked), in the order of the file: sorted
 * by ts within a chunk, nearly sorted over all (chunks overlap by the collector's period). A
 * non-zero return of cb stops and is returned. Events are checked: thr, waker, cpu, type and state
 * are in range, times are ordered. Events that fail are left out, and a stack that is not there
 * becomes FT_NO_STACK; ft_reader_damage() says so afterwards; a pointer that it gave before stays
 * good.
 */
typedef int (*ft_event_cb)(void *ctx, const struct ft_event *ev);
int ft_reader_events(struct ft_reader *r, __u64 from_ns, __u64 to_ns, ft_event_cb cb, void *ctx);

#endif
