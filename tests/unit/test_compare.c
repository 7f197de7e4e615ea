/* SPDX-License-Identifier: BSD-2-Clause */
/* Two sides of made-up sessions: rows, verdicts, what is left out, and how it is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <json-c/json.h>
#include <math.h>

#include "model/compare.h"
#include "scenario.h"
#include "view/compare_json.h"
#include "view/compare_text.h"
#include "view/report_flow.h"

#define MOST 8

struct side {
	struct scenario *sc[MOST];
	struct ft_model m[MOST];
	struct ft_cmp_session s[MOST];
	char path[MOST][32];
	size_t cnt;
};

/* A program that ran to its end in `ms`, with two threads on cores for `on` each. */
static struct scenario *add(struct side *s, __u32 gil, __u32 ms, __u32 on, __u32 gil_wait)
{
	struct scenario *sc = sc_new(ms, 2, gil);

	sc->info.end = FT_END_EXIT;
	sc->info.end_status = 0;
	strcpy(sc->info.host, "vm");
	strcpy(sc->info.kernel, "6.18");
	strcpy(sc->info.ftprof_version, "1");
	snprintf(sc->info.cmdline, sizeof(sc->info.cmdline), "/py/%u/python3 app.py", gil);
	sc_add(sc, (struct sc_thread){.name = "one", .on = on, .gil_wait = gil_wait});
	sc_add(sc, (struct sc_thread){.name = "two", .on = on, .gil_wait = gil_wait});
	sc_levels(sc, 0, ms - on / 2, on / 2, 0, 0);
	sc->totals.handoffs = gil_wait;
	snprintf(s->path[s->cnt], sizeof(s->path[0]), "dir/s%zu.ftprof", s->cnt);
	s->sc[s->cnt++] = sc;
	return sc;
}

static struct ft_compare *build(struct side *a, struct side *b)
{
	struct side *both[2] = {a, b};
	const struct ft_cmp_session *const sides[2] = {a->s, b->s};
	const size_t cnt[2] = {a->cnt, b->cnt};
	struct ft_compare *c;
	size_t i;
	int k;

	for (k = 0; k < 2; k++) {
		for (i = 0; i < both[k]->cnt; i++) {
			assert_int_equal(sc_model(both[k]->sc[i], &both[k]->m[i]), 0);
			both[k]->s[i] = (struct ft_cmp_session){.m = &both[k]->m[i],
								.path = both[k]->path[i]};
		}
	}
	assert_int_equal(ft_compare_build(sides, cnt, &c), 0);
	return c;
}

static void drop(struct ft_compare *c, struct side *a, struct side *b)
{
	struct side *both[2] = {a, b};
	size_t i;
	int k;

	ft_compare_free(c);
	for (k = 0; k < 2; k++) {
		for (i = 0; i < both[k]->cnt; i++) {
			ft_model_free(&both[k]->m[i]);
			sc_free(both[k]->sc[i]);
		}
	}
}

static const struct ft_cmp_row *row(const struct ft_compare *c, const char *name)
{
	const struct ft_cmp_row *r = ft_compare_row(c, name);

	assert_non_null(r);
	return r;
}

static bool says(const struct ft_text *t, const char *what)
{
	return t->s && strstr(t->s, what);
}

/* The GIL against none: half the wall time, the same CPU time, no waits. */
static void fill_builds(struct side *a, struct side *b)
{
	static const __u32 wall[] = {2000, 2010, 1990, 2050, 2020};
	size_t i;

	for (i = 0; i < 5; i++) {
		add(a, FT_GIL_ON, wall[i], 990, 900 + (__u32)i);
		add(b, FT_GIL_OFF, wall[i] / 2, 980 + 5 * (__u32)i, 0);
	}
}

static void test_speed_up(void **state)
{
	struct side a = {0}, b = {0};
	const struct ft_cmp_row *r;
	struct ft_compare *c;

	(void)state;
	fill_builds(&a, &b);
	c = build(&a, &b);
	r = row(c, "wall_ns");
	assert_int_equal(r->verdict, FT_CV_LESS);
	assert_true(r->est.ratio && r->unit == FT_CU_NS);
	assert_true(fabs(r->est.mid - 0.5) < 0.001);
	assert_true(fabs(r->est.lo - 995.0 / 2050) < 1e-9);
	assert_true(fabs(r->est.hi - 1025.0 / 1990) < 1e-9);
	assert_true(fabs(r->est.coverage - 250.0 / 252) < 1e-12);
	assert_true(r->side[0].median == 2010e6 && r->side[1].median == 1005e6);
	assert_true(r->side[0].lo == 1990e6 && r->side[0].hi == 2050e6);
	assert_true(fabs(r->side[0].coverage - 0.9375) < 1e-12);
	assert_true(r->side[0].v[3] == 2050e6); /* in the order given */
	assert_int_equal(row(c, "cpu_ns")->verdict, FT_CV_SAME);
	r = row(c, "gil_wait_ns");
	assert_int_equal(r->verdict, FT_CV_LESS);
	assert_false(r->est.ratio);
	assert_true(r->est.mid == -2 * 902e6);
	/* what only one kind of build has */
	assert_null(ft_compare_row(c, "lost_lock_ns"));
	assert_true(says(&c->not_compared, "by cause is known of free-threaded builds only"));
	assert_null(ft_compare_row(c, "gil_wait_p50_ns"));
	assert_false(c->rates);
	assert_string_equal(
		c->summary.s,
		"B is 2.00 times as fast as A (1.94 to 2.06, 99.2 % interval); CPU time "
		"is the same within noise. Less waiting for the GIL: 1.8 s in A, 0 ns "
		"in B.");
	assert_int_equal(c->notes.len, 0);
	drop(c, &a, &b);
}

/* It keeps its wall time and burns twice the cores: that must not be missed. */
static void test_same_wall(void **state)
{
	struct side a = {0}, b = {0};
	struct ft_compare *c;
	size_t i;

	(void)state;
	for (i = 0; i < 5; i++) {
		add(&a, FT_GIL_OFF, 1000 + 3 * (__u32)i, 400 + (__u32)i, 0);
		add(&b, FT_GIL_OFF, 1001 + 3 * (__u32)i, 2 * (400 + (__u32)i), 0);
	}
	c = build(&a, &b);
	assert_int_equal(row(c, "wall_ns")->verdict, FT_CV_SAME);
	assert_int_equal(row(c, "cpu_ns")->verdict, FT_CV_MORE);
	assert_non_null(ft_compare_row(c, "lost_lock_ns"));
	assert_true(says(&c->summary, "wall time is the same within noise (0.989 to 1.013"));
	assert_true(says(&c->summary, "but B takes 2.00 times the CPU time (1.98 to 2.02)"));
	assert_false(says(&c->summary, "No difference"));
	drop(c, &a, &b);
}

static void test_no_difference(void **state)
{
	struct side a = {0}, b = {0};
	struct ft_compare *c;
	size_t i;

	(void)state;
	for (i = 0; i < 5; i++) {
		add(&a, FT_GIL_ON, 1000 + (__u32)(i * 7) % 5, 400, 100);
		add(&b, FT_GIL_ON, 1000 + (__u32)(i * 3) % 5, 400, 100);
	}
	c = build(&a, &b);
	for (i = 0; i < c->row_cnt; i++)
		assert_int_equal(c->row[i].verdict, FT_CV_SAME);
	assert_non_null(ft_compare_row(c, "gil_wait_p50_ns"));
	assert_string_equal(c->summary.s, "No difference: wall time (B / A 0.996 to 1.004) and CPU "
					  "time (1.000 to 1.000) are within noise, 99.2 % "
					  "intervals.");
	assert_int_equal(c->not_compared.len, 0);
	drop(c, &a, &b);

	/* a machine so busy that nothing can be seen: said, and not sold as sameness */
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	for (i = 0; i < 5; i++) {
		add(&a, FT_GIL_ON, 1000 + 500 * (__u32)i, 400, 100);
		add(&b, FT_GIL_ON, 1100 + 500 * (__u32)i, 400, 100);
	}
	c = build(&a, &b);
	assert_true(says(&c->summary, "No difference can be told: wall time (B / A "));
	assert_true(says(&c->summary, "a factor of 3.10 may hide in it"));
	drop(c, &a, &b);
}

static void test_too_few(void **state)
{
	struct side a = {0}, b = {0};
	const struct ft_cmp_row *r;
	struct ft_compare *c;
	size_t i;

	(void)state;
	add(&a, FT_GIL_ON, 2000, 990, 900);
	add(&b, FT_GIL_OFF, 1000, 980, 0);
	c = build(&a, &b);
	r = row(c, "wall_ns");
	assert_int_equal(r->verdict, FT_CV_UNKNOWN);
	assert_true(fabs(r->est.mid - 0.5) < 1e-9 && r->est.coverage == 0);
	assert_true(says(&c->summary, "B took 0.500 times as long as A, with 0.990 times the CPU "
				      "time. One run of each is too few to tell a difference from "
				      "noise: 4 a side at least."));
	drop(c, &a, &b);

	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	for (i = 0; i < 3; i++) {
		add(&a, FT_GIL_ON, 2000 + 100 * (__u32)i, 990, 900);
		add(&b, FT_GIL_ON, 1000 + 100 * (__u32)i, 980, 0);
	}
	c = build(&a, &b);
	for (i = 0; i < c->row_cnt; i++)
		assert_int_equal(c->row[i].verdict, FT_CV_UNKNOWN);
	r = row(c, "wall_ns");
	assert_true(fabs(r->est.lo - 1000.0 / 2200) < 1e-9);
	assert_true(fabs(r->est.hi - 1200.0 / 2000) < 1e-9);
	assert_true(says(&c->summary, "Too few runs to tell"));
	drop(c, &a, &b);
}

/* Sessions of a length of their own. */
static void test_rates(void **state)
{
	struct side a = {0}, b = {0};
	const struct ft_cmp_row *r;
	struct ft_compare *c;
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		add(&a, FT_GIL_ON, 1000, 400 + (__u32)i, 100);
		add(&b, FT_GIL_ON, 4000, 400 + (__u32)i, 100)->info.end = FT_END_DURATION;
	}
	c = build(&a, &b);
	assert_true(c->rates);
	assert_null(ft_compare_row(c, "wall_ns"));
	r = row(c, "cpu_ns");
	assert_int_equal(r->unit, FT_CU_NS_RATE);
	assert_true(fabs(r->side[0].v[0] - 800e6) < 1 && fabs(r->side[1].v[0] - 200e6) < 1);
	assert_int_equal(row(c, "gil_handoffs")->unit, FT_CU_CNT_RATE);
	assert_true(fabs(row(c, "gil_handoffs")->side[1].v[0] - 25) < 1e-9);
	assert_int_equal(row(c, "gil_wait_p50_ns")->unit, FT_CU_NS);
	assert_true(says(&c->not_compared, "wall time says nothing"));
	assert_true(says(&c->summary, "In the same time B takes 0.250 times the CPU time"));
	assert_true(says(&c->summary, "97.1 % interval"));
	drop(c, &a, &b);
}

/* One session of side b is changed: the first row must be gone, the second still be there. */
static void unlike(void (*change)(struct scenario *sc), const char *gone, const char *there,
		   const char *words)
{
	struct side a = {0}, b = {0};
	struct ft_compare *c;
	size_t i;

	for (i = 0; i < 4; i++) {
		add(&a, FT_GIL_ON, 1000, 400, 100);
		add(&b, FT_GIL_ON, 1000, 400, 100);
	}
	change(b.sc[2]);
	c = build(&a, &b);
	if (gone)
		assert_null(ft_compare_row(c, gone));
	if (there)
		assert_non_null(ft_compare_row(c, there));
	assert_true(says(gone ? &c->not_compared : &c->notes, words));
	drop(c, &a, &b);
}

static void other_host(struct scenario *sc)
{
	strcpy(sc->info.host, "la\033[31m\nb");
}

static void other_kernel(struct scenario *sc)
{
	strcpy(sc->info.kernel, "5.15");
}

static void other_cpus(struct scenario *sc)
{
	sc->info.cpu_cnt = 64;
}

static void other_quota(struct scenario *sc)
{
	sc->info.quota = 1.5;
}

static void other_version(struct scenario *sc)
{
	strcpy(sc->info.ftprof_version, "2");
}

static void other_ticks(struct scenario *sc)
{
	sc->info.tick_hz = 99;
}

static void other_engine(struct scenario *sc)
{
	sc->info.engine = FT_ENGINE_UPROBE;
}

static void other_target(struct scenario *sc)
{
	strcpy(sc->info.cmdline, "/py/python3 other.py");
}

static void no_cmdline(struct scenario *sc)
{
	sc->info.cmdline[0] = 0;
}

static void other_build(struct scenario *sc)
{
	strcpy(sc->info.python, "3.13.0");
}

static void no_events(struct scenario *sc)
{
	sc->info.has_events = false;
}

static void lossy(struct scenario *sc)
{
	sc->totals.sums.cnt[FT_CN_LOST_RING] = 5000;
}

static void unseen_threads(struct scenario *sc)
{
	sc->totals.sums.cnt[FT_CN_NO_SLOT] = 3;
}

static void unseen_gil(struct scenario *sc)
{
	sc->info.gil = FT_GIL_UNKNOWN;
}

static void failed(struct scenario *sc)
{
	sc->info.end_status = 0x300;
}

static void test_unlike(void **state)
{
	(void)state;
	unlike(other_host, "wall_ns", "cores_at_once", "Different machines (vm and la?[31m?b)");
	unlike(other_kernel, "cpu_ns", "cores_at_once", "Different kernels (6.18 and 5.15)");
	unlike(other_cpus, "wall_ns", "cores_at_once", "CPUs (2 and 64)");
	unlike(other_quota, "wall_ns", "cpu_ns", "usable cores (2 and 1.5)");
	unlike(other_version, "lost_ns", "wall_ns", "versions of ftprof (1 and 2)");
	unlike(other_ticks, "gil_held_ns", "gil_wait_ns", "tick rates");
	unlike(other_engine, "gil_held_ns", "wall_ns", "passive and with GIL probes");
	unlike(lossy, "lost_lock_ns", "wall_ns", "s2.ftprof: events were lost: ");
	unlike(no_events, "lost_lock_ns", "wall_ns", "With and without events");
	unlike(unseen_threads, "cpu_ns", "wall_ns", "s2.ftprof: some threads were not seen");
	unlike(unseen_gil, "gil_wait_ns", "wall_ns", "s2.ftprof: the GIL was not seen");
	unlike(other_target, NULL, "wall_ns", "Side B mixes commands");
	unlike(other_build, NULL, "wall_ns", "Side B mixes builds (3.14.6 and 3.13.0)");
	unlike(failed, NULL, "wall_ns", "s2.ftprof: the program failed");
}

static void test_programs(void **state)
{
	struct side a = {0}, b = {0};
	struct ft_compare *c;

	(void)state;
	add(&a, FT_GIL_ON, 1000, 400, 100);
	other_target(add(&b, FT_GIL_ON, 1000, 400, 100));
	c = build(&a, &b);
	assert_true(says(&c->notes, "Different programs (app.py and other.py)"));
	drop(c, &a, &b);
	/* it ended too soon for its command line to be read: no reason to say anything */
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	no_cmdline(add(&a, FT_GIL_ON, 1000, 400, 100));
	add(&b, FT_GIL_ON, 1000, 400, 100);
	c = build(&a, &b);
	assert_int_equal(c->notes.len, 0);
	drop(c, &a, &b);
}

static void test_damaged(void **state)
{
	struct side a = {0}, b = {0};
	struct ft_compare *c;
	size_t i;

	(void)state;
	for (i = 0; i < 5; i++) {
		add(&a, FT_GIL_ON, 1000 + 10 * (__u32)i, 400, 100);
		add(&b, FT_GIL_ON, 1000 + 10 * (__u32)i, 400, 100);
	}
	a.sc[0]->damage = "it ends early";
	b.sc[4]->totals.end_ns = b.sc[4]->info.start_ns;
	c = build(&a, &b);
	assert_true(c->session[0][0].unused && c->session[1][4].unused);
	assert_int_equal(row(c, "wall_ns")->side[0].cnt, 4);
	assert_true(row(c, "wall_ns")->side[0].lo == 1010e6);
	assert_true(says(&c->not_compared, "s0.ftprof: damaged, so in no figure"));
	assert_true(says(&c->not_compared, "s4.ftprof: without any length"));
	assert_int_equal(ft_compare_median_run(c, 0), 2); /* of 1, 2, 3, 4: the lower one */
	assert_int_equal(ft_compare_median_run(c, 1), 1);
	drop(c, &a, &b);

	/* of many there is one sentence */
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	for (i = 0; i < 4; i++) {
		lossy(add(&a, FT_GIL_ON, 1000, 400, 100));
		lossy(add(&b, FT_GIL_ON, 1000, 400, 100));
	}
	c = build(&a, &b);
	assert_true(says(&c->not_compared, "s0.ftprof and 7 more: events were lost: "));
	drop(c, &a, &b);

	/* nothing is left of a side */
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	add(&a, FT_GIL_ON, 1000, 400, 100)->damage = "it ends early";
	add(&b, FT_GIL_ON, 1000, 400, 100);
	c = build(&a, &b);
	assert_int_equal(c->row_cnt, 0);
	assert_string_equal(c->summary.s, "These sessions cannot be compared.");
	drop(c, &a, &b);
}

static void test_no_threads(void **state)
{
	struct side a = {0}, b = {0};
	struct ft_text out = {0};
	struct ft_compare *c;
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		a.sc[a.cnt++] = sc_new(1000, 2, FT_GIL_ON);
		b.sc[b.cnt++] = sc_new(1000, 2, FT_GIL_OFF);
	}
	c = build(&a, &b);
	assert_int_equal(row(c, "cpu_ns")->verdict, FT_CV_SAME);
	ft_compare_text(&out, c, 80, false);
	assert_int_equal(out.err, 0);
	ft_text_free(&out);
	drop(c, &a, &b);
}

static void test_refused(void **state)
{
	const struct ft_cmp_session s = {0};
	const struct ft_cmp_session *const sides[2] = {&s, &s};
	struct ft_compare *c;

	(void)state;
	assert_int_equal(ft_compare_build(sides, (size_t[]){0, 1}, &c), -EINVAL);
	assert_null(c);
	assert_int_equal(ft_compare_build(sides, (size_t[]){1, FT_COMPARE_MAX + 1}, &c), -EINVAL);
	ft_compare_free(NULL);
}

static struct json_object *member(struct json_object *o, const char *key)
{
	struct json_object *v;

	assert_true(json_object_object_get_ex(o, key, &v));
	return v;
}

static double number(struct json_object *o, const char *key)
{
	struct json_object *v = member(o, key);

	assert_true(json_object_is_type(v, json_type_double));
	return json_object_get_double(v);
}

static void test_json(void **state)
{
	struct side a = {0}, b = {0};
	struct json_object *root, *o;
	struct ft_text out = {0};
	struct ft_compare *c;
	size_t i;

	(void)state;
	fill_builds(&a, &b);
	other_host(a.sc[3]);
	strcpy(b.sc[0]->info.cmdline, "python3 \xff\"</script>");
	c = build(&a, &b);
	assert_int_equal(ft_compare_json(&out, c), 0);
	assert_false(says(&out, "\xff"));
	root = json_tokener_parse(out.s);
	assert_non_null(root);
	assert_string_equal(json_object_get_string(member(root, "schema")), "ftprof-compare/1");
	assert_int_equal(json_object_array_length(member(root, "rows")), c->row_cnt);
	assert_true(json_object_array_length(member(root, "not_compared")) >= 2);
	assert_string_equal(json_object_get_string(member(root, "summary")), c->summary.s);
	o = member(member(root, "b"), "sessions");
	assert_int_equal(json_object_array_length(o), 5);
	o = json_object_array_get_idx(o, 1);
	assert_string_equal(json_object_get_string(member(o, "path")), "dir/s1.ftprof");
	assert_true(json_object_get_boolean(member(o, "free_threaded")));
	assert_int_equal(json_object_get_uint64(member(o, "duration_ns")), 1005 * MS);
	json_object_put(root);
	ft_text_free(&out);
	drop(c, &a, &b);

	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	fill_builds(&a, &b);
	c = build(&a, &b);
	assert_int_equal(ft_compare_json(&out, c), 0);
	root = json_tokener_parse(out.s);
	for (i = 0; i < c->row_cnt; i++) {
		const struct ft_cmp_row *r = &c->row[i];
		struct json_object *j = json_object_array_get_idx(member(root, "rows"), i);

		assert_string_equal(json_object_get_string(member(j, "name")), r->name);
		assert_string_equal(json_object_get_string(member(j, "title")), r->title);
		assert_string_equal(json_object_get_string(member(j, "unit")),
				    ft_cmp_unit_name(r->unit));
		assert_string_equal(json_object_get_string(member(j, "verdict")),
				    ft_cmp_verdict_name(r->verdict));
		assert_true(number(j, "coverage") == r->est.coverage);
		assert_true(number(member(j, "a"), "median") == r->side[0].median);
		assert_int_equal(json_object_array_length(member(member(j, "b"), "values")), 5);
		assert_true(number(j, r->est.ratio ? "ratio_lo" : "difference_lo") == r->est.lo);
		assert_true(number(j, r->est.ratio ? "ratio_hi" : "difference_hi") == r->est.hi);
		assert_null(member(j, r->est.ratio ? "difference" : "ratio"));
	}
	json_object_put(root);
	ft_text_free(&out);
	drop(c, &a, &b);
}

static void check_width(const struct ft_compare *c, int width, bool ascii)
{
	struct ft_text out = {0};
	char *line, *next, *save;

	ft_compare_text(&out, c, width, ascii);
	assert_int_equal(out.err, 0);
	for (next = out.s; (line = strtok_r(next, "\n", &save)); next = NULL) {
		assert_true(ft_text_cols(line) <= (size_t)width);
		for (; ascii && *line; line++)
			assert_in_range((unsigned char)*line, 0x20, 0x7e);
	}
	ft_text_free(&out);
}

static void test_text(void **state)
{
	struct side a = {0}, b = {0};
	struct ft_text out = {0};
	struct ft_compare *c;
	int width;

	(void)state;
	fill_builds(&a, &b);
	strcpy(a.sc[0]->info.host, "h\xc3\xb6st\033[2J");
	c = build(&a, &b);
	for (width = 40; width < 140; width++) {
		check_width(c, width, false);
		check_width(c, width, true);
	}
	drop(c, &a, &b);
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	fill_builds(&a, &b);
	c = build(&a, &b);
	ft_compare_text(&out, c, 80, false);
	assert_true(says(&out, "A  3.14.6, GIL on, 5 sessions: s0.ftprof s1.ftprof"));
	assert_true(says(&out, "B  3.14.6t, GIL off, 5 sessions"));
	assert_true(says(&out,
			 "                                A          B   B / A (99.2 % interval)\n"
			 "wall time                  2.01 s     1.01 s   0.500 (0.485 to 0.515)\n"
			 "CPU time                   1.98 s     1.98 s   within noise (0.990 to "
			 "1.010)\n"));
	assert_true(says(&out, "waited for the GIL          1.8 s       0 ns   -1.8 s ("));
	/* nothing on either side */
	assert_false(says(&out, "paused by interpreter"));
	ft_text_free(&out);
	drop(c, &a, &b);
}

static void test_words(void **state)
{
	static const struct {
		double v;
		enum ft_cmp_unit unit;
		const char *s;
	} cases[] = {
		{1.5e9, FT_CU_NS, "1.5 s"},
		{-2e6, FT_CU_NS, "-2 ms"},
		{1234567, FT_CU_COUNT, "1,234,567"},
		{2.5e8, FT_CU_NS_RATE, "250 ms/s"},
		{0.25, FT_CU_CNT_RATE, "0.25/s"},
		{12345, FT_CU_CNT_RATE, "12,345/s"},
		{0.031, FT_CU_SHARE, "3.1 %"},
		{1.996, FT_CU_CORES, "2.00"},
		{1e300, FT_CU_COUNT, "18,000,000,000,000,000,000"},
	};
	char buf[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(ft_cmp_format(cases[i].v, cases[i].unit, buf, sizeof(buf)),
				    cases[i].s);
	assert_string_equal(ft_cmp_format_ratio(0.9876, buf, sizeof(buf)), "0.988");
	assert_string_equal(ft_cmp_format_ratio(1.7149, buf, sizeof(buf)), "1.71");
	assert_string_equal(ft_cmp_format_ratio(15.54, buf, sizeof(buf)), "15.5");
	assert_string_equal(ft_cmp_format_ratio(0.00514, buf, sizeof(buf)), "0.00514");
	assert_string_equal(ft_cmp_format_ratio(5.34e-5, buf, sizeof(buf)), "<0.001");
	assert_string_equal(ft_cmp_format_ratio(0, buf, sizeof(buf)), "0");
	assert_string_equal(ft_cmp_format_coverage(0.99999, buf, sizeof(buf)), "99.9 %");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_speed_up),      cmocka_unit_test(test_same_wall),
		cmocka_unit_test(test_no_difference), cmocka_unit_test(test_too_few),
		cmocka_unit_test(test_rates),	      cmocka_unit_test(test_unlike),
		cmocka_unit_test(test_programs),      cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_no_threads),    cmocka_unit_test(test_refused),
		cmocka_unit_test(test_json),	      cmocka_unit_test(test_text),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
