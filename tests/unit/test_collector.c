/* SPDX-License-Identifier: BSD-2-Clause */
/* LDFLAGS: -Wl,--wrap=ft_probe_slots,--wrap=ft_probe_slots_used,--wrap=ft_probe_drain */
/* LDFLAGS: -Wl,--wrap=ft_probe_free_slot,--wrap=ft_writer_event */
/* LDFLAGS: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* Tests of the way from slots to threads, on rings and slots that stand in for the kernel's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "capture/collector.h"
#include "ftprof_state.h"
#include "oom.h"

#define SLOTS 8
#define QUEUE 64

/* What the BPF side would be: slots, records in the order in which the rings give them out. */
static struct {
	struct ft_thread slot[SLOTS];
	__u32 used;
	union {
		struct ft_ev_hdr h;
		struct ft_ev_slice slice;
		struct ft_ev_start start;
		struct ft_ev_exit exit;
		struct ft_ev_tick tick;
		struct ft_ev_cpu cpu;
		struct ft_ev_proc proc;
		struct {
			struct ft_ev_stack head;
			struct ft_pyframe py;
		} stack;
	} queue[QUEUE];
	size_t queued;
	int drain_err;
	int free_err;
	__u32 freed[QUEUE];
	size_t freed_cnt;
	struct ft_event event[QUEUE];
	size_t event_cnt;
	__u32 exec_pid, fork_pid;
} fake;

static struct ft_probe *const PROBE = (struct ft_probe *)&fake;
static struct ft_writer *const WRITER = (struct ft_writer *)&fake;

const struct ft_thread *__wrap_ft_probe_slots(const struct ft_probe *p, __u32 *max);
__u32 __wrap_ft_probe_slots_used(const struct ft_probe *p);
int __wrap_ft_probe_drain(struct ft_probe *p, int (*cb)(void *ctx, void *data, size_t len),
			  void *ctx);
int __wrap_ft_probe_free_slot(struct ft_probe *p, __u32 slot);
int __wrap_ft_writer_event(struct ft_writer *w, const struct ft_event *ev);

const struct ft_thread *__wrap_ft_probe_slots(const struct ft_probe *p, __u32 *max)
{
	assert_ptr_equal(p, PROBE);
	*max = SLOTS;
	return fake.slot;
}

__u32 __wrap_ft_probe_slots_used(const struct ft_probe *p)
{
	assert_ptr_equal(p, PROBE);
	return fake.used;
}

int __wrap_ft_probe_drain(struct ft_probe *p, int (*cb)(void *ctx, void *data, size_t len),
			  void *ctx)
{
	size_t i, n = fake.queued;

	assert_ptr_equal(p, PROBE);
	if (fake.drain_err)
		return fake.drain_err;
	fake.queued = 0;
	for (i = 0; i < n; i++)
		assert_int_equal(cb(ctx, &fake.queue[i], fake.queue[i].h.len), 0);
	return n;
}

int __wrap_ft_probe_free_slot(struct ft_probe *p, __u32 slot)
{
	assert_ptr_equal(p, PROBE);
	assert_true(fake.freed_cnt < QUEUE);
	fake.freed[fake.freed_cnt++] = slot;
	return fake.free_err;
}

int __wrap_ft_writer_event(struct ft_writer *w, const struct ft_event *ev)
{
	assert_ptr_equal(w, WRITER);
	assert_true(fake.event_cnt < QUEUE);
	fake.event[fake.event_cnt++] = *ev;
	return 0;
}

/* The BPF side's moves. */

static void *queue(__u16 type, __u16 len, __u32 slot, __u64 ts)
{
	assert_true(fake.queued < QUEUE);
	memset(&fake.queue[fake.queued], 0, sizeof(fake.queue[0]));
	fake.queue[fake.queued].h =
		(struct ft_ev_hdr){.type = type, .len = len, .slot = slot, .ts = ts, .cpu = 1};
	return &fake.queue[fake.queued++];
}

/* A thread takes a slot; its START is not queued yet. */
static void take(__u32 slot, __u32 tid, __u64 now, __u8 state)
{
	memset(&fake.slot[slot], 0, sizeof(fake.slot[slot]));
	fake.slot[slot].tid = tid;
	memcpy(fake.slot[slot].comm, "sixteen letters!", FT_COMM_LEN);
	ft_thread_init(&fake.slot[slot], now, state, 0);
	if (slot >= fake.used)
		fake.used = slot + 1;
}

static void say_start(__u32 slot, __u64 ts)
{
	struct ft_ev_start *s = queue(FT_EV_START, sizeof(*s), slot, ts);

	s->state = FT_ST_RUNQ;
}

static void say_slice(__u32 slot, __u64 ts, __u16 waker)
{
	struct ft_ev_slice *s = queue(FT_EV_SLICE, sizeof(*s), slot, ts);

	s->out_ns = ts - 20;
	s->wake_ns = ts - 10;
	s->arg = 232;
	s->seq = 5;
	s->state = FT_ST_BLOCKED;
	s->flags = FT_SF_WAKER_OK;
	s->waker = waker;
}

static void say_tick(__u32 slot, __u64 ts)
{
	struct ft_ev_tick *t = queue(FT_EV_TICK, sizeof(*t), slot, ts);

	t->on = FT_ON_SPIN;
}

static void say_exit(__u32 slot, __u64 ts)
{
	struct ft_ev_exit *e = queue(FT_EV_EXIT, sizeof(*e), slot, ts);

	e->seq = 9;
}

/* The last switch of what lives in the slot; its EXIT is not queued yet. */
static void die(__u32 slot, __u64 now)
{
	struct ft_out o = {.now = now, .state = FT_ST_DEAD};
	struct ft_wait_done done = {0};

	ft_thread_out(&fake.slot[slot], &o, &done);
}

static void on_exec(void *ctx, __u32 pid, __u64 ts)
{
	assert_ptr_equal(ctx, &fake);
	assert_int_equal(ts, 70);
	fake.exec_pid = pid;
}

static void on_fork(void *ctx, __u32 pid, __u64 ts)
{
	assert_ptr_equal(ctx, &fake);
	assert_int_equal(ts, 71);
	fake.fork_pid = pid;
}

static struct ft_collector *make(void)
{
	struct ft_collector_events ev = {.ctx = &fake, .on_exec = on_exec, .on_fork = on_fork};
	struct ft_collector *c = NULL;

	memset(&fake, 0, sizeof(fake));
	assert_int_equal(ft_collector_new(PROBE, WRITER, NULL, &ev, &c), 0);
	return c;
}

static void drain(struct ft_collector *c, int times)
{
	while (times--)
		assert_int_equal(ft_collector_drain(c), 0);
}

/* The threads at `end`; free() them. */
static struct ft_thread_rec *threads(struct ft_collector *c, __u64 end, size_t want)
{
	struct ft_thread_rec *v = NULL;
	size_t cnt = 99;

	assert_int_equal(ft_collector_threads(c, end, &v, &cnt, NULL), 0);
	assert_int_equal(cnt, want);
	return v;
}

static void test_numbers(void **state)
{
	struct ft_collector *c = make();
	struct ft_thread_rec *v;
	struct ft_ev_cpu *cpu;
	struct ft_ev_proc *proc;

	(void)state;
	take(3, 33, 10, FT_ST_RUNQ);
	take(0, 30, 11, FT_ST_ON);
	say_start(3, 10);
	say_start(0, 11);
	say_slice(3, 50, 0 + 1);
	say_slice(0, 60, 5 + 1); /* woken by a slot that nobody lives in */
	say_tick(0, 65);
	cpu = queue(FT_EV_CPU, sizeof(*cpu), 0, 69);
	cpu->begin_ns = 40;
	cpu->other_ns = 25;
	proc = queue(FT_EV_EXEC, sizeof(*proc), 0, 70);
	proc->pid = 4711;
	proc = queue(FT_EV_FORK, sizeof(*proc), 0, 71);
	proc->pid = 4712;
	drain(c, 1);
	assert_int_equal(fake.event_cnt, 8);
	assert_int_equal(fake.event[0].type, FT_EV_START);
	assert_int_equal(fake.event[0].thr, 0);
	assert_int_equal(fake.event[0].state, FT_ST_RUNQ);
	assert_int_equal(fake.event[1].thr, 1);
	assert_int_equal(fake.event[2].type, FT_EV_SLICE);
	assert_int_equal(fake.event[2].thr, 0);
	assert_int_equal(fake.event[2].waker, 1);
	assert_int_equal(fake.event[2].ts, 50);
	assert_int_equal(fake.event[2].out_ns, 30);
	assert_int_equal(fake.event[2].wake_ns, 40);
	assert_int_equal(fake.event[2].arg, 232);
	assert_int_equal(fake.event[2].seq, 5);
	assert_int_equal(fake.event[2].cpu, 1);
	assert_int_equal(fake.event[2].state, FT_ST_BLOCKED);
	assert_int_equal(fake.event[2].flags, FT_SF_WAKER_OK);
	assert_int_equal(fake.event[3].thr, 1);
	assert_int_equal(fake.event[3].waker, FT_NO_THREAD);
	assert_int_equal(fake.event[4].type, FT_EV_TICK);
	assert_int_equal(fake.event[4].state, FT_ON_SPIN);
	assert_int_equal(fake.event[4].waker, FT_NO_THREAD);
	assert_int_equal(fake.event[5].thr, FT_NO_THREAD);
	assert_int_equal(fake.event[5].out_ns, 25);
	assert_int_equal(fake.event[5].wake_ns, 40);
	assert_int_equal(fake.event[6].arg, 4711);
	assert_int_equal(fake.exec_pid, 4711);
	assert_int_equal(fake.fork_pid, 4712);
	v = threads(c, 100, 2);
	assert_int_equal(v[0].t.tid, 33);
	assert_int_equal(v[1].t.tid, 30);
	assert_string_equal(v[0].name, "sixteen letters!");
	free(v);
	ft_collector_free(c);
}

static void test_reuse(void **state)
{
	struct ft_collector *c = make();
	struct ft_thread_rec *v;

	(void)state;
	take(2, 20, 10, FT_ST_ON);
	say_start(2, 10);
	drain(c, 1);
	die(2, 40);
	say_exit(2, 40);
	drain(c, 1);
	assert_int_equal(fake.freed_cnt, 0);
	/* another ring held this one back */
	say_slice(2, 30, 0);
	drain(c, 1);
	assert_int_equal(fake.event[fake.event_cnt - 1].thr, 0);
	assert_int_equal(fake.freed_cnt, 1);
	assert_int_equal(fake.freed[0], 2);
	/* the next one in the slot is another thread */
	take(2, 21, 50, FT_ST_ON);
	say_start(2, 50);
	say_tick(2, 55);
	drain(c, 3);
	assert_int_equal(fake.event[fake.event_cnt - 1].thr, 1);
	assert_int_equal(fake.freed_cnt, 1);
	v = threads(c, 80, 2);
	assert_int_equal(v[0].t.tid, 20);
	assert_int_equal(v[0].t.state_ns[FT_ST_ON], 30);
	assert_int_equal(v[0].t.since_ns, 40);
	assert_int_equal(v[1].t.tid, 21);
	assert_int_equal(v[1].t.state_ns[FT_ST_ON], 30);
	assert_int_equal(v[1].t.since_ns, 80);
	free(v);
	ft_collector_free(c);
}

/* Rings are read one after the other: a child's first records can come before its START. */
static void test_late_start(void **state)
{
	struct ft_collector *c = make();

	(void)state;
	take(4, 40, 10, FT_ST_RUNQ);
	say_slice(4, 40, 0);
	say_start(4, 10);
	drain(c, 1);
	assert_int_equal(fake.event_cnt, 2);
	assert_int_equal(fake.event[0].thr, 0);
	assert_int_equal(fake.event[1].thr, 0);
	/* and its whole life, read backwards */
	take(5, 50, 20, FT_ST_RUNQ);
	die(5, 60);
	say_exit(5, 60);
	say_start(5, 20);
	drain(c, 3);
	assert_int_equal(fake.event[2].thr, 1);
	assert_int_equal(fake.event[3].thr, 1);
	assert_int_equal(fake.freed_cnt, 1);
	free(threads(c, 100, 2));
	ft_collector_free(c);
}

static void test_lost_start(void **state)
{
	struct ft_collector *c = make();
	struct ft_thread_rec *v;

	(void)state;
	take(1, 10, 10, FT_ST_ON);
	say_tick(1, 20);
	drain(c, 1);
	assert_int_equal(fake.event[0].thr, 0);
	/* no record of this one came through, and it lives */
	take(6, 60, 30, FT_ST_ON);
	v = threads(c, 100, 2);
	assert_int_equal(v[1].t.tid, 60);
	assert_int_equal(v[1].t.state_ns[FT_ST_ON], 70);
	free(v);
	/* nor of this one, and it is dead */
	take(7, 70, 40, FT_ST_ON);
	die(7, 45);
	v = threads(c, 100, 3);
	assert_int_equal(v[2].t.state_ns[FT_ST_ON], 5);
	free(v);
	free(threads(c, 100, 3));
	/* its slot comes back in time, and does not count as a thread any more */
	drain(c, 70);
	assert_int_equal(fake.freed_cnt, 1);
	assert_int_equal(fake.freed[0], 7);
	free(threads(c, 100, 3));
	/* a slot that is just being taken has no start yet */
	memset(&fake.slot[7], 0, sizeof(fake.slot[7]));
	fake.slot[7].tid = 71;
	free(threads(c, 100, 3));
	ft_collector_free(c);
}

static void test_lost_exit(void **state)
{
	struct ft_collector *c = make();
	struct ft_thread_rec *v;

	(void)state;
	take(1, 10, 10, FT_ST_ON);
	say_start(1, 10);
	drain(c, 1);
	die(1, 50);
	drain(c, 70);
	assert_int_equal(fake.freed_cnt, 1);
	assert_int_equal(fake.freed[0], 1);
	v = threads(c, 100, 1);
	assert_int_equal(v[0].t.state_ns[FT_ST_ON], 40);
	free(v);
	ft_collector_free(c);
}

/* An EXIT twice (one found by the scan, then its record) gives a slot back once. */
static void test_exit_twice(void **state)
{
	struct ft_collector *c = make();

	(void)state;
	take(1, 10, 10, FT_ST_ON);
	say_start(1, 10);
	drain(c, 63);
	die(1, 50);
	drain(c, 1); /* the scan */
	say_exit(1, 50);
	say_exit(1, 50);
	drain(c, 5);
	assert_int_equal(fake.freed_cnt, 1);
	free(threads(c, 100, 1));
	ft_collector_free(c);
}

static void test_totals(void **state)
{
	static struct ft_totals t;
	struct ft_collector *c = make();
	struct ft_thread_rec *v = NULL;
	struct ft_live live;
	size_t cnt, i;
	__u64 waits = 0, k;

	(void)state;
	memset(&t, 0, sizeof(t));
	take(0, 10, 100, FT_ST_ON);
	take(1, 11, 100, FT_ST_GIL_WAIT);
	take(2, 12, 100, FT_ST_BLOCKED);
	take(3, 13, 100, FT_ST_ON);
	for (i = 0; i < 4; i++)
		say_start(i, 100);
	drain(c, 1);
	die(3, 350);
	say_exit(3, 350);
	drain(c, 1);
	ft_collector_live(c, 1100, &live);
	assert_int_equal(live.threads, 3);
	assert_int_equal(live.on_ns, 1000 + 250);
	assert_int_equal(live.gil_wait_ns, 1000);
	assert_int_equal(ft_collector_threads(c, 1100, &v, &cnt, &t), 0);
	assert_int_equal(cnt, 4);
	assert_int_equal(v[0].t.state_ns[FT_ST_ON], 1000);
	assert_int_equal(v[1].t.state_ns[FT_ST_GIL_WAIT], 1000);
	assert_int_equal(v[2].t.state_ns[FT_ST_BLOCKED], 1000);
	assert_int_equal(v[3].t.state_ns[FT_ST_ON], 250);
	for (i = 0; i < FT_OR_CNT; i++)
		for (k = 0; k < FT_HIST_LEN; k++)
			waits += t.wait_hist[i][k];
	assert_int_equal(waits, 1);
	assert_int_equal(t.wait_hist[FT_OR_START][ft_hist_index(1000)], 1);
	/* copies were closed, the slots themselves are as they were */
	assert_int_equal(fake.slot[0].state_ns[FT_ST_ON], 0);
	assert_int_equal(fake.slot[1].gil_wait_cnt, 0);
	free(v);
	/* a time before the last change: nothing is negative */
	ft_collector_live(c, 50, &live);
	assert_int_equal(live.on_ns, 250);
	ft_collector_free(c);
}

static void say_stack(__u32 slot, __u64 id)
{
	struct ft_ev_stack *st = queue(FT_EV_STACK, sizeof(fake.queue[0].stack), slot, 100);

	st->id = id;
	st->py_cnt = 1;
	/* a mark, so that nothing is read */
	fake.queue[fake.queued - 1].stack.py.ident = FT_PM_TRUNCATED;
}

static void say_walked(__u32 slot, __u64 ts, __u64 stack)
{
	say_slice(slot, ts, 0);
	fake.queue[fake.queued - 1].slice.stack = stack;
	say_tick(slot, ts + 1);
	fake.queue[fake.queued - 1].tick.stack = stack;
}

static void check_events(size_t from, size_t to, __u32 stack)
{
	assert_int_equal(fake.event_cnt, to);
	for (; from < to; from++)
		assert_int_equal(fake.event[from].stack, stack);
}

/* An event waits for its stack's description for a pass, and comes once, whatever happens. */
static void test_held_back(void **state)
{
	struct ft_collector_events ev = {0};
	struct ft_stacker *st = NULL;
	struct ft_collector *c = NULL;

	(void)state;
	memset(&fake, 0, sizeof(fake));
	assert_int_equal(ft_stacker_new(PROBE, false, false, &st), 0);
	assert_int_equal(ft_collector_new(PROBE, WRITER, st, &ev, &c), 0);
	take(0, 10, 100, FT_ST_ON);
	say_start(0, 100);
	drain(c, 1);
	/* described before, in the same pass after it, and not walked at all */
	say_stack(0, 7);
	say_walked(0, 200, 7);
	drain(c, 1);
	check_events(1, 3, 0);
	say_walked(0, 300, 8);
	say_stack(0, 8);
	drain(c, 1);
	check_events(3, 5, 0); /* the same frames: the same node */
	say_walked(0, 400, 0);
	drain(c, 1);
	check_events(5, 7, FT_NO_STACK);
	/* in the next pass; what needs no wait goes on before it */
	say_walked(0, 500, 9);
	say_tick(0, 510);
	drain(c, 1);
	check_events(7, 8, FT_NO_STACK);
	say_stack(0, 9);
	drain(c, 1);
	check_events(8, 10, 0);
	assert_int_equal(fake.event[8].ts, 500);
	assert_int_equal(fake.event[9].ts, 501);
	/* never: without it, and once */
	say_walked(0, 600, 10);
	drain(c, 1);
	check_events(10, 10, 0);
	drain(c, 3);
	check_events(10, 12, FT_NO_STACK);
	/* the session is over before the next pass */
	say_walked(0, 700, 11);
	say_walked(0, 800, 12);
	drain(c, 1);
	check_events(12, 12, 0);
	ft_collector_flush(c);
	check_events(12, 16, FT_NO_STACK);
	assert_int_equal(fake.event[12].ts, 700);
	assert_int_equal(fake.event[15].ts, 801);
	ft_collector_flush(c);
	assert_int_equal(fake.event_cnt, 16);
	/* a description that lies is counted */
	say_stack(0, 13);
	fake.queue[fake.queued - 1].stack.head.py_cnt = 2;
	drain(c, 1);
	assert_int_equal(ft_collector_malformed(c), 1);
	ft_collector_free(c);
	ft_stacker_free(st);
}

static void test_malformed(void **state)
{
	struct ft_collector *c = make();
	struct ft_ev_hdr *h;

	(void)state;
	take(0, 10, 100, FT_ST_ON);
	say_start(0, 100);
	h = queue(FT_EV_TICK, sizeof(struct ft_ev_tick), SLOTS, 100); /* no such slot */
	queue(99, 24, 0, 100);
	queue(FT_EV_SLICE, 24, 0, 100);
	say_slice(0, 200, SLOTS + 1);
	h = queue(FT_EV_TICK, sizeof(struct ft_ev_tick), 0, 100);
	h->cpu = FT_MAX_CPUS;
	say_tick(0, 300);
	drain(c, 1);
	assert_int_equal(ft_collector_malformed(c), 5);
	assert_int_equal(fake.event_cnt, 2);
	free(threads(c, 400, 1));
	ft_collector_free(c);
}

static void test_errors(void **state)
{
	struct ft_collector_events ev = {0};
	struct ft_collector *c = make();
	struct ft_ev_proc *proc;

	(void)state;
	fake.drain_err = -EBADF;
	assert_int_equal(ft_collector_drain(c), -EBADF);
	fake.drain_err = 0;
	/* a slot that cannot be given back is not worth the session */
	fake.free_err = -E2BIG;
	take(0, 10, 100, FT_ST_ON);
	die(0, 200);
	say_exit(0, 200);
	drain(c, 3);
	free(threads(c, 400, 1));
	ft_collector_free(c);
	ft_collector_free(NULL);

	/* without a writer and without listeners */
	memset(&fake, 0, sizeof(fake));
	assert_int_equal(ft_collector_new(PROBE, NULL, NULL, &ev, &c), 0);
	take(0, 10, 100, FT_ST_ON);
	say_start(0, 100);
	proc = queue(FT_EV_EXEC, sizeof(*proc), 0, 70);
	proc = queue(FT_EV_FORK, sizeof(*proc), 0, 71);
	proc->pid = 1;
	drain(c, 1);
	assert_int_equal(fake.event_cnt, 0);
	ft_collector_free(c);
}

/* A whole short session; the first error, or 0. */
static int session(void)
{
	struct ft_collector_events ev = {0};
	struct ft_collector *c = NULL;
	struct ft_thread_rec *v = NULL;
	size_t cnt = 0;
	__u32 i;
	int err;

	memset(&fake, 0, sizeof(fake));
	err = ft_collector_new(PROBE, WRITER, NULL, &ev, &c);
	for (i = 0; i < SLOTS && !err; i++) {
		take(i, 10 + i, 100, FT_ST_ON);
		if (i % 3)
			say_start(i, 100);
		say_tick(i, 150);
		if (i % 2) {
			die(i, 200);
			say_exit(i, 200);
		}
		err = ft_collector_drain(c);
	}
	for (i = 0; i < 3 && !err; i++)
		err = ft_collector_drain(c);
	for (i = 0; i < SLOTS && !err; i += 2) { /* more threads than the first array holds */
		take(i + 1, 30 + i, 300, FT_ST_ON);
		say_tick(i + 1, 350);
		err = ft_collector_drain(c);
	}
	err = err ?: ft_collector_threads(c, 400, &v, &cnt, NULL);
	if (!err) {
		assert_non_null(v);
		assert_int_equal(cnt, SLOTS + SLOTS / 2);
		assert_int_equal(fake.freed_cnt, SLOTS / 2);
	}
	free(v);
	ft_collector_free(c);
	return err;
}

static void test_oom(void **state)
{
	long n;

	(void)state;
	for (n = 1;; n++) {
		int err;

		countdown = n;
		failed = false;
		err = session();
		countdown = 0;
		assert_int_equal(err, failed ? -ENOMEM : 0);
		if (!failed)
			break;
	}
	assert_true(n > 6); /* else the wrapping does not work */
}

static int count_event(void *ctx, const struct ft_event *ev)
{
	(void)ev;
	++*(int *)ctx;
	return 0;
}

static int refuse_event(void *ctx, const struct ft_event *ev)
{
	(void)ctx;
	(void)ev;
	return -EPIPE;
}

/*
 * Watched for ever, threads come and go: numbers of those that are long gone are used again, others
 * are not; a name that was read goes with its thread.
 */
static void test_numbers_are_used_again(void **state)
{
	int told = 0;
	struct ft_collector_events ev = {.ctx = &told, .on_event = count_event, .keep_ns = 1000};
	struct ft_collector *c = NULL;
	struct ft_thread_rec *v;
	__u32 i, k;

	(void)state;
	memset(&fake, 0, sizeof(fake));
	assert_int_equal(ft_collector_new(PROBE, NULL, NULL, &ev, &c), 0);
	take(0, 1, 10, FT_ST_ON);
	say_start(0, 10);
	for (i = 0; i < 500; i++) {
		__u64 ts = 100 * (i + 1);

		take(1, 100 + i, ts, FT_ST_ON);
		say_start(1, ts);
		drain(c, 1);
		fake.freed_cnt = 0;
		for (k = 0; i == 499 && k < 12; k++)
			ft_collector_rename(c, k, "mine");
		die(1, ts + 50);
		say_exit(1, ts + 50);
		drain(c, 3);
	}
	assert_int_equal(told, 1 + 2 * 500);
	/* those of the last 1000 ns and the one that stays, not 501 */
	v = threads(c, 50100, 12);
	assert_int_equal(v[0].t.tid, 1);
	for (i = 0; i < 12; i++)
		assert_true(v[i].t.tid == 1 || v[i].t.tid > 580);
	assert_string_equal(v[0].name, "mine");
	/* the last one's slot knew better when it ended */
	for (i = 0; i < 12; i++)
		if (v[i].t.tid == 599)
			assert_string_equal(v[i].name, "sixteen letters!");
	free(v);
	ft_collector_free(c);
	/* who watches can end it */
	ev.on_event = refuse_event;
	assert_int_equal(ft_collector_new(PROBE, NULL, NULL, &ev, &c), 0);
	say_start(0, 60000);
	assert_int_equal(ft_collector_drain(c), -EPIPE);
	ft_collector_free(c);
}

/* What closing a copy ends is added up: sleeps in system calls too. */
static void test_open_sleeps(void **state)
{
	static struct ft_totals t;
	struct ft_collector *c = make();
	struct ft_thread_rec *v = NULL;
	size_t cnt;

	(void)state;
	memset(&t, 0, sizeof(t));
	take(0, 10, 100, FT_ST_BLOCKED);
	fake.slot[0].arg = 7;
	say_start(0, 100);
	drain(c, 1);
	assert_int_equal(ft_collector_threads(c, 600, &v, &cnt, &t), 0);
	assert_int_equal(t.syscall_ns[7], 500);
	free(v);
	ft_collector_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_reuse),
		cmocka_unit_test(test_late_start),
		cmocka_unit_test(test_lost_start),
		cmocka_unit_test(test_lost_exit),
		cmocka_unit_test(test_exit_twice),
		cmocka_unit_test(test_numbers_are_used_again),
		cmocka_unit_test(test_open_sleeps),
		cmocka_unit_test(test_totals),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_held_back),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_oom),
	};

	return cmocka_run_group_tests_name("collector", tests, NULL, NULL);
}
