/* SPDX-License-Identifier: BSD-2-Clause */
/* The timeline on a terminal: an overview, and two sessions on one time scale. */
#include "view/timeline_text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/units.h"
#include "view/timeline_pen.h"
#include "view/timeline_zoom.h"

enum seen {
	SEEN_GIL = 1 << 0,
	SEEN_FREE = 1 << 1,
	SEEN_OTHER = 1 << 2,
	SEEN_IDLE = 1 << 3,
	SEEN_GAP = 1 << 4,
};

static __u64 drawn_ns(const struct ft_timeline *tl)
{
	return tl->end_ns > tl->from_ns ? tl->end_ns - tl->from_ns : 0;
}

static void title(struct ft_tl_draw *d, const char *name, const char *scale)
{
	struct ft_pen *p = &d->pen;
	const char *words = ft_gil_words(d->m->info->gil);
	char buf[32];
	int from = p->left;

	ft_pen_safe(p, FT_PEN_BOLD, name ? name : d->m->info->name, 24);
	ft_pen_fill(p, 1);
	ft_pen_fill(p, d->label_w - (from - p->left));
	ft_pen_text(p, FT_PEN_BOLD, words);
	/* so that the lengths of two sessions stand under each other */
	ft_pen_fill(p, strlen(words) < 7 ? 10 - (int)strlen(words) : 3);
	ft_pen_text(p, FT_PEN_PLAIN, ft_format_ns(drawn_ns(d->tl), buf, sizeof(buf)));
	ft_pen_fill(p, 3);
	if (scale) {
		double col = d->tl->col_ns * d->tl->cols / d->cols;

		ft_pen_text(p, FT_PEN_DIM, "one column = ");
		ft_pen_text(p, FT_PEN_DIM, ft_format_ns((__u64)(col + 0.5), buf, sizeof(buf)));
		ft_pen_text(p, FT_PEN_DIM, scale);
	}
	ft_pen_end(p);
}

/* What to say when there is nothing to draw, else NULL. */
static const char *nothing(const struct ft_timeline *tl, const struct ft_model *m)
{
	if (!tl->cols || tl->to_ns <= tl->from_ns)
		return "no timeline: the window is empty";
	if (!m->info->has_events && !tl->events)
		return "no timeline: the session holds totals only, no events";
	if (!tl->core_cnt)
		return "no timeline: no core is known";
	return NULL;
}

static void at_once(struct ft_tl_draw *d)
{
	struct ft_pen *p = &d->pen;
	const struct ft_timeline *tl = d->tl;
	double all = (double)drawn_ns(tl), sum = 0;
	char buf[16];

	ft_tl_draw_label(d, FT_PEN_PLAIN, "at once");
	for (__u32 k = 0; k < tl->cols; k++)
		sum += tl->at_once[k] * tl->col_ns;
	for (__u32 i = 0; i < d->cols; i++) {
		double n = 0;
		__u32 lo, hi;

		if (i >= d->end) {
			static const char ends[] = "|ends";

			buf[0] = i - d->end < strlen(ends) ? ends[i - d->end] : ' ';
			buf[1] = 0;
			ft_pen_cell(p, FT_PEN_DIM, buf);
			continue;
		}
		ft_tl_draw_range(d, i, &lo, &hi);
		for (__u32 k = lo; k < hi; k++)
			n += tl->at_once[k];
		n /= hi > lo ? hi - lo : 1;
		if (ft_tl_draw_gap(d, i)) {
			d->seen |= SEEN_GAP;
			ft_pen_cell(p, FT_PEN_OTHER, "?");
			continue;
		}
		snprintf(buf, sizeof(buf), "%.0f", n < 9.5 ? n : 9);
		ft_pen_cell(p, n < 0.5 ? FT_PEN_DIM : FT_PEN_BOLD, n < 9.5 ? buf : "+");
	}
	snprintf(buf, sizeof(buf), " %4.2f", all > 0 ? sum / all : 0);
	if (d->right)
		ft_pen_text(p, FT_PEN_PLAIN, buf);
	ft_pen_end(p);
}

static void core_cell(struct ft_tl_draw *d, const struct ft_tl_core *c, __u32 i)
{
	double width = ft_tl_draw_width(d, i);
	double own = (double)(c->gil_ns + c->free_ns) / width, other = (double)c->other_ns / width;
	bool free_most = d->hatched && c->free_ns > c->gil_ns;

	if (other > own && other >= 0.25) {
		d->seen |= SEEN_OTHER;
		ft_pen_cell(&d->pen, FT_PEN_OTHER, "x");
	} else if (own < 0.01 && ft_tl_draw_gap(d, i)) {
		d->seen |= SEEN_GAP;
		ft_pen_cell(&d->pen, FT_PEN_OTHER, "?");
	} else if (own < 0.01) {
		d->seen |= SEEN_IDLE;
		ft_pen_cell(&d->pen, FT_PEN_DIM, d->o->ascii ? "." : "·");
	} else {
		d->seen |= free_most ? SEEN_FREE : SEEN_GIL;
		ft_pen_cell(&d->pen, free_most || !d->hatched ? FT_PEN_FREE : FT_PEN_GIL,
			    ft_tl_draw_height(d, own, free_most && !d->o->color));
	}
}

static int core_lanes(struct ft_tl_draw *d)
{
	struct ft_pen *p = &d->pen;
	__u32 cnt, more, *lanes = ft_tl_draw_pick_cores(d, &cnt, &more);
	char label[16];

	if (!lanes)
		return -ENOMEM;
	for (__u32 l = 0; l < cnt; l++) {
		double sum = 0;

		snprintf(label, sizeof(label), d->label_w < 8 ? "%u" : "cpu %u",
			 d->tl->cores[lanes[l]]);
		ft_tl_draw_label(d, FT_PEN_PLAIN, label);
		for (__u32 i = 0; i < d->cols; i++) {
			struct ft_tl_core c = ft_tl_draw_core(d, lanes[l], i);

			sum += (double)(c.gil_ns + c.free_ns);
			if (i >= d->end)
				ft_pen_cell(p, FT_PEN_DIM, i == d->end ? "|" : " ");
			else
				core_cell(d, &c, i);
		}
		ft_tl_draw_percent(d, sum);
		ft_pen_end(p);
	}
	ft_tl_draw_more_cores(d, lanes, cnt, more);
	free(lanes);
	return 0;
}

/* gil, no_gil: which kinds of sessions are drawn; a pair may have both. */
static void legend(struct ft_tl_draw *d, bool gil, bool no_gil, __u64 seen)
{
	bool ascii = d->o->ascii, color = d->o->color;
	const char *ramp = ascii ? "1-9" : "▁█", *hatch = ascii ? "-=#" : "░▒▓";

	if ((seen & SEEN_GIL) && gil) {
		ft_tl_draw_legend(d, FT_PEN_GIL, ramp,
				  no_gil && !color ? "holds the GIL; GIL off: runs"
						   : "holds the GIL");
	}
	if ((seen & SEEN_GIL) && no_gil && (color || !gil))
		ft_tl_draw_legend(d, FT_PEN_FREE, ramp, gil ? "GIL off: runs" : "runs");
	if (seen & SEEN_FREE)
		ft_tl_draw_legend(d, FT_PEN_FREE, color ? ramp : hatch, "runs GIL free");
	if (seen & SEEN_OTHER)
		ft_tl_draw_legend(d, FT_PEN_OTHER, "x", "another process");
	if (seen & SEEN_IDLE)
		ft_tl_draw_legend(d, FT_PEN_DIM, ascii ? "." : "·", "idle");
	if (seen & SEEN_GAP)
		ft_tl_draw_legend(d, FT_PEN_OTHER, "?", "events lost here");
	ft_tl_draw_legend(d, FT_PEN_DIM, "", "at once: threads on cores, mean");
	ft_pen_end(&d->pen);
}

/* One session's title and lanes; d->seen gets what they used. */
static int overview(struct ft_tl_draw *d, const char *name, const char *scale)
{
	const char *why = nothing(d->tl, d->m);

	title(d, name, why ? NULL : scale);
	if (why) {
		ft_pen_text(&d->pen, FT_PEN_PLAIN, why);
		ft_pen_end(&d->pen);
		return 0;
	}
	at_once(d);
	return core_lanes(d);
}

int ft_tl_text(const struct ft_timeline *tl, const struct ft_model *m,
	       const struct ft_tl_text_opts *opts, struct ft_text *out)
{
	__u64 base = opts->axis_from_ns ? opts->axis_from_ns : m->info->start_ns;
	const char *why = nothing(tl, m);
	struct ft_tl_draw d;
	int err;

	ft_tl_draw_init(&d, tl, m, opts, out);
	d.hatched = m->gil_present || m->info->gil != FT_GIL_OFF;
	if (opts->zoom && !why) {
		err = ft_tl_zoom(&d, base);
		return err ? err : out->err;
	}
	err = overview(&d, opts->name, "");
	if (!err && !why) {
		ft_tl_draw_axis(&d, base);
		legend(&d, d.hatched, !d.hatched, d.seen);
	}
	return err ? err : out->err;
}

static double length(const struct ft_timeline *tl)
{
	return (double)(tl->to_ns - tl->from_ns);
}

int ft_tl_text_pair(const struct ft_tl_side *a, const struct ft_tl_side *b,
		    const struct ft_tl_text_opts *opts, struct ft_text *out)
{
	struct ft_tl_draw da, db;
	__u64 base;
	int err;

	if (a->tl->cols != b->tl->cols || fabs(length(a->tl) - length(b->tl)) > 1)
		return -EINVAL;
	ft_tl_draw_init(&da, a->tl, a->m, opts, out);
	ft_tl_draw_init(&db, b->tl, b->m, opts, out);
	da.hatched = a->m->gil_present || a->m->info->gil != FT_GIL_OFF;
	db.hatched = b->m->gil_present || b->m->info->gil != FT_GIL_OFF;
	err = overview(&da, a->name, ", same scale below");
	if (!err)
		err = overview(&db, b->name, NULL);
	if (err)
		return err;
	base = opts->axis_from_ns ? opts->axis_from_ns : a->tl->from_ns;
	if (!nothing(a->tl, a->m))
		ft_tl_draw_axis(&da, base);
	if (!nothing(a->tl, a->m) || !nothing(b->tl, b->m))
		legend(&da, da.hatched || db.hatched, !da.hatched || !db.hatched,
		       da.seen | db.seen);
	return out->err;
}
