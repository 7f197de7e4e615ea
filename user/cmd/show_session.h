/* SPDX-License-Identifier: BSD-2-Clause */
/* A whole session in one file of another form than a report: HTML page, Perfetto trace, CSV. */
#ifndef FT_CMD_SHOW_SESSION_H
#define FT_CMD_SHOW_SESSION_H

#include "export/page.h"

struct ft_show_opts;

/*
 * Writes o->stacks.format, one of a whole session, to o->out or standard output. `path` is the
 * session's file. Returns the exit status; errors have been logged.
 */
int ft_session_export(struct ft_reader *r, const struct ft_model *m, const struct ft_show_opts *o,
		      const char *path);
/*
 * A page of two sessions, one above the other; `compare` is their comparison as JSON. `report` of
 * the sides is filled in here. Returns the exit status; errors have been logged.
 */
int ft_session_page_pair(struct ft_page_side side[2], const char *compare,
			 const struct ft_show_opts *o);

#endif
