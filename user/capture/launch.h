/* SPDX-License-Identifier: BSD-2-Clause */
/* Starting the command of `ftprof -- COMMAND` as the user who called sudo, held at a gate. */
#ifndef FT_CAPTURE_LAUNCH_H
#define FT_CAPTURE_LAUNCH_H

#include <sys/types.h>

struct ft_launch {
	pid_t pid;
	int gate_fd;  /* closing it lets the command start */
	int error_fd; /* the child writes its errno here when it cannot start the command */
};

/*
 * Forks a child that waits at the gate, so that it can be made a target before its first
 * instruction. Under sudo it becomes the calling user again, with that user's groups, environment
 * and PATH. 0 or -errno (logged).
 */
int ft_launch(char *const argv[], struct ft_launch *out);
/* Opens the gate. 0, or -errno of the exec (logged). */
int ft_launch_release(struct ft_launch *l, const char *name);
/* Ends a child that never got through the gate. */
void ft_launch_abort(struct ft_launch *l);

/*
 * The environment of the user behind sudo, from the sudo process above us, since sudo itself
 * hands on a reduced one; NULL when there is no sudo. A malloc'ed vector, NULL-terminated; free it
 * and its first string (one block).
 */
char **ft_launch_sudo_env(void);

#endif
