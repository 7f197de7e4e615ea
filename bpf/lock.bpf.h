/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Locks by number: what a lock is, who waited or spun for it. What its object is is read for the
 * current task only, and nothing is called an object whose type does not prove to be one.
 */
#ifndef FT_LOCK_BPF_H
#define FT_LOCK_BPF_H

#include "maps.bpf.h"
#include "ftprof_atomic.h"

#define NR_SCHED_YIELD 24
#define LOCKS_FOLDED 64 /* numbers kept for those beyond the others: one a type */

struct lock_key {
	__u64 addr;
	__u64 type;
	__u32 kind;
	__u32 target;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FT_MAX_LOCKS);
	__type(key, struct lock_key);
	__type(value, __u32);
} lock_numbers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, FT_MAX_LOCKS);
	__type(key, __u32);
	__type(value, struct ft_lock);
} locks SEC(".maps");

/* Types that proved to be such, by address. */
#define TYPE_OK 1u
#define TYPE_LOCK 2u /* threading.Lock and kin: their mutex is the program's own */

struct type_key {
	__u64 type;
	__u64 target;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct type_key);
	__type(value, __u32);
} types SEC(".maps");

__u32 lock_next = 1; /* 0 stands for "not known" */
__u32 fold_next = FT_MAX_LOCKS - LOCKS_FOLDED;

/*
 * "_thread.lock", "_thread.RLock"; "_queue.SimpleQueue", in which the workers of a
 * ThreadPoolExecutor wait for their next task.
 */
ft_inline bool is_lock_name(const char *n)
{
	if (n[0] != '_')
		return false;
	if (n[1] == 't' && n[2] == 'h' && n[3] == 'r' && n[4] == 'e' && n[5] == 'a' &&
	    n[6] == 'd' && n[7] == '.')
		return (n[8] == 'l' && n[9] == 'o' && n[10] == 'c' && n[11] == 'k') ||
		       (n[8] == 'R' && n[9] == 'L' && n[10] == 'o' && n[11] == 'c');
	return n[1] == 'q' && n[2] == 'u' && n[3] == 'e' && n[4] == 'u' && n[5] == 'e' &&
	       n[6] == '.' && n[7] == 'S';
}

/* TYPE_* of what may be a type: its own type is `type`, or a metaclass whose type is. */
__attribute__((noinline)) __u32 type_kind(__u32 target, __u64 type)
{
	struct type_key key = {.type = type, .target = target};
	struct ft_target *tg = bpf_map_lookup_elem(&targets, &target);
	__u64 meta = 0, ptr = 0;
	__u32 *known, kind = TYPE_OK;
	char name[16] = {};

	if (!tg || !type || (type & 7))
		return 0;
	known = bpf_map_lookup_elem(&types, &key);
	if (known)
		return *known;
	if (bpf_probe_read_user(&meta, 8, (void *)(type + tg->ob_type)))
		return 0;
	if (tg->type_type && meta != tg->type_type) {
		__u64 up = 0;

		if ((meta & 7) || bpf_probe_read_user(&up, 8, (void *)(meta + tg->ob_type)) ||
		    up != tg->type_type)
			return 0;
	}
	if (bpf_probe_read_user(&ptr, 8, (void *)(type + tg->tp_name)) ||
	    bpf_probe_read_user(name, 14, (void *)ptr))
		return 0;
	if (is_lock_name(name))
		kind |= TYPE_LOCK;
	else if (!tg->type_type)
		return 0; /* nothing proves it */
	bpf_map_update_elem(&types, &key, &kind, BPF_ANY);
	return kind;
}

/* The type of the object at `obj` in *type, with its TYPE_*; 0: no object. */
ft_inline __u32 object_kind(const struct ft_target *tg, __u32 target, __u64 obj, __u64 *type)
{
	if ((obj & 7) || bpf_probe_read_user(type, 8, (void *)(obj + tg->ob_type)))
		return 0;
	return type_kind(target, *type);
}

/* What can be read of a lock only now, while its waiter is current. */
__attribute__((noinline)) int lock_describe(__u32 id, __u64 sp)
{
	struct ft_lock *l = bpf_map_lookup_elem(&locks, &id);
	struct ft_target *tg;
	__u64 ptr = 0;
	__u32 target;

	if (!l)
		return 0;
	target = l->target;
	tg = bpf_map_lookup_elem(&targets, &target);
	if (!tg)
		return 0;
	if (l->type && (bpf_probe_read_user(&ptr, 8, (void *)(l->type + tg->tp_name)) ||
			bpf_probe_read_user_str(l->name, sizeof(l->name), (void *)ptr) < 0))
		count(FT_CN_LOCK_READ);
	if (l->kind == FT_LK_NATIVE &&
	    bpf_probe_read_user(l->caller, sizeof(l->caller), (void *)sp))
		count(FT_CN_LOCK_READ);
	return 0;
}

/*
 * The number of a lock, a new one if need be; 0: none is left. `sp`: the waiter's stack, of a
 * native lock.
 */
__attribute__((noinline)) __u32 lock_number(__u32 target, __u32 kind, __u64 addr, __u64 type,
					    __u64 sp)
{
	struct lock_key key = {.addr = addr, .type = type, .kind = kind, .target = target};
	__u32 *known = bpf_map_lookup_elem(&lock_numbers, &key), id;
	struct ft_lock *l;

	if (known)
		return *known;
	id = lock_next < FT_MAX_LOCKS - LOCKS_FOLDED ? __sync_fetch_and_add(&lock_next, 1) : ~0u;
	if (id >= FT_MAX_LOCKS - LOCKS_FOLDED) {
		count(FT_CN_LOCK_FULL);
		key.addr = 0;
		known = bpf_map_lookup_elem(&lock_numbers, &key);
		if (known)
			return *known;
		id = fold_next < FT_MAX_LOCKS ? __sync_fetch_and_add(&fold_next, 1) : 0;
		if (!id || id >= FT_MAX_LOCKS)
			return 0;
		addr = 0;
	}
	l = bpf_map_lookup_elem(&locks, &id);
	if (!l)
		return 0;
	l->addr = addr;
	l->type = type;
	l->target = target;
	l->seen_ns = bpf_ktime_get_ns();
	l->kind = kind;
	lock_describe(id, sp);
	/* another core may have been faster: then its number counts, and this one stays empty */
	if (bpf_map_update_elem(&lock_numbers, &key, &id, BPF_NOEXIST)) {
		known = bpf_map_lookup_elem(&lock_numbers, &key);
		return known ? *known : 0;
	}
	return id;
}

/* The number of the PyMutex at `addr`, by what it lies in; *sync: of the program's own lock. */
ft_inline __u32 mutex_number(const struct ft_target *tg, __u32 target, __u64 addr, bool *sync)
{
	__u64 type = 0;
	__u32 kind;

	*sync = false;
	/* the mutex of a lock object is the first member after its head */
	if (tg->ob_size && !(addr & 7)) {
		kind = object_kind(tg, target, addr - tg->ob_size, &type);
		if (kind & TYPE_LOCK) {
			*sync = true;
			return lock_number(target, FT_LK_THREADING, addr, type, 0);
		}
	}
	if (tg->ob_mutex && object_kind(tg, target, addr - tg->ob_mutex, &type))
		return lock_number(target, FT_LK_OBJECT, addr, type, 0);
	return lock_number(target, FT_LK_RUNTIME, addr, 0, 0);
}

/* For sched_switch: bit 31 says that it is the program's own lock. */
#define MUTEX_SYNC 0x80000000u

__attribute__((noinline)) __u32 mutex_waited(__u32 target, __u64 addr)
{
	struct ft_target *tg = bpf_map_lookup_elem(&targets, &target);
	bool sync;
	__u32 id;

	if (!tg)
		return 0;
	id = mutex_number(tg, target, addr, &sync);
	return sync ? id | MUTEX_SYNC : id;
}

ft_inline void lock_thread(struct ft_lock *l, __u32 slot)
{
	__u64 bit = 1ull << (slot & 63), *word = &l->threads[slot >> 6 & 3];

	if (!(*word & bit))
		__sync_fetch_and_or(word, bit);
}

/* A sleep for a lock has ended. */
__attribute__((noinline)) int lock_slept(__u32 id, __u32 slot, __u64 ns)
{
	struct ft_lock *l = bpf_map_lookup_elem(&locks, &id);

	if (!l)
		return 0;
	__sync_fetch_and_add(&l->waits, 1);
	__sync_fetch_and_add(&l->wait_ns, ns);
	if (ns > l->wait_max_ns) /* two cores at once: the smaller may stay for once */
		l->wait_max_ns = ns;
	lock_thread(l, slot);
	return 0;
}

/* A register by x86-64's number of it. */
ft_inline __u64 reg_of(const struct pt_regs *r, __u32 n)
{
	switch (n) {
	case 0:
		return r->ax;
	case 1:
		return r->cx;
	case 2:
		return r->dx;
	case 3:
		return r->bx;
	case 4:
		return r->sp;
	case 5:
		return r->bp;
	case 6:
		return r->si;
	case 7:
		return r->di;
	case 8:
		return r->r8;
	case 9:
		return r->r9;
	case 10:
		return r->r10;
	case 11:
		return r->r11;
	case 12:
		return r->r12;
	case 13:
		return r->r13;
	case 14:
		return r->r14;
	case 15:
		return r->r15;
	}
	return 0;
}

/* What a moment on a core is spent on, beside the GIL. */
struct spent {
	__u32 cls;   /* enum ft_code_class */
	__u32 lock;  /* number of the lock, or of the type that is shared */
	__u32 reg;   /* that holds the mutex of FT_CC_MUTEX, FT_REG_NONE: none does (yet) */
	__u32 slot1; /* of the thread; set by the caller */
};

/* The class of the known code that `ip` lies in, in *s. */
__attribute__((noinline)) int code_range(__u32 target, __u64 ip, struct spent *s)
{
	struct ft_target *tg = bpf_map_lookup_elem(&targets, &target);
	__u32 i;

	if (!tg || !s)
		return 0;
	s->reg = FT_REG_NONE;
	for (i = 0; i < FT_MAX_CODE_RANGES; i++) {
		const struct ft_code_range *r = &tg->range[i];

		if (i >= tg->range_cnt)
			break;
		if (ip - r->lo >= r->hi - r->lo)
			continue;
		s->cls = r->cls;
		if (r->cls == FT_CC_MUTEX && ip >= r->live)
			s->reg = r->reg;
		break;
	}
	return 0;
}

/*
 * The mutex that a thread in FT_CC_MUTEX spins for. `leaf`: it stands in a leaf that was called
 * from there. Else it may stand in the last instructions, where the register is the caller's again:
 * what that points to is hardly ever a byte that says locked (1), or locked with sleepers (3).
 */
ft_inline void spins_for(const struct ft_target *tg, __u32 target, const struct pt_regs *regs,
			 const bool leaf, struct spent *s)
{
	__u64 mutex;
	__u8 word = 0;
	bool sync;

	if (s->cls != FT_CC_MUTEX || s->reg == FT_REG_NONE)
		return;
	mutex = reg_of(regs, s->reg);
	if (!mutex ||
	    (!leaf && (bpf_probe_read_user(&word, 1, (void *)mutex) || (word != 1 && word != 3))))
		return;
	s->lock = mutex_number(tg, target, mutex, &sync);
}

/*
 * sched_yield() of the C library is a leaf that changes no register but rax, rcx and r11 (those
 * by the system call), and its caller's return address is on top of the stack.
 */
ft_inline void in_leaf(const struct ft_target *tg, __u32 target, const struct pt_regs *regs,
		       struct spent *s)
{
	__u64 ret = 0;

	if (bpf_probe_read_user(&ret, 8, (void *)regs->sp)) {
		count(FT_CN_LOCK_READ);
		return;
	}
	code_range(target, ret, s);
	spins_for(tg, target, regs, true, s);
}

/* In the system call. */
ft_inline void in_yield(const struct ft_target *tg, __u32 target, const struct pt_regs *regs,
			struct spent *s)
{
	if (!tg->range_cnt) {
		s->cls = FT_CC_SPIN; /* stripped: nothing else in the interpreter yields */
		return;
	}
	in_leaf(tg, target, regs, s);
	if (s->cls != FT_CC_MUTEX && s->cls != FT_CC_SPIN)
		s->cls = FT_CC_NONE; /* os.sched_yield(), a library's own spinning */
}

/* The bytes before an instruction pointer. */
struct code_bytes {
	__u8 b[FT_ATOMIC_BYTES];
};

/* One of the places at which a locked instruction may begin; global, so verified once. */
__attribute__((noinline)) int atomic_at(struct code_bytes *code, __u32 i, struct ft_atomic *a)
{
	if (!code || !a)
		return 0;
	return ft_atomic_decode(code->b, i, a) == FT_ATOMIC_BYTES;
}

/* What the locked instruction right before `ip` changes, and whether all eight bytes of it. */
struct atomic_at {
	__u64 addr; /* 0: there is no such instruction */
	__u64 wide;
};

__attribute__((noinline)) int atomic_before(struct atomic_at *at)
{
	const struct pt_regs *regs =
		(const struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	struct code_bytes code = {};
	struct ft_atomic a = {};
	__u64 ip = regs->ip, ea;
	__u32 i;

	if (!at || bpf_probe_read_user(&code, sizeof(code), (void *)(ip - sizeof(code))))
		return 0;
	for (i = FT_ATOMIC_FIRST; i >= FT_ATOMIC_LAST; i--)
		if (atomic_at(&code, i, &a))
			break;
	if (i < FT_ATOMIC_LAST)
		return 0;
	ea = a.base == FT_ATOMIC_RIP ? ip : reg_of(regs, a.base);
	ea += a.disp;
	if (a.index != FT_REG_NONE)
		ea += reg_of(regs, a.index) << (a.shift & 3);
	at->addr = ea;
	at->wide = a.wide;
	return 0;
}

/* Objects that were seen being shared, with the slot + 1 of the thread that was seen first. */
struct object_key {
	__u64 obj;
	__u64 target;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct object_key);
	__type(value, __u32);
} objects_seen SEC(".maps");

/* A thread shares an object of a type: has another one been seen at it? */
__attribute__((noinline)) int object_shared(__u32 id, __u32 target, __u64 obj, __u32 slot1)
{
	struct object_key key = {.obj = obj, .target = target};
	struct ft_lock *l = bpf_map_lookup_elem(&locks, &id);
	__u32 *first = bpf_map_lookup_elem(&objects_seen, &key);

	if (!id || !l)
		return 0;
	lock_thread(l, slot1 - 1);
	if (!first)
		bpf_map_update_elem(&objects_seen, &key, &slot1, BPF_ANY);
	else
		__sync_fetch_and_add(*first == slot1 ? &l->same : &l->other, 1);
	return 0;
}

/* Objects whose mutex was seen being locked, with the slot + 1 of the thread, or MANY. */
#define MANY 0xffffffffu

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct object_key);
	__type(value, __u32);
} mutexes_seen SEC(".maps");

/* Have several threads been seen at the mutex of this object, this one among them? */
__attribute__((noinline)) int mutex_shared(__u32 target, __u64 obj, __u32 slot1)
{
	struct object_key key = {.obj = obj, .target = target};
	__u32 *first = bpf_map_lookup_elem(&mutexes_seen, &key);

	if (!first)
		bpf_map_update_elem(&mutexes_seen, &key, &slot1, BPF_ANY);
	else if (*first != slot1)
		*first = MANY;
	return first && *first == MANY;
}

/*
 * Behind a locked instruction on the shared reference count of an object, or on its mutex. Private
 * objects are locked all the time, which costs next to nothing: a mutex counts only when several
 * threads have been seen at it, so that its cache line goes back and forth.
 */
ft_inline void behind_atomic(const struct ft_target *tg, __u32 target, struct spent *s)
{
	struct atomic_at at = {};
	__u64 type = 0, obj;

	if (!tg->ob_shared || !tg->type_type)
		return;
	atomic_before(&at);
	if (!at.addr)
		return;
	obj = at.addr - (at.wide ? tg->ob_shared : tg->ob_mutex);
	if (!object_kind(tg, target, obj, &type) ||
	    (!at.wide && !mutex_shared(target, obj, s->slot1)))
		return;
	if (s->cls != FT_CC_SHARED)
		count(FT_CN_TICKS_ATOMIC);
	s->cls = FT_CC_SHARED;
	if (!at.wide) {
		s->lock = lock_number(target, FT_LK_OBJECT, at.addr, type, 0);
		return;
	}
	s->lock = lock_number(target, FT_LK_TYPE, 0, type, 0);
	object_shared(s->lock, target, obj, s->slot1);
}

/* What the current thread, which calls sched_yield() just now, spins for. */
__attribute__((noinline)) int spent_yielding(__u32 target, struct spent *s)
{
	struct ft_target *tg = bpf_map_lookup_elem(&targets, &target);

	if (tg && s)
		in_yield(tg, target,
			 (const struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf()), s);
	return 0;
}

/* What the current thread, interrupted by a tick on a free-threaded build, is busy with. */
__attribute__((noinline)) int spent_on(__u32 target, struct spent *s)
{
	struct ft_target *tg = bpf_map_lookup_elem(&targets, &target);
	const struct pt_regs *regs =
		(const struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());

	if (!tg || !s || (long)regs->orig_ax >= 0)
		return 0;
	code_range(target, regs->ip, s);
	if (s->cls == FT_CC_SPIN)
		in_leaf(tg, target, regs, s);
	else
		spins_for(tg, target, regs, false, s);
	if (s->cls == FT_CC_NONE || s->cls == FT_CC_SHARED || s->cls == FT_CC_MERGE)
		behind_atomic(tg, target, s);
	return 0;
}

/* A tick has found the thread spinning for a lock. */
ft_inline void lock_spun(__u32 id, __u32 slot)
{
	struct ft_lock *l = bpf_map_lookup_elem(&locks, &id);

	if (!id || !l)
		return;
	__sync_fetch_and_add(&l->spin_ticks, 1);
	lock_thread(l, slot);
}

#endif
