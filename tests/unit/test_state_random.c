/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the state machine: random orders against a model that keeps a list of intervals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/types.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ftprof_state.h"
#include "state_run.h"

#define SEQUENCES 100000
#define MAX_STEPS 40
#define MAX_SPANS (MAX_STEPS + 2)

static __u64 rng;

static __u64 rnd(__u64 n)
{
	/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators" */
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return (rng * 0x2545f4914f6cdd1dull >> 11) % n;
}

/* A sequence, and what it may hold. */
struct seq {
	struct step step[MAX_STEPS];
	int cnt;
	__u64 base;
	__u8 init;
	bool init_held;
	bool misses;	 /* switches that the machine is not told of */
	bool old_kernel; /* no prev_state */
	bool skew;	 /* cores whose clocks differ a little */
	bool exact;	 /* GIL probes */
};

static __u64 rnd_gap(void)
{
	switch (rnd(8)) {
	case 0:
		return 0;
	case 1:
		return rnd(5);
	case 2:
		return 199990 + rnd(20); /* around FT_TAKE_AWAKE_MAX_NS */
	case 3:
		return rnd(300000);
	case 4:
		return rnd(20000000);
	default:
		return rnd(3000);
	}
}

static const __u8 off_states[] = {
	FT_ST_GIL_WAIT,	 FT_ST_GIL_WAIT, FT_ST_GIL_WAIT, FT_ST_GIL_WAIT,  FT_ST_GIL_SWITCH,
	FT_ST_LOCK_WAIT, FT_ST_RUNQ,	 FT_ST_RUNQ,	 FT_ST_SYNC_WAIT, FT_ST_STW,
	FT_ST_BLOCKED,	 FT_ST_BLOCKED,	 FT_ST_FAULT,	 FT_ST_STOPPED,
};

/* What the machine is told of a thread that runs, sleeps and is woken. */
static void make(struct seq *q)
{
	static const __u64 starts[] = {1000000, (1ull << 48) - 2000000, 1ull << 61};
	bool on;
	__u64 t = 0, swno = rnd(1000);
	int n = 2 + rnd(MAX_STEPS - 3);

	memset(q, 0, sizeof(*q));
	q->base = starts[rnd(3)] + rnd(1000);
	q->init = rnd(3) ? FT_ST_ON : off_states[rnd(sizeof(off_states))];
	q->init_held = q->init != FT_ST_ON && !rnd(4);
	q->misses = !rnd(2);
	q->old_kernel = !rnd(4);
	q->skew = !rnd(4);
	q->exact = !rnd(3);
	on = q->init == FT_ST_ON;
	while (q->cnt < n) {
		struct step *s = &q->step[q->cnt];

		t += rnd_gap();
		*s = (struct step){.t = t, .waker = rnd(FT_MAX_SLOTS + 1)};
		if (!rnd(on ? 8 : 2)) {
			s->op = OP_WAKE;
			s->flags = rnd(4) << 14;
		} else if (on && q->exact && !rnd(3)) {
			s->op = OP_MARK;
			s->arg = rnd(2);
		} else {
			on = !on;
			if (q->misses && !rnd(6))
				continue;
			if (q->skew && !rnd(3))
				s->t -= rnd(s->t < 500 ? s->t + 1 : 500);
			s->op = !on ? OP_OUT : q->old_kernel ? OP_IN_OLD : OP_IN;
			if (!on) {
				swno += rnd(3) ? rnd(2) : rnd(4);
				s->swno = swno;
				s->state = off_states[rnd(sizeof(off_states))];
				s->held = !rnd(4);
				s->cont = q->exact ? rnd(3) : 0;
				s->arg = rnd(400);
			}
		}
		q->cnt++;
	}
	if (on && !rnd(4))
		q->step[q->cnt++] =
			(struct step){.op = OP_OUT, .t = t + rnd_gap(), .state = FT_ST_DEAD};
	q->step[q->cnt++] = (struct step){.op = OP_CLOSE,
					  .t = t + (rnd(3) ? rnd_gap() : 200000000 + rnd(1000000))};
}

/* The model: intervals off core; the rest is on core. */
struct span {
	__u64 from, to;
	__u64 wake; /* within from..to, if `woken` */
	__u8 state;
	bool woken, held;
};

struct model {
	struct span off[MAX_SPANS];
	int off_cnt;
	/* on core, but nobody can say on which side of the GIL */
	struct span vague[MAX_SPANS];
	int vague_cnt;
	struct wait wait[MAX_SPANS];
	int wait_cnt;
	__u64 start, end, lo, hi;
	__u32 repaired;
	bool dead;
};

static __u64 later(__u64 a, __u64 b)
{
	return a > b ? a : b;
}

/* The last mark in a stretch that the machine took for sleep; 0: none. */
static __u64 last_mark(const struct seq *q, int from, int to)
{
	while (to-- > from)
		if (q->step[to].op == OP_MARK)
			return q->base + q->step[to].t;
	return 0;
}

static void end_span(struct model *m, struct span *s, __u64 to, const __u64 *wake, bool old_kernel)
{
	s->to = to;
	if (wake) {
		s->woken = true;
		s->wake = *wake < s->from ? s->from : *wake > to ? to : *wake;
	} else if (old_kernel && s->state != FT_ST_RUNQ) {
		s->state = FT_ST_RUNQ;
	}
	m->off[m->off_cnt++] = *s;
}

/* Walks the steps into m->off. An OUT without its IN never was; nor was an IN without its OUT. */
static void find_spans(struct model *m, const struct seq *q)
{
	struct span cur = {.from = q->base, .state = q->init, .held = q->init_held};
	bool off = q->init != FT_ST_ON;
	__u64 wake = 0, last = q->base;
	int i, since = 0;

	for (i = 0; i < q->cnt; i++) {
		const struct step *s = &q->step[i];
		__u64 at = q->base + s->t;

		switch (s->op) {
		case OP_WAKE:
			wake = at;
			break;
		case OP_OUT:
			at = last = later(at, last);
			if (off) {
				__u64 mark = last_mark(q, since, i);

				m->repaired++;
				if (mark)
					m->vague[m->vague_cnt++] =
						(struct span){.from = cur.from, .to = mark};
			}
			cur = (struct span){.from = at, .state = s->state, .held = s->held};
			off = true;
			since = i;
			m->dead = s->state == FT_ST_DEAD;
			if (m->dead)
				m->end = at;
			break;
		case OP_IN:
		case OP_IN_OLD:
			if (off) {
				at = last = later(at, last);
				end_span(m, &cur, at, wake ? &wake : NULL, s->op == OP_IN_OLD);
			} else {
				m->repaired++;
			}
			off = false;
			wake = 0;
			break;
		default:
			break;
		}
	}
	if (m->dead)
		return;
	m->end = later(q->base + q->step[q->cnt - 1].t, last);
	if (!off)
		return;
	/* what the machine cannot know any more after so long */
	if (wake && wake < cur.from && m->end - cur.from > FT_EARLY_WAKE_MAX_NS)
		wake = 0;
	end_span(m, &cur, m->end, wake && cur.state != FT_ST_RUNQ ? &wake : NULL, false);
}

static __u8 origin_after(__u8 state)
{
	static const __u8 origin[] = {
		[FT_ST_ON] = FT_OR_START,	    [FT_ST_GIL_WAIT] = FT_OR_OTHER,
		[FT_ST_GIL_SWITCH] = FT_OR_FORCED,  [FT_ST_LOCK_WAIT] = FT_OR_OTHER,
		[FT_ST_SYNC_WAIT] = FT_OR_BLOCKING, [FT_ST_STW] = FT_OR_OTHER,
		[FT_ST_BLOCKED] = FT_OR_BLOCKING,   [FT_ST_FAULT] = FT_OR_BLOCKING,
		[FT_ST_STOPPED] = FT_OR_BLOCKING,
	};

	return origin[state];
}

/*
 * Groups the sleeps for the GIL into waits. Each OUT is looked at with the OUTs before it: the last
 * one that was no mere preemption, and whether one in between had the GIL.
 */
static void find_waits(struct model *m, const struct seq *q)
{
	__u64 at = q->base, from = 0, to = 0, on_since = q->base, swno = 0;
	bool off = q->init != FT_ST_ON, open = false, row = false;
	__u8 before = q->init == FT_ST_RUNQ ? FT_ST_ON : q->init, origin = FT_OR_START;
	int i, spans = 0; /* each switch-in that counts ended one */

	if (q->init == FT_ST_GIL_WAIT) {
		open = row = true;
		m->lo = m->hi = 1;
		from = at;
	}
	for (i = 0; i < q->cnt; i++) {
		const struct step *s = &q->step[i];
		bool gil = s->state == FT_ST_GIL_WAIT, sure, same;

		if (s->op == OP_IN || s->op == OP_IN_OLD) {
			if (!off)
				continue;
			at = on_since = later(q->base + s->t, at);
			off = false;
			if (m->off[spans++].state == FT_ST_GIL_WAIT && open)
				to = at;
			continue;
		}
		if (s->op != OP_OUT)
			continue;
		at = later(q->base + s->t, at);
		off = true;
		same = row && s->cont != FT_CONT_NEW &&
		       (s->cont == FT_CONT_SAME || s->swno - swno <= 1);
		sure = !row || s->cont == FT_CONT_NEW || at - on_since > 200000;
		if (open && (gil ? !same : s->held || s->state != FT_ST_RUNQ)) {
			m->wait[m->wait_cnt++] =
				(struct wait){.ns = to > from ? to - from : 0, .origin = origin};
			open = row = false;
		}
		if (gil) {
			if (!same) {
				m->hi++;
				m->lo += sure;
				from = to = at;
				origin = origin_after(before);
			}
			open = row = true;
			swno = s->swno;
		}
		if (s->state != FT_ST_RUNQ)
			before = s->state;
		on_since = at; /* if this switch-in is missed, it counts from here */
	}
	if (!open)
		return;
	if (off && m->off[spans].state == FT_ST_GIL_WAIT)
		to = m->end;
	m->wait[m->wait_cnt++] = (struct wait){.ns = to > from ? to - from : 0, .origin = origin};
}

static __u64 overlap(const struct span *v, int cnt, __u64 from, __u64 to)
{
	__u64 sum = 0;
	int i;

	for (i = 0; i < cnt; i++) {
		__u64 a = later(v[i].from, from), b = v[i].to < to ? v[i].to : to;

		if (b > a)
			sum += b - a;
	}
	return sum;
}

/* On-core time after each GIL probe until the next one. */
static void check_exact(const struct model *m, const struct seq *q, const struct ft_thread *t)
{
	__u64 ns[2] = {0, 0}, from = 0;
	int i, side = -1;

	for (i = 0; i <= q->cnt; i++) {
		__u64 to = m->end;

		if (i < q->cnt) {
			if (q->step[i].op != OP_MARK)
				continue;
			to = q->base + q->step[i].t;
		}
		if (side >= 0 && to > from)
			ns[side] += to - from - overlap(m->off, m->off_cnt, from, to) -
				    overlap(m->vague, m->vague_cnt, from, to);
		if (i < q->cnt) {
			from = to;
			side = q->step[i].arg ? FT_ON_GIL : FT_ON_FREE;
		}
	}
	assert_int_equal(t->exact_ns[FT_ON_GIL], ns[FT_ON_GIL]);
	assert_int_equal(t->exact_ns[FT_ON_FREE], ns[FT_ON_FREE]);
	assert_int_equal(t->exact_ns[FT_ON_SPIN], 0);
	assert_true(ns[0] + ns[1] <= t->state_ns[FT_ST_ON]);
}

static void check_model(const struct seq *q, const struct run *r)
{
	struct model m = {.start = q->base};
	__u64 ns[FT_ST_CNT] = {0}, held = 0, runq = 0, off = 0, max = 0;
	int i;

	find_spans(&m, q);
	find_waits(&m, q);
	for (i = 0; i < m.off_cnt; i++) {
		const struct span *s = &m.off[i];
		__u64 tail = s->woken && s->state != FT_ST_RUNQ ? s->to - s->wake : 0;

		off += s->to - s->from;
		held += s->held ? s->to - s->from : 0;
		if (s->state == FT_ST_GIL_WAIT) {
			ns[FT_ST_GIL_WAIT] += s->to - s->from;
			runq += tail;
		} else {
			ns[s->state] += s->to - s->from - tail;
			ns[FT_ST_RUNQ] += tail;
		}
	}
	ns[FT_ST_ON] = m.end - m.start - off;
	for (i = 0; i < FT_ST_CNT; i++)
		assert_int_equal(r->t.state_ns[i], ns[i]);
	assert_int_equal(r->t.since_ns, m.end);
	assert_int_equal(r->t.held_off_ns, held);
	assert_int_equal(r->t.gil_wait_runq_ns, runq);
	assert_int_equal(r->t.repaired, m.repaired);
	assert_int_equal(r->t.gil_wait_lo, m.lo);
	assert_int_equal(r->t.gil_wait_hi, m.hi);
	assert_int_equal(r->t.gil_wait_cnt, m.wait_cnt);
	assert_int_equal(r->done_cnt, m.wait_cnt);
	for (i = 0; i < m.wait_cnt; i++) {
		assert_int_equal(r->done[i].ns, m.wait[i].ns);
		assert_int_equal(r->done[i].origin, m.wait[i].origin);
		max = later(max, m.wait[i].ns);
	}
	assert_int_equal(r->t.gil_wait_max_ns, max);
	assert_true(r->t.gil_wait_lo <= r->t.gil_wait_hi);
	if (!q->skew) /* within one core's run the clock does not go back */
		check_exact(&m, q, &r->t);
}

/* The totals from the records alone, as a report would make them: include/ftprof_abi.h. */
struct replay {
	__u64 ns[FT_ST_CNT];
	__u64 held, runq, prev;
	__u32 seq;
};

static void replay_slice(struct replay *p, const struct ft_ev_slice *s)
{
	__u64 asleep_to = s->wake_ns ? s->wake_ns : s->h.ts;

	assert_int_equal(s->seq, p->seq);
	p->seq++;
	assert_true(s->state > FT_ST_ON && s->state < FT_ST_CNT);
	assert_true(p->prev <= s->out_ns && s->out_ns <= asleep_to && asleep_to <= s->h.ts);
	p->ns[FT_ST_ON] += s->out_ns - p->prev;
	if (s->state == FT_ST_GIL_WAIT) {
		p->ns[FT_ST_GIL_WAIT] += s->h.ts - s->out_ns;
		p->runq += s->h.ts - asleep_to;
	} else {
		p->ns[s->state] += asleep_to - s->out_ns;
		p->ns[FT_ST_RUNQ] += s->h.ts - asleep_to;
	}
	if (s->flags & FT_SF_HELD)
		p->held += s->h.ts - s->out_ns;
	p->prev = s->h.ts;
}

static void play(const struct seq *q)
{
	struct replay p = {.prev = q->base};
	struct run r;
	int i;

	run_begin(&r, q->base, q->init, 0, q->init_held);
	for (i = 0; i < q->cnt; i++) {
		__u32 slices = r.slice_cnt;

		run_step(&r, &q->step[i]);
		assert_int_equal(state_sum(&r.t), r.t.since_ns - r.t.start_ns);
		if (r.slice_cnt == slices)
			continue;
		replay_slice(&p, &r.last);
		assert_memory_equal(p.ns, r.t.state_ns, sizeof(p.ns));
		assert_int_equal(p.held, r.t.held_off_ns);
		assert_int_equal(p.runq, r.t.gil_wait_runq_ns);
	}
	check_model(q, &r);
}

static void test_random(void **state)
{
	struct seq q;
	__u64 seed;

	(void)state;
	for (seed = 1; seed <= SEQUENCES; seed++) {
		rng = seed * 0x9e3779b97f4a7c15ull;
		make(&q);
		if (getenv("FT_TEST_VERBOSE"))
			print_message("sequence %llu\n", (unsigned long long)seed);
		play(&q);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("state, random orders", tests, NULL, NULL);
}
