// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writes a session with many different stacks, to measure what a report of them takes:
 *
 *     mkstacks FILE WEIGHTS     as many weights on core, each with a stack of its own
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/session.h"

#define FRAMES 4096
#define DEPTH 30
#define WEIGHT_NS 1000000ull

struct made {
	struct ft_frame *frame;
	struct ft_node *node;
	struct ft_weight *weight;
	char (*name)[32];
};

/* Every node below the first DEPTH hangs from one that stands before it, with some bias to depth.
 */
static void fill(struct made *m, size_t cnt)
{
	unsigned int seed = 7;
	size_t i, back;

	for (i = 0; i < FRAMES; i++) {
		snprintf(m->name[i], sizeof(m->name[i]), "function_%zu", i);
		m->frame[i] = (struct ft_frame){
			.name = m->name[i],
			.file = "/srv/app/module.py",
			.line = (__u32)i + 1,
			.first_line = (__u32)i + 1,
			.kind = FT_FK_PYTHON,
		};
	}
	for (i = 0; i < cnt; i++) {
		back = 1 + (size_t)rand_r(&seed) % (i < 1000 ? i + 1 : 1000);
		m->node[i] = (struct ft_node){
			.parent = i && i % DEPTH ? (__u32)(i - (back < i % DEPTH ? back : 1))
						 : FT_NO_STACK,
			.frame = (__u32)rand_r(&seed) % FRAMES,
		};
		m->weight[i] = (struct ft_weight){
			.stack = (__u32)i,
			.kind = FT_SK_ON + FT_ON_GIL,
			.ns = WEIGHT_NS,
			.raw_ns = WEIGHT_NS,
			.cnt = 1,
		};
	}
}

static int write_session(const char *path, const struct ft_stacks *s, struct ft_totals *t,
			 struct ft_session_info *in)
{
	struct ft_writer_opts opts = {.path = path};
	struct ft_thread_rec rec = {.name = "main"};
	struct ft_writer *w;
	int err;

	err = ft_writer_open(&opts, &w);
	if (err)
		return err;
	in->start_ns = 1;
	in->stack_hz = 1000;
	in->tick_hz = 1000;
	in->cpu_cnt = in->cpus_cnt = 1;
	in->pid = rec.t.tid = rec.t.ns_tid = 1;
	in->gil = FT_GIL_ON;
	in->end = FT_END_DURATION;
	t->end_ns = in->start_ns + s->weight_cnt * WEIGHT_NS;
	rec.t.start_ns = in->start_ns;
	rec.t.since_ns = t->end_ns;
	rec.t.state = FT_ST_DEAD;
	rec.t.state_ns[FT_ST_ON] = t->end_ns - in->start_ns;
	rec.t.tick_cnt[FT_ON_GIL] = s->weight_cnt;
	err = ft_writer_info(w, in);
	err = err ?: ft_writer_threads(w, &rec, 1);
	err = err ?: ft_writer_stacks(w, s);
	err = err ?: ft_writer_totals(w, t);
	if (err) {
		ft_writer_abort(w);
		return err;
	}
	return ft_writer_finish(w);
}

int main(int argc, char **argv)
{
	size_t cnt = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	struct ft_session_info *in;
	struct ft_totals *t;
	struct ft_stacks s;
	struct made m;
	int err = -ENOMEM;

	if (!cnt || cnt > (4u << 20)) {
		fprintf(stderr, "usage: mkstacks FILE WEIGHTS\n");
		return 2;
	}
	in = calloc(1, sizeof(*in));
	t = calloc(1, sizeof(*t));
	m.frame = calloc(FRAMES, sizeof(*m.frame));
	m.name = calloc(FRAMES, sizeof(*m.name));
	m.node = calloc(cnt, sizeof(*m.node));
	m.weight = calloc(cnt, sizeof(*m.weight));
	if (in && t && m.frame && m.name && m.node && m.weight) {
		fill(&m, cnt);
		s = (struct ft_stacks){m.frame, FRAMES, m.node, cnt, m.weight, cnt};
		err = write_session(argv[1], &s, t, in);
	}
	if (err)
		fprintf(stderr, "mkstacks: %s\n", strerror(-err));
	free(m.weight);
	free(m.node);
	free(m.name);
	free(m.frame);
	free(t);
	free(in);
	return err ? 1 : 0;
}
