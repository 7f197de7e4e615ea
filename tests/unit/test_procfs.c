/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of what is read from /proc, on fixtures and on this process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/mem.h"
#include "os/procfs.h"

#define BASIC "tests/fixtures/proc/basic"
#define BROKEN "tests/fixtures/proc/broken"
#define GONE 99

static void test_status(void **state)
{
	struct ft_proc_status st;

	(void)state;
	assert_int_equal(ft_proc_status(BASIC, 100, &st), 0);
	assert_string_equal(st.name, "web) R 1");
	assert_int_equal(st.state, 'S');
	assert_int_equal(st.tgid, 100);
	assert_int_equal(st.ppid, 7);
	assert_int_equal(st.uid, 1001);
	assert_int_equal(st.threads, 2);
	assert_int_equal(st.ns_cnt, 2);
	assert_int_equal(st.nspid[1], 12);
	assert_int_equal(st.nstgid[0], 100);
	assert_string_equal(st.cpus, "0-1,4");
	assert_int_equal(ft_proc_task_status(BASIC, 100, 101, &st), 0);
	assert_int_equal(st.pid, 101);
	assert_int_equal(st.nspid[1], 13);
}

static void test_gone(void **state)
{
	struct ft_proc_status st;
	struct ft_maps maps;
	bool deleted;
	char buf[64];
	int *ids;
	size_t cnt;
	__u64 v;

	(void)state;
	assert_int_equal(ft_proc_status(BASIC, GONE, &st), -ESRCH);
	assert_int_equal(ft_proc_task_status(BASIC, 100, GONE, &st), -ESRCH);
	assert_int_equal(ft_proc_cmdline(BASIC, GONE, buf, sizeof(buf)), -ESRCH);
	assert_int_equal(ft_proc_comm(BASIC, 100, GONE, buf, sizeof(buf)), -ESRCH);
	assert_int_equal(ft_proc_exe(BASIC, GONE, buf, sizeof(buf), &deleted), -ESRCH);
	assert_int_equal(ft_proc_start(BASIC, GONE, &v), -ESRCH);
	assert_int_equal(ft_proc_rss(BASIC, GONE, &v), -ESRCH);
	assert_int_equal(ft_proc_ns(BASIC, GONE, "pid", &v), -ESRCH);
	assert_int_equal(ft_proc_tasks(BASIC, GONE, &ids, &cnt), -ESRCH);
	assert_int_equal(ft_proc_children(BASIC, GONE, &ids, &cnt), -ESRCH);
	assert_null(ids);
	assert_int_equal(ft_proc_maps(BASIC, GONE, &maps), -ESRCH);
}

static void test_text(void **state)
{
	char buf[64];
	__u64 start = 0, rss = 0;

	(void)state;
	assert_int_equal(ft_proc_cmdline(BASIC, 100, buf, sizeof(buf)), 0);
	assert_string_equal(buf, "python3 -m web");
	assert_int_equal(ft_proc_cmdline(BASIC, 100, buf, 8), 0);
	assert_string_equal(buf, "python3");
	assert_int_equal(ft_proc_comm(BASIC, 100, 101, buf, sizeof(buf)), 0);
	assert_string_equal(buf, "worker 101");
	assert_int_equal(ft_proc_start(BASIC, 100, &start), 0);
	assert_int_equal(start, 987654);
	assert_int_equal(ft_proc_rss(BASIC, 100, &rss), 0);
	assert_int_equal(rss, sysconf(_SC_PAGESIZE));
}

static void test_lists(void **state)
{
	int *ids = NULL;
	size_t cnt = 0;

	(void)state;
	assert_int_equal(ft_proc_tasks(BASIC, 100, &ids, &cnt), 0);
	assert_int_equal(cnt, 2);
	assert_int_equal(ids[0], 100);
	assert_int_equal(ids[1], 101);
	free(ids);
	/* children of both threads, sorted, each once */
	assert_int_equal(ft_proc_children(BASIC, 100, &ids, &cnt), 0);
	assert_int_equal(cnt, 3);
	assert_int_equal(ids[0], 200);
	assert_int_equal(ids[1], 300);
	assert_int_equal(ids[2], 400);
	free(ids);
	assert_int_equal(ft_proc_pids(BASIC, &ids, &cnt), 0);
	assert_int_equal(cnt, 1);
	free(ids);
}

static void test_maps(void **state)
{
	const struct ft_mapping *m;
	struct ft_maps maps;

	(void)state;
	assert_int_equal(ft_proc_maps(BASIC, 100, &maps), 0);
	assert_int_equal(maps.cnt, 6);
	assert_int_equal(maps.malformed, 0);
	m = &maps.map[1];
	assert_int_equal(m->start, 0x401000);
	assert_int_equal(m->end, 0x500000);
	assert_int_equal(m->offset, 0x1000);
	assert_int_equal(m->dev_major, 8);
	assert_int_equal(m->inode, 1234);
	assert_true(m->read && !m->write && m->exec && !m->deleted);
	assert_string_equal(maps.map[2].path, "");
	assert_string_equal(maps.map[3].path, "/opt/a b/lib x.so");
	assert_true(maps.map[3].deleted);
	assert_int_equal(maps.map[3].dev_major, 0xfd);
	assert_int_equal(maps.map[3].dev_minor, 0x1a);
	assert_string_equal(maps.map[5].path, "/tmp/new\nline");
	assert_ptr_equal(ft_maps_find(&maps, 0x401000), m);
	assert_ptr_equal(ft_maps_find(&maps, 0x4fffff), m);
	assert_null(ft_maps_find(&maps, 0x500000));
	ft_maps_free(&maps);
	ft_maps_free(&maps);
	ft_maps_free(NULL);
}

static void test_broken(void **state)
{
	struct ft_proc_status st;
	struct ft_maps maps;
	__u64 start;

	(void)state;
	assert_int_equal(ft_proc_status(BROKEN, 100, &st), -EBADMSG);
	assert_int_equal(ft_proc_start(BROKEN, 100, &start), -EBADMSG);
	assert_int_equal(ft_proc_rss(BROKEN, 100, &start), -EBADMSG);
	assert_int_equal(ft_proc_maps(BROKEN, 100, &maps), 0);
	assert_int_equal(maps.malformed, 6);
	assert_int_equal(maps.cnt, 1);
	assert_string_equal(maps.map[0].path, "/good");
	ft_maps_free(&maps);
}

static void test_self(void **state)
{
	static const char text[] = "a string in memory";
	char exe[4096], link[4096], buf[sizeof(text)];
	const struct ft_mapping *m;
	struct ft_maps maps;
	bool deleted = true;
	ssize_t n;

	(void)state;
	n = readlink("/proc/self/exe", link, sizeof(link) - 1);
	assert_true(n > 0);
	link[n] = 0;
	assert_int_equal(ft_proc_exe(FT_PROC, getpid(), exe, sizeof(exe), &deleted), 0);
	assert_string_equal(exe, link);
	assert_false(deleted);
	assert_int_equal(ft_proc_exe(FT_PROC, getpid(), exe, 4, &deleted), -ENAMETOOLONG);
	assert_int_equal(ft_proc_maps(FT_PROC, getpid(), &maps), 0);
	assert_int_equal(maps.malformed, 0);
	m = ft_maps_find(&maps, (__u64)(uintptr_t)&test_self);
	assert_non_null(m);
	assert_true(m->exec);
	assert_string_equal(m->path, link);
	ft_maps_free(&maps);
	assert_int_equal(ft_mem_read(getpid(), (__u64)(uintptr_t)text, buf, sizeof(buf)), 0);
	assert_string_equal(buf, text);
	assert_int_equal(ft_mem_string(getpid(), (__u64)(uintptr_t)text, buf, 9), 0);
	assert_string_equal(buf, "a string");
	assert_int_equal(ft_mem_read(getpid(), 8, buf, 4), -EFAULT);
	assert_int_equal(ft_mem_read(getpid(), ~0ull - 1, buf, 4), -EFAULT);
	assert_int_equal(ft_mem_string(getpid(), 8, buf, 4), -EFAULT);
}

static void test_basename(void **state)
{
	(void)state;
	assert_string_equal(ft_basename("/a/b"), "b");
	assert_string_equal(ft_basename("b"), "b");
	assert_string_equal(ft_basename("/a/"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status), cmocka_unit_test(test_gone),
		cmocka_unit_test(test_text),   cmocka_unit_test(test_lists),
		cmocka_unit_test(test_maps),   cmocka_unit_test(test_broken),
		cmocka_unit_test(test_self),   cmocka_unit_test(test_basename),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
