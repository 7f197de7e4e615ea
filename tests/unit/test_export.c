/* SPDX-License-Identifier: BSD-2-Clause */
/* LDFLAGS: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* Tests of the formats of other tools, on flames made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <json.h>
#include <limits.h>
#include <profile.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "export/export.h"
#include "export/json_out.h"
#include "export/tables.h"
#include "flame_fixture.h"
#include "oom.h"

typedef int (*export_fn)(const struct ft_flame *f, struct ft_text *out);

static const export_fn all_formats[] = {ft_export_folded, ft_export_speedscope, ft_export_pprof,
					ft_export_firefox};
#define FORMATS (sizeof(all_formats) / sizeof(all_formats[0]))

#define HOSTILE                                                                                    \
	"a;b\nc\td\r\"q\" \\ <script>\x1b[31m\x7f \xc2\x9b \xe2\x80\xae \xe2\x80\xa8 "             \
	"\xf0\x9f\x90\x8d"

/*
 * main (line 3) 1500 ns
 *   f (line 12) 2,499 ns
 *     f (line 12) 0
 *       push 4,000,400 ns
 *   f (line 14) 0
 *     HOSTILE 7 ns
 * other 1 ns, numbered behind them all
 */
static void make(struct flame_fixture *x)
{
	__u32 main_frame, f12, f14, push, hostile, other, a, b;

	fx_init(x, FT_OF_GIL_WAIT);
	other = fx_frame(x, "other", "", 0, 0, FT_FK_MARK);
	fx_frame(x, "never used", "secret.py", 1, 1, FT_FK_PYTHON);
	main_frame = fx_frame(x, "<module>", "/app.py", 3, 1, FT_FK_PYTHON);
	f12 = fx_frame(x, "f", "/app.py", 12, 10, FT_FK_PYTHON);
	f14 = fx_frame(x, "f", "/app.py", 14, 10, FT_FK_PYTHON);
	push = fx_frame(x, "push", "/lib/libx.so", 0, 0, FT_FK_NATIVE);
	hostile = fx_frame(x, HOSTILE, "b;\n.py", 7, 5, FT_FK_PYTHON);
	a = fx_node(x, 0, main_frame, 1500, 1);
	b = fx_node(x, a, f12, 2499, 2);
	fx_node(x, 0, other, 1, 1);
	b = fx_node(x, b, f12, 0, 0);
	a = fx_node(x, a, f14, 0, 0);
	fx_node(x, b, push, 4000400, 5);
	fx_node(x, a, hostile, 7, 1);
	fx_sum(x);
}

static struct ft_text export(const struct flame_fixture *x, export_fn fn)
{
	struct ft_text out = {0};

	assert_int_equal(fn(&x->f, &out), 0);
	assert_int_equal(out.err, 0);
	return out;
}

static void test_folded(void **state)
{
	struct flame_fixture x;
	struct ft_text out;

	(void)state;
	make(&x);
	/* 1500, 3999, 4004399, 4004406, 4004407 ns so far are 2, 4, 4004, 4004, 4004 us */
	out = export(&x, ft_export_folded);
	assert_string_equal(
		out.s, "<module> (/app.py:3) 2\n"
		       "<module> (/app.py:3);f (/app.py:12) 2\n"
		       "<module> (/app.py:3);f (/app.py:12);f (/app.py:12);push (/lib/libx.so) "
		       "4000\n");
	ft_text_free(&out);
	/* rounding: what a line lacks, a later one gets */
	x.f.node[x.f.node_cnt - 1].self_ns = 102;
	fx_sum(&x);
	out = export(&x, ft_export_folded);
	assert_non_null(strstr(out.s,
			       "<module> (/app.py:3);f (/app.py:14);a:b?c?d?\"q\" \\ <script>"
			       "?[31m? ? ? ? \xf0\x9f\x90\x8d (b:?.py:7) 1\n"));
	ft_text_free(&out);
	fx_free(&x);
}

/* Each alone, as the innermost frame, where the count follows. */
static void test_folded_names(void **state)
{
	static const struct {
		const char *name;
		const char *line;
	} cases[] = {
		{"plain", "plain 3\n"},
		{"with blank", "with blank 3\n"},
		{"  lead", "__lead 3\n"},
		{"trail  ", "trail__ 3\n"},
		{"   ", "___ 3\n"},
		{"two 12", "two_12 3\n"},
		{"two 1.5", "two_1.5 3\n"},
		{"12", "12 3\n"},
		{"a 1 2", "a 1_2 3\n"},
		{"x;", "x: 3\n"},
		{"\n", "? 3\n"},
		{"v2", "v2 3\n"},
	};
	struct flame_fixture x;
	struct ft_text out;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fx_init(&x, FT_OF_WALL);
		fx_node(&x, 0, fx_frame(&x, cases[i].name, "", 0, 0, FT_FK_NATIVE), 3000, 1);
		fx_sum(&x);
		out = export(&x, ft_export_folded);
		assert_string_equal(out.s, cases[i].line);
		ft_text_free(&out);
		fx_free(&x);
	}
}

/* Sum of the file against the flame's total, and each line against its node, on a large tree. */
static void test_folded_sums(void **state)
{
	struct flame_fixture x;
	struct ft_text out;
	unsigned long long us;
	__u64 sum = 0;
	char *line, *save, *blank;

	(void)state;
	fx_init(&x, FT_OF_ON_CPU);
	fx_grow(&x, 3000, 200, 30);
	out = export(&x, ft_export_folded);
	for (line = strtok_r(out.s, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		blank = strrchr(line, ' ');
		assert_non_null(blank);
		us = strtoull(blank + 1, NULL, 10);
		assert_true(us > 0);
		sum += us;
	}
	assert_int_equal(sum, (x.f.total_ns + 500) / 1000);
	ft_text_free(&out);
	fx_free(&x);
}

static json_object *parse(const struct ft_text *out)
{
	json_tokener *tok = json_tokener_new_ex(64);
	json_object *o;

	assert_non_null(tok);
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tok, out->s, (int)out->len);
	assert_int_equal(json_tokener_get_error(tok), json_tokener_success);
	assert_int_equal(json_tokener_get_parse_end(tok), out->len);
	json_tokener_free(tok);
	return o;
}

/* What a path of keys and indices leads to: "shared.frames.0.name". */
static json_object *at(json_object *o, const char *path)
{
	char part[64];
	size_t n;

	for (; *path; path += n + (path[n] == '.')) {
		n = strcspn(path, ".");
		assert_true(n < sizeof(part));
		memcpy(part, path, n);
		part[n] = 0;
		if (json_object_is_type(o, json_type_array))
			o = json_object_array_get_idx(o, strtoul(part, NULL, 10));
		else
			assert_true(json_object_object_get_ex(o, part, &o));
	}
	return o;
}

static void assert_json(json_object *o, const char *path, const char *want)
{
	assert_string_equal(json_object_to_json_string_ext(at(o, path), JSON_C_TO_STRING_PLAIN),
			    want);
}

static void test_speedscope(void **state)
{
	struct flame_fixture x;
	struct ft_text out;
	json_object *o;

	(void)state;
	make(&x);
	out = export(&x, ft_export_speedscope);
	o = parse(&out);
	assert_string_equal(json_object_get_string(at(o, "$schema")),
			    "https://www.speedscope.app/file-format-schema.json");
	assert_int_equal(json_object_array_length(at(o, "profiles")), 1);
	assert_json(o, "profiles.0.type", "\"sampled\"");
	assert_json(o, "profiles.0.unit", "\"nanoseconds\"");
	assert_json(o, "profiles.0.samples", "[[0],[0,1],[0,1,1,2],[0,3,4],[5]]");
	assert_json(o, "profiles.0.weights", "[1500,2499,4000400,7,1]");
	assert_json(o, "profiles.0.startValue", "0");
	assert_json(o, "profiles.0.endValue", "4004407");
	assert_int_equal(json_object_array_length(at(o, "shared.frames")), 6);
	assert_json(o, "shared.frames.1", "{\"name\":\"f\",\"file\":\"\\/app.py\",\"line\":12}");
	assert_json(o, "shared.frames.2", "{\"name\":\"push\",\"file\":\"\\/lib\\/libx.so\"}");
	assert_json(o, "shared.frames.5", "{\"name\":\"other\"}");
	assert_string_equal(json_object_get_string(at(o, "shared.frames.4.name")), HOSTILE);
	assert_null(strstr(out.s, "secret.py"));
	json_object_put(o);
	ft_text_free(&out);
	fx_free(&x);
}

static void test_firefox(void **state)
{
	struct flame_fixture x;
	struct ft_text out;
	json_object *o;

	(void)state;
	make(&x);
	out = export(&x, ft_export_firefox);
	o = parse(&out);
	assert_json(o, "meta.preprocessedProfileVersion", "60");
	assert_json(o, "meta.extra.0.entries.0.value", "7000.000000");
	assert_json(o, "shared.stackTable.prefix", "[null,0,1,2,0,4,null]");
	assert_json(o, "shared.stackTable.frame", "[0,1,1,2,3,4,5]");
	assert_json(o, "shared.frameTable.func", "[0,1,2,1,3,4]");
	assert_json(o, "shared.frameTable.line", "[3,12,null,14,7,null]");
	assert_json(o, "shared.frameTable.category", "[0,0,1,0,0,3]");
	assert_json(o, "shared.funcTable.lineNumber", "[1,10,null,5,null]");
	assert_json(o, "shared.funcTable.source", "[0,0,1,2,null]");
	assert_json(o, "shared.funcTable.isJS", "[true,true,false,true,false]");
	assert_json(o, "threads.0.samples.stack", "[0,1,3,5,6,null]");
	assert_json(o, "threads.0.samples.weight",
		    "[0.001500,0.002499,4.000400,0.000007,0.000001,0.000000]");
	assert_json(o, "threads.0.samples.time",
		    "[0.000000,0.001500,0.003999,4.004399,4.004406,4.004407]");
	assert_json(o, "threads.0.samples.weightType", "\"tracing-ms\"");
	assert_json(o, "shared.funcTable.name", "[0,2,3,5,7]");
	assert_string_equal(json_object_get_string(at(o, "shared.stringArray.5")), HOSTILE);
	assert_null(strstr(out.s, "secret.py"));
	json_object_put(o);
	ft_text_free(&out);
	fx_free(&x);
}

static Ft__Pprof__Profile *unpack(const struct ft_text *out)
{
	static unsigned char raw[1 << 20];
	z_stream z = {0};
	size_t n;

	/* no time and no name in the head: flags and mtime are 0 */
	assert_memory_equal(out->s, "\x1f\x8b\x08\x00\x00\x00\x00\x00", 8);
	assert_int_equal(inflateInit2(&z, MAX_WBITS + 16), Z_OK);
	z.next_in = (unsigned char *)out->s;
	z.avail_in = (uInt)out->len;
	z.next_out = raw;
	z.avail_out = sizeof(raw);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	n = z.total_out;
	inflateEnd(&z);
	return ft__pprof__profile__unpack(NULL, n, raw);
}

static const char *string(const Ft__Pprof__Profile *p, int64_t index)
{
	assert_in_range(index, 0, p->n_string_table - 1);
	return p->string_table[index];
}

static void test_pprof(void **state)
{
	static const uint64_t stack[] = {3, 2, 2, 1};
	struct ft_text out, again;
	const Ft__Pprof__Function *fn;
	struct flame_fixture x;
	Ft__Pprof__Profile *p;
	size_t i;

	(void)state;
	make(&x);
	out = export(&x, ft_export_pprof);
	again = export(&x, ft_export_pprof);
	assert_int_equal(out.len, again.len);
	assert_memory_equal(out.s, again.s, out.len);
	ft_text_free(&again);
	p = unpack(&out);
	assert_non_null(p);
	assert_string_equal(string(p, 0), "");
	assert_int_equal(p->n_sample_type, 2);
	assert_string_equal(string(p, p->sample_type[0]->type), "samples");
	assert_string_equal(string(p, p->sample_type[0]->unit), "count");
	assert_string_equal(string(p, p->sample_type[1]->type), "gil_wait");
	assert_string_equal(string(p, p->sample_type[1]->unit), "nanoseconds");
	assert_string_equal(string(p, p->default_sample_type), "gil_wait");
	assert_int_equal(p->time_nanos, x.info.start_wall_ns);
	assert_int_equal(p->duration_nanos, 7000000000ll);
	assert_int_equal(p->n_mapping, 1);
	assert_int_equal(p->mapping[0]->id, 1);
	assert_true(p->mapping[0]->has_functions && p->mapping[0]->has_filenames);
	assert_int_equal(p->n_sample, 5);
	assert_int_equal(p->sample[2]->n_location_id, 4);
	assert_memory_equal(p->sample[2]->location_id, stack, sizeof(stack));
	assert_int_equal(p->sample[2]->n_value, 2);
	assert_int_equal(p->sample[2]->value[0], 5);
	assert_int_equal(p->sample[2]->value[1], 4000400);
	assert_int_equal(p->n_location, 6);
	assert_int_equal(p->n_function, 5);
	for (i = 0; i < p->n_location; i++) {
		assert_int_equal(p->location[i]->id, i + 1);
		assert_int_equal(p->location[i]->mapping_id, 1);
		assert_int_equal(p->location[i]->n_line, 1);
		assert_in_range(p->location[i]->line[0]->function_id, 1, p->n_function);
	}
	assert_int_equal(p->location[3]->line[0]->line, 14);
	assert_int_equal(p->location[3]->line[0]->function_id, 2);
	fn = p->function[1];
	assert_int_equal(fn->id, 2);
	assert_string_equal(string(p, fn->name), "f");
	assert_string_equal(string(p, fn->filename), "/app.py");
	assert_int_equal(fn->start_line, 10);
	/* pprof prints names to a terminal as they are */
	assert_string_equal(string(p, p->function[3]->name),
			    "a;b?c?d?\"q\" \\ <script>?[31m? ? ? ? \xf0\x9f\x90\x8d");
	for (i = 0; i < p->n_string_table; i++)
		assert_string_not_equal(p->string_table[i], "secret.py");
	ft__pprof__profile__free_unpacked(p, NULL);
	ft_text_free(&out);
	fx_free(&x);
}

/* Time of the root itself must not vanish: it stands under a mark. */
static void test_bare_root(void **state)
{
	Ft__Pprof__Profile *p;
	struct flame_fixture x;
	struct ft_text out;
	json_object *o;

	(void)state;
	fx_init(&x, FT_OF_BLOCKED);
	fx_node(&x, 0, fx_frame(&x, "f", "", 0, 0, FT_FK_PYTHON), 3000, 1);
	x.f.node[0].self_ns = 5000;
	x.f.node[0].self_cnt = 2;
	fx_sum(&x);
	out = export(&x, ft_export_folded);
	assert_string_equal(out.s, "[no stack] 5\nf 3\n");
	ft_text_free(&out);
	out = export(&x, ft_export_speedscope);
	o = parse(&out);
	assert_json(o, "profiles.0.samples", "[[1],[0]]");
	assert_json(o, "profiles.0.weights", "[5000,3000]");
	assert_json(o, "shared.frames.1.name", "\"[no stack]\"");
	json_object_put(o);
	ft_text_free(&out);
	out = export(&x, ft_export_firefox);
	o = parse(&out);
	assert_json(o, "threads.0.samples.stack", "[1,0,null]");
	assert_json(o, "shared.stackTable.frame", "[0,1]");
	assert_json(o, "shared.stackTable.prefix", "[null,null]");
	json_object_put(o);
	ft_text_free(&out);
	out = export(&x, ft_export_pprof);
	p = unpack(&out);
	assert_int_equal(p->n_sample, 2);
	assert_int_equal(p->sample[0]->value[1], 5000);
	assert_int_equal(p->sample[0]->location_id[0], 2);
	assert_string_equal(string(p, p->function[1]->name), "[no stack]");
	ft__pprof__profile__free_unpacked(p, NULL);
	ft_text_free(&out);
	fx_free(&x);
}

/* Nothing was seen: the files are whole, and hold nothing. */
static void test_empty(void **state)
{
	struct flame_fixture x;
	Ft__Pprof__Profile *p;
	struct ft_text out;
	json_object *o;

	(void)state;
	fx_init(&x, FT_OF_ON_CPU);
	x.f.info = NULL;
	out = export(&x, ft_export_folded);
	assert_int_equal(out.len, 0);
	ft_text_free(&out);
	out = export(&x, ft_export_speedscope);
	o = parse(&out);
	assert_json(o, "profiles.0.samples", "[]");
	json_object_put(o);
	ft_text_free(&out);
	out = export(&x, ft_export_firefox);
	o = parse(&out);
	assert_json(o, "shared.stackTable.length", "0");
	json_object_put(o);
	ft_text_free(&out);
	out = export(&x, ft_export_pprof);
	p = unpack(&out);
	assert_int_equal(p->n_sample, 0);
	ft__pprof__profile__free_unpacked(p, NULL);
	ft_text_free(&out);
	fx_free(&x);
}

/* A flame whose indices lead out of it is refused, not followed. */
static void test_broken(void **state)
{
	struct flame_fixture x;
	struct ft_text out = {0};
	size_t i;

	(void)state;
	for (i = 0; i < FORMATS; i++) {
		make(&x);
		x.f.node[3].parent = 3;
		assert_int_equal(all_formats[i](&x.f, &out), -EINVAL);
		x.f.node[3].parent = 0;
		x.f.node[3].frame = (__u32)x.f.frame_cnt;
		assert_int_equal(all_formats[i](&x.f, &out), -EINVAL);
		x.f.node[3].frame = 0;
		x.f.node_cnt = 0;
		assert_int_equal(all_formats[i](&x.f, &out), -EINVAL);
		assert_int_equal(out.len, 0);
		fx_free(&x);
	}
}

/* Names and depths at their limits. */
static void test_limits(void **state)
{
	char name[FT_FRAME_STRING_MAX + 1];
	struct flame_fixture x;
	struct ft_text out;
	json_object *o;
	__u32 node = 0, i;

	(void)state;
	memset(name, '"', FT_FRAME_STRING_MAX);
	name[FT_FRAME_STRING_MAX] = 0;
	fx_init(&x, FT_OF_OFF_CPU);
	fx_frame(&x, name, name, UINT_MAX, UINT_MAX, FT_FK_PYTHON);
	for (i = 0; i < 1000; i++)
		node = fx_node(&x, node, 0, 0, 0);
	x.f.node[node].self_ns = 1ull << 52;
	x.f.node[node].self_cnt = 1;
	fx_sum(&x);
	out = export(&x, ft_export_speedscope);
	o = parse(&out);
	assert_string_equal(json_object_get_string(at(o, "shared.frames.0.name")), name);
	assert_json(o, "shared.frames.0.line", "4294967295");
	assert_json(o, "profiles.0.weights", "[4503599627370496]");
	assert_int_equal(json_object_array_length(at(o, "profiles.0.samples.0")), 1000);
	json_object_put(o);
	ft_text_free(&out);
	for (i = 0; i < FORMATS; i++) {
		out = export(&x, all_formats[i]);
		ft_text_free(&out);
	}
	fx_free(&x);
}

static void test_json(void **state)
{
	struct ft_text t = {0};

	(void)state;
	ft_json_str(&t, "a\"\\\x01/\xc3\xa9\xff\xed\xa0\x80\xe2\x80\xae\x7f");
	assert_string_equal(t.s, "\"a\\\"\\\\\\u0001/\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
				 "\xef\xbf\xbd\\u202e\\u007f\"");
	t.len = 0;
	ft_json_u64(&t, 0);
	ft_text_add(&t, " ");
	ft_json_u64(&t, UINT64_MAX);
	ft_text_add(&t, " ");
	ft_json_ms(&t, 1000000ull * 12 + 34);
	assert_string_equal(t.s, "0 18446744073709551615 12.000034");
	ft_text_free(&t);
}

/* Every allocation fails once: -ENOMEM, and nothing is lost or used after its end. */
static void test_oom(void **state)
{
	struct flame_fixture x;
	struct ft_text out;
	size_t i;
	long n;
	int err;

	(void)state;
	make(&x);
	for (i = 0; i < FORMATS; i++) {
		for (n = 0;; n++) {
			memset(&out, 0, sizeof(out));
			countdown = n + 1;
			err = all_formats[i](&x.f, &out);
			if (countdown)
				break; /* it needed no more than n */
			countdown = 0;
			assert_int_equal(err, -ENOMEM);
			ft_text_free(&out);
		}
		countdown = 0;
		assert_int_equal(err, 0);
		assert_true(n > 5);
		ft_text_free(&out);
	}
	/* an error from before stays one */
	for (i = 0; i < FORMATS; i++) {
		memset(&out, 0, sizeof(out));
		out.err = -ENOMEM;
		assert_int_equal(all_formats[i](&x.f, &out), -ENOMEM);
		assert_null(out.s);
	}
	fx_free(&x);
}

/* Enough strings that the hash table grows, and each of its allocations fails once. */
static void test_strings_oom(void **state)
{
	struct ft_strings t;
	char name[32];
	__u32 index;
	long n;
	int i, err, failures;

	(void)state;
	for (n = 0, failures = 1; failures; n++) {
		memset(&t, 0, sizeof(t));
		failures = 0;
		countdown = n + 1;
		for (i = 0; i < 700; i++) {
			snprintf(name, sizeof(name), "string %d", i);
			err = ft_strings_add(&t, name, &index);
			if (err) {
				assert_int_equal(err, -ENOMEM);
				failures++;
				/* as it was before: the next try is good */
				assert_int_equal(ft_strings_add(&t, name, &index), 0);
			}
			assert_int_equal(index, i);
		}
		countdown = 0;
		assert_true(failures <= 1);
		assert_int_equal(t.cnt, 700);
		for (i = 0; i < 700; i += 13) {
			snprintf(name, sizeof(name), "string %d", i);
			assert_string_equal(t.s[i], name);
			assert_int_equal(ft_strings_add(&t, name, &index), 0);
			assert_int_equal(index, i);
		}
		ft_strings_free(&t);
	}
	assert_true(n > 700);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folded),	    cmocka_unit_test(test_folded_names),
		cmocka_unit_test(test_folded_sums), cmocka_unit_test(test_speedscope),
		cmocka_unit_test(test_firefox),	    cmocka_unit_test(test_pprof),
		cmocka_unit_test(test_bare_root),   cmocka_unit_test(test_empty),
		cmocka_unit_test(test_broken),	    cmocka_unit_test(test_limits),
		cmocka_unit_test(test_json),	    cmocka_unit_test(test_oom),
		cmocka_unit_test(test_strings_oom),
	};

	return cmocka_run_group_tests_name("export", tests, NULL, NULL);
}
