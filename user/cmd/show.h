/* SPDX-License-Identifier: BSD-2-Clause */
/* From a session file to what is printed: the same for a live run and for `report`. */
#ifndef FT_CMD_SHOW_H
#define FT_CMD_SHOW_H

#include <argp.h>
#include <stdbool.h>
#include <linux/types.h>
#include "cmd/show_stacks.h"

struct ft_show_opts {
	const char *verb; /* for messages */
	bool json;
	bool threads;	  /* open the groups */
	bool no_timeline; /* leave the drawing out */
	int width;	  /* 0: the terminal's, else 80 */
	int ascii;	  /* -1: by the locale */
	int color;	  /* -1: by the terminal */
	__u64 from_ns,
		to_ns;	 /* of the drawing or the stacks, from the session's start; 0: its end */
	const char *out; /* file, NULL: standard output */
	bool force;
	struct ft_stack_opts stacks;
	double max_loss; /* share of the events, above it FT_EXIT_LOSS */
};

/* Options; the input of both is a struct ft_show_opts. */
extern const struct argp ft_show_argp; /* of a report: all of the above */
extern const struct argp ft_out_argp;  /* of any text: format, file, width, colour */
void ft_show_defaults(struct ft_show_opts *o, const char *verb);
/* Prints the report of a file. Returns the exit status; errors have been logged. */
int ft_show_file(const char *path, const struct ft_show_opts *o);
/* One look at a process (cmd/look.c): `-d 0`. Returns the exit status; errors have been logged. */
int ft_look_show(int pid, const struct ft_show_opts *o);
/* Terminal facts, resolved. */
int ft_show_width(const struct ft_show_opts *o);
bool ft_show_ascii(const struct ft_show_opts *o);
bool ft_show_color(const struct ft_show_opts *o);
struct ft_text;
/* The ending of o->out chooses the format, or --format does. 0 or -EINVAL (logged). */
int ft_show_choose_format(struct ft_show_opts *o);
/* Whether o->out may be created; told before a session runs, not after. 0 or -errno (logged). */
int ft_show_check_out(struct ft_show_opts *o);
struct ft_outfile;
/* Begins o->out. 0 or -errno (logged). */
int ft_show_open_out(struct ft_outfile *f, const struct ft_show_opts *o);
/* Writes a text to o->out or standard output. Returns the exit status. */
int ft_show_write(const struct ft_show_opts *o, const struct ft_text *t);

#endif
