// SPDX-License-Identifier: BSD-2-Clause
/* What comes and goes while a session runs: probes in the target, the count of sched_yield(). */
#include "capture/probe.h"

#include <errno.h>
#include <pthread.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "ftprof.skel.h"

#include "capture/probe_priv.h"

/* One probe on its way in or out, on a thread of its own. */
struct uprobe_job {
	struct bpf_program *prog;
	const struct ft_uprobe *u;
	struct bpf_link *link;
	int err;
	pthread_t thread;
	bool threaded;
};

static void *uprobe_in(void *arg)
{
	LIBBPF_OPTS(bpf_uprobe_opts, o);
	struct uprobe_job *j = arg;

	j->link = bpf_program__attach_uprobe_opts(j->prog, j->u->pid, j->u->path, j->u->offset, &o);
	j->err = j->link ? 0 : -errno;
	return NULL;
}

static void *uprobe_out(void *arg)
{
	struct uprobe_job *j = arg;

	bpf_link__destroy(j->link);
	return NULL;
}

/*
 * All at the same time: the kernel takes milliseconds to put one in and tens of milliseconds to
 * take one out, and meanwhile the target pays for those that are in place.
 */
static void run_jobs(struct uprobe_job *j, int n, void *(*fn)(void *))
{
	int i;

	for (i = 0; i < n; i++)
		j[i].threaded = !pthread_create(&j[i].thread, NULL, fn, &j[i]);
	for (i = 0; i < n; i++) {
		if (j[i].threaded)
			pthread_join(j[i].thread, NULL);
		else
			fn(&j[i]);
	}
}

int ft_probe_attach_uprobes(struct ft_probe *p, enum ft_probe_set set, const struct ft_uprobe *u,
			    int n)
{
	struct bpf_program *progs[FT_PROG_CNT] = {
		[FT_PROG_TAKE] = p->skel->progs.probe_take_gil,
		[FT_PROG_DROP] = p->skel->progs.probe_drop_gil,
		[FT_PROG_SIGNAL] = p->skel->progs.probe_cond_signal,
		[FT_PROG_STOP_WORLD] = p->skel->progs.probe_stop_world,
		[FT_PROG_START_WORLD] = p->skel->progs.probe_start_world,
		[FT_PROG_WARN] = p->skel->progs.probe_warn,
	};
	struct uprobe_job jobs[MAX_UPROBES] = {0};
	int i, err = 0;

	if (n > MAX_UPROBES - p->uprobe_cnt[set])
		return -E2BIG;
	for (i = 0; i < n; i++) {
		jobs[i].prog = progs[u[i].prog];
		jobs[i].u = &u[i];
	}
	run_jobs(jobs, n, uprobe_in);
	for (i = 0; i < n; i++) {
		if (jobs[i].link)
			p->uprobe[set][p->uprobe_cnt[set]++] = jobs[i].link;
		err = err ?: jobs[i].err;
	}
	return err;
}

void ft_probe_detach_uprobes(struct ft_probe *p, enum ft_probe_set set)
{
	struct uprobe_job jobs[MAX_UPROBES] = {0};
	int i;

	for (i = 0; i < p->uprobe_cnt[set]; i++)
		jobs[i].link = p->uprobe[set][i];
	run_jobs(jobs, p->uprobe_cnt[set], uprobe_out);
	p->uprobe_cnt[set] = 0;
}

void ft_probe_window(struct ft_probe *p, enum ft_probe_set set, __u32 gen)
{
	__u32 *word = set == FT_SET_GIL ? &p->skel->bss->exact_gen : &p->skel->bss->probe_gen;

	__atomic_store_n(word, gen, __ATOMIC_SEQ_CST);
}

int ft_probe_yields(struct ft_probe *p, bool on)
{
	if (on && !p->yields) {
		p->yields = bpf_program__attach(p->skel->progs.count_yield);
		return p->yields ? 0 : -errno;
	}
	if (!on) {
		bpf_link__destroy(p->yields);
		p->yields = NULL;
	}
	return 0;
}

void ft_probe_yield_window(struct ft_probe *p, bool open)
{
	__atomic_store_n(&p->skel->bss->yield_window, open, __ATOMIC_SEQ_CST);
}

static int clear_gc(struct ft_probe *p)
{
	struct ft_gc_gen none = {0};
	__u32 i;

	for (i = 0; i < FT_GC_GENS; i++)
		if (bpf_map__update_elem(p->skel->maps.gc_gens, &i, sizeof(i), &none, sizeof(none),
					 BPF_ANY))
			return -errno;
	return 0;
}

int ft_probe_attach_gc(struct ft_probe *p, int pid, const char *path)
{
	struct bpf_program *prog[2] = {p->skel->progs.gc_start, p->skel->progs.gc_done};
	static const char *const name[2] = {"gc__start", "gc__done"};
	int i, err;

	if (!p->opts.gc)
		return -EINVAL;
	ft_probe_detach_gc(p);
	err = clear_gc(p);
	/* one after the other: links of USDT probes share what libbpf knows of their arguments */
	for (i = 0; i < 2 && !err; i++) {
		p->gc[i] = bpf_program__attach_usdt(prog[i], pid, path, "python", name[i], NULL);
		err = p->gc[i] ? 0 : -errno;
	}
	if (err)
		ft_probe_detach_gc(p);
	return err;
}

void ft_probe_detach_gc(struct ft_probe *p)
{
	int i;

	for (i = 0; i < 2; i++) {
		bpf_link__destroy(p->gc[i]);
		p->gc[i] = NULL;
	}
}
