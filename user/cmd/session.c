// SPDX-License-Identifier: BSD-2-Clause
/* How a session is recorded: options, defaults, and what the host must have. */
#include "cmd/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/units.h"
#include "cmd/cmd.h"
#include "os/caps.h"
#include "os/kernel.h"
#include "record/store.h"

#define TICK_HZ 499
#define STACK_HZ 199
#define MAX_HZ 5000

enum { MEASURED = 10, TALK = 20 }; /* groups of options */

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

static const struct argp_option options[] = {
	{"exact", OPT_EXACT, "full", OPTION_ARG_OPTIONAL,
	 "Plant GIL probes in the process: in short windows, or (=full) all the time", MEASURED},
	{"max-overhead", OPT_MAX_OVERHEAD, "PERCENT", 0,
	 "Of one core, what the windows of --exact, and the probes on pauses, may cost (1)",
	 MEASURED},
	{"no-probes", OPT_NO_PROBES, NULL, 0,
	 "Plant nothing in a free-threaded process either: pauses are not counted then", MEASURED},
	{"no-timeline", OPT_NO_TIMELINE, NULL, 0,
	 "Totals only, no events: costs less, the report has no timeline", MEASURED},
	{"ticks", OPT_TICKS, "HZ", 0,
	 "Ticks a second on a core: they tell Python from native code (499)", MEASURED},
	{"frequency", 'F', "HZ", 0,
	 "Stacks a second on a core that runs the process (199; 0: no stacks)", MEASURED},
	{"native", OPT_NATIVE, NULL, 0, "Native frames too, as far as frame pointers lead",
	 MEASURED},
	{"kernel", OPT_KERNEL, NULL, 0, "Kernel frames too", MEASURED},
	{"max-size", OPT_MAX_SIZE, "SIZE", 0,
	 "Keep at most SIZE of events on disk; totals are always kept (256M)", MEASURED},
	{"no-progress", OPT_NO_PROGRESS, NULL, 0, "No progress line", MEASURED},
	{"bpf-stats", OPT_BPF_STATS, NULL, 0,
	 "Measure what the BPF programs cost all the time, not in samples", MEASURED},
	{NULL, 0, NULL, 0, "Talk:", TALK},
	{"verbose", 'v', NULL, 0, "More talk on standard error; twice: the kernel's too", TALK},
	{"quiet", 'q', NULL, 0, "Errors only", TALK},
	{0},
};

/* Options on what is measured are remembered: where nothing is recorded they are refused. */
static void remember(struct ft_record_opts *o, int key)
{
	const struct argp_option *opt;

	for (opt = options; opt->name || opt->doc; opt++)
		if (opt->key == key && opt->group == MEASURED)
			o->given = opt->name;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct ft_record_opts *o = state->input;
	char *end;
	double pc;
	long n;

	remember(o, key);
	switch (key) {
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
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

const struct argp ft_record_argp = {.options = options, .parser = parse};

void ft_record_defaults(struct ft_record_opts *o, const char *verb)
{
	memset(o, 0, sizeof(*o));
	o->verb = verb;
	o->cap.with_events = true;
	o->cap.tick_hz = TICK_HZ;
	o->cap.stack_hz = STACK_HZ;
	o->cap.max_overhead = 0.01;
	o->cap.out.max_bytes = FT_STORE_MAX_BYTES;
}

void ft_record_settle(struct ft_record_opts *o)
{
	/* stacks are taken in ticks; who wants no ticks gets none on core, and is told */
	if (o->cap.tick_hz && o->cap.tick_hz < o->cap.stack_hz)
		o->cap.tick_hz = o->cap.stack_hz;
	o->cap.progress =
		!o->no_progress && isatty(STDERR_FILENO) && ft_log_get_level() > FT_LOG_ERROR;
}

int ft_record_check_host(void)
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
