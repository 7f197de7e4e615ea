/* SPDX-License-Identifier: BSD-2-Clause */
/* LDFLAGS: -Wl,--wrap=ft_reader_stacks,--wrap=ft_reader_threads,--wrap=ft_reader_events */
/* LDFLAGS: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* Trees from stacks whose weights are known: sums, scaling, marks, differences, tables. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "flame_run.h"
#include "model/funcs.h"

/* One thread that ran for 1000 of 10,000 ms, three quarters of it with the GIL. */
static struct scenario *sc_one(void)
{
	struct scenario *sc = sc_new(10000, 2, FT_GIL_ON);

	sc->info.stack_hz = 199;
	sc_add(sc, (struct sc_thread){.name = "x",
				      .on = 1000,
				      .ticks_gil = 300,
				      .ticks_free = 100,
				      .gil_wait = 600,
				      .gil_switch = 70,
				      .lock_wait = 50,
				      .sync_wait = 40,
				      .stw = 30,
				      .runq = 20,
				      .fault = 11,
				      .stopped = 13,
				      .syscall = 232});
	return sc;
}

static void test_names(void **state)
{
	enum ft_of of;
	int i;

	(void)state;
	for (i = 0; i < FT_OF_CNT; i++) {
		assert_int_equal(ft_of_parse(ft_of_name((enum ft_of)i), &of), 0);
		assert_int_equal(of, i);
		assert_non_null(strchr(ft_of_title((enum ft_of)i), ':'));
	}
	assert_int_equal(ft_of_parse("", &of), -EINVAL);
	assert_int_equal(ft_of_parse("on-cpu ", &of), -EINVAL);
	assert_string_equal(ft_of_name(FT_OF_CNT), "unknown");
}

/* Every kind is scaled by itself; what has no stack keeps its share. */
static void test_on_cpu(void **state)
{
	const struct ft_weight w[] = {
		weigh(1, FT_SK_ON + FT_ON_GIL, 30),    weigh(4, FT_SK_ON + FT_ON_GIL, 10),
		weigh(NONE, FT_SK_ON + FT_ON_GIL, 10), weigh(3, FT_ST_BLOCKED, 1000),
		weigh(2, FT_SK_BLAME, 1000),
	};
	struct scenario *sc = sc_one();
	struct ft_flame f;

	(void)state;
	use_weights(w, CNT(w));
	build(sc, FT_OF_ON_CPU, false, &f);
	assert_true(f.total_ns == 1000 * MS);
	check_self(&f, "main:10;work:21", 450 * MS);
	check_self(&f, "main:10;work:22;work:23;memcpy", 150 * MS);
	/* a fifth of the 750 ms with the GIL, and all without it */
	check_self(&f, "[no stack]", (150 + 250) * MS);
	check_self(&f, "main:10", 0);
	assert_true(at(&f, "main:10")->total_ns == 600 * MS);
	assert_int_equal(at(&f, "main:10;work:21")->self_cnt, 3);
	assert_null(at(&f, "main:10;work:23"));
	assert_int_equal(f.node_cnt, 7);
	assert_int_equal(f.samples, 6);
	assert_true(f.sampled_ns == 20);
	assert_true(f.factor == 0);
	ft_flame_free(&f);
	ft_flame_free(&f);
	ft_flame_free(NULL);
	/* with the GIL off at the end all of it ran without */
	sc->info.gil = FT_GIL_OFF;
	build(sc, FT_OF_ON_CPU, false, &f);
	check_self(&f, "main:10;work:21", 600 * MS);
	check_self(&f, "[no stack]", 200 * MS);
	assert_true(f.total_ns == 1000 * MS);
	ft_flame_free(&f);
	sc_free(sc);
}

static void test_by_function(void **state)
{
	const struct ft_weight w[] = {
		weigh(1, FT_SK_ON + FT_ON_GIL, 30), weigh(2, FT_SK_ON + FT_ON_GIL, 20),
		weigh(3, FT_SK_ON + FT_ON_GIL, 25), weigh(5, FT_SK_ON + FT_ON_FREE, 9),
		weigh(7, FT_SK_ON + FT_ON_FREE, 1),
	};
	struct scenario *sc = sc_one();
	struct ft_flame f;
	size_t i, works = 0;

	(void)state;
	use_weights(w, CNT(w));
	build(sc, FT_OF_ON_CPU, true, &f);
	assert_true(f.total_ns == 1000 * MS);
	check_self(&f, "main;work;work", 250 * MS);
	check_self(&f, "[frame unreadable];work", 25 * MS);
	/* the other file's work is another function */
	for (i = 1; i < f.node_cnt; i++) {
		const struct ft_frame *fr = &f.frame[f.node[i].frame];

		assert_int_equal(fr->line, 0);
		if (f.node[i].parent &&
		    !strcmp(f.frame[f.node[f.node[i].parent].frame].name, "main")) {
			works++;
			assert_true(f.node[i].self_ns ==
				    (strstr(fr->file, "other") ? 225 : 500) * MS);
		}
	}
	assert_int_equal(works, 2);
	ft_flame_free(&f);
	sc_free(sc);
}

/* Questions about several states say the state at the end of the stack. */
static void test_states(void **state)
{
	struct ft_weight w[] = {
		weigh(1, FT_ST_GIL_WAIT, 1),  weigh(1, FT_ST_GIL_SWITCH, 1),
		weigh(1, FT_ST_LOCK_WAIT, 1), weigh(1, FT_ST_SYNC_WAIT, 1),
		weigh(1, FT_ST_STW, 1),	      weigh(1, FT_ST_RUNQ, 1),
		weigh(1, FT_ST_BLOCKED, 3),   weigh(NONE, FT_ST_BLOCKED, 1),
		weigh(1, FT_ST_BLOCKED, 4),   weigh(1, FT_ST_STOPPED, 1),
		weigh(1, FT_SK_ON, 1),	      weigh(1, FT_ST_ON, 99),
	};
	const __u64 asleep = (10000 - 1000 - 600 - 70 - 50 - 40 - 30 - 20 - 11 - 13) * MS;
	struct scenario *sc = sc_one();
	struct ft_flame f;

	(void)state;
	w[6].arg = 232;
	w[7].arg = 232;
	w[8].arg = FT_MAX_SYSCALLS + 7;
	use_weights(w, CNT(w));
	build(sc, FT_OF_OFF_CPU, false, &f);
	assert_true(f.total_ns == 9000 * MS);
	check_self(&f, "main:10;work:21;[waits GIL]", 600 * MS);
	check_self(&f, "main:10;work:21;[hands over the GIL]", 70 * MS);
	check_self(&f, "main:10;work:21;[waits lock]", 50 * MS);
	check_self(&f, "main:10;work:21;[own lock or queue]", 40 * MS);
	check_self(&f, "main:10;work:21;[paused by interpreter]", 30 * MS);
	check_self(&f, "main:10;work:21;[waits core]", 20 * MS);
	check_self(&f, "main:10;work:21;[stopped]", 13 * MS);
	check_self(&f, "[no stack];[page fault]", 11 * MS);
	check_self(&f, "main:10;work:21;[asleep: epoll_wait]", asleep / 8 * 3);
	check_self(&f, "main:10;work:21;[asleep]", asleep / 8 * 4);
	check_self(&f, "[no stack];[asleep: epoll_wait]", asleep / 8);
	check_self(&f, "main:10;work:21", 0);
	ft_flame_free(&f);

	build(sc, FT_OF_WALL, false, &f);
	assert_true(f.total_ns == 10000 * MS);
	check_self(&f, "main:10;work:21", 750 * MS);
	check_self(&f, "main:10;work:21;[waits GIL]", 600 * MS);
	ft_flame_free(&f);

	build(sc, FT_OF_BLOCKED, false, &f);
	assert_true(f.total_ns == asleep + (40 + 11 + 13) * MS);
	assert_null(at(&f, "main:10;work:21;[waits GIL]"));
	ft_flame_free(&f);

	build(sc, FT_OF_LOCK_WAIT, false, &f);
	assert_true(f.total_ns == 50 * MS);
	check_self(&f, "main:10;work:21;[waits lock]", 50 * MS);
	ft_flame_free(&f);

	build(sc, FT_OF_GIL_WAIT, false, &f);
	assert_true(f.total_ns == 600 * MS);
	check_self(&f, "main:10;work:21", 600 * MS);
	assert_int_equal(f.node_cnt, 3);
	ft_flame_free(&f);
	sc_free(sc);
}

static void test_blame(void **state)
{
	struct ft_weight w[] = {
		weigh(1, FT_SK_BLAME, 300 * MS),	weigh(3, FT_SK_BLAME, 100 * MS),
		weigh(3, FT_SK_BLAME_OFF, 60 * MS),	weigh(1, FT_SK_BLAME_FREE, 30 * MS),
		weigh(NONE, FT_SK_BLAME_FREE, 10 * MS),
	};
	struct scenario *sc = sc_one();
	struct ft_flame f;

	(void)state;
	/* 600 ms of waits, 100 of them exactly known: 400 of ticks stand for 500 */
	use_weights(w, CNT(w));
	build(sc, FT_OF_GIL_BLAME, false, &f);
	assert_true(f.total_ns == 600 * MS);
	assert_true(f.factor == 1.25);
	check_self(&f, "main:10;work:21", 375 * MS);
	check_self(&f, "main:10;work:22;work:23", (125 + 60) * MS);
	check_self(&f, "[GIL free: hand-over];main:10;work:21", 30 * MS);
	check_self(&f, "[GIL free: hand-over]", 10 * MS);
	assert_null(at(&f, "[holder not seen]"));
	ft_flame_free(&f);
	/* ticks saw too little for a guess */
	w[0].ns = 100 * MS;
	w[1].ns = 50 * MS;
	build(sc, FT_OF_GIL_BLAME, false, &f);
	assert_true(f.total_ns == 600 * MS && f.factor > 3.3 && f.factor < 3.4);
	check_self(&f, "main:10;work:21", 100 * MS);
	check_self(&f, "main:10;work:22;work:23", 110 * MS);
	check_self(&f, "[holder not seen]", 350 * MS);
	ft_flame_free(&f);
	/* and too much: all shrinks */
	w[0].ns = 1500 * MS;
	w[1].ns = 800 * MS;
	build(sc, FT_OF_GIL_BLAME, false, &f);
	assert_true(f.total_ns == 600 * MS && f.factor < 0.5);
	check_self(&f, "main:10;work:21", 375 * MS);
	check_self(&f, "[GIL free: hand-over]", 10 * MS / 4);
	ft_flame_free(&f);
	/* no tick at all */
	use_weights(w + 2, 3);
	build(sc, FT_OF_GIL_BLAME, false, &f);
	assert_true(f.total_ns == 600 * MS && f.factor == 0);
	check_self(&f, "[holder not seen]", 500 * MS);
	ft_flame_free(&f);
	sc_free(sc);
}

static void test_refusals(void **state)
{
	static const struct ft_node circle[] = {{1, 0}, {0, 0}};
	const struct ft_weight w[] = {weigh(0, FT_ST_GIL_WAIT, 1), weigh(77, FT_ST_RUNQ, 1)};
	struct ft_flame_opts o = {.of = FT_OF_GIL_WAIT};
	struct scenario *sc = sc_one();
	struct ft_flame f;
	char why[200];

	(void)state;
	use_weights(w, 1);
	sc->recs[0].t.state_ns[FT_ST_GIL_WAIT] = 0;
	assert_int_equal(try_build(sc, &o, &f, why), -ENODATA);
	assert_non_null(strstr(why, "no thread waited for the GIL"));
	o.of = FT_OF_WALL;
	o.from_ns = 10000 * MS;
	assert_int_equal(try_build(sc, &o, &f, why), -ENODATA);
	assert_non_null(strstr(why, "10.000 s"));
	o.from_ns = 5 * MS;
	o.to_ns = 5 * MS;
	assert_int_equal(try_build(sc, &o, &f, why), -ENODATA);
	sc->info.has_events = false;
	assert_int_equal(try_build(sc, &o, &f, why), -ENODATA);
	assert_non_null(strstr(why, "--no-timeline"));
	o.from_ns = 0;
	o.to_ns = 0;
	sc->info.stack_hz = 0;
	assert_int_equal(try_build(sc, &o, &f, why), -ENODATA);
	assert_non_null(strstr(why, "-F 0"));
	sc->info.stack_hz = 199;
	o.of = FT_OF_CNT;
	assert_int_equal(try_build(sc, &o, &f, why), -EINVAL);
	o.of = FT_OF_WALL;
	use_weights(w, 2);
	assert_int_equal(try_build(sc, &o, &f, why), -EINVAL);
	use_weights(w, 1);
	stacks.node = circle;
	stacks.node_cnt = 2;
	assert_int_equal(try_build(sc, &o, &f, why), -EINVAL);
	sc_free(sc);
}

/*
 * Weights that tell locks apart are one in a flame; those of owners, sharing and pauses are in no
 * other question.
 */
static void test_locks(void **state)
{
	struct ft_weight w[] = {
		weigh(1, FT_ST_LOCK_WAIT, 30),	    weigh(1, FT_ST_LOCK_WAIT, 10),
		weigh(3, FT_SK_LOCK_OWNER, 25),	    weigh(1, FT_SK_LOCK_OWNER, 5),
		weigh(3, FT_SK_SHARED, 30),	    weigh(1, FT_SK_SHARED, 10),
		weigh(3, FT_SK_PAUSE, 20),	    weigh(1, FT_SK_ON + FT_ON_FREE, 100),
		weigh(1, FT_SK_ON + FT_ON_SPIN, 7),
	};
	struct ft_pause_rec pause = {.id = 2, .cause = FT_PC_GC, .cnt = 7, .stopped_ns = 40 * MS};
	struct ft_flame_opts o = {.of = FT_OF_SHARED, .from_ns = 10 * MS};
	struct scenario *sc = sc_new(1000, 2, FT_GIL_OFF);
	struct ft_flame f;
	char why[200];

	(void)state;
	sc->info.stack_hz = 199;
	sc_add(sc, (struct sc_thread){.name = "w",
				      .on = 400,
				      .lock_wait = 80,
				      .ticks_free = 350,
				      .ticks_spin = 50});
	w[1].arg = 5;
	w[3].arg = 5;
	sc->totals.sums.cnt[FT_CN_TICKS] = 400;
	sc->totals.sums.cnt[FT_CN_TICKS_CLASS + FT_CC_SHARED] = 100;
	sc->findings.pause = &pause;
	sc->findings.pause_cnt = 1;
	use_weights(w, CNT(w));
	build(sc, FT_OF_LOCK_WAIT, false, &f);
	assert_true(f.total_ns == 80 * MS);
	check_self(&f, "main:10;work:21;[waits lock]", 80 * MS);
	ft_flame_free(&f);
	build(sc, FT_OF_LOCK_OWNER, false, &f);
	assert_true(f.total_ns == w[2].ns + w[3].ns);
	check_self(&f, "main:10;work:22;work:23", w[2].ns);
	ft_flame_free(&f);
	build(sc, FT_OF_SHARED, false, &f);
	check_self(&f, "main:10;work:22;work:23", 75 * MS);
	check_self(&f, "main:10;work:21", 25 * MS);
	ft_flame_free(&f);
	build(sc, FT_OF_PAUSE, false, &f);
	check_self(&f, "main:10;work:22;work:23", 40 * MS);
	ft_flame_free(&f);
	build(sc, FT_OF_ON_CPU, false, &f);
	assert_true(f.total_ns == 400 * MS);
	check_self(&f, "main:10;work:21", 400 * MS);
	ft_flame_free(&f);
	assert_int_equal(try_build(sc, &o, &f, why), -ENODATA);
	assert_non_null(strstr(why, "--from"));
	sc_free(sc);
}

/* Where a state's total is the sum of its weights, every node has exactly what was put there. */
static void test_random(void **state)
{
	enum { FRAMES = 60, NODES = 3000, WEIGHTS = 9000 };
	struct ft_frame *fr = calloc(FRAMES, sizeof(*fr));
	struct ft_node *nd = calloc(NODES, sizeof(*nd));
	struct ft_weight *w = calloc(WEIGHTS, sizeof(*w));
	char(*name)[16] = calloc(FRAMES, sizeof(*name));
	struct ft_pause_rec pause = {.cnt = 7, .stopped_ns = 77 * MS};
	__u64 want[NODES] = {0}, got, whole = 0;
	struct scenario *sc = sc_one();
	struct ft_flame f;
	size_t i, j;

	(void)state;
	assert_true(fr && nd && w && name);
	srand(23);
	for (i = 0; i < FRAMES; i++) {
		snprintf(name[i], sizeof(name[i]), "f%zu", i * 7 % FRAMES);
		fr[i] = (struct ft_frame){name[i], "", (__u32)i, 0, FT_FK_PYTHON, 0};
	}
	for (i = 0; i < NODES; i++) {
		nd[i].parent = i < 5 ? NONE : (__u32)rand() % (__u32)i;
		nd[i].frame = (__u32)rand() % FRAMES;
	}
	for (i = 0; i < WEIGHTS; i++) {
		w[i] = weigh((__u32)rand() % NODES, FT_ST_GIL_WAIT, (__u64)rand() * 1000);
		want[w[i].stack] += w[i].ns;
		whole += w[i].ns;
	}
	for (i = NODES; i-- > 0;)
		if (nd[i].parent != NONE)
			want[nd[i].parent] += want[i];
	stacks = (struct ft_stacks){fr, FRAMES, nd, NODES, w, WEIGHTS};
	sc->recs[0].t.state_ns[FT_ST_GIL_WAIT] = whole;
	build(sc, FT_OF_GIL_WAIT, false, &f);
	assert_true(f.total_ns == whole);
	/* by frame: nodes of the session that are one path became one node */
	for (j = 0; j < FRAMES; j++) {
		__u64 sum = 0;

		for (got = 0, i = 1; i < f.node_cnt; i++)
			got += f.node[i].frame == j ? f.node[i].total_ns : 0;
		for (i = 0; i < NODES; i++)
			sum += nd[i].frame == j ? want[i] : 0;
		assert_true(got == sum);
	}
	ft_flame_free(&f);
	/* a total that no factor meets: still dealt out to the last nanosecond */
	sc->recs[0].t.state_ns[FT_ST_GIL_WAIT] = 1234567891011ull;
	build(sc, FT_OF_GIL_WAIT, true, &f);
	assert_true(f.total_ns == 1234567891011ull);
	ft_flame_free(&f);
	/* what only a damaged file holds */
	for (i = 0; i < WEIGHTS; i++) {
		w[i].ns = ~0ull - i;
		w[i].kind = (__u8)rand();
		w[i].arg = (__u32)rand();
	}
	sc->totals.sums.cnt[FT_CN_TICKS] = 10;
	sc->totals.sums.cnt[FT_CN_TICKS_CLASS + FT_CC_SHARED] = 3;
	sc->findings.pause = &pause;
	sc->findings.pause_cnt = 1;
	for (i = 0; i < FT_OF_CNT; i++) {
		build(sc, (enum ft_of)i, i & 1, &f);
		ft_flame_free(&f);
	}
	sc_free(sc);
	free(fr);
	free(nd);
	free(w);
	free(name);
}

static void test_top(void **state)
{
	const struct ft_weight w[] = {
		weigh(1, FT_SK_ON + FT_ON_GIL, 100), weigh(3, FT_SK_ON + FT_ON_GIL, 500),
		weigh(4, FT_SK_ON + FT_ON_GIL, 150), weigh(5, FT_SK_ON + FT_ON_FREE, 200),
		weigh(6, FT_SK_ON + FT_ON_FREE, 50),
	};
	const struct ft_weight asleep[] = {weigh(3, FT_ST_SYNC_WAIT, 1)};
	struct scenario *sc = sc_one();
	struct ft_func fn[8];
	struct ft_flame f;

	(void)state;
	use_weights(w, CNT(w));
	build(sc, FT_OF_ON_CPU, false, &f);
	assert_int_equal(ft_flame_top(&f, false, fn, 8), 3);
	assert_string_equal(fn[0].name, "work");
	assert_string_equal(fn[0].file, "/a/app.py");
	assert_int_equal(fn[0].line, 23);
	assert_true(fn[0].self_ns == 600 * MS);
	/* twice in most of its stacks, and counted once */
	assert_true(fn[0].total_ns == 750 * MS);
	assert_string_equal(fn[1].file, "/a/other.py");
	assert_true(fn[1].self_ns == 200 * MS);
	assert_string_equal(fn[2].name, "memcpy");
	assert_int_equal(fn[2].kind, FT_FK_NATIVE);
	assert_int_equal(fn[2].line, 0);
	assert_int_equal(ft_flame_top(&f, true, fn, 8), 4);
	assert_string_equal(fn[0].name, "main");
	assert_true(fn[0].self_ns == 0 && fn[0].total_ns == 950 * MS);
	assert_int_equal(fn[0].line, 10);
	assert_int_equal(ft_flame_top(&f, true, fn, 1), 1);
	assert_string_equal(fn[0].name, "main");
	assert_int_equal(ft_flame_top(&f, true, fn, 0), 0);
	ft_flame_free(&f);
	/* what a mark has is its caller's: there the thread slept */
	use_weights(asleep, 1);
	build(sc, FT_OF_BLOCKED, false, &f);
	assert_int_equal(ft_flame_top(&f, false, fn, 8), 1);
	assert_true(fn[0].self_ns == 40 * MS && fn[0].total_ns == 40 * MS);
	assert_int_equal(fn[0].line, 23);
	ft_flame_free(&f);
	/* a wait for the GIL is the Python function's that wants it, wherever in C it sleeps */
	use_weights(w, CNT(w));
	build(sc, FT_OF_ON_CPU, false, &f);
	f.of = FT_OF_GIL_WAIT;
	assert_int_equal(ft_flame_top(&f, false, fn, 8), 2);
	assert_string_equal(fn[0].name, "work");
	assert_string_equal(fn[1].file, "/a/other.py");
	assert_int_equal(fn[0].self_ns / MS, 750);
	assert_int_equal(fn[1].self_ns / MS, 200);
	assert_int_equal(ft_flame_top(&f, true, fn, 8), 4);
	ft_flame_free(&f);
	sc_free(sc);
}

static void test_lists(void **state)
{
	const struct ft_weight w[] = {
		weigh(1, FT_SK_ON + FT_ON_GIL, 30),	 weigh(5, FT_SK_ON + FT_ON_FREE, 10),
		weigh(NONE, FT_SK_ON + FT_ON_FREE, 10),	 weigh(1, FT_SK_BLAME, 200 * MS),
		weigh(NONE, FT_SK_BLAME_FREE, 150 * MS),
	};
	struct scenario *sc = sc_one();
	struct ft_func_lists fl;
	struct ft_func_list *l;
	struct ft_model m;

	(void)state;
	session = sc;
	use_weights(w, CNT(w));
	assert_int_equal(sc_model(sc, &m), 0);
	assert_int_equal(ft_func_lists_build((struct ft_reader *)sc, &m, &fl), 0);
	assert_true(fl.present);
	l = &fl.list[FT_FUNCS_ON_CPU];
	assert_true(l->total_ns == 1000 * MS && l->cnt == 2 && l->mark_cnt == 1);
	assert_string_equal(l->func[0].name, "work");
	assert_true(l->func[0].self_ns == 750 * MS && l->func[1].self_ns == 125 * MS);
	assert_string_equal(l->mark[0].name, "[no stack]");
	assert_true(l->mark[0].self_ns == 125 * MS);
	/* waits that nothing tells of are no function's */
	l = &fl.list[FT_FUNCS_GIL_WAIT];
	assert_true(l->total_ns == 600 * MS && l->cnt == 0 && l->mark_cnt == 1);
	l = &fl.list[FT_FUNCS_GIL_BLAME];
	assert_true(l->total_ns == 600 * MS && l->factor == 2.25);
	assert_true(l->cnt == 1 && l->func[0].self_ns == 200 * MS);
	assert_int_equal(l->mark_cnt, 2);
	assert_string_equal(l->mark[0].name, "[holder not seen]");
	assert_true(l->mark[0].self_ns == 250 * MS);
	assert_string_equal(l->mark[1].name, "[GIL free: hand-over]");
	ft_func_lists_free(&fl);
	ft_func_lists_free(&fl);
	ft_func_lists_free(NULL);
	ft_model_free(&m);
	sc->info.stack_hz = 0;
	assert_int_equal(sc_model(sc, &m), 0);
	assert_int_equal(ft_func_lists_build((struct ft_reader *)sc, &m, &fl), 0);
	assert_true(!fl.present && !fl.list[FT_FUNCS_ON_CPU].cnt);
	ft_func_lists_free(&fl);
	ft_model_free(&m);
	sc_free(sc);
}

/* What stands on a mark is a function's: of the mark remains what nothing stands on. */
static void test_list_of_marks(void **state)
{
	static const struct ft_frame frame[] = {
		{"[native frames end]", "", 0, 0, FT_FK_MARK, 0},
		{"work", "/a/app.py", 23, 20, FT_FK_PYTHON, 0},
		{"[deeper than 128 frames]", "", 0, 0, FT_FK_MARK, 0},
	};
	static const struct ft_node node[] = {{NONE, 0}, {0, 1}, {NONE, 2}, {2, 0}, {1, 0}};
	const struct ft_weight w[] = {
		weigh(0, FT_SK_ON + FT_ON_GIL, 1),  weigh(1, FT_SK_ON + FT_ON_GIL, 50),
		weigh(3, FT_SK_ON + FT_ON_GIL, 20), weigh(4, FT_SK_ON + FT_ON_GIL, 4),
		weigh(1, FT_SK_ON + FT_ON_FREE, 1),
	};
	struct scenario *sc = sc_one();
	const struct ft_func_list *l;
	struct ft_func_lists fl;
	struct ft_model m;
	__u64 sum;

	(void)state;
	session = sc;
	stacks = (struct ft_stacks){frame, CNT(frame), node, CNT(node), w, CNT(w)};
	assert_int_equal(sc_model(sc, &m), 0);
	assert_int_equal(ft_func_lists_build((struct ft_reader *)sc, &m, &fl), 0);
	l = &fl.list[FT_FUNCS_ON_CPU];
	assert_int_equal(l->cnt, 1);
	assert_int_equal(l->mark_cnt, 2);
	assert_string_equal(l->mark[0].name, "[deeper than 128 frames]");
	assert_string_equal(l->mark[1].name, "[native frames end]");
	/* functions and marks are all there is, but for rounding */
	sum = l->func[0].self_ns + l->mark[0].self_ns + l->mark[1].self_ns;
	assert_true(sum <= l->total_ns && sum + 10 > l->total_ns);
	ft_func_lists_free(&fl);
	ft_model_free(&m);
	sc_free(sc);
}

static void test_diff(void **state)
{
	static const struct ft_frame moved[] = {
		{"main", "/b/bin/app.py", 11, 6, FT_FK_PYTHON, 0},
		{"work", "/b/bin/app.py", 31, 30, FT_FK_PYTHON, 0},
		{"fresh", "/b/bin/app.py", 50, 50, FT_FK_PYTHON, 0},
	};
	static const struct ft_node moved_nodes[] = {{NONE, 0}, {0, 1}, {0, 2}};
	const struct ft_weight wa[] = {weigh(1, FT_ST_GIL_WAIT, 1), weigh(2, FT_ST_GIL_WAIT, 2),
				       weigh(4, FT_ST_GIL_WAIT, 3)};
	const struct ft_weight wb[] = {weigh(1, FT_ST_GIL_WAIT, 1), weigh(2, FT_ST_GIL_WAIT, 3)};
	struct scenario *sc = sc_one();
	struct ft_flame a, b, d;
	const struct ft_flame_node *n;

	(void)state;
	use_weights(wa, CNT(wa));
	build(sc, FT_OF_GIL_WAIT, false, &a);
	stacks = (struct ft_stacks){moved, CNT(moved), moved_nodes, CNT(moved_nodes), wb, CNT(wb)};
	sc->recs[0].t.state_ns[FT_ST_GIL_WAIT] = 1200 * MS;
	build(sc, FT_OF_GIL_WAIT, false, &b);
	assert_int_equal(ft_flame_diff(&a, &b, &d), 0);
	check_tree(&d);
	assert_true(d.differs && d.total_ns == 1200 * MS && d.node[0].base_ns == 1200 * MS);
	n = at(&d, "main;work");
	assert_true(n && n->total_ns == 300 * MS && n->self_ns == 300 * MS);
	/* 100 and 200 of 600 at two lines, and 300 below: twice that of 1200 */
	assert_true(n->base_ns == 1200 * MS && n->base_self_ns == 600 * MS);
	n = at(&d, "main;fresh");
	assert_true(n && n->self_ns == 900 * MS && n->base_ns == 0);
	n = at(&d, "main;work;work;memcpy");
	assert_true(n && n->total_ns == 0 && n->base_self_ns == 600 * MS);
	assert_string_equal(d.frame[at(&d, "main")->frame].file, "/b/bin/app.py");
	ft_flame_free(&d);
	/* with itself there is no difference */
	assert_int_equal(ft_flame_diff(&a, &a, &d), 0);
	for (size_t i = 0; i < d.node_cnt; i++)
		assert_true(d.node[i].base_ns == d.node[i].total_ns);
	ft_flame_free(&d);
	b.of = FT_OF_WALL;
	assert_int_equal(ft_flame_diff(&a, &b, &d), -EINVAL);
	ft_flame_free(&a);
	ft_flame_free(&b);
	sc_free(sc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	      cmocka_unit_test(test_on_cpu),
		cmocka_unit_test(test_by_function),   cmocka_unit_test(test_states),
		cmocka_unit_test(test_blame),	      cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_locks),	      cmocka_unit_test(test_random),
		cmocka_unit_test(test_top),	      cmocka_unit_test(test_lists),
		cmocka_unit_test(test_list_of_marks), cmocka_unit_test(test_diff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
