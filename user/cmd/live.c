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
#include "cmd/show.h"
#include "os/caps.h"
#include "os/kernel.h"
#include "record/store.h"

#define TICK_HZ 499
#define STACK_HZ 199
#define MAX_HZ 5000
#define MAX_DURATION_NS (3600ull * 24 * 366 * 1000000000ull)

enum {
	OPT_EXACT = 1000,
	OPT_MAX_OVERHEAD,
	OPT_NO_TIMELINE,
	OPT_TICKS,
	OPT_MAX_SIZE,
	OPT_BPF_STATS,
	OPT_NO_PROGRESS,
	OPT_NATIVE,
	OPT_KERNEL,
	OPT_NO_PROBES,
};

struct opts {
	struct ft_show_opts show;
	struct ft_capture_opts cap;
	bool record;
	bool look; /* -d 0 */
	bool no_progress;
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
	{"exact", OPT_EXACT, "full", OPTION_ARG_OPTIONAL,
	 "Plant GIL probes in the process: in short windows, or (=full) all the time", 10},
	{"max-overhead", OPT_MAX_OVERHEAD, "PERCENT", 0,
	 "Of one core, what the windows of --exact, and the probes on pauses, may cost (1)", 10},
	{"no-probes", OPT_NO_PROBES, NULL, 0,
	 "Plant nothing in a free-threaded process either: pauses are not counted then", 10},
	{"no-timeline", OPT_NO_TIMELINE, NULL, 0,
	 "Totals only, no events: costs less, the report has no timeline", 10},
	{"ticks", OPT_TICKS, "HZ", 0,
	 "Ticks a second on a core: they tell Python from native code (499)", 10},
	{"frequency", 'F', "HZ", 0,
	 "Stacks a second on a core that runs the process (199; 0: no stacks)", 10},
	{"native", OPT_NATIVE, NULL, 0, "Native frames too, as far as frame pointers lead", 10},
	{"kernel", OPT_KERNEL, NULL, 0, "Kernel frames too", 10},
	{"max-size", OPT_MAX_SIZE, "SIZE", 0,
	 "Keep at most SIZE of events on disk; totals are always kept (256M)", 10},
	{"no-progress", OPT_NO_PROGRESS, NULL, 0, "No progress line", 10},
	{"bpf-stats", OPT_BPF_STATS, NULL, 0,
	 "Measure what the BPF programs cost all the time, not in samples", 10},
	{NULL, 0, NULL, 0, "Talk:", 20},
	{"verbose", 'v', NULL, 0, "More talk on standard error; twice: the kernel's too", 20},
	{"quiet", 'q', NULL, 0, "Errors only", 20},
	{0},
};

/* What goes together. */
static void check_options(struct opts *o)
{
	/* stacks are taken in ticks; who wants no ticks gets none on core, and is told */
	if (o->cap.tick_hz && o->cap.tick_hz < o->cap.stack_hz)
		o->cap.tick_hz = o->cap.stack_hz;
	if (!o->cap.pid && !o->cap.argv)
		ft_usage(o->verb, "a process (-p PID) or a program (-- COMMAND) is needed");
	if (o->cap.pid && o->cap.argv)
		ft_usage(o->verb, "-p PID and -- COMMAND exclude each other");
	if (o->look && (o->record || o->cap.argv))
		ft_usage(o->verb, "-d 0 is one look at a live process: ftprof -p PID -d 0");
	if (o->look && (o->cap.native || o->cap.kernel))
		ft_usage(o->verb, "-d 0 shows Python frames only: without --%s",
			 o->cap.native ? "native" : "kernel");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct opts *o = state->input;
	char *end;
	double pc;
	long n;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->show;
		break;
	case 'p':
		if (ft_parse_long(arg, 1, 1 << 22, &n))
			ft_usage(o->verb, "-p %s: a process id is needed (`ftprof` lists them)",
				 arg);
		o->cap.pid = n;
		break;
	case 'd':
		if (ft_parse_duration(arg, &o->cap.duration_ns) ||
		    o->cap.duration_ns > MAX_DURATION_NS)
			ft_usage(o->verb,
				 "-d %s: a time such as 250ms, 10s or 2h is needed, a year at most",
				 arg);
		o->look = !o->cap.duration_ns;
		break;
	case OPT_EXACT:
		if (arg && strcmp(arg, "full"))
			ft_usage(o->verb, "--exact=%s: only --exact and --exact=full exist", arg);
		o->cap.exact = arg ? FT_EXACT_FULL : FT_EXACT_WINDOWS;
		break;
	case OPT_NO_PROBES:
		o->cap.no_probes = true;
		break;
	case OPT_MAX_OVERHEAD:
		pc = strtod(arg, &end);
		if (end == arg || *end || !(pc > 0 && pc <= 100))
			ft_usage(o->verb, "--max-overhead %s: a number up to 100 is needed", arg);
		o->cap.max_overhead = pc / 100;
		break;
	case OPT_NO_TIMELINE:
		o->cap.with_events = false;
		break;
	case OPT_TICKS:
		if (ft_parse_long(arg, 0, 5000, &n))
			ft_usage(o->verb, "--ticks %s: a number from 0 to 5000 is needed", arg);
		o->cap.tick_hz = n;
		break;
	case 'F':
		if (ft_parse_long(arg, 0, MAX_HZ, &n))
			ft_usage(o->verb, "-F %s: a number from 0 to %d is needed", arg, MAX_HZ);
		o->cap.stack_hz = n;
		break;
	case OPT_NATIVE:
		o->cap.native = true;
		break;
	case OPT_KERNEL:
		o->cap.kernel = true;
		break;
	case OPT_MAX_SIZE:
		if (ft_parse_size(arg, &o->cap.out.max_bytes) || o->cap.out.max_bytes < (1 << 20))
			ft_usage(o->verb,
				 "--max-size %s: a size such as 64M is needed, 1M at least", arg);
		break;
	case OPT_NO_PROGRESS:
		o->no_progress = true;
		break;
	case OPT_BPF_STATS:
		o->cap.bpf_stats = true;
		break;
	case 'v':
		ft_log_set_level(ft_log_get_level() >= FT_LOG_DEBUG ? FT_LOG_TRACE : FT_LOG_DEBUG);
		break;
	case 'q':
		ft_log_set_level(FT_LOG_ERROR);
		break;
	case ARGP_KEY_ARG:
		if (!state->quoted)
			ft_usage(o->verb,
				 "%s: no such command; to start a program write `ftprof -- %s`",
				 arg, arg);
		o->cap.argv = &state->argv[state->next - 1];
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

/* What no session can run without, each with its remedy. 0 or -errno (logged). */
static int check_host(void)
{
	struct ft_check checks[FT_KC_CNT];
	struct ft_caps caps;
	char why[512];
	int i, err;

	err = ft_caps_get(&caps);
	if (err)
		return ft_err(err, "cannot read our own capabilities: %s", strerror(-err));
	if (!ft_caps_enough(&caps))
		return ft_err(-EPERM, "%s", ft_caps_explain(&caps, "ftprof", why, sizeof(why)));
	ft_kernel_checks("", checks);
	for (i = 0; i < FT_KC_CNT; i++)
		if (!checks[i].ok && checks[i].fatal)
			return ft_err(-ENOTSUP, "%s: %s. %s", checks[i].name, checks[i].why,
				      checks[i].remedy);
	return 0;
}

/* Where the session goes: -o of `record`, else the store. */
static int choose_path(struct opts *o, char *path, size_t sz)
{
	struct ft_store store;
	int err = ft_store_find(&store);

	if (!err) {
		o->cap.out.own = store.own;
		o->cap.out.uid = store.uid;
		o->cap.out.gid = store.gid;
	}
	if (o->record && o->show.out) {
		o->cap.out.path = o->show.out;
		o->cap.out.force = o->show.force;
		return 0;
	}
	err = err ?: ft_store_new(&store, o->cap.pid ?: getpid(), path, sz);
	o->cap.out.as_user = !err;
	if (err) {
		/* a service without a home: the session is not kept, the report works */
		ft_debug("the session is not kept: %s", strerror(-err));
		snprintf(path, sz, "/tmp/ftprof-%d.ftprof", getpid());
		o->cap.out.own = false;
	}
	o->cap.out.path = path;
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

	o->cap.with_events = true;
	o->cap.tick_hz = TICK_HZ;
	o->cap.stack_hz = STACK_HZ;
	o->cap.max_overhead = 0.01;
	o->cap.out.max_bytes = FT_STORE_MAX_BYTES;
	ft_show_defaults(&o->show, o->verb);
	argp_parse(argp, argc, argv, ARGP_IN_ORDER, NULL, o);
	if (o->record && o->show.json)
		ft_usage(o->verb, "--json: `ftprof report FILE --json` prints the figures");
	if (o->record && o->show.stacks.given)
		ft_usage(o->verb, "%s: `ftprof report FILE` exports stacks", o->show.stacks.given);
	if (!o->record && ft_show_choose_format(&o->show))
		return FT_EXIT_USAGE;
	if (o->look && o->show.stacks.format != FT_FMT_NONE)
		ft_usage(o->verb, "-d 0 is printed as text or JSON; a flame graph is of a time: "
				  "-d 10s");
	if (!o->record && o->show.stacks.format != FT_FMT_NONE && !o->cap.stack_hz)
		ft_usage(o->verb, "-F 0 records no stacks: leave it out to export some");
	if (!o->record && ft_show_check_out(&o->show))
		return FT_EXIT_FAILED;
	if (o->look)
		return ft_look_show(o->cap.pid, &o->show);
	if (check_host())
		return FT_EXIT_FAILED;
	o->cap.progress =
		!o->no_progress && isatty(STDERR_FILENO) && ft_log_get_level() > FT_LOG_ERROR;
	transient = choose_path(o, path, sizeof(path));
	err = ft_capture_run(&o->cap, &res);
	if (err)
		return FT_EXIT_FAILED;
	if (o->record) {
		tell_kept(o->cap.out.path, &res);
		return FT_EXIT_GOOD;
	}
	status = ft_show_file(o->cap.out.path, &o->show);
	if (transient)
		unlink(o->cap.out.path);
	else if (!ft_store_find(&store))
		ft_store_prune(&store, FT_STORE_KEEP);
	return status;
}

static const struct argp_child children[] = {{&ft_show_argp, 0, NULL, 0}, {0}};

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
		       "  sudo ftprof -p 4312 -d 10s -o cpu.svg   a flame graph\n"
		       "  ftprof compare a.ftprof b.ftprof   two timelines on one scale\n"
		       "  ftprof check -p 4312            what would be done to it, before it is\n"
		       "\nCommands: record, report, compare, check, list; each has --help.\n",
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
