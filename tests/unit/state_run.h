/* SPDX-License-Identifier: BSD-2-Clause */
/* One thread's state machine under a list of steps. Include it once, after cmocka. */
#ifndef FT_TEST_STATE_RUN_H
#define FT_TEST_STATE_RUN_H

#include <linux/types.h>
#include <stdbool.h>
#include <string.h>

#include "ftprof_state.h"

#define MAX_DONE 64

enum op { OP_END = 0, OP_OUT, OP_IN, OP_IN_OLD, OP_WAKE, OP_MARK, OP_TICK, OP_CLOSE };

/* What happens to one thread; times are relative to its start. */
struct step {
	enum op op;
	__u64 t;
	__u64 arg; /* OUT: its arg; MARK: held; TICK: enum ft_on */
	__u64 swno;
	__u32 flags; /* WAKE: FT_WAKE_* */
	__u16 waker; /* slot + 1 */
	__u8 state;
	__u8 held;
	__u8 cont;
};

struct wait {
	__u64 ns;
	__u8 origin;
};

/* A thread and all that it gave out. */
struct run {
	struct ft_thread t;
	__u64 base;
	struct ft_ev_slice slice[MAX_DONE], last;
	__u32 slice_cnt;
	struct wait done[MAX_DONE];
	__u32 done_cnt;
	bool in_ok;  /* the last IN was believed */
	bool out_ok; /* the last OUT was */
};

static inline void run_begin(struct run *r, __u64 base, __u8 state, __u64 arg, bool held)
{
	memset(r, 0, sizeof(*r));
	r->base = base;
	r->t.flags = held ? FT_TF_HELD_OUT : 0;
	ft_thread_init(&r->t, base, state, arg);
}

static inline void run_step(struct run *r, const struct step *s)
{
	struct ft_wait_done done = {0};
	struct ft_out o = {.now = r->base + s->t,
			   .arg = s->arg,
			   .swno = s->swno,
			   .state = s->state,
			   .held = s->held,
			   .cont = s->cont};

	switch (s->op) {
	case OP_OUT:
		r->out_ok = !ft_thread_out(&r->t, &o, &done);
		break;
	case OP_IN:
	case OP_IN_OLD:
		memset(&r->last, 0, sizeof(r->last));
		r->in_ok = ft_thread_in(&r->t, o.now, s->op == OP_IN_OLD, &r->last);
		if (r->in_ok) {
			assert_true(r->slice_cnt < MAX_DONE);
			r->slice[r->slice_cnt++] = r->last;
		}
		break;
	case OP_WAKE:
		r->t.wake = ft_wake_pack(o.now, s->waker, s->flags);
		break;
	case OP_MARK:
		ft_thread_exact(&r->t, o.now, s->arg);
		break;
	case OP_TICK:
		ft_thread_tick(&r->t, s->arg);
		break;
	case OP_CLOSE:
		ft_thread_close(&r->t, o.now, &done);
		break;
	case OP_END:
		break;
	}
	if (done.valid) {
		assert_true(r->done_cnt < MAX_DONE);
		r->done[r->done_cnt++] = (struct wait){.ns = done.ns, .origin = done.origin};
	}
}

static inline __u64 state_sum(const struct ft_thread *t)
{
	__u64 sum = 0;
	int i;

	for (i = 0; i < FT_ST_CNT; i++)
		sum += t->state_ns[i];
	return sum;
}

#endif
