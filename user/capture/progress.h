/* SPDX-License-Identifier: BSD-2-Clause */
/* The line on a terminal that shows a session at work. */
#ifndef FT_CAPTURE_PROGRESS_H
#define FT_CAPTURE_PROGRESS_H

#include "capture/collector.h"

struct ft_progress {
	bool on;
	__u64 start, duration_ns;
	__u64 next;
	__u64 last_ns, last_on, last_wait;
	char line[160];
};

void ft_progress_begin(struct ft_progress *g, bool on, __u64 start, __u64 duration_ns);
void ft_progress_step(struct ft_progress *g, struct ft_collector *c, struct ft_probe *p, __u64 now);
void ft_progress_end(struct ft_progress *g); /* clears the line */

#endif
