/* SPDX-License-Identifier: BSD-2-Clause */
/* Columns of bytes to stacks. Nothing in them is trusted: every read is checked against its end. */
#include "record/stacks_codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "record/varint.h"

_Static_assert(FT_FK_CNT == 4, "two bits of a byte");

static const char lost_name[] = "[lost: damaged file]";

static int reserve_frames(struct ft_stacks_dec *d, size_t cnt)
{
	void *p = d->frame;
	int err = ft_array_reserve(&p, &d->frame_cap, cnt, sizeof(*d->frame));

	d->frame = p;
	d->s.frame = p;
	return err;
}

static int reserve_nodes(struct ft_stacks_dec *d, size_t cnt)
{
	void *node = d->node, *depth = d->depth;
	int err = ft_array_reserve(&node, &d->node_cap, cnt, sizeof(*d->node));

	if (!err)
		err = ft_array_reserve(&depth, &d->depth_cap, cnt, sizeof(*d->depth));
	d->node = node;
	d->depth = depth;
	d->s.node = node;
	return err;
}

/* Puts frames that are not there in the place of what is missing before `end`. 0 or -ENOMEM. */
static int lose_frames(struct ft_stacks_dec *d, size_t end)
{
	int err;

	if (d->s.frame_cnt >= end)
		return 0;
	err = reserve_frames(d, end);
	if (err)
		return err;
	if (!d->lost_known)
		d->lost = (__u32)d->s.frame_cnt;
	d->lost_known = true;
	for (; d->s.frame_cnt < end; d->s.frame_cnt++)
		d->frame[d->s.frame_cnt] = (struct ft_frame){
			.name = lost_name, .file = "", .kind = FT_FK_MARK, .error = 1};
	return 0;
}

/* The frame of a node, as far as it is there. 0 or -ENOMEM. */
static int find_frame(struct ft_stacks_dec *d, __u64 frame, __u32 *out)
{
	int err;

	*out = (__u32)frame;
	if (frame < d->s.frame_cnt && d->frame[frame].name != lost_name)
		return 0;
	d->lost_cnt++;
	if (!d->lost_known) {
		err = lose_frames(d, d->s.frame_cnt + 1);
		if (err)
			return err;
	}
	*out = d->lost;
	return 0;
}

int ft_stacks_lose_nodes(struct ft_stacks_dec *d, size_t end)
{
	__u32 frame;
	int err;

	if (d->s.node_cnt >= end)
		return 0;
	err = reserve_nodes(d, end);
	for (; !err && d->s.node_cnt < end; d->s.node_cnt++) {
		err = find_frame(d, ~0ull, &frame);
		if (err)
			break;
		d->node[d->s.node_cnt] = (struct ft_node){FT_NO_STACK, frame};
		d->depth[d->s.node_cnt] = 1;
	}
	return err;
}

/* Reads the lengths of the columns, which are the end of buf; *c is left at what follows them. */
static bool open_columns(struct cursor *c, struct cursor *col, unsigned int cnt)
{
	__u64 len[FT_STACKS_MAX_COLUMNS], total = 0;
	unsigned int i;

	for (i = 0; i < cnt; i++) {
		if (!get_var(c, &len[i]) || len[i] > (__u64)(c->end - c->p))
			return false;
		total += len[i];
	}
	if (total > (__u64)(c->end - c->p))
		return false;
	c->end -= total;
	col[0].p = c->end;
	for (i = 0; i < cnt; i++) {
		if (i)
			col[i].p = col[i - 1].end;
		col[i].end = col[i].p + len[i];
	}
	return true;
}

static bool all_read(const struct cursor *c, const struct cursor *col, unsigned int cnt)
{
	unsigned int i;

	for (i = 0; i < cnt; i++) {
		if (col[i].p != col[i].end)
			return false;
	}
	return c->p == c->end;
}

/* The strings of a chunk of `frames` frames into d->name. 0, -EBADMSG, -ENOMEM. */
static int get_strings(struct ft_stacks_dec *d, struct cursor *c, size_t frames, size_t *cnt)
{
	void *p = d->name;
	struct cursor lens;
	__u64 n, len, i;
	__u32 no;
	int err;

	if (!get_var(c, &n) || n > 2 * frames)
		return -EBADMSG;
	err = ft_array_reserve(&p, &d->name_cap, (size_t)n, sizeof(*d->name));
	if (err)
		return err;
	d->name = p;
	lens = *c;
	for (i = 0; i < n; i++) {
		if (!get_var(c, &len))
			return -EBADMSG;
	}
	for (i = 0; i < n; i++) {
		if (!get_var(&lens, &len) || len > (__u64)(c->end - c->p) ||
		    !ft_stacks_string_ok((const char *)c->p, (size_t)len))
			return -EBADMSG;
		err = ft_strset_add(&d->strings, (const char *)c->p, (size_t)len, &no);
		if (err)
			return err == -EFBIG ? -EBADMSG : err;
		d->name[i] = d->strings.v[no].s;
		c->p += len;
	}
	*cnt = (size_t)n;
	return 0;
}

static bool get_frame(const struct ft_stacks_dec *d, struct cursor *col, size_t strings,
		      struct ft_frame *f)
{
	__u64 name, file, first, line;
	__u8 kind;

	if (!get_byte(&col[0], &kind) || !get_var(&col[1], &name) || !get_var(&col[2], &file) ||
	    !get_var(&col[3], &first) || !get_zig(&col[4], &line))
		return false;
	line += first;
	if (kind > 7 || name >= strings || file >= strings || first > 0xffffffffu ||
	    line > 0xffffffffu || !*d->name[name])
		return false;
	f->name = d->name[name];
	f->file = d->name[file];
	f->line = (__u32)line;
	f->first_line = (__u32)first;
	f->kind = kind & 3;
	f->error = kind >> 2;
	return true;
}

int ft_stacks_get_frames(struct ft_stacks_dec *d, size_t first, size_t cnt, const void *buf,
			 size_t len)
{
	struct cursor c = {buf, (const __u8 *)buf + len}, col[5];
	size_t i, strings;
	int err;

	if (first < d->s.frame_cnt || !open_columns(&c, col, 5))
		return -EBADMSG;
	/* before any memory is taken for them: each frame has its byte */
	if ((size_t)(col[0].end - col[0].p) != cnt)
		return -EBADMSG;
	err = get_strings(d, &c, cnt, &strings);
	if (!err)
		err = lose_frames(d, first);
	if (!err)
		err = reserve_frames(d, first + cnt);
	if (err)
		return err;
	for (i = 0; i < cnt; i++) {
		if (!get_frame(d, col, strings, &d->frame[first + i]))
			return -EBADMSG;
	}
	if (!all_read(&c, col, 5))
		return -EBADMSG;
	d->s.frame_cnt = first + cnt;
	return 0;
}

int ft_stacks_get_nodes(struct ft_stacks_dec *d, size_t first, size_t cnt, const void *buf,
			size_t len)
{
	struct cursor c = {buf, (const __u8 *)buf + len}, col[2];
	__u64 up, frame = 0, delta, lost;
	size_t i, depth;
	int err;

	if (first < d->s.node_cnt || !open_columns(&c, col, 2) ||
	    (size_t)(col[0].end - col[0].p) < cnt)
		return -EBADMSG;
	err = ft_stacks_lose_nodes(d, first);
	if (!err)
		err = reserve_nodes(d, first + cnt);
	if (err)
		return err;
	lost = d->lost_cnt;
	for (i = first; i < first + cnt; i++) {
		if (!get_var(&col[0], &up) || up > i || !get_zig(&col[1], &delta))
			goto bad;
		frame += delta;
		depth = up ? d->depth[i - up] + 1u : 1;
		if (depth > FT_STACKS_MAX_DEPTH || frame > 0xffffffffu)
			goto bad;
		err = find_frame(d, frame, &d->node[i].frame);
		if (err)
			return err;
		d->node[i].parent = up ? (__u32)(i - up) : FT_NO_STACK;
		d->depth[i] = (__u16)depth;
	}
	if (!all_read(&c, col, 2))
		goto bad;
	d->s.node_cnt = first + cnt;
	return 0;
bad:
	d->lost_cnt = lost;
	return -EBADMSG;
}

static bool get_weight(struct ft_stacks_dec *d, struct cursor *col, __u64 *stack,
		       struct ft_weight *w)
{
	__u64 delta, arg, less;

	if (!get_byte(&col[0], &w->kind) || !ft_stacks_kind_ok(w->kind) ||
	    !get_zig(&col[1], &delta) || !get_var(&col[2], &arg) || arg > 0xffffffffu ||
	    !get_var(&col[3], &w->ns) || !get_zig(&col[4], &less) || !get_var(&col[5], &w->cnt))
		return false;
	*stack += delta;
	if (*stack > 0xffffffffu)
		return false;
	w->arg = (__u32)arg;
	w->raw_ns = w->ns - less;
	w->stack = *stack ? (__u32)*stack - 1 : FT_NO_STACK;
	if (w->stack != FT_NO_STACK && w->stack >= d->s.node_cnt) {
		w->stack = FT_NO_STACK;
		d->odd_cnt++;
	}
	return true;
}

int ft_stacks_get_weights(struct ft_stacks_dec *d, size_t cnt, const void *buf, size_t len)
{
	struct cursor c = {buf, (const __u8 *)buf + len}, col[6];
	struct ft_weight *a;
	__u64 stack = 0;
	size_t i;

	if (!open_columns(&c, col, 6) || (size_t)(col[0].end - col[0].p) != cnt)
		return -EBADMSG;
	a = malloc(cnt * sizeof(*a) + 1);
	if (!a)
		return -ENOMEM;
	d->odd_cnt = 0;
	for (i = 0; i < cnt; i++) {
		memset(&a[i], 0, sizeof(a[i]));
		if (!get_weight(d, col, &stack, &a[i]))
			break;
	}
	if (i < cnt || !all_read(&c, col, 6)) {
		free(a);
		d->odd_cnt = 0;
		return -EBADMSG;
	}
	free(d->weight);
	d->weight = a;
	d->s.weight = a;
	d->s.weight_cnt = cnt;
	return 0;
}

void ft_stacks_dec_free(struct ft_stacks_dec *d)
{
	if (!d)
		return;
	free(d->frame);
	free(d->node);
	free(d->depth);
	free(d->weight);
	ft_strset_free(&d->strings);
	free(d->name);
	memset(d, 0, sizeof(*d));
}
