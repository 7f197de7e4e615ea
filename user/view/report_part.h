/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the text report have in common. */
#ifndef FT_VIEW_REPORT_PART_H
#define FT_VIEW_REPORT_PART_H

#include "view/report_flow.h"
#include "view/report_text.h"

#define FT_PCT_LEN 32

/* "12 %", "1.3 %", "<0.1 %". Returns buf. */
const char *ft_report_pct(double share, char buf[FT_PCT_LEN]);
/* Starts a line of a block: a label, then items that wrap beneath the first. */
void ft_report_label(struct ft_flow *f, struct ft_text *out, const struct ft_report_opts *o,
		     const char *what);

#endif
