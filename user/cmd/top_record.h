/* SPDX-License-Identifier: BSD-2-Clause */
/* `ftprof record` beside the live screen: a process of its own, so that neither disturbs the other.
 */
#ifndef FT_CMD_TOP_RECORD_H
#define FT_CMD_TOP_RECORD_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct ft_top_record {
	pid_t pid;  /* 0: none runs */
	int errors; /* its standard error, a file; -1 */
	char path[PATH_MAX];
};

void ft_top_record_init(struct ft_top_record *r);
/* Starts it, into a new file in the working directory. 0 or -errno (logged). */
int ft_top_record_start(struct ft_top_record *r, int pid);
/*
 * One line on how it stands while it runs ("REC name, 1.2 MB"); when it has ended by itself, how,
 * and *ended. Returns buf; empty: nothing runs.
 */
char *ft_top_record_words(struct ft_top_record *r, char *buf, size_t sz, bool *ended);
/* Ends it as Ctrl-C does and waits until its file is whole; one line says where that is. */
char *ft_top_record_end(struct ft_top_record *r, char *buf, size_t sz);

#endif
