/* SPDX-License-Identifier: BSD-2-Clause */
/* Durations and sizes as people write them. */
#ifndef FT_BASE_UNITS_H
#define FT_BASE_UNITS_H

#include <linux/types.h>
#include <stddef.h>

/* "10s" "250ms" "1.5m" "2h" "7d" "10" (seconds) -> ns. -EINVAL for anything else, negative, NaN, >
 * 100 years. */
int ft_parse_duration(const char *s, __u64 *ns);
/* "64M" "2G" "512k" "1000" -> bytes (powers of 1024). -EINVAL, -ERANGE. */
int ft_parse_size(const char *s, __u64 *bytes);
/* A plain decimal within [min, max]. -EINVAL, -ERANGE. */
int ft_parse_long(const char *s, long min, long max, long *out);
/* "4.9 ms", "31 us", "1.23 s", "812 ns": three significant digits. Returns buf. */
char *ft_format_ns(__u64 ns, char *buf, size_t sz);
/* 118204 -> "118,204". Returns buf. */
char *ft_format_count(__u64 n, char *buf, size_t sz);

#endif
