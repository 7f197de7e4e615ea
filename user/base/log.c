/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages for people, on standard error. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static enum ft_log_level log_level = FT_LOG_INFO;
static void (*progress_redraw)(void *ctx);
static void *progress_ctx;

void ft_log_set_level(enum ft_log_level level)
{
	log_level = level;
}

enum ft_log_level ft_log_get_level(void)
{
	return log_level;
}

static void log_va(enum ft_log_level level, const char *fmt, va_list ap)
{
	const char *tag = "";
	int saved = errno;
	char line[2048];

	if (level > log_level)
		return;
	if (level == FT_LOG_WARN)
		tag = "warning: ";
	else if (level >= FT_LOG_DEBUG)
		tag = "debug: ";
	if (vsnprintf(line, sizeof(line), fmt, ap) < 0)
		line[0] = 0;
	/* one call a message, so that messages of two threads do not mix within a line */
	fprintf(stderr, "%sftprof: %s%s\n", progress_redraw ? "\r\033[K" : "", tag, line);
	if (progress_redraw)
		progress_redraw(progress_ctx);
	errno = saved;
}

void ft_log(enum ft_log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_va(level, fmt, ap);
	va_end(ap);
}

int ft_err(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_va(FT_LOG_ERROR, fmt, ap);
	va_end(ap);
	return code;
}

void ft_log_progress(void (*redraw)(void *ctx), void *ctx)
{
	progress_redraw = redraw;
	progress_ctx = ctx;
}
