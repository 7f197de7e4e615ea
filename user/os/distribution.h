/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which installed distribution a file of a process belongs to, by what installers leave beside it:
 * NAME-VERSION.dist-info with its RECORD of files (PEP 376, PEP 627). Everything is looked up below
 * the root of the process, links included.
 */
#ifndef FT_OS_DISTRIBUTION_H
#define FT_OS_DISTRIBUTION_H

#include <stddef.h>

struct ft_dists;

/* Of the process `pid` of that /proc (FT_PROC, or a fixture). 0 or -errno. */
int ft_dists_open(const char *proc, int pid, struct ft_dists **out);
void ft_dists_close(struct ft_dists *d); /* NULL is fine */
/*
 * "numpy 2.3.4" for an absolute path of a file whose name contains ".so"; a stranger's bytes. Asked
 * again it answers from memory. -ENOENT, and buf is empty: no distribution says that the file is
 * its own (an editable install, files that a package of the system or nobody wrote down).
 */
int ft_dists_owner(struct ft_dists *d, const char *path, char *buf, size_t sz);

#endif
