/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules that turn figures into one answer; docs/verdict.md explains every threshold. */
#include "model/facts.h"
#include "model/scaling.h"
#include "model/syscalls.h"

#define MIN_SECS 0.1   /* a shorter session tells nothing */
#define QUIET 0.01     /* threads at a time: below it nothing ran and nothing waited */
#define LOW_LOAD 0.05  /* below it the shares of the load are noise */
#define FULL 0.85      /* of the cores it may use: the process fills them */
#define GIL_SHARE 0.25 /* of want */
#define GIL_MIN 0.10   /* threads at a time */
#define GIL_BUSY 0.25  /* of the session: the GIL is held, or somebody waits for it */
#define RETURNED_BUSY 0.05
#define RETURNED_SHARE 0.05  /* of want: on a build that was to have no GIL */
#define LOCK_SHARE 0.20	     /* of want */
#define QUEUE_MIN 0.5	     /* threads at a time asleep for one lock, most of what all did */
#define QUEUE_THREADS 2	     /* different ones, */
#define QUEUE_WAITS 10	     /* so often: else it may be a signal, not a lock */
#define LOCK_SHARE_SURE 0.10 /* of want: what must be certain of it */
#define SPLIT_WIDE 0.15	     /* of on-core time: an interval that proves nothing */
#define SHARING 0.15	     /* of on-core time: reference counts that threads share */
#define SHARING_SURE 0.08    /* of on-core time: what must be certain of it */
#define STW_SHARE 0.15	     /* of want */
#define RUNQ_SHARE 0.25	     /* of want */
#define STARVED_MIN 0.25     /* threads waiting for a core at a time: fewer starve nobody */
#define RUNQ_OVER 1.5	     /* threads waiting for a core for each that has one */
#define ONE_SHARE 0.90	     /* of want: one thread does all of it */
#define ONE_MIN 0.50	     /* of the session: and has something to do */
#define SERIAL_USED 0.70     /* of a core */
#define SERIAL_MEAN 1.10     /* threads at once */
#define ONE_CORE 1.05	     /* at most this many cores: no room for parallelism */

static double per_sec(__u64 ns, const struct ft_model *m)
{
	return ft_share(ns, m->duration_ns);
}

static double share(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

/* Sleeps in calls that wait for I/O or time; all of them when the calls are not known. */
static double io_time(const struct ft_model *m, double asleep)
{
	double all = 0, io = 0;
	__u32 nr;

	for (nr = 0; nr < FT_MAX_SYSCALLS; nr++) {
		double ns = (double)m->totals->syscall_ns[nr];

		all += ns;
		if (!ft_syscall_is_idle(nr))
			io += ns;
	}
	return all > 0 ? asleep * (io / all) : asleep;
}

static void thread_facts(const struct ft_model *m, struct ft_facts *f)
{
	__u64 top = 0;
	size_t i;

	f->busy_asleep = f->asleep;
	for (i = 0; i < m->thread_cnt; i++) {
		const struct ft_mthread *t = &m->threads[i];
		double want = per_sec(t->want_ns, m);

		if (!f->top || t->want_ns > top) {
			f->top = t;
			top = t->want_ns;
		}
		if (want >= 0.5)
			f->busy++;
		/* a main thread that sleeps while its threads work says nothing about them */
		if (t->leader && want < QUIET && f->want - want >= LOW_LOAD)
			f->busy_asleep -= per_sec(t->state_ns[FT_R_BLOCKED], m);
	}
	if (f->busy_asleep < 0)
		f->busy_asleep = 0;
	if (f->top) {
		f->top_want = per_sec(f->top->want_ns, m);
		f->top_on = per_sec(f->top->on_ns, m);
		f->top_share = share(f->top_want, f->want);
	}
}

/* What contended locks and sharing took, idle waiting left out. */
static void lock_facts(const struct ft_model *m, struct ft_facts *f)
{
	const struct ft_locks *locks = &m->scaling->locks;
	const struct ft_sharing *sh = &m->scaling->sharing;
	double want;

	f->spin = per_sec(locks->spin_ns, m);
	f->spin_err = per_sec(m->all.on_split_err_ns, m);
	f->sync_lock = per_sec(locks->sync_ns, m);
	f->line = per_sec(locks->line_ns, m);
	if (f->sync_lock > f->sync)
		f->sync_lock = f->sync;
	f->shared = per_sec(sh->hot_ns, m);
	f->shared_share = share(f->shared, f->used);
	f->shared_err = share(per_sec(sh->shared_err_ns, m), f->used);
	/*
	 * Of the time that threads had work and a core for it: where there are more threads than
	 * cores, those that wait for one would hide what those that have one waste on locks.
	 */
	want = f->want - f->runq - f->gil_runq;
	f->stw_share = share(f->stw, want);
	want += f->sync_lock;
	f->lock_all = f->lock + f->spin + f->line + f->sync_lock;
	f->lock_share = share(f->lock_all, want);
	f->lock_share_lo =
		share(f->lock_all - (f->spin < f->spin_err ? f->spin : f->spin_err), want);
	f->lock_share_hi = share(f->lock_all + f->spin_err, want);
}

static void collect(const struct ft_model *m, struct ft_facts *f)
{
	const struct ft_mthread *all = &m->all;
	const __u64 *ns = all->state_ns;

	f->secs = (double)m->duration_ns / 1e9;
	f->limit = m->core_limit;
	f->used = m->cores_used;
	f->want = per_sec(all->want_ns, m);
	f->gil = per_sec(all->gil_wants_ns, m);
	f->gil_runq = per_sec(all->gil_wait_runq_ns, m);
	f->lock = per_sec(ns[FT_R_LOCK_WAIT], m);
	f->stw = per_sec(ns[FT_R_STW], m);
	f->runq = per_sec(ns[FT_R_RUNQ], m);
	f->sync = per_sec(ns[FT_R_SYNC_WAIT], m);
	f->asleep = per_sec(ns[FT_R_BLOCKED], m) + per_sec(ns[FT_R_FAULT], m);
	f->io = io_time(m, per_sec(ns[FT_R_BLOCKED], m)) + per_sec(ns[FT_R_FAULT], m);
	f->stopped = per_sec(ns[FT_R_STOPPED], m);
	f->lost = m->lost_cores;
	f->held = per_sec(m->held_ns, m);
	f->held_off = per_sec(m->held_off_ns, m);
	f->contended = per_sec(m->totals->sums.wait_any_ns, m);
	if (m->gil_present && f->held > f->contended)
		f->contended = f->held;
	f->gil_share = share(f->gil, f->want);
	f->runq_share = share(f->runq + f->gil_runq, f->want);
	lock_facts(m, f);
	thread_facts(m, f);
}

/*
 * Hardly anything runs, since the threads queue for one of the program's own locks whose owner
 * sleeps or waits for I/O with it. Longer than they do anything else of their own will.
 */
static bool queues(const struct ft_model *m, const struct ft_facts *f)
{
	const struct ft_locks *locks = &m->scaling->locks;
	const struct ft_mlock *l = locks->contended ? &locks->row[0] : NULL;
	double slept = l ? per_sec(ft_lock_contended_ns(l), m) : 0;

	return l && l->kind == FT_LK_THREADING && l->threads >= QUEUE_THREADS &&
	       l->waits >= QUEUE_WAITS && slept >= QUEUE_MIN && slept >= f->busy_asleep &&
	       slept >= f->want;
}

/* Nothing ran and nothing waited to run. */
static enum ft_verdict_kind quiet(const struct ft_facts *f)
{
	double rest = f->asleep - f->io + f->sync + f->stopped;

	return f->io > 0 && f->io >= rest ? FT_V_IO_BOUND : FT_V_IDLE;
}

/* Reference counts go back and forth between cores only where threads run at once. */
static bool shares(const struct ft_model *m, const struct ft_facts *f)
{
	return !m->gil_present && f->shared_share >= SHARING && f->used >= LOW_LOAD &&
	       m->par_mean > SERIAL_MEAN;
}

/* Nobody contends for a lock that hardly anybody runs to take. */
static bool locks(const struct ft_facts *f)
{
	return f->lock_share >= LOCK_SHARE && f->lock_all >= LOW_LOAD && f->used >= LOW_LOAD &&
	       f->lock_all >= f->gil;
}

/*
 * Contention inside the interpreter, before anything else: it keeps cores busy, so that "the cores
 * are full" would be true and misleading. Returns false when it is not what limits.
 */
static bool contention(const struct ft_model *m, const struct ft_facts *f,
		       enum ft_verdict_kind *kind)
{
	bool lock = locks(f), sharing = shares(m, f);

	if (f->stw_share >= STW_SHARE && f->stw >= LOW_LOAD && f->stw_share >= f->lock_share_lo &&
	    f->stw >= f->gil && !(sharing && f->shared > f->stw)) {
		*kind = FT_V_STW_BOUND;
		return true;
	}
	/* both: the larger one */
	if (sharing && !(lock && f->lock_all > f->shared)) {
		*kind = f->shared_share - f->shared_err >= SHARING_SURE ? FT_V_SHARING_BOUND
									: FT_V_INCONCLUSIVE;
		return true;
	}
	if (lock) {
		*kind = f->lock_share_lo >= LOCK_SHARE_SURE ? FT_V_LOCK_BOUND : FT_V_INCONCLUSIVE;
		return true;
	}
	return false;
}

/* Whether the time waiting for the GIL is the GIL's doing. */
static bool gil_limits(const struct ft_model *m, const struct ft_facts *f, bool back)
{
	if (f->gil_share < (back ? RETURNED_SHARE : GIL_SHARE) || f->gil < GIL_MIN)
		return false;
	/* sleepers that wake together queue for a moment: many waits, and the GIL mostly free */
	if (f->contended < (back ? RETURNED_BUSY : GIL_BUSY))
		return false;
	/* one core: the threads would wait for it instead, unless it idled meanwhile */
	if (f->limit <= ONE_CORE && f->used + f->runq >= FULL * f->limit)
		return false;
	if (f->runq > f->gil)
		return false;
	/*
	 * A waiter that was woken and has no core yet is no longer kept by the GIL, if that is
	 * free: most of the wait is of that kind and the GIL was not held most of the time.
	 */
	if (f->runq + f->gil_runq > f->gil - f->gil_runq && f->lost < GIL_MIN && f->held < 0.4)
		return false;
	return m->gil_present;
}

static bool one_thread(const struct ft_facts *f)
{
	return f->top_share >= ONE_SHARE && f->top_want >= ONE_MIN &&
	       f->top_on >= 0.5 * f->top_want;
}

static bool serial(const struct ft_model *m, const struct ft_facts *f)
{
	return f->limit > ONE_CORE && m->par_any_ns && m->par_mean <= SERIAL_MEAN &&
	       f->used >= SERIAL_USED && f->gil_share < 0.10 && f->runq_share < RUNQ_SHARE;
}

/* The process has as many cores as it may. */
static enum ft_verdict_kind full(const struct ft_model *m, const struct ft_facts *f)
{
	if (f->limit <= ONE_CORE || f->runq >= RUNQ_OVER * f->used)
		return FT_V_CPU_STARVED;
	/* busy with what? */
	if (f->lock_share_hi >= LOCK_SHARE && f->spin_err > SPLIT_WIDE * f->used)
		return FT_V_INCONCLUSIVE;
	if (!m->gil_present && f->shared_share + f->shared_err >= SHARING &&
	    f->shared_err > SPLIT_WIDE)
		return FT_V_INCONCLUSIVE;
	return FT_V_PARALLEL;
}

static enum ft_verdict_kind decide(const struct ft_model *m, struct ft_facts *f)
{
	bool back = m->info->free_threaded && m->info->gil == FT_GIL_ENABLED;
	enum ft_verdict_kind kind;
	double room;

	if (f->secs < MIN_SECS || !m->thread_cnt || m->missed_threads > m->thread_cnt)
		return FT_V_INCONCLUSIVE;
	if (queues(m, f))
		return FT_V_LOCK_BOUND;
	if (f->want < QUIET)
		return quiet(f);
	if (f->want < LOW_LOAD)
		return quiet(f) == FT_V_IO_BOUND ? FT_V_IO_BOUND : FT_V_INCONCLUSIVE;
	if (contention(m, f, &kind))
		return kind;
	if (one_thread(f))
		return FT_V_SINGLE_THREADED;
	if (f->used >= FULL * f->limit)
		return full(m, f);
	if (gil_limits(m, f, back))
		return back ? FT_V_GIL_RETURNED : FT_V_GIL_BOUND;
	if (f->runq_share >= RUNQ_SHARE && f->used >= QUIET && f->runq + f->gil_runq >= STARVED_MIN)
		return FT_V_CPU_STARVED;
	if (serial(m, f)) {
		f->serial = true;
		return FT_V_SINGLE_THREADED;
	}
	/* as many cores as there are threads with work */
	room = f->busy < f->limit ? f->busy : f->limit;
	if (f->busy >= 2 && f->used >= FULL * room)
		return full(m, f);
	if (f->busy_asleep >= f->want)
		return FT_V_IO_BOUND;
	return FT_V_INCONCLUSIVE;
}

void ft_verdict_decide(struct ft_model *m)
{
	struct ft_facts f = {0};

	collect(m, &f);
	m->verdict.kind = decide(m, &f);
	ft_verdict_say(m, &f);
}
