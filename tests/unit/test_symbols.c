/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests of native names on processes: this one, small programs that are compiled here, and a
 * CPython. The truth is the dynamic linker's, nm's and the compiler's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fileio.h"
#include "os/procfs.h"
#include "os/symbols.h"

#define PYTHON "build/python/gil/bin/python3"

int ft_test_symbols_function(int x);
__u64 ft_test_return_address(void);

static volatile int sink;

__attribute__((noinline)) int ft_test_symbols_function(int x)
{
	sink += x;
	return x * 3;
}

__attribute__((noinline)) static int local_function(int x)
{
	sink += x;
	return x * 5;
}

__attribute__((noinline)) __u64 ft_test_return_address(void)
{
	return (__u64)(uintptr_t)__builtin_return_address(0);
}

static __u64 addr_of(const void *p)
{
	return (__u64)(uintptr_t)p;
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ft_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

__attribute__((format(printf, 1, 2))) static int run(const char *fmt, ...)
{
	char cmd[4096];
	va_list ap;

	va_start(ap, fmt);
	assert_true(vsnprintf(cmd, sizeof(cmd), fmt, ap) < (int)sizeof(cmd));
	va_end(ap);
	return system(cmd);
}

static void test_self(void **state)
{
	struct ft_symbols_stats stats;
	struct ft_symbols *s;
	struct ft_symbol sym;
	char exe[4096];
	bool deleted;
	int line;
	__u64 pc;

	(void)state;
	assert_int_equal(ft_symbols_new(getpid(), &s), 0);
	assert_int_equal(ft_proc_exe(FT_PROC, getpid(), exe, sizeof(exe), &deleted), 0);
	assert_int_equal(ft_symbols_user(s, addr_of(&ft_test_symbols_function), false, &sym), 0);
	assert_string_equal(sym.name, "ft_test_symbols_function");
	assert_string_equal(sym.file, exe);
	assert_false(sym.eval);
	assert_false(sym.root);
	assert_int_equal(ft_symbols_user(s, addr_of(&local_function) + 1, false, &sym), 0);
	assert_string_equal(sym.name, "local_function");
	/* a return address stands behind the call; at the first byte of a function it is not in it
	 */
	assert_int_equal(ft_symbols_user(s, addr_of(&local_function), true, &sym), 0);
	assert_string_not_equal(sym.name, "local_function");
	line = __LINE__ + 1;
	pc = ft_test_return_address();
	assert_int_equal(ft_symbols_user(s, pc, true, &sym), 0);
	assert_string_equal(sym.name, "test_self");
	assert_string_equal(ft_basename(sym.source), "test_symbols.c");
	assert_int_equal(sym.line, line);
	/* what is not mapped, and the ends of the address space */
	assert_int_equal(ft_symbols_user(s, 0, true, &sym), 0);
	assert_string_equal(sym.name, "");
	assert_string_equal(sym.file, "");
	assert_int_equal(ft_symbols_user(s, ~0ull, false, &sym), 0);
	assert_string_equal(sym.name, "");
	/* by range, as for a stripped interpreter */
	ft_symbols_set_eval(s, addr_of(&local_function), addr_of(&local_function) + 4);
	assert_int_equal(ft_symbols_user(s, addr_of(&local_function) + 3, false, &sym), 0);
	assert_true(sym.eval);
	assert_int_equal(ft_symbols_user(s, addr_of(&local_function) + 4, true, &sym), 0);
	assert_true(sym.eval);
	assert_int_equal(ft_symbols_user(s, addr_of(&local_function) + 4, false, &sym), 0);
	assert_false(sym.eval);
	ft_symbols_stats(s, &stats);
	assert_true(stats.files >= 3);
	assert_int_equal(stats.malformed, 0);
	assert_int_equal(stats.unreadable, 0);
	ft_symbols_free(s);
	ft_symbols_free(NULL);
}

/* Every name that the dynamic linker knows of libc: ours must be one of those at the address. */
static void test_libc(void **state)
{
	static const char *const names[] = {"getppid", "qsort_r", "getaddrinfo", "tcsetattr",
					    "hcreate", "lsearch", "ffsll",	 "insque"};
	struct ft_symbols *s;
	struct ft_symbol sym;
	unsigned int tested = 0;
	Dl_info info;
	size_t i;

	(void)state;
	assert_int_equal(ft_symbols_new(getpid(), &s), 0);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		void *p = dlsym(RTLD_DEFAULT, names[i]);

		if (!p || !dladdr(p, &info) || strncmp(ft_basename(info.dli_fname), "libc.", 5))
			continue;
		assert_int_equal(ft_symbols_user(s, addr_of(p), false, &sym), 0);
		/* weak and strong names share the address */
		if (strcmp(sym.name, names[i]))
			assert_ptr_equal(dlsym(RTLD_DEFAULT, sym.name), p);
		assert_string_equal(ft_basename(sym.file), ft_basename(info.dli_fname));
		assert_int_equal(sym.offset, addr_of(p) - addr_of(info.dli_fbase));
		tested++;
	}
	assert_true(tested >= 4);
	ft_symbols_free(s);
}

static void test_vdso(void **state)
{
	__u64 base = getauxval(AT_SYSINFO_EHDR), at;
	struct ft_symbols *s;
	struct ft_symbol sym;
	bool found = false;

	(void)state;
	if (!base)
		skip();
	assert_int_equal(ft_symbols_new(getpid(), &s), 0);
	for (at = base; at < base + 4096 && !found; at += 16) {
		assert_int_equal(ft_symbols_user(s, at, false, &sym), 0);
		assert_string_equal(sym.file, "[vdso]");
		found = strstr(sym.name, "clock_gettime") || strstr(sym.name, "gettimeofday");
	}
	assert_true(found);
	ft_symbols_free(s);
}

static const char workload[] =
	"#include <stdio.h>\n"
	"#include <unistd.h>\n"
	"volatile int sink;\n"
	"__attribute__((noinline)) int ft_global(int x)\n"
	"{\n"
	"	sink += x;\n"
	"	return x * 3;\n"
	"}\n"
	"__attribute__((noinline)) static int ft_local(int x)\n"
	"{\n"
	"	sink += x;\n"
	"	return x * 5;\n"
	"}\n"
	"int main(void)\n"
	"{\n"
	"	sink += ft_global(1) + ft_local(2);\n"
	"	printf(\"%lx %lx %lx\\n\", (long)&ft_global, (long)&ft_local, (long)&main);\n"
	"	fflush(stdout);\n"
	"	pause();\n"
	"	return 0;\n"
	"}\n";

struct child {
	char dir[64];
	char path[128];
	pid_t pid;
	unsigned long global, local, main;
};

static void compile(struct child *c, const char *flags)
{
	char src[128];

	memset(c, 0, sizeof(*c));
	strcpy(c->dir, "/tmp/ftprof-sym-XXXXXX");
	assert_non_null(mkdtemp(c->dir));
	snprintf(src, sizeof(src), "%s/work.c", c->dir);
	snprintf(c->path, sizeof(c->path), "%s/work", c->dir);
	write_text(src, workload);
	assert_int_equal(run("gcc -O1 %s -o %s %s", flags, c->path, src), 0);
}

/* Starts a command that becomes the workload, and waits for its line. 0, or -1 when it has none. */
static int start(struct child *c, const char *cmd)
{
	char line[256] = "";
	int p[2];
	FILE *f;
	int n;

	assert_int_equal(pipe(p), 0);
	c->pid = fork();
	assert_true(c->pid >= 0);
	if (!c->pid) {
		dup2(p[1], 1);
		close(p[0]);
		close(p[1]);
		execl("/bin/sh", "sh", "-c", cmd, NULL);
		_exit(127);
	}
	close(p[1]);
	f = fdopen(p[0], "r");
	assert_non_null(f);
	n = fgets(line, sizeof(line), f)
		    ? sscanf(line, "%lx %lx %lx", &c->global, &c->local, &c->main)
		    : 0;
	fclose(f);
	return n == 3 ? 0 : -1;
}

static void start_exec(struct child *c)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd), "exec %s", c->path);
	assert_int_equal(start(c, cmd), 0);
}

static void stop(struct child *c)
{
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
	}
	c->pid = 0;
}

static void cleanup(struct child *c)
{
	stop(c);
	assert_int_equal(run("rm -r %s", c->dir), 0);
}

static void expect(struct ft_symbols *s, unsigned long addr, const char *name, int line)
{
	struct ft_symbol sym;

	assert_int_equal(ft_symbols_user(s, addr + 1, false, &sym), 0);
	assert_string_equal(sym.name, name);
	assert_int_equal(sym.line > 0, line > 0);
	if (line > 0) {
		assert_string_equal(ft_basename(sym.source), "work.c");
		/* within its function, as the text above has it */
		assert_in_range(sym.line, line, line + 6);
	}
}

/* The three functions; ft_local only where there is more than the dynamic table. */
static void expect_all(struct child *c, bool lines)
{
	struct ft_symbols *s;

	assert_int_equal(ft_symbols_new(c->pid, &s), 0);
	expect(s, c->global, "ft_global", lines ? 4 : 0);
	expect(s, c->local, "ft_local", lines ? 9 : 0);
	expect(s, c->main, "main", lines ? 14 : 0);
	ft_symbols_free(s);
}

static void test_kinds(void **state)
{
	static const struct {
		const char *flags;
		bool lines;
	} kinds[] = {
		{"-g -pie -fPIE", true},    {"-g -no-pie -fno-pie", true},
		{"-g -static", true},	    {"-g -static-pie -fPIE", true},
		{"-g -gz=zlib", true},	    {"-g -gdwarf-4", true},
		{"-g -gsplit-dwarf", true}, {"-g0 -pie -fPIE", false},
	};
	struct child c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		compile(&c, kinds[i].flags);
		start_exec(&c);
		expect_all(&c, kinds[i].lines);
		cleanup(&c);
	}
}

static void test_root(void **state)
{
	struct ft_symbols *s;
	struct ft_symbol sym;
	unsigned long start_addr = 0;
	struct child c;
	char line[256];
	FILE *f;

	(void)state;
	compile(&c, "-no-pie -fno-pie");
	snprintf(line, sizeof(line), "nm %s", c.path);
	f = popen(line, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, " T _start\n"))
			start_addr = strtoul(line, NULL, 16);
	}
	pclose(f);
	assert_true(start_addr);
	start_exec(&c);
	assert_int_equal(ft_symbols_new(c.pid, &s), 0);
	assert_int_equal(ft_symbols_user(s, start_addr + 5, true, &sym), 0);
	assert_string_equal(sym.name, "_start");
	assert_true(sym.root);
	assert_int_equal(ft_symbols_user(s, c.main, false, &sym), 0);
	assert_false(sym.root);
	ft_symbols_free(s);
	cleanup(&c);
}

static void test_gone(void **state)
{
	struct ft_symbols *s, *none;
	struct child c;
	pid_t pid;

	(void)state;
	compile(&c, "-g");
	start_exec(&c);
	pid = c.pid;
	assert_int_equal(ft_symbols_new(pid, &s), 0);
	assert_int_equal(ft_symbols_refresh(s), 0);
	stop(&c);
	assert_int_equal(unlink(c.path), 0);
	assert_int_equal(ft_symbols_refresh(s), -ESRCH);
	expect(s, c.global, "ft_global", 4);
	expect(s, c.local, "ft_local", 9);
	ft_symbols_free(s);
	assert_int_equal(ft_symbols_new(pid, &none), -ESRCH);
	assert_null(none);
	cleanup(&c);
}

static void test_deleted(void **state)
{
	struct child c;

	(void)state;
	compile(&c, "-g");
	start_exec(&c);
	assert_int_equal(unlink(c.path), 0);
	expect_all(&c, true);
	/* another file of that name is not it */
	assert_int_equal(run("cp /bin/true %s", c.path), 0);
	expect_all(&c, true);
	cleanup(&c);
}

static void test_stripped(void **state)
{
	struct ft_symbols_stats stats;
	struct ft_symbols *s;
	struct ft_symbol sym;
	struct child c;

	(void)state;
	compile(&c, "-g -rdynamic");
	assert_int_equal(run("strip -s %s", c.path), 0);
	start_exec(&c);
	assert_int_equal(ft_symbols_new(c.pid, &s), 0);
	expect(s, c.global, "ft_global", 0);
	assert_int_equal(ft_symbols_user(s, c.local, false, &sym), 0);
	assert_string_equal(sym.name, "");
	assert_string_equal(sym.file, c.path);
	assert_int_equal(sym.offset & 0xfff, c.local & 0xfff);
	ft_symbols_stats(s, &stats);
	assert_int_equal(stats.stripped, 1);
	ft_symbols_free(s);
	cleanup(&c);
}

static void test_debuglink(void **state)
{
	struct child c;

	(void)state;
	compile(&c, "-g -Wl,--build-id=none");
	assert_int_equal(run("cd %s && mkdir .debug && objcopy --only-keep-debug work "
			     ".debug/work.debug && strip -s work && "
			     "objcopy --add-gnu-debuglink=.debug/work.debug work",
			     c.dir),
			 0);
	start_exec(&c);
	expect_all(&c, true);
	cleanup(&c);
}

/* The same file by another name, a FIFO, a directory: nothing, at once. */
static void test_debuglink_bad(void **state)
{
	static const char *const makes[] = {"ln work other", "mkfifo other", "mkdir other",
					    "ln -s other other", "head -c 3000 work >other"};
	struct ft_symbols *s;
	struct ft_symbol sym;
	struct child c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(makes) / sizeof(makes[0]); i++) {
		compile(&c, "-g -Wl,--build-id=none");
		assert_int_equal(run("cd %s && strip -s work && cp work other && "
				     "objcopy --add-gnu-debuglink=other work && rm other && %s",
				     c.dir, makes[i]),
				 0);
		start_exec(&c);
		assert_int_equal(ft_symbols_new(c.pid, &s), 0);
		assert_int_equal(ft_symbols_user(s, c.local, false, &sym), 0);
		assert_string_equal(sym.name, "");
		ft_symbols_free(s);
		cleanup(&c);
	}
}

/* .gnu_debugdata as Fedora makes it: the symbol table alone, packed by xz. */
static void test_debugdata(void **state)
{
	struct ft_symbols_stats stats;
	struct ft_symbols *s;
	struct child c;

	(void)state;
	compile(&c, "-g -rdynamic");
	assert_int_equal(
		run("cd %s && objcopy --only-keep-debug work mini && "
		    "objcopy -S --remove-section .comment --keep-symbol ft_local mini mini2 "
		    "&& xz mini2 && strip -s work && "
		    "objcopy --add-section .gnu_debugdata=mini2.xz work",
		    c.dir),
		0);
	start_exec(&c);
	assert_int_equal(ft_symbols_new(c.pid, &s), 0);
	expect(s, c.global, "ft_global", 0);
	expect(s, c.local, "ft_local", 0);
	ft_symbols_stats(s, &stats);
	assert_int_equal(stats.stripped, 0);
	ft_symbols_free(s);
	cleanup(&c);
}

/* In a mount namespace of its own: the file and its debug file (by build-id) are there only. */
static void test_container(void **state)
{
	char cmd[1024], id[128] = "";
	struct ft_symbols *s;
	struct child c;
	FILE *f;

	(void)state;
	compile(&c, "-g -Wl,--build-id=sha1");
	snprintf(cmd, sizeof(cmd), "readelf -n %s | sed -n 's/.*Build ID: //p'", c.path);
	f = popen(cmd, "r");
	assert_non_null(f);
	assert_non_null(fgets(id, sizeof(id), f));
	pclose(f);
	id[strcspn(id, "\n")] = 0;
	assert_int_equal(strlen(id), 40);
	snprintf(cmd, sizeof(cmd),
		 "cd %s && mkdir in && exec unshare -Urm sh -c 'set -e; "
		 "mount -t tmpfs t %s/in; cp work in/work; "
		 "mount -t tmpfs t /usr/lib/debug; mkdir -p /usr/lib/debug/.build-id/%.2s; "
		 "objcopy --only-keep-debug work /usr/lib/debug/.build-id/%.2s/%s.debug; "
		 "strip -s in/work; exec %s/in/work' 2>/dev/null",
		 c.dir, c.dir, id, id, id + 2, c.dir);
	if (start(&c, cmd)) {
		cleanup(&c);
		skip(); /* no user namespaces here, or no /usr/lib/debug to mount on */
	}
	assert_int_equal(ft_symbols_new(c.pid, &s), 0);
	/* all is gone with the process: what is needed must be open by now */
	stop(&c);
	expect(s, c.global, "ft_global", 4);
	expect(s, c.local, "ft_local", 9);
	ft_symbols_free(s);
	cleanup(&c);
}

/* A library that comes, goes, and gives its place to another. */
static void test_refresh(void **state)
{
	struct ft_symbols *s;
	struct ft_symbol sym, before;
	size_t sz = 16384;
	__u8 *p;
	int fd;

	(void)state;
	assert_int_equal(ft_symbols_new(getpid(), &s), 0);
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	p = mmap(NULL, sz, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	close(fd);
	assert_int_equal(ft_symbols_user(s, addr_of(p) + 5000, false, &sym), 0);
	assert_string_equal(sym.file, "");
	assert_int_equal(ft_symbols_refresh(s), 1);
	assert_int_equal(ft_symbols_user(s, addr_of(p) + 5000, false, &before), 0);
	assert_string_equal(ft_basename(before.file), "test_symbols");
	/* the middle becomes something else; the ends keep what they had */
	assert_ptr_equal(mmap(p + 4096, 4096, PROT_READ | PROT_EXEC,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
			 p + 4096);
	assert_int_equal(ft_symbols_refresh(s), 1);
	assert_int_equal(ft_symbols_user(s, addr_of(p) + 5000, false, &sym), 0);
	assert_string_equal(sym.file, "");
	munmap(p, sz);
	ft_symbols_refresh(s);
	assert_int_equal(ft_symbols_user(s, addr_of(p) + 5000, false, &sym), 0);
	assert_string_equal(sym.file, "");
	assert_int_equal(ft_symbols_user(s, addr_of(p) + 100, false, &sym), 0);
	assert_ptr_equal(sym.file, before.file);
	assert_int_equal(ft_symbols_user(s, addr_of(p) + 8192, false, &sym), 0);
	assert_ptr_equal(sym.file, before.file);
	ft_symbols_free(s);
}

static void test_speed(void **state)
{
	struct timespec a, b;
	struct ft_symbols *s;
	struct ft_symbol sym;
	unsigned int i, named = 0;
	double took;

	(void)state;
	assert_int_equal(ft_symbols_new(getpid(), &s), 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	for (i = 0; i < 100000; i++) {
		assert_int_equal(ft_symbols_user(s, addr_of(&qsort_r) + i, true, &sym), 0);
		named += sym.name[0] != 0;
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	took = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
	print_message("100000 addresses, %u named: %.3f s\n", named, took);
	assert_true(named > 50000);
	assert_true(took < 1);
	ft_symbols_free(s);
}

/* The eval loop of a real interpreter, where nm says it is. */
static void test_python(void **state)
{
	unsigned long eval = 0, cold = 0, vaddr;
	struct ft_symbols *s;
	struct ft_symbol sym;
	struct ft_maps maps;
	char line[1024];
	struct child c = {0};
	__u64 base = 0;
	size_t i;
	FILE *f;

	(void)state;
	if (access(PYTHON, X_OK))
		skip();
	f = popen("nm " PYTHON, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		vaddr = strtoul(line, NULL, 16);
		if (strstr(line, " _PyEval_EvalFrameDefault\n"))
			eval = vaddr;
		else if (strstr(line, " _PyEval_EvalFrameDefault.cold\n"))
			cold = vaddr;
	}
	pclose(f);
	if (!eval)
		skip(); /* in a shared library */
	(void)start(&c, "exec " PYTHON " -c 'import time; print(1, 2, 3, flush=True); "
			"time.sleep(100)'");
	assert_int_equal(ft_proc_maps(FT_PROC, c.pid, &maps), 0);
	for (i = maps.cnt; i > 0; i--) {
		if (strstr(maps.map[i - 1].path, "/bin/python3"))
			base = maps.map[i - 1].start;
	}
	ft_maps_free(&maps);
	assert_true(base);
	if (eval >= base)
		base = 0; /* not a PIE */
	assert_int_equal(ft_symbols_new(c.pid, &s), 0);
	assert_int_equal(ft_symbols_user(s, base + eval + 1000, true, &sym), 0);
	assert_string_equal(sym.name, "_PyEval_EvalFrameDefault");
	assert_true(sym.eval);
	if (cold) {
		assert_int_equal(ft_symbols_user(s, base + cold + 1, true, &sym), 0);
		assert_true(sym.eval);
	}
	assert_int_equal(ft_symbols_user(s, base + eval - 1, false, &sym), 0);
	assert_false(sym.eval);
	ft_symbols_free(s);
	stop(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_self),	  cmocka_unit_test(test_libc),
		cmocka_unit_test(test_vdso),	  cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_root),	  cmocka_unit_test(test_gone),
		cmocka_unit_test(test_deleted),	  cmocka_unit_test(test_stripped),
		cmocka_unit_test(test_debuglink), cmocka_unit_test(test_debuglink_bad),
		cmocka_unit_test(test_debugdata), cmocka_unit_test(test_container),
		cmocka_unit_test(test_refresh),	  cmocka_unit_test(test_speed),
		cmocka_unit_test(test_python),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
