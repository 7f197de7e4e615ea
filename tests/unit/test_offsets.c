/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of _Py_DebugOffsets, on tables recorded from six interpreters and on damaged ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fileio.h"
#include "python/offsets.h"

#define DIR "tests/fixtures/offsets/"
#define GIL_314 DIR "3.14.6.bin"

struct offsets_case {
	const char *file;
	__u32 hex;
	bool free_threaded;
	__u64 interp_head, interp_next, interp_gil, native_id, state, ob_type, tp_name, ob_size;
	__u16 last_holder, cond, switch_mutex, gil_size;
	__u64 gc, modules, gc_size, collecting;
};

/*
 * Checked against offsetof() in the interpreters' own headers and against live processes; that of
 * 3.15.2t was made of its headers alone.
 */
static const struct offsets_case cases[] = {
	{DIR "3.13.0.bin", 0x030d00f0, false, 632, 7264, 16, 160, 40, 8, 24, 16, 8, 32, 168, 208,
	 7400, 7656, 240, 200},
	{DIR "3.13.15t.bin", 0x030d0ff0, true, 632, 7264, 16, 160, 40, 24, 40, 32, 16, 40, 176, 216,
	 7400, 7664, 248, 200},
	{DIR "3.14.6.bin", 0x030e06f0, false, 808, 7272, 16, 160, 44, 8, 24, 16, 8, 32, 168, 208,
	 7408, 7688, 264, 192},
	{DIR "3.14.6t.bin", 0x030e06f0, true, 808, 7272, 16, 160, 44, 24, 40, 32, 16, 40, 176, 216,
	 7408, 7712, 288, 192},
	{DIR "3.15.2.bin", 0x030f02f0, false, 936, 7264, 16, 184, 48, 8, 24, 16, 8, 32, 168, 208,
	 7400, 7592, 176, 112},
	{DIR "3.15.2t.bin", 0x030f02f0, true, 936, 7264, 16, 184, 48, 24, 40, 32, 16, 40, 176, 216,
	 7400, 7592, 176, 112},
};

/* By the same headers: gcc's offsetof(), and for the bits a struct with one of them set. */
static const struct ft_pylayout pycases[] = {
#define FRAME(owner, tlbc)                                                                         \
	.ts_frame = 72, .ts_next = 8, .fr_previous = 8, .fr_executable = 0, .fr_instr_ptr = 56,    \
	.fr_owner = owner, .fr_tlbc = tlbc, .owner_entry = 3
#define CODE(h, code, tlbc)                                                                        \
	.ob_type = (h)-8, .co_firstlineno = (h) + 52, .co_version = (h) + 76,                      \
	.co_filename = (h) + 96, .co_qualname = (h) + 112, .co_linetable = (h) + 120,              \
	.co_code = code, .co_tlbc = tlbc
#define STR(h, kind)                                                                               \
	.str_length = (h), .str_state = (h) + 16, .str_ascii = (h) + 24, .str_compact = (h) + 40,  \
	.bytes_size = (h), .bytes_data = (h) + 16, .str_kind_shift = kind,                         \
	.str_compact_shift = (kind) + 3, .str_ascii_shift = (kind) + 4
	{FRAME(70, 0), CODE(16, 200, 0), STR(16, 2), .interp_threads = 7344},
	{FRAME(70, 0), CODE(32, 216, 0), STR(32, 2), .interp_threads = 7344},
	{FRAME(74, 0), CODE(16, 208, 0), STR(16, 2), .interp_threads = 7344},
	{FRAME(78, 72), CODE(32, 232, 224), STR(32, 8), .interp_threads = 7344},
	{FRAME(74, 0), CODE(16, 208, 0), STR(16, 2), .interp_threads = 7336},
	{FRAME(78, 72), CODE(32, 232, 224), STR(32, 8), .interp_threads = 7336},
};

static char *load(const char *path, size_t *len)
{
	char *buf = NULL;

	assert_int_equal(ft_read_file(path, FT_PY_OFFSETS_MAX, &buf, len), 0);
	return buf;
}

static void put(char *buf, size_t word, __u64 v)
{
	memcpy(buf + 8 * word, &v, sizeof(v));
}

static void test_recorded(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct offsets_case *c = &cases[i];
		struct ft_target t = {0};
		struct ft_offsets o;
		char why[128] = "";
		size_t len = 0;
		char *buf = load(c->file, &len);

		assert_int_equal(ft_offsets_parse(buf, len, &o, why, sizeof(why)), 0);
		assert_int_equal(o.version, c->hex);
		ft_offsets_target(&o, &t);
		assert_int_equal(t.free_threaded, c->free_threaded);
		assert_int_equal(t.has_parking_lot, 1);
		assert_int_equal(t.interp_head, c->interp_head);
		assert_int_equal(t.interp_next, c->interp_next);
		assert_int_equal(t.interp_gil, c->interp_gil);
		assert_int_equal(t.tstate_native_id, c->native_id);
		assert_int_equal(t.tstate_state, c->state);
		assert_int_equal(t.ob_type, c->ob_type);
		assert_int_equal(t.tp_name, c->tp_name);
		assert_int_equal(t.ob_size, c->ob_size);
		assert_int_equal(t.gil_last_holder, c->last_holder);
		assert_int_equal(t.gil_locked, c->last_holder + 8);
		assert_int_equal(t.gil_switch_number, c->last_holder + 16);
		assert_int_equal(t.gil_cond, c->cond);
		assert_int_equal(t.gil_switch_mutex, c->switch_mutex);
		assert_int_equal(t.gil_size, c->gil_size);
		assert_int_equal(o.interp_gc, c->gc);
		assert_int_equal(o.interp_modules, c->modules);
		assert_int_equal(o.gc_size, c->gc_size);
		assert_int_equal(o.gc_collecting, c->collecting);
		assert_memory_equal(&t.py, &pycases[i], sizeof(t.py));
		free(buf);
	}
}

static void test_cut(void **state)
{
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ft_offsets o;
		char why[128];
		size_t len = 0;
		char *buf = load(cases[i].file, &len);

		for (n = 0; n < len; n++) {
			char *exact = malloc(n ? n : 1); /* so that ASan sees a read too far */

			assert_non_null(exact);
			memcpy(exact, buf, n);
			why[0] = 0;
			assert_int_equal(ft_offsets_parse(exact, n, &o, why, sizeof(why)),
					 -EMSGSIZE);
			assert_true(why[0]);
			free(exact);
		}
		free(buf);
	}
}

static void test_versions(void **state)
{
	struct ft_offsets o;
	char why[128] = "";
	size_t len = 0;
	char *buf = load(GIL_314, &len);

	(void)state;
	put(buf, 1, 0x031000a2);
	assert_int_equal(ft_offsets_parse(buf, len, &o, why, sizeof(why)), -EPROTO);
	assert_non_null(strstr(why, "3.16.0a2"));
	put(buf, 1, 0x030c01f0); /* 3.12 has no such table */
	assert_int_equal(ft_offsets_parse(buf, len, &o, why, sizeof(why)), -EPROTO);
	put(buf, 1, ~0ull);
	assert_int_equal(ft_offsets_parse(buf, len, &o, why, sizeof(why)), -EBADMSG);
	put(buf, 1, 0x030e06f0);
	put(buf, 2, 2);
	assert_int_equal(ft_offsets_parse(buf, len, &o, why, sizeof(why)), -EBADMSG);
	put(buf, 2, 0);
	buf[0] = 'X';
	assert_int_equal(ft_offsets_parse(buf, len, &o, why, sizeof(why)), -EBADMSG);
	free(buf);
}

struct used {
	const char *file, *version;
	__u8 word[64];
};

/* The words that are used, but for a frame's owner, which may stand at any byte. */
static const struct used used[] = {
	{DIR "3.13.15t.bin", "3.13.15", {3,  5,	 6,  7,	 8,  9,	 14, 15, 16, 17, 18, 19,
					 20, 21, 22, 23, 24, 25, 27, 44, 45, 46, 47, 28,
					 29, 30, 31, 34, 35, 37, 38, 39, 41, 43, 64, 65,
					 66, 67, 68, 69, 70, 10, 11, 71, 72}},
	{GIL_314, "3.14.6", {3,	 5,  6,	 7,  8,	 9,  15, 16, 17, 18, 19, 22, 23, 24, 25, 26,
			     27, 28, 30, 50, 51, 52, 53, 31, 32, 33, 34, 38, 39, 40, 42, 43,
			     44, 46, 48, 49, 74, 75, 76, 77, 78, 79, 80, 11, 12, 81, 82}},
	{DIR "3.14.6t.bin", "3.14.6", {3,  5,  6,  7,  8,  9,  15, 16, 17, 18, 19, 22,
				       23, 24, 25, 26, 27, 28, 30, 50, 51, 52, 53, 31,
				       32, 33, 34, 38, 39, 40, 42, 43, 44, 46, 48, 49,
				       74, 75, 76, 77, 78, 79, 80, 11, 12, 81, 82}},
	{DIR "3.15.2t.bin", "3.15.2", {3,  5,  6,  7,  8,  9,  15, 16, 17, 18, 19, 22,
				       23, 24, 25, 26, 30, 31, 33, 58, 59, 60, 61, 39,
				       40, 41, 42, 46, 47, 48, 50, 51, 52, 54, 56, 57,
				       86, 87, 88, 89, 90, 91, 92, 93, 11, 12, 94, 95}},
};

static void nonsense(const struct used *u)
{
	static const __u64 values[] = {~0ull, 1ull << 63, 1ull << 32, 0x7ffffffffffffff8ull};
	struct ft_offsets o;
	size_t len = 0, i, j;
	char *buf = load(u->file, &len), why[128];

	for (i = 0; i < sizeof(u->word) && u->word[i]; i++) {
		__u64 old;

		memcpy(&old, buf + 8 * (size_t)u->word[i], sizeof(old));
		for (j = 0; j < sizeof(values) / sizeof(values[0]); j++) {
			put(buf, u->word[i], values[j]);
			why[0] = 0;
			if (ft_offsets_parse(buf, len, &o, why, sizeof(why)) != -EBADMSG)
				fail_msg("%s: word %u = %llx was taken", u->file, u->word[i],
					 (unsigned long long)values[j]);
			assert_non_null(strstr(why, u->version));
		}
		put(buf, u->word[i], old + 1); /* not aligned */
		if (ft_offsets_parse(buf, len, &o, why, sizeof(why)) != -EBADMSG)
			fail_msg("%s: word %u is not aligned and was taken", u->file, u->word[i]);
		put(buf, u->word[i], old);
	}
	assert_int_equal(ft_offsets_parse(buf, len, &o, why, sizeof(why)), 0);
	free(buf);
}

/* Every word that is used is checked: with nonsense in its place the table is refused. */
static void test_nonsense(void **state)
{
	struct ft_offsets o;
	size_t len = 0, i;
	char *buf = load(GIL_314, &len), why[128];

	(void)state;
	for (i = 0; i < sizeof(used) / sizeof(used[0]); i++)
		nonsense(&used[i]);
	/* a free-threaded GIL in a build that says it has none */
	put(buf, 2, 1);
	assert_int_equal(ft_offsets_parse(buf, len, &o, why, sizeof(why)), -EBADMSG);
	free(buf);
}

/* What lies beyond the part that the walker copies, or on another field. */
static void test_walker_bounds(void **state)
{
	static const struct {
		__u8 word;
		__u64 value;
	} bad[] = {
		{31, 78},		/* owner beyond the frame's size */
		{36, 80},		/* owner beyond what is copied */
		{36, 1ull << 40},	/* owner */
		{36, 72 + 2},		/* owner inside tlbc_index */
		{32, 0},		/* previous on executable */
		{38, 0},		/* tlbc_index without, co_tlbc with */
		{49, 0},		/* the other way round */
		{39, 112},		/* a code object too small for its fields */
		{40, 24},		/* file name in the object's header */
		{48, FT_PY_CODE_BYTES}, /* code beyond what is copied */
		{44, 112},		/* first line on ... */
		{42, 128},		/* qualname on filename */
		{46, 256},		/* localsplusnames */
		{80, 48},		/* characters before the state word's end */
		{78, 32},		/* state on length */
		{76, 32},		/* data on size */
		{77, 64},		/* strings too short for the compact form */
	};
	struct ft_offsets o;
	size_t len = 0, i;
	char *buf = load(DIR "3.14.6t.bin", &len), why[128];
	__u64 old;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(&old, buf + 8 * (size_t)bad[i].word, sizeof(old));
		put(buf, bad[i].word, bad[i].value);
		if (bad[i].word == 44) {
			/* only co_version goes with it: the first line stands in for it */
			assert_int_equal(ft_offsets_parse(buf, len, &o, why, sizeof(why)), 0);
			assert_int_equal(o.py.co_version, o.py.co_firstlineno);
		} else if (ft_offsets_parse(buf, len, &o, why, sizeof(why)) != -EBADMSG) {
			fail_msg("word %u = %llu was taken", bad[i].word,
				 (unsigned long long)bad[i].value);
		}
		put(buf, bad[i].word, old);
	}
	assert_int_equal(ft_offsets_parse(buf, len, &o, why, sizeof(why)), 0);
	assert_int_equal(o.py.code_type, 0);
	free(buf);
}

static void test_version_text(void **state)
{
	static const struct {
		__u32 hex;
		const char *s;
	} v[] = {{0x030e06f0, "3.14.6"},   {0x030f00c1, "3.15.0rc1"}, {0x030d00a6, "3.13.0a6"},
		 {0x030e00b2, "3.14.0b2"}, {0x03090000, "3.9.0"},     {0xffffffff, "255.255.255"}};
	char buf[32];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		assert_string_equal(ft_python_version(v[i].hex, buf, sizeof(buf)), v[i].s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded),      cmocka_unit_test(test_cut),
		cmocka_unit_test(test_versions),      cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_walker_bounds), cmocka_unit_test(test_version_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
