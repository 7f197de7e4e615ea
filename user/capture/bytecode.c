/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies of bytecode for threads. */
#include "capture/bytecode.h"

#include <errno.h>

#include "os/mem.h"

/* only to take fields out of what was read */
#define FT_PW_READ(ctx, dst, len, addr) (-1)
#include "ftprof_pywalk.h"

#define ENTRIES_MAX (1u << 16)	/* threads at a time; an array of more is no array of copies */
#define UNITS_MAX (64ull << 20) /* of one function */
#define PART 512		/* entries that are read at once */
#define UNIT_SZ 2		/* _Py_CODEUNIT (Include/internal/pycore_code.h) */

/* Number of copies beyond the code object's own bytecode. 0, -EBADMSG, or of ft_mem_read(). */
static int count_copies(int pid, __u64 array, __u64 own, __u64 *cnt)
{
	__u64 head[2], entry[PART], at, n, i; /* {Py_ssize_t size; char *entries[]} */
	int err;

	*cnt = 0;
	err = ft_mem_read(pid, array, head, sizeof(head));
	if (err)
		return err;
	if (!head[0] || head[0] > ENTRIES_MAX || head[1] != own)
		return -EBADMSG;
	for (at = 1; at < head[0]; at += n) {
		n = head[0] - at < PART ? head[0] - at : PART;
		err = ft_mem_read(pid, array + 8 * (1 + at), entry, 8 * n);
		if (err)
			return err;
		for (i = 0; i < n; i++)
			*cnt += entry[i] != 0;
	}
	return 0;
}

int ft_bytecode_add(struct ft_bytecode *b, int pid, const struct ft_pylayout *l, __u64 code,
		    __u32 ident)
{
	struct ft_pybuf buf;
	__u64 units, copies;
	int err;

	if (!l->co_tlbc || !l->code_type)
		return -EOPNOTSUPP;
	err = ft_mem_read(pid, code, buf.code, FT_PY_CODE_BYTES);
	if (!err &&
	    (ft_pw_code64(&buf, l->ob_type) != l->code_type || ft_pw_ident(l, &buf) != ident))
		err = -EBADMSG;
	/* ob_size stands where that of a bytes object does: in code units (_PyCode_NBYTES) */
	units = err ? 0 : ft_pw_code64(&buf, l->bytes_size);
	if (!err && (!units || units > UNITS_MAX))
		err = -EBADMSG;
	if (!err)
		err = count_copies(pid, ft_pw_code64(&buf, l->co_tlbc), code + l->co_code, &copies);
	if (err == -EFAULT || err == -EBADMSG) {
		b->gone++;
		return 0;
	}
	if (err)
		return err;
	b->codes++;
	b->copies += copies;
	b->bytes += copies * units * UNIT_SZ;
	return 0;
}

struct work {
	struct ft_bytecode sum;
	int pid;
	const struct ft_pylayout *layout;
};

static int on_code(void *ctx, __u64 code, __u32 ident)
{
	struct work *w = ctx;

	return ft_bytecode_add(&w->sum, w->pid, w->layout, code, ident);
}

int ft_bytecode_fill(const struct ft_stacker *s, int pid, const struct ft_pylayout *l,
		     struct ft_findings *f)
{
	struct work w = {.pid = pid, .layout = l};
	int err = ft_stacker_each_code(s, on_code, &w);

	if (err || !w.sum.codes)
		return err;
	f->bytecode_copies = w.sum.copies;
	f->bytecode_copy_bytes = w.sum.bytes;
	return 0;
}
