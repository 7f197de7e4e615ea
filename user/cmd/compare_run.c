// SPDX-License-Identifier: BSD-2-Clause
/*
 * ftprof compare --run. The commands take turns as A B B A A B ..., so that a machine that gets
 * warmer, or busier, does so for both.
 */
#include "cmd/compare_run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/asuser.h"
#include "base/log.h"
#include "os/procfs.h"
#include "record/session.h"
#include "record/store.h"

#define WARM_UP FT_COMPARE_MAX /* the number of its session, which no other has */
#define STEP_NS 20000000       /* between two looks at a command that is to end */
#define GRACE_STEPS 100	       /* until it is killed: 2 s */

struct turns {
	const struct ft_compare_run_opts *o;
	struct ft_compare_runs *runs;
	struct ft_store store; /* whose sessions they are */
	int saved[2];	       /* our own standard input and output */
};

static void signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

/* Signals are read by the run, or wait until it is over. */
static int hold_signals(struct ft_compare_runs *r)
{
	sigset_t set;

	signals(&set);
	if (sigprocmask(SIG_BLOCK, &set, &r->mask))
		return ft_err(-errno, "cannot block signals: %s", strerror(errno));
	r->masked = true;
	return 0;
}

/* Waits so long at most. True: a signal says that it is over. */
static bool signalled(long ns)
{
	const struct timespec ts = {.tv_nsec = ns};
	sigset_t set;

	signals(&set);
	return sigtimedwait(&set, NULL, &ts) > 0;
}

static void kill_children(int sig)
{
	size_t cnt = 0, i;
	int *pids = NULL;

	if (!ft_proc_children(FT_PROC, getpid(), &pids, &cnt))
		for (i = 0; i < cnt; i++)
			kill(pids[i], sig);
	free(pids);
}

/*
 * Waits until the command has ended: a launcher outlives the Python that it started, and the next
 * run would have it for company. It is ended when this run is over for another reason. *status is
 * filled in where it was not known. True: interrupted.
 */
static bool await_command(bool interrupted, bool failed, int *status)
{
	int st, steps = 0;

	for (;;) {
		pid_t pid = waitpid(-1, &st, WNOHANG);

		if (pid > 0 && *status == -1)
			*status = st;
		if (pid < 0 && errno != EINTR)
			return interrupted;
		if (pid)
			continue;
		if ((interrupted || failed) && (!steps || steps == GRACE_STEPS))
			kill_children(steps ? SIGKILL : SIGTERM);
		if (interrupted || failed)
			steps++;
		if (signalled(STEP_NS))
			interrupted = true;
	}
}

/* 0, or -ECHILD (logged) for a command that failed. */
static int check_status(const char *command, int status)
{
	if (status == -1 || (WIFEXITED(status) && !WEXITSTATUS(status)))
		return 0;
	if (WIFSIGNALED(status))
		return ft_err(-ECHILD, "%s: ended by signal %d (%s): nothing is compared", command,
			      WTERMSIG(status), strsignal(WTERMSIG(status)));
	return ft_err(-ECHILD, "%s: failed with exit status %d: nothing is compared", command,
		      WEXITSTATUS(status));
}

static void remove_session(const struct turns *t, const char *path)
{
	struct ft_as_user as;

	if (ft_as_user_begin(&as, !t->runs->temporary && t->store.own, t->store.uid, t->store.gid))
		return;
	unlink(path);
	ft_as_user_end(&as);
}

/* One session of a side. 0 or -errno (logged), and then there is no file. */
static int run_once(struct turns *t, int side, const char *path)
{
	struct ft_capture_opts cap = t->o->rec.cap;
	struct ft_capture_result res;
	bool made;
	int err;

	cap.argv = t->o->argv[side];
	cap.out.path = path;
	cap.out.force = t->o->force;
	cap.out.as_user = cap.out.own = !t->runs->temporary && t->store.own;
	cap.out.uid = t->store.uid;
	cap.out.gid = t->store.gid;
	res.status = -1;
	err = ft_capture_run(&cap, &res);
	made = !err;
	if (await_command(res.interrupted, err != 0, &res.status))
		err = ft_err(-EINTR, "interrupted: nothing is compared");
	err = err ?: check_status(t->o->command[side], res.status);
	if (err && made)
		remove_session(t, path);
	return err;
}

/* The command runs several times: it gets no input, and its output is not ours. */
static int take_streams(struct turns *t)
{
	int null, i, err = 0;

	for (i = 0; i < 2; i++) {
		t->saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 3);
		if (t->saved[i] < 0)
			return ft_err(-errno, "standard input and output must be open: %s",
				      strerror(errno));
	}
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return ft_err(-errno, "cannot open /dev/null: %s", strerror(errno));
	for (i = 0; i < 2 && !err; i++)
		if (dup2(null, i) < 0)
			err = ft_err(-errno, "cannot replace a standard stream: %s",
				     strerror(errno));
	close(null);
	return err;
}

static void give_streams_back(struct turns *t)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (t->saved[i] < 0)
			continue;
		dup2(t->saved[i], i);
		close(t->saved[i]);
		t->saved[i] = -1;
	}
}

static int make_dir(struct turns *t)
{
	const char *tmp = getenv("TMPDIR");
	struct ft_compare_runs *r = t->runs;
	struct ft_as_user as;
	int err, n;

	if (t->o->keep) {
		n = snprintf(r->dir, sizeof(r->dir), "%s", t->o->keep);
		if (n >= (int)sizeof(r->dir))
			return ft_err(-ENAMETOOLONG, "%s: the name is too long", t->o->keep);
		/* with the rights of the user behind sudo: it is a place of theirs */
		err = ft_as_user_begin(&as, t->store.own, t->store.uid, t->store.gid);
		if (!err && mkdir(r->dir, 0777) && errno != EEXIST)
			err = -errno;
		ft_as_user_end(&as);
		return err ? ft_err(err, "cannot make %s: %s", r->dir, strerror(-err)) : 0;
	}
	n = snprintf(r->dir, sizeof(r->dir), "%s/ftprof-compare-XXXXXX",
		     tmp && tmp[0] == '/' ? tmp : "/tmp");
	if (n >= (int)sizeof(r->dir))
		return ft_err(-ENAMETOOLONG, "TMPDIR is too long");
	if (!mkdtemp(r->dir))
		return ft_err(-errno, "cannot make a directory %s: %s", r->dir, strerror(errno));
	r->temporary = true;
	return 0;
}

static char *session_path(const struct ft_compare_runs *r, int side, size_t no)
{
	char *path;

	return asprintf(&path, "%s/%c%zu.ftprof", r->dir, 'a' + side, no + 1) < 0 ? NULL : path;
}

/* Before the first run, not after some minutes of them. */
static int check_free(const struct turns *t)
{
	int side, no, err = 0;

	for (side = 0; side < 2; side++) {
		for (no = 0; no < t->o->n && !t->o->force && !err; no++) {
			char *path = session_path(t->runs, side, (size_t)no);

			if (!path)
				return ft_err(-ENOMEM, "out of memory");
			if (!access(path, F_OK))
				err = ft_err(-EEXIST,
					     "%s exists: choose another directory or add --force",
					     path);
			free(path);
		}
	}
	return err;
}

/* The session of one turn; it counts when the warm-up is over. */
static int turn(struct turns *t, int round, int side)
{
	struct ft_compare_runs *r = t->runs;
	bool counts = round >= t->o->warm_up;
	size_t no = r->cnt[side];
	char *path;
	int err;

	path = session_path(r, side, counts ? no : WARM_UP);
	if (!path)
		return ft_err(-ENOMEM, "out of memory");
	if (counts)
		ft_info("run %zu of %d: %s", no + 1, t->o->n, t->o->command[side]);
	else
		ft_info("warm-up: %s", t->o->command[side]);
	err = run_once(t, side, path);
	if (!err && !counts)
		remove_session(t, path);
	if (err || !counts) {
		free(path);
		return err;
	}
	r->path[side][no] = path;
	r->cnt[side]++;
	return 0;
}

int ft_compare_run(const struct ft_compare_run_opts *o, struct ft_compare_runs *out)
{
	struct turns t = {.o = o, .runs = out, .saved = {-1, -1}};
	int round, i, err;

	memset(out, 0, sizeof(*out));
	ft_store_find(&t.store); /* without a home there is still an owner */
	err = hold_signals(out);
	err = err ?: make_dir(&t);
	err = err ?: check_free(&t);
	err = err ?: take_streams(&t);
	for (round = 0; round < o->warm_up + o->n && !err; round++)
		for (i = 0; i < 2 && !err; i++)
			err = turn(&t, round, (round + i) % 2);
	give_streams_back(&t);
	return err;
}

void ft_compare_runs_end(struct ft_compare_runs *r)
{
	size_t i;
	int side;

	for (side = 0; side < 2 && r->temporary; side++)
		for (i = 0; i < r->cnt[side]; i++)
			unlink(r->path[side][i]);
	if (r->temporary && rmdir(r->dir))
		ft_warn("cannot remove %s: %s", r->dir, strerror(errno));
	if (r->masked)
		sigprocmask(SIG_SETMASK, &r->mask, NULL);
	r->masked = false;
}

void ft_compare_runs_free(struct ft_compare_runs *r)
{
	size_t i;
	int side;

	for (side = 0; side < 2; side++)
		for (i = 0; i < r->cnt[side]; i++)
			free(r->path[side][i]);
	memset(r, 0, sizeof(*r));
}
