/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where live runs keep their sessions: the XDG state directory of the user who called sudo, the
 * last few files, each capped.
 */
#ifndef FT_RECORD_STORE_H
#define FT_RECORD_STORE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define FT_STORE_KEEP 8			  /* sessions */
#define FT_STORE_MAX_BYTES (256ull << 20) /* of one session */

struct ft_store {
	char dir[PATH_MAX - 64];
	bool own; /* files belong to uid and gid, not to us */
	uid_t uid;
	gid_t gid;
};

/* Finds out whose directory it is. -ENOENT: no home directory is known. */
int ft_store_find(struct ft_store *s);
/*
 * Makes the directory (0700) and a name for a new session in it: date, time and process id. As
 * root for another user this happens with that user's rights, since the directory is theirs: a
 * link planted in it must lead nowhere that they could not write themselves.
 */
int ft_store_new(const struct ft_store *s, int pid, char *path, size_t sz);
/* The newest session. -ENOENT: none. */
int ft_store_newest(const struct ft_store *s, char *path, size_t sz);
/* Removes all but the newest `keep`, and what killed runs left a day ago or longer. */
int ft_store_prune(const struct ft_store *s, int keep);

#endif
