/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files symbols*.c only. */
#ifndef FT_OS_SYMBOLS_PRIV_H
#define FT_OS_SYMBOLS_PRIV_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include "os/elf.h"
#include "os/symtab.h"

/* --- symbols_name.c: what a symbol's name says --- */

struct ft_demangler;

/* Never fails: without the C++ library names stay as they are. NULL: no memory. */
struct ft_demangler *ft_demangler_new(void);
/*
 * How a symbol is shown: without its version, C++ and Rust demangled. *out is malloc'ed, or NULL
 * if the name is good as it is. 0 or -ENOMEM.
 */
int ft_demangle(struct ft_demangler *d, const char *name, char **out);
void ft_demangler_free(struct ft_demangler *d); /* NULL is fine */
/* Of raw names, as they stand in the symbol table. */
bool ft_symbol_is_eval(const char *name);
bool ft_symbol_is_root(const char *name);

/* --- symbols_lines.c: source lines by DWARF --- */

struct ft_lines;

/* -ENOENT: e has none; -EFBIG: too much; -EBADMSG; -ENOMEM. e must live longer. */
int ft_lines_open(struct ft_elf *e, struct ft_lines **out);
/* Where vaddr (link time) comes from; "" and 0 when not known. *source lives as long as l. */
void ft_lines_find(struct ft_lines *l, __u64 vaddr, const char **source, __u32 *line);
void ft_lines_close(struct ft_lines *l); /* NULL is fine */

/* --- symbols_perfmap.c: /tmp/perf-PID.map --- */

struct ft_perfmap {
	int fd;	   /* -1: none so far */
	__u64 pos; /* read up to here: the end of a line */
	__u64 read_sz;
	struct ft_symtab tab;
	__u32 malformed; /* lines */
	bool refused;	 /* there is a file, but it cannot be trusted or read */
};

void ft_perfmap_init(struct ft_perfmap *p);
/*
 * Opens the map of a process, if there is one, and reads what is new in it. Returns 1 if there was
 * something, 0, -ENOMEM. proc: FT_PROC, or a directory in its place.
 */
int ft_perfmap_refresh(struct ft_perfmap *p, const char *proc, int pid);
void ft_perfmap_free(struct ft_perfmap *p);

/* --- symbols_kernel.c: /proc/kallsyms --- */

struct ft_ksyms;

/* -EPERM: the file shows no addresses. */
int ft_ksyms_load(const char *path, struct ft_ksyms **out);
/* Both NULL if not known; they live as long as k. The module is "[kernel]" or "[name]". */
void ft_ksyms_find(const struct ft_ksyms *k, __u64 addr, const char **name, const char **module);
void ft_ksyms_free(struct ft_ksyms *k); /* NULL is fine */

#endif
