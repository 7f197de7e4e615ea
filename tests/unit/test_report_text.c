/* SPDX-License-Identifier: BSD-2-Clause */
/* The text report: one case to the letter, and what holds for every width and every input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "scenario.h"
#include "view/report_flow.h"
#include "view/report_text.h"

/* clang-format off: the report as it is seen */
static const char web_80[] =
	"web  pid 4312  Python 3.14.6, GIL on  10.0 s  4 of 64 cores allowed\n"
	"ftprof used 0.4 % of a core; 0 of 118,204 events lost; no probes in target\n"
	"\n"
	"GIL-BOUND. 1.0 of 4 cores worked; 2.1 more stood idle while threads wanted the\n"
	"GIL. 2.6 threads at a time waited for it, 25.8 s in 10.0 s. After a blocking\n"
	"call a thread waited 4.85 ms for it (median), 30.9 ms (p99).\n"
	"-> Free threading has room here: 2.1 idle cores were wanted.\n"
	"-> Without it: fewer threads that compute beside those that wait for I/O, or\n"
	"   processes.\n"
	"\n"
	"THREADS                    tid     Python  waits GIL  own locks\n"
	"  Thread (crunc x3             6.90s  23% 20.7s  69%          -  ████▓gggggggggg\n"
	"  AnyIO worker th x8           0.72s   1% 3.20s   4% 74.4s  93%  gyyyyyyyyyyyyyy\n"
	"  web (main)              4312 0.90s   9% 1.40s  14%          -  █gg············\n"
	"  grpc_poller (native)    4324          -          -          -  ···············\n"
	"  all threads                  8.52s   7% 25.3s  19% 74.4s  57%  █gggyyyyyyyyy··\n"
	"   █ Python  ▓ native, GIL free  g waits GIL\n"
	"  y waits in the program's own locks and queues  · asleep\n"
	"  also: native, GIL free 1.20s (0.9%)  asleep 19.8s (15.2%)\n"
	"  The split between Python and native is good to ± 0.89 % of the time on cores\n"
	"  (9,720 ticks).\n"
	"\n"
	"PROCESS\n"
	"  cores used at once      0: 7.0 %, 1: 86 %, 2: 6.0 %, 3: 1.0 %\n"
	"                          mean 1.09 while any was\n"
	"  idle for the GIL        21.00 core-seconds (2.10 cores at a time)\n"
	"  GIL waits               1,681 (1,668 to 1,701)  median 14.9 ms  p99 14.9 ms\n"
	"                          max 31 ms\n"
	"   after a blocking call  920  median 4.85 ms  p99 30.9 ms\n"
	"   after a forced switch  1,681  median 14.9 ms  p99 14.9 ms\n"
	"  GIL handed over         199 times a second; held 87 % of the time,\n"
	"                          off core 1.8 %\n"
	"  asleep in               epoll_wait 13 %, recvfrom 1.9 % of all threads' time\n";

static const char web_80_ascii[] =
	"web  pid 4312  Python 3.14.6, GIL on  10.0 s  4 of 64 cores allowed\n"
	"ftprof used 0.4 % of a core; 0 of 118,204 events lost; no probes in target\n"
	"\n"
	"GIL-BOUND. 1.0 of 4 cores worked; 2.1 more stood idle while threads wanted the\n"
	"GIL. 2.6 threads at a time waited for it, 25.8 s in 10.0 s. After a blocking\n"
	"call a thread waited 4.85 ms for it (median), 30.9 ms (p99).\n"
	"-> Free threading has room here: 2.1 idle cores were wanted.\n"
	"-> Without it: fewer threads that compute beside those that wait for I/O, or\n"
	"   processes.\n"
	"\n"
	"THREADS                    tid     Python  waits GIL  own locks\n"
	"  Thread (crunc x3             6.90s  23% 20.7s  69%          -  ####=gggggggggg\n"
	"  AnyIO worker th x8           0.72s   1% 3.20s   4% 74.4s  93%  gyyyyyyyyyyyyyy\n"
	"  web (main)              4312 0.90s   9% 1.40s  14%          -  #gg............\n"
	"  grpc_poller (native)    4324          -          -          -  ...............\n"
	"  all threads                  8.52s   7% 25.3s  19% 74.4s  57%  #gggyyyyyyyyy..\n"
	"   # Python  = native, GIL free  g waits GIL\n"
	"  y waits in the program's own locks and queues  . asleep\n"
	"  also: native, GIL free 1.20s (0.9%)  asleep 19.8s (15.2%)\n"
	"  The split between Python and native is good to +- 0.89 % of the time on cores\n"
	"  (9,720 ticks).\n"
	"\n"
	"PROCESS\n"
	"  cores used at once      0: 7.0 %, 1: 86 %, 2: 6.0 %, 3: 1.0 %\n"
	"                          mean 1.09 while any was\n"
	"  idle for the GIL        21.00 core-seconds (2.10 cores at a time)\n"
	"  GIL waits               1,681 (1,668 to 1,701)  median 14.9 ms  p99 14.9 ms\n"
	"                          max 31 ms\n"
	"   after a blocking call  920  median 4.85 ms  p99 30.9 ms\n"
	"   after a forced switch  1,681  median 14.9 ms  p99 14.9 ms\n"
	"  GIL handed over         199 times a second; held 87 % of the time,\n"
	"                          off core 1.8 %\n"
	"  asleep in               epoll_wait 13 %, recvfrom 1.9 % of all threads' time\n";
/* clang-format on */

/* What the stacks of the session say. */
static struct ft_func_lists funcs;

static char *render(struct scenario *sc, const struct ft_report_opts *o, const char *damage)
{
	struct ft_text out = {0};
	struct ft_model m;

	sc->damage = damage;
	assert_int_equal(sc_model(sc, &m), 0);
	ft_report_head(&out, &m, o);
	ft_report_verdict(&out, &m, o);
	ft_report_threads(&out, &m, o);
	ft_report_funcs(&out, &m, &funcs, o);
	ft_report_process(&out, &m, o);
	assert_int_equal(out.err, 0);
	assert_non_null(out.s);
	ft_model_free(&m);
	return out.s;
}

static void check_golden(const char *got, const char *want)
{
	if (strcmp(got, want))
		print_error("--- got\n%s--- want\n%s", got, want);
	assert_true(!strcmp(got, want));
}

static void test_golden(void **state)
{
	struct ft_report_opts o = {.width = 80};
	struct scenario *sc = sc_web();
	char *s;

	(void)state;
	s = render(sc, &o, NULL);
	check_golden(s, web_80);
	free(s);
	o.ascii = true;
	s = render(sc, &o, NULL);
	check_golden(s, web_80_ascii);
	free(s);
	sc_free(sc);
}

/* Every line within the width, control bytes only where they belong. */
static void check_lines(const char *s, const struct ft_report_opts *o)
{
	size_t width = (size_t)ft_report_width(o->width), cols = 0;
	const char *p;

	for (p = s; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (c == '\x1b') {
			assert_true(o->color);
			p += strcspn(p, "m");
			continue;
		}
		if (c == '\n') {
			cols = 0;
			continue;
		}
		assert_true(c >= 0x20 && c != 0x7f);
		if (o->ascii)
			assert_true(c < 0x7f);
		if ((c & 0xc0) != 0x80)
			cols++;
		if (cols > width)
			print_error("width %zu: %s\n", width, s);
		assert_true(cols <= width);
	}
	assert_true(p > s && p[-1] == '\n');
}

/* Names and notes as a hostile target would choose them. */
static struct scenario *hostile(void)
{
	struct scenario *sc = sc_web();
	size_t i;

	strcpy(sc->info.name, "\x1b[31mevil\n\x07");
	memset(sc->info.python, 'x', sizeof(sc->info.python) - 1);
	memset(sc->info.gil_enabled_by, 'y', sizeof(sc->info.gil_enabled_by) - 1);
	sc->info.gil = FT_GIL_ENABLED;
	sc->info.free_threaded = true;
	memset(sc->info.limits, 'z', sizeof(sc->info.limits) - 1);
	snprintf(sc->info.sites, sizeof(sc->info.sites), "\x1b]0;title\x07\n\n\xff\xfe\n%0300d", 7);
	sc->totals.probes_in_target = 3;
	for (i = 0; i < sc->cnt; i++)
		memset(sc->recs[i].name, (int)(0x80 + i * 7), sizeof(sc->recs[i].name));
	strcpy(sc->recs[0].name, "\x1b[2J\xc3\xa9\xe2\x82\xac\n%s%n");
	sc->recs[2].t.start_ns -= 3000 * MS;
	sc->recs[3].t.start_ns += 3000 * MS;
	return sc;
}

static void test_properties(void **state)
{
	struct scenario *(*const make[])(void) = {sc_web, hostile};
	struct ft_report_opts o;
	size_t i;
	int bits;

	(void)state;
	for (i = 0; i < sizeof(make) / sizeof(make[0]); i++) {
		struct scenario *sc = make[i]();

		for (o.width = 0; o.width < 260; o.width += o.width < 130 ? 1 : 13) {
			for (bits = 0; bits < 8; bits++) {
				char *s;

				o.color = bits & 1;
				o.ascii = bits & 2;
				o.threads = bits & 4;
				s = render(sc, &o, bits & 1 ? "cut\x1b[0m off" : NULL);
				check_lines(s, &o);
				free(s);
			}
		}
		sc_free(sc);
	}
}

/* Whatever a damaged file holds. */
static void test_noise(void **state)
{
	struct ft_report_opts o = {.width = 80, .threads = true};
	int round;

	(void)state;
	srand(11);
	for (round = 0; round < 40; round++) {
		struct scenario *sc = sc_web();
		unsigned char *p;
		size_t i, j;
		char *s;

		for (j = 0; j < sc->cnt; j++)
			for (p = (unsigned char *)&sc->recs[j], i = 0; i < sizeof(*sc->recs); i++)
				p[i] = (unsigned char)rand();
		for (p = (unsigned char *)&sc->totals, i = 0; i < sizeof(sc->totals); i++)
			p[i] = (unsigned char)rand();
		o.ascii = round & 1;
		s = render(sc, &o, NULL);
		check_lines(s, &o);
		free(s);
		sc_free(sc);
	}
}

static void test_words_of_a_build_without_gil(void **state)
{
	struct ft_report_opts o = {.width = 100};
	struct scenario *sc = sc_new(5000, 2, FT_GIL_OFF);
	char *s;

	(void)state;
	sc_add(sc, (struct sc_thread){.name = "a", .on = 4900, .runq = 100});
	sc_add(sc, (struct sc_thread){.name = "b", .on = 4900, .runq = 100});
	sc_levels(sc, 0, 200, 4800, 0, 0);
	s = render(sc, &o, NULL);
	assert_non_null(strstr(s, "free-threaded, GIL off"));
	assert_non_null(strstr(s, "running"));
	assert_null(strstr(s, "native"));
	assert_null(strstr(s, "GIL waits"));
	assert_non_null(strstr(s, "shared reference"));
	free(s);
	sc_free(sc);
}

/* clang-format off: the block as it is seen */
static const char funcs_80[] =
	"\n"
	"TOP FUNCTIONS\n"
	"  on cores, 9.72s\n"
	"   50% 4.86s  crunch                          …/deep/down/in/a/package/app.py:41\n"
	"   20% 1.94s  Handler.do_GET.<locals>.square  web.py:7\n"
	"   10% 0.97s  memcpy                          /lib/libc.so.6\n"
	"    5% 0.49s  [no stack]\n"
	"  holding the GIL while others waited, 25.3s\n"
	"  100% 25.3s  crunch                          …/deep/down/in/a/package/app.py:41\n"
	"  0.05 % of 12,345 stacks have an error (frame unreadable 2, code unreadable 4).\n"
	"  1.0 % are deeper than 128 frames. 50 % of the switches were sampled, the\n"
	"  others counted with them.\n"
	"  Ticks saw 80 % of the waits under a holder on a core.\n"
	"  Native stacks end early, for want of frame pointers, in libx.so, liby.so.6.\n";
/* clang-format on */

static void some_funcs(void)
{
	struct ft_func_list *l = &funcs.list[FT_FUNCS_ON_CPU];
	const struct ft_func crunch = {
		.name = "crunch",
		.file = "/home/somebody/src/example/deep/down/in/a/package/app.py",
		.line = 41,
		.self_ns = 4860 * MS,
	};

	funcs.present = true;
	l->total_ns = 9720 * MS;
	l->func[0] = crunch;
	l->func[1] = (struct ft_func){
		"Handler.do_GET.<locals>.square", "web.py", 7, FT_FK_PYTHON, 1944 * MS, 0};
	l->func[2] = (struct ft_func){"memcpy", "/lib/libc.so.6", 0, FT_FK_NATIVE, 972 * MS, 0};
	l->func[3] = (struct ft_func){"rare", "web.py", 9, FT_FK_PYTHON, 9 * MS, 0};
	l->cnt = 4;
	l->mark[0] = (struct ft_func){"[no stack]", "", 0, FT_FK_MARK, 486 * MS, 0};
	l->mark_cnt = 1;
	/* too little to be worth a table */
	l = &funcs.list[FT_FUNCS_GIL_WAIT];
	l->total_ns = 1 * MS;
	l->func[0] = crunch;
	l->cnt = 1;
	l = &funcs.list[FT_FUNCS_GIL_BLAME];
	l->total_ns = 25300 * MS;
	l->func[0] = crunch;
	l->func[0].self_ns = 25300 * MS;
	l->cnt = 1;
	l->factor = 1.25;
}

static void test_functions(void **state)
{
	struct ft_report_opts o = {.width = 80};
	struct scenario *sc = sc_web();
	char *s, *end;

	(void)state;
	some_funcs();
	strcpy(sc->info.cut, "libx.so\nliby.so.6\n");
	sc->totals.sums.cnt[FT_CN_STACKS] = 12345;
	sc->totals.sums.cnt[FT_CN_STACK_MARK + FT_PM_ENTRY] = 12345;
	sc->totals.sums.cnt[FT_CN_STACK_MARK + FT_PM_FRAME] = 2;
	sc->totals.sums.cnt[FT_CN_STACK_MARK + FT_PM_CODE] = 4;
	sc->totals.sums.cnt[FT_CN_STACK_MARK + FT_PM_TRUNCATED] = 123;
	sc->totals.sums.cnt[FT_CN_STACK_SKIPPED] = 650;
	s = render(sc, &o, NULL);
	end = strstr(s, "\nPROCESS");
	assert_non_null(end);
	*end = '\0';
	assert_non_null(strstr(s, "\nTOP FUNCTIONS"));
	check_golden(strstr(s, "\nTOP FUNCTIONS"), funcs_80);
	free(s);
	/* a session without stacks says nothing of them */
	funcs.present = false;
	s = render(sc, &o, NULL);
	assert_null(strstr(s, "TOP FUNCTIONS"));
	free(s);
	memset(&funcs, 0, sizeof(funcs));
	sc_free(sc);
}

static void test_hostile_functions(void **state)
{
	static const char *const names[] = {"\x1b[2J\n\x07",
					    "",
					    "é€\xf0\x9f\x90\x8d",
					    "/",
					    "///////////////////////////////////",
					    "a name that is far longer than any column and goes on "
					    "and on and on and on and on"};
	struct ft_report_opts o = {.width = 0};
	struct scenario *sc = sc_web();
	size_t i, k;
	int bits;
	char *s;

	(void)state;
	some_funcs();
	memset(sc->info.cut, 'x', sizeof(sc->info.cut) - 1);
	memset(sc->totals.sums.cnt, 0x7f, sizeof(sc->totals.sums.cnt));
	for (i = 0; i < 6; i++) {
		for (k = 0; k < 4; k++) {
			funcs.list[FT_FUNCS_ON_CPU].func[k].name = names[i];
			funcs.list[FT_FUNCS_ON_CPU].func[k].file = names[(i + k) % 6];
			funcs.list[FT_FUNCS_ON_CPU].func[k].line = k % 2 ? ~0u : 0;
		}
		for (o.width = 40; o.width < 130; o.width += 3) {
			for (bits = 0; bits < 4; bits++) {
				o.color = bits & 1;
				o.ascii = bits & 2;
				s = render(sc, &o, NULL);
				check_lines(s, &o);
				free(s);
			}
		}
	}
	memset(&funcs, 0, sizeof(funcs));
	sc_free(sc);
}

static void test_head(void **state)
{
	struct ft_report_opts o = {.width = 100};
	struct scenario *sc = sc_web();
	char *s;

	(void)state;
	sc->info.end = FT_END_EXIT;
	sc->info.end_status = 3 << 8;
	sc->info.quota = 1.5;
	sc->info.children = 1;
	sc->totals.sums.cnt[FT_CN_LOST_RING] = 1796;
	sc->totals.sums.cnt[FT_CN_NO_SLOT] = 12;
	sc->totals.probes_in_target = 2;
	strcpy(sc->info.sites, "take_gil: by its symbol\npthread_cond_signal: in libc");
	strcpy(sc->info.limits, "no ticks: forbidden here");
	s = render(sc, &o, "it ends in the middle.");
	assert_non_null(strstr(s, "(it exited with status 3)"));
	assert_non_null(strstr(s, "4 of 64 cores allowed, quota 1.5"));
	assert_non_null(strstr(s, "1,796 of 120,000 events lost"));
	assert_non_null(strstr(s, "probes in target on "
				  "take_gil,"));
	assert_non_null(strstr(s, "Damaged file: it ends in the middle.\n"));
	assert_non_null(strstr(s, "Missing: 12 threads were not followed"));
	assert_non_null(strstr(s, "Not measured: no ticks: forbidden here\n"));
	assert_non_null(strstr(s, "1 child process running Python is not in it."));
	free(s);
	sc->info.end_status = 9;
	s = render(sc, &o, NULL);
	assert_non_null(strstr(s, "(it died of signal 9)"));
	free(s);
	sc_free(sc);
}

/* Groups open on demand, and a long table says what it leaves out. */
static void test_rows(void **state)
{
	struct ft_report_opts o = {.width = 100};
	struct scenario *sc = sc_new(5000, 2, FT_GIL_ON);
	char name[16], *s;
	int i;

	(void)state;
	for (i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "t%c%c", 'a' + i % 26, 'a' + i / 26);
		sc_add(sc, (struct sc_thread){.name = name, .on = 10});
	}
	s = render(sc, &o, NULL);
	assert_non_null(strstr(s, "... and 10 more rows: --threads"));
	free(s);
	o.threads = true;
	s = render(sc, &o, NULL);
	assert_null(strstr(s, "more rows"));
	free(s);
	sc_free(sc);

	sc = sc_web();
	s = render(sc, &o, NULL);
	assert_non_null(strstr(s, "    Thread-9 (crun"));
	assert_non_null(strstr(s, "4314"));
	free(s);
	o.threads = false;
	s = render(sc, &o, NULL);
	assert_null(strstr(s, "4314"));
	free(s);
	sc_free(sc);
}

static void test_flow(void **state)
{
	struct ft_text out = {0};
	struct ft_flow f;

	(void)state;
	ft_flow_begin(&f, &out, 40, false, 2);
	ft_flow_words(&f, "a wait of the kind that takes some 4.9 ms each");
	ft_flow_end(&f);
	assert_string_equal(out.s, "a wait of the kind that takes some\n  4.9 ms each\n");
	ft_text_free(&out);
	memset(&out, 0, sizeof(out));
	ft_flow_begin(&f, &out, 40, true, 0);
	ft_flow_item(&f, 0, "an item that is wider than any line can be is broken after all");
	ft_flow_item(&f, 1, "\xe2\x82\xac");
	ft_flow_end(&f);
	assert_string_equal(out.s,
			    "an item that is wider than any line can\nbe is broken after all ?\n");
	ft_text_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_properties),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_words_of_a_build_without_gil),
		cmocka_unit_test(test_functions),
		cmocka_unit_test(test_hostile_functions),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_flow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
