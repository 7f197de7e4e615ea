/* SPDX-License-Identifier: BSD-2-Clause */
/* LDFLAGS: -Wl,--wrap=ft_probe_weights,--wrap=ft_probe_gil_wait,--wrap=ft_code_read */
/* LDFLAGS: -Wl,--wrap=ft_probe_slots,--wrap=ft_probe_program */
/* LDFLAGS: -Wl,--wrap=ft_symbols_new,--wrap=ft_symbols_user,--wrap=ft_symbols_kernel */
/* LDFLAGS: -Wl,--wrap=ft_symbols_free,--wrap=ft_runtime_target,--wrap=strdup */
/* LDFLAGS: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* Tests of the way from addresses to named frames, on records and weights that stand in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/sleepers.h"
#include "capture/stacks.h"
#include "os/symbols.h"
#include "python/code.h"
#include "record/stacks_codec.h"
#include "stacker_fake.h"

static void check_stack(const struct ft_stacker *s, __u64 id, const char *want)
{
	char got[4096] = "";
	struct ft_stacks v;
	size_t n = 0;
	__u32 node;

	assert_int_equal(ft_stacker_node(s, id, &node), 0);
	ft_stacker_view(s, &v);
	for (; node != FT_NO_STACK; node = v.node[node].parent) {
		const struct ft_frame *f;

		assert_true(node < v.node_cnt);
		f = &v.frame[v.node[node].frame];
		n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%c%s:%s:%u:%u", n ? " < " : "",
				      "PNKM"[f->kind], f -> name, f -> file, f -> line,
				      f -> first_line);
		assert_true(n < sizeof(got));
		assert_true(v.node[node].parent == FT_NO_STACK || v.node[node].parent < node);
	}
	assert_string_equal(got, want);
}

/* Everything that a session takes: valid strings, known kinds, indices in range. */
static void check_view(const struct ft_stacker *s)
{
	struct ft_stacks v;
	size_t i;

	ft_stacker_view(s, &v);
	for (i = 0; i < v.frame_cnt; i++) {
		assert_true(*v.frame[i].name);
		assert_true(ft_stacks_string_ok(v.frame[i].name, strlen(v.frame[i].name)));
		assert_true(ft_stacks_string_ok(v.frame[i].file, strlen(v.frame[i].file)));
		assert_true(v.frame[i].kind < FT_FK_CNT && v.frame[i].error <= 1);
	}
	for (i = 0; i < v.node_cnt; i++) {
		assert_true(v.node[i].frame < v.frame_cnt);
		assert_true(v.node[i].parent == FT_NO_STACK || v.node[i].parent < i);
	}
	for (i = 0; i < v.weight_cnt; i++)
		assert_true(v.weight[i].stack == FT_NO_STACK || v.weight[i].stack < v.node_cnt);
}

/* Code records. */

static void test_code(void **state)
{
	struct ft_stacker *s = make(false, false);

	(void)state;
	say_code(s, 0x1000, "f", "x.py");
	say_code(s, 0x2000, "g", "y.py");
	say_stack(s, 7, (const __u64[]){0x1000, 0x2000}, 2);
	check_stack(s, 7, "Pf:x.py:11:10 < Pg:y.py:11:10");
	/* described twice: the first counts; nothing was read from the process */
	say_code(s, 0x1000, "other", "z.py");
	say_stack(s, 8, (const __u64[]){0x1000}, 1);
	check_stack(s, 8, "Pf:x.py:11:10");
	assert_int_equal(fake.reads, 0);
	/* a stack, too */
	say_stack(s, 7, (const __u64[]){0x2000}, 1);
	check_stack(s, 7, "Pf:x.py:11:10 < Pg:y.py:11:10");
	check_view(s);
	assert_int_equal(totals(s).stacks_distinct, 2);
	assert_int_equal(totals(s).stacks_unnamed, 0);
	ft_stacker_free(s);
	ft_stacker_free(NULL);
}

/* A code object that a stack names before its record came: read, or given up until it comes. */
static void test_code_late(void **state)
{
	struct ft_stacker *s = make(false, false);

	(void)state;
	target(s);
	fake.code = (struct fake_code){.name = "read", .file = "r.py", .firstlineno = 3};
	say_stack(s, 1, (const __u64[]){0x1000}, 1);
	check_stack(s, 1, "Pread:r.py:0:3");
	assert_int_equal(fake.reads, 1);
	say_code(s, 0x1000, "late", "x.py");
	say_stack(s, 2, (const __u64[]){0x1000, 0x1000}, 2);
	check_stack(s, 2, "Pread:r.py:0:3 < Pread:r.py:0:3");
	assert_int_equal(fake.reads, 1);
	/* gone, and then described after all */
	fake.read_err = -ESTALE;
	say_stack(s, 3, (const __u64[]){0x2000}, 1);
	check_stack(s, 3, "M[code object gone]::0:0");
	say_stack(s, 4, (const __u64[]){0x2000, 0x1000}, 2);
	assert_int_equal(fake.reads, 2);
	say_code(s, 0x2000, "late", "x.py");
	say_stack(s, 5, (const __u64[]){0x2000}, 1);
	check_stack(s, 5, "Plate:x.py:11:10");
	check_stack(s, 3, "M[code object gone]::0:0");
	assert_int_equal(totals(s).stacks_unnamed, 1);
	/* the same address with another identity, and of another target, is another object */
	say_stack_of(s, 6, (struct ft_pyframe){0x2000, IDENT + 1, 0}, 0);
	check_stack(s, 6, "M[code object gone]::0:0");
	say_stack_of(s, 9, (struct ft_pyframe){0x2000, IDENT, 0}, 1);
	check_stack(s, 9, "M[code object gone]::0:0");
	assert_int_equal(totals(s).stacks_unnamed, 3);
	check_view(s);
	ft_stacker_free(s);
}

struct codes {
	__u64 sum;
	int cnt, stop_after;
};

static int on_code(void *ctx, __u64 code, __u32 ident)
{
	struct codes *c = ctx;

	assert_int_equal(ident, IDENT);
	c->sum += code;
	return ++c->cnt == c->stop_after ? 7 : 0;
}

/* The same address in the program that an exec() put in the place of the first. */
static void test_next_program(void **state)
{
	struct ft_stacker *s = make(false, false);
	struct codes all = {0}, one = {.stop_after = 1};
	struct record r;
	__u16 no;

	(void)state;
	for (no = 0; no < 2; no++) {
		begin_code(&r, 0x1000, 1, 0, 0);
		code_of(&r)->h.slot = no;
		*lists_of_code(&r) = no ? 'g' : 'f';
		assert_int_equal(put(s, &r), 0);
	}
	for (no = 0; no < 2; no++) {
		begin_stack(&r, 1 + no, 1, 0, 0);
		stack_of(&r)->h.slot = no;
		((struct ft_pyframe *)(r.bytes + sizeof(struct ft_ev_stack)))->code = 0x1000;
		assert_int_equal(put(s, &r), 0);
	}
	check_stack(s, 1, "Pf::0:10");
	check_stack(s, 2, "Pg::0:10");
	/* only those of the present program */
	fake.program = 1;
	begin_code(&r, 0x2000, 1, 0, 0);
	code_of(&r)->h.slot = 1;
	assert_int_equal(put(s, &r), 0);
	assert_int_equal(ft_stacker_each_code(s, on_code, &all), 0);
	assert_int_equal(all.cnt, 2);
	assert_int_equal(all.sum, 0x3000);
	assert_int_equal(ft_stacker_each_code(s, on_code, &one), 7);
	assert_int_equal(one.cnt, 1);
	fake.program = 0;
	assert_int_equal(ft_stacker_each_code(s, on_code, &all), 0);
	assert_int_equal(all.sum, 0x4000);
	ft_stacker_free(s);
}

/* Code objects without end, each with one shared line table: they are no longer read at some time.
 */
static void test_code_budget(void **state)
{
	struct ft_stacker *s = make(false, false);
	struct record r;
	__u64 i;

	(void)state;
	target(s);
	fake.code = (struct fake_code){.name = "read", .firstlineno = 3, .lines_len = 4 << 20};
	for (i = 0; i < 40; i++) {
		begin_code(&r, 0x1000 + i * 0x100, 1, 1, 4);
		memcpy(lists_of_code(&r), "nf", 2);
		code_of(&r)->lines_whole = 0x7ffffffe;
		assert_int_equal(put(s, &r), 0);
	}
	assert_int_equal(fake.reads, 16);
	say_stack(s, 1, (const __u64[]){0x1000, 0x1000 + 39 * 0x100}, 2);
	check_stack(s, 1, "Pread::0:3 < M[too many code objects]::0:0");
	assert_int_equal(fake.reads, 16);
	assert_int_equal(totals(s).stacks_unnamed, 1);
	ft_stacker_free(s);
}

/* One code record, its name as it comes out. */
static void check_name(const void *bytes, size_t len, __u8 kind, __u32 chars, const char *want)
{
	struct ft_stacker *s = make(false, false);
	struct record r;
	char stack[6000];

	begin_code(&r, 0x1000, len, 0, 2);
	code_of(&r)->name_kind = kind;
	code_of(&r)->name_chars = chars;
	memcpy(lists_of_code(&r), bytes, len);
	memcpy(lists_of_code(&r) + len, "\x81\x00", 2); /* two units on the first line */
	assert_int_equal(put(s, &r), 0);
	say_stack(s, 1, (const __u64[]){0x1000}, 1);
	snprintf(stack, sizeof(stack), "P%s::10:10", want);
	check_stack(s, 1, stack);
	check_view(s);
	ft_stacker_free(s);
}

static void test_strings(void **state)
{
	static const __u16 two[] = {0x20ac, 'a', 0xd800, 0};
	static const __u32 four[] = {0x1f40d, 'a', 0x110000};

	(void)state;
	check_name("abc", 3, 1, 3, "abc");
	check_name("\xe9\x01", 2, 1, 2, "\u00e9\x01");
	check_name("abc", 3, 1, 400, "abc...");
	check_name(two, 8, 2, 4,
		   "\u20ac"
		   "a\\ud800\\x00");
	check_name(two, 7, 2, 4,
		   "\u20ac"
		   "a\\ud800...");
	check_name(four, 12, 4, 3,
		   "\U0001f40d"
		   "a\\U00110000");
	check_name(four, 11, 4, 3,
		   "\U0001f40d"
		   "a...");
	/* more bytes than characters */
	check_name("abcdef", 6, 1, 3, "abc");
	/* none, and kinds that there are not */
	check_name("", 0, 1, 0, "?");
	check_name("", 0, 1, 9, "...");
	check_name("abc", 3, 0, 3, "[name unreadable]");
	check_name("abc", 3, 3, 1, "[name unreadable]");
	check_name("abc", 3, 255, 1, "[name unreadable]");
}

/* What was cut is read whole, once, while it is there. */
static void test_cut_strings(void **state)
{
	struct ft_stacker *s = make(false, false);
	struct record r;

	(void)state;
	target(s);
	fake.code = (struct fake_code){.name = "whole", .file = "w.py", .firstlineno = 3};
	begin_code(&r, 0x1000, 3, 4, 0);
	code_of(&r)->name_chars = 4;
	memcpy(lists_of_code(&r), "abcx.py", 7);
	assert_int_equal(put(s, &r), 0);
	assert_int_equal(put(s, &r), 0);
	assert_int_equal(fake.reads, 1);
	say_stack(s, 1, (const __u64[]){0x1000}, 1);
	check_stack(s, 1, "Pwhole:w.py:0:3");
	code_of(&r)->code = 0x2000; /* so is a cut line table */
	code_of(&r)->name_chars = 3;
	code_of(&r)->lines_whole = 1;
	assert_int_equal(put(s, &r), 0);
	assert_int_equal(fake.reads, 2);
	code_of(&r)->code = 0x3000; /* nothing is cut */
	code_of(&r)->lines_whole = 0;
	assert_int_equal(put(s, &r), 0);
	assert_int_equal(fake.reads, 2);
	fake.read_err = -ESTALE; /* gone: what there is must do */
	code_of(&r)->code = 0x4000;
	code_of(&r)->file_chars = 40;
	assert_int_equal(put(s, &r), 0);
	assert_int_equal(fake.reads, 3);
	say_stack(s, 2, (const __u64[]){0x4000, 0x3000, 0x2000}, 3);
	check_stack(s, 2, "Pabc:x.py...:0:10 < Pabc:x.py:0:10 < Pwhole:w.py:0:3");
	ft_stacker_free(s);
}

/* Records that are too short, too long, or whose counts lie. */
static void test_lying(void **state)
{
	static const __u16 values[] = {0,   1,	 2,	 3,	 4,	 63,	64,
				       65,  126, 127,	 128,	 160,	 161,	162,
				       255, 256, 0x7fff, 0x8000, 0xfffe, 0xffff};
	struct ft_stacker *s = make(true, true);
	struct record r, good;
	size_t i, len;

	(void)state;
	begin_stack(&good, 5, 2, 3, 4);
	for (len = 0; len < sizeof(good.bytes); len += 1 + len / 400) {
		r = good;
		r.len = len;
		assert_int_equal(put(s, &r), len == good.len ? 0 : -EBADMSG);
	}
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		r = good;
		stack_of(&r)->py_cnt = values[i];
		assert_int_equal(put(s, &r), values[i] == 2 ? 0 : -EBADMSG);
		r = good;
		stack_of(&r)->user_cnt = values[i];
		assert_int_equal(put(s, &r), values[i] == 3 ? 0 : -EBADMSG);
		r = good;
		stack_of(&r)->kern_cnt = values[i];
		assert_int_equal(put(s, &r), values[i] == 4 ? 0 : -EBADMSG);
		r = good;
		stack_of(&r)->target = values[i];
		assert_int_equal(put(s, &r), values[i] < FT_MAX_TARGETS ? 0 : -EBADMSG);
		/* a length that agrees does not make too many frames good */
		begin_stack(&r, 100 + i, values[i] % 200, 0, 0);
		assert_int_equal(put(s, &r), values[i] % 200 <= FT_PY_ELEMS ? 0 : -EBADMSG);
		begin_stack(&r, 200 + i, 0, values[i] % 200, 0);
		assert_int_equal(put(s, &r), values[i] % 200 <= FT_USER_DEPTH ? 0 : -EBADMSG);
		begin_stack(&r, 300 + i, 0, 0, values[i] % 200);
		assert_int_equal(put(s, &r), values[i] % 200 <= FT_KERN_DEPTH ? 0 : -EBADMSG);
	}
	begin_code(&good, 0x1000, 5, 6, 7);
	for (len = 0; len < sizeof(good.bytes); len += 1 + len / 400) {
		r = good;
		r.len = len;
		assert_int_equal(put(s, &r), len == good.len ? 0 : -EBADMSG);
	}
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		r = good;
		code_of(&r)->name_len = values[i];
		assert_int_equal(put(s, &r), values[i] == 5 ? 0 : -EBADMSG);
		r = good;
		code_of(&r)->file_len = values[i];
		assert_int_equal(put(s, &r), values[i] == 6 ? 0 : -EBADMSG);
		r = good;
		code_of(&r)->lines_len = values[i];
		assert_int_equal(put(s, &r), values[i] == 7 ? 0 : -EBADMSG);
		r = good;
		code_of(&r)->target = values[i];
		assert_int_equal(put(s, &r), values[i] < FT_MAX_TARGETS ? 0 : -EBADMSG);
		r = good;
		stack_of(&r)->h.type = values[i];
		if (values[i] != FT_EV_CODE && values[i] != FT_EV_STACK)
			assert_int_equal(put(s, &r), -EBADMSG);
	}
	check_view(s);
	ft_stacker_free(s);
}

/* Native frames. */

static void test_native(void **state)
{
	struct ft_stacker *s = make(true, true);
	struct record r;

	(void)state;
	target(s);
	say_code(s, CODE(0), "f", "x.py");
	say_code(s, CODE(1), "g", "x.py");
	fake.sym[1] = (struct ft_symbol){.name = "leaf", .file = "/l/libx.so"};
	fake.sym[2] = (struct ft_symbol){.name = "_PyEval", .file = "/l/py", .eval = true};
	fake.sym[3] = (struct ft_symbol){
		.name = "_start", .file = "/l/py", .source = "s.c", .line = 9, .root = true};
	fake.sym[64] = (struct ft_symbol){.name = "bpf_prog_1", .file = "[kernel]"};
	fake.sym[65] = (struct ft_symbol){.name = "__schedule", .file = "[kernel]"};
	fake.sym[66] = (struct ft_symbol){.name = "do_futex", .file = "[kernel]"};
	begin_stack(&r, 5, 1, 3, 3);
	assert_int_equal(put(s, &r), 0);
	/* what belongs to the tracepoint is not shown */
	check_stack(s, 5,
		    "Kdo_futex:[kernel]:0:0 < Nleaf:/l/libx.so:0:0 < Pf:x.py:11:10 < "
		    "N_start:s.c:9:0");
	/* nothing is left of the kernel's */
	begin_stack(&r, 6, 1, 0, 2);
	assert_int_equal(put(s, &r), 0);
	check_stack(s, 6, "Pf:x.py:11:10");
	begin_stack(&r, 7, 0, 0, 1);
	assert_int_equal(put(s, &r), 0);
	check_stack(s, 7, "M[no Python frames]::0:0");
	/* addresses may not be seen: frames without names, said once */
	fake.kernel_err = -EPERM;
	begin_stack(&r, 8, 0, 0, 2);
	assert_int_equal(put(s, &r), 0);
	check_stack(s, 8, "K[unknown]::0:0 < K[unknown]::0:0");
	fake.kernel_err = -ENOMEM;
	begin_stack(&r, 9, 0, 0, 2);
	assert_int_equal(put(s, &r), -ENOMEM);
	check_view(s);
	ft_stacker_free(s);
}

/* Where the walk ends too early the library is named; a file's name is any bytes. */
static void test_native_cut(void **state)
{
	struct ft_stacker *s = make(true, false);
	char cuts[64], cat[] = "/l/..............................lib.so";
	struct record r;
	int i;

	(void)state;
	target(s);
	say_code(s, CODE(0), "f", "x.py");
	ft_stacker_cuts(s, cuts, sizeof(cuts));
	assert_string_equal(cuts, "");
	fake.sym[1] = (struct ft_symbol){.file = "/l/liba.so", .offset = 0x10};
	begin_stack(&r, 1, 1, 1, 0);
	assert_int_equal(put(s, &r), 0);
	check_stack(s, 1,
		    "Nliba.so+0x10:/l/liba.so:0:0 < "
		    "M[native frames end: no frame pointers in liba.so]::0:0 < Pf:x.py:11:10");
	/* memory without a file has no name to tell */
	fake.sym[1] = (struct ft_symbol){.name = "jit"};
	begin_stack(&r, 2, 1, 1, 0);
	assert_int_equal(put(s, &r), 0);
	check_stack(s, 2,
		    "Njit::0:0 < M[native frames end: no frame pointers]::0:0 < "
		    "Pf:x.py:11:10");
	/* no UTF-8, and what would be two lines of the head */
	fake.sym[1] = (struct ft_symbol){.file = "/l\xff/lib\xff\nb.so", .offset = 0x20};
	begin_stack(&r, 3, 1, 1, 0);
	assert_int_equal(put(s, &r), 0);
	check_stack(s, 3,
		    "Nlib??b.so+0x20:/l?/lib??b.so:0:0 < "
		    "M[native frames end: no frame pointers in lib??b.so]::0:0 < Pf:x.py:11:10");
	check_view(s);
	ft_stacker_cuts(s, cuts, sizeof(cuts));
	assert_string_equal(cuts, "liba.so\nlib??b.so");
	/* whole names only, each once, and not without end */
	for (i = 0; i < 60; i++) {
		cat[10] = (char)('0' + i % 30);
		fake.sym[1].file = cat;
		begin_stack(&r, 100 + (__u64)i, 1, 1, 0);
		assert_int_equal(put(s, &r), 0);
	}
	ft_stacker_cuts(s, cuts, sizeof(cuts));
	assert_string_equal(cuts, "liba.so\nlib??b.so\n.......0......................lib.so");
	ft_stacker_cuts(s, cuts, 17);
	assert_string_equal(cuts, "liba.so");
	ft_stacker_cuts(s, cuts, 1);
	assert_string_equal(cuts, "");
	ft_stacker_free(s);
}

/* A name cut in the middle of a character would be refused by the session, with all its stacks. */
static void test_native_long(void **state)
{
	struct ft_stacker *s = make(true, false);
	char file[600] = "/l/";
	struct record r;
	size_t i, k;

	(void)state;
	target(s);
	for (i = 60; i < 240; i++) {
		memset(file + 3, 'a', i);
		for (k = 3 + i; k + 3 < sizeof(file); k += 2)
			memcpy(file + k, "\u00e9", 3);
		fake.sym[1] = (struct ft_symbol){.file = file};
		begin_stack(&r, i, 0, 1, 0);
		assert_int_equal(put(s, &r), 0);
	}
	check_view(s);
	ft_stacker_free(s);
}

/* Weights. */

static void check_weight(const struct ft_stacker *s, __u64 id, __u8 kind, __u64 ns, __u64 cnt)
{
	struct ft_stacks v;
	__u64 got_ns = 0, got_cnt = 0;
	__u32 node;
	size_t i;

	ft_stacker_node(s, id, &node);
	ft_stacker_view(s, &v);
	for (i = 0; i < v.weight_cnt; i++) {
		if (v.weight[i].stack != node || v.weight[i].kind != kind)
			continue;
		got_ns += v.weight[i].ns;
		got_cnt += v.weight[i].cnt;
		assert_int_equal(v.weight[i].raw_ns, v.weight[i].ns / 2);
	}
	assert_int_equal(got_ns, ns);
	assert_int_equal(got_cnt, cnt);
}

static void test_weights(void **state)
{
	struct ft_stacker *s = make(false, false);
	__u32 i;

	(void)state;
	say_code(s, 0x1000, "f", "x.py");
	say_stack(s, 7, (const __u64[]){0x1000}, 1);
	fake_weight(7, FT_ST_SYNC_WAIT, 100, 1);
	fake_weight(8, FT_ST_SYNC_WAIT, 50, 1); /* not described */
	fake_weight(0, FT_SK_ON, 20, 2);
	fake_weight(0, FT_SK_ON + 1, 0, 0); /* a place that is kept free */
	fake_weight(7, FT_SK_CNT, 1000, 1); /* no such kind */
	fake_weight(7, 255, 1000, 1);
	for (i = 0; i < 3; i++) { /* read again and again: the same */
		assert_int_equal(ft_stacker_weights(s, false), 0);
		check_weight(s, 7, FT_ST_SYNC_WAIT, 100, 1);
		check_weight(s, 0, FT_ST_SYNC_WAIT, 50, 1);
		check_weight(s, 0, FT_SK_ON, 20, 2);
		assert_int_equal(totals(s).stacks_undescribed, 1);
		assert_int_equal(fake.takes, 0);
	}
	/* described by now: the time goes to where it belongs */
	say_stack(s, 8, (const __u64[]){0x1000, 0x1000}, 2);
	fake_weight(7, FT_ST_SYNC_WAIT, 10, 1);
	assert_int_equal(ft_stacker_weights(s, false), 0);
	check_weight(s, 7, FT_ST_SYNC_WAIT, 110, 2);
	check_weight(s, 8, FT_ST_SYNC_WAIT, 50, 1);
	check_weight(s, 0, FT_ST_SYNC_WAIT, 0, 0);
	assert_int_equal(totals(s).stacks_undescribed, 0);
	/* the end takes them out; an error is told */
	assert_int_equal(ft_stacker_weights(s, true), 0);
	assert_int_equal(fake.takes, 1);
	check_weight(s, 7, FT_ST_SYNC_WAIT, 110, 2);
	check_view(s);
	fake.weights_err = -EBADF;
	assert_int_equal(ft_stacker_weights(s, false), -EBADF);
	assert_int_equal(ft_stacker_weights(s, true), -EBADF);
	ft_stacker_free(s);
}

/* A table that fills up is emptied into ours; what comes after is on top of it. */
static void test_weights_taken(void **state)
{
	struct ft_stacker *s = make(false, false);
	__u64 round, i;

	(void)state;
	say_code(s, 0x1000, "f", "x.py");
	say_stack(s, 7, (const __u64[]){0x1000}, 1);
	for (round = 1; round <= 3; round++) {
		for (i = 0; i < 40000; i++)
			fake_weight_arg(7, FT_ST_BLOCKED, (__u32)i, 4, 1);
		fake_weight(99, FT_ST_RUNQ, 6, 1); /* described by nobody */
		assert_int_equal(ft_stacker_weights(s, false), 0);
		assert_int_equal(fake.takes, round);
		assert_int_equal(fake.weight_cnt, 0);
		check_weight(s, 7, FT_ST_BLOCKED, round * 160000, round * 40000);
		check_weight(s, 0, FT_ST_RUNQ, round * 6, round);
		assert_int_equal(totals(s).stacks_undescribed, round);
		/* few: they stay where they are, and are not added twice */
		fake_weight_arg(7, FT_ST_BLOCKED, 3, 8, 1);
		for (i = 0; i < 3; i++) {
			assert_int_equal(ft_stacker_weights(s, false), 0);
			check_weight(s, 7, FT_ST_BLOCKED, round * 160000 + 8, round * 40000 + 1);
			assert_int_equal(totals(s).stacks_undescribed, round);
		}
		fake.weight_cnt = 0; /* as if it had not been */
	}
	assert_int_equal(ft_stacker_weights(s, true), 0);
	check_weight(s, 7, FT_ST_BLOCKED, 480000, 120000);
	check_weight(s, 0, FT_ST_RUNQ, 18, 3);
	assert_int_equal(totals(s).stacks_undescribed, 3);
	ft_stacker_free(s);
}

/* Intervals that are open at the end. */
static void test_open(void **state)
{
	static struct ft_thread_rec b[6], a[6];
	struct ft_stacker *s = make(false, false);
	struct ft_sleepers *sl;
	struct ft_stacks v;

	(void)state;
	say_code(s, 0x1000, "f", "x.py");
	say_stack(s, 7, (const __u64[]){0x1000}, 1);
	/* walked, one in three; woken, and on its way to a core */
	b[0].t = (struct ft_thread){.stack = 7, .stack_n = 3, .state = FT_ST_BLOCKED, .arg = 232};
	b[0].t.state_ns[FT_ST_BLOCKED] = 1000;
	a[0].t = b[0].t;
	a[0].t.state_ns[FT_ST_BLOCKED] = 1100;
	a[0].t.state_ns[FT_ST_RUNQ] = 10;
	/* not walked */
	b[1].t = (struct ft_thread){.state = FT_ST_SYNC_WAIT};
	a[1].t = b[1].t;
	a[1].t.state_ns[FT_ST_SYNC_WAIT] = 500;
	/* on a core: its stack is an old one */
	b[2].t = (struct ft_thread){.stack = 7,
				    .stack_n = 1,
				    .state = FT_ST_ON,
				    .flags = FT_TF_HELD_OUT,
				    .gil_idx1 = 1};
	a[2].t = b[2].t;
	a[2].t.state_ns[FT_ST_ON] = 500;
	/* holds a GIL for which others wait */
	b[3].t = (struct ft_thread){.stack = 7,
				    .stack_n = 1,
				    .state = FT_ST_RUNQ,
				    .target = 2,
				    .flags = FT_TF_HELD_OUT,
				    .gil_idx1 = 5,
				    .blame0 = 300};
	a[3].t = b[3].t;
	a[3].t.state_ns[FT_ST_RUNQ] = 40;
	/* and one for which nobody did; and one whose sum cannot be read */
	b[4].t = b[3].t;
	b[4].t.blame0 = 1000;
	a[4].t = b[4].t;
	b[5].t = b[3].t;
	b[5].t.gil_idx1 = 0;
	a[5].t = b[5].t;
	fake.gil_wait = 1000;
	assert_int_equal(ft_stacker_weights(s, true), 0);
	assert_int_equal(ft_sleepers_new(PROBE, s, &sl), 0);
	assert_int_equal(ft_sleepers_close(sl, b, a, 6, 12345), 0);
	ft_stacker_view(s, &v);
	assert_int_equal(v.weight_cnt, 3);
	assert_int_equal(v.weight[0].kind, FT_ST_RUNQ);
	assert_int_equal(v.weight[0].ns, 30 + 40);
	assert_int_equal(v.weight[0].raw_ns, 10 + 40);
	assert_int_equal(v.weight[0].cnt, 2);
	assert_int_equal(v.weight[0].arg, 0);
	assert_int_equal(v.weight[1].kind, FT_ST_BLOCKED);
	assert_int_equal(v.weight[1].arg, 232);
	assert_int_equal(v.weight[1].ns, 300);
	assert_int_equal(v.weight[1].raw_ns, 100);
	assert_int_equal(v.weight[2].kind, FT_SK_BLAME_OFF);
	assert_int_equal(v.weight[2].ns, 700);
	assert_int_equal(v.weight[2].raw_ns, 700);
	assert_int_equal(fake.gil_target, 2);
	assert_int_equal(fake.gil, 4);
	assert_int_equal(fake.gil_now, 12345);
	check_view(s);
	/* a long sleep stands for itself alone: user space sees all of them */
	a[0].t.state_ns[FT_ST_BLOCKED] = 1000 + FT_LONG_SLEEP_NS;
	a[0].t.state_ns[FT_ST_RUNQ] = 0;
	assert_int_equal(ft_sleepers_close(sl, b, a, 1, FT_LONG_SLEEP_NS), 0);
	ft_stacker_view(s, &v);
	assert_int_equal(v.weight[1].ns, 300 + FT_LONG_SLEEP_NS);
	ft_sleepers_free(sl);
	ft_stacker_free(s);
}

/* A stack that user space walked is the one that the BPF side would have told of. */
static void test_add(void **state)
{
	const struct ft_pyframe py[] = {{.code = 0x1000, .ident = 1, .at = 2},
					{.code = 0x1000, .ident = 1, .at = 3}};
	struct ft_stacker *s = make(false, false);
	__u64 id, other, again;
	__u32 node;

	(void)state;
	assert_int_equal(ft_stacker_add(s, 0, py, 2, &id), 0);
	assert_int_equal(ft_stacker_add(s, 0, py, 2, &again), 0);
	assert_int_equal(ft_stacker_add(s, 0, py, 1, &other), 0);
	assert_true(id && other && id == again && id != other);
	assert_int_equal(ft_stacker_node(s, id, &node), 0);
	assert_int_equal(node, 1);
	ft_stacker_free(s);
}

/* Any bytes as records: nothing but what a session takes comes out. */
static void test_random(void **state)
{
	struct ft_stacker *s = make(true, true);
	__u32 n, through = 0;
	struct record r;
	size_t i, k;

	(void)state;
	target(s);
	fake.random = true;
	for (n = 0; n < 100000; n++) {
		if (n % 2)
			begin_stack(&r, rnd() % 5000, rnd() % 12, rnd() % 6, rnd() % 4);
		else
			begin_code(&r, CODE(rnd() % 64), rnd() % 20, rnd() % 20, rnd() % 40);
		for (i = n % 2 ? 32 : 80; i < r.len; i++)
			if (n % 2 ? (i - 32) % 16 == 12 : 1)
				r.bytes[i] = (__u8)rnd();
		if (n % 2 == 0) {
			code_of(&r)->name_kind = (__u8)(1u << rnd() % 3);
			code_of(&r)->file_kind = (__u8)(1u << rnd() % 3);
			code_of(&r)->name_chars = (__u32)(rnd() % 30);
		}
		for (k = 0; k < n % 5; k++) /* some as they would be, some with bytes changed */
			r.bytes[rnd() % r.len] = (__u8)rnd();
		if (n % 17 == 0)
			r.len = rnd() % (r.len + 40);
		i = (size_t)-put(s, &r);
		assert_true(i == 0 || i == EBADMSG);
		through += !i;
	}
	assert_true(through > 20000);
	assert_true(totals(s).stacks_distinct > 1000);
	check_view(s);
	ft_stacker_free(s);
}

/* A whole short session; the first error, or 0. */
static int session(struct ft_stacker **out)
{
	struct ft_sleepers *sl = NULL;
	static struct ft_thread_rec b, a;
	struct ft_stacker *s = NULL;
	struct record r;
	__u64 i;
	int err;

	memset(&fake, 0, sizeof(fake));
	*out = NULL;
	err = ft_stacker_new(PROBE, true, true, &s);
	if (err)
		return err;
	*out = s;
	target(s);
	fake.sym[1].file = "/l/libx.so";
	for (i = 0; i < 40 && !err; i++) {
		begin_code(&r, CODE(i), 4, 4, 2);
		lists_of_code(&r)[0] = (__u8)('a' + i % 26);
		if (i % 2)
			err = put(s, &r);
		begin_stack(&r, i + 1, 1 + i, i % 3, i % 2);
		fake.read_err = i % 5 ? 0 : -ESRCH;
		fake.code = (struct fake_code){.name = "read", .file = "r.py"};
		err = err ?: put(s, &r);
		fake_weight(i + 1, FT_ST_RUNQ, 4, 1);
	}
	err = err ?: ft_stacker_weights(s, false);
	err = err ?: ft_stacker_weights(s, true);
	b.t = (struct ft_thread){.stack = 7, .stack_n = 1, .state = FT_ST_SYNC_WAIT};
	a.t = b.t;
	a.t.state_ns[FT_ST_SYNC_WAIT] = 5;
	err = err ?: ft_sleepers_new(PROBE, s, &sl);
	err = err ?: ft_sleepers_close(sl, &b, &a, 1, 5);
	ft_sleepers_free(sl);
	return err;
}

/* The n-th allocation fails: it is told, and no frame has got another name by it. */
static void test_oom(void **state)
{
	struct ft_stacker *s;
	struct ft_stacks v;
	long n;
	size_t i;
	int err;

	(void)state;
	for (n = 1; n < 10000; n++) {
		failed = false;
		countdown = n;
		err = session(&s);
		countdown = 0;
		assert_int_equal(err, failed ? -ENOMEM : 0);
		if (s) {
			check_view(s);
			ft_stacker_view(s, &v);
			for (i = 0; i < v.frame_cnt; i++)
				assert_string_not_equal(v.frame[i].name, "[name unreadable]");
		}
		ft_stacker_free(s);
		if (!failed)
			break;
	}
	assert_true(n > 400 && n < 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_code),	     cmocka_unit_test(test_code_late),
		cmocka_unit_test(test_strings),	     cmocka_unit_test(test_cut_strings),
		cmocka_unit_test(test_lying),	     cmocka_unit_test(test_native),
		cmocka_unit_test(test_native_cut),   cmocka_unit_test(test_native_long),
		cmocka_unit_test(test_weights),	     cmocka_unit_test(test_weights_taken),
		cmocka_unit_test(test_open),	     cmocka_unit_test(test_add),
		cmocka_unit_test(test_random),	     cmocka_unit_test(test_oom),
		cmocka_unit_test(test_next_program), cmocka_unit_test(test_code_budget),
	};

	return cmocka_run_group_tests_name("stacker", tests, NULL, NULL);
}
