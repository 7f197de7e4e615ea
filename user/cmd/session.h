/* SPDX-License-Identifier: BSD-2-Clause */
/* What all commands that record a session have in common: how it is recorded. */
#ifndef FT_CMD_SESSION_H
#define FT_CMD_SESSION_H

#include <argp.h>
#include <stdbool.h>
#include "capture/capture.h"

struct ft_record_opts {
	const char *verb; /* for messages */
	struct ft_capture_opts cap;
	bool no_progress;
	const char *given; /* the last option that says how to record, NULL: none did */
};

/* --exact, -F, --ticks, -v, ...; the input is a struct ft_record_opts. */
extern const struct argp ft_record_argp;
void ft_record_defaults(struct ft_record_opts *o, const char *verb);
/* After all options are read: what goes together, and the progress line. */
void ft_record_settle(struct ft_record_opts *o);
/* What no session can run without, each with its remedy. 0 or -errno (logged). */
int ft_record_check_host(void);

#endif
