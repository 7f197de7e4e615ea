/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The terminal of the live screen. It is left as it was found however ftprof ends, but by SIGKILL.
 */
#ifndef FT_CMD_TOP_TERM_H
#define FT_CMD_TOP_TERM_H

#include "view/top_grid.h"

/* Keys that are no character. */
enum {
	FT_KEY_NONE = -1,
	FT_KEY_UP = 0x110000,
	FT_KEY_DOWN,
	FT_KEY_PAGE_UP,
	FT_KEY_PAGE_DOWN,
	FT_KEY_ENTER,
	FT_KEY_ESCAPE,
	FT_KEY_RESIZE,
};

struct ft_term;

/*
 * Takes standard input and output over; there is one at a time. What is written to standard error
 * meanwhile is kept back. 0 or -errno (logged).
 */
int ft_term_open(bool color, struct ft_term **out);
void ft_term_size(const struct ft_term *t, int *rows, int *cols);
/* Puts the cells on the screen: only what changed since the last time is sent. */
void ft_term_show(struct ft_term *t, const struct ft_top_grid *g);
/* The next key that is there, FT_KEY_NONE: none. */
int ft_term_key(struct ft_term *t);
/* The last line on standard error, if there was one since the last call, without its newline. */
bool ft_term_said(struct ft_term *t, char *buf, size_t sz);
/* Gives the terminal back, and writes what was kept back. NULL is fine. */
void ft_term_close(struct ft_term *t);

#endif
