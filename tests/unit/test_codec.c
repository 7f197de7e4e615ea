/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the event codec and its sort. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record/codec.h"
#include "record/evsort.h"
#include "record/stacks.h"

static __u64 seed;

static __u64 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Up to `bits` bits, small values as likely as large ones. */
static __u64 rnd_bits(unsigned int bits)
{
	return bits ? rnd() >> (64 - (1 + rnd() % bits)) : 0;
}

/* 0 to max. */
static __u64 rnd_upto(__u64 max)
{
	return max == ~0ull ? rnd() : rnd() % (max + 1);
}

static __u32 rnd_thread(void)
{
	return rnd() % 8 ? (__u32)(rnd() % 6) : (__u32)(rnd() % FT_NO_THREAD);
}

static __u32 rnd_stack(void)
{
	if (rnd() % 4 == 0)
		return FT_NO_STACK;
	return rnd() % 8 ? (__u32)(rnd() % 9) * 1000 : (__u32)(rnd() % FT_NO_STACK);
}

/* A valid event, with all that its type does not use in its resting value. */
static struct ft_event rnd_event(unsigned int time_bits)
{
	struct ft_event ev = {.thr = FT_NO_THREAD, .waker = FT_NO_THREAD, .stack = FT_NO_STACK};

	ev.type = (__u8)(1 + rnd() % FT_EV_FORK);
	ev.ts = rnd_bits(time_bits);
	ev.cpu = (__u16)(rnd() % 4 ? rnd() % 4 : rnd() % FT_MAX_CPUS);
	ev.flags = (__u8)rnd();
	ev.state = (__u8)(rnd() % FT_ST_CNT);
	if (ev.type <= FT_EV_EXIT)
		ev.thr = rnd_thread();
	if (ev.type == FT_EV_TICK)
		ev.state = (__u8)(rnd() % FT_ON_CNT);
	else if (ev.type != FT_EV_CPU)
		ev.arg = rnd_bits(64);
	if (ev.type == FT_EV_SLICE || ev.type == FT_EV_START || ev.type == FT_EV_EXIT)
		ev.seq = (__u32)rnd_bits(32);
	if (ev.type == FT_EV_EXIT && rnd() % 2)
		ev.state = FT_ST_DEAD;
	if (ev.type == FT_EV_SLICE) {
		ev.out_ns = ev.ts - rnd_upto(ev.ts);
		if (rnd() % 3)
			ev.wake_ns = ev.out_ns + rnd_upto(ev.ts - ev.out_ns);
		if (rnd() % 2)
			ev.waker = rnd_thread();
	}
	if (ev.type == FT_EV_CPU) {
		ev.wake_ns = ev.ts - rnd_upto(ev.ts);
		ev.out_ns = rnd_upto(ev.ts - ev.wake_ns);
	}
	if (ev.type == FT_EV_SLICE || ev.type == FT_EV_TICK)
		ev.stack = rnd_stack();
	return ev;
}

static void fill(struct ft_event *ev, size_t cnt, unsigned int time_bits)
{
	size_t i;

	for (i = 0; i < cnt; i++)
		ev[i] = rnd_event(time_bits);
}

static int cmp_stable(const void *a, const void *b)
{
	const struct ft_event *const *x = a, *const *y = b;

	if ((*x)->ts != (*y)->ts)
		return (*x)->ts < (*y)->ts ? -1 : 1;
	return *x < *y ? -1 : *x > *y;
}

/* Encodes, decodes and compares with an order made by qsort. */
static void round_trip(const struct ft_event *ev, size_t cnt)
{
	const struct ft_event **want = malloc(cnt * sizeof(*want));
	struct ft_event *got = malloc(cnt * sizeof(*got));
	struct ft_codec *enc, *dec;
	struct ft_codec_out out;
	__u64 first = ~0ull;
	size_t i;

	assert_non_null(want);
	assert_non_null(got);
	assert_int_equal(ft_codec_new(&enc), 0);
	assert_int_equal(ft_codec_new(&dec), 0);
	assert_int_equal(ft_codec_encode(enc, ev, cnt, &out), 0);
	assert_true(out.len <= FT_CODEC_MAX_BYTES);
	assert_int_equal(out.column_end[out.column_cnt - 1], out.len);
	assert_int_equal(ft_codec_decode(dec, out.bytes, out.len, got, cnt), 0);
	for (i = 0; i < cnt; i++) {
		want[i] = &ev[i];
		if (ft_event_begin(&ev[i]) < first)
			first = ft_event_begin(&ev[i]);
	}
	qsort(want, cnt, sizeof(*want), cmp_stable);
	for (i = 0; i < cnt; i++)
		assert_memory_equal(&got[i], want[i], sizeof(*got));
	assert_int_equal(out.first_ns, first);
	assert_int_equal(out.last_ns, want[cnt - 1]->ts);
	/* one fewer leaves bytes over, one more has too few */
	assert_int_equal(ft_codec_decode(dec, out.bytes, out.len, got, cnt - 1), -EBADMSG);
	ft_codec_free(enc);
	ft_codec_free(dec);
	free(want);
	free(got);
}

static void test_random(void **state)
{
	static struct ft_event ev[3000];
	unsigned int bits;

	(void)state;
	for (bits = 1; bits <= 64; bits++) {
		seed = 0x1234567 + bits;
		fill(ev, bits == 40 ? 3000 : 200, bits);
		round_trip(ev, bits == 40 ? 3000 : 200);
	}
}

static void test_largest(void **state)
{
	struct ft_event *ev = calloc(FT_CODEC_MAX_EVENTS, sizeof(*ev));
	size_t i;

	(void)state;
	assert_non_null(ev);
	seed = 99;
	/* two new threads and a new stack each, far from the one before, and numbers as long as
	 * they can be */
	for (i = 0; i < FT_CODEC_MAX_EVENTS; i++) {
		ev[i].type = FT_EV_SLICE;
		ev[i].ts = ~0ull - rnd() % 1000;
		ev[i].out_ns = rnd() % 1000;
		ev[i].wake_ns = 1000 + rnd() % 1000;
		ev[i].thr = (__u32)i * 2;
		ev[i].waker = 0x80000000u + (__u32)i * 3;
		ev[i].arg = rnd();
		ev[i].seq = (__u32)rnd();
		ev[i].cpu = FT_MAX_CPUS - 1 - (i & 1);
		ev[i].state = (__u8)(i % FT_ST_CNT);
		ev[i].flags = 0xff;
		ev[i].stack = i & 1 ? FT_NO_STACK - 1 - (__u32)i : (__u32)i;
	}
	round_trip(ev, FT_CODEC_MAX_EVENTS);
	free(ev);
}

static void test_one_and_reuse(void **state)
{
	struct ft_event ev = {.type = FT_EV_TICK, .ts = 5, .thr = 7, .waker = FT_NO_THREAD}, got;
	struct ft_codec *c;
	struct ft_codec_out out;
	int i;

	(void)state;
	round_trip(&ev, 1);
	assert_int_equal(ft_codec_new(&c), 0);
	/* nothing of a chunk may leak into the next: each decodes by itself */
	for (i = 0; i < 3; i++) {
		ev.ts = 1000u * (unsigned int)(3 - i);
		ev.thr = 7u + (unsigned int)i;
		ev.stack = i == 1 ? FT_NO_STACK : 70u + (unsigned int)i / 2;
		assert_int_equal(ft_codec_encode(c, &ev, 1, &out), 0);
		assert_int_equal(ft_codec_decode(c, out.bytes, out.len, &got, 1), 0);
		assert_memory_equal(&got, &ev, sizeof(ev));
	}
	ft_codec_free(c);
	ft_codec_free(NULL);
}

static void test_invalid(void **state)
{
	static const struct ft_event good = {
		.type = FT_EV_SLICE, .ts = 100, .out_ns = 50, .wake_ns = 70, .thr = 3, .waker = 2};
	static const struct {
		struct ft_event ev;
		const char *why;
	} bad[] = {
		{{.type = 0}, "no type"},
		{{.type = FT_EV_STACK}, "a description, no event"},
		{{.type = FT_EV_CODE}, "a description, no event"},
		{{.type = FT_EV_TYPE_CNT}, "no such type"},
		{{.type = FT_EV_SLICE, .ts = 1, .out_ns = 2}, "out after in"},
		{{.type = FT_EV_SLICE, .ts = 9, .out_ns = 5, .wake_ns = 4}, "woken before out"},
		{{.type = FT_EV_SLICE, .ts = 9, .out_ns = 5, .wake_ns = 10}, "woken after in"},
		{{.type = FT_EV_SLICE, .state = FT_ST_CNT}, "state"},
		{{.type = FT_EV_SLICE, .state = FT_ST_DEAD}, "dead"},
		{{.type = FT_EV_SLICE, .thr = 4}, "thread"},
		{{.type = FT_EV_SLICE, .thr = FT_NO_THREAD}, "no thread"},
		{{.type = FT_EV_SLICE, .waker = 4}, "waker"},
		{{.type = FT_EV_SLICE, .cpu = 2}, "core"},
		{{.type = FT_EV_TICK, .state = FT_ON_CNT}, "tick state"},
		{{.type = FT_EV_TICK, .thr = FT_NO_THREAD}, "tick of no thread"},
		{{.type = FT_EV_START, .state = FT_ST_DEAD}, "born dead"},
		{{.type = FT_EV_CPU, .ts = 5, .wake_ns = 6}, "window backwards"},
		{{.type = FT_EV_CPU, .ts = 5, .wake_ns = 1, .out_ns = 5}, "more than the window"},
	};
	struct ft_codec_out out;
	struct ft_event ev = good;
	struct ft_codec *c;
	size_t i;

	(void)state;
	assert_true(ft_event_valid(&good, 4, 2));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (ft_event_valid(&bad[i].ev, 4, 2))
			fail_msg("accepted: %s", bad[i].why);
	}
	assert_int_equal(ft_codec_new(&c), 0);
	assert_int_equal(ft_codec_encode(c, &ev, 0, &out), -EINVAL);
	assert_int_equal(ft_codec_encode(c, &ev, FT_CODEC_MAX_EVENTS + 1, &out), -EINVAL);
	ev.out_ns = 101;
	assert_int_equal(ft_codec_encode(c, &ev, 1, &out), -EINVAL);
	assert_int_equal(ft_codec_decode(c, "", 0, &ev, 0), -EBADMSG);
	ft_codec_free(c);
}

/* Damaged bytes: no crash (the sanitizers tell), and what is taken is valid and sorted. */
static void test_damaged(void **state)
{
	struct ft_event ev[150], got[150];
	struct ft_codec *enc, *dec;
	struct ft_codec_out out;
	size_t i, k, taken = 0, refused = 0;
	__u8 *copy;
	int err;

	(void)state;
	seed = 4711;
	fill(ev, 150, 40);
	assert_int_equal(ft_codec_new(&enc), 0);
	assert_int_equal(ft_codec_new(&dec), 0);
	assert_int_equal(ft_codec_encode(enc, ev, 150, &out), 0);
	for (i = 0; i < out.len; i++) {
		copy = malloc(i + 1);
		assert_non_null(copy);
		memcpy(copy, out.bytes, i);
		assert_int_equal(ft_codec_decode(dec, copy, i, got, 150), -EBADMSG);
		free(copy);
	}
	copy = malloc(out.len);
	assert_non_null(copy);
	for (i = 0; i < out.len * 8; i++) {
		memcpy(copy, out.bytes, out.len);
		copy[i / 8] ^= (__u8)(1u << (i % 8));
		err = ft_codec_decode(dec, copy, out.len, got, 150);
		assert_true(err == 0 || err == -EBADMSG);
		refused += err != 0;
		taken += err == 0;
		for (k = 0; k < 150 && !err; k++) {
			assert_true(ft_event_valid(&got[k], FT_NO_THREAD, FT_MAX_CPUS));
			assert_true(!k || got[k].ts >= got[k - 1].ts);
		}
	}
	assert_true(taken > 0 && refused > 0);
	free(copy);
	ft_codec_free(enc);
	ft_codec_free(dec);
}

/* What a GIL program's events cost before zstd: a bound that a change of the columns must keep. */
static void test_size(void **state)
{
	static struct ft_event ev[8000];
	struct ft_codec_out out;
	__u64 ts = 1000000000000ull, back[4];
	struct ft_codec *c;
	size_t i, without;

	(void)state;
	seed = 31337;
	for (i = 0; i < 4; i++)
		back[i] = ts;
	for (i = 0; i < 8000; i++) {
		__u32 thr = i % 4;

		ts += 5050000 + rnd() % 50000;
		ev[i].type = FT_EV_SLICE;
		ev[i].ts = ts;
		ev[i].wake_ns = ts - 3000 - rnd() % 4000;
		ev[i].out_ns = back[thr] + 5000 + rnd() % 20000;
		ev[i].thr = thr;
		ev[i].waker = (thr + 3) % 4;
		ev[i].cpu = thr & 1;
		ev[i].seq = (__u32)(i / 4);
		ev[i].arg = 0x55d0c0a1b2c8;
		ev[i].state = FT_ST_GIL_WAIT;
		ev[i].stack = FT_NO_STACK;
		back[thr] = ts;
		if (ev[i].out_ns > ev[i].wake_ns)
			ev[i].out_ns = ev[i].wake_ns;
	}
	assert_int_equal(ft_codec_new(&c), 0);
	assert_int_equal(ft_codec_encode(c, ev, 8000, &out), 0);
	assert_true(out.len <= 8000 * 20);
	round_trip(ev, 8000);
	without = out.len;
	/* one stack in all, then as few as usual: a byte an event, and each stack's number once */
	ev[4711].stack = 123456789;
	assert_int_equal(ft_codec_encode(c, ev, 8000, &out), 0);
	assert_true(out.len <= without + 8000 + 16);
	round_trip(ev, 8000);
	for (i = 0; i < 8000; i++)
		ev[i].stack = 1000000 + (__u32)(rnd() % 50);
	assert_int_equal(ft_codec_encode(c, ev, 8000, &out), 0);
	assert_true(out.len <= without + 8000 + 50 * 5 + 16);
	ft_codec_free(c);
	round_trip(ev, 8000);
}

static void test_sort(void **state)
{
	static struct ft_sort_key k[1000], tmp[1000];
	struct ft_sort_key *r;
	size_t cnt, i;

	(void)state;
	seed = 77;
	for (cnt = 0; cnt < 1000; cnt = cnt * 2 + 1) {
		for (i = 0; i < cnt; i++) {
			k[i].ts = rnd() % (cnt / 2 + 1);
			k[i].idx = (__u32)i;
		}
		r = ft_sort_keys(k, tmp, cnt);
		for (i = 1; i < cnt; i++)
			assert_true(r[i - 1].ts < r[i].ts ||
				    (r[i - 1].ts == r[i].ts && r[i - 1].idx < r[i].idx));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),	      cmocka_unit_test(test_largest),
		cmocka_unit_test(test_one_and_reuse), cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_damaged),	      cmocka_unit_test(test_size),
		cmocka_unit_test(test_sort),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
