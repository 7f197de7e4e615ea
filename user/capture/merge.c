// SPDX-License-Identifier: BSD-2-Clause
/* One stack out of three. */
#include "capture/merge.h"

static bool is_entry(const struct ft_pyframe *f)
{
	return !f->code && f->ident == FT_PM_ENTRY;
}

/*
 * The next run of Python frames, up to where C called the interpreter: what one eval loop executes.
 * An entry mark stands behind the run that it begins (outside it, since the innermost is first).
 */
static size_t take_run(const struct ft_merge *m, size_t *py, struct ft_merged *out, size_t n)
{
	for (; *py < m->py_cnt; (*py)++) {
		if (is_entry(&m->py[*py])) {
			(*py)++;
			break;
		}
		out[n++] = (struct ft_merged){.part = FT_PART_PY, .idx = (__u16)*py};
	}
	return n;
}

static bool has_function(const struct ft_merge *m, size_t py)
{
	while (py < m->py_cnt && is_entry(&m->py[py]))
		py++;
	return py < m->py_cnt;
}

size_t ft_merge(const struct ft_merge *m, struct ft_merged out[FT_MERGE_MAX])
{
	size_t n = 0, py = 0, i, last = FT_MERGE_NO_IDX;
	bool whole = false, had_py, loop = false;

	for (i = 0; i < m->kern_cnt && i < FT_KERN_DEPTH; i++)
		out[n++] = (struct ft_merged){.part = FT_PART_KERN, .idx = (__u16)i};
	for (i = 0; i < m->user_cnt && i < FT_USER_DEPTH && !whole; i++) {
		if (m->role[i] == FT_NR_BAD)
			break;
		last = i;
		whole = m->role[i] == FT_NR_ROOT;
		had_py = py < m->py_cnt;
		if (had_py &&
		    (m->role[i] == FT_NR_EVAL || (m->role[i] == FT_NR_CALLS_EVAL && !loop)))
			n = take_run(m, &py, out, n);
		/* seen, and whose caller was not */
		loop = m->role[i] == FT_NR_EVAL || (loop && m->role[i] == FT_NR_PASSES);
		if (m->role[i] != FT_NR_EVAL || !had_py)
			out[n++] = (struct ft_merged){.part = FT_PART_USER, .idx = (__u16)i};
	}
	if (m->native && !whole)
		out[n++] = (struct ft_merged){.part = FT_PART_CUT, .idx = (__u16)last};
	else if (m->native && has_function(m, py))
		out[n++] = (struct ft_merged){.part = FT_PART_UNSEEN, .idx = FT_MERGE_NO_IDX};
	while (py < m->py_cnt)
		n = take_run(m, &py, out, n);
	return n;
}
