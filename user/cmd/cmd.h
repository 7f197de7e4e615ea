/* SPDX-License-Identifier: BSD-2-Clause */
/* The subcommands. Each gets argv with its own name first and returns the exit status. */
#ifndef FT_CMD_CMD_H
#define FT_CMD_CMD_H

#define FT_EXIT_GOOD 0
#define FT_EXIT_FAILED 1 /* the run failed */
#define FT_EXIT_USAGE 2
#define FT_EXIT_LOSS 3 /* more data lost than --max-loss allows */

int ft_cmd_list(int argc, char **argv);
int ft_cmd_live(int argc, char **argv);	  /* -p PID, -- COMMAND */
int ft_cmd_record(int argc, char **argv); /* the same, without a report */
int ft_cmd_report(int argc, char **argv);
int ft_cmd_compare(int argc, char **argv);
int ft_cmd_check(int argc, char **argv);
int ft_cmd_top(int argc, char **argv);

/* Prints "ftprof: message" and the way to the help, and exits with FT_EXIT_USAGE. */
void ft_usage(const char *verb, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

#endif
