/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of growing strings, UTF-8 and growing arrays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"

static void test_append(void **state)
{
	struct ft_text t = {0};
	size_t i;

	(void)state;
	ft_text_add(&t, "a");
	ft_text_printf(&t, "%d-%s", 42, "x");
	ft_text_pad(&t, '.', 3);
	ft_text_addn(&t, "bcd", 2);
	assert_int_equal(t.err, 0);
	assert_string_equal(t.s, "a42-x...bc");
	assert_int_equal(t.len, 10);
	for (i = 0; i < 10000; i++)
		ft_text_printf(&t, "%zu,", i);
	assert_int_equal(t.err, 0);
	assert_int_equal(strlen(t.s), t.len);
	assert_int_equal(t.len, 10 + 10 * 2 + 90 * 3 + 900 * 4 + 9000 * 5);
	ft_text_free(&t);
	assert_null(t.s);
	ft_text_free(NULL);
}

static void test_sticky_error(void **state)
{
	struct ft_text t = {0};

	(void)state;
	ft_text_add(&t, "kept");
	ft_text_pad(&t, 'x', SIZE_MAX - 2);
	assert_int_equal(t.err, -ENOMEM);
	ft_text_add(&t, "more");
	assert_string_equal(t.s, "kept");
	ft_text_free(&t);
}

static void test_safe(void **state)
{
	static const struct {
		const char *in;
		size_t cols;
		const char *out;
	} cases[] = {
		{"", 10, ""},
		{"plain", 10, "plain"},
		{"plain", 3, "pla"},
		{"plain", 0, ""},
		{"a\tb\nc\x1b[31m", 20, "a?b?c?[31m"},
		{"\x7f", 5, "?"},
		{"caf\xc3\xa9!", 10, "caf\xc3\xa9!"},
		{"\xc3\xa9\xc3\xa9\xc3\xa9", 2, "\xc3\xa9\xc3\xa9"},
		{"\xc3", 5, "?"},
		{"\xff\xfe", 5, "??"},
		{"\xc0\xaf", 5, "??"},			     /* over-long */
		{"\xed\xa0\x80", 5, "???"},		     /* surrogate */
		{"\xf4\x90\x80\x80", 9, "????"},	     /* above U+10FFFF */
		{"\xf0\x9f\x90\x8d", 9, "\xf0\x9f\x90\x8d"}, /* a snake */
		{"\xc2\x9b"
		 "31m",
		 9, "?31m"}, /* C1 control */
		{"a\xe2\x80\xae"
		 "b",
		 9, "a?b"}, /* right-to-left override */
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ft_text t = {0};

		ft_text_add_safe(&t, cases[i].in, cases[i].cols);
		assert_int_equal(t.err, 0);
		assert_string_equal(t.s, cases[i].out);
		ft_text_free(&t);
	}
}

static void test_utf8_seq(void **state)
{
	__u32 cp = 0;

	(void)state;
	assert_int_equal(ft_utf8_seq("\xe2\x82\xac", 3, &cp), 3);
	assert_int_equal(cp, 0x20ac);
	assert_int_equal(ft_utf8_seq("\xe2\x82\xac", 2, &cp), 0);
	assert_int_equal(ft_utf8_seq("\x80", 1, NULL), 0);
	assert_int_equal(ft_utf8_seq("", 0, NULL), 0);
	assert_int_equal(ft_utf8_seq("", 1, &cp), 1);
	assert_int_equal(cp, 0);
}

static void test_array(void **state)
{
	size_t cap = 0, i, had;
	void *p = NULL;
	int *a;

	(void)state;
	assert_int_equal(ft_array_reserve(&p, &cap, 1, sizeof(*a)), 0);
	assert_true(cap >= 1);
	a = p;
	for (i = 0; i < cap; i++) {
		assert_int_equal(a[i], 0);
		a[i] = (int)i + 1;
	}
	had = cap;
	assert_int_equal(ft_array_reserve(&p, &cap, 1000, sizeof(*a)), 0);
	a = p;
	assert_true(cap >= 1000);
	for (i = 0; i < cap; i++)
		assert_int_equal(a[i], i < had ? (int)i + 1 : 0);
	had = cap;
	assert_int_equal(ft_array_reserve(&p, &cap, SIZE_MAX, sizeof(*a)), -ENOMEM);
	assert_int_equal(ft_array_reserve(&p, &cap, SIZE_MAX / 4, sizeof(*a)), -ENOMEM);
	assert_ptr_equal(p, a);
	assert_int_equal(cap, had);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append), cmocka_unit_test(test_sticky_error),
		cmocka_unit_test(test_safe),   cmocka_unit_test(test_utf8_seq),
		cmocka_unit_test(test_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
