/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the packed words and the histogram's buckets: wake-ups, concurrency, GIL waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/types.h>

#include "ftprof_state.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The wake word. */

static void test_wake_word(void **state)
{
	static const __u64 around[] = {0,
				       1,
				       1000,
				       (1ull << 47) - 1,
				       1ull << 47,
				       (1ull << 48) - 1,
				       1ull << 48,
				       (1ull << 48) + 1,
				       (5ull << 48) - 3,
				       (1ull << 63) + 5,
				       ~0ull - 10};
	static const __s64 off[] = {0,
				    1,
				    -1,
				    1000,
				    -1000,
				    60 * 1000000000ll,
				    -60 * 1000000000ll,
				    38ll * 3600 * 1000000000,
				    -38ll * 3600 * 1000000000};
	size_t i, k;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(around); i++) {
		for (k = 0; k < ARRAY_SIZE(off); k++) {
			__u64 wake = around[i] + off[k], word;

			word = ft_wake_pack(wake, FT_MAX_SLOTS, FT_WAKE_IN_SYSCALL);
			assert_int_equal(ft_wake_time(word, around[i]), wake);
			assert_int_equal(word & FT_WAKE_SLOT_MASK, FT_MAX_SLOTS);
			assert_true(word & FT_WAKE_IN_SYSCALL);
			assert_false(word & FT_WAKE_IN_FUTEX);
			word = ft_wake_pack(wake, 1, FT_WAKE_IN_FUTEX);
			assert_int_equal(ft_wake_time(word, around[i]), wake);
			assert_int_equal(word & FT_WAKE_SLOT_MASK, 1);
			assert_false(word & FT_WAKE_IN_SYSCALL);
			assert_true(word & FT_WAKE_IN_FUTEX);
		}
	}
	/* never "no wake-up", and the waker that stands in for it is not believed */
	assert_int_not_equal(ft_wake_pack(0, 0, 0), 0);
	assert_int_equal(ft_wake_pack(1ull << 48, 0, 0) & ~(__u64)FT_WAKE_SLOT_MASK, 0);
	/* a slot that does not fit must not spill into the flags */
	assert_int_equal(ft_wake_pack(7, 0xffffffff, 0) >> 14, 7 << 2);
}

/* The histogram. */

static void check_value(__u64 v)
{
	__u64 back = ft_hist_value(ft_hist_index(v));
	double err;

	assert_true(ft_hist_index(v) < FT_HIST_LEN);
	err = back > v ? (double)(back - v) : (double)(v - back);
	if (err > 0.032 * v)
		fail_msg("%llu comes back as %llu", (unsigned long long)v,
			 (unsigned long long)back);
}

static void test_hist(void **state)
{
	const __u64 end = 1ull << (FT_HIST_LEN / 16 + 3); /* above it all is in the last bucket */
	__u64 lo = 0;
	__u32 i;
	int b;

	(void)state;
	for (i = 0; i < 32; i++) { /* exact */
		assert_int_equal(ft_hist_index(i), i);
		assert_int_equal(ft_hist_value(i), i);
	}
	/* every bucket begins where the one before it ends, and its middle lies in it */
	for (i = 0; i < FT_HIST_LEN; i++) {
		__u64 mid = ft_hist_value(i), hi;

		assert_int_equal(ft_hist_index(lo), i);
		assert_int_equal(ft_hist_index(mid), i);
		assert_true(mid >= lo);
		hi = i < 32 ? lo + 1 : lo + (1ull << (i / 16 - 1));
		assert_true(mid < hi);
		assert_int_equal(ft_hist_index(hi - 1), i);
		check_value(lo);
		check_value(hi - 1);
		lo = hi;
	}
	assert_int_equal(lo, end);
	for (b = 0; b < 64; b++) {
		__u64 v = 1ull << b;

		assert_true(ft_hist_index(v - 1) <= ft_hist_index(v));
		assert_true(ft_hist_index(v) <= ft_hist_index(v | (v - 1)));
		if (v < end)
			check_value(v | (v >> 1));
		else
			assert_int_equal(ft_hist_index(v), FT_HIST_LEN - 1);
	}
	assert_int_equal(ft_hist_index(~0ull), FT_HIST_LEN - 1);
}

/* The concurrency word. */

static __u64 rng;

static __u64 rnd(__u64 n)
{
	/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators" */
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return (rng * 0x2545f4914f6cdd1dull >> 11) % n;
}

static void check_cw(__u64 word, __u32 on, __u32 wait, __u32 idle)
{
	struct ft_cw iv;

	ft_cw_next(word, 0, 0, &iv);
	assert_int_equal(iv.on, on);
	assert_int_equal(iv.wait, wait);
	assert_int_equal(iv.idle, idle);
}

static void test_cw_counts(void **state)
{
	__u64 w = 0, now = 77ull << FT_CW_UNIT_SHIFT;
	struct ft_cw iv;
	__u32 i;

	(void)state;
	for (i = 1; i <= 1023; i++) {
		w = ft_cw_next(w, now, FT_CW_ON, &iv);
		check_cw(w, i, 0, 0);
	}
	for (i = 1; i <= 1023; i++) {
		w = ft_cw_next(w, now, FT_CW_IDLE, &iv);
		check_cw(w, 1023, 0, i);
	}
	for (i = 1; i <= 16383; i++) {
		w = ft_cw_next(w, now, FT_CW_WAIT, &iv);
		check_cw(w, 1023, i, 1023);
	}
	assert_int_equal(w >> FT_CW_TIME_SHIFT, 77);
	/* a sum of changes, some of them down */
	w = ft_cw_next(w, now, -FT_CW_ON - FT_CW_WAIT - FT_CW_IDLE, &iv);
	check_cw(w, 1022, 16382, 1022);
	w = ft_cw_next(w, now, FT_CW_ON - FT_CW_WAIT, &iv);
	check_cw(w, 1023, 16381, 1022);
	w = ft_cw_next(w, now, -1023 * FT_CW_ON - 16381 * FT_CW_WAIT - 1022 * FT_CW_IDLE, &iv);
	check_cw(w, 0, 0, 0);
	assert_int_equal(w >> FT_CW_TIME_SHIFT, 77);
	/* down before up (two cores in the wrong order): right again in the end */
	w = ft_cw_next(w, now, -FT_CW_WAIT, &iv);
	w = ft_cw_next(w, now, FT_CW_WAIT, &iv);
	check_cw(w, 0, 0, 0);
	assert_int_equal(w >> FT_CW_TIME_SHIFT, 77);
}

static void test_cw_time(void **state)
{
	const __u64 wrap = 1ull << (64 - FT_CW_TIME_SHIFT + FT_CW_UNIT_SHIFT); /* 68.7 s */
	static const __u64 start[] = {0, 1, 63, 64, 1000000007};
	struct ft_cw iv;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(start); i++) {
		__u64 t0 = 3 * wrap - 1000000000 + start[i], t = t0, far = t0, sum = 0, last = 0;
		__u64 w = (t0 >> FT_CW_UNIT_SHIFT) << FT_CW_TIME_SHIFT, lag = 0;
		__u32 on = 0, wait = 0, idle = 0, k;

		rng = 4711 + i;
		for (k = 0; k < 100000; k++) {
			__u32 on2 = rnd(1024), wait2 = rnd(16384), idle2 = rnd(1024);

			/* up to 34 s between two changes; now and then a clock that is behind */
			t = far + (k % 100 ? rnd(100000) : rnd(34000000000ull));
			lag = k % 10 ? 0 : rnd(5000);
			t = t > lag + t0 ? t - lag : t0;
			w = ft_cw_next(w, t,
				       (__u64)(on2 - (__u64)on) * FT_CW_ON +
					       (__u64)(wait2 - (__u64)wait) * FT_CW_WAIT +
					       (__u64)(idle2 - (__u64)idle) * FT_CW_IDLE,
				       &iv);
			last = far;
			far = t > far ? t : far;
			assert_int_equal(iv.on, on);
			assert_int_equal(iv.wait, wait);
			assert_int_equal(iv.idle, idle);
			assert_int_equal(iv.ns, ((far >> 6) - (last >> 6)) << 6);
			sum += iv.ns;
			on = on2;
			wait = wait2;
			idle = idle2;
		}
		check_cw(w, on, wait, idle);
		assert_int_equal(sum, ((far >> 6) - (t0 >> 6)) << 6);
		assert_true(far - t0 > 10 * wrap);
	}
}

/* The word of a GIL's waiters. */

#define GW_UNIT 16ull
#define GW_WRAP (1ull << 54) /* ns: 50 bits of units, 208 days */

static void test_gw_counts(void **state)
{
	__u64 w = 0, now = 7 * GW_UNIT, ns;
	__u32 i;

	(void)state;
	for (i = 1; i <= FT_MAX_SLOTS; i++) { /* every thread there can be */
		w = ft_gw_next(w, now, 1, &ns);
		assert_int_equal(ns, 0);
		assert_int_equal(ft_gw_waiters(w), i);
	}
	assert_int_equal(w >> 14, 7);
	/* a look changes nothing, and tells what has been since */
	assert_int_equal(ft_gw_next(w, now, 0, &ns), w);
	assert_int_equal(ns, 0);
	ft_gw_next(w, now + 1000 * GW_UNIT, 0, &ns);
	assert_int_equal(ns, 1000 * GW_UNIT * FT_MAX_SLOTS);
	while (--i) {
		w = ft_gw_next(w, now, -1, &ns);
		assert_int_equal(ft_gw_waiters(w), i - 1);
	}
	assert_int_equal(w >> 14, 7);
	/* down before up (two cores in the wrong order): right again in the end */
	w = ft_gw_next(w, now, -1, &ns);
	w = ft_gw_next(w, now, 1, &ns);
	assert_int_equal(ft_gw_waiters(w), 0);
	assert_int_equal(w >> 14, 7);
}

/*
 * Random waits that begin at t0, against a list of who waits since when. Each wait's length is
 * from its beginning to its end by the cores' clocks, which never go back while somebody waits.
 */
static void gw_run(__u64 t0)
{
	__u64 since[64], clock = t0, far = t0, seen = t0, w = 0, sum = 0, closed = 0, open, t, ns;
	__u32 waits = 0, k, i, backward = 0;

	for (k = 0; k < 100000; k++) {
		clock += (k % 1000 ? rnd(5000) * (k % 11 != 0) : rnd(1ull << 30)) * GW_UNIT;
		t = k && k % 7 == 0 ? clock - rnd(300) * GW_UNIT : clock;
		t = t < t0 ? t0 : t;
		backward += t < seen;
		seen = waits && t < seen ? seen : t;
		if (k % 13 == 12) { /* a look */
			ft_gw_next(w, t, 0, &ns);
			seen = far;
			for (i = 0, open = 0; i < waits; i++)
				open += (t > far ? t : far) - since[i];
			assert_int_equal(sum + ns, closed + open);
			continue;
		}
		far = seen;
		if (waits < ARRAY_SIZE(since) && (!waits || rnd(2))) {
			w = ft_gw_next(w, t, 1, &ns);
			since[waits++] = far;
		} else {
			i = (__u32)rnd(waits);
			w = ft_gw_next(w, t, -1, &ns);
			closed += far - since[i];
			since[i] = since[--waits];
		}
		sum += ns;
		assert_int_equal(ft_gw_waiters(w), waits);
	}
	assert_true(closed > 0 && backward > 1000);
	assert_true(far > t0 + 400000000000ull);
	for (; waits; waits--) {
		w = ft_gw_next(w, far, -1, &ns);
		closed += far - since[waits - 1];
		sum += ns;
	}
	assert_int_equal(sum, closed);
	assert_int_equal(ft_gw_waiters(w), 0);
}

static void test_gw_sum(void **state)
{
	(void)state;
	rng = 271828;
	gw_run(0);
	gw_run(1000 * GW_UNIT);
	/* machines that have been up for so long: a new word's time, 0, is not that of a clock */
	gw_run(GW_WRAP / 2 - 200000000000ull);
	gw_run(GW_WRAP / 2 + GW_UNIT);
	gw_run(3 * GW_WRAP / 4);
	gw_run(GW_WRAP - 200000000000ull); /* wraps on the way */
	gw_run(5 * GW_WRAP + GW_WRAP / 2 + 8 * GW_UNIT);
}

static void test_cw_lost(void **state)
{
	static const struct {
		struct ft_cw iv;
		__u32 cores, lost;
	} c[] = {
		{{.on = 0, .wait = 0, .idle = 4}, 4, 0}, /* nobody wants it */
		{{.on = 1, .wait = 3, .idle = 3}, 4, 3},
		{{.on = 1, .wait = 1, .idle = 3}, 4, 1},  /* fewer waiters than cores */
		{{.on = 1, .wait = 9, .idle = 3}, 4, 3},  /* more */
		{{.on = 1, .wait = 9, .idle = 0}, 4, 0},  /* others have the cores */
		{{.on = 1, .wait = 9, .idle = 60}, 4, 3}, /* a quota of 4 on 64 cores */
		{{.on = 5, .wait = 9, .idle = 60}, 4, 0}, /* above its quota */
		{{.on = 4, .wait = 1, .idle = 1}, 4, 0},
		{{.on = 0, .wait = 16383, .idle = 1023}, 1024, 1023},
		{{.on = 0, .wait = 1, .idle = 1}, 0, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(c); i++)
		assert_int_equal(ft_cw_lost(&c[i].iv, c[i].cores), c[i].lost);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wake_word), cmocka_unit_test(test_hist),
		cmocka_unit_test(test_cw_counts), cmocka_unit_test(test_cw_time),
		cmocka_unit_test(test_cw_lost),	  cmocka_unit_test(test_gw_counts),
		cmocka_unit_test(test_gw_sum),
	};

	return cmocka_run_group_tests_name("state words", tests, NULL, NULL);
}
