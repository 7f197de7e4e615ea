/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by those who look for places of probes: sites.c and ftsites.c. */
#ifndef FT_PYTHON_SITES_PRIV_H
#define FT_PYTHON_SITES_PRIV_H

#include "python/pypriv.h"
#include "python/sites.h"

#define FT_ENDBR_LEN 4
#define FT_SITE_MISSING_LEN 160

/* Where what is found is put. */
struct ft_site_slot {
	struct ft_site *site;
	bool *found;
	char *missing; /* FT_SITE_MISSING_LEN bytes */
	__u32 kind;
	const char *name;
};

/* Do these FT_ENDBR_LEN bytes begin a function with endbr64? */
bool ft_site_is_endbr(const __u8 *code);
/* Can a function of the interpreter begin at vaddr? PLT stubs are code, but not in .text. */
bool ft_site_plausible(struct ft_elf *e, __u64 vaddr);
/* Follows a function that is nothing but a jump, as linkers and compilers make them. */
__u64 ft_site_follow(struct ft_elf *e, __u64 vaddr);
/*
 * Where an exported function of at most 1 KB calls or jumps to, outside itself, each once, in the
 * order of its code. Bytes are not decoded as instructions: every 0xe8 and 0xe9 counts whose
 * target begins a function. At most max; their number.
 */
size_t ft_site_branches(struct ft_elf *e, const char *name, __u64 *out, size_t max);
void ft_site_missing(const struct ft_site_slot *d, const char *why);
/* Fills one site from its link-time address, or says why it cannot be used. */
void ft_site_set(const struct ft_site_slot *d, struct ft_elf *e, const struct ft_pyfile *file,
		 __u64 vaddr, const char *how);
/* A site that has a symbol. 0 or -ENOENT. */
int ft_site_by_symbol(const struct ft_site_slot *d, struct ft_elf *e, const struct ft_pyfile *file,
		      const char *name);

#endif
