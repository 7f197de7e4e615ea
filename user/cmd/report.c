// SPDX-License-Identifier: BSD-2-Clause
/* ftprof report [FILE]: the report of a recorded session, no root needed. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/show.h"
#include "record/store.h"

struct opts {
	struct ft_show_opts show;
	const char *file;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct opts *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->show;
		break;
	case ARGP_KEY_ARG:
		if (o->file)
			ft_usage("report", "one FILE at a time: %s is too much", arg);
		o->file = arg;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

int ft_cmd_report(int argc, char **argv)
{
	static const struct argp_child children[] = {{&ft_show_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		.parser = parse,
		.args_doc = "[FILE]",
		.children = children,
		.doc = "Prints the report of a recorded session, or writes it as a page, a trace "
		       "or "
		       "stacks; without FILE of the newest one.\v"
		       "EXAMPLES:\n"
		       "  ftprof report                        the last run again\n"
		       "  ftprof report web.ftprof --threads   a row for every thread\n"
		       "  ftprof report --from 2s --to 2.1s    look closer\n"
		       "  ftprof report web.ftprof -o web.json the figures for a program\n"
		       "  ftprof report -o web.html            a page: timelines, stacks, tables\n"
		       "  ftprof report -o web.pftrace         all of it for Perfetto; .csv: a "
		       "table\n"
		       "  ftprof report -o cpu.svg             a flame graph of the time on cores\n"
		       "  ftprof report --of gil-blame -o gil.html   who held the GIL meanwhile\n"
		       "  ftprof report --of wall --format folded | less\n",
	};
	char path[PATH_MAX];
	struct ft_store store;
	struct opts o = {0};
	int err;

	ft_show_defaults(&o.show, "report");
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	if (!o.file) {
		err = ft_store_find(&store);
		err = err ?: ft_store_newest(&store, path, sizeof(path));
		if (err) {
			ft_err(err,
			       "no session is kept%s%s: run `sudo ftprof -p PID` first, or "
			       "name a file",
			       err == -ENOENT && store.dir[0] ? " in " : "", store.dir);
			return FT_EXIT_FAILED;
		}
		o.file = path;
	}
	return ft_show_file(o.file, &o.show);
}
