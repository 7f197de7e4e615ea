/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stacks of a session: frames with their names, stacks as a tree of them, and how much time
 * each stack has. Everything is resolved when it is recorded: a report needs neither the process
 * nor its files.
 */
#ifndef FT_RECORD_STACKS_H
#define FT_RECORD_STACKS_H

#include <linux/types.h>
#include <stddef.h>
#include "ftprof_abi.h"

#define FT_NO_STACK 0xffffffffu

enum ft_frame_kind {
	FT_FK_PYTHON = 0,
	FT_FK_NATIVE = 1,
	FT_FK_KERNEL = 2,
	FT_FK_MARK = 3, /* no function: why something is missing, "[deeper than 128 frames]" */
	FT_FK_CNT = 4,
};

/*
 * One frame: a function at a line. Strings are valid UTF-8 without NUL, at most
 * FT_FRAME_STRING_MAX bytes, but otherwise a stranger's: newlines, quotes, markup and semicolons
 * are all there; whoever writes a format escapes. Two frames of a session differ in some field.
 */
#define FT_FRAME_STRING_MAX 4096

struct ft_frame {
	const char *name; /* Python: the qualified name; never NULL or empty */
	const char *file; /* Python: file name; native: path of the library; "" if none */
	__u32 line;	  /* 0: not known */
	__u32 first_line; /* of the function, 0: not known */
	__u8 kind;	  /* enum ft_frame_kind */
	__u8 error;	  /* FT_FK_MARK: 1 when it stands for a walk that went wrong */
};

/* A node of the tree of stacks; its number names the stack from the root to it. */
struct ft_node {
	__u32 parent; /* number of the caller's node, lower than its own; FT_NO_STACK: outermost */
	__u32 frame;  /* index of a frame */
};

struct ft_weight {
	__u32 stack;  /* node; FT_NO_STACK: what was counted without one */
	__u32 arg;    /* system call number, for FT_ST_BLOCKED */
	__u8 kind;    /* FT_SK_*, or an enum ft_state */
	__u64 ns;     /* estimates the whole time of that kind with this stack */
	__u64 raw_ns; /* the time that was really seen */
	__u64 cnt;
};

struct ft_stacks {
	const struct ft_frame *frame;
	size_t frame_cnt;
	const struct ft_node *node;
	size_t node_cnt;
	const struct ft_weight *weight;
	size_t weight_cnt;
};

#endif
