/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole files in, whole files out. */
#include "base/fileio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"

int ft_write_all(int fd, const void *buf, size_t n)
{
	const char *p = buf;
	ssize_t done;

	while (n) {
		done = write(fd, p, n);
		if (done < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (!done)
			return -EIO;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

/* Reads fd to its end into *buf, growing it. /proc files say a size of 0, so none is believed. */
static int read_to_end(int fd, size_t max, char **buf, size_t *len)
{
	void *p = NULL;
	size_t cap = 0, used = 0;
	ssize_t n;
	int err;

	for (;;) {
		if (cap - used < 2) {
			err = ft_array_reserve(&p, &cap, used + 4096, 1);
			if (err)
				goto out;
		}
		n = read(fd, (char *)p + used, cap - used - 1);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			err = -errno;
			goto out;
		}
		if (!n)
			break;
		used += (size_t)n;
		if (used > max) {
			err = -EFBIG;
			goto out;
		}
	}
	((char *)p)[used] = 0;
	*buf = p;
	*len = used;
	return 0;
out:
	free(p);
	return err;
}

int ft_read_file(const char *path, size_t max, char **out, size_t *len)
{
	size_t used = 0;
	struct stat st;
	int fd, err;

	*out = NULL;
	/* O_NONBLOCK: the path may lead into a container, where a FIFO could hang us */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st)) {
		err = -errno;
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		err = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
		goto out;
	}
	err = read_to_end(fd, max, out, &used);
	if (!err && len)
		*len = used;
out:
	close(fd);
	return err;
}

/* Whether path may become the output: 0 or -errno. */
static int check_target(const char *path, bool force)
{
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (S_ISLNK(st.st_mode))
		return -ELOOP;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!force)
		return -EEXIST;
	/* a rename would put a plain file in the place of a device or a FIFO */
	return S_ISREG(st.st_mode) ? 0 : -EINVAL;
}

static void release(struct ft_outfile *f)
{
	free(f->path);
	free(f->tmp_path);
	f->path = NULL;
	f->tmp_path = NULL;
	f->fd = -1;
}

int ft_outfile_open(struct ft_outfile *f, const char *path, bool force)
{
	static const char suffix[] = ".tmp-XXXXXX";
	size_t n = strlen(path);
	int err;

	memset(f, 0, sizeof(*f));
	f->fd = -1;
	f->force = force;
	if (!n)
		return -ENOENT;
	err = check_target(path, force);
	if (err)
		return err;
	f->path = malloc(n + 1);
	f->tmp_path = malloc(n + sizeof(suffix));
	if (!f->path || !f->tmp_path) {
		release(f);
		return -ENOMEM;
	}
	memcpy(f->path, path, n + 1);
	memcpy(f->tmp_path, path, n);
	memcpy(f->tmp_path + n, suffix, sizeof(suffix));
	/* O_EXCL, which follows no link in the last component, and 0600 */
	f->fd = mkostemp(f->tmp_path, O_CLOEXEC | O_NOFOLLOW);
	if (f->fd < 0) {
		err = -errno;
		release(f);
		return err;
	}
	return 0;
}

/* rename that fails on an existing name, also where the file system lacks RENAME_NOREPLACE. */
static int rename_noreplace(const char *from, const char *to)
{
	if (!renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE))
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (link(from, to))
		return -errno;
	if (unlink(from))
		return -errno;
	return 0;
}

/* The name is on disk only with its directory. Not every file system can; the data is safe. */
static void sync_dir(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir;
	int fd;

	if (!slash) {
		fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	} else {
		dir = malloc((size_t)(slash - path) + 2);
		if (!dir)
			return;
		memcpy(dir, path, (size_t)(slash - path) + 1);
		dir[slash - path + 1] = 0;
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		free(dir);
	}
	if (fd < 0)
		return;
	(void)fsync(fd);
	close(fd);
}

int ft_outfile_commit(struct ft_outfile *f)
{
	int err = 0;

	if (f->fd < 0)
		return -EBADF;
	if (fsync(f->fd))
		err = -errno;
	if (close(f->fd) && !err)
		err = -errno;
	f->fd = -1;
	if (err)
		goto out;
	if (f->force) {
		err = check_target(f->path, true);
		if (!err && rename(f->tmp_path, f->path))
			err = -errno;
	} else {
		err = rename_noreplace(f->tmp_path, f->path);
	}
	if (!err)
		sync_dir(f->path);
out:
	if (err)
		unlink(f->tmp_path);
	release(f);
	return err;
}

void ft_outfile_abort(struct ft_outfile *f)
{
	if (!f || !f->tmp_path)
		return;
	if (f->fd >= 0)
		close(f->fd);
	unlink(f->tmp_path);
	release(f);
}
