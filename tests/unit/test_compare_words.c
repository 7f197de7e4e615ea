/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands split into words: what a shell makes of them, and what only a shell could. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"

/* Words joined by '|'. */
static void joined(char **argv, char *buf, size_t sz)
{
	size_t len = 0;

	buf[0] = 0;
	for (; *argv; argv++)
		len += (size_t)snprintf(buf + len, sz - len, "%s|", *argv);
	assert_true(len < sz);
}

static const char *const good[][2] = {
	{"python3 app.py", "python3|app.py|"},
	{"  python3 \t app.py  ", "python3|app.py|"},
	{"x", "x|"},
	{"python3 -c 'print(1; 2)'", "python3|-c|print(1; 2)|"},
	{"a 'b c'd\"e f\"g", "a|b cde fg|"},
	{"a ''", "a||"},
	{"a \"\" b", "a||b|"},
	{"a '\\n' \"\\n\" \\n", "a|\\n|\\n|n|"},
	{"a \"\\\\ \\\" \\$ \\`\"", "a|\\ \" $ `|"},
	{"a b\\ c \\'d \\\\", "a|b c|'d|\\|"},
	{"a \\| '$x' \\$x", "a|||$x|$x|"},
	{"a *.py ? [x] ~ #", "a|*.py|?|[x]|~|#|"},
	{"env X=1 python3 a=b", "env|X=1|python3|a=b|"},
	{"a \"it's\" 'say \"x\"'", "a|it's|say \"x\"|"},
	{"/p\xc3\xa4th/python \xff", "/p\xc3\xa4th/python|\xff|"},
};

static void test_good(void **state)
{
	char buf[256], why[128], **argv;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(ft_words_split(good[i][0], &argv, why, sizeof(why)), 0);
		joined(argv, buf, sizeof(buf));
		assert_string_equal(buf, good[i][1]);
		free(argv);
	}
}

/* What /bin/sh makes of the same strings. */
static void test_shell(void **state)
{
	char mine[256], theirs[256], why[128], **argv;
	size_t i, len;
	FILE *sh;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char script[512];

		/* of what a shell would expand: ~ and #, which are ours to keep */
		if (strchr(good[i][0], '~'))
			continue;
		snprintf(script, sizeof(script), "set -f -- %s\nprintf '%%s|' \"$@\"\n",
			 good[i][0]);
		setenv("SCRIPT", script, 1);
		sh = popen("eval \"$SCRIPT\"", "r");
		assert_non_null(sh);
		len = fread(theirs, 1, sizeof(theirs) - 1, sh);
		theirs[len] = 0;
		assert_int_equal(pclose(sh), 0);
		assert_int_equal(ft_words_split(good[i][0], &argv, why, sizeof(why)), 0);
		joined(argv, mine, sizeof(mine));
		assert_string_equal(mine, theirs);
		free(argv);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *s, *why;
	} bad[] = {
		{"", "no command"},	{"  \t", "no command"}, {"'' a", "no command"},
		{"a 'b", "a ' has"},	{"a \"b", "a \" has"},	{"a \"b\\", "a \" has"},
		{"a b\\", "backslash"}, {"a | b", "'|'"},	{"a > b", "'>'"},
		{"a; b", "';'"},	{"a $HOME", "'$'"},	{"a \"$HOME\"", "'$'"},
		{"a `b`", "'`'"},	{"a \"`b`\"", "'`'"},	{"a & b", "'&'"},
		{"a (b)", "'('"},	{"a\nb", "one line"},	{"X=1 a", "env"},
		{"'a b", "a ' has"},
	};
	char why[128], **argv = (char **)why;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(ft_words_split(bad[i].s, &argv, why, sizeof(why)), -EINVAL);
		assert_null(argv);
		assert_non_null(strstr(why, bad[i].why));
	}
}

/* Words of one character, one after the other: the block must have room for all of them. */
static void test_many(void **state)
{
	char s[2002], why[128], **argv;
	size_t n, i;

	(void)state;
	for (n = 1; n <= 1000; n += 37) {
		for (i = 0; i < n; i++)
			memcpy(s + 2 * i, "x ", 3);
		assert_int_equal(ft_words_split(s, &argv, why, sizeof(why)), 0);
		for (i = 0; argv[i]; i++)
			assert_string_equal(argv[i], "x");
		assert_int_equal(i, n);
		free(argv);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_shell),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
