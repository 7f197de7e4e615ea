/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A screen as cells: what is written to it stays inside, and no control character gets in, whatever
 * bytes a name has. How wide a character is depends on the locale (wcwidth); one that is no single
 * or double column is a '?'.
 */
#ifndef FT_VIEW_TOP_GRID_H
#define FT_VIEW_TOP_GRID_H

#include <linux/types.h>
#include <stdbool.h>
#include "base/text.h"

/* What a cell means; who puts it on a terminal chooses the colours. */
enum ft_top_style {
	FT_TS_PLAIN = 0,
	FT_TS_BOLD,
	FT_TS_DIM,
	FT_TS_BAR,    /* a heading: reversed */
	FT_TS_SORTED, /* of a heading: the column that is sorted by */
	FT_TS_CHOSEN, /* the row that is chosen */
	FT_TS_KEY,
	FT_TS_GOOD,
	FT_TS_BAD,
	FT_TS_WARN,
	FT_TS_GIL,  /* runs with the GIL */
	FT_TS_FREE, /* runs without */
	FT_TS_SPIN,
	FT_TS_WAIT, /* waits for the GIL */
	FT_TS_LOCK,
	FT_TS_CORE, /* waits for a core */
	FT_TS_PAUSED,
	FT_TS_OTHER,  /* other processes, own locks */
	FT_TS_THREAD, /* + 0..FT_TOP_PALETTE - 1 */
};

#define FT_TOP_PALETTE 8

struct ft_top_cell {
	__u32 cp; /* 0: the right half of the character before */
	__u8 style;
};

struct ft_top_grid {
	int rows, cols;
	bool ascii;		  /* not a character above 0x7e */
	struct ft_top_cell *cell; /* [rows * cols] */
};

/* Blank cells; sizes are brought into 1..1000. 0 or -ENOMEM. */
int ft_top_grid_init(struct ft_top_grid *g, int rows, int cols, bool ascii);
void ft_top_grid_free(struct ft_top_grid *g); /* NULL is fine */
/*
 * Writes UTF-8 of a stranger into a row, at most `max` columns. Returns the column behind it.
 * What lies outside is left out.
 */
int ft_top_put(struct ft_top_grid *g, int row, int col, __u8 style, const char *s, int max);
int ft_top_printf(struct ft_top_grid *g, int row, int col, __u8 style, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* The style of the cells [from, to) of a row. */
void ft_top_paint(struct ft_top_grid *g, int row, int from, int to, __u8 style);
/* All rows up to the last that is not blank, without styles. */
void ft_top_grid_text(const struct ft_top_grid *g, struct ft_text *out);

#endif
