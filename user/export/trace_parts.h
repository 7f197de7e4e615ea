/* SPDX-License-Identifier: BSD-2-Clause */
/* What the formats of export/trace.h have in common: the window, and locks by their address. */
#ifndef FT_EXPORT_TRACE_PARTS_H
#define FT_EXPORT_TRACE_PARTS_H

#include <stdbool.h>

#include "base/text.h"
#include "export/trace.h"

/*
 * The window in absolute time, no larger than the session. 0, -ENODATA: the session has no events,
 * or -ERANGE: none of it lies in the times asked for.
 */
int ft_trace_window(struct ft_reader *r, const struct ft_model *m, const struct ft_trace_opts *o,
		    __u64 *from, __u64 *to);
/* Cuts [*from, *to] off at the window's ends; false: nothing is left of it. */
bool ft_trace_cut(__u64 win_from, __u64 win_to, __u64 *from, __u64 *to);

/* The locks of a session that have an address. */
struct ft_trace_locks {
	const struct ft_lock_rec **v; /* by address */
	size_t cnt;
};

/* The findings must outlive it. 0 or -ENOMEM. */
int ft_trace_locks_init(struct ft_trace_locks *l, const struct ft_findings *f);
void ft_trace_locks_free(struct ft_trace_locks *l);
/*
 * Appends what the lock at an address is, "dict (globals of app)", safe to show; nothing when it is
 * not known, or when several were there one after the other.
 */
void ft_trace_lock_label(const struct ft_trace_locks *l, __u64 addr, struct ft_text *out);

#endif
