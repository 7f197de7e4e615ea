/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * _Py_DebugOffsets: where CPython's structures keep their fields, published by the interpreter
 * itself as the first field of _PyRuntime (3.13 and later). Pure: bytes in, struct out.
 */
#ifndef FT_PYTHON_OFFSETS_H
#define FT_PYTHON_OFFSETS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include "ftprof_abi.h"

#define FT_PY_COOKIE "xdebugpy" /* 8 bytes, no NUL */
#define FT_PY_OFFSETS_MAX 1024	/* enough bytes for every known version */

/* All offsets in bytes. 0 stands for "this version has no such field" where that is said. */
struct ft_offsets {
	__u32 version; /* PY_VERSION_HEX */
	bool free_threaded;
	__u64 runtime_size, interp_head;
	/* PyInterpreterState */
	__u64 interp_size, interp_id, interp_next, interp_threads;
	__u64 interp_gil;     /* ceval.gil, a pointer */
	__u64 interp_own_gil; /* the GIL inside the interpreter state, that gil may point to */
	__u64 interp_gc;      /* struct _gc_runtime_state, in the interpreter state */
	__u64 interp_modules; /* imports.modules, a pointer: sys.modules */
	__u64 gc_size;
	__u64 gc_collecting; /* an int, in struct _gc_runtime_state */
	/* PyThreadState */
	__u64 ts_size, ts_prev, ts_next, ts_interp, ts_frame, ts_thread_id, ts_native_id, ts_status;
	__u64 ts_state; /* attached, detached, suspended: derived from ts_status by version */
	/* objects */
	__u64 ob_size, ob_type, tp_name;
	/* struct _gil_runtime_state; from cond on derived for x86-64 glibc */
	__u16 gil_enabled, gil_interval, gil_last_holder, gil_locked, gil_switch_number;
	__u16 gil_cond, gil_mutex, gil_switch_cond, gil_switch_mutex, gil_size;
	/* frames, code objects, strings; py.code_type is 0 until ft_runtime_find() has found it */
	struct ft_pylayout py;
};

/*
 * Parses and checks. -EBADMSG: no cookie, or an offset that cannot be; -EPROTO: a version this
 * program does not know; -EMSGSIZE: too short. On error one sentence stands in why.
 */
int ft_offsets_parse(const void *buf, size_t len, struct ft_offsets *out, char *why, size_t why_sz);
/* Fills the interpreter part of *t (everything but runtime, spin and the written part). */
void ft_offsets_target(const struct ft_offsets *off, struct ft_target *t);
/* "3.14.6", "3.15.0rc1" from PY_VERSION_HEX. Returns buf. */
char *ft_python_version(__u32 hex, char *buf, size_t sz);

#endif
