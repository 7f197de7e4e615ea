/* SPDX-License-Identifier: BSD-2-Clause */
/* A session's stacks as a report shows them: the heaviest functions, and how good the stacks are.
 */
#include "model/funcs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Marks that stand where a stack would begin, with the time under which no function stands: behind
 * "[native frames end]" Python functions may follow, and have theirs.
 */
static int take_marks(struct ft_func_list *l)
{
	const struct ft_flame *f = &l->flame;
	struct own {
		__u32 mark; /* the outermost of the marks that lead here, 0: a function does */
		__u64 ns;
	} *own = calloc(f->node_cnt + 1, sizeof(*own));
	size_t i;
	int k;

	if (!own)
		return -ENOMEM;
	for (i = 1; i < f->node_cnt; i++) {
		const struct ft_flame_node *n = &f->node[i];

		if (f->frame[n->frame].kind == FT_FK_MARK)
			own[i].mark = n->parent ? own[n->parent].mark : (__u32)i;
		if (own[i].mark)
			own[own[i].mark].ns += n->self_ns;
	}
	for (i = 1; i < f->node_cnt; i++) {
		const struct ft_frame *fr = &f->frame[f->node[i].frame];

		if (!own[i].ns || fr->error)
			continue;
		for (k = l->mark_cnt; k > 0 && l->mark[k - 1].total_ns < own[i].ns; k--)
			if (k < FT_FUNC_MARKS_MAX)
				l->mark[k] = l->mark[k - 1];
		if (k == FT_FUNC_MARKS_MAX)
			continue;
		l->mark[k] = (struct ft_func){.name = fr->name,
					      .file = "",
					      .kind = fr->kind,
					      .self_ns = own[i].ns,
					      .total_ns = own[i].ns};
		if (l->mark_cnt < FT_FUNC_MARKS_MAX)
			l->mark_cnt++;
	}
	free(own);
	return 0;
}

static int fill(struct ft_reader *r, const struct ft_model *m, struct ft_func_list *l)
{
	const struct ft_flame_opts o = {.of = l->of};
	int err = ft_flame_build(r, m, &o, &l->flame, NULL, 0);

	if (err)
		return err == -ENODATA ? 0 : err;
	l->total_ns = l->flame.total_ns;
	l->factor = l->flame.factor;
	err = ft_flame_top(&l->flame, false, l->func, FT_FUNCS_MAX);
	if (err < 0)
		return err;
	l->cnt = err;
	return take_marks(l);
}

int ft_func_lists_build(struct ft_reader *r, const struct ft_model *m, struct ft_func_lists *out)
{
	static const enum ft_of of[FT_FUNCS_CNT] = {
		[FT_FUNCS_ON_CPU] = FT_OF_ON_CPU,
		[FT_FUNCS_GIL_WAIT] = FT_OF_GIL_WAIT,
		[FT_FUNCS_GIL_BLAME] = FT_OF_GIL_BLAME,
	};
	int i, err = 0;

	memset(out, 0, sizeof(*out));
	out->present = m->info->stack_hz != 0;
	for (i = 0; i < FT_FUNCS_CNT && !err; i++) {
		out->list[i].of = of[i];
		if (out->present)
			err = fill(r, m, &out->list[i]);
	}
	if (err)
		ft_func_lists_free(out);
	return err;
}

void ft_func_lists_free(struct ft_func_lists *f)
{
	int i;

	if (!f)
		return;
	for (i = 0; i < FT_FUNCS_CNT; i++)
		ft_flame_free(&f->list[i].flame);
	memset(f, 0, sizeof(*f));
}

const char *ft_pymark_words(enum ft_pymark mark)
{
	switch (mark) {
	case FT_PM_FRAME:
		return "frame unreadable";
	case FT_PM_CODE:
		return "code unreadable";
	case FT_PM_TYPE:
		return "no code in a frame";
	case FT_PM_LOOP:
		return "frames in a circle";
	case FT_PM_TSTATE:
		return "thread state unreadable";
	default:
		return NULL;
	}
}

void ft_stack_quality(const struct ft_model *m, struct ft_stack_quality *out)
{
	const __u64 *cnt = m->totals->sums.cnt;
	__u64 switches = m->all.switches;
	int i;

	memset(out, 0, sizeof(*out));
	out->walked = cnt[FT_CN_STACKS];
	for (i = 0; i < FT_PM_CNT; i++) {
		if (!ft_pymark_words((enum ft_pymark)i))
			continue;
		out->by_mark[i] = cnt[FT_CN_STACK_MARK + i];
		out->errors += out->by_mark[i];
	}
	out->truncated = cnt[FT_CN_STACK_MARK + FT_PM_TRUNCATED];
	out->skipped = cnt[FT_CN_STACK_SKIPPED];
	out->walked_share = 1 - ft_share(out->skipped, switches);
	if (out->walked_share < 0)
		out->walked_share = 0;
}
