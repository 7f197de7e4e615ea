/* SPDX-License-Identifier: BSD-2-Clause */
/* LDFLAGS: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* The n-th allocation of a comparison fails, for every n: -ENOMEM, and no leak. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "base/words.h"
#include "model/compare.h"
#include "oom.h"
#include "scenario.h"
#include "view/compare_text.h"

#define RUNS 4

static int once(const struct ft_cmp_session *a, const struct ft_cmp_session *b)
{
	const struct ft_cmp_session *const sides[2] = {a, b};
	const size_t cnt[2] = {RUNS, RUNS};
	struct ft_text out = {0};
	struct ft_compare *c;
	int err = ft_compare_build(sides, cnt, &c);

	if (err) {
		assert_null(c);
		return err;
	}
	ft_compare_text(&out, c, 80, true);
	err = out.err;
	ft_text_free(&out);
	ft_compare_free(c);
	return err;
}

static void test_compare(void **state)
{
	struct ft_cmp_session s[2][RUNS] = {0};
	struct scenario *sc[2];
	struct ft_model m[2];
	long n;
	int i, err;

	(void)state;
	for (i = 0; i < 2 * RUNS; i++)
		s[i / RUNS][i % RUNS] = (struct ft_cmp_session){.m = &m[i / RUNS], .path = "x"};
	for (i = 0; i < 2; i++) {
		sc[i] = sc_web();
		assert_int_equal(sc_model(sc[i], &m[i]), 0);
	}
	for (n = 1;; n++) {
		failed = false;
		countdown = n;
		err = once(s[0], s[1]);
		countdown = 0;
		if (!failed)
			break;
		assert_int_equal(err, -ENOMEM);
	}
	assert_int_equal(err, 0);
	assert_true(n > 50);
	for (i = 0; i < 2; i++) {
		ft_model_free(&m[i]);
		sc_free(sc[i]);
	}
}

static void test_words(void **state)
{
	char why[64], **argv;

	(void)state;
	countdown = 1;
	assert_int_equal(ft_words_split("a b", &argv, why, sizeof(why)), -ENOMEM);
	assert_null(argv);
	countdown = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
