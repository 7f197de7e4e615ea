/* SPDX-License-Identifier: BSD-2-Clause */
/* LDFLAGS: -Wl,--wrap=ft_proc_status,--wrap=ft_read_file,--wrap=getppid */
/* Tests of starting a command: what it inherits, how it fails, whose environment it gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fileio.h"
#include "capture/launch.h"
#include "os/procfs.h"

static char dir[] = "/tmp/ft-launch-XXXXXX";

/* A family of processes: who is whose parent, by name, with what environment. */
struct member {
	int pid, ppid;
	const char *name;
	const char *env; /* NULL: cannot be read */
	size_t len;
};

static const struct member *family; /* NULL: the real one */
static int family_ppid;

int __wrap_ft_proc_status(const char *root, int pid, struct ft_proc_status *out);
int __wrap_ft_read_file(const char *path, size_t max, char **out, size_t *len);
pid_t __wrap_getppid(void);
pid_t __real_getppid(void);
int __real_ft_proc_status(const char *root, int pid, struct ft_proc_status *out);
int __real_ft_read_file(const char *path, size_t max, char **out, size_t *len);

pid_t __wrap_getppid(void)
{
	return family ? family_ppid : __real_getppid();
}

int __wrap_ft_proc_status(const char *root, int pid, struct ft_proc_status *out)
{
	const struct member *m;

	if (!family)
		return __real_ft_proc_status(root, pid, out);
	for (m = family; m->pid; m++) {
		if (m->pid != pid)
			continue;
		memset(out, 0, sizeof(*out));
		out->pid = out->tgid = pid;
		out->ppid = m->ppid;
		snprintf(out->name, sizeof(out->name), "%s", m->name);
		return 0;
	}
	return -ENOENT;
}

int __wrap_ft_read_file(const char *path, size_t max, char **out, size_t *len)
{
	const struct member *m;
	char want[64];

	if (!family)
		return __real_ft_read_file(path, max, out, len);
	*out = NULL;
	for (m = family; m->pid; m++) {
		snprintf(want, sizeof(want), "/proc/%d/environ", m->pid);
		if (strcmp(path, want) || !m->env)
			continue;
		*out = malloc(m->len + 1);
		assert_non_null(*out);
		memcpy(*out, m->env, m->len);
		(*out)[m->len] = 0;
		*len = m->len;
		return 0;
	}
	return -EACCES;
}

#define NONE .env = NULL, .len = 0
#define ENV(s) .env = (s), .len = sizeof(s) - 1 /* without the last NUL */

static void check_env(const struct member *f, const char *a, const char *b)
{
	char **v;

	family = f;
	family_ppid = f[0].pid;
	v = ft_launch_sudo_env();
	family = NULL;
	if (!a) {
		assert_null(v);
		return;
	}
	assert_non_null(v);
	assert_string_equal(v[0], a);
	if (b)
		assert_string_equal(v[1], b);
	assert_null(v[b ? 2 : 1]);
	free(v[0]);
	free(v);
}

static void test_sudo_env(void **state)
{
	static const struct member plain[] = {
		{100, 90, "sudo", ENV("PATH=/mine\0LANG=de\0")}, {90, 1, "bash", NONE}, {0}};
	/* use_pty: a monitor stands between us and the sudo that the user started */
	static const struct member monitor[] = {{100, 99, "sudo", ENV("PATH=/reduced\0")},
						{99, 90, "sudo", ENV("PATH=/mine\0LANG=de\0")},
						{90, 1, "bash", NONE},
						{0}};
	static const struct member script[] = {{110, 100, "sh", NONE},
					       {100, 90, "sudo", ENV("PATH=/mine\0LANG=de\0")},
					       {90, 1, "bash", NONE},
					       {0}};
	static const struct member open_end[] = {
		{100, 90, "sudo", ENV("PATH=/mine\0LANG=de")}, {90, 1, "bash", NONE}, {0}};
	static const struct member one[] = {
		{100, 1, "sudo", ENV("PATH=/mine")}, {1, 0, "init", NONE}, {0}};
	static const struct member empty[] = {{100, 90, "sudo", ENV("")}, {0}};
	static const struct member closed[] = {{100, 90, "sudo", NONE}, {0}};
	static const struct member none[] = {{100, 90, "bash", NONE}, {90, 1, "login", NONE}, {0}};
	static const struct member gone[] = {{100, 90, "bash", NONE}, {0}};
	static const struct member circle[] = {{100, 101, "a", NONE}, {101, 100, "b", NONE}, {0}};

	(void)state;
	assert_int_equal(setenv("SUDO_UID", "1000", 1), 0);
	check_env(plain, "PATH=/mine", "LANG=de");
	check_env(monitor, "PATH=/mine", "LANG=de");
	check_env(script, "PATH=/mine", "LANG=de");
	check_env(open_end, "PATH=/mine", "LANG=de");
	check_env(one, "PATH=/mine", NULL);
	check_env(empty, NULL, NULL);
	check_env(closed, NULL, NULL);
	check_env(none, NULL, NULL);
	check_env(gone, NULL, NULL);
	check_env(circle, NULL, NULL);
	assert_int_equal(unsetenv("SUDO_UID"), 0);
	check_env(plain, NULL, NULL);
}

/* Standard error of what runs between begin and end, as a malloc'ed string. */
static int stderr_copy = -1;
static FILE *stderr_file;

static void capture_begin(void)
{
	stderr_file = tmpfile();
	assert_non_null(stderr_file);
	fflush(stderr);
	stderr_copy = dup(2);
	assert_true(stderr_copy >= 0);
	assert_true(dup2(fileno(stderr_file), 2) == 2);
}

static void capture_end(char *buf, size_t sz)
{
	size_t n;

	fflush(stderr);
	assert_true(dup2(stderr_copy, 2) == 2);
	close(stderr_copy);
	rewind(stderr_file);
	n = fread(buf, 1, sz - 1, stderr_file);
	buf[n] = 0;
	fclose(stderr_file);
}

static bool no_children(void)
{
	return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
}

/* Descriptors that are open now. */
static int fds(void)
{
	int fd, n = 0;
	struct stat st;

	for (fd = 0; fd < 256; fd++)
		n += !fstat(fd, &st);
	return n;
}

static void check_failure(char *const argv[], const char *want)
{
	struct ft_launch l;
	char text[512];
	int err, before = fds();

	assert_int_equal(ft_launch(argv, &l), 0);
	capture_begin();
	err = ft_launch_release(&l, argv[0]);
	capture_end(text, sizeof(text));
	assert_true(err < 0);
	assert_string_equal(text, want);
	ft_launch_abort(&l); /* as the one who cleans up does, whatever went before */
	assert_true(no_children());
	assert_int_equal(fds(), before);
}

static void test_missing(void **state)
{
	char *const missing[] = {(char *)"/no/such/command", NULL};
	char *const nowhere[] = {(char *)"no-such-command-in-path", NULL};
	char *const folder[] = {dir, NULL};

	(void)state;
	check_failure(missing, "ftprof: cannot run /no/such/command: No such file or directory\n");
	check_failure(nowhere,
		      "ftprof: cannot run no-such-command-in-path: No such file or directory\n");
	{
		char want[128];

		snprintf(want, sizeof(want), "ftprof: cannot run %s: Permission denied\n", dir);
		check_failure(folder, want);
	}
}

/* The text that a shell command leaves in a file. */
static void run_shell(const char *script, char *buf, size_t sz)
{
	char path[96], cmd[512];
	char *const argv[] = {(char *)"sh", (char *)"-c", cmd, NULL};
	struct ft_launch l;
	char *text;
	size_t len;
	pid_t pid;
	int status;

	snprintf(path, sizeof(path), "%s/out", dir);
	snprintf(cmd, sizeof(cmd), "{ %s; } >%s 2>&1", script, path);
	assert_int_equal(ft_launch(argv, &l), 0);
	pid = l.pid;
	assert_true(pid > 0);
	assert_int_equal(ft_launch_release(&l, "sh"), 0);
	assert_int_equal(l.pid, -1);
	assert_int_equal(l.gate_fd, -1);
	assert_int_equal(l.error_fd, -1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(ft_read_file(path, 1 << 16, &text, &len), 0);
	assert_true(len < sz);
	memcpy(buf, text, len + 1);
	free(text);
	assert_int_equal(unlink(path), 0);
}

static void test_inherits(void **state)
{
	char text[4096], cwd[512], want[600];
	unsigned long long mask = ~0ull, ignored = ~0ull;
	sigset_t all, old;
	char *p;
	int n;

	(void)state;
	assert_int_equal(setenv("FT_TEST_MARK", "two words", 1), 0);
	run_shell("echo \"$FT_TEST_MARK\"", text, sizeof(text));
	assert_string_equal(text, "two words\n");
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_int_equal(chdir(dir), 0);
	run_shell("pwd -P", text, sizeof(text));
	snprintf(want, sizeof(want), "%s\n", dir);
	assert_int_equal(chdir(cwd), 0);
	assert_string_equal(text, want);

	/* we block signals to read them from a descriptor; the command must not inherit that */
	sigfillset(&all);
	assert_int_equal(sigprocmask(SIG_BLOCK, &all, &old), 0);
	run_shell("exec grep -E '^Sig(Blk|Ign)' /proc/self/status", text, sizeof(text));
	assert_int_equal(sigprocmask(SIG_SETMASK, &old, NULL), 0);
	p = strstr(text, "SigBlk:");
	assert_non_null(p);
	assert_int_equal(sscanf(p, "SigBlk: %llx", &mask), 1);
	assert_int_equal(mask, 0);
	p = strstr(text, "SigIgn:");
	assert_non_null(p);
	assert_int_equal(sscanf(p, "SigIgn: %llx", &ignored), 1);
	assert_int_equal(ignored & 1ull << (SIGPIPE - 1), 0);

	/* nothing of ours stays open in it: 0, 1, 2 and the one that ls reads with */
	run_shell("exec ls /proc/self/fd", text, sizeof(text));
	for (n = 0, p = text; (p = strchr(p, '\n')); p++)
		n++;
	assert_int_equal(n, fds() + 1);
}

/* It waits at the gate, whatever time passes, and goes quietly when nobody opens it. */
static void test_gate(void **state)
{
	char path[96], cmd[160];
	char *const argv[] = {(char *)"sh", (char *)"-c", cmd, NULL};
	struct ft_launch l;
	int before = fds();

	(void)state;
	snprintf(path, sizeof(path), "%s/ran", dir);
	snprintf(cmd, sizeof(cmd), "echo >%s", path);
	assert_int_equal(ft_launch(argv, &l), 0);
	usleep(50000);
	assert_int_equal(waitpid(l.pid, NULL, WNOHANG), 0);
	assert_int_not_equal(access(path, F_OK), 0);
	ft_launch_abort(&l);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_true(no_children());
	assert_int_equal(fds(), before);
	ft_launch_abort(&l); /* again: nothing */
}

/* Ctrl-C goes to the whole terminal: the child dies at the gate, and we must live to say so. */
static void test_killed_at_gate(void **state)
{
	char *const argv[] = {(char *)"true", NULL};
	struct ft_launch l;
	char text[256];
	int before = fds(), err;
	siginfo_t si;

	(void)state;
	assert_int_equal(ft_launch(argv, &l), 0);
	assert_int_equal(kill(l.pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, l.pid, &si, WEXITED | WNOWAIT), 0);
	capture_begin();
	err = ft_launch_release(&l, "true");
	capture_end(text, sizeof(text));
	assert_int_equal(err, -EPIPE);
	assert_string_equal(text, "ftprof: cannot start true: Broken pipe\n");
	ft_launch_abort(&l);
	assert_true(no_children());
	assert_int_equal(fds(), before);
}

static int setup(void **state)
{
	(void)state;
	unsetenv("SUDO_UID"); /* the tests themselves may run under sudo */
	unsetenv("SUDO_GID");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sudo_env),       cmocka_unit_test(test_missing),
		cmocka_unit_test(test_inherits),       cmocka_unit_test(test_gate),
		cmocka_unit_test(test_killed_at_gate),
	};

	return cmocka_run_group_tests_name("launch", tests, setup, teardown);
}
