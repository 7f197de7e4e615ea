/* SPDX-License-Identifier: BSD-2-Clause */
/* The functions of a flame by their time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/flame_tree.h"

#define NO_NODE FT_NO_STACK

/* A function while the tree is walked. */
struct sum {
	__u64 self_ns;
	__u64 total_ns;
	__u32 depth; /* how often it stands on the path to the node */
	__u32 best;  /* the frame that says its line */
};

struct walk {
	const struct ft_flame *f;
	__u32 *class_of; /* function, by frame */
	struct sum *sum; /* by function */
	__u64 *self;	 /* by frame: the time of its line */
	__u64 *total;
	__u32 *first, *next; /* lists of children; 0 ends */
	__u32 *caller;	     /* by node: the innermost that is no mark, itself if it is none */
	__u32 *owner;	     /* by node: whose its own time is */
};

/*
 * A mark's own time is its caller's: the function slept there. A wait for the GIL always ends in
 * the same functions of the C library: it is the Python function's that wanted the GIL.
 */
static __u32 own_time(const struct ft_flame *f, const struct ft_flame_node *n, __u32 caller,
		      __u32 outer)
{
	if (f->of == FT_OF_GIL_WAIT && outer != NO_NODE &&
	    f->frame[n->frame].kind != FT_FK_PYTHON &&
	    f->frame[f->node[outer].frame].kind == FT_FK_PYTHON)
		return outer;
	return caller;
}

static int prepare(struct walk *w, size_t *class_cnt)
{
	const struct ft_flame *f = w->f;
	size_t i;
	int err;

	w->class_of = malloc((f->frame_cnt + 1) * sizeof(*w->class_of));
	w->self = calloc(f->frame_cnt + 1, sizeof(*w->self));
	w->total = calloc(f->frame_cnt + 1, sizeof(*w->total));
	w->first = calloc(f->node_cnt, sizeof(*w->first));
	w->next = calloc(f->node_cnt, sizeof(*w->next));
	w->caller = malloc(f->node_cnt * sizeof(*w->caller));
	w->owner = malloc(f->node_cnt * sizeof(*w->owner));
	if (!w->class_of || !w->self || !w->total || !w->first || !w->next || !w->caller ||
	    !w->owner)
		return -ENOMEM;
	err = ft_frame_classes(f->frame, f->frame_cnt, ft_frame_cmp_function, w->class_of,
			       class_cnt);
	if (err)
		return err;
	w->sum = calloc(*class_cnt + 1, sizeof(*w->sum));
	if (!w->sum)
		return -ENOMEM;
	w->caller[0] = w->owner[0] = NO_NODE;
	for (i = 1; i < f->node_cnt; i++) {
		const struct ft_flame_node *n = &f->node[i];

		w->caller[i] =
			f->frame[n->frame].kind == FT_FK_MARK ? w->caller[n->parent] : (__u32)i;
		w->owner[i] = own_time(f, n, w->caller[i], w->owner[n->parent]);
		w->next[i] = w->first[n->parent];
		w->first[n->parent] = (__u32)i;
	}
	return 0;
}

/* A function's total is that of the outermost node of it in each stack. */
static void enter(struct walk *w, __u32 at)
{
	const struct ft_flame_node *n = &w->f->node[at];
	__u32 owner = w->owner[at], frame;
	struct sum *s;

	if (owner != NO_NODE) {
		frame = w->f->node[owner].frame;
		s = &w->sum[w->class_of[frame]];
		s->self_ns = ft_add_sat(s->self_ns, n->self_ns);
		w->self[frame] = ft_add_sat(w->self[frame], n->self_ns);
	}
	if (w->caller[at] != at)
		return;
	s = &w->sum[w->class_of[n->frame]];
	if (!s->depth++) {
		s->total_ns = ft_add_sat(s->total_ns, n->total_ns);
		w->total[n->frame] = ft_add_sat(w->total[n->frame], n->total_ns);
	}
}

static void leave(struct walk *w, __u32 at)
{
	if (at && w->caller[at] == at)
		w->sum[w->class_of[w->f->node[at].frame]].depth--;
}

static void walk_tree(struct walk *w)
{
	__u32 at = 0;

	for (;;) {
		if (at)
			enter(w, at);
		if (w->first[at]) {
			at = w->first[at];
			continue;
		}
		while (at && !w->next[at]) {
			leave(w, at);
			at = w->f->node[at].parent;
		}
		if (!at)
			return;
		leave(w, at);
		at = w->next[at];
	}
}

/* The frame whose line a function is shown with. */
static void choose_lines(struct walk *w, size_t class_cnt)
{
	struct sum *s;
	size_t i;

	for (i = 0; i < class_cnt; i++)
		w->sum[i].best = FT_NO_STACK;
	for (i = 0; i < w->f->frame_cnt; i++) {
		s = &w->sum[w->class_of[i]];
		if (s->best == FT_NO_STACK || w->self[i] > w->self[s->best] ||
		    (!w->self[s->best] && w->total[i] > w->total[s->best]))
			s->best = (__u32)i;
	}
}

static bool before(const struct ft_func *a, const struct ft_func *b, bool by_total)
{
	__u64 x = by_total ? a->total_ns : a->self_ns, y = by_total ? b->total_ns : b->self_ns;

	if (x != y)
		return x > y;
	x = by_total ? a->self_ns : a->total_ns;
	y = by_total ? b->self_ns : b->total_ns;
	return x > y;
}

/* Puts fn into the sorted out[]; equals stay in the order of their names, in which they come. */
static int insert(struct ft_func *out, int cnt, int max, const struct ft_func *fn, bool by_total)
{
	int i;

	if (cnt == max && !before(fn, &out[cnt - 1], by_total))
		return cnt;
	if (cnt < max)
		cnt++;
	for (i = cnt - 1; i > 0 && before(fn, &out[i - 1], by_total); i--)
		out[i] = out[i - 1];
	out[i] = *fn;
	return cnt;
}

int ft_flame_top(const struct ft_flame *f, bool by_total, struct ft_func *out, int max)
{
	struct walk w = {.f = f};
	size_t class_cnt = 0, i;
	int cnt = 0, err;

	if (!f->node_cnt || max <= 0)
		return 0;
	err = prepare(&w, &class_cnt);
	if (err)
		goto out;
	walk_tree(&w);
	choose_lines(&w, class_cnt);
	for (i = 0; i < class_cnt; i++) {
		const struct sum *s = &w.sum[i];
		const struct ft_frame *fr = &f->frame[s->best];
		struct ft_func fn = {.name = fr->name,
				     .file = fr->file,
				     .line = fr->line ? fr->line : fr->first_line,
				     .kind = fr->kind,
				     .self_ns = s->self_ns,
				     .total_ns = s->total_ns};

		if (fr->kind != FT_FK_MARK && (by_total ? s->total_ns : s->self_ns))
			cnt = insert(out, cnt, max, &fn, by_total);
	}
out:
	free(w.class_of);
	free(w.sum);
	free(w.self);
	free(w.total);
	free(w.first);
	free(w.next);
	free(w.caller);
	free(w.owner);
	return err ? err : cnt;
}
