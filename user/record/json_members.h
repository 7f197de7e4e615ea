/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Structures to JSON objects and back by one table for both directions, so that no member can be
 * written and not read. Values that are read come from anybody: each has its type and its range.
 */
#ifndef FT_RECORD_JSON_MEMBERS_H
#define FT_RECORD_JSON_MEMBERS_H

#include <json-c/json.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include "base/text.h"

enum ft_json_kind { FT_JS_STR, FT_JS_U64, FT_JS_U32, FT_JS_S32, FT_JS_BOOL, FT_JS_DOUBLE };

#define FT_JSON_STR_MAX 1024 /* bytes that the array of a FT_JS_STR has at most */

struct ft_json_member {
	const char *name;
	enum ft_json_kind kind;
	bool required;
	size_t off;
	size_t sz;
	__u64 max; /* of FT_JS_U32 and FT_JS_U64 */
};

/* Member f of struct type, a FT_JS_k whose value is at most m. */
#define FT_JSON_MEMBER(type, k, f, m, req)                                                         \
	{                                                                                          \
#f, FT_JS_##k, req, offsetof(type, f), sizeof(((type *)0)->f), m                   \
	}

/*
 * Adds cnt members of the structure at p to obj; one that is 0 or empty, and not required, is left
 * away. Bytes in strings that are not UTF-8, and control
 * characters apart from tab and newline, become '?'; a double is brought into [0, 1e6]. 0 or
 * -ENOMEM.
 */
int ft_json_put(struct json_object *obj, const struct ft_json_member *m, size_t cnt, const void *p);
/*
 * Fills the members of the structure at p from v. What is not there and not required stays as it
 * is; unknown members are passed over. 0, or -EBADMSG: v is no object, or a value has the wrong
 * type or is out of its range.
 */
int ft_json_get(struct json_object *v, const struct ft_json_member *m, size_t cnt, void *p);

/* Adds v, which may be NULL (-ENOMEM), and owns it from then on, also on error. 0 or -ENOMEM. */
int ft_json_add(struct json_object *obj, const char *name, struct json_object *v);
int ft_json_append(struct json_object *arr, struct json_object *v);
/* A whole number within [0, max]. 0 or -EBADMSG. */
int ft_json_uint(struct json_object *v, __u64 max, __u64 *out);
/* The array `name` of obj with at most max elements; *arr is NULL when it is not there. */
int ft_json_array(struct json_object *obj, const char *name, size_t max, struct json_object **arr);

/* Appends obj in its shortest form. 0 or -ENOMEM. */
int ft_json_text(struct json_object *obj, struct ft_text *out);
/* One value, at most 8 levels deep, out of all of len bytes; to be put. 0, -EBADMSG, -ENOMEM. */
int ft_json_parse(const char *s, size_t len, struct json_object **out);

#endif
