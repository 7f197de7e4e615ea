// SPDX-License-Identifier: BSD-2-Clause
/* The uprobe engine's policy. */
#include "capture/exact.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"

#define WINDOW_NS 3000000ull /* the kernel adds some milliseconds while it takes the probes out */
#define FIRST_NS 50000000ull
#define FIRST_COST_NS 60000000ull /* one core for as long as taking them out lasts */
#define MIN_GAP_NS 500000000ull

static const enum ft_probe_prog prog_of[FT_SITE_CNT] = {
	[FT_SITE_TAKE] = FT_PROG_TAKE,
	[FT_SITE_DROP] = FT_PROG_DROP,
	[FT_SITE_SIGNAL] = FT_PROG_SIGNAL,
};

int ft_exact_init(struct ft_exact *x, struct ft_probe *p, int pid, const struct ft_runtime *rt,
		  enum ft_exact_mode mode, double budget, char *why, size_t why_sz)
{
	int err;

	memset(x, 0, sizeof(*x));
	x->probe = p;
	x->pid = pid;
	x->mode = mode;
	x->budget = budget;
	x->sites = calloc(1, sizeof(*x->sites));
	if (!x->sites)
		return -ENOMEM;
	err = ft_sites_find(pid, rt, x->sites, why, why_sz);
	if (err && err != -ENOENT)
		return err;
	/*
	 * The moment a thread has the GIL is only seen at the signal on switch_cond: without libc's
	 * pthread_cond_signal there is no uprobe engine (drop_gil alone tells releases only).
	 */
	if (!x->sites->found[FT_SITE_SIGNAL] || !x->sites->found[FT_SITE_TAKE]) {
		int k = x->sites->found[FT_SITE_TAKE] ? FT_SITE_SIGNAL : FT_SITE_TAKE;

		if (!err)
			snprintf(why, why_sz, "%s", x->sites->missing[k]);
		return -ENOENT;
	}
	x->use[FT_SITE_TAKE] = true;
	x->use[FT_SITE_SIGNAL] = true;
	return 0;
}

void ft_exact_describe(const struct ft_exact *x, char *buf, size_t sz)
{
	char line[FT_SITES_DESC];
	size_t len = 0;
	int i;

	buf[0] = 0;
	for (i = 0; i < FT_SITE_CNT; i++) {
		if (!x->use[i])
			continue;
		ft_site_describe(&x->sites->site[i], line, sizeof(line));
		len += snprintf(buf + len, sz - len, "%s%s", len ? "\n" : "", line);
		if (len >= sz)
			return;
	}
}

__u32 ft_exact_site_cnt(const struct ft_exact *x)
{
	__u32 n = 0;
	int i;

	for (i = 0; i < FT_SITE_CNT; i++)
		n += x->use[i];
	return n;
}

static __u64 hits(struct ft_exact *x)
{
	struct ft_sums s;

	if (ft_probe_counters(x->probe, &s))
		return x->hits0;
	return s.cnt[FT_CN_PROBE_TAKE] + s.cnt[FT_CN_PROBE_SIGNAL];
}

static int put_in(struct ft_exact *x, __u64 now)
{
	struct ft_uprobe u[FT_SITE_CNT];
	int i, n = 0, err;

	x->hits0 = hits(x);
	/* odd: in place. Before the first hit, so that it already counts */
	ft_probe_window(x->probe, FT_SET_GIL, ++x->gen);
	for (i = 0; i < FT_SITE_CNT; i++) {
		const struct ft_site *s = &x->sites->site[i];

		if (x->use[i])
			u[n++] = (struct ft_uprobe){
				.prog = prog_of[i],
				.pid = x->pid,
				.path = s->path,
				.offset = s->offset,
			};
	}
	err = ft_probe_attach_uprobes(x->probe, FT_SET_GIL, u, n);
	if (err)
		ft_warn("cannot plant the GIL probes: %s", strerror(-err));
	x->in_place = true;
	x->since = now;
	x->windows++;
	return err;
}

static __u64 clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (__u64)ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void take_out(struct ft_exact *x)
{
	__u64 n, price = FT_PROBE_HIT_NS;
	int i;

	if (!x->in_place)
		return;
	ft_probe_window(x->probe, FT_SET_GIL, ++x->gen); /* even: what threads know is stale */
	x->window_ns += clock_now() - x->since;
	ft_probe_detach_uprobes(x->probe, FT_SET_GIL);
	n = hits(x) - x->hits0;
	for (i = 0; i < FT_SITE_CNT; i++)
		if (x->use[i] && x->sites->site[i].insn == FT_INSN_STEP)
			price = FT_PROBE_STEP_NS;
	x->spent_ns += n * price;
	x->window_cost_ns = n * price;
	x->in_place = false;
}

int ft_exact_begin(struct ft_exact *x, __u64 now)
{
	x->start = now;
	if (x->mode == FT_EXACT_FULL)
		return put_in(x, now);
	x->next = now + FIRST_NS;
	x->window_cost_ns = FIRST_COST_NS;
	return 0;
}

/*
 * A window is opened when the budget over the time so far covers the windows so far and one more
 * like the last: a busy program gets few windows, an idle one many. Of the first nothing is known
 * but that a thread can do little else than hit probes while they are in place.
 */
void ft_exact_step(struct ft_exact *x, __u64 now, __u64 others_ns)
{
	if (x->mode != FT_EXACT_WINDOWS)
		return;
	if (x->in_place) {
		if (now - x->since < WINDOW_NS)
			return;
		take_out(x);
		x->next = clock_now() + MIN_GAP_NS;
		return;
	}
	if (now < x->next || x->failed > 2)
		return;
	if ((double)(x->spent_ns + x->window_cost_ns + others_ns) > x->budget * (now - x->start))
		return;
	if (put_in(x, now))
		x->failed++;
}

void ft_exact_end(struct ft_exact *x, __u64 now)
{
	(void)now;
	take_out(x);
}

void ft_exact_free(struct ft_exact *x)
{
	free(x->sites);
	x->sites = NULL;
}
