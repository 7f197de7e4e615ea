/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From what the BPF side knows of stacks (addresses and hashes) to named frames: takes the
 * descriptions out of the rings and the weights out of the kernel's table.
 */
#ifndef FT_CAPTURE_STACKS_H
#define FT_CAPTURE_STACKS_H

#include <stdbool.h>
#include "capture/probe.h"
#include "python/runtime.h"
#include "record/session.h"

struct ft_stacker;

/* Borrows p. With neither native nor kernel frames no symbols are read. 0 or -errno (logged). */
int ft_stacker_new(struct ft_probe *p, bool native, bool kernel, struct ft_stacker **out);
void ft_stacker_free(struct ft_stacker *s); /* NULL is fine */
/* Whose stacks they are; rt must stay. Call again when the process replaced its program. */
void ft_stacker_target(struct ft_stacker *s, int pid, const struct ft_runtime *rt);
/* A stack that user space walked, and its id. 0 or -ENOMEM. */
int ft_stacker_add(struct ft_stacker *s, __u32 target, const struct ft_pyframe *py, int cnt,
		   __u64 *id);
/* Now and then, while the process lives: what it has mapped since. */
void ft_stacker_refresh(struct ft_stacker *s);
/* Takes a FT_EV_STACK or FT_EV_CODE record, as it came. 0, -EBADMSG, -ENOMEM. */
int ft_stacker_record(struct ft_stacker *s, const void *data, size_t len);
/* The node of a stack's id (0: FT_NO_STACK). -ENOENT: not described yet. */
int ft_stacker_node(const struct ft_stacker *s, __u64 id, __u32 *node);
/*
 * Reads the weights. `end`: nothing is counted any more, and after that further ones can be added.
 * 0 or -errno.
 */
int ft_stacker_weights(struct ft_stacker *s, bool end);
int ft_stacker_weight(struct ft_stacker *s, const struct ft_wkey *k, const struct ft_wval *v);
/* Frames, nodes and weights so far; valid until the next call. */
void ft_stacker_view(const struct ft_stacker *s, struct ft_stacks *out);
/*
 * Calls cb for every code object of the target's present program that was seen in stacks: its
 * address and its identity (ft_pw_ident). Non-zero from cb stops and is returned.
 */
typedef int (*ft_stacker_code_cb)(void *ctx, __u64 code, __u32 ident);
int ft_stacker_each_code(const struct ft_stacker *s, ft_stacker_code_cb cb, void *ctx);
/* stacks_*, and the libraries in which native stacks end early, for the session's head. */
void ft_stacker_totals(const struct ft_stacker *s, struct ft_totals *t);
void ft_stacker_cuts(const struct ft_stacker *s, char *buf, size_t sz);

#endif
