/* SPDX-License-Identifier: BSD-2-Clause */
/* All symbols of an ELF file, to name addresses. Tables are read with our own bounds. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "os/elf_priv.h"
#include "os/symtab.h"

#define SYMBOLS_AT_ONCE 4096

/*
 * Higher is better: functions, then labels of hand-written code, then objects; of each what has a
 * size, then what is global.
 */
static __u8 rank_of(const Elf64_Sym *sym)
{
	int type = ELF64_ST_TYPE(sym->st_info);
	__u8 rank = ELF64_ST_BIND(sym->st_info) == STB_LOCAL ? 0 : 1;

	if (sym->st_size)
		rank += 2;
	if (type == STT_FUNC || type == STT_GNU_IFUNC)
		return rank + 8;
	return type == STT_NOTYPE ? rank + 4 : rank;
}

static bool is_wanted(const Elf64_Sym *sym, const char *name)
{
	int type = ELF64_ST_TYPE(sym->st_info);

	if (sym->st_shndx == SHN_UNDEF || !name[0])
		return false;
	if (type == STT_FUNC || type == STT_GNU_IFUNC)
		return true;
	/* "$x" marks code on aarch64, ".L..." are an assembler's own */
	return (type == STT_NOTYPE || type == STT_OBJECT) && name[0] != '$' && name[0] != '.';
}

/* The end of the executable segment that holds vaddr, 0 if none does. */
static __u64 code_end(const struct ft_elf *e, __u64 vaddr)
{
	size_t i;

	for (i = 0; i < e->phdr_cnt; i++) {
		const GElf_Phdr *p = &e->phdr[i];

		if (p->p_type == PT_LOAD && (p->p_flags & PF_X) && vaddr >= p->p_vaddr &&
		    vaddr - p->p_vaddr < p->p_memsz)
			return p->p_vaddr + p->p_memsz;
	}
	return 0;
}

/* The names that belong to a symbol table: NUL-terminated in any case. */
static int read_strings(Elf *elf, int fd, off_t size, __u32 link, size_t *left, char **out,
			__u64 *len)
{
	Elf_Scn *scn = elf_getscn(elf, link);
	GElf_Shdr sh;
	char *s;

	if (!scn || !gelf_getshdr(scn, &sh) || sh.sh_type != SHT_STRTAB ||
	    (sh.sh_flags & SHF_COMPRESSED) || sh.sh_offset > (__u64)size ||
	    sh.sh_size > (__u64)size - sh.sh_offset || sh.sh_size > *left)
		return -EBADMSG;
	s = malloc(sh.sh_size + 1);
	if (!s)
		return -ENOMEM;
	if (ft_elf_pread_fd(fd, size, s, sh.sh_size, sh.sh_offset)) {
		free(s);
		return -EBADMSG;
	}
	s[sh.sh_size] = 0;
	*left -= sh.sh_size;
	*len = sh.sh_size;
	*out = s;
	return 0;
}

/* Adds the symbols of one section. */
static int add_section(const struct ft_elf *e, Elf *elf, int fd, off_t size, const GElf_Shdr *sh,
		       size_t *left, struct ft_symtab *t)
{
	Elf64_Sym *sym = NULL;
	char *names = NULL;
	__u64 cnt, done, len = 0;
	int err;

	if ((sh->sh_flags & SHF_COMPRESSED) || sh->sh_offset > (__u64)size ||
	    sh->sh_size > (__u64)size - sh->sh_offset || sh->sh_size > *left)
		return -EBADMSG;
	*left -= sh->sh_size;
	err = read_strings(elf, fd, size, sh->sh_link, left, &names, &len);
	if (!err)
		err = ft_symtab_own(t, names);
	if (err)
		return err;
	sym = malloc(SYMBOLS_AT_ONCE * sizeof(*sym));
	if (!sym)
		return -ENOMEM;
	cnt = sh->sh_size / sizeof(*sym);
	for (done = 0; done < cnt && !err; done += SYMBOLS_AT_ONCE) {
		size_t i, n = cnt - done < SYMBOLS_AT_ONCE ? cnt - done : SYMBOLS_AT_ONCE;

		if (ft_elf_pread_fd(fd, size, sym, n * sizeof(*sym),
				    sh->sh_offset + done * sizeof(*sym)))
			err = -EBADMSG;
		for (i = 0; i < n && !err; i++) {
			const char *name = sym[i].st_name < len ? names + sym[i].st_name : "";

			if (is_wanted(&sym[i], name))
				err = ft_symtab_add(t, sym[i].st_value, sym[i].st_size,
						    code_end(e, sym[i].st_value), name,
						    rank_of(&sym[i]));
		}
	}
	free(sym);
	return err;
}

/* Adds the tables of one type. Returns `yes` if there were any, FT_ELF_NAMES_BAD, -ENOMEM. */
static int add_tables(const struct ft_elf *e, Elf *elf, int fd, unsigned int type, int yes,
		      size_t *left, struct ft_symtab *t)
{
	Elf_Scn *scn = NULL;
	struct stat st;
	int from = 0;

	if (fstat(fd, &st) < 0)
		return FT_ELF_NAMES_BAD;
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr sh;
		int err;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != type)
			continue;
		err = add_section(e, elf, fd, st.st_size, &sh, left, t);
		if (err == -ENOMEM)
			return err;
		from |= err ? FT_ELF_NAMES_BAD : yes;
	}
	return from;
}

int ft_elf_names(struct ft_elf *e, size_t *sz, struct ft_symtab *t)
{
	size_t left = *sz;
	int from, more;

	from = add_tables(e, e->elf, e->fd, SHT_SYMTAB, FT_ELF_NAMES_FULL, &left, t);
	if (from >= 0 && !(from & FT_ELF_NAMES_FULL) && ft_elf_debug(e)) {
		more = add_tables(e, e->debug, e->debug_fd, SHT_SYMTAB, FT_ELF_NAMES_FULL, &left,
				  t);
		from = more < 0 ? more : from | more;
	}
	if (from >= 0 && !(from & FT_ELF_NAMES_FULL)) {
		more = add_tables(e, e->elf, e->fd, SHT_DYNSYM, FT_ELF_NAMES_DYNAMIC, &left, t);
		from = more < 0 ? more : from | more;
	}
	/* what .dynsym has is not in it */
	if (from >= 0 && !(from & FT_ELF_NAMES_FULL) && ft_elf_mini(e)) {
		more = add_tables(e, e->mini, e->mini_fd, SHT_SYMTAB, FT_ELF_NAMES_MINI, &left, t);
		from = more < 0 ? more : from | more;
	}
	*sz -= left;
	if (from >= 0)
		ft_symtab_finish(t);
	return from;
}
