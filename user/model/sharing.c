/* SPDX-License-Identifier: BSD-2-Clause */
/* On-core time that goes on reference counts which several threads change. */
#include "model/sharing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/flame_tree.h"
#include "model/locks.h"
#include "model/split.h"
#include "model/tally.h"

#define MERGE_MAX 512 /* rows, heaviest first, whose lines are put together */

/* The part of the time on cores that k of the ticks stand for. */
static __u64 of_ticks(const struct ft_model *m, __u64 ticks, __u64 k)
{
	if (!ticks)
		return 0;
	if (k > ticks)
		k = ticks;
	return (__u64)((unsigned __int128)m->all.on_ns * k / ticks);
}

static __u64 err_of(const struct ft_model *m, __u64 ticks, __u64 k)
{
	double err = (double)m->all.on_ns * ft_wilson_err(k, ticks);

	return err < (double)m->all.on_ns ? (__u64)(err + 0.5) : m->all.on_ns;
}

void ft_sharing_times(const struct ft_model *m, struct ft_sharing *out)
{
	const __u64 *cnt = m->totals->sums.cnt;
	const __u64 *cls = &cnt[FT_CN_TICKS_CLASS];
	/* threads that ended before the session did are in both */
	__u64 ticks = cnt[FT_CN_TICKS] > m->all.ticks ? cnt[FT_CN_TICKS] : m->all.ticks;

	out->ticks = ticks;
	out->shared_ns = of_ticks(m, ticks, cls[FT_CC_SHARED]);
	out->shared_err_ns = err_of(m, ticks, cls[FT_CC_SHARED]);
	out->merge_ns = of_ticks(m, ticks, cls[FT_CC_MERGE]);
	out->delayed_ns = of_ticks(m, ticks, cls[FT_CC_DELAYED]);
	out->gc_ns = of_ticks(m, ticks, cnt[FT_CN_TICKS_GC]);
	out->gc_err_ns = err_of(m, ticks, cnt[FT_CN_TICKS_GC]);
}

static int by_ns(const void *pa, const void *pb)
{
	const struct ft_mshare *a = pa, *b = pb;
	int c;

	if (a->hot_ns != b->hot_ns)
		return a->hot_ns > b->hot_ns ? -1 : 1;
	if (a->ns != b->ns)
		return a->ns > b->ns ? -1 : 1;
	c = strcmp(a->name, b->name);
	return c ? c : strcmp(a->site, b->site);
}

/*
 * The part of a type's time that is of objects which several threads use. An object that k threads
 * use alike is met by another thread than the first one (k - 1) times of k: at least every second
 * time.
 */
static double hot_part(const struct ft_lock_rec *type)
{
	double part;

	if (!type->other)
		return 0;
	part = 2 * (double)type->other / ((double)type->other + (double)type->same);
	return part < 1 ? part : 1;
}

static __u64 times(__u64 ns, double part)
{
	double v = (double)ns * part;

	return part >= 1 || v >= (double)ns ? ns : (__u64)v;
}

/* What is of no known type is taken to be as the rest is. */
static void fill_hot(const struct ft_findings *f, const struct ft_tally *t, struct ft_sharing *out)
{
	double hot = 0, known = 0, part;
	size_t i;

	for (i = 0; i < t->cnt; i++) {
		if (!t->ent[i].what)
			continue;
		known += (double)out->row[i].ns;
		hot += (double)out->row[i].ns * hot_part(ft_lock_find(f, t->ent[i].what));
	}
	for (i = 0; i < t->cnt; i++) {
		part = t->ent[i].what ? hot_part(ft_lock_find(f, t->ent[i].what))
		       : known > 0    ? hot / known
				      : 1;
		out->row[i].hot_ns = times(out->row[i].ns, part);
		out->hot_ns = ft_add_sat(out->hot_ns, out->row[i].hot_ns);
	}
}

static bool same_function(const struct ft_stacks *s, __u32 pa, __u32 pb)
{
	const struct ft_frame *a, *b;

	if (pa >= s->frame_cnt || pb >= s->frame_cnt)
		return pa == pb;
	a = &s->frame[pa];
	b = &s->frame[pb];
	return a->first_line == b->first_line && !strcmp(a->name, b->name) &&
	       !strcmp(a->file, b->file);
}

/* One row for a type in a function, however many of its lines share: at the heaviest of them. */
static void merge_lines(const struct ft_stacks *s, struct ft_sharing *out)
{
	size_t i, j, n = 0, cnt = out->cnt < MERGE_MAX ? out->cnt : MERGE_MAX;

	for (i = 0; i < cnt; i++) {
		const struct ft_mshare *row = &out->row[i];

		for (j = 0; j < n; j++)
			if (!strcmp(out->row[j].name, row->name) &&
			    same_function(s, out->row[j].frame, row->frame))
				break;
		if (j == n) {
			out->row[n++] = *row;
			continue;
		}
		out->row[j].ns = ft_add_sat(out->row[j].ns, row->ns);
		out->row[j].hot_ns = ft_add_sat(out->row[j].hot_ns, row->hot_ns);
		out->row[j].cnt += row->cnt;
	}
	memmove(&out->row[n], &out->row[cnt], (out->cnt - cnt) * sizeof(*out->row));
	out->cnt -= cnt - n;
	qsort(out->row, out->cnt, sizeof(*out->row), by_ns);
}

int ft_sharing_rows(const struct ft_findings *f, const struct ft_stacks *s, __u64 ns,
		    struct ft_sharing *out)
{
	const struct ft_lock_rec *type;
	struct ft_deal deal = {.total = ns};
	struct ft_tally t = {0};
	struct ft_place place;
	int err = 0;
	size_t i;

	for (i = 0; s && i < s->weight_cnt && !err; i++) {
		const struct ft_weight *w = &s->weight[i];

		if (w->kind != FT_SK_SHARED)
			continue;
		type = w->arg ? ft_lock_find(f, w->arg) : NULL;
		if (type && type->kind != FT_LK_TYPE)
			continue;
		ft_place_of(s, w->stack, &place);
		err = ft_tally_add(&t, type ? type->id : 0, place.frame, w->ns, w->cnt);
	}
	/* nobody knows of what: the worst is assumed */
	if (!err && !t.cnt)
		out->hot_ns = ns;
	if (err || !t.cnt)
		goto out;
	out->row = calloc(t.cnt, sizeof(*out->row));
	if (!out->row) {
		err = -ENOMEM;
		goto out;
	}
	for (i = 0; i < t.cnt; i++)
		deal.sum += t.ent[i].ns;
	for (i = 0; i < t.cnt; i++) {
		struct ft_mshare *row = &out->row[out->cnt++];

		type = t.ent[i].what ? ft_lock_find(f, t.ent[i].what) : NULL;
		if (type)
			memcpy(row->name, type->name, sizeof(row->name));
		row->name[sizeof(row->name) - 1] = '\0';
		ft_place_text(s, t.ent[i].frame, row->site, sizeof(row->site));
		row->ns = ft_deal(&deal, t.ent[i].ns);
		row->cnt = t.ent[i].cnt;
		row->frame = t.ent[i].frame;
	}
	fill_hot(f, &t, out);
	qsort(out->row, out->cnt, sizeof(*out->row), by_ns);
	merge_lines(s, out);
out:
	ft_tally_free(&t);
	return err;
}

void ft_sharing_free(struct ft_sharing *sh)
{
	if (!sh)
		return;
	free(sh->row);
	memset(sh, 0, sizeof(*sh));
}
