/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the target's memory says: who holds a GIL, and what a futex address stands for.
 *
 * Only the memory of the task that is current is read (prev in sched_switch, the interrupted task
 * in a tick): for the next task the address space is not switched yet. The seeding iterator reads
 * other tasks through bpf_copy_from_user_task; there `other` is not NULL. `other` is a constant
 * after inlining, so each program contains one of the two helpers only.
 */
#ifndef FT_GIL_BPF_H
#define FT_GIL_BPF_H

#include "maps.bpf.h"
#include "lock.bpf.h"

#define NR_FUTEX 202 /* x86-64 */

ft_inline long read_target(struct task_struct *other, void *dst, __u32 len, __u64 addr)
{
	if (other)
		return bpf_copy_from_user_task(dst, len, (const void *)addr, other, 0);
	return bpf_probe_read_user(dst, len, (const void *)addr);
}

/*
 * The i-th GIL. The empty asm keeps clang from folding the mask into an earlier check, after which
 * the verifier no longer sees a bound.
 */
ft_inline __u32 gil_bound(__u32 i)
{
	asm volatile("%0 &= %1" : "+r"(i) : "i"(FT_MAX_GILS - 1));
	return i;
}

struct ft_gil {
	__u64 holder; /* thread state that holds it, 0: nobody */
	__u64 last;   /* that held it last, holds it or not */
	__u64 swno;
	bool enabled;
};

/*
 * struct _gil_runtime_state (pycore_gil.h, 3.9 to 3.15): [enabled (free-threaded builds only)],
 * interval, last_holder, locked, switch_number, eight bytes each. User space has checked that the
 * published offsets say so. last_holder counts only when locked is 1 (it starts at -1).
 */
ft_inline int gil_read(struct task_struct *other, const struct ft_target *tg, __u64 addr,
		       struct ft_gil *g)
{
	__u64 w[5];

	g->holder = 0;
	g->last = 0;
	g->swno = 0;
	g->enabled = false;
	if (read_target(other, w, sizeof(w), addr)) {
		count(FT_CN_READ_GIL);
		return -1;
	}
	if (tg->free_threaded) {
		g->enabled = (__u32)w[0] != 0;
		g->swno = w[4];
		g->last = w[2];
		if (g->enabled && (__s32)w[3] == 1)
			g->holder = w[2];
	} else {
		g->enabled = true;
		g->swno = w[3];
		g->last = w[1];
		if ((__s32)w[2] == 1)
			g->holder = w[1];
	}
	return 0;
}

/* Is `holder` a thread state of this thread? */
ft_inline bool is_own_tstate(struct task_struct *other, const struct ft_target *tg, __u32 ns_tid,
			     __u64 tstate)
{
	__u64 tid = 0;

	if (!tstate || !tg->tstate_native_id)
		return false;
	if (read_target(other, &tid, sizeof(tid), tstate + tg->tstate_native_id))
		return false;
	return tid == ns_tid;
}

/* Remembers the last switch_number seen, so that the count of hand-overs outlives the target. */
ft_inline void gil_note(struct ft_target *tg, __u32 i, const struct ft_gil *g)
{
	i = gil_bound(i);
	tg->gil_off = tg->free_threaded && !g->enabled && tg->gil_cnt == 1;
	if (!g->swno)
		return;
	if (!tg->switch_number0[i])
		tg->switch_number0[i] = g->swno;
	tg->switch_number[i] = g->swno;
}

/*
 * Global functions, so that the verifier walks their loops once and not once a path that leads to
 * them: inlined, sched_switch passes the limit of a million instructions.
 */

/* The index + 1 of the GIL that `addr` lies in, or 0. */
__attribute__((noinline)) int gil_find(__u32 target, __u64 addr)
{
	struct ft_target *tg = bpf_map_lookup_elem(&targets, &target);
	__u32 i;

	if (!tg)
		return 0;
	for (i = 0; i < FT_MAX_GILS; i++) {
		if (i >= tg->gil_cnt)
			break;
		if (addr - tg->gil[gil_bound(i)] < tg->gil_size)
			return i + 1;
	}
	return 0;
}

/* Does the current thread hold the i-th GIL? */
__attribute__((noinline)) int gil_held_at(__u32 target, __u32 i, __u32 ns_tid)
{
	struct ft_target *tg = bpf_map_lookup_elem(&targets, &target);
	struct ft_gil g;

	if (!tg)
		return 0;
	i = gil_bound(i);
	if (gil_read(0, tg, tg->gil[i], &g))
		return 0;
	gil_note(tg, i, &g);
	return g.holder && is_own_tstate(0, tg, ns_tid, g.holder);
}

/* The index + 1 of the GIL that the current thread holds, or 0. */
__attribute__((noinline)) int gil_scan(__u32 target, __u32 ns_tid)
{
	struct ft_target *tg = bpf_map_lookup_elem(&targets, &target);
	__u32 i;

	if (!tg)
		return 0;
	for (i = 0; i < FT_MAX_GILS; i++) {
		if (i >= tg->gil_cnt)
			break;
		if (gil_held_at(target, i, ns_tid))
			return i + 1;
	}
	return 0;
}

/*
 * Does the thread hold a GIL? Looks at the GIL it was last seen with; `all` looks at every one (in
 * ticks, and as long as none is known), since a thread can enter another interpreter.
 */
ft_inline bool gil_held(struct task_struct *other, struct ft_target *tg, __u32 target,
			struct ft_thread *t, bool all)
{
	__u32 own = t->gil_idx1;
	struct ft_gil g;

	if (t->exact_gen == (__u8)exact_gen && (t->flags & FT_TF_EXACT))
		return (t->flags & FT_TF_EXACT_HELD) != 0;
	if (tg->no_offsets || !tg->gil_cnt)
		return false;
	/* ticks look: a thread that spins by sched_yield() leaves its core 200,000 times a second
	 */
	if (!all && tg->gil_off)
		return false;
	if (!own && tg->gil_cnt == 1)
		own = 1;
	if (own) {
		own = gil_bound(own - 1);
		if (!gil_read(other, tg, tg->gil[own], &g)) {
			gil_note(tg, own, &g);
			if (g.holder && is_own_tstate(other, tg, t->ns_tid, g.holder))
				return true;
		}
		if (!all || tg->gil_cnt == 1)
			return false;
	}
	if (other)
		return false; /* seeding: the first switch will tell */
	own = gil_scan(target, t->ns_tid);
	if (own)
		t->gil_idx1 = own;
	return own != 0;
}

/* Puts the GIL of an interpreter into the table; the next interpreter of the list, or 0. */
__attribute__((noinline)) __u64 gil_learn(__u32 target, __u64 interp)
{
	struct ft_target *tg = bpf_map_lookup_elem(&targets, &target);
	__u64 gil = 0, next = 0;
	__u32 n;

	if (!tg)
		return 0;
	if (bpf_probe_read_user(&gil, sizeof(gil), (void *)(interp + tg->interp_gil)) ||
	    bpf_probe_read_user(&next, sizeof(next), (void *)(interp + tg->interp_next))) {
		count(FT_CN_READ_GIL);
		return 0;
	}
	/* a GIL shared by several interpreters is known already */
	if (!gil || gil_find(target, gil))
		return next;
	n = tg->gil_cnt;
	if (n >= FT_MAX_GILS) {
		tg->gil_overflow++;
		return next;
	}
	n = gil_bound(n);
	tg->gil[n] = gil;
	tg->switch_number[n] = 0;
	tg->switch_number0[n] = 0;
	tg->gil_cnt = n + 1;
	return next;
}

/*
 * New interpreters are put at the head of the list (pystate.c, init_interpreter), so one read
 * tells whether the table of GILs is current. Only for the current task.
 */
__attribute__((noinline)) int gil_refresh(__u32 target)
{
	struct ft_target *tg = bpf_map_lookup_elem(&targets, &target);
	__u64 head = 0, interp, gil = 0;
	__u32 i;

	if (!tg || !tg->runtime)
		return 0;
	if (bpf_probe_read_user(&head, sizeof(head), (void *)(tg->runtime + tg->interp_head))) {
		count(FT_CN_READ_GIL);
		return 0;
	}
	if (head == tg->interp_seen)
		return 0;
	interp = head;
	for (i = 0; i < FT_MAX_GILS && interp; i++)
		interp = gil_learn(target, interp);
	tg->many_interps = i > 1;
	/* an interpreter is put into the list before it gets its GIL: then look again */
	if (head && !bpf_probe_read_user(&gil, sizeof(gil), (void *)(head + tg->interp_gil)) && gil)
		tg->interp_seen = head;
	return 1;
}

/*
 * Is the mutex at `addr` that of a threading.Lock or RLock? Of another task: for it no number is
 * taken, its next sleep will tell.
 */
ft_inline bool is_lock_object(struct task_struct *other, const struct ft_target *tg, __u64 addr)
{
	__u64 type = 0, name_ptr = 0;
	char name[16] = {};

	if (!tg->ob_size || (addr & 7))
		return false;
	if (read_target(other, &type, 8, addr - tg->ob_size + tg->ob_type) || !type ||
	    read_target(other, &name_ptr, 8, type + tg->tp_name) ||
	    read_target(other, name, 14, name_ptr))
		return false;
	return is_lock_name(name);
}

/*
 * A futex sleep that is not the GIL's. The parking lot (parking_lot.c, 3.13 to 3.15) sleeps on a
 * semaphore inside its struct wait_entry {park_arg, addr, sema (32 bytes), node {next, prev}}, so
 * the parked address stands 8 bytes before the futex; a list node whose neighbour points back
 * tells such an entry from any other semaphore.
 */
ft_inline void classify_park_in(struct task_struct *other, const struct ft_target *tg, __u32 target,
				__u32 ns_tid, __u64 uaddr, struct ft_out *o)
{
	__u64 w[7] = {}, back = 0, addr;

	o->state = FT_ST_SYNC_WAIT;
	o->arg = uaddr;
	if (!tg->has_parking_lot || !tg->runtime)
		return;
	if (read_target(other, w, sizeof(w), uaddr - 16)) {
		count(FT_CN_READ_PARK);
		return;
	}
	/* w: park_arg, addr, sema x4, node.next */
	if (!w[1] || !w[6] || read_target(other, &back, 8, w[6] + 8) || back != uaddr + 32)
		return;
	addr = w[1];
	o->arg = addr;
	if (!w[0]) {
		/* events: a stop-the-world parks a thread on its own state, and the one that asked
		 * on an event of the runtime or the interpreter; the rest are joins, once-flags */
		if (is_own_tstate(other, tg, ns_tid, addr - tg->tstate_state) ||
		    addr - tg->runtime < tg->runtime_size)
			o->state = FT_ST_STW;
		return;
	}
	if (other) {
		if (!is_lock_object(other, tg, addr))
			o->state = FT_ST_LOCK_WAIT;
		return;
	}
	o->lock = mutex_waited(target, addr);
	if (!(o->lock & MUTEX_SYNC))
		o->state = FT_ST_LOCK_WAIT;
	o->lock &= ~MUTEX_SYNC;
}

/* For the current thread; a function of its own for the sake of sched_switch's stack. */
__attribute__((noinline)) int classify_park(__u32 target, __u32 ns_tid, __u64 uaddr,
					    struct ft_out *o)
{
	struct ft_target *tg = bpf_map_lookup_elem(&targets, &target);

	if (tg && o)
		classify_park_in(0, tg, target, ns_tid, uaddr, o);
	return 0;
}

/* Is the address inside one of the GILs? Fills *o. */
ft_inline bool classify_gil(struct task_struct *other, struct ft_target *tg, __u32 target,
			    struct ft_thread *t, __u64 uaddr, struct ft_out *o)
{
	__u32 i = gil_find(target, uaddr);
	struct ft_gil g;
	bool own = false;
	__u64 off;

	if (!i && !other && gil_refresh(target))
		i = gil_find(target, uaddr);
	if (!i)
		return false;
	t->gil_idx1 = i;
	i = gil_bound(i - 1);
	o->arg = tg->gil[i];
	off = uaddr - o->arg;
	gil_read(other, tg, o->arg, &g);
	gil_note(tg, i, &g);
	o->swno = g.swno;
	if (tg->no_offsets) {
		o->held = gil_held(other, tg, target, t, false);
		own = o->held;
	} else if (is_own_tstate(other, tg, t->ns_tid, g.last)) {
		own = true;
		o->held = g.holder != 0;
	}
	if (off >= tg->gil_switch_cond) {
		/* a taker that holds the GIL already can sleep on switch_mutex for a moment */
		o->state = o->held ? FT_ST_LOCK_WAIT : FT_ST_GIL_SWITCH;
	} else if (off >= tg->gil_cond) {
		/*
		 * A holder asleep on gil->mutex stands inside drop_gil: held off core, no wait. So
		 * does the last holder on the condition variable when `locked` is 0 already:
		 * pthread_cond_signal() can sleep on that variable's own lock, and who waits in
		 * take_gil is not the last holder. On gil->mutex it can be, on its way in.
		 */
		if (off >= tg->gil_mutex)
			own = o->held;
		o->state = own ? FT_ST_LOCK_WAIT : FT_ST_GIL_WAIT;
	} else {
		return false;
	}
	return true;
}

#define TASK_STOPPED_OR_TRACED 0xcu
#define TASK_DEAD_BIT 0x80u
#define TASK_FROZEN_BIT 0x8000u

#define SITE_TIMES 16

/*
 * A thread that blocks over and over in the same place: whether it holds a GIL there was looked at
 * the last time, and is looked at again every sixteenth time. A place is the system call's number
 * with the user's stack pointer and instruction pointer; what a program does with the GIL around a
 * call is a matter of its code. Reading user memory costs some 90 ns, as much as all the rest.
 */
ft_inline bool site_known(struct ft_thread *t, const struct pt_regs *regs)
{
	__u64 site = (regs->sp << 9) ^ regs->ip ^ (regs->orig_ax << 48) ^ 1;

	if (t->site == site && t->site_cnt < SITE_TIMES) {
		t->site_cnt++;
		return true;
	}
	t->site = site;
	t->site_cnt = 0;
	return false;
}

/*
 * glibc's low-level lock, of which a pthread mutex is made, sleeps by FUTEX_WAIT while its word is
 * 2 (lowlevellock.c, __lll_lock_wait; the same since 2.5); condition variables, semaphores and
 * barriers sleep by FUTEX_WAIT_BITSET or on other values.
 */
ft_inline bool is_native_lock(const struct pt_regs *regs)
{
	return (regs->si & 0x7f) == 0 && (__u32)regs->dx == 2;
}

/* What a thread goes to when it leaves its core with `prev_state`; fills *o but `now`. */
ft_inline void classify(struct task_struct *other, struct ft_target *tg, __u32 target,
			struct ft_thread *t, const struct pt_regs *regs, __u32 prev_state,
			struct ft_out *o)
{
	long nr = (long)regs->orig_ax;

	if (prev_state & TASK_DEAD_BIT) {
		o->state = FT_ST_DEAD;
		return;
	}
	if (!prev_state) {
		o->state = FT_ST_RUNQ;
	} else if (prev_state & (TASK_STOPPED_OR_TRACED | TASK_FROZEN_BIT)) {
		/* before the registers: a stopped GIL waiter still shows the GIL's futex */
		o->state = FT_ST_STOPPED;
	} else if (nr < 0) {
		o->state = FT_ST_FAULT;
	} else if (nr == NR_FUTEX) {
		if (!tg) {
			o->state = FT_ST_SYNC_WAIT;
			o->arg = regs->di;
		} else {
			if (classify_gil(other, tg, target, t, regs->di, o))
				return;
			if (other)
				classify_park_in(other, tg, target, t->ns_tid, regs->di, o);
			else
				classify_park(target, t->ns_tid, regs->di, o);
			if (o->state == FT_ST_SYNC_WAIT && o->arg == regs->di &&
			    is_native_lock(regs)) {
				o->state = FT_ST_LOCK_WAIT;
				if (!other)
					o->lock = lock_number(target, FT_LK_NATIVE, regs->di, 0,
							      regs->sp);
			}
		}
	} else {
		o->state = FT_ST_BLOCKED;
		o->arg = nr;
		if (!other && site_known(t, regs))
			return;
	}
	if (tg && (tg->runtime || tg->no_offsets)) {
		o->held = gil_held(other, tg, target, t, false);
		if (o->held)
			t->site = 0;
	}
}

#endif
