/* SPDX-License-Identifier: BSD-2-Clause */
/* The thread table of the text report: as many columns as the width has room for. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/units.h"
#include "view/report_flow.h"
#include "view/report_text.h"

#define NUM 32
#define BOLD "\x1b[1m"
#define DIM "\x1b[2m"
#define RESET "\x1b[0m"
#define CELL_COLS 11 /* a space, "12.3s", " 100%" */
#define TID_COLS 8   /* with its gap */
#define NAME_MIN 14
#define BAR_MIN 10
#define BAR_MAX 40
#define ROWS_MAX 20   /* without --threads */
#define NOTABLE 0.005 /* of the time: below it nothing gets a column or a mention */

/* A state in a table: the heading of its column, and its mark and colour in a bar. */
struct look {
	const char *head;
	const char *mark;
	const char *ascii;
	int color; /* of 256, safe for the colour-blind */
};

static const struct look looks[FT_R_CNT + 1] = {
	[FT_R_ON_GIL] = {"Python", "█", "#", 36},
	[FT_R_ON_FREE] = {"native", "▓", "=", 74},
	[FT_R_ON_SPIN] = {"spins", "s", "s", 208},
	[FT_R_GIL_WAIT] = {"waits GIL", "g", "g", 202},
	[FT_R_GIL_SWITCH] = {"hands over", "h", "h", 173},
	[FT_R_LOCK_WAIT] = {"waits lock", "l", "l", 175},
	[FT_R_SYNC_WAIT] = {"own locks", "y", "y", 247},
	[FT_R_STW] = {"paused", "p", "p", 220},
	[FT_R_RUNQ] = {"waits core", "c", "c", 214},
	[FT_R_BLOCKED] = {"asleep", "·", ".", 242},
	[FT_R_FAULT] = {"page fault", "f", "f", 139},
	[FT_R_STOPPED] = {"stopped", "t", "t", 139},
	[FT_R_CNT] = {"unaccounted", "?", "?", 196},
};

struct table {
	struct ft_text *out;
	const struct ft_model *m;
	const struct ft_report_opts *o;
	int width;
	int name_cols;
	bool tids;
	size_t cell_cnt;
	enum ft_rstate cells[FT_R_CNT]; /* in the order of the states */
	int bar_cols;			/* 0: no room */
	bool used[FT_R_CNT + 1];	/* states that a bar shows, for the legend */
};

static struct look look_of(const struct table *tb, size_t state)
{
	struct look l = looks[state];

	/* without a GIL there is one way to run, and it looks like running */
	if (state == FT_R_ON_FREE && !tb->m->gil_present) {
		l = looks[FT_R_ON_GIL];
		l.head = "running";
	}
	return l;
}

static __u64 unaccounted(const struct ft_mthread *t)
{
	return t->residual_ns > 0 ? (__u64)t->residual_ns : 0;
}

static bool notable(__u64 ns, const struct ft_mthread *t)
{
	return ft_share(ns, t->lifetime_ns) >= NOTABLE;
}

/* How much a state's column is worth: sleep of the program's own choosing less than the rest. */
static double rank(const __u64 ns[FT_R_CNT], size_t state)
{
	bool asleep = state == FT_R_SYNC_WAIT || state >= FT_R_BLOCKED;

	return (double)ns[state] * (asleep ? 1 : 4);
}

/*
 * Columns for what the threads ran most and for the GIL, which the report is about, then for the
 * states with the most time: an idle main thread or pool must not push out what kept the others
 * from running. The bars show them all.
 */
static void choose_cells(struct table *tb, size_t max)
{
	const struct ft_mthread *all = &tb->m->all;
	const __u64 *ns = all->state_ns;
	bool pick[FT_R_CNT] = {false};
	size_t n = 0, i;

	i = ns[FT_R_ON_FREE] > ns[FT_R_ON_GIL] ? FT_R_ON_FREE : FT_R_ON_GIL;
	if (ns[i] && n < max) {
		pick[i] = true;
		n++;
	}
	if (notable(ns[FT_R_GIL_WAIT], all) && n < max) {
		pick[FT_R_GIL_WAIT] = true;
		n++;
	}
	for (; n < max; n++) {
		size_t best = FT_R_CNT;

		for (i = 0; i < FT_R_CNT; i++)
			if (!pick[i] && ns[i] && (best == FT_R_CNT || rank(ns, i) > rank(ns, best)))
				best = i;
		if (best == FT_R_CNT || (n > 0 && !notable(all->state_ns[best], all)))
			break;
		pick[best] = true;
	}
	for (i = 0; i < FT_R_CNT; i++)
		if (pick[i])
			tb->cells[tb->cell_cnt++] = (enum ft_rstate)i;
}

static void lay_out(struct table *tb)
{
	const struct ft_model *m = tb->m;
	int longest = (int)strlen("all threads"), room, cells;
	size_t i;

	for (i = 0; i < m->group_cnt; i++) {
		int len = (int)ft_text_cols(m->groups[i].name);

		if (len > longest)
			longest = len;
	}
	/* the indent of an opened group's threads */
	if (tb->o->threads)
		longest += 2;
	tb->width = ft_report_width(tb->o->width);
	tb->name_cols = tb->width / 4;
	if (tb->name_cols < NAME_MIN)
		tb->name_cols = NAME_MIN;
	if (tb->name_cols > longest)
		tb->name_cols = longest;
	tb->tids = tb->width >= 60;
	room = tb->width - 2 - tb->name_cols - (tb->tids ? TID_COLS : 0);
	cells = (room - (tb->width >= 60 ? 2 + BAR_MIN : 0)) / CELL_COLS;
	choose_cells(tb, cells > 0 ? (size_t)cells : 1);
	tb->bar_cols = room - (int)tb->cell_cnt * CELL_COLS - 2;
	if (tb->bar_cols < BAR_MIN)
		tb->bar_cols = 0;
	if (tb->bar_cols > BAR_MAX)
		tb->bar_cols = BAR_MAX;
}

static void put_cell(struct table *tb, const struct ft_mthread *t, enum ft_rstate state)
{
	__u64 ns = t->state_ns[state];
	double p = 100 * ft_share(ns, t->lifetime_ns);
	char num[NUM];

	if (!ns) {
		ft_text_printf(tb->out, "%*s", CELL_COLS, "-");
		return;
	}
	if (p > 100)
		p = 100;
	ft_text_printf(tb->out, "%*s", CELL_COLS - 5, ft_report_seconds(ns, num, sizeof(num)));
	if (p > 0 && p < 0.5)
		ft_text_add(tb->out, "  <1%");
	else
		ft_text_printf(tb->out, "%4.0f%%", p);
}

/* Deals the bar's columns out by largest remainder, so that they add up. */
static void put_bar(struct table *tb, const struct ft_mthread *t)
{
	int cols[FT_R_CNT + 1] = {0}, left = tb->bar_cols, i;
	double frac[FT_R_CNT + 1], sum = (double)unaccounted(t), part;
	__u64 ns[FT_R_CNT + 1];

	for (i = 0; i < FT_R_CNT; i++) {
		ns[i] = t->state_ns[i];
		sum += (double)ns[i];
	}
	ns[FT_R_CNT] = unaccounted(t);
	if (sum <= 0)
		return;
	for (i = 0; i <= FT_R_CNT; i++) {
		part = (double)ns[i] / sum * tb->bar_cols;
		cols[i] = (int)part;
		frac[i] = part - cols[i];
		left -= cols[i];
	}
	for (; left > 0; left--) {
		int best = 0;

		for (i = 1; i <= FT_R_CNT; i++)
			if (frac[i] > frac[best])
				best = i;
		cols[best]++;
		frac[best] = -1;
	}
	ft_text_add(tb->out, "  ");
	for (i = 0; i <= FT_R_CNT; i++) {
		struct look l = look_of(tb, (size_t)i);

		if (cols[i] <= 0)
			continue;
		tb->used[i] = true;
		if (tb->o->color)
			ft_text_printf(tb->out, "\x1b[38;5;%dm", l.color);
		for (; cols[i] > 0; cols[i]--)
			ft_text_add(tb->out, tb->o->ascii ? l.ascii : l.mark);
		if (tb->o->color)
			ft_text_add(tb->out, RESET);
	}
}

/*
 * A name in its column. `tail` bytes of it (" x40", " (main)", " (native)") are the report's own
 * and stay when the rest is cut.
 */
static void put_name(struct table *tb, const char *name, size_t tail, int indent)
{
	int room = tb->name_cols - indent - (int)tail, cols = 0;
	struct ft_text raw = {0}, safe = {0};
	size_t len = strlen(name);

	ft_text_addn(&raw, name, len - tail);
	if (!raw.err && raw.s && room > 0)
		ft_safe_text(&safe, raw.s, (size_t)room, tb->o->ascii);
	ft_text_add(&safe, name + len - tail);
	if (raw.err || safe.err)
		tb->out->err = tb->out->err ? tb->out->err : -ENOMEM;
	ft_text_pad(tb->out, ' ', (size_t)(2 + indent));
	if (safe.s) {
		ft_text_addn(tb->out, safe.s, safe.len);
		cols = (int)ft_text_cols(safe.s);
	}
	if (cols < tb->name_cols - indent)
		ft_text_pad(tb->out, ' ', (size_t)(tb->name_cols - indent - cols));
	ft_text_free(&raw);
	ft_text_free(&safe);
}

static void put_row(struct table *tb, const char *name, size_t tail, int indent, __u32 tid,
		    const struct ft_mthread *t)
{
	size_t i;

	put_name(tb, name, tail, indent);
	/* the kernel's limit is 4,194,304 */
	if (tb->tids && tid && tid < 10000000)
		ft_text_printf(tb->out, "%*u", TID_COLS, tid);
	else if (tb->tids)
		ft_text_pad(tb->out, ' ', TID_COLS);
	for (i = 0; i < tb->cell_cnt; i++)
		put_cell(tb, t, tb->cells[i]);
	if (tb->bar_cols)
		put_bar(tb, t);
	ft_text_add(tb->out, "\n");
}

static void put_heading(struct table *tb)
{
	size_t i;

	if (tb->o->color)
		ft_text_add(tb->out, BOLD);
	ft_text_add(tb->out, "\nTHREADS");
	if (tb->o->color)
		ft_text_add(tb->out, RESET);
	ft_text_pad(tb->out, ' ', (size_t)(tb->name_cols + 2 - 7));
	if (tb->o->color)
		ft_text_add(tb->out, DIM);
	if (tb->tids)
		ft_text_printf(tb->out, "%*s", TID_COLS, "tid");
	for (i = 0; i < tb->cell_cnt; i++)
		ft_text_printf(tb->out, "%*s", CELL_COLS, look_of(tb, tb->cells[i]).head);
	if (tb->o->color)
		ft_text_add(tb->out, RESET);
	ft_text_add(tb->out, "\n");
}

static void put_legend(struct table *tb)
{
	struct ft_flow f;
	size_t i;

	if (!tb->bar_cols)
		return;
	ft_flow_begin(&f, tb->out, tb->width, tb->o->ascii, 2);
	ft_flow_item(&f, 0, " ");
	for (i = 0; i <= FT_R_CNT; i++) {
		struct look l = look_of(tb, i);
		const char *words =
			i == FT_R_CNT ? "unaccounted"
				      : ft_rstate_words((enum ft_rstate)i, tb->m->gil_present);

		if (!tb->used[i])
			continue;
		ft_flow_printf(&f, 2, "%s %s", tb->o->ascii ? l.ascii : l.mark, words);
	}
	ft_flow_end(&f);
}

static bool is_cell(const struct table *tb, size_t state)
{
	size_t i;

	for (i = 0; i < tb->cell_cnt; i++)
		if (tb->cells[i] == state)
			return true;
	return false;
}

/* What the columns leave out, and how good the on-core split is. */
static void put_notes(struct table *tb)
{
	const struct ft_mthread *all = &tb->m->all;
	char num[NUM], count[NUM];
	struct ft_flow f;
	bool any = false;
	double err;
	size_t i;

	ft_flow_begin(&f, tb->out, tb->width, tb->o->ascii, 2);
	for (i = 0; i <= FT_R_CNT; i++) {
		__u64 ns = i < FT_R_CNT ? all->state_ns[i] : unaccounted(all);
		const char *words = i < FT_R_CNT
					    ? ft_rstate_words((enum ft_rstate)i, tb->m->gil_present)
					    : "unaccounted";

		if (is_cell(tb, i) || !notable(ns, all))
			continue;
		ft_flow_item(&f, 0, any ? "" : "  also:");
		ft_flow_printf(&f, any ? 2 : 1, "%s %s (%.1f%%)", words,
			       ft_report_seconds(ns, num, sizeof(num)),
			       100 * ft_share(ns, all->lifetime_ns));
		any = true;
	}
	ft_flow_end(&f);
	if (!all->on_ns || !(tb->m->gil_present || all->state_ns[FT_R_ON_SPIN]))
		return;
	err = 100 * ft_share(all->on_split_err_ns, all->on_ns);
	ft_flow_begin(&f, tb->out, tb->width, tb->o->ascii, 2);
	ft_flow_item(&f, 0, " ");
	if (!all->ticks && err > 50) {
		ft_flow_words(&f, tb->m->gil_present
					  ? "The split between Python and native is not known:"
					  : "The split between running and spinning is not known:");
		ft_flow_words(&f, "no timer tick came while a thread ran.");
		ft_flow_end(&f);
		return;
	}
	ft_flow_words(&f, tb->m->gil_present ? "The split between Python and native is good to"
					     : "The split between running and spinning is good to");
	ft_flow_printf(&f, 1, "%s %.2g %%", tb->o->ascii ? "+-" : "±", err);
	ft_flow_words(&f, "of the time on cores");
	ft_flow_printf(&f, 1, "(%s ticks).", ft_format_count(all->ticks, count, sizeof(count)));
	ft_flow_end(&f);
}

void ft_report_threads(struct ft_text *out, const struct ft_model *m,
		       const struct ft_report_opts *o)
{
	struct table tb = {.out = out, .m = m, .o = o};
	size_t rows = m->group_cnt, i;
	char num[NUM];
	__u32 k;

	if (!m->thread_cnt)
		return;
	lay_out(&tb);
	put_heading(&tb);
	if (!o->threads && rows > ROWS_MAX)
		rows = ROWS_MAX;
	for (i = 0; i < rows; i++) {
		const struct ft_mgroup *g = &m->groups[i];

		put_row(&tb, g->name, g->tail, 0, g->cnt == 1 ? g->sum.tid : 0, &g->sum);
		if (!o->threads || g->cnt == 1)
			continue;
		for (k = g->first; k < g->first + g->cnt && k < m->thread_cnt; k++)
			put_row(&tb, m->threads[k].name, 0, 2, m->threads[k].tid, &m->threads[k]);
	}
	if (rows < m->group_cnt)
		ft_text_printf(out, "  ... and %s more rows: --threads\n",
			       ft_format_count(m->group_cnt - rows, num, sizeof(num)));
	if (m->thread_cnt > 1)
		put_row(&tb, "all threads", 0, 0, 0, &m->all);
	put_legend(&tb);
	put_notes(&tb);
}
