/* SPDX-License-Identifier: BSD-2-Clause */
/* What a session found, to JSON and back. */
#ifndef FT_RECORD_FINDINGS_JSON_H
#define FT_RECORD_FINDINGS_JSON_H

#include "base/text.h"
#include "record/findings.h"

/*
 * Appends f as one JSON object. -EINVAL when it is not what record/findings.h promises, -EFBIG when
 * there is more of something than a file may hold, -ENOMEM.
 */
int ft_findings_to_json(const struct ft_findings *f, struct ft_text *out);
/*
 * Fills *f (to be freed) from len bytes that nobody vouches for: all or, on error, nothing. Numbers
 * of stacks are not checked. Members that are not there are 0 or empty, except those without which
 * an element means nothing; unknown ones are passed over. 0, -EBADMSG, -ENOMEM.
 */
int ft_findings_from_json(const char *s, size_t len, struct ft_findings *f);

#endif
