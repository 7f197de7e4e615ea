/* SPDX-License-Identifier: BSD-2-Clause */
/* Native names: what a process maps, and what its files call the code there. */
#include "os/symbols.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/array.h"
#include "base/fileio.h"
#include "os/mem.h"
#include "os/symbols_priv.h"

/* No memory: what could not be added has no table. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define FILES_MAX 512 /* that are kept open */
#define MODULES_MAX 16384
#define RANGES_MAX (256u * 1024)
#define TABLE_MAX (256u * 1024 * 1024)	 /* bytes of symbols and their names, of one file */
#define TABLES_MAX (1024u * 1024 * 1024) /* of all */
#define VDSO_MAX (64u * 1024)
#define CACHE_MAX (256u * 1024)

enum memory {
	MEM_FILE,
	MEM_ANON, /* code made at run time */
	MEM_VDSO,
	MEM_OTHER, /* "[vsyscall]" */
};

/* A mapped file, or what stands for one. It stays until the end: strings point into it. */
struct module {
	enum memory kind;
	char *path; /* as the process sees it */
	__u64 inode;
	__u32 dev_major, dev_minor;
	bool deleted;
	struct ft_elf *elf; /* NULL: cannot be used */
	bool loaded;
	struct ft_symtab tab;
	struct ft_lines *lines;
};

struct range {
	__u64 start, end;
	__u64 bias; /* run time minus link time; without ELF: minus the offset in the file */
	struct module *mod;
};

struct cached {
	__u64 pc;
	struct ft_symbol sym; /* `offset` is that of pc */
	UT_hash_handle hh;
};

struct ft_symbols {
	int pid;
	__u64 started;
	struct module **mod;
	size_t mod_cnt, mod_cap;
	struct range *range; /* ascending, none overlaps another */
	size_t range_cnt;
	struct cached *cache;
	size_t open_cnt; /* files */
	size_t table_sz;
	__u64 eval_lo, eval_hi;
	struct ft_demangler *demangler;
	struct ft_perfmap perf;
	struct ft_ksyms *ksyms;
	int ksyms_err;
	bool ksyms_tried;
	struct ft_symbols_stats stats;
};

static void clear_cache(struct ft_symbols *s)
{
	struct cached *c, *tmp;

	HASH_ITER (hh, s->cache, c, tmp) {
		HASH_DEL(s->cache, c);
		free(c);
	}
}

static void free_module(struct module *m)
{
	if (!m)
		return;
	ft_lines_close(m->lines);
	ft_symtab_free(&m->tab);
	ft_elf_close(m->elf);
	free(m->path);
	free(m);
}

/* The image that the kernel put into the process. */
static int open_vdso(int pid, const struct ft_mapping *map, struct ft_elf **out)
{
	__u64 sz = map->end - map->start;
	char path[32];
	__u8 *buf;
	int fd, err;

	if (sz > VDSO_MAX)
		return -ENOEXEC;
	buf = malloc(sz);
	if (!buf)
		return -ENOMEM;
	fd = memfd_create("ftprof-vdso", MFD_CLOEXEC);
	err = fd < 0 ? -errno : ft_mem_read(pid, map->start, buf, sz);
	if (!err)
		err = ft_write_all(fd, buf, sz);
	if (!err) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		err = ft_elf_open(path, out);
	}
	if (fd >= 0)
		close(fd);
	free(buf);
	return err;
}

/* Opens the file behind a module now, while the process is there to reach it by. 0 or -ENOMEM. */
static int open_module(struct ft_symbols *s, struct module *m, const struct ft_mapping *map)
{
	char path[PATH_MAX];
	int err;

	if (m->kind == MEM_VDSO) {
		err = open_vdso(s->pid, map, &m->elf);
		return err == -ENOMEM ? err : 0;
	}
	if (m->kind != MEM_FILE)
		return 0;
	s->stats.files++;
	err = s->open_cnt < FILES_MAX ? ft_elf_open_map(s->pid, map, path, sizeof(path), &m->elf)
				      : -EMFILE;
	if (err == -ENOMEM)
		return err;
	if (err == -ENOEXEC && m->deleted && !strncmp(m->path, "/memfd:", 7)) {
		/* code made at run time, in memory that is mapped twice */
		m->kind = MEM_ANON;
		s->stats.files--;
	} else if (err == -ENOEXEC) {
		s->stats.malformed++;
	} else if (err) {
		s->stats.unreadable++;
	} else {
		s->open_cnt++;
		/* the debug file of another mount namespace is out of reach later */
		if (!strncmp(path, "/proc/", 6) && s->open_cnt < FILES_MAX)
			s->open_cnt += ft_elf_find_debug(m->elf);
	}
	return 0;
}

static enum memory kind_of(const struct ft_mapping *map)
{
	if (map->path[0] == '/')
		return MEM_FILE;
	if (!strcmp(map->path, "[vdso]"))
		return MEM_VDSO;
	return !strcmp(map->path, "[vsyscall]") || !strcmp(map->path, "[uprobes]") ? MEM_OTHER
										   : MEM_ANON;
}

static bool is_module_of(const struct module *m, const struct ft_mapping *map)
{
	enum memory kind = kind_of(map);

	if (kind == MEM_ANON)
		return m->kind == MEM_ANON && !m->path[0];
	return m->inode == map->inode && m->dev_major == map->dev_major &&
	       m->dev_minor == map->dev_minor && m->deleted == map->deleted &&
	       !strcmp(m->path, map->path);
}

/* 0, -ENOSPC or -ENOMEM. */
static int get_module(struct ft_symbols *s, const struct ft_mapping *map, struct module **out)
{
	struct module *m;
	size_t i;
	int err;

	/* from behind: the mappings of a file follow each other */
	for (i = s->mod_cnt; i > 0; i--) {
		if (is_module_of(s->mod[i - 1], map)) {
			*out = s->mod[i - 1];
			return 0;
		}
	}
	if (s->mod_cnt >= MODULES_MAX)
		return -ENOSPC;
	err = ft_array_reserve((void **)&s->mod, &s->mod_cap, s->mod_cnt + 1, sizeof(*s->mod));
	if (err)
		return err;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->kind = kind_of(map);
	m->inode = map->inode;
	m->dev_major = map->dev_major;
	m->dev_minor = map->dev_minor;
	m->deleted = map->deleted;
	m->path = strdup(m->kind == MEM_ANON ? "" : map->path);
	err = m->path ? open_module(s, m, map) : -ENOMEM;
	if (err) {
		free_module(m);
		return err;
	}
	s->mod[s->mod_cnt++] = m;
	*out = m;
	return 0;
}

static const struct range *find_range(const struct ft_symbols *s, __u64 addr)
{
	size_t lo = 0, hi = s->range_cnt;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->range[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && addr < s->range[lo - 1].end ? &s->range[lo - 1] : NULL;
}

struct ranges {
	struct range *v;
	size_t cnt, cap;
};

static int add_range(struct ranges *l, __u64 start, __u64 end, const struct range *like)
{
	int err = ft_array_reserve((void **)&l->v, &l->cap, l->cnt + 1, sizeof(*l->v));

	if (err)
		return err;
	l->v[l->cnt] = *like;
	l->v[l->cnt].start = start;
	l->v[l->cnt++].end = end;
	return 0;
}

/* Where the process has code now. 0 or -errno. */
static int read_ranges(struct ft_symbols *s, struct ranges *now)
{
	struct ft_maps maps;
	size_t i;
	int err;

	err = ft_proc_maps(FT_PROC, s->pid, &maps);
	if (err)
		return err;
	/* a process that ends has no memory before it has no /proc */
	if (!maps.cnt)
		err = -ESRCH;
	for (i = 0; i < maps.cnt && now->cnt < RANGES_MAX && !err; i++) {
		const struct ft_mapping *m = &maps.map[i];
		struct range r = {0};

		/* [vsyscall] is the last and above all; what overlaps would be no map */
		if (!m->exec || (now->cnt && now->v[now->cnt - 1].end > m->start))
			continue;
		err = get_module(s, m, &r.mod);
		if (err == -ENOSPC) {
			err = 0;
			continue;
		}
		if (err)
			break;
		if (r.mod->kind == MEM_ANON || r.mod->kind == MEM_OTHER)
			r.bias = 0;
		else if (!r.mod->elf || ft_elf_map_bias(r.mod->elf, m, &r.bias))
			r.bias = m->start - m->offset;
		err = add_range(now, m->start, m->end, &r);
	}
	ft_maps_free(&maps);
	return err;
}

static int by_start(const void *pa, const void *pb)
{
	const struct range *a = pa, *b = pb;

	return a->start < b->start ? -1 : a->start > b->start;
}

/* What is now, and what was known of addresses where nothing is now. */
static int merge(const struct ft_symbols *s, const struct ranges *now, struct ranges *all)
{
	size_t i, j = 0;
	int err = 0;

	for (i = 0; i < now->cnt && !err; i++)
		err = add_range(all, now->v[i].start, now->v[i].end, &now->v[i]);
	for (i = 0; i < s->range_cnt && !err && all->cnt < RANGES_MAX; i++) {
		const struct range *old = &s->range[i];
		__u64 at = old->start, end;

		while (at < old->end && !err) {
			while (j < now->cnt && now->v[j].end <= at)
				j++;
			end = old->end;
			if (j < now->cnt && now->v[j].start < end)
				end = now->v[j].start;
			if (end > at)
				err = add_range(all, at, end, old);
			at = end < old->end ? now->v[j].end : end;
		}
	}
	if (all->cnt)
		qsort(all->v, all->cnt, sizeof(*all->v), by_start);
	return err;
}

static bool is_known(const struct ft_symbols *s, const struct range *r)
{
	const struct range *old = find_range(s, r->start);

	return old && old->start == r->start && old->end == r->end && old->bias == r->bias &&
	       old->mod == r->mod;
}

static int refresh_maps(struct ft_symbols *s)
{
	struct ranges now = {0}, all = {0};
	__u64 started;
	bool more = false;
	size_t i;
	int err;

	err = ft_proc_start(FT_PROC, s->pid, &started);
	if (!err && started != s->started)
		err = -ESRCH; /* the number is another's by now */
	if (!err)
		err = read_ranges(s, &now);
	for (i = 0; i < now.cnt && !err && !more; i++)
		more = !is_known(s, &now.v[i]);
	if (more)
		err = merge(s, &now, &all);
	if (!err && more) {
		free(s->range);
		s->range = all.v;
		s->range_cnt = all.cnt;
		all.v = NULL;
	}
	free(now.v);
	free(all.v);
	return err ? err : more;
}

int ft_symbols_refresh(struct ft_symbols *s)
{
	int perf, maps;

	/* its file may have grown after the process had gone */
	perf = ft_perfmap_refresh(&s->perf, FT_PROC, s->pid);
	if (perf < 0)
		return perf;
	maps = refresh_maps(s);
	if (perf || maps > 0)
		clear_cache(s);
	return maps < 0 ? maps : maps | perf;
}

int ft_symbols_new(int pid, struct ft_symbols **out)
{
	struct ft_symbols *s;
	int err;

	*out = NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->pid = pid;
	ft_perfmap_init(&s->perf);
	err = ft_proc_start(FT_PROC, pid, &s->started);
	if (err)
		goto out;
	err = -ENOMEM;
	s->demangler = ft_demangler_new();
	if (!s->demangler)
		goto out;
	err = ft_symbols_refresh(s);
	if (err > 0)
		err = 0;
out:
	if (err) {
		ft_symbols_free(s);
		s = NULL;
	}
	*out = s;
	return err;
}

void ft_symbols_set_eval(struct ft_symbols *s, __u64 lo, __u64 hi)
{
	s->eval_lo = lo;
	s->eval_hi = hi;
	clear_cache(s);
}

/* Reads the symbols of a module when the first address in it is asked for. */
static int load_module(struct ft_symbols *s, struct module *m)
{
	size_t sz = TABLES_MAX - s->table_sz;
	int from, err;

	if (m->loaded || !m->elf)
		return 0;
	m->loaded = true;
	if (sz > TABLE_MAX)
		sz = TABLE_MAX;
	from = ft_elf_names(m->elf, &sz, &m->tab);
	if (from < 0)
		return from;
	s->table_sz += sz;
	err = ft_lines_open(m->elf, &m->lines);
	if (err == -ENOMEM)
		return err;
	if (m->kind == MEM_VDSO)
		return 0;
	if ((from & FT_ELF_NAMES_BAD) || err == -EFBIG || err == -EBADMSG)
		s->stats.malformed++;
	else if (!(from & (FT_ELF_NAMES_FULL | FT_ELF_NAMES_MINI)))
		s->stats.stripped++;
	return 0;
}

/* Makes a name fit to be shown, once: callers keep pointers to it. */
static int settle_name(struct ft_symbols *s, struct module *m, struct ft_symtab_entry *e)
{
	char *pretty;
	int err;

	if (e->settled)
		return 0;
	err = ft_demangle(s->demangler, e->name, &pretty);
	if (err)
		return err;
	if (pretty) {
		err = ft_symtab_own(&m->tab, pretty);
		if (err)
			return err;
	}
	e->eval = ft_symbol_is_eval(e->name);
	e->root = ft_symbol_is_root(e->name);
	if (pretty)
		e->name = pretty;
	e->settled = true;
	return 0;
}

static int resolve(struct ft_symbols *s, __u64 pc, struct ft_symbol *out)
{
	const struct range *r = find_range(s, pc);
	struct ft_symtab_entry *e;
	int err;

	*out = (struct ft_symbol){.name = "", .file = "", .source = "", .offset = pc};
	out->eval = pc >= s->eval_lo && pc < s->eval_hi;
	if (!r)
		return 0;
	out->file = r->mod->kind == MEM_ANON ? "" : r->mod->path;
	out->offset = pc - r->bias;
	if (r->mod->kind == MEM_ANON) {
		e = ft_symtab_find(&s->perf.tab, pc);
		if (e)
			out->name = e->name;
		return 0;
	}
	err = load_module(s, r->mod);
	if (err)
		return err;
	e = ft_symtab_find(&r->mod->tab, out->offset);
	if (e) {
		err = settle_name(s, r->mod, e);
		if (err)
			return err;
		out->name = e->name;
		out->eval |= e->eval;
		out->root = e->root;
	}
	if (r->mod->lines)
		ft_lines_find(r->mod->lines, out->offset, &out->source, &out->line);
	return 0;
}

int ft_symbols_user(struct ft_symbols *s, __u64 addr, bool call, struct ft_symbol *out)
{
	__u64 pc = call && addr ? addr - 1 : addr;
	struct cached *c;
	int err;

	HASH_FIND(hh, s->cache, &pc, sizeof(pc), c);
	if (!c) {
		if (HASH_COUNT(s->cache) >= CACHE_MAX)
			clear_cache(s);
		c = calloc(1, sizeof(*c));
		if (!c)
			return -ENOMEM;
		c->pc = pc;
		err = resolve(s, pc, &c->sym);
		if (err) {
			free(c);
			return err;
		}
		HASH_ADD(hh, s->cache, pc, sizeof(pc), c);
		if (!c->hh.tbl) {
			free(c);
			return -ENOMEM;
		}
	}
	*out = c->sym;
	out->offset += addr - pc;
	return 0;
}

int ft_symbols_kernel(struct ft_symbols *s, __u64 addr, bool call, struct ft_symbol *out)
{
	const char *name, *module;

	*out = (struct ft_symbol){.name = "", .file = "[kernel]", .source = "", .offset = addr};
	if (!s->ksyms_tried) {
		s->ksyms_err = ft_ksyms_load(FT_PROC "/kallsyms", &s->ksyms);
		s->ksyms_tried = s->ksyms_err != -ENOMEM;
	}
	if (s->ksyms_err)
		return s->ksyms_err;
	ft_ksyms_find(s->ksyms, call && addr ? addr - 1 : addr, &name, &module);
	if (name) {
		out->name = name;
		out->file = module;
	}
	return 0;
}

void ft_symbols_stats(const struct ft_symbols *s, struct ft_symbols_stats *out)
{
	*out = s->stats;
	out->files += s->perf.fd >= 0 || s->perf.refused;
	out->unreadable += s->perf.refused;
	out->perf_lines = s->perf.malformed;
}

void ft_symbols_free(struct ft_symbols *s)
{
	size_t i;

	if (!s)
		return;
	clear_cache(s);
	for (i = 0; i < s->mod_cnt; i++)
		free_module(s->mod[i]);
	free(s->mod);
	free(s->range);
	ft_demangler_free(s->demangler);
	ft_perfmap_free(&s->perf);
	ft_ksyms_free(s->ksyms);
	free(s);
}
