/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the uprobe engine may put its probes.
 *
 * drop_gil is inlined in many builds, and a distribution's Python has no local symbols at all. So
 * take_gil is also found as what the exported PyEval_AcquireLock ends in (it is kept for the
 * stable ABI and does nothing else), and releases are seen at libc's pthread_cond_signal, which
 * CPython calls for the GIL only.
 */
#include "python/sites.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "python/pypriv.h"
#include "python/sites_priv.h"

#define FUNC_MAX 512u
#define HOPS_MAX 4

static const char *const kind_names[FT_SITE_CNT] = {"take_gil", "drop_gil", "pthread_cond_signal"};

bool ft_site_is_endbr(const __u8 *code)
{
	return code[0] == 0xf3 && code[1] == 0x0f && code[2] == 0x1e && code[3] == 0xfa;
}

bool ft_site_plausible(struct ft_elf *e, __u64 vaddr)
{
	__u64 text, size;
	bool yes;

	if (!ft_elf_is_code(e, vaddr))
		return false;
	if (!ft_elf_section(e, ".text", &text, &size) && (vaddr < text || vaddr - text >= size))
		return false;
	if (!ft_elf_func_start(e, vaddr, &yes))
		return yes;
	return !(vaddr & 15); /* no unwind table: compilers align functions */
}

__u64 ft_site_follow(struct ft_elf *e, __u64 vaddr)
{
	int hop;

	for (hop = 0; hop < HOPS_MAX; hop++) {
		__u8 code[FT_ENDBR_LEN + 5];
		__u64 at = vaddr, to;
		__s32 rel;
		size_t i = 0;

		if (ft_elf_read(e, at, code, sizeof(code)))
			break;
		if (ft_site_is_endbr(code))
			i = FT_ENDBR_LEN;
		if (code[i] != 0xe9)
			break;
		memcpy(&rel, code + i + 1, sizeof(rel));
		to = at + i + 5 + (__u64)(__s64)rel;
		if (!ft_site_plausible(e, to))
			break;
		vaddr = to;
	}
	return vaddr;
}

size_t ft_site_branches(struct ft_elf *e, const char *name, __u64 *out, size_t max)
{
	__u8 code[2 * FUNC_MAX];
	struct ft_elf_sym sym;
	size_t i, j, cnt = 0;

	if (ft_elf_dynsym(e, name, &sym) || sym.ambiguous || !ft_elf_is_code(e, sym.vaddr) ||
	    !sym.size || sym.size > sizeof(code) || ft_elf_read(e, sym.vaddr, code, sym.size))
		return 0;
	for (i = 0; i + 5 <= sym.size && cnt < max; i++) {
		__u64 to;
		__s32 rel;

		if (code[i] != 0xe8 && code[i] != 0xe9)
			continue;
		memcpy(&rel, code + i + 1, sizeof(rel));
		to = sym.vaddr + i + 5 + (__u64)(__s64)rel;
		if (to - sym.vaddr < sym.size || !ft_site_plausible(e, to))
			continue;
		for (j = 0; j < cnt && out[j] != to; j++)
			;
		if (j == cnt)
			out[cnt++] = to;
	}
	return cnt;
}

struct targets {
	__u64 jump, call;
	bool many_jumps, many_calls;
};

static void note(__u64 to, __u64 *slot, bool *many)
{
	if (*slot && *slot != to)
		*many = true;
	*slot = to;
}

/*
 * Collects where a function branches to outside itself. Bytes are not decoded as instructions:
 * every 0xe9, 0xeb and 0xe8 counts whose target begins a function, which bytes of an operand
 * hardly ever do.
 */
static void scan_branches(struct ft_elf *e, __u64 func, const __u8 *code, size_t n, __u64 not_this,
			  struct targets *t)
{
	size_t i;

	for (i = 0; i < n; i++) {
		__u64 to;

		if (code[i] == 0xeb && i + 2 <= n) {
			to = func + i + 2 + (__u64)(__s64)(__s8)code[i + 1];
		} else if ((code[i] == 0xe9 || code[i] == 0xe8) && i + 5 <= n) {
			__s32 rel;

			memcpy(&rel, code + i + 1, sizeof(rel));
			to = func + i + 5 + (__u64)(__s64)rel;
		} else {
			continue;
		}
		if (to - func < n || to == not_this || !ft_site_plausible(e, to))
			continue;
		if (code[i] == 0xe8)
			note(to, &t->call, &t->many_calls);
		else
			note(to, &t->jump, &t->many_jumps);
	}
}

/* take_gil as the branch target of PyEval_AcquireLock. 0 or -ENOENT. */
static int take_gil_by_branch(struct ft_elf *e, __u64 *vaddr, char *how, size_t how_sz)
{
	struct ft_elf_sym sym, fatal;
	struct targets t = {0};
	__u8 code[FUNC_MAX];

	if (ft_elf_dynsym(e, "PyEval_AcquireLock", &sym) || !ft_elf_is_code(e, sym.vaddr) ||
	    !sym.size || sym.size > FUNC_MAX || ft_elf_read(e, sym.vaddr, code, sym.size))
		return -ENOENT;
	/* its other call, for a thread without a state */
	if (ft_elf_dynsym(e, "_Py_FatalErrorFunc", &fatal))
		memset(&fatal, 0, sizeof(fatal));
	scan_branches(e, sym.vaddr, code, sym.size, fatal.vaddr, &t);
	if (t.jump && !t.many_jumps) {
		*vaddr = ft_site_follow(e, t.jump);
		snprintf(how, how_sz, "jump target of PyEval_AcquireLock");
		return 0;
	}
	if (!t.jump && t.call && !t.many_calls) {
		*vaddr = ft_site_follow(e, t.call);
		snprintf(how, how_sz, "call target of PyEval_AcquireLock");
		return 0;
	}
	return -ENOENT;
}

void ft_site_missing(const struct ft_site_slot *d, const char *why)
{
	snprintf(d->missing, FT_SITE_MISSING_LEN, "%s: %s", d->name, why);
}

void ft_site_set(const struct ft_site_slot *d, struct ft_elf *e, const struct ft_pyfile *file,
		 __u64 vaddr, const char *how)
{
	struct ft_site *s = d->site;
	const char *after = "";
	size_t n = sizeof(s->code);

	memset(s, 0, sizeof(*s));
	s->kind = d->kind;
	while (n && ft_elf_read(e, vaddr, s->code, n))
		n--;
	/*
	 * Older kernels single-step endbr64. Whoever enters a function runs past it, and it
	 * changes no register: the probe may as well stand behind it.
	 */
	if (n > FT_ENDBR_LEN && ft_site_is_endbr(s->code)) {
		vaddr += FT_ENDBR_LEN;
		n -= FT_ENDBR_LEN;
		memmove(s->code, s->code + FT_ENDBR_LEN, n);
		memset(s->code + n, 0, sizeof(s->code) - n);
		after = ", behind endbr64";
	}
	s->code_len = (__u8)n;
	if (!n || ft_elf_offset(e, vaddr, &s->offset)) {
		ft_site_missing(d, "its code is not in the file");
		return;
	}
	s->insn = ft_insn_classify(s->code, n);
	if (s->insn == FT_INSN_REFUSED) {
		ft_site_missing(d, "the kernel takes no probe on its first instruction");
		return;
	}
	s->stepped = s->insn == FT_INSN_STEP || s->insn == FT_INSN_NOPLIKE;
	s->addr = vaddr + file->bias;
	memcpy(s->path, file->open, sizeof(s->path));
	snprintf(s->how, sizeof(s->how), "%s: %s%s", d->name, how, after);
	*d->found = true;
}

int ft_site_by_symbol(const struct ft_site_slot *d, struct ft_elf *e, const struct ft_pyfile *file,
		      const char *name)
{
	struct ft_elf_sym sym;

	if (ft_elf_symbol(e, name, &sym) || sym.ambiguous || !ft_elf_is_code(e, sym.vaddr))
		return -ENOENT;
	ft_site_set(d, e, file, sym.vaddr, sym.from);
	return 0;
}

static struct ft_site_slot slot(struct ft_sites *out, enum ft_site_kind kind)
{
	struct ft_site_slot d = {
		.site = &out->site[kind],
		.found = &out->found[kind],
		.missing = out->missing[kind],
		.kind = kind,
		.name = kind_names[kind],
	};

	_Static_assert(sizeof(out->missing[kind]) == FT_SITE_MISSING_LEN, "one length");
	return d;
}

static void find_in_python(const struct ft_runtime *rt, struct ft_elf *e, struct ft_sites *out)
{
	const struct ft_site_slot take = slot(out, FT_SITE_TAKE), drop = slot(out, FT_SITE_DROP);
	char how[64];
	__u64 vaddr;

	if (ft_site_by_symbol(&take, e, &rt->elf, "take_gil")) {
		if (!take_gil_by_branch(e, &vaddr, how, sizeof(how)))
			ft_site_set(&take, e, &rt->elf, vaddr, how);
		else
			ft_site_missing(&take,
					"no symbol, and PyEval_AcquireLock does not lead to it");
	}
	if (ft_site_by_symbol(&drop, e, &rt->elf, "drop_gil"))
		ft_site_missing(&drop, "no symbol; it is inlined or stripped");
}

static void find_signal(const struct ft_runtime *rt, struct ft_elf *py, struct ft_sites *out)
{
	const struct ft_site_slot d = slot(out, FT_SITE_SIGNAL);
	struct ft_elf *libc = NULL;
	struct ft_elf_sym sym;

	if (!rt->has_libc) {
		/* linked into the program */
		if (ft_site_by_symbol(&d, py, &rt->elf, "pthread_cond_signal") &&
		    ft_site_by_symbol(&d, py, &rt->elf, "__pthread_cond_signal"))
			ft_site_missing(&d, "the C library was not found");
		return;
	}
	if (ft_elf_open(rt->libc.open, &libc)) {
		ft_site_missing(&d, "the C library cannot be opened");
		return;
	}
	/* the default version: the old one beside it has another kind of condvar */
	if (ft_elf_dynsym(libc, "pthread_cond_signal", &sym) || sym.ambiguous ||
	    !ft_elf_is_code(libc, sym.vaddr))
		ft_site_missing(&d, "not exported by the C library");
	else
		ft_site_set(&d, libc, &rt->libc, sym.vaddr, sym.from);
	ft_elf_close(libc);
}

int ft_sites_find(int pid, const struct ft_runtime *rt, struct ft_sites *out, char *why,
		  size_t why_sz)
{
	struct ft_elf *e = NULL;
	int err;

	memset(out, 0, sizeof(*out));
	if (why_sz)
		why[0] = 0;
	if (rt->pid != pid) {
		snprintf(why, why_sz, "process %d is not the one that was examined", pid);
		return -EINVAL;
	}
#ifndef __x86_64__
	snprintf(why, why_sz, "probes on the GIL are known for x86-64 only");
	return -ENOENT;
#endif
	err = ft_elf_open(rt->elf.open, &e);
	if (err) {
		snprintf(why, why_sz, "the interpreter's file cannot be opened: %s",
			 strerror(-err));
		return err;
	}
	find_in_python(rt, e, out);
	find_signal(rt, e, out);
	ft_elf_close(e);
	if (out->found[FT_SITE_TAKE] && (out->found[FT_SITE_DROP] || out->found[FT_SITE_SIGNAL]))
		return 0;
	snprintf(why, why_sz, "no place for a probe on the GIL (%s)",
		 !out->found[FT_SITE_TAKE] ? out->missing[FT_SITE_TAKE]
					   : out->missing[FT_SITE_SIGNAL]);
	return -ENOENT;
}

char *ft_site_describe(const struct ft_site *s, char *buf, size_t sz)
{
	char path[256];

	snprintf(buf, sz, "%s at %s+0x%llx (%s, %s)", s->how,
		 ft_py_safe(path, sizeof(path), s->path), (unsigned long long)s->offset,
		 ft_insn_name((enum ft_insn)s->insn),
		 s->insn == FT_INSN_STEP      ? "about 12 us a hit"
		 : s->insn == FT_INSN_NOPLIKE ? "about 1 us a hit, 12 on older kernels"
					      : "about 1 us a hit");
	return buf;
}
