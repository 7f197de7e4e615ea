/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What /proc says of a process. Every function takes the root path (FT_PROC in life, a fixture
 * directory in tests) and returns 0 or -errno; a process that vanishes meanwhile is -ESRCH.
 */
#ifndef FT_OS_PROCFS_H
#define FT_OS_PROCFS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#define FT_PROC "/proc"
#define FT_PROC_NS_MAX 32 /* the kernel's limit on nested PID namespaces */

struct ft_proc_status {
	char name[64]; /* a stranger's bytes */
	int tgid;
	int pid; /* of the task itself */
	int ppid;
	unsigned int uid;	   /* effective */
	int nspid[FT_PROC_NS_MAX]; /* the task's id, from our PID namespace inwards */
	int nstgid[FT_PROC_NS_MAX];
	int ns_cnt; /* 1: no namespace further in; 0: the kernel does not say */
	int threads;
	char state;	 /* R S D T t Z X ... */
	char cpus[4096]; /* Cpus_allowed_list, empty if too long */
};

/* One line of maps. */
struct ft_mapping {
	__u64 start;
	__u64 end;
	__u64 offset; /* in the file */
	__u64 inode;
	__u32 dev_major;
	__u32 dev_minor;
	bool read, write, exec;
	bool deleted;	  /* the file's name is gone; the suffix is cut off `path` */
	const char *path; /* "" if anonymous; inside struct ft_maps; a stranger's bytes */
};

struct ft_maps {
	struct ft_mapping *map;
	size_t cnt;
	size_t malformed; /* lines that were not understood */
	char *text;	  /* owned: the paths point into it */
};

int ft_proc_status(const char *root, int pid, struct ft_proc_status *out);
int ft_proc_task_status(const char *root, int pid, int tid, struct ft_proc_status *out);
/* Arguments joined by blanks; empty for a kernel thread. A stranger's bytes, cut to sz. */
int ft_proc_cmdline(const char *root, int pid, char *buf, size_t sz);
/* The name of a thread (comm) without the newline. */
int ft_proc_comm(const char *root, int pid, int tid, char *buf, size_t sz);
/* Where the exe link points, " (deleted)" cut off and reported. -ENOENT: a kernel thread. */
int ft_proc_exe(const char *root, int pid, char *buf, size_t sz, bool *deleted);
/* Starting time in clock ticks since boot: (pid, start) is unique, a pid alone is not. */
int ft_proc_start(const char *root, int pid, __u64 *ticks);
/* Resident memory; 0: the process has ended and nobody has waited for it. */
int ft_proc_rss(const char *root, int pid, __u64 *bytes);
/* malloc'ed ascending lists; free() them. */
int ft_proc_tasks(const char *root, int pid, int **tids, size_t *cnt);
int ft_proc_children(const char *root, int pid, int **pids, size_t *cnt);
int ft_proc_pids(const char *root, int **pids, size_t *cnt);
/* Inode of the namespace "pid", "mnt", ...: equal numbers are the same namespace. */
int ft_proc_ns(const char *root, int pid, const char *ns, __u64 *inode);
int ft_proc_maps(const char *root, int pid, struct ft_maps *out);
void ft_maps_free(struct ft_maps *m); /* NULL is fine; leaves it empty */
/* The map that holds addr, or NULL. */
const struct ft_mapping *ft_maps_find(const struct ft_maps *m, __u64 addr);
/* The last part of a path. */
const char *ft_basename(const char *path);

#endif
