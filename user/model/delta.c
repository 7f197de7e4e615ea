/* SPDX-License-Identifier: BSD-2-Clause */
/* The stretch between two looks at one session. */
#include "model/delta.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "ftprof_state.h"

struct ft_delta_base {
	struct ft_totals totals;
	struct ft_thread_rec *recs;
	size_t cnt;
	struct ft_findings findings; /* lock and pause are owned, other pointers are not used */
	struct ft_weight *weight;    /* as it came: places stay what they were */
	struct ft_weight *sorted;    /* made for what is not in its place */
	size_t weight_cnt;
};

static void *copy_of(const void *v, size_t cnt, size_t sz, int *err)
{
	void *p = calloc(cnt ? cnt : 1, sz);

	if (p && cnt && v)
		memcpy(p, v, cnt * sz);
	else if (!p)
		*err = -ENOMEM;
	return p;
}

static int copy_findings(const struct ft_findings *from, struct ft_findings *to)
{
	int err = 0;

	ft_findings_init(to);
	if (!from)
		return 0;
	*to = *from;
	to->ext = NULL;
	to->gil = NULL;
	to->memory = NULL;
	to->pmu = NULL;
	to->ext_cnt = to->gil_cnt = to->memory_cnt = to->pmu_cnt = 0;
	to->lock = copy_of(from->lock, from->lock_cnt, sizeof(*to->lock), &err);
	to->pause = copy_of(from->pause, from->pause_cnt, sizeof(*to->pause), &err);
	return err;
}

int ft_delta_base_new(const struct ft_model_src *src, struct ft_delta_base **out)
{
	struct ft_delta_base *c = calloc(1, sizeof(*c));
	int err = 0;

	*out = NULL;
	if (!c)
		return -ENOMEM;
	c->totals = *src->totals;
	c->cnt = src->cnt;
	c->recs = copy_of(src->recs, src->cnt, sizeof(*c->recs), &err);
	if (src->stacks && src->stacks->weight) {
		c->weight_cnt = src->stacks->weight_cnt;
		c->weight = copy_of(src->stacks->weight, c->weight_cnt, sizeof(*c->weight), &err);
	}
	if (copy_findings(src->findings, &c->findings))
		err = -ENOMEM;
	if (err)
		ft_delta_base_free(c);
	else
		*out = c;
	return err;
}

void ft_delta_base_free(struct ft_delta_base *c)
{
	if (!c)
		return;
	ft_findings_free(&c->findings);
	free(c->recs);
	free(c->weight);
	free(c->sorted);
	free(c);
}

__u64 ft_delta_base_end_ns(const struct ft_delta_base *c)
{
	return c->totals.end_ns;
}

static __u64 less(__u64 a, __u64 b)
{
	return a > b ? a - b : 0;
}

static void subtract(__u64 *v, const __u64 *base, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		v[i] = less(v[i], base[i]);
}

/* The largest value that a histogram says there was, 0: none. */
static __u64 hist_max(const __u64 *hist)
{
	for (size_t i = FT_HIST_LEN; i-- > 0;)
		if (hist[i])
			return ft_hist_value((__u32)i);
	return 0;
}

static __u64 max_since(__u64 now, __u64 before, __u64 bound)
{
	return now > before || now < bound ? now : bound;
}

/* t becomes what happened to it since `b`, its closed copy of then. */
static void thread_since(struct ft_thread *t, const struct ft_thread *b, __u64 wait_bound)
{
	t->start_ns = b->since_ns;
	subtract(t->state_ns, b->state_ns, FT_ST_CNT);
	subtract(t->tick_cnt, b->tick_cnt, FT_ON_CNT);
	subtract(t->exact_ns, b->exact_ns, FT_ON_CNT);
	t->held_off_ns = less(t->held_off_ns, b->held_off_ns);
	t->gil_wait_runq_ns = less(t->gil_wait_runq_ns, b->gil_wait_runq_ns);
	t->gil_wait_cnt = less(t->gil_wait_cnt, b->gil_wait_cnt);
	t->gil_wait_lo = less(t->gil_wait_lo, b->gil_wait_lo);
	t->gil_wait_hi = less(t->gil_wait_hi, b->gil_wait_hi);
	t->gil_wait_max_ns =
		t->gil_wait_cnt ? max_since(t->gil_wait_max_ns, b->gil_wait_max_ns, wait_bound) : 0;
	t->switch_cnt = less(t->switch_cnt, b->switch_cnt);
	t->exact_take_cnt = less(t->exact_take_cnt, b->exact_take_cnt);
	t->exact_wait_cnt = less(t->exact_wait_cnt, b->exact_wait_cnt);
	t->exact_wait_ns = less(t->exact_wait_ns, b->exact_wait_ns);
	t->repaired = t->repaired > b->repaired ? t->repaired - b->repaired : 0;
}

static void totals_since(struct ft_totals *t, const struct ft_totals *b)
{
	subtract(t->sums.cnt, b->sums.cnt, FT_CN_CNT);
	t->sums.lost_parallel_ns = less(t->sums.lost_parallel_ns, b->sums.lost_parallel_ns);
	t->sums.wait_any_ns = less(t->sums.wait_any_ns, b->sums.wait_any_ns);
	subtract(t->level_ns, b->level_ns, FT_MAX_CPUS + 1);
	for (size_t o = 0; o < FT_OR_CNT; o++)
		subtract(t->wait_hist[o], b->wait_hist[o], FT_HIST_LEN);
	subtract(t->syscall_ns, b->syscall_ns, FT_MAX_SYSCALLS);
	subtract(t->hold_hist, b->hold_hist, FT_HIST_LEN);
	t->handoffs = less(t->handoffs, b->handoffs);
	t->exact_window_ns = less(t->exact_window_ns, b->exact_window_ns);
	t->ftprof_cpu_ns = less(t->ftprof_cpu_ns, b->ftprof_cpu_ns);
	t->bpf_ns = less(t->bpf_ns, b->bpf_ns);
	t->recursion_misses = less(t->recursion_misses, b->recursion_misses);
	t->events_dropped = less(t->events_dropped, b->events_dropped);
	t->events_malformed = less(t->events_malformed, b->events_malformed);
	t->throttled_ns = less(t->throttled_ns, b->throttled_ns);
	t->stacks_undescribed = less(t->stacks_undescribed, b->stacks_undescribed);
}

/* The threads that lived after `from`. */
static int threads_since(struct ft_delta *d, const struct ft_delta_base *from,
			 const struct ft_model_src *to)
{
	struct ft_totals *tot = &d->totals;
	__u64 bound = 0, max;
	size_t n = 0;

	d->recs = calloc(to->cnt + 1, sizeof(*d->recs));
	d->number = calloc(to->cnt + 1, sizeof(*d->number));
	if (!d->recs || !d->number)
		return -ENOMEM;
	for (size_t o = 0; o < FT_OR_CNT; o++) {
		max = hist_max(tot->wait_hist[o]);
		bound = max > bound ? max : bound;
	}
	tot->exact_take_cnt = 0;
	tot->exact_wait_cnt = 0;
	tot->target_cpu_ns = 0;
	for (size_t i = 0; i < to->cnt; i++) {
		struct ft_thread_rec *r = &d->recs[n];
		const struct ft_thread *b = from && i < from->cnt ? &from->recs[i].t : NULL;

		*r = to->recs[i];
		if (b && (b->start_ns != r->t.start_ns || b->tid != r->t.tid))
			b = NULL;
		if (from && (r->t.flags & FT_TF_EXITED) && r->t.since_ns <= from->totals.end_ns)
			continue;
		if (b)
			thread_since(&r->t, b, bound);
		tot->exact_take_cnt += r->t.exact_take_cnt;
		tot->exact_wait_cnt += r->t.exact_wait_cnt;
		tot->target_cpu_ns += r->t.state_ns[FT_ST_ON];
		d->number[n++] = (__u32)i;
	}
	d->src.cnt = n;
	return 0;
}

/* Both lists have ascending ids. */
static void locks_since(struct ft_findings *f, const struct ft_findings *base)
{
	size_t k = 0;

	/* one that weights name stays, whatever is left of it */
	for (size_t i = 0; i < f->lock_cnt; i++) {
		struct ft_lock_rec *l = &f->lock[i];

		while (k < base->lock_cnt && base->lock[k].id < l->id)
			k++;
		if (k < base->lock_cnt && base->lock[k].id == l->id) {
			const struct ft_lock_rec *b = &base->lock[k];

			l->waits = less(l->waits, b->waits);
			l->wait_ns = less(l->wait_ns, b->wait_ns);
			l->wait_max_ns = max_since(l->wait_max_ns, b->wait_max_ns, l->wait_ns);
			l->spin_ticks = less(l->spin_ticks, b->spin_ticks);
			l->yields = less(l->yields, b->yields);
			l->same = less(l->same, b->same);
			l->other = less(l->other, b->other);
		}
	}
}

static void pauses_since(struct ft_findings *f, const struct ft_findings *base)
{
	size_t n = 0, k = 0;

	for (size_t i = 0; i < f->pause_cnt; i++) {
		struct ft_pause_rec *p = &f->pause[i];

		while (k < base->pause_cnt && base->pause[k].id < p->id)
			k++;
		if (k < base->pause_cnt && base->pause[k].id == p->id) {
			const struct ft_pause_rec *b = &base->pause[k];

			p->cnt = less(p->cnt, b->cnt);
			p->to_stop_ns = less(p->to_stop_ns, b->to_stop_ns);
			p->stopped_ns = less(p->stopped_ns, b->stopped_ns);
			p->max_ns = max_since(p->max_ns, b->max_ns, p->stopped_ns);
			p->threads = less(p->threads, b->threads);
		}
		if (p->cnt)
			f->pause[n++] = *p;
	}
	f->pause_cnt = n;
}

static int findings_since(struct ft_delta *d, const struct ft_delta_base *from,
			  const struct ft_findings *to)
{
	struct ft_findings *f = &d->findings;
	int err = 0;

	if (!to)
		return 0;
	*f = *to;
	f->lock = copy_of(to->lock, to->lock_cnt, sizeof(*f->lock), &err);
	f->pause = copy_of(to->pause, to->pause_cnt, sizeof(*f->pause), &err);
	d->src.findings = f;
	if (err || !from)
		return err;
	locks_since(f, &from->findings);
	pauses_since(f, &from->findings);
	f->yield_window_ns = less(f->yield_window_ns, from->findings.yield_window_ns);
	f->yield_windows -= from->findings.yield_windows < f->yield_windows
				    ? from->findings.yield_windows
				    : f->yield_windows;
	f->yields = less(f->yields, from->findings.yields);
	f->pause_window_ns = less(f->pause_window_ns, from->findings.pause_window_ns);
	subtract(f->pause_hist, from->findings.pause_hist, FT_HIST_LEN);
	subtract(f->gc_runs, from->findings.gc_runs, FT_GC_GENS);
	subtract(f->gc_timed, from->findings.gc_timed, FT_GC_GENS);
	subtract(f->gc_ns, from->findings.gc_ns, FT_GC_GENS);
	return 0;
}

static int by_key(const void *pa, const void *pb)
{
	const struct ft_weight *a = pa, *b = pb;

	if (a->stack != b->stack)
		return a->stack < b->stack ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return a->arg < b->arg ? -1 : a->arg > b->arg;
}

/* The weight of the same key, NULL: there was none. 0 or -ENOMEM. */
static int weight_before(struct ft_delta_base *from, size_t i, const struct ft_weight *w,
			 const struct ft_weight **out)
{
	int err = 0;

	/* weights are added at the end: as a rule they stay in their places */
	if (i < from->weight_cnt && !by_key(&from->weight[i], w)) {
		*out = &from->weight[i];
		return 0;
	}
	if (!from->sorted) {
		from->sorted = copy_of(from->weight, from->weight_cnt, sizeof(*w), &err);
		if (err)
			return err;
		qsort(from->sorted, from->weight_cnt, sizeof(*w), by_key);
	}
	*out = bsearch(w, from->sorted, from->weight_cnt, sizeof(*w), by_key);
	return 0;
}

static int weights_since(struct ft_delta *d, struct ft_delta_base *from, const struct ft_stacks *to)
{
	size_t n = 0;
	int err;

	if (!to)
		return 0;
	d->stacks = *to;
	d->src.stacks = &d->stacks;
	d->weight = calloc(to->weight_cnt + 1, sizeof(*d->weight));
	if (!d->weight)
		return -ENOMEM;
	for (size_t i = 0; to->weight && i < to->weight_cnt; i++) {
		struct ft_weight *w = &d->weight[n];
		const struct ft_weight *b = NULL;

		*w = to->weight[i];
		err = from ? weight_before(from, i, w, &b) : 0;
		if (err)
			return err;
		if (b) {
			w->ns = less(w->ns, b->ns);
			w->raw_ns = less(w->raw_ns, b->raw_ns);
			w->cnt = less(w->cnt, b->cnt);
		}
		n += w->ns || w->cnt;
	}
	d->stacks.weight = d->weight;
	d->stacks.weight_cnt = n;
	return 0;
}

int ft_delta_new(struct ft_delta_base *from, const struct ft_model_src *to, struct ft_delta **out)
{
	struct ft_delta *d;
	int err;

	*out = NULL;
	if (from && from->totals.end_ns > to->totals->end_ns)
		return -EINVAL;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->info = *to->info;
	d->totals = *to->totals;
	if (from) {
		d->info.start_wall_ns += from->totals.end_ns - d->info.start_ns;
		d->info.start_ns = from->totals.end_ns;
		totals_since(&d->totals, &from->totals);
	}
	err = threads_since(d, from, to);
	if (!err)
		err = findings_since(d, from, to->findings);
	if (!err)
		err = weights_since(d, from, to->stacks);
	d->src.info = &d->info;
	d->src.totals = &d->totals;
	d->src.recs = d->recs;
	d->src.damage = to->damage;
	if (err)
		ft_delta_free(d);
	else
		*out = d;
	return err;
}

void ft_delta_free(struct ft_delta *d)
{
	if (!d)
		return;
	free(d->number);
	free(d->recs);
	free(d->findings.lock);
	free(d->findings.pause);
	free(d->weight);
	free(d);
}
