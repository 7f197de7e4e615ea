// SPDX-License-Identifier: BSD-2-Clause
/* A comparison on a terminal. */
#include "view/compare_text.h"

#include <stdio.h>
#include <string.h>

#include "view/report_flow.h"

#define TITLE_COLS 22
#define VALUE_COLS 10
#define RANGE_COLS 30 /* a value and its interval */
#define WIDE 118      /* from here on the intervals of both sides have room */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "A  3.14.6t, GIL off, 5 sessions: ft-1.ftprof ft-2.ftprof" */
static void head(struct ft_text *out, const struct ft_compare *c, int side, int width, bool ascii)
{
	const struct ft_session_info *info =
		c->session[side][ft_compare_median_run(c, side)].m->info;
	struct ft_flow f;
	size_t i;

	ft_flow_begin(&f, out, width, ascii, 3);
	ft_flow_printf(&f, 0, "%c", "AB"[side]);
	ft_flow_printf(&f, 2, "%s%s, GIL %s,", info->python[0] ? info->python : "?",
		       info->free_threaded ? "t" : "", ft_gil_state_name(info->gil));
	ft_flow_printf(&f, 1, "%zu session%s:", c->cnt[side], c->cnt[side] == 1 ? "" : "s");
	for (i = 0; i < c->cnt[side] && !c->session[side][0].command; i++)
		ft_flow_item(&f, 1, base_name(c->session[side][i].path));
	if (c->session[side][0].command)
		ft_flow_item(&f, 1, c->session[side][0].command);
	ft_flow_end(&f);
}

/* Is there anything to see? A lock that one run of many waited for is not. */
static bool worth_a_line(const struct ft_cmp_row *r)
{
	return r->side[0].median != 0 || r->side[1].median != 0 || r->verdict == FT_CV_MORE ||
	       r->verdict == FT_CV_LESS;
}

static void put_value(struct ft_flow *f, const struct ft_cmp_row *r, int side, int width)
{
	const struct ft_cmp_values *v = &r->side[side];
	char mid[48], lo[48], hi[48], buf[160];
	int len;

	ft_cmp_format(v->median, r->unit, mid, sizeof(mid));
	if (width >= WIDE && v->cnt > 1)
		snprintf(buf, sizeof(buf), "%s (%s to %s)", mid,
			 ft_cmp_format(v->lo, r->unit, lo, sizeof(lo)),
			 ft_cmp_format(v->hi, r->unit, hi, sizeof(hi)));
	else
		snprintf(buf, sizeof(buf), "%s", mid);
	len = (int)strlen(buf);
	width = width >= WIDE ? RANGE_COLS : VALUE_COLS;
	ft_flow_item(f, 1 + (len < width ? width - len : 0), buf);
}

static const char *estimate(const struct ft_cmp_row *r, double v, char *buf, size_t sz)
{
	if (r->est.ratio)
		return ft_cmp_format_ratio(v, buf, sz);
	if (r->unit != FT_CU_SHARE)
		return ft_cmp_format(v, r->unit, buf, sz);
	snprintf(buf, sz, "%.2g", v * 100);
	return buf;
}

/* "0.61 (0.58 to 0.64)", "within noise (0.97 to 1.03)"; of few runs what all pairs of them say. */
static void put_difference(struct ft_flow *f, const struct ft_cmp_row *r)
{
	/* of a share: not to be taken for a change by so many per cent */
	const char *points = r->unit == FT_CU_SHARE ? " points" : "";
	char mid[48], lo[48], hi[48], sign[2] = "";

	if (!r->est.ratio && r->est.mid > 0)
		sign[0] = '+';
	estimate(r, r->est.mid, mid, sizeof(mid));
	estimate(r, r->est.lo, lo, sizeof(lo));
	estimate(r, r->est.hi, hi, sizeof(hi));
	if (r->verdict == FT_CV_SAME)
		ft_flow_printf(f, 3, "within noise (%s to %s)", lo, hi);
	else if (r->side[0].cnt * r->side[1].cnt > 1)
		ft_flow_printf(f, 3, "%s%s (%s to %s%s)", sign, mid, lo, hi, points);
	else
		ft_flow_printf(f, 3, "%s%s%s", sign, mid, points);
}

static void table(struct ft_text *out, const struct ft_compare *c, int width, bool ascii)
{
	int value = width >= WIDE ? RANGE_COLS : VALUE_COLS;
	char level[16];
	struct ft_flow f;
	size_t i;

	ft_flow_begin(&f, out, width, ascii, 2);
	ft_flow_printf(&f, 0, "%-*s", TITLE_COLS, c->rates ? "per second" : " ");
	ft_flow_printf(&f, value, "A");
	ft_flow_printf(&f, value, "B");
	if (c->rank.k)
		ft_flow_printf(&f, 3, "B / A (%s interval)",
			       ft_cmp_format_coverage(c->rank.coverage, level, sizeof(level)));
	else
		ft_flow_printf(&f, 3, "B / A");
	ft_flow_end(&f);
	for (i = 0; i < c->row_cnt; i++) {
		const struct ft_cmp_row *r = &c->row[i];

		if (!worth_a_line(r))
			continue;
		ft_flow_begin(&f, out, width, ascii, 2);
		ft_flow_printf(&f, 0, "%-*s", TITLE_COLS, r->title);
		put_value(&f, r, 0, width);
		put_value(&f, r, 1, width);
		put_difference(&f, r);
		ft_flow_end(&f);
	}
}

/* A paragraph for each line. */
static void lines(struct ft_text *out, const struct ft_text *t, int width, bool ascii)
{
	struct ft_flow f;

	if (!t->len)
		return;
	ft_text_add(out, "\n");
	ft_flow_begin(&f, out, width, ascii, 0);
	ft_flow_words(&f, t->s);
	ft_flow_end(&f);
}

void ft_compare_text(struct ft_text *out, const struct ft_compare *c, int width, bool ascii)
{
	width = ft_report_width(width);
	head(out, c, 0, width, ascii);
	head(out, c, 1, width, ascii);
	if (c->row_cnt) {
		ft_text_add(out, "\n");
		table(out, c, width, ascii);
	}
	lines(out, &c->summary, width, ascii);
	lines(out, &c->notes, width, ascii);
	lines(out, &c->not_compared, width, ascii);
}
