/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of the runtime's own locks, and of the mutex in a shared dict keys object. */
#include "python/locknames.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "os/mem.h"
#include "python/locknames_table.h"

/* struct _dictkeysobject of the free-threaded 3.13 to 3.15 (pycore_dict.h) */
#define KEYS_MUTEX 11u
#define KEYS_INDICES 32u
#define KEYS_SPLIT 2u /* DICT_KEYS_SPLIT: only such are shared and locked */
#define KEYS_LOG2 6u  /* NEXT_LOG2_SHARED_KEYS_MAX_SIZE: all split keys have that size */
#define KEYS_MAX 30   /* SHARED_KEYS_MAX_SIZE: used and usable entries together */

struct dict_keys {
	__s64 refcnt;
	__u8 log2_size;
	__u8 log2_index_bytes;
	__u8 kind;
	__u8 mutex;
	__u32 version;
	__s64 usable;
	__s64 nentries;
};

_Static_assert(sizeof(struct dict_keys) == KEYS_INDICES, "as CPython has it");

/* The table of this very build, or NULL. */
static const struct ft_locktable *find_table(const struct ft_runtime *rt)
{
	const struct ft_offsets *o = &rt->off;
	size_t i;

	for (i = 0; i < ft_locktable_cnt; i++) {
		const struct ft_locktable *t = &ft_locktables[i];

		if (t->series == rt->hex >> 16 && (t->free_threaded != 0) == rt->free_threaded &&
		    t->runtime_size == o->runtime_size && t->interp_size == o->interp_size &&
		    t->interp_gil == o->interp_gil && t->interp_own_gil == o->interp_own_gil &&
		    t->interp_gc == o->interp_gc && t->interp_modules == o->interp_modules &&
		    t->gc_collecting == o->gc_collecting && t->ts_size == o->ts_size)
			return t;
	}
	return NULL;
}

static void name_place(const struct ft_runtime *rt, bool runtime, __u64 off, char *name,
		       size_t name_sz, char *where, size_t where_sz)
{
	const struct ft_locktable *t = find_table(rt);
	size_t i;

	snprintf(where, where_sz, "%s+0x%llx", runtime ? "runtime" : "interpreter",
		 (unsigned long long)off);
	for (i = 0; t && i < t->entry_cnt; i++) {
		const struct ft_locktable_entry *e = &t->entry[i];

		if (e->runtime != runtime || off < e->off || off - e->off >= e->size)
			continue;
		snprintf(name, name_sz, "%s", e->name);
		return;
	}
	snprintf(name, name_sz, "%s", where);
}

static bool in_range(__u64 addr, __u64 start, __u64 size)
{
	return start && addr >= start && addr - start < size;
}

/* Is what stands at addr an object whose type is a type? */
static bool is_object(int pid, const struct ft_runtime *rt, __u64 addr)
{
	__u64 type, meta;

	if (!addr || addr & 7 || ft_mem_read(pid, addr + rt->off.ob_type, &type, 8) || type & 7 ||
	    ft_mem_read(pid, type + rt->off.ob_type, &meta, 8))
		return false;
	return meta == rt->type_type;
}

/* The numbers in a keys object bind each other, and its first key is an object, a string. */
static bool is_dict_keys(int pid, const struct ft_runtime *rt, __u64 mutex)
{
	__u64 addr = mutex - KEYS_MUTEX, key;
	struct dict_keys k;

	if (!rt->free_threaded || !rt->type_type || mutex < KEYS_MUTEX || addr & 7 ||
	    ft_mem_read(pid, addr, &k, sizeof(k)))
		return false;
	if (k.kind != KEYS_SPLIT || k.log2_size != KEYS_LOG2 || k.log2_index_bytes != KEYS_LOG2 ||
	    k.mutex > 3 || k.refcnt < 1 || k.refcnt > 1 << 30 || k.usable < 0 || k.nentries < 0 ||
	    k.usable > KEYS_MAX || k.nentries > KEYS_MAX)
		return false;
	/* whoever holds the mutex may just be between changing the one and the other */
	if (k.usable + k.nentries < KEYS_MAX - 1 || k.usable + k.nentries > KEYS_MAX + 1)
		return false;
	if (!k.nentries)
		return true;
	return !ft_mem_read(pid, addr + KEYS_INDICES + (1u << KEYS_LOG2), &key, 8) &&
	       is_object(pid, rt, key);
}

int ft_lock_name(int pid, const struct ft_runtime *rt, const struct ft_interp_range *interp,
		 size_t interp_cnt, __u64 addr, char *name, size_t name_sz, char *where,
		 size_t where_sz)
{
	const struct ft_offsets *o = &rt->off;
	size_t i;

	if (name_sz)
		name[0] = 0;
	if (where_sz)
		where[0] = 0;
	if (rt->no_offsets)
		return -ENOENT;
	for (i = 0; i < interp_cnt; i++) {
		if (!in_range(addr, interp[i].addr, interp[i].size))
			continue;
		name_place(rt, false, addr - interp[i].addr, name, name_sz, where, where_sz);
		return 0;
	}
	if (in_range(addr, rt->main_interp, o->interp_size)) {
		name_place(rt, false, addr - rt->main_interp, name, name_sz, where, where_sz);
		return 0;
	}
	if (in_range(addr, rt->runtime, o->runtime_size)) {
		name_place(rt, true, addr - rt->runtime, name, name_sz, where, where_sz);
		return 0;
	}
	if (!is_dict_keys(pid, rt, addr))
		return -ENOENT;
	snprintf(name, name_sz, "dict keys");
	return 0;
}
