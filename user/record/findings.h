/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a session found beside threads and stacks: locks, stop-the-world pauses, garbage
 * collections, extension modules, how the GIL came and went, memory, hardware counters. Everything
 * is named when it is recorded. In the file it is the FINDINGS chunk, JSON; it may come several
 * times, the last whole one counts.
 *
 * Strings are NUL-terminated bytes of a stranger: any bytes in memory, made valid UTF-8 when they
 * are written.
 */
#ifndef FT_RECORD_FINDINGS_H
#define FT_RECORD_FINDINGS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include "ftprof_abi.h"

/* A lock, or a type whose objects' reference counts are shared (FT_LK_TYPE: addr is 0). */
struct ft_lock_rec {
	__u32 id;   /* what weights of the session call it: arg of FT_SK_LOCK_OWNER and others */
	__u32 kind; /* enum ft_lock_kind */
	/* "list", "_thread.lock", "interned strings", "libfoo.so"; never empty */
	char name[96];
	/*
	 * FT_LK_RUNTIME: what it is a part of ("interpreter+0x2ff68"); FT_LK_OBJECT, a dict: whose
	 * ("class C", "globals of app"); or empty
	 */
	char owner[96];
	__u64 addr; /* 0: many that found no number of their own */
	__u64 waits;
	__u64 wait_ns;
	__u64 wait_max_ns;
	__u64 spin_ticks; /* times 1 / tick_hz: on-core time */
	__u64 yields;	  /* seen in windows; see ft_findings.yield_* */
	__u64 same;	  /* FT_LK_TYPE: as in struct ft_lock */
	__u64 other;
	__u32 threads; /* that waited or spun; at least, when `many` */
	bool many;
};

enum ft_pause_cause {
	FT_PC_OTHER = 0,
	FT_PC_GC = 1,
	FT_PC_IMPORT = 2, /* of an extension module */
	FT_PC_FORK = 3,
	FT_PC_TRACE = 4,   /* settrace, setprofile, sys.monitoring */
	FT_PC_CLASS = 5,   /* an object's or a class's class, bases or name is changed */
	FT_PC_THREADS = 6, /* more threads than ever: per-thread tables grow */
	FT_PC_INSPECT = 7, /* sys._current_frames(), gc.get_objects() and kin */
	FT_PC_CNT = 8,
};

struct ft_pause_rec {
	__u32 id;      /* arg of FT_SK_PAUSE */
	__u32 cause;   /* enum ft_pause_cause */
	char func[96]; /* the interpreter's function that asked, empty: not known (stripped) */
	__u64 cnt;
	__u64 to_stop_ns;
	__u64 stopped_ns;
	__u64 max_ns;
	__u64 threads; /* that went to sleep for it */
};

enum ft_ext_gil {
	FT_EG_UNKNOWN = 0,  /* cannot tell */
	FT_EG_NOT_USED = 1, /* Py_mod_gil says that it needs no GIL */
	FT_EG_USED = 2,	    /* says that it does, or says nothing */
};

struct ft_ext_rec {
	/* "numpy._core._multiarray_umath", or "_multiarray_umath"; never empty */
	char module[128];
	char path[512];		/* as the process sees it */
	char distribution[128]; /* "numpy 2.3.4", "CPython 3.14.6", empty: not known */
	__u32 gil;		/* enum ft_ext_gil */
	bool stdlib;
	__u64 seen_ns; /* when it was first seen loaded; start_ns: was there before the session */
};

/* The GIL of a free-threaded build: a change of its state, or the start of the session. */
struct ft_gil_rec {
	__u64 ts_ns;
	__u32 state;	  /* enum ft_gil_state (record/session.h) from here on */
	bool exact;	  /* the moment itself; else it was seen by and by */
	char module[128]; /* that did it, empty: not known */
	__u32 stack;	  /* node of the importing thread's stack, FT_NO_STACK */
};

struct ft_memory_rec {
	__u64 ts_ns;
	__u64 rss_bytes;
};

/* Hardware counters of one thread. */
struct ft_pmu_rec {
	__u32 tid;
	__u64 cycles, instructions, cache_misses;
};

#define FT_MEMORY_MAX 512 /* points: when full every second one goes, and the pace halves */
/* What a file holds at most, beside FT_MAX_LOCKS and FT_MAX_PAUSE_CAUSES; more is refused. */
#define FT_EXT_MAX 4096
#define FT_GIL_CHANGES_MAX 1024
#define FT_PMU_MAX 512 /* threads */

struct ft_findings {
	struct ft_lock_rec *lock; /* ascending ids */
	size_t lock_cnt;
	struct ft_pause_rec *pause; /* ascending ids */
	size_t pause_cnt;
	struct ft_ext_rec *ext;
	size_t ext_cnt;
	/*
	 * As they came: what is told and what is seen by and by may overtake each other. A reader
	 * gives them with ascending ts_ns.
	 */
	struct ft_gil_rec *gil;
	size_t gil_cnt;
	struct ft_memory_rec *memory; /* ascending ts_ns */
	size_t memory_cnt;
	struct ft_pmu_rec *pmu;
	size_t pmu_cnt;
	bool pmu_ok;	   /* false: no hardware counters here */
	char pmu_why[128]; /* one sentence */
	/* sched_yield() windows: one in every so often */
	__u64 yield_window_ns; /* all together */
	__u32 yield_windows;
	__u64 yields; /* in them */
	/* half width of the 99 % interval, as a share of the estimate; at most 1e6 */
	double yields_rel_err;
	/* pauses: the time during which the probes were in place, 0: never */
	__u64 pause_window_ns;
	__u64 pause_hist[FT_HIST_LEN]; /* time stopped */
	/* collections by generation in the session; 99 % interval below */
	bool gc_known;
	__u64 gc_runs[FT_GC_GENS];
	/*
	 * By the interpreter's USDT probes, of all its interpreters: collections that began and
	 * ended while the session ran. gc_exact: the probes were in place for all of it; else all
	 * is 0.
	 */
	bool gc_exact;
	__u64 gc_timed[FT_GC_GENS]; /* how many */
	__u64 gc_ns[FT_GC_GENS];
	__u64 gc_max_ns[FT_GC_GENS];
	/* copies of bytecode for threads, of the functions that were seen in stacks */
	__u64 bytecode_copies;
	__u64 bytecode_copy_bytes;
};

void ft_findings_init(struct ft_findings *f); /* zeroes */
void ft_findings_free(struct ft_findings *f); /* NULL is fine; leaves it empty */

#endif
