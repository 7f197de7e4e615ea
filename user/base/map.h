/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers for keys: a map from 64 bits to 32. */
#ifndef FT_BASE_MAP_H
#define FT_BASE_MAP_H

#include <linux/types.h>
#include <stdbool.h>

struct ft_map_ent;
struct ft_map_chunk;

/* All zero is an empty map. */
struct ft_map {
	struct ft_map_ent *head;
	struct ft_map_chunk *chunk; /* where entries live: they must not move */
};

/*
 * The value of key; when there is none yet, `value` becomes it. *out: the value, *added (may be
 * NULL): whether it is new. 0 or -ENOMEM, and then the map is as before.
 */
int ft_map_get(struct ft_map *m, __u64 key, __u32 value, __u32 *out, bool *added);
void ft_map_free(struct ft_map *m); /* it is empty then; NULL is fine */

#endif
