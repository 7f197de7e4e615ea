/* SPDX-License-Identifier: BSD-2-Clause */
/* Lanes of threads: spans in a row, short ones merged where there are too many. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "export/page_priv.h"

int ft_page_lanes_init(struct ft_page_lanes *l, __u32 cnt)
{
	memset(l, 0, sizeof(*l));
	l->lane = calloc(cnt ? cnt : 1, sizeof(*l->lane));
	if (!l->lane)
		return -ENOMEM;
	l->cnt = cnt;
	return 0;
}

void ft_page_lanes_free(struct ft_page_lanes *l)
{
	for (__u32 i = 0; l->lane && i < l->cnt; i++) {
		free(l->lane[i].span);
		free(l->lane[i].mix);
	}
	free(l->lane);
	memset(l, 0, sizeof(*l));
}

/* As words: a bit for each state that has a part, then the parts. */
static int new_mix(struct ft_page_lane *lane, const struct ft_page_mix *mix, __u32 *ref)
{
	void *p = lane->mix;
	int err = ft_array_reserve(&p, &lane->mix_cap, lane->mix_cnt + 1 + FT_PAGE_STATES,
				   sizeof(*lane->mix));

	lane->mix = p;
	if (err)
		return err;
	*ref = (__u32)lane->mix_cnt++;
	lane->mix[*ref] = 0;
	for (__u32 i = 0; i < FT_PAGE_STATES; i++) {
		if (!mix->part[i])
			continue;
		lane->mix[*ref] |= 1u << i;
		lane->mix[lane->mix_cnt++] = mix->part[i];
	}
	return 0;
}

void ft_page_lane_mix(const struct ft_page_lane *lane, const struct ft_page_span *s,
		      struct ft_page_mix *out)
{
	const __u32 *word = &lane->mix[s->ref];
	__u32 set = *word;

	for (__u32 i = 0; i < FT_PAGE_STATES; i++)
		out->part[i] = set >> i & 1 ? *++word : 0;
}

/* Gives back what an array has no use for any more. */
static void trim(void **p, size_t *cap, size_t cnt, size_t sz)
{
	void *q;

	if (*cap / 2 <= cnt || *cap < 1024)
		return;
	q = realloc(*p, (cnt + 1) * sz);
	if (!q)
		return;
	*p = q;
	*cap = cnt + 1;
}

static int append(struct ft_page_lanes *l, struct ft_page_lane *lane, const struct ft_page_span *s)
{
	void *p = lane->span;
	int err = ft_array_reserve(&p, &lane->cap, lane->cnt + 1, sizeof(*s));

	lane->span = p;
	if (err)
		return err;
	lane->span[lane->cnt++] = *s;
	lane->end += s->len;
	l->total++;
	return 0;
}

/* Whether it is a wait with a hand-over that can be pointed at. */
static bool is_wait(const struct ft_page_span *s)
{
	return s->state == FT_R_GIL_WAIT && s->flags & FT_PAGE_WAKER;
}

/* The longest ones are known by the shortest of them. */
static void note_wait(struct ft_page_lanes *l, __u32 len)
{
	__u32 *h = l->wait, i, child, v;

	if (l->wait_cnt < FT_PAGE_WAITS) {
		for (i = l->wait_cnt++; i && h[(i - 1) / 2] > len; i = (i - 1) / 2)
			h[i] = h[(i - 1) / 2];
		h[i] = len;
		return;
	}
	if (len <= h[0])
		return;
	for (i = 0, v = len; (child = 2 * i + 1) < l->wait_cnt; i = child) {
		if (child + 1 < l->wait_cnt && h[child + 1] < h[child])
			child++;
		if (h[child] >= v)
			break;
		h[i] = h[child];
	}
	h[i] = v;
}

int ft_page_lanes_add(struct ft_page_lanes *l, __u32 no, __u32 from, __u32 to,
		      const struct ft_page_span *s, const struct ft_page_mix *mix)
{
	struct ft_page_lane *lane = &l->lane[no];
	struct ft_page_span span = *s;
	int err = 0;

	if (!lane->cnt) {
		lane->start = from;
		lane->end = from;
	}
	if (from < lane->end) { /* a clock that stepped back */
		span.wake = span.wake > lane->end - from ? span.wake - (lane->end - from) : 0;
		from = lane->end;
	}
	/* a gap without length tells that something was lost; nothing else is told by none */
	if (to < from || (to == from && s->state != FT_PAGE_GAP))
		return 0;
	if (from > lane->end) {
		struct ft_page_span hole = {
			.len = from - lane->end, .node = FT_NO_STACK, .state = FT_PAGE_GAP};

		err = append(l, lane, &hole);
	}
	span.len = to - from;
	if (span.wake > span.len)
		span.wake = span.len;
	if (!err && s->state == FT_PAGE_MIXED)
		err = new_mix(lane, mix, &span.ref);
	if (err)
		return err;
	if (is_wait(&span))
		note_wait(l, span.len);
	return append(l, lane, &span);
}

/* Spans that become one. */
struct run {
	struct ft_page_span first;
	struct ft_page_mix mix;
	__u32 len, cnt;
};

static void add_parts(struct ft_page_mix *sum, const struct ft_page_lane *lane,
		      const struct ft_page_span *s)
{
	struct ft_page_mix mix;

	if (s->state == FT_PAGE_MIXED) {
		ft_page_lane_mix(lane, s, &mix);
		for (__u32 i = 0; i < FT_PAGE_STATES; i++)
			sum->part[i] += mix.part[i];
	} else {
		/* a gap is seen, however short */
		sum->part[s->state] += s->len || s->state != FT_PAGE_GAP ? s->len : 1;
	}
}

struct merging {
	struct ft_page_lanes *l;
	struct ft_page_lane *old, new;
	struct run run;
	__u32 detail;
};

static int put_span(struct merging *m, struct ft_page_span s)
{
	struct ft_page_mix mix;
	int err = 0;

	if (s.state == FT_PAGE_MIXED) {
		ft_page_lane_mix(m->old, &s, &mix);
		err = new_mix(&m->new, &mix, &s.ref);
	}
	/* not behind what is read: room is there */
	m->old->span[m->new.cnt++] = s;
	return err;
}

static int put_run(struct merging *m)
{
	struct ft_page_span s = {.len = m->run.len, .node = FT_NO_STACK, .state = FT_PAGE_MIXED};
	int err = 0;

	if (m->run.cnt == 1)
		err = put_span(m, m->run.first);
	if (m->run.cnt > 1) {
		err = new_mix(&m->new, &m->run.mix, &s.ref);
		m->old->span[m->new.cnt++] = s;
	}
	memset(&m->run, 0, sizeof(m->run));
	return err;
}

static bool keeps(const struct merging *m, const struct ft_page_span *s)
{
	if (s->len >= m->detail)
		return true;
	return is_wait(s) && (m->l->wait_cnt < FT_PAGE_WAITS || s->len > m->l->wait[0]);
}

static int merge_lane(struct ft_page_lanes *l, struct ft_page_lane *lane, __u32 detail)
{
	struct merging m = {.l = l, .old = lane, .detail = detail};
	void *p;
	int err = 0;

	for (size_t i = 0; i < lane->cnt && !err; i++) {
		struct ft_page_span s = lane->span[i];

		if (m.run.cnt && (keeps(&m, &s) || m.run.len >= detail))
			err = put_run(&m);
		if (err)
			break;
		if (keeps(&m, &s)) {
			err = put_span(&m, s);
			continue;
		}
		if (!m.run.cnt++)
			m.run.first = s;
		add_parts(&m.run.mix, lane, &s);
		m.run.len += s.len;
	}
	if (!err)
		err = put_run(&m);
	if (err) {
		free(m.new.mix);
		return err;
	}
	l->total -= lane->cnt - m.new.cnt;
	lane->cnt = m.new.cnt;
	free(lane->mix);
	lane->mix = m.new.mix;
	lane->mix_cnt = m.new.mix_cnt;
	lane->mix_cap = m.new.mix_cap;
	p = lane->mix;
	trim(&p, &lane->mix_cap, lane->mix_cnt, sizeof(*lane->mix));
	lane->mix = p;
	p = lane->span;
	trim(&p, &lane->cap, lane->cnt, sizeof(*lane->span));
	lane->span = p;
	return 0;
}

int ft_page_lanes_merge(struct ft_page_lanes *l, __u32 detail)
{
	int err = 0;

	for (__u32 i = 0; i < l->cnt && !err; i++)
		err = merge_lane(l, &l->lane[i], detail);
	return err;
}

static void put_mixed(const struct ft_page_lane *lane, const struct ft_page_span *s,
		      struct ft_page_shares *shares, struct ft_bytes *out)
{
	struct ft_page_mix mix;
	__u8 share[FT_PAGE_STATES];
	__u32 cnt = 0, i;

	ft_page_lane_mix(lane, s, &mix);
	ft_page_share(shares, mix.part, FT_PAGE_STATES, s->len, true, share);
	if (mix.part[FT_PAGE_GAP] && !share[FT_PAGE_GAP]) {
		share[FT_PAGE_GAP] = 1;
		shares->carry[FT_PAGE_GAP] -= s->len / 255.0;
	}
	for (i = 0; i < FT_PAGE_STATES; i++)
		cnt += share[i] != 0;
	ft_bytes_v(out, cnt);
	for (i = 0; i < FT_PAGE_STATES; i++) {
		if (!share[i])
			continue;
		ft_bytes_u8(out, (__u8)i);
		ft_bytes_u8(out, share[i]);
	}
}

static void put_lane(const struct ft_page_lane *lane, const struct ft_page_stacks *st,
		     const __u32 *lock, struct ft_bytes *out)
{
	struct ft_page_shares shares = {0};

	ft_bytes_v(out, lane->cnt);
	ft_bytes_v(out, lane->start);
	for (size_t i = 0; i < lane->cnt; i++) {
		const struct ft_page_span *s = &lane->span[i];
		__u32 node = s->node != FT_NO_STACK ? st->number[s->node] : FT_NO_STACK;
		bool stack = node != FT_NO_STACK;
		bool waits = s->state == FT_R_GIL_WAIT || s->state == FT_R_LOCK_WAIT;
		bool waker = waits && s->flags & FT_PAGE_WAKER;

		ft_bytes_u8(out, (__u8)(s->state | (s->flags & FT_PAGE_FIRST ? 0x10 : 0) |
					(s->flags & FT_PAGE_HELD ? 0x20 : 0) | (waker ? 0x40 : 0) |
					(stack ? 0x80 : 0)));
		ft_bytes_v(out, s->len);
		if (s->state <= FT_R_ON_SPIN)
			ft_bytes_v(out, s->cpu == FT_SPAN_NO_CPU ? 0 : s->cpu + 1u);
		else if (s->state == FT_PAGE_MIXED)
			put_mixed(lane, s, &shares, out);
		if (waker) {
			ft_bytes_v(out, s->waker);
			ft_bytes_v(out, s->wake);
		}
		if (s->state == FT_R_LOCK_WAIT)
			ft_bytes_v(out, s->ref && lock ? lock[s->ref - 1] : 0);
		if (stack)
			ft_bytes_v(out, node);
	}
}

void ft_page_lanes_put(const struct ft_page_lanes *l, const struct ft_page_stacks *st,
		       const __u32 *lock, struct ft_bytes *out)
{
	for (__u32 i = 0; i < l->cnt; i++)
		put_lane(&l->lane[i], st, lock, out);
}
