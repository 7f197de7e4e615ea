/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the checks of the kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "os/kernel.h"

#define ROOT "tests/fixtures/kernel/"

struct kernel_case {
	const char *root;
	unsigned int version;
	bool ok[FT_KC_CNT];
};

static const struct kernel_case cases[] = {
	{ROOT "good", 6u << 16 | 1u << 8, {true, true, true, true}},
	/* the patch level is capped, so that it cannot reach into the minor version */
	{ROOT "bad", 5u << 16 | 14u << 8 | 255, {false, false, false, false}},
	/* no lockdown file: the kernel has none */
	{ROOT "junk", 0, {false, false, true, false}},
	{ROOT "absent", 0, {false, false, true, false}},
};

static void test_checks(void **state)
{
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ft_check c[FT_KC_CNT];

		ft_kernel_checks(cases[i].root, c);
		assert_int_equal(ft_kernel_version(cases[i].root), cases[i].version);
		for (k = 0; k < FT_KC_CNT; k++) {
			if (c[k].ok != cases[i].ok[k])
				fail_msg("%s: %s is %d: %s", cases[i].root, c[k].name, c[k].ok,
					 c[k].why);
			/* always a reason; a remedy when, and only when, something is wrong */
			assert_true(c[k].why[0]);
			assert_int_equal(c[k].remedy[0] != 0, !c[k].ok);
		}
		assert_true(c[FT_KC_BTF].fatal);
		assert_false(c[FT_KC_PARANOID].fatal);
	}
}

static void test_self(void **state)
{
	(void)state;
	assert_true(ft_kernel_version("") >= 3u << 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checks),
		cmocka_unit_test(test_self),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
