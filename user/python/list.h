/* SPDX-License-Identifier: BSD-2-Clause */
/* The Python processes of this host. */
#ifndef FT_PYTHON_LIST_H
#define FT_PYTHON_LIST_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include "python/runtime.h"

struct ft_pyproc {
	int pid;
	int ppid;
	unsigned int uid;
	__u64 start;	  /* clock ticks since boot */
	char version[16]; /* empty: not known */
	bool free_threaded;
	bool no_offsets;
	enum ft_pygil gil;		 /* FT_PYGIL_UNKNOWN if its memory may not be read */
	__u32 threads;			 /* of the kernel */
	__u32 py_threads;		 /* with a thread state, 0: not known */
	bool other_pid_ns, other_mnt_ns; /* than this process */
	char container[32];		 /* hint such as "docker 0123456789ab", or empty */
	__u32 children;			 /* Python processes that it is the parent of */
	char name[64];			 /* safe to print */
	char cmdline[256];		 /* safe to print */
};

struct ft_pylist {
	struct ft_pyproc *proc; /* owned, by pid */
	size_t cnt;
	size_t cap;
	size_t unreadable; /* processes whose maps may not be read: some may be Python */
	size_t partial;	   /* of proc: seen by their name only, memory not readable */
};

/* 0 or -errno. */
int ft_list_python(struct ft_pylist *out);
void ft_pylist_free(struct ft_pylist *l); /* NULL is fine; leaves it empty */

#endif
