// SPDX-License-Identifier: BSD-2-Clause
/* ftprof compare A B: two sessions, their timelines one above the other on one time scale. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "base/units.h"
#include "cmd/cmd.h"
#include "cmd/show.h"
#include "model/timeline.h"
#include "view/compare_text.h"
#include "view/timeline_text.h"

#define LANES 26

enum { OPT_NO_DRAWING = 1000, OPT_OF };

struct opts {
	struct ft_show_opts show;
	const char *file[2];
	int cnt;
};

struct side {
	struct ft_reader *r;
	struct ft_model m;
	struct ft_timeline *tl;
};

/* Stacks are compared in a drawing: the other formats have no place for two weights. */
static void choose_stacks(struct ft_show_opts *o)
{
	enum ft_format fmt = o->out ? ft_format_of_path(o->out) : FT_FMT_NONE;

	if (fmt == FT_FMT_SVG || fmt == FT_FMT_HTML)
		o->stacks.format = fmt;
	else if (fmt != FT_FMT_NONE)
		ft_usage("compare", "%s: stacks are compared as .svg or .html", o->out);
	else if (o->stacks.given)
		ft_usage("compare", "--of is for stacks: add -o NAME.svg or -o NAME.html");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct opts *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->show;
		break;
	case OPT_NO_DRAWING:
		o->show.no_timeline = true;
		break;
	case OPT_OF:
		if (ft_of_parse(arg, &o->show.stacks.of))
			ft_usage("compare", "--of %s: see --help for what there is", arg);
		o->show.stacks.given = "--of";
		break;
	case ARGP_KEY_ARG:
		if (o->cnt == 2)
			ft_usage("compare", "two files are compared: %s is too much", arg);
		o->file[o->cnt++] = arg;
		break;
	case ARGP_KEY_END:
		if (o->cnt < 2)
			ft_usage("compare", "two session files are needed");
		if (o->show.json)
			ft_usage("compare", "--json: there is no such form of a comparison yet");
		choose_stacks(&o->show);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int open_side(const char *path, struct side *s)
{
	char why[512];
	int err = ft_reader_open(path, &s->r, why, sizeof(why));

	if (err)
		return ft_err(err, "%s", why);
	err = ft_model_build(s->r, &s->m);
	if (err)
		return ft_err(err, "cannot make the figures of %s: %s", path, strerror(-err));
	return 0;
}

static int draw(struct side *s, const struct ft_show_opts *o, struct ft_text *out)
{
	struct ft_tl_text_opts t = {
		.width = ft_show_width(o),
		.ascii = ft_show_ascii(o),
		.color = ft_show_color(o),
	};
	struct ft_tl_side sides[2];
	__u64 len = 0;
	int i, err = 0;

	for (i = 0; i < 2; i++) {
		if (!s[i].m.info->has_events) {
			ft_warn("a session without events has no timeline");
			return 0;
		}
		if (s[i].m.duration_ns > len)
			len = s[i].m.duration_ns;
	}
	for (i = 0; i < 2 && !err; i++) {
		__u64 from = s[i].m.info->start_ns;

		err = ft_timeline_build(s[i].r, &s[i].m, from, from + len, ft_tl_text_cols(t.width),
					LANES, &s[i].tl);
		sides[i] = (struct ft_tl_side){.tl = s[i].tl, .m = &s[i].m};
	}
	return err ?: ft_tl_text_pair(&sides[0], &sides[1], &t, out);
}

static int stacks(const struct side *s, const struct opts *o, struct ft_text *out)
{
	struct ft_reader *const r[2] = {s[0].r, s[1].r};
	const struct ft_model *const m[2] = {&s[0].m, &s[1].m};

	return ft_stacks_compare(r, m, o->file, &o->show, out);
}

int ft_cmd_compare(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"no-drawing", OPT_NO_DRAWING, NULL, 0, "Compare the figures only", 10},
		{"of", OPT_OF, "WHAT", 0,
		 "With -o NAME.svg or NAME.html: what is weighed, on-cpu (the default), gil-wait, "
		 "gil-blame, lock-wait, blocked, off-cpu, wall, lock-owner, shared or pause",
		 10},
		{0},
	};
	static const struct argp_child children[] = {{&ft_out_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "A B",
		.children = children,
		.doc = "Draws two sessions one above the other on one time scale, and compares "
		       "their "
		       "figures; or, with -o NAME.svg or NAME.html, their stacks.\v"
		       "EXAMPLES:\n"
		       "  ftprof compare gil.ftprof ft.ftprof\n"
		       "  ftprof compare before.ftprof after.ftprof --of on-cpu -o diff.svg\n",
	};
	struct side s[2] = {0};
	struct ft_text out = {0};
	struct opts o = {0};
	int err, i, status = FT_EXIT_FAILED;

	ft_show_defaults(&o.show, "compare");
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	for (i = 0; i < 2; i++)
		if (open_side(o.file[i], &s[i]))
			goto out;
	if (o.show.stacks.format != FT_FMT_NONE) {
		if (!stacks(s, &o, &out))
			status = ft_show_write(&o.show, &out);
		goto out;
	}
	err = o.show.no_timeline ? 0 : draw(s, &o.show, &out);
	if (err) {
		ft_err(err, "cannot draw the timelines: %s", strerror(-err));
		goto out;
	}
	ft_compare_text(&out, &s[0].m, &s[1].m);
	status = ft_show_write(&o.show, &out);
out:
	for (i = 0; i < 2; i++) {
		ft_timeline_free(s[i].tl);
		ft_model_free(&s[i].m);
		ft_reader_close(s[i].r);
	}
	ft_text_free(&out);
	return status;
}
