/* SPDX-License-Identifier: BSD-2-Clause */
/* The drawing of a timeline: golden text for small cases, and what must hold for every drawing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "view/timeline_text.h"

#define MS 1000000ull
#define T0 (5000 * MS)

struct scene {
	struct ft_session_info info;
	struct ft_totals totals;
	struct ft_model m;
	struct ft_mthread *mt;
	struct ft_timeline *tl;
};

static void *zeros(size_t n, size_t size)
{
	void *p = calloc(n + 1, size);

	assert_non_null(p);
	return p;
}

/* Columns of 1 ms each, nothing happening. */
static void scene_init(struct scene *s, __u32 cols, __u32 cores, __u32 threads, bool gil)
{
	struct ft_timeline *tl = zeros(1, sizeof(*tl));

	memset(s, 0, sizeof(*s));
	s->tl = tl;
	tl->from_ns = T0;
	tl->to_ns = T0 + cols * MS;
	tl->end_ns = tl->to_ns;
	tl->col_ns = (double)MS;
	tl->cols = cols;
	tl->core_cnt = cores;
	tl->cores = zeros(cores, sizeof(*tl->cores));
	tl->core = zeros((size_t)cores * cols, sizeof(*tl->core));
	tl->thread_cnt = threads;
	tl->thr = zeros(threads, sizeof(*tl->thr));
	tl->thread = zeros((size_t)threads * cols, sizeof(*tl->thread));
	tl->rest = zeros(cols, sizeof(*tl->rest));
	tl->at_once = zeros(cols, sizeof(double));
	tl->at_once_max = zeros(cols, sizeof(double));
	tl->gap = zeros(cols, sizeof(bool));
	tl->events = 1;
	s->mt = zeros(threads, sizeof(*s->mt));
	for (__u32 i = 0; i < cores; i++)
		tl->cores[i] = (__u16)i;
	for (size_t i = 0; i < (size_t)cores * cols; i++)
		tl->core[i].top_thr = FT_NO_THREAD;
	for (__u32 i = 0; i < threads; i++) {
		tl->thr[i] = i;
		s->mt[i].thr = i;
		snprintf(s->mt[i].name, sizeof(s->mt[i].name), "worker_%u", i);
	}
	s->info.start_ns = T0;
	s->info.gil = gil ? FT_GIL_ON : FT_GIL_OFF;
	s->info.has_events = true;
	snprintf(s->info.name, sizeof(s->info.name), "web");
	s->m.info = &s->info;
	s->m.totals = &s->totals;
	s->m.threads = s->mt;
	s->m.thread_cnt = threads;
	s->m.gil_present = gil;
}

static void scene_free(struct scene *s)
{
	ft_timeline_free(s->tl);
	free(s->mt);
}

/* Thread thr has share (in percent) of column i on a core. */
static void runs(struct scene *s, __u32 thr, __u32 core, __u32 i, unsigned share, bool gil)
{
	struct ft_timeline *tl = s->tl;
	struct ft_tl_core *c = &tl->core[(size_t)core * tl->cols + i];
	__u64 ns = share * MS / 100;

	*(gil ? &c->gil_ns : &c->free_ns) += ns;
	if (ns > c->top_ns) {
		c->top_ns = ns;
		c->top_thr = thr;
	}
	tl->at_once[i] += share / 100.0;
	if (thr < tl->thread_cnt)
		tl->thread[(size_t)thr * tl->cols + i].ns[gil ? FT_R_ON_GIL : FT_R_ON_FREE] += ns;
}

static void waits(struct scene *s, __u32 thr, enum ft_rstate st, __u32 i, unsigned share)
{
	s->tl->thread[(size_t)thr * s->tl->cols + i].ns[st] += share * MS / 100;
}

/* Two threads, two cores, 24 columns of 1 ms. */
static void small(struct scene *s)
{
	scene_init(s, 24, 2, 2, true);
	for (__u32 i = 0; i < 24; i++) {
		bool a = i / 6 % 2 == 0;

		if (i == 23)
			break;
		runs(s, a ? 0 : 1, i / 4 % 2, i, 100 - i * 4, i % 6 != 5);
		waits(s, a ? 1 : 0, i < 12 ? FT_R_GIL_WAIT : FT_R_SYNC_WAIT, i, 100);
		waits(s, a ? 0 : 1, FT_R_BLOCKED, i, i * 4);
	}
	s->tl->core[2].other_ns = 0;
	s->tl->core[4].other_ns = 700000;
	s->tl->gap[20] = true;
}

static char *draw(const struct scene *s, int width, bool ascii, bool color, bool zoom)
{
	struct ft_tl_text_opts o = {.width = width, .ascii = ascii, .color = color, .zoom = zoom};
	struct ft_text t = {0};

	assert_int_equal(ft_tl_text(s->tl, &s->m, &o, &t), 0);
	assert_non_null(t.s);
	return t.s;
}

static void expect_text(char *got, const char *want)
{
	if (strcmp(got, want))
		fail_msg("drawn:\n%s\nwanted:\n%s", got, want);
	free(got);
}

static void test_golden_overview(void **state)
{
	struct scene s;

	(void)state;
	small(&s);
	expect_text(draw(&s, 48, false, false, false),
		    "web     GIL on    24 ms   one column = 1 ms\n"
		    "at once 11111111111110000000?000 0.54\n"
		    "cpu 0   ████x···▆▆▅▒····▃░▃▂?···  31%\n"
		    "cpu 1   ····▇▓▇▆····▅▄▄▄····▂▂▁·  23%\n"
		    "ms      +0        +10       +20\n"
		    "        ▁█ holds the GIL  ░▒▓ runs GIL free\n"
		    "        x another process  · idle\n"
		    "        ? events lost here\n"
		    "        at once: threads on cores, mean\n");
	expect_text(draw(&s, 48, true, false, false),
		    "web     GIL on    24 ms   one column = 1 ms\n"
		    "at once 11111111111110000000?000 0.54\n"
		    "cpu 0   9999x...766=....4-32?...  31%\n"
		    "cpu 1   ....8#87....5544....221.  23%\n"
		    "ms      +0        +10       +20\n"
		    "        1-9 holds the GIL  -=# runs GIL free\n"
		    "        x another process  . idle\n"
		    "        ? events lost here\n"
		    "        at once: threads on cores, mean\n");
	scene_free(&s);
}

static void test_golden_zoom(void **state)
{
	struct scene s;

	(void)state;
	small(&s);
	expect_text(draw(&s, 48, false, false, true), "ZOOM 24 ms at +0 s: one column = 1 ms\n"
						      "ms      +0        +10       +20\n"
						      "cpu 0   AAAAx···BBBb····AaB·?···  31%\n"
						      "cpu 1   ····AaBB····AAAA····?···  23%\n"
						      "A       █████▒gggggg█████▒yyyyy   33%\n"
						      "B       gggggg█████▒yyyyyy█····   21%\n"
						      "        A worker_0  B worker_1\n"
						      "        █ holds the GIL  ▒ runs GIL free\n"
						      "        g waits GIL  y own locks, queues\n"
						      "        · asleep, idle  x another process\n"
						      "        ? events lost here\n"
						      "        a-z on a core, GIL free\n");
	expect_text(draw(&s, 48, true, false, true), "ZOOM 24 ms at +0 s: one column = 1 ms\n"
						     "ms      +0        +10       +20\n"
						     "cpu 0   AAAAx...BBBb....AaB.?...  31%\n"
						     "cpu 1   ....AaBB....AAAA....?...  23%\n"
						     "A       #####=gggggg#####=yyyyy   33%\n"
						     "B       gggggg#####=yyyyyy#....   21%\n"
						     "        A worker_0  B worker_1\n"
						     "        # holds the GIL  = runs GIL free\n"
						     "        g waits GIL  y own locks, queues\n"
						     "        . asleep, idle  x another process\n"
						     "        ? events lost here\n"
						     "        a-z on a core, GIL free\n");
	scene_free(&s);
}

/* Each line at most `width` columns; nothing but printable text. */
static void check(const char *s, int width, bool ascii, bool color)
{
	int col = 0;

	assert_true(s[0] && s[strlen(s) - 1] == '\n');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '\n') {
			col = 0;
			continue;
		}
		if (c == 0x1b) {
			assert_true(color && s[1] == '[');
			s += strcspn(s, "m");
			continue;
		}
		assert_true(c >= 0x20 && c != 0x7f);
		assert_true(!ascii || c < 0x80);
		col += (c & 0xc0) != 0x80;
		if (col > width)
			fail_msg("a line has more than %d columns", width);
	}
}

static void check_all(const struct scene *s)
{
	static const int widths[] = {1, 2, 7, 11, 12, 23, 24, 39, 40, 41, 79, 80, 120, 200, 400};

	for (size_t w = 0; w < sizeof(widths) / sizeof(widths[0]); w++)
		for (int flags = 0; flags < 8; flags++) {
			char *t = draw(s, widths[w], flags & 1, flags & 2, flags & 4);

			check(t, widths[w], flags & 1, flags & 2);
			free(t);
		}
	free(draw(s, 0, false, false, false));
	free(draw(s, -5, false, false, true));
}

static void random_scene(struct scene *s, __u32 cols, __u32 cores, __u32 threads, bool gil)
{
	__u32 r = cols + cores;

	scene_init(s, cols, cores, threads, gil);
	for (__u32 i = 0; i < cols; i++) {
		for (__u32 c = 0; c < cores; c++) {
			r = r * 1664525u + 1013904223u;
			runs(s, (r >> 9) % (threads + 3), c, i, (r >> 20) % 100, r & 1024);
			if (r & 4096)
				s->tl->core[(size_t)c * cols + i].other_ns = (r >> 8) % 900000;
		}
		for (__u32 t = 0; t < threads; t++) {
			r = r * 1664525u + 1013904223u;
			waits(s, t, (enum ft_rstate)((r >> 9) % FT_R_CNT), i, 60);
		}
		s->tl->gap[i] = (r >> 7) % 5 == 0;
		s->tl->rest[i].ns[FT_R_RUNQ] = r % MS;
	}
	s->tl->rest_cnt = 3;
}

static void test_properties(void **state)
{
	static const __u32 shape[][3] = {{1, 1, 1},   {64, 2, 4},    {3, 0, 2},	   {64, 2, 0},
					 {500, 5, 9}, {64, 300, 40}, {104, 17, 30}};

	(void)state;
	for (size_t i = 0; i < sizeof(shape) / sizeof(shape[0]); i++)
		for (int gil = 0; gil < 2; gil++) {
			struct scene s;

			random_scene(&s, shape[i][0], shape[i][1], shape[i][2], gil);
			s.tl->end_ns = T0 + shape[i][0] * MS * 2 / 3;
			check_all(&s);
			scene_free(&s);
		}
}

static void test_nothing_to_draw(void **state)
{
	struct scene s;
	char *t;

	(void)state;
	scene_init(&s, 10, 2, 0, true);
	check_all(&s); /* no threads at all */
	s.tl->events = 0;
	s.info.has_events = false;
	t = draw(&s, 80, false, false, false);
	assert_non_null(strstr(t, "no events"));
	free(t);
	check_all(&s);
	s.tl->to_ns = s.tl->end_ns = s.tl->from_ns;
	s.tl->col_ns = 0;
	t = draw(&s, 80, false, false, true);
	assert_non_null(strstr(t, "empty"));
	free(t);
	check_all(&s);
	scene_free(&s);
}

static void test_names_are_hostile(void **state)
{
	struct scene s;
	char *t;

	(void)state;
	small(&s);
	memcpy(s.mt[0].name, "\x1b]0;own\x07\n\xff\xc3\xa9", 13);
	memcpy(s.info.name, "\x1b[2J\r\n\x9b", 8);
	t = draw(&s, 80, false, false, true);
	assert_non_null(strstr(t, "A ?]0;own???\xc3\xa9  B worker_1"));
	free(t);
	t = draw(&s, 80, true, false, true);
	assert_non_null(strstr(t, "A ?]0;own????  B worker_1"));
	free(t);
	check_all(&s);
	scene_free(&s);
}

static void test_color_of_held_and_free(void **state)
{
	struct scene s;
	char *t;

	(void)state;
	scene_init(&s, 2, 1, 1, true);
	runs(&s, 0, 0, 0, 100, true);
	runs(&s, 0, 0, 1, 100, false);
	t = draw(&s, 80, false, true, false);
	assert_non_null(strstr(t, "\x1b[38;5;214m█\x1b[0m\x1b[38;5;36m█"));
	free(t);
	t = draw(&s, 80, false, false, false);
	assert_non_null(strstr(t, "cpu 0   █▓ 100%"));
	free(t);
	t = draw(&s, 80, true, false, true);
	assert_non_null(strstr(t, "cpu 0   Aa 100%"));
	assert_non_null(strstr(t, "A       #= 100%"));
	free(t);
	scene_free(&s);
}

static void test_many_cores(void **state)
{
	struct scene s;
	char *t;

	(void)state;
	scene_init(&s, 8, 64, 1, true);
	runs(&s, 0, 63, 0, 50, true);
	t = draw(&s, 80, false, false, false);
	assert_non_null(strstr(t, "cpu 14"));
	assert_null(strstr(t, "cpu 15 "));
	assert_non_null(strstr(t, "cpu 63  ▄"));
	assert_non_null(strstr(t, "48 more cores: idle\n"));
	free(t);
	scene_free(&s);
}

static void test_pair(void **state)
{
	struct ft_tl_text_opts o = {.width = 48};
	struct scene a, b;
	struct ft_tl_side sa, sb;
	struct ft_text t = {0};

	(void)state;
	small(&a);
	random_scene(&b, 24, 2, 2, false);
	b.tl->end_ns = T0 + 14 * MS;
	for (__u32 i = 0; i < 24; i++) {
		b.tl->gap[i] = false;
		b.tl->at_once[i] = i < 14 ? 2 : 0;
		for (__u32 c = 0; c < 2; c++)
			b.tl->core[c * 24 + i] = (struct ft_tl_core){.free_ns = i < 14 ? MS : 0};
	}
	sa = (struct ft_tl_side){a.tl, &a.m, "3.14"};
	sb = (struct ft_tl_side){b.tl, &b.m, "3.14t"};
	assert_int_equal(ft_tl_text_pair(&sa, &sb, &o, &t), 0);
	expect_text(t.s, "3.14    GIL on    24 ms   one column = 1 ms, sam\n"
			 "at once 11111111111110000000?000 0.54\n"
			 "cpu 0   ████x···▆▆▅▒····▃░▃▂?···  31%\n"
			 "cpu 1   ····▇▓▇▆····▅▄▄▄····▂▂▁·  23%\n"
			 "3.14t   GIL off   14 ms\n"
			 "at once 22222222222222|ends      2.00\n"
			 "cpu 0   ██████████████|          100%\n"
			 "cpu 1   ██████████████|          100%\n"
			 "ms      +0        +10       +20\n"
			 "        ▁█ holds the GIL; GIL off: runs\n"
			 "        ░▒▓ runs GIL free  x another process\n"
			 "        · idle  ? events lost here\n"
			 "        at once: threads on cores, mean\n");
	for (int w = 1; w < 130; w += 3)
		for (int flags = 0; flags < 4; flags++) {
			t = (struct ft_text){0};
			o = (struct ft_tl_text_opts){
				.width = w, .ascii = flags & 1, .color = flags & 2};
			assert_int_equal(ft_tl_text_pair(&sa, &sb, &o, &t), 0);
			check(t.s, w, o.ascii, o.color);
			free(t.s);
		}
	t = (struct ft_text){0};
	b.tl->to_ns += 5;
	assert_int_equal(ft_tl_text_pair(&sa, &sb, &o, &t), -EINVAL);
	b.tl->to_ns -= 5;
	b.tl->cols--;
	assert_int_equal(ft_tl_text_pair(&sa, &sb, &o, &t), -EINVAL);
	ft_text_free(&t);
	scene_free(&a);
	scene_free(&b);
}

static void test_columns_and_zoom(void **state)
{
	static const struct {
		int width;
		__u64 session, zoom;
	} cases[] = {
		{80, 10000 * MS, 64 * MS},
		{80, 1000 * MS, 64 * MS},
		{120, 10000 * MS, 104 * MS},
		{80, 100 * MS, 6400000},
		{80, 1000, 0},
		{80, 0, 0},
		{200, 10000 * MS, 184 * MS},
	};

	(void)state;
	assert_int_equal(ft_tl_text_cols(80), 64);
	assert_int_equal(ft_tl_text_cols(0), 64);
	assert_int_equal(ft_tl_text_cols(1), 1);
	assert_int_equal(ft_tl_text_cols(39), 31);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(ft_tl_text_zoom_ns(cases[i].width, cases[i].session),
				 cases[i].zoom);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_overview),
		cmocka_unit_test(test_golden_zoom),
		cmocka_unit_test(test_properties),
		cmocka_unit_test(test_nothing_to_draw),
		cmocka_unit_test(test_names_are_hostile),
		cmocka_unit_test(test_color_of_held_and_free),
		cmocka_unit_test(test_many_cores),
		cmocka_unit_test(test_pair),
		cmocka_unit_test(test_columns_and_zoom),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
