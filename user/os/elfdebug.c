/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where an ELF file's symbols are when they are not in it: a separate debug file (by build-id or
 * debuglink), .gnu_debugdata.
 *
 * Nothing is ever asked of the network: no debuginfod client is started, as libdwfl would.
 */
#include <elfutils/libdwelf.h>
#include <errno.h>
#include <limits.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include "base/fileio.h"
#include "os/elf_priv.h"

#define DEBUG_DIR "/usr/lib/debug"
#define DEBUGDATA_MAX (2u * 1024 * 1024)
#define UNPACKED_MAX (32u * 1024 * 1024)
#define UNPACK_MEM_MAX (128u * 1024 * 1024) /* the decoder's dictionary */
#define CRC_MAX (2ll * 1024 * 1024 * 1024)

static Elf *begin_plain(int fd)
{
	struct stat st;
	Elf *elf;

	if (fstat(fd, &st) < 0 || ft_elf_check_header(fd, st.st_size))
		return NULL;
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (elf && elf_kind(elf) == ELF_K_ELF && !ft_elf_check_layout(elf))
		return elf;
	elf_end(elf);
	return NULL;
}

Elf *ft_elf_open_plain(const char *path, int *fd)
{
	Elf *elf;

	if (ft_elf_open_regular(path, fd))
		return NULL;
	elf = begin_plain(*fd);
	if (!elf) {
		close(*fd);
		*fd = -1;
	}
	return elf;
}

/*
 * The length of "/proc/PID/root" if the file was found through it: the process has another root
 * than we, and its debug files are there.
 */
static int root_len(const char *path)
{
	int n = 0;

	if (sscanf(path, "/proc/%*d/root%n/", &n) < 0 || n < 0 || path[n] != '/')
		return 0;
	return n;
}

static bool same_build_id(Elf *elf, const void *id, ssize_t len)
{
	const void *other;

	return dwelf_elf_gnu_build_id(elf, &other) == len && !memcmp(id, other, (size_t)len);
}

static void close_elf(Elf **elf, int *fd)
{
	if (*elf) {
		elf_end(*elf);
		close(*fd);
	}
	*elf = NULL;
	*fd = -1;
}

static bool try_build_id(struct ft_elf *e, int root)
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
	n = (size_t)snprintf(path, sizeof(path), "%.*s%s/.build-id/%02x/", root, e->path, DEBUG_DIR,
			     id[0]);
	for (i = 1; i < len; i++)
		n += (size_t)snprintf(path + n, sizeof(path) - n, "%02x", id[i]);
	snprintf(path + n, sizeof(path) - n, ".debug");
	e->debug = ft_elf_open_plain(path, &e->debug_fd);
	if (e->debug && !same_build_id(e->debug, id, len))
		close_elf(&e->debug, &e->debug_fd);
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

static bool try_debuglink(struct ft_elf *e, int root)
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
			n = snprintf(path, sizeof(path), "%.*s" DEBUG_DIR "%.*s/%s", root, e->path,
				     dir - root, e->path + root, name);
		if (n < 0 || (size_t)n >= sizeof(path))
			continue;
		e->debug = ft_elf_open_plain(path, &e->debug_fd);
		if (e->debug && same_crc(e->debug_fd, crc))
			return true;
		close_elf(&e->debug, &e->debug_fd);
	}
	return false;
}

Elf *ft_elf_debug(struct ft_elf *e)
{
	int root;

	if (e->debug_tried)
		return e->debug;
	e->debug_tried = true;
	root = root_len(e->path);
	if (!(root && try_build_id(e, root)) && !try_build_id(e, 0))
		try_debuglink(e, root);
	return e->debug;
}

bool ft_elf_find_debug(struct ft_elf *e)
{
	return ft_elf_debug(e) != NULL;
}

/* Unpacks xz data into a file in memory. -1 on failure. */
static int unpack(const __u8 *in, size_t in_sz)
{
	__u8 *out = malloc(UNPACKED_MAX);
	uint64_t mem = UNPACK_MEM_MAX;
	size_t in_pos = 0, out_pos = 0;
	int fd = -1;

	/* a small file may unpack into a huge one: 32 MB is several times what a libc has */
	if (out && lzma_stream_buffer_decode(&mem, 0, NULL, in, &in_pos, in_sz, out, &out_pos,
					     UNPACKED_MAX) == LZMA_OK)
		fd = memfd_create("ftprof-elf", MFD_CLOEXEC);
	if (fd >= 0 && ft_write_all(fd, out, out_pos)) {
		close(fd);
		fd = -1;
	}
	free(out);
	return fd;
}

Elf *ft_elf_mini(struct ft_elf *e)
{
	Elf_Scn *scn;
	GElf_Shdr sh;
	__u8 *buf;

	if (e->mini_tried)
		return e->mini;
	e->mini_tried = true;
	scn = ft_elf_find_section(e->elf, ".gnu_debugdata");
	if (!scn || !gelf_getshdr(scn, &sh) || sh.sh_type == SHT_NOBITS || !sh.sh_size ||
	    sh.sh_size > DEBUGDATA_MAX)
		return NULL;
	buf = malloc(sh.sh_size);
	if (buf && !ft_elf_pread(e, buf, sh.sh_size, sh.sh_offset))
		e->mini_fd = unpack(buf, sh.sh_size);
	free(buf);
	if (e->mini_fd < 0)
		return NULL;
	e->mini = begin_plain(e->mini_fd);
	if (!e->mini) {
		close(e->mini_fd);
		e->mini_fd = -1;
	}
	return e->mini;
}

void ft_elf_debug_close(struct ft_elf *e)
{
	close_elf(&e->debug, &e->debug_fd);
	close_elf(&e->mini, &e->mini_fd);
}
