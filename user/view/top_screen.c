/* SPDX-License-Identifier: BSD-2-Clause */
/* The live screen: which part gets which rows, and the parts that are a few lines each. */
#include "view/top_screen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "model/scaling.h"
#include "view/report_flow.h"
#include "view/top_parts.h"

#define KEYS_ROW "q quit  ? help  p pause  Enter stack  r record  c g w n t sort  d parts  + - "

void ft_top_heading(const struct ft_top_part *p, int row, const char *words)
{
	ft_top_put(p->g, row, 0, FT_TS_BAR, words, p->g->cols);
	ft_top_paint(p->g, row, 0, p->g->cols, FT_TS_BAR);
}

/* Something two columns behind what stands before, where it fits as a whole. */
static int item(const struct ft_top_part *p, int row, int col, __u8 style, const char *words)
{
	int gap = col ? 2 : 0;

	if (col + gap + (int)ft_text_cols(words) > p->g->cols)
		return col;
	return ft_top_put(p->g, row, col + gap, style, words, p->g->cols);
}

static void put_head(const struct ft_top_part *p, int row)
{
	const struct ft_model *m = p->v->m;
	const struct ft_session_info *info = m->info;
	char buf[128], num[32];
	int col;

	col = ft_top_put(p->g, row, 0, FT_TS_BOLD, info->name[0] ? info->name : "(no name)", 16);
	snprintf(buf, sizeof(buf), "pid %u", info->pid);
	col = item(p, row, col, FT_TS_PLAIN, buf);
	if (p->ui->ended)
		col = item(p, row, col, FT_TS_WARN, "ENDED");
	if (p->ui->paused)
		col = item(p, row, col, FT_TS_WARN, "PAUSED");
	if (info->python[0])
		snprintf(buf, sizeof(buf), "Python %s%s, %s", info->python,
			 info->free_threaded ? "t" : "", ft_gil_words(info->gil));
	else
		snprintf(buf, sizeof(buf), "no Python yet");
	col = item(p, row, col, FT_TS_PLAIN, buf);
	snprintf(buf, sizeof(buf), "%.0f s", (double)p->v->session_ns / 1e9);
	col = item(p, row, col, FT_TS_DIM, buf);
	snprintf(buf, sizeof(buf), "ftprof %.1f %%", 100 * m->self_core_share);
	col = item(p, row, col, FT_TS_DIM, buf);
	snprintf(buf, sizeof(buf), "last %.1f s", (double)m->duration_ns / 1e9);
	col = item(p, row, col, FT_TS_DIM, buf);
	if (p->v->lost) {
		snprintf(buf, sizeof(buf), "%s events lost",
			 ft_format_count(p->v->lost, num, sizeof(num)));
		item(p, row, col, FT_TS_WARN, buf);
	}
}

static __u8 kind_style(enum ft_verdict_kind kind)
{
	switch (kind) {
	case FT_V_PARALLEL:
		return FT_TS_GOOD;
	case FT_V_GIL_BOUND:
	case FT_V_GIL_RETURNED:
	case FT_V_LOCK_BOUND:
	case FT_V_SHARING_BOUND:
	case FT_V_STW_BOUND:
		return FT_TS_BAD;
	default:
		return FT_TS_WARN;
	}
}

/* The verdict's words, as much of them as the rows hold. */
static int put_verdict(const struct ft_top_part *p, int row, int rows)
{
	const char *s = p->v->m->verdict.text, *dot = strstr(s, ". "), *line;
	__u8 style = kind_style(p->v->m->verdict.kind);
	int width = p->g->cols, head = dot ? (int)(dot - s) + 1 : (int)strlen(s), err;
	struct ft_text t = {0};
	struct ft_flow f;

	ft_flow_begin(&f, &t, width < FT_WIDTH_MIN ? FT_WIDTH_MIN : width, p->g->ascii, 0);
	ft_flow_words(&f, s);
	ft_flow_end(&f);
	line = t.s ? t.s : "";
	for (int i = 0; i < rows && *line && !t.err; i++) {
		size_t len = strcspn(line, "\n");
		char *one = strndup(line, len);

		if (!one) {
			t.err = -ENOMEM;
			break;
		}
		ft_top_put(p->g, row + i, 0, FT_TS_PLAIN, one, width);
		line += len + (line[len] == '\n');
		if (*line && i == rows - 1 && width > 4)
			ft_top_put(p->g, row + i, (int)len < width - 3 ? (int)len : width - 3,
				   FT_TS_PLAIN, "...", 3);
		free(one);
	}
	ft_top_paint(p->g, row, 0, head < width ? head : width, style);
	err = t.err;
	ft_text_free(&t);
	return err;
}

static __u32 in_state(const struct ft_window_view *v, enum ft_state state)
{
	__u32 n = 0;

	for (size_t i = 0; i < v->m->thread_cnt; i++)
		n += v->state[v->m->threads[i].thr] == state && !v->m->threads[i].exited;
	return n;
}

/* Threads at a time: seconds a second. */
static double at_a_time(const struct ft_model *m, __u64 ns)
{
	return ft_share(ns, m->duration_ns);
}

static void put_figures(const struct ft_top_part *p, int row)
{
	const struct ft_model *m = p->v->m;
	const __u64 *ns = m->all.state_ns;
	char buf[128];
	int col;

	snprintf(buf, sizeof(buf), "cores %.2f of %u", m->cores_used, m->cores);
	col = item(p, row, 0, FT_TS_BOLD, buf);
	if (m->gil_present) {
		snprintf(buf, sizeof(buf), "GIL wait %.2f s/s", at_a_time(m, m->all.gil_wants_ns));
		col = item(p, row, col, FT_TS_BOLD, buf);
		snprintf(buf, sizeof(buf), "waiting now %u", in_state(p->v, FT_ST_GIL_WAIT));
		col = item(p, row, col, FT_TS_PLAIN, buf);
		snprintf(buf, sizeof(buf), "hand-overs %.0f/s", m->handoffs_per_sec);
		col = item(p, row, col, FT_TS_PLAIN, buf);
		snprintf(buf, sizeof(buf), "held %.0f %%", 100 * at_a_time(m, m->held_ns));
		col = item(p, row, col, FT_TS_PLAIN, buf);
	}
	if (!m->gil_present || ns[FT_R_ON_SPIN]) {
		snprintf(buf, sizeof(buf), "spinning %.2f", at_a_time(m, ns[FT_R_ON_SPIN]));
		col = item(p, row, col, FT_TS_PLAIN, buf);
	}
	if (!m->gil_present) {
		snprintf(buf, sizeof(buf), "lock wait %.2f s/s", at_a_time(m, ns[FT_R_LOCK_WAIT]));
		col = item(p, row, col, FT_TS_PLAIN, buf);
		snprintf(buf, sizeof(buf), "paused %.2f", at_a_time(m, ns[FT_R_STW]));
		col = item(p, row, col, FT_TS_PLAIN, buf);
	}
	snprintf(buf, sizeof(buf), "no core %.2f", at_a_time(m, ns[FT_R_RUNQ]));
	col = item(p, row, col, FT_TS_PLAIN, buf);
	snprintf(buf, sizeof(buf), "idle for the GIL %.2f", m->lost_cores);
	if (m->gil_present)
		col = item(p, row, col, FT_TS_PLAIN, buf);
	snprintf(buf, sizeof(buf), "threads %zu", m->thread_cnt);
	item(p, row, col, FT_TS_PLAIN, buf);
}

static void put_funcs(const struct ft_top_part *p, int row, int rows)
{
	int name = p->g->cols / 2 - 9, longest = 8, cols;
	size_t i;

	ft_top_heading(p, row++, "TOP FUNCTIONS on cores");
	for (i = 0; i < p->v->func_cnt && (int)i < rows - 1; i++) {
		cols = (int)ft_text_cols(p->v->func[i].name);
		longest = cols > longest ? cols : longest;
	}
	name = longest < name ? longest : name > 8 ? name : 8;
	for (i = 0; i < p->v->func_cnt && (int)i < rows - 1; i++, row++) {
		const struct ft_window_func *f = &p->v->func[i];
		char line[16] = "";
		int col = 9 + name + 2, room;
		const char *file = f->file;

		ft_top_printf(p->g, row, 0, FT_TS_PLAIN, "%6.1f%%",
			      100 * ft_share(f->self_ns, p->v->func_total_ns));
		ft_top_put(p->g, row, 9, FT_TS_PLAIN, f->name, name);
		if (f->line)
			snprintf(line, sizeof(line), ":%u", f->line);
		room = p->g->cols - col - (int)strlen(line);
		if (room < 4 || !*file)
			continue;
		/* the end of a path tells more; it begins with a whole name where one fits */
		if ((int)strlen(file) > room) {
			const char *part = strchr(file + strlen(file) - (size_t)room, '/');

			file = part ? part + 1 : file + strlen(file) - (size_t)room;
			while (((unsigned char)*file & 0xc0) == 0x80)
				file++;
		}
		col = ft_top_put(p->g, row, col, FT_TS_DIM, file, room);
		ft_top_put(p->g, row, col, FT_TS_DIM, line, p->g->cols);
	}
}

static void put_locks(const struct ft_top_part *p, int row, int rows)
{
	const struct ft_model *m = p->v->m;
	const struct ft_locks *l = &m->scaling->locks;
	char words[256];

	ft_top_heading(p, row++, "LOCKS");
	if (p->g->cols >= 64)
		ft_top_printf(p->g, row - 1, p->g->cols / 3, FT_TS_BAR,
			      "%10s%9s%9s%8s  where threads wait", "waits/s", "wait s/s",
			      "spin s/s", "threads");
	for (size_t i = 0; i < l->contended && (int)i < rows - 1; i++, row++) {
		const struct ft_mlock *k = &l->row[i];
		int col;

		ft_top_put(p->g, row, 2, FT_TS_PLAIN, ft_lock_words(k, words, sizeof(words)),
			   p->g->cols >= 64 ? p->g->cols / 3 - 2 : p->g->cols - 2);
		if (p->g->cols < 64)
			continue;
		col = ft_top_printf(p->g, row, p->g->cols / 3, FT_TS_PLAIN, "%10.0f%9.2f%9.2f%8u  ",
				    at_a_time(m, k->waits * 1000000000ull),
				    at_a_time(m, ft_lock_contended_ns(k)), at_a_time(m, k->spin_ns),
				    k->threads);
		ft_top_put(p->g, row, col, FT_TS_DIM, k->waiter, p->g->cols);
	}
}

static void put_foot(const struct ft_top_part *p, int row)
{
	const struct ft_top_ui *ui = p->ui;
	int col = 0;

	if (ui->record)
		col = ft_top_put(p->g, row, 0, FT_TS_BAD, ui->record, p->g->cols) + 2;
	if (ui->note) {
		ft_top_put(p->g, row, col, FT_TS_WARN, ui->note, p->g->cols);
		return;
	}
	col = ft_top_put(p->g, row, col, FT_TS_DIM, KEYS_ROW, p->g->cols);
	ft_top_printf(p->g, row, col, FT_TS_DIM, "%.0f s", (double)ui->window_ns / 1e9);
}

static void put_help(const struct ft_top_part *p)
{
	static const char *const keys[][2] = {
		{"q", "quit"},
		{"p, space", "pause, and go on"},
		{"up, down", "choose a thread; Escape: none"},
		{"Enter", "its stack, frozen; u: once more, Escape: back"},
		{"r", "record from here into a file; once more: end it"},
		{"+ -", "a longer or shorter stretch of time"},
		{"d", "fewer or more parts: cores, functions, locks"},
		{"?, h", "this, and back"},
	};
	int row = 1, i;
	char key[2] = "";

	ft_top_put(p->g, 0, 0, FT_TS_BOLD, "ftprof top: all figures are of the last seconds", 80);
	for (i = 0; i < (int)(sizeof(keys) / sizeof(keys[0])); i++, row++) {
		ft_top_put(p->g, row + 1, 2, FT_TS_KEY, keys[i][0], 12);
		ft_top_put(p->g, row + 1, 14, FT_TS_PLAIN, keys[i][1], p->g->cols);
	}
	ft_top_put(p->g, row + 2, 0, FT_TS_BOLD, "Sort by (once more: the other way round)", 80);
	for (i = 0; i < FT_TOP_SORT_CNT; i++) {
		int at = row + 3 + i / 2, col = i % 2 ? 40 : 2;

		key[0] = ft_top_sort_key((enum ft_top_sort)i);
		ft_top_put(p->g, at, col, FT_TS_KEY, key, 1);
		ft_top_put(p->g, at, col + 3, FT_TS_PLAIN, ft_top_sort_words((enum ft_top_sort)i),
			   34);
	}
	ft_top_put(p->g, row + 9, 0, FT_TS_PLAIN,
		   p->g->ascii
			   ? "# GIL  = no GIL  g waits GIL  h hands over  l waits lock  s spins"
			   : "█ GIL  ▓ no GIL  g waits GIL  h hands over  l waits lock  s spins",
		   p->g->cols);
	ft_top_put(p->g, row + 10, 0, FT_TS_PLAIN,
		   "c waits core  y own locks  p paused  . asleep  f page fault  t stopped",
		   p->g->cols);
}

static int put_inspect(const struct ft_top_part *p, int row, int rows)
{
	const char *line = p->ui->inspect;
	int skip = p->ui->scroll;

	for (; *line && rows > 0; line += strcspn(line, "\n"), line += *line == '\n') {
		size_t len = strcspn(line, "\n");
		char *one;

		if (skip-- > 0)
			continue;
		one = strndup(line, len);
		if (!one)
			return -ENOMEM;
		ft_top_put(p->g, row++, 0, FT_TS_PLAIN, one, p->g->cols);
		free(one);
		rows--;
	}
	return 0;
}

static int least(int a, int b)
{
	return a < b ? a : b;
}

/* Cores, functions and locks take what the threads leave; all have a few rows where there are any.
 */
static int put_parts(const struct ft_top_part *p, int row, int rows)
{
	int want = (int)p->v->m->thread_cnt + 1, cores = 0, funcs = 0, locks = 0, spare, err = 0;
	bool legend;
	const struct ft_locks *l = &p->v->m->scaling->locks;
	__u32 parts = p->ui->parts;

	if ((parts & FT_TOP_CORES) && rows >= 9)
		cores = ft_top_cores_rows(p, least(rows / 3, rows - 6));
	if ((parts & FT_TOP_LOCKS) && l->contended && rows - cores >= 10)
		locks = 1 + least((int)l->contended, 3);
	if ((parts & FT_TOP_FUNCS) && p->v->func_cnt && rows - cores - locks >= 9)
		funcs = 1 + least((int)p->v->func_cnt, (rows - cores - locks) / 4);
	spare = rows - cores - locks - funcs - want;
	legend = spare > 0 && p->g->cols >= 60;
	spare -= legend;
	if (spare > 0 && funcs) {
		int more = least(spare, (int)p->v->func_cnt + 1 - funcs);

		funcs += more;
		spare -= more;
	}
	if (spare > 0 && locks) {
		int more = least(spare, (int)l->contended + 1 - locks);

		locks += more;
		spare -= more;
	}
	if (spare > 0 && cores)
		cores = ft_top_cores_rows(p, cores + spare);
	/* all rows but the threads' */
	rows -= cores + locks + funcs + legend;
	if (cores)
		err = ft_top_cores(p, row, cores);
	row += cores;
	want = least(want, rows);
	if (!err)
		err = ft_top_threads(p, row, want);
	row += want;
	if (legend)
		ft_top_legend(p, row++);
	if (locks)
		put_locks(p, row, locks);
	row += locks;
	if (funcs)
		put_funcs(p, row, funcs);
	return err;
}

int ft_top_screen(struct ft_top_grid *g, const struct ft_window_view *v, const struct ft_top_ui *ui)
{
	struct ft_top_part p = {g, v, ui};
	int row = 0, foot = g->rows > 3 && !ui->plain, verdict, err;

	if (foot)
		put_foot(&p, g->rows - 1);
	if (!v->m) {
		ft_top_put(g, 0, 0, FT_TS_PLAIN, "ftprof top: the first figures come at once", 80);
		return 0;
	}
	if (ui->help) {
		put_help(&p);
		return 0;
	}
	put_head(&p, row++);
	if (ui->inspect)
		return put_inspect(&p, row, g->rows - row - foot);
	verdict = g->rows >= 20 ? 2 : g->rows >= 8;
	err = verdict ? put_verdict(&p, row, verdict) : 0;
	row += verdict;
	if (g->rows >= 6)
		put_figures(&p, row++);
	return err ? err : put_parts(&p, row, g->rows - row - foot);
}
