/* SPDX-License-Identifier: BSD-2-Clause */
/* Output files that are whole or not there: a temporary name beside the final one, then rename. */
#ifndef FT_BASE_FILEIO_H
#define FT_BASE_FILEIO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Retries short writes and EINTR. 0 or -errno. */
int ft_write_all(int fd, const void *buf, size_t n);
/* Reads a whole small file (at most max bytes) into a NUL-terminated malloc'ed string. 0 or -errno.
 */
int ft_read_file(const char *path, size_t max, char **out, size_t *len);

struct ft_outfile {
	int fd; /* write here; -1 when not open */
	char *path;
	char *tmp_path;
	bool force;
};

/*
 * Creates the temporary file (0600, O_EXCL, O_NOFOLLOW). -EEXIST when path exists and !force;
 * -ELOOP when path is a symbolic link, forced or not; -EISDIR for a directory.
 */
int ft_outfile_open(struct ft_outfile *f, const char *path, bool force);
/* fsync, rename to the final name (without force never over an existing file). On error the
 * temporary file is gone. */
int ft_outfile_commit(struct ft_outfile *f);
/* Removes the temporary file. Safe on a zeroed or closed one with fd -1. */
void ft_outfile_abort(struct ft_outfile *f);

#endif
