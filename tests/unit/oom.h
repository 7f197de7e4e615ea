/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Allocations that fail when a test wants it. A program that includes this is linked with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc.
 */
#ifndef FT_TEST_OOM_H
#define FT_TEST_OOM_H

#include <stdbool.h>
#include <stddef.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t sz);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t sz);
void *__wrap_realloc(void *p, size_t n);

static long countdown; /* the allocation that fails; 0: none */
static bool failed;    /* it has */

static inline bool fails(void)
{
	if (!countdown || --countdown)
		return false;
	failed = true;
	return true;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t sz)
{
	return fails() ? NULL : __real_calloc(n, sz);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

#endif
