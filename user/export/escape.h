/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stranger's names in markup and script. What cannot be seen, or makes other text read as
 * something that it is not, is spelled out first: \n, \x1b, \u202e. So no control character, no
 * bidirectional override, no line separator and nothing that XML 1.0 forbids gets into a file.
 */
#ifndef FT_EXPORT_ESCAPE_H
#define FT_EXPORT_ESCAPE_H

#include "base/text.h"

#define FT_ESC_ALL ((size_t)-1)

enum ft_esc {
	FT_ESC_NONE, /* spelled out only */
	FT_ESC_XML,  /* text and quoted attributes of XML and HTML */
	FT_ESC_JSON, /* inside a JSON string, also within <script>: no <, > or & is left */
};

/* Appends s; of more than max_chars characters the first ones, then an ellipsis. */
void ft_esc_add(struct ft_text *out, enum ft_esc how, const char *s, size_t max_chars);
/* Appends s; of more than max_chars characters an ellipsis, then the last ones. */
void ft_esc_add_tail(struct ft_text *out, enum ft_esc how, const char *s, size_t max_chars);
/*
 * Appends s so that it takes at most cols columns of a fixed-width font; anything but ASCII counts
 * as two, since which characters are wide is the font's choice.
 */
void ft_esc_add_cols(struct ft_text *out, enum ft_esc how, const char *s, size_t cols);

#endif
