/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stacks of a session to the payloads of FRAMES, NODES and WEIGHTS chunks and back; pure. Every
 * chunk decodes by itself and knows the number of its first element, so that the loss of one shifts
 * nothing. docs/record-format.md describes the bytes.
 */
#ifndef FT_RECORD_STACKS_CODEC_H
#define FT_RECORD_STACKS_CODEC_H

#include <stdbool.h>
#include "base/strset.h"
#include "record/stacks.h"

/* What a session may have: a reader takes no more memory for a file than that needs. */
#define FT_STACKS_MAX_FRAMES ((size_t)4 << 20)
#define FT_STACKS_MAX_NODES ((size_t)16 << 20)
#define FT_STACKS_MAX_WEIGHTS ((size_t)4 << 20)
#define FT_STACKS_MAX_DEPTH 512
/* Frames or nodes of one chunk, and the bytes of its payload at most. */
#define FT_STACKS_CHUNK 65536u
#define FT_STACKS_CHUNK_BYTES ((size_t)8 << 20)
#define FT_STACKS_WEIGHTS_BYTES ((size_t)192 << 20)
#define FT_STACKS_MAX_COLUMNS 8

/* What a session knows already of its stacks when more are written; all zero at the beginning. */
struct ft_stacks_enc {
	size_t frame_cnt; /* in the chunks so far */
	size_t node_cnt;
	__u16 *depth; /* of the nodes so far */
	size_t depth_cap;
	struct ft_strset strings; /* of one chunk */
	__u8 *arena;
	size_t arena_cap;
	__u8 *out;
	size_t out_cap;
};

/* A payload: owned by the encoder, valid until its next call. */
struct ft_stacks_out {
	const __u8 *bytes;
	size_t len;
	size_t first; /* number of its first frame or node */
	size_t cnt;
	size_t column_end[FT_STACKS_MAX_COLUMNS + 1];
	size_t column_cnt;
};

/*
 * Whether *s continues what was written and is what stacks.h promises (of what is new): 0, -EINVAL
 * when not, -EFBIG when there is more than a file may hold, -ENOMEM.
 */
int ft_stacks_check(struct ft_stacks_enc *e, const struct ft_stacks *s);
/*
 * The next chunk of frames or nodes of *s, which was checked; out->cnt is 0 when there are no more.
 * 0 or -ENOMEM; -EFBIG when strings have grown since the check.
 */
int ft_stacks_put_frames(struct ft_stacks_enc *e, const struct ft_stacks *s,
			 struct ft_stacks_out *out);
int ft_stacks_put_nodes(struct ft_stacks_enc *e, const struct ft_stacks *s,
			struct ft_stacks_out *out);
/* All weights of *s, which was checked. 0 or -ENOMEM. */
int ft_stacks_put_weights(struct ft_stacks_enc *e, const struct ft_stacks *s,
			  struct ft_stacks_out *out);
void ft_stacks_enc_free(struct ft_stacks_enc *e);

/* Stacks as they are read; all zero at the beginning. */
struct ft_stacks_dec {
	struct ft_stacks s; /* the result; its arrays are those below */
	struct ft_frame *frame;
	size_t frame_cap;
	struct ft_node *node;
	size_t node_cap;
	__u16 *depth;
	size_t depth_cap;
	struct ft_weight *weight;
	struct ft_strset strings;
	const char **name; /* of one chunk, by number */
	size_t name_cap;
	bool lost_known; /* `lost` is set: some frames are not there */
	__u32 lost;	 /* the frame that stands for all of them */
	__u64 lost_cnt;	 /* nodes that are not there, or whose frames are not */
	__u64 odd_cnt;	 /* weights whose stack is not there: they have none */
};

/*
 * Take a payload of len bytes that nobody vouches for, with the header's cnt and first, which are
 * within the limits above: all of it or (-EBADMSG) nothing. First all frames, then all nodes, both
 * in the order of the file, then weights. What is missing before `first` is made up. 0, -EBADMSG,
 * -ENOMEM.
 */
int ft_stacks_get_frames(struct ft_stacks_dec *d, size_t first, size_t cnt, const void *buf,
			 size_t len);
int ft_stacks_get_nodes(struct ft_stacks_dec *d, size_t first, size_t cnt, const void *buf,
			size_t len);
int ft_stacks_get_weights(struct ft_stacks_dec *d, size_t cnt, const void *buf, size_t len);
/* Makes up what is missing before node `end`, at most FT_STACKS_MAX_NODES. 0 or -ENOMEM. */
int ft_stacks_lose_nodes(struct ft_stacks_dec *d, size_t end);
void ft_stacks_dec_free(struct ft_stacks_dec *d);

/* Both directions: whether a string, a frame's kind, a weight's kind is one. */
bool ft_stacks_string_ok(const char *s, size_t len);
bool ft_stacks_kind_ok(__u8 weight_kind);

#endif
