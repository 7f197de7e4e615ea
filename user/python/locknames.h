/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of the runtime's own locks. CPython publishes no offsets for them: they come from a table
 * made from the headers of known versions (scripts/make-locknames), which counts only when the
 * published sizes and offsets of the running build are those of the table's.
 */
#ifndef FT_PYTHON_LOCKNAMES_H
#define FT_PYTHON_LOCKNAMES_H

#include "python/runtime.h"

/* An interpreter state in the process: the main one lies inside _PyRuntime. */
struct ft_interp_range {
	__u64 addr;
	__u64 size;
};

/*
 * Names the lock at `addr`: name "type lock" and where "interpreter+0x2ff68" (or "runtime+0x320");
 * when the layout is not known, or nothing stands there, name is the place ("interpreter+0x2ff68").
 * A mutex inside a shared dict keys object, found by what stands around it, is "dict keys". 0, or
 * -ENOENT when addr lies in neither: name and where are empty then.
 */
int ft_lock_name(int pid, const struct ft_runtime *rt, const struct ft_interp_range *interp,
		 size_t interp_cnt, __u64 addr, char *name, size_t name_sz, char *where,
		 size_t where_sz);

/* The interpreters of the process; at most max. Their number or -errno. */
int ft_interps_find(int pid, const struct ft_runtime *rt, struct ft_interp_range *out, size_t max);

/*
 * Collections so far by generation: from interp->gc.generation_stats of the main interpreter, which
 * stands right before the published gc.collecting in 3.13 and 3.14. -EOPNOTSUPP for others.
 */
int ft_gc_runs(int pid, const struct ft_runtime *rt, __u64 runs[3]);

#endif
