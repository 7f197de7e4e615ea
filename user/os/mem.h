/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads of another process's memory, without stopping it. */
#ifndef FT_OS_MEM_H
#define FT_OS_MEM_H

#include <linux/types.h>
#include <stddef.h>
#include <sys/uio.h>

/* Copies exactly n bytes. -EFAULT: not (all) mapped; -EPERM; -ESRCH. */
int ft_mem_read(int pid, __u64 addr, void *buf, size_t n);
/*
 * Copies cnt ranges one after another into buf, n bytes in all, by one call of the kernel: what is
 * read stands as close together in time as can be. The errors of ft_mem_read().
 */
int ft_mem_readv(int pid, const struct iovec *remote, size_t cnt, void *buf, size_t n);
/* A NUL-terminated string, at most sz - 1 bytes; longer ones are cut. 0 or -errno. */
int ft_mem_string(int pid, __u64 addr, char *buf, size_t sz);

#endif
