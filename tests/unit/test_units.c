/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of durations, sizes and counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "base/units.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BAD 0xbadu /* what a failing call must leave alone */

struct u64_case {
	const char *s;
	int err;
	__u64 v;
};

static void check(int (*parse)(const char *s, __u64 *v), const struct u64_case *c, size_t cnt)
{
	size_t i;

	for (i = 0; i < cnt; i++) {
		__u64 v = BAD;
		int err = parse(c[i].s, &v);

		if (err != c[i].err || v != (err ? BAD : c[i].v))
			fail_msg("\"%s\": %d %llu, not %d %llu", c[i].s, err, (unsigned long long)v,
				 c[i].err, (unsigned long long)c[i].v);
	}
}

static void test_duration(void **state)
{
	static const struct u64_case cases[] = {
		{"10s", 0, 10000000000ull},
		{"250ms", 0, 250000000},
		{"1.5m", 0, 90000000000ull},
		{"2h", 0, 7200000000000ull},
		{"7d", 0, 604800000000000ull},
		{"10", 0, 10000000000ull},
		{"0", 0, 0},
		{".5s", 0, 500000000},
		{"3us", 0, 3000},
		{"7ns", 0, 7},
		{"0.000000001", 0, 1},
		{"0.1234567899999s", 0, 123456789},
		{"36500d", 0, 36500ull * 86400 * 1000000000},
		{"36501d", -EINVAL, 0},
		{"99999999999999999999s", -EINVAL, 0},
		{"-1s", -EINVAL, 0},
		{"+1s", -EINVAL, 0},
		{" 1s", -EINVAL, 0},
		{"1 s", -EINVAL, 0},
		{"1s ", -EINVAL, 0},
		{"1.s", -EINVAL, 0},
		{"1..5s", -EINVAL, 0},
		{".", -EINVAL, 0},
		{"s", -EINVAL, 0},
		{"", -EINVAL, 0},
		{"nan", -EINVAL, 0},
		{"inf", -EINVAL, 0},
		{"1e3", -EINVAL, 0},
		{"0x10", -EINVAL, 0},
		{"1min", -EINVAL, 0},
		{"1,5s", -EINVAL, 0},
	};

	(void)state;
	check(ft_parse_duration, cases, COUNT(cases));
}

static void test_size(void **state)
{
	static const struct u64_case cases[] = {
		{"64M", 0, 64u << 20},
		{"2G", 0, 2ull << 30},
		{"512k", 0, 512u << 10},
		{"512K", 0, 512u << 10},
		{"1T", 0, 1ull << 40},
		{"1000", 0, 1000},
		{"1.5k", 0, 1536},
		{"64MB", 0, 64u << 20},
		{"64MiB", 0, 64u << 20},
		{"10B", 0, 10},
		{"0", 0, 0},
		{"18446744073709551615", 0, ~0ull},
		{"18446744073709551616", -ERANGE, 0},
		{"16777216T", -ERANGE, 0},
		{"", -EINVAL, 0},
		{"M", -EINVAL, 0},
		{"1Mi", -EINVAL, 0},
		{"1MM", -EINVAL, 0},
		{"-1", -EINVAL, 0},
		{"1P", -EINVAL, 0},
		{"1 M", -EINVAL, 0},
	};

	(void)state;
	check(ft_parse_size, cases, COUNT(cases));
}

static void test_long(void **state)
{
	static const struct {
		const char *s;
		long min, max;
		int err;
		long v;
	} cases[] = {
		{"0", 0, 10, 0, 0},
		{"10", 0, 10, 0, 10},
		{"11", 0, 10, -ERANGE, 0},
		{"-1", 0, 10, -ERANGE, 0},
		{"-5", -10, 10, 0, -5},
		{"-0", -1, 1, 0, 0},
		{"9223372036854775807", LONG_MIN, LONG_MAX, 0, LONG_MAX},
		{"9223372036854775808", LONG_MIN, LONG_MAX, -ERANGE, 0},
		{"-9223372036854775808", LONG_MIN, LONG_MAX, 0, LONG_MIN},
		{"-9223372036854775809", LONG_MIN, LONG_MAX, -ERANGE, 0},
		{"99999999999999999999999", LONG_MIN, LONG_MAX, -ERANGE, 0},
		{"99999999999999999999999x", LONG_MIN, LONG_MAX, -EINVAL, 0},
		{"", 0, 10, -EINVAL, 0},
		{"-", -10, 10, -EINVAL, 0},
		{"+1", 0, 10, -EINVAL, 0},
		{" 1", 0, 10, -EINVAL, 0},
		{"1x", 0, 10, -EINVAL, 0},
		{"0x1", 0, 10, -EINVAL, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		long v = BAD;
		int err = ft_parse_long(cases[i].s, cases[i].min, cases[i].max, &v);

		if (err != cases[i].err || v != (err ? (long)BAD : cases[i].v))
			fail_msg("\"%s\": %d %ld", cases[i].s, err, v);
	}
}

static void test_format_ns(void **state)
{
	static const struct {
		__u64 ns;
		const char *s;
	} cases[] = {
		{0, "0 ns"},
		{812, "812 ns"},
		{999, "999 ns"},
		{1000, "1 us"},
		{1234, "1.23 us"},
		{1205, "1.21 us"},
		{9994, "9.99 us"},
		{9995, "10 us"},
		{31000, "31 us"},
		{99949, "99.9 us"},
		{99950, "100 us"},
		{999499, "999 us"},
		{999500, "1 ms"},
		{4900000, "4.9 ms"},
		{1010000, "1.01 ms"},
		{10100000, "10.1 ms"},
		{1230000000, "1.23 s"},
		{999500000, "1 s"},
		{61400000000ull, "61.4 s"},
		{123456000000000ull, "123456 s"},
		{~0ull, "18446744074 s"},
	};
	char buf[32];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		assert_string_equal(ft_format_ns(cases[i].ns, buf, sizeof(buf)), cases[i].s);
}

static void test_format_count(void **state)
{
	char buf[32], small[4];

	(void)state;
	assert_string_equal(ft_format_count(0, buf, sizeof(buf)), "0");
	assert_string_equal(ft_format_count(999, buf, sizeof(buf)), "999");
	assert_string_equal(ft_format_count(1000, buf, sizeof(buf)), "1,000");
	assert_string_equal(ft_format_count(118204, buf, sizeof(buf)), "118,204");
	assert_string_equal(ft_format_count(~0ull, buf, sizeof(buf)), "18,446,744,073,709,551,615");
	assert_string_equal(ft_format_count(118204, small, sizeof(small)), "118");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duration),     cmocka_unit_test(test_size),
		cmocka_unit_test(test_long),	     cmocka_unit_test(test_format_ns),
		cmocka_unit_test(test_format_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
