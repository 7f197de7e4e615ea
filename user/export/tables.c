/* SPDX-License-Identifier: BSD-2-Clause */
/* The tree of a flame depth first, and tables of strings and functions. */
#include "export/tables.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Else uthash ends the program when there is no memory. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/array.h"
#include "base/text.h"

static const struct ft_frame bare = {.name = "[no stack]", .file = "", .kind = FT_FK_MARK};

static bool is_sound(const struct ft_flame *f)
{
	size_t i;

	if (!f->node_cnt || f->node_cnt >= FT_NO_INDEX || f->frame_cnt >= FT_NO_INDEX)
		return false;
	for (i = 1; i < f->node_cnt; i++)
		if (f->node[i].parent >= i || f->node[i].frame >= f->frame_cnt)
			return false;
	return true;
}

/* The nodes depth first, children in the order of their numbers. first and next are scratch. */
static void put_in_order(struct ft_dfs *t, __u32 *first, __u32 *next)
{
	const struct ft_flame_node *node = t->f->node;
	__u32 i, parent;

	/* from the last on, so that each list ends up ascending; 0 ends a list: the root is no
	 * child */
	for (i = (__u32)t->f->node_cnt - 1; i > 0; i--) {
		parent = node[i].parent;
		next[i] = first[parent];
		first[parent] = i;
	}
	for (i = first[0]; i;) {
		t->order[t->order_cnt++] = i;
		t->depth[i] = t->depth[node[i].parent] + 1;
		if (t->depth[i] > t->max_depth)
			t->max_depth = t->depth[i];
		if (first[i]) {
			i = first[i];
			continue;
		}
		while (i && !next[i])
			i = node[i].parent;
		i = next[i];
	}
}

/* Numbers the frames that are used. number: scratch, by index into the flame's frames. */
static void number_frames(struct ft_dfs *t, __u32 *number)
{
	const struct ft_flame *f = t->f;
	__u32 frame;
	size_t i;

	memset(number, 0xff, f->frame_cnt * sizeof(*number));
	for (i = 0; i < t->order_cnt; i++) {
		frame = f->node[t->order[i]].frame;
		if (number[frame] == FT_NO_INDEX) {
			number[frame] = (__u32)t->frame_cnt;
			t->frame[t->frame_cnt++] = &f->frame[frame];
		}
		t->frame_of[t->order[i]] = number[frame];
	}
	t->bare_frame = FT_NO_INDEX;
	if (f->node[0].self_ns || f->node[0].self_cnt) {
		t->bare_frame = (__u32)t->frame_cnt;
		t->frame[t->frame_cnt++] = &bare;
	}
	t->frame_of[0] = t->bare_frame;
}

int ft_dfs_init(struct ft_dfs *t, const struct ft_flame *f)
{
	__u32 *first = NULL, *next = NULL, *number = NULL;
	int err = -ENOMEM;

	memset(t, 0, sizeof(*t));
	if (!is_sound(f))
		return -EINVAL;
	t->f = f;
	t->order = calloc(f->node_cnt, sizeof(*t->order));
	t->depth = calloc(f->node_cnt, sizeof(*t->depth));
	t->frame_of = calloc(f->node_cnt, sizeof(*t->frame_of));
	t->frame = calloc(f->frame_cnt + 1, sizeof(*t->frame));
	first = calloc(f->node_cnt, sizeof(*first));
	next = calloc(f->node_cnt, sizeof(*next));
	number = calloc(f->frame_cnt + 1, sizeof(*number));
	if (!t->order || !t->depth || !t->frame_of || !t->frame || !first || !next || !number)
		goto out;
	put_in_order(t, first, next);
	number_frames(t, number);
	err = 0;
out:
	free(first);
	free(next);
	free(number);
	if (err)
		ft_dfs_free(t);
	return err;
}

void ft_dfs_free(struct ft_dfs *t)
{
	if (!t)
		return;
	free(t->order);
	free(t->depth);
	free(t->frame_of);
	free(t->frame);
	memset(t, 0, sizeof(*t));
}

struct ft_string {
	UT_hash_handle hh;
	__u32 index;
	char s[];
};

int ft_strings_add(struct ft_strings *t, const char *s, __u32 *index)
{
	size_t n = strlen(s);
	struct ft_string *e;
	void *p = t->s;
	int err;

	HASH_FIND(hh, t->hash, s, n, e);
	if (e) {
		*index = e->index;
		return 0;
	}
	if (t->cnt >= FT_NO_INDEX)
		return -ENOMEM;
	err = ft_array_reserve(&p, &t->cap, t->cnt + 1, sizeof(*t->s));
	if (err)
		return err;
	t->s = p;
	e = calloc(1, sizeof(*e) + n + 1);
	if (!e)
		return -ENOMEM;
	memcpy(e->s, s, n);
	e->index = (__u32)t->cnt;
	HASH_ADD_KEYPTR(hh, t->hash, e->s, n, e);
	if (!e->hh.tbl) {
		free(e);
		return -ENOMEM;
	}
	t->s[t->cnt++] = e->s;
	*index = e->index;
	return 0;
}

void ft_strings_free(struct ft_strings *t)
{
	struct ft_string *e, *tmp;

	if (!t)
		return;
	HASH_ITER (hh, t->hash, e, tmp) {
		HASH_DEL(t->hash, e);
		free(e);
	}
	free(t->s);
	memset(t, 0, sizeof(*t));
}

struct ft_function_entry {
	UT_hash_handle hh;
	__u32 index;
	struct ft_function fn; /* the key */
};

static int add_function(struct ft_functions *fns, const struct ft_function *fn, __u32 *index)
{
	struct ft_function_entry *e;
	void *p = fns->fn;
	int err;

	HASH_FIND(hh, fns->hash, fn, sizeof(*fn), e);
	if (e) {
		*index = e->index;
		return 0;
	}
	err = ft_array_reserve(&p, &fns->cap, fns->cnt + 1, sizeof(*fns->fn));
	if (err)
		return err;
	fns->fn = p;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->fn = *fn;
	e->index = (__u32)fns->cnt;
	HASH_ADD(hh, fns->hash, fn, sizeof(*fn), e);
	if (!e->hh.tbl) {
		free(e);
		return -ENOMEM;
	}
	fns->fn[fns->cnt++] = *fn;
	*index = e->index;
	return 0;
}

static int add_name(struct ft_strings *strings, const char *s, bool printable, __u32 *index)
{
	struct ft_text t = {0};
	int err;

	if (!printable)
		return ft_strings_add(strings, s, index);
	ft_text_add_safe(&t, s, SIZE_MAX);
	err = t.err ? t.err : ft_strings_add(strings, t.s, index);
	ft_text_free(&t);
	return err;
}

int ft_functions_init(struct ft_functions *fns, const struct ft_dfs *t, struct ft_strings *strings,
		      bool printable)
{
	const struct ft_frame *fr;
	struct ft_function fn;
	size_t i;
	int err;

	fns->of_frame = calloc(t->frame_cnt + 1, sizeof(*fns->of_frame));
	if (!fns->of_frame)
		return -ENOMEM;
	for (i = 0; i < t->frame_cnt; i++) {
		fr = t->frame[i];
		/* a key is compared byte by byte: no padding may be left as it was */
		memset(&fn, 0, sizeof(fn));
		err = add_name(strings, fr->name, printable, &fn.name);
		if (!err)
			err = add_name(strings, fr->file, printable, &fn.file);
		fn.first_line = fr->first_line;
		fn.kind = fr->kind;
		if (!err)
			err = add_function(fns, &fn, &fns->of_frame[i]);
		if (err)
			return err;
	}
	return 0;
}

void ft_functions_free(struct ft_functions *fns)
{
	struct ft_function_entry *e, *tmp;

	if (!fns)
		return;
	HASH_ITER (hh, fns->hash, e, tmp) {
		HASH_DEL(fns->hash, e);
		free(e);
	}
	free(fns->fn);
	free(fns->of_frame);
	memset(fns, 0, sizeof(*fns));
}

const char *ft_measure_name(enum ft_of of)
{
	static const char *const names[FT_OF_CNT] = {
		[FT_OF_ON_CPU] = "cpu",		 [FT_OF_GIL_WAIT] = "gil_wait",
		[FT_OF_GIL_BLAME] = "gil_blame", [FT_OF_LOCK_WAIT] = "lock_wait",
		[FT_OF_BLOCKED] = "blocked",	 [FT_OF_OFF_CPU] = "off_cpu",
		[FT_OF_WALL] = "wall",		 [FT_OF_LOCK_OWNER] = "lock_owner",
		[FT_OF_SHARED] = "shared",	 [FT_OF_PAUSE] = "pause",
	};

	return (unsigned int)of < FT_OF_CNT ? names[of] : "time";
}

void ft_profile_name(const struct ft_flame *f, struct ft_text *out)
{
	const struct ft_session_info *info = f->info;

	if (info)
		ft_text_printf(out, "%s, pid %u: ", info->name[0] ? info->name : "?", info->pid);
	ft_text_add(out, ft_of_title(f->of));
}
