/* SPDX-License-Identifier: BSD-2-Clause */
/* One session of a page: one pass over its spans, then as fine as there is room for. */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "export/escape.h"
#include "export/page_priv.h"
#include "model/scaling.h"

#define NAME_CHARS 200
#define REPORT_THREADS 1000 /* in the report's JSON; above it those with a lane */

struct side {
	const struct ft_page_side *in;
	const struct ft_model *m;
	struct ft_page_axis x;
	struct ft_page_lanes lanes;
	struct ft_page_cores *cores;
	struct ft_page_curves curves;
	struct ft_page_stacks stacks;
	__u32 *lane_of; /* [rec_cnt] FT_PAGE_NO_LANE: has none */
	__u64 *on_ns;	/* [rec_cnt] in the page's time */
	size_t rec_cnt;
	__u32 *thr; /* [lanes.cnt] */
	__u32 more; /* threads that lived, without a lane */
	__u64 tick_ns;
	__u32 detail;	       /* units */
	struct ft_map lock_of; /* of an address: number of the lock's record */
	__u32 *lock;	       /* [locks of the findings] number in the page + 1 */
	__u32 lock_cnt;	       /* in the page */
	const struct ft_findings *f;
};

static void side_free(struct side *s)
{
	ft_page_lanes_free(&s->lanes);
	ft_page_cores_free(s->cores);
	free(s->cores);
	ft_page_curves_free(&s->curves);
	ft_page_stacks_free(&s->stacks);
	free(s->lane_of);
	free(s->on_ns);
	free(s->thr);
	free(s->lock);
	ft_map_free(&s->lock_of);
}

/* The next of 1, 2, 5, 10, 20... us, in units; the units are whole ns. */
static __u32 next_detail(const struct side *s)
{
	__u64 ns = 1000, lead = 1, v;

	for (; ns < 1000000000000000000ull; ns *= 10) {
		for (lead = 1; lead <= 5; lead = lead * 2 + (lead == 2)) {
			v = ns * lead / s->x.unit_ns;
			if (v > s->detail)
				return v < s->x.length ? (__u32)v : s->x.length + 1;
		}
	}
	return s->x.length + 1;
}

static int merge(struct side *s)
{
	int err = ft_page_lanes_merge(&s->lanes, s->detail);

	return err ?: ft_page_cores_merge(s->cores, s->detail);
}

/* Whether there are more than so many parts of four of what there may be. */
static bool too_many(const struct side *s, __u32 parts)
{
	return s->lanes.total >= FT_PAGE_SPANS_MAX / 4 * parts ||
	       s->cores->total >= FT_PAGE_CSPANS_MAX / 4 * parts;
}

/* Room for a quarter at least, so that it is not made for every span. */
static int make_room(struct side *s)
{
	int err = 0;

	if (!too_many(s, 4))
		return 0;
	/* what came since the last time is as fine as it was */
	if (s->detail)
		err = merge(s);
	while (!err && s->detail <= s->x.length && too_many(s, 3)) {
		s->detail = next_detail(s);
		err = merge(s);
	}
	return err;
}

static __u32 lane_of(const struct side *s, __u32 thr)
{
	return thr < s->rec_cnt ? s->lane_of[thr] : FT_PAGE_NO_LANE;
}

static __u64 clipped(const struct side *s, const struct ft_span *sp)
{
	__u64 from = sp->from_ns > s->x.from_ns ? sp->from_ns : s->x.from_ns;
	__u64 to = sp->to_ns < s->x.to_ns ? sp->to_ns : s->x.to_ns;

	return to > from ? to - from : 0;
}

/* Divides len by the shares so that the parts add up to it. True: it is all of one. */
static bool divide(__u32 len, const float *split, __u32 part[FT_ON_CNT])
{
	__u32 left = len, most = 0;

	for (__u32 i = 0; i < FT_ON_CNT; i++) {
		double v = (double)len * (double)split[i];

		part[i] = v < 0 ? 0 : v < left ? (__u32)v : left;
		left -= part[i];
		if (split[i] > split[most])
			most = i;
	}
	part[most] += left;
	return part[most] == len;
}

static int add_on(struct side *s, const struct ft_span *sp)
{
	struct ft_page_span span = {.node = FT_NO_STACK, .cpu = sp->cpu, .state = sp->state};
	__u32 lane = lane_of(s, sp->thr), part[FT_ON_CNT];
	__u32 from = ft_page_time(&s->x, sp->from_ns), to = ft_page_time(&s->x, sp->to_ns);
	struct ft_page_mix mix = {0};
	int err = 0;

	ft_page_curves_add(&s->curves, FT_CURVE_ON, sp->from_ns, sp->to_ns, 1);
	if (sp->split[FT_ON_GIL] > 0)
		ft_page_curves_add(&s->curves, FT_CURVE_HELD, sp->from_ns, sp->to_ns,
				   (double)sp->split[FT_ON_GIL]);
	if (sp->thr < s->rec_cnt)
		s->on_ns[sp->thr] += clipped(s, sp);
	if (!divide(to - from, sp->split, part)) {
		span.state = FT_PAGE_MIXED;
		memcpy(mix.part, part, sizeof(part));
	}
	if (sp->flags & FT_SPAN_FIRST && sp->from_ns >= s->x.from_ns)
		span.flags = FT_PAGE_FIRST;
	if (lane != FT_PAGE_NO_LANE)
		err = ft_page_lanes_add(&s->lanes, lane, from, to, &span, &mix);
	return err ?: ft_page_cores_on(s->cores, sp->cpu, lane + 1, from, to, part);
}

/* The waker of a GIL or lock wait, and when it woke it. */
static void note_waker(const struct side *s, const struct ft_span *sp, __u32 from,
		       struct ft_page_span *span)
{
	__u32 wake = ft_page_time(&s->x, sp->wake_ns ? sp->wake_ns : sp->to_ns);

	if (sp->waker == FT_NO_THREAD || sp->flags & FT_SPAN_OPEN)
		return;
	span->flags |= FT_PAGE_WAKER;
	span->waker = lane_of(s, sp->waker) + 1;
	span->wake = wake > from ? wake - from : 0;
}

/* Number of a lock's record + 1, 0: not known. */
static int lock_number(struct side *s, __u64 addr, __u32 *out)
{
	__u32 no = (__u32)s->f->lock_cnt;
	bool added = false;
	int err;

	*out = 0;
	if (!addr || !s->f->lock_cnt)
		return 0;
	/* an address that is none becomes one of "not known"; the addresses of a session are few */
	err = ft_map_get(&s->lock_of, addr, no, &no, &added);
	if (!err && no < s->f->lock_cnt)
		*out = no + 1;
	return err;
}

static int add_off(struct side *s, const struct ft_span *sp)
{
	struct ft_page_span span = {.node = sp->stack, .cpu = sp->cpu, .state = sp->state};
	__u32 from = ft_page_time(&s->x, sp->from_ns), to = ft_page_time(&s->x, sp->to_ns);
	__u32 lane = lane_of(s, sp->thr);
	__u64 ns = clipped(s, sp);
	int err = 0;

	if (!ns)
		return 0;
	if (sp->state == FT_R_GIL_WAIT || sp->state == FT_R_GIL_SWITCH)
		ft_page_curves_add(&s->curves, FT_CURVE_WAIT_GIL, sp->from_ns, sp->to_ns, 1);
	else if (sp->state == FT_R_STW)
		ft_page_curves_add(&s->curves, FT_CURVE_STW, sp->from_ns, sp->to_ns, 1);
	else if (sp->state == FT_R_LOCK_WAIT)
		ft_page_curves_add(&s->curves, FT_CURVE_LOCK, sp->from_ns, sp->to_ns, 1);
	if (sp->ev_flags & FT_SF_HELD) {
		ft_page_curves_add(&s->curves, FT_CURVE_HELD, sp->from_ns, sp->to_ns, 1);
		span.flags |= FT_PAGE_HELD;
	}
	if (sp->stack != FT_NO_STACK)
		err = ft_page_stacks_add(&s->stacks, ft_page_time(&s->x, sp->from_ns), sp->state,
					 sp->stack, ns);
	if (err || lane == FT_PAGE_NO_LANE)
		return err;
	if (sp->state == FT_R_GIL_WAIT || sp->state == FT_R_LOCK_WAIT)
		note_waker(s, sp, from, &span);
	if (sp->state == FT_R_LOCK_WAIT)
		err = lock_number(s, sp->arg, &span.ref);
	return err ?: ft_page_lanes_add(&s->lanes, lane, from, to, &span, NULL);
}

static int add_gap(struct side *s, const struct ft_span *sp)
{
	struct ft_page_span span = {.node = FT_NO_STACK, .state = FT_PAGE_GAP};
	__u32 from = ft_page_time(&s->x, sp->from_ns), to = ft_page_time(&s->x, sp->to_ns);
	__u32 lane = lane_of(s, sp->thr);
	int err = 0;

	if (sp->to_ns < s->x.from_ns || sp->from_ns >= s->x.to_ns)
		return 0;
	if (lane != FT_PAGE_NO_LANE)
		err = ft_page_lanes_add(&s->lanes, lane, from, to, &span, NULL);
	return err ?: ft_page_cores_gap(s->cores, from, to);
}

/* The part of it that lies in the page, as if it were evenly spread. */
static int add_other(struct side *s, const struct ft_span *sp)
{
	__u64 len = sp->to_ns > sp->from_ns ? sp->to_ns - sp->from_ns : 0;
	__u64 ns = sp->arg < len ? sp->arg : len, in = clipped(s, sp);

	if (!in || !len)
		return 0;
	return ft_page_cores_other(s->cores, sp->cpu, ft_page_time(&s->x, sp->from_ns),
				   ft_page_time(&s->x, sp->to_ns),
				   (double)ns * (double)in / (double)len / (double)s->x.unit_ns);
}

static int take(void *ctx, const struct ft_span *sp)
{
	struct side *s = ctx;
	int err = make_room(s);

	if (err)
		return err;
	switch (sp->type) {
	case FT_SPAN_ON:
		return add_on(s, sp);
	case FT_SPAN_OFF:
		return add_off(s, sp);
	case FT_SPAN_GAP:
		return add_gap(s, sp);
	case FT_SPAN_OTHER:
		return add_other(s, sp);
	case FT_SPAN_TICK:
		if (sp->stack == FT_NO_STACK || sp->from_ns < s->x.from_ns ||
		    sp->from_ns >= s->x.to_ns)
			return 0;
		return ft_page_stacks_add(&s->stacks, ft_page_time(&s->x, sp->from_ns), sp->state,
					  sp->stack, s->tick_ns);
	default:
		return 0;
	}
}

struct rank {
	__u64 want_ns, life_ns;
	__u32 thr;
};

static int by_rank(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;

	if (x->want_ns != y->want_ns)
		return x->want_ns > y->want_ns ? -1 : 1;
	if (x->life_ns != y->life_ns)
		return x->life_ns > y->life_ns ? -1 : 1;
	return x->thr < y->thr ? -1 : x->thr > y->thr;
}

/* Lanes for those that wanted to run most, of all that lived in the page's time. */
static int choose_threads(struct side *s)
{
	const struct ft_thread_rec *recs = ft_reader_threads(s->in->r, &s->rec_cnt);
	struct rank *rank = calloc(s->m->thread_cnt + 1, sizeof(*rank));
	__u32 cnt = 0, i, lanes;
	int err = -ENOMEM;

	s->lane_of = calloc(s->rec_cnt + 1, sizeof(*s->lane_of));
	s->on_ns = calloc(s->rec_cnt + 1, sizeof(*s->on_ns));
	s->thr = calloc(FT_PAGE_LANES_MAX, sizeof(*s->thr));
	if (!rank || !s->lane_of || !s->on_ns || !s->thr)
		goto out;
	for (size_t k = 0; k < s->rec_cnt; k++)
		s->lane_of[k] = FT_PAGE_NO_LANE;
	for (size_t k = 0; k < s->m->thread_cnt; k++) {
		const struct ft_mthread *t = &s->m->threads[k];

		if (t->thr >= s->rec_cnt || recs[t->thr].t.start_ns > s->x.to_ns ||
		    recs[t->thr].t.since_ns < s->x.from_ns)
			continue;
		rank[cnt++] = (struct rank){t->want_ns, t->lifetime_ns, t->thr};
	}
	if (cnt)
		qsort(rank, cnt, sizeof(*rank), by_rank);
	lanes = cnt < FT_PAGE_LANES_MAX ? cnt : FT_PAGE_LANES_MAX;
	for (i = 0; i < lanes; i++) {
		s->thr[i] = rank[i].thr;
		s->lane_of[rank[i].thr] = i;
	}
	s->more = cnt - lanes;
	err = ft_page_lanes_init(&s->lanes, lanes);
out:
	free(rank);
	return err;
}

static int choose_cores(struct side *s)
{
	const struct ft_session_info *info = s->m->info;

	s->cores = calloc(1, sizeof(*s->cores));
	if (!s->cores)
		return -ENOMEM;
	s->cores->length = s->x.length;
	for (__u32 i = 0; i < info->cpus_cnt && i < FT_MAX_CPUS; i++) {
		if (info->cpus[i] >= FT_MAX_CPUS)
			continue;
		s->cores->core[info->cpus[i]].shown = true;
		s->cores->core[info->cpus[i]].allowed = true;
	}
	return 0;
}

static int note_locks(struct side *s)
{
	int err = 0;

	s->f = ft_reader_findings(s->in->r);
	s->lock = calloc(s->f->lock_cnt + 1, sizeof(*s->lock));
	if (!s->lock)
		return -ENOMEM;
	for (__u32 i = 0; i < s->f->lock_cnt && !err; i++) {
		const struct ft_lock_rec *l = &s->f->lock[i];
		__u32 no;

		if (l->addr && l->kind != FT_LK_TYPE)
			err = ft_map_get(&s->lock_of, l->addr, i, &no, NULL);
	}
	return err;
}

static int gather(struct side *s, const struct ft_page_opts *o)
{
	const struct ft_session_info *info = s->m->info;
	__u64 start = info->start_ns, end = start + s->m->duration_ns, from = start, to = end;
	__u32 hz = info->tick_hz < info->stack_hz ? info->tick_hz : info->stack_hz;
	int err;

	if (o->from_ns || o->to_ns) {
		from = o->from_ns < s->m->duration_ns ? start + o->from_ns : end;
		to = o->to_ns && o->to_ns < s->m->duration_ns ? start + o->to_ns : end;
	}
	ft_page_axis_init(&s->x, from, to);
	s->tick_ns = hz ? 1000000000ull / hz : 0;
	err = choose_threads(s);
	err = err ?: choose_cores(s);
	err = err ?: note_locks(s);
	err = err ?: ft_page_curves_init(&s->curves, &s->x);
	err = err ?: ft_page_stacks_init(&s->stacks, ft_reader_stacks(s->in->r));
	if (!err && info->has_events && s->x.length)
		err = ft_spans_read(s->in->r, s->m, take, s);
	return err;
}

/* Numbers the locks that the lanes name. */
static void number_locks(struct side *s)
{
	for (__u32 i = 0; i < s->lanes.cnt; i++) {
		const struct ft_page_lane *lane = &s->lanes.lane[i];

		for (size_t k = 0; k < lane->cnt; k++) {
			const struct ft_page_span *sp = &lane->span[k];

			if (sp->state == FT_R_LOCK_WAIT && sp->ref && !s->lock[sp->ref - 1])
				s->lock[sp->ref - 1] = ++s->lock_cnt;
		}
	}
}

static void add_str(struct ft_text *t, const char *key, const char *v)
{
	ft_text_printf(t, "\"%s\":\"", key);
	ft_esc_add(t, FT_ESC_JSON, v, NAME_CHARS);
	ft_text_add(t, "\"");
}

static void add_threads(const struct side *s, struct ft_text *t)
{
	const struct ft_thread_rec *recs = ft_reader_threads(s->in->r, &(size_t){0});
	__u64 more_ns = 0;
	char name[sizeof(recs->name) + 1] = "";

	ft_text_add(t, "\"threads\":[");
	for (__u32 i = 0; i < s->lanes.cnt; i++) {
		const struct ft_thread_rec *r = &recs[s->thr[i]];

		memcpy(name, r->name, sizeof(r->name));
		ft_text_add(t, i ? ",\n{" : "{");
		add_str(t, "name", name);
		ft_text_printf(t, ",\"tid\":%u,\"main\":%s,\"ns_on\":%llu}", r->t.tid,
			       r->t.flags & FT_TF_LEADER ? "true" : "false",
			       (unsigned long long)s->on_ns[s->thr[i]]);
	}
	for (size_t i = 0; i < s->rec_cnt; i++)
		if (s->lane_of[i] == FT_PAGE_NO_LANE)
			more_ns += s->on_ns[i];
	ft_text_printf(t, "],\n\"more_threads\":{\"cnt\":%u,\"on_ns\":%llu},\n", s->more,
		       (unsigned long long)more_ns);
}

/* Where most of a lock's waiting was: of the lock itself, or of those that are one row with it. */
static const struct ft_mlock *row_of(const struct side *s, const struct ft_lock_rec *rec)
{
	const struct ft_locks *l = &s->m->scaling->locks;

	for (size_t i = 0; i < l->cnt; i++)
		if (l->row[i].addr == rec->addr)
			return &l->row[i];
	for (size_t i = 0; i < l->cnt; i++)
		if (!l->row[i].addr && !strcmp(l->row[i].name, rec->name))
			return &l->row[i];
	return NULL;
}

static int add_locks(const struct side *s, struct ft_text *t)
{
	__u32 cnt = s->lock_cnt, *order = calloc(cnt + 1, sizeof(*order));
	char words[256];

	if (!order)
		return -ENOMEM;
	for (__u32 i = 0; i < s->f->lock_cnt; i++)
		if (s->lock[i])
			order[s->lock[i] - 1] = i;
	ft_text_add(t, "\"locks\":[");
	for (__u32 i = 0; i < cnt; i++) {
		const struct ft_lock_rec *rec = &s->f->lock[order[i]];
		const struct ft_mlock *row = row_of(s, rec);

		ft_text_add(t, i ? ",\n{" : "{");
		add_str(t, "name", row ? ft_lock_words(row, words, sizeof(words)) : rec->name);
		ft_text_add(t, ",");
		add_str(t, "where", row ? row->waiter : "");
		ft_text_add(t, "}");
	}
	ft_text_add(t, "],\n");
	free(order);
	return 0;
}

static void add_cores(const struct side *s, struct ft_text *t)
{
	const char *comma = "";

	ft_text_add(t, "\"cores\":[");
	for (__u32 i = 0; i < FT_MAX_CPUS; i++) {
		if (!s->cores->core[i].shown)
			continue;
		ft_text_printf(t, "%s{\"cpu\":%u,\"allowed\":%s}", comma, i,
			       s->cores->core[i].allowed ? "true" : "false");
		comma = ",";
	}
	ft_text_add(t, "],\n\"words\":[");
	for (int i = 0; i < FT_R_CNT; i++)
		ft_text_printf(t, "%s\"%s\"", i ? "," : "",
			       ft_rstate_words((enum ft_rstate)i, s->m->gil_present));
	ft_text_add(t, "],\n");
}

/* Of very many threads the report says what those with a lane did: the rest is in its sums. */
static int add_report(const struct side *s, struct ft_text *t)
{
	const struct ft_thread_rec *recs = ft_reader_threads(s->in->r, &(size_t){0});
	struct json_object *root, *threads, *v, *tid;
	__u32 kept = 0, k;
	int err = -ENOMEM;

	ft_text_add(t, "\"report\":");
	if (s->rec_cnt <= REPORT_THREADS) {
		ft_page_json(t, s->in->report);
		return 0;
	}
	root = json_tokener_parse(s->in->report);
	if (!root || !json_object_object_get_ex(root, "threads", &threads))
		goto out;
	for (size_t i = 0; i < json_object_array_length(threads); i++) {
		v = json_object_array_get_idx(threads, i);
		if (!json_object_object_get_ex(v, "tid", &tid))
			continue;
		for (k = 0; k < s->lanes.cnt; k++)
			if (recs[s->thr[k]].t.tid == (__u32)json_object_get_int64(tid))
				break;
		if (k == s->lanes.cnt || kept == s->lanes.cnt)
			continue;
		if (json_object_array_put_idx(threads, kept++, json_object_get(v)))
			goto out;
	}
	err = json_object_array_del_idx(threads, kept, json_object_array_length(threads) - kept)
		      ? -ENOMEM
		      : 0;
	if (!err)
		ft_page_json(t, json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN));
out:
	json_object_put(root);
	return err;
}

static int make_json(struct side *s, int no, struct ft_page_part *out)
{
	static const char *const blob[] = {"threads", "cores", "curves", "samples"};
	struct ft_text *t = &out->json;
	int err;

	ft_text_add(t, "{");
	add_str(t, "path", s->in->path);
	ft_text_add(t, ",\n");
	err = add_report(s, t);
	ft_text_printf(t, ",\n\"from_ns\":%llu,\"length\":%u,\"unit_ns\":%llu,\"has_events\":%s,\n",
		       (unsigned long long)(s->x.from_ns - s->m->info->start_ns), s->x.length,
		       (unsigned long long)s->x.unit_ns, out->has_events ? "true" : "false");
	add_threads(s, t);
	add_cores(s, t);
	err = err ?: add_locks(s, t);
	ft_text_printf(t, "\"detail_ns\":%llu,\"least_ns\":%llu,\n\"blobs\":[",
		       (unsigned long long)(s->detail * s->x.unit_ns),
		       (unsigned long long)s->stacks.least_ns);
	for (int i = 0; i < FT_PAGE_BLOBS; i++)
		ft_text_printf(t, "%s\"%s%d\"", i ? "," : "", blob[i], no);
	ft_text_printf(t, "],\n\"curves\":{\"cols\":%u,\"names\":%s},\n", s->curves.cols,
		       ft_page_curve_names);
	ft_page_stacks_json(&s->stacks, t);
	ft_text_add(t, "}");
	return err ?: t->err;
}

/* Lanes in less than `bytes` of base64, made coarser until they fit. */
static int fit_lanes(struct side *s, size_t bytes, struct ft_page_part *out)
{
	struct ft_bytes b[2] = {0};
	double ratio = 0.25; /* of base64 to bytes, at the best */
	int err = merge(s);

	while (!err) {
		ft_bytes_free(&b[0]);
		ft_bytes_free(&b[1]);
		for (int i = 0; i < 2; i++)
			ft_text_free(&out->blob[FT_PAGE_THREADS + i]);
		ft_page_lanes_put(&s->lanes, &s->stacks, s->lock, &b[0]);
		err = b[0].err ?: ft_page_cores_put(s->cores, s->detail, &b[1]);
		if (!err && (double)(b[0].len + b[1].len) * ratio <= (double)bytes) {
			err = ft_page_blob(&b[0], &out->blob[FT_PAGE_THREADS]);
			err = err ?: ft_page_blob(&b[1], &out->blob[FT_PAGE_CORES]);
			if (err || out->blob[0].len + out->blob[1].len <= bytes)
				break;
			ratio = (double)(out->blob[0].len + out->blob[1].len) /
				(double)(b[0].len + b[1].len);
		}
		if (s->detail > s->x.length)
			break; /* it cannot be coarser: a span a lane */
		s->detail = next_detail(s);
		err = err ?: merge(s);
	}
	ft_bytes_free(&b[0]);
	ft_bytes_free(&b[1]);
	return err;
}

static int put_blob(struct ft_bytes *b, struct ft_text *out)
{
	int err = ft_page_blob(b, out);

	ft_bytes_free(b);
	return err;
}

int ft_page_part_make(const struct ft_page_side *in, const struct ft_page_opts *o, int no, int cnt,
		      size_t bytes, struct ft_page_part *out)
{
	struct side s = {.in = in, .m = in->m};
	struct ft_bytes b = {0};
	size_t used;
	int err;

	memset(out, 0, sizeof(*out));
	err = gather(&s, o);
	err = err ?: ft_page_stacks_settle(&s.stacks, FT_PAGE_NODES_BYTES / (size_t)cnt);
	if (err)
		goto out;
	out->has_events = in->m->info->has_events && s.x.length;
	ft_page_curves_put(&s.curves, &b);
	err = put_blob(&b, &out->blob[FT_PAGE_CURVES]);
	if (!err) {
		ft_page_stacks_put(&s.stacks, &b);
		err = put_blob(&b, &out->blob[FT_PAGE_SAMPLES]);
	}
	if (err)
		goto out;
	used = out->blob[FT_PAGE_CURVES].len + out->blob[FT_PAGE_SAMPLES].len;
	number_locks(&s);
	err = make_json(&s, no, out);
	if (err)
		goto out;
	used += out->json.len;
	err = fit_lanes(&s, used + bytes / 4 < bytes ? bytes - used : bytes / 4, out);
	/* said before it was known how coarse they had to be */
	if (!err) {
		ft_text_free(&out->json);
		err = make_json(&s, no, out);
	}
out:
	side_free(&s);
	return err;
}

void ft_page_part_free(struct ft_page_part *p)
{
	ft_text_free(&p->json);
	for (int i = 0; i < FT_PAGE_BLOBS; i++)
		ft_text_free(&p->blob[i]);
}
