/* SPDX-License-Identifier: BSD-2-Clause */
/* A session's stacks as a report shows them: the heaviest functions, and how good the stacks are.
 */
#ifndef FT_MODEL_FUNCS_H
#define FT_MODEL_FUNCS_H

#include "model/flame.h"

#define FT_FUNCS_MAX 20
#define FT_FUNC_MARKS_MAX 3

/* The functions with the most time of their own, for one question. */
struct ft_func_list {
	enum ft_of of;
	__u64 total_ns; /* of the question; 0: no such time in this session */
	double factor;	/* struct ft_flame.factor */
	struct ft_func func[FT_FUNCS_MAX];
	int cnt;
	/* what no function has: "[GIL free: hand-over]", "[no stack]"; heaviest first */
	struct ft_func mark[FT_FUNC_MARKS_MAX];
	int mark_cnt;
	struct ft_flame flame; /* whose the strings are */
};

enum { FT_FUNCS_ON_CPU = 0, FT_FUNCS_GIL_WAIT, FT_FUNCS_GIL_BLAME, FT_FUNCS_CNT };

struct ft_func_lists {
	bool present; /* the session has stacks */
	struct ft_func_list list[FT_FUNCS_CNT];
};

/*
 * Fills *out from a model and the reader it came from; both must outlive it. A session without
 * stacks gives empty lists. 0 or -errno, and then *out is zeroed.
 */
int ft_func_lists_build(struct ft_reader *r, const struct ft_model *m, struct ft_func_lists *out);
void ft_func_lists_free(struct ft_func_lists *f); /* NULL is fine */

/* How good a session's stacks are. */
struct ft_stack_quality {
	__u64 walked;
	__u64 errors;		  /* marks of errors: a walk that went wrong has one */
	__u64 by_mark[FT_PM_CNT]; /* enum ft_pymark */
	__u64 truncated;	  /* deeper than FT_PY_DEPTH */
	__u64 skipped;		  /* switches above the budget */
	double walked_share;	  /* of the switches */
};

void ft_stack_quality(const struct ft_model *m, struct ft_stack_quality *out);
/* "frame unreadable"; NULL for a mark that is no error. */
const char *ft_pymark_words(enum ft_pymark mark);

#endif
