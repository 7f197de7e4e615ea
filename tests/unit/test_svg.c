/* SPDX-License-Identifier: BSD-2-Clause */
/* LDFLAGS: -lexpat -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* Tests of flames drawn as SVG and HTML: what is well-formed, whole, and said of what is left out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <expat.h>
#include <json.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/assets.h"
#include "export/boxes.h"
#include "export/escape.h"
#include "export/export.h"
#include "export/funcs.h"
#include "export/head.h"
#include "export/palette.h"
#include "flame_fixture.h"
#include "oom.h"

#define RLO "\xe2\x80\xae"

static void test_escape(void **state)
{
	static const struct {
		const char *in, *none, *xml, *json;
	} cases[] = {
		{"plain", "plain", "plain", "plain"},
		{"<a&\"'\\>", "<a&\"'\\>", "&lt;a&amp;&quot;&#39;\\&gt;",
		 "\\u003ca\\u0026\\\"'\\\\\\u003e"},
		{"a\nb\tc\r", "a\\nb\\tc\\r", "a\\nb\\tc\\r", "a\\\\nb\\\\tc\\\\r"},
		{"\x01\x1b\x7f", "\\x01\\x1b\\x7f", "\\x01\\x1b\\x7f", "\\\\x01\\\\x1b\\\\x7f"},
		{"\xc2\x9b", "\\u009b", "\\u009b", "\\\\u009b"},
		{RLO "x", "\\u202ex", "\\u202ex", "\\\\u202ex"},
		{"\xe2\x81\xa6\xe2\x81\xa9", "\\u2066\\u2069", "\\u2066\\u2069",
		 "\\\\u2066\\\\u2069"},
		{"\xe2\x80\xa8\xe2\x80\xa9", "\\u2028\\u2029", "\\u2028\\u2029",
		 "\\\\u2028\\\\u2029"},
		{"\xef\xbf\xbf\xef\xbf\xbe\xef\xbb\xbf", "\\uffff\\ufffe\\ufeff",
		 "\\uffff\\ufffe\\ufeff", "\\\\uffff\\\\ufffe\\\\ufeff"},
		{"\xf3\xa0\x81\x81", "\\U000e0041", "\\U000e0041", "\\\\U000e0041"},
		{"\xff", "\\xff", "\\xff", "\\\\xff"},
		{"\xe6\xbc\xa2\xf0\x9f\x90\x8d", "\xe6\xbc\xa2\xf0\x9f\x90\x8d",
		 "\xe6\xbc\xa2\xf0\x9f\x90\x8d", "\xe6\xbc\xa2\xf0\x9f\x90\x8d"},
	};
	size_t i, how;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *want[] = {cases[i].none, cases[i].xml, cases[i].json};

		for (how = FT_ESC_NONE; how <= FT_ESC_JSON; how++) {
			struct ft_text t = {0};

			ft_esc_add(&t, (enum ft_esc)how, cases[i].in, FT_ESC_ALL);
			assert_string_equal(t.s, want[how]);
			ft_text_free(&t);
		}
	}
}

static void test_cut(void **state)
{
	static const struct {
		const char *in;
		size_t n;
		const char *head, *tail, *cols;
	} cases[] = {
		{"abcdef", 6, "abcdef", "abcdef", "abcdef"},
		{"abcdef", 4, "abcd…", "…cdef", "abc…"},
		{"a<b", 2, "a&lt;…", "…&lt;b", "a…"},
		{"漢字漢字", 4, "漢字漢字", "漢字漢字", "漢…"},
		{"漢字", 4, "漢字", "漢字", "漢字"},
		{"a\x01"
		 "b",
		 3, "a\\x01b", "a\\x01b", "a…"},
		{"abc", 1, "a…", "…c", "…"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ft_text a = {0}, b = {0}, c = {0};

		ft_esc_add(&a, FT_ESC_XML, cases[i].in, cases[i].n);
		ft_esc_add_tail(&b, FT_ESC_XML, cases[i].in, cases[i].n);
		ft_esc_add_cols(&c, FT_ESC_XML, cases[i].in, cases[i].n);
		assert_string_equal(a.s, cases[i].head);
		assert_string_equal(b.s, cases[i].tail);
		assert_string_equal(c.s, cases[i].cols);
		ft_text_free(&a);
		ft_text_free(&b);
		ft_text_free(&c);
	}
}

/* What expat finds in an SVG file. */
struct seen {
	size_t boxes; /* with data-v */
	size_t scripts;
	size_t rects;  /* in boxes */
	size_t others; /* elements that no drawing of ours has */
	bool in_box, in_title;
	struct ft_text title; /* of all boxes, each ended by U+0001, which no XML can hold */
	double right;	      /* edge of the rightmost box */
	__u64 drawn_ns;	      /* self times */
};

static const char *attr(const char **a, const char *name)
{
	for (; *a; a += 2) {
		if (!strcmp(a[0], name))
			return a[1];
	}
	return NULL;
}

static void on_start(void *ctx, const char *name, const char **a)
{
	static const char *const ours[] = {"svg",  "title", "style", "defs",  "pattern", "rect",
					   "path", "g",	    "text",  "tspan", "script"};
	const char *v = attr(a, "data-v");
	unsigned long long depth, total, self;
	struct seen *s = ctx;
	size_t i;

	for (i = 0; i < sizeof(ours) / sizeof(ours[0]) && strcmp(name, ours[i]); i++)
		;
	s->others += i == sizeof(ours) / sizeof(ours[0]);
	s->scripts += !strcmp(name, "script");
	for (i = 0; a[i]; i += 2)
		assert_false(a[i][0] == 'o' && a[i][1] == 'n'); /* no event attributes */
	if (v) {
		assert_int_equal(sscanf(v, "%llu %llu %llu", &depth, &total, &self), 3);
		s->boxes++;
		s->drawn_ns += self;
		s->in_box = true;
	}
	s->in_title = s->in_box && !strcmp(name, "title");
	if (s->in_box && !strcmp(name, "rect")) {
		double x = strtod(attr(a, "x"), NULL), w = strtod(attr(a, "width"), NULL);

		s->rects++;
		assert_true(x >= 10 && w >= 0);
		s->right = fmax(s->right, x + w);
	}
}

static void on_end(void *ctx, const char *name)
{
	struct seen *s = ctx;

	if (s->in_title)
		ft_text_add(&s->title, "\x01");
	s->in_title = false;
	if (!strcmp(name, "g"))
		s->in_box = false;
}

static void on_text(void *ctx, const char *text, int n)
{
	struct seen *s = ctx;

	if (s->in_title)
		ft_text_addn(&s->title, text, (size_t)n);
}

/* Reads an SVG file as a stranger's XML parser does; it must be well-formed. */
static void read_svg(const struct ft_text *svg, struct seen *s)
{
	XML_Parser p = XML_ParserCreate("UTF-8");

	memset(s, 0, sizeof(*s));
	assert_non_null(p);
	XML_SetUserData(p, s);
	XML_SetElementHandler(p, on_start, on_end);
	XML_SetCharacterDataHandler(p, on_text);
	if (XML_Parse(p, svg->s, (int)svg->len, 1) != XML_STATUS_OK)
		fail_msg("line %lu: %s", XML_GetCurrentLineNumber(p),
			 XML_ErrorString(XML_GetErrorCode(p)));
	XML_ParserFree(p);
	assert_int_equal(s->scripts, 1);
	assert_int_equal(s->others, 0);
	assert_int_equal(s->boxes, s->rects);
	assert_true(s->right <= 1190.01);
}

/* The JSON of a page; it must stand alone, and hold no markup. */
static json_object *read_html(const struct ft_text *html)
{
	static const char begin[] = "<script type=\"application/json\" id=\"data\">\n";
	const char *from = strstr(html->s, begin), *to;
	json_tokener *tok = json_tokener_new();
	json_object *o;

	assert_non_null(from);
	assert_null(strstr(from + 1, begin));
	from += sizeof(begin) - 1;
	to = strchr(from, '<');
	assert_int_equal(strncmp(to, "</script>\n<script>\n", 19), 0);
	assert_null(memchr(from, '>', (size_t)(to - from)));
	assert_null(memchr(from, '&', (size_t)(to - from)));
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	o = json_tokener_parse_ex(tok, from, (int)(to - from));
	assert_int_equal(json_tokener_get_error(tok), json_tokener_success);
	json_tokener_free(tok);
	to = "</script>\n</body>\n</html>\n";
	assert_string_equal(html->s + html->len - strlen(to), to);
	return o;
}

static __u64 number(json_object *list, size_t i)
{
	return json_object_get_uint64(json_object_array_get_idx(list, i));
}

static json_object *list_of(json_object *o, const char *key)
{
	return json_object_object_get(o, key);
}

static const char *const hostile[] = {
	"</script><script>alert(1)</script>",
	"]]><script>alert(2)</script>",
	"</title></g></svg><b>",
	"\" onload=\"x\" '",
	"&lt;&#0;&amp;",
	"nl\ntab\tesc\x1b"
	"bell\x07",
	RLO "evil",
	"\xef\xbf\xbf",
	"<!-- <![CDATA[",
	"漢字 \xf0\x9f\x90\x8d",
};
#define HOSTILE (sizeof(hostile) / sizeof(hostile[0]))

static void make_hostile(struct flame_fixture *x)
{
	char big[FT_FRAME_STRING_MAX + 1];
	__u32 n;
	size_t i;

	memset(big, '&', FT_FRAME_STRING_MAX);
	big[FT_FRAME_STRING_MAX] = 0;
	fx_init(x, FT_OF_GIL_BLAME);
	snprintf(x->info.name, sizeof(x->info.name), "<b>\x1b");
	snprintf(x->info.cmdline, sizeof(x->info.cmdline), "</p><script>\xff\xef\xbf\xbf" RLO);
	snprintf(x->info.python, sizeof(x->info.python), "3<&>");
	for (i = 0; i < HOSTILE; i++) {
		n = fx_frame(x, hostile[i], hostile[HOSTILE - 1 - i], (__u32)i, 0,
			     (enum ft_frame_kind)(i % FT_FK_CNT));
		n = fx_node(x, 0, n, 70000000, 7);
		fx_node(x, n, fx_frame(x, big, big, 3, 0, FT_FK_NATIVE), 30000000, 3);
	}
	fx_sum(x);
}

static void test_hostile(void **state)
{
	struct ft_text svg = {0}, html = {0}, want = {0};
	struct flame_fixture x;
	json_object *o, *frames;
	struct seen s;
	size_t i;

	(void)state;
	make_hostile(&x);
	assert_int_equal(ft_export_svg(&x.f, &svg), 0);
	assert_int_equal(ft_export_html(&x.f, &html), 0);
	read_svg(&svg, &s);
	assert_int_equal(s.boxes, 1 + 2 * HOSTILE);
	assert_int_equal(s.drawn_ns, x.f.total_ns);
	o = read_html(&html);
	frames = list_of(o, "frames");
	assert_int_equal(json_object_array_length(frames), 2 * HOSTILE * 5);
	for (i = 0; i < HOSTILE; i++) {
		want.len = 0;
		ft_esc_add(&want, FT_ESC_NONE, hostile[i], FT_ESC_ALL);
		assert_string_equal(
			json_object_get_string(json_object_array_get_idx(frames, i * 10 + 1)),
			want.s);
		ft_text_add(&want, "\n");
		assert_non_null(strstr(s.title.s, want.s));
	}
	/* nothing of the command line or the names ends up outside its place */
	assert_null(strstr(html.s, "<b>\\x1b"));
	assert_non_null(strstr(html.s, "&lt;/p&gt;&lt;script&gt;\\xff\\uffff\\u202e</code>"));
	json_object_put(o);
	ft_text_free(&svg);
	ft_text_free(&html);
	ft_text_free(&want);
	ft_text_free(&s.title);
	fx_free(&x);
}

static void test_titles(void **state)
{
	struct flame_fixture x;
	struct ft_text svg = {0};
	struct seen s;
	__u32 n;

	(void)state;
	fx_init(&x, FT_OF_ON_CPU);
	n = fx_node(&x, 0, fx_frame(&x, "run", "/srv/a.py", 31, 30, FT_FK_PYTHON), 200000000, 2);
	n = fx_node(&x, n, fx_frame(&x, "memcpy", "/lib/libc.so.6", 0, 0, FT_FK_NATIVE), 1034000000,
		    10);
	fx_node(&x, n, fx_frame(&x, "vfs_read", "", 0, 0, FT_FK_KERNEL), 8766000000, 80);
	fx_node(&x, 0, fx_frame(&x, "[no stack]", "", 0, 0, FT_FK_MARK), 999999, 80);
	fx_sum(&x);
	assert_int_equal(ft_export_svg(&x.f, &svg), 0);
	read_svg(&svg, &s);
	assert_string_equal(s.title.s,
			    "all\n100.0 %, 10 s, self 0 ns\x01"
			    "run\n/srv/a.py:31\n100.0 %, 10 s, self 200 ms\x01"
			    "memcpy\nnative, /lib/libc.so.6\n98.0 %, 9.8 s, self 1.03 s\x01"
			    "vfs_read\nkernel\n87.7 %, 8.77 s, self 8.77 s\x01"
			    "[no stack]\n<0.1 %, 1 ms, self 1 ms\x01");
	ft_text_free(&svg);
	ft_text_free(&s.title);
	fx_free(&x);
}

static size_t cost_100(void *ctx, const struct ft_flame *f, __u32 node)
{
	(void)ctx;
	(void)f;
	(void)node;
	return 100;
}

/* Every kept node hangs on a kept one, inside it and right of its brothers; nothing is lost. */
static void check_boxes(const struct ft_flame *f, const struct ft_boxes *b)
{
	__u64 *x = calloc(f->node_cnt, sizeof(*x)), *used = calloc(f->node_cnt, sizeof(*used));
	__u32 *depth = calloc(f->node_cnt, sizeof(*depth));
	__u64 narrowest = ~0ull, hidden_ns = 0;
	size_t i, hidden = 0;

	assert_true(x && used && depth);
	for (i = 0; i < b->cnt; i++) {
		__u32 n = b->box[i].node, p = f->node[n].parent;

		assert_int_equal(depth[n], 0);
		depth[n] = b->box[i].depth + 1;
		x[n] = b->box[i].x_ns;
		if (!n)
			continue;
		assert_int_equal(depth[p], b->box[i].depth);
		assert_int_equal(x[n], x[p] + used[p]);
		used[p] += f->node[n].total_ns;
		assert_true(used[p] <= f->node[p].total_ns);
		if (f->node[n].total_ns < narrowest)
			narrowest = f->node[n].total_ns;
	}
	for (i = 0; i < f->node_cnt; i++) {
		if (depth[i])
			continue;
		hidden++;
		assert_true(f->node[i].total_ns <= narrowest);
		if (depth[f->node[i].parent])
			hidden_ns += f->node[i].total_ns;
	}
	assert_int_equal(b->hidden_cnt, hidden);
	assert_int_equal(b->hidden_ns, hidden_ns);
	assert_int_equal(b->cnt + hidden, f->node_cnt);
	free(x);
	free(used);
	free(depth);
}

static void test_boxes(void **state)
{
	struct ft_box_opts o = {.max_bytes = 1u << 30, .cost = cost_100};
	struct flame_fixture x;
	struct ft_boxes b;
	size_t i;

	(void)state;
	fx_init(&x, FT_OF_WALL);
	fx_grow(&x, 20000, 500, 40);
	for (i = 1; i < x.f.node_cnt; i++)
		assert_true(x.f.node[i].self_ns > 0);
	assert_int_equal(ft_boxes_build(&x.f, &o, &b), 0);
	assert_int_equal(b.cnt, x.f.node_cnt);
	assert_int_equal(b.hidden_cnt, 0);
	check_boxes(&x.f, &b);
	ft_boxes_free(&b);
	o.min_ns = x.f.total_ns / 1000;
	assert_int_equal(ft_boxes_build(&x.f, &o, &b), 0);
	assert_true(b.cnt > 100 && b.hidden_cnt > 100);
	check_boxes(&x.f, &b);
	ft_boxes_free(&b);
	o.min_ns = 0;
	o.max_bytes = 77777;
	assert_int_equal(ft_boxes_build(&x.f, &o, &b), 0);
	assert_int_equal(b.cnt, 778); /* the root is for nothing */
	check_boxes(&x.f, &b);
	ft_boxes_free(&b);
	x.f.node[70].parent = 70;
	assert_int_equal(ft_boxes_build(&x.f, &o, &b), -EINVAL);
	x.f.node[70].parent = 1;
	x.f.node[70].frame = (__u32)x.f.frame_cnt;
	assert_int_equal(ft_boxes_build(&x.f, &o, &b), -EINVAL);
	ft_boxes_free(NULL);
	fx_free(&x);
}

/* A tree too large for a picture: files stay small and say what they left out. */
static void test_reduction(void **state)
{
	struct ft_text svg = {0}, html = {0}, said = {0};
	struct ft_box_opts o = {.max_bytes = 1u << 30, .cost = cost_100};
	struct flame_fixture x;
	struct ft_boxes b;
	char big[FT_FRAME_STRING_MAX + 1];
	struct seen s;
	json_object *j;
	int i;

	(void)state;
	memset(big, '"', FT_FRAME_STRING_MAX);
	big[FT_FRAME_STRING_MAX] = 0;
	fx_init(&x, FT_OF_WALL);
	for (i = 0; i < 3000; i++) { /* names that fill a file in no time */
		big[0] = (char)('a' + i % 26);
		big[1] = (char)('a' + i / 26 % 26);
		big[2] = (char)('a' + i / 676);
		fx_frame(&x, big, big, 1, 1, FT_FK_NATIVE);
	}
	for (i = 0; i < 3000; i++)
		fx_node(&x, 0, (__u32)i, 1000000000, 1);
	fx_grow(&x, 100000, 5000, 60);
	assert_int_equal(ft_export_svg(&x.f, &svg), 0);
	assert_int_equal(ft_export_html(&x.f, &html), 0);
	assert_true(svg.len < 2000000);
	assert_true(html.len < 6000000);
	read_svg(&svg, &s);
	assert_true(s.boxes > 700);
	assert_non_null(strstr(svg.s, "Too narrow to draw: "));
	j = read_html(&html);
	assert_true(json_object_array_length(list_of(j, "nodes")) > 4 * 400);
	json_object_put(j);
	/* the words */
	o.min_ns = x.f.total_ns / 10000;
	assert_int_equal(ft_boxes_build(&x.f, &o, &b), 0);
	b.hidden_cnt = 1234;
	b.hidden_ns = x.f.total_ns / 8;
	ft_head_hidden(&x.f, &b, &said);
	assert_string_equal(said.s, "Too narrow to draw: 1,234 frames, 12.5 % of the time. ");
	ft_boxes_free(&b);
	ft_text_free(&said);
	ft_text_free(&svg);
	ft_text_free(&html);
	ft_text_free(&s.title);
	fx_free(&x);
}

static void test_difference(void **state)
{
	static const struct {
		__u64 now, base;
		unsigned int step;
		const char *words;
	} cases[] = {
		{1000, 0, 10, ": new"},		 {0, 1000, 0, ": gone"},
		{1000, 1000, 5, ": the same"},	 {1000, 500, 8, ": 100.0 % more"},
		{500, 1000, 3, ": 50.0 % less"}, {1000, 990, 5, ": 1.0 % more"},
		{0, 0, 5, "base 0 %, 0 ns"},
	};
	struct flame_fixture x;
	struct ft_text svg = {0}, html = {0};
	json_object *o, *nodes, *funcs;
	struct seen s;
	char cls[16];
	size_t i, shown = 0;

	(void)state;
	fx_init(&x, FT_OF_WALL);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char name[8];
		__u32 n;

		snprintf(name, sizeof(name), "f%zu", i);
		n = fx_node(&x, 0, fx_frame(&x, name, "", 0, 0, FT_FK_PYTHON), cases[i].now, 1);
		x.f.node[n].base_ns = x.f.node[n].base_self_ns = cases[i].base;
		x.f.node[0].base_ns += cases[i].base;
	}
	x.f.differs = true;
	fx_sum(&x);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ft_text t = {0};

		assert_int_equal(ft_pal_step_of(cases[i].now, cases[i].base), cases[i].step);
		ft_head_figures(&x.f, &x.f.node[i + 1], &t);
		assert_string_equal(t.s + t.len - strlen(cases[i].words), cases[i].words);
		ft_text_free(&t);
	}
	assert_int_equal(ft_export_svg(&x.f, &svg), 0);
	assert_int_equal(ft_export_html(&x.f, &html), 0);
	read_svg(&svg, &s);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(cls, sizeof(cls), "\"f p d%u\" data", cases[i].step);
		shown += cases[i].now != 0;
		if (cases[i].now)
			assert_non_null(strstr(svg.s, cls));
	}
	assert_int_equal(s.boxes, 1 + shown); /* what is gone has no width */
	assert_non_null(strstr(svg.s, "Only in the base: 1 frame, 22.2 % of its time."));
	o = read_html(&html);
	nodes = list_of(o, "nodes");
	assert_int_equal(json_object_array_length(nodes), 6 * (1 + shown + 1));
	assert_int_equal(number(nodes, 2), 4500);
	assert_int_equal(number(nodes, 4), 4490);
	funcs = list_of(o, "funcs");
	assert_int_equal(json_object_array_length(funcs), 5 * (shown + 1));
	json_object_put(o);
	ft_text_free(&svg);
	ft_text_free(&html);
	ft_text_free(&s.title);
	fx_free(&x);
}

/* Recursion counts once a stack; lines of a function are one function; truth by hand. */
static void test_funcs(void **state)
{
	struct flame_fixture x;
	struct ft_func_row *row;
	__u32 a10, a11, b, mark, n;
	size_t cnt;

	(void)state;
	fx_init(&x, FT_OF_WALL);
	a10 = fx_frame(&x, "a", "m.py", 10, 9, FT_FK_PYTHON);
	b = fx_frame(&x, "b", "m.py", 20, 19, FT_FK_PYTHON);
	a11 = fx_frame(&x, "a", "m.py", 11, 9, FT_FK_PYTHON);
	fx_frame(&x, "a", "other.py", 10, 9, FT_FK_PYTHON); /* never on a stack */
	mark = fx_frame(&x, "[asleep]", "", 0, 0, FT_FK_MARK);
	n = fx_node(&x, 0, a10, 3, 1);
	n = fx_node(&x, n, b, 5, 1);
	n = fx_node(&x, n, a11, 100, 1);
	fx_node(&x, n, b, 1000, 1);
	fx_node(&x, 0, b, 10000, 1);
	fx_node(&x, 0, mark, 1000000, 1);
	fx_node(&x, 0, a11, 7, 1);
	fx_sum(&x);
	assert_int_equal(ft_funcs_build(&x.f, 10, &row, &cnt), 0);
	assert_int_equal(cnt, 2);
	assert_int_equal(row[0].frame, b);
	assert_int_equal(row[0].self_ns, 5 + 1000 + 10000);
	assert_int_equal(row[0].total_ns, 5 + 100 + 1000 + 10000);
	assert_int_equal(row[1].frame, a11); /* where most of its self time is */
	assert_int_equal(row[1].self_ns, 3 + 100 + 7);
	assert_int_equal(row[1].total_ns, 3 + 5 + 100 + 1000 + 7);
	free(row);
	assert_int_equal(ft_funcs_build(&x.f, 1, &row, &cnt), 0);
	assert_int_equal(cnt, 2); /* one by self, one more by total */
	free(row);
	fx_free(&x);
}

/* The page's nodes and functions against the flame. */
static void test_page_data(void **state)
{
	struct ft_text html = {0};
	struct flame_fixture x;
	json_object *o, *nodes, *frames, *funcs;
	__u64 self = 0, func_self = 0, wide_self = 0;
	size_t i, n, wide = 1;

	(void)state;
	fx_init(&x, FT_OF_WALL);
	fx_grow(&x, 3000, 200, 30);
	assert_int_equal(ft_export_html(&x.f, &html), 0);
	o = read_html(&html);
	nodes = list_of(o, "nodes");
	frames = list_of(o, "frames");
	funcs = list_of(o, "funcs");
	n = json_object_array_length(nodes) / 4;
	for (i = 1; i < x.f.node_cnt; i++) { /* the page leaves out what is 0.00025 % and less */
		if (x.f.node[i].total_ns >= x.f.total_ns / 400000) {
			wide_self += x.f.node[i].self_ns;
			wide++;
		}
	}
	assert_true(wide > 2900 && wide < x.f.node_cnt);
	assert_int_equal(n, wide);
	assert_int_equal(number(nodes, 2), x.f.total_ns);
	for (i = 0; i < n; i++) {
		self += number(nodes, i * 4 + 3);
		assert_true(number(nodes, i * 4 + 1) < json_object_array_length(frames) / 5);
		if (i)
			assert_true(number(nodes, i * 4) <= number(nodes, i * 4 - 4) + 1);
	}
	assert_int_equal(self, wide_self);
	for (i = 0; i < json_object_array_length(funcs); i += 3)
		func_self += number(funcs, i + 1);
	assert_int_equal(func_self, x.f.total_ns - x.f.node[0].self_ns);
	json_object_put(o);
	ft_text_free(&html);
	fx_free(&x);
}

static double luminance(const double *c)
{
	static const double part[] = {0.2126, 0.7152, 0.0722};
	double sum = 0;
	int i;

	for (i = 0; i < 3; i++)
		sum += part[i] *
		       (c[i] <= 0.04045 ? c[i] / 12.92 : pow((c[i] + 0.055) / 1.055, 2.4));
	return sum;
}

/* WCAG contrast of text on a fill with lines of shade (0 black, 1 white) of that opacity over it.
 */
static double contrast(const char *text, const char *fill, double shade, double opacity)
{
	double t[3], f[3], a, b;
	char two[3] = "";
	int i;

	for (i = 0; i < 3; i++) {
		memcpy(two, text + 1 + 2 * i, 2);
		t[i] = (double)strtol(two, NULL, 16) / 255;
		memcpy(two, fill + 1 + 2 * i, 2);
		f[i] = (double)strtol(two, NULL, 16) / 255 * (1 - opacity) + shade * opacity;
	}
	a = luminance(t);
	b = luminance(f);
	return (fmax(a, b) + 0.05) / (fmin(a, b) + 0.05);
}

static void test_palette(void **state)
{
	struct ft_frame a = {.name = "f", .file = "/a.py", .line = 1},
			b = {.name = "f", .file = "/b"};
	unsigned int k, i, dark, used = 0;
	char name[16];

	(void)state;
	assert_true(contrast("#000000", "#ffffff", 0, 0) > 20.9);
	for (dark = 0; dark < 2; dark++) {
		for (k = 0; k < FT_FK_CNT; k++) {
			for (i = 0; i < FT_PAL_TINTS; i++)
				assert_true(contrast(ft_pal_text[dark], ft_pal_tint[k][dark][i], 0,
						     0) >= 4.5);
		}
		/* lines over a difference are dark in light (as in svg.css and html.css) */
		for (i = 0; i < FT_PAL_STEPS; i++)
			assert_true(contrast(ft_pal_text[dark], ft_pal_step[dark][i], dark, 0.14) >=
				    4.5);
	}
	assert_int_equal(ft_pal_tint_of(&a), ft_pal_tint_of(&b));
	for (i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		a.name = name;
		used |= 1u << ft_pal_tint_of(&a);
	}
	assert_int_equal(used, (1u << FT_PAL_TINTS) - 1);
}

/* What would end the element that a script or style stands in. */
static void test_assets(void **state)
{
	static const char *const assets[] = {ft_asset_core_js, ft_asset_svg_js, ft_asset_html_js,
					     ft_asset_svg_css, ft_asset_html_css};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(assets) / sizeof(assets[0]); i++) {
		assert_true(strlen(assets[i]) > 500);
		assert_null(strstr(assets[i], "]]>"));
		assert_null(strstr(assets[i], "</"));
		assert_null(strstr(assets[i], "<!--"));
		assert_null(strstr(assets[i], "@import"));
		assert_null(strstr(assets[i], "url("));
		assert_null(strstr(assets[i], "innerHTML"));
	}
	/* a style stands in XML without CDATA */
	assert_null(strpbrk(ft_asset_svg_css, "<&"));
}

static void test_empty(void **state)
{
	struct ft_text svg = {0}, html = {0};
	struct flame_fixture x;
	struct seen s;

	(void)state;
	fx_init(&x, FT_OF_ON_CPU);
	x.f.info = NULL;
	assert_int_equal(ft_export_svg(&x.f, &svg), 0);
	assert_int_equal(ft_export_html(&x.f, &html), 0);
	read_svg(&svg, &s);
	assert_int_equal(s.boxes, 1);
	json_object_put(read_html(&html));
	ft_text_free(&svg);
	ft_text_free(&html);
	ft_text_free(&s.title);
	x.f.node_cnt = 0;
	assert_int_equal(ft_export_svg(&x.f, &svg), -EINVAL);
	assert_int_equal(ft_export_html(&x.f, &html), -EINVAL);
	ft_text_free(&svg);
	ft_text_free(&html);
	fx_free(&x);
}

static void test_no_memory(void **state)
{
	struct ft_text t = {.err = -ENOMEM};
	struct flame_fixture x;
	int i, err;
	long n;

	(void)state;
	make_hostile(&x);
	assert_int_equal(ft_export_svg(&x.f, &t), -ENOMEM);
	assert_int_equal(ft_export_html(&x.f, &t), -ENOMEM);
	assert_null(t.s);
	for (i = 0; i < 2; i++) {
		for (n = 1;; n++) {
			t.err = 0;
			countdown = n;
			err = i ? ft_export_html(&x.f, &t) : ft_export_svg(&x.f, &t);
			ft_text_free(&t);
			if (countdown)
				break; /* it needs fewer */
			assert_int_equal(err, -ENOMEM);
		}
		countdown = 0;
		assert_int_equal(err, 0);
		assert_true(n > 10);
	}
	fx_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape),	   cmocka_unit_test(test_cut),
		cmocka_unit_test(test_hostile),	   cmocka_unit_test(test_titles),
		cmocka_unit_test(test_boxes),	   cmocka_unit_test(test_reduction),
		cmocka_unit_test(test_difference), cmocka_unit_test(test_funcs),
		cmocka_unit_test(test_page_data),  cmocka_unit_test(test_palette),
		cmocka_unit_test(test_assets),	   cmocka_unit_test(test_empty),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
