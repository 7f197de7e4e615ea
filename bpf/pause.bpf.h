/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Stop-the-world pauses and the return of the GIL, on free-threaded builds: probes at the entries
 * of stop_the_world and start_the_world (pystate.c) and of PyErr_WarnFormat.
 */
#ifndef FT_PAUSE_BPF_H
#define FT_PAUSE_BPF_H

#include "maps.bpf.h"
#include "gil.bpf.h"
#include "stack.bpf.h"

/* A pause that a thread has asked for and not ended yet, by slot. */
struct pausing {
	__u64 begin;  /* 0: none */
	__u64 stood;  /* end of its last sleep on the event that all threads stand; 0: no sleep */
	__u64 ip;     /* that asked */
	__u32 parked; /* threads that had ever gone to sleep for one */
	__u32 gil;    /* enabled */
	__u32 gen;    /* window of the probes that it was asked in */
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set before load: as many as slots */
	__type(key, __u32);
	__type(value, struct pausing);
} pausing SEC(".maps");

struct pause_key {
	__u64 ip;
	__u32 flags;
	__u32 target;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FT_MAX_PAUSE_CAUSES);
	__type(key, struct pause_key);
	__type(value, __u32);
} pause_numbers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, FT_MAX_PAUSE_CAUSES);
	__type(key, __u32);
	__type(value, struct ft_pause);
} pauses SEC(".maps");

/* Time stopped, log-linear as the others. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, FT_HIST_LEN);
	__type(key, __u32);
	__type(value, __u64);
} pause_hist SEC(".maps");

__u32 pause_next = 0;
__u32 parked_cnt = 0; /* threads that went to sleep for a pause of another */
__u32 probe_gen = 0;  /* window of these probes: odd while they are in place */

/* A thread has slept in FT_ST_STW: for its own pause, until all stood, or for another's. */
ft_inline void pause_slept(__u32 slot, __u64 now)
{
	struct pausing *p = bpf_map_lookup_elem(&pausing, &slot);

	if (p && p->begin)
		p->stood = now;
	else
		__sync_fetch_and_add(&parked_cnt, 1);
}

ft_inline bool gc_is_on(const struct ft_target *tg)
{
	__u32 on = 0;

	return tg->gc_collecting &&
	       !bpf_probe_read_user(&on, sizeof(on), (void *)tg->gc_collecting) && on == 1;
}

ft_inline bool is_pausing(__u32 slot)
{
	struct pausing *p = bpf_map_lookup_elem(&pausing, &slot);

	return p && p->begin;
}

ft_inline __u32 gil_enabled(const struct ft_target *tg)
{
	struct ft_gil g;

	return tg->gil_cnt && !gil_read(0, tg, tg->gil[0], &g) && g.enabled;
}

ft_inline int on_stop_world(__u64 sp)
{
	struct task_struct *cur = bpf_get_current_task_btf();
	struct ft_thread *t;
	struct ft_target *tg;
	struct pausing *p;
	__u32 slot1 = 0, slot;

	if (!active)
		return 0;
	t = find_thread(cur, &slot1);
	if (!t)
		return 0;
	count(FT_CN_PROBE_PAUSE);
	slot = slot1 - 1;
	tg = target_of(t);
	p = bpf_map_lookup_elem(&pausing, &slot);
	if (!tg || !p || !(probe_gen & 1))
		return 0;
	p->ip = 0;
	bpf_probe_read_user(&p->ip, 8, (void *)sp);
	p->stood = 0;
	p->parked = parked_cnt;
	gil_refresh(t->target);
	p->gil = gil_enabled(tg);
	p->gen = probe_gen;
	p->begin = bpf_ktime_get_ns();
	return 0;
}

/* The number of a cause, a new one if need be; FT_MAX_PAUSE_CAUSES: none is left. */
ft_inline __u32 pause_number(const struct pause_key *key)
{
	__u32 *known = bpf_map_lookup_elem(&pause_numbers, key), id;
	struct ft_pause *v;

	if (known)
		return *known;
	id = pause_next < FT_MAX_PAUSE_CAUSES ? __sync_fetch_and_add(&pause_next, 1)
					      : FT_MAX_PAUSE_CAUSES;
	v = bpf_map_lookup_elem(&pauses, &id);
	if (!v)
		return FT_MAX_PAUSE_CAUSES;
	v->ip = key->ip;
	v->flags = key->flags;
	if (bpf_map_update_elem(&pause_numbers, key, &id, BPF_NOEXIST)) {
		known = bpf_map_lookup_elem(&pause_numbers, key);
		return known ? *known : FT_MAX_PAUSE_CAUSES;
	}
	return id;
}

/* Counts the pause that a thread ends at `now`. Its number, or FT_MAX_PAUSE_CAUSES. */
__attribute__((noinline)) __u32 pause_count(__u32 slot, __u32 target, __u32 flags, __u64 now)
{
	struct pausing *p = bpf_map_lookup_elem(&pausing, &slot);
	struct pause_key key = {.flags = flags, .target = target};
	struct ft_pause *v;
	__u64 stood, ns, *n;
	__u32 id, at;

	if (!p)
		return FT_MAX_PAUSE_CAUSES;
	stood = p->stood > p->begin ? p->stood : p->begin;
	ns = now > stood ? now - stood : 0;
	key.ip = p->ip;
	id = pause_number(&key);
	at = ft_hist_index(ns);
	n = bpf_map_lookup_elem(&pause_hist, &at);
	if (n)
		__sync_fetch_and_add(n, 1);
	v = bpf_map_lookup_elem(&pauses, &id);
	if (!v) {
		count(FT_CN_PAUSE_LOST);
		return FT_MAX_PAUSE_CAUSES;
	}
	__sync_fetch_and_add(&v->cnt, 1);
	__sync_fetch_and_add(&v->to_stop_ns, stood - p->begin);
	__sync_fetch_and_add(&v->stopped_ns, ns);
	__sync_fetch_and_add(&v->threads, parked_cnt - p->parked);
	if (ns > v->max_ns)
		v->max_ns = ns;
	return id;
}

/* The stack of a thread in a probe; 0 when another probe of this core is at it. */
ft_inline __u64 probe_stack(void *ctx, __u32 slot, __u32 target)
{
	__u32 which = SCRATCH_PROBE;
	struct stack_scratch *s = bpf_map_lookup_elem(&stack_scratch, &which);
	__u64 id;

	if (!stack_hz || !s || __sync_lock_test_and_set(&s->busy, 1))
		return 0;
	id = stack_take(ctx, slot, target, SCRATCH_PROBE);
	s->busy = 0;
	return id;
}

ft_inline int on_start_world(void *ctx)
{
	struct task_struct *cur = bpf_get_current_task_btf();
	__u64 now = bpf_ktime_get_ns(), stood, stack;
	__u32 slot1 = 0, slot, id, flags = 0;
	struct ft_thread *t;
	struct ft_target *tg;
	struct pausing *p;

	if (!active)
		return 0;
	t = find_thread(cur, &slot1);
	if (!t)
		return 0;
	count(FT_CN_PROBE_PAUSE);
	slot = slot1 - 1;
	tg = target_of(t);
	p = bpf_map_lookup_elem(&pausing, &slot);
	/* begun before the probes were there, or in another of their windows */
	if (!tg || !p || !p->begin || p->gen != probe_gen)
		return 0;
	if (gc_is_on(tg))
		flags |= FT_PF_GC;
	if (!p->gil && gil_enabled(tg))
		flags |= FT_PF_GIL_ON;
	id = pause_count(slot, t->target, flags, now);
	stood = p->stood > p->begin ? p->stood : p->begin;
	p->begin = 0;
	if (id >= FT_MAX_PAUSE_CAUSES)
		return 0;
	stack = probe_stack(ctx, slot, t->target);
	if (stack && now > stood)
		weight_add(stack, FT_SK_PAUSE, id, now - stood, now - stood);
	return 0;
}

/*
 * import.c, _PyImport_CheckGILForModule (3.13 to 3.15): "The global interpreter lock (GIL) has been
 * enabled to load module '%U', ...", with the module's name as the first argument after it.
 */
ft_inline int on_warn(void *ctx, __u64 fmt, __u64 name)
{
	static const union {
		char text[33];
		__u64 word[4];
	} begins = {"The global interpreter lock (GIL"};
	struct ft_ev_gil ev = {};
	__u64 seen[4] = {};
	struct ft_thread *t;
	struct ft_target *tg;
	__u32 slot1 = 0, which = SCRATCH_PROBE, chars;
	struct stack_scratch *s;
	__u8 kind;

	if (!active)
		return 0;
	t = find_thread(bpf_get_current_task_btf(), &slot1);
	if (!t)
		return 0;
	count(FT_CN_PROBE_WARN);
	tg = target_of(t);
	if (!tg || bpf_probe_read_user(seen, sizeof(seen), (void *)fmt) ||
	    seen[0] != begins.word[0] || seen[1] != begins.word[1] || seen[2] != begins.word[2] ||
	    seen[3] != begins.word[3])
		return 0;
	ev.stack = probe_stack(ctx, slot1 - 1, t->target);
	s = bpf_map_lookup_elem(&stack_scratch, &which);
	if (s && !__sync_lock_test_and_set(&s->busy, 1)) {
		copy_string(&tg->py, &s->buf, name, ev.module, sizeof(ev.module) - 1, &kind,
			    &chars);
		if (kind != 1)
			ev.module[0] = 0;
		s->busy = 0;
	}
	ev.h.ts = bpf_ktime_get_ns();
	ev.h.slot = slot1 - 1;
	emit(&ev, sizeof(ev), FT_EV_GIL);
	return 0;
}

#endif
