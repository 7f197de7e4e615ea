// SPDX-License-Identifier: BSD-2-Clause
/* File access with another user's rights. */
#include "base/asuser.h"

#include <errno.h>
#include <sys/fsuid.h>

int ft_as_user_begin(struct ft_as_user *as, bool on, uid_t uid, gid_t gid)
{
	as->on = on;
	if (!on)
		return 0;
	/* setfsuid() returns the old id whether it worked or not: a second call tells */
	as->old_gid = setfsgid(gid);
	as->old_uid = setfsuid(uid);
	if ((uid_t)setfsuid(uid) != uid || (gid_t)setfsgid(gid) != gid) {
		ft_as_user_end(as);
		return -EPERM;
	}
	return 0;
}

void ft_as_user_end(struct ft_as_user *as)
{
	if (!as->on)
		return;
	/* the user first: only root may set the group back */
	setfsuid(as->old_uid);
	setfsgid(as->old_gid);
	as->on = false;
}
