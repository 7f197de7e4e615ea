/* SPDX-License-Identifier: BSD-2-Clause */
/* The zoom of a timeline: which thread was where, and what the others waited for. */
#include "view/timeline_zoom.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/units.h"

#define LETTERS 26u
/* A cell is idle only when more than this much of it was: short stays must stay visible. */
#define IDLE_FROM 0.75

/* What a thread's cell can show; the order is the legend's. */
enum act {
	ACT_RUN = 0,
	ACT_FREE,
	ACT_GIL,
	ACT_CORE,
	ACT_LOCK,
	ACT_SPIN,
	ACT_STW,
	ACT_SYNC,
	ACT_SLEEP,
	ACT_NONE,  /* not alive */
	ACT_OTHER, /* cores only */
	ACT_MORE,  /* a thread without a letter */
	ACT_GAP,
	ACT_CNT,
};

struct look {
	const char *glyph, *ascii;
	int color;
	const char *words;
};

static const struct look looks[ACT_CNT] = {
	[ACT_RUN] = {"█", "#", FT_PEN_GIL, "runs"},
	[ACT_FREE] = {"▒", "=", FT_PEN_FREE, "runs GIL free"},
	[ACT_GIL] = {"g", "g", 167, "waits GIL"},
	[ACT_CORE] = {"c", "c", 179, "waits core"},
	[ACT_LOCK] = {"l", "l", 176, "waits lock"},
	[ACT_SPIN] = {"s", "s", 176, "spins for lock"},
	[ACT_STW] = {"p", "p", 176, "paused"},
	[ACT_SYNC] = {"y", "y", FT_PEN_OTHER, "own locks, queues"},
	[ACT_SLEEP] = {"·", ".", FT_PEN_DIM, "asleep, idle"},
	[ACT_NONE] = {" ", " ", FT_PEN_PLAIN, ""},
	[ACT_OTHER] = {"x", "x", FT_PEN_OTHER, "another process"},
	[ACT_MORE] = {"+", "+", FT_PEN_PLAIN, "another thread"},
	[ACT_GAP] = {"?", "?", FT_PEN_OTHER, "events lost here"},
};

/* Told apart by the colour-blind (after Okabe and Ito), legible on dark and on light. */
static const int palette[] = {214, 75, 36, 175, 178, 33, 166, 141};

#define PALETTE (sizeof(palette) / sizeof(palette[0]))

struct zoom {
	struct ft_tl_draw *d;
	__u32 lane[LETTERS]; /* the timeline's lane of each letter */
	__u32 cnt;
	__u32 rows;	/* the first letters have a row of their own */
	bool free_seen; /* a letter in lower case was drawn */
};

static void cell(struct zoom *z, enum act act, int color)
{
	const struct look *l = &looks[act];

	z->d->seen |= 1ull << act;
	ft_pen_cell(&z->d->pen, color == FT_PEN_PLAIN ? l->color : color,
		    z->d->o->ascii ? l->ascii : l->glyph);
}

static __u64 lane_awake(const struct ft_timeline *tl, __u32 lane)
{
	__u64 sum = 0;

	for (__u32 i = 0; i < tl->cols; i++) {
		const __u64 *ns = tl->thread[(size_t)lane * tl->cols + i].ns;

		for (int s = 0; s < FT_R_BLOCKED; s++)
			sum += s == FT_R_SYNC_WAIT ? 0 : ns[s];
	}
	return sum;
}

static void sort_letters(struct zoom *z, __u32 from, __u32 to)
{
	const __u32 *thr = z->d->tl->thr;

	for (__u32 i = from + 1; i < to; i++) {
		__u32 k = i, lane = z->lane[i];

		for (; k > from && thr[z->lane[k - 1]] > thr[lane]; k--)
			z->lane[k] = z->lane[k - 1];
		z->lane[k] = lane;
	}
}

/*
 * Threads that did anything get letters; the heaviest come first and have rows. Among themselves
 * they stand in the order in which they were made, which is how people number their workers.
 */
static void give_letters(struct zoom *z)
{
	const struct ft_timeline *tl = z->d->tl;
	__u32 rows = z->d->o->thread_rows ? z->d->o->thread_rows : 8;

	for (__u32 i = 0; i < tl->thread_cnt && z->cnt < LETTERS; i++)
		if (lane_awake(tl, i))
			z->lane[z->cnt++] = i;
	z->rows = z->cnt < rows ? z->cnt : rows;
	sort_letters(z, 0, z->rows);
	sort_letters(z, z->rows, z->cnt);
}

static int letter_color(__u32 k)
{
	return k < PALETTE ? palette[k] : FT_PEN_PLAIN;
}

static void core_cell(struct zoom *z, const struct ft_tl_core *c, double width, bool gap)
{
	double own = (double)(c->gil_ns + c->free_ns), other = (double)c->other_ns;
	bool lower = z->d->hatched && c->free_ns > c->gil_ns;
	char letter[2] = "";

	if (own + other < width * (1 - IDLE_FROM)) {
		cell(z, gap ? ACT_GAP : ACT_SLEEP, FT_PEN_PLAIN);
		return;
	}
	if (other > own) {
		cell(z, ACT_OTHER, FT_PEN_PLAIN);
		return;
	}
	for (__u32 k = 0; k < z->cnt; k++) {
		if (z->d->tl->thr[z->lane[k]] != c->top_thr)
			continue;
		letter[0] = (char)((lower ? 'a' : 'A') + (int)k);
		z->free_seen |= lower;
		ft_pen_cell(&z->d->pen, letter_color(k), letter);
		return;
	}
	cell(z, ACT_MORE, FT_PEN_PLAIN);
}

static int core_lanes(struct zoom *z)
{
	struct ft_tl_draw *d = z->d;
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
				ft_pen_cell(&d->pen, FT_PEN_DIM, i == d->end ? "|" : " ");
			else
				core_cell(z, &c, ft_tl_draw_width(d, i), ft_tl_draw_gap(d, i));
		}
		ft_tl_draw_percent(d, sum);
		ft_pen_end(&d->pen);
	}
	ft_tl_draw_more_cores(d, lanes, cnt, more);
	free(lanes);
	return 0;
}

static enum act dominant(const struct zoom *z, const __u64 *ns, double width)
{
	__u64 act[ACT_CNT] = {0}, awake = 0, alive;
	enum act best = ACT_RUN;

	act[z->d->hatched && ns[FT_R_ON_FREE] > ns[FT_R_ON_GIL] ? ACT_FREE : ACT_RUN] =
		ns[FT_R_ON_GIL] + ns[FT_R_ON_FREE];
	act[ACT_SPIN] = ns[FT_R_ON_SPIN];
	act[ACT_GIL] = ns[FT_R_GIL_WAIT] + ns[FT_R_GIL_SWITCH];
	act[ACT_CORE] = ns[FT_R_RUNQ];
	act[ACT_LOCK] = ns[FT_R_LOCK_WAIT];
	act[ACT_STW] = ns[FT_R_STW];
	act[ACT_SYNC] = ns[FT_R_SYNC_WAIT];
	act[ACT_SLEEP] = ns[FT_R_BLOCKED] + ns[FT_R_FAULT] + ns[FT_R_STOPPED];
	for (int i = 0; i < ACT_SYNC; i++) {
		awake += act[i];
		if (act[i] > act[best])
			best = (enum act)i;
	}
	alive = awake + act[ACT_SYNC] + act[ACT_SLEEP];
	if (awake && (double)awake >= width * (1 - IDLE_FROM))
		return best;
	if ((double)alive < width / 2)
		return ACT_NONE;
	return act[ACT_SYNC] > act[ACT_SLEEP] ? ACT_SYNC : ACT_SLEEP;
}

static void add_cell(struct ft_tl_thread *sum, const struct ft_tl_thread *row, __u32 lo, __u32 hi)
{
	for (__u32 k = lo; row && k < hi; k++)
		for (int s = 0; s < FT_R_CNT; s++)
			sum->ns[s] += row[k].ns[s];
}

/* letter < 0: the row of all threads without a row, `rest` of them. */
static void thread_lane(struct zoom *z, int letter, __u32 rest)
{
	struct ft_tl_draw *d = z->d;
	const struct ft_timeline *tl = d->tl;
	int color = letter >= 0 ? letter_color((__u32)letter) : FT_PEN_PLAIN;
	char label[16];
	double on = 0;

	if (letter >= 0)
		snprintf(label, sizeof(label), "%c", 'A' + letter);
	else
		snprintf(label, sizeof(label), "+%u", rest);
	ft_tl_draw_label(d, letter >= 0 ? color : FT_PEN_DIM, label);
	for (__u32 i = 0; i < d->cols; i++) {
		struct ft_tl_thread sum = {{0}};
		enum act act;
		__u32 lo, hi;

		ft_tl_draw_range(d, i, &lo, &hi);
		if (letter >= 0)
			add_cell(&sum, &tl->thread[(size_t)z->lane[letter] * tl->cols], lo, hi);
		else
			add_cell(&sum, tl->rest, lo, hi);
		for (__u32 t = 0; letter < 0 && t < tl->thread_cnt; t++) {
			bool own = false;

			for (__u32 k = 0; k < z->rows; k++)
				own |= z->lane[k] == t;
			if (!own)
				add_cell(&sum, &tl->thread[(size_t)t * tl->cols], lo, hi);
		}
		on += (double)(sum.ns[FT_R_ON_GIL] + sum.ns[FT_R_ON_FREE] + sum.ns[FT_R_ON_SPIN]);
		if (i >= d->end) {
			ft_pen_cell(&d->pen, FT_PEN_DIM, i == d->end ? "|" : " ");
			continue;
		}
		act = dominant(z, sum.ns, ft_tl_draw_width(d, i));
		if (act == ACT_NONE && ft_tl_draw_gap(d, i))
			act = ACT_GAP;
		cell(z, act, act == ACT_RUN || act == ACT_FREE ? color : FT_PEN_PLAIN);
	}
	if (letter >= 0)
		ft_tl_draw_percent(d, on);
	ft_pen_end(&d->pen);
}

static const char *thread_name(const struct ft_model *m, __u32 thr)
{
	for (size_t i = 0; i < m->thread_cnt; i++)
		if (m->threads[i].thr == thr)
			return m->threads[i].name;
	return "";
}

/* Whether a thread without a row did anything. */
static bool rest_awake(const struct zoom *z)
{
	const struct ft_timeline *tl = z->d->tl;

	for (__u32 i = 0; i < tl->cols; i++)
		for (int s = 0; s < FT_R_BLOCKED; s++)
			if (s != FT_R_SYNC_WAIT && tl->rest[i].ns[s])
				return true;
	for (__u32 i = 0, k; i < tl->thread_cnt; i++) {
		for (k = 0; k < z->rows && z->lane[k] != i; k++)
			;
		if (k == z->rows && lane_awake(tl, i))
			return true;
	}
	return false;
}

static void legend(struct zoom *z, __u32 rest)
{
	struct ft_tl_draw *d = z->d;
	char buf[96];

	for (__u32 k = 0; k < z->cnt; k++) {
		snprintf(buf, sizeof(buf), "%c", 'A' + (int)k);
		ft_tl_draw_legend(d, letter_color(k), buf,
				  thread_name(d->m, d->tl->thr[z->lane[k]]));
	}
	if (rest) {
		snprintf(buf, sizeof(buf), "%u %sthread%s%s", rest, z->rows ? "other " : "",
			 rest == 1 ? "" : "s", rest_awake(z) ? "" : " asleep");
		ft_tl_draw_legend(d, FT_PEN_DIM, rest_awake(z) ? "+" : "", buf);
	}
	if (!z->cnt && !rest)
		ft_tl_draw_legend(d, FT_PEN_PLAIN, "", "no threads in this window");
	ft_pen_end(&d->pen);
	for (int i = 0; i < ACT_CNT; i++) {
		const struct look *l = &looks[i];

		if (!(d->seen & (1ull << i)) || i == ACT_NONE || i == ACT_MORE)
			continue;
		ft_tl_draw_legend(d, i == ACT_RUN && !d->hatched ? FT_PEN_FREE : l->color,
				  d->o->ascii ? l->ascii : l->glyph,
				  i == ACT_RUN && d->hatched ? "holds the GIL" : l->words);
	}
	if (z->free_seen)
		ft_tl_draw_legend(d, FT_PEN_PLAIN, "a-z", "on a core, GIL free");
	ft_pen_end(&d->pen);
}

int ft_tl_zoom(struct ft_tl_draw *d, __u64 base_ns)
{
	const struct ft_timeline *tl = d->tl;
	struct zoom z = {.d = d};
	__u64 len = tl->to_ns - tl->from_ns, at = tl->from_ns > base_ns ? tl->from_ns - base_ns : 0;
	char a[32], b[32], c[32], line[128];
	__u32 rest;
	int err;

	give_letters(&z);
	ft_pen_text(&d->pen, FT_PEN_BOLD, "ZOOM ");
	if (d->o->name) {
		ft_pen_safe(&d->pen, FT_PEN_BOLD, d->o->name, 24);
		ft_pen_fill(&d->pen, 2);
	}
	snprintf(line, sizeof(line), "%s at +%s: one column = %s", ft_format_ns(len, a, sizeof(a)),
		 at ? ft_format_ns(at, b, sizeof(b)) : "0 s",
		 ft_format_ns((__u64)((double)len / d->cols + 0.5), c, sizeof(c)));
	ft_pen_text(&d->pen, FT_PEN_PLAIN, line);
	ft_pen_end(&d->pen);
	ft_tl_draw_axis(d, tl->from_ns);
	err = core_lanes(&z);
	if (err)
		return err;
	for (__u32 k = 0; k < z.rows; k++)
		thread_lane(&z, (int)k, 0);
	rest = tl->rest_cnt + (tl->thread_cnt - z.rows);
	if (rest && rest_awake(&z))
		thread_lane(&z, -1, rest);
	legend(&z, rest);
	return 0;
}
