/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Figures over all threads: the concurrency word and the sums of each CPU. */
#ifndef FT_CONC_BPF_H
#define FT_CONC_BPF_H

#include "maps.bpf.h"

#define CW_TRIES 32

ft_inline void conc_account(const struct ft_cw *iv)
{
	struct ft_times *t;
	struct ft_sums *s;

	if (!iv->ns)
		return;
	t = my_times();
	if (t && iv->on <= FT_MAX_CPUS)
		__sync_fetch_and_add(&t->level_ns[iv->on], iv->ns);
	if (!iv->wait)
		return;
	s = my_sums();
	if (s) {
		__sync_fetch_and_add(&s->wait_any_ns, iv->ns);
		__sync_fetch_and_add(&s->lost_parallel_ns, iv->ns * ft_cw_lost(iv, cores));
	}
}

/*
 * Moves the counts by `delta` at `now`. The counts are never lost, whatever the contention. A
 * global function: the verifier walks its loop once, and not for every path that leads to it.
 */
__attribute__((noinline)) int conc_move(__u64 now, __u64 delta)
{
	__u32 zero = 0;
	struct ft_conc *c = bpf_map_lookup_elem(&conc, &zero);
	__u64 old, new;
	struct ft_cw iv;
	int i;

	if (!c)
		return 0;
	old = *(volatile __u64 *)&c->word;
	for (i = 0; i < CW_TRIES; i++) {
		__u64 seen;

		new = ft_cw_next(old, now, delta, &iv);
		seen = __sync_val_compare_and_swap(&c->word, old, new);
		if (seen == old) {
			conc_account(&iv);
			if (i)
				count(FT_CN_WORD_RETRY);
			return 0;
		}
		old = seen;
	}
	count(FT_CN_WORD_FAIL);
	/* keep the counts right; the time goes to whoever swaps next */
	__sync_fetch_and_add(&c->word, delta);
	return 0;
}

/*
 * `ns` that ended just now were counted with one thread on a core too few: moves them one level up.
 * At which level they were is taken to be the present one.
 */
__attribute__((noinline)) int conc_missed(__u64 ns)
{
	__u32 zero = 0, on;
	struct ft_conc *c = bpf_map_lookup_elem(&conc, &zero);
	struct ft_times *t = my_times();

	if (!c || !t)
		return 0;
	on = (c->word >> 24) & 0x3ff;
	/* a CPU's own sum may go below zero: only the sum over the CPUs is looked at */
	__sync_fetch_and_add(&t->level_ns[on], -ns);
	__sync_fetch_and_add(&t->level_ns[on + 1], ns);
	return 0;
}

/* What a thread's change of state means for the counts. */
ft_inline __u64 conc_delta(__u8 before, __u8 after)
{
	__u64 d = 0;

	if (before == FT_ST_ON)
		d -= FT_CW_ON;
	if (after == FT_ST_ON)
		d += FT_CW_ON;
	if (before == FT_ST_GIL_WAIT)
		d -= FT_CW_WAIT;
	if (after == FT_ST_GIL_WAIT)
		d += FT_CW_WAIT;
	return d;
}

#endif
