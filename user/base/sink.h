/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A buffered output with a sticky error, for what is written as it is made: memory does not grow
 * with it. Add freely, check once.
 */
#ifndef FT_BASE_SINK_H
#define FT_BASE_SINK_H

#include <linux/types.h>
#include <stddef.h>

#define FT_SINK_BYTES 65536u

struct ft_sink {
	int fd;
	int err; /* 0, or -errno of the first write that failed: nothing is written after it */
	size_t len;
	__u64 bytes; /* added so far */
	char buf[FT_SINK_BYTES];
};

/* The sink borrows fd. */
void ft_sink_init(struct ft_sink *s, int fd);
void ft_sink_add(struct ft_sink *s, const void *data, size_t n);
void ft_sink_printf(struct ft_sink *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Writes what is buffered. 0 or the sink's error. */
int ft_sink_flush(struct ft_sink *s);

#endif
