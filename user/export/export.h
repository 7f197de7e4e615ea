/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Weighted stacks in the formats that other tools read. Every function appends a whole file's
 * bytes to *out (which may hold any bytes) from a const flame, and returns 0 or -errno; -ENOMEM
 * also when out->err is set. Names are a stranger's: each format escapes what it must.
 */
#ifndef FT_EXPORT_EXPORT_H
#define FT_EXPORT_EXPORT_H

#include <stdbool.h>
#include "base/text.h"
#include "model/flame.h"

enum ft_format {
	FT_FMT_NONE = 0,
	FT_FMT_FOLDED,	   /* .folded: "outer;inner 123\n", weight in microseconds */
	FT_FMT_SVG,	   /* .svg: stands alone */
	FT_FMT_HTML,	   /* .html: stands alone */
	FT_FMT_SPEEDSCOPE, /* .speedscope.json */
	FT_FMT_PPROF,	   /* .pb.gz */
	FT_FMT_FIREFOX,	   /* .firefox.json */
	/* not of stacks but of a whole session: export/page.h, export/trace.h */
	FT_FMT_PAGE,	 /* "page"; also .html where nothing says that stacks are meant */
	FT_FMT_PERFETTO, /* .pftrace */
	FT_FMT_CSV,	 /* .csv */
	FT_FMT_CNT,
};

/* By the ending of a file's name, FT_FMT_NONE: none of these. */
enum ft_format ft_format_of_path(const char *path);
/* By name ("svg", "pprof", ...), FT_FMT_NONE: none of these. */
enum ft_format ft_format_of_name(const char *name);
/* "svg, html, ..." for messages. */
const char *ft_format_names(void);
/* Of a whole session, not of its stacks. */
bool ft_format_is_session(enum ft_format fmt);

/* -EINVAL for what is not of stacks. */
int ft_export(enum ft_format fmt, const struct ft_flame *f, struct ft_text *out);

int ft_export_folded(const struct ft_flame *f, struct ft_text *out);
int ft_export_svg(const struct ft_flame *f, struct ft_text *out);
int ft_export_html(const struct ft_flame *f, struct ft_text *out);
int ft_export_speedscope(const struct ft_flame *f, struct ft_text *out);
int ft_export_pprof(const struct ft_flame *f, struct ft_text *out);
int ft_export_firefox(const struct ft_flame *f, struct ft_text *out);

/* How a frame is written where there is one string for it: "name (file:line)". */
void ft_frame_label(const struct ft_frame *fr, struct ft_text *out);

#endif
