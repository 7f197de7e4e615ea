/* SPDX-License-Identifier: BSD-2-Clause */
/* The walk over the Python frames of one thread, from user space. */
#include "python/walk.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "os/mem.h"

#define SPANS 32
#define COPY_BYTES 24576
#define SPAN_GAP 2048 /* frames of one chunk of the data stack lie closer than that */
#define SPAN_MORE 512 /* behind the innermost frame, for one that is called meanwhile */
#define PAGE 4096ull
#define TRIES 12

/*
 * A copy of the memory in which a thread's frames lie, made by one call of the kernel, so that all
 * of it is of one moment, as near as can be. Not copied twice, to take what is the same in both:
 * that prefers what lasts, and finds callers where the time is in short functions.
 */
struct frames {
	struct {
		__u64 lo, hi;
	} span[SPANS];
	int cnt;
	bool full;  /* there are more than fit: no copies can be made */
	size_t len; /* of a copy: the address of the innermost frame, then the spans */
	__u8 copy[COPY_BYTES];
};

/* Remembers why the last read failed: the steps only know that it did. */
struct reader {
	int pid;
	int err;
	const struct frames *frames;
	const __u8 *copy;	   /* frames are read from there; NULL: from the target */
	__u64 missed[FT_PY_ELEMS]; /* frames that are in no span */
	int missed_cnt;
};

/* Remembers where a frame lies. */
static void learn(struct frames *f, __u64 addr)
{
	__u64 lo = addr, hi = addr + FT_PY_FRAME_BYTES, end = (hi + PAGE - 1) & ~(PAGE - 1);
	int i, at = f->cnt;

	if (lo < SPAN_GAP || hi < lo || end < hi)
		return;
	hi = end - hi > SPAN_MORE ? hi + SPAN_MORE : end;
	for (i = f->cnt - 1; i >= 0; i--)
		if (lo <= f->span[i].hi + SPAN_GAP && lo >= f->span[i].lo - SPAN_GAP)
			at = i;
	if (at == SPANS) {
		f->full = true;
		return;
	}
	if (at == f->cnt) {
		f->span[f->cnt].lo = lo;
		f->span[f->cnt++].hi = hi;
	}
	if (lo < f->span[at].lo)
		f->span[at].lo = lo;
	if (hi > f->span[at].hi)
		f->span[at].hi = hi;
	for (f->len = sizeof(__u64), i = 0; i < f->cnt; i++)
		f->len += f->span[i].hi - f->span[i].lo;
	f->full = f->full || f->len > COPY_BYTES;
}

static int copy_frames(struct frames *f, int pid, __u64 top)
{
	struct iovec remote[SPANS + 1];
	int i;

	remote[0].iov_base = (void *)(uintptr_t)top;
	remote[0].iov_len = sizeof(__u64);
	for (i = 0; i < f->cnt; i++) {
		remote[i + 1].iov_base = (void *)(uintptr_t)f->span[i].lo;
		remote[i + 1].iov_len = f->span[i].hi - f->span[i].lo;
	}
	return ft_mem_readv(pid, remote, (size_t)f->cnt + 1, f->copy, f->len);
}

static int read_frame(struct reader *r, void *dst, __u64 addr)
{
	const struct frames *f = r->frames;
	const __u8 *p = r->copy + sizeof(__u64);
	int i;

	for (i = 0; r->copy && i < f->cnt; i++) {
		if (addr >= f->span[i].lo && addr <= f->span[i].hi - FT_PY_FRAME_BYTES) {
			memcpy(dst, p + (addr - f->span[i].lo), FT_PY_FRAME_BYTES);
			return 0;
		}
		p += f->span[i].hi - f->span[i].lo;
	}
	if (r->missed_cnt < FT_PY_ELEMS)
		r->missed[r->missed_cnt++] = addr;
	return ft_mem_read(r->pid, addr, dst, FT_PY_FRAME_BYTES);
}

static int read_target(struct reader *r, void *dst, size_t len, __u64 addr)
{
	/* nothing else that the steps read is as long as a frame */
	if (len == FT_PY_FRAME_BYTES)
		r->err = read_frame(r, dst, addr);
	else
		r->err = ft_mem_read(r->pid, addr, dst, len);
	return r->err;
}

#define FT_PW_READ(ctx, dst, len, addr) read_target(ctx, dst, len, addr)
#include "ftprof_pywalk.h"

_Static_assert(FT_PY_FRAME_BYTES != FT_PY_CODE_BYTES && FT_PY_FRAME_BYTES != 8, "read_target()");

/*
 * One walk, over a copy or over the target itself: the number of elements, or -errno when there is
 * nobody (left) to read from.
 */
static int walk_once(struct reader *r, const __u8 *copy, const struct ft_pylayout *l, __u64 tstate,
		     struct ft_pyframe out[FT_PY_ELEMS], __u32 *marks)
{
	struct ft_pywalk w;
	struct ft_pybuf b;
	__u64 frame = 0;
	int step;

	r->copy = copy;
	r->missed_cnt = 0;
	r->err = 0;
	if (copy)
		memcpy(&frame, copy, sizeof(frame));
	else if (read_target(r, &frame, sizeof(frame), tstate + l->ts_frame) && r->err != -EFAULT)
		return r->err;
	ft_pw_begin(&w, frame);
	if (r->err)
		ft_pw_mark(&w, &out[0], FT_PM_TSTATE);
	for (step = 0; w.frame && step < FT_PW_STEPS; step++) {
		FT_PW_STEP(r, l, &b, &w, &out[w.cnt]);
		if (r->err && r->err != -EFAULT)
			return r->err;
	}
	/* frames that nobody wants to see took all the steps: a damaged list; there is room */
	if (w.frame)
		ft_pw_mark(&w, &out[w.cnt], FT_PM_TRUNCATED);
	*marks = w.marks;
	return (int)w.cnt;
}

int ft_py_walk(int pid, const struct ft_pylayout *l, __u64 tstate,
	       struct ft_pyframe out[FT_PY_ELEMS])
{
	const __u32 torn =
		1u << FT_PM_FRAME | 1u << FT_PM_CODE | 1u << FT_PM_TYPE | 1u << FT_PM_LOOP;
	struct frames frames;
	struct reader r = {.pid = pid, .frames = &frames};
	int cnt, try, i;
	__u32 marks;

	if (!l->code_type)
		return -ENODATA;
	frames.cnt = 0;
	frames.full = false;
	frames.len = sizeof(__u64);
	cnt = walk_once(&r, NULL, l, tstate, out, &marks);
	for (try = 0; cnt > 0 && try < TRIES; try++) {
		const __u8 *copy = frames.copy;

		for (i = 0; i < r.missed_cnt; i++)
			learn(&frames, r.missed[i]);
		/* too much, or some of it is gone: one read after another */
		if (frames.full || copy_frames(&frames, pid, tstate + l->ts_frame))
			copy = NULL;
		cnt = walk_once(&r, copy, l, tstate, out, &marks);
		if (!r.missed_cnt && !(marks & torn))
			break;
	}
	return cnt;
}

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

const char *ft_py_mark(enum ft_pymark mark, int *error)
{
	static const struct {
		const char *text;
		int error;
	} marks[FT_PM_CNT] = {
		[FT_PM_NONE] = {"[nothing]", 0},
		[FT_PM_ENTRY] = {"[called from C]", 0},
		[FT_PM_TRUNCATED] = {"[deeper than " TEXT(FT_PY_DEPTH) " frames]", 0},
		[FT_PM_FRAME] = {"[frame cannot be read]", 1},
		[FT_PM_CODE] = {"[code object cannot be read]", 1},
		[FT_PM_TYPE] = {"[frame without a code object]", 1},
		[FT_PM_LOOP] = {"[frames in a circle]", 1},
		[FT_PM_TSTATE] = {"[thread state cannot be read]", 1},
	};

	if ((unsigned int)mark >= FT_PM_CNT) {
		*error = 1;
		return "[unknown mark]";
	}
	*error = marks[mark].error;
	return marks[mark].text;
}
