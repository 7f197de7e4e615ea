/* SPDX-License-Identifier: BSD-2-Clause */
/* The walk over the Python frames of one thread, from user space. */
#include "python/walk.h"

#include <errno.h>
#include <string.h>
#include "os/mem.h"

/* Remembers why the last read failed: the steps only know that it did. */
struct reader {
	int pid;
	int err;
};

static int read_target(struct reader *r, void *dst, size_t len, __u64 addr)
{
	r->err = ft_mem_read(r->pid, addr, dst, len);
	return r->err;
}

#define FT_PW_READ(ctx, dst, len, addr) read_target(ctx, dst, len, addr)
#include "ftprof_pywalk.h"

#define TRIES 5

/* One walk: the number of elements, or -errno when there is nobody (left) to read from. */
static int walk_once(struct reader *r, const struct ft_pylayout *l, __u64 tstate,
		     struct ft_pyframe out[FT_PY_ELEMS])
{
	struct ft_pywalk w;
	struct ft_pybuf b;
	__u64 frame = 0;
	int step;

	if (read_target(r, &frame, sizeof(frame), tstate + l->ts_frame) && r->err != -EFAULT)
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
	return (int)w.cnt;
}

int ft_py_walk(int pid, const struct ft_pylayout *l, __u64 tstate,
	       struct ft_pyframe out[FT_PY_ELEMS])
{
	struct ft_pyframe before[FT_PY_ELEMS];
	struct reader r = {.pid = pid};
	int cnt, cnt_before = -1, try;

	if (!l->code_type)
		return -ENODATA;
	for (try = 0; try < TRIES; try++) {
		cnt = walk_once(&r, l, tstate, out);
		if (cnt < 0)
			break;
		/* the same twice: then it was not put together from two moments */
		if (cnt == cnt_before && !memcmp(out, before, (size_t)cnt * sizeof(*out)))
			break;
		memcpy(before, out, (size_t)cnt * sizeof(*out));
		cnt_before = cnt;
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
