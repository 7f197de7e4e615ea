// SPDX-License-Identifier: BSD-2-Clause
/* From a session file to what is printed. */
#include "cmd/show.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fileio.h"
#include "base/log.h"
#include "base/text.h"
#include "base/units.h"
#include "cmd/cmd.h"
#include "cmd/show_session.h"
#include "model/funcs.h"
#include "model/timeline.h"
#include "record/session.h"
#include "view/report_json.h"
#include "view/report_text.h"
#include "view/timeline_text.h"

#define MIN_WIDTH 40
#define MAX_WIDTH 1000
#define LANES 26 /* threads with a letter */

enum {
	OPT_JSON = 3000,
	OPT_THREADS,
	OPT_NO_TIMELINE,
	OPT_WIDTH,
	OPT_ASCII,
	OPT_COLOR,
	OPT_FROM,
	OPT_TO,
	OPT_FORCE,
	OPT_MAX_LOSS,
};

/* What every command has that prints something. */
static const struct argp_option out_options[] = {
	{NULL, 0, NULL, 0, "How it is printed:", 40},
	{"json", OPT_JSON, NULL, 0, "JSON instead of text (docs/json-schema.md)", 40},
	{"output", 'o', "FILE", 0,
	 "Write to FILE: .txt or .json for a report, .html for a page with timelines, .pftrace "
	 "(Perfetto), .csv, .svg and others for stacks, .ftprof for a session of `record`",
	 40},
	{"force", OPT_FORCE, NULL, 0, "Replace FILE if it exists", 40},
	{"width", OPT_WIDTH, "COLUMNS", 0, "Width of the text (the terminal's, else 80)", 40},
	{"ascii", OPT_ASCII, NULL, 0, "Text in plain ASCII", 40},
	{"color", OPT_COLOR, "WHEN", 0, "auto, always or never (NO_COLOR is honoured)", 40},
	{0},
};

static const struct argp_option options[] = {
	{NULL, 0, NULL, 0, "What is printed:", 30},
	{"threads", OPT_THREADS, NULL, 0,
	 "A row for every thread (else one for all whose names differ in their number only)", 30},
	{"from", OPT_FROM, "TIME", 0,
	 "Draw the timeline, or weigh the stacks, from this time of the session on (1.5s)", 30},
	{"to", OPT_TO, "TIME", 0, "And up to this time of the session", 30},
	{"no-drawing", OPT_NO_TIMELINE, NULL, 0, "Print the report without its timeline", 30},
	{"max-loss", OPT_MAX_LOSS, "PERCENT", 0,
	 "Exit with status 3 when more of the events were lost (5)", 30},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct ft_show_opts *o = state->input;
	char *end;
	long n;

	switch (key) {
	case OPT_JSON:
		o->json = true;
		break;
	case OPT_THREADS:
		o->threads = true;
		break;
	case OPT_NO_TIMELINE:
		o->no_timeline = true;
		break;
	case OPT_WIDTH:
		if (ft_parse_long(arg, MIN_WIDTH, MAX_WIDTH, &n))
			ft_usage(o->verb, "--width %s: a number from %d to %d is needed", arg,
				 MIN_WIDTH, MAX_WIDTH);
		o->width = n;
		break;
	case OPT_ASCII:
		o->ascii = 1;
		break;
	case OPT_COLOR:
		if (strcmp(arg, "auto") && strcmp(arg, "always") && strcmp(arg, "never"))
			ft_usage(o->verb, "--color %s: auto, always or never is needed", arg);
		o->color = !strcmp(arg, "auto") ? -1 : !strcmp(arg, "always");
		break;
	case OPT_FROM:
		if (ft_parse_duration(arg, &o->from_ns))
			ft_usage(o->verb, "--from %s: a time such as 250ms or 1.5s is needed", arg);
		break;
	case OPT_TO:
		if (ft_parse_duration(arg, &o->to_ns) || !o->to_ns)
			ft_usage(o->verb, "--to %s: a time such as 250ms or 1.5s is needed", arg);
		break;
	case OPT_FORCE:
		o->force = true;
		break;
	case OPT_MAX_LOSS:
		o->max_loss = strtod(arg, &end) / 100;
		if (end == arg || *end || !(o->max_loss >= 0 && o->max_loss <= 1))
			ft_usage(o->verb, "--max-loss %s: a number from 0 to 100 is needed", arg);
		break;
	case 'o':
		o->out = arg;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_show(int key, char *arg, struct argp_state *state)
{
	if (key == ARGP_KEY_INIT) {
		state->child_inputs[0] = state->input;
		state->child_inputs[1] = state->input;
	}
	return parse(key, arg, state);
}

static const struct argp_child show_children[] = {
	{&ft_out_argp, 0, NULL, 0}, {&ft_stacks_argp, 0, NULL, 0}, {0}};

const struct argp ft_out_argp = {.options = out_options, .parser = parse};
const struct argp ft_show_argp = {
	.options = options, .parser = parse_show, .children = show_children};

void ft_show_defaults(struct ft_show_opts *o, const char *verb)
{
	memset(o, 0, sizeof(*o));
	o->verb = verb;
	o->ascii = -1;
	o->color = -1;
	o->max_loss = 0.05;
}

int ft_show_width(const struct ft_show_opts *o)
{
	struct winsize ws;

	if (o->width)
		return o->width;
	if (!o->out && isatty(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) && ws.ws_col)
		return ws.ws_col < MIN_WIDTH   ? MIN_WIDTH
		       : ws.ws_col > MAX_WIDTH ? MAX_WIDTH
					       : ws.ws_col;
	return 80;
}

/*
 * Plain ASCII when a locale says so. No locale at all (services, CI, sudo) says nothing: UTF-8
 * then, as terminals of this century expect.
 */
bool ft_show_ascii(const struct ft_show_opts *o)
{
	const char *v = getenv("LC_ALL");

	if (o->ascii >= 0)
		return o->ascii;
	if (!v || !*v)
		v = getenv("LC_CTYPE");
	if (!v || !*v)
		v = getenv("LANG");
	if (!v || !*v)
		return false;
	return !strcasestr(v, "utf-8") && !strcasestr(v, "utf8");
}

bool ft_show_color(const struct ft_show_opts *o)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (o->color >= 0)
		return o->color;
	if ((no && *no) || o->out || !isatty(STDOUT_FILENO))
		return false;
	return term && *term && strcmp(term, "dumb") != 0;
}

int ft_show_open_out(struct ft_outfile *f, const struct ft_show_opts *o)
{
	int err = ft_outfile_open(f, o->out, o->force);

	if (err == -EEXIST)
		return ft_err(err, "%s exists: choose another name or add --force", o->out);
	if (err == -ELOOP)
		return ft_err(err, "%s is a symbolic link: name the file itself", o->out);
	if (err)
		return ft_err(err, "cannot create %s: %s", o->out, strerror(-err));
	return 0;
}

int ft_show_check_out(struct ft_show_opts *o)
{
	struct ft_outfile f = {.fd = -1};
	int err = ft_show_choose_format(o);

	if (err || !o->out)
		return err;
	err = ft_show_open_out(&f, o);
	ft_outfile_abort(&f);
	return err;
}

int ft_show_write(const struct ft_show_opts *o, const struct ft_text *t)
{
	struct ft_outfile f = {.fd = -1};
	int err;

	if (t->err) {
		ft_err(t->err, "out of memory");
		return FT_EXIT_FAILED;
	}
	if (!o->out) {
		err = t->len ? ft_write_all(STDOUT_FILENO, t->s, t->len) : 0;
		if (err)
			ft_err(err, "cannot write to standard output: %s", strerror(-err));
		return err ? FT_EXIT_FAILED : FT_EXIT_GOOD;
	}
	if (ft_show_open_out(&f, o))
		return FT_EXIT_FAILED;
	err = t->len ? ft_write_all(f.fd, t->s, t->len) : 0;
	err = err ?: ft_outfile_commit(&f);
	if (err) {
		ft_err(err, "cannot write %s: %s", o->out, strerror(-err));
		ft_outfile_abort(&f);
		return FT_EXIT_FAILED;
	}
	return FT_EXIT_GOOD;
}

/* One drawing of [from, to), overview or zoom. */
static int draw(struct ft_reader *r, const struct ft_model *m, __u64 from, __u64 to,
		const struct ft_tl_text_opts *to_opts, struct ft_text *out)
{
	struct ft_timeline *tl = NULL;
	int err;

	err = ft_timeline_build(r, m, from, to, ft_tl_text_cols(to_opts->width), LANES, &tl);
	err = err ?: ft_tl_text(tl, m, to_opts, out);
	ft_timeline_free(tl);
	return err;
}

static int timeline(struct ft_reader *r, const struct ft_model *m, const struct ft_show_opts *o,
		    struct ft_text *out)
{
	struct ft_tl_text_opts t = {
		.width = ft_show_width(o),
		.ascii = ft_show_ascii(o),
		.color = ft_show_color(o),
	};
	__u64 start = m->info->start_ns, end = start + m->duration_ns, zoom_ns, at;
	__u64 from = start + o->from_ns, to = o->to_ns ? start + o->to_ns : end;
	int err;

	if (o->no_timeline || !m->info->has_events)
		return 0;
	if (from >= end || to <= from) {
		ft_warn("nothing to draw: the session has %.3f s", m->duration_ns / 1e9);
		return 0;
	}
	if (to > end)
		to = end;
	ft_text_add(out, "\n");
	err = draw(r, m, from, to, &t, out);
	if (err)
		return err;
	zoom_ns = ft_tl_text_zoom_ns(t.width, to - from);
	if (!zoom_ns)
		return 0;
	if (o->from_ns || o->to_ns)
		at = from + (to - from - zoom_ns) / 2;
	else if (ft_timeline_densest(r, m, zoom_ns, &at))
		return 0;
	t.zoom = true;
	ft_text_add(out, "\n");
	return draw(r, m, at, at + zoom_ns, &t, out);
}

static int report_text(struct ft_reader *r, const struct ft_model *m,
		       const struct ft_func_lists *fn, const struct ft_show_opts *o,
		       struct ft_text *out)
{
	struct ft_report_opts ro = {
		.width = ft_show_width(o),
		.color = ft_show_color(o),
		.ascii = ft_show_ascii(o),
		.threads = o->threads,
	};
	int err;

	/* each block begins with a blank line, but for the first */
	ft_report_head(out, m, &ro);
	ft_report_verdict(out, m, &ro);
	err = timeline(r, m, o, out);
	if (err)
		return err;
	ft_report_scaling(out, m, &ro);
	ft_report_locks(out, m, &ro);
	ft_report_threads(out, m, &ro);
	ft_report_funcs(out, m, fn, &ro);
	ft_report_process(out, m, &ro);
	ft_report_found(out, m, &ro);
	return out->err;
}

static int render(struct ft_reader *r, const struct ft_model *m, const struct ft_show_opts *o,
		  struct ft_text *out)
{
	struct ft_func_lists fn;
	int err = ft_func_lists_build(r, m, &fn);

	if (err)
		return err;
	err = o->json ? ft_report_json(out, m, &fn) : report_text(r, m, &fn, o, out);
	ft_func_lists_free(&fn);
	return err;
}

int ft_show_choose_format(struct ft_show_opts *o)
{
	const char *dot = o->out ? strrchr(o->out, '.') : NULL;
	int err = ft_stacks_choose(o);

	if (err || o->stacks.format != FT_FMT_NONE || !o->out || (dot && !strcmp(dot, ".txt")))
		return err;
	if (dot && !strcmp(dot, ".json")) {
		o->json = true;
		return 0;
	}
	return ft_err(
		-EINVAL,
		"%s: the ending of the name chooses the format: .txt, .json or .html for a "
		"report, .pftrace or .csv for all that happened, for stacks .svg, .html (with "
		"--of), .folded, .pb.gz, .speedscope.json or .firefox.json",
		o->out);
}

int ft_show_file(const char *path, const struct ft_show_opts *opts)
{
	struct ft_show_opts o = *opts;
	struct ft_reader *r = NULL;
	struct ft_model m = {0};
	struct ft_text out = {0};
	char why[512];
	int err, status = FT_EXIT_FAILED;

	if (ft_show_choose_format(&o))
		return FT_EXIT_USAGE;
	err = ft_reader_open(path, &r, why, sizeof(why));
	if (err) {
		ft_err(err, "%s", why);
		return FT_EXIT_FAILED;
	}
	err = ft_model_build(r, &m);
	if (!err && ft_format_is_session(o.stacks.format)) {
		status = ft_session_export(r, &m, &o, path);
		goto loss;
	}
	if (!err && o.stacks.format != FT_FMT_NONE) {
		if (ft_stacks_export(r, &m, &o, path, &out))
			goto out;
	} else {
		err = err ?: render(r, &m, &o, &out);
	}
	if (err) {
		ft_err(err, "cannot make the report of %s: %s", path, strerror(-err));
		goto out;
	}
	status = ft_show_write(&o, &out);
loss:
	if (status == FT_EXIT_GOOD && m.loss_share > o.max_loss) {
		ft_err(-EOVERFLOW, "%.1f %% of the events were lost, more than --max-loss allows",
		       m.loss_share * 100);
		status = FT_EXIT_LOSS;
	}
out:
	ft_text_free(&out);
	ft_model_free(&m);
	ft_reader_close(r);
	return status;
}
