/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Symbols of an ELF file: its own tables, a separate debug file, .gnu_debugdata.
 *
 * Nothing is ever asked of the network: libdwfl gets a find_debuginfo of our own, for its standard
 * one would start a debuginfod client.
 */
#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include "os/elf_priv.h"

#define DEBUG_DIR "/usr/lib/debug"
#define DEBUGDATA_MAX (2u * 1024 * 1024)
#define COPY_MAX (256 * 1024 * 1024)
#define CRC_MAX (2ll * 1024 * 1024 * 1024)

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

static Elf *open_debug(const char *path, int *fd)
{
	Elf *elf;

	if (ft_elf_open_regular(path, fd))
		return NULL;
	elf = elf_begin(*fd, ELF_C_READ, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF) {
		elf_end(elf);
		close(*fd);
		*fd = -1;
		return NULL;
	}
	return elf;
}

static bool same_build_id(Elf *elf, const void *id, ssize_t len)
{
	const void *other;

	return dwelf_elf_gnu_build_id(elf, &other) == len && !memcmp(id, other, (size_t)len);
}

static bool try_build_id(struct ft_elf *e)
{
	const unsigned char *id;
	const void *data;
	char path[PATH_MAX];
	ssize_t len, i;
	size_t n;

	len = dwelf_elf_gnu_build_id(e->elf, &data);
	if (len < 2 || len > 64)
		return false;
	id = data;
	n = (size_t)snprintf(path, sizeof(path), "%s/.build-id/%02x/", DEBUG_DIR, id[0]);
	for (i = 1; i < len; i++)
		n += (size_t)snprintf(path + n, sizeof(path) - n, "%02x", id[i]);
	snprintf(path + n, sizeof(path) - n, ".debug");
	e->debug = open_debug(path, &e->debug_fd);
	if (e->debug && !same_build_id(e->debug, id, len))
		ft_elf_debug_close(e);
	return e->debug != NULL;
}

static bool same_crc(int fd, GElf_Word want)
{
	unsigned char *buf;
	uLong crc = crc32(0, NULL, 0);
	struct stat st;
	off_t off = 0;

	if (fstat(fd, &st) < 0 || st.st_size > CRC_MAX)
		return false;
	buf = malloc(256 * 1024);
	if (!buf)
		return false;
	while (off < st.st_size) {
		ssize_t n = pread(fd, buf, 256 * 1024, off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		crc = crc32(crc, buf, (uInt)n);
		off += n;
	}
	free(buf);
	return off == st.st_size && crc == want;
}

static bool try_debuglink(struct ft_elf *e)
{
	const char *name, *slash = strrchr(e->path, '/');
	char path[PATH_MAX];
	GElf_Word crc;
	size_t i;

	name = dwelf_elf_gnu_debuglink(e->elf, &crc);
	/* a plain file name: no way out of the directories meant for it */
	if (!name || !*name || strchr(name, '/') || !slash)
		return false;
	for (i = 0; i < 3; i++) {
		int dir = (int)(slash - e->path), n;

		if (i == 0)
			n = snprintf(path, sizeof(path), "%.*s/%s", dir, e->path, name);
		else if (i == 1)
			n = snprintf(path, sizeof(path), "%.*s/.debug/%s", dir, e->path, name);
		else
			n = snprintf(path, sizeof(path), DEBUG_DIR "%.*s/%s", dir, e->path, name);
		if (n < 0 || (size_t)n >= sizeof(path))
			continue;
		e->debug = open_debug(path, &e->debug_fd);
		if (e->debug && same_crc(e->debug_fd, crc))
			return true;
		ft_elf_debug_close(e);
	}
	return false;
}

void ft_elf_debug_close(struct ft_elf *e)
{
	if (!e->debug)
		return;
	elf_end(e->debug);
	close(e->debug_fd);
	e->debug = NULL;
	e->debug_fd = -1;
}

/* A private copy in memory, for code that maps the file. -1 on failure. */
static int copy_file(const struct ft_elf *e)
{
	__u64 off = 0;
	char *buf;
	int fd;

	if (e->file_sz > COPY_MAX)
		return -1;
	fd = memfd_create("ftprof-elf", MFD_CLOEXEC);
	buf = malloc(256 * 1024);
	while (fd >= 0 && buf && off < (__u64)e->file_sz) {
		size_t n = 256 * 1024;

		if (n > (__u64)e->file_sz - off)
			n = (size_t)((__u64)e->file_sz - off);
		if (ft_elf_pread(e, buf, n, off) || pwrite(fd, buf, n, (off_t)off) != (ssize_t)n)
			break;
		off += n;
	}
	if (fd >= 0 && (!buf || off < (__u64)e->file_sz)) {
		close(fd);
		fd = -1;
	}
	free(buf);
	return fd;
}

static int no_debuginfo(Dwfl_Module *mod, void **userdata, const char *modname, Dwarf_Addr base,
			const char *file_name, const char *debuglink_file, GElf_Word debuglink_crc,
			char **debuginfo_file_name)
{
	(void)mod;
	(void)userdata;
	(void)modname;
	(void)base;
	(void)file_name;
	(void)debuglink_file;
	(void)debuglink_crc;
	(void)debuginfo_file_name;
	return -1;
}

/* .gnu_debugdata is an xz-compressed ELF file with the local functions; libdwfl unpacks it. */
static int search_debugdata(const struct ft_elf *e, const char *name, struct ft_elf_sym *out)
{
	static const Dwfl_Callbacks callbacks = {.find_debuginfo = no_debuginfo,
						 .section_address = dwfl_offline_section_address};
	Elf_Scn *scn = ft_elf_find_section(e->elf, ".gnu_debugdata");
	Dwfl_Module *mod;
	GElf_Shdr sh;
	Dwfl *dwfl;
	bool any = false;
	int fd, cnt, i;

	/* a small file may unpack into a huge one: 2 MB is several times what a libc has */
	if (!scn || !gelf_getshdr(scn, &sh) || sh.sh_size > DEBUGDATA_MAX)
		return -ENOENT;
	fd = copy_file(e);
	if (fd < 0)
		return -ENOENT;
	dwfl = dwfl_begin(&callbacks);
	if (!dwfl) {
		close(fd);
		return -ENOMEM;
	}
	mod = dwfl_report_elf(dwfl, "target", e->path, fd, 0, true);
	if (!mod)
		close(fd); /* otherwise dwfl owns it */
	dwfl_report_end(dwfl, NULL, NULL);
	cnt = mod ? dwfl_module_getsymtab(mod) : 0;
	for (i = 0; i < cnt; i++) {
		GElf_Sym sym;
		GElf_Addr addr;
		const char *s = dwfl_module_getsym_info(mod, i, &sym, &addr, NULL, NULL, NULL);

		if (!name_matches(s, name))
			continue;
		sym.st_value = addr;
		if (usable(e, &sym))
			found(out, &any, addr, sym.st_size);
	}
	dwfl_end(dwfl);
	return any ? 0 : -ENOENT;
}

int ft_elf_symbol(struct ft_elf *e, const char *name, struct ft_elf_sym *out)
{
	memset(out, 0, sizeof(*out));
	out->from = "symbol table";
	if (!search(e, e->elf, SHT_SYMTAB, name, out))
		return 0;
	out->from = "dynamic symbols";
	if (!search(e, e->elf, SHT_DYNSYM, name, out))
		return 0;
	if (!e->debug_tried) {
		e->debug_tried = true;
		if (!try_build_id(e))
			try_debuglink(e);
	}
	out->from = "debug file";
	if (e->debug && !search(e, e->debug, SHT_SYMTAB, name, out))
		return 0;
	out->from = ".gnu_debugdata";
	if (!search_debugdata(e, name, out))
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
