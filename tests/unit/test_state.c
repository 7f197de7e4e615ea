/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the state machine: scripted orders with known answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/types.h>
#include <stdbool.h>
#include <string.h>

#include "ftprof_state.h"
#include "state_run.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define OUT(at, st)                                                                                \
	{                                                                                          \
		.op = OP_OUT, .t = at, .state = FT_ST_##st                                         \
	}
#define OUT_HELD(at, st)                                                                           \
	{                                                                                          \
		.op = OP_OUT, .t = at, .state = FT_ST_##st, .held = 1                              \
	}
#define GIL(at, sw)                                                                                \
	{                                                                                          \
		.op = OP_OUT, .t = at, .state = FT_ST_GIL_WAIT, .swno = sw                         \
	}
#define GIL_CONT(at, sw, c)                                                                        \
	{                                                                                          \
		.op = OP_OUT, .t = at, .state = FT_ST_GIL_WAIT, .swno = sw, .cont = FT_CONT_##c    \
	}
#define IN(at)                                                                                     \
	{                                                                                          \
		.op = OP_IN, .t = at                                                               \
	}
#define IN_OLD(at)                                                                                 \
	{                                                                                          \
		.op = OP_IN_OLD, .t = at                                                           \
	}
#define WAKE(at)                                                                                   \
	{                                                                                          \
		.op = OP_WAKE, .t = at, .flags = FT_WAKE_IN_SYSCALL                                \
	}
#define MARK(at, has)                                                                              \
	{                                                                                          \
		.op = OP_MARK, .t = at, .arg = has                                                 \
	}
#define CLOSE(at)                                                                                  \
	{                                                                                          \
		.op = OP_CLOSE, .t = at                                                            \
	}

struct script {
	const char *name;
	__u8 init;
	bool init_held;
	struct step step[14];
	/* what must come out; what is not named must be 0 */
	__u64 ns[FT_ST_CNT];
	__u64 held_off, gw_runq, exact[FT_ON_CNT];
	__u64 lo, hi;
	__u32 repaired, slices, done_cnt;
	struct wait done[4];
};

#define NS(st) .ns[FT_ST_##st]
#define SLEEP_OF(st)                                                                               \
	{.name = "asleep, woken, late to a core: " #st,                                            \
	 .step = {OUT(100, st), WAKE(400), IN(450), CLOSE(500)},                                   \
	 NS(ON) = 150,                                                                             \
	 NS(st) = 300,                                                                             \
	 NS(RUNQ) = 50,                                                                            \
	 .slices = 1},                                                                             \
		{.name = "asleep until the end: " #st,                                             \
		 .step = {OUT(100, st), CLOSE(500)},                                               \
		 NS(ON) = 100,                                                                     \
		 NS(st) = 400},                                                                    \
		{.name = "woken, not run at the end: " #st,                                        \
		 .step = {OUT(100, st), WAKE(420), CLOSE(500)},                                    \
		 NS(ON) = 100,                                                                     \
		 NS(st) = 320,                                                                     \
		 NS(RUNQ) = 80},                                                                   \
		{.name = "seeded: " #st,                                                           \
		 .init = FT_ST_##st,                                                               \
		 .step = {WAKE(200), IN(230), CLOSE(500)},                                         \
		 NS(ON) = 270,                                                                     \
		 NS(st) = 200,                                                                     \
		 NS(RUNQ) = 30,                                                                    \
		 .slices = 1},                                                                     \
	{                                                                                          \
		.name = "seeded, never moves: " #st, .init = FT_ST_##st, .step = {CLOSE(500)},     \
		NS(st) = 500                                                                       \
	}

#define MS 1000000ull

static const struct script scripts[] = {
	SLEEP_OF(GIL_SWITCH),
	SLEEP_OF(LOCK_WAIT),
	SLEEP_OF(SYNC_WAIT),
	SLEEP_OF(STW),
	SLEEP_OF(BLOCKED),
	SLEEP_OF(FAULT),
	SLEEP_OF(STOPPED),
	{.name = "never leaves its core", .step = {CLOSE(500)}, NS(ON) = 500},
	{.name = "closed twice", .step = {CLOSE(500), CLOSE(500)}, NS(ON) = 500},
	{.name = "closed before its last change",
	 .step = {OUT(300, BLOCKED), CLOSE(200)},
	 NS(ON) = 300},
	{.name = "new: first on a core after a while",
	 .init = FT_ST_RUNQ,
	 .step = {WAKE(5), IN(40), CLOSE(100)},
	 NS(RUNQ) = 40,
	 NS(ON) = 60,
	 .slices = 1},
	{.name = "woken before its own switch-out",
	 .step = {WAKE(90), OUT(100, BLOCKED), IN(160), CLOSE(200)},
	 NS(ON) = 140,
	 NS(RUNQ) = 60,
	 .slices = 1},
	{.name = "woken before its own switch-out, from the GIL",
	 .step = {WAKE(90), GIL(100, 7), IN(160), CLOSE(200)},
	 NS(ON) = 140,
	 NS(GIL_WAIT) = 60,
	 .gw_runq = 60,
	 .lo = 1,
	 .hi = 1,
	 .done_cnt = 1,
	 .done = {{60, FT_OR_START}},
	 .slices = 1},
	{.name = "woken early and not run when the session ends",
	 .step = {WAKE(90), OUT(100, BLOCKED), CLOSE(200)},
	 NS(ON) = 100,
	 NS(RUNQ) = 100},
	{.name = "a stale wake word, then asleep for the rest of the session",
	 .step = {WAKE(40), OUT(100, SYNC_WAIT), CLOSE(5000 * MS + 100)},
	 NS(ON) = 100,
	 NS(SYNC_WAIT) = 5000 * MS},
	{.name = "a stale wake word, then asleep for the GIL for the rest",
	 .step = {WAKE(40), GIL(100, 1), CLOSE(5000 * MS + 100)},
	 NS(ON) = 100,
	 NS(GIL_WAIT) = 5000 * MS,
	 .lo = 1,
	 .hi = 1,
	 .done_cnt = 1,
	 .done = {{5000 * MS, FT_OR_START}}},
	{.name = "a stale wake word is overwritten by the real one",
	 .step = {WAKE(40), OUT(100, BLOCKED), WAKE(300), IN(310), CLOSE(400)},
	 NS(ON) = 190,
	 NS(BLOCKED) = 200,
	 NS(RUNQ) = 10,
	 .slices = 1},
	{.name = "a stale wake word and a preemption",
	 .step = {WAKE(40), OUT(100, RUNQ), IN(300), OUT(350, BLOCKED), IN(450), CLOSE(500)},
	 NS(ON) = 200,
	 NS(RUNQ) = 200,
	 NS(BLOCKED) = 100,
	 .slices = 2},
	{.name = "a wake word from after the switch-in does not count for this sleep",
	 .step = {OUT(100, BLOCKED), WAKE(350), IN(300), CLOSE(400)},
	 NS(ON) = 200,
	 NS(BLOCKED) = 200,
	 .slices = 1},
	{.name = "preempted: the time is the run queue's",
	 .step = {OUT(100, RUNQ), IN(300), CLOSE(400)},
	 NS(ON) = 200,
	 NS(RUNQ) = 200,
	 .slices = 1},
	{.name = "preempted when the session ends, with a wake word",
	 .step = {WAKE(50), OUT(100, RUNQ), CLOSE(400)},
	 NS(ON) = 100,
	 NS(RUNQ) = 300},
	{.name = "no prev_state: asleep by its registers, but nobody woke it",
	 .step = {OUT(100, BLOCKED), IN_OLD(300), CLOSE(400)},
	 NS(ON) = 200,
	 NS(RUNQ) = 200,
	 .slices = 1},
	{.name = "no prev_state: asleep and woken",
	 .step = {OUT(100, BLOCKED), WAKE(250), IN_OLD(300), CLOSE(400)},
	 NS(ON) = 200,
	 NS(BLOCKED) = 150,
	 NS(RUNQ) = 50,
	 .slices = 1},
	{.name = "no prev_state: preempted inside take_gil",
	 .step = {GIL(100, 1), WAKE(150), IN_OLD(200), GIL(210, 1), IN_OLD(300), CLOSE(400)},
	 NS(ON) = 210,
	 NS(GIL_WAIT) = 100,
	 NS(RUNQ) = 90,
	 .gw_runq = 50,
	 .lo = 1,
	 .hi = 1,
	 .done_cnt = 1,
	 .done = {{100, FT_OR_START}},
	 .slices = 2},
	{.name = "GIL wait in pieces, the switch number as it was",
	 .step = {GIL(100, 5), WAKE(190), IN(200), GIL(210, 5), IN(300), OUT(350, BLOCKED), IN(400),
		  CLOSE(500)},
	 NS(ON) = 260,
	 NS(GIL_WAIT) = 190,
	 NS(BLOCKED) = 50,
	 .gw_runq = 10,
	 .lo = 1,
	 .hi = 1,
	 .done_cnt = 1,
	 .done = {{200, FT_OR_START}},
	 .slices = 3},
	{.name = "GIL wait in pieces, another thread took it once",
	 .step = {GIL(100, 5), IN(200), GIL(210, 6), IN(300), OUT(310, RUNQ), IN(320), GIL(330, 7),
		  IN(400), CLOSE(500)},
	 NS(ON) = 230,
	 NS(GIL_WAIT) = 260,
	 NS(RUNQ) = 10,
	 .lo = 1,
	 .hi = 1,
	 .done_cnt = 1,
	 .done = {{300, FT_OR_START}},
	 .slices = 4},
	{.name = "two sleeps, the switch number moved by two: one wait or two",
	 .step = {GIL(100, 5), IN(200), GIL(210, 7), IN(300), CLOSE(500)},
	 NS(ON) = 310,
	 NS(GIL_WAIT) = 190,
	 .lo = 1,
	 .hi = 2,
	 .done_cnt = 2,
	 .done = {{100, FT_OR_START}, {90, FT_OR_OTHER}},
	 .slices = 2},
	{.name = "a switch number that fell (a failed read) is ambiguous too",
	 .step = {GIL(100, 5), IN(200), GIL(210, 0), IN(300), CLOSE(500)},
	 NS(ON) = 310,
	 NS(GIL_WAIT) = 190,
	 .lo = 1,
	 .hi = 2,
	 .done_cnt = 2,
	 .done = {{100, FT_OR_START}, {90, FT_OR_OTHER}},
	 .slices = 2},
	{.name = "the probes say the same take_gil, whatever the switch number",
	 .step = {GIL(100, 5), IN(200), GIL_CONT(210, 99, SAME), IN(300), CLOSE(500)},
	 NS(ON) = 310,
	 NS(GIL_WAIT) = 190,
	 .lo = 1,
	 .hi = 1,
	 .done_cnt = 1,
	 .done = {{200, FT_OR_START}},
	 .slices = 2},
	{.name = "the probes say the same take_gil, however long it was on a core",
	 .step = {GIL(100, 5), IN(200), GIL_CONT(MS, 5, SAME), IN(MS + 300), CLOSE(MS + 500)},
	 NS(ON) = MS + 100,
	 NS(GIL_WAIT) = 400,
	 .lo = 1,
	 .hi = 1,
	 .done_cnt = 1,
	 .done = {{MS + 200, FT_OR_START}},
	 .slices = 2},
	{.name = "the probes say another take_gil",
	 .step = {GIL(100, 5), IN(200), GIL_CONT(210, 5, NEW), IN(300), CLOSE(500)},
	 NS(ON) = 310,
	 NS(GIL_WAIT) = 190,
	 .lo = 2,
	 .hi = 2,
	 .done_cnt = 2,
	 .done = {{100, FT_OR_START}, {90, FT_OR_OTHER}},
	 .slices = 2},
	{.name = "on a core for long, but nobody took the GIL: one wait",
	 .step = {GIL(100, 5), IN(200), GIL(200201, 5), IN(200301), CLOSE(200400)},
	 NS(ON) = 200200,
	 NS(GIL_WAIT) = 200,
	 .lo = 1,
	 .hi = 1,
	 .done_cnt = 1,
	 .done = {{200201, FT_OR_START}},
	 .slices = 2},
	{.name = "on a core too long for take_gil, and the GIL went round: another wait",
	 .step = {GIL(100, 5), IN(200), GIL(200201, 7), IN(200301), CLOSE(200400)},
	 NS(ON) = 200200,
	 NS(GIL_WAIT) = 200,
	 .lo = 2,
	 .hi = 2,
	 .done_cnt = 2,
	 .done = {{100, FT_OR_START}, {100, FT_OR_OTHER}},
	 .slices = 2},
	{.name = "on a core just as long as take_gil may take: cannot be told",
	 .step = {GIL(100, 5), IN(200), GIL(200200, 7), IN(200300), CLOSE(200400)},
	 NS(ON) = 200200,
	 NS(GIL_WAIT) = 200,
	 .lo = 1,
	 .hi = 2,
	 .done_cnt = 2,
	 .done = {{100, FT_OR_START}, {100, FT_OR_OTHER}},
	 .slices = 2},
	{.name = "preempted with the GIL in between: two waits",
	 .step = {GIL(100, 5), IN(200), OUT_HELD(210, RUNQ), IN(250), GIL(260, 5), IN(300),
		  CLOSE(500)},
	 NS(ON) = 320,
	 NS(GIL_WAIT) = 140,
	 NS(RUNQ) = 40,
	 .held_off = 40,
	 .lo = 2,
	 .hi = 2,
	 .done_cnt = 2,
	 .done = {{100, FT_OR_START}, {40, FT_OR_OTHER}},
	 .slices = 3},
	{.name = "origins: after a system call, after a forced switch",
	 .step = {OUT(10, BLOCKED), IN(20), GIL(30, 1), IN(40), OUT(50, GIL_SWITCH), IN(60),
		  GIL(70, 9), IN(90), CLOSE(100)},
	 NS(ON) = 50,
	 NS(BLOCKED) = 10,
	 NS(GIL_WAIT) = 30,
	 NS(GIL_SWITCH) = 10,
	 .lo = 2,
	 .hi = 2,
	 .done_cnt = 2,
	 .done = {{10, FT_OR_BLOCKING}, {20, FT_OR_FORCED}},
	 .slices = 4},
	{.name = "origins: after the program's own lock, after an object's lock",
	 .step = {OUT(10, SYNC_WAIT), IN(20), GIL(30, 1), IN(40), OUT(50, LOCK_WAIT), IN(60),
		  GIL(70, 9), IN(90), CLOSE(100)},
	 NS(ON) = 50,
	 NS(SYNC_WAIT) = 10,
	 NS(GIL_WAIT) = 30,
	 NS(LOCK_WAIT) = 10,
	 .lo = 2,
	 .hi = 2,
	 .done_cnt = 2,
	 .done = {{10, FT_OR_BLOCKING}, {20, FT_OR_OTHER}},
	 .slices = 4},
	{.name = "origins: preemption hides nothing",
	 .step = {OUT(10, FAULT), IN(20), OUT(25, RUNQ), IN(28), GIL(30, 1), IN(40), CLOSE(100)},
	 NS(ON) = 77,
	 NS(FAULT) = 10,
	 NS(RUNQ) = 3,
	 NS(GIL_WAIT) = 10,
	 .lo = 1,
	 .hi = 1,
	 .done_cnt = 1,
	 .done = {{10, FT_OR_BLOCKING}},
	 .slices = 3},
	{.name = "origins: a seeded sleeper's first wait is after its system call",
	 .init = FT_ST_BLOCKED,
	 .step = {IN(20), GIL(30, 1), IN(40), CLOSE(100)},
	 NS(ON) = 70,
	 NS(BLOCKED) = 20,
	 NS(GIL_WAIT) = 10,
	 .lo = 1,
	 .hi = 1,
	 .done_cnt = 1,
	 .done = {{10, FT_OR_BLOCKING}},
	 .slices = 2},
	{.name = "seeded in a GIL wait, woken",
	 .init = FT_ST_GIL_WAIT,
	 .step = {WAKE(15), IN(20), OUT(50, BLOCKED), IN(60), CLOSE(100)},
	 NS(ON) = 70,
	 NS(GIL_WAIT) = 20,
	 NS(BLOCKED) = 10,
	 .gw_runq = 5,
	 .lo = 1,
	 .hi = 1,
	 .done_cnt = 1,
	 .done = {{20, FT_OR_START}},
	 .slices = 2},
	{.name = "seeded in a GIL wait that goes on in pieces: one for certain",
	 .init = FT_ST_GIL_WAIT,
	 .step = {IN(20), GIL(25, 100), IN(60), CLOSE(100)},
	 NS(ON) = 45,
	 NS(GIL_WAIT) = 55,
	 .lo = 1,
	 .hi = 2,
	 .done_cnt = 2,
	 .done = {{20, FT_OR_START}, {35, FT_OR_OTHER}},
	 .slices = 2},
	{.name = "seeded in a GIL wait that outlasts the session",
	 .init = FT_ST_GIL_WAIT,
	 .step = {WAKE(70), CLOSE(100)},
	 NS(GIL_WAIT) = 100,
	 .gw_runq = 30,
	 .lo = 1,
	 .hi = 1,
	 .done_cnt = 1,
	 .done = {{100, FT_OR_START}}},
	{.name = "GIL held while blocked",
	 .step = {OUT_HELD(100, BLOCKED), WAKE(200), IN(220), OUT(300, BLOCKED), IN(400),
		  CLOSE(500)},
	 NS(ON) = 280,
	 NS(BLOCKED) = 200,
	 NS(RUNQ) = 20,
	 .held_off = 120,
	 .slices = 2},
	{.name = "GIL held off core when the session ends",
	 .step = {OUT_HELD(100, RUNQ), CLOSE(500)},
	 NS(ON) = 100,
	 NS(RUNQ) = 400,
	 .held_off = 400},
	{.name = "seeded with the GIL, off core",
	 .init = FT_ST_STOPPED,
	 .init_held = true,
	 .step = {IN(50), OUT(60, BLOCKED), IN(70), CLOSE(100)},
	 NS(ON) = 40,
	 NS(STOPPED) = 50,
	 NS(BLOCKED) = 10,
	 .held_off = 50,
	 .slices = 2},
	{.name = "exact: unknown before the first hit, flushed at the switch-out",
	 .step = {MARK(40, 1), MARK(60, 0), MARK(90, 1), OUT(100, BLOCKED), IN(200), MARK(230, 0),
		  CLOSE(300)},
	 NS(ON) = 200,
	 NS(BLOCKED) = 100,
	 .exact = {20 + 10 + 30, 30 + 70},
	 .slices = 1},
	{.name = "exact: never more than the time on a core, though the clock steps back",
	 .step = {MARK(40, 1), MARK(30, 1), MARK(60, 0), CLOSE(100)},
	 NS(ON) = 100,
	 .exact = {20, 40}},
	{.name = "exact: a hit while the machine believes it asleep",
	 .step = {MARK(10, 0), OUT(100, BLOCKED), MARK(150, 1), OUT(200, BLOCKED), IN(250),
		  CLOSE(300)},
	 NS(ON) = 250,
	 NS(BLOCKED) = 50,
	 .exact = {50 + 50, 90},
	 .repaired = 1,
	 .slices = 1},
	{.name = "missed switch-in: the time is called on-core",
	 .step = {OUT(100, BLOCKED), OUT(200, RUNQ), IN(250), CLOSE(300)},
	 NS(ON) = 250,
	 NS(RUNQ) = 50,
	 .repaired = 1,
	 .slices = 1},
	{.name = "missed switch-out: still on core",
	 .step = {OUT(100, RUNQ), IN(150), IN(200), OUT(250, BLOCKED), IN(260), CLOSE(300)},
	 NS(ON) = 240,
	 NS(RUNQ) = 50,
	 NS(BLOCKED) = 10,
	 .repaired = 1,
	 .slices = 2},
	{.name = "the other core's clock is behind, at both ends",
	 .step = {OUT(100, BLOCKED), IN(90), OUT(80, BLOCKED), IN(150), OUT(140, RUNQ), CLOSE(200)},
	 NS(ON) = 100,
	 NS(BLOCKED) = 50,
	 NS(RUNQ) = 50,
	 .slices = 2},
	{.name = "dead: nothing more is counted",
	 .step = {OUT(100, BLOCKED), IN(150), OUT(200, DEAD), CLOSE(900)},
	 NS(ON) = 150,
	 NS(BLOCKED) = 50,
	 .slices = 1},
	{.name = "dead: its GIL wait ends with it",
	 .step = {GIL(100, 3), IN(150), OUT(200, DEAD), CLOSE(900)},
	 NS(ON) = 150,
	 NS(GIL_WAIT) = 50,
	 .lo = 1,
	 .hi = 1,
	 .done_cnt = 1,
	 .done = {{50, FT_OR_START}},
	 .slices = 1},
};

static void check_script(const struct script *s, __u64 base)
{
	struct run r;
	__u64 max = 0;
	__u32 i;

	run_begin(&r, base, s->init, 0, s->init_held);
	for (i = 0; i < ARRAY_SIZE(s->step) && s->step[i].op != OP_END; i++)
		run_step(&r, &s->step[i]);
	for (i = 0; i < FT_ST_CNT; i++)
		assert_int_equal(r.t.state_ns[i], s->ns[i]);
	assert_int_equal(state_sum(&r.t), r.t.since_ns - r.t.start_ns);
	assert_int_equal(r.t.held_off_ns, s->held_off);
	assert_int_equal(r.t.gil_wait_runq_ns, s->gw_runq);
	for (i = 0; i < FT_ON_CNT; i++)
		assert_int_equal(r.t.exact_ns[i], s->exact[i]);
	assert_int_equal(r.t.gil_wait_lo, s->lo);
	assert_int_equal(r.t.gil_wait_hi, s->hi);
	assert_int_equal(r.t.gil_wait_cnt, s->done_cnt);
	assert_int_equal(r.t.repaired, s->repaired);
	assert_int_equal(r.slice_cnt, s->slices);
	assert_int_equal(r.t.seq, s->slices);
	assert_int_equal(r.done_cnt, s->done_cnt);
	for (i = 0; i < r.done_cnt; i++) {
		assert_int_equal(r.done[i].ns, s->done[i].ns);
		assert_int_equal(r.done[i].origin, s->done[i].origin);
		max = r.done[i].ns > max ? r.done[i].ns : max;
	}
	assert_int_equal(r.t.gil_wait_max_ns, max);
}

static const __u64 bases[] = {1000, 12345678901234ull, (1ull << 48) - 250,
			      (1ull << 48) * 3 - 100100, (1ull << 62) + 17};

static void test_scripts(void **state)
{
	size_t i, k;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(scripts); i++) {
		for (k = 0; k < ARRAY_SIZE(bases); k++) {
			/* cmocka stops at the first difference: name the script before it does */
			print_message("%s%s", k ? "" : scripts[i].name, k ? "" : "\n");
			check_script(&scripts[i], bases[k]);
		}
	}
}

/* What a slice says beyond its times. */
static void test_slice(void **state)
{
	static const struct {
		__u8 st;
		__u32 flags;
		bool ok;
	} wakers[] = {
		{FT_ST_GIL_WAIT, FT_WAKE_IN_FUTEX | FT_WAKE_IN_SYSCALL, true},
		{FT_ST_GIL_WAIT, FT_WAKE_IN_SYSCALL, false}, /* the 5 ms timer hit somebody */
		{FT_ST_GIL_SWITCH, FT_WAKE_IN_SYSCALL, false},
		{FT_ST_LOCK_WAIT, FT_WAKE_IN_FUTEX, true},
		{FT_ST_SYNC_WAIT, FT_WAKE_IN_FUTEX, true},
		{FT_ST_STW, 0, false},
		{FT_ST_STW, FT_WAKE_IN_FUTEX, true},
		{FT_ST_BLOCKED, FT_WAKE_IN_SYSCALL, true},
		{FT_ST_BLOCKED, FT_WAKE_IN_FUTEX, false},
		{FT_ST_BLOCKED, 0, false},
		{FT_ST_RUNQ, FT_WAKE_IN_FUTEX | FT_WAKE_IN_SYSCALL, false},
	};
	struct run r;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(wakers); i++) {
		const struct step s[] = {
			{.op = OP_OUT, .t = 10, .state = wakers[i].st, .arg = 0xabc, .held = 1},
			{.op = OP_WAKE, .t = 30, .waker = FT_MAX_SLOTS, .flags = wakers[i].flags},
			IN(40)};

		run_begin(&r, 1000, FT_ST_ON, 0, false);
		run_step(&r, &s[0]);
		assert_int_equal(r.t.arg, 0xabc);
		run_step(&r, &s[1]);
		run_step(&r, &s[2]);
		assert_true(r.in_ok);
		assert_int_equal(r.last.h.ts, 1040);
		assert_int_equal(r.last.out_ns, 1010);
		assert_int_equal(r.last.wake_ns, wakers[i].st == FT_ST_RUNQ ? 0 : 1030);
		assert_int_equal(r.last.arg, 0xabc);
		assert_int_equal(r.last.state, wakers[i].st);
		assert_int_equal(r.last.waker, wakers[i].ok ? FT_MAX_SLOTS : 0);
		assert_int_equal(r.last.flags, FT_SF_HELD | (wakers[i].ok ? FT_SF_WAKER_OK : 0));
		assert_int_equal(r.t.wake, 0);
		assert_int_equal(r.t.arg, 0);
		assert_int_equal(r.t.switch_cnt, 1);
	}
}

static void run_all(struct run *r, const struct step *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		run_step(r, &s[i]);
}

static void test_flags(void **state)
{
	static const struct step pieces[] = {GIL(10, 1), IN(20),     GIL(30, 1),
					     IN(40),	 GIL(50, 9), IN(60)};
	static const struct step death[] = {OUT_HELD(10, DEAD)};
	static const struct step ticks[] = {{.op = OP_TICK, .arg = FT_ON_FREE},
					    {.op = OP_TICK, .arg = FT_ON_SPIN},
					    {.op = OP_TICK, .arg = FT_ON_CNT},
					    {.op = OP_TICK, .arg = 255}};
	static const struct step held[] = {OUT_HELD(10, BLOCKED), IN(20)};
	static const struct step mark[] = {MARK(10, 0)};
	static const struct step ghost[] = {OUT(10, DEAD), IN(20)};
	static const struct step gil[] = {{.op = OP_TICK, .arg = FT_ON_GIL}};
	struct run r;

	(void)state;
	run_begin(&r, 1000, FT_ST_ON, 0, false);
	assert_int_equal(r.t.flags, 0);
	run_all(&r, pieces, ARRAY_SIZE(pieces));
	assert_int_equal(r.slice[0].flags, 0);
	assert_int_equal(r.slice[1].flags, FT_SF_GW_CONT);
	assert_int_equal(r.slice[2].flags, 0);
	assert_int_equal(r.slice[2].seq, 2);
	assert_int_equal(r.t.flags, FT_TF_PYTHON | FT_TF_GW_OPEN);

	run_begin(&r, 1000, FT_ST_ON, 0, false);
	run_all(&r, death, 1);
	assert_true(r.out_ok);
	assert_int_equal(r.t.state, FT_ST_DEAD);
	assert_true(r.t.flags & FT_TF_EXITED);
	assert_int_equal(r.t.since_ns, 1010);

	run_begin(&r, 1000, FT_ST_ON, 0, false);
	run_all(&r, ticks, ARRAY_SIZE(ticks));
	assert_int_equal(r.t.flags, 0);
	assert_int_equal(r.t.tick_cnt[FT_ON_GIL], 0);
	assert_int_equal(r.t.tick_cnt[FT_ON_FREE], 1);
	assert_int_equal(r.t.tick_cnt[FT_ON_SPIN], 1);
	run_all(&r, gil, 1);
	assert_int_equal(r.t.flags, FT_TF_PYTHON);
	assert_int_equal(r.t.tick_cnt[FT_ON_GIL], 1);

	run_begin(&r, 1000, FT_ST_ON, 0, false);
	run_step(&r, &held[0]);
	assert_int_equal(r.t.flags, FT_TF_HELD_OUT | FT_TF_PYTHON);
	run_step(&r, &held[1]);
	assert_int_equal(r.t.flags, FT_TF_PYTHON);

	run_begin(&r, 1000, FT_ST_ON, 0, false);
	run_all(&r, mark, 1);
	assert_int_equal(r.t.flags, FT_TF_PYTHON | FT_TF_EXACT);

	run_begin(&r, 1000, FT_ST_ON, 0, false);
	run_all(&r, ghost, 2);
	assert_false(r.in_ok);
	assert_int_equal(r.t.repaired, 1);
	assert_int_equal(r.slice_cnt, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_slice),
		cmocka_unit_test(test_flags),
	};

	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
