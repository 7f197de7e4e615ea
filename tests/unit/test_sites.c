/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of what a uprobe does with an instruction, and of probe sites in a process without any. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "python/sites.h"

struct insn_case {
	__u8 code[12];
	__u8 len;
	enum ft_insn insn;
};

static const struct insn_case cases[] = {
	{{0x55}, 1, FT_INSN_PUSH},			      /* push %rbp */
	{{0x41, 0x57}, 2, FT_INSN_PUSH},		      /* push %r15 */
	{{0x48, 0x55}, 2, FT_INSN_STEP},		      /* push with another REX */
	{{0x66, 0x55}, 2, FT_INSN_STEP},		      /* push %bp */
	{{0x90}, 1, FT_INSN_NOP},			      /* nop */
	{{0xf3, 0x90}, 2, FT_INSN_STEP},		      /* pause */
	{{0x66, 0x90}, 2, FT_INSN_NOPLIKE},		      /* two-byte nop */
	{{0x0f, 0x1f, 0x40, 0x00}, 4, FT_INSN_NOPLIKE},	      /* nopl */
	{{0xf3, 0x0f, 0x1e, 0xfa}, 4, FT_INSN_NOPLIKE},	      /* endbr64 */
	{{0xf3, 0x48, 0x0f, 0x1e, 0xc8}, 5, FT_INSN_STEP},    /* rdsspq %rax */
	{{0xe9, 1, 2, 3, 4}, 5, FT_INSN_JUMP},		      /* jmp rel32 */
	{{0xeb, 0xfe}, 2, FT_INSN_JUMP},		      /* jmp rel8 */
	{{0x74, 0x10}, 2, FT_INSN_JUMP},		      /* je rel8 */
	{{0x0f, 0x84, 1, 2, 3, 4}, 6, FT_INSN_JUMP},	      /* je rel32 */
	{{0x66, 0xe9, 1, 2}, 4, FT_INSN_STEP},		      /* jmpw: left alone */
	{{0xe8, 1, 2, 3, 4}, 5, FT_INSN_CALL},		      /* call rel32 */
	{{0xff, 0x25, 1, 2, 3, 4}, 6, FT_INSN_STEP},	      /* jmp *x(%rip): a PLT stub */
	{{0x48, 0x8b, 0x05, 1, 2, 3, 4}, 7, FT_INSN_STEP},    /* mov x(%rip),%rax */
	{{0xc3}, 1, FT_INSN_STEP},			      /* ret */
	{{0xcc}, 1, FT_INSN_REFUSED},			      /* int3 */
	{{0xf0, 0x0f, 0xb1, 0x17}, 4, FT_INSN_REFUSED},	      /* lock cmpxchg */
	{{0x2e, 0x0f, 0x1f, 0x00}, 4, FT_INSN_REFUSED},	      /* nop with a cs prefix */
	{{0x66, 0x2e, 0x0f, 0x1f, 0x00}, 5, FT_INSN_REFUSED}, /* cs after another prefix */
	{{0xf4}, 1, FT_INSN_REFUSED},			      /* hlt */
	{{0x0f, 0x0b}, 2, FT_INSN_REFUSED},		      /* ud2 */
	/* cut short: never emulated on a guess */
	{{0x0f}, 1, FT_INSN_STEP},
	{{0x41}, 1, FT_INSN_STEP},
	{{0x66}, 1, FT_INSN_STEP},
};

static void test_classify(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		__u8 *exact = malloc(cases[i].len); /* so that ASan sees a read too far */
		enum ft_insn insn;

		assert_non_null(exact);
		memcpy(exact, cases[i].code, cases[i].len);
		insn = ft_insn_classify(exact, cases[i].len);
		free(exact);
		if (insn != cases[i].insn)
			fail_msg("case %zu (%02x ...): %s, not %s", i, cases[i].code[0],
				 ft_insn_name(insn), ft_insn_name(cases[i].insn));
	}
	assert_int_equal(ft_insn_classify(cases[0].code, 0), FT_INSN_STEP);
}

/* This program has neither take_gil nor PyEval_AcquireLock. */
static void test_not_python(void **state)
{
	struct ft_runtime *rt = calloc(1, sizeof(*rt));
	struct ft_sites *sites = calloc(1, sizeof(*sites));
	char why[256] = "";

	(void)state;
	assert_non_null(rt);
	assert_non_null(sites);
	rt->pid = getpid();
	assert_int_equal(ft_sites_find(getpid() + 1, rt, sites, why, sizeof(why)), -EINVAL);
	assert_int_equal(ft_sites_find(getpid(), rt, sites, why, sizeof(why)), -ENOENT);
	strcpy(rt->elf.open, "/proc/self/exe");
	assert_int_equal(ft_sites_find(getpid(), rt, sites, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, "take_gil"));
	assert_false(sites->found[FT_SITE_TAKE]);
	assert_true(sites->missing[FT_SITE_TAKE][0]);
	free(sites);
	free(rt);
}

static void test_describe(void **state)
{
	struct ft_site *s = calloc(1, sizeof(*s));
	char buf[128];

	(void)state;
	assert_non_null(s);
	strcpy(s->path, "/a/py\033thon");
	strcpy(s->how, "take_gil: symbol table");
	s->offset = 0x1234;
	s->insn = FT_INSN_PUSH;
	assert_string_equal(ft_site_describe(s, buf, sizeof(buf)),
			    "take_gil: symbol table at /a/py?thon+0x1234 (push, about 1 us a hit)");
	s->insn = FT_INSN_STEP;
	assert_non_null(strstr(ft_site_describe(s, buf, sizeof(buf)), "12 us"));
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classify),
		cmocka_unit_test(test_not_python),
		cmocka_unit_test(test_describe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
