// SPDX-License-Identifier: BSD-2-Clause
/* Names for what the BPF side numbered. */
#include "capture/naming.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/mem.h"
#include "os/procfs.h"
#include "os/symbols.h"
#include "python/dictowner.h"
#include "python/ftsites.h"
#include "python/locknames.h"

#define INTERPS_MAX 16
#define TRIES_MAX 3
#define DICTS_MAX 64 /* looked into at a time: each may take a millisecond */

struct lock_name {
	__u8 tries;
	bool done;
	char name[96];
	char owner[96];
};

struct pause_name {
	bool done;
	char func[96];
};

struct ft_naming {
	int pid;
	const struct ft_runtime *rt;
	struct ft_symbols *symbols; /* made when first needed */
	struct lock_name lock[FT_MAX_LOCKS];
	struct pause_name pause[FT_MAX_PAUSE_CAUSES];
};

int ft_naming_new(struct ft_naming **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void ft_naming_free(struct ft_naming *n)
{
	if (!n)
		return;
	ft_symbols_free(n->symbols);
	free(n);
}

void ft_naming_target(struct ft_naming *n, int pid, const struct ft_runtime *rt)
{
	n->pid = pid;
	n->rt = rt;
	ft_symbols_free(n->symbols);
	n->symbols = NULL;
}

/* The symbol of a return address, or an address as it is; false: nothing is known of it. */
static bool symbol_at(struct ft_naming *n, __u64 addr, bool call, struct ft_symbol *s)
{
	if (!n->symbols && ft_symbols_new(n->pid, &n->symbols))
		n->symbols = NULL;
	return n->symbols && !ft_symbols_user(n->symbols, addr, call, s) && s->file[0];
}

static bool is_libc(const char *file)
{
	const char *base = ft_basename(file);

	return !strncmp(base, "libc.", 5) || !strncmp(base, "libc-", 5) ||
	       !strncmp(base, "libpthread", 10) || !strncmp(base, "ld-linux", 8) ||
	       !strncmp(base, "ld-musl", 7);
}

/*
 * Does addr stand behind a call? Stacks hold pointers to functions too, and what was left there
 * earlier. (Intel's manual, volume 2: CALL.)
 */
static bool is_return_address(int pid, __u64 addr)
{
	__u8 b[7];

	if (addr < sizeof(b) || ft_mem_read(pid, addr - sizeof(b), b, sizeof(b)))
		return false;
	return b[2] == 0xe8 ||				  /* call rel32 */
	       (b[5] == 0xff && (b[6] & 0xf8) == 0xd0) || /* call *%reg */
	       (b[4] == 0xff && (b[5] & 0x38) == 0x10) || /* call *disp8(%reg) */
	       (b[1] == 0xff && (b[2] & 0x38) == 0x10);	  /* call *disp32(%reg), (%rip) */
}

/*
 * glibc's malloc gives threads arenas of their own, at multiples of 64 MiB; their lock stands
 * behind struct heap_info (malloc/arena.c, HEAP_MAX_SIZE; 2.26 and later).
 */
static bool is_malloc_arena(const struct ft_maps *maps, __u64 addr)
{
	const struct ft_mapping *m = ft_maps_find(maps, addr);

	return m && !m->path[0] && (addr & 0x3ffffff) < 0x40 && m->start == (addr & ~0x3ffffffull);
}

/*
 * A native lock belongs to the library that called the C library for it: the first return address
 * on the waiter's stack that is not the C library's own.
 */
static void name_native(struct ft_naming *n, const struct ft_maps *maps, const struct ft_lock *l,
			struct lock_name *out)
{
	const struct ft_mapping *m;
	struct ft_symbol s;
	int i;

	if (is_malloc_arena(maps, l->addr))
		snprintf(out->name, sizeof(out->name), "malloc arena");
	for (i = 0; i < FT_LOCK_CALLERS; i++) {
		m = ft_maps_find(maps, l->caller[i]);
		if (!m || !m->exec || !m->path[0] || is_libc(m->path) ||
		    !is_return_address(n->pid, l->caller[i]))
			continue;
		if (!out->name[0])
			snprintf(out->name, sizeof(out->name), "%s", ft_basename(m->path));
		if (symbol_at(n, l->caller[i], true, &s) && s.name[0])
			snprintf(out->owner, sizeof(out->owner), "%s", s.name);
		return;
	}
	/* the C library's own */
	m = ft_maps_find(maps, l->addr);
	if (!out->name[0] && m && m->path[0] == '/')
		snprintf(out->name, sizeof(out->name), "%s", ft_basename(m->path));
}

/* A PyMutex that is in no object: the runtime's, an interpreter's, or a library's own variable. */
static void name_runtime(struct ft_naming *n, const struct ft_maps *maps,
			 const struct ft_interp_range *interp, int interp_cnt,
			 const struct ft_lock *l, struct lock_name *out)
{
	const struct ft_mapping *m;

	if (!ft_lock_name(n->pid, n->rt, interp, interp_cnt, l->addr, out->name, sizeof(out->name),
			  out->owner, sizeof(out->owner)))
		return;
	m = ft_maps_find(maps, l->addr);
	if (m && m->path[0] == '/')
		snprintf(out->owner, sizeof(out->owner), "%.90s", ft_basename(m->path));
}

/* A dict's owner is told beside its type's name; nobody's is just a dict. Was it looked for? */
static bool name_dict(struct ft_naming *n, const struct ft_lock *l, struct lock_name *out)
{
	if (out->done || l->kind != FT_LK_OBJECT || strncmp(l->name, "dict", sizeof(l->name)))
		return false;
	out->done = !ft_dict_owner(n->pid, n->rt, l->addr - FT_DICT_MUTEX, out->owner,
				   sizeof(out->owner)) ||
		    ++out->tries >= TRIES_MAX;
	return true;
}

static void name_locks(struct ft_naming *n, const struct ft_lock *locks)
{
	struct ft_interp_range interp[INTERPS_MAX];
	struct ft_maps maps = {0};
	int interp_cnt = -1, dicts = 0;
	__u32 i;

	for (i = 1; i < FT_MAX_LOCKS; i++) {
		struct ft_lock l = locks[i];
		struct lock_name *o = &n->lock[i];

		if (dicts < DICTS_MAX)
			dicts += name_dict(n, &l, o);
		if (o->done || (l.kind != FT_LK_RUNTIME && l.kind != FT_LK_NATIVE) || !l.addr)
			continue;
		if (interp_cnt < 0) {
			if (ft_proc_maps(FT_PROC, n->pid, &maps))
				return; /* gone */
			interp_cnt = ft_interps_find(n->pid, n->rt, interp, INTERPS_MAX);
			if (interp_cnt < 0)
				interp_cnt = 0;
		}
		if (l.kind == FT_LK_NATIVE)
			name_native(n, &maps, &l, o);
		else
			name_runtime(n, &maps, interp, interp_cnt, &l, o);
		o->done = o->name[0] || ++o->tries >= TRIES_MAX;
	}
	ft_maps_free(&maps);
}

void ft_naming_poll(struct ft_naming *n, const struct ft_lock *locks, const struct ft_pause *pauses)
{
	struct ft_symbol s;
	__u32 i;

	if (!n->rt)
		return;
	name_locks(n, locks);
	for (i = 0; i < FT_MAX_PAUSE_CAUSES; i++) {
		struct pause_name *o = &n->pause[i];

		if (o->done || !pauses[i].ip)
			continue;
		if (symbol_at(n, pauses[i].ip, true, &s))
			snprintf(o->func, sizeof(o->func), "%s", s.name);
		o->done = true;
	}
}

static const char *const kind_names[FT_LK_CNT] = {
	[FT_LK_OBJECT] = "object", [FT_LK_THREADING] = "lock", [FT_LK_RUNTIME] = "mutex",
	[FT_LK_NATIVE] = "mutex",  [FT_LK_TYPE] = "object",
};

void ft_naming_lock(const struct ft_naming *n, __u32 id, const struct ft_lock *l,
		    struct ft_lock_rec *out)
{
	const struct lock_name *o = &n->lock[id];

	snprintf(out->owner, sizeof(out->owner), "%s", o->owner);
	if (l->name[0])
		snprintf(out->name, sizeof(out->name), "%.*s", (int)sizeof(l->name), l->name);
	else if (o->name[0])
		snprintf(out->name, sizeof(out->name), "%s", o->name);
	else if (l->addr)
		snprintf(out->name, sizeof(out->name), "%s at 0x%llx", kind_names[l->kind],
			 (unsigned long long)l->addr);
	else
		snprintf(out->name, sizeof(out->name), "many of the kind %s", kind_names[l->kind]);
}

void ft_naming_pause(const struct ft_naming *n, __u32 id, const struct ft_pause *p,
		     struct ft_pause_rec *out)
{
	const char *func = n->pause[id].func;

	snprintf(out->func, sizeof(out->func), "%s", func);
	out->cause = func[0] ? ft_pause_cause_of(func) : FT_PC_OTHER;
	/* in a stripped build the two most frequent ones are told by what was on meanwhile */
	if (out->cause == FT_PC_OTHER && (p->flags & FT_PF_GC))
		out->cause = FT_PC_GC;
	if (out->cause == FT_PC_OTHER && (p->flags & FT_PF_GIL_ON))
		out->cause = FT_PC_IMPORT;
}
