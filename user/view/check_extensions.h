/* SPDX-License-Identifier: BSD-2-Clause */
/* What `check` says of a process's extension modules, as text and as JSON. */
#ifndef FT_VIEW_CHECK_EXTENSIONS_H
#define FT_VIEW_CHECK_EXTENSIONS_H

#include <stddef.h>
#include "base/text.h"
#include "python/extensions.h"

struct json_object;

struct ft_check_extensions {
	const struct ft_extension *ext;
	size_t cnt;
	unsigned int minor; /* of the interpreter: 14 of 3.14 */
	bool free_threaded;
	bool old; /* of before 3.13: no module can say */
	enum ft_pygil gil;
};

/* A sentence and a table; names are made safe to print. */
void ft_check_extensions_text(struct ft_text *out, const struct ft_check_extensions *c);
/* An array, as docs/json-schema.md describes it; the caller's. NULL without memory. */
struct json_object *ft_check_extensions_json(const struct ft_check_extensions *c);

#endif
