/* SPDX-License-Identifier: BSD-2-Clause */
/* Ring records to checked structures: the lengths and ranges of include/ftprof_abi.h. Pure. */
#ifndef FT_CAPTURE_DECODE_H
#define FT_CAPTURE_DECODE_H

#include <linux/types.h>
#include <stddef.h>
#include "ftprof_abi.h"

union ft_record {
	struct ft_ev_hdr h;
	struct ft_ev_slice slice;
	struct ft_ev_tick tick;
	struct ft_ev_start start;
	struct ft_ev_exit exit;
	struct ft_ev_cpu cpu;
	struct ft_ev_proc proc;
	struct ft_ev_stack stack; /* the fixed part of these two */
	struct ft_ev_code code;
	struct ft_ev_gil gil;
};

/*
 * Copies a record of `len` bytes into *out after checking it: known type, the length of its type,
 * slot below slot_max, core below cpu_max, states in range, times in order. -EBADMSG otherwise.
 */
int ft_decode(const void *data, size_t len, __u32 slot_max, __u32 cpu_max, union ft_record *out);

#endif
