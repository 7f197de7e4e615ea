/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the set of strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strset.h"

#define STRINGS 20000

static size_t make(char *s, size_t sz, unsigned int i)
{
	int n = snprintf(s, sz, "%u%.*s", i, (int)(i % 37),
			 "abcdefghijklmnopqrstuvwxyzabcdefghijk");

	return (size_t)n;
}

static void test_add(void **state)
{
	static const char *kept[STRINGS];
	struct ft_strset set = {0};
	unsigned int i, round;
	char s[64];
	size_t len;
	__u32 no;

	(void)state;
	for (round = 0; round < 2; round++) {
		for (i = 0; i < STRINGS; i++) {
			len = make(s, sizeof(s), i);
			assert_int_equal(ft_strset_add(&set, s, len, &no), 0);
			assert_int_equal(no, i);
			if (!round)
				kept[i] = set.v[no].s;
		}
		assert_int_equal(set.cnt, STRINGS);
	}
	/* they never moved */
	for (i = 0; i < STRINGS; i++) {
		make(s, sizeof(s), i);
		assert_ptr_equal(kept[i], set.v[i].s);
		assert_string_equal(kept[i], s);
	}
	ft_strset_clear(&set);
	assert_int_equal(set.cnt, 0);
	assert_int_equal(ft_strset_add(&set, "7", 1, &no), 0);
	assert_int_equal(no, 0);
	ft_strset_free(&set);
	ft_strset_free(&set);
	ft_strset_free(NULL);
}

static void test_bytes(void **state)
{
	struct ft_strset set = {0};
	char *big = malloc(300000);
	__u32 a, b, c, d, e;

	(void)state;
	assert_non_null(big);
	memset(big, 'b', 300000);
	/* length counts, a NUL is a byte like any other, and nothing is a string, too */
	assert_int_equal(ft_strset_add(&set, "", 0, &a), 0);
	assert_int_equal(ft_strset_add(&set, "\0", 1, &b), 0);
	assert_int_equal(ft_strset_add(&set, "\0\0", 2, &c), 0);
	assert_int_equal(ft_strset_add(&set, big, 300000, &d), 0);
	assert_int_equal(ft_strset_add(&set, NULL, 0, &e), 0);
	assert_true(a == 0 && b == 1 && c == 2 && d == 3 && e == 0);
	assert_int_equal(set.v[3].len, 300000);
	assert_memory_equal(set.v[3].s, big, 300000);
	assert_int_equal(set.v[3].s[300000], 0);
	assert_int_equal(ft_strset_add(&set, big, 300000, &e), 0);
	assert_int_equal(e, 3);
	ft_strset_free(&set);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
