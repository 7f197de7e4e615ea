/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A flame graph as one SVG file. Without its script it is whole: boxes with their titles. The
 * script finds depth and weights in data-v, and names and places in the titles.
 */
#include <errno.h>
#include <stdio.h>

#include "export/assets.h"
#include "export/boxes.h"
#include "export/escape.h"
#include "export/export.h"
#include "export/head.h"
#include "export/palette.h"

#define WIDTH 1200 /* px, until the script fits it to the window */
#define SIDE 10
#define ROW 18	/* px a level, one of them a gap */
#define TOP 106 /* title, facts, command, legend */
#define BOTTOM 30
#define COL 7.3 /* px a character of the 12 px fixed-width font takes at most */
#define MIN_PX 0.1
#define MAX_BYTES 1850000 /* of boxes; script, style and head are about 30 KB */
#define NAME_CHARS 240
#define FILE_CHARS 160
#define CMD_COLS 150

struct svg {
	const struct ft_flame *f;
	struct ft_text *out;
	struct ft_text tmp; /* of cost() */
	double px_ns;	    /* px a nanosecond */
	unsigned int height;
};

/* "p p3", or of a difference "p d7": kind and fill. */
static void add_class(const struct ft_flame *f, const struct ft_flame_node *n,
		      const struct ft_frame *fr, struct ft_text *out)
{
	char c = ft_pal_letter(fr->kind);

	if (f->differs)
		ft_text_printf(out, "f %c d%u", c, ft_pal_step_of(n->total_ns, n->base_ns));
	else
		ft_text_printf(out, "f %c %c%u", c, c, ft_pal_tint_of(fr));
}

static void add_where(const struct ft_frame *fr, struct ft_text *out)
{
	if (fr->kind == FT_FK_NATIVE)
		ft_text_add(out, fr->file[0] ? "\nnative, " : "\nnative");
	else if (fr->kind == FT_FK_KERNEL)
		ft_text_add(out, fr->file[0] ? "\nkernel, " : "\nkernel");
	else if (fr->file[0])
		ft_text_add(out, "\n");
	ft_esc_add_tail(out, FT_ESC_XML, fr->file, FILE_CHARS);
	if (fr->file[0] && fr->line)
		ft_text_printf(out, ":%u", fr->line);
}

static const struct ft_frame root_frame = {.name = "all", .file = "", .kind = FT_FK_MARK};

static void add_box(struct svg *s, struct ft_text *out, __u32 node, __u32 depth, __u64 x_ns)
{
	const struct ft_flame_node *n = &s->f->node[node];
	const struct ft_frame *fr = node ? &s->f->frame[n->frame] : &root_frame;
	double x = SIDE + (double)x_ns * s->px_ns, w = (double)n->total_ns * s->px_ns;
	unsigned int y = s->height - BOTTOM - (depth + 1) * ROW;
	size_t cols = w > 6 ? (size_t)((w - 6) / COL) : 0;

	ft_text_add(out, "<g class=\"");
	add_class(s->f, n, fr, out);
	ft_text_printf(out, "\" data-v=\"%u %llu %llu", depth, (unsigned long long)n->total_ns,
		       (unsigned long long)n->self_ns);
	if (s->f->differs)
		ft_text_printf(out, " %llu %llu", (unsigned long long)n->base_ns,
			       (unsigned long long)n->base_self_ns);
	ft_text_add(out, "\"><title>");
	ft_esc_add(out, FT_ESC_XML, fr->name, NAME_CHARS);
	add_where(fr, out);
	ft_text_add(out, "\n");
	ft_head_figures(s->f, n, out);
	ft_text_printf(out, "</title><rect x=\"%.1f\" y=\"%u\" width=\"%.1f\" height=\"%u\"/>", x,
		       y, w > 3 ? w - 0.5 : w, ROW - 1);
	if (cols >= 3) {
		ft_text_printf(out, "<text x=\"%.1f\" y=\"%u\">", x + 3, y + 13);
		ft_esc_add_cols(out, FT_ESC_XML, fr->name, cols);
		ft_text_add(out, "</text>");
	}
	ft_text_add(out, "</g>\n");
}

static size_t cost(void *ctx, const struct ft_flame *f, __u32 node)
{
	struct svg *s = ctx;

	(void)f;
	s->tmp.len = 0;
	add_box(s, &s->tmp, node, FT_USER_DEPTH, s->f->total_ns);
	return s->tmp.len;
}

/*
 * What tells the kinds apart without colour: stripes, crosses, dots over the fill, as a pattern of
 * each kind and fill. They only take contrast from the box, never from its text: see svg.css.
 */
static void add_patterns(const struct svg *s, struct ft_text *out)
{
	static const char *const lines[FT_FK_CNT] = {
		[FT_FK_NATIVE] = "M-1 1l2-2M0 6l6-6M5 7l2-2",
		[FT_FK_KERNEL] = "M0 3h6M3 0v6",
		[FT_FK_MARK] = "M1 1h1M4 4h1",
	};
	unsigned int k, i, cnt = s->f->differs ? FT_PAL_STEPS : FT_PAL_TINTS;
	char c, d;

	for (k = 0; k < FT_FK_CNT; k++) {
		if (!lines[k])
			continue;
		c = ft_pal_letter((__u8)k);
		d = s->f->differs ? 'd' : c;
		for (i = 0; i < cnt; i++)
			ft_text_printf(out,
				       "<pattern id=\"%c%c%u\" width=\"6\" height=\"6\" "
				       "patternUnits=\"userSpaceOnUse\"><rect class=\"%c%u\" "
				       "width=\"6\" height=\"6\"/><path class=\"w\" d=\"%s\"/>"
				       "</pattern>\n",
				       c, d, i, d, i, lines[k]);
	}
}

static void add_fills(const struct svg *s, struct ft_text *out)
{
	unsigned int k, i, cnt = s->f->differs ? FT_PAL_STEPS : FT_PAL_TINTS;
	char c, d;

	for (k = 0; k < FT_FK_CNT; k++) {
		if (k == FT_FK_PYTHON)
			continue;
		c = ft_pal_letter((__u8)k);
		d = s->f->differs ? 'd' : c;
		for (i = 0; i < cnt; i++)
			ft_text_printf(out, ".%c.%c%u>rect{fill:url(#%c%c%u)}", c, d, i, c, d, i);
		ft_text_add(out, "\n");
	}
}

static void add_style(const struct svg *s)
{
	struct ft_text *out = s->out;

	ft_text_add(out, "<style>\n");
	ft_text_add(out, ft_asset_svg_css);
	ft_pal_rules(out, false);
	ft_text_add(out, "@media (prefers-color-scheme:dark){\n");
	ft_pal_rules(out, true);
	ft_text_add(out, "}\n");
	add_fills(s, out);
	ft_text_add(out, "</style>\n<defs");
	ft_text_add(out, s->f->differs ? " class=\"d\">\n" : ">\n");
	add_patterns(s, out);
	ft_text_add(out, "</defs>\n");
}

static void add_swatch(struct ft_text *out, unsigned int x, const char *cls, const char *what)
{
	ft_text_printf(out,
		       "<g class=\"%s\"><rect x=\"%u\" y=\"%u\" width=\"22\" height=\"12\"/></g>"
		       "<text class=\"t\" x=\"%u\" y=\"%u\">%s</text>\n",
		       cls, x, TOP - 26, x + 27, TOP - 16, what);
}

static void add_legend(const struct svg *s)
{
	struct ft_text *out = s->out;
	bool d = s->f->differs;
	unsigned int i, x = SIDE;

	ft_text_add(out, "<g id=\"legend\">\n");
	add_swatch(out, x, d ? "f p d5" : "f p p0", "Python");
	add_swatch(out, x + 90, d ? "f n d5" : "f n n2", "native");
	add_swatch(out, x + 180, d ? "f k d5" : "f k k2", "kernel");
	add_swatch(out, x + 270, d ? "f m d5" : "f m m0", "no function: says why");
	if (d) {
		x += 460;
		ft_text_printf(out, "<text class=\"t\" x=\"%u\" y=\"%u\">less</text>\n", x,
			       TOP - 16);
		for (i = 0; i < FT_PAL_STEPS; i++)
			ft_text_printf(out,
				       "<g class=\"f p d%u\"><rect x=\"%u\" y=\"%u\" width=\"22\" "
				       "height=\"12\"/></g>",
				       i, x + 32 + 22 * i, TOP - 26);
		ft_text_printf(out,
			       "<text class=\"t\" x=\"%u\" y=\"%u\">more than in the base</text>\n",
			       x + 38 + 22 * i, TOP - 16);
	}
	ft_text_add(out, "</g>\n");
}

static void add_head(const struct svg *s, const struct ft_boxes *b)
{
	struct ft_text *out = s->out;

	ft_text_printf(
		out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
		"viewBox=\"0 0 %u %u\" role=\"graphics-document\" "
		"aria-labelledby=\"title\" aria-describedby=\"facts\">\n<title id=\"title\">",
		WIDTH, s->height, WIDTH, s->height);
	ft_head_title(s->f, out);
	if (s->f->info) {
		ft_text_add(out, ": ");
		ft_head_target(s->f, out);
	}
	ft_text_add(out, "</title>\n");
	add_style(s);
	ft_text_printf(out, "<rect id=\"bg\" width=\"100%%\" height=\"100%%\"/>\n"
			    "<g id=\"head\"><text class=\"h\" x=\"10\" y=\"24\">");
	ft_head_title(s->f, out);
	ft_text_add(
		out,
		"</text>\n<text class=\"t\" id=\"facts\" x=\"10\" y=\"42\"><tspan class=\"b\">");
	ft_head_target(s->f, out);
	ft_text_add(out, s->f->info ? "</tspan> \xc2\xb7 " : "</tspan>");
	ft_head_facts(s->f, out);
	ft_text_add(out, "</text>\n<text class=\"c\" x=\"10\" y=\"58\">");
	if (s->f->info)
		ft_esc_add_cols(out, FT_ESC_XML, s->f->info->cmdline, CMD_COLS);
	ft_text_add(out, "</text>\n<text class=\"t\" id=\"hidden\" x=\"10\" y=\"73\">");
	ft_head_hidden(s->f, b, out);
	ft_text_add(out, "</text></g>\n");
	add_legend(s);
}

int ft_export_svg(const struct ft_flame *f, struct ft_text *out)
{
	/* cost() counts with a height of four digits */
	struct svg s = {.f = f, .out = out, .height = 9999};
	struct ft_box_opts o = {.max_bytes = MAX_BYTES, .cost = cost, .ctx = &s};
	struct ft_boxes b;
	size_t i;
	int err;

	if (f->total_ns)
		s.px_ns = (double)(WIDTH - 2 * SIDE) / (double)f->total_ns;
	o.min_ns = (__u64)((double)f->total_ns * MIN_PX / (WIDTH - 2 * SIDE));
	err = ft_boxes_build(f, &o, &b);
	if (!err)
		err = s.tmp.err;
	if (err)
		goto out;
	s.height = TOP + (b.depth_max + 1) * ROW + BOTTOM;
	add_head(&s, &b);
	ft_text_add(out, "<g id=\"frames\">\n");
	for (i = 0; i < b.cnt; i++)
		add_box(&s, out, b.box[i].node, b.box[i].depth, b.box[i].x_ns);
	ft_text_add(out, "</g>\n<script><![CDATA[\n");
	ft_text_add(out, ft_asset_core_js);
	ft_text_add(out, ft_asset_svg_js);
	ft_text_add(out, "]]></script>\n</svg>\n");
	err = out->err;
out:
	ft_boxes_free(&b);
	ft_text_free(&s.tmp);
	return err;
}
