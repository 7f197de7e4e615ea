/* SPDX-License-Identifier: BSD-2-Clause */
/* A comparison as JSON, schema "ftprof-compare/1": fields are added freely, never changed. */
#ifndef FT_VIEW_COMPARE_JSON_H
#define FT_VIEW_COMPARE_JSON_H

#include "base/text.h"
#include "model/compare.h"

/* Appends the comparison and a newline; always valid UTF-8. 0 or -ENOMEM. */
int ft_compare_json(struct ft_text *out, const struct ft_compare *c);

#endif
