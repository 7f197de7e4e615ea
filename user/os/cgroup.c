/* SPDX-License-Identifier: BSD-2-Clause */
/* How many cores a process may use: affinity, cpuset and CPU quota, cgroup v1 and v2. */
#include "os/cgroup.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/fileio.h"
#include "os/procfs.h"

#define TEXT_MAX (1024u * 1024)

struct cpuset {
	bool on[FT_MAX_CPUS];
};

/* "0-3,8,10-11" into *set (added). Bad text is -EBADMSG, cores beyond FT_MAX_CPUS are -ERANGE. */
static int parse_cpus(const char *s, struct cpuset *set)
{
	while (*s && *s != '\n') {
		unsigned long lo, hi;
		char *end;

		if (*s < '0' || *s > '9')
			return -EBADMSG;
		lo = hi = strtoul(s, &end, 10);
		if (*end == '-') {
			s = end + 1;
			if (*s < '0' || *s > '9')
				return -EBADMSG;
			hi = strtoul(s, &end, 10);
		}
		if (hi < lo || (*end && *end != ',' && *end != '\n'))
			return -EBADMSG;
		if (hi >= FT_MAX_CPUS)
			return -ERANGE;
		while (lo <= hi)
			set->on[lo++] = true;
		s = *end == ',' ? end + 1 : end;
	}
	return 0;
}

/* The affinity of every thread is already cut to its cpuset by the kernel. */
static int fill_cpus(const char *root, int pid, struct ft_cores *out)
{
	char path[PATH_MAX], proc[PATH_MAX], *text = NULL;
	struct cpuset set = {0}, online = {0};
	struct ft_proc_status *st = NULL;
	int *tids = NULL, err;
	size_t cnt = 0, i, len;

	if (snprintf(proc, sizeof(proc), "%s/proc", root) >= (int)sizeof(proc) ||
	    snprintf(path, sizeof(path), "%s/sys/devices/system/cpu/online", root) >=
		    (int)sizeof(path))
		return -ENAMETOOLONG;
	st = malloc(sizeof(*st));
	if (!st)
		return -ENOMEM;
	err = ft_proc_tasks(proc, pid, &tids, &cnt);
	if (err)
		goto out;
	for (i = 0; i < cnt; i++) {
		err = ft_proc_task_status(proc, pid, tids[i], st);
		if (err == -ESRCH)
			continue; /* this thread just ended */
		if (!err)
			err = parse_cpus(st->cpus, &set);
		if (err)
			goto out;
	}
	/* the list of a thread that never set its affinity names cores that may be plugged in */
	err = ft_read_file(path, 64 * 1024, &text, &len);
	if (!err)
		err = parse_cpus(text, &online);
	if (err)
		goto out;
	for (i = 0; i < FT_MAX_CPUS; i++) {
		if (set.on[i] && online.on[i])
			out->cpus[out->cnt++] = (__u16)i;
	}
	err = out->cnt ? 0 : -ESRCH;
out:
	free(text);
	free(tids);
	free(st);
	return err;
}

/* Is `name` one of the comma-separated words of `list`? */
static bool has_word(const char *list, const char *name)
{
	size_t n = strlen(name);

	while (list) {
		if (!strncmp(list, name, n) && (list[n] == ',' || !list[n]))
			return true;
		list = strchr(list, ',');
		if (list)
			list++;
	}
	return false;
}

/* mountinfo writes blanks, tabs, newlines and backslashes as three octal digits. */
static void unescape(char *s)
{
	char *d = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*d++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*d++ = *s++;
		}
	}
	*d = 0;
}

struct mount {
	char root[PATH_MAX]; /* the cgroup that the mount point shows */
	char point[PATH_MAX];
};

/* Finds where the v2 tree, or the v1 controller "cpu", is mounted. -ENOENT: nowhere. */
static int find_mount(const char *mountinfo, bool v1, struct mount *out)
{
	const char *line = mountinfo;

	for (; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		char type[16], opts[1024];
		const char *sep = strstr(line, " - "), *eol = strchr(line, '\n');

		if (!sep || (eol && sep > eol))
			continue;
		if (sscanf(line, "%*d %*d %*s %4095s %4095s", out->root, out->point) != 2 ||
		    sscanf(sep, " - %15s %*s %1023s", type, opts) != 2)
			continue;
		unescape(out->root);
		unescape(out->point);
		if (v1 ? !strcmp(type, "cgroup") && has_word(opts, "cpu")
		       : !strcmp(type, "cgroup2"))
			return 0;
	}
	return -ENOENT;
}

/* The number of cores that one cgroup directory allows. -ENOENT: no limit set there. */
static int read_quota(const char *dir, bool v1, double *cores)
{
	char path[PATH_MAX], *text = NULL;
	long long quota = -1, period = 0;
	size_t len;
	int err;

	if (snprintf(path, sizeof(path), "%s/%s", dir, v1 ? "cpu.cfs_quota_us" : "cpu.max") >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	err = ft_read_file(path, 256, &text, &len);
	if (err)
		return err;
	if (!v1 && sscanf(text, "%18lld %18lld", &quota, &period) != 2)
		quota = -1; /* "max 100000" */
	if (v1 && sscanf(text, "%18lld", &quota) != 1)
		quota = -1;
	free(text);
	if (quota <= 0)
		return -ENOENT;
	if (v1) {
		if (snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", dir) >= (int)sizeof(path))
			return -ENAMETOOLONG;
		err = ft_read_file(path, 256, &text, &len);
		if (err)
			return err;
		if (sscanf(text, "%18lld", &period) != 1)
			period = 0;
		free(text);
	}
	if (period <= 0)
		return -EBADMSG;
	*cores = (double)quota / (double)period;
	return 0;
}

/* The cgroup's path below the mount point. -EXDEV: not shown by this mount. */
static int below_mount(const struct mount *m, const char *cg, const char **rest)
{
	size_t n = strlen(m->root);

	/* "/../x": outside our cgroup namespace */
	if (cg[0] != '/' || strstr(cg, "/../") ||
	    (strlen(cg) >= 3 && !strcmp(cg + strlen(cg) - 3, "/..")))
		return -EXDEV;
	if (n == 1) {
		*rest = cg[1] ? cg : "";
		return 0;
	}
	if (strncmp(cg, m->root, n) || (cg[n] && cg[n] != '/'))
		return -EXDEV;
	*rest = cg + n;
	return 0;
}

/* Goes from the process's cgroup up to the root of the tree and keeps the tightest quota. */
static int walk_up(const char *root, const char *mountinfo, const char *cg, bool v1,
		   struct ft_cores *out)
{
	char dir[2 * PATH_MAX];
	struct mount *m;
	const char *rest;
	size_t base;
	int err, n;

	m = malloc(sizeof(*m));
	if (!m)
		return -ENOMEM;
	err = find_mount(mountinfo, v1, m);
	if (!err)
		err = below_mount(m, cg, &rest);
	if (err)
		goto out;
	err = -ENAMETOOLONG;
	n = snprintf(dir, sizeof(dir), "%s%s", root, m->point);
	if (n < 0 || (size_t)n >= sizeof(dir))
		goto out;
	base = (size_t)n;
	n = snprintf(dir + base, sizeof(dir) - base, "%s", rest);
	if (n < 0 || (size_t)n >= sizeof(dir) - base)
		goto out;
	for (;;) {
		double cores;
		char *slash;

		err = read_quota(dir, v1, &cores);
		if (err && err != -ENOENT)
			goto out;
		if (!err && (!out->quota || cores < out->quota)) {
			out->quota = cores;
			out->v1 = v1;
			snprintf(out->quota_from, sizeof(out->quota_from), "%s of %.200s",
				 v1 ? "cpu.cfs_quota_us" : "cpu.max", dir[base] ? dir + base : "/");
			if (snprintf(out->stat_path, sizeof(out->stat_path), "%s/cpu.stat", dir) >=
			    (int)sizeof(out->stat_path))
				out->stat_path[0] = 0;
		}
		slash = strrchr(dir + base, '/');
		if (!slash)
			break;
		*slash = 0;
	}
	err = 0;
out:
	free(m);
	return err;
}

static int fill_quota(const char *root, int pid, struct ft_cores *out)
{
	char path[PATH_MAX], *mountinfo = NULL, *text = NULL, *line, *save = NULL;
	const char *v1 = NULL, *v2 = NULL;
	size_t len;
	int err;

	snprintf(path, sizeof(path), "%s/proc/%d/cgroup", root, pid);
	err = ft_read_file(path, TEXT_MAX, &text, &len);
	if (err == -ENOENT)
		err = -ESRCH;
	if (err)
		goto out;
	snprintf(path, sizeof(path), "%s/proc/self/mountinfo", root);
	err = ft_read_file(path, 16 * TEXT_MAX, &mountinfo, &len);
	if (err)
		goto out;
	/*
	 * "4:cpu,cpuacct:/a/b" for v1, "0::/a/b" for v2. A hybrid host has both, but a controller
	 * is in one tree only.
	 */
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *ctrl = strchr(line, ':'), *cg = ctrl ? strchr(ctrl + 1, ':') : NULL;

		if (!cg)
			continue;
		*ctrl++ = 0;
		*cg++ = 0;
		if (*ctrl && has_word(ctrl, "cpu"))
			v1 = cg;
		else if (!*ctrl)
			v2 = cg;
	}
	if (v1 || v2)
		err = walk_up(root, mountinfo, v1 ? v1 : v2, v1 != NULL, out);
out:
	free(mountinfo);
	free(text);
	return err;
}

int ft_cgroup_cores_at(const char *root, int pid, struct ft_cores *out)
{
	int err;

	memset(out, 0, sizeof(*out));
	err = fill_cpus(root, pid, out);
	if (err)
		return err;
	err = fill_quota(root, pid, out);
	if (err == -ESRCH)
		return err;
	if (err)
		out->quota_unknown = true; /* no cgroups, or not shown to us */
	return 0;
}

int ft_cgroup_cores(int pid, struct ft_cores *out)
{
	return ft_cgroup_cores_at("", pid, out);
}

int ft_cgroup_throttled(const struct ft_cores *c, __u64 *ns)
{
	const char *key = c->v1 ? "throttled_time " : "throttled_usec ";
	char *text = NULL, *s;
	size_t len;
	int err;

	*ns = 0;
	if (!c->stat_path[0])
		return 0;
	err = ft_read_file(c->stat_path, TEXT_MAX, &text, &len);
	if (err)
		return err;
	err = -ENOENT;
	for (s = text; s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL) {
		if (strncmp(s, key, strlen(key)))
			continue;
		*ns = strtoull(s + strlen(key), NULL, 10) * (c->v1 ? 1 : 1000);
		err = 0;
		break;
	}
	free(text);
	return err;
}
