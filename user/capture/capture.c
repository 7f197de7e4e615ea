// SPDX-License-Identifier: BSD-2-Clause
/*
 * One live session. The order matters: load, make the process a target, attach, seed, run; at the
 * end stop counting, drain, read the totals, write, and only then take everything down.
 */
#include "capture/capture.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "capture/collector.h"
#include "capture/cost.h"
#include "capture/finish.h"
#include "capture/progress.h"
#include "capture/target.h"
#include "os/cgroup.h"
#include "os/procfs.h"

/* Between two looks at the rings: they hold ten times that at 400,000 switches a second. */
#define PERIOD_MS 50
#define SOON_MS 2	     /* while a started command's interpreter is awaited */
#define POLL_NS 500000000ull /* between two looks at the interpreter's state */
#define TOUCH_NS 10000000000ull
#define SAVE_NS 2000000000ull /* so much at most is lost when ftprof is killed */
#define TAKE_NS 30000000000ull
/* So many threads, some 55 bytes each, are written at that pace; after that ever more rarely. */
#define SAVED_SOON 200000
#define RING_BYTES (16u << 20)
#define MIN_SLOTS 2048

struct session {
	const struct ft_capture_opts *o;
	struct ft_proc target;
	struct ft_cores cores;
	struct ft_probe *probe;
	struct ft_collector *collector;
	struct ft_stacker *stacker; /* NULL: no stacks */
	struct ft_sleepers *sleepers;
	struct ft_gather *gather;
	struct ft_freethread *freethread; /* NULL: a build with a GIL, or not known yet */
	struct ft_gcprobe *gcprobe;	  /* NULL: not asked for, or not known yet */
	struct ft_writer *writer;
	struct ft_exact exact;
	struct ft_cost cost;
	struct ft_progress progress;
	struct ft_session_info *info;
	__u64 throttled0_ns;
	__u64 next_poll, next_touch, next_save, next_weights, next_take;
	__u64 next_totals, next_watch;
	__u64 saved; /* threads in all saves so far */
	size_t named;
	int signal;
	int signal_fd;
	sigset_t old_mask;
	bool masked;
	bool exec_seen;
	bool interrupted; /* by a signal, whatever ended the session then */
	int follow_pid;	  /* a child to look at while the command itself is no Python */
	enum ft_end end;
	int status;
};

static __u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (__u64)ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void on_exec(void *ctx, __u32 pid, __u64 ts)
{
	struct session *s = ctx;

	(void)pid;
	(void)ts;
	/* a child of the Python that was is none that a launcher made in its place */
	if (s->target.known)
		s->follow_pid = 0;
	if (s->target.launched)
		ft_proc_replaced(&s->target);
	else
		s->exec_seen = true;
}

static void on_fork(void *ctx, __u32 pid, __u64 ts)
{
	struct session *s = ctx;

	(void)ts;
	s->follow_pid = pid;
}

static void on_gil(void *ctx, const struct ft_ev_gil *ev)
{
	struct session *s = ctx;

	ft_gather_gil(s->gather, ev);
}

static int on_event(void *ctx, const struct ft_event *ev)
{
	const struct ft_watch *w = ((struct session *)ctx)->o->watch;

	return w->event(w->ctx, ev);
}

static int take_signals(struct session *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, &s->old_mask))
		return ft_err(-errno, "cannot block signals: %s", strerror(errno));
	s->masked = true;
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signal_fd < 0)
		return ft_err(-errno, "cannot read signals: %s", strerror(errno));
	return 0;
}

static __u32 slots_for(int pid)
{
	struct ft_proc_status st;
	__u32 n = MIN_SLOTS;

	if (!ft_proc_status(FT_PROC, pid, &st) && st.threads > 0)
		while (n < (__u32)st.threads * 2 && n * 2 <= FT_MAX_SLOTS)
			n *= 2;
	return n;
}

/* Why the passive engine cannot tell what this interpreter's sleeps are for; NULL: it can. */
static const char *passive_limit(const struct ft_runtime *rt)
{
	if (rt->limit[0])
		return rt->limit; /* musl, a static libc */
	return rt->no_offsets ? "it publishes no offsets (3.13 and later do)" : NULL;
}

/* The engine: what this interpreter allows, against what was asked for. */
static int choose_engine(struct session *s, enum ft_exact_mode *mode)
{
	const struct ft_runtime *rt = s->target.rt;
	const char *limit = s->target.known ? passive_limit(rt) : NULL;

	*mode = s->o->exact;
	if (!limit)
		return 0;
	if (*mode == FT_EXACT_OFF)
		return ft_err(-EOPNOTSUPP,
			      "the passive engine cannot see the GIL of process %d, Python %s: %s. "
			      "Probes in the process may: run again with --exact=full",
			      s->target.pid, rt->version, limit);
	*mode = FT_EXACT_FULL;
	return 0;
}

/* Finds the places of the GIL probes. */
static int setup_exact(struct session *s, enum ft_exact_mode mode)
{
	const struct ft_runtime *rt = s->target.rt;
	const char *limit = passive_limit(rt);
	char why[256];
	int err;

	if (mode == FT_EXACT_OFF || !s->target.known || s->exact.sites)
		return 0;
	err = ft_exact_init(&s->exact, s->probe, s->target.pid, rt, limit ? FT_EXACT_FULL : mode,
			    s->o->max_overhead, why, sizeof(why));
	if (!err)
		return 0;
	if (limit)
		return ft_err(err,
			      "no engine works for process %d, Python %s. Passive: %s. Probes: %s",
			      s->target.pid, rt->version, limit, why);
	return ft_err(err, "no GIL probes for process %d: %s; leave --exact away", s->target.pid,
		      why);
}

/* As probes in general: by themselves in free-threaded builds only. */
static bool want_gcprobe(const struct ft_capture_opts *o, bool free_threaded)
{
	return !o->no_probes && (free_threaded || o->exact != FT_EXACT_OFF);
}

static int setup_probes(struct session *s, enum ft_exact_mode mode)
{
	struct ft_probe_opts po = {
		.slot_max = slots_for(s->target.pid),
		.cores = s->cores.cnt,
		.cpus = s->cores.cpus,
		.cpus_cnt = s->cores.cnt,
		.with_events = s->o->with_events,
		.uprobes = mode != FT_EXACT_OFF,
		.gc = want_gcprobe(s->o, !s->target.known || s->target.rt->free_threaded),
		/* of a started command nothing is known yet */
		.free_threaded = !s->target.known || s->target.rt->free_threaded,
		.tick_hz = s->o->tick_hz,
		.stack_hz = s->o->stack_hz,
		.native = s->o->native,
		.kernel = s->o->kernel,
		.ring_bytes = RING_BYTES,
	};

	if (s->cores.quota > 0 && s->cores.quota < po.cores)
		po.cores = (__u32)(s->cores.quota + 0.999);
	return ft_probe_open(&po, &s->probe);
}

static int setup_gcprobe(struct session *s)
{
	const struct ft_runtime *rt = s->target.rt;
	double budget = s->o->exact == FT_EXACT_FULL ? INFINITY : s->o->max_overhead;

	if (s->gcprobe)
		ft_gcprobe_end(s->gcprobe);
	ft_gcprobe_free(s->gcprobe);
	s->gcprobe = NULL;
	if (!want_gcprobe(s->o, rt->free_threaded))
		return 0;
	return ft_gcprobe_new(s->probe, s->target.pid, rt, budget, &s->gcprobe);
}

/* Whose stacks and findings they are, and what its build needs; again when it was replaced. */
static int setup_known(struct session *s)
{
	struct ft_runtime *rt = s->target.rt;

	if (s->stacker)
		ft_stacker_target(s->stacker, s->target.pid, rt);
	ft_gather_target(s->gather, s->target.pid, rt);
	if (s->freethread) /* the program before is gone, and its probes with it */
		ft_freethread_end(s->freethread, now_ns());
	ft_freethread_free(s->freethread);
	s->freethread = NULL;
	if (setup_gcprobe(s) ||
	    (rt->free_threaded &&
	     ft_freethread_new(s->probe, s->target.pid, rt,
			       s->o->no_probes ? 0 : s->o->max_overhead, &s->freethread)))
		return ft_err(-ENOMEM, "out of memory");
	return 0;
}

static int explain_output(const char *path, int err)
{
	switch (err) {
	case -EEXIST:
		return ft_err(err, "%s exists: choose another name or add --force", path);
	case -ELOOP:
		return ft_err(err, "%s is a symbolic link: name the file itself", path);
	case -EISDIR:
		return ft_err(err, "%s is a directory: name a file in it", path);
	default:
		return ft_err(err, "cannot create %s: %s", path, strerror(-err));
	}
}

static int setup(struct session *s)
{
	struct ft_collector_events ev = {
		.ctx = s, .on_exec = on_exec, .on_fork = on_fork, .on_gil = on_gil};
	const struct ft_watch *watch = s->o->watch;
	enum ft_exact_mode mode;
	int err;

	err = take_signals(s);
	if (err)
		return err;
	err = s->o->pid ? ft_proc_attach(&s->target, s->o->pid)
			: ft_proc_launch(&s->target, s->o->argv);
	if (err)
		return err;
	err = choose_engine(s, &mode);
	if (err)
		return err;
	err = ft_cgroup_cores(s->target.pid, &s->cores);
	if (err)
		return ft_err(err, "cannot learn which cores process %d may use: %s", s->target.pid,
			      strerror(-err));
	err = setup_probes(s, mode);
	err = err ?: setup_exact(s, mode);
	if (err)
		return err;
	if (watch) {
		ev.on_event = on_event;
		ev.keep_ns = watch->keep_ns;
	} else {
		err = ft_writer_open(&s->o->out, &s->writer);
		if (err)
			return explain_output(s->o->out.path, err);
	}
	err = s->o->stack_hz ? ft_stacker_new(s->probe, s->o->native, s->o->kernel, &s->stacker)
			     : 0;
	if (!err && s->stacker && ft_sleepers_new(s->probe, s->stacker, &s->sleepers))
		err = ft_err(-ENOMEM, "out of memory");
	err = err ?: ft_gather_new(s->probe, s->stacker, &s->gather);
	err = err ?: ft_collector_new(s->probe, s->writer, s->stacker, &ev, &s->collector);
	if (!err && s->target.known)
		err = ft_proc_publish(&s->target, s->probe) ?: setup_known(s);
	if (err)
		return err;
	err = ft_probe_member(s->probe, s->target.pidfd, 0);
	if (err)
		return ft_err(err,
			      err == -ESRCH || err == -ENOENT
				      ? "process %d exited while ftprof attached: %s"
				      : "cannot follow process %d: %s",
			      s->target.pid, strerror(-err));
	return ft_probe_attach(s->probe);
}

static int look_at_sleepers(struct session *s, __u64 now, bool begins)
{
	int err;

	if (!s->sleepers || !s->target.known)
		return 0;
	err = ft_sleepers_look(s->sleepers, s->target.pid, s->target.rt, now, begins);
	return err ? ft_err(err, "cannot read the stacks of sleeping threads: %s", strerror(-err))
		   : 0;
}

/* Puts in the probes that stay: before the session begins, or as soon as its Python is known. */
static void plant(struct session *s)
{
	if (s->freethread)
		ft_freethread_plant(s->freethread);
	if (s->gcprobe)
		ft_gcprobe_plant(s->gcprobe);
}

static void planted(struct session *s)
{
	if (s->freethread)
		ft_freethread_begin(s->freethread, s->info->start_ns);
	if (s->gcprobe)
		ft_gcprobe_begin(s->gcprobe, s->info->start_ns);
}

static int begin(struct session *s)
{
	__u64 start;
	int err;

	plant(s);
	err = ft_probe_start(s->probe, &start);
	if (err)
		return err;
	s->info->start_ns = start;
	ft_gather_begin(s->gather, start);
	planted(s);
	ft_finish_describe(s->info, s->o, &s->cores);
	ft_proc_poll(&s->target, s->probe);
	ft_proc_info(&s->target, s->info);
	err = look_at_sleepers(s, start, true);
	if (err)
		return err;
	ft_cgroup_throttled(&s->cores, &s->throttled0_ns);
	ft_cost_begin(&s->cost, s->probe, start, s->o->bpf_stats);
	ft_progress_begin(&s->progress, s->o->progress, start, s->o->duration_ns);
	s->next_poll = start + POLL_NS / 4;
	s->next_touch = start + TOUCH_NS;
	s->next_save = start + SAVE_NS;
	s->next_take = start + TAKE_NS;
	/* a terminal is not left empty for a whole period */
	if (s->o->watch)
		s->next_watch = start + s->o->watch->period_ns / (s->o->watch->fd >= 0 ? 4 : 1);
	err = s->writer ? ft_writer_info(s->writer, s->info) : 0;
	if (err)
		return ft_err(err, "cannot write %s: %s", s->o->out.path, strerror(-err));
	if (s->exact.mode != FT_EXACT_OFF) {
		err = ft_exact_begin(&s->exact, start);
		if (err)
			return err;
	}
	if (s->target.launched)
		return ft_launch_release(&s->target.launch, s->o->argv[0]);
	return 0;
}

/* Looks for the interpreter of a started command, in a child of it if need be. */
static int look(struct session *s, __u64 now)
{
	char why[256];
	int err = ft_proc_look(&s->target, s->probe, now);

	if (err)
		return err;
	/* `uv run`, `sh -c`: the interpreter is a child of what was started */
	if (!s->target.known && s->follow_pid &&
	    !ft_runtime_find(s->follow_pid, s->target.rt, why, sizeof(why)) &&
	    !ft_proc_follow(&s->target, s->probe, s->follow_pid)) {
		s->follow_pid = 0;
		err = ft_proc_look(&s->target, s->probe, now);
		err = err ?: ft_probe_reseed(s->probe);
		if (err)
			return err;
	}
	if (!s->target.known)
		return 0;
	s->next_poll = now;
	err = setup_known(s);
	if (err)
		return err;
	plant(s);
	planted(s);
	if (passive_limit(s->target.rt) && s->o->exact == FT_EXACT_OFF) {
		ft_warn("the GIL of Python %s is not seen: %s; --exact=full sees it",
			s->target.rt->version, passive_limit(s->target.rt));
		return 0;
	}
	if (s->o->exact == FT_EXACT_OFF || s->exact.sites)
		return 0;
	err = setup_exact(s, s->o->exact);
	return err ?: ft_exact_begin(&s->exact, now);
}

static struct ft_finish things(struct session *s)
{
	return (struct ft_finish){
		.opts = s->o,
		.info = s->info,
		.target = &s->target,
		.cores = &s->cores,
		.probe = s->probe,
		.collector = s->collector,
		.stacker = s->stacker,
		.sleepers = s->sleepers,
		.gather = s->gather,
		.freethread = s->freethread,
		.gcprobe = s->gcprobe,
		.exact = &s->exact,
		.cost = &s->cost,
		.throttled0_ns = s->throttled0_ns,
		.named = s->named,
		.weights = true,
		.totals = true,
	};
}

/* What a killed run would leave. */
static int save(struct session *s, __u64 now)
{
	struct ft_finish f = things(s);
	int err;

	/* ever more rarely: all of them are written each time, also threads that are gone */
	f.totals = now >= s->next_totals;
	f.weights = f.totals && now >= s->next_weights;
	if (f.weights)
		s->next_weights = now + (now - s->info->start_ns) / 4;
	err = ft_finish_save(&f, s->writer, now);
	if (err)
		return err;
	s->named = f.named;
	s->saved += f.saved;
	if (f.totals && s->saved >= SAVED_SOON)
		s->next_totals = now + (now - s->info->start_ns) / 8;
	s->next_save = now_ns() + SAVE_NS;
	return 0;
}

/* Who watches is shown how things stand. */
static int show(struct session *s, __u64 now)
{
	const struct ft_watch *w = s->o->watch;
	struct ft_finish f = things(s);
	struct ft_snap snap;
	int err;

	err = ft_finish_snapshot(&f, now, &snap);
	/* after the threads were copied: no event up to `now` may be missing */
	err = err ?: ft_collector_drain(s->collector);
	err = err ?: w->snapshot(w->ctx, &snap);
	ft_snap_free(&snap);
	s->named = f.named;
	s->next_watch = s->next_watch + w->period_ns > now ? s->next_watch + w->period_ns
							   : now + w->period_ns;
	return err;
}

/* What the loop does besides reading: at their own times. */
static int periodic(struct session *s, __u64 now)
{
	__u64 gc_ns = 0;
	int err;

	if (!s->target.known) {
		err = look(s, now);
		if (err)
			return err;
	}
	if (now >= s->next_poll) {
		ft_proc_poll(&s->target, s->probe);
		ft_proc_info(&s->target, s->info);
		if (s->stacker)
			ft_stacker_refresh(s->stacker);
		ft_gather_poll(s->gather, now, s->info->gil);
		err = look_at_sleepers(s, now, false);
		if (err)
			return err;
		s->next_poll = now + POLL_NS;
	}
	if (now >= s->next_touch) {
		err = ft_probe_touch(s->probe);
		if (err)
			return err;
		s->next_touch = now + TOUCH_NS;
	}
	if (s->writer && now >= s->next_save) {
		err = save(s, now);
		if (err)
			return err;
	}
	/* the kernel's table of weights must not fill up between two of those */
	if (s->stacker && now >= s->next_take) {
		/* stacks are told of before they are counted: so that all that are taken are known
		 */
		err = ft_collector_drain(s->collector);
		if (err)
			return err;
		err = ft_stacker_weights(s->stacker, false);
		if (err)
			return ft_err(err, "cannot read the stacks: %s", strerror(-err));
		s->next_take = now + TAKE_NS;
	}
	if (s->gcprobe) {
		ft_gcprobe_step(s->gcprobe, now);
		gc_ns = ft_gcprobe_spent(s->gcprobe);
	}
	ft_exact_step(&s->exact, now, gc_ns);
	if (s->freethread)
		ft_freethread_step(s->freethread, now, gc_ns);
	ft_cost_step(&s->cost, now);
	ft_progress_step(&s->progress, s->collector, s->probe, now);
	return 0;
}

/* True when a signal says that the session is over. */
static bool signalled(struct session *s)
{
	struct signalfd_siginfo si;

	while (read(s->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		s->interrupted = true;
		/*
		 * The terminal sends Ctrl-C to a started command too: let it end by itself, as
		 * it would without us. The second one ends the session.
		 */
		if (si.ssi_signo == SIGINT && s->target.launched && s->end == FT_END_RUNNING) {
			s->end = FT_END_INTERRUPT;
			continue;
		}
		s->end = FT_END_INTERRUPT;
		s->signal = si.ssi_signo;
		return true;
	}
	return false;
}

static int run(struct session *s)
{
	__u64 deadline = s->o->duration_ns ? s->info->start_ns + s->o->duration_ns : 0;
	const struct ft_watch *watch = s->o->watch;
	struct pollfd fds[3] = {
		{.fd = s->signal_fd, .events = POLLIN},
		{.fd = s->target.pidfd, .events = POLLIN},
		{.fd = watch ? watch->fd : -1, .events = POLLIN},
	};

	for (;;) {
		__u64 now = now_ns();
		int ms = s->target.known || !s->target.launched ? PERIOD_MS : SOON_MS, err, n;

		if (deadline && now >= deadline) {
			s->end = FT_END_DURATION;
			return 0;
		}
		if (deadline && deadline - now < (__u64)ms * 1000000)
			ms = (deadline - now) / 1000000 + 1;
		fds[1].fd = s->target.pidfd;
		n = poll(fds, 3, ms);
		if (n < 0 && errno != EINTR)
			return ft_err(-errno, "cannot wait: %s", strerror(errno));
		err = ft_collector_drain(s->collector);
		if (err)
			return err;
		ft_probe_jitter(s->probe, now_ns());
		if (signalled(s))
			return 0;
		if (s->exec_seen) {
			s->end = FT_END_EXEC;
			return 0;
		}
		if (fds[1].revents) {
			s->end = FT_END_EXIT;
			return 0;
		}
		/* nobody is there any more, and poll() would return at once for ever */
		if (fds[2].revents & (POLLHUP | POLLERR | POLLNVAL)) {
			s->end = FT_END_INTERRUPT;
			return 0;
		}
		err = periodic(s, now_ns());
		if (!err && watch && watch->fd >= 0 && (n < 0 || fds[2].revents))
			err = watch->input(watch->ctx);
		if (!err && watch && now_ns() >= s->next_watch)
			err = show(s, now_ns());
		if (err == FT_WATCH_END) {
			s->end = FT_END_INTERRUPT;
			return 0;
		}
		if (err)
			return err;
	}
}

/* A session that was watched: its last state is shown, there is nothing to write. */
static int finish_watch(struct session *s, struct ft_capture_result *res)
{
	int err;

	s->info->end = s->end;
	s->info->end_status = -1;
	err = s->end == FT_END_EXIT || s->end == FT_END_EXEC ? show(s, now_ns()) : 0;
	res->end = s->end;
	res->status = -1;
	res->signal = s->signal;
	return err == FT_WATCH_END ? 0 : err;
}

static int finish(struct session *s, struct ft_capture_result *res)
{
	struct ft_finish f = things(s);
	struct ft_writer *w = s->writer;
	int err;

	s->info->end = s->end;
	s->info->end_status = -1;
	if (s->end == FT_END_EXIT && s->target.launched &&
	    waitpid(s->target.pid, &s->status, WNOHANG) == s->target.pid)
		s->info->end_status = s->status;
	if (s->target.launched && !s->target.known && !s->target.rt->hex)
		return ft_err(-ENOEXEC, "%s: %s", s->o->argv[0], s->target.why);
	err = ft_finish_run(&f, w, res);
	if (err)
		return err;
	s->writer = NULL; /* finish frees it, also on error */
	err = ft_writer_finish(w);
	if (err)
		return ft_err(err, "cannot write %s: %s", s->o->out.path, strerror(-err));
	res->end = s->end;
	res->status = s->info->end_status;
	return 0;
}

int ft_capture_run(const struct ft_capture_opts *opts, struct ft_capture_result *res)
{
	struct session *s = calloc(1, sizeof(*s));
	__u64 t0 = now_ns();
	int err;

	memset(res, 0, sizeof(*res));
	if (!s)
		return ft_err(-ENOMEM, "out of memory");
	s->o = opts;
	s->signal_fd = -1;
	s->status = -1;
	s->target.pidfd = -1;
	s->info = calloc(1, sizeof(*s->info));
	err = s->info ? setup(s) : ft_err(-ENOMEM, "out of memory");
	err = err ?: begin(s);
	if (!err) {
		res->attach_ns = s->info->start_ns - t0;
		ft_debug("attached in %.0f ms", res->attach_ns / 1e6);
		err = run(s);
	}
	ft_progress_end(&s->progress);
	if (!err)
		err = opts->watch ? finish_watch(s, res) : finish(s, res);
	res->interrupted = s->interrupted;
	ft_writer_abort(s->writer);
	ft_collector_free(s->collector);
	ft_sleepers_free(s->sleepers);
	ft_gather_free(s->gather);
	ft_freethread_free(s->freethread);
	ft_gcprobe_free(s->gcprobe);
	ft_stacker_free(s->stacker);
	ft_exact_free(&s->exact);
	ft_probe_close(s->probe);
	ft_proc_free(&s->target);
	if (s->signal_fd >= 0)
		close(s->signal_fd);
	/* a second Ctrl-C that came meanwhile is delivered here, when the file is whole */
	if (s->masked)
		sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
	free(s->info);
	free(s);
	return err;
}
