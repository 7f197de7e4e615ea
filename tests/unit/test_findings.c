/* SPDX-License-Identifier: BSD-2-Clause */
/* LDFLAGS: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* Tests of what a session found: round trip, damage, bytes by somebody hostile, no memory. */
#include "session_stacks.h"

#include <errno.h>

#include "oom.h"
#include "record/findings_json.h"

#define STRING(s) "s\xc3\xa9\"\\\t<" #s ">"

/* A new member belongs into full() below. */
_Static_assert(sizeof(struct ft_lock_rec) == 272 && sizeof(struct ft_pause_rec) == 144 &&
		       sizeof(struct ft_ext_rec) == 784 && sizeof(struct ft_gil_rec) == 152 &&
		       sizeof(struct ft_memory_rec) == 16 && sizeof(struct ft_pmu_rec) == 32 &&
		       sizeof(struct ft_findings) == 5520,
	       "members of findings");

/* No member of the last elements is 0 or empty. */
static struct ft_findings full(void)
{
	static struct ft_lock_rec lock[3] = {{.id = 1, .kind = FT_LK_OBJECT, .name = "list"},
					     {.id = 7, .kind = FT_LK_TYPE, .name = "MyClass"},
					     {.id = ~0u,
					      .kind = FT_LK_RUNTIME,
					      .name = STRING(name),
					      .owner = STRING(owner),
					      .addr = ~0ull,
					      .waits = 2,
					      .wait_ns = 3,
					      .wait_max_ns = 4,
					      .spin_ticks = 5,
					      .yields = 6,
					      .same = 61,
					      .other = 62,
					      .threads = ~0u,
					      .many = true}};
	static struct ft_pause_rec pause[2] = {{.id = 0},
					       {.id = 255,
						.cause = FT_PC_INSPECT,
						.func = STRING(func),
						.cnt = 1,
						.to_stop_ns = 2,
						.stopped_ns = 3,
						.max_ns = 4,
						.threads = ~0ull}};
	static struct ft_ext_rec ext[2] = {{.module = "x", .gil = FT_EG_UNKNOWN},
					   {.module = STRING(module),
					    .path = STRING(path),
					    .distribution = STRING(dist),
					    .gil = FT_EG_USED,
					    .stdlib = true,
					    .seen_ns = 1001}};
	static struct ft_gil_rec gil[2] = {
		{.ts_ns = 1000, .state = FT_GIL_OFF, .stack = FT_NO_STACK},
		{.ts_ns = 1500,
		 .state = FT_GIL_ENABLED,
		 .exact = true,
		 .module = STRING(module),
		 .stack = 59}};
	static struct ft_memory_rec memory[3] = {{1000, 1}, {1000, 0}, {1700, ~0ull}};
	static struct ft_pmu_rec pmu[1] = {{77, 1, 2, 3}};
	struct ft_findings f;

	ft_findings_init(&f);
	f.lock = lock;
	f.lock_cnt = 3;
	f.pause = pause;
	f.pause_cnt = 2;
	f.ext = ext;
	f.ext_cnt = 2;
	f.gil = gil;
	f.gil_cnt = 2;
	f.memory = memory;
	f.memory_cnt = 3;
	f.pmu = pmu;
	f.pmu_cnt = 1;
	f.pmu_ok = true;
	strcpy(f.pmu_why, STRING(why));
	f.yield_window_ns = 10;
	f.yield_windows = ~0u;
	f.yields = 12;
	f.yields_rel_err = 0.1;
	f.pause_window_ns = 14;
	f.pause_hist[0] = 15;
	f.pause_hist[300] = ~0ull;
	f.gc_known = true;
	f.gc_runs[0] = 16;
	f.gc_runs[FT_GC_GENS - 1] = 17;
	f.gc_exact = true;
	f.gc_timed[1] = 18;
	f.gc_ns[0] = ~0ull;
	f.gc_ns[FT_GC_GENS - 1] = 19;
	f.gc_max_ns[FT_GC_GENS - 1] = 20;
	f.bytecode_copies = 18;
	f.bytecode_copy_bytes = 19;
	return f;
}

static void expect_equal(const struct ft_findings *a, const struct ft_findings *b)
{
	size_t head = offsetof(struct ft_findings, pmu_ok);

#define SAME(list)                                                                                 \
	do {                                                                                       \
		assert_int_equal(a->list##_cnt, b->list##_cnt);                                    \
		if (b->list##_cnt)                                                                 \
			assert_memory_equal(a->list, b->list, b->list##_cnt * sizeof(*b->list));   \
	} while (0)
	SAME(lock);
	SAME(pause);
	SAME(ext);
	SAME(gil);
	SAME(memory);
	SAME(pmu);
#undef SAME
	assert_memory_equal((const char *)a + head, (const char *)b + head, sizeof(*a) - head);
}

static const struct ft_findings empty;

/* The small file with stacks and twice findings: the first has one lock only. */
static void write_both(void)
{
	struct ft_findings f = full(), first = empty;
	struct ft_writer *w = start();
	struct truth t;

	make_truth(&t, 24, 60, 15, 20);
	first.lock = f.lock;
	first.lock_cnt = 1;
	assert_int_equal(ft_writer_stacks(w, &t.s), 0);
	assert_int_equal(ft_writer_findings(w, &first), 0);
	assert_int_equal(ft_writer_findings(w, &f), 0);
	assert_int_equal(ft_writer_finish(w), 0);
	free_truth(&t);
}

static void test_round_trip(void **state)
{
	struct ft_findings f = full();
	struct ft_reader *r;

	(void)state;
	write_both();
	r = reopen(path);
	assert_null(ft_reader_damage(r));
	expect_equal(ft_reader_findings(r), &f);
	ft_reader_close(r);
	unlink(path);
}

static void test_none(void **state)
{
	struct ft_writer *w = start();
	struct ft_reader *r;

	(void)state;
	assert_int_equal(ft_writer_finish(w), 0);
	r = reopen(path);
	assert_null(ft_reader_damage(r));
	expect_equal(ft_reader_findings(r), &empty);
	ft_reader_close(r);
	w = start();
	assert_int_equal(ft_writer_findings(w, &empty), 0);
	assert_int_equal(ft_writer_finish(w), 0);
	r = reopen(path);
	expect_equal(ft_reader_findings(r), &empty);
	ft_reader_close(r);
	unlink(path);
	ft_findings_free(NULL);
}

/* A change of the GIL that was seen before it was told of. */
static void test_order(void **state)
{
	static struct ft_gil_rec gil[5] = {{.ts_ns = 20, .module = "a"},
					   {.ts_ns = 20, .module = "b"},
					   {.ts_ns = 30, .module = "c"},
					   {.ts_ns = 20, .module = "d"},
					   {.ts_ns = 10, .module = "e"}};
	struct ft_findings f = empty, got;
	struct ft_text json = {0};
	char order[8] = "";
	size_t i;

	(void)state;
	f.gil = gil;
	f.gil_cnt = 5;
	assert_int_equal(ft_findings_to_json(&f, &json), 0);
	assert_int_equal(ft_findings_from_json(json.s, json.len, &got), 0);
	assert_int_equal(got.gil_cnt, 5);
	for (i = 0; i < 5; i++)
		order[i] = got.gil[i].module[0];
	assert_string_equal(order, "eabdc");
	ft_findings_free(&got);
	ft_text_free(&json);
}

/* As much as may be, of the characters that take most room. */
static void test_largest(void **state)
{
	struct ft_findings f = empty, *got = grab(1, sizeof(*got));
	struct ft_writer *w = start();
	struct ft_reader *r;
	size_t i;

	(void)state;
	f.lock_cnt = FT_MAX_LOCKS;
	f.lock = grab(f.lock_cnt, sizeof(*f.lock));
	f.ext_cnt = FT_EXT_MAX;
	f.ext = grab(f.ext_cnt, sizeof(*f.ext));
	f.gil_cnt = FT_GIL_CHANGES_MAX;
	f.gil = grab(f.gil_cnt, sizeof(*f.gil));
	f.pause_cnt = FT_MAX_PAUSE_CAUSES;
	f.pause = grab(f.pause_cnt, sizeof(*f.pause));
	f.memory_cnt = FT_MEMORY_MAX;
	f.memory = grab(f.memory_cnt, sizeof(*f.memory));
	f.pmu_cnt = FT_PMU_MAX;
	f.pmu = grab(f.pmu_cnt, sizeof(*f.pmu));
	memset(f.memory, 0xff, f.memory_cnt * sizeof(*f.memory));
	memset(f.pause_hist, 0xff, sizeof(f.pause_hist));
	for (i = 0; i < f.lock_cnt; i++) {
		memset(&f.lock[i], 0xff, sizeof(*f.lock));
		memset(f.lock[i].name, '"', sizeof(f.lock[i].name));
		memset(f.lock[i].owner, '\n', sizeof(f.lock[i].owner));
		f.lock[i].id = (__u32)i;
		f.lock[i].kind = FT_LK_NATIVE;
		f.lock[i].many = true;
	}
	for (i = 0; i < f.ext_cnt; i++) {
		memset(&f.ext[i], '"', sizeof(*f.ext));
		f.ext[i].gil = FT_EG_USED;
		f.ext[i].stdlib = true;
	}
	for (i = 0; i < f.gil_cnt; i++) {
		memset(f.gil[i].module, '\\', sizeof(f.gil[i].module));
		f.gil[i].stack = FT_NO_STACK;
	}
	for (i = 0; i < f.pause_cnt; i++)
		f.pause[i].id = (__u32)i;
	assert_int_equal(ft_writer_findings(w, &f), 0);
	assert_int_equal(ft_writer_finish(w), 0);
	r = reopen(path);
	assert_null(ft_reader_damage(r));
	*got = *ft_reader_findings(r);
	assert_int_equal(got->lock_cnt, FT_MAX_LOCKS);
	assert_int_equal(got->ext_cnt, FT_EXT_MAX);
	assert_int_equal(got->gil_cnt, FT_GIL_CHANGES_MAX);
	assert_int_equal(got->pause_cnt, FT_MAX_PAUSE_CAUSES);
	assert_int_equal(got->pmu_cnt, FT_PMU_MAX);
	assert_memory_equal(got->memory, f.memory, FT_MEMORY_MAX * sizeof(*f.memory));
	assert_int_equal(strlen(got->lock[5].name), sizeof(f.lock->name) - 1);
	assert_int_equal(strlen(got->ext[5].path), sizeof(f.ext->path) - 1);
	assert_int_equal(strspn(got->lock[4095].owner, "\n"), sizeof(f.lock->owner) - 1);
	ft_reader_close(r);
	free(got);
	ft_findings_free(&f);
	assert_memory_equal(&f, &empty, sizeof(f));
	unlink(path);
}

/* A stranger's bytes, and doubles that JSON has no words for. */
static void test_strings(void **state)
{
	struct ft_findings f = full(), got;
	struct ft_text json = {0};

	(void)state;
	memset(f.lock[2].name, 0xff, sizeof(f.lock[2].name));
	memcpy(f.lock[1].name, "a\x01\x7f\xed\xa0\x80\xc3", 8);
	f.yields_rel_err = 1.0 / 0.0;
	assert_int_equal(ft_findings_to_json(&f, &json), 0);
	assert_true(ft_stacks_string_ok(json.s, json.len) || json.len > FT_FRAME_STRING_MAX);
	assert_int_equal(ft_findings_from_json(json.s, json.len, &got), 0);
	assert_int_equal(strspn(got.lock[2].name, "?"), sizeof(f.lock->name) - 1);
	assert_string_equal(got.lock[1].name, "a??????");
	assert_true(got.yields_rel_err >= 1e6 && got.yields_rel_err <= 1e6);
	ft_findings_free(&got);
	ft_text_free(&json);
	memcpy(f.lock[1].name, "MyClass", 8);
	memcpy(f.lock[2].name, STRING(name), sizeof(STRING(name)));
	memset(f.lock[2].name + sizeof(STRING(name)), 0,
	       sizeof(f.lock->name) - sizeof(STRING(name)));
}

static const struct {
	const char *json;
	bool good;
} hostile[] = {
	{"{}", true},
	{"{\"unknown\":[{}],\"lock\":[]}", true},
	{"[]", false},
	{"", false},
	{"{", false},
	{"{} {}", false},
	{"{\"lock\":{}}", false},
	{"{\"lock\":[1]}", false},
	{"{\"lock\":[null]}", false},
	{"{\"lock\":null}", false},
	{"{\"lock\":[[[[[[[[[[]]]]]]]]]]}", false},
	{"{\"lock\":[{\"id\":1,\"kind\":1,\"name\":\"x\"}]}", true},
	{"{\"lock\":[{\"kind\":1,\"name\":\"x\"}]}", false},
	{"{\"lock\":[{\"id\":1,\"name\":\"x\"}]}", false},
	{"{\"lock\":[{\"id\":1,\"kind\":1}]}", false},
	{"{\"lock\":[{\"id\":1,\"kind\":1,\"name\":\"\"}]}", false},
	{"{\"lock\":[{\"id\":1,\"kind\":1,\"name\":5}]}", false},
	{"{\"lock\":[{\"id\":1,\"kind\":1,\"name\":\"x\\u0000y\"}]}", false},
	{"{\"lock\":[{\"id\":1,\"kind\":1,\"name\":\"\xff\"}]}", false},
	{"{\"lock\":[{\"id\":1,\"kind\":6,\"name\":\"x\"}]}", false},
	{"{\"lock\":[{\"id\":1,\"kind\":-1,\"name\":\"x\"}]}", false},
	{"{\"lock\":[{\"id\":1.0,\"kind\":1,\"name\":\"x\"}]}", false},
	{"{\"lock\":[{\"id\":4294967296,\"kind\":1,\"name\":\"x\"}]}", false},
	{"{\"lock\":[{\"id\":1,\"kind\":1,\"name\":\"x\",\"waits\":-1}]}", false},
	{"{\"lock\":[{\"id\":1,\"kind\":1,\"name\":\"x\",\"many\":1}]}", false},
	{"{\"lock\":[{\"id\":1,\"kind\":1,\"name\":\"x\"},{\"id\":2,\"kind\":1,\"name\":\"x\"}]}",
	 true},
	{"{\"lock\":[{\"id\":1,\"kind\":1,\"name\":\"x\"},{\"id\":1,\"kind\":1,\"name\":\"x\"}]}",
	 false},
	{"{\"lock\":[{\"id\":2,\"kind\":1,\"name\":\"x\"},{\"id\":1,\"kind\":1,\"name\":\"x\"}]}",
	 false},
	{"{\"pause\":[{\"id\":1,\"cause\":7}]}", true},
	{"{\"pause\":[{\"id\":1,\"cause\":8}]}", false},
	{"{\"pause\":[{\"id\":1}]}", false},
	{"{\"pause\":[{\"id\":1,\"cause\":7},{\"id\":1,\"cause\":7}]}", false},
	{"{\"ext\":[{\"module\":\"x\",\"gil\":2}]}", true},
	{"{\"ext\":[{\"module\":\"x\",\"gil\":3}]}", false},
	{"{\"ext\":[{\"module\":\"\",\"gil\":2}]}", false},
	{"{\"ext\":[{\"module\":\"x\"}]}", false},
	{"{\"gil\":[{\"ts_ns\":1,\"state\":3,\"stack\":5}]}", true},
	{"{\"gil\":[{\"ts_ns\":1,\"state\":4,\"stack\":5}]}", false},
	{"{\"gil\":[{\"ts_ns\":1,\"state\":3}]}", false},
	{"{\"gil\":[{\"state\":3,\"stack\":5}]}", false},
	{"{\"gil\":[{\"ts_ns\":2,\"state\":3,\"stack\":5},{\"ts_ns\":1,\"state\":3,\"stack\":5}]}",
	 true},
	{"{\"memory\":[{\"ts_ns\":1}]}", true},
	{"{\"memory\":[{\"rss_bytes\":1}]}", false},
	{"{\"memory\":[{\"ts_ns\":2},{\"ts_ns\":1}]}", false},
	{"{\"pmu\":[{\"tid\":1}]}", true},
	{"{\"pmu\":[{\"tid\":2147483648}]}", false},
	{"{\"pmu\":[{}]}", false},
	{"{\"gc_runs\":[1,2,18446744073709551615]}", true},
	{"{\"gc_runs\":[1,2,3,4]}", false},
	{"{\"gc_runs\":[1,-2]}", false},
	{"{\"gc_runs\":[true]}", false},
	{"{\"gc_runs\":{}}", false},
	{"{\"gc_ns\":[1,2,18446744073709551615]}", true},
	{"{\"gc_ns\":[1,2,3,4]}", false},
	{"{\"gc_max_ns\":[-1]}", false},
	{"{\"gc_timed\":[1,2,3,4]}", false},
	{"{\"gc_timed\":7}", false},
	{"{\"gc_exact\":true}", true},
	{"{\"gc_exact\":1}", false},
	{"{\"pause_hist\":5}", false},
	{"{\"yields_rel_err\":0}", true},
	{"{\"yields_rel_err\":1e7}", false},
	{"{\"yields_rel_err\":-1}", false},
	{"{\"yields_rel_err\":NaN}", false},
	{"{\"yields_rel_err\":\"1\"}", false},
	{"{\"pmu_ok\":\"yes\"}", false},
	{"{\"pmu_why\":7}", false},
};

static void test_hostile(void **state)
{
	struct ft_text json = {0};
	struct ft_findings f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		const char *s = hostile[i].json;
		int err = ft_findings_from_json(s, strlen(s), &f);

		if (err != (hostile[i].good ? 0 : -EBADMSG))
			fail_msg("%s: %d", s, err);
		/* what was taken can be written again */
		assert_int_equal(ft_findings_to_json(&f, &json), 0);
		if (err)
			expect_equal(&f, &empty);
		ft_findings_free(&f);
	}
	ft_text_free(&json);
}

/* Bytes changed, taken out and doubled: refused, or as good as what the writer makes. */
static void test_mutated(void **state)
{
	struct ft_findings f = full(), got;
	struct ft_text json = {0}, again = {0};
	unsigned int i, k, taken = 0;
	size_t at, len;
	char *s;

	(void)state;
	assert_int_equal(ft_findings_to_json(&f, &json), 0);
	s = grab(json.len, 1);
	for (i = 0; i < 5000; i++) {
		memcpy(s, json.s, json.len);
		len = json.len;
		for (k = (unsigned int)(rnd() % 3); k < 3; k++) {
			at = rnd() % (len - 8);
			if (rnd() % 3)
				s[at] = s[rnd() % len];
			else
				memmove(s + at, s + at + rnd() % 8, len - at - 8);
		}
		if (ft_findings_from_json(s, len, &got))
			continue;
		taken++;
		assert_int_equal(ft_findings_to_json(&got, &again), 0);
		ft_findings_free(&got);
		ft_text_free(&again);
	}
	assert_true(taken > 50 && taken < 4500);
	free(s);
	ft_text_free(&json);
}

/* One element more than there may be, of each kind: neither read nor written. */
static void test_too_many(void **state)
{
	static const struct {
		const char *name;
		const char *elem; /* with %zu for what ascends */
		size_t max;
	} kinds[] = {
		{"lock", "{\"id\":%zu,\"kind\":1,\"name\":\"x\"}", FT_MAX_LOCKS},
		{"pause", "{\"id\":%zu,\"cause\":1}", FT_MAX_PAUSE_CAUSES},
		{"ext", "{\"gil\":1,\"module\":\"%zu\"}", FT_EXT_MAX},
		{"gil", "{\"ts_ns\":%zu,\"state\":1,\"stack\":0}", FT_GIL_CHANGES_MAX},
		{"memory", "{\"ts_ns\":%zu}", FT_MEMORY_MAX},
		{"pmu", "{\"tid\":%zu}", FT_PMU_MAX},
		{"pause_hist", "%zu", FT_HIST_LEN},
	};
	struct ft_text json, out = {0};
	struct ft_findings f;
	size_t i, k, n;

	(void)state;
	for (k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		for (n = kinds[k].max; n <= kinds[k].max + 1; n++) {
			char elem[64];

			json = (struct ft_text){0};
			ft_text_printf(&json, "{\"%s\":[", kinds[k].name);
			for (i = 0; i < n; i++) {
				const char *hole = strstr(kinds[k].elem, "%zu");

				snprintf(elem, sizeof(elem), "%.*s%zu%s",
					 (int)(hole - kinds[k].elem), kinds[k].elem, i, hole + 3);
				ft_text_printf(&json, "%s%s", i ? "," : "", elem);
			}
			ft_text_add(&json, "]}");
			assert_int_equal(json.err, 0);
			assert_int_equal(ft_findings_from_json(json.s, json.len, &f),
					 n > kinds[k].max ? -EBADMSG : 0);
			ft_findings_free(&f);
			ft_text_free(&json);
		}
	}
	f = full();
	f.lock_cnt = FT_MAX_LOCKS + 1;
	assert_int_equal(ft_findings_to_json(&f, &out), -EFBIG);
	ft_text_free(&out);
}

/* The writer refuses what a reader would, and goes on refusing. */
static void test_refused(void **state)
{
	struct ft_findings f = full();
	struct ft_lock_rec lock[2];
	struct ft_writer *w;
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		memcpy(lock, f.lock, sizeof(lock));
		if (i == 0)
			lock[1].kind = FT_LK_CNT;
		else if (i == 1)
			lock[1].id = lock[0].id;
		else
			lock[1].name[0] = 0;
		w = start();
		f.lock = lock;
		f.lock_cnt = 2;
		assert_int_equal(ft_writer_findings(w, &f), -EINVAL);
		assert_int_equal(ft_writer_findings(w, &empty), -EINVAL);
		assert_int_equal(ft_writer_finish(w), -EINVAL);
		assert_int_equal(access(path, F_OK), -1);
		f = full();
	}
}

/* Every byte of both FINDINGS chunks changed: what is left is one of the two, or nothing. */
static void test_damaged(void **state)
{
	struct ft_findings f = full();
	size_t len, off, i, first, second;
	unsigned int whole = 0, older = 0;
	struct ft_reader *r;
	__u8 *bytes;

	(void)state;
	write_both();
	bytes = slurp(&len);
	first = find_chunk(bytes, len, FT_CHUNK_FINDINGS, 0);
	second = find_chunk(bytes, len, FT_CHUNK_FINDINGS, 1);
	for (off = first; off < find_chunk(bytes, len, FT_CHUNK_INDEX, 0); off++) {
		bytes[off] ^= 0x10;
		put_bytes(bytes, len);
		r = reopen(bad_path);
		assert_non_null(strstr(ft_reader_damage(r), "1 damaged or incomplete chunk"));
		if (off < second) {
			expect_equal(ft_reader_findings(r), &f);
			whole++;
		} else {
			assert_int_equal(ft_reader_findings(r)->lock_cnt, 1);
			assert_int_equal(ft_reader_findings(r)->ext_cnt, 0);
			older++;
		}
		ft_reader_close(r);
		bytes[off] ^= 0x10;
	}
	assert_true(whole > 48 && older > 48);
	/* both, and then the file's end with them */
	bytes[first + sizeof(struct ft_chunk_hdr)] ^= 1;
	bytes[second + sizeof(struct ft_chunk_hdr)] ^= 1;
	put_bytes(bytes, len);
	r = reopen(bad_path);
	expect_equal(ft_reader_findings(r), &empty);
	assert_non_null(strstr(ft_reader_damage(r), "2 damaged or incomplete chunks"));
	ft_reader_close(r);
	bytes[first + sizeof(struct ft_chunk_hdr)] ^= 1;
	for (i = first; i < len; i += 7) {
		put_bytes(bytes, i);
		r = reopen(bad_path);
		assert_true(ft_reader_damage(r) && ft_reader_findings(r)->lock_cnt <= 1);
		ft_reader_close(r);
	}
	free(bytes);
	unlink(path);
	unlink(bad_path);
}

/* A stack that is not there is none, and that is said. */
static void test_odd_stack(void **state)
{
	struct ft_findings f = full();
	struct ft_writer *w = start();
	struct ft_reader *r;

	(void)state;
	assert_int_equal(ft_writer_findings(w, &f), 0);
	assert_int_equal(ft_writer_finish(w), 0);
	r = reopen(path);
	assert_int_equal(ft_reader_findings(r)->gil[0].stack, FT_NO_STACK);
	assert_int_equal(ft_reader_findings(r)->gil[1].stack, FT_NO_STACK);
	assert_string_equal(ft_reader_damage(r),
			    "1 events, weights and findings have a stack that is not there");
	ft_reader_close(r);
	unlink(path);
}

static void test_oom(void **state)
{
	struct ft_findings f = full(), got;
	struct ft_text json = {0};
	long n, refused = 0;
	int err;

	(void)state;
	for (n = 1; n < 100; n++) {
		failed = false;
		countdown = n;
		err = ft_findings_to_json(&f, &json);
		countdown = 0;
		if (!failed)
			break;
		assert_int_equal(err, -ENOMEM);
		ft_text_free(&json);
	}
	assert_int_equal(err, 0);
	for (n = 1; n < 100; n++) {
		failed = false;
		countdown = n;
		err = ft_findings_from_json(json.s, json.len, &got);
		countdown = 0;
		if (!failed)
			break;
		assert_int_equal(err, -ENOMEM);
		expect_equal(&got, &empty);
		refused++;
	}
	assert_int_equal(err, 0);
	assert_int_equal(refused, 6);
	expect_equal(&got, &f);
	ft_findings_free(&got);
	ft_text_free(&json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_none),
		cmocka_unit_test(test_largest),	   cmocka_unit_test(test_strings),
		cmocka_unit_test(test_hostile),	   cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_mutated),	   cmocka_unit_test(test_refused),
		cmocka_unit_test(test_damaged),	   cmocka_unit_test(test_odd_stack),
		cmocka_unit_test(test_oom),	   cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
