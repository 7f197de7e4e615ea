/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report on a terminal, in blocks, so that the caller can put the timeline between the verdict
 * and the tables. Every line ends with a newline and is no wider than the width. Errors stick to
 * the text (struct ft_text.err).
 */
#ifndef FT_VIEW_REPORT_TEXT_H
#define FT_VIEW_REPORT_TEXT_H

#include <stdbool.h>
#include "base/text.h"
#include "model/funcs.h"
#include "model/model.h"

struct ft_report_opts {
	int width;    /* columns; 0: 80, never less than 40 */
	bool color;   /* escape sequences; none without */
	bool ascii;   /* not a byte above 0x7e, names included */
	bool threads; /* open the groups, and show every row */
};

/* What was measured, what it cost, what was lost, and what could not be measured. */
void ft_report_head(struct ft_text *out, const struct ft_model *m, const struct ft_report_opts *o);
/* The answer, why, and what to do next. */
void ft_report_verdict(struct ft_text *out, const struct ft_model *m,
		       const struct ft_report_opts *o);
/*
 * What keeps a program on a free-threaded build from scaling, most core-seconds lost first, each
 * with what to do. Nothing on a build with a GIL, or where hardly anything is lost.
 */
void ft_report_scaling(struct ft_text *out, const struct ft_model *m,
		       const struct ft_report_opts *o);
/* The locks that threads contended for. Nothing when there is none. */
void ft_report_locks(struct ft_text *out, const struct ft_model *m, const struct ft_report_opts *o);
/*
 * The interpreter: pauses, garbage collection, extension modules, sharing, hardware counters,
 * memory. What there is nothing to say about is left out.
 */
void ft_report_found(struct ft_text *out, const struct ft_model *m, const struct ft_report_opts *o);
/* A row for each group of threads: where its time went, and a bar of its states. */
void ft_report_threads(struct ft_text *out, const struct ft_model *m,
		       const struct ft_report_opts *o);
/*
 * The functions with the most time on cores, of waiting for the GIL, and of holding it meanwhile;
 * and what is wrong with the stacks. Nothing in a session without stacks.
 */
void ft_report_funcs(struct ft_text *out, const struct ft_model *m, const struct ft_func_lists *fn,
		     const struct ft_report_opts *o);
/* Figures of the whole process: parallelism, GIL waits, system calls. */
void ft_report_process(struct ft_text *out, const struct ft_model *m,
		       const struct ft_report_opts *o);

#endif
