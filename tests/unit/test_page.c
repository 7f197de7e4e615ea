/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages of whole sessions: what is embedded is what the model has. */
#include "page_session.h"

#include "model/spans.h"
#include "model/timeline.h"

static const struct ft_page_opts all = {0};

/* The spans of the session, by thread, as the model tells them. */
struct told {
	struct ft_span *span;
	size_t cnt, cap;
	__u64 from, to; /* what is in the page */
	double held;
};

static int tell(void *ctx, const struct ft_span *s)
{
	struct told *t = ctx;

	if (s->from_ns >= t->to || s->to_ns < t->from)
		return 0;
	if (t->cnt == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 1024;
		t->span = realloc(t->span, t->cap * sizeof(*t->span));
		assert_non_null(t->span);
	}
	t->span[t->cnt] = *s;
	t->span[t->cnt].split = NULL;
	t->span[t->cnt].arg = s->split ? s->split[s->state] >= 1 : s->arg;
	if (t->span[t->cnt].from_ns < t->from)
		t->span[t->cnt].from_ns = t->from;
	if (t->span[t->cnt].to_ns > t->to)
		t->span[t->cnt].to_ns = t->to;
	if (s->type == FT_SPAN_ON)
		t->held += (double)(s->to_ns - s->from_ns) * (double)s->split[FT_ON_GIL];
	else if (s->type == FT_SPAN_OFF && s->ev_flags & FT_SF_HELD)
		t->held += (double)(s->to_ns - s->from_ns);
	t->cnt++;
	return 0;
}

/* The numbers of the page's threads in the session: their names are "t0", "t1"... */
static __u32 thread_of(struct json_object *side, size_t lane)
{
	struct json_object *t =
		json_object_array_get_idx(json_object_object_get(side, "threads"), lane);

	return (__u32)atoi(json_object_get_string(json_object_object_get(t, "name")) + 1);
}

static void expect_lanes(const struct page *p, const struct told *t)
{
	struct json_object *side = side_of(p, 0);
	size_t lanes = json_object_array_length(json_object_object_get(side, "threads")), len;
	__u64 unit = (__u64)number_of(side, "unit_ns"), spans = 0;
	__u8 *bytes = blob_of(p, 0, 0, &len);
	struct in r = {bytes, bytes + len};

	assert_int_equal(lanes, THREADS);
	assert_int_equal(number_of(side, "detail_ns"), 0);
	for (size_t i = 0; i < lanes; i++) {
		__u64 cnt = in_v(&r), at = in_v(&r), k = 0;
		struct got g;

		for (size_t n = 0; n < t->cnt; n++) {
			const struct ft_span *s = &t->span[n];
			__u64 from = (s->from_ns - t->from) / unit,
			      to = (s->to_ns - t->from) / unit;

			if ((s->type != FT_SPAN_ON && s->type != FT_SPAN_OFF) ||
			    s->thr != thread_of(side, i) || to == from)
				continue;
			assert_true(k++ < cnt);
			got_thread(&r, &at, &g);
			assert_int_equal(g.at, from);
			assert_int_equal(g.len, to - from);
			assert_int_equal(g.tag, s->type == FT_SPAN_ON && !s->arg ? 14 : s->state);
			assert_int_equal(!!(g.flags & 0x20),
					 s->type == FT_SPAN_OFF && s->ev_flags & FT_SF_HELD);
			assert_int_equal(!!(g.flags & 0x80),
					 s->type == FT_SPAN_OFF && s->stack != FT_NO_STACK);
			if (g.tag < 3)
				assert_int_equal(g.cpu, s->cpu == FT_SPAN_NO_CPU ? 0 : s->cpu + 1);
			if (!(g.flags & 0x40))
				continue;
			assert_int_equal(thread_of(side, g.waker - 1), s->waker);
			if (s->wake_ns >= s->from_ns && s->wake_ns <= s->to_ns)
				assert_int_equal(g.at + g.wake, (s->wake_ns - t->from) / unit);
		}
		assert_int_equal(k, cnt);
		spans += cnt;
	}
	assert_true(spans > 1000);
	assert_ptr_equal(r.p, r.end);
	free(bytes);
}

/* Every column is that of a timeline of as many. */
static void expect_curves(const struct page *p, const struct ft_timeline *tl)
{
	static const int states[6][3] = {[2] = {FT_R_GIL_WAIT, FT_R_GIL_SWITCH, -1},
					 [4] = {FT_R_STW, -1, -1},
					 [5] = {FT_R_LOCK_WAIT, -1, -1}};
	__u64 span = tl->to_ns - tl->from_ns;
	double on = 0, wait = 0;
	size_t len;
	__u8 *b = blob_of(p, 0, 2, &len);

	assert_int_equal(number_of(json_object_object_get(side_of(p, 0), "curves"), "cols"),
			 tl->cols);
	assert_int_equal(len, (size_t)tl->cols * 12);
	for (__u32 i = 0; i < tl->cols; i++) {
		double width = (double)((__u64)((unsigned __int128)span * (i + 1) / tl->cols) -
					(__u64)((unsigned __int128)span * i / tl->cols));
		double got[6], want;

		for (int k = 0; k < 6; k++) {
			const __u8 *v = b + 2 * ((size_t)k * tl->cols + i);

			got[k] = (double)(v[0] | v[1] << 8) / 256;
			if (k == 0 || k == 1 || k == 3)
				continue;
			want = 0;
			for (int s = 0; states[k][s] >= 0; s++)
				for (__u32 t = 0; t < tl->thread_cnt; t++)
					want += (double)tl->thread[(size_t)t * tl->cols + i]
							.ns[states[k][s]];
			assert_true(got[k] - want / width < 0.0021 &&
				    want / width - got[k] < 0.0021);
			wait += k == 2 ? want : 0;
		}
		assert_true(got[0] - tl->at_once[i] < 0.0021 && tl->at_once[i] - got[0] < 0.0021);
		assert_true(got[1] == tl->at_once_max[i]);
		on += tl->at_once[i];
	}
	assert_true(on > 0 && wait > 0);
	free(b);
}

static double sum_curve(const struct page *p, int which)
{
	double sum = 0;
	size_t len;
	__u8 *b = blob_of(p, 0, 2, &len);

	for (size_t i = len / 6 * (size_t)which; i < len / 6 * (size_t)(which + 1); i += 2)
		sum += (double)(b[i] | b[i + 1] << 8) / 256;
	sum /= (double)(len / 12);
	free(b);
	return sum;
}

static void test_whole(void **state)
{
	struct opened s;
	struct told t = {0};
	struct ft_timeline *tl;
	struct page p;
	double held;

	(void)state;
	make_session(&(struct made){.threads = THREADS, .rounds = 700, .events = true});
	open_session(&s);
	t.from = s.m.info->start_ns;
	t.to = t.from + s.m.duration_ns;
	assert_int_equal(ft_spans_read(s.r, &s.m, tell, &t), 0);
	assert_int_equal(ft_timeline_build(s.r, &s.m, 0, 0, 4096, THREADS, &tl), 0);
	assert_int_equal(write_page(&s, 1, &all), 0);
	read_page(&p);
	expect_lanes(&p, &t);
	expect_curves(&p, tl);
	held = sum_curve(&p, 3) * (double)s.m.duration_ns;
	assert_true(held > 0.999 * t.held && held < 1.001 * t.held);
	assert_true(t.held > (double)s.m.held_off_ns && s.m.held_off_ns);
	ft_timeline_free(tl);
	free_page(&p);
	free(t.span);
	close_session(&s);
}

static void test_range(void **state)
{
	struct opened s;
	struct told t = {0};
	struct ft_timeline *tl;
	struct page p;
	struct ft_page_opts o;

	(void)state;
	open_session(&s);
	o = (struct ft_page_opts){.from_ns = s.m.duration_ns / 3, .to_ns = s.m.duration_ns / 2};
	t.from = s.m.info->start_ns + o.from_ns;
	t.to = s.m.info->start_ns + o.to_ns;
	assert_int_equal(ft_spans_read(s.r, &s.m, tell, &t), 0);
	assert_int_equal(ft_timeline_build(s.r, &s.m, t.from, t.to, 4096, THREADS, &tl), 0);
	assert_int_equal(write_page(&s, 1, &o), 0);
	read_page(&p);
	assert_int_equal(number_of(side_of(&p, 0), "from_ns"), o.from_ns);
	expect_lanes(&p, &t);
	expect_curves(&p, tl);
	ft_timeline_free(tl);
	free_page(&p);
	free(t.span);
	/* one that lies behind the session */
	o = (struct ft_page_opts){.from_ns = s.m.duration_ns * 2, .to_ns = s.m.duration_ns * 3};
	assert_int_equal(write_page(&s, 1, &o), 0);
	read_page(&p);
	assert_int_equal(number_of(side_of(&p, 0), "length"), 0);
	assert_false(json_object_get_boolean(json_object_object_get(side_of(&p, 0), "has_events")));
	free_page(&p);
	close_session(&s);
}

/* Weights and times of samples are those of the spans that have a stack. */
static void test_samples(void **state)
{
	struct opened s;
	struct told t = {0};
	struct page p;
	struct json_object *nodes;
	__u64 want[12] = {0}, got[12] = {0}, cnt, last = 0;
	size_t len;
	__u8 *b;
	struct in r;

	(void)state;
	open_session(&s);
	t.from = s.m.info->start_ns;
	t.to = t.from + s.m.duration_ns;
	assert_int_equal(ft_spans_read(s.r, &s.m, tell, &t), 0);
	for (size_t i = 0; i < t.cnt; i++) {
		const struct ft_span *sp = &t.span[i];

		if (sp->stack == FT_NO_STACK ||
		    (sp->type != FT_SPAN_OFF && sp->type != FT_SPAN_TICK))
			continue;
		want[sp->state] +=
			sp->type == FT_SPAN_OFF ? sp->to_ns - sp->from_ns : 1000000000 / 199;
	}
	assert_int_equal(write_page(&s, 1, &all), 0);
	read_page(&p);
	nodes = json_object_object_get(side_of(&p, 0), "nodes");
	for (size_t i = 0; i < json_object_array_length(nodes); i += 2)
		assert_true(json_object_get_int64(json_object_array_get_idx(nodes, i)) <=
			    (__s64)i / 2);
	b = blob_of(&p, 0, 3, &len);
	r = (struct in){b, b + len};
	for (cnt = in_v(&r); cnt; cnt--) {
		__u8 what;

		last += in_v(&r);
		what = in_u8(&r);
		assert_true(what < 12);
		assert_true(in_v(&r) < json_object_array_length(nodes) / 2);
		got[what] += in_v(&r);
	}
	assert_true(last <= (__u64)number_of(side_of(&p, 0), "length"));
	assert_ptr_equal(r.p, r.end);
	for (int i = 0; i < 12; i++)
		assert_int_equal(got[i], want[i]);
	assert_true(want[0] && want[3] && want[5]);
	free(b);
	free(t.span);
	free_page(&p);
	close_session(&s);
}

static size_t count(const char *s, const char *what)
{
	size_t n = 0;

	for (s = strstr(s, what); s; s = strstr(s + 1, what))
		n++;
	return n;
}

/* No name gets out of its place, whatever it is. */
static void test_names(void **state)
{
	struct opened s;
	struct page p;
	struct json_object *threads;

	(void)state;
	make_session(&(struct made){
		.threads = THREADS, .rounds = 50, .events = true, .odd_names = true});
	open_session(&s);
	assert_int_equal(write_page(&s, 2, &all), 0);
	read_page(&p);
	/* JSON, script, and four blobs a side */
	assert_int_equal(count(p.html, "<script"), 2 + 8);
	assert_int_equal(count(p.html, "</script"), 2 + 8);
	assert_int_equal(count(p.html, "<!--"), 0);
	assert_int_equal(count(p.html, "<b>"), 0);
	assert_int_equal(count(p.html, "</title>"), 1);
	for (size_t i = 0; i < p.len; i++)
		assert_true((__u8)p.html[i] >= 0x20 || strchr("\n\t", p.html[i]));
	threads = json_object_object_get(side_of(&p, 1), "threads");
	assert_int_equal(json_object_array_length(threads), THREADS);
	assert_non_null(strstr(json_object_get_string(json_object_object_get(
				       json_object_array_get_idx(threads, 0), "name")),
			       "</script>"));
	assert_string_equal(json_object_get_string(json_object_object_get(side_of(&p, 0), "path")),
			    "a</script>b");
	free_page(&p);
	close_session(&s);
}

static void test_little(void **state)
{
	static const struct made m[] = {{.threads = 0, .events = true},
					{.threads = 1, .events = true},
					{.threads = 3, .rounds = 2, .events = false}};

	(void)state;
	for (size_t i = 0; i < sizeof(m) / sizeof(m[0]); i++) {
		struct opened s;
		struct page p;

		make_session(&m[i]);
		open_session(&s);
		assert_int_equal(write_page(&s, 1, &all), 0);
		read_page(&p);
		assert_int_equal(json_object_get_boolean(
					 json_object_object_get(side_of(&p, 0), "has_events")),
				 m[i].events);
		for (int k = 0; k < 4; k++) {
			size_t len;

			free(blob_of(&p, 0, k, &len));
		}
		free_page(&p);
		close_session(&s);
	}
}

/* More threads than lanes: all of their time is on the cores, and counted. */
static void test_many(void **state)
{
	struct opened s;
	struct page p;
	struct json_object *side, *threads;
	__u64 on = 0;

	(void)state;
	make_session(&(struct made){.threads = 300, .rounds = 3, .events = true});
	open_session(&s);
	assert_int_equal(write_page(&s, 1, &all), 0);
	read_page(&p);
	side = side_of(&p, 0);
	threads = json_object_object_get(side, "threads");
	assert_int_equal(json_object_array_length(threads), 200);
	for (size_t i = 0; i < 200; i++)
		on += (__u64)number_of(json_object_array_get_idx(threads, i), "ns_on");
	assert_int_equal(number_of(json_object_object_get(side, "more_threads"), "cnt"), 100);
	on += (__u64)number_of(json_object_object_get(side, "more_threads"), "on_ns");
	assert_int_equal(on, s.m.all.on_ns);
	/* those that are allowed, and those that were used */
	assert_int_equal(json_object_array_length(json_object_object_get(side, "cores")), 300);
	free_page(&p);
	close_session(&s);
}

static void test_sides(void **state)
{
	struct opened s;

	(void)state;
	open_session(&s);
	assert_int_equal(write_page(&s, 0, &all), -EINVAL);
	assert_int_equal(write_page(&s, 3, &all), -EINVAL);
	close_session(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),	cmocka_unit_test(test_range),
		cmocka_unit_test(test_samples), cmocka_unit_test(test_names),
		cmocka_unit_test(test_little),	cmocka_unit_test(test_many),
		cmocka_unit_test(test_sides),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
