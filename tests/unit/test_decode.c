/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the check on ring records: lengths, types, ranges, any bytes at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "capture/decode.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define SLOTS 100
#define CPUS 4

static const size_t sizes[FT_EV_TYPE_CNT] = {
	[FT_EV_SLICE] = 56,
	[FT_EV_TICK] = 32,
	[FT_EV_START] = 48,
	[FT_EV_EXIT] = 24,
	[FT_EV_CPU] = 32,
	[FT_EV_EXEC] = 24,
	[FT_EV_FORK] = 24,
	/* the fixed part of these two; lists follow, of any length here */
	[FT_EV_STACK] = 32,
	[FT_EV_CODE] = 80,
	[FT_EV_GIL] = 152,
};

static bool has_lists(__u16 type)
{
	return type == FT_EV_STACK || type == FT_EV_CODE;
}

static bool length_ok(__u16 type, size_t len)
{
	return has_lists(type) ? len >= sizes[type] : len == sizes[type];
}

/* A record of each type that is good. */
static union ft_record good(__u16 type)
{
	union ft_record r;

	memset(&r, 0, sizeof(r));
	r.h = (struct ft_ev_hdr){
		.type = type, .len = sizes[type], .cpu = CPUS - 1, .slot = SLOTS - 1, .ts = 1000};
	switch (type) {
	case FT_EV_SLICE:
		r.slice.out_ns = 900;
		r.slice.wake_ns = 950;
		r.slice.arg = ~0ull;
		r.slice.stack = ~0ull;
		r.slice.seq = 7;
		r.slice.waker = SLOTS;
		r.slice.state = FT_ST_STOPPED;
		break;
	case FT_EV_TICK:
		r.tick.on = FT_ON_SPIN;
		r.tick.stack = ~0ull;
		break;
	case FT_EV_START:
		r.start.target = FT_MAX_TARGETS - 1;
		r.start.state = FT_ST_STOPPED;
		memset(r.start.comm, 'x', sizeof(r.start.comm));
		break;
	case FT_EV_CPU:
		r.cpu.begin_ns = 400;
		r.cpu.other_ns = 600;
		break;
	case FT_EV_EXEC:
	case FT_EV_FORK:
		r.proc.pid = 4711;
		r.proc.target = FT_MAX_TARGETS - 1;
		break;
	case FT_EV_STACK:
		/* counts that lie: whoever takes the lists checks them */
		memset(&r.stack.id, 0xff, sizeof(r.stack) - sizeof(r.h));
		break;
	case FT_EV_CODE:
		memset(&r.code.code, 0xff, sizeof(r.code) - sizeof(r.h));
		break;
	case FT_EV_GIL:
		memset(r.gil.module, 'x', sizeof(r.gil.module) - 1);
		break;
	default:
		break;
	}
	return r;
}

/* Decodes from a block of exactly `len` bytes, so that one byte too many is seen. */
static int decode(const void *data, size_t len, union ft_record *out)
{
	char *copy = malloc(len + 1);
	int err;

	assert_non_null(copy);
	/* at an odd address: the ring promises eight bytes, a file would not */
	memcpy(copy + 1, data, len);
	err = ft_decode(copy + 1, len, SLOTS, CPUS, out);
	free(copy);
	return err;
}

static void test_good(void **state)
{
	union ft_record r, out;
	__u16 type;

	(void)state;
	for (type = 1; type < FT_EV_TYPE_CNT; type++) {
		r = good(type);
		memset(&out, 0xa5, sizeof(out));
		assert_int_equal(decode(&r, sizes[type], &out), 0);
		/* what is beyond the record is 0, not the caller's rubbish */
		assert_memory_equal(&out, &r, sizeof(out));
	}
}

/* Lists behind the fixed part are not copied: there is no room for them. */
static void test_lists(void **state)
{
	char big[4096];
	union ft_record r, out;
	__u16 type;
	size_t len;

	(void)state;
	for (type = 1; type < FT_EV_TYPE_CNT; type++) {
		if (!has_lists(type))
			continue;
		for (len = sizes[type]; len <= sizeof(big); len += 1 + len / 7) {
			r = good(type);
			r.h.len = len;
			memset(big, 0x5a, sizeof(big));
			memcpy(big, &r, sizes[type]);
			memset(&out, 0xa5, sizeof(out));
			assert_int_equal(decode(big, len, &out), 0);
			assert_memory_equal(&out, &r, sizeof(out));
		}
	}
}

static void test_lengths(void **state)
{
	char big[512] = {0};
	union ft_record r, out;
	__u16 type;
	size_t len;

	(void)state;
	for (type = 1; type < FT_EV_TYPE_CNT; type++) {
		r = good(type);
		memset(big, 0, sizeof(big));
		memcpy(big, &r, sizes[type]);
		/* every length there is, with the header saying the right one and the given one */
		for (len = 0; len <= 256; len++) {
			((struct ft_ev_hdr *)big)->len = sizes[type];
			assert_int_equal(decode(big, len, &out), len == sizes[type] ? 0 : -EBADMSG);
			((struct ft_ev_hdr *)big)->len = len;
			assert_int_equal(decode(big, len, &out),
					 length_ok(type, len) ? 0 : -EBADMSG);
		}
		((struct ft_ev_hdr *)big)->len = 0;
		assert_int_equal(decode(big, sizes[type], &out), -EBADMSG);
		((struct ft_ev_hdr *)big)->len = 0xffff;
		assert_int_equal(decode(big, sizes[type], &out), -EBADMSG);
	}
}

static void test_types(void **state)
{
	union ft_record r, out;
	__u32 type;
	size_t i;

	(void)state;
	for (type = 0; type <= 0xffff; type++) {
		if (type && type < FT_EV_TYPE_CNT)
			continue;
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			r = good(FT_EV_SLICE);
			r.h.type = type;
			r.h.len = sizes[i];
			assert_int_equal(decode(&r, sizes[i], &out), -EBADMSG);
		}
	}
}

#define SET(t, field, value, good_)                                                                \
	do {                                                                                       \
		union ft_record r_ = good(t), out_;                                                \
		r_.field = value;                                                                  \
		assert_int_equal(decode(&r_, sizes[t], &out_), (good_) ? 0 : -EBADMSG);            \
	} while (0)

static void test_ranges(void **state)
{
	__u32 v;
	__u16 type;

	(void)state;
	for (type = 1; type < FT_EV_TYPE_CNT; type++) {
		for (v = 0; v <= 0xffff; v += v < 300 || v > 0xff00 ? 1 : 251) {
			SET(type, h.slot, v, v < SLOTS);
			SET(type, h.cpu, v, v < CPUS);
		}
	}
	for (v = 0; v <= 0xff; v++) {
		SET(FT_EV_SLICE, slice.state, v, v > FT_ST_ON && v < FT_ST_CNT);
		SET(FT_EV_START, start.state, v, v < FT_ST_CNT);
		SET(FT_EV_TICK, tick.on, v, v < FT_ON_CNT);
	}
	for (v = 0; v <= 0xffff; v++) {
		SET(FT_EV_SLICE, slice.waker, v, v <= SLOTS);
		SET(FT_EV_START, start.target, v, v < FT_MAX_TARGETS);
		SET(FT_EV_EXEC, proc.target, v, v < FT_MAX_TARGETS);
		SET(FT_EV_FORK, proc.target, v, v < FT_MAX_TARGETS);
	}
}

static void test_times(void **state)
{
	(void)state;
	/* ts 1000, out 900, wake 950 */
	SET(FT_EV_SLICE, slice.out_ns, 950, true);
	SET(FT_EV_SLICE, slice.out_ns, 951, false); /* woken before it slept: never, by the rule */
	SET(FT_EV_SLICE, slice.out_ns, 1001, false);
	SET(FT_EV_SLICE, slice.out_ns, ~0ull, false);
	SET(FT_EV_SLICE, slice.out_ns, 0, true);
	SET(FT_EV_SLICE, slice.wake_ns, 0, true); /* not woken */
	SET(FT_EV_SLICE, slice.wake_ns, 1, false);
	SET(FT_EV_SLICE, slice.wake_ns, 899, false);
	SET(FT_EV_SLICE, slice.wake_ns, 900, true);
	SET(FT_EV_SLICE, slice.wake_ns, 1000, true);
	SET(FT_EV_SLICE, slice.wake_ns, 1001, false);
	SET(FT_EV_SLICE, slice.wake_ns, ~0ull, false);
	SET(FT_EV_SLICE, h.ts, 949, false);
	SET(FT_EV_SLICE, h.ts, 950, true);
	/* ts 1000, from 400, 600 for others */
	SET(FT_EV_CPU, cpu.other_ns, 601, false);
	SET(FT_EV_CPU, cpu.other_ns, ~0ull, false);
	SET(FT_EV_CPU, cpu.begin_ns, 401, false);
	SET(FT_EV_CPU, cpu.begin_ns, 1001, false);
	SET(FT_EV_CPU, cpu.begin_ns, ~0ull, false);
	SET(FT_EV_CPU, cpu.begin_ns, 0, true);
	SET(FT_EV_CPU, h.ts, 999, false);
	SET(FT_EV_CPU, h.ts, ~0ull, true);
}

/* What gets through keeps every promise that the code behind it relies on. */
static void check_promises(const union ft_record *r, size_t len)
{
	assert_true(r->h.type > 0 && r->h.type < FT_EV_TYPE_CNT);
	assert_true(length_ok(r->h.type, len));
	assert_int_equal(len, r->h.len);
	assert_true(r->h.slot < SLOTS && r->h.cpu < CPUS);
	switch (r->h.type) {
	case FT_EV_SLICE:
		assert_true(r->slice.state > FT_ST_ON && r->slice.state < FT_ST_CNT);
		assert_true(r->slice.waker <= SLOTS);
		assert_true(r->slice.out_ns <= r->h.ts);
		assert_true(!r->slice.wake_ns ||
			    (r->slice.out_ns <= r->slice.wake_ns && r->slice.wake_ns <= r->h.ts));
		break;
	case FT_EV_TICK:
		assert_true(r->tick.on < FT_ON_CNT);
		break;
	case FT_EV_START:
		assert_true(r->start.state < FT_ST_CNT && r->start.target < FT_MAX_TARGETS);
		break;
	case FT_EV_CPU:
		assert_true(r->cpu.begin_ns <= r->h.ts);
		assert_true(r->cpu.other_ns <= r->h.ts - r->cpu.begin_ns);
		break;
	case FT_EV_GIL:
		assert_non_null(memchr(r->gil.module, 0, sizeof(r->gil.module)));
		break;
	default:
		break;
	}
}

static __u64 rng = 88172645463325252ull;

static __u64 rnd(void)
{
	/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators" */
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return rng * 0x2545f4914f6cdd1dull;
}

static void test_random(void **state)
{
	unsigned char buf[160];
	union ft_record r, out;
	__u32 n, i, through[FT_EV_TYPE_CNT] = {0};

	(void)state;
	for (n = 0; n < 300000; n++) {
		size_t len = rnd() % (sizeof(buf) + 1);

		for (i = 0; i < sizeof(buf); i++)
			buf[i] = rnd() >> 56;
		if (n % 3) { /* a good one with a few bytes changed gets further in */
			__u16 type = 1 + rnd() % (FT_EV_TYPE_CNT - 1);

			r = good(type);
			memcpy(buf, &r, sizeof(r));
			len = sizes[type];
			if (has_lists(type)) {
				len += rnd() % (sizeof(buf) - len + 1);
				((struct ft_ev_hdr *)buf)->len = len;
			}
			for (i = 0; i < 1 + n % 4; i++)
				buf[rnd() % len] = rnd() >> 56;
		}
		if (decode(buf, len, &out))
			continue;
		check_promises(&out, len);
		through[out.h.type]++;
	}
	for (i = 1; i < FT_EV_TYPE_CNT; i++)
		assert_true(through[i] > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),   cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_types),  cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_times),  cmocka_unit_test(test_lists),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}
