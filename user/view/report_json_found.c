/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of the JSON report that says why a program does not scale, and what was found beside. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "model/scaling.h"
#include "view/json_put.h"
#include "view/report_json.h"

#define PLACES 20 /* of sharing */

static struct json_object *lock_json(const struct ft_mlock *l, int *err)
{
	struct json_object *o = json_object_new_object();
	char addr[24];

	if (!o)
		return NULL;
	snprintf(addr, sizeof(addr), "0x%" PRIx64, (uint64_t)l->addr);
	ft_put_str(o, "kind", ft_lock_kind_name(l->kind), err);
	ft_put_str(o, "name", l->name, err);
	ft_put_known(o, "part_of", l->part_of, err);
	ft_put_str(o, "addr", addr, err);
	ft_put_u64(o, "locks", l->objects, err);
	ft_put_u64(o, "waits", l->waits, err);
	ft_put_u64(o, "wait_ns", ft_lock_contended_ns(l), err);
	ft_put_u64(o, "wait_max_ns", l->wait_max_ns, err);
	ft_put_u64(o, "idle_ns", l->idle_ns, err);
	ft_put_u64(o, "yields", l->yields, err);
	ft_put_u64(o, "yields_lo", l->yields_lo, err);
	ft_put_u64(o, "yields_hi", l->yields_hi, err);
	ft_put_u64(o, "spin_ns", l->spin_ns, err);
	ft_put_u64(o, "spin_err_ns", l->spin_err_ns, err);
	ft_put_u64(o, "line_ns", l->line_ns, err);
	ft_put_u64(o, "threads", l->threads, err);
	ft_put_bool(o, "threads_at_least", l->many, err);
	ft_put_known(o, "waiter_site", l->waiter, err);
	ft_put_known(o, "owner_site", l->owner, err);
	return o;
}

static struct json_object *locks_json(const struct ft_scaling *sc, int *err)
{
	struct json_object *arr = json_object_new_array();
	size_t i;

	for (i = 0; arr && i < sc->locks.contended && !*err; i++)
		ft_put_elem(arr, lock_json(&sc->locks.row[i], err), err);
	return arr;
}

/* How the yields of locks were estimated. */
static struct json_object *yields_json(const struct ft_model *m, int *err)
{
	const struct ft_findings *f = m->scaling->f;
	struct json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	ft_put_u64(o, "seen", f->yields, err);
	ft_put_u64(o, "windows", f->yield_windows, err);
	ft_put_u64(o, "windows_ns", f->yield_window_ns, err);
	ft_put_double(o, "err_share", f->yields_rel_err, err);
	ft_put_u64(o, "switched", m->totals->sums.cnt[FT_CN_YIELDS_SWITCHED], err);
	return o;
}

static struct json_object *cause_json(__u32 cause, const struct ft_mpause *p, int *err)
{
	struct json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	ft_put_str(o, "cause", ft_pause_name(cause), err);
	ft_put_u64(o, "pauses", p->cnt, err);
	ft_put_u64(o, "stopped_ns", p->stopped_ns, err);
	ft_put_u64(o, "max_ns", p->max_ns, err);
	ft_put_u64(o, "to_stop_ns", p->to_stop_ns, err);
	ft_put_u64(o, "threads_stopped", p->threads, err);
	ft_put_known(o, "asked_by", p->func, err);
	ft_put_known(o, "site", p->site, err);
	return o;
}

static struct json_object *pauses_json(const struct ft_scaling *sc, int *err)
{
	struct json_object *o = json_object_new_object(), *by = json_object_new_array();
	__u32 i;

	if (!o || !by) {
		json_object_put(by);
		json_object_put(o);
		return NULL;
	}
	ft_put_u64(o, "pauses", sc->pauses.cnt, err);
	ft_put_u64(o, "stopped_ns", sc->pauses.stopped_ns, err);
	ft_put_u64(o, "max_ns", sc->pauses.max_ns, err);
	ft_put_u64(o, "to_stop_ns", sc->pauses.to_stop_ns, err);
	ft_put_u64(o, "p50_ns", sc->pause_p50_ns, err);
	ft_put_u64(o, "p99_ns", sc->pause_p99_ns, err);
	ft_put_u64(o, "threads_stopped", sc->pauses.threads, err);
	ft_put_u64(o, "probed_ns", sc->f->pause_window_ns, err);
	for (i = 0; i < FT_PC_CNT && !*err; i++)
		if (sc->pause[i].cnt)
			ft_put_elem(by, cause_json(i, &sc->pause[i], err), err);
	ft_put_any(o, "by_cause", by, err);
	return o;
}

/* A number by generation. */
static void put_gens(struct json_object *o, const char *name, const __u64 *v, int *err)
{
	struct json_object *arr = json_object_new_array();
	int i;

	for (i = 0; arr && i < FT_GC_GENS; i++)
		ft_put_elem_u64(arr, v[i], err);
	ft_put_any(o, name, arr, err);
}

static struct json_object *gc_json(const struct ft_scaling *sc, int *err)
{
	struct json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	ft_put_bool(o, "runs_known", sc->f->gc_known, err);
	put_gens(o, "runs", sc->f->gc_runs, err);
	ft_put_bool(o, "timed", sc->f->gc_exact, err);
	put_gens(o, "timed_runs", sc->f->gc_timed, err);
	put_gens(o, "ns", sc->f->gc_ns, err);
	put_gens(o, "max_ns", sc->f->gc_max_ns, err);
	ft_put_u64(o, "on_ns", sc->sharing.gc_ns, err);
	ft_put_u64(o, "on_err_ns", sc->sharing.gc_err_ns, err);
	return o;
}

static struct json_object *extensions_json(const struct ft_findings *f, int *err)
{
	struct json_object *arr = json_object_new_array(), *o;
	size_t i;

	for (i = 0; arr && i < f->ext_cnt && !*err; i++) {
		const struct ft_ext_rec *e = &f->ext[i];

		o = json_object_new_object();
		if (o) {
			ft_put_str(o, "module", e->module, err);
			ft_put_str(o, "path", e->path, err);
			ft_put_known(o, "distribution", e->distribution, err);
			ft_put_str(o, "gil", ft_ext_gil_name(e->gil), err);
			ft_put_bool(o, "stdlib", e->stdlib, err);
			ft_put_u64(o, "seen_ns", e->seen_ns, err);
		}
		ft_put_elem(arr, o, err);
	}
	return arr;
}

static struct json_object *gil_history_json(const struct ft_findings *f, int *err)
{
	struct json_object *arr = json_object_new_array(), *o;
	size_t i;

	for (i = 0; arr && i < f->gil_cnt && !*err; i++) {
		const struct ft_gil_rec *g = &f->gil[i];

		o = json_object_new_object();
		if (o) {
			ft_put_u64(o, "ts_ns", g->ts_ns, err);
			ft_put_str(o, "state", ft_gil_state_name(g->state), err);
			ft_put_bool(o, "exact", g->exact, err);
			ft_put_known(o, "module", g->module, err);
		}
		ft_put_elem(arr, o, err);
	}
	return arr;
}

static struct json_object *sharing_json(const struct ft_sharing *sh, int *err)
{
	struct json_object *o = json_object_new_object(), *places = json_object_new_array();
	size_t i;

	if (!o || !places) {
		json_object_put(places);
		json_object_put(o);
		return NULL;
	}
	ft_put_u64(o, "shared_ns", sh->shared_ns, err);
	ft_put_u64(o, "shared_err_ns", sh->shared_err_ns, err);
	ft_put_u64(o, "hot_ns", sh->hot_ns, err);
	ft_put_u64(o, "merge_ns", sh->merge_ns, err);
	ft_put_u64(o, "delayed_ns", sh->delayed_ns, err);
	for (i = 0; i < sh->cnt && i < PLACES && !*err; i++) {
		struct json_object *p = json_object_new_object();

		if (p) {
			ft_put_known(p, "type", sh->row[i].name, err);
			ft_put_known(p, "site", sh->row[i].site, err);
			ft_put_u64(p, "on_ns", sh->row[i].ns, err);
			ft_put_u64(p, "hot_ns", sh->row[i].hot_ns, err);
			ft_put_u64(p, "samples", sh->row[i].cnt, err);
		}
		ft_put_elem(places, p, err);
	}
	ft_put_any(o, "places", places, err);
	return o;
}

static struct json_object *memory_json(const struct ft_findings *f, int *err)
{
	struct json_object *o = json_object_new_object(), *points = json_object_new_array();
	size_t i;

	if (!o || !points) {
		json_object_put(points);
		json_object_put(o);
		return NULL;
	}
	for (i = 0; i < f->memory_cnt && !*err; i++) {
		struct json_object *p = json_object_new_object();

		if (p) {
			ft_put_u64(p, "ts_ns", f->memory[i].ts_ns, err);
			ft_put_u64(p, "rss_bytes", f->memory[i].rss_bytes, err);
		}
		ft_put_elem(points, p, err);
	}
	ft_put_any(o, "points", points, err);
	ft_put_u64(o, "bytecode_copies", f->bytecode_copies, err);
	ft_put_u64(o, "bytecode_copy_bytes", f->bytecode_copy_bytes, err);
	return o;
}

static struct json_object *pmu_json(const struct ft_findings *f, int *err)
{
	struct json_object *o = json_object_new_object(), *threads = json_object_new_array();
	size_t i;

	if (!o || !threads) {
		json_object_put(threads);
		json_object_put(o);
		return NULL;
	}
	ft_put_bool(o, "available", f->pmu_ok, err);
	ft_put_known(o, "why_not", f->pmu_ok ? "" : f->pmu_why, err);
	for (i = 0; f->pmu_ok && i < f->pmu_cnt && !*err; i++) {
		struct json_object *t = json_object_new_object();

		if (t) {
			ft_put_u64(t, "tid", f->pmu[i].tid, err);
			ft_put_u64(t, "cycles", f->pmu[i].cycles, err);
			ft_put_u64(t, "instructions", f->pmu[i].instructions, err);
			ft_put_u64(t, "cache_misses", f->pmu[i].cache_misses, err);
		}
		ft_put_elem(threads, t, err);
	}
	ft_put_any(o, "threads", threads, err);
	return o;
}

static struct json_object *scaling_json(const struct ft_scaling *sc, int *err)
{
	struct json_object *arr = json_object_new_array(), *o;
	size_t i;

	for (i = 0; arr && i < sc->loss_cnt && !*err; i++) {
		o = json_object_new_object();
		if (o) {
			ft_put_str(o, "cause", ft_loss_name(sc->loss[i].cause), err);
			ft_put_str(o, "where", sc->loss[i].where, err);
			ft_put_u64(o, "lost_ns", sc->loss[i].lost_ns, err);
			ft_put_double(o, "lost_share", ft_share(sc->loss[i].lost_ns, sc->budget_ns),
				      err);
			ft_put_str(o, "advice", sc->loss[i].advice, err);
		}
		ft_put_elem(arr, o, err);
	}
	return arr;
}

/* What the rows of `scaling` are parts of. */
static struct json_object *core_time_json(const struct ft_scaling *sc, int *err)
{
	struct json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	ft_put_u64(o, "budget_ns", sc->budget_ns, err);
	ft_put_u64(o, "lost_ns", sc->lost_ns, err);
	ft_put_u64(o, "idle_ns", sc->idle_ns, err);
	ft_put_u64(o, "others_ns", sc->others_ns, err);
	return o;
}

void ft_report_json_found(struct json_object *root, const struct ft_model *m, int *err)
{
	const struct ft_scaling *sc = m->scaling;

	ft_put_any(root, "locks", locks_json(sc, err), err);
	ft_put_any(root, "yields", yields_json(m, err), err);
	ft_put_any(root, "stop_the_world", pauses_json(sc, err), err);
	ft_put_any(root, "gc", gc_json(sc, err), err);
	ft_put_any(root, "extensions", extensions_json(sc->f, err), err);
	ft_put_any(root, "gil_history", gil_history_json(sc->f, err), err);
	ft_put_any(root, "sharing", sharing_json(&sc->sharing, err), err);
	ft_put_any(root, "memory", memory_json(sc->f, err), err);
	ft_put_any(root, "pmu", pmu_json(sc->f, err), err);
	ft_put_any(root, "scaling", scaling_json(sc, err), err);
	ft_put_any(root, "core_time", core_time_json(sc, err), err);
}
