/* SPDX-License-Identifier: BSD-2-Clause */
/* The frame of a session file: its head, and chunks with lengths and checksums; no I/O. */
#ifndef FT_RECORD_CHUNK_H
#define FT_RECORD_CHUNK_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include "ftprof_abi.h"

/* The end of line in it shows a copy made in text mode. */
#define FT_FILE_MAGIC "FTPROF\r\n"
#define FT_FILE_VERSION 3 /* of the file's own structure; the ABI's version stands beside it */

struct ft_file_hdr {
	char magic[8];
	__u16 file_version;
	__u16 abi_version;
	__u32 reserved[2]; /* 0 */
	__u32 crc;	   /* of the bytes before */
};
_Static_assert(sizeof(struct ft_file_hdr) == 24, "file format");

enum ft_chunk_type {
	FT_CHUNK_META = 1,
	FT_CHUNK_THREADS = 2,
	FT_CHUNK_TOTALS = 3,
	FT_CHUNK_EVENTS = 4,
	FT_CHUNK_INDEX = 5,
	FT_CHUNK_END = 6,
	FT_CHUNK_FRAMES = 7,
	FT_CHUNK_NODES = 8,
	FT_CHUNK_WEIGHTS = 9,
	FT_CHUNK_FINDINGS = 10,
	FT_CHUNK_TYPE_CNT = 11,
};

enum ft_chunk_comp { FT_COMP_NONE = 0, FT_COMP_ZSTD = 1 };

#define FT_CHUNK_MAGIC 0x6b635446u /* "FTck" */

struct ft_chunk_hdr {
	__u32 magic;
	__u16 type;	/* enum ft_chunk_type */
	__u16 comp;	/* enum ft_chunk_comp */
	__u32 no;	/* counts the chunks of a file from 0 */
	__u32 cnt;	/* of the elements; META, TOTALS, END, FINDINGS: 1 */
	__u64 first_ns; /* FRAMES, NODES: the number of the first one */
	__u64 last_ns;
	__u32 raw_len; /* of the payload before compression */
	__u32 len;     /* of the payload in the file, right after this header */
	__u32 payload_crc;
	__u32 hdr_crc; /* of the bytes before */
};
_Static_assert(sizeof(struct ft_chunk_hdr) == 48, "file format");

/* INDEX: one for every chunk before it, in order. */
struct ft_index_entry {
	__u64 off;
	struct ft_chunk_hdr h;
};
_Static_assert(sizeof(struct ft_index_entry) == 56, "file format");

/* END: the last bytes of a whole file, never compressed. */
struct ft_end_rec {
	__u64 index_off;
	__u64 file_len;
	__u32 chunk_cnt; /* with INDEX and END */
	__u32 pad;
};
_Static_assert(sizeof(struct ft_end_rec) == 24, "file format");

#define FT_END_LEN (sizeof(struct ft_chunk_hdr) + sizeof(struct ft_end_rec))

/* What to put into a chunk. */
struct ft_chunk_in {
	enum ft_chunk_type type;
	__u32 no;
	__u32 cnt;
	__u64 first_ns;
	__u64 last_ns;
	const void *data;
	size_t len;
	/* ends of columns that are better compressed apart; may be NULL */
	const size_t *column_end;
	size_t column_cnt;
	int level; /* zstd; 0: not compressed */
};

struct ft_packer;

void ft_file_hdr_fill(struct ft_file_hdr *h);
/* 0, -EBADMSG when it is no head of a session file, -EPROTO when of another version. */
int ft_file_hdr_check(const struct ft_file_hdr *h);

/* 0 or -ENOMEM. */
int ft_packer_new(struct ft_packer **out);
void ft_packer_free(struct ft_packer *p); /* NULL is fine */
/*
 * Makes a whole chunk (header and payload) in *out, *out_len bytes, valid until the next call. Its
 * header is copied to *h. 0, -ENOMEM, -EFBIG when the data is longer than its type allows.
 */
int ft_chunk_pack(struct ft_packer *p, const struct ft_chunk_in *in, const void **out,
		  size_t *out_len, struct ft_chunk_hdr *h);

/*
 * Copies a header from bytes and checks it: magic, checksum, type and lengths. 0 or -EBADMSG.
 */
int ft_chunk_hdr_read(const void *bytes, struct ft_chunk_hdr *h);
/* Whether the payload (h->len bytes) has the checksum of its header. */
bool ft_chunk_payload_ok(const struct ft_chunk_hdr *h, const void *payload);
/*
 * Unpacks a payload of h->len bytes whose checksum is right: *out, h->raw_len bytes, valid until
 * the next call. 0, -EBADMSG, -ENOMEM.
 */
int ft_chunk_unpack(struct ft_packer *p, const struct ft_chunk_hdr *h, const void *payload,
		    const void **out);

#endif
