/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Source lines by DWARF, through libdw. It is not asked for more than the line tables, and nothing
 * is asked that would make it open another file: the name would be a stranger's.
 */
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <errno.h>
#include <dwarf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/array.h"
#include "os/elf_priv.h"
#include "os/symbols_priv.h"

#define SECTIONS_MAX (256ull * 1024 * 1024) /* of DWARF, unpacked */
/* A byte of a line program can become a row of some 100 bytes. */
#define PROGRAM_MAX (4u * 1024 * 1024)
#define PROGRAMS_MAX (32u * 1024 * 1024)
#define RANGES_MAX (2u * 1024 * 1024)
#define NESTED_MAX 16

struct unit {
	Dwarf_Off off; /* of its DIE */
	bool asked;    /* whether its line program is to be run is decided: */
	bool good;
};

struct range {
	__u64 lo, hi;
	size_t unit;
};

struct ft_lines {
	Dwarf *dbg;
	Dwarf *alt; /* what dwz took out of several files */
	Elf *alt_elf;
	int alt_fd;
	struct unit *unit;
	size_t unit_cnt, unit_cap;
	struct range *range;
	size_t cnt, cap;
	const __u8 *program; /* .debug_line */
	size_t program_sz;
	size_t spent; /* bytes of line programs that were run */
};

/* Unpacked size of the DWARF of a file, 0 if it has no line tables. */
static __u64 dwarf_size(Elf *elf)
{
	Elf_Scn *scn = NULL;
	bool info = false, line = false;
	__u64 sum = 0;
	size_t strndx;

	if (elf_getshdrstrndx(elf, &strndx))
		return 0;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *name;
		GElf_Shdr sh;
		GElf_Chdr ch;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(elf, strndx, sh.sh_name);
		if (!name || (strncmp(name, ".debug_", 7) && strncmp(name, ".zdebug_", 8)))
			continue;
		/* the older form says its size where we would have to look for it */
		if (name[1] == 'z')
			return UINT64_MAX;
		if (sh.sh_size > SECTIONS_MAX || sh.sh_size > SECTIONS_MAX - sum)
			return UINT64_MAX;
		sum += sh.sh_size;
		if (sh.sh_flags & SHF_COMPRESSED) {
			if (!gelf_getchdr(scn, &ch) || ch.ch_size > SECTIONS_MAX - sum)
				return UINT64_MAX;
			sum += ch.ch_size;
		}
		info |= !strcmp(name, ".debug_info");
		line |= !strcmp(name, ".debug_line");
	}
	return info && line ? sum : 0;
}

/* libdw (0.188) takes the strings of line tables as they come: the last must have an end. */
static bool strings_end(Elf *elf)
{
	static const char *const names[] = {".debug_str", ".debug_line_str"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		Elf_Scn *scn = ft_elf_find_section(elf, names[i]);
		Elf_Data *data = scn ? elf_rawdata(scn, NULL) : NULL;

		if (scn && (!data || !data->d_buf || !data->d_size ||
			    ((const char *)data->d_buf)[data->d_size - 1]))
			return false;
	}
	return true;
}

/*
 * Gives libdw the file that a .gnu_debugaltlink means, by build-id only: libdw itself would open
 * any path that is written there.
 */
static int set_alt(struct ft_lines *l, Elf *elf)
{
	char path[256] = "/usr/lib/debug/.build-id/";
	const char *name;
	const void *id, *other;
	size_t n = strlen(path);
	ssize_t len, i;

	if (!ft_elf_find_section(elf, ".gnu_debugaltlink"))
		return 0;
	len = dwelf_dwarf_gnu_debugaltlink(l->dbg, &name, &id);
	if (len < 2 || len > 64)
		return -ENOENT;
	for (i = 0; i < len; i++)
		n += (size_t)snprintf(path + n, sizeof(path) - n, i ? "%02x" : "%02x/",
				      ((const unsigned char *)id)[i]);
	snprintf(path + n, sizeof(path) - n, ".debug");
	l->alt_elf = ft_elf_open_plain(path, &l->alt_fd);
	if (!l->alt_elf || dwelf_elf_gnu_build_id(l->alt_elf, &other) != len ||
	    memcmp(id, other, (size_t)len) || dwarf_size(l->alt_elf) == UINT64_MAX)
		return -ENOENT;
	l->alt = dwarf_begin_elf(l->alt_elf, DWARF_C_READ, NULL);
	if (!l->alt || !strings_end(l->alt_elf))
		return -ENOENT;
	dwarf_setalt(l->dbg, l->alt);
	return 0;
}

static int add_unit(struct ft_lines *l, Dwarf_Die *cu)
{
	Dwarf_Addr base, lo, hi;
	ptrdiff_t off = 0;
	int err;

	err = ft_array_reserve((void **)&l->unit, &l->unit_cap, l->unit_cnt + 1, sizeof(*l->unit));
	if (err)
		return err;
	l->unit[l->unit_cnt++].off = dwarf_dieoffset(cu);
	while ((off = dwarf_ranges(cu, off, &base, &lo, &hi)) > 0) {
		if (l->cnt >= RANGES_MAX)
			return -EFBIG;
		/* functions that the linker dropped stand at 0 */
		if (lo >= hi || !lo)
			continue;
		err = ft_array_reserve((void **)&l->range, &l->cap, l->cnt + 1, sizeof(*l->range));
		if (err)
			return err;
		l->range[l->cnt++] = (struct range){lo, hi, l->unit_cnt - 1};
	}
	return 0;
}

static int by_lo(const void *pa, const void *pb)
{
	const struct range *a = pa, *b = pb;

	return a->lo < b->lo ? -1 : a->lo > b->lo;
}

static int add_units(struct ft_lines *l)
{
	Dwarf_Off off = 0, next;
	size_t header;
	int err = 0;

	while (!err && dwarf_nextcu(l->dbg, off, &next, &header, NULL, NULL, NULL) == 0) {
		Dwarf_Die cu;

		if (dwarf_offdie(l->dbg, off + header, &cu))
			err = add_unit(l, &cu);
		if (next <= off)
			break;
		off = next;
	}
	if (l->cnt)
		qsort(l->range, l->cnt, sizeof(*l->range), by_lo);
	return err;
}

int ft_lines_open(struct ft_elf *e, struct ft_lines **out)
{
	Elf *elf = e->elf;
	struct ft_lines *l;
	Elf_Data *data;
	Elf_Scn *scn;
	__u64 size;
	int err;

	*out = NULL;
	size = dwarf_size(elf);
	if (!size && ft_elf_debug(e)) {
		elf = e->debug;
		size = dwarf_size(elf);
	}
	if (!size)
		return -ENOENT;
	if (size == UINT64_MAX)
		return -EFBIG;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->alt_fd = -1;
	l->dbg = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
	/* its sections are unpacked by now */
	err = !l->dbg ? -ENOENT : strings_end(elf) ? set_alt(l, elf) : -EBADMSG;
	if (!err)
		err = add_units(l);
	if (!err) {
		scn = ft_elf_find_section(elf, ".debug_line");
		data = scn ? elf_rawdata(scn, NULL) : NULL;
		err = data && data->d_buf ? 0 : -ENOENT;
	}
	if (err) {
		ft_lines_close(l);
		return err;
	}
	l->program = data->d_buf;
	l->program_sz = data->d_size;
	*out = l;
	return 0;
}

/* Whether the line program of a unit is short enough to be run. */
static bool is_bearable(struct ft_lines *l, Dwarf_Die *cu)
{
	Dwarf_Attribute attr;
	Dwarf_Word off;
	__u32 len;

	if (!dwarf_attr(cu, DW_AT_stmt_list, &attr) || dwarf_formudata(&attr, &off) ||
	    l->program_sz < sizeof(len) || off > l->program_sz - sizeof(len))
		return false;
	/* 0xffffffff begins the 64-bit form, which no compiler writes unasked */
	memcpy(&len, l->program + off, sizeof(len));
	if (len > PROGRAM_MAX || len > PROGRAMS_MAX - l->spent)
		return false;
	l->spent += len;
	return true;
}

static struct unit *find_unit(struct ft_lines *l, __u64 vaddr)
{
	size_t lo = 0, hi = l->cnt, i;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (l->range[mid].lo <= vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (i = 0; lo && i < NESTED_MAX; i++) {
		if (l->range[--lo].hi > vaddr)
			return &l->unit[l->range[lo].unit];
	}
	return NULL;
}

void ft_lines_find(struct ft_lines *l, __u64 vaddr, const char **source, __u32 *line)
{
	struct unit *unit = find_unit(l, vaddr);
	const char *name;
	Dwarf_Line *row;
	Dwarf_Die cu;
	int no;

	*source = "";
	*line = 0;
	if (!unit || !dwarf_offdie(l->dbg, unit->off, &cu))
		return;
	if (!unit->asked) {
		unit->asked = true;
		unit->good = is_bearable(l, &cu);
	}
	if (!unit->good)
		return;
	row = dwarf_getsrc_die(&cu, vaddr);
	name = row ? dwarf_linesrc(row, NULL, NULL) : NULL;
	/* line 0: what belongs to no line */
	if (!name || dwarf_lineno(row, &no) || no <= 0)
		return;
	*source = name;
	*line = (__u32)no;
}

void ft_lines_close(struct ft_lines *l)
{
	if (!l)
		return;
	if (l->dbg)
		dwarf_end(l->dbg);
	if (l->alt)
		dwarf_end(l->alt);
	if (l->alt_elf)
		elf_end(l->alt_elf);
	if (l->alt_fd >= 0)
		close(l->alt_fd);
	free(l->unit);
	free(l->range);
	free(l);
}
