// SPDX-License-Identifier: BSD-2-Clause
/* Starting the command of `ftprof -- COMMAND`. */
#include "capture/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fileio.h"
#include "base/log.h"
#include "base/units.h"
#include "os/procfs.h"

#define ENV_MAX (4 << 20)
#define PARENTS_MAX 32

/* A block of NUL-terminated strings to a vector that points into it. */
static char **env_vector(char *block, size_t len)
{
	size_t i, n = 0;
	char **v;

	for (i = 0; i < len; i++)
		n += block[i] == 0;
	v = calloc(n + 2, sizeof(*v)); /* the last string may end with the block */
	if (!v)
		return NULL;
	for (i = 0, n = 0; i < len; i += strlen(block + i) + 1)
		v[n++] = block + i;
	return v;
}

char **ft_launch_sudo_env(void)
{
	struct ft_proc_status st, up;
	char path[64], *block, **v;
	int pid = getppid(), i;
	size_t len;

	if (!getenv("SUDO_UID"))
		return NULL;
	/* sudo may stand two above us: with use_pty it keeps a monitor process in between */
	for (i = 0; i < PARENTS_MAX && pid > 1; i++) {
		if (ft_proc_status(FT_PROC, pid, &st))
			return NULL;
		if (strcmp(st.name, "sudo"))
			goto next;
		snprintf(path, sizeof(path), "/proc/%d/environ", pid);
		/* the monitor has the reduced environment already: look for the outermost sudo */
		if (!ft_proc_status(FT_PROC, st.ppid, &up) && !strcmp(up.name, "sudo"))
			goto next;
		if (ft_read_file(path, ENV_MAX, &block, &len))
			return NULL;
		if (!len) {
			free(block);
			return NULL;
		}
		v = env_vector(block, len);
		if (!v)
			free(block);
		return v;
next:
		pid = st.ppid;
	}
	return NULL;
}

/* In the child: becomes the user who called sudo. 0 or -errno. */
static int become_user(void)
{
	const char *uid_s = getenv("SUDO_UID"), *gid_s = getenv("SUDO_GID");
	long uid, gid;
	struct passwd *pw;

	if (geteuid() != 0 || !uid_s || !gid_s)
		return 0;
	if (ft_parse_long(uid_s, 0, 0x7fffffff, &uid) || ft_parse_long(gid_s, 0, 0x7fffffff, &gid))
		return -EINVAL;
	pw = getpwuid(uid);
	if (pw ? initgroups(pw->pw_name, gid) : setgroups(1, (gid_t[]){gid}))
		return -errno;
	if (setgid(gid) || setuid(uid))
		return -errno;
	return 0;
}

static void child(char *const argv[], int gate, int err_fd, char **env)
{
	sigset_t none;
	ssize_t n;
	char c;
	int err;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	do {
		n = read(gate, &c, 1);
	} while (n < 0 && errno == EINTR);
	if (n != 1) /* ftprof gave up */
		_exit(127);
	err = -become_user();
	if (!err) {
		if (env) {
			environ = env;
			execvpe(argv[0], argv, env);
		} else {
			execvp(argv[0], argv);
		}
		err = errno;
	}
	if (write(err_fd, &err, sizeof(err)) != sizeof(err))
		_exit(126);
	_exit(127);
}

int ft_launch(char *const argv[], struct ft_launch *out)
{
	int gate[2] = {-1, -1}, error[2] = {-1, -1}, err;
	char **env = ft_launch_sudo_env();
	pid_t pid;

	if (pipe2(gate, O_CLOEXEC) || pipe2(error, O_CLOEXEC)) {
		err = ft_err(-errno, "cannot make a pipe: %s", strerror(errno));
		goto out;
	}
	pid = fork();
	if (pid < 0) {
		err = ft_err(-errno, "cannot fork: %s", strerror(errno));
		goto out;
	}
	if (!pid) {
		close(gate[1]);
		close(error[0]);
		child(argv, gate[0], error[1], env);
	}
	out->pid = pid;
	out->gate_fd = gate[1];
	out->error_fd = error[0];
	gate[1] = error[0] = -1;
	err = 0;
out:
	if (env)
		free(env[0]);
	free(env);
	for (int i = 0; i < 2; i++) {
		if (gate[i] >= 0)
			close(gate[i]);
		if (error[i] >= 0)
			close(error[i]);
	}
	return err;
}

int ft_launch_release(struct ft_launch *l, const char *name)
{
	int err = 0, child_err = 0;
	sighandler_t old;
	ssize_t n;

	/* Ctrl-C while we attached has ended the child: that is an error, not our end too */
	old = signal(SIGPIPE, SIG_IGN);
	if (write(l->gate_fd, "g", 1) != 1)
		err = -errno;
	signal(SIGPIPE, old);
	close(l->gate_fd);
	l->gate_fd = -1;
	do { /* closes by itself at a successful exec */
		n = read(l->error_fd, &child_err, sizeof(child_err));
	} while (n < 0 && errno == EINTR);
	close(l->error_fd);
	l->error_fd = -1;
	if (n == sizeof(child_err)) {
		waitpid(l->pid, NULL, 0);
		l->pid = -1;
		return ft_err(-child_err, "cannot run %s: %s", name, strerror(child_err));
	}
	if (err)
		return ft_err(err, "cannot start %s: %s", name, strerror(-err));
	l->pid = -1; /* on its own from here on */
	return 0;
}

void ft_launch_abort(struct ft_launch *l)
{
	if (l->gate_fd >= 0)
		close(l->gate_fd);
	if (l->error_fd >= 0)
		close(l->error_fd);
	if (l->pid > 0)
		waitpid(l->pid, NULL, 0);
	l->gate_fd = l->error_fd = -1;
	l->pid = -1;
}
