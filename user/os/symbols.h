/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of native addresses of one process, and of the kernel's: ELF symbols and lines by libdw
 * (with separate debug files), /tmp/perf-PID.map for code made at run time, /proc/kallsyms. Every
 * file is a stranger's.
 */
#ifndef FT_OS_SYMBOLS_H
#define FT_OS_SYMBOLS_H

#include <linux/types.h>
#include <stdbool.h>

struct ft_symbols;

struct ft_symbol {
	const char *name;   /* of the function, C++ and Rust demangled; "" when not known */
	const char *file;   /* path of the mapped file as the process sees it, "[vdso]", "[kernel]",
			     * the module in brackets, "" for memory without a file */
	const char *source; /* source file by DWARF, "" when not known */
	__u32 line;	    /* in `source`, 0: not known */
	__u64 offset;	    /* of the address in `file` (link-time), for what has no name */
	bool eval;	    /* the interpreter's eval loop, also its cold part and clones */
	bool root;	    /* where a thread begins: nothing calls it */
};

/* Reads what the process maps now. 0 or -errno (-ESRCH, -EPERM, -ENOMEM). */
int ft_symbols_new(int pid, struct ft_symbols **out);
/*
 * Reads the maps again; what was known before is kept and its files stay open, so that addresses
 * can be named after the process is gone. Returns 1 when there was something new, 0, or -errno.
 */
int ft_symbols_refresh(struct ft_symbols *s);
/* Tells where the interpreter's eval loop is, for a stripped binary (0, 0: by symbol alone). */
void ft_symbols_set_eval(struct ft_symbols *s, __u64 lo, __u64 hi);
/*
 * Names a user address. `call`: it is a return address, so the instruction before it counts. The
 * strings are valid until ft_symbols_free(); any bytes but NUL, of any length. An address that
 * nothing is known of has empty strings: 0. -ENOMEM.
 */
int ft_symbols_user(struct ft_symbols *s, __u64 addr, bool call, struct ft_symbol *out);
/* Names a kernel address (`call` as above). -EPERM when the kernel shows no addresses. */
int ft_symbols_kernel(struct ft_symbols *s, __u64 addr, bool call, struct ft_symbol *out);
/* Counts by cause, for the report: files that could not be used. */
struct ft_symbols_stats {
	__u32 files;
	__u32 unreadable; /* cannot be opened, or is another file by now */
	__u32 malformed;  /* not ELF, truncated, or beyond the limits */
	__u32 stripped;	  /* dynamic symbols only */
	__u32 perf_lines; /* of the perf map that were not understood */
};
void ft_symbols_stats(const struct ft_symbols *s, struct ft_symbols_stats *out);
void ft_symbols_free(struct ft_symbols *s); /* NULL is fine */

#endif
