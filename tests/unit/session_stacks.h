/* SPDX-License-Identifier: BSD-2-Clause */
/* Session files with stacks for tests: the truth that they are made from, and comparison with it.
 */
#ifndef FT_TESTS_SESSION_STACKS_H
#define FT_TESTS_SESSION_STACKS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fileio.h"
#include "record/chunk.h"
#include "record/session.h"
#include "record/stacks_codec.h"

#define LOST "[lost: damaged file]"

static char dir[] = "/tmp/ft-stacks-XXXXXX";
static char path[64], bad_path[64];
static __u64 seed = 88172645463325252ull;

static inline __u64 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* The truth that files are made from and compared with. */
struct truth {
	struct ft_frame *frame;
	struct ft_node *node;
	struct ft_weight *weight;
	char **name; /* owned */
	size_t name_cnt;
	struct ft_stacks s;
};

static inline void *grab(size_t n, size_t sz)
{
	void *p = calloc(n + 1, sz);

	assert_non_null(p);
	return p;
}

static inline __u8 rnd_kind(void)
{
	__u8 kind;

	do
		kind = (__u8)(rnd() % FT_SK_CNT);
	while ((kind >= FT_ST_CNT && kind < FT_SK_ON) ||
	       (kind >= FT_SK_ON + FT_ON_CNT && kind < FT_SK_BLAME));
	return kind;
}

/* A function's name: mostly words, some of it what would break a format that does not escape. */
static inline char *make_name(size_t i, size_t longest)
{
	static const char *const part[] = {"<genexpr>",		 "caf\xc3\xa9", ";\n\"'&<",
					   "\xf0\x9f\x90\x8d",	 "x",		"\x1b[31m",
					   "module.Class.method"};
	char *s = grab(longest + 64, 1);
	size_t n = (size_t)snprintf(s, 64, "f%zu", i), want = rnd() % (longest / 4 + 1);

	if (i == 1)
		want = longest;
	while (n < want) {
		const char *p = part[rnd() % 7];

		if (n + strlen(p) > want)
			p = "y";
		n += (size_t)sprintf(s + n, "%s", p);
	}
	return s;
}

/* `frames` frames of a third as many functions in a tree of `nodes` nodes. */
static inline void make_truth(struct truth *t, size_t frames, size_t nodes, size_t weights,
			      size_t longest)
{
	__u16 *depth = grab(nodes, sizeof(*depth));
	size_t i;

	memset(t, 0, sizeof(*t));
	t->name_cnt = frames / 3 + 2;
	t->name = grab(t->name_cnt, sizeof(*t->name));
	t->frame = grab(frames, sizeof(*t->frame));
	t->node = grab(nodes, sizeof(*t->node));
	t->weight = grab(weights, sizeof(*t->weight));
	for (i = 0; i < t->name_cnt; i++)
		t->name[i] = make_name(i, longest);
	for (i = 0; i < frames; i++) {
		struct ft_frame *f = &t->frame[i];

		f->name = t->name[1 + i / 3];
		f->file = i % 11 ? t->name[i / 90] : "";
		f->first_line = i == 5 ? 0xffffffffu : (__u32)(i / 3);
		f->line = i == 6 ? 0xffffffffu : i == 5 ? 0 : f->first_line + (__u32)(i % 3);
		f->kind = (__u8)(i / 3 % FT_FK_CNT);
		f->error = f->kind == FT_FK_MARK && i % 2;
	}
	for (i = 0; i < nodes; i++) {
		size_t up = rnd() % 3 ? 1 : 1 + rnd() % (i + 1);

		t->node[i].frame = (__u32)(rnd() % frames);
		t->node[i].parent = FT_NO_STACK;
		if (i && up <= i && depth[i - up] < FT_STACKS_MAX_DEPTH)
			t->node[i].parent = (__u32)(i - up);
		depth[i] = t->node[i].parent == FT_NO_STACK ? 1 : (__u16)(depth[i - up] + 1);
	}
	for (i = 0; i < weights; i++) {
		struct ft_weight *w = &t->weight[i];

		w->stack = nodes && i % 10 ? (__u32)(rnd() % nodes) : FT_NO_STACK;
		w->arg = (__u32)(rnd() >> (32 + rnd() % 32));
		w->kind = rnd_kind();
		w->ns = rnd() >> rnd() % 64;
		w->raw_ns = rnd() % 2 ? w->ns : rnd() >> rnd() % 64;
		w->cnt = rnd() >> rnd() % 64;
	}
	free(depth);
	t->s = (struct ft_stacks){t->frame, frames, t->node, nodes, t->weight, weights};
}

static inline void free_truth(struct truth *t)
{
	size_t i;

	for (i = 0; i < t->name_cnt; i++)
		free(t->name[i]);
	free(t->name);
	free(t->frame);
	free(t->node);
	free(t->weight);
}

static inline struct ft_writer *start(void)
{
	struct ft_writer_opts o = {.path = path, .force = true};
	struct ft_session_info info = {.start_ns = 1000, .cpu_cnt = 4, .stack_hz = 199};
	struct ft_totals totals = {.end_ns = 2000};
	struct ft_thread_rec rec = {.name = "t"};
	struct ft_writer *w;

	assert_int_equal(ft_writer_open(&o, &w), 0);
	assert_int_equal(ft_writer_info(w, &info), 0);
	assert_int_equal(ft_writer_threads(w, &rec, 1), 0);
	assert_int_equal(ft_writer_totals(w, &totals), 0);
	return w;
}

/* The first frames, nodes and weights of s: part of parts, nodes only of frames that are there. */
static inline struct ft_stacks part_of(const struct ft_stacks *s, size_t part, size_t parts)
{
	struct ft_stacks p = *s;
	size_t i;

	p.frame_cnt = s->frame_cnt * part / parts;
	p.weight_cnt = part == parts ? s->weight_cnt : 0;
	for (i = 0; part < parts && i < s->node_cnt * part / parts; i++) {
		if (s->node[i].frame >= p.frame_cnt)
			break;
	}
	p.node_cnt = part == parts ? s->node_cnt : i;
	return p;
}

static inline void write_file(const struct ft_stacks *s, size_t parts)
{
	struct ft_writer *w = start();
	size_t i;

	for (i = 1; i <= parts; i++) {
		struct ft_stacks p = part_of(s, i, parts);

		assert_int_equal(ft_writer_stacks(w, &p), 0);
	}
	assert_int_equal(ft_writer_finish(w), 0);
}

static inline struct ft_reader *reopen(const char *p)
{
	struct ft_reader *r = NULL;
	char err[256] = "";

	if (ft_reader_open(p, &r, err, sizeof(err)))
		fail_msg("%s", err);
	return r;
}

static inline bool same_frame(const struct ft_frame *a, const struct ft_frame *b)
{
	return !strcmp(a->name, b->name) && !strcmp(a->file, b->file) && a->line == b->line &&
	       a->first_line == b->first_line && a->kind == b->kind && a->error == b->error;
}

static inline bool is_lost(const struct ft_frame *f)
{
	return !strcmp(f->name, LOST) && !*f->file && f->kind == FT_FK_MARK && f->error == 1;
}

static inline bool same_weight(const struct ft_weight *a, const struct ft_weight *b)
{
	return a->stack == b->stack && a->arg == b->arg && a->kind == b->kind && a->ns == b->ns &&
	       a->raw_ns == b->raw_ns && a->cnt == b->cnt;
}

static inline void expect_same(const struct ft_stacks *got, const struct ft_stacks *want)
{
	size_t i;

	assert_int_equal(got->frame_cnt, want->frame_cnt);
	assert_int_equal(got->node_cnt, want->node_cnt);
	assert_int_equal(got->weight_cnt, want->weight_cnt);
	for (i = 0; i < got->frame_cnt; i++)
		assert_true(same_frame(&got->frame[i], &want->frame[i]));
	for (i = 0; i < got->node_cnt; i++) {
		assert_int_equal(got->node[i].parent, want->node[i].parent);
		assert_int_equal(got->node[i].frame, want->node[i].frame);
	}
	for (i = 0; i < got->weight_cnt; i++)
		assert_true(same_weight(&got->weight[i], &want->weight[i]));
}

/* What a reader promises, whatever the file. */
static inline void expect_promises(const struct ft_stacks *s)
{
	size_t i, n;
	__u32 at;

	for (i = 0; i < s->frame_cnt; i++) {
		const struct ft_frame *f = &s->frame[i];

		assert_true(*f->name && f->kind < FT_FK_CNT && f->error <= 1);
		assert_true(ft_stacks_string_ok(f->name, strlen(f->name)));
		assert_true(ft_stacks_string_ok(f->file, strlen(f->file)));
	}
	for (i = 0; i < s->node_cnt; i++) {
		assert_true(s->node[i].frame < s->frame_cnt);
		assert_true(s->node[i].parent == FT_NO_STACK || s->node[i].parent < i);
		for (n = 0, at = (__u32)i; at != FT_NO_STACK; at = s->node[at].parent)
			n++;
		assert_true(n <= FT_STACKS_MAX_DEPTH);
	}
	for (i = 0; i < s->weight_cnt; i++)
		assert_true(
			ft_stacks_kind_ok(s->weight[i].kind) &&
			(s->weight[i].stack == FT_NO_STACK || s->weight[i].stack < s->node_cnt));
}

/*
 * Whether all that is there is true and in its place, and the rest is said to be lost. Weights:
 * those of *want or none. Returns how many frames and nodes are as they were.
 */
static inline size_t expect_true_or_lost(const struct ft_stacks *got, const struct ft_stacks *want)
{
	size_t i, same = 0;

	expect_promises(got);
	assert_true(got->node_cnt <= want->node_cnt);
	for (i = 0; i < got->frame_cnt; i++) {
		if (i < want->frame_cnt && same_frame(&got->frame[i], &want->frame[i]))
			same++;
		else
			assert_true(is_lost(&got->frame[i]));
	}
	for (i = 0; i < got->node_cnt; i++) {
		const struct ft_node *g = &got->node[i], *n = &want->node[i];

		if (g->frame == n->frame && g->parent == n->parent)
			same++;
		else
			assert_true(is_lost(&got->frame[g->frame]) &&
				    (g->parent == n->parent || g->parent == FT_NO_STACK));
	}
	assert_true(got->weight_cnt == 0 || got->weight_cnt == want->weight_cnt);
	for (i = 0; i < got->weight_cnt; i++) {
		struct ft_weight w = got->weight[i];

		if (w.stack == FT_NO_STACK)
			w.stack = want->weight[i].stack;
		assert_true(same_weight(&w, &want->weight[i]));
	}
	return same;
}

static inline __u8 *slurp(size_t *len)
{
	char *s = NULL;

	assert_int_equal(ft_read_file(path, 64 << 20, &s, len), 0);
	return (__u8 *)s;
}

static inline void put_bytes(const void *p, size_t n)
{
	/* not O_TRUNC: file systems write such a file out when it is closed */
	int fd = open(bad_path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ft_write_all(fd, p, n), 0);
	assert_int_equal(ftruncate(fd, (off_t)n), 0);
	close(fd);
}

/* A small file of three calls; its weights are only in the last. */
static inline void write_small(struct truth *t)
{
	struct ft_writer *w = start();
	struct ft_stacks p;
	size_t i;

	make_truth(t, 24, 60, 15, 20);
	for (i = 0; i < 60; i++)
		t->node[i].frame = (__u32)(rnd() % (i < 20 ? 8 : i < 40 ? 16 : 24));
	for (i = 1; i <= 3; i++) {
		p = t->s;
		p.frame_cnt = 8 * i;
		p.node_cnt = 20 * i;
		p.weight_cnt = i == 3 ? 15 : 0;
		assert_int_equal(ft_writer_stacks(w, &p), 0);
	}
	assert_int_equal(ft_writer_finish(w), 0);
}

/* Where the n-th chunk of a type is in the bytes of a file: its header. */
static inline size_t find_chunk(const __u8 *bytes, size_t len, __u16 type, unsigned int n)
{
	struct ft_chunk_hdr h;
	size_t off;

	for (off = sizeof(struct ft_file_hdr); off < len; off += sizeof(h) + h.len) {
		assert_int_equal(ft_chunk_hdr_read(bytes + off, &h), 0);
		if (h.type == type && !n--)
			return off;
	}
	fail_msg("no such chunk");
	return 0;
}

static inline int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/s.ftprof", dir);
	snprintf(bad_path, sizeof(bad_path), "%s/b.ftprof", dir);
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	return rmdir(dir);
}

#endif
