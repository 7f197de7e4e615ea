/* SPDX-License-Identifier: BSD-2-Clause */
/* The process under measurement: finding it, starting it, learning what its interpreter is. */
#ifndef FT_CAPTURE_TARGET_H
#define FT_CAPTURE_TARGET_H

#include <stdbool.h>
#include "capture/launch.h"
#include "capture/probe.h"
#include "python/runtime.h"
#include "record/session.h"

struct ft_proc {
	int pid;
	int pidfd;
	bool launched;
	struct ft_launch launch;
	bool known; /* its interpreter has been found */
	struct ft_runtime *rt;
	bool own_pid_ns; /* in another PID namespace than we are */
	char why[256];	 /* why it is not known yet */
	__u64 next_look; /* CLOCK_MONOTONIC: when to look again */
	__u32 looks;
	/* what was last read of its state */
	enum ft_pygil gil;
	__u32 interval_us;
	__u32 *py_tids; /* ns tids that have had a thread state, sorted */
	size_t py_cnt, py_cap;
	char python_name[FT_COMM_LEN + 1];
};

/* Opens a live process and finds its interpreter. 0 or -errno (logged). */
int ft_proc_attach(struct ft_proc *t, int pid);
/* Starts a command, held at its gate. */
int ft_proc_launch(struct ft_proc *t, char *const argv[]);
/* Looks for the interpreter of a started command; cheap when it is not yet time to. */
int ft_proc_look(struct ft_proc *t, struct ft_probe *p, __u64 now);
/* Tells the BPF programs where things are. */
int ft_proc_publish(struct ft_proc *t, struct ft_probe *p);
/* The program was replaced: forget what was known. */
void ft_proc_replaced(struct ft_proc *t);
/* Moves to another process: a child of a launcher such as `uv run`. */
int ft_proc_follow(struct ft_proc *t, struct ft_probe *p, int pid);
/* Reads the interpreter's state (GIL, thread states) if it is there, and tells the programs. */
void ft_proc_poll(struct ft_proc *t, struct ft_probe *p);
bool ft_proc_is_python_tid(const struct ft_proc *t, __u32 ns_tid);
void ft_proc_info(const struct ft_proc *t, struct ft_session_info *info);
void ft_proc_free(struct ft_proc *t); /* a zeroed one is fine */

#endif
