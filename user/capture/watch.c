// SPDX-License-Identifier: BSD-2-Clause
/* Watching a session while it runs: its snapshots. */
#include "capture/watch.h"

#include <stdlib.h>
#include <string.h>

void ft_snap_free(struct ft_snap *s)
{
	if (!s)
		return;
	free(s->totals);
	free(s->recs);
	memset(s, 0, sizeof(*s));
}
