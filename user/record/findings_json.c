/* SPDX-License-Identifier: BSD-2-Clause */
/* FINDINGS: one table for both directions, and what each kind of element must be. */
#include "record/findings_json.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "record/json_members.h"
#include "record/session.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define U64(type, f) FT_JSON_MEMBER(struct type, U64, f, ~0ull, false)
#define U32(type, f, m, req) FT_JSON_MEMBER(struct type, U32, f, m, req)
#define STR(type, f, req) FT_JSON_MEMBER(struct type, STR, f, 0, req)
#define BOOL(type, f) FT_JSON_MEMBER(struct type, BOOL, f, 0, false)

static const struct ft_json_member lock_members[] = {
	U32(ft_lock_rec, id, UINT_MAX, true),
	U32(ft_lock_rec, kind, FT_LK_CNT - 1, true),
	STR(ft_lock_rec, name, true),
	STR(ft_lock_rec, owner, false),
	U64(ft_lock_rec, addr),
	U64(ft_lock_rec, waits),
	U64(ft_lock_rec, wait_ns),
	U64(ft_lock_rec, wait_max_ns),
	U64(ft_lock_rec, spin_ticks),
	U64(ft_lock_rec, yields),
	U64(ft_lock_rec, same),
	U64(ft_lock_rec, other),
	U32(ft_lock_rec, threads, UINT_MAX, false),
	BOOL(ft_lock_rec, many),
};

static const struct ft_json_member pause_members[] = {
	U32(ft_pause_rec, id, UINT_MAX, true),
	U32(ft_pause_rec, cause, FT_PC_CNT - 1, true),
	STR(ft_pause_rec, func, false),
	U64(ft_pause_rec, cnt),
	U64(ft_pause_rec, to_stop_ns),
	U64(ft_pause_rec, stopped_ns),
	U64(ft_pause_rec, max_ns),
	U64(ft_pause_rec, threads),
};

static const struct ft_json_member ext_members[] = {
	STR(ft_ext_rec, module, true),
	STR(ft_ext_rec, path, false),
	STR(ft_ext_rec, distribution, false),
	U32(ft_ext_rec, gil, FT_EG_USED, true),
	BOOL(ft_ext_rec, stdlib),
	U64(ft_ext_rec, seen_ns),
};

static const struct ft_json_member gil_members[] = {
	FT_JSON_MEMBER(struct ft_gil_rec, U64, ts_ns, ~0ull, true),
	U32(ft_gil_rec, state, FT_GIL_ENABLED, true),
	BOOL(ft_gil_rec, exact),
	STR(ft_gil_rec, module, false),
	U32(ft_gil_rec, stack, UINT_MAX, true),
};

static const struct ft_json_member memory_members[] = {
	FT_JSON_MEMBER(struct ft_memory_rec, U64, ts_ns, ~0ull, true),
	U64(ft_memory_rec, rss_bytes),
};

static const struct ft_json_member pmu_members[] = {
	U32(ft_pmu_rec, tid, INT_MAX, true),
	U64(ft_pmu_rec, cycles),
	U64(ft_pmu_rec, instructions),
	U64(ft_pmu_rec, cache_misses),
};

static const struct ft_json_member members[] = {
	BOOL(ft_findings, pmu_ok),
	STR(ft_findings, pmu_why, false),
	U64(ft_findings, yield_window_ns),
	U32(ft_findings, yield_windows, UINT_MAX, false),
	U64(ft_findings, yields),
	FT_JSON_MEMBER(struct ft_findings, DOUBLE, yields_rel_err, 0, false),
	U64(ft_findings, pause_window_ns),
	BOOL(ft_findings, gc_known),
	BOOL(ft_findings, gc_exact),
	U64(ft_findings, bytecode_copies),
	U64(ft_findings, bytecode_copy_bytes),
};

static bool lock_ok(const void *elem, const void *before)
{
	const struct ft_lock_rec *l = elem, *b = before;

	return l->kind < FT_LK_CNT && l->name[0] && (!b || l->id > b->id);
}

static bool pause_ok(const void *elem, const void *before)
{
	const struct ft_pause_rec *p = elem, *b = before;

	return p->cause < FT_PC_CNT && (!b || p->id > b->id);
}

static bool ext_ok(const void *elem, const void *before)
{
	const struct ft_ext_rec *e = elem;

	(void)before;
	return e->gil <= FT_EG_USED && e->module[0];
}

static bool gil_ok(const void *elem, const void *before)
{
	const struct ft_gil_rec *g = elem;

	(void)before;
	return g->state <= FT_GIL_ENABLED;
}

static bool memory_ok(const void *elem, const void *before)
{
	const struct ft_memory_rec *m = elem, *b = before;

	return !b || m->ts_ns >= b->ts_ns;
}

static bool pmu_ok(const void *elem, const void *before)
{
	const struct ft_pmu_rec *p = elem;

	(void)before;
	return p->tid <= INT_MAX;
}

/* An array of structures: where it is in struct ft_findings, and what its elements are. */
struct list {
	const char *name;
	size_t off;	/* of the pointer */
	size_t cnt_off; /* of its size_t */
	size_t max;
	size_t elem_sz;
	const struct ft_json_member *member;
	size_t member_cnt;
	/* whether an element is right after the one before it (NULL: the first) */
	bool (*ok)(const void *elem, const void *before);
};

#define LIST(f, m)                                                                                 \
	{                                                                                          \
#f, offsetof(struct ft_findings, f), offsetof(struct ft_findings, f##_cnt), m,     \
			sizeof(*((struct ft_findings *)0)->f), f##_members, LEN(f##_members),      \
			f##_ok                                                                     \
	}

static const struct list lists[] = {
	LIST(lock, FT_MAX_LOCKS),      LIST(pause, FT_MAX_PAUSE_CAUSES), LIST(ext, FT_EXT_MAX),
	LIST(gil, FT_GIL_CHANGES_MAX), LIST(memory, FT_MEMORY_MAX),	 LIST(pmu, FT_PMU_MAX),
};

/* An array of numbers; what is 0 at its end is not written. */
struct numbers {
	const char *name;
	size_t off;
	size_t len;
};

static const struct numbers numbers[] = {
	{"pause_hist", offsetof(struct ft_findings, pause_hist), FT_HIST_LEN},
	{"gc_runs", offsetof(struct ft_findings, gc_runs), FT_GC_GENS},
	{"gc_timed", offsetof(struct ft_findings, gc_timed), FT_GC_GENS},
	{"gc_ns", offsetof(struct ft_findings, gc_ns), FT_GC_GENS},
	{"gc_max_ns", offsetof(struct ft_findings, gc_max_ns), FT_GC_GENS},
};

static int put_list(struct json_object *obj, const struct list *l, const struct ft_findings *f)
{
	size_t i, cnt = *(const size_t *)((const char *)f + l->cnt_off);
	const char *p, *elem, *before = NULL;
	struct json_object *arr, *v;
	int err;

	memcpy(&p, (const char *)f + l->off, sizeof(p));
	if (cnt > l->max)
		return -EFBIG;
	arr = json_object_new_array();
	err = ft_json_add(obj, l->name, arr);
	for (i = 0; i < cnt && !err; i++, before = elem) {
		elem = p + i * l->elem_sz;
		if (!l->ok(elem, before))
			return -EINVAL;
		v = json_object_new_object();
		err = ft_json_append(arr, v);
		if (!err)
			err = ft_json_put(v, l->member, l->member_cnt, elem);
	}
	return err;
}

static int put_numbers(struct json_object *obj, const struct numbers *n,
		       const struct ft_findings *f)
{
	const __u64 *v = (const __u64 *)((const char *)f + n->off);
	struct json_object *arr = json_object_new_array();
	size_t i, len = n->len;
	int err;

	while (len && !v[len - 1])
		len--;
	err = ft_json_add(obj, n->name, arr);
	for (i = 0; i < len && !err; i++)
		err = ft_json_append(arr, json_object_new_uint64(v[i]));
	return err;
}

int ft_findings_to_json(const struct ft_findings *f, struct ft_text *out)
{
	struct json_object *obj = json_object_new_object();
	size_t i;
	int err;

	if (!obj)
		return -ENOMEM;
	err = ft_json_put(obj, members, LEN(members), f);
	for (i = 0; i < LEN(lists) && !err; i++)
		err = put_list(obj, &lists[i], f);
	for (i = 0; i < LEN(numbers) && !err; i++)
		err = put_numbers(obj, &numbers[i], f);
	if (!err)
		err = ft_json_text(obj, out);
	json_object_put(obj);
	return err;
}

static int get_list(struct json_object *obj, const struct list *l, struct ft_findings *f)
{
	char *p, *elem, *before = NULL;
	struct json_object *arr;
	size_t i, cnt;

	if (ft_json_array(obj, l->name, l->max, &arr))
		return -EBADMSG;
	cnt = arr ? json_object_array_length(arr) : 0;
	if (!cnt)
		return 0;
	p = calloc(cnt, l->elem_sz);
	if (!p)
		return -ENOMEM;
	memcpy((char *)f + l->off, &p, sizeof(p));
	*(size_t *)((char *)f + l->cnt_off) = cnt;
	for (i = 0; i < cnt; i++, before = elem) {
		elem = p + i * l->elem_sz;
		if (ft_json_get(json_object_array_get_idx(arr, i), l->member, l->member_cnt,
				elem) ||
		    !l->ok(elem, before))
			return -EBADMSG;
	}
	return 0;
}

static int get_numbers(struct json_object *obj, const struct numbers *n, struct ft_findings *f)
{
	__u64 *v = (__u64 *)((char *)f + n->off);
	struct json_object *arr;
	size_t i, cnt;
	int err;

	err = ft_json_array(obj, n->name, n->len, &arr);
	cnt = !err && arr ? json_object_array_length(arr) : 0;
	for (i = 0; i < cnt && !err; i++)
		err = ft_json_uint(json_object_array_get_idx(arr, i), ~0ull, &v[i]);
	return err;
}

/* Those of one time keep their order. */
static void sort_gil(struct ft_gil_rec *g, size_t cnt)
{
	struct ft_gil_rec r;
	size_t i, at;

	for (i = 1; i < cnt; i++) {
		for (at = i; at && g[at - 1].ts_ns > g[i].ts_ns; at--)
			;
		if (at == i)
			continue;
		r = g[i];
		memmove(&g[at + 1], &g[at], (i - at) * sizeof(r));
		g[at] = r;
	}
}

int ft_findings_from_json(const char *s, size_t len, struct ft_findings *f)
{
	struct json_object *obj;
	size_t i;
	int err;

	ft_findings_init(f);
	err = ft_json_parse(s, len, &obj);
	if (err)
		return err;
	err = ft_json_get(obj, members, LEN(members), f);
	for (i = 0; i < LEN(lists) && !err; i++)
		err = get_list(obj, &lists[i], f);
	for (i = 0; i < LEN(numbers) && !err; i++)
		err = get_numbers(obj, &numbers[i], f);
	json_object_put(obj);
	if (err)
		ft_findings_free(f);
	else
		sort_gil(f->gil, f->gil_cnt);
	return err;
}
