/* SPDX-License-Identifier: BSD-2-Clause */
/* The cores of the last seconds on the live screen: who was on them. */
#include "view/top_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/units.h"
#include "view/timeline_pen.h"

#define OTHERS_LATE_NS (FT_OTHER_RUN_NS + 5000000) /* a tick or two more */
#define AROUND_ROWS 2 /* the heading, and the row of how many were on cores at once */

__u32 ft_top_timeline_cols(int cols)
{
	return ft_tl_text_cols(cols);
}

int ft_top_cores_rows(const struct ft_top_part *p, int rows)
{
	const struct ft_timeline *tl = p->v->tl;
	int want;

	if (!tl || !tl->core_cnt || rows < AROUND_ROWS + 1)
		return 0;
	want = AROUND_ROWS + (tl->core_cnt < 500 ? (int)tl->core_cnt : 500);
	return want < rows ? want : rows;
}

static void put_percent(const struct ft_top_part *p, const struct ft_tl_draw *d, int row, double ns)
{
	double all = (double)(d->tl->end_ns - d->tl->from_ns);

	if (d->right && all > 0)
		ft_top_printf(p->g, row, d->label_w + (int)d->cols, FT_TS_PLAIN, " %3.0f%%",
			      ns < all ? 100 * ns / all : 100);
}

static void at_once(const struct ft_top_part *p, const struct ft_tl_draw *d, int row)
{
	double all = (double)(d->tl->end_ns - d->tl->from_ns), sum = 0;
	char digit[16];

	ft_top_put(p->g, row, 0, FT_TS_DIM, "at once", d->label_w - 1);
	for (__u32 k = 0; k < d->tl->cols; k++)
		sum += d->tl->at_once[k] * d->tl->col_ns;
	for (__u32 i = 0; i < d->cols; i++) {
		double n = 0;
		__u32 lo, hi;

		ft_tl_draw_range(d, i, &lo, &hi);
		for (__u32 k = lo; k < hi; k++)
			n += d->tl->at_once[k];
		n /= hi > lo ? hi - lo : 1;
		snprintf(digit, sizeof(digit), "%.0f", n < 9.5 ? n : 9);
		ft_top_put(p->g, row, d->label_w + (int)i, n < 0.5 ? FT_TS_DIM : FT_TS_BOLD,
			   ft_tl_draw_gap(d, i) ? "?"
			   : n < 9.5		? digit
						: "+",
			   1);
	}
	if (d->right && all > 0)
		ft_top_printf(p->g, row, d->label_w + (int)d->cols, FT_TS_PLAIN, " %4.2f",
			      sum / all);
}

/* Most of the column is so new that what others do in it may not have been told. */
static bool untold(const struct ft_tl_draw *d, __u32 i)
{
	double middle = ((double)i + 0.5) * (double)(d->tl->to_ns - d->tl->from_ns) / d->cols;

	return middle + OTHERS_LATE_NS > (double)(d->tl->end_ns - d->tl->from_ns);
}

static void core_cell(const struct ft_top_part *p, const struct ft_tl_draw *d, int row, __u32 i,
		      const struct ft_tl_core *c)
{
	double width = ft_tl_draw_width(d, i);
	double own = (double)(c->gil_ns + c->free_ns) / width, other = (double)c->other_ns / width;
	const char *glyph = ft_tl_draw_height(d, own, d->hatched && c->free_ns > c->gil_ns);
	__u8 style = ft_top_thread_style(p->v, c->top_thr);

	if (other > own && other >= 0.25) {
		glyph = "x";
		style = FT_TS_OTHER;
	} else if (own < 0.01) {
		glyph = ft_tl_draw_gap(d, i) ? "?" : untold(d, i) ? " " : p->g->ascii ? "." : "·";
		style = FT_TS_DIM;
	}
	ft_top_put(p->g, row, d->label_w + (int)i, style, glyph, 1);
}

static void put_core(const struct ft_top_part *p, const struct ft_tl_draw *d, int row, __u32 lane)
{
	double sum = 0;

	ft_top_printf(p->g, row, 0, FT_TS_PLAIN, d->label_w < 8 ? "%u" : "cpu %u",
		      d->tl->cores[lane]);
	for (__u32 i = 0; i < d->cols; i++) {
		struct ft_tl_core c = ft_tl_draw_core(d, lane, i);

		sum += (double)(c.gil_ns + c.free_ns);
		core_cell(p, d, row, i, &c);
	}
	put_percent(p, d, row, sum);
}

static void put_heading(const struct ft_top_part *p, const struct ft_tl_draw *d, int row)
{
	bool ascii = p->g->ascii;
	char words[256], col[32], all[32];

	ft_format_ns((__u64)(d->tl->col_ns * d->tl->cols / d->cols + 0.5), col, sizeof(col));
	ft_format_ns(d->tl->end_ns - d->tl->from_ns, all, sizeof(all));
	if (d->hatched)
		snprintf(words, sizeof(words), "%s, a column is %s   %s GIL  %s no GIL  x others",
			 all, col, ascii ? "1-9" : "▁█", ascii ? "-=#" : "░▒▓");
	else
		snprintf(words, sizeof(words), "%s, a column is %s   %s runs  x others", all, col,
			 ascii ? "1-9" : "▁█");
	ft_top_heading(p, row, "CORES");
	ft_top_put(p->g, row, d->label_w > 5 ? d->label_w : 6, FT_TS_BAR, words, p->g->cols);
}

int ft_top_cores(const struct ft_top_part *p, int row, int rows)
{
	struct ft_tl_text_opts o = {.width = p->g->cols, .ascii = p->g->ascii};
	__u32 cnt, more, *lanes;
	struct ft_text none = {0};
	struct ft_tl_draw d;

	if (rows < AROUND_ROWS + 1)
		return 0;
	o.core_rows = (unsigned int)(rows - AROUND_ROWS);
	/* the last row says what the others did */
	if (p->v->tl->core_cnt > o.core_rows && o.core_rows > 1)
		o.core_rows--;
	ft_tl_draw_init(&d, p->v->tl, p->v->m, &o, &none);
	d.hatched = p->v->m->gil_present || p->v->m->info->gil != FT_GIL_OFF;
	lanes = ft_tl_draw_pick_cores(&d, &cnt, &more);
	if (!lanes)
		return -ENOMEM;
	put_heading(p, &d, row++);
	at_once(p, &d, row++);
	for (__u32 i = 0; i < cnt; i++)
		put_core(p, &d, row++, lanes[i]);
	if (more && rows > AROUND_ROWS + 1) {
		ft_tl_draw_more_cores(&d, lanes, cnt, more);
		if (none.len)
			none.s[none.len - 1] = 0; /* the newline */
		ft_top_put(p->g, row, d.label_w, FT_TS_DIM, none.s ? none.s : "", p->g->cols);
	}
	free(lanes);
	ft_text_free(&none);
	return none.err;
}
