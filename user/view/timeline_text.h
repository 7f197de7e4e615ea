/* SPDX-License-Identifier: BSD-2-Clause */
/* The timeline on a terminal: an overview, a zoom, and two sessions on one time scale. */
#ifndef FT_VIEW_TIMELINE_TEXT_H
#define FT_VIEW_TIMELINE_TEXT_H

#include <stdbool.h>
#include "base/text.h"
#include "model/timeline.h"

struct ft_tl_text_opts {
	int width;  /* of the terminal; no line is longer. 0 or less: 80 */
	bool ascii; /* no byte above 0x7e */
	bool color; /* 256-colour escapes; the drawing is readable without */
	bool zoom;  /* letters and a lane a thread instead of heights */
	/*
	 * What the times of the drawing count from, absolute; 0: the session's start. A zoom's
	 * axis counts from its own start, and its title says where that is.
	 */
	__u64 axis_from_ns;
	const char *name;     /* hostile bytes are fine; NULL: the target's name */
	unsigned core_rows;   /* lanes of cores at most, the busiest; 0: 16 */
	unsigned thread_rows; /* lanes of threads at most in a zoom, 0: 8. Letters go up to 26
				 threads */
};

/*
 * How many columns a timeline should be built with for a terminal of that width (64 for 80, at
 * least 1). A timeline with more is drawn with columns merged, one with fewer is drawn narrower.
 */
__u32 ft_tl_text_cols(int width);
/*
 * A good length for the zoom of a session: 1 ms a column, or less (1, 2 or 5 times a power of
 * ten) where the session is so short that it would show nothing new. 0: too short for a zoom.
 */
__u64 ft_tl_text_zoom_ns(int width, __u64 session_ns);

/*
 * Appends the drawing of a timeline, an overview or (opts->zoom) a zoom, each line ended by a
 * newline. Heights in an overview are the share of the column. In a zoom a cell says what took
 * most of its time, but is drawn idle only when more than three quarters of it were.
 * 0 or -ENOMEM (out->err).
 */
int ft_tl_text(const struct ft_timeline *tl, const struct ft_model *m,
	       const struct ft_tl_text_opts *opts, struct ft_text *out);

struct ft_tl_side {
	const struct ft_timeline *tl;
	const struct ft_model *m;
	const char *name; /* as in the options */
};

/*
 * Draws overviews of two sessions one above the other on one time scale; the shorter one ends with
 * a bar. Both must be built with the same number of columns and the same length: build each from
 * its own start_ns to start_ns + the longer duration of the two. -EINVAL when they are not.
 */
int ft_tl_text_pair(const struct ft_tl_side *a, const struct ft_tl_side *b,
		    const struct ft_tl_text_opts *opts, struct ft_text *out);

#endif
