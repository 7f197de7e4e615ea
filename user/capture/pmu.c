/* SPDX-License-Identifier: BSD-2-Clause */
/* Hardware counters of each thread. */
#include "capture/pmu.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/array.h"
#include "os/procfs.h"

/* Of all files that may be open: the rest of ftprof needs some, too. */
#define FILES_SHARE 2

const struct ft_pmu_event ft_pmu_hardware[FT_PMU_EVENTS] = {
	{"cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
	{"instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
	{"cache misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES},
};

struct thread {
	int tid;
	bool open;
	bool counted; /* count[] is there: its counters had their turn */
	int fd[FT_PMU_EVENTS];
	__u64 count[FT_PMU_EVENTS];
};

struct ft_pmu {
	const char *root;
	int pid;
	const struct ft_pmu_event *events;
	struct thread *thread; /* ascending tids */
	size_t cnt;
	size_t cap;
	size_t open_cnt;
	size_t open_max;
	size_t missed; /* threads at a time that found no room */
	bool off;      /* nothing can be counted: see why */
	char why[sizeof(((struct ft_findings *)0)->pmu_why)];
};

static int perf_open(const struct ft_pmu_event *e, int tid, int group, bool disabled)
{
	struct perf_event_attr attr = {
		.type = e->type,
		.size = sizeof(attr),
		.config = e->config,
		.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
		.disabled = disabled,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, tid, -1, group, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static void close_fds(struct thread *t)
{
	size_t i;

	for (i = 0; i < FT_PMU_EVENTS; i++) {
		if (t->fd[i] >= 0)
			close(t->fd[i]);
		t->fd[i] = -1;
	}
	t->open = false;
}

/* Says why nothing can be counted. err: of opening events[which]. */
static void give_up(struct ft_pmu *p, int err, size_t which)
{
	p->off = true;
	switch (err) {
	case -ENOENT:
	case -EOPNOTSUPP:
	case -ENODEV:
	case -EINVAL:
		if (which)
			snprintf(p->why, sizeof(p->why), "this machine does not count %s",
				 p->events[which].what);
		else
			snprintf(p->why, sizeof(p->why), "no hardware counters on this machine");
		break;
	case -EACCES:
	case -EPERM:
		snprintf(p->why, sizeof(p->why), "hardware counters may not be read here");
		break;
	case -ENOSYS:
		snprintf(p->why, sizeof(p->why), "this kernel has no performance counters");
		break;
	case -EBUSY:
		snprintf(p->why, sizeof(p->why), "another program keeps the hardware counters");
		break;
	default:
		snprintf(p->why, sizeof(p->why), "hardware counters cannot be opened: %s",
			 strerror(-err));
	}
}

/*
 * The counters of a thread as one group, which takes turns as a whole; what does not fit into one
 * counts by itself. 0 or -errno, then *which is the event that failed.
 */
static int open_thread(const struct ft_pmu *p, struct thread *t, size_t *which)
{
	size_t i;
	int err = 0;

	for (i = 0; i < FT_PMU_EVENTS; i++)
		t->fd[i] = -1;
	for (i = 0; i < FT_PMU_EVENTS && !err; i++) {
		t->fd[i] = perf_open(&p->events[i], t->tid, i ? t->fd[0] : -1, !i);
		if (t->fd[i] == -EINVAL && i)
			t->fd[i] = perf_open(&p->events[i], t->tid, -1, false);
		if (t->fd[i] < 0)
			err = t->fd[i];
		*which = i;
	}
	/* all of a group begin together with its first one */
	if (!err && ioctl(t->fd[0], PERF_EVENT_IOC_ENABLE, 0))
		err = -errno;
	if (err)
		close_fds(t);
	t->open = !err;
	return err;
}

__u64 ft_pmu_scale(__u64 value, __u64 enabled, __u64 running)
{
	unsigned __int128 v = value;

	if (!running)
		return 0;
	if (running < enabled)
		v = v * enabled / running;
	return v > ~0ull ? ~0ull : (__u64)v;
}

/* Takes over what a thread has counted so far; a counter that cannot be read keeps what it had. */
static void read_thread(struct thread *t)
{
	__u64 v[3], count[FT_PMU_EVENTS];
	size_t i;

	for (i = 0; i < FT_PMU_EVENTS; i++) {
		if (read(t->fd[i], v, sizeof(v)) != sizeof(v) || !v[2])
			return;
		count[i] = ft_pmu_scale(v[0], v[1], v[2]);
	}
	memcpy(t->count, count, sizeof(count));
	t->counted = true;
}

static int by_tid(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static void end_gone(struct ft_pmu *p, const int *tids, size_t cnt)
{
	size_t i;

	for (i = 0; i < p->cnt; i++) {
		struct thread *t = &p->thread[i];

		if (!t->open || (cnt && bsearch(&t->tid, tids, cnt, sizeof(*tids), by_tid)))
			continue;
		read_thread(t);
		close_fds(t);
		p->open_cnt--;
	}
}

/* Begins to count in one thread, or sets p->off when none ever will. False: had no counters. */
static bool begin_thread(struct ft_pmu *p, int tid)
{
	struct thread *t = &p->thread[p->cnt];
	size_t which = 0;
	int err;

	memset(t, 0, sizeof(*t));
	t->tid = tid;
	err = open_thread(p, t, &which);
	if (!err) {
		p->cnt++;
		p->open_cnt++;
		return true;
	}
	if (err == -ESRCH) /* has ended */
		return true;
	if (err == -EMFILE || err == -ENFILE)
		p->open_max = p->open_cnt;
	else if (!p->cnt) /* no thread could be counted: a matter of the machine */
		give_up(p, err, which);
	return false;
}

static int begin_new(struct ft_pmu *p, const int *tids, size_t cnt)
{
	size_t i, known = p->cnt, missed = 0;
	void *a = p->thread;
	int err;

	err = ft_array_reserve(&a, &p->cap, FT_PMU_MAX, sizeof(*p->thread));
	if (err)
		return err;
	p->thread = a;
	for (i = 0; i < cnt && !p->off; i++) {
		/* the tid is what a thread begins with */
		if (bsearch(&tids[i], p->thread, known, sizeof(*p->thread), by_tid))
			continue;
		if (p->cnt == FT_PMU_MAX || p->open_cnt >= p->open_max || !begin_thread(p, tids[i]))
			missed++;
	}
	if (missed > p->missed)
		p->missed = missed;
	qsort(p->thread, p->cnt, sizeof(*p->thread), by_tid);
	return 0;
}

int ft_pmu_poll(struct ft_pmu *p)
{
	int *tids = NULL, err;
	size_t cnt = 0;

	if (p->off)
		return 0;
	err = ft_proc_tasks(p->root, p->pid, &tids, &cnt);
	if (!err)
		err = begin_new(p, tids, cnt);
	if (!err || err == -ESRCH)
		end_gone(p, tids, cnt);
	free(tids);
	return err == -ENOMEM ? err : 0;
}

int ft_pmu_new(const char *root, int pid, const struct ft_pmu_event events[FT_PMU_EVENTS],
	       struct ft_pmu **out)
{
	struct ft_pmu *p = calloc(1, sizeof(*p));
	struct rlimit files;
	int err;

	*out = NULL;
	if (!p)
		return -ENOMEM;
	p->root = root;
	p->pid = pid;
	p->events = events;
	p->open_max = FT_PMU_MAX;
	if (!getrlimit(RLIMIT_NOFILE, &files) &&
	    files.rlim_cur / FILES_SHARE / FT_PMU_EVENTS < p->open_max)
		p->open_max = files.rlim_cur / FILES_SHARE / FT_PMU_EVENTS;
	err = ft_pmu_poll(p);
	if (err)
		ft_pmu_free(p);
	else
		*out = p;
	return err;
}

void ft_pmu_free(struct ft_pmu *p)
{
	size_t i;

	if (!p)
		return;
	for (i = 0; i < p->cnt; i++) {
		if (p->thread[i].open)
			close_fds(&p->thread[i]);
	}
	free(p->thread);
	free(p);
}

/* What there is to say of a count of cnt threads. */
static void fill_why(const struct ft_pmu *p, size_t cnt, char *why, size_t sz)
{
	why[0] = 0;
	if (p->off)
		snprintf(why, sz, "%s", p->why);
	else if (!cnt)
		snprintf(why, sz, "the hardware counters had no turn in any thread");
	else if (p->missed)
		snprintf(why, sz, "up to %zu threads at a time have no counters", p->missed);
}

int ft_pmu_fill(struct ft_pmu *p, struct ft_findings *f)
{
	struct ft_pmu_rec *rec = calloc(p->cnt + 1, sizeof(*rec));
	size_t i, cnt = 0;

	if (!rec)
		return -ENOMEM;
	for (i = 0; i < p->cnt; i++) {
		struct thread *t = &p->thread[i];

		if (t->open)
			read_thread(t);
		if (t->counted)
			rec[cnt++] = (struct ft_pmu_rec){(__u32)t->tid, t->count[0], t->count[1],
							 t->count[2]};
	}
	fill_why(p, cnt, f->pmu_why, sizeof(f->pmu_why));
	f->pmu_ok = cnt > 0;
	if (!cnt) {
		free(rec);
		rec = NULL;
	}
	free(f->pmu);
	f->pmu = rec;
	f->pmu_cnt = cnt;
	return 0;
}
