/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which functions of a free-threaded interpreter mean what under a tick.
 *
 * A function is in the table only when it does nothing else: _Py_MergeZeroLocalRefcount(),
 * _Py_IncRef() and _Py_TryIncrefCompare() run for objects that no other thread ever sees, too,
 * _PySeqLock_BeginRead() in every look-up of an attribute. The names are those of 3.13.15 and
 * 3.14.6 (Python/lock.c, critical_section.c, brc.c, qsbr.c, Objects/object.c, obmalloc.c).
 */
#include <stdlib.h>
#include <string.h>
#include "os/symtab.h"
#include "python/ftsites.h"
#include "python/pypriv.h"

#define TABLE_MAX (64u * 1024 * 1024)
#define HEAD_MAX 96u /* bytes of a function in which its argument is looked for */

struct known {
	const char *name;
	enum ft_code_class cls;
};

/* The most important first: there is room for FT_MAX_CODE_RANGES of them. */
static const struct known known[] = {
	/* these spin for the mutex that is, or begins, their first argument */
	{"_PyMutex_LockTimed", FT_CC_MUTEX},
	{"PyMutex_Lock", FT_CC_MUTEX},		      /* _PyMutex_LockTimed is inlined into it */
	{"_PyRecursiveMutex_LockTimed", FT_CC_MUTEX}, /* likewise; 3.14 */
	{"_PyCriticalSection_BeginSlow", FT_CC_SPIN},
	{"_PyCriticalSection2_BeginSlow", FT_CC_SPIN},
	/* 3.13, 3.14 */
	{"_Py_DecRefShared", FT_CC_SHARED},
	{"_Py_DecRefSharedDebug", FT_CC_SHARED},
	{"_Py_DecRefSharedIsDead", FT_CC_SHARED},
	{"_Py_TryIncRefShared", FT_CC_SHARED},
	{"_Py_brc_queue_object", FT_CC_MERGE},
	{"_Py_brc_merge_refcounts", FT_CC_MERGE},
	{"merge_queued_objects", FT_CC_MERGE},
	{"_Py_ExplicitMergeRefcount", FT_CC_MERGE},
	{"_PyMem_ProcessDelayed", FT_CC_DELAYED},
	{"process_queue", FT_CC_DELAYED},
	{"process_interp_queue", FT_CC_DELAYED},
	{"free_delayed", FT_CC_DELAYED},
	{"_PyMem_FreeDelayed", FT_CC_DELAYED},
	{"_PyObject_FreeDelayed", FT_CC_DELAYED},    /* 3.13 */
	{"_PyObject_XDecRefDelayed", FT_CC_DELAYED}, /* 3.14 */
	{"_Py_qsbr_poll", FT_CC_DELAYED},
	{"qsbr_poll_scan", FT_CC_DELAYED},
	{"_Py_qsbr_advance", FT_CC_DELAYED},
	{"_PySeqLock_LockWrite", FT_CC_SPIN},
	{"_PyRawMutex_LockSlow", FT_CC_SPIN},
	{"_PyRWMutex_RLock", FT_CC_SPIN},
	{"_PyRWMutex_Lock", FT_CC_SPIN},
	{"rwmutex_set_parked_and_wait", FT_CC_SPIN},
	{"_Py_yield", FT_CC_SPIN},
};

#define KNOWN_CNT (sizeof(known) / sizeof(known[0]))

/*
 * Bytes are not decoded as instructions: "48 89 /r" with rdi as the source and a register that
 * calls leave alone as the target hardly ever stands inside another instruction.
 */
__u32 ft_arg_register(const __u8 *code, size_t n, __u32 *behind)
{
	size_t i;

	for (i = 0; i + 3 <= n && i < HEAD_MAX; i++) {
		__u32 reg;

		if ((code[i] & 0xfe) != 0x48 || code[i + 1] != 0x89 || (code[i + 2] & 0xf8) != 0xf8)
			continue;
		reg = (code[i] & 1u) << 3 | (code[i + 2] & 7u);
		if (reg == 3 || reg == 5 || reg >= 12) { /* rbx, rbp, r12 to r15 */
			*behind = (__u32)i + 3;
			return reg;
		}
	}
	*behind = 0;
	return FT_REG_NONE;
}

/* Is a symbol this function, or a part or copy of it that the compiler made? */
static bool is_part_of(const char *symbol, const char *func)
{
	size_t n = strlen(func);

	return !strncmp(symbol, func, n) && (!symbol[n] || symbol[n] == '.');
}

void ft_py_fill_range(struct ft_elf *e, __u64 bias, __u64 start, __u64 end, enum ft_code_class cls,
		      struct ft_code_range *r)
{
	size_t n = end - start < HEAD_MAX ? (size_t)(end - start) : HEAD_MAX;
	__u8 code[HEAD_MAX];
	__u32 behind;

	memset(r, 0, sizeof(*r));
	r->lo = start + bias;
	r->hi = end + bias;
	r->cls = cls;
	r->reg = FT_REG_NONE;
	if (cls != FT_CC_MUTEX || ft_elf_read(e, start, code, n))
		return;
	r->reg = ft_arg_register(code, n, &behind);
	if (r->reg != FT_REG_NONE)
		r->live = r->lo + behind;
}

static size_t add_known(struct ft_elf *e, __u64 bias, const struct ft_symtab *t,
			const struct known *k, struct ft_code_range *out, size_t max)
{
	size_t i, cnt = 0;

	for (i = 0; i < t->cnt && cnt < max; i++) {
		const struct ft_symtab_entry *s = &t->v[i];

		if (s->sized && is_part_of(s->name, k->name))
			ft_py_fill_range(e, bias, s->addr, s->end, k->cls, &out[cnt++]);
	}
	return cnt;
}

size_t ft_py_code_ranges(const struct ft_runtime *rt, struct ft_elf *py, struct ft_elf *libc,
			 struct ft_code_range *out, size_t max)
{
	struct ft_symtab t = {0};
	struct ft_elf_sym sym;
	size_t sz = TABLE_MAX, cnt = 0, i;
	int from;

	if (libc && max && !ft_elf_dynsym(libc, "sched_yield", &sym) && sym.size) {
		memset(&out[0], 0, sizeof(out[0]));
		out[0].lo = sym.vaddr + rt->libc.bias;
		out[0].hi = out[0].lo + sym.size;
		out[0].cls = FT_CC_SPIN;
		out[0].reg = FT_REG_NONE;
		cnt = 1;
	}
	from = ft_elf_names(py, &sz, &t);
	for (i = 0; from >= 0 && i < KNOWN_CNT; i++)
		cnt += add_known(py, rt->elf.bias, &t, &known[i], out + cnt, max - cnt);
	if (from >= 0 && !(from & FT_ELF_NAMES_FULL))
		cnt = ft_py_spinners(py, rt->elf.bias, out, cnt, max);
	ft_symtab_free(&t);
	return cnt;
}

size_t ft_code_ranges(const struct ft_runtime *rt, struct ft_code_range *out, size_t max)
{
	struct ft_elf *py = NULL, *libc = NULL;
	size_t cnt = 0;

	if (!rt->free_threaded || ft_elf_open(rt->elf.open, &py))
		return 0;
	if (rt->has_libc && ft_elf_open(rt->libc.open, &libc))
		libc = NULL;
	cnt = ft_py_code_ranges(rt, py, libc, out, max);
	ft_elf_close(libc);
	ft_elf_close(py);
	return cnt;
}
