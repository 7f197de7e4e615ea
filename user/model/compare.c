// SPDX-License-Identifier: BSD-2-Clause
/* The figures of two sides, and what they say of each other. */
#include "model/compare.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/compare_part.h"
#include "model/scaling.h"

enum kind {
	TIME,	 /* ns that add up: a rate where sessions have a length of their own */
	COUNT,	 /* the same */
	LATENCY, /* ns of one wait */
	CORES,
	SHARE,
};

struct figure {
	const char *name;
	const char *title;
	enum kind kind;
	unsigned int depends; /* FT_CD_* */
	double (*get)(const struct ft_model *m);
};

#define STATE(fn, state)                                                                           \
	static double fn(const struct ft_model *m)                                                 \
	{                                                                                          \
		return (double)m->all.state_ns[state];                                             \
	}
#define MEMBER(fn, member)                                                                         \
	static double fn(const struct ft_model *m)                                                 \
	{                                                                                          \
		return (double)m->member;                                                          \
	}
#define LOSS(fn, cause)                                                                            \
	static double fn(const struct ft_model *m)                                                 \
	{                                                                                          \
		return loss_of(m, cause);                                                          \
	}

/* Rows below 1 % of what the cores had are not in the model, and 0 here. */
static double loss_of(const struct ft_model *m, enum ft_loss_cause cause)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < m->scaling->loss_cnt; i++)
		if (m->scaling->loss[i].cause == cause)
			sum += (double)m->scaling->loss[i].lost_ns;
	return sum;
}

MEMBER(wall, duration_ns)
MEMBER(cpu, all.on_ns)
MEMBER(par_mean, par_mean)
MEMBER(gil_wait, wait_ns)
MEMBER(gil_held, held_ns)
MEMBER(handoffs, handoffs)
MEMBER(wait_p50, wait_p50_ns)
MEMBER(wait_p99, wait_p99_ns)
STATE(runq, FT_R_RUNQ)
STATE(lock_wait, FT_R_LOCK_WAIT)
STATE(spin, FT_R_ON_SPIN)
STATE(sync_wait, FT_R_SYNC_WAIT)
STATE(blocked, FT_R_BLOCKED)
STATE(stw, FT_R_STW)
MEMBER(lost, lost_ns)
LOSS(lost_lock, FT_LOSS_LOCK)
LOSS(lost_stw, FT_LOSS_STW)
LOSS(lost_gil, FT_LOSS_GIL)
LOSS(lost_runq, FT_LOSS_RUNQ)
LOSS(lost_single, FT_LOSS_SINGLE)
LOSS(lost_refcount, FT_LOSS_REFCOUNT)
MEMBER(overhead, self_core_share)

#define SUM (FT_CD_MACHINE | FT_CD_THREADS)
#define WAIT (SUM | FT_CD_CORES)
#define CAUSE (WAIT | FT_CD_VERSION | FT_CD_EVENTS | FT_CD_LOSSES)

static const struct figure figures[] = {
	{"wall_ns", "wall time", TIME, FT_CD_MACHINE | FT_CD_CORES | FT_CD_LENGTH, wall},
	{"cpu_ns", "CPU time", TIME, SUM, cpu},
	{"cores_at_once", "cores used at once", CORES, FT_CD_CORES | FT_CD_THREADS, par_mean},
	{"gil_wait_ns", "waited for the GIL", TIME, WAIT | FT_CD_GIL, gil_wait},
	{"gil_held_ns", "GIL held", TIME, SUM | FT_CD_GIL | FT_CD_TICKS, gil_held},
	{"gil_handoffs", "hand-overs of the GIL", COUNT, WAIT | FT_CD_GIL, handoffs},
	{"gil_wait_p50_ns", "GIL wait, median", LATENCY, WAIT | FT_CD_GIL | FT_CD_WAITS, wait_p50},
	{"gil_wait_p99_ns", "GIL wait, 99th perc.", LATENCY, WAIT | FT_CD_GIL | FT_CD_WAITS,
	 wait_p99},
	{"runq_ns", "waited for a core", TIME, WAIT, runq},
	{"lock_wait_ns", "waited for inner locks", TIME, WAIT | FT_CD_VERSION, lock_wait},
	{"spin_ns", "spun for locks", TIME, WAIT | FT_CD_VERSION | FT_CD_TICKS, spin},
	{"sync_wait_ns", "own locks and queues", TIME, WAIT | FT_CD_VERSION, sync_wait},
	{"blocked_ns", "asleep", TIME, WAIT | FT_CD_VERSION, blocked},
	{"stw_ns", "paused by interpreter", TIME, WAIT | FT_CD_VERSION, stw},
	{"lost_ns", "cores idle for the GIL", TIME, WAIT | FT_CD_VERSION | FT_CD_GIL, lost},
	{"lost_lock_ns", "lost: locks", TIME, CAUSE | FT_CD_TICKS, lost_lock},
	{"lost_stw_ns", "lost: pauses", TIME, CAUSE, lost_stw},
	{"lost_gil_reenabled_ns", "lost: the GIL was on", TIME, CAUSE, lost_gil},
	{"lost_runq_ns", "lost: no core was free", TIME, CAUSE, lost_runq},
	{"lost_single_thread_ns", "lost: nobody wanted it", TIME, CAUSE, lost_single},
	{"lost_refcount_ns", "lost: shared objects", TIME, CAUSE | FT_CD_TICKS, lost_refcount},
	{"overhead_core_share", "ftprof, of one core", SHARE, FT_CD_VERSION, overhead},
};

#define FIGURE_CNT (sizeof(figures) / sizeof(figures[0]))

const char *ft_cmp_verdict_name(enum ft_cmp_verdict v)
{
	static const char *const names[] = {"unknown", "same", "more", "less"};

	return (unsigned int)v < 4 ? names[v] : "unknown";
}

static enum ft_cmp_unit unit_of(enum kind kind, bool rates)
{
	switch (kind) {
	case TIME:
		return rates ? FT_CU_NS_RATE : FT_CU_NS;
	case COUNT:
		return rates ? FT_CU_CNT_RATE : FT_CU_COUNT;
	case LATENCY:
		return FT_CU_NS;
	case CORES:
		return FT_CU_CORES;
	default:
		return FT_CU_SHARE;
	}
}

/* Fills one side of a row. 0, -ENOMEM, -ERANGE: a value is no number. */
static int take_values(const struct ft_compare *c, int side, const struct figure *f,
		       struct ft_cmp_row *row)
{
	bool rate = row->unit == FT_CU_NS_RATE || row->unit == FT_CU_CNT_RATE;
	struct ft_cmp_values *to = &row->side[side];
	struct ft_rank rank;
	double *sorted;
	size_t i;

	to->v = calloc(c->cnt[side], 2 * sizeof(*to->v));
	if (!to->v)
		return -ENOMEM;
	for (i = 0; i < c->cnt[side]; i++) {
		const struct ft_cmp_session *s = &c->session[side][i];
		double v;

		if (s->unused)
			continue;
		v = f->get(s->m);
		if (rate)
			v /= (double)s->m->duration_ns / 1e9;
		if (!isfinite(v))
			return -ERANGE;
		to->v[to->cnt++] = v;
	}
	sorted = to->v + to->cnt;
	memcpy(sorted, to->v, to->cnt * sizeof(*sorted));
	ft_stats_sort(sorted, to->cnt);
	to->median = ft_stats_median(sorted, to->cnt);
	rank = ft_rank_of_median(to->cnt);
	if (rank.k) {
		to->lo = sorted[rank.k - 1];
		to->hi = sorted[to->cnt - rank.k];
		to->coverage = rank.coverage;
	}
	return 0;
}

static void free_row(struct ft_cmp_row *row)
{
	free(row->side[0].v);
	free(row->side[1].v);
	memset(row, 0, sizeof(*row));
}

static int make_row(struct ft_compare *c, const struct figure *f)
{
	struct ft_cmp_row *row = &c->row[c->row_cnt];
	int err;

	row->name = f->name;
	row->title = f->title;
	row->unit = unit_of(f->kind, c->rates);
	err = take_values(c, 0, f, row);
	err = err ?: take_values(c, 1, f, row);
	err = err
		      ?: ft_estimate(row->side[0].v, row->side[0].cnt, row->side[1].v,
				     row->side[1].cnt, f->kind != SHARE, &c->rank, &row->est);
	if (err) {
		free_row(row);
		if (err != -ERANGE)
			return err;
		/* a made-up file: no session of ours has a figure that is no number */
		ft_text_printf(&c->not_compared, "A session's %s is no number.\n", f->title);
		return 0;
	}
	row->verdict = !c->rank.k	   ? FT_CV_UNKNOWN
		       : row->est.sign > 0 ? FT_CV_MORE
		       : row->est.sign < 0 ? FT_CV_LESS
					   : FT_CV_SAME;
	c->row_cnt++;
	return 0;
}

static size_t used_cnt(const struct ft_compare *c, int side)
{
	size_t i, n = 0;

	for (i = 0; i < c->cnt[side]; i++)
		n += !c->session[side][i].unused;
	return n;
}

static int make_rows(struct ft_compare *c)
{
	unsigned int fails = ft_compare_alike(c);
	size_t na = used_cnt(c, 0), nb = used_cnt(c, 1), i;
	int err;

	c->row = calloc(FIGURE_CNT, sizeof(*c->row));
	if (!c->row)
		return -ENOMEM;
	if (!na || !nb)
		return 0;
	err = ft_rank_of_two(na, nb, &c->rank);
	for (i = 0; i < FIGURE_CNT && !err; i++)
		if (!(figures[i].depends & fails))
			err = make_row(c, &figures[i]);
	return err;
}

int ft_compare_build(const struct ft_cmp_session *const side[2], const size_t cnt[2],
		     struct ft_compare **out)
{
	struct ft_compare *c;
	int err = 0, i;

	*out = NULL;
	for (i = 0; i < 2; i++)
		if (!cnt[i] || cnt[i] > FT_COMPARE_MAX)
			return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	for (i = 0; i < 2; i++) {
		c->session[i] = calloc(cnt[i], sizeof(*c->session[i]));
		if (!c->session[i]) {
			err = -ENOMEM;
			goto out;
		}
		memcpy(c->session[i], side[i], cnt[i] * sizeof(*c->session[i]));
		c->cnt[i] = cnt[i];
	}
	err = make_rows(c);
	if (err)
		goto out;
	ft_compare_summary(c);
	err = c->notes.err ?: c->not_compared.err ?: c->summary.err;
out:
	if (err) {
		ft_compare_free(c);
		return err;
	}
	*out = c;
	return 0;
}

void ft_compare_free(struct ft_compare *c)
{
	size_t i;

	if (!c)
		return;
	for (i = 0; i < c->row_cnt; i++)
		free_row(&c->row[i]);
	free(c->row);
	free(c->session[0]);
	free(c->session[1]);
	ft_text_free(&c->not_compared);
	ft_text_free(&c->notes);
	ft_text_free(&c->summary);
	free(c);
}

const struct ft_cmp_row *ft_compare_row(const struct ft_compare *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->row_cnt; i++)
		if (!strcmp(c->row[i].name, name))
			return &c->row[i];
	return NULL;
}

size_t ft_compare_median_run(const struct ft_compare *c, int side)
{
	const struct ft_cmp_session *s = c->session[side];
	size_t want = used_cnt(c, side), i, k;

	want = want ? (want - 1) / 2 : 0;
	for (i = 0; i < c->cnt[side]; i++) {
		size_t below = 0;

		if (s[i].unused)
			continue;
		/* equal ones count in their order, so that each place has its session */
		for (k = 0; k < c->cnt[side]; k++)
			if (!s[k].unused && (s[k].m->duration_ns < s[i].m->duration_ns ||
					     (s[k].m->duration_ns == s[i].m->duration_ns && k < i)))
				below++;
		if (below == want)
			return i;
	}
	return 0;
}
