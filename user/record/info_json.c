/* SPDX-License-Identifier: BSD-2-Clause */
/* META: one table for both directions, so that no member can be written and not read. */
#include "record/info_json.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <math.h>
#include <string.h>

enum kind { KIND_STR, KIND_U64, KIND_U32, KIND_S32, KIND_BOOL, KIND_DOUBLE };

struct member {
	const char *name;
	enum kind kind;
	bool required;
	size_t off;
	size_t sz;
	__u64 max; /* of KIND_U32 and KIND_U64 */
};

#define MEMBER(k, f, m, req)                                                                       \
	{                                                                                          \
#f, k, req, offsetof(struct ft_session_info, f),                                   \
			sizeof(((struct ft_session_info *)0)->f), m                                \
	}
#define STR(f) MEMBER(KIND_STR, f, 0, false)
#define U32(f, m) MEMBER(KIND_U32, f, m, false)

static const struct member members[] = {
	STR(ftprof_version),
	STR(host),
	STR(kernel),
	MEMBER(KIND_U64, start_wall_ns, ~0ull, false),
	MEMBER(KIND_U64, start_ns, ~0ull, true),
	U32(engine, FT_ENGINE_MIXED),
	MEMBER(KIND_U32, cpu_cnt, FT_MAX_CPUS, true),
	MEMBER(KIND_DOUBLE, quota, 0, false),
	U32(tick_hz, 1000000),
	MEMBER(KIND_BOOL, has_events, 0, false),
	U32(stack_hz, 1000000),
	MEMBER(KIND_BOOL, native_frames, 0, false),
	MEMBER(KIND_BOOL, kernel_frames, 0, false),
	STR(cut),
	U32(pid, INT_MAX),
	STR(name),
	STR(exe),
	STR(cmdline),
	STR(python),
	U32(python_hex, UINT_MAX),
	MEMBER(KIND_BOOL, free_threaded, 0, false),
	U32(gil, FT_GIL_ENABLED),
	STR(gil_enabled_by),
	U32(switch_interval_us, UINT_MAX),
	U32(children, UINT_MAX),
	STR(sites),
	STR(limits),
	U32(end, FT_END_EXEC),
	MEMBER(KIND_S32, end_status, 0, false),
};

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

static struct json_object *to_value(const struct member *m, const void *p)
{
	char s[FT_SITES_LEN];
	double d;

	switch (m->kind) {
	case KIND_STR:
		make_valid(s, p, m->sz);
		return json_object_new_string(s);
	case KIND_U64:
		return json_object_new_uint64(*(const __u64 *)p);
	case KIND_U32:
		return json_object_new_int64(*(const __u32 *)p);
	case KIND_S32:
		return json_object_new_int64(*(const __s32 *)p);
	case KIND_BOOL:
		return json_object_new_boolean(*(const bool *)p);
	case KIND_DOUBLE:
		d = *(const double *)p;
		return json_object_new_double(isfinite(d) && d > 0 ? d : 0);
	}
	return NULL;
}

/* Adds v to obj, which owns it from then on, also on error. 0 or -ENOMEM. */
static int add(struct json_object *obj, const char *name, struct json_object *v)
{
	if (!v)
		return -ENOMEM;
	if (json_object_object_add(obj, name, v)) {
		json_object_put(v);
		return -ENOMEM;
	}
	return 0;
}

static int add_cpus(struct json_object *obj, const struct ft_session_info *info)
{
	struct json_object *arr = json_object_new_array(), *v;
	__u32 i;

	if (!arr)
		return -ENOMEM;
	for (i = 0; i < info->cpus_cnt && i < FT_MAX_CPUS; i++) {
		v = json_object_new_int64(info->cpus[i]);
		if (!v || json_object_array_add(arr, v)) {
			json_object_put(v);
			json_object_put(arr);
			return -ENOMEM;
		}
	}
	return add(obj, "cpus", arr);
}

int ft_info_to_json(const struct ft_session_info *info, struct ft_text *out)
{
	struct json_object *obj = json_object_new_object();
	const char *s;
	int err = 0;
	size_t i;

	if (!obj)
		return -ENOMEM;
	for (i = 0; i < sizeof(members) / sizeof(members[0]) && !err; i++)
		err = add(obj, members[i].name,
			  to_value(&members[i], (const char *)info + members[i].off));
	if (!err)
		err = add_cpus(obj, info);
	if (err)
		goto out;
	s = json_object_to_json_string_ext(obj,
					   JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (!s) {
		err = -ENOMEM;
		goto out;
	}
	ft_text_add(out, s);
	err = out->err;
out:
	json_object_put(obj);
	return err;
}

static int from_str(const struct member *m, struct json_object *v, char *dst)
{
	const char *s = json_object_get_string(v);
	size_t n = (size_t)json_object_get_string_len(v);

	if (!s || n >= m->sz || strlen(s) != n)
		return -EBADMSG;
	make_valid(dst, s, m->sz);
	return 0;
}

/* A whole number within [0, max]. */
static int get_uint(struct json_object *v, __u64 max, __u64 *out)
{
	if (!json_object_is_type(v, json_type_int) || json_object_get_int64(v) < 0)
		return -EBADMSG;
	*out = json_object_get_uint64(v);
	return *out > max ? -EBADMSG : 0;
}

static int from_value(const struct member *m, struct json_object *v, void *p)
{
	__s64 sv;
	__u64 u;
	double d;

	switch (m->kind) {
	case KIND_STR:
		if (!json_object_is_type(v, json_type_string))
			return -EBADMSG;
		return from_str(m, v, p);
	case KIND_U64:
		return get_uint(v, m->max, p);
	case KIND_U32:
		if (get_uint(v, m->max, &u))
			return -EBADMSG;
		*(__u32 *)p = (__u32)u;
		return 0;
	case KIND_S32:
		sv = json_object_get_int64(v);
		if (!json_object_is_type(v, json_type_int) || sv < INT_MIN || sv > INT_MAX)
			return -EBADMSG;
		*(__s32 *)p = (__s32)sv;
		return 0;
	case KIND_BOOL:
		if (!json_object_is_type(v, json_type_boolean))
			return -EBADMSG;
		*(bool *)p = json_object_get_boolean(v);
		return 0;
	case KIND_DOUBLE:
		if (!json_object_is_type(v, json_type_double) &&
		    !json_object_is_type(v, json_type_int))
			return -EBADMSG;
		d = json_object_get_double(v);
		if (!isfinite(d) || d < 0 || d > 1e6)
			return -EBADMSG;
		*(double *)p = d;
		return 0;
	}
	return -EBADMSG;
}

/* The cores: ascending, below cpu_cnt. */
static int get_cpus(struct json_object *obj, struct ft_session_info *info)
{
	struct json_object *arr;
	size_t n, i;
	__u64 v;

	if (!json_object_object_get_ex(obj, "cpus", &arr))
		return 0;
	if (!json_object_is_type(arr, json_type_array))
		return -EBADMSG;
	n = json_object_array_length(arr);
	if (n > info->cpu_cnt)
		return -EBADMSG;
	for (i = 0; i < n; i++) {
		if (get_uint(json_object_array_get_idx(arr, i), info->cpu_cnt - 1u, &v) ||
		    (i && v <= info->cpus[i - 1]))
			return -EBADMSG;
		info->cpus[i] = (__u16)v;
	}
	info->cpus_cnt = (__u32)n;
	return 0;
}

static int from_object(struct json_object *obj, struct ft_session_info *info)
{
	struct json_object *v;
	size_t i;
	int err;

	if (!json_object_is_type(obj, json_type_object))
		return -EBADMSG;
	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (!json_object_object_get_ex(obj, members[i].name, &v)) {
			if (members[i].required)
				return -EBADMSG;
			continue;
		}
		err = from_value(&members[i], v, (char *)info + members[i].off);
		if (err)
			return err;
	}
	return get_cpus(obj, info);
}

int ft_info_from_json(const char *s, size_t len, struct ft_session_info *info)
{
	struct json_object *obj = NULL;
	struct json_tokener *tok;
	int err = -EBADMSG;

	memset(info, 0, sizeof(*info));
	if (!len || len > INT_MAX / 2)
		return -EBADMSG;
	tok = json_tokener_new_ex(8);
	if (!tok)
		return -ENOMEM;
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	obj = json_tokener_parse_ex(tok, s, (int)len);
	if (!obj || json_tokener_get_error(tok) != json_tokener_success ||
	    json_tokener_get_parse_end(tok) != len)
		goto out;
	err = from_object(obj, info);
out:
	json_object_put(obj);
	json_tokener_free(tok);
	return err;
}
