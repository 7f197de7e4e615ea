// SPDX-License-Identifier: BSD-2-Clause
/* A comparison as JSON. */
#include "view/compare_json.h"

#include <errno.h>

#include "view/json_put.h"

static struct json_object *session_json(const struct ft_cmp_session *s, bool median, int *err)
{
	const struct ft_session_info *info = s->m->info;
	struct json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	ft_put_str(o, "path", s->path, err);
	ft_put_known(o, "command", s->command ? s->command : "", err);
	ft_put_bool(o, "used", !s->unused, err);
	ft_put_bool(o, "median_run", median, err);
	ft_put_str(o, "python", info->python, err);
	ft_put_bool(o, "free_threaded", info->free_threaded, err);
	ft_put_str(o, "gil", ft_gil_state_name(info->gil), err);
	ft_put_u64(o, "duration_ns", s->m->duration_ns, err);
	ft_put_str(o, "name", info->name, err);
	ft_put_str(o, "cmdline", info->cmdline, err);
	ft_put_str(o, "host", info->host, err);
	ft_put_str(o, "kernel", info->kernel, err);
	ft_put_double(o, "cores", s->m->core_limit, err);
	ft_put_u64(o, "start_wall_ns", info->start_wall_ns, err);
	ft_put_str(o, "ftprof", info->ftprof_version, err);
	return o;
}

static struct json_object *side_json(const struct ft_compare *c, int side, int *err)
{
	struct json_object *o = json_object_new_object(), *arr = json_object_new_array();
	size_t median = ft_compare_median_run(c, side), i;

	if (!o || !arr) {
		json_object_put(arr);
		json_object_put(o);
		return NULL;
	}
	for (i = 0; i < c->cnt[side]; i++)
		ft_put_elem(arr, session_json(&c->session[side][i], i == median, err), err);
	ft_put_any(o, "sessions", arr, err);
	return o;
}

static struct json_object *values_json(const struct ft_cmp_values *v, int *err)
{
	struct json_object *o = json_object_new_object(), *arr = json_object_new_array();
	size_t i;

	if (!o || !arr) {
		json_object_put(arr);
		json_object_put(o);
		return NULL;
	}
	ft_put_double(o, "median", v->median, err);
	ft_put_double(o, "lo", v->lo, err);
	ft_put_double(o, "hi", v->hi, err);
	ft_put_double(o, "coverage", v->coverage, err);
	for (i = 0; i < v->cnt; i++)
		ft_put_elem(arr, json_object_new_double(v->v[i]), err);
	ft_put_any(o, "values", arr, err);
	return o;
}

/* Three members, null where the row has the other kind of estimate. */
static void put_estimate(struct json_object *o, const char *const key[3],
			 const struct ft_estimate *e, bool there, int *err)
{
	const double v[3] = {e->mid, e->lo, e->hi};
	int i;

	for (i = 0; i < 3; i++) {
		if (there)
			ft_put_double(o, key[i], v[i], err);
		else
			ft_put_null(o, key[i], err);
	}
}

static struct json_object *row_json(const struct ft_cmp_row *r, int *err)
{
	static const char *const ratio[3] = {"ratio", "ratio_lo", "ratio_hi"};
	static const char *const diff[3] = {"difference", "difference_lo", "difference_hi"};
	struct json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	ft_put_str(o, "name", r->name, err);
	ft_put_str(o, "title", r->title, err);
	ft_put_str(o, "unit", ft_cmp_unit_name(r->unit), err);
	ft_put_any(o, "a", values_json(&r->side[0], err), err);
	ft_put_any(o, "b", values_json(&r->side[1], err), err);
	put_estimate(o, ratio, &r->est, r->est.ratio, err);
	put_estimate(o, diff, &r->est, !r->est.ratio, err);
	ft_put_double(o, "coverage", r->est.coverage, err);
	ft_put_str(o, "verdict", ft_cmp_verdict_name(r->verdict), err);
	return o;
}

static struct json_object *rows_json(const struct ft_compare *c, int *err)
{
	struct json_object *arr = json_object_new_array();
	size_t i;

	for (i = 0; arr && i < c->row_cnt; i++)
		ft_put_elem(arr, row_json(&c->row[i], err), err);
	return arr;
}

static const char *text_of(const struct ft_text *t)
{
	return t->s ? t->s : "";
}

int ft_compare_json(struct ft_text *out, const struct ft_compare *c)
{
	struct json_object *root = json_object_new_object();
	const char *s;
	size_t len;
	int err = 0;

	if (!root)
		return -ENOMEM;
	ft_put_str(root, "schema", "ftprof-compare/1", &err);
	ft_put_any(root, "a", side_json(c, 0, &err), &err);
	ft_put_any(root, "b", side_json(c, 1, &err), &err);
	ft_put_bool(root, "per_second", c->rates, &err);
	ft_put_double(root, "coverage", c->rank.coverage, &err);
	ft_put_any(root, "rows", rows_json(c, &err), &err);
	ft_put_lines(root, "not_compared", text_of(&c->not_compared), &err);
	ft_put_lines(root, "notes", text_of(&c->notes), &err);
	ft_put_str(root, "summary", text_of(&c->summary), &err);
	if (err)
		goto out;
	s = json_object_to_json_string_length(root,
					      JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
						      JSON_C_TO_STRING_NOSLASHESCAPE,
					      &len);
	if (!s) {
		err = -ENOMEM;
		goto out;
	}
	ft_text_addn(out, s, len);
	ft_text_add(out, "\n");
	err = out->err;
out:
	json_object_put(root);
	return err;
}
