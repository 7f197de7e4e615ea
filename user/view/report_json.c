/* SPDX-License-Identifier: BSD-2-Clause */
/* The report as JSON. */
#include "view/report_json.h"
#include <errno.h>
#include <string.h>
#include "model/scaling.h"
#include "view/json_put.h"

static const char *engine_name(__u32 engine)
{
	switch (engine) {
	case FT_ENGINE_UPROBE:
		return "uprobe";
	case FT_ENGINE_MIXED:
		return "mixed";
	default:
		return "passive";
	}
}

static const char *end_name(__u32 end)
{
	switch (end) {
	case FT_END_DURATION:
		return "duration";
	case FT_END_INTERRUPT:
		return "interrupt";
	case FT_END_EXIT:
		return "exit";
	case FT_END_EXEC:
		return "exec";
	default:
		return "cut_short";
	}
}

static struct json_object *lost_by_type(const struct ft_model *m, int *err)
{
	static const struct {
		const char *name;
		enum ft_cnt cnt;
	} types[] = {
		{"slice", FT_CN_LOST_SLICE}, {"tick", FT_CN_LOST_TICK},
		{"start", FT_CN_LOST_START}, {"exit", FT_CN_LOST_EXIT},
		{"cpu", FT_CN_LOST_CPU},     {"process", FT_CN_LOST_PROC},
	};
	struct json_object *o = json_object_new_object();
	size_t i;

	if (!o)
		return NULL;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		ft_put_u64(o, types[i].name, m->totals->sums.cnt[types[i].cnt], err);
	ft_put_u64(o, "over_size_cap", m->totals->events_dropped, err);
	ft_put_u64(o, "malformed", m->totals->events_malformed, err);
	return o;
}

static struct json_object *session_json(const struct ft_model *m, int *err)
{
	const struct ft_session_info *info = m->info;
	struct json_object *o = json_object_new_object(), *ev = json_object_new_object();
	struct json_object *cpus = json_object_new_array();
	__u32 i;

	if (!o || !ev || !cpus) {
		json_object_put(ev);
		json_object_put(cpus);
		json_object_put(o);
		return NULL;
	}
	ft_put_u64(o, "duration_ns", m->duration_ns, err);
	ft_put_str(o, "engine", engine_name(info->engine), err);
	ft_put_u64(ev, "received", m->received, err);
	ft_put_u64(ev, "lost", m->lost, err);
	ft_put_double(ev, "loss_share", m->loss_share, err);
	ft_put_any(ev, "lost_by", lost_by_type(m, err), err);
	ft_put_u64(ev, "missed_threads", m->missed_threads, err);
	ft_put_u64(ev, "skipped_programs", m->totals->recursion_misses, err);
	ft_put_u64(ev, "repaired", m->totals->sums.cnt[FT_CN_REPAIRED], err);
	ft_put_u64(ev, "locks_unnumbered", m->totals->sums.cnt[FT_CN_LOCK_FULL], err);
	ft_put_u64(ev, "locks_unreadable", m->totals->sums.cnt[FT_CN_LOCK_READ], err);
	ft_put_u64(ev, "pauses_lost", m->totals->sums.cnt[FT_CN_PAUSE_LOST], err);
	ft_put_u64(ev, "collections_lost", m->totals->sums.cnt[FT_CN_GC_LOST], err);
	ft_put_bool(ev, "recorded", info->has_events, err);
	ft_put_any(o, "events", ev, err);
	for (i = 0; i < info->cpus_cnt && i < FT_MAX_CPUS; i++)
		ft_put_elem_u64(cpus, info->cpus[i], err);
	ft_put_any(o, "cpus", cpus, err);
	ft_put_u64(o, "cores", m->cores, err);
	ft_put_double(o, "quota", info->quota, err);
	ft_put_u64(o, "throttled_ns", m->totals->throttled_ns, err);
	ft_put_u64(o, "start_wall_ns", info->start_wall_ns, err);
	ft_put_u64(o, "start_ns", info->start_ns, err);
	ft_put_u64(o, "end_ns", m->totals->end_ns, err);
	ft_put_str(o, "end", end_name(info->end), err);
	ft_put_s64(o, "end_status", info->end_status, err);
	ft_put_u64(o, "tick_hz", info->tick_hz, err);
	ft_put_str(o, "ftprof", info->ftprof_version, err);
	ft_put_str(o, "host", info->host, err);
	ft_put_str(o, "kernel", info->kernel, err);
	ft_put_lines(o, "limits", info->limits, err);
	if (m->damage)
		ft_put_str(o, "damage", m->damage, err);
	else
		ft_put_null(o, "damage", err);
	return o;
}

static struct json_object *target_json(const struct ft_model *m, int *err)
{
	const struct ft_session_info *info = m->info;
	struct json_object *o = json_object_new_object(), *py = json_object_new_object();

	if (!o || !py) {
		json_object_put(py);
		json_object_put(o);
		return NULL;
	}
	ft_put_u64(o, "pid", info->pid, err);
	ft_put_str(o, "name", info->name, err);
	ft_put_str(o, "exe", info->exe, err);
	ft_put_str(o, "cmdline", info->cmdline, err);
	ft_put_str(py, "version", info->python, err);
	ft_put_bool(py, "free_threaded", info->free_threaded, err);
	ft_put_str(py, "gil", ft_gil_state_name(info->gil), err);
	ft_put_known(py, "gil_enabled_by", m->scaling->gil_module, err);
	ft_put_u64(py, "switch_interval_us", info->switch_interval_us, err);
	ft_put_any(o, "python", py, err);
	ft_put_u64(o, "children", info->children, err);
	ft_put_u64(o, "cpu_ns", m->totals->target_cpu_ns, err);
	return o;
}

static struct json_object *thread_json(const struct ft_mthread *t, int *err)
{
	struct json_object *o = json_object_new_object(), *st = json_object_new_object();
	size_t i;

	if (!o || !st) {
		json_object_put(st);
		json_object_put(o);
		return NULL;
	}
	ft_put_u64(o, "tid", t->tid, err);
	ft_put_str(o, "name", t->name, err);
	ft_put_u64(o, "lifetime_ns", t->lifetime_ns, err);
	ft_put_s64(o, "residual_ns", t->residual_ns, err);
	for (i = 0; i < FT_R_CNT; i++)
		ft_put_u64(st, ft_rstate_name((enum ft_rstate)i), t->state_ns[i], err);
	ft_put_any(o, "state_ns", st, err);
	ft_put_u64(o, "on_ns", t->on_ns, err);
	ft_put_u64(o, "on_split_err_ns", t->on_split_err_ns, err);
	ft_put_u64(o, "ticks", t->ticks, err);
	ft_put_u64(o, "gil_wait_runq_ns", t->gil_wait_runq_ns, err);
	ft_put_u64(o, "gil_waits", t->gil_waits, err);
	ft_put_u64(o, "gil_waits_lo", t->gil_waits_lo, err);
	ft_put_u64(o, "gil_waits_hi", t->gil_waits_hi, err);
	ft_put_u64(o, "gil_wait_max_ns", t->gil_wait_max_ns, err);
	ft_put_u64(o, "held_off_core_ns", t->held_off_ns, err);
	ft_put_u64(o, "switches", t->switches, err);
	ft_put_u64(o, "ns_tid", t->ns_tid, err);
	ft_put_bool(o, "main", t->leader, err);
	ft_put_bool(o, "python", t->python, err);
	ft_put_bool(o, "exited", t->exited, err);
	return o;
}

static struct json_object *threads_json(const struct ft_model *m, int *err)
{
	struct json_object *arr = json_object_new_array();
	size_t i;

	for (i = 0; arr && i < m->thread_cnt && !*err; i++)
		ft_put_elem(arr, thread_json(&m->threads[i], err), err);
	return arr;
}

static struct json_object *origin_json(const struct ft_model *m, enum ft_origin origin, int *err)
{
	struct json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	ft_put_u64(o, "waits", m->by_origin[origin].waits, err);
	ft_put_u64(o, "p50_ns", m->by_origin[origin].p50_ns, err);
	ft_put_u64(o, "p99_ns", m->by_origin[origin].p99_ns, err);
	return o;
}

static struct json_object *gil_json(const struct ft_model *m, int *err)
{
	struct json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	ft_put_u64(o, "held_ns", m->held_ns, err);
	ft_put_u64(o, "wait_ns", m->wait_ns, err);
	ft_put_u64(o, "waits", m->waits, err);
	ft_put_u64(o, "waits_lo", m->waits_lo, err);
	ft_put_u64(o, "waits_hi", m->waits_hi, err);
	ft_put_u64(o, "handoffs", m->handoffs, err);
	ft_put_u64(o, "held_off_core_ns", m->held_off_ns, err);
	ft_put_u64(o, "wait_p50_ns", m->wait_p50_ns, err);
	ft_put_u64(o, "wait_p99_ns", m->wait_p99_ns, err);
	ft_put_u64(o, "wait_max_ns", m->wait_max_ns, err);
	ft_put_any(o, "after_blocking", origin_json(m, FT_OR_BLOCKING, err), err);
	ft_put_any(o, "after_forced_switch", origin_json(m, FT_OR_FORCED, err), err);
	ft_put_any(o, "at_start", origin_json(m, FT_OR_START, err), err);
	ft_put_any(o, "otherwise", origin_json(m, FT_OR_OTHER, err), err);
	ft_put_u64(o, "wait_any_ns", m->totals->sums.wait_any_ns, err);
	ft_put_u64(o, "hold_p50_ns", m->hold_p50_ns, err);
	ft_put_u64(o, "hold_p99_ns", m->hold_p99_ns, err);
	ft_put_u64(o, "probed_ns", m->totals->exact_window_ns, err);
	ft_put_u64(o, "probed_takes", m->totals->exact_take_cnt, err);
	ft_put_u64(o, "probed_waits", m->totals->exact_wait_cnt, err);
	return o;
}

static struct json_object *parallelism_json(const struct ft_model *m, int *err)
{
	struct json_object *o = json_object_new_object(), *levels = json_object_new_array();
	__u32 last = m->par_max > m->cores ? m->par_max : m->cores, k;

	if (!o || !levels) {
		json_object_put(levels);
		json_object_put(o);
		return NULL;
	}
	ft_put_double(o, "mean", m->par_mean, err);
	for (k = 0; k <= last && k <= FT_MAX_CPUS; k++)
		ft_put_elem_u64(levels, m->totals->level_ns[k], err);
	ft_put_any(o, "ns_by_level", levels, err);
	ft_put_u64(o, "lost_ns", m->lost_ns, err);
	ft_put_double(o, "cores_used", m->cores_used, err);
	return o;
}

static struct json_object *syscalls_json(const struct ft_model *m, int *err)
{
	struct json_object *arr = json_object_new_array();
	size_t i;

	for (i = 0; arr && i < m->top_syscall_cnt && !*err; i++) {
		struct json_object *v = json_object_new_object();

		if (v) {
			ft_put_u64(v, "number", m->top_syscalls[i].nr, err);
			ft_put_str(v, "name", m->top_syscalls[i].name, err);
			ft_put_u64(v, "asleep_ns", m->top_syscalls[i].ns, err);
		}
		ft_put_elem(arr, v, err);
	}
	return arr;
}

static struct json_object *cost_json(const struct ft_model *m, int *err)
{
	struct json_object *o = json_object_new_object();
	const __u64 *cnt = m->totals->sums.cnt;

	if (!o)
		return NULL;
	ft_put_u64(o, "ftprof_cpu_ns", m->totals->ftprof_cpu_ns, err);
	ft_put_u64(o, "bpf_ns", m->totals->bpf_ns, err);
	ft_put_u64(o, "rss_bytes", m->totals->rss_bytes, err);
	ft_put_u64(o, "probes_in_target", m->totals->probes_in_target, err);
	ft_put_u64(o, "probe_hits",
		   cnt[FT_CN_PROBE_TAKE] + cnt[FT_CN_PROBE_SIGNAL] + cnt[FT_CN_PROBE_PAUSE] +
			   cnt[FT_CN_PROBE_WARN],
		   err);
	ft_put_double(o, "core_share", m->self_core_share, err);
	ft_put_lines(o, "sites", m->info->sites, err);
	return o;
}

static const char *frame_kind_name(__u8 kind)
{
	switch (kind) {
	case FT_FK_PYTHON:
		return "python";
	case FT_FK_NATIVE:
		return "native";
	case FT_FK_KERNEL:
		return "kernel";
	default:
		return "mark";
	}
}

static struct json_object *stacks_json(const struct ft_model *m, const struct ft_func_lists *fn,
				       int *err)
{
	struct json_object *o = json_object_new_object(), *by = json_object_new_object();
	const struct ft_totals *tot = m->totals;
	struct ft_stack_quality q;

	if (!o || !by) {
		json_object_put(by);
		json_object_put(o);
		return NULL;
	}
	ft_stack_quality(m, &q);
	ft_put_u64(o, "hz", m->info->stack_hz, err);
	ft_put_bool(o, "native", m->info->native_frames, err);
	ft_put_bool(o, "kernel", m->info->kernel_frames, err);
	ft_put_u64(o, "walked", q.walked, err);
	ft_put_u64(o, "errors", q.errors, err);
	ft_put_double(o, "error_share", ft_share(q.errors, q.walked), err);
	ft_put_u64(by, "frame", q.by_mark[FT_PM_FRAME], err);
	ft_put_u64(by, "code", q.by_mark[FT_PM_CODE], err);
	ft_put_u64(by, "type", q.by_mark[FT_PM_TYPE], err);
	ft_put_u64(by, "loop", q.by_mark[FT_PM_LOOP], err);
	ft_put_u64(by, "tstate", q.by_mark[FT_PM_TSTATE], err);
	ft_put_any(o, "errors_by", by, err);
	ft_put_u64(o, "truncated", q.truncated, err);
	ft_put_u64(o, "switches_skipped", q.skipped, err);
	ft_put_double(o, "switches_walked_share", q.walked_share, err);
	ft_put_u64(o, "no_room", tot->sums.cnt[FT_CN_STACK_FULL], err);
	ft_put_u64(o, "resent", tot->sums.cnt[FT_CN_LOST_STACK], err);
	ft_put_u64(o, "distinct", tot->stacks_distinct, err);
	ft_put_u64(o, "distinct_max", tot->stacks_cap, err);
	ft_put_u64(o, "frames_unnamed", tot->stacks_unnamed, err);
	ft_put_u64(o, "undescribed", tot->stacks_undescribed, err);
	ft_put_lines(o, "native_cut", m->info->cut, err);
	ft_put_double(o, "gil_blame_factor", fn->list[FT_FUNCS_GIL_BLAME].factor, err);
	return o;
}

static struct json_object *func_json(const struct ft_func *f, __u64 total, int *err)
{
	struct json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	ft_put_str(o, "name", f->name, err);
	ft_put_str(o, "file", f->file, err);
	ft_put_u64(o, "line", f->line, err);
	ft_put_str(o, "kind", frame_kind_name(f->kind), err);
	ft_put_u64(o, "self_ns", f->self_ns, err);
	ft_put_u64(o, "total_ns", f->total_ns, err);
	ft_put_double(o, "self_share", ft_share(f->self_ns, total), err);
	return o;
}

static struct json_object *func_list_json(const struct ft_func_list *l, int *err)
{
	struct json_object *arr = json_object_new_array();
	int i;

	for (i = 0; arr && i < l->cnt && !*err; i++)
		ft_put_elem(arr, func_json(&l->func[i], l->total_ns, err), err);
	return arr;
}

static struct json_object *funcs_json(const struct ft_func_lists *fn, int *err)
{
	struct json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	ft_put_any(o, "on_cpu", func_list_json(&fn->list[FT_FUNCS_ON_CPU], err), err);
	ft_put_any(o, "gil_wait", func_list_json(&fn->list[FT_FUNCS_GIL_WAIT], err), err);
	ft_put_any(o, "gil_blame", func_list_json(&fn->list[FT_FUNCS_GIL_BLAME], err), err);
	return o;
}

static struct json_object *verdict_json(const struct ft_model *m, int *err)
{
	struct json_object *o = json_object_new_object();
	struct ft_text advice = {0};
	size_t i;

	if (!o)
		return NULL;
	ft_put_str(o, "kind", ft_verdict_name(m->verdict.kind), err);
	ft_put_str(o, "text", m->verdict.text, err);
	/* a sentence a line there; one string of sentences here */
	ft_text_add(&advice, m->verdict.advice);
	for (i = 0; !advice.err && i < advice.len; i++)
		if (advice.s[i] == '\n')
			advice.s[i] = ' ';
	if (advice.err)
		*err = advice.err;
	else
		ft_put_str(o, "advice", advice.s ? advice.s : "", err);
	ft_text_free(&advice);
	return o;
}

int ft_report_json(struct ft_text *out, const struct ft_model *m, const struct ft_func_lists *fn)
{
	struct json_object *root = json_object_new_object();
	const char *s;
	size_t len;
	int err = 0;

	if (!root)
		return -ENOMEM;
	ft_put_str(root, "schema", "ftprof-report/1", &err);
	ft_put_any(root, "session", session_json(m, &err), &err);
	ft_put_any(root, "target", target_json(m, &err), &err);
	ft_put_any(root, "threads", threads_json(m, &err), &err);
	ft_put_any(root, "gil", gil_json(m, &err), &err);
	ft_put_any(root, "parallelism", parallelism_json(m, &err), &err);
	ft_put_any(root, "syscalls", syscalls_json(m, &err), &err);
	ft_put_any(root, "stacks", stacks_json(m, fn, &err), &err);
	ft_put_any(root, "functions", funcs_json(fn, &err), &err);
	ft_report_json_found(root, m, &err);
	ft_put_any(root, "cost", cost_json(m, &err), &err);
	ft_put_any(root, "verdict", verdict_json(m, &err), &err);
	if (err)
		goto out;
	s = json_object_to_json_string_length(root,
					      JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
						      JSON_C_TO_STRING_NOSLASHESCAPE,
					      &len);
	if (!s) {
		err = -ENOMEM;
		goto out;
	}
	ft_text_addn(out, s, len);
	ft_text_add(out, "\n");
	err = out->err;
out:
	json_object_put(root);
	return err;
}
