/* SPDX-License-Identifier: BSD-2-Clause */
/* Strings once each: an open hash over an arena that never moves. */
#include "base/strset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/array.h"

#define BLOCK_BYTES (64u << 10)
#define FIRST_SLOTS 64
#define MAX_STRINGS (1u << 31)

struct ft_strset_block {
	struct ft_strset_block *next;
	size_t used;
	size_t sz;
	char bytes[];
};

static __u64 fold(__u64 a, __u64 b)
{
	unsigned __int128 m = (unsigned __int128)a * b;

	return (__u64)m ^ (__u64)(m >> 64);
}

/* Seeded, since the strings are a stranger's: nobody can choose them so that they collide. */
static __u64 hash_of(__u64 seed, const char *s, size_t len)
{
	__u64 h = seed ^ len, w;

	for (; len >= sizeof(w); s += sizeof(w), len -= sizeof(w)) {
		memcpy(&w, s, sizeof(w));
		h = fold(h ^ w, 0x9e3779b97f4a7c15ull) + seed;
	}
	w = 0;
	if (len)
		memcpy(&w, s, len);
	return fold(h ^ w, 0xe7037ed1a0b428dbull ^ seed);
}

static void set_seed(struct ft_strset *set)
{
	/* without one it is only slower where somebody means it to be */
	if (getrandom(&set->seed, sizeof(set->seed), GRND_NONBLOCK) != sizeof(set->seed))
		set->seed = (__u64)(unsigned long)set;
	set->seed |= 1;
}

/* Makes room in the table for one string more. 0 or -ENOMEM. */
static int grow_slots(struct ft_strset *set)
{
	size_t n = set->slot_cnt ? set->slot_cnt * 2 : FIRST_SLOTS, i, at;
	__u32 *slot;

	if ((set->cnt + 1) * 2 <= set->slot_cnt)
		return 0;
	slot = calloc(n, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	for (i = 0; i < set->cnt; i++) {
		at = set->v[i].hash & (n - 1);
		while (slot[at])
			at = (at + 1) & (n - 1);
		slot[at] = (__u32)i + 1;
	}
	free(set->slot);
	set->slot = slot;
	set->slot_cnt = n;
	return 0;
}

/* A copy of the string in the arena, NULL: no memory. */
static char *keep(struct ft_strset *set, const char *s, size_t len)
{
	struct ft_strset_block *b = set->block;
	size_t sz = len + 1 > BLOCK_BYTES ? len + 1 : BLOCK_BYTES;
	char *p;

	if (!b || b->sz - b->used < len + 1) {
		b = malloc(sizeof(*b) + sz);
		if (!b)
			return NULL;
		b->next = set->block;
		b->used = 0;
		b->sz = sz;
		set->block = b;
	}
	p = b->bytes + b->used;
	if (len)
		memcpy(p, s, len);
	p[len] = 0;
	b->used += len + 1;
	return p;
}

int ft_strset_add(struct ft_strset *set, const char *s, size_t len, __u32 *no)
{
	void *v = set->v;
	struct ft_string str = {.len = len};
	size_t at;
	__u32 l;
	int err;

	if (!set->seed)
		set_seed(set);
	err = grow_slots(set);
	if (err)
		return err;
	str.hash = hash_of(set->seed, s, len);
	at = str.hash & (set->slot_cnt - 1);
	while ((l = set->slot[at])) {
		const struct ft_string *o = &set->v[l - 1];

		if (o->hash == str.hash && o->len == len && (!len || !memcmp(o->s, s, len))) {
			*no = l - 1;
			return 0;
		}
		at = (at + 1) & (set->slot_cnt - 1);
	}
	if (set->cnt >= MAX_STRINGS)
		return -EFBIG;
	err = ft_array_reserve(&v, &set->cap, set->cnt + 1, sizeof(*set->v));
	if (err)
		return err;
	set->v = v;
	str.s = keep(set, s, len);
	if (!str.s)
		return -ENOMEM;
	*no = (__u32)set->cnt;
	set->v[set->cnt++] = str;
	set->slot[at] = (__u32)set->cnt;
	return 0;
}

static void free_blocks(struct ft_strset_block *b)
{
	struct ft_strset_block *next;

	for (; b; b = next) {
		next = b->next;
		free(b);
	}
}

void ft_strset_clear(struct ft_strset *set)
{
	if (set->block) {
		free_blocks(set->block->next);
		set->block->next = NULL;
		set->block->used = 0;
	}
	if (set->slot)
		memset(set->slot, 0, set->slot_cnt * sizeof(*set->slot));
	set->cnt = 0;
}

void ft_strset_free(struct ft_strset *set)
{
	if (!set)
		return;
	free_blocks(set->block);
	free(set->v);
	free(set->slot);
	memset(set, 0, sizeof(*set));
}
