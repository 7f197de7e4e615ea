/* SPDX-License-Identifier: BSD-2-Clause */
/* A screen as cells. */
#include "view/top_grid.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define SIDE_MAX 1000

static int side(int n)
{
	return n < 1 ? 1 : n > SIDE_MAX ? SIDE_MAX : n;
}

int ft_top_grid_init(struct ft_top_grid *g, int rows, int cols, bool ascii)
{
	memset(g, 0, sizeof(*g));
	g->rows = side(rows);
	g->cols = side(cols);
	g->ascii = ascii;
	g->cell = calloc((size_t)g->rows * (size_t)g->cols, sizeof(*g->cell));
	if (!g->cell)
		return -ENOMEM;
	for (int i = 0; i < g->rows * g->cols; i++)
		g->cell[i].cp = ' ';
	return 0;
}

void ft_top_grid_free(struct ft_top_grid *g)
{
	if (!g)
		return;
	free(g->cell);
	memset(g, 0, sizeof(*g));
}

/* One character of s, and how many columns it takes; what cannot be shown becomes '?'. */
static size_t next_char(const struct ft_top_grid *g, const char *s, size_t len, __u32 *cp,
			int *width)
{
	size_t n = ft_utf8_seq(s, len, cp);

	*width = 1;
	if (!n) {
		*cp = '?';
		return 1;
	}
	if (*cp < 0x20 || *cp == 0x7f || (g->ascii && *cp > 0x7e)) {
		*cp = '?';
	} else if (*cp > 0x7e) {
		*width = wcwidth((wchar_t)*cp);
		if (*width < 1 || *width > 2) {
			*cp = '?';
			*width = 1;
		}
	}
	return n;
}

int ft_top_put(struct ft_top_grid *g, int row, int col, __u8 style, const char *s, int max)
{
	size_t len = strlen(s);
	int end = max < g->cols - col ? col + max : g->cols, width;
	struct ft_top_cell *line;
	__u32 cp;

	if (row < 0 || row >= g->rows || col < 0)
		return col;
	line = &g->cell[(size_t)row * (size_t)g->cols];
	while (len && col < end) {
		size_t n = next_char(g, s, len, &cp, &width);

		if (col + width > end)
			break;
		line[col] = (struct ft_top_cell){.cp = cp, .style = style};
		if (width == 2)
			line[col + 1] = (struct ft_top_cell){.cp = 0, .style = style};
		col += width;
		s += n;
		len -= n;
	}
	return col;
}

int ft_top_printf(struct ft_top_grid *g, int row, int col, __u8 style, const char *fmt, ...)
{
	char buf[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	return ft_top_put(g, row, col, style, buf, g->cols);
}

void ft_top_paint(struct ft_top_grid *g, int row, int from, int to, __u8 style)
{
	if (row < 0 || row >= g->rows)
		return;
	for (int i = from < 0 ? 0 : from; i < to && i < g->cols; i++)
		g->cell[(size_t)row * (size_t)g->cols + (size_t)i].style = style;
}

static void add_char(struct ft_text *out, __u32 cp)
{
	char u[4];
	size_t n = 0;

	if (cp < 0x80) {
		u[n++] = (char)cp;
	} else if (cp < 0x800) {
		u[n++] = (char)(0xc0 | cp >> 6);
		u[n++] = (char)(0x80 | (cp & 0x3f));
	} else if (cp < 0x10000) {
		u[n++] = (char)(0xe0 | cp >> 12);
		u[n++] = (char)(0x80 | (cp >> 6 & 0x3f));
		u[n++] = (char)(0x80 | (cp & 0x3f));
	} else {
		u[n++] = (char)(0xf0 | cp >> 18);
		u[n++] = (char)(0x80 | (cp >> 12 & 0x3f));
		u[n++] = (char)(0x80 | (cp >> 6 & 0x3f));
		u[n++] = (char)(0x80 | (cp & 0x3f));
	}
	ft_text_addn(out, u, n);
}

void ft_top_grid_text(const struct ft_top_grid *g, struct ft_text *out)
{
	int blank = 0;

	for (int r = 0; r < g->rows; r++) {
		const struct ft_top_cell *line = &g->cell[(size_t)r * (size_t)g->cols];
		int end = g->cols;

		while (end && line[end - 1].cp == ' ')
			end--;
		if (!end) {
			blank++;
			continue;
		}
		for (; blank; blank--)
			ft_text_add(out, "\n");
		for (int c = 0; c < end; c++)
			if (line[c].cp)
				add_char(out, line[c].cp);
		ft_text_add(out, "\n");
	}
}
