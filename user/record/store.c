// SPDX-License-Identifier: BSD-2-Clause
/* Where live runs keep their sessions. */
#include "record/store.h"

#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/asuser.h"
#include "base/units.h"

#define SUFFIX ".ftprof"
#define LEFTOVER_S 86400 /* a live run saves every two seconds */

int ft_store_find(struct ft_store *s)
{
	const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME"), *uid_s, *gid_s;
	long uid, gid;
	struct passwd *pw;
	int n;

	memset(s, 0, sizeof(*s));
	uid_s = getenv("SUDO_UID");
	gid_s = getenv("SUDO_GID");
	if (!geteuid() && uid_s && gid_s && !ft_parse_long(uid_s, 0, INT_MAX, &uid) &&
	    !ft_parse_long(gid_s, 0, INT_MAX, &gid)) {
		s->own = uid != 0;
		s->uid = uid;
		s->gid = gid;
		if (s->own) {
			/* sudo's own HOME and XDG variables may be root's */
			pw = getpwuid(uid);
			home = pw ? pw->pw_dir : NULL;
			xdg = NULL;
		}
	}
	if ((!xdg || xdg[0] != '/') && (!home || home[0] != '/'))
		return -ENOENT;
	if (xdg && xdg[0] == '/')
		n = snprintf(s->dir, sizeof(s->dir), "%s/ftprof", xdg);
	else
		n = snprintf(s->dir, sizeof(s->dir), "%s/.local/state/ftprof", home);
	return n < (int)sizeof(s->dir) ? 0 : -ENAMETOOLONG;
}

/* mkdir -p with 0700 for what is made. */
static int make_dirs(const char *dir)
{
	char path[PATH_MAX];
	char *p;

	if (snprintf(path, sizeof(path), "%s", dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	for (p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		if (mkdir(path, 0700) && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	return 0;
}

int ft_store_new(const struct ft_store *s, int pid, char *path, size_t sz)
{
	struct ft_as_user as;
	char stamp[32];
	struct tm tm;
	time_t t = time(NULL);
	int err = ft_as_user_begin(&as, s->own, s->uid, s->gid), n = 0;

	if (err)
		return err;
	err = make_dirs(s->dir);
	ft_as_user_end(&as);
	if (err)
		return err;
	if (!localtime_r(&t, &tm) || !strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm))
		return -EINVAL;
	/*
	 * Ours is the last number: two sessions of one process may begin in the same second, and
	 * neither's file has its name before its end. Process ids may be used again, or be those
	 * of another namespace.
	 */
	for (; n < 1000; n++) {
		if (snprintf(path, sz, n ? "%s/%s-%d-%d_%d" SUFFIX : "%s/%s-%d-%d" SUFFIX, s->dir,
			     stamp, pid, getpid(), n) >= (int)sz)
			return -ENAMETOOLONG;
		if (access(path, F_OK))
			return 0;
	}
	return -EEXIST;
}

static int is_session(const struct dirent *d)
{
	size_t len = strlen(d->d_name), suf = strlen(SUFFIX);

	/* no links: in a directory of another user they could lead anywhere */
	if (d->d_type != DT_REG && d->d_type != DT_UNKNOWN)
		return 0;
	return d->d_name[0] != '.' && len > suf && !strcmp(d->d_name + len - suf, SUFFIX);
}

/*
 * The names begin with date and time, so their order is the order in time; within a second it is
 * that of the numbers after it ("_" sorts behind the "." of the name without one).
 */
static int list(const struct ft_store *s, struct dirent ***v)
{
	int n = scandir(s->dir, v, is_session, versionsort);

	return n < 0 ? -errno : n;
}

static void free_list(struct dirent **v, int n)
{
	while (n-- > 0)
		free(v[n]);
	free(v);
}

int ft_store_newest(const struct ft_store *s, char *path, size_t sz)
{
	struct dirent **v = NULL;
	int n = list(s, &v), err = 0;

	if (n < 0)
		return n;
	if (!n)
		err = -ENOENT;
	else if (snprintf(path, sz, "%s/%s", s->dir, v[n - 1]->d_name) >= (int)sz)
		err = -ENAMETOOLONG;
	free_list(v, n);
	return err;
}

static int is_leftover(const struct dirent *d)
{
	return d->d_name[0] != '.' && strstr(d->d_name, SUFFIX ".tmp-") != NULL;
}

/* What a killed run left under its temporary name, once nobody can be writing it any more. */
static void prune_leftovers(const struct ft_store *s)
{
	char path[PATH_MAX + 256];
	struct dirent **v = NULL;
	struct stat st;
	int i, n = scandir(s->dir, &v, is_leftover, NULL);

	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", s->dir, v[i]->d_name);
		if (!lstat(path, &st) && S_ISREG(st.st_mode) &&
		    st.st_mtime + LEFTOVER_S < time(NULL))
			unlink(path);
	}
	if (n >= 0)
		free_list(v, n);
}

int ft_store_prune(const struct ft_store *s, int keep)
{
	char path[PATH_MAX + 256];
	struct dirent **v = NULL;
	struct ft_as_user as;
	int i, n, err = ft_as_user_begin(&as, s->own, s->uid, s->gid);

	if (err)
		return err;
	prune_leftovers(s);
	n = list(s, &v);
	for (i = 0; i < n - keep; i++) {
		snprintf(path, sizeof(path), "%s/%s", s->dir, v[i]->d_name);
		if (unlink(path))
			err = -errno;
	}
	ft_as_user_end(&as);
	if (n < 0)
		return n;
	free_list(v, n);
	return err;
}
