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
	{"cost.ftprof_cpu_ns", json_type_int},
	{"cost.bpf_ns", json_type_int},
	{"cost.rss_bytes", json_type_int},
	{"cost.probes_in_target", json_type_int},
	{"verdict.kind", json_type_string},
	{"verdict.text", json_type_string},
	{"verdict.advice", json_type_string},
};

static void test_shape(void **state)
{
	struct scenario *sc = sc_web();
	struct json_object *root = report(sc, NULL);
	size_t i;

	(void)state;
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
		cmocka_unit_test(test_shape),	cmocka_unit_test(test_values),
		cmocka_unit_test(test_words),	cmocka_unit_test(test_functions),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
