/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Weighted stacks for one question ("where do threads wait for the GIL?") as a tree, made from a
 * session's stacks and scaled so that the whole is the report's own figure. Pure.
 */
#ifndef FT_MODEL_FLAME_H
#define FT_MODEL_FLAME_H

#include <stdbool.h>
#include "model/model.h"
#include "record/stacks.h"

/* What is weighed: the argument of --of. */
enum ft_of {
	FT_OF_ON_CPU = 0, /* on a core: GIL held, GIL-free, spinning */
	FT_OF_GIL_WAIT,	  /* waits for the GIL: who wants it */
	FT_OF_GIL_BLAME,  /* who holds it meanwhile: waiters x time */
	FT_OF_LOCK_WAIT,  /* asleep for an object's or the runtime's mutex */
	FT_OF_BLOCKED, /* asleep of its own will: system calls, own locks, page faults, stopped */
	FT_OF_OFF_CPU, /* everything off core */
	FT_OF_WALL,    /* everything */
	FT_OF_LOCK_OWNER, /* who woke those that waited for a lock: their wait */
	FT_OF_SHARED,	  /* on a core, for reference counts that threads share */
	FT_OF_PAUSE,	  /* who asked for stop-the-world pauses: the time stopped */
	FT_OF_CNT,
};

const char *ft_of_name(enum ft_of of);	/* "gil-blame" */
const char *ft_of_title(enum ft_of of); /* "GIL blame: who held it while others waited" */
/* 0, or -EINVAL when it is no name of one. */
int ft_of_parse(const char *name, enum ft_of *out);

struct ft_flame_node {
	__u32 parent; /* number of the caller's node, lower than its own; 0 for the outermost */
	__u32 frame;  /* index into the flame's frames; not used for node 0, the root */
	__u64 self_ns;
	__u64 total_ns; /* with all that it calls */
	__u64 self_cnt; /* samples or sleeps behind self_ns */
	__u64 base_ns;	/* of a difference: total_ns of the other session, scaled to this one's */
	__u64 base_self_ns;
};

struct ft_flame {
	enum ft_of of;
	const struct ft_session_info *info; /* borrowed */
	/* the session's frames (with by_function: without their lines), then marks of our own:
	 * the state in which a thread was off core, "[asleep: epoll_wait]" */
	struct ft_frame *frame;
	size_t frame_cnt;
	struct ft_flame_node *node; /* [0] is the root; brothers are sorted by name, then file */
	size_t node_cnt;
	char **own_string; /* of the marks */
	size_t own_string_cnt;
	__u64 total_ns;	  /* of the root: the report's own figure */
	__u64 sampled_ns; /* of it, what was really seen with a stack */
	__u64 samples;
	bool differs; /* base_ns is set */
	/* of a difference: the other session, borrowed, and its own figures before they were scaled
	 */
	const struct ft_session_info *base_info;
	__u64 base_total_ns;
	__u64 base_duration_ns;
	/* GIL blame: what ticks saw was to be multiplied by this to make up the waits that are not
	 * known exactly; outside 0.5 to 2 it was not. 0: ticks saw none, or another question */
	double factor;
	__u64 duration_ns; /* of the session, or of the range that was asked for; 0: not known */
};

struct ft_flame_opts {
	enum ft_of of;
	bool by_function; /* lines of one function are one frame */
	__u64 from_ns;	  /* from the session's start, as on the command line; 0, 0: all of it */
	__u64 to_ns;
};

/*
 * Builds *out from a model and the reader it came from; both must outlive it. A session without
 * stacks, without events when a time range is asked for, or without any time of this kind:
 * -ENODATA, and one plain sentence with the remedy stands in why. Time that is known and has no
 * stack stands under a mark "[no stack]". 0, -ENODATA, -EINVAL, -ENOMEM, and what the reader has.
 */
int ft_flame_build(struct ft_reader *r, const struct ft_model *m, const struct ft_flame_opts *o,
		   struct ft_flame *out, char *why, size_t why_sz);
/* The same of all of `s` (no range), without a reader: of a live session. s may be NULL: -ENODATA.
 */
int ft_flame_from(const struct ft_stacks *s, const struct ft_model *m,
		  const struct ft_flame_opts *o, struct ft_flame *out, char *why, size_t why_sz);
/*
 * The difference of two flames of the same question, matched by function and the last part of the
 * file's name (lines move, and the two builds of one program keep theirs in other directories):
 * the tree of both, weights of `b`, base_* of `a` scaled to b's total. Both must outlive *out.
 */
int ft_flame_diff(const struct ft_flame *a, const struct ft_flame *b, struct ft_flame *out);
void ft_flame_free(struct ft_flame *f); /* NULL is fine */

/* A function's time, for the tables. */
struct ft_func {
	const char *name;
	const char *file;
	__u32 line; /* where most of self_ns is; else of total_ns */
	__u8 kind;  /* enum ft_frame_kind */
	__u64 self_ns;
	__u64 total_ns; /* counted once a stack, however often the function recurs in it */
};

/*
 * The functions with the most self time (by_total: total time), at most max; marks are left out.
 * Returns how many of out[] were filled, or -ENOMEM. Strings belong to the flame.
 */
int ft_flame_top(const struct ft_flame *f, bool by_total, struct ft_func *out, int max);

#endif
