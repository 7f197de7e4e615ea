/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared inside this folder only. */
#ifndef FT_PYTHON_PYPRIV_H
#define FT_PYTHON_PYPRIV_H

#include "os/elf.h"
#include "os/procfs.h"
#include "python/runtime.h"

/* A stranger's bytes made printable, cut between characters to fit. Returns dst. */
char *ft_py_safe(char *dst, size_t sz, const char *s);
/*
 * The minor version N from "libpython3.N.so", ".../python3.N" or ".../python3.N/...", else -1;
 * 0 for Python 2.
 */
int ft_py_minor_of_path(const char *path);
/* Can the mapped file of this name hold an interpreter, going by its name? */
bool ft_py_likely(const char *path);
/* Fills the run-time range of a function, false if there is no such symbol or it has no length. */
bool ft_py_range(struct ft_elf *e, __u64 bias, const char *name, struct ft_range *out);
/* Copies path, usable path, bias of an opened map. 0 or -errno. */
int ft_py_open(int pid, const struct ft_maps *maps, const struct ft_map *map, struct ft_pyfile *f,
	       struct ft_elf **elf);

#endif
