/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Comparing small samples: against the published tables of the rank-sum test, a worked example of
 * the literature, all orders counted one by one, and simulated runs of one program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "model/compare_stats.h"

/* Critical values of U, two-sided 1 %: a table of every textbook. U up to it is significant. */
static void test_table(void **state)
{
	static const struct {
		size_t na, nb, u;
	} table[] = {
		{5, 5, 0},   {5, 6, 1},	   {5, 7, 1}, {5, 8, 2},    {5, 9, 3},	  {5, 10, 4},
		{6, 6, 2},   {6, 7, 3},	   {6, 8, 4}, {6, 9, 5},    {6, 10, 6},	  {7, 7, 4},
		{7, 8, 6},   {7, 10, 9},   {8, 8, 7}, {8, 10, 11},  {9, 9, 11},	  {10, 10, 16},
		{4, 6, 0},   {4, 10, 2},   {3, 9, 0}, {12, 12, 27}, {15, 15, 51}, {20, 20, 105},
		{5, 20, 13}, {10, 20, 42},
	};
	struct ft_rank r, swapped;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(ft_rank_of_two(table[i].na, table[i].nb, &r), 0);
		assert_int_equal(r.k, table[i].u + 1);
		assert_true(r.coverage >= 0.99 && r.coverage < 1);
		assert_int_equal(ft_rank_of_two(table[i].nb, table[i].na, &swapped), 0);
		assert_int_equal(swapped.k, r.k);
		assert_true(fabs(swapped.coverage - r.coverage) < 1e-12);
	}
}

/* Where 99 % cannot be had: the best there is, down to 95 %; below that none. */
static void test_few(void **state)
{
	struct ft_rank r;

	(void)state;
	assert_int_equal(ft_rank_of_two(5, 5, &r), 0);
	assert_true(fabs(r.coverage - (1 - 2.0 / 252)) < 1e-12);
	assert_int_equal(ft_rank_of_two(4, 4, &r), 0);
	assert_int_equal(r.k, 1);
	assert_true(fabs(r.coverage - (1 - 2.0 / 70)) < 1e-12);
	assert_int_equal(ft_rank_of_two(3, 5, &r), 0);
	assert_int_equal(r.k, 1);
	assert_true(fabs(r.coverage - (1 - 2.0 / 56)) < 1e-12);
	/* 3 and 3: 90 %, 3 and 4: 94.3 %, 1 and 30: 93.5 % */
	assert_int_equal(ft_rank_of_two(3, 3, &r), 0);
	assert_int_equal(r.k, 0);
	assert_true(r.coverage == 0);
	assert_int_equal(ft_rank_of_two(3, 4, &r), 0);
	assert_int_equal(r.k, 0);
	assert_int_equal(ft_rank_of_two(1, 30, &r), 0);
	assert_int_equal(r.k, 0);
	assert_int_equal(ft_rank_of_two(0, 5, &r), 0);
	assert_int_equal(r.k, 0);
	assert_int_equal(ft_rank_of_two(5, FT_STATS_MAX + 1, &r), 0);
	assert_int_equal(r.k, 0);
	assert_int_equal(ft_rank_of_two(FT_STATS_MAX, FT_STATS_MAX, &r), 0);
	/* as the normal distribution has it, which is good for so many */
	assert_true(fabs((double)r.k - (2048 - 2.5758 * sqrt(64 * 64 * 129 / 12.0))) < 6);
	assert_true(r.coverage >= 0.99 && r.coverage < 0.9905);
}

/* Every way to choose which of the ranks are sample a's, counted. */
static void test_all_orders(void **state)
{
	size_t na, nb, bits, k;

	(void)state;
	for (na = 1; na <= 7; na++) {
		for (nb = 1; nb <= 7; nb++) {
			size_t n = na + nb, all = 0, at_most[64] = {0};
			struct ft_rank r;

			for (bits = 0; bits < (size_t)1 << n; bits++) {
				size_t u = 0, below = 0, i;

				if ((size_t)__builtin_popcountll(bits) != na)
					continue;
				for (i = 0; i < n; i++) {
					if (bits >> i & 1)
						u += below;
					else
						below++;
				}
				all++;
				for (k = u; k < 64; k++)
					at_most[k]++;
			}
			assert_int_equal(ft_rank_of_two(na, nb, &r), 0);
			if (r.k)
				assert_true(fabs(r.coverage - (1 - 2.0 * (double)at_most[r.k - 1] /
									   (double)all)) < 1e-12);
			/* one further in would be less than is wanted */
			assert_true(1 - 2.0 * (double)at_most[r.k] / (double)all <
				    (r.k ? 0.99 : 0.95));
		}
	}
}

static void test_median_rank(void **state)
{
	struct ft_rank r;

	(void)state;
	assert_int_equal(ft_rank_of_median(0).k, 0);
	r = ft_rank_of_median(1);
	assert_int_equal(r.k, 1);
	assert_true(r.coverage == 0);
	r = ft_rank_of_median(5);
	assert_int_equal(r.k, 1);
	assert_true(fabs(r.coverage - 0.9375) < 1e-12);
	r = ft_rank_of_median(8);
	assert_int_equal(r.k, 1);
	assert_true(fabs(r.coverage - 0.9921875) < 1e-12);
	/* the sign test's table at 1 %: 12: 1, 20: 3, 30: 7 */
	assert_int_equal(ft_rank_of_median(12).k, 2);
	assert_int_equal(ft_rank_of_median(20).k, 4);
	assert_int_equal(ft_rank_of_median(30).k, 8);
}

/*
 * Hollander and Wolfe, Nonparametric Statistical Methods: permeability of the membrane at term and
 * at 12 to 26 weeks. Estimate 0.305, interval of 96 % from -0.15 to 0.76.
 */
static void test_textbook(void **state)
{
	static const double y[] = {0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46};
	static const double x[] = {1.15, 0.88, 0.90, 0.74, 1.21};
	const struct ft_rank r = {.k = 9, .coverage = 0.96};
	struct ft_estimate e;

	(void)state;
	assert_int_equal(ft_estimate(x, 5, y, 10, false, &r, &e), 0);
	assert_false(e.ratio);
	assert_true(fabs(e.mid - 0.305) < 1e-9);
	assert_true(fabs(e.lo + 0.15) < 1e-9);
	assert_true(fabs(e.hi - 0.76) < 1e-9);
	assert_int_equal(e.sign, 0);
	assert_true(e.coverage == 0.96);
}

static void test_ratio(void **state)
{
	static const double a[] = {10, 11, 12, 13, 14};
	double b[5], zero[5] = {10, 0, 12, 13, 14};
	struct ft_estimate e, back;
	struct ft_rank r;
	size_t i;

	(void)state;
	assert_int_equal(ft_rank_of_two(5, 5, &r), 0);
	for (i = 0; i < 5; i++)
		b[i] = a[i] * 2;
	assert_int_equal(ft_estimate(a, 5, b, 5, true, &r, &e), 0);
	assert_true(e.ratio);
	/* for each pair there is the one the other way round: their medians meet at 2 */
	assert_true(fabs(e.mid - 2) < 1e-9);
	assert_true(fabs(e.lo - 20.0 / 14) < 1e-9);
	assert_true(fabs(e.hi - 28.0 / 10) < 1e-9);
	assert_int_equal(e.sign, 1);
	assert_int_equal(ft_estimate(b, 5, a, 5, true, &r, &back), 0);
	assert_int_equal(back.sign, -1);
	assert_true(fabs(back.mid * e.mid - 1) < 1e-9);
	assert_true(fabs(back.lo * e.hi - 1) < 1e-9);
	/* nothing can be divided by 0: the difference */
	assert_int_equal(ft_estimate(a, 5, zero, 5, true, &r, &e), 0);
	assert_false(e.ratio);
	assert_int_equal(e.sign, 0);
	assert_true(e.mid <= 0);
	assert_int_equal(ft_estimate(zero, 5, a, 5, true, &r, &e), 0);
	assert_false(e.ratio);
}

static void test_ties(void **state)
{
	static const double zeros[5] = {0}, same[5] = {7, 7, 7, 7, 7}, some[5] = {0, 0, 0, 0, 3};
	static const double above[5] = {7, 8, 8, 8, 8};
	struct ft_estimate e;
	struct ft_rank r;

	(void)state;
	assert_int_equal(ft_rank_of_two(5, 5, &r), 0);
	assert_int_equal(ft_estimate(zeros, 5, zeros, 5, true, &r, &e), 0);
	assert_true(!e.ratio && e.sign == 0 && e.mid == 0 && e.lo == 0 && e.hi == 0);
	assert_int_equal(ft_estimate(same, 5, same, 5, true, &r, &e), 0);
	assert_true(e.ratio && e.sign == 0 && e.mid == 1 && e.lo == 1 && e.hi == 1);
	assert_int_equal(ft_estimate(zeros, 5, some, 5, true, &r, &e), 0);
	assert_true(e.sign == 0 && e.lo == 0 && e.hi == 3);
	/* one value that both have: no proof at this level */
	assert_int_equal(ft_estimate(same, 5, above, 5, true, &r, &e), 0);
	assert_int_equal(e.sign, 0);
	assert_int_equal(ft_estimate(zeros, 5, same, 5, true, &r, &e), 0);
	assert_true(!e.ratio && e.sign == 1 && e.lo == 7 && e.hi == 7);
}

/* Without an interval: no claim, and the range of all pairs. */
static void test_no_interval(void **state)
{
	static const double a[] = {10, 20}, b[] = {100, 200};
	struct ft_estimate e;
	struct ft_rank r;

	(void)state;
	assert_int_equal(ft_rank_of_two(2, 2, &r), 0);
	assert_int_equal(ft_estimate(a, 2, b, 2, true, &r, &e), 0);
	assert_true(e.sign == 0 && e.coverage == 0);
	assert_true(fabs(e.lo - 5) < 1e-9 && fabs(e.hi - 20) < 1e-9 && fabs(e.mid - 10) < 1e-9);
	assert_int_equal(ft_estimate(a, 0, b, 2, true, &r, &e), 0);
	assert_true(e.mid == 0 && e.sign == 0);
}

static uint64_t seed = 20260731;

static double uniform(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return ((double)(seed >> 11) + 0.5) / 9007199254740992.0;
}

/* Wall times as they are: a floor, a skewed tail, now and then a run that was disturbed. */
static double wall_time(void)
{
	double t = 1 - 0.05 * log(uniform());

	return uniform() < 0.1 ? t * (1 + uniform()) : t;
}

static double clock_ticks(void)
{
	return floor(wall_time() * 20);
}

/* How often two sets of n runs of one program come out as different, in `times` experiments. */
static double alarms(double (*draw)(void), size_t n, size_t times, double factor)
{
	size_t i, k, found = 0;
	struct ft_estimate e;
	struct ft_rank r;
	double a[16], b[16];

	assert_int_equal(ft_rank_of_two(n, n, &r), 0);
	for (i = 0; i < times; i++) {
		for (k = 0; k < n; k++) {
			a[k] = draw();
			b[k] = draw() * factor;
		}
		assert_int_equal(ft_estimate(a, n, b, n, true, &r, &e), 0);
		found += e.sign != 0;
	}
	return (double)found / (double)times;
}

static void test_simulated(void **state)
{
	static const struct {
		size_t n;
		double level; /* of false alarms: 1 - coverage, exact */
	} sizes[] = {{4, 2.0 / 70}, {5, 2.0 / 252}, {6, 8.0 / 924}, {10, 0}};
	const size_t times = 20000;
	struct ft_rank r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		double level = sizes[i].level, sd, rate;

		assert_int_equal(ft_rank_of_two(sizes[i].n, sizes[i].n, &r), 0);
		if (level > 0)
			assert_true(fabs(1 - r.coverage - level) < 1e-12);
		level = 1 - r.coverage;
		sd = sqrt(level * (1 - level) / (double)times);
		rate = alarms(wall_time, sizes[i].n, times, 1);
		/* as often as the level says, and not more rarely either: it is exact */
		assert_true(fabs(rate - level) < 4 * sd);
		/* with ties more rarely */
		assert_true(alarms(clock_ticks, sizes[i].n, times, 1) < level + 4 * sd);
	}
	/* and what is there is found */
	assert_true(alarms(wall_time, 5, 1000, 3) > 0.99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),	   cmocka_unit_test(test_few),
		cmocka_unit_test(test_all_orders), cmocka_unit_test(test_median_rank),
		cmocka_unit_test(test_textbook),   cmocka_unit_test(test_ratio),
		cmocka_unit_test(test_ties),	   cmocka_unit_test(test_no_interval),
		cmocka_unit_test(test_simulated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
