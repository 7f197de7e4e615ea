/* SPDX-License-Identifier: BSD-2-Clause */
/* The live screen: from the figures of the last seconds to cells. Pure: knows no terminal. */
#ifndef FT_VIEW_TOP_SCREEN_H
#define FT_VIEW_TOP_SCREEN_H

#include "model/window.h"
#include "view/top_grid.h"

/* What threads are sorted by; the largest first, but for names and ids. */
enum ft_top_sort {
	FT_TOP_CPU = 0,
	FT_TOP_GIL,  /* holding the GIL on a core */
	FT_TOP_FREE, /* on a core without it */
	FT_TOP_SPIN,
	FT_TOP_GIL_WAIT,
	FT_TOP_WAIT, /* any wait that is not its own will */
	FT_TOP_LOCK, /* locks of objects and the interpreter, and own locks and queues */
	FT_TOP_ASLEEP,
	FT_TOP_NAME,
	FT_TOP_TID,
	FT_TOP_SORT_CNT,
};

/* The key that chooses it, and what a help says; 0 and NULL beyond the last. */
char ft_top_sort_key(enum ft_top_sort sort);
const char *ft_top_sort_words(enum ft_top_sort sort);

/* Parts of the screen; the threads are always there. */
enum {
	FT_TOP_CORES = 1,
	FT_TOP_FUNCS = 2,
	FT_TOP_LOCKS = 4,
	FT_TOP_PARTS = 7,
};

struct ft_top_ui {
	enum ft_top_sort sort;
	bool reverse;
	__u32 parts;
	__u32 chosen; /* session's number of the chosen thread, FT_NO_THREAD: none */
	bool paused;
	bool help;
	bool plain;	    /* no foot: nobody can press a key */
	bool ended;	    /* the target is gone */
	__u64 window_ns;    /* as it was asked for */
	const char *note;   /* a line for the foot, NULL: the keys */
	const char *record; /* what is being recorded, NULL: nothing */
	/* a thread's stack, to be shown instead of all else; NULL: none. A stranger's bytes */
	const char *inspect;
	int scroll; /* lines of it that are above the screen */
};

/* Draws all. Rows and columns are the grid's; nothing is too small. 0 or -ENOMEM. */
int ft_top_screen(struct ft_top_grid *g, const struct ft_window_view *v,
		  const struct ft_top_ui *ui);
/* The columns that a timeline of a screen of that width has. */
__u32 ft_top_timeline_cols(int cols);
/*
 * The model's threads in the order of the screen: a malloc'ed array of m->thread_cnt indices into
 * m->threads, NULL without memory.
 */
size_t *ft_top_order(const struct ft_model *m, enum ft_top_sort sort, bool reverse);

#endif
