/* SPDX-License-Identifier: BSD-2-Clause */
/* Stacks from a session in a format of their own. */
#include "cmd/show_stacks.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/show.h"

#define ENDINGS ".svg, .html, .folded, .pb.gz, .speedscope.json or .firefox.json"
#define IS_BINARY(fmt) ((fmt) == FT_FMT_PPROF || (fmt) == FT_FMT_PERFETTO)

enum { OPT_OF = 3200, OPT_FORMAT, OPT_BY };

static const struct argp_option options[] = {
	{NULL, 0, NULL, 0, "Other forms than a report (-o NAME.html, or --format):", 35},
	{"of", OPT_OF, "WHAT", 0,
	 "Stacks: what is weighed: on-cpu (the default), gil-wait, gil-blame, lock-wait, blocked, "
	 "off-cpu, wall, lock-owner, shared, pause",
	 35},
	{"format", OPT_FORMAT, "NAME", 0,
	 "The whole session: page, perfetto or csv (.html .pftrace .csv); stacks: svg, html, "
	 "folded, "
	 "pprof, speedscope or firefox (.svg, .html with --of, .folded .pb.gz .speedscope.json "
	 ".firefox.json). Without it the ending of -o FILE says",
	 35},
	{"by", OPT_BY, "WHAT", 0, "Tell apart the lines of a function (line), or not (function)",
	 35},
	{0},
};

/* "on-cpu, gil-wait, ..." */
static void refuse_of(const char *verb, const char *arg)
{
	struct ft_text names = {0};
	int i;

	for (i = 0; i < FT_OF_CNT; i++)
		ft_text_printf(&names, "%s%s",
			       !i		    ? ""
			       : i == FT_OF_CNT - 1 ? " or "
						    : ", ",
			       ft_of_name((enum ft_of)i));
	ft_usage(verb, "--of %s: %s is needed", arg, names.err ? "another name" : names.s);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct ft_show_opts *o = state->input;
	struct ft_stack_opts *s = &o->stacks;

	switch (key) {
	case OPT_OF:
		if (ft_of_parse(arg, &s->of))
			refuse_of(o->verb, arg);
		s->given = s->stacks_given = "--of";
		break;
	case OPT_FORMAT:
		s->format = ft_format_of_name(arg);
		if (s->format == FT_FMT_NONE)
			ft_usage(o->verb, "--format %s: one of %s is needed", arg,
				 ft_format_names());
		s->given = "--format";
		break;
	case OPT_BY:
		if (strcmp(arg, "line") && strcmp(arg, "function"))
			ft_usage(o->verb, "--by %s: line or function is needed", arg);
		s->by_function = !strcmp(arg, "function");
		s->given = s->stacks_given = "--by";
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

const struct argp ft_stacks_argp = {.options = options, .parser = parse};

int ft_stacks_choose(struct ft_show_opts *o)
{
	struct ft_stack_opts *s = &o->stacks;

	if (s->format == FT_FMT_NONE && o->out) {
		s->format = ft_format_of_path(o->out);
		if (s->format == FT_FMT_HTML && !s->given)
			s->format = FT_FMT_PAGE;
	}
	if (s->format == FT_FMT_NONE) {
		if (s->given)
			return ft_err(-EINVAL,
				      "%s is for stacks: add --format NAME, or -o NAME that ends "
				      "in " ENDINGS,
				      s->given);
		return 0;
	}
	if (o->json)
		return ft_err(-EINVAL,
			      "--json is a report's form: leave it out, or the other form");
	if (ft_format_is_session(s->format) && s->stacks_given)
		return ft_err(-EINVAL, "%s is for stacks: not for a whole session in one file",
			      s->stacks_given);
	if (IS_BINARY(s->format) && !o->out && isatty(STDOUT_FILENO))
		return ft_err(-EINVAL, "this format is binary: add -o NAME, or send it to a pipe");
	return 0;
}

static int build(struct ft_reader *r, const struct ft_model *m, const struct ft_show_opts *o,
		 const char *path, struct ft_flame *f)
{
	struct ft_flame_opts fl = {
		.of = o->stacks.of,
		.by_function = o->stacks.by_function,
		.from_ns = o->from_ns,
		.to_ns = o->to_ns,
	};
	char why[256] = "";
	int err = ft_flame_build(r, m, &fl, f, why, sizeof(why));

	if (err == -ENODATA)
		return ft_err(err, "%s: %s", path, why);
	if (err)
		return ft_err(err, "cannot weigh the stacks of %s: %s", path, strerror(-err));
	return 0;
}

static int export(const struct ft_show_opts *o, const struct ft_flame *f, struct ft_text *out)
{
	int err = ft_export(o->stacks.format, f, out);

	err = err ? err : out->err;
	if (err)
		return ft_err(err, "cannot export the stacks: %s", strerror(-err));
	return 0;
}

int ft_stacks_export(struct ft_reader *r, const struct ft_model *m, const struct ft_show_opts *o,
		     const char *path, struct ft_text *out)
{
	struct ft_flame f = {0};
	int err = build(r, m, o, path, &f);

	if (!err)
		err = export(o, &f, out);
	ft_flame_free(&f);
	return err;
}

int ft_stacks_compare(struct ft_reader *const r[2], const struct ft_model *const m[2],
		      const char *const path[2], const struct ft_show_opts *o, struct ft_text *out)
{
	struct ft_flame a = {0}, b = {0}, d = {0};
	int err = build(r[0], m[0], o, path[0], &a);

	err = err ? err : build(r[1], m[1], o, path[1], &b);
	if (err)
		goto out;
	err = ft_flame_diff(&a, &b, &d);
	if (err) {
		ft_err(err, "cannot compare the stacks: %s", strerror(-err));
		goto out;
	}
	err = export(o, &d, out);
out:
	ft_flame_free(&d);
	ft_flame_free(&b);
	ft_flame_free(&a);
	return err;
}
