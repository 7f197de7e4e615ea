/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A session's events as spans of time: each thread was in one state from here to there. The one
 * place that makes sense of events; timelines, pages, stretches of flames and the exports that are
 * written span by span are made from what it hands out, and so cannot differ.
 *
 * How on-core time is named: a timer tick speaks for the time around it, up to half the way to the
 * next tick of the same stay on the core. A stay without a tick is on_gil when the thread came
 * back from a GIL wait, or held the GIL when it left its core before or after it; otherwise it is
 * what the thread's last tick was, or is divided by the thread's shares in the whole session. A
 * stay after which the same GIL wait goes on is on_free: take_gil() wakes every switch interval to
 * ask for the GIL, and has not got it.
 */
#ifndef FT_MODEL_SPANS_H
#define FT_MODEL_SPANS_H

#include "model/model.h"

enum ft_span_type {
	FT_SPAN_ON,    /* thr ran on core cpu */
	FT_SPAN_OFF,   /* thr was in `state` */
	FT_SPAN_GAP,   /* events of thr were lost: what it did is not known; from may equal to */
	FT_SPAN_TICK,  /* thr was found on core cpu at from (= to), in `state` (FT_R_ON_*) */
	FT_SPAN_OTHER, /* core cpu gave arg ns of from..to to tasks outside the target */
};

#define FT_SPAN_NO_CPU 0xffffu /* on a core, but on which is not known */

enum {
	FT_SPAN_FIRST = 1, /* ON: the stay on the core begins with it: thr was off core before */
	FT_SPAN_LAST = 2,  /* ON: thr left its core at `to` (or the session ended) */
	FT_SPAN_OPEN = 4,  /* the session ended in it: no event closed it, it has no stack */
};

/*
 * Times in ns, CLOCK_MONOTONIC, [from, to). A thread's ON and OFF spans come in order of time, do
 * not overlap and are never empty; those of different threads come nearly in the order of their
 * ends. All of a thread's time is in some span, or in a gap.
 */
struct ft_span {
	__u64 from_ns, to_ns;
	/*
	 * OFF: when it was woken up (0: not known, or not at all), anywhere in from..to for a GIL
	 * wait, which lasts until it runs; other waits end there, and FT_R_RUNQ follows.
	 */
	__u64 wake_ns;
	__u64 arg;	    /* OFF: lock address or system call, as in an event; OTHER: ns */
	const float *split; /* ON: [FT_ON_CNT] shares of enum ft_on, which add up to 1 */
	__u32 thr;	    /* thread number; FT_NO_THREAD for OTHER */
	__u32 waker;	    /* OFF: who woke it; for RUNQ too. FT_NO_THREAD: not known */
	__u32 stack;	    /* OFF: with what it left its core; TICK; FT_NO_STACK: none */
	__u16 cpu;	    /* OFF: the core it came back to */
	__u8 type;
	__u8 state;    /* enum ft_rstate; ON: the largest part of split */
	__u8 st;       /* OFF: enum ft_state of the event; FT_ST_RUNQ for the wait for a core */
	__u8 on;       /* TICK: enum ft_on */
	__u8 ev_flags; /* OFF: FT_SF_* of the event */
	__u8 flags;    /* FT_SPAN_* */
};

/* A non-zero return ends it and is returned. *s and what it points to are good during the call. */
typedef int (*ft_span_cb)(void *ctx, const struct ft_span *s);

struct ft_spans_input {
	__u64 session_end_ns;		  /* no open interval goes further */
	const struct ft_thread_rec *recs; /* must outlive it */
	size_t rec_cnt;
	const struct ft_model *m; /* for the shares; may be NULL */
	bool gil; /* the session saw a GIL; decides what on-core time is without any evidence */
	ft_span_cb cb;
	void *ctx;
};

/* Every span of the session that m was made from. 0, -errno, or what cb returned. */
int ft_spans_read(struct ft_reader *r, const struct ft_model *m, ft_span_cb cb, void *ctx);

/* What ft_spans_read() fills in from a reader; cb and ctx are left alone. */
void ft_spans_of(struct ft_reader *r, const struct ft_model *m, struct ft_spans_input *in);

/* The same, fed with events one by one. */
struct ft_spans;

int ft_spans_new(const struct ft_spans_input *in, struct ft_spans **out);
/*
 * Before the first event: what is known of a thread when the events before `from` are not there
 * (a window of a live session). It came back to core cpu (FT_SPAN_NO_CPU: not known) at seg_ns, or
 * appeared then; its next SLICE has next_seq. Nothing of it is told for the time before.
 */
void ft_spans_prime(struct ft_spans *s, __u32 thr, __u64 seg_ns, __u32 next_seq, __u16 cpu);
/* Nearly sorted events (see timeline_order.h). 0, -ENOMEM or what cb returned. */
int ft_spans_event(struct ft_spans *s, const struct ft_event *ev);
/* Hands out what was held back and closes what is open. Call once, then free it. */
int ft_spans_finish(struct ft_spans *s);
void ft_spans_free(struct ft_spans *s); /* NULL is fine */

#endif
