/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of how `check` prints extension modules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view/check_extensions.h"

#define MAX 16

struct sample {
	struct ft_extension v[MAX];
	struct ft_check_extensions c;
	struct ft_text out;
};

static void add(struct sample *s, const char *module, const char *dist, enum ft_extgil gil,
		bool stdlib)
{
	struct ft_extension *x = &s->v[s->c.cnt++];

	assert_true(s->c.cnt <= MAX);
	snprintf(x->module, sizeof(x->module), "%s", module);
	snprintf(x->distribution, sizeof(x->distribution), "%s", dist);
	snprintf(x->path, sizeof(x->path), "/lib/%s.so", module);
	snprintf(x->how, sizeof(x->how), "because");
	x->gil = gil;
	x->stdlib = stdlib;
}

static int setup(void **state)
{
	struct sample *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->c.ext = s->v;
	s->c.minor = 14;
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct sample *s = *state;

	ft_text_free(&s->out);
	free(s);
	return 0;
}

static const char *text(struct sample *s)
{
	ft_text_free(&s->out);
	ft_check_extensions_text(&s->out, &s->c);
	assert_int_equal(s->out.err, 0);
	return s->out.s;
}

static void has(struct sample *s, const char *part)
{
	if (!strstr(text(s), part))
		fail_msg("\"%s\" is not in:\n%s", part, s->out.s);
}

/* a before b */
static void ordered(struct sample *s, const char *a, const char *b)
{
	const char *all = text(s), *x = strstr(all, a), *y = strstr(all, b);

	if (!x || !y || x >= y)
		fail_msg("\"%s\" does not stand before \"%s\" in:\n%s", a, b, all);
}

static void test_order(void **state)
{
	struct sample *s = *state;

	assert_string_equal(text(s), "\nextension modules: none\n");
	add(s, "fine", "f 1", FT_EXTGIL_NOT_USED, false);
	add(s, "math", "CPython 3.14.6", FT_EXTGIL_NOT_USED, true);
	add(s, "zlib", "CPython 3.14.6", FT_EXTGIL_NOT_USED, true);
	has(s, "none of these would bring the GIL back");
	has(s, "cp314t");
	add(s, "odd", "", FT_EXTGIL_UNKNOWN, false);
	add(s, "bad", "b 1", FT_EXTGIL_USED, false);
	add(s, "worse", "b 1", FT_EXTGIL_USED, false);
	has(s, "2 extension modules would bring the GIL back on free-threaded Python: update b "
	       "1\n");
	has(s, "1 cannot be told from this build's files: odd\n");
	ordered(s, "  bad  ", "  worse  ");
	ordered(s, "  worse  ", "  odd  ");
	ordered(s, "  odd  ", "  fine  ");
	ordered(s, "  fine  ", "  (2 of its own)");
	assert_null(strstr(text(s), "  math"));
	/* one that is not marked is told by its name */
	add(s, "_old", "CPython 3.14.6", FT_EXTGIL_USED, true);
	ordered(s, "  _old  ", "  (2 of its own)");
	s->c.free_threaded = true;
	s->c.gil = FT_PYGIL_ENABLED;
	has(s, "the GIL is on: suspects: bad (b 1), worse (b 1), _old (CPython 3.14.6);");
}

static void test_many_names(void **state)
{
	struct sample *s = *state;
	char name[16];
	int i;

	for (i = 0; i < 11; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		add(s, name, "", FT_EXTGIL_USED, false);
	}
	has(s, "update m0, m1, m2, m3, m4, m5, m6, m7 and 3 more\n");
}

static void test_old(void **state)
{
	struct sample *s = *state;

	add(s, "math", "CPython 3.11.2", FT_EXTGIL_UNKNOWN, true);
	add(s, "numpy", "numpy 1.0", FT_EXTGIL_UNKNOWN, false);
	s->c.old = true;
	has(s, "since Python 3.13");
	has(s, "(1 of its own)");
	assert_null(strstr(text(s), "because"));
	assert_null(strstr(text(s), "cp3"));
}

/* Names are a stranger's: neither the terminal nor a reader of JSON obeys them. */
static void test_hostile(void **state)
{
	struct sample *s = *state;
	struct json_object *a, *path;

	add(s, "\x1b[2Jm\nok   GIL", "d\xff\x07 1", FT_EXTGIL_USED, false);
	strcpy(s->v[0].path, "/a\r\xc3");
	s->v[0].how[0] = '\x1b';
	s->v[0].gil = (enum ft_extgil)77;
	text(s);
	assert_null(strpbrk(s->out.s, "\x1b\r\x07\xff\xc3"));
	assert_null(strstr(s->out.s, "\nok   GIL"));
	a = ft_check_extensions_json(&s->c);
	assert_non_null(a);
	path = json_object_object_get(json_object_array_get_idx(a, 0), "path");
	assert_string_equal(json_object_get_string(path), "/a??");
	assert_string_equal(json_object_get_string(
				    json_object_object_get(json_object_array_get_idx(a, 0), "gil")),
			    "unknown");
	json_object_put(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
