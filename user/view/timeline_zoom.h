/* SPDX-License-Identifier: BSD-2-Clause */
/* The zoom of a timeline: which thread was where, and what the others waited for. */
#ifndef FT_VIEW_TIMELINE_ZOOM_H
#define FT_VIEW_TIMELINE_ZOOM_H

#include "view/timeline_pen.h"

/* Draws title, axis, lanes and legend; base_ns is what the title counts from. 0 or -ENOMEM. */
int ft_tl_zoom(struct ft_tl_draw *d, __u64 base_ns);

#endif
