/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of file access with another user's rights. They need root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/asuser.h"
#include "record/store.h"

#define USER 54321 /* nobody's */
#define GROUP 54322

static char dir[] = "/tmp/ft-asuser-XXXXXX";

static void path_in(char *buf, size_t sz, const char *name)
{
	assert_true(snprintf(buf, sz, "%s/%s", dir, name) < (int)sz);
}

static void need_root(void)
{
	if (geteuid()) {
		print_message("skipped: needs root\n");
		skip();
	}
}

static int fs_uid(void)
{
	return setfsuid(-1); /* an invalid id: only tells */
}

static int fs_gid(void)
{
	return setfsgid(-1);
}

static void test_off(void **state)
{
	struct ft_as_user as;
	int uid = fs_uid(), gid = fs_gid();

	(void)state;
	assert_int_equal(ft_as_user_begin(&as, false, USER, GROUP), 0);
	assert_int_equal(fs_uid(), uid);
	assert_int_equal(fs_gid(), gid);
	ft_as_user_end(&as);
	ft_as_user_end(&as);
	assert_int_equal(fs_uid(), uid);
}

static void test_rights(void **state)
{
	struct ft_as_user as;
	char ours[64], theirs[64], fresh[64];
	struct stat st;
	int fd;

	(void)state;
	need_root();
	path_in(ours, sizeof(ours), "ours");
	path_in(theirs, sizeof(theirs), "theirs");
	snprintf(fresh, sizeof(fresh), "%s/theirs/fresh", dir);
	assert_int_equal(mkdir(ours, 0700), 0);
	assert_int_equal(mkdir(theirs, 0700), 0);
	assert_int_equal(chown(theirs, USER, GROUP), 0);

	assert_int_equal(ft_as_user_begin(&as, true, USER, GROUP), 0);
	assert_int_equal(fs_uid(), USER);
	assert_int_equal(fs_gid(), GROUP);
	assert_int_equal(geteuid(), 0); /* files only */
	assert_true(open(ours, O_RDONLY | O_DIRECTORY) < 0);
	assert_int_equal(errno, EACCES);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_uid, USER);
	assert_int_equal(st.st_gid, GROUP);
	close(fd);
	ft_as_user_end(&as);
	assert_int_equal(fs_uid(), 0);
	assert_int_equal(fs_gid(), 0);
	fd = open(ours, O_RDONLY | O_DIRECTORY); /* root again, with all its rights */
	assert_true(fd >= 0);
	close(fd);
	ft_as_user_end(&as); /* again: nothing */
	assert_int_equal(fs_uid(), 0);
	assert_int_equal(unlink(fresh), 0);
	assert_int_equal(rmdir(theirs), 0);
	assert_int_equal(rmdir(ours), 0);
}

/* Who may not become another user is told so, and stays what it was. */
static void test_refused(void **state)
{
	struct ft_as_user as;
	int status;
	pid_t pid;

	(void)state;
	need_root();
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		if (setgid(GROUP) || setuid(USER))
			_exit(1);
		if (ft_as_user_begin(&as, true, 0, 0) != -EPERM)
			_exit(2);
		if (fs_uid() != USER || fs_gid() != GROUP)
			_exit(3);
		_exit(as.on ? 4 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* A link that the user planted leads root's sessions nowhere that the user could not write. */
static void test_store(void **state)
{
	struct ft_store s = {.own = true, .uid = USER, .gid = GROUP};
	char home[64], ours[64], link[96], path[PATH_MAX];
	struct stat st;
	int fd;

	(void)state;
	need_root();
	path_in(home, sizeof(home), "home");
	path_in(ours, sizeof(ours), "ours");
	assert_int_equal(mkdir(home, 0700), 0);
	assert_int_equal(chown(home, USER, GROUP), 0);
	assert_int_equal(mkdir(ours, 0755), 0);

	snprintf(s.dir, sizeof(s.dir), "%s/.local/state/ftprof", home);
	assert_int_equal(ft_store_new(&s, 1, path, sizeof(path)), 0);
	assert_int_equal(stat(s.dir, &st), 0);
	assert_int_equal(st.st_uid, USER);
	assert_int_equal(st.st_gid, GROUP);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(rmdir(s.dir), 0);

	snprintf(link, sizeof(link), "%s/.local/state/ftprof", home);
	assert_int_equal(symlink(ours, link), 0);
	snprintf(s.dir, sizeof(s.dir), "%s/.local/state/ftprof/sub", home);
	assert_int_equal(ft_store_new(&s, 1, path, sizeof(path)), -EACCES);
	snprintf(path, sizeof(path), "%s/20240101-000000-1.ftprof", ours);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	close(fd);
	snprintf(s.dir, sizeof(s.dir), "%s/.local/state/ftprof", home);
	assert_int_equal(ft_store_prune(&s, 0), -EACCES);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(fs_uid(), 0);

	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(link), 0);
	snprintf(path, sizeof(path), "%s/.local/state", home);
	assert_int_equal(rmdir(path), 0);
	snprintf(path, sizeof(path), "%s/.local", home);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(home), 0);
	assert_int_equal(rmdir(ours), 0);
}

static int setup(void **state)
{
	(void)state;
	/* 0711: the other user must be able to pass */
	return mkdtemp(dir) && !chmod(dir, 0711) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_rights),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_store),
	};

	return cmocka_run_group_tests_name("asuser", tests, setup, teardown);
}
