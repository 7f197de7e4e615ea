/* SPDX-License-Identifier: BSD-2-Clause */
/* Events to columns of bytes. */
#include "record/codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record/codec_model.h"
#include "record/evsort.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are stored as they are");

/* Two threads an event at most, and the table no more than half full. */
#define HASH_BITS 17
#define HASH_SZ (1u << HASH_BITS)
_Static_assert(HASH_SZ >= 4 * FT_CODEC_MAX_EVENTS, "hash");

/* One stack an event. */
#define STACK_HASH_BITS 16
#define STACK_HASH_SZ (1u << STACK_HASH_BITS)
_Static_assert(STACK_HASH_SZ >= 2 * FT_CODEC_MAX_EVENTS, "hash");

#define SLACK 16 /* wide numbers are stored eight bytes at a time */
#define MAX_PERIOD_SAMPLES 512

/* The most bytes that one event adds to a column. */
static const __u8 col_max[COL_CNT] = {
	[COL_HEAD] = 1,	    [COL_STATE] = 2,	[COL_THR] = 3,	    [COL_NEW] = 10, [COL_CPU] = 3,
	[COL_TICK_CPU] = 3, [COL_TICK_THR] = 3, [COL_ARG] = 10,	    [COL_SEQ] = 10, [COL_WAKER] = 3,
	[COL_MISC] = 20,    [COL_STACK] = 3,	[COL_NEWSTACK] = 5,
};
static const __u8 part_max[PART_CNT] = {1, 1, 1, 1, 5};

struct enc {
	struct ft_codec *c;
	__u8 *col[COL_CNT];
	__u8 *wide[WIDE_CNT][PART_CNT];
	__u8 *begin[STREAM_CNT];
};

static inline void put_wide(__u8 **w, __u64 v)
{
	unsigned int n = v ? (71u - (unsigned int)__builtin_clzll(v)) / 8 : 0;
	__u64 rest = v >> 24;

	/* written always, kept by moving on: no branch for the processor to guess */
	*w[PART_LEN]++ = (__u8)n;
	*w[PART_B0] = (__u8)v;
	*w[PART_B1] = (__u8)(v >> 8);
	*w[PART_B2] = (__u8)(v >> 16);
	memcpy(w[PART_REST], &rest, sizeof(rest));
	w[PART_B0] += n > 0;
	w[PART_B1] += n > 1;
	w[PART_B2] += n > 2;
	w[PART_REST] += n > 3 ? n - 3 : 0;
}

/* The number of a thread in the chunk's dictionary, adding it. 0 or -ENOMEM. */
static inline int intern(struct enc *e, __u32 thr, __u32 *local)
{
	struct cmodel *m = &e->c->m;
	__u32 slot = (thr * 2654435761u) >> (32 - HASH_BITS), l, last;
	int err;

	while ((l = e->c->hash[slot])) {
		if (m->threads[l - 1].thr == thr) {
			*local = l - 1;
			return 0;
		}
		slot = (slot + 1) & (HASH_SZ - 1);
	}
	last = m->last_new;
	*local = (__u32)m->thread_cnt;
	err = model_add(m, thr);
	if (err)
		return err;
	m->threads[*local].slot = slot;
	e->c->hash[slot] = *local + 1;
	put_var(&e->col[COL_NEW], zigzag((__u64)thr - last));
	return 0;
}

/* The stack of a SLICE or a TICK. 0 or -ENOMEM. */
static inline int put_stack(struct enc *e, __u32 stack)
{
	struct cmodel *m = &e->c->m;
	__u32 slot = (stack * 2654435761u) >> (32 - STACK_HASH_BITS), l, last;
	int err;

	if (stack == FT_NO_STACK) {
		put_var(&e->col[COL_STACK], 0);
		return 0;
	}
	while ((l = e->c->stack_hash[slot])) {
		if (m->stacks[l - 1].stack == stack) {
			put_var(&e->col[COL_STACK], l);
			return 0;
		}
		slot = (slot + 1) & (STACK_HASH_SZ - 1);
	}
	last = m->stack_cnt ? m->stacks[m->stack_cnt - 1].stack : 0;
	err = model_add_stack(m, stack);
	if (err)
		return err;
	m->stacks[m->stack_cnt - 1].slot = slot;
	e->c->stack_hash[slot] = (__u32)m->stack_cnt;
	put_var(&e->col[COL_STACK], m->stack_cnt);
	put_var(&e->col[COL_NEWSTACK], zigzag((__u64)stack - last));
	return 0;
}

static int put_slice(struct enc *e, const struct ft_event *ev)
{
	struct cmodel *m = &e->c->m;
	__u32 local, waker = 0;
	struct cthread *t;
	__u8 head = ev->type;
	int err;

	err = intern(e, ev->thr, &local);
	if (err)
		return err;
	put_var(&e->col[COL_THR], local);
	if (ev->waker != FT_NO_THREAD) {
		err = intern(e, ev->waker, &waker);
		if (err)
			return err;
		waker++;
	}
	put_var(&e->col[COL_WAKER], waker);
	t = &m->threads[local];
	if (ev->out_ns < t->ts) {
		head |= HEAD_NEG;
		put_wide(e->wide[WIDE_ON], t->ts - ev->out_ns);
	} else {
		put_wide(e->wide[WIDE_ON], ev->out_ns - t->ts);
	}
	if (ev->wake_ns) {
		head |= HEAD_WAKE;
		put_wide(e->wide[WIDE_OFF], ev->wake_ns - ev->out_ns);
		put_wide(e->wide[WIDE_RUNQ], ev->ts - ev->wake_ns);
	} else {
		put_wide(e->wide[WIDE_OFF], ev->ts - ev->out_ns);
	}
	*e->col[COL_HEAD]++ = head;
	put_var(&e->col[COL_CPU], zigzag((__u64)ev->cpu - t->cpu));
	put_var(&e->col[COL_ARG], zigzag(ev->arg - *model_arg(m, t, ev->state)));
	model_note_arg(m, t, ev->state, ev->arg);
	put_var(&e->col[COL_SEQ], zigzag((__u64)ev->seq - t->seq));
	t->seq = model_next_seq(ev->type, ev->seq);
	t->cpu = ev->cpu;
	t->ts = ev->ts;
	m->cpus[ev->cpu].local = local;
	return put_stack(e, ev->stack);
}

static int put_tick(struct enc *e, const struct ft_event *ev)
{
	struct cmodel *m = &e->c->m;
	__u64 want = model_tick(m, ev->cpu);
	__u32 local;
	int err;

	err = intern(e, ev->thr, &local);
	if (err)
		return err;
	*e->col[COL_HEAD]++ = ev->type;
	put_var(&e->col[COL_TICK_CPU], ev->cpu);
	put_var(&e->col[COL_TICK_THR], m->cpus[ev->cpu].local == local ? 0 : local + 1);
	put_wide(e->wide[WIDE_TICK], zigzag(ev->ts - want));
	model_note_tick(m, ev->cpu, ev->ts, want);
	m->cpus[ev->cpu].local = local;
	return put_stack(e, ev->stack);
}

static int put_life(struct enc *e, const struct ft_event *ev)
{
	struct cmodel *m = &e->c->m;
	struct cthread *t;
	__u32 local;
	int err;

	err = intern(e, ev->thr, &local);
	if (err)
		return err;
	t = &m->threads[local];
	*e->col[COL_HEAD]++ = ev->type;
	put_var(&e->col[COL_THR], local);
	put_wide(e->wide[WIDE_DT], ev->ts - m->prev_ts);
	put_var(&e->col[COL_CPU], zigzag((__u64)ev->cpu - t->cpu));
	put_var(&e->col[COL_ARG], zigzag(ev->arg - *model_arg(m, t, ev->state)));
	model_note_arg(m, t, ev->state, ev->arg);
	put_var(&e->col[COL_SEQ], zigzag((__u64)ev->seq - t->seq));
	t->seq = model_next_seq(ev->type, ev->seq);
	t->cpu = ev->cpu;
	t->ts = ev->ts;
	return 0;
}

/* CPU, EXEC, FORK: of no thread. */
static void put_other(struct enc *e, const struct ft_event *ev)
{
	struct cmodel *m = &e->c->m;

	*e->col[COL_HEAD]++ = ev->type;
	put_wide(e->wide[WIDE_DT], ev->ts - m->prev_ts);
	put_var(&e->col[COL_TICK_CPU], ev->cpu);
	if (ev->type == FT_EV_CPU) {
		put_var(&e->col[COL_MISC], zigzag(ev->wake_ns - m->cpus[ev->cpu].end_ns));
		put_var(&e->col[COL_MISC], ev->out_ns);
		m->cpus[ev->cpu].end_ns = ev->ts;
	} else {
		put_var(&e->col[COL_ARG], ev->arg);
	}
}

static int put_event(struct enc *e, const struct ft_event *ev)
{
	int err = 0;

	switch (ev->type) {
	case FT_EV_SLICE:
		err = put_slice(e, ev);
		break;
	case FT_EV_TICK:
		err = put_tick(e, ev);
		break;
	case FT_EV_START:
	case FT_EV_EXIT:
		err = put_life(e, ev);
		break;
	default:
		put_other(e, ev);
		break;
	}
	put_var(&e->col[COL_STATE], ev->state | (__u64)ev->flags << 4);
	e->c->m.prev_ts = ev->ts;
	return err;
}

static int cmp_u64(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

/*
 * The period of the tick: the lower quartile of the distances between ticks of one core, since
 * a core that does not run the target at every beat shows multiples of it. 0: too few to tell.
 */
static __u64 find_period(struct cmodel *m, const struct ft_event *ev,
			 const struct ft_sort_key *keys, size_t cnt)
{
	__u64 sample[MAX_PERIOD_SAMPLES];
	size_t n = 0, i;

	for (i = 0; i < cnt && n < MAX_PERIOD_SAMPLES; i++) {
		const struct ft_event *t = &ev[keys[i].idx];
		struct ccpu *c = &m->cpus[t->cpu];

		if (t->type != FT_EV_TICK)
			continue;
		if (c->ticked)
			sample[n++] = t->ts - c->grid;
		c->ticked = true;
		c->grid = t->ts;
	}
	if (!n)
		return 0;
	qsort(sample, n, sizeof(sample[0]), cmp_u64);
	return sample[n / 4];
}

/* Gives every column its part of the arena. */
static void lay_out(struct enc *e, size_t cnt)
{
	__u8 *p = e->c->arena;
	unsigned int i, j, s = 0;

	for (i = 0; i < COL_CNT; i++) {
		e->begin[s++] = p;
		e->col[i] = p;
		p += cnt * col_max[i] + SLACK;
	}
	for (i = 0; i < WIDE_CNT; i++) {
		for (j = 0; j < PART_CNT; j++) {
			e->begin[s++] = p;
			e->wide[i][j] = p;
			p += cnt * part_max[j] + SLACK;
		}
	}
}

static size_t arena_size(size_t cnt)
{
	size_t per_event = 0, i;

	for (i = 0; i < COL_CNT; i++)
		per_event += col_max[i];
	for (i = 0; i < PART_CNT; i++)
		per_event += WIDE_CNT * part_max[i];
	return per_event * cnt + STREAM_CNT * SLACK;
}

static int prepare(struct ft_codec *c)
{
	if (!c->hash)
		c->hash = calloc(HASH_SZ, sizeof(*c->hash));
	if (!c->stack_hash)
		c->stack_hash = calloc(STACK_HASH_SZ, sizeof(*c->stack_hash));
	if (!c->arena)
		c->arena = malloc(arena_size(FT_CODEC_MAX_EVENTS));
	if (!c->out)
		c->out = malloc(FT_CODEC_MAX_BYTES);
	if (!c->keys)
		c->keys = malloc(FT_CODEC_MAX_EVENTS * sizeof(*c->keys));
	if (!c->keys_tmp)
		c->keys_tmp = malloc(FT_CODEC_MAX_EVENTS * sizeof(*c->keys_tmp));
	return c->hash && c->stack_hash && c->arena && c->out && c->keys && c->keys_tmp ? 0
											: -ENOMEM;
}

/* Writes the prologue and the columns one after the other into c->out. */
static void gather(struct enc *e, struct ft_codec_out *out)
{
	struct cmodel *m = &e->c->m;
	size_t len[STREAM_CNT];
	unsigned int i, j, s = 0;
	__u8 *p = e->c->out;

	if (!m->stack_cnt)
		e->col[COL_STACK] = e->begin[COL_STACK];
	for (i = 0; i < COL_CNT; i++, s++)
		len[s] = (size_t)(e->col[i] - e->begin[s]);
	for (i = 0; i < WIDE_CNT; i++) {
		for (j = 0; j < PART_CNT; j++, s++)
			len[s] = (size_t)(e->wide[i][j] - e->begin[s]);
	}
	put_var(&p, m->base_ns);
	put_var(&p, m->period);
	for (s = 0; s < STREAM_CNT; s++)
		put_var(&p, len[s]);
	out->column_cnt = 0;
	out->column_end[out->column_cnt++] = (size_t)(p - e->c->out);
	for (s = 0; s < STREAM_CNT; s++) {
		memcpy(p, e->begin[s], len[s]);
		p += len[s];
		out->column_end[out->column_cnt++] = (size_t)(p - e->c->out);
	}
	out->bytes = e->c->out;
	out->len = (size_t)(p - e->c->out);
}

int ft_codec_encode(struct ft_codec *c, const struct ft_event *ev, size_t cnt,
		    struct ft_codec_out *out)
{
	struct cmodel *m = &c->m;
	struct enc e = {.c = c};
	struct ft_sort_key *keys;
	__u64 base, period, begin;
	size_t i;
	int err;

	if (!cnt || cnt > FT_CODEC_MAX_EVENTS)
		return -EINVAL;
	err = prepare(c);
	if (err)
		return err;
	out->first_ns = ~0ull;
	for (i = 0; i < cnt; i++) {
		if (!ft_event_valid(&ev[i], FT_NO_THREAD, FT_MAX_CPUS))
			return -EINVAL;
		begin = ft_event_begin(&ev[i]);
		if (begin < out->first_ns)
			out->first_ns = begin;
		c->keys[i].ts = ev[i].ts;
		c->keys[i].idx = (__u32)i;
		c->keys[i].pad = 0;
	}
	keys = ft_sort_keys(c->keys, c->keys_tmp, cnt);
	base = keys[0].ts;
	out->last_ns = keys[cnt - 1].ts;
	model_reset(m, base, 0);
	period = find_period(m, ev, keys, cnt);
	model_reset(m, base, period);
	lay_out(&e, FT_CODEC_MAX_EVENTS);
	for (i = 0; i < cnt && !err; i++)
		err = put_event(&e, &ev[keys[i].idx]);
	if (!err)
		gather(&e, out);
	for (i = 0; i < m->thread_cnt; i++)
		c->hash[m->threads[i].slot] = 0;
	for (i = 0; i < m->stack_cnt; i++)
		c->stack_hash[m->stacks[i].slot] = 0;
	return err;
}
