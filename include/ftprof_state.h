/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The time identity of one thread as a pure state machine: no maps, no sections, no I/O. The BPF
 * programs, the replay of a session and the unit tests compile the same text.
 *
 * Who calls what: the core that runs a thread calls out() when it leaves, in() when it comes back
 * and tick() in between. A waker only ever stores one word with ft_wake_pack(): sched_waking can
 * come before the sleeper's own switch-out (6 % of the switches of four busy threads), so a waker
 * must not decide anything; in() does, from that word.
 */
#ifndef FTPROF_STATE_H
#define FTPROF_STATE_H

#include "ftprof_abi.h"

#ifndef ft_inline
#define ft_inline static inline __attribute__((always_inline))
#endif

/*
 * An index below `max`, 0 for one that is not. clang likes to check one copy of a value and use
 * another; the verifiers of kernels up to 6.x see no connection between them, so in BPF the check
 * is made on the very register that is used.
 */
ft_inline __u64 ft_bound(__u64 i, const __u64 max)
{
#ifdef __bpf__
	asm volatile("if %0 < %1 goto +1\n\t%0 = 0" : "+r"(i) : "i"(max));
	return i;
#else
	return i < max ? i : 0;
#endif
}

/*
 * The wake word: bits 63..16 the low 48 bits of the time (78 hours, ample between a sleep and its
 * end), bit 15 whether the waker stood in a system call of its own (and not in an interrupt that
 * happened to hit it), bit 14 whether that call was futex, bits 13..0 the waker's slot + 1, or 0.
 */
#define FT_WAKE_IN_SYSCALL 0x8000u
#define FT_WAKE_IN_FUTEX 0x4000u
#define FT_WAKE_SLOT_MASK 0x3fffu
#define FT_WAKE_TS_MASK ((1ull << 48) - 1)

ft_inline __u64 ft_wake_pack(__u64 now, __u32 waker_slot1, __u32 flags)
{
	__u64 word = (now << 16) | flags | (waker_slot1 & FT_WAKE_SLOT_MASK);

	return word ? word : 1; /* 0 means "no wake-up" */
}

/* The wake-up's time, given a time `ref` less than 39 hours away from it. */
ft_inline __u64 ft_wake_time(__u64 word, __u64 ref)
{
	__s64 diff = (__s64)(((word >> 16) - ref) << 16) >> 16;

	return ref + diff;
}

/* The index of the histogram bucket of a value in ns. */
ft_inline __u32 ft_hist_index(__u64 v)
{
	__u32 msb = 0, idx;
	__u64 x = v;

	if (v < (2u << FT_HIST_SUB_BITS))
		return (__u32)v;
	/* no __builtin_clzll: the BPF target has no such instruction before v4 */
	if (x >> 32) {
		msb += 32;
		x >>= 32;
	}
	if (x >> 16) {
		msb += 16;
		x >>= 16;
	}
	if (x >> 8) {
		msb += 8;
		x >>= 8;
	}
	if (x >> 4) {
		msb += 4;
		x >>= 4;
	}
	if (x >> 2) {
		msb += 2;
		x >>= 2;
	}
	if (x >> 1)
		msb += 1;
	idx = ((msb - FT_HIST_SUB_BITS) << FT_HIST_SUB_BITS) +
	      (__u32)(v >> (msb - FT_HIST_SUB_BITS));
	return idx < FT_HIST_LEN ? idx : FT_HIST_LEN - 1;
}

/* The middle of a bucket, in ns: the inverse of ft_hist_index() within half a bucket. */
ft_inline __u64 ft_hist_value(__u32 idx)
{
	__u32 shift;
	__u64 lo;

	if (idx < (2u << FT_HIST_SUB_BITS))
		return idx;
	shift = (idx >> FT_HIST_SUB_BITS) - 1;
	lo = (__u64)((idx & ((1u << FT_HIST_SUB_BITS) - 1)) | (1u << FT_HIST_SUB_BITS)) << shift;
	return lo + ((1ull << shift) >> 1);
}

/* How a thread leaves its core. */
struct ft_out {
	__u64 now;
	__u64 arg;  /* lock address, or system call number */
	__u64 swno; /* gil->switch_number, for FT_ST_GIL_WAIT */
	__u8 state; /* what it goes to: FT_ST_*, or FT_ST_DEAD */
	__u8 held;  /* holds a GIL right now */
	__u8 cont;  /* FT_CONT_*: what the GIL probes know of this sleep */
	__u32 lock; /* number of the lock it sleeps for, 0: none or not known */
};

enum ft_cont {
	FT_CONT_UNKNOWN = 0, /* no probe on take_gil: go by switch_number */
	FT_CONT_SAME = 1,    /* inside the same take_gil as the sleep before */
	FT_CONT_NEW = 2,     /* the first sleep of its take_gil */
};

/* A GIL wait that is known to be over: returned by out(), for the histograms. */
struct ft_wait_done {
	__u64 ns;
	__u8 origin;
	__u8 valid;
};

ft_inline void ft_thread_init(struct ft_thread *t, __u64 now, __u8 state, __u64 arg)
{
	t->start_ns = now;
	t->since_ns = now;
	t->exact_since = now;
	t->state = state;
	t->arg = arg;
	/* what a seeded thread was asleep in is the origin of the GIL wait that may follow */
	if (state != FT_ST_ON && state != FT_ST_RUNQ && state < FT_ST_CNT)
		t->last_off = state;
	if (state == FT_ST_GIL_WAIT) {
		t->flags |= FT_TF_GW_OPEN | FT_TF_PYTHON;
		t->gw_start = now;
		t->gw_origin = FT_OR_START;
		t->gil_wait_hi = 1;
		t->gil_wait_lo = 1;
	}
}

/* Closes the open GIL wait, if any. */
ft_inline void ft_wait_close(struct ft_thread *t, struct ft_wait_done *done)
{
	if (!(t->flags & FT_TF_GW_OPEN))
		return;
	t->flags &= ~FT_TF_GW_OPEN;
	t->gil_wait_cnt++;
	done->ns = t->gw_end > t->gw_start ? t->gw_end - t->gw_start : 0;
	done->origin = t->gw_origin;
	done->valid = 1;
	if (done->ns > t->gil_wait_max_ns)
		t->gil_wait_max_ns = done->ns;
}

/* Moves on-core time up to `now` into the exact split, by what the GIL probes last said. */
ft_inline void ft_exact_flush(struct ft_thread *t, __u64 now)
{
	if (now <= t->exact_since)
		return;
	if ((t->flags & FT_TF_EXACT) && t->state == FT_ST_ON)
		t->exact_ns[t->flags & FT_TF_EXACT_HELD ? FT_ON_GIL : FT_ON_FREE] +=
			now - t->exact_since;
	t->exact_since = now;
}

/* On-core time between two sleeps that no passage through take_gil()'s loop takes. */
#define FT_TAKE_AWAKE_MAX_NS 200000

ft_inline void ft_wait_begin(struct ft_thread *t, const struct ft_out *o, __u64 on_ns,
			     struct ft_wait_done *done)
{
	/*
	 * take_gil() sleeps in pieces of the switch interval, and again when it loses the race
	 * after a wake-up. Two sleeps in a row belong together when switch_number moved by at
	 * most one in between: had this thread taken the GIL it would have moved it by one, and
	 * the next holder by one more (ceval_gil.c, take_gil: it moves only when last_holder
	 * changes, and a thread that waits is not the last holder). That holds however long the
	 * thread was on a core in between: a stolen virtual core makes the loop's passage long.
	 * When it moved by more the sleeps may still be one wait, unless the thread ran for long:
	 * that is the gap between gil_wait_lo and gil_wait_hi.
	 */
	int row = (t->flags & FT_TF_GW_OPEN) && t->last_off == FT_ST_GIL_WAIT;

	t->flags |= FT_TF_PYTHON;
	if (o->cont == FT_CONT_NEW)
		row = 0;
	if (row && (o->cont == FT_CONT_SAME || o->swno - t->gw_swno <= 1)) {
		t->gw_swno = o->swno;
		return;
	}
	t->gil_wait_hi++;
	if (!row || on_ns > FT_TAKE_AWAKE_MAX_NS)
		t->gil_wait_lo++;
	ft_wait_close(t, done);
	t->flags |= FT_TF_GW_OPEN;
	t->gw_start = t->since_ns;
	t->gw_end = t->since_ns;
	t->gw_swno = o->swno;
	switch (t->last_off) {
	case FT_ST_GIL_SWITCH:
		t->gw_origin = FT_OR_FORCED;
		break;
	case FT_ST_BLOCKED:
	case FT_ST_SYNC_WAIT:
	case FT_ST_FAULT:
	case FT_ST_STOPPED:
		t->gw_origin = FT_OR_BLOCKING;
		break;
	case 0:
		t->gw_origin = FT_OR_START;
		break;
	default:
		t->gw_origin = FT_OR_OTHER;
		break;
	}
}

/*
 * The thread leaves its core. `done` must be zeroed by the caller; it tells a GIL wait that is now
 * known to be over. Returns 1 when the machine thought the thread was off core already (a switch
 * was missed): that time is then called on-core, and counted in t->repaired.
 */
ft_inline int ft_thread_out(struct ft_thread *t, const struct ft_out *o, struct ft_wait_done *done)
{
	/* the clock of another core may be a little behind: time never goes back */
	__u64 now = o->now > t->since_ns ? o->now : t->since_ns, dt = now - t->since_ns;
	int repaired = 0;

	if (t->state != FT_ST_ON) {
		t->repaired++;
		repaired = 1;
		t->state =
			FT_ST_ON; /* exact_since is at the last probe: before it nothing is known */
	}
	ft_exact_flush(t, now);
	t->state_ns[FT_ST_ON] += dt;
	t->since_ns = now;
	t->arg = o->arg;
	t->lock = o->lock;

	if (o->held)
		t->flags |= FT_TF_HELD_OUT | FT_TF_PYTHON;
	else
		t->flags &= ~FT_TF_HELD_OUT;

	if (o->state == FT_ST_GIL_WAIT) {
		ft_wait_begin(t, o, dt, done);
	} else if (o->held || o->state != FT_ST_RUNQ) {
		/* it has the GIL, or went on to something else: the wait before is over */
		ft_wait_close(t, done);
	}
	if (o->state == FT_ST_DEAD)
		t->flags |= FT_TF_EXITED;
	else if (o->state != FT_ST_RUNQ)
		t->last_off = o->state;
	t->state = o->state;
	return repaired;
}

/*
 * The thread comes back to a core: closes the off-core interval and describes it in *s (all of
 * it but the header's type, len, cpu and slot). `need_wake`: the kernel gives no prev_state
 * (before 5.18), so that an interval without a wake-up was a preemption. Returns 1 when *s was
 * filled, 0 when the machine thought the thread was on a core already (its switch-out was missed:
 * still on core).
 */
ft_inline int ft_thread_in(struct ft_thread *t, __u64 now, int need_wake, struct ft_ev_slice *s)
{
	__u64 word = t->wake, out = t->since_ns, off, sleep, runq = 0, wake = 0;
	__u8 state = t->state;

	t->wake = 0;
	t->switch_cnt++;
	if (now < out)
		now = out;
	if (state == FT_ST_ON || state == FT_ST_DEAD) {
		t->repaired++;
		t->state = FT_ST_ON;
		return 0;
	}
	off = now - out;
	if (word) {
		/* earlier than `out`: woken while still on its way to sleep */
		wake = ft_wake_time(word, out);
		if ((__s64)(wake - out) < 0)
			wake = out;
		if (wake > now)
			wake = now;
	} else if (need_wake && state != FT_ST_RUNQ) {
		state = FT_ST_RUNQ;
	}
	sleep = word ? wake - out : off;
	if (word)
		runq = now - wake;

	if (state == FT_ST_RUNQ) {
		t->state_ns[FT_ST_RUNQ] += off;
	} else if (state == FT_ST_GIL_WAIT) {
		t->state_ns[FT_ST_GIL_WAIT] += off;
		t->gil_wait_runq_ns += runq;
		t->gw_end = now;
	} else if (state < FT_ST_CNT) {
		t->state_ns[ft_bound(state, FT_ST_CNT)] += sleep;
		t->state_ns[FT_ST_RUNQ] += runq;
	}
	if (t->flags & FT_TF_HELD_OUT)
		t->held_off_ns += off;

	s->h.ts = now;
	s->out_ns = out;
	s->wake_ns = state == FT_ST_RUNQ ? 0 : wake;
	s->arg = t->arg;
	s->seq = t->seq++;
	s->state = state;
	s->flags = 0;
	s->waker = 0;
	if (t->flags & FT_TF_HELD_OUT)
		s->flags |= FT_SF_HELD;
	if (state == FT_ST_GIL_WAIT && t->gw_start != out)
		s->flags |= FT_SF_GW_CONT;
	if (word && state != FT_ST_RUNQ) {
		/*
		 * A fifth of the wake-ups of GIL waiters come from the 5 ms timer, whose interrupt
		 * hits some thread of the target: believe a waker only in its own system call,
		 * and that of a futex sleeper only in futex().
		 */
		int futex = state >= FT_ST_GIL_WAIT && state <= FT_ST_STW;

		if (futex ? (word & FT_WAKE_IN_FUTEX) != 0 : (word & FT_WAKE_IN_SYSCALL) != 0) {
			s->flags |= FT_SF_WAKER_OK;
			s->waker = word & FT_WAKE_SLOT_MASK;
		}
	}
	t->since_ns = now;
	t->exact_since = now;
	t->state = FT_ST_ON;
	t->arg = 0;
	t->flags &= ~FT_TF_HELD_OUT;
	return 1;
}

ft_inline void ft_thread_tick(struct ft_thread *t, __u8 on)
{
	if (on < FT_ON_CNT)
		t->tick_cnt[ft_bound(on, FT_ON_CNT)]++;
	if (on == FT_ON_GIL)
		t->flags |= FT_TF_PYTHON;
}

/* A GIL probe hit in the thread's own context: it has just taken (1) or is about to give up (0). */
ft_inline void ft_thread_exact(struct ft_thread *t, __u64 now, int held)
{
	ft_exact_flush(t, now); /* unknown before the first hit: left to the ticks */
	t->flags |= FT_TF_EXACT | FT_TF_PYTHON;
	if (held)
		t->flags |= FT_TF_EXACT_HELD;
	else
		t->flags &= ~FT_TF_EXACT_HELD;
}

/*
 * A wake word from before the switch-out can be a waker that overtook the sleeper, or be left over
 * from one that found the thread still running; nothing tells them apart while the thread sleeps.
 * No thread that is runnable waits this long for a core, but idle ones sleep for the whole session.
 */
#define FT_EARLY_WAKE_MAX_NS 100000000

/*
 * Closes the open interval of a copy of a slot at `now` (session end, or a look in between), so
 * that the states add up to now - start_ns (to since_ns - start_ns when the slot's last change is
 * later than `now`). `done` as in ft_thread_out().
 */
ft_inline void ft_thread_close(struct ft_thread *t, __u64 now, struct ft_wait_done *done)
{
	__u64 since = t->since_ns, dt = now > since ? now - since : 0, wake = 0, runq = 0;

	if (t->state == FT_ST_DEAD)
		return;
	if (t->state == FT_ST_ON) {
		ft_exact_flush(t, now);
		t->state_ns[FT_ST_ON] += dt;
	} else if (t->state < FT_ST_CNT) {
		if (t->wake && t->state != FT_ST_RUNQ) {
			wake = ft_wake_time(t->wake, since);
			if ((__s64)(wake - since) < 0)
				wake = dt <= FT_EARLY_WAKE_MAX_NS ? since : now;
			if (wake < now)
				runq = now - wake;
		}
		if (runq > dt)
			runq = dt;
		if (t->state == FT_ST_GIL_WAIT) {
			t->state_ns[FT_ST_GIL_WAIT] += dt;
			t->gil_wait_runq_ns += runq;
			t->gw_end = since + dt;
		} else {
			t->state_ns[ft_bound(t->state, FT_ST_CNT)] += dt - runq;
			t->state_ns[FT_ST_RUNQ] += runq;
		}
		if (t->flags & FT_TF_HELD_OUT)
			t->held_off_ns += dt;
	}
	t->since_ns = since + dt;
	ft_wait_close(t, done);
}

/*
 * The concurrency word: how many threads of the process are on cores, how many wait for the GIL
 * and how many of the cores that the process may use are idle, with the time of the last change,
 * all in one 64-bit word that is updated by compare-and-swap. Whoever swaps adds the interval
 * that ended to the sums of its own CPU.
 *   bits 63..34 time in units of 64 ns (wraps after 68 s: user space touches the word every few
 *   seconds), 33..24 threads on cores, 23..10 threads in gil_wait, 9..0 idle cores.
 */
#define FT_CW_ON (1ull << 24)
#define FT_CW_WAIT (1ull << 10)
#define FT_CW_IDLE 1ull
#define FT_CW_UNIT_SHIFT 6
#define FT_CW_TIME_SHIFT 34
#define FT_CW_COUNTS ((1ull << FT_CW_TIME_SHIFT) - 1)

struct ft_cw {
	__u64 ns; /* length of the interval that ended */
	__u32 on; /* during it */
	__u32 wait;
	__u32 idle;
};

/* `old` at `now` with the counts moved by `delta` (a sum of FT_CW_*, two's complement). */
ft_inline __u64 ft_cw_next(__u64 old, __u64 now, __u64 delta, struct ft_cw *iv)
{
	__u64 t_now = now >> FT_CW_UNIT_SHIFT, t_old = old >> FT_CW_TIME_SHIFT;
	__s64 diff = (__s64)((t_now - t_old) << FT_CW_TIME_SHIFT) >> FT_CW_TIME_SHIFT;

	if (diff < 0)
		diff = 0; /* another core's clock reading was a little later */
	iv->ns = (__u64)diff << FT_CW_UNIT_SHIFT;
	iv->on = (old >> 24) & 0x3ff;
	iv->wait = (old >> 10) & 0x3fff;
	iv->idle = old & 0x3ff;
	return ((t_old + (__u64)diff) << FT_CW_TIME_SHIFT) | ((old + delta) & FT_CW_COUNTS);
}

/*
 * The word of one GIL's waiters: bits 63..14 the time of the last change in units of 16 ns, bits
 * 13..0 how many wait. Moves it by `delta` at `now`; *ns: waiters x time since the last change.
 * While nobody waits any time is taken as it comes: a new word's, 0, looks as if it were ahead of
 * the clock of a machine that has been up for more than 104 days.
 */
ft_inline __u64 ft_gw_next(__u64 old, __u64 now, __s32 delta, __u64 *ns)
{
	__u64 t_now = now >> 4 & ((1ull << 50) - 1), t_old = old >> 14;
	__u64 diff = (t_now - t_old) & ((1ull << 50) - 1);
	__u32 waiters = old & 0x3fff;

	if (waiters && diff >> 49) { /* another core's clock reading was a little later */
		diff = 0;
		t_now = t_old;
	}
	*ns = (diff << 4) * waiters;
	return t_now << 14 | ((waiters + (__u32)delta) & 0x3fff);
}

ft_inline __u32 ft_gw_waiters(__u64 word)
{
	return word & 0x3fff;
}

/* Cores that stood idle for want of the GIL: never more than the process may use. */
ft_inline __u32 ft_cw_lost(const struct ft_cw *iv, __u32 cores)
{
	__u32 room = cores > iv->on ? cores - iv->on : 0, lost = iv->wait;

	if (iv->idle < room)
		room = iv->idle;
	return lost < room ? lost : room;
}

#endif
