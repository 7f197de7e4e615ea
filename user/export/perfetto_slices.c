/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tracks of a Perfetto trace: what each thread waited for, who held the GIL and who handed it
 * to whom, when the world was stopped, and where events were lost.
 *
 * A thread's own track has what the interpreter made it do: waits for the GIL, for locks and for
 * pauses, and that it held the GIL. Why else it was off its core is a track below.
 */
#include "export/perfetto_priv.h"

#include <stdio.h>
#include <string.h>

#include "model/syscalls.h"

void ft_pf_slices_init(struct ft_pf *pf)
{
	pf->hold_name = (__u32)ft_pf_name(pf, "holds GIL");
	pf->handover_name = (__u32)ft_pf_name(pf, "releases GIL");
	pf->woken_name = (__u32)ft_pf_name(pf, "woken for GIL");
	pf->lost_name = (__u32)ft_pf_name(pf, "events lost");
	pf->stw_name = (__u32)ft_pf_name(pf, "world stopped");
}

static __u64 state_name(struct ft_pf *pf, const struct ft_span *s)
{
	char call[32], name[64];
	__u32 *iid;

	if (s->state != FT_R_BLOCKED || s->arg >= FT_MAX_SYSCALLS) {
		iid = &pf->state_name[s->state];
		if (!*iid)
			*iid = (__u32)ft_pf_name(
				pf, ft_rstate_words((enum ft_rstate)s->state, pf->m->gil_present));
		return *iid;
	}
	iid = &pf->call_name[s->arg];
	if (!*iid) {
		ft_syscall_name((__u32)s->arg, call, sizeof(call));
		snprintf(name, sizeof(name), "%s: %s",
			 ft_rstate_words(FT_R_BLOCKED, pf->m->gil_present), call);
		*iid = (__u32)ft_pf_name(pf, name);
	}
	return *iid;
}

/* What is known of why: where the thread stood, and the lock. label: room for its name. */
static void why(struct ft_pf *pf, const struct ft_span *s, struct ft_pf_slice *sl,
		struct ft_text *label)
{
	/* the wait for a core after a sleep has the sleep's stack, which is told once */
	if (s->stack < pf->stacks->node_cnt && !(s->st == FT_ST_RUNQ && s->wake_ns))
		sl->arg[sl->arg_cnt++] =
			(struct ft_pf_arg){.name = FT_PF_A_AT, .no = ft_pf_place(pf, s->stack)};
	if ((s->state != FT_R_LOCK_WAIT && s->state != FT_R_SYNC_WAIT) || !s->arg)
		return;
	ft_trace_lock_label(&pf->locks, s->arg, label);
	if (!pf->err)
		pf->err = label->err;
	if (label->len)
		sl->arg[sl->arg_cnt++] = (struct ft_pf_arg){.name = FT_PF_A_LOCK, .text = label->s};
	sl->arg[sl->arg_cnt++] = (struct ft_pf_arg){.name = FT_PF_A_ADDR, .no = s->arg};
}

static void put_off(struct ft_pf *pf, const struct ft_span *s)
{
	struct ft_pf_slice sl = {.cat = (enum ft_rstate)s->state};
	bool own = s->state >= FT_R_GIL_WAIT && s->state <= FT_R_STW && s->state != FT_R_SYNC_WAIT;
	__u64 from = s->from_ns, to = s->to_ns;
	struct ft_text label = {0};

	if (!ft_trace_cut(pf->from, pf->to, &from, &to) || from == to)
		return;
	sl.track = ft_pf_thread_track(pf, own ? FT_PF_T_THREAD : FT_PF_T_OFF, s->thr);
	sl.name = state_name(pf, s);
	sl.ts = from;
	why(pf, s, &sl, &label);
	ft_pf_begin(pf, &sl);
	ft_pf_end(pf, sl.track, to);
	ft_text_free(&label);
}

/*
 * A hand-over: the waker stood in the system call that wakes a waiter for the GIL. It leads from
 * there to where the waiter runs again.
 */
static void put_handover(struct ft_pf *pf, const struct ft_span *s)
{
	struct ft_pf_slice sl = {.cat = FT_R_CNT};

	if (s->state != FT_R_GIL_WAIT || !(s->ev_flags & FT_SF_WAKER_OK) ||
	    s->waker >= pf->rec_cnt || s->wake_ns < s->from_ns || s->wake_ns > s->to_ns ||
	    s->wake_ns < pf->from || s->to_ns > pf->to || (s->flags & FT_SPAN_OPEN))
		return;
	sl.track = ft_pf_thread_track(pf, FT_PF_T_THREAD, s->waker);
	sl.name = pf->handover_name;
	sl.ts = s->wake_ns;
	sl.flow_out = ++pf->flows;
	ft_pf_instant(pf, &sl);
	pf->thread[s->thr].flow = sl.flow_out;
	pf->thread[s->thr].flow_ns = s->to_ns;
}

/* Ends a hand-over where the thread was not found to hold the GIL then. */
static void land(struct ft_pf *pf, __u32 thr)
{
	struct ft_pf_thread *th = &pf->thread[thr];
	struct ft_pf_slice sl = {.cat = FT_R_CNT};

	if (!th->flow)
		return;
	sl.track = ft_pf_thread_track(pf, FT_PF_T_THREAD, thr);
	sl.name = pf->woken_name;
	sl.ts = th->flow_ns;
	sl.flow_in = th->flow;
	ft_pf_instant(pf, &sl);
	th->flow = 0;
}

static void let_go(struct ft_pf *pf, __u32 thr)
{
	struct ft_pf_thread *th = &pf->thread[thr];

	if (!th->holds)
		return;
	ft_pf_end(pf, ft_pf_uuid(FT_PF_T_THREAD, thr), th->holds_to);
	ft_pf_end(pf, ft_pf_uuid(FT_PF_T_GIL, thr), th->holds_to);
	th->holds = false;
}

/*
 * The thread held the GIL all of from..to: on a core by a tick or by what surrounds the stay, or
 * off core because it left with it. Where on-core time is only known by shares, nothing is said.
 */
static void hold(struct ft_pf *pf, __u32 thr, __u64 from, __u64 to)
{
	struct ft_pf_thread *th = &pf->thread[thr];
	struct ft_pf_slice sl = {.cat = FT_R_ON_GIL};

	if (!ft_trace_cut(pf->from, pf->to, &from, &to) || from == to)
		return;
	if (th->holds && th->holds_to != from)
		let_go(pf, thr);
	if (!th->holds) {
		sl.ts = from;
		sl.track = ft_pf_thread_track(pf, FT_PF_T_GIL, thr);
		sl.name = (__u64)th->comm + 1;
		ft_pf_begin(pf, &sl);
		sl.track = ft_pf_thread_track(pf, FT_PF_T_THREAD, thr);
		sl.name = pf->hold_name;
		if (th->flow && th->flow_ns == from) {
			sl.flow_in = th->flow;
			th->flow = 0;
		}
		ft_pf_begin(pf, &sl);
		th->holds = true;
	}
	th->holds_to = to;
}

static void put_stop(struct ft_pf *pf, const struct ft_pf_stop *st)
{
	struct ft_pf_slice sl = {.cat = FT_R_STW, .arg_cnt = 1};

	sl.track = ft_pf_uuid(FT_PF_T_STW, 0);
	if (!pf->stw_track)
		ft_pf_track(pf, sl.track, ft_pf_uuid(FT_PF_T_PROCESS, 0), "stop-the-world",
			    "at least one thread was paused", NULL);
	pf->stw_track = true;
	sl.arg[0] = (struct ft_pf_arg){.name = FT_PF_A_THREADS, .no = st->cnt};
	sl.name = pf->stw_name;
	sl.ts = st->from;
	ft_pf_begin(pf, &sl);
	ft_pf_end(pf, sl.track, st->to);
	pf->stop_done = st->to;
}

/*
 * Pauses of threads as stretches that do not overlap. They come nearly in the order of their ends:
 * the earliest is written when there are too many, and what comes later still begins behind it.
 */
static void add_stop(struct ft_pf *pf, __u64 from, __u64 to)
{
	struct ft_pf_stop *v = pf->stop, add = {.cnt = 1};
	__u32 i, j;

	if (!ft_trace_cut(pf->from, pf->to, &from, &to) || to <= pf->stop_done)
		return;
	add.from = from > pf->stop_done ? from : pf->stop_done;
	add.to = to;
	for (i = 0; i < pf->stop_cnt && v[i].to < add.from; i++)
		;
	for (j = i; j < pf->stop_cnt && v[j].from <= add.to; j++) {
		add.from = v[j].from < add.from ? v[j].from : add.from;
		add.to = v[j].to > add.to ? v[j].to : add.to;
		add.cnt += v[j].cnt;
	}
	if (i == j && pf->stop_cnt == FT_PF_STW_MAX) {
		if (!i) {
			put_stop(pf, &add);
			return;
		}
		put_stop(pf, &v[0]);
		memmove(v, v + 1, (pf->stop_cnt - 1) * sizeof(*v));
		pf->stop_cnt--;
		i--;
		j--;
	}
	memmove(v + i + 1, v + j, (pf->stop_cnt - j) * sizeof(*v));
	pf->stop_cnt += 1 - (j - i);
	v[i] = add;
}

static void put_lost(struct ft_pf *pf, const struct ft_span *s)
{
	struct ft_pf_thread *th = &pf->thread[s->thr];
	struct ft_pf_slice sl = {.cat = FT_R_CNT};
	__u64 from = s->from_ns, to = s->to_ns;

	if (!ft_trace_cut(pf->from, pf->to, &from, &to))
		return;
	if (from < th->lost_to)
		from = th->lost_to;
	if (to < from)
		to = from;
	th->lost_to = to;
	sl.track = ft_pf_thread_track(pf, FT_PF_T_LOST, s->thr);
	sl.name = pf->lost_name;
	sl.ts = from;
	ft_pf_begin(pf, &sl);
	ft_pf_end(pf, sl.track, to);
}

void ft_pf_slices_span(struct ft_pf *pf, const struct ft_span *s)
{
	bool off = s->type == FT_SPAN_OFF, on = s->type == FT_SPAN_ON;
	bool held = on && s->split[FT_ON_GIL] >= 1;

	if (!off && !on && s->type != FT_SPAN_GAP)
		return;
	if (off && s->state != FT_R_GIL_WAIT && (s->ev_flags & FT_SF_HELD))
		held = true;
	if (held)
		hold(pf, s->thr, s->from_ns, s->to_ns);
	else
		let_go(pf, s->thr);
	land(pf, s->thr);
	if (s->type == FT_SPAN_GAP)
		put_lost(pf, s);
	if (!off)
		return;
	put_off(pf, s);
	put_handover(pf, s);
	if (s->state == FT_R_STW)
		add_stop(pf, s->from_ns, s->to_ns);
}

void ft_pf_slices_finish(struct ft_pf *pf)
{
	for (__u32 i = 0; i < pf->rec_cnt; i++) {
		let_go(pf, i);
		land(pf, i);
	}
	for (__u32 i = 0; i < pf->stop_cnt; i++)
		put_stop(pf, &pf->stop[i]);
}
