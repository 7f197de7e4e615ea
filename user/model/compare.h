/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two sides of one or more sessions each, figure by figure: by how much they differ, and whether
 * that is more than the runs of one side differ among themselves. Pure; the figures are those of
 * the models.
 */
#ifndef FT_MODEL_COMPARE_H
#define FT_MODEL_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/text.h"
#include "model/compare_stats.h"
#include "model/model.h"

#define FT_COMPARE_MAX FT_STATS_MAX /* sessions a side at most */

/* Of B against A. */
enum ft_cmp_verdict {
	FT_CV_UNKNOWN = 0, /* too few runs to tell a difference from noise */
	FT_CV_SAME,	   /* within noise */
	FT_CV_MORE,
	FT_CV_LESS,
};

enum ft_cmp_unit {
	FT_CU_NS = 0,
	FT_CU_COUNT,
	FT_CU_CORES,
	FT_CU_SHARE,	/* of one core, 0..1 */
	FT_CU_NS_RATE,	/* ns in a second of the session */
	FT_CU_CNT_RATE, /* in a second of the session */
};

struct ft_cmp_session {
	const struct ft_model *m; /* all are borrowed */
	const char *path;
	const char *command; /* that was run for it; NULL: not by us */
	bool unused;	     /* in no figure: it is damaged. Filled in here */
};

/* A figure of one side. */
struct ft_cmp_values {
	double *v; /* of each session that is used, in the order given */
	size_t cnt;
	double median, lo,
		hi;	 /* the interval is made of order statistics; of few values the range */
	double coverage; /* of that interval */
};

struct ft_cmp_row {
	const char *name;  /* "gil_wait_ns": of the JSON */
	const char *title; /* for people */
	enum ft_cmp_unit unit;
	struct ft_cmp_values side[2];
	struct ft_estimate est;
	enum ft_cmp_verdict verdict;
};

struct ft_compare {
	struct ft_cmp_session *session[2];
	size_t cnt[2];
	struct ft_cmp_row *row;
	size_t row_cnt;
	bool rates;	     /* the sessions had a length of their own: rows are per second */
	struct ft_rank rank; /* what the intervals of all rows are made with */
	/* sentences, a line each, safe to print */
	struct ft_text not_compared; /* what was left out, and why */
	struct ft_text notes;	     /* what to know of the rest */
	struct ft_text summary;	     /* the answer: a few sentences in one line */
};

/*
 * Compares side[0], cnt[0] sessions, with side[1]; models and paths must outlive *out. -EINVAL
 * when a side has no session or more than FT_COMPARE_MAX; -ENOMEM.
 */
int ft_compare_build(const struct ft_cmp_session *const side[2], const size_t cnt[2],
		     struct ft_compare **out);
void ft_compare_free(struct ft_compare *c); /* NULL is fine */

/* The row of that name; NULL: it was not compared. */
const struct ft_cmp_row *ft_compare_row(const struct ft_compare *c, const char *name);
/* The session of a side whose wall time is the median (the lower of two) of those that are used. */
size_t ft_compare_median_run(const struct ft_compare *c, int side);

const char *ft_cmp_verdict_name(enum ft_cmp_verdict v); /* "less": of the JSON */
const char *ft_cmp_unit_name(enum ft_cmp_unit u);	/* "ns/s": of the JSON */
/* "2.68 s", "1,204 /s"; negative with its sign. Returns buf. */
char *ft_cmp_format(double v, enum ft_cmp_unit u, char *buf, size_t sz);
char *ft_cmp_format_ratio(double v, char *buf, size_t sz);	     /* "0.612" */
char *ft_cmp_format_coverage(double coverage, char *buf, size_t sz); /* "99.2 %" */

#endif
