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
/* ft_code_ranges() of files that are open; libc may be NULL. */
size_t ft_py_code_ranges(const struct ft_runtime *rt, struct ft_elf *py, struct ft_elf *libc,
			 struct ft_code_range *out, size_t max);
/* One range, from link-time addresses; with the register and from where on, for FT_CC_MUTEX. */
void ft_py_fill_range(struct ft_elf *e, __u64 bias, __u64 start, __u64 end, enum ft_code_class cls,
		      struct ft_code_range *r);
/*
 * Adds the functions that spin for a mutex to the cnt ranges that are known, as far as they are
 * not among them: those that have no symbol in a stripped interpreter. The new number, <= max.
 */
size_t ft_py_spinners(struct ft_elf *py, __u64 bias, struct ft_code_range *out, size_t cnt,
		      size_t max);
/*
 * The main interpreter's state. One that is not made yet is where it will be: at the end of
 * _PyRuntime. 0: not known.
 */
__u64 ft_py_main_interp(int pid, const struct ft_runtime *rt);
/* Copies path, usable path, bias of an opened map. 0 or -errno. */
int ft_py_open(int pid, const struct ft_maps *maps, const struct ft_mapping *map,
	       struct ft_pyfile *f, struct ft_elf **elf);

#endif
