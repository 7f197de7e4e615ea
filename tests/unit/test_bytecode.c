/* SPDX-License-Identifier: BSD-2-Clause */
/* LDFLAGS: -Wl,--wrap=ft_stacker_each_code */
/*
 * Tests of the count of bytecode copies, on live interpreters: a thread that lives has a copy of
 * every function that it ran, the main thread none, and how long a function is Python itself knows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/bytecode.h"
#include "os/mem.h"
#include "python/runtime.h"

#define FT_PW_READ(ctx, dst, len, addr) (-1)
#include "ftprof_pywalk.h"

#define FUNCS 7
#define THREADS 23 /* more than the table has room for at first */

/*
 * Thread i runs the first i % FUNCS + 1 functions and stays; the main thread runs all of them, and
 * one more that nobody else runs. Prints the address and length of each, and the number of threads
 * that ran it; on the next line that comes in ends the threads and has their copies freed.
 */
static const char script[] =
	"import sys, threading\n"
	"src = 'def f%d(n):\\n    for i in range(n):\\n' + '        n += i\\n' * 7\n"
	"fs = []\n"
	"for k in range(8):\n"
	"    space = {}\n"
	"    exec((src + '        n -= i\\n' * 40 * k) % k, space)\n"
	"    fs.append(space['f%d' % k])\n"
	"end = threading.Event()\n"
	"start = threading.Barrier(24)\n"
	"def run(i):\n"
	"    for k in range(i % 7 + 1): fs[k](3)\n"
	"    start.wait()\n"
	"    end.wait()\n"
	"ts = [threading.Thread(target=run, args=(i,)) for i in range(23)]\n"
	"for f in fs: f(3)\n"
	"for t in ts: t.start()\n"
	"start.wait()\n"
	"for k, f in enumerate(fs):\n"
	"    ran = sum(i % 7 + 1 > k for i in range(23))\n"
	"    print(id(f.__code__), len(f.__code__.co_code), ran, flush=True)\n"
	"sys.stdin.readline()\n"
	"end.set()\n"
	"for t in ts: t.join()\n"
	"getattr(sys, '_clear_internal_caches', int)()\n"
	"print('done', flush=True)\n"
	"sys.stdin.readline()\n";

struct child {
	int pid, in;
	FILE *out;
	struct ft_runtime rt;
};

struct func {
	__u64 code;
	__u32 ident;
	unsigned long len, ran;
};

static struct func funcs[FUNCS + 1];

static bool start(struct child *c, const char *python)
{
	int in[2], out[2];
	char why[256] = "", line[80];
	size_t i;

	if (access(python, X_OK)) {
		print_message("no %s: make pythons\n", python);
		return false;
	}
	assert_true(!pipe(in) && !pipe(out));
	c->pid = fork();
	assert_true(c->pid >= 0);
	if (!c->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		execl(python, python, "-I", "-B", "-c", script, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	c->in = in[1];
	c->out = fdopen(out[0], "r");
	assert_non_null(c->out);
	for (i = 0; i <= FUNCS; i++) {
		unsigned long long code;

		assert_non_null(fgets(line, sizeof(line), c->out));
		assert_int_equal(sscanf(line, "%llu %lu %lu", &code, &funcs[i].len, &funcs[i].ran),
				 3);
		funcs[i].code = code;
	}
	if (ft_runtime_find(c->pid, &c->rt, why, sizeof(why)))
		fail_msg("%s", why);
	for (i = 0; i <= FUNCS; i++) {
		struct ft_pybuf b;

		assert_int_equal(ft_mem_read(c->pid, funcs[i].code, b.code, FT_PY_CODE_BYTES), 0);
		funcs[i].ident = ft_pw_ident(&c->rt.off.py, &b);
	}
	return true;
}

static void stop(struct child *c)
{
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	close(c->in);
	fclose(c->out);
}

int __wrap_ft_stacker_each_code(const struct ft_stacker *s, ft_stacker_code_cb cb, void *ctx);

int __wrap_ft_stacker_each_code(const struct ft_stacker *s, ft_stacker_code_cb cb, void *ctx)
{
	int err = 0;
	size_t i;

	(void)s;
	for (i = 0; i <= FUNCS && !err; i++)
		err = cb(ctx, funcs[i].code, funcs[i].ident);
	return err;
}

static const struct ft_pylayout *layout_of(const struct child *c)
{
	static struct ft_target t;

	assert_int_equal(ft_runtime_target(&c->rt, &t), 0);
	return &t.py;
}

static void test_copies(void **state)
{
	static struct child c;
	struct ft_findings f;
	const struct ft_pylayout *l;
	__u64 copies = 0, bytes = 0;
	char line[16];
	size_t i;

	(void)state;
	if (!start(&c, "build/python/ft/bin/python3"))
		skip();
	ft_findings_init(&f);
	l = layout_of(&c);
	for (i = 0; i <= FUNCS; i++) {
		struct ft_bytecode b = {0};

		assert_int_equal(ft_bytecode_add(&b, c.pid, l, funcs[i].code, funcs[i].ident), 0);
		assert_int_equal(b.codes, 1);
		assert_int_equal(b.copies, funcs[i].ran);
		assert_int_equal(b.bytes, funcs[i].ran * funcs[i].len);
		copies += b.copies;
		bytes += b.bytes;
	}
	assert_int_equal(funcs[0].ran, THREADS);
	assert_int_equal(funcs[FUNCS].ran, 0);
	assert_int_equal(ft_bytecode_fill(NULL, c.pid, l, &f), 0);
	assert_int_equal(f.bytecode_copies, copies);
	assert_int_equal(f.bytecode_copy_bytes, bytes);
	/* what was there stays when there is nothing to read */
	stop(&c);
	assert_int_equal(ft_bytecode_fill(NULL, c.pid, l, &f), -ESRCH);
	assert_int_equal(f.bytecode_copies, copies);
	/* threads that are gone, and their copies with them */
	assert_true(start(&c, "build/python/ft/bin/python3"));
	l = layout_of(&c);
	assert_int_equal(write(c.in, "\n", 1), 1);
	assert_true(fgets(line, sizeof(line), c.out) && !strcmp(line, "done\n"));
	assert_int_equal(ft_bytecode_fill(NULL, c.pid, l, &f), 0);
	assert_int_equal(f.bytecode_copies, 0);
	assert_int_equal(f.bytecode_copy_bytes, 0);
	stop(&c);
}

static void expect_none(const char *python)
{
	static struct child c;
	struct ft_findings f;

	if (!start(&c, python))
		skip();
	ft_findings_init(&f);
	assert_int_equal(ft_bytecode_fill(NULL, c.pid, layout_of(&c), &f), -EOPNOTSUPP);
	assert_int_equal(f.bytecode_copies, 0);
	stop(&c);
}

static void test_ft313(void **state)
{
	(void)state;
	expect_none("build/python/ft313/bin/python3");
}

static void test_gil(void **state)
{
	(void)state;
	expect_none("build/python/gil/bin/python3");
}

/* Memory that is something else: of this process, laid out as a code object. */
static void test_strange(void **state)
{
	static __u64 code[FT_PY_CODE_BYTES / 8 + 1], array[70000];
	static const struct ft_pylayout l = {.code_type = 0x5550,
					     .co_tlbc = 136,
					     .ob_type = 24,
					     .bytes_size = 32,
					     .co_firstlineno = 40,
					     .co_version = 48,
					     .co_filename = 56,
					     .co_qualname = 64,
					     .co_linetable = 72,
					     .co_code = 208};
	struct ft_bytecode b = {0};
	struct ft_pybuf buf;
	__u64 addr = (uintptr_t)code;
	__u32 ident;

#define ADD() ft_bytecode_add(&b, getpid(), &l, addr, ident)
#define EXPECT_GONE()                                                                              \
	do {                                                                                       \
		__u64 gone_ = b.gone;                                                              \
		assert_int_equal(ADD(), 0);                                                        \
		assert_int_equal(b.gone, gone_ + 1);                                               \
	} while (0)
	(void)state;
	code[3] = 0x5550;
	code[4] = 100;
	code[17] = (uintptr_t)array;
	memcpy(buf.code, code, sizeof(code) - 8);
	ident = ft_pw_ident(&l, &buf);
	array[0] = 1000;
	array[1] = addr + 208;
	array[700] = array[1000] = 1;
	array[1001] = 1; /* behind its end */
	assert_int_equal(ADD(), 0);
	assert_int_equal(b.copies, 2);
	assert_int_equal(b.bytes, 400);
	assert_int_equal(b.gone, 0);
	array[0] = 65536;
	assert_int_equal(ADD(), 0);
	assert_int_equal(b.copies, 5);
	array[0] = 65537;
	EXPECT_GONE();
	array[0] = 0;
	EXPECT_GONE();
	array[0] = ~0ull;
	EXPECT_GONE();
	array[0] = 16;
	array[1]++;
	EXPECT_GONE();
	array[1]--;
	code[17] = 0x10; /* nothing is mapped there */
	EXPECT_GONE();
	code[17] = (uintptr_t)array;
	code[4] = 0;
	EXPECT_GONE();
	code[4] = 1ull << 40;
	EXPECT_GONE();
	code[4] = 100;
	ident++;
	EXPECT_GONE();
	ident--;
	code[3]++;
	EXPECT_GONE();
	code[3]--;
	addr = 8;
	EXPECT_GONE();
	assert_int_equal(b.codes, 2);
	assert_int_equal(b.copies, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_ft313),
		cmocka_unit_test(test_gil),
		cmocka_unit_test(test_strange),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
