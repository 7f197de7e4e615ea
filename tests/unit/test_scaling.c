/* SPDX-License-Identifier: BSD-2-Clause */
/* LDFLAGS: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* The core-seconds that locks, sharing and pauses cost, on sessions with known answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include "model/scaling.h"
#include "oom.h"
#include "scaling_fixture.h"

static void check_loss(const struct ft_model *m, size_t i, const char *cause, __u64 ms,
		       const char *where, const char *advice)
{
	const struct ft_loss *l = &m->scaling->loss[i];

	assert_true(i < m->scaling->loss_cnt);
	if (strcmp(ft_loss_name(l->cause), cause) || l->lost_ns / MS != ms ||
	    !strstr(l->where, where) || !strstr(l->advice, advice))
		print_error("%s %llu ms, '%s' -> '%s'\n  should be %s %llu '%s' -> '%s'\n",
			    ft_loss_name(l->cause), (unsigned long long)(l->lost_ns / MS), l->where,
			    l->advice, cause, (unsigned long long)ms, where, advice);
	assert_string_equal(ft_loss_name(l->cause), cause);
	assert_int_equal(l->lost_ns / MS, ms);
	assert_non_null(strstr(l->where, where));
	assert_non_null(strstr(l->advice, advice));
}

/*
 * 2 cores x 5 s: 8 s on cores (1 s spinning, 2 s sharing), 0.5 s taken by others, 1.5 s idle, while
 * threads waited 2 s for a lock and 1 s for pauses: two thirds and one third of the idle time.
 */
static void test_losses(void **state)
{
	struct ft_lock_rec rec[] = {
		{.id = 1,
		 .kind = FT_LK_OBJECT,
		 .name = "dict",
		 .waits = 23,
		 .wait_ns = 2000 * MS,
		 .spin_ticks = 1000,
		 .threads = 4},
		{.id = 2, .kind = FT_LK_TYPE, .name = "Config", .other = 75, .same = 25},
	};
	struct ft_pause_rec pause[] = {
		{.id = 1,
		 .cause = FT_PC_GC,
		 .func = "gc_collect_main",
		 .cnt = 31,
		 .stopped_ns = 300 * MS,
		 .max_ns = 4 * MS},
		{.id = 2, .cause = FT_PC_GC, .cnt = 9, .stopped_ns = 100 * MS, .max_ns = 9 * MS},
		{.id = 3,
		 .cause = FT_PC_IMPORT,
		 .cnt = 2,
		 .stopped_ns = 100 * MS,
		 .max_ns = 60 * MS},
	};
	const struct ft_weight w[] = {
		weigh(N_WORK, FT_ST_LOCK_WAIT, 1, 2000), weigh(N_OTHER, FT_SK_SHARED, 2, 900),
		weigh(N_WORK, FT_SK_SHARED, 0, 300),	 weigh(N_WORK, FT_SK_SHARED, 1, 600),
		weigh(N_WORK, FT_SK_PAUSE, 1, 300),	 weigh(N_OTHER, FT_SK_PAUSE, 3, 100),
	};
	struct scenario *sc = sc_new(5000, 2, FT_GIL_OFF);
	const struct ft_scaling *s;
	struct ft_model m;
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		sc_add(sc, (struct sc_thread){.name = "w",
					      .on = 2000,
					      .lock_wait = 500,
					      .stw = 250,
					      .runq = 1000,
					      .ticks_free = 1750,
					      .ticks_spin = 250});
	sc_levels(sc, 0, 2000, 3000, 0, 0);
	sc->totals.sums.cnt[FT_CN_TICKS] = 8000;
	sc->totals.sums.cnt[FT_CN_TICKS_CLASS + FT_CC_SHARED] = 1800;
	sc->totals.sums.cnt[FT_CN_TICKS_CLASS + FT_CC_MERGE] = 200;
	sc->totals.sums.cnt[FT_CN_TICKS_CLASS + FT_CC_DELAYED] = 50;
	sc->others_ns = 500 * MS;
	use(sc, w, CNT(w));
	use_locks(sc, rec, CNT(rec));
	sc->findings.pause = pause;
	sc->findings.pause_cnt = CNT(pause);
	sc->findings.pause_window_ns = 2500 * MS;
	assert_int_equal(sc_model(sc, &m), 0);
	s = m.scaling;
	assert_true(s->budget_ns == 10000 * MS && s->idle_ns == 1500 * MS);
	/* spinning, a third of the sharing that is the lock's own line, 2/3 of the idle time */
	check_loss(&m, 0, "lock", 1000 + 600 + 1000, "dict at app.py:8 work",
		   "One dict per thread");
	check_loss(&m, 1, "refcount", 900, "Config at app.py:20 C.other",
		   "give each thread its own");
	check_loss(&m, 2, "runq", 500, "0.10 of its cores", "Move them");
	check_loss(&m, 3, "stw", 400,
		   "garbage collection: about 80 pauses, longest 9 ms, asked for at app.py:8",
		   "gc.collect()");
	check_loss(&m, 4, "refcount", 300, "shared objects at app.py:8 work", "object");
	check_loss(&m, 5, "refcount", 200, "other threads", "made them");
	check_loss(&m, 6, "stw", 100, "imports of extension modules: about 4 pauses", "Import");
	/* delayed frees are below 1 % */
	assert_int_equal(s->loss_cnt, 7);
	assert_true(s->pauses_estimated && s->pauses.cnt == 84);
	assert_true(s->pauses.stopped_ns == 1000 * MS && s->pauses.max_ns == 60 * MS);
	assert_string_equal(s->pause[FT_PC_GC].func, "gc_collect_main");
	ft_model_free(&m);
	sc_free(sc);
}

/* Objects that one thread made and one other uses cost a little: they keep nobody from scaling. */
static void test_foreign(void **state)
{
	struct ft_lock_rec rec[] = {
		{.id = 1, .kind = FT_LK_TYPE, .name = "Own", .same = 70},
		{.id = 2, .kind = FT_LK_TYPE, .name = "Hot", .same = 26, .other = 71},
		{.id = 3, .kind = FT_LK_TYPE, .name = "Mixed", .same = 75, .other = 25},
	};
	const struct ft_weight w[] = {
		weigh(N_WORK, FT_SK_SHARED, 1, 400),
		weigh(N_WORK, FT_SK_SHARED, 2, 300),
		weigh(N_OTHER, FT_SK_SHARED, 3, 200),
		weigh(N_OTHER, FT_SK_SHARED, 0, 90),
	};
	struct scenario *sc = sc_new(5000, 2, FT_GIL_OFF);
	const struct ft_sharing *sh;
	struct ft_model m;

	(void)state;
	sc_add(sc, (struct sc_thread){.name = "a", .on = 4950});
	sc_add(sc, (struct sc_thread){.name = "b", .on = 4950});
	sc_levels(sc, 0, 100, 4900, 0, 0);
	sc->totals.sums.cnt[FT_CN_TICKS] = 9900;
	sc->totals.sums.cnt[FT_CN_TICKS_CLASS + FT_CC_SHARED] = 990;
	use(sc, w, CNT(w));
	use_locks(sc, rec, CNT(rec));
	assert_int_equal(sc_model(sc, &m), 0);
	sh = &m.scaling->sharing;
	assert_true(sh->shared_ns == 990 * MS);
	/* all of Hot, half of Mixed, and of what has no name as much as of the others: 4 of 9 */
	assert_int_equal(sh->hot_ns / MS, 300 + 100 + 40);
	check_loss(&m, 0, "refcount", 300, "Hot at app.py:8 work", "its own");
	assert_string_equal(sh->row[3].name, "Own");
	assert_true(sh->row[3].ns == 400 * MS && !sh->row[3].hot_ns);
	assert_int_equal(m.verdict.kind, FT_V_PARALLEL);
	ft_model_free(&m);
	sc_free(sc);
}

/* Lines of one function that share objects of one type are one row, at the heaviest line. */
static void test_lines(void **state)
{
	struct ft_lock_rec rec[] = {
		{.id = 1, .kind = FT_LK_TYPE, .name = "Config", .other = 75, .same = 25},
		{.id = 2, .kind = FT_LK_TYPE, .name = "cell", .other = 75, .same = 25},
	};
	const struct ft_weight w[] = {
		weigh(N_WORK_NEXT, FT_SK_SHARED, 1, 300),
		weigh(N_WORK, FT_SK_SHARED, 1, 400),
		weigh(N_OTHER, FT_SK_SHARED, 1, 500),
		weigh(N_WORK_NEXT, FT_SK_SHARED, 2, 200),
	};
	struct scenario *sc = sc_new(5000, 2, FT_GIL_OFF);
	const struct ft_sharing *sh;
	struct ft_model m;

	(void)state;
	sc_add(sc, (struct sc_thread){.name = "a", .on = 4950});
	sc_add(sc, (struct sc_thread){.name = "b", .on = 4950});
	sc_levels(sc, 0, 100, 4900, 0, 0);
	sc->totals.sums.cnt[FT_CN_TICKS] = 9900;
	sc->totals.sums.cnt[FT_CN_TICKS_CLASS + FT_CC_SHARED] = 1400;
	use(sc, w, CNT(w));
	use_locks(sc, rec, CNT(rec));
	assert_int_equal(sc_model(sc, &m), 0);
	sh = &m.scaling->sharing;
	assert_int_equal(sh->cnt, 3);
	assert_string_equal(sh->row[0].site, "app.py:8 work");
	assert_true(sh->row[0].ns == 700 * MS && sh->row[0].hot_ns == 700 * MS);
	assert_string_equal(sh->row[1].site, "app.py:20 C.other");
	assert_string_equal(sh->row[2].site, "app.py:9 work");
	assert_string_equal(sh->row[2].name, "cell");
	ft_model_free(&m);
	sc_free(sc);
}

/* One thread of two cores' worth: nothing kept the other core. */
static void test_single(void **state)
{
	struct scenario *sc = sc_new(5000, 2, FT_GIL_OFF);
	struct ft_model m;

	(void)state;
	sc_add(sc, (struct sc_thread){.name = "python3", .on = 4000, .syscall = 230});
	sc_levels(sc, 1000, 4000, 0, 0, 0);
	assert_int_equal(sc_model(sc, &m), 0);
	assert_int_equal(m.scaling->loss_cnt, 1);
	/* not the second in which nothing ran */
	check_loss(&m, 0, "single_thread", 4000, "python3 (4312)", "split the work");
	ft_model_free(&m);
	sc_free(sc);
}

static void test_quota(void **state)
{
	struct scenario *sc = sc_new(5000, 8, FT_GIL_OFF);
	struct ft_model m;

	(void)state;
	sc->info.quota = 2;
	sc->totals.throttled_ns = 1500 * MS;
	sc_add(sc, (struct sc_thread){.name = "a", .on = 4000, .runq = 1000});
	sc_add(sc, (struct sc_thread){.name = "b", .on = 4000, .runq = 1000});
	sc_levels(sc, 1000, 0, 4000, 0, 0);
	assert_int_equal(sc_model(sc, &m), 0);
	check_loss(&m, 0, "runq", 1500, "quota", "cpu.max");
	ft_model_free(&m);
	sc_free(sc);
}

static struct scenario *gil_session(void)
{
	struct scenario *sc = sc_new(5000, 2, FT_GIL_ENABLED);
	int i;

	for (i = 0; i < 4; i++)
		sc_add(sc, (struct sc_thread){.name = "w", .on = 1200, .gil_wait = 3700});
	sc_levels(sc, 200, 4800, 0, 0, 0);
	sc->totals.sums.wait_any_ns = 4700 * MS;
	sc->totals.sums.lost_parallel_ns = 4500 * MS;
	return sc;
}

static void test_gil_back(void **state)
{
	struct ft_ext_rec ext[] = {
		{.module = "_json", .gil = FT_EG_NOT_USED, .stdlib = true},
		{.module = "old._core", .gil = FT_EG_USED, .distribution = "Old-Thing 1.0"},
		{.module = "dark", .gil = FT_EG_UNKNOWN},
	};
	struct ft_gil_rec gil[] = {
		{.ts_ns = SC_START, .state = FT_GIL_OFF, .stack = NONE},
		{.ts_ns = SC_START + 1234 * MS,
		 .state = FT_GIL_ENABLED,
		 .exact = true,
		 .module = "old._core",
		 .stack = NONE},
	};
	struct scenario *sc = gil_session();
	struct ft_model m;

	(void)state;
	sc->findings.ext = ext;
	sc->findings.ext_cnt = CNT(ext);
	sc->findings.gil = gil;
	sc->findings.gil_cnt = CNT(gil);
	assert_int_equal(sc_model(sc, &m), 0);
	check_loss(&m, 0, "gil_reenabled", 4500, "old._core enabled the GIL at +1.23 s",
		   "Update Old-Thing 1.0");
	assert_string_equal(m.scaling->gil_module, "old._core");
	assert_int_equal(m.verdict.kind, FT_V_GIL_RETURNED);
	assert_non_null(strstr(m.verdict.text, "old._core brought it back at +1.23 s"));
	assert_non_null(strstr(m.verdict.advice, "update or replace Old-Thing 1.0"));
	ft_model_free(&m);
	/* attached after the fact */
	sc->findings.gil_cnt = 0;
	assert_int_equal(sc_model(sc, &m), 0);
	check_loss(&m, 0, "gil_reenabled", 4500, "suspects: old._core (Old-Thing 1.0)", "suspects");
	assert_non_null(strstr(m.verdict.text, "suspect is old._core (Old-Thing 1.0)"));
	assert_non_null(strstr(m.verdict.advice, "update"));
	ft_model_free(&m);
	/* known by the state, not by the moment */
	strcpy(sc->info.gil_enabled_by, "_core");
	assert_int_equal(sc_model(sc, &m), 0);
	check_loss(&m, 0, "gil_reenabled", 4500, "_core enabled the GIL", "Update Old-Thing 1.0");
	assert_null(strstr(m.scaling->loss[0].where, "+"));
	ft_model_free(&m);
	sc_free(sc);
}

/* A build with a GIL has no rows, whatever it waited for. */
static void test_gil_build(void **state)
{
	struct scenario *sc = sc_web();
	struct ft_model m;

	(void)state;
	sc->others_ns = 4000 * MS;
	assert_int_equal(sc_model(sc, &m), 0);
	assert_int_equal(m.scaling->loss_cnt, 0);
	assert_int_equal(m.scaling->lost_ns, 0);
	ft_model_free(&m);
	sc_free(sc);
}

/* Every kind of lock and of sharing has a sentence of its own, that fits. */
static void test_advice(void **state)
{
	static const struct {
		__u32 kind;
		const char *name, *says;
	} locks[] = {
		{FT_LK_OBJECT, "list", "One list per thread"},
		{FT_LK_OBJECT, "collections.deque", "One deque per thread"},
		{FT_LK_OBJECT, "type", "class"},
		{FT_LK_OBJECT, "MyClass", "One MyClass per thread"},
		{FT_LK_OBJECT, "list_iterator", "iterator of its own"},
		{FT_LK_OBJECT, "_queue.SimpleQueue", "several items"},
		{FT_LK_THREADING, "_thread.lock", "Hold it shorter"},
		{FT_LK_THREADING, "queue.Queue", "SimpleQueue"},
		{FT_LK_RUNTIME, "type lock (TYPE_LOCK)", "Classes are changed"},
		{FT_LK_RUNTIME, "interned strings", "names"},
		{FT_LK_RUNTIME, "import lock", "Import before"},
		{FT_LK_RUNTIME, "interpreter+0x10", "interpreter's own"},
		{FT_LK_NATIVE, "libfoo.so", "libfoo.so"},
	};
	static const struct {
		const char *name, *says;
	} shares[] = {
		{"function", "closure"}, {"cell", "closure"},	 {"float", "same value"},
		{"list", "same list"},	 {"MyClass", "its own"}, {"", "its own"},
	};
	struct ft_mlock l = {.owner = "app.py:9 f"};
	struct ft_mshare sh = {0};
	char advice[320];
	size_t i;
	__u32 k;

	(void)state;
	for (i = 0; i < CNT(locks); i++) {
		l.kind = locks[i].kind;
		snprintf(l.name, sizeof(l.name), "%s", locks[i].name);
		ft_advise_lock(&l, advice, sizeof(advice));
		assert_non_null(strstr(advice, locks[i].says));
		if (l.kind == FT_LK_THREADING)
			assert_non_null(strstr(advice, "app.py:9 f"));
		assert_true(strlen(advice) < sizeof(advice) - 1);
	}
	for (i = 0; i < CNT(shares); i++) {
		snprintf(sh.name, sizeof(sh.name), "%s", shares[i].name);
		ft_advise_share(&sh, advice, sizeof(advice));
		assert_non_null(strstr(advice, shares[i].says));
	}
	for (k = 0; k < FT_PC_CNT; k++)
		for (i = 0; i < k; i++)
			assert_true(strcmp(ft_advise_pause(k), ft_advise_pause((__u32)i)) != 0);
}

static __u64 seed = 88172645463325252ull;

static __u64 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Times up to a second and a half of the session; now and then nonsense. */
static __u64 rnd_ns(bool wild)
{
	return wild && rnd() % 8 == 0 ? rnd() >> rnd() % 64 : rnd() % (7500 * MS);
}

static void random_findings(struct ft_findings *f, bool wild)
{
	static const char *const names[] = {"list",	 "_thread.lock", "_thread.RLock",
					    "type lock", "\xff\x1b[31m", "_queue.SimpleQueue"};
	size_t i;

	for (i = 0; i < f->lock_cnt; i++) {
		struct ft_lock_rec *r = &f->lock[i];

		*r = (struct ft_lock_rec){.id = (__u32)i * 2 + 1};
		r->kind = (__u32)(rnd() % (wild ? FT_LK_CNT + 2 : FT_LK_CNT));
		snprintf(r->name, sizeof(r->name), "%s", names[rnd() % CNT(names)]);
		r->waits = rnd() % 1000;
		r->wait_ns = rnd_ns(wild);
		r->spin_ticks = wild ? rnd() >> rnd() % 64 : rnd() % 2000;
		r->yields = rnd() % 1000;
		r->threads = (__u32)(rnd() % 5);
		r->same = wild ? rnd() >> rnd() % 64 : rnd() % 50;
		r->other = wild ? rnd() >> rnd() % 64 : rnd() % 50;
	}
	for (i = 0; i < f->pause_cnt; i++) {
		struct ft_pause_rec *r = &f->pause[i];

		*r = (struct ft_pause_rec){.id = (__u32)i, .cause = (__u32)(rnd() % 10)};
		r->cnt = rnd() % 100;
		r->stopped_ns = rnd_ns(wild);
		r->max_ns = rnd_ns(wild);
	}
	f->pause_window_ns = rnd_ns(false);
	f->yield_window_ns = rnd_ns(false);
	f->yields_rel_err = wild ? NAN : 0.3;
}

static void random_session(struct scenario *sc, struct ft_weight *w, size_t cnt, bool wild)
{
	__u64 *c = sc->totals.sums.cnt;
	size_t i;

	for (i = 0; i < 6; i++)
		sc_add(sc, (struct sc_thread){.name = "w",
					      .on = (__u32)(rnd() % 1600),
					      .gil_wait = (__u32)(rnd() % 900),
					      .lock_wait = (__u32)(rnd() % 1500),
					      .sync_wait = (__u32)(rnd() % 900),
					      .stw = (__u32)(rnd() % 900),
					      .runq = (__u32)(rnd() % 1500),
					      .ticks_free = (__u32)(rnd() % 500),
					      .ticks_spin = (__u32)(rnd() % 500)});
	if (wild)
		for (i = 0; i < FT_ST_CNT; i++)
			sc->recs[0].t.state_ns[i] = rnd() >> rnd() % 64;
	sc_levels(sc, (__u32)(rnd() % 5000), (__u32)(rnd() % 5000), (__u32)(rnd() % 5000), 0, 0);
	for (i = FT_CN_TICKS_CLASS; i <= FT_CN_TICKS_GC; i++)
		c[i] = rnd() % 2000;
	c[FT_CN_TICKS] = rnd() % 4000;
	sc->totals.sums.lost_parallel_ns = rnd_ns(wild);
	sc->totals.throttled_ns = rnd() % 3 ? 0 : rnd_ns(wild);
	sc->others_ns = rnd_ns(wild);
	for (i = 0; i < cnt; i++)
		w[i] = (struct ft_weight){.stack = rnd() % 5 ? (__u32)(rnd() % (CNT(nodes) + wild))
							     : NONE,
					  .arg = (__u32)(rnd() % 40),
					  .kind = (__u8)(rnd() % (FT_SK_CNT + wild)),
					  .ns = rnd_ns(wild),
					  .cnt = rnd() % 9};
	use(sc, w, cnt);
}

static void check_sums(const struct ft_model *m)
{
	const struct ft_scaling *s = m->scaling;
	__u64 sum = 0;
	size_t i;

	assert_true((double)s->budget_ns <= m->core_limit * (double)m->duration_ns);
	for (i = 0; i < s->loss_cnt; i++) {
		const struct ft_loss *l = &s->loss[i];

		assert_true(l->lost_ns >= s->budget_ns / 100);
		assert_true(!i || s->loss[i - 1].lost_ns >= l->lost_ns);
		assert_true(sum + l->lost_ns >= sum);
		sum += l->lost_ns;
		assert_true(l->where[0] && l->advice[0]);
		assert_true(strlen(l->advice) < sizeof(l->advice) - 1);
	}
	assert_true(sum == s->lost_ns);
	assert_true(sum <= s->budget_ns);
}

/* Rows never add up to more than cores x time, whatever the figures are. */
static void test_random(void **state)
{
	struct ft_lock_rec rec[12];
	struct ft_pause_rec pause[6];
	struct ft_weight w[80];
	size_t rows = 0;
	int round;

	(void)state;
	for (round = 0; round < 3000; round++) {
		struct scenario *sc = sc_new(5000, 1 + (__u32)(rnd() % 4),
					     rnd() % 3 ? FT_GIL_OFF : FT_GIL_ENABLED);
		bool wild = round % 2;
		struct ft_model m;

		if (rnd() % 4 == 0)
			sc->info.quota = (double)(1 + rnd() % 30) / 10;
		random_session(sc, w, CNT(w), wild);
		use_locks(sc, rec, CNT(rec));
		sc->findings.pause = pause;
		sc->findings.pause_cnt = CNT(pause);
		random_findings(&sc->findings, wild);
		assert_int_equal(sc_model(sc, &m), 0);
		check_sums(&m);
		rows += m.scaling->loss_cnt;
		ft_model_free(&m);
		sc_free(sc);
	}
	assert_true(rows > 3000);
}

static void test_oom(void **state)
{
	struct ft_lock_rec rec[12];
	struct ft_pause_rec pause[6];
	struct ft_weight w[80];
	struct scenario *sc = sc_new(5000, 2, FT_GIL_OFF);
	struct ft_model m;
	long n;
	int err;

	(void)state;
	random_session(sc, w, CNT(w), false);
	use_locks(sc, rec, CNT(rec));
	sc->findings.pause = pause;
	sc->findings.pause_cnt = CNT(pause);
	random_findings(&sc->findings, false);
	for (n = 1;; n++) {
		failed = false;
		countdown = n;
		err = sc_model(sc, &m);
		countdown = 0;
		if (!failed)
			break;
		/* a name that has no memory is left out of a sentence */
		assert_true(err == -ENOMEM || !err);
		if (!err)
			ft_model_free(&m);
	}
	assert_int_equal(err, 0);
	assert_true(n > 10);
	ft_model_free(&m);
	sc_free(sc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_losses),	  cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_lines),	  cmocka_unit_test(test_single),
		cmocka_unit_test(test_quota),	  cmocka_unit_test(test_gil_back),
		cmocka_unit_test(test_gil_build), cmocka_unit_test(test_advice),
		cmocka_unit_test(test_random),	  cmocka_unit_test(test_oom),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
