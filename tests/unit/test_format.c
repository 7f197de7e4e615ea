/* SPDX-License-Identifier: BSD-2-Clause */
/* Formats by name and by the ending of a file's name, and frames as one string. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "export/export.h"

static void test_path(void **state)
{
	static const struct {
		const char *path;
		enum ft_format fmt;
	} rows[] = {
		{"a.svg", FT_FMT_SVG},
		{"/tmp/x.y/a.html", FT_FMT_HTML},
		{"a.folded", FT_FMT_FOLDED},
		{"a.pb.gz", FT_FMT_PPROF},
		{"a.speedscope.json", FT_FMT_SPEEDSCOPE},
		{"a.firefox.json", FT_FMT_FIREFOX},
		{"a.json", FT_FMT_NONE},
		{"a.gz", FT_FMT_NONE},
		{"a.svg.txt", FT_FMT_NONE},
		{"svg", FT_FMT_NONE},
		{".svg", FT_FMT_NONE},
		{"dir/.pb.gz", FT_FMT_NONE},
		{"a.SVG", FT_FMT_NONE},
		{"", FT_FMT_NONE},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(ft_format_of_path(rows[i].path), rows[i].fmt);
}

static void test_names(void **state)
{
	char names[128], *word, *save = NULL;
	unsigned int seen = 0;

	(void)state;
	/* the names of messages are those that are taken, each once */
	strcpy(names, ft_format_names());
	for (word = strtok_r(names, ", ", &save); word; word = strtok_r(NULL, ", ", &save)) {
		enum ft_format fmt = ft_format_of_name(word);

		assert_int_not_equal(fmt, FT_FMT_NONE);
		assert_false(seen & 1u << fmt);
		seen |= 1u << fmt;
	}
	assert_int_equal(seen, (1u << FT_FMT_CNT) - 2);
	assert_int_equal(ft_format_of_name("png"), FT_FMT_NONE);
	assert_int_equal(ft_format_of_name(""), FT_FMT_NONE);
}

static void test_export(void **state)
{
	struct ft_frame frame = {"work", "/a.py", 3, 1, FT_FK_PYTHON, 0};
	struct ft_flame_node node[] = {{.total_ns = 7000}, {.total_ns = 7000, .self_ns = 7000}};
	struct ft_session_info info = {.pid = 1};
	struct ft_flame f = {.info = &info,
			     .frame = &frame,
			     .frame_cnt = 1,
			     .node = node,
			     .node_cnt = 2,
			     .total_ns = 7000};
	struct ft_text out = {0};

	(void)state;
	assert_int_equal(ft_export(FT_FMT_NONE, &f, &out), -EINVAL);
	assert_int_equal(ft_export(FT_FMT_CNT, &f, &out), -EINVAL);
	assert_int_equal(out.len, 0);
	assert_int_equal(ft_export(FT_FMT_FOLDED, &f, &out), 0);
	assert_string_equal(out.s, "work (/a.py:3) 7\n");
	ft_text_free(&out);
}

static void test_label(void **state)
{
	static const struct {
		struct ft_frame fr;
		const char *label;
	} rows[] = {
		{{"work", "/a.py", 3, 1, FT_FK_PYTHON, 0}, "work (/a.py:3)"},
		{{"work", "/a.py", 0, 1, FT_FK_PYTHON, 0}, "work (/a.py:1)"},
		{{"memcpy", "libc.so", 0, 0, FT_FK_NATIVE, 0}, "memcpy (libc.so)"},
		{{"[asleep]", "", 0, 0, FT_FK_MARK, 0}, "[asleep]"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ft_text out = {0};

		ft_frame_label(&rows[i].fr, &out);
		assert_string_equal(out.s, rows[i].label);
		ft_text_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_export),
		cmocka_unit_test(test_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
