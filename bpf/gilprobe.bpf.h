/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The uprobe engine (--exact): when a thread wants the GIL (entry of take_gil), has it
 * (pthread_cond_signal on gil->switch_cond, which take_gil does at the moment it owns the GIL) and
 * gives it up (pthread_cond_signal on gil->cond, or the entry of drop_gil). No uretprobes: they
 * rewrite return addresses and have crashed targets of other tools. CPython signals no other
 * condition variable on Linux, and the address tells the two apart.
 */
#ifndef FT_GILPROBE_BPF_H
#define FT_GILPROBE_BPF_H

#include "maps.bpf.h"

ft_inline struct ft_thread *probe_thread(struct ft_target **tg, __u32 what)
{
	__u32 slot1 = 0;
	struct ft_thread *t = find_thread(bpf_get_current_task_btf(), &slot1);

	if (!t)
		return 0;
	count(what);
	*tg = target_of(t);
	/* even: the probes are on their way out, and what they say is not kept */
	if (!*tg || !active || !(exact_gen & 1))
		return 0;
	if (t->exact_gen != (__u8)exact_gen) { /* first hit of this window */
		t->flags &= ~(FT_TF_EXACT | FT_TF_EXACT_HELD | FT_TF_IN_TAKE | FT_TF_TAKE_SLEPT);
		t->exact_gen = exact_gen;
	}
	return t;
}

ft_inline void probe_taken(struct ft_thread *t, __u64 now)
{
	if (t->flags & FT_TF_IN_TAKE) {
		t->exact_take_cnt++;
		if (t->flags & FT_TF_TAKE_SLEPT) {
			t->exact_wait_cnt++;
			t->exact_wait_ns += now - t->exact_take_ts;
		}
	}
	t->flags &= ~(FT_TF_IN_TAKE | FT_TF_TAKE_SLEPT);
	ft_thread_exact(t, now, 1);
	t->exact_take_ts = now; /* from here on: since when it holds */
}

ft_inline void probe_dropped(struct ft_thread *t, __u64 now)
{
	if ((t->flags & FT_TF_EXACT) && (t->flags & FT_TF_EXACT_HELD))
		hist_add(FT_OR_CNT, now - t->exact_take_ts);
	ft_thread_exact(t, now, 0);
}

ft_inline int on_take_gil(void)
{
	struct ft_target *tg;
	struct ft_thread *t = probe_thread(&tg, FT_CN_PROBE_TAKE);

	if (!t)
		return 0;
	if (tg->free_threaded) {
		/* on every attach of a free-threaded build, and returns at once when it is off */
		struct ft_gil g;

		if (!tg->gil_cnt || gil_read(0, tg, tg->gil[0], &g) || !g.enabled)
			return 0;
	}
	t->flags |= FT_TF_IN_TAKE;
	t->flags &= ~FT_TF_TAKE_SLEPT;
	t->exact_take_ts = bpf_ktime_get_ns();
	ft_thread_exact(t, t->exact_take_ts, 0);
	return 0;
}

ft_inline int on_cond_signal(__u64 cond)
{
	struct ft_target *tg;
	struct ft_thread *t = probe_thread(&tg, FT_CN_PROBE_SIGNAL);
	__u64 off;
	__u32 i;

	if (!t)
		return 0;
	i = gil_find(t->target, cond);
	if (i) {
		off = cond - tg->gil[gil_bound(i - 1)];
		t->gil_idx1 = i;
		if (off == tg->gil_switch_cond)
			probe_taken(t, bpf_ktime_get_ns());
		else if (off == tg->gil_cond)
			probe_dropped(t, bpf_ktime_get_ns());
		return 0;
	}
	/* 3.9 to 3.12 publish no offsets: inside take_gil the one signalled is switch_cond */
	if (tg->no_offsets && (t->flags & FT_TF_IN_TAKE)) {
		i = tg->gil_cnt;
		if (i < FT_MAX_GILS) {
			tg->gil[gil_bound(i)] = cond - tg->gil_switch_cond;
			tg->gil_cnt = i + 1;
			t->gil_idx1 = i + 1;
		}
		probe_taken(t, bpf_ktime_get_ns());
	}
	return 0;
}

ft_inline int on_drop_gil(void)
{
	struct ft_target *tg;
	struct ft_thread *t = probe_thread(&tg, FT_CN_PROBE_SIGNAL);

	if (!t)
		return 0;
	/* free-threaded builds call it on every detach, GIL or not */
	if (tg->free_threaded && !(t->flags & FT_TF_EXACT_HELD))
		return 0;
	probe_dropped(t, bpf_ktime_get_ns());
	return 0;
}

#endif
