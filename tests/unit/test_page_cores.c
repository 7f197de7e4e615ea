/* SPDX-License-Identifier: BSD-2-Clause */
/* Lanes of cores: spans out of order, two on one core at once, others' time, gaps, and merging. */
#include "page_read.h"

#include <stdio.h>

#include "export/page_priv.h"

static __u64 seed = 88172645463325252ull;

static __u64 rnd(__u64 below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % below;
}

static struct ft_page_cores *new_cores(__u32 length)
{
	struct ft_page_cores *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	c->length = length;
	return c;
}

static void free_cores(struct ft_page_cores *c)
{
	ft_page_cores_free(c);
	free(c);
}

static void on(struct ft_page_cores *c, __u32 cpu, __u32 thr, __u32 from, __u32 to, int what)
{
	__u32 part[FT_ON_CNT] = {0};

	part[what] = to - from;
	assert_int_equal(ft_page_cores_on(c, cpu, thr, from, to, part), 0);
}

/* Reads the only core's lane, which must cover all of the time. The caller frees it. */
static struct got *read_core(struct ft_page_cores *c, __u32 detail, __u64 *cnt)
{
	struct ft_bytes b = {0};
	struct got *g;
	struct in r;
	__u64 at;

	assert_int_equal(ft_page_cores_merge(c, detail), 0);
	assert_int_equal(ft_page_cores_put(c, detail, &b), 0);
	r = (struct in){b.p, b.p + b.len};
	*cnt = in_v(&r);
	at = in_v(&r);
	assert_int_equal(at, 0);
	g = calloc(*cnt + 1, sizeof(*g));
	assert_non_null(g);
	for (__u64 i = 0; i < *cnt; i++) {
		got_core(&r, &at, &g[i]);
		assert_true(g[i].len);
	}
	assert_int_equal(at, c->length);
	assert_ptr_equal(r.p, r.end);
	ft_bytes_free(&b);
	return g;
}

struct want {
	__u64 at, len, tag, thr;
};

static void expect(struct ft_page_cores *c, __u32 detail, const struct want *w, __u64 n)
{
	__u64 cnt;
	struct got *g = read_core(c, detail, &cnt);

	assert_int_equal(cnt, n);
	for (__u64 i = 0; i < n; i++) {
		assert_int_equal(g[i].at, w[i].at);
		assert_int_equal(g[i].len, w[i].len);
		assert_int_equal(g[i].tag, w[i].tag);
		assert_int_equal(g[i].thr, w[i].thr);
	}
	free(g);
}

static void test_order(void **state)
{
	static const struct want want[] = {{0, 100, 3, 0},   {100, 50, 0, 2}, {150, 10, 1, 1},
					   {160, 140, 3, 0}, {300, 20, 2, 0}, {320, 680, 3, 0}};
	struct ft_page_cores *c = new_cores(1000);

	(void)state;
	on(c, 3, 0, 300, 320, FT_ON_SPIN);
	on(c, 3, 1, 150, 160, FT_ON_FREE);
	on(c, 3, 2, 100, 150, FT_ON_GIL);
	/* none of these is on a core of the page */
	on(c, 3, 2, 150, 150, FT_ON_GIL);
	on(c, FT_SPAN_NO_CPU, 2, 150, 250, FT_ON_GIL);
	expect(c, 0, want, 6);
	free_cores(c);
}

/* Where cores were guessed, spans may claim the same time: the first one has it. */
static void test_overlap(void **state)
{
	static const struct want want[] = {
		{0, 100, 0, 1}, {100, 60, 1, 2}, {160, 40, 0, 3}, {200, 800, 3, 0}};
	struct ft_page_cores *c = new_cores(1000);

	(void)state;
	on(c, 0, 1, 0, 100, FT_ON_GIL);
	on(c, 0, 4, 20, 90, FT_ON_GIL);
	on(c, 0, 2, 50, 160, FT_ON_FREE);
	on(c, 0, 3, 100, 200, FT_ON_GIL);
	expect(c, 0, want, 4);
	free_cores(c);
}

static void test_others(void **state)
{
	struct ft_page_cores *c = new_cores(1000);
	struct got *g;
	__u64 cnt;

	(void)state;
	/* 60 of the 80 that the core was away in the first window, nothing known in the second */
	on(c, 0, 1, 20, 40, FT_ON_GIL);
	assert_int_equal(ft_page_cores_other(c, 0, 0, 100, 60), 0);
	/* a window that gives more than there is, and one that reaches into the one before */
	on(c, 0, 1, 510, 600, FT_ON_GIL);
	assert_int_equal(ft_page_cores_other(c, 0, 500, 600, 50), 0);
	assert_int_equal(ft_page_cores_other(c, 0, 550, 650, 20), 0);
	g = read_core(c, 0, &cnt);
	assert_int_equal(cnt, 8);
	assert_int_equal(g[0].share[3], 191);
	assert_int_equal(g[2].at, 40);
	assert_int_equal(g[2].len, 60);
	assert_int_equal(g[2].share[3], 191);
	assert_int_equal(g[3].len, 400);
	assert_int_equal(g[3].share[3], 0);
	assert_int_equal(g[4].share[3], 255);
	assert_int_equal(g[6].at, 600);
	assert_int_equal(g[6].len, 50);
	assert_int_equal(g[6].share[3], 51);
	assert_int_equal(g[7].share[3], 0);
	free(g);
	free_cores(c);
}

/* What a core did while events were lost is not known, unless it is. */
static void test_gaps(void **state)
{
	static const struct want want[] = {{0, 100, 3, 0},
					   {100, 100, 13, 0},
					   {200, 50, 0, 1},
					   {250, 50, 13, 0},
					   {300, 700, 3, 0}};
	struct ft_page_cores *c = new_cores(1000);

	(void)state;
	on(c, 0, 1, 200, 250, FT_ON_GIL);
	assert_int_equal(ft_page_cores_gap(c, 150, 300), 0);
	assert_int_equal(ft_page_cores_gap(c, 100, 200), 0);
	assert_int_equal(ft_page_cores_gap(c, 700, 700), 0);
	expect(c, 0, want, 5);
	free_cores(c);
}

#define UNITS 3000000u

/* Runs and sleeps by turns; the truth is kept by unit. */
static void tell(struct ft_page_cores *c, __u8 *who, __u32 cnt)
{
	__u32 at = 0, from[2000], to[2000], thr[2000], what[2000], n = 0, i;

	while (n < cnt) {
		at += 1 + (__u32)rnd(rnd(3) ? 40 : 3000);
		from[n] = at;
		at += 1 + (__u32)rnd(rnd(3) ? 60 : 3000);
		to[n] = at;
		thr[n] = 1 + (__u32)rnd(5);
		what[n] = (__u32)rnd(3);
		assert_true(at < UNITS);
		memset(who + from[n], (int)(thr[n] * 4 + what[n]), to[n] - from[n]);
		n++;
	}
	/* a thread that sleeps long tells of its time on a core long after */
	for (i = 0; i < n; i++) {
		__u32 k = i + (__u32)rnd(n - i);

		on(c, 0, thr[k], from[k], to[k], (int)what[k]);
		from[k] = from[i];
		to[k] = to[i];
		thr[k] = thr[i];
		what[k] = what[i];
		if (i == n / 3)
			assert_int_equal(ft_page_cores_merge(c, 20), 0);
	}
}

static void test_merged(void **state)
{
	static const __u32 step[] = {20, 50, 1000, 10000, UNITS};
	struct ft_page_cores *c = new_cores(UNITS);
	__u8 *who = calloc(UNITS, 1);
	double want[4] = {0}, others = 0;
	__u64 before = ~0ull;

	(void)state;
	assert_non_null(who);
	tell(c, who, 2000);
	for (__u32 i = 0; i < UNITS; i++)
		want[who[i] ? who[i] % 4 : 3]++;
	for (__u32 at = 0; at < UNITS; at += UNITS / 10) {
		__u32 away = 0;

		for (__u32 i = at; i < at + UNITS / 10; i++)
			away += !who[i];
		assert_int_equal(ft_page_cores_other(c, 0, at, at + UNITS / 10, (double)away / 4),
				 0);
		others += (double)away / 4;
	}
	for (size_t k = 0; k < sizeof(step) / sizeof(step[0]); k++) {
		double sum[4] = {0}, longest = 0;
		__u64 cnt;
		struct got *g = read_core(c, step[k], &cnt);

		assert_true(cnt < before);
		before = cnt;
		for (__u64 i = 0; i < cnt; i++) {
			for (int s = 0; s < 4; s++)
				sum[s] += g[i].share[s] * (double)g[i].len / 255;
			if (g[i].tag < 3)
				sum[g[i].tag] += (double)g[i].len;
			/* what stays a span is true for all of it */
			for (__u64 u = g[i].at; g[i].tag < 3 && u < g[i].at + g[i].len; u++)
				assert_int_equal(who[u], g[i].thr * 4 + g[i].tag);
			for (__u64 u = g[i].at; g[i].tag == 3 && u < g[i].at + g[i].len; u++)
				assert_int_equal(who[u], 0);
			if (g[i].tag == 14 && (double)g[i].len > longest)
				longest = (double)g[i].len;
		}
		for (int s = 0; s < 3; s++)
			if (sum[s] - want[s] > longest / 60 + 1 ||
			    want[s] - sum[s] > longest / 60 + 1)
				fail_msg("detail %u, %d: %.0f is %.0f", step[k], s, sum[s],
					 want[s]);
		/* each time away is rounded to one of 255 */
		assert_true(sum[3] - others < want[3] / 200 + longest / 60 &&
			    others - sum[3] < want[3] / 200 + longest / 60);
		free(g);
	}
	free(who);
	free_cores(c);
}

/* The thread of a mixed span is the one with the most time in it. */
static void test_top(void **state)
{
	struct ft_page_cores *c = new_cores(1000);
	struct got *g;
	__u64 cnt;

	(void)state;
	for (__u32 at = 0; at < 900; at += 30) {
		on(c, 0, 1, at, at + 5, FT_ON_GIL);
		on(c, 0, 2, at + 5, at + 17, FT_ON_GIL);
		on(c, 0, 3, at + 17, at + 25, FT_ON_FREE);
	}
	g = read_core(c, 900, &cnt);
	assert_int_equal(g[0].tag, 14);
	assert_int_equal(g[0].thr, 2);
	assert_true(g[0].share[0] > g[0].share[1] && !g[0].share[2]);
	free(g);
	free_cores(c);
}

/* However many there are, windows and gaps take bounded room, and none of the others' time goes. */
static void test_bounds(void **state)
{
	struct ft_page_cores *c = new_cores(1u << 30);
	double sum = 0;

	(void)state;
	for (__u32 i = 0; i < 3 * FT_PAGE_WINDOWS_MAX; i++) {
		assert_int_equal(ft_page_cores_other(c, i % 7, i * 4000, i * 4000 + 3999, 2), 0);
		assert_true(c->windows <= FT_PAGE_WINDOWS_MAX);
		assert_int_equal(ft_page_cores_gap(c, i * 5000, i * 5000 + 10), 0);
		assert_true(c->gap_cnt <= FT_PAGE_GAPS_MAX);
	}
	for (__u32 k = 0; k < 7; k++)
		for (size_t i = 0; i < c->core[k].window_cnt; i++)
			sum += (double)c->core[k].window[i].others;
	assert_true(sum > 2.0 * 3 * FT_PAGE_WINDOWS_MAX - 1 &&
		    sum < 2.0 * 3 * FT_PAGE_WINDOWS_MAX + 1);
	free_cores(c);
}

/* Where joining takes but a few away it goes on: it sorts, so it must not be for each that comes.
 */
static void test_bounds_odd(void **state)
{
	struct ft_page_cores *c = new_cores(1u << 30);
	size_t joins[2] = {0}, windows, gaps;

	(void)state;
	for (__u32 i = 0, at = 0; i < 2 * FT_PAGE_GAPS_MAX; i++) {
		/* one of 500 is much nearer to the one before than the others are */
		at += i % 500 ? 6000 : 2u << i / 500 % 10;
		windows = c->windows;
		gaps = c->gap_cnt;
		assert_int_equal(ft_page_cores_other(c, 0, at, at + 1 + i % 1000, 1), 0);
		assert_int_equal(ft_page_cores_gap(c, at, at + 1), 0);
		joins[0] += c->windows <= windows;
		joins[1] += c->gap_cnt <= gaps;
	}
	assert_in_range(joins[0], 1, 3);
	assert_in_range(joins[1], 1, 3);
	free_cores(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),  cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_others), cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_merged), cmocka_unit_test(test_top),
		cmocka_unit_test(test_bounds), cmocka_unit_test(test_bounds_odd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
