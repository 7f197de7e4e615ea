/* SPDX-License-Identifier: BSD-2-Clause */
/* What an ELF file gives and takes by name when it is loaded, and where it lies then. */
#ifndef FT_OS_ELFDYN_H
#define FT_OS_ELFDYN_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include "os/elf.h"

struct ft_elf_segment {
	__u64 vaddr; /* link-time address */
	__u64 size;  /* in memory */
	bool write;
};

/*
 * Calls fn for every dynamic symbol whose name begins with one of the prefixes (ended by NULL);
 * vaddr is 0 for one that another object must have. Ends early when fn returns other than 0, and
 * returns that; else 0, or -ENOENT when the file has no dynamic symbols.
 */
int ft_elf_dynsyms(struct ft_elf *e, const char *const *prefix,
		   int (*fn)(void *ctx, const char *name, __u64 vaddr), void *ctx);
/* The i-th segment that is loaded. -ENOENT: there are not so many. */
int ft_elf_segment(const struct ft_elf *e, size_t i, struct ft_elf_segment *out);
/* Whether these bytes stand in what is loaded of the file, up to its first `max` bytes. */
bool ft_elf_holds(const struct ft_elf *e, const void *bytes, size_t n, size_t max);

#endif
