/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a stack stands, as a table says it: the innermost line of the program itself. The standard
 * library's own locks and queues are looked through, and tell what a lock belongs to; so is the
 * import system.
 */
#ifndef FT_MODEL_PLACE_H
#define FT_MODEL_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include "record/stacks.h"

#define FT_PLACE_LEN 128

/* Frames by their index, FT_NO_STACK: there is none. Python's only. */
struct ft_place {
	__u32 frame; /* of the program itself; when there is none, the innermost */
	__u32 inner; /* the innermost */
	__u32 sync;  /* the outermost method of threading.py, queue.py or concurrent.futures that
		      * `frame` called */
};

/* The place of a stack; nothing in *s is trusted. */
void ft_place_of(const struct ft_stacks *s, __u32 node, struct ft_place *out);
/* Whether that is the standard library's way to wait for something to happen (join(), Condition's
 * and Event's wait()), not for a lock that another thread holds. */
bool ft_place_waits(const struct ft_stacks *s, const struct ft_place *p);
/* "app.py:8 f", "pkg/__init__.py:3 g"; empty for FT_NO_STACK. A stranger's bytes. Returns buf. */
char *ft_place_text(const struct ft_stacks *s, __u32 frame, char *buf, size_t sz);
/* "queue.Queue" for `sync`, empty when it is none. Returns buf. */
char *ft_place_owner(const struct ft_stacks *s, const struct ft_place *p, char *buf, size_t sz);

#endif
