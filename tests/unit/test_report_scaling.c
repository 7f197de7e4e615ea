/* SPDX-License-Identifier: BSD-2-Clause */
/* What keeps a program from scaling as text: one case to the letter, all widths, hostile names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "scaling_fixture.h"
#include "view/report_flow.h"
#include "view/report_text.h"

/* clang-format off: the report as it is seen */
static const char golden[] =
	"\n"
	"What keeps this from scaling  7.90s of 20.0s core time lost\n"
	"  1  4.35s  22%  lock        dict at app.py:8 work (4 threads, 433,100 yields,\n"
	"                             2,311 sleeps)\n"
	"                             -> One dict per thread, merged at the end. A Lock\n"
	"                                or more cores won't help.\n"
	"  2  2.00s  10%  sharing     Config at app.py:20 C.other\n"
	"                             -> All threads use the same object: give each\n"
	"                                thread its own, or bind what is read of it to a\n"
	"                                local variable outside the loop.\n"
	"  3  0.75s   4%  lock        threading.Lock at app.py:20 C.other (3 threads,\n"
	"                             77 sleeps)\n"
	"                             -> Hold it shorter, or use a lock for each part of\n"
	"                                the data. Who held it stood at app.py:8 work.\n"
	"  4  0.50s   2%  no core     other processes had 0.05 of its cores\n"
	"                             -> Move them away, or measure again when they rest.\n"
	"  5  0.30s   1%  pauses      garbage collection: 31 pauses, longest 9 ms, asked\n"
	"                             for at pkg/__init__.py:4 setup\n"
	"                             -> Collect less often: no gc.collect() in a loop, a\n"
	"                                higher gc.set_threshold(), gc.freeze() for what\n"
	"                                stays, fewer container objects.\n"
	"\n"
	"LOCKS             slept   spun sleeps yields  thrs   where\n"
	"  dict            1.20s  3.90s  2,311   433k     4   app.py:8 work\n"
	"  threading.Lock  2.00s  0.00s     77      0     3   app.py:20 C.other\n"
	"    held at app.py:8 work\n"
	"  Yields are estimated from those that were seen in 20 windows, 100 ms together;\n"
	"  all of them to ± 12 %.\n"
	"\n"
	"INTERPRETER\n"
	"  stop-the-world          33 pauses, 211 ms stopped (2.1 % of the session)\n"
	"                          median 6.95 ms  p99 6.95 ms  max 9 ms\n"
	"                          until all stood 5 ms\n"
	"   for gc                 31  210 ms  max 9 ms  at pkg/__init__.py:4 setup\n"
	"   for other              2  1 ms  max 1 ms  by set_odd\n"
	"  garbage collection      15 runs: 15 of generation 2  3.0 % (± 0.3 %) of the\n"
	"                          time on cores\n"
	"  extension modules       2 of 3 may bring the GIL back: update the distribution\n"
	"                          of old._core (Old-Thing 1.0), dark (cannot tell)\n"
	"  sharing                 reference counts 11 % (± 0.6 %),\n"
	"                          11 % of objects that several threads use,\n"
	"                          merging them 0.5 %, delayed frees 0 % of the time on\n"
	"                          cores\n"
	"  hardware counters       not available here: no counters on this machine\n"
	"  memory                  10.0 MiB at first, 12.0 at most, 12.0 at last\n"
	"                          13 copies of bytecode for threads (4.0 KiB)\n";
/* clang-format on */

static char *render(struct scenario *sc, const struct ft_report_opts *o)
{
	struct ft_text out = {0};
	struct ft_model m;

	assert_int_equal(sc_model(sc, &m), 0);
	ft_report_scaling(&out, &m, o);
	ft_report_locks(&out, &m, o);
	ft_report_found(&out, &m, o);
	assert_int_equal(out.err, 0);
	ft_model_free(&m);
	if (!out.s)
		ft_text_add(&out, "");
	return out.s;
}

static struct ft_lock_rec lock[3];
static struct ft_pause_rec pause[2];
static struct ft_ext_rec ext[3];
static struct ft_memory_rec memory[3];
static struct ft_weight weight[8];

/* Four threads on two cores that share a dict, a lock and an object, and a collector. */
static struct scenario *words(void)
{
	struct scenario *sc = sc_new(10000, 2, FT_GIL_OFF);
	__u64 *cnt = sc->totals.sums.cnt;
	int i;

	for (i = 0; i < 4; i++)
		sc_add(sc, (struct sc_thread){.name = "count",
					      .on = 4500,
					      .lock_wait = 300,
					      .sync_wait = 500,
					      .stw = 200,
					      .runq = 4400,
					      .ticks_free = 3500,
					      .ticks_spin = 1000});
	sc_levels(sc, 100, 1800, 8100, 0, 0);
	cnt[FT_CN_TICKS] = 18000;
	cnt[FT_CN_TICKS_CLASS + FT_CC_SHARED] = 2000;
	cnt[FT_CN_TICKS_CLASS + FT_CC_MERGE] = 90;
	cnt[FT_CN_TICKS_GC] = 540;
	sc->others_ns = 500 * MS;
	lock[0] = (struct ft_lock_rec){.id = 1,
				       .kind = FT_LK_OBJECT,
				       .name = "dict",
				       .waits = 2311,
				       .wait_ns = 1200 * MS,
				       .spin_ticks = 3900,
				       .yields = 4331,
				       .threads = 4};
	lock[1] = (struct ft_lock_rec){.id = 2,
				       .kind = FT_LK_THREADING,
				       .name = "_thread.lock",
				       .waits = 77,
				       .wait_ns = 2000 * MS,
				       .threads = 3};
	lock[2] = (struct ft_lock_rec){.id = 3, .kind = FT_LK_TYPE, .name = "Config", .other = 9};
	pause[0] = (struct ft_pause_rec){.id = 1,
					 .cause = FT_PC_GC,
					 .cnt = 31,
					 .stopped_ns = 210 * MS,
					 .to_stop_ns = 5 * MS,
					 .max_ns = 9 * MS};
	pause[1] = (struct ft_pause_rec){.id = 2,
					 .cause = FT_PC_OTHER,
					 .func = "set_odd",
					 .cnt = 2,
					 .stopped_ns = MS,
					 .max_ns = MS};
	ext[0] = (struct ft_ext_rec){.module = "_json", .gil = FT_EG_UNKNOWN, .stdlib = true};
	ext[1] = (struct ft_ext_rec){
		.module = "old._core", .gil = FT_EG_USED, .distribution = "Old-Thing 1.0"};
	ext[2] = (struct ft_ext_rec){.module = "dark", .gil = FT_EG_UNKNOWN};
	for (i = 0; i < 3; i++)
		memory[i] = (struct ft_memory_rec){SC_START, (__u64)(10 + i * (3 - i)) << 20};
	weight[0] = weigh(N_WORK, FT_ST_LOCK_WAIT, 1, 1200);
	weight[1] = weigh(N_NATIVE, FT_SK_ON + FT_ON_SPIN, 1, 900);
	weight[2] = weigh(N_OTHER, FT_ST_SYNC_WAIT, 2, 2000);
	weight[3] = weigh(N_WORK, FT_SK_LOCK_OWNER, 2, 2000);
	weight[4] = weigh(N_OTHER, FT_SK_SHARED, 3, 2000);
	weight[5] = weigh(N_INIT, FT_SK_PAUSE, 1, 210);
	use(sc, weight, 6);
	use_locks(sc, lock, 3);
	sc->findings.pause = pause;
	sc->findings.pause_cnt = 2;
	sc->findings.pause_window_ns = 10000 * MS;
	sc->findings.pause_hist[ft_hist_index(7 * MS)] = 33;
	sc->findings.ext = ext;
	sc->findings.ext_cnt = 3;
	sc->findings.memory = memory;
	sc->findings.memory_cnt = 3;
	sc->findings.bytecode_copies = 13;
	sc->findings.bytecode_copy_bytes = 4096;
	sc->findings.yield_windows = 20;
	sc->findings.yield_window_ns = 100 * MS;
	sc->findings.yields_rel_err = 0.12;
	sc->findings.gc_known = true;
	sc->findings.gc_runs[2] = 15;
	strcpy(sc->findings.pmu_why, "no counters on this machine");
	return sc;
}

static void test_golden(void **state)
{
	struct ft_report_opts o = {.width = 80};
	struct scenario *sc = words();
	char *s = render(sc, &o);

	(void)state;
	if (strcmp(s, golden))
		print_error("--- got\n%s--- want\n%s", s, golden);
	assert_true(!strcmp(s, golden));
	free(s);
	sc_free(sc);
}

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
		assert_true(!o->ascii || c < 0x7f);
		cols += (c & 0xc0) != 0x80;
		if (cols > width)
			print_error("width %zu: %s\n", width, s);
		assert_true(cols <= width);
	}
	assert_true(p > s && p[-1] == '\n');
}

static void all_widths(struct scenario *sc)
{
	struct ft_report_opts o;
	int bits;
	char *s;

	for (o.width = 0; o.width < 200; o.width += o.width < 100 ? 1 : 13) {
		for (bits = 0; bits < 8; bits++) {
			o.color = bits & 1;
			o.ascii = bits & 2;
			o.threads = bits & 4;
			s = render(sc, &o);
			check_lines(s, &o);
			free(s);
		}
	}
}

static void test_widths(void **state)
{
	struct scenario *sc = words();

	(void)state;
	all_widths(sc);
	sc_free(sc);
}

/* Every string that comes from elsewhere, and figures as large as they can be. */
static void test_hostile(void **state)
{
	static const char evil[] = "\x1b[31mevil\n\x07\xff\xc3\xa9 and a name that is far too long "
				   "for any column of a table";
	struct scenario *sc = words();
	struct ft_pmu_rec pmu[6] = {{.tid = 4312, .cycles = ~0ull, .instructions = ~0ull}};
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		memcpy(lock[i].name, evil, sizeof(evil));
		memcpy(ext[i].module, evil, sizeof(evil));
		memcpy(ext[i].distribution, evil, sizeof(evil));
		lock[i].waits = ~0ull;
		lock[i].yields = ~0ull;
		lock[i].threads = ~0u;
		lock[i].many = true;
		memory[i].rss_bytes = ~0ull;
	}
	memcpy(pause[1].func, evil, sizeof(evil));
	pause[1].cnt = ~0ull;
	pause[1].max_ns = ~0ull;
	memcpy(sc->findings.pmu_why, evil, sizeof(evil));
	all_widths(sc);
	sc->findings.pmu_ok = true;
	sc->findings.pmu = pmu;
	sc->findings.pmu_cnt = 6;
	for (i = 0; i < 6; i++)
		pmu[i].cache_misses = ~0ull;
	memset(&sc->findings.gc_runs, 0xff, sizeof(sc->findings.gc_runs));
	sc->findings.gc_exact = true;
	memset(&sc->findings.gc_timed, 0xff, sizeof(sc->findings.gc_timed));
	memset(&sc->findings.gc_ns, 0xff, sizeof(sc->findings.gc_ns));
	memset(&sc->findings.gc_max_ns, 0xff, sizeof(sc->findings.gc_max_ns));
	sc->findings.bytecode_copies = ~0ull;
	all_widths(sc);
	sc_free(sc);
}

/* On a build with a GIL the section is absent, and what there is nothing to say about, too. */
static void test_gil_build(void **state)
{
	struct ft_report_opts o = {.width = 80};
	struct scenario *sc = sc_web();
	char *s = render(sc, &o);

	(void)state;
	assert_string_equal(s, "");
	free(s);
	sc->findings.ext = ext;
	sc->findings.ext_cnt = 1;
	ext[0] = (struct ft_ext_rec){.module = "x", .gil = FT_EG_USED, .distribution = "x 1.0"};
	s = render(sc, &o);
	assert_string_equal(s, "\nINTERPRETER\n"
			       "  extension modules       1 of 1 may bring the GIL back in a "
			       "free-threaded\n"
			       "                          build: x (x 1.0)\n");
	free(s);
	sc_free(sc);
}

/* More locks than a report has room for. */
static void test_many_locks(void **state)
{
	static struct ft_lock_rec many[20];
	struct ft_report_opts o = {.width = 80};
	struct scenario *sc = words();
	__u32 i;
	char *s;

	(void)state;
	for (i = 0; i < 20; i++) {
		many[i] = (struct ft_lock_rec){.id = i + 1, .kind = FT_LK_OBJECT, .waits = 3};
		snprintf(many[i].name, sizeof(many[i].name), "Type%u", i);
		many[i].wait_ns = (100 - i) * MS;
	}
	use_locks(sc, many, 20);
	s = render(sc, &o);
	assert_non_null(strstr(s, "Type7 "));
	assert_null(strstr(s, "Type8 "));
	assert_non_null(strstr(s, "... and 12 more: --threads"));
	free(s);
	o.threads = true;
	s = render(sc, &o);
	assert_non_null(strstr(s, "Type19 "));
	free(s);
	sc_free(sc);
}

static void expect_gc(struct scenario *sc, const char *want)
{
	struct ft_report_opts o = {.width = 120};
	char *s = render(sc, &o);

	if (!strstr(s, want))
		print_error("--- got\n%s--- want\n%s", s, want);
	assert_non_null(strstr(s, want));
	free(s);
}

/* Collections with durations by generation, as far as the probes saw them. */
static void test_timed_gc(void **state)
{
	struct scenario *sc = sc_web();
	struct ft_findings *f = &sc->findings;

	(void)state;
	f->gc_known = true;
	f->gc_runs[0] = 15;
	f->gc_runs[1] = 3;
	f->gc_runs[2] = 1;
	/* of an unplanted session nothing stands there; were it so, it would not be shown */
	f->gc_timed[0] = 15;
	f->gc_ns[0] = 30 * MS;
	expect_gc(sc, "  garbage collection      19 runs: 15 of generation 0, 3 of generation 1, "
		      "1 of generation 2\n");
	f->gc_exact = true;
	f->gc_max_ns[0] = 4 * MS;
	f->gc_timed[2] = 1;
	f->gc_ns[2] = f->gc_max_ns[2] = 9 * MS;
	expect_gc(sc, "19 runs: 15 of generation 0 (30 ms, max 4 ms), 3 of generation 1,");
	expect_gc(sc, " 1 of generation 2\n                          (9 ms, max 9 ms)\n");
	/* the process ended, or another interpreter collected */
	f->gc_runs[0] = 2;
	expect_gc(sc, "19 runs: 15 of generation 0 (30 ms, max 4 ms), 3 of generation 1,");
	/* before 3.13 the interpreter's own count is not read */
	f->gc_known = false;
	memset(f->gc_runs, 0, sizeof(f->gc_runs));
	expect_gc(sc, "16 runs: 15 of generation 0 (30 ms, max 4 ms),");
	sc_free(sc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),	   cmocka_unit_test(test_widths),
		cmocka_unit_test(test_hostile),	   cmocka_unit_test(test_gil_build),
		cmocka_unit_test(test_many_locks), cmocka_unit_test(test_timed_gc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
