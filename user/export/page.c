/* SPDX-License-Identifier: BSD-2-Clause */
/* The page: its words, style, script, JSON and blobs in their places. */
#include "export/page.h"

#include <errno.h>
#include <string.h>

#include "export/assets.h"
#include "export/escape.h"
#include "export/page_priv.h"
#include "export/palette.h"
#include "view/report_text.h"

#define PAGE_BYTES 10000000u /* that a page aims at; it is never more than half as much again */
#define NAME_CHARS 80
#define WIDE 1000

static const char *const engine[] = {"passive", "probes", "passive and probes"};

static void put(struct ft_sink *out, const struct ft_text *t)
{
	if (t->len)
		ft_sink_add(out, t->s, t->len);
}

static void name_of(const struct ft_session_info *info, struct ft_text *t)
{
	if (info->name[0])
		ft_esc_add(t, FT_ESC_XML, info->name, NAME_CHARS);
	else
		ft_text_printf(t, "pid %u", info->pid);
}

static void add_head(const struct ft_page_side *side, int cnt, struct ft_text *t)
{
	ft_text_add(t, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		       "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		       "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
		       "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
		       "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
	for (int i = 0; i < cnt; i++) {
		if (i)
			ft_text_add(t, " and ");
		name_of(side[i].m->info, t);
	}
	ft_text_add(t, " \xe2\x80\x93 ftprof</title>\n<style>\n");
	ft_text_add(t, ft_asset_html_css);
	ft_text_add(t, ":root{");
	ft_pal_vars(t, false);
	ft_text_add(t, "}\n@media (prefers-color-scheme:dark){:root:not([data-theme=light]){");
	ft_pal_vars(t, true);
	ft_text_add(t, "}}\n:root[data-theme=dark]{");
	ft_pal_vars(t, true);
	ft_text_add(t, "}\n");
	ft_text_add(t, ft_asset_page_css);
	ft_text_add(t, "</style>\n</head>\n<body>\n");
}

/* The lines of a text, a paragraph each. */
static void add_lines(struct ft_text *t, const char *s)
{
	size_t n;

	for (; s && *s; s += n + (s[n] == '\n')) {
		struct ft_text line = {0};

		n = strcspn(s, "\n");
		if (!n)
			continue;
		ft_text_addn(&line, s, n);
		ft_text_add(t, "<p>");
		if (line.s)
			ft_esc_add(t, FT_ESC_XML, line.s, FT_ESC_ALL);
		ft_text_add(t, "</p>\n");
		if (line.err)
			t->err = line.err;
		ft_text_free(&line);
	}
}

/* The answer, and what was measured, in words; the script leaves it as it is. */
static void add_words(const struct ft_page_side *side, bool alone, struct ft_text *t)
{
	const struct ft_report_opts o = {.width = WIDE};
	const struct ft_session_info *info = side->m->info;
	struct ft_text text = {0};

	ft_report_verdict(&text, side->m, &o);
	ft_text_printf(t, "<section class=\"side\" data-verdict=\"%s\">\n%s",
		       ft_verdict_name(side->m->verdict.kind), alone ? "<h1>" : "<h2>");
	name_of(info, t);
	ft_text_add(t, alone ? "</h1>\n<div class=\"verdict\">\n"
			     : "</h2>\n<div class=\"verdict\">\n");
	add_lines(t, text.s);
	ft_text_add(t, "</div>\n<div class=\"head\">\n");
	text.len = 0;
	ft_report_head(&text, side->m, &o);
	add_lines(t, text.s);
	if (info->engine < sizeof(engine) / sizeof(engine[0]))
		ft_text_printf(t, "<p>Engine: %s</p>\n", engine[info->engine]);
	if (info->cmdline[0]) {
		ft_text_printf(t, "<p%s><code>", alone ? " id=\"command\"" : "");
		ft_esc_add(t, FT_ESC_XML, info->cmdline, FT_ESC_ALL);
		ft_text_add(t, "</code></p>\n");
	}
	ft_text_add(t, "</div>\n</section>\n");
	if (text.err)
		t->err = text.err;
	ft_text_free(&text);
}

/* The report as text, for those whose browser runs no script. */
static void add_plain(const struct ft_page_side *side, int cnt, struct ft_text *t)
{
	const struct ft_report_opts o = {.width = 100};
	struct ft_text text = {0};

	ft_text_add(t,
		    "<noscript><p>This page draws with a script, which is switched off here. The "
		    "report in words:</p>\n");
	for (int i = 0; i < cnt; i++) {
		text.len = 0;
		ft_report_head(&text, side[i].m, &o);
		ft_report_verdict(&text, side[i].m, &o);
		ft_report_threads(&text, side[i].m, &o);
		ft_report_process(&text, side[i].m, &o);
		ft_text_add(t, "<pre>");
		for (const char *s = text.s; s && *s;) {
			size_t n = strcspn(s, "<>&");

			ft_text_addn(t, s, n);
			s += n;
			if (*s)
				ft_text_printf(t, "&#%d;", *s++);
		}
		ft_text_add(t, "</pre>\n");
	}
	ft_text_add(t, "</noscript>\n<main id=\"main\"></main>\n");
	if (text.err)
		t->err = text.err;
	ft_text_free(&text);
}

static void add_script(struct ft_sink *out)
{
	const char *const script[] = {
		ft_asset_core_js,	ft_asset_parts_js,	ft_asset_page_data_js,
		ft_asset_page_lanes_js, ft_asset_page_words_js, ft_asset_page_draw_js,
		ft_asset_page_input_js, ft_asset_page_time_js,	ft_asset_page_pick_js,
		ft_asset_flame_js,	ft_asset_page_flame_js, ft_asset_page_tables_js,
		ft_asset_page_shell_js};

	ft_sink_printf(out, "<script>\n");
	for (size_t i = 0; i < sizeof(script) / sizeof(script[0]); i++)
		ft_sink_add(out, script[i], strlen(script[i]));
	ft_sink_printf(out, "</script>\n</body>\n</html>\n");
}

static void add_data(const struct ft_page_part *part, int cnt, const char *compare,
		     struct ft_sink *out)
{
	static const char *const blob[] = {"threads", "cores", "curves", "samples"};
	struct ft_text t = {0};

	ft_text_add(&t, "<script type=\"application/json\" id=\"data\">\n"
			"{\"format\":1,\n\"compare\":");
	ft_page_json(&t, compare ? compare : "null");
	ft_text_add(&t, ",\n\"sides\":[");
	put(out, &t);
	if (t.err && !out->err)
		out->err = t.err;
	ft_text_free(&t);
	for (int i = 0; i < cnt; i++) {
		ft_sink_printf(out, i ? ",\n" : "");
		put(out, &part[i].json);
	}
	ft_sink_printf(out, "]}\n</script>\n");
	for (int i = 0; i < cnt; i++) {
		for (int k = 0; k < FT_PAGE_BLOBS; k++) {
			ft_sink_printf(out,
				       "<script type=\"application/octet-stream\" id=\"%s%d\">",
				       blob[k], i);
			put(out, &part[i].blob[k]);
			ft_sink_printf(out, "</script>\n");
		}
	}
}

int ft_export_page(const struct ft_page_side *side, int cnt, const struct ft_page_opts *o,
		   struct ft_sink *out)
{
	struct ft_page_part part[2] = {0};
	struct ft_text t = {0};
	int err = 0;

	if (cnt < 1 || cnt > 2)
		return -EINVAL;
	for (int i = 0; i < cnt && !err; i++)
		err = ft_page_part_make(&side[i], o, i, cnt, PAGE_BYTES / (size_t)cnt, &part[i]);
	if (err)
		goto out;
	add_head(side, cnt, &t);
	ft_text_add(&t, cnt > 1 ? "<header>\n<h1>Two sessions compared</h1>\n" : "<header>\n");
	for (int i = 0; i < cnt; i++)
		add_words(&side[i], cnt == 1, &t);
	ft_text_add(&t, "</header>\n");
	add_plain(side, cnt, &t);
	err = t.err;
	if (err)
		goto out;
	put(out, &t);
	add_data(part, cnt, o->compare, out);
	add_script(out);
	err = ft_sink_flush(out);
out:
	for (int i = 0; i < 2; i++)
		ft_page_part_free(&part[i]);
	ft_text_free(&t);
	return err;
}
