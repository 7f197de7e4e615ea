/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel does with a uprobe on an x86-64 instruction (arch/x86/kernel/uprobes.c). push,
 * jumps, calls and nop are emulated inside the breakpoint's handler; anything else is copied out
 * and single-stepped, which costs a second exception. Where kernels differ the answer is the
 * dearer one.
 */
#include "python/sites.h"

/* Opcodes of one byte that uprobes refuse: invalid in 64-bit code, privileged, or traps. */
static bool is_refused(__u8 op)
{
	static const __u8 bad[] = {0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37, 0x3f,
				   0x60, 0x61, 0x62, 0x6c, 0x6d, 0x6e, 0x6f, 0x82, 0x9a, 0xc4, 0xc5,
				   0xcc, 0xcd, 0xce, 0xcf, 0xd4, 0xd5, 0xd6, 0xe4, 0xe5, 0xe6, 0xe7,
				   0xea, 0xec, 0xed, 0xee, 0xef, 0xf1, 0xf4, 0xfa, 0xfb};
	size_t i;

	for (i = 0; i < sizeof(bad); i++) {
		if (op == bad[i])
			return true;
	}
	return false;
}

/* 0f xx */
static enum ft_insn two_byte(const __u8 *code, size_t n, size_t i, bool plain, bool rep)
{
	if (i + 1 >= n)
		return FT_INSN_STEP;
	if ((code[i + 1] & 0xf0) == 0x80)
		return plain ? FT_INSN_JUMP : FT_INSN_STEP;
	if (code[i + 1] <= 0x0d) /* system instructions, ud2 */
		return FT_INSN_REFUSED;
	if (code[i + 1] == 0x1f && !rep)
		return FT_INSN_NOPLIKE;
	/* endbr64; the other f3 0f 1e read the shadow stack pointer */
	if (code[i + 1] == 0x1e && rep && i + 2 < n && code[i + 2] == 0xfa)
		return FT_INSN_NOPLIKE;
	return FT_INSN_STEP;
}

enum ft_insn ft_insn_classify(const __u8 *code, size_t n)
{
	bool legacy = false, rep = false, opsize = false;
	__u8 rex = 0, op;
	size_t i = 0;

	for (; i < n; i++) {
		op = code[i];
		/* uprobes take neither lock nor the segment prefixes that 64-bit code ignores */
		if (op == 0xf0 || op == 0x26 || op == 0x2e || op == 0x36 || op == 0x3e)
			return FT_INSN_REFUSED;
		if (op != 0x66 && op != 0x67 && op != 0xf2 && op != 0xf3 && op != 0x64 &&
		    op != 0x65)
			break;
		legacy = true;
		rep |= op == 0xf3 || op == 0xf2;
		opsize |= op == 0x66;
	}
	if (i < n && (code[i] & 0xf0) == 0x40)
		rex = code[i++];
	if (i >= n)
		return FT_INSN_STEP;
	op = code[i];
	if (is_refused(op))
		return FT_INSN_REFUSED;
	if (op >= 0x50 && op <= 0x57)
		return !legacy && (!rex || rex == 0x41) ? FT_INSN_PUSH : FT_INSN_STEP;
	if (op == 0x90 && !rex && !rep)
		return opsize ? FT_INSN_NOPLIKE : FT_INSN_NOP;
	if (op == 0x0f)
		return two_byte(code, n, i, !legacy, rep);
	if (opsize)
		return FT_INSN_STEP; /* 16-bit branches differ between makers */
	if (op == 0xe9 || op == 0xeb || (op & 0xf0) == 0x70)
		return FT_INSN_JUMP;
	return op == 0xe8 ? FT_INSN_CALL : FT_INSN_STEP;
}

const char *ft_insn_name(enum ft_insn insn)
{
	switch (insn) {
	case FT_INSN_PUSH:
		return "push";
	case FT_INSN_NOP:
		return "nop";
	case FT_INSN_JUMP:
		return "jump";
	case FT_INSN_CALL:
		return "call";
	case FT_INSN_NOPLIKE:
		return "long nop";
	case FT_INSN_REFUSED:
		return "refused";
	case FT_INSN_STEP:
		break;
	}
	return "single-stepped";
}
