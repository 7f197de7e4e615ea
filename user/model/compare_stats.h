/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two small samples compared without assuming any distribution: the Hodges-Lehmann estimate of
 * how far one lies from the other, and the interval that belongs to the rank-sum test
 * (Mann-Whitney), whose null distribution is computed exactly. With ties the coverage is at least
 * what is told.
 */
#ifndef FT_MODEL_COMPARE_STATS_H
#define FT_MODEL_COMPARE_STATS_H

#include <stdbool.h>
#include <stddef.h>

#define FT_STATS_MAX 64 /* values of a sample at most */
/* What is aimed at where there are enough values, and the least that is called an interval. */
#define FT_STATS_WANTED 0.99
#define FT_STATS_LEAST 0.95

/* Which order statistic from either end bounds an interval. */
struct ft_rank {
	size_t k;	 /* 1: the outermost; 0: no interval, too few values */
	double coverage; /* of the interval from the k-th smallest to the k-th largest; 0 without */
};

/* For the differences of na and nb values (1..FT_STATS_MAX each; else k is 0). 0 or -ENOMEM. */
int ft_rank_of_two(size_t na, size_t nb, struct ft_rank *out);
/* For the median of n values; k is 1 also where the coverage is low, 0 only without values. */
struct ft_rank ft_rank_of_median(size_t n);

struct ft_estimate {
	bool ratio;	 /* of b to a; else the difference b - a */
	double mid;	 /* Hodges-Lehmann */
	double lo, hi;	 /* the interval; without one the smallest and largest over all pairs */
	double coverage; /* 0: no interval */
	int sign;	 /* of b against a where the interval says so: -1, 1; else 0 */
};

/*
 * a[] and b[] are finite. A ratio is only taken where it was asked for and no value is 0 or less.
 * rank: from ft_rank_of_two(na, nb). 0 or -ENOMEM.
 */
int ft_estimate(const double *a, size_t na, const double *b, size_t nb, bool want_ratio,
		const struct ft_rank *rank, struct ft_estimate *out);
/* Sorts v[] (finite). */
void ft_stats_sort(double *v, size_t n);
/* Of sorted values; 0 without any. */
double ft_stats_median(const double *sorted, size_t n);

#endif
