/* SPDX-License-Identifier: BSD-2-Clause */
/* Names for what the BPF side numbered: locks and the causes of pauses, while the process lives. */
#ifndef FT_CAPTURE_NAMING_H
#define FT_CAPTURE_NAMING_H

#include "capture/probe.h"
#include "python/runtime.h"
#include "record/findings.h"

struct ft_naming;

int ft_naming_new(struct ft_naming **out); /* 0 or -ENOMEM */
void ft_naming_free(struct ft_naming *n);  /* NULL is fine */
/* Whose they are; rt must stay. Call again when the process replaced its program. */
void ft_naming_target(struct ft_naming *n, int pid, const struct ft_runtime *rt);
/*
 * Names those of the tables that are new since the last call: now and then, while the process is
 * there. What cannot be named then keeps its address.
 */
void ft_naming_poll(struct ft_naming *n, const struct ft_lock *locks,
		    const struct ft_pause *pauses);
/* The name and owner of one lock, as struct ft_lock_rec has them. */
void ft_naming_lock(const struct ft_naming *n, __u32 id, const struct ft_lock *l,
		    struct ft_lock_rec *out);
/* The cause and the asking function. */
void ft_naming_pause(const struct ft_naming *n, __u32 id, const struct ft_pause *p,
		     struct ft_pause_rec *out);

#endif
