/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file format of speedscope (https://www.speedscope.app/file-format-schema.json): one sampled
 * profile, a sample for each stack with time of its own, depth first, so that what speedscope draws
 * in the order of the file is a flame graph too. Its frames have the line that ran.
 */
#include "export/export.h"

#include <errno.h>
#include <stdlib.h>

#include "export/json_out.h"
#include "export/tables.h"

static void add_frames(struct ft_text *out, const struct ft_dfs *tree)
{
	const struct ft_frame *fr;
	__u32 line;
	size_t i;

	ft_text_add(out, "\"shared\":{\"frames\":[");
	for (i = 0; i < tree->frame_cnt; i++) {
		fr = tree->frame[i];
		line = fr->line ? fr->line : fr->first_line;
		ft_text_add(out, i ? ",\n{\"name\":" : "\n{\"name\":");
		ft_json_str(out, fr->name);
		if (fr->file[0]) {
			ft_text_add(out, ",\"file\":");
			ft_json_str(out, fr->file);
		}
		if (line) {
			ft_text_add(out, ",\"line\":");
			ft_json_u64(out, line);
		}
		ft_text_add(out, "}");
	}
	ft_text_add(out, "\n]}");
}

static void add_stack(struct ft_text *out, const __u32 *path, __u32 depth, bool first)
{
	__u32 i;

	ft_text_add(out, first ? "\n[" : ",\n[");
	for (i = 0; i < depth; i++) {
		if (i)
			ft_text_addn(out, ",", 1);
		ft_json_u64(out, path[i]);
	}
	ft_text_addn(out, "]", 1);
}

/* The stacks with time of their own; *total_ns: their sum. path: scratch, max_depth + 1 */
static void add_samples(struct ft_text *out, const struct ft_dfs *tree, __u32 *path,
			__u64 *total_ns)
{
	const struct ft_flame_node *nodes = tree->f->node;
	__u32 node, depth;
	bool first = true;
	__u64 total = 0;
	size_t i;

	ft_text_add(out, "\"samples\":[");
	if (nodes[0].self_ns) {
		add_stack(out, &tree->bare_frame, 1, true);
		total = nodes[0].self_ns;
		first = false;
	}
	for (i = 0; i < tree->order_cnt; i++) {
		node = tree->order[i];
		depth = tree->depth[node];
		path[depth - 1] = tree->frame_of[node];
		if (!nodes[node].self_ns)
			continue;
		add_stack(out, path, depth, first);
		total += nodes[node].self_ns;
		first = false;
	}
	ft_text_add(out, "\n],\n\"weights\":[");
	first = true;
	if (nodes[0].self_ns) {
		ft_json_u64(out, nodes[0].self_ns);
		first = false;
	}
	for (i = 0; i < tree->order_cnt; i++) {
		node = tree->order[i];
		if (!nodes[node].self_ns)
			continue;
		if (!first)
			ft_text_addn(out, ",", 1);
		ft_json_u64(out, nodes[node].self_ns);
		first = false;
	}
	ft_text_add(out, "]");
	*total_ns = total;
}

int ft_export_speedscope(const struct ft_flame *f, struct ft_text *out)
{
	struct ft_dfs tree = {0};
	struct ft_text name = {0};
	__u32 *path = NULL;
	__u64 total_ns = 0;
	int err;

	err = ft_dfs_init(&tree, f);
	if (err)
		goto out;
	err = -ENOMEM;
	path = calloc((size_t)tree.max_depth + 1, sizeof(*path));
	ft_profile_name(f, &name);
	if (!path || name.err)
		goto out;
	ft_text_add(out, "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n"
			 "\"exporter\":\"ftprof@" FTPROF_VERSION "\",\n\"name\":");
	ft_json_str(out, name.s);
	ft_text_add(out, ",\n\"activeProfileIndex\":0,\n");
	add_frames(out, &tree);
	ft_text_add(out, ",\n\"profiles\":[{\"type\":\"sampled\",\"name\":");
	ft_json_str(out, name.s);
	ft_text_add(out, ",\"unit\":\"nanoseconds\",\n");
	add_samples(out, &tree, path, &total_ns);
	ft_text_add(out, ",\n\"startValue\":0,\"endValue\":");
	ft_json_u64(out, total_ns);
	ft_text_add(out, "}]}\n");
	err = out->err;
out:
	free(path);
	ft_text_free(&name);
	ft_dfs_free(&tree);
	return err;
}
