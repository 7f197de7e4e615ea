/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last seconds of a live session: its figures, its heaviest functions and its timeline, by the
 * same code as a report's. Fed with events and with looks at the session; memory is bounded by the
 * length, the threads and event_max, not by how long the session lasts.
 */
#ifndef FT_MODEL_WINDOW_H
#define FT_MODEL_WINDOW_H

#include "model/delta.h"
#include "model/flame.h"
#include "model/timeline.h"

#define FT_WINDOW_FUNCS 20
#define FT_WINDOW_NAME 128

/* A function with its strings: those of a flame belong to the look. A stranger's bytes. */
struct ft_window_func {
	char name[FT_WINDOW_NAME];
	char file[FT_WINDOW_NAME]; /* the end of it, where it is longer */
	__u32 line;
	__u64 self_ns;
};

/* What the last look made; good until the next one. */
struct ft_window_view {
	const struct ft_model *m; /* NULL: there was no look yet */
	const struct ft_timeline *tl;
	const __u32 *number; /* of the thread that the model calls thr, in the session */
	const __u8 *state;   /* enum ft_state that it was in at the look */
	const struct ft_window_func *func; /* on cores, heaviest first */
	size_t func_cnt;
	__u64 func_total_ns; /* on-core time that func[] are parts of */
	__u64 session_ns;    /* since the session's start */
	__u64 lost;	     /* events, since then */
};

struct ft_window;

/* event_max: events that are kept for the timeline, 64 bytes each. 0 or -ENOMEM. */
int ft_window_new(__u64 len_ns, size_t event_max, struct ft_window **out);
void ft_window_free(struct ft_window *w); /* NULL is fine */
/* From the next look on: as far back as looks were kept. */
void ft_window_set_length(struct ft_window *w, __u64 len_ns);
__u64 ft_window_length(const struct ft_window *w);
/* Nearly in order of time. 0 or -ENOMEM. */
int ft_window_event(struct ft_window *w, const struct ft_event *ev);
/*
 * A look at the session, later than the one before; all events up to its end were told. `cols`:
 * of the timeline. 0, -EINVAL or -ENOMEM, and then the view is as before.
 */
int ft_window_look(struct ft_window *w, const struct ft_model_src *src, __u32 cols);
/* A look that is not to be shown: the view stays. 0 or -ENOMEM. */
int ft_window_skip(struct ft_window *w, const struct ft_model_src *src);
const struct ft_window_view *ft_window_view(const struct ft_window *w);

#endif
