/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One look at a process: what each thread does now, and its Python stack. From /proc and the
 * process's memory alone: nothing is loaded into the kernel, nothing is stopped.
 */
#ifndef FT_PYTHON_LOOK_H
#define FT_PYTHON_LOOK_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include "ftprof_abi.h"
#include "python/runtime.h"

struct ft_look_frame {
	char *name; /* as ft_code_string() makes them, or the words of a mark; owned */
	char *file;
	__u32 line; /* 0: not known */
	bool mark;
};

struct ft_look_thread {
	int tid;		/* as we see it */
	char name[FT_COMM_LEN]; /* a stranger's bytes */
	/* FT_ST_ON: on a core or ready for one, which nothing tells apart; never FT_ST_RUNQ */
	enum ft_state state;
	__u64 arg;    /* system call number for FT_ST_BLOCKED, address for the futex ones */
	bool python;  /* has a thread state */
	bool holds;   /* holds the main interpreter's GIL */
	bool changed; /* went on while it was looked at: stack and state may not belong together */
	struct ft_look_frame *frames; /* innermost first; owned */
	size_t frame_cnt;
};

struct ft_look {
	enum ft_pygil gil;
	__u32 interp_cnt;
	struct ft_look_thread *threads; /* by thread id; owned */
	size_t thread_cnt;
};

/* 0 or -errno (-ESRCH, -EPERM, -EAGAIN: the interpreter is starting or ending, -ENOMEM). */
int ft_look(int pid, const struct ft_runtime *rt, struct ft_look *out);
void ft_look_free(struct ft_look *l); /* NULL is fine; leaves it empty */

#endif
