/* SPDX-License-Identifier: BSD-2-Clause */
/* A growing string with a sticky error: append freely, check once. */
#ifndef FT_BASE_TEXT_H
#define FT_BASE_TEXT_H

#include <linux/types.h>
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

/*
 * The length in bytes of the UTF-8 sequence that s (n bytes, n > 0) begins with, 0 when it begins
 * with none (over-long forms, surrogates and cut sequences are none). *cp, if not NULL: its code
 * point.
 */
size_t ft_utf8_seq(const char *s, size_t n, __u32 *cp);

#endif
