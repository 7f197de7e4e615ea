/* SPDX-License-Identifier: BSD-2-Clause */
/* A buffered output with a sticky error. */
#include "base/sink.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fileio.h"

void ft_sink_init(struct ft_sink *s, int fd)
{
	s->fd = fd;
	s->err = 0;
	s->len = 0;
	s->bytes = 0;
}

int ft_sink_flush(struct ft_sink *s)
{
	if (!s->err && s->len)
		s->err = ft_write_all(s->fd, s->buf, s->len);
	s->len = 0;
	return s->err;
}

void ft_sink_add(struct ft_sink *s, const void *data, size_t n)
{
	s->bytes += n;
	if (n > sizeof(s->buf) - s->len)
		ft_sink_flush(s);
	if (s->err)
		return;
	if (n > sizeof(s->buf)) {
		s->err = ft_write_all(s->fd, data, n);
		return;
	}
	memcpy(s->buf + s->len, data, n);
	s->len += n;
}

void ft_sink_printf(struct ft_sink *s, const char *fmt, ...)
{
	char small[512], *big = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(small)) {
		ft_sink_add(s, small, (size_t)n);
		return;
	}
	va_start(ap, fmt);
	n = vasprintf(&big, fmt, ap);
	va_end(ap);
	if (n < 0) {
		if (!s->err)
			s->err = -ENOMEM;
		return;
	}
	ft_sink_add(s, big, (size_t)n);
	free(big);
}
