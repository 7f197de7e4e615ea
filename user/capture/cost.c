// SPDX-License-Identifier: BSD-2-Clause
/* What ftprof itself uses. */
#include "capture/cost.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/log.h"

#define FIRST_NS 100000000ull	/* after the begin */
#define WINDOW_NS 50000000ull	/* a window's length */
#define PERIOD_NS 2000000000ull /* begin to begin */

static __u64 own_cpu_ns(long *rss)
{
	struct rusage ru;

	if (getrusage(RUSAGE_SELF, &ru))
		return 0;
	*rss = ru.ru_maxrss;
	return (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000000ull +
	       (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) * 1000ull;
}

static void window_open(struct ft_cost *c, __u64 now)
{
	__u64 misses;

	if (c->failed)
		return;
	c->fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (c->fd >= 0 && !c->price)
		c->price = ft_probe_stats_price(c->probe);
	if (c->fd < 0 || ft_probe_run_time(c->probe, &c->run0_ns, &c->run0, &misses)) {
		ft_debug("no run-time statistics of BPF programs: %s", strerror(errno));
		if (c->fd >= 0)
			close(c->fd);
		c->fd = -1;
		c->failed = true;
		return;
	}
	c->since = now;
}

static void window_close(struct ft_cost *c, __u64 now)
{
	__u64 ns, runs, misses;

	if (c->fd < 0)
		return;
	if (!ft_probe_run_time(c->probe, &ns, &runs, &misses)) {
		c->run_ns += ns - c->run0_ns;
		c->runs += runs - c->run0;
		c->on_ns += now - c->since;
	}
	close(c->fd);
	c->fd = -1;
}

void ft_cost_begin(struct ft_cost *c, struct ft_probe *p, __u64 now, bool always)
{
	long rss = 0;

	memset(c, 0, sizeof(*c));
	c->probe = p;
	c->always = always;
	c->fd = -1;
	c->start = now;
	c->next = now + FIRST_NS;
	c->cpu0_ns = own_cpu_ns(&rss);
	if (always)
		window_open(c, now);
}

void ft_cost_step(struct ft_cost *c, __u64 now)
{
	if (c->always)
		return;
	if (c->fd >= 0 && now - c->since >= WINDOW_NS) {
		window_close(c, now);
		c->next = c->since + PERIOD_NS;
	} else if (c->fd < 0 && now >= c->next) {
		window_open(c, now);
	}
}

void ft_cost_end(struct ft_cost *c, __u64 now, struct ft_cost_sum *out)
{
	__u64 ns, runs;
	long rss = 0;
	double used;

	memset(out, 0, sizeof(*out));
	window_close(c, now);
	out->cpu_ns = own_cpu_ns(&rss) - c->cpu0_ns;
	out->rss_bytes = (__u64)rss * 1024;
	/* without the clock readings of the statistics, which are there only while they measure */
	used = (double)c->run_ns - c->runs * c->price;
	if (c->on_ns && used > 0)
		out->bpf_ns = used * (now - c->start) / c->on_ns;
	if (ft_probe_run_time(c->probe, &ns, &runs, &out->misses))
		out->misses = 0;
}
