/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Places in a free-threaded interpreter that the passive engine cannot do without: where the world
 * is stopped and started, where the return of the GIL is told, which code spins or changes shared
 * reference counts; and what stands where in its memory.
 */
#ifndef FT_PYTHON_FTSITES_H
#define FT_PYTHON_FTSITES_H

#include "python/sites.h"

enum ft_ftsite_kind {
	FT_FTSITE_STOP = 0,  /* entry of stop_the_world(struct _stoptheworld_state *) */
	FT_FTSITE_START = 1, /* entry of start_the_world(the same) */
	FT_FTSITE_WARN = 2,  /* entry of PyErr_WarnFormat(category, level, fmt, module name...) */
	FT_FTSITE_CNT = 3,
};

struct ft_ftsites {
	struct ft_site site[FT_FTSITE_CNT]; /* site.kind is an enum ft_ftsite_kind */
	bool found[FT_FTSITE_CNT];
	char missing[FT_FTSITE_CNT][160]; /* one sentence, or empty */
	__u64 interp_stw; /* stoptheworld in PyInterpreterState, bytes; 0: not known */
};

/*
 * By symbol; in a stripped build stop_the_world and start_the_world as what the exported
 * _PyEval_StopTheWorld and _PyEval_StartTheWorld jump to (3.14; 3.13 hides those too).
 * -EOPNOTSUPP on a build with a GIL; else 0, also when nothing was found. One sentence in why.
 */
int ft_ftsites_find(int pid, const struct ft_runtime *rt, struct ft_ftsites *out, char *why,
		    size_t why_sz);

/* The same form as ft_site_describe(). */
char *ft_ftsite_describe(const struct ft_site *s, char *buf, size_t sz);

/*
 * Which functions' code means what under a tick (enum ft_code_class), by symbol, from .symtab, a
 * debug file, .gnu_debugdata or the dynamic symbols; FT_CC_MUTEX with the register that holds the
 * mutex, decoded from the function's first instructions. Run-time addresses. The number of ranges.
 */
size_t ft_code_ranges(const struct ft_runtime *rt, struct ft_code_range *out, size_t max);

/* The number of the register that a function's first argument (rdi) is moved to near its
 * beginning, FT_REG_NONE when it cannot be told; *behind: bytes to the instruction after that. */
__u32 ft_arg_register(const __u8 *code, size_t n, __u32 *behind);

/* Who asked for a pause: by the name of the function that called stop_the_world (through inlined
 * or tail-called helpers). The values of enum ft_pause_cause (record/findings.h); 0: other. */
__u32 ft_pause_cause_of(const char *func);

#endif
