/* SPDX-License-Identifier: BSD-2-Clause */
/* Talk goes to standard error; standard output is data. */
#ifndef FT_BASE_LOG_H
#define FT_BASE_LOG_H

enum ft_log_level {
	FT_LOG_ERROR = 0,
	FT_LOG_WARN = 1,
	FT_LOG_INFO = 2,
	FT_LOG_DEBUG = 3,
	FT_LOG_TRACE = 4
};

/* Default FT_LOG_INFO. */
void ft_log_set_level(enum ft_log_level level);
enum ft_log_level ft_log_get_level(void);
/* Prints "ftprof: message\n" (with "warning: " for warnings) when level is switched on; keeps
 * errno. */
void ft_log(enum ft_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define ft_warn(...) ft_log(FT_LOG_WARN, __VA_ARGS__)
#define ft_info(...) ft_log(FT_LOG_INFO, __VA_ARGS__)
#define ft_debug(...) ft_log(FT_LOG_DEBUG, __VA_ARGS__)

/*
 * Logs an error and returns its code (negative), so that no error path can forget it:
 *	err = ft_err(-ENOENT, "no such process: %d", pid);
 *	goto out;
 */
int ft_err(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * While a progress line stands on the terminal (written by `redraw` without a newline), messages
 * clear it first and call redraw(ctx) afterwards. NULL: none.
 */
void ft_log_progress(void (*redraw)(void *ctx), void *ctx);

#endif
