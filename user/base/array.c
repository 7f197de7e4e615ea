/* SPDX-License-Identifier: BSD-2-Clause */
/* Growing arrays. */
#include "base/array.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int ft_array_reserve(void **p, size_t *cap, size_t need, size_t elem_sz)
{
	size_t new_cap, bytes;
	char *q;

	if (need <= *cap)
		return 0;
	if (!elem_sz || need > PTRDIFF_MAX / elem_sz)
		return -ENOMEM;
	new_cap = *cap < 8 ? 8 : *cap;
	while (new_cap < need)
		new_cap = new_cap > SIZE_MAX / 2 ? need : new_cap * 2;
	if (__builtin_mul_overflow(new_cap, elem_sz, &bytes) || bytes > PTRDIFF_MAX) {
		new_cap = need;
		bytes = need * elem_sz;
	}
	q = realloc(*p, bytes);
	if (!q)
		return -ENOMEM;
	memset(q + *cap * elem_sz, 0, bytes - *cap * elem_sz);
	*p = q;
	*cap = new_cap;
	return 0;
}
