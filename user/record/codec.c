/* SPDX-License-Identifier: BSD-2-Clause */
/* What both directions of the event codec share: the model of what comes next. */
#include "record/codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "record/codec_model.h"
#include "record/evsort.h"

int ft_codec_new(struct ft_codec **out)
{
	struct ft_codec *c = calloc(1, sizeof(*c));

	*out = c;
	return c ? 0 : -ENOMEM;
}

void ft_codec_free(struct ft_codec *c)
{
	if (!c)
		return;
	free(c->m.threads);
	free(c->m.stacks);
	free(c->hash);
	free(c->stack_hash);
	free(c->arena);
	free(c->out);
	free(c->keys);
	free(c->keys_tmp);
	free(c);
}

static bool slice_valid(const struct ft_event *ev, __u32 thread_cnt)
{
	if (ev->state >= FT_ST_CNT || ev->out_ns > ev->ts)
		return false;
	if (ev->wake_ns && (ev->wake_ns < ev->out_ns || ev->wake_ns > ev->ts))
		return false;
	return ev->waker == FT_NO_THREAD || ev->waker < thread_cnt;
}

bool ft_event_valid(const struct ft_event *ev, __u32 thread_cnt, __u32 cpu_cnt)
{
	if (ev->cpu >= cpu_cnt || ev->cpu >= FT_MAX_CPUS)
		return false;
	if (ev->type >= FT_EV_SLICE && ev->type <= FT_EV_EXIT &&
	    (ev->thr >= thread_cnt || ev->thr == FT_NO_THREAD))
		return false;
	switch (ev->type) {
	case FT_EV_SLICE:
		return slice_valid(ev, thread_cnt);
	case FT_EV_TICK:
		return ev->state < FT_ON_CNT;
	case FT_EV_START:
		return ev->state < FT_ST_CNT;
	case FT_EV_EXIT:
		return ev->state < FT_ST_CNT || ev->state == FT_ST_DEAD;
	case FT_EV_CPU:
		return ev->state < FT_ST_CNT && ev->wake_ns <= ev->ts &&
		       ev->out_ns <= ev->ts - ev->wake_ns;
	case FT_EV_EXEC:
	case FT_EV_FORK:
		return ev->state < FT_ST_CNT;
	default:
		return false;
	}
}

__u64 ft_event_begin(const struct ft_event *ev)
{
	if (ev->type == FT_EV_SLICE)
		return ev->out_ns;
	if (ev->type == FT_EV_CPU)
		return ev->wake_ns;
	return ev->ts;
}

void model_reset(struct cmodel *m, __u64 base_ns, __u64 period)
{
	size_t i;

	m->period = period;
	m->prev_ts = base_ns;
	m->base_ns = base_ns;
	memset(m->arg, 0, sizeof(m->arg));
	m->last_new = 0;
	m->thread_cnt = 0;
	m->stack_cnt = 0;
	memset(m->cpus, 0, sizeof(m->cpus));
	for (i = 0; i < FT_MAX_CPUS; i++) {
		m->cpus[i].local = NO_LOCAL;
		m->cpus[i].end_ns = base_ns;
	}
}

int model_add(struct cmodel *m, __u32 thr)
{
	void *p = m->threads;
	struct cthread *t;
	int err;

	err = ft_array_reserve(&p, &m->thread_cap, m->thread_cnt + 1, sizeof(*m->threads));
	if (err)
		return err;
	m->threads = p;
	t = &m->threads[m->thread_cnt++];
	memset(t, 0, sizeof(*t));
	t->thr = thr;
	t->ts = m->base_ns;
	m->last_new = thr;
	return 0;
}

int model_add_stack(struct cmodel *m, __u32 stack)
{
	void *p = m->stacks;
	int err;

	err = ft_array_reserve(&p, &m->stack_cap, m->stack_cnt + 1, sizeof(*m->stacks));
	if (err)
		return err;
	m->stacks = p;
	m->stacks[m->stack_cnt++] = (struct cstack){.stack = stack};
	return 0;
}

__u64 model_tick(const struct cmodel *m, __u16 cpu)
{
	const struct ccpu *c = &m->cpus[cpu];
	__u64 want = c->grid + m->period;

	if (!c->ticked || !m->period)
		return m->prev_ts;
	/* the core ran something else for a while: its timer kept its beat */
	if (m->prev_ts > want)
		want += (m->prev_ts - want + m->period / 2) / m->period * m->period;
	return want;
}

void model_note_tick(struct cmodel *m, __u16 cpu, __u64 ts, __u64 want)
{
	struct ccpu *c = &m->cpus[cpu];
	__s64 late = (__s64)(ts - want), near = (__s64)(m->period / 4);

	/* the timer's beat is steady and each tick late by its own bit: follow slowly */
	if (c->ticked && late > -near && late < near)
		c->grid = want + (__u64)(late / 4);
	else
		c->grid = ts;
	c->ticked = true;
}
