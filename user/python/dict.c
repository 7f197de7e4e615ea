// SPDX-License-Identifier: BSD-2-Clause
/* Dictionaries and strings of a process that runs on. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "os/mem.h"
#include "python/code.h"
#include "python/dict_priv.h"

#define STR_CHARS 127 /* of a string that are read */

/* The head of struct _dictkeysobject (pycore_dict.h), the same in both builds of 3.13 to 3.15. */
struct dict_keys {
	__s64 refcnt;
	__u8 log2_size;
	__u8 log2_index_bytes;
	__u8 kind; /* enum DictKeysKind */
	__u8 mutex;
	__u32 version;
	__s64 usable;
	__s64 nentries;
};

_Static_assert(sizeof(struct dict_keys) == 32, "struct _dictkeysobject");

enum {
	KEYS_GENERAL = 0, /* entries: hash, key, value */
	KEYS_UNICODE = 1, /* entries: key, value */
};

int ft_dict_str(int pid, const struct ft_runtime *rt, __u64 addr, char *buf, size_t sz)
{
	const struct ft_pylayout *l = &rt->off.py;
	__u32 bytes[STR_CHARS], state, kind;
	struct ft_text text = {0};
	__u64 length, data;
	size_t cnt;
	int err;

	err = ft_mem_read(pid, addr + l->str_length, &length, sizeof(length));
	if (!err)
		err = ft_mem_read(pid, addr + l->str_state, &state, sizeof(state));
	if (err)
		return err;
	kind = state >> l->str_kind_shift & 7;
	if ((kind != 1 && kind != 2 && kind != 4) || length >> 48)
		return -EFAULT;
	data = addr + (state >> l->str_ascii_shift & 1 ? l->str_ascii : l->str_compact);
	if (!(state >> l->str_compact_shift & 1)) {
		err = ft_mem_read(pid, addr + l->str_compact, &data, sizeof(data));
		if (err)
			return err;
	}
	cnt = length < STR_CHARS ? (size_t)length : STR_CHARS;
	err = ft_mem_read(pid, data, bytes, cnt * kind);
	if (err)
		return err;
	ft_code_string(bytes, cnt * kind, (int)kind, (size_t)length, sz - 1, &text);
	err = text.err;
	if (!err)
		snprintf(buf, sz, "%s", text.s ? text.s : "");
	ft_text_free(&text);
	return err;
}

int ft_dict_read(int pid, const struct ft_runtime *rt, __u64 dict, size_t max,
		 struct ft_dict_entry **out, size_t *cnt)
{
	size_t i, n, words;
	struct dict_keys k;
	__u64 keys, *buf;
	int err;

	*out = NULL;
	*cnt = 0;
	/* ma_used, _ma_watcher_tag, ma_keys */
	err = ft_mem_read(pid, dict + rt->off.ob_size + 16, &keys, sizeof(keys));
	if (!err)
		err = ft_mem_read(pid, keys, &k, sizeof(k));
	if (err)
		return err;
	if (k.log2_index_bytes > 40 || k.nentries < 0 || (__u64)k.nentries > max ||
	    (k.kind != KEYS_GENERAL && k.kind != KEYS_UNICODE))
		return -EBADMSG;
	n = (size_t)k.nentries;
	words = k.kind == KEYS_GENERAL ? 3 : 2;
	buf = malloc(n * words * sizeof(*buf) + 1);
	if (!buf)
		return -ENOMEM;
	err = ft_mem_read(pid, keys + sizeof(k) + (1ull << k.log2_index_bytes), buf,
			  n * words * sizeof(*buf));
	if (!err)
		*out = malloc(n * sizeof(**out) + 1);
	if (!err && !*out)
		err = -ENOMEM;
	for (i = 0; !err && i < n; i++) {
		(*out)[i].key = buf[i * words + words - 2];
		(*out)[i].value = buf[i * words + words - 1];
	}
	if (!err)
		*cnt = n;
	free(buf);
	return err;
}
