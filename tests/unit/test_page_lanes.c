/* SPDX-License-Identifier: BSD-2-Clause */
/* Lanes of threads: what is written equals what was told, and how short spans are merged. */
#include "page_read.h"

#include <stdio.h>

#include "export/page_priv.h"

#define SPANS 20000u

static __u64 seed = 88172645463325252ull;

static __u64 rnd(__u64 below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % below;
}

static __u32 node_number[10] = {7, 8, 9, 10, 11, 12, 13, 14, 15, FT_NO_STACK};
static const __u32 lock_number[4] = {2, 1, 0, 3};
static const struct ft_page_stacks stacks = {.number = node_number};

/* What was told of a lane, and the sums of it. */
struct truth {
	struct ft_page_span *span;
	__u32 *from;
	__u32 cnt, start, end;
	double sum[14];
};

static __u32 length(void)
{
	static const __u32 scale[] = {3, 50, 1000, 20000};

	return 1 + (__u32)rnd(scale[rnd(4)]);
}

static void tell(struct ft_page_lanes *l, struct truth *t, __u32 no, __u32 cnt)
{
	__u32 at = 500;

	*t = (struct truth){.start = at};
	t->span = calloc(cnt, sizeof(*t->span));
	t->from = calloc(cnt, sizeof(*t->from));
	assert_true(t->span && t->from);
	for (__u32 i = 0; i < cnt; i++) {
		struct ft_page_span *s = &t->span[t->cnt];
		struct ft_page_mix mix = {0};

		*s = (struct ft_page_span){.len = length(), .node = FT_NO_STACK};
		s->state = rnd(40) ? (__u8)rnd(12) : rnd(2) ? FT_PAGE_GAP : FT_PAGE_MIXED;
		if (s->state <= FT_R_ON_SPIN)
			s->cpu = rnd(5) ? (__u16)rnd(300) : FT_SPAN_NO_CPU;
		else if (s->state < 12)
			s->node = rnd(3) ? (__u32)rnd(10) : FT_NO_STACK;
		if (s->state == FT_R_GIL_WAIT || s->state == FT_R_LOCK_WAIT) {
			s->waker = (__u32)rnd(4);
			s->wake = (__u32)rnd(s->len);
			s->flags = rnd(3) ? FT_PAGE_WAKER : 0;
		}
		if (s->state == FT_R_LOCK_WAIT)
			s->ref = (__u32)rnd(5);
		s->flags |= rnd(2) ? FT_PAGE_FIRST : 0;
		s->flags |= rnd(9) ? 0 : FT_PAGE_HELD;
		if (s->state == FT_PAGE_MIXED) {
			mix.part[0] = (__u32)rnd(s->len);
			mix.part[1] = s->len - mix.part[0];
			t->sum[0] += mix.part[0];
			t->sum[1] += mix.part[1];
		} else {
			t->sum[s->state] += s->len;
		}
		assert_int_equal(ft_page_lanes_add(l, no, at, at + s->len, s, &mix), 0);
		t->from[t->cnt++] = at;
		at += s->len;
	}
	t->end = at;
}

static void forget(struct truth *t)
{
	free(t->span);
	free(t->from);
}

static void expect_span(const struct got *g, const struct ft_page_span *s, __u32 from)
{
	__u32 node = s->node == FT_NO_STACK ? FT_NO_STACK : node_number[s->node];
	bool waker = s->flags & FT_PAGE_WAKER;

	assert_int_equal(g->at, from);
	assert_int_equal(g->len, s->len);
	assert_int_equal(g->tag, s->state);
	assert_int_equal(g->flags, (s->flags & FT_PAGE_FIRST ? 0x10 : 0) |
					   (s->flags & FT_PAGE_HELD ? 0x20 : 0) |
					   (waker ? 0x40 : 0) | (node != FT_NO_STACK ? 0x80 : 0));
	if (s->state <= FT_R_ON_SPIN)
		assert_int_equal(g->cpu, s->cpu == FT_SPAN_NO_CPU ? 0 : s->cpu + 1);
	if (waker) {
		assert_int_equal(g->waker, s->waker);
		assert_int_equal(g->wake, s->wake);
	}
	if (s->state == FT_R_LOCK_WAIT)
		assert_int_equal(g->lock, s->ref ? lock_number[s->ref - 1] : 0);
	if (node != FT_NO_STACK)
		assert_int_equal(g->node, node);
}

/* Reads a lane; *left: bytes behind it. The caller frees the spans. */
static struct got *read_lane(struct in *r, __u64 *cnt, __u64 *start)
{
	struct got *g;
	__u64 at;

	*cnt = in_v(r);
	at = *start = in_v(r);
	g = calloc(*cnt + 1, sizeof(*g));
	assert_non_null(g);
	for (__u64 i = 0; i < *cnt; i++)
		got_thread(r, &at, &g[i]);
	g[*cnt].at = at;
	return g;
}

static void test_exact(void **state)
{
	struct ft_page_lanes l;
	struct ft_bytes b = {0};
	struct truth t[3];
	struct in r;

	(void)state;
	assert_int_equal(ft_page_lanes_init(&l, 4), 0);
	for (__u32 i = 0; i < 3; i++)
		tell(&l, &t[i], i, SPANS / 4);
	/* none is shorter than nothing */
	assert_int_equal(ft_page_lanes_merge(&l, 0), 0);
	ft_page_lanes_put(&l, &stacks, lock_number, &b);
	assert_int_equal(b.err, 0);
	r = (struct in){b.p, b.p + b.len};
	for (__u32 i = 0; i < 3; i++) {
		__u64 cnt, start;
		struct got *g = read_lane(&r, &cnt, &start);

		assert_int_equal(start, t[i].start);
		assert_int_equal(cnt, t[i].cnt);
		for (__u32 k = 0; k < cnt; k++)
			if (t[i].span[k].state != FT_PAGE_MIXED)
				expect_span(&g[k], &t[i].span[k], t[i].from[k]);
		free(g);
		forget(&t[i]);
	}
	/* the lane that nothing was told of */
	assert_int_equal(in_v(&r), 0);
	assert_int_equal(in_v(&r), 0);
	assert_ptr_equal(r.p, r.end);
	ft_bytes_free(&b);
	ft_page_lanes_free(&l);
}

/* All that is promised of a lane that was merged. */
static void expect_merged(struct got *g, __u64 cnt, const struct truth *t, __u32 detail)
{
	double sum[14] = {0}, seen = 0;
	__u64 k = 0, longest = 0, runs = 0, since = t->start;

	assert_int_equal(g[cnt].at, t->end);
	for (__u64 i = 0; i < cnt; i++) {
		longest = g[i].tag == 14 && g[i].len > longest ? g[i].len : longest;
		seen += g[i].tag == 14 && g[i].share[13] == 1 ? (double)g[i].len / 255 : 0;
		for (int s = 0; s < 14; s++)
			sum[s] += g[i].tag == 14  ? g[i].share[s] * (double)g[i].len / 255
				  : g[i].tag == s ? (double)g[i].len
						  : 0;
	}
	for (int s = 0; s < 14; s++) {
		double off = sum[s] - t->sum[s];

		/* a gap is seen, however short: each may be one share too long */
		if (s == 13 && off > 0)
			off -= seen < off ? seen : off;
		if (off > (double)longest / 60 + 1 || off < -(double)longest / 60 - 1)
			fail_msg("detail %u, state %d: %.1f is %.1f", detail, s, sum[s], t->sum[s]);
	}
	/* a long span stays itself, and between two of them there are no more runs than time */
	for (__u32 i = 0; i < t->cnt; i++) {
		if (t->span[i].len < detail)
			continue;
		for (; g[k].at < t->from[i]; k++)
			runs++;
		assert_true(runs <= (t->from[i] - since) / detail + 1);
		if (t->span[i].state == FT_PAGE_MIXED)
			assert_true(g[k].at == t->from[i] && g[k].tag == 14);
		else
			expect_span(&g[k], &t->span[i], t->from[i]);
		k++;
		since = t->from[i] + t->span[i].len;
		runs = 0;
	}
}

static void test_merged(void **state)
{
	static const __u32 step[] = {2, 5, 20, 100, 1000, 5000, 1000000000};

	(void)state;
	for (size_t n = 0; n <= sizeof(step) / sizeof(step[0]); n++) {
		struct ft_page_lanes l;
		struct truth t;
		size_t first = n % (sizeof(step) / sizeof(step[0]));

		/* at once, or by and by; at last all of a lane is one span */
		assert_int_equal(ft_page_lanes_init(&l, 1), 0);
		tell(&l, &t, 0, SPANS);
		/* their waits are no longest ones */
		for (__u32 i = 0; i < FT_PAGE_WAITS; i++)
			l.wait[i] = 1u << 30;
		l.wait_cnt = FT_PAGE_WAITS;
		for (size_t i = first; i < sizeof(step) / sizeof(step[0]); i++) {
			struct ft_bytes b = {0};
			struct got *g;
			struct in r;
			__u64 cnt, start;

			assert_int_equal(ft_page_lanes_merge(&l, step[i]), 0);
			assert_int_equal(l.total, l.lane[0].cnt);
			ft_page_lanes_put(&l, &stacks, lock_number, &b);
			r = (struct in){b.p, b.p + b.len};
			g = read_lane(&r, &cnt, &start);
			assert_ptr_equal(r.p, r.end);
			assert_int_equal(start, t.start);
			assert_int_equal(cnt, l.total);
			expect_merged(g, cnt, &t, step[i]);
			free(g);
			ft_bytes_free(&b);
		}
		assert_int_equal(l.total, 1);
		forget(&t);
		ft_page_lanes_free(&l);
	}
}

/* Of 5,000 waits of different lengths the 2,000 longest are there, as they were. */
static void test_waits(void **state)
{
	struct ft_page_span run = {.node = FT_NO_STACK, .state = FT_R_ON_GIL};
	struct ft_page_lanes l;
	struct ft_bytes b = {0};
	struct got *g;
	__u64 cnt, start, kept = 0;
	__u32 at = 0;
	struct in r;

	(void)state;
	assert_int_equal(ft_page_lanes_init(&l, 1), 0);
	for (__u32 i = 0; i < 5000; i++) {
		__u32 len = 10 + i * 7919 % 5000;
		struct ft_page_span wait = {.node = FT_NO_STACK,
					    .state = FT_R_GIL_WAIT,
					    .flags = FT_PAGE_WAKER,
					    .waker = 1 + i % 3,
					    .wake = len / 2};

		assert_int_equal(ft_page_lanes_add(&l, 0, at, at + len, &wait, NULL), 0);
		at += len;
		assert_int_equal(ft_page_lanes_add(&l, 0, at, at + 10, &run, NULL), 0);
		at += 10;
	}
	assert_int_equal(ft_page_lanes_merge(&l, 100000), 0);
	ft_page_lanes_put(&l, &stacks, lock_number, &b);
	r = (struct in){b.p, b.p + b.len};
	g = read_lane(&r, &cnt, &start);
	for (__u64 i = 0; i < cnt; i++) {
		if (g[i].tag != FT_R_GIL_WAIT)
			continue;
		assert_true(g[i].len > 10 + 5000 - 1 - FT_PAGE_WAITS);
		assert_true(g[i].flags & 0x40 && g[i].wake == g[i].len / 2);
		kept++;
	}
	/* the shortest of them tells the others, and is not told from its like */
	assert_int_equal(kept, FT_PAGE_WAITS - 1);
	free(g);
	ft_bytes_free(&b);
	ft_page_lanes_free(&l);
}

/* Times that step back or leave a hole, and gaps of no length. */
static void test_odd(void **state)
{
	struct ft_page_span on = {.node = FT_NO_STACK, .state = FT_R_ON_GIL};
	struct ft_page_span gap = {.node = FT_NO_STACK, .state = FT_PAGE_GAP};
	struct ft_page_span wait = {.node = FT_NO_STACK,
				    .state = FT_R_GIL_WAIT,
				    .flags = FT_PAGE_WAKER,
				    .waker = 1,
				    .wake = 70};
	static const __u64 want[][3] = {{10, 10, 0}, {20, 0, 13}, {20, 10, 13},
					{30, 10, 0}, {40, 60, 3}, {100, 0, 13}};
	struct ft_page_lanes l;
	struct ft_bytes b = {0};
	struct got *g;
	__u64 cnt, start;
	struct in r;

	(void)state;
	assert_int_equal(ft_page_lanes_init(&l, 1), 0);
	assert_int_equal(ft_page_lanes_add(&l, 0, 10, 20, &on, NULL), 0);
	assert_int_equal(ft_page_lanes_add(&l, 0, 20, 20, &gap, NULL), 0);
	assert_int_equal(ft_page_lanes_add(&l, 0, 20, 20, &on, NULL), 0);
	assert_int_equal(ft_page_lanes_add(&l, 0, 30, 40, &on, NULL), 0);
	assert_int_equal(ft_page_lanes_add(&l, 0, 12, 35, &on, NULL), 0);
	assert_int_equal(ft_page_lanes_add(&l, 0, 38, 100, &wait, NULL), 0);
	assert_int_equal(ft_page_lanes_add(&l, 0, 90, 80, &on, NULL), 0);
	assert_int_equal(ft_page_lanes_add(&l, 0, 100, 100, &gap, NULL), 0);
	ft_page_lanes_put(&l, &stacks, lock_number, &b);
	r = (struct in){b.p, b.p + b.len};
	g = read_lane(&r, &cnt, &start);
	assert_int_equal(cnt, sizeof(want) / sizeof(want[0]));
	for (__u64 i = 0; i < cnt; i++) {
		assert_int_equal(g[i].at, want[i][0]);
		assert_int_equal(g[i].len, want[i][1]);
		assert_int_equal(g[i].tag, want[i][2]);
	}
	assert_int_equal(g[4].wake, 60);
	free(g);
	ft_bytes_free(&b);
	/* a gap is seen in what it was merged into, even one of no length */
	assert_int_equal(ft_page_lanes_merge(&l, 1000000), 0);
	ft_page_lanes_put(&l, &stacks, lock_number, &b);
	r = (struct in){b.p, b.p + b.len};
	g = read_lane(&r, &cnt, &start);
	for (__u64 i = 0; i < cnt; i++)
		assert_true(g[i].tag == 13 || g[i].tag == 3 || g[i].share[13]);
	free(g);
	ft_bytes_free(&b);
	ft_page_lanes_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_merged),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_odd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
