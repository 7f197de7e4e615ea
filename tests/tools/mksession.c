// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writes a session that was never recorded, whose truth is known, for tests of what is made from
 * sessions:
 *
 *     mksession KIND PATH [N]
 *
 *     zero          no thread, no event
 *     one           a single event: a thread that ran from the begin to the end
 *     threads10000  N (10,000) threads, each runs three times for a moment
 *     cores256      256 cores, each with a thread that runs and sleeps by turns
 *     gaps          as gil, every eleventh event of a thread was lost
 *     names         as gil, names are a stranger's: markup, controls, no UTF-8
 *     clockjump     as gil, and the clock steps back by 200 ms in the middle
 *     gil           three threads hand the GIL on N (997) times, 5 ms each; a wait from a turn's
 *                   end to the next lasts 10.06 ms, of which 20 us from wake-up to run
 *     ft            three threads run at once, with lock waits, spinning and 13 pauses of 500 us
 *     big           N (5,000,000) events, or a few more, in 60 s on 8 cores: 24 threads at one GIL,
 *                   and 6 native ones that wait for locks; ticks with stacks
 *
 * The totals are those of the events, to the nanosecond, and tests/tools/replay agrees; but not
 * those of gaps and clockjump, whose events are not all there, or not all true.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session_world.h"

/*
 * Three threads hand the GIL on `turns` times, 5 ms each, starting 10 ms after the begin; the main
 * thread waits for them. A thread has its next turn 10.06 ms after its last one ended.
 */
static void make_gil(struct world *w, __u64 turns)
{
	__u64 t, end = START + 10 * MS + turns * 5020 * US + 10 * MS, last[3] = {0};
	__u32 k;

	appear(w, 0, START, FT_ST_SYNC_WAIT, 0, true);
	for (k = 1; k <= 3; k++) {
		snprintf(w->rec[k].name, sizeof(w->rec[k].name), "worker-%u", k);
		appear(w, k, START + (5 + k) * MS, FT_ST_ON, (__u16)(k % 2), false);
		last[k - 1] = START + (5 + k) * MS + 100 * US;
	}
	w->info->gil = FT_GIL_ON;
	for (__u64 i = 0; i < turns && !w->err; i++) {
		t = START + 10 * MS + i * 5020 * US;
		k = 1 + (__u32)(i % 3);
		if (w->jumps && i == turns / 2) {
			note(w, ft_writer_flush(w->w));
			w->shift = -(__s64)(200 * MS);
		}
		away(w, &(struct away){.thr = k,
				       .out = last[k - 1],
				       .wake = t,
				       .ts = t + 20 * US,
				       .state = FT_ST_GIL_WAIT,
				       .waker = i ? 1 + (__u32)((i - 1) % 3) : FT_NO_THREAD,
				       .stack = some_stack(w, k),
				       .cpu = (__u16)(i % 2)});
		w->tot->handoffs++;
		last[k - 1] = t + 5020 * US;
		ticks(w, k, last[k - 1], FT_ON_GIL);
		if (i % 20 == 0)
			others(w, (__u16)(i % 2), t, t + 50 * MS, 3 * MS);
	}
	for (k = 1; k <= 3; k++)
		stay(w, k, last[k - 1], FT_ST_GIL_WAIT, end);
	stay(w, 0, START, FT_ST_SYNC_WAIT, end);
	w->tot->end_ns = end;
}

static void make_ft(struct world *w)
{
	__u64 t, end = START + 13 * 40 * MS, last;
	__u32 k, i;

	w->info->gil = FT_GIL_OFF;
	w->info->free_threaded = true;
	for (k = 0; k < 3; k++) {
		snprintf(w->rec[k].name, sizeof(w->rec[k].name), "ft-%u", k);
		appear(w, k, START, FT_ST_ON, (__u16)k, true);
	}
	for (i = 0; i < 13; i++) {
		t = START + i * 40 * MS;
		for (k = 0; k < 3; k++) {
			struct away a = {.thr = k,
					 .out = t + (7 + k) * MS,
					 .wake = t + (8 + k) * MS,
					 .ts = t + (8 + k) * MS + 50 * US,
					 .arg = k == 1 ? LOCK_B : LOCK_A,
					 .state = FT_ST_LOCK_WAIT,
					 .waker = (k + 1) % 3,
					 .stack = some_stack(w, k),
					 .cpu = (__u16)k};

			ticks(w, k, a.out, FT_ON_FREE);
			away(w, &a);
			ticks(w, k, t + 15 * MS, FT_ON_SPIN);
			last = t + 20 * MS;
			ticks(w, k, last, FT_ON_FREE);
			if (k == 0)
				continue; /* it asks for the pause */
			a = (struct away){.thr = k,
					  .out = last,
					  .wake = last + 500 * US,
					  .ts = last + 500 * US,
					  .state = FT_ST_STW,
					  .waker = 0,
					  .stack = FT_NO_STACK,
					  .cpu = (__u16)k};
			away(w, &a);
		}
	}
	for (k = 0; k < 3; k++) {
		ticks(w, k, end, FT_ON_FREE);
		stay(w, k, 0, 0, end);
	}
	w->tot->end_ns = end;
}

/* Each runs three times, 10 ms apart; slots of 100 us keep them out of each other's way. */
static void make_threads(struct world *w, __u64 n)
{
	__u64 i, t, end = START + (n + 300) * 100 * US;

	w->info->gil = FT_GIL_ON;
	for (i = 0; i < n; i++) {
		snprintf(w->rec[i].name, sizeof(w->rec[i].name), "pool-%llu",
			 (unsigned long long)i);
		appear(w, (__u32)i, START, FT_ST_BLOCKED, 0, true);
	}
	for (i = 0; i < n + 200; i++) {
		t = START + i * 100 * US;
		for (__u64 round = 0; round < 3; round++) {
			__u64 at = t + round * 30 * US, thr = i - round * 100;

			if (i < round * 100 || thr >= n)
				continue;
			away(w, &(struct away){.thr = (__u32)thr,
					       .out = round ? at - 10 * MS - 5 * US : START,
					       .wake = at,
					       .ts = at,
					       .arg = 232,
					       .state = FT_ST_BLOCKED,
					       .waker = FT_NO_THREAD,
					       .stack = some_stack(w, (__u32)thr),
					       .cpu = (__u16)(i % 8)});
			ticks(w, (__u32)thr, at + 25 * US, FT_ON_GIL);
			if (round == 2)
				stay(w, (__u32)thr, at + 25 * US, FT_ST_BLOCKED, end);
		}
	}
	w->tot->end_ns = end;
}

static void make_cores(struct world *w)
{
	__u64 end = START + 300 * MS;

	w->info->gil = FT_GIL_OFF;
	w->info->free_threaded = true;
	for (__u32 k = 0; k < w->thr_cnt; k++)
		appear(w, k, START, FT_ST_ON, (__u16)k, true);
	for (__u32 i = 0; i < 100; i++) {
		for (__u32 k = 0; k < w->thr_cnt; k++) {
			__u64 t = START + i * 3 * MS + k * 5 * US + 100 * US;

			ticks(w, k, t, FT_ON_FREE);
			away(w, &(struct away){.thr = k,
					       .out = t,
					       .wake = t + MS,
					       .ts = t + MS + (k % 7) * US,
					       .arg = k % 2 ? 232 : LOCK_A,
					       .state = k % 2 ? FT_ST_BLOCKED : FT_ST_LOCK_WAIT,
					       .waker = k ? k - 1 : FT_NO_THREAD,
					       .stack = some_stack(w, k),
					       .cpu = (__u16)k});
		}
	}
	for (__u32 k = 0; k < w->thr_cnt; k++)
		stay(w, k, 0, 0, end);
	w->tot->end_ns = end;
}

#define GIL_THREADS 24u
#define NATIVE 6u

/* The next waiter that has waited longest, GIL_THREADS + 1: none. */
struct big {
	__u64 out[GIL_THREADS + NATIVE + 1];  /* waits for the GIL since, 0: does not */
	__u64 wake[GIL_THREADS + NATIVE + 1]; /* asleep until, 0: is not */
	__u64 slept[GIL_THREADS + NATIVE + 1];
	__u64 core_free; /* the core that the holder is not on */
	__u32 holder;
	__u16 core;	 /* of the holder */
	__u64 end, turn; /* length of a turn */
};

static void native_run(struct world *w, struct big *b, __u64 now)
{
	for (__u32 k = GIL_THREADS + 1; k <= GIL_THREADS + NATIVE; k++) {
		while (b->wake[k] < now) {
			__u64 ts = b->wake[k] + rnd(w, 30 * US), out = ts;
			bool lock = rnd(w, 3) == 0;

			away(w, &(struct away){.thr = k,
					       .out = b->slept[k],
					       .wake = b->wake[k],
					       .ts = ts,
					       .arg = lock ? (k % 2 ? LOCK_A : LOCK_B) : 202,
					       .state = lock ? FT_ST_LOCK_WAIT : FT_ST_BLOCKED,
					       .waker = lock ? GIL_THREADS + 1 + k % NATIVE
							     : FT_NO_THREAD,
					       .stack = rnd(w, 4) ? FT_NO_STACK : some_stack(w, k),
					       .cpu = (__u16)(1 + k - GIL_THREADS)});
			out += b->turn * 4 + rnd(w, b->turn * 16);
			ticks(w, k, out, rnd(w, 20) ? FT_ON_FREE : FT_ON_SPIN);
			b->slept[k] = out;
			b->wake[k] = out + b->turn + rnd(w, b->turn * 8);
		}
	}
}

/* Sleepers of the GIL's threads that woke before now come to the other core and ask for it. */
static void wake_sleepers(struct world *w, struct big *b, __u64 now)
{
	for (__u32 k = 1; k <= GIL_THREADS; k++) {
		__u64 ts;

		if (!b->wake[k] || b->wake[k] >= now)
			continue;
		ts = b->wake[k] > b->core_free ? b->wake[k] : b->core_free;
		away(w, &(struct away){.thr = k,
				       .out = b->slept[k],
				       .wake = b->wake[k],
				       .ts = ts,
				       .arg = 232,
				       .state = FT_ST_BLOCKED,
				       .waker = FT_NO_THREAD,
				       .stack = rnd(w, 4) ? FT_NO_STACK : some_stack(w, k),
				       .cpu = b->core ^ 1});
		b->wake[k] = 0;
		b->out[k] = ts + 2 * US;
		b->core_free = ts + 2 * US;
	}
}

static __u32 longest_waiter(const struct big *b)
{
	__u32 best = 0;

	for (__u32 k = 1; k <= GIL_THREADS; k++)
		if (b->out[k] && (!best || b->out[k] < b->out[best]))
			best = k;
	return best;
}

/* One turn: the holder runs, gives the GIL up for a sleep or for good reason, the next has it. */
static __u64 turn(struct world *w, struct big *b, __u64 now)
{
	__u64 len = b->turn / 2 + rnd(w, b->turn), ts, to;
	bool forced = rnd(w, 1000) == 0;
	__u32 next, h = b->holder;

	to = now + (forced ? 5 * MS : len);
	if (to >= b->end - 20 * MS)
		to = b->end - 20 * MS;
	ticks(w, h, to, FT_ON_GIL);
	wake_sleepers(w, b, to);
	if (forced) {
		b->out[h] = to;
	} else {
		b->slept[h] = to;
		b->wake[h] = to + 20 * b->turn + rnd(w, 4 * b->turn);
	}
	next = longest_waiter(b);
	if (!next) { /* all sleep: the first to wake up has it */
		for (__u32 k = 1; k <= GIL_THREADS; k++)
			if (b->wake[k] && (!next || b->wake[k] < b->wake[next]))
				next = k;
		wake_sleepers(w, b, b->wake[next] + 1);
		next = longest_waiter(b);
	}
	ts = to > b->out[next] ? to : b->out[next];
	ts = (ts > b->core_free ? ts : b->core_free) + US + rnd(w, 3 * US);
	away(w, &(struct away){.thr = next,
			       .out = b->out[next],
			       .wake = to > b->out[next] ? to : b->out[next],
			       .ts = ts,
			       .state = FT_ST_GIL_WAIT,
			       .waker = to > b->out[next] ? h : FT_NO_THREAD,
			       .stack = rnd(w, 4) ? FT_NO_STACK : some_stack(w, next),
			       .cpu = b->core ^ 1});
	b->out[next] = 0;
	b->core ^= 1;
	b->core_free = to;
	b->holder = next;
	w->tot->handoffs++;
	return ts;
}

static void make_big(struct world *w, __u64 n)
{
	struct big b = {.end = START + 60 * SEC, .holder = 1};
	__u64 now = START + MS, window = START;
	__u32 k;

	w->info->gil = FT_GIL_ON;
	appear(w, 0, START, FT_ST_SYNC_WAIT, 0, true);
	for (k = 1; k <= GIL_THREADS + NATIVE; k++) {
		snprintf(w->rec[k].name, sizeof(w->rec[k].name),
			 k <= GIL_THREADS ? "web-%u" : "native-%u", k);
		b.slept[k] = START;
		b.wake[k] = k == 1 ? 0 : START + 2 * MS + rnd(w, 30 * MS);
		if (k == 1)
			appear(w, k, START, FT_ST_ON, 0, false);
		else
			appear(w, k, START, FT_ST_BLOCKED, 0, true);
	}
	while (now < b.end - 30 * MS && !w->err) {
		__u64 want = n + n / 40; /* it falls short by a little */
		__u64 left = want > w->events ? want - w->events : 1;

		/* about 2.6 events a turn of 1.1 times its length */
		b.turn = (b.end - now) * 5 / 2 / left;
		if (b.turn < 3 * US)
			b.turn = 3 * US;
		if (b.turn > 2 * MS)
			b.turn = 2 * MS;
		now = turn(w, &b, now);
		native_run(w, &b, now);
		for (; window + 100 * MS < now; window += 100 * MS)
			for (k = 0; k < 8; k++)
				others(w, (__u16)k, window, window + 100 * MS, (1 + k) * 500 * US);
	}
	for (k = 1; k <= GIL_THREADS + NATIVE; k++) {
		if (k == b.holder)
			leave_for_good(w, k, now + MS);
		else
			stay(w, k, b.out[k] ? b.out[k] : b.slept[k],
			     b.out[k] ? FT_ST_GIL_WAIT : FT_ST_BLOCKED, b.end);
	}
	stay(w, 0, START, FT_ST_SYNC_WAIT, b.end);
	w->tot->end_ns = b.end;
}

/* Names that break what does not escape. Frames must be UTF-8, names of threads need not. */
static void odd_names(struct world *w)
{
	static const char *const thread[] = {
		"</script><b>x", "\xff\xfe\x01\x02\x7f\x80\xc0\xaf\n\t\"'\\&<", "<img src=x oner",
		"a\xe2\x80\xae"
		"b\xc3\xa9\xf0\x9f\x90\x8d"};
	static const char *const frame[] = {
		"</script><script>alert(1)</script>", "<!--",	 "]]>", "a\n\"'\\&<b>",
		"\xe2\x80\xa8\xe2\x80\xae",	      "\x1b[31m"};

	for (__u32 i = 0; i < w->thr_cnt; i++)
		memcpy(w->rec[i].name, thread[i % 4], strlen(thread[i % 4]) + 1);
	for (__u32 i = 0; i < FRAMES; i++) {
		snprintf(w->name[i], sizeof(w->name[i]), "%s%u", frame[i % 6], i);
		w->frame[i].file = frame[(i + 1) % 6];
	}
	snprintf(w->info->name, sizeof(w->info->name), "</title><b>\"");
	snprintf(w->info->cmdline, sizeof(w->info->cmdline), "python '</script>' \x01\xff <b>");
}

static void fill_info(struct world *w, const char *kind, __u32 cores)
{
	struct ft_session_info *in = w->info;

	snprintf(in->name, sizeof(in->name), "%s.py",
		 strcmp(kind, "threads10000") ? kind : "threads");
	snprintf(in->cmdline, sizeof(in->cmdline), "python3 %s.py", kind);
	snprintf(in->host, sizeof(in->host), "made");
	snprintf(in->kernel, sizeof(in->kernel), "6.18.0");
	snprintf(in->exe, sizeof(in->exe), "/usr/bin/python3");
	snprintf(in->python, sizeof(in->python), "3.14.6");
	in->python_hex = 0x030e06f0;
	in->pid = 5000;
	in->start_ns = START;
	in->start_wall_ns = 1767225600ull * SEC;
	in->cpu_cnt = cores;
	in->cpus_cnt = cores;
	for (__u32 i = 0; i < cores; i++)
		in->cpus[i] = (__u16)i;
	in->tick_hz = 499;
	in->stack_hz = 199;
	in->has_events = true;
	in->end = FT_END_DURATION;
	in->end_status = -1;
	in->switch_interval_us = 5000;
}

static int finish(struct world *w)
{
	int err = w->err;

	if (!err)
		sum_edges(w);
	w->info->children = 0;
	err = err ?: ft_writer_info(w->w, w->info);
	err = err ?: ft_writer_threads(w->w, w->rec, w->thr_cnt);
	err = err ?: put_stacks(w);
	err = err ?: put_locks(w);
	err = err ?: ft_writer_totals(w->w, w->tot);
	if (err)
		ft_writer_abort(w->w);
	return err ?: ft_writer_finish(w->w);
}

struct kind {
	const char *name;
	__u32 threads, cores;
	__u64 n;
};

static const struct kind kinds[] = {
	{"zero", 0, 2, 0},
	{"one", 1, 2, 0},
	{"threads10000", 0, 8, 10000},
	{"gaps", 4, 2, 997},
	{"names", 4, 2, 97},
	{"clockjump", 4, 2, 997},
	{"gil", 4, 2, 997},
	{"ft", 3, 4, 0},
	{"cores256", 256, 256, 0},
	{"big", GIL_THREADS + NATIVE + 1, 8, 5000000},
};

static void make(struct world *w, const char *kind, __u64 n)
{
	w->lose_every = strcmp(kind, "gaps") ? 0 : 11;
	w->tot->end_ns = START + SEC;
	if (!strcmp(kind, "one")) {
		w->info->gil = FT_GIL_ON;
		appear(w, 0, START, FT_ST_ON, 0, true);
		stay(w, 0, 0, 0, w->tot->end_ns);
	} else if (!strcmp(kind, "threads10000")) {
		make_threads(w, n);
	} else if (!strcmp(kind, "cores256")) {
		make_cores(w);
	} else if (!strcmp(kind, "ft")) {
		make_ft(w);
	} else if (!strcmp(kind, "big")) {
		make_big(w, n);
	} else if (n) {
		w->jumps = !strcmp(kind, "clockjump");
		make_gil(w, n);
		if (!strcmp(kind, "names"))
			odd_names(w);
	}
}

static int run(const struct kind *k, const char *path, __u64 n)
{
	struct ft_writer_opts opts = {.path = path, .force = true};
	struct world *w = calloc(1, sizeof(*w));
	int err = -ENOMEM;

	if (!w)
		return err;
	w->thr_cnt = strcmp(k->name, "threads10000") ? k->threads : (__u32)n;
	w->seed = 88172645463325252ull;
	w->info = calloc(1, sizeof(*w->info));
	w->tot = calloc(1, sizeof(*w->tot));
	w->rec = calloc(w->thr_cnt + 1, sizeof(*w->rec));
	w->thr = calloc(w->thr_cnt + 1, sizeof(*w->thr));
	if (!w->info || !w->tot || !w->rec || !w->thr)
		goto out;
	err = ft_writer_open(&opts, &w->w);
	if (err)
		goto out;
	for (__u32 i = 0; i < w->thr_cnt; i++)
		snprintf(w->rec[i].name, sizeof(w->rec[i].name), i ? "thread-%u" : "main", i);
	make_stacks(w);
	fill_info(w, k->name, k->cores);
	make(w, k->name, n);
	err = finish(w);
out:
	free(w->edge);
	free(w->thr);
	free(w->rec);
	free(w->tot);
	free(w->info);
	free(w);
	return err;
}

int main(int argc, char **argv)
{
	const struct kind *k = NULL;
	int err;

	for (size_t i = 0; argc >= 3 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(argv[1], kinds[i].name))
			k = &kinds[i];
	if (!k || argc > 4) {
		fprintf(stderr, "usage: mksession KIND PATH [N]\n");
		return 2;
	}
	err = run(k, argv[2], argc > 3 ? strtoull(argv[3], NULL, 10) : k->n);
	if (err)
		fprintf(stderr, "mksession: %s\n", strerror(-err));
	return err ? 1 : 0;
}
