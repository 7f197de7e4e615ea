/* SPDX-License-Identifier: BSD-2-Clause */
/* LDFLAGS: -Wl,--wrap=ft_reader_stacks,--wrap=ft_reader_threads,--wrap=ft_reader_events */
/* LDFLAGS: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* Trees of a stretch of a session, from its events; and every flame without memory. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "flame_run.h"

#define AT(ms) (SC_START + (ms)*MS)
#define SLICE(t, no, from, woken, to, st, call, fl, stk)                                           \
	{                                                                                          \
		.type = FT_EV_SLICE, .thr = (t), .seq = (no), .out_ns = AT(from),                  \
		.wake_ns = (woken) ? AT(woken) : 0, .ts = AT(to), .state = (st), .arg = (call),    \
		.flags = (fl), .waker = FT_NO_THREAD, .stack = (stk)                               \
	}
#define TICK(t, when, on, stk)                                                                     \
	{                                                                                          \
		.type = FT_EV_TICK, .thr = (t), .ts = AT(when), .state = (on), .stack = (stk)      \
	}

/*
 * Thread 0 sleeps 100-300, waits for a core until 350, for the GIL 400-500. Thread 1 holds the GIL
 * and is off its core 420-480; it sleeps from 700 on. Thread 2 sleeps 100-200 and 800-900 with no
 * stack, and ends at 950.
 */
static const struct ft_event story[] = {
	{.type = FT_EV_START, .thr = 0, .ts = AT(0), .stack = NONE},
	{.type = FT_EV_START, .thr = 1, .ts = AT(0), .stack = NONE},
	{.type = FT_EV_START, .thr = 2, .ts = AT(0), .stack = NONE},
	TICK(0, 10, FT_ON_GIL, 1),
	TICK(0, 50, FT_ON_GIL, NONE),
	SLICE(2, 0, 100, 0, 200, FT_ST_BLOCKED, 232, 0, NONE),
	SLICE(0, 0, 100, 300, 350, FT_ST_BLOCKED, 232, 0, 1),
	TICK(0, 360, FT_ON_FREE, 3),
	TICK(1, 410, FT_ON_GIL, 4),
	SLICE(1, 0, 420, 0, 480, FT_ST_RUNQ, 0, FT_SF_HELD, 5),
	SLICE(0, 1, 400, 470, 500, FT_ST_GIL_WAIT, 0, 0, 2),
	SLICE(2, 1, 800, 0, 900, FT_ST_BLOCKED, 232, 0, NONE),
	{.type = FT_EV_EXIT, .thr = 2, .ts = AT(950), .seq = 2, .stack = NONE},
};

static struct scenario *sc_story(void)
{
	struct scenario *sc = sc_new(1000, 2, FT_GIL_ON);

	sc->info.stack_hz = 25;
	sc->info.tick_hz = 25;
	sc_add(sc, (struct sc_thread){.name = "a", .on = 650, .gil_wait = 100, .runq = 50});
	sc_add(sc, (struct sc_thread){.name = "b", .on = 640, .runq = 60, .sync_wait = 300});
	sc_add(sc, (struct sc_thread){.name = "c", .on = 750, .flags = FT_TF_EXITED});
	sc->recs[0].t.seq = 2;
	sc->recs[1].t.seq = 1;
	sc->recs[1].t.state = FT_ST_SYNC_WAIT;
	sc->recs[2].t.seq = 2;
	sc->recs[2].t.state = FT_ST_DEAD;
	sc->recs[2].t.since_ns = AT(950);
	events = story;
	event_cnt = CNT(story);
	return sc;
}

static void build_part(struct scenario *sc, enum ft_of of, __u64 from, __u64 to, struct ft_flame *f)
{
	struct ft_flame_opts o = {.of = of, .from_ns = from * MS, .to_ns = to * MS};
	char why[200];

	assert_int_equal(try_build(sc, &o, f, why), 0);
	check_tree(f);
}

static void test_range(void **state)
{
	struct ft_event handed[CNT(story)];
	struct scenario *sc = sc_story();
	struct ft_flame f;

	(void)state;
	use_weights(NULL, 0);
	build_part(sc, FT_OF_WALL, 200, 600, &f);
	assert_true(f.total_ns == 3 * 400 * MS);
	/* 150 + 340 + 400 on cores, one tick of either kind */
	check_self(&f, "main:10;work:22;work:23", 445 * MS);
	check_self(&f, "main:10;work:22;work:23;memcpy", 445 * MS);
	check_self(&f, "main:10;work:21;[asleep: epoll_wait]", 100 * MS);
	check_self(&f, "main:10;work:21;[waits core]", 50 * MS);
	check_self(&f, "main:10;work:3;[waits core]", 60 * MS);
	check_self(&f, "main:10;work:22;[waits GIL]", 100 * MS);
	assert_null(at(&f, "[no stack]"));
	ft_flame_free(&f);

	/* what is open at the end has no stack, and nothing else's is made its own */
	build_part(sc, FT_OF_WALL, 600, 0, &f);
	assert_true(f.total_ns == (400 + 400 + 350) * MS);
	check_self(&f, "[no stack]", (400 + 100 + 250) * MS);
	check_self(&f, "[no stack];[own lock or queue]", 300 * MS);
	check_self(&f, "[no stack];[asleep]", 100 * MS);
	ft_flame_free(&f);

	/* a sleep that was not walked counts with those like it */
	build_part(sc, FT_OF_BLOCKED, 0, 400, &f);
	assert_true(f.total_ns == 300 * MS && f.sampled_ns == 200 * MS);
	check_self(&f, "main:10;work:21;[asleep: epoll_wait]", 300 * MS);
	ft_flame_free(&f);

	/* the holder: 60 of the 100 ms off its core, and under one tick of 40 */
	build_part(sc, FT_OF_GIL_BLAME, 200, 600, &f);
	assert_true(f.total_ns == 100 * MS && f.factor == 1);
	check_self(&f, "main:10;work:3", 60 * MS);
	check_self(&f, "main:10;work:22;work:23;memcpy", 40 * MS);
	ft_flame_free(&f);
	/* had its waker given the GIL up, it was on its way in from 480 on */
	memcpy(handed, story, sizeof(story));
	handed[10].flags = FT_SF_WAKER_OK;
	handed[10].wake_ns = AT(480);
	events = handed;
	build_part(sc, FT_OF_GIL_BLAME, 200, 600, &f);
	assert_true(f.total_ns == 100 * MS && f.factor == 0.5);
	check_self(&f, "[GIL free: hand-over]", 20 * MS);
	check_self(&f, "main:10;work:3", 60 * MS);
	check_self(&f, "main:10;work:22;work:23;memcpy", 20 * MS);
	ft_flame_free(&f);
	events = story;
	build_part(sc, FT_OF_GIL_BLAME, 430, 450, &f);
	assert_true(f.total_ns == 20 * MS);
	check_self(&f, "main:10;work:3", 20 * MS);
	ft_flame_free(&f);
	sc_free(sc);
}

/* All of a session in one range is what its totals say. */
static void test_range_is_totals(void **state)
{
	static const enum ft_of ofs[] = {FT_OF_ON_CPU, FT_OF_GIL_WAIT, FT_OF_BLOCKED, FT_OF_OFF_CPU,
					 FT_OF_WALL};
	struct scenario *sc = sc_story();
	struct ft_flame whole, part;
	size_t i;

	(void)state;
	/* c ended early: the scenario's rest, asleep, is 50 ms too much */
	sc->recs[2].t.state_ns[FT_ST_BLOCKED] -= 50 * MS;
	use_weights(NULL, 0);
	for (i = 0; i < CNT(ofs); i++) {
		build(sc, ofs[i], false, &whole);
		build_part(sc, ofs[i], 0, 1000, &part);
		assert_true(whole.total_ns == part.total_ns);
		ft_flame_free(&whole);
		ft_flame_free(&part);
	}
	sc_free(sc);
}

/* Events that are late, lost or after the end neither crash nor count twice. */
static void test_range_of_noise(void **state)
{
	enum { EVENTS = 4000 };
	struct ft_event *ev = calloc(EVENTS, sizeof(*ev));
	struct scenario *sc = sc_story();
	struct ft_flame f;
	__u32 seq[4] = {0};
	int of, built = 0;
	size_t i;

	(void)state;
	assert_non_null(ev);
	srand(5);
	for (i = 0; i < EVENTS; i++) {
		ev[i].type = rand() % 100 ? (__u8)(1 + rand() % 3) : (__u8)(1 + rand() % 7);
		ev[i].ts = AT(0) + i * 300000 + (__u64)rand() % (2 * MS);
		ev[i].out_ns = ev[i].ts - (__u64)rand() % (20 * MS);
		ev[i].wake_ns = rand() % 2 ? ev[i].ts : 0;
		ev[i].thr = (__u32)rand() % 4;
		ev[i].seq = rand() % 20 ? seq[ev[i].thr] : (__u32)rand() % 50;
		seq[ev[i].thr] += ev[i].type == FT_EV_SLICE;
		ev[i].state = (__u8)(rand() % FT_ST_CNT);
		ev[i].flags = (__u8)rand();
		ev[i].arg = (__u64)rand();
		ev[i].stack = rand() % 4 ? (__u32)rand() % CNT(nodes) : NONE;
	}
	events = ev;
	event_cnt = EVENTS;
	use_weights(NULL, 0);
	for (of = 0; of < FT_OF_CNT; of++) {
		struct ft_flame_opts o = {
			.of = (enum ft_of)of, .from_ns = 100 * MS, .to_ns = 900 * MS};
		char why[200];
		int err = try_build(sc, &o, &f, why);

		/* there may be none of a kind among what was believed */
		if (err == -ENODATA)
			continue;
		assert_int_equal(err, 0);
		check_tree(&f);
		assert_true(f.total_ns <= 3 * 800 * MS);
		ft_flame_free(&f);
		built++;
	}
	assert_true(built >= 4);
	free(ev);
	sc_free(sc);
}

static int everything(struct scenario *sc, const struct ft_flame_opts *o)
{
	struct ft_flame f, d;
	struct ft_func fn[4];
	char why[200];
	int err = try_build(sc, o, &f, why), n;

	if (err)
		return err;
	err = ft_flame_diff(&f, &f, &d);
	if (!err) {
		n = ft_flame_top(&d, false, fn, 4);
		err = n < 0 ? n : 0;
		ft_flame_free(&d);
	}
	ft_flame_free(&f);
	return err;
}

static void test_no_memory(void **state)
{
	struct ft_weight w[] = {
		weigh(1, FT_ST_BLOCKED, 3),	     weigh(3, FT_ST_RUNQ, 5),
		weigh(1, FT_SK_BLAME, 30),	     weigh(3, FT_SK_BLAME_FREE, 10),
		weigh(4, FT_SK_ON + FT_ON_FREE, 10), weigh(NONE, FT_SK_ON + FT_ON_GIL, 7),
	};
	static const struct ft_flame_opts opts[] = {
		{.of = FT_OF_WALL, .by_function = true},
		{.of = FT_OF_GIL_BLAME},
		{.of = FT_OF_GIL_BLAME, .from_ns = 200 * MS, .to_ns = 600 * MS},
		{.of = FT_OF_WALL, .from_ns = 100 * MS},
	};
	struct scenario *sc = sc_story();
	size_t i;
	long n;
	int err;

	(void)state;
	use_weights(w, CNT(w));
	for (i = 0; i < CNT(opts); i++) {
		for (n = 1; n < 1000; n++) {
			failed = false;
			countdown = n;
			err = everything(sc, &opts[i]);
			countdown = 0;
			if (!failed)
				break;
			assert_int_equal(err, -ENOMEM);
		}
		assert_int_equal(err, 0);
		assert_true(n > 25 && n < 1000);
	}
	sc_free(sc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_range_is_totals),
		cmocka_unit_test(test_range_of_noise),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
