/* SPDX-License-Identifier: BSD-2-Clause */
/* A stranger's names in markup and script. */
#include "export/escape.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define ELLIPSIS "\xe2\x80\xa6"

/* One character as it is shown: its bytes, or how it is spelled out. */
struct unit {
	char s[16];
	size_t len;
	size_t cols;
};

/*
 * True for what a reader cannot see or what changes how its neighbours are read: control, zero
 * width, line separators, bidirectional controls, fillers, tags; and U+FFFE, U+FFFF, which XML 1.0
 * has no place for.
 */
static bool hidden(__u32 c)
{
	if (c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0xad || c == 0x61c || c == 0x180e)
		return true;
	if ((c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e))
		return true;
	if ((c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb))
		return true;
	return (c & 0xfffe) == 0xfffe || (c >= 0xe0000 && c <= 0xe007f);
}

/* The first character of s, which is not empty. Returns how many bytes of s it takes. */
static size_t next_unit(const char *s, size_t n, struct unit *u)
{
	__u32 c = 0;
	size_t len = ft_utf8_seq(s, n, &c);
	int said;

	if (len && !hidden(c)) {
		memcpy(u->s, s, len);
		u->s[len] = 0;
		u->len = len;
		u->cols = c < 0x80 ? 1 : 2;
		return len;
	}
	if (!len) /* frames promise UTF-8; what else a session's header holds is not so certain */
		said = snprintf(u->s, sizeof(u->s), "\\x%02x", (unsigned char)*s);
	else if (c == '\n' || c == '\t' || c == '\r')
		said = snprintf(u->s, sizeof(u->s), "\\%c",
				c == '\n'   ? 'n'
				: c == '\t' ? 't'
					    : 'r');
	else if (c < 0x80)
		said = snprintf(u->s, sizeof(u->s), "\\x%02x", c);
	else
		said = snprintf(u->s, sizeof(u->s), c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
	u->len = said > 0 ? (size_t)said : 0;
	u->cols = u->len;
	return len ? len : 1;
}

static const char *entity(enum ft_esc how, char c)
{
	if (how == FT_ESC_NONE)
		return NULL;
	switch (c) {
	case '<':
		return how == FT_ESC_XML ? "&lt;" : "\\u003c";
	case '>':
		return how == FT_ESC_XML ? "&gt;" : "\\u003e";
	case '&':
		return how == FT_ESC_XML ? "&amp;" : "\\u0026";
	case '"':
		return how == FT_ESC_XML ? "&quot;" : "\\\"";
	case '\'':
		return how == FT_ESC_XML ? "&#39;" : NULL;
	case '\\':
		return how == FT_ESC_JSON ? "\\\\" : NULL;
	default:
		return NULL;
	}
}

static void put(struct ft_text *out, enum ft_esc how, const struct unit *u)
{
	const char *e;
	size_t i;

	for (i = 0; i < u->len; i++) {
		e = entity(how, u->s[i]);
		if (e)
			ft_text_add(out, e);
		else
			ft_text_addn(out, u->s + i, 1);
	}
}

/* Names are mostly plain: those go as a whole. */
static bool plain(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (s[i] < 0x20 || s[i] >= 0x7f || strchr("<>&\"'\\", s[i]))
			return false;
	}
	return true;
}

void ft_esc_add(struct ft_text *out, enum ft_esc how, const char *s, size_t max_chars)
{
	size_t n = strlen(s), used, chars = 0;
	struct unit u;

	if (n <= max_chars && plain(s, n)) {
		ft_text_addn(out, s, n);
		return;
	}
	for (; n && chars < max_chars; chars++, s += used, n -= used) {
		used = next_unit(s, n, &u);
		put(out, how, &u);
	}
	if (n)
		ft_text_add(out, ELLIPSIS);
}

void ft_esc_add_tail(struct ft_text *out, enum ft_esc how, const char *s, size_t max_chars)
{
	size_t n = strlen(s), chars = 0, used, at;
	struct unit u;

	for (at = 0; at < n; at += used, chars++)
		used = next_unit(s + at, n - at, &u);
	if (chars > max_chars) {
		ft_text_add(out, ELLIPSIS);
		for (; chars > max_chars; chars--) {
			used = next_unit(s, n, &u);
			s += used;
			n -= used;
		}
	}
	ft_esc_add(out, how, s, FT_ESC_ALL);
}

void ft_esc_add_cols(struct ft_text *out, enum ft_esc how, const char *s, size_t cols)
{
	size_t n = strlen(s), at = 0, used, wide = 0, fits = 0;
	struct unit u;

	/* fits: how much of s leaves a column for the ellipsis */
	for (; at < n && wide <= cols; at += used) {
		used = next_unit(s + at, n - at, &u);
		wide += u.cols;
		if (wide < cols)
			fits = at + used;
	}
	if (wide <= cols)
		fits = n;
	else if (!cols)
		return;
	for (at = 0; at < fits; at += used) {
		used = next_unit(s + at, n - at, &u);
		put(out, how, &u);
	}
	if (fits < n)
		ft_text_add(out, ELLIPSIS);
}
