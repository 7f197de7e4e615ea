// SPDX-License-Identifier: BSD-2-Clause
/* `ftprof record` beside the live screen. */
#include "cmd/top_record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

#define NAMES_TRIED 100

void ft_top_record_init(struct ft_top_record *r)
{
	memset(r, 0, sizeof(*r));
	r->errors = -1;
}

/* A name that is not taken; `record` itself refuses one that is by then. */
static int choose_name(struct ft_top_record *r, int pid)
{
	char when[32];
	time_t now = time(NULL);
	struct tm tm;
	int i;

	localtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y%m%d-%H%M%S", &tm);
	for (i = 0; i < NAMES_TRIED; i++) {
		if (i)
			snprintf(r->path, sizeof(r->path), "ftprof-%d-%s-%d.ftprof", pid, when, i);
		else
			snprintf(r->path, sizeof(r->path), "ftprof-%d-%s.ftprof", pid, when);
		if (access(r->path, F_OK))
			return 0;
	}
	return -EEXIST;
}

/* In the child: only what may be called after a fork of a process with threads. */
static void run(const struct ft_top_record *r, const char *pid, pid_t parent)
{
	const char *const argv[] = {"ftprof", "record", "--no-progress", "-p",
				    pid,      "-o",	r->path,	 NULL};
	sigset_t none;
	int null = open("/dev/null", O_RDWR);

	/* a Ctrl-C is for the screen; but nothing may go on recording when that is gone */
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGINT);
	if (getppid() != parent)
		_exit(1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(r->errors, STDERR_FILENO) < 0)
		_exit(1);
	execv("/proc/self/exe", (char *const *)argv);
	_exit(127);
}

int ft_top_record_start(struct ft_top_record *r, int pid)
{
	pid_t parent = getpid();
	char num[16];
	int err = choose_name(r, pid);

	if (err)
		return ft_err(err, "no name is free for a session here");
	r->errors = memfd_create("ftprof-record", MFD_CLOEXEC);
	if (r->errors < 0)
		return ft_err(-errno, "cannot record: %s", strerror(errno));
	snprintf(num, sizeof(num), "%d", pid);
	r->pid = fork();
	if (!r->pid)
		run(r, num, parent);
	if (r->pid < 0) {
		err = -errno;
		r->pid = 0;
		close(r->errors);
		r->errors = -1;
		return ft_err(err, "cannot record: %s", strerror(-err));
	}
	return 0;
}

static const char *megabytes(long long n, char buf[32])
{
	if (n < 10000000)
		snprintf(buf, 32, "%.0f kB", (double)n / 1e3);
	else
		snprintf(buf, 32, "%.1f MB", (double)n / 1e6);
	return buf;
}

/* The bytes so far: the file has another name until it is whole. */
static long long size_of(const struct ft_top_record *r)
{
	size_t len = strlen(r->path);
	long long sz = 0;
	struct dirent *e;
	struct stat st;
	DIR *d;

	if (!stat(r->path, &st))
		return st.st_size;
	d = opendir(".");
	while (d && (e = readdir(d))) {
		if (strncmp(e->d_name, r->path, len) || e->d_name[len] != '.')
			continue;
		if (!fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			sz = st.st_size;
	}
	if (d)
		closedir(d);
	return sz;
}

/* What it said last, for the one line that there is. */
static char *last_words(const struct ft_top_record *r, int status, char *buf, size_t sz)
{
	char said[1024], num[32], *line;
	ssize_t n = pread(r->errors, said, sizeof(said) - 1, 0);

	if (WIFEXITED(status) && !WEXITSTATUS(status)) {
		snprintf(buf, sz, "recorded %s, %s", r->path, megabytes(size_of(r), num));
		return buf;
	}
	said[n > 0 ? n : 0] = 0;
	line = said;
	line[strcspn(line, "\n")] = 0;
	snprintf(buf, sz, "nothing was recorded: %s", line[0] ? line : "ftprof record failed");
	return buf;
}

static void forget(struct ft_top_record *r)
{
	r->pid = 0;
	if (r->errors >= 0)
		close(r->errors);
	r->errors = -1;
}

char *ft_top_record_words(struct ft_top_record *r, char *buf, size_t sz, bool *ended)
{
	char num[32];
	int status;

	*ended = false;
	buf[0] = 0;
	if (!r->pid)
		return buf;
	if (waitpid(r->pid, &status, WNOHANG) == r->pid) {
		*ended = true;
		last_words(r, status, buf, sz);
		forget(r);
		return buf;
	}
	snprintf(buf, sz, "REC %s %s", r->path, megabytes(size_of(r), num));
	return buf;
}

char *ft_top_record_end(struct ft_top_record *r, char *buf, size_t sz)
{
	int status;

	buf[0] = 0;
	if (!r->pid)
		return buf;
	kill(r->pid, SIGINT);
	while (waitpid(r->pid, &status, 0) < 0) {
		if (errno == EINTR)
			continue;
		status = 1 << 8;
		break;
	}
	last_words(r, status, buf, sz);
	forget(r);
	return buf;
}
