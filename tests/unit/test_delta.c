/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the stretch between two looks: its sums are the later ones less the earlier. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/delta.h"
#include "model/scaling.h"

#include "ftprof_state.h"

#define THREADS 7
#define WEIGHTS 50
#define LOCKS 3
#define START 1000000000ull
#define SEC 1000000000ull

/* A session as it stands, and what it is made of. */
struct look {
	struct ft_session_info info;
	struct ft_totals totals;
	struct ft_thread_rec recs[THREADS];
	struct ft_frame frame[2];
	struct ft_node node[WEIGHTS];
	struct ft_weight weight[WEIGHTS];
	struct ft_lock_rec lock[LOCKS];
	struct ft_findings findings;
	struct ft_stacks stacks;
	struct ft_model_src src;
};

static struct look *look_new(void)
{
	struct look *l = calloc(1, sizeof(*l));
	__u32 i;

	assert_non_null(l);
	l->info = (struct ft_session_info){.start_ns = START,
					   .cpu_cnt = 2,
					   .cpus = {0, 1},
					   .cpus_cnt = 2,
					   .stack_hz = 199,
					   .tick_hz = 499,
					   .gil = FT_GIL_ON};
	l->totals.end_ns = START;
	for (i = 0; i < THREADS; i++) {
		l->recs[i].t.tid = l->recs[i].t.ns_tid = 100 + i;
		l->recs[i].t.start_ns = l->recs[i].t.since_ns = START;
		l->recs[i].t.flags = FT_TF_SEEDED | FT_TF_PYTHON;
		strcpy(l->recs[i].name, "worker");
	}
	l->frame[0] = (struct ft_frame){.name = "f", .file = "a.py", .line = 1};
	l->frame[1] = (struct ft_frame){.name = "g", .file = "a.py", .line = 2};
	for (i = 0; i < WEIGHTS; i++) {
		l->node[i] = (struct ft_node){.parent = FT_NO_STACK, .frame = i % 2};
		l->weight[i] = (struct ft_weight){.stack = i, .kind = FT_SK_ON + FT_ON_GIL};
	}
	for (i = 0; i < LOCKS; i++)
		l->lock[i] =
			(struct ft_lock_rec){.id = 2 * i + 1, .kind = FT_LK_OBJECT, .name = "list"};
	l->findings.lock = l->lock;
	l->findings.lock_cnt = LOCKS;
	l->stacks = (struct ft_stacks){l->frame, 2, l->node, WEIGHTS, l->weight, WEIGHTS};
	l->src = (struct ft_model_src){.info = &l->info,
				       .totals = &l->totals,
				       .recs = l->recs,
				       .cnt = THREADS,
				       .findings = &l->findings,
				       .stacks = &l->stacks};
	return l;
}

static __u64 pseudo(__u64 *seed, __u64 max)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (*seed >> 33) % max;
}

/* Time goes by: each thread spends all of it in states. */
static void go_on(struct look *l, __u64 ns, __u64 *seed)
{
	__u32 i, k;

	l->totals.end_ns += ns;
	for (i = 0; i < THREADS; i++) {
		struct ft_thread *t = &l->recs[i].t;
		__u64 left = ns, part;

		if (t->flags & FT_TF_EXITED)
			continue;
		for (k = 0; k < FT_ST_CNT - 1; k++) {
			part = pseudo(seed, left / 2 + 1);
			t->state_ns[k] += part;
			left -= part;
		}
		t->state_ns[FT_ST_BLOCKED] += left;
		t->since_ns += ns;
		t->tick_cnt[FT_ON_GIL] += pseudo(seed, 50);
		t->tick_cnt[FT_ON_FREE] += pseudo(seed, 50);
		t->gil_wait_cnt += 3;
		t->gil_wait_lo += 2;
		t->gil_wait_hi += 4;
		t->switch_cnt += pseudo(seed, 100);
		t->held_off_ns += pseudo(seed, 1000);
	}
	for (i = 0; i < 4; i++)
		l->totals.wait_hist[0][ft_hist_index(pseudo(seed, 1 << 20))]++;
	l->totals.level_ns[1] += ns / 3;
	l->totals.level_ns[2] += ns - ns / 3;
	l->totals.sums.cnt[FT_CN_EVENTS] += pseudo(seed, 1000);
	l->totals.sums.lost_parallel_ns += pseudo(seed, ns);
	l->totals.handoffs += pseudo(seed, 1000);
	l->totals.syscall_ns[7] += pseudo(seed, ns);
	l->totals.ftprof_cpu_ns += pseudo(seed, 1000);
	for (i = 0; i < WEIGHTS; i++) {
		l->weight[i].ns += pseudo(seed, 3) ? 0 : pseudo(seed, 1000);
		l->weight[i].cnt += pseudo(seed, 2);
	}
	for (i = 0; i < LOCKS; i++) {
		l->lock[i].waits += 5;
		l->lock[i].wait_ns += pseudo(seed, 5000);
	}
}

static void check_thread(const struct ft_mthread *d, const struct ft_mthread *to,
			 const struct ft_mthread *from)
{
	int i;

	assert_int_equal(d->lifetime_ns, to->lifetime_ns - from->lifetime_ns);
	assert_int_equal(d->residual_ns, 0);
	assert_int_equal(d->on_ns, to->on_ns - from->on_ns);
	for (i = FT_R_GIL_WAIT; i < FT_R_CNT; i++)
		assert_int_equal(d->state_ns[i], to->state_ns[i] - from->state_ns[i]);
	for (i = 0; i < FT_ON_CNT; i++)
		assert_int_equal(d->tick_cnt[i], to->tick_cnt[i] - from->tick_cnt[i]);
	assert_int_equal(d->gil_waits, to->gil_waits - from->gil_waits);
	assert_int_equal(d->gil_waits_lo, to->gil_waits_lo - from->gil_waits_lo);
	assert_int_equal(d->gil_waits_hi, to->gil_waits_hi - from->gil_waits_hi);
	assert_int_equal(d->switches, to->switches - from->switches);
	assert_int_equal(d->held_off_ns, to->held_off_ns - from->held_off_ns);
}

/* Two whole sessions, one the beginning of the other: every sum of the stretch is the difference.
 */
static void test_sums(void **state)
{
	struct look *l = look_new();
	struct ft_model a, b, m;
	struct ft_delta_base *base;
	struct ft_delta *d;
	struct ft_totals early;
	__u64 seed = 42, waits = 0;
	int round, i;

	(void)state;
	go_on(l, 3 * SEC, &seed);
	for (round = 0; round < 20; round++) {
		early = l->totals;
		assert_int_equal(ft_delta_base_new(&l->src, &base), 0);
		assert_int_equal(ft_delta_base_end_ns(base), l->totals.end_ns);
		assert_int_equal(ft_model_from(&l->src, &a), 0);
		go_on(l, 1 + pseudo(&seed, 2 * SEC), &seed);
		assert_int_equal(ft_model_from(&l->src, &b), 0);
		assert_int_equal(ft_delta_new(base, &l->src, &d), 0);
		assert_int_equal(ft_model_from(&d->src, &m), 0);
		assert_int_equal(m.duration_ns, b.duration_ns - a.duration_ns);
		assert_int_equal(m.thread_cnt, THREADS);
		check_thread(&m.all, &b.all, &a.all);
		assert_int_equal(m.lost_ns, b.lost_ns - a.lost_ns);
		assert_int_equal(m.handoffs, b.handoffs - a.handoffs);
		assert_int_equal(m.received, b.received - a.received);
		assert_int_equal(m.par_any_ns, b.par_any_ns - a.par_any_ns);
		assert_int_equal(d->totals.syscall_ns[7],
				 l->totals.syscall_ns[7] - early.syscall_ns[7]);
		assert_int_equal(d->totals.target_cpu_ns, m.all.on_ns);
		for (waits = 0, i = 0; i < FT_HIST_LEN; i++)
			waits += d->totals.wait_hist[0][i];
		assert_int_equal(waits, 4);
		assert_int_equal(d->findings.lock[1].waits, 5);
		ft_model_free(&m);
		ft_delta_free(d);
		ft_model_free(&a);
		ft_model_free(&b);
		ft_delta_base_free(base);
	}
	free(l);
}

static void test_from_the_start(void **state)
{
	struct look *l = look_new();
	struct ft_model a, m;
	struct ft_delta *d;
	__u64 seed = 1;

	(void)state;
	go_on(l, SEC, &seed);
	assert_int_equal(ft_delta_new(NULL, &l->src, &d), 0);
	assert_int_equal(ft_model_from(&l->src, &a), 0);
	assert_int_equal(ft_model_from(&d->src, &m), 0);
	assert_int_equal(m.duration_ns, a.duration_ns);
	assert_memory_equal(&m.all, &a.all, sizeof(m.all));
	assert_string_equal(m.verdict.text, a.verdict.text);
	ft_model_free(&a);
	ft_model_free(&m);
	ft_delta_free(d);
	free(l);
}

/* Threads that began, ended, or took the number of another in between. */
static void test_threads_come_and_go(void **state)
{
	struct look *l = look_new();
	struct ft_delta_base *base;
	struct ft_delta *d;
	__u64 seed = 7, on;

	(void)state;
	l->src.cnt = THREADS - 1;
	l->recs[1].t.flags |= FT_TF_EXITED; /* before: not in the stretch at all */
	go_on(l, SEC, &seed);
	l->recs[2].t.flags |= FT_TF_EXITED; /* at the first look */
	assert_int_equal(ft_delta_base_new(&l->src, &base), 0);
	on = l->recs[3].t.state_ns[FT_ST_ON];
	/* the number of the one that ended goes to another */
	memset(&l->recs[1].t, 0, sizeof(l->recs[1].t));
	l->recs[1].t.tid = l->recs[1].t.ns_tid = 555;
	l->recs[1].t.start_ns = l->recs[1].t.since_ns = START + SEC + 10;
	/* and one appears */
	memset(l->recs[6].t.state_ns, 0, sizeof(l->recs[6].t.state_ns));
	l->recs[6].t.start_ns = l->recs[6].t.since_ns = START + SEC + 20;
	l->src.cnt = THREADS;
	go_on(l, SEC, &seed);
	l->recs[3].t.flags |= FT_TF_EXITED; /* in between */
	assert_int_equal(ft_delta_new(base, &l->src, &d), 0);
	assert_int_equal(d->src.cnt, THREADS - 1);
	assert_int_equal(d->number[0], 0);
	assert_int_equal(d->number[1], 1);
	assert_int_equal(d->number[2], 3); /* the one of the first look is left out */
	assert_int_equal(d->number[5], 6);
	assert_int_equal(d->recs[1].t.tid, 555);
	assert_int_equal(d->recs[1].t.start_ns, START + SEC + 10);
	assert_int_equal(d->recs[1].t.state_ns[FT_ST_ON], l->recs[1].t.state_ns[FT_ST_ON]);
	assert_int_equal(d->recs[2].t.state_ns[FT_ST_ON], l->recs[3].t.state_ns[FT_ST_ON] - on);
	assert_int_equal(d->recs[2].t.start_ns, START + SEC);
	ft_delta_free(d);
	ft_delta_base_free(base);
	free(l);
}

static void test_maxima(void **state)
{
	struct look *l = look_new();
	struct ft_delta_base *base;
	struct ft_delta *d;
	__u32 bin = ft_hist_index(5000);

	(void)state;
	l->totals.end_ns += SEC;
	l->recs[0].t.gil_wait_max_ns = 9000;
	l->recs[1].t.gil_wait_max_ns = 800000;
	l->totals.wait_hist[1][ft_hist_index(800000)] = 1;
	assert_int_equal(ft_delta_base_new(&l->src, &base), 0);
	l->totals.end_ns += SEC;
	l->totals.wait_hist[1][bin] += 2;
	l->recs[0].t.gil_wait_max_ns = 9500; /* grew: exact */
	l->recs[0].t.gil_wait_cnt = 1;
	l->recs[1].t.gil_wait_cnt = 1; /* did not: what the histogram allows */
	assert_int_equal(ft_delta_new(base, &l->src, &d), 0);
	assert_int_equal(d->recs[0].t.gil_wait_max_ns, 9500);
	assert_int_equal(d->recs[1].t.gil_wait_max_ns, ft_hist_value(bin));
	assert_int_equal(d->recs[2].t.gil_wait_max_ns, 0);
	ft_delta_free(d);
	ft_delta_base_free(base);
	free(l);
}

/* A sum that shrank (an open interval that came to be something else) is 0, never huge. */
static void test_never_negative(void **state)
{
	struct look *l = look_new();
	struct ft_delta_base *base;
	struct ft_delta *d;
	struct ft_model m;
	__u64 seed = 3;

	(void)state;
	go_on(l, SEC, &seed);
	assert_int_equal(ft_delta_base_new(&l->src, &base), 0);
	l->totals.end_ns += SEC;
	memset(l->recs[0].t.state_ns, 0, sizeof(l->recs[0].t.state_ns));
	l->totals.sums.lost_parallel_ns = 0;
	l->totals.bpf_ns = 0;
	l->weight[3].ns = 0;
	assert_int_equal(ft_delta_new(base, &l->src, &d), 0);
	assert_int_equal(ft_model_from(&d->src, &m), 0);
	assert_int_equal(m.all.on_ns, 0);
	assert_int_equal(m.lost_ns, 0);
	ft_model_free(&m);
	ft_delta_free(d);
	/* looks in the wrong order are refused */
	l->totals.end_ns -= 2 * SEC;
	assert_int_equal(ft_delta_new(base, &l->src, &d), -EINVAL);
	ft_delta_base_free(base);
	free(l);
}

static __u64 weight_of(const struct ft_stacks *s, __u32 stack)
{
	for (size_t i = 0; i < s->weight_cnt; i++)
		if (s->weight[i].stack == stack)
			return s->weight[i].ns;
	return 0;
}

/* By their keys, also when they changed places; those without anything are left out. */
static void test_weights(void **state)
{
	struct look *l = look_new();
	struct ft_delta_base *base;
	struct ft_weight w;
	struct ft_delta *d;
	int i;

	(void)state;
	for (i = 0; i < WEIGHTS - 1; i++)
		l->weight[i].ns = 1000 + (__u64)i;
	l->stacks.weight_cnt = WEIGHTS - 1;
	l->totals.end_ns += SEC;
	assert_int_equal(ft_delta_base_new(&l->src, &base), 0);
	l->totals.end_ns += SEC;
	l->stacks.weight_cnt = WEIGHTS;
	for (i = 0; i < WEIGHTS; i++)
		l->weight[i].ns += i % 3 ? (__u64)i * 10 : 0;
	for (i = 0; i < WEIGHTS / 2; i++) {
		w = l->weight[i];
		l->weight[i] = l->weight[WEIGHTS - 1 - i];
		l->weight[WEIGHTS - 1 - i] = w;
	}
	assert_int_equal(ft_delta_new(base, &l->src, &d), 0);
	for (i = 0; i < WEIGHTS; i++)
		assert_int_equal(weight_of(&d->stacks, (__u32)i), i % 3 ? (__u64)i * 10 : 0);
	assert_int_equal(d->stacks.weight_cnt, WEIGHTS - (WEIGHTS + 2) / 3);
	ft_delta_free(d);
	ft_delta_base_free(base);
	free(l);
}

static void test_nothing(void **state)
{
	struct look *l = look_new();
	struct ft_delta_base *base;
	struct ft_delta *d;
	struct ft_model m;

	(void)state;
	l->src.cnt = 0;
	l->src.recs = NULL;
	l->src.findings = NULL;
	l->src.stacks = NULL;
	assert_int_equal(ft_delta_base_new(&l->src, &base), 0);
	assert_int_equal(ft_delta_new(base, &l->src, &d), 0);
	assert_int_equal(ft_model_from(&d->src, &m), 0);
	assert_int_equal(m.duration_ns, 0);
	ft_model_free(&m);
	ft_delta_free(d);
	ft_delta_free(NULL);
	ft_delta_base_free(base);
	ft_delta_base_free(NULL);
	free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_from_the_start),
		cmocka_unit_test(test_threads_come_and_go),
		cmocka_unit_test(test_maxima),
		cmocka_unit_test(test_never_negative),
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
