/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Members of JSON objects, with errors that stick: *err is set when there was no memory, and then
 * nothing more is added.
 */
#ifndef FT_VIEW_JSON_PUT_H
#define FT_VIEW_JSON_PUT_H

#include <json-c/json.h>
#include <linux/types.h>
#include <stdbool.h>

/* Adds v to obj, taking it over; NULL is no memory. A null value: ft_put_null(). */
void ft_put_any(struct json_object *obj, const char *key, struct json_object *v, int *err);
void ft_put_null(struct json_object *obj, const char *key, int *err);
void ft_put_u64(struct json_object *obj, const char *key, __u64 v, int *err);
void ft_put_s64(struct json_object *obj, const char *key, __s64 v, int *err);
void ft_put_bool(struct json_object *obj, const char *key, bool v, int *err);
void ft_put_double(struct json_object *obj, const char *key, double v, int *err);
/* A stranger's bytes, made safe. */
void ft_put_str(struct json_object *obj, const char *key, const char *s, int *err);
/* The same, null when it is empty. */
void ft_put_known(struct json_object *obj, const char *key, const char *s, int *err);
/* An array of the lines of a text. */
void ft_put_lines(struct json_object *obj, const char *key, const char *s, int *err);
/* Both append to an array; the first takes v over, NULL is no memory. */
void ft_put_elem(struct json_object *arr, struct json_object *v, int *err);
void ft_put_elem_u64(struct json_object *arr, __u64 v, int *err);

#endif
