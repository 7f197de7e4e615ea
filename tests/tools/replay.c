// SPDX-License-Identifier: BSD-2-Clause
/*
 * Replays a session's events with code of its own and compares with the session's totals.
 *
 *     replay FILE
 *
 * The kernel adds a thread's time up in its slot and writes each transition as an event; the two
 * must agree to the nanosecond when nothing was lost. This program shares the reader with ftprof
 * and nothing else: it does not use ftprof_state.h. It prints one JSON object; what disagrees is
 * told on standard error. Exit status 0 when all agrees, 1 when not, 2 when it could not look.
 *
 * Interval that is open at the end of the session: no event closes it, so the events give the
 * thread's time up to its last return to a core, and the totals must exceed that by what is left
 * of the session, in on-core time and at most one state of sleep.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/session.h"

#define SHOWN 20 /* complaints */
#define MAX_LEVEL 64

static const char *const state_names[FT_ST_CNT] = {
	"on",  "gil_wait", "gil_switch", "lock_wait", "sync_wait",
	"stw", "runq",	   "blocked",	 "fault",     "stopped",
};

struct list {
	struct ft_event *v;
	size_t cnt;
	size_t cap;
};

/* One thread comes to a core (+1) or leaves it (-1). */
struct edge {
	__u64 ts;
	int step;
};

struct edges {
	struct edge *v;
	size_t cnt;
	size_t cap;
};

struct result {
	__u64 exited;
	__u64 open;
	__u64 slices;
	__u64 transitions;
	__u64 mismatches;
	__u64 gaps;
	__u64 backward;
	__u64 repaired;
	__u64 unseen_ns; /* on cores, after switches that the kernel did not report */
};

static void complain(struct result *res, __u32 thr, const char *what, __u64 a, __u64 b)
{
	if (res->mismatches++ < SHOWN)
		fprintf(stderr, "thread %u: %s: %" PRIu64 " by the events, %" PRIu64 " in total\n",
			thr, what, (uint64_t)a, (uint64_t)b);
}

static int keep(void *ctx, const struct ft_event *ev)
{
	struct list *l = ctx;

	if (ev->type != FT_EV_SLICE && ev->type != FT_EV_START && ev->type != FT_EV_EXIT)
		return 0;
	if (l->cnt == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 4096;
		struct ft_event *v = realloc(l->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		l->v = v;
		l->cap = cap;
	}
	l->v[l->cnt++] = *ev;
	return 0;
}

static int rank(const struct ft_event *ev)
{
	return ev->type == FT_EV_START ? 0 : ev->type == FT_EV_SLICE ? 1 : 2;
}

/* By thread, then in the order in which it happened. */
static int by_thread(const void *a, const void *b)
{
	const struct ft_event *x = a, *y = b;

	if (x->thr != y->thr)
		return x->thr < y->thr ? -1 : 1;
	if (rank(x) != rank(y))
		return rank(x) - rank(y);
	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	if (x->ts != y->ts)
		return x->ts < y->ts ? -1 : 1;
	return x->step - y->step;
}

static int add_run(struct edges *e, __u64 from, __u64 to)
{
	if (to <= from)
		return 0;
	if (e->cnt + 2 > e->cap) {
		size_t cap = e->cap ? e->cap * 2 : 4096;
		struct edge *v = realloc(e->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		e->v = v;
		e->cap = cap;
	}
	e->v[e->cnt++] = (struct edge){from, 1};
	e->v[e->cnt++] = (struct edge){to, -1};
	return 0;
}

/* Adds the sleep that a slice closes to state_ns. */
static void add_sleep(__u64 *state_ns, const struct ft_event *ev)
{
	__u64 woken = ev->wake_ns ? ev->wake_ns : ev->ts;

	if (ev->state == FT_ST_RUNQ || ev->state == FT_ST_GIL_WAIT) {
		state_ns[ev->state] += ev->ts - ev->out_ns;
		return;
	}
	state_ns[ev->state] += woken - ev->out_ns;
	state_ns[FT_ST_RUNQ] += ev->ts - woken;
}

/* What the totals have beyond the events must be exactly what is left of the session. */
static int check_open(struct result *res, struct edges *runs, const struct ft_thread *t, __u32 thr,
		      const __u64 *state_ns, __u64 cur, __u64 end)
{
	__u64 left = end > cur ? end - cur : 0, more = 0, on;
	int asleep = 0, s;

	for (s = 0; s < FT_ST_CNT; s++) {
		if (t->state_ns[s] < state_ns[s]) {
			complain(res, thr, state_names[s], state_ns[s], t->state_ns[s]);
			return 0;
		}
		more += t->state_ns[s] - state_ns[s];
		if (s != FT_ST_ON && s != FT_ST_RUNQ)
			asleep += t->state_ns[s] > state_ns[s];
	}
	if (more != left)
		complain(res, thr, "left of the session", left, more);
	if (asleep > 1)
		complain(res, thr, "states open at the end", 1, asleep);
	on = t->state_ns[FT_ST_ON] - state_ns[FT_ST_ON];
	return add_run(runs, cur, cur + on);
}

/* Replays the events of one thread, ev[0..cnt). 0 or -ENOMEM. */
static int replay(struct result *res, struct edges *runs, const struct ft_thread_rec *rec,
		  const struct ft_event *ev, size_t cnt, __u64 end)
{
	__u64 state_ns[FT_ST_CNT] = {0}, cur;
	const struct ft_thread *t = &rec->t;
	__u32 thr = ev[0].thr, seq = 0;
	int exited = 0, unseen = 0, err = 0, s;
	size_t i;

	if (ev[0].type != FT_EV_START) {
		complain(res, thr, "events without a start", cnt, 0);
		return 0;
	}
	cur = ev[0].ts;
	if (cur != t->start_ns)
		complain(res, thr, "start", cur, t->start_ns);
	for (i = 1; i < cnt && !err; i++) {
		__u64 out = ev[i].type == FT_EV_SLICE ? ev[i].out_ns : ev[i].ts;

		if (out < cur || ev[i].ts < out || exited)
			res->backward++;
		err = add_run(runs, cur, out);
		state_ns[FT_ST_ON] += out - cur;
		if (unseen)
			res->unseen_ns += out - cur;
		unseen = ev[i].flags & FT_SF_REPAIRED;
		cur = ev[i].ts;
		if (ev[i].type == FT_EV_EXIT) {
			exited = 1;
			if (ev[i].seq != seq)
				res->gaps++;
			continue;
		}
		if (ev[i].seq != seq)
			res->gaps++;
		seq = ev[i].seq + 1;
		res->slices++;
		res->transitions += 2;
		add_sleep(state_ns, &ev[i]);
	}
	if (err)
		return err;
	res->repaired += t->repaired;
	if (!exited) {
		res->open++;
		return check_open(res, runs, t, thr, state_ns, cur, end);
	}
	res->exited++;
	for (s = 0; s < FT_ST_CNT; s++)
		if (state_ns[s] != t->state_ns[s])
			complain(res, thr, state_names[s], state_ns[s], t->state_ns[s]);
	return 0;
}

/* Time with exactly k threads on cores, from the runs. */
static void levels_of(struct edges *runs, __u64 begin, __u64 end, __u64 *level_ns)
{
	__u64 at = begin;
	int level = 0;
	size_t i;

	qsort(runs->v, runs->cnt, sizeof(*runs->v), by_time);
	for (i = 0; i < runs->cnt; i++) {
		__u64 ts = runs->v[i].ts < begin ? begin : runs->v[i].ts;

		if (ts > at && level >= 0 && level < MAX_LEVEL) {
			level_ns[level] += ts - at;
			at = ts;
		}
		level += runs->v[i].step;
	}
	if (end > at)
		level_ns[0] += end - at;
}

static void print_levels(const char *name, const __u64 *v, const char *after)
{
	int last = MAX_LEVEL - 1, i;

	while (last > 0 && !v[last])
		last--;
	printf("\"%s\": [", name);
	for (i = 0; i <= last; i++)
		printf("%s%" PRIu64, i ? ", " : "", (uint64_t)v[i]);
	printf("]%s", after);
}

static int run(struct ft_reader *r)
{
	const struct ft_totals *tot = ft_reader_totals(r);
	__u64 level_ns[MAX_LEVEL] = {0};
	struct result res = {0};
	const struct ft_thread_rec *recs;
	struct edges runs = {0};
	struct list l = {0};
	size_t cnt, i, n;
	int err;

	recs = ft_reader_threads(r, &cnt);
	err = ft_reader_events(r, 0, ~0ull, keep, &l);
	if (l.cnt)
		qsort(l.v, l.cnt, sizeof(*l.v), by_thread);
	for (i = 0; i < l.cnt && !err; i += n) {
		for (n = 1; i + n < l.cnt && l.v[i + n].thr == l.v[i].thr; n++)
			;
		if (l.v[i].thr >= cnt)
			complain(&res, l.v[i].thr, "no such thread in the totals", n, 0);
		else
			err = replay(&res, &runs, &recs[l.v[i].thr], l.v + i, n, tot->end_ns);
	}
	if (err)
		goto out;
	if (runs.cnt)
		levels_of(&runs, ft_reader_info(r)->start_ns, tot->end_ns, level_ns);
	printf("{\"threads\": %zu, \"exited\": %" PRIu64 ", \"open\": %" PRIu64
	       ", \"slices\": %" PRIu64 ", \"transitions\": %" PRIu64 ", \"mismatches\": %" PRIu64
	       ", \"gaps\": %" PRIu64 ", \"backward\": %" PRIu64 ", \"repaired\": %" PRIu64
	       ", \"unseen_ns\": %" PRIu64 ", ",
	       cnt, (uint64_t)res.exited, (uint64_t)res.open, (uint64_t)res.slices,
	       (uint64_t)res.transitions, (uint64_t)res.mismatches, (uint64_t)res.gaps,
	       (uint64_t)res.backward, (uint64_t)res.repaired, (uint64_t)res.unseen_ns);
	print_levels("levels_by_events", level_ns, ", ");
	print_levels("levels_in_total", tot->level_ns, "}\n");
	err = res.mismatches || res.gaps || res.backward || res.exited + res.open != cnt;
out:
	free(l.v);
	free(runs.v);
	return err;
}

int main(int argc, char **argv)
{
	struct ft_reader *r;
	char why[512];
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: replay FILE\n");
		return 2;
	}
	err = ft_reader_open(argv[1], &r, why, sizeof(why));
	if (err) {
		fprintf(stderr, "replay: %s\n", why);
		return 2;
	}
	err = run(r);
	if (!err && ft_reader_damage(r)) {
		fprintf(stderr, "replay: %s\n", ft_reader_damage(r));
		err = 2;
	}
	ft_reader_close(r);
	if (err < 0)
		fprintf(stderr, "replay: %s\n", strerror(-err));
	return err < 0 ? 2 : err;
}
