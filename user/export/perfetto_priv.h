/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files that write Perfetto's format share. Memory is bounded by threads, cores, frames
 * and stacks of the session: packets go out as spans come in, in no order of time, which Perfetto
 * allows; only events of one time on one core, or on one track, must be written in their order.
 */
#ifndef FT_EXPORT_PERFETTO_PRIV_H
#define FT_EXPORT_PERFETTO_PRIV_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "base/sink.h"
#include "base/strset.h"
#include "export/trace_parts.h"
#include "model/spans.h"

#define FT_PF_STW_MAX 64u      /* stretches of stop-the-world that may still grow */
#define FT_PF_COLS 65536u      /* of the counters */
#define FT_PF_COL_MIN_NS 1000u /* no column is shorter */
#define FT_PF_NEEDS_STATE 2    /* SEQ_NEEDS_INCREMENTAL_STATE: uses names or stacks of others */

/* What an own track stands for; part of its uuid. Written when it is first used. */
enum ft_pf_track {
	FT_PF_T_PROCESS = 1,
	FT_PF_T_ON,	 /* counter: threads on cores */
	FT_PF_T_WAITERS, /* counter: threads waiting for the GIL */
	FT_PF_T_STW,
	FT_PF_T_OTHERS, /* the head of the cores' counters */
	FT_PF_T_CORE,	/* counter, one a core */
	FT_PF_T_THREAD, /* one a thread, and so the ones below */
	FT_PF_T_OFF,
	FT_PF_T_LOST,
	FT_PF_T_GIL,
	FT_PF_T_CNT,
};

/* Names of arguments: their iid. */
enum ft_pf_arg_name { FT_PF_A_LOCK = 1, FT_PF_A_ADDR, FT_PF_A_AT, FT_PF_A_THREADS, FT_PF_A_CNT };

struct ft_pf_arg {
	enum ft_pf_arg_name name;
	const char *text; /* or NULL */
	__u64 no;	  /* AT: iid of its text; ADDR: an address; else a number */
};

#define FT_PF_ARGS_MAX 3

/* A thread's stay on a core, until it is known when it ended. */
struct ft_pf_stay {
	__u64 came_ns; /* as it was told; in_ns is not before the stay before it */
	__u64 in_ns, next_ns;
	__u32 prev, next; /* who was there before it and is not known to have left; who came next */
	__u16 cpu;
	bool open;
};

struct ft_pf_thread {
	__s32 tid;    /* as it is shown: no two are the same */
	__u32 comm;   /* number in ft_pf.names */
	__u32 tracks; /* bits of enum ft_pf_track that are written */
	struct ft_pf_stay stay;
	bool begun;	      /* a span of it was seen */
	__u64 on_from, on_to; /* the stay whose spans are coming in; equal: none */
	__u16 on_cpu;
	bool holds; /* its slice of holding the GIL is open, until holds_to */
	__u64 holds_to;
	__u64 flow; /* hand-over to it that has no end yet, 0: none */
	__u64 flow_ns;
	__u64 lost_to; /* end of its last gap */
};

struct ft_pf_core {
	__u32 occ;   /* who came last, FT_NO_THREAD: idle since idle_ns */
	__u32 first; /* who came first: not told yet, the stay that was there at the start may be */
	__u64 idle_ns, first_ns;
	__u64 head_ns;	  /* end of the stays that were there before the first one who came */
	__u64 other_to;	  /* end of its last window of others' time, 0: none */
	bool seen;	  /* somebody came */
	bool track;	  /* its counter's track is written */
	__u64 sample_cnt; /* written */
};

/* A stretch in which the world was stopped, for some thread at least. */
struct ft_pf_stop {
	__u64 from, to;
	__u32 cnt; /* threads' pauses in it */
};

struct ft_pf {
	const struct ft_session_info *info;
	const struct ft_model *m;
	const struct ft_thread_rec *recs;
	size_t rec_cnt;
	const struct ft_stacks *stacks;
	__u64 from, to;
	__s32 pid;
	struct ft_sink *out;
	uint8_t *raw; /* packets that are not written yet */
	size_t raw_len, raw_cap;
	uint8_t *zip, *buf; /* the same, compressed, and that as a packet */
	size_t zip_cap, buf_cap;
	int err;		     /* sticky: -ENOMEM, or the sink's */
	struct ft_pf_thread *thread; /* [rec_cnt] */
	struct ft_pf_core *core;     /* [FT_MAX_CPUS] */
	struct ft_strset names;	     /* of events; iid is number + 1 */
	size_t name_cnt;	     /* of them are written */
	struct ft_trace_locks locks;
	struct ft_strset files; /* mapping_paths; iid is number + 1 */
	__u8 *frame_told;	/* bits by number of a frame */
	__u8 *place_told;	/* likewise: as the value of an argument */
	__u8 *node_told;	/* by number of a node */
	uint64_t *path;		/* frame ids of a stack, outermost first */
	size_t path_cap;
	__u64 flows;
	/* iids of names, 0: not written yet */
	__u32 state_name[FT_R_CNT];
	__u32 call_name[FT_MAX_SYSCALLS];
	__u32 hold_name, handover_name, woken_name, lost_name, stw_name;
	struct ft_pf_stop stop[FT_PF_STW_MAX]; /* ascending, apart from each other */
	__u32 stop_cnt;
	__u64 stop_done; /* what ends before it is written */
	bool stw_track;
	/* the span before: what it means shows in the one that follows */
	__u32 left; /* this thread left its core at left_ns; FT_NO_THREAD: none */
	__u64 left_ns;
	bool left_open; /* because the session ended */
	__u32 came;	/* this one came to came_cpu at came_ns, unless it waits for a core first */
	__u64 came_ns;
	__u16 came_cpu;
	/* counters: time in each column */
	__u64 col_ns;
	__u32 cols;
	__u64 *on_ns, *wait_ns; /* [cols] */
};

/* perfetto_packet.c; a packet is the base of a TracePacket */

/* Writes a packet of the trace's only sequence. */
void ft_pf_put(struct ft_pf *pf, ProtobufCMessage *packet);
/* Hands what was put to the sink. */
void ft_pf_flush(struct ft_pf *pf);
/* A packet with a time. */
void ft_pf_put_at(struct ft_pf *pf, ProtobufCMessage *packet, __u64 ts);
/* Clocks, names of arguments and categories, the system, the process and its threads. */
void ft_pf_head(struct ft_pf *pf);
__u64 ft_pf_uuid(enum ft_pf_track t, __u32 no);
/* The iid of an event's name; its text is written when it is new. 0 on error. */
__u64 ft_pf_name(struct ft_pf *pf, const char *s);
/* A thread's name, valid UTF-8. */
const char *ft_pf_comm(const struct ft_pf *pf, __u32 thr);
/* The uuid of a track of a thread; its descriptor is written when it is new. */
__u64 ft_pf_thread_track(struct ft_pf *pf, enum ft_pf_track t, __u32 thr);
/* Writes the descriptor of a track of the process; counter: with that unit, else NULL. */
void ft_pf_track(struct ft_pf *pf, __u64 uuid, __u64 parent, const char *name, const char *about,
		 const char *unit);

/* A slice's begin. cat: an enum ft_rstate, FT_R_CNT: none. */
struct ft_pf_slice {
	__u64 track, name;
	__u64 ts;
	enum ft_rstate cat;
	__u64 callstack;	 /* iid, 0: none */
	__u64 flow_out, flow_in; /* 0: none */
	struct ft_pf_arg arg[FT_PF_ARGS_MAX];
	size_t arg_cnt;
};

void ft_pf_begin(struct ft_pf *pf, const struct ft_pf_slice *s);
void ft_pf_end(struct ft_pf *pf, __u64 track, __u64 ts);
void ft_pf_instant(struct ft_pf *pf, const struct ft_pf_slice *s);
void ft_pf_counter(struct ft_pf *pf, __u64 track, __u64 ts, double value);

/* perfetto_sched.c: the view by core. */
void ft_pf_sched_span(struct ft_pf *pf, const struct ft_span *s);
void ft_pf_sched_finish(struct ft_pf *pf);

/* perfetto_stacks.c */

/* The iid, as an argument's value, of a stack's innermost frame; its text is written when new. */
__u64 ft_pf_place(struct ft_pf *pf, __u32 node);
void ft_pf_sample(struct ft_pf *pf, const struct ft_span *s);

/* perfetto_slices.c: the tracks of threads, of the GIL and of stop-the-world. */
void ft_pf_slices_init(struct ft_pf *pf);
void ft_pf_slices_span(struct ft_pf *pf, const struct ft_span *s);
void ft_pf_slices_finish(struct ft_pf *pf);

/* perfetto_count.c: counters over time. */
int ft_pf_count_init(struct ft_pf *pf);
void ft_pf_count_span(struct ft_pf *pf, const struct ft_span *s);
void ft_pf_count_finish(struct ft_pf *pf);

#endif
