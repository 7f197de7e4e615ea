/* SPDX-License-Identifier: BSD-2-Clause */
/* A growing string with a sticky error: append freely, check once. */
#ifndef FT_BASE_TEXT_H
#define FT_BASE_TEXT_H

#include <stddef.h>

struct ft_text {
	char *s; /* NUL-terminated once anything was added */
	size_t len;
	size_t cap;
	int err; /* 0, or -ENOMEM from the first failed append on */
};

void ft_text_printf(struct ft_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void ft_text_add(struct ft_text *t, const char *s);
void ft_text_addn(struct ft_text *t, const char *s, size_t n);
void ft_text_pad(struct ft_text *t, char c, size_t n); /* n times c */
/*
 * Appends a stranger's bytes so that they are safe to print: control bytes and invalid UTF-8 become
 * '?'. At most max_cols terminal columns (one a code point).
 */
void ft_text_add_safe(struct ft_text *t, const char *s, size_t max_cols);
void ft_text_free(struct ft_text *t); /* NULL is fine */

#endif
