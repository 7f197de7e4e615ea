/* SPDX-License-Identifier: BSD-2-Clause */
/* Symbols of an ELF file by name: its own tables, a separate debug file, .gnu_debugdata. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include "os/elf_priv.h"

/* Does a symbol's name stand for `name`? .symtab may hold "name@@VERSION". */
static bool name_matches(const char *s, const char *name)
{
	size_t n = strlen(name);

	return s && !strncmp(s, name, n) && (!s[n] || (s[n] == '@' && s[n + 1] == '@'));
}

static bool usable(const struct ft_elf *e, const GElf_Sym *sym)
{
	int type = GELF_ST_TYPE(sym->st_info);
	size_t i;

	if (sym->st_shndx == SHN_UNDEF || !sym->st_value ||
	    (type != STT_FUNC && type != STT_OBJECT && type != STT_NOTYPE))
		return false;
	for (i = 0; i < e->phdr_cnt; i++) {
		const GElf_Phdr *p = &e->phdr[i];

		if (p->p_type == PT_LOAD && sym->st_value >= p->p_vaddr &&
		    sym->st_value - p->p_vaddr < p->p_memsz)
			return sym->st_size <= p->p_memsz - (sym->st_value - p->p_vaddr);
	}
	return false;
}

static void found(struct ft_elf_sym *out, bool *any, __u64 vaddr, __u64 size)
{
	if (!*any) {
		out->vaddr = vaddr;
		out->size = size;
		*any = true;
	} else if (out->vaddr != vaddr) {
		out->ambiguous = true;
	} else if (size > out->size) {
		out->size = size;
	}
}

/* The version numbers that go with .dynsym, or NULL. */
static Elf_Data *versions(Elf *elf)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(elf, scn))) {
		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_GNU_versym)
			return elf_getdata(scn, NULL);
	}
	return NULL;
}

/* Searches the tables of one type. The bounds of what is read are libelf's. */
static int search(const struct ft_elf *e, Elf *elf, unsigned int type, const char *name,
		  struct ft_elf_sym *out)
{
	Elf_Data *ver = type == SHT_DYNSYM ? versions(elf) : NULL;
	Elf_Scn *scn = NULL;
	bool any = false;

	while ((scn = elf_nextscn(elf, scn))) {
		Elf_Data *data;
		GElf_Shdr sh;
		size_t i, cnt;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != type)
			continue;
		data = elf_getdata(scn, NULL);
		if (!data)
			continue;
		cnt = data->d_size / sizeof(Elf64_Sym);
		if (cnt > INT_MAX)
			continue;
		for (i = 0; i < cnt; i++) {
			GElf_Versym v;
			GElf_Sym sym;

			if (!gelf_getsym(data, (int)i, &sym) || !usable(e, &sym) ||
			    !name_matches(elf_strptr(elf, sh.sh_link, sym.st_name), name))
				continue;
			/* the hidden bit marks a version that new programs do not get */
			if (ver && gelf_getversym(ver, (int)i, &v) && (v & 0x8000))
				continue;
			found(out, &any, sym.st_value, sym.st_size);
		}
	}
	return any ? 0 : -ENOENT;
}

int ft_elf_symbol(struct ft_elf *e, const char *name, struct ft_elf_sym *out)
{
	Elf *elf;

	memset(out, 0, sizeof(*out));
	out->from = "symbol table";
	if (!search(e, e->elf, SHT_SYMTAB, name, out))
		return 0;
	out->from = "dynamic symbols";
	if (!search(e, e->elf, SHT_DYNSYM, name, out))
		return 0;
	out->from = "debug file";
	elf = ft_elf_debug(e);
	if (elf && !search(e, elf, SHT_SYMTAB, name, out))
		return 0;
	out->from = ".gnu_debugdata";
	elf = ft_elf_mini(e);
	if (elf && !search(e, elf, SHT_SYMTAB, name, out))
		return 0;
	memset(out, 0, sizeof(*out));
	return -ENOENT;
}

int ft_elf_dynsym(struct ft_elf *e, const char *name, struct ft_elf_sym *out)
{
	memset(out, 0, sizeof(*out));
	out->from = "dynamic symbols";
	return search(e, e->elf, SHT_DYNSYM, name, out);
}
