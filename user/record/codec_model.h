/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the encoder and the decoder both know of the events so far, and what they expect next from
 * it; only for codec*.c. Both sides must come to the same numbers, so nothing here is floating
 * point and everything may wrap.
 */
#ifndef FT_RECORD_CODEC_MODEL_H
#define FT_RECORD_CODEC_MODEL_H

#include "record/codec.h"
#include "record/stacks.h"
#include "record/varint.h"

/* Columns of bytes and varints. */
enum col {
	COL_HEAD = 0, /* type | HEAD_* */
	COL_STATE,    /* state | flags << 4 */
	COL_THR,      /* number in the chunk's dictionary; the next free one: see COL_NEW */
	COL_NEW,      /* zigzag: a thread that is new to the dictionary, less the one before */
	COL_CPU,      /* zigzag: less the thread's core before */
	COL_TICK_CPU, /* core of TICK, CPU, EXEC, FORK */
	COL_TICK_THR, /* TICK: 0 the thread last seen on that core, else as COL_THR, plus 1 */
	COL_ARG,      /* zigzag: less the thread's last arg in that state */
	COL_SEQ,      /* zigzag: less the expected one */
	COL_WAKER,    /* 0 none, else as COL_THR, plus 1 */
	COL_MISC,     /* CPU: zigzag begin less the end of the window before; length */
	COL_STACK, /* SLICE, TICK: 0 none, else as COL_THR, of stacks, plus 1; empty: no stacks */
	COL_NEWSTACK, /* zigzag: a stack that is new to the dictionary, less the one before */
	COL_CNT,
};

/* Columns of numbers whose bytes are split: five columns of bytes each. */
enum wide {
	WIDE_DT = 0, /* ts less that of the event before: START, EXIT, CPU, EXEC, FORK */
	WIDE_TICK,   /* zigzag: ts of a TICK less the expected one */
	WIDE_ON,     /* SLICE: on core before */
	WIDE_OFF,    /* SLICE: out to wake-up, or to ts when there was none */
	WIDE_RUNQ,   /* SLICE: wake-up to ts */
	WIDE_CNT,
};

enum wide_part { PART_LEN = 0, PART_B0, PART_B1, PART_B2, PART_REST, PART_CNT };

#define STREAM_CNT (COL_CNT + WIDE_CNT * PART_CNT)
_Static_assert(STREAM_CNT + 1 <= FT_CODEC_MAX_COLUMNS, "columns");

#define HEAD_TYPE 0x07u
#define HEAD_WAKE 0x08u /* SLICE: wake_ns is there */
#define HEAD_NEG 0x10u	/* SLICE: left the core before the expected start (its first in a chunk) */

#define NO_LOCAL 0xffffffffu
#define ARG_SLOTS (FT_ST_CNT + 1) /* the last one for states outside enum ft_state */

struct cthread {
	__u32 thr;
	__u32 slot; /* in the hash table */
	__u32 seq;  /* expected */
	__u16 cpu;
	__u16 arg_known; /* bit set of states */
	__u64 ts;	 /* of its last SLICE, START or EXIT */
	__u64 arg[ARG_SLOTS];
};

struct ccpu {
	__u64 grid;   /* where its last tick should have been */
	__u64 end_ns; /* of its last CPU window */
	__u32 local;  /* the thread last seen on it, or NO_LOCAL */
	bool ticked;
};

/* An entry of the dictionary of stacks. */
struct cstack {
	__u32 stack;
	__u32 slot; /* in the hash table */
};

struct cmodel {
	__u64 period; /* of ticks */
	__u64 prev_ts;
	__u64 base_ns;
	__u64 arg[ARG_SLOTS]; /* last one of any thread */
	__u32 last_new;
	struct cthread *threads;
	size_t thread_cnt;
	size_t thread_cap;
	struct cstack *stacks;
	size_t stack_cnt;
	size_t stack_cap;
	struct ccpu cpus[FT_MAX_CPUS];
};

struct ft_codec {
	struct cmodel m;
	__u32 *hash;	   /* encoder: local number + 1 */
	__u32 *stack_hash; /* the same of stacks */
	__u8 *arena;	   /* encoder: room for all columns */
	__u8 *out;
	struct ft_sort_key *keys;
	struct ft_sort_key *keys_tmp;
};

static inline unsigned int arg_slot(__u8 state)
{
	return state < FT_ST_CNT ? state : FT_ST_CNT;
}

static inline __u64 *model_arg(struct cmodel *m, struct cthread *t, __u8 state)
{
	unsigned int i = arg_slot(state);

	return t->arg_known & (1u << i) ? &t->arg[i] : &m->arg[i];
}

static inline void model_note_arg(struct cmodel *m, struct cthread *t, __u8 state, __u64 arg)
{
	unsigned int i = arg_slot(state);

	t->arg_known |= (__u16)(1u << i);
	t->arg[i] = arg;
	m->arg[i] = arg;
}

/* The next seq that a thread's record should carry, after one with seq. */
static inline __u32 model_next_seq(__u8 type, __u32 seq)
{
	return type == FT_EV_SLICE ? seq + 1 : seq;
}

void model_reset(struct cmodel *m, __u64 base_ns, __u64 period);
/* Adds a thread to the dictionary. 0 or -ENOMEM. */
int model_add(struct cmodel *m, __u32 thr);
/* Adds a stack to the dictionary of stacks. 0 or -ENOMEM. */
int model_add_stack(struct cmodel *m, __u32 stack);
/* When the next tick of a core is expected. */
__u64 model_tick(const struct cmodel *m, __u16 cpu);
/* A tick came at ts, expected at want. */
void model_note_tick(struct cmodel *m, __u16 cpu, __u64 ts, __u64 want);

#endif
