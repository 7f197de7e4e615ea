// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The programs: maps stand in maps.bpf.h, what they decide in include/ftprof_state.h. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

#include "ftprof_state.h"
#include "maps.bpf.h"
#include "emit.bpf.h"
#include "conc.bpf.h"
#include "gil.bpf.h"
#include "gilprobe.bpf.h"
#include "stack.bpf.h"
#include "pause.bpf.h"
#include "gcprobe.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define CPU_WINDOW_NS 1000000ull

ft_inline __u32 ns_tid_of(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	unsigned int level = BPF_CORE_READ(pid, level);
	struct upid up = {};

	/* numbers[] is indexed by the level; 32 is the kernel's MAX_PID_NS_LEVEL */
	if (level > 32)
		return 0;
	bpf_core_read(&up, sizeof(up), &pid->numbers[level]);
	return up.nr;
}

ft_inline void pid_slot_set(__u32 pid, __u32 slot1)
{
	__u32 key = pid & (PID_SLOTS - 1);
	__u16 *s = bpf_map_lookup_elem(&pid_slots, &key);

	if (s)
		*s = *s ? PID_SLOT_ASK : slot1;
}

ft_inline void pid_slot_clear(__u32 pid, __u32 slot1)
{
	__u32 key = pid & (PID_SLOTS - 1);
	__u16 *s = bpf_map_lookup_elem(&pid_slots, &key);

	if (s && *s == slot1)
		*s = 0;
}

/*
 * Takes a slot and makes it a fresh one for `task`. Returns slot + 1, or 0; the caller makes it the
 * thread's own by pid_slot_set(), once all that belongs to it stands. The seeding program is
 * sleepable, and up to 6.x such a program may not use a queue: it takes slots never used so far.
 */
ft_inline __u32 slot_take(struct task_struct *task, __u32 target, __u64 now, __u8 state, __u64 arg,
			  __u32 flags, const bool used_ones)
{
	struct ft_ev_start ev = {};
	struct ft_thread *t;
	__u32 idx = 0;

	if (!used_ones || bpf_map_pop_elem(&free_slots, &idx)) {
		idx = __sync_fetch_and_add(&slot_next, 1);
		if (idx >= slot_max) {
			__sync_fetch_and_add(&slot_next, -1);
			count(FT_CN_NO_SLOT);
			return 0;
		}
	}
	t = bpf_map_lookup_elem(&slots, &idx);
	if (!t) {
		count(FT_CN_NO_SLOT);
		return 0;
	}
	__builtin_memset(t, 0, sizeof(*t));
	t->tid = task->pid;
	t->ns_tid = ns_tid_of(task);
	t->flags = flags | (task->pid == task->tgid ? FT_TF_LEADER : 0);
	t->target = target;
	t->exec_ns = task->se.sum_exec_runtime;
	BPF_CORE_READ_STR_INTO(&t->comm, task, comm);
	ft_thread_init(t, now, state, arg);

	ev.h.ts = now;
	ev.h.slot = idx;
	ev.tid = t->tid;
	ev.ns_tid = t->ns_tid;
	ev.target = target;
	ev.state = state;
	__builtin_memcpy(ev.comm, t->comm, FT_COMM_LEN);
	emit(&ev, sizeof(ev), FT_EV_START);
	return idx + 1;
}

/*
 * The current thread's last switch. A function of its own, as others below: old kernels allow 512
 * bytes of stack for a program with all the functions that it calls.
 */
__attribute__((noinline)) int thread_exit(__u32 slot, __u64 now)
{
	struct task_struct *cur = bpf_get_current_task_btf();
	struct ft_thread *t = bpf_map_lookup_elem(&slots, &slot);
	struct ft_ev_exit ev = {.h = {.ts = now, .slot = slot}};

	if (!t)
		return 0;
	ev.seq = t->seq;
	BPF_CORE_READ_STR_INTO(&t->comm, cur, comm);
	pid_slot_clear(t->tid, slot + 1);
	emit(&ev, sizeof(ev), FT_EV_EXIT);
	return 0;
}

/* The thread leaves its core. Returns what that moves in the concurrency word. */
ft_inline __u64 leave(void *ctx, struct task_struct *prev, struct ft_thread *t, __u32 slot1,
		      __u64 now, __u32 prev_state)
{
	struct ft_target *tg = target_of(t);
	__u64 came;
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(prev);
	struct ft_wait_done done = {};
	struct ft_out o = {.now = now};
	__u8 before = t->state;

	if ((t->flags & FT_TF_EXACT) && t->exact_gen != (__u8)exact_gen)
		t->flags &= ~(FT_TF_EXACT | FT_TF_EXACT_HELD | FT_TF_IN_TAKE | FT_TF_TAKE_SLEPT);
	classify(0, tg, t->target, t, regs, prev_state, &o);
	if (o.state == FT_ST_GIL_WAIT && (t->flags & FT_TF_IN_TAKE)) {
		o.cont = t->flags & FT_TF_TAKE_SLEPT ? FT_CONT_SAME : FT_CONT_NEW;
		t->flags |= FT_TF_TAKE_SLEPT;
	}
	if (!prev_state && tg && tg->free_threaded && (long)regs->orig_ax == NR_SCHED_YIELD)
		count(FT_CN_YIELDS_SWITCHED);
	came = t->since_ns;
	if (ft_thread_out(t, &o, &done))
		count(FT_CN_REPAIRED);
	if (done.valid)
		hist_add(done.origin & (FT_OR_CNT - 1), done.ns);
	if (stack_hz) {
		t->stack_n = stack_leave(
			slot1 - 1, t->since_ns - came, o.held,
			prev_state ? (__u32)ft_pw_mix(regs->sp ^ regs->ip << 8, regs->orig_ax) : 1);
		if (t->stack_n)
			t->stack = stack_take(ctx, slot1 - 1, t->target, SCRATCH_SCHED);
		if (!t->stack)
			t->stack_n = 0;
	}
	if (o.state == FT_ST_DEAD)
		thread_exit(slot1 - 1, now);
	return conc_delta(before, o.state);
}

/*
 * The thread comes to a core. Returns what that moves in the concurrency word. A global function,
 * so that its record is not on the stack of all that sched_switch calls.
 */
__attribute__((noinline)) __u64 thread_enter(__u32 slot, __u64 now, __u32 flags)
{
	struct ft_thread *t = bpf_map_lookup_elem(&slots, &slot);
	struct ft_ev_slice s = {};
	__u8 before;

	if (!t)
		return 0;
	before = t->state;
	if (!ft_thread_in(t, now, need_wake, &s)) {
		count(FT_CN_REPAIRED);
		return conc_delta(before, FT_ST_ON);
	}
	if (t->lock && (s.state == FT_ST_LOCK_WAIT || s.state == FT_ST_SYNC_WAIT))
		lock_slept(t->lock, slot, (s.wake_ns ?: now) - s.out_ns);
	if (s.state == FT_ST_STW)
		pause_slept(slot, now);
	if (stack_hz) {
		stack_enter(slot, &s);
		if (before == FT_ST_GIL_WAIT)
			gil_wait_move(t->target, t->gil_idx1 ? t->gil_idx1 - 1 : 0, now, -1);
	}
	if (s.state == FT_ST_BLOCKED && s.arg < FT_MAX_SYSCALLS) {
		struct ft_times *times = my_times();

		/* only here, where interrupts are off: no need to be atomic */
		if (times)
			times->syscall_ns[ft_bound(s.arg, FT_MAX_SYSCALLS)] +=
				(s.wake_ns ? s.wake_ns : s.h.ts) - s.out_ns;
	}
	if (with_events) {
		s.h.slot = slot;
		s.flags |= flags;
		emit(&s, sizeof(s), FT_EV_SLICE);
	}
	return conc_delta(before, FT_ST_ON);
}

/*
 * The thread leaves a core to which it was never seen to come: some kernels do not report the
 * switches away from certain tasks (seen on virtual machines, for the agent of the machine's
 * host). The kernel's own account of its CPU time, `ran`, tells when it came: that is returned.
 */
__attribute__((noinline)) __u64 missed_enter(__u32 slot, __u64 now, __u64 ran)
{
	struct ft_thread *t = bpf_map_lookup_elem(&slots, &slot);
	__u64 begin = now - ran;

	if (!t)
		return now;
	count(FT_CN_REPAIRED);
	t->repaired++;
	if (ran > now || begin < t->since_ns)
		begin = t->since_ns;
	if (now > begin)
		conc_missed(now - begin);
	return begin;
}

/* Time that the core gave to others, in windows of a millisecond and more. */
__attribute__((noinline)) int other_time(__u64 now, __u32 was_other)
{
	__u32 zero = 0;
	struct ft_cpu *c = bpf_map_lookup_elem(&cpus, &zero);

	if (!c)
		return 0;
	if (was_other && c->last_ns && now > c->last_ns) {
		if (!c->win_ns)
			c->win_ns = c->last_ns;
		c->other_ns += now - c->last_ns;
	}
	if (c->win_ns && now - c->win_ns >= CPU_WINDOW_NS) {
		struct ft_ev_cpu ev = {.h = {.ts = now}, .begin_ns = c->win_ns};

		ev.other_ns = c->other_ns;
		c->win_ns = 0;
		c->other_ns = 0;
		emit(&ev, sizeof(ev), FT_EV_CPU);
	}
	return 0;
}

/*
 * A stranger is on the core. One that runs on and on would be told of when it leaves, and at the
 * session's end never: ticks cut its time into pieces.
 */
ft_inline int other_tick(void)
{
	__u32 zero = 0;
	struct ft_cpu *c = bpf_map_lookup_elem(&cpus, &zero);
	__u64 now;

	if (!with_events || !c || !c->allowed || c->idle)
		return 0;
	now = bpf_ktime_get_ns();
	if (c->last_ns && now - c->last_ns < FT_OTHER_RUN_NS)
		return 0;
	other_time(now, 1);
	c->last_ns = now;
	return 0;
}

/*
 * A thread at its last switch, by its storage: an exec() in another thread takes the first thread's
 * id, and gives it its own, while that one is still on its way out.
 */
ft_inline struct ft_thread *find_dying(struct task_struct *task, __u32 *slot1)
{
	struct ft_task *ts = bpf_task_storage_get(&tasks, task, 0, 0);
	struct ft_thread *t;
	__u32 idx;

	if (!ts || !ts->slot1)
		return 0;
	idx = ts->slot1;
	*slot1 = idx--;
	t = bpf_map_lookup_elem(&slots, &idx);
	return t && t->state != FT_ST_DEAD ? t : 0;
}

ft_inline int on_switch(void *ctx, bool preempt, struct task_struct *prev, struct task_struct *next,
			__u32 prev_state)
{
	struct ft_thread *from = 0, *to = 0;
	/* plain numbers, since the verifier lets no pointers be combined by "or" */
	__u32 from_slot = 0, to_slot = 0, zero = 0;
	struct ft_cpu *c;
	__u64 now, begin;

	if (!active)
		return 0;
	from = prev_state & TASK_DEAD_BIT ? find_dying(prev, &from_slot)
					  : find_thread(prev, &from_slot);
	if (!from)
		from_slot = 0;
	to = find_thread(next, &to_slot);
	if (!to)
		to_slot = 0;
	/*
	 * From one stranger to another: the core stays with others, and neither a count nor a clock
	 * is needed. This is all that most switches of a host get to see.
	 */
	if (!(from_slot | to_slot) && prev->pid && next->pid)
		return 0;
	c = bpf_map_lookup_elem(&cpus, &zero);
	if (!c || !(from_slot | to_slot | c->allowed))
		return 0;
	now = bpf_ktime_get_ns();
	/*
	 * The sum is kept in memory: in a register the verifier would follow each of its values
	 * through all that comes after, and take half a second to load this program.
	 */
	c->delta = 0;
	if (from) {
		if (from->state != FT_ST_ON) {
			begin = missed_enter(from_slot - 1, now,
					     prev->se.sum_exec_runtime - from->exec_ns);
			c->delta += thread_enter(from_slot - 1, begin, FT_SF_REPAIRED);
		}
		c->delta += leave(ctx, prev, from, from_slot, now, preempt ? 0 : prev_state);
		from->exec_ns = prev->se.sum_exec_runtime;
	}
	if (to)
		c->delta += thread_enter(to_slot - 1, now, 0);
	if (c->allowed) {
		__u8 idle = next->pid == 0;

		if (idle != c->idle)
			c->delta += idle ? FT_CW_IDLE : -FT_CW_IDLE;
		c->idle = idle;
		if (with_events)
			other_time(now, !from_slot && prev->pid);
		c->last_ns = now;
	}
	if (c->delta)
		conc_move(now, c->delta);
	return 0;
}

SEC("?tp_btf/sched_switch")
int BPF_PROG(sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next,
	     unsigned int prev_state)
{
	return on_switch(ctx, preempt, prev, next, prev_state);
}

/*
 * Before 5.18 (fa2c3254d7cf) the tracepoint has no prev_state, and the task's own __state may have
 * been changed by a waker already: it is a hint, and in() corrects it by the wake-up's absence.
 */
SEC("?tp_btf/sched_switch")
int BPF_PROG(sched_switch_old, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	return on_switch(ctx, preempt, prev, next, prev->__state);
}

/*
 * The waker's stack, with the wait that it ends as its weight; at most so many a second as stacks
 * are walked at switches, since a queue's owners are of no interest.
 */
ft_inline void lock_owner(void *ctx, __u32 slot, __u32 lock, __u64 now, __u64 ns)
{
	struct ft_lock *l = bpf_map_lookup_elem(&locks, &lock);
	struct ft_thread *t = bpf_map_lookup_elem(&slots, &slot);
	__u32 zero = 0;
	struct ft_cpu *c = bpf_map_lookup_elem(&cpus, &zero);
	__u64 id;

	if (!l || !t || !c || (__s64)ns <= 0 ||
	    now - c->owner_ns < 1000000000ull / (walks_per_sec ?: 1))
		return;
	c->owner_ns = now;
	id = stack_take(ctx, slot, t->target, SCRATCH_SCHED);
	if (id)
		weight_add(id, FT_SK_LOCK_OWNER, lock, ns, ns);
}

SEC("?tp_btf/sched_waking")
int BPF_PROG(sched_waking, struct task_struct *p)
{
	struct task_struct *cur;
	struct pt_regs *regs;
	struct ft_thread *t;
	__u32 flags = 0, by = 0, slot1 = 0;
	__u64 now;
	long nr;

	if (!active)
		return 0;
	t = find_thread(p, &slot1);
	if (!t)
		return 0;
	/* who woke is told in events, and tells a hand-over of the GIL from a timeout */
	cur = with_events || stack_hz ? bpf_get_current_task_btf() : 0;
	if (cur && find_thread(cur, &by)) {
		regs = (struct pt_regs *)bpf_task_pt_regs(cur);
		nr = (long)regs->orig_ax;
		if (nr >= 0)
			flags |= FT_WAKE_IN_SYSCALL;
		if (nr == NR_FUTEX)
			flags |= FT_WAKE_IN_FUTEX;
	} else {
		by = 0;
	}
	now = bpf_ktime_get_ns();
	t->wake = ft_wake_pack(now, by, flags);
	/* who gives a lock to a sleeper is, or was until now, its owner */
	if (stack_hz && by && (flags & FT_WAKE_IN_FUTEX) && t->lock &&
	    (t->state == FT_ST_LOCK_WAIT || t->state == FT_ST_SYNC_WAIT))
		lock_owner(ctx, by - 1, t->lock, now, now - t->since_ns);
	return 0;
}

SEC("?tp_btf/sched_process_fork")
int BPF_PROG(sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct ft_task *leader, fresh = {}, *ts;
	__u64 now;

	if (!active)
		return 0;
	leader = bpf_task_storage_get(&tasks, parent->group_leader, 0, 0);
	if (!leader || !leader->target1)
		return 0;
	now = bpf_ktime_get_ns();
	if (child->tgid != parent->tgid) {
		struct ft_ev_proc ev = {.h = {.ts = now}, .target = leader->target1 - 1};

		ev.pid = child->pid;
		count(FT_CN_CHILDREN);
		emit(&ev, sizeof(ev), FT_EV_FORK);
		return 0;
	}
	fresh.target1 = leader->target1;
	ts = bpf_task_storage_get(&tasks, child, &fresh, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!ts) {
		count(FT_CN_NO_STORAGE);
		return 0;
	}
	ts->slot1 = slot_take(child, leader->target1 - 1, now, FT_ST_RUNQ, 0, 0, true);
	if (ts->slot1)
		pid_slot_set(child->pid, ts->slot1);
	return 0;
}

/* The name changes, and a thread that was not the first one has the first one's id from here on. */
ft_inline void after_exec(struct task_struct *task, __u32 slot1)
{
	__u32 idx = slot1 - 1;
	struct ft_thread *t = bpf_map_lookup_elem(&slots, &idx);

	if (!t || t->state == FT_ST_DEAD)
		return;
	BPF_CORE_READ_STR_INTO(&t->comm, task, comm);
	/* all of that was in the old program's memory */
	t->gil_idx1 = 0;
	t->tstate = 0;
	t->tstate_miss = 0;
	t->site = 0;
	if (t->tid == task->pid)
		return;
	pid_slot_clear(t->tid, slot1);
	t->tid = task->pid;
	t->ns_tid = ns_tid_of(task);
	t->flags |= FT_TF_LEADER;
	pid_slot_set(t->tid, slot1);
}

SEC("?tp_btf/sched_process_exec")
int BPF_PROG(sched_process_exec, struct task_struct *p, pid_t old_pid)
{
	struct ft_task *ts;
	struct ft_target *tg;
	struct ft_ev_proc ev = {};
	__u32 key;

	if (!active)
		return 0;
	ts = bpf_task_storage_get(&tasks, p, 0, 0);
	if (!ts || !ts->target1)
		return 0;
	key = ts->target1 - 1;
	tg = bpf_map_lookup_elem(&targets, &key);
	if (!tg)
		return 0;
	/* nothing that was known of the old program's memory holds any more */
	tg->runtime = 0;
	tg->gil_cnt = 0;
	tg->interp_seen = 0;
	__sync_fetch_and_add(&program_no, 1);
	if (ts->slot1)
		after_exec(p, ts->slot1);
	ev.h.ts = bpf_ktime_get_ns();
	ev.pid = p->tgid;
	ev.target = ts->target1 - 1;
	emit(&ev, sizeof(ev), FT_EV_EXEC);
	return 0;
}

/*
 * The stack under a tick: as often as was asked for, as a sample of on-core time, and whenever the
 * thread holds a GIL that others wait for. Returns the id of a sample, else 0.
 */
ft_inline __u64 tick_stack(void *ctx, struct ft_cpu *c, struct ft_thread *t, __u32 slot, __u8 on,
			   const struct spent *spent)
{
	__u32 waiters = 0, rate = tick_hz ?: 1;
	bool sample = false;
	__u64 id, ns;

	/* evenly spread, but not evenly spaced: the sum stays within one tick of what it should be
	 */
	c->tick_acc += stack_hz;
	if (c->tick_acc > (__s32)(bpf_get_prandom_u32() % rate)) {
		c->tick_acc -= rate;
		sample = true;
	}
	if (on == FT_ON_GIL)
		waiters = gil_waiters(t->target, t->gil_idx1 ? t->gil_idx1 - 1 : 0);
	if (!sample && !waiters)
		return 0;
	id = stack_take(ctx, slot, t->target, SCRATCH_SCHED);
	if (!id)
		return 0;
	if (waiters) {
		ns = 1000000000ull / rate * waiters;
		weight_add(id, FT_SK_BLAME, 0, ns, ns);
	}
	if (!sample)
		return 0;
	ns = 1000000000ull / (stack_hz ?: 1);
	weight_add(id, FT_SK_ON + on, on == FT_ON_SPIN ? spent->lock : 0, ns, ns);
	if (spent->cls == FT_CC_SHARED)
		weight_add(id, FT_SK_SHARED, spent->lock, ns, ns);
	return id;
}

/* What a tick on a free-threaded build finds; the enum ft_on of it. */
ft_inline __u8 tick_free(struct ft_thread *t, __u32 slot, __u8 on, struct spent *spent)
{
	const struct pt_regs *regs =
		(const struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());

	spent->slot1 = slot + 1;
	if ((long)regs->orig_ax == NR_SCHED_YIELD)
		spent_yielding(t->target, spent);
	else
		spent_on(t->target, spent);
	count(FT_CN_TICKS_CLASS + ft_bound(spent->cls, FT_CC_CNT));
	if (spent->cls != FT_CC_MUTEX && spent->cls != FT_CC_SPIN)
		return on;
	lock_spun(spent->lock, slot);
	/* who holds the GIL may spin for a lock too: the GIL is what others wait for */
	return on == FT_ON_GIL ? on : FT_ON_SPIN;
}

SEC("?perf_event")
int tick(void *ctx)
{
	struct task_struct *cur = bpf_get_current_task_btf();
	struct ft_thread *t;
	struct ft_target *tg;
	struct ft_ev_tick ev = {};
	struct ft_cpu *c;
	struct spent spent = {};
	__u32 zero = 0, slot1 = 0;
	__u8 on = FT_ON_FREE;

	if (!active)
		return 0;
	if (!cur->pid) {
		/* idle since before the session, or since a switch that was not reported */
		c = bpf_map_lookup_elem(&cpus, &zero);
		if (c && c->allowed && !c->idle) {
			c->idle = 1;
			c->last_ns = bpf_ktime_get_ns();
			conc_move(c->last_ns, FT_CW_IDLE);
		}
		return 0;
	}
	t = find_thread(cur, &slot1);
	if (!t)
		return other_tick();
	tg = target_of(t);
	if (!tg)
		return 0;
	if ((t->flags & FT_TF_EXACT) && t->exact_gen != (__u8)exact_gen)
		t->flags &= ~(FT_TF_EXACT | FT_TF_EXACT_HELD | FT_TF_IN_TAKE | FT_TF_TAKE_SLEPT);
	if (tg->runtime || tg->no_offsets) {
		gil_refresh(t->target);
		if (gil_held(0, tg, t->target, t, true))
			on = FT_ON_GIL;
		if (tg->free_threaded)
			on = tick_free(t, slot1 - 1, on, &spent);
		if ((on == FT_ON_GIL || tg->free_threaded) && gc_is_on(tg) &&
		    (on == FT_ON_GIL || is_pausing(slot1 - 1)))
			count(FT_CN_TICKS_GC);
	}
	ft_thread_tick(t, on);
	count(FT_CN_TICKS);
	if (stack_hz) {
		c = bpf_map_lookup_elem(&cpus, &zero);
		if (c)
			ev.stack = tick_stack(ctx, c, t, slot1 - 1, on, &spent);
	}
	if (with_events) {
		ev.h.ts = bpf_ktime_get_ns();
		ev.h.slot = slot1 - 1;
		ev.on = on;
		emit(&ev, sizeof(ev), FT_EV_TICK);
	}
	return 0;
}

/* The GIL that a thread waits for, or holds, when the session begins. */
ft_inline void seed_gil(struct ft_target *tg, __u32 target, __u32 slot1,
			const struct ft_thread *seen, const struct ft_out *o)
{
	__u32 idx = slot1 - 1, gil = seen->gil_idx1 ? seen->gil_idx1 - 1 : 0;
	struct ft_thread *t = bpf_map_lookup_elem(&slots, &idx);

	if (!t)
		return;
	t->gil_idx1 = seen->gil_idx1;
	if (o->state == FT_ST_GIL_WAIT)
		gil_wait_move(target, gil, start_ns, 1);
	if (o->held)
		t->blame0 = gil_wait_move(target, gil, start_ns, 0);
}

/*
 * Threads that were there before the session, with the state they are in: one that sleeps through
 * the session never switches. Read once to learn the leader's tgid in the initial PID namespace
 * (user space may live in another one), and once more to seed.
 */
ft_inline int seed_task(struct task_struct *task, bool can_read)
{
	struct ft_task *ts, fresh = {};
	struct ft_target *tg;
	struct ft_thread scratch = {};
	struct ft_out o = {};
	__u32 state, target = 0, slot1;

	if (!task)
		return 0;
	ts = bpf_task_storage_get(&tasks, task, 0, 0);
	if (ts && ts->target1 && task->pid == task->tgid)
		seed_tgid = task->tgid;
	if (!seed_tgid || task->tgid != seed_tgid || !active || (ts && ts->slot1))
		return 0;
	tg = bpf_map_lookup_elem(&targets, &target);
	if (!tg)
		return 0;
	state = task->__state;
	if (state & TASK_DEAD_BIT)
		return 0;
	if (state) {
		struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
		long nr = (long)regs->orig_ax;

		scratch.ns_tid = ns_tid_of(task);
		if (can_read)
			classify(task, tg, target, &scratch, regs, state, &o);
		else if (nr == NR_FUTEX)
			o.state = FT_ST_SYNC_WAIT;
		else
			o.state = FT_ST_BLOCKED, o.arg = nr;
	} else {
		o.state = task->on_cpu ? FT_ST_ON : FT_ST_RUNQ;
	}
	if (!ts) {
		fresh.target1 = target + 1;
		ts = bpf_task_storage_get(&tasks, task, &fresh, BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (!ts) {
			count(FT_CN_NO_STORAGE);
			return 0;
		}
	}
	slot1 = slot_take(task, target, start_ns, o.state, o.arg,
			  FT_TF_SEEDED | (o.held ? FT_TF_HELD_OUT : 0), false);
	if (!slot1)
		return 0;
	if (stack_hz)
		seed_gil(tg, target, slot1, &scratch, &o);
	/*
	 * From here on the thread's own core writes the slot. Were it to leave a GIL's waiters
	 * before it was counted among them, there would be 16383 of them for a moment.
	 */
	ts->slot1 = slot1;
	pid_slot_set(task->pid, slot1);
	conc_move(bpf_ktime_get_ns(), conc_delta(FT_ST_RUNQ, o.state));
	return 0;
}

SEC("?iter.s/task")
int seed(struct bpf_iter__task *ctx)
{
	return seed_task(ctx->task, true);
}

/* Kernels before 5.18 have no bpf_copy_from_user_task: futex sleeps stay unnamed. */
SEC("?iter/task")
int seed_old(struct bpf_iter__task *ctx)
{
	return seed_task(ctx->task, false);
}

/* Brings the concurrency word up to now; run by user space every few seconds and at the end. */
SEC("?syscall")
int touch(void *ctx)
{
	conc_move(bpf_ktime_get_ns(), 0);
	return 0;
}

/* Does nothing: how long the kernel's statistics say it runs is what measuring itself takes. */
SEC("?syscall")
int nothing(void *ctx)
{
	return 0;
}

SEC("?uprobe")
int BPF_KPROBE(probe_take_gil)
{
	return on_take_gil();
}

SEC("?uprobe")
int BPF_KPROBE(probe_cond_signal, void *cond)
{
	return on_cond_signal((__u64)cond);
}

SEC("?uprobe")
int BPF_KPROBE(probe_drop_gil)
{
	return on_drop_gil();
}

/*
 * In place for a few milliseconds now and then: a tracepoint on a system call slows all of them.
 * Counts while yield_window is set, since coming and going take time.
 */
SEC("?tp/syscalls/sys_enter_sched_yield")
int count_yield(void *ctx)
{
	struct task_struct *cur = bpf_get_current_task_btf();
	struct spent spent = {};
	__u32 slot1 = 0, id;
	struct ft_thread *t;
	struct ft_lock *l;

	if (!active || !yield_window)
		return 0;
	t = find_thread(cur, &slot1);
	if (!t)
		return 0;
	spent_yielding(t->target, &spent);
	if (spent.cls != FT_CC_MUTEX && spent.cls != FT_CC_SPIN)
		return 0;
	count(FT_CN_YIELDS);
	id = spent.lock;
	l = bpf_map_lookup_elem(&locks, &id);
	if (id && l) {
		__sync_fetch_and_add(&l->yields, 1);
		lock_thread(l, slot1 - 1);
	}
	return 0;
}

SEC("?uprobe")
int probe_stop_world(struct pt_regs *ctx)
{
	return on_stop_world(ctx->sp);
}

SEC("?uprobe")
int probe_start_world(struct pt_regs *ctx)
{
	return on_start_world(ctx);
}

SEC("?uprobe")
int probe_warn(struct pt_regs *ctx)
{
	return on_warn(ctx, ctx->dx, ctx->cx);
}

SEC("?usdt")
int gc_start(struct pt_regs *ctx)
{
	return on_gc_start(ctx);
}

SEC("?usdt")
int gc_done(struct pt_regs *ctx)
{
	return on_gc_done();
}
