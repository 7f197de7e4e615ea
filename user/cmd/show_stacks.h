/* SPDX-License-Identifier: BSD-2-Clause */
/* Stacks from a session in a format of their own: --of, --format, --by, and -o NAME.svg. */
#ifndef FT_CMD_SHOW_STACKS_H
#define FT_CMD_SHOW_STACKS_H

#include <argp.h>
#include <stdbool.h>
#include "export/export.h"
#include "model/flame.h"

struct ft_show_opts;
struct ft_text;

struct ft_stack_opts {
	enum ft_of of;
	enum ft_format format; /* FT_FMT_NONE: a report is printed, no stacks */
	bool by_function;
	const char *given; /* the option that asks for another form than a report, NULL: none did */
	const char *stacks_given; /* the one that asks for stacks */
};

/* --of, --format and --by; the input is a struct ft_show_opts. */
extern const struct argp ft_stacks_argp;
/*
 * Takes the format from the ending of o->out, if none was named, and refuses options that
 * contradict each other. 0 or -EINVAL (logged).
 */
int ft_stacks_choose(struct ft_show_opts *o);
/* The file's stacks, exported. 0 or -errno (logged); -ENODATA: there are none, and it said why. */
int ft_stacks_export(struct ft_reader *r, const struct ft_model *m, const struct ft_show_opts *o,
		     const char *path, struct ft_text *out);
/* The difference of two files. 0 or -errno (logged). */
int ft_stacks_compare(struct ft_reader *const r[2], const struct ft_model *const m[2],
		      const char *const path[2], const struct ft_show_opts *o, struct ft_text *out);

#endif
