/* SPDX-License-Identifier: BSD-2-Clause */
/* What /proc says of a process. */
#include "os/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/array.h"
#include "base/fileio.h"

#define STATUS_MAX (64 * 1024)
#define CHILDREN_MAX (4 * 1024 * 1024)
#define DELETED " (deleted)"

/* A file of /proc that is not there means that its process is not. */
static int gone(int err)
{
	return err == -ENOENT ? -ESRCH : err;
}

__attribute__((format(printf, 3, 4))) static int join(char *buf, size_t sz, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sz, fmt, ap);
	va_end(ap);
	return n < 0 || (size_t)n >= sz ? -ENAMETOOLONG : 0;
}

const char *ft_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Numbers after "Key:"; returns how many. */
static int parse_ids(const char *s, int *ids, int max)
{
	int cnt = 0;

	while (cnt < max) {
		char *end;
		long v = strtol(s, &end, 10);

		if (end == s || v < 0 || v > INT_MAX)
			break;
		ids[cnt++] = (int)v;
		s = end;
	}
	return cnt;
}

static void parse_status_line(const char *key, const char *val, struct ft_proc_status *out)
{
	int id[4];

	if (!strcmp(key, "Name"))
		snprintf(out->name, sizeof(out->name), "%s", val);
	else if (!strcmp(key, "State"))
		out->state = val[0];
	else if (!strcmp(key, "Tgid") && parse_ids(val, id, 1) == 1)
		out->tgid = id[0];
	else if (!strcmp(key, "Pid") && parse_ids(val, id, 1) == 1)
		out->pid = id[0];
	else if (!strcmp(key, "PPid") && parse_ids(val, id, 1) == 1)
		out->ppid = id[0];
	else if (!strcmp(key, "Uid"))
		sscanf(val, "%*u %10u", &out->uid);
	else if (!strcmp(key, "Threads") && parse_ids(val, id, 1) == 1)
		out->threads = id[0];
	else if (!strcmp(key, "NSpid"))
		out->ns_cnt = parse_ids(val, out->nspid, FT_PROC_NS_MAX);
	else if (!strcmp(key, "NStgid"))
		parse_ids(val, out->nstgid, FT_PROC_NS_MAX);
	else if (!strcmp(key, "Cpus_allowed_list") && strlen(val) < sizeof(out->cpus))
		strcpy(out->cpus, val);
}

static int read_status(const char *path, struct ft_proc_status *out)
{
	char *text = NULL, *line, *save = NULL;
	size_t len;
	int err;

	memset(out, 0, sizeof(*out));
	err = ft_read_file(path, STATUS_MAX, &text, &len);
	if (err)
		return gone(err);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *val = strchr(line, ':');

		if (!val)
			continue;
		*val++ = 0;
		val += strspn(val, " \t");
		parse_status_line(line, val, out);
	}
	free(text);
	return out->tgid > 0 && out->pid > 0 ? 0 : -EBADMSG;
}

int ft_proc_status(const char *root, int pid, struct ft_proc_status *out)
{
	char path[PATH_MAX];
	int err = join(path, sizeof(path), "%s/%d/status", root, pid);

	return err ? err : read_status(path, out);
}

int ft_proc_task_status(const char *root, int pid, int tid, struct ft_proc_status *out)
{
	char path[PATH_MAX];
	int err = join(path, sizeof(path), "%s/%d/task/%d/status", root, pid, tid);

	return err ? err : read_status(path, out);
}

/* Reads the beginning of a file, unlike ft_read_file() also when it is longer. */
static ssize_t read_head(const char *path, char *buf, size_t sz)
{
	size_t done = 0;
	int fd, err = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return gone(-errno);
	while (done < sz) {
		ssize_t n = read(fd, buf + done, sz - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = -errno;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	close(fd);
	return err ? gone(err) : (ssize_t)done;
}

int ft_proc_cmdline(const char *root, int pid, char *buf, size_t sz)
{
	char path[PATH_MAX];
	ssize_t n, i;
	int err;

	if (!sz)
		return -EINVAL;
	buf[0] = 0;
	err = join(path, sizeof(path), "%s/%d/cmdline", root, pid);
	if (err)
		return err;
	n = read_head(path, buf, sz - 1);
	if (n < 0) {
		buf[0] = 0;
		return (int)n;
	}
	while (n > 0 && !buf[n - 1])
		n--;
	for (i = 0; i < n; i++) {
		if (!buf[i])
			buf[i] = ' ';
	}
	buf[n] = 0;
	return 0;
}

int ft_proc_comm(const char *root, int pid, int tid, char *buf, size_t sz)
{
	char path[PATH_MAX];
	ssize_t n;
	int err;

	if (!sz)
		return -EINVAL;
	buf[0] = 0;
	err = join(path, sizeof(path), "%s/%d/task/%d/comm", root, pid, tid);
	if (err)
		return err;
	n = read_head(path, buf, sz - 1);
	if (n < 0)
		return (int)n;
	if (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = 0;
	return 0;
}

/* Cuts the kernel's " (deleted)" off. */
static bool cut_deleted(char *path)
{
	size_t len = strlen(path), cut = strlen(DELETED);

	if (len <= cut || strcmp(path + len - cut, DELETED))
		return false;
	path[len - cut] = 0;
	return true;
}

int ft_proc_exe(const char *root, int pid, char *buf, size_t sz, bool *deleted)
{
	char path[PATH_MAX];
	struct stat st;
	ssize_t n;
	int err;

	*deleted = false;
	if (!sz)
		return -EINVAL;
	buf[0] = 0;
	err = join(path, sizeof(path), "%s/%d/exe", root, pid);
	if (err)
		return err;
	n = readlink(path, buf, sz);
	if (n < 0) {
		err = -errno;
		buf[0] = 0;
		/* a kernel thread has the link but nothing behind it */
		if (err == -ENOENT && lstat(path, &st) < 0)
			return -ESRCH;
		return err;
	}
	if ((size_t)n == sz) {
		buf[0] = 0;
		return -ENAMETOOLONG;
	}
	buf[n] = 0;
	*deleted = cut_deleted(buf);
	return 0;
}

/* A number of /proc/PID/stat; the fields are those of proc(5), from 3 on. */
static int stat_field(const char *root, int pid, int want, __u64 *out)
{
	char path[PATH_MAX], buf[2048], *s, *save = NULL;
	ssize_t n;
	int err, field;

	err = join(path, sizeof(path), "%s/%d/stat", root, pid);
	if (err)
		return err;
	n = read_head(path, buf, sizeof(buf) - 1);
	if (n < 0)
		return (int)n;
	buf[n] = 0;
	/* the name may hold anything, also ") ": the last one closes it */
	s = strrchr(buf, ')');
	if (!s)
		return -EBADMSG;
	s = strtok_r(s + 1, " \n", &save);
	for (field = 3; s && field < want; field++)
		s = strtok_r(NULL, " \n", &save);
	if (!s)
		return -EBADMSG;
	errno = 0;
	*out = strtoull(s, NULL, 10);
	return errno ? -errno : 0;
}

int ft_proc_start(const char *root, int pid, __u64 *ticks)
{
	return stat_field(root, pid, 22, ticks);
}

int ft_proc_rss(const char *root, int pid, __u64 *bytes)
{
	__u64 pages;
	int err = stat_field(root, pid, 24, &pages);

	if (!err)
		*bytes = pages * (__u64)sysconf(_SC_PAGESIZE);
	return err;
}

struct ids {
	int *id;
	size_t cnt, cap;
};

static int ids_add(struct ids *l, int id)
{
	int err = ft_array_reserve((void **)&l->id, &l->cap, l->cnt + 1, sizeof(*l->id));

	if (!err)
		l->id[l->cnt++] = id;
	return err;
}

static int by_id(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

/* Hands a list over, sorted and without doubles, or frees it when err. */
static int ids_finish(struct ids *l, int err, int **out, size_t *cnt)
{
	size_t i, n = 0;

	*out = NULL;
	*cnt = 0;
	if (err) {
		free(l->id);
		return err;
	}
	if (l->cnt)
		qsort(l->id, l->cnt, sizeof(*l->id), by_id);
	for (i = 0; i < l->cnt; i++) {
		if (!n || l->id[n - 1] != l->id[i])
			l->id[n++] = l->id[i];
	}
	*out = l->id;
	*cnt = n;
	return 0;
}

/* The entries of a directory that are numbers. */
static int list_numbers(const char *path, int **out, size_t *cnt)
{
	struct ids l = {0};
	struct dirent *d;
	int err = 0;
	DIR *dir;

	*out = NULL;
	*cnt = 0;
	dir = opendir(path);
	if (!dir)
		return gone(-errno);
	for (;;) {
		char *end;
		long v;

		errno = 0;
		d = readdir(dir);
		if (!d) {
			err = gone(-errno);
			break;
		}
		v = strtol(d->d_name, &end, 10);
		if (*end || end == d->d_name || v <= 0 || v > INT_MAX)
			continue;
		err = ids_add(&l, (int)v);
		if (err)
			break;
	}
	closedir(dir);
	return ids_finish(&l, err, out, cnt);
}

int ft_proc_tasks(const char *root, int pid, int **tids, size_t *cnt)
{
	char path[PATH_MAX];
	int err = join(path, sizeof(path), "%s/%d/task", root, pid);

	if (err) {
		*tids = NULL;
		*cnt = 0;
		return err;
	}
	return list_numbers(path, tids, cnt);
}

int ft_proc_pids(const char *root, int **pids, size_t *cnt)
{
	return list_numbers(root, pids, cnt);
}

/* For kernels without CONFIG_PROC_CHILDREN: asks every process for its parent. */
static int children_by_parent(const char *root, int pid, struct ids *l)
{
	struct ft_proc_status st;
	int *pids = NULL, err;
	size_t cnt, i;

	err = ft_proc_pids(root, &pids, &cnt);
	for (i = 0; !err && i < cnt; i++) {
		/* those that vanish meanwhile are no children any more */
		if (ft_proc_status(root, pids[i], &st) == 0 && st.ppid == pid)
			err = ids_add(l, pids[i]);
	}
	free(pids);
	return err;
}

int ft_proc_children(const char *root, int pid, int **pids, size_t *cnt)
{
	struct ids l = {0};
	size_t task_cnt, i, seen = 0;
	int *tids = NULL, err;

	*pids = NULL;
	*cnt = 0;
	err = ft_proc_tasks(root, pid, &tids, &task_cnt);
	if (err)
		return err;
	/* a child stands under the thread that made it */
	for (i = 0; i < task_cnt; i++) {
		char path[PATH_MAX], *text = NULL, *s, *end;
		size_t len;

		err = join(path, sizeof(path), "%s/%d/task/%d/children", root, pid, tids[i]);
		if (err)
			break;
		if (ft_read_file(path, CHILDREN_MAX, &text, &len))
			continue;
		seen++;
		for (s = text; !err; s = end) {
			long v = strtol(s, &end, 10);

			if (end == s || v <= 0 || v > INT_MAX)
				break;
			err = ids_add(&l, (int)v);
		}
		free(text);
		if (err)
			break;
	}
	free(tids);
	if (!err && !seen)
		err = children_by_parent(root, pid, &l);
	return ids_finish(&l, err, pids, cnt);
}

int ft_proc_ns(const char *root, int pid, const char *ns, __u64 *inode)
{
	char path[PATH_MAX], link[128], *s;
	ssize_t n;
	int err;

	err = join(path, sizeof(path), "%s/%d/ns/%s", root, pid, ns);
	if (err)
		return err;
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		return gone(-errno);
	link[n] = 0;
	s = strchr(link, '['); /* "pid:[4026531836]" */
	if (!s)
		return -EBADMSG;
	*inode = strtoull(s + 1, NULL, 10);
	return *inode ? 0 : -EBADMSG;
}
