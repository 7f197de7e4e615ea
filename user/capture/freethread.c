// SPDX-License-Identifier: BSD-2-Clause
/* Probes and windows of a session with a free-threaded interpreter. */
#include "capture/freethread.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "capture/exact.h"

#define YIELD_FIRST_NS 50000000ull
#define YIELD_EVERY_NS 500000000ull
#define YIELD_WINDOW_NS 4000000ull
#define YIELD_Z 2.576 /* 99 % */

/* Probes on pauses that cost more than their budget are taken out, and come back in windows. */
#define PAUSE_SLACK_NS 20000000ull /* that a short session may spend at its begin */
#define PAUSE_WINDOW_NS 200000000ull
#define PAUSE_OUT_NS 60000000ull /* a core for as long as taking them out lasts */

struct ft_freethread {
	struct ft_probe *probe;
	int pid;
	double budget;
	struct ft_ftsites sites;
	char why[160];
	__u64 start;
	/* pauses */
	bool pause_in;
	bool pause_windows; /* they had to be taken out once */
	bool pause_failed;
	bool warn_in;
	__u32 gen;
	__u64 pause_since, pause_ns; /* in place since; all together before that */
	__u64 hits0, spent_ns;
	/* yields */
	__u64 yield_next;
	__u64 yield_ns;
	__u64 yields;
	__u32 windows;
	double rate_sum, rate_sum2; /* of the windows' yields a nanosecond */
	int yield_err;
};

static __u64 clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (__u64)ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

int ft_freethread_new(struct ft_probe *p, int pid, const struct ft_runtime *rt, double budget,
		      struct ft_freethread **out)
{
	struct ft_freethread *x = calloc(1, sizeof(*x));
	int err = 0;

	if (!x)
		return -ENOMEM;
	x->probe = p;
	x->pid = pid;
	x->budget = budget;
	if (budget > 0)
		err = ft_ftsites_find(pid, rt, &x->sites, x->why, sizeof(x->why));
	else
		snprintf(x->why, sizeof(x->why), "--no-probes");
	if (err == -ENOMEM) {
		free(x);
		return err;
	}
	if (err)
		ft_debug("no places for probes: %s", x->why);
	*out = x;
	return 0;
}

void ft_freethread_free(struct ft_freethread *x)
{
	free(x);
}

static __u64 count_of(struct ft_freethread *x, enum ft_cnt what)
{
	struct ft_sums s;

	return ft_probe_counters(x->probe, &s) ? 0 : s.cnt[what];
}

static struct ft_uprobe uprobe_at(const struct ft_freethread *x, enum ft_ftsite_kind kind,
				  enum ft_probe_prog prog)
{
	return (struct ft_uprobe){
		.prog = prog,
		.pid = x->pid,
		.path = x->sites.site[kind].path,
		.offset = x->sites.site[kind].offset,
	};
}

/* Both or none: one tells nothing. */
static bool has_pause_sites(const struct ft_freethread *x)
{
	return x->sites.found[FT_FTSITE_STOP] && x->sites.found[FT_FTSITE_START];
}

static void pauses_in(struct ft_freethread *x)
{
	struct ft_uprobe u[2] = {
		uprobe_at(x, FT_FTSITE_STOP, FT_PROG_STOP_WORLD),
		uprobe_at(x, FT_FTSITE_START, FT_PROG_START_WORLD),
	};
	int err;

	err = ft_probe_attach_uprobes(x->probe, FT_SET_PAUSE, u, 2);
	if (err) {
		ft_warn("cannot plant the probes on stop-the-world pauses: %s", strerror(-err));
		ft_probe_detach_uprobes(x->probe, FT_SET_PAUSE);
		x->pause_failed = true;
		return;
	}
	ft_probe_window(x->probe, FT_SET_PAUSE, ++x->gen);
	x->hits0 = count_of(x, FT_CN_PROBE_PAUSE);
	x->pause_since = clock_now();
	x->pause_in = true;
}

static __u64 spent(struct ft_freethread *x)
{
	__u64 price = FT_PROBE_HIT_NS;
	int i;

	for (i = FT_FTSITE_STOP; i <= FT_FTSITE_START; i++)
		if (x->sites.site[i].insn == FT_INSN_STEP)
			price = FT_PROBE_STEP_NS;
	return x->spent_ns + (count_of(x, FT_CN_PROBE_PAUSE) - x->hits0) * price;
}

static void pauses_out(struct ft_freethread *x)
{
	if (!x->pause_in)
		return;
	ft_probe_window(x->probe, FT_SET_PAUSE, ++x->gen); /* even: they count no more */
	x->pause_ns += clock_now() - x->pause_since;
	ft_probe_detach_uprobes(x->probe, FT_SET_PAUSE);
	x->spent_ns = spent(x);
	x->pause_in = false;
}

void ft_freethread_plant(struct ft_freethread *x)
{
	struct ft_uprobe u;
	int err;

	if (has_pause_sites(x))
		pauses_in(x);
	if (!x->sites.found[FT_FTSITE_WARN])
		return;
	u = uprobe_at(x, FT_FTSITE_WARN, FT_PROG_WARN);
	err = ft_probe_attach_uprobes(x->probe, FT_SET_WARN, &u, 1);
	if (err)
		ft_warn("cannot plant the probe on the GIL's return: %s", strerror(-err));
	x->warn_in = !err;
}

void ft_freethread_begin(struct ft_freethread *x, __u64 start)
{
	x->start = start;
	x->yield_next = start + YIELD_FIRST_NS;
	/* they count from the session's start on, even though they were there before */
	if (x->pause_in && x->pause_since < start)
		x->pause_since = start;
}

/* In place as long as they are within their budget; then in windows, as much as it allows. */
static void step_pauses(struct ft_freethread *x, __u64 now, __u64 others_ns)
{
	double room = x->budget * (now - x->start) + PAUSE_SLACK_NS - (double)others_ns;

	if (x->pause_failed || !has_pause_sites(x))
		return;
	if (x->pause_in) {
		if (x->pause_windows ? now - x->pause_since < PAUSE_WINDOW_NS : spent(x) <= room)
			return;
		pauses_out(x);
		x->pause_windows = true;
		x->spent_ns += PAUSE_OUT_NS;
		return;
	}
	if (x->spent_ns + PAUSE_OUT_NS <= room)
		pauses_in(x);
}

/*
 * One window. The tracepoint is in place for longer than it counts: coming and going take the
 * kernel some milliseconds.
 */
static void count_yields(struct ft_freethread *x)
{
	struct timespec ts = {.tv_nsec = YIELD_WINDOW_NS};
	__u64 t0, ns, n0, n;
	double rate;

	x->yield_err = ft_probe_yields(x->probe, true);
	if (x->yield_err) {
		ft_debug("calls of sched_yield() cannot be counted: %s", strerror(-x->yield_err));
		return;
	}
	n0 = count_of(x, FT_CN_YIELDS);
	t0 = clock_now();
	ft_probe_yield_window(x->probe, true);
	nanosleep(&ts, NULL);
	ft_probe_yield_window(x->probe, false);
	ns = clock_now() - t0;
	ft_probe_yields(x->probe, false);
	n = count_of(x, FT_CN_YIELDS) - n0;
	rate = ns ? (double)n / ns : 0;
	x->windows++;
	x->yield_ns += ns;
	x->yields += n;
	x->rate_sum += rate;
	x->rate_sum2 += rate * rate;
}

void ft_freethread_step(struct ft_freethread *x, __u64 now, __u64 others_ns)
{
	step_pauses(x, now, others_ns);
	if (now >= x->yield_next && !x->yield_err) {
		count_yields(x);
		x->yield_next = clock_now() + YIELD_EVERY_NS;
	}
}

void ft_freethread_end(struct ft_freethread *x, __u64 now)
{
	(void)now;
	pauses_out(x);
	ft_probe_detach_uprobes(x->probe, FT_SET_WARN);
}

__u32 ft_freethread_site_cnt(const struct ft_freethread *x)
{
	return (x->gen ? 2 : 0) + (x->warn_in ? 1 : 0);
}

static void add_line(char *buf, size_t sz, const char *line)
{
	size_t len = strlen(buf);

	if (len < sz)
		snprintf(buf + len, sz - len, "%s%s", len ? "\n" : "", line);
}

void ft_freethread_describe(const struct ft_freethread *x, char *buf, size_t sz)
{
	char line[FT_SITES_DESC];
	int i;

	buf[0] = 0;
	for (i = 0; i < FT_FTSITE_CNT; i++)
		if (i == FT_FTSITE_WARN ? x->warn_in : x->gen > 0)
			add_line(buf, sz,
				 ft_ftsite_describe(&x->sites.site[i], line, sizeof(line)));
}

void ft_freethread_limits(const struct ft_freethread *x, char *buf, size_t sz)
{
	char line[256];
	int i;

	buf[0] = 0;
	for (i = 0; i < FT_FTSITE_CNT; i++) {
		if (x->sites.found[i])
			continue;
		snprintf(
			line, sizeof(line), "%s (%s)",
			i == FT_FTSITE_WARN
				? "the moment at which an extension brings the GIL back is not seen"
				: "stop-the-world pauses are not counted",
			x->sites.missing[i][0] ? x->sites.missing[i] : x->why);
		add_line(buf, sz, line);
		if (i == FT_FTSITE_STOP)
			i = FT_FTSITE_START; /* one line for the pair */
	}
	if (x->yield_err)
		add_line(buf, sz, "calls of sched_yield() are not counted: no such tracepoint");
}

void ft_freethread_fill(const struct ft_freethread *x, __u64 now, struct ft_findings *f)
{
	double n = x->windows, mean = n ? x->rate_sum / n : 0, var = 0;

	f->pause_window_ns = x->pause_ns;
	if (x->pause_in && now > x->pause_since)
		f->pause_window_ns += now - x->pause_since;
	f->yield_window_ns = x->yield_ns;
	f->yield_windows = x->windows;
	f->yields = x->yields;
	f->yields_rel_err = 1;
	if (n >= 2 && mean > 0) {
		var = (x->rate_sum2 - n * mean * mean) / (n - 1);
		f->yields_rel_err = YIELD_Z * sqrt(var > 0 ? var / n : 0) / mean;
	}
}
