/* SPDX-License-Identifier: BSD-2-Clause */
/* What flames are made with: trees that grow by (parent, frame), and frames that count as one. */
#include "model/flame_tree.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

__u64 ft_add_sat(__u64 a, __u64 b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

__u64 ft_deal(struct ft_deal *d, __u64 weight)
{
	unsigned __int128 sum = d->sum, seen;
	__u64 upto, part;

	d->seen += weight;
	seen = d->seen < sum ? d->seen : sum;
	/* the product below has 128 bits */
	while (sum >> 64) {
		sum >>= 1;
		seen >>= 1;
	}
	if (!sum)
		return 0;
	upto = (__u64)(seen * d->total / sum);
	part = upto - d->given;
	d->given = upto;
	return part;
}

const char *ft_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int cmp_u32(__u32 a, __u32 b)
{
	return a < b ? -1 : a > b;
}

int ft_frame_cmp_function(const struct ft_frame *a, const struct ft_frame *b)
{
	int d = strcmp(a->name, b->name);

	d = d ? d : strcmp(a->file, b->file);
	d = d ? d : cmp_u32(a->first_line, b->first_line);
	d = d ? d : cmp_u32(a->kind, b->kind);
	return d ? d : cmp_u32(a->error, b->error);
}

int ft_frame_cmp_all(const struct ft_frame *a, const struct ft_frame *b)
{
	int d = ft_frame_cmp_function(a, b);

	return d ? d : cmp_u32(a->line, b->line);
}

int ft_frame_cmp_moved(const struct ft_frame *a, const struct ft_frame *b)
{
	int d = strcmp(a->name, b->name);

	d = d ? d : strcmp(ft_base_name(a->file), ft_base_name(b->file));
	return d ? d : cmp_u32(a->kind, b->kind);
}

struct by_cmp {
	const struct ft_frame *frame;
	ft_frame_cmp cmp;
};

static int cmp_index(const void *a, const void *b, void *ctx)
{
	const struct by_cmp *by = ctx;
	__u32 i = *(const __u32 *)a, j = *(const __u32 *)b;
	int d = by->cmp(&by->frame[i], &by->frame[j]);

	return d ? d : cmp_u32(i, j);
}

int ft_frame_classes(const struct ft_frame *frame, size_t cnt, ft_frame_cmp cmp, __u32 *of,
		     size_t *class_cnt)
{
	struct by_cmp by = {frame, cmp};
	__u32 *order;
	size_t i, n = 0;

	*class_cnt = 0;
	order = malloc((cnt + 1) * sizeof(*order));
	if (!order)
		return -ENOMEM;
	for (i = 0; i < cnt; i++)
		order[i] = (__u32)i;
	qsort_r(order, cnt, sizeof(*order), cmp_index, &by);
	for (i = 0; i < cnt; i++) {
		if (i && cmp(&frame[order[i - 1]], &frame[order[i]]))
			n++;
		of[order[i]] = (__u32)n;
	}
	*class_cnt = cnt ? n + 1 : 0;
	free(order);
	return 0;
}

int ft_stack_tree_init(struct ft_stack_tree *t)
{
	void *p = NULL;
	int err;

	memset(t, 0, sizeof(*t));
	err = ft_array_reserve(&p, &t->cap, 1, sizeof(*t->node));
	t->node = p;
	t->cnt = err ? 0 : 1;
	return err;
}

int ft_stack_tree_child(struct ft_stack_tree *t, __u32 parent, __u32 frame, __u32 *out)
{
	void *p = t->node;
	bool added;
	int err;

	if (t->cnt >= FT_NO_STACK)
		return -ENOMEM;
	err = ft_array_reserve(&p, &t->cap, t->cnt + 1, sizeof(*t->node));
	t->node = p;
	err = err ? err
		  : ft_map_get(&t->child, (__u64)parent << 32 | frame, (__u32)t->cnt, out, &added);
	if (err || !added)
		return err;
	memset(&t->node[t->cnt], 0, sizeof(*t->node));
	t->node[t->cnt].parent = parent;
	t->node[t->cnt].frame = frame;
	t->cnt++;
	return 0;
}

static void add_up(struct ft_stack_tree *t)
{
	struct ft_flame_node *n, *up;
	size_t i;

	for (i = 0; i < t->cnt; i++) {
		t->node[i].total_ns = t->node[i].self_ns;
		t->node[i].base_ns = t->node[i].base_self_ns;
	}
	for (i = t->cnt; i-- > 1;) {
		n = &t->node[i];
		up = &t->node[n->parent];
		up->total_ns = ft_add_sat(up->total_ns, n->total_ns);
		up->base_ns = ft_add_sat(up->base_ns, n->base_ns);
	}
}

/*
 * The nodes but for the root, by the rank of their frames: bucket[] has the number of each rank
 * and then where it begins.
 */
static void by_rank(const struct ft_stack_tree *t, const __u32 *rank, __u32 *bucket, size_t ranks,
		    __u32 *order)
{
	__u32 sum = 0, n;
	size_t i;

	memset(bucket, 0, ranks * sizeof(*bucket));
	for (i = 1; i < t->cnt; i++)
		bucket[rank[t->node[i].frame]]++;
	for (i = 0; i < ranks; i++) {
		n = bucket[i];
		bucket[i] = sum;
		sum += n;
	}
	for (i = 1; i < t->cnt; i++)
		order[bucket[rank[t->node[i].frame]]++] = (__u32)i;
}

/* Puts the nodes into `to` in their final order. first and next are lists of children, 0 ends. */
static void number(const struct ft_stack_tree *t, const __u32 *first, const __u32 *next,
		   __u32 *new_no, struct ft_flame_node *to)
{
	__u32 at = 0, no = 0;

	for (;;) {
		new_no[at] = no;
		to[no] = t->node[at];
		to[no].parent = at ? new_no[t->node[at].parent] : 0;
		no++;
		if (first[at]) {
			at = first[at];
			continue;
		}
		while (at && !next[at])
			at = t->node[at].parent;
		if (!at)
			return;
		at = next[at];
	}
}

int ft_stack_tree_finish(struct ft_stack_tree *t, const struct ft_frame *frame, size_t frame_cnt)
{
	__u32 *rank = malloc((frame_cnt + 1) * sizeof(*rank));
	__u32 *bucket = malloc((frame_cnt + 1) * sizeof(*bucket));
	__u32 *order = malloc(t->cnt * sizeof(*order));
	__u32 *first = calloc(t->cnt, sizeof(*first));
	__u32 *next = calloc(t->cnt, sizeof(*next));
	struct ft_flame_node *to = malloc(t->cnt * sizeof(*to));
	size_t ranks, i;
	int err = -ENOMEM;

	if (!rank || !bucket || !order || !first || !next || !to)
		goto out;
	err = ft_frame_classes(frame, frame_cnt, ft_frame_cmp_all, rank, &ranks);
	if (err)
		goto out;
	add_up(t);
	by_rank(t, rank, bucket, ranks, order);
	/* from the last on, so that each becomes the first of its brothers */
	for (i = t->cnt - 1; i-- > 0;) {
		__u32 no = order[i], up = t->node[no].parent;

		next[no] = first[up];
		first[up] = no;
	}
	number(t, first, next, order, to);
	free(t->node);
	t->node = to;
	t->cap = t->cnt;
	to = NULL;
	/* its numbers are of no use any more */
	ft_map_free(&t->child);
out:
	free(rank);
	free(bucket);
	free(order);
	free(first);
	free(next);
	free(to);
	return err;
}

void ft_stack_tree_free(struct ft_stack_tree *t)
{
	if (!t)
		return;
	free(t->node);
	ft_map_free(&t->child);
	memset(t, 0, sizeof(*t));
}
