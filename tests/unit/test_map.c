/* SPDX-License-Identifier: BSD-2-Clause */
/* LDFLAGS: -Wl,--wrap=malloc */
/* The map from keys to numbers, against an array that knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "base/map.h"

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);

static long countdown; /* the allocation that fails; 0: none */
static bool failed;

void *__wrap_malloc(size_t n)
{
	if (!countdown || --countdown)
		return __real_malloc(n);
	failed = true;
	return NULL;
}

static void test_against_array(void **state)
{
	enum { KEYS = 5003 };
	__u32 *want = calloc(KEYS, sizeof(*want)), got;
	struct ft_map m = {0};
	bool added;
	__u32 i;

	(void)state;
	assert_non_null(want);
	srand(17);
	for (i = 1; i < 40000; i++) {
		__u32 k = (__u32)rand() % KEYS;

		/* halves that differ in one bit only, as numbers of nodes and frames do */
		assert_int_equal(ft_map_get(&m, (__u64)k << 32 | (k & 1), i, &got, &added), 0);
		assert_int_equal(added, !want[k]);
		if (!want[k])
			want[k] = i;
		assert_int_equal(got, want[k]);
	}
	assert_int_equal(ft_map_get(&m, ~0ull, 7, &got, NULL), 0);
	assert_int_equal(got, 7);
	ft_map_free(&m);
	assert_int_equal(ft_map_get(&m, ~0ull, 8, &got, &added), 0);
	assert_true(added && got == 8);
	ft_map_free(&m);
	ft_map_free(&m);
	ft_map_free(NULL);
	free(want);
}

/* Whichever allocation fails: the map is as before and can be used on. */
static void test_no_memory(void **state)
{
	struct ft_map m;
	bool added;
	__u32 got, i, refused;
	long n;

	(void)state;
	for (n = 1; n < 1000; n++) {
		m = (struct ft_map){0};
		failed = false;
		countdown = n;
		refused = 0;
		for (i = 0; i < 3000; i++) {
			int err = ft_map_get(&m, i, i + 1, &got, &added);

			if (err) {
				assert_int_equal(err, -ENOMEM);
				refused++;
				assert_int_equal(ft_map_get(&m, i, i + 1, &got, &added), 0);
				assert_true(added);
			}
			assert_int_equal(got, i + 1);
		}
		countdown = 0;
		for (i = 0; i < 3000; i++) {
			assert_int_equal(ft_map_get(&m, i, 0, &got, &added), 0);
			assert_true(!added && got == i + 1);
		}
		ft_map_free(&m);
		if (!failed)
			break;
		/* where it only cannot spread out it gets slower, and goes on */
		assert_true(refused <= 1);
	}
	assert_true(n > 4 && n < 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_array),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
