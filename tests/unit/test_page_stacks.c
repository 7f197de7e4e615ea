/* SPDX-License-Identifier: BSD-2-Clause */
/* Samples of a page: the tree of their frames, what is left out of it, and how they are summed up.
 */
#include "page_read.h"

#include <json-c/json.h>
#include <stdio.h>

#include "export/page_priv.h"

#define NODES 4000u
#define FRAMES 500u
#define LONG 500000u

static __u64 seed = 88172645463325252ull;
static struct ft_frame frame[FRAMES];
static char name[FRAMES][64];
static struct ft_node node[NODES];
static const struct ft_stacks stacks = {
	.frame = frame, .frame_cnt = FRAMES, .node = node, .node_cnt = NODES};

static __u64 rnd(__u64 below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % below;
}

static int make(void **state)
{
	(void)state;
	for (__u32 i = 0; i < FRAMES; i++) {
		snprintf(name[i], sizeof(name[i]), "function_%u", i);
		frame[i] = (struct ft_frame){.name = name[i], .file = "app.py", .line = i};
	}
	for (__u32 i = 0; i < NODES; i++) {
		node[i].frame = (__u32)rnd(FRAMES);
		node[i].parent = i % 50 ? i - 1 - (__u32)rnd(i < 5 ? 1 : 5) : FT_NO_STACK;
		if (i % 50 && node[i].parent >= i)
			node[i].parent = FT_NO_STACK;
	}
	return 0;
}

/* The page's tree, as a script reads it: weight by the stack's names. */
struct tree {
	struct json_object *root, *nodes, *frames;
	size_t cnt;
	double *sum; /* of each node by its samples */
	double total;
	__u64 samples, last;
	__u64 kept[2]; /* [1]: long ones */
};

static void read_tree(struct ft_page_stacks *p, struct tree *t)
{
	struct ft_text json = {0};
	struct ft_bytes b = {0};
	struct in r;

	memset(t, 0, sizeof(*t));
	ft_text_add(&json, "{");
	ft_page_stacks_json(p, &json);
	ft_text_add(&json, "}");
	t->root = json_tokener_parse(json.s);
	assert_non_null(t->root);
	ft_text_free(&json);
	t->nodes = json_object_object_get(t->root, "nodes");
	t->frames = json_object_object_get(t->root, "frames");
	t->cnt = json_object_array_length(t->nodes) / 2;
	t->sum = calloc(t->cnt + 1, sizeof(*t->sum));
	assert_non_null(t->sum);
	ft_page_stacks_put(p, &b);
	r = (struct in){b.p, b.p + b.len};
	for (t->samples = in_v(&r); r.p < r.end;) {
		__u64 at, ns;

		t->last += in_v(&r);
		assert_true(in_u8(&r) < 12);
		at = in_v(&r);
		assert_true(at < t->cnt);
		ns = in_v(&r);
		t->kept[ns >= LONG]++;
		if (ns < p->least_ns)
			ns = p->least_ns;
		t->sum[at] += (double)ns;
		t->total += (double)ns;
	}
	ft_bytes_free(&b);
}

static void free_tree(struct tree *t)
{
	json_object_put(t->root);
	free(t->sum);
}

static __s64 number_at(struct json_object *list, size_t i)
{
	return json_object_get_int64(json_object_array_get_idx(list, i));
}

static const char *name_of(const struct tree *t, size_t no)
{
	return json_object_get_string(json_object_array_get_idx(
		t->frames, (size_t)number_at(t->nodes, 2 * no + 1) * 5 + 1));
}

/* Whether node no of the page is the session's stack n, from its outermost frame on. */
static bool same_stack(const struct tree *t, __s64 no, __u32 n)
{
	for (; no >= 0 && n != FT_NO_STACK; n = node[n].parent) {
		if (strcmp(name_of(t, (size_t)no), frame[node[n].frame].name))
			return false;
		no = number_at(t->nodes, 2 * (size_t)no) - 1;
	}
	return no < 0 && n == FT_NO_STACK;
}

static void test_all(void **state)
{
	struct ft_page_stacks p;
	double want[NODES] = {0}, total = 0;
	struct tree t;

	(void)state;
	assert_int_equal(ft_page_stacks_init(&p, &stacks), 0);
	for (__u32 i = 0; i < 20000; i++) {
		__u32 n = (__u32)rnd(NODES / 2); /* the others are not used */
		__u64 ns = 1 + rnd(1000);

		assert_int_equal(ft_page_stacks_add(&p, (__u32)rnd(1000000), (__u8)rnd(12), n, ns),
				 0);
		want[n] += (double)ns;
		total += (double)ns;
	}
	/* no stack, no node, no time */
	assert_int_equal(ft_page_stacks_add(&p, 5, 0, FT_NO_STACK, 10), 0);
	assert_int_equal(ft_page_stacks_add(&p, 5, 0, NODES, 10), 0);
	assert_int_equal(ft_page_stacks_add(&p, 5, 0, 1, 0), 0);
	assert_int_equal(ft_page_stacks_settle(&p, 10000000), 0);
	assert_int_equal(p.least_ns, 0);
	read_tree(&p, &t);
	assert_int_equal(t.samples, 20000);
	assert_true(t.total == total);
	assert_true(t.cnt <= NODES / 2);
	for (__u32 n = 0; n < NODES; n++) {
		if (!want[n]) {
			if (n >= NODES / 2)
				assert_true(p.number[n] == 0xffffffffu);
			continue;
		}
		assert_true(same_stack(&t, p.number[n], n));
		assert_true(t.sum[p.number[n]] == want[n]);
	}
	for (size_t i = 0; i < t.cnt; i++)
		assert_true(number_at(t.nodes, 2 * i) <= (__s64)i);
	free_tree(&t);
	ft_page_stacks_free(&p);
}

/* Little room: the heaviest stay, and the time of all others stands under a mark below them. */
static void test_left_out(void **state)
{
	struct ft_page_stacks p;
	double total = 0, left = 0;
	size_t marks = 0, len;
	struct ft_text json = {0};
	struct tree t;

	(void)state;
	assert_int_equal(ft_page_stacks_init(&p, &stacks), 0);
	for (__u32 i = 0; i < NODES; i++) {
		__u64 ns = i == 777 ? 100000000 : 1 + rnd(1000);

		assert_int_equal(ft_page_stacks_add(&p, i, 3, i, ns), 0);
		total += (double)ns;
	}
	assert_int_equal(ft_page_stacks_settle(&p, 8000), 0);
	ft_page_stacks_json(&p, &json);
	len = json.len;
	ft_text_free(&json);
	assert_true(len < 8200); /* the last one may be too long */
	read_tree(&p, &t);
	assert_true(t.total == total);
	assert_true(same_stack(&t, p.number[777], 777));
	assert_true(t.sum[p.number[777]] == 100000000.0);
	for (size_t i = 0; i < t.cnt; i++) {
		if (strcmp(name_of(&t, i), "[left out]"))
			continue;
		marks++;
		left += t.sum[i];
	}
	assert_true(marks > 5 && left > 1000);
	for (__u32 n = 0; n < NODES; n++) {
		__s64 no = p.number[n];
		__u32 up = n;

		if (strcmp(name_of(&t, (size_t)no), "[left out]"))
			continue;
		/* below the nearest caller that is there */
		while (up != FT_NO_STACK && !strcmp(name_of(&t, p.number[up]), "[left out]"))
			up = node[up].parent;
		no = number_at(t.nodes, 2 * (size_t)no) - 1;
		assert_true(up == FT_NO_STACK ? no < 0 : no == p.number[up]);
	}
	free_tree(&t);
	ft_page_stacks_free(&p);
	/* no room at all: all of it is left out */
	assert_int_equal(ft_page_stacks_init(&p, &stacks), 0);
	assert_int_equal(ft_page_stacks_add(&p, 7, 3, 100, 5), 0);
	assert_int_equal(ft_page_stacks_settle(&p, 0), 0);
	read_tree(&p, &t);
	assert_int_equal(t.cnt, 1);
	assert_string_equal(name_of(&t, 0), "[left out]");
	assert_true(t.sum[0] == 5);
	free_tree(&t);
	ft_page_stacks_free(&p);
}

/*
 * Very many: long ones all stay where they were, short ones by chance, and the sums over all of
 * them and over each stack are right within what chance does (five times its deviation).
 */
static void test_thinned_out(void **state)
{
	struct ft_page_stacks p;
	double want[20] = {0}, var[20] = {0};
	static __u64 ns[10 * FT_PAGE_SAMPLES_MAX];
	__u64 long_cnt = 0;
	struct tree t;

	(void)state;
	assert_int_equal(ft_page_stacks_init(&p, &stacks), 0);
	for (__u32 i = 0; i < 10 * FT_PAGE_SAMPLES_MAX; i++) {
		ns[i] = rnd(1000) ? 1 + rnd(1000) : LONG + rnd(LONG);
		long_cnt += ns[i] >= LONG;
		assert_int_equal(ft_page_stacks_add(&p, i * 400, 9, i % 20, ns[i]), 0);
		assert_true(p.cnt <= 4 * FT_PAGE_SAMPLES_MAX);
	}
	assert_int_equal(ft_page_stacks_settle(&p, 1000000), 0);
	assert_true(p.least_ns > 1000 && p.least_ns < LONG);
	for (__u32 i = 0; i < 10 * FT_PAGE_SAMPLES_MAX; i++) {
		want[i % 20] += (double)ns[i];
		if (ns[i] < p.least_ns)
			var[i % 20] += (double)ns[i] * (double)(p.least_ns - ns[i]);
	}
	read_tree(&p, &t);
	assert_true(t.samples <= FT_PAGE_SAMPLES_MAX);
	assert_true(t.samples > FT_PAGE_SAMPLES_MAX / 2);
	assert_int_equal(t.kept[1], long_cnt);
	for (__u32 n = 0; n < 20; n++) {
		double off = t.sum[p.number[n]] - want[n];

		assert_true(off * off < 25 * var[n]);
	}
	free_tree(&t);
	ft_page_stacks_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_thinned_out),
	};

	return cmocka_run_group_tests(tests, make, NULL);
}
