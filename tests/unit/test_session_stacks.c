/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the stacks in a session file: round trip, every cut, every flipped bit, lost chunks. */
#include "session_stacks.h"

#include <errno.h>
#include <sys/stat.h>

static void test_round_trip(void **state)
{
	static const struct {
		size_t frames, nodes, weights, longest, parts;
	} c[] = {
		{1, 1, 1, 10, 1},
		{7, 20, 10, 64, 1},
		{7, 20, 0, 64, 7},
		{300, 2000, 500, 4096, 5},
		{3, 0, 1, 8, 2},
		{200000, 3, 3, 40, 2},
		{9000, 100000, 70000, 200, 1},
		{9000, 100000, 70000, 200, 20},
	};
	struct truth t;
	struct ft_reader *r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		make_truth(&t, c[i].frames, c[i].nodes, c[i].weights, c[i].longest);
		write_file(&t.s, c[i].parts);
		r = reopen(path);
		assert_null(ft_reader_damage(r));
		expect_same(ft_reader_stacks(r), &t.s);
		expect_promises(ft_reader_stacks(r));
		ft_reader_close(r);
		free_truth(&t);
	}
	unlink(path);
}

/* No stacks at all, and a call that brings none. */
static void test_none(void **state)
{
	struct ft_stacks none = {0};
	struct ft_writer *w;
	struct ft_reader *r;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		w = start();
		if (i)
			assert_int_equal(ft_writer_stacks(w, &none), 0);
		assert_int_equal(ft_writer_finish(w), 0);
		r = reopen(path);
		assert_null(ft_reader_damage(r));
		assert_non_null(ft_reader_stacks(r));
		expect_same(ft_reader_stacks(r), &none);
		ft_reader_close(r);
	}
	unlink(path);
}

/* Weights that are there but left out this time: the file has those of the last call that had any.
 */
static void test_weights_left_out(void **state)
{
	struct truth t;
	struct ft_stacks bare;
	struct ft_writer *w;
	struct ft_reader *r;

	(void)state;
	make_truth(&t, 7, 20, 10, 64);
	bare = t.s;
	bare.weight = NULL;
	w = start();
	assert_int_equal(ft_writer_stacks(w, &bare), 0);
	assert_int_equal(ft_writer_stacks(w, &t.s), 0);
	assert_int_equal(ft_writer_stacks(w, &bare), 0);
	assert_int_equal(ft_writer_finish(w), 0);
	r = reopen(path);
	assert_null(ft_reader_damage(r));
	expect_same(ft_reader_stacks(r), &t.s);
	ft_reader_close(r);
	free_truth(&t);
	unlink(path);
}

/* A long name is once in the file and once in memory, however many lines of it were seen. */
static void test_strings_once(void **state)
{
	struct ft_frame frame[1000];
	struct ft_stacks s = {.frame = frame, .frame_cnt = 500};
	const struct ft_stacks *got;
	char a[4097], b[4097];
	struct ft_writer *w;
	struct ft_reader *r;
	struct stat st;
	size_t i;

	(void)state;
	for (i = 0; i < 4096; i++)
		a[i] = (char)(' ' + rnd() % 95);
	a[4096] = 0;
	memcpy(b, a, sizeof(b));
	for (i = 0; i < 1000; i++)
		frame[i] = (struct ft_frame){
			.name = i % 2 ? a : b, .file = a, .line = (__u32)i, .first_line = 1};
	w = start();
	assert_int_equal(ft_writer_stacks(w, &s), 0);
	s.frame_cnt = 1000;
	assert_int_equal(ft_writer_stacks(w, &s), 0);
	assert_int_equal(ft_writer_finish(w), 0);
	assert_int_equal(stat(path, &st), 0);
	/* once a chunk; random letters do not get shorter than 6.6 bits */
	assert_true(st.st_size > 2 * 3300 && st.st_size < 2 * 4096 + 6000);
	r = reopen(path);
	got = ft_reader_stacks(r);
	assert_int_equal(got->frame_cnt, 1000);
	for (i = 0; i < 1000; i++) {
		assert_ptr_equal(got->frame[i].name, got->frame[0].name);
		assert_ptr_equal(got->frame[i].file, got->frame[0].name);
	}
	ft_reader_close(r);
	unlink(path);
}

/* How many frames and nodes of the damaged file are as they were, -1: refused. */
static long open_damaged(const struct ft_stacks *want)
{
	struct ft_reader *r;
	char err[256] = "";
	long same;
	int ret = ft_reader_open(bad_path, &r, err, sizeof(err));

	if (ret) {
		assert_true(ret == -EBADMSG || ret == -EPROTO);
		assert_true(strlen(err) > 20);
		return -1;
	}
	assert_non_null(ft_reader_damage(r));
	same = (long)expect_true_or_lost(ft_reader_stacks(r), want);
	ft_reader_close(r);
	return same;
}

static void test_cut_anywhere(void **state)
{
	long same, best = -1;
	struct truth t;
	size_t len, i;
	__u8 *bytes;

	(void)state;
	write_small(&t);
	bytes = slurp(&len);
	for (i = 0; i < len; i++) {
		put_bytes(bytes, i);
		same = open_damaged(&t.s);
		/* a chunk that was begun gives no less than one that was not */
		assert_true(same >= best);
		best = same;
	}
	assert_int_equal(best, 24 + 60);
	free(bytes);
	free_truth(&t);
	unlink(path);
	unlink(bad_path);
}

static void test_flip_anywhere(void **state)
{
	size_t len, i, all = 0, some = 0;
	struct truth t;
	__u8 *bytes;
	long same;

	(void)state;
	write_small(&t);
	bytes = slurp(&len);
	for (i = 0; i < len * 8; i++) {
		bytes[i / 8] ^= (__u8)(1u << (i % 8));
		put_bytes(bytes, len);
		bytes[i / 8] ^= (__u8)(1u << (i % 8));
		same = open_damaged(&t.s);
		all += same == 24 + 60;
		some += same > 30 && same < 24 + 60;
	}
	assert_true(all > 1000 && some > 1000);
	free(bytes);
	free_truth(&t);
	unlink(path);
	unlink(bad_path);
}

/* The n-th of three FRAMES chunks is lost: its frames, and nobody else's. */
static void expect_frames_lost(const struct ft_stacks *s, const struct ft_stacks *want,
			       unsigned int n)
{
	size_t i;

	assert_int_equal(s->node_cnt, 60);
	/* behind the last one nothing stands in its place */
	for (i = 0; i < (n == 2 ? 16 : 24); i++)
		assert_int_equal(is_lost(&s->frame[i]), i / 8 == n);
	for (i = 0; i < 60; i++)
		assert_int_equal(is_lost(&s->frame[s->node[i].frame]),
				 want->node[i].frame / 8 == n);
}

static void expect_nodes_lost(const struct ft_stacks *s, unsigned int n, bool no_header)
{
	size_t i;

	/* without a header to read nobody knows of the last ones */
	assert_int_equal(s->node_cnt, n == 2 && no_header ? 40 : 60);
	for (i = 0; i < s->node_cnt; i++)
		assert_int_equal(is_lost(&s->frame[s->node[i].frame]), i / 20 == n);
}

/* Each chunk lost in turn, by its payload, by its header, and by its header without an index. */
static void test_lost_chunk(void **state)
{
	static const __u16 types[] = {FT_CHUNK_FRAMES, FT_CHUNK_NODES, FT_CHUNK_WEIGHTS};
	const struct ft_stacks *s;
	struct ft_reader *r;
	struct truth t;
	size_t len, off;
	unsigned int i;
	__u8 *bytes, *copy;

	(void)state;
	write_small(&t);
	bytes = slurp(&len);
	copy = grab(len, 1);
	for (i = 0; i < 27; i++) {
		unsigned int type = i / 9, n = i / 3 % 3, how = i % 3;

		memcpy(copy, bytes, len);
		off = find_chunk(bytes, len, types[type], n);
		copy[off + (how ? 20 : sizeof(struct ft_chunk_hdr) + 1)] ^= 0x40;
		put_bytes(copy, how == 2 ? len - FT_END_LEN : len);
		r = reopen(bad_path);
		assert_non_null(strstr(ft_reader_damage(r), "1 damaged"));
		assert_int_equal(!!strstr(ft_reader_damage(r), "no end mark"), how == 2);
		s = ft_reader_stacks(r);
		expect_true_or_lost(s, &t.s);
		if (type == 0)
			expect_frames_lost(s, &t.s, n);
		if (type == 1)
			expect_nodes_lost(s, n, how == 2);
		assert_int_equal(s->weight_cnt, type == 2 && n == 2 ? 0 : 15);
		/* the last nodes are not missed where nothing told of them, but by their weights */
		assert_int_equal(!!strstr(ft_reader_damage(r), "frames in its tree of stacks"),
				 type < 2 && !(type == 1 && n == 2 && how == 2));
		assert_int_equal(!!strstr(ft_reader_damage(r), "events, weights and findings"),
				 type == 1 && n == 2 && how == 2);
		ft_reader_close(r);
	}
	free(bytes);
	free(copy);
	free_truth(&t);
	unlink(path);
	unlink(bad_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),	 cmocka_unit_test(test_none),
		cmocka_unit_test(test_strings_once),	 cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_flip_anywhere),	 cmocka_unit_test(test_lost_chunk),
		cmocka_unit_test(test_weights_left_out),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
