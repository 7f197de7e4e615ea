/* SPDX-License-Identifier: BSD-2-Clause */
/* A session as a Perfetto trace: what is done with each span. docs/formats.md tells what it shows.
 */
#include "export/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "export/escape.h"
#include "export/perfetto_priv.h"

/* Linux gives no id of 4,194,304 (PID_MAX_LIMIT) or above. */
#define MADE_UP_TID 4194304

static int take(void *ctx, const struct ft_span *s)
{
	struct ft_pf *pf = ctx;

	if (s->type != FT_SPAN_OTHER && s->thr >= pf->rec_cnt)
		return 0;
	/* first: it ends what was on the tracks before the span */
	ft_pf_sched_span(pf, s);
	ft_pf_count_span(pf, s);
	if (s->type == FT_SPAN_TICK)
		ft_pf_sample(pf, s);
	else
		ft_pf_slices_span(pf, s);
	return pf->err;
}

/*
 * Threads are told apart by their ids in the trace. One that another thread of the session had
 * before, or that the kernel does not give, becomes one that the kernel does not give.
 */
static int name_threads(struct ft_pf *pf)
{
	struct ft_text name = {0};
	struct ft_map seen = {0};
	int err = 0;
	bool added;
	__u32 own;

	for (size_t i = 0; i < pf->rec_cnt && !err; i++) {
		const struct ft_thread_rec *rec = &pf->recs[i];
		struct ft_pf_thread *th = &pf->thread[i];

		th->tid = (__s32)rec->t.tid;
		added = false;
		if (rec->t.tid && rec->t.tid < MADE_UP_TID)
			err = ft_map_get(&seen, rec->t.tid, (__u32)i, &own, &added);
		if (!added)
			th->tid = MADE_UP_TID + (__s32)i;
		name.len = 0;
		ft_text_add(&name, "");
		ft_esc_add(&name, FT_ESC_NONE, rec->name, FT_ESC_ALL);
		if (!err)
			err = name.err;
		if (!err)
			err = ft_strset_add(&pf->names, name.s, name.len, &th->comm);
		th->stay.prev = th->stay.next = FT_NO_THREAD;
	}
	ft_text_free(&name);
	ft_map_free(&seen);
	return err;
}

static int init(struct ft_pf *pf)
{
	size_t frames = pf->stacks->frame_cnt / 8 + 1, nodes = pf->stacks->node_cnt / 8 + 1;
	int err;

	/* so that made-up ids are numbers of 31 bits */
	if (pf->rec_cnt > 1u << 30)
		return -EFBIG;
	pf->thread = calloc(pf->rec_cnt + 1, sizeof(*pf->thread));
	pf->core = calloc(FT_MAX_CPUS, sizeof(*pf->core));
	pf->frame_told = calloc(frames, 1);
	pf->place_told = calloc(frames, 1);
	pf->node_told = calloc(nodes, 1);
	if (!pf->thread || !pf->core || !pf->frame_told || !pf->place_told || !pf->node_told)
		return -ENOMEM;
	for (int i = 0; i < FT_MAX_CPUS; i++)
		pf->core[i].occ = FT_NO_THREAD;
	pf->left = pf->came = FT_NO_THREAD;
	pf->pid = pf->info->pid && pf->info->pid < MADE_UP_TID ? (__s32)pf->info->pid
							       : MADE_UP_TID - 1;
	err = name_threads(pf);
	if (!err)
		err = ft_pf_count_init(pf);
	if (err)
		return err;
	ft_pf_head(pf);
	ft_pf_slices_init(pf);
	return pf->err;
}

static void release(struct ft_pf *pf)
{
	free(pf->raw);
	free(pf->zip);
	free(pf->buf);
	free(pf->thread);
	free(pf->core);
	free(pf->frame_told);
	free(pf->place_told);
	free(pf->node_told);
	free(pf->path);
	free(pf->on_ns);
	free(pf->wait_ns);
	ft_strset_free(&pf->names);
	ft_strset_free(&pf->files);
	ft_trace_locks_free(&pf->locks);
	free(pf);
}

int ft_export_perfetto(struct ft_reader *r, const struct ft_model *m, const struct ft_trace_opts *o,
		       struct ft_sink *out)
{
	__u64 from, to;
	struct ft_pf *pf;
	int err = ft_trace_window(r, m, o, &from, &to);

	if (err)
		return err;
	pf = calloc(1, sizeof(*pf));
	if (!pf)
		return -ENOMEM;
	pf->info = m->info;
	pf->m = m;
	pf->recs = ft_reader_threads(r, &pf->rec_cnt);
	pf->stacks = ft_reader_stacks(r);
	pf->out = out;
	pf->from = from;
	pf->to = to;
	err = ft_trace_locks_init(&pf->locks, ft_reader_findings(r));
	if (!err)
		err = init(pf);
	if (!err)
		err = ft_spans_read(r, m, take, pf);
	if (!err) {
		ft_pf_sched_finish(pf);
		ft_pf_slices_finish(pf);
		ft_pf_count_finish(pf);
		ft_pf_flush(pf);
		err = pf->err;
	}
	if (!err)
		err = ft_sink_flush(out);
	release(pf);
	return err;
}
