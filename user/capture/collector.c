// SPDX-License-Identifier: BSD-2-Clause
/* From slots to threads. */
#include "capture/collector.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/log.h"
#include "capture/decode.h"
#include "ftprof_state.h"

struct thread {
	struct ft_thread last; /* as it was at its exit */
	__u32 slot;
	bool exited;
	char name[FT_COMM_LEN + 1]; /* empty: as its slot has it */
};

/* A thread that exited and whose slot was given back: its number can be used again. */
struct gone {
	__u32 thr;
	__u64 exit_ns;
};

/* An event whose stack is not described yet: another ring may hold that, to be read next. */
struct held_back {
	struct ft_event ev;
	__u64 id;
	int passes;
};

/* A slot whose thread exited: given back when records that other rings still held are read. */
struct pending {
	__u32 slot;
	int passes;
};

struct ft_collector {
	struct ft_probe *probe;
	struct ft_writer *writer;
	struct ft_stacker *stacker;
	struct ft_collector_events ev;
	const struct ft_thread *slots;
	__u32 slot_max;
	__u32 cpu_max;
	__u32 *thr_of;	/* [slot_max] thread number, FT_NO_THREAD */
	__u64 *told_ns; /* [slot_max] start of the last thread whose slot was given back, 0 */
	struct thread *thread;
	size_t cnt, cap;
	struct pending *pending;
	size_t pending_cnt, pending_cap;
	struct held_back *held;
	size_t held_cnt, held_cap;
	struct gone *gone; /* with ev.keep_ns; gone[gone_head..gone_cnt), in the order of exits */
	size_t gone_head, gone_cnt, gone_cap;
	__u64 now_ns; /* of the newest record */
	__u64 malformed;
	__u64 gone_on_ns, gone_wait_ns; /* of threads that exited */
	__u64 scan;
	int err;
};

int ft_collector_new(struct ft_probe *p, struct ft_writer *w, struct ft_stacker *st,
		     const struct ft_collector_events *ev, struct ft_collector **out)
{
	struct ft_collector *c = calloc(1, sizeof(*c));
	__u32 i;

	if (!c)
		return ft_err(-ENOMEM, "out of memory");
	c->probe = p;
	c->writer = w;
	c->stacker = st;
	c->ev = *ev;
	c->slots = ft_probe_slots(p, &c->slot_max);
	c->cpu_max = FT_MAX_CPUS;
	c->thr_of = malloc(c->slot_max * sizeof(*c->thr_of));
	c->told_ns = calloc(c->slot_max, sizeof(*c->told_ns));
	if (!c->thr_of || !c->told_ns) {
		ft_collector_free(c);
		return ft_err(-ENOMEM, "out of memory");
	}
	for (i = 0; i < c->slot_max; i++)
		c->thr_of[i] = FT_NO_THREAD;
	*out = c;
	return 0;
}

/* The number of a thread that exited long enough ago. */
static bool used_number(struct ft_collector *c, __u32 *thr)
{
	const struct gone *g = &c->gone[c->gone_head];

	if (c->gone_head == c->gone_cnt || g->exit_ns + c->ev.keep_ns >= c->now_ns)
		return false;
	*thr = g->thr;
	c->gone_head++;
	return true;
}

static void keep_number(struct ft_collector *c, __u32 thr)
{
	/* room at the front is used again before more is asked for */
	if (c->gone_head > 64 && c->gone_head > c->gone_cnt / 2) {
		c->gone_cnt -= c->gone_head;
		memmove(c->gone, c->gone + c->gone_head, c->gone_cnt * sizeof(*c->gone));
		c->gone_head = 0;
	}
	if (ft_array_reserve((void **)&c->gone, &c->gone_cap, c->gone_cnt + 1, sizeof(*c->gone))) {
		c->err = -ENOMEM;
		return;
	}
	c->gone[c->gone_cnt++] = (struct gone){.thr = thr, .exit_ns = c->thread[thr].last.since_ns};
}

/* A new thread number for what lives in the slot. */
static int add_thread(struct ft_collector *c, __u32 slot, __u32 *thr)
{
	int err;

	if (c->ev.keep_ns && used_number(c, thr)) {
		memset(&c->thread[*thr], 0, sizeof(c->thread[*thr]));
		c->thread[*thr].slot = slot;
		c->thr_of[slot] = *thr;
		return 0;
	}
	err = ft_array_reserve((void **)&c->thread, &c->cap, c->cnt + 1, sizeof(*c->thread));
	if (err) {
		c->err = err;
		return err;
	}
	c->thread[c->cnt].slot = slot;
	c->thr_of[slot] = c->cnt;
	*thr = c->cnt++;
	return 0;
}

/* The thread in a slot; a lost START is made good from the slot itself. */
static __u32 thread_of(struct ft_collector *c, __u32 slot)
{
	__u32 thr = c->thr_of[slot];

	if (thr == FT_NO_THREAD && add_thread(c, slot, &thr))
		return FT_NO_THREAD;
	return thr;
}

static void thread_exited(struct ft_collector *c, __u32 slot)
{
	__u32 thr = thread_of(c, slot);
	struct thread *t;

	if (thr == FT_NO_THREAD || c->thread[thr].exited)
		return;
	t = &c->thread[thr];
	t->last = c->slots[slot];
	t->exited = true;
	t->name[0] = 0; /* its slot has the last one */
	c->gone_on_ns += t->last.state_ns[FT_ST_ON];
	c->gone_wait_ns += t->last.state_ns[FT_ST_GIL_WAIT];
	if (ft_array_reserve((void **)&c->pending, &c->pending_cap, c->pending_cnt + 1,
			     sizeof(*c->pending))) {
		c->err = -ENOMEM;
		return;
	}
	c->pending[c->pending_cnt++] = (struct pending){.slot = slot, .passes = 2};
}

/* Fills *ev from a record. False when there is nothing to write. */
static bool to_event(struct ft_collector *c, const union ft_record *r, struct ft_event *ev)
{
	memset(ev, 0, sizeof(*ev));
	ev->ts = r->h.ts;
	ev->type = r->h.type;
	ev->cpu = r->h.cpu;
	ev->thr = FT_NO_THREAD;
	ev->waker = FT_NO_THREAD;
	ev->stack = FT_NO_STACK;
	switch (r->h.type) {
	case FT_EV_SLICE:
		ev->thr = thread_of(c, r->h.slot);
		ev->out_ns = r->slice.out_ns;
		ev->wake_ns = r->slice.wake_ns;
		ev->arg = r->slice.arg;
		ev->seq = r->slice.seq;
		ev->state = r->slice.state;
		ev->flags = r->slice.flags;
		if (r->slice.waker)
			ev->waker = c->thr_of[r->slice.waker - 1];
		return ev->thr != FT_NO_THREAD;
	case FT_EV_TICK:
		ev->thr = thread_of(c, r->h.slot);
		ev->state = r->tick.on;
		return ev->thr != FT_NO_THREAD;
	case FT_EV_START:
		/* another ring may have told of it before: a slot changes hands only by us */
		ev->thr = thread_of(c, r->h.slot);
		ev->state = r->start.state;
		ev->seq = r->start.seq;
		return ev->thr != FT_NO_THREAD;
	case FT_EV_EXIT:
		ev->thr = thread_of(c, r->h.slot);
		ev->seq = r->exit.seq;
		thread_exited(c, r->h.slot);
		return ev->thr != FT_NO_THREAD;
	case FT_EV_CPU:
		ev->out_ns = r->cpu.other_ns;
		ev->wake_ns = r->cpu.begin_ns;
		return true;
	default:
		ev->arg = r->proc.pid;
		return true;
	}
}

/* Writes an event, with the node of the stack that it came with. */
static void put_event(struct ft_collector *c, struct ft_event *ev, __u64 id)
{
	if (!c->writer)
		return;
	if (c->stacker && ft_stacker_node(c->stacker, id, &ev->stack) &&
	    !ft_array_reserve((void **)&c->held, &c->held_cap, c->held_cnt + 1, sizeof(*c->held))) {
		c->held[c->held_cnt++] = (struct held_back){.ev = *ev, .id = id, .passes = 2};
		return;
	}
	ft_writer_event(c->writer, ev); /* finish() reports its error */
}

static void put_held_back(struct ft_collector *c)
{
	size_t i, keep = 0;

	for (i = 0; i < c->held_cnt; i++) {
		struct held_back *h = &c->held[i];

		if (ft_stacker_node(c->stacker, h->id, &h->ev.stack) && --h->passes > 0)
			c->held[keep++] = *h;
		else
			ft_writer_event(c->writer, &h->ev);
	}
	c->held_cnt = keep;
}

void ft_collector_flush(struct ft_collector *c)
{
	size_t i;

	for (i = 0; i < c->held_cnt; i++)
		c->held[i].passes = 0;
	put_held_back(c);
}

static int on_record(void *ctx, void *data, size_t len)
{
	struct ft_collector *c = ctx;
	union ft_record r;
	struct ft_event ev;
	int err;

	if (ft_decode(data, len, c->slot_max, c->cpu_max, &r)) {
		c->malformed++;
		return 0;
	}
	if (r.h.ts > c->now_ns)
		c->now_ns = r.h.ts;
	if (r.h.type == FT_EV_STACK || r.h.type == FT_EV_CODE) {
		err = c->stacker ? ft_stacker_record(c->stacker, data, len) : 0;
		if (err == -EBADMSG)
			c->malformed++;
		else if (err)
			c->err = err;
		return 0;
	}
	if (r.h.type == FT_EV_GIL) {
		if (c->ev.on_gil)
			c->ev.on_gil(c->ev.ctx, &r.gil);
		return 0;
	}
	if (!to_event(c, &r, &ev))
		return 0;
	if (c->ev.on_event) {
		err = c->ev.on_event(c->ev.ctx, &ev);
		if (err)
			c->err = err;
	}
	put_event(c, &ev,
		  r.h.type == FT_EV_SLICE  ? r.slice.stack
		  : r.h.type == FT_EV_TICK ? r.tick.stack
					   : 0);
	if (ev.type == FT_EV_EXEC && c->ev.on_exec)
		c->ev.on_exec(c->ev.ctx, r.proc.pid, ev.ts);
	else if (ev.type == FT_EV_FORK && c->ev.on_fork)
		c->ev.on_fork(c->ev.ctx, r.proc.pid, ev.ts);
	return 0;
}

static void return_slots(struct ft_collector *c)
{
	size_t i, keep = 0;

	for (i = 0; i < c->pending_cnt; i++) {
		struct pending p = c->pending[i];

		if (--p.passes > 0) {
			c->pending[keep++] = p;
			continue;
		}
		c->told_ns[p.slot] = c->thread[c->thr_of[p.slot]].last.start_ns;
		if (c->ev.keep_ns)
			keep_number(c, c->thr_of[p.slot]);
		c->thr_of[p.slot] = FT_NO_THREAD;
		if (ft_probe_free_slot(c->probe, p.slot))
			ft_debug("slot %u could not be given back", p.slot);
	}
	c->pending_cnt = keep;
}

/* Exits whose records were lost would keep their slots for ever. */
static void scan_exits(struct ft_collector *c)
{
	__u32 i, used = ft_probe_slots_used(c->probe);

	for (i = 0; i < used; i++)
		if (c->thr_of[i] != FT_NO_THREAD && (c->slots[i].flags & FT_TF_EXITED))
			thread_exited(c, i);
}

/* Threads of which every record so far was lost have their time in a slot all the same. */
static void scan_unknown(struct ft_collector *c)
{
	__u32 i, used = ft_probe_slots_used(c->probe);

	for (i = 0; i < used; i++) {
		__u64 start = c->slots[i].start_ns;

		/* 0: never used, or just being taken */
		if (c->thr_of[i] == FT_NO_THREAD && start && start != c->told_ns[i])
			thread_of(c, i);
	}
}

int ft_collector_drain(struct ft_collector *c)
{
	int n = ft_probe_drain(c->probe, on_record, c);

	if (n < 0)
		return ft_err(n, "cannot read the rings: %s", strerror(-n));
	put_held_back(c);
	if (++c->scan % 64 == 0)
		scan_exits(c);
	return_slots(c);
	if (!c->err)
		return 0;
	return c->err == -ENOMEM ? ft_err(c->err, "out of memory") : c->err;
}

int ft_collector_threads(struct ft_collector *c, __u64 end_ns, struct ft_thread_rec **recs,
			 size_t *cnt, struct ft_totals *t)
{
	struct ft_thread_rec *v;
	size_t i;

	scan_unknown(c);
	v = calloc(c->cnt ?: 1, sizeof(*v));
	if (!v || c->err) {
		free(v);
		return -ENOMEM;
	}
	for (i = 0; i < c->cnt; i++) {
		const struct thread *from = &c->thread[i];
		struct ft_thread *th = &v[i].t;
		struct ft_wait_done done = {0};
		__u64 asleep;

		*th = from->exited ? from->last : c->slots[from->slot];
		asleep = th->state_ns[FT_ST_BLOCKED];
		ft_thread_close(th, end_ns, &done);
		if (t && done.valid && done.origin < FT_OR_CNT)
			t->wait_hist[done.origin][ft_hist_index(done.ns)]++;
		if (t && th->state == FT_ST_BLOCKED && th->arg < FT_MAX_SYSCALLS)
			t->syscall_ns[th->arg] += th->state_ns[FT_ST_BLOCKED] - asleep;
		memcpy(v[i].name, th->comm, FT_COMM_LEN);
		if (from->name[0])
			memcpy(v[i].name, from->name, sizeof(from->name));
		v[i].name[FT_COMM_LEN] = 0;
	}
	*recs = v;
	*cnt = c->cnt;
	return 0;
}

void ft_collector_rename(struct ft_collector *c, __u32 thr, const char *name)
{
	if (thr < c->cnt)
		snprintf(c->thread[thr].name, sizeof(c->thread[thr].name), "%s", name);
}

void ft_collector_live(struct ft_collector *c, __u64 now, struct ft_live *out)
{
	__u32 i, used = ft_probe_slots_used(c->probe);

	memset(out, 0, sizeof(*out));
	out->on_ns = c->gone_on_ns;
	out->gil_wait_ns = c->gone_wait_ns;
	for (i = 0; i < used; i++) {
		struct ft_thread t;

		if (c->thr_of[i] == FT_NO_THREAD || c->thread[c->thr_of[i]].exited)
			continue;
		t = c->slots[i];
		out->threads++;
		out->on_ns += t.state_ns[FT_ST_ON];
		out->gil_wait_ns += t.state_ns[FT_ST_GIL_WAIT];
		if (now > t.since_ns && t.state == FT_ST_ON)
			out->on_ns += now - t.since_ns;
		else if (now > t.since_ns && t.state == FT_ST_GIL_WAIT)
			out->gil_wait_ns += now - t.since_ns;
	}
}

__u64 ft_collector_malformed(const struct ft_collector *c)
{
	return c->malformed;
}

void ft_collector_free(struct ft_collector *c)
{
	if (!c)
		return;
	free(c->thr_of);
	free(c->told_ns);
	free(c->thread);
	free(c->pending);
	free(c->held);
	free(c->gone);
	free(c);
}
