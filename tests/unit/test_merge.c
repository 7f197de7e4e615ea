/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of one stack out of three: what stands for what, limits, and any input at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/types.h>
#include <stdlib.h>
#include <string.h>

#include "capture/merge.h"

/*
 * A stack in letters, innermost first. Python: a letter is a frame, '|' an entry mark, '!' another
 * mark. Native: '.' plain, 'E' eval loop, 'C' calls one, 'P' passes
 * from one to the other, 'R' root, 'X' no code.
 */
struct input {
	struct ft_pyframe *py;
	__u8 *role;
	struct ft_merge m;
};

static void *grab(size_t n, size_t sz)
{
	void *p = calloc(n ? n : 1, sz);

	assert_non_null(p);
	return p;
}

/* Blocks of exactly the lengths, so that ASan sees a read too far. */
static void make_input(struct input *in, const char *py, const char *user, size_t kern_cnt)
{
	static const char roles[] = ".ERXCP";
	size_t i;

	memset(in, 0, sizeof(*in));
	in->m.py_cnt = strlen(py);
	in->m.user_cnt = strlen(user);
	in->m.kern_cnt = kern_cnt;
	in->m.native = *user != 0;
	in->py = grab(in->m.py_cnt, sizeof(*in->py));
	in->role = grab(in->m.user_cnt, 1);
	for (i = 0; i < in->m.py_cnt; i++) {
		in->py[i].at = (__u32)i;
		if (py[i] == '|')
			in->py[i].ident = FT_PM_ENTRY;
		else if (py[i] == '!')
			in->py[i].ident = FT_PM_TRUNCATED;
		else /* the number of the mark means nothing in a frame */
			in->py[i] = (struct ft_pyframe){.code = (__u64)py[i], .ident = FT_PM_ENTRY};
	}
	for (i = 0; i < in->m.user_cnt; i++)
		in->role[i] = (__u8)(strchr(roles, user[i]) - roles);
	in->m.py = in->py;
	in->m.role = in->role;
}

static void free_input(struct input *in)
{
	free(in->py);
	free(in->role);
}

/*
 * What comes out, in letters: kernel frames as 'k', Python's as they are, native ones as digits
 * (their index), the mark of the cut as '<' and the index of the frame it names, '-' for none.
 */
static void check(const char *py, const char *user, size_t kern_cnt, const char *want)
{
	struct ft_merged *out = grab(FT_MERGE_MAX, sizeof(*out));
	char got[3 * FT_MERGE_MAX] = "";
	size_t n, i, k = 0, kern = 0;
	struct input in;

	make_input(&in, py, user, kern_cnt);
	n = ft_merge(&in.m, out);
	assert_true(n <= FT_MERGE_MAX);
	for (i = 0; i < n; i++) {
		switch (out[i].part) {
		case FT_PART_KERN:
			assert_int_equal(out[i].idx, kern++);
			got[k++] = 'k';
			break;
		case FT_PART_PY:
			assert_true(out[i].idx < in.m.py_cnt);
			got[k++] = py[out[i].idx];
			break;
		case FT_PART_USER:
			assert_true(out[i].idx < 10);
			got[k++] = (char)('0' + out[i].idx);
			break;
		case FT_PART_UNSEEN:
			got[k++] = '?';
			break;
		default:
			assert_int_equal(out[i].part, FT_PART_CUT);
			got[k++] = '<';
			got[k++] = out[i].idx == FT_MERGE_NO_IDX ? '-' : (char)('0' + out[i].idx);
		}
	}
	got[k] = 0;
	assert_string_equal(got, want);
	free_input(&in);
	free(out);
}

static void test_layers(void **state)
{
	(void)state;
	check("", "", 0, "");
	check("", "", 3, "kkk");
	check("abc", "", 0, "abc");
	check("ab|cd|", "", 2, "kkabcd"); /* entry marks say nothing without native frames */
	check("ab!", "", 0, "ab!");	  /* other marks do */
	check("", "..R", 0, "012");
	check("", "..R", 2, "kk012");
	check("abc|", ".ECR", 0, "0abc23");
	/* C -> Python -> C -> Python -> C: each loop is its run */
	check("ab|cd|", "..EC..ECR", 1, "k01ab345cd78");
}

static void test_loops_and_runs(void **state)
{
	(void)state;
	/* more loops than runs: what has no run stays a native frame */
	check("ab|", "EE.E.R", 0, "ab12345");
	check("", "E.ER", 0, "0123");
	/* fewer: the rest is the callers' */
	check("ab|cd|ef|", "E.R", 0, "ab12?cdef");
	check("ab|cd", "R", 0, "0?abcd");
	/* a loop that has not put its frame up yet */
	check("|ab|", "E.E.R", 0, "1ab34");
	check("||", "E.E.R", 0, "134");
	/* the last run needs no mark */
	check("ab|cd", "E.ER", 0, "ab1cd3");
}

static void test_hidden_loops(void **state)
{
	(void)state;
	/* a leaf without frame pointer hid the loop: its caller stands for it, once, and is seen */
	check("ab|", ".CR", 0, "0ab12");
	check("ab|cd|", ".C.EC.R", 0, "0ab12cd456");
	check("ab|cd|", ".EC.CR", 0, "0ab23cd45");
	check("ab|", "CR", 0, "ab01");
	/* the loop is there: no second run for its caller */
	check("ab|cd|", "EC.R", 0, "ab123?cd");
	/* nor through a hook, as -X perf has one: two frames between the loop and its caller */
	check("ab|cd|", "EPPC.EPPCR", 0, "ab1234cd6789");
	check("ab|cd|", "EPPCCR", 0, "ab123cd45");
	/* a hook is no loop, and what stands between that is none does not pass */
	check("ab|cd|", ".PPCR", 0, "012ab34?cd");
	check("ab|cd|", "EP.PCR", 0, "ab123cd45");
	/* two in a row are two loops, both hidden */
	check("ab|cd|", "CCR", 0, "ab0cd12");
	/* no run left: nothing is invented */
	check("ab|", "ECC.CR", 0, "ab12345");
	check("", ".CR", 0, "012");
}

static void test_cuts(void **state)
{
	(void)state;
	check("ab|", "..", 0, "01<1ab");
	check("ab|cd|", ".E.", 2, "kk0ab2<2cd");
	check("", "..", 0, "01<1");
	/* what is no code is not shown, nor is anything further out */
	check("ab|", "..XER", 0, "01<1ab");
	check("ab|", "X.ER", 0, "<-ab");
	check("ab|cd|", "EX", 0, "ab<0cd");
	/* the root ends it, whatever the walk made of the rest */
	check("ab|", ".R.XE", 0, "01?ab");
	check("ab|", ".ER..", 0, "0ab2");
}

/* Frames that were not asked for, or did not come, leave no mark. */
static void test_not_native(void **state)
{
	struct ft_merged out[FT_MERGE_MAX];
	struct input in;

	(void)state;
	make_input(&in, "ab|", "..", 1);
	in.m.native = false;
	assert_int_equal(ft_merge(&in.m, out), 5);
	assert_int_equal(out[2].part, FT_PART_USER);
	assert_int_equal(out[3].part, FT_PART_PY);
	free_input(&in);
	/* asked for, and none came */
	make_input(&in, "ab|", "", 1);
	in.m.native = true;
	assert_int_equal(ft_merge(&in.m, out), 4);
	assert_int_equal(out[1].part, FT_PART_CUT);
	assert_int_equal(out[1].idx, FT_MERGE_NO_IDX);
	free_input(&in);
}

static __u64 rng = 88172645463325252ull;

static __u64 rnd(__u64 n)
{
	/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators" */
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return (rng * 0x2545f4914f6cdd1dull >> 11) % n;
}

/*
 * What is true of any input: all kernel frames first; Python frames that are no entry marks once
 * and in order; native ones in order, none missing but eval loops, none behind the end; at most one
 * mark of a cut, behind the last native frame.
 */
static void check_rules(const struct ft_merge *m, const struct ft_merged *out, size_t n)
{
	size_t i, k = 0, py = 0, user = 0, kern = 0, cuts = 0, unseen = 0, end = 0, loops = 0;
	bool whole = false;

	while (end < m->user_cnt && !whole && m->role[end] != FT_NR_BAD)
		whole = m->role[end++] == FT_NR_ROOT;
	for (i = 0; i < n; i++) {
		while (py < m->py_cnt && !m->py[py].code && m->py[py].ident == FT_PM_ENTRY)
			py++;
		switch (out[i].part) {
		case FT_PART_KERN:
			assert_int_equal(out[i].idx, kern++);
			assert_int_equal(i, out[i].idx);
			break;
		case FT_PART_PY:
			assert_true(py < m->py_cnt);
			assert_int_equal(out[i].idx, py++);
			break;
		case FT_PART_USER:
			assert_int_equal(cuts, 0);
			for (; user < out[i].idx; user++, loops++)
				assert_int_equal(m->role[user], FT_NR_EVAL);
			assert_int_equal(out[i].idx, user++);
			assert_true(user <= end);
			break;
		case FT_PART_UNSEEN:
			/* the native frames are whole, and Python ones are left */
			assert_true(m->native && whole && i + 1 < n);
			assert_int_equal(out[i + 1].part, FT_PART_PY);
			assert_int_equal(unseen++, 0);
			break;
		default:
			assert_int_equal(out[i].part, FT_PART_CUT);
			assert_int_equal(out[i].idx, end ? end - 1 : FT_MERGE_NO_IDX);
			cuts++;
		}
	}
	for (; py < m->py_cnt; py++)
		assert_true(!m->py[py].code && m->py[py].ident == FT_PM_ENTRY);
	for (; user < end; user++, loops++)
		assert_int_equal(m->role[user], FT_NR_EVAL);
	assert_int_equal(kern, m->kern_cnt);
	assert_int_equal(cuts, m->native && !whole);
	/* a loop that is not shown stands for a run, and there are so many of these */
	for (i = 0; i < m->py_cnt; i++)
		k += !m->py[i].code && m->py[i].ident == FT_PM_ENTRY;
	assert_true(loops <= k + 1);
}

static void test_random(void **state)
{
	static const char py_letters[] = "abcdefgh|||!", user_letters[] = "...........EEEECCCPPRX";
	char py[FT_PY_ELEMS + 1], user[FT_USER_DEPTH + 1];
	struct ft_merged *out;
	__u32 round;

	(void)state;
	for (round = 0; round < 100000; round++) {
		/* one in sixteen as long as they can be; roots are rare then */
		bool full = round % 16 == 0;
		size_t py_cnt = full ? FT_PY_ELEMS : rnd(20), i, n;
		size_t user_cnt = full ? FT_USER_DEPTH : rnd(20);
		size_t letters = sizeof(user_letters) - (full && round % 32 ? 3 : 1);
		struct input in;

		for (i = 0; i < py_cnt; i++)
			py[i] = py_letters[rnd(sizeof(py_letters) - 1)];
		py[py_cnt] = 0;
		for (i = 0; i < user_cnt; i++)
			user[i] = user_letters[rnd(letters)];
		user[user_cnt] = 0;
		make_input(&in, py, user, full ? FT_KERN_DEPTH : rnd(6));
		in.m.native = rnd(4) != 0;
		out = malloc(FT_MERGE_MAX * sizeof(*out));
		assert_non_null(out);
		n = ft_merge(&in.m, out);
		assert_true(n <= FT_MERGE_MAX);
		check_rules(&in.m, out, n);
		free(out);
		free_input(&in);
	}
}

/* Everything as long as it can be, and nothing stands for anything: the most that comes out. */
static void test_limits(void **state)
{
	char py[FT_PY_ELEMS + 1] = "", user[FT_USER_DEPTH + 1] = "";
	struct ft_merged *out = grab(FT_MERGE_MAX, sizeof(*out));
	struct input in;
	size_t n;

	(void)state;
	memset(py, 'a', FT_PY_ELEMS);
	memset(user, '.', FT_USER_DEPTH);
	make_input(&in, py, user, FT_KERN_DEPTH);
	n = ft_merge(&in.m, out);
	assert_int_equal(n, FT_PY_ELEMS + FT_USER_DEPTH + FT_KERN_DEPTH + 1);
	check_rules(&in.m, out, n);
	/* what is more than there can be is not looked at */
	in.m.kern_cnt = ~0ul;
	in.m.user_cnt = ~0ul;
	assert_int_equal(ft_merge(&in.m, out), n);
	free_input(&in);
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layers),	     cmocka_unit_test(test_loops_and_runs),
		cmocka_unit_test(test_hidden_loops), cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_not_native),   cmocka_unit_test(test_random),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}
