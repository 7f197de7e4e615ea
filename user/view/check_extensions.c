/* SPDX-License-Identifier: BSD-2-Clause */
/* Extension modules: those first that would bring the GIL back, the standard library in a line. */
#include "view/check_extensions.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#define NAMED_MAX 8 /* in a sentence */
#define MODULE_COLS 48
#define DIST_COLS 32

static const char *const words[] = {
	[FT_EXTGIL_UNKNOWN] = "cannot tell",
	[FT_EXTGIL_NOT_USED] = "GIL not used",
	[FT_EXTGIL_USED] = "GIL used",
};

static enum ft_extgil gil_of(const struct ft_extension *x)
{
	return x->gil <= FT_EXTGIL_USED ? x->gil : FT_EXTGIL_UNKNOWN;
}

/* The standard library's are all alike, and one line, unless one of them is not marked. */
static bool is_folded(const struct ft_check_extensions *c, const struct ft_extension *x)
{
	return x->stdlib && (c->old || gil_of(x) == FT_EXTGIL_NOT_USED);
}

static size_t count(const struct ft_check_extensions *c, enum ft_extgil gil)
{
	size_t i, n = 0;

	for (i = 0; i < c->cnt; i++)
		n += gil_of(&c->ext[i]) == gil;
	return n;
}

/* What is to be updated: a distribution, or a module that belongs to none. */
static const char *culprit(const struct ft_extension *x)
{
	return x->distribution[0] ? x->distribution : x->module;
}

/* "ujson 5.10.0, foo 1.0 and 3 more", each once; or the modules with their distributions. */
static void add_names(struct ft_text *out, const struct ft_check_extensions *c, enum ft_extgil gil,
		      bool modules)
{
	size_t i, j, named = 0, more = 0;

	for (i = 0; i < c->cnt; i++) {
		const struct ft_extension *x = &c->ext[i];

		if (gil_of(x) != gil)
			continue;
		for (j = 0; j < i && !modules; j++) {
			if (gil_of(&c->ext[j]) == gil && !strcmp(culprit(&c->ext[j]), culprit(x)))
				break;
		}
		if (!modules && j < i)
			continue;
		if (named == NAMED_MAX) {
			more++;
			continue;
		}
		ft_text_add(out, named++ ? ", " : "");
		ft_text_add_safe(out, modules ? x->module : culprit(x), sizeof(x->distribution));
		if (modules && x->distribution[0]) {
			ft_text_add(out, " (");
			ft_text_add_safe(out, x->distribution, sizeof(x->distribution));
			ft_text_add(out, ")");
		}
	}
	if (more)
		ft_text_printf(out, " and %zu more", more);
}

static void sentence_free(struct ft_text *out, const struct ft_check_extensions *c, size_t used,
			  size_t unknown)
{
	bool on = c->gil == FT_PYGIL_ENABLED;

	if (on && (used || unknown)) {
		ft_text_add(out, "the GIL is on: suspects: ");
		add_names(out, c, used ? FT_EXTGIL_USED : FT_EXTGIL_UNKNOWN, true);
		if (used)
			ft_text_add(out, "; update what does not say that it needs no GIL");
	} else if (on) {
		ft_text_add(out, "the GIL is on, but all of these say that they do not need it: "
				 "PYTHON_GIL=1, -X gil=1, or a module that is not loaded any more");
	} else if (used) {
		ft_text_printf(out,
			       "%zu of these would bring the GIL back, and it is off all the same "
			       "(PYTHON_GIL=0, -X gil=0): ",
			       used);
		add_names(out, c, FT_EXTGIL_USED, true);
	} else {
		ft_text_add(out, "none of these brings the GIL back");
	}
	ft_text_add(out, "\n");
}

static void sentence_gil(struct ft_text *out, const struct ft_check_extensions *c, size_t used,
			 size_t unknown)
{
	if (c->old) {
		ft_text_add(out,
			    "modules can say since Python 3.13 that they do not need the GIL\n");
		return;
	}
	if (used) {
		ft_text_printf(out,
			       "%zu extension module%s would bring the GIL back on free-threaded "
			       "Python: update ",
			       used, used == 1 ? "" : "s");
		add_names(out, c, FT_EXTGIL_USED, false);
		ft_text_add(out, "\n");
	} else if (!unknown) {
		ft_text_add(out,
			    "none of these would bring the GIL back on free-threaded Python\n");
	}
	if (unknown) {
		ft_text_printf(out, "%zu cannot be told from this build's files: ", unknown);
		add_names(out, c, FT_EXTGIL_UNKNOWN, false);
		ft_text_add(out, "\n");
	}
	ft_text_printf(out,
		       "free-threaded Python loads other files of the same distributions (wheels "
		       "for cp3%ut), which may say otherwise\n",
		       c->minor);
}

static size_t cols(size_t have, size_t want, size_t max)
{
	if (want > max)
		want = max;
	return want > have ? want : have;
}

static void cell(struct ft_text *out, const char *s, size_t width)
{
	size_t before = out->len, bytes, n = 0;

	ft_text_add_safe(out, s, width);
	/* columns, not bytes */
	for (bytes = before; bytes < out->len; bytes++)
		n += ((unsigned char)out->s[bytes] & 0xc0) != 0x80;
	ft_text_pad(out, ' ', (width > n ? width - n : 0) + 2);
}

static void rows(struct ft_text *out, const struct ft_check_extensions *c, enum ft_extgil gil,
		 size_t module, size_t dist)
{
	size_t i;

	for (i = 0; i < c->cnt; i++) {
		const struct ft_extension *x = &c->ext[i];

		if (gil_of(x) != gil || is_folded(c, x))
			continue;
		ft_text_add(out, "  ");
		cell(out, x->module, module);
		cell(out, x->distribution, dist);
		cell(out, words[gil], strlen(words[FT_EXTGIL_NOT_USED]));
		ft_text_add_safe(out, x->path, sizeof(x->path));
		if (gil != FT_EXTGIL_NOT_USED && x->how[0] && !c->old) {
			ft_text_add(out, "\n      ");
			ft_text_add_safe(out, x->how, sizeof(x->how));
		}
		ft_text_add(out, "\n");
	}
}

/* The folder of the standard library's modules. */
static void folded_row(struct ft_text *out, const struct ft_check_extensions *c, size_t module,
		       size_t dist)
{
	const struct ft_extension *first = NULL;
	const char *slash;
	char name[64];
	size_t i, n = 0;

	for (i = 0; i < c->cnt; i++) {
		if (!is_folded(c, &c->ext[i]))
			continue;
		if (!n++)
			first = &c->ext[i];
	}
	if (!first)
		return;
	snprintf(name, sizeof(name), "(%zu of its own)", n);
	ft_text_add(out, "  ");
	cell(out, name, module);
	cell(out, first->distribution, dist);
	cell(out, words[gil_of(first)], strlen(words[FT_EXTGIL_NOT_USED]));
	slash = strrchr(first->path, '/');
	ft_text_add_safe(out, first->path, slash ? (size_t)(slash - first->path) : 0);
	ft_text_add(out, "\n");
}

void ft_check_extensions_text(struct ft_text *out, const struct ft_check_extensions *c)
{
	size_t i, module = strlen("(999 of its own)"), dist = strlen("distribution");
	size_t used = count(c, FT_EXTGIL_USED), unknown = count(c, FT_EXTGIL_UNKNOWN);

	ft_text_add(out, "\nextension modules: ");
	if (!c->cnt) {
		ft_text_add(out, "none\n");
		return;
	}
	for (i = 0; i < c->cnt; i++) {
		module = cols(module, strlen(c->ext[i].module), MODULE_COLS);
		dist = cols(dist, strlen(c->ext[i].distribution), DIST_COLS);
	}
	if (c->free_threaded)
		sentence_free(out, c, used, unknown);
	else
		sentence_gil(out, c, used, unknown);
	ft_text_add(out, "  ");
	cell(out, "module", module);
	cell(out, "distribution", dist);
	cell(out, "declares", strlen(words[FT_EXTGIL_NOT_USED]));
	ft_text_add(out, "path\n");
	rows(out, c, FT_EXTGIL_USED, module, dist);
	rows(out, c, FT_EXTGIL_UNKNOWN, module, dist);
	rows(out, c, FT_EXTGIL_NOT_USED, module, dist);
	folded_row(out, c, module, dist);
}

/* As other strings of strangers are in JSON: safe to print, and UTF-8. */
static int add_string(struct json_object *o, const char *name, const char *s)
{
	struct ft_text t = {0};
	struct json_object *v = NULL;

	ft_text_add(&t, "");
	ft_text_add_safe(&t, s, strlen(s));
	if (!t.err)
		v = json_object_new_string(t.s);
	ft_text_free(&t);
	return v ? json_object_object_add(o, name, v) : -1;
}

struct json_object *ft_check_extensions_json(const struct ft_check_extensions *c)
{
	static const char *const gil[] = {
		[FT_EXTGIL_UNKNOWN] = "unknown",
		[FT_EXTGIL_NOT_USED] = "not_used",
		[FT_EXTGIL_USED] = "used",
	};
	struct json_object *a = json_object_new_array();
	size_t i;

	for (i = 0; a && i < c->cnt; i++) {
		const struct ft_extension *x = &c->ext[i];
		struct json_object *o = json_object_new_object();

		if (!o || json_object_array_add(a, o)) {
			json_object_put(o);
			goto fail;
		}
		if (add_string(o, "module", x->module) || add_string(o, "path", x->path) ||
		    add_string(o, "distribution", x->distribution) ||
		    add_string(o, "gil", gil[gil_of(x)]) || add_string(o, "how", x->how) ||
		    json_object_object_add(o, "stdlib", json_object_new_boolean(x->stdlib)))
			goto fail;
	}
	return a;
fail:
	json_object_put(a);
	return NULL;
}
