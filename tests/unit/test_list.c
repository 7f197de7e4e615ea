/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the list of Python processes; what there is to see depends on the machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "python/list.h"

static void test_list(void **state)
{
	struct ft_pylist l;
	size_t i;

	(void)state;
	assert_int_equal(ft_list_python(&l), 0);
	assert_true(l.partial <= l.cnt);
	for (i = 0; i < l.cnt; i++) {
		const struct ft_pyproc *p = &l.proc[i];

		/* by pid, each once, and this program is none */
		assert_true(p->pid > 0 && p->pid != getpid());
		assert_true(!i || l.proc[i - 1].pid < p->pid);
		assert_null(strpbrk(p->name, "\n\033"));
		assert_null(strpbrk(p->cmdline, "\n\033"));
	}
	ft_pylist_free(&l);
	ft_pylist_free(&l);
	ft_pylist_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
