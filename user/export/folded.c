/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Folded stacks, as FlameGraph, inferno and speedscope read them: "outer;inner 123\n",
 * microseconds.
 *
 * The format has no escapes, so names give way. As in FlameGraph's own stackcollapse programs ';'
 * becomes ':'; what would end the line or move a cursor becomes '?'; blanks at the ends of a name,
 * and one before digits that end it (flamegraph.pl takes "f 1 23" for two weights), become '_'.
 */
#include "export/export.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "export/json_out.h"
#include "export/tables.h"

/* Makes s[0..n), printable already, fit for a stack. It keeps its length. */
static void fold_label(char *s, size_t n)
{
	size_t i, end = n;

	for (i = 0; i < n; i++)
		if (s[i] == ';')
			s[i] = ':';
	for (i = 0; i < n && s[i] == ' '; i++)
		s[i] = '_';
	for (i = n; i > 0 && s[i - 1] == ' '; i--)
		s[i - 1] = '_';
	while (end > 0 && ((s[end - 1] >= '0' && s[end - 1] <= '9') || s[end - 1] == '.'))
		end--;
	if (end > 0 && end < n && s[end - 1] == ' ')
		s[end - 1] = '_';
}

/* The labels of all frames in one text: that of frame i stands at at[i], its end at at[i + 1]. */
static int make_labels(const struct ft_dfs *tree, struct ft_text *labels, size_t *at)
{
	struct ft_text raw = {0};
	size_t i;
	int err;

	for (i = 0; i < tree->frame_cnt; i++) {
		raw.len = 0;
		ft_frame_label(tree->frame[i], &raw);
		if (raw.err)
			break;
		at[i] = labels->len;
		ft_text_add_safe(labels, raw.s, SIZE_MAX);
		if (labels->err)
			break;
		fold_label(labels->s + at[i], labels->len - at[i]);
	}
	at[i] = labels->len;
	err = raw.err ? raw.err : labels->err;
	ft_text_free(&raw);
	return err;
}

/*
 * The line of one node. What rounding leaves over goes to the lines that follow: *done_ns is the
 * time of all nodes so far, so that all lines together are off by half a microsecond at most, and
 * each by less than one.
 */
static void add_line(struct ft_text *out, const struct ft_text *stack, __u64 ns, __u64 *done_ns)
{
	__u64 before_us = (*done_ns + 500) / 1000;

	*done_ns += ns;
	ns = (*done_ns + 500) / 1000 - before_us;
	if (!ns)
		return;
	ft_text_addn(out, stack->s, stack->len);
	ft_text_addn(out, " ", 1);
	ft_json_u64(out, ns);
	ft_text_addn(out, "\n", 1);
}

int ft_export_folded(const struct ft_flame *f, struct ft_text *out)
{
	struct ft_text labels = {0}, stack = {0};
	size_t *at = NULL, *end = NULL;
	struct ft_dfs tree = {0};
	__u32 node, depth, frame;
	__u64 done_ns = 0;
	size_t i;
	int err;

	err = ft_dfs_init(&tree, f);
	if (err)
		goto out;
	err = -ENOMEM;
	at = calloc(tree.frame_cnt + 1, sizeof(*at));
	end = calloc((size_t)tree.max_depth + 1, sizeof(*end)); /* of the stack's text, by depth */
	if (!at || !end)
		goto out;
	err = make_labels(&tree, &labels, at);
	if (err)
		goto out;
	if (tree.bare_frame != FT_NO_INDEX) {
		frame = tree.bare_frame;
		ft_text_addn(&stack, labels.s + at[frame], at[frame + 1] - at[frame]);
		if (!stack.err)
			add_line(out, &stack, f->node[0].self_ns, &done_ns);
	}
	for (i = 0; i < tree.order_cnt; i++) {
		node = tree.order[i];
		depth = tree.depth[node];
		frame = tree.frame_of[node];
		stack.len = end[depth - 1];
		if (depth > 1)
			ft_text_addn(&stack, ";", 1);
		ft_text_addn(&stack, labels.s + at[frame], at[frame + 1] - at[frame]);
		if (stack.err)
			break;
		end[depth] = stack.len;
		add_line(out, &stack, f->node[node].self_ns, &done_ns);
	}
	err = stack.err ? stack.err : out->err;
out:
	free(at);
	free(end);
	ft_text_free(&labels);
	ft_text_free(&stack);
	ft_dfs_free(&tree);
	return err;
}
