/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts of a 64-bit ELF file: segments, sections, code bytes, load bias.
 *
 * Files are read with pread and never mapped: a stranger may cut a mapped file short under us,
 * and that is a SIGBUS.
 */
#include "os/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "os/elf_priv.h"
#include "os/mem.h"

#if defined(__x86_64__)
#define OUR_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OUR_MACHINE EM_AARCH64
#else
#error "unknown machine"
#endif

#define PAGE 4096ull
#define UNWIND_MAX (16u * 1024 * 1024)
#define PHDR_MAX 256
#define CMP_LEN 64

int ft_elf_pread_fd(int fd, off_t size, void *buf, size_t n, __u64 off)
{
	size_t done = 0;

	if (off > (__u64)size || n > (__u64)size - off)
		return -ERANGE;
	while (done < n) {
		ssize_t got = pread(fd, (char *)buf + done, n - done, (off_t)(off + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			return -ERANGE;
		done += (size_t)got;
	}
	return 0;
}

int ft_elf_pread(const struct ft_elf *e, void *buf, size_t n, __u64 off)
{
	return ft_elf_pread_fd(e->fd, e->file_sz, buf, n, off);
}

int ft_elf_open_regular(const char *path, int *out)
{
	char link[64];
	struct stat st;
	int fd, err = 0;

	*out = -1;
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -ENOEXEC;
	if (!err) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		*out = open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (*out < 0)
			err = -errno;
	}
	close(fd);
	return err;
}

static int read_segments(struct ft_elf *e)
{
	size_t cnt, i;
	int err;

	if (elf_getphdrnum(e->elf, &cnt))
		return -ENOEXEC;
	if (cnt > PHDR_MAX)
		return -ENOEXEC;
	e->phdr = calloc(cnt ? cnt : 1, sizeof(*e->phdr));
	if (!e->phdr)
		return -ENOMEM;
	for (i = 0; i < cnt; i++) {
		GElf_Phdr *p = &e->phdr[e->phdr_cnt];

		if (!gelf_getphdr(e->elf, (int)i, p))
			return -ENOEXEC;
		if (p->p_vaddr + p->p_memsz < p->p_vaddr || p->p_offset + p->p_filesz < p->p_offset)
			continue;
		e->phdr_cnt++;
		if (p->p_type != PT_INTERP)
			continue;
		if (!p->p_filesz || p->p_filesz >= sizeof(e->interp))
			return -ENOEXEC;
		err = ft_elf_pread(e, e->interp, p->p_filesz, p->p_offset);
		if (err)
			return -ENOEXEC;
		e->interp[p->p_filesz] = 0;
	}
	return 0;
}

/* DF_1_PIE tells a static-pie program from a library: neither has PT_INTERP. */
static bool has_pie_flag(struct ft_elf *e)
{
	Elf_Scn *scn = NULL;
	size_t i;

	while ((scn = elf_nextscn(e->elf, scn))) {
		Elf_Data *data;
		GElf_Shdr sh;
		GElf_Dyn dyn;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_DYNAMIC)
			continue;
		data = elf_getdata(scn, NULL);
		if (!data)
			return false;
		for (i = 0; i < data->d_size / sizeof(Elf64_Dyn); i++) {
			if (gelf_getdyn(data, (int)i, &dyn) && dyn.d_tag == DT_FLAGS_1)
				return dyn.d_un.d_val & DF_1_PIE;
		}
	}
	return false;
}

int ft_elf_open(const char *path, struct ft_elf **out)
{
	struct ft_elf *e;
	struct stat st;
	GElf_Ehdr eh;
	int err;

	*out = NULL;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOTSUP;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->fd = -1;
	e->debug_fd = -1;
	e->mini_fd = -1;
	e->path = strdup(path);
	err = -ENOMEM;
	if (!e->path)
		goto out;
	err = ft_elf_open_regular(path, &e->fd);
	if (!err && fstat(e->fd, &st) < 0)
		err = -errno;
	if (err)
		goto out;
	e->file_sz = st.st_size;
	err = ft_elf_check_header(e->fd, e->file_sz);
	if (err)
		goto out;
	err = -ENOEXEC;
	e->elf = elf_begin(e->fd, ELF_C_READ, NULL);
	if (!e->elf || elf_kind(e->elf) != ELF_K_ELF || !gelf_getehdr(e->elf, &eh))
		goto out;
	if (eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_ident[EI_DATA] != ELFDATA2LSB ||
	    eh.e_machine != OUR_MACHINE)
		goto out;
	e->type = eh.e_type;
	err = ft_elf_check_layout(e->elf);
	if (!err)
		err = read_segments(e);
	if (err)
		goto out;
	e->pie_flag = e->type == ET_DYN && has_pie_flag(e);
out:
	if (err) {
		ft_elf_close(e);
		e = NULL;
	}
	*out = e;
	return err;
}

void ft_elf_close(struct ft_elf *e)
{
	if (!e)
		return;
	ft_elf_debug_close(e);
	if (e->elf)
		elf_end(e->elf);
	if (e->fd >= 0)
		close(e->fd);
	free(e->unwind);
	free(e->phdr);
	free(e->path);
	free(e);
}

static bool same_file(const char *path, const struct ft_mapping *map)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_ino == map->inode &&
	       major(st.st_dev) == map->dev_major && minor(st.st_dev) == map->dev_minor;
}

/*
 * Overlay and btrfs show other device and inode numbers in maps than in stat(): there the first
 * bytes of the mapping decide.
 */
static bool same_bytes(const struct ft_elf *e, int pid, const struct ft_mapping *map)
{
	__u8 file[CMP_LEN], mem[CMP_LEN];

	if (map->write || !map->read)
		return false;
	return ft_elf_pread(e, file, sizeof(file), map->offset) == 0 &&
	       ft_mem_read(pid, map->start, mem, sizeof(mem)) == 0 &&
	       !memcmp(file, mem, sizeof(mem));
}

int ft_elf_open_map(int pid, const struct ft_mapping *map, char *path, size_t sz,
		    struct ft_elf **out)
{
	char exe[sizeof("/proc/") + 24], link[4096];
	int err = -ENOENT, pass;
	bool deleted, is_exe;

	*out = NULL;
	if (map->path[0] != '/')
		return -ENOENT;
	snprintf(exe, sizeof(exe), "/proc/%d/exe", pid);
	is_exe = same_file(exe, map) || (!ft_proc_exe(FT_PROC, pid, link, sizeof(link), &deleted) &&
					 deleted == map->deleted && !strcmp(link, map->path));
	for (pass = 0; pass < 4; pass++) {
		struct ft_elf *e;
		int n, e2;

		if (pass < 2 && map->deleted)
			continue;
		if (pass == 0)
			n = snprintf(path, sz, "%s", map->path);
		else if (pass == 1)
			n = snprintf(path, sz, "/proc/%d/root%s", pid, map->path);
		else if (pass == 2)
			n = is_exe ? snprintf(path, sz, "%s", exe) : 0;
		else
			n = snprintf(path, sz, "/proc/%d/map_files/%llx-%llx", pid,
				     (unsigned long long)map->start, (unsigned long long)map->end);
		if (n <= 0)
			continue;
		if ((size_t)n >= sz) {
			err = -ENAMETOOLONG;
			continue;
		}
		e2 = ft_elf_open(path, &e);
		if (e2) {
			if (err != -ESTALE)
				err = e2;
			continue;
		}
		/* the last two are links to the mapped file itself */
		if (pass >= 2 || same_file(path, map) || (pass == 1 && same_bytes(e, pid, map))) {
			*out = e;
			return 0;
		}
		ft_elf_close(e);
		err = -ESTALE;
	}
	if (sz)
		path[0] = 0;
	return err;
}

int ft_elf_section(struct ft_elf *e, const char *name, __u64 *vaddr, __u64 *size)
{
	Elf_Scn *scn = ft_elf_find_section(e->elf, name);
	GElf_Shdr sh;

	if (!scn || !gelf_getshdr(scn, &sh))
		return -ENOENT;
	if (vaddr)
		*vaddr = sh.sh_addr;
	if (size)
		*size = sh.sh_size;
	return 0;
}

Elf_Scn *ft_elf_find_section(Elf *elf, const char *name)
{
	Elf_Scn *scn = NULL;
	size_t strndx;

	if (elf_getshdrstrndx(elf, &strndx))
		return NULL;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *s;
		GElf_Shdr sh;

		if (!gelf_getshdr(scn, &sh))
			continue;
		s = elf_strptr(elf, strndx, sh.sh_name);
		if (s && !strcmp(s, name))
			return scn;
	}
	return NULL;
}

static const GElf_Phdr *segment_of(const struct ft_elf *e, __u64 vaddr)
{
	size_t i;

	for (i = 0; i < e->phdr_cnt; i++) {
		const GElf_Phdr *p = &e->phdr[i];

		if (p->p_type == PT_LOAD && vaddr >= p->p_vaddr && vaddr - p->p_vaddr < p->p_memsz)
			return p;
	}
	return NULL;
}

bool ft_elf_is_code(struct ft_elf *e, __u64 vaddr)
{
	const GElf_Phdr *p = segment_of(e, vaddr);

	return p && (p->p_flags & PF_X);
}

int ft_elf_offset(struct ft_elf *e, __u64 vaddr, __u64 *off)
{
	const GElf_Phdr *p = segment_of(e, vaddr);

	if (!p || vaddr - p->p_vaddr >= p->p_filesz)
		return -ERANGE;
	*off = vaddr - p->p_vaddr + p->p_offset;
	return *off < (__u64)e->file_sz ? 0 : -ERANGE;
}

int ft_elf_read(struct ft_elf *e, __u64 vaddr, void *buf, size_t n)
{
	const GElf_Phdr *p = segment_of(e, vaddr);

	if (!p || vaddr - p->p_vaddr > p->p_filesz || n > p->p_filesz - (vaddr - p->p_vaddr))
		return -ERANGE;
	return ft_elf_pread(e, buf, n, vaddr - p->p_vaddr + p->p_offset);
}

/* The segment of that kind that a mapping shows. */
static const GElf_Phdr *segment_mapped(const struct ft_elf *e, const struct ft_mapping *m,
				       bool code)
{
	size_t i;

	for (i = 0; i < e->phdr_cnt; i++) {
		const GElf_Phdr *p = &e->phdr[i];

		if (p->p_type == PT_LOAD && (!code || (p->p_flags & PF_X)) &&
		    m->offset >= (p->p_offset & ~(PAGE - 1)) &&
		    m->offset < p->p_offset + p->p_filesz)
			return p;
	}
	return NULL;
}

int ft_elf_map_bias(const struct ft_elf *e, const struct ft_mapping *m, __u64 *bias)
{
	/* code is mapped once and not written to: the surest anchor */
	const GElf_Phdr *p = segment_mapped(e, m, true);

	if (!p)
		p = segment_mapped(e, m, false);
	if (!p)
		return -ENOENT;
	*bias = m->start - ((p->p_vaddr & ~(PAGE - 1)) + (m->offset - (p->p_offset & ~(PAGE - 1))));
	return 0;
}

int ft_elf_bias(struct ft_elf *e, const struct ft_maps *maps, const struct ft_mapping *like,
		__u64 *bias)
{
	size_t i;

	for (i = 0; i < maps->cnt; i++) {
		const struct ft_mapping *m = &maps->map[i];

		if (m->inode != like->inode || m->dev_major != like->dev_major ||
		    m->dev_minor != like->dev_minor || !m->exec || strcmp(m->path, like->path))
			continue;
		if (segment_mapped(e, m, true))
			return ft_elf_map_bias(e, m, bias);
	}
	return -ENOENT;
}

/* The binary search table of .eh_frame_hdr: pairs of signed 32-bit offsets from its own address. */
static int load_unwind(struct ft_elf *e)
{
	const GElf_Phdr *p = NULL;
	__u8 *buf;
	__u32 cnt;
	size_t i;
	int err;

	for (i = 0; i < e->phdr_cnt; i++) {
		if (e->phdr[i].p_type == PT_GNU_EH_FRAME)
			p = &e->phdr[i];
	}
	if (!p || p->p_filesz < 12)
		return -ENOENT;
	if (p->p_filesz > UNWIND_MAX)
		return -EFBIG;
	buf = malloc(p->p_filesz);
	if (!buf)
		return -ENOMEM;
	err = ft_elf_pread(e, buf, p->p_filesz, p->p_offset);
	/* version 1; any 4-byte pointer; count udata4; table datarel sdata4: what ld writes */
	if (!err && (buf[0] != 1 || (buf[1] & 7) != 3 || buf[2] != 0x03 || buf[3] != 0x3b))
		err = -ENOENT;
	if (!err) {
		memcpy(&cnt, buf + 8, 4);
		if (cnt > (p->p_filesz - 12) / 8)
			err = -ENOENT;
	}
	if (err) {
		free(buf);
		return err;
	}
	e->unwind = buf;
	e->unwind_cnt = cnt;
	e->unwind_vaddr = p->p_vaddr;
	return 0;
}

int ft_elf_func_start(struct ft_elf *e, __u64 vaddr, bool *yes)
{
	size_t lo = 0, hi;
	int err;

	*yes = false;
	if (!e->unwind) {
		err = load_unwind(e);
		if (err)
			return err;
	}
	hi = e->unwind_cnt;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		__s32 rel;
		__u64 at;

		memcpy(&rel, e->unwind + 12 + mid * 8, 4);
		at = e->unwind_vaddr + (__u64)(__s64)rel;
		if (at == vaddr) {
			*yes = true;
			return 0;
		}
		if (at < vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return 0;
}

const char *ft_elf_interp(const struct ft_elf *e)
{
	return e->interp;
}

bool ft_elf_is_exec(const struct ft_elf *e)
{
	return e->type == ET_EXEC || (e->type == ET_DYN && (e->interp[0] || e->pie_flag));
}

bool ft_elf_is_static(const struct ft_elf *e)
{
	return ft_elf_is_exec(e) && !e->interp[0];
}

bool ft_elf_is_musl(const struct ft_elf *e)
{
	return strstr(e->interp, "ld-musl") != NULL;
}
