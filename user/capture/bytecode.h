/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies of bytecode. Free-threaded builds from 3.14 on specialise a copy of each function's
 * bytecode for each thread that runs it (Objects/codeobject.c, _Py_GetTLBC), so memory grows with
 * threads times functions. Copies of threads that have ended stay until new threads take them over.
 */
#ifndef FT_CAPTURE_BYTECODE_H
#define FT_CAPTURE_BYTECODE_H

#include <linux/types.h>
#include "capture/stacks.h"
#include "record/findings.h"

struct ft_bytecode {
	__u64 codes;  /* code objects that were read */
	__u64 copies; /* of their bytecode, the one in the code object itself apart */
	__u64 bytes;
	__u64 gone; /* code objects that are not there any more, or are no such: not in the sums */
};

/*
 * Adds one code object of a live process, if `ident` still says so. 0, also when it is gone; -ESRCH
 * when the process is, -EPERM; -EOPNOTSUPP: a build without copies.
 */
int ft_bytecode_add(struct ft_bytecode *b, int pid, const struct ft_pylayout *l, __u64 code,
		    __u32 ident);
/*
 * Counts the copies of all functions that were seen in stacks into f->bytecode_*; some 10 us
 * each. What f had stays when there is nothing to read. 0 or the errors above.
 */
int ft_bytecode_fill(const struct ft_stacker *s, int pid, const struct ft_pylayout *l,
		     struct ft_findings *f);

#endif
