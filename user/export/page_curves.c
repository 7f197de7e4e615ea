/* SPDX-License-Identifier: BSD-2-Clause */
/* Figures over time: how many threads were in a state, by columns of equal time. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "export/page_priv.h"

#define SUB 64u /* instants a column at which threads on cores are counted, as a timeline does */

const char ft_page_curve_names[] = "[\"on\",\"on_max\",\"wait_gil\",\"held\",\"stw\",\"lock\"]";

int ft_page_curves_init(struct ft_page_curves *c, const struct ft_page_axis *x)
{
	__u64 len = x->to_ns - x->from_ns;

	memset(c, 0, sizeof(*c));
	c->x = x;
	c->cols = len < FT_PAGE_COLS ? (__u32)len : FT_PAGE_COLS;
	for (__u32 i = 0; i < FT_CURVES; i++) {
		c->step[i] = calloc((size_t)c->cols + 1, sizeof(**c->step));
		c->part[i] = calloc((size_t)c->cols + 1, sizeof(**c->part));
		if (!c->step[i] || !c->part[i])
			return -ENOMEM;
	}
	c->level = calloc((size_t)c->cols * SUB + 1, sizeof(*c->level));
	return c->level ? 0 : -ENOMEM;
}

void ft_page_curves_free(struct ft_page_curves *c)
{
	for (__u32 i = 0; i < FT_CURVES; i++) {
		free(c->step[i]);
		free(c->part[i]);
	}
	free(c->level);
	memset(c, 0, sizeof(*c));
}

/* Where column i begins. */
static __u64 bound(const struct ft_page_curves *c, __u32 i)
{
	__u64 len = c->x->to_ns - c->x->from_ns;

	return c->x->from_ns + (__u64)((unsigned __int128)len * i / c->cols);
}

/* The column that holds t, which is in the page. */
static __u32 column(const struct ft_page_curves *c, __u64 t)
{
	__u64 len = c->x->to_ns - c->x->from_ns;
	__u32 i = (__u32)((unsigned __int128)(t - c->x->from_ns) * c->cols / len);

	while (i && t < bound(c, i))
		i--;
	while (i + 1 < c->cols && t >= bound(c, i + 1))
		i++;
	return i;
}

/* The first of the instants (middles of the steps of a column) that is not before t. */
static size_t instant(const struct ft_page_curves *c, __u64 t)
{
	double len = (double)(c->x->to_ns - c->x->from_ns);
	double k = ceil((double)(t - c->x->from_ns) * c->cols * SUB / len - 0.5);
	size_t max = (size_t)c->cols * SUB;

	return k <= 0 ? 0 : k < (double)max ? (size_t)k : max;
}

void ft_page_curves_add(struct ft_page_curves *c, enum ft_page_curve which, __u64 from, __u64 to,
			double weight)
{
	__u32 a, b;

	if (from < c->x->from_ns)
		from = c->x->from_ns;
	if (to > c->x->to_ns)
		to = c->x->to_ns;
	if (from >= to || !c->cols)
		return;
	/* the level goes up with the whole column in which it begins, less what was before */
	a = column(c, from);
	b = to == c->x->to_ns ? c->cols : column(c, to);
	c->step[which][a] += weight;
	c->part[which][a] -= weight * (double)(from - bound(c, a));
	c->step[which][b] -= weight;
	c->part[which][b] += weight * (double)(to - bound(c, b));
	if (which == FT_CURVE_ON) {
		c->level[instant(c, from)]++;
		c->level[instant(c, to)]--;
	}
}

static void put_value(double v, struct ft_bytes *out)
{
	__u32 n = v <= 0 ? 0 : v * 256 + 0.5 >= 65535 ? 65535 : (__u32)(v * 256 + 0.5);

	ft_bytes_u8(out, (__u8)n);
	ft_bytes_u8(out, (__u8)(n >> 8));
}

static void put_means(const struct ft_page_curves *c, enum ft_page_curve which,
		      struct ft_bytes *out)
{
	double level = 0;

	for (__u32 i = 0; i < c->cols; i++) {
		level += c->step[which][i];
		put_value(level + c->part[which][i] / (double)(bound(c, i + 1) - bound(c, i)), out);
	}
}

static void put_max(const struct ft_page_curves *c, struct ft_bytes *out)
{
	double mean = 0;
	__s64 level = 0;

	for (__u32 i = 0; i < c->cols; i++) {
		__s64 max = 0;
		double least;

		mean += c->step[FT_CURVE_ON][i];
		least = mean + c->part[FT_CURVE_ON][i] / (double)(bound(c, i + 1) - bound(c, i));
		for (__u32 k = 0; k < SUB; k++) {
			level += c->level[(size_t)i * SUB + k];
			if (level > max)
				max = level;
		}
		/* the largest count is never below the mean; 1e-6: sums of doubles */
		least = ceil(least - 1e-6);
		put_value((double)max > least ? (double)max : least, out);
	}
}

void ft_page_curves_put(const struct ft_page_curves *c, struct ft_bytes *out)
{
	put_means(c, FT_CURVE_ON, out);
	put_max(c, out);
	for (int i = FT_CURVE_ON + 1; i < FT_CURVES; i++)
		put_means(c, (enum ft_page_curve)i, out);
}
