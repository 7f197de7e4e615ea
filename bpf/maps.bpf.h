/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Maps, and the settings that user space fixes before load or changes while running. */
#ifndef FT_MAPS_BPF_H
#define FT_MAPS_BPF_H

/* The slots: one a thread. User space maps them and reads totals at any time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set before load */
	__type(key, __u32);
	__type(value, struct ft_thread);
} slots SEC(".maps");

/* Slots that user space has read after their thread's exit. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1); /* set before load */
	__uint(value_size, sizeof(__u32));
} free_slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct ft_task);
} tasks SEC(".maps");

/*
 * Slot + 1 by the low bits of the thread id: two nanoseconds where task storage takes fourteen, and
 * what every switch of every other process on the host costs. A hit counts only when the slot
 * holds that very id and lives; where two threads of the target meet, task storage is asked.
 */
#define PID_SLOTS 65536
#define PID_SLOT_ASK 0xffff

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PID_SLOTS);
	__type(key, __u32);
	__type(value, __u16);
} pid_slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FT_MAX_TARGETS);
	__type(key, __u32);
	__type(value, struct ft_target);
} targets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ft_sums);
} sums SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ft_cpu);
} cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ft_times);
} times SEC(".maps");

/* GIL waits by origin, then hold times seen by probes: FT_OR_CNT + 1 histograms in a row. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, (FT_OR_CNT + 1) * FT_HIST_LEN);
	__type(key, __u32);
	__type(value, __u64);
} hists SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ft_conc);
} conc SEC(".maps");

struct ft_ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* the rings that are used are made by user space */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1); /* set before load */
	__type(key, __u32);
	__array(values, struct ft_ring);
} rings SEC(".maps");

const volatile __u32 ring_cnt = 1;
const volatile __u32 cpus_per_ring = 1;
const volatile __u32 slot_max = 1;
const volatile __u32 cores = 1; /* that the process may use at once */
const volatile bool with_events = true;
const volatile bool need_wake = false; /* no prev_state argument: kernels before 5.18 */

/* Runtime state, shared with user space. */
__u32 active = 0;
__u64 start_ns = 0;
__u32 slot_next = 0;	/* slots never used so far start here */
__u32 exact_gen = 0;	/* window of the GIL probes; odd while they are in place */
__u32 yield_window = 0; /* calls of sched_yield() are counted */
__u32 seed_tgid = 0;	/* of target 0, in the initial PID namespace */

ft_inline struct ft_sums *my_sums(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&sums, &zero);
}

ft_inline struct ft_times *my_times(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&times, &zero);
}

/* Atomic: a tick may come in the middle of another program's update. */
ft_inline void count(__u32 what)
{
	struct ft_sums *s = my_sums();

	if (s && what < FT_CN_CNT)
		__sync_fetch_and_add(&s->cnt[what], 1);
}

ft_inline void hist_add(__u32 which, __u64 ns)
{
	__u32 key = which * FT_HIST_LEN + ft_hist_index(ns);
	__u64 *n = bpf_map_lookup_elem(&hists, &key);

	if (n)
		__sync_fetch_and_add(n, 1);
}

/* The thread in a task's slot, and the slot + 1; NULL: not a thread of the target. */
ft_inline struct ft_thread *find_thread(struct task_struct *task, __u32 *slot1)
{
	__u32 pid = task->pid, key = pid & (PID_SLOTS - 1), idx;
	__u16 *s = bpf_map_lookup_elem(&pid_slots, &key);
	struct ft_thread *t;
	struct ft_task *ts;

	if (!s || !*s)
		return 0;
	idx = *s;
	if (idx == PID_SLOT_ASK) {
		ts = bpf_task_storage_get(&tasks, task, 0, 0);
		if (!ts)
			return 0;
		idx = ts->slot1;
	}
	*slot1 = idx--;
	t = bpf_map_lookup_elem(&slots, &idx);
	if (!t || t->tid != pid || t->state == FT_ST_DEAD)
		return 0;
	return t;
}

ft_inline struct ft_target *target_of(const struct ft_thread *t)
{
	__u32 key = t->target;

	return bpf_map_lookup_elem(&targets, &key);
}

#endif
