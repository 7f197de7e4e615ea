// SPDX-License-Identifier: BSD-2-Clause
/* Stacks of threads that sleep for long. */
#include "capture/sleepers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "python/walk.h"

/* Asleep for so long without a stack: looked at, some time before it counts as a long sleep. */
#define LOOK_AFTER_NS 300000000ull

struct ft_sleepers {
	struct ft_probe *probe;
	struct ft_stacker *stacker;
	struct ft_sleeper *slot; /* [max]: as the BPF side was told */
	__u32 max;
};

int ft_sleepers_new(struct ft_probe *p, struct ft_stacker *st, struct ft_sleepers **out)
{
	struct ft_sleepers *sl = calloc(1, sizeof(*sl));

	if (!sl)
		return -ENOMEM;
	ft_probe_slots(p, &sl->max);
	sl->slot = calloc(sl->max ?: 1, sizeof(*sl->slot));
	if (!sl->slot) {
		free(sl);
		return -ENOMEM;
	}
	sl->probe = p;
	sl->stacker = st;
	*out = sl;
	return 0;
}

void ft_sleepers_free(struct ft_sleepers *sl)
{
	if (!sl)
		return;
	free(sl->slot);
	free(sl);
}

static bool is_asleep(const struct ft_thread *t)
{
	return t->start_ns && t->state != FT_ST_ON && t->state != FT_ST_RUNQ &&
	       t->state < FT_ST_CNT;
}

/* Whether a slot, as it was when it was copied, sleeps without a stack, and nobody looked yet. */
static bool is_wanted(const struct ft_sleepers *sl, __u32 slot, const struct ft_thread *t,
		      __u64 now, bool begin)
{
	const struct ft_sleeper *known = &sl->slot[slot];

	if (!is_asleep(t) || t->stack_n ||
	    (known->id && known->start_ns == t->start_ns && known->switch_cnt == t->switch_cnt))
		return false;
	return begin ? (t->flags & FT_TF_SEEDED) && !t->switch_cnt
		     : now > t->since_ns && now - t->since_ns >= LOOK_AFTER_NS;
}

static int look_at(struct ft_sleepers *sl, int pid, const struct ft_pylayout *l, __u32 slot,
		   const struct ft_thread *live, const struct ft_thread *seen, __u64 tstate)
{
	struct ft_sleeper told = {
		.start_ns = seen->start_ns, .switch_cnt = seen->switch_cnt, .tid = seen->tid};
	struct ft_pyframe py[FT_PY_ELEMS];
	int n, err;

	/* a native thread has an empty stack, as when the BPF side walks it */
	n = tstate ? ft_py_walk(pid, l, tstate, py) : 0;
	/* one that ran meanwhile has another stack now */
	if (n < 0 || *(volatile const __u64 *)&live->switch_cnt != seen->switch_cnt ||
	    *(volatile const __u64 *)&live->start_ns != seen->start_ns)
		return n == -ENOMEM ? n : 0;
	err = ft_stacker_add(sl->stacker, seen->target, py, n, &told.id);
	if (err)
		return err;
	sl->slot[slot] = told;
	err = ft_probe_sleeper(sl->probe, slot, &told);
	if (err)
		ft_debug("the stack of a sleeping thread was not told: %s", strerror(-err));
	return 0;
}

/* Of several thread states (one in each interpreter it was in), the newest: as the BPF side does.
 */
static __u64 tstate_of(const struct ft_pystate *st, __u32 ns_tid)
{
	size_t i;

	for (i = 0; i < st->thread_cnt; i++)
		if (st->threads[i].tid == ns_tid)
			return st->threads[i].tstate;
	return 0;
}

int ft_sleepers_look(struct ft_sleepers *sl, int pid, const struct ft_runtime *rt, __u64 now,
		     bool begin)
{
	const struct ft_thread *slots;
	struct ft_pystate st = {0};
	struct ft_target t = {0};
	__u32 slot, used, max;
	bool have = false;
	int err = 0;

	if (rt->no_offsets || ft_runtime_target(rt, &t) || !t.py.code_type)
		return 0;
	slots = ft_probe_slots(sl->probe, &max);
	used = ft_probe_slots_used(sl->probe);
	for (slot = 0; slot < used && !err; slot++) {
		struct ft_thread seen = slots[slot];

		if (!is_wanted(sl, slot, &seen, now, begin))
			continue;
		/* read only when somebody is wanted: most sessions have nobody */
		if (!have && ft_runtime_state(pid, rt, &st))
			break;
		have = true;
		err = look_at(sl, pid, &t.py, slot, &slots[slot], &seen,
			      tstate_of(&st, seen.ns_tid));
	}
	ft_pystate_free(&st);
	return err;
}

/* The stack of a thread's open interval of `ns`, and how many intervals it stands for (0: none). */
static __u64 open_stack(const struct ft_sleepers *sl, const struct ft_thread *t, __u64 ns, __u32 *n)
{
	__u32 i;

	*n = t->stack_n;
	if (ns >= FT_LONG_SLEEP_NS && *n > 1 && t->state != FT_ST_RUNQ)
		*n = 1;
	if (*n)
		return t->stack;
	for (i = 0; i < sl->max; i++) {
		const struct ft_sleeper *s = &sl->slot[i];

		if (s->id && s->start_ns == t->start_ns && s->switch_cnt == t->switch_cnt &&
		    s->tid == t->tid && (ns >= FT_LONG_SLEEP_NS || !s->switch_cnt)) {
			*n = 1;
			return s->id;
		}
	}
	return 0;
}

static int close_states(struct ft_sleepers *sl, const struct ft_thread *b,
			const struct ft_thread *a, __u64 id, __u32 n)
{
	int st, err = 0;

	for (st = FT_ST_ON + 1; st < FT_ST_CNT && !err && n; st++) {
		__u64 ns = a->state_ns[st] - b->state_ns[st];
		struct ft_wkey k = {.stack = id, .kind = (__u8)st};
		struct ft_wval v = {.ns = ns * n, .raw_ns = ns, .cnt = 1};

		if (!ns)
			continue;
		if (st == FT_ST_BLOCKED)
			k.arg = (__u32)b->arg;
		else if (st == b->state)
			k.arg = b->lock;
		err = ft_stacker_weight(sl->stacker, &k, &v);
	}
	return err;
}

int ft_sleepers_close(struct ft_sleepers *sl, const struct ft_thread_rec *before,
		      const struct ft_thread_rec *after, size_t cnt, __u64 end_ns)
{
	size_t i;
	int err = 0;

	for (i = 0; i < cnt && !err; i++) {
		const struct ft_thread *b = &before[i].t, *a = &after[i].t;
		__u64 ns = end_ns > b->since_ns ? end_ns - b->since_ns : 0, id, w;
		struct ft_wkey k = {.kind = FT_SK_BLAME_OFF};
		struct ft_wval v = {.cnt = 1};
		__u32 n;

		if (b->state == FT_ST_ON || b->state >= FT_ST_CNT)
			continue;
		id = open_stack(sl, b, ns, &n);
		err = close_states(sl, b, a, id, n);
		if (err || !(b->flags & FT_TF_HELD_OUT) || !b->gil_idx1)
			continue;
		w = ft_probe_gil_wait(sl->probe, b->target, b->gil_idx1 - 1u, end_ns);
		if (w <= b->blame0)
			continue;
		k.stack = id;
		v.ns = v.raw_ns = w - b->blame0;
		err = ft_stacker_weight(sl->stacker, &k, &v);
	}
	return err;
}
