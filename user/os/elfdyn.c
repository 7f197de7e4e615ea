/* SPDX-License-Identifier: BSD-2-Clause */
/* Dynamic symbols by the beginning of their names, and segments. */
#include "os/elfdyn.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "os/elf_priv.h"

#define CHUNK (256u * 1024)

static bool begins(const char *name, const char *const *prefix)
{
	for (; *prefix; prefix++) {
		if (!strncmp(name, *prefix, strlen(*prefix)))
			return true;
	}
	return false;
}

/* Most libraries have no such name at all: that is seen without looking at their symbols. */
static bool any_name(Elf *elf, __u32 link, const char *const *prefix)
{
	Elf_Scn *scn = elf_getscn(elf, link);
	Elf_Data *data = scn ? elf_getdata(scn, NULL) : NULL;

	if (!data || !data->d_buf)
		return false;
	for (; *prefix; prefix++) {
		if (memmem(data->d_buf, data->d_size, *prefix, strlen(*prefix)))
			return true;
	}
	return false;
}

int ft_elf_dynsyms(struct ft_elf *e, const char *const *prefix,
		   int (*fn)(void *ctx, const char *name, __u64 vaddr), void *ctx)
{
	Elf_Scn *scn = NULL;
	int err = -ENOENT;

	while ((scn = elf_nextscn(e->elf, scn))) {
		Elf_Data *data;
		GElf_Shdr sh;
		size_t i, cnt;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_DYNSYM)
			continue;
		err = 0;
		if (!any_name(e->elf, sh.sh_link, prefix))
			continue;
		data = elf_getdata(scn, NULL);
		cnt = data ? data->d_size / sizeof(Elf64_Sym) : 0;
		for (i = 0; i < cnt && i < INT_MAX; i++) {
			const char *name;
			GElf_Sym sym;

			if (!gelf_getsym(data, (int)i, &sym))
				continue;
			name = elf_strptr(e->elf, sh.sh_link, sym.st_name);
			if (!name || !begins(name, prefix))
				continue;
			err = fn(ctx, name, sym.st_shndx == SHN_UNDEF ? 0 : sym.st_value);
			if (err)
				return err;
		}
	}
	return err;
}

int ft_elf_segment(const struct ft_elf *e, size_t i, struct ft_elf_segment *out)
{
	size_t j;

	for (j = 0; j < e->phdr_cnt; j++) {
		const GElf_Phdr *p = &e->phdr[j];

		if (p->p_type != PT_LOAD || i--)
			continue;
		out->vaddr = p->p_vaddr;
		out->size = p->p_memsz;
		out->write = p->p_flags & PF_W;
		return 0;
	}
	return -ENOENT;
}

static bool segment_holds(const struct ft_elf *e, const GElf_Phdr *p, const void *bytes, size_t n,
			  char *buf, size_t *left)
{
	__u64 at = 0;
	size_t len;

	while (at < p->p_filesz && *left) {
		len = p->p_filesz - at < CHUNK ? (size_t)(p->p_filesz - at) : CHUNK;
		if (len > *left)
			len = *left;
		if (len < n || ft_elf_pread(e, buf, len, p->p_offset + at))
			return false;
		if (memmem(buf, len, bytes, n))
			return true;
		*left -= len;
		/* the next chunk begins with what may be the beginning of the bytes */
		at += len == CHUNK ? len - (n - 1) : len;
	}
	return false;
}

bool ft_elf_holds(const struct ft_elf *e, const void *bytes, size_t n, size_t max)
{
	char *buf = n && n <= CHUNK / 2 ? malloc(CHUNK) : NULL;
	bool yes = false;
	size_t i;

	for (i = 0; buf && i < e->phdr_cnt && !yes; i++) {
		if (e->phdr[i].p_type == PT_LOAD)
			yes = segment_holds(e, &e->phdr[i], bytes, n, buf, &max);
	}
	free(buf);
	return yes;
}
