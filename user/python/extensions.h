/* SPDX-License-Identifier: BSD-2-Clause */
/* The extension modules of a live process, and whether they ask for the GIL. */
#ifndef FT_PYTHON_EXTENSIONS_H
#define FT_PYTHON_EXTENSIONS_H

#include <limits.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include "python/runtime.h"

/* The values of enum ft_ext_gil (record/findings.h). */
enum ft_extgil { FT_EXTGIL_UNKNOWN = 0, FT_EXTGIL_NOT_USED = 1, FT_EXTGIL_USED = 2 };

struct ft_extension {
	char module[128];	/* full name where the process says it, else the last part */
	char path[PATH_MAX];	/* as the process sees it; a stranger's bytes */
	char distribution[128]; /* "numpy 2.3.4", "CPython 3.14.6", empty: not known */
	enum ft_extgil gil;
	bool stdlib;
	char how[96]; /* how that is known: "slot in the file", "live module", or why it is not */
};

/*
 * Every mapped shared object that exports PyInit_*, once each, ordered by path. `gil` comes from
 * the Py_mod_gil slot of its definition (in the file, or in the process's memory), from
 * PyUnstable_Module_SetGIL for modules without definition slots, or from the live module object.
 * The process is not stopped. The list is owned by the caller (free()). 0 or -errno, with one
 * sentence in why.
 */
int ft_extensions_list(int pid, const struct ft_runtime *rt, struct ft_extension **out, size_t *cnt,
		       char *why, size_t why_sz);

/*
 * What the mappings of a process looked like when they were last listed, so that a session looks
 * again only after something new was mapped: 0 and *sum, or -errno.
 */
int ft_extensions_sum(int pid, __u64 *sum);

#endif
