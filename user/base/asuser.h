/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * File access with another user's rights, for files in directories that are theirs: as root we
 * could be led anywhere by a link.
 */
#ifndef FT_BASE_ASUSER_H
#define FT_BASE_ASUSER_H

#include <stdbool.h>
#include <sys/types.h>

struct ft_as_user {
	bool on;
	uid_t old_uid;
	gid_t old_gid;
};

/* `on` false: does nothing. 0 or -errno. Only the calling thread changes, and only for files. */
int ft_as_user_begin(struct ft_as_user *as, bool on, uid_t uid, gid_t gid);
void ft_as_user_end(struct ft_as_user *as);

#endif
