/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers as bytes, seven bits each, and back out of bytes that nobody vouches for. */
#ifndef FT_RECORD_VARINT_H
#define FT_RECORD_VARINT_H

#include <linux/types.h>
#include <stdbool.h>

#define FT_VARINT_MAX 10   /* bytes of 64 bits */
#define FT_VARINT_MAX_32 5 /* of 32 bits, also zigzag of a difference of two */

/* The bytes that are left of a column. */
struct cursor {
	const __u8 *p;
	const __u8 *end;
};

/* Signed numbers as unsigned ones, small ones small. */
static inline __u64 zigzag(__u64 v)
{
	return (v << 1) ^ (__u64)((__s64)v >> 63);
}

static inline __u64 unzigzag(__u64 v)
{
	return (v >> 1) ^ -(v & 1);
}

/* Writes at *pp and moves it on: FT_VARINT_MAX bytes at most. */
static inline void put_var(__u8 **pp, __u64 v)
{
	__u8 *p = *pp;

	while (v >= 0x80) {
		*p++ = (__u8)(v | 0x80);
		v >>= 7;
	}
	*p++ = (__u8)v;
	*pp = p;
}

/* The readers return false at the end of the bytes, or where they are no number. */
static inline bool get_byte(struct cursor *c, __u8 *v)
{
	if (c->p >= c->end)
		return false;
	*v = *c->p++;
	return true;
}

static inline bool get_var(struct cursor *c, __u64 *v)
{
	unsigned int shift = 0;
	__u64 r = 0;
	__u8 b;

	do {
		if (shift > 63 || !get_byte(c, &b))
			return false;
		r |= (__u64)(b & 0x7f) << shift;
		shift += 7;
	} while (b & 0x80);
	*v = r;
	return true;
}

static inline bool get_zig(struct cursor *c, __u64 *v)
{
	if (!get_var(c, v))
		return false;
	*v = unzigzag(*v);
	return true;
}

#endif
