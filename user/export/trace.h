/* SPDX-License-Identifier: BSD-2-Clause */
/* A session span by span, in formats that are written as they are made: memory does not grow. */
#ifndef FT_EXPORT_TRACE_H
#define FT_EXPORT_TRACE_H

#include "base/sink.h"
#include "model/model.h"

/* Of a session; from its start, 0, 0: all of it. Spans are cut off at both ends. */
struct ft_trace_opts {
	__u64 from_ns, to_ns;
};

/* .pftrace: Perfetto's protobuf. 0 or -errno; -ENODATA: the session has no events;
 * -ERANGE: none of it lies in the times asked for. */
int ft_export_perfetto(struct ft_reader *r, const struct ft_model *m, const struct ft_trace_opts *o,
		       struct ft_sink *out);
/* .csv: a line a span, with a head. As above. */
int ft_export_csv(struct ft_reader *r, const struct ft_model *m, const struct ft_trace_opts *o,
		  struct ft_sink *out);

#endif
