/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the ELF reader on this very program, on its C library and on damaged copies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fileio.h"
#include "os/elf.h"

int ft_test_elf_function(int x);
int ft_test_elf_object[7] = {1};

__attribute__((noinline)) int ft_test_elf_function(int x)
{
	return ft_test_elf_object[x % 7];
}

static __u64 addr_of(const void *p)
{
	return (__u64)(uintptr_t)p;
}

struct self {
	struct ft_maps maps;
	struct ft_elf *elf;
	__u64 bias;
	char path[4096];
};

static void open_self(struct self *s, __u64 addr)
{
	const struct ft_mapping *m;

	assert_int_equal(ft_proc_maps(FT_PROC, getpid(), &s->maps), 0);
	m = ft_maps_find(&s->maps, addr);
	assert_non_null(m);
	assert_int_equal(ft_elf_open_map(getpid(), m, s->path, sizeof(s->path), &s->elf), 0);
	assert_int_equal(ft_elf_bias(s->elf, &s->maps, m, &s->bias), 0);
}

static void close_self(struct self *s)
{
	ft_elf_close(s->elf);
	ft_maps_free(&s->maps);
}

static void test_symbols(void **state)
{
	struct ft_elf_sym sym;
	struct self s;
	__u8 code[16];
	__u64 off;
	bool yes;

	(void)state;
	open_self(&s, addr_of(&ft_test_elf_function));
	assert_int_equal(ft_elf_symbol(s.elf, "ft_test_elf_function", &sym), 0);
	assert_int_equal(sym.vaddr + s.bias, addr_of(&ft_test_elf_function));
	assert_true(sym.size > 0);
	assert_false(sym.ambiguous);
	assert_true(ft_elf_is_code(s.elf, sym.vaddr));
	assert_int_equal(ft_elf_func_start(s.elf, sym.vaddr, &yes), 0);
	assert_true(yes);
	assert_int_equal(ft_elf_func_start(s.elf, sym.vaddr + 1, &yes), 0);
	assert_false(yes);
	/* the bytes in the file are those in memory */
	assert_int_equal(ft_elf_read(s.elf, sym.vaddr, code, sizeof(code)), 0);
	assert_memory_equal(code, (const void *)(uintptr_t)&ft_test_elf_function, sizeof(code));
	assert_int_equal(ft_elf_offset(s.elf, sym.vaddr, &off), 0);
	assert_int_equal(ft_elf_symbol(s.elf, "ft_test_elf_object", &sym), 0);
	assert_int_equal(sym.vaddr + s.bias, addr_of(ft_test_elf_object));
	assert_int_equal(sym.size >= sizeof(ft_test_elf_object), 1);
	assert_false(ft_elf_is_code(s.elf, sym.vaddr));
	assert_int_equal(ft_elf_symbol(s.elf, "ft_no_such_symbol", &sym), -ENOENT);
	/* a prefix is not a name */
	assert_int_equal(ft_elf_symbol(s.elf, "ft_test_elf_functio", &sym), -ENOENT);
	close_self(&s);
}

static void test_program(void **state)
{
	__u64 vaddr, size, off;
	struct self s;
	__u8 byte;

	(void)state;
	open_self(&s, addr_of(&test_program));
	assert_true(ft_elf_is_exec(s.elf));
	assert_false(ft_elf_is_static(s.elf));
	assert_true(ft_elf_interp(s.elf)[0] == '/');
	assert_int_equal(ft_elf_section(s.elf, ".text", &vaddr, &size), 0);
	assert_true(addr_of(&test_program) - s.bias - vaddr < size);
	assert_int_equal(ft_elf_section(s.elf, ".PyRuntime", &vaddr, &size), -ENOENT);
	assert_int_equal(ft_elf_offset(s.elf, 1ull << 60, &off), -ERANGE);
	assert_int_equal(ft_elf_read(s.elf, 1ull << 60, &byte, 1), -ERANGE);
	assert_int_equal(ft_elf_read(s.elf, ~0ull, &byte, 1), -ERANGE);
	close_self(&s);
}

static void test_libc(void **state)
{
	struct ft_elf_sym sym;
	struct self s;
	void *real = (void *)(uintptr_t)&getppid;

	(void)state;
	/* the sanitizers do not stand before this one */
	open_self(&s, addr_of(real));
	if (strncmp(ft_basename(s.path), "libc", 4)) {
		close_self(&s);
		skip();
	}
	assert_int_equal(ft_elf_dynsym(s.elf, "getppid", &sym), 0);
	assert_int_equal(sym.vaddr + s.bias, addr_of(real));
	/* two versions are exported on x86-64: only the default one counts */
	assert_int_equal(ft_elf_dynsym(s.elf, "pthread_cond_signal", &sym), 0);
	assert_false(sym.ambiguous);
	assert_int_equal(ft_elf_dynsym(s.elf, "ft_test_elf_function", &sym), -ENOENT);
	close_self(&s);
}

static void test_not_elf(void **state)
{
	char dir[] = "/tmp/ftprof-elf-XXXXXX", fifo[64];
	struct ft_elf *e;

	(void)state;
	assert_int_equal(ft_elf_open("/", &e), -ENOEXEC);
	assert_int_equal(ft_elf_open("/dev/null", &e), -ENOEXEC);
	assert_int_equal(ft_elf_open("/proc/self/status", &e), -ENOEXEC);
	assert_int_equal(ft_elf_open("/nowhere/at/all", &e), -ENOENT);
	assert_null(e);
	ft_elf_close(NULL);
	/* a FIFO without a writer must not hold us */
	assert_non_null(mkdtemp(dir));
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(ft_elf_open(fifo, &e), -ENOEXEC);
	unlink(fifo);
	rmdir(dir);
}

/* Everything that one may ask of a file; only that it comes back matters. */
static void ask_all(const char *path)
{
	struct ft_elf_sym sym;
	struct ft_elf *e;
	__u64 v, size;
	__u8 buf[16];
	bool yes;

	if (ft_elf_open(path, &e))
		return;
	(void)ft_elf_symbol(e, "ft_test_elf_function", &sym);
	(void)ft_elf_dynsym(e, "malloc", &sym);
	(void)ft_elf_section(e, ".PyRuntime", &v, &size);
	(void)ft_elf_func_start(e, 0x1000, &yes);
	(void)ft_elf_offset(e, 0x1000, &v);
	(void)ft_elf_read(e, 0x1000, buf, sizeof(buf));
	(void)ft_elf_is_static(e);
	ft_elf_close(e);
}

static void write_file(const char *path, const void *buf, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ft_write_all(fd, buf, n), 0);
	close(fd);
}

static void test_damaged(void **state)
{
	char path[] = "/tmp/ftprof-elf-XXXXXX", *text;
	const size_t keep = 256 * 1024;
	size_t len, i;
	int fd;

	(void)state;
	assert_int_equal(ft_read_file("/bin/true", 64 << 20, &text, &len), 0);
	assert_true(len > 4096);
	if (len > keep)
		len = keep;
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	/* cut short at many places */
	for (i = 0; i < len; i += 1 + len / 61) {
		write_file(path, text, i);
		ask_all(path);
	}
	/* one byte of the headers at a time is wrong */
	for (i = 16; i < 64 + 13 * 56; i++) {
		char old = text[i];

		text[i] = (char)(old ^ 0xff);
		write_file(path, text, len);
		ask_all(path);
		text[i] = old;
	}
	/* and of the section headers, at the end */
	for (i = len - 31 * 64; i < len; i += 3) {
		char old = text[i];

		text[i] = (char)(old ^ 0xff);
		write_file(path, text, len);
		ask_all(path);
		text[i] = old;
	}
	unlink(path);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_symbols), cmocka_unit_test(test_program),
		cmocka_unit_test(test_libc),	cmocka_unit_test(test_not_elf),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
