/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests of definitions, slots and module objects, made up in this process's own memory by the
 * published layouts of 3.13 to 3.15. Real modules are the end-to-end tests' (test_extensions.py).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fileio.h"
#include "os/elfdyn.h"
#include "python/extensions_priv.h"

#define PAGE 4096
#define FILE_SZ (16 * PAGE) /* of the made-up extension module */
#define STRIDE 512	    /* between its definitions */
#define HEAP_SZ (64 * PAGE)

static const char *const versions[] = {"3.13.0",  "3.13.15t", "3.14.6",
				       "3.14.6t", "3.15.2",   "3.15.2t"};

#define VERSION_CNT (sizeof(versions) / sizeof(versions[0]))

/* PyModule_Type and others: only their addresses count. */
static char module_type, def_type, dict_type;

struct slot {
	__u64 id, value;
};

struct world {
	struct ft_runtime rt;
	struct ft_maps maps;
	struct ft_ext_scan s;
	struct ft_ext_file f[2];
	char *image; /* of file 0: FILE_SZ bytes, followed by a page that cannot be read */
	char *runtime, *interp;
	char *heap; /* HEAP_SZ, and such a page */
	size_t used;
};

static __u64 addr_of(const void *p)
{
	return (__u64)(uintptr_t)p;
}

static void put64(char *base, __u64 off, __u64 v)
{
	memcpy(base + off, &v, sizeof(v));
}

static void *alloc(struct world *w, size_t n)
{
	void *p = w->heap + w->used;

	w->used += (n + 15) & ~15ull;
	assert_true(w->used <= HEAP_SZ);
	return p;
}

static void make_world(struct world *w, const char *version)
{
	char path[128], why[128], *buf = NULL;
	size_t len;

	memset(w, 0, sizeof(*w));
	snprintf(path, sizeof(path), "tests/fixtures/offsets/%s.bin", version);
	assert_int_equal(ft_read_file(path, 1024, &buf, &len), 0);
	assert_int_equal(ft_offsets_parse(buf, len, &w->rt.off, why, sizeof(why)), 0);
	w->rt.pid = getpid();
	w->rt.hex = w->rt.off.version;
	w->rt.free_threaded = w->rt.off.free_threaded;
	w->runtime = calloc(1, w->rt.off.runtime_size);
	w->interp = calloc(1, w->rt.off.interp_size);
	w->heap = mmap(NULL, HEAP_SZ + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	w->image = mmap(NULL, FILE_SZ + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	assert_true(w->runtime && w->interp && w->heap != MAP_FAILED && w->image != MAP_FAILED);
	assert_int_equal(mprotect(w->image + FILE_SZ, PAGE, PROT_NONE), 0);
	assert_int_equal(mprotect(w->heap + HEAP_SZ, PAGE, PROT_NONE), 0);
	memcpy(w->runtime, buf, len);
	free(buf);
	w->rt.runtime = addr_of(w->runtime);
	put64(w->runtime, w->rt.off.interp_head, addr_of(w->interp));
	assert_int_equal(ft_proc_maps(FT_PROC, getpid(), &w->maps), 0);
	w->s = (struct ft_ext_scan){
		.pid = getpid(),
		.rt = &w->rt,
		.maps = &w->maps,
		.module_type = addr_of(&module_type),
		.def_type = addr_of(&def_type),
		.dict_type = addr_of(&dict_type),
		.file = w->f,
		.cnt = 2,
	};
	strcpy(w->f[0].init, "mod");
	strcpy(w->f[1].init, "far");
	w->f[0].lo = w->f[0].data[0].lo = addr_of(w->image);
	w->f[0].hi = w->f[0].data[0].hi = w->f[0].lo + FILE_SZ;
	w->f[0].data_cnt = 1;
}

static void free_world(struct world *w)
{
	ft_maps_free(&w->maps);
	free(w->runtime);
	free(w->interp);
	munmap(w->heap, HEAP_SZ + PAGE);
	munmap(w->image, FILE_SZ + PAGE);
}

/* A definition at `at`, of that name and with those slots. */
static char *put_def(struct world *w, char *at, const char *name, const void *slots)
{
	const struct ft_offsets *o = &w->rt.off;
	char *text = alloc(w, strlen(name) + 1);

	strcpy(text, name);
	memset(at, 0, o->ob_size + 11 * 8);
	put64(at, o->ob_type, addr_of(&def_type));
	put64(at, o->ob_size + 8, 5);		   /* m_index */
	put64(at, o->ob_size + 24, addr_of(text)); /* m_name */
	put64(at, o->ob_size + 56, addr_of(slots));
	return at;
}

static void expect_def(struct world *w, int err, enum ft_ext_slot slot)
{
	enum ft_ext_slot out = FT_ES_USED;

	assert_int_equal(ft_ext_definition(&w->s, &w->f[0], &out), err);
	if (!err)
		assert_int_equal(out, slot);
}

static void test_slots(void **state)
{
	static const struct {
		struct slot v[4];
		int err;
		enum ft_ext_slot slot;
	} cases[] = {
		{{{2, 99}, {4, 1}}, 0, FT_ES_NOT_USED},
		{{{4, 0}, {2, 99}}, 0, FT_ES_USED},
		{{{1, 1}, {2, 4}, {3, 2}}, 0, FT_ES_NONE},
		{{{0, 0}, {4, 1}}, 0, FT_ES_NONE},
		{{{4, 2}}, -EBADMSG, 0},
	};
	struct world w;
	size_t i, v;

	(void)state;
	for (v = 0; v < VERSION_CNT; v++) {
		make_world(&w, versions[v]);
		for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			w.f[0].def = addr_of(put_def(&w, w.image, "mod", cases[i].v));
			expect_def(&w, cases[i].err, cases[i].slot);
		}
		w.f[0].def = addr_of(put_def(&w, w.image, "mod", NULL));
		expect_def(&w, 0, FT_ES_SINGLE);
		free_world(&w);
	}
}

/* Lists that do not end, or not in memory, and pointers to nowhere. */
static void test_bad_slots(void **state)
{
	struct slot *s;
	struct world w;
	size_t i;

	(void)state;
	make_world(&w, "3.14.6t");
	s = alloc(&w, 4096 * sizeof(*s));
	for (i = 0; i < 4096; i++)
		s[i] = (struct slot){2, 1};
	w.f[0].def = addr_of(put_def(&w, w.image, "mod", s));
	expect_def(&w, -EBADMSG, 0);
	/* the last slot ends where memory does, and none ends the list */
	s = (struct slot *)(w.image + FILE_SZ) - 1;
	*s = (struct slot){2, 1};
	put_def(&w, w.image, "mod", s);
	expect_def(&w, -EBADMSG, 0);
	*s = (struct slot){4, 1};
	expect_def(&w, 0, FT_ES_NOT_USED);
	put_def(&w, w.image, "mod", (char *)s + 3);
	expect_def(&w, -EBADMSG, 0);
	put_def(&w, w.image, "mod", (void *)8);
	expect_def(&w, -EBADMSG, 0);
	free_world(&w);
}

/* 3.15: other numbers, flags beside them, lists in lists. */
static void test_new_slots(void **state)
{
	struct slot flags[] = {{100 | 0x10 << 16, 1}, {87 | 0x10 << 16, 1}, {0, 0}};
	struct slot old[] = {{4, 1}, {0, 0}};
	struct slot nested[] = {{92, 0}, {94, 0}, {0, 0}}, cycle[] = {{92, 0}, {0, 0}};
	struct world w;

	(void)state;
	make_world(&w, "3.15.2");
	w.f[0].def = addr_of(put_def(&w, w.image, "mod", flags));
	expect_def(&w, 0, FT_ES_NOT_USED);
	nested[1].value = addr_of(old);
	put_def(&w, w.image, "mod", nested);
	expect_def(&w, 0, FT_ES_NOT_USED);
	old[0].id = 3;
	expect_def(&w, 0, FT_ES_NONE);
	cycle[0].value = addr_of(cycle);
	put_def(&w, w.image, "mod", cycle);
	expect_def(&w, -EBADMSG, 0);
	free_world(&w);
	/* earlier versions know none of these numbers */
	make_world(&w, "3.14.6");
	w.f[0].def = addr_of(put_def(&w, w.image, "mod", flags));
	expect_def(&w, 0, FT_ES_NONE);
	free_world(&w);
}

static const struct slot says_not[] = {{4, 1}, {0, 0}}, says_used[] = {{4, 0}, {0, 0}};

/* Without a module object: definitions in the file's data. */
static void test_search(void **state)
{
	struct world w;
	size_t v;

	(void)state;
	for (v = 0; v < VERSION_CNT; v++) {
		make_world(&w, versions[v]);
		expect_def(&w, -ENOENT, 0);
		put_def(&w, w.image + STRIDE, "pkg.else", says_not);
		expect_def(&w, 0, FT_ES_NOT_USED); /* the only one */
		put_def(&w, w.image + 2 * STRIDE, "third", says_not);
		expect_def(&w, -ENOENT, 0); /* which of them? */
		put_def(&w, w.image + 9 * PAGE, "pkg.mod", says_used);
		expect_def(&w, 0, FT_ES_USED);
		/* the last that there is room for */
		put_def(&w, w.image + 9 * PAGE, "else", says_used);
		put_def(&w, w.image + FILE_SZ - w.rt.off.ob_size - 11 * 8, "mod", says_not);
		expect_def(&w, 0, FT_ES_NOT_USED);
		/* a pointer to the type alone is no definition */
		memset(w.image, 0, FILE_SZ);
		put64(w.image, PAGE, addr_of(&def_type));
		put64(w.image, FILE_SZ - 8, addr_of(&def_type));
		put64(w.image, 0, addr_of(&def_type));
		expect_def(&w, -ENOENT, 0);
		w.s.def_type = 0;
		put_def(&w, w.image, "mod", says_used);
		expect_def(&w, -ENOENT, 0);
		free_world(&w);
	}
}

static void test_refs(void **state)
{
	static const __u8 code[] = {
		0xf3, 0x0f, 0x1e, 0xfa,			  /* endbr64 */
		0x48, 0x8d, 0x3d, 0x10, 0x00, 0x00, 0x00, /* lea 0x10(%rip),%rdi */
		0x4c, 0x8b, 0x05, 0xf0, 0xff, 0xff, 0xff, /* mov -0x10(%rip),%r8 */
		0x48, 0x8d, 0x7f, 0x10,			  /* lea 0x10(%rdi),%rdi */
		0x48, 0x8b, 0x05, 0x00, 0x00, 0x00,	  /* cut short */
	};
	struct ft_ext_ref ref[4];

	(void)state;
	assert_int_equal(ft_ext_refs(code, sizeof(code), 0x1000, ref, 4), 2);
	assert_int_equal(ref[0].addr, 0x101b);
	assert_false(ref[0].indirect);
	assert_int_equal(ref[1].addr, 0x1002);
	assert_true(ref[1].indirect);
	assert_int_equal(ft_ext_refs(code, sizeof(code), 0x1000, ref, 1), 1);
	assert_int_equal(ft_ext_refs(code, 6, 0x1000, ref, 4), 0);
	assert_int_equal(ft_ext_refs(code, 0, 0x1000, ref, 4), 0);
}

#ifdef __x86_64__
/* lea or mov `to`(%rip) at `at`, into the register that `modrm` has */
static void put_ref(char *at, __u8 op, __u8 modrm, const char *to)
{
	__s32 rel = (__s32)(to - (at + 7));

	at[0] = 0x48;
	at[1] = (char)op;
	at[2] = (char)modrm;
	memcpy(at + 3, &rel, sizeof(rel));
}

/* What was never initialised has no type yet: only the code leads there. */
static void test_decode(void **state)
{
	char *code, *def, *got;
	struct world w;
	__s32 rel;

	(void)state;
	make_world(&w, "3.14.6t");
	w.f[0].data_cnt = 0;
	code = w.image + 8 * PAGE;
	def = w.image + 64;
	got = w.image + 2 * PAGE;
	w.f[0].init_addr = addr_of(code);
	expect_def(&w, -ENOENT, 0);
	put_def(&w, def, "mod", says_not);
	put64(def, w.rt.off.ob_type, 0);
	put_ref(code + 5, 0x8d, 0x3d, def);
	expect_def(&w, 0, FT_ES_NOT_USED);
	/* through the GOT */
	put64(got, 0, addr_of(def));
	put_ref(code + 5, 0x8b, 0x3d, got);
	expect_def(&w, 0, FT_ES_NOT_USED);
	/* behind a jump, which endbr64 precedes */
	memset(code, 0, PAGE);
	memcpy(code, "\xf3\x0f\x1e\xfa\xe9", 5);
	rel = 2 * PAGE - 9;
	memcpy(code + 5, &rel, sizeof(rel));
	put_ref(code + 2 * PAGE, 0x8d, 0x05, def);
	expect_def(&w, 0, FT_ES_NOT_USED);
	/* of another name, it is something else */
	put_def(&w, def, "mode", says_not);
	expect_def(&w, -ENOENT, 0);
	/* out of the file: a jump, a reference, the initialiser itself; and a jump to itself */
	put_ref(code + 2 * PAGE, 0x8d, 0x05, w.image + FILE_SZ + 8);
	expect_def(&w, -ENOENT, 0);
	rel = 0x7fffff00;
	memcpy(code + 5, &rel, sizeof(rel));
	expect_def(&w, -ENOENT, 0);
	memcpy(code, "\xe9\xfb\xff\xff\xff", 5);
	expect_def(&w, -ENOENT, 0);
	w.f[0].init_addr = 0;
	expect_def(&w, -ENOENT, 0);
	/* code that ends with the file */
	w.f[0].init_addr = addr_of(w.image + FILE_SZ - 7);
	put_def(&w, def, "mod", says_used);
	put_ref(w.image + FILE_SZ - 7, 0x8d, 0x3d, def);
	expect_def(&w, 0, FT_ES_USED);
	free_world(&w);
}

static void test_exported_slots(void **state)
{
	char *code;
	struct world w;

	(void)state;
	make_world(&w, "3.15.2t");
	w.f[0].exports_slots = true;
	code = w.image + 8 * PAGE;
	w.f[0].init_addr = addr_of(code);
	expect_def(&w, -ENOENT, 0);
	memcpy(w.image, says_not, sizeof(says_not));
	put_ref(code, 0x8d, 0x05, w.image);
	code[7] = (char)0xc3;
	expect_def(&w, 0, FT_ES_NOT_USED);
	free_world(&w);
}
#endif

/* A str of one byte a character. */
static __u64 put_str(struct world *w, const char *s)
{
	const struct ft_pylayout *l = &w->rt.off.py;
	char *p = alloc(w, l->str_ascii + strlen(s) + 1);
	__u32 state =
		1u << l->str_kind_shift | 1u << l->str_compact_shift | 1u << l->str_ascii_shift;

	put64(p, l->str_length, strlen(s));
	memcpy(p + l->str_state, &state, sizeof(state));
	strcpy(p + l->str_ascii, s);
	return addr_of(p);
}

/* A module object; `gil`: md_gil or md_requires_gil as it is in memory. */
static __u64 put_module(struct world *w, const void *def, __u64 gil)
{
	const struct ft_offsets *o = &w->rt.off;
	char *p = alloc(w, o->ob_size + 88);

	put64(p, o->ob_type, addr_of(&module_type));
	if (w->rt.hex >= 0x030f0000) {
		p[o->ob_size + 32] = 1; /* md_token_is_def */
		p[o->ob_size + 33] = (char)gil;
		put64(p, o->ob_size + 72, addr_of(def));
	} else {
		put64(p, o->ob_size + 8, addr_of(def));
		put64(p, o->ob_size + 40, gil);
	}
	return addr_of(p);
}

/* Makes these pairs of name and module sys.modules, as a dict of str keys alone or of any. */
static char *put_modules(struct world *w, const __u64 (*pair)[2], size_t cnt, bool general)
{
	const struct ft_offsets *o = &w->rt.off;
	char *dict = alloc(w, o->ob_size + 32), *keys = alloc(w, 32 + 16 + cnt * 24), *e;
	__u64 at;
	size_t i;

	memcpy(&at, w->runtime + 8 * (w->rt.hex >> 16 == 0x30d ? 11 : 12), sizeof(at));
	put64(w->interp, at, addr_of(dict));
	put64(dict, o->ob_type, addr_of(&dict_type));
	put64(dict, o->ob_size + 16, addr_of(keys));
	keys[9] = 4; /* dk_log2_index_bytes */
	keys[10] = general ? 0 : 1;
	put64(keys, 24, cnt);
	for (i = 0, e = keys + 32 + 16; i < cnt; i++) {
		e += general ? 8 : 0;
		memcpy(e, pair[i], 16);
		e += 16;
	}
	return keys;
}

static __u64 no_gil(const struct world *w)
{
	return w->rt.hex >= 0x030f0000 ? 0 : 1; /* md_requires_gil, md_gil */
}

static void test_live(void **state)
{
	struct world w;
	size_t v;
	int general;

	(void)state;
	for (v = 0; v < VERSION_CNT; v++) {
		for (general = 0; general < 2; general++) {
			make_world(&w, versions[v]);
			{
				char *def = put_def(&w, w.image, "mod", NULL);
				char *sub = put_def(&w, w.image + STRIDE, "mod.sub", NULL);
				char *heap = put_def(&w, alloc(&w, 256), "far", NULL);
				const __u64 pair[][2] = {
					{put_str(&w, "pkg.mod.sub"),
					 put_module(&w, sub, !no_gil(&w))},
					{0, 0}, /* a removed entry */
					{put_str(&w, "sys"), put_module(&w, &module_type, 0)},
					{put_str(&w, "os"), put_module(&w, NULL, 0)},
					{put_str(&w, "pkg.far"), put_module(&w, heap, no_gil(&w))},
					{put_str(&w, "pkg.mod"), put_module(&w, def, no_gil(&w))},
					{put_str(&w, "alias"), put_module(&w, sub, !no_gil(&w))},
				};
				enum ft_extgil gil =
					w.rt.free_threaded ? FT_EXTGIL_NOT_USED : FT_EXTGIL_UNKNOWN;

				put_modules(&w, pair, 7, general);
				assert_int_equal(ft_ext_live(&w.s), 0);
				assert_string_equal(w.f[0].name, "pkg.mod");
				assert_int_equal(w.f[0].def, addr_of(def));
				assert_int_equal(w.f[0].md_gil, gil);
				assert_string_equal(w.f[1].name, "pkg.far");
				assert_int_equal(w.f[1].def, addr_of(heap));
				assert_int_equal(w.f[1].md_gil, gil);
			}
			free_world(&w);
		}
	}
}

/* Everything that a process may show while it changes, or may make up. */
static void test_live_hostile(void **state)
{
	char *def, *keys;
	struct world w;
	__u64 at;

	(void)state;
	make_world(&w, "3.14.6t");
	def = put_def(&w, w.image, "mod", NULL);
	{
		const __u64 pair[][2] = {
			{put_str(&w, "a"), 8},	     /* nowhere */
			{8, put_module(&w, def, 1)}, /* no name */
			{put_str(&w, ""), put_module(&w, def, 1)},
			{put_str(&w, "mod"), put_str(&w, "no module")},
			{put_str(&w, "mod"), addr_of(w.image + FILE_SZ) - 16},
		};
		keys = put_modules(&w, pair, 5, false);
		assert_int_equal(ft_ext_live(&w.s), 0);
		assert_string_equal(w.f[0].name, "");
	}
	{
		const __u64 pair[][2] = {{put_str(&w, "mod"), put_module(&w, def, 1)}};

		keys = put_modules(&w, pair, 1, false);
	}
	put64(keys, 24, 1ull << 40); /* entries */
	assert_int_equal(ft_ext_live(&w.s), 0);
	put64(keys, 24, ~0ull);
	assert_int_equal(ft_ext_live(&w.s), 0);
	put64(keys, 24, 1 << 18);
	assert_int_equal(ft_ext_live(&w.s), 0);
	put64(keys, 24, 1);
	keys[9] = 63;
	assert_int_equal(ft_ext_live(&w.s), 0);
	keys[9] = 4;
	keys[10] = 2; /* split */
	assert_int_equal(ft_ext_live(&w.s), 0);
	assert_string_equal(w.f[0].name, "");
	keys[10] = 1;
	put64(w.interp, w.rt.off.interp_next, addr_of(w.interp)); /* a circle */
	assert_int_equal(ft_ext_live(&w.s), 0);
	assert_string_equal(w.f[0].name, "mod");
	put64(w.interp, w.rt.off.interp_next, 8);
	assert_int_equal(ft_ext_live(&w.s), -EFAULT);
	memcpy(&at, w.runtime + 8 * 12, sizeof(at));
	put64(w.runtime, 8 * 12, w.rt.off.interp_size - 4);
	assert_int_equal(ft_ext_live(&w.s), -EBADMSG);
	put64(w.runtime, 8 * 12, w.rt.off.interp_size);
	assert_int_equal(ft_ext_live(&w.s), -EBADMSG);
	put64(w.runtime, 8 * 12, at);
	w.s.module_type = 0;
	assert_int_equal(ft_ext_live(&w.s), -EOPNOTSUPP);
	free_world(&w);
}

static void test_name_is_cut(void **state)
{
	struct world w;
	char name[400];

	(void)state;
	make_world(&w, "3.13.15t");
	memset(name, 'x', sizeof(name));
	strcpy(name + 300, ".mod");
	{
		const __u64 pair[][2] = {
			{put_str(&w, name), put_module(&w, put_def(&w, w.image, "mod", NULL), 1)}};

		put_modules(&w, pair, 1, false);
	}
	assert_int_equal(ft_ext_live(&w.s), 0);
	assert_int_equal(strlen(w.f[0].name), sizeof(w.f[0].name) - 1);
	free_world(&w);
}

static int see(void *ctx, const char *name, __u64 vaddr)
{
	if (!strcmp(name, "dlopen") || !strcmp(name, "dlclose"))
		++*(int *)ctx;
	return vaddr || strcmp(name, "dlopen") ? 0 : 7;
}

/* The dynamic symbols of this program, and its segments. */
static void test_elfdyn(void **state)
{
	static const char *const prefix[] = {"dlop", "dlclose", NULL}, *const none[] = {"qzxj",
											NULL};
	static const char text[] = "bytes that stand in this program's memory, and once";
	struct ft_elf_segment seg;
	struct ft_elf *e;
	int seen = 0, err;
	size_t i;
	bool write = false;

	(void)state;
	assert_int_equal(ft_elf_open("/proc/self/exe", &e), 0);
	err = ft_elf_dynsyms(e, prefix, see, &seen);
	assert_true(err == 7 ? seen >= 1 : seen == 2);
	assert_int_equal(ft_elf_dynsyms(e, none, see, &seen), 0);
	for (i = 0; !ft_elf_segment(e, i, &seg); i++)
		write |= seg.write;
	assert_true(i >= 2 && write);
	assert_true(ft_elf_holds(e, text, sizeof(text), 64u << 20));
	assert_false(ft_elf_holds(e, text, sizeof(text), 4096));
	assert_false(ft_elf_holds(e, text, 0, 64u << 20));
	ft_elf_close(e);
}

/* A process without any: an empty list, and a sum that changes with what is mapped. */
static void test_list(void **state)
{
	struct ft_extension *v = NULL;
	struct ft_runtime *rt = calloc(1, sizeof(*rt));
	char why[128] = "";
	__u64 a, b, c;
	size_t cnt = 9;
	void *lib;
	pid_t child;

	(void)state;
	assert_non_null(rt);
	rt->no_offsets = true;
	assert_int_equal(ft_extensions_list(getpid(), rt, &v, &cnt, why, sizeof(why)), 0);
	assert_int_equal(cnt, 0);
	assert_non_null(v);
	free(v);
	assert_int_equal(ft_extensions_sum(getpid(), &a), 0);
	assert_int_equal(ft_extensions_sum(getpid(), &b), 0);
	assert_true(a == b && a);
	lib = dlopen("libBrokenLocale.so.1", RTLD_NOW);
	if (lib) {
		assert_int_equal(ft_extensions_sum(getpid(), &c), 0);
		assert_true(c != a);
		dlclose(lib);
	}
	child = fork();
	if (!child)
		_exit(0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(ft_extensions_list(child, rt, &v, &cnt, why, sizeof(why)), -ESRCH);
	assert_null(v);
	assert_true(strlen(why) > 20);
	assert_int_equal(ft_extensions_sum(child, &c), -ESRCH);
	free(rt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots),	    cmocka_unit_test(test_bad_slots),
		cmocka_unit_test(test_new_slots),   cmocka_unit_test(test_search),
		cmocka_unit_test(test_refs),
#ifdef __x86_64__
		cmocka_unit_test(test_decode),	    cmocka_unit_test(test_exported_slots),
#endif
		cmocka_unit_test(test_live),	    cmocka_unit_test(test_live_hostile),
		cmocka_unit_test(test_name_is_cut), cmocka_unit_test(test_elfdyn),
		cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
