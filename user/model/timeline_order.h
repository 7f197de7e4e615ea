/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Puts a nearly sorted stream of events in order of time. The chunks of a session overlap by the
 * collector's period, and a thread that moved to another core has its events in another ring, so
 * that even the events of one thread may come swapped.
 */
#ifndef FT_MODEL_TIMELINE_ORDER_H
#define FT_MODEL_TIMELINE_ORDER_H

#include "record/event.h"
#include <stdbool.h>
#include <stddef.h>

/*
 * Events held at most (8 MB, twice that while merging). Half of them stay back at every release:
 * events that come no more than 65,536 too late are put in order.
 */
#define FT_ORDER_MAX 131072u

typedef int (*ft_order_cb)(void *ctx, const struct ft_event *ev);

struct ft_order {
	struct ft_event *buf, *tmp;
	size_t cnt, cap, tmp_cap;
	bool unsorted;
	ft_order_cb cb;
	void *ctx;
};

/* o is zeroed but for cb and ctx. 0, -ENOMEM, or what cb returned. */
int ft_order_push(struct ft_order *o, const struct ft_event *ev);
int ft_order_flush(struct ft_order *o);
void ft_order_free(struct ft_order *o);

#endif
