/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests of the steps of include/ftprof_pywalk.h on made-up memory: what they find, and that they
 * end, with the right mark, when reads fail, links run in circles and bytes are anything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/types.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/fileio.h"
#include "python/offsets.h"

#define BASE 0x7f0000001000ull
#define CODE_TYPE 0x55550000ull
#define CODE_CNT 5
#define CODE_SZ 512			   /* room for one code object */
#define COPIES (BASE + CODE_CNT * CODE_SZ) /* the table of copies of bytecode */
#define FRAMES (COPIES + 256)
#define FRAME_SZ 96

struct image {
	__u8 *bytes;
	size_t size;
	unsigned int reads, fail_at; /* the fail_at-th read fails, 0: none */
	struct ft_pylayout l;
};

static int read_image(struct image *m, void *dst, size_t len, __u64 addr)
{
	if (++m->reads == m->fail_at || addr < BASE || addr - BASE > m->size ||
	    len > m->size - (addr - BASE))
		return -1;
	memcpy(dst, m->bytes + (addr - BASE), len);
	return 0;
}

#define FT_PW_READ(ctx, dst, len, addr) read_image(ctx, dst, len, addr)
#include "ftprof_pywalk.h"

static const char *const layouts[] = {
	"tests/fixtures/offsets/3.13.0.bin", "tests/fixtures/offsets/3.13.15t.bin",
	"tests/fixtures/offsets/3.14.6.bin", "tests/fixtures/offsets/3.14.6t.bin",
	"tests/fixtures/offsets/3.15.2.bin", "tests/fixtures/offsets/3.15.2t.bin",
};

#define LAYOUT_CNT (sizeof(layouts) / sizeof(layouts[0]))
#define LAYOUT_314 2
#define LAYOUT_314T 3

static void put(struct image *m, __u64 addr, size_t len, __u64 v)
{
	assert_true(addr >= BASE && addr - BASE + len <= m->size);
	memcpy(m->bytes + (addr - BASE), &v, len);
}

static __u64 code_at(unsigned int i)
{
	return BASE + (__u64)(i % CODE_CNT) * CODE_SZ;
}

static __u64 frame_at(unsigned int i)
{
	return FRAMES + (__u64)i * FRAME_SZ;
}

/* The frame i of the image runs the code object i % CODE_CNT; it is called by the next one. */
static void put_frame(struct image *m, unsigned int i, unsigned int owner, __u64 previous)
{
	const struct ft_pylayout *l = &m->l;

	put(m, frame_at(i) + l->fr_previous, 8, previous);
	put(m, frame_at(i) + l->fr_executable, 8, code_at(i));
	put(m, frame_at(i) + l->fr_instr_ptr, 8, code_at(i) + l->co_code + 2 * (i % 11));
	put(m, frame_at(i) + l->fr_owner, 1, owner);
	if (l->fr_tlbc)
		put(m, frame_at(i) + l->fr_tlbc, 4, 0);
}

/* cnt frames, each called by the next, none of them an entry. */
static void make(struct image *m, unsigned int which, unsigned int cnt)
{
	struct ft_offsets o;
	char *buf = NULL, why[128];
	size_t len, i;

	memset(m, 0, sizeof(*m));
	assert_int_equal(ft_read_file(layouts[which], FT_PY_OFFSETS_MAX, &buf, &len), 0);
	assert_int_equal(ft_offsets_parse(buf, len, &o, why, sizeof(why)), 0);
	free(buf);
	m->l = o.py;
	m->l.code_type = CODE_TYPE;
	m->size = (size_t)(frame_at(cnt) - BASE);
	m->bytes = calloc(1, m->size);
	assert_non_null(m->bytes);
	for (i = 0; i < CODE_CNT; i++) {
		__u64 code = code_at((unsigned int)i);

		put(m, code + m->l.ob_type, 8, CODE_TYPE);
		put(m, code + m->l.co_firstlineno, 4, 10 * i + 1);
		put(m, code + m->l.co_version, 4, 1000 + i);
		put(m, code + m->l.co_filename, 8, 0x7000 + 64 * i);
		put(m, code + m->l.co_qualname, 8, 0x8000 + 64 * i);
		put(m, code + m->l.co_linetable, 8, 0x9000 + 64 * i);
		if (m->l.co_tlbc)
			put(m, code + m->l.co_tlbc, 8, COPIES);
	}
	for (i = 0; i < cnt; i++)
		put_frame(m, (unsigned int)i, 0, i + 1 < cnt ? frame_at((unsigned int)i + 1) : 0);
}

static void drop(struct image *m)
{
	free(m->bytes);
	m->bytes = NULL;
}

/* Walks from a frame on; what comes out must be well-formed, whatever the memory holds. */
static struct ft_pywalk walk(struct image *m, __u64 frame, struct ft_pyframe *out)
{
	struct ft_pyframe *el = calloc(FT_PY_ELEMS, sizeof(*el)); /* ASan sees one too many */
	__u32 marks = 0, depth = 0, i;
	struct ft_pywalk w;
	struct ft_pybuf b;
	int step;

	assert_non_null(el);
	m->reads = 0;
	ft_pw_begin(&w, frame);
	for (step = 0; w.frame && step < FT_PW_STEPS; step++) {
		__u32 before = w.cnt;

		assert_true(w.cnt < FT_PY_ELEMS);
		FT_PW_STEP(m, &m->l, &b, &w, &el[w.cnt]);
		assert_true(w.cnt - before <= 1);
	}
	assert_true(m->reads <= 3 * FT_PW_STEPS);
	assert_true(w.cnt <= FT_PY_ELEMS && w.depth <= FT_PY_DEPTH);
	for (i = 0; i < w.cnt; i++) {
		if (el[i].code) {
			depth++;
		} else {
			assert_true(el[i].ident > FT_PM_NONE && el[i].ident < FT_PM_CNT);
			marks |= 1u << el[i].ident;
			if (el[i].ident == FT_PM_TRUNCATED || el[i].ident == FT_PM_FRAME ||
			    el[i].ident == FT_PM_LOOP)
				assert_true(i == w.cnt - 1 && !w.frame);
		}
	}
	assert_int_equal(marks, w.marks);
	assert_int_equal(depth, w.depth);
	if (out)
		memcpy(out, el, FT_PY_ELEMS * sizeof(*el));
	free(el);
	return w;
}

static void is_frame(const struct ft_pyframe *f, unsigned int i)
{
	assert_int_equal(f->code, code_at(i));
	assert_int_equal(f->at, i % 11);
}

static void is_mark(const struct ft_pyframe *f, enum ft_pymark mark)
{
	assert_int_equal(f->code, 0);
	assert_int_equal(f->ident, mark);
}

static void test_frames(void **state)
{
	struct ft_pyframe out[FT_PY_ELEMS];
	struct ft_pywalk w, again;
	struct image m;
	unsigned int which, i;

	(void)state;
	for (which = 0; which < LAYOUT_CNT; which++) {
		make(&m, which, 20);
		put_frame(&m, 4, 3, frame_at(5));
		put_frame(&m, 19, 3, 0);
		w = walk(&m, frame_at(0), out);
		assert_int_equal(w.cnt, 20);
		assert_int_equal(w.marks, 1u << FT_PM_ENTRY);
		for (i = 0; i < 20; i++) {
			if (i == 4 || i == 19)
				is_mark(&out[i], FT_PM_ENTRY);
			else
				is_frame(&out[i], i);
		}
		assert_int_equal(out[0].ident, out[5].ident);
		assert_int_not_equal(out[0].ident, out[1].ident);
		again = walk(&m, frame_at(0), out);
		assert_int_equal(w.hash, again.hash);
		/* tag bits of a reference; a generator's frame, one of a frame object */
		for (i = 0; i < 4; i++) {
			put(&m, frame_at(i) + m.l.fr_executable, 8, code_at(i) | i);
			if (i < 3)
				put(&m, frame_at(i) + m.l.fr_owner, 1, i);
		}
		assert_int_equal(walk(&m, frame_at(0), NULL).hash, w.hash);
		/* the order counts, and the instruction */
		put(&m, frame_at(3) + m.l.fr_instr_ptr, 8, code_at(3) + m.l.co_code);
		assert_int_not_equal(walk(&m, frame_at(0), NULL).hash, w.hash);
		assert_int_not_equal(walk(&m, frame_at(1), NULL).hash, w.hash);
		w = walk(&m, 0, NULL);
		assert_int_equal(w.cnt, 0);
		assert_int_not_equal(w.hash, 0);
		drop(&m);
	}
}

/* 3.15: an entry frame under the thread's first entry frame, and nothing ran in it. */
static void test_base_frame(void **state)
{
	struct ft_pyframe out[FT_PY_ELEMS];
	struct ft_pywalk w;
	struct image m;

	(void)state;
	make(&m, LAYOUT_CNT - 1, 4);
	put_frame(&m, 2, 3, frame_at(3));
	put_frame(&m, 3, 3, 0);
	w = walk(&m, frame_at(0), out);
	assert_int_equal(w.cnt, 3);
	is_mark(&out[2], FT_PM_ENTRY);
	assert_int_equal(walk(&m, frame_at(3), NULL).cnt, 0);
	drop(&m);
}

static void test_shim(void **state)
{
	struct ft_pyframe out[FT_PY_ELEMS];
	struct image m;

	(void)state;
	make(&m, LAYOUT_314, 3);
	put(&m, code_at(1) + m.l.co_firstlineno, 4, 0);
	assert_int_equal(walk(&m, frame_at(0), out).cnt, 3); /* it has a name */
	put(&m, code_at(1) + m.l.co_qualname, 8, 0x7000 + 64);
	assert_int_equal(walk(&m, frame_at(0), out).cnt, 2);
	is_frame(&out[0], 0);
	is_frame(&out[1], 2);
	/* nothing else: the walk ends all the same */
	put_frame(&m, 1, 0, frame_at(2));
	put(&m, frame_at(2) + m.l.fr_executable, 8, code_at(1));
	put(&m, frame_at(2) + m.l.fr_previous, 8, frame_at(1));
	assert_int_equal(walk(&m, frame_at(1), NULL).cnt, 0);
	drop(&m);
}

static void test_copies(void **state)
{
	struct ft_pyframe out[FT_PY_ELEMS];
	struct image m;

	(void)state;
	make(&m, LAYOUT_314T, 2);
	/* _PyCodeArray: size, entries; the frame runs entry 3 */
	put(&m, COPIES, 8, 4);
	put(&m, COPIES + 8 + 3 * 8, 8, 0x600000);
	put(&m, frame_at(0) + m.l.fr_tlbc, 4, 3);
	put(&m, frame_at(0) + m.l.fr_instr_ptr, 8, 0x600000 + 2 * 77);
	assert_int_equal(walk(&m, frame_at(0), out).cnt, 2);
	assert_int_equal(out[0].at, 77);
	is_frame(&out[1], 1);
	/* not before it, not far behind it, no such copy, no copies */
	put(&m, frame_at(0) + m.l.fr_instr_ptr, 8, 0x600000 - 2);
	assert_int_equal(walk(&m, frame_at(0), out).cnt, 2);
	assert_int_equal(out[0].at, FT_PY_NO_AT);
	put(&m, frame_at(0) + m.l.fr_instr_ptr, 8, 0x600000 + (1ull << 40));
	assert_int_equal(walk(&m, frame_at(0), out).cnt, 2);
	assert_int_equal(out[0].at, FT_PY_NO_AT);
	put(&m, frame_at(0) + m.l.fr_instr_ptr, 8, 0x600000 + 2);
	put(&m, frame_at(0) + m.l.fr_tlbc, 4, 4);
	assert_int_equal(walk(&m, frame_at(0), out).cnt, 2);
	assert_int_equal(out[0].at, FT_PY_NO_AT);
	put(&m, frame_at(0) + m.l.fr_tlbc, 4, 0xffffffff);
	assert_int_equal(walk(&m, frame_at(0), out).cnt, 2);
	assert_int_equal(out[0].at, FT_PY_NO_AT);
	put(&m, frame_at(0) + m.l.fr_tlbc, 4, 3);
	put(&m, code_at(0) + m.l.co_tlbc, 8, 0);
	assert_int_equal(walk(&m, frame_at(0), out).cnt, 2);
	assert_int_equal(out[0].at, FT_PY_NO_AT);
	drop(&m);
}

/* An identity is of all that a code object is made of. */
static void test_ident(void **state)
{
	struct ft_pyframe out[FT_PY_ELEMS];
	__u16 fields[5];
	struct image m;
	__u32 ident;
	size_t i;

	(void)state;
	make(&m, LAYOUT_314, 1);
	walk(&m, frame_at(0), out);
	ident = out[0].ident;
	fields[0] = m.l.co_version;
	fields[1] = m.l.co_firstlineno;
	fields[2] = m.l.co_filename;
	fields[3] = m.l.co_qualname;
	fields[4] = m.l.co_linetable;
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		m.bytes[fields[i]] ^= 0x10;
		walk(&m, frame_at(0), out);
		assert_int_not_equal(out[0].ident, ident);
		m.bytes[fields[i]] ^= 0x10;
	}
	m.bytes[m.l.co_code] ^= 0x10; /* specialised instructions */
	walk(&m, frame_at(0), out);
	assert_int_equal(out[0].ident, ident);
	drop(&m);
}

static void test_deep(void **state)
{
	struct ft_pyframe out[FT_PY_ELEMS];
	struct ft_pywalk w;
	struct image m;
	unsigned int i;

	(void)state;
	make(&m, LAYOUT_314, 100000);
	w = walk(&m, frame_at(0), out);
	assert_int_equal(w.cnt, FT_PY_DEPTH + 1);
	is_frame(&out[FT_PY_DEPTH - 1], FT_PY_DEPTH - 1);
	is_mark(&out[FT_PY_DEPTH], FT_PM_TRUNCATED);
	/* as many as there may be: nothing is missing */
	w = walk(&m, frame_at(100000 - FT_PY_DEPTH), out);
	assert_int_equal(w.cnt, FT_PY_DEPTH);
	assert_int_equal(w.marks, 0);
	w = walk(&m, frame_at(100000 - FT_PY_DEPTH - 1), out);
	is_mark(&out[FT_PY_DEPTH], FT_PM_TRUNCATED);
	/* every other frame an entry: the elements run out before the depth does */
	for (i = 1; i < 1000; i += 2)
		put_frame(&m, i, 3, frame_at(i + 1));
	w = walk(&m, frame_at(0), out);
	assert_int_equal(w.cnt, FT_PY_ELEMS);
	is_mark(&out[FT_PY_ELEMS - 1], FT_PM_TRUNCATED);
	drop(&m);
}

static void test_circles(void **state)
{
	struct ft_pyframe out[FT_PY_ELEMS];
	struct ft_pywalk w;
	struct image m;

	(void)state;
	make(&m, LAYOUT_314, 3);
	put_frame(&m, 1, 0, frame_at(1));
	w = walk(&m, frame_at(0), out);
	assert_int_equal(w.cnt, 2);
	is_frame(&out[0], 0);
	is_mark(&out[1], FT_PM_LOOP);
	put_frame(&m, 1, 0, frame_at(0));
	w = walk(&m, frame_at(0), out);
	assert_int_equal(w.cnt, FT_PY_DEPTH + 1);
	is_mark(&out[FT_PY_DEPTH], FT_PM_TRUNCATED);
	put_frame(&m, 0, 3, frame_at(1));
	put_frame(&m, 1, 3, frame_at(0));
	w = walk(&m, frame_at(0), out);
	assert_int_equal(w.cnt, FT_PY_ELEMS);
	is_mark(&out[FT_PY_ELEMS - 1], FT_PM_TRUNCATED);
	drop(&m);
}

/* One that is not a code object, or is gone, costs its own frame only. */
static void test_wrong_code(void **state)
{
	struct ft_pyframe out[FT_PY_ELEMS];
	struct ft_pywalk w;
	struct image m;

	(void)state;
	make(&m, LAYOUT_314, 4);
	put(&m, code_at(1) + m.l.ob_type, 8, CODE_TYPE + 8);
	put(&m, frame_at(2) + m.l.fr_executable, 8, 0);
	w = walk(&m, frame_at(0), out);
	assert_int_equal(w.cnt, 4);
	is_frame(&out[0], 0);
	is_mark(&out[1], FT_PM_TYPE);
	is_mark(&out[2], FT_PM_CODE);
	is_frame(&out[3], 3);
	/* a layout that knows no type takes nothing for a code object */
	put(&m, code_at(1) + m.l.ob_type, 8, 0);
	m.l.code_type = 0;
	walk(&m, frame_at(0), out);
	is_mark(&out[0], FT_PM_TYPE);
	is_mark(&out[1], FT_PM_TYPE);
	drop(&m);
}

/* Every read fails once: what was found before stays, and the mark says what is missing. */
static void test_failing_reads(void **state)
{
	struct ft_pyframe whole[FT_PY_ELEMS], out[FT_PY_ELEMS];
	unsigned int n, i, frames = 0, codes = 0, copies = 0;
	struct ft_pywalk w;
	struct image m;

	(void)state;
	make(&m, LAYOUT_314T, 10);
	put(&m, COPIES, 8, 2);
	put(&m, COPIES + 16, 8, 0x600000);
	put(&m, frame_at(3) + m.l.fr_tlbc, 4, 1);
	put(&m, frame_at(3) + m.l.fr_instr_ptr, 8, 0x600006);
	assert_int_equal(walk(&m, frame_at(0), whole).cnt, 10);
	assert_int_equal(m.reads, 21);
	for (n = 1; n <= 21; n++) {
		m.fail_at = n;
		w = walk(&m, frame_at(0), out);
		for (i = 0; i < w.cnt && !memcmp(&out[i], &whole[i], sizeof(out[i])); i++)
			;
		assert_true(i < w.cnt);
		if (!out[i].code && out[i].ident == FT_PM_FRAME) {
			assert_int_equal(w.cnt, i + 1);
			frames++;
			continue;
		}
		if (out[i].code) {
			assert_int_equal(out[i].at, FT_PY_NO_AT);
			copies++;
		} else {
			assert_int_equal(out[i].ident, FT_PM_CODE);
			codes++;
		}
		/* all others are there */
		assert_int_equal(w.cnt, 10);
		assert_memory_equal(&out[i + 1], &whole[i + 1], (9 - i) * sizeof(out[0]));
	}
	assert_int_equal(frames, 10);
	assert_int_equal(codes, 10);
	assert_int_equal(copies, 1);
	m.fail_at = 22;
	walk(&m, frame_at(0), out);
	assert_memory_equal(out, whole, 10 * sizeof(out[0]));
	drop(&m);
}

/* Any bit of it may be wrong: walk() checks what comes out. */
static void test_flipped_bits(void **state)
{
	struct image m;
	unsigned int which, bit;
	size_t i;

	(void)state;
	for (which = 0; which < LAYOUT_CNT; which++) {
		make(&m, which, 12);
		put_frame(&m, 5, 3, frame_at(6));
		for (i = 0; i < m.size; i++) {
			for (bit = 0; bit < 8; bit++) {
				m.bytes[i] ^= 1u << bit;
				walk(&m, frame_at(0), NULL);
				m.bytes[i] ^= 1u << bit;
			}
		}
		assert_int_equal(walk(&m, frame_at(0), NULL).cnt, 12);
		drop(&m);
	}
}

/* Links that lead anywhere inside the image, owners and types at random. */
static void test_random(void **state)
{
	unsigned int seed = 3, round, i, met = 0;
	struct image m;

	(void)state;
	for (round = 0; round < 3000; round++) {
		make(&m, (unsigned int)rand_r(&seed) % LAYOUT_CNT, 40);
		for (i = 0; i < 40; i++) {
			unsigned int to = (unsigned int)rand_r(&seed) % 44;

			put_frame(&m, i, (unsigned int)rand_r(&seed) % 5, frame_at(to));
			if (rand_r(&seed) % 8 == 0)
				put(&m, frame_at(i) + m.l.fr_executable, 8,
				    BASE + (__u64)rand_r(&seed) % m.size);
			if (m.l.fr_tlbc)
				put(&m, frame_at(i) + m.l.fr_tlbc, 4, (__u64)(rand_r(&seed) % 3));
		}
		met |= walk(&m, frame_at(0), NULL).marks;
		drop(&m);
	}
	assert_int_equal(met, 1u << FT_PM_ENTRY | 1u << FT_PM_TRUNCATED | 1u << FT_PM_FRAME |
				      1u << FT_PM_CODE | 1u << FT_PM_TYPE | 1u << FT_PM_LOOP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),	      cmocka_unit_test(test_base_frame),
		cmocka_unit_test(test_shim),	      cmocka_unit_test(test_copies),
		cmocka_unit_test(test_ident),	      cmocka_unit_test(test_deep),
		cmocka_unit_test(test_circles),	      cmocka_unit_test(test_wrong_code),
		cmocka_unit_test(test_failing_reads), cmocka_unit_test(test_flipped_bits),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
