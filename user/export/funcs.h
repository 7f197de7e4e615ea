/* SPDX-License-Identifier: BSD-2-Clause */
/* The functions of a flame for the table of a page; other than ft_flame_top() with the base. */
#ifndef FT_EXPORT_FUNCS_H
#define FT_EXPORT_FUNCS_H

#include "model/flame.h"

struct ft_func_row {
	__u32 frame; /* the function's frame with most of its self time, else of its total time */
	__u64 self_ns;
	__u64 total_ns; /* counted once a stack, however often the function recurs in it */
	__u64 base_self_ns;
	__u64 base_ns;
};

/*
 * The functions that are among the first `max` by self time or by total time, here or in the base;
 * marks are left out. *out is malloc'ed, NULL when there are none. -EINVAL, -ENOMEM.
 */
int ft_funcs_build(const struct ft_flame *f, size_t max, struct ft_func_row **out, size_t *cnt);

#endif
