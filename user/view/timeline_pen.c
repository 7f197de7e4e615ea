/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of a drawing that never get longer than the terminal, in colour or not. */
#include "view/timeline_pen.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_W 8
#define RIGHT_W 8
#define AXIS_GAP 8 /* columns between two labels at least */

void ft_pen_init(struct ft_pen *p, const struct ft_tl_text_opts *o, struct ft_text *out)
{
	p->out = out;
	p->o = o;
	p->width = o->width > 0 ? o->width : 80;
	p->left = p->width;
	p->blank = 0;
	p->color = FT_PEN_PLAIN;
}

static void set_color(struct ft_pen *p, int color)
{
	if (!p->o->color || p->color == color)
		return;
	if (p->color != FT_PEN_PLAIN)
		ft_text_add(p->out, "\x1b[0m");
	if (color == FT_PEN_BOLD)
		ft_text_add(p->out, "\x1b[1m");
	else if (color >= 0)
		ft_text_printf(p->out, "\x1b[38;5;%dm", color);
	p->color = color;
}

static void flush_blank(struct ft_pen *p)
{
	if (p->blank) {
		set_color(p, FT_PEN_PLAIN);
		ft_text_pad(p->out, ' ', (size_t)p->blank);
	}
	p->blank = 0;
}

void ft_pen_fill(struct ft_pen *p, int columns)
{
	if (columns > p->left)
		columns = p->left;
	if (columns <= 0)
		return;
	p->left -= columns;
	p->blank += columns;
}

void ft_pen_cell(struct ft_pen *p, int color, const char *glyph)
{
	if (p->left <= 0)
		return;
	if (!strcmp(glyph, " ")) {
		ft_pen_fill(p, 1);
		return;
	}
	flush_blank(p);
	set_color(p, color);
	ft_text_add(p->out, glyph);
	p->left--;
}

void ft_pen_text(struct ft_pen *p, int color, const char *ascii)
{
	char one[2] = "";

	for (; *ascii; ascii++) {
		one[0] = *ascii;
		ft_pen_cell(p, color, one);
	}
}

/* Code points of valid UTF-8. */
static size_t columns(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}

void ft_pen_safe(struct ft_pen *p, int color, const char *s, size_t max)
{
	struct ft_text clean = {0};

	if (max > (size_t)(p->left > 0 ? p->left : 0))
		max = (size_t)(p->left > 0 ? p->left : 0);
	ft_text_add_safe(&clean, s, max);
	if (clean.err && !p->out->err)
		p->out->err = clean.err;
	if (clean.len && !clean.err) {
		flush_blank(p);
		set_color(p, color);
		p->left -= (int)columns(clean.s, clean.len);
		for (size_t i = 0; i < clean.len; i++) {
			unsigned char c = (unsigned char)clean.s[i];

			if (!p->o->ascii || c < 0x80)
				ft_text_addn(p->out, clean.s + i, 1);
			else if ((c & 0xc0) != 0x80)
				ft_text_add(p->out, "?");
		}
	}
	ft_text_free(&clean);
}

void ft_pen_end(struct ft_pen *p)
{
	set_color(p, FT_PEN_PLAIN);
	ft_text_add(p->out, "\n");
	p->left = p->width;
	p->blank = 0;
}

static int label_width(int width)
{
	if (width >= 24)
		return LABEL_W;
	return width >= 12 ? 4 : 0;
}

__u32 ft_tl_text_cols(int width)
{
	int cols;

	if (width <= 0)
		width = 80;
	cols = width - label_width(width) - (width >= 40 ? RIGHT_W : 0);
	return cols > 1 ? (__u32)cols : 1;
}

void ft_tl_draw_init(struct ft_tl_draw *d, const struct ft_timeline *tl, const struct ft_model *m,
		     const struct ft_tl_text_opts *o, struct ft_text *out)
{
	__u32 max;

	memset(d, 0, sizeof(*d));
	d->tl = tl;
	d->m = m;
	d->o = o;
	ft_pen_init(&d->pen, o, out);
	d->label_w = label_width(d->pen.width);
	d->right = d->pen.width >= 40;
	max = ft_tl_text_cols(d->pen.width);
	d->cols = tl->cols < max ? tl->cols : max;
	d->end = d->cols;
	for (__u32 i = 0; i < d->cols && tl->end_ns < tl->to_ns; i++) {
		__u32 lo, hi;

		ft_tl_draw_range(d, i, &lo, &hi);
		if ((double)lo * tl->col_ns < (double)(tl->end_ns - tl->from_ns))
			continue;
		d->end = i;
		break;
	}
}

void ft_tl_draw_range(const struct ft_tl_draw *d, __u32 i, __u32 *lo, __u32 *hi)
{
	*lo = (__u32)((__u64)d->tl->cols * i / d->cols);
	*hi = (__u32)((__u64)d->tl->cols * (i + 1) / d->cols);
}

bool ft_tl_draw_gap(const struct ft_tl_draw *d, __u32 i)
{
	__u32 lo, hi;

	ft_tl_draw_range(d, i, &lo, &hi);
	for (__u32 k = lo; k < hi; k++)
		if (d->tl->gap[k])
			return true;
	return false;
}

double ft_tl_draw_width(const struct ft_tl_draw *d, __u32 i)
{
	__u32 lo, hi;
	double ns;

	ft_tl_draw_range(d, i, &lo, &hi);
	ns = (double)(hi - lo) * d->tl->col_ns;
	return ns > 1 ? ns : 1;
}

struct ft_tl_core ft_tl_draw_core(const struct ft_tl_draw *d, __u32 lane, __u32 i)
{
	struct ft_tl_core sum = {.top_thr = FT_NO_THREAD};
	__u32 lo, hi;

	ft_tl_draw_range(d, i, &lo, &hi);
	for (__u32 k = lo; k < hi; k++) {
		const struct ft_tl_core *c = &d->tl->core[(size_t)lane * d->tl->cols + k];

		sum.gil_ns += c->gil_ns;
		sum.free_ns += c->free_ns;
		sum.other_ns += c->other_ns;
		if (c->top_ns > sum.top_ns) {
			sum.top_ns = c->top_ns;
			sum.top_thr = c->top_thr;
		}
	}
	return sum;
}

const char *ft_tl_draw_height(const struct ft_tl_draw *d, double share, bool hatched)
{
	static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const tenths[] = {"1", "2", "3", "4", "5", "6", "7", "8", "9"};
	static const char *const hatch[] = {"░", "▒", "▓"};
	static const char *const plain_hatch[] = {"-", "=", "#"};
	int i;

	if (hatched) {
		i = (int)ceil(share * 3) - 1;
		i = i < 0 ? 0 : i > 2 ? 2 : i;
		return d->o->ascii ? plain_hatch[i] : hatch[i];
	}
	if (d->o->ascii) {
		i = (int)floor(share * 10 + 0.5) - 1;
		return tenths[i < 0 ? 0 : i > 8 ? 8 : i];
	}
	i = (int)ceil(share * 8) - 1;
	return blocks[i < 0 ? 0 : i > 7 ? 7 : i];
}

void ft_tl_draw_label(struct ft_tl_draw *d, int color, const char *label)
{
	struct ft_pen *p = &d->pen;
	char cut[LABEL_W + 1];

	if (d->label_w <= 0)
		return;
	snprintf(cut, sizeof(cut), "%.*s", d->label_w - 1, label);
	ft_pen_text(p, color, cut);
	ft_pen_fill(p, d->label_w - (p->width - p->left));
}

void ft_tl_draw_percent(struct ft_tl_draw *d, double ns)
{
	double all = (double)(d->tl->end_ns - d->tl->from_ns);
	double pct = all > 0 ? 100 * ns / all : 0;
	char buf[16];

	if (!d->right)
		return;
	if (pct > 0 && pct < 0.5)
		snprintf(buf, sizeof(buf), "  <1%%");
	else
		snprintf(buf, sizeof(buf), " %3.0f%%", pct < 100 ? pct : 100);
	ft_pen_text(&d->pen, FT_PEN_PLAIN, buf);
}

/* The smallest of 1, 2, 5 times a power of ten that is not below min. */
static double nice_step(double min)
{
	static const double f[] = {1, 2, 5, 10};
	double base = pow(10, floor(log10(min > 1 ? min : 1)));

	for (size_t i = 0; i < sizeof(f) / sizeof(f[0]); i++)
		if (base * f[i] >= min * (1 - 1e-9))
			return base * f[i];
	return base * 10;
}

void ft_tl_draw_axis(struct ft_tl_draw *d, __u64 base_ns)
{
	const struct ft_timeline *tl = d->tl;
	double col_ns = tl->cols ? tl->col_ns * tl->cols / d->cols : 0;
	double step, unit, t0 = (double)(__s64)(tl->from_ns - base_ns);
	double len = (double)(tl->to_ns - tl->from_ns);
	int digits = 0, pos = 0;
	char buf[32];

	if (col_ns <= 0)
		return;
	step = nice_step(col_ns * AXIS_GAP);
	unit = len >= 1e9 ? 1e9 : len >= 1e6 ? 1e6 : 1e3;
	while (digits < 6 && step < unit * pow(10, -digits) * 0.999)
		digits++;
	ft_tl_draw_label(d, FT_PEN_DIM, unit > 1e8 ? "s" : unit > 1e5 ? "ms" : "us");
	for (double t = ceil(t0 / step - 1e-9) * step; t < t0 + len; t += step) {
		int at = (int)floor((t - t0) / col_ns + 0.5);
		bool zero = fabs(t) < step / 2;

		snprintf(buf, sizeof(buf), "%c%.*f", t < 0 && !zero ? '-' : '+', zero ? 0 : digits,
			 fabs(t) / unit);
		if (at < pos || at + (int)strlen(buf) > (int)d->cols)
			continue;
		ft_pen_fill(&d->pen, at - pos);
		ft_pen_text(&d->pen, FT_PEN_DIM, buf);
		pos = at + (int)strlen(buf);
	}
	ft_pen_end(&d->pen);
}

struct load {
	__u64 ns;
	__u32 lane;
};

static int by_load(const void *a, const void *b)
{
	const struct load *x = a, *y = b;

	if (x->ns != y->ns)
		return x->ns < y->ns ? 1 : -1;
	return x->lane < y->lane ? -1 : x->lane > y->lane;
}

static int by_lane(const void *a, const void *b)
{
	const __u32 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

__u32 *ft_tl_draw_pick_cores(const struct ft_tl_draw *d, __u32 *cnt, __u32 *more)
{
	const struct ft_timeline *tl = d->tl;
	__u32 rows = d->o->core_rows ? d->o->core_rows : 16, *pick;
	struct load *load = calloc((size_t)tl->core_cnt + 1, sizeof(*load));

	*cnt = tl->core_cnt < rows ? tl->core_cnt : rows;
	*more = tl->core_cnt - *cnt;
	pick = calloc((size_t)*cnt + 1, sizeof(*pick));
	if (!load || !pick) {
		free(load);
		free(pick);
		return NULL;
	}
	for (__u32 i = 0; i < tl->core_cnt; i++) {
		load[i].lane = i;
		for (__u32 k = 0; k < tl->cols; k++) {
			const struct ft_tl_core *c = &tl->core[(size_t)i * tl->cols + k];

			load[i].ns += c->gil_ns + c->free_ns;
		}
	}
	qsort(load, tl->core_cnt, sizeof(*load), by_load);
	for (__u32 i = 0; i < *cnt; i++)
		pick[i] = load[i].lane;
	qsort(pick, *cnt, sizeof(*pick), by_lane);
	free(load);
	return pick;
}

void ft_tl_draw_more_cores(struct ft_tl_draw *d, const __u32 *shown, __u32 cnt, __u32 more)
{
	const struct ft_timeline *tl = d->tl;
	double all = (double)(tl->end_ns - tl->from_ns) * more, own = 0, other = 0;
	char buf[96];
	__u32 k = 0;

	if (!more)
		return;
	for (__u32 i = 0; i < tl->core_cnt; i++) {
		if (k < cnt && shown[k] == i) {
			k++;
			continue;
		}
		for (__u32 c = 0; c < tl->cols; c++) {
			const struct ft_tl_core *cell = &tl->core[(size_t)i * tl->cols + c];

			own += (double)(cell->gil_ns + cell->free_ns);
			other += (double)cell->other_ns;
		}
	}
	own = all > 0 ? own / all * 100 : 0;
	other = all > 0 ? other / all * 100 : 0;
	if (own < 0.05 && other < 0.05)
		snprintf(buf, sizeof(buf), "%u more core%s: idle", more, more == 1 ? "" : "s");
	else
		snprintf(buf, sizeof(buf), "%u more core%s: %.1f%% this process, %.1f%% others",
			 more, more == 1 ? "" : "s", own, other);
	ft_pen_text(&d->pen, FT_PEN_DIM, buf);
	ft_pen_end(&d->pen);
}

void ft_tl_draw_legend(struct ft_tl_draw *d, int color, const char *glyph, const char *words)
{
	struct ft_pen *p = &d->pen;
	struct ft_text clean = {0};
	int g = (int)columns(glyph, strlen(glyph)), need;

	ft_text_add_safe(&clean, words, 64);
	need = g + (g ? 1 : 0) + (clean.len ? (int)columns(clean.s, clean.len) : 0);
	if (clean.err && !p->out->err)
		p->out->err = clean.err;
	if (p->left < p->width) {
		if (p->left < need + 2)
			ft_pen_end(p);
		else
			ft_pen_fill(p, 2);
	}
	if (p->left == p->width && d->label_w + need <= p->width)
		ft_pen_fill(p, d->label_w);
	for (const char *s = glyph; *s;) {
		char one[5] = "";
		size_t n = 0;

		do
			one[n++] = *s++;
		while (n < 4 && ((unsigned char)*s & 0xc0) == 0x80);
		ft_pen_cell(p, color, one);
	}
	if (g)
		ft_pen_fill(p, 1);
	if (clean.len && !clean.err)
		ft_pen_safe(p, FT_PEN_DIM, clean.s, 64);
	ft_text_free(&clean);
}

__u64 ft_tl_text_zoom_ns(int width, __u64 session_ns)
{
	__u32 cols = ft_tl_text_cols(width);
	double most = (double)session_ns / (cols * 8.0), step = 1e6;

	if (most < step)
		step = most < 1 ? 0 : nice_step(most / 2.5);
	if (step < 1000)
		return 0;
	return (__u64)(step * cols);
}
