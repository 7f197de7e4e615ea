// SPDX-License-Identifier: BSD-2-Clause
/* The process under measurement. */
#include "capture/target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "base/log.h"
#include "os/procfs.h"

/* A started command is looked at often at first: each look costs about a millisecond. */
#define LOOK_SOON_NS 2000000ull
#define LOOK_LATER_NS 50000000ull
#define LOOKS_SOON 200

static int init(struct ft_proc *t)
{
	memset(t, 0, sizeof(*t));
	t->pidfd = -1;
	t->launch.gate_fd = t->launch.error_fd = -1;
	t->launch.pid = -1;
	t->rt = calloc(1, sizeof(*t->rt));
	return t->rt ? 0 : ft_err(-ENOMEM, "out of memory");
}

static int open_pidfd(int pid)
{
	int fd = syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : fd;
}

static void look_at_ns(struct ft_proc *t)
{
	__u64 ours = 0, theirs = 0;

	if (!ft_proc_ns(FT_PROC, getpid(), "pid", &ours) &&
	    !ft_proc_ns(FT_PROC, t->pid, "pid", &theirs))
		t->own_pid_ns = ours != theirs;
}

int ft_proc_attach(struct ft_proc *t, int pid)
{
	struct ft_proc_status st;
	char why[256];
	int err = init(t);

	if (err)
		return err;
	err = ft_proc_status(FT_PROC, pid, &st);
	if (err == -ESRCH || err == -ENOENT)
		return ft_err(-ESRCH, "no process has the id %d (`ftprof` lists Python processes)",
			      pid);
	if (err)
		return ft_err(err, "cannot look at process %d: %s", pid, strerror(-err));
	if (st.tgid != pid)
		return ft_err(-EINVAL, "%d is a thread of process %d: use -p %d", pid, st.tgid,
			      st.tgid);
	if (st.state == 'Z' || st.state == 'X')
		return ft_err(-ESRCH, "process %d has exited already", pid);
	t->pid = pid;
	t->pidfd = open_pidfd(pid);
	if (t->pidfd < 0)
		return ft_err(t->pidfd, "cannot open process %d: %s", pid, strerror(-t->pidfd));
	err = ft_runtime_find(pid, t->rt, why, sizeof(why));
	if (err)
		return ft_err(err, "%s", why);
	t->known = true;
	look_at_ns(t);
	return 0;
}

int ft_proc_launch(struct ft_proc *t, char *const argv[])
{
	int err = init(t);

	if (err)
		return err;
	err = ft_launch(argv, &t->launch);
	if (err)
		return err;
	t->launched = true;
	/* until it has run long enough to be asked */
	snprintf(t->python_name, sizeof(t->python_name), "%.15s", ft_basename(argv[0]));
	t->pid = t->launch.pid;
	t->pidfd = open_pidfd(t->pid);
	if (t->pidfd < 0)
		return ft_err(t->pidfd, "cannot open process %d: %s", t->pid, strerror(-t->pidfd));
	snprintf(t->why, sizeof(t->why), "it never ran a Python interpreter");
	look_at_ns(t);
	return 0;
}

/* Spares the BPF programs the search in the interpreter's lists. */
static void publish_tstates(const struct ft_pystate *st, struct ft_probe *p)
{
	__u32 *tids = malloc((st->thread_cnt ?: 1) * sizeof(*tids));
	__u64 *addrs = malloc((st->thread_cnt ?: 1) * sizeof(*addrs));
	size_t i;
	int err;

	for (i = 0; tids && addrs && i < st->thread_cnt; i++) {
		tids[i] = st->threads[i].tid;
		addrs[i] = st->threads[i].tstate;
	}
	err = tids && addrs ? ft_probe_tstates(p, tids, addrs, st->thread_cnt) : -ENOMEM;
	if (err)
		ft_debug("thread states were not told: %s", strerror(-err));
	free(tids);
	free(addrs);
}

int ft_proc_publish(struct ft_proc *t, struct ft_probe *p)
{
	struct ft_pystate st = {0};
	struct ft_target v;
	int err = ft_runtime_target(t->rt, &v);

	if (err)
		return ft_err(err, "the interpreter of process %d cannot be described: %s", t->pid,
			      strerror(-err));
	/*
	 * The main interpreter's GIL for the seeding, which cannot walk the list of interpreters;
	 * the others are found by the programs, since interp_seen is left at 0.
	 */
	if (!ft_runtime_state(t->pid, t->rt, &st) && st.main.addr) {
		v.gil[0] = st.main.addr;
		v.switch_number[0] = v.switch_number0[0] = st.main.switch_number;
		v.gil_cnt = 1;
	}
	publish_tstates(&st, p);
	ft_pystate_free(&st);
	err = ft_probe_set_target(p, 0, &v);
	if (err)
		return ft_err(err, "cannot describe the target to the BPF programs: %s",
			      strerror(-err));
	return 0;
}

int ft_proc_look(struct ft_proc *t, struct ft_probe *p, __u64 now)
{
	int err;

	if (t->known || now < t->next_look)
		return 0;
	t->looks++;
	t->next_look = now + (t->looks < LOOKS_SOON ? LOOK_SOON_NS : LOOK_LATER_NS);
	err = ft_runtime_find(t->pid, t->rt, t->why, sizeof(t->why));
	if (err)
		return 0; /* not yet: `why` tells if it stays so */
	/* right after the exec the loader has not mapped the C library yet */
	if (!t->rt->has_libc && !t->rt->static_libc && !t->rt->musl && t->looks < LOOKS_SOON)
		return 0;
	t->known = true;
	ft_debug("process %d: Python %s%s, %s", t->pid, t->rt->version,
		 t->rt->free_threaded ? " free-threaded" : "", t->rt->how);
	return ft_proc_publish(t, p);
}

void ft_proc_replaced(struct ft_proc *t)
{
	t->known = false;
	t->looks = 0;
	t->next_look = 0;
}

int ft_proc_follow(struct ft_proc *t, struct ft_probe *p, int pid)
{
	int fd = open_pidfd(pid), err;

	if (fd < 0)
		return fd;
	err = ft_probe_member(p, fd, 0);
	if (err) {
		close(fd);
		return err;
	}
	close(t->pidfd);
	t->pidfd = fd;
	t->pid = pid;
	ft_proc_replaced(t);
	return 0;
}

static int cmp_u32(const void *a, const void *b)
{
	__u32 x = *(const __u32 *)a, y = *(const __u32 *)b;

	return x < y ? -1 : x > y;
}

bool ft_proc_is_python_tid(const struct ft_proc *t, __u32 ns_tid)
{
	return t->py_cnt && bsearch(&ns_tid, t->py_tids, t->py_cnt, sizeof(ns_tid), cmp_u32);
}

void ft_proc_poll(struct ft_proc *t, struct ft_probe *p)
{
	struct ft_pystate st = {0};
	size_t i, fresh = 0;

	if (!t->known || ft_runtime_state(t->pid, t->rt, &st))
		goto out;
	t->gil = st.gil;
	if (st.switch_interval_us)
		t->interval_us = st.switch_interval_us;
	for (i = 0; i < st.thread_cnt; i++) {
		__u32 tid = st.threads[i].tid;

		if (!tid || ft_proc_is_python_tid(t, tid))
			continue;
		if (ft_array_reserve((void **)&t->py_tids, &t->py_cap, t->py_cnt + fresh + 1,
				     sizeof(*t->py_tids)))
			break;
		t->py_tids[t->py_cnt + fresh++] = tid;
	}
	publish_tstates(&st, p);
	t->py_cnt += fresh;
	if (fresh)
		qsort(t->py_tids, t->py_cnt, sizeof(*t->py_tids), cmp_u32);
	ft_proc_comm(FT_PROC, t->pid, t->pid, t->python_name, sizeof(t->python_name));
out:
	ft_pystate_free(&st);
}

/*
 * What is being run. One that has exited and was not waited for yet has neither: what was read
 * before stays. A started command is ftprof's own until its exec.
 */
static void info_program(const struct ft_proc *t, struct ft_session_info *info)
{
	char exe[sizeof(info->exe)], cmdline[sizeof(info->cmdline)];
	bool deleted;

	if (!t->known)
		return;
	if (!ft_proc_exe(FT_PROC, t->pid, exe, sizeof(exe), &deleted) && exe[0])
		snprintf(info->exe, sizeof(info->exe), "%s", exe);
	if (!ft_proc_cmdline(FT_PROC, t->pid, cmdline, sizeof(cmdline)) && cmdline[0])
		snprintf(info->cmdline, sizeof(info->cmdline), "%s", cmdline);
}

void ft_proc_info(const struct ft_proc *t, struct ft_session_info *info)
{
	info->pid = t->pid;
	if (ft_proc_comm(FT_PROC, t->pid, t->pid, info->name, sizeof(info->name)) && !info->name[0])
		snprintf(info->name, sizeof(info->name), "%s", t->python_name);
	info_program(t, info);
	if (!t->rt->hex)
		return;
	snprintf(info->python, sizeof(info->python), "%s", t->rt->version);
	info->python_hex = t->rt->hex;
	info->free_threaded = t->rt->free_threaded;
	info->gil = (enum ft_gil_state)t->gil;
	if (info->gil == FT_GIL_UNKNOWN && !t->rt->free_threaded)
		info->gil = FT_GIL_ON;
	info->switch_interval_us = t->interval_us;
}

void ft_proc_free(struct ft_proc *t)
{
	if (t->launched)
		ft_launch_abort(&t->launch);
	if (t->pidfd > 0)
		close(t->pidfd);
	free(t->rt);
	free(t->py_tids);
	t->rt = NULL;
	t->py_tids = NULL;
	t->pidfd = -1;
}
