/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters of a Perfetto trace. Spans do not come in the order in which they begin, and readers add
 * increments up in the order of the file; so an exact curve would need all of them in memory.
 * Columns do not: each has the mean number of threads, from nanoseconds, so that the curve's
 * integral is the exact time.
 */
#include "export/perfetto_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int ft_pf_count_init(struct ft_pf *pf)
{
	__u64 len = pf->to - pf->from;

	/* no sum here may pass 2^64: a session's times are what its file says */
	pf->col_ns = len / FT_PF_COLS + (len % FT_PF_COLS != 0);
	if (pf->col_ns < FT_PF_COL_MIN_NS)
		pf->col_ns = FT_PF_COL_MIN_NS;
	pf->cols = (__u32)(len / pf->col_ns + (len % pf->col_ns != 0));
	pf->on_ns = calloc((size_t)pf->cols + 1, sizeof(*pf->on_ns));
	pf->wait_ns = calloc((size_t)pf->cols + 1, sizeof(*pf->wait_ns));
	return pf->on_ns && pf->wait_ns ? 0 : -ENOMEM;
}

/* v gets what of from..to, inside the window, lies in each column. */
static void add(struct ft_pf *pf, __u64 *v, __u64 from, __u64 to)
{
	__u64 ns;

	if (from < pf->from)
		from = pf->from;
	if (to > pf->to)
		to = pf->to;
	for (; from < to; from += ns) {
		ns = pf->col_ns - (from - pf->from) % pf->col_ns;
		if (ns > to - from)
			ns = to - from;
		v[(from - pf->from) / pf->col_ns] += ns;
	}
}

/* What a core gave to others, a counter of its own; windows of a core come in order of time. */
static void others(struct ft_pf *pf, const struct ft_span *s)
{
	__u64 track = ft_pf_uuid(FT_PF_T_CORE, s->cpu), head = ft_pf_uuid(FT_PF_T_OTHERS, 0);
	struct ft_pf_core *c;
	char name[32];

	if (s->cpu >= FT_MAX_CPUS || s->to_ns <= s->from_ns || s->from_ns >= pf->to ||
	    s->to_ns <= pf->from)
		return;
	c = &pf->core[s->cpu];
	if (!c->track) {
		/* more than once does no harm: the same descriptor again */
		ft_pf_track(pf, head, 0, "Others on the cores",
			    "what each core gave to threads outside the target", NULL);
		snprintf(name, sizeof(name), "core %u: others", s->cpu);
		ft_pf_track(pf, track, head, name, NULL, "%");
		c->track = true;
	}
	if (c->other_to && c->other_to < s->from_ns && c->other_to < pf->to)
		ft_pf_counter(pf, track, c->other_to, 0);
	ft_pf_counter(pf, track, s->from_ns < pf->from ? pf->from : s->from_ns,
		      100 * ft_share(s->arg, s->to_ns - s->from_ns));
	c->other_to = s->to_ns;
}

void ft_pf_count_span(struct ft_pf *pf, const struct ft_span *s)
{
	if (s->type == FT_SPAN_OTHER)
		others(pf, s);
	else if (s->type == FT_SPAN_ON)
		add(pf, pf->on_ns, s->from_ns, s->to_ns);
	else if (s->type == FT_SPAN_OFF && s->state == FT_R_GIL_WAIT)
		add(pf, pf->wait_ns, s->from_ns, s->to_ns);
}

static void curve(struct ft_pf *pf, enum ft_pf_track t, const __u64 *v, const char *name)
{
	__u64 track = ft_pf_uuid(t, 0), begin, width;
	double value, before = -1;

	ft_pf_track(pf, track, ft_pf_uuid(FT_PF_T_PROCESS, 0), name,
		    "mean of each 65,536th part of the session (1 us at least)", "threads");
	for (__u32 i = 0; i < pf->cols; i++) {
		begin = pf->from + i * pf->col_ns;
		width = pf->to - begin < pf->col_ns ? pf->to - begin : pf->col_ns;
		value = ft_share(v[i], width);
		if (value != before)
			ft_pf_counter(pf, track, begin, value);
		before = value;
	}
	ft_pf_counter(pf, track, pf->to, 0);
}

void ft_pf_count_finish(struct ft_pf *pf)
{
	curve(pf, FT_PF_T_ON, pf->on_ns, "threads on cores");
	if (pf->m->gil_present || pf->m->all.state_ns[FT_R_GIL_WAIT])
		curve(pf, FT_PF_T_WAITERS, pf->wait_ns, "threads waiting for the GIL");
	for (__u32 cpu = 0; cpu < FT_MAX_CPUS; cpu++)
		if (pf->core[cpu].track)
			ft_pf_counter(pf, ft_pf_uuid(FT_PF_T_CORE, cpu),
				      pf->core[cpu].other_to < pf->to ? pf->core[cpu].other_to
								      : pf->to,
				      0);
}
