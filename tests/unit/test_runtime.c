/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests of the walk through an interpreter, on one made up in this process's own memory, and of
 * finding a real one where there is a python3.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fileio.h"
#include "os/mem.h"
#include "py_child.h"
#include "python/runtime.h"

/* Two interpreters, three threads; sized by the recorded table of a free-threaded 3.14.6. */
struct world {
	struct ft_runtime rt;
	char *runtime, *interp[2], *ts[3];
};

static void put64(char *base, __u64 off, __u64 v)
{
	memcpy(base + off, &v, sizeof(v));
}

static void put_ptr(char *base, __u64 off, const void *p)
{
	put64(base, off, (__u64)(uintptr_t)p);
}

static void put32(char *base, __u64 off, __s32 v)
{
	memcpy(base + off, &v, sizeof(v));
}

static int make_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	const struct ft_offsets *o = &w->rt.off;
	char why[128], *buf = NULL;
	size_t len, i;

	assert_non_null(w);
	assert_int_equal(ft_read_file("tests/fixtures/offsets/3.14.6t.bin", 1024, &buf, &len), 0);
	assert_int_equal(ft_offsets_parse(buf, len, &w->rt.off, why, sizeof(why)), 0);
	free(buf);
	w->rt.pid = getpid();
	w->rt.free_threaded = true;
	w->runtime = calloc(1, o->runtime_size);
	assert_non_null(w->runtime);
	w->rt.runtime = (__u64)(uintptr_t)w->runtime;
	for (i = 0; i < 2; i++)
		assert_non_null(w->interp[i] = calloc(1, o->interp_size));
	for (i = 0; i < 3; i++)
		assert_non_null(w->ts[i] = calloc(1, o->ts_size));
	/* the newest interpreter is the head, the main one the last */
	put_ptr(w->runtime, o->interp_head, w->interp[1]);
	put_ptr(w->interp[1], o->interp_next, w->interp[0]);
	put64(w->interp[1], o->interp_id, 1);
	for (i = 0; i < 2; i++)
		put_ptr(w->interp[i], o->interp_gil, w->interp[0] + o->interp_own_gil);
	put64(w->interp[0], o->interp_own_gil + o->gil_interval, 5000);
	put64(w->interp[0], o->interp_own_gil + o->gil_switch_number, 42);
	put32(w->interp[0], o->interp_own_gil + o->gil_locked, 1);
	put_ptr(w->interp[0], o->interp_own_gil + o->gil_last_holder, w->ts[1]);
	put_ptr(w->interp[1], o->interp_threads, w->ts[0]);
	put_ptr(w->interp[0], o->interp_threads, w->ts[1]);
	put_ptr(w->ts[1], o->ts_next, w->ts[2]);
	for (i = 0; i < 3; i++) {
		put_ptr(w->ts[i], o->ts_interp, w->interp[i ? 0 : 1]);
		put64(w->ts[i], o->ts_native_id, 100 + i);
	}
	*state = w;
	return 0;
}

static int free_world(void **state)
{
	struct world *w = *state;
	size_t i;

	for (i = 0; i < 2; i++)
		free(w->interp[i]);
	for (i = 0; i < 3; i++)
		free(w->ts[i]);
	free(w->runtime);
	free(w);
	return 0;
}

static void test_walk(void **state)
{
	struct world *w = *state;
	struct ft_pystate s;
	size_t i;

	assert_int_equal(ft_runtime_state(getpid(), &w->rt, &s), 0);
	assert_int_equal(s.gil, FT_PYGIL_OFF);
	assert_int_equal(s.switch_interval_us, 5000);
	assert_int_equal(s.interp_cnt, 2);
	assert_false(s.torn);
	assert_int_equal(s.main.switch_number, 42);
	assert_int_equal(s.main.locked, 1);
	assert_int_equal(s.main.last_holder, (__u64)(uintptr_t)w->ts[1]);
	assert_int_equal(s.thread_cnt, 3);
	for (i = 0; i < 3; i++) {
		assert_int_equal(s.threads[i].tid, 100 + i);
		assert_int_equal(s.threads[i].interp, i ? 1 : 0);
	}
	ft_pystate_free(&s);
	ft_pystate_free(&s);
	ft_pystate_free(NULL);
}

static void test_gil(void **state)
{
	static const struct {
		__s32 enabled;
		enum ft_pygil gil;
		bool transient;
	} cases[] = {{0, FT_PYGIL_OFF, false},
		     {1, FT_PYGIL_ENABLED, true},
		     {INT_MAX, FT_PYGIL_ENABLED, false}};
	struct world *w = *state;
	const struct ft_offsets *o = &w->rt.off;
	struct ft_pystate s;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put32(w->interp[0], o->interp_own_gil + o->gil_enabled, cases[i].enabled);
		assert_int_equal(ft_runtime_state(getpid(), &w->rt, &s), 0);
		assert_int_equal(s.gil, cases[i].gil);
		assert_int_equal(s.transient, cases[i].transient);
		ft_pystate_free(&s);
	}
	w->rt.no_offsets = true;
	assert_int_equal(ft_runtime_state(getpid(), &w->rt, &s), -EOPNOTSUPP);
	assert_int_equal(s.gil, FT_PYGIL_ON);
	w->rt.no_offsets = false;
	put64(w->runtime, o->interp_head, 0);
	assert_int_equal(ft_runtime_state(getpid(), &w->rt, &s), -EAGAIN);
	put64(w->runtime, o->interp_head, 0x1001);
	assert_int_equal(ft_runtime_state(getpid(), &w->rt, &s), 0);
	assert_true(s.torn);
	assert_int_equal(s.gil, FT_PYGIL_UNKNOWN);
	ft_pystate_free(&s);
}

/* Lists that run in circles, or off into nothing, end. */
static void test_hostile(void **state)
{
	struct world *w = *state;
	const struct ft_offsets *o = &w->rt.off;
	struct ft_pystate s;

	put64(w->ts[2], o->ts_next, 8);
	assert_int_equal(ft_runtime_state(getpid(), &w->rt, &s), 0);
	assert_true(s.torn);
	assert_int_equal(s.thread_cnt, 3);
	ft_pystate_free(&s);
	put_ptr(w->ts[2], o->ts_next, w->ts[0]); /* a thread of another interpreter */
	assert_int_equal(ft_runtime_state(getpid(), &w->rt, &s), 0);
	assert_true(s.torn);
	assert_int_equal(s.thread_cnt, 3);
	ft_pystate_free(&s);
	put_ptr(w->ts[2], o->ts_next, w->ts[1]);
	put_ptr(w->interp[0], o->interp_next, w->interp[1]);
	assert_int_equal(ft_runtime_state(getpid(), &w->rt, &s), 0);
	assert_true(s.torn);
	ft_pystate_free(&s);
}

static void test_target(void **state)
{
	struct world *w = *state;
	struct ft_target t;

	w->rt.range_cnt = 1;
	w->rt.range[0].lo = 16;
	w->rt.range[0].hi = 32;
	w->rt.type_type = 0x6000;
	w->rt.main_interp = 0x100000;
	w->rt.off.py.code_type = 0x5000;
	assert_int_equal(ft_runtime_target(&w->rt, &t), 0);
	assert_int_equal(t.runtime, w->rt.runtime);
	assert_int_equal(t.free_threaded, 1);
	assert_int_equal(t.no_offsets, 0);
	assert_int_equal(t.range_cnt, 1);
	assert_int_equal(t.range[0].hi, 32);
	assert_int_equal(t.type_type, 0x6000);
	assert_int_equal(t.gc_collecting, 0x100000 + w->rt.off.interp_gc + w->rt.off.gc_collecting);
	assert_int_equal(t.ob_mutex, 10);
	assert_int_equal(t.ob_shared, 16);
	assert_int_equal(t.interp_head, w->rt.off.interp_head);
	assert_int_equal(t.py.code_type, 0x5000);
	assert_int_equal(t.py.ts_frame, w->rt.off.ts_frame);
	w->rt.no_offsets = true;
	assert_int_equal(ft_runtime_target(&w->rt, &t), 0);
	assert_int_equal(t.no_offsets, 1);
	assert_int_equal(t.interp_head, 0);
	assert_int_equal(t.py.code_type, 0); /* nothing is walked */
	assert_int_equal(t.gc_collecting, 0);
	w->rt.range_cnt = FT_MAX_CODE_RANGES + 1;
	assert_int_equal(ft_runtime_target(&w->rt, &t), -EINVAL);
}

static void test_not_python(void **state)
{
	struct ft_runtime *rt = calloc(1, sizeof(*rt));
	char why[256];

	(void)state;
	assert_non_null(rt);
	assert_int_equal(ft_runtime_find(getpid(), rt, why, sizeof(why)), -ENOEXEC);
	assert_non_null(strstr(why, "not Python"));
	assert_null(strchr(why, '\n'));
	assert_int_equal(ft_runtime_find(0, rt, why, sizeof(why)), -EINVAL);
	assert_int_equal(ft_runtime_find(INT_MAX, rt, why, sizeof(why)), -ESRCH);
	free(rt);
}

/* A python3 that says its version, then waits to be killed. Its pid, or 0. */
static pid_t start_python(unsigned int *hex)
{
	static const char script[] = "import sys\n"
				     "print('%08x' % sys.hexversion, flush=True)\n"
				     "sys.stdin.read()";
	char line[16] = "";
	int out[2], in[2];
	FILE *f;
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	assert_int_equal(pipe(in), 0);
	pid = fork();
	if (!pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		execlp("python3", "python3", "-c", script, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	f = fdopen(out[0], "r");
	assert_non_null(f);
	if (!fgets(line, sizeof(line), f) || sscanf(line, "%x", hex) != 1) {
		waitpid(pid, NULL, 0);
		pid = 0;
	}
	fclose(f);
	/* in[1] stays open: python3 ends with this program at the latest */
	return pid;
}

static void test_live(void **state)
{
	struct ft_runtime *rt = calloc(1, sizeof(*rt));
	unsigned int hex = 0;
	char why[256];
	pid_t pid;
	int err;

	(void)state;
	assert_non_null(rt);
	pid = start_python(&hex);
	if (!pid) {
		free(rt);
		print_message("no python3 to look at\n");
		skip();
	}
	err = ft_runtime_find(pid, rt, why, sizeof(why));
	if (!err) {
		assert_int_equal(rt->hex >> 16, hex >> 16);
		assert_int_equal(rt->no_offsets, hex < 0x030d0000);
		if (rt->hex & 0xffff)
			assert_int_equal(rt->hex, hex);
	} else if (err != -EPERM && err != -EPROTO) {
		fail_msg("%s (%d)", why, err);
	}
	if (!err && !rt->no_offsets) {
		struct ft_pystate s;

		assert_int_not_equal(rt->off.py.code_type, 0);
		assert_int_equal(ft_runtime_state(pid, rt, &s), 0);
		assert_int_equal(s.thread_cnt, 1);
		assert_int_equal(s.switch_interval_us, 5000);
		ft_pystate_free(&s);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	free(rt);
}

static int read_int(pid_t pid, __u64 addr)
{
	int v = -1;

	assert_int_equal(ft_mem_read(pid, addr, &v, sizeof(v)), 0);
	return v;
}

/* Where the type of types is, and the word that says that garbage is being collected. */
static void check_more(const char *python, bool strip)
{
	static const char script[] = "import gc, os, sys\n"
				     "gc.disable()\n"
				     "def wait(phase, info):\n"
				     "    if phase == 'start':\n"
				     "        print(id(type), flush=True)\n"
				     "        os.read(0, 1)\n"
				     "gc.callbacks.append(wait)\n"
				     "gc.collect()\n"
				     "gc.callbacks.clear()\n"
				     "os.read(0, 1)";
	static struct py_child c;
	static struct ft_target t;
	__u64 type;
	int i;

	if (!py_start(&c, python, strip, script)) {
		print_message("no %s: make pythons\n", python);
		skip();
	}
	assert_int_equal(ft_runtime_target(&c.rt, &t), 0);
	type = strtoull(c.line, NULL, 10);
	assert_int_equal(t.type_type, type);
	assert_int_equal(t.ob_mutex, c.rt.free_threaded ? 10 : 0);
	assert_int_equal(t.ob_shared, c.rt.free_threaded ? 16 : 0);
	assert_int_equal(t.range_cnt != 0, c.rt.free_threaded);
	assert_int_equal(read_int(c.pid, t.gc_collecting), 1);
	assert_int_equal(write(c.in, "x", 1), 1);
	for (i = 0; i < 1000 && read_int(c.pid, t.gc_collecting); i++)
		usleep(10000);
	assert_int_equal(read_int(c.pid, t.gc_collecting), 0);
	py_stop(&c);
}

static void test_more_gil(void **state)
{
	(void)state;
	check_more("build/python/gil/bin/python3", false);
}

static void test_more_ft(void **state)
{
	(void)state;
	check_more("build/python/ft/bin/python3", true);
}

static void test_more_gil313(void **state)
{
	(void)state;
	check_more("build/python/gil313/bin/python3", false);
}

static void test_more_ft313(void **state)
{
	(void)state;
	check_more("build/python/ft313/bin/python3", true);
}

/* Changes a word of a child's memory. */
static void poke(pid_t pid, __u64 addr, __u64 v)
{
	struct iovec from = {&v, sizeof(v)}, to = {(void *)(uintptr_t)addr, sizeof(v)};

	assert_int_equal(process_vm_writev(pid, &from, 1, &to, 1, 0), sizeof(v));
}

/* Before the first interpreter is made it is known where it will be. */
static void test_starting(void **state)
{
	static struct py_child c;
	struct ft_runtime *rt;
	char why[256];
	__u64 zero = 0;

	(void)state;
	if (!py_start(&c, "build/python/ft/bin/python3", false,
		      "import sys; print(1, flush=True); sys.stdin.read()")) {
		print_message("no free-threaded Python: make pythons\n");
		skip();
	}
	rt = calloc(1, sizeof(*rt));
	assert_non_null(rt);
	assert_int_equal(c.rt.main_interp,
			 c.rt.runtime + c.rt.off.runtime_size - c.rt.off.interp_size);
	assert_int_equal(kill(c.pid, SIGSTOP), 0);
	poke(c.pid, c.rt.runtime + c.rt.off.interp_head, zero);
	assert_int_equal(ft_runtime_find(c.pid, rt, why, sizeof(why)), 0);
	assert_int_equal(rt->main_interp, c.rt.main_interp);
	free(rt);
	py_stop(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_walk, make_world, free_world),
		cmocka_unit_test_setup_teardown(test_gil, make_world, free_world),
		cmocka_unit_test_setup_teardown(test_hostile, make_world, free_world),
		cmocka_unit_test_setup_teardown(test_target, make_world, free_world),
		cmocka_unit_test(test_not_python),
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_more_gil),
		cmocka_unit_test(test_more_ft),
		cmocka_unit_test(test_more_gil313),
		cmocka_unit_test(test_more_ft313),
		cmocka_unit_test(test_starting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
