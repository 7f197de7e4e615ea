// SPDX-License-Identifier: BSD-2-Clause
/* From addresses to named frames. */
#include "capture/stacks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(elt) ((elt)->failed = true)
#include <uthash.h>

#include "base/log.h"
#include "base/text.h"
#include "capture/intern.h"
#include "capture/merge.h"
#include "os/procfs.h"
#include "os/symbols.h"
#include "python/code.h"
#include "python/walk.h"

/* only for the hash of a stack: nothing is read by it here */
#define FT_PW_READ(ctx, dst, len, addr) (-1)
#include "ftprof_pywalk.h"

/*
 * Different stacks and nodes of a session: some 60 MB at most, however long it runs. What comes
 * beyond is counted without its stack.
 */
#define STACKS_MAX 262144
#define NODES_MAX (1u << 20)
/*
 * Bytes of code objects: a program can make them without end, and let any number of them share
 * one line table of megabytes.
 */
#define CODE_BYTES_MAX (64u << 20)
/* Above this many weights the kernel's table (64 K) is emptied into ours. */
#define WEIGHTS_TAKE 32768
#define CUTS_MAX 16

struct code_key {
	__u64 code;
	__u32 ident;
	__u32 target;
};

struct code_entry {
	UT_hash_handle hh;
	bool failed;
	struct code_key key;
	char *name; /* as in struct ft_frame */
	char *file;
	__u8 *lines;
	size_t lines_len;
	__u32 firstlineno;
	bool gone; /* there was nothing to read any more */
};

/* A code object at an instruction: its frame, so that its line is found once. */
struct place_key {
	struct code_key code;
	__u32 at;
	__u32 pad;
};

struct place_entry {
	UT_hash_handle hh;
	bool failed;
	struct place_key key;
	__u32 frame;
};

struct stack_entry {
	UT_hash_handle hh;
	bool failed;
	__u64 id;
	__u32 node; /* FT_NO_STACK: there was no room */
};

struct ft_stacker {
	struct ft_probe *probe;
	bool native, kernel;
	int pid;
	struct ft_pylayout layout;
	struct ft_symbols *symbols;
	bool no_kernel_names; /* said once */
	struct ft_intern *intern;
	struct code_entry *codes;
	size_t code_bytes; /* of all of them */
	struct place_entry *places;
	struct stack_entry *stacks;
	__u64 stack_cnt;
	__u64 unnamed;
	__u64 undescribed;
	__u64 undescribed_kept; /* as it was when the weights were kept */
	char *cut[CUTS_MAX];	/* libraries in which native stacks end early */
	int cut_cnt;
	/* scratch of one stack */
	struct ft_symbol user[FT_USER_DEPTH];
	struct ft_symbol kern[FT_KERN_DEPTH];
	__u8 role[FT_USER_DEPTH];
	struct ft_merged merged[FT_MERGE_MAX];
};

int ft_stacker_new(struct ft_probe *p, bool native, bool kernel, struct ft_stacker **out)
{
	struct ft_stacker *s = calloc(1, sizeof(*s));

	if (!s || ft_intern_new(NODES_MAX, &s->intern)) {
		free(s);
		return ft_err(-ENOMEM, "out of memory");
	}
	s->probe = p;
	s->native = native;
	s->kernel = kernel;
	*out = s;
	return 0;
}

static size_t code_size(const struct code_entry *c)
{
	return sizeof(*c) + strlen(c->name) + strlen(c->file) + c->lines_len;
}

static void free_code(struct code_entry *c)
{
	if (!c)
		return;
	free(c->name);
	free(c->file);
	free(c->lines);
	free(c);
}

void ft_stacker_free(struct ft_stacker *s)
{
	struct code_entry *c, *ctmp;
	struct place_entry *p, *ptmp;
	struct stack_entry *e, *etmp;
	int i;

	if (!s)
		return;
	HASH_ITER (hh, s->codes, c, ctmp) {
		HASH_DEL(s->codes, c);
		free_code(c);
	}
	HASH_ITER (hh, s->places, p, ptmp) {
		HASH_DEL(s->places, p);
		free(p);
	}
	HASH_ITER (hh, s->stacks, e, etmp) {
		HASH_DEL(s->stacks, e);
		free(e);
	}
	for (i = 0; i < s->cut_cnt; i++)
		free(s->cut[i]);
	ft_symbols_free(s->symbols);
	ft_intern_free(s->intern);
	free(s);
}

void ft_stacker_target(struct ft_stacker *s, int pid, const struct ft_runtime *rt)
{
	struct ft_target t = {0};
	int err;

	s->pid = pid;
	memset(&s->layout, 0, sizeof(s->layout));
	if (!rt->no_offsets && !ft_runtime_target(rt, &t))
		s->layout = t.py;
	if (!s->native && !s->kernel)
		return;
	ft_symbols_free(s->symbols);
	s->symbols = NULL;
	err = ft_symbols_new(pid, &s->symbols);
	if (err)
		ft_warn("native frames stay without names: %s", strerror(-err));
}

void ft_stacker_refresh(struct ft_stacker *s)
{
	if (s->symbols && s->native)
		ft_symbols_refresh(s->symbols);
}

/* Puts a code object into the table, which then owns its strings. NULL: out of memory. */
static struct code_entry *add_code(struct ft_stacker *s, const struct code_key *key,
				   struct ft_code *c)
{
	struct code_entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->key = *key;
	e->name = c->name;
	e->file = c->file;
	e->lines = c->lines;
	e->lines_len = c->lines_len;
	e->firstlineno = c->firstlineno;
	HASH_ADD(hh, s->codes, key, sizeof(e->key), e);
	if (e->failed) {
		free(e);
		return NULL;
	}
	s->code_bytes += code_size(e);
	memset(c, 0, sizeof(*c));
	return e;
}

/* A code object that the BPF side did not describe, or not whole. NULL: out of memory. */
static struct code_entry *read_code(struct ft_stacker *s, const struct code_key *key)
{
	struct ft_code c = {0};
	struct code_entry *e;
	bool gone;

	gone = !s->layout.code_type ||
	       ft_code_read(s->pid, &s->layout, key->code, key->ident, &c) != 0;
	if (gone) {
		s->unnamed++;
		c.name = strdup("[code object gone]");
		c.file = strdup("");
	}
	e = c.name && c.file ? add_code(s, key, &c) : NULL;
	if (e)
		e->gone = gone;
	ft_code_free(&c);
	return e;
}

/* The string of a code record as a malloc'ed one, `none` if it has none. NULL: out of memory. */
static char *take_string(const __u8 *bytes, size_t len, int kind, size_t whole, const char *none)
{
	struct ft_text t = {0};

	if (kind != 1 && kind != 2 && kind != 4)
		return strdup(none);
	ft_code_string(bytes, len, kind, whole, FT_FRAME_STRING_MAX, &t);
	if (!t.err && !t.s)
		ft_text_add(&t, "");
	if (t.err) {
		ft_text_free(&t);
		return NULL;
	}
	return t.s;
}

/* Whose addresses they are: those of another program of the same target are others. */
static __u32 owner(__u16 target, const struct ft_ev_hdr *h)
{
	return target | (__u32)h->slot << 16;
}

static int on_code(struct ft_stacker *s, const struct ft_ev_code *ev, const __u8 *data)
{
	struct code_key key = {
		.code = ev->code, .ident = ev->ident, .target = owner(ev->target, &ev->h)};
	const __u8 *file = data + ev->name_len, *lines = file + ev->file_len;
	struct code_entry *e;
	struct ft_code c = {0};

	HASH_FIND(hh, s->codes, &key, sizeof(key), e);
	if (e && !e->gone)
		return 0;
	if (s->code_bytes >= CODE_BYTES_MAX)
		return 0;
	if (e) { /* asked for before its record came */
		s->code_bytes -= code_size(e);
		HASH_DEL(s->codes, e);
		free_code(e);
	}
	/* what was cut is read whole, if it is still there */
	if ((ev->lines_whole > ev->lines_len ||
	     ev->name_chars > ev->name_len / (ev->name_kind ?: 1) ||
	     ev->file_chars > ev->file_len / (ev->file_kind ?: 1)) &&
	    s->layout.code_type && !ft_code_read(s->pid, &s->layout, ev->code, ev->ident, &c)) {
		e = add_code(s, &key, &c);
		ft_code_free(&c);
		return e ? 0 : -ENOMEM;
	}
	c.name =
		take_string(data, ev->name_len, ev->name_kind, ev->name_chars, "[name unreadable]");
	c.file = take_string(file, ev->file_len, ev->file_kind, ev->file_chars, "");
	c.firstlineno = ev->firstlineno;
	c.lines = malloc(ev->lines_len ?: 1);
	if (c.lines) {
		memcpy(c.lines, lines, ev->lines_len);
		c.lines_len = ev->lines_len;
	}
	e = c.name && c.file && c.lines ? add_code(s, &key, &c) : NULL;
	ft_code_free(&c);
	return e ? 0 : -ENOMEM;
}

static int mark_frame(struct ft_stacker *s, const char *name, int error, __u32 *frame)
{
	const struct ft_frame f = {.name = name, .kind = FT_FK_MARK, .error = (__u8)error};

	return ft_intern_frame(s->intern, &f, frame);
}

static int python_frame(struct ft_stacker *s, const struct ft_pyframe *py, __u32 target,
			__u32 *frame)
{
	struct place_key key = {.code = {py->code, py->ident, target}, .at = py->at};
	struct place_entry *p;
	struct code_entry *c;
	struct ft_frame f = {.kind = FT_FK_PYTHON};
	int err, error;

	if (!py->code) {
		f.name = ft_py_mark((enum ft_pymark)py->ident, &error);
		return mark_frame(s, f.name, error, frame);
	}
	HASH_FIND(hh, s->places, &key, sizeof(key), p);
	if (p) {
		*frame = p->frame;
		return 0;
	}
	HASH_FIND(hh, s->codes, &key.code, sizeof(key.code), c);
	if (!c && s->code_bytes >= CODE_BYTES_MAX) {
		s->unnamed++;
		return mark_frame(s, "[too many code objects]", 0, frame);
	}
	c = c ?: read_code(s, &key.code);
	if (!c)
		return -ENOMEM;
	if (c->gone)
		return mark_frame(s, c->name, 0, frame);
	f.name = c->name;
	f.file = c->file;
	f.first_line = c->firstlineno;
	if (py->at != FT_PY_NO_AT)
		f.line = ft_code_line(c->lines, c->lines_len, c->firstlineno, py->at);
	err = ft_intern_frame(s->intern, &f, frame);
	if (err)
		return err;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->key = key;
	p->frame = *frame;
	HASH_ADD(hh, s->places, key, sizeof(p->key), p);
	if (p->failed) {
		free(p);
		return -ENOMEM;
	}
	return 0;
}

static int native_frame(struct ft_stacker *s, const struct ft_symbol *sym, __u8 kind, __u32 *frame)
{
	struct ft_frame f = {.kind = kind, .line = sym->line};
	struct ft_text name = {0}, file = {0};
	int err = -ENOMEM;

	/* any bytes but NUL: what is no UTF-8 is made harmless, as are control characters */
	ft_text_add_safe(&name, sym->name, FT_FRAME_STRING_MAX / 4);
	if (!name.len && *sym->file) {
		ft_text_add_safe(&name, ft_basename(sym->file), 200);
		ft_text_printf(&name, "+0x%llx", sym->offset);
	} else if (!name.len) {
		ft_text_add(&name, "[unknown]");
	}
	ft_text_add_safe(&file, *sym->source ? sym->source : sym->file, FT_FRAME_STRING_MAX / 4);
	f.name = name.s;
	f.file = file.s ? file.s : "";
	if (!name.err && !file.err)
		err = ft_intern_frame(s->intern, &f, frame);
	ft_text_free(&name);
	ft_text_free(&file);
	return err;
}

static int cut_frame(struct ft_stacker *s, __u16 idx, __u32 *frame)
{
	const char *file = idx < FT_USER_DEPTH ? ft_basename(s->user[idx].file) : "";
	struct ft_text lib = {0}, words = {0};
	int i, err = -ENOMEM;

	ft_text_add_safe(&lib, file, 64);
	ft_text_printf(&words, "[native frames end: no frame pointers%s%s]", lib.len ? " in " : "",
		       lib.len ? lib.s : "");
	if (lib.err || words.err)
		goto out;
	err = mark_frame(s, words.s, 0, frame);
	for (i = 0; i < s->cut_cnt; i++)
		if (lib.len && !strcmp(s->cut[i], lib.s))
			break;
	if (i == s->cut_cnt && i < CUTS_MAX && lib.len) {
		s->cut[s->cut_cnt++] = lib.s;
		lib.s = NULL;
	}
out:
	ft_text_free(&lib);
	ft_text_free(&words);
	return err;
}

/* What stands between the tracepoint and the kernel function that went to sleep. */
static bool is_tracing(const char *name)
{
	static const char *const prefix[] = {"bpf_",	       "__bpf_",     "__traceiter_",
					     "trace_call_bpf", "__schedule", "perf_trace_",
					     "__perf_event_"};
	static const char *const whole[] = {"schedule",
					    "schedule_idle",
					    "preempt_schedule_irq",
					    "preempt_schedule_common",
					    "preempt_schedule",
					    "__cond_resched"};
	size_t i;

	for (i = 0; i < sizeof(prefix) / sizeof(prefix[0]); i++)
		if (!strncmp(name, prefix[i], strlen(prefix[i])))
			return true;
	for (i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		if (!strcmp(name, whole[i]))
			return true;
	return false;
}

static enum ft_native_role role_of(const struct ft_symbol *sym, bool caller)
{
	if (sym->eval)
		return FT_NR_EVAL;
	if (sym->root)
		return FT_NR_ROOT;
	/* ceval.c: all it does is set a frame up and run the eval loop on it */
	if (!strncmp(sym->name, "_PyEval_Vector", 14))
		return FT_NR_CALLS_EVAL;
	/* perf_trampoline.c: py_trampoline_evaluator() runs code that it names py::FUNCTION */
	if (!strncmp(sym->name, "py::", 4) || !strcmp(sym->name, "py_trampoline_evaluator"))
		return FT_NR_PASSES;
	return caller && !*sym->file && !*sym->name ? FT_NR_BAD : FT_NR_PLAIN;
}

/*
 * The C library calls main() and thread functions from local functions, whose names a stripped one
 * has not. It calls back from hardly anywhere else (qsort, at exit), so its frame at the very end
 * of a walk is where the thread begins.
 */
static bool is_libc(const char *path)
{
	const char *base = ft_basename(path);

	return !strncmp(base, "libc.so", 7) || !strncmp(base, "libc-2.", 7) ||
	       !strncmp(base, "ld-musl-", 8) || !strncmp(base, "libc.musl-", 10);
}

/* Names the native addresses of a stack into s->user, s->role and s->kern. */
static int name_native(struct ft_stacker *s, const __u64 *user, size_t user_cnt, const __u64 *kern,
		       size_t kern_cnt, size_t *kern_skip)
{
	static const struct ft_symbol none = {.name = "", .file = "", .source = ""};
	bool leading = true;
	size_t i;
	int err;

	*kern_skip = 0;
	for (i = 0; i < user_cnt; i++) {
		s->user[i] = none;
		err = s->symbols ? ft_symbols_user(s->symbols, user[i], i > 0, &s->user[i]) : 0;
		if (err)
			return err;
		s->role[i] = role_of(&s->user[i], i > 0);
	}
	if (user_cnt > 1 && s->role[user_cnt - 1] == FT_NR_PLAIN &&
	    is_libc(s->user[user_cnt - 1].file))
		s->role[user_cnt - 1] = FT_NR_ROOT;
	for (i = 0; i < kern_cnt; i++) {
		s->kern[i] = none;
		err = s->symbols ? ft_symbols_kernel(s->symbols, kern[i], i > 0, &s->kern[i]) : 0;
		if (err == -EPERM && !s->no_kernel_names) {
			s->no_kernel_names = true;
			ft_warn("kernel frames stay without names: /proc/kallsyms shows no "
				"addresses (kernel.kptr_restrict)");
		} else if (err && err != -EPERM) {
			return err;
		}
		leading = leading && is_tracing(s->kern[i].name);
		if (leading)
			*kern_skip = i + 1;
	}
	return 0;
}

static int frame_of(struct ft_stacker *s, const struct ft_merged *m, const struct ft_pyframe *py,
		    size_t kern_skip, __u32 target, __u32 *frame)
{
	switch (m->part) {
	case FT_PART_PY:
		return python_frame(s, &py[m->idx], target, frame);
	case FT_PART_USER:
		return native_frame(s, &s->user[m->idx], FT_FK_NATIVE, frame);
	case FT_PART_KERN:
		return native_frame(s, &s->kern[m->idx + kern_skip], FT_FK_KERNEL, frame);
	case FT_PART_UNSEEN:
		return mark_frame(s, "[interpreter's eval loop not recognised]", 0, frame);
	default:
		return cut_frame(s, m->idx, frame);
	}
}

static int add_stack(struct ft_stacker *s, __u64 id, __u32 node)
{
	struct stack_entry *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->id = id;
	e->node = node;
	HASH_ADD(hh, s->stacks, id, sizeof(e->id), e);
	if (e->failed) {
		free(e);
		return -ENOMEM;
	}
	s->stack_cnt++;
	return 0;
}

static int on_stack(struct ft_stacker *s, const struct ft_ev_stack *ev, const struct ft_pyframe *py,
		    const __u64 *user, const __u64 *kern)
{
	struct ft_merge m = {
		.py = py,
		.py_cnt = ev->py_cnt,
		.role = s->role,
		.user_cnt = ev->user_cnt,
		.native = s->native && ev->user_cnt,
	};
	__u32 node = FT_NO_STACK, frame;
	struct stack_entry *e;
	size_t skip, n;
	int err;

	HASH_FIND(hh, s->stacks, &ev->id, sizeof(ev->id), e);
	if (e || s->stack_cnt >= STACKS_MAX)
		return 0;
	err = name_native(s, user, ev->user_cnt, kern, ev->kern_cnt, &skip);
	if (err)
		return err;
	m.kern_cnt = ev->kern_cnt - skip;
	n = ft_merge(&m, s->merged);
	if (!n) {
		err = mark_frame(s, "[no Python frames]", 0, &frame);
		err = err ?: ft_intern_node(s->intern, FT_NO_STACK, frame, &node);
		return err ?: add_stack(s, ev->id, node);
	}
	while (n--) {
		__u32 parent = node;

		err = frame_of(s, &s->merged[n], py, skip, owner(ev->target, &ev->h), &frame);
		err = err ?: ft_intern_node(s->intern, parent, frame, &node);
		if (err)
			return err;
		if (node == FT_NO_STACK)
			break; /* the tree is full */
	}
	return add_stack(s, ev->id, node);
}

int ft_stacker_record(struct ft_stacker *s, const void *data, size_t len)
{
	const struct ft_ev_stack *st = data;
	const struct ft_ev_code *c = data;
	const __u8 *bytes = data;

	if (len < sizeof(struct ft_ev_hdr))
		return -EBADMSG;
	if (st->h.type == FT_EV_STACK) {
		if (len < sizeof(*st) || st->py_cnt > FT_PY_ELEMS || st->user_cnt > FT_USER_DEPTH ||
		    st->kern_cnt > FT_KERN_DEPTH || st->target >= FT_MAX_TARGETS ||
		    len != sizeof(*st) + st->py_cnt * sizeof(struct ft_pyframe) +
				    (st->user_cnt + (size_t)st->kern_cnt) * 8)
			return -EBADMSG;
		bytes += sizeof(*st);
		return on_stack(s, st, (const void *)bytes,
				(const void *)(bytes + st->py_cnt * sizeof(struct ft_pyframe)),
				(const void *)(bytes + st->py_cnt * sizeof(struct ft_pyframe) +
					       st->user_cnt * 8));
	}
	if (st->h.type != FT_EV_CODE || len < sizeof(*c) || c->target >= FT_MAX_TARGETS ||
	    len != sizeof(*c) + (size_t)c->name_len + c->file_len + c->lines_len)
		return -EBADMSG;
	return on_code(s, c, bytes + sizeof(*c));
}

int ft_stacker_add(struct ft_stacker *s, __u32 target, const struct ft_pyframe *py, int cnt,
		   __u64 *id)
{
	struct ft_ev_stack ev = {.target = target, .py_cnt = (__u16)cnt};
	struct ft_pyframe again;
	struct ft_pywalk w;
	int i;

	ev.h.slot = ft_probe_program(s->probe);
	ft_pw_begin(&w, 0);
	/* as bpf/stack.bpf.h has it: the same stack, the same id */
	w.hash += (__u64)ev.h.slot << 8;
	for (i = 0; i < cnt; i++)
		ft_pw_put(&w, &again, py[i].code, py[i].ident, py[i].at);
	ev.id = w.hash ? w.hash : 1;
	*id = ev.id;
	return on_stack(s, &ev, py, NULL, NULL);
}

int ft_stacker_node(const struct ft_stacker *s, __u64 id, __u32 *node)
{
	struct stack_entry *e;

	*node = FT_NO_STACK;
	if (!id)
		return 0;
	HASH_FIND(hh, s->stacks, &id, sizeof(id), e);
	if (!e)
		return s->stack_cnt >= STACKS_MAX ? 0 : -ENOENT;
	*node = e->node;
	return 0;
}

static int add_weight(struct ft_stacker *s, const struct ft_wkey *k, const struct ft_wval *v)
{
	struct ft_weight w = {
		.arg = k->arg, .kind = k->kind, .ns = v->ns, .raw_ns = v->raw_ns, .cnt = v->cnt};

	if (!v->cnt || k->kind >= FT_SK_CNT)
		return 0;
	if (ft_stacker_node(s, k->stack, &w.stack))
		s->undescribed++;
	return ft_intern_weight(s->intern, &w);
}

static int on_weight(void *ctx, const struct ft_wkey *k, const struct ft_wval *v)
{
	return add_weight(ctx, k, v);
}

static void rewind_weights(struct ft_stacker *s)
{
	ft_intern_rewind(s->intern);
	s->undescribed = s->undescribed_kept;
}

int ft_stacker_weights(struct ft_stacker *s, bool end)
{
	int n;

	rewind_weights(s);
	n = ft_probe_weights(s->probe, end, on_weight, s);
	if (n < 0)
		return n;
	if (n < WEIGHTS_TAKE && !end)
		return 0;
	if (!end) {
		rewind_weights(s);
		n = ft_probe_weights(s->probe, true, on_weight, s);
		if (n < 0)
			return n;
	}
	ft_intern_keep(s->intern);
	s->undescribed_kept = s->undescribed;
	return 0;
}

int ft_stacker_weight(struct ft_stacker *s, const struct ft_wkey *k, const struct ft_wval *v)
{
	return add_weight(s, k, v);
}

void ft_stacker_view(const struct ft_stacker *s, struct ft_stacks *out)
{
	ft_intern_view(s->intern, out);
}

void ft_stacker_totals(const struct ft_stacker *s, struct ft_totals *t)
{
	t->stacks_distinct = s->stack_cnt;
	t->stacks_cap = STACKS_MAX;
	t->stacks_unnamed = s->unnamed;
	t->stacks_undescribed = s->undescribed;
}

void ft_stacker_cuts(const struct ft_stacker *s, char *buf, size_t sz)
{
	size_t n = 0;
	int i;

	buf[0] = 0;
	/* whole names, or the last one would be another library's, or half a character */
	for (i = 0; i < s->cut_cnt && n + strlen(s->cut[i]) + 1 < sz; i++)
		n += (size_t)snprintf(buf + n, sz - n, "%s%s", i ? "\n" : "", s->cut[i]);
}

int ft_stacker_each_code(const struct ft_stacker *s, ft_stacker_code_cb cb, void *ctx)
{
	__u16 program = ft_probe_program(s->probe);
	const struct code_entry *c;
	int err = 0;

	for (c = s->codes; c && !err; c = c->hh.next) {
		if (!c->gone && c->key.target >> 16 == program)
			err = cb(ctx, c->key.code, c->key.ident);
	}
	return err;
}
