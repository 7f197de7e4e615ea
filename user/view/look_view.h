/* SPDX-License-Identifier: BSD-2-Clause */
/* One look at a process, as text and as JSON. */
#ifndef FT_VIEW_LOOK_VIEW_H
#define FT_VIEW_LOOK_VIEW_H

#include "base/text.h"
#include "python/look.h"

/*
 * Threads with the same stack and state are shown once; with `only` none but the thread of that id
 * is (0: all are), below the same words on the process. `width`: columns.
 */
void ft_look_text(struct ft_text *out, int pid, const struct ft_runtime *rt,
		  const struct ft_look *l, int only, int width);
/* Schema ftprof-look/1 (docs/json-schema.md). 0 or -ENOMEM. */
int ft_look_json(struct ft_text *out, int pid, const struct ft_runtime *rt,
		 const struct ft_look *l);

#endif
