/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the live screen: its figures are the model's, whatever its size and the names are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/window.h"
#include "view/top_screen.h"

#define SEC 1000000000ull
#define START (100 * SEC)
#define THREADS 40

/* A session of one second: three threads take turns, the others sleep. */
struct session {
	struct ft_session_info info;
	struct ft_totals totals;
	struct ft_thread_rec recs[THREADS];
	struct ft_stacks stacks;
	struct ft_frame frame[1];
	struct ft_node node[1];
	struct ft_weight weight[1];
	struct ft_model_src src;
	struct ft_window *w;
	struct ft_top_ui ui;
};

static void put_event(struct session *s, const struct ft_event *ev)
{
	assert_int_equal(ft_window_event(s->w, ev), 0);
}

/* 100 turns of 10 ms: thread 0 has every second one, then 1 or 2; always on core `thr % 2`. */
static void turns(struct session *s)
{
	__u64 end[3] = {START, START, START}, ts;
	__u32 seq[3] = {0};

	for (int i = 0; i < 100; i++) {
		__u32 thr = i % 2 ? (i % 4 == 1 ? 1 : 2) : 0;
		struct ft_thread *t = &s->recs[thr].t;
		struct ft_event ev = {.type = FT_EV_SLICE, .thr = thr, .cpu = (__u16)(thr % 2)};

		ts = START + (__u64)i * 10000000;
		ev.ts = ts;
		ev.out_ns = end[thr];
		ev.state = FT_ST_GIL_WAIT;
		ev.waker = FT_NO_THREAD;
		ev.stack = FT_NO_STACK;
		ev.seq = seq[thr]++;
		if (ts > end[thr]) {
			put_event(s, &ev);
			t->state_ns[FT_ST_GIL_WAIT] += ts - end[thr];
			t->gil_wait_cnt++;
			t->seq = seq[thr];
		} else {
			seq[thr]--;
		}
		t->state_ns[FT_ST_ON] += 10000000;
		t->tick_cnt[FT_ON_GIL] += 5;
		end[thr] = ts + 10000000;
	}
	for (__u32 thr = 0; thr < 3; thr++) {
		s->recs[thr].t.state_ns[FT_ST_GIL_WAIT] += START + SEC - end[thr];
		s->recs[thr].t.state = FT_ST_GIL_WAIT;
	}
}

static struct session *make(size_t threads)
{
	struct session *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->info = (struct ft_session_info){.start_ns = START,
					   .cpu_cnt = 2,
					   .cpus = {0, 1},
					   .cpus_cnt = 2,
					   .gil = FT_GIL_ON,
					   .stack_hz = 199,
					   .has_events = true,
					   .pid = 4711,
					   .name = "prog",
					   .python = "3.14.6"};
	s->totals.end_ns = START + SEC;
	s->totals.handoffs = 137;
	s->totals.level_ns[1] = SEC;
	for (__u32 i = 0; i < THREADS; i++) {
		struct ft_thread *t = &s->recs[i].t;

		t->tid = t->ns_tid = 5000 + i;
		t->start_ns = START;
		t->since_ns = START + SEC;
		t->flags = FT_TF_PYTHON | FT_TF_SEEDED;
		t->state = FT_ST_BLOCKED;
		t->state_ns[FT_ST_BLOCKED] = i >= 3 ? SEC : 0;
		snprintf(s->recs[i].name, sizeof(s->recs[i].name), "thread-%u", i);
	}
	s->frame[0] = (struct ft_frame){.name = "crunch\x1b[2J", .file = "/srv/app.py", .line = 17};
	s->node[0] = (struct ft_node){.parent = FT_NO_STACK, .frame = 0};
	s->weight[0] = (struct ft_weight){
		.stack = 0, .kind = FT_SK_ON, .ns = SEC, .raw_ns = SEC, .cnt = 199};
	s->stacks = (struct ft_stacks){s->frame, 1, s->node, 1, s->weight, 1};
	s->src = (struct ft_model_src){.info = &s->info,
				       .totals = &s->totals,
				       .recs = s->recs,
				       .cnt = threads,
				       .stacks = &s->stacks};
	s->ui = (struct ft_top_ui){
		.parts = FT_TOP_PARTS, .chosen = FT_NO_THREAD, .window_ns = 5 * SEC};
	assert_int_equal(ft_window_new(5 * SEC, 4096, &s->w), 0);
	turns(s);
	assert_int_equal(ft_window_look(s->w, &s->src, ft_top_timeline_cols(100)), 0);
	return s;
}

static void drop(struct session *s)
{
	ft_window_free(s->w);
	free(s);
}

static char *shot(struct session *s, int rows, int cols, bool ascii)
{
	struct ft_text t = {0};
	struct ft_top_grid g;

	assert_int_equal(ft_top_grid_init(&g, rows, cols, ascii), 0);
	assert_int_equal(ft_top_screen(&g, ft_window_view(s->w), &s->ui), 0);
	ft_top_grid_text(&g, &t);
	assert_int_equal(t.err, 0);
	ft_top_grid_free(&g);
	return t.s ? t.s : strdup("");
}

static void has(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("no '%s' in\n%s", what, text);
}

static void has_not(const char *text, const char *what)
{
	if (strstr(text, what))
		fail_msg("'%s' in\n%s", what, text);
}

static void test_figures(void **state)
{
	struct session *s = make(5);
	const struct ft_window_view *v = ft_window_view(s->w);
	char want[128], *text = shot(s, 40, 100, false);

	(void)state;
	/* known: a core all the time, two of three wait */
	assert_int_equal(v->m->all.on_ns, SEC);
	assert_int_equal(v->m->all.gil_wants_ns, 2 * SEC);
	has(text, "prog  pid 4711  Python 3.14.6, GIL on");
	has(text, "GIL-BOUND.");
	has(text,
	    "cores 1.00 of 2  GIL wait 2.00 s/s  waiting now 3  hand-overs 137/s  held 100 %");
	snprintf(want, sizeof(want), "%5.1f", 50.0);
	has(text, "thread-0");
	has(text, " 50.0  50.0     -  50.0  50.0 ");
	has(text, " 25.0  25.0     -  75.0  75.0 ");
	has(text, "at once 1111111111");
	has(text, "cpu 0 ");
	has(text, " 75%"); /* threads 0 and 2 */
	/* idle for the last 20 ms: others may have had them */
	has(text, "·");
	has(text, "   25%");
	has(text, "100.0%  crunch?[2J  /srv/app.py:17");
	has(text, "5 s");
	free(text);
	drop(s);
}

static void test_sort(void **state)
{
	struct session *s = make(5);
	const struct ft_model *m = ft_window_view(s->w)->m;
	size_t *order = ft_top_order(m, FT_TOP_TID, true), i;
	char *text;

	(void)state;
	for (i = 0; i < 5; i++)
		assert_int_equal(m->threads[order[i]].tid, 5004 - i);
	free(order);
	order = ft_top_order(m, FT_TOP_CPU, false);
	assert_int_equal(m->threads[order[0]].tid, 5000);
	free(order);
	order = ft_top_order(m, FT_TOP_GIL_WAIT, false);
	assert_int_not_equal(m->threads[order[0]].tid, 5000);
	free(order);
	order = ft_top_order(m, FT_TOP_NAME, false);
	assert_int_equal(m->threads[order[4]].tid, 5004);
	free(order);
	s->ui.sort = FT_TOP_GIL_WAIT;
	text = shot(s, 30, 100, false);
	has(text, "▼%WGIL");
	free(text);
	for (i = 0; i < FT_TOP_SORT_CNT; i++)
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(ft_top_sort_key((enum ft_top_sort)i),
					     ft_top_sort_key((enum ft_top_sort)k));
	drop(s);
}

/* Every size, every part, all views: what is drawn stays inside (ASan sees to the rest). */
static void test_sizes(void **state)
{
	static const int sides[] = {1, 2, 3, 5, 7, 9, 12, 20, 24, 37, 60, 80, 120, 200, 400};
	struct session *s = make(THREADS);
	size_t n = sizeof(sides) / sizeof(sides[0]);

	(void)state;
	for (size_t r = 0; r < n; r++) {
		for (size_t c = 0; c < n; c++) {
			for (int mode = 0; mode < 6; mode++) {
				s->ui.help = mode == 1;
				s->ui.inspect = mode == 2 ? "a\nb\n\nlong long long line" : NULL;
				s->ui.parts = mode == 3 ? 0 : FT_TOP_PARTS;
				s->ui.chosen = mode == 4 ? THREADS - 1 : FT_NO_THREAD;
				s->ui.note = mode == 5 ? "a note" : NULL;
				free(shot(s, sides[r], sides[c], mode & 1));
			}
		}
	}
	drop(s);
}

static void test_tiny(void **state)
{
	struct session *s = make(5);
	char *text = shot(s, 5, 20, true);

	(void)state;
	has(text, "prog");
	has(text, "thread-0");
	free(text);
	drop(s);
}

/* The chosen thread is always on the screen; so is how many are not. */
static void test_chosen(void **state)
{
	struct session *s = make(THREADS);
	char name[32], *text;
	__u32 i;

	(void)state;
	s->ui.sort = FT_TOP_TID;
	for (i = 0; i < THREADS; i++) {
		s->ui.chosen = i;
		text = shot(s, 16, 80, true);
		snprintf(name, sizeof(name), "> thread-%u ", i);
		has(text, name);
		has(text, " more threads");
		free(text);
	}
	drop(s);
}

static void test_names(void **state)
{
	struct session *s = make(5);
	const struct ft_window_view *v;
	char *text;

	(void)state;
	/* escape, C1, broken UTF-8, turned around, no width, two columns wide */
	strcpy(s->recs[0].name, "\x1b[31m\xc2\x9b!\xff");
	strcpy(s->recs[1].name, "a\xe2\x80\xae"
				"b\xcc\x81"
				"c");
	strcpy(s->recs[2].name, "\xe7\xba\xbf\xe7\xa8\x8b!");
	s->totals.end_ns += SEC;
	for (int i = 0; i < 5; i++) {
		s->recs[i].t.since_ns += SEC;
		s->recs[i].t.state_ns[FT_ST_ON] += SEC;
	}
	assert_int_equal(ft_window_look(s->w, &s->src, 80), 0);
	v = ft_window_view(s->w);
	assert_int_equal(v->session_ns, 2 * SEC);
	text = shot(s, 30, 100, false);
	has(text, "?[31m?!?");
	has(text, "a?b?c");
	has(text, "\xe7\xba\xbf\xe7\xa8\x8b!");
	has_not(text, "\x1b");
	has_not(text, "\xc2\x9b");
	has_not(text, "\xe2\x80\xae");
	free(text);
	text = shot(s, 30, 100, true);
	has(text, "?"
		  "?!");
	for (const char *c = text; *c; c++)
		assert_true((unsigned char)*c < 0x7f);
	free(text);
	drop(s);
}

static void test_modes(void **state)
{
	struct session *s = make(5);
	char *text;

	(void)state;
	s->ui.paused = true;
	s->ui.record = "REC x.ftprof 12 kB";
	text = shot(s, 30, 100, false);
	has(text, "PAUSED");
	has(text, "REC x.ftprof 12 kB  q quit");
	free(text);
	s->ui.ended = true;
	s->ui.note = "the end";
	text = shot(s, 30, 100, false);
	has(text, "ENDED");
	has(text, "the end");
	has_not(text, "q quit");
	free(text);
	s->ui.inspect = "first\nsecond\x1b\nthird";
	s->ui.scroll = 1;
	text = shot(s, 30, 100, false);
	has_not(text, "first");
	has(text, "second?");
	has_not(text, "THREADS");
	free(text);
	drop(s);
}

/* Before the first look there is nothing, and that is no error. */
static void test_nothing_yet(void **state)
{
	struct ft_window_view v = {0};
	struct ft_top_ui ui = {.parts = FT_TOP_PARTS};
	struct ft_top_grid g;

	(void)state;
	assert_int_equal(ft_top_grid_init(&g, 24, 80, false), 0);
	assert_int_equal(ft_top_screen(&g, &v, &ui), 0);
	ft_top_grid_free(&g);
	ft_top_grid_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_figures), cmocka_unit_test(test_sort),
		cmocka_unit_test(test_sizes),	cmocka_unit_test(test_tiny),
		cmocka_unit_test(test_chosen),	cmocka_unit_test(test_names),
		cmocka_unit_test(test_modes),	cmocka_unit_test(test_nothing_yet),
	};

	/* how wide characters are */
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
