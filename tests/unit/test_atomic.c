// SPDX-License-Identifier: BSD-2-Clause
/*
 * The locked instruction before an instruction pointer: the assembler makes the instructions, so
 * that what is decoded is compared with what it was told.
 */
#include <linux/types.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ftprof_atomic.h"

/* Each between two labels, behind bytes that begin no locked instruction. */
#define CODE(n, insn)                                                                              \
	".skip 16, 0x90\n.globl at_" #n "\nat_" #n ":\n" insn "\n.globl end_" #n "\nend_" #n ":\n"

__asm__(".section .rodata\n"
	/* clang-format off */
	CODE(0, "lock cmpxchg %rcx, (%rdx)")
	CODE(1, "lock cmpxchg %rcx, (%r12)")
	CODE(2, "lock cmpxchg %rsi, 0x10(%rax)")
	CODE(3, "lock addq $4, 0x10(%rbx)")
	CODE(4, "lock addq $0x1234, 0x10(%r13)")
	CODE(5, "lock xadd %rax, 0x11223344(%r9)")
	CODE(6, "lock subq $4, 0x10(%rsp)")
	CODE(7, "lock cmpxchg %rdi, 8(%r8,%r15,4)")
	CODE(8, "lock cmpxchg %dl, (%rdi)")
	CODE(9, "lock cmpxchg %dl, 0x100(%rip)")
	CODE(10, "lock addq $4, 0x200(%rip)")
	CODE(11, "lock orl $1, 0x18(%rbp)")
	CODE(12, "lock decq -8(%r14)")
	CODE(13, "lock xadd %r11, 0x7f(,%rcx,8)")
	CODE(14, "lock addq %rax, 0x10(%rsi)")
	CODE(15, "addq $4, 0x10(%rbx)")
	CODE(16, "lock addq $4, 0x12345678(%r13,%r14,2)")
	/* clang-format on */
	".previous\n");

#define DECLARE(n) extern const __u8 at_##n[], end_##n[];
DECLARE(0)
DECLARE(1)
DECLARE(2)
DECLARE(3)
DECLARE(4)
DECLARE(5)
DECLARE(6)
DECLARE(7)
DECLARE(8)
DECLARE(9)
DECLARE(10)
DECLARE(11)
DECLARE(12)
DECLARE(13)
DECLARE(14)
DECLARE(15)
DECLARE(16)

enum { AX, CX, DX, BX, SP, BP, SI, DI, R8, R9, R10, R11, R12, R13, R14, R15, RIP, NO = 0xff };

static void check(const __u8 *at, const __u8 *end, __u8 base, __u8 index, __u8 shift, __s32 disp,
		  __u8 wide)
{
	struct ft_atomic a = {0};

	assert_true(end - at <= 12);
	assert_true(ft_atomic_before(end - FT_ATOMIC_BYTES, &a));
	assert_int_equal(a.base, base);
	assert_int_equal(a.index, index);
	assert_int_equal(a.shift, shift);
	assert_int_equal(a.disp, disp);
	assert_int_equal(a.wide, wide);
}

static void test_operands(void **state)
{
	struct ft_atomic a;

	(void)state;
	check(at_0, end_0, DX, NO, 0, 0, 1);
	check(at_1, end_1, R12, NO, 0, 0, 1);
	check(at_2, end_2, AX, NO, 0, 0x10, 1);
	check(at_3, end_3, BX, NO, 0, 0x10, 1);
	check(at_4, end_4, R13, NO, 0, 0x10, 1);
	check(at_5, end_5, R9, NO, 0, 0x11223344, 1);
	check(at_6, end_6, SP, NO, 0, 0x10, 1);
	check(at_7, end_7, R8, R15, 2, 8, 1);
	check(at_8, end_8, DI, NO, 0, 0, 0);
	check(at_9, end_9, RIP, NO, 0, 0x100, 0);
	check(at_10, end_10, RIP, NO, 0, 0x200, 1);
	check(at_11, end_11, BP, NO, 0, 0x18, 0);
	check(at_12, end_12, R14, NO, 0, -8, 1);
	check(at_13, end_13, NO, CX, 3, 0x7f, 1);
	check(at_14, end_14, SI, NO, 0, 0x10, 1);
	check(at_16, end_16, R13, R14, 1, 0x12345678, 1);
	assert_false(ft_atomic_before(end_15 - FT_ATOMIC_BYTES, &a));
}

/* In the middle of one, and behind the instruction after it, there is none. */
static void test_only_right_behind(void **state)
{
	struct ft_atomic a;
	const __u8 *p;

	(void)state;
	for (p = at_2 + 1; p < end_2; p++)
		assert_false(ft_atomic_before(p - FT_ATOMIC_BYTES, &a));
	for (p = end_2 + 1; p < end_2 + 4; p++)
		assert_false(ft_atomic_before(p - FT_ATOMIC_BYTES, &a));
}

/* Any bytes: registers stay in range, and nothing without a lock prefix is taken for one. */
static void test_random(void **state)
{
	__u8 code[FT_ATOMIC_BYTES];
	struct ft_atomic a;
	int i, j, found = 0;

	(void)state;
	srandom(1);
	for (i = 0; i < 2000000; i++) {
		for (j = 0; j < FT_ATOMIC_BYTES; j++)
			code[j] = (__u8)random();
		code[random() % FT_ATOMIC_BYTES] = 0xf0;
		memset(&a, 0, sizeof(a));
		if (!ft_atomic_before(code, &a))
			continue;
		found++;
		assert_true(a.base <= RIP || a.base == FT_REG_NONE);
		assert_true(a.index < 16 || a.index == FT_REG_NONE);
		assert_true(a.shift < 4);
	}
	assert_true(found > 1000);
	for (i = 0; i < 200000; i++) {
		for (j = 0; j < FT_ATOMIC_BYTES; j++) {
			code[j] = (__u8)random();
			if (code[j] == 0xf0)
				code[j] = 0xf1;
		}
		assert_false(ft_atomic_before(code, &a));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_operands),
		cmocka_unit_test(test_only_right_behind),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
