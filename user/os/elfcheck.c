/* SPDX-License-Identifier: BSD-2-Clause */
/* Bounds on the headers of an ELF file, so that libelf allocates and reads no more than is sane. */
#include <errno.h>
#include <string.h>
#include "os/elf_priv.h"

#define SECTIONS_MAX 100000
#define SMALL_MAX (16u * 1024 * 1024)	 /* notes, dynamic entries, names of sections */
#define LINK_MAX (64u * 1024)		 /* the name of a debug file */
#define TABLE_MAX (512ull * 1024 * 1024) /* symbols and their names */

int ft_elf_check_header(int fd, off_t size)
{
	Elf64_Ehdr eh;
	Elf64_Shdr sh;
	__u64 cnt;

	if (ft_elf_pread_fd(fd, size, &eh, sizeof(eh), 0) || memcmp(eh.e_ident, ELFMAG, SELFMAG) ||
	    eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_ident[EI_DATA] != ELFDATA2LSB)
		return -ENOEXEC;
	if (eh.e_phnum == PN_XNUM)
		return -ENOEXEC;
	cnt = eh.e_shnum;
	/* above 0xff00 sections the first header has the count */
	if (eh.e_shoff && !cnt && !ft_elf_pread_fd(fd, size, &sh, sizeof(sh), eh.e_shoff))
		cnt = sh.sh_size;
	return cnt <= SECTIONS_MAX ? 0 : -ENOEXEC;
}

static __u64 limit_of(Elf *elf, size_t strndx, const GElf_Shdr *sh)
{
	const char *name;

	switch (sh->sh_type) {
	case SHT_NOBITS:
		return ~0ull;
	case SHT_NOTE:
	case SHT_DYNAMIC:
		return SMALL_MAX;
	case SHT_PROGBITS:
		name = elf_strptr(elf, strndx, sh->sh_name);
		if (name && (!strcmp(name, ".gnu_debuglink") || !strcmp(name, ".gnu_debugaltlink")))
			return LINK_MAX;
		return ~0ull; /* read by us, with bounds of our own */
	default:
		return TABLE_MAX;
	}
}

int ft_elf_check_layout(Elf *elf)
{
	Elf_Scn *scn = NULL;
	size_t strndx, cnt, i;
	GElf_Shdr sh;
	GElf_Phdr ph;

	if (elf_getphdrnum(elf, &cnt))
		return -ENOEXEC;
	for (i = 0; i < cnt; i++) {
		if (gelf_getphdr(elf, (int)i, &ph) && ph.p_type == PT_NOTE &&
		    ph.p_filesz > SMALL_MAX)
			return -ENOEXEC;
	}
	if (elf_getshdrstrndx(elf, &strndx))
		return 0; /* no sections: all is found by segments */
	scn = elf_getscn(elf, strndx);
	if (scn && gelf_getshdr(scn, &sh) && sh.sh_size > SMALL_MAX)
		return -ENOEXEC;
	scn = NULL;
	while ((scn = elf_nextscn(elf, scn))) {
		if (gelf_getshdr(scn, &sh) && sh.sh_size > limit_of(elf, strndx, &sh))
			return -ENOEXEC;
	}
	return 0;
}
