/* SPDX-License-Identifier: BSD-2-Clause */
/* Samples of a page, and the tree of their frames: the heaviest stacks, the rest by their begin. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "export/escape.h"
#include "export/page_priv.h"
#include "export/palette.h"

#define NAME_CHARS 300
#define NODE_BYTES 28 /* "123456,12345,", and as much for a mark below it */
#define NONE 0xffffffffu
#define LEFT_OUT "[left out]"

int ft_page_stacks_init(struct ft_page_stacks *p, const struct ft_stacks *s)
{
	memset(p, 0, sizeof(*p));
	p->random = 0x9e3779b97f4a7c15;
	p->s = s;
	p->total = calloc(s->node_cnt + 1, sizeof(*p->total));
	p->number = calloc(s->node_cnt + 1, sizeof(*p->number));
	p->frame = calloc(s->frame_cnt + 1, sizeof(*p->frame));
	p->order = calloc(s->frame_cnt + 1, sizeof(*p->order));
	return p->total && p->number && p->frame && p->order ? 0 : -ENOMEM;
}

void ft_page_stacks_free(struct ft_page_stacks *p)
{
	free(p->sample);
	free(p->total);
	free(p->number);
	free(p->frame);
	free(p->order);
	ft_bytes_free(&p->node);
	memset(p, 0, sizeof(*p));
}

static int by_time(const void *a, const void *b)
{
	const struct ft_page_sample *x = a, *y = b;

	if (x->t != y->t)
		return x->t < y->t ? -1 : 1;
	if (x->what != y->what)
		return x->what < y->what ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

static __u64 add_sat(__u64 a, __u64 b)
{
	return a + b < a ? ~0ull : a + b;
}

/* What a sample stands for. */
static __u64 weight(const struct ft_page_stacks *p, const struct ft_page_sample *s)
{
	return s->ns > p->least_ns ? s->ns : p->least_ns;
}

/* True with the chance of part / whole; the same for the same session (xorshift64). */
static bool chance(struct ft_page_stacks *p, __u64 part, __u64 whole)
{
	p->random ^= p->random << 13;
	p->random ^= p->random >> 7;
	p->random ^= p->random << 17;
	return (double)(p->random >> 11) * 0x1p-53 * (double)whole < (double)part;
}

/* How many samples are to be expected when none stands for less than `least`. */
static double expect(const struct ft_page_stacks *p, __u64 least)
{
	double sum = 0;

	for (size_t i = 0; i < p->cnt; i++) {
		__u64 w = weight(p, &p->sample[i]);

		sum += w < least ? (double)w / (double)least : 1;
	}
	return sum;
}

/*
 * Threshold sampling (Duffield, Lund, Thorup 2005): what stands for less than a threshold stays
 * with the chance of its part of that, and then stands for as much as the threshold. So the sum
 * over any choice of samples is right on average, long sleeps all stay, and each keeps its time.
 */
static void thin_out(struct ft_page_stacks *p, size_t max)
{
	__u64 least = p->least_ns ? p->least_ns : 1;
	size_t n = 0;

	if (p->cnt <= max)
		return;
	while (least < 1ull << 62 && expect(p, least) > 0.97 * (double)max)
		least += least / 4 + 1;
	for (size_t i = 0; i < p->cnt; i++) {
		__u64 w = weight(p, &p->sample[i]);

		if (w >= least || chance(p, w, least))
			p->sample[n++] = p->sample[i];
	}
	p->cnt = n;
	p->least_ns = least;
}

int ft_page_stacks_add(struct ft_page_stacks *p, __u32 t, __u8 what, __u32 node, __u64 ns)
{
	void *v = p->sample;
	int err;

	if (node >= p->s->node_cnt || !ns)
		return 0;
	if (ns < p->least_ns && !chance(p, ns, p->least_ns))
		return 0;
	if (p->cnt >= 4 * FT_PAGE_SAMPLES_MAX)
		thin_out(p, 2 * FT_PAGE_SAMPLES_MAX);
	err = ft_array_reserve(&v, &p->cap, p->cnt + 1, sizeof(*p->sample));
	p->sample = v;
	if (err)
		return err;
	p->sample[p->cnt++] = (struct ft_page_sample){.t = t, .what = what, .node = node, .ns = ns};
	return 0;
}

struct heavy {
	__u64 total;
	__u32 node;
};

/* Heaviest first; of one weight the caller first, whose number is the lower. */
static int by_weight(const void *a, const void *b)
{
	const struct heavy *x = a, *y = b;

	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

static void add_name(struct ft_text *out, const struct ft_frame *fr)
{
	ft_text_add(out, "\"");
	ft_esc_add(out, FT_ESC_JSON, fr->name, NAME_CHARS);
	ft_text_add(out, "\",\"");
	ft_esc_add_tail(out, FT_ESC_JSON, fr->file, NAME_CHARS);
	ft_text_add(out, "\"");
}

/* Bytes of a node as JSON, with its frame if that is the first of it. */
static size_t cost(struct ft_page_stacks *p, __u32 node, struct ft_text *tmp)
{
	__u32 frame = p->s->node[node].frame;

	if (p->frame[frame])
		return NODE_BYTES;
	p->order[p->frame_cnt++] = frame;
	p->frame[frame] = p->frame_cnt;
	tmp->len = 0;
	add_name(tmp, &p->s->frame[frame]);
	return NODE_BYTES + tmp->len + 16;
}

/* Marks in number[] the nodes that are in the page with 1. */
static int choose(struct ft_page_stacks *p, size_t bytes)
{
	struct ft_text tmp = {0};
	struct heavy *h = NULL;
	size_t cnt = 0, sum = 0, nodes = p->s->node_cnt;
	int err;

	for (size_t i = 0; i < p->cnt; i++) {
		__u64 *t = &p->total[p->sample[i].node];

		*t = add_sat(*t, weight(p, &p->sample[i]));
	}
	for (size_t i = nodes; i-- > 0;) {
		__u32 parent = p->s->node[i].parent;

		cnt += p->total[i] != 0;
		if (parent < i)
			p->total[parent] = add_sat(p->total[parent], p->total[i]);
	}
	h = calloc(cnt + 1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	cnt = 0;
	for (size_t i = 0; i < nodes; i++)
		if (p->total[i])
			h[cnt++] = (struct heavy){p->total[i], (__u32)i};
	if (cnt)
		qsort(h, cnt, sizeof(*h), by_weight);
	for (size_t i = 0; i < cnt && sum < bytes && !tmp.err; i++) {
		sum += cost(p, h[i].node, &tmp);
		p->number[h[i].node] = 1;
	}
	err = tmp.err;
	ft_text_free(&tmp);
	free(h);
	return err;
}

/* Adds a node to the page. Returns its number. */
static __u32 add_node(struct ft_page_stacks *p, __u32 parent1, __u32 frame)
{
	__u32 pair[2] = {parent1, frame};

	ft_bytes_add(&p->node, pair, sizeof(pair));
	return (__u32)(p->node.len / sizeof(pair)) - 1;
}

/*
 * Numbers the nodes, callers first: one that is left out becomes the mark below the nearest caller
 * that is not.
 */
static int number(struct ft_page_stacks *p)
{
	size_t nodes = p->s->node_cnt;
	__u32 *mark = calloc(nodes + 1, sizeof(*mark)); /* [0]: outermost; number + 1 */
	__u32 *in = calloc(nodes + 1, sizeof(*in));	/* nearest that is in the page + 1 */
	__u32 up, parent;
	int err = -ENOMEM;

	if (!mark || !in)
		goto out;
	for (size_t i = 0; i < nodes; i++) {
		parent = p->s->node[i].parent;
		up = parent < i ? in[parent] : 0;
		in[i] = up;
		if (p->number[i]) {
			p->number[i] = add_node(p, up ? p->number[up - 1] + 1 : 0,
						p->frame[p->s->node[i].frame] - 1);
			in[i] = (__u32)i + 1;
			continue;
		}
		p->number[i] = NONE;
		if (!p->total[i])
			continue;
		if (!p->mark)
			p->mark = p->frame_cnt + 1;
		if (!mark[up])
			mark[up] = add_node(p, up ? p->number[up - 1] + 1 : 0, p->mark - 1) + 1;
		p->number[i] = mark[up] - 1;
	}
	err = p->node.err;
out:
	free(in);
	free(mark);
	return err;
}

int ft_page_stacks_settle(struct ft_page_stacks *p, size_t bytes)
{
	int err;

	thin_out(p, FT_PAGE_SAMPLES_MAX);
	err = choose(p, bytes);
	err = err ?: number(p);
	if (err)
		return err;
	for (size_t i = 0; i < p->cnt; i++)
		p->sample[i].node = p->number[p->sample[i].node];
	if (p->cnt)
		qsort(p->sample, p->cnt, sizeof(*p->sample), by_time);
	return 0;
}

void ft_page_stacks_json(const struct ft_page_stacks *p, struct ft_text *out)
{
	const __u32 *pair = (const void *)p->node.p;

	ft_text_add(out, "\"frames\":[");
	for (__u32 i = 0; i < p->frame_cnt; i++) {
		const struct ft_frame *fr = &p->s->frame[p->order[i]];

		ft_text_printf(out, "%s%u,", i ? ",\n" : "", fr->kind);
		add_name(out, fr);
		ft_text_printf(out, ",%u,%u", fr->line, ft_pal_tint_of(fr));
	}
	if (p->mark)
		ft_text_printf(out, "%s%u,\"" LEFT_OUT "\",\"\",0,0", p->frame_cnt ? ",\n" : "",
			       FT_FK_MARK);
	ft_text_add(out, "],\n\"nodes\":[");
	for (size_t i = 0; i < p->node.len / 8; i++)
		ft_text_printf(out, "%s%u,%u", i ? "," : "", pair[2 * i], pair[2 * i + 1]);
	ft_text_add(out, "]");
}

void ft_page_stacks_put(const struct ft_page_stacks *p, struct ft_bytes *out)
{
	__u32 last = 0;

	ft_bytes_v(out, p->cnt);
	for (size_t i = 0; i < p->cnt; i++) {
		const struct ft_page_sample *s = &p->sample[i];

		ft_bytes_v(out, s->t - last);
		ft_bytes_u8(out, s->what);
		ft_bytes_v(out, s->node);
		ft_bytes_v(out, s->ns);
		last = s->t;
	}
}
