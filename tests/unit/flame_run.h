/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A session with stacks that tests make up: the reader is wrapped (ft_reader_stacks,
 * ft_reader_threads, ft_reader_events), and so are malloc, calloc and realloc.
 */
#ifndef FT_TESTS_FLAME_RUN_H
#define FT_TESTS_FLAME_RUN_H

#include "model/flame.h"
#include "scenario.h"
#include "oom.h"

#define CNT(a) (sizeof(a) / sizeof((a)[0]))
#define NONE FT_NO_STACK

/* The session that is read. */
static struct ft_stacks stacks;
static struct scenario *session;
static const struct ft_event *events;
static size_t event_cnt;

const struct ft_stacks *__wrap_ft_reader_stacks(const struct ft_reader *r);
const struct ft_thread_rec *__wrap_ft_reader_threads(const struct ft_reader *r, size_t *cnt);
int __wrap_ft_reader_events(struct ft_reader *r, __u64 from_ns, __u64 to_ns, ft_event_cb cb,
			    void *ctx);

const struct ft_stacks *__wrap_ft_reader_stacks(const struct ft_reader *r)
{
	(void)r;
	return &stacks;
}

const struct ft_thread_rec *__wrap_ft_reader_threads(const struct ft_reader *r, size_t *cnt)
{
	(void)r;
	*cnt = session->cnt;
	return session->recs;
}

int __wrap_ft_reader_events(struct ft_reader *r, __u64 from_ns, __u64 to_ns, ft_event_cb cb,
			    void *ctx)
{
	size_t i;
	int err = 0;

	(void)r;
	for (i = 0; i < event_cnt && !err; i++)
		if (events[i].ts >= from_ns && (events[i].out_ns <= to_ns))
			err = cb(ctx, &events[i]);
	return err;
}

/*
 * main(app.py:5) calls work() from line 10; work calls itself from 22 and is found at 21 and 23;
 * a native memcpy is called from 23; other.py has a work of its own; the walk of one went wrong.
 */
static const struct ft_frame frames[] = {
	{"main", "/a/app.py", 10, 5, FT_FK_PYTHON, 0},
	{"work", "/a/app.py", 21, 20, FT_FK_PYTHON, 0},
	{"work", "/a/app.py", 22, 20, FT_FK_PYTHON, 0},
	{"work", "/a/app.py", 23, 20, FT_FK_PYTHON, 0},
	{"memcpy", "/lib/libc.so.6", 0, 0, FT_FK_NATIVE, 0},
	{"work", "/a/other.py", 3, 2, FT_FK_PYTHON, 0},
	{"[frame unreadable]", "", 0, 0, FT_FK_MARK, 1},
};
static const struct ft_node nodes[] = {
	{NONE, 0}, /* 0: main */
	{0, 1},	   /* 1: main;work:21 */
	{0, 2},	   /* 2: main;work:22 */
	{2, 3},	   /* 3: main;work:22;work:23 */
	{3, 4},	   /* 4: main;work:22;work:23;memcpy */
	{0, 5},	   /* 5: main;work(other) */
	{NONE, 6}, /* 6: [frame unreadable] */
	{6, 1},	   /* 7: [frame unreadable];work:21 */
	{0, 3},	   /* 8: main;work:23, never used */
};

static inline void use_weights(const struct ft_weight *w, size_t cnt)
{
	stacks = (struct ft_stacks){frames, CNT(frames), nodes, CNT(nodes), w, cnt};
}

static inline struct ft_weight weigh(__u32 stack, unsigned int kind, __u64 ns)
{
	return (struct ft_weight){
		.stack = stack, .kind = (__u8)kind, .ns = ns, .raw_ns = ns / 2, .cnt = 3};
}

static inline int try_build(struct scenario *sc, const struct ft_flame_opts *o, struct ft_flame *f,
			    char why[200])
{
	struct ft_model *m = __real_calloc(1, sizeof(*m));
	long left = countdown;
	int err;

	assert_non_null(m);
	session = sc;
	countdown = 0;
	assert_int_equal(sc_model(sc, m), 0);
	countdown = left;
	why[0] = '\0';
	err = ft_flame_build((struct ft_reader *)sc, m, o, f, why, 200);
	ft_model_free(m);
	free(m);
	return err;
}

/* Totals are sums, subtrees are runs, brothers are in order. */
static inline void check_tree(const struct ft_flame *f)
{
	__u64 *sum = calloc(f->node_cnt, sizeof(*sum)), *base = calloc(f->node_cnt, sizeof(*base));
	__u32 *last = calloc(f->node_cnt, sizeof(*last));
	size_t i;

	assert_true(f->node_cnt > 0 && sum && base && last);
	for (i = f->node_cnt; i-- > 0;) {
		const struct ft_flame_node *n = &f->node[i];

		assert_true(n->total_ns == n->self_ns + sum[i]);
		assert_true(n->base_ns == n->base_self_ns + base[i]);
		if (!i)
			break;
		assert_true(n->parent < i && n->frame < f->frame_cnt);
		sum[n->parent] += n->total_ns;
		base[n->parent] += n->base_ns;
	}
	for (i = 1; i < f->node_cnt; i++) {
		const struct ft_flame_node *n = &f->node[i];
		const struct ft_frame *fr = &f->frame[n->frame];
		__u32 up = (__u32)i - 1;

		if (last[n->parent]) {
			const struct ft_frame *br = &f->frame[f->node[last[n->parent]].frame];
			int d = strcmp(br->name, fr->name);

			assert_true(d < 0 || (!d && strcmp(br->file, fr->file) <= 0));
			assert_int_not_equal(f->node[last[n->parent]].frame, n->frame);
		}
		last[n->parent] = (__u32)i;
		/* the one before is its parent or ends a brother's run */
		while (up != n->parent && up)
			up = f->node[up].parent;
		assert_int_equal(up, n->parent);
	}
	assert_true(f->total_ns == f->node[0].total_ns);
	assert_true(f->sampled_ns <= f->total_ns);
	free(sum);
	free(base);
	free(last);
}

static inline void build(struct scenario *sc, enum ft_of of, bool by_function, struct ft_flame *f)
{
	struct ft_flame_opts o = {.of = of, .by_function = by_function};
	char why[200];

	assert_int_equal(try_build(sc, &o, f, why), 0);
	assert_string_equal(why, "");
	assert_int_equal(f->of, of);
	check_tree(f);
}

/* "main;work:22;[asleep]" without the line where it is 0. NULL: there is no such node. */
static const struct ft_flame_node *at(const struct ft_flame *f, const char *path)
{
	char part[64], label[64];
	__u32 node = 0, i;

	while (*path) {
		size_t len = strcspn(path, ";");

		snprintf(part, sizeof(part), "%.*s", (int)len, path);
		path += len + (path[len] == ';');
		for (i = node + 1; i < f->node_cnt; i++) {
			const struct ft_frame *fr = &f->frame[f->node[i].frame];

			if (fr->line)
				snprintf(label, sizeof(label), "%s:%u", fr->name, fr->line);
			else
				snprintf(label, sizeof(label), "%s", fr->name);
			if (f->node[i].parent == node && !strcmp(label, part))
				break;
		}
		if (i == f->node_cnt)
			return NULL;
		node = i;
	}
	return &f->node[node];
}

static inline void check_self(const struct ft_flame *f, const char *path, __u64 ns)
{
	const struct ft_flame_node *n = at(f, path);

	if (!n || n->self_ns != ns)
		print_error("%s: %llu, not %llu\n", path, n ? n->self_ns : 0ull, ns);
	assert_non_null(n);
	assert_true(n->self_ns == ns);
}

#endif
