/* SPDX-License-Identifier: BSD-2-Clause */
/* Members of JSON objects, with errors that stick. */
#include "view/json_put.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/text.h"

#define MAX_STR 4096 /* columns of the longest string */

void ft_put_any(struct json_object *obj, const char *key, struct json_object *v, int *err)
{
	if (*err || !v || json_object_object_add(obj, key, v)) {
		json_object_put(v);
		*err = -ENOMEM;
	}
}

void ft_put_null(struct json_object *obj, const char *key, int *err)
{
	if (*err || json_object_object_add(obj, key, NULL))
		*err = -ENOMEM;
}

void ft_put_u64(struct json_object *obj, const char *key, __u64 v, int *err)
{
	ft_put_any(obj, key, json_object_new_uint64(v), err);
}

void ft_put_s64(struct json_object *obj, const char *key, __s64 v, int *err)
{
	ft_put_any(obj, key, json_object_new_int64(v), err);
}

void ft_put_bool(struct json_object *obj, const char *key, bool v, int *err)
{
	ft_put_any(obj, key, json_object_new_boolean(v), err);
}

void ft_put_double(struct json_object *obj, const char *key, double v, int *err)
{
	/* JSON has no NaN and no infinity */
	ft_put_any(obj, key, json_object_new_double(isfinite(v) ? v : 0), err);
}

/* n bytes of a stranger's, or a NUL before them. */
static struct json_object *safe_string(const char *s, size_t n)
{
	struct ft_text raw = {0}, safe = {0};
	struct json_object *v = NULL;

	ft_text_addn(&raw, s, strnlen(s, n));
	if (!raw.err && raw.s)
		ft_text_add_safe(&safe, raw.s, MAX_STR);
	if (!raw.err && !safe.err)
		v = json_object_new_string_len(safe.s ? safe.s : "", (int)safe.len);
	ft_text_free(&raw);
	ft_text_free(&safe);
	return v;
}

void ft_put_str(struct json_object *obj, const char *key, const char *s, int *err)
{
	ft_put_any(obj, key, safe_string(s, strlen(s)), err);
}

void ft_put_known(struct json_object *obj, const char *key, const char *s, int *err)
{
	if (*s)
		ft_put_str(obj, key, s, err);
	else
		ft_put_null(obj, key, err);
}

void ft_put_lines(struct json_object *obj, const char *key, const char *s, int *err)
{
	struct json_object *arr = json_object_new_array();

	while (arr && *s) {
		size_t len = strcspn(s, "\n");

		if (len)
			ft_put_elem(arr, safe_string(s, len), err);
		s += len + (s[len] == '\n');
	}
	ft_put_any(obj, key, arr, err);
}

void ft_put_elem(struct json_object *arr, struct json_object *v, int *err)
{
	if (*err || !arr || !v || json_object_array_add(arr, v)) {
		json_object_put(v);
		*err = -ENOMEM;
	}
}

void ft_put_elem_u64(struct json_object *arr, __u64 v, int *err)
{
	ft_put_elem(arr, json_object_new_uint64(v), err);
}
