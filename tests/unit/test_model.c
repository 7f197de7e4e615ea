/* SPDX-License-Identifier: BSD-2-Clause */
/* The figures of a report: sums, the on-core split and its interval, quantiles, groups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include "scenario.h"
#include "model/group.h"
#include "model/split.h"
#include "model/syscalls.h"

static __u64 on_parts(const struct ft_mthread *t)
{
	return t->state_ns[FT_R_ON_GIL] + t->state_ns[FT_R_ON_FREE] + t->state_ns[FT_R_ON_SPIN];
}

/* Whatever is odd about the record, the parts are the whole. */
static void test_split_adds_up(void **state)
{
	static const struct {
		__u64 on, exact[FT_ON_CNT], ticks[FT_ON_CNT];
	} rows[] = {
		{0, {0, 0, 0}, {0, 0, 0}},
		{1, {0, 0, 0}, {1, 1, 1}},
		{1000000007, {0, 0, 0}, {3, 3, 1}},
		{1000000007, {10, 20, 30}, {3, 3, 1}},
		{1000000007, {0, 0, 0}, {0, 0, 0}},
		{100, {60, 60, 0}, {1, 0, 0}}, /* more exact than there is */
		{UINT64_MAX / 4, {0, 0, 0}, {UINT64_MAX, UINT64_MAX, 5}},
		{UINT64_MAX / 4, {0, 0, 0}, {UINT64_MAX / 2, 7, 5}},
	};
	struct ft_split_ctx ctx = {.tick_cnt = {5, 3, 1}};
	size_t i;
	int off;

	(void)state;
	for (off = 0; off < 2; off++) {
		ctx.gil_off = off;
		for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			struct ft_thread_rec rec = {0};
			struct ft_mthread t = {0};

			rec.t.state_ns[FT_ST_ON] = rows[i].on;
			memcpy(rec.t.exact_ns, rows[i].exact, sizeof(rec.t.exact_ns));
			memcpy(rec.t.tick_cnt, rows[i].ticks, sizeof(rec.t.tick_cnt));
			ft_split_thread(&ctx, &rec, &t);
			assert_true(on_parts(&t) == rows[i].on);
			assert_true(t.on_split_err_ns <= t.on_ns);
		}
	}
}

static void test_split_values(void **state)
{
	struct ft_split_ctx ctx = {.tick_cnt = {900, 100, 0}};
	struct ft_thread_rec rec = {0};
	struct ft_mthread t = {0};

	(void)state;
	/* 200 ms exact, the other 800 ms by 750:250 ticks */
	rec.t.state_ns[FT_ST_ON] = 1000 * MS;
	rec.t.exact_ns[FT_ON_GIL] = 150 * MS;
	rec.t.exact_ns[FT_ON_FREE] = 50 * MS;
	rec.t.tick_cnt[FT_ON_GIL] = 750;
	rec.t.tick_cnt[FT_ON_FREE] = 250;
	ft_split_thread(&ctx, &rec, &t);
	assert_true(t.state_ns[FT_R_ON_GIL] == 750 * MS);
	assert_true(t.state_ns[FT_R_ON_FREE] == 250 * MS);
	assert_true(t.on_ticked_ns == 800 * MS);
	/* normal approximation: 2.576 * sqrt(.75 * .25 / 1000) = 3.53 %; Wilson is close to it */
	assert_true(t.on_split_err_ns > 27 * MS && t.on_split_err_ns < 30 * MS);

	/* all exact: nothing is uncertain, ticks or not */
	rec.t.exact_ns[FT_ON_GIL] = 600 * MS;
	rec.t.exact_ns[FT_ON_FREE] = 400 * MS;
	ft_split_thread(&ctx, &rec, &t);
	assert_true(t.state_ns[FT_R_ON_GIL] == 600 * MS && t.on_split_err_ns == 0);

	/* no ticks: the process's shares, and the whole of it as the error */
	memset(&rec, 0, sizeof(rec));
	memset(&t, 0, sizeof(t));
	rec.t.state_ns[FT_ST_ON] = 10 * MS;
	ft_split_thread(&ctx, &rec, &t);
	assert_true(t.state_ns[FT_R_ON_GIL] == 9 * MS && t.state_ns[FT_R_ON_FREE] == 1 * MS);
	assert_true(t.on_split_err_ns == 10 * MS);

	/* a GIL that is off is held by nobody */
	ctx.gil_off = true;
	memset(&t, 0, sizeof(t));
	rec.t.tick_cnt[FT_ON_GIL] = 3;
	rec.t.tick_cnt[FT_ON_SPIN] = 1;
	rec.t.exact_ns[FT_ON_GIL] = 2 * MS;
	ft_split_thread(&ctx, &rec, &t);
	assert_true(t.state_ns[FT_R_ON_GIL] == 0);
	assert_true(t.state_ns[FT_R_ON_FREE] == 8 * MS && t.state_ns[FT_R_ON_SPIN] == 2 * MS);
}

/* The printed interval covers the truth at least 99 times in 100, in draws of known shares. */
static void test_interval_covers(void **state)
{
	static const double truth[] = {0.01, 0.1, 0.3, 0.5, 0.7, 0.95, 0.999};
	static const unsigned int sizes[] = {10, 100, 1000};
	size_t i, j;

	(void)state;
	srand(4);
	for (i = 0; i < sizeof(truth) / sizeof(truth[0]); i++) {
		for (j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
			int runs = 1000, out = 0, r;

			for (r = 0; r < runs; r++) {
				unsigned int k = 0, n;

				for (n = 0; n < sizes[j]; n++)
					k += rand() / (RAND_MAX + 1.0) < truth[i];
				out += fabs((double)k / sizes[j] - truth[i]) >
				       ft_wilson_err(k, sizes[j]);
			}
			/* 10 expected, and room for chance */
			assert_true(out <= 22);
		}
	}
	assert_true(ft_wilson_err(0, 0) == 1);
	assert_true(ft_wilson_err(5, 5) <= 1 && ft_wilson_err(0, 5) <= 1);
	assert_true(ft_wilson_err(500000, 1000000) < 0.0013);
}

static void test_quantile(void **state)
{
	__u64 hist[FT_HIST_LEN] = {0};
	__u64 i;

	(void)state;
	assert_int_equal(ft_hist_quantile(hist, FT_HIST_LEN, 0.5), 0);
	for (i = 1; i <= 1000; i++)
		hist[ft_hist_index(i * 1000)]++;
	assert_in_range(ft_hist_quantile(hist, FT_HIST_LEN, 0.5), 484000, 516000);
	assert_in_range(ft_hist_quantile(hist, FT_HIST_LEN, 0.99), 958000, 1022000);
	assert_in_range(ft_hist_quantile(hist, FT_HIST_LEN, 0), 968, 1032);
	assert_in_range(ft_hist_quantile(hist, FT_HIST_LEN, 1), 968000, 1032000);
	hist[0] = UINT64_MAX;
	hist[1] = UINT64_MAX;
	assert_true(ft_hist_quantile(hist, FT_HIST_LEN, 0.9) <= 1);
}

static void test_sums(void **state)
{
	struct scenario *sc = sc_web();
	__u64 all[FT_R_CNT] = {0}, life = 0, group_life = 0;
	struct ft_level lv[FT_LEVELS_MAX];
	struct ft_model m;
	size_t i, s;

	(void)state;
	assert_int_equal(sc_model(sc, &m), 0);
	assert_int_equal(m.thread_cnt, 13);
	for (i = 0; i < m.thread_cnt; i++) {
		__u64 sum = 0;

		for (s = 0; s < FT_R_CNT; s++) {
			sum += m.threads[i].state_ns[s];
			all[s] += m.threads[i].state_ns[s];
		}
		assert_true((__s64)(m.threads[i].lifetime_ns - sum) == m.threads[i].residual_ns);
		assert_int_equal(m.threads[i].residual_ns, 0);
		life += m.threads[i].lifetime_ns;
	}
	assert_memory_equal(all, m.all.state_ns, sizeof(all));
	assert_true(life == m.all.lifetime_ns);
	for (i = 0; i < m.group_cnt; i++)
		group_life += m.groups[i].sum.lifetime_ns;
	assert_true(life == group_life);
	assert_true(m.held_ns == m.all.state_ns[FT_R_ON_GIL] + m.held_off_ns);
	assert_true(m.held_off_ns == 180 * MS);
	assert_int_equal(m.waits_lo, m.waits - 13);
	assert_int_equal(m.waits_hi, m.waits + 20);
	assert_true(m.by_origin[FT_OR_BLOCKING].waits == 920);
	assert_in_range(m.by_origin[FT_OR_BLOCKING].p50_ns, 4750000, 5050000);
	assert_in_range(m.by_origin[FT_OR_BLOCKING].p99_ns, 30 * MS, 31 * MS);
	assert_true(m.wait_p99_ns <= m.wait_max_ns);
	assert_true(fabs(m.par_mean - (8600 + 2 * 600 + 3 * 100) / 9300.0) < 1e-9);
	assert_true(m.par_any_ns == 9300 * MS && m.par_max == 3);
	assert_true(fabs(m.lost_cores - 2.1) < 1e-9);
	assert_true(fabs(m.self_core_share - 0.004) < 1e-9);
	assert_int_equal(ft_model_levels(&m, lv), 4);
	assert_true(lv[3].lo == 3 && lv[3].hi == 3 && lv[3].ns == 100 * MS);
	assert_string_equal(m.top_syscalls[0].name, "epoll_wait");
	ft_model_free(&m);
	ft_model_free(&m);
	ft_model_free(NULL);
	sc_free(sc);
}

static void test_cores(void **state)
{
	static const struct {
		__u32 allowed, possible;
		double quota;
		__u32 cores;
		double limit;
	} rows[] = {
		{4, 64, 0, 4, 4},  {4, 64, 1.5, 2, 1.5}, {4, 64, 8, 4, 4},
		{0, 0, 0, 1, 1},   {0, 3, 0, 3, 3},	 {4, 64, 0.1, 1, 0.1},
		{4, 64, -1, 4, 4}, {4, 64, NAN, 4, 4},	 {4, 64, 3.2, 4, 3.2},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scenario *sc = sc_new(1000, 1, FT_GIL_ON);
		struct ft_model m;

		sc->info.cpus_cnt = rows[i].allowed;
		sc->info.cpu_cnt = rows[i].possible;
		sc->info.quota = rows[i].quota;
		assert_int_equal(sc_model(sc, &m), 0);
		assert_int_equal(m.cores, rows[i].cores);
		assert_true(m.core_limit == rows[i].limit);
		ft_model_free(&m);
		sc_free(sc);
	}
}

static void test_levels_of_many_cores(void **state)
{
	struct scenario *sc = sc_new(1000, 8, FT_GIL_OFF);
	struct ft_level lv[FT_LEVELS_MAX];
	struct ft_model m;
	size_t i, cnt;
	__u64 sum = 0;

	(void)state;
	for (i = 0; i <= FT_MAX_CPUS; i++)
		sc->totals.level_ns[i] = i + 1;
	assert_int_equal(sc_model(sc, &m), 0);
	cnt = ft_model_levels(&m, lv);
	for (i = 0; i < cnt; i++)
		sum += lv[i].ns;
	assert_true(sum == (FT_MAX_CPUS + 1ull) * (FT_MAX_CPUS + 2ull) / 2);
	assert_true(lv[4].lo == 4 && lv[4].hi == 7 && lv[cnt - 1].hi == FT_MAX_CPUS);
	ft_model_free(&m);
	sc_free(sc);
}

static void test_group_key(void **state)
{
	static const struct {
		const char *name, *key;
	} rows[] = {
		{"ThreadPoolExecutor-0_3", "ThreadPoolExecutor"},
		{"ThreadPoolExecu", "ThreadPoolExecu"},
		{"pool-0_12", "pool"},
		{"Thread-7 (worker)", "Thread (worker)"},
		{"Thread-12 (work", "Thread (work"},
		{"python3", "python"},
		{"42", "42"},
		{"-_-", "-_-"},
		{"", ""},
		{"worker (7)", "worker"},
		{"a (b", "a (b"},
	};
	char key[32];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ft_group_key(rows[i].name, key, sizeof(key));
		assert_string_equal(key, rows[i].key);
	}
	ft_group_key("\xff\xfe\x01 \x80 7", key, sizeof(key));
	ft_group_key("long name that does not fit at all 7", key, 4);
	assert_int_equal(strlen(key), 3);
}

static void test_groups(void **state)
{
	struct scenario *sc = sc_new(5000, 4, FT_GIL_ON);
	char name[32];
	struct ft_model m;
	size_t i;

	(void)state;
	sc_add(sc, (struct sc_thread){.name = "Thread-1 (work)", .on = 1});
	for (i = 1; i <= 11; i++) {
		snprintf(name, sizeof(name), "Thread-%zu (worker)", i);
		sc_add(sc, (struct sc_thread){.name = name, .on = (__u32)i});
	}
	sc_add(sc, (struct sc_thread){.name = "other", .on = 1000});
	for (i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "nat%zu", i);
		sc_add(sc, (struct sc_thread){.name = name, .on = 2});
		sc->recs[sc->cnt - 1].t.flags = 0;
	}
	assert_int_equal(sc_model(sc, &m), 0);
	assert_int_equal(m.group_cnt, 4);
	assert_string_equal(m.groups[0].name, "other");
	assert_int_equal(m.groups[1].cnt, 11);
	assert_non_null(strstr(m.groups[1].name, " x11"));
	assert_int_equal(m.threads[m.groups[1].first].on_ns, 11 * MS);
	assert_string_equal(m.groups[2].name, "nat (native) x3");
	/* alike, but the main thread */
	assert_string_equal(m.groups[3].name, "Thread-1 (work) (main)");
	assert_int_equal(m.groups[3].sum.tid, 4312);
	ft_model_free(&m);
	sc_free(sc);
}

static void test_events_and_damage(void **state)
{
	struct scenario *sc = sc_new(1000, 1, FT_GIL_ON);
	struct ft_model_src src = {.info = &sc->info, .totals = &sc->totals, .damage = "cut"};
	struct ft_model m;

	(void)state;
	sc->totals.sums.cnt[FT_CN_EVENTS] = 90;
	sc->totals.sums.cnt[FT_CN_LOST_RING] = 4;
	sc->totals.events_dropped = 5;
	sc->totals.events_malformed = 1;
	sc->totals.sums.cnt[FT_CN_NO_SLOT] = 2;
	assert_int_equal(ft_model_from(&src, &m), 0);
	assert_int_equal(m.lost, 10);
	assert_true(fabs(m.loss_share - 0.1) < 1e-9);
	assert_int_equal(m.missed_threads, 2);
	assert_string_equal(m.damage, "cut");
	assert_int_equal(m.verdict.kind, FT_V_INCONCLUSIVE);
	ft_model_free(&m);
	src.cnt = 1;
	assert_int_equal(ft_model_from(&src, &m), -EINVAL);
	src.cnt = 0;
	src.info = NULL;
	assert_int_equal(ft_model_from(&src, &m), -EINVAL);
	sc_free(sc);
}

/* A file whose numbers are noise gives nonsense, and no crash. */
static void test_noise(void **state)
{
	int round;

	(void)state;
	srand(7);
	for (round = 0; round < 50; round++) {
		struct scenario *sc = sc_new(1000, 2, FT_GIL_ON);
		struct ft_model m;
		unsigned char *p;
		size_t i, j;

		for (j = 0; j < 5; j++)
			sc_add(sc, (struct sc_thread){.name = "x", .on = 5});
		for (j = 0; j < sc->cnt; j++)
			for (p = (unsigned char *)&sc->recs[j], i = 0; i < sizeof(*sc->recs); i++)
				p[i] = (unsigned char)rand();
		for (p = (unsigned char *)&sc->totals, i = 0; i < sizeof(sc->totals); i++)
			p[i] = (unsigned char)rand();
		sc->info.gil = (__u32)round % 5;
		assert_int_equal(sc_model(sc, &m), 0);
		for (i = 0; i < m.thread_cnt; i++)
			assert_true(on_parts(&m.threads[i]) == m.threads[i].on_ns);
		ft_model_free(&m);
		sc_free(sc);
	}
}

static void test_names(void **state)
{
	char buf[24];
	int i;

	(void)state;
	for (i = 0; i < FT_R_CNT; i++)
		assert_string_not_equal(ft_rstate_name((enum ft_rstate)i), "unknown");
	assert_string_equal(ft_rstate_words(FT_R_ON_FREE, true), "native, GIL free");
	assert_string_equal(ft_rstate_words(FT_R_ON_FREE, false), "running");
	assert_string_equal(ft_verdict_name(FT_V_IDLE), "idle");
	assert_string_equal(ft_verdict_name((enum ft_verdict_kind)99), "inconclusive");
	ft_syscall_name(0, buf, sizeof(buf));
	assert_string_equal(buf, "read");
	ft_syscall_name(232, buf, sizeof(buf));
	assert_string_equal(buf, "epoll_wait");
	ft_syscall_name(441, buf, sizeof(buf));
	assert_string_equal(buf, "epoll_pwait2");
	ft_syscall_name(400, buf, sizeof(buf));
	assert_string_equal(buf, "system call 400");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split_adds_up),
		cmocka_unit_test(test_split_values),
		cmocka_unit_test(test_interval_covers),
		cmocka_unit_test(test_quantile),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_cores),
		cmocka_unit_test(test_levels_of_many_cores),
		cmocka_unit_test(test_group_key),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_events_and_damage),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
