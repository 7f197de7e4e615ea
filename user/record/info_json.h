/* SPDX-License-Identifier: BSD-2-Clause */
/* What a session is about, to JSON and back. */
#ifndef FT_RECORD_INFO_JSON_H
#define FT_RECORD_INFO_JSON_H

#include "base/text.h"
#include "record/session.h"

/*
 * Appends info as one JSON object. Bytes in its strings that are not UTF-8, and control characters
 * apart from tab and newline, become '?'. 0 or -ENOMEM.
 */
int ft_info_to_json(const struct ft_session_info *info, struct ft_text *out);
/*
 * Fills *info from len bytes that nobody vouches for. Members that are not there are 0 or empty
 * (except start_ns and cpu_cnt, which must be), unknown ones are passed over; a value of the wrong
 * type or out of its range is an error. 0, -EBADMSG, -ENOMEM.
 */
int ft_info_from_json(const char *s, size_t len, struct ft_session_info *info);

#endif
