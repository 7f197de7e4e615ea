/* SPDX-License-Identifier: BSD-2-Clause */
/* Made-up sessions for the tests of model, verdict and reports: times in ms, states that add up. */
#ifndef FT_TESTS_SCENARIO_H
#define FT_TESTS_SCENARIO_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model/model.h"
#include "record/findings.h"
#include "ftprof_state.h"

#define MS 1000000ull
#define SC_START (7000 * MS)

struct scenario {
	struct ft_session_info info;
	struct ft_totals totals;
	struct ft_thread_rec *recs;
	size_t cnt;
	__u64 ms; /* length of the session */
	struct ft_findings findings;
	const struct ft_stacks *stacks;
	__u64 others_ns;
	const char *damage;
};

/* A thread: what is left of the session after these is spent blocked, or in `rest`. */
struct sc_thread {
	const char *name;
	__u32 on, gil_wait, gil_switch, lock_wait, sync_wait, stw, runq, fault, stopped;
	__u32 ticks_gil, ticks_free, ticks_spin; /* all 0: on is GIL time at 1 tick a ms */
	__u32 gil_runq, held_off;
	__u32 syscall; /* of the blocked time */
	__u32 rest;    /* enum ft_state; 0: blocked */
	__u32 flags;
};

static inline struct scenario *sc_new(__u64 ms, __u32 cores, __u32 gil)
{
	struct scenario *sc = calloc(1, sizeof(*sc));
	__u32 i;

	if (!sc)
		abort();
	sc->ms = ms;
	sc->info.start_ns = SC_START;
	sc->totals.end_ns = SC_START + ms * MS;
	sc->info.cpu_cnt = cores;
	sc->info.cpus_cnt = cores;
	for (i = 0; i < cores; i++)
		sc->info.cpus[i] = (__u16)i;
	sc->info.gil = gil;
	sc->info.free_threaded = gil == FT_GIL_OFF || gil == FT_GIL_ENABLED;
	sc->info.pid = 4312;
	sc->info.tick_hz = 1000;
	sc->info.has_events = true;
	sc->info.end = FT_END_DURATION;
	strcpy(sc->info.name, "web");
	strcpy(sc->info.python, "3.14.6");
	sc->totals.sums.cnt[FT_CN_EVENTS] = 118204;
	return sc;
}

static inline void sc_add(struct scenario *sc, struct sc_thread s)
{
	struct ft_thread_rec *recs = realloc(sc->recs, (sc->cnt + 1) * sizeof(*recs));
	struct ft_thread *t;
	__u64 sum, rest;

	if (!recs)
		abort();
	sc->recs = recs;
	memset(&recs[sc->cnt], 0, sizeof(*recs));
	t = &recs[sc->cnt].t;
	t->start_ns = SC_START;
	t->since_ns = SC_START + sc->ms * MS;
	t->tid = 4312 + (__u32)sc->cnt;
	t->ns_tid = 1 + (__u32)sc->cnt;
	t->flags = s.flags | (sc->cnt ? 0 : FT_TF_LEADER) | FT_TF_PYTHON;
	snprintf(recs[sc->cnt].name, FT_COMM_LEN, "%s", s.name);
	t->state_ns[FT_ST_ON] = s.on * MS;
	t->state_ns[FT_ST_GIL_WAIT] = s.gil_wait * MS;
	t->state_ns[FT_ST_GIL_SWITCH] = s.gil_switch * MS;
	t->state_ns[FT_ST_LOCK_WAIT] = s.lock_wait * MS;
	t->state_ns[FT_ST_SYNC_WAIT] = s.sync_wait * MS;
	t->state_ns[FT_ST_STW] = s.stw * MS;
	t->state_ns[FT_ST_RUNQ] = s.runq * MS;
	t->state_ns[FT_ST_FAULT] = s.fault * MS;
	t->state_ns[FT_ST_STOPPED] = s.stopped * MS;
	sum = s.on + s.gil_wait + s.gil_switch + s.lock_wait + s.sync_wait + s.stw + s.runq +
	      s.fault + s.stopped;
	rest = sc->ms > sum ? sc->ms - sum : 0;
	t->state_ns[s.rest ? s.rest : FT_ST_BLOCKED] += rest * MS;
	if (!s.rest && s.syscall)
		sc->totals.syscall_ns[s.syscall] += rest * MS;
	if (!(s.ticks_gil | s.ticks_free | s.ticks_spin)) {
		if (sc->info.gil == FT_GIL_OFF)
			s.ticks_free = s.on;
		else
			s.ticks_gil = s.on;
	}
	t->tick_cnt[FT_ON_GIL] = s.ticks_gil;
	t->tick_cnt[FT_ON_FREE] = s.ticks_free;
	t->tick_cnt[FT_ON_SPIN] = s.ticks_spin;
	t->gil_wait_runq_ns = s.gil_runq * MS;
	t->held_off_ns = s.held_off * MS;
	t->gil_wait_cnt = s.gil_wait / 15;
	t->gil_wait_lo = t->gil_wait_cnt;
	t->gil_wait_hi = t->gil_wait_cnt;
	if (t->gil_wait_cnt) {
		t->gil_wait_max_ns = 31 * MS;
		sc->totals.wait_hist[FT_OR_FORCED][ft_hist_index(15 * MS)] += t->gil_wait_cnt;
	}
	t->switch_cnt = 100;
	sc->cnt++;
}

/* Time (ms) with exactly k threads on cores. */
static inline void sc_levels(struct scenario *sc, __u32 l0, __u32 l1, __u32 l2, __u32 l3, __u32 l4)
{
	__u32 l[5] = {l0, l1, l2, l3, l4}, i;

	for (i = 0; i < 5; i++)
		sc->totals.level_ns[i] = l[i] * MS;
}

static inline int sc_model(struct scenario *sc, struct ft_model *m)
{
	const struct ft_model_src src = {
		.info = &sc->info,
		.totals = &sc->totals,
		.recs = sc->recs,
		.cnt = sc->cnt,
		.damage = sc->damage,
		.findings = &sc->findings,
		.stacks = sc->stacks,
		.others_ns = sc->others_ns,
	};

	return ft_model_from(&src, m);
}

static inline void sc_free(struct scenario *sc)
{
	free(sc->recs);
	free(sc);
}

/* A GIL web service: two busy handlers, an I/O pool, a native thread, the main thread in epoll. */
static inline struct scenario *sc_web(void)
{
	struct scenario *sc = sc_new(10000, 4, FT_GIL_ON);
	char name[32];
	int i;

	strcpy(sc->info.name, "web");
	sc->info.cpu_cnt = 64;
	sc_add(sc, (struct sc_thread){.name = "web", .on = 900, .gil_wait = 1400, .syscall = 232});
	for (i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "Thread-%d (crunch)", 8 + i);
		sc_add(sc, (struct sc_thread){.name = name,
					      .on = 2600,
					      .gil_wait = 6900,
					      .gil_switch = 150,
					      .runq = 90,
					      .ticks_gil = 2300,
					      .ticks_free = 300,
					      .held_off = 60,
					      .syscall = 45});
	}
	for (i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "AnyIO worker thread");
		sc_add(sc, (struct sc_thread){.name = name,
					      .on = 90,
					      .gil_wait = 400,
					      .sync_wait = 9300,
					      .runq = 4,
					      .syscall = 45});
	}
	sc_add(sc, (struct sc_thread){.name = "grpc_poller",
				      .on = 300,
				      .ticks_free = 300,
				      .syscall = 232,
				      .runq = 5});
	sc->recs[sc->cnt - 1].t.flags = 0;
	sc_levels(sc, 700, 8600, 600, 100, 0);
	sc->totals.sums.lost_parallel_ns = 21000 * MS;
	sc->totals.wait_hist[FT_OR_BLOCKING][ft_hist_index(4900000)] = 900;
	sc->totals.wait_hist[FT_OR_BLOCKING][ft_hist_index(31 * MS)] = 20;
	sc->recs[1].t.gil_wait_lo -= 13;
	sc->recs[1].t.gil_wait_hi += 20;
	sc->totals.handoffs = 1987;
	sc->totals.ftprof_cpu_ns = 22 * MS;
	sc->totals.bpf_ns = 18 * MS;
	sc->totals.rss_bytes = 14 << 20;
	return sc;
}

#endif
