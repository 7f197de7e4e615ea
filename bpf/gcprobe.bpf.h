/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Garbage collections, where the interpreter was built --with-dtrace: its USDT probes
 * gc__start(generation) and gc__done(collected).
 */
#ifndef FT_GCPROBE_BPF_H
#define FT_GCPROBE_BPF_H

/*
 * One pair of probes at a time: each place at which the compiler put one takes an entry of both
 * tables, those of the program before are given back.
 */
#define BPF_USDT_MAX_SPEC_CNT 16
#define BPF_USDT_MAX_IP_CNT 16
#include <bpf/usdt.bpf.h>

#include "maps.bpf.h"
#include "stack.bpf.h"

/* A collection that a thread has begun and not ended yet, by slot. */
struct collecting {
	__u64 begin; /* 0: none */
	__u32 gen;
	__u32 program; /* that it was begun in */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set before load: as many as slots */
	__type(key, __u32);
	__type(value, struct collecting);
} collecting SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, FT_GC_GENS);
	__type(key, __u32);
	__type(value, struct ft_gc_gen);
} gc_gens SEC(".maps");

/* What the current thread collects; NULL: not a thread of the target. */
ft_inline struct collecting *my_collecting(void)
{
	__u32 slot1 = 0, slot;

	if (!active || !find_thread(bpf_get_current_task_btf(), &slot1))
		return 0;
	slot = slot1 - 1;
	return bpf_map_lookup_elem(&collecting, &slot);
}

ft_inline int on_gc_start(struct pt_regs *ctx)
{
	struct collecting *c = my_collecting();
	long gen;

	if (!c)
		return 0;
	/*
	 * A finalizer may run code of another interpreter, which collects too: the inner one is
	 * timed.
	 */
	if (c->begin && c->program == program_no)
		count(FT_CN_GC_LOST);
	c->gen = bpf_usdt_arg(ctx, 0, &gen) || gen < 0 || gen >= FT_GC_GENS ? FT_GC_GENS : gen;
	c->program = program_no;
	c->begin = bpf_ktime_get_ns();
	return 0;
}

ft_inline int on_gc_done(void)
{
	__u64 now = bpf_ktime_get_ns(), ns;
	struct collecting *c = my_collecting();
	struct ft_gc_gen *g;
	__u32 gen;

	if (!c)
		return 0;
	gen = c->gen;
	g = bpf_map_lookup_elem(&gc_gens, &gen);
	/* begun before the session, or around one that was timed; or of no known generation */
	if (!c->begin || c->program != program_no || !g) {
		c->begin = 0;
		count(FT_CN_GC_LOST);
		return 0;
	}
	ns = now - c->begin;
	c->begin = 0;
	__sync_fetch_and_add(&g->runs, 1);
	__sync_fetch_and_add(&g->ns, ns);
	if (ns > g->max_ns)
		g->max_ns = ns;
	return 0;
}

#endif
