/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests of what names are read from, one by one: tables, perf maps, kallsyms, mangled names; and
 * of files that are damaged or made to harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fileio.h"
#include "os/symbols.h"
#include "os/symbols_priv.h"

static void write_file(const char *path, const void *buf, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ft_write_all(fd, buf, n), 0);
	close(fd);
}

static void write_text(const char *path, const char *text)
{
	write_file(path, text, strlen(text));
}

static const char *name_at(struct ft_symtab *t, __u64 addr)
{
	struct ft_symtab_entry *e = ft_symtab_find(t, addr);

	return e ? e->name : "";
}

static void test_table(void **state)
{
	struct ft_symtab t = {0};

	(void)state;
	assert_null(ft_symtab_find(&t, 1));
	ft_symtab_finish(&t);
	/* a function, one inside it, labels inside and behind it, aliases */
	assert_int_equal(ft_symtab_add(&t, 0x200, 0x100, 0x1000, "outer", 8), 0);
	assert_int_equal(ft_symtab_add(&t, 0x240, 0x10, 0x1000, "inner", 8), 0);
	assert_int_equal(ft_symtab_add(&t, 0x260, 0, 0x1000, "label in outer", 4), 0);
	assert_int_equal(ft_symtab_add(&t, 0x400, 0, 0x1000, "label", 4), 0);
	assert_int_equal(ft_symtab_add(&t, 0x500, 0x20, 0x1000, "__alias", 9), 0);
	assert_int_equal(ft_symtab_add(&t, 0x500, 0x20, 0x1000, "alias", 9), 0);
	assert_int_equal(ft_symtab_add(&t, 0x500, 0x20, 0x1000, "local", 8), 0);
	/* sizes that overflow, and an address outside of what is allowed */
	assert_int_equal(ft_symtab_add(&t, 0x800, ~0ull, 0x1000, "huge", 8), 0);
	assert_int_equal(ft_symtab_add(&t, 0x2000, 16, 0x1000, "outside", 8), 0);
	ft_symtab_finish(&t);
	assert_string_equal(name_at(&t, 0x1ff), "");
	assert_string_equal(name_at(&t, 0x200), "outer");
	assert_string_equal(name_at(&t, 0x23f), "outer");
	assert_string_equal(name_at(&t, 0x240), "inner");
	assert_string_equal(name_at(&t, 0x24f), "inner");
	assert_string_equal(name_at(&t, 0x250), "outer");
	assert_string_equal(name_at(&t, 0x260), "outer");
	assert_string_equal(name_at(&t, 0x2ff), "outer");
	assert_string_equal(name_at(&t, 0x300), "");
	assert_string_equal(name_at(&t, 0x400), "label");
	assert_string_equal(name_at(&t, 0x4ff), "label");
	assert_string_equal(name_at(&t, 0x500), "alias");
	assert_string_equal(name_at(&t, 0x520), "");
	assert_string_equal(name_at(&t, 0xfff), "huge");
	assert_string_equal(name_at(&t, 0x1000), "");
	assert_string_equal(name_at(&t, ~0ull), "");
	ft_symtab_free(&t);
}

/* Random ranges against a plain search. */
static void test_table_latest(void **state)
{
	struct ft_symtab t = {.latest = true};
	static int owner[1000];
	static char names[40][4];
	unsigned int i, j;

	(void)state;
	memset(owner, -1, sizeof(owner));
	srandom(7);
	for (i = 0; i < 40; i++) {
		unsigned int at = (unsigned int)random() % 900, n = 1 + (unsigned int)random() % 60;

		snprintf(names[i], sizeof(names[i]), "%u", i);
		assert_int_equal(ft_symtab_add(&t, 1000 + at, n, ~0ull, names[i], 0), 0);
		for (j = at; j < at + n; j++)
			owner[j] = (int)i;
		if (i % 10 == 9)
			ft_symtab_finish(&t);
	}
	for (j = 0; j < 1000; j++) {
		const char *s = name_at(&t, 1000 + j);

		assert_int_equal(*s ? atoi(s) : -1, owner[j]);
	}
	ft_symtab_free(&t);
}

static void test_names(void **state)
{
	static const struct {
		const char *raw, *shown;
	} cases[] = {
		{"plain", NULL},
		{"memcpy@@GLIBC_2.14", "memcpy"},
		{"old@V1", "old"},
		{"@odd", NULL},
		{"_ZNSt6vectorIiSaIiEE9push_backERKi",
		 "std::vector<int, std::allocator<int> >::push_back(int const&)"},
		{"_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write"},
		{"_ZN60_$LT$alloc..string..String$u20$as$u20$core..fmt..Display$GT$3fmt17h"
		 "0123456789abcdefE",
		 "<alloc::string::String as core::fmt::Display>::fmt"},
		{"_ZN4core3fmt5write17h0123456789abcdeZE", "core::fmt::write::h0123456789abcdeZ"},
		{"_Znonsense", NULL},
		{"_Z", NULL},
		{"", NULL},
	};
	struct ft_demangler *d = ft_demangler_new();
	char *out, bomb[2048], *p = bomb;
	bool able;
	size_t i;

	(void)state;
	assert_non_null(d);
	assert_int_equal(ft_demangle(d, "_Z1fv", &out), 0);
	able = out && !strcmp(out, "f()");
	free(out);
	if (!able)
		print_message("no libstdc++ here: mangled names are not tested\n");
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (!able && !strncmp(cases[i].raw, "_Z", 2))
			continue;
		assert_int_equal(ft_demangle(d, cases[i].raw, &out), 0);
		if (!cases[i].shown && out)
			assert_string_equal(out, cases[i].raw);
		else if (cases[i].shown)
			assert_string_equal(out ? out : cases[i].raw, cases[i].shown);
		free(out);
	}
	/* each level doubles: A<A<A<...>, S1_>, S2_> would be longer than any memory */
	p += sprintf(p, "_Z1f");
	for (i = 0; i < 200; i++)
		p += sprintf(p, "1AI");
	p += sprintf(p, "iiE");
	for (i = 0; i < 199; i++)
		p += sprintf(p, "S%c_E", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[i % 36]);
	assert_true(p < bomb + sizeof(bomb));
	assert_int_equal(ft_demangle(d, bomb, &out), 0);
	if (out)
		assert_string_equal(out, bomb);
	free(out);
	ft_demangler_free(d);
	ft_demangler_free(NULL);
	assert_true(ft_symbol_is_eval("_PyEval_EvalFrameDefault"));
	assert_true(ft_symbol_is_eval("_PyEval_EvalFrameDefault.cold"));
	assert_true(ft_symbol_is_eval("_PyEval_EvalFrameDefault.constprop.0"));
	assert_true(ft_symbol_is_eval("_PyEval_EvalFrameDefault.isra.0.cold"));
	assert_true(ft_symbol_is_eval("_TAIL_CALL_LOAD_FAST"));
	assert_false(ft_symbol_is_eval("_PyEval_EvalFrameDefaultX"));
	assert_false(ft_symbol_is_eval("_PyEval_Vector"));
	assert_true(ft_symbol_is_root("_start"));
	assert_true(ft_symbol_is_root("__libc_start_main_impl"));
	assert_true(ft_symbol_is_root("__libc_start_main@@GLIBC_2.34"));
	assert_true(ft_symbol_is_root("clone3"));
	assert_true(ft_symbol_is_root("start_thread"));
	assert_false(ft_symbol_is_root("main"));
	assert_false(ft_symbol_is_root("start_thread_pool"));
}

struct perf {
	struct ft_symbols *s;
	char path[64];
	__u8 *page;
};

static void perf_set_up(struct perf *p)
{
	snprintf(p->path, sizeof(p->path), "/tmp/perf-%d.map", getpid());
	unlink(p->path);
	p->page = mmap(NULL, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(p->page, MAP_FAILED);
	assert_int_equal(ft_symbols_new(getpid(), &p->s), 0);
}

static void perf_expect(struct perf *p, unsigned int at, const char *name)
{
	struct ft_symbol sym;

	assert_int_equal(ft_symbols_user(p->s, (__u64)(uintptr_t)p->page + at, false, &sym), 0);
	assert_string_equal(sym.name, name);
	assert_string_equal(sym.file, "");
}

__attribute__((format(printf, 2, 3))) static void perf_append(struct perf *p, const char *fmt, ...)
{
	FILE *f = fopen(p->path, "a");
	va_list ap;

	assert_non_null(f);
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	assert_int_equal(fclose(f), 0);
}

static void perf_tear_down(struct perf *p)
{
	ft_symbols_free(p->s);
	munmap(p->page, 8192);
	unlink(p->path);
}

static void test_perf_map(void **state)
{
	struct ft_symbols_stats st;
	struct ft_symbol sym;
	struct perf p;

	(void)state;
	perf_set_up(&p);
	perf_expect(&p, 16, "");
	assert_int_equal(ft_symbols_refresh(p.s), 0);
	perf_append(&p, "%lx 20 py::f:/a b/c.py\n%lx 10 cut", (long)p.page, (long)p.page + 0x40);
	assert_int_equal(ft_symbols_refresh(p.s), 1);
	perf_expect(&p, 0, "py::f:/a b/c.py");
	perf_expect(&p, 0x1f, "py::f:/a b/c.py");
	perf_expect(&p, 0x20, "");
	perf_expect(&p, 0x40, "");
	perf_append(&p, " here\n%lx 8 newer\n", (long)p.page + 8);
	assert_int_equal(ft_symbols_refresh(p.s), 1);
	assert_int_equal(ft_symbols_refresh(p.s), 0);
	perf_expect(&p, 0x40, "cut here");
	perf_expect(&p, 7, "py::f:/a b/c.py");
	perf_expect(&p, 8, "newer");
	perf_expect(&p, 16, "py::f:/a b/c.py");
	ft_symbols_stats(p.s, &st);
	assert_int_equal(st.perf_lines, 0);
	perf_append(&p, "\nx\n1\n1 2\n1 2 \n-1 2 a\n 1 2 a\n1 0 a\nfffffffffffffff0 20 a\n"
			"11111111111111111 2 a\n");
	ft_symbols_refresh(p.s);
	ft_symbols_stats(p.s, &st);
	assert_int_equal(st.perf_lines, 10);
	/* memory that has a file is not for it to name */
	perf_append(&p, "%lx 4 liar\n", (long)&test_perf_map);
	assert_int_equal(ft_symbols_refresh(p.s), 1);
	assert_int_equal(ft_symbols_user(p.s, (__u64)(uintptr_t)&test_perf_map, false, &sym), 0);
	assert_string_equal(sym.name, "test_perf_map");
	perf_tear_down(&p);
}

static void test_perf_map_refused(void **state)
{
	struct ft_symbols_stats st;
	struct perf p;
	char real[] = "/tmp/ftprof-perf-XXXXXX", text[64];
	int fd, kind;

	(void)state;
	for (kind = 0; kind < 4; kind++) {
		perf_set_up(&p);
		fd = mkostemp(real, O_CLOEXEC);
		assert_true(fd >= 0);
		snprintf(text, sizeof(text), "%lx 20 trap\n", (long)p.page);
		assert_int_equal(ft_write_all(fd, text, strlen(text)), 0);
		close(fd);
		if (kind == 0)
			assert_int_equal(symlink(real, p.path), 0);
		else if (kind == 1)
			assert_int_equal(mkfifo(p.path, 0600), 0);
		else if (kind == 2)
			assert_int_equal(mkdir(p.path, 0700), 0);
		else if (!geteuid())
			assert_true(!rename(real, p.path) && !chown(p.path, 12345, 12345));
		if (kind < 3 || !geteuid()) {
			assert_int_equal(ft_symbols_refresh(p.s), 0);
			ft_symbols_stats(p.s, &st);
			assert_int_equal(st.unreadable, 1);
			perf_expect(&p, 0, "");
		}
		rmdir(p.path);
		perf_tear_down(&p);
		unlink(real);
		memcpy(real + strlen(real) - 6, "XXXXXX", 6);
	}
}

static void test_perf_map_large(void **state)
{
	struct ft_symbols_stats st;
	struct perf p;
	int i;

	(void)state;
	perf_set_up(&p);
	perf_append(&p, "%lx 20 first\n", (long)p.page);
	/* 1 TB without a newline: what is read has a limit, however often it is tried */
	assert_int_equal(truncate(p.path, 1ll << 40), 0);
	assert_int_equal(ft_symbols_refresh(p.s), 1);
	for (i = 0; i < 100; i++)
		assert_int_equal(ft_symbols_refresh(p.s), 0);
	perf_expect(&p, 0, "first");
	ft_symbols_stats(p.s, &st);
	assert_int_equal(st.unreadable, 1);
	/* written anew */
	assert_int_equal(truncate(p.path, 0), 0);
	perf_tear_down(&p);
}

static void test_kallsyms(void **state)
{
	char dir[] = "/tmp/ftprof-ks-XXXXXX", path[64];
	const char *got, *module;
	struct ft_ksyms *k;

	(void)state;
	/* a file that shows nothing */
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/kallsyms", dir);
	write_text(path, "0000000000000000 T _text\n0000000000000000 t x\t[mod]\n");
	assert_int_equal(ft_ksyms_load(path, &k), -EPERM);
	assert_null(k);
	write_text(path, "");
	assert_int_equal(ft_ksyms_load(path, &k), -EPERM);
	write_text(path, "ffffffff81000100 t local\nnonsense\nffffffff81000100 T __global\n"
			 "ffffffff81000100 T global\nffffffff81000200 D data\n"
			 "ffffffffc0000000 t in_module\t[some_module]\nffffffff8\n\n5 A percpu\n");
	assert_int_equal(ft_ksyms_load(path, &k), 0);
	ft_ksyms_find(k, 0xffffffff810001ff, &got, &module);
	assert_string_equal(got, "global");
	assert_string_equal(module, "[kernel]");
	ft_ksyms_find(k, 0xffffffff81000200, &got, &module);
	assert_null(got);
	ft_ksyms_find(k, 0xffffffff810000ff, &got, &module);
	assert_null(got);
	ft_ksyms_find(k, 0xffffffffc0000010, &got, &module);
	assert_string_equal(got, "in_module");
	assert_string_equal(module, "[some_module]");
	ft_ksyms_find(k, ~0ull, &got, &module);
	assert_null(got);
	ft_ksyms_free(k);
	ft_ksyms_free(NULL);
	unlink(path);
	rmdir(dir);
}

/* Each 2003rd function of this kernel: what we call it must stand at its address in the file. */
static void test_kernel(void **state)
{
	unsigned int n = 0, asked = 0;
	char *text = NULL, *line, *save = NULL, *copy;
	struct ft_symbols *s;
	struct ft_symbol sym;
	size_t len;
	int err;

	(void)state;
	assert_int_equal(ft_symbols_new(getpid(), &s), 0);
	err = ft_symbols_kernel(s, 0xffffffff81000000, false, &sym);
	if (err) {
		assert_int_equal(err, -EPERM);
		ft_symbols_free(s);
		skip(); /* not root */
	}
	assert_int_equal(ft_read_file("/proc/kallsyms", 128 << 20, &text, &len), 0);
	copy = strdup(text);
	assert_non_null(copy);
	for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned long long addr;
		const char *types = "TtWw";
		char type, want[600];
		bool found = false;

		if (sscanf(line, "%llx %c", &addr, &type) != 2 || type != 'T' || n++ % 2003)
			continue;
		assert_int_equal(ft_symbols_kernel(s, addr + 1, true, &sym), 0);
		assert_true(sym.file[0] == '[');
		for (; *types && !found; types++) {
			snprintf(want, sizeof(want), "\n%016llx %c %s%s", addr, *types, sym.name,
				 strcmp(sym.file, "[kernel]") ? "\t" : "\n");
			found = strstr(text, want) || !strncmp(text, want + 1, strlen(want + 1));
		}
		if (!found)
			fail_msg("%s: %s", line, sym.name);
		asked++;
	}
	assert_true(asked > 10);
	free(copy);
	free(text);
	ft_symbols_free(s);
}

/* A small program with lines; malloc'ed. */
static __u8 *build_elf(const char *flags, size_t *len)
{
	char dir[] = "/tmp/ftprof-bad-XXXXXX", cmd[512], path[64], *out;

	assert_non_null(mkdtemp(dir));
	snprintf(cmd, sizeof(cmd),
		 "cd %s && echo 'int f(int x) { return x * 3; } int main(void) { return f(2); }' "
		 ">a.c && gcc -g %s -nostdlib -e main -o a a.c",
		 dir, flags);
	assert_int_equal(system(cmd), 0);
	snprintf(path, sizeof(path), "%s/a", dir);
	assert_int_equal(ft_read_file(path, 1 << 20, &out, len), 0);
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	assert_int_equal(system(cmd), 0);
	return (__u8 *)out;
}

/* Asks for all that a file can be asked; returns how many addresses had a name and a line. */
static unsigned int ask_all(const char *path)
{
	struct ft_symtab t = {0};
	struct ft_lines *l = NULL;
	struct ft_elf_sym sym;
	size_t sz = 64 << 20;
	unsigned int named = 0;
	struct ft_elf *e;
	__u64 at;

	if (ft_elf_open(path, &e))
		return 0;
	assert_true(ft_elf_names(e, &sz, &t) >= 0);
	assert_true(sz <= 64 << 20);
	(void)ft_elf_symbol(e, "no_such_name", &sym);
	(void)ft_lines_open(e, &l);
	for (at = 0; at < 0x3000; at += 7) {
		struct ft_symtab_entry *s = ft_symtab_find(&t, at);
		const char *source = "";
		__u32 line = 0;

		if (l)
			ft_lines_find(l, at, &source, &line);
		named += s && strlen(s->name) && line && strlen(source);
	}
	ft_lines_close(l);
	ft_symtab_free(&t);
	ft_elf_close(e);
	return named;
}

static void test_damaged(void **state)
{
	static const char *const flags[] = {"-gdwarf-5", "-gdwarf-4 -gz=zlib", "-g -static-pie"};
	char path[] = "/tmp/ftprof-bad-XXXXXX";
	unsigned int i, j, good = 0;
	__u8 *elf, *bad;
	size_t len, k;
	int fd;

	(void)state;
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	/* any number finds other damage: run it under valgrind too, which sees into libdw */
	srandom(getenv("FT_SEED") ? (unsigned int)atoi(getenv("FT_SEED")) : 11);
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		elf = build_elf(flags[i], &len);
		bad = malloc(len);
		assert_non_null(bad);
		write_file(path, elf, len);
		assert_true(ask_all(path) > 0);
		for (k = 0; k < len; k += 1 + len / 400) {
			write_file(path, elf, k);
			(void)ask_all(path);
		}
		for (j = 0; j < 1500; j++) {
			unsigned int flips = 1 + (unsigned int)random() % 8;

			memcpy(bad, elf, len);
			/* what describes the rest is hit more often */
			while (flips--) {
				size_t at = (size_t)random() % len;

				if (random() % 3 == 0)
					at = (size_t)random() % 64;
				else if (random() % 2)
					at = len - 1 - (size_t)random() % (len < 4096 ? len : 4096);
				bad[at] = random() % 4 ? (__u8)random() : 0xff;
			}
			write_file(path, bad, len);
			good += ask_all(path) > 0;
		}
		free(bad);
		free(elf);
	}
	/* else nothing but the header was tested */
	print_message("%u of 4500 were of use\n", good);
	assert_true(good > 450);
	unlink(path);
}

static Elf64_Shdr *section_of(__u8 *elf, const char *name)
{
	Elf64_Ehdr *eh = (Elf64_Ehdr *)elf;
	Elf64_Shdr *sh = (Elf64_Shdr *)(elf + eh->e_shoff);
	const char *names = (const char *)elf + sh[eh->e_shstrndx].sh_offset;
	int i;

	for (i = 0; i < eh->e_shnum; i++) {
		if (!strcmp(names + sh[i].sh_name, name))
			return &sh[i];
	}
	fail_msg("no section %s", name);
	return NULL;
}

/* Sizes that no machine has, or (size) those that it has, and that we do not want to give. */
static void do_harm(__u8 *elf, int kind, __u64 size)
{
	Elf64_Ehdr *eh = (Elf64_Ehdr *)elf;
	Elf64_Phdr *ph = (Elf64_Phdr *)(elf + eh->e_phoff);
	Elf64_Shdr *sh = (Elf64_Shdr *)(elf + eh->e_shoff);
	static const char *const huge[] = {".symtab",		".strtab",     ".shstrtab",
					   ".debug_info",	".debug_line", ".debug_abbrev",
					   ".note.gnu.build-id"};
	const Elf64_Chdr bomb = {.ch_type = ELFCOMPRESS_ZLIB, .ch_size = 1ull << 40};
	const int huge_cnt = sizeof(huge) / sizeof(huge[0]);
	int i;

	if (kind < huge_cnt) {
		section_of(elf, huge[kind])->sh_size = size;
		return;
	}
	switch (kind - huge_cnt) {
	case 0: /* sections */
		eh->e_shnum = 0;
		sh[0].sh_size = size >> 7;
		break;
	case 1:
		eh->e_phnum = PN_XNUM;
		sh[0].sh_info = 0xffffffff;
		break;
	case 2:
		for (i = 0; i < eh->e_phnum; i++) {
			if (ph[i].p_type == PT_NOTE)
				ph[i].p_filesz = size;
		}
		break;
	case 3:
		section_of(elf, ".strtab")->sh_offset = ~0ull;
		break;
	case 4:
		section_of(elf, ".symtab")->sh_offset = ~0ull - 8;
		break;
	case 5:
		section_of(elf, ".symtab")->sh_link = 0xffffffff;
		break;
	case 6: /* symbols whose end wraps */
		sh = section_of(elf, ".symtab");
		for (i = 0; (unsigned int)i < sh->sh_size / sizeof(Elf64_Sym); i++)
			((Elf64_Sym *)(elf + sh->sh_offset))[i].st_size = ~0ull;
		break;
	case 7: /* names that begin beyond their table */
		sh = section_of(elf, ".symtab");
		for (i = 0; (unsigned int)i < sh->sh_size / sizeof(Elf64_Sym); i++)
			((Elf64_Sym *)(elf + sh->sh_offset))[i].st_name = 0xfffffff0u;
		break;
	case 8: /* a page of data that is to unpack into all memory */
		sh = section_of(elf, ".debug_info");
		sh->sh_flags |= SHF_COMPRESSED;
		memcpy(elf + sh->sh_offset, &bomb, sizeof(bomb));
		break;
	case 9: /* a line program without end */
		sh = section_of(elf, ".debug_line");
		memset(elf + sh->sh_offset, 0xff, 8);
		break;
	default:
		section_of(elf, ".symtab")->sh_entsize = 0;
	}
}

static void test_harmful(void **state)
{
	char path[] = "/tmp/ftprof-bad-XXXXXX";
	struct timespec a, b;
	struct rusage use;
	__u8 *elf, *bad;
	size_t len;
	int fd, kind;
	long before;

	(void)state;
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	elf = build_elf("-Wl,--build-id=sha1", &len);
	bad = malloc(len);
	assert_non_null(bad);
	getrusage(RUSAGE_SELF, &use);
	before = use.ru_maxrss;
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (kind = 0; kind < 36; kind++) {
		memcpy(bad, elf, len);
		do_harm(bad, kind / 2, kind % 2 ? 1ull << 39 : 3ull << 29);
		write_file(path, bad, len);
		(void)ask_all(path);
		/* sparse: everything lies within the file */
		assert_int_equal(truncate(path, 1ll << 40), 0);
		(void)ask_all(path);
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	getrusage(RUSAGE_SELF, &use);
	print_message("%ld s, %ld MB\n", (long)(b.tv_sec - a.tv_sec),
		      (use.ru_maxrss - before) / 1024);
	assert_true(b.tv_sec - a.tv_sec < 20);
	assert_true(use.ru_maxrss - before < 700 * 1024);
	unlink(path);
	free(bad);
	free(elf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_table_latest),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_perf_map),
		cmocka_unit_test(test_perf_map_refused),
		cmocka_unit_test(test_perf_map_large),
		cmocka_unit_test(test_kallsyms),
		cmocka_unit_test(test_kernel),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_harmful),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
