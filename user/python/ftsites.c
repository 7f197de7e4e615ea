/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the world is stopped and started in a free-threaded interpreter, and where it warns that
 * the GIL came back.
 *
 * stop_the_world() and start_the_world() are static. Where there are no symbols for them they are
 * what small exported functions jump to: "add $off,%rdi; jmp" with the place of the state in
 * PyInterpreterState. 3.13 hides those functions too, but others call them that it exports. A build
 * in which one of the two is inlined there has no such jump, and nothing is guessed.
 */
#include "python/ftsites.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "python/sites_priv.h"

#define BRANCHES_MAX 32
#define THUNKS_MAX 8
#define THUNK_LEN (FT_ENDBR_LEN + 7 + 5)

static const char *const kind_names[FT_FTSITE_CNT] = {"stop_the_world", "start_the_world",
						      "PyErr_WarnFormat"};

/* A function that is nothing but "add $off,%rdi; jmp to". */
struct thunk {
	__u64 off;
	__u64 to;
};

static bool read_thunk(struct ft_elf *e, __u64 vaddr, struct thunk *t)
{
	__u8 code[THUNK_LEN];
	__s32 off, rel;
	size_t i = 0;

	if (ft_elf_read(e, vaddr, code, sizeof(code)))
		return false;
	if (ft_site_is_endbr(code))
		i = FT_ENDBR_LEN;
	/* add $imm32,%rdi or lea disp32(%rdi),%rdi */
	if (memcmp(code + i, "\x48\x81\xc7", 3) && memcmp(code + i, "\x48\x8d\xbf", 3))
		return false;
	memcpy(&off, code + i + 3, sizeof(off));
	if (code[i + 7] != 0xe9 || off <= 0)
		return false;
	memcpy(&rel, code + i + 8, sizeof(rel));
	t->off = (__u64)off;
	t->to = ft_site_follow(e, vaddr + i + 12 + (__u64)(__s64)rel);
	return ft_site_plausible(e, t->to);
}

/* The thunks that an exported function calls or ends in. */
static size_t called_thunks(struct ft_elf *e, const char *name, struct thunk *out)
{
	__u64 to[BRANCHES_MAX];
	size_t i, n = ft_site_branches(e, name, to, BRANCHES_MAX), cnt = 0;

	for (i = 0; i < n && cnt < THUNKS_MAX; i++)
		cnt += read_thunk(e, to[i], &out[cnt]);
	return cnt;
}

static bool thunk_of(struct ft_elf *e, const char *name, struct thunk *t)
{
	struct ft_elf_sym sym;

	return !ft_elf_symbol(e, name, &sym) && !sym.ambiguous && ft_elf_is_code(e, sym.vaddr) &&
	       read_thunk(e, sym.vaddr, t);
}

/* The one of a's thunks whose target is one of b's too. */
static bool common_target(const struct thunk *a, size_t a_cnt, const struct thunk *b, size_t b_cnt,
			  struct thunk *out)
{
	size_t i, j, cnt = 0;

	for (i = 0; i < a_cnt; i++) {
		for (j = 0; j < b_cnt && b[j].to != a[i].to; j++)
			;
		if (j == b_cnt)
			continue;
		*out = a[i];
		cnt++;
	}
	return cnt == 1;
}

/*
 * What stops the world is called before a fork and by functions that stop one interpreter for a
 * while; what starts it is called after a fork and by the same. Nothing else is common to them.
 */
static bool by_callers(struct ft_elf *e, struct thunk *stop, struct thunk *start)
{
	static const char *const names[] = {"PyUnstable_GC_VisitObjects", "Py_SetRecursionLimit"};
	struct thunk before[THUNKS_MAX], after[THUNKS_MAX], t[THUNKS_MAX];
	size_t before_cnt = called_thunks(e, "PyOS_BeforeFork", before);
	size_t after_cnt = called_thunks(e, "PyOS_AfterFork_Parent", after);
	size_t i, cnt;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cnt = called_thunks(e, names[i], t);
		if (common_target(t, cnt, before, before_cnt, stop) &&
		    common_target(t, cnt, after, after_cnt, start) && stop->off == start->off &&
		    stop->to != start->to)
			return true;
	}
	return false;
}

static struct ft_site_slot slot(struct ft_ftsites *out, enum ft_ftsite_kind kind)
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

/* Does a site stand at a function's entry, or behind the endbr64 there? */
static bool is_at(const struct ft_site *s, __u64 addr)
{
	return s->addr == addr || s->addr == addr + FT_ENDBR_LEN;
}

static void find_world(const struct ft_runtime *rt, struct ft_elf *e, struct ft_ftsites *out)
{
	const struct ft_site_slot stop = slot(out, FT_FTSITE_STOP),
				  start = slot(out, FT_FTSITE_START);
	bool named = !ft_site_by_symbol(&stop, e, &rt->elf, "stop_the_world");
	const char *how = NULL;
	struct thunk a, b;

	named = !ft_site_by_symbol(&start, e, &rt->elf, "start_the_world") && named;
	if (thunk_of(e, "_PyEval_StopTheWorld", &a) && thunk_of(e, "_PyEval_StartTheWorld", &b) &&
	    a.off == b.off && a.to != b.to)
		how = "jump target of _PyEval_StopTheWorld and _PyEval_StartTheWorld";
	else if (by_callers(e, &a, &b))
		how = "jump target of what fork and gc call";
	if (named && how && !is_at(&out->site[FT_FTSITE_STOP], a.to + rt->elf.bias))
		how = NULL;
	if (how && a.off < rt->off.interp_size)
		out->interp_stw = a.off;
	if (named)
		return;
	if (how) {
		ft_site_set(&stop, e, &rt->elf, a.to, how);
		ft_site_set(&start, e, &rt->elf, b.to, how);
		return;
	}
	how = "no symbol, and no exported function leads to it";
	if (!out->found[FT_FTSITE_STOP])
		ft_site_missing(&stop, how);
	if (!out->found[FT_FTSITE_START])
		ft_site_missing(&start, how);
}

static void find_warn(const struct ft_runtime *rt, struct ft_elf *e, struct ft_ftsites *out)
{
	const struct ft_site_slot warn = slot(out, FT_FTSITE_WARN);

	if (ft_site_by_symbol(&warn, e, &rt->elf, "PyErr_WarnFormat"))
		ft_site_missing(&warn, "no symbol");
}

int ft_ftsites_find(int pid, const struct ft_runtime *rt, struct ft_ftsites *out, char *why,
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
	if (!rt->free_threaded) {
		snprintf(why, why_sz, "process %d is no free-threaded Python", pid);
		return -EOPNOTSUPP;
	}
#ifndef __x86_64__
	snprintf(why, why_sz, "probes are known for x86-64 only");
	return 0;
#endif
	err = ft_elf_open(rt->elf.open, &e);
	if (err) {
		snprintf(why, why_sz, "the interpreter's file cannot be opened: %s",
			 strerror(-err));
		return err;
	}
	find_world(rt, e, out);
	find_warn(rt, e, out);
	ft_elf_close(e);
	if (!out->found[FT_FTSITE_STOP] || !out->found[FT_FTSITE_START])
		snprintf(why, why_sz, "stop-the-world pauses are not seen (%s)",
			 !out->found[FT_FTSITE_STOP] ? out->missing[FT_FTSITE_STOP]
						     : out->missing[FT_FTSITE_START]);
	return 0;
}

char *ft_ftsite_describe(const struct ft_site *s, char *buf, size_t sz)
{
	return ft_site_describe(s, buf, sz);
}
