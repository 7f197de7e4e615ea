/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts a nearly sorted stream of events in order of time. */
#include "model/timeline_order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/array.h"

static size_t run_end(const struct ft_event *ev, size_t i, size_t n)
{
	while (++i < n && ev[i].ts >= ev[i - 1].ts)
		;
	return i < n ? i : n;
}

static void merge(struct ft_event *out, const struct ft_event *a, size_t na,
		  const struct ft_event *b, size_t nb)
{
	while (na && nb) {
		if (b->ts < a->ts) {
			*out++ = *b++;
			nb--;
		} else {
			*out++ = *a++;
			na--;
		}
	}
	memcpy(out, a, na * sizeof(*a));
	memcpy(out + na, b, nb * sizeof(*b));
}

/* A natural merge sort: stable, and one or two passes when the input is a few sorted runs. */
static int sort(struct ft_order *o)
{
	size_t runs;
	int err;

	err = ft_array_reserve((void **)&o->tmp, &o->tmp_cap, o->cnt, sizeof(*o->tmp));
	if (err)
		return err;
	do {
		struct ft_event *swap = o->buf;
		size_t cap = o->cap;

		runs = 0;
		for (size_t i = 0; i < o->cnt;) {
			size_t mid = run_end(o->buf, i, o->cnt), end = mid;

			if (mid < o->cnt)
				end = run_end(o->buf, mid, o->cnt);
			merge(o->tmp + i, o->buf + i, mid - i, o->buf + mid, end - mid);
			i = end;
			runs++;
		}
		o->buf = o->tmp;
		o->cap = o->tmp_cap;
		o->tmp = swap;
		o->tmp_cap = cap;
	} while (runs > 1);
	o->unsorted = false;
	return 0;
}

static int release(struct ft_order *o, size_t keep)
{
	size_t n = o->cnt - keep;
	int err = 0;

	if (o->unsorted)
		err = sort(o);
	for (size_t i = 0; i < n && !err; i++)
		err = o->cb(o->ctx, &o->buf[i]);
	if (keep)
		memmove(o->buf, o->buf + n, keep * sizeof(*o->buf));
	o->cnt = keep;
	return err;
}

int ft_order_push(struct ft_order *o, const struct ft_event *ev)
{
	int err;

	if (o->cnt == FT_ORDER_MAX) {
		err = release(o, FT_ORDER_MAX / 2);
		if (err)
			return err;
	}
	if (o->cnt == o->cap) {
		size_t want = o->cap ? o->cap * 2 : 4096;

		err = ft_array_reserve((void **)&o->buf, &o->cap, want, sizeof(*o->buf));
		if (err)
			return err;
	}
	if (o->cnt && ev->ts < o->buf[o->cnt - 1].ts)
		o->unsorted = true;
	o->buf[o->cnt++] = *ev;
	return 0;
}

int ft_order_flush(struct ft_order *o)
{
	return o->cnt ? release(o, 0) : 0;
}

void ft_order_free(struct ft_order *o)
{
	free(o->buf);
	free(o->tmp);
	o->buf = NULL;
	o->tmp = NULL;
	o->cnt = o->cap = o->tmp_cap = 0;
}
