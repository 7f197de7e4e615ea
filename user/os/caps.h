/* SPDX-License-Identifier: BSD-2-Clause */
/* Which capabilities this process has of those that a live session needs. */
#ifndef FT_OS_CAPS_H
#define FT_OS_CAPS_H

#include <stdbool.h>
#include <stddef.h>

struct ft_caps {
	bool bpf;
	bool perfmon;
	bool sys_ptrace;
	bool sys_admin;
	bool sys_resource;
};

int ft_caps_get(struct ft_caps *out);
/* Whether a live session can start: BPF and PERFMON (or SYS_ADMIN), and SYS_PTRACE. */
bool ft_caps_enough(const struct ft_caps *c);
/*
 * One sentence that names what is missing and the remedy, empty when nothing is. `again` is what
 * to run with more rights, such as "ftprof -p 12". Returns buf.
 */
char *ft_caps_explain(const struct ft_caps *c, const char *again, char *buf, size_t sz);

#endif
