// SPDX-License-Identifier: BSD-2-Clause
/* The tables of the BPF programs: sums, weights of stacks, and what user space tells them. */
#include "capture/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "ftprof.skel.h"

#include "base/log.h"
#include "capture/probe_priv.h"
#include "ftprof_state.h"

int ft_probe_reserve_weights(struct ft_probe *p)
{
	struct ft_wval v = {};
	int kind, err;

	for (kind = 0; p->opts.stack_hz && kind < FT_SK_CNT; kind++) {
		struct ft_wkey k = {.kind = kind};

		/* what the programs counted since the table was emptied stays */
		err = bpf_map__update_elem(p->skel->maps.weights, &k, sizeof(k), &v, sizeof(v),
					   BPF_NOEXIST);
		if (err && err != -EEXIST)
			return ft_err(err, "cannot set up the table of stacks: %s", strerror(-err));
	}
	return 0;
}

int ft_probe_counters(struct ft_probe *p, struct ft_sums *out)
{
	struct ft_sums *v = calloc(p->cpu_cnt, sizeof(*v));
	__u32 i, zero = 0;
	int c, err = 0;

	memset(out, 0, sizeof(*out));
	if (!v)
		return -ENOMEM;
	if (bpf_map__lookup_elem(p->skel->maps.sums, &zero, sizeof(zero), v,
				 p->cpu_cnt * sizeof(*v), 0))
		err = -errno;
	for (c = 0; !err && c < p->cpu_cnt; c++) {
		for (i = 0; i < FT_CN_CNT; i++)
			out->cnt[i] += v[c].cnt[i];
		out->lost_parallel_ns += v[c].lost_parallel_ns;
		out->wait_any_ns += v[c].wait_any_ns;
	}
	free(v);
	return err;
}

int ft_probe_sums(struct ft_probe *p, struct ft_probe_sums *out)
{
	struct ft_times *v = calloc(p->cpu_cnt, sizeof(*v));
	__u32 i, zero = 0;
	int c, err;

	memset(out, 0, sizeof(*out));
	if (!v)
		return -ENOMEM;
	err = ft_probe_counters(p, &out->sums);
	if (!err && bpf_map__lookup_elem(p->skel->maps.times, &zero, sizeof(zero), v,
					 p->cpu_cnt * sizeof(*v), 0))
		err = -errno;
	for (c = 0; !err && c < p->cpu_cnt; c++) {
		for (i = 0; i <= FT_MAX_CPUS; i++)
			out->level_ns[i] += v[c].level_ns[i];
		for (i = 0; i < FT_MAX_SYSCALLS; i++)
			out->syscall_ns[i] += v[c].syscall_ns[i];
	}
	memcpy(out->hist, p->hists, sizeof(out->hist));
	free(v);
	return err;
}

int ft_probe_tstates(struct ft_probe *p, const __u32 *ns_tids, const __u64 *addrs, size_t cnt)
{
	size_t i;

	for (i = 0; p->opts.stack_hz && i < cnt; i++)
		if (bpf_map__update_elem(p->skel->maps.tstates, &ns_tids[i], sizeof(*ns_tids),
					 &addrs[i], sizeof(*addrs), BPF_ANY))
			return -errno;
	return 0;
}

__u16 ft_probe_program(const struct ft_probe *p)
{
	return p->skel->bss->program_no & 0xff;
}

int ft_probe_sleeper(struct ft_probe *p, __u32 slot, const struct ft_sleeper *s)
{
	if (bpf_map__update_elem(p->skel->maps.sleepers, &slot, sizeof(slot), s, sizeof(*s),
				 BPF_ANY))
		return -errno;
	return 0;
}

int ft_probe_weights(struct ft_probe *p, bool take,
		     int (*cb)(void *ctx, const struct ft_wkey *k, const struct ft_wval *v),
		     void *ctx)
{
	struct bpf_map *map = p->skel->maps.weights;
	struct ft_wkey key, next;
	struct ft_wval v;
	int err = 0, n = 0;
	bool more;

	if (!p->opts.stack_hz)
		return 0;
	more = !bpf_map__get_next_key(map, NULL, &key, sizeof(key));
	while (more && !err) {
		/* before the key is gone: there would be no way on from it */
		more = !bpf_map__get_next_key(map, &key, &next, sizeof(next));
		if (take)
			err = bpf_map__lookup_and_delete_elem(map, &key, sizeof(key), &v, sizeof(v),
							      0);
		else
			err = bpf_map__lookup_elem(map, &key, sizeof(key), &v, sizeof(v), 0);
		if (!err)
			err = cb(ctx, &key, &v);
		else if (err == -ENOENT)
			err = 0;
		key = next;
		n++;
	}
	if (!err && take)
		err = ft_probe_reserve_weights(p);
	return err ?: n;
}

__u64 ft_probe_gil_wait(struct ft_probe *p, __u32 target, __u32 gil, __u64 now)
{
	__u32 key = target * FT_MAX_GILS + gil;
	struct ft_gil_wait w;
	__u64 ns;

	if (bpf_map__lookup_elem(p->skel->maps.gil_waits, &key, sizeof(key), &w, sizeof(w), 0))
		return 0;
	ft_gw_next(w.word, now, 0, &ns);
	return w.sum_ns + ns;
}
