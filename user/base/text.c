/* SPDX-License-Identifier: BSD-2-Clause */
/* A growing string with a sticky error, and UTF-8. */
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* Makes room for n more bytes and the NUL. False, with the error kept, when there is none. */
static bool reserve(struct ft_text *t, size_t n)
{
	void *p = t->s;
	size_t need;

	if (t->err)
		return false;
	if (__builtin_add_overflow(t->len, n, &need) || __builtin_add_overflow(need, 1, &need) ||
	    ft_array_reserve(&p, &t->cap, need, 1)) {
		t->err = -ENOMEM;
		return false;
	}
	t->s = p;
	return true;
}

void ft_text_printf(struct ft_text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		if (!t->err)
			t->err = -ENOMEM;
		return;
	}
	if (!reserve(t, (size_t)n))
		return;
	va_start(ap, fmt);
	vsnprintf(t->s + t->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	t->len += (size_t)n;
}

void ft_text_add(struct ft_text *t, const char *s)
{
	ft_text_addn(t, s, strlen(s));
}

void ft_text_addn(struct ft_text *t, const char *s, size_t n)
{
	if (!reserve(t, n))
		return;
	if (n)
		memcpy(t->s + t->len, s, n);
	t->len += n;
	t->s[t->len] = 0;
}

void ft_text_pad(struct ft_text *t, char c, size_t n)
{
	if (!reserve(t, n))
		return;
	memset(t->s + t->len, c, n);
	t->len += n;
	t->s[t->len] = 0;
}

size_t ft_utf8_seq(const char *s, size_t n, __u32 *cp)
{
	static const __u32 least[5] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *u = (const unsigned char *)s;
	size_t len, i;
	__u32 c;

	if (!n)
		return 0;
	if (u[0] < 0x80) {
		len = 1;
		c = u[0];
	} else if ((u[0] & 0xe0) == 0xc0) {
		len = 2;
		c = u[0] & 0x1f;
	} else if ((u[0] & 0xf0) == 0xe0) {
		len = 3;
		c = u[0] & 0x0f;
	} else if ((u[0] & 0xf8) == 0xf0) {
		len = 4;
		c = u[0] & 0x07;
	} else {
		return 0;
	}
	if (len > n)
		return 0;
	for (i = 1; i < len; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (u[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	if (cp)
		*cp = c;
	return len;
}

/*
 * Control characters could move the cursor or set the title; the bidirectional and line-breaking
 * ones could make a line read as something that it is not.
 */
static bool printable(__u32 c)
{
	if (c < 0x20 || (c >= 0x7f && c <= 0x9f))
		return false;
	if ((c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e))
		return false;
	return !(c >= 0x2060 && c <= 0x206f) && c != 0xfeff && c != 0x061c;
}

void ft_text_add_safe(struct ft_text *t, const char *s, size_t max_cols)
{
	size_t n = strlen(s), cols = 0, len;
	__u32 c;

	ft_text_addn(t, "", 0);
	while (n && cols < max_cols) {
		len = ft_utf8_seq(s, n, &c);
		if (len && printable(c))
			ft_text_addn(t, s, len);
		else
			ft_text_addn(t, "?", 1);
		if (!len)
			len = 1;
		s += len;
		n -= len;
		cols++;
	}
}

void ft_text_free(struct ft_text *t)
{
	if (!t)
		return;
	free(t->s);
	memset(t, 0, sizeof(*t));
}
