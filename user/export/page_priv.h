/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of a page (page.h): what is gathered from a session's spans, and how it becomes bytes.
 *
 * Memory is bounded whatever the session: lanes of threads hold at most FT_PAGE_SPANS_MAX spans,
 * those of cores FT_PAGE_CSPANS_MAX, and are made coarser in place when there are more; samples,
 * windows and gaps alike. That is 350 MB at the most, beside the page itself, 12 bytes a thread and
 * 36 a node of the session's stacks. Events are read once.
 */
#ifndef FT_EXPORT_PAGE_PRIV_H
#define FT_EXPORT_PAGE_PRIV_H

#include "base/map.h"
#include "base/text.h"
#include "export/page.h"
#include "model/spans.h"

#define FT_PAGE_LANES_MAX 200u	      /* threads with a lane */
#define FT_PAGE_SPANS_MAX (2u << 20)  /* of all threads */
#define FT_PAGE_CSPANS_MAX (1u << 20) /* of all cores */
#define FT_PAGE_SAMPLES_MAX 250000u   /* in the page; four times that while they come */
#define FT_PAGE_NODES_BYTES 3000000u  /* of frames and nodes as JSON, both sides together */
#define FT_PAGE_WINDOWS_MAX 65536u
#define FT_PAGE_GAPS_MAX 65536u
#define FT_PAGE_WAITS 2000u /* the longest GIL waits, which are kept as they are */
#define FT_PAGE_COLS 4096u
#define FT_PAGE_NO_LANE 0xffffffffu
/* states of a lane that are no enum ft_rstate */
#define FT_PAGE_GAP 13u
#define FT_PAGE_MIXED 14u
#define FT_PAGE_STATES 14u /* that can be in a mixed span */

/* page_blob.c: bytes */

struct ft_bytes {
	__u8 *p;
	size_t len, cap;
	int err; /* 0, or -ENOMEM from the first append that failed */
};

void ft_bytes_add(struct ft_bytes *b, const void *p, size_t n);
void ft_bytes_u8(struct ft_bytes *b, __u8 v);
void ft_bytes_v(struct ft_bytes *b, __u64 v); /* unsigned LEB128 */
void ft_bytes_free(struct ft_bytes *b);	      /* it is empty then */
/* Appends the bytes' deflate (with zlib's head) as base64. 0, -ENOMEM. */
int ft_page_blob(const struct ft_bytes *b, struct ft_text *out);
/* Appends base64 of n bytes, padded. */
void ft_page_base64(const __u8 *p, size_t n, struct ft_text *out);
/* Appends valid JSON so that it may stand in a <script>: no <, > or & is left. */
void ft_page_json(struct ft_text *out, const char *json);

/* Times of a page: whole units, counted from its begin. */
struct ft_page_axis {
	__u64 from_ns, to_ns; /* absolute */
	__u64 unit_ns;
	__u32 length; /* units */
};

void ft_page_axis_init(struct ft_page_axis *x, __u64 from_ns, __u64 to_ns);
__u32 ft_page_time(const struct ft_page_axis *x, __u64 ns); /* clipped, rounded down */

/* The shares of parts in 255: what rounding takes here, it gives back in the next call. */
struct ft_page_shares {
	double carry[FT_PAGE_STATES + 1];
};

/*
 * out[] of cnt parts in units of a span of len; what is left of 255 belongs to none of them.
 * `whole`: the parts make up the span, and the shares add up to 255.
 */
void ft_page_share(struct ft_page_shares *s, const __u32 *part, __u32 cnt, __u32 len, bool whole,
		   __u8 *out);

/* page_lanes.c: what threads did */

enum {
	FT_PAGE_FIRST = 1, /* FT_SPAN_FIRST */
	FT_PAGE_HELD = 2,
	FT_PAGE_WAKER = 4,
};

struct ft_page_span {
	__u32 len;
	__u32 waker; /* lane + 1 */
	__u32 wake;  /* from its begin */
	__u32 ref;   /* lock wait: lock + 1; mixed: where its parts begin */
	__u32 node;  /* of the session, FT_NO_STACK */
	__u16 cpu;
	__u8 state;
	__u8 flags;
};

struct ft_page_mix {
	__u32 part[FT_PAGE_STATES]; /* units */
};

struct ft_page_lane {
	struct ft_page_span *span;
	size_t cnt, cap;
	__u32 *mix; /* of each mixed span a set of states, then the part of each */
	size_t mix_cnt, mix_cap;
	__u32 start, end;
};

struct ft_page_lanes {
	struct ft_page_lane *lane;
	__u32 cnt;
	size_t total; /* spans of all lanes */
	/* a heap of the longest GIL waits with a waker; the shortest is the first */
	__u32 wait[FT_PAGE_WAITS];
	__u32 wait_cnt;
};

int ft_page_lanes_init(struct ft_page_lanes *l, __u32 cnt);
void ft_page_lanes_free(struct ft_page_lanes *l);
/*
 * Adds a span [from, to) in the page's units to a lane; time that is in a span before is cut off,
 * and what lies between them was not seen. mix: of FT_PAGE_MIXED. 0 or -ENOMEM.
 */
int ft_page_lanes_add(struct ft_page_lanes *l, __u32 lane, __u32 from, __u32 to,
		      const struct ft_page_span *s, const struct ft_page_mix *mix);
/* Merges spans shorter than detail units with their neighbours. 0 or -ENOMEM. */
int ft_page_lanes_merge(struct ft_page_lanes *l, __u32 detail);
/* The parts of a mixed span. */
void ft_page_lane_mix(const struct ft_page_lane *lane, const struct ft_page_span *s,
		      struct ft_page_mix *out);

/* page_cores.c: who was on the cores */

struct ft_page_cspan {
	__u32 from, len;
	__u32 thr; /* lane + 1; 0: one without, or mixed */
	__u32 mix; /* index, if state is FT_PAGE_MIXED */
	__u8 state;
};

#define FT_PAGE_TOP 4

struct ft_page_cmix {
	__u32 part[FT_ON_CNT];
	__u32 thr[FT_PAGE_TOP], ns[FT_PAGE_TOP]; /* in units; as struct ft_tl_top */
};

struct ft_page_window {
	__u32 from, to;
	float others; /* units */
	float share;  /* of the time away, as it is written */
};

struct ft_page_core {
	struct ft_page_cspan *span;
	size_t cnt, cap;
	struct ft_page_cmix *mix;
	size_t mix_cnt, mix_cap;
	struct ft_page_window *window;
	size_t window_cnt, window_cap;
	bool shown;
	bool allowed;
};

struct ft_page_gap {
	__u32 from, to;
};

struct ft_page_cores {
	struct ft_page_core core[FT_MAX_CPUS];
	size_t total;
	size_t windows;
	struct ft_page_gap *gap; /* times of which not all is known, of any thread */
	size_t gap_cnt, gap_cap;
	__u32 length;
};

void ft_page_cores_free(struct ft_page_cores *c);
/* Lane thr - 1 (0: one without) was on a core. part[]: what it is made of. 0 or -ENOMEM. */
int ft_page_cores_on(struct ft_page_cores *c, __u32 cpu, __u32 thr, __u32 from, __u32 to,
		     const __u32 part[FT_ON_CNT]);
int ft_page_cores_other(struct ft_page_cores *c, __u32 cpu, __u32 from, __u32 to, double units);
int ft_page_cores_gap(struct ft_page_cores *c, __u32 from, __u32 to);
int ft_page_cores_merge(struct ft_page_cores *c, __u32 detail);
/* After a merge with the same detail. 0 or -ENOMEM. */
int ft_page_cores_put(struct ft_page_cores *c, __u32 detail, struct ft_bytes *out);

/* page_curves.c: figures over time */

enum ft_page_curve {
	FT_CURVE_ON,
	FT_CURVE_WAIT_GIL,
	FT_CURVE_HELD,
	FT_CURVE_STW,
	FT_CURVE_LOCK,
	FT_CURVES,
};

struct ft_page_curves {
	const struct ft_page_axis *x;
	__u32 cols;
	double *step[FT_CURVES]; /* [cols + 1] changes of the level */
	double *part[FT_CURVES]; /* [cols + 1] what differs from the level, ns */
	__s32 *level;		 /* [cols * 64 + 1] changes of the threads on cores */
};

int ft_page_curves_init(struct ft_page_curves *c, const struct ft_page_axis *x);
void ft_page_curves_free(struct ft_page_curves *c);
/* weight 1: a thread; absolute times */
void ft_page_curves_add(struct ft_page_curves *c, enum ft_page_curve which, __u64 from, __u64 to,
			double weight);
void ft_page_curves_put(const struct ft_page_curves *c, struct ft_bytes *out);
extern const char ft_page_curve_names[]; /* JSON */

/* page_stacks.c: samples, and the tree of their frames */

struct ft_page_sample {
	__u64 ns;
	__u32 t;
	__u32 node; /* of the session, in the end of the page */
	__u8 what;
};

struct ft_page_stacks {
	const struct ft_stacks *s;
	struct ft_page_sample *sample;
	size_t cnt, cap;
	__u64 least_ns; /* a sample that is shorter stands for so much; 0: each for itself */
	__u64 random;
	__u64 *total;  /* [node_cnt] weight of it and all that it calls */
	__u32 *number; /* [node_cnt] in the page */
	__u32 *frame;  /* [frame_cnt] number in the page + 1 */
	__u32 *order;  /* frames of the page */
	__u32 frame_cnt;
	struct ft_bytes node; /* of the page, two __u32 each: parent + 1, frame */
	__u32 mark;	      /* number of the frame of what was left out + 1; 0: none was */
};

int ft_page_stacks_init(struct ft_page_stacks *p, const struct ft_stacks *s);
void ft_page_stacks_free(struct ft_page_stacks *p);
int ft_page_stacks_add(struct ft_page_stacks *p, __u32 t, __u8 what, __u32 node, __u64 ns);
/*
 * After the last sample: takes some out until they fit, and chooses the nodes whose JSON has at
 * most `bytes` bytes. 0 or -ENOMEM.
 */
int ft_page_stacks_settle(struct ft_page_stacks *p, size_t bytes);
void ft_page_stacks_json(const struct ft_page_stacks *p, struct ft_text *out);
void ft_page_stacks_put(const struct ft_page_stacks *p, struct ft_bytes *out);

/* page_lanes.c again: needs the numbers of nodes and locks; lock[]: by lock, the page's number + 1
 */
void ft_page_lanes_put(const struct ft_page_lanes *l, const struct ft_page_stacks *st,
		       const __u32 *lock, struct ft_bytes *out);

/* page_side.c: one session */

enum { FT_PAGE_THREADS, FT_PAGE_CORES, FT_PAGE_CURVES, FT_PAGE_SAMPLES, FT_PAGE_BLOBS };

struct ft_page_part {
	struct ft_text json; /* the side's object */
	struct ft_text blob[FT_PAGE_BLOBS];
	bool has_events;
};

/* bytes: what the part may take in the page. 0 or -errno; free it in any case. */
int ft_page_part_make(const struct ft_page_side *side, const struct ft_page_opts *o, int no,
		      int cnt, size_t bytes, struct ft_page_part *out);
void ft_page_part_free(struct ft_page_part *p);

#endif
