/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of how many cores a process may use, on cgroup trees of both versions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "os/cgroup.h"

#define ROOT "tests/fixtures/cgroup/"

static void test_v2(void **state)
{
	struct ft_cores c;
	__u64 ns = 0;

	(void)state;
	assert_int_equal(ft_cgroup_cores_at(ROOT "v2", 5, &c), 0);
	/* the union over the threads; the tighter of the two quotas is the parent's */
	assert_int_equal(c.cnt, 3);
	assert_int_equal(c.cpus[0], 0);
	assert_int_equal(c.cpus[1], 1);
	assert_int_equal(c.cpus[2], 3);
	assert_true(c.quota > 1.499 && c.quota < 1.501);
	assert_string_equal(c.quota_from, "cpu.max of /app");
	assert_false(c.v1);
	assert_false(c.quota_unknown);
	assert_int_equal(ft_cgroup_throttled(&c, &ns), 0);
	assert_int_equal(ns, 1234000);
}

static void test_no_quota(void **state)
{
	struct ft_cores c;
	__u64 ns = 1;

	(void)state;
	assert_int_equal(ft_cgroup_cores_at(ROOT "v2max", 5, &c), 0);
	assert_int_equal(c.cnt, 3); /* 0-63 allowed, 0-1 and 4 online */
	assert_int_equal(c.cpus[2], 4);
	assert_true(c.quota == 0);
	assert_string_equal(c.quota_from, "");
	assert_int_equal(ft_cgroup_throttled(&c, &ns), 0);
	assert_int_equal(ns, 0);
}

static void test_v1(void **state)
{
	struct ft_cores c;
	__u64 ns = 0;

	(void)state;
	/* the mount shows only /docker/abc, and has a blank in its name */
	assert_int_equal(ft_cgroup_cores_at(ROOT "v1", 5, &c), 0);
	assert_int_equal(c.cnt, 1);
	assert_true(c.quota > 0.499 && c.quota < 0.501);
	assert_string_equal(c.quota_from, "cpu.cfs_quota_us of /");
	assert_true(c.v1);
	assert_false(c.quota_unknown);
	assert_int_equal(ft_cgroup_throttled(&c, &ns), 0);
	assert_int_equal(ns, 777);
}

static void test_refused(void **state)
{
	struct ft_cores c;

	(void)state;
	assert_int_equal(ft_cgroup_cores_at(ROOT "outside", 5, &c), 0);
	assert_true(c.quota_unknown);
	assert_true(c.quota == 0);
	assert_int_equal(ft_cgroup_cores_at(ROOT "broken", 5, &c), -EBADMSG);
	assert_int_equal(ft_cgroup_cores_at(ROOT "huge", 5, &c), -ERANGE);
	assert_int_equal(ft_cgroup_cores_at(ROOT "v2", 6, &c), -ESRCH);
}

static void test_self(void **state)
{
	struct ft_cores c;
	cpu_set_t set;

	(void)state;
	assert_int_equal(ft_cgroup_cores(getpid(), &c), 0);
	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	assert_int_equal(c.cnt, CPU_COUNT(&set));
	for (__u32 i = 0; i < c.cnt; i++)
		assert_true(CPU_ISSET(c.cpus[i], &set));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v2),   cmocka_unit_test(test_no_quota),
		cmocka_unit_test(test_v1),   cmocka_unit_test(test_refused),
		cmocka_unit_test(test_self),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
