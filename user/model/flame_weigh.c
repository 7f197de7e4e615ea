/* SPDX-License-Identifier: BSD-2-Clause */
/* Which weights answer a question, and how they are scaled to the report's own figures. */
#include "model/flame_weigh.h"

#include <stdint.h>
#include <string.h>

#include "model/scaling.h"

#define BIT(n) (1u << (n))

#define ON_CPU (BIT(FT_SK_ON + FT_ON_GIL) | BIT(FT_SK_ON + FT_ON_FREE) | BIT(FT_SK_ON + FT_ON_SPIN))
#define BLOCKED (BIT(FT_ST_BLOCKED) | BIT(FT_ST_SYNC_WAIT) | BIT(FT_ST_FAULT) | BIT(FT_ST_STOPPED))
#define OFF_CPU                                                                                    \
	(BLOCKED | BIT(FT_ST_GIL_WAIT) | BIT(FT_ST_GIL_SWITCH) | BIT(FT_ST_LOCK_WAIT) |            \
	 BIT(FT_ST_STW) | BIT(FT_ST_RUNQ))
#define BLAME (BIT(FT_SK_BLAME) | BIT(FT_SK_BLAME_OFF) | BIT(FT_SK_BLAME_FREE))

static const __u32 kinds[FT_OF_CNT] = {
	[FT_OF_ON_CPU] = ON_CPU,
	[FT_OF_GIL_WAIT] = BIT(FT_ST_GIL_WAIT),
	[FT_OF_GIL_BLAME] = BLAME,
	[FT_OF_LOCK_WAIT] = BIT(FT_ST_LOCK_WAIT),
	[FT_OF_BLOCKED] = BLOCKED,
	[FT_OF_OFF_CPU] = OFF_CPU,
	[FT_OF_WALL] = ON_CPU | OFF_CPU,
	[FT_OF_LOCK_OWNER] = BIT(FT_SK_LOCK_OWNER),
	[FT_OF_SHARED] = BIT(FT_SK_SHARED),
	[FT_OF_PAUSE] = BIT(FT_SK_PAUSE),
};

unsigned int ft_weight_kind(const struct ft_weight *w, bool gil_present)
{
	if (w->kind >= FT_SK_CNT)
		return FT_SK_CNT;
	/* as the model has it: by the time a GIL is off nothing that ran can have held it */
	if (w->kind == FT_SK_ON + FT_ON_GIL && !gil_present)
		return FT_SK_ON + FT_ON_FREE;
	return w->kind;
}

void ft_weigh_totals(const struct ft_model *m, __u64 total[FT_SK_CNT])
{
	static const __u8 kind[FT_R_CNT] = {
		[FT_R_ON_GIL] = FT_SK_ON + FT_ON_GIL,
		[FT_R_ON_FREE] = FT_SK_ON + FT_ON_FREE,
		[FT_R_ON_SPIN] = FT_SK_ON + FT_ON_SPIN,
		[FT_R_GIL_WAIT] = FT_ST_GIL_WAIT,
		[FT_R_GIL_SWITCH] = FT_ST_GIL_SWITCH,
		[FT_R_LOCK_WAIT] = FT_ST_LOCK_WAIT,
		[FT_R_SYNC_WAIT] = FT_ST_SYNC_WAIT,
		[FT_R_STW] = FT_ST_STW,
		[FT_R_RUNQ] = FT_ST_RUNQ,
		[FT_R_BLOCKED] = FT_ST_BLOCKED,
		[FT_R_FAULT] = FT_ST_FAULT,
		[FT_R_STOPPED] = FT_ST_STOPPED,
	};
	size_t i;

	memset(total, 0, FT_SK_CNT * sizeof(*total));
	for (i = 0; i < FT_R_CNT; i++)
		total[kind[i]] = m->all.state_ns[i];
	total[FT_SK_SHARED] = m->scaling->sharing.shared_ns;
	total[FT_SK_PAUSE] = m->scaling->pauses.stopped_ns;
}

/*
 * Who held the GIL while a thread waited is known exactly where the holder was off its core and
 * where nobody held it; the rest of the waits is what ticks saw, and is scaled to that. Ticks that
 * saw less than half of it are left as they are, with a mark for what is missing: to double them
 * once more would be invention. If they saw more than twice of it all three shrink together.
 */
static void scale_blame(struct ft_scale *s, __u64 wait)
{
	struct ft_deal *on = &s->deal[FT_SK_BLAME], *off = &s->deal[FT_SK_BLAME_OFF];
	struct ft_deal *nobody = &s->deal[FT_SK_BLAME_FREE];
	unsigned __int128 exact = off->sum + nobody->sum, all = exact + on->sum, rest;
	struct ft_deal parts;

	s->no_stack[FT_SK_BLAME] = 0;
	s->no_stack[FT_SK_BLAME_OFF] = 0;
	s->no_stack[FT_SK_BLAME_FREE] = 0;
	rest = exact < wait ? wait - exact : 0;
	s->factor = on->sum ? (double)rest / (double)on->sum : 0;
	if (exact <= wait && on->sum && rest <= 2 * on->sum && on->sum <= 2 * rest) {
		on->total = (__u64)rest;
		off->total = (__u64)off->sum;
		nobody->total = (__u64)nobody->sum;
		return;
	}
	if (all <= wait) {
		on->total = (__u64)on->sum;
		off->total = (__u64)off->sum;
		nobody->total = (__u64)nobody->sum;
		s->not_seen = wait - (__u64)all;
		return;
	}
	/* more than 64 bits of weight: a damaged file, and rounding is its least fault */
	while (all >> 64) {
		all >>= 1;
		on->sum >>= 1;
		off->sum >>= 1;
		nobody->sum >>= 1;
	}
	parts = (struct ft_deal){.total = wait, .sum = on->sum + off->sum + nobody->sum};
	on->total = ft_deal(&parts, (__u64)on->sum);
	off->total = ft_deal(&parts, (__u64)off->sum);
	nobody->total = ft_deal(&parts, (__u64)nobody->sum);
}

void ft_scale_init(struct ft_scale *s, enum ft_of of, const struct ft_weighing *in)
{
	const struct ft_weight *w;
	__u64 whole = 0;
	unsigned int k;
	size_t i;

	memset(s, 0, sizeof(*s));
	s->of = of;
	s->gil_present = in->gil_present;
	for (i = 0; i < in->cnt; i++) {
		w = &in->weight[i];
		k = ft_weight_kind(w, in->gil_present);
		if (k >= FT_SK_CNT || !(kinds[of] & BIT(k)))
			continue;
		s->deal[k].sum += w->ns;
		if (w->stack == FT_NO_STACK)
			continue;
		s->sampled_ns = ft_add_sat(s->sampled_ns, w->raw_ns);
		s->samples = ft_add_sat(s->samples, w->cnt);
	}
	for (k = 0; k < FT_SK_CNT; k++) {
		if (!(kinds[of] & BIT(k)))
			continue;
		s->deal[k].total = in->total[k];
		/* not every wait has an owner that was seen: no figure to scale to */
		if (k == FT_SK_LOCK_OWNER)
			s->deal[k].total =
				s->deal[k].sum <= UINT64_MAX ? (__u64)s->deal[k].sum : UINT64_MAX;
		if (!s->deal[k].sum)
			s->no_stack[k] = s->deal[k].total;
		whole = ft_add_sat(whole, s->deal[k].total);
	}
	if (of == FT_OF_GIL_BLAME) {
		whole = in->total[FT_ST_GIL_WAIT];
		scale_blame(s, whole);
	}
	if (s->sampled_ns > whole)
		s->sampled_ns = whole;
}

__u64 ft_scale_next(struct ft_scale *s, const struct ft_weight *w)
{
	unsigned int k = ft_weight_kind(w, s->gil_present);

	if (k >= FT_SK_CNT || !(kinds[s->of] & BIT(k)))
		return 0;
	return ft_deal(&s->deal[k], w->ns);
}
