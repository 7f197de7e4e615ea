/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A decoded event: what the BPF programs decided, with slots replaced by thread numbers. It is
 * what a session file holds and what the model and the timeline are built from.
 */
#ifndef FT_RECORD_EVENT_H
#define FT_RECORD_EVENT_H

#include <linux/types.h>
#include "ftprof_abi.h"

#define FT_NO_THREAD 0xffffffffu

/*
 * thr is an index into the session's threads; a thread keeps its number for the whole session (a
 * slot does not). By type:
 *   SLICE  on core until out_ns, then in `state` until wake_ns (ts when 0), then runq until ts, at
 *          which it came back to core `cpu`; see struct ft_ev_slice. On core before: since the ts
 *          of the SLICE or START before it.
 *   TICK   thr was on core `cpu` at ts; state is an enum ft_on.
 *   START  thr appeared at ts in `state` (FT_ST_ON: it was on a core).
 *   EXIT   thr left its core for the last time at ts.
 *   CPU    core `cpu` gave out_ns (a length here, not a time) of wake_ns..ts to tasks outside the
 *          target; thr is FT_NO_THREAD.
 *   EXEC, FORK  arg is the process id; thr is FT_NO_THREAD.
 * stack is a node of the session's stacks (record/stacks.h) or FT_NO_STACK: of a SLICE what the
 * thread left its core with, of a TICK what it was found with.
 */
struct ft_event {
	__u64 ts;
	__u64 out_ns;
	__u64 wake_ns;
	__u64 arg;
	__u32 thr;
	__u32 waker; /* thread number, FT_NO_THREAD when not known */
	__u32 seq;   /* of the thread's SLICE records; a gap means lost events */
	__u16 cpu;
	__u8 type;  /* enum ft_ev_type */
	__u8 state; /* enum ft_state; for TICK enum ft_on */
	__u8 flags; /* FT_SF_* */
	__u8 pad[3];
	__u32 stack;
};

#endif
