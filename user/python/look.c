// SPDX-License-Identifier: BSD-2-Clause
/* One look at a process. */
#include "python/look.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/fileio.h"
#include "base/array.h"
#include "os/mem.h"
#include "os/procfs.h"
#include "python/code.h"
#include "python/walk.h"

struct looker {
	int pid;
	const struct ft_runtime *rt;
	struct ft_target t; /* offsets */
	struct ft_pystate st;
};

/* What /proc/PID/task/TID/syscall says: "running", "-1 SP IP" or "NR ARGS... SP IP". */
struct sleeping {
	bool running;
	long nr; /* -1: in no system call */
	__u64 arg0;
	__u64 sp;
};

static int read_sleeping(int pid, int tid, struct sleeping *s)
{
	unsigned long long a[6], sp, ip;
	char path[64], *text = NULL;
	size_t len;
	int err;

	memset(s, 0, sizeof(*s));
	snprintf(path, sizeof(path), FT_PROC "/%d/task/%d/syscall", pid, tid);
	err = ft_read_file(path, 512, &text, &len);
	if (err)
		return err == -ENOENT ? -ESRCH : err;
	s->nr = -1;
	if (!strncmp(text, "running", 7))
		s->running = true;
	else if (sscanf(text, "%ld %llx %llx %llx %llx %llx %llx %llx %llx", &s->nr, &a[0], &a[1],
			&a[2], &a[3], &a[4], &a[5], &sp, &ip) == 9)
		s->arg0 = a[0], s->sp = sp;
	else if (sscanf(text, "-1 %llx %llx", &sp, &ip) != 2)
		err = -EBADMSG;
	free(text);
	return err;
}

/*
 * What a sleep in futex() is for: the rules of bpf/gil.bpf.h (a parking-lot entry holds the parked
 * address before the futex, and a list node whose neighbour points back).
 */
static void classify_futex(const struct looker *l, __u64 uaddr, __u64 tstate,
			   struct ft_look_thread *t)
{
	__u64 gil = l->st.main.addr, off = uaddr - gil, w[7], back, type, name_ptr;
	char name[16] = "";

	t->arg = uaddr;
	if (gil && off < l->t.gil_size) {
		t->arg = gil;
		if (off >= l->t.gil_switch_cond)
			t->state = FT_ST_GIL_SWITCH;
		else if (off >= l->t.gil_cond)
			t->state = t->holds ? FT_ST_LOCK_WAIT : FT_ST_GIL_WAIT;
		return;
	}
	if (ft_mem_read(l->pid, uaddr - 16, w, sizeof(w)) || !w[1] || !w[6] ||
	    ft_mem_read(l->pid, w[6] + 8, &back, 8) || back != uaddr + 32)
		return;
	t->arg = w[1];
	if (!w[0]) {
		if (w[1] == tstate + l->t.tstate_state || w[1] - l->t.runtime < l->t.runtime_size)
			t->state = FT_ST_STW;
		return;
	}
	t->state = FT_ST_LOCK_WAIT;
	if (!ft_mem_read(l->pid, w[1] - l->t.ob_size + l->t.ob_type, &type, 8) &&
	    !ft_mem_read(l->pid, type + l->t.tp_name, &name_ptr, 8) &&
	    !ft_mem_string(l->pid, name_ptr, name, sizeof(name)) &&
	    (!strcmp(name, "_thread.lock") || !strcmp(name, "_thread.RLock") ||
	     !strncmp(name, "_queue.Simple", 13)))
		t->state = FT_ST_SYNC_WAIT;
}

static void classify(const struct looker *l, char state, const struct sleeping *s, __u64 tstate,
		     struct ft_look_thread *t)
{
	if (state == 'T' || state == 't') {
		t->state = FT_ST_STOPPED;
	} else if (state == 'R' || s->running) {
		t->state = FT_ST_ON;
	} else if (s->nr < 0) {
		t->state = FT_ST_FAULT;
	} else if (s->nr == SYS_futex) {
		t->state = FT_ST_SYNC_WAIT;
		classify_futex(l, s->arg0, tstate, t);
	} else {
		t->state = FT_ST_BLOCKED;
		t->arg = (__u64)s->nr;
	}
}

static int add_frame(const struct looker *l, const struct ft_pyframe *py, struct ft_look_frame *f)
{
	struct ft_code c = {0};
	int err = 0, error;

	if (py->code) {
		err = ft_code_read(l->pid, &l->t.py, py->code, py->ident, &c);
		if (err == -ENOMEM)
			return err;
	}
	f->mark = !py->code || err;
	if (f->mark) {
		f->name = strdup(py->code ? "[code object gone]"
					  : ft_py_mark((enum ft_pymark)py->ident, &error));
		f->file = strdup("");
	} else {
		f->name = c.name;
		f->file = c.file;
		c.name = c.file = NULL;
		if (py->at != FT_PY_NO_AT)
			f->line = ft_code_line(c.lines, c.lines_len, c.firstlineno, py->at);
	}
	ft_code_free(&c);
	return f->name && f->file ? 0 : -ENOMEM;
}

static int add_stack(const struct looker *l, __u64 tstate, struct ft_look_thread *t)
{
	struct ft_pyframe py[FT_PY_ELEMS];
	int i, n = ft_py_walk(l->pid, &l->t.py, tstate, py), err = 0;

	if (n <= 0)
		return n;
	t->frames = calloc(n, sizeof(*t->frames));
	if (!t->frames)
		return -ENOMEM;
	for (i = 0; i < n && !err; i++)
		if (py[i].code || py[i].ident != FT_PM_ENTRY)
			err = add_frame(l, &py[i], &t->frames[t->frame_cnt++]);
	return err;
}

static int look_at(const struct looker *l, int tid, struct ft_look_thread *t)
{
	struct ft_proc_status status;
	struct sleeping before, after;
	__u64 tstate = 0;
	__u32 ns_tid;
	size_t i;
	int err;

	t->tid = tid;
	err = ft_proc_task_status(FT_PROC, l->pid, tid, &status);
	err = err ?: read_sleeping(l->pid, tid, &before);
	if (err)
		return err;
	snprintf(t->name, sizeof(t->name), "%.15s", status.name);
	ns_tid = status.ns_cnt ? (__u32)status.nspid[status.ns_cnt - 1] : (__u32)tid;
	for (i = 0; i < l->st.thread_cnt; i++) {
		if (l->st.threads[i].tid != ns_tid)
			continue;
		/* of several (one in each sub-interpreter it has been in) the one with the GIL */
		if (!tstate || l->st.threads[i].tstate == l->st.main.last_holder)
			tstate = l->st.threads[i].tstate;
	}
	t->python = tstate != 0;
	t->holds = tstate && l->st.main.locked == 1 && l->st.main.last_holder == tstate &&
		   l->st.gil != FT_PYGIL_OFF;
	classify(l, status.state, &before, tstate, t);
	if (tstate)
		err = add_stack(l, tstate, t);
	if (err)
		return err;
	err = read_sleeping(l->pid, tid, &after);
	t->changed =
		err || before.running || after.running || memcmp(&before, &after, sizeof(after));
	return err == -ESRCH ? 0 : err;
}

int ft_look(int pid, const struct ft_runtime *rt, struct ft_look *out)
{
	struct looker l = {.pid = pid, .rt = rt};
	int *tids = NULL, err;
	size_t cnt = 0, i;

	memset(out, 0, sizeof(*out));
	err = ft_runtime_state(pid, rt, &l.st);
	err = err ?: ft_runtime_target(rt, &l.t);
	err = err ?: ft_proc_tasks(FT_PROC, pid, &tids, &cnt);
	if (err)
		goto out;
	out->gil = l.st.gil;
	out->interp_cnt = l.st.interp_cnt;
	out->threads = calloc(cnt ?: 1, sizeof(*out->threads));
	if (!out->threads) {
		err = -ENOMEM;
		goto out;
	}
	for (i = 0; i < cnt && !err; i++) {
		err = look_at(&l, tids[i], &out->threads[out->thread_cnt++]);
		if (err != -ESRCH)
			continue;
		/* this thread is gone meanwhile */
		out->thread_cnt--;
		memset(&out->threads[out->thread_cnt], 0, sizeof(*out->threads));
		err = 0;
	}
	if (!err && !out->thread_cnt)
		err = -ESRCH;
out:
	if (err)
		ft_look_free(out);
	ft_pystate_free(&l.st);
	free(tids);
	return err;
}

void ft_look_free(struct ft_look *l)
{
	size_t i, j;

	if (!l)
		return;
	for (i = 0; l->threads && i < l->thread_cnt; i++) {
		for (j = 0; j < l->threads[i].frame_cnt; j++) {
			free(l->threads[i].frames[j].name);
			free(l->threads[i].frames[j].file);
		}
		free(l->threads[i].frames);
	}
	free(l->threads);
	memset(l, 0, sizeof(*l));
}
