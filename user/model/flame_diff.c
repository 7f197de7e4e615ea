/* SPDX-License-Identifier: BSD-2-Clause */
/* Two flames of the same question as one tree. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/flame_tree.h"

/* Adds the stacks of a flame; frame[i] is the tree's frame for the flame's frame i. */
static int add_flame(struct ft_stack_tree *t, const struct ft_flame *f, const __u32 *frame,
		     bool base, __u64 total)
{
	struct ft_deal d = {.total = total};
	__u32 *no = malloc((f->node_cnt + 1) * sizeof(*no));
	size_t i;
	int err = 0;

	if (!no)
		return -ENOMEM;
	no[0] = 0;
	for (i = 0; i < f->node_cnt; i++)
		d.sum += f->node[i].self_ns;
	for (i = 0; i < f->node_cnt && !err; i++) {
		const struct ft_flame_node *n = &f->node[i];
		struct ft_flame_node *to;
		__u64 ns = ft_deal(&d, n->self_ns);

		if (i)
			err = ft_stack_tree_child(t, no[n->parent], frame[n->frame], &no[i]);
		if (err)
			break;
		to = &t->node[no[i]];
		if (base) {
			to->base_self_ns = ft_add_sat(to->base_self_ns, ns);
		} else {
			to->self_ns = ft_add_sat(to->self_ns, ns);
			to->self_cnt = ft_add_sat(to->self_cnt, n->self_cnt);
		}
	}
	free(no);
	return err;
}

/*
 * The frames of both without their lines. of[] has room for all of a's, then all of b's. Of several
 * that are one the last of b's is shown: it is b's tree.
 */
static int join_frames(const struct ft_flame *a, const struct ft_flame *b, __u32 *of,
		       struct ft_flame *out)
{
	size_t cnt = a->frame_cnt + b->frame_cnt, i;
	struct ft_frame *both = malloc((cnt + 1) * sizeof(*both));
	int err = -ENOMEM;

	if (!both)
		goto out;
	if (a->frame_cnt)
		memcpy(both, a->frame, a->frame_cnt * sizeof(*both));
	if (b->frame_cnt)
		memcpy(both + a->frame_cnt, b->frame, b->frame_cnt * sizeof(*both));
	err = ft_frame_classes(both, cnt, ft_frame_cmp_moved, of, &out->frame_cnt);
	if (err)
		goto out;
	out->frame = malloc((out->frame_cnt + 1) * sizeof(*out->frame));
	if (!out->frame) {
		err = -ENOMEM;
		goto out;
	}
	for (i = 0; i < cnt; i++) {
		out->frame[of[i]] = both[i];
		out->frame[of[i]].line = 0;
	}
out:
	free(both);
	return err;
}

int ft_flame_diff(const struct ft_flame *a, const struct ft_flame *b, struct ft_flame *out)
{
	struct ft_stack_tree t = {0};
	__u32 *of = NULL;
	int err;

	memset(out, 0, sizeof(*out));
	if (a->of != b->of || !a->node_cnt || !b->node_cnt)
		return -EINVAL;
	if (a->frame_cnt >= FT_NO_STACK / 2 || b->frame_cnt >= FT_NO_STACK / 2)
		return -EINVAL;
	of = malloc((a->frame_cnt + b->frame_cnt + 1) * sizeof(*of));
	err = of ? 0 : -ENOMEM;
	if (!err)
		err = join_frames(a, b, of, out);
	if (!err)
		err = ft_stack_tree_init(&t);
	if (!err)
		err = add_flame(&t, b, of + a->frame_cnt, false, b->total_ns);
	if (!err)
		err = add_flame(&t, a, of, true, b->total_ns);
	if (!err)
		err = ft_stack_tree_finish(&t, out->frame, out->frame_cnt);
	if (err)
		goto out;
	out->of = b->of;
	out->info = b->info;
	out->duration_ns = b->duration_ns;
	out->node = t.node;
	out->node_cnt = t.cnt;
	t.node = NULL;
	out->total_ns = b->total_ns;
	out->sampled_ns = b->sampled_ns;
	out->samples = b->samples;
	out->factor = b->factor;
	out->differs = true;
	out->base_info = a->info;
	out->base_total_ns = a->total_ns;
	out->base_duration_ns = a->duration_ns;
out:
	ft_stack_tree_free(&t);
	free(of);
	if (err)
		ft_flame_free(out);
	return err;
}
