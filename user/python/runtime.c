/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds the interpreter inside a live process.
 *
 * _PyRuntime is found in the files that the process has mapped, by the section .PyRuntime, by the
 * dynamic symbol, or, in a file that lost both, by the cookie in its writable data. What stands
 * there is then read from the process.
 */
#include "python/runtime.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "os/mem.h"
#include "python/pypriv.h"

#define SCAN_MAX (64u * 1024 * 1024)
#define SCAN_CHUNK (256u * 1024)
#define TRIED_MAX 1024

struct finder {
	int pid;
	struct ft_maps maps;
	char exe[PATH_MAX];
	const struct ft_mapping *tried[TRIED_MAX];
	size_t tried_cnt;
	char *why;
	size_t why_sz;
};

int ft_py_open(int pid, const struct ft_maps *maps, const struct ft_mapping *map,
	       struct ft_pyfile *f, struct ft_elf **elf)
{
	int err;

	*elf = NULL;
	if (snprintf(f->path, sizeof(f->path), "%s", map->path) >= (int)sizeof(f->path))
		return -ENAMETOOLONG;
	f->deleted = map->deleted;
	err = ft_elf_open_map(pid, map, f->open, sizeof(f->open), elf);
	if (!err)
		err = ft_elf_bias(*elf, maps, map, &f->bias);
	if (err) {
		ft_elf_close(*elf);
		*elf = NULL;
	}
	return err;
}

/* Looks for the cookie in the writable data of one file. */
static int scan_cookie(const struct finder *f, const struct ft_mapping *like, __u64 *addr)
{
	size_t left = SCAN_MAX, i;
	char *buf = malloc(SCAN_CHUNK);

	if (!buf)
		return -ENOMEM;
	for (i = 0; i < f->maps.cnt; i++) {
		const struct ft_mapping *m = &f->maps.map[i];
		__u64 at;

		if (!m->write || m->inode != like->inode || strcmp(m->path, like->path))
			continue;
		for (at = m->start; at < m->end && left; at += SCAN_CHUNK) {
			size_t n = m->end - at < SCAN_CHUNK ? (size_t)(m->end - at) : SCAN_CHUNK;
			size_t j;

			left -= n < left ? n : left;
			if (ft_mem_read(f->pid, at, buf, n))
				continue;
			for (j = 0; j + 8 <= n; j += 8) {
				if (memcmp(buf + j, FT_PY_COOKIE, 8))
					continue;
				*addr = at + j;
				free(buf);
				return 0;
			}
		}
	}
	free(buf);
	return -ENOENT;
}

/* Where _PyRuntime is, going by the file. */
static int locate(struct finder *f, const struct ft_mapping *map, struct ft_elf *e,
		  struct ft_runtime *rt)
{
	struct ft_elf_sym sym;
	char name[32];
	__u64 vaddr;

	ft_py_safe(name, sizeof(name), ft_basename(map->path));
	if (!ft_elf_section(e, ".PyRuntime", &vaddr, NULL)) {
		rt->runtime = vaddr + rt->elf.bias;
		snprintf(rt->how, sizeof(rt->how), ".PyRuntime section of %s", name);
		return 0;
	}
	if (!ft_elf_dynsym(e, "_PyRuntime", &sym) ||
	    (ft_py_likely(map->path) && !ft_elf_symbol(e, "_PyRuntime", &sym))) {
		rt->runtime = sym.vaddr + rt->elf.bias;
		snprintf(rt->how, sizeof(rt->how), "_PyRuntime in %s of %s", sym.from, name);
		return 0;
	}
	/* a search of memory only where an interpreter is likely */
	if ((ft_py_likely(map->path) || !strcmp(map->path, f->exe)) &&
	    !scan_cookie(f, map, &rt->runtime)) {
		snprintf(rt->how, sizeof(rt->how), "cookie in the data of %s", name);
		return 0;
	}
	return -ENOENT;
}

static int refuse_version(struct finder *f, int minor)
{
	if (minor == 0)
		snprintf(f->why, f->why_sz, "process %d is Python 2: 3.9 or later is needed",
			 f->pid);
	else
		snprintf(f->why, f->why_sz, "process %d is Python 3.%d: 3.9 or later is needed",
			 f->pid, minor);
	return -EPROTO;
}

/* 3.9 to 3.12: no table of offsets; the version is all that can be told. */
static int identify_old(struct finder *f, const struct ft_mapping *map, struct ft_elf *e,
			struct ft_runtime *rt)
{
	struct ft_elf_sym sym;
	__u32 hex = 0;
	size_t i;
	int minor;

	if (!ft_elf_dynsym(e, "Py_Version", &sym))
		(void)ft_mem_read(f->pid, sym.vaddr + rt->elf.bias, &hex, sizeof(hex));
	if (hex >> 24 == 3) {
		minor = (int)(hex >> 16 & 255);
		ft_python_version(hex, rt->version, sizeof(rt->version));
	} else {
		minor = ft_py_minor_of_path(map->path);
		for (i = 0; i < f->maps.cnt && minor < 0; i++)
			minor = ft_py_minor_of_path(f->maps.map[i].path);
		if (minor < 0) {
			snprintf(f->why, f->why_sz,
				 "process %d holds a Python whose version cannot be told", f->pid);
			return -EPROTO;
		}
		hex = 3u << 24 | (__u32)minor << 16;
		snprintf(rt->version, sizeof(rt->version), "3.%d", minor);
	}
	if (minor < 9)
		return refuse_version(f, minor);
	if (minor >= 13) {
		/* it would have a table, and its first bytes are there from the start */
		snprintf(f->why, f->why_sz,
			 "process %d is Python %s but shows no table of offsets: it is just "
			 "starting, or not a build of CPython; try again",
			 f->pid, rt->version);
		return -EAGAIN;
	}
	rt->hex = hex;
	rt->no_offsets = true;
	snprintf(rt->limit, sizeof(rt->limit),
		 "Python %s publishes no table of offsets (3.13 and later do): GIL waits are only "
		 "seen with probes, --exact",
		 rt->version);
	return 0;
}

static int identify(struct finder *f, const struct ft_mapping *map, struct ft_elf *e,
		    struct ft_runtime *rt)
{
	__u8 buf[FT_PY_OFFSETS_MAX];
	int err;

	err = ft_mem_read(f->pid, rt->runtime, buf, sizeof(buf));
	if (err == -EPERM) {
		snprintf(f->why, f->why_sz, "the memory of process %d may not be read%s", f->pid,
			 geteuid() ? ": run ftprof as root" : ", not even by root");
		return err;
	}
	if (err == -ESRCH) {
		snprintf(f->why, f->why_sz, "process %d is gone", f->pid);
		return err;
	}
	/* 3.9's whole _PyRuntime is shorter than our buffer, and may end the mapping */
	if (err || memcmp(buf, FT_PY_COOKIE, 8))
		return identify_old(f, map, e, rt);
	err = ft_offsets_parse(buf, sizeof(buf), &rt->off, f->why, f->why_sz);
	if (err)
		return err;
	rt->hex = rt->off.version;
	rt->free_threaded = rt->off.free_threaded;
	ft_python_version(rt->hex, rt->version, sizeof(rt->version));
	return 0;
}

/*
 * Where an exported type object is. What stands there is not looked at: the process may just be
 * starting, its type objects not yet relocated.
 */
static __u64 find_type(const struct ft_runtime *rt, struct ft_elf *e, const char *name)
{
	struct ft_elf_sym sym;

	if (!ft_elf_dynsym(e, name, &sym) || (!ft_elf_symbol(e, name, &sym) && !sym.ambiguous))
		return sym.vaddr + rt->elf.bias;
	ft_debug("process %d: no symbol %s", rt->pid, name);
	return 0;
}

/*
 * What is not published, but known from the file's symbols and from memory. By PyCode_Type the
 * walker tells a code object from what else a frame may hold: without it there are no stacks.
 */
static void find_more(struct ft_runtime *rt, struct ft_elf *e, struct ft_elf *libc)
{
	rt->off.py.code_type = find_type(rt, e, "PyCode_Type");
	rt->type_type = find_type(rt, e, "PyType_Type");
	rt->main_interp = ft_py_main_interp(rt->pid, rt);
	/* with a GIL nobody spins before he sleeps, and no reference count is shared */
	if (rt->free_threaded)
		rt->range_cnt =
			(__u32)ft_py_code_ranges(rt, e, libc, rt->range, FT_MAX_CODE_RANGES);
}

static bool is_glibc(const char *path)
{
	const char *base = ft_basename(path);

	return !strcmp(base, "libc.so.6") || !strncmp(base, "libc-2.", 7);
}

static bool is_musl(const char *path)
{
	const char *base = ft_basename(path);

	return !strncmp(base, "ld-musl-", 8) || !strncmp(base, "libc.musl-", 10);
}

/* Which C library there is, and what follows from it. */
static void find_libc(struct finder *f, struct ft_runtime *rt, struct ft_elf **libc)
{
	const struct ft_mapping *exe = NULL;
	size_t i;

	*libc = NULL;
	for (i = 0; i < f->maps.cnt; i++) {
		const struct ft_mapping *m = &f->maps.map[i];

		if (!m->exec || !m->inode)
			continue;
		if (!exe && !strcmp(m->path, f->exe))
			exe = m;
		if (rt->has_libc || (!is_glibc(m->path) && !is_musl(m->path)))
			continue;
		rt->musl = is_musl(m->path);
		rt->has_libc = ft_py_open(f->pid, &f->maps, m, &rt->libc, libc) == 0;
	}
	if (!rt->has_libc && !rt->musl && exe) {
		struct ft_elf *e = NULL;
		char path[PATH_MAX];

		if (!ft_elf_open_map(f->pid, exe, path, sizeof(path), &e)) {
			rt->static_libc = ft_elf_is_static(e);
			rt->musl = ft_elf_is_musl(e);
		}
		ft_elf_close(e);
	}
	if (rt->limit[0])
		return;
	if (rt->musl)
		snprintf(rt->limit, sizeof(rt->limit),
			 "its C library is musl, whose waits do not show the address of the GIL: "
			 "GIL waits are only seen with probes, --exact");
	else if (rt->static_libc)
		snprintf(rt->limit, sizeof(rt->limit),
			 "it is statically linked, so its C library is not known: GIL waits are "
			 "not told from other waits");
	else if (!rt->has_libc)
		snprintf(rt->limit, sizeof(rt->limit),
			 "its C library was not recognised: GIL waits may not be told from other "
			 "waits");
}

static bool was_tried(const struct finder *f, const struct ft_mapping *m)
{
	size_t i;

	for (i = 0; i < f->tried_cnt; i++) {
		if (f->tried[i]->inode == m->inode && f->tried[i]->dev_major == m->dev_major &&
		    f->tried[i]->dev_minor == m->dev_minor && !strcmp(f->tried[i]->path, m->path))
			return true;
	}
	return false;
}

/* 0: found; -ENOENT: not in this file, or the file cannot be opened; else a reason to stop. */
static int try_map(struct finder *f, const struct ft_mapping *m, struct ft_runtime *rt)
{
	struct ft_elf *e = NULL, *libc = NULL;
	int err;

	err = ft_py_open(f->pid, &f->maps, m, &rt->elf, &e);
	if (err) {
		ft_debug("process %d: a mapped file cannot be opened: %s", f->pid, strerror(-err));
		return err == -ENOMEM ? err : -ENOENT;
	}
	err = locate(f, m, e, rt);
	if (!err)
		err = identify(f, m, e, rt);
	if (!err) {
		find_libc(f, rt, &libc);
		if (!rt->no_offsets)
			find_more(rt, e, libc);
	}
	ft_elf_close(libc);
	ft_elf_close(e);
	return err;
}

/* 0: libpython, 1: the program, 2: other files, into which an interpreter may be linked. */
static int rank(const struct finder *f, const struct ft_mapping *m)
{
	if (!strncmp(ft_basename(m->path), "libpython", 9))
		return 0;
	return strcmp(m->path, f->exe) ? 2 : 1;
}

static int find_in_maps(struct finder *f, struct ft_runtime *rt)
{
	int pass, err, unopened = 0, minor;
	size_t i;

	for (pass = 0; pass < 3; pass++) {
		for (i = 0; i < f->maps.cnt; i++) {
			const struct ft_mapping *m = &f->maps.map[i];

			if (!m->exec || !m->inode || m->path[0] != '/' || rank(f, m) != pass ||
			    was_tried(f, m) || f->tried_cnt == TRIED_MAX)
				continue;
			f->tried[f->tried_cnt++] = m;
			minor = pass < 2 ? ft_py_minor_of_path(ft_basename(m->path)) : -1;
			if (minor == 0)
				return refuse_version(f, 0);
			memset(rt, 0, sizeof(*rt));
			rt->pid = f->pid;
			err = try_map(f, m, rt);
			if (err != -ENOENT)
				return err;
			unopened += pass < 2 && !rt->elf.open[0];
		}
	}
	if (unopened) {
		snprintf(f->why, f->why_sz,
			 "the program file of process %d cannot be opened from here: run ftprof as "
			 "root, on the host",
			 f->pid);
		return -EACCES;
	}
	return -ENOENT;
}

static int begin(struct finder *f)
{
	bool deleted;
	int err;

	err = ft_proc_maps(FT_PROC, f->pid, &f->maps);
	if (!err)
		err = ft_proc_exe(FT_PROC, f->pid, f->exe, sizeof(f->exe), &deleted);
	if (err == -ESRCH)
		snprintf(f->why, f->why_sz, "there is no process %d", f->pid);
	else if (err == -EACCES || err == -EPERM)
		snprintf(f->why, f->why_sz, "process %d may not be looked at%s", f->pid,
			 geteuid() ? ": run ftprof as root" : ", not even by root");
	else if (err == -ENOENT)
		snprintf(f->why, f->why_sz, "process %d is a kernel thread, not Python", f->pid);
	else if (err)
		snprintf(f->why, f->why_sz, "/proc/%d cannot be read: %s", f->pid, strerror(-err));
	return err == -ENOENT ? -ENOEXEC : err == -EACCES ? -EPERM : err;
}

int ft_runtime_find(int pid, struct ft_runtime *out, char *why, size_t why_sz)
{
	char name[64];
	struct finder *f;
	int err;

	memset(out, 0, sizeof(*out));
	if (why_sz)
		why[0] = 0;
	if (pid <= 0) {
		snprintf(why, why_sz, "%d is not a process id", pid);
		return -EINVAL;
	}
	f = calloc(1, sizeof(*f));
	if (!f) {
		snprintf(why, why_sz, "out of memory");
		return -ENOMEM;
	}
	f->pid = pid;
	f->why = why;
	f->why_sz = why_sz;
	err = begin(f);
	if (err)
		goto out;
	err = find_in_maps(f, out);
	if (err == -ENOENT) {
		snprintf(why, why_sz, "process %d (%s) is not Python: no interpreter is mapped",
			 pid, ft_py_safe(name, sizeof(name), ft_basename(f->exe)));
		err = -ENOEXEC;
	} else if (err == -EACCES) {
		err = -EPERM;
	} else if (err && why_sz && !why[0]) {
		snprintf(why, why_sz, "process %d cannot be read: %s", pid, strerror(-err));
	}
out:
	ft_maps_free(&f->maps);
	free(f);
	return err;
}

int ft_runtime_target(const struct ft_runtime *rt, struct ft_target *t)
{
	memset(t, 0, sizeof(*t));
	if (rt->range_cnt > FT_MAX_CODE_RANGES)
		return -EINVAL;
	t->runtime = rt->runtime;
	t->free_threaded = rt->free_threaded;
	if (rt->no_offsets) {
		/*
		 * struct _gil_runtime_state has been the same from 3.9 on (pycore_gil.h; glibc's
		 * condition variable is 48 bytes, its mutex 40). Where it is the GIL probes tell.
		 */
		t->runtime = 0;
		t->no_offsets = 1;
		t->gil_last_holder = 8;
		t->gil_locked = 16;
		t->gil_switch_number = 24;
		t->gil_cond = 32;
		t->gil_mutex = 80;
		t->gil_switch_cond = 120;
		t->gil_switch_mutex = 168;
		t->gil_size = 208;
	} else {
		ft_offsets_target(&rt->off, t);
	}
	t->type_type = rt->type_type;
	if (rt->main_interp && !rt->no_offsets)
		t->gc_collecting = rt->main_interp + rt->off.interp_gc + rt->off.gc_collecting;
	if (rt->free_threaded) {
		/* struct _object of 3.13 to 3.15: ob_tid, ob_flags, then these (object.h) */
		t->ob_mutex = 10;
		t->ob_shared = 16;
	}
	memcpy(t->range, rt->range, sizeof(rt->range[0]) * rt->range_cnt);
	t->range_cnt = (__u16)rt->range_cnt;
	return 0;
}
