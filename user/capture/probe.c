// SPDX-License-Identifier: BSD-2-Clause
/* The life cycle of the BPF programs. */
#include "capture/probe.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "ftprof.skel.h"

#include "base/log.h"
#include "capture/probe_priv.h"
#include "ftprof_state.h"

#define JITTER_NS 500000000ull /* each core's ticks are moved about so often */
#define JITTER_PASSES 8	       /* some of the cores a time: it interrupts them */

static __u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (__u64)ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static int on_libbpf(enum libbpf_print_level level, const char *fmt, va_list args)
{
	char buf[16384], *line, *rest = buf;

	if (ft_log_get_level() < (level == LIBBPF_DEBUG ? FT_LOG_TRACE : FT_LOG_DEBUG))
		return 0;
	vsnprintf(buf, sizeof(buf), fmt, args);
	/* the verifier's words are many lines; at -v the first of them will do */
	while ((line = strsep(&rest, "\n")) && *line) {
		ft_debug("%s", line);
		if (ft_log_get_level() < FT_LOG_TRACE)
			break;
	}
	return 0;
}

/*
 * From 5.18 on sched_switch passes prev_state (fa2c3254d7cf) and an iterator may read another
 * task's memory; before, other programs do with less. Which kernel it is shows in loading.
 */
struct variant {
	bool prev_state;
	bool seed_reads;
};

static const struct variant variants[] = {{true, true}, {true, false}, {false, false}};

static void choose_programs(struct ft_probe *p, const struct variant *v)
{
	struct ftprof_bpf *s = p->skel;

	bpf_program__set_autoload(s->progs.sched_switch, v->prev_state);
	bpf_program__set_autoload(s->progs.sched_switch_old, !v->prev_state);
	s->rodata->need_wake = !v->prev_state;
	p->seed = v->seed_reads ? s->progs.seed : s->progs.seed_old;
	bpf_program__set_autoload(p->seed, true);
	bpf_program__set_autoload(s->progs.sched_waking, true);
	bpf_program__set_autoload(s->progs.sched_process_fork, true);
	bpf_program__set_autoload(s->progs.sched_process_exec, true);
	bpf_program__set_autoload(s->progs.tick, p->opts.tick_hz > 0);
	bpf_program__set_autoload(s->progs.touch, true);
	bpf_program__set_autoload(s->progs.nothing, true);
	bpf_program__set_autoload(s->progs.probe_take_gil, p->opts.uprobes);
	bpf_program__set_autoload(s->progs.probe_cond_signal, p->opts.uprobes);
	bpf_program__set_autoload(s->progs.probe_drop_gil, p->opts.uprobes);
	bpf_program__set_autoload(s->progs.probe_stop_world, p->opts.free_threaded);
	bpf_program__set_autoload(s->progs.probe_start_world, p->opts.free_threaded);
	bpf_program__set_autoload(s->progs.probe_warn, p->opts.free_threaded);
	bpf_program__set_autoload(s->progs.count_yield, p->opts.free_threaded);
	bpf_program__set_autoload(s->progs.gc_start, p->opts.gc);
	bpf_program__set_autoload(s->progs.gc_done, p->opts.gc);
}

/* What the probes on collections alone need is made for them alone. */
static int size_gc_maps(struct ft_probe *p)
{
	struct ftprof_bpf *s = p->skel;
	int err = 0;

	err = err ?: bpf_map__set_autocreate(s->maps.__bpf_usdt_specs, p->opts.gc);
	err = err ?: bpf_map__set_autocreate(s->maps.__bpf_usdt_ip_to_spec_id, p->opts.gc);
	err = err ?: bpf_map__set_autocreate(s->maps.gc_gens, p->opts.gc);
	err = err ?: bpf_map__set_autocreate(s->maps.collecting, p->opts.gc);
	return err ?: bpf_map__set_max_entries(s->maps.collecting, p->opts.slot_max);
}

static int size_maps(struct ft_probe *p)
{
	struct ftprof_bpf *s = p->skel;
	int err = 0;

	p->ring_cnt = (p->cpu_cnt + 7) / 8;
	if (p->ring_cnt > MAX_RINGS)
		p->ring_cnt = MAX_RINGS;
	err = err ?: bpf_map__set_max_entries(s->maps.slots, p->opts.slot_max);
	err = err ?: bpf_map__set_max_entries(s->maps.free_slots, p->opts.slot_max);
	err = err ?: bpf_map__set_max_entries(s->maps.rings, p->ring_cnt);
	if (err)
		return err;
	s->rodata->ring_cnt = p->ring_cnt;
	s->rodata->cpus_per_ring = (p->cpu_cnt + p->ring_cnt - 1) / p->ring_cnt;
	s->rodata->slot_max = p->opts.slot_max;
	s->rodata->cores = p->opts.cores;
	s->rodata->with_events = p->opts.with_events;
	s->rodata->tick_hz = p->opts.tick_hz;
	s->rodata->stack_hz = p->opts.stack_hz;
	s->rodata->with_native = p->opts.native;
	s->rodata->with_kernel = p->opts.kernel;
	if (p->opts.walks_per_sec)
		s->rodata->walks_per_sec = p->opts.walks_per_sec;
	if (p->opts.free_threaded)
		err = bpf_map__set_max_entries(s->maps.pausing, p->opts.slot_max);
	err = err ?: size_gc_maps(p);
	if (err)
		return err;
	if (p->opts.stack_hz)
		return bpf_map__set_max_entries(s->maps.slot_sites, p->opts.slot_max)
			       ?: bpf_map__set_max_entries(s->maps.sleepers, p->opts.slot_max);
	/* without stacks their tables take no memory */
	err = err ?: bpf_map__set_max_entries(s->maps.stacks_seen, 1);
	err = err ?: bpf_map__set_max_entries(s->maps.codes_seen, 1);
	err = err ?: bpf_map__set_max_entries(s->maps.weights, 1);
	return err ?: bpf_map__set_max_entries(s->maps.tstates, 1);
}

static int on_record(void *ctx, void *data, size_t len)
{
	struct ft_probe *p = ctx;

	return p->cb(p->cb_ctx, data, len);
}

static int make_rings(struct ft_probe *p)
{
	size_t want = p->opts.ring_bytes / p->ring_cnt, sz = getpagesize();
	int i, fd, err;

	while (sz * 2 <= want)
		sz *= 2;
	for (i = 0; i < p->ring_cnt; i++) {
		__u32 key = i;

		fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0, sz, NULL);
		if (fd < 0)
			return ft_err(-errno, "cannot make a ring buffer of %zu bytes: %s", sz,
				      strerror(errno));
		p->ring_fd[i] = fd;
		if (bpf_map__update_elem(p->skel->maps.rings, &key, sizeof(key), &fd, sizeof(fd),
					 BPF_ANY))
			return ft_err(-errno, "cannot store a ring buffer: %s", strerror(errno));
		if (!p->rb) {
			p->rb = ring_buffer__new(fd, on_record, p, NULL);
			err = p->rb ? 0 : -errno;
		} else {
			err = ring_buffer__add(p->rb, fd, on_record, p);
		}
		if (err)
			return ft_err(err, "cannot map a ring buffer: %s", strerror(-err));
	}
	return 0;
}

/* Maps an array map for reading. NULL on error (logged). */
static const void *map_array(struct bpf_map *map, size_t *len)
{
	long page = sysconf(_SC_PAGESIZE);
	void *m;

	*len = (*len + page - 1) / page * page;
	m = mmap(NULL, *len, PROT_READ, MAP_SHARED, bpf_map__fd(map), 0);
	if (m == MAP_FAILED) {
		ft_err(-errno, "cannot map %s: %s", bpf_map__name(map), strerror(errno));
		return NULL;
	}
	return m;
}

static void unmap(const void *m, size_t len)
{
	if (m)
		munmap((void *)m, len);
}

static int map_arrays(struct ft_probe *p)
{
	p->slots_len = (size_t)p->opts.slot_max * sizeof(struct ft_thread);
	p->slots = map_array(p->skel->maps.slots, &p->slots_len);
	if (!p->slots)
		return -ENOMEM;
	p->hists_len = (size_t)(FT_OR_CNT + 1) * FT_HIST_LEN * sizeof(__u64);
	p->hists = map_array(p->skel->maps.hists, &p->hists_len);
	p->locks_len = FT_MAX_LOCKS * sizeof(*p->locks);
	p->locks = map_array(p->skel->maps.locks, &p->locks_len);
	p->pauses_len = FT_MAX_PAUSE_CAUSES * sizeof(*p->pauses);
	p->pauses = map_array(p->skel->maps.pauses, &p->pauses_len);
	p->pause_hist_len = FT_HIST_LEN * sizeof(*p->pause_hist);
	p->pause_hist = map_array(p->skel->maps.pause_hist, &p->pause_hist_len);
	if (p->opts.gc) {
		p->gc_gens_len = FT_GC_GENS * sizeof(*p->gc_gens);
		p->gc_gens = map_array(p->skel->maps.gc_gens, &p->gc_gens_len);
		if (!p->gc_gens)
			return -ENOMEM;
	}
	return p->hists && p->locks && p->pauses && p->pause_hist ? 0 : -ENOMEM;
}

static int set_cpus(struct ft_probe *p)
{
	struct ft_cpu *v = calloc(p->cpu_cnt, sizeof(*v));
	__u32 zero = 0, i;
	int err = 0;

	if (!v)
		return ft_err(-ENOMEM, "out of memory");
	for (i = 0; i < p->opts.cpus_cnt; i++)
		if (p->opts.cpus[i] < p->cpu_cnt)
			v[p->opts.cpus[i]].allowed = 1;
	if (bpf_map__update_elem(p->skel->maps.cpus, &zero, sizeof(zero), v,
				 (size_t)p->cpu_cnt * sizeof(*v), BPF_ANY))
		err = ft_err(-errno, "cannot set the cores: %s", strerror(errno));
	free(v);
	return err;
}

static int explain_load(int err)
{
	if (err == -EPERM || err == -EACCES)
		return ft_err(err,
			      "the kernel refused to load the BPF programs: %s (run as root, or "
			      "with CAP_BPF and CAP_PERFMON; -v shows the kernel's words)",
			      strerror(-err));
	return ft_err(err, "cannot load the BPF programs: %s (-v shows the kernel's words)",
		      strerror(-err));
}

/* Opens, sizes and loads. 0 or -errno (not logged). */
static int load(struct ft_probe *p, const struct variant *v)
{
	int err;

	ftprof_bpf__destroy(p->skel);
	p->skel = ftprof_bpf__open();
	if (!p->skel)
		return -errno;
	choose_programs(p, v);
	err = size_maps(p);
	return err ?: ftprof_bpf__load(p->skel);
}

int ft_probe_open(const struct ft_probe_opts *opts, struct ft_probe **out)
{
	struct ft_probe *p = calloc(1, sizeof(*p));
	int err, i;

	if (!p)
		return ft_err(-ENOMEM, "out of memory");
	for (i = 0; i < MAX_RINGS; i++)
		p->ring_fd[i] = -1;
	p->opts = *opts;
	p->opts.cpus = NULL;
	p->cpus = calloc(opts->cpus_cnt ?: 1, sizeof(*p->cpus));
	if (!p->cpus) {
		err = ft_err(-ENOMEM, "out of memory");
		goto out;
	}
	memcpy(p->cpus, opts->cpus, opts->cpus_cnt * sizeof(*p->cpus));
	p->opts.cpus = p->cpus;
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	libbpf_set_print(on_libbpf);
	p->cpu_cnt = libbpf_num_possible_cpus();
	if (p->cpu_cnt <= 0 || p->cpu_cnt >= FT_MAX_CPUS) { /* ten bits count cores */
		err = ft_err(-ERANGE, "%d possible CPUs: at most %d are supported", p->cpu_cnt,
			     FT_MAX_CPUS - 1);
		goto out;
	}
	err = -EINVAL;
	for (i = 0; i < (int)(sizeof(variants) / sizeof(variants[0])); i++) {
		if (err != -EINVAL && err != -EACCES)
			break;
		err = load(p, &variants[i]);
		if (err)
			ft_debug("set %d of the BPF programs does not load: %s", i, strerror(-err));
	}
	if (err) {
		err = explain_load(err);
		goto out;
	}
	err = make_rings(p) ?: map_arrays(p) ?: set_cpus(p);
	if (err)
		goto out;
	*out = p;
	return 0;
out:
	ft_probe_close(p);
	return err;
}

static int attach_one(struct ft_probe *p, struct bpf_program *prog)
{
	struct bpf_link *link = bpf_program__attach(prog);
	int err;

	if (!link) {
		err = -errno;
		return ft_err(err, "cannot attach %s: %s", bpf_program__name(prog), strerror(-err));
	}
	p->link[p->link_cnt++] = link;
	return 0;
}

/*
 * Ticks by the software clock, so that a machine without a PMU has them. The period is a prime
 * number of microseconds away from the usual ones: a program that works in step with the timer
 * tick or with the switch interval must not be hit at one phase only. Each core starts when it is
 * opened, so the cores are out of step too.
 */
static int attach_ticks(struct ft_probe *p)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
	};
	__u32 i;

	if (!p->opts.tick_hz)
		return 0;
	attr.sample_period = 1000000000ull / p->opts.tick_hz | 1;
	p->tick_fd = malloc(p->opts.cpus_cnt * sizeof(*p->tick_fd));
	p->tick_link = calloc(p->opts.cpus_cnt, sizeof(*p->tick_link));
	if (!p->tick_fd || !p->tick_link)
		return ft_err(-ENOMEM, "out of memory");
	for (i = 0; i < p->opts.cpus_cnt; i++) {
		int fd = syscall(SYS_perf_event_open, &attr, -1, p->cpus[i], -1,
				 PERF_FLAG_FD_CLOEXEC);

		if (fd < 0) {
			if (errno == ENODEV) /* an offline CPU */
				continue;
			return ft_err(-errno, "cannot open a timer on core %u: %s", p->cpus[i],
				      strerror(errno));
		}
		p->tick_fd[p->tick_cnt] = fd;
		/* takes the fd over once it succeeded */
		p->tick_link[p->tick_cnt] = bpf_program__attach_perf_event(p->skel->progs.tick, fd);
		if (!p->tick_link[p->tick_cnt]) {
			int err = -errno;

			close(fd);
			return ft_err(err, "cannot attach to the timer of core %u: %s", p->cpus[i],
				      strerror(-err));
		}
		p->tick_cnt++;
	}
	return 0;
}

int ft_probe_attach(struct ft_probe *p)
{
	struct ftprof_bpf *s = p->skel;
	int err;

	err = attach_one(p, s->progs.sched_process_fork);
	err = err ?: attach_one(p, s->progs.sched_process_exec);
	err = err ?: attach_one(p, s->progs.sched_waking);
	err = err
		      ?: attach_one(p, s->rodata->need_wake ? s->progs.sched_switch_old
							    : s->progs.sched_switch);
	err = err ?: attach_ticks(p);
	return err;
}

int ft_probe_member(struct ft_probe *p, int pidfd, __u32 idx)
{
	struct ft_task v = {.target1 = idx + 1};

	if (bpf_map__update_elem(p->skel->maps.tasks, &pidfd, sizeof(pidfd), &v, sizeof(v),
				 BPF_ANY))
		return -errno;
	return 0;
}

int ft_probe_get_target(struct ft_probe *p, __u32 idx, struct ft_target *t)
{
	if (bpf_map__lookup_elem(p->skel->maps.targets, &idx, sizeof(idx), t, sizeof(*t), 0))
		return -errno;
	return 0;
}

int ft_probe_set_target(struct ft_probe *p, __u32 idx, const struct ft_target *t)
{
	struct ft_target v = *t;
	int i;

	/* an array element is copied without a lock: publish `runtime` only when the rest stands */
	for (i = 0; i < 2; i++) {
		v.runtime = i ? t->runtime : 0;
		if (bpf_map__update_elem(p->skel->maps.targets, &idx, sizeof(idx), &v, sizeof(v),
					 BPF_ANY))
			return -errno;
	}
	return 0;
}

/* One walk of the iterator over all tasks. */
static int run_iter(struct bpf_program *prog)
{
	struct bpf_link *link = bpf_program__attach_iter(prog, NULL);
	char buf[256];
	int fd, err = 0;
	ssize_t n;

	if (!link)
		return ft_err(-errno, "cannot attach the task iterator: %s", strerror(errno));
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0) {
		err = ft_err(-errno, "cannot run the task iterator: %s", strerror(errno));
		goto out;
	}
	do {
		n = read(fd, buf, sizeof(buf));
	} while (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)));
	if (n < 0)
		err = ft_err(-errno, "the task iterator failed: %s", strerror(errno));
	close(fd);
out:
	bpf_link__destroy(link);
	return err;
}

int ft_probe_start(struct ft_probe *p, __u64 *start_ns)
{
	struct ft_conc c = {};
	__u32 zero = 0;
	int err;

	err = run_iter(p->seed); /* learns the leader's tgid */
	err = err ?: ft_probe_reserve_weights(p);
	if (err)
		return err;
	*start_ns = now_ns();
	c.word = (*start_ns >> FT_CW_UNIT_SHIFT) << FT_CW_TIME_SHIFT;
	if (bpf_map__update_elem(p->skel->maps.conc, &zero, sizeof(zero), &c, sizeof(c), BPF_ANY))
		return ft_err(-errno, "cannot start: %s", strerror(errno));
	p->skel->bss->start_ns = *start_ns;
	__atomic_store_n(&p->skel->bss->active, 1, __ATOMIC_SEQ_CST);
	return run_iter(p->seed);
}

int ft_probe_reseed(struct ft_probe *p)
{
	int err;

	p->skel->bss->seed_tgid = 0;
	p->skel->bss->start_ns = now_ns(); /* nothing is known of their time before */
	err = run_iter(p->seed);
	return err ?: run_iter(p->seed);
}

int ft_probe_stop(struct ft_probe *p, __u64 *end_ns)
{
	struct timespec ms = {.tv_nsec = 1000000};
	int err = ft_probe_touch(p);

	__atomic_store_n(&p->skel->bss->active, 0, __ATOMIC_SEQ_CST);
	*end_ns = now_ns();
	nanosleep(&ms, NULL); /* programs that run at this moment end before anything is read */
	return err;
}

int ft_probe_touch(struct ft_probe *p)
{
	LIBBPF_OPTS(bpf_test_run_opts, o);

	if (bpf_prog_test_run_opts(bpf_program__fd(p->skel->progs.touch), &o))
		return ft_err(-errno, "cannot run a BPF program: %s", strerror(errno));
	return 0;
}

int ft_probe_drain(struct ft_probe *p, int (*cb)(void *ctx, void *data, size_t len), void *ctx)
{
	p->cb = cb;
	p->cb_ctx = ctx;
	return ring_buffer__consume(p->rb);
}

const struct ft_thread *ft_probe_slots(const struct ft_probe *p, __u32 *max)
{
	*max = p->opts.slot_max;
	return p->slots;
}

const struct ft_lock *ft_probe_locks(const struct ft_probe *p)
{
	return p->locks;
}

const struct ft_pause *ft_probe_pauses(const struct ft_probe *p)
{
	return p->pauses;
}

const __u64 *ft_probe_pause_hist(const struct ft_probe *p)
{
	return p->pause_hist;
}

const struct ft_gc_gen *ft_probe_gc_gens(const struct ft_probe *p)
{
	return p->gc_gens;
}

__u32 ft_probe_slots_used(const struct ft_probe *p)
{
	__u32 n = __atomic_load_n(&p->skel->bss->slot_next, __ATOMIC_RELAXED);

	return n < p->opts.slot_max ? n : p->opts.slot_max;
}

int ft_probe_free_slot(struct ft_probe *p, __u32 slot)
{
	if (bpf_map__update_elem(p->skel->maps.free_slots, NULL, 0, &slot, sizeof(slot), BPF_ANY))
		return -errno;
	return 0;
}

void ft_probe_jitter(struct ft_probe *p, __u64 now)
{
	__u64 period = 1000000000ull / (p->opts.tick_hz ?: 1) | 1;
	int i, n = (p->tick_cnt + JITTER_PASSES - 1) / JITTER_PASSES;

	if (now - p->jitter_ns < JITTER_NS / JITTER_PASSES)
		return;
	p->jitter_ns = now;
	for (i = 0; i < n; i++) {
		p->jitter_next = (p->jitter_next + 1) % p->tick_cnt;
		/* without it the ticks keep their phase: no reason to give up */
		ioctl(p->tick_fd[p->jitter_next], PERF_EVENT_IOC_PERIOD, &period);
	}
}

double ft_probe_stats_price(struct ft_probe *p)
{
	struct bpf_prog_info a = {}, b = {};
	__u32 alen = sizeof(a), blen = sizeof(b);
	int fd = bpf_program__fd(p->skel->progs.nothing), i;
	LIBBPF_OPTS(bpf_test_run_opts, o);

	if (bpf_obj_get_info_by_fd(fd, &a, &alen))
		return 0;
	for (i = 0; i < 64; i++)
		if (bpf_prog_test_run_opts(fd, &o))
			return 0;
	if (bpf_obj_get_info_by_fd(fd, &b, &blen) || b.run_cnt <= a.run_cnt)
		return 0;
	return (double)(b.run_time_ns - a.run_time_ns) / (b.run_cnt - a.run_cnt);
}

int ft_probe_run_time(struct ft_probe *p, __u64 *ns, __u64 *runs, __u64 *misses)
{
	struct bpf_program *prog;

	*ns = *runs = *misses = 0;
	bpf_object__for_each_program(prog, p->skel->obj)
	{
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);
		int fd = bpf_program__fd(prog);

		if (fd < 0 || prog == p->skel->progs.nothing)
			continue; /* not loaded, or not part of the work */
		if (bpf_obj_get_info_by_fd(fd, &info, &len))
			return -errno;
		*ns += info.run_time_ns;
		*runs += info.run_cnt;
		*misses += info.recursion_misses;
	}
	return 0;
}

void ft_probe_close(struct ft_probe *p)
{
	int i;

	if (!p)
		return;
	/* what stands in the target goes first, then what feeds the rings, then the rings */
	for (i = 0; i < FT_SET_CNT; i++)
		ft_probe_detach_uprobes(p, i);
	ft_probe_detach_gc(p);
	bpf_link__destroy(p->yields);
	for (i = 0; i < p->tick_cnt; i++)
		bpf_link__destroy(p->tick_link[i]);
	for (i = 0; i < p->link_cnt; i++)
		bpf_link__destroy(p->link[i]);
	ring_buffer__free(p->rb);
	for (i = 0; i < MAX_RINGS; i++)
		if (p->ring_fd[i] >= 0)
			close(p->ring_fd[i]);
	unmap(p->slots, p->slots_len);
	unmap(p->hists, p->hists_len);
	unmap(p->locks, p->locks_len);
	unmap(p->pauses, p->pauses_len);
	unmap(p->pause_hist, p->pause_hist_len);
	unmap(p->gc_gens, p->gc_gens_len);
	ftprof_bpf__destroy(p->skel);
	free(p->tick_fd);
	free(p->tick_link);
	free(p->cpus);
	free(p);
}
