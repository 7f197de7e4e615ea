/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A flame graph as one HTML page: what it is of in words, the graph on a canvas, a table of
 * functions. The tree is embedded as JSON, and drawn by the page's script.
 *
 * The JSON has flat lists. frames: kind, name, file, line, tint. nodes, depth first: depth, frame,
 * total, self, and of a difference base and base self. funcs: frame, self, total, and of a
 * difference base self and base.
 */
#include <errno.h>
#include <stdlib.h>

#include "export/assets.h"
#include "export/boxes.h"
#include "export/escape.h"
#include "export/export.h"
#include "export/funcs.h"
#include "export/head.h"
#include "export/palette.h"

#define LEAST 400000	  /* boxes of less than this part of the whole are left out */
#define MAX_BYTES 5000000 /* of nodes and names */
#define MAX_FUNCS 250
#define NAME_CHARS 1000

struct html {
	const struct ft_flame *f;
	struct ft_text *out;
	struct ft_text tmp; /* of cost() */
	__u32 *number;	    /* of a frame in the page, + 1; 0: not in it */
	size_t frame_cnt;
};

/* The estimate of what a node adds; a frame's names come with its first node. */
static size_t cost(void *ctx, const struct ft_flame *f, __u32 node)
{
	const struct ft_flame_node *n = &f->node[node];
	struct html *h = ctx;
	size_t sz = f->differs ? 60 : 32;

	if (h->number[n->frame])
		return sz;
	h->number[n->frame] = 1;
	h->tmp.len = 0;
	ft_esc_add(&h->tmp, FT_ESC_JSON, f->frame[n->frame].name, NAME_CHARS);
	ft_esc_add_tail(&h->tmp, FT_ESC_JSON, f->frame[n->frame].file, NAME_CHARS);
	return sz + h->tmp.len + 30;
}

static void add_string(struct html *h, const char *s, bool tail)
{
	ft_text_add(h->out, "\"");
	if (tail)
		ft_esc_add_tail(h->out, FT_ESC_JSON, s, NAME_CHARS);
	else
		ft_esc_add(h->out, FT_ESC_JSON, s, NAME_CHARS);
	ft_text_add(h->out, "\"");
}

/* Marks a frame as part of the page; *order lists them. */
static void use(struct html *h, __u32 frame, __u32 *order)
{
	if (h->number[frame])
		return;
	order[h->frame_cnt++] = frame;
	h->number[frame] = (__u32)h->frame_cnt;
}

static void add_frames(struct html *h, const __u32 *order)
{
	const struct ft_frame *fr;
	size_t i;

	ft_text_add(h->out, "\"frames\":[");
	for (i = 0; i < h->frame_cnt; i++) {
		fr = &h->f->frame[order[i]];
		ft_text_printf(h->out, "%s%u,", i ? ",\n" : "", fr->kind);
		add_string(h, fr->name, false);
		ft_text_add(h->out, ",");
		add_string(h, fr->file, true);
		ft_text_printf(h->out, ",%u,%u", fr->line, ft_pal_tint_of(fr));
	}
	ft_text_add(h->out, "],\n");
}

static void add_nodes(struct html *h, const struct ft_boxes *b)
{
	const struct ft_flame_node *n;
	size_t i;

	ft_text_add(h->out, "\"nodes\":[");
	for (i = 0; i < b->cnt; i++) {
		n = &h->f->node[b->box[i].node];
		ft_text_printf(h->out, "%s%u,%u,%llu,%llu", i ? ",\n" : "", b->box[i].depth,
			       i ? h->number[n->frame] - 1 : 0, (unsigned long long)n->total_ns,
			       (unsigned long long)n->self_ns);
		if (h->f->differs)
			ft_text_printf(h->out, ",%llu,%llu", (unsigned long long)n->base_ns,
				       (unsigned long long)n->base_self_ns);
	}
	ft_text_add(h->out, "],\n");
}

static void add_funcs(struct html *h, const struct ft_func_row *row, size_t cnt)
{
	size_t i;

	ft_text_add(h->out, "\"funcs\":[");
	for (i = 0; i < cnt; i++) {
		ft_text_printf(h->out, "%s%u,%llu,%llu", i ? ",\n" : "",
			       h->number[row[i].frame] - 1, (unsigned long long)row[i].self_ns,
			       (unsigned long long)row[i].total_ns);
		if (h->f->differs)
			ft_text_printf(h->out, ",%llu,%llu",
				       (unsigned long long)row[i].base_self_ns,
				       (unsigned long long)row[i].base_ns);
	}
	ft_text_add(h->out, "]}\n");
}

static int add_data(struct html *h, const struct ft_boxes *b)
{
	struct ft_func_row *row = NULL;
	size_t i, row_cnt = 0, frames = h->f->frame_cnt;
	__u32 *order = NULL;
	int err;

	err = ft_funcs_build(h->f, MAX_FUNCS, &row, &row_cnt);
	if (err)
		goto out;
	err = -ENOMEM;
	order = calloc(frames ? frames : 1, sizeof(*order));
	if (!order)
		goto out;
	for (i = 0; i < frames; i++)
		h->number[i] = 0; /* cost() has used it */
	for (i = 1; i < b->cnt; i++)
		use(h, h->f->node[b->box[i].node].frame, order);
	for (i = 0; i < row_cnt; i++)
		use(h, row[i].frame, order);
	ft_text_printf(h->out, "{\"differs\":%s,\n", h->f->differs ? "true" : "false");
	add_frames(h, order);
	add_nodes(h, b);
	add_funcs(h, row, row_cnt);
	err = 0;
out:
	free(order);
	free(row);
	return err;
}

static void add_style(struct html *h)
{
	struct ft_text *out = h->out;

	ft_text_add(out, "<style>\n");
	ft_text_add(out, ft_asset_html_css);
	ft_text_add(out, ":root{");
	ft_pal_vars(out, false);
	ft_text_add(out, "}\n@media (prefers-color-scheme:dark){:root:not([data-theme=light]){");
	ft_pal_vars(out, true);
	ft_text_add(out, "}}\n:root[data-theme=dark]{");
	ft_pal_vars(out, true);
	ft_text_add(out, "}\n</style>\n");
}

static void add_page_head(struct html *h)
{
	struct ft_text *out = h->out;

	ft_text_add(out,
		    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		    "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
		    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
		    "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
	ft_head_title(h->f, out);
	if (h->f->info) {
		ft_text_add(out, ": ");
		ft_head_target(h->f, out);
	}
	ft_text_add(out, "</title>\n");
	add_style(h);
	ft_text_add(out, "</head>\n");
}

static void add_page_body(struct html *h, const struct ft_boxes *b)
{
	struct ft_text *out = h->out;

	ft_text_add(out, "<body>\n<header>\n<h1>");
	ft_head_title(h->f, out);
	ft_text_add(out, "</h1>\n<p id=\"facts\"><b>");
	ft_head_target(h->f, out);
	ft_text_add(out, h->f->info ? "</b> \xc2\xb7 " : "</b>");
	ft_head_facts(h->f, out);
	ft_text_add(out, "</p>\n");
	if (h->f->info && h->f->info->cmdline[0]) {
		ft_text_add(out, "<p id=\"command\"><code>");
		ft_esc_add(out, FT_ESC_XML, h->f->info->cmdline, FT_ESC_ALL);
		ft_text_add(out, "</code></p>\n");
	}
	ft_text_add(out, "<p id=\"hidden\">");
	ft_head_hidden(h->f, b, out);
	ft_text_add(out, "</p>\n</header>\n<noscript><p>This page draws with a script, which is "
			 "switched off here. The same graph as .svg shows without.</p></noscript>\n"
			 "<main id=\"main\"></main>\n");
}

int ft_export_html(const struct ft_flame *f, struct ft_text *out)
{
	struct html h = {.f = f, .out = out};
	struct ft_box_opts o = {.max_bytes = MAX_BYTES, .gone = f->differs, .cost = cost};
	struct ft_boxes b = {0};
	int err = -ENOMEM;

	o.ctx = &h;
	o.min_ns = f->total_ns / LEAST;
	h.number = calloc(f->frame_cnt ? f->frame_cnt : 1, sizeof(*h.number));
	if (!h.number)
		goto out;
	err = ft_boxes_build(f, &o, &b);
	if (!err)
		err = h.tmp.err;
	if (err)
		goto out;
	add_page_head(&h);
	add_page_body(&h, &b);
	ft_text_add(out, "<script type=\"application/json\" id=\"data\">\n");
	err = add_data(&h, &b);
	if (err)
		goto out;
	ft_text_add(out, "</script>\n<script>\n");
	ft_text_add(out, ft_asset_core_js);
	ft_text_add(out, ft_asset_parts_js);
	ft_text_add(out, ft_asset_flame_js);
	ft_text_add(out, ft_asset_html_js);
	ft_text_add(out, "</script>\n</body>\n</html>\n");
	err = out->err;
out:
	free(h.number);
	ft_text_free(&h.tmp);
	ft_boxes_free(&b);
	return err;
}
