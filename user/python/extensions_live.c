/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Module objects in sys.modules, read from a process that runs on: whatever is read may be stale
 * or torn, so a module counts only when its type is right and its definition lies in a known file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "os/mem.h"
#include "python/dict_priv.h"
#include "python/extensions_priv.h"

#define INTERPS_MAX 64
#define MODULES_MAX (1u << 18)
#define MODULE_MAX 128 /* bytes of a module object that are read */

/* Where a version keeps what. */
struct layout {
	__u32 version;	    /* major << 8 | minor */
	__u8 modules_word;  /* interpreter_state.imports_modules in _Py_DebugOffsets */
	__u8 def;	    /* md_def or md_token, behind the object's head */
	__u8 def_flag;	    /* 3.15: md_token_is_def, 0: there is none */
	__u8 gil, gil_size; /* md_gil, a pointer; 3.15: md_requires_gil, a bool */
	__u8 size;	    /* bytes behind the head that are needed */
};

/* Include/internal/pycore_moduleobject.h; pycore_debug_offsets.h (pycore_runtime.h in 3.13) */
static const struct layout layouts[] = {
	{.version = 0x30d, .modules_word = 11, .def = 8, .gil = 40, .gil_size = 8, .size = 48},
	{.version = 0x30e, .modules_word = 12, .def = 8, .gil = 40, .gil_size = 8, .size = 48},
	{.version = 0x30f,
	 .modules_word = 12,
	 .def = 72,
	 .def_flag = 32,
	 .gil = 33,
	 .gil_size = 1,
	 .size = 80},
};

static const struct layout *find_layout(const struct ft_runtime *rt)
{
	size_t i;

	for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		if (layouts[i].version == rt->hex >> 16)
			return &layouts[i];
	}
	return NULL;
}

static struct ft_ext_file *file_of(const struct ft_ext_scan *s, __u64 addr)
{
	size_t i;

	for (i = 0; addr && i < s->cnt; i++) {
		if (addr >= s->file[i].lo && addr < s->file[i].hi)
			return &s->file[i];
	}
	return NULL;
}

/*
 * A definition may be allocated: then the module's name tells the file, when just one of those that
 * have no module yet bears it.
 */
static struct ft_ext_file *file_named(const struct ft_ext_scan *s, __u64 def, const char *name)
{
	const struct ft_mapping *m = ft_maps_find(s->maps, def);
	struct ft_ext_file *f = NULL;
	size_t i;

	if (!m || m->inode)
		return NULL;
	for (i = 0; i < s->cnt; i++) {
		if (s->file[i].name[0] || strcmp(s->file[i].init, ft_ext_last(name)))
			continue;
		if (f)
			return NULL;
		f = &s->file[i];
	}
	return f;
}

/* A file may make several modules: the one that is named like its initialiser counts. */
static void take(struct ft_ext_file *f, const char *name, __u64 def, enum ft_extgil gil)
{
	bool named = !strcmp(ft_ext_last(name), f->init);

	if (f->name[0] && (!named || !strcmp(ft_ext_last(f->name), f->init)))
		return;
	snprintf(f->name, sizeof(f->name), "%s", name);
	f->def = def;
	f->md_gil = gil;
}

static void look_at(const struct ft_ext_scan *s, const struct layout *l, bool allocated, __u64 key,
		    __u64 value)
{
	size_t head = s->rt->off.ob_size, n = head + l->size;
	__u8 obj[MODULE_MAX];
	char name[sizeof(s->file->name)];
	enum ft_extgil gil = FT_EXTGIL_UNKNOWN;
	struct ft_ext_file *f;
	__u64 type, def, md_gil = 0;

	if (!key || !value || n > sizeof(obj) || ft_mem_read(s->pid, value, obj, n))
		return;
	memcpy(&type, obj + s->rt->off.ob_type, sizeof(type));
	memcpy(&def, obj + head + l->def, sizeof(def));
	if (type != s->module_type)
		return;
	if (!def || (!allocated && !file_of(s, def)) ||
	    ft_dict_str(s->pid, s->rt, key, name, sizeof(name)) || !name[0])
		return;
	f = allocated ? file_named(s, def, name) : file_of(s, def);
	if (!f)
		return;
	if (s->rt->free_threaded) {
		memcpy(&md_gil, obj + head + l->gil, l->gil_size);
		/* md_gil is Py_MOD_GIL_USED (0) or _NOT_USED (1); md_requires_gil the contrary */
		if (md_gil <= 1)
			gil = md_gil == (l->gil_size == 1) ? FT_EXTGIL_USED : FT_EXTGIL_NOT_USED;
	}
	/* a token that is no definition tells whose module it is, and nothing else */
	take(f, name, l->def_flag && !obj[head + l->def_flag] ? 0 : def, gil);
}

static int walk_modules(const struct ft_ext_scan *s, const struct layout *l, bool allocated,
			__u64 dict)
{
	struct ft_dict_entry *entry = NULL;
	size_t i, cnt;
	__u64 type;
	int err;

	err = ft_mem_read(s->pid, dict + s->rt->off.ob_type, &type, sizeof(type));
	if (err)
		return err;
	if (type != s->dict_type)
		return -EBADMSG;
	err = ft_dict_read(s->pid, s->rt, dict, MODULES_MAX, &entry, &cnt);
	for (i = 0; !err && i < cnt; i++)
		look_at(s, l, allocated, entry[i].key, entry[i].value);
	free(entry);
	return err;
}

static int walk_interps(const struct ft_ext_scan *s, const struct layout *l, bool allocated)
{
	const struct ft_offsets *off = &s->rt->off;
	__u64 interp, modules, at;
	int i, err;

	err = ft_mem_read(s->pid, s->rt->runtime + 8ull * l->modules_word, &at, sizeof(at));
	if (err)
		return err;
	if (at % 8 || at > off->interp_size || off->interp_size - at < 8)
		return -EBADMSG;
	err = ft_mem_read(s->pid, s->rt->runtime + off->interp_head, &interp, sizeof(interp));
	for (i = 0; !err && interp && i < INTERPS_MAX; i++) {
		if (!ft_mem_read(s->pid, interp + at, &modules, sizeof(modules)) && modules)
			(void)walk_modules(s, l, allocated,
					   modules); /* what it does not tell others do */
		err = ft_mem_read(s->pid, interp + off->interp_next, &interp, sizeof(interp));
	}
	return err;
}

int ft_ext_live(struct ft_ext_scan *s)
{
	const struct layout *l = find_layout(s->rt);
	int err;

	if (!l || !s->module_type || !s->dict_type)
		return -EOPNOTSUPP;
	err = walk_interps(s, l, false);
	return err ? err : walk_interps(s, l, true);
}
