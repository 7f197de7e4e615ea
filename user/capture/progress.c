// SPDX-License-Identifier: BSD-2-Clause
/* The line on a terminal that shows a session at work. */
#include "capture/progress.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/units.h"

#define PERIOD_NS 250000000ull

static void draw(void *ctx)
{
	struct ft_progress *g = ctx;

	fprintf(stderr, "\r\033[K%s", g->line);
	fflush(stderr);
}

void ft_progress_begin(struct ft_progress *g, bool on, __u64 start, __u64 duration_ns)
{
	memset(g, 0, sizeof(*g));
	g->on = on;
	g->start = g->last_ns = start;
	g->duration_ns = duration_ns;
	g->next = start + PERIOD_NS;
	if (on)
		ft_log_progress(draw, g);
}

void ft_progress_step(struct ft_progress *g, struct ft_collector *c, struct ft_probe *p, __u64 now)
{
	char events[32], lost[32], total[32] = "";
	struct ft_live live;
	struct ft_sums s;
	double dt;

	if (!g->on || now < g->next)
		return;
	g->next = now + PERIOD_NS;
	ft_collector_live(c, now, &live);
	if (ft_probe_counters(p, &s))
		return;
	dt = now - g->last_ns;
	if (g->duration_ns)
		snprintf(total, sizeof(total), " of %.0f", g->duration_ns / 1e9);
	/* a slot may be read in the middle of a change: the next line is right again */
	snprintf(g->line, sizeof(g->line),
		 "%5.1f%s s  %u threads  %.2f on cores  %.2f wait for the GIL  %s events, %s lost "
		 " Ctrl-C: report",
		 (now - g->start) / 1e9, total, live.threads,
		 live.on_ns > g->last_on ? (live.on_ns - g->last_on) / dt : 0.0,
		 live.gil_wait_ns > g->last_wait ? (live.gil_wait_ns - g->last_wait) / dt : 0.0,
		 ft_format_count(s.cnt[FT_CN_EVENTS], events, sizeof(events)),
		 ft_format_count(s.cnt[FT_CN_LOST_RING], lost, sizeof(lost)));
	g->last_ns = now;
	g->last_on = live.on_ns;
	g->last_wait = live.gil_wait_ns;
	draw(g);
}

void ft_progress_end(struct ft_progress *g)
{
	if (!g->on)
		return;
	ft_log_progress(NULL, NULL);
	fputs("\r\033[K", stderr);
	fflush(stderr);
	g->on = false;
}
