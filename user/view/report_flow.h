/* SPDX-License-Identifier: BSD-2-Clause */
/* Text that fills lines of a given width, with strangers' bytes made harmless on the way. */
#ifndef FT_VIEW_REPORT_FLOW_H
#define FT_VIEW_REPORT_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include "base/text.h"

#define FT_WIDTH_MIN 40
#define FT_WIDTH_DEFAULT 80
#define FT_WIDTH_MAX 1000

struct ft_flow {
	struct ft_text *out;
	int width;
	int indent; /* of the lines after the first */
	int col;
	bool ascii;
	bool fresh; /* nothing on this line yet: the next item needs no separator */
};

/* 0 becomes the default, anything else is brought into range. */
int ft_report_width(int width);
/* "1.23s", at most five characters. Returns buf. */
const char *ft_report_seconds(__u64 ns, char *buf, size_t sz);
/* Terminal columns of a string that ft_safe_text() made. */
size_t ft_text_cols(const char *s);
/* Appends s, printable and at most max_cols wide; ascii: without a byte above 0x7e. */
void ft_safe_text(struct ft_text *out, const char *s, size_t max_cols, bool ascii);

void ft_flow_begin(struct ft_flow *f, struct ft_text *out, int width, bool ascii, int indent);
/*
 * Appends an item that must not be broken, after `gap` spaces or on a new line. One that is wider
 * than a line is cut.
 */
void ft_flow_item(struct ft_flow *f, int gap, const char *item);
void ft_flow_printf(struct ft_flow *f, int gap, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Appends a sentence word by word; a number stays with its unit. Newlines are kept. */
void ft_flow_words(struct ft_flow *f, const char *s);
void ft_flow_end(struct ft_flow *f); /* a newline, if there is anything on the line */

#endif
