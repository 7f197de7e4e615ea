/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /tmp/perf-PID.map: where compilers at run time (CPython's -X perf among them) say what they
 * wrote: "start size name" a line, both in hexadecimal, appended as code is made.
 *
 * Anybody can put a file there: it must be a plain file of the process's user or of root.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "os/elf_priv.h"
#include "os/symbols_priv.h"

#define PERFMAP_MAX (64ull * 1024 * 1024)
/* In all: a file that is written anew again and again must not fill our memory. */
#define READ_MAX (4 * PERFMAP_MAX)

void ft_perfmap_init(struct ft_perfmap *p)
{
	memset(p, 0, sizeof(*p));
	p->fd = -1;
	p->tab.latest = true;
}

void ft_perfmap_free(struct ft_perfmap *p)
{
	if (p->fd >= 0)
		close(p->fd);
	ft_symtab_free(&p->tab);
	ft_perfmap_init(p);
}

/* Opens the file as the process would see it, with links resolved below its root. */
static int open_in_root(const char *proc, int pid, const char *name)
{
	struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	char path[4096];
	int root, fd, err;

	if (snprintf(path, sizeof(path), "%s/%d/root", proc, pid) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	fd = (int)syscall(SYS_openat2, root, name, &how, sizeof(how));
	err = -errno;
	close(root);
	return fd < 0 ? err : fd;
}

/* 0, -ENOENT: there is none; another error: one that is not to be used. */
static int open_map(struct ft_perfmap *p, const char *proc, int pid)
{
	struct ft_proc_status st;
	struct stat file;
	char name[64], link[64];
	int err, fd;

	err = ft_proc_status(proc, pid, &st);
	if (err)
		return -ENOENT;
	snprintf(name, sizeof(name), "tmp/perf-%d.map",
		 st.ns_cnt > 0 ? st.nstgid[st.ns_cnt - 1] : pid);
	fd = open_in_root(proc, pid, name);
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ESRCH)
		return -ENOENT;
	if (fd < 0)
		return fd;
	if (fstat(fd, &file) < 0)
		err = -errno;
	else if (!S_ISREG(file.st_mode) || (file.st_uid != st.uid && file.st_uid != 0))
		err = -EPERM;
	if (!err) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		p->fd = open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (p->fd < 0)
			err = -errno;
	}
	close(fd);
	return err;
}

/* strtoull() would take blanks and signs. */
static bool hex(char **s, __u64 *out)
{
	char *end;

	if (!strchr("0123456789abcdefABCDEF", **s) || !**s)
		return false;
	errno = 0;
	*out = strtoull(*s, &end, 16);
	if (errno || *end != ' ')
		return false;
	*s = end + strspn(end, " ");
	return true;
}

static int add_line(struct ft_perfmap *p, char *s)
{
	__u64 start, size;

	if (!hex(&s, &start) || !hex(&s, &size) || !*s || !size || start + size < start) {
		p->malformed++;
		return 0;
	}
	return ft_symtab_add(&p->tab, start, size, ~0ull, s, 0);
}

/* Takes whole lines (n bytes, the last a newline), which the table owns then. */
static int add_lines(struct ft_perfmap *p, char *text, size_t n)
{
	char *s, *nl;
	int err = ft_symtab_own(&p->tab, text);

	for (s = text; !err && s < text + n; s = nl + 1) {
		nl = memchr(s, '\n', n - (size_t)(s - text));
		*nl = 0;
		if (memchr(s, 0, (size_t)(nl - s)))
			p->malformed++;
		else
			err = add_line(p, s);
	}
	return err;
}

int ft_perfmap_refresh(struct ft_perfmap *p, const char *proc, int pid)
{
	struct stat st;
	char *text, *end, *fit;
	size_t n, cnt = p->tab.next_seq;
	int err;

	if (p->fd < 0) {
		err = open_map(p, proc, pid);
		p->refused = err && err != -ENOENT;
		if (err)
			return 0;
	}
	if (fstat(p->fd, &st) < 0)
		return 0;
	if ((__u64)st.st_size < p->pos)
		p->pos = 0; /* written anew: what was known stays until it is overwritten */
	if ((__u64)st.st_size > PERFMAP_MAX) {
		p->refused = true;
		st.st_size = (off_t)PERFMAP_MAX;
	}
	if ((__u64)st.st_size <= p->pos || p->read_sz >= READ_MAX)
		return 0;
	n = (size_t)st.st_size - p->pos;
	p->read_sz += n;
	text = malloc(n);
	if (!text)
		return -ENOMEM;
	/* the last line may still be in the making, and the file may be shorter by now */
	end = ft_elf_pread_fd(p->fd, st.st_size, text, n, p->pos) ? NULL : memrchr(text, '\n', n);
	if (!end) {
		free(text);
		return 0;
	}
	n = (size_t)(end + 1 - text);
	fit = realloc(text, n);
	err = add_lines(p, fit ? fit : text, n);
	p->pos += n;
	ft_symtab_finish(&p->tab);
	return err ? err : p->tab.next_seq != cnt;
}
