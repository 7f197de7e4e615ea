/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions with a known answer, and what the rules make of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "scaling_fixture.h"

#define SLEEP 230 /* clock_nanosleep */
#define RECV 45	  /* recvfrom */
#define EPOLL 232
#define WAIT4 61

static void add_n(struct scenario *sc, int n, struct sc_thread s)
{
	while (n-- > 0)
		sc_add(sc, s);
}

static struct scenario *crunch_gil(void)
{
	struct scenario *sc = sc_new(2680, 2, FT_GIL_ON);

	sc_add(sc, (struct sc_thread){.name = "python3", .rest = FT_ST_SYNC_WAIT, .on = 20});
	add_n(sc, 4,
	      (struct sc_thread){.name = "Thread-1 (work)",
				 .on = 620,
				 .gil_wait = 1950,
				 .gil_switch = 20,
				 .runq = 30});
	sc_levels(sc, 240, 2430, 10, 0, 0);
	sc->totals.sums.lost_parallel_ns = 2400 * MS;
	return sc;
}

static struct scenario *crunch_ft(__u32 cores, __u32 threads)
{
	__u32 on = 1600 * (threads < cores ? 100 : cores * 100 / threads) / 100;
	struct scenario *sc = sc_new(1640, cores, FT_GIL_OFF);

	sc_add(sc, (struct sc_thread){.name = "python3", .rest = FT_ST_SYNC_WAIT, .on = 10});
	add_n(sc, (int)threads,
	      (struct sc_thread){.name = "Thread-1 (work)", .on = on, .runq = 1600 - on});
	sc_levels(sc, 40, 40, 1560, 0, 0);
	return sc;
}

static struct scenario *crunch_ft_2(void)
{
	return crunch_ft(2, 4);
}

static struct scenario *crunch_ft_many(void)
{
	return crunch_ft(2, 16);
}

static struct scenario *crunch_ft_partly(void)
{
	return crunch_ft(16, 4);
}

/* Enough cores, native code that released the GIL. */
static struct scenario *native_gil(void)
{
	struct scenario *sc = sc_new(5000, 4, FT_GIL_ON);

	add_n(sc, 4,
	      (struct sc_thread){.name = "openblas",
				 .on = 4300,
				 .gil_wait = 100,
				 .ticks_gil = 600,
				 .ticks_free = 3700});
	sc_levels(sc, 0, 100, 300, 2000, 2600);
	sc->totals.sums.lost_parallel_ns = 400 * MS;
	return sc;
}

static struct scenario *sleepers(__u32 gil)
{
	struct scenario *sc = sc_new(5000, 2, gil);

	sc_add(sc, (struct sc_thread){.name = "python3", .rest = FT_ST_SYNC_WAIT, .on = 1});
	add_n(sc, 50, (struct sc_thread){.name = "Thread-1 (nap)", .on = 6, .syscall = SLEEP});
	add_n(sc, 50, (struct sc_thread){.name = "Thread-2 (read)", .on = 4, .syscall = RECV});
	sc_levels(sc, 4600, 390, 10, 0, 0);
	return sc;
}

static struct scenario *sleepers_gil(void)
{
	struct scenario *sc = sleepers(FT_GIL_ON);

	sc->recs[1].t.state_ns[FT_ST_GIL_WAIT] += 12 * MS;
	sc->recs[1].t.state_ns[FT_ST_BLOCKED] -= 12 * MS;
	return sc;
}

static struct scenario *sleepers_ft(void)
{
	return sleepers(FT_GIL_OFF);
}

/* Not one of them wakes up during the session. */
static struct scenario *sleepers_deep(void)
{
	struct scenario *sc = sc_new(5000, 2, FT_GIL_ON);

	sc_add(sc, (struct sc_thread){.name = "python3", .rest = FT_ST_SYNC_WAIT});
	add_n(sc, 100, (struct sc_thread){.name = "Thread-1 (nap)", .syscall = SLEEP});
	sc_levels(sc, 5000, 0, 0, 0, 0);
	return sc;
}

static struct scenario *single(__u32 gil, int pool)
{
	struct scenario *sc = sc_new(5000, 2, gil);

	sc_add(sc, (struct sc_thread){.name = "python3",
				      .on = 4950,
				      .gil_wait = gil == FT_GIL_ON ? 10 : 0,
				      .runq = 30});
	add_n(sc, pool,
	      (struct sc_thread){.name = "ThreadPoolExecutor-0_0", .rest = FT_ST_SYNC_WAIT});
	sc_levels(sc, 50, 4950, 0, 0, 0);
	return sc;
}

static struct scenario *single_gil(void)
{
	return single(FT_GIL_ON, 0);
}

static struct scenario *single_ft(void)
{
	return single(FT_GIL_OFF, 0);
}

static struct scenario *single_pool_gil(void)
{
	return single(FT_GIL_ON, 16);
}

static struct scenario *single_pool_ft(void)
{
	return single(FT_GIL_OFF, 16);
}

/* The worker is not the main thread, which sleeps. */
static struct scenario *single_worker(void)
{
	struct scenario *sc = sc_new(5000, 4, FT_GIL_OFF);

	sc_add(sc, (struct sc_thread){.name = "python3", .syscall = SLEEP});
	sc_add(sc, (struct sc_thread){.name = "worker", .on = 4900});
	add_n(sc, 8, (struct sc_thread){.name = "ThreadPoolExecutor-0_0", .rest = FT_ST_SYNC_WAIT});
	sc_levels(sc, 100, 4900, 0, 0, 0);
	return sc;
}

/* A lock of the program's own around everything. */
static struct scenario *serial(void)
{
	struct scenario *sc = sc_new(5000, 4, FT_GIL_OFF);

	add_n(sc, 4, (struct sc_thread){.name = "w", .on = 1200, .rest = FT_ST_SYNC_WAIT});
	sc_levels(sc, 200, 4800, 0, 0, 0);
	return sc;
}

static struct scenario *gil_and_hogs(void)
{
	struct scenario *sc = sc_new(8000, 2, FT_GIL_ON);

	sc_add(sc, (struct sc_thread){.name = "python3", .rest = FT_ST_SYNC_WAIT, .on = 20});
	add_n(sc, 4,
	      (struct sc_thread){.name = "Thread-1 (work)",
				 .on = 850,
				 .gil_wait = 6000,
				 .gil_runq = 1900,
				 .gil_switch = 100,
				 .runq = 1000,
				 .held_off = 950});
	sc_levels(sc, 4580, 3400, 20, 0, 0);
	return sc;
}

/* The GIL is free most of the time, its waiters have no core to notice it on. */
static struct scenario *starved_waiters(void)
{
	struct scenario *sc = sc_new(8000, 2, FT_GIL_ON);

	add_n(sc, 4,
	      (struct sc_thread){.name = "w",
				 .on = 300,
				 .gil_wait = 4000,
				 .gil_runq = 3000,
				 .runq = 3600,
				 .held_off = 100});
	sc_levels(sc, 6800, 1200, 0, 0, 0);
	return sc;
}

static struct scenario *starved_native(void)
{
	struct scenario *sc = sc_new(8000, 2, FT_GIL_ON);

	add_n(sc, 4,
	      (struct sc_thread){.name = "w",
				 .on = 2000,
				 .gil_wait = 300,
				 .runq = 5600,
				 .ticks_free = 1900,
				 .ticks_gil = 100});
	sc_levels(sc, 1000, 4000, 3000, 0, 0);
	return sc;
}

static struct scenario *starved_single(void)
{
	struct scenario *sc = sc_new(8000, 2, FT_GIL_ON);

	sc_add(sc, (struct sc_thread){.name = "w", .on = 2500, .runq = 5500});
	sc_levels(sc, 5500, 2500, 0, 0, 0);
	return sc;
}

static struct scenario *one_core(void)
{
	struct scenario *sc = sc_new(8000, 1, FT_GIL_ON);

	add_n(sc, 4, (struct sc_thread){.name = "w", .on = 1950, .gil_wait = 5950, .runq = 100});
	sc_levels(sc, 200, 7800, 0, 0, 0);
	return sc;
}

static struct scenario *quota(void)
{
	struct scenario *sc = sc_new(8000, 8, FT_GIL_OFF);

	sc->info.quota = 0.5;
	sc->totals.throttled_ns = 3900 * MS;
	add_n(sc, 4, (struct sc_thread){.name = "w", .on = 980, .runq = 7000});
	sc_levels(sc, 6000, 1000, 500, 500, 0);
	return sc;
}

static struct scenario *returned(void)
{
	struct scenario *sc = crunch_gil();

	sc->info.free_threaded = true;
	sc->info.gil = FT_GIL_ENABLED;
	strcpy(sc->info.gil_enabled_by, "_oldext");
	return sc;
}

static struct scenario *enabled_but_single(void)
{
	struct scenario *sc = single(FT_GIL_ENABLED, 4);

	sc->info.free_threaded = true;
	return sc;
}

static struct scenario *locks_park(void)
{
	struct scenario *sc = sc_new(5000, 4, FT_GIL_OFF);

	add_n(sc, 4, (struct sc_thread){.name = "w", .on = 1800, .lock_wait = 3100});
	sc_levels(sc, 100, 2000, 2000, 800, 100);
	return sc;
}

/* Both cores are busy, 39 % of it trying for a lock. */
static struct scenario *locks_spin(void)
{
	struct scenario *sc = sc_new(5000, 2, FT_GIL_OFF);

	add_n(sc, 4,
	      (struct sc_thread){.name = "w",
				 .on = 2450,
				 .runq = 1500,
				 .lock_wait = 600,
				 .ticks_free = 1500,
				 .ticks_spin = 950});
	sc_levels(sc, 20, 160, 4820, 0, 0);
	return sc;
}

/* The same with so few ticks that it may be anything. */
static struct scenario *locks_unsure(void)
{
	struct scenario *sc = sc_new(5000, 2, FT_GIL_OFF);

	add_n(sc, 2, (struct sc_thread){.name = "w", .on = 4900, .ticks_free = 4, .ticks_spin = 2});
	sc_levels(sc, 20, 160, 4820, 0, 0);
	return sc;
}

static struct scenario *no_ticks(void)
{
	struct scenario *sc = crunch_ft_2();
	size_t i;

	for (i = 0; i < sc->cnt; i++)
		memset(sc->recs[i].t.tick_cnt, 0, sizeof(sc->recs[i].t.tick_cnt));
	return sc;
}

static struct scenario *pauses(void)
{
	struct scenario *sc = sc_new(5000, 4, FT_GIL_OFF);

	add_n(sc, 4, (struct sc_thread){.name = "w", .on = 2200, .stw = 2700});
	sc_levels(sc, 100, 2000, 2000, 800, 100);
	return sc;
}

/* A call that sleeps with the GIL held. */
static struct scenario *held_asleep(void)
{
	struct scenario *sc = sc_new(5000, 2, FT_GIL_ON);

	add_n(sc, 3,
	      (struct sc_thread){
		      .name = "w", .on = 10, .gil_wait = 3300, .held_off = 1600, .syscall = SLEEP});
	sc_levels(sc, 4970, 30, 0, 0, 0);
	sc->totals.sums.lost_parallel_ns = 9000 * MS;
	return sc;
}

static struct scenario *idle_pool(void)
{
	struct scenario *sc = sc_new(5000, 2, FT_GIL_ON);

	sc_add(sc, (struct sc_thread){.name = "python3", .syscall = WAIT4});
	add_n(sc, 8, (struct sc_thread){.name = "ThreadPoolExecutor-0_0", .rest = FT_ST_SYNC_WAIT});
	return sc;
}

static struct scenario *stopped(void)
{
	struct scenario *sc = sc_new(5000, 2, FT_GIL_ON);

	add_n(sc, 3, (struct sc_thread){.name = "w", .stopped = 5000});
	return sc;
}

static struct scenario *too_short(void)
{
	struct scenario *sc = sc_new(50, 2, FT_GIL_ON);

	sc_add(sc, (struct sc_thread){.name = "w", .on = 50});
	sc_levels(sc, 0, 50, 0, 0, 0);
	return sc;
}

static struct scenario *no_threads(void)
{
	return sc_new(5000, 2, FT_GIL_ON);
}

/* 3 % of a core, and sleeps in its own queues. */
static struct scenario *low_load(void)
{
	struct scenario *sc = sc_new(5000, 2, FT_GIL_ON);

	add_n(sc, 3, (struct sc_thread){.name = "w", .on = 50, .rest = FT_ST_SYNC_WAIT});
	sc_levels(sc, 4850, 150, 0, 0, 0);
	return sc;
}

/* GIL waits of 12 % of the load: not what limits. */
static struct scenario *io_some_gil(void)
{
	struct scenario *sc = sc_new(5000, 4, FT_GIL_ON);

	add_n(sc, 20, (struct sc_thread){.name = "w", .on = 60, .gil_wait = 8, .syscall = EPOLL});
	sc_levels(sc, 3900, 1000, 100, 0, 0);
	return sc;
}

/* Sleepers that wake together: long waits in bursts, the GIL held 10 % of the time. */
static struct scenario *herd(void)
{
	struct scenario *sc = sc_new(5000, 4, FT_GIL_ON);

	add_n(sc, 50, (struct sc_thread){.name = "w", .on = 10, .gil_wait = 250, .syscall = SLEEP});
	sc_levels(sc, 4500, 500, 0, 0, 0);
	sc->totals.sums.wait_any_ns = 480 * MS;
	sc->totals.sums.lost_parallel_ns = 1400 * MS;
	return sc;
}

/* The main thread sleeps in poll() beside two workers that fill two of four cores. */
static struct scenario *main_polls(void)
{
	struct scenario *sc = sc_new(5000, 4, FT_GIL_OFF);

	sc_add(sc, (struct sc_thread){.name = "python3", .syscall = 7});
	add_n(sc, 2, (struct sc_thread){.name = "w", .on = 4900});
	sc_levels(sc, 0, 200, 4800, 0, 0);
	return sc;
}

/* The same with the lock's name, and where: most of the waits are for one dict. */
static struct scenario *locks_named(void)
{
	static struct ft_lock_rec rec[] = {{.id = 3,
					    .kind = FT_LK_OBJECT,
					    .name = "dict",
					    .waits = 23,
					    .wait_ns = 2300 * MS,
					    .spin_ticks = 3700,
					    .yields = 4331,
					    .threads = 4}};
	static struct ft_weight w[2];
	struct scenario *sc = locks_spin();

	w[0] = weigh(N_WORK, FT_ST_LOCK_WAIT, 3, 600);
	w[1] = weigh(N_NATIVE, FT_SK_ON + FT_ON_SPIN, 3, 950);
	use(sc, w, CNT(w));
	use_locks(sc, rec, CNT(rec));
	sc->findings.yield_window_ns = 50 * MS;
	sc->findings.yields_rel_err = 0.1;
	return sc;
}

/* Threads that take turns under a lock of the program's own: a queue that is empty looks the same
 * but for where its stacks stand. */
static struct scenario *own_lock(bool idle)
{
	static struct ft_lock_rec rec[] = {{.id = 3,
					    .kind = FT_LK_THREADING,
					    .name = "_thread.lock",
					    .waits = 2311,
					    .wait_ns = 15000 * MS,
					    .threads = 4}};
	static struct ft_weight w[2];
	struct scenario *sc = serial();

	w[0] = weigh(idle ? N_GET_WAIT : N_OTHER, FT_ST_SYNC_WAIT, 3, 15000);
	w[1] = weigh(N_WORK, FT_SK_LOCK_OWNER, 3, 15000);
	use(sc, w, CNT(w));
	use_locks(sc, rec, CNT(rec));
	return sc;
}

static struct scenario *own_lock_held(void)
{
	return own_lock(false);
}

/* Who has the lock sleeps with it: nothing runs, and still it is no idle program. */
static struct scenario *own_lock_asleep(__u32 threads)
{
	static struct ft_lock_rec rec[] = {{.id = 3,
					    .kind = FT_LK_THREADING,
					    .name = "_thread.lock",
					    .waits = 900,
					    .wait_ns = 15000 * MS}};
	static struct ft_weight w[2];
	struct scenario *sc = sc_new(5000, 4, FT_GIL_ON);

	add_n(sc, 3, (struct sc_thread){.name = "w", .on = 10, .rest = FT_ST_SYNC_WAIT});
	sc_add(sc, (struct sc_thread){.name = "w", .on = 10, .syscall = SLEEP});
	sc_levels(sc, 4960, 40, 0, 0, 0);
	rec[0].threads = threads;
	w[0] = weigh(N_OTHER, FT_ST_SYNC_WAIT, 3, 14970);
	w[1] = weigh(N_WORK, FT_SK_LOCK_OWNER, 3, 14970);
	use(sc, w, CNT(w));
	use_locks(sc, rec, CNT(rec));
	return sc;
}

static struct scenario *own_lock_sleeper(void)
{
	return own_lock_asleep(4);
}

/* One thread that waits again and again: for a signal, as far as anyone can tell. */
static struct scenario *own_lock_signal(void)
{
	return own_lock_asleep(1);
}

static struct scenario *own_queue_idle(void)
{
	return own_lock(true);
}

/* Ticks (of 9,800) that stand in the code of shared reference counts; 2 cores, 98 % busy. */
static struct scenario *sharing(__u32 ticks)
{
	static struct ft_lock_rec rec[] = {
		{.id = 3, .kind = FT_LK_TYPE, .name = "Config", .other = 75, .same = 25}};
	static struct ft_weight w[1];
	struct scenario *sc = sc_new(5000, 2, FT_GIL_OFF);

	add_n(sc, 4, (struct sc_thread){.name = "w", .on = 2450, .runq = 2500});
	sc_levels(sc, 20, 160, 4820, 0, 0);
	sc->totals.sums.cnt[FT_CN_TICKS] = 9800;
	sc->totals.sums.cnt[FT_CN_TICKS_CLASS + FT_CC_SHARED] = ticks;
	w[0] = weigh(N_OTHER, FT_SK_SHARED, 3, ticks);
	use(sc, w, CNT(w));
	use_locks(sc, rec, CNT(rec));
	return sc;
}

static struct scenario *sharing_much(void)
{
	return sharing(5488);
}

static struct scenario *sharing_little(void)
{
	return sharing(500);
}

/* Both: 39 % spinning, and more than that on sharing. */
static struct scenario *sharing_and_locks(void)
{
	struct scenario *sc = locks_spin();

	sc->totals.sums.cnt[FT_CN_TICKS] = 9800;
	sc->totals.sums.cnt[FT_CN_TICKS_CLASS + FT_CC_SHARED] = 8800;
	return sc;
}

static struct scenario *locks_and_sharing(void)
{
	struct scenario *sc = sharing_and_locks();

	sc->totals.sums.cnt[FT_CN_TICKS_CLASS + FT_CC_SHARED] = 1600;
	return sc;
}

/* 20 % by ten ticks of fifty: may be anything. */
static struct scenario *sharing_unsure(void)
{
	struct scenario *sc = sharing(0);
	size_t i;

	for (i = 0; i < sc->cnt; i++)
		sc->recs[i].t.tick_cnt[FT_ON_FREE] = 12;
	sc->totals.sums.cnt[FT_CN_TICKS] = 48;
	sc->totals.sums.cnt[FT_CN_TICKS_CLASS + FT_CC_SHARED] = 10;
	return sc;
}

/* Locked instructions of a single thread cost a little, and no core waits for another. */
static struct scenario *sharing_alone(void)
{
	struct scenario *sc = single_ft();

	sc->totals.sums.cnt[FT_CN_TICKS] = 5000;
	sc->totals.sums.cnt[FT_CN_TICKS_CLASS + FT_CC_SHARED] = 1500;
	return sc;
}

static struct scenario *pauses_named(void)
{
	static struct ft_pause_rec rec[] = {
		{.id = 1,
		 .cause = FT_PC_FORK,
		 .cnt = 310,
		 .stopped_ns = 2700 * MS,
		 .max_ns = 31 * MS},
		{.id = 2, .cause = FT_PC_GC, .cnt = 3, .stopped_ns = 5 * MS, .max_ns = 2 * MS}};
	static struct ft_weight w[1];
	struct scenario *sc = pauses();

	w[0] = weigh(N_OTHER, FT_SK_PAUSE, 1, 2700);
	use(sc, w, CNT(w));
	sc->findings.pause = rec;
	sc->findings.pause_cnt = CNT(rec);
	sc->findings.pause_window_ns = 5000 * MS;
	return sc;
}

static const struct {
	const char *name;
	struct scenario *(*make)(void);
	enum ft_verdict_kind kind;
	const char *says;    /* must be in the text */
	const char *advises; /* must be in the advice */
} cases[] = {
	{"crunch, GIL", crunch_gil, FT_V_GIL_BOUND, "0.93 of 2 cores", "idle core"},
	{"crunch, free-threaded, 2 cores", crunch_ft_2, FT_V_PARALLEL, "1.96 of 2 cores",
	 "shared reference counts"},
	{"crunch, free-threaded, 16 threads on 2", crunch_ft_many, FT_V_CPU_STARVED, "no", "more"},
	{"crunch, free-threaded, 4 threads on 16", crunch_ft_partly, FT_V_PARALLEL,
	 "Only 4 threads", "reference counts"},
	{"native code beside the GIL", native_gil, FT_V_PARALLEL, "86 % of it native", "little"},
	{"100 sleepers, GIL", sleepers_gil, FT_V_IO_BOUND, "clock_nanosleep", "repeat at peak"},
	{"100 sleepers, free-threaded", sleepers_ft, FT_V_IO_BOUND, "recvfrom", "repeat"},
	{"100 sleepers that never wake", sleepers_deep, FT_V_IO_BOUND, "clock_nanosleep", ""},
	{"single, GIL", single_gil, FT_V_SINGLE_THREADED, "python3 (4312)", "split"},
	{"single, free-threaded", single_ft, FT_V_SINGLE_THREADED, "100 %", "split"},
	{"single and an idle pool, GIL", single_pool_gil, FT_V_SINGLE_THREADED, "", ""},
	{"single and an idle pool, free-threaded", single_pool_ft, FT_V_SINGLE_THREADED, "", ""},
	{"single worker, main asleep", single_worker, FT_V_SINGLE_THREADED, "worker", ""},
	{"one after the other by an own lock", serial, FT_V_SINGLE_THREADED, "at a time", "own"},
	{"crunch and four hogs", gil_and_hogs, FT_V_GIL_BOUND, "run queue", "quiet machine"},
	{"waiters without a core", starved_waiters, FT_V_CPU_STARVED, "", "Other processes"},
	{"native code without a core", starved_native, FT_V_CPU_STARVED, "", "Other processes"},
	{"one thread without a core", starved_single, FT_V_CPU_STARVED, "", "Other processes"},
	{"four threads, one core, GIL", one_core, FT_V_CPU_STARVED, "wait for the core", "fills"},
	{"half a core of quota", quota, FT_V_CPU_STARVED, "quota", "cpu.max"},
	{"GIL brought back", returned, FT_V_GIL_RETURNED, "_oldext", "PYTHON_GIL=0"},
	{"GIL on but one thread", enabled_but_single, FT_V_SINGLE_THREADED, "", ""},
	{"locks, asleep", locks_park, FT_V_LOCK_BOUND, "slept for locks", "share"},
	{"locks, spinning", locks_spin, FT_V_LOCK_BOUND, "39 % of that", "share"},
	{"locks, too few ticks", locks_unsure, FT_V_INCONCLUSIVE, "12 timer ticks", "longer"},
	{"no ticks at all", no_ticks, FT_V_INCONCLUSIVE, "0 timer ticks", "longer"},
	{"one dict, spinning", locks_named, FT_V_LOCK_BOUND,
	 "one shared dict. 1.96 of 2 cores are busy, but 39 % of that goes on trying for its lock "
	 "(about 433,100 yields, 23 sleeps): app.py:8 work, 4 threads.",
	 "One dict per thread, merged at the end. A Lock or more cores won't help."},
	{"one lock, held", own_lock_held, FT_V_LOCK_BOUND,
	 "one threading.Lock. 1.0 of 4 cores are busy while 3.0 threads at a time slept for it "
	 "(2,311 sleeps): app.py:20 C.other, 4 threads.",
	 "Hold it shorter, or use a lock for each part of the data. Who held it stood at app.py:8 "
	 "work."},
	{"one lock, its owner asleep", own_lock_sleeper, FT_V_LOCK_BOUND,
	 "3.0 threads at a time slept for it (900 sleeps): app.py:20 C.other, 4 threads.",
	 "Who held it stood at app.py:8 work."},
	{"one lock as a signal", own_lock_signal, FT_V_IDLE, "own locks and queues", "again"},
	{"one queue, empty", own_queue_idle, FT_V_SINGLE_THREADED, "at a time", "own"},
	{"sharing", sharing_much, FT_V_SHARING_BOUND,
	 "shared objects. 1.96 of 2 cores are busy, but 56 % (+- 1.3 %) of that goes on reference "
	 "counts that threads share, 100 % of it on Config at app.py:20 C.other.",
	 "give each thread its own"},
	{"a little sharing", sharing_little, FT_V_PARALLEL, "shared reference counts 5.1 %",
	 "cost little"},
	{"sharing, and some locks", sharing_and_locks, FT_V_SHARING_BOUND, "90 %", "its own"},
	{"locks, and some sharing", locks_and_sharing, FT_V_LOCK_BOUND, "39 %", "share"},
	{"sharing, too few ticks", sharing_unsure, FT_V_INCONCLUSIVE, "48 timer ticks", "longer"},
	{"atomics of one thread", sharing_alone, FT_V_SINGLE_THREADED, "", ""},
	{"pauses for fork", pauses_named, FT_V_STW_BOUND,
	 "313 pauses, longest 31 ms; most for fork, asked for at app.py:20", "Fork before"},
	{"pauses", pauses, FT_V_STW_BOUND, "55 %", "gc.collect"},
	{"GIL held asleep", held_asleep, FT_V_GIL_BOUND, "off its core", "release it"},
	{"idle pool", idle_pool, FT_V_IDLE, "own locks and queues", "again"},
	{"stopped", stopped, FT_V_IDLE, "is stopped", ""},
	{"50 ms", too_short, FT_V_INCONCLUSIVE, "too short", "longer"},
	{"no threads", no_threads, FT_V_INCONCLUSIVE, "No thread", ""},
	{"3 % load", low_load, FT_V_INCONCLUSIVE, "Too little", "load"},
	{"I/O with some GIL", io_some_gil, FT_V_IO_BOUND, "epoll_wait", "won't speed"},
	{"sleepers that wake together", herd, FT_V_IO_BOUND, "median", "repeat at peak"},
	{"main polls beside two workers", main_polls, FT_V_PARALLEL, "Only 2 threads", ""},
};

static void test_cases(void **state)
{
	size_t i;
	int bad = 0;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scenario *sc = cases[i].make();
		struct ft_model m;

		assert_int_equal(sc_model(sc, &m), 0);
		if (getenv("SHOW"))
			print_message("%s\n  %s\n  -> %s\n", cases[i].name, m.verdict.text,
				      m.verdict.advice);
		if (m.verdict.kind != cases[i].kind || !strstr(m.verdict.text, cases[i].says) ||
		    !strstr(m.verdict.advice, cases[i].advises)) {
			print_error("%s: %s, should be %s with '%s' and '%s'\n  %s\n  -> %s\n",
				    cases[i].name, ft_verdict_name(m.verdict.kind),
				    ft_verdict_name(cases[i].kind), cases[i].says, cases[i].advises,
				    m.verdict.text, m.verdict.advice);
			bad++;
		}
		/* the last byte is the terminator's: a text that long was cut */
		assert_true(strlen(m.verdict.text) < sizeof(m.verdict.text) - 1);
		assert_true(strlen(m.verdict.advice) < sizeof(m.verdict.advice) - 1);
		ft_model_free(&m);
		sc_free(sc);
	}
	assert_int_equal(bad, 0);
}

/* Sleeping in the program's own locks is never called contention, whatever its amount. */
static void test_sync_is_no_contention(void **state)
{
	__u32 pool, on;

	(void)state;
	for (pool = 1; pool <= 64; pool *= 4) {
		for (on = 0; on <= 5000; on += 250) {
			struct scenario *sc = sc_new(5000, 2, FT_GIL_OFF);
			struct ft_model m;

			sc_add(sc, (struct sc_thread){.name = "m", .on = on});
			add_n(sc, (int)pool,
			      (struct sc_thread){.name = "p", .rest = FT_ST_SYNC_WAIT});
			sc_levels(sc, 5000 - on, on, 0, 0, 0);
			assert_int_equal(sc_model(sc, &m), 0);
			assert_int_not_equal(m.verdict.kind, FT_V_LOCK_BOUND);
			assert_int_not_equal(m.verdict.kind, FT_V_GIL_BOUND);
			ft_model_free(&m);
			sc_free(sc);
		}
	}
}

/* More sharing never makes it parallel again. */
static void test_sharing_monotonic(void **state)
{
	bool was = false;
	__u32 ticks;

	(void)state;
	for (ticks = 0; ticks <= 9800; ticks += 70) {
		struct scenario *sc = sharing(ticks);
		struct ft_model m;

		assert_int_equal(sc_model(sc, &m), 0);
		assert_int_equal(m.verdict.kind,
				 ticks * 100 >= 15 * 9800 ? FT_V_SHARING_BOUND : FT_V_PARALLEL);
		was |= m.verdict.kind == FT_V_SHARING_BOUND;
		ft_model_free(&m);
		sc_free(sc);
	}
	assert_true(was);
}

/* More GIL wait never turns "GIL-bound" into something else; hogs take the cores meanwhile. */
static void test_gil_monotonic(void **state)
{
	bool was = false;
	__u32 w;

	(void)state;
	for (w = 0; w <= 4000; w += 50) {
		struct scenario *sc = sc_new(5000, 2, FT_GIL_ON);
		struct ft_model m;

		add_n(sc, 4,
		      (struct sc_thread){.name = "w", .on = 600, .gil_wait = w, .runq = 150});
		sc_levels(sc, 2600, 2400, 0, 0, 0);
		assert_int_equal(sc_model(sc, &m), 0);
		if (was)
			assert_int_equal(m.verdict.kind, FT_V_GIL_BOUND);
		was = m.verdict.kind == FT_V_GIL_BOUND;
		ft_model_free(&m);
		sc_free(sc);
	}
	assert_true(was);
}

/* No build is told what it cannot have: a GIL that came back, or one that is not there. */
static void test_never(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scenario *sc = cases[i].make();
		struct ft_model m;

		assert_int_equal(sc_model(sc, &m), 0);
		if (sc->info.gil == FT_GIL_ON) {
			assert_int_not_equal(m.verdict.kind, FT_V_GIL_RETURNED);
			assert_int_not_equal(m.verdict.kind, FT_V_SHARING_BOUND);
		}
		if (sc->info.gil == FT_GIL_OFF)
			assert_int_not_equal(m.verdict.kind, FT_V_GIL_BOUND);
		ft_model_free(&m);
		sc_free(sc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_sync_is_no_contention),
		cmocka_unit_test(test_sharing_monotonic),
		cmocka_unit_test(test_gil_monotonic),
		cmocka_unit_test(test_never),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
