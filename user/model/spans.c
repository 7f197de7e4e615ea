/* SPDX-License-Identifier: BSD-2-Clause */
/* A session's events as spans: follows each thread through its events. */
#include "model/spans.h"

#include <errno.h>
#include <stdlib.h>
#include "model/timeline_order.h"

#define CLS_NONE 0xffu

/* What is known of a thread while its events go by. */
struct follow {
	__u64 prev;	 /* when it last came to a core, or appeared */
	__u64 seg;	 /* on-core time from here on was not handed out yet */
	__u64 last_tick; /* of this stay on the core */
	__u64 on_seen;	 /* on-core time so far */
	float share[FT_ON_CNT];
	__u32 next_seq;
	__u16 cpu;	/* of this stay, FT_SPAN_NO_CPU: not known yet */
	__u8 cls;	/* the last tick of this stay, CLS_NONE: none yet */
	__u8 last_cls;	/* the thread's last tick */
	bool held_hint; /* this stay began with the GIL */
	bool dead;
	bool begun; /* START or a SLICE was seen */
	bool lossy; /* events of it were lost */
	bool mid;   /* some of this stay was handed out */
};

struct ft_spans {
	struct ft_spans_input in;
	struct ft_order order;
	struct follow *follow; /* [in.rec_cnt] */
};

static const float pure[FT_ON_CNT][FT_ON_CNT] = {
	[FT_ON_GIL] = {1, 0, 0},
	[FT_ON_FREE] = {0, 1, 0},
	[FT_ON_SPIN] = {0, 0, 1},
};

/* FT_R_CNT: takes no time. */
static enum ft_rstate rstate(__u8 state)
{
	static const enum ft_rstate map[FT_ST_CNT] = {
		[FT_ST_ON] = FT_R_CNT,
		[FT_ST_GIL_WAIT] = FT_R_GIL_WAIT,
		[FT_ST_GIL_SWITCH] = FT_R_GIL_SWITCH,
		[FT_ST_LOCK_WAIT] = FT_R_LOCK_WAIT,
		[FT_ST_SYNC_WAIT] = FT_R_SYNC_WAIT,
		[FT_ST_STW] = FT_R_STW,
		[FT_ST_RUNQ] = FT_R_RUNQ,
		[FT_ST_BLOCKED] = FT_R_BLOCKED,
		[FT_ST_FAULT] = FT_R_FAULT,
		[FT_ST_STOPPED] = FT_R_STOPPED,
	};

	return state < FT_ST_CNT ? map[state] : FT_R_CNT;
}

static void set_share(struct follow *f, const struct ft_mthread *t)
{
	double g = (double)t->state_ns[FT_R_ON_GIL], o = (double)t->state_ns[FT_R_ON_FREE];
	double s = (double)t->state_ns[FT_R_ON_SPIN], sum = g + o + s;

	if (sum <= 0)
		return;
	f->share[FT_ON_GIL] = (float)(g / sum);
	f->share[FT_ON_FREE] = (float)(o / sum);
	f->share[FT_ON_SPIN] = (float)(s / sum);
}

static __u32 number(const struct ft_spans *s, const struct follow *f)
{
	return (__u32)(f - s->follow);
}

static __u8 largest(const float *split)
{
	__u8 most = 0;

	for (__u8 i = 1; i < FT_ON_CNT; i++)
		if (split[i] > split[most])
			most = i;
	return FT_R_ON_GIL + most;
}

/*
 * Hands out the on-core time up to `end`. `cpu` if its core is not known. ev_flags: of what it left
 * its core for.
 */
static int on_until(struct ft_spans *s, struct follow *f, __u64 end, __u16 cpu, __u8 ev_flags,
		    __u8 flags)
{
	bool held = (ev_flags & FT_SF_HELD) != 0, still_waits = (ev_flags & FT_SF_GW_CONT) != 0;
	struct ft_span span = {.type = FT_SPAN_ON,
			       .from_ns = f->seg,
			       .to_ns = end,
			       .thr = number(s, f),
			       .waker = FT_NO_THREAD,
			       .stack = FT_NO_STACK,
			       .split = f->share};

	if (end <= f->seg)
		return 0;
	if (f->cls != CLS_NONE)
		span.split = pure[f->cls];
	else if (still_waits)
		span.split = pure[FT_ON_FREE];
	else if (s->in.gil && (held || f->held_hint))
		span.split = pure[FT_ON_GIL];
	else if (f->last_cls != CLS_NONE)
		span.split = pure[f->last_cls];
	span.cpu = f->cpu != FT_SPAN_NO_CPU ? f->cpu : cpu;
	span.state = largest(span.split);
	span.flags = flags | (f->mid ? 0 : FT_SPAN_FIRST);
	f->on_seen += end - f->seg;
	f->seg = end;
	f->mid = !(flags & FT_SPAN_LAST);
	return s->in.cb(s->in.ctx, &span);
}

static int off(struct ft_spans *s, struct follow *f, const struct ft_event *ev, __u8 st, __u64 from,
	       __u64 to)
{
	enum ft_rstate state = rstate(st);
	struct ft_span span = {.type = FT_SPAN_OFF,
			       .from_ns = from,
			       .to_ns = to,
			       .wake_ns = ev->wake_ns,
			       .arg = ev->arg,
			       .thr = number(s, f),
			       .waker = ev->waker,
			       .stack = ev->stack,
			       .cpu = ev->cpu,
			       .state = (__u8)state,
			       .st = st,
			       .ev_flags = ev->flags};

	if (state == FT_R_CNT || to <= from)
		return 0;
	return s->in.cb(s->in.ctx, &span);
}

static int lost(struct ft_spans *s, struct follow *f, __u64 from, __u64 to)
{
	struct ft_span span = {.type = FT_SPAN_GAP,
			       .from_ns = from,
			       .to_ns = to > from ? to : from,
			       .thr = number(s, f),
			       .waker = FT_NO_THREAD,
			       .stack = FT_NO_STACK,
			       .cpu = FT_SPAN_NO_CPU};

	f->lossy = true;
	f->mid = false;
	return s->in.cb(s->in.ctx, &span);
}

static int slice(struct ft_spans *s, struct follow *f, const struct ft_event *ev)
{
	__s32 ahead = (__s32)(ev->seq - f->next_seq);
	__u64 out = ev->out_ns, wake = ev->wake_ns, ts = ev->ts;
	bool held = (ev->flags & FT_SF_HELD) != 0;
	int err;

	if (f->dead)
		return 0;
	if (ahead < 0) /* too late to be put in order: its place was told as a gap already */
		return lost(s, f, out < ts ? out : ts, ts);
	if (ts < f->prev)
		ts = f->prev;
	if (out > ts)
		out = ts;
	if (ahead > 0)
		err = lost(s, f, f->seg, out);
	else
		err = on_until(s, f, out, ev->cpu, ev->flags, FT_SPAN_LAST);
	/* a clock that stepped back must not make the same time count twice */
	if (out < f->seg)
		out = f->seg < ts ? f->seg : ts;
	if (!wake || ev->state == FT_ST_GIL_WAIT || wake > ts)
		wake = ts;
	if (wake < out)
		wake = out;
	if (!err)
		err = off(s, f, ev, ev->state, out, wake);
	if (!err)
		err = off(s, f, ev, FT_ST_RUNQ, wake, ts);
	f->prev = ts;
	f->seg = ts;
	f->cpu = ev->cpu;
	f->cls = CLS_NONE;
	f->held_hint = held || ev->state == FT_ST_GIL_WAIT;
	f->next_seq = ev->seq + 1;
	f->begun = true;
	f->mid = false;
	return err;
}

static int tick(struct ft_spans *s, struct follow *f, const struct ft_event *ev)
{
	struct ft_span span = {.type = FT_SPAN_TICK,
			       .from_ns = ev->ts,
			       .to_ns = ev->ts,
			       .thr = ev->thr,
			       .waker = FT_NO_THREAD,
			       .stack = ev->stack,
			       .cpu = ev->cpu,
			       .on = ev->state};
	int err = 0;

	if (ev->state >= FT_ON_CNT || f->dead)
		return 0;
	span.state = FT_R_ON_GIL + ev->state;
	if (ev->ts < f->seg) { /* of a stay that is closed already */
		f->last_cls = ev->state;
		return s->in.cb(s->in.ctx, &span);
	}
	if (f->cpu == FT_SPAN_NO_CPU) {
		f->cpu = ev->cpu;
	} else if (f->cpu != ev->cpu) {
		/* a move between cores that no switch told: the tick is sure, the rest is not */
		err = on_until(s, f, ev->ts, f->cpu, 0, FT_SPAN_LAST);
		f->cpu = ev->cpu;
	} else if (f->cls != CLS_NONE && f->cls != ev->state) {
		err = on_until(s, f, f->last_tick + (ev->ts - f->last_tick) / 2, f->cpu, 0, 0);
	}
	f->cls = ev->state;
	f->last_cls = ev->state;
	f->last_tick = ev->ts;
	return err ? err : s->in.cb(s->in.ctx, &span);
}

static int exited(struct ft_spans *s, struct follow *f, const struct ft_event *ev)
{
	int err;

	if (f->dead)
		return 0;
	if (ev->seq != f->next_seq)
		err = lost(s, f, f->seg, ev->ts);
	else
		err = on_until(s, f, ev->ts, ev->cpu, 0, FT_SPAN_LAST);
	f->dead = true;
	return err;
}

static void started(const struct ft_spans *s, struct follow *f, const struct ft_event *ev)
{
	if (f->begun)
		return;
	f->begun = true;
	f->prev = ev->ts;
	f->seg = ev->ts;
	f->next_seq = ev->seq;
	/* a seeded thread's START comes from the core of the iterator, not from its own */
	if (ev->state == FT_ST_ON && !(s->in.recs[ev->thr].t.flags & FT_TF_SEEDED))
		f->cpu = ev->cpu;
}

static int process(void *ctx, const struct ft_event *ev)
{
	struct ft_spans *s = ctx;
	struct ft_span other = {.type = FT_SPAN_OTHER,
				.from_ns = ev->wake_ns,
				.to_ns = ev->ts,
				.arg = ev->out_ns,
				.thr = FT_NO_THREAD,
				.waker = FT_NO_THREAD,
				.stack = FT_NO_STACK,
				.cpu = ev->cpu};

	if (ev->type == FT_EV_CPU)
		return s->in.cb(s->in.ctx, &other);
	if (ev->thr >= s->in.rec_cnt)
		return 0; /* EXEC and FORK; the reader checked the others */
	switch (ev->type) {
	case FT_EV_SLICE:
		return slice(s, &s->follow[ev->thr], ev);
	case FT_EV_TICK:
		return tick(s, &s->follow[ev->thr], ev);
	case FT_EV_EXIT:
		return exited(s, &s->follow[ev->thr], ev);
	case FT_EV_START:
		started(s, &s->follow[ev->thr], ev);
		return 0;
	default:
		return 0;
	}
}

/*
 * The last interval of a thread has no event. How much of it was on core is what the kernel's
 * total has more than the events; where events were lost that is not known, and only the last
 * tick says anything.
 */
static int close_thread(struct ft_spans *s, struct follow *f, const struct ft_thread *t)
{
	__u64 end = t->since_ns < s->in.session_end_ns ? t->since_ns : s->in.session_end_ns;
	__u64 on = 0, on_total = t->state_ns[FT_ST_ON];
	struct ft_span span = {.type = FT_SPAN_OFF,
			       .to_ns = end,
			       .thr = number(s, f),
			       .waker = FT_NO_THREAD,
			       .stack = FT_NO_STACK,
			       .cpu = FT_SPAN_NO_CPU,
			       .state = (__u8)rstate(t->state),
			       .st = t->state,
			       .flags = FT_SPAN_OPEN};
	int err;

	if (f->dead || end <= f->seg)
		return 0;
	if (t->seq != f->next_seq)
		return lost(s, f, f->seg, end);
	if (span.state == FT_R_CNT)
		return on_until(s, f, end, FT_SPAN_NO_CPU, 0, FT_SPAN_LAST | FT_SPAN_OPEN);
	if (!f->lossy)
		on = on_total > f->on_seen ? on_total - f->on_seen : 0;
	else if (f->cls != CLS_NONE && f->last_tick > f->seg)
		on = f->last_tick - f->seg;
	if (on > end - f->seg)
		on = end - f->seg;
	err = on_until(s, f, f->seg + on, FT_SPAN_NO_CPU, 0, FT_SPAN_LAST);
	span.from_ns = f->seg;
	return err || f->seg >= end ? err : s->in.cb(s->in.ctx, &span);
}

int ft_spans_new(const struct ft_spans_input *in, struct ft_spans **out)
{
	struct ft_spans *s = calloc(1, sizeof(*s));

	*out = NULL;
	if (!s)
		return -ENOMEM;
	s->in = *in;
	s->order.cb = process;
	s->order.ctx = s;
	s->follow = calloc(in->rec_cnt + 1, sizeof(*s->follow));
	if (!s->follow) {
		ft_spans_free(s);
		return -ENOMEM;
	}
	for (size_t i = 0; i < in->rec_cnt; i++) {
		struct follow *f = &s->follow[i];

		f->prev = in->recs[i].t.start_ns;
		f->seg = f->prev;
		f->cpu = FT_SPAN_NO_CPU;
		f->cls = CLS_NONE;
		f->last_cls = CLS_NONE;
		f->share[in->gil ? FT_ON_GIL : FT_ON_FREE] = 1;
	}
	for (size_t i = 0; in->m && i < in->m->thread_cnt; i++)
		if (in->m->threads[i].thr < in->rec_cnt)
			set_share(&s->follow[in->m->threads[i].thr], &in->m->threads[i]);
	*out = s;
	return 0;
}

void ft_spans_prime(struct ft_spans *s, __u32 thr, __u64 seg_ns, __u32 next_seq, __u16 cpu)
{
	struct follow *f;

	if (thr >= s->in.rec_cnt)
		return;
	f = &s->follow[thr];
	f->prev = seg_ns;
	f->seg = seg_ns;
	f->next_seq = next_seq;
	f->cpu = cpu;
	f->begun = true;
	f->lossy = true; /* what the kernel's totals have more than the events is not of its end */
}

int ft_spans_event(struct ft_spans *s, const struct ft_event *ev)
{
	return ft_order_push(&s->order, ev);
}

int ft_spans_finish(struct ft_spans *s)
{
	int err = ft_order_flush(&s->order);

	for (size_t i = 0; i < s->in.rec_cnt && !err; i++)
		err = close_thread(s, &s->follow[i], &s->in.recs[i].t);
	return err;
}

void ft_spans_free(struct ft_spans *s)
{
	if (!s)
		return;
	ft_order_free(&s->order);
	free(s->follow);
	free(s);
}

static int feed(void *ctx, const struct ft_event *ev)
{
	return ft_spans_event(ctx, ev);
}

void ft_spans_of(struct ft_reader *r, const struct ft_model *m, struct ft_spans_input *in)
{
	__u64 start = m->info->start_ns, end = m->totals->end_ns;

	in->session_end_ns = end > start ? end : start;
	in->recs = ft_reader_threads(r, &in->rec_cnt);
	in->m = m;
	in->gil = m->info->gil != FT_GIL_OFF || m->gil_present;
}

int ft_spans_read(struct ft_reader *r, const struct ft_model *m, ft_span_cb cb, void *ctx)
{
	struct ft_spans_input in = {.cb = cb, .ctx = ctx};
	struct ft_spans *s = NULL;
	int err;

	ft_spans_of(r, m, &in);
	err = ft_spans_new(&in, &s);
	if (!err)
		err = ft_reader_events(r, 0, ~0ull, feed, s);
	if (!err)
		err = ft_spans_finish(s);
	ft_spans_free(s);
	return err;
}
