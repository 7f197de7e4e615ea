/* SPDX-License-Identifier: BSD-2-Clause */
/* Grouping of threads by name; the kernel cuts names at 15 bytes, which must not split a pool. */
#include "model/group.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "model/split.h"

#define KEY_LEN 32
#define NAME_COLS 24
#define NAME_BYTES 26 /* of a group's name, without what is added to it */

struct entry {
	struct ft_mthread t;
	char key[KEY_LEN];
	bool cut;     /* the name's end may be missing */
	bool native;  /* to be labelled so */
	size_t order; /* in the session: makes the sort stable */
	size_t group; /* while groups are made */
	__u64 weight; /* of its group */
	size_t group_order;
};

static bool is_tail(char c)
{
	return isdigit((unsigned char)c) || ispunct((unsigned char)c) || c == ' ';
}

bool ft_group_key(const char *name, char *key, size_t sz)
{
	size_t len = strnlen(name, KEY_LEN - 1), keep = len, digits, i;
	const char *paren = memchr(name, '(', len);
	bool cut = len >= FT_COMM_LEN - 1;

	if (!sz)
		return cut;
	/* threading's default, "Thread-7 (worker)": the target's name follows the number */
	if (paren && paren - name >= 3 && paren[-1] == ' ') {
		digits = 0;
		for (i = (size_t)(paren - name) - 1; i > 0; i--) {
			if (!isdigit((unsigned char)name[i - 1]))
				break;
			digits++;
		}
		if (digits && i > 0) {
			while (i > 0 && is_tail(name[i - 1]))
				i--;
			snprintf(key, sz, "%.*s %.*s", (int)i, name, (int)(len - (paren - name)),
				 paren);
			return cut;
		}
	}
	while (keep && is_tail(name[keep - 1]))
		keep--;
	if (!keep) /* nothing but digits: leave it as it is */
		keep = len;
	snprintf(key, sz, "%.*s", (int)keep, name);
	return cut;
}

/* Main threads stand alone and come first among equals. */
static int by_key(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;
	int c;

	if (a->t.leader != b->t.leader)
		return a->t.leader ? -1 : 1;
	if (a->native != b->native)
		return a->native ? 1 : -1;
	c = strcmp(a->key, b->key);
	if (c)
		return c;
	return (a->order > b->order) - (a->order < b->order);
}

static int by_weight(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;

	if (a->weight != b->weight)
		return a->weight < b->weight ? 1 : -1;
	if (a->group != b->group)
		return a->group_order < b->group_order ? -1 : 1;
	if (a->t.want_ns != b->t.want_ns)
		return a->t.want_ns < b->t.want_ns ? 1 : -1;
	return (a->order > b->order) - (a->order < b->order);
}

/* Whether b, the next in order of keys, belongs to a's row. */
static bool alike(const struct entry *a, const struct entry *b)
{
	if (a->t.leader || b->t.leader || a->native != b->native)
		return false;
	if (!strcmp(a->key, b->key))
		return true;
	/* a longer number leaves less of what follows it ("Thread-9 (poll_a", "Thread-10 (poll_")
	 */
	return a->cut && b->cut && strchr(a->key, '(') && !strncmp(a->key, b->key, strlen(a->key));
}

/* Numbers the groups and gives every entry its group's weight. Returns the number of groups. */
static size_t assign(struct entry *e, size_t cnt)
{
	size_t i, j, k, groups = 0;

	for (i = 0; i < cnt; i = j) {
		__u64 weight = 0;
		size_t order = e[i].order;

		for (j = i; j < cnt && (j == i || alike(&e[j - 1], &e[j])); j++) {
			weight += e[j].t.want_ns;
			if (e[j].order < order)
				order = e[j].order;
		}
		for (k = i; k < j; k++) {
			e[k].group = groups;
			e[k].weight = weight;
			e[k].group_order = order;
		}
		groups++;
	}
	return groups;
}

static int name_group(struct ft_mgroup *g, const struct entry *first)
{
	struct ft_text text = {0};
	char tail[22] = "", key[KEY_LEN];
	int err;

	if (g->cnt > 1)
		snprintf(tail, sizeof(tail), "%s x%u", first->native ? " (native)" : "", g->cnt);
	else if (first->t.leader || first->native)
		snprintf(tail, sizeof(tail), "%s", first->t.leader ? " (main)" : " (native)");
	/* the name as it is for one thread, what is common to many */
	snprintf(key, sizeof(key), "%s", g->cnt == 1 ? first->t.name : first->key);
	ft_text_add_safe(&text, key[0] ? key : "(no name)", NAME_COLS);
	err = text.err;
	if (!err) {
		snprintf(g->name, sizeof(g->name), "%.*s%s", NAME_BYTES, text.s, tail);
		g->tail = (__u32)strlen(tail);
	}
	ft_text_free(&text);
	return err;
}

int ft_group_build(struct ft_model *m, bool label_native)
{
	struct entry *e = NULL;
	size_t i, j, cnt = m->thread_cnt;
	struct ft_mgroup *g;
	int err = 0;

	if (!cnt)
		return 0;
	e = calloc(cnt, sizeof(*e));
	if (!e)
		return -ENOMEM;
	for (i = 0; i < cnt; i++) {
		e[i].t = m->threads[i];
		e[i].order = i;
		e[i].cut = ft_group_key(e[i].t.name, e[i].key, sizeof(e[i].key));
		e[i].native = label_native && !e[i].t.python && !e[i].t.leader && e[i].t.on_ns;
	}
	qsort(e, cnt, sizeof(*e), by_key);
	m->groups = calloc(assign(e, cnt), sizeof(*m->groups));
	if (!m->groups) {
		err = -ENOMEM;
		goto out;
	}
	qsort(e, cnt, sizeof(*e), by_weight);
	for (i = 0; i < cnt; i = j) {
		g = &m->groups[m->group_cnt];
		g->first = (__u32)i;
		for (j = i; j < cnt && e[j].group == e[i].group; j++) {
			m->threads[j] = e[j].t;
			ft_split_sum(&g->sum, &e[j].t);
		}
		ft_split_sum_end(&g->sum);
		g->cnt = (__u32)(j - i);
		g->sum.tid = g->cnt == 1 ? e[i].t.tid : 0;
		err = name_group(g, &e[i]);
		if (err)
			goto out;
		m->group_cnt++;
	}
out:
	free(e);
	return err;
}
