// SPDX-License-Identifier: BSD-2-Clause
/* What a session puts on disk besides its events. */
#include "capture/finish.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include <bpf/libbpf.h>

#include "base/log.h"
#include "os/procfs.h"

#define NAMES_MAX 512 /* names that are read for one look in between: some 3 ms */

void ft_finish_describe(struct ft_session_info *info, const struct ft_capture_opts *o,
			const struct ft_cores *cores)
{
	struct timespec wall, mono;
	struct utsname u;

	snprintf(info->ftprof_version, sizeof(info->ftprof_version), "%s", FTPROF_VERSION);
	if (!uname(&u)) {
		snprintf(info->host, sizeof(info->host), "%.63s", u.nodename);
		snprintf(info->kernel, sizeof(info->kernel), "%.64s", u.release);
	}
	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	info->start_wall_ns = (__u64)wall.tv_sec * 1000000000ull + wall.tv_nsec -
			      ((__u64)mono.tv_sec * 1000000000ull + mono.tv_nsec - info->start_ns);
	info->cpu_cnt = libbpf_num_possible_cpus();
	memcpy(info->cpus, cores->cpus, sizeof(info->cpus));
	info->cpus_cnt = cores->cnt;
	info->quota = cores->quota;
	info->tick_hz = o->tick_hz;
	info->has_events = o->with_events;
	info->stack_hz = o->stack_hz;
	info->native_frames = o->stack_hz && o->native;
	info->kernel_frames = o->stack_hz && o->kernel;
}

/* Totals that the BPF side keeps. `sums` is scratch of the caller: it is large. */
static int fill_totals(struct ft_probe *p, struct ft_probe_sums *sums, struct ft_totals *t)
{
	struct ft_target tg;
	__u32 i;
	int err = ft_probe_sums(p, sums);

	if (err)
		return err;
	t->sums = sums->sums;
	memcpy(t->level_ns, sums->level_ns, sizeof(t->level_ns));
	memcpy(t->syscall_ns, sums->syscall_ns, sizeof(t->syscall_ns));
	memcpy(t->wait_hist, sums->hist, sizeof(t->wait_hist));
	memcpy(t->hold_hist, sums->hist[FT_OR_CNT], sizeof(t->hold_hist));
	err = ft_probe_get_target(p, 0, &tg);
	if (err)
		return err;
	for (i = 0; i < FT_MAX_GILS; i++)
		t->handoffs += tg.switch_number[i] - tg.switch_number0[i];
	return 0;
}

/*
 * A thread's name may be set after its slot was made: ask /proc for those that still live, at most
 * `max` of them, in turn.
 */
static void name_threads(struct ft_finish *f, struct ft_thread_rec *recs, size_t cnt, size_t max)
{
	const struct ft_proc *target = f->target;
	size_t i, k;

	for (i = 0; i < cnt; i++)
		if (ft_proc_is_python_tid(target, recs[i].t.ns_tid))
			recs[i].t.flags |= FT_TF_PYTHON;
	for (i = 0; i < cnt && max; i++) {
		struct ft_thread *t;
		char name[FT_COMM_LEN + 1];

		k = (f->named + i) % cnt;
		t = &recs[k].t;
		if (t->flags & FT_TF_EXITED)
			continue;
		max--;
		if (ft_proc_comm(FT_PROC, target->pid, target->own_pid_ns ? t->tid : t->ns_tid,
				 name, sizeof(name)))
			continue;
		memset(recs[k].name, 0, sizeof(recs[k].name));
		memcpy(recs[k].name, name, strlen(name));
		ft_collector_rename(f->collector, (__u32)k, name);
	}
	f->named = cnt ? (f->named + i) % cnt : 0;
}

static __u32 python_children(int pid)
{
	struct ft_runtime *rt = malloc(sizeof(*rt));
	int *pids = NULL;
	size_t cnt = 0, i;
	__u32 n = 0;
	char why[256];

	if (rt && !ft_proc_children(FT_PROC, pid, &pids, &cnt))
		for (i = 0; i < cnt; i++)
			n += !ft_runtime_find(pids[i], rt, why, sizeof(why));
	free(pids);
	free(rt);
	return n;
}

static void add_limit(struct ft_session_info *info, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void add_limit(struct ft_session_info *info, const char *fmt, ...)
{
	size_t len = strlen(info->limits);
	va_list ap;

	if (len && len < sizeof(info->limits) - 1)
		info->limits[len++] = '\n';
	va_start(ap, fmt);
	vsnprintf(info->limits + len, sizeof(info->limits) - len, fmt, ap);
	va_end(ap);
}

static void describe_limits(struct ft_finish *f)
{
	struct ft_session_info *info = f->info;
	char line[512];

	info->limits[0] = 0;
	if (f->target->rt->no_offsets)
		add_limit(info,
			  "Python %s publishes no offsets: locks, stop-the-world and "
			  "sub-interpreters are not told apart, and on-core time is split by the "
			  "probes alone",
			  f->target->rt->version);
	if (f->cores->quota_unknown)
		add_limit(info, "the CPU quota of its cgroup cannot be read from here");
	if (f->exact->mode == FT_EXACT_WINDOWS && !f->exact->windows)
		add_limit(info,
			  "no window of the GIL probes fitted their budget: measure for longer, "
			  "or raise --max-overhead");
	if (f->freethread) {
		ft_freethread_limits(f->freethread, line, sizeof(line));
		if (line[0])
			add_limit(info, "%s", line);
	}
	if (f->gcprobe && ft_gcprobe_limit(f->gcprobe))
		add_limit(info, "%s", ft_gcprobe_limit(f->gcprobe));
	if (!f->opts->tick_hz)
		add_limit(info,
			  f->opts->stack_hz
				  ? "without ticks on-core time is not split, and has no stacks"
				  : "without ticks on-core time is not split");
}

static void fill_cost(struct ft_finish *f, struct ft_totals *t, __u64 now, bool end)
{
	struct ft_cost look = *f->cost;
	struct ft_cost_sum c;
	__u64 throttled = 0;

	/* a window of the statistics that is open stays open */
	look.fd = -1;
	ft_cost_end(end ? f->cost : &look, now, &c);
	t->ftprof_cpu_ns = c.cpu_ns;
	t->bpf_ns = c.bpf_ns;
	t->rss_bytes = c.rss_bytes;
	t->recursion_misses = c.misses;
	t->events_malformed = ft_collector_malformed(f->collector);
	t->probes_in_target = f->exact->windows ? ft_exact_site_cnt(f->exact) : 0;
	if (f->freethread)
		t->probes_in_target += ft_freethread_site_cnt(f->freethread);
	if (f->gcprobe)
		t->probes_in_target += ft_gcprobe_site_cnt(f->gcprobe);
	t->exact_window_ns = f->exact->window_ns;
	if (!ft_cgroup_throttled(f->cores, &throttled) && throttled > f->throttled0_ns)
		t->throttled_ns = throttled - f->throttled0_ns;
}

static void add_sites(struct ft_session_info *info, const char *lines)
{
	size_t len = strlen(info->sites);

	snprintf(info->sites + len, sizeof(info->sites) - len, "%s%s", len ? "\n" : "", lines);
}

/* Probes and engine, for the head of the report. */
static void describe_engine(struct ft_finish *f)
{
	char lines[sizeof(f->info->sites)];

	f->info->sites[0] = 0;
	f->info->engine = f->exact->mode == FT_EXACT_FULL      ? FT_ENGINE_UPROBE
			  : f->exact->mode == FT_EXACT_WINDOWS ? FT_ENGINE_MIXED
							       : FT_ENGINE_PASSIVE;
	if (f->exact->mode != FT_EXACT_OFF)
		ft_exact_describe(f->exact, f->info->sites, sizeof(f->info->sites));
	if (f->freethread && ft_freethread_site_cnt(f->freethread)) {
		ft_freethread_describe(f->freethread, lines, sizeof(lines));
		add_sites(f->info, lines);
	}
	if (f->gcprobe && ft_gcprobe_site_cnt(f->gcprobe))
		add_sites(f->info, ft_gcprobe_describe(f->gcprobe));
}

/* The last value of the main GIL's hand-over count, if the target still lives. */
static void last_handoffs(struct ft_finish *f)
{
	struct ft_pystate st = {0};
	struct ft_target tg;

	if (!f->target->known || ft_runtime_state(f->target->pid, f->target->rt, &st))
		goto out;
	if (!ft_probe_get_target(f->probe, 0, &tg) && tg.gil_cnt && tg.gil[0] == st.main.addr) {
		tg.switch_number[0] = st.main.switch_number;
		ft_probe_set_target(f->probe, 0, &tg);
	}
out:
	ft_pystate_free(&st);
}

/* The threads, and the weights of their stacks. `open`: threads as they were before they were
 * closed.
 */
static int collect_threads(struct ft_finish *f, __u64 now, bool end, struct ft_snap *s)
{
	struct ft_thread_rec *open = NULL;
	size_t open_cnt = 0;
	int err = 0;

	if (end)
		err = ft_collector_threads(f->collector, 0, &open, &open_cnt, NULL);
	err = err ?: ft_collector_threads(f->collector, now, &s->recs, &s->cnt, s->totals);
	/* a thread whose every record was lost may be found between the two */
	if (open_cnt > s->cnt)
		open_cnt = s->cnt;
	if (!err && f->stacker && f->weights)
		err = ft_stacker_weights(f->stacker, end);
	if (!err && f->stacker && end)
		err = ft_sleepers_close(f->sleepers, open, s->recs, open_cnt, now);
	free(open);
	return err;
}

/* All that there is but frames and nodes, which are never too many. */
static int collect(struct ft_finish *f, __u64 now, bool end, struct ft_snap *s)
{
	struct ft_probe_sums *sums = calloc(1, sizeof(*sums));
	struct ft_totals *t = calloc(1, sizeof(*t));
	size_t i;
	int err = -ENOMEM;

	s->totals = t;
	if (!sums || !t)
		goto out;
	t->end_ns = now;
	err = fill_totals(f->probe, sums, t);
	err = err ?: collect_threads(f, now, end, s);
	if (err)
		goto out;
	name_threads(f, s->recs, s->cnt, end ? s->cnt : f->opts->watch ? NAMES_MAX : 0);
	for (i = 0; i < s->cnt; i++) {
		t->exact_take_cnt += s->recs[i].t.exact_take_cnt;
		t->exact_wait_cnt += s->recs[i].t.exact_wait_cnt;
		t->target_cpu_ns += s->recs[i].t.state_ns[FT_ST_ON];
	}
	if (end)
		f->info->children = python_children(f->target->pid);
	describe_engine(f);
	describe_limits(f);
	fill_cost(f, t, now, end);
	if (f->stacker) {
		ft_stacker_totals(f->stacker, t);
		ft_stacker_cuts(f->stacker, f->info->cut, sizeof(f->info->cut));
	}
	s->info = f->info;
	s->findings = ft_gather_view(f->gather, f->freethread, f->gcprobe, now);
	if (!s->findings)
		err = -ENOMEM;
	snprintf(f->info->gil_enabled_by, sizeof(f->info->gil_enabled_by), "%s",
		 ft_gather_culprit(f->gather));
out:
	free(sums);
	return err;
}

int ft_finish_snapshot(struct ft_finish *f, __u64 now, struct ft_snap *s)
{
	int err = 0;

	memset(s, 0, sizeof(*s));
	if (f->totals)
		err = collect(f, now, false, s);
	if (!err && f->stacker)
		ft_stacker_view(f->stacker, &s->stacks);
	if (err)
		ft_snap_free(s);
	return err ? ft_err(err, "cannot read the totals: %s", strerror(-err)) : 0;
}

/* A write that fails is told by ft_writer_finish(): the session goes on. */
static void put(const struct ft_finish *f, struct ft_writer *w, struct ft_snap *s)
{
	ft_writer_flush(w);
	if (!f->weights)
		s->stacks.weight = NULL;
	if (f->stacker)
		ft_writer_stacks(w, &s->stacks);
	if (!s->totals)
		return;
	ft_writer_findings(w, s->findings);
	ft_writer_info(w, s->info);
	ft_writer_threads(w, s->recs, s->cnt);
	ft_writer_totals(w, s->totals);
}

int ft_finish_save(struct ft_finish *f, struct ft_writer *w, __u64 now)
{
	struct ft_snap s;
	int err = ft_finish_snapshot(f, now, &s);

	if (err)
		return err;
	put(f, w, &s);
	f->saved = s.cnt;
	ft_snap_free(&s);
	return 0;
}

/* Stops counting and takes out what was planted. *end: when. */
static int stop(struct ft_finish *f, __u64 *end)
{
	int err = ft_probe_stop(f->probe, end);

	if (err)
		return err;
	/* at once: what is read of the process counts up to now */
	ft_proc_poll(f->target, f->probe);
	ft_proc_info(f->target, f->info);
	ft_gather_poll(f->gather, *end, f->info->gil);
	last_handoffs(f); /* now that the programs write no more */
	ft_exact_end(f->exact, *end);
	if (f->freethread)
		ft_freethread_end(f->freethread, *end);
	if (f->gcprobe)
		ft_gcprobe_end(f->gcprobe);
	return ft_collector_drain(f->collector);
}

int ft_finish_run(struct ft_finish *f, struct ft_writer *w, struct ft_capture_result *res)
{
	struct ft_snap s = {0};
	__u64 end;
	int err = stop(f, &end);

	if (err)
		return err;
	ft_collector_flush(f->collector);
	err = collect(f, end, true, &s);
	if (err) {
		ft_err(err, "cannot read the totals: %s", strerror(-err));
		goto out;
	}
	if (f->stacker)
		ft_stacker_view(f->stacker, &s.stacks);
	put(f, w, &s);
	res->events = s.totals->sums.cnt[FT_CN_EVENTS];
	res->lost = s.totals->sums.cnt[FT_CN_LOST_RING];
out:
	ft_snap_free(&s);
	return err;
}
