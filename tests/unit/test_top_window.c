/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the last seconds of a session: what is forgotten leaves the figures and lanes right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "model/window.h"

#define SEC 1000000000ull
#define MS 1000000ull
#define START (50 * SEC)
#define TURN (10 * MS)

/* Two threads take turns of 10 ms on core 0; thread 2 sleeps. */
struct session {
	struct ft_session_info info;
	struct ft_totals totals;
	struct ft_thread_rec recs[3];
	struct ft_model_src src;
	__u64 turn;
};

static struct session *make(void)
{
	struct session *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->info = (struct ft_session_info){
		.start_ns = START, .cpu_cnt = 1, .cpus = {0}, .cpus_cnt = 1, .gil = FT_GIL_ON};
	s->totals.end_ns = START;
	for (__u32 i = 0; i < 3; i++) {
		struct ft_thread *t = &s->recs[i].t;

		t->tid = t->ns_tid = 10 + i;
		t->start_ns = t->since_ns = START;
		t->flags = FT_TF_SEEDED | FT_TF_PYTHON;
		t->state = i == 2 ? FT_ST_BLOCKED : FT_ST_GIL_WAIT;
	}
	s->src = (struct ft_model_src){
		.info = &s->info, .totals = &s->totals, .recs = s->recs, .cnt = 3};
	return s;
}

/* So many turns; each ends with the thread's wait, told when it comes back. */
static void go_on(struct session *s, struct ft_window *w, int turns)
{
	for (int i = 0; i < turns; i++, s->turn++) {
		__u64 ts = START + s->turn * TURN;
		__u32 thr = s->turn % 2;
		struct ft_thread *t = &s->recs[thr].t;
		struct ft_event ev = {.type = FT_EV_SLICE,
				      .ts = ts,
				      .out_ns = s->turn < 2 ? START : ts - TURN,
				      .state = FT_ST_GIL_WAIT,
				      .thr = thr,
				      .waker = FT_NO_THREAD,
				      .stack = FT_NO_STACK,
				      .seq = t->seq++};

		assert_int_equal(ft_window_event(w, &ev), 0);
		t->state_ns[FT_ST_ON] += TURN;
		s->recs[!thr].t.state_ns[FT_ST_GIL_WAIT] += TURN;
		s->recs[2].t.state_ns[FT_ST_BLOCKED] += TURN;
		s->totals.end_ns = ts + TURN;
		s->totals.level_ns[1] += TURN;
	}
	for (int i = 0; i < 3; i++)
		s->recs[i].t.since_ns = s->totals.end_ns;
	/* the one whose turn was last still runs */
	s->recs[(s->turn - 1) % 2].t.state = FT_ST_ON;
	s->recs[s->turn % 2].t.state = FT_ST_GIL_WAIT;
}

static double busy(const struct ft_timeline *tl)
{
	__u64 sum = 0;

	assert_int_equal(tl->core_cnt, 1);
	for (__u32 i = 0; i < tl->cols; i++) {
		assert_false(tl->gap[i]);
		sum += tl->core[i].gil_ns + tl->core[i].free_ns;
	}
	return (double)sum / (double)(tl->to_ns - tl->from_ns);
}

/* A window rolls over a long session: length, figures and the lane are always its own. */
static void test_rolls(void **state)
{
	struct session *s = make();
	const struct ft_window_view *v;
	struct ft_window *w;

	(void)state;
	assert_int_equal(ft_window_new(2 * SEC, 4096, &w), 0);
	assert_null(ft_window_view(w)->m);
	for (int look = 1; look <= 30; look++) {
		__u64 want = look < 4 ? (__u64)look * SEC / 2 : 2 * SEC;

		go_on(s, w, 50);
		assert_int_equal(ft_window_look(w, &s->src, 40), 0);
		v = ft_window_view(w);
		assert_int_equal(v->m->duration_ns, want);
		assert_int_equal(v->session_ns, (__u64)look * SEC / 2);
		assert_int_equal(v->m->all.on_ns, want);
		assert_int_equal(v->m->wait_ns, want);
		assert_int_equal(v->m->thread_cnt, 3);
		assert_int_equal(v->tl->to_ns - v->tl->from_ns, want);
		/* each turn but the first two of the session is in some event, the last is open */
		assert_true(busy(v->tl) > 0.97);
		assert_true(busy(v->tl) < 1.0001);
	}
	ft_window_free(w);
	ft_window_free(NULL);
	free(s);
}

/* Too many events: the lane is shorter and right, the figures are whole. */
static void test_events_are_bounded(void **state)
{
	struct session *s = make();
	const struct ft_window_view *v;
	struct ft_window *w;

	(void)state;
	assert_int_equal(ft_window_new(4 * SEC, 100, &w), 0);
	go_on(s, w, 1000);
	assert_int_equal(ft_window_look(w, &s->src, 40), 0);
	v = ft_window_view(w);
	assert_int_equal(v->m->all.on_ns, 10 * SEC);
	assert_true(v->tl->to_ns - v->tl->from_ns <= 101 * TURN);
	assert_true(v->tl->to_ns - v->tl->from_ns >= 99 * TURN);
	assert_true(busy(v->tl) > 0.97);
	ft_window_free(w);
	free(s);
}

/* A number that went to another thread: what its first owner did is not the second's. */
static void test_number_is_used_again(void **state)
{
	struct session *s = make();
	const struct ft_window_view *v;
	struct ft_window *w;
	__u64 end;

	(void)state;
	assert_int_equal(ft_window_new(SEC, 4096, &w), 0);
	go_on(s, w, 200);
	assert_int_equal(ft_window_look(w, &s->src, 40), 0);
	end = s->totals.end_ns;
	memset(&s->recs[2].t, 0, sizeof(s->recs[2].t));
	s->recs[2].t.tid = s->recs[2].t.ns_tid = 99;
	s->recs[2].t.start_ns = end + SEC / 2;
	s->recs[2].t.state = FT_ST_BLOCKED;
	go_on(s, w, 100);
	s->recs[2].t.state_ns[FT_ST_BLOCKED] = SEC / 2;
	assert_int_equal(ft_window_look(w, &s->src, 40), 0);
	v = ft_window_view(w);
	for (size_t i = 0; i < v->m->thread_cnt; i++)
		if (v->m->threads[i].tid == 99)
			assert_int_equal(v->m->threads[i].lifetime_ns, SEC / 2);
	assert_int_equal(v->m->thread_cnt, 3);
	assert_true(busy(v->tl) > 0.97);
	ft_window_free(w);
	free(s);
}

/* Longer and shorter windows, and looks that are not shown. */
static void test_length(void **state)
{
	struct session *s = make();
	struct ft_window *w;

	(void)state;
	assert_int_equal(ft_window_new(2 * SEC, 4096, &w), 0);
	for (int i = 0; i < 12; i++) {
		go_on(s, w, 50);
		assert_int_equal(ft_window_look(w, &s->src, 10), 0);
	}
	ft_window_set_length(w, SEC);
	go_on(s, w, 50);
	assert_int_equal(ft_window_look(w, &s->src, 10), 0);
	assert_int_equal(ft_window_view(w)->m->duration_ns, SEC);
	/* what was forgotten does not come back; it grows from there */
	ft_window_set_length(w, 5 * SEC);
	for (int i = 0; i < 20; i++) {
		go_on(s, w, 50);
		if (i < 19)
			assert_int_equal(ft_window_skip(w, &s->src), 0);
	}
	assert_int_equal(ft_window_view(w)->m->duration_ns, SEC);
	assert_int_equal(ft_window_look(w, &s->src, 10), 0);
	assert_true(ft_window_view(w)->m->duration_ns >= 5 * SEC);
	assert_true(ft_window_view(w)->m->duration_ns <= 6 * SEC);
	ft_window_free(w);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rolls),
		cmocka_unit_test(test_events_are_bounded),
		cmocka_unit_test(test_number_is_used_again),
		cmocka_unit_test(test_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
