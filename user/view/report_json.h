/* SPDX-License-Identifier: BSD-2-Clause */
/* The report as JSON, schema "ftprof-report/1": fields are added freely, never changed. */
#ifndef FT_VIEW_REPORT_JSON_H
#define FT_VIEW_REPORT_JSON_H

#include "base/text.h"
#include "model/funcs.h"
#include "model/model.h"

/* Appends the report and a newline; always valid UTF-8. 0 or -ENOMEM. */
int ft_report_json(struct ft_text *out, const struct ft_model *m, const struct ft_func_lists *fn);

struct json_object;

/* report_json_found.c: locks, pauses, extensions, sharing, and what they cost. */
void ft_report_json_found(struct json_object *root, const struct ft_model *m, int *err);

#endif
