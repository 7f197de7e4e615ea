// SPDX-License-Identifier: BSD-2-Clause
/* What a session finds beside threads and stacks. */
#include "capture/gather.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "capture/bytecode.h"
#include "capture/memory.h"
#include "capture/naming.h"
#include "capture/pmu.h"
#include "os/procfs.h"
#include "python/extensions.h"
#include "python/locknames.h"

#define EXT_EVERY_NS 2000000000ull
#define BYTECODE_FIRST_NS 1000000000ull
#define BYTECODE_EVERY_NS 5000000000ull /* it takes a moment when there are many functions */
#define SAME_CHANGE_NS 1000000000ull
#define GIL_MAX 256 /* changes that are kept */

/* The list of extension modules is made beside the session: a large process takes a while. */
struct ext_job {
	pthread_t thread;
	bool running;
	atomic_bool done;
	int pid;
	struct ft_runtime *rt; /* its own */
	struct ft_extension *list;
	size_t cnt;
	__u64 sum; /* of the mappings, before it looked */
	int err;
	char why[256];
};

struct ft_gather {
	struct ft_probe *probe;
	struct ft_stacker *stacker;
	struct ft_naming *naming;
	struct ft_memory memory;
	struct ft_pmu *pmu; /* NULL: none, and no memory for it */
	int pid;
	const struct ft_runtime *rt;
	__u64 start_ns;
	__u32 gil; /* state as last seen */
	__u64 gil_stack[GIL_MAX];
	char culprit[128];
	bool gc_known;
	__u64 gc0[FT_GC_GENS];
	__u64 ext_next, ext_sum;
	__u64 bytecode_next;
	bool ext_listed, ext_again;
	struct ext_job job;
	struct ft_findings f;
};

int ft_gather_new(struct ft_probe *p, struct ft_stacker *st, struct ft_gather **out)
{
	struct ft_gather *g = calloc(1, sizeof(*g));
	int err = g ? ft_naming_new(&g->naming) : -ENOMEM;

	if (!err) {
		ft_findings_init(&g->f);
		g->f.lock = calloc(FT_MAX_LOCKS, sizeof(*g->f.lock));
		g->f.pause = calloc(FT_MAX_PAUSE_CAUSES, sizeof(*g->f.pause));
		g->f.gil = calloc(GIL_MAX, sizeof(*g->f.gil));
		if (!g->f.lock || !g->f.pause || !g->f.gil)
			err = -ENOMEM;
	}
	if (err) {
		ft_gather_free(g);
		return ft_err(err, "out of memory");
	}
	g->probe = p;
	g->stacker = st;
	*out = g;
	return 0;
}

static void job_end(struct ft_gather *g)
{
	if (g->job.running)
		pthread_join(g->job.thread, NULL);
	g->job.running = false;
	free(g->job.rt);
	free(g->job.list);
	g->job.rt = NULL;
	g->job.list = NULL;
	g->job.cnt = 0;
}

void ft_gather_free(struct ft_gather *g)
{
	if (!g)
		return;
	job_end(g);
	ft_naming_free(g->naming);
	ft_pmu_free(g->pmu);
	ft_findings_free(&g->f);
	free(g);
}

void ft_gather_target(struct ft_gather *g, int pid, const struct ft_runtime *rt)
{
	g->pid = pid;
	g->rt = rt;
	g->gc_known = false;
	g->ext_next = 0;
	g->ext_sum = 0;
	ft_naming_target(g->naming, pid, rt);
	ft_memory_init(&g->memory, FT_PROC, pid);
	ft_pmu_free(g->pmu);
	g->pmu = NULL;
	if (ft_pmu_new(FT_PROC, pid, ft_pmu_hardware, &g->pmu))
		ft_debug("no memory for hardware counters");
}

static void *list_extensions(void *arg)
{
	struct ext_job *j = arg;

	j->err = ft_extensions_list(j->pid, j->rt, &j->list, &j->cnt, j->why, sizeof(j->why));
	atomic_store(&j->done, true);
	return NULL;
}

static struct ft_ext_rec *ext_find(const struct ft_findings *f, const struct ft_extension *e)
{
	size_t i;

	for (i = 0; i < f->ext_cnt; i++)
		if (!strncmp(f->ext[i].path, e->path, sizeof(f->ext[i].path) - 1))
			return &f->ext[i];
	return NULL;
}

/*
 * Takes a list: what was known by its file is known better now (one listed in the middle of its
 * import has its short name only). What was unloaded stays: it was there.
 */
static void ext_take(struct ft_gather *g, __u64 now)
{
	struct ft_findings *f = &g->f;
	size_t i;

	for (i = 0; i < g->job.cnt; i++) {
		const struct ft_extension *e = &g->job.list[i];
		struct ft_ext_rec *x = ext_find(f, e);

		if (!x) {
			if (f->ext_cnt >= FT_EXT_MAX)
				break;
			x = realloc(f->ext, (f->ext_cnt + 1) * sizeof(*x));
			if (!x)
				return;
			f->ext = x;
			x += f->ext_cnt++;
			memset(x, 0, sizeof(*x));
			x->seen_ns = g->ext_listed ? now : g->start_ns;
		}
		snprintf(x->module, sizeof(x->module), "%s", e->module);
		snprintf(x->path, sizeof(x->path), "%.*s", (int)sizeof(x->path) - 1, e->path);
		snprintf(x->distribution, sizeof(x->distribution), "%s", e->distribution);
		x->gil = e->gil;
		x->stdlib = e->stdlib;
	}
	g->ext_listed = true;
}

static void ext_poll(struct ft_gather *g, __u64 now)
{
	struct ext_job *j = &g->job;
	__u64 sum;

	if (j->running && atomic_load(&j->done)) {
		if (j->err)
			ft_debug("extension modules: %s", j->why);
		else
			ext_take(g, now);
		g->ext_sum = j->sum;
		job_end(g);
	}
	if (j->running || now < g->ext_next || !g->rt || g->rt->no_offsets)
		return;
	g->ext_next = now + EXT_EVERY_NS;
	/* once more after each change: an import may have been under way */
	if (ft_extensions_sum(g->pid, &sum) || (sum == g->ext_sum && !g->ext_again))
		return;
	g->ext_again = sum != g->ext_sum;
	j->rt = malloc(sizeof(*j->rt));
	if (!j->rt)
		return;
	*j->rt = *g->rt;
	j->pid = g->pid;
	j->sum = sum;
	atomic_store(&j->done, false);
	j->running = !pthread_create(&j->thread, NULL, list_extensions, j);
	if (!j->running)
		job_end(g);
}

static void gc_poll(struct ft_gather *g)
{
	__u64 runs[FT_GC_GENS];
	int i;

	if (!g->rt || ft_gc_runs(g->pid, g->rt, runs))
		return;
	for (i = 0; i < FT_GC_GENS; i++) {
		/* another program in the same process has begun anew */
		if (!g->gc_known || runs[i] < g->gc0[i])
			g->gc0[i] = runs[i];
		g->f.gc_runs[i] = runs[i] - g->gc0[i];
	}
	g->gc_known = true;
	g->f.gc_known = true;
}

void ft_gather_begin(struct ft_gather *g, __u64 start_ns)
{
	g->start_ns = start_ns;
	gc_poll(g); /* what counts from here on */
}

static void bytecode_poll(struct ft_gather *g, __u64 now)
{
	struct ft_target t;

	if (!g->stacker || !g->rt->free_threaded || ft_runtime_target(g->rt, &t))
		return;
	if (!g->bytecode_next)
		g->bytecode_next = now + BYTECODE_FIRST_NS;
	if (now < g->bytecode_next)
		return;
	g->bytecode_next = now + BYTECODE_EVERY_NS;
	if (ft_bytecode_fill(g->stacker, g->pid, &t.py, &g->f) == -ENOMEM)
		ft_debug("no memory to count copies of bytecode");
}

static struct ft_gil_rec *add_gil(struct ft_gather *g, __u64 ts, __u32 state)
{
	struct ft_gil_rec *r;

	if (g->f.gil_cnt >= GIL_MAX)
		return NULL;
	r = &g->f.gil[g->f.gil_cnt++];
	memset(r, 0, sizeof(*r));
	r->ts_ns = ts;
	r->state = state;
	r->stack = FT_NO_STACK;
	return r;
}

int ft_gather_gil(struct ft_gather *g, const struct ft_ev_gil *ev)
{
	struct ft_gil_rec *r = g->f.gil_cnt ? &g->f.gil[g->f.gil_cnt - 1] : NULL;

	/* the poll may have come in between the change and the warning: one change, one record */
	if (r && r->state == FT_GIL_ENABLED && !r->exact && r->ts_ns + SAME_CHANGE_NS > ev->h.ts)
		r->ts_ns = ev->h.ts;
	else
		r = add_gil(g, ev->h.ts, FT_GIL_ENABLED);
	g->gil = FT_GIL_ENABLED;
	if (!g->culprit[0])
		memcpy(g->culprit, ev->module, sizeof(g->culprit) - 1);
	if (!r)
		return 0;
	r->exact = true;
	memcpy(r->module, ev->module, sizeof(r->module) - 1);
	g->gil_stack[r - g->f.gil] = ev->stack;
	return 0;
}

const char *ft_gather_culprit(const struct ft_gather *g)
{
	return g->culprit;
}

void ft_gather_poll(struct ft_gather *g, __u64 now, __u32 gil)
{
	if (!g->rt)
		return;
	if (g->rt->free_threaded && gil && gil != g->gil) {
		/* the first time it is the state at the session's begin */
		add_gil(g, g->f.gil_cnt ? now : g->start_ns, gil);
		g->gil = gil;
	}
	ft_naming_poll(g->naming, ft_probe_locks(g->probe), ft_probe_pauses(g->probe));
	gc_poll(g);
	ext_poll(g, now);
	bytecode_poll(g, now);
	ft_memory_step(&g->memory, now);
	if (g->pmu && ft_pmu_poll(g->pmu))
		ft_debug("no memory for hardware counters");
}

static __u32 bits(const __u64 w[4])
{
	__u32 n = 0;
	int i;

	for (i = 0; i < 4; i++)
		n += (__u32)__builtin_popcountll(w[i]);
	return n;
}

/* Those that sleep for a lock just now. */
static void add_open_waits(struct ft_gather *g, __u64 now)
{
	__u32 used = ft_probe_slots_used(g->probe), max, slot;
	const struct ft_thread *slots = ft_probe_slots(g->probe, &max);
	size_t i;

	for (slot = 0; slot < used; slot++) {
		struct ft_thread t = slots[slot];

		if ((t.state != FT_ST_LOCK_WAIT && t.state != FT_ST_SYNC_WAIT) || !t.lock ||
		    now <= t.since_ns)
			continue;
		for (i = 0; i < g->f.lock_cnt && g->f.lock[i].id < t.lock; i++)
			;
		if (i == g->f.lock_cnt || g->f.lock[i].id != t.lock)
			continue;
		g->f.lock[i].waits++;
		g->f.lock[i].wait_ns += now - t.since_ns;
		if (now - t.since_ns > g->f.lock[i].wait_max_ns)
			g->f.lock[i].wait_max_ns = now - t.since_ns;
	}
}

static void view_locks(struct ft_gather *g, __u64 now)
{
	const struct ft_lock *locks = ft_probe_locks(g->probe);
	__u32 used = ft_probe_slots_used(g->probe), i;

	g->f.lock_cnt = 0;
	for (i = 1; i < FT_MAX_LOCKS; i++) {
		struct ft_lock l = locks[i];
		struct ft_lock_rec *r = &g->f.lock[g->f.lock_cnt];

		if (!l.kind || l.kind >= FT_LK_CNT)
			continue;
		memset(r, 0, sizeof(*r));
		r->id = i;
		r->kind = l.kind;
		r->addr = l.addr;
		r->waits = l.waits;
		r->wait_ns = l.wait_ns;
		r->wait_max_ns = l.wait_max_ns;
		r->spin_ticks = l.spin_ticks;
		r->yields = l.yields;
		r->same = l.same;
		r->other = l.other;
		r->threads = bits(l.threads);
		r->many = used > 256;
		l.name[sizeof(l.name) - 1] = 0;
		ft_naming_lock(g->naming, i, &l, r);
		g->f.lock_cnt++;
	}
	add_open_waits(g, now);
}

static void view_pauses(struct ft_gather *g)
{
	const struct ft_pause *pauses = ft_probe_pauses(g->probe);
	__u32 i;

	g->f.pause_cnt = 0;
	for (i = 0; i < FT_MAX_PAUSE_CAUSES; i++) {
		struct ft_pause p = pauses[i];
		struct ft_pause_rec *r = &g->f.pause[g->f.pause_cnt];

		if (!p.cnt)
			continue;
		memset(r, 0, sizeof(*r));
		r->id = i;
		r->cnt = p.cnt;
		r->to_stop_ns = p.to_stop_ns;
		r->stopped_ns = p.stopped_ns;
		r->max_ns = p.max_ns;
		r->threads = p.threads;
		ft_naming_pause(g->naming, i, &p, r);
		g->f.pause_cnt++;
	}
	memcpy(g->f.pause_hist, ft_probe_pause_hist(g->probe), sizeof(g->f.pause_hist));
}

const struct ft_findings *ft_gather_view(struct ft_gather *g, const struct ft_freethread *x,
					 const struct ft_gcprobe *gc, __u64 now)
{
	size_t i;

	view_locks(g, now);
	view_pauses(g);
	for (i = 0; g->stacker && i < g->f.gil_cnt; i++)
		if (ft_stacker_node(g->stacker, g->gil_stack[i], &g->f.gil[i].stack))
			g->f.gil[i].stack = FT_NO_STACK;
	if (x)
		ft_freethread_fill(x, now, &g->f);
	if (gc)
		ft_gcprobe_fill(gc, &g->f);
	if (ft_memory_fill(&g->memory, &g->f) || (g->pmu && ft_pmu_fill(g->pmu, &g->f)))
		return NULL;
	return &g->f;
}
