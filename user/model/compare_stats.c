// SPDX-License-Identifier: BSD-2-Clause
/* Two small samples compared without assuming any distribution. */
#include "model/compare_stats.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * cnt[j][u]: in how many of the ways to place j values of one sample among those of the other so
 * far does U, the number of pairs in the wrong order, come out as u. A double holds C(128, 64)
 * with a relative error that no coverage shows.
 */
static int null_distribution(size_t na, size_t nb, double **out)
{
	size_t u_cnt = na * nb + 1, i, j, u;
	double *cnt = calloc((na + 1) * u_cnt, sizeof(*cnt));

	if (!cnt)
		return -ENOMEM;
	/* rank i goes to the j-th of sample a: i - j values of b lie below it */
	cnt[0] = 1;
	for (i = 1; i <= na + nb; i++) {
		for (j = i < na ? i : na; j >= 1; j--) {
			size_t below = i - j;

			if (below > nb)
				break;
			for (u = below; u < u_cnt; u++)
				cnt[j * u_cnt + u] += cnt[(j - 1) * u_cnt + u - below];
		}
	}
	memmove(cnt, cnt + na * u_cnt, u_cnt * sizeof(*cnt));
	*out = cnt;
	return 0;
}

/* The innermost order statistic that still has the coverage that is wanted. */
static struct ft_rank choose(const double *cnt, size_t len, double least)
{
	struct ft_rank r = {0};
	double all = 0, below = 0;
	size_t i;

	for (i = 0; i < len; i++)
		all += cnt[i];
	for (i = 0; 2 * (i + 1) <= len; i++) {
		double coverage;

		below += cnt[i];
		coverage = 1 - 2 * below / all;
		if (coverage < (i ? FT_STATS_WANTED : least))
			break;
		r.k = i + 1;
		r.coverage = coverage;
	}
	return r;
}

int ft_rank_of_two(size_t na, size_t nb, struct ft_rank *out)
{
	double *cnt;
	int err;

	memset(out, 0, sizeof(*out));
	if (!na || !nb || na > FT_STATS_MAX || nb > FT_STATS_MAX)
		return 0;
	err = null_distribution(na, nb, &cnt);
	if (err)
		return err;
	*out = choose(cnt, na * nb + 1, FT_STATS_LEAST);
	free(cnt);
	return 0;
}

struct ft_rank ft_rank_of_median(size_t n)
{
	double binomial[FT_STATS_MAX + 1] = {1};
	size_t i, j;

	if (!n || n > FT_STATS_MAX)
		return (struct ft_rank){0};
	for (i = 1; i <= n; i++)
		for (j = i; j >= 1; j--)
			binomial[j] += binomial[j - 1];
	return choose(binomial, n + 1, 0);
}

static int by_value(const void *pa, const void *pb)
{
	double a = *(const double *)pa, b = *(const double *)pb;

	return a < b ? -1 : a > b;
}

void ft_stats_sort(double *v, size_t n)
{
	if (n)
		qsort(v, n, sizeof(*v), by_value);
}

double ft_stats_median(const double *sorted, size_t n)
{
	if (!n)
		return 0;
	return n % 2 ? sorted[n / 2] : sorted[n / 2 - 1] / 2 + sorted[n / 2] / 2;
}

static bool all_positive(const double *v, size_t n)
{
	while (n && v[n - 1] > 0)
		n--;
	return !n;
}

int ft_estimate(const double *a, size_t na, const double *b, size_t nb, bool want_ratio,
		const struct ft_rank *rank, struct ft_estimate *out)
{
	size_t n = na * nb, k = rank->k ? rank->k : 1, i, j;
	double *d;

	memset(out, 0, sizeof(*out));
	if (!n)
		return 0;
	d = malloc(n * sizeof(*d));
	if (!d)
		return -ENOMEM;
	out->ratio = want_ratio && all_positive(a, na) && all_positive(b, nb);
	for (i = 0; i < na; i++)
		for (j = 0; j < nb; j++)
			d[i * nb + j] = out->ratio ? log(b[j]) - log(a[i]) : b[j] - a[i];
	ft_stats_sort(d, n);
	out->mid = ft_stats_median(d, n);
	out->lo = d[k - 1];
	out->hi = d[n - k];
	out->coverage = rank->coverage;
	if (rank->k)
		out->sign = out->lo > 0 ? 1 : out->hi < 0 ? -1 : 0;
	if (out->ratio) {
		out->mid = exp(out->mid);
		out->lo = exp(out->lo);
		out->hi = exp(out->hi);
	}
	free(d);
	return 0;
}
