/* SPDX-License-Identifier: BSD-2-Clause */
/* On-core time that goes on reference counts which several threads change. */
#ifndef FT_MODEL_SHARING_H
#define FT_MODEL_SHARING_H

#include "model/model.h"
#include "model/place.h"
#include "record/findings.h"

/*
 * A type whose objects are counted by locked instructions, in one function; site is its line with
 * the most of it. An object that one thread made and one other thread uses is counted so, too: that
 * costs, and scales. `hot_ns` is the part of objects that several threads use.
 */
struct ft_mshare {
	char name[96]; /* of the type, empty: not known */
	char site[FT_PLACE_LEN];
	__u64 ns; /* estimated */
	__u64 hot_ns;
	__u64 cnt;   /* samples behind ns */
	__u32 frame; /* of site, FT_NO_STACK: none */
};

struct ft_sharing {
	struct ft_mshare *row; /* most hot_ns first */
	size_t cnt;
	/* parts of the time on cores, by ticks; *_err: how far they can be off, 99 % */
	__u64 shared_ns, shared_err_ns; /* locks' cache lines are in it */
	__u64 hot_ns;			/* of it: of objects that several threads use */
	__u64 merge_ns;			/* queued decrements, and their merging */
	__u64 delayed_ns;		/* frees that wait until no thread can look */
	__u64 gc_ns, gc_err_ns;		/* collecting garbage */
	__u64 ticks;			/* that they come from */
};

/* The time on cores of a class of code, and of garbage collection. */
void ft_sharing_times(const struct ft_model *m, struct ft_sharing *out);
/*
 * Rows that add up to at most `ns`, the part of shared_ns that is no lock's. f and s may be NULL.
 * 0 or -ENOMEM, and then there are no rows.
 */
int ft_sharing_rows(const struct ft_findings *f, const struct ft_stacks *s, __u64 ns,
		    struct ft_sharing *out);
void ft_sharing_free(struct ft_sharing *sh); /* NULL is fine */

#endif
