/* SPDX-License-Identifier: BSD-2-Clause */
/* LDFLAGS: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* Tests of the tables of stacks: numbers, cut strings, a full tree, sums, no memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "capture/intern.h"
#include "oom.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static struct ft_intern *make(size_t node_max)
{
	struct ft_intern *t = NULL;

	assert_int_equal(ft_intern_new(node_max, &t), 0);
	return t;
}

static __u32 frame(struct ft_intern *t, struct ft_frame f)
{
	__u32 no = 4711;

	assert_int_equal(ft_intern_frame(t, &f, &no), 0);
	return no;
}

static __u32 node(struct ft_intern *t, __u32 parent, __u32 frame_no)
{
	__u32 no = 4711;

	assert_int_equal(ft_intern_node(t, parent, frame_no, &no), 0);
	return no;
}

static void weigh(struct ft_intern *t, __u32 stack, __u8 kind, __u32 arg, __u64 ns)
{
	struct ft_weight w = {
		.stack = stack, .arg = arg, .kind = kind, .ns = ns, .raw_ns = ns / 3, .cnt = 1};

	assert_int_equal(ft_intern_weight(t, &w), 0);
}

static void test_frames(void **state)
{
	static const struct ft_frame f[] = {
		{.name = "f", .file = "x.py", .line = 3, .first_line = 1},
		/* each differs in one field */
		{.name = "g", .file = "x.py", .line = 3, .first_line = 1},
		{.name = "f", .file = "y.py", .line = 3, .first_line = 1},
		{.name = "f", .file = "x.py", .line = 4, .first_line = 1},
		{.name = "f", .file = "x.py", .line = 3, .first_line = 2},
		{.name = "f", .file = "x.py", .line = 3, .first_line = 1, .kind = FT_FK_MARK},
		{.name = "f", .file = "x.py", .line = 3, .first_line = 1, .error = 1},
		/* one string's end is not the other's beginning */
		{.name = "fx", .file = ".py", .line = 3, .first_line = 1},
		{.name = "x.py", .file = "f", .line = 3, .first_line = 1},
	};
	struct ft_intern *t = make(10);
	struct ft_stacks v;
	char name[] = "f", file[] = "x.py";
	__u32 i, round;

	(void)state;
	for (round = 0; round < 3; round++)
		for (i = 0; i < ARRAY_SIZE(f); i++)
			assert_int_equal(frame(t, f[i]), i);
	/* by what the strings say, not by where they are; and they are copied */
	assert_int_equal(
		frame(t, (struct ft_frame){.name = name, .file = file, .line = 3, .first_line = 1}),
		0);
	i = frame(t, (struct ft_frame){.name = name, .file = file, .line = 99});
	assert_int_equal(i, ARRAY_SIZE(f));
	memset(name, 'z', sizeof(name) - 1);
	memset(file, 'z', sizeof(file) - 1);
	ft_intern_view(t, &v);
	assert_int_equal(v.frame_cnt, ARRAY_SIZE(f) + 1);
	assert_int_equal(v.node_cnt, 0);
	assert_int_equal(v.weight_cnt, 0);
	for (i = 0; i < ARRAY_SIZE(f); i++) {
		assert_string_equal(v.frame[i].name, f[i].name);
		assert_string_equal(v.frame[i].file, f[i].file);
		assert_int_equal(v.frame[i].line, f[i].line);
		assert_int_equal(v.frame[i].first_line, f[i].first_line);
		assert_int_equal(v.frame[i].kind, f[i].kind);
		assert_int_equal(v.frame[i].error, f[i].error);
	}
	assert_string_equal(v.frame[i].name, "f");
	assert_string_equal(v.frame[i].file, "x.py");
	/* nothing is NULL, and no name is empty */
	i = frame(t, (struct ft_frame){0});
	assert_int_equal(frame(t, (struct ft_frame){.name = "", .file = ""}), i);
	assert_int_equal(frame(t, (struct ft_frame){.name = "?"}), i);
	ft_intern_view(t, &v);
	assert_string_equal(v.frame[i].name, "?");
	assert_string_equal(v.frame[i].file, "");
	ft_intern_free(t);
	ft_intern_free(NULL);
}

/* A string of `len` bytes: ASCII up to `from`, then characters as long as `tail`. */
static char *long_string(size_t len, size_t from, const char *tail)
{
	char *s = __real_malloc(len + 8);
	size_t n = strlen(tail);

	assert_non_null(s);
	memset(s, 'a', from);
	for (; from < len; from += n)
		memcpy(s + from, tail, n);
	s[from] = 0;
	return s;
}

static void test_cut(void **state)
{
	static const char *const tails[] = {"b", "\u00e9", "\u20ac", "\U0001f40d"};
	struct ft_intern *t = make(10);
	size_t i, from, len, k, want, n;
	struct ft_stacks v;
	__u32 no;
	char *s;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(tails); i++) {
		size_t w = strlen(tails[i]);

		for (from = FT_FRAME_STRING_MAX - 9; from <= FT_FRAME_STRING_MAX; from++) {
			for (len = FT_FRAME_STRING_MAX - 5; len < FT_FRAME_STRING_MAX + 7; len++) {
				s = long_string(len, from, tails[i]);
				n = strlen(s);
				want = n;
				if (n > FT_FRAME_STRING_MAX)
					want = from + (FT_FRAME_STRING_MAX - from) / w * w;
				no = frame(t, (struct ft_frame){.name = s, .file = s});
				ft_intern_view(t, &v);
				assert_int_equal(strlen(v.frame[no].name), want);
				assert_memory_equal(v.frame[no].name, s, want);
				assert_ptr_equal(v.frame[no].name, v.frame[no].file);
				for (k = 0; k < want; k += n) {
					n = ft_utf8_seq(v.frame[no].name + k, want - k, NULL);
					assert_true(n);
				}
				free(s);
			}
		}
	}
	/* two that are the same as far as they are kept are one */
	s = long_string(FT_FRAME_STRING_MAX + 100, FT_FRAME_STRING_MAX, "b");
	no = frame(t, (struct ft_frame){.name = s});
	s[FT_FRAME_STRING_MAX] = 'c';
	assert_int_equal(frame(t, (struct ft_frame){.name = s}), no);
	free(s);
	ft_intern_free(t);
}

static void test_nodes(void **state)
{
	struct ft_intern *t = make(3);
	__u32 f = frame(t, (struct ft_frame){.name = "f"});
	__u32 g = frame(t, (struct ft_frame){.name = "g"});
	struct ft_stacks v;

	(void)state;
	assert_int_equal(node(t, FT_NO_STACK, f), 0);
	assert_int_equal(node(t, 0, f), 1); /* recursion is no circle */
	assert_int_equal(node(t, FT_NO_STACK, f), 0);
	assert_int_equal(node(t, FT_NO_STACK, g), 2);
	/* full: what is there is still found, and the rest is nowhere */
	assert_int_equal(node(t, 1, f), FT_NO_STACK);
	assert_int_equal(node(t, 2, g), FT_NO_STACK);
	assert_int_equal(node(t, 0, f), 1);
	assert_int_equal(node(t, FT_NO_STACK, g), 2);
	ft_intern_view(t, &v);
	assert_int_equal(v.node_cnt, 3);
	assert_int_equal(v.node[0].parent, FT_NO_STACK);
	assert_int_equal(v.node[1].parent, 0);
	assert_int_equal(v.node[1].frame, f);
	assert_int_equal(v.node[2].frame, g);
	ft_intern_free(t);
	t = make(0);
	f = frame(t, (struct ft_frame){.name = "f"});
	assert_int_equal(node(t, FT_NO_STACK, f), FT_NO_STACK);
	ft_intern_free(t);
}

/* A tree of ten thousand: every parent is older, and a second time nothing is new. */
static void test_many(void **state)
{
	struct ft_intern *t = make(1 << 20);
	struct ft_stacks v;
	char name[32];
	__u32 i, round, f;

	(void)state;
	for (round = 0; round < 2; round++) {
		for (i = 0; i < 10000; i++) {
			snprintf(name, sizeof(name), "name %u", i);
			f = frame(t, (struct ft_frame){.name = name, .line = i});
			assert_int_equal(f, i);
			assert_int_equal(node(t, i ? i / 3 : FT_NO_STACK, f), i);
			weigh(t, i, FT_ST_BLOCKED, i % 7, 3);
		}
	}
	ft_intern_view(t, &v);
	assert_int_equal(v.frame_cnt, 10000);
	assert_int_equal(v.node_cnt, 10000);
	assert_int_equal(v.weight_cnt, 10000);
	for (i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "name %u", i);
		assert_string_equal(v.frame[v.node[i].frame].name, name);
		assert_true(i ? v.node[i].parent < i : v.node[i].parent == FT_NO_STACK);
		assert_int_equal(v.weight[i].ns, 6);
	}
	ft_intern_free(t);
}

static void check_weight(struct ft_intern *t, size_t i, __u64 ns, __u64 raw, __u64 cnt)
{
	struct ft_stacks v;

	ft_intern_view(t, &v);
	assert_true(i < v.weight_cnt);
	assert_int_equal(v.weight[i].ns, ns);
	assert_int_equal(v.weight[i].raw_ns, raw);
	assert_int_equal(v.weight[i].cnt, cnt);
}

static void test_weights(void **state)
{
	struct ft_intern *t = make(10);
	struct ft_stacks v;

	(void)state;
	ft_intern_rewind(t); /* of nothing */
	ft_intern_keep(t);
	weigh(t, 0, FT_ST_BLOCKED, 7, 300);
	weigh(t, 0, FT_ST_BLOCKED, 7, 30);
	/* each differs in one thing */
	weigh(t, 1, FT_ST_BLOCKED, 7, 3);
	weigh(t, 0, FT_SK_ON, 7, 6);
	weigh(t, 0, FT_ST_BLOCKED, 8, 9);
	weigh(t, FT_NO_STACK, FT_ST_BLOCKED, 7, 12);
	check_weight(t, 0, 330, 110, 2);
	check_weight(t, 1, 3, 1, 1);
	check_weight(t, 2, 6, 2, 1);
	check_weight(t, 3, 9, 3, 1);
	check_weight(t, 4, 12, 4, 1);
	ft_intern_view(t, &v);
	assert_int_equal(v.weight_cnt, 5);
	assert_int_equal(v.weight[4].stack, FT_NO_STACK);
	assert_int_equal(v.weight[2].kind, FT_SK_ON);
	assert_int_equal(v.weight[3].arg, 8);
	/* nothing was kept: back to nothing, the same sums read again come out the same */
	ft_intern_rewind(t);
	check_weight(t, 0, 0, 0, 0);
	weigh(t, 0, FT_ST_BLOCKED, 7, 3000);
	ft_intern_rewind(t);
	weigh(t, 0, FT_ST_BLOCKED, 7, 6000);
	check_weight(t, 0, 6000, 2000, 1);
	/* kept: what is read from then on comes on top */
	ft_intern_keep(t);
	weigh(t, 0, FT_ST_BLOCKED, 7, 30);
	weigh(t, 2, FT_ST_RUNQ, 0, 60); /* was not there when the others were kept */
	check_weight(t, 0, 6030, 2010, 2);
	ft_intern_rewind(t);
	check_weight(t, 0, 6000, 2000, 1);
	check_weight(t, 5, 0, 0, 0);
	ft_intern_rewind(t);
	check_weight(t, 0, 6000, 2000, 1);
	ft_intern_free(t);
}

/* Rewound and kept at random while it grows, against plain sums. */
static void test_weights_random(void **state)
{
	static __u64 now[500], kept[500];
	struct ft_intern *t = make(10);
	__u64 rng = 88172645463325252ull;
	struct ft_stacks v;
	__u32 k, i;

	(void)state;
	for (k = 0; k < 50000; k++) {
		/* xorshift64: Marsaglia, "Xorshift RNGs" */
		rng ^= rng << 13;
		rng ^= rng >> 7;
		rng ^= rng << 17;
		i = (__u32)(rng >> 20) % (1 + k % ARRAY_SIZE(now));
		if (rng % 97 == 0) {
			ft_intern_rewind(t);
			memcpy(now, kept, sizeof(now));
		} else if (rng % 89 == 0) {
			ft_intern_keep(t);
			memcpy(kept, now, sizeof(now));
		} else {
			weigh(t, i, i % 5 + 1, i % 3, k);
			now[i] += k;
		}
	}
	ft_intern_view(t, &v);
	assert_true(v.weight_cnt > 300);
	for (i = 0; i < v.weight_cnt; i++)
		assert_int_equal(v.weight[i].ns, now[v.weight[i].stack]);
	ft_intern_free(t);
}

/* Fills tables that grow several times. The first error. */
static int fill(struct ft_intern **out)
{
	struct ft_intern *t = NULL;
	struct ft_weight w = {.ns = 5, .cnt = 1};
	char name[32];
	__u32 i, f, n;
	int err = ft_intern_new(1000, &t);

	for (i = 0; i < 700 && !err; i++) {
		snprintf(name, sizeof(name), "name %u", i);
		err = ft_intern_frame(t, &(struct ft_frame){.name = name, .file = "x"}, &f);
		assert_true(err || f == i);
		err = err ?: ft_intern_node(t, i ? i - 1 : FT_NO_STACK, f, &n);
		assert_true(err || n == i);
		w.stack = i;
		err = err ?: ft_intern_weight(t, &w);
	}
	*out = t;
	return err;
}

/*
 * The n-th allocation fails, also those of the hash tables: -ENOMEM, nothing half in a table, and
 * the same once more goes well. What failed is not counted twice.
 */
static void test_oom(void **state)
{
	struct ft_intern *t;
	struct ft_stacks v;
	char name[32];
	__u32 i, f, n_;
	long n;
	int err;

	(void)state;
	for (n = 1; n < 10000; n++) {
		failed = false;
		countdown = n;
		err = fill(&t);
		countdown = 0;
		assert_int_equal(err, failed ? -ENOMEM : 0);
		if (!failed)
			break;
		if (!t) {
			assert_int_equal(n, 1);
			continue;
		}
		ft_intern_rewind(t);
		ft_intern_view(t, &v);
		assert_true(v.weight_cnt <= v.node_cnt && v.node_cnt <= v.frame_cnt);
		assert_true(v.frame_cnt <= v.weight_cnt + 1);
		for (i = 0; i < v.frame_cnt + 5; i++) {
			struct ft_weight w = {.stack = i, .ns = 7, .cnt = 1};

			snprintf(name, sizeof(name), "name %u", i);
			f = frame(t, (struct ft_frame){.name = name, .file = "x"});
			assert_int_equal(f, i);
			n_ = node(t, i ? i - 1 : FT_NO_STACK, f);
			assert_int_equal(n_, i);
			assert_int_equal(ft_intern_weight(t, &w), 0);
			check_weight(t, i, 7, 0, 1);
			ft_intern_view(t, &v);
			assert_string_equal(v.frame[i].name, name);
			if (i > 300) /* enough of it: this is quadratic */
				break;
		}
		ft_intern_free(t);
	}
	assert_int_equal(err, 0);
	assert_true(n > 2800 && n < 10000); /* one an entry, and the tables */
	ft_intern_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),	cmocka_unit_test(test_cut),
		cmocka_unit_test(test_nodes),	cmocka_unit_test(test_many),
		cmocka_unit_test(test_weights), cmocka_unit_test(test_weights_random),
		cmocka_unit_test(test_oom),
	};

	return cmocka_run_group_tests_name("intern", tests, NULL, NULL);
}
