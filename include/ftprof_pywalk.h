/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The walk over the Python frames of one thread, as pure steps: no maps, no sections, no I/O. The
 * BPF programs, user space and the unit tests on memory images compile the same text.
 *
 * Whoever includes it defines FT_PW_READ(ctx, dst, len, addr) before: copies len bytes of the
 * target's memory, 0 when all of them were there. Nothing that is read is believed: a frame may be
 * half written, a page may be gone. Every walk ends after at most FT_PY_ELEMS steps.
 */
#ifndef FTPROF_PYWALK_H
#define FTPROF_PYWALK_H

#include "ftprof_abi.h"

#ifndef ft_inline
#define ft_inline static inline __attribute__((always_inline))
#endif

/*
 * Where the parts of the target's memory are copied to; the slack is for masked offsets, and the
 * alignment for the words that are taken out.
 */
struct ft_pybuf {
	__u8 frame[128 + 8] __attribute__((aligned(8)));
	__u8 code[FT_PY_CODE_BYTES + 8] __attribute__((aligned(8)));
};

struct ft_pywalk {
	__u64 frame; /* address of the next one, 0: the walk is over */
	__u64 hash;  /* of all elements so far */
	__u32 depth; /* Python functions so far */
	__u32 cnt;   /* elements so far, marks too */
	__u32 marks; /* those that were met: bits of enum ft_pymark */
	__u32 open;  /* a Python function was met since the last entry from C */
};

ft_inline __u64 ft_pw_mix(__u64 h, __u64 v)
{
	h ^= v;
	h *= 0x9e3779b97f4a7c15ull;
	return h ^ (h >> 29);
}

/* The masks keep any offset inside the buffer, as the verifier wants to see; layouts are checked.
 */
ft_inline __u64 ft_pw_frame64(const struct ft_pybuf *b, __u16 off)
{
	return *(const __u64 *)(b->frame + (off & 0x78));
}

ft_inline __u64 ft_pw_code64(const struct ft_pybuf *b, __u16 off)
{
	return *(const __u64 *)(b->code + (off & 0xf8));
}

ft_inline __u32 ft_pw_code32(const struct ft_pybuf *b, __u16 off)
{
	return *(const __u32 *)(b->code + (off & 0xfc));
}

/*
 * What tells a code object from the one that stood at its address before: co_version counts the
 * code objects of an interpreter (codeobject.c, init_code) until it wraps to 0; the first line and
 * the addresses of what it owns are added for then, and for other interpreters.
 */
ft_inline __u32 ft_pw_ident(const struct ft_pylayout *l, const struct ft_pybuf *b)
{
	__u64 h = ft_pw_code32(b, l->co_version);

	h = ft_pw_mix(h << 32 | ft_pw_code32(b, l->co_firstlineno),
		      ft_pw_code64(b, l->co_filename));
	h = ft_pw_mix(h, ft_pw_code64(b, l->co_qualname));
	h = ft_pw_mix(h, ft_pw_code64(b, l->co_linetable));
	return (__u32)(h >> 32) ^ (__u32)h;
}

/*
 * The frame under every __init__() that specialised code calls (_Py_InitCleanup, specialize.c, 3.12
 * and later) is nobody's function: it has no first line, and its name is its file name.
 */
ft_inline int ft_pw_is_shim(const struct ft_pylayout *l, const struct ft_pybuf *b)
{
	return !ft_pw_code32(b, l->co_firstlineno) &&
	       ft_pw_code64(b, l->co_filename) == ft_pw_code64(b, l->co_qualname);
}

ft_inline void ft_pw_put(struct ft_pywalk *w, struct ft_pyframe *out, __u64 code, __u32 ident,
			 __u32 at)
{
	out->code = code;
	out->ident = ident;
	out->at = at;
	w->hash = ft_pw_mix(ft_pw_mix(w->hash, code), (__u64)ident << 32 | at);
	w->cnt++;
}

ft_inline void ft_pw_mark(struct ft_pywalk *w, struct ft_pyframe *out, __u32 mark)
{
	w->marks |= 1u << mark;
	ft_pw_put(w, out, 0, mark, 0);
}

/*
 * Copies the head of a code object and checks that it is one. 0, or the mark that stands for it.
 * `addr` is free of tag bits.
 */
#define FT_PW_CODE(ctx, l, b, addr)                                                                \
	(FT_PW_READ(ctx, (b)->code, FT_PY_CODE_BYTES, addr)		      ? FT_PM_CODE         \
	 : ft_pw_code64(b, (l)->ob_type) != (l)->code_type || !(l)->code_type ? FT_PM_TYPE         \
									      : FT_PM_NONE)

/*
 * The index of the instruction that the frame in the buffer executes, whose code object is in the
 * buffer too. Free-threaded builds from 3.14 on give each thread a copy of the bytecode
 * (co_tlbc: {Py_ssize_t size; char *entries[]}, pycore_code.h): the instruction pointer of all but
 * the first thread lies in a copy.
 */
#define FT_PW_AT(ctx, l, b, addr, at)                                                              \
	do {                                                                                       \
		__u64 base_ = (addr) + (l)->co_code;                                               \
		__u64 ip_ = ft_pw_frame64(b, (l)->fr_instr_ptr);                                   \
		__u32 copy_ = 0;                                                                   \
                                                                                                   \
		if ((l)->fr_tlbc && (l)->co_tlbc)                                                  \
			copy_ = *(const __u32 *)((b)->frame + ((l)->fr_tlbc & 0x7c));              \
		if (copy_) {                                                                       \
			__u64 copies_ = ft_pw_code64(b, (l)->co_tlbc);                             \
                                                                                                   \
			base_ = 0;                                                                 \
			if (copies_ && copy_ < 0x100000 &&                                         \
			    FT_PW_READ(ctx, &base_, 8, copies_ + 8 + (__u64)copy_ * 8))            \
				base_ = 0;                                                         \
		}                                                                                  \
		ip_ -= base_;                                                                      \
		(at) = base_ && ip_ < 0x8000000 ? (__u32)(ip_ >> 1) : FT_PY_NO_AT;                 \
	} while (0)

/*
 * Begins a walk at a frame (thread_state.current_frame), 0: the thread runs no Python now. The
 * hash of nothing is not 0, which stands for "not walked".
 */
ft_inline void ft_pw_begin(struct ft_pywalk *w, __u64 frame)
{
	w->frame = frame;
	w->hash = 0x66747072;
	w->depth = 0;
	w->cnt = 0;
	w->marks = 0;
	w->open = 0;
}

/*
 * One step; only while w->frame is not 0, and at most FT_PW_STEPS times. Adds one element at *out,
 * or none for a frame that nobody wants to see: w->cnt tells. A macro for FT_PW_READ's sake.
 */
#define FT_PW_STEPS (FT_PY_ELEMS + 31)

#define FT_PW_STEP(ctx, l, b, w, out)                                                              \
	do {                                                                                       \
		__u64 addr_ = (w)->frame, prev_, code_;                                            \
		__u32 mark_, at_;                                                                  \
                                                                                                   \
		(w)->frame = 0;                                                                    \
		if ((w)->cnt >= FT_PY_ELEMS - 1) {                                                 \
			ft_pw_mark(w, out, FT_PM_TRUNCATED);                                       \
			break;                                                                     \
		}                                                                                  \
		if (FT_PW_READ(ctx, (b)->frame, FT_PY_FRAME_BYTES, addr_)) {                       \
			ft_pw_mark(w, out, FT_PM_FRAME);                                           \
			break;                                                                     \
		}                                                                                  \
		prev_ = ft_pw_frame64(b, (l)->fr_previous);                                        \
		if (prev_ == addr_) {                                                              \
			ft_pw_mark(w, out, FT_PM_LOOP);                                            \
			break;                                                                     \
		}                                                                                  \
		(w)->frame = prev_;                                                                \
		if ((b)->frame[(l)->fr_owner & 0x7f] >= (l)->owner_entry) {                        \
			/* 3.15 has a base_frame under every thread's first (pycore_tstate.h) */   \
			if (prev_ || (w)->open)                                                    \
				ft_pw_mark(w, out, FT_PM_ENTRY);                                   \
			(w)->open = 0;                                                             \
			break;                                                                     \
		}                                                                                  \
		(w)->open = 1;                                                                     \
		if ((w)->depth >= FT_PY_DEPTH) {                                                   \
			(w)->frame = 0;                                                            \
			ft_pw_mark(w, out, FT_PM_TRUNCATED);                                       \
			break;                                                                     \
		}                                                                                  \
		/* a tagged reference from 3.14 on (pycore_stackref.h), a plain one before */      \
		code_ = ft_pw_frame64(b, (l)->fr_executable) & ~3ull;                              \
		mark_ = FT_PW_CODE(ctx, l, b, code_);                                              \
		if (mark_) {                                                                       \
			ft_pw_mark(w, out, mark_);                                                 \
			break;                                                                     \
		}                                                                                  \
		if (ft_pw_is_shim(l, b))                                                           \
			break;                                                                     \
		(w)->depth++;                                                                      \
		FT_PW_AT(ctx, l, b, code_, at_);                                                   \
		ft_pw_put(w, out, code_, ft_pw_ident(l, b), at_);                                  \
	} while (0)

#endif
