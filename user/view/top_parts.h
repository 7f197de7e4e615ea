/* SPDX-License-Identifier: BSD-2-Clause */
/* Parts of the live screen: each draws itself into some rows. */
#ifndef FT_VIEW_TOP_PARTS_H
#define FT_VIEW_TOP_PARTS_H

#include "view/top_screen.h"

/* What the parts share. */
struct ft_top_part {
	struct ft_top_grid *g;
	const struct ft_window_view *v;
	const struct ft_top_ui *ui;
};

/* A heading over a whole row. */
void ft_top_heading(const struct ft_top_part *p, int row, const char *words);
/* The colour by which a thread is known: its number in the model, FT_NO_THREAD: none. */
__u8 ft_top_thread_style(const struct ft_window_view *v, __u32 thr);
/* The table of threads in rows [row, row + rows). 0 or -ENOMEM. */
int ft_top_threads(const struct ft_top_part *p, int row, int rows);
/* The marks of the bars that there are, in one row. */
void ft_top_legend(const struct ft_top_part *p, int row);
/* The cores of the last seconds; how many rows it takes at most `rows` of. */
int ft_top_cores_rows(const struct ft_top_part *p, int rows);
int ft_top_cores(const struct ft_top_part *p, int row, int rows);

#endif
