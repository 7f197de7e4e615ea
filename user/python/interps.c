/* SPDX-License-Identifier: BSD-2-Clause */
/* The interpreters of a process, by their list. */
#include <errno.h>
#include <string.h>
#include "os/mem.h"
#include "python/locknames.h"
#include "python/pypriv.h"

#define INTERP_MAX 4096u

static int read_ptr(int pid, __u64 addr, __u64 *v)
{
	if (!addr || addr & 7)
		return -EFAULT;
	return ft_mem_read(pid, addr, v, sizeof(*v));
}

int ft_interps_find(int pid, const struct ft_runtime *rt, struct ft_interp_range *out, size_t max)
{
	const struct ft_offsets *o = &rt->off;
	size_t cnt = 0, i;
	__u64 interp;
	int err;

	if (rt->no_offsets)
		return -EOPNOTSUPP;
	err = read_ptr(pid, rt->runtime + o->interp_head, &interp);
	if (err)
		return err;
	while (interp && cnt < max && cnt < INTERP_MAX) {
		/* the list runs in a circle only where it is being changed */
		for (i = 0; i < cnt; i++) {
			if (out[i].addr == interp)
				return (int)cnt;
		}
		out[cnt].addr = interp;
		out[cnt].size = o->interp_size;
		/* what cannot be read is no interpreter */
		if (read_ptr(pid, interp + o->interp_next, &interp))
			break;
		cnt++;
	}
	return (int)cnt;
}

__u64 ft_py_main_interp(int pid, const struct ft_runtime *rt)
{
	const struct ft_offsets *o = &rt->off;
	__u64 interp, id, end = rt->runtime + o->runtime_size;
	unsigned int i;

	if (rt->no_offsets || read_ptr(pid, rt->runtime + o->interp_head, &interp))
		return 0;
	/* it is the last field of 3.13's to 3.15's _PyRuntimeState */
	if (!interp)
		return o->interp_size < o->runtime_size ? end - o->interp_size : 0;
	for (i = 0; interp && i < INTERP_MAX; i++) {
		if (read_ptr(pid, interp + o->interp_id, &id))
			return 0;
		if (!id)
			return interp;
		if (read_ptr(pid, interp + o->interp_next, &interp))
			return 0;
	}
	return 0;
}

int ft_gc_runs(int pid, const struct ft_runtime *rt, __u64 runs[3])
{
	/* struct gc_generation_stats: collections, collected, uncollectable */
	__u64 stats[3][3], interp = rt->main_interp;
	__u32 series = rt->hex >> 16;
	int err, i;

	memset(runs, 0, 3 * sizeof(runs[0]));
	if (rt->no_offsets || (series != 0x30d && series != 0x30e) ||
	    rt->off.gc_collecting < sizeof(stats))
		return -EOPNOTSUPP;
	if (!interp)
		interp = ft_py_main_interp(pid, rt);
	if (!interp)
		return -EAGAIN;
	err = ft_mem_read(pid, interp + rt->off.interp_gc + rt->off.gc_collecting - sizeof(stats),
			  stats, sizeof(stats));
	if (err)
		return err;
	for (i = 0; i < 3; i++) {
		/* not a count: the structure is another one */
		if (stats[i][0] >> 48)
			return -EOPNOTSUPP;
	}
	for (i = 0; i < 3; i++)
		runs[i] = stats[i][0];
	return 0;
}
