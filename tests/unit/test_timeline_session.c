/* SPDX-License-Identifier: BSD-2-Clause */
/* LDFLAGS: -Wl,--wrap=ft_reader_info,--wrap=ft_reader_totals */
/* LDFLAGS: -Wl,--wrap=ft_reader_threads,--wrap=ft_reader_events */
/* The timeline of a whole session: the window, the densest stretch, errors of the reader. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "model/timeline.h"

#define T0 1000000ull

/* The session that the reader below reads: one thread. */
static struct ft_session_info info;
static struct ft_totals totals;
static struct ft_thread_rec rec;
static struct ft_event events[4096];
static size_t event_cnt;
static int event_err;
static const struct ft_model model = {.info = &info, .totals = &totals};

const struct ft_session_info *__wrap_ft_reader_info(const struct ft_reader *r);
const struct ft_totals *__wrap_ft_reader_totals(const struct ft_reader *r);
const struct ft_thread_rec *__wrap_ft_reader_threads(const struct ft_reader *r, size_t *cnt);
int __wrap_ft_reader_events(struct ft_reader *r, __u64 from_ns, __u64 to_ns, ft_event_cb cb,
			    void *ctx);

const struct ft_session_info *__wrap_ft_reader_info(const struct ft_reader *r)
{
	(void)r;
	return &info;
}

const struct ft_totals *__wrap_ft_reader_totals(const struct ft_reader *r)
{
	(void)r;
	return &totals;
}

const struct ft_thread_rec *__wrap_ft_reader_threads(const struct ft_reader *r, size_t *cnt)
{
	(void)r;
	*cnt = 1;
	return &rec;
}

int __wrap_ft_reader_events(struct ft_reader *r, __u64 from_ns, __u64 to_ns, ft_event_cb cb,
			    void *ctx)
{
	int err = 0;

	(void)r;
	for (size_t i = 0; i < event_cnt && !err; i++)
		if (events[i].ts >= from_ns && events[i].out_ns <= to_ns)
			err = cb(ctx, &events[i]);
	return err ? err : event_err;
}

static int setup(void **state)
{
	(void)state;
	memset(&info, 0, sizeof(info));
	memset(&rec, 0, sizeof(rec));
	info.start_ns = T0;
	info.gil = FT_GIL_ON;
	info.cpus_cnt = 2;
	info.cpus[1] = 1;
	totals.end_ns = T0 + 100000;
	rec.t.start_ns = T0;
	rec.t.since_ns = totals.end_ns;
	rec.t.state = FT_ST_ON;
	event_cnt = 0;
	event_err = 0;
	return 0;
}

/* Away for 10 ns until `in`. */
static void slice(__u64 in)
{
	struct ft_event *ev = &events[event_cnt++];

	assert_true(event_cnt <= sizeof(events) / sizeof(events[0]));
	*ev = (struct ft_event){.type = FT_EV_SLICE, .ts = T0 + in, .out_ns = T0 + in - 10};
	ev->state = FT_ST_BLOCKED;
	ev->waker = FT_NO_THREAD;
	ev->seq = rec.t.seq++;
}

static __u64 lane_sum(const struct ft_timeline *tl, enum ft_rstate st)
{
	__u64 sum = 0;

	assert_int_equal(tl->thread_cnt, 1);
	for (__u32 i = 0; i < tl->cols; i++)
		sum += tl->thread[i].ns[st];
	return sum;
}

static void test_windows(void **state)
{
	static const struct {
		__u64 from, to;
		__u64 want_from, want_to, want_end, on;
	} cases[] = {
		/* 10 ns away in each 1000 */
		{0, 0, T0, T0 + 100000, T0 + 100000, 99010},
		{T0 + 20000, T0 + 30000, T0 + 20000, T0 + 30000, T0 + 30000, 9900},
		{T0, T0 + 200000, T0, T0 + 200000, T0 + 100000, 99010},
		{T0 + 100000, T0 + 200000, T0 + 100000, T0 + 200000, T0 + 100000, 0},
	};

	(void)state;
	for (__u64 t = 1000; t < 100000; t += 1000)
		slice(t);
	rec.t.state_ns[FT_ST_ON] = 99010;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ft_timeline *tl;

		assert_int_equal(
			ft_timeline_build(NULL, &model, cases[i].from, cases[i].to, 40, 4, &tl), 0);
		assert_int_equal(tl->from_ns, cases[i].want_from);
		assert_int_equal(tl->to_ns, cases[i].want_to);
		assert_int_equal(tl->end_ns, cases[i].want_end);
		assert_int_equal(tl->core_cnt, 2);
		if (cases[i].on)
			assert_int_equal(lane_sum(tl, FT_R_ON_GIL), cases[i].on);
		else
			assert_int_equal(tl->thread_cnt, 0);
		ft_timeline_free(tl);
	}
}

static void test_errors(void **state)
{
	struct ft_timeline *tl = (void *)1;
	__u64 start;

	(void)state;
	slice(1000);
	assert_int_equal(ft_timeline_build(NULL, &model, T0 + 9, T0, 40, 4, &tl), -EINVAL);
	assert_null(tl);
	event_err = -EBADMSG;
	assert_int_equal(ft_timeline_build(NULL, &model, 0, 0, 40, 4, &tl), -EBADMSG);
	assert_null(tl);
	assert_int_equal(ft_timeline_densest(NULL, &model, 1000, &start), -EBADMSG);
}

static void test_densest(void **state)
{
	__u64 start = 0;

	(void)state;
	assert_int_equal(ft_timeline_densest(NULL, &model, 10000, &start), -ENODATA);
	/* a switch each 100 ns, and from 50,000 to 60,000 one each 20 */
	for (__u64 t = 100; t < 100000; t += t >= 50000 && t < 60000 ? 20 : 100)
		slice(t);
	assert_int_equal(ft_timeline_densest(NULL, &model, 10000, &start), 0);
	assert_true(start >= T0 + 50000 - 625 && start <= T0 + 50000 + 625);
	/* it stays inside; longer than the session it begins with it; no length is no crash */
	assert_int_equal(ft_timeline_densest(NULL, &model, 99000, &start), 0);
	assert_true(start >= T0 && start <= T0 + 1000);
	assert_int_equal(ft_timeline_densest(NULL, &model, 1000000, &start), 0);
	assert_int_equal(start, T0);
	assert_int_equal(ft_timeline_densest(NULL, &model, 0, &start), 0);
	/* ticks only: nothing switched */
	event_cnt = 1;
	events[0].type = FT_EV_TICK;
	assert_int_equal(ft_timeline_densest(NULL, &model, 10000, &start), 0);
	assert_int_equal(start, T0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_windows, setup),
		cmocka_unit_test_setup(test_errors, setup),
		cmocka_unit_test_setup(test_densest, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
