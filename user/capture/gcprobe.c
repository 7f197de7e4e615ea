// SPDX-License-Identifier: BSD-2-Clause
/* Durations of collections by the interpreter's own USDT probes. */
#include "capture/gcprobe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "capture/exact.h"

#define SLACK_NS 10000000ull /* that a short session may spend at its begin */
#define BUDGET_PART 0.5	     /* the other probes live on the same budget */

struct ft_gcprobe {
	struct ft_probe *probe;
	int pid;
	const struct ft_runtime *rt;
	double budget;
	__u64 start;
	bool planted; /* at any time */
	bool failed;
	bool over; /* they had to be taken out */
};

int ft_gcprobe_new(struct ft_probe *p, int pid, const struct ft_runtime *rt, double budget,
		   struct ft_gcprobe **out)
{
	struct ft_gcprobe *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	x->probe = p;
	x->pid = pid;
	x->rt = rt;
	x->budget = budget * BUDGET_PART;
	*out = x;
	return 0;
}

void ft_gcprobe_free(struct ft_gcprobe *x)
{
	free(x);
}

void ft_gcprobe_plant(struct ft_gcprobe *x)
{
	int err = ft_probe_attach_gc(x->probe, x->pid, x->rt->elf.open);

	x->planted = !err;
	if (!err)
		return;
	if (err == -ENOENT) {
		ft_debug("collections are not timed: no USDT probes in the interpreter");
		return;
	}
	x->failed = true;
	ft_warn("cannot plant the probes on collections: %s", strerror(-err));
}

void ft_gcprobe_begin(struct ft_gcprobe *x, __u64 start)
{
	x->start = start;
}

/*
 * Each collection hits both; those that were not timed are as good as none. The compiler leaves a
 * nop for a probe, which the kernel need not step.
 */
__u64 ft_gcprobe_spent(const struct ft_gcprobe *x)
{
	const struct ft_gc_gen *g = ft_probe_gc_gens(x->probe);
	__u64 hits = 0;
	int i;

	for (i = 0; g && x->planted && i < FT_GC_GENS; i++)
		hits += 2 * __atomic_load_n(&g[i].runs, __ATOMIC_RELAXED);
	return hits * FT_PROBE_HIT_NS;
}

void ft_gcprobe_step(struct ft_gcprobe *x, __u64 now)
{
	if (!x->planted || x->over || now <= x->start)
		return;
	if ((double)ft_gcprobe_spent(x) <= x->budget * (double)(now - x->start) + SLACK_NS)
		return;
	ft_probe_detach_gc(x->probe);
	x->over = true;
}

void ft_gcprobe_end(struct ft_gcprobe *x)
{
	if (x->planted)
		ft_probe_detach_gc(x->probe);
}

__u32 ft_gcprobe_site_cnt(const struct ft_gcprobe *x)
{
	return x->planted ? 2 : 0;
}

const char *ft_gcprobe_describe(const struct ft_gcprobe *x)
{
	return x->planted ? "gc__start, gc__done: USDT" : "";
}

const char *ft_gcprobe_limit(const struct ft_gcprobe *x)
{
	if (x->over)
		return "collections came too often for their probes' part of the budget: they are "
		       "not timed; --max-overhead raises it";
	return x->failed ? "collections are not timed: their probes could not be planted" : NULL;
}

void ft_gcprobe_fill(const struct ft_gcprobe *x, struct ft_findings *f)
{
	const struct ft_gc_gen *g = ft_probe_gc_gens(x->probe);
	int i;

	f->gc_exact = g && x->planted && !x->over;
	for (i = 0; i < FT_GC_GENS; i++) {
		struct ft_gc_gen v = {0};

		if (f->gc_exact)
			v = g[i];
		f->gc_timed[i] = v.runs;
		f->gc_ns[i] = v.ns;
		f->gc_max_ns[i] = v.max_ns;
	}
}
