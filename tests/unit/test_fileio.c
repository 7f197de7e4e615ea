/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of whole-file input and output. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fileio.h"

static char dir[] = "/tmp/ft-fileio-XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[4][256];
	static unsigned int turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

/* How many entries the directory has. */
static int entries(void)
{
	DIR *d = opendir(dir);
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(ft_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static void expect(const char *path, const char *text)
{
	char *s = NULL;
	size_t len = 0;

	assert_int_equal(ft_read_file(path, 1000, &s, &len), 0);
	assert_string_equal(s, text);
	assert_int_equal(len, strlen(text));
	free(s);
}

static void write_out(const char *path, bool force, const char *text)
{
	struct ft_outfile f;
	struct stat st;

	assert_int_equal(ft_outfile_open(&f, path, force), 0);
	assert_int_equal(ft_write_all(f.fd, text, strlen(text)), 0);
	assert_int_equal(ft_outfile_commit(&f), 0);
	assert_int_equal(f.fd, -1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	ft_outfile_abort(&f);
	expect(path, text);
}

static void test_out(void **state)
{
	const char *path = in_dir("out");
	struct ft_outfile f;

	(void)state;
	write_out(path, false, "one");
	assert_int_equal(ft_outfile_open(&f, path, false), -EEXIST);
	expect(path, "one");
	write_out(path, true, "two");
	assert_int_equal(ft_outfile_open(&f, path, true), 0);
	assert_int_equal(ft_write_all(f.fd, "no", 2), 0);
	assert_int_equal(entries(), 2);
	ft_outfile_abort(&f);
	ft_outfile_abort(&f);
	expect(path, "two");
	assert_int_equal(entries(), 1);
	unlink(path);
}

/* The name was free at open and is taken at commit. */
static void test_race(void **state)
{
	const char *path = in_dir("race");
	struct ft_outfile f;

	(void)state;
	assert_int_equal(ft_outfile_open(&f, path, false), 0);
	put(path, "somebody else's");
	assert_int_equal(ft_outfile_commit(&f), -EEXIST);
	expect(path, "somebody else's");
	assert_int_equal(entries(), 1);
	unlink(path);

	assert_int_equal(ft_outfile_open(&f, path, true), 0);
	assert_int_equal(symlink("elsewhere", path), 0);
	assert_int_equal(ft_outfile_commit(&f), -ELOOP);
	assert_int_equal(entries(), 1);
	unlink(path);
}

static void test_refused(void **state)
{
	const char *file = in_dir("file"), *dangling = in_dir("dangling"), *fifo = in_dir("fifo");
	struct ft_outfile f;

	(void)state;
	put(file, "kept");
	assert_int_equal(symlink("file", in_dir("link")), 0);
	assert_int_equal(symlink("nowhere", dangling), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(ft_outfile_open(&f, in_dir("link"), true), -ELOOP);
	assert_int_equal(ft_outfile_open(&f, in_dir("link"), false), -ELOOP);
	assert_int_equal(ft_outfile_open(&f, in_dir("dangling"), true), -ELOOP);
	assert_int_equal(ft_outfile_open(&f, dir, true), -EISDIR);
	assert_int_equal(ft_outfile_open(&f, in_dir("fifo"), true), -EINVAL);
	assert_int_equal(ft_outfile_open(&f, in_dir("fifo"), false), -EEXIST);
	assert_int_equal(ft_outfile_open(&f, in_dir("none/out"), false), -ENOENT);
	assert_int_equal(ft_outfile_open(&f, in_dir("file/out"), false), -ENOTDIR);
	assert_int_equal(ft_outfile_open(&f, "", false), -ENOENT);
	expect(in_dir("file"), "kept");
	assert_int_equal(entries(), 4);
	unlink(in_dir("file"));
	unlink(in_dir("link"));
	unlink(in_dir("dangling"));
	unlink(in_dir("fifo"));
}

static void test_read(void **state)
{
	char *s = NULL;
	size_t len = 0;

	(void)state;
	put(in_dir("r"), "12345");
	assert_int_equal(ft_read_file(in_dir("r"), 5, &s, &len), 0);
	assert_string_equal(s, "12345");
	free(s);
	assert_int_equal(ft_read_file(in_dir("r"), 4, &s, &len), -EFBIG);
	assert_null(s);
	put(in_dir("r"), "");
	assert_int_equal(ft_read_file(in_dir("r"), 4, &s, NULL), 0);
	assert_string_equal(s, "");
	free(s);
	unlink(in_dir("r"));
	assert_int_equal(ft_read_file(in_dir("r"), 4, &s, &len), -ENOENT);
	assert_int_equal(ft_read_file(dir, 4, &s, &len), -EISDIR);
	assert_int_equal(mkfifo(in_dir("r"), 0600), 0);
	assert_int_equal(ft_read_file(in_dir("r"), 4, &s, &len), -EINVAL);
	unlink(in_dir("r"));
	/* a size of 0 that is not true */
	assert_int_equal(ft_read_file("/proc/self/maps", 1 << 20, &s, &len), 0);
	assert_true(len > 100);
	free(s);
}

static void test_disk_full(void **state)
{
	struct rlimit old, small = {.rlim_cur = 100};
	struct ft_outfile f;
	char buf[4096] = {0};
	int fd = open("/dev/full", O_WRONLY);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ft_write_all(fd, buf, sizeof(buf)), -ENOSPC);
	close(fd);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(ft_outfile_open(&f, in_dir("full"), false), 0);
	assert_int_equal(ft_write_all(f.fd, buf, sizeof(buf)), -EFBIG);
	ft_outfile_abort(&f);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(entries(), 0);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_out),	  cmocka_unit_test(test_race),
		cmocka_unit_test(test_refused),	  cmocka_unit_test(test_read),
		cmocka_unit_test(test_disk_full),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
