/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared inside this folder only: the tables behind ft_lock_name(). */
#ifndef FT_PYTHON_LOCKNAMES_TABLE_H
#define FT_PYTHON_LOCKNAMES_TABLE_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

/* Locks in [off, off + size) of _PyRuntime or of an interpreter state. */
struct ft_locktable_entry {
	__u32 off;
	__u32 size;
	bool runtime;
	const char *name;
};

/* Of a build whose published numbers are these. */
struct ft_locktable {
	__u32 series; /* major << 8 | minor */
	__u32 free_threaded;
	__u64 runtime_size, interp_size;
	__u64 interp_gil, interp_own_gil, interp_gc, interp_modules, gc_collecting, ts_size;
	const struct ft_locktable_entry *entry;
	size_t entry_cnt;
};

extern const struct ft_locktable ft_locktables[];
extern const size_t ft_locktable_cnt;

#endif
