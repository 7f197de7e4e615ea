/* SPDX-License-Identifier: BSD-2-Clause */
/* The last seconds of a live session. */
#include "model/window.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "model/spans.h"
#include "model/timeline_build.h"

#define BASES_MAX 16
#define BASES_A_WINDOW 8   /* looks that are kept a window: to that it is exact */
#define LATE_NS 100000000u /* events come so much out of order at most */

/* Where a thread stood when the events before were dropped. */
struct stood {
	__u64 ts; /* 0: none were dropped */
	__u32 next_seq;
	__u16 cpu;
};

/* All that a look made, replaced as a whole. */
struct shown {
	struct ft_delta *delta;
	struct ft_model m;
	bool have_model;
	struct ft_timeline *tl;
	struct ft_thread_rec *recs; /* as the later look has them, numbered as the model's */
	__u8 *state;
	struct ft_window_func func[FT_WINDOW_FUNCS];
	struct ft_window_view view;
};

struct ft_window {
	__u64 len_ns;
	struct ft_delta_base *base[BASES_MAX]; /* oldest first */
	size_t base_cnt;
	bool forgot;	     /* there were older looks: base[0] is not the first */
	struct ft_event *ev; /* a ring of ev_max */
	size_t ev_max, ev_head, ev_cnt;
	struct stood *stood; /* by thread number */
	size_t stood_cnt, stood_cap;
	__u64 dropped_ns; /* events before were dropped for want of room */
	struct shown *shown;
	struct ft_window_view none;
};

int ft_window_new(__u64 len_ns, size_t event_max, struct ft_window **out)
{
	struct ft_window *w = calloc(1, sizeof(*w));

	*out = NULL;
	if (!w)
		return -ENOMEM;
	w->len_ns = len_ns;
	w->ev_max = event_max ? event_max : 1;
	w->ev = malloc(w->ev_max * sizeof(*w->ev));
	if (!w->ev) {
		ft_window_free(w);
		return -ENOMEM;
	}
	*out = w;
	return 0;
}

static void shown_free(struct shown *s)
{
	if (!s)
		return;
	ft_timeline_free(s->tl);
	if (s->have_model)
		ft_model_free(&s->m);
	ft_delta_free(s->delta);
	free(s->recs);
	free(s->state);
	free(s);
}

void ft_window_free(struct ft_window *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->base_cnt; i++)
		ft_delta_base_free(w->base[i]);
	shown_free(w->shown);
	free(w->ev);
	free(w->stood);
	free(w);
}

void ft_window_set_length(struct ft_window *w, __u64 len_ns)
{
	w->len_ns = len_ns;
}

__u64 ft_window_length(const struct ft_window *w)
{
	return w->len_ns;
}

const struct ft_window_view *ft_window_view(const struct ft_window *w)
{
	return w->shown ? &w->shown->view : &w->none;
}

/* Forgets the oldest event, but for where it left its thread. */
static int drop(struct ft_window *w)
{
	const struct ft_event *ev = &w->ev[w->ev_head];
	struct stood *s;
	int err;

	if ((ev->type == FT_EV_SLICE || ev->type == FT_EV_START) && ev->thr != FT_NO_THREAD) {
		err = ft_array_reserve((void **)&w->stood, &w->stood_cap, (size_t)ev->thr + 1,
				       sizeof(*w->stood));
		if (err)
			return err;
		if (w->stood_cnt <= ev->thr)
			w->stood_cnt = (size_t)ev->thr + 1;
		s = &w->stood[ev->thr];
		if (ev->ts >= s->ts) {
			s->ts = ev->ts;
			s->next_seq = ev->seq + (ev->type == FT_EV_SLICE);
			s->cpu = ev->type == FT_EV_SLICE ? ev->cpu : FT_SPAN_NO_CPU;
		}
	}
	w->ev_head = (w->ev_head + 1) % w->ev_max;
	w->ev_cnt--;
	return 0;
}

int ft_window_event(struct ft_window *w, const struct ft_event *ev)
{
	if (w->ev_cnt == w->ev_max) {
		if (w->ev[w->ev_head].ts > w->dropped_ns)
			w->dropped_ns = w->ev[w->ev_head].ts;
		if (drop(w))
			return -ENOMEM;
	}
	w->ev[(w->ev_head + w->ev_cnt++) % w->ev_max] = *ev;
	return 0;
}

static int drop_before(struct ft_window *w, __u64 ns)
{
	int err = 0;

	while (!err && w->ev_cnt && w->ev[w->ev_head].ts + LATE_NS < ns)
		err = drop(w);
	return err;
}

/* The look that the window begins with, NULL: the session's start. */
static struct ft_delta_base *base_of(const struct ft_window *w, __u64 end)
{
	struct ft_delta_base *b = w->forgot && w->base_cnt ? w->base[0] : NULL;

	for (size_t i = 0; i < w->base_cnt; i++)
		if (ft_delta_base_end_ns(w->base[i]) + w->len_ns <= end)
			b = w->base[i];
	return b;
}

static void forget_base(struct ft_window *w, size_t i)
{
	ft_delta_base_free(w->base[i]);
	memmove(&w->base[i], &w->base[i + 1], (w->base_cnt - i - 1) * sizeof(w->base[0]));
	w->base_cnt--;
	w->forgot = true;
}

/* Keeps the look for later ones: a few a window, and of those before it only the newest. */
static int keep_base(struct ft_window *w, const struct ft_model_src *src)
{
	__u64 end = src->totals->end_ns, last;
	struct ft_delta_base *b;
	int err;

	while (w->base_cnt > 1 && ft_delta_base_end_ns(w->base[1]) + w->len_ns <= end)
		forget_base(w, 0);
	last = w->base_cnt ? ft_delta_base_end_ns(w->base[w->base_cnt - 1]) : 0;
	/* a tenth less: looks are never quite on time */
	if (w->base_cnt && end - last < w->len_ns / BASES_A_WINDOW * 9 / 10)
		return 0;
	if (w->base_cnt == BASES_MAX)
		forget_base(w, 0);
	err = ft_delta_base_new(src, &b);
	if (!err)
		w->base[w->base_cnt++] = b;
	return err;
}

static bool allowed(const struct ft_session_info *info, __u16 cpu)
{
	for (__u32 i = 0; i < info->cpus_cnt && i < FT_MAX_CPUS; i++)
		if (info->cpus[i] == cpu)
			return true;
	return false;
}

/* Time of the window that the cores of the process gave to others. */
static __u64 others_ns(const struct ft_window *w, const struct ft_session_info *info)
{
	__u64 sum = 0;

	for (size_t i = 0; i < w->ev_cnt; i++) {
		const struct ft_event *ev = &w->ev[(w->ev_head + i) % w->ev_max];

		if (ev->type == FT_EV_CPU && ev->ts > info->start_ns && allowed(info, ev->cpu))
			sum += ev->out_ns;
	}
	return sum;
}

/* The number in the model of each of the session's threads. A malloc'ed array, or NULL. */
static __u32 *renumber(const struct shown *s, size_t cnt)
{
	__u32 *to = malloc((cnt + 1) * sizeof(*to));

	for (size_t i = 0; to && i < cnt; i++)
		to[i] = FT_NO_THREAD;
	for (size_t i = 0; to && i < s->delta->src.cnt; i++)
		to[s->delta->number[i]] = (__u32)i;
	return to;
}

static int feed(const struct ft_window *w, struct ft_tl_builder *b, const struct shown *s,
		const __u32 *to, size_t cnt)
{
	int err = 0;

	for (size_t n = 0; n < w->stood_cnt && n < cnt; n++) {
		const struct stood *st = &w->stood[n];

		/* one that had the number before is another */
		if (to[n] != FT_NO_THREAD && st->ts >= s->recs[to[n]].t.start_ns && st->ts)
			ft_tl_builder_prime(b, to[n], st->ts, st->next_seq, st->cpu);
	}
	for (size_t i = 0; i < w->ev_cnt && !err; i++) {
		struct ft_event ev = w->ev[(w->ev_head + i) % w->ev_max];

		if (ev.type == FT_EV_EXEC || ev.type == FT_EV_FORK)
			continue;
		if (ev.type != FT_EV_CPU) {
			ev.thr = ev.thr < cnt ? to[ev.thr] : FT_NO_THREAD;
			/* of one that had the number before */
			if (ev.thr == FT_NO_THREAD || ev.ts < s->recs[ev.thr].t.start_ns)
				continue;
		}
		ev.waker = FT_NO_THREAD;
		err = ft_tl_builder_event(b, &ev);
	}
	return err;
}

static int draw(const struct ft_window *w, struct shown *s, const struct ft_model_src *src,
		__u32 cols)
{
	const struct ft_session_info *info = &s->delta->info;
	struct ft_tl_input in = {
		.from_ns = info->start_ns,
		.to_ns = src->totals->end_ns,
		.session_end_ns = src->totals->end_ns,
		.cols = cols,
		.recs = s->recs,
		.rec_cnt = s->delta->src.cnt,
		.cpus = info->cpus,
		.cpu_cnt = info->cpus_cnt < FT_MAX_CPUS ? info->cpus_cnt : FT_MAX_CPUS,
		.m = &s->m,
		.gil = info->gil != FT_GIL_OFF || s->m.gil_present,
	};
	struct ft_tl_builder *b = NULL;
	__u32 *to = renumber(s, src->cnt);
	int err = to ? 0 : -ENOMEM;

	if (w->dropped_ns > in.from_ns)
		in.from_ns = w->dropped_ns < in.to_ns ? w->dropped_ns : in.to_ns;
	if (!err)
		err = ft_tl_builder_new(&in, &b);
	if (!err)
		err = feed(w, b, s, to, src->cnt);
	if (!err)
		err = ft_tl_builder_finish(b, &s->tl);
	ft_tl_builder_free(b);
	free(to);
	return err;
}

/* The end of a string tells more than its beginning. */
static void copy_tail(char *to, size_t sz, const char *from)
{
	size_t len = strlen(from);

	snprintf(to, sz, "%s", len < sz ? from : from + len - (sz - 1));
}

static int take_funcs(struct shown *s)
{
	const struct ft_flame_opts o = {.of = FT_OF_ON_CPU, .by_function = false};
	struct ft_func top[FT_WINDOW_FUNCS];
	struct ft_flame f;
	int err = ft_flame_from(s->delta->src.stacks, &s->m, &o, &f, NULL, 0), n;

	if (err)
		return err == -ENODATA ? 0 : err;
	n = ft_flame_top(&f, false, top, FT_WINDOW_FUNCS);
	for (int i = 0; i < n; i++) {
		struct ft_window_func *to = &s->func[i];

		snprintf(to->name, sizeof(to->name), "%s", top[i].name);
		copy_tail(to->file, sizeof(to->file), top[i].file);
		to->line = top[i].line;
		to->self_ns = top[i].self_ns;
	}
	s->view.func_cnt = n > 0 ? (size_t)n : 0;
	s->view.func_total_ns = f.total_ns;
	ft_flame_free(&f);
	return n < 0 ? n : 0;
}

static int take_threads(struct shown *s, const struct ft_model_src *src)
{
	size_t cnt = s->delta->src.cnt;

	s->recs = calloc(cnt + 1, sizeof(*s->recs));
	s->state = calloc(cnt + 1, sizeof(*s->state));
	if (!s->recs || !s->state)
		return -ENOMEM;
	for (size_t i = 0; i < cnt; i++) {
		s->recs[i] = src->recs[s->delta->number[i]];
		s->state[i] = s->recs[i].t.state;
	}
	return 0;
}

static void fill_view(struct shown *s, const struct ft_model_src *src)
{
	const __u64 *cnt = src->totals->sums.cnt;
	struct ft_window_view *v = &s->view;

	v->m = &s->m;
	v->tl = s->tl;
	v->number = s->delta->number;
	v->state = s->state;
	v->func = s->func;
	if (src->totals->end_ns > src->info->start_ns)
		v->session_ns = src->totals->end_ns - src->info->start_ns;
	v->lost = cnt[FT_CN_LOST_RING] + src->totals->events_malformed;
}

int ft_window_look(struct ft_window *w, const struct ft_model_src *src, __u32 cols)
{
	struct shown *s = calloc(1, sizeof(*s));
	int err = s ? 0 : -ENOMEM;

	if (!err)
		err = ft_delta_new(base_of(w, src->totals->end_ns), src, &s->delta);
	if (!err)
		err = drop_before(w, s->delta->info.start_ns);
	if (!err && src->info->free_threaded)
		s->delta->src.others_ns = others_ns(w, &s->delta->info);
	if (!err)
		err = ft_model_from(&s->delta->src, &s->m);
	if (!err) {
		s->have_model = true;
		err = take_threads(s, src);
	}
	if (!err)
		err = take_funcs(s);
	if (!err)
		err = draw(w, s, src, cols ? cols : 1);
	if (!err)
		err = keep_base(w, src);
	if (err) {
		shown_free(s);
		return err;
	}
	fill_view(s, src);
	shown_free(w->shown);
	w->shown = s;
	return 0;
}

int ft_window_skip(struct ft_window *w, const struct ft_model_src *src)
{
	__u64 end = src->totals->end_ns;
	int err = drop_before(w, end > w->len_ns ? end - w->len_ns : 0);

	return err ? err : keep_base(w, src);
}
