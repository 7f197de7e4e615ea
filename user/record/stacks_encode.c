/* SPDX-License-Identifier: BSD-2-Clause */
/* Stacks to columns of bytes. */
#include "record/stacks_codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "record/varint.h"

/* A chunk of frames is closed above this; one frame more always fits. */
#define FRAMES_CLOSE_BYTES (FT_STACKS_CHUNK_BYTES / 2)
#define FRAME_COLUMNS 5
/* its columns and the lengths of two strings */
#define FRAME_BYTES (1 + 6 * FT_VARINT_MAX_32)
_Static_assert(FRAMES_CLOSE_BYTES + FRAME_BYTES * (size_t)FT_STACKS_CHUNK +
			       2 * (FT_FRAME_STRING_MAX + FT_VARINT_MAX) <
		       FT_STACKS_CHUNK_BYTES,
	       "a chunk of frames");

bool ft_stacks_string_ok(const char *s, size_t len)
{
	size_t i = 0, n;
	__u64 w;

	if (len > FT_FRAME_STRING_MAX || (len && memchr(s, 0, len)))
		return false;
	while (i < len) {
		if (len - i >= sizeof(w)) {
			memcpy(&w, s + i, sizeof(w));
			if (!(w & 0x8080808080808080ull)) {
				i += sizeof(w);
				continue;
			}
		}
		n = ft_utf8_seq(s + i, len - i, NULL);
		if (!n)
			return false;
		i += n;
	}
	return true;
}

bool ft_stacks_kind_ok(__u8 kind)
{
	return kind < FT_ST_CNT || (kind >= FT_SK_ON && kind < FT_SK_ON + FT_ON_CNT) ||
	       (kind >= FT_SK_BLAME && kind < FT_SK_CNT);
}

static bool frame_ok(const struct ft_frame *f)
{
	size_t name, file;

	if (!f->name || !f->file || f->kind >= FT_FK_CNT || f->error > 1)
		return false;
	name = strnlen(f->name, FT_FRAME_STRING_MAX + 1);
	file = strnlen(f->file, FT_FRAME_STRING_MAX + 1);
	return name && ft_stacks_string_ok(f->name, name) && ft_stacks_string_ok(f->file, file);
}

int ft_stacks_check(struct ft_stacks_enc *e, const struct ft_stacks *s)
{
	const struct ft_node *n;
	void *p = e->depth;
	size_t i, depth;
	int err;

	if (s->frame_cnt < e->frame_cnt || s->node_cnt < e->node_cnt)
		return -EINVAL;
	if (s->frame_cnt > FT_STACKS_MAX_FRAMES || s->node_cnt > FT_STACKS_MAX_NODES ||
	    s->weight_cnt > FT_STACKS_MAX_WEIGHTS)
		return -EFBIG;
	for (i = e->frame_cnt; i < s->frame_cnt; i++) {
		if (!frame_ok(&s->frame[i]))
			return -EINVAL;
	}
	err = ft_array_reserve(&p, &e->depth_cap, s->node_cnt, sizeof(*e->depth));
	if (err)
		return err;
	e->depth = p;
	for (i = e->node_cnt; i < s->node_cnt; i++) {
		n = &s->node[i];
		if (n->frame >= s->frame_cnt || (n->parent != FT_NO_STACK && n->parent >= i))
			return -EINVAL;
		depth = n->parent == FT_NO_STACK ? 1 : e->depth[n->parent] + 1u;
		if (depth > FT_STACKS_MAX_DEPTH)
			return -EINVAL;
		e->depth[i] = (__u16)depth;
	}
	/* NULL: this time they are not written */
	for (i = 0; s->weight && i < s->weight_cnt; i++) {
		const struct ft_weight *w = &s->weight[i];

		if (!ft_stacks_kind_ok(w->kind) ||
		    (w->stack != FT_NO_STACK && w->stack >= s->node_cnt))
			return -EINVAL;
	}
	return 0;
}

/* *p with room for at least n bytes; what was in it is gone. 0 or -ENOMEM. */
static int room(__u8 **p, size_t *cap, size_t n)
{
	if (*p && n <= *cap)
		return 0;
	free(*p);
	*cap = 0;
	*p = malloc(n + 1);
	if (!*p)
		return -ENOMEM;
	*cap = n;
	return 0;
}

/* Columns that are written side by side in the arena. */
struct columns {
	__u8 *begin[FT_STACKS_MAX_COLUMNS];
	__u8 *at[FT_STACKS_MAX_COLUMNS];
	unsigned int cnt;
};

/* Gives each of the columns its room, max[i] bytes for each of cnt elements. 0 or -ENOMEM. */
static int lay_out(struct ft_stacks_enc *e, struct columns *c, const __u8 *max,
		   unsigned int columns, size_t cnt)
{
	size_t total = 0;
	unsigned int i;
	__u8 *p;
	int err;

	for (i = 0; i < columns; i++)
		total += max[i] * cnt;
	err = room(&e->arena, &e->arena_cap, total);
	if (err)
		return err;
	p = e->arena;
	for (i = 0; i < columns; i++) {
		c->begin[i] = p;
		c->at[i] = p;
		p += max[i] * cnt;
	}
	c->cnt = columns;
	return 0;
}

/* The lengths of the columns and then the columns, before them `head` and the strings. */
static int gather(struct ft_stacks_enc *e, const struct columns *c, bool strings,
		  struct ft_stacks_out *out)
{
	size_t total = (c->cnt + 2) * FT_VARINT_MAX, i;
	__u8 *p;
	int err;

	for (i = 0; i < c->cnt; i++)
		total += (size_t)(c->at[i] - c->begin[i]);
	for (i = 0; strings && i < e->strings.cnt; i++)
		total += e->strings.v[i].len + FT_VARINT_MAX;
	err = room(&e->out, &e->out_cap, total);
	if (err)
		return err;
	p = e->out;
	out->column_cnt = 0;
	for (i = 0; i < c->cnt; i++)
		put_var(&p, (__u64)(c->at[i] - c->begin[i]));
	if (strings) {
		put_var(&p, e->strings.cnt);
		for (i = 0; i < e->strings.cnt; i++)
			put_var(&p, e->strings.v[i].len);
		for (i = 0; i < e->strings.cnt; i++) {
			memcpy(p, e->strings.v[i].s, e->strings.v[i].len);
			p += e->strings.v[i].len;
		}
	}
	out->column_end[out->column_cnt++] = (size_t)(p - e->out);
	for (i = 0; i < c->cnt; i++) {
		memcpy(p, c->begin[i], (size_t)(c->at[i] - c->begin[i]));
		p += c->at[i] - c->begin[i];
		out->column_end[out->column_cnt++] = (size_t)(p - e->out);
	}
	out->bytes = e->out;
	out->len = (size_t)(p - e->out);
	return 0;
}

/* Adds the strings of a frame to the chunk's; their numbers, and the bytes that they added. */
static int intern(struct ft_stacks_enc *e, const struct ft_frame *f, __u32 *name, __u32 *file,
		  size_t *bytes)
{
	size_t i, had = e->strings.cnt;
	int err;

	err = ft_strset_add(&e->strings, f->name, strlen(f->name), name);
	if (!err)
		err = ft_strset_add(&e->strings, f->file, strlen(f->file), file);
	for (i = had; i < e->strings.cnt; i++)
		*bytes += e->strings.v[i].len;
	return err;
}

int ft_stacks_put_frames(struct ft_stacks_enc *e, const struct ft_stacks *s,
			 struct ft_stacks_out *out)
{
	static const __u8 max[FRAME_COLUMNS] = {1, FT_VARINT_MAX_32, FT_VARINT_MAX_32,
						FT_VARINT_MAX_32, FT_VARINT_MAX_32};
	size_t i, end, bytes = 0;
	struct columns c;
	__u32 name, file;
	int err;

	out->first = e->frame_cnt;
	out->cnt = 0;
	end = s->frame_cnt - e->frame_cnt < FT_STACKS_CHUNK ? s->frame_cnt
							    : e->frame_cnt + FT_STACKS_CHUNK;
	if (e->frame_cnt == end)
		return 0;
	ft_strset_clear(&e->strings);
	err = lay_out(e, &c, max, FRAME_COLUMNS, end - e->frame_cnt);
	if (err)
		return err;
	for (i = e->frame_cnt; i < end && bytes < FRAMES_CLOSE_BYTES; i++) {
		const struct ft_frame *f = &s->frame[i];

		err = intern(e, f, &name, &file, &bytes);
		if (err)
			return err;
		*c.at[0]++ = (__u8)(f->kind | f->error << 2);
		put_var(&c.at[1], name);
		put_var(&c.at[2], file);
		put_var(&c.at[3], f->first_line);
		put_var(&c.at[4], zigzag((__u64)f->line - f->first_line));
	}
	err = gather(e, &c, true, out);
	if (err)
		return err;
	if (out->len > FT_STACKS_CHUNK_BYTES)
		return -EFBIG;
	out->cnt = i - e->frame_cnt;
	e->frame_cnt = i;
	return 0;
}

int ft_stacks_put_nodes(struct ft_stacks_enc *e, const struct ft_stacks *s,
			struct ft_stacks_out *out)
{
	static const __u8 max[] = {FT_VARINT_MAX_32, FT_VARINT_MAX_32};
	__u32 last = 0;
	struct columns c;
	size_t i, end;
	int err;

	out->first = e->node_cnt;
	out->cnt = 0;
	end = s->node_cnt - e->node_cnt < FT_STACKS_CHUNK ? s->node_cnt
							  : e->node_cnt + FT_STACKS_CHUNK;
	if (e->node_cnt == end)
		return 0;
	err = lay_out(e, &c, max, sizeof(max), end - e->node_cnt);
	if (err)
		return err;
	for (i = e->node_cnt; i < end; i++) {
		const struct ft_node *n = &s->node[i];

		put_var(&c.at[0], n->parent == FT_NO_STACK ? 0 : i - n->parent);
		put_var(&c.at[1], zigzag((__u64)n->frame - last));
		last = n->frame;
	}
	err = gather(e, &c, false, out);
	if (err)
		return err;
	out->cnt = end - e->node_cnt;
	e->node_cnt = end;
	return 0;
}

int ft_stacks_put_weights(struct ft_stacks_enc *e, const struct ft_stacks *s,
			  struct ft_stacks_out *out)
{
	static const __u8 max[] = {
		1, FT_VARINT_MAX_32, FT_VARINT_MAX_32, FT_VARINT_MAX, FT_VARINT_MAX, FT_VARINT_MAX};
	__u32 last = 0, stack;
	struct columns c;
	size_t i;
	int err;

	err = lay_out(e, &c, max, sizeof(max), s->weight_cnt);
	if (err)
		return err;
	for (i = 0; i < s->weight_cnt; i++) {
		const struct ft_weight *w = &s->weight[i];

		stack = w->stack == FT_NO_STACK ? 0 : w->stack + 1;
		*c.at[0]++ = w->kind;
		put_var(&c.at[1], zigzag((__u64)stack - last));
		put_var(&c.at[2], w->arg);
		put_var(&c.at[3], w->ns);
		put_var(&c.at[4], zigzag(w->ns - w->raw_ns));
		put_var(&c.at[5], w->cnt);
		last = stack;
	}
	err = gather(e, &c, false, out);
	if (err)
		return err;
	out->first = 0;
	out->cnt = s->weight_cnt;
	return 0;
}

void ft_stacks_enc_free(struct ft_stacks_enc *e)
{
	if (!e)
		return;
	free(e->depth);
	ft_strset_free(&e->strings);
	free(e->arena);
	free(e->out);
	memset(e, 0, sizeof(*e));
}
