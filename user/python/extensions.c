/* SPDX-License-Identifier: BSD-2-Clause */
/* The extension modules of a live process, and whether they ask for the GIL. */
#include "python/extensions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "base/log.h"
#include "os/distribution.h"
#include "os/elfdyn.h"
#include "python/extensions_priv.h"
#include "python/pypriv.h"

#define FILES_MAX 8192
#define CYTHON_MAX (32u * 1024 * 1024) /* bytes of a file in which its mark is looked for */

/* What the names of a file's dynamic symbols tell. */
struct symbols {
	const struct ft_ext_scan *s;
	struct ft_ext_file *f;
	char stem[128]; /* of its own name: "_foo" of _foo.cpython-314t-x86_64-linux-gnu.so */
	__u64 vaddr;	/* of the initialiser, 0: none yet */
	bool creates;
	bool is_interpreter;
};

static const char *after(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) ? NULL : s + n;
}

/* Of several initialisers the one that is named like the file is what is imported. */
static void add_init(struct symbols *y, const char *name, __u64 vaddr, bool slots)
{
	struct ft_ext_file *f = y->f;
	/* 3.15 looks for PyModExport_ first */
	bool better = slots == f->exports_slots ? strcmp(f->init, y->stem) && !strcmp(name, y->stem)
						: slots;

	if (!name[0] || (y->vaddr && !better))
		return;
	snprintf(f->init, sizeof(f->init), "%s", name);
	f->exports_slots = slots;
	y->vaddr = vaddr;
}

static int on_symbol(void *ctx, const char *name, __u64 vaddr)
{
	struct symbols *y = ctx;
	const char *init = after(name, "PyInit_");

	if (!init)
		init = after(name, "PyInitU_"); /* the module's name in punycode */
	if (init && vaddr) {
		add_init(y, init, vaddr, false);
	} else if ((init = after(name, "PyModExport_")) && vaddr) {
		if (y->s->rt->hex >= 0x030f0000)
			add_init(y, init, vaddr, true);
	} else if (!strcmp(name, "PyModuleDef_Init")) {
		y->f->multi_phase = true;
		y->is_interpreter |= vaddr != 0;
	} else if (!strcmp(name, "PyModule_Create2")) {
		y->creates = true;
	} else if (!strcmp(name, "PyUnstable_Module_SetGIL")) {
		y->f->sets_gil = true;
	}
	return 0;
}

/* Run-time addresses of what is loaded of the file. */
static void fill_segments(struct ft_elf *e, __u64 bias, struct ft_ext_file *f)
{
	struct ft_elf_segment seg;
	size_t i;

	for (i = 0; !ft_elf_segment(e, i, &seg); i++) {
		__u64 lo = seg.vaddr + bias, hi = lo + seg.size;

		if (hi <= lo)
			continue;
		f->lo = !f->hi || lo < f->lo ? lo : f->lo;
		f->hi = hi > f->hi ? hi : f->hi;
		if (seg.write && f->data_cnt < FT_EXT_DATA_MAX) {
			f->data[f->data_cnt].lo = lo;
			f->data[f->data_cnt++].hi = hi;
		}
	}
}

static void stem_of(const char *path, char *buf, size_t sz)
{
	const char *base = ft_basename(path);

	snprintf(buf, sz, "%.*s", (int)strcspn(base, "."), base);
}

/* Going by its name alone. */
static bool is_likely(const char *path)
{
	return strstr(path, "/lib-dynload/") || strstr(ft_basename(path), ".cpython-3") ||
	       strstr(ft_basename(path), ".abi3.so");
}

/* 0: *f is an extension module; -ENOENT: it is not one. */
static int look_at_file(const struct ft_ext_scan *s, const struct ft_maps *maps,
			const struct ft_mapping *m, struct ft_ext_file *f)
{
	static const char *const prefixes[] = {"PyInit",
					       "PyModExport_",
					       "PyModuleDef_Init",
					       "PyModule_Create2",
					       "PyUnstable_Module_SetGIL",
					       NULL};
	struct symbols y = {.s = s, .f = f};
	char path[PATH_MAX];
	struct ft_elf *e = NULL;
	__u64 bias;
	int err;

	memset(f, 0, sizeof(*f));
	f->map = m;
	stem_of(m->path, y.stem, sizeof(y.stem));
	err = ft_elf_open_map(s->pid, m, path, sizeof(path), &e);
	if (!err)
		err = ft_elf_bias(e, maps, m, &bias);
	if (!err)
		err = ft_elf_dynsyms(e, prefixes, on_symbol, &y);
	if (!err && (!y.vaddr || y.is_interpreter))
		err = -ENOENT;
	if (!err) {
		f->init_addr = y.vaddr + bias;
		f->multi_phase &= !y.creates;
		fill_segments(e, bias, f);
	}
	ft_elf_close(e);
	if (err && err != -ENOENT && err != -ENOMEM && is_likely(m->path)) {
		f->unopened = err;
		memcpy(f->init, y.stem, sizeof(f->init));
		err = 0;
	}
	return err == -ENOMEM ? err : err ? -ENOENT : 0;
}

static bool same_file(const struct ft_mapping *a, const struct ft_mapping *b)
{
	return a->inode == b->inode && a->dev_major == b->dev_major &&
	       a->dev_minor == b->dev_minor && !strcmp(a->path, b->path);
}

/* Every mapped file with code, once. */
static int find_files(struct ft_ext_scan *s, const struct ft_maps *maps)
{
	const struct ft_mapping **seen = calloc(FILES_MAX, sizeof(const struct ft_mapping *));
	size_t i, j, seen_cnt = 0;
	struct ft_ext_file f;
	int err = 0;

	if (!seen)
		return -ENOMEM;
	for (i = 0; i < maps->cnt && seen_cnt < FILES_MAX; i++) {
		const struct ft_mapping *m = &maps->map[i];
		void *p = s->file;

		if (!m->exec || !m->inode || m->path[0] != '/' || !strcmp(m->path, s->rt->elf.path))
			continue;
		for (j = seen_cnt; j && !same_file(seen[j - 1], m); j--)
			;
		if (j)
			continue;
		seen[seen_cnt++] = m;
		err = look_at_file(s, maps, m, &f);
		if (err == -ENOENT) {
			err = 0;
			continue;
		}
		if (!err)
			err = ft_array_reserve(&p, &s->cap, s->cnt + 1, sizeof(*s->file));
		s->file = p;
		if (err)
			break;
		s->file[s->cnt++] = f;
	}
	free(seen);
	return err;
}

static void find_types(struct ft_ext_scan *s)
{
	const struct {
		const char *name;
		__u64 *addr;
	} want[] = {
		{"PyModule_Type", &s->module_type},
		{"PyModuleDef_Type", &s->def_type},
		{"PyDict_Type", &s->dict_type},
	};
	struct ft_elf_sym sym;
	struct ft_elf *e;
	size_t i;

	if (ft_elf_open(s->rt->elf.open, &e))
		return;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		if (!ft_elf_dynsym(e, want[i].name, &sym) && !sym.ambiguous)
			*want[i].addr = sym.vaddr + s->rt->elf.bias;
	}
	ft_elf_close(e);
}

static bool is_abi3(const char *path)
{
	size_t n = strlen(path);

	return n > 8 && !strcmp(path + n - 8, ".abi3.so");
}

/* All that Cython makes keeps its frames' globals in a module of this name. */
static bool is_cython(const struct ft_ext_scan *s, const struct ft_ext_file *f)
{
	static const char mark[] = "cython_runtime";
	char path[PATH_MAX];
	struct ft_elf *e;
	bool yes;

	if (ft_elf_open_map(s->pid, f->map, path, sizeof(path), &e))
		return false;
	yes = ft_elf_holds(e, mark, sizeof(mark), CYTHON_MAX);
	ft_elf_close(e);
	return yes;
}

static void say(struct ft_extension *x, enum ft_extgil gil, const char *how)
{
	x->gil = gil;
	snprintf(x->how, sizeof(x->how), "%s", how);
}

/* The definition says nothing, in a file that a free-threaded interpreter has loaded. */
static void judge_free(const struct ft_ext_file *f, enum ft_ext_slot slot, struct ft_extension *x)
{
	if (slot == FT_ES_NONE)
		say(x, FT_EXTGIL_USED, "no Py_mod_gil slot in its definition");
	else if (f->md_gil)
		say(x, f->md_gil, "live module, initialised in a single phase");
	else if (!f->sets_gil)
		say(x, FT_EXTGIL_USED, "single phase, and never calls PyUnstable_Module_SetGIL");
	else
		say(x, FT_EXTGIL_UNKNOWN,
		    "calls PyUnstable_Module_SetGIL, and no live module was found");
}

/*
 * The same in a file for builds with a GIL. Cython writes the slot only where Py_GIL_DISABLED is
 * defined, PyUnstable_Module_SetGIL() exists only there, and no stable ABI of before 3.15 does: of
 * all these a missing slot tells nothing.
 */
static void judge_gil(const struct ft_ext_scan *s, const struct ft_ext_file *f,
		      enum ft_ext_slot slot, struct ft_extension *x)
{
	if (is_abi3(f->map->path))
		say(x, FT_EXTGIL_UNKNOWN, "stable ABI: free-threaded Python needs another file");
	else if (slot == FT_ES_SINGLE && !f->multi_phase)
		say(x, FT_EXTGIL_UNKNOWN,
		    "single phase: only its file for free-threaded Python can say");
	else if (is_cython(s, f))
		say(x, FT_EXTGIL_UNKNOWN, "Cython: only its file for free-threaded Python says");
	else
		say(x, FT_EXTGIL_USED, "no Py_mod_gil slot in its definition");
}

static int judge(const struct ft_ext_scan *s, const struct ft_ext_file *f, struct ft_extension *x)
{
	enum ft_ext_slot slot = FT_ES_SINGLE;
	int err;

	if (f->unopened) {
		snprintf(x->how, sizeof(x->how), "its file cannot be opened: %s",
			 strerror(-f->unopened));
		return 0;
	}
	if (s->rt->no_offsets) {
		snprintf(x->how, sizeof(x->how), "Python %s has no Py_mod_gil (3.13 and later do)",
			 s->rt->version);
		return 0;
	}
	err = ft_ext_definition(s, f, &slot);
	if (err == -ESRCH || err == -EPERM || err == -ENOMEM)
		return err;
	if (err && f->md_gil)
		say(x, f->md_gil, "live module");
	else if (err == -EBADMSG)
		say(x, FT_EXTGIL_UNKNOWN, "the slots of its definition cannot be read");
	else if (err)
		say(x, FT_EXTGIL_UNKNOWN, "its definition was not found");
	else if (slot == FT_ES_NOT_USED || slot == FT_ES_USED)
		say(x, slot == FT_ES_USED ? FT_EXTGIL_USED : FT_EXTGIL_NOT_USED,
		    "Py_mod_gil slot in its definition");
	else if (s->rt->free_threaded)
		judge_free(f, slot, x);
	else
		judge_gil(s, f, slot, x);
	return 0;
}

/* ".../python3.14t/lib-dynload/x.so" of the interpreter's own version */
static bool is_stdlib(const struct ft_runtime *rt, const char *path)
{
	char dir[32];
	const char *p;
	size_t n;

	n = (size_t)snprintf(dir, sizeof(dir), "/python3.%u", rt->hex >> 16 & 255);
	for (p = strstr(path, dir); p; p = strstr(p + 1, dir)) {
		const char *rest = p + n + (p[n] == 't');

		rest = after(rest, "/lib-dynload/");
		if (rest && !strchr(rest, '/'))
			return true;
	}
	return false;
}

static void fill_owner(const struct ft_runtime *rt, struct ft_dists *dists,
		       const struct ft_ext_file *f, struct ft_extension *x)
{
	x->stdlib = is_stdlib(rt, x->path);
	if (x->stdlib)
		snprintf(x->distribution, sizeof(x->distribution), "CPython %s", rt->version);
	else if (dists && !f->map->deleted) /* what is there now is not what the process has */
		(void)ft_dists_owner(dists, x->path, x->distribution, sizeof(x->distribution));
}

static int by_path(const void *a, const void *b)
{
	const struct ft_extension *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static int make_list(const struct ft_ext_scan *s, struct ft_extension **out, size_t *cnt)
{
	struct ft_extension *v = calloc(s->cnt ? s->cnt : 1, sizeof(*v));
	struct ft_dists *dists = NULL;
	size_t i, n = 0;
	int err = 0;

	if (!v)
		return -ENOMEM;
	if (ft_dists_open(FT_PROC, s->pid, &dists))
		ft_debug("process %d: no distributions: its root cannot be opened", s->pid);
	for (i = 0; i < s->cnt && !err; i++) {
		const struct ft_ext_file *f = &s->file[i];
		struct ft_extension *x = &v[n];

		if (snprintf(x->path, sizeof(x->path), "%s", f->map->path) >= (int)sizeof(x->path))
			continue; /* nor could it be opened */
		snprintf(x->module, sizeof(x->module), "%s", f->name[0] ? f->name : f->init);
		fill_owner(s->rt, dists, f, x);
		err = judge(s, f, x);
		n++;
	}
	ft_dists_close(dists);
	if (err) {
		free(v);
		return err;
	}
	qsort(v, n, sizeof(*v), by_path);
	*out = v;
	*cnt = n;
	return 0;
}

int ft_extensions_list(int pid, const struct ft_runtime *rt, struct ft_extension **out, size_t *cnt,
		       char *why, size_t why_sz)
{
	struct ft_ext_scan s = {.pid = pid, .rt = rt};
	struct ft_maps maps = {0};
	int err, live;

	*out = NULL;
	*cnt = 0;
	if (why_sz)
		why[0] = 0;
	err = ft_proc_maps(FT_PROC, pid, &maps);
	if (!err)
		err = find_files(&s, &maps);
	if (!err && !rt->no_offsets) {
		s.maps = &maps;
		find_types(&s);
		live = ft_ext_live(&s);
		if (live)
			ft_debug("process %d: sys.modules cannot be read: %s", pid,
				 strerror(-live));
	}
	if (!err)
		err = make_list(&s, out, cnt);
	if (err)
		snprintf(why, why_sz, "the extension modules of process %d cannot be listed: %s",
			 pid, strerror(-err));
	free(s.file);
	ft_maps_free(&maps);
	return err;
}

static __u64 mix(__u64 sum, __u64 v)
{
	sum = (sum ^ v) * 0xff51afd7ed558ccdull;
	return sum ^ sum >> 32;
}

int ft_extensions_sum(int pid, __u64 *sum)
{
	struct ft_maps maps = {0};
	size_t i;
	int err;

	*sum = 0;
	err = ft_proc_maps(FT_PROC, pid, &maps);
	if (err)
		return err;
	for (i = 0; i < maps.cnt; i++) {
		const struct ft_mapping *m = &maps.map[i];

		if (m->exec && m->inode)
			*sum = mix(mix(mix(*sum, m->start), m->inode),
				   (__u64)m->dev_major << 32 | m->dev_minor);
	}
	ft_maps_free(&maps);
	return 0;
}
