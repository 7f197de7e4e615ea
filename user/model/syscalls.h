/* SPDX-License-Identifier: BSD-2-Clause */
/* System calls as people know them. */
#ifndef FT_MODEL_SYSCALLS_H
#define FT_MODEL_SYSCALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include "ftprof_abi.h"

/* "epoll_wait"; "system call 499" for a number without a name. Always terminated. */
void ft_syscall_name(__u32 nr, char *buf, size_t sz);
/* Whether a sleep in it waits for a child, a signal or another thread: not for I/O or a timer. */
bool ft_syscall_is_idle(__u32 nr);

#endif
