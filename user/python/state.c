/* SPDX-License-Identifier: BSD-2-Clause */
/* The interpreter's state just now: GIL, switch interval, threads; the process keeps running. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "os/mem.h"
#include "python/runtime.h"

#define INTERP_MAX 4096u
#define THREAD_MAX 65536u
#define TRIES 3

struct walk {
	int pid;
	const struct ft_runtime *rt;
	struct ft_pystate *out;
	size_t cap;
	bool any_enabled, any_permanent;
};

static int read_u64(int pid, __u64 addr, __u64 *v)
{
	if (!addr || addr & 7)
		return -EFAULT;
	return ft_mem_read(pid, addr, v, sizeof(*v));
}

static int read_gil(const struct walk *w, __u64 gil, struct ft_pygilinfo *g)
{
	const struct ft_offsets *o = &w->rt->off;
	__u8 buf[256];
	int err;

	if (!gil || gil & 7 || o->gil_size > sizeof(buf))
		return -EFAULT;
	err = ft_mem_read(w->pid, gil, buf, o->gil_size);
	if (err)
		return err;
	memset(g, 0, sizeof(*g));
	g->addr = gil;
	if (o->free_threaded)
		memcpy(&g->enabled, buf + o->gil_enabled, sizeof(g->enabled));
	memcpy(&g->interval_us, buf + o->gil_interval, sizeof(g->interval_us));
	memcpy(&g->last_holder, buf + o->gil_last_holder, sizeof(g->last_holder));
	memcpy(&g->locked, buf + o->gil_locked, sizeof(g->locked));
	memcpy(&g->switch_number, buf + o->gil_switch_number, sizeof(g->switch_number));
	return 0;
}

/* Threads come and go under the walk: a broken link only ends it. */
static int walk_threads(struct walk *w, __u64 interp, __u32 index)
{
	const struct ft_offsets *o = &w->rt->off;
	struct ft_pystate *s = w->out;
	__u64 ts, owner, native;

	if (read_u64(w->pid, interp + o->interp_threads, &ts)) {
		s->torn = true;
		return 0;
	}
	while (ts) {
		int err;

		/* also the end of a list that runs in a circle */
		if (s->thread_cnt == THREAD_MAX || read_u64(w->pid, ts + o->ts_interp, &owner) ||
		    owner != interp || read_u64(w->pid, ts + o->ts_native_id, &native)) {
			s->torn = true;
			return 0;
		}
		err = ft_array_reserve((void **)&s->threads, &w->cap, s->thread_cnt + 1,
				       sizeof(*s->threads));
		if (err)
			return err;
		s->threads[s->thread_cnt].tstate = ts;
		s->threads[s->thread_cnt].tid = native > 0x7fffffff ? 0 : (__u32)native;
		s->threads[s->thread_cnt].interp = index;
		s->thread_cnt++;
		if (read_u64(w->pid, ts + o->ts_next, &ts)) {
			s->torn = true;
			return 0;
		}
	}
	return 0;
}

static int walk_interp(struct walk *w, __u64 interp, __u32 index)
{
	const struct ft_offsets *o = &w->rt->off;
	struct ft_pygilinfo g;
	__u64 gil, id;

	if (read_u64(w->pid, interp + o->interp_gil, &gil) || read_gil(w, gil, &g) ||
	    read_u64(w->pid, interp + o->interp_id, &id)) {
		w->out->torn = true;
	} else {
		if (g.enabled) {
			w->any_enabled = true;
			/* else so many imports of extensions hold it on just now */
			if (g.enabled == INT_MAX)
				w->any_permanent = true;
		}
		if (id == 0)
			w->out->main = g;
	}
	return walk_threads(w, interp, index);
}

static int walk_all(struct walk *w)
{
	const struct ft_offsets *o = &w->rt->off;
	struct ft_pystate *s = w->out;
	__u64 interp;
	int err;

	err = read_u64(w->pid, w->rt->runtime + o->interp_head, &interp);
	if (err)
		return err;
	if (!interp)
		return -EAGAIN;
	while (interp && s->interp_cnt < INTERP_MAX) {
		err = walk_interp(w, interp, s->interp_cnt);
		if (err)
			return err;
		s->interp_cnt++;
		if (read_u64(w->pid, interp + o->interp_next, &interp)) {
			s->torn = true;
			return 0;
		}
	}
	if (interp)
		s->torn = true;
	return 0;
}

static void conclude(struct walk *w)
{
	struct ft_pystate *s = w->out;

	if (s->main.addr && s->main.interval_us <= 0xffffffffull)
		s->switch_interval_us = (__u32)s->main.interval_us;
	if (!w->rt->free_threaded)
		s->gil = FT_PYGIL_ON;
	else if (w->any_enabled)
		s->gil = FT_PYGIL_ENABLED;
	else if (s->main.addr)
		s->gil = FT_PYGIL_OFF;
	s->transient = w->any_enabled && !w->any_permanent;
}

int ft_runtime_state(int pid, const struct ft_runtime *rt, struct ft_pystate *out)
{
	int err = -EINVAL, try;

	memset(out, 0, sizeof(*out));
	if (rt->no_offsets) {
		out->gil = FT_PYGIL_ON; /* every build of those versions has it */
		return -EOPNOTSUPP;
	}
	if (!rt->runtime)
		return err;
	for (try = 0; try < TRIES; try++) {
		struct walk w = {.pid = pid, .rt = rt, .out = out};

		ft_pystate_free(out);
		err = walk_all(&w);
		if (err)
			break;
		conclude(&w);
		if (!out->torn)
			break;
	}
	if (err)
		ft_pystate_free(out);
	return err;
}

void ft_pystate_free(struct ft_pystate *s)
{
	if (!s)
		return;
	free(s->threads);
	memset(s, 0, sizeof(*s));
}
