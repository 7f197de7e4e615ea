/* SPDX-License-Identifier: BSD-2-Clause */
/* A table of named address ranges. */
#include "os/symtab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/array.h"

/* Ranges that lie within each other: more than a few is nobody's compiler. */
#define NESTED_MAX 64

int ft_symtab_own(struct ft_symtab *t, char *text)
{
	int err = ft_array_reserve((void **)&t->text, &t->text_cap, t->text_cnt + 1,
				   sizeof(*t->text));

	if (err)
		free(text);
	else
		t->text[t->text_cnt++] = text;
	return err;
}

int ft_symtab_add(struct ft_symtab *t, __u64 addr, __u64 size, __u64 limit, const char *name,
		  __u8 rank)
{
	struct ft_symtab_entry *e;
	int err = -ENOMEM;

	if (t->next_seq < 0xffffffffu)
		err = ft_array_reserve((void **)&t->v, &t->cap, t->cnt + 1, sizeof(*t->v));
	if (err)
		return err;
	if (limit <= addr)
		return 0;
	e = &t->v[t->cnt];
	memset(e, 0, sizeof(*e));
	e->addr = addr;
	e->sized = size > 0;
	e->end = size && size < limit - addr ? addr + size : limit;
	e->name = name;
	e->rank = rank;
	e->seq = t->next_seq++;
	t->cnt++;
	return 0;
}

int ft_symtab_name_cmp(const char *a, const char *b)
{
	size_t ua = strspn(a, "_"), ub = strspn(b, "_"), la, lb;

	if (ua != ub)
		return ua < ub ? -1 : 1;
	la = strlen(a);
	lb = strlen(b);
	if (la != lb)
		return la > lb ? -1 : 1;
	return strcmp(a, b);
}

static int by_rank(const void *pa, const void *pb)
{
	const struct ft_symtab_entry *a = pa, *b = pb;
	int cmp;

	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank > b->rank ? -1 : 1;
	cmp = ft_symtab_name_cmp(a->name, b->name);
	if (cmp)
		return cmp;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

static int by_time(const void *pa, const void *pb)
{
	const struct ft_symtab_entry *a = pa, *b = pb;

	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	return a->seq > b->seq ? -1 : a->seq < b->seq;
}

/* One entry an address; labels end where the next entry begins, and have no place in a function. */
static void settle(struct ft_symtab *t)
{
	__u64 covered = 0;
	size_t i, n = 0;

	for (i = 0; i < t->cnt; i++) {
		struct ft_symtab_entry *e = &t->v[i];

		if (n && t->v[n - 1].addr == e->addr)
			continue;
		if (!e->sized && e->addr < covered)
			continue;
		if (e->sized && e->end > covered)
			covered = e->end;
		if (n && !t->v[n - 1].sized && t->v[n - 1].end > e->addr)
			t->v[n - 1].end = e->addr;
		t->v[n++] = *e;
	}
	t->cnt = n;
}

void ft_symtab_finish(struct ft_symtab *t)
{
	__u64 reach = 0;
	size_t i;

	if (!t->cnt)
		return;
	qsort(t->v, t->cnt, sizeof(*t->v), t->latest ? by_time : by_rank);
	/*
	 * With `latest`, an older range at the same address may be longer than the newer: what is
	 * beyond the newer one is not code any more, or will be named again.
	 */
	settle(t);
	for (i = 0; i < t->cnt; i++) {
		if (t->v[i].end > reach)
			reach = t->v[i].end;
		t->v[i].reach = reach;
	}
}

struct ft_symtab_entry *ft_symtab_find(struct ft_symtab *t, __u64 addr)
{
	struct ft_symtab_entry *best = NULL;
	size_t lo = 0, hi = t->cnt, steps;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->v[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (steps = 0; lo && steps < NESTED_MAX; steps++) {
		struct ft_symtab_entry *e = &t->v[--lo];

		if (e->reach <= addr)
			break;
		if (e->end <= addr || (best && e->seq < best->seq))
			continue;
		best = e;
		if (!t->latest)
			break;
	}
	return best;
}

void ft_symtab_free(struct ft_symtab *t)
{
	size_t i;

	for (i = 0; i < t->text_cnt; i++)
		free(t->text[i]);
	free(t->text);
	free(t->v);
	memset(t, 0, sizeof(*t));
}
