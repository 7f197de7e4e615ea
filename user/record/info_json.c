/* SPDX-License-Identifier: BSD-2-Clause */
/* META: one table for both directions, so that no member can be written and not read. */
#include "record/info_json.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "record/json_members.h"

#define MEMBER(k, f, m, req) FT_JSON_MEMBER(struct ft_session_info, k, f, m, req)
#define STR(f) MEMBER(STR, f, 0, false)
#define U32(f, m) MEMBER(U32, f, m, false)

static const struct ft_json_member members[] = {
	STR(ftprof_version),
	STR(host),
	STR(kernel),
	MEMBER(U64, start_wall_ns, ~0ull, false),
	MEMBER(U64, start_ns, ~0ull, true),
	U32(engine, FT_ENGINE_MIXED),
	MEMBER(U32, cpu_cnt, FT_MAX_CPUS, true),
	MEMBER(DOUBLE, quota, 0, false),
	U32(tick_hz, 1000000),
	MEMBER(BOOL, has_events, 0, false),
	U32(stack_hz, 1000000),
	MEMBER(BOOL, native_frames, 0, false),
	MEMBER(BOOL, kernel_frames, 0, false),
	STR(cut),
	U32(pid, INT_MAX),
	STR(name),
	STR(exe),
	STR(cmdline),
	STR(python),
	U32(python_hex, UINT_MAX),
	MEMBER(BOOL, free_threaded, 0, false),
	U32(gil, FT_GIL_ENABLED),
	STR(gil_enabled_by),
	U32(switch_interval_us, UINT_MAX),
	U32(children, UINT_MAX),
	STR(sites),
	STR(limits),
	U32(end, FT_END_EXEC),
	MEMBER(S32, end_status, 0, false),
};

#define MEMBER_CNT (sizeof(members) / sizeof(members[0]))

static int add_cpus(struct json_object *obj, const struct ft_session_info *info)
{
	struct json_object *arr = json_object_new_array();
	int err = ft_json_add(obj, "cpus", arr);
	__u32 i;

	for (i = 0; !err && i < info->cpus_cnt && i < FT_MAX_CPUS; i++)
		err = ft_json_append(arr, json_object_new_int64(info->cpus[i]));
	return err;
}

int ft_info_to_json(const struct ft_session_info *info, struct ft_text *out)
{
	struct json_object *obj = json_object_new_object();
	int err;

	if (!obj)
		return -ENOMEM;
	err = ft_json_put(obj, members, MEMBER_CNT, info);
	if (!err)
		err = add_cpus(obj, info);
	if (!err)
		err = ft_json_text(obj, out);
	json_object_put(obj);
	return err;
}

/* The cores: ascending, below cpu_cnt. */
static int get_cpus(struct json_object *obj, struct ft_session_info *info)
{
	struct json_object *arr;
	size_t n, i;
	__u64 v;

	if (ft_json_array(obj, "cpus", info->cpu_cnt, &arr))
		return -EBADMSG;
	n = arr ? json_object_array_length(arr) : 0;
	for (i = 0; i < n; i++) {
		if (ft_json_uint(json_object_array_get_idx(arr, i), info->cpu_cnt - 1u, &v) ||
		    (i && v <= info->cpus[i - 1]))
			return -EBADMSG;
		info->cpus[i] = (__u16)v;
	}
	info->cpus_cnt = (__u32)n;
	return 0;
}

int ft_info_from_json(const char *s, size_t len, struct ft_session_info *info)
{
	struct json_object *obj;
	int err;

	memset(info, 0, sizeof(*info));
	err = ft_json_parse(s, len, &obj);
	if (err)
		return err;
	err = ft_json_get(obj, members, MEMBER_CNT, info);
	if (!err)
		err = get_cpus(obj, info);
	json_object_put(obj);
	return err;
}
