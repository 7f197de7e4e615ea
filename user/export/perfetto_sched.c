/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The view by core of a Perfetto trace: switches and wake-ups as ftrace tells them.
 *
 * A switch names who leaves a core and who comes, so stays have to be chained core by core. But
 * when a thread left is only told when it comes back, which may be much later, while who came next
 * is told at once. So what waits is a stay a thread: who came to the core after it, and when. Once
 * its end is known, one switch is written where the two times are the same, else two with the idle
 * task (or strangers: they are the idle task here) in between. Readers sort by time, but two
 * switches of one time and core would be one too many.
 *
 * Stays that began before anything was told of their threads (those there at the session's start)
 * come last of all; so the first switch to a thread on each core is kept back until the end.
 */
#include "export/perfetto_priv.h"

#include <perfetto.pb-c.h>
#include <stdio.h>

#define PRIO 120 /* of a thread that was not made nicer; the file does not have it */
#define COMM_SZ 24

/* prev_state of sched_switch since Linux 4.14 */
enum { K_RUNNING = 0, K_SLEEP = 1, K_DISK = 2, K_STOPPED = 4, K_DEAD = 0x10, K_IDLE = 0x80 };

static char *comm(const struct ft_pf *pf, __u16 cpu, __u32 thr, char *room)
{
	if (thr != FT_NO_THREAD)
		return (char *)ft_pf_comm(pf, thr);
	snprintf(room, COMM_SZ, "swapper/%u", cpu);
	return room;
}

static __s32 tid(const struct ft_pf *pf, __u32 thr)
{
	return thr == FT_NO_THREAD ? 0 : pf->thread[thr].tid;
}

static void put_event(struct ft_pf *pf, __u16 cpu, Ft__Perfetto__FtraceEvent *ev)
{
	Ft__Perfetto__FtraceEventBundle bundle = FT__PERFETTO__FTRACE_EVENT_BUNDLE__INIT;
	Ft__Perfetto__TracePacket p = FT__PERFETTO__TRACE_PACKET__INIT;

	bundle.has_cpu = true;
	bundle.cpu = cpu;
	bundle.event = &ev;
	bundle.n_event = 1;
	p.ftrace_events = &bundle;
	ft_pf_put(pf, &p.base);
}

/* prev leaves the core with an end inside the window, next comes with a begin inside it, or none */
static void put_switch(struct ft_pf *pf, __u16 cpu, __u64 ts, __u32 prev, int state, __u32 next)
{
	Ft__Perfetto__SchedSwitchFtraceEvent sw = FT__PERFETTO__SCHED_SWITCH_FTRACE_EVENT__INIT;
	Ft__Perfetto__FtraceEvent ev = FT__PERFETTO__FTRACE_EVENT__INIT;
	char prev_room[COMM_SZ], next_room[COMM_SZ];

	if (ts <= pf->from || ts > pf->to)
		prev = FT_NO_THREAD;
	if (ts < pf->from || ts >= pf->to)
		next = FT_NO_THREAD;
	if (prev == next)
		return;
	sw.has_prev_pid = sw.has_prev_prio = sw.has_prev_state = true;
	sw.has_next_pid = sw.has_next_prio = true;
	sw.prev_comm = comm(pf, cpu, prev, prev_room);
	sw.prev_pid = tid(pf, prev);
	sw.prev_prio = PRIO;
	sw.prev_state = prev == FT_NO_THREAD ? K_RUNNING : state;
	sw.next_comm = comm(pf, cpu, next, next_room);
	sw.next_pid = tid(pf, next);
	sw.next_prio = PRIO;
	ev.has_timestamp = ev.has_pid = true;
	ev.timestamp = ts;
	ev.pid = (uint32_t)sw.prev_pid;
	ev.sched_switch = &sw;
	put_event(pf, cpu, &ev);
}

/* A stay that the window cuts has its switches at the window's ends. */
static void put_cuts(struct ft_pf *pf, __u16 cpu, __u32 thr, __u64 in, __u64 out)
{
	if (in < pf->from && out > pf->from)
		put_switch(pf, cpu, pf->from, FT_NO_THREAD, K_RUNNING, thr);
	if (in < pf->to && out > pf->to)
		put_switch(pf, cpu, pf->to, thr, K_RUNNING, FT_NO_THREAD);
}

/* On-core time that has no place on a core. */
static void put_elsewhere(struct ft_pf *pf, __u32 thr, __u64 from, __u64 to)
{
	struct ft_pf_slice sl = {.cat = FT_R_CNT};

	if (from < pf->from)
		from = pf->from;
	if (to > pf->to)
		to = pf->to;
	if (from >= to)
		return;
	sl.track = ft_pf_thread_track(pf, FT_PF_T_OFF, thr);
	sl.name = ft_pf_name(pf, "on some core");
	sl.ts = from;
	ft_pf_begin(pf, &sl);
	ft_pf_end(pf, sl.track, to);
}

static void arrive(struct ft_pf *pf, __u32 thr, __u16 cpu, __u64 ts)
{
	struct ft_pf_stay *s = &pf->thread[thr].stay, *before;
	struct ft_pf_core *c;

	if (cpu >= FT_MAX_CPUS || s->open)
		return;
	c = &pf->core[cpu];
	*s = (struct ft_pf_stay){.prev = FT_NO_THREAD, .next = FT_NO_THREAD, .cpu = cpu};
	s->open = true;
	s->came_ns = s->in_ns = ts;
	if (c->occ != FT_NO_THREAD) {
		before = &pf->thread[c->occ].stay;
		if (s->in_ns < before->in_ns)
			s->in_ns = before->in_ns;
		before->next = thr;
		before->next_ns = s->in_ns;
		s->prev = c->occ;
	} else if (!c->seen) {
		if (s->in_ns < c->head_ns)
			s->in_ns = c->head_ns;
		c->seen = true;
		c->first = thr;
		c->first_ns = s->in_ns;
	} else {
		if (s->in_ns < c->idle_ns)
			s->in_ns = c->idle_ns;
		put_switch(pf, cpu, s->in_ns, FT_NO_THREAD, K_RUNNING, thr);
	}
	c->occ = thr;
}

/* A stay of no length whose begin is not written yet never was. */
static bool unlink_stay(struct ft_pf *pf, __u32 thr)
{
	struct ft_pf_stay *s = &pf->thread[thr].stay;
	struct ft_pf_core *c = &pf->core[s->cpu];

	if (s->prev != FT_NO_THREAD) {
		pf->thread[s->prev].stay.next = s->next;
		pf->thread[s->prev].stay.next_ns = s->next_ns;
	} else if (c->first == thr && c->first_ns == s->in_ns) {
		c->first = s->next;
		c->first_ns = s->next_ns;
		c->seen = s->next != FT_NO_THREAD;
	} else {
		return false;
	}
	if (s->next != FT_NO_THREAD && pf->thread[s->next].stay.prev == thr)
		pf->thread[s->next].stay.prev = s->prev;
	else if (s->next == FT_NO_THREAD)
		c->occ = s->prev;
	return true;
}

/* Writes the end of a stay and the begin of the one that follows. */
static void finish_stay(struct ft_pf *pf, __u32 thr, __u64 out, int state)
{
	struct ft_pf_stay *s = &pf->thread[thr].stay, *after;
	struct ft_pf_core *c = &pf->core[s->cpu];
	__u32 next = s->next;

	s->open = false;
	if (out < s->in_ns)
		out = s->in_ns;
	if (next != FT_NO_THREAD && out > s->next_ns) {
		put_elsewhere(pf, thr, s->next_ns, out);
		out = s->next_ns;
	}
	if (out == s->in_ns && unlink_stay(pf, thr))
		return;
	put_cuts(pf, s->cpu, thr, s->in_ns, out);
	if (next == FT_NO_THREAD) {
		put_switch(pf, s->cpu, out, thr, state, FT_NO_THREAD);
		c->occ = FT_NO_THREAD;
		c->idle_ns = out;
		return;
	}
	if (out == s->next_ns) {
		put_switch(pf, s->cpu, out, thr, state, next);
	} else {
		put_switch(pf, s->cpu, out, thr, state, FT_NO_THREAD);
		put_switch(pf, s->cpu, s->next_ns, FT_NO_THREAD, K_RUNNING, next);
	}
	after = &pf->thread[next].stay;
	if (after->prev == thr && after->in_ns == s->next_ns)
		after->prev = FT_NO_THREAD;
}

/* A stay whose begin was never told as one: room for it is before the first one who came. */
static void put_early(struct ft_pf *pf, __u32 thr, __u16 cpu, __u64 in, __u64 out, int state)
{
	struct ft_pf_core *c;
	__u64 end = out;

	if (cpu >= FT_MAX_CPUS) {
		put_elsewhere(pf, thr, in, out);
		return;
	}
	c = &pf->core[cpu];
	if (c->seen && end > c->first_ns)
		end = c->first_ns;
	if (in < c->head_ns || in >= end) {
		put_elsewhere(pf, thr, in, out);
		return;
	}
	put_elsewhere(pf, thr, end, out);
	c->head_ns = end;
	put_cuts(pf, cpu, thr, in, end);
	put_switch(pf, cpu, in, FT_NO_THREAD, K_RUNNING, thr);
	if (c->seen && end == c->first_ns) {
		put_switch(pf, cpu, end, thr, state, c->first);
		c->first = FT_NO_THREAD;
	} else {
		put_switch(pf, cpu, end, thr, state, FT_NO_THREAD);
	}
}

static void depart(struct ft_pf *pf, __u32 thr, __u64 out, int state)
{
	struct ft_pf_thread *th = &pf->thread[thr];

	if (th->stay.open)
		finish_stay(pf, thr, out, state);
	else if (th->on_from < th->on_to)
		put_early(pf, thr, th->on_cpu, th->on_from, th->on_to, state);
	th->on_from = th->on_to = 0;
}

static int kernel_state(const struct ft_span *s)
{
	/* woken before it had left: it never slept */
	if (s->st == FT_ST_RUNQ || (s->wake_ns && s->wake_ns <= s->from_ns))
		return K_RUNNING;
	if (s->st == FT_ST_FAULT)
		return K_DISK;
	return s->st == FT_ST_STOPPED ? K_STOPPED : K_SLEEP;
}

/* first: a new thread that waits for its first core; readers know of it by being woken alone. */
static void put_waking(struct ft_pf *pf, const struct ft_span *s, bool first)
{
	Ft__Perfetto__SchedWakingFtraceEvent wk = FT__PERFETTO__SCHED_WAKING_FTRACE_EVENT__INIT;
	Ft__Perfetto__FtraceEvent ev = FT__PERFETTO__FTRACE_EVENT__INIT;
	bool known = s->waker < pf->rec_cnt;
	__u64 ts = first ? s->from_ns : s->wake_ns;
	__u16 cpu = s->cpu;

	if (!first && (s->st == FT_ST_RUNQ || ts <= s->from_ns || ts > s->to_ns))
		return;
	if (ts < pf->from || ts >= pf->to)
		return;
	if (known && pf->thread[s->waker].stay.open)
		cpu = pf->thread[s->waker].stay.cpu;
	if (cpu >= FT_MAX_CPUS)
		return;
	wk.has_pid = wk.has_prio = wk.has_success = wk.has_target_cpu = true;
	wk.comm = (char *)ft_pf_comm(pf, s->thr);
	wk.pid = tid(pf, s->thr);
	wk.prio = PRIO;
	wk.success = 1;
	wk.target_cpu = s->cpu;
	ev.has_timestamp = ev.has_pid = true;
	ev.timestamp = ts;
	/* else it is not known who: another process, a device or a timer */
	ev.pid = known ? (uint32_t)tid(pf, s->waker) : 0;
	ev.sched_waking = &wk;
	put_event(pf, cpu, &ev);
}

/* What the span before meant shows now. */
static void settle(struct ft_pf *pf, const struct ft_span *s)
{
	__u32 left = pf->left;

	if (pf->came != FT_NO_THREAD && !(s && s->type == FT_SPAN_OFF && s->st == FT_ST_RUNQ &&
					  s->thr == pf->came && s->from_ns == pf->came_ns)) {
		arrive(pf, pf->came, pf->came_cpu, pf->came_ns);
		pf->came = FT_NO_THREAD;
	}
	if (left == FT_NO_THREAD ||
	    (s && s->type == FT_SPAN_OFF && s->thr == left && s->from_ns == pf->left_ns))
		return;
	pf->left = FT_NO_THREAD;
	if (s && s->type == FT_SPAN_TICK && s->thr == left) {
		/* found on another core: a move that no switch told */
		depart(pf, left, pf->left_ns, K_RUNNING);
		arrive(pf, left, s->cpu, pf->left_ns);
		return;
	}
	depart(pf, left, pf->left_ns, pf->left_open ? K_RUNNING : K_DEAD);
}

static void take_on(struct ft_pf *pf, const struct ft_span *s)
{
	struct ft_pf_thread *th = &pf->thread[s->thr];

	th->begun = true;
	if (th->on_from < th->on_to && s->from_ns != th->on_to)
		depart(pf, s->thr, th->on_to, K_IDLE);
	if (th->on_from >= th->on_to) {
		th->on_from = s->from_ns;
		th->on_cpu = s->cpu;
	}
	th->on_to = s->to_ns;
	if (!(s->flags & FT_SPAN_LAST))
		return;
	pf->left = s->thr;
	pf->left_ns = s->to_ns;
	pf->left_open = s->flags & FT_SPAN_OPEN;
}

static void take_off(struct ft_pf *pf, const struct ft_span *s)
{
	struct ft_pf_thread *th = &pf->thread[s->thr];
	int state = kernel_state(s);

	pf->left = FT_NO_THREAD;
	depart(pf, s->thr, s->from_ns, state);
	put_waking(pf, s, !th->begun && state == K_RUNNING);
	th->begun = true;
	if (s->flags & FT_SPAN_OPEN)
		return;
	pf->came = s->thr;
	pf->came_ns = s->to_ns;
	pf->came_cpu = s->cpu;
}

static void take_gap(struct ft_pf *pf, const struct ft_span *s)
{
	struct ft_pf_thread *th = &pf->thread[s->thr];
	__u64 seen = th->on_from < th->on_to ? th->on_to : th->stay.came_ns;

	/* an event that came too late is a gap too, but long before the stay that goes on */
	if (s->from_ns >= seen)
		depart(pf, s->thr, seen, K_IDLE);
}

void ft_pf_sched_span(struct ft_pf *pf, const struct ft_span *s)
{
	settle(pf, s);
	if (s->type == FT_SPAN_ON)
		take_on(pf, s);
	else if (s->type == FT_SPAN_OFF)
		take_off(pf, s);
	else if (s->type == FT_SPAN_GAP)
		take_gap(pf, s);
}

void ft_pf_sched_finish(struct ft_pf *pf)
{
	settle(pf, NULL);
	for (size_t i = 0; i < pf->rec_cnt; i++)
		depart(pf, (__u32)i, pf->to, K_RUNNING);
	for (__u16 cpu = 0; cpu < FT_MAX_CPUS; cpu++)
		if (pf->core[cpu].seen && pf->core[cpu].first != FT_NO_THREAD)
			put_switch(pf, cpu, pf->core[cpu].first_ns, FT_NO_THREAD, K_RUNNING,
				   pf->core[cpu].first);
}
