/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands around ft_stacker_*() in its tests: the kernel's table of weights, the process whose
 * code objects are read, the names of native addresses, records, and memory that runs out. For one
 * test program, which includes cmocka first and wraps the functions.
 */
#ifndef TEST_STACKER_FAKE_H
#define TEST_STACKER_FAKE_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "capture/stacks.h"
#include "os/symbols.h"
#include "python/code.h"
#include "oom.h"

#define IDENT 0x5a5a
#define CODE(i) (0x10000 + 0x100 * (__u64)(i)) /* of begin_stack()'s i-th frame */
#define FAKE_WEIGHTS 50000

struct fake_code {
	const char *name, *file;
	__u32 firstlineno;
	size_t lines_len; /* of a line table of zeros */
};

static struct {
	struct ft_wkey key[FAKE_WEIGHTS];
	struct ft_wval val[FAKE_WEIGHTS];
	int weight_cnt, weights_err, takes;
	__u64 gil_wait, gil_now;
	__u32 gil_target, gil;
	__u16 program;
	struct fake_code code; /* that is read */
	int read_err, reads;
	struct ft_symbol sym[256]; /* by the low byte of the address */
	int kernel_err;
	bool random; /* code objects and names of any kind */
} fake;

static struct ft_probe *const PROBE = (struct ft_probe *)&fake;
static struct ft_symbols *const SYMBOLS = (struct ft_symbols *)&fake.sym;

static __u64 rng = 88172645463325252ull;

static inline __u64 rnd(void)
{
	/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators" */
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return rng * 0x2545f4914f6cdd1dull >> 8;
}

/* Memory. */

char *__real_strdup(const char *s);
char *__wrap_strdup(const char *s);

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

/* The BPF side. */

int __wrap_ft_probe_weights(struct ft_probe *p, bool take,
			    int (*cb)(void *ctx, const struct ft_wkey *k, const struct ft_wval *v),
			    void *ctx);
__u64 __wrap_ft_probe_gil_wait(struct ft_probe *p, __u32 target, __u32 gil, __u64 now);

int __wrap_ft_probe_weights(struct ft_probe *p, bool take,
			    int (*cb)(void *ctx, const struct ft_wkey *k, const struct ft_wval *v),
			    void *ctx)
{
	int i, err, n = fake.weight_cnt;

	assert_ptr_equal(p, PROBE);
	if (fake.weights_err)
		return fake.weights_err;
	for (i = 0; i < n; i++) {
		err = cb(ctx, &fake.key[i], &fake.val[i]);
		if (err)
			return err;
	}
	if (take) {
		fake.weight_cnt = 0;
		fake.takes++;
	}
	return n;
}

const struct ft_thread *__wrap_ft_probe_slots(const struct ft_probe *p, __u32 *max);
__u16 __wrap_ft_probe_program(const struct ft_probe *p);

const struct ft_thread *__wrap_ft_probe_slots(const struct ft_probe *p, __u32 *max)
{
	(void)p;
	*max = 8;
	return NULL;
}

__u16 __wrap_ft_probe_program(const struct ft_probe *p)
{
	(void)p;
	return fake.program;
}

__u64 __wrap_ft_probe_gil_wait(struct ft_probe *p, __u32 target, __u32 gil, __u64 now)
{
	assert_ptr_equal(p, PROBE);
	fake.gil_target = target;
	fake.gil = gil;
	fake.gil_now = now;
	return fake.gil_wait;
}

/* As the BPF side counts: one entry a key. raw_ns is the half of ns. */
static inline void fake_weight_arg(__u64 stack, __u8 kind, __u32 arg, __u64 ns, __u64 cnt)
{
	struct ft_wkey k = {.stack = stack, .arg = arg, .kind = kind};
	int i = 0;

	if (fake.weight_cnt < 100) /* above it they all differ */
		while (i < fake.weight_cnt && memcmp(&fake.key[i], &k, sizeof(k)) != 0)
			i++;
	else
		i = fake.weight_cnt;
	if (i == fake.weight_cnt) {
		assert_true(i < FAKE_WEIGHTS);
		fake.key[i] = k;
		fake.val[i] = (struct ft_wval){0};
		fake.weight_cnt++;
	}
	fake.val[i].ns += ns;
	fake.val[i].raw_ns += ns / 2;
	fake.val[i].cnt += cnt;
}

static inline void fake_weight(__u64 stack, __u8 kind, __u64 ns, __u64 cnt)
{
	fake_weight_arg(stack, kind, 0, ns, cnt);
}

/* The process. */

int __wrap_ft_code_read(int pid, const struct ft_pylayout *l, __u64 code, __u32 ident,
			struct ft_code *out);
int __wrap_ft_runtime_target(const struct ft_runtime *rt, struct ft_target *t);
int __wrap_ft_symbols_new(int pid, struct ft_symbols **out);
int __wrap_ft_symbols_user(struct ft_symbols *s, __u64 addr, bool call, struct ft_symbol *out);
int __wrap_ft_symbols_kernel(struct ft_symbols *s, __u64 addr, bool call, struct ft_symbol *out);
void __wrap_ft_symbols_free(struct ft_symbols *s);

int __wrap_ft_code_read(int pid, const struct ft_pylayout *l, __u64 code, __u32 ident,
			struct ft_code *out)
{
	(void)code;
	(void)ident;
	assert_int_equal(pid, 4711);
	assert_int_equal(l->code_type, 1);
	fake.reads++;
	memset(out, 0, sizeof(*out));
	if (fake.random && rnd() % 2)
		return -ESTALE;
	if (fake.read_err)
		return fake.read_err;
	out->name = __real_strdup(fake.code.name ? fake.code.name : "read");
	out->file = __real_strdup(fake.code.file ? fake.code.file : "");
	out->firstlineno = fake.code.firstlineno;
	if (fake.code.lines_len) {
		out->lines = __real_calloc(fake.code.lines_len, 1);
		out->lines_len = out->lines ? fake.code.lines_len : 0;
	}
	assert_true(out->name && out->file);
	return 0;
}

int __wrap_ft_runtime_target(const struct ft_runtime *rt, struct ft_target *t)
{
	(void)rt;
	memset(t, 0, sizeof(*t));
	t->py.code_type = 1;
	return 0;
}

int __wrap_ft_symbols_new(int pid, struct ft_symbols **out)
{
	assert_int_equal(pid, 4711);
	*out = SYMBOLS;
	return 0;
}

static inline int fake_symbol(struct ft_symbols *s, __u64 addr, struct ft_symbol *out)
{
	static const char *const any[] = {"", "f", "\xff\xfe", "\n", "\xc3", "/a/b\xe2\x82", "/x/"};

	assert_ptr_equal(s, SYMBOLS);
	*out = fake.sym[addr & 255];
	out->name = out->name ? out->name : "";
	out->file = out->file ? out->file : "";
	out->source = out->source ? out->source : "";
	if (fake.random) {
		out->name = any[rnd() % 7];
		out->file = any[rnd() % 7];
		out->source = any[rnd() % 7];
		out->eval = rnd() % 4 == 0;
		out->root = rnd() % 8 == 0;
	}
	return 0;
}

int __wrap_ft_symbols_user(struct ft_symbols *s, __u64 addr, bool call, struct ft_symbol *out)
{
	(void)call;
	return fake_symbol(s, addr, out);
}

int __wrap_ft_symbols_kernel(struct ft_symbols *s, __u64 addr, bool call, struct ft_symbol *out)
{
	(void)call;
	return fake.kernel_err ? fake.kernel_err : fake_symbol(s, addr, out);
}

void __wrap_ft_symbols_free(struct ft_symbols *s)
{
	assert_true(!s || s == SYMBOLS);
}

static inline struct ft_stacker *make(bool native, bool kernel)
{
	struct ft_stacker *s = NULL;

	memset(&fake, 0, sizeof(fake));
	assert_int_equal(ft_stacker_new(PROBE, native, kernel, &s), 0);
	return s;
}

/* Who the process is; before that, none of it can be read. */
static inline void target(struct ft_stacker *s)
{
	static const struct ft_runtime rt = {.pid = 4711};

	ft_stacker_target(s, 4711, &rt);
}

static inline struct ft_totals totals(const struct ft_stacker *s)
{
	static struct ft_totals t;

	ft_stacker_totals(s, &t);
	return t;
}

/* Records. */

struct record {
	_Alignas(8) __u8 bytes[4096];
	size_t len;
};

static inline struct ft_ev_stack *stack_of(struct record *r)
{
	return (struct ft_ev_stack *)r->bytes;
}

static inline struct ft_ev_code *code_of(struct record *r)
{
	return (struct ft_ev_code *)r->bytes;
}

static inline __u8 *lists_of_code(struct record *r)
{
	return r->bytes + sizeof(struct ft_ev_code);
}

/* A good record; native addresses are 1, 2, ..., the kernel's 64, 65, ... */
static inline void begin_stack(struct record *r, __u64 id, size_t py, size_t user, size_t kern)
{
	struct ft_ev_stack *st = stack_of(r);
	struct ft_pyframe *f = (struct ft_pyframe *)(r->bytes + sizeof(*st));
	__u64 *a = (__u64 *)(f + py);
	size_t i;

	memset(r, 0, sizeof(*r));
	r->len = sizeof(*st) + py * sizeof(*f) + (user + kern) * 8;
	assert_true(r->len <= sizeof(r->bytes));
	*st = (struct ft_ev_stack){.h = {.type = FT_EV_STACK, .len = (__u16)r->len},
				   .id = id,
				   .py_cnt = (__u16)py,
				   .user_cnt = (__u16)user,
				   .kern_cnt = (__u16)kern};
	for (i = 0; i < py; i++)
		f[i] = (struct ft_pyframe){.code = CODE(i), .ident = IDENT, .at = 1};
	for (i = 0; i < user; i++)
		*a++ = 1 + i;
	for (i = 0; i < kern; i++)
		*a++ = 64 + i;
}

/* Nothing of it is cut; names are of one byte a character; its bytes are 0. */
static inline void begin_code(struct record *r, __u64 code, size_t name, size_t file, size_t lines)
{
	struct ft_ev_code *c = code_of(r);

	memset(r, 0, sizeof(*r));
	r->len = sizeof(*c) + name + file + lines;
	assert_true(r->len <= sizeof(r->bytes));
	*c = (struct ft_ev_code){.h = {.type = FT_EV_CODE, .len = (__u16)r->len},
				 .code = code,
				 .ident = IDENT,
				 .firstlineno = 10,
				 .name_chars = (__u32)name,
				 .file_chars = (__u32)file,
				 .lines_whole = (__u32)lines,
				 .name_len = (__u16)name,
				 .file_len = (__u16)file,
				 .lines_len = (__u16)lines,
				 .name_kind = 1,
				 .file_kind = 1};
}

/* Hands a record over in a block of exactly its length, so that ASan sees a read too far. */
static inline int put(struct ft_stacker *s, const struct record *r)
{
	void *copy = __real_malloc(r->len ? r->len : 1);
	int err;

	assert_non_null(copy);
	assert_true(r->len <= sizeof(r->bytes));
	memcpy(copy, r->bytes, r->len);
	err = ft_stacker_record(s, copy, r->len);
	free(copy);
	return err;
}

/* A code object whose first unit stands on line 10 and second on line 11. */
static inline void say_code(struct ft_stacker *s, __u64 code, const char *name, const char *file)
{
	/* Objects/locations.md: no column (13), one unit, line + 0; the same, line + 1 */
	static const __u8 lines[] = {0x80 | 13 << 3, 0, 0x80 | 13 << 3, 2};
	size_t n = strlen(name), k = strlen(file);
	struct record r;

	begin_code(&r, code, n, k, sizeof(lines));
	memcpy(lists_of_code(&r), name, n);
	memcpy(lists_of_code(&r) + n, file, k);
	memcpy(lists_of_code(&r) + n + k, lines, sizeof(lines));
	assert_int_equal(put(s, &r), 0);
}

/* A stack of these code objects, each in its second unit. */
static inline void say_stack(struct ft_stacker *s, __u64 id, const __u64 *codes, size_t cnt)
{
	struct record r;
	size_t i;

	begin_stack(&r, id, cnt, 0, 0);
	for (i = 0; i < cnt; i++)
		((struct ft_pyframe *)(r.bytes + sizeof(struct ft_ev_stack)))[i].code = codes[i];
	assert_int_equal(put(s, &r), 0);
}

static inline void say_stack_of(struct ft_stacker *s, __u64 id, struct ft_pyframe f,
				__u16 target_no)
{
	struct record r;

	begin_stack(&r, id, 1, 0, 0);
	stack_of(&r)->target = target_no;
	memcpy(r.bytes + sizeof(struct ft_ev_stack), &f, sizeof(f));
	assert_int_equal(put(s, &r), 0);
}

#endif
