/* SPDX-License-Identifier: BSD-2-Clause */
/* A session's events reduced to columns: reads the session, the builder does the rest. */
#include "model/timeline.h"

#include <errno.h>
#include <stdlib.h>
#include "model/spans.h"
#include "model/timeline_build.h"

/* Bins of the histogram of switches: 8 MB, a session of a week in steps of 0.6 s. */
#define BINS_MAX (1u << 20)
#define BINS_A_WINDOW 16u

static int feed(void *ctx, const struct ft_event *ev)
{
	return ft_tl_builder_event(ctx, ev);
}

int ft_timeline_build(struct ft_reader *r, const struct ft_model *m, __u64 from_ns, __u64 to_ns,
		      __u32 cols, __u32 thread_max, struct ft_timeline **out)
{
	const struct ft_session_info *info = m->info;
	struct ft_tl_input in = {.cols = cols, .thread_max = thread_max, .m = m};
	struct ft_spans_input sp = {0};
	struct ft_tl_builder *b = NULL;
	int err;

	*out = NULL;
	ft_spans_of(r, m, &sp);
	in.session_end_ns = sp.session_end_ns;
	in.recs = sp.recs;
	in.rec_cnt = sp.rec_cnt;
	in.gil = sp.gil;
	in.from_ns = from_ns || to_ns ? from_ns : info->start_ns;
	in.to_ns = from_ns || to_ns ? to_ns : in.session_end_ns;
	in.cpus = info->cpus;
	in.cpu_cnt = info->cpus_cnt < FT_MAX_CPUS ? info->cpus_cnt : FT_MAX_CPUS;
	err = ft_tl_builder_new(&in, &b);
	if (!err)
		err = ft_reader_events(r, 0, ~0ull, feed, b);
	if (!err)
		err = ft_tl_builder_finish(b, out);
	ft_tl_builder_free(b);
	return err;
}

struct bins {
	__u64 *cnt;
	size_t n;
	__u64 start, width;
	__u64 events;
};

static int count_switch(void *ctx, const struct ft_event *ev)
{
	struct bins *h = ctx;
	__u64 i;

	h->events++;
	if (ev->type != FT_EV_SLICE || ev->ts < h->start)
		return 0;
	i = (ev->ts - h->start) / h->width;
	if (i < h->n)
		h->cnt[i]++;
	return 0;
}

/* The first bin of the run of `win` bins with the largest sum. */
static size_t densest_run(const struct bins *h, size_t win)
{
	__u64 sum = 0, best = 0;
	size_t at = 0;

	for (size_t i = 0; i < h->n; i++) {
		sum += h->cnt[i];
		if (i >= win)
			sum -= h->cnt[i - win];
		if (sum > best) {
			best = sum;
			at = i + 1 >= win ? i + 1 - win : 0;
		}
	}
	return at;
}

int ft_timeline_densest(struct ft_reader *r, const struct ft_model *m, __u64 len_ns,
			__u64 *start_ns)
{
	__u64 start = m->info->start_ns, end = m->totals->end_ns;
	struct bins h = {.start = start, .width = len_ns / BINS_A_WINDOW};
	__u64 span = end > start ? end - start : 0, at;
	int err;

	if (h.width < span / BINS_MAX + 1)
		h.width = span / BINS_MAX + 1;
	h.n = (size_t)(span / h.width) + 1;
	h.cnt = calloc(h.n, sizeof(*h.cnt));
	if (!h.cnt)
		return -ENOMEM;
	err = ft_reader_events(r, 0, ~0ull, count_switch, &h);
	if (!err && !h.events)
		err = -ENODATA;
	if (!err) {
		size_t win = (size_t)(len_ns / h.width);

		at = densest_run(&h, win ? win : 1) * h.width;
		/* the window stays inside the session where it can */
		if (at + len_ns > span)
			at = span > len_ns ? span - len_ns : 0;
		*start_ns = start + at;
	}
	free(h.cnt);
	return err;
}
