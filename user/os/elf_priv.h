/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by elf.c and elfsym.c only. */
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
};

/*
 * Opens a regular file only: a stranger chose the path, and merely opening a device or a FIFO can
 * do something. 0 or -errno.
 */
int ft_elf_open_regular(const char *path, int *out);
int ft_elf_pread(const struct ft_elf *e, void *buf, size_t n, __u64 off);
Elf_Scn *ft_elf_find_section(Elf *elf, const char *name);
void ft_elf_debug_close(struct ft_elf *e);

#endif
