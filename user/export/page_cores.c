/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lanes of cores: who was on them. Spans come in the order in which threads came back, long after
 * they ended, so they are sorted when lanes are made coarser or written. Two threads cannot have
 * been on one core at once; where a core was guessed they may seem so: the first has it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "export/page_priv.h"

#define TAG_AWAY 3

void ft_page_cores_free(struct ft_page_cores *c)
{
	if (!c)
		return;
	for (__u32 i = 0; i < FT_MAX_CPUS; i++) {
		free(c->core[i].span);
		free(c->core[i].mix);
		free(c->core[i].window);
	}
	free(c->gap);
}

/* The threads with the most time are found with a few counters; see struct ft_tl_top. */
static void top_add(struct ft_page_cmix *m, __u32 thr, __u32 ns)
{
	__u32 min = 0;

	for (__u32 i = 0; i < FT_PAGE_TOP; i++) {
		if (m->ns[i] && m->thr[i] == thr) {
			m->ns[i] += ns;
			return;
		}
		if (m->ns[i] < m->ns[min])
			min = i;
	}
	m->thr[min] = thr;
	m->ns[min] += ns;
}

static int new_mix(struct ft_page_core *core, const struct ft_page_cmix *mix, __u32 *ref)
{
	void *p = core->mix;
	int err = ft_array_reserve(&p, &core->mix_cap, core->mix_cnt + 1, sizeof(*mix));

	core->mix = p;
	if (err)
		return err;
	*ref = (__u32)core->mix_cnt;
	core->mix[core->mix_cnt++] = *mix;
	return 0;
}

int ft_page_cores_on(struct ft_page_cores *c, __u32 cpu, __u32 thr, __u32 from, __u32 to,
		     const __u32 part[FT_ON_CNT])
{
	struct ft_page_cspan s = {.from = from, .len = to - from, .thr = thr};
	struct ft_page_core *core;
	struct ft_page_cmix mix = {0};
	void *p;
	int err = 0;

	if (cpu >= FT_MAX_CPUS || to <= from)
		return 0;
	core = &c->core[cpu];
	core->shown = true;
	s.state = FT_PAGE_MIXED;
	for (__u8 i = 0; i < FT_ON_CNT; i++)
		if (part[i] == s.len)
			s.state = FT_R_ON_GIL + i;
	if (s.state == FT_PAGE_MIXED) {
		memcpy(mix.part, part, sizeof(mix.part));
		top_add(&mix, thr, s.len);
		err = new_mix(core, &mix, &s.mix);
	}
	p = core->span;
	err = err ?: ft_array_reserve(&p, &core->cap, core->cnt + 1, sizeof(s));
	core->span = p;
	if (err)
		return err;
	core->span[core->cnt++] = s;
	c->total++;
	return 0;
}

static int by_from(const void *a, const void *b)
{
	const struct ft_page_cspan *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->len < y->len ? -1 : x->len > y->len;
}

static int by_window(const void *a, const void *b)
{
	const struct ft_page_window *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->to < y->to ? -1 : x->to > y->to;
}

/* Sorts windows, makes them disjoint, and joins short ones that are near, both by `least` units. */
static void join_windows(struct ft_page_cores *c, struct ft_page_core *core, __u32 least)
{
	struct ft_page_window *w = core->window;
	size_t n = 0;

	if (core->window_cnt)
		qsort(w, core->window_cnt, sizeof(*w), by_window);
	for (size_t i = 0; i < core->window_cnt; i++) {
		struct ft_page_window v = w[i];

		if (n && v.from < w[n - 1].to) {
			if (v.to <= w[n - 1].to)
				continue;
			v.others *= (float)(v.to - w[n - 1].to) / (float)(v.to - v.from);
			v.from = w[n - 1].to;
		}
		if (n && v.from - w[n - 1].to <= least && w[n - 1].to - w[n - 1].from < least) {
			w[n - 1].to = v.to;
			w[n - 1].others += v.others;
		} else {
			w[n++] = v;
		}
	}
	c->windows -= core->window_cnt - n;
	core->window_cnt = n;
}

/* To half of what there may be, so that it is not made for every window. */
static void join_all_windows(struct ft_page_cores *c)
{
	__u32 least = c->length / FT_PAGE_WINDOWS_MAX;

	for (; c->windows > FT_PAGE_WINDOWS_MAX / 2; least = least * 2 + 1)
		for (__u32 i = 0; i < FT_MAX_CPUS; i++)
			join_windows(c, &c->core[i], least);
}

int ft_page_cores_other(struct ft_page_cores *c, __u32 cpu, __u32 from, __u32 to, double units)
{
	struct ft_page_core *core;
	void *p;
	int err;

	if (cpu >= FT_MAX_CPUS || to <= from)
		return 0;
	core = &c->core[cpu];
	core->shown = true;
	if (c->windows >= FT_PAGE_WINDOWS_MAX)
		join_all_windows(c);
	p = core->window;
	err = ft_array_reserve(&p, &core->window_cap, core->window_cnt + 1, sizeof(*core->window));
	core->window = p;
	if (err)
		return err;
	core->window[core->window_cnt++] =
		(struct ft_page_window){.from = from, .to = to, .others = (float)units};
	c->windows++;
	return 0;
}

static int by_gap(const void *a, const void *b)
{
	const struct ft_page_gap *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

/* Joins gaps that are closer than `near` units. */
static void join_gaps(struct ft_page_cores *c, __u32 near)
{
	size_t n = 0;

	if (c->gap_cnt)
		qsort(c->gap, c->gap_cnt, sizeof(*c->gap), by_gap);
	for (size_t i = 0; i < c->gap_cnt; i++) {
		struct ft_page_gap g = c->gap[i];

		if (n && (g.from <= c->gap[n - 1].to || g.from - c->gap[n - 1].to <= near)) {
			if (g.to > c->gap[n - 1].to)
				c->gap[n - 1].to = g.to;
		} else {
			c->gap[n++] = g;
		}
	}
	c->gap_cnt = n;
}

int ft_page_cores_gap(struct ft_page_cores *c, __u32 from, __u32 to)
{
	void *p = c->gap;
	int err;

	if (to <= from)
		return 0;
	/* to half of what there may be, so that it is not made for every gap */
	if (c->gap_cnt >= FT_PAGE_GAPS_MAX)
		for (__u32 near = 0; c->gap_cnt > FT_PAGE_GAPS_MAX / 2; near = near * 2 + 1)
			join_gaps(c, near);
	err = ft_array_reserve(&p, &c->gap_cap, c->gap_cnt + 1, sizeof(*c->gap));
	c->gap = p;
	if (!err)
		c->gap[c->gap_cnt++] = (struct ft_page_gap){from, to};
	return err;
}

/* Spans that become one: its parts, and how far it goes. */
struct run {
	struct ft_page_cspan first;
	struct ft_page_cmix mix;
	__u32 from, end, cnt;
};

struct merging {
	struct ft_page_core *core, new;
	struct run run;
	__u32 detail;
};

static void add_parts(struct ft_page_cmix *sum, const struct ft_page_core *core,
		      const struct ft_page_cspan *s, __u32 len, __u32 room)
{
	const struct ft_page_cmix *mix;

	if (len > room)
		len = room;
	if (s->state != FT_PAGE_MIXED) {
		sum->part[s->state] += len;
		if (len)
			top_add(sum, s->thr, len);
		return;
	}
	mix = &core->mix[s->mix];
	for (__u32 i = 0; i < FT_ON_CNT; i++)
		sum->part[i] += mix->part[i];
	for (__u32 i = 0; i < FT_PAGE_TOP; i++)
		if (mix->ns[i])
			top_add(sum, mix->thr[i], mix->ns[i]);
}

static __u32 used(const struct ft_page_cmix *m)
{
	return m->part[0] + m->part[1] + m->part[2];
}

/* The room for what is written is that of what was read. */
static int put_span(struct merging *m, struct ft_page_cspan s, const struct ft_page_cmix *mix)
{
	int err = 0;

	if (s.state == FT_PAGE_MIXED)
		err = new_mix(&m->new, mix, &s.mix);
	m->core->span[m->new.cnt++] = s;
	return err;
}

static int put_run(struct merging *m)
{
	struct run *r = &m->run;
	struct ft_page_cspan s = {.from = r->from, .len = r->end - r->from, .state = FT_PAGE_MIXED};
	int err = 0;

	if (r->cnt == 1 && r->first.from == r->from && r->first.len == s.len)
		err = put_span(m, r->first,
			       r->first.state == FT_PAGE_MIXED ? &m->core->mix[r->first.mix]
							       : NULL);
	else if (r->cnt)
		err = put_span(m, s, &r->mix);
	memset(r, 0, sizeof(*r));
	return err;
}

/* What overlaps with what is there is a part of it if both can be, and left out if not. */
static void overlap(struct merging *m, struct ft_page_cspan *s)
{
	struct ft_page_cspan *last = m->new.cnt ? &m->core->span[m->new.cnt - 1] : NULL;
	struct ft_page_cmix *mix = NULL;
	__u32 end, in, len;

	if (m->run.cnt) {
		end = m->run.end;
		len = m->run.end - m->run.from;
		if (m->run.cnt > 1 || m->run.first.state == FT_PAGE_MIXED)
			mix = &m->run.mix;
	} else if (last) {
		end = last->from + last->len;
		len = last->len;
		if (last->state == FT_PAGE_MIXED)
			mix = &m->new.mix[last->mix];
	} else {
		return;
	}
	if (s->from >= end)
		return;
	in = end - s->from < s->len ? end - s->from : s->len;
	if (mix && s->state != FT_PAGE_MIXED && used(mix) < len)
		add_parts(mix, m->core, s, in, len - used(mix));
	if (mix && m->run.cnt == 1)
		m->run.cnt++;
	if (s->state == FT_PAGE_MIXED)
		for (__u32 i = 0; i < FT_ON_CNT; i++)
			m->core->mix[s->mix].part[i] = (__u32)((__u64)m->core->mix[s->mix].part[i] *
							       (s->len - in) / s->len);
	s->from += in;
	s->len -= in;
}

static int take(struct merging *m, struct ft_page_cspan s)
{
	__u32 end, detail = m->detail;
	bool keep;
	int err = 0;

	overlap(m, &s);
	if (!s.len)
		return 0;
	keep = s.len >= detail;
	end = m->run.end;
	if (m->run.cnt && s.from - end < detail && (keep || end - m->run.from >= detail)) {
		/* time away that is too short to be told apart goes with what is before it */
		m->run.cnt += s.from > end;
		m->run.end = s.from;
	}
	if (m->run.cnt && (keep || s.from - end >= detail || m->run.end - m->run.from >= detail))
		err = put_run(m);
	if (err)
		return err;
	if (keep)
		return put_span(m, s, s.state == FT_PAGE_MIXED ? &m->core->mix[s.mix] : NULL);
	if (!m->run.cnt++) {
		m->run.first = s;
		m->run.from = s.from;
	}
	add_parts(&m->run.mix, m->core, &s, s.len, s.len);
	m->run.end = s.from + s.len;
	return 0;
}

static int merge_core(struct ft_page_cores *c, struct ft_page_core *core, __u32 detail)
{
	struct merging m = {.core = core, .detail = detail};
	struct ft_page_cspan *span;
	int err = 0;

	if (core->cnt)
		qsort(core->span, core->cnt, sizeof(*core->span), by_from);
	for (size_t i = 0; i < core->cnt && !err; i++)
		err = take(&m, core->span[i]);
	if (!err)
		err = put_run(&m);
	if (err) {
		free(m.new.mix);
		return err;
	}
	c->total -= core->cnt - m.new.cnt;
	core->cnt = m.new.cnt;
	free(core->mix);
	core->mix = m.new.mix;
	core->mix_cnt = m.new.mix_cnt;
	core->mix_cap = m.new.mix_cap;
	if (core->cap > 1024 && core->cap / 2 > core->cnt) {
		span = realloc(core->span, (core->cnt + 1) * sizeof(*span));
		core->cap = span ? core->cnt + 1 : core->cap;
		core->span = span ? span : core->span;
	}
	return 0;
}

int ft_page_cores_merge(struct ft_page_cores *c, __u32 detail)
{
	int err = 0;

	for (__u32 i = 0; i < FT_MAX_CPUS && !err; i++)
		err = merge_core(c, &c->core[i], detail);
	return err;
}

static __u32 on_units(const struct ft_page_core *core, const struct ft_page_cspan *s)
{
	return s->state == FT_PAGE_MIXED ? used(&core->mix[s->mix]) : s->len;
}

static __u32 common(__u32 a, __u32 b, __u32 c, __u32 d)
{
	__u32 lo = a > c ? a : c, hi = b < d ? b : d;

	return hi > lo ? hi - lo : 0;
}

/* What the others of a window had becomes their share of the time that the core was away in it. */
static void find_shares(struct ft_page_core *core)
{
	size_t at = 0;

	for (size_t i = 0; i < core->window_cnt; i++) {
		struct ft_page_window *w = &core->window[i];
		double away = w->to - w->from;

		while (at < core->cnt && core->span[at].from + core->span[at].len <= w->from)
			at++;
		for (size_t k = at; k < core->cnt && core->span[k].from < w->to; k++) {
			const struct ft_page_cspan *s = &core->span[k];

			away -= (double)common(w->from, w->to, s->from, s->from + s->len) *
				on_units(core, s) / s->len;
		}
		w->share = w->others > 0 ? 1 : 0;
		if (away > 0 && w->others < away)
			w->share = (float)(w->others / away);
	}
}

/* A lane as it is written: pieces of time away are joined while they are of one kind. */
struct putting {
	const struct ft_page_cores *c;
	const struct ft_page_core *core;
	struct ft_bytes body;
	struct ft_page_shares shares;
	size_t cnt, window, gap;
	__u32 away_len;
	__u8 away_tag, away_share;
};

static void flush_away(struct putting *p)
{
	if (!p->away_len)
		return;
	ft_bytes_u8(&p->body, p->away_tag);
	ft_bytes_v(&p->body, p->away_len);
	if (p->away_tag == TAG_AWAY)
		ft_bytes_u8(&p->body, p->away_share);
	p->cnt++;
	p->away_len = 0;
}

static void put_piece(struct putting *p, __u32 len, __u8 tag, __u8 share)
{
	if (p->away_len && (tag != p->away_tag || share != p->away_share))
		flush_away(p);
	p->away_tag = tag;
	p->away_share = share;
	p->away_len += len;
}

/* Away from a to b: cut where windows and gaps begin and end. */
static void put_away(struct putting *p, __u32 a, __u32 b)
{
	const struct ft_page_core *core = p->core;

	while (a < b) {
		__u32 end = b;
		bool gap = false;
		float share = 0;

		while (p->gap < p->c->gap_cnt && p->c->gap[p->gap].to <= a)
			p->gap++;
		while (p->window < core->window_cnt && core->window[p->window].to <= a)
			p->window++;
		if (p->gap < p->c->gap_cnt) {
			const struct ft_page_gap *g = &p->c->gap[p->gap];

			gap = g->from <= a;
			if ((gap ? g->to : g->from) < end)
				end = gap ? g->to : g->from;
		}
		if (p->window < core->window_cnt && !gap) {
			const struct ft_page_window *w = &core->window[p->window];
			bool in = w->from <= a;

			share = in ? w->share : 0;
			if ((in ? w->to : w->from) < end)
				end = in ? w->to : w->from;
		}
		put_piece(p, end - a, gap ? FT_PAGE_GAP : TAG_AWAY,
			  gap ? 0 : (__u8)(share * 255 + 0.5f));
		a = end;
	}
}

/* The others' part of the time away in a mixed span. */
static __u32 others_in(struct putting *p, const struct ft_page_cspan *s, __u32 away)
{
	const struct ft_page_core *core = p->core;
	double sum = 0;

	while (p->window < core->window_cnt && core->window[p->window].to <= s->from)
		p->window++;
	for (size_t i = p->window; i < core->window_cnt && core->window[i].from < s->from + s->len;
	     i++)
		sum += (double)core->window[i].share *
		       common(s->from, s->from + s->len, core->window[i].from, core->window[i].to);
	return (__u32)(sum / s->len * away);
}

static void put_on(struct putting *p, const struct ft_page_cspan *s)
{
	const struct ft_page_cmix *mix;
	__u32 part[FT_ON_CNT + 1], best = 0;
	__u8 share[FT_ON_CNT + 1];

	flush_away(p);
	p->cnt++;
	ft_bytes_u8(&p->body, s->state);
	ft_bytes_v(&p->body, s->len);
	if (s->state != FT_PAGE_MIXED) {
		ft_bytes_v(&p->body, s->thr);
		return;
	}
	mix = &p->core->mix[s->mix];
	memcpy(part, mix->part, sizeof(mix->part));
	part[FT_ON_CNT] = used(mix) < s->len ? others_in(p, s, s->len - used(mix)) : 0;
	ft_page_share(&p->shares, part, FT_ON_CNT + 1, s->len, false, share);
	for (__u32 i = 1; i < FT_PAGE_TOP; i++)
		if (mix->ns[i] > mix->ns[best])
			best = i;
	ft_bytes_v(&p->body, mix->thr[best]);
	for (__u32 i = 0; i <= FT_ON_CNT; i++)
		ft_bytes_u8(&p->body, share[i]);
}

static int put_core(struct ft_page_cores *c, struct ft_page_core *core, struct ft_bytes *out)
{
	struct putting p = {.c = c, .core = core};
	__u32 at = 0;

	find_shares(core);
	for (size_t i = 0; i < core->cnt; i++) {
		const struct ft_page_cspan *s = &core->span[i];

		put_away(&p, at, s->from);
		put_on(&p, s);
		at = s->from + s->len;
	}
	put_away(&p, at, c->length);
	flush_away(&p);
	ft_bytes_v(out, p.cnt);
	ft_bytes_v(out, 0);
	ft_bytes_add(out, p.body.p, p.body.len);
	if (p.body.err)
		out->err = p.body.err;
	ft_bytes_free(&p.body);
	return out->err;
}

int ft_page_cores_put(struct ft_page_cores *c, __u32 detail, struct ft_bytes *out)
{
	__u32 near = c->length / FT_PAGE_COLS;
	int err = 0;

	if (detail)
		join_gaps(c, near > detail ? near : detail);
	else
		join_gaps(c, 0);
	for (__u32 i = 0; i < FT_MAX_CPUS && !err; i++) {
		if (!c->core[i].shown)
			continue;
		join_windows(c, &c->core[i], detail);
		err = put_core(c, &c->core[i], out);
	}
	return err;
}
