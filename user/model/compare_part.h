/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of model/compare have in common; no other file includes it. */
#ifndef FT_MODEL_COMPARE_PART_H
#define FT_MODEL_COMPARE_PART_H

#include "model/compare.h"

/* What a figure depends on: where sessions are not alike in it, the figure is not compared. */
enum {
	FT_CD_MACHINE = 1 << 0,
	FT_CD_CORES = 1 << 1, /* how many cores the process may use */
	FT_CD_VERSION =
		1 << 2,	       /* defined by ftprof alone: other versions may define it otherwise */
	FT_CD_TICKS = 1 << 3,  /* on-core time divided by ticks, or by probes */
	FT_CD_EVENTS = 1 << 4, /* made with events: none may be lost */
	FT_CD_THREADS = 1 << 5, /* a sum over threads */
	FT_CD_LENGTH = 1 << 6,	/* the program's end is the session's */
	FT_CD_GIL = 1 << 7,	/* needs a GIL that was seen */
	FT_CD_LOSSES = 1 << 8,	/* core-seconds by cause: of free-threaded builds */
	FT_CD_WAITS = 1 << 9,	/* of GIL waits: there must be some */
};

/* compare_alike.c: sets unused and rates, fills notes and not_compared. The FT_CD_* that fail. */
unsigned int ft_compare_alike(struct ft_compare *c);
/* compare_words.c: fills the summary from the rows. */
void ft_compare_summary(struct ft_compare *c);

#endif
