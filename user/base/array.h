/* SPDX-License-Identifier: BSD-2-Clause */
/* Growing arrays without the p = realloc(p) leak. */
#ifndef FT_BASE_ARRAY_H
#define FT_BASE_ARRAY_H

#include <stddef.h>

/*
 * Makes *p (elements of elem_sz bytes, room for *cap) hold at least `need`; new room is zeroed.
 * 0 or -ENOMEM, and then *p and *cap are as before.
 */
int ft_array_reserve(void **p, size_t *cap, size_t need, size_t elem_sz);

#endif
