// SPDX-License-Identifier: BSD-2-Clause
/* The figures of two sessions side by side. */
#include "view/compare_text.h"

#include <stdio.h>

#include "base/units.h"

static void build_name(const struct ft_model *m, char *buf, size_t sz)
{
	snprintf(buf, sz, "%s%s%s", m->info->python[0] ? m->info->python : "?",
		 m->info->free_threaded ? "t" : "", m->gil_present ? ", GIL on" : ", GIL off");
}

static void row_ns(struct ft_text *out, const char *what, __u64 a, __u64 b)
{
	char x[32], y[32];

	ft_text_printf(out, "%-34s %18s %18s\n", what, ft_format_ns(a, x, sizeof(x)),
		       ft_format_ns(b, y, sizeof(y)));
}

static void row_num(struct ft_text *out, const char *what, double a, double b)
{
	ft_text_printf(out, "%-34s %18.2f %18.2f\n", what, a, b);
}

static double ratio(__u64 a, __u64 b)
{
	return b ? (double)a / b : 0;
}

void ft_compare_text(struct ft_text *out, const struct ft_model *a, const struct ft_model *b)
{
	char x[64], y[64];

	build_name(a, x, sizeof(x));
	build_name(b, y, sizeof(y));
	ft_text_printf(out, "%-34s %18s %18s\n", "", x, y);
	row_ns(out, "wall time", a->duration_ns, b->duration_ns);
	row_ns(out, "CPU time of the process", a->all.on_ns, b->all.on_ns);
	row_num(out, "cores used at once, mean", a->par_mean, b->par_mean);
	row_ns(out, "threads waited for the GIL", a->all.state_ns[FT_R_GIL_WAIT],
	       b->all.state_ns[FT_R_GIL_WAIT]);
	row_ns(out, "threads waited for a core", a->all.state_ns[FT_R_RUNQ],
	       b->all.state_ns[FT_R_RUNQ]);
	row_ns(out, "threads waited for inner locks", a->all.state_ns[FT_R_LOCK_WAIT],
	       b->all.state_ns[FT_R_LOCK_WAIT]);
	row_ns(out, "core time lost to the GIL", a->lost_ns, b->lost_ns);
	if (!a->duration_ns || !b->duration_ns)
		return;
	ft_text_printf(out,
		       "\nWall time %.2f s against %.2f s: the second took %.2f times as long, "
		       "with\n%.2f times the CPU time. One run of each: no more than a hint.\n",
		       a->duration_ns / 1e9, b->duration_ns / 1e9,
		       ratio(b->duration_ns, a->duration_ns), ratio(b->all.on_ns, a->all.on_ns));
}
