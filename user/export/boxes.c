/* SPDX-License-Identifier: BSD-2-Clause */
/* Which nodes of a flame are drawn, and where. */
#include "export/boxes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int ft_kin_build(const struct ft_flame *f, struct ft_kin *out)
{
	size_t i, cnt = f->node_cnt;

	memset(out, 0, sizeof(*out));
	if (!cnt || cnt >= FT_NO_NODE)
		return -EINVAL;
	for (i = 1; i < cnt; i++) {
		if (f->node[i].parent >= i || f->node[i].frame >= f->frame_cnt)
			return -EINVAL;
	}
	out->child = malloc(cnt * sizeof(*out->child));
	out->next = malloc(cnt * sizeof(*out->next));
	if (!out->child || !out->next) {
		ft_kin_free(out);
		return -ENOMEM;
	}
	out->cnt = cnt;
	for (i = 0; i < cnt; i++)
		out->child[i] = out->next[i] = FT_NO_NODE;
	for (i = cnt - 1; i; i--) {
		out->next[i] = out->child[f->node[i].parent];
		out->child[f->node[i].parent] = (__u32)i;
	}
	return 0;
}

void ft_kin_free(struct ft_kin *k)
{
	if (!k)
		return;
	free(k->child);
	free(k->next);
	memset(k, 0, sizeof(*k));
}

__u32 ft_kin_next(const struct ft_kin *k, const struct ft_flame *f, __u32 n, __u32 *up)
{
	*up = 0;
	if (k->child[n] != FT_NO_NODE)
		return k->child[n];
	for (; n; n = f->node[n].parent) {
		++*up;
		if (k->next[n] != FT_NO_NODE)
			return k->next[n];
	}
	return FT_NO_NODE;
}

struct ranked {
	__u64 ns;
	__u32 node;
};

static int widest_first(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->ns != y->ns)
		return x->ns < y->ns ? 1 : -1;
	return x->node < y->node ? -1 : x->node > y->node;
}

static __u64 width(const struct ft_flame *f, const struct ft_box_opts *o, size_t i)
{
	const struct ft_flame_node *n = &f->node[i];

	return o->gone && n->base_ns > n->total_ns ? n->base_ns : n->total_ns;
}

/*
 * Marks what is kept. Callers are at least as wide as what they call and have lower numbers, so
 * they come first, and what is kept is a tree.
 */
static int choose(const struct ft_flame *f, const struct ft_box_opts *o, bool *keep, size_t *kept)
{
	size_t i, cnt = 0, bytes = 0;
	struct ranked *r;

	r = malloc(f->node_cnt * sizeof(*r));
	if (!r)
		return -ENOMEM;
	for (i = 1; i < f->node_cnt; i++) {
		__u64 ns = width(f, o, i);

		if (ns && ns >= o->min_ns)
			r[cnt++] = (struct ranked){ns, (__u32)i};
	}
	qsort(r, cnt, sizeof(*r), widest_first);
	keep[0] = true;
	*kept = 1;
	for (i = 0; i < cnt; i++) {
		bytes += o->cost(o->ctx, f, r[i].node);
		if (bytes > o->max_bytes)
			break;
		if (!keep[f->node[r[i].node].parent])
			continue;
		keep[r[i].node] = true;
		++*kept;
	}
	free(r);
	return 0;
}

static void count_hidden(const struct ft_flame *f, const bool *keep, struct ft_boxes *out)
{
	const struct ft_flame_node *n;
	size_t i;

	for (i = 1; i < f->node_cnt; i++) {
		n = &f->node[i];
		if (keep[i])
			continue;
		if (n->total_ns) {
			out->hidden_cnt++;
			if (keep[n->parent])
				out->hidden_ns += n->total_ns;
		} else if (f->differs && n->base_ns) {
			out->gone_cnt++;
			if (!n->parent || keep[n->parent] || f->node[n->parent].total_ns)
				out->gone_ns += n->base_ns;
		}
	}
}

/* Puts boxes left to right; what a node does itself is the room that its children leave. */
static int place(const struct ft_flame *f, const struct ft_kin *k, const bool *keep,
		 struct ft_boxes *out)
{
	__u32 n = 0, depth = 0, up;
	__u64 *end; /* of what is already placed in a node */

	end = calloc(f->node_cnt, sizeof(*end));
	if (!end)
		return -ENOMEM;
	while (n != FT_NO_NODE) {
		if (keep[n]) {
			__u64 x = n ? end[f->node[n].parent] : 0;

			out->box[out->cnt++] = (struct ft_box){n, depth, x};
			end[n] = x;
			if (n)
				end[f->node[n].parent] += f->node[n].total_ns;
			if (depth > out->depth_max)
				out->depth_max = depth;
		}
		n = ft_kin_next(k, f, n, &up);
		depth = depth + 1 - up;
	}
	free(end);
	return 0;
}

int ft_boxes_build(const struct ft_flame *f, const struct ft_box_opts *o, struct ft_boxes *out)
{
	struct ft_kin kin = {0};
	bool *keep = NULL;
	size_t kept;
	int err;

	memset(out, 0, sizeof(*out));
	err = ft_kin_build(f, &kin);
	if (err)
		goto out;
	err = -ENOMEM;
	keep = calloc(f->node_cnt, sizeof(*keep));
	if (!keep)
		goto out;
	err = choose(f, o, keep, &kept);
	if (err)
		goto out;
	err = -ENOMEM;
	out->box = malloc(kept * sizeof(*out->box));
	if (!out->box)
		goto out;
	count_hidden(f, keep, out);
	err = place(f, &kin, keep, out);
out:
	free(keep);
	ft_kin_free(&kin);
	if (err)
		ft_boxes_free(out);
	return err;
}

void ft_boxes_free(struct ft_boxes *b)
{
	if (!b)
		return;
	free(b->box);
	memset(b, 0, sizeof(*b));
}
