// SPDX-License-Identifier: BSD-2-Clause
/* The tables of a session's stacks. */
#include "capture/intern.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* uthash ends the program when there is no memory, unless it is told what to do. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(elt) ((elt)->failed = true)
#include <uthash.h>

#include "base/array.h"
#include "base/text.h"

/* Far below what a session file takes; what is beyond is counted without its stack. */
#define WEIGHTS_MAX 2000000

struct string {
	UT_hash_handle hh;
	bool failed;
	char s[];
};

struct frame_key {
	const char *name; /* strings are interned: equal ones have one address */
	const char *file;
	__u32 line;
	__u32 first_line;
	__u32 kind;
	__u32 error;
};

struct frame_entry {
	UT_hash_handle hh;
	bool failed;
	struct frame_key key;
	__u32 no;
};

struct node_key {
	__u32 parent;
	__u32 frame;
};

struct node_entry {
	UT_hash_handle hh;
	bool failed;
	struct node_key key;
	__u32 no;
};

struct weight_key {
	__u32 stack;
	__u32 arg;
	__u32 kind;
};

struct weight_entry {
	UT_hash_handle hh;
	bool failed;
	struct weight_key key;
	__u32 no;
};

struct ft_intern {
	size_t node_max;
	struct string *strings;
	struct frame_entry *frames;
	struct node_entry *nodes;
	struct weight_entry *weights;
	struct ft_frame *frame;
	size_t frame_cnt, frame_cap;
	struct ft_node *node;
	size_t node_cnt, node_cap;
	struct ft_weight *weight;
	struct ft_weight *kept; /* [weight_cap] as they were at keep() */
	size_t weight_cnt, weight_cap, kept_cap;
};

int ft_intern_new(size_t node_max, struct ft_intern **out)
{
	struct ft_intern *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->node_max = node_max;
	*out = t;
	return 0;
}

#define FREE_ALL(type, head)                                                                       \
	do {                                                                                       \
		struct type *e_, *tmp_;                                                            \
                                                                                                   \
		HASH_ITER (hh, head, e_, tmp_) {                                                   \
			HASH_DEL(head, e_);                                                        \
			free(e_);                                                                  \
		}                                                                                  \
	} while (0)

void ft_intern_free(struct ft_intern *t)
{
	if (!t)
		return;
	FREE_ALL(string, t->strings);
	FREE_ALL(frame_entry, t->frames);
	FREE_ALL(node_entry, t->nodes);
	FREE_ALL(weight_entry, t->weights);
	free(t->frame);
	free(t->node);
	free(t->weight);
	free(t->kept);
	free(t);
}

/* The length of the longest beginning of s that is short enough and ends with a whole character. */
static size_t cut(const char *s)
{
	size_t n = strnlen(s, FT_FRAME_STRING_MAX + 1);

	if (n <= FT_FRAME_STRING_MAX)
		return n;
	n = FT_FRAME_STRING_MAX;
	while (n && ((unsigned char)s[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static const char *intern_string(struct ft_intern *t, const char *s)
{
	size_t n = cut(s);
	struct string *e;

	HASH_FIND(hh, t->strings, s, n, e);
	if (e)
		return e->s;
	e = calloc(1, sizeof(*e) + n + 1);
	if (!e)
		return NULL;
	memcpy(e->s, s, n);
	HASH_ADD_KEYPTR(hh, t->strings, e->s, n, e);
	if (e->failed) {
		free(e);
		return NULL;
	}
	return e->s;
}

int ft_intern_frame(struct ft_intern *t, const struct ft_frame *f, __u32 *frame)
{
	struct frame_key key = {
		.line = f->line,
		.first_line = f->first_line,
		.kind = f->kind,
		.error = f->error,
	};
	struct frame_entry *e;
	int err;

	key.name = intern_string(t, f->name && *f->name ? f->name : "?");
	key.file = intern_string(t, f->file ? f->file : "");
	if (!key.name || !key.file)
		return -ENOMEM;
	HASH_FIND(hh, t->frames, &key, sizeof(key), e);
	if (e) {
		*frame = e->no;
		return 0;
	}
	err = ft_array_reserve((void **)&t->frame, &t->frame_cap, t->frame_cnt + 1,
			       sizeof(*t->frame));
	if (err)
		return err;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->key = key;
	e->no = (__u32)t->frame_cnt;
	HASH_ADD(hh, t->frames, key, sizeof(e->key), e);
	if (e->failed) {
		free(e);
		return -ENOMEM;
	}
	t->frame[t->frame_cnt] = *f;
	t->frame[t->frame_cnt].name = key.name;
	t->frame[t->frame_cnt++].file = key.file;
	*frame = e->no;
	return 0;
}

int ft_intern_node(struct ft_intern *t, __u32 parent, __u32 frame, __u32 *node)
{
	struct node_key key = {.parent = parent, .frame = frame};
	struct node_entry *e;
	int err;

	HASH_FIND(hh, t->nodes, &key, sizeof(key), e);
	if (e) {
		*node = e->no;
		return 0;
	}
	*node = FT_NO_STACK;
	if (t->node_cnt >= t->node_max)
		return 0;
	err = ft_array_reserve((void **)&t->node, &t->node_cap, t->node_cnt + 1, sizeof(*t->node));
	if (err)
		return err;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->key = key;
	e->no = (__u32)t->node_cnt;
	HASH_ADD(hh, t->nodes, key, sizeof(e->key), e);
	if (e->failed) {
		free(e);
		return -ENOMEM;
	}
	t->node[t->node_cnt++] = (struct ft_node){.parent = parent, .frame = frame};
	*node = e->no;
	return 0;
}

int ft_intern_weight(struct ft_intern *t, const struct ft_weight *w)
{
	struct weight_key key = {.stack = w->stack, .arg = w->arg, .kind = w->kind};
	struct weight_entry *e;
	int err;

	HASH_FIND(hh, t->weights, &key, sizeof(key), e);
	if (!e && t->weight_cnt >= WEIGHTS_MAX && key.stack != FT_NO_STACK) {
		struct ft_weight rest = *w;

		rest.stack = FT_NO_STACK;
		rest.arg = 0;
		return ft_intern_weight(t, &rest);
	}
	if (!e) {
		err = ft_array_reserve((void **)&t->weight, &t->weight_cap, t->weight_cnt + 1,
				       sizeof(*t->weight));
		err = err
			      ?: ft_array_reserve((void **)&t->kept, &t->kept_cap,
						  t->weight_cnt + 1, sizeof(*t->kept));
		if (err)
			return err;
		e = calloc(1, sizeof(*e));
		if (!e)
			return -ENOMEM;
		e->key = key;
		e->no = (__u32)t->weight_cnt;
		HASH_ADD(hh, t->weights, key, sizeof(e->key), e);
		if (e->failed) {
			free(e);
			return -ENOMEM;
		}
		t->weight[t->weight_cnt] = *w;
		t->weight[t->weight_cnt].ns = 0;
		t->weight[t->weight_cnt].raw_ns = 0;
		t->weight[t->weight_cnt].cnt = 0;
		t->kept[t->weight_cnt] = t->weight[t->weight_cnt];
		t->weight_cnt++;
	}
	t->weight[e->no].ns += w->ns;
	t->weight[e->no].raw_ns += w->raw_ns;
	t->weight[e->no].cnt += w->cnt;
	return 0;
}

void ft_intern_rewind(struct ft_intern *t)
{
	if (t->weight_cnt)
		memcpy(t->weight, t->kept, t->weight_cnt * sizeof(*t->weight));
}

void ft_intern_keep(struct ft_intern *t)
{
	if (t->weight_cnt)
		memcpy(t->kept, t->weight, t->weight_cnt * sizeof(*t->weight));
}

void ft_intern_view(const struct ft_intern *t, struct ft_stacks *out)
{
	out->frame = t->frame;
	out->frame_cnt = t->frame_cnt;
	out->node = t->node;
	out->node_cnt = t->node_cnt;
	out->weight = t->weight;
	out->weight_cnt = t->weight_cnt;
}
