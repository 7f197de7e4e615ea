/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers for keys: a map from 64 bits to 32. */
#include "base/map.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

/* uthash would end the program when there is no memory */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(ent) ((void)(ent), oom = true)
/* its own hash takes bytes one by one; keys here are two small numbers side by side */
#define HASH_FUNCTION(p, len, hashv)                                                               \
	do {                                                                                       \
		(void)(len);                                                                       \
		(hashv) = mix(*(const __u64 *)(p));                                                \
	} while (0)
#include <uthash.h>

#define CHUNK_CNT 1024

struct ft_map_ent {
	__u64 key;
	__u32 value;
	UT_hash_handle hh;
};

struct ft_map_chunk {
	struct ft_map_chunk *next;
	size_t used;
	struct ft_map_ent ent[CHUNK_CNT];
};

/* The finalizer of splitmix64: all bits of the key are in the low ones of the result. */
static unsigned int mix(__u64 x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return (unsigned int)(x ^ (x >> 31));
}

static struct ft_map_ent *new_entry(struct ft_map *m)
{
	struct ft_map_chunk *c = m->chunk;

	if (!c || c->used == CHUNK_CNT) {
		c = malloc(sizeof(*c));
		if (!c)
			return NULL;
		c->next = m->chunk;
		c->used = 0;
		m->chunk = c;
	}
	return &c->ent[c->used++];
}

int ft_map_get(struct ft_map *m, __u64 key, __u32 value, __u32 *out, bool *added)
{
	struct ft_map_ent *e;
	bool oom = false;

	HASH_FIND(hh, m->head, &key, sizeof(key), e);
	if (added)
		*added = !e;
	if (e) {
		*out = e->value;
		return 0;
	}
	e = new_entry(m);
	if (!e)
		return -ENOMEM;
	e->key = key;
	e->value = value;
	HASH_ADD(hh, m->head, key, sizeof(e->key), e);
	if (oom) {
		m->chunk->used--;
		return -ENOMEM;
	}
	*out = value;
	return 0;
}

void ft_map_free(struct ft_map *m)
{
	struct ft_map_chunk *c;

	if (!m)
		return;
	HASH_CLEAR(hh, m->head);
	while (m->chunk) {
		c = m->chunk;
		m->chunk = c->next;
		free(c);
	}
	m->head = NULL;
}
