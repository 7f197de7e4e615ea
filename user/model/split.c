/* SPDX-License-Identifier: BSD-2-Clause */
/* On-core time split by probes and ticks, with the interval that goes with it. */
#include "model/split.h"
#include <math.h>
#include <stdint.h>
#include <string.h>

#define Z_99 2.5758293035489 /* two-sided 99 % */

double ft_wilson_err(__u64 k, __u64 n)
{
	double p, z2n, mid, half, lo, hi;

	if (!n)
		return 1;
	if (k > n)
		k = n;
	p = (double)k / (double)n;
	z2n = Z_99 * Z_99 / (double)n;
	mid = (p + z2n / 2) / (1 + z2n);
	half = Z_99 / (1 + z2n) * sqrt((p * (1 - p) + z2n / 4) / (double)n);
	lo = p - (mid - half);
	hi = mid + half - p;
	return lo > hi ? lo : hi;
}

/* a * b / c without overflow; c is not 0 and b <= c. */
static __u64 mul_div(__u64 a, __u64 b, __u64 c)
{
	return (__u64)((unsigned __int128)a * b / c);
}

static size_t largest(const __u64 v[FT_ON_CNT])
{
	size_t best = 0, i;

	for (i = 1; i < FT_ON_CNT; i++)
		if (v[i] > v[best])
			best = i;
	return best;
}

/* Saturates: a damaged file must not make a large count a small one. */
static __u64 add_sat(__u64 a, __u64 b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

static __u64 total(const __u64 v[FT_ON_CNT])
{
	return add_sat(add_sat(v[FT_ON_GIL], v[FT_ON_FREE]), v[FT_ON_SPIN]);
}

/* By the time a GIL is off nothing that ran can have held it. */
static void fold_gil(__u64 v[FT_ON_CNT])
{
	v[FT_ON_FREE] = add_sat(v[FT_ON_FREE], v[FT_ON_GIL]);
	v[FT_ON_GIL] = 0;
}

void ft_split_ctx_add(struct ft_split_ctx *ctx, const struct ft_thread_rec *rec)
{
	size_t i;

	for (i = 0; i < FT_ON_CNT; i++)
		ctx->tick_cnt[i] = add_sat(ctx->tick_cnt[i], rec->t.tick_cnt[i]);
	if (ctx->gil_off)
		fold_gil(ctx->tick_cnt);
}

static __u64 scale_err(__u64 ns, double share)
{
	double v = (double)ns * share + 0.5;

	return share >= 1 || v >= (double)ns ? ns : (__u64)v;
}

/* Deals `rest` out by the counts; what rounding leaves goes to the largest. */
static void deal(__u64 *parts, __u64 rest, const __u64 cnt[FT_ON_CNT])
{
	__u64 n = total(cnt), left = rest;
	size_t i;

	for (i = 0; i < FT_ON_CNT; i++) {
		__u64 ns = mul_div(rest, cnt[i] < n ? cnt[i] : n, n);

		if (ns > left)
			ns = left;
		parts[i] += ns;
		left -= ns;
	}
	parts[largest(cnt)] += left;
}

static void split_on(const struct ft_split_ctx *ctx, const struct ft_thread *rt,
		     struct ft_mthread *t)
{
	__u64 exact[FT_ON_CNT], parts[FT_ON_CNT], rest = t->on_ns;
	size_t i;

	memcpy(exact, rt->exact_ns, sizeof(exact));
	memcpy(t->tick_cnt, rt->tick_cnt, sizeof(t->tick_cnt));
	if (ctx->gil_off) {
		fold_gil(exact);
		fold_gil(t->tick_cnt);
	}
	t->ticks = total(t->tick_cnt);
	for (i = 0; i < FT_ON_CNT; i++) {
		/* never more than there was, whatever the record says */
		parts[i] = exact[i] < rest ? exact[i] : rest;
		rest -= parts[i];
	}
	t->on_ticked_ns = rest;
	if (t->ticks) {
		deal(parts, rest, t->tick_cnt);
	} else if (total(ctx->tick_cnt)) {
		deal(parts, rest, ctx->tick_cnt);
	} else {
		/* a guess: the error below says that it is nothing more */
		parts[ctx->gil_off || !t->python ? FT_ON_FREE : FT_ON_GIL] += rest;
	}
	t->on_split_err_ns =
		scale_err(rest, ft_wilson_err(t->tick_cnt[largest(t->tick_cnt)], t->ticks));
	for (i = 0; i < FT_ON_CNT; i++)
		t->state_ns[FT_R_ON_GIL + i] = parts[i];
}

void ft_split_thread(const struct ft_split_ctx *ctx, const struct ft_thread_rec *rec,
		     struct ft_mthread *t)
{
	const struct ft_thread *rt = &rec->t;
	__u64 sum = 0;
	size_t i;

	t->tid = rt->tid;
	t->ns_tid = rt->ns_tid;
	memcpy(t->name, rec->name, sizeof(t->name));
	t->name[sizeof(t->name) - 1] = '\0';
	t->leader = rt->flags & FT_TF_LEADER;
	t->python = rt->flags & FT_TF_PYTHON;
	t->exited = rt->flags & FT_TF_EXITED;
	t->lifetime_ns = rt->since_ns > rt->start_ns ? rt->since_ns - rt->start_ns : 0;
	t->on_ns = rt->state_ns[FT_ST_ON];
	split_on(ctx, rt, t);
	for (i = FT_ST_GIL_WAIT; i < FT_ST_CNT; i++)
		t->state_ns[FT_R_GIL_WAIT + i - FT_ST_GIL_WAIT] = rt->state_ns[i];
	for (i = 0; i < FT_R_CNT; i++)
		sum += t->state_ns[i];
	t->residual_ns = (__s64)(t->lifetime_ns - sum);
	t->gil_wait_runq_ns = rt->gil_wait_runq_ns;
	t->gil_waits = rt->gil_wait_cnt;
	t->gil_waits_lo = rt->gil_wait_lo;
	t->gil_waits_hi = rt->gil_wait_hi;
	if (t->gil_waits_lo > t->gil_waits)
		t->gil_waits_lo = t->gil_waits;
	if (t->gil_waits_hi < t->gil_waits)
		t->gil_waits_hi = t->gil_waits;
	t->gil_wait_max_ns = rt->gil_wait_max_ns;
	t->held_off_ns = rt->held_off_ns;
	t->switches = rt->switch_cnt;
	t->gil_wants_ns = t->state_ns[FT_R_GIL_WAIT] + t->state_ns[FT_R_GIL_SWITCH];
	t->want_ns = t->on_ns + t->gil_wants_ns + t->state_ns[FT_R_LOCK_WAIT] +
		     t->state_ns[FT_R_RUNQ] + t->state_ns[FT_R_STW];
}

void ft_split_sum(struct ft_mthread *sum, const struct ft_mthread *t)
{
	size_t i;

	for (i = 0; i < FT_R_CNT; i++)
		sum->state_ns[i] += t->state_ns[i];
	for (i = 0; i < FT_ON_CNT; i++)
		sum->tick_cnt[i] = add_sat(sum->tick_cnt[i], t->tick_cnt[i]);
	sum->lifetime_ns += t->lifetime_ns;
	sum->residual_ns = (__s64)((__u64)sum->residual_ns + (__u64)t->residual_ns);
	sum->on_ns += t->on_ns;
	sum->on_ticked_ns += t->on_ticked_ns;
	sum->gil_wait_runq_ns += t->gil_wait_runq_ns;
	sum->gil_waits += t->gil_waits;
	sum->gil_waits_lo += t->gil_waits_lo;
	sum->gil_waits_hi += t->gil_waits_hi;
	sum->held_off_ns += t->held_off_ns;
	sum->switches += t->switches;
	sum->gil_wants_ns += t->gil_wants_ns;
	sum->want_ns += t->want_ns;
	if (t->gil_wait_max_ns > sum->gil_wait_max_ns)
		sum->gil_wait_max_ns = t->gil_wait_max_ns;
	sum->python |= t->python;
	sum->leader |= t->leader;
}

void ft_split_sum_end(struct ft_mthread *sum)
{
	sum->ticks = total(sum->tick_cnt);
	sum->on_split_err_ns =
		scale_err(sum->on_ticked_ns,
			  ft_wilson_err(sum->tick_cnt[largest(sum->tick_cnt)], sum->ticks));
}
