/* SPDX-License-Identifier: BSD-2-Clause */
/* The JSON report read back: every promised field with its type, and figures that add up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <json-c/json.h>
#include "scenario.h"
#include "view/report_json.h"

/* What the stacks of the session say. */
static struct ft_func_lists funcs;

static struct json_object *report(struct scenario *sc, char **text)
{
	struct ft_text out = {0};
	struct json_object *root;
	struct ft_model m;

	assert_int_equal(sc_model(sc, &m), 0);
	assert_int_equal(ft_report_json(&out, &m, &funcs), 0);
	ft_model_free(&m);
	root = json_tokener_parse(out.s);
	assert_non_null(root);
	if (text)
		*text = out.s;
	else
		ft_text_free(&out);
	return root;
}

/* Follows a path of keys and [indices]. NULL values are found too: *found tells. */
static struct json_object *at(struct json_object *o, const char *path, bool *found)
{
	char part[64];

	*found = true;
	while (*path && *found) {
		size_t len = strcspn(path, ".");

		snprintf(part, sizeof(part), "%.*s", (int)len, path);
		if (part[0] == '[') {
			size_t i = (size_t)atoi(part + 1);

			*found = json_object_is_type(o, json_type_array) &&
				 i < json_object_array_length(o);
			o = *found ? json_object_array_get_idx(o, i) : NULL;
		} else {
			*found = json_object_object_get_ex(o, part, &o);
		}
		path += len + (path[len] == '.');
	}
	return o;
}

static __u64 num(struct json_object *root, const char *path)
{
	bool found;
	struct json_object *o = at(root, path, &found);

	assert_true(found && json_object_is_type(o, json_type_int));
	return json_object_get_uint64(o);
}

static const char *str(struct json_object *root, const char *path)
{
	bool found;
	struct json_object *o = at(root, path, &found);

	assert_true(found && json_object_is_type(o, json_type_string));
	return json_object_get_string(o);
}

static const struct {
	const char *path;
	enum json_type type;
} shape[] = {
	{"schema", json_type_string},
	{"session.duration_ns", json_type_int},
	{"session.engine", json_type_string},
	{"session.events.received", json_type_int},
	{"session.events.lost", json_type_int},
	{"session.cpus", json_type_array},
	{"session.cpus.[0]", json_type_int},
	{"target.pid", json_type_int},
	{"target.exe", json_type_string},
	{"target.python.version", json_type_string},
	{"target.python.free_threaded", json_type_boolean},
	{"target.python.gil", json_type_string},
	{"target.python.gil_enabled_by", json_type_null},
	{"threads", json_type_array},
	{"threads.[0].tid", json_type_int},
	{"threads.[0].name", json_type_string},
	{"threads.[0].lifetime_ns", json_type_int},
	{"threads.[0].residual_ns", json_type_int},
	{"threads.[0].state_ns.on_gil", json_type_int},
	{"threads.[0].state_ns.on_free", json_type_int},
	{"threads.[0].state_ns.on_spin", json_type_int},
	{"threads.[0].state_ns.gil_wait", json_type_int},
	{"threads.[0].state_ns.gil_switch", json_type_int},
	{"threads.[0].state_ns.lock_wait", json_type_int},
	{"threads.[0].state_ns.sync_wait", json_type_int},
	{"threads.[0].state_ns.stw", json_type_int},
	{"threads.[0].state_ns.runq", json_type_int},
	{"threads.[0].state_ns.blocked", json_type_int},
	{"threads.[0].state_ns.fault", json_type_int},
	{"threads.[0].state_ns.stopped", json_type_int},
	{"threads.[0].on_split_err_ns", json_type_int},
	{"threads.[0].gil_wait_runq_ns", json_type_int},
	{"threads.[0].gil_waits", json_type_int},
	{"threads.[0].gil_wait_max_ns", json_type_int},
	{"threads.[0].switches", json_type_int},
	{"gil.held_ns", json_type_int},
	{"gil.wait_ns", json_type_int},
	{"gil.waits", json_type_int},
	{"gil.handoffs", json_type_int},
	{"gil.held_off_core_ns", json_type_int},
	{"gil.wait_p50_ns", json_type_int},
	{"gil.wait_p99_ns", json_type_int},
	{"gil.wait_max_ns", json_type_int},
	{"gil.after_blocking.waits", json_type_int},
	{"gil.after_blocking.p50_ns", json_type_int},
	{"gil.after_blocking.p99_ns", json_type_int},
	{"parallelism.mean", json_type_double},
	{"parallelism.ns_by_level", json_type_array},
	{"parallelism.ns_by_level.[0]", json_type_int},
	{"parallelism.lost_ns", json_type_int},
	{"stacks.hz", json_type_int},
	{"stacks.native", json_type_boolean},
	{"stacks.walked", json_type_int},
	{"stacks.errors", json_type_int},
	{"stacks.error_share", json_type_double},
	{"stacks.errors_by.frame", json_type_int},
	{"stacks.truncated", json_type_int},
	{"stacks.switches_walked_share", json_type_double},
	{"stacks.native_cut", json_type_array},
	{"stacks.gil_blame_factor", json_type_double},
	{"functions.on_cpu", json_type_array},
	{"functions.gil_wait", json_type_array},
	{"functions.gil_blame", json_type_array},
	{"locks", json_type_array},
	{"locks.[0].kind", json_type_string},
	{"locks.[0].name", json_type_string},
	{"locks.[0].addr", json_type_string},
	{"locks.[0].waits", json_type_int},
	{"locks.[0].wait_ns", json_type_int},
	{"locks.[0].yields", json_type_int},
	{"locks.[0].spin_ns", json_type_int},
	{"locks.[0].threads", json_type_int},
	{"locks.[0].waiter_site", json_type_null},
	{"locks.[0].owner_site", json_type_null},
	{"stop_the_world.pauses", json_type_int},
	{"stop_the_world.stopped_ns", json_type_int},
	{"stop_the_world.max_ns", json_type_int},
	{"stop_the_world.to_stop_ns", json_type_int},
	{"stop_the_world.by_cause.[0].cause", json_type_string},
	{"stop_the_world.by_cause.[0].pauses", json_type_int},
	{"stop_the_world.by_cause.[0].stopped_ns", json_type_int},
	{"gc.runs.[2]", json_type_int},
	{"gc.timed", json_type_boolean},
	{"gc.timed_runs.[2]", json_type_int},
	{"gc.ns.[2]", json_type_int},
	{"gc.max_ns.[2]", json_type_int},
	{"extensions.[0].module", json_type_string},
	{"extensions.[0].path", json_type_string},
	{"extensions.[0].distribution", json_type_string},
	{"extensions.[0].gil", json_type_string},
	{"gil_history.[0].state", json_type_string},
	{"sharing.shared_ns", json_type_int},
	{"memory.points.[0].rss_bytes", json_type_int},
	{"pmu.available", json_type_boolean},
	{"pmu.threads.[0].instructions", json_type_int},
	{"scaling", json_type_array},
	{"core_time.budget_ns", json_type_int},
	{"cost.ftprof_cpu_ns", json_type_int},
	{"cost.bpf_ns", json_type_int},
	{"cost.rss_bytes", json_type_int},
	{"cost.probes_in_target", json_type_int},
	{"verdict.kind", json_type_string},
	{"verdict.text", json_type_string},
	{"verdict.advice", json_type_string},
};

static void add_findings(struct scenario *sc)
{
	static struct ft_lock_rec lock[] = {{.id = 1,
					     .kind = FT_LK_OBJECT,
					     .name = "li\nst",
					     .addr = 0x7f00deadbeefull,
					     .waits = 23,
					     .wait_ns = 700 * MS,
					     .yields = 43,
					     .threads = 4}};
	static struct ft_pause_rec pause[] = {
		{.id = 1,
		 .cause = FT_PC_IMPORT,
		 .cnt = 11,
		 .stopped_ns = 13 * MS,
		 .to_stop_ns = 3 * MS,
		 .max_ns = 7 * MS},
		{.id = 2, .cause = FT_PC_GC, .cnt = 2, .stopped_ns = 4 * MS, .max_ns = 3 * MS}};
	static struct ft_ext_rec ext[] = {
		{.module = "x", .path = "/x.so", .distribution = "x 1.0", .gil = FT_EG_USED}};
	static struct ft_gil_rec gil[] = {
		{.ts_ns = SC_START, .state = FT_GIL_OFF},
		{.ts_ns = SC_START + MS, .state = FT_GIL_ENABLED, .exact = true, .module = "x"}};
	static struct ft_memory_rec memory[] = {{SC_START, 4096}};
	static struct ft_pmu_rec pmu[] = {{.tid = 4312, .cycles = 100, .instructions = 250}};

	sc->findings = (struct ft_findings){.lock = lock,
					    .lock_cnt = 1,
					    .pause = pause,
					    .pause_cnt = 2,
					    .pause_window_ns = 10000 * MS,
					    .ext = ext,
					    .ext_cnt = 1,
					    .gil = gil,
					    .gil_cnt = 2,
					    .memory = memory,
					    .memory_cnt = 1,
					    .pmu = pmu,
					    .pmu_cnt = 1,
					    .pmu_ok = true,
					    .gc_known = true,
					    .gc_runs = {5, 3, 1},
					    .gc_exact = true,
					    .gc_timed = {4, 2, 1},
					    .gc_ns = {4000, 70000, ~0ull},
					    .gc_max_ns = {1500, 40000, 8 * MS}};
}

/* The words and figures that a reader of the JSON depends on. */
static void test_found(void **state)
{
	struct scenario *sc = sc_new(10000, 2, FT_GIL_OFF);
	struct json_object *root;

	(void)state;
	add_findings(sc);
	sc_add(sc, (struct sc_thread){.name = "a", .on = 6000, .lock_wait = 400});
	sc_add(sc, (struct sc_thread){.name = "b", .on = 6000, .lock_wait = 300});
	sc_levels(sc, 0, 8000, 2000, 0, 0);
	root = report(sc, NULL);
	assert_string_equal(str(root, "locks.[0].kind"), "object");
	assert_string_equal(str(root, "locks.[0].name"), "li?st");
	assert_string_equal(str(root, "locks.[0].addr"), "0x7f00deadbeef");
	assert_true(num(root, "locks.[0].wait_ns") == 700 * MS);
	assert_int_equal(num(root, "locks.[0].yields"), 43);
	assert_int_equal(num(root, "stop_the_world.pauses"), 13);
	assert_true(num(root, "stop_the_world.stopped_ns") == 17 * MS);
	assert_true(num(root, "stop_the_world.max_ns") == 7 * MS);
	assert_true(num(root, "stop_the_world.to_stop_ns") == 3 * MS);
	assert_string_equal(str(root, "stop_the_world.by_cause.[0].cause"), "gc");
	assert_string_equal(str(root, "stop_the_world.by_cause.[1].cause"), "import");
	assert_int_equal(num(root, "stop_the_world.by_cause.[1].pauses"), 11);
	assert_string_equal(str(root, "extensions.[0].gil"), "used");
	assert_string_equal(str(root, "gil_history.[1].state"), "enabled_by_import");
	assert_string_equal(str(root, "target.python.gil_enabled_by"), "x");
	assert_int_equal(num(root, "gc.runs.[1]"), 3);
	assert_int_equal(num(root, "gc.timed_runs.[0]"), 4);
	assert_int_equal(num(root, "gc.ns.[1]"), 70000);
	assert_int_equal(num(root, "gc.max_ns.[2]"), 8 * MS);
	assert_string_equal(str(root, "scaling.[0].cause"), "single_thread");
	assert_string_equal(str(root, "scaling.[1].cause"), "lock");
	assert_string_equal(str(root, "scaling.[1].where"), "li?st");
	assert_true(num(root, "scaling.[1].lost_ns") == 700 * MS);
	assert_true(num(root, "core_time.lost_ns") == num(root, "scaling.[0].lost_ns") + 700 * MS);
	json_object_put(root);
	sc_free(sc);
}

static void test_shape(void **state)
{
	struct scenario *sc = sc_web();
	struct json_object *root;
	size_t i;

	(void)state;
	add_findings(sc);
	sc->findings.gil_cnt = 1;
	root = report(sc, NULL);
	for (i = 0; i < sizeof(shape) / sizeof(shape[0]); i++) {
		bool found;
		struct json_object *o = at(root, shape[i].path, &found);

		if (!found || json_object_get_type(o) != shape[i].type)
			print_error("%s: %s\n", shape[i].path, found ? "wrong type" : "missing");
		assert_true(found && json_object_get_type(o) == shape[i].type);
	}
	assert_string_equal(str(root, "schema"), "ftprof-report/1");
	json_object_put(root);
	sc_free(sc);
}

static void test_values(void **state)
{
	struct scenario *sc = sc_web();
	struct json_object *root, *threads;
	__u64 on_gil = 0, wait = 0, waits = 0, off = 0;
	char path[96];
	bool found;
	size_t i, s;

	(void)state;
	root = report(sc, NULL);
	threads = at(root, "threads", &found);
	assert_int_equal(json_object_array_length(threads), 13);
	for (i = 0; i < 13; i++) {
		__u64 sum = 0;

		for (s = 0; s < FT_R_CNT; s++) {
			snprintf(path, sizeof(path), "[%zu].state_ns.%s", i,
				 ft_rstate_name((enum ft_rstate)s));
			sum += num(threads, path);
		}
		snprintf(path, sizeof(path), "[%zu].residual_ns", i);
		sum += num(threads, path);
		snprintf(path, sizeof(path), "[%zu].lifetime_ns", i);
		assert_true(sum == num(threads, path));
		snprintf(path, sizeof(path), "[%zu].state_ns.on_gil", i);
		on_gil += num(threads, path);
		snprintf(path, sizeof(path), "[%zu].state_ns.gil_wait", i);
		wait += num(threads, path);
		snprintf(path, sizeof(path), "[%zu].gil_waits", i);
		waits += num(threads, path);
		snprintf(path, sizeof(path), "[%zu].held_off_core_ns", i);
		off += num(threads, path);
	}
	assert_true(num(root, "gil.held_ns") == on_gil + off);
	assert_true(num(root, "gil.held_off_core_ns") == off);
	assert_true(num(root, "gil.wait_ns") == wait);
	assert_true(num(root, "gil.waits") == waits);
	assert_int_equal(num(root, "gil.handoffs"), 1987);
	assert_true(num(root, "session.duration_ns") == 10000 * MS);
	assert_int_equal(num(root, "session.events.received"), 118204);
	assert_int_equal(num(root, "session.cpus.[3]"), 3);
	assert_true(num(root, "parallelism.ns_by_level.[1]") == 8600 * MS);
	assert_int_equal(num(root, "parallelism.ns_by_level.[4]"), 0);
	assert_true(num(root, "parallelism.lost_ns") == 21000 * MS);
	assert_int_equal(num(root, "cost.rss_bytes"), 14 << 20);
	assert_string_equal(str(root, "verdict.kind"), "gil_bound");
	assert_string_equal(str(root, "target.python.gil"), "on");
	assert_null(strchr(str(root, "verdict.advice"), '\n'));
	json_object_put(root);
	sc_free(sc);
}

static void test_words(void **state)
{
	static const char *const gil[] = {"unknown", "on", "off", "enabled_by_import", "unknown"};
	static const char *const engine[] = {"passive", "uprobe", "mixed", "passive"};
	__u32 i;

	(void)state;
	for (i = 0; i < 5; i++) {
		struct scenario *sc = sc_web();
		struct json_object *root;

		sc->info.gil = i;
		sc->info.engine = i % 4;
		strcpy(sc->info.gil_enabled_by, "mod");
		root = report(sc, NULL);
		assert_string_equal(str(root, "target.python.gil"), gil[i]);
		assert_string_equal(str(root, "session.engine"), engine[i % 4]);
		assert_string_equal(str(root, "target.python.gil_enabled_by"), "mod");
		json_object_put(root);
		sc_free(sc);
	}
}

static void test_functions(void **state)
{
	struct scenario *sc = sc_web();
	struct ft_func_list *l = &funcs.list[FT_FUNCS_GIL_BLAME];
	struct json_object *root;

	(void)state;
	funcs.present = true;
	l->total_ns = 4000 * MS;
	l->factor = 1.25;
	l->cnt = 2;
	l->func[0] = (struct ft_func){"work", "/a/b.py", 7, FT_FK_PYTHON, 3000 * MS, 3500 * MS};
	l->func[1] = (struct ft_func){"a\"b\n", "", 0, FT_FK_NATIVE, 1000 * MS, 1000 * MS};
	sc->info.stack_hz = 199;
	sc->info.native_frames = true;
	strcpy(sc->info.cut, "libx.so: no frame pointers\nliby.so\n");
	sc->totals.sums.cnt[FT_CN_STACKS] = 10007;
	sc->totals.sums.cnt[FT_CN_STACK_MARK + FT_PM_FRAME] = 2;
	sc->totals.sums.cnt[FT_CN_STACK_MARK + FT_PM_LOOP] = 3;
	sc->totals.sums.cnt[FT_CN_STACK_MARK + FT_PM_ENTRY] = 5003;
	sc->totals.sums.cnt[FT_CN_STACK_MARK + FT_PM_TRUNCATED] = 11;
	root = report(sc, NULL);
	assert_int_equal(num(root, "stacks.hz"), 199);
	assert_int_equal(num(root, "stacks.walked"), 10007);
	assert_int_equal(num(root, "stacks.errors"), 5);
	assert_int_equal(num(root, "stacks.errors_by.frame"), 2);
	assert_int_equal(num(root, "stacks.errors_by.loop"), 3);
	assert_int_equal(num(root, "stacks.truncated"), 11);
	assert_string_equal(str(root, "stacks.native_cut.[1]"), "liby.so");
	assert_string_equal(str(root, "functions.gil_blame.[0].name"), "work");
	assert_string_equal(str(root, "functions.gil_blame.[0].file"), "/a/b.py");
	assert_string_equal(str(root, "functions.gil_blame.[0].kind"), "python");
	assert_int_equal(num(root, "functions.gil_blame.[0].line"), 7);
	assert_true(num(root, "functions.gil_blame.[0].total_ns") == 3500 * MS);
	assert_string_equal(str(root, "functions.gil_blame.[1].name"), "a\"b?");
	assert_string_equal(str(root, "functions.gil_blame.[1].kind"), "native");
	json_object_put(root);
	memset(&funcs, 0, sizeof(funcs));
	sc_free(sc);
}

static bool valid_utf8(const char *s)
{
	size_t len = strlen(s), n;

	for (; len; s += n, len -= n) {
		n = ft_utf8_seq(s, len, NULL);
		if (!n)
			return false;
	}
	return true;
}

/* Names of a hostile target and the noise of a damaged file still make a report that parses. */
static void test_hostile(void **state)
{
	int round;

	(void)state;
	srand(3);
	for (round = 0; round < 40; round++) {
		struct scenario *sc = sc_web();
		struct json_object *root;
		unsigned char *p;
		char *text;
		size_t i, j;

		for (j = 0; j < sc->cnt; j++)
			for (p = (unsigned char *)&sc->recs[j], i = 0; i < sizeof(*sc->recs); i++)
				p[i] = (unsigned char)rand();
		for (p = (unsigned char *)&sc->totals, i = 0; i < sizeof(sc->totals); i++)
			p[i] = (unsigned char)rand();
		for (i = 0; i < sizeof(sc->info.cmdline) - 1; i++)
			sc->info.cmdline[i] = (char)(1 + rand() % 255);
		strcpy(sc->info.exe, "a\"b\\c\x01\xc3");
		sc->info.quota = round % 2 ? 0.0 / 0.0 : 1.0 / 0.0;
		root = report(sc, &text);
		assert_true(valid_utf8(text));
		for (p = (unsigned char *)text; *p; p++)
			assert_true(*p >= 0x20 || *p == '\n');
		assert_string_equal(str(root, "target.exe"), "a\"b\\c??");
		json_object_put(root);
		free(text);
		sc_free(sc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shape),	  cmocka_unit_test(test_found),
		cmocka_unit_test(test_values),	  cmocka_unit_test(test_words),
		cmocka_unit_test(test_functions), cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
