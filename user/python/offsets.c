/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * _Py_DebugOffsets by version.
 *
 * The structure is nothing but 64-bit words, but each minor version puts new ones into its
 * middle: so every version has its own list of positions. The lists are those of 3.13.0
 * (pycore_runtime.h), 3.14.6 and 3.15.2 (pycore_debug_offsets.h); 3.13.18 and 3.14.10 have the
 * same.
 */
#include "python/offsets.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* The condvars and mutexes inside the GIL: the target's libc is glibc, as is ours. */
#define COND_SZ ((__u64)sizeof(pthread_cond_t))
#define MUTEX_SZ ((__u64)sizeof(pthread_mutex_t))

#ifdef __x86_64__
_Static_assert(sizeof(pthread_cond_t) == 48 && sizeof(pthread_mutex_t) == 40, "glibc sizes");
#endif

#define GIL_MAX 256u /* the promise of struct ft_target */

/* Position of each word; 0 (the cookie) stands for "not in this version". */
struct layout {
	__u32 version;	      /* major << 8 | minor */
	__u8 words;	      /* length of the whole structure */
	__u8 status_to_state; /* bytes from PyThreadState._status to .state */
	__u8 runtime_size, interp_head;
	__u8 interp_size, interp_id, interp_next, interp_threads, interp_gil;
	__u8 own_gil, own_gil_enabled, own_gil_locked, own_gil_holder;
	__u8 interp_gc, interp_modules, gc_size, gc_collecting;
	__u8 ts_size, ts_prev, ts_next, ts_interp, ts_frame, ts_thread_id, ts_native_id, ts_status;
	__u8 ob_size, ob_type, type_size, tp_name;
	__u8 fr_size, fr_previous, fr_executable, fr_instr_ptr, fr_owner, fr_tlbc;
	__u8 co_size, co_filename, co_qualname, co_linetable, co_firstlineno, co_localsplusnames;
	__u8 co_code, co_tlbc;
	__u8 bytes_size, bytes_ob_size, bytes_data;
	__u8 str_size, str_state, str_length, str_ascii, str_compact;
	/* no positions: what is not published */
	__u8 owner_entry;   /* enum _frameowner: from here on no Python function's frame */
	__u8 kind_shift[2]; /* of `kind` in a string's state word; [1]: free-threaded build */
};

static const struct layout layouts[] = {
	{
		.version = 0x30d,
		.words = 73,
		.status_to_state = 8, /* _whence stands between them */
		.runtime_size = 3,
		.interp_head = 5,
		.interp_size = 6,
		.interp_id = 7,
		.interp_next = 8,
		.interp_threads = 9,
		.interp_gil = 14,
		.own_gil = 15,
		.own_gil_enabled = 16,
		.own_gil_locked = 17,
		.own_gil_holder = 18,
		.interp_gc = 10,
		.interp_modules = 11,
		.gc_size = 71,
		.gc_collecting = 72,
		.ts_size = 19,
		.ts_prev = 20,
		.ts_next = 21,
		.ts_interp = 22,
		.ts_frame = 23,
		.ts_thread_id = 24,
		.ts_native_id = 25,
		.ts_status = 27,
		.ob_size = 44,
		.ob_type = 45,
		.type_size = 46,
		.tp_name = 47,
		.fr_size = 28,
		.fr_previous = 29,
		.fr_executable = 30,
		.fr_instr_ptr = 31,
		.fr_owner = 33,
		.co_size = 34,
		.co_filename = 35,
		.co_qualname = 37,
		.co_linetable = 38,
		.co_firstlineno = 39,
		.co_localsplusnames = 41,
		.co_code = 43,
		.bytes_size = 64,
		.bytes_ob_size = 65,
		.bytes_data = 66,
		.str_size = 67,
		.str_state = 68,
		.str_length = 69,
		.str_ascii = 70,
		.owner_entry = 3,     /* FRAME_OWNED_BY_CSTACK */
		.kind_shift = {2, 2}, /* after `interned:2` */
	},
	{
		.version = 0x30e,
		.words = 95,
		.status_to_state = 12, /* holds_gil and _whence stand between them */
		.runtime_size = 3,
		.interp_head = 5,
		.interp_size = 6,
		.interp_id = 7,
		.interp_next = 8,
		.interp_threads = 9,
		.interp_gil = 15,
		.own_gil = 16,
		.own_gil_enabled = 17,
		.own_gil_locked = 18,
		.own_gil_holder = 19,
		.interp_gc = 11,
		.interp_modules = 12,
		.gc_size = 81,
		.gc_collecting = 82,
		.ts_size = 22,
		.ts_prev = 23,
		.ts_next = 24,
		.ts_interp = 25,
		.ts_frame = 26,
		.ts_thread_id = 27,
		.ts_native_id = 28,
		.ts_status = 30,
		.ob_size = 50,
		.ob_type = 51,
		.type_size = 52,
		.tp_name = 53,
		.fr_size = 31,
		.fr_previous = 32,
		.fr_executable = 33,
		.fr_instr_ptr = 34,
		.fr_owner = 36,
		.fr_tlbc = 38,
		.co_size = 39,
		.co_filename = 40,
		.co_qualname = 42,
		.co_linetable = 43,
		.co_firstlineno = 44,
		.co_localsplusnames = 46,
		.co_code = 48,
		.co_tlbc = 49,
		.bytes_size = 74,
		.bytes_ob_size = 75,
		.bytes_data = 76,
		.str_size = 77,
		.str_state = 78,
		.str_length = 79,
		.str_ascii = 80,
		.owner_entry = 3,     /* FRAME_OWNED_BY_INTERPRETER; CSTACK is 4 */
		.kind_shift = {2, 8}, /* `interned` is a byte where there is no GIL */
	},
	{
		.version = 0x30f,
		.words = 111,
		.status_to_state = 16, /* holds_gil, gil_requested and _whence between them */
		.runtime_size = 3,
		.interp_head = 5,
		.interp_size = 6,
		.interp_id = 7,
		.interp_next = 8,
		.interp_threads = 9,
		.interp_gil = 15,
		.own_gil = 16,
		.own_gil_enabled = 17,
		.own_gil_locked = 18,
		.own_gil_holder = 19,
		.interp_gc = 11,
		.interp_modules = 12,
		.gc_size = 94,
		.gc_collecting = 95,
		.ts_size = 22,
		.ts_prev = 23,
		.ts_next = 24,
		.ts_interp = 25,
		.ts_frame = 26,
		.ts_thread_id = 30,
		.ts_native_id = 31,
		.ts_status = 33,
		.ob_size = 58,
		.ob_type = 59,
		.type_size = 60,
		.tp_name = 61,
		.fr_size = 39,
		.fr_previous = 40,
		.fr_executable = 41,
		.fr_instr_ptr = 42,
		.fr_owner = 44,
		.fr_tlbc = 46,
		.co_size = 47,
		.co_filename = 48,
		.co_qualname = 50,
		.co_linetable = 51,
		.co_firstlineno = 52,
		.co_localsplusnames = 54,
		.co_code = 56,
		.co_tlbc = 57,
		.bytes_size = 86,
		.bytes_ob_size = 87,
		.bytes_data = 88,
		.str_size = 89,
		.str_state = 90,
		.str_length = 91,
		.str_ascii = 92,
		.str_compact = 93,
		.owner_entry = 3, /* FRAME_OWNED_BY_INTERPRETER, the last */
		.kind_shift = {2, 8},
	},
};

char *ft_python_version(__u32 hex, char *buf, size_t sz)
{
	static const char *const level[16] = {[0xa] = "a", [0xb] = "b", [0xc] = "rc"};
	const char *lvl = level[hex >> 4 & 15];
	char pre[16] = "";

	if (lvl)
		snprintf(pre, sizeof(pre), "%s%u", lvl, hex & 15);
	snprintf(buf, sz, "%u.%u.%u%s", hex >> 24, hex >> 16 & 255, hex >> 8 & 255, pre);
	return buf;
}

static __u64 word(const void *buf, unsigned int i)
{
	__u64 v;

	memcpy(&v, (const char *)buf + 8 * (size_t)i, sizeof(v));
	return v;
}

/* One thing to check: an offset of a field of `len` bytes inside a structure of `size` bytes. */
struct bound {
	const char *name;
	__u64 off, len, size;
};

static const char *check_bounds(const struct bound *b, size_t cnt)
{
	size_t i;

	for (i = 0; i < cnt; i++) {
		if (b[i].off > b[i].size || b[i].len > b[i].size - b[i].off || b[i].off % b[i].len)
			return b[i].name;
	}
	return NULL;
}

/* Returns the name of the first word that cannot be, or NULL. */
static const char *implausible(const struct ft_offsets *o, __u64 type_size)
{
	const struct bound sizes[] = {
		/* as fields of an imaginary 16 MB: a structure is a multiple of 8, and not huge */
		{"runtime size", o->runtime_size, 8, 16 << 20},
		{"interpreter size", o->interp_size, 8, 16 << 20},
		{"thread state size", o->ts_size, 8, 1 << 20},
		{"object size", o->ob_size, 8, 64},
		{"type size", type_size, 8, 64 << 10},
	};
	const struct bound fields[] = {
		{"interpreters.head", o->interp_head, 8, o->runtime_size},
		{"interpreter id", o->interp_id, 8, o->interp_size},
		{"interpreter next", o->interp_next, 8, o->interp_size},
		{"threads.head", o->interp_threads, 8, o->interp_size},
		{"ceval.gil", o->interp_gil, 8, o->interp_size},
		{"_gil", o->interp_own_gil, 8, o->interp_size},
		{"imports.modules", o->interp_modules, 8, o->interp_size},
		{"gc", o->interp_gc, 8, o->interp_size},
		{"gc size", o->gc_size, 8, o->interp_size - o->interp_gc},
		{"gc.collecting", o->gc_collecting, 4, o->gc_size},
		{"thread prev", o->ts_prev, 8, o->ts_size},
		{"thread next", o->ts_next, 8, o->ts_size},
		{"thread interp", o->ts_interp, 8, o->ts_size},
		{"current_frame", o->ts_frame, 8, o->ts_size},
		{"thread_id", o->ts_thread_id, 8, o->ts_size},
		{"native_thread_id", o->ts_native_id, 8, o->ts_size},
		{"thread _status", o->ts_status, 4, o->ts_size},
		{"thread state", o->ts_state, 4, o->ts_size},
		{"ob_type", o->ob_type, 8, o->ob_size},
		{"tp_name", o->tp_name, 8, type_size},
	};
	const char *bad = check_bounds(sizes, sizeof(sizes) / sizeof(sizes[0]));

	if (!bad)
		bad = check_bounds(fields, sizeof(fields) / sizeof(fields[0]));
	if (!bad && (!o->runtime_size || !o->interp_head))
		bad = "interpreters.head"; /* the offsets themselves stand at 0 */
	if (!bad && (o->interp_next == o->interp_threads || o->interp_next == o->interp_gil ||
		     o->ts_next == o->ts_interp || o->ts_next == o->ts_native_id))
		bad = "two fields in one place";
	return bad;
}

/*
 * The published words give last_holder and locked; what stands around them follows from the
 * structure, which is the same in 3.12 to 3.15:
 *	[int enabled;] ulong interval; last_holder; int locked; ulong switch_number;
 *	cond; mutex; switch_cond; switch_mutex
 */
static const char *derive_gil(struct ft_offsets *o, __u64 holder, __u64 locked, __u64 enabled)
{
	__u64 first = o->free_threaded ? 8 : 0, end;

	if (holder < o->interp_own_gil || holder - o->interp_own_gil != first + 8)
		return "_gil.last_holder";
	if (locked < holder || locked - holder != 8)
		return "_gil.locked";
	if (enabled)
		return "_gil.enabled"; /* relative to the GIL, unlike the other two */
	o->gil_enabled = 0;
	o->gil_interval = (__u16)first;
	o->gil_last_holder = (__u16)(first + 8);
	o->gil_locked = (__u16)(first + 16);
	o->gil_switch_number = (__u16)(first + 24);
	o->gil_cond = (__u16)(first + 32);
	o->gil_mutex = (__u16)(o->gil_cond + COND_SZ);
	o->gil_switch_cond = (__u16)(o->gil_mutex + MUTEX_SZ);
	o->gil_switch_mutex = (__u16)(o->gil_switch_cond + COND_SZ);
	end = o->gil_switch_mutex + MUTEX_SZ;
	if (end > GIL_MAX || end > o->interp_size - o->interp_own_gil)
		return "_gil";
	o->gil_size = (__u16)end;
	return NULL;
}

/*
 * What the walker of stacks needs. A structure is given by the position of its size, by the part
 * of it that the walker copies, and by where its own fields begin.
 */
enum in {
	IN_FRAME,
	IN_CODE,
	IN_BYTES,
	IN_STR,
};

struct pyfield {
	const char *name;
	enum in in;
	__u8 len;
	size_t pos; /* of its position in struct layout */
	size_t to;  /* in struct ft_pylayout */
};

#define PYFIELD(text, where, bytes, from, field)                                                   \
	{                                                                                          \
		.name = text, .in = where, .len = bytes, .pos = offsetof(struct layout, from),     \
		.to = offsetof(struct ft_pylayout, field)                                          \
	}

static const struct pyfield pyfields[] = {
	PYFIELD("frame previous", IN_FRAME, 8, fr_previous, fr_previous),
	PYFIELD("frame executable", IN_FRAME, 8, fr_executable, fr_executable),
	PYFIELD("frame instr_ptr", IN_FRAME, 8, fr_instr_ptr, fr_instr_ptr),
	PYFIELD("frame owner", IN_FRAME, 1, fr_owner, fr_owner),
	PYFIELD("frame tlbc_index", IN_FRAME, 4, fr_tlbc, fr_tlbc),
	PYFIELD("code filename", IN_CODE, 8, co_filename, co_filename),
	PYFIELD("code qualname", IN_CODE, 8, co_qualname, co_qualname),
	PYFIELD("code linetable", IN_CODE, 8, co_linetable, co_linetable),
	PYFIELD("code firstlineno", IN_CODE, 4, co_firstlineno, co_firstlineno),
	PYFIELD("co_code_adaptive", IN_CODE, 2, co_code, co_code),
	PYFIELD("co_tlbc", IN_CODE, 8, co_tlbc, co_tlbc),
	PYFIELD("bytes size", IN_BYTES, 8, bytes_ob_size, bytes_size),
	PYFIELD("bytes data", IN_BYTES, 8, bytes_data, bytes_data),
	PYFIELD("string length", IN_STR, 8, str_length, str_length),
	PYFIELD("string state", IN_STR, 4, str_state, str_state),
};

#define PYFIELD_CNT (sizeof(pyfields) / sizeof(pyfields[0]))

/* The value of a field, 0 for one that the version has not (only the two of tlbc may miss). */
static __u64 pyvalue(const void *buf, const struct layout *l, const struct pyfield *f)
{
	__u8 pos = *((const __u8 *)l + f->pos);

	return pos ? word(buf, pos) : 0;
}

/* Only the free-threaded builds of 3.14 and later have the two fields of tlbc: 0 is "none". */
static bool is_none(const struct pyfield *f, __u64 off)
{
	return !off && (f->to == offsetof(struct ft_pylayout, fr_tlbc) ||
			f->to == offsetof(struct ft_pylayout, co_tlbc));
}

/* [*lo, *hi): where a field may lie. */
static void pylimits(const void *buf, const struct layout *l, const struct ft_offsets *o,
		     enum in in, __u64 *lo, __u64 *hi)
{
	const struct {
		__u8 size;
		__u64 max;
	} s[] = {
		[IN_FRAME] = {l->fr_size, FT_PY_FRAME_BYTES},
		[IN_CODE] = {l->co_size, FT_PY_CODE_BYTES},
		[IN_BYTES] = {l->bytes_size, 256},
		[IN_STR] = {l->str_size, 256},
	};

	*lo = in == IN_FRAME ? 0 : o->ob_size;
	*hi = word(buf, s[in].size);
	if (*hi > s[in].max)
		*hi = s[in].max;
}

static bool overlap(__u64 a, __u64 a_len, __u64 b, __u64 b_len)
{
	return a < b + b_len && b < a + a_len;
}

/* Fills the fields that are published as they are. */
static const char *fill_pyfields(const void *buf, const struct layout *l, struct ft_offsets *o)
{
	size_t i, j;

	for (i = 0; i < PYFIELD_CNT; i++) {
		const struct pyfield *f = &pyfields[i], *g;
		__u64 off = pyvalue(buf, l, f), lo, hi;
		__u16 v = (__u16)off;

		if (!is_none(f, off)) {
			pylimits(buf, l, o, f->in, &lo, &hi);
			if (off < lo || off > hi || f->len > hi - off || off % f->len)
				return f->name;
			for (j = 0; j < i; j++) {
				g = &pyfields[j];
				if (g->in == f->in && !is_none(g, pyvalue(buf, l, g)) &&
				    overlap(off, f->len, pyvalue(buf, l, g), g->len))
					return "two fields in one place";
			}
		}
		memcpy((char *)&o->py + f->to, &v, sizeof(v));
	}
	return NULL;
}

/* Where the characters of a string begin, and where its state word says what they are. */
static const char *fill_string(const void *buf, const struct layout *l, struct ft_offsets *o)
{
	struct ft_pylayout *py = &o->py;
	__u64 ascii = word(buf, l->str_ascii), compact, lo, hi;

	pylimits(buf, l, o, IN_STR, &lo, &hi);
	if (ascii < py->str_state + 4u || ascii < py->str_length + 8u || ascii > hi || ascii % 8)
		return "ASCII string size";
	/* PyCompactUnicodeObject adds utf8_length and utf8 */
	compact = l->str_compact ? word(buf, l->str_compact) : ascii + 16;
	if (compact != ascii + 16 || compact > hi)
		return "compact string size";
	py->str_ascii = (__u16)ascii;
	py->str_compact = (__u16)compact;
	py->str_kind_shift = l->kind_shift[o->free_threaded];
	py->str_compact_shift = py->str_kind_shift + 3;
	py->str_ascii_shift = py->str_kind_shift + 4;
	return NULL;
}

static const char *derive_py(const void *buf, const struct layout *l, struct ft_offsets *o)
{
	struct ft_pylayout *py = &o->py;
	__u64 names = word(buf, l->co_localsplusnames);
	const struct bound sizes[] = {
		{"frame size", word(buf, l->fr_size), 8, 64 << 10},
		{"code size", word(buf, l->co_size), 8, 64 << 10},
		{"bytes object size", word(buf, l->bytes_size), 8, 64 << 10},
		{"string size", word(buf, l->str_size), 8, 64 << 10},
	};
	const char *bad = check_bounds(sizes, sizeof(sizes) / sizeof(sizes[0]));

	if (!bad)
		bad = fill_pyfields(buf, l, o);
	if (!bad)
		bad = fill_string(buf, l, o);
	if (bad)
		return bad;
	if (!py->fr_tlbc != !py->co_tlbc || (py->fr_tlbc && !o->free_threaded))
		return "tlbc";
	if (o->interp_threads > 0xffff)
		return "threads.head";
	if (o->ts_next > 0xffff || o->ts_frame > 0xffff)
		return "current_frame";
	py->ob_type = (__u16)o->ob_type; /* below 64 */
	py->interp_threads = (__u16)o->interp_threads;
	py->ts_next = (__u16)o->ts_next;
	py->ts_frame = (__u16)o->ts_frame;
	if (names > FT_PY_CODE_BYTES - 8 || names % 8)
		return "code localsplusnames";
	/*
	 * co_version is not published. It stands right before co_localsplusnames in 3.13 to 3.15,
	 * six ints after co_firstlineno; where that is not so there is none to tell two code
	 * objects by.
	 */
	py->co_version =
		names == py->co_firstlineno + 28u ? (__u16)(names - 4) : py->co_firstlineno;
	py->owner_entry = l->owner_entry;
	return NULL;
}

static const struct layout *find_layout(__u64 version)
{
	size_t i;

	for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		if (version >> 16 == layouts[i].version)
			return &layouts[i];
	}
	return NULL;
}

static void read_words(const void *buf, const struct layout *l, struct ft_offsets *o)
{
	o->runtime_size = word(buf, l->runtime_size);
	o->interp_head = word(buf, l->interp_head);
	o->interp_size = word(buf, l->interp_size);
	o->interp_id = word(buf, l->interp_id);
	o->interp_next = word(buf, l->interp_next);
	o->interp_threads = word(buf, l->interp_threads);
	o->interp_gil = word(buf, l->interp_gil);
	o->interp_own_gil = word(buf, l->own_gil);
	o->interp_gc = word(buf, l->interp_gc);
	o->interp_modules = word(buf, l->interp_modules);
	o->gc_size = word(buf, l->gc_size);
	o->gc_collecting = word(buf, l->gc_collecting);
	o->ts_size = word(buf, l->ts_size);
	o->ts_prev = word(buf, l->ts_prev);
	o->ts_next = word(buf, l->ts_next);
	o->ts_interp = word(buf, l->ts_interp);
	o->ts_frame = word(buf, l->ts_frame);
	o->ts_thread_id = word(buf, l->ts_thread_id);
	o->ts_native_id = word(buf, l->ts_native_id);
	o->ts_status = word(buf, l->ts_status);
	o->ts_state = o->ts_status + l->status_to_state;
	o->ob_size = word(buf, l->ob_size);
	o->ob_type = word(buf, l->ob_type);
	o->tp_name = word(buf, l->tp_name);
}

int ft_offsets_parse(const void *buf, size_t len, struct ft_offsets *out, char *why, size_t why_sz)
{
	const struct layout *l;
	const char *bad;
	__u64 version, ft;
	char ver[32];

	memset(out, 0, sizeof(*out));
	if (len < 24) {
		snprintf(why, why_sz, "the interpreter's table of offsets is cut short");
		return -EMSGSIZE;
	}
	if (memcmp(buf, FT_PY_COOKIE, 8)) {
		snprintf(why, why_sz, "the interpreter publishes no table of offsets");
		return -EBADMSG;
	}
	version = word(buf, 1);
	ft = word(buf, 2);
	if (version > 0xffffffffull || ft > 1) {
		snprintf(why, why_sz,
			 "the interpreter's table of offsets makes no sense (version)");
		return -EBADMSG;
	}
	ft_python_version((__u32)version, ver, sizeof(ver));
	l = find_layout(version);
	if (!l) {
		snprintf(why, why_sz,
			 "Python %s is not known to this ftprof, which knows 3.9 to 3.15: look for "
			 "a newer ftprof",
			 ver);
		return -EPROTO;
	}
	if (len < 8 * (size_t)l->words) {
		snprintf(why, why_sz, "the interpreter's table of offsets is cut short");
		return -EMSGSIZE;
	}
	out->version = (__u32)version;
	out->free_threaded = ft;
	read_words(buf, l, out);
	bad = implausible(out, word(buf, l->type_size));
	if (!bad)
		bad = derive_gil(out, word(buf, l->own_gil_holder), word(buf, l->own_gil_locked),
				 word(buf, l->own_gil_enabled));
	if (!bad)
		bad = derive_py(buf, l, out);
	if (bad) {
		snprintf(why, why_sz, "the table of offsets of Python %s makes no sense (%s)", ver,
			 bad);
		return -EBADMSG;
	}
	return 0;
}

void ft_offsets_target(const struct ft_offsets *off, struct ft_target *t)
{
	t->runtime_size = off->runtime_size;
	t->interp_head = off->interp_head;
	t->interp_next = off->interp_next;
	t->interp_gil = off->interp_gil;
	t->tstate_native_id = off->ts_native_id;
	t->tstate_state = off->ts_state;
	t->ob_type = off->ob_type;
	t->tp_name = off->tp_name;
	t->ob_size = off->ob_size;
	t->gil_enabled = off->gil_enabled;
	t->gil_last_holder = off->gil_last_holder;
	t->gil_locked = off->gil_locked;
	t->gil_switch_number = off->gil_switch_number;
	t->gil_cond = off->gil_cond;
	t->gil_mutex = off->gil_mutex;
	t->gil_switch_cond = off->gil_switch_cond;
	t->gil_switch_mutex = off->gil_switch_mutex;
	t->gil_size = off->gil_size;
	t->free_threaded = off->free_threaded;
	t->py = off->py;
	t->has_parking_lot = 1; /* 3.13 and later, and only those have offsets */
}
