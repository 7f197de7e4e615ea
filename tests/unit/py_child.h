/* SPDX-License-Identifier: BSD-2-Clause */
/* A Python process to look at: runs a script, says one line, waits until it is stopped. */
#ifndef PY_CHILD_H
#define PY_CHILD_H

#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "python/runtime.h"

struct py_child {
	pid_t pid;
	int in;			/* its standard input: it ends when this is closed */
	char line[4096];	/* what it said */
	char program[PATH_MAX]; /* the file that it runs */
	char folder[64];	/* of the stripped copy, or empty */
	struct ft_runtime rt;
};

/* Makes c->program a copy of `python` without symbols. */
static bool py_strip(struct py_child *c, const char *python)
{
	char cmd[2 * PATH_MAX + 32];

	snprintf(c->folder, sizeof(c->folder), "/tmp/ftprof-test-XXXXXX");
	if (!mkdtemp(c->folder))
		return false;
	snprintf(c->program, sizeof(c->program), "%s/python3", c->folder);
	snprintf(cmd, sizeof(cmd), "strip -o '%s' '%s'", c->program, python);
	return system(cmd) == 0;
}

static void py_stop(struct py_child *c)
{
	char cmd[128];

	if (c->pid > 0) {
		close(c->in);
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
	}
	if (c->folder[0]) {
		snprintf(cmd, sizeof(cmd), "rm -r %s", c->folder);
		if (system(cmd))
			print_message("%s stays\n", c->folder);
	}
	memset(c, 0, sizeof(*c));
}

/* Runs `script`, which prints a line and then reads. false: there is no such Python. */
static bool py_start(struct py_child *c, const char *python, bool strip, const char *script)
{
	char real[PATH_MAX], home[PATH_MAX], why[256];
	int in[2], out[2];
	FILE *f;

	memset(c, 0, sizeof(*c));
	if (!realpath(python, real))
		return false;
	snprintf(home, sizeof(home), "%s", real);
	snprintf(c->program, sizeof(c->program), "%s", real);
	if (strip)
		assert_true(py_strip(c, real));
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	c->pid = fork();
	if (!c->pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		setenv("PYTHONHOME", dirname(dirname(home)), 1);
		execl(c->program, c->program, "-c", script, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	c->in = in[1];
	f = fdopen(out[0], "r");
	assert_non_null(f);
	if (!fgets(c->line, sizeof(c->line), f))
		fail_msg("%s says nothing", c->program);
	fclose(f);
	if (ft_runtime_find(c->pid, &c->rt, why, sizeof(why)))
		fail_msg("%s", why);
	return true;
}

#endif
