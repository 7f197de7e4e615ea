/* SPDX-License-Identifier: BSD-2-Clause */
/* The heaviest functions in the text report, and how good the stacks are that tell of them. */
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "view/report_flow.h"
#include "view/report_text.h"

#define NUM 32
#define BOLD "\x1b[1m"
#define DIM "\x1b[2m"
#define RESET "\x1b[0m"
#define ROWS_MAX 5
#define NOTABLE 0.01   /* of the threads' time: below it a question has no table */
#define ROW_SHARE 0.01 /* of the table's time: below it a function has no row */
#define FIGURE_COLS 14 /* the indent, "100%", "12.3s", and the gap behind */
#define NAME_MIN 8

static const char *const headings[FT_FUNCS_CNT] = {
	[FT_FUNCS_ON_CPU] = "on cores,",
	[FT_FUNCS_GIL_WAIT] = "waiting for the GIL,",
	[FT_FUNCS_GIL_BLAME] = "holding the GIL while others waited,",
};

static int rows_of(const struct ft_func_list *l)
{
	int n = 0;

	while (n < l->cnt && n < ROWS_MAX && ft_share(l->func[n].self_ns, l->total_ns) >= ROW_SHARE)
		n++;
	return n;
}

static bool has_table(const struct ft_model *m, const struct ft_func_list *l)
{
	return ft_share(l->total_ns, m->all.lifetime_ns) >= NOTABLE && (rows_of(l) || l->mark_cnt);
}

/* Safe to print, in full. */
static void safe_name(struct ft_text *to, const char *s, bool ascii)
{
	ft_safe_text(to, s, FT_WIDTH_MAX, ascii);
}

/* The last `cols` columns of what ft_safe_text() made. */
static const char *tail(const char *s, size_t cols)
{
	size_t skip = ft_text_cols(s);

	for (skip = skip > cols ? skip - cols : 0; *s; s++) {
		if (((unsigned char)*s & 0xc0) == 0x80)
			continue;
		if (!skip--)
			break;
	}
	return s;
}

/*
 * Where a function is, in at most `cols` columns. Of a long path the end stays, from a directory's
 * name on if one fits: that tells files apart that have the same name.
 */
static void put_place(struct ft_text *out, const struct ft_func *fn, size_t cols, bool ascii)
{
	const char *dots = ascii ? "..." : "…", *from, *slash;
	struct ft_text file = {0};
	char line[16] = "";
	size_t room;

	if (fn->line)
		snprintf(line, sizeof(line), ":%u", fn->line);
	safe_name(&file, fn->file, ascii);
	if (file.err || strlen(line) + 4 > cols) {
		out->err = out->err ? out->err : file.err;
		goto out;
	}
	room = cols - strlen(line);
	from = file.s ? file.s : "";
	if (ft_text_cols(from) > room) {
		from = tail(from, room - ft_text_cols(dots));
		slash = strchr(from, '/');
		ft_text_add(out, dots);
		if (slash && slash[1])
			from = slash;
	}
	if (*from) {
		ft_text_add(out, from);
		ft_text_add(out, line);
	}
out:
	ft_text_free(&file);
}

static void put_row(struct ft_text *out, const struct ft_func_list *l, const struct ft_func *fn,
		    int name_cols, int width, const struct ft_report_opts *o)
{
	struct ft_text name = {0};
	char num[NUM];
	int cols = 0;

	ft_text_printf(out, "  %3.0f%% %5s  ", 100 * ft_share(fn->self_ns, l->total_ns),
		       ft_report_seconds(fn->self_ns, num, sizeof(num)));
	ft_safe_text(&name, fn->name, (size_t)name_cols, o->ascii);
	if (name.err)
		out->err = out->err ? out->err : name.err;
	if (name.s && !name.err) {
		ft_text_add(out, name.s);
		cols = (int)ft_text_cols(name.s);
	}
	ft_text_free(&name);
	if (fn->file[0]) {
		ft_text_pad(out, ' ', (size_t)(name_cols - cols + 2));
		if (o->color)
			ft_text_add(out, DIM);
		put_place(out, fn, (size_t)(width - FIGURE_COLS - name_cols - 2), o->ascii);
		if (o->color)
			ft_text_add(out, RESET);
	}
	ft_text_add(out, "\n");
}

static void put_table(struct ft_text *out, const struct ft_func_list *l, const char *heading,
		      int name_cols, const struct ft_report_opts *o)
{
	int width = ft_report_width(o->width), i;
	struct ft_flow f;
	char num[NUM];

	if (o->color)
		ft_text_add(out, DIM);
	ft_flow_begin(&f, out, width, o->ascii, 4);
	ft_flow_item(&f, 0, " ");
	ft_flow_words(&f, heading);
	ft_flow_item(&f, 1, ft_report_seconds(l->total_ns, num, sizeof(num)));
	if (o->color)
		ft_text_add(out, RESET);
	ft_flow_end(&f);
	for (i = 0; i < rows_of(l); i++)
		put_row(out, l, &l->func[i], name_cols, width, o);
	for (i = 0; i < l->mark_cnt; i++)
		if (ft_share(l->mark[i].self_ns, l->total_ns) >= ROW_SHARE)
			put_row(out, l, &l->mark[i], width - FIGURE_COLS, width, o);
}

/* One width for all tables, so that the places stand below each other. */
static int names_width(const struct ft_model *m, const struct ft_func_lists *fn,
		       const struct ft_report_opts *o)
{
	int max = (ft_report_width(o->width) - FIGURE_COLS) / 2, longest = NAME_MIN, i, k, cols;

	for (i = 0; i < FT_FUNCS_CNT; i++) {
		const struct ft_func_list *l = &fn->list[i];

		for (k = 0; has_table(m, l) && k < rows_of(l); k++) {
			cols = (int)ft_text_cols(l->func[k].name);
			if (cols > longest)
				longest = cols;
		}
	}
	return longest < max ? longest : max;
}

static void percent(double share, char buf[NUM])
{
	double p = 100 * share;

	if (p > 0 && p < 0.01)
		snprintf(buf, NUM, "<0.01 %%");
	else
		snprintf(buf, NUM, "%.*f %%", p >= 9.95 || p <= 0 ? 0 : p >= 0.095 ? 1 : 2, p);
}

/* How many stacks there are, and which of them do not tell all. */
static void put_errors(struct ft_flow *f, const struct ft_stack_quality *q)
{
	char num[NUM], p[NUM];
	const char *sep = "(";
	int i, left = 0;

	for (i = 0; i < FT_PM_CNT; i++)
		left += q->by_mark[i] != 0;
	if (!q->errors) {
		ft_flow_printf(f, 1, "%s stacks, none with an error.",
			       ft_format_count(q->walked, num, sizeof(num)));
		return;
	}
	percent(ft_share(q->errors, q->walked), p);
	ft_flow_item(f, 1, p);
	ft_flow_printf(f, 1, "of %s stacks have an error",
		       ft_format_count(q->walked, num, sizeof(num)));
	for (i = 0; i < FT_PM_CNT; i++) {
		if (!q->by_mark[i])
			continue;
		left--;
		ft_flow_printf(f, 1, "%s%s %s%s", sep, ft_pymark_words((enum ft_pymark)i),
			       ft_format_count(q->by_mark[i], num, sizeof(num)), left ? "," : ").");
		sep = "";
	}
}

/* The libraries in which native stacks end, in one sentence. */
static void put_cuts(struct ft_text *out, const char *lines, const struct ft_report_opts *o)
{
	char line[FT_SITES_LEN];
	struct ft_flow f;
	size_t len;

	lines += strspn(lines, "\n");
	if (!*lines)
		return;
	ft_flow_begin(&f, out, ft_report_width(o->width), o->ascii, 2);
	ft_flow_item(&f, 0, " ");
	ft_flow_words(&f, "Native stacks end early, for want of frame pointers, in");
	while (*lines) {
		const char *next;

		len = strcspn(lines, "\n");
		next = lines + len + strspn(lines + len, "\n");
		snprintf(line, sizeof(line), "%.*s%s", (int)len, lines, *next ? "," : ".");
		ft_flow_words(&f, line);
		lines = next;
	}
	ft_flow_end(&f);
}

static void put_quality(struct ft_text *out, const struct ft_model *m, double factor,
			const struct ft_report_opts *o)
{
	const struct ft_totals *tot = m->totals;
	struct ft_stack_quality q;
	char num[NUM], p[NUM];
	struct ft_flow f;

	ft_stack_quality(m, &q);
	ft_flow_begin(&f, out, ft_report_width(o->width), o->ascii, 2);
	ft_flow_item(&f, 0, " ");
	put_errors(&f, &q);
	if (q.truncated) {
		percent(ft_share(q.truncated, q.walked), p);
		ft_flow_printf(&f, 1, "%s are deeper than %d frames.", p, FT_PY_DEPTH);
	}
	if (q.walked_share < 0.995) {
		percent(q.walked_share, p);
		ft_flow_printf(&f, 1, "%s of the switches were sampled,", p);
		ft_flow_words(&f, "the others counted with them.");
	}
	if (factor > 0)
		ft_flow_printf(&f, 1, "Ticks saw %.0f %% of the waits under a holder on a core.",
			       100 / factor < 99999 ? 100 / factor : 99999);
	if (tot->sums.cnt[FT_CN_STACK_FULL]) {
		ft_flow_item(&f, 1, "No room for more:");
		ft_flow_printf(&f, 1, "%s times the stack was not kept.",
			       ft_format_count(tot->sums.cnt[FT_CN_STACK_FULL], num, sizeof(num)));
	}
	if (tot->stacks_undescribed)
		ft_flow_printf(&f, 1, "%s stacks lost their description.",
			       ft_format_count(tot->stacks_undescribed, num, sizeof(num)));
	if (tot->stacks_unnamed)
		ft_flow_printf(&f, 1, "%s frames have no name.",
			       ft_format_count(tot->stacks_unnamed, num, sizeof(num)));
	ft_flow_end(&f);
	put_cuts(out, m->info->cut, o);
}

void ft_report_funcs(struct ft_text *out, const struct ft_model *m, const struct ft_func_lists *fn,
		     const struct ft_report_opts *o)
{
	bool blamed = has_table(m, &fn->list[FT_FUNCS_GIL_BLAME]);
	int name_cols, i;

	if (!fn->present)
		return;
	ft_text_printf(out, "\n%sTOP FUNCTIONS%s\n", o->color ? BOLD : "", o->color ? RESET : "");
	name_cols = names_width(m, fn, o);
	for (i = 0; i < FT_FUNCS_CNT; i++)
		if (has_table(m, &fn->list[i]))
			put_table(out, &fn->list[i], headings[i], name_cols, o);
	put_quality(out, m, blamed ? fn->list[FT_FUNCS_GIL_BLAME].factor : 0, o);
}
