/* SPDX-License-Identifier: BSD-2-Clause */
/* The figures of a report from a session's totals. */
#include "model/model.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "model/group.h"
#include "model/scaling.h"
#include "model/split.h"
#include "model/syscalls.h"
#include "ftprof_state.h"

double ft_share(__u64 part, __u64 whole)
{
	return whole ? (double)part / (double)whole : 0;
}

__u64 ft_hist_quantile(const __u64 *hist, size_t len, double q)
{
	double total = 0, below = 0;
	size_t i, last = 0;

	for (i = 0; i < len; i++)
		total += (double)hist[i];
	if (total <= 0)
		return 0;
	for (i = 0; i < len; i++) {
		if (!hist[i])
			continue;
		last = i;
		below += (double)hist[i];
		if (below >= q * total)
			break;
	}
	return ft_hist_value((__u32)last);
}

/* A bucket's middle can lie above the longest wait, which is exact. */
static __u64 quantile_max(const __u64 *hist, double q, __u64 max)
{
	__u64 v = ft_hist_quantile(hist, FT_HIST_LEN, q);

	return max && v > max ? max : v;
}

static void gil_figures(struct ft_model *m)
{
	const struct ft_totals *tot = m->totals;
	__u64 all[FT_HIST_LEN] = {0};
	size_t o, i;

	m->held_off_ns = m->all.held_off_ns;
	m->held_ns = m->all.state_ns[FT_R_ON_GIL] + m->held_off_ns;
	m->wait_ns = m->all.state_ns[FT_R_GIL_WAIT];
	m->waits = m->all.gil_waits;
	m->waits_lo = m->all.gil_waits_lo;
	m->waits_hi = m->all.gil_waits_hi;
	m->wait_max_ns = m->all.gil_wait_max_ns;
	for (o = 0; o < FT_OR_CNT; o++) {
		const __u64 *hist = tot->wait_hist[o];

		for (i = 0; i < FT_HIST_LEN; i++) {
			all[i] += hist[i];
			m->by_origin[o].waits += hist[i];
		}
		m->by_origin[o].p50_ns = quantile_max(hist, 0.50, m->wait_max_ns);
		m->by_origin[o].p99_ns = quantile_max(hist, 0.99, m->wait_max_ns);
	}
	m->wait_p50_ns = quantile_max(all, 0.50, m->wait_max_ns);
	m->wait_p99_ns = quantile_max(all, 0.99, m->wait_max_ns);
	m->handoffs = tot->handoffs;
	m->handoffs_per_sec =
		m->duration_ns ? (double)tot->handoffs * 1e9 / (double)m->duration_ns : 0;
	m->hold_p50_ns = ft_hist_quantile(tot->hold_hist, FT_HIST_LEN, 0.50);
	m->hold_p99_ns = ft_hist_quantile(tot->hold_hist, FT_HIST_LEN, 0.99);
}

static void core_figures(struct ft_model *m)
{
	const struct ft_session_info *info = m->info;
	const struct ft_totals *tot = m->totals;
	__u32 allowed = info->cpus_cnt, k;
	double sum = 0;

	if (!allowed)
		allowed = info->cpu_cnt;
	if (!allowed)
		allowed = 1;
	m->cores = allowed;
	m->core_limit = allowed;
	if (isfinite(info->quota) && info->quota > 0 && info->quota < allowed) {
		m->cores = (__u32)ceil(info->quota);
		m->core_limit = info->quota;
	}
	for (k = 1; k <= FT_MAX_CPUS; k++) {
		if (!tot->level_ns[k])
			continue;
		m->par_any_ns += tot->level_ns[k];
		m->par_max = k;
		sum += (double)tot->level_ns[k] * k;
	}
	m->par_mean = m->par_any_ns ? sum / (double)m->par_any_ns : 0;
	m->cores_used = ft_share(m->all.on_ns, m->duration_ns);
	m->lost_ns = tot->sums.lost_parallel_ns;
	m->lost_cores = ft_share(m->lost_ns, m->duration_ns);
}

/* The few system calls that threads slept in longest. */
static void syscall_figures(struct ft_model *m)
{
	const size_t max = sizeof(m->top_syscalls) / sizeof(m->top_syscalls[0]);
	struct ft_syscall_share *top = m->top_syscalls;
	size_t i;
	__u32 nr;

	for (nr = 0; nr < FT_MAX_SYSCALLS; nr++) {
		__u64 ns = m->totals->syscall_ns[nr];

		if (!ns || (m->top_syscall_cnt == max && ns <= top[max - 1].ns))
			continue;
		if (m->top_syscall_cnt < max)
			m->top_syscall_cnt++;
		for (i = m->top_syscall_cnt - 1; i > 0 && top[i - 1].ns < ns; i--)
			top[i] = top[i - 1];
		memset(&top[i], 0, sizeof(top[i]));
		top[i].nr = nr;
		top[i].ns = ns;
	}
	for (i = 0; i < m->top_syscall_cnt; i++)
		ft_syscall_name(top[i].nr, top[i].name, sizeof(top[i].name));
}

static void event_figures(struct ft_model *m)
{
	const struct ft_totals *tot = m->totals;
	const __u64 *cnt = tot->sums.cnt;

	m->received = cnt[FT_CN_EVENTS];
	m->lost = cnt[FT_CN_LOST_RING] + tot->events_dropped + tot->events_malformed;
	m->loss_share = m->lost ? (double)m->lost / ((double)m->received + (double)m->lost) : 0;
	m->missed_threads = cnt[FT_CN_NO_SLOT] + cnt[FT_CN_NO_STORAGE];
	m->self_core_share = ft_share(tot->ftprof_cpu_ns + tot->bpf_ns, m->duration_ns);
}

size_t ft_model_levels(const struct ft_model *m, struct ft_level out[FT_LEVELS_MAX])
{
	bool ranges = m->par_max > 7;
	size_t cnt = 0;
	__u32 lo, hi, k;

	for (lo = 0; lo <= m->par_max && cnt < FT_LEVELS_MAX; lo = hi + 1) {
		struct ft_level lv = {.lo = lo};

		hi = ranges && lo >= 4 ? 2 * lo - 1 : lo;
		if (hi > m->par_max)
			hi = m->par_max;
		lv.hi = hi;
		for (k = lo; k <= hi; k++)
			lv.ns += m->totals->level_ns[k];
		if (lv.ns)
			out[cnt++] = lv;
	}
	return cnt;
}

int ft_model_from(const struct ft_model_src *src, struct ft_model *out)
{
	const struct ft_session_info *info = src->info;
	const struct ft_totals *totals = src->totals;
	const struct ft_thread_rec *recs = src->recs;
	struct ft_split_ctx ctx = {0};
	size_t cnt = src->cnt, i;
	int err;

	memset(out, 0, sizeof(*out));
	if (!info || !totals || (cnt && !recs) || cnt >= FT_NO_THREAD)
		return -EINVAL;
	out->info = info;
	out->totals = totals;
	out->damage = src->damage;
	if (totals->end_ns > info->start_ns)
		out->duration_ns = totals->end_ns - info->start_ns;
	ctx.gil_off = info->gil == FT_GIL_OFF;
	out->gil_present = !ctx.gil_off;
	out->threads = calloc(cnt ? cnt : 1, sizeof(*out->threads));
	if (!out->threads) {
		err = -ENOMEM;
		goto out;
	}
	out->thread_cnt = cnt;
	for (i = 0; i < cnt; i++)
		ft_split_ctx_add(&ctx, &recs[i]);
	for (i = 0; i < cnt; i++) {
		out->threads[i].thr = (__u32)i;
		ft_split_thread(&ctx, &recs[i], &out->threads[i]);
		ft_split_sum(&out->all, &out->threads[i]);
	}
	ft_split_sum_end(&out->all);
	/* without a GIL nothing tells a native thread from one that runs Python */
	err = ft_group_build(out, out->gil_present);
	if (err)
		goto out;
	core_figures(out);
	gil_figures(out);
	syscall_figures(out);
	event_figures(out);
	err = ft_scaling_build(out, src->findings, src->stacks, src->others_ns, &out->scaling);
	if (err)
		goto out;
	ft_verdict_decide(out);
out:
	if (err)
		ft_model_free(out);
	return err;
}

/* What the cores of the process gave to other processes. */
struct others {
	const struct ft_session_info *info;
	__u64 ns;
};

static int add_others(void *ctx, const struct ft_event *ev)
{
	struct others *o = ctx;
	__u32 i;

	if (ev->type != FT_EV_CPU)
		return 0;
	for (i = 0; i < o->info->cpus_cnt && i < FT_MAX_CPUS; i++) {
		if (o->info->cpus[i] == ev->cpu && o->ns + ev->out_ns >= o->ns) {
			o->ns += ev->out_ns;
			break;
		}
	}
	return 0;
}

int ft_model_build(struct ft_reader *r, struct ft_model *out)
{
	struct ft_model_src src = {
		.info = ft_reader_info(r),
		.totals = ft_reader_totals(r),
		.findings = ft_reader_findings(r),
		.stacks = ft_reader_stacks(r),
	};
	struct others others = {.info = src.info};
	int err;

	memset(out, 0, sizeof(*out));
	src.recs = ft_reader_threads(r, &src.cnt);
	/* only where it is asked what kept the cores from working; it costs a pass */
	if (src.info->free_threaded && src.info->has_events) {
		err = ft_reader_events(r, 0, ~0ull, add_others, &others);
		if (err)
			return err;
		src.others_ns = others.ns;
	}
	src.damage = ft_reader_damage(r);
	return ft_model_from(&src, out);
}

void ft_model_free(struct ft_model *m)
{
	if (!m)
		return;
	free(m->threads);
	free(m->groups);
	ft_scaling_free(m->scaling);
	memset(m, 0, sizeof(*m));
}
