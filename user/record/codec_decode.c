/* SPDX-License-Identifier: BSD-2-Clause */
/* Columns of bytes to events. Nothing in them is trusted: every read is checked against its end. */
#include "record/codec.h"

#include <errno.h>
#include <string.h>

#include "record/codec_model.h"

struct dec {
	struct cmodel *m;
	bool stacks;		     /* some event has one */
	struct cursor s[STREAM_CNT]; /* the columns, then the parts of the wide ones */
};

static inline bool get_wide(struct dec *d, enum wide w, __u64 *v)
{
	struct cursor *s = &d->s[COL_CNT + w * PART_CNT];
	__u8 n, b[3] = {0};
	__u64 rest = 0;

	if (!get_byte(&s[PART_LEN], &n) || n > 8)
		return false;
	if ((n > 0 && !get_byte(&s[PART_B0], &b[0])) || (n > 1 && !get_byte(&s[PART_B1], &b[1])) ||
	    (n > 2 && !get_byte(&s[PART_B2], &b[2])))
		return false;
	if (n > 3) {
		if ((size_t)(s[PART_REST].end - s[PART_REST].p) < n - 3u)
			return false;
		memcpy(&rest, s[PART_REST].p, n - 3u);
		s[PART_REST].p += n - 3;
	}
	*v = b[0] | (__u64)b[1] << 8 | (__u64)b[2] << 16 | rest << 24;
	return true;
}

/* A dictionary number that may be the next free one. 0, -EBADMSG, -ENOMEM. */
static int resolve(struct dec *d, __u64 local)
{
	__u64 delta;
	__u32 thr;

	if (local < d->m->thread_cnt)
		return 0;
	if (local > d->m->thread_cnt || local >= 2 * FT_CODEC_MAX_EVENTS ||
	    !get_zig(&d->s[COL_NEW], &delta))
		return -EBADMSG;
	thr = d->m->last_new + (__u32)delta;
	return thr == FT_NO_THREAD ? -EBADMSG : model_add(d->m, thr);
}

/* The stack of a SLICE or a TICK. 0, -EBADMSG, -ENOMEM. */
static int get_stack(struct dec *d, struct ft_event *ev)
{
	struct cmodel *m = d->m;
	__u64 local, stack;
	int err;

	if (!d->stacks)
		return 0;
	if (!get_var(&d->s[COL_STACK], &local))
		return -EBADMSG;
	if (!local)
		return 0;
	if (local > m->stack_cnt) {
		if (local > m->stack_cnt + 1 || !get_zig(&d->s[COL_NEWSTACK], &stack))
			return -EBADMSG;
		stack += m->stack_cnt ? m->stacks[m->stack_cnt - 1].stack : 0;
		if (stack >= FT_NO_STACK)
			return -EBADMSG;
		err = model_add_stack(m, (__u32)stack);
		if (err)
			return err;
	}
	ev->stack = m->stacks[local - 1].stack;
	return 0;
}

/* cpu, arg and seq of an event of thread t; the state is known. */
static bool get_common(struct dec *d, struct cthread *t, struct ft_event *ev)
{
	__u64 cpu, arg, seq;

	if (!get_zig(&d->s[COL_CPU], &cpu) || !get_zig(&d->s[COL_ARG], &arg) ||
	    !get_zig(&d->s[COL_SEQ], &seq))
		return false;
	cpu += t->cpu;
	if (cpu >= FT_MAX_CPUS)
		return false;
	ev->cpu = (__u16)cpu;
	ev->arg = arg + *model_arg(d->m, t, ev->state);
	model_note_arg(d->m, t, ev->state, ev->arg);
	ev->seq = t->seq + (__u32)seq;
	ev->thr = t->thr;
	t->seq = model_next_seq(ev->type, ev->seq);
	t->cpu = ev->cpu;
	return true;
}

static int get_slice(struct dec *d, __u8 head, struct ft_event *ev)
{
	__u64 local, waker, on, off, runq = 0;
	struct cthread *t;
	int err;

	if (!get_var(&d->s[COL_THR], &local))
		return -EBADMSG;
	err = resolve(d, local);
	if (err)
		return err;
	if (!get_var(&d->s[COL_WAKER], &waker))
		return -EBADMSG;
	if (waker) {
		err = resolve(d, waker - 1);
		if (err)
			return err;
		ev->waker = d->m->threads[waker - 1].thr;
	}
	t = &d->m->threads[local];
	if (!get_wide(d, WIDE_ON, &on) || !get_wide(d, WIDE_OFF, &off) ||
	    (head & HEAD_WAKE && !get_wide(d, WIDE_RUNQ, &runq)) || !get_common(d, t, ev))
		return -EBADMSG;
	ev->out_ns = head & HEAD_NEG ? t->ts - on : t->ts + on;
	if (head & HEAD_WAKE)
		ev->wake_ns = ev->out_ns + off;
	ev->ts = ev->out_ns + off + runq;
	t->ts = ev->ts;
	d->m->cpus[ev->cpu].local = (__u32)local;
	return get_stack(d, ev);
}

static int get_tick(struct dec *d, struct ft_event *ev)
{
	__u64 cpu, local, late, want;
	int err;

	if (!get_var(&d->s[COL_TICK_CPU], &cpu) || cpu >= FT_MAX_CPUS ||
	    !get_var(&d->s[COL_TICK_THR], &local) || !get_wide(d, WIDE_TICK, &late))
		return -EBADMSG;
	local = local ? local - 1 : d->m->cpus[cpu].local;
	err = resolve(d, local);
	if (err)
		return err;
	want = model_tick(d->m, (__u16)cpu);
	ev->cpu = (__u16)cpu;
	ev->thr = d->m->threads[local].thr;
	ev->ts = want + unzigzag(late);
	model_note_tick(d->m, ev->cpu, ev->ts, want);
	d->m->cpus[cpu].local = (__u32)local;
	return get_stack(d, ev);
}

static int get_life(struct dec *d, struct ft_event *ev)
{
	struct cthread *t;
	__u64 local, dt;
	int err;

	if (!get_var(&d->s[COL_THR], &local) || !get_wide(d, WIDE_DT, &dt))
		return -EBADMSG;
	err = resolve(d, local);
	if (err)
		return err;
	t = &d->m->threads[local];
	if (!get_common(d, t, ev))
		return -EBADMSG;
	ev->ts = d->m->prev_ts + dt;
	t->ts = ev->ts;
	return 0;
}

static int get_other(struct dec *d, struct ft_event *ev)
{
	__u64 cpu, dt, begin;

	if (!get_wide(d, WIDE_DT, &dt) || !get_var(&d->s[COL_TICK_CPU], &cpu) || cpu >= FT_MAX_CPUS)
		return -EBADMSG;
	ev->cpu = (__u16)cpu;
	ev->ts = d->m->prev_ts + dt;
	if (ev->type != FT_EV_CPU)
		return get_var(&d->s[COL_ARG], &ev->arg) ? 0 : -EBADMSG;
	if (!get_zig(&d->s[COL_MISC], &begin) || !get_var(&d->s[COL_MISC], &ev->out_ns))
		return -EBADMSG;
	ev->wake_ns = begin + d->m->cpus[cpu].end_ns;
	d->m->cpus[cpu].end_ns = ev->ts;
	return 0;
}

static int get_event(struct dec *d, struct ft_event *ev)
{
	__u64 state;
	__u8 head;
	int err;

	memset(ev, 0, sizeof(*ev));
	ev->thr = FT_NO_THREAD;
	ev->waker = FT_NO_THREAD;
	ev->stack = FT_NO_STACK;
	if (!get_byte(&d->s[COL_HEAD], &head) || !get_var(&d->s[COL_STATE], &state) ||
	    state > 0xfff)
		return -EBADMSG;
	ev->type = head & HEAD_TYPE;
	ev->state = state & 0xf;
	ev->flags = (__u8)(state >> 4);
	switch (ev->type) {
	case FT_EV_SLICE:
		err = get_slice(d, head, ev);
		break;
	case FT_EV_TICK:
		err = get_tick(d, ev);
		break;
	case FT_EV_START:
	case FT_EV_EXIT:
		err = get_life(d, ev);
		break;
	case FT_EV_CPU:
	case FT_EV_EXEC:
	case FT_EV_FORK:
		err = get_other(d, ev);
		break;
	default:
		err = -EBADMSG;
		break;
	}
	if (err)
		return err;
	if (ev->ts < d->m->prev_ts || !ft_event_valid(ev, FT_NO_THREAD, FT_MAX_CPUS))
		return -EBADMSG;
	d->m->prev_ts = ev->ts;
	return 0;
}

/* Reads the prologue and points the cursors at the columns. */
static int open_columns(struct dec *d, const __u8 *buf, size_t len)
{
	struct cursor c = {buf, buf + len};
	__u64 base, period, column_len[STREAM_CNT];
	unsigned int i;

	if (!get_var(&c, &base) || !get_var(&c, &period))
		return -EBADMSG;
	for (i = 0; i < STREAM_CNT; i++) {
		if (!get_var(&c, &column_len[i]))
			return -EBADMSG;
	}
	for (i = 0; i < STREAM_CNT; i++) {
		if (column_len[i] > (__u64)(c.end - c.p))
			return -EBADMSG;
		d->s[i].p = c.p;
		c.p += column_len[i];
		d->s[i].end = c.p;
	}
	if (c.p != c.end)
		return -EBADMSG;
	d->stacks = d->s[COL_STACK].p != d->s[COL_STACK].end;
	model_reset(d->m, base, period);
	return 0;
}

int ft_codec_decode(struct ft_codec *c, const void *buf, size_t len, struct ft_event *ev,
		    size_t cnt)
{
	struct dec d = {.m = &c->m};
	size_t i;
	int err;

	if (cnt > FT_CODEC_MAX_EVENTS)
		return -EBADMSG;
	err = open_columns(&d, buf, len);
	for (i = 0; i < cnt && !err; i++)
		err = get_event(&d, &ev[i]);
	for (i = 0; i < STREAM_CNT && !err; i++) {
		if (d.s[i].p != d.s[i].end)
			err = -EBADMSG;
	}
	return err;
}
