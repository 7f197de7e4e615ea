// SPDX-License-Identifier: BSD-2-Clause
/* ftprof compare: two sides of sessions, their timelines on one scale and their figures. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "base/units.h"
#include "base/words.h"
#include "cmd/cmd.h"
#include "cmd/compare_run.h"
#include "cmd/show.h"
#include "cmd/show_session.h"
#include "model/compare.h"
#include "model/timeline.h"
#include "os/procfs.h"
#include "view/compare_json.h"
#include "view/compare_text.h"
#include "view/timeline_text.h"

#define LANES 26

#define RUNS 5 /* of each command: the fewest that give an interval of 99 % */
#define WARM_UP_MAX 100

enum { OPT_NO_DRAWING = 2000, OPT_OF, OPT_A, OPT_B, OPT_RUN, OPT_WARM_UP, OPT_KEEP };

struct opts {
	struct ft_show_opts show;
	struct ft_compare_run_opts run;
	int commands;
	const char *given; /* an option of --run, NULL: none was */
	const char *file[2][FT_COMPARE_MAX];
	size_t cnt[2];
	int side;   /* that the next file is of: of the last --a or --b */
	bool sides; /* --a and --b, else the two files of A B */
	bool page;  /* -o NAME.html: timelines, not stacks */
};

/* One open session. */
struct run {
	struct ft_reader *r;
	struct ft_model m;
};

struct both {
	struct run *run[2]; /* those of a side */
	size_t cnt[2];
	struct ft_compare *c;
	const char *path[2]; /* of the runs that stand for their sides in a drawing */
	struct run *shown[2];
};

/* Stacks are compared in a drawing: the other formats have no place for two weights. */
static void choose_output(struct opts *o)
{
	struct ft_show_opts *s = &o->show;
	enum ft_format fmt = s->out ? ft_format_of_path(s->out) : FT_FMT_NONE;

	if (fmt == FT_FMT_SVG || fmt == FT_FMT_HTML)
		s->stacks.format = fmt;
	else if (fmt != FT_FMT_NONE)
		ft_usage("compare",
			 "%s: two sessions are compared as .txt, .json or .html, their stacks as "
			 ".svg, or as .html with --of",
			 s->out);
	else if (s->stacks.given)
		ft_usage("compare", "--of is for stacks: add -o NAME.svg or -o NAME.html");
	o->page = fmt == FT_FMT_HTML && !s->stacks.given;
	if (o->page)
		s->stacks.format = FT_FMT_PAGE;
	if (fmt != FT_FMT_NONE && s->json)
		ft_usage("compare", "--json is a table's form: leave it out, or -o %s", s->out);
}

static void add_file(struct opts *o, int side, const char *path)
{
	if (o->cnt[side] == FT_COMPARE_MAX)
		ft_usage("compare", "%s: %d sessions a side at most", path, FT_COMPARE_MAX);
	o->file[side][o->cnt[side]++] = path;
}

static void take_file(struct opts *o, const char *path)
{
	if (o->sides) {
		add_file(o, o->side, path);
		return;
	}
	if (o->cnt[1])
		ft_usage("compare",
			 "two files are compared: %s is too much; more of a side are "
			 "given by --a FILE... --b FILE...",
			 path);
	add_file(o, o->cnt[0] ? 1 : 0, path);
}

static void take_command(struct opts *o, const char *command)
{
	char why[128];
	int err;

	if (o->commands == 2)
		ft_usage("compare", "--run \"%s\": two commands are compared", command);
	err = ft_words_split(command, &o->run.argv[o->commands], why, sizeof(why));
	if (err)
		ft_usage("compare", "--run \"%s\": %s", command,
			 err == -EINVAL ? why : strerror(-err));
	o->run.command[o->commands++] = command;
}

/* Sessions are made here, or are there already. */
static void check_run(struct opts *o)
{
	const char *given = o->given ? o->given : o->run.rec.given;

	if (!o->commands && given)
		ft_usage("compare", "--%s is for --run", given);
	if (o->commands && (o->cnt[0] || o->cnt[1]))
		ft_usage("compare", "%s: --run makes its own sessions, no files are needed",
			 o->file[0][0] ? o->file[0][0] : o->file[1][0]);
	if (o->commands == 1)
		ft_usage("compare", "a second --run \"COMMAND\" is needed, to compare with");
	if (!o->run.keep && o->show.force && !o->show.out)
		ft_usage("compare", "--force replaces what -o names, or --keep");
}

static void check(struct opts *o)
{
	check_run(o);
	choose_output(o);
	if (o->commands)
		return;
	if (o->sides && (!o->cnt[0] || !o->cnt[1]))
		ft_usage("compare", "--%c FILE... is needed too", o->cnt[0] ? 'b' : 'a');
	if (!o->cnt[0] || !o->cnt[1])
		ft_usage("compare", "two session files are needed, or two commands to --run");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct opts *o = state->input;
	long n;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->show;
		state->child_inputs[1] = &o->run.rec;
		break;
	case OPT_NO_DRAWING:
		o->show.no_timeline = true;
		break;
	case OPT_OF:
		if (ft_of_parse(arg, &o->show.stacks.of))
			ft_usage("compare", "--of %s: see --help for what there is", arg);
		o->show.stacks.given = "--of";
		break;
	case OPT_A:
	case OPT_B:
		if (!o->sides && o->cnt[0])
			ft_usage("compare", "%s: name it after --a or --b", o->file[0][0]);
		o->sides = true;
		o->side = key == OPT_B;
		add_file(o, o->side, arg);
		break;
	case OPT_RUN:
		take_command(o, arg);
		break;
	case 'n':
		if (ft_parse_long(arg, 1, FT_COMPARE_MAX, &n))
			ft_usage("compare", "-n %s: a number from 1 to %d is needed", arg,
				 FT_COMPARE_MAX);
		o->run.n = (int)n;
		o->given = "runs";
		break;
	case OPT_WARM_UP:
		if (ft_parse_long(arg, 0, WARM_UP_MAX, &n))
			ft_usage("compare", "--warm-up %s: a number from 0 to %d is needed", arg,
				 WARM_UP_MAX);
		o->run.warm_up = (int)n;
		o->given = "warm-up";
		break;
	case OPT_KEEP:
		o->run.keep = arg;
		o->given = "keep";
		break;
	case ARGP_KEY_ARG:
		take_file(o, arg);
		break;
	case ARGP_KEY_END:
		check(o);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int open_run(const char *path, struct run *run)
{
	char why[512];
	int err = ft_reader_open(path, &run->r, why, sizeof(why));

	if (err)
		return ft_err(err, "%s", why);
	err = ft_model_build(run->r, &run->m);
	if (err)
		return ft_err(err, "cannot make the figures of %s: %s", path, strerror(-err));
	return 0;
}

/* Opens all sessions and compares them. 0 or -errno (logged). */
static int open_both(const struct opts *o, struct both *b)
{
	struct ft_cmp_session s[2][FT_COMPARE_MAX] = {0};
	const struct ft_cmp_session *const sides[2] = {s[0], s[1]};
	int side, err;
	size_t i;

	for (side = 0; side < 2; side++) {
		b->run[side] = calloc(o->cnt[side], sizeof(*b->run[side]));
		if (!b->run[side])
			return ft_err(-ENOMEM, "out of memory");
		b->cnt[side] = o->cnt[side];
		for (i = 0; i < o->cnt[side]; i++) {
			err = open_run(o->file[side][i], &b->run[side][i]);
			if (err)
				return err;
			s[side][i].m = &b->run[side][i].m;
			/* the directory of sessions that are not kept is gone when this is read */
			s[side][i].path = o->commands && !o->run.keep
						  ? ft_basename(o->file[side][i])
						  : o->file[side][i];
			s[side][i].command = o->commands ? o->run.command[side] : NULL;
		}
	}
	err = ft_compare_build(sides, o->cnt, &b->c);
	if (err)
		return ft_err(err, "cannot compare: %s", strerror(-err));
	for (side = 0; side < 2; side++) {
		i = ft_compare_median_run(b->c, side);
		b->path[side] = o->file[side][i];
		b->shown[side] = &b->run[side][i];
	}
	return 0;
}

static void close_both(struct both *b)
{
	int side;
	size_t i;

	ft_compare_free(b->c);
	for (side = 0; side < 2; side++) {
		for (i = 0; b->run[side] && i < b->cnt[side]; i++) {
			ft_model_free(&b->run[side][i].m);
			ft_reader_close(b->run[side][i].r);
		}
		free(b->run[side]);
	}
}

/* Both timelines on one scale, of the runs with the median wall times. */
static int draw(const struct both *b, const struct ft_show_opts *o, struct ft_text *out)
{
	struct ft_tl_text_opts t = {
		.width = ft_show_width(o),
		.ascii = ft_show_ascii(o),
		.color = ft_show_color(o),
	};
	struct ft_timeline *tl[2] = {NULL, NULL};
	struct ft_tl_side sides[2];
	char name[2][32];
	__u64 len = 0;
	int i, err = 0;

	for (i = 0; i < 2; i++) {
		const struct ft_model *m = &b->shown[i]->m;

		if (!m->info->has_events) {
			ft_warn("%s has no events, so no timelines are drawn", b->path[i]);
			return 0;
		}
		if (m->duration_ns > len)
			len = m->duration_ns;
	}
	for (i = 0; i < 2 && !err; i++) {
		const struct ft_model *m = &b->shown[i]->m;
		__u64 from = m->info->start_ns;

		err = ft_timeline_build(b->shown[i]->r, m, from, from + len,
					ft_tl_text_cols(t.width), LANES, &tl[i]);
		snprintf(name[i], sizeof(name[i]), "%c %s", 'A' + i, m->info->name);
		sides[i] = (struct ft_tl_side){.tl = tl[i], .m = m, .name = name[i]};
	}
	err = err ?: ft_tl_text_pair(&sides[0], &sides[1], &t, out);
	ft_timeline_free(tl[0]);
	ft_timeline_free(tl[1]);
	if (err)
		return ft_err(err, "cannot draw the timelines: %s", strerror(-err));
	ft_text_add(out, "\n");
	return 0;
}

static int stacks(const struct both *b, const struct opts *o, struct ft_text *out)
{
	struct ft_reader *const r[2] = {b->shown[0]->r, b->shown[1]->r};
	const struct ft_model *const m[2] = {&b->shown[0]->m, &b->shown[1]->m};

	return ft_stacks_compare(r, m, b->path, &o->show, out);
}

/* -o NAME.html: a page of the two runs that stand for their sides. Returns the exit status. */
static int write_page(const struct both *b, const struct opts *o)
{
	struct ft_page_side side[2] = {0};
	struct ft_text json = {0};
	int i, err, status = FT_EXIT_FAILED;

	for (i = 0; i < 2; i++) {
		side[i].r = b->shown[i]->r;
		side[i].m = &b->shown[i]->m;
		/* a session that is not kept has no name that says anything */
		side[i].path = o->commands && !o->run.keep ? o->run.command[i] : b->path[i];
	}
	err = ft_compare_json(&json, b->c);
	if (err)
		ft_err(err, "cannot make the JSON: %s", strerror(-err));
	else
		status = ft_session_page_pair(side, json.s, &o->show);
	ft_text_free(&json);
	return status;
}

static int show(const struct both *b, const struct opts *o)
{
	struct ft_text out = {0};
	int err, status = FT_EXIT_FAILED;

	if (o->page)
		return write_page(b, o);
	if (o->show.stacks.format != FT_FMT_NONE) {
		err = stacks(b, o, &out);
	} else if (o->show.json) {
		err = ft_compare_json(&out, b->c);
		if (err)
			ft_err(err, "cannot make the JSON: %s", strerror(-err));
	} else {
		err = o->show.no_timeline ? 0 : draw(b, &o->show, &out);
		ft_compare_text(&out, b->c, ft_show_width(&o->show), ft_show_ascii(&o->show));
	}
	if (!err)
		status = ft_show_write(&o->show, &out);
	ft_text_free(&out);
	return status;
}

/* Runs the commands; the sessions become the files. */
static int run(struct opts *o, struct ft_compare_runs *runs)
{
	int side, err;
	size_t i;

	err = ft_record_check_host();
	if (err)
		return err;
	ft_record_settle(&o->run.rec);
	o->run.force = o->show.force;
	err = ft_compare_run(&o->run, runs);
	for (side = 0; side < 2 && !err; side++) {
		for (i = 0; i < runs->cnt[side]; i++)
			o->file[side][i] = runs->path[side][i];
		o->cnt[side] = runs->cnt[side];
	}
	return err;
}

static const struct argp_option options[] = {
	{NULL, 0, NULL, 0, "What is compared:", 1},
	{"a", OPT_A, "FILE", 0, "The sessions of one side: this and all that follow", 1},
	{"b", OPT_B, "FILE", 0, "And those of the other, up to 64 each", 1},
	{"run", OPT_RUN, "COMMAND", 0,
	 "Twice: run both commands, record and compare them. Words as in a shell, quotes and all, "
	 "but nothing is expanded",
	 1},
	{"runs", 'n', "N", 0, "So many runs of each that count (5)", 1},
	{"warm-up", OPT_WARM_UP, "N", 0, "And so many before them that do not (1)", 1},
	{"keep", OPT_KEEP, "DIR", 0, "Keep the sessions of --run in DIR", 1},
	{NULL, 0, NULL, 0, "How --run records:", 10},
	{"no-drawing", OPT_NO_DRAWING, NULL, 0, "Compare the figures only", 35},
	{"of", OPT_OF, "WHAT", 0,
	 "Stacks, with -o NAME.svg or NAME.html: what is weighed, on-cpu (the default), gil-wait, "
	 "gil-blame, lock-wait, blocked, off-cpu, wall, lock-owner, shared or pause",
	 35},
	{0},
};

static const struct argp_child children[] = {
	{&ft_out_argp, 0, NULL, 0}, {&ft_record_argp, 0, NULL, 0}, {0}};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "A B\n--a FILE... --b FILE...\n--run COMMAND --run COMMAND",
	.children = children,
	.doc = "Draws two sessions one above the other on one time scale, and compares their "
	       "figures; of several sessions a side, it tells differences from noise. With -o "
	       "NAME.html it is a page of both; with -o NAME.svg their stacks are compared.\v"
	       "EXAMPLES:\n"
	       "  ftprof compare gil.ftprof ft.ftprof\n"
	       "  ftprof compare gil.ftprof ft.ftprof -o both.html\n"
	       "  ftprof compare --a before*.ftprof --b after*.ftprof\n"
	       "  sudo ftprof compare --run \"python3.14 app.py\" --run \"python3.14t app.py\"\n"
	       "  ftprof compare before.ftprof after.ftprof --of on-cpu -o diff.svg\n",
};

int ft_cmd_compare(int argc, char **argv)
{
	struct opts *o = calloc(1, sizeof(*o));
	struct ft_compare_runs runs = {0};
	struct both b = {0};
	int err, status = FT_EXIT_FAILED;

	if (!o) {
		ft_err(-ENOMEM, "out of memory");
		return FT_EXIT_FAILED;
	}
	ft_show_defaults(&o->show, "compare");
	ft_record_defaults(&o->run.rec, "compare");
	o->run.n = RUNS;
	o->run.warm_up = 1;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, o);
	if (ft_show_check_out(&o->show))
		goto out;
	err = o->commands ? run(o, &runs) : 0;
	err = err ?: open_both(o, &b);
	/* what is open stays readable, and nothing is left behind from here on */
	ft_compare_runs_end(&runs);
	if (!err)
		status = show(&b, o);
out:
	close_both(&b);
	ft_compare_runs_free(&runs);
	free(o->run.argv[0]);
	free(o->run.argv[1]);
	free(o);
	return status;
}
