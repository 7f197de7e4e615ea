/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of _Py_DebugOffsets, on tables recorded from three interpreters and on damaged ones. */
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

struct offsets_case {
	const char *file;
	__u32 hex;
	bool free_threaded;
	__u64 interp_head, interp_next, interp_gil, native_id, state, ob_type, tp_name, ob_size;
	__u16 last_holder, cond, switch_mutex, gil_size;
};

/* Checked against offsetof() in the interpreters' own headers and against live processes. */
static const struct offsets_case cases[] = {
	{DIR "3.13.0.bin", 0x030d00f0, false, 632, 7264, 16, 160, 40, 8, 24, 16, 8, 32, 168, 208},
	{DIR "3.14.6.bin", 0x030e06f0, false, 808, 7272, 16, 160, 44, 8, 24, 16, 8, 32, 168, 208},
	{DIR "3.14.6t.bin", 0x030e06f0, true, 808, 7272, 16, 160, 44, 24, 40, 32, 16, 40, 176, 216},
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
	char *buf = load(cases[1].file, &len);

	(void)state;
	put(buf, 1, 0x030f00a2);
	assert_int_equal(ft_offsets_parse(buf, len, &o, why, sizeof(why)), -EPROTO);
	assert_non_null(strstr(why, "3.15.0a2"));
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

/* Every word that is used is checked: with nonsense in its place the table is refused. */
static void test_nonsense(void **state)
{
	static const __u8 used[] = {3,	5,  6,	7,  8,	9,  15, 16, 17, 18, 19, 22,
				    23, 24, 25, 26, 27, 28, 30, 50, 51, 52, 53};
	static const __u64 values[] = {~0ull, 1ull << 63, 1ull << 32, 0x7ffffffffffffff8ull};
	struct ft_offsets o;
	size_t len = 0, i, j;
	char *buf = load(cases[1].file, &len), why[128];

	(void)state;
	for (i = 0; i < sizeof(used); i++) {
		__u64 old;

		memcpy(&old, buf + 8 * (size_t)used[i], sizeof(old));
		for (j = 0; j < sizeof(values) / sizeof(values[0]); j++) {
			put(buf, used[i], values[j]);
			why[0] = 0;
			if (ft_offsets_parse(buf, len, &o, why, sizeof(why)) != -EBADMSG)
				fail_msg("word %u = %llx was taken", used[i],
					 (unsigned long long)values[j]);
			assert_non_null(strstr(why, "3.14.6"));
		}
		put(buf, used[i], old + 1); /* not aligned */
		assert_int_equal(ft_offsets_parse(buf, len, &o, why, sizeof(why)), -EBADMSG);
		put(buf, used[i], old);
	}
	assert_int_equal(ft_offsets_parse(buf, len, &o, why, sizeof(why)), 0);
	/* a free-threaded GIL in a build that says it has none */
	put(buf, 2, 1);
	assert_int_equal(ft_offsets_parse(buf, len, &o, why, sizeof(why)), -EBADMSG);
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
		cmocka_unit_test(test_recorded),     cmocka_unit_test(test_cut),
		cmocka_unit_test(test_versions),     cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_version_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
