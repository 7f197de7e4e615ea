/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of line tables, against what CPython says of them, of strings and of code objects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/types.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fileio.h"
#include "ftprof_pywalk.h"
#include "python/code.h"

static const char *const fixtures[] = {
	"tests/fixtures/code/3.13.15.txt",
	"tests/fixtures/code/3.14.6.txt",
	"tests/fixtures/code/3.15.2.txt",
};

#define FIXTURE_CNT (sizeof(fixtures) / sizeof(fixtures[0]))

/* One code object of a fixture (scripts/make-code-fixtures). */
struct table {
	char name[128];
	__u32 first;
	__u8 *bytes; /* exactly as long as they are, so that ASan sees a read too far */
	size_t len;
	const char *lines; /* "12x3 -x1": the line of every unit, by CPython */
};

static void parse_table(char *code, const char *hex, const char *lines, struct table *t)
{
	size_t i, digits = strlen(hex);

	assert_int_equal(sscanf(code, "code %127s %u", t->name, &t->first), 2);
	assert_int_equal(digits % 2, 0);
	t->len = digits / 2;
	t->bytes = malloc(t->len ? t->len : 1);
	assert_non_null(t->bytes);
	for (i = 0; i < t->len; i++) {
		unsigned int b;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &b), 1);
		t->bytes[i] = (__u8)b;
	}
	t->lines = lines;
}

/* Calls fn with every table of a fixture; returns how many there were. */
static size_t each_table(const char *path, void (*fn)(const struct table *t))
{
	char *text = NULL, *code, *hex, *lines, *save = NULL;
	size_t len, cnt = 0;

	assert_int_equal(ft_read_file(path, 1 << 20, &text, &len), 0);
	for (code = strtok_r(text, "\n", &save); code; code = strtok_r(NULL, "\n", &save)) {
		struct table t;

		hex = strtok_r(NULL, "\n", &save);
		lines = strtok_r(NULL, "\n", &save);
		assert_true(hex && !strncmp(hex, "table ", 6));
		assert_true(lines && !strncmp(lines, "lines ", 6));
		parse_table(code, hex + 6, lines + 6, &t);
		fn(&t);
		free(t.bytes);
		cnt++;
	}
	free(text);
	return cnt;
}

static size_t units, distinct_none;

static void check_table(const struct table *t)
{
	const char *p = t->lines;
	__u32 at = 0;

	while (*p) {
		unsigned int line = 0, cnt = 0;
		int n = 0;

		if (*p == '-') {
			assert_int_equal(sscanf(p, "-x%u%n", &cnt, &n), 1);
			distinct_none++;
		} else {
			assert_int_equal(sscanf(p, "%ux%u%n", &line, &cnt, &n), 2);
		}
		units += cnt;
		for (; cnt; cnt--, at++) {
			if (ft_code_line(t->bytes, t->len, t->first, at) != line)
				fail_msg("%s, unit %u: line %u, and not %u", t->name, at,
					 ft_code_line(t->bytes, t->len, t->first, at), line);
		}
		p += n;
		p += *p == ' ';
	}
	assert_int_equal(ft_code_line(t->bytes, t->len, t->first, at), 0);
	assert_int_equal(ft_code_line(t->bytes, t->len, t->first, FT_PY_NO_AT), 0);
}

static void test_lines(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < FIXTURE_CNT; i++) {
		units = distinct_none = 0;
		assert_true(each_table(fixtures[i], check_table) >= 26);
		assert_true(units > 6000);
		assert_true(distinct_none > 5);
	}
}

/* A table that is cut says of each unit the same as the whole one, or nothing. */
static void check_cut(const struct table *t)
{
	size_t len, step = t->len > 400 ? 97 : 1;

	for (len = 0; len < t->len; len += step) {
		__u8 *exact = malloc(len ? len : 1);
		__u32 at;

		assert_non_null(exact);
		memcpy(exact, t->bytes, len);
		for (at = 0; at < 64; at++) {
			__u32 line = ft_code_line(exact, len, t->first, at);

			if (line)
				assert_int_equal(line,
						 ft_code_line(t->bytes, t->len, t->first, at));
		}
		assert_int_equal(ft_code_line(exact, len, t->first, 1u << 20), 0);
		free(exact);
	}
}

static void test_cut_tables(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < FIXTURE_CNT; i++)
		assert_true(each_table(fixtures[i], check_cut) >= 26);
	assert_int_equal(ft_code_line(NULL, 0, 7, 0), 0);
	assert_int_equal(ft_code_line((const __u8 *)"", 0, 7, 0), 0);
}

#define LINE(first, at, ...)                                                                       \
	ft_code_line((const __u8[]){__VA_ARGS__}, sizeof((const __u8[]){__VA_ARGS__}), first, at)

/* By hand, from Objects/locations.md: every code, and what the format forbids. */
static void test_entries(void **state)
{
	unsigned int code;

	(void)state;
	for (code = 0; code < 10; code++) {
		assert_int_equal(LINE(5, 2, (__u8)(0x80 | code << 3 | 2), 0x7f), 5);
		assert_int_equal(LINE(5, 3, (__u8)(0x80 | code << 3 | 2), 0x7f), 0);
		assert_int_equal(LINE(5, 0, (__u8)(0x80 | code << 3)), 0); /* cut */
		assert_int_equal(LINE(5, 0, (__u8)(0x80 | code << 3), 0x80), 0);
	}
	assert_int_equal(LINE(5, 0, 0xd0, 0, 0), 5);
	assert_int_equal(LINE(5, 0, 0xd8, 0, 0), 6);
	assert_int_equal(LINE(5, 0, 0xe0, 0, 0), 7);
	assert_int_equal(LINE(5, 0, 0xe0, 0), 0);
	assert_int_equal(LINE(5, 0, 0xe8, 0x04), 7);	    /* +2 */
	assert_int_equal(LINE(5, 0, 0xe8, 0x05), 3);	    /* -2 */
	assert_int_equal(LINE(5, 0, 0xe8, 0x44, 0x01), 39); /* +34 */
	assert_int_equal(LINE(5, 0, 0xe8, 0x44), 0);	    /* cut inside the number */
	assert_int_equal(LINE(5, 0, 0xf0, 0x04, 1, 2, 3), 7);
	assert_int_equal(LINE(5, 0, 0xf0, 0x04, 1, 2), 0);	 /* cut */
	assert_int_equal(LINE(5, 0, 0xf8), 0);			 /* no line */
	assert_int_equal(LINE(5, 1, 0xf8, 0xd8, 0, 0), 6);	 /* the next one has */
	assert_int_equal(LINE(5, 1, 0xe8, 0x04, 0xd8, 0, 0), 8); /* lines add up */
	assert_int_equal(LINE(5, 0, 0x05), 0);			 /* begins with no entry */
	assert_int_equal(LINE(5, 1, 0xf8, 0x05, 0xd8, 0, 0), 0); /* more bytes than it has */
	assert_int_equal(LINE(1, 0, 0xe8, 0x05), 0);		 /* before line 0 */
	assert_int_equal(LINE(0x7fffffff, 0, 0xd8, 0, 0), 0);	 /* beyond an int */
	assert_int_equal(LINE(0xffffffff, 0, 0xd0, 0, 0), 0);
	/* numbers of 32 bits, of more, and without end */
	assert_int_equal(LINE(1, 0, 0xe8, 0x7e, 0x7f, 0x7f, 0x7f, 0x7f, 0x03), 0);
	assert_int_equal(LINE(1, 0, 0xe8, 0x7c, 0x7f, 0x7f, 0x7f, 0x7f, 0x03), 0x7fffffff);
	assert_int_equal(LINE(1, 0, 0xe8, 0x40, 0x40, 0x40, 0x40, 0x40, 0x04), 0);
	assert_int_equal(LINE(1, 0, 0xe8, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x00), 0);
}

static void test_garbage(void **state)
{
	unsigned int seed = 1, round;

	(void)state;
	for (round = 0; round < 20000; round++) {
		size_t len = (size_t)rand_r(&seed) % 40, i;
		__u8 *bytes = malloc(len ? len : 1);

		assert_non_null(bytes);
		for (i = 0; i < len; i++)
			bytes[i] = (__u8)(rand_r(&seed) >> 7);
		for (i = 0; i < 3; i++)
			assert_true(ft_code_line(bytes, len, (__u32)rand_r(&seed),
						 (__u32)rand_r(&seed) % 64) <= 0x7fffffff);
		free(bytes);
	}
}

static void string_is(const void *bytes, size_t len, int kind, size_t whole, size_t max,
		      const char *want)
{
	struct ft_text t = {0};
	void *exact = malloc(len ? len : 1);

	assert_non_null(exact);
	if (len)
		memcpy(exact, bytes, len);
	ft_text_add(&t, "<");
	ft_code_string(exact, len, kind, whole, max, &t);
	assert_int_equal(t.err, 0);
	assert_true(t.len - 1 <= max);
	assert_int_equal(strlen(t.s), t.len);
	assert_string_equal(t.s + 1, want);
	ft_text_free(&t);
	free(exact);
}

#define STR1(s, max, want) string_is(s, sizeof(s) - 1, 1, sizeof(s) - 1, max, want)
#define STR2(s, max, want) string_is(s, sizeof(s) - 2, 2, (sizeof(s) - 2) / 2, max, want)
#define STR4(s, max, want) string_is(s, sizeof(s) - 4, 4, (sizeof(s) - 4) / 4, max, want)

static void test_strings(void **state)
{
	static const __u16 lone[] = {'a', 0xd800, 0xdc80, 0xdfff, 'b'};
	static const __u32 beyond[] = {0x10ffff, 0x110000, 0xffffffff, 0xd83d, 0xde00, 0};

	(void)state;
	STR1("", 100, "");
	STR1("plain;<>\n\"", 100, "plain;<>\n\"");
	STR1("a\0b", 100, "a\\x00b");
	STR1("caf\xe9 \x80\xff", 100, "caf\u00e9 \xc2\x80\u00ff");
	STR2(u"\u0394\u7530x\u00e9\uffff", 100, "\u0394\u7530x\u00e9\uffff");
	STR4(U"\U0001f40d \u0394 a", 100, "\U0001f40d \u0394 a");
	string_is(lone, sizeof(lone), 2, 5, 100, "a\\ud800\\udc80\\udfffb");
	string_is(beyond, sizeof(beyond), 4, 6, 100,
		  "\U0010ffff\\U00110000\\Uffffffff\\ud83d\\ude00\\x00");
	/* half a character, a kind that is none, more bytes than characters */
	string_is(lone, 5, 2, 2, 100, "a\\ud800");
	string_is(lone, 10, 3, 3, 100, "");
	string_is(lone, 10, 0, 3, 100, "");
	string_is("abcdef", 6, 1, 3, 100, "abc");
}

static void test_long_strings(void **state)
{
	struct ft_text t = {0};
	char *big = malloc(65536);
	size_t max;

	(void)state;
	assert_non_null(big);
	STR1("0123456789", 10, "0123456789");
	STR1("0123456789", 9, "012...789");
	STR1("0123456789", 4, "...9");
	STR1("0123456789", 3, "...");
	STR1("0123456789", 2, "..");
	STR1("0123456789", 0, "");
	STR1("", 0, "");
	/* never half of a character or of an escape */
	STR4(U"\U0001f40d\U0001f40e\U0001f40f", 11, "\U0001f40d...\U0001f40f");
	STR4(U"\U0001f40d\U0001f40e\U0001f40f", 10, "...\U0001f40f");
	STR1("\0\0\0\0", 12, "\\x00...\\x00");
	/* cut ones: what follows is not known */
	string_is("abc", 3, 1, 9, 100, "abc...");
	string_is("abc", 3, 1, 9, 6, "abc...");
	string_is("abc", 3, 1, 9, 5, "ab...");
	string_is("abc", 3, 1, 9, 1, ".");
	string_is("", 0, 1, 9, 100, "...");
	string_is("", 0, 1, (size_t)-1, 100, "...");
	memset(big, 'x', 65536);
	big[0] = '[';
	big[65535] = ']';
	for (max = 60; max < 4096; max += 499) {
		ft_code_string(big, 65536, 1, 65536, max, &t);
		assert_int_equal(t.len, max);
		assert_true(t.s[0] == '[' && t.s[max - 1] == ']' && strstr(t.s, "x...x"));
		ft_text_free(&t);
		memset(&t, 0, sizeof(t));
	}
	ft_code_string(big, 65536, 1, 65536, 1 << 20, &t);
	assert_int_equal(t.len, 65536);
	assert_memory_equal(t.s, big, 65536);
	ft_text_free(&t);
	free(big);
}

/* Whatever the bytes are: valid UTF-8, no NUL, within the limit. */
static void test_random_strings(void **state)
{
	unsigned int seed = 2, round;

	(void)state;
	for (round = 0; round < 20000; round++) {
		size_t len = (size_t)rand_r(&seed) % 48, i, n, max = (size_t)rand_r(&seed) % 64;
		int kind = 1 << rand_r(&seed) % 3;
		struct ft_text t = {0};
		__u8 bytes[48];

		for (i = 0; i < len; i++)
			bytes[i] = rand_r(&seed) & 64 ? (__u8)(rand_r(&seed) >> 7) : 0;
		ft_code_string(bytes, len, kind, (size_t)rand_r(&seed) % 20, max, &t);
		assert_true(t.len <= max && !t.err);
		for (i = 0; i < t.len; i += n) {
			n = ft_utf8_seq(t.s + i, t.len - i, NULL);
			assert_true(n && t.s[i]);
		}
		ft_text_free(&t);
	}
}

/* A code object made up in this process's own memory, laid out as on 3.14 with the GIL. */
static const struct ft_pylayout layout = {
	.code_type = 0x1234,
	.ob_type = 8,
	.co_firstlineno = 68,
	.co_version = 92,
	.co_filename = 112,
	.co_qualname = 128,
	.co_linetable = 136,
	.co_code = 208,
	.str_length = 16,
	.str_state = 32,
	.str_ascii = 40,
	.str_compact = 56,
	.bytes_size = 16,
	.bytes_data = 32,
	.str_kind_shift = 2,
	.str_compact_shift = 5,
	.str_ascii_shift = 6,
};

struct world {
	__u8 code[FT_PY_CODE_BYTES] __attribute__((aligned(8)));
	__u8 name[128] __attribute__((aligned(8)));
	__u8 file[128] __attribute__((aligned(8)));
	__u8 lines[128] __attribute__((aligned(8)));
	__u32 ident;
};

static void put64(__u8 *p, __u64 v)
{
	memcpy(p, &v, sizeof(v));
}

static void put_ptr(__u8 *p, const void *v)
{
	put64(p, (__u64)(uintptr_t)v);
}

static void put32(__u8 *p, __u32 v)
{
	memcpy(p, &v, sizeof(v));
}

static __u32 ident_of(const struct world *w)
{
	struct ft_pybuf b;

	memcpy(b.code, w->code, sizeof(w->code));
	return ft_pw_ident(&layout, &b);
}

static void make(struct world *w)
{
	memset(w, 0, sizeof(*w));
	put64(w->code + 8, layout.code_type);
	put32(w->code + 68, 17);
	put32(w->code + 92, 4711);
	put_ptr(w->code + 112, w->file);
	put_ptr(w->code + 128, w->name);
	put_ptr(w->code + 136, w->lines);
	put64(w->name + 16, 2);
	put32(w->name + 32, 1 << 2 | 1 << 5 | 1 << 6);
	memcpy(w->name + 40, "fn", 2);
	put64(w->file + 16, 3);
	put32(w->file + 32, 2 << 2 | 1 << 5 | 1);
	memcpy(w->file + 56, u"\u0394.p", 6);
	put64(w->lines + 16, 4);
	memcpy(w->lines + 32, "\xd8\x01\x02\x80", 4);
	w->ident = ident_of(w);
}

static int read_world(const struct world *w, struct ft_code *c)
{
	return ft_code_read(getpid(), &layout, (__u64)(uintptr_t)w->code, w->ident, c);
}

static void test_read(void **state)
{
	struct ft_code c;
	struct world w;

	(void)state;
	make(&w);
	assert_int_equal(read_world(&w, &c), 0);
	assert_string_equal(c.name, "fn");
	assert_string_equal(c.file, "\u0394.p");
	assert_int_equal(c.firstlineno, 17);
	assert_int_equal(c.lines_len, 4);
	assert_memory_equal(c.lines, "\xd8\x01\x02\x80", 4);
	ft_code_free(&c);
	ft_code_free(&c);
	ft_code_free(NULL);
	/* of a subclass of str: the characters stand elsewhere */
	put32(w.name + 32, 1 << 2);
	put_ptr(w.name + 56, "xy");
	assert_int_equal(read_world(&w, &c), 0);
	assert_string_equal(c.name, "xy");
	ft_code_free(&c);
	/* nothing at all is fine too */
	put64(w.name + 16, 0);
	put64(w.lines + 16, 0);
	assert_int_equal(read_world(&w, &c), 0);
	assert_string_equal(c.name, "");
	assert_int_equal(c.lines_len, 0);
	assert_int_equal(ft_code_line(c.lines, c.lines_len, c.firstlineno, 0), 0);
	ft_code_free(&c);
}

static void expect_empty(const struct world *w, int want)
{
	struct ft_code c;

	memset(&c, 0xaa, sizeof(c));
	assert_int_equal(read_world(w, &c), want);
	assert_null(c.name);
	assert_null(c.file);
	assert_null(c.lines);
}

static void test_read_stale(void **state)
{
	struct ft_code c;
	struct world w;
	pid_t pid;

	(void)state;
	make(&w);
	w.ident++;
	expect_empty(&w, -ESTALE);
	make(&w);
	put64(w.code + 8, 0x1235);
	expect_empty(&w, -ESTALE);
	make(&w);
	put32(w.name + 32, 3 << 2 | 1 << 5); /* no kind of string */
	expect_empty(&w, -EFAULT);
	make(&w);
	put64(w.name + 16, 1ull << 60); /* no length */
	expect_empty(&w, -EFAULT);
	make(&w);
	put64(w.lines + 16, ~0ull);
	expect_empty(&w, -EFAULT);
	make(&w);
	put_ptr(w.code + 128, NULL);
	w.ident = ident_of(&w);
	expect_empty(&w, -EFAULT);
	make(&w);
	assert_int_equal(ft_code_read(getpid(), &layout, 8, w.ident, &c), -EFAULT);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(ft_code_read(pid, &layout, (__u64)(uintptr_t)w.code, w.ident, &c), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),	       cmocka_unit_test(test_cut_tables),
		cmocka_unit_test(test_entries),	       cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_strings),	       cmocka_unit_test(test_long_strings),
		cmocka_unit_test(test_random_strings), cmocka_unit_test(test_read),
		cmocka_unit_test(test_read_stale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
