/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events to bytes and back, column by column; pure. What follows from the events before it is not
 * stored, and the bytes of a number go to columns of their own (low bytes are noise, high bytes
 * repeat), so that zstd finds what is left. docs/record-format.md describes the bytes.
 */
#ifndef FT_RECORD_CODEC_H
#define FT_RECORD_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include "record/event.h"

#define FT_CODEC_MAX_EVENTS 32768
/* No encoding of FT_CODEC_MAX_EVENTS events is longer. */
#define FT_CODEC_MAX_BYTES (8u << 20)
#define FT_CODEC_MAX_COLUMNS 40

struct ft_codec;

/* One column of an encoding: they follow each other in the bytes without gaps. */
struct ft_codec_out {
	const __u8 *bytes; /* owned by the codec, valid until its next call */
	size_t len;
	size_t column_end[FT_CODEC_MAX_COLUMNS];
	size_t column_cnt;
	__u64 first_ns; /* the earliest time that an event of it tells about */
	__u64 last_ns;	/* ts of the last event */
};

/* 0 or -ENOMEM. */
int ft_codec_new(struct ft_codec **out);
void ft_codec_free(struct ft_codec *c); /* NULL is fine */

/*
 * Whether the fields of an event are in range and its times ordered. A start state of
 * FT_ST_DEAD is good for EXIT only.
 */
bool ft_event_valid(const struct ft_event *ev, __u32 thread_cnt, __u32 cpu_cnt);
/* Since when the event tells about its thread or core: out_ns of a SLICE, begin of a CPU. */
__u64 ft_event_begin(const struct ft_event *ev);

/*
 * Encodes 1..FT_CODEC_MAX_EVENTS valid events, sorted by ts (events of one time keep their order;
 * `ev` itself stays as it is). Fields that the type of an event does not use are not kept: they
 * come back as 0, FT_NO_THREAD or FT_NO_STACK. 0, -EINVAL, -ENOMEM.
 */
int ft_codec_encode(struct ft_codec *c, const struct ft_event *ev, size_t cnt,
		    struct ft_codec_out *out);

/*
 * Decodes exactly cnt events out of len bytes that nobody vouches for. Events come out sorted by ts
 * and valid by ft_event_valid() with no limit on thr; nor is there one on stack. 0, -EBADMSG,
 * -ENOMEM.
 */
int ft_codec_decode(struct ft_codec *c, const void *buf, size_t len, struct ft_event *ev,
		    size_t cnt);

#endif
