/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The contract between the BPF programs and user space: map values and ring records.
 *
 * Only fixed-width types, explicit padding and explicit enum values; nothing is ever renumbered.
 * The header includes nothing: BPF code gets its types from vmlinux.h, user space includes
 * <linux/types.h> first. All times are CLOCK_MONOTONIC nanoseconds (bpf_ktime_get_ns) unless said.
 */
#ifndef FTPROF_ABI_H
#define FTPROF_ABI_H

#define FT_ABI_VERSION 3

#define FT_COMM_LEN 16
#define FT_MAX_SLOTS 16382 /* a slot index + 1 fits the 14 bits it has in the wake word */
#define FT_MAX_GILS 64
#define FT_MAX_CPUS 1024
#define FT_MAX_SYSCALLS 512
#define FT_MAX_TARGETS 64
#define FT_MAX_CODE_RANGES 24
#define FT_MAX_LOCKS 4096   /* locks (and types) that are told apart; the rest is one */
#define FT_LOCK_NAME_LEN 64 /* of a type's name */
#define FT_LOCK_CALLERS 24  /* words of a native waiter's stack */
#define FT_MAX_PAUSE_CAUSES 256

#define FT_PY_DEPTH 128	  /* Python frames a stack has at most; the innermost ones are kept */
#define FT_PY_ELEMS 161	  /* those and the marks between and behind them */
#define FT_USER_DEPTH 127 /* native frames (the kernel's own limit) */
#define FT_KERN_DEPTH 64
#define FT_CODE_NAME_MAX 256   /* bytes of a name that the BPF side copies */
#define FT_CODE_FILE_MAX 512   /* of a file name */
#define FT_CODE_LINES_MAX 2048 /* of a line table */

/*
 * What a thread is doing. At any instant it is in exactly one of these; FT_ST_ON is split further
 * by ticks (enum ft_on). The order is part of the session file.
 */
enum ft_state {
	FT_ST_ON = 0,	      /* on a core */
	FT_ST_GIL_WAIT = 1,   /* asleep on gil->cond or gil->mutex, or just woken from it */
	FT_ST_GIL_SWITCH = 2, /* gave the GIL up; asleep on gil->switch_cond */
	FT_ST_LOCK_WAIT = 3,  /* asleep for a mutex inside an object or the runtime */
	FT_ST_SYNC_WAIT = 4,  /* asleep in the program's own synchronisation */
	FT_ST_STW = 5,	      /* suspended by a stop-the-world pause, or asking for one */
	FT_ST_RUNQ = 6,	      /* runnable, no core (outside gil_wait) */
	FT_ST_BLOCKED = 7,    /* asleep in a system call; arg is its number */
	FT_ST_FAULT = 8,      /* asleep in a page fault */
	FT_ST_STOPPED = 9,    /* stopped by a signal or a tracer, or frozen */
	FT_ST_CNT = 10,
	FT_ST_DEAD = 15, /* after the last switch; takes no time */
};

/* What an on-core instant was spent on. */
enum ft_on {
	FT_ON_GIL = 0,	/* holding the GIL of its interpreter */
	FT_ON_FREE = 1, /* without it, or on a build whose GIL is off */
	FT_ON_SPIN = 2, /* spinning for a contended lock */
	FT_ON_CNT = 3,
};

/* What came before a GIL wait. */
enum ft_origin {
	FT_OR_BLOCKING = 0, /* after a sleep in a system call or in the program's own locks */
	FT_OR_FORCED = 1,   /* after a forced switch (gil_switch) */
	FT_OR_START = 2,    /* the thread's first wait, nothing seen before */
	FT_OR_OTHER = 3,    /* released without sleeping */
	FT_OR_CNT = 4,
};

/*
 * What a stack's weight is: the time of a thread off core in an enum ft_state (the numbers below
 * FT_ST_CNT), its time on a core by what that was spent on, or what the holder of the GIL cost
 * those who waited for it (waiters x time).
 */
#define FT_SK_ON 16	    /* + enum ft_on */
#define FT_SK_BLAME 24	    /* the holder on a core */
#define FT_SK_BLAME_OFF 25  /* the holder off core */
#define FT_SK_BLAME_FREE 26 /* nobody held it: from the wake-up of a waiter to its arrival */
/*
 * Of LOCK_WAIT, SYNC_WAIT, ON_SPIN and the next two, `arg` is the number of a lock (struct
 * ft_lock), 0: not known.
 */
#define FT_SK_LOCK_OWNER 27 /* who woke a waiter stood here; the time that it had waited */
#define FT_SK_SHARED                                                                               \
	28	       /* on a core, changing a reference count that threads share; a part         \
			* of the time in FT_SK_ON + FT_ON_FREE */
#define FT_SK_PAUSE 29 /* asked for a stop-the-world; time stopped; arg: number of the cause */
#define FT_SK_CNT 30

/*
 * GIL wait lengths are kept in log-linear buckets: values below 32 ns exactly, above it 16 buckets
 * an octave, so a quantile is within 3.2 % of the true value.
 */
#define FT_HIST_SUB_BITS 4
#define FT_HIST_LEN 640

/* struct ft_thread.flags */
#define FT_TF_SEEDED 0x1u	/* was there before the session */
#define FT_TF_EXITED 0x2u	/* its last switch was seen */
#define FT_TF_HELD_OUT 0x4u	/* held a GIL when it last left its core */
#define FT_TF_GW_OPEN 0x8u	/* a GIL wait is open: the next sleep may continue it */
#define FT_TF_EXACT 0x10u	/* exact_held is known (a GIL probe has been hit on this thread) */
#define FT_TF_EXACT_HELD 0x20u	/* by the probes, holds the GIL now */
#define FT_TF_IN_TAKE 0x40u	/* by the probes, stands inside take_gil */
#define FT_TF_LEADER 0x80u	/* tid == tgid */
#define FT_TF_PYTHON 0x100u	/* has been seen with a GIL, or has a thread state */
#define FT_TF_TAKE_SLEPT 0x200u /* has slept inside the take_gil it stands in */

/*
 * One thread of the target: a slot of the mmap-able array. Only the core that runs the thread
 * writes it, except `wake`, which wakers write (one word: see ftprof_state.h).
 */
struct ft_thread {
	__u64 start_ns;		   /* session start for a seeded thread, else its creation */
	__u64 since_ns;		   /* since when it is in `state` */
	__u64 wake;		   /* packed wake word, 0 for none */
	__u64 state_ns[FT_ST_CNT]; /* closed intervals only */
	__u64 tick_cnt[FT_ON_CNT];
	__u64 exact_ns[FT_ON_CNT]; /* on-core time split by GIL probes; the rest of ON is by ticks
				    */
	__u64 exact_since;	   /* on-core time from here on is not yet in exact_ns */
	__u64 arg;		   /* of the current state: lock address, or system call number */
	__u64 held_off_ns;	   /* held a GIL while not on a core */
	__u64 gil_wait_runq_ns;	   /* the part of gil_wait from wake-up to run */
	__u64 gw_start;		   /* the open GIL wait: when its first sleep began */
	__u64 gw_end;		   /* and when its last sleep ended */
	__u64 gw_swno;		   /* gil->switch_number when the last sleep began */
	__u64 gil_wait_cnt;	   /* finished GIL waits: best count */
	__u64 gil_wait_lo;	   /* certainly different waits */
	__u64 gil_wait_hi;	   /* sleeps on the GIL's condvar */
	__u64 gil_wait_max_ns;
	__u64 switch_cnt;     /* times it was put on a core */
	__u64 exact_take_cnt; /* GIL acquisitions seen by probes */
	__u64 exact_wait_cnt; /* of them, those that found the GIL taken */
	__u64 exact_wait_ns;  /* take_gil entry to acquisition, of those */
	__u64 exec_ns;	      /* the kernel's own sum of its CPU time when it last left a core */
	__u64 site;	     /* where it stood in its last system call that blocked without a GIL */
	__u64 exact_take_ts; /* entry of the take_gil it stands in */
	__u64 tstate;	     /* its thread state, 0: not known; checked at each use */
	__u64 stack;	     /* it left its core with, 0: not walked */
	__u64 walk_ns;	     /* when its stack was last walked at a switch */
	__u64 blame0;	     /* waiters x time of its GIL when it left its core holding it */
	__u64 free_wait;     /* waiters x time on its way in, a hand-over if it gets the GIL */
	__u32 stack_n;	     /* switches that `stack` stands for, 0: not walked */
	__u32 tstate_miss;   /* walks in a row that found no thread state */
	__u32 seq;	     /* number of the next slice record */
	__u32 tid;	     /* in the initial PID namespace */
	__u32 ns_tid;	     /* in the target's own PID namespace */
	__u32 flags;	     /* FT_TF_* */
	__u32 repaired;	     /* transitions that contradicted the state (a missed switch) */
	__u16 target;	     /* index of its target */
	__u8 state;	     /* enum ft_state */
	__u8 gw_origin;	     /* enum ft_origin of the open wait */
	__u8 last_off;	     /* last off-core state that was not runq; 0 for none */
	__u8 gil_idx1;	     /* index + 1 of the GIL it was last seen with, 0: none yet */
	__u8 exact_gen;	     /* window of the GIL probes that FT_TF_EXACT belongs to */
	__u8 site_cnt;	     /* times that was believed since it was last looked at */
	__u32 lock;	     /* number of the lock that it sleeps for, 0: none or not known */
	char comm[FT_COMM_LEN];
};

_Static_assert(sizeof(struct ft_thread) == 392, "struct ft_thread changed: it is in session files");

/*
 * One frame of a Python stack as the walker found it. A mark stands where there is no frame to
 * name: `code` is 0 then, and `ident` says which (enum ft_pymark).
 */
struct ft_pyframe {
	__u64 code;  /* address of the code object */
	__u32 ident; /* of what stood at that address: addresses are used again */
	__u32 at;    /* index of the instruction, in code units; FT_PY_NO_AT: not known */
};

#define FT_PY_NO_AT 0xffffffffu

enum ft_pymark {
	FT_PM_NONE = 0,
	FT_PM_ENTRY = 1,     /* C called the interpreter here: one native eval loop per run */
	FT_PM_TRUNCATED = 2, /* deeper than FT_PY_DEPTH: the outer frames are missing */
	FT_PM_FRAME = 3,     /* error: a frame cannot be read; the outer frames are missing */
	FT_PM_CODE = 4,	     /* error: a code object cannot be read */
	FT_PM_TYPE = 5,	     /* error: what a frame executes is no code object */
	FT_PM_LOOP = 6,	     /* error: a frame's caller is itself; the outer frames are missing */
	FT_PM_TSTATE = 7,    /* error: the thread state cannot be read */
	FT_PM_CNT = 8,
};

/*
 * Where an interpreter keeps what the walker reads, in bytes. All of a frame that it needs lies in
 * its first FT_PY_FRAME_BYTES, all of a code object in its first FT_PY_CODE_BYTES.
 */
#define FT_PY_FRAME_BYTES 80
#define FT_PY_CODE_BYTES 256

struct ft_pylayout {
	__u64 code_type;      /* address of PyCode_Type; 0: not known, nothing is walked */
	__u16 interp_threads; /* interpreter_state.threads_head */
	__u16 ts_next;
	__u16 ts_frame;	   /* thread_state.current_frame */
	__u16 fr_previous; /* in a frame */
	__u16 fr_executable;
	__u16 fr_instr_ptr;
	__u16 fr_owner;
	__u16 fr_tlbc;	      /* tlbc_index, 0: this build has none */
	__u16 co_firstlineno; /* in a code object */
	__u16 co_version;
	__u16 co_filename;
	__u16 co_qualname;
	__u16 co_linetable;
	__u16 co_code; /* co_code_adaptive */
	__u16 co_tlbc; /* 0: none */
	__u16 str_length;
	__u16 str_state;
	__u16 str_ascii;   /* where the characters of an ASCII string begin */
	__u16 str_compact; /* of any other compact string */
	__u16 bytes_size;  /* ob_size of a bytes object */
	__u16 bytes_data;
	__u8 str_kind_shift; /* the three bits of `kind` in the 32-bit word at str_state */
	__u8 str_ascii_shift;
	__u8 str_compact_shift;
	__u8 owner_entry; /* frames of this owner and above are no Python function's */
	__u16 ob_type;
};

_Static_assert(sizeof(struct ft_pylayout) == 56, "ABI");

/* What a tick means that stands in a range of the interpreter's code. */
enum ft_code_class {
	FT_CC_NONE = 0,
	FT_CC_MUTEX = 1,   /* _PyMutex_LockTimed: spins for the mutex in register `reg` */
	FT_CC_SPIN = 2,	   /* another slow path of a lock */
	FT_CC_SHARED = 3,  /* changes reference counts that threads share */
	FT_CC_MERGE = 4,   /* queued decrefs and their merging (_Py_brc_*) */
	FT_CC_DELAYED = 5, /* frees that wait until no thread can look (QSBR) */
	FT_CC_CNT = 6,
};

/* x86-64's numbers of registers, as its instructions have them. */
#define FT_REG_NONE 0xff

struct ft_code_range {
	__u64 lo; /* in the target: [lo, hi) */
	__u64 hi;
	__u32 cls;  /* enum ft_code_class */
	__u32 reg;  /* where FT_CC_MUTEX keeps the mutex from `live` on, FT_REG_NONE: not known */
	__u64 live; /* address behind the instruction that puts it there */
};

/* What a lock is; the order is part of the session file. */
enum ft_lock_kind {
	FT_LK_NONE = 0,
	FT_LK_OBJECT = 1,    /* the mutex in an object's head */
	FT_LK_THREADING = 2, /* threading.Lock and kin: the object behind it is one */
	FT_LK_RUNTIME = 3,   /* any other PyMutex: of the runtime, of an interpreter, of C code */
	FT_LK_NATIVE = 4,    /* a pthread mutex */
	FT_LK_TYPE = 5,	     /* no lock: a type whose objects' reference counts are shared */
	FT_LK_CNT = 6,
};

/* One lock, by its number. Counted while the session runs. */
struct ft_lock {
	__u64 addr; /* of the mutex, 0: many that found no room of their own */
	__u64 type; /* of the object around it, 0: none that can be told */
	__u64 waits;
	__u64 wait_ns; /* asleep for it, without the wait for a core that follows */
	__u64 wait_max_ns;
	__u64 spin_ticks; /* ticks that found a thread spinning for it */
	__u64 yields;	  /* sched_yield() calls seen, in windows */
	__u64 threads[4]; /* bits: slot modulo 256 of who waited or spun */
	__u64 seen_ns;	  /* first */
	/*
	 * FT_LK_TYPE: ticks on an object that this thread / another one had been seen to share
	 * before. Where no object is met by a second thread, one thread made them and another
	 * uses them: that costs, and scales.
	 */
	__u64 same;
	__u64 other;
	__u32 kind; /* enum ft_lock_kind */
	__u32 target;
	char name[FT_LOCK_NAME_LEN];   /* tp_name of the type, a stranger's bytes */
	__u64 caller[FT_LOCK_CALLERS]; /* FT_LK_NATIVE: the first waiter's stack */
};

/* Who asked for stop-the-world pauses. */
struct ft_pause {
	__u64 ip;    /* that stop_the_world returns to */
	__u32 flags; /* FT_PF_* */
	__u32 pad;
	__u64 cnt;
	__u64 to_stop_ns; /* from asking until all threads stood */
	__u64 stopped_ns;
	__u64 max_ns;  /* longest time stopped */
	__u64 threads; /* that went to sleep for it */
};

/* Collections of one generation that were timed from their begin to their end, by USDT probes. */
struct ft_gc_gen {
	__u64 runs;
	__u64 ns;
	__u64 max_ns;
};

#define FT_GC_GENS 3

#define FT_PF_GC 0x1u	  /* while a garbage collection was on */
#define FT_PF_GIL_ON 0x2u /* the GIL came on in it: an extension is imported */

/*
 * What the BPF programs must know of a target's interpreter; written by user space before
 * `runtime` (last), read by the programs. Offsets in bytes, from _Py_DebugOffsets.
 */
struct ft_target {
	__u64 runtime;		/* address of _PyRuntime, 0: not known (yet) */
	__u64 runtime_size;	/* its size: the main interpreter lies inside it */
	__u64 interp_head;	/* pyruntimestate.interpreters.head */
	__u64 interp_next;	/* interpreter_state.next */
	__u64 interp_gil;	/* interpreter_state.ceval.gil (a pointer) */
	__u64 tstate_native_id; /* thread_state.native_thread_id */
	__u64 tstate_state;	/* thread_state.state: what a stop-the-world parks on */
	__u64 ob_type;		/* object.ob_type */
	__u64 tp_name;		/* type_object.tp_name */
	__u64 ob_size;		/* sizeof(PyObject): a lock object's mutex stands right after it */
	/* inside struct _gil_runtime_state; every other field is within 256 bytes of its start */
	__u16 gil_enabled; /* only if free_threaded */
	__u16 gil_last_holder;
	__u16 gil_locked;
	__u16 gil_switch_number;
	__u16 gil_cond;
	__u16 gil_mutex;
	__u16 gil_switch_cond;
	__u16 gil_switch_mutex;
	__u16 gil_size;
	__u8 free_threaded;
	__u8 has_parking_lot; /* 3.13 and later: PyMutex, sleeps through the parking lot */
	__u8 no_offsets;      /* 3.9 to 3.12: only the GIL probes tell */
	__u8 many_interps;    /* written by the BPF programs: a thread may have several states */
	__u8 gil_off; /* likewise: a free-threaded build's only GIL was off at the last look */
	__u8 pad;
	__u16 range_cnt;
	struct ft_code_range range[FT_MAX_CODE_RANGES];
	__u64 type_type;     /* address of PyType_Type, 0: types cannot be checked */
	__u64 gc_collecting; /* of the main interpreter: address of gc.collecting, 0: not known */
	__u64 ob_mutex;	     /* in an object's head; 0: this build has none */
	__u64 ob_shared;     /* ob_ref_shared; likewise */
	struct ft_pylayout py;
	/* written by the BPF programs: the GILs of the interpreters seen so far */
	__u64 interp_seen; /* head of the interpreter list when `gil` was filled */
	__u32 gil_cnt;
	__u32 gil_overflow; /* interpreters beyond FT_MAX_GILS */
	__u64 gil[FT_MAX_GILS];
	__u64 switch_number[FT_MAX_GILS];  /* last value read, so that it outlives the target */
	__u64 switch_number0[FT_MAX_GILS]; /* first value read */
};

/*
 * Those who wait for one GIL: their number and the time of its last change in one word
 * (ftprof_state.h), and the integral of that number over time until then.
 */
struct ft_gil_wait {
	__u64 word;
	__u64 sum_ns;
};

/* The concurrency word (ftprof_state.h), on a cache line of its own: it moves between the cores. */
struct ft_conc {
	__u64 word;
	__u64 pad[15];
};

/* One core. */
struct ft_cpu {
	__u8 allowed; /* the process may run here; set by user space before attach */
	__u8 idle;    /* the last switch went to the idle task */
	__u8 pad[6];
	__u64 last_ns;	  /* of the last switch */
	__u64 win_ns;	  /* begin of the window of `other_ns`, 0: none open */
	__u64 other_ns;	  /* given to tasks outside the target since win_ns */
	__u64 delta;	  /* scratch of the program that runs on a switch */
	__u64 walk_begin; /* of the window in which walks are counted */
	__u32 walk_want;  /* switches in it */
	__u32 walk_cnt;	  /* walks in it since `every` changed */
	__u32 every;	  /* one in so many switches is walked; 0: all */
	__s32 tick_acc;	  /* which ticks walk */
	__u64 owner_ns;	  /* when the owner of a lock was last walked */
};

/* A thread's task storage; a group leader's `target1` is what makes its process a target. */
struct ft_task {
	__u32 slot1;   /* slot + 1, 0: none */
	__u32 target1; /* target + 1, 0: not a target */
};

/* A stranger that does not leave its core is told of by the first tick after so long (FT_EV_CPU).
 */
#define FT_OTHER_RUN_NS 20000000ull

enum ft_ev_type {
	FT_EV_SLICE = 1, /* a thread came back to a core: closes one off-core interval */
	FT_EV_TICK = 2,	 /* a timer tick found a thread on a core */
	FT_EV_START = 3, /* a thread appeared */
	FT_EV_EXIT = 4,	 /* a thread's last switch; user space reads and returns the slot */
	FT_EV_CPU = 5,	 /* time that a core gave to other processes */
	FT_EV_EXEC = 6,	 /* the target replaced its program */
	FT_EV_FORK = 7,	 /* the target made a process */
	FT_EV_STACK = 8, /* a stack that was not seen before (or not lately) */
	FT_EV_CODE = 9,	 /* a code object that was not seen before (or not lately) */
	FT_EV_GIL = 10,	 /* the GIL of a free-threaded build was enabled for good */
	FT_EV_TYPE_CNT = 11,
};

struct ft_ev_hdr {
	__u16 type;
	__u16 len; /* of the whole record, bytes */
	__u16 cpu;
	__u16 slot;
	__u64 ts;
};

#define FT_SF_HELD 0x1u	    /* held a GIL while off core */
#define FT_SF_GW_CONT 0x2u  /* this gil_wait continues the wait before it */
#define FT_SF_REPAIRED 0x4u /* the switch before was missed */
#define FT_SF_WAKER_OK 0x8u /* the waker's registers stood in the system call that wakes */

/*
 * ts: when it came back. On core from the previous slice's ts (or the thread's start) until
 * out_ns; then in `state` until wake_ns (or ts when wake_ns is 0); then runq until ts.
 * For gil_wait all of out_ns..ts is gil_wait, and wake_ns..ts is the runq part of it.
 */
struct ft_ev_slice {
	struct ft_ev_hdr h;
	__u64 out_ns;
	__u64 wake_ns;
	__u64 arg;
	__u64 stack; /* it left its core with, 0: not walked */
	__u32 seq;
	__u16 waker; /* slot + 1 of the waker, 0: not a thread of the target, or not believed */
	__u8 state;
	__u8 flags; /* FT_SF_* */
};

struct ft_ev_tick {
	struct ft_ev_hdr h;
	__u64 stack; /* 0: not walked */
	__u8 on;     /* enum ft_on */
	__u8 pad[7];
};

struct ft_ev_start {
	struct ft_ev_hdr h;
	__u32 tid;
	__u32 ns_tid;
	__u32 seq;
	__u16 target;
	__u8 state; /* that it is in at ts */
	__u8 pad;
	char comm[FT_COMM_LEN];
};

struct ft_ev_exit {
	struct ft_ev_hdr h; /* ts: of its last switch; on core from the last slice until then */
	__u32 seq;
	__u32 pad;
};

struct ft_ev_cpu {
	struct ft_ev_hdr h; /* ts: end of the window */
	__u64 begin_ns;
	__u64 other_ns; /* of begin_ns..ts, on this core, by tasks outside the target, idle apart */
};

struct ft_ev_proc { /* FT_EV_EXEC, FT_EV_FORK */
	struct ft_ev_hdr h;
	__u32 pid; /* EXEC: the process; FORK: the child */
	__u16 target;
	__u16 pad;
};

/*
 * A stack. Its id is a hash of all frames. The lists follow without gaps, innermost frame first:
 * py_cnt struct ft_pyframe, then user_cnt and kern_cnt addresses of 8 bytes.
 */
struct ft_ev_stack {
	struct ft_ev_hdr h; /* slot: the number of the program in the target, modulo 256 */
	__u64 id;
	__u16 target;
	__u16 kern_cnt;
	__u16 user_cnt;
	__u16 py_cnt;
};

/*
 * A code object, copied when it was first seen, since it may be gone when user space looks. The
 * bytes of its name, file name (both as Python keeps them: 1, 2 or 4 bytes a character) and line
 * table follow without gaps; each may be cut, its whole length stands beside it.
 */
struct ft_ev_code {
	struct ft_ev_hdr h; /* slot: as above */
	__u64 code;
	__u64 name; /* addresses of the objects, to read what was cut */
	__u64 file;
	__u64 lines;
	__u32 ident;
	__u32 firstlineno;
	__u32 name_chars; /* whole length, characters */
	__u32 file_chars;
	__u32 lines_whole; /* bytes */
	__u16 name_len;	   /* bytes that follow */
	__u16 file_len;
	__u16 lines_len;
	__u16 target;
	__u8 name_kind; /* bytes a character: 1, 2, 4; 0: cannot be read */
	__u8 file_kind;
	__u8 pad[2];
};

/* The interpreter warned that a module brought the GIL back (import.c, PyErr_WarnFormat). */
struct ft_ev_gil {
	struct ft_ev_hdr h; /* slot: the thread that imports */
	__u64 stack;
	char module[128]; /* UTF-8 if ASCII; a stranger's bytes */
};

_Static_assert(sizeof(struct ft_ev_hdr) == 16, "ABI");
_Static_assert(sizeof(struct ft_ev_gil) == 152, "ABI");
_Static_assert(sizeof(struct ft_lock) == 376, "ABI");
_Static_assert(sizeof(struct ft_code_range) == 32, "ABI");
_Static_assert(sizeof(struct ft_ev_stack) == 32, "ABI");
_Static_assert(sizeof(struct ft_ev_code) == 80, "ABI");
_Static_assert(sizeof(struct ft_ev_slice) == 56, "ABI");
_Static_assert(sizeof(struct ft_ev_tick) == 32, "ABI");
_Static_assert(sizeof(struct ft_ev_start) == 48, "ABI");
_Static_assert(sizeof(struct ft_ev_exit) == 24, "ABI");
_Static_assert(sizeof(struct ft_ev_cpu) == 32, "ABI");
_Static_assert(sizeof(struct ft_ev_proc) == 24, "ABI");

/* Counters, one set a CPU. Everything that goes wrong has one. */
enum ft_cnt {
	FT_CN_EVENTS = 0,    /* records written to a ring */
	FT_CN_LOST_RING = 1, /* records lost: ring and its neighbour full (+ type below) */
	FT_CN_LOST_SLICE = 2,
	FT_CN_LOST_TICK = 3,
	FT_CN_LOST_START = 4,
	FT_CN_LOST_EXIT = 5,
	FT_CN_LOST_CPU = 6,
	FT_CN_LOST_PROC = 7,
	FT_CN_RESCUED = 8,	 /* written to a neighbour because the own ring was full */
	FT_CN_NO_SLOT = 9,	 /* threads not followed: no free slot */
	FT_CN_NO_STORAGE = 10,	 /* threads not followed: no task storage */
	FT_CN_READ_GIL = 11,	 /* reads of the GIL that failed */
	FT_CN_READ_PARK = 12,	 /* reads at a futex address that failed */
	FT_CN_WORD_RETRY = 13,	 /* compare-and-swap retries of the concurrency word */
	FT_CN_WORD_FAIL = 14,	 /* given up */
	FT_CN_PROBE_TAKE = 15,	 /* hits of the probe on take_gil */
	FT_CN_PROBE_SIGNAL = 16, /* hits of the probe on pthread_cond_signal or drop_gil */
	FT_CN_TICKS = 17,	 /* ticks that found a thread of the target */
	FT_CN_STACKS = 18,	 /* stacks walked */
	FT_CN_CHILDREN = 19,	 /* processes that the target made */
	FT_CN_REPAIRED = 20,
	FT_CN_LOST_STACK = 21, /* descriptions of stacks and code that no ring took: sent again */
	FT_CN_STACK_FULL = 22, /* weights that found no room: counted without their stack */
	FT_CN_STACK_SKIPPED = 23,   /* switches above the budget, not walked */
	FT_CN_STACK_MARK = 24,	    /* + enum ft_pymark: stacks that hold such a mark */
	FT_CN_TICKS_CLASS = 32,	    /* + enum ft_code_class: on-core ticks in such code */
	FT_CN_TICKS_GC = 38,	    /* ticks of a thread while its interpreter collects garbage */
	FT_CN_TICKS_ATOMIC = 39,    /* of those in FT_CC_SHARED, found by the instruction */
	FT_CN_LOCK_FULL = 40,	    /* locks that found no number of their own */
	FT_CN_LOCK_READ = 41,	    /* locks whose object could not be read or was none */
	FT_CN_PROBE_PAUSE = 42,	    /* hits of the probes on stop_the_world and start_the_world */
	FT_CN_PROBE_WARN = 43,	    /* hits of the probe on PyErr_WarnFormat */
	FT_CN_PAUSE_LOST = 44,	    /* pauses that could not be counted with their cause */
	FT_CN_YIELDS = 45,	    /* sched_yield() calls seen, in windows */
	FT_CN_YIELDS_SWITCHED = 46, /* of all calls those that gave the core away: exact */
	FT_CN_GC_LOST = 47, /* collections whose begin or generation was not seen: not timed */
	FT_CN_CNT = 48,
};

/*
 * The stack of a thread that sleeps without one, by slot, as user space walked it. It counts for
 * sleeps of FT_LONG_SLEEP_NS and more, of which user space sees every one, and for the first
 * interval of a thread that was there before the session.
 */
#define FT_LONG_SLEEP_NS 1000000000ull

struct ft_sleeper {
	__u64 id;	  /* of the stack, 0: none */
	__u64 start_ns;	  /* of the thread: slots are used again */
	__u64 switch_cnt; /* of the thread when it was walked: which of its intervals */
	__u32 tid;
	__u32 pad;
};

/* Weights are counted in the kernel, by stack. */
struct ft_wkey {
	__u64 stack; /* 0: all that found no room */
	__u32 arg;   /* system call number, for FT_ST_BLOCKED */
	__u8 kind;   /* FT_SK_*, or an enum ft_state */
	__u8 pad[3];
};

struct ft_wval {
	__u64 ns;     /* weight; above the budget a sample counts for those that were skipped */
	__u64 raw_ns; /* the time that was really seen with this stack */
	__u64 cnt;
};

/* Time, sums of one CPU. */
struct ft_times {
	__u64 level_ns[FT_MAX_CPUS + 1];   /* with exactly k threads on cores */
	__u64 syscall_ns[FT_MAX_SYSCALLS]; /* threads asleep, by system call */
};

/* Process-wide sums of one CPU (user space adds the CPUs up). */
struct ft_sums {
	__u64 cnt[FT_CN_CNT];
	__u64 lost_parallel_ns; /* integral of min(threads in gil_wait, usable idle cores) */
	__u64 wait_any_ns;	/* time with at least one thread in gil_wait */
	__u64 pad;
};

#endif
