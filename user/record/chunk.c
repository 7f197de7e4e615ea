/* SPDX-License-Identifier: BSD-2-Clause */
/* Chunks: framing, checksums, zstd. */
#include "record/chunk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/array.h"
#include "record/codec.h"
#include "record/session.h"
#include "record/stacks_codec.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "headers are stored as they are");

/* A block of its own costs some 50 bytes; shorter columns go with the next one. */
#define MIN_BLOCK 1024

struct ft_packer {
	ZSTD_CCtx *cctx;
	ZSTD_DCtx *dctx;
	void *buf; /* chunk made, or payload unpacked */
	size_t cap;
};

/* The longest payload of a type, unpacked: more is damage, and not worth its memory. */
static size_t max_raw(__u16 type)
{
	switch (type) {
	case FT_CHUNK_META:
		return 1u << 20;
	case FT_CHUNK_THREADS:
		return 512u << 20;
	case FT_CHUNK_TOTALS:
		return sizeof(struct ft_totals);
	case FT_CHUNK_EVENTS:
		return FT_CODEC_MAX_BYTES;
	case FT_CHUNK_INDEX:
		return 64u << 20;
	case FT_CHUNK_END:
		return sizeof(struct ft_end_rec);
	case FT_CHUNK_FRAMES:
	case FT_CHUNK_NODES:
		return FT_STACKS_CHUNK_BYTES;
	case FT_CHUNK_WEIGHTS:
		return FT_STACKS_WEIGHTS_BYTES;
	case FT_CHUNK_FINDINGS:
		return 16u << 20;
	default:
		return 0;
	}
}

static __u32 crc_of(const void *p, size_t n)
{
	return (__u32)crc32_z(crc32_z(0, NULL, 0), p, n);
}

void ft_file_hdr_fill(struct ft_file_hdr *h)
{
	memset(h, 0, sizeof(*h));
	memcpy(h->magic, FT_FILE_MAGIC, sizeof(h->magic));
	h->file_version = FT_FILE_VERSION;
	h->abi_version = FT_ABI_VERSION;
	h->crc = crc_of(h, offsetof(struct ft_file_hdr, crc));
}

int ft_file_hdr_check(const struct ft_file_hdr *h)
{
	if (memcmp(h->magic, FT_FILE_MAGIC, sizeof(h->magic)) ||
	    h->crc != crc_of(h, offsetof(struct ft_file_hdr, crc)))
		return -EBADMSG;
	if (h->file_version != FT_FILE_VERSION || h->abi_version != FT_ABI_VERSION)
		return -EPROTO;
	return h->reserved[0] || h->reserved[1] ? -EBADMSG : 0;
}

int ft_packer_new(struct ft_packer **out)
{
	struct ft_packer *p = calloc(1, sizeof(*p));

	*out = p;
	return p ? 0 : -ENOMEM;
}

void ft_packer_free(struct ft_packer *p)
{
	if (!p)
		return;
	ZSTD_freeCCtx(p->cctx);
	ZSTD_freeDCtx(p->dctx);
	free(p->buf);
	free(p);
}

/* Compresses in->data into dst, with a block boundary at the ends of long columns. */
static int compress_columns(struct ft_packer *p, const struct ft_chunk_in *in, void *dst,
			    size_t cap, size_t *len)
{
	ZSTD_outBuffer o = {dst, cap, 0};
	ZSTD_inBuffer i = {in->data, 0, 0};
	size_t k, end, left;

	if (!p->cctx) {
		p->cctx = ZSTD_createCCtx();
		if (!p->cctx)
			return -ENOMEM;
	}
	if (ZSTD_isError(ZSTD_CCtx_reset(p->cctx, ZSTD_reset_session_only)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(p->cctx, ZSTD_c_compressionLevel, in->level)) ||
	    ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(p->cctx, in->len)))
		return -EINVAL;
	for (k = 0; k < in->column_cnt; k++) {
		end = in->column_end[k];
		if (end - i.pos < MIN_BLOCK || end == in->len)
			continue;
		i.size = end;
		left = ZSTD_compressStream2(p->cctx, &o, &i, ZSTD_e_flush);
		if (left)
			return ZSTD_isError(left) ? -ENOMEM : -ENOSPC;
	}
	i.size = in->len;
	left = ZSTD_compressStream2(p->cctx, &o, &i, ZSTD_e_end);
	if (left)
		return ZSTD_isError(left) ? -ENOMEM : -ENOSPC;
	*len = o.pos;
	return 0;
}

int ft_chunk_pack(struct ft_packer *p, const struct ft_chunk_in *in, const void **out,
		  size_t *out_len, struct ft_chunk_hdr *h)
{
	size_t room = ZSTD_compressBound(in->len) + 64 * (in->column_cnt + 1), len = in->len;
	__u8 *payload;
	int err;

	if (in->len > max_raw((__u16)in->type))
		return -EFBIG;
	err = ft_array_reserve(&p->buf, &p->cap, sizeof(*h) + room, 1);
	if (err)
		return err;
	payload = (__u8 *)p->buf + sizeof(*h);
	memset(h, 0, sizeof(*h));
	h->magic = FT_CHUNK_MAGIC;
	h->type = (__u16)in->type;
	h->no = in->no;
	h->cnt = in->cnt;
	h->first_ns = in->first_ns;
	h->last_ns = in->last_ns;
	h->raw_len = (__u32)in->len;
	if (in->level) {
		err = compress_columns(p, in, payload, room, &len);
		if (err)
			return err;
		h->comp = FT_COMP_ZSTD;
	} else if (in->len) {
		memcpy(payload, in->data, in->len);
	}
	h->len = (__u32)len;
	h->payload_crc = crc_of(payload, len);
	h->hdr_crc = crc_of(h, offsetof(struct ft_chunk_hdr, hdr_crc));
	memcpy(p->buf, h, sizeof(*h));
	*out = p->buf;
	*out_len = sizeof(*h) + len;
	return 0;
}

/* Whether the numbers of frames, nodes or weights are such as a file may have. */
static bool stacks_hdr_ok(const struct ft_chunk_hdr *h)
{
	size_t max = h->type == FT_CHUNK_FRAMES ? FT_STACKS_MAX_FRAMES : FT_STACKS_MAX_NODES;

	if (h->type == FT_CHUNK_WEIGHTS)
		return h->cnt <= FT_STACKS_MAX_WEIGHTS;
	if (h->type != FT_CHUNK_FRAMES && h->type != FT_CHUNK_NODES)
		return true;
	return h->cnt <= FT_STACKS_CHUNK && h->first_ns <= max - h->cnt;
}

int ft_chunk_hdr_read(const void *bytes, struct ft_chunk_hdr *h)
{
	memcpy(h, bytes, sizeof(*h));
	if (h->magic != FT_CHUNK_MAGIC || h->type < FT_CHUNK_META || h->type >= FT_CHUNK_TYPE_CNT ||
	    h->comp > FT_COMP_ZSTD || h->raw_len > max_raw(h->type))
		return -EBADMSG;
	if (h->comp == FT_COMP_NONE && h->len != h->raw_len)
		return -EBADMSG;
	if (h->type == FT_CHUNK_EVENTS && h->cnt > FT_CODEC_MAX_EVENTS)
		return -EBADMSG;
	if (!stacks_hdr_ok(h))
		return -EBADMSG;
	if (h->hdr_crc != crc_of(h, offsetof(struct ft_chunk_hdr, hdr_crc)))
		return -EBADMSG;
	return 0;
}

bool ft_chunk_payload_ok(const struct ft_chunk_hdr *h, const void *payload)
{
	return crc_of(payload, h->len) == h->payload_crc;
}

int ft_chunk_unpack(struct ft_packer *p, const struct ft_chunk_hdr *h, const void *payload,
		    const void **out)
{
	size_t n;
	int err;

	if (h->comp == FT_COMP_NONE) {
		*out = payload;
		return 0;
	}
	/* the frame's own idea of its size first: no memory for what is not going to fit */
	if (ZSTD_getFrameContentSize(payload, h->len) != h->raw_len)
		return -EBADMSG;
	if (!p->dctx) {
		p->dctx = ZSTD_createDCtx();
		if (!p->dctx)
			return -ENOMEM;
	}
	err = ft_array_reserve(&p->buf, &p->cap, h->raw_len + 1u, 1);
	if (err)
		return err;
	n = ZSTD_decompressDCtx(p->dctx, p->buf, h->raw_len, payload, h->len);
	if (ZSTD_isError(n) || n != h->raw_len)
		return -EBADMSG;
	*out = p->buf;
	return 0;
}
