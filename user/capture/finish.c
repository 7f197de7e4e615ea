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

/* The stacks so far; the writer's error is told by finish(). */
static void write_stacks(struct ft_finish *f, struct ft_writer *w, struct ft_totals *t)
{
	struct ft_stacks st;

	if (!f->stacker)
		return;
	ft_stacker_totals(f->stacker, t);
	ft_stacker_cuts(f->stacker, f->info->cut, sizeof(f->info->cut));
	ft_stacker_view(f->stacker, &st);
	if (!f->weights)
		st.weight = NULL;
	ft_writer_stacks(w, &st);
}

/* The findings so far; a write that fails is told by finish(). */
static int write_findings(struct ft_finish *f, struct ft_writer *w, __u64 now)
{
	const struct ft_findings *v = ft_gather_view(f->gather, f->freethread, f->gcprobe, now);

	if (!v)
		return -ENOMEM;
	snprintf(f->info->gil_enabled_by, sizeof(f->info->gil_enabled_by), "%s",
		 ft_gather_culprit(f->gather));
	ft_writer_findings(w, v);
	return 0;
}

int ft_finish_save(struct ft_finish *f, struct ft_writer *w, __u64 now)
{
	struct ft_probe_sums *sums = calloc(1, sizeof(*sums));
	struct ft_totals *t = calloc(1, sizeof(*t));
	struct ft_thread_rec *recs = NULL;
	size_t cnt = 0;
	int err = -ENOMEM;

	f->saved = 0;
	if (!sums || !t)
		goto out;
	t->end_ns = now;
	err = f->totals ? fill_totals(f->probe, sums, t) : 0;
	if (!err && f->totals)
		err = ft_collector_threads(f->collector, now, &recs, &cnt, t->wait_hist);
	if (!err && f->stacker && f->weights)
		err = ft_stacker_weights(f->stacker, false);
	if (err)
		goto out;
	/* a write that fails is told by finish(): the session goes on */
	ft_writer_flush(w);
	write_stacks(f, w, t);
	if (!f->totals)
		goto out;
	err = write_findings(f, w, now);
	if (err)
		goto out;
	ft_writer_info(w, f->info);
	ft_writer_threads(w, recs, cnt);
	ft_writer_totals(w, t);
	f->saved = cnt;
out:
	free(recs);
	free(t);
	free(sums);
	return err ? ft_err(err, "cannot read the totals: %s", strerror(-err)) : 0;
}

/* The open sleeps of threads that are asleep at the end are not in syscall_ns yet. */
static void add_open_sleeps(const struct ft_thread_rec *before, const struct ft_thread_rec *after,
			    size_t cnt, __u64 *syscall_ns)
{
	size_t i;

	for (i = 0; i < cnt; i++) {
		const struct ft_thread *b = &before[i].t, *a = &after[i].t;

		if (b->state == FT_ST_BLOCKED && b->arg < FT_MAX_SYSCALLS)
			syscall_ns[b->arg] +=
				a->state_ns[FT_ST_BLOCKED] - b->state_ns[FT_ST_BLOCKED];
	}
}

/* A thread's name may be set after its slot was made: ask /proc for those that still live. */
static void name_threads(const struct ft_proc *target, struct ft_thread_rec *recs, size_t cnt)
{
	size_t i;

	for (i = 0; i < cnt; i++) {
		struct ft_thread *t = &recs[i].t;
		char name[FT_COMM_LEN + 1];

		if (ft_proc_is_python_tid(target, t->ns_tid))
			t->flags |= FT_TF_PYTHON;
		if (t->flags & FT_TF_EXITED)
			continue;
		if (!ft_proc_comm(FT_PROC, target->pid, target->own_pid_ns ? t->tid : t->ns_tid,
				  name, sizeof(name))) {
			memset(recs[i].name, 0, sizeof(recs[i].name));
			memcpy(recs[i].name, name, strlen(name));
		}
	}
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

static void fill_cost(struct ft_finish *f, struct ft_totals *t, __u64 now)
{
	struct ft_cost_sum c;
	__u64 throttled = 0;

	ft_cost_end(f->cost, now, &c);
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

int ft_finish_run(struct ft_finish *f, struct ft_writer *w, struct ft_capture_result *res)
{
	struct ft_probe_sums *sums = calloc(1, sizeof(*sums));
	struct ft_totals *t = calloc(1, sizeof(*t));
	struct ft_thread_rec *open = NULL, *recs = NULL;
	size_t cnt = 0, open_cnt = 0, i;
	__u64 end;
	int err;

	if (!sums || !t) {
		err = ft_err(-ENOMEM, "out of memory");
		goto out;
	}
	err = ft_probe_stop(f->probe, &end);
	if (err)
		goto out;
	/* at once: what is read of the process counts up to now */
	ft_proc_poll(f->target, f->probe);
	ft_proc_info(f->target, f->info);
	ft_gather_poll(f->gather, end, f->info->gil);
	last_handoffs(f); /* now that the programs write no more */
	ft_exact_end(f->exact, end);
	if (f->freethread)
		ft_freethread_end(f->freethread, end);
	if (f->gcprobe)
		ft_gcprobe_end(f->gcprobe);
	err = ft_collector_drain(f->collector);
	if (err)
		goto out;
	ft_collector_flush(f->collector);
	t->end_ns = end;
	err = fill_totals(f->probe, sums, t);
	err = err ?: ft_collector_threads(f->collector, 0, &open, &open_cnt, NULL);
	err = err ?: ft_collector_threads(f->collector, end, &recs, &cnt, t->wait_hist);
	/* a thread whose every record was lost may be found between the two */
	if (open_cnt > cnt)
		open_cnt = cnt;
	if (!err && f->stacker)
		err = ft_stacker_weights(f->stacker, true)
			      ?: ft_sleepers_close(f->sleepers, open, recs, open_cnt, end);
	if (err) {
		ft_err(err, "cannot read the totals: %s", strerror(-err));
		goto out;
	}
	add_open_sleeps(open, recs, open_cnt, t->syscall_ns);
	name_threads(f->target, recs, cnt);
	for (i = 0; i < cnt; i++) {
		t->exact_take_cnt += recs[i].t.exact_take_cnt;
		t->exact_wait_cnt += recs[i].t.exact_wait_cnt;
		t->target_cpu_ns += recs[i].t.state_ns[FT_ST_ON];
	}
	f->info->children = python_children(f->target->pid);
	describe_engine(f);
	describe_limits(f);
	fill_cost(f, t, end);
	ft_writer_flush(w);
	write_stacks(f, w, t);
	err = write_findings(f, w, end);
	if (err) {
		ft_err(err, "out of memory");
		goto out;
	}
	ft_writer_info(w, f->info);
	ft_writer_threads(w, recs, cnt);
	ft_writer_totals(w, t);
	res->events = t->sums.cnt[FT_CN_EVENTS];
	res->lost = t->sums.cnt[FT_CN_LOST_RING];
out:
	free(open);
	free(recs);
	free(t);
	free(sums);
	return err;
}
