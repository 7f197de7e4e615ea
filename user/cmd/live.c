// SPDX-License-Identifier: BSD-2-Clause
/* ftprof -p PID, ftprof -- COMMAND, ftprof record: live sessions. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/units.h"
#include "capture/capture.h"
#include "cmd/cmd.h"
#include "cmd/session.h"
#include "cmd/show.h"
#include "record/store.h"

#define MAX_DURATION_NS (3600ull * 24 * 366 * 1000000000ull)

struct opts {
	struct ft_show_opts show;
	struct ft_record_opts rec;
	bool record;
	bool look; /* -d 0 */
	const char *verb;
};

static const struct argp_option options[] = {
	{NULL, 0, NULL, 0, "What is measured:", 10},
	{"pid", 'p', "PID", 0, "Attach to this process", 10},
	{"duration", 'd', "TIME", 0,
	 "End after TIME (10s, 1m; default: at Ctrl-C or when the process ends); 0: one look at "
	 "all "
	 "threads' stacks and states now",
	 10},
	{0},
};

/* What goes together. */
static void check_options(struct opts *o)
{
	ft_record_settle(&o->rec);
	if (!o->rec.cap.pid && !o->rec.cap.argv)
		ft_usage(o->verb, "a process (-p PID) or a program (-- COMMAND) is needed");
	if (o->rec.cap.pid && o->rec.cap.argv)
		ft_usage(o->verb, "-p PID and -- COMMAND exclude each other");
	if (o->look && (o->record || o->rec.cap.argv))
		ft_usage(o->verb, "-d 0 is one look at a live process: ftprof -p PID -d 0");
	if (o->look && (o->rec.cap.native || o->rec.cap.kernel))
		ft_usage(o->verb, "-d 0 shows Python frames only: without --%s",
			 o->rec.cap.native ? "native" : "kernel");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct opts *o = state->input;
	long n;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->show;
		state->child_inputs[1] = &o->rec;
		break;
	case 'p':
		if (ft_parse_long(arg, 1, 1 << 22, &n))
			ft_usage(o->verb, "-p %s: a process id is needed (`ftprof` lists them)",
				 arg);
		o->rec.cap.pid = n;
		break;
	case 'd':
		if (ft_parse_duration(arg, &o->rec.cap.duration_ns) ||
		    o->rec.cap.duration_ns > MAX_DURATION_NS)
			ft_usage(o->verb,
				 "-d %s: a time such as 250ms, 10s or 2h is needed, a year at most",
				 arg);
		o->look = !o->rec.cap.duration_ns;
		break;
	case ARGP_KEY_ARG:
		if (!state->quoted)
			ft_usage(o->verb,
				 "%s: no such command; to start a program write `ftprof -- %s`",
				 arg, arg);
		o->rec.cap.argv = &state->argv[state->next - 1];
		state->next = state->argc;
		break;
	case ARGP_KEY_END:
		check_options(o);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* Where the session goes: -o of `record`, else the store. */
static int choose_path(struct opts *o, char *path, size_t sz)
{
	struct ft_store store;
	int err = ft_store_find(&store);

	if (!err) {
		o->rec.cap.out.own = store.own;
		o->rec.cap.out.uid = store.uid;
		o->rec.cap.out.gid = store.gid;
	}
	if (o->record && o->show.out) {
		o->rec.cap.out.path = o->show.out;
		o->rec.cap.out.force = o->show.force;
		return 0;
	}
	err = err ?: ft_store_new(&store, o->rec.cap.pid ?: getpid(), path, sz);
	o->rec.cap.out.as_user = !err;
	if (err) {
		/* a service without a home: the session is not kept, the report works */
		ft_debug("the session is not kept: %s", strerror(-err));
		snprintf(path, sz, "/tmp/ftprof-%d.ftprof", getpid());
		o->rec.cap.out.own = false;
	}
	o->rec.cap.out.path = path;
	return err ? 1 : 0;
}

static void tell_kept(const char *path, const struct ft_capture_result *res)
{
	char events[32];
	struct stat st;

	if (stat(path, &st))
		return;
	ft_info("%s holds %s events in %.1f MB; `ftprof report %s` shows it", path,
		ft_format_count(res->events, events, sizeof(events)), st.st_size / 1e6, path);
}

static int live(struct opts *o, int argc, char **argv, const struct argp *argp)
{
	struct ft_capture_result res;
	char path[PATH_MAX];
	struct ft_store store;
	int err, status, transient;

	ft_record_defaults(&o->rec, o->verb);
	ft_show_defaults(&o->show, o->verb);
	argp_parse(argp, argc, argv, ARGP_IN_ORDER, NULL, o);
	if (o->record && o->show.json)
		ft_usage(o->verb, "--json: `ftprof report FILE --json` prints the figures");
	if (o->record && o->show.stacks.given)
		ft_usage(o->verb, "%s: `ftprof report FILE` exports stacks", o->show.stacks.given);
	if (!o->record && ft_show_choose_format(&o->show))
		return FT_EXIT_USAGE;
	if (o->look && o->show.stacks.format != FT_FMT_NONE)
		ft_usage(o->verb, "-d 0 is printed as text or JSON; other forms are of a time: "
				  "-d 10s");
	if (!o->record && !o->rec.cap.with_events &&
	    (o->show.stacks.format == FT_FMT_PERFETTO || o->show.stacks.format == FT_FMT_CSV))
		ft_usage(o->verb, "--no-timeline records no events: leave it out for this form");
	if (!o->record && o->show.stacks.format != FT_FMT_NONE &&
	    !ft_format_is_session(o->show.stacks.format) && !o->rec.cap.stack_hz)
		ft_usage(o->verb, "-F 0 records no stacks: leave it out to export some");
	if (!o->record && ft_show_check_out(&o->show))
		return FT_EXIT_FAILED;
	if (o->look)
		return ft_look_show(o->rec.cap.pid, &o->show);
	if (ft_record_check_host())
		return FT_EXIT_FAILED;
	transient = choose_path(o, path, sizeof(path));
	err = ft_capture_run(&o->rec.cap, &res);
	if (err)
		return FT_EXIT_FAILED;
	if (o->record) {
		tell_kept(o->rec.cap.out.path, &res);
		return FT_EXIT_GOOD;
	}
	status = ft_show_file(o->rec.cap.out.path, &o->show);
	if (transient)
		unlink(o->rec.cap.out.path);
	else if (!ft_store_find(&store))
		ft_store_prune(&store, FT_STORE_KEEP);
	return status;
}

static const struct argp_child children[] = {
	{&ft_show_argp, 0, NULL, 0}, {&ft_record_argp, 0, NULL, 0}, {0}};

int ft_cmd_live(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "-p PID\n-- COMMAND [ARGS...]",
		.children = children,
		.doc = "Shows what the GIL costs a process, and where its threads spend their "
		       "time.\v"
		       "EXAMPLES:\n"
		       "  ftprof                          list the Python processes of this host\n"
		       "  sudo ftprof -p 4312 -d 10s      look at a live process for ten seconds\n"
		       "  sudo ftprof -p 4312 -d 0        all threads' stacks and states, now\n"
		       "  sudo ftprof -- python3 app.py   start a program, from its first "
		       "instruction\n"
		       "  sudo ftprof record -p 4312 -o web.ftprof    keep a session\n"
		       "  ftprof report web.ftprof        and look at it later, without root\n"
		       "  sudo ftprof -p 4312 -d 10s -o web.html  a page with timelines\n"
		       "  sudo ftprof -p 4312 -d 10s -o cpu.svg   a flame graph\n"
		       "  sudo ftprof top -p 4312         a live screen\n"
		       "  ftprof compare a.ftprof b.ftprof   two timelines on one scale\n"
		       "  ftprof check -p 4312            what would be done to it, before it is\n"
		       "\nCommands: record, report, compare, top, check, list; each has --help.\n",
	};
	struct opts o = {.verb = NULL};

	return live(&o, argc, argv, &argp);
}

int ft_cmd_record(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "-p PID\n-- COMMAND [ARGS...]",
		.children = children,
		.doc = "Records a session and prints no report. Without -o it is kept where "
		       "`ftprof "
		       "report` finds it.\v"
		       "EXAMPLES:\n"
		       "  sudo ftprof record -p 4312 -d 1m -o web.ftprof\n"
		       "  sudo ftprof record -o app.ftprof -- python3 app.py\n",
	};
	struct opts o = {.verb = "record", .record = true};

	return live(&o, argc, argv, &argp);
}
