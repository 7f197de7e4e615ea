/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside an ELF file: shared by the files elf*.c and by the reader of DWARF lines. */
#ifndef FT_OS_ELF_PRIV_H
#define FT_OS_ELF_PRIV_H

#include <gelf.h>
#include <sys/types.h>
#include "os/elf.h"

struct ft_elf {
	int fd;
	char *path;
	off_t file_sz;
	Elf *elf;
	int type; /* ET_* */
	bool pie_flag;
	char interp[256];
	GElf_Phdr *phdr; /* those whose ranges do not wrap */
	size_t phdr_cnt;
	__u8 *unwind; /* .eh_frame_hdr, once needed */
	size_t unwind_cnt;
	__u64 unwind_vaddr;
	/* the separate debug file, once needed */
	bool debug_tried;
	int debug_fd;
	Elf *debug;
	/* what .gnu_debugdata unpacks to, once needed */
	bool mini_tried;
	int mini_fd;
	Elf *mini;
};

/*
 * Bounds on what libelf would allocate and read for a file, before and after elf_begin(): it
 * believes every count and size that lies within the file, and a sparse file is as large as its
 * owner likes. -ENOEXEC.
 */
int ft_elf_check_header(int fd, off_t size);
int ft_elf_check_layout(Elf *elf);

/*
 * Opens a regular file only: a stranger chose the path, and merely opening a device or a FIFO can
 * do something. 0 or -errno.
 */
int ft_elf_open_regular(const char *path, int *out);
int ft_elf_pread(const struct ft_elf *e, void *buf, size_t n, __u64 off);
/* Exactly n bytes at off of a file of that size. -ERANGE: beyond its end. */
int ft_elf_pread_fd(int fd, off_t size, void *buf, size_t n, __u64 off);
Elf_Scn *ft_elf_find_section(Elf *elf, const char *name);
/* Opens a file with all the checks above. NULL, and *fd -1, when it is no good. */
Elf *ft_elf_open_plain(const char *path, int *fd);
/* What .gnu_debugdata holds, or NULL. Belongs to e. */
Elf *ft_elf_mini(struct ft_elf *e);
/* The debug file, or NULL. Belongs to e. */
Elf *ft_elf_debug(struct ft_elf *e);
void ft_elf_debug_close(struct ft_elf *e); /* both */

#endif
