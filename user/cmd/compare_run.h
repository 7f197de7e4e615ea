/* SPDX-License-Identifier: BSD-2-Clause */
/* ftprof compare --run: runs two commands in turn, a session each time. */
#ifndef FT_CMD_COMPARE_RUN_H
#define FT_CMD_COMPARE_RUN_H

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include "cmd/session.h"
#include "model/compare.h"

struct ft_compare_run_opts {
	const char *command[2];
	char **argv[2];	  /* their words */
	int n;		  /* runs of each that count, 1..FT_COMPARE_MAX */
	int warm_up;	  /* runs of each before them that do not */
	const char *keep; /* a directory for the sessions; NULL: they are not kept */
	bool force;	  /* replace sessions that are there */
	struct ft_record_opts rec;
};

/* The sessions of a comparison. All zero: none. */
struct ft_compare_runs {
	char dir[PATH_MAX - 64];
	bool temporary; /* the directory and what is in it go with this */
	sigset_t mask;	/* as it was: until the end no signal leaves the directory behind */
	bool masked;
	char *path[2][FT_COMPARE_MAX];
	size_t cnt[2];
};

/*
 * Runs and records both commands, n times each. What goes wrong, a command that fails included,
 * has been logged in one line. 0 or -errno; call ft_compare_runs_end() in either case.
 */
int ft_compare_run(const struct ft_compare_run_opts *o, struct ft_compare_runs *out);
/*
 * Removes the sessions, unless they are to be kept; open ones stay readable. SIGINT, SIGTERM and
 * SIGHUP, held back since ft_compare_run(), come through again. The names stay.
 */
void ft_compare_runs_end(struct ft_compare_runs *r);
void ft_compare_runs_free(struct ft_compare_runs *r); /* after the end */

#endif
