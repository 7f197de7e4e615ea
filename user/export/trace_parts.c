/* SPDX-License-Identifier: BSD-2-Clause */
/* What the formats of a session span by span have in common. */
#include "export/trace_parts.h"

#include <errno.h>
#include <stdlib.h>

#include "export/escape.h"

int ft_trace_window(struct ft_reader *r, const struct ft_model *m, const struct ft_trace_opts *o,
		    __u64 *from, __u64 *to)
{
	__u64 start = m->info->start_ns, len = 0;

	/* one without a timeline has a few events too, in which every thread would look lost */
	if (!m->info->has_events || !ft_reader_event_cnt(r))
		return -ENODATA;
	if (m->totals->end_ns > start)
		len = m->totals->end_ns - start;
	*from = start;
	*to = start + len;
	if (!o->from_ns && !o->to_ns)
		return 0;
	*from = start + (o->from_ns < len ? o->from_ns : len);
	if (o->to_ns && o->to_ns < len)
		*to = start + o->to_ns;
	return *to > *from ? 0 : -ERANGE;
}

bool ft_trace_cut(__u64 win_from, __u64 win_to, __u64 *from, __u64 *to)
{
	if (*from > win_to || *to < win_from)
		return false;
	if (*from < win_from)
		*from = win_from;
	if (*to > win_to)
		*to = win_to;
	return true;
}

static int by_addr(const void *a, const void *b)
{
	const struct ft_lock_rec *const *x = a, *const *y = b;

	return (*x)->addr < (*y)->addr ? -1 : (*x)->addr > (*y)->addr;
}

int ft_trace_locks_init(struct ft_trace_locks *l, const struct ft_findings *f)
{
	l->cnt = 0;
	l->v = calloc(f->lock_cnt + 1, sizeof(*l->v));
	if (!l->v)
		return -ENOMEM;
	for (size_t i = 0; i < f->lock_cnt; i++)
		if (f->lock[i].addr)
			l->v[l->cnt++] = &f->lock[i];
	qsort(l->v, l->cnt, sizeof(*l->v), by_addr);
	return 0;
}

void ft_trace_locks_free(struct ft_trace_locks *l)
{
	free(l->v);
	l->v = NULL;
	l->cnt = 0;
}

void ft_trace_lock_label(const struct ft_trace_locks *l, __u64 addr, struct ft_text *out)
{
	struct ft_lock_rec key_rec = {.addr = addr};
	const struct ft_lock_rec *key = &key_rec, **hit;

	hit = l->cnt ? bsearch(&key, l->v, l->cnt, sizeof(*l->v), by_addr) : NULL;
	if (!hit || (hit > l->v && hit[-1]->addr == addr) ||
	    (hit + 1 < l->v + l->cnt && hit[1]->addr == addr))
		return;
	ft_esc_add(out, FT_ESC_NONE, (*hit)->name, FT_ESC_ALL);
	if ((*hit)->owner[0]) {
		ft_text_add(out, " (");
		ft_esc_add(out, FT_ESC_NONE, (*hit)->owner, FT_ESC_ALL);
		ft_text_add(out, ")");
	}
}
