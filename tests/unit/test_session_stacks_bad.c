/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of stacks in session files by somebody hostile, and of what the writer refuses to make. */
#include "session_stacks.h"

#include <errno.h>

#include "record/varint.h"

/* A chunk of somebody's own making at the end of the small file, rightly summed. */
static void append_chunk(__u16 type, __u64 first, __u32 cnt, const void *p, size_t n)
{
	struct ft_chunk_in in = {.type = type, .cnt = cnt, .first_ns = first, .data = p, .len = n};
	struct ft_packer *packer;
	struct ft_chunk_hdr h;
	const void *chunk;
	size_t len, end, chunk_len;
	__u8 *bytes = slurp(&len), *all;

	end = find_chunk(bytes, len, FT_CHUNK_INDEX, 0);
	memcpy(&h, bytes + end, sizeof(h));
	in.no = h.no;
	assert_int_equal(ft_packer_new(&packer), 0);
	assert_int_equal(ft_chunk_pack(packer, &in, &chunk, &chunk_len, &h), 0);
	all = grab(end + chunk_len, 1);
	memcpy(all, bytes, end);
	memcpy(all + end, chunk, chunk_len);
	put_bytes(all, end + chunk_len);
	ft_packer_free(packer);
	free(all);
	free(bytes);
}

#define BYTES(...) (const __u8[]){__VA_ARGS__}, sizeof((const __u8[]){__VA_ARGS__})
#define GOOD(...) BYTES(__VA_ARGS__), true
#define BAD(...) BYTES(__VA_ARGS__), false

struct hostile {
	const char *what;
	__u16 type;
	__u32 first;
	__u32 cnt;
	const __u8 *p;
	size_t n;
	bool good;
};

/*
 * Of one element each unless said: lengths of the columns, strings (their number, lengths, bytes),
 * columns.
 */
static const struct hostile hostile[] = {
#define F FT_CHUNK_FRAMES, 24, 1
	{"a good frame", F, GOOD(1, 1, 1, 1, 1, 1, 1, 'x', 0, 0, 0, 9, 2)},
	{"a good mark", F, GOOD(1, 1, 1, 1, 1, 2, 1, 0, 'x', 7, 0, 1, 9, 2)},
	{"nothing", F, BAD(0)},
	{"an error of 2", F, BAD(1, 1, 1, 1, 1, 1, 1, 'x', 8, 0, 0, 9, 2)},
	{"no name", F, BAD(1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 9, 2)},
	{"a NUL", F, BAD(1, 1, 1, 1, 1, 1, 2, 'x', 0, 0, 0, 0, 9, 2)},
	{"no UTF-8", F, BAD(1, 1, 1, 1, 1, 1, 1, 0xff, 0, 0, 0, 9, 2)},
	{"half a letter", F, BAD(1, 1, 1, 1, 1, 1, 1, 0xc3, 0, 0, 0, 9, 2)},
	{"a surrogate", F, BAD(1, 1, 1, 1, 1, 1, 3, 0xed, 0xa0, 0x80, 0, 0, 0, 9, 2)},
	{"name 1 of 1", F, BAD(1, 1, 1, 1, 1, 1, 1, 'x', 0, 1, 0, 9, 2)},
	{"file 1 of 1", F, BAD(1, 1, 1, 1, 1, 1, 1, 'x', 0, 0, 1, 9, 2)},
	{"line -1", F, BAD(1, 1, 1, 1, 1, 1, 1, 'x', 0, 0, 0, 0, 1)},
	{"a line of 35 bits", F,
	 BAD(1, 1, 1, 5, 1, 1, 1, 'x', 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x7f, 0)},
	{"a string that is longer than all", F, BAD(1, 1, 1, 1, 1, 1, 9, 'x', 0, 0, 0, 9, 2)},
	{"more strings than frames have", F,
	 BAD(1, 1, 1, 1, 1, 3, 1, 1, 1, 'x', 'y', 'z', 0, 0, 0, 9, 2)},
	{"bytes that are over", F, BAD(1, 1, 1, 1, 1, 1, 1, 'x', 'y', 0, 0, 0, 9, 2)},
	{"a column that goes on", F, BAD(1, 1, 1, 1, 2, 1, 1, 'x', 0, 0, 0, 9, 2, 2)},
	{"a column that is longer than all", F, BAD(1, 1, 1, 1, 99, 1, 1, 'x', 0, 0, 0, 9, 2)},
	{"columns whose lengths wrap", F,
	 BAD(1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 1, 1, 1, 'x', 0)},
	{"a frame that is there already", FT_CHUNK_FRAMES, 23, 1,
	 BAD(1, 1, 1, 1, 1, 1, 1, 'x', 0, 0, 0, 9, 2)},
	{"fewer frames than told", FT_CHUNK_FRAMES, 24, 2,
	 BAD(1, 1, 1, 1, 1, 1, 1, 'x', 0, 0, 0, 9, 2)},
#define N FT_CHUNK_NODES, 60, 1
	{"a good node", N, GOOD(1, 1, 60, 2)},
	{"a parent before the first", N, BAD(1, 1, 61, 2)},
	{"a frame of 33 bits", N, BAD(1, 5, 1, 0x80, 0x80, 0x80, 0x80, 0x20)},
	{"a frame below 0", N, BAD(1, 1, 1, 1)},
	{"a node that is there already", FT_CHUNK_NODES, 59, 1, BAD(1, 1, 1, 2)},
	{"fewer nodes than told", FT_CHUNK_NODES, 60, 2, BAD(1, 1, 1, 2)},
	{"more nodes than told", N, BAD(2, 2, 1, 1, 2, 2)},
	{"one node more", N, BAD(1, 1, 1, 2, 9)},
#define W FT_CHUNK_WEIGHTS, 0, 1
	{"a good weight", W, GOOD(1, 1, 1, 1, 1, 1, 0, 2, 0, 9, 0, 1)},
	{"a kind between", W, BAD(1, 1, 1, 1, 1, 1, FT_ST_CNT, 2, 0, 9, 0, 1)},
	{"a kind on no core", W, BAD(1, 1, 1, 1, 1, 1, FT_SK_ON + 3, 2, 0, 9, 0, 1)},
	{"a kind beyond", W, BAD(1, 1, 1, 1, 1, 1, FT_SK_CNT, 2, 0, 9, 0, 1)},
	{"a stack below 0", W, BAD(1, 1, 1, 1, 1, 1, 0, 1, 0, 9, 0, 1)},
	{"a stack of 34 bits", W,
	 BAD(1, 5, 1, 1, 1, 1, 0, 0x80, 0x80, 0x80, 0x80, 0x40, 0, 9, 0, 1)},
	{"an argument of 35 bits", W,
	 BAD(1, 1, 5, 1, 1, 1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0x7f, 9, 0, 1)},
	{"no count", W, BAD(1, 1, 1, 1, 1, 0, 0, 2, 0, 9, 0)},
	{"fewer weights than told", FT_CHUNK_WEIGHTS, 0, 2,
	 BAD(1, 1, 1, 1, 1, 1, 0, 2, 0, 9, 0, 1)},
};

static void test_hostile(void **state)
{
	const struct ft_stacks *s;
	struct ft_reader *r;
	struct truth t;
	size_t i;

	(void)state;
	write_small(&t);
	for (i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		const struct hostile *h = &hostile[i];

		append_chunk(h->type, h->first, h->cnt, h->p, h->n);
		r = reopen(bad_path);
		s = ft_reader_stacks(r);
		expect_promises(s);
		if (h->good != !strstr(ft_reader_damage(r), "1 damaged"))
			fail_msg("%s: %s", h->what, ft_reader_damage(r));
		if (h->good && h->type == FT_CHUNK_NODES) {
			assert_int_equal(s->node_cnt, 61);
			assert_true(s->node[60].parent == 0 && s->node[60].frame == 1);
		}
		if (!h->good)
			expect_same(&(struct ft_stacks){s->frame, 24, s->node, 60, s->weight,
							s->weight_cnt},
				    &t.s);
		ft_reader_close(r);
	}
	free_truth(&t);
	unlink(path);
	unlink(bad_path);
}

/* Numbers that are far away: the memory for what lies between is bounded. */
static void test_far(void **state)
{
	static const __u8 frame[] = {1, 1, 1, 1, 1, 1, 1, 'x', 0, 0, 0, 9, 2};
	static const __u8 node[] = {1, 1, 1, 0};
	const struct ft_stacks *s;
	struct ft_reader *r;
	struct truth t;

	(void)state;
	write_small(&t);
	append_chunk(FT_CHUNK_FRAMES, FT_STACKS_MAX_FRAMES - 1, 1, frame, sizeof(frame));
	r = reopen(bad_path);
	s = ft_reader_stacks(r);
	assert_int_equal(s->frame_cnt, FT_STACKS_MAX_FRAMES);
	assert_true(is_lost(&s->frame[24]) && is_lost(&s->frame[s->frame_cnt - 2]));
	assert_string_equal(s->frame[s->frame_cnt - 1].name, "x");
	ft_reader_close(r);
	append_chunk(FT_CHUNK_FRAMES, FT_STACKS_MAX_FRAMES, 1, frame, sizeof(frame));
	r = reopen(bad_path);
	expect_same(ft_reader_stacks(r), &t.s);
	ft_reader_close(r);
	append_chunk(FT_CHUNK_NODES, 100, 1, node, sizeof(node));
	r = reopen(bad_path);
	s = ft_reader_stacks(r);
	assert_int_equal(s->node_cnt, 101);
	assert_true(is_lost(&s->frame[s->node[60].frame]) && s->node[60].parent == FT_NO_STACK);
	assert_true(s->node[100].parent == 99 && s->node[100].frame == 0);
	assert_non_null(strstr(ft_reader_damage(r), "40 frames in its tree of stacks are lost"));
	ft_reader_close(r);
	append_chunk(FT_CHUNK_NODES, FT_STACKS_MAX_NODES, 1, node, sizeof(node));
	r = reopen(bad_path);
	expect_same(ft_reader_stacks(r), &t.s);
	ft_reader_close(r);
	free_truth(&t);
	unlink(path);
	unlink(bad_path);
}

/* What names a stack that is not there: the weight and the event stay, without it. */
static void test_no_such_stack(void **state)
{
	static const __u8 node[] = {1, 2, 1, 0x80 | 60, 1}; /* frame 94 */
	/* stack 59, which is the last one, and 60 */
	static const __u8 weight[] = {2, 2, 2, 2, 2, 2, 0, 0, 120, 2, 0, 0, 9, 8, 0, 0, 1, 1};
	const struct ft_stacks *s;
	struct ft_reader *r;
	struct truth t;

	(void)state;
	write_small(&t);
	append_chunk(FT_CHUNK_WEIGHTS, 0, 2, weight, sizeof(weight));
	r = reopen(bad_path);
	s = ft_reader_stacks(r);
	assert_int_equal(s->weight_cnt, 2);
	assert_true(s->weight[0].stack == 59 && s->weight[0].ns == 9);
	assert_true(s->weight[1].stack == FT_NO_STACK && s->weight[1].ns == 8);
	assert_non_null(strstr(ft_reader_damage(r), "1 events, weights and findings have a stack"));
	ft_reader_close(r);
	append_chunk(FT_CHUNK_NODES, 60, 1, node, sizeof(node));
	r = reopen(bad_path);
	s = ft_reader_stacks(r);
	assert_int_equal(s->node_cnt, 61);
	assert_int_equal(s->node[60].parent, 59);
	assert_true(is_lost(&s->frame[s->node[60].frame]));
	assert_non_null(strstr(ft_reader_damage(r), "1 frames in its tree of stacks are lost"));
	ft_reader_close(r);
	free_truth(&t);
	unlink(path);
	unlink(bad_path);
}

static int see(void *ctx, const struct ft_event *ev)
{
	__u32 *stack = ctx;

	stack[(ev->ts - 1000) / 10] = ev->stack;
	return 0;
}

static void test_events(void **state)
{
	static const struct {
		__u8 type;
		__u32 stack, want;
	} c[] = {
		{FT_EV_SLICE, 0, 0},
		{FT_EV_TICK, 59, 59},
		{FT_EV_SLICE, FT_NO_STACK, FT_NO_STACK},
		{FT_EV_TICK, 60, FT_NO_STACK},
		{FT_EV_SLICE, FT_NO_STACK - 1, FT_NO_STACK},
		{FT_EV_START, 3, FT_NO_STACK},
		{FT_EV_CPU, 3, FT_NO_STACK},
		{FT_EV_SLICE, 59, 59},
	};
	__u32 got[8];
	struct ft_writer *w = start();
	struct ft_reader *r;
	struct truth t;
	size_t i;

	(void)state;
	make_truth(&t, 24, 60, 15, 20);
	for (i = 0; i < 8; i++) {
		struct ft_event ev = {.type = c[i].type, .waker = FT_NO_THREAD};

		ev.ts = 1000 + i * 10;
		ev.out_ns = ev.type == FT_EV_SLICE ? ev.ts - 5 : 0;
		ev.stack = c[i].stack;
		assert_int_equal(ft_writer_event(w, &ev), 0);
	}
	assert_int_equal(ft_writer_stacks(w, &t.s), 0);
	assert_int_equal(ft_writer_finish(w), 0);
	r = reopen(path);
	assert_null(ft_reader_damage(r));
	memset(got, 0xee, sizeof(got));
	assert_int_equal(ft_reader_events(r, 0, ~0ull, see, got), 0);
	for (i = 0; i < 8; i++)
		assert_int_equal(got[i], c[i].want);
	assert_string_equal(ft_reader_damage(r),
			    "2 events, weights and findings have a stack that is not there");
	/* a second look at them finds no more */
	assert_int_equal(ft_reader_events(r, 0, ~0ull, see, got), 0);
	assert_string_equal(ft_reader_damage(r),
			    "2 events, weights and findings have a stack that is not there");
	ft_reader_close(r);
	free_truth(&t);
	unlink(path);
}

/* One call that must be refused, after one that was taken; then there is no session. */
static void expect_refused(const struct ft_stacks *bad, int code)
{
	static const struct ft_frame frame = {.name = "a", .file = ""};
	const struct ft_stacks good = {.frame = &frame, .frame_cnt = 1};
	struct ft_writer *w = start();

	assert_int_equal(ft_writer_stacks(w, &good), 0);
	assert_int_equal(ft_writer_stacks(w, bad), code);
	assert_int_equal(ft_writer_stacks(w, &good), code);
	assert_int_equal(ft_writer_finish(w), code);
	assert_int_equal(access(path, F_OK), -1);
}

static void test_writer_refuses(void **state)
{
	static const struct ft_frame bad_frame[] = {
		{.name = NULL, .file = ""},
		{.name = "", .file = ""},
		{.name = "\xff", .file = ""},
		{.name = "a", .file = NULL},
		{.name = "a", .file = "\xc3"},
		{.name = "a", .file = "", .kind = FT_FK_CNT},
		{.name = "a", .file = "", .error = 2},
	};
	static char name[FT_FRAME_STRING_MAX + 2];
	struct ft_frame frame[2] = {{.name = "a", .file = ""}};
	struct ft_node node[FT_STACKS_MAX_DEPTH + 1];
	struct ft_weight weight = {.stack = 1, .kind = FT_SK_ON, .ns = 3};
	struct ft_stacks s = {frame, 2, node, FT_STACKS_MAX_DEPTH, &weight, 1}, bad;
	struct ft_writer *w;
	struct ft_reader *r;
	size_t i;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	for (i = 0; i <= FT_STACKS_MAX_DEPTH; i++)
		node[i] = (struct ft_node){i ? (__u32)i - 1 : FT_NO_STACK, i % 2};
	for (i = 0; i < sizeof(bad_frame) / sizeof(bad_frame[0]); i++) {
		frame[1] = bad_frame[i];
		expect_refused(&s, -EINVAL);
	}
	frame[1] = (struct ft_frame){.name = name, .file = ""};
	expect_refused(&s, -EINVAL);
	name[FT_FRAME_STRING_MAX] = 0;
	node[3].parent = 3;
	expect_refused(&s, -EINVAL);
	node[3].parent = 2;
	node[3].frame = 2;
	expect_refused(&s, -EINVAL);
	node[3].frame = 1;
	weight.stack = FT_STACKS_MAX_DEPTH;
	expect_refused(&s, -EINVAL);
	weight.stack = 1;
	weight.kind = FT_SK_CNT;
	expect_refused(&s, -EINVAL);
	weight.kind = FT_SK_BLAME_FREE;
	bad = s;
	bad.node_cnt++; /* too deep */
	expect_refused(&bad, -EINVAL);
	bad = s;
	bad.weight_cnt = FT_STACKS_MAX_WEIGHTS + 1;
	expect_refused(&bad, -EFBIG);
	expect_refused(&(struct ft_stacks){0}, -EINVAL);
	/* a name as long as it may be, and the deepest stack */
	w = start();
	assert_int_equal(ft_writer_stacks(w, &s), 0);
	assert_int_equal(ft_writer_finish(w), 0);
	r = reopen(path);
	assert_null(ft_reader_damage(r));
	expect_same(ft_reader_stacks(r), &s);
	ft_reader_close(r);
	unlink(path);
}

/* One deeper than may be, as no writer of ours makes it. */
static void test_too_deep(void **state)
{
	__u8 p[4 + 2 * (FT_STACKS_MAX_DEPTH + 1)];
	struct ft_reader *r;
	struct truth t;
	__u32 cnt;
	__u8 *at;

	(void)state;
	write_small(&t);
	for (cnt = FT_STACKS_MAX_DEPTH; cnt <= FT_STACKS_MAX_DEPTH + 1; cnt++) {
		at = p;
		put_var(&at, cnt);
		put_var(&at, cnt);
		memset(at, 1, cnt);
		*at = 0; /* outermost; each of the others calls the next */
		memset(at + cnt, 0, cnt);
		append_chunk(FT_CHUNK_NODES, 60, cnt, p, (size_t)(at - p) + 2 * cnt);
		r = reopen(bad_path);
		expect_promises(ft_reader_stacks(r));
		assert_int_equal(ft_reader_stacks(r)->node_cnt, 60 + cnt);
		assert_int_equal(!!strstr(ft_reader_damage(r), "frames in its tree of stacks"),
				 cnt > FT_STACKS_MAX_DEPTH);
		ft_reader_close(r);
	}
	free_truth(&t);
	unlink(path);
	unlink(bad_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile),	       cmocka_unit_test(test_far),
		cmocka_unit_test(test_no_such_stack),  cmocka_unit_test(test_events),
		cmocka_unit_test(test_writer_refuses), cmocka_unit_test(test_too_deep),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
