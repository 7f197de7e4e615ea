/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts of a 64-bit ELF file: symbols (also from a separate debug file), sections, code bytes,
 * load bias. The file belongs to a stranger: everything is bounds-checked.
 */
#ifndef FT_OS_ELF_H
#define FT_OS_ELF_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include "os/procfs.h"

struct ft_elf;
struct ft_symtab;

struct ft_elf_sym {
	__u64 vaddr; /* link-time address */
	__u64 size;
	const char *from; /* "symbol table", "dynamic symbols", "debug file", ".gnu_debugdata" */
	bool ambiguous;	  /* the same name stands for several addresses */
};

/* 0 or -errno; -ENOEXEC: not a 64-bit little-endian ELF file for this machine. */
int ft_elf_open(const char *path, struct ft_elf **out);
/*
 * Opens the file behind a mapping of a process, also when it is in another mount namespace
 * (/proc/PID/root/...) or deleted (/proc/PID/exe, /proc/PID/map_files/...). Puts the path that
 * worked from here into path (for uprobes). -ESTALE: the file there is another one by now.
 */
int ft_elf_open_map(int pid, const struct ft_mapping *map, char *path, size_t sz,
		    struct ft_elf **out);
void ft_elf_close(struct ft_elf *e); /* NULL is fine */

/*
 * Looks a function or object up: .symtab, .dynsym (the default version only), a separate debug
 * file (build-id or debuglink), .gnu_debugdata. -ENOENT: nowhere.
 */
int ft_elf_symbol(struct ft_elf *e, const char *name, struct ft_elf_sym *out);
/* The same in the dynamic symbols only, for what must be exported. */
int ft_elf_dynsym(struct ft_elf *e, const char *name, struct ft_elf_sym *out);
/* A section by name. Any of vaddr and size may be NULL. -ENOENT. */
int ft_elf_section(struct ft_elf *e, const char *name, __u64 *vaddr, __u64 *size);
/* Whether vaddr lies in a segment that is executable. */
bool ft_elf_is_code(struct ft_elf *e, __u64 vaddr);
/* Whether the unwind table (.eh_frame_hdr) says that a function begins at vaddr. -ENOENT: none. */
int ft_elf_func_start(struct ft_elf *e, __u64 vaddr, bool *yes);
/* vaddr -> offset in the file, for uprobes. -ERANGE: not in the file. */
int ft_elf_offset(struct ft_elf *e, __u64 vaddr, __u64 *off);
/* Copies exactly n bytes that stand at vaddr in the file. -ERANGE. */
int ft_elf_read(struct ft_elf *e, __u64 vaddr, void *buf, size_t n);
/* Run-time address minus link-time address, by the maps of `like`'s file. -ENOENT: not mapped. */
int ft_elf_bias(struct ft_elf *e, const struct ft_maps *maps, const struct ft_mapping *like,
		__u64 *bias);
/* The same for one mapping of e's own file. -ENOENT: it shows no segment. */
int ft_elf_map_bias(const struct ft_elf *e, const struct ft_mapping *m, __u64 *bias);
/*
 * Looks for the separate debug file now, while the process that has the files in its mount
 * namespace is still there. Whether one is open.
 */
bool ft_elf_find_debug(struct ft_elf *e);

enum ft_elf_names_from {
	FT_ELF_NAMES_FULL = 1 << 0, /* .symtab, here or in the debug file */
	FT_ELF_NAMES_DYNAMIC = 1 << 1,
	FT_ELF_NAMES_MINI = 1 << 2, /* .gnu_debugdata */
	FT_ELF_NAMES_BAD = 1 << 3,  /* a table was there and could not be used */
};
/*
 * Adds the symbols of executable memory to t, which is empty, at their link-time addresses, and
 * finishes it. At most *sz bytes of tables are read; *sz is then what was. Returns
 * FT_ELF_NAMES_*, or -ENOMEM.
 */
int ft_elf_names(struct ft_elf *e, size_t *sz, struct ft_symtab *t);
/* PT_INTERP, "" without one (statically linked, or a library). */
const char *ft_elf_interp(const struct ft_elf *e);
/* A program, or a library that can be run, as libc.so.6 can. */
bool ft_elf_is_exec(const struct ft_elf *e);
bool ft_elf_is_static(const struct ft_elf *e); /* a program without PT_INTERP */
bool ft_elf_is_musl(const struct ft_elf *e);   /* its interpreter is musl's */

#endif
