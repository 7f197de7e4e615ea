// SPDX-License-Identifier: BSD-2-Clause
/* ftprof: chooses the subcommand. */
#include <argp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cmd/cmd.h"

const char *argp_program_version = "ftprof " FTPROF_VERSION;

void ft_usage(const char *verb, const char *fmt, ...)
{
	char msg[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	ft_log(FT_LOG_ERROR, "%s (see `ftprof %s%s--help`)", msg, verb ? verb : "",
	       verb ? " " : "");
	exit(FT_EXIT_USAGE);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} verbs[] = {
		{"record", ft_cmd_record},   {"report", ft_cmd_report}, {"check", ft_cmd_check},
		{"compare", ft_cmd_compare}, {"list", ft_cmd_list},	{"top", ft_cmd_top},
	};
	char name[64];
	size_t i;

	argp_err_exit_status = FT_EXIT_USAGE;
	signal(SIGXFSZ, SIG_IGN); /* a file-size limit is an error to report, not a death */
	if (argc < 2)
		return ft_cmd_list(argc, argv);
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(argv[1], verbs[i].name))
			continue;
		snprintf(name, sizeof(name), "ftprof %s", verbs[i].name);
		argv[1] = name;
		return verbs[i].run(argc - 1, argv + 1);
	}
	return ft_cmd_live(argc, argv);
}
