/* SPDX-License-Identifier: BSD-2-Clause */
/* A verdict in a sentence or two with the numbers that led to it, and what to do next. */
#include "model/facts.h"
#include "model/scaling.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "base/units.h"

#define NUM 32

/* A fixed buffer that fills up without overflowing: the last sentence is cut, never the memory. */
struct sink {
	char *buf;
	size_t sz;
	size_t len;
};

static void __attribute__((format(printf, 2, 3))) put(struct sink *s, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (s->len + 1 >= s->sz)
		return;
	va_start(ap, fmt);
	n = vsnprintf(s->buf + s->len, s->sz - s->len, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	s->len += (size_t)n;
	if (s->len >= s->sz)
		s->len = s->sz - 1;
}

/* A share of 1 as a percentage without digits that mean nothing. */
static const char *pct(double share, char buf[NUM])
{
	double p = share * 100;

	if (p <= 0)
		snprintf(buf, NUM, "0 %%");
	else if (p < 0.1)
		snprintf(buf, NUM, "<0.1 %%");
	else
		snprintf(buf, NUM, p < 9.95 ? "%.1f %%" : "%.0f %%", p);
	return buf;
}

/* "1.95 of 2 cores", "12.3 of 64 cores", "0.48 of a quota of 0.5 cores". */
static const char *of_cores(const struct ft_model *m, const struct ft_facts *f, char buf[64])
{
	const char *s = m->cores == 1 ? "" : "s";

	if (f->limit < m->cores)
		snprintf(buf, 64, "%.2f of %.2g cores (its quota)", f->used, f->limit);
	else
		snprintf(buf, 64, m->cores <= 2 ? "%.2f of %u core%s" : "%.1f of %u core%s",
			 f->used, m->cores, s);
	return buf;
}

/* What a thread that wants the GIL feels; the wait after a blocking call is what a request feels.
 */
static void say_waits(struct sink *s, const struct ft_model *m)
{
	char a[NUM], b[NUM];
	__u64 after = m->by_origin[FT_OR_BLOCKING].waits;

	if (after >= 10 && after * 20 >= m->waits) {
		put(s, " After a blocking call a thread waited %s for it (median), %s (p99).",
		    ft_format_ns(m->by_origin[FT_OR_BLOCKING].p50_ns, a, sizeof(a)),
		    ft_format_ns(m->by_origin[FT_OR_BLOCKING].p99_ns, b, sizeof(b)));
	} else if (m->waits) {
		put(s, " A wait took %s (median), %s (p99).",
		    ft_format_ns(m->wait_p50_ns, a, sizeof(a)),
		    ft_format_ns(m->wait_p99_ns, b, sizeof(b)));
	}
}

static void say_gil(struct sink *s, const struct ft_model *m, const struct ft_facts *f)
{
	char cores[64], p[NUM];
	double cpu = f->runq + f->gil_runq;

	put(s, "%s worked", of_cores(m, f, cores));
	if (f->lost >= 0.05)
		put(s, "; %.1f more stood idle while threads wanted the GIL", f->lost);
	put(s, ". %.1f threads at a time waited for it, %.1f s in %.1f s.", f->gil,
	    f->gil * f->secs, f->secs);
	say_waits(s, m);
	if (cpu >= 0.3 && cpu >= 0.08 * f->want)
		put(s,
		    " The run queue is apart from that: %.1f threads at a time were ready and "
		    "had no core.",
		    cpu);
	if (f->held_off >= 0.05 && f->held_off >= 0.1 * f->held)
		put(s, " %s of the time that the GIL was held, its holder was off its core.",
		    pct(f->held_off / f->held, p));
}

static void advise_gil(struct sink *s, const struct ft_model *m, const struct ft_facts *f)
{
	if (f->lost >= 0.05)
		put(s, "Free threading has room here: %.1f idle core%s wanted.", f->lost,
		    f->lost >= 0.95 && f->lost < 1.05 ? " was" : "s were");
	else
		put(s, "Free threading would let these threads ask for cores instead; none "
		       "idled just now, so measure again on a quiet machine.");
	if (f->held_off >= 0.3 && f->held_off >= 0.5 * f->held && f->runq < f->held_off / 2)
		put(s, "\nFirst: find the call that sleeps with the GIL held, and release it "
		       "there.");
	else if (m->by_origin[FT_OR_BLOCKING].waits * 2 > m->waits)
		put(s, "\nWithout it: fewer threads that compute beside those that wait for I/O, "
		       "or processes.");
	else
		put(s, "\nWithout it: processes, or native code that releases the GIL.");
}

/* A stranger's name, at most `cols` columns of it. */
static void put_safe(struct sink *s, const char *name, size_t cols)
{
	struct ft_text safe = {0};

	ft_text_add_safe(&safe, name, cols);
	put(s, "%s", !safe.err && safe.s && safe.len ? safe.s : "?");
	ft_text_free(&safe);
}

static void say_returned(struct sink *s, struct sink *a, const struct ft_model *m,
			 const struct ft_facts *f)
{
	const struct ft_scaling *sc = m->scaling;
	char suspects[160];

	ft_gil_suspects(sc, suspects, sizeof(suspects));
	put(s, "THE GIL IS ON in a free-threaded build");
	if (sc->gil_module[0]) {
		put(s, ": ");
		put_safe(s, sc->gil_module, 60);
		put(s, " brought it back");
		if (sc->gil_on && sc->gil_on->exact && sc->gil_on->ts_ns > m->info->start_ns)
			put(s, " at +%.2f s",
			    (double)(sc->gil_on->ts_ns - m->info->start_ns) / 1e9);
		put_safe(a, sc->gil_module, 60);
		put(a, " does not declare that it supports free threading: update or replace ");
		if (sc->gil_ext && sc->gil_ext->distribution[0])
			put_safe(a, sc->gil_ext->distribution, 60);
		else
			put(a, "its distribution");
		put(a, ".\n");
	} else if (suspects[0]) {
		put(s, "; suspect%s ", sc->ext_used > 1 ? "s are" : " is");
		put_safe(s, suspects, 120);
		put(a, "%s not declare support of free threading: update what owns %s.\n",
		    sc->ext_used ? "Those do" : "Those may", "them");
	} else {
		put(a, "Look for PYTHON_GIL=1, -X gil=1, or an extension that does not support "
		       "free "
		       "threading: Python warns when it imports one.\n");
	}
	put(s, ". ");
	say_gil(s, m, f);
	put(a, "To try without the GIL all the same: PYTHON_GIL=0, at your own risk.");
}

/* "one shared dict", "one threading.Lock", "the interpreter's type lock". */
static void put_lock(struct sink *s, const struct ft_mlock *l)
{
	char words[128];

	ft_lock_words(l, words, sizeof(words));
	if (l->objects > 1)
		put(s, "%u times ", l->objects);
	else
		put(s, "%s",
		    l->kind == FT_LK_OBJECT    ? "one shared "
		    : l->kind == FT_LK_RUNTIME ? "the "
					       : "one ");
	put_safe(s, words, 60);
}

static void put_lock_place(struct sink *s, const struct ft_mlock *l)
{
	if (l->waiter[0]) {
		put(s, ": ");
		put_safe(s, l->waiter, 60);
	}
	if (l->threads)
		put(s, ", %u%s threads", l->threads, l->many ? " or more" : "");
	put(s, ".");
}

static void say_lock(struct sink *s, struct sink *a, const struct ft_model *m,
		     const struct ft_facts *f)
{
	const struct ft_locks *locks = &m->scaling->locks;
	const struct ft_mlock *l = locks->contended ? &locks->row[0] : NULL;
	double all = f->lock_all * (double)m->duration_ns;
	bool one = l && (double)ft_lock_cost_ns(l) >= 0.5 * all;
	char cores[64], p[NUM], y[NUM], w[NUM], advice[320];

	put(s, "NOT SCALING: ");
	if (one)
		put_lock(s, l);
	else
		put(s, "contended locks");
	put(s, ". %s are busy", of_cores(m, f, cores));
	if (f->spin + f->line >= 0.05 * f->used)
		put(s, ", but %s of that goes on trying for %s",
		    pct((f->spin + f->line) / f->used, p),
		    !one		      ? "locks"
		    : l->kind == FT_LK_OBJECT ? "its lock"
					      : "it");
	else
		put(s, " while %.1f threads at a time slept for %s", f->lock + f->sync_lock,
		    !one		      ? "locks"
		    : l->kind == FT_LK_OBJECT ? "its lock"
					      : "it");
	if (!l) {
		put(s, ". Together %s of the time that threads had work and a core.",
		    pct(f->lock_share, p));
		put(a, "Find the dict, list or other object that the threads share: one for each "
		       "thread, "
		       "merged at the end.\nMore cores or another lock around it won't help.");
		return;
	}
	if (!one) {
		put(s, ", most for ");
		put_lock(s, l);
	}
	put(s, " (");
	if (l->yields)
		put(s, "%s%s yields, ", l->yields_lo < l->yields_hi ? "about " : "",
		    ft_format_count(l->yields, y, sizeof(y)));
	put(s, "%s sleeps)", ft_format_count(l->waits, w, sizeof(w)));
	put_lock_place(s, l);
	ft_advise_lock(l, advice, sizeof(advice));
	put_safe(a, advice, 300);
}

static void say_sharing(struct sink *s, struct sink *a, const struct ft_model *m,
			const struct ft_facts *f)
{
	const struct ft_sharing *sh = &m->scaling->sharing;
	const struct ft_mshare *top = sh->cnt ? &sh->row[0] : NULL;
	char cores[64], p[NUM], q[NUM], advice[320];

	put(s, "NOT SCALING: shared objects. %s are busy, but %s", of_cores(m, f, cores),
	    pct(f->shared_share, p));
	put(s, " (+- %s) of that goes on reference counts that threads share",
	    pct(f->shared_err, q));
	if (top && (top->site[0] || top->name[0])) {
		put(s, ", %s of it on ", pct(ft_share(top->hot_ns, sh->hot_ns), p));
		put_safe(s, top->name[0] ? top->name : "objects", 40);
		if (top->site[0]) {
			put(s, " at ");
			put_safe(s, top->site, 60);
		}
	}
	put(s, ".");
	ft_advise_share(top, advice, sizeof(advice));
	put_safe(a, advice, 300);
	put(a, "\nMore cores or a lock won't help.");
}

static void say_stw(struct sink *s, struct sink *a, const struct ft_model *m,
		    const struct ft_facts *f)
{
	const struct ft_scaling *sc = m->scaling;
	char cores[64], p[NUM], n[NUM], max[NUM];
	__u32 top = FT_PC_OTHER, i;

	for (i = 0; i < FT_PC_CNT; i++)
		if (sc->pause[i].stopped_ns > sc->pause[top].stopped_ns)
			top = i;
	put(s,
	    "NOT SCALING: the interpreter pauses all threads. %s worked; for %s of the time that "
	    "threads had work and a core they stood still for a pause (%.1f threads at a time).",
	    of_cores(m, f, cores), pct(f->stw_share, p), f->stw);
	if (!sc->pauses.cnt) {
		put(a, "Pauses come from garbage collection, above all from calling gc.collect() "
		       "in a loop: "
		       "collect less often, make fewer cyclic objects, gc.freeze() what stays.");
		return;
	}
	put(s, " %s%s pauses, longest %s; most for %s", sc->pauses_estimated ? "About " : "",
	    ft_format_count(sc->pauses.cnt, n, sizeof(n)),
	    ft_format_ns(sc->pauses.max_ns, max, sizeof(max)), ft_pause_words(top));
	if (sc->pause[top].site[0]) {
		put(s, ", asked for at ");
		put_safe(s, sc->pause[top].site, 60);
	}
	put(s, ".");
	put(a, "%s", ft_advise_pause(top));
}

static void say_starved(struct sink *s, struct sink *a, const struct ft_model *m,
			const struct ft_facts *f)
{
	bool own = f->used >= 0.85 * f->limit;
	double throttled = ft_share(m->totals->throttled_ns, m->duration_ns);
	char cores[64], p[NUM];

	put(s,
	    "NOT THE GIL: not enough cores. %s worked and %.1f threads at a time were ready to "
	    "run and had none.",
	    of_cores(m, f, cores), f->runq + f->gil_runq);
	if (m->gil_present && f->limit <= 1.05 && f->gil >= 0.1)
		put(s, " %.1f more waited for the GIL; without it they would wait for the core.",
		    f->gil - f->gil_runq > 0 ? f->gil - f->gil_runq : 0);
	else
		put(s, " GIL wait %s.",
		    pct(f->gil > f->gil_runq ? (f->gil - f->gil_runq) / f->want : 0, p));
	if (throttled >= 0.05)
		put(a, "Its cgroup's CPU quota stopped it for %s of the session: raise cpu.max.",
		    pct(throttled, p));
	else if (own)
		put(a, "It fills the cores that it may use: give it more, or start fewer threads.");
	else if (f->used >= 0.6 * f->limit)
		put(a, "Its threads share the cores with each other and with other processes: more "
		       "cores, fewer threads, or a quieter machine.");
	else
		put(a, "Other processes had the cores: move them away, or measure when they rest.");
}

/* "(epoll_wait 71, recvfrom 26)": per cent of the threads' time. */
static void say_calls(struct sink *s, const struct ft_model *m)
{
	size_t i, shown = 0;

	for (i = 0; i < m->top_syscall_cnt && shown < 3; i++) {
		double p = 100 * ft_share(m->top_syscalls[i].ns, m->all.lifetime_ns);

		if (p < 1)
			break;
		put(s, "%s%s %.0f", shown ? ", " : " (", m->top_syscalls[i].name, p);
		shown++;
	}
	if (shown)
		put(s, ")");
}

static void say_io(struct sink *s, struct sink *a, const struct ft_model *m,
		   const struct ft_facts *f)
{
	double life = ft_share(m->all.lifetime_ns, m->duration_ns);
	char p[NUM], q[NUM];

	put(s, "NOT THE GIL: waiting for I/O. Threads slept %s",
	    pct(life > 0 ? f->asleep / life : 0, p));
	say_calls(s, m);
	put(s, "; GIL wait %s.", pct(life > 0 ? f->gil / life : 0, q));
	if (f->gil_share >= 0.10 && f->gil >= 0.02)
		say_waits(s, m);
	put(a, "%s ",
	    !m->info->free_threaded
		    ? "Free threading won't speed this up."
		    : "More threads or cores won't speed this up, faster answers will.");
	if (f->used < 0.01)
		put(a, "Seen at less than 0.01");
	else
		put(a, "Seen at %.2f", f->used);
	put(a, " of %u core%s; repeat at peak.", m->cores, m->cores == 1 ? "" : "s");
}

static void say_single(struct sink *s, struct sink *a, const struct ft_model *m,
		       const struct ft_facts *f)
{
	struct ft_text name = {0};
	char cores[64], p[NUM], q[NUM];

	if (f->serial) {
		put(s,
		    "NOT THE GIL: one thread at a time. %s worked; %s of the time that threads had "
		    "work they waited for the GIL. The program itself lets one run after the "
		    "other.",
		    of_cores(m, f, cores), pct(f->gil_share, q));
		put(a,
		    "Look at what the threads wait for: own locks and queues (%.1f threads at a "
		    "time).",
		    f->sync);
		return;
	}
	ft_text_add_safe(&name, f->top->name, 32);
	put(s,
	    "NOT THE GIL: one thread does the work. %s (%u) did %s of it; %s worked and %s of the "
	    "time went on waiting for the GIL.",
	    name.s && name.len ? name.s : "It", f->top->tid, pct(f->top_share, p),
	    of_cores(m, f, cores), pct(f->gil_share, q));
	ft_text_free(&name);
	if (!m->info->free_threaded)
		put(a, "Free threading won't help until that thread's work is split over several.");
	else
		put(a, "More cores won't help until that thread's work is split over several.");
}

static void say_parallel(struct sink *s, struct sink *a, const struct ft_model *m,
			 const struct ft_facts *f)
{
	double free_share = ft_share(m->all.state_ns[FT_R_ON_FREE], m->all.on_ns);
	double err = ft_share(m->all.on_split_err_ns, m->all.on_ns);
	char cores[64], p[NUM], q[NUM];

	of_cores(m, f, cores);
	if (m->gil_present) {
		put(s, "NOT THE GIL: already parallel. %s", cores);
		if (err <= 0.2)
			put(s, ", %s of it native code with the GIL released", pct(free_share, p));
		put(s, ". GIL wait %s.", pct(f->gil_share, q));
		put(a, "Free threading has little to give here: %.1f idle cores were wanted.",
		    f->lost);
	} else {
		put(s,
		    "PARALLEL. %s worked. Locks took %s, pauses %s of the time that threads had "
		    "work and a core",
		    cores, pct(f->lock_share, p), pct(f->stw_share, q));
		put(s, "; shared reference counts %s (+- %s) of the time on cores.",
		    pct(f->shared_share, p), pct(f->shared_err, q));
	}
	if (f->runq >= 0.25 && f->runq >= 0.1 * f->used)
		put(s, " %.1f threads at a time waited for a core: more cores would be used.",
		    f->runq);
	else if (f->used < 0.85 * f->limit)
		put(s, " Only %u threads had work all the time: more would find cores.", f->busy);
	if (!m->gil_present)
		put(a,
		    "Locks, pauses and shared reference counts cost little here: the rest is the "
		    "program's own work.");
}

static void say_idle(struct sink *s, struct sink *a, const struct ft_model *m,
		     const struct ft_facts *f)
{
	char p[NUM];

	put(s, "IDLE. The threads ran %s of one core", pct(f->used, p));
	if (f->stopped > f->sync && f->stopped > f->asleep)
		put(s, ": the process is stopped.");
	else if (f->sync > f->asleep)
		put(s, " and wait for work in the program's own locks and queues.");
	else
		put(s, " and wait for work.");
	put(a, "Measure again while it has something to do: ftprof -p %u -d 30s.", m->info->pid);
}

static void say_inconclusive(struct sink *s, struct sink *a, const struct ft_model *m,
			     const struct ft_facts *f)
{
	char cores[64], p[NUM], q[NUM];

	put(s, "INCONCLUSIVE. ");
	if (!m->thread_cnt) {
		put(s, "No thread of the process was seen.");
		put(a, "See the limits above; measure again.");
	} else if (m->missed_threads > m->thread_cnt) {
		put(s, "%zu threads were followed, %llu were not.", m->thread_cnt,
		    (unsigned long long)m->missed_threads);
		put(a, "Measure for a shorter time: threads come and go faster than they can be "
		       "read.");
	} else if (f->secs < 0.1) {
		put(s, "%.0f ms is too short to tell.", f->secs * 1000);
		put(a, "Measure for longer: -d 10s.");
	} else if (f->want < 0.05) {
		put(s, "Too little ran to tell: %s, GIL wait %s of the load.",
		    of_cores(m, f, cores), pct(f->gil_share, p));
		put(a, "Measure again under load.");
	} else if (f->lock_share_hi >= 0.2 && f->spin_err > 0.05 * f->used) {
		put(s,
		    "%s worked, but %llu timer ticks cannot tell how much of that was spinning for "
		    "locks: %s",
		    of_cores(m, f, cores), (unsigned long long)m->all.ticks,
		    pct(f->used > 0 ? f->spin / f->used : 0, p));
		put(s, " +- %s.", pct(f->used > 0 ? f->spin_err / f->used : 1, q));
		put(a, "Measure for longer: -d 30s.");
	} else if (!m->gil_present && f->shared_share + f->shared_err >= 0.15 &&
		   f->shared_err > 0.05) {
		put(s,
		    "%s worked, but %llu timer ticks cannot tell how much of that went on "
		    "reference counts that threads share: %s",
		    of_cores(m, f, cores), (unsigned long long)m->all.ticks,
		    pct(f->shared_share, p));
		put(s, " +- %s.", pct(f->shared_err, q));
		put(a, "Measure for longer: -d 30s.");
	} else {
		put(s, "Nothing stands out: %s worked, GIL wait %s", of_cores(m, f, cores),
		    pct(f->gil_share, p));
		put(s,
		    ", waiting for cores %s of the load; %.1f threads at a time slept in calls, "
		    "%.1f in own locks and queues.",
		    pct(f->runq_share, q), f->asleep, f->sync);
		put(a, "Look at the timeline for phases, and measure one of them by itself.");
	}
}

void ft_verdict_say(struct ft_model *m, const struct ft_facts *f)
{
	struct sink s = {m->verdict.text, sizeof(m->verdict.text), 0};
	struct sink a = {m->verdict.advice, sizeof(m->verdict.advice), 0};

	switch (m->verdict.kind) {
	case FT_V_GIL_BOUND:
		put(&s, "GIL-BOUND. ");
		say_gil(&s, m, f);
		advise_gil(&a, m, f);
		break;
	case FT_V_GIL_RETURNED:
		say_returned(&s, &a, m, f);
		break;
	case FT_V_LOCK_BOUND:
		say_lock(&s, &a, m, f);
		break;
	case FT_V_SHARING_BOUND:
		say_sharing(&s, &a, m, f);
		break;
	case FT_V_STW_BOUND:
		say_stw(&s, &a, m, f);
		break;
	case FT_V_CPU_STARVED:
		say_starved(&s, &a, m, f);
		break;
	case FT_V_IO_BOUND:
		say_io(&s, &a, m, f);
		break;
	case FT_V_SINGLE_THREADED:
		say_single(&s, &a, m, f);
		break;
	case FT_V_PARALLEL:
		say_parallel(&s, &a, m, f);
		break;
	case FT_V_IDLE:
		say_idle(&s, &a, m, f);
		break;
	default:
		say_inconclusive(&s, &a, m, f);
		break;
	}
}
