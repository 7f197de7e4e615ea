/* SPDX-License-Identifier: BSD-2-Clause */
/* Structures to JSON objects and back. */
#include "record/json_members.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#define DOUBLE_MAX 1e6
#define DEPTH 8

/* s (at most sz bytes, perhaps without a NUL) as valid UTF-8 in dst, which holds sz bytes. */
static void make_valid(char *dst, const char *s, size_t sz)
{
	size_t n = strnlen(s, sz - 1), i = 0, len;
	__u32 c;

	while (i < n) {
		len = ft_utf8_seq(s + i, n - i, &c);
		if (len && ((c >= 0x20 && c != 0x7f) || c == '\t' || c == '\n')) {
			memcpy(dst + i, s + i, len);
			i += len;
		} else {
			dst[i++] = '?';
		}
	}
	dst[n] = 0;
}

static struct json_object *to_value(const struct ft_json_member *m, const void *p)
{
	char s[FT_JSON_STR_MAX];
	double d;

	switch (m->kind) {
	case FT_JS_STR:
		assert(m->sz <= sizeof(s));
		make_valid(s, p, m->sz);
		return json_object_new_string(s);
	case FT_JS_U64:
		return json_object_new_uint64(*(const __u64 *)p);
	case FT_JS_U32:
		return json_object_new_int64(*(const __u32 *)p);
	case FT_JS_S32:
		return json_object_new_int64(*(const __s32 *)p);
	case FT_JS_BOOL:
		return json_object_new_boolean(*(const bool *)p);
	case FT_JS_DOUBLE:
		d = *(const double *)p;
		return json_object_new_double(d > 0 ? fmin(d, DOUBLE_MAX) : 0);
	}
	return NULL;
}

int ft_json_add(struct json_object *obj, const char *name, struct json_object *v)
{
	if (!v)
		return -ENOMEM;
	if (json_object_object_add(obj, name, v)) {
		json_object_put(v);
		return -ENOMEM;
	}
	return 0;
}

int ft_json_append(struct json_object *arr, struct json_object *v)
{
	if (!v)
		return -ENOMEM;
	if (json_object_array_add(arr, v)) {
		json_object_put(v);
		return -ENOMEM;
	}
	return 0;
}

/* All bytes 0: what a reader has for a member that is not there. Of a string the first one. */
static bool is_default(const struct ft_json_member *m, const char *p)
{
	size_t i, n = m->kind == FT_JS_STR ? 1 : m->sz;

	for (i = 0; i < n; i++)
		if (p[i])
			return false;
	return !m->required;
}

int ft_json_put(struct json_object *obj, const struct ft_json_member *m, size_t cnt, const void *p)
{
	int err = 0;
	size_t i;

	for (i = 0; i < cnt && !err; i++) {
		const char *at = (const char *)p + m[i].off;

		/* a short session is made of such: they would be as large as its events */
		if (!is_default(&m[i], at))
			err = ft_json_add(obj, m[i].name, to_value(&m[i], at));
	}
	return err;
}

static int from_str(const struct ft_json_member *m, struct json_object *v, char *dst)
{
	const char *s = json_object_get_string(v);
	size_t n = (size_t)json_object_get_string_len(v);

	if (!s || n >= m->sz || strlen(s) != n)
		return -EBADMSG;
	make_valid(dst, s, m->sz);
	return 0;
}

int ft_json_uint(struct json_object *v, __u64 max, __u64 *out)
{
	if (!json_object_is_type(v, json_type_int) || json_object_get_int64(v) < 0)
		return -EBADMSG;
	*out = json_object_get_uint64(v);
	return *out > max ? -EBADMSG : 0;
}

static int from_value(const struct ft_json_member *m, struct json_object *v, void *p)
{
	__s64 sv;
	__u64 u;
	double d;

	switch (m->kind) {
	case FT_JS_STR:
		if (!json_object_is_type(v, json_type_string))
			return -EBADMSG;
		return from_str(m, v, p);
	case FT_JS_U64:
		return ft_json_uint(v, m->max, p);
	case FT_JS_U32:
		if (ft_json_uint(v, m->max, &u))
			return -EBADMSG;
		*(__u32 *)p = (__u32)u;
		return 0;
	case FT_JS_S32:
		sv = json_object_get_int64(v);
		if (!json_object_is_type(v, json_type_int) || sv < INT_MIN || sv > INT_MAX)
			return -EBADMSG;
		*(__s32 *)p = (__s32)sv;
		return 0;
	case FT_JS_BOOL:
		if (!json_object_is_type(v, json_type_boolean))
			return -EBADMSG;
		*(bool *)p = json_object_get_boolean(v);
		return 0;
	case FT_JS_DOUBLE:
		if (!json_object_is_type(v, json_type_double) &&
		    !json_object_is_type(v, json_type_int))
			return -EBADMSG;
		d = json_object_get_double(v);
		if (!isfinite(d) || d < 0 || d > DOUBLE_MAX)
			return -EBADMSG;
		*(double *)p = d;
		return 0;
	}
	return -EBADMSG;
}

int ft_json_get(struct json_object *obj, const struct ft_json_member *m, size_t cnt, void *p)
{
	struct json_object *v;
	size_t i;

	if (!json_object_is_type(obj, json_type_object))
		return -EBADMSG;
	for (i = 0; i < cnt; i++) {
		if (!json_object_object_get_ex(obj, m[i].name, &v)) {
			if (m[i].required)
				return -EBADMSG;
			continue;
		}
		if (from_value(&m[i], v, (char *)p + m[i].off))
			return -EBADMSG;
	}
	return 0;
}

int ft_json_array(struct json_object *obj, const char *name, size_t max, struct json_object **arr)
{
	if (!json_object_object_get_ex(obj, name, arr)) {
		*arr = NULL;
		return 0;
	}
	if (!json_object_is_type(*arr, json_type_array) || json_object_array_length(*arr) > max)
		return -EBADMSG;
	return 0;
}

int ft_json_text(struct json_object *obj, struct ft_text *out)
{
	const char *s = json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PLAIN |
								    JSON_C_TO_STRING_NOSLASHESCAPE);

	if (!s)
		return -ENOMEM;
	ft_text_add(out, s);
	return out->err;
}

int ft_json_parse(const char *s, size_t len, struct json_object **out)
{
	struct json_tokener *tok;
	int err = 0;

	*out = NULL;
	if (!len || len > INT_MAX / 2)
		return -EBADMSG;
	tok = json_tokener_new_ex(DEPTH);
	if (!tok)
		return -ENOMEM;
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	*out = json_tokener_parse_ex(tok, s, (int)len);
	if (!*out || json_tokener_get_error(tok) != json_tokener_success ||
	    json_tokener_get_parse_end(tok) != len) {
		json_object_put(*out);
		*out = NULL;
		err = -EBADMSG;
	}
	json_tokener_free(tok);
	return err;
}
