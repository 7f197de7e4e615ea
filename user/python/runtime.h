/* SPDX-License-Identifier: BSD-2-Clause */
/* The interpreter inside a live process: where it is, what it is, and its state just now. */
#ifndef FT_PYTHON_RUNTIME_H
#define FT_PYTHON_RUNTIME_H

#include <limits.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include "ftprof_abi.h"
#include "python/offsets.h"

/* A file mapped into the process. */
struct ft_pyfile {
	char path[PATH_MAX]; /* as the process sees it; a stranger's bytes */
	char open[PATH_MAX]; /* a path that opens it from here: for uprobes */
	__u64 bias;	     /* run-time minus link-time address */
	bool deleted;
};

struct ft_runtime {
	int pid;
	__u32 hex;	  /* PY_VERSION_HEX; the low 16 bits are 0 when not known */
	char version[16]; /* "3.14.6"; "3.9" when no more is known */
	bool free_threaded;
	bool no_offsets;      /* 3.9 to 3.12: no _Py_DebugOffsets; only the GIL probes tell */
	__u64 runtime;	      /* address of _PyRuntime in the process, 0: not known */
	char how[64];	      /* how it was found: ".PyRuntime section of libpython3.13.so.1.0" */
	struct ft_pyfile elf; /* the file that holds the interpreter: program or libpython */
	bool has_libc;
	struct ft_pyfile libc; /* libc.so.6, valid with has_libc */
	bool static_libc;
	bool musl;
	char limit[200]; /* why the passive engine cannot tell GIL waits, one sentence, or empty */
	struct ft_offsets off; /* valid without no_offsets */
	__u64 type_type;       /* address of PyType_Type, 0: not known */
	__u64 main_interp;     /* address of the main interpreter's state, 0: not known */
	__u32 range_cnt;
	struct ft_code_range range[FT_MAX_CODE_RANGES]; /* free-threaded builds only */
};

/*
 * Finds the interpreter of a process. On error one plain sentence, with a remedy where there is
 * one, stands in why (no newline; names in it are safe to print). -ENOEXEC: not Python; -ESRCH;
 * -EPERM; -EPROTO: a version that is not known; -EAGAIN: is just replacing its program, try again.
 * struct ft_runtime is about 17 KB: not for small stacks.
 */
int ft_runtime_find(int pid, struct ft_runtime *out, char *why, size_t why_sz);
/* Fills *t, zeroing the rest; t->runtime included: whoever publishes it to BPF writes it last. */
int ft_runtime_target(const struct ft_runtime *rt, struct ft_target *t);

/* The values of enum ft_gil_state (record/session.h). */
enum ft_pygil {
	FT_PYGIL_UNKNOWN = 0,
	FT_PYGIL_ON = 1,      /* a build that always has it */
	FT_PYGIL_OFF = 2,     /* free-threaded, off */
	FT_PYGIL_ENABLED = 3, /* free-threaded, but on */
};

struct ft_pythread {
	__u64 tstate; /* address */
	__u32 tid;    /* native_thread_id: in the target's own PID namespace; 0: not bound yet */
	__u32 interp; /* index of its interpreter in the list */
};

struct ft_pygilinfo {
	__u64 addr; /* of struct _gil_runtime_state */
	__u64 last_holder;
	__s32 locked;  /* 1 taken, 0 free, -1 not initialised */
	__s32 enabled; /* free-threaded builds: 0 off, INT_MAX for good, else so many requests */
	__u64 switch_number;
	__u64 interval_us;
};

struct ft_pystate {
	enum ft_pygil gil;
	bool transient;		  /* ENABLED only while an extension is being imported */
	__u32 switch_interval_us; /* of the main interpreter, 0: not known */
	__u32 interp_cnt;
	struct ft_pygilinfo main;    /* the main interpreter's GIL */
	struct ft_pythread *threads; /* owned */
	size_t thread_cnt;
	bool torn; /* the lists changed under the walk: threads may miss */
};

/*
 * Reads the state without stopping the process. -EOPNOTSUPP with no_offsets (then gil is set to
 * FT_PYGIL_ON all the same); -EAGAIN: the interpreter is not initialised (yet, or any more).
 */
int ft_runtime_state(int pid, const struct ft_runtime *rt, struct ft_pystate *out);
void ft_pystate_free(struct ft_pystate *s); /* NULL is fine; leaves it empty */

#endif
