/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Stacks: walked when a thread leaves its core and in ticks, named by a hash, described once, and
 * their weights counted. The walk itself is include/ftprof_pywalk.h.
 */
#ifndef FT_STACK_BPF_H
#define FT_STACK_BPF_H

#include "maps.bpf.h"
#include "emit.bpf.h"
#include "gil.bpf.h"

#define FT_PW_READ(ctx, dst, len, addr) read_target(ctx, dst, len, addr)
#include "ftprof_pywalk.h"

#define STACKS_SEEN 65536
#define CODES_SEEN 32768
#define WEIGHTS_MAX 65536
#define TSTATES_MAX 8192
#define TSTATE_STEPS 512  /* thread states that are looked at in one interpreter */
#define TSTATE_INTERPS 8  /* and interpreters; user space tells of the others */
#define TSTATE_ATTACHED 1 /* thread_state.state, 3.13 and later (pycore_pystate.h) */

/* Native frames beside the Python ones. */
const volatile bool with_native = false;
const volatile bool with_kernel = false;
const volatile __u32 stack_hz = 0; /* on-core walks a second and core; 0: no stacks at all */
const volatile __u32 tick_hz = 0;
const volatile __u32 walks_per_sec = 2000; /* at switches, on each core; above it one in n */

/*
 * How often the target replaced its program: addresses of the one before may come again, all of
 * them where they are not random, and then stand for something else. Wraps.
 */
__u32 program_no = 0;
#define PROGRAM_NO (program_no & 0xff)

#define WALK_WINDOW_NS 10000000ull
#define WALK_CERTAIN_NS 100000000ull /* not walked for so long: walked for certain */
#define WALK_LONG_NS 2000000ull	     /* a place where sleeps take longer than this: too */
#define WALK_HARD 4		     /* but not above so many times the budget */
#define SITES 8

struct stack_scratch {
	struct ft_pybuf buf;
	struct ft_pywalk walk;
	__u32 user_cnt;
	__u32 kern_cnt;
	__u32 fresh; /* the walked stack is not described yet */
	__u32 busy;  /* SCRATCH_PROBE: in use */
	struct ft_pyframe py[FT_PY_ELEMS];
	__u64 user[FT_USER_DEPTH];
	__u64 kern[FT_KERN_DEPTH];
	/* a record for the ring, with room for what follows it */
	struct {
		struct ft_ev_stack ev;
		__u8 data[FT_PY_ELEMS * 16 + (FT_USER_DEPTH + FT_KERN_DEPTH) * 8];
	} told;
	struct {
		struct ft_ev_code ev;
		__u8 data[FT_CODE_NAME_MAX + FT_CODE_FILE_MAX + FT_CODE_LINES_MAX];
	} code;
};

/*
 * The walks of a core: from the scheduler's tracepoints and from the timer's interrupt, all with
 * interrupts off, so that one never cuts into the other; and those of probes in the target, which
 * may be interrupted, and preempted in favour of another probe.
 */
#define SCRATCH_SCHED 0
#define SCRATCH_PROBE 1

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct stack_scratch);
} stack_scratch SEC(".maps");

/* Stacks and code objects that user space has been told of; one that fell out is told again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, STACKS_SEEN);
	__type(key, __u64);
	__type(value, __u8);
} stacks_seen SEC(".maps");

struct code_key {
	__u64 code;
	__u32 ident;
	__u32 target;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CODES_SEEN);
	__type(key, struct code_key);
	__type(value, __u8);
} codes_seen SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WEIGHTS_MAX);
	__type(key, struct ft_wkey);
	__type(value, struct ft_wval);
} weights SEC(".maps");

/*
 * Thread states by thread id (in the target's PID namespace), as user space last saw them. Threads
 * that are gone make room by themselves: user space tells of the others again and again.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TSTATES_MAX);
	__type(key, __u32);
	__type(value, __u64);
} tstates SEC(".maps");

/* Where a thread went off its core lately, and for how long on average. */
struct slot_sites {
	__u32 last; /* entry of the interval that is open */
	__u32 pad;
	struct {
		__u32 tag;
		__u32 us; /* 0: not known yet */
	} site[SITES];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set before load: as many as slots */
	__type(key, __u32);
	__type(value, struct slot_sites);
} slot_sites SEC(".maps");

/* Stacks that user space walked, by slot. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set before load: as many as slots */
	__type(key, __u32);
	__type(value, struct ft_sleeper);
} sleepers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FT_MAX_TARGETS *FT_MAX_GILS);
	__type(key, __u32);
	__type(value, struct ft_gil_wait);
} gil_waits SEC(".maps");

/*
 * Weights. `ns` counts for the switches that were not walked, `raw` was seen. A global function:
 * verified once.
 */
__attribute__((noinline)) int weight_add(__u64 stack, __u32 kind, __u32 arg, __u64 ns, __u64 raw)
{
	struct ft_wkey key = {.stack = stack, .arg = arg, .kind = kind};
	struct ft_wval *v = bpf_map_lookup_elem(&weights, &key);

	if (!v) {
		struct ft_wval fresh = {};

		bpf_map_update_elem(&weights, &key, &fresh, BPF_NOEXIST);
		v = bpf_map_lookup_elem(&weights, &key);
	}
	if (!v) {
		/* user space has put these in before the start */
		count(FT_CN_STACK_FULL);
		key.stack = 0;
		key.arg = 0;
		v = bpf_map_lookup_elem(&weights, &key);
		if (!v)
			return 0;
	}
	__sync_fetch_and_add(&v->ns, ns);
	__sync_fetch_and_add(&v->raw_ns, raw);
	__sync_fetch_and_add(&v->cnt, 1);
	return 0;
}

/* Waiters x time of a GIL up to now, after moving the number of its waiters by `delta`. */
__attribute__((noinline)) __u64 gil_wait_move(__u32 target, __u32 gil, __u64 now, __s32 delta)
{
	__u32 key = target * FT_MAX_GILS + gil_bound(gil);
	struct ft_gil_wait *g = bpf_map_lookup_elem(&gil_waits, &key);
	__u64 old, seen, ns = 0;
	int i;

	if (!g)
		return 0;
	old = *(volatile __u64 *)&g->word;
	for (i = 0; i < 16; i++) {
		__u64 new = ft_gw_next(old, now, delta, &ns);

		if (!delta)
			return *(volatile __u64 *)&g->sum_ns + ns;
		seen = __sync_val_compare_and_swap(&g->word, old, new);
		if (seen == old)
			return __sync_fetch_and_add(&g->sum_ns, ns) + ns;
		old = seen;
	}
	count(FT_CN_WORD_FAIL);
	__sync_fetch_and_add(&g->word, (__s64)delta);
	return g->sum_ns;
}

/* How many threads wait for a GIL just now. */
ft_inline __u32 gil_waiters(__u32 target, __u32 gil)
{
	__u32 key = target * FT_MAX_GILS + gil_bound(gil);
	struct ft_gil_wait *g = bpf_map_lookup_elem(&gil_waits, &key);

	return g ? ft_gw_waiters(g->word) : 0;
}

/* `ts` if it is the thread state of the thread `ns_tid`, else the next one of its list, or 0. */
__attribute__((noinline)) __u64 tstate_step(__u32 target, __u64 ts, __u32 ns_tid)
{
	struct ft_target *tg = bpf_map_lookup_elem(&targets, &target);
	__u64 tid = 0, next = 0;

	if (!tg || bpf_probe_read_user(&tid, 8, (void *)(ts + tg->tstate_native_id)))
		return 0;
	if (tid == ns_tid)
		return ts;
	if (bpf_probe_read_user(&next, 8, (void *)(ts + tg->py.ts_next)) || next == ts)
		return 0;
	return next;
}

/*
 * How likely a thread state is the one that its thread runs in: a thread that runs code of another
 * interpreter has one in each. 3: attached; 2: has frames; 1: neither.
 */
__attribute__((noinline)) int tstate_rank(__u32 target, __u64 ts)
{
	struct ft_target *tg = bpf_map_lookup_elem(&targets, &target);
	__u32 state = 0;
	__u64 frame = 0;

	if (!tg)
		return 1;
	if (tg->tstate_state &&
	    !bpf_probe_read_user(&state, sizeof(state), (void *)(ts + tg->tstate_state)) &&
	    state == TSTATE_ATTACHED)
		return 3;
	if (!bpf_probe_read_user(&frame, 8, (void *)(ts + tg->py.ts_frame)) && frame)
		return 2;
	return 1;
}

/* The same among all of an interpreter, from its newest one `ts` on. */
__attribute__((noinline)) __u64 tstate_in(__u32 target, __u64 ts, __u32 ns_tid)
{
	__u64 next;
	__u32 i;

	for (i = 0; i < TSTATE_STEPS && ts; i++) {
		next = tstate_step(target, ts, ns_tid);
		if (next == ts)
			return ts;
		ts = next;
	}
	return 0;
}

/*
 * The thread state of the current thread: told by user space, or found in the lists. Interpreters
 * stand newest first, so that of several thread states that are all detached the one that was
 * entered last is most likely the first.
 */
__attribute__((noinline)) __u64 tstate_search(__u32 target, __u32 ns_tid)
{
	struct ft_target *tg = bpf_map_lookup_elem(&targets, &target);
	__u64 interp = 0, ts = 0, best = 0, *known;
	int rank, best_rank = 0;
	__u32 i;

	if (!tg || !tg->runtime)
		return 0;
	known = bpf_map_lookup_elem(&tstates, &ns_tid);
	if (known && is_own_tstate(0, tg, ns_tid, *known)) {
		if (!tg->many_interps)
			return *known;
		/* at least that: the oldest interpreters are not reached when there are many */
		best = *known;
		best_rank = 1;
	}
	if (bpf_probe_read_user(&interp, 8, (void *)(tg->runtime + tg->interp_head)))
		return 0;
	for (i = 0; i < TSTATE_INTERPS && interp; i++) {
		if (bpf_probe_read_user(&ts, 8, (void *)(interp + tg->py.interp_threads)) ||
		    bpf_probe_read_user(&interp, 8, (void *)(interp + tg->interp_next)))
			break;
		ts = tstate_in(target, ts, ns_tid);
		if (!ts)
			continue;
		rank = tstate_rank(target, ts);
		if (rank > best_rank) {
			best_rank = rank;
			best = ts;
		}
		if (rank == 3)
			break;
	}
	return best;
}

/* A native thread is looked for again after 1, 2, 4 ... 1024 walks. */
ft_inline __u64 tstate_of(struct ft_target *tg, struct ft_thread *t)
{
	__u64 ts = t->tstate;

	if (ts && is_own_tstate(0, tg, t->ns_tid, ts) &&
	    (!tg->many_interps || tstate_rank(t->target, ts) == 3))
		return ts;
	t->tstate = 0;
	if (t->tstate_miss & (t->tstate_miss - 1)) {
		t->tstate_miss = t->tstate_miss < 2048 ? t->tstate_miss + 1 : 1024;
		return 0;
	}
	ts = tstate_search(t->target, t->ns_tid);
	t->tstate = ts;
	t->tstate_miss = ts ? 0 : t->tstate_miss + 1;
	return ts;
}

/* Copies up to `max` bytes of a string object to dst; what it found in *kind, *chars. */
ft_inline __u32 copy_string(const struct ft_pylayout *l, struct ft_pybuf *b, __u64 obj, void *dst,
			    const __u32 max, __u8 *kind, __u32 *chars)
{
	__u64 len, data, bytes;
	__u32 state, k;

	*kind = 0;
	*chars = 0;
	if (!obj || read_target(0, b->code, 64, obj))
		return 0;
	len = ft_pw_code64(b, l->str_length & 0x38);
	state = ft_pw_code32(b, l->str_state & 0x3c);
	k = (state >> (l->str_kind_shift & 31)) & 7;
	if ((k != 1 && k != 2 && k != 4) || !((state >> (l->str_compact_shift & 31)) & 1) ||
	    len > 0x7fffffff)
		return 0; /* a string that is not compact is a subclass's: no code object has one */
	data = obj + ((state >> (l->str_ascii_shift & 31)) & 1 ? l->str_ascii : l->str_compact);
	bytes = len * k;
	if (bytes > max)
		bytes = max;
	/* a copy that the verifier can bound */
	asm volatile("" : "+r"(bytes));
	if (bytes > max)
		return 0;
	if (bytes && read_target(0, dst, bytes, data))
		return 0;
	*kind = k;
	*chars = len;
	return bytes;
}

/* A description: no event, and one that finds no room is sent again when it is next met. */
ft_inline int send(void *rec, __u32 len, __u32 type)
{
	struct ft_ev_hdr *h = rec;

	h->ts = bpf_ktime_get_ns();
	h->slot = PROGRAM_NO;
	if (!put(rec, len, type))
		return 0;
	count(FT_CN_LOST_STACK);
	return -1;
}

/* Tells user space of a code object that it has not seen. */
ft_inline int code_tell_into(struct stack_scratch *s, const struct ft_target *tg, __u32 target,
			     __u64 code, __u32 ident)
{
	const struct ft_pylayout *l = &tg->py;
	struct ft_ev_code *ev = &s->code.ev;
	__u32 off, n;

	if (FT_PW_CODE(0, l, &s->buf, code) || ft_pw_ident(l, &s->buf) != ident)
		return 0;
	__builtin_memset(ev, 0, sizeof(*ev));
	ev->code = code;
	ev->ident = ident;
	ev->target = target;
	ev->firstlineno = ft_pw_code32(&s->buf, l->co_firstlineno);
	ev->name = ft_pw_code64(&s->buf, l->co_qualname);
	ev->file = ft_pw_code64(&s->buf, l->co_filename);
	ev->lines = ft_pw_code64(&s->buf, l->co_linetable);
	off = copy_string(l, &s->buf, ev->name, s->code.data, FT_CODE_NAME_MAX, &ev->name_kind,
			  &ev->name_chars);
	ev->name_len = off;
	if (off > FT_CODE_NAME_MAX)
		return 0;
	n = copy_string(l, &s->buf, ev->file, s->code.data + off, FT_CODE_FILE_MAX, &ev->file_kind,
			&ev->file_chars);
	ev->file_len = n;
	off += n;
	if (off > FT_CODE_NAME_MAX + FT_CODE_FILE_MAX)
		return 0;
	n = 0;
	if (!read_target(0, s->buf.code, 64, ev->lines)) {
		__u64 len = ft_pw_code64(&s->buf, l->bytes_size & 0x38);

		ev->lines_whole = len < 0x7fffffff ? len : 0;
		if (len > FT_CODE_LINES_MAX)
			len = FT_CODE_LINES_MAX;
		asm volatile("" : "+r"(len));
		if (len && len <= FT_CODE_LINES_MAX &&
		    !read_target(0, s->code.data + off, len, ev->lines + l->bytes_data))
			n = len;
	}
	ev->lines_len = n;
	n += off;
	if (n > sizeof(s->code.data))
		return 0;
	return send(&s->code, sizeof(*ev) + n, FT_EV_CODE);
}

/* A global function: inlined into the loop over a stack's frames it is too much for the verifier.
 */
__attribute__((noinline)) int code_tell(__u32 target, __u64 code, __u32 ident, __u32 which)
{
	struct ft_target *tg = bpf_map_lookup_elem(&targets, &target);
	struct code_key key = {.code = code, .ident = ident, .target = target | PROGRAM_NO << 16};
	struct stack_scratch *s = bpf_map_lookup_elem(&stack_scratch, &which);
	__u8 yes = 1;

	if (s && tg && !code_tell_into(s, tg, target, code, ident))
		bpf_map_update_elem(&codes_seen, &key, &yes, BPF_ANY);
	return 0;
}

/* Adds n bytes at `from` to the data of the record being made; the new length. */
ft_inline __u32 told_add(struct stack_scratch *s, __u32 off, const void *from, __u32 n,
			 const __u32 max)
{
	asm volatile("" : "+r"(n));
	asm volatile("" : "+r"(off));
	if (n > max || off > sizeof(s->told.data) - max)
		return off;
	if (n)
		bpf_probe_read_kernel(s->told.data + off, n, from);
	return off + n;
}

ft_inline void stack_tell_into(struct stack_scratch *s, __u32 target, __u64 id)
{
	struct ft_ev_stack *ev = &s->told.ev;
	__u32 off;
	__u8 yes = 1;

	__builtin_memset(ev, 0, sizeof(*ev));
	ev->id = id;
	ev->target = target;
	ev->py_cnt = s->walk.cnt;
	ev->user_cnt = s->user_cnt;
	ev->kern_cnt = s->kern_cnt;
	off = told_add(s, 0, s->py, s->walk.cnt * sizeof(s->py[0]), sizeof(s->py));
	off = told_add(s, off, s->user, s->user_cnt * 8, sizeof(s->user));
	off = told_add(s, off, s->kern, s->kern_cnt * 8, sizeof(s->kern));
	if (off > sizeof(s->told.data))
		return;
	if (!send(&s->told, sizeof(*ev) + off, FT_EV_STACK))
		bpf_map_update_elem(&stacks_seen, &id, &yes, BPF_ANY);
}

ft_inline void native_mix(struct stack_scratch *s)
{
	__u32 i;

	for (i = 0; i < FT_USER_DEPTH; i++) {
		if (i >= s->user_cnt)
			break;
		s->walk.hash = ft_pw_mix(s->walk.hash, s->user[i]);
	}
	for (i = 0; i < FT_KERN_DEPTH; i++) {
		if (i >= s->kern_cnt)
			break;
		s->walk.hash = ft_pw_mix(s->walk.hash, s->kern[i] + 1);
	}
}

/* Begins the walk from a thread state on in s, 0: no thread state. */
ft_inline void walk_begin(struct stack_scratch *s, const struct ft_target *tg, __u64 tstate)
{
	__u64 frame = 0;

	ft_pw_begin(&s->walk, 0);
	s->walk.hash += PROGRAM_NO << 8;
	if (tstate && bpf_probe_read_user(&frame, 8, (void *)(tstate + tg->py.ts_frame)))
		ft_pw_mark(&s->walk, &s->py[0], FT_PM_TSTATE);
	else
		s->walk.frame = frame;
}

/*
 * One step of the walk in the core's scratch; returns whether it goes on. A global function: the
 * verifier walks it once, and not once a step.
 */
__attribute__((noinline)) int walk_step(__u32 target, __u32 which)
{
	struct ft_target *tg = bpf_map_lookup_elem(&targets, &target);
	struct stack_scratch *s = bpf_map_lookup_elem(&stack_scratch, &which);
	__u32 at;

	if (!s || !tg || !s->walk.frame)
		return 0;
	at = ft_bound(s->walk.cnt, FT_PY_ELEMS);
	FT_PW_STEP(0, &tg->py, &s->buf, &s->walk, &s->py[at]);
	return s->walk.frame != 0;
}

ft_inline void count_marks(__u32 marks)
{
	__u32 i;

	count(FT_CN_STACKS);
	for (i = FT_PM_TRUNCATED; i < FT_PM_CNT; i++)
		if (marks & (1u << i))
			count(FT_CN_STACK_MARK + i);
}

/* Tells of the frames of the stack that was just walked, and of the stack itself, if that is news.
 */
__attribute__((noinline)) int stack_tell(__u32 target, __u32 which)
{
	struct stack_scratch *s = bpf_map_lookup_elem(&stack_scratch, &which);
	struct code_key key = {.target = target | PROGRAM_NO << 16};
	__u32 i;

	if (!s || !s->fresh)
		return 0;
	for (i = 0; i < FT_PY_ELEMS; i++) {
		if (i >= s->walk.cnt)
			break;
		key.code = s->py[i].code;
		key.ident = s->py[i].ident;
		if (key.code && !bpf_map_lookup_elem(&codes_seen, &key))
			code_tell(target, key.code, key.ident, which);
	}
	stack_tell_into(s, target, s->walk.hash);
	return 0;
}

/*
 * The Python part of a stack, after the native one, which stands in the core's scratch already.
 * Returns the stack's id, 0: none.
 */
__attribute__((noinline)) __u64 stack_python(__u32 slot, __u32 which)
{
	struct ft_thread *t = bpf_map_lookup_elem(&slots, &slot);
	struct stack_scratch *s = bpf_map_lookup_elem(&stack_scratch, &which);
	__u32 target, i;
	struct ft_target *tg;
	__u64 id;

	if (!s || !t)
		return 0;
	target = t->target;
	tg = bpf_map_lookup_elem(&targets, &target);
	if (!tg || !tg->runtime || !tg->py.code_type)
		return 0;
	walk_begin(s, tg, tstate_of(tg, t));
	for (i = 0; i < FT_PW_STEPS; i++)
		if (!walk_step(target, which))
			break;
	if (with_native || with_kernel)
		native_mix(s);
	id = s->walk.hash ?: 1;
	s->walk.hash = id;
	count_marks(s->walk.marks);
	s->fresh = !bpf_map_lookup_elem(&stacks_seen, &id);
	return id;
}

/* The stack of the current thread, 0: none is to be had. `ctx` is the program's own. */
ft_inline __u64 stack_take(void *ctx, __u32 slot, __u32 target, __u32 which)
{
	struct stack_scratch *s;
	__u64 id;
	long n;

	if (with_native || with_kernel) {
		s = bpf_map_lookup_elem(&stack_scratch, &which);
		if (!s)
			return 0;
		s->user_cnt = s->kern_cnt = 0;
		if (with_native) {
			n = bpf_get_stack(ctx, s->user, sizeof(s->user), BPF_F_USER_STACK);
			s->user_cnt = n > 0 ? (__u32)n >> 3 : 0;
		}
		if (with_kernel) {
			n = bpf_get_stack(ctx, s->kern, sizeof(s->kern), 0);
			s->kern_cnt = n > 0 ? (__u32)n >> 3 : 0;
		}
	}
	/* one after the other, and not one from inside the other: stacks of old kernels */
	id = stack_python(slot, which);
	if (id)
		stack_tell(target, which);
	return id;
}

/*
 * How long the thread has stayed away from this place on average; ~0: it was not seen here lately.
 * A place is a system call with the user's stack and instruction pointers, or being preempted.
 */
ft_inline __u64 site_expect(__u32 slot, __u32 site)
{
	struct slot_sites *ss = bpf_map_lookup_elem(&slot_sites, &slot);
	__u32 i = site & (SITES - 1);

	if (!ss)
		return ~0ull;
	ss->last = i;
	if (ss->site[i].tag == site && ss->site[i].us)
		return (__u64)ss->site[i].us * 1000;
	ss->site[i].tag = site;
	ss->site[i].us = 0;
	return ~0ull;
}

ft_inline void site_learn(__u32 slot, __u64 ns)
{
	struct slot_sites *ss = bpf_map_lookup_elem(&slot_sites, &slot);
	__u64 us = ns / 1000 + 1;
	__u32 i, old;

	if (!ss)
		return;
	i = ss->last & (SITES - 1);
	if (us > 0x7fffffff)
		us = 0x7fffffff;
	old = ss->site[i].us;
	ss->site[i].us = old ? old - old / 4 + us / 4 + 1 : us;
}

/*
 * Whether this switch is walked, and how many it stands for then; 0: it is not. Above the budget a
 * thread's long sleeps, and those in a place that is new to it, are walked all the same: there
 * are few of them, and they carry the weight. The chance depends on what was before and on where
 * the thread stands, never on the sleep that follows: so the sums stay right on average.
 */
ft_inline __u32 walk_chance(struct ft_cpu *c, struct ft_thread *t, __u32 slot, __u64 now,
			    __u32 site, bool must)
{
	const __u32 room = walks_per_sec / (1000000000ull / WALK_WINDOW_NS) ?: 1;
	__u64 expect = site_expect(slot, site);
	__u32 every;

	if (now - c->walk_begin >= WALK_WINDOW_NS) {
		every = c->walk_want / room;
		c->every = every > 1 ? every : 1;
		c->walk_begin = now;
		c->walk_want = 0;
		c->walk_cnt = 0;
	}
	c->walk_want++;
	every = c->every ?: 1;
	if (must || (c->walk_cnt < room * WALK_HARD &&
		     (expect >= WALK_LONG_NS || now - t->walk_ns >= WALK_CERTAIN_NS)))
		every = 1;
	if (every > 1 && bpf_get_prandom_u32() % every) {
		count(FT_CN_STACK_SKIPPED);
		return 0;
	}
	/* a burst within the window */
	if (++c->walk_cnt % room == 0 && c->every < 0x10000)
		c->every = (c->every ?: 1) * 2;
	t->walk_ns = now;
	return every;
}

/*
 * What a thread that leaves its core means for stacks and for the blame of GIL waits. Returns how
 * many switches a walk now would stand for, 0: it is not walked. With the thread's state as
 * ft_thread_out() left it. Global functions, as the rest: sched_switch is large already.
 */
__attribute__((noinline)) int stack_leave(__u32 slot, __u64 on_ns, __u32 held, __u32 site)
{
	struct ft_thread *t = bpf_map_lookup_elem(&slots, &slot);
	__u32 zero = 0, gil;
	struct ft_cpu *c = bpf_map_lookup_elem(&cpus, &zero);
	__u64 now;

	if (!t || !c)
		return 0;
	now = t->since_ns;
	gil = t->gil_idx1 ? t->gil_idx1 - 1 : 0;
	if (t->free_wait) {
		/*
		 * It got the GIL. Had another thread been faster it would go on with its wait, and
		 * the GIL was not free while it came: so too, most likely, when it waits again
		 * after a moment and others have had the GIL in between.
		 */
		if (t->state != FT_ST_GIL_WAIT || on_ns > FT_TAKE_AWAKE_MAX_NS)
			weight_add(0, FT_SK_BLAME_FREE, 0, t->free_wait, t->free_wait);
		t->free_wait = 0;
	}
	if (t->state == FT_ST_GIL_WAIT)
		gil_wait_move(t->target, gil, now, 1);
	if (held)
		t->blame0 = gil_wait_move(t->target, gil, now, 0);
	t->stack = 0;
	t->stack_n = 0;
	if (t->state == FT_ST_DEAD)
		return 0;
	return walk_chance(c, t, slot, now, site, held);
}

/* The off-core interval in *s has ended: its weights, and its stack in *s. */
__attribute__((noinline)) int stack_enter(__u32 slot, struct ft_ev_slice *s)
{
	struct ft_thread *t = bpf_map_lookup_elem(&slots, &slot);
	struct ft_sleeper *asleep;
	__u64 end, off, w;
	__u32 gil, n;

	if (!t || !s)
		return 0;
	gil = t->gil_idx1 ? t->gil_idx1 - 1 : 0;
	n = t->stack_n;
	end = s->wake_ns ? s->wake_ns : s->h.ts;
	off = s->h.ts - s->out_ns;
	site_learn(slot, off);
	if (s->state == FT_ST_GIL_WAIT) {
		if (s->wake_ns && (s->flags & FT_SF_WAKER_OK))
			t->free_wait = (s->h.ts - end) * gil_waiters(t->target, gil);
		end = s->h.ts;
	}
	if (s->flags & FT_SF_HELD) {
		w = gil_wait_move(t->target, gil, s->h.ts, 0);
		if (w > t->blame0)
			weight_add(t->stack, FT_SK_BLAME_OFF, 0, w - t->blame0, w - t->blame0);
	}
	/*
	 * User space sees all long sleeps that were not walked: so one that was walked by chance
	 * stands for none but itself.
	 */
	if (n > 1 && off >= FT_LONG_SLEEP_NS && s->state != FT_ST_RUNQ)
		n = 1;
	if (!n) {
		asleep = bpf_map_lookup_elem(&sleepers, &slot);
		if (asleep && asleep->id && asleep->start_ns == t->start_ns &&
		    asleep->switch_cnt + 1 == t->switch_cnt &&
		    (off >= FT_LONG_SLEEP_NS || !asleep->switch_cnt)) {
			t->stack = asleep->id;
			n = 1;
		}
	}
	if (!n)
		return 0;
	s->stack = t->stack;
	if (s->state == FT_ST_RUNQ)
		end = s->out_ns;
	if (end > s->out_ns)
		weight_add(t->stack, s->state, s->state == FT_ST_BLOCKED ? s->arg : t->lock,
			   (end - s->out_ns) * n, end - s->out_ns);
	if (off > end - s->out_ns)
		weight_add(t->stack, FT_ST_RUNQ, 0, (s->h.ts - end) * n, s->h.ts - end);
	return 0;
}

#endif
