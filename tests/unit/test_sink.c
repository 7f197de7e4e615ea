/* SPDX-License-Identifier: BSD-2-Clause */
/* A buffered output: all bytes in order, and the first error stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/sink.h"

static void test_order(void **state)
{
	struct ft_sink *s = calloc(1, sizeof(*s));
	char *big = malloc(3 * FT_SINK_BYTES), *back = malloc(8 * FT_SINK_BYTES);
	size_t want = 0;
	int fd = memfd_create("sink", MFD_CLOEXEC), i;
	FILE *f;

	(void)state;
	assert_true(s && big && back && fd >= 0);
	memset(big, 'b', 3 * FT_SINK_BYTES);
	ft_sink_init(s, fd);
	for (i = 0; i < 20000; i++)
		ft_sink_printf(s, "%05d\n", i);
	ft_sink_add(s, big, 3 * FT_SINK_BYTES);
	ft_sink_printf(s, "%0700d", 7);
	assert_int_equal(ft_sink_flush(s), 0);
	want = 20000 * 6 + 3 * FT_SINK_BYTES + 700;
	assert_int_equal(s->bytes, want);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	f = fdopen(fd, "r");
	assert_non_null(f);
	assert_int_equal(fread(back, 1, 8 * FT_SINK_BYTES, f), want);
	for (i = 0; i < 20000; i++)
		assert_int_equal(atoi(back + i * 6), i);
	assert_memory_equal(back + 120000, big, 3 * FT_SINK_BYTES);
	assert_int_equal(back[want - 1], '7');
	assert_int_equal(back[want - 2], '0');
	fclose(f);
	free(back);
	free(big);
	free(s);
}

static void test_error_stays(void **state)
{
	struct ft_sink *s = calloc(1, sizeof(*s));
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	if (fd < 0) {
		free(s);
		skip();
	}
	assert_non_null(s);
	ft_sink_init(s, fd);
	ft_sink_printf(s, "not yet written");
	assert_int_equal(s->err, 0);
	assert_int_equal(ft_sink_flush(s), -ENOSPC);
	ft_sink_printf(s, "never");
	assert_int_equal(ft_sink_flush(s), -ENOSPC);
	close(fd);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_error_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
