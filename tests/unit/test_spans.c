/* SPDX-License-Identifier: BSD-2-Clause */
/* Spans against hand-made sessions: what each says, and that no time is left out or told twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/spans.h"

#define T0 1000000ull
#define THREADS 5
#define EVENTS 3000

struct got {
	struct ft_span s;
	float split[FT_ON_CNT];
};

struct run {
	struct ft_thread_rec rec[THREADS];
	struct ft_event ev[EVENTS];
	size_t cnt;
	__u64 end;
	struct got *got;
	size_t got_cnt, got_cap;
	size_t stop_at; /* the callback fails at this span, 0: never */
};

static struct run *run_new(__u64 len)
{
	struct run *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->end = T0 + len;
	for (size_t i = 0; i < THREADS; i++) {
		r->rec[i].t.start_ns = T0;
		r->rec[i].t.since_ns = r->end;
		r->rec[i].t.state = FT_ST_BLOCKED;
	}
	return r;
}

static void run_free(struct run *r)
{
	free(r->got);
	free(r);
}

static int take(void *ctx, const struct ft_span *s)
{
	struct run *r = ctx;
	struct got *g;

	if (r->stop_at && r->got_cnt + 1 == r->stop_at)
		return -EDOM;
	if (r->got_cnt == r->got_cap) {
		r->got_cap = r->got_cap ? 2 * r->got_cap : 256;
		r->got = realloc(r->got, r->got_cap * sizeof(*r->got));
		assert_non_null(r->got);
	}
	g = &r->got[r->got_cnt++];
	g->s = *s;
	if (s->split)
		memcpy(g->split, s->split, sizeof(g->split));
	return 0;
}

static struct ft_event *add(struct run *r, __u8 type, __u32 thr, __u64 at, __u16 cpu)
{
	struct ft_event *ev = &r->ev[r->cnt++];

	assert_true(r->cnt <= EVENTS);
	*ev = (struct ft_event){.type = type,
				.thr = thr,
				.ts = T0 + at,
				.cpu = cpu,
				.waker = FT_NO_THREAD,
				.stack = FT_NO_STACK};
	return ev;
}

static struct ft_event *slice(struct run *r, __u32 thr, __u64 out, __u8 state, __u64 wake, __u64 in,
			      __u16 cpu)
{
	struct ft_event *ev = add(r, FT_EV_SLICE, thr, in, cpu);

	ev->out_ns = T0 + out;
	ev->wake_ns = wake ? T0 + wake : 0;
	ev->state = state;
	ev->seq = r->rec[thr].t.seq++;
	return ev;
}

static struct ft_spans *begin(struct run *r)
{
	struct ft_spans_input in = {.session_end_ns = r->end,
				    .recs = r->rec,
				    .rec_cnt = THREADS,
				    .gil = true,
				    .cb = take,
				    .ctx = r};
	struct ft_spans *s;

	r->got_cnt = 0;
	assert_int_equal(ft_spans_new(&in, &s), 0);
	return s;
}

static int play(struct run *r)
{
	struct ft_spans *s = begin(r);
	int err = 0;

	for (size_t i = 0; i < r->cnt && !err; i++)
		err = ft_spans_event(s, &r->ev[i]);
	err = err ? err : ft_spans_finish(s);
	ft_spans_free(s);
	return err;
}

/* The n-th span of a thread. */
static const struct ft_span *nth(const struct run *r, __u32 thr, size_t n)
{
	for (size_t i = 0; i < r->got_cnt; i++)
		if (r->got[i].s.thr == thr && r->got[i].s.type != FT_SPAN_TICK && !n--)
			return &r->got[i].s;
	fail_msg("no such span");
	return NULL;
}

static void check(const struct ft_span *s, __u8 type, __u8 state, __u64 from, __u64 to)
{
	assert_int_equal(s->type, type);
	assert_int_equal(s->from_ns, T0 + from);
	assert_int_equal(s->to_ns, T0 + to);
	if (type == FT_SPAN_ON || type == FT_SPAN_OFF)
		assert_int_equal(s->state, state);
}

static void test_what_a_span_says(void **state)
{
	struct run *r = run_new(1000);
	struct ft_event *ev;
	const struct ft_span *s;

	(void)state;
	/* a GIL wait lasts until it runs, and names who gave it */
	ev = slice(r, 0, 100, FT_ST_GIL_WAIT, 180, 200, 1);
	ev->waker = 1;
	ev->stack = 7;
	ev->flags = FT_SF_WAKER_OK;
	/* a sleep ends with the wake-up, the run queue follows */
	ev = slice(r, 0, 300, FT_ST_BLOCKED, 350, 360, 0);
	ev->arg = 232;
	ev->stack = 8;
	/* thread 1: ticks of two kinds in one stay */
	add(r, FT_EV_TICK, 1, 20, 1)->state = FT_ON_GIL;
	add(r, FT_EV_TICK, 1, 60, 1)->state = FT_ON_FREE;
	slice(r, 1, 90, FT_ST_RUNQ, 0, 400, 1);
	ev = add(r, FT_EV_CPU, FT_NO_THREAD, 500, 1);
	ev->wake_ns = T0 + 100;
	ev->out_ns = 33;
	r->rec[0].t.state_ns[FT_ST_ON] = 100 + 100 + 40;
	r->rec[1].t.state_ns[FT_ST_ON] = 90 + 600;
	r->rec[1].t.state = FT_ST_ON;
	assert_int_equal(play(r), 0);

	s = nth(r, 0, 0);
	check(s, FT_SPAN_ON, FT_R_ON_GIL, 0, 100);
	assert_int_equal(s->flags, FT_SPAN_FIRST | FT_SPAN_LAST);
	s = nth(r, 0, 1);
	check(s, FT_SPAN_OFF, FT_R_GIL_WAIT, 100, 200);
	assert_true(s->waker == 1 && s->stack == 7 && s->wake_ns == T0 + 180 && s->cpu == 1);
	assert_int_equal(s->ev_flags, FT_SF_WAKER_OK);
	check(nth(r, 0, 2), FT_SPAN_ON, FT_R_ON_GIL, 200, 300);
	assert_int_equal(nth(r, 0, 2)->cpu, 1);
	s = nth(r, 0, 3);
	check(s, FT_SPAN_OFF, FT_R_BLOCKED, 300, 350);
	assert_true(s->arg == 232 && s->stack == 8 && s->st == FT_ST_BLOCKED);
	s = nth(r, 0, 4);
	check(s, FT_SPAN_OFF, FT_R_RUNQ, 350, 360);
	assert_int_equal(s->st, FT_ST_RUNQ);
	/* the last stay: what the kernel's total has more than the events */
	check(nth(r, 0, 5), FT_SPAN_ON, FT_R_ON_GIL, 360, 400);
	s = nth(r, 0, 6);
	check(s, FT_SPAN_OFF, FT_R_BLOCKED, 400, 1000);
	assert_true(s->flags & FT_SPAN_OPEN);

	s = nth(r, 1, 0);
	check(s, FT_SPAN_ON, FT_R_ON_GIL, 0, 40);
	assert_int_equal(s->flags, FT_SPAN_FIRST);
	s = nth(r, 1, 1);
	check(s, FT_SPAN_ON, FT_R_ON_FREE, 40, 90);
	assert_int_equal(s->flags, FT_SPAN_LAST);
	check(nth(r, 1, 2), FT_SPAN_OFF, FT_R_RUNQ, 90, 400);
	s = nth(r, 1, 3);
	check(s, FT_SPAN_ON, FT_R_ON_FREE, 400, 1000);
	assert_true(s->flags & FT_SPAN_OPEN && s->flags & FT_SPAN_LAST);
	s = nth(r, FT_NO_THREAD, 0);
	check(s, FT_SPAN_OTHER, 0, 100, 500);
	assert_true(s->arg == 33 && s->cpu == 1);
	run_free(r);
}

/* take_gil() sleeps in pieces: what it does in between, it does without the GIL. */
static void test_a_wait_in_pieces(void **state)
{
	struct run *r = run_new(1000);

	(void)state;
	slice(r, 0, 100, FT_ST_GIL_WAIT, 0, 200, 1);
	slice(r, 0, 206, FT_ST_GIL_WAIT, 0, 300, 1)->flags = FT_SF_GW_CONT;
	slice(r, 0, 400, FT_ST_GIL_WAIT, 0, 500, 1);
	assert_int_equal(play(r), 0);
	check(nth(r, 0, 0), FT_SPAN_ON, FT_R_ON_GIL, 0, 100);
	check(nth(r, 0, 2), FT_SPAN_ON, FT_R_ON_FREE, 200, 206);
	check(nth(r, 0, 4), FT_SPAN_ON, FT_R_ON_GIL, 300, 400);
	run_free(r);
}

/* Each thread goes through random states; some events are lost when `lossy`. */
static void random_story(struct run *r, unsigned int seed, bool lossy)
{
	__u64 at[THREADS] = {0}, len = r->end - T0;

	srand(seed);
	while (r->cnt < EVENTS - THREADS) {
		__u32 thr = (__u32)(rand() % THREADS);
		__u64 out = at[thr] + (__u64)(rand() % 50), in = out + 1 + (__u64)(rand() % 80);
		__u8 st = (__u8)(FT_ST_GIL_WAIT + rand() % (FT_ST_CNT - FT_ST_GIL_WAIT));

		if (in >= len)
			break;
		if (rand() % 3 == 0)
			add(r, FT_EV_TICK, thr, (at[thr] + out) / 2, 0)->state =
				(__u8)(rand() % FT_ON_CNT);
		slice(r, thr, out, st, rand() % 2 ? out + (in - out) / 2 : 0, in, 0);
		if (lossy && rand() % 20 == 0)
			r->cnt--;
		r->rec[thr].t.state_ns[FT_ST_ON] += out - at[thr];
		at[thr] = in;
	}
}

/* From a thread's start to its end, without a hole or an overlap; returns its time on cores. */
static __u64 check_whole(const struct run *r, __u32 thr)
{
	__u64 at = T0, on = 0;
	bool running = false;

	for (size_t i = 0; i < r->got_cnt; i++) {
		const struct ft_span *s = &r->got[i].s;

		if (s->thr != thr || s->type == FT_SPAN_TICK)
			continue;
		assert_int_equal(s->from_ns, at);
		assert_true(s->to_ns > s->from_ns || s->type == FT_SPAN_GAP);
		at = s->to_ns;
		if (s->type == FT_SPAN_ON) {
			assert_int_equal(!(s->flags & FT_SPAN_FIRST), running);
			running = !(s->flags & FT_SPAN_LAST);
			on += s->to_ns - s->from_ns;
		} else {
			running = false;
		}
	}
	assert_int_equal(at, r->end);
	return on;
}

static void test_no_time_twice(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 40; seed++) {
		struct run *r = run_new(20000);

		random_story(r, seed, seed % 2);
		assert_int_equal(play(r), 0);
		for (__u32 thr = 0; thr < THREADS; thr++) {
			__u64 on = check_whole(r, thr);

			if (seed % 2 == 0)
				assert_int_equal(on, r->rec[thr].t.state_ns[FT_ST_ON]);
		}
		run_free(r);
	}
}

/* A window's events alone, with what was before primed, say of the window what all of them say. */
static void test_primed(void **state)
{
	struct run *r = run_new(20000);
	__u64 seg[THREADS], from = T0 + 9000;
	__u32 seq[THREADS] = {0};
	struct got *all;
	struct ft_spans *s;
	size_t cnt, k = 0;

	(void)state;
	random_story(r, 77, false);
	/* ended where the events end: what a window says of a last interval is another matter */
	for (__u32 i = 0; i < THREADS; i++)
		r->rec[i].t.since_ns = 0;
	assert_int_equal(play(r), 0);
	all = r->got;
	cnt = r->got_cnt;
	r->got = NULL;
	r->got_cap = 0;

	for (__u32 i = 0; i < THREADS; i++)
		seg[i] = T0;
	s = begin(r);
	for (size_t i = 0; i < r->cnt; i++)
		if (r->ev[i].type == FT_EV_SLICE && r->ev[i].ts < from) {
			seg[r->ev[i].thr] = r->ev[i].ts;
			seq[r->ev[i].thr] = r->ev[i].seq + 1;
		}
	for (__u32 i = 0; i < THREADS; i++)
		ft_spans_prime(s, i, seg[i], seq[i], 0);
	for (size_t i = 0; i < r->cnt; i++)
		if (r->ev[i].ts >= from)
			assert_int_equal(ft_spans_event(s, &r->ev[i]), 0);
	assert_int_equal(ft_spans_finish(s), 0);
	ft_spans_free(s);
	/* the order is that of all of them, from each thread's first span in the window on */
	for (size_t i = 0; i < cnt; i++) {
		const struct ft_span *a = &all[i].s, *b;

		if (a->type == FT_SPAN_TICK || a->from_ns < seg[a->thr])
			continue;
		while (k < r->got_cnt && r->got[k].s.type == FT_SPAN_TICK)
			k++;
		assert_true(k < r->got_cnt);
		b = &r->got[k++].s;
		assert_true(a->thr == b->thr && a->from_ns == b->from_ns && a->to_ns == b->to_ns &&
			    a->type == b->type);
		if (a->type == FT_SPAN_OFF)
			assert_int_equal(a->state, b->state);
	}
	assert_true(k > 100);
	free(all);
	run_free(r);
}

static void test_callback_ends_it(void **state)
{
	struct run *r = run_new(20000);

	(void)state;
	random_story(r, 5, false);
	assert_int_equal(play(r), 0);
	r->stop_at = r->got_cnt;
	assert_int_equal(play(r), -EDOM);
	r->stop_at = 1;
	assert_int_equal(play(r), -EDOM);
	run_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_span_says), cmocka_unit_test(test_a_wait_in_pieces),
		cmocka_unit_test(test_no_time_twice),	 cmocka_unit_test(test_primed),
		cmocka_unit_test(test_callback_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
