/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of what is said about missing capabilities. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "os/caps.h"

struct caps_case {
	struct ft_caps caps; /* bpf, perfmon, sys_ptrace, sys_admin, sys_resource */
	bool enough;
	const char *text;
};

static const struct caps_case cases[] = {
	{{true, true, true, false, false}, true, ""},
	{{false, false, true, true, false}, true, ""},
	{{false, false, false, false, false},
	 false,
	 "measuring a live process needs CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE: run it as root: "
	 "sudo ftprof -p 1"},
	{{true, false, false, false, false},
	 false,
	 "measuring a live process needs CAP_PERFMON and CAP_SYS_PTRACE: run it as root: sudo "
	 "ftprof -p 1"},
	{{false, false, false, true, false},
	 false,
	 "measuring a live process needs CAP_SYS_PTRACE: run it as root: sudo ftprof -p 1"},
};

static void test_explain(void **state)
{
	char buf[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(ft_caps_enough(&cases[i].caps), cases[i].enough);
		assert_string_equal(
			ft_caps_explain(&cases[i].caps, "ftprof -p 1", buf, sizeof(buf)),
			cases[i].text);
	}
	ft_caps_explain(&cases[2].caps, "ftprof", buf, 10);
	assert_string_equal(buf, "measuring");
}

static void test_self(void **state)
{
	struct ft_caps caps;

	(void)state;
	assert_int_equal(ft_caps_get(&caps), 0);
	if (geteuid())
		assert_false(caps.sys_admin && caps.bpf && caps.sys_ptrace && caps.perfmon &&
			     !ft_caps_enough(&caps));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_explain),
		cmocka_unit_test(test_self),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
