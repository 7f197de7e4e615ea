/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of one look as text and as JSON: names that are a stranger's, narrow and wide. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <json-c/json.h>
#include <linux/types.h>
#include <stdlib.h>
#include <string.h>

#include "view/look_view.h"

#define HOSTILE                                                                                    \
	"a\x1b[31m\x07\n\r\t\xc2\x9b"                                                              \
	"2J\xe2\x80\xae\\\"<b>&;\xf0\x9f\x90\x8d"
#define LONG_DIR "/very/long/directory/names/of/somebody/who/likes/them/d\xc3\xa9j\xc3\xa0/"

static struct ft_runtime rt = {.version = "3.14.6"};

/* Columns of the widest line; every byte must be printable or part of a character. */
static size_t widest(const char *s)
{
	size_t col = 0, most = 0, n;
	__u32 cp;

	for (; *s; s += n) {
		n = ft_utf8_seq(s, strlen(s), &cp);
		assert_true(n > 0);
		if (cp == '\n') {
			col = 0;
			continue;
		}
		assert_true(cp >= 0x20 && (cp < 0x7f || cp > 0x9f) && cp != 0x202e);
		most = ++col > most ? col : most;
	}
	return most;
}

/* Frames own their strings; nothing here writes to them. */
#define STR(s) ((char[]){s})

static struct ft_look_frame frames[] = {
	{.name = STR(HOSTILE), .file = STR(HOSTILE HOSTILE), .line = 7},
	{.name = STR("Long_name_of_a_class.and_a_long_name_of_a_method.<locals>.inner_function"),
	 .file = STR(LONG_DIR LONG_DIR LONG_DIR "module.py"),
	 .line = 4294967295u},
	{.name = STR("no_file"), .file = STR(""), .line = 0},
	{.name = STR("[deeper than 128 frames]"), .file = STR(""), .mark = true},
};

static void test_hostile(void **state)
{
	static const int widths[] = {40, 41, 57, 80, 1000};
	struct ft_look_thread t[] = {
		{.tid = 11,
		 .name = "\x1b]0;x\x07\xff\xfe",
		 .python = true,
		 .frames = frames,
		 .frame_cnt = 4,
		 .state = FT_ST_BLOCKED,
		 .arg = 499},
	};
	struct ft_look l = {.gil = FT_PYGIL_ON, .threads = t, .thread_cnt = 1};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(widths) / sizeof(*widths); i++) {
		struct ft_text out = {0};
		const char *from;

		ft_look_text(&out, 4194303, &rt, &l, 0, widths[i]);
		assert_int_equal(out.err, 0);
		/* the stacks: what is before them are words of ours */
		from = strstr(out.s, "\n    ");
		assert_non_null(from);
		assert_true(widest(from) <= (size_t)widths[i]);
		assert_true(widest(out.s) <= 80 || widths[i] > 80);
		assert_non_null(strstr(out.s, ":7)\n"));
		assert_non_null(strstr(out.s, ":4294967295)\n"));
		assert_non_null(strstr(out.s, "\n    [deeper than 128 frames]\n"));
		assert_non_null(strstr(out.s, "asleep in system call 499"));
		/* a name that was cut says so */
		assert_int_equal(!strstr(out.s, "    Long_name_of_a_class.and_a_long_name_of_a_"
						"method.<locals>.inner_function ("),
				 widths[i] < 1000);
		assert_int_equal(!strstr(out.s, "... (.../"), widths[i] == 1000);
		/* whole names of the path's end, where there is room for any */
		if (widths[i] >= 80)
			assert_non_null(strstr(out.s, "/module.py:4294967295)\n"));
		ft_text_free(&out);
	}
}

static void test_alike(void **state)
{
	struct ft_look_thread t[] = {
		{.tid = 1,
		 .name = "a",
		 .python = true,
		 .frames = frames + 2,
		 .frame_cnt = 1,
		 .state = FT_ST_SYNC_WAIT,
		 .arg = 1},
		{.tid = 2,
		 .name = "b",
		 .python = true,
		 .frames = frames + 2,
		 .frame_cnt = 1,
		 .state = FT_ST_SYNC_WAIT,
		 .arg = 2}, /* another lock: the same to a reader */
		{.tid = 3,
		 .name = "c",
		 .python = true,
		 .frames = frames + 2,
		 .frame_cnt = 1,
		 .state = FT_ST_GIL_WAIT},
		{.tid = 4, .name = "d", .state = FT_ST_ON, .changed = true},
		{.tid = 5,
		 .name = "e",
		 .python = true,
		 .holds = true,
		 .state = FT_ST_ON,
		 .changed = true,
		 .frames = frames + 1,
		 .frame_cnt = 1},
	};
	struct ft_look l = {.gil = FT_PYGIL_ON, .threads = t, .thread_cnt = 5};
	struct ft_text out = {0};

	(void)state;
	ft_look_text(&out, 9, &rt, &l, 0, 80);
	assert_non_null(
		strstr(out.s, "pid 9  Python 3.14.6, GIL on, held by thread 5  5 threads\n"));
	assert_non_null(strstr(out.s, "\n1 a and 1 more: waits in a lock"));
	assert_null(strstr(out.s, "\n2 b"));
	assert_non_null(strstr(out.s, "\n3 c: waits for the GIL\n"));
	assert_non_null(strstr(out.s, "\n4 d: runs, or is ready to\n    [native thread]\n"));
	assert_non_null(strstr(out.s, "\n5 e: holds the GIL; runs"));
	assert_non_null(strstr(out.s, "two moments"));
	ft_text_free(&out);
	/* one of them: what is said of the process does not change by that */
	ft_look_text(&out, 9, &rt, &l, 2, 80);
	assert_non_null(strstr(out.s, "GIL on, held by thread 5  5 threads\n"));
	assert_non_null(strstr(out.s, "\n2 b: waits in a lock"));
	assert_null(strstr(out.s, "\n1 a"));
	assert_null(strstr(out.s, "\n3 c"));
	ft_text_free(&out);
	l.thread_cnt = 4; /* nothing that moves has a stack */
	ft_look_text(&out, 9, &rt, &l, 0, 80);
	assert_null(strstr(out.s, "two moments"));
	assert_non_null(strstr(out.s, ", free just now  4 threads\n"));
	ft_text_free(&out);
}

static const char *text_of(struct json_object *o, const char *key)
{
	return json_object_get_string(json_object_object_get(o, key));
}

static void test_json(void **state)
{
	struct ft_look_thread t[] = {
		{.tid = 11,
		 .name = "\x1b]0;x",
		 .python = true,
		 .frames = frames,
		 .frame_cnt = 4,
		 .state = FT_ST_BLOCKED,
		 .arg = 0},
		{.tid = 12, .name = "n", .state = FT_ST_STOPPED},
	};
	struct ft_look l = {.gil = FT_PYGIL_ENABLED, .threads = t, .thread_cnt = 2};
	struct json_object *root, *rows, *row, *frame;
	struct ft_text out = {0};

	(void)state;
	assert_int_equal(ft_look_json(&out, 9, &rt, &l), 0);
	assert_null(strchr(out.s, 0x1b));
	root = json_tokener_parse(out.s);
	assert_non_null(root);
	assert_string_equal(text_of(root, "schema"), "ftprof-look/1");
	assert_string_equal(text_of(root, "gil"), "enabled");
	rows = json_object_object_get(root, "threads");
	assert_int_equal(json_object_array_length(rows), 2);
	row = json_object_array_get_idx(rows, 0);
	assert_string_equal(text_of(row, "state"), "blocked");
	assert_string_equal(text_of(row, "syscall"), "read");
	frame = json_object_array_get_idx(json_object_object_get(row, "frames"), 0);
	assert_string_equal(text_of(frame, "name"), HOSTILE);
	assert_string_equal(text_of(frame, "file"), HOSTILE HOSTILE);
	frame = json_object_array_get_idx(json_object_object_get(row, "frames"), 1);
	assert_int_equal(json_object_get_int64(json_object_object_get(frame, "line")),
			 4294967295ll);
	row = json_object_array_get_idx(rows, 1);
	assert_string_equal(text_of(row, "state"), "stopped");
	assert_string_equal(text_of(row, "syscall"), "");
	json_object_put(root);
	ft_text_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_alike),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
