/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the uprobe engine may put its probes, how each was found and what a hit costs. */
#ifndef FT_PYTHON_SITES_H
#define FT_PYTHON_SITES_H

#include "python/runtime.h"

enum ft_site_kind {
	FT_SITE_TAKE = 0,   /* entry of take_gil; first argument: the thread state */
	FT_SITE_DROP = 1,   /* entry of drop_gil */
	FT_SITE_SIGNAL = 2, /* entry of libc's pthread_cond_signal; first argument: the condvar */
	FT_SITE_CNT = 3,
};

/* How the kernel runs the instruction under a uprobe. */
enum ft_insn {
	FT_INSN_STEP = 0, /* single-stepped: several times the price */
	FT_INSN_PUSH = 1, /* these are emulated */
	FT_INSN_NOP = 2,
	FT_INSN_JUMP = 3,
	FT_INSN_CALL = 4,
	FT_INSN_NOPLIKE = 5, /* endbr64 and long nops: emulated by new kernels only */
	FT_INSN_REFUSED = 6, /* the kernel takes no uprobe here */
};

struct ft_site {
	__u32 kind;	     /* enum ft_site_kind */
	__u32 insn;	     /* enum ft_insn */
	bool stepped;	     /* single-stepped on some or all kernels: say what that costs */
	char path[PATH_MAX]; /* usable from here */
	__u64 offset;	     /* in that file */
	__u64 addr;	     /* in the process */
	char how[128];	     /* "take_gil: jump target of PyEval_AcquireLock"; safe to print */
	__u8 code[16];	     /* the bytes there */
	__u8 code_len;
};

struct ft_sites {
	struct ft_site site[FT_SITE_CNT]; /* valid where found[kind] */
	bool found[FT_SITE_CNT];
	char missing[FT_SITE_CNT][160]; /* why a kind was not found, one sentence, or empty */
};

/*
 * Finds what there is. 0 if take_gil and one of drop_gil and pthread_cond_signal were found, else
 * -ENOENT (what was found stands in *out all the same), with one sentence in why.
 */
int ft_sites_find(int pid, const struct ft_runtime *rt, struct ft_sites *out, char *why,
		  size_t why_sz);
/* One line for people: what, where, how, price. Returns buf. */
char *ft_site_describe(const struct ft_site *s, char *buf, size_t sz);
/* What the kernel does with a uprobe on these bytes (n >= 1). */
enum ft_insn ft_insn_classify(const __u8 *code, size_t n);
const char *ft_insn_name(enum ft_insn insn);

#endif
