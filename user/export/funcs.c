/* SPDX-License-Identifier: BSD-2-Clause */
/* The functions of a flame for the table of a page. */
#include "export/funcs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "export/boxes.h"

/* A frame and how much stands on it. */
struct sorted {
	const struct ft_frame *fr;
	__u32 frame;
	__u64 self_ns;
	__u64 total_ns;
};

static int by_function(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;
	int c = (int)x->fr->kind - (int)y->fr->kind;

	c = c ? c : strcmp(x->fr->name, y->fr->name);
	c = c ? c : strcmp(x->fr->file, y->fr->file);
	return c;
}

static __u64 most_of(__u64 a, __u64 b)
{
	return a > b ? a : b;
}

static int by_self(const void *a, const void *b)
{
	const struct ft_func_row *x = a, *y = b;
	__u64 p = most_of(x->self_ns, x->base_self_ns), q = most_of(y->self_ns, y->base_self_ns);

	if (p != q)
		return p < q ? 1 : -1;
	return x->frame < y->frame ? -1 : x->frame > y->frame;
}

static int by_total(const void *a, const void *b)
{
	const struct ft_func_row *x = a, *y = b;
	__u64 p = most_of(x->total_ns, x->base_ns), q = most_of(y->total_ns, y->base_ns);

	if (p != q)
		return p < q ? 1 : -1;
	return x->frame < y->frame ? -1 : x->frame > y->frame;
}

/* Whose a node's own time is: a mark's is its caller's, as in the tables of the report. */
static __u32 owner_of(const struct ft_flame *f, __u32 n)
{
	__u32 at = n;

	while (at && f->frame[f->node[at].frame].kind == FT_FK_MARK)
		at = f->node[at].parent;
	return at ? at : n;
}

/* Adds the nodes up; open[] counts how often a function stands on the stack at hand. */
static void add_up(const struct ft_flame *f, const struct ft_kin *k, const __u32 *func,
		   struct ft_func_row *row, __u32 *open)
{
	__u32 n = 0, up, at, i;

	for (;;) {
		const struct ft_flame_node *node = &f->node[n];

		if (n) {
			struct ft_func_row *r = &row[func[node->frame]];
			struct ft_func_row *own = &row[func[f->node[owner_of(f, n)].frame]];

			own->self_ns += node->self_ns;
			own->base_self_ns += node->base_self_ns;
			if (!open[func[node->frame]]++) {
				r->total_ns += node->total_ns;
				r->base_ns += node->base_ns;
			}
		}
		at = n;
		n = ft_kin_next(k, f, n, &up);
		if (n == FT_NO_NODE)
			return;
		for (i = 0; i < up; i++) {
			open[func[f->node[at].frame]]--;
			at = f->node[at].parent;
		}
	}
}

/* Numbers the functions of sorted frames; each row begins with its weightiest frame. */
static size_t number(struct sorted *s, size_t cnt, __u32 *func, struct ft_func_row *row)
{
	const struct sorted *best = NULL;
	size_t i, funcs = 0;

	for (i = 0; i < cnt; i++) {
		if (!i || by_function(&s[i - 1], &s[i])) {
			funcs++;
			best = NULL;
		}
		if (!best || s[i].self_ns > best->self_ns ||
		    (s[i].self_ns == best->self_ns && s[i].total_ns > best->total_ns)) {
			best = &s[i];
			row[funcs - 1].frame = s[i].frame;
		}
		func[s[i].frame] = (__u32)(funcs - 1);
	}
	return funcs;
}

/* Leaves the rows that the table shows, the most self time first. */
static size_t choose(const struct ft_flame *f, struct ft_func_row *row, size_t cnt, size_t max)
{
	size_t i, kept = 0;

	for (i = 0; i < cnt; i++) {
		if (f->frame[row[i].frame].kind != FT_FK_MARK &&
		    (row[i].total_ns || row[i].base_ns))
			row[kept++] = row[i];
	}
	cnt = kept;
	qsort(row, cnt, sizeof(*row), by_self);
	if (cnt <= max)
		return cnt;
	qsort(row + max, cnt - max, sizeof(*row), by_total);
	return cnt < 2 * max ? cnt : 2 * max;
}

int ft_funcs_build(const struct ft_flame *f, size_t max, struct ft_func_row **out, size_t *cnt)
{
	struct ft_func_row *row = NULL;
	struct sorted *s = NULL;
	struct ft_kin kin = {0};
	__u32 *func = NULL, *open = NULL;
	size_t i, frames = f->frame_cnt;
	int err;

	*out = NULL;
	*cnt = 0;
	err = ft_kin_build(f, &kin);
	if (err || !frames)
		goto out;
	err = -ENOMEM;
	s = calloc(frames, sizeof(*s));
	row = calloc(frames, sizeof(*row));
	func = calloc(frames, sizeof(*func));
	open = calloc(frames, sizeof(*open));
	if (!s || !row || !func || !open)
		goto out;
	for (i = 0; i < frames; i++)
		s[i] = (struct sorted){.fr = &f->frame[i], .frame = (__u32)i};
	for (i = 1; i < f->node_cnt; i++) {
		s[f->node[i].frame].self_ns += f->node[i].self_ns;
		s[f->node[i].frame].total_ns += f->node[i].total_ns;
	}
	qsort(s, frames, sizeof(*s), by_function);
	*cnt = number(s, frames, func, row);
	add_up(f, &kin, func, row, open);
	*cnt = choose(f, row, *cnt, max);
	*out = row;
	row = NULL;
	err = 0;
out:
	free(s);
	free(row);
	free(func);
	free(open);
	ft_kin_free(&kin);
	return err;
}
