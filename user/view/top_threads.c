/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of threads on the live screen. */
#include "view/top_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_COLS 26
#define NAME_MIN_COLS 8
#define TID_COLS 8
#define CELL_COLS 6
#define NOW_COLS 12
#define BAR_MIN 8
#define BAR_MAX 60

struct column {
	char key;
	const char *head;
	const char *words;
	int keep; /* columns with less of it go first where there is no room */
	bool gil; /* only where there is a GIL */
};

static const struct column columns[FT_TOP_SORT_CNT] = {
	[FT_TOP_CPU] = {'c', "%CPU", "time on cores", 9, false},
	[FT_TOP_GIL] = {'y', "%GIL", "on a core with the GIL", 7, true},
	[FT_TOP_FREE] = {'f', "%FREE", "on a core without the GIL", 4, true},
	[FT_TOP_SPIN] = {'s', "%SPIN", "spinning for a lock", 5, false},
	[FT_TOP_GIL_WAIT] = {'g', "%WGIL", "waiting for the GIL", 8, true},
	[FT_TOP_WAIT] = {'w', "%WAIT", "any wait against its will", 6, false},
	[FT_TOP_LOCK] = {'l', "%LOCK", "locks and queues", 3, false},
	[FT_TOP_ASLEEP] = {'a', "%SLP", "asleep in system calls", 2, false},
	[FT_TOP_NAME] = {'n', "NAME", "name", 0, false},
	[FT_TOP_TID] = {'t', "TID", "thread id", 0, false},
};

/* A state in a bar: as in the report's. */
static const struct {
	const char *mark, *ascii;
	__u8 style;
	const char *words;
} looks[FT_R_CNT] = {
	[FT_R_ON_GIL] = {"█", "#", FT_TS_GIL, "GIL held"},
	[FT_R_ON_FREE] = {"▓", "=", FT_TS_FREE, "GIL free"},
	[FT_R_ON_SPIN] = {"s", "s", FT_TS_SPIN, "spins"},
	[FT_R_GIL_WAIT] = {"g", "g", FT_TS_WAIT, "waits GIL"},
	[FT_R_GIL_SWITCH] = {"h", "h", FT_TS_WAIT, "hands over"},
	[FT_R_LOCK_WAIT] = {"l", "l", FT_TS_LOCK, "waits lock"},
	[FT_R_SYNC_WAIT] = {"y", "y", FT_TS_OTHER, "own locks, queues"},
	[FT_R_STW] = {"p", "p", FT_TS_PAUSED, "paused"},
	[FT_R_RUNQ] = {"c", "c", FT_TS_CORE, "waits core"},
	[FT_R_BLOCKED] = {"·", ".", FT_TS_DIM, "asleep"},
	[FT_R_FAULT] = {"f", "f", FT_TS_OTHER, "page fault"},
	[FT_R_STOPPED] = {"t", "t", FT_TS_OTHER, "stopped"},
};

char ft_top_sort_key(enum ft_top_sort sort)
{
	return (unsigned int)sort < FT_TOP_SORT_CNT ? columns[sort].key : 0;
}

const char *ft_top_sort_words(enum ft_top_sort sort)
{
	return (unsigned int)sort < FT_TOP_SORT_CNT ? columns[sort].words : NULL;
}

static __u64 value(const struct ft_mthread *t, enum ft_top_sort sort)
{
	const __u64 *ns = t->state_ns;

	switch (sort) {
	case FT_TOP_GIL:
		return ns[FT_R_ON_GIL];
	case FT_TOP_FREE:
		return ns[FT_R_ON_FREE];
	case FT_TOP_SPIN:
		return ns[FT_R_ON_SPIN];
	case FT_TOP_GIL_WAIT:
		return t->gil_wants_ns;
	case FT_TOP_WAIT:
		return t->want_ns - t->on_ns;
	case FT_TOP_LOCK:
		return ns[FT_R_LOCK_WAIT] + ns[FT_R_SYNC_WAIT];
	case FT_TOP_ASLEEP:
		return ns[FT_R_BLOCKED] + ns[FT_R_FAULT] + ns[FT_R_STOPPED];
	default:
		return t->on_ns;
	}
}

struct entry {
	const struct ft_mthread *t;
	size_t at;
	enum ft_top_sort sort;
	bool reverse;
};

static int by_sort(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;
	__u64 x = value(a->t, a->sort), y = value(b->t, a->sort);
	int r = 0;

	if (a->sort == FT_TOP_NAME)
		r = strcmp(a->t->name, b->t->name);
	else if (a->sort != FT_TOP_TID && x != y)
		r = x > y ? -1 : 1;
	if (!r && a->t->ns_tid != b->t->ns_tid)
		r = a->t->ns_tid < b->t->ns_tid ? -1 : 1;
	if (a->reverse)
		r = -r;
	return r ? r : a->at < b->at ? -1 : a->at > b->at;
}

size_t *ft_top_order(const struct ft_model *m, enum ft_top_sort sort, bool reverse)
{
	struct entry *e = calloc(m->thread_cnt + 1, sizeof(*e));
	size_t *order = calloc(m->thread_cnt + 1, sizeof(*order));

	if (!e || !order) {
		free(e);
		free(order);
		return NULL;
	}
	for (size_t i = 0; i < m->thread_cnt; i++)
		e[i] = (struct entry){&m->threads[i], i, sort, reverse};
	qsort(e, m->thread_cnt, sizeof(*e), by_sort);
	for (size_t i = 0; i < m->thread_cnt; i++)
		order[i] = e[i].at;
	free(e);
	return order;
}

__u8 ft_top_thread_style(const struct ft_window_view *v, __u32 thr)
{
	if (thr == FT_NO_THREAD || !v->m || thr >= v->m->thread_cnt)
		return FT_TS_PLAIN;
	return FT_TS_THREAD + (__u8)(v->number[thr] % FT_TOP_PALETTE);
}

/* Where the columns of the table are. */
struct layout {
	int name, bar, now; /* columns wide; 0: not shown */
	bool tid;
	bool show[FT_TOP_SORT_CNT];
};

static void choose_columns(const struct ft_top_part *p, struct layout *l)
{
	int cols = p->g->cols, left, n = 0;
	bool gil = p->v->m->gil_present;

	l->tid = cols >= 34;
	l->name = cols < 34 ? cols / 2 : cols < 60 ? cols / 3 : cols / 5;
	l->name = l->name < NAME_MIN_COLS   ? NAME_MIN_COLS
		  : l->name > NAME_MAX_COLS ? NAME_MAX_COLS
					    : l->name;
	l->now = cols >= 110 ? NOW_COLS : 0;
	left = cols - 2 - l->name - (l->tid ? TID_COLS : 0) - l->now;
	for (int i = 0; i < FT_TOP_NAME; i++) {
		/* spinning is for builds without a GIL, and where there is any */
		bool has = i == FT_TOP_SPIN ? !gil || p->v->m->all.state_ns[FT_R_ON_SPIN]
					    : gil || !columns[i].gil;

		l->show[i] = has;
		n += has;
	}
	while (n && left - n * CELL_COLS < (cols >= 60 ? BAR_MIN + 1 : 0)) {
		int worst = -1;

		for (int i = 0; i < FT_TOP_NAME; i++)
			if (l->show[i] && i != (int)p->ui->sort &&
			    (worst < 0 || columns[i].keep < columns[worst].keep))
				worst = i;
		if (worst < 0)
			break;
		l->show[worst] = false;
		n--;
	}
	l->bar = left - n * CELL_COLS - 1;
	l->bar = l->bar < BAR_MIN ? 0 : l->bar > BAR_MAX ? BAR_MAX : l->bar;
}

static void put_head(const struct ft_top_part *p, const struct layout *l, int row)
{
	const char *mark =
		p->g->ascii ? (p->ui->reverse ? "^" : "v") : (p->ui->reverse ? "▲" : "▼");
	int col, at;

	ft_top_heading(p, row, "");
	ft_top_put(p->g, row, 2, p->ui->sort == FT_TOP_NAME ? FT_TS_SORTED : FT_TS_BAR, "THREADS",
		   l->name);
	if (p->ui->sort == FT_TOP_NAME)
		ft_top_put(p->g, row, 1, FT_TS_SORTED, mark, 1);
	col = 2 + l->name;
	for (int i = -1; i < FT_TOP_NAME; i++) {
		const struct column *c = &columns[i < 0 ? FT_TOP_TID : i];
		int width = i < 0 ? TID_COLS : CELL_COLS;
		bool sorted = (int)p->ui->sort == (i < 0 ? (int)FT_TOP_TID : i);

		if (i < 0 ? !l->tid : !l->show[i])
			continue;
		at = col + width - (int)strlen(c->head);
		ft_top_put(p->g, row, at, sorted ? FT_TS_SORTED : FT_TS_BAR, c->head, width);
		if (sorted)
			ft_top_put(p->g, row, at - 1, FT_TS_SORTED, mark, 1);
		col += width;
	}
	if (l->now)
		ft_top_put(p->g, row, col + 2, FT_TS_BAR, "NOW", l->now);
	if (l->bar)
		ft_top_put(p->g, row, col + l->now + 1, FT_TS_BAR, "WHERE ITS TIME WENT", l->bar);
}

static void put_percent(const struct ft_top_part *p, int row, int col, __u64 ns, __u8 style)
{
	double share = 100 * ft_share(ns, p->v->m->duration_ns);

	if (!ns)
		ft_top_printf(p->g, row, col, FT_TS_DIM, "%*s", CELL_COLS, "-");
	else
		ft_top_printf(p->g, row, col, style, "%*.1f", CELL_COLS, share);
}

/* Deals the bar's columns out by largest remainder, so that they add up to the thread's life. */
static void put_bar(const struct ft_top_part *p, int row, int col, int width,
		    const struct ft_mthread *t)
{
	double all = (double)p->v->m->duration_ns, frac[FT_R_CNT], part, sum = 0;
	int cols[FT_R_CNT], left = 0, i, k;

	if (all <= 0)
		return;
	for (i = 0; i < FT_R_CNT; i++)
		sum += (double)t->state_ns[i];
	all = sum > all ? sum : all;
	left = (int)(sum / all * width + 0.5);
	for (i = 0; i < FT_R_CNT; i++) {
		part = (double)t->state_ns[i] / all * width;
		cols[i] = (int)part;
		frac[i] = part - cols[i];
		left -= cols[i];
	}
	for (; left > 0; left--) {
		for (k = 0, i = 1; i < FT_R_CNT; i++)
			if (frac[i] > frac[k])
				k = i;
		cols[k]++;
		frac[k] = -1;
	}
	for (i = 0; i < FT_R_CNT; i++) {
		/* without a GIL there is one way to run, and it looks like running */
		int look = i == FT_R_ON_FREE && !p->v->m->gil_present ? FT_R_ON_GIL : i;
		__u8 style = i == FT_R_ON_FREE ? FT_TS_FREE : looks[look].style;

		for (k = 0; k < cols[i] && width > 0; k++, width--)
			col = ft_top_put(p->g, row, col, style,
					 p->g->ascii ? looks[look].ascii : looks[look].mark, 1);
	}
}

void ft_top_legend(const struct ft_top_part *p, int row)
{
	const struct ft_model *m = p->v->m;
	int col = 2;

	for (int i = 0; i < FT_R_CNT; i++) {
		int look = i == FT_R_ON_FREE && !m->gil_present ? FT_R_ON_GIL : i;
		const char *words = look != i ? "runs" : looks[i].words;

		/* what a bar may show: half of a thousandth is nowhere a whole column */
		if (ft_share(m->all.state_ns[i], m->all.lifetime_ns) < 0.0005 ||
		    col + 2 + (int)strlen(words) > p->g->cols)
			continue;
		ft_top_put(p->g, row, col, i == FT_R_ON_FREE ? FT_TS_FREE : looks[look].style,
			   p->g->ascii ? looks[look].ascii : looks[look].mark, 1);
		col = ft_top_put(p->g, row, col + 2, FT_TS_DIM, words, p->g->cols) + 2;
	}
}

static const char *now_words(const struct ft_mthread *t, __u8 state)
{
	static const char *const words[FT_ST_CNT] = {
		[FT_ST_ON] = "on a core",	   [FT_ST_GIL_WAIT] = "waits GIL",
		[FT_ST_GIL_SWITCH] = "hands over", [FT_ST_LOCK_WAIT] = "waits lock",
		[FT_ST_SYNC_WAIT] = "own locks",   [FT_ST_STW] = "paused",
		[FT_ST_RUNQ] = "waits core",	   [FT_ST_BLOCKED] = "asleep",
		[FT_ST_FAULT] = "page fault",	   [FT_ST_STOPPED] = "stopped",
	};

	return t->exited ? "ended" : state < FT_ST_CNT ? words[state] : "";
}

static void put_thread(const struct ft_top_part *p, const struct layout *l, int row,
		       const struct ft_mthread *t)
{
	bool chosen = p->v->number[t->thr] == p->ui->chosen;
	__u8 style = t->exited ? FT_TS_DIM : FT_TS_PLAIN;
	int col = 2 + l->name, i;

	ft_top_put(p->g, row, 0, ft_top_thread_style(p->v, t->thr),
		   chosen	 ? ">"
		   : p->g->ascii ? "*"
				 : "■",
		   1);
	ft_top_put(p->g, row, 2, t->leader ? FT_TS_BOLD : style, t->name[0] ? t->name : "?",
		   l->name - 1);
	if (l->tid) {
		ft_top_printf(p->g, row, col, style, "%*u", TID_COLS, t->ns_tid);
		col += TID_COLS;
	}
	for (i = 0; i < FT_TOP_NAME; i++) {
		if (!l->show[i])
			continue;
		put_percent(p, row, col, value(t, (enum ft_top_sort)i),
			    i == (int)p->ui->sort ? FT_TS_BOLD : style);
		col += CELL_COLS;
	}
	if (chosen)
		ft_top_paint(p->g, row, 1, col, FT_TS_CHOSEN);
	if (l->now)
		ft_top_put(p->g, row, col + 2, style, now_words(t, p->v->state[t->thr]),
			   l->now - 2);
	if (l->bar)
		put_bar(p, row, col + l->now + 1, l->bar, t);
}

int ft_top_threads(const struct ft_top_part *p, int row, int rows)
{
	const struct ft_model *m = p->v->m;
	size_t *order, first = 0, shown, i;
	struct layout l;

	if (rows < 1)
		return 0;
	order = ft_top_order(m, p->ui->sort, p->ui->reverse);
	if (!order)
		return -ENOMEM;
	choose_columns(p, &l);
	put_head(p, &l, row++);
	shown = (size_t)(rows - 1);
	/* the last row says how many more there are */
	if (m->thread_cnt > shown && shown > 1)
		shown--;
	for (i = 0; i < m->thread_cnt; i++)
		if (p->v->number[m->threads[order[i]].thr] == p->ui->chosen && i >= shown)
			first = i - shown + 1;
	for (i = first; i < m->thread_cnt && i - first < shown; i++)
		put_thread(p, &l, row++, &m->threads[order[i]]);
	if (m->thread_cnt > shown && (size_t)rows > 2)
		ft_top_printf(p->g, row, 2, FT_TS_DIM, "%zu more thread%s", m->thread_cnt - shown,
			      m->thread_cnt - shown == 1 ? "" : "s");
	free(order);
	return 0;
}
