/* SPDX-License-Identifier: BSD-2-Clause */
/* LDFLAGS: -Wl,--wrap=geteuid,--wrap=getpwuid,--wrap=time */
/* Tests of where sessions are kept: whose directory, names, the newest, what is removed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "record/store.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static char dir[] = "/tmp/ft-store-XXXXXX";
static uid_t euid = 1000;
static time_t clock_s = 1700000000;
static const char *user_home = "/home/somebody";

uid_t __wrap_geteuid(void);
struct passwd *__wrap_getpwuid(uid_t uid);
time_t __wrap_time(time_t *t);

uid_t __wrap_geteuid(void)
{
	return euid;
}

struct passwd *__wrap_getpwuid(uid_t uid)
{
	static struct passwd pw;

	assert_int_equal(uid, 1234);
	pw.pw_dir = (char *)user_home;
	return user_home ? &pw : NULL;
}

time_t __wrap_time(time_t *t)
{
	if (t)
		*t = clock_s;
	return clock_s;
}

static void env(const char *name, const char *value)
{
	assert_int_equal(value ? setenv(name, value, 1) : unsetenv(name), 0);
}

static void test_find(void **state)
{
	static const struct {
		uid_t euid;
		const char *xdg, *home, *sudo_uid, *sudo_gid, *pw_home;
		int err;
		const char *dir;
		bool own;
	} c[] = {
		{1000, "/x/state", "/home/me", NULL, NULL, NULL, 0, "/x/state/ftprof", false},
		{1000, NULL, "/home/me", NULL, NULL, NULL, 0, "/home/me/.local/state/ftprof",
		 false},
		{1000, "", "/home/me", NULL, NULL, NULL, 0, "/home/me/.local/state/ftprof", false},
		{1000, "relative", "/home/me", NULL, NULL, NULL, 0, "/home/me/.local/state/ftprof",
		 false},
		{1000, NULL, NULL, NULL, NULL, NULL, -ENOENT, NULL, false},
		{1000, NULL, "relative", NULL, NULL, NULL, -ENOENT, NULL, false},
		{1000, "relative", "", NULL, NULL, NULL, -ENOENT, NULL, false},
		/* under sudo: the caller's home, whatever the environment says */
		{0, "/home/op/x", "/home/op", "1234", "1235", "/home/me", 0,
		 "/home/me/.local/state/ftprof", true},
		{0, "/home/op/x", "/home/op", "1234", "1235", NULL, -ENOENT, NULL, true},
		/* root by sudo from root, root without sudo, what only looks like sudo */
		{0, "/home/op/x", "/home/op", "0", "0", NULL, 0, "/home/op/x/ftprof", false},
		{0, NULL, "/home/op", NULL, NULL, NULL, 0, "/home/op/.local/state/ftprof", false},
		{0, NULL, "/home/op", "1234", NULL, NULL, 0, "/home/op/.local/state/ftprof", false},
		{0, NULL, "/home/op", "12x", "1235", NULL, 0, "/home/op/.local/state/ftprof",
		 false},
		{0, NULL, "/home/op", "-1", "1235", NULL, 0, "/home/op/.local/state/ftprof", false},
		{0, NULL, "/home/op", "99999999999", "1", NULL, 0, "/home/op/.local/state/ftprof",
		 false},
		{1000, NULL, "/home/me", "1234", "1235", NULL, 0, "/home/me/.local/state/ftprof",
		 false},
	};
	struct ft_store s;
	char *longest;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(c); i++) {
		euid = c[i].euid;
		user_home = c[i].pw_home;
		env("XDG_STATE_HOME", c[i].xdg);
		env("HOME", c[i].home);
		env("SUDO_UID", c[i].sudo_uid);
		env("SUDO_GID", c[i].sudo_gid);
		assert_int_equal(ft_store_find(&s), c[i].err);
		if (c[i].err)
			continue;
		assert_string_equal(s.dir, c[i].dir);
		assert_int_equal(s.own, c[i].own);
		if (s.own) {
			assert_int_equal(s.uid, 1234);
			assert_int_equal(s.gid, 1235);
		}
	}
	euid = 1000;
	longest = malloc(PATH_MAX + 1);
	assert_non_null(longest);
	memset(longest, 'a', PATH_MAX);
	longest[0] = '/';
	longest[PATH_MAX] = 0;
	env("SUDO_UID", NULL);
	env("SUDO_GID", NULL);
	env("XDG_STATE_HOME", longest);
	assert_int_equal(ft_store_find(&s), -ENAMETOOLONG); /* and not somewhere else */
	free(longest);
}

/* A store below a fresh directory; `sub` is not made yet. */
static struct ft_store store(const char *sub)
{
	struct ft_store s;
	char xdg[128];

	euid = 1000;
	env("SUDO_UID", NULL);
	env("SUDO_GID", NULL);
	snprintf(xdg, sizeof(xdg), "%s/%s", dir, sub);
	env("XDG_STATE_HOME", xdg);
	assert_int_equal(ft_store_find(&s), 0);
	assert_false(s.own);
	return s;
}

static void touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static void put(const struct ft_store *s, const char *name)
{
	char path[PATH_MAX + 256];

	snprintf(path, sizeof(path), "%s/%s", s->dir, name);
	touch(path);
}

static bool has(const struct ft_store *s, const char *name)
{
	char path[PATH_MAX + 256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", s->dir, name);
	return !lstat(path, &st);
}

static const char *base(const char *path)
{
	const char *p = strrchr(path, '/');

	return p ? p + 1 : path;
}

static void test_new(void **state)
{
	struct ft_store s = store("deep/er");
	char path[PATH_MAX], want[64], newest[PATH_MAX];
	struct stat st;
	char stamp[32];
	struct tm tm;
	int i;

	(void)state;
	assert_int_equal(ft_store_newest(&s, newest, sizeof(newest)), -ENOENT); /* no directory */
	assert_int_equal(ft_store_new(&s, 4711, path, sizeof(path)), 0);
	assert_int_equal(stat(s.dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	snprintf(want, sizeof(want), "%s/deep", dir);
	assert_int_equal(stat(want, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(ft_store_newest(&s, newest, sizeof(newest)), -ENOENT); /* empty */
	assert_non_null(localtime_r(&clock_s, &tm));
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
	snprintf(want, sizeof(want), "%s-4711-%d.ftprof", stamp, getpid());
	assert_string_equal(base(path), want);
	assert_int_not_equal(access(path, F_OK), 0); /* a name, no file */
	/* several in one second: names of their own, and the last one is the newest */
	for (i = 0; i < 15; i++) {
		touch(path);
		assert_int_equal(ft_store_newest(&s, newest, sizeof(newest)), 0);
		assert_string_equal(newest, path);
		assert_int_equal(ft_store_new(&s, 4711, path, sizeof(path)), 0);
	}
	assert_int_equal(ft_store_new(&s, 4711, path, 20), -ENAMETOOLONG);
	assert_int_equal(ft_store_newest(&s, path, 20), -ENAMETOOLONG);
	for (; i < 1000; i++) {
		assert_int_equal(ft_store_new(&s, 4711, path, sizeof(path)), 0);
		touch(path);
	}
	assert_int_equal(ft_store_new(&s, 4711, path, sizeof(path)), -EEXIST);
	assert_int_equal(ft_store_prune(&s, 0), 0);
	assert_int_equal(ft_store_newest(&s, newest, sizeof(newest)), -ENOENT);
}

/* The order of the names is the order in time, through a day, a year, and process ids. */
static void test_order(void **state)
{
	static const struct {
		int after, pid;
	} c[] = {{0, 999},    {0, 1000},       {1, 5},		{59, 99999},
		 {3600, 100}, {7200, 100},     {36000, 7},	{86400, 4194303},
		 {86400, 1},  {86400 * 40, 2}, {86400 * 400, 3}};
	struct ft_store s = store("order");
	char path[PATH_MAX], newest[PATH_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(c); i++) {
		clock_s += c[i].after;
		assert_int_equal(ft_store_new(&s, c[i].pid, path, sizeof(path)), 0);
		touch(path);
		assert_int_equal(ft_store_newest(&s, newest, sizeof(newest)), 0);
		assert_string_equal(newest, path);
	}
	assert_int_equal(ft_store_prune(&s, 0), 0);
	/* around midnight, where hours, minutes and seconds begin with zeros */
	for (i = 0; i < 4000; i++) {
		char before[PATH_MAX];

		memcpy(before, path, sizeof(before));
		clock_s += 97;
		assert_int_equal(ft_store_new(&s, 1, path, sizeof(path)), 0);
		assert_true(strverscmp(before, path) < 0 && strcmp(before, path) < 0);
	}
}

static void test_prune(void **state)
{
	static const char *const sessions[] = {
		"20240101-000000-5.ftprof", "20240101-000000-5_1.ftprof",
		"20240101-000000-5_2.ftprof", "20240101-000000-5_10.ftprof",
		"20250101-000000-1.ftprof"};
	static const char *const others[] = {".hidden.ftprof", ".ftprof", "20200101.txt",
					     "x.ftprof.tmp-abcdef"};
	struct ft_store s = store("prune");
	char path[PATH_MAX];
	size_t i, left;

	(void)state;
	assert_int_equal(ft_store_prune(&s, 3), -ENOENT);
	assert_int_equal(ft_store_new(&s, 1, path, sizeof(path)), 0);
	assert_int_equal(ft_store_prune(&s, 3), 0);
	for (i = 0; i < ARRAY_SIZE(sessions); i++)
		put(&s, sessions[i]);
	for (i = 0; i < ARRAY_SIZE(others); i++)
		put(&s, others[i]);
	for (left = ARRAY_SIZE(sessions) + 2; left-- > 0;) {
		assert_int_equal(ft_store_prune(&s, left), 0);
		for (i = 0; i < ARRAY_SIZE(sessions); i++)
			assert_int_equal(has(&s, sessions[i]), i + left >= ARRAY_SIZE(sessions));
	}
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		assert_true(has(&s, others[i]));
		snprintf(path, sizeof(path), "%.3000s/%s", s.dir, others[i]);
		assert_int_equal(unlink(path), 0);
	}
}

/* What a killed run left goes after a day; what a live one writes stays. */
static void test_leftovers(void **state)
{
	struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	struct ft_store s = store("leftovers");
	char path[PATH_MAX];

	(void)state;
	assert_int_equal(ft_store_new(&s, 1, path, sizeof(path)), 0);
	put(&s, "20240101-000000-5-6.ftprof.tmp-abcdef");
	put(&s, "20240101-000000-7-8.ftprof.tmp-ghijkl");
	snprintf(path, sizeof(path), "%.3000s/20240101-000000-5-6.ftprof.tmp-abcdef", s.dir);
	/* far before the time that the test's own clock tells, too */
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	assert_int_equal(ft_store_prune(&s, 3), 0);
	assert_false(has(&s, "20240101-000000-5-6.ftprof.tmp-abcdef"));
	assert_true(has(&s, "20240101-000000-7-8.ftprof.tmp-ghijkl"));
	snprintf(path, sizeof(path), "%.3000s/20240101-000000-7-8.ftprof.tmp-ghijkl", s.dir);
	assert_int_equal(unlink(path), 0);
}

static void test_links(void **state)
{
	struct ft_store s = store("links");
	char path[PATH_MAX], victim[128];

	(void)state;
	assert_int_equal(ft_store_new(&s, 1, path, sizeof(path)), 0);
	snprintf(victim, sizeof(victim), "%s/victim", dir);
	touch(victim);
	put(&s, "20240101-000000-1.ftprof");
	snprintf(path, sizeof(path), "%.3000s/99990101-000000-1.ftprof", s.dir);
	assert_int_equal(symlink(victim, path), 0);
	snprintf(path, sizeof(path), "%.3000s/99990101-000000-2.ftprof", s.dir);
	assert_int_equal(mkdir(path, 0700), 0);
	/* neither a link nor a directory is a session, however new its name */
	assert_int_equal(ft_store_newest(&s, path, sizeof(path)), 0);
	assert_string_equal(base(path), "20240101-000000-1.ftprof");
	assert_int_equal(ft_store_prune(&s, 0), 0);
	assert_false(has(&s, "20240101-000000-1.ftprof"));
	assert_true(has(&s, "99990101-000000-1.ftprof"));
	assert_int_equal(access(victim, F_OK), 0);
	snprintf(path, sizeof(path), "%.3000s/99990101-000000-1.ftprof", s.dir);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%.3000s/99990101-000000-2.ftprof", s.dir);
	assert_int_equal(rmdir(path), 0);

	/* a file stands where a directory should be */
	s = store("victim");
	assert_int_equal(ft_store_new(&s, 1, path, sizeof(path)), -ENOTDIR);
	assert_int_equal(unlink(victim), 0);
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	static const char *const made[] = {
		"deep/er/ftprof", "deep/er",	  "deep",  "order/ftprof",
		"order",	  "prune/ftprof", "prune", "leftovers/ftprof",
		"leftovers",	  "links/ftprof", "links"};
	char path[128];
	size_t i;

	(void)state;
	/* after a test that failed they are not empty, and stay */
	for (i = 0; i < ARRAY_SIZE(made); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, made[i]);
		rmdir(path);
	}
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),	  cmocka_unit_test(test_new),
		cmocka_unit_test(test_order),	  cmocka_unit_test(test_prune),
		cmocka_unit_test(test_leftovers), cmocka_unit_test(test_links),
	};

	setenv("TZ", "UTC", 1); /* summer time would set the clock back */
	return cmocka_run_group_tests_name("store", tests, setup, teardown);
}
