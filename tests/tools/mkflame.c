/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes stacks that a test made up in one of the formats for other tools, to standard output:
 *
 *     mkflame FORMAT FILE       FILE: {"of": 0, "frames": [{"name", "file", "line", "first_line",
 *                               "kind"}], "stacks": [{"frames": [outermost, ...], "ns", "cnt"}]}
 *     mkflame FORMAT -r NODES   a large tree instead; says on standard error how many milliseconds
 *                               the format took
 */
#include <errno.h>
#include <inttypes.h>
#include <json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../unit/flame_fixture.h"
#include "base/fileio.h"
#include "export/export.h"

#define GROWN_FRAMES 5000
#define GROWN_DEPTH 60

static int64_t number(json_object *o, const char *key)
{
	return json_object_get_int64(json_object_object_get(o, key));
}

/* The node for a frame below another one, old or new. */
static __u32 below(struct flame_fixture *x, __u32 parent, __u32 frame)
{
	size_t i;

	for (i = parent + 1; i < x->f.node_cnt; i++)
		if (x->f.node[i].parent == parent && x->f.node[i].frame == frame)
			return (__u32)i;
	return fx_node(x, parent, frame, 0, 0);
}

static int load(struct flame_fixture *x, const char *path)
{
	json_object *root = json_object_from_file(path), *frames, *stacks, *o, *list;
	size_t i, k;
	__u32 at;

	if (!root) {
		fprintf(stderr, "mkflame: %s", json_util_get_last_err());
		return -EINVAL;
	}
	x->f.of = (enum ft_of)number(root, "of");
	frames = json_object_object_get(root, "frames");
	for (i = 0; i < json_object_array_length(frames); i++) {
		o = json_object_array_get_idx(frames, i);
		fx_frame(x, json_object_get_string(json_object_object_get(o, "name")),
			 json_object_get_string(json_object_object_get(o, "file")),
			 (__u32)number(o, "line"), (__u32)number(o, "first_line"),
			 (enum ft_frame_kind)number(o, "kind"));
	}
	stacks = json_object_object_get(root, "stacks");
	for (i = 0; i < json_object_array_length(stacks); i++) {
		o = json_object_array_get_idx(stacks, i);
		list = json_object_object_get(o, "frames");
		for (at = 0, k = 0; k < json_object_array_length(list); k++)
			at = below(
				x, at,
				(__u32)json_object_get_int64(json_object_array_get_idx(list, k)));
		x->f.node[at].self_ns += (__u64)number(o, "ns");
		x->f.node[at].self_cnt += (__u64)number(o, "cnt");
	}
	fx_sum(x);
	json_object_put(root);
	return 0;
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*export)(const struct ft_flame *f, struct ft_text *out);
	} formats[] = {
		{"folded", ft_export_folded},
		{"speedscope", ft_export_speedscope},
		{"pprof", ft_export_pprof},
		{"firefox", ft_export_firefox},
	};
	bool grown = argc == 4 && !strcmp(argv[2], "-r");
	struct flame_fixture x;
	struct ft_text out = {0};
	double begin;
	size_t i;
	int err;

	for (i = 0; argc > 1 && i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcmp(argv[1], formats[i].name))
			break;
	if ((argc != 3 && !grown) || i == sizeof(formats) / sizeof(formats[0])) {
		fprintf(stderr, "usage: mkflame FORMAT FILE | mkflame FORMAT -r NODES\n");
		return 2;
	}
	fx_init(&x, FT_OF_ON_CPU);
	err = 0;
	if (grown)
		fx_grow(&x, (__u32)strtoul(argv[3], NULL, 10), GROWN_FRAMES, GROWN_DEPTH);
	else
		err = load(&x, argv[2]);
	begin = now_ms();
	if (!err)
		err = formats[i].export(&x.f, &out);
	if (!err && grown)
		fprintf(stderr, "%.0f\n", now_ms() - begin);
	if (!err)
		err = ft_write_all(STDOUT_FILENO, out.s, out.len);
	if (err)
		fprintf(stderr, "mkflame: %s\n", strerror(-err));
	ft_text_free(&out);
	fx_free(&x);
	return err ? 1 : 0;
}
