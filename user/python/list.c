/* SPDX-License-Identifier: BSD-2-Clause */
/* The Python processes of this host. */
#include "python/list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/array.h"
#include "base/fileio.h"
#include "python/pypriv.h"

struct lister {
	struct ft_pylist *out;
	struct ft_runtime rt;
	struct ft_proc_status st;
	__u64 own_pid_ns, own_mnt_ns;
};

/* Does the program itself, under whatever name, have the section that CPython keeps its state in?
 */
static bool is_interpreter(int pid)
{
	struct ft_elf *e = NULL;
	char path[32];
	bool yes;

	snprintf(path, sizeof(path), FT_PROC "/%d/exe", pid);
	if (ft_elf_open(path, &e))
		return false;
	yes = !ft_elf_section(e, ".PyRuntime", NULL, NULL);
	ft_elf_close(e);
	return yes;
}

/* Does the process look like Python? Opening every file of the host would take too long. */
static bool likely(int pid, const struct ft_maps *maps)
{
	size_t i;

	for (i = 0; i < maps->cnt; i++) {
		if (maps->map[i].exec && maps->map[i].inode && ft_py_likely(maps->map[i].path))
			return true;
	}
	return maps->cnt && is_interpreter(pid);
}

/* A run of at least 64 hexadecimal digits: the id of a container. */
static const char *find_id(const char *s)
{
	while (*s) {
		size_t n = strspn(s, "0123456789abcdef");

		if (n >= 64)
			return s;
		s += n ? n : 1;
	}
	return NULL;
}

static void container_hint(int pid, struct ft_pyproc *p)
{
	static const char *const words[][2] = {
		{"docker", "docker"},	      {"libpod", "podman"}, {"kubepods", "kubernetes"},
		{"containerd", "containerd"}, {"crio", "cri-o"},    {"lxc", "lxc"},
	};
	char path[64], *text = NULL;
	const char *name = NULL, *id;
	size_t i;

	snprintf(path, sizeof(path), FT_PROC "/%d/cgroup", pid);
	if (!ft_read_file(path, 64 * 1024, &text, NULL)) {
		for (i = 0; i < sizeof(words) / sizeof(words[0]) && !name; i++) {
			if (strstr(text, words[i][0]))
				name = words[i][1];
		}
	}
	id = name ? find_id(text) : NULL;
	if (id)
		snprintf(p->container, sizeof(p->container), "%s %.12s", name, id);
	else if (name)
		snprintf(p->container, sizeof(p->container), "%s", name);
	else if (p->other_mnt_ns || p->other_pid_ns)
		snprintf(p->container, sizeof(p->container), "other namespaces");
	free(text);
}

static void describe(struct lister *l, int pid, struct ft_pyproc *p)
{
	char raw[sizeof(p->cmdline)];
	__u64 ns;

	p->pid = pid;
	p->ppid = l->st.ppid;
	p->uid = l->st.uid;
	p->threads = (__u32)l->st.threads;
	ft_py_safe(p->name, sizeof(p->name), l->st.name);
	if (!ft_proc_cmdline(FT_PROC, pid, raw, sizeof(raw)))
		ft_py_safe(p->cmdline, sizeof(p->cmdline), raw);
	if (ft_proc_start(FT_PROC, pid, &p->start))
		p->start = 0;
	p->other_pid_ns =
		!ft_proc_ns(FT_PROC, pid, "pid", &ns) && l->own_pid_ns && ns != l->own_pid_ns;
	p->other_mnt_ns =
		!ft_proc_ns(FT_PROC, pid, "mnt", &ns) && l->own_mnt_ns && ns != l->own_mnt_ns;
	container_hint(pid, p);
}

/* What can be told without reading memory: the version in a name. */
static void version_by_name(struct ft_pyproc *p, const char *path)
{
	int minor = ft_py_minor_of_path(path);

	if (minor > 0 && !p->version[0])
		snprintf(p->version, sizeof(p->version), "3.%d", minor);
}

static int add(struct lister *l, const struct ft_pyproc *p)
{
	struct ft_pylist *out = l->out;
	int err = ft_array_reserve((void **)&out->proc, &out->cap, out->cnt + 1, sizeof(*p));

	if (!err)
		out->proc[out->cnt++] = *p;
	return err;
}

/* One whose maps may not be read: taken by its name, or counted. */
static int examine_unreadable(struct lister *l, int pid)
{
	struct ft_pyproc p = {0};
	char arg0[256];

	if (ft_proc_cmdline(FT_PROC, pid, arg0, sizeof(arg0)) || !arg0[0])
		return 0; /* gone, or a kernel thread */
	arg0[strcspn(arg0, " ")] = 0;
	if (strncmp(ft_basename(arg0), "python", 6)) {
		l->out->unreadable++;
		return 0;
	}
	describe(l, pid, &p);
	version_by_name(&p, arg0);
	l->out->partial++;
	return add(l, &p);
}

static int examine(struct lister *l, int pid)
{
	struct ft_pystate state = {0};
	struct ft_pyproc p = {0};
	struct ft_maps maps = {0};
	char why[256];
	size_t i;
	int err;

	if (ft_proc_status(FT_PROC, pid, &l->st))
		return 0; /* gone */
	err = ft_proc_maps(FT_PROC, pid, &maps);
	if (err == -EACCES || err == -EPERM)
		return examine_unreadable(l, pid);
	if (err || !likely(pid, &maps)) {
		ft_maps_free(&maps);
		return err == -ENOMEM ? err : 0;
	}
	err = ft_runtime_find(pid, &l->rt, why, sizeof(why));
	if (!err) {
		memcpy(p.version, l->rt.version, sizeof(p.version));
		p.free_threaded = l->rt.free_threaded;
		p.no_offsets = l->rt.no_offsets;
		if (!ft_runtime_state(pid, &l->rt, &state))
			p.py_threads = (__u32)state.thread_cnt;
		p.gil = state.gil;
		ft_pystate_free(&state);
		if (p.no_offsets)
			p.gil = FT_PYGIL_ON;
	} else if (err == -EPERM || err == -EPROTO || err == -EAGAIN) {
		for (i = 0; i < maps.cnt; i++)
			version_by_name(&p, maps.map[i].path);
		l->out->partial++;
	}
	ft_maps_free(&maps);
	if (err == -ENOMEM)
		return err;
	if (err && err != -EPERM && err != -EPROTO && err != -EAGAIN)
		return 0; /* not Python after all, or gone */
	describe(l, pid, &p);
	return add(l, &p);
}

static void count_children(struct ft_pylist *out)
{
	size_t i, j;

	for (i = 0; i < out->cnt; i++) {
		for (j = 0; j < out->cnt; j++)
			out->proc[i].children += out->proc[j].ppid == out->proc[i].pid;
	}
}

int ft_list_python(struct ft_pylist *out)
{
	struct lister *l;
	int *pids = NULL, err;
	size_t cnt, i;

	memset(out, 0, sizeof(*out));
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->out = out;
	if (ft_proc_ns(FT_PROC, getpid(), "pid", &l->own_pid_ns) ||
	    ft_proc_ns(FT_PROC, getpid(), "mnt", &l->own_mnt_ns))
		l->own_pid_ns = l->own_mnt_ns = 0; /* then nothing is called another namespace */
	err = ft_proc_pids(FT_PROC, &pids, &cnt);
	for (i = 0; !err && i < cnt; i++)
		err = examine(l, pids[i]);
	free(pids);
	free(l);
	if (err) {
		ft_pylist_free(out);
		return err;
	}
	count_children(out);
	return 0;
}

void ft_pylist_free(struct ft_pylist *l)
{
	if (!l)
		return;
	free(l->proc);
	memset(l, 0, sizeof(*l));
}
