/* SPDX-License-Identifier: BSD-2-Clause */
/* The timeline's cells against hand-made sessions whose answer is known to the nanosecond. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "model/timeline_build.h"
#include "model/timeline_order.h"

#define T0 1000000ull /* session start; columns of most tests are 100 ns */
#define NCPU 2

struct sim {
	struct ft_thread_rec *rec;
	size_t threads;
	struct ft_event *ev;
	size_t cnt, cap;
	__u64 end;
	bool gil;
	const struct ft_model *m;
	__u16 cpus[FT_MAX_CPUS];
	size_t cpu_cnt;
	__u32 thread_max;
};

static void sim_init(struct sim *s, size_t threads, __u64 len)
{
	memset(s, 0, sizeof(*s));
	s->rec = calloc(threads + 1, sizeof(*s->rec));
	assert_non_null(s->rec);
	s->threads = threads;
	s->end = T0 + len;
	s->gil = true;
	s->cpu_cnt = NCPU;
	s->cpus[1] = 1;
	s->thread_max = 8;
	for (size_t i = 0; i < threads; i++) {
		s->rec[i].t.start_ns = T0;
		s->rec[i].t.since_ns = s->end;
		s->rec[i].t.state = FT_ST_BLOCKED;
	}
}

static void sim_free(struct sim *s)
{
	free(s->rec);
	free(s->ev);
}

static struct ft_event *add(struct sim *s, __u8 type, __u32 thr, __u64 at, __u16 cpu)
{
	struct ft_event *ev;

	if (s->cnt == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 64;
		s->ev = realloc(s->ev, s->cap * sizeof(*s->ev));
		assert_non_null(s->ev);
	}
	ev = &s->ev[s->cnt++];
	*ev = (struct ft_event){.type = type, .thr = thr, .ts = T0 + at, .cpu = cpu};
	ev->waker = FT_NO_THREAD;
	return ev;
}

/* Left its core at `out`, was woken at `wake` (0: never) and came back to `cpu` at `in`. */
static struct ft_event *slice(struct sim *s, __u32 thr, __u64 out, __u8 state, __u64 wake, __u64 in,
			      __u16 cpu)
{
	struct ft_event *ev = add(s, FT_EV_SLICE, thr, in, cpu);

	ev->out_ns = T0 + out;
	ev->wake_ns = wake ? T0 + wake : 0;
	ev->state = state;
	ev->seq = s->rec[thr].t.seq++;
	return ev;
}

static void tick(struct sim *s, __u32 thr, __u64 at, __u16 cpu, __u8 on)
{
	add(s, FT_EV_TICK, thr, at, cpu)->state = on;
}

/* The thread's last state and its on-core total, as the kernel's slot has them. */
static void ends(struct sim *s, __u32 thr, __u8 state, __u64 on_ns)
{
	s->rec[thr].t.state = state;
	s->rec[thr].t.state_ns[FT_ST_ON] = on_ns;
}

static struct ft_timeline *build(const struct sim *s, __u64 from, __u64 to, __u32 cols)
{
	struct ft_tl_input in = {
		.from_ns = T0 + from,
		.to_ns = T0 + to,
		.session_end_ns = s->end,
		.cols = cols,
		.thread_max = s->thread_max,
		.recs = s->rec,
		.rec_cnt = s->threads,
		.cpus = s->cpus,
		.cpu_cnt = s->cpu_cnt,
		.m = s->m,
		.gil = s->gil,
	};
	struct ft_tl_builder *b = NULL;
	struct ft_timeline *tl = NULL;

	assert_int_equal(ft_tl_builder_new(&in, &b), 0);
	for (size_t i = 0; i < s->cnt; i++)
		assert_int_equal(ft_tl_builder_event(b, &s->ev[i]), 0);
	assert_int_equal(ft_tl_builder_finish(b, &tl), 0);
	ft_tl_builder_free(b);
	return tl;
}

static const struct ft_tl_thread *lane(const struct ft_timeline *tl, __u32 thr)
{
	for (__u32 i = 0; i < tl->thread_cnt; i++)
		if (tl->thr[i] == thr)
			return &tl->thread[(size_t)i * tl->cols];
	fail_msg("thread %u has no lane", thr);
	return NULL;
}

static const struct ft_tl_core *core(const struct ft_timeline *tl, __u16 cpu)
{
	for (__u32 i = 0; i < tl->core_cnt; i++)
		if (tl->cores[i] == cpu)
			return &tl->core[(size_t)i * tl->cols];
	fail_msg("core %u has no lane", cpu);
	return NULL;
}

static void expect(const struct ft_tl_thread *c, enum ft_rstate state, const __u64 *ns, __u32 cols)
{
	for (__u32 i = 0; i < cols; i++)
		if (c[i].ns[state] != ns[i])
			fail_msg("state %d column %u: %llu, not %llu", state, i,
				 (unsigned long long)c[i].ns[state], (unsigned long long)ns[i]);
}

#define EXPECT(cells, state, ...)                                                                  \
	do {                                                                                       \
		const __u64 want_[] = {__VA_ARGS__};                                               \
		expect(cells, state, want_, sizeof(want_) / sizeof(want_[0]));                     \
	} while (0)

/* Every thread is in some state all its life, and a core's time is its threads'. */
static void expect_adds_up(const struct ft_timeline *tl, const struct sim *s)
{
	__u64 on = 0, on_cores = 0;
	double mean = 0;

	for (__u32 i = 0; i < tl->thread_cnt; i++) {
		const struct ft_thread *t = &s->rec[tl->thr[i]].t;
		__u64 lo = t->start_ns > tl->from_ns ? t->start_ns : tl->from_ns;
		__u64 hi = t->since_ns < tl->to_ns ? t->since_ns : tl->to_ns, sum = 0;

		for (__u32 k = 0; k < tl->cols; k++) {
			const __u64 *ns = tl->thread[(size_t)i * tl->cols + k].ns;

			for (int st = 0; st < FT_R_CNT; st++)
				sum += ns[st];
			on += ns[FT_R_ON_GIL] + ns[FT_R_ON_FREE] + ns[FT_R_ON_SPIN];
		}
		assert_int_equal(sum, hi > lo ? hi - lo : 0);
	}
	for (__u32 k = 0; k < tl->cols; k++) {
		on += tl->rest[k].ns[FT_R_ON_GIL] + tl->rest[k].ns[FT_R_ON_FREE] +
		      tl->rest[k].ns[FT_R_ON_SPIN];
		mean += tl->at_once[k] * tl->col_ns;
		assert_true(tl->at_once_max[k] >= tl->at_once[k]);
		for (__u32 i = 0; i < tl->core_cnt; i++) {
			const struct ft_tl_core *c = &tl->core[(size_t)i * tl->cols + k];

			on_cores += c->gil_ns + c->free_ns;
			assert_true((double)(c->gil_ns + c->free_ns + c->other_ns) <=
				    tl->col_ns + 1);
		}
	}
	assert_int_equal(on, on_cores);
	assert_true(mean > (double)on * 0.999 - 10 && mean < (double)on * 1.001 + 10);
}

static void test_states_to_the_nanosecond(void **state)
{
	struct ft_timeline *tl;
	struct sim s;

	(void)state;
	sim_init(&s, 2, 400);
	/* on 0..50 on core 0, GIL wait 50..150 (woken at 140), on core 1 until 230, asleep */
	add(&s, FT_EV_START, 0, 0, 0)->state = FT_ST_ON;
	slice(&s, 0, 50, FT_ST_GIL_WAIT, 140, 150, 1);
	slice(&s, 0, 230, FT_ST_BLOCKED, 260, 310, 0);
	ends(&s, 0, FT_ST_ON, 50 + 80 + 90);
	/* preempted from the start */
	slice(&s, 1, 0, FT_ST_RUNQ, 0, 70, 0);
	slice(&s, 1, 120, FT_ST_LOCK_WAIT, 0, 320, 1);
	ends(&s, 1, FT_ST_SYNC_WAIT, 50 + 30);
	tl = build(&s, 0, 400, 4);
	EXPECT(lane(tl, 0), FT_R_ON_GIL, 50, 50, 30, 90);
	EXPECT(lane(tl, 0), FT_R_GIL_WAIT, 50, 50, 0, 0);
	EXPECT(lane(tl, 0), FT_R_BLOCKED, 0, 0, 30, 0);
	EXPECT(lane(tl, 0), FT_R_RUNQ, 0, 0, 40, 10);
	EXPECT(lane(tl, 1), FT_R_RUNQ, 70, 0, 0, 0);
	EXPECT(lane(tl, 1), FT_R_ON_GIL, 30, 20, 0, 30);
	EXPECT(lane(tl, 1), FT_R_LOCK_WAIT, 0, 80, 100, 20);
	EXPECT(lane(tl, 1), FT_R_SYNC_WAIT, 0, 0, 0, 50);
	assert_int_equal(core(tl, 0)[0].gil_ns, 80);
	assert_int_equal(core(tl, 0)[0].top_thr, 0);
	assert_int_equal(core(tl, 0)[0].top_ns, 50);
	assert_int_equal(core(tl, 0)[1].gil_ns, 20);
	assert_int_equal(core(tl, 0)[2].top_thr, FT_NO_THREAD);
	assert_int_equal(core(tl, 1)[1].gil_ns, 50);
	assert_int_equal(core(tl, 1)[3].top_thr, 1);
	assert_float_equal(tl->at_once[0], 0.8, 1e-9);
	assert_float_equal(tl->at_once[3], 1.2, 1e-9);
	assert_float_equal(tl->at_once_max[0], 1, 0);
	assert_float_equal(tl->at_once_max[3], 2, 0);
	assert_int_equal(tl->events, 5);
	expect_adds_up(tl, &s);
	ft_timeline_free(tl);
	sim_free(&s);
}

static void test_most_at_once(void **state)
{
	struct ft_timeline *tl;
	struct sim s;

	(void)state;
	sim_init(&s, 3, 200);
	/* three together during 100..110, one alone until 150, none in the first column */
	for (__u32 i = 0; i < 3; i++) {
		slice(&s, i, 0, FT_ST_BLOCKED, 0, 100, (__u16)i);
		ends(&s, i, FT_ST_BLOCKED, i ? 10 : 50);
	}
	tl = build(&s, 0, 200, 2);
	assert_float_equal(tl->at_once[0], 0, 0);
	assert_float_equal(tl->at_once_max[0], 0, 0);
	assert_float_equal(tl->at_once[1], 0.7, 1e-9);
	assert_float_equal(tl->at_once_max[1], 3, 0);
	ft_timeline_free(tl);
	sim_free(&s);
}

static void test_ticks_name_on_core_time(void **state)
{
	struct ft_mthread mt = {.thr = 4};
	struct ft_model m = {.threads = &mt, .thread_cnt = 1};
	struct ft_timeline *tl;
	struct sim s;

	(void)state;
	sim_init(&s, 5, 400);
	s.m = &m;
	mt.state_ns[FT_R_ON_GIL] = 1;
	mt.state_ns[FT_R_ON_FREE] = 3;
	for (__u32 i = 0; i < 5; i++) {
		add(&s, FT_EV_START, i, 0, 0)->state = FT_ST_ON;
		ends(&s, i, FT_ST_ON, 400);
	}
	/* 0: changes half-way between its ticks, at 200 */
	tick(&s, 0, 50, 0, FT_ON_GIL);
	tick(&s, 0, 150, 0, FT_ON_GIL);
	tick(&s, 0, 250, 0, FT_ON_SPIN);
	/* 1: a stay without a tick is what the last tick said */
	tick(&s, 1, 10, 0, FT_ON_FREE);
	slice(&s, 1, 100, FT_ST_BLOCKED, 0, 200, 0);
	/* 2: but it came back from a GIL wait: it has the GIL */
	tick(&s, 2, 10, 0, FT_ON_FREE);
	slice(&s, 2, 100, FT_ST_GIL_WAIT, 0, 200, 0);
	/* 3: held the GIL when it was preempted */
	slice(&s, 3, 100, FT_ST_RUNQ, 0, 200, 0)->flags = FT_SF_HELD;
	tl = build(&s, 0, 400, 2);
	EXPECT(lane(tl, 0), FT_R_ON_GIL, 200, 0);
	EXPECT(lane(tl, 0), FT_R_ON_SPIN, 0, 200);
	EXPECT(lane(tl, 1), FT_R_ON_FREE, 100, 200);
	EXPECT(lane(tl, 2), FT_R_ON_FREE, 100, 0);
	EXPECT(lane(tl, 2), FT_R_ON_GIL, 0, 200);
	EXPECT(lane(tl, 3), FT_R_ON_GIL, 100, 200);
	/* 4: no tick at all: the shares of the whole session */
	EXPECT(lane(tl, 4), FT_R_ON_GIL, 50, 50);
	EXPECT(lane(tl, 4), FT_R_ON_FREE, 150, 150);
	ft_timeline_free(tl);
	/* thirds: no nanosecond is lost by rounding */
	mt.state_ns[FT_R_ON_FREE] = 2;
	tl = build(&s, 0, 400, 1);
	EXPECT(lane(tl, 4), FT_R_ON_GIL, 133);
	EXPECT(lane(tl, 4), FT_R_ON_FREE, 267);
	ft_timeline_free(tl);
	sim_free(&s);
}

static void test_core_of_the_first_interval(void **state)
{
	struct ft_timeline *tl;
	struct sim s;

	(void)state;
	sim_init(&s, 3, 200);
	s.gil = false;
	/* a seeded thread's START was written by the iterator's core: not believed */
	s.rec[0].t.flags = FT_TF_SEEDED;
	add(&s, FT_EV_START, 0, 0, 7)->state = FT_ST_ON;
	tick(&s, 0, 40, 1, FT_ON_FREE);
	slice(&s, 0, 100, FT_ST_BLOCKED, 0, 150, 0);
	ends(&s, 0, FT_ST_ON, 150);
	/* no tick: the core that it came back to */
	slice(&s, 1, 60, FT_ST_BLOCKED, 0, 200, 3);
	ends(&s, 1, FT_ST_ON, 60);
	/* a tick elsewhere: a move that no switch told */
	add(&s, FT_EV_START, 2, 0, 4)->state = FT_ST_ON;
	tick(&s, 2, 30, 4, FT_ON_FREE);
	tick(&s, 2, 90, 5, FT_ON_FREE);
	ends(&s, 2, FT_ST_ON, 200);
	tl = build(&s, 0, 200, 1);
	assert_int_equal(tl->core_cnt, 5);
	assert_int_equal(core(tl, 1)[0].free_ns, 100);
	assert_int_equal(core(tl, 0)[0].free_ns, 50);
	assert_int_equal(core(tl, 3)[0].free_ns, 60);
	assert_int_equal(core(tl, 4)[0].free_ns, 90);
	assert_int_equal(core(tl, 5)[0].free_ns, 110);
	ft_timeline_free(tl);
	sim_free(&s);
}

static void test_last_interval(void **state)
{
	struct ft_timeline *tl;
	struct sim s;

	(void)state;
	sim_init(&s, 5, 400);
	/* 0: the kernel counted 30 ns more than the events: it left its core at 330 */
	slice(&s, 0, 100, FT_ST_BLOCKED, 0, 300, 0);
	ends(&s, 0, FT_ST_SYNC_WAIT, 130);
	/* 1: exits at 250; its EXIT is there */
	slice(&s, 1, 0, FT_ST_BLOCKED, 0, 200, 1);
	add(&s, FT_EV_EXIT, 1, 250, 1)->seq = 1;
	ends(&s, 1, FT_ST_DEAD, 50);
	s.rec[1].t.since_ns = T0 + 250;
	/* 2: the same, but the file ends before its EXIT */
	slice(&s, 2, 0, FT_ST_BLOCKED, 0, 200, 1);
	ends(&s, 2, FT_ST_DEAD, 50);
	s.rec[2].t.since_ns = T0 + 250;
	/* 3: slept through, 4: never switched */
	ends(&s, 4, FT_ST_ON, 400);
	tl = build(&s, 0, 400, 4);
	EXPECT(lane(tl, 0), FT_R_ON_GIL, 100, 0, 0, 30);
	EXPECT(lane(tl, 0), FT_R_SYNC_WAIT, 0, 0, 0, 70);
	EXPECT(lane(tl, 1), FT_R_ON_GIL, 0, 0, 50, 0);
	EXPECT(lane(tl, 2), FT_R_ON_GIL, 0, 0, 50, 0);
	EXPECT(lane(tl, 1), FT_R_BLOCKED, 100, 100, 0, 0);
	EXPECT(lane(tl, 3), FT_R_BLOCKED, 100, 100, 100, 100);
	EXPECT(lane(tl, 4), FT_R_ON_GIL, 100, 100, 100, 100);
	for (int i = 0; i < 4; i++)
		assert_false(tl->gap[i]);
	/* a window past the end: nothing is there */
	ft_timeline_free(tl);
	tl = build(&s, 200, 600, 2);
	assert_int_equal(tl->end_ns, s.end);
	EXPECT(lane(tl, 4), FT_R_ON_GIL, 200, 0);
	EXPECT(lane(tl, 0), FT_R_SYNC_WAIT, 70, 0);
	assert_float_equal(tl->at_once[1], 0, 0);
	ft_timeline_free(tl);
	sim_free(&s);
}

static void test_lost_events_leave_a_gap(void **state)
{
	struct ft_timeline *tl;
	struct sim s;

	(void)state;
	sim_init(&s, 2, 800);
	slice(&s, 0, 50, FT_ST_BLOCKED, 0, 110, 0);
	s.rec[0].t.seq++; /* this one was lost */
	slice(&s, 0, 450, FT_ST_BLOCKED, 0, 520, 0);
	tick(&s, 0, 530, 0, FT_ON_GIL);
	ends(&s, 0, FT_ST_BLOCKED, 400);
	/* the last ones were lost */
	slice(&s, 1, 0, FT_ST_BLOCKED, 0, 620, 1);
	s.rec[1].t.seq += 2;
	tl = build(&s, 0, 800, 8);
	for (int i = 0; i < 8; i++)
		assert_int_equal(tl->gap[i], (i >= 1 && i <= 4) || i >= 6);
	/* nothing is made up for 110..450; after it only what the tick proves */
	EXPECT(lane(tl, 0), FT_R_ON_GIL, 50, 0, 0, 0, 0, 10, 0, 0);
	EXPECT(lane(tl, 0), FT_R_BLOCKED, 50, 10, 0, 0, 50, 20 + 70, 100, 100);
	EXPECT(lane(tl, 1), FT_R_BLOCKED, 100, 100, 100, 100, 100, 100, 20, 0);
	ft_timeline_free(tl);
	sim_free(&s);
}

static void test_other_processes_fit_the_room(void **state)
{
	struct ft_timeline *tl;
	struct ft_event *ev;
	struct sim s;

	(void)state;
	sim_init(&s, 1, 400);
	/* the target has core 0 in 100..200 */
	slice(&s, 0, 0, FT_ST_BLOCKED, 0, 100, 0);
	slice(&s, 0, 200, FT_ST_BLOCKED, 0, 400, 0);
	ev = add(&s, FT_EV_CPU, FT_NO_THREAD, 300, 0);
	ev->wake_ns = T0;
	ev->out_ns = 120; /* of 0..300; only 0..100 and 200..300 have room */
	/* core 1: half of the window lies behind the end, and more than all of it was taken */
	ev = add(&s, FT_EV_CPU, FT_NO_THREAD, 500, 1);
	ev->wake_ns = T0 + 300;
	ev->out_ns = 1000;
	tl = build(&s, 0, 400, 4);
	assert_int_equal(core(tl, 0)[0].other_ns, 60);
	assert_int_equal(core(tl, 0)[1].other_ns, 0);
	assert_int_equal(core(tl, 0)[2].other_ns, 60);
	assert_int_equal(core(tl, 0)[3].other_ns, 0);
	assert_int_equal(core(tl, 1)[3].other_ns, 100);
	assert_int_equal(core(tl, 1)[2].other_ns, 0);
	ft_timeline_free(tl);
	sim_free(&s);
}

static __u32 rnd(__u32 *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* `threads` threads take turns at random on `cpus` cores, one each at most. */
static void random_session(struct sim *s, size_t threads, __u32 cpus, size_t events, __u32 seed)
{
	static const __u8 states[] = {FT_ST_GIL_WAIT, FT_ST_BLOCKED, FT_ST_RUNQ, FT_ST_SYNC_WAIT};
	__u64 *out = calloc(threads, sizeof(*out)), *since = calloc(cpus, sizeof(*since)), now = 0;
	__u32 *on = malloc(cpus * sizeof(*on));
	__u8 *st = malloc(threads);
	bool *busy = calloc(threads, 1);

	sim_init(s, threads, 0);
	assert_true(out && since && on && st && busy);
	memset(on, 0xff, cpus * sizeof(*on));
	memset(st, FT_ST_BLOCKED, threads);
	for (__u32 i = 0; i < cpus; i++)
		s->cpus[i] = (__u16)i;
	s->cpu_cnt = cpus;
	for (size_t i = 0; i < events; i++) {
		__u32 cpu = rnd(&seed) % cpus, thr = rnd(&seed) % (__u32)threads;

		now += 1 + rnd(&seed) % 1000;
		if (on[cpu] != FT_NO_THREAD) {
			__u32 t = on[cpu];

			out[t] = now;
			st[t] = states[rnd(&seed) % 4];
			busy[t] = false;
			s->rec[t].t.state_ns[FT_ST_ON] += now - since[cpu];
			on[cpu] = FT_NO_THREAD;
		}
		if (busy[thr])
			continue;
		now += rnd(&seed) % 50;
		slice(s, thr, out[thr], st[thr],
		      rnd(&seed) % 2 ? out[thr] + (now - out[thr]) / 2 : 0, now, (__u16)cpu);
		busy[thr] = true;
		on[cpu] = thr;
		since[cpu] = now;
	}
	s->end = T0 + now + 500;
	for (size_t i = 0; i < threads; i++) {
		s->rec[i].t.since_ns = s->end;
		s->rec[i].t.state = busy[i] ? FT_ST_ON : st[i];
	}
	for (__u32 i = 0; i < cpus; i++)
		if (on[i] != FT_NO_THREAD)
			s->rec[on[i]].t.state_ns[FT_ST_ON] += now + 500 - since[i];
	free(out);
	free(since);
	free(on);
	free(st);
	free(busy);
}

static void expect_same(const struct ft_timeline *a, const struct ft_timeline *b)
{
	assert_int_equal(a->core_cnt, b->core_cnt);
	assert_int_equal(a->thread_cnt, b->thread_cnt);
	assert_memory_equal(a->core, b->core, (size_t)a->core_cnt * a->cols * sizeof(*a->core));
	assert_memory_equal(a->thread, b->thread,
			    (size_t)a->thread_cnt * a->cols * sizeof(*a->thread));
	assert_memory_equal(a->rest, b->rest, a->cols * sizeof(*a->rest));
	assert_memory_equal(a->at_once_max, b->at_once_max, a->cols * sizeof(double));
	assert_memory_equal(a->gap, b->gap, a->cols);
}

static void test_random_sessions_add_up(void **state)
{
	static const __u32 cols[] = {1, 7, 64, 1000};

	(void)state;
	for (__u32 seed = 1; seed <= 40; seed++) {
		struct ft_timeline *tl;
		struct sim s;
		__u64 len;

		random_session(&s, 1 + seed % 9, 1 + seed % 4, 300, seed);
		len = s.end - T0;
		tl = build(&s, 0, len, cols[seed % 4]);
		for (__u32 i = 0; i < tl->cols; i++)
			assert_false(tl->gap[i]);
		expect_adds_up(tl, &s);
		ft_timeline_free(tl);
		tl = build(&s, len / 3, len / 2, cols[seed % 4]);
		expect_adds_up(tl, &s);
		ft_timeline_free(tl);
		sim_free(&s);
	}
}

/* Chunks overlap in time: blocks of the stream come swapped. */
static void test_order_does_not_matter(void **state)
{
	struct ft_timeline *want, *got;
	struct sim s;

	(void)state;
	random_session(&s, 12, 4, 200000, 5);
	assert_true(s.cnt > FT_ORDER_MAX);
	want = build(&s, 0, s.end - T0, 100);
	for (size_t i = 0; i + 2000 <= s.cnt; i += 2000) {
		struct ft_event *p = &s.ev[i], tmp[1000];

		memcpy(tmp, p, sizeof(tmp));
		memcpy(p, p + 1000, 1000 * sizeof(*p));
		memcpy(p + 1000, tmp, sizeof(tmp));
	}
	got = build(&s, 0, s.end - T0, 100);
	expect_same(want, got);
	ft_timeline_free(got);
	ft_timeline_free(want);
	/* back to front, as long as all of it fits the buffer */
	s.cnt = 60000;
	want = build(&s, 0, s.end - T0, 100);
	for (size_t i = 0; i < s.cnt / 2; i++) {
		struct ft_event tmp = s.ev[i];

		s.ev[i] = s.ev[s.cnt - 1 - i];
		s.ev[s.cnt - 1 - i] = tmp;
	}
	got = build(&s, 0, s.end - T0, 100);
	expect_same(want, got);
	ft_timeline_free(got);
	ft_timeline_free(want);
	sim_free(&s);
}

static void test_no_events(void **state)
{
	struct ft_timeline *tl;
	struct sim s;

	(void)state;
	sim_init(&s, 0, 400);
	tl = build(&s, 0, 400, 10);
	assert_int_equal(tl->thread_cnt, 0);
	assert_int_equal(tl->core_cnt, NCPU);
	assert_int_equal(core(tl, 0)[3].top_thr, FT_NO_THREAD);
	ft_timeline_free(tl);
	/* a window without length, and one shorter than its columns */
	tl = build(&s, 100, 100, 10);
	assert_float_equal(tl->col_ns, 0, 0);
	ft_timeline_free(tl);
	sim_free(&s);
	sim_init(&s, 1, 400);
	ends(&s, 0, FT_ST_ON, 400);
	tick(&s, 0, 300, 0, FT_ON_GIL);
	tl = build(&s, 0, 3, 10);
	expect_adds_up(tl, &s);
	ft_timeline_free(tl);
	/* no lanes for threads: they are all in the rest */
	s.thread_max = 0;
	tl = build(&s, 0, 400, 1);
	assert_int_equal(tl->rest_cnt, 1);
	assert_int_equal(tl->rest[0].ns[FT_R_ON_GIL], 400);
	ft_timeline_free(tl);
	sim_free(&s);
}

static void test_many_threads(void **state)
{
	__u64 sum = 0;
	struct ft_timeline *tl;
	struct sim s;

	(void)state;
	random_session(&s, 10000, 8, 30000, 3);
	tl = build(&s, 0, s.end - T0, 50);
	assert_int_equal(tl->thread_cnt, 8);
	assert_int_equal(tl->rest_cnt, 10000 - 8);
	expect_adds_up(tl, &s);
	for (__u32 i = 0; i < tl->cols; i++)
		for (int k = 0; k < FT_R_CNT; k++)
			sum += tl->rest[i].ns[k];
	assert_int_equal(sum, (10000 - 8) * (s.end - T0));
	ft_timeline_free(tl);
	sim_free(&s);
}

static void test_many_cores(void **state)
{
	struct ft_timeline *tl;
	struct sim s;

	(void)state;
	random_session(&s, 300, 256, 20000, 4);
	s.cpu_cnt = 3; /* the others are found because they are used */
	tl = build(&s, 0, s.end - T0, 80);
	assert_int_equal(tl->core_cnt, 256);
	for (__u32 i = 0; i < 256; i++)
		assert_int_equal(tl->cores[i], i);
	expect_adds_up(tl, &s);
	ft_timeline_free(tl);
	sim_free(&s);
}

/* Whatever the times say, no crash, no column overfull and no time counted twice. */
static void test_clock_oddities(void **state)
{
	(void)state;
	for (__u32 seed = 1; seed <= 60; seed++) {
		struct ft_timeline *tl;
		__u32 r = seed;
		struct sim s;

		random_session(&s, 5, 3, 400, seed);
		for (size_t i = 0; i < s.cnt; i++) {
			struct ft_event *ev = &s.ev[i];

			switch (rnd(&r) % 12) {
			case 0:
				ev->ts -= rnd(&r) % 3000;
				break;
			case 1:
				ev->out_ns += rnd(&r) % 5000;
				break;
			case 2:
				ev->wake_ns = rnd(&r) % 2 ? 1 : ~0ull;
				break;
			case 3:
				ev->out_ns = rnd(&r) % 2 ? 0 : ~0ull;
				break;
			case 4:
				ev->seq = rnd(&r);
				break;
			case 5:
				ev->type = (__u8)rnd(&r);
				break;
			case 6:
				ev->state = (__u8)rnd(&r);
				ev->cpu = (__u16)rnd(&r);
				break;
			case 7:
				ev->thr = rnd(&r) % 2 ? rnd(&r) : FT_NO_THREAD;
				break;
			default:
				break;
			}
		}
		tl = build(&s, 0, s.end - T0, 33);
		for (__u32 i = 0; i < tl->thread_cnt; i++)
			for (__u32 k = 0; k < tl->cols; k++) {
				__u64 sum = 0;

				for (int st = 0; st < FT_R_CNT; st++)
					sum += tl->thread[(size_t)i * tl->cols + k].ns[st];
				assert_true((double)sum <= tl->col_ns + 1);
			}
		for (size_t i = 0; i < (size_t)tl->core_cnt * tl->cols; i++)
			assert_true((double)(tl->core[i].gil_ns + tl->core[i].free_ns +
					     tl->core[i].other_ns) <= tl->col_ns + 1);
		ft_timeline_free(tl);
		sim_free(&s);
	}
}

static void test_lanes_are_the_heaviest_of_the_window(void **state)
{
	struct ft_timeline *tl;
	struct sim s;

	(void)state;
	sim_init(&s, 4, 1000);
	s.thread_max = 2;
	for (__u32 i = 0; i < 4; i++) {
		/* thread i is on core for 100 + 10 * i in 200 * i.. and asleep else */
		slice(&s, i, 0, FT_ST_BLOCKED, 0, 200 * i, (__u16)(i % 2));
		ends(&s, i, FT_ST_BLOCKED, 100 + 10 * i);
	}
	tl = build(&s, 0, 1000, 10);
	assert_int_equal(tl->thread_cnt, 2);
	assert_int_equal(tl->thr[0], 3);
	assert_int_equal(tl->thr[1], 2);
	assert_int_equal(tl->rest_cnt, 2);
	ft_timeline_free(tl);
	tl = build(&s, 0, 350, 10);
	assert_int_equal(tl->thr[0], 1);
	assert_int_equal(tl->thr[1], 0);
	ft_timeline_free(tl);
	sim_free(&s);
}

static void test_bad_arguments(void **state)
{
	struct ft_tl_input in = {.from_ns = 0, .to_ns = 10, .cols = 0};
	struct ft_tl_builder *b;

	(void)state;
	assert_int_equal(ft_tl_builder_new(&in, &b), -EINVAL);
	assert_null(b);
	in.cols = 0xffffffffu;
	assert_int_equal(ft_tl_builder_new(&in, &b), -EINVAL);
	in.cols = 4;
	in.from_ns = 11;
	assert_int_equal(ft_tl_builder_new(&in, &b), -EINVAL);
	ft_tl_builder_free(NULL);
	ft_timeline_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states_to_the_nanosecond),
		cmocka_unit_test(test_most_at_once),
		cmocka_unit_test(test_ticks_name_on_core_time),
		cmocka_unit_test(test_core_of_the_first_interval),
		cmocka_unit_test(test_last_interval),
		cmocka_unit_test(test_lost_events_leave_a_gap),
		cmocka_unit_test(test_other_processes_fit_the_room),
		cmocka_unit_test(test_random_sessions_add_up),
		cmocka_unit_test(test_order_does_not_matter),
		cmocka_unit_test(test_no_events),
		cmocka_unit_test(test_many_threads),
		cmocka_unit_test(test_many_cores),
		cmocka_unit_test(test_clock_oddities),
		cmocka_unit_test(test_lanes_are_the_heaviest_of_the_window),
		cmocka_unit_test(test_bad_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
