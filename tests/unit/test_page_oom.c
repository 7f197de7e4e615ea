/* SPDX-License-Identifier: BSD-2-Clause */
/* LDFLAGS: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* A page whose memory runs out at any place is an error, and nothing of it stays behind. */
#include "page_session.h"

#include "oom.h"

static void test_page(void **state)
{
	static const struct ft_page_opts all = {0};
	struct opened s;
	long n, refused = 0;
	int err = 0;

	(void)state;
	make_session(&(struct made){.threads = 3, .rounds = 20, .events = true});
	open_session(&s);
	for (n = 1; n < 100000; n++) {
		failed = false;
		countdown = n;
		err = write_page(&s, 2, &all);
		countdown = 0;
		if (!failed)
			break;
		/* an array that cannot give room back does well with it */
		assert_true(err == -ENOMEM || !err);
		refused += err != 0;
	}
	assert_int_equal(err, 0);
	assert_true(refused > 100 && refused > n * 9 / 10);
	close_session(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_page)};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
