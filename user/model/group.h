/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads with like names as one row. */
#ifndef FT_MODEL_GROUP_H
#define FT_MODEL_GROUP_H

#include "model/model.h"

/*
 * The part of a thread's name that the threads of one pool share: digits and punctuation at the
 * end are dropped, and the number in "Thread-7 (worker)" too. key has room for sz bytes (32 is
 * always enough). Returns whether the name is as long as the kernel keeps them, so that its end
 * may be missing.
 */
bool ft_group_key(const char *name, char *key, size_t sz);
/*
 * Sorts m->threads by group, heaviest group first and heaviest thread first within it, and fills
 * m->groups. `label_native`: threads that ran and were never seen with a GIL are called native.
 * 0 or -ENOMEM.
 */
int ft_group_build(struct ft_model *m, bool label_native);

#endif
