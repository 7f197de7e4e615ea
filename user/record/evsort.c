/* SPDX-License-Identifier: BSD-2-Clause */
/* Insertion while that is cheap, else natural merge sort. */
#include "record/evsort.h"

#include <string.h>

/* The end of the ascending run that begins at i. */
static size_t run_end(const struct ft_sort_key *k, size_t i, size_t cnt)
{
	while (i + 1 < cnt && k[i].ts <= k[i + 1].ts)
		i++;
	return i + 1;
}

static void merge(const struct ft_sort_key *a, const struct ft_sort_key *a_end,
		  const struct ft_sort_key *b, const struct ft_sort_key *b_end,
		  struct ft_sort_key *out)
{
	while (a < a_end && b < b_end)
		*out++ = b->ts < a->ts ? *b++ : *a++;
	if (a < a_end)
		memcpy(out, a, (size_t)(a_end - a) * sizeof(*a));
	else if (b < b_end)
		memcpy(out, b, (size_t)(b_end - b) * sizeof(*b));
}

/*
 * Neighbours that swapped places, as on rings that are drained often, are put right for next to
 * nothing; whole batches that did are left for the merge as they stand.
 */
static void insert_near(struct ft_sort_key *k, size_t cnt)
{
	size_t budget = 4 * cnt, i, j;
	struct ft_sort_key x;

	for (i = 1; i < cnt; i++) {
		if (k[i - 1].ts <= k[i].ts)
			continue;
		x = k[i];
		for (j = i; j && k[j - 1].ts > x.ts; j--)
			k[j] = k[j - 1];
		k[j] = x;
		if (i - j > budget)
			return;
		budget -= i - j;
	}
}

struct ft_sort_key *ft_sort_keys(struct ft_sort_key *keys, struct ft_sort_key *tmp, size_t cnt)
{
	struct ft_sort_key *src = keys, *dst = tmp, *swap;
	size_t i, mid, end;

	insert_near(keys, cnt);
	while (cnt && run_end(src, 0, cnt) < cnt) {
		for (i = 0; i < cnt; i = end) {
			mid = run_end(src, i, cnt);
			end = mid < cnt ? run_end(src, mid, cnt) : mid;
			merge(src + i, src + mid, src + mid, src + end, dst + i);
		}
		swap = src;
		src = dst;
		dst = swap;
	}
	return src;
}
