/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Records to the rings: one ring for a few cores, a neighbour when it is full, losses by type. */
#ifndef FT_EMIT_BPF_H
#define FT_EMIT_BPF_H

#include "maps.bpf.h"

/*
 * Never wakes the reader: it comes by itself every few milliseconds. A wake-up from inside
 * sched_switch costs more than a microsecond, a record without one some tens of nanoseconds.
 */
ft_inline int put(void *rec, __u32 len, __u32 type)
{
	struct ft_ev_hdr *h = rec;
	__u32 cpu = bpf_get_smp_processor_id();
	__u32 idx = cpu / cpus_per_ring;
	void *ring;

	h->type = type;
	h->len = len;
	h->cpu = cpu;
	if (idx >= ring_cnt)
		idx = 0;
	ring = bpf_map_lookup_elem(&rings, &idx);
	if (ring && !bpf_ringbuf_output(ring, rec, len, BPF_RB_NO_WAKEUP))
		return 0;
	if (ring_cnt > 1) {
		idx = idx + 1 < ring_cnt ? idx + 1 : 0;
		ring = bpf_map_lookup_elem(&rings, &idx);
		if (ring && !bpf_ringbuf_output(ring, rec, len, BPF_RB_NO_WAKEUP)) {
			count(FT_CN_RESCUED);
			return 0;
		}
	}
	return -1;
}

/* An event: one that finds no room is lost for good, and counted with its kind. */
ft_inline int emit(void *rec, __u32 len, __u32 type)
{
	if (!put(rec, len, type)) {
		count(FT_CN_EVENTS);
		return 0;
	}
	count(FT_CN_LOST_RING);
	count(type >= FT_EV_EXEC ? FT_CN_LOST_PROC : FT_CN_LOST_RING + type);
	return -1;
}

_Static_assert(FT_CN_LOST_RING + FT_EV_SLICE == FT_CN_LOST_SLICE, "counters follow the types");
_Static_assert(FT_CN_LOST_RING + FT_EV_CPU == FT_CN_LOST_CPU, "counters follow the types");
_Static_assert(FT_CN_LOST_RING + FT_EV_EXEC == FT_CN_LOST_PROC, "counters follow the types");

#endif
