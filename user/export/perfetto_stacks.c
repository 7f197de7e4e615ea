/* SPDX-License-Identifier: BSD-2-Clause */
/* Stacks of a Perfetto trace, each written when it is first used, and samples that name them. */
#include "export/perfetto_priv.h"

#include <perfetto.pb-c.h>
#include <string.h>

#include "base/array.h"
#include "export/export.h"

#define MODE_KERNEL 1
#define MODE_USER 2
#define NS_PER_S 1000000000ull

static bool told(__u8 *bits, __u32 i)
{
	bool was = bits[i / 8] & 1u << i % 8;

	bits[i / 8] |= (__u8)(1u << i % 8);
	return was;
}

/* A file or library stands for the mapping, which a frame must have; "" for none. */
static __u64 mapping(struct ft_pf *pf, const char *file)
{
	Ft__Perfetto__InternedString path = FT__PERFETTO__INTERNED_STRING__INIT, *paths[] = {&path};
	Ft__Perfetto__Mapping map = FT__PERFETTO__MAPPING__INIT, *maps[] = {&map};
	Ft__Perfetto__InternedData data = FT__PERFETTO__INTERNED_DATA__INIT;
	Ft__Perfetto__TracePacket p = FT__PERFETTO__TRACE_PACKET__INIT;
	size_t before = pf->files.cnt;
	uint64_t iid;
	__u32 no;

	pf->err = ft_strset_add(&pf->files, file, strlen(file), &no);
	if (pf->err)
		return 0;
	iid = (uint64_t)no + 1;
	if (pf->files.cnt == before)
		return iid;
	path.has_iid = path.has_str = true;
	path.iid = iid;
	path.str.data = (uint8_t *)pf->files.v[no].s;
	path.str.len = pf->files.v[no].len;
	map.has_iid = true;
	map.iid = iid;
	map.path_string_ids = &iid;
	map.n_path_string_ids = 1;
	data.mapping_paths = paths;
	data.n_mapping_paths = 1;
	data.mappings = maps;
	data.n_mappings = 1;
	p.interned_data = &data;
	ft_pf_put(pf, &p.base);
	return iid;
}

static void put_frame(struct ft_pf *pf, __u32 no)
{
	Ft__Perfetto__InternedString name = FT__PERFETTO__INTERNED_STRING__INIT, *names[] = {&name};
	Ft__Perfetto__Frame frame = FT__PERFETTO__FRAME__INIT, *frames[] = {&frame};
	Ft__Perfetto__InternedData data = FT__PERFETTO__INTERNED_DATA__INIT;
	const struct ft_frame *fr = &pf->stacks->frame[no];
	Ft__Perfetto__TracePacket p = FT__PERFETTO__TRACE_PACKET__INIT;
	struct ft_text label = {0};

	frame.mapping_id = mapping(pf, fr->file);
	ft_frame_label(fr, &label);
	if (!pf->err)
		pf->err = label.err;
	if (!pf->err) {
		name.has_iid = name.has_str = true;
		name.iid = (uint64_t)no + 1;
		name.str.data = (uint8_t *)label.s;
		name.str.len = label.len;
		frame.has_iid = frame.has_function_name_id = true;
		frame.has_mapping_id = frame.has_rel_pc = true;
		frame.iid = (uint64_t)no + 1;
		frame.function_name_id = name.iid;
		data.function_names = names;
		data.n_function_names = 1;
		data.frames = frames;
		data.n_frames = 1;
		p.interned_data = &data;
		ft_pf_put(pf, &p.base);
	}
	ft_text_free(&label);
}

__u64 ft_pf_place(struct ft_pf *pf, __u32 node)
{
	Ft__Perfetto__InternedString text = FT__PERFETTO__INTERNED_STRING__INIT, *texts[] = {&text};
	Ft__Perfetto__InternedData data = FT__PERFETTO__INTERNED_DATA__INIT;
	Ft__Perfetto__TracePacket p = FT__PERFETTO__TRACE_PACKET__INIT;
	struct ft_text label = {0};
	__u32 frame;

	if (node >= pf->stacks->node_cnt || pf->err)
		return 0;
	frame = pf->stacks->node[node].frame;
	if (told(pf->place_told, frame))
		return (__u64)frame + 1;
	ft_frame_label(&pf->stacks->frame[frame], &label);
	pf->err = label.err;
	text.has_iid = text.has_str = true;
	text.iid = (uint64_t)frame + 1;
	text.str.data = (uint8_t *)label.s;
	text.str.len = label.len;
	data.debug_annotation_string_values = texts;
	data.n_debug_annotation_string_values = 1;
	p.interned_data = &data;
	ft_pf_put(pf, &p.base);
	ft_text_free(&label);
	return text.iid;
}

/* The iid of a stack; it is written when it is new. 0: none. */
static __u64 stack_iid(struct ft_pf *pf, __u32 node)
{
	Ft__Perfetto__Callstack stack = FT__PERFETTO__CALLSTACK__INIT, *stacks[] = {&stack};
	Ft__Perfetto__InternedData data = FT__PERFETTO__INTERNED_DATA__INIT;
	Ft__Perfetto__TracePacket p = FT__PERFETTO__TRACE_PACKET__INIT;
	const struct ft_stacks *st = pf->stacks;
	size_t depth = 0, at;
	void *path = pf->path;
	__u32 n;

	if (node >= st->node_cnt || pf->err)
		return 0;
	if (told(pf->node_told, node))
		return (__u64)node + 1;
	for (n = node; n != FT_NO_STACK; n = st->node[n].parent)
		depth++;
	pf->err = ft_array_reserve(&path, &pf->path_cap, depth, sizeof(*pf->path));
	pf->path = path;
	if (pf->err)
		return 0;
	for (n = node, at = depth; n != FT_NO_STACK; n = st->node[n].parent) {
		pf->path[--at] = (uint64_t)st->node[n].frame + 1;
		if (!told(pf->frame_told, st->node[n].frame))
			put_frame(pf, st->node[n].frame);
	}
	stack.has_iid = true;
	stack.iid = (uint64_t)node + 1;
	stack.frame_ids = pf->path;
	stack.n_frame_ids = depth;
	data.callstacks = stacks;
	data.n_callstacks = 1;
	p.interned_data = &data;
	ft_pf_put(pf, &p.base);
	return (__u64)node + 1;
}

void ft_pf_sample(struct ft_pf *pf, const struct ft_span *s)
{
	Ft__Perfetto__PerfSample sample = FT__PERFETTO__PERF_SAMPLE__INIT;
	Ft__Perfetto__TracePacket p = FT__PERFETTO__TRACE_PACKET__INIT;
	__u64 iid = stack_iid(pf, s->stack);

	if (!iid || s->from_ns < pf->from || s->from_ns >= pf->to)
		return;
	sample.has_cpu = sample.has_pid = sample.has_tid = true;
	sample.has_callstack_iid = sample.has_cpu_mode = true;
	sample.cpu = s->cpu;
	sample.pid = (uint32_t)pf->pid;
	sample.tid = (uint32_t)pf->thread[s->thr].tid;
	sample.callstack_iid = iid;
	/* a counter that the viewer draws: the core's time, as far as samples stand for it */
	if (s->cpu < FT_MAX_CPUS && pf->info->stack_hz) {
		sample.has_timebase_count = true;
		sample.timebase_count =
			++pf->core[s->cpu].sample_cnt * (NS_PER_S / pf->info->stack_hz);
	}
	sample.cpu_mode = pf->stacks->frame[pf->stacks->node[s->stack].frame].kind == FT_FK_KERNEL
				  ? MODE_KERNEL
				  : MODE_USER;
	p.perf_sample = &sample;
	p.has_sequence_flags = true;
	p.sequence_flags = FT_PF_NEEDS_STATE;
	ft_pf_put_at(pf, &p.base, s->from_ns);
}
