/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Code objects: names, lines. The bytes are a stranger's, copied from a process that runs on.
 */
#ifndef FT_PYTHON_CODE_H
#define FT_PYTHON_CODE_H

#include <linux/types.h>
#include <stddef.h>
#include "base/text.h"
#include "ftprof_abi.h"

/*
 * Appends a string of Python (kind: 1, 2 or 4 bytes a character, in the byte order of the machine)
 * as valid UTF-8 without NUL: a lone surrogate becomes \udc80 (six ASCII characters, as Python's
 * backslashreplace writes it), NUL becomes \x00, a code point that cannot be \U0011ffff. All other
 * characters stay. At most max bytes are added: a longer string loses its middle to "...". `whole`
 * is the number of characters that the string really has: when bytes for fewer are given, "..."
 * stands at the end.
 */
void ft_code_string(const void *bytes, size_t len, int kind, size_t whole, size_t max,
		    struct ft_text *out);

/*
 * The line of an instruction (index in code units) by a line table of 3.11 and later
 * (Objects/locations.md); 0: the table ends before it, is damaged, or says that it has none.
 */
__u32 ft_code_line(const __u8 *table, size_t len, __u32 firstlineno, __u32 at);

/* A code object as user space read it. */
struct ft_code {
	char *name; /* as ft_code_string() makes them; owned */
	char *file;
	__u8 *lines; /* owned */
	size_t lines_len;
	__u32 firstlineno;
};

/*
 * Reads a code object out of a live process; its identity is checked before and after, so that
 * what comes out belongs to `ident`. -ESTALE: something else stands there now; -EFAULT, -ESRCH,
 * -EPERM, -ENOMEM. On error *out is empty.
 */
int ft_code_read(int pid, const struct ft_pylayout *l, __u64 code, __u32 ident,
		 struct ft_code *out);
void ft_code_free(struct ft_code *c); /* NULL is fine; leaves it empty */

#endif
