/* SPDX-License-Identifier: BSD-2-Clause */
/* Flames made by hand, for tests of what is written from them. */
#ifndef FT_TEST_FLAME_FIXTURE_H
#define FT_TEST_FLAME_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "model/flame.h"

struct flame_fixture {
	struct ft_flame f;
	struct ft_session_info info;
	size_t frame_cap;
	size_t node_cap;
};

static inline void fx_check(int err)
{
	if (err) {
		fprintf(stderr, "flame_fixture: no memory\n");
		abort();
	}
}

static inline char *fx_copy(const char *s)
{
	char *copy = strdup(s);

	fx_check(!copy);
	return copy;
}

/* A flame with the root alone. The fixture must stay where it is. */
static inline void fx_init(struct flame_fixture *x, enum ft_of of)
{
	void *p = NULL;

	memset(x, 0, sizeof(*x));
	x->f.of = of;
	x->f.info = &x->info;
	x->f.duration_ns = 7000000000ull;
	x->info.pid = 4242;
	x->info.stack_hz = 199;
	x->info.cpu_cnt = 2;
	x->info.start_wall_ns = 1700000000123456789ull;
	snprintf(x->info.name, sizeof(x->info.name), "app.py");
	snprintf(x->info.exe, sizeof(x->info.exe), "/usr/bin/python3.14");
	snprintf(x->info.cmdline, sizeof(x->info.cmdline), "python3 app.py");
	snprintf(x->info.kernel, sizeof(x->info.kernel), "6.1.0");
	fx_check(ft_array_reserve(&p, &x->node_cap, 1, sizeof(*x->f.node)));
	x->f.node = p;
	x->f.node_cnt = 1;
}

/* Adds a frame; its number. */
static inline __u32 fx_frame(struct flame_fixture *x, const char *name, const char *file,
			     __u32 line, __u32 first_line, enum ft_frame_kind kind)
{
	void *p = x->f.frame;
	struct ft_frame *fr;

	fx_check(ft_array_reserve(&p, &x->frame_cap, x->f.frame_cnt + 1, sizeof(*fr)));
	x->f.frame = p;
	fr = &x->f.frame[x->f.frame_cnt];
	fr->name = fx_copy(name);
	fr->file = fx_copy(file);
	fr->line = line;
	fr->first_line = first_line;
	fr->kind = kind;
	return (__u32)x->f.frame_cnt++;
}

/* Adds a node below another one; its number. */
static inline __u32 fx_node(struct flame_fixture *x, __u32 parent, __u32 frame, __u64 self_ns,
			    __u64 self_cnt)
{
	struct ft_flame_node *n;
	void *p = x->f.node;

	fx_check(ft_array_reserve(&p, &x->node_cap, x->f.node_cnt + 1, sizeof(*n)));
	x->f.node = p;
	n = &x->f.node[x->f.node_cnt];
	n->parent = parent;
	n->frame = frame;
	n->self_ns = self_ns;
	n->self_cnt = self_cnt;
	return (__u32)x->f.node_cnt++;
}

/* Adds up what the nodes have. */
static inline void fx_sum(struct flame_fixture *x)
{
	struct ft_flame_node *n = x->f.node;
	size_t i;

	x->f.samples = 0;
	for (i = 0; i < x->f.node_cnt; i++) {
		n[i].total_ns = n[i].self_ns;
		x->f.samples += n[i].self_cnt;
	}
	for (i = x->f.node_cnt - 1; i > 0; i--)
		n[n[i].parent].total_ns += n[i].total_ns;
	x->f.total_ns = x->f.sampled_ns = n[0].total_ns;
}

static inline void fx_free(struct flame_fixture *x)
{
	size_t i;

	for (i = 0; i < x->f.frame_cnt; i++) {
		free((char *)x->f.frame[i].name);
		free((char *)x->f.frame[i].file);
	}
	free(x->f.frame);
	free(x->f.node);
	memset(x, 0, sizeof(*x));
}

/*
 * A tree of `nodes` nodes over `frames` frames, about `depth` deep, the same in every run: a walk
 * that goes down three times of four, and up by some levels else.
 */
static inline void fx_grow(struct flame_fixture *x, __u32 nodes, __u32 frames, __u32 depth)
{
	__u32 seed = 12345, at = 0, level = 0, up, i;
	char name[64], file[64];

	for (i = 0; i < frames; i++) {
		snprintf(name, sizeof(name), "module%u.Class%u.method_%u", i % 97, i % 1009, i);
		snprintf(file, sizeof(file), "/srv/app/lib/python3.14/package/module%u.py", i % 97);
		fx_frame(x, name, file, i % 500 + 3, i % 500 + 1, FT_FK_PYTHON);
	}
	while (x->f.node_cnt <= nodes) {
		seed = seed * 1664525 + 1013904223;
		if (level < depth && (seed >> 16) % 4) {
			at = fx_node(x, at, (seed >> 8) % frames, seed % 9999991, 1 + seed % 19);
			level++;
			continue;
		}
		for (up = (seed >> 20) % 5; up > 0 && level; up--, level--)
			at = x->f.node[at].parent;
		if (level == depth) {
			at = x->f.node[at].parent;
			level--;
		}
	}
	fx_sum(x);
}

#endif
