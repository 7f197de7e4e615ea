// SPDX-License-Identifier: BSD-2-Clause
/* Ring records to checked structures. */
#include "capture/decode.h"

#include <errno.h>
#include <string.h>

static const size_t sizes[FT_EV_TYPE_CNT] = {
	[FT_EV_SLICE] = sizeof(struct ft_ev_slice),
	[FT_EV_TICK] = sizeof(struct ft_ev_tick),
	[FT_EV_START] = sizeof(struct ft_ev_start),
	[FT_EV_EXIT] = sizeof(struct ft_ev_exit),
	[FT_EV_CPU] = sizeof(struct ft_ev_cpu),
	[FT_EV_EXEC] = sizeof(struct ft_ev_proc),
	[FT_EV_FORK] = sizeof(struct ft_ev_proc),
	/* these two have lists behind them, which whoever takes them checks */
	[FT_EV_STACK] = sizeof(struct ft_ev_stack),
	[FT_EV_CODE] = sizeof(struct ft_ev_code),
	[FT_EV_GIL] = sizeof(struct ft_ev_gil),
};

static int check_slice(const struct ft_ev_slice *s, __u32 slot_max)
{
	if (s->state == FT_ST_ON || s->state >= FT_ST_CNT || s->waker > slot_max)
		return -EBADMSG;
	if (s->out_ns > s->h.ts)
		return -EBADMSG;
	if (s->wake_ns && (s->wake_ns < s->out_ns || s->wake_ns > s->h.ts))
		return -EBADMSG;
	return 0;
}

int ft_decode(const void *data, size_t len, __u32 slot_max, __u32 cpu_max, union ft_record *out)
{
	struct ft_ev_hdr h;

	if (len < sizeof(h))
		return -EBADMSG;
	memcpy(&h, data, sizeof(h));
	if (h.type >= FT_EV_TYPE_CNT || !sizes[h.type])
		return -EBADMSG;
	if (len != h.len || h.slot >= slot_max || h.cpu >= cpu_max)
		return -EBADMSG;
	if (h.type == FT_EV_STACK || h.type == FT_EV_CODE ? len < sizes[h.type]
							  : len != sizes[h.type])
		return -EBADMSG;
	memset(out, 0, sizeof(*out));
	memcpy(out, data, sizes[h.type]);
	switch (h.type) {
	case FT_EV_SLICE:
		return check_slice(&out->slice, slot_max);
	case FT_EV_TICK:
		return out->tick.on < FT_ON_CNT ? 0 : -EBADMSG;
	case FT_EV_START:
		return out->start.state < FT_ST_CNT && out->start.target < FT_MAX_TARGETS
			       ? 0
			       : -EBADMSG;
	case FT_EV_CPU:
		return out->cpu.begin_ns <= h.ts && out->cpu.other_ns <= h.ts - out->cpu.begin_ns
			       ? 0
			       : -EBADMSG;
	case FT_EV_EXEC:
	case FT_EV_FORK:
		return out->proc.target < FT_MAX_TARGETS ? 0 : -EBADMSG;
	case FT_EV_GIL:
		return memchr(out->gil.module, 0, sizeof(out->gil.module)) ? 0 : -EBADMSG;
	default:
		return 0;
	}
}
