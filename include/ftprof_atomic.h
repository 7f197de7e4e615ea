/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * x86-64 instructions with a lock prefix, as they stand before an instruction pointer; pure: bytes
 * in, operand out. A timer's interrupt that comes while a core waits for a cache line is taken
 * right behind the instruction that wanted it.
 */
#ifndef FTPROF_ATOMIC_H
#define FTPROF_ATOMIC_H

#include "ftprof_abi.h"

#ifndef ft_inline
#define ft_inline static inline __attribute__((always_inline))
#endif

#define FT_ATOMIC_BYTES 16 /* that are looked at; a power of two */
#define FT_ATOMIC_RIP 16   /* ft_atomic.base: relative to the next instruction */

/* The operand is base + index * 2^shift + disp, each register by its number or FT_REG_NONE. */
struct ft_atomic {
	__s32 disp;
	__u8 base;
	__u8 index;
	__u8 shift;
	__u8 wide; /* eight bytes are changed */
};

#define FT_AT_BYTE(code, i) ((code)[(i) & (FT_ATOMIC_BYTES - 1)])

ft_inline __s32 ft_atomic_disp32(const __u8 *code, __u32 i)
{
	return (__s32)(FT_AT_BYTE(code, i) | FT_AT_BYTE(code, i + 1) << 8 |
		       FT_AT_BYTE(code, i + 2) << 16 | (__u32)FT_AT_BYTE(code, i + 3) << 24);
}

/* Bytes of immediate behind the operand of an opcode that may be locked; -1: none of them. */
ft_inline int ft_atomic_imm(__u32 two, __u8 op)
{
	if (two) /* 0f: cmpxchg, xadd */
		return op == 0xb0 || op == 0xb1 || op == 0xc0 || op == 0xc1 ? 0 : -1;
	if (op == 0x80 || op == 0x83)
		return 1; /* add, or, and, sub, xor with a byte */
	if (op == 0x81)
		return 4;
	if (op == 0xfe || op == 0xff) /* inc, dec */
		return 0;
	/* add, or, and, sub, xor with a register */
	return op <= 0x31 && (op & 7) <= 1 ? 0 : -1;
}

/*
 * Decodes the instruction that begins at code[i] with a lock prefix; the index behind it, 0: none
 * that is known. (Intel's manual, volume 2, chapter 2: instruction format.)
 */
ft_inline __u32 ft_atomic_decode(const __u8 *code, __u32 i, struct ft_atomic *a)
{
	__u8 rex = 0, op, modrm, sib, mod, rm;
	__u32 two = 0;
	int imm;

	if (FT_AT_BYTE(code, i) != 0xf0)
		return 0;
	i++;
	if ((FT_AT_BYTE(code, i) & 0xf0) == 0x40)
		rex = FT_AT_BYTE(code, i), i++;
	op = FT_AT_BYTE(code, i);
	i++;
	if (op == 0x0f) {
		two = 1;
		op = FT_AT_BYTE(code, i);
		i++;
	}
	imm = ft_atomic_imm(two, op);
	if (imm < 0)
		return 0;
	modrm = FT_AT_BYTE(code, i);
	i++;
	mod = modrm >> 6;
	rm = modrm & 7;
	if (mod == 3)
		return 0; /* no memory */
	a->wide = (rex & 8) && (op & 1);
	a->base = rm | (rex & 1) << 3;
	a->index = FT_REG_NONE;
	a->shift = 0;
	a->disp = 0;
	if (rm == 4) {
		sib = FT_AT_BYTE(code, i);
		i++;
		a->base = (sib & 7) | (rex & 1) << 3;
		a->index = (sib >> 3 & 7) | (rex & 2) << 2;
		a->shift = sib >> 6;
		if (a->index == 4)
			a->index = FT_REG_NONE;
		if ((sib & 7) == 5 && !mod) {
			a->base = FT_REG_NONE;
			mod = 2;
		}
	} else if (rm == 5 && !mod) {
		a->base = FT_ATOMIC_RIP;
		mod = 2;
	}
	if (mod == 1) {
		a->disp = (__s8)FT_AT_BYTE(code, i);
		i++;
	} else if (mod == 2) {
		a->disp = ft_atomic_disp32(code, i);
		i += 4;
	}
	return i + (__u32)imm;
}

/*
 * Where a locked instruction that ends at FT_ATOMIC_BYTES may begin: lock, opcode and operand are
 * three bytes at least; lock, rex, two of opcode, modrm, sib, disp32 and a byte are eleven.
 */
#define FT_ATOMIC_FIRST (FT_ATOMIC_BYTES - 3)
#define FT_ATOMIC_LAST (FT_ATOMIC_BYTES - 12)

/*
 * The locked instruction that ends at the end of code[FT_ATOMIC_BYTES], the bytes before an
 * instruction pointer. 1 and *a, or 0.
 */
ft_inline int ft_atomic_before(const __u8 *code, struct ft_atomic *a)
{
	__u32 i;

	/* from lock, opcode and operand on to lock, rex, opcode, operand with sib and disp32, imm8
	 */
	for (i = FT_ATOMIC_BYTES - 3; i >= FT_ATOMIC_BYTES - 12; i--)
		if (ft_atomic_decode(code, i, a) == FT_ATOMIC_BYTES)
			return 1;
	return 0;
}

#endif
