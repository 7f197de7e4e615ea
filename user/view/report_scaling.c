/* SPDX-License-Identifier: BSD-2-Clause */
/* What keeps a program from scaling, and the locks that threads contended for, as text. */
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "model/scaling.h"
#include "view/report_part.h"

#define NUM 32
#define BOLD "\x1b[1m"
#define DIM "\x1b[2m"
#define RESET "\x1b[0m"
#define LOCKS_MAX 8
#define NOTABLE 0.001  /* of cores x time: locks that cost less have no row */
#define LOCK_COLS 38   /* of the figures of a lock, without its name and place */
#define NARROW_COLS 15 /* of those that a narrow terminal has room for */
#define NAME_MAX_COLS 24

static const char *cause_words(enum ft_loss_cause cause)
{
	static const char *const words[FT_LOSS_CNT] = {
		[FT_LOSS_LOCK] = "lock",	  [FT_LOSS_STW] = "pauses",
		[FT_LOSS_GIL] = "GIL back",	  [FT_LOSS_RUNQ] = "no core",
		[FT_LOSS_SINGLE] = "few threads", [FT_LOSS_REFCOUNT] = "sharing",
	};

	return words[cause];
}

static void heading(struct ft_text *out, const struct ft_report_opts *o, const char *what)
{
	ft_text_printf(out, "\n%s%s%s", o->color ? BOLD : "", what, o->color ? RESET : "");
}

/* How many threads, yields and sleeps a lock's row stands for. */
static void put_counts(struct ft_flow *f, const struct ft_mlock *l)
{
	char num[NUM];

	if (!l || !(l->threads | l->yields | l->waits))
		return;
	ft_flow_printf(f, 1, "(%u%s threads,", l->threads, l->many ? " or more" : "");
	if (l->yields)
		ft_flow_printf(f, 1, "%s yields,", ft_format_count(l->yields, num, sizeof(num)));
	ft_flow_printf(f, 1, "%s sleeps)", ft_format_count(l->waits, num, sizeof(num)));
}

static void put_loss(struct ft_text *out, const struct ft_scaling *sc, size_t i,
		     const struct ft_report_opts *o)
{
	const struct ft_loss *l = &sc->loss[i];
	int width = ft_report_width(o->width), indent = width < 60 ? 6 : 29;
	char num[NUM], head[64];
	struct ft_flow f;
	size_t k;

	snprintf(head, sizeof(head), " %2zu  %5s %3.0f%%  %s", i + 1,
		 ft_report_seconds(l->lost_ns, num, sizeof(num)),
		 100 * ft_share(l->lost_ns, sc->budget_ns), cause_words(l->cause));
	ft_flow_begin(&f, out, width, o->ascii, indent);
	ft_text_add(out, head);
	f.col = (int)strlen(head);
	f.fresh = false;
	if (f.col < indent) {
		ft_text_pad(out, ' ', (size_t)(indent - f.col));
		f.col = indent;
		f.fresh = true;
	}
	ft_flow_words(&f, l->where);
	put_counts(&f, l->lock);
	ft_flow_end(&f);
	for (k = 0; k < i; k++)
		if (!strcmp(sc->loss[k].advice, l->advice))
			return; /* it has been said */
	ft_text_pad(out, ' ', (size_t)indent);
	ft_flow_begin(&f, out, width, o->ascii, indent + 3);
	f.col = indent;
	ft_flow_item(&f, 0, "->");
	ft_flow_words(&f, l->advice);
	ft_flow_end(&f);
}

void ft_report_scaling(struct ft_text *out, const struct ft_model *m,
		       const struct ft_report_opts *o)
{
	const struct ft_scaling *sc = m->scaling;
	char lost[NUM], all[NUM];
	struct ft_flow f;
	size_t i;

	if (!m->info->free_threaded || !sc->loss_cnt)
		return;
	heading(out, o, "What keeps this from scaling");
	ft_flow_begin(&f, out, ft_report_width(o->width), o->ascii, 2);
	f.col = (int)strlen("What keeps this from scaling");
	f.fresh = false;
	ft_flow_printf(&f, 2, "%s of %s", ft_report_seconds(sc->lost_ns, lost, sizeof(lost)),
		       ft_report_seconds(sc->budget_ns, all, sizeof(all)));
	ft_flow_words(&f, "core time lost");
	ft_flow_end(&f);
	for (i = 0; i < sc->loss_cnt; i++)
		put_loss(out, sc, i, o);
}

/* "1,234", "1.2M" where that has no room. */
static const char *short_count(__u64 n, char buf[NUM])
{
	static const char unit[] = "kMGTPE";
	double v = (double)n;
	size_t i = 0;

	if (n < 100000)
		return ft_format_count(n, buf, NUM);
	for (v /= 1000; v >= 999.5 && unit[i + 1]; i++)
		v /= 1000;
	snprintf(buf, NUM, "%.*f%c", v < 9.95 ? 2 : v < 99.5 ? 1 : 0, v, unit[i]);
	return buf;
}

/* A stranger's words in a column. */
static void put_cell(struct ft_text *out, const char *s, size_t cols, bool pad, bool ascii)
{
	struct ft_text safe = {0};
	size_t used = 0;

	ft_safe_text(&safe, s, cols, ascii);
	if (safe.err)
		out->err = out->err ? out->err : safe.err;
	if (safe.s && !safe.err) {
		ft_text_addn(out, safe.s, safe.len);
		used = ft_text_cols(safe.s);
	}
	ft_text_free(&safe);
	if (pad && used < cols)
		ft_text_pad(out, ' ', cols - used);
}

static void put_lock(struct ft_text *out, const struct ft_mlock *l, int name_cols,
		     const struct ft_report_opts *o)
{
	int width = ft_report_width(o->width), place;
	char a[NUM], b[NUM], words[160], name[192];
	bool wide = width >= 70;

	ft_lock_words(l, words, sizeof(words));
	if (l->objects > 1)
		snprintf(name, sizeof(name), "%ux %s", l->objects, words);
	else
		snprintf(name, sizeof(name), "%s", words);
	ft_text_add(out, "  ");
	put_cell(out, name, (size_t)name_cols, true, o->ascii);
	ft_text_printf(out, "  %5s  %5s", ft_report_seconds(ft_lock_contended_ns(l), a, sizeof(a)),
		       ft_report_seconds(l->spin_ns + l->line_ns, b, sizeof(b)));
	if (wide) {
		ft_text_printf(out, " %6s", short_count(l->waits, a));
		ft_text_printf(out, " %6s", short_count(l->yields, a));
		ft_text_printf(out, "  %4u%c", l->threads < 10000 ? l->threads : 9999,
			       l->many ? '+' : ' ');
	}
	place = width - 2 - name_cols - (wide ? LOCK_COLS - 1 : NARROW_COLS) - 1;
	if (l->waiter[0] && place >= 8) {
		ft_text_add(out, "  ");
		put_cell(out, l->waiter, (size_t)place - 1, false, o->ascii);
	}
	ft_text_add(out, "\n");
	if (l->owner[0]) {
		ft_text_add(out, "    held at ");
		put_cell(out, l->owner, (size_t)(width - 12), false, o->ascii);
		ft_text_add(out, "\n");
	}
}

static void lock_heading(struct ft_text *out, int name_cols, const struct ft_report_opts *o)
{
	bool wide = ft_report_width(o->width) >= 70;

	heading(out, o, "LOCKS");
	ft_text_pad(out, ' ', (size_t)(name_cols + 2 - 5));
	if (o->color)
		ft_text_add(out, DIM);
	ft_text_printf(out, "  %5s  %5s", "slept", "spun");
	if (wide)
		ft_text_printf(out, " %6s %6s  %4s   where", "sleeps", "yields", "thrs");
	if (o->color)
		ft_text_add(out, RESET);
	ft_text_add(out, "\n");
}

/* They come heaviest first. */
static size_t notable_locks(const struct ft_model *m)
{
	const struct ft_locks *locks = &m->scaling->locks;
	double least = NOTABLE * m->core_limit * (double)m->duration_ns;
	size_t n = 0;

	while (n < locks->contended && (double)ft_lock_cost_ns(&locks->row[n]) >= least)
		n++;
	return n;
}

void ft_report_locks(struct ft_text *out, const struct ft_model *m, const struct ft_report_opts *o)
{
	const struct ft_locks *locks = &m->scaling->locks;
	const struct ft_findings *f = m->scaling->f;
	int name_cols = 5, width = ft_report_width(o->width), cols;
	size_t all = notable_locks(m), rows = all, i;
	char words[160], num[NUM];
	struct ft_flow flow;
	bool guessed = false;

	if (!rows)
		return;
	if (rows > LOCKS_MAX && !o->threads)
		rows = LOCKS_MAX;
	for (i = 0; i < rows; i++) {
		cols = (int)ft_text_cols(ft_lock_words(&locks->row[i], words, sizeof(words)));
		cols += locks->row[i].objects > 1 ? 6 : 0;
		name_cols = cols > name_cols ? cols : name_cols;
		guessed |= locks->row[i].yields_lo < locks->row[i].yields_hi;
	}
	if (name_cols > (width < 70 ? width / 3 : NAME_MAX_COLS))
		name_cols = width < 70 ? width / 3 : NAME_MAX_COLS;
	lock_heading(out, name_cols, o);
	for (i = 0; i < rows; i++)
		put_lock(out, &locks->row[i], name_cols, o);
	if (rows < all)
		ft_text_printf(out, "  ... and %s more: --threads\n",
			       ft_format_count(all - rows, num, sizeof(num)));
	if (!guessed)
		return;
	ft_flow_begin(&flow, out, width, o->ascii, 2);
	ft_flow_item(&flow, 0, " ");
	ft_flow_words(&flow, "Yields are estimated from those that were seen in");
	ft_flow_printf(&flow, 1, "%u windows,", f->yield_windows);
	ft_flow_printf(&flow, 1, "%s together;",
		       ft_format_ns(f->yield_window_ns, num, sizeof(num)));
	if (f->yields_rel_err < 1)
		ft_flow_printf(&flow, 1, "all of them to %s %.0f %%.", o->ascii ? "+-" : "±",
			       100 * f->yields_rel_err);
	else
		ft_flow_words(&flow, "they are no more than an order of magnitude.");
	ft_flow_end(&flow);
}
