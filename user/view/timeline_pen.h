/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of a drawing that never get longer than the terminal, in colour or not. */
#ifndef FT_VIEW_TIMELINE_PEN_H
#define FT_VIEW_TIMELINE_PEN_H

#include "view/timeline_text.h"

/* Colours of the 256-colour table; the thread colours are told apart by the colour-blind too. */
#define FT_PEN_PLAIN (-1)
#define FT_PEN_BOLD (-2)
#define FT_PEN_DIM 242
#define FT_PEN_GIL 214	 /* orange: Python */
#define FT_PEN_FREE 36	 /* bluish green: running without a GIL */
#define FT_PEN_OTHER 245 /* other processes */

struct ft_pen {
	struct ft_text *out;
	const struct ft_tl_text_opts *o;
	int width;
	int left;  /* columns of the line that are still free */
	int blank; /* spaces that are written only when something follows */
	int color; /* in force on the terminal */
};

void ft_pen_init(struct ft_pen *p, const struct ft_tl_text_opts *o, struct ft_text *out);
/* One column; glyph is one code point. */
void ft_pen_cell(struct ft_pen *p, int color, const char *glyph);
void ft_pen_text(struct ft_pen *p, int color, const char *ascii);
/* A stranger's string, at most max columns. */
void ft_pen_safe(struct ft_pen *p, int color, const char *s, size_t max);
void ft_pen_fill(struct ft_pen *p, int columns); /* spaces */
void ft_pen_end(struct ft_pen *p);

/* What all parts of a drawing share. */
struct ft_tl_draw {
	const struct ft_timeline *tl;
	const struct ft_model *m;
	const struct ft_tl_text_opts *o;
	struct ft_pen pen;
	int label_w;  /* columns left of the lanes */
	bool right;   /* is there room for figures right of the lanes */
	__u32 cols;   /* drawn; each merges one or more of the timeline's */
	__u32 end;    /* the first drawn column behind the session's end, or cols */
	__u64 seen;   /* what the legend must explain, bits of the caller */
	bool hatched; /* GIL-free time has glyphs of its own */
};

void ft_tl_draw_init(struct ft_tl_draw *d, const struct ft_timeline *tl, const struct ft_model *m,
		     const struct ft_tl_text_opts *o, struct ft_text *out);
/* The timeline's columns [*lo, *hi) that drawn column i merges. */
void ft_tl_draw_range(const struct ft_tl_draw *d, __u32 i, __u32 *lo, __u32 *hi);
struct ft_tl_core ft_tl_draw_core(const struct ft_tl_draw *d, __u32 lane, __u32 i);
/* Were events lost in drawn column i: what looks idle there may not be. */
bool ft_tl_draw_gap(const struct ft_tl_draw *d, __u32 i);
/* Length of drawn column i in ns, at least 1 so that it can divide. */
double ft_tl_draw_width(const struct ft_tl_draw *d, __u32 i);
/* The glyph for a share 0..1 of a column. */
const char *ft_tl_draw_height(const struct ft_tl_draw *d, double share, bool hatched);
void ft_tl_draw_label(struct ft_tl_draw *d, int color, const char *label);
/* "  46%" behind a lane: part of the drawn time up to the session's end. */
void ft_tl_draw_percent(struct ft_tl_draw *d, double ns);
/* Times under or over the lanes, counted from base_ns. */
void ft_tl_draw_axis(struct ft_tl_draw *d, __u64 base_ns);
/*
 * The lanes of cores that are drawn, ascending, at most opts->core_rows; *more gets the number of
 * those that are not. A malloc'ed array of *cnt, or NULL without memory.
 */
__u32 *ft_tl_draw_pick_cores(const struct ft_tl_draw *d, __u32 *cnt, __u32 *more);
/* One line for the cores without a lane; nothing when there are none. */
void ft_tl_draw_more_cores(struct ft_tl_draw *d, const __u32 *shown, __u32 cnt, __u32 more);
/* One entry of a legend; starts a new line where it does not fit. */
void ft_tl_draw_legend(struct ft_tl_draw *d, int color, const char *glyph, const char *words);

#endif
