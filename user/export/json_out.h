/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON without a tree in memory: a flame of a million nodes would need gigabytes as json-c's
 * objects. Errors are sticky in the text.
 */
#ifndef FT_EXPORT_JSON_OUT_H
#define FT_EXPORT_JSON_OUT_H

#include "base/text.h"

/*
 * A quoted string. What is no character of UTF-8 becomes U+FFFD; what a terminal or an editor would
 * obey (controls, directions) is written as \u, which reads back as the same string.
 */
void ft_json_str(struct ft_text *t, const char *s);
void ft_json_u64(struct ft_text *t, __u64 v);
/* Nanoseconds as milliseconds, exactly: 1500 is 0.001500. */
void ft_json_ms(struct ft_text *t, __u64 ns);

#endif
