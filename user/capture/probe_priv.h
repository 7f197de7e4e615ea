/* SPDX-License-Identifier: BSD-2-Clause */
/* What probe.c and probe_tables.c share: the only files that see the skeleton. */
#ifndef FT_CAPTURE_PROBE_PRIV_H
#define FT_CAPTURE_PROBE_PRIV_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "capture/probe.h"

struct ftprof_bpf; /* of the skeleton */

#define MAX_RINGS 8
#define MAX_LINKS 8
#define MAX_UPROBES 4

struct ft_probe {
	struct ftprof_bpf *skel;
	struct ft_probe_opts opts;
	int cpu_cnt; /* possible CPUs */
	int ring_cnt;
	int ring_fd[MAX_RINGS];
	struct ring_buffer *rb;
	struct bpf_link *link[MAX_LINKS];
	int link_cnt;
	struct bpf_link *uprobe[FT_SET_CNT][MAX_UPROBES];
	int uprobe_cnt[FT_SET_CNT];
	struct bpf_link *yields;
	struct bpf_link *gc[2]; /* start, done */
	__u64 jitter_ns;	/* when ticks were last moved */
	int jitter_next;	/* the one to move next */
	int *tick_fd;
	struct bpf_link **tick_link;
	int tick_cnt;
	const struct ft_thread *slots;
	size_t slots_len;
	const __u64 *hists;
	size_t hists_len;
	const struct ft_lock *locks;
	size_t locks_len;
	const struct ft_pause *pauses;
	size_t pauses_len;
	const __u64 *pause_hist;
	size_t pause_hist_len;
	const struct ft_gc_gen *gc_gens; /* NULL without opts.gc */
	size_t gc_gens_len;
	struct bpf_program *seed;
	__u16 *cpus;
	int (*cb)(void *ctx, void *data, size_t len);
	void *cb_ctx;
};

/* Room in the table of weights for what is counted without its stack, once it is full. */
int ft_probe_reserve_weights(struct ft_probe *p);

#endif
