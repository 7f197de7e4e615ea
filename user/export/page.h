/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A session, or two, as one HTML page that stands alone: what the report says, timelines by core
 * and by thread, curves, stacks of a time range. docs/page-format.md describes what is embedded.
 *
 *   page.c         the page: style, script, JSON and blobs in their places
 *   page_side.c    one session: gathers what the next ones make of its spans
 *   page_lanes.c   spans of threads, reduced until they fit
 *   page_cores.c   spans of cores
 *   page_curves.c  figures over time
 *   page_stacks.c  samples, and the tree of their frames
 *   page_blob.c    bytes: varints, deflate, base64
 */
#ifndef FT_EXPORT_PAGE_H
#define FT_EXPORT_PAGE_H

#include "base/sink.h"
#include "base/text.h"
#include "model/model.h"

struct ft_page_side {
	struct ft_reader *r; /* both are borrowed */
	const struct ft_model *m;
	const char *path;   /* the session's file, for the page's words */
	const char *report; /* the report as JSON, as ft_report_json() wrote it */
};

struct ft_page_opts {
	__u64 from_ns, to_ns; /* of the session, from its start; 0, 0: all of it */
	/* of two sides: the comparison as JSON, as ft_compare_json() wrote it; or NULL */
	const char *compare;
};

/*
 * Writes a page of one side, or of two (cnt is 1 or 2). A session without events has tables and
 * no timeline. 0 or -errno; the sink's own error is returned too.
 */
int ft_export_page(const struct ft_page_side *side, int cnt, const struct ft_page_opts *o,
		   struct ft_sink *out);

#endif
