/* SPDX-License-Identifier: BSD-2-Clause */
/* One live session: from a process id or a command to a session file. */
#ifndef FT_CAPTURE_CAPTURE_H
#define FT_CAPTURE_CAPTURE_H

#include <linux/types.h>
#include <stdbool.h>
#include "capture/exact.h"
#include "capture/watch.h"
#include "record/session.h"

struct ft_capture_opts {
	int pid;	   /* attach to it; 0: start argv */
	char *const *argv; /* NULL-terminated */
	__u64 duration_ns; /* 0: until Ctrl-C or the target's end */
	enum ft_exact_mode exact;
	double max_overhead; /* of the GIL probes, and of those on pauses: share of one core */
	bool no_probes;	     /* none but those of the GIL: not on pauses, its return, collections */
	bool with_events;    /* false: totals only */
	__u32 tick_hz;
	__u32 stack_hz; /* on-core stacks a second and core, at most tick_hz; 0: no stacks */
	bool native;	/* with native frames */
	bool kernel;	/* with kernel frames */
	bool progress;	/* a progress line on standard error */
	bool bpf_stats; /* run-time statistics of BPF programs for the whole session */
	struct ft_writer_opts out;
	const struct ft_watch *watch; /* not NULL: no file is written, `out` is not used */
};

struct ft_capture_result {
	enum ft_end end;
	int status; /* of a started command, as from wait(2); -1: not known */
	/* a signal came, whatever ended the session then; set also on error */
	bool interrupted;
	__u64 events; /* received */
	__u64 lost;
	__u64 attach_ns; /* from the start of the set-up to the start of the session */
	int signal;	 /* that ended it, 0: none did */
};

/*
 * Runs the session. What goes wrong has been logged in one line. 0 or -errno; on error no session
 * file is left behind.
 */
int ft_capture_run(const struct ft_capture_opts *opts, struct ft_capture_result *res);

#endif
