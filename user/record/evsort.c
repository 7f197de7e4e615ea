/* SPDX-License-Identifier: BSD-2-Clause */
/* Natural merge sort. */
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

struct ft_sort_key *ft_sort_keys(struct ft_sort_key *keys, struct ft_sort_key *tmp, size_t cnt)
{
	struct ft_sort_key *src = keys, *dst = tmp, *swap;
	size_t i, mid, end;

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
