/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The functions of a stripped interpreter that spin for a mutex.
 *
 * 3.13 does not export _PyMutex_LockTimed, nor 3.14 _PyRecursiveMutex_LockTimed, in which RLock
 * waits. Such a function calls sched_yield(), as few do, and tries to take the one-byte mutex that
 * its first argument points to by a locked cmpxchg of a byte, as no other of those does: a
 * sequence lock is a word, and os.sched_yield() has no lock.
 */
#include <linux/types.h>
#include <stdlib.h>
#include <string.h>
#include "ftprof_atomic.h"
#include "python/pypriv.h"

#define SPINNER_MAX 2048u /* bytes of such a function at most; they have about 450 */
#define TEXT_MAX (64u * 1024 * 1024)
#define CALL_LEN 5

/*
 * The stub by which the interpreter calls sched_yield(), 0: not known. The exported
 * _PySeqLock_LockWrite() calls nothing else.
 */
static __u64 yield_stub(struct ft_elf *e)
{
	__u64 stub = 0;
	struct ft_elf_sym sym;
	__u8 code[256];
	size_t i;

	if (ft_elf_dynsym(e, "_PySeqLock_LockWrite", &sym) || sym.ambiguous ||
	    sym.size > sizeof(code) || ft_elf_read(e, sym.vaddr, code, sym.size))
		return 0;
	for (i = 0; i + CALL_LEN <= sym.size; i++) {
		__u64 to;
		__s32 rel;

		if (code[i] != 0xe8 && code[i] != 0xe9)
			continue;
		memcpy(&rel, code + i + 1, sizeof(rel));
		to = sym.vaddr + i + CALL_LEN + (__u64)(__s64)rel;
		if (to - sym.vaddr < sym.size || !ft_elf_is_code(e, to))
			continue;
		if (stub && stub != to)
			return 0;
		stub = to;
	}
	return stub;
}

/* The function around `at`, by the unwind table. */
static bool function_around(struct ft_elf *e, __u64 at, __u64 *start, __u64 *end)
{
	bool begins = false;
	__u64 a;

	for (a = at; !begins && at - a < SPINNER_MAX; a--) {
		if (ft_elf_func_start(e, a, &begins))
			return false;
		*start = a;
	}
	if (!begins)
		return false;
	begins = false;
	for (a = at + CALL_LEN; !begins && a - *start < SPINNER_MAX; a++) {
		if (ft_elf_func_start(e, a, &begins))
			return false;
		*end = a;
	}
	return begins;
}

/* Does the function try to take the byte that `reg` points to? */
static bool takes_byte(struct ft_elf *e, __u64 start, __u64 end, __u32 reg)
{
	__u8 code[SPINNER_MAX + FT_ATOMIC_BYTES] = {0};
	struct ft_atomic a;
	size_t i, n = (size_t)(end - start);

	if (ft_elf_read(e, start, code, n))
		return false;
	for (i = 0; i < n; i++) {
		const __u8 *c = code + i;
		const __u8 *op = (c[1] & 0xf0) == 0x40 ? c + 2 : c + 1;

		if (c[0] == 0xf0 && op[0] == 0x0f && op[1] == 0xb0 && ft_atomic_decode(c, 0, &a) &&
		    a.base == reg && a.index == FT_REG_NONE && !a.disp)
			return true;
	}
	return false;
}

/* Is the call at `at` one in a function that spins for its argument, and not known yet? */
static bool is_new_spinner(struct ft_elf *e, __u64 bias, __u64 at, const struct ft_code_range *out,
			   size_t cnt, struct ft_code_range *r)
{
	__u64 start, end;
	size_t i;

	if (!function_around(e, at, &start, &end))
		return false;
	for (i = 0; i < cnt; i++) {
		if (out[i].lo == start + bias)
			return false;
	}
	ft_py_fill_range(e, bias, start, end, FT_CC_MUTEX, r);
	return r->reg != FT_REG_NONE && takes_byte(e, start, end, r->reg);
}

size_t ft_py_spinners(struct ft_elf *py, __u64 bias, struct ft_code_range *out, size_t cnt,
		      size_t max)
{
	__u64 stub = yield_stub(py), text, size;
	struct ft_code_range r;
	__u8 *code;
	size_t i;

	if (!stub || ft_elf_section(py, ".text", &text, &size) || size > TEXT_MAX)
		return cnt;
	code = malloc(size ?: 1);
	if (!code)
		return cnt;
	if (ft_elf_read(py, text, code, size))
		size = 0;
	for (i = 0; i + CALL_LEN <= size && cnt < max; i++) {
		__s32 rel;

		if (code[i] != 0xe8)
			continue;
		memcpy(&rel, code + i + 1, sizeof(rel));
		if (text + i + CALL_LEN + (__u64)(__s64)rel == stub &&
		    is_new_spinner(py, bias, text + i, out, cnt, &r))
			out[cnt++] = r;
	}
	free(code);
	return cnt;
}
