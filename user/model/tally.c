/* SPDX-License-Identifier: BSD-2-Clause */
/* Weights added up by what they belong to and where they are. */
#include "model/tally.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "model/flame_tree.h"

int ft_tally_add(struct ft_tally *t, __u32 what, __u32 frame, __u64 ns, __u64 cnt)
{
	struct ft_tally_ent *e;
	void *p = t->ent;
	bool added;
	__u32 no;
	int err;

	err = ft_array_reserve(&p, &t->cap, t->cnt + 1, sizeof(*t->ent));
	t->ent = p;
	if (!err)
		err = ft_map_get(&t->map, (__u64)what << 32 | frame, (__u32)t->cnt, &no, &added);
	if (err)
		return err;
	e = &t->ent[no];
	if (added) {
		*e = (struct ft_tally_ent){.what = what, .frame = frame};
		t->cnt++;
	}
	e->ns = ft_add_sat(e->ns, ns);
	e->cnt = ft_add_sat(e->cnt, cnt);
	return 0;
}

void ft_tally_free(struct ft_tally *t)
{
	if (!t)
		return;
	free(t->ent);
	ft_map_free(&t->map);
	memset(t, 0, sizeof(*t));
}
