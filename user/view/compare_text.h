/* SPDX-License-Identifier: BSD-2-Clause */
/* A comparison on a terminal: who is compared, a table, and what it says in words. */
#ifndef FT_VIEW_COMPARE_TEXT_H
#define FT_VIEW_COMPARE_TEXT_H

#include "base/text.h"
#include "model/compare.h"

/*
 * The two sides, a line each; the rows in which something was seen; the summary; what to know of
 * it, and what was left out. No line is wider than width (columns; 0: 80, never less than 40).
 * ascii: not a byte above 0x7e, names included. Errors stick to the text.
 */
void ft_compare_text(struct ft_text *out, const struct ft_compare *c, int width, bool ascii);

#endif
