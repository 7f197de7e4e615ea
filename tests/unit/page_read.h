/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads what a page embeds, by docs/page-format.md and with code of its own. */
#ifndef FT_TESTS_PAGE_READ_H
#define FT_TESTS_PAGE_READ_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/types.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

struct in {
	const __u8 *p, *end;
};

static inline __u8 in_u8(struct in *r)
{
	assert_true(r->p < r->end);
	return *r->p++;
}

static inline __u64 in_v(struct in *r)
{
	__u64 v = 0;
	int shift = 0;
	__u8 c;

	do {
		c = in_u8(r);
		assert_true(shift < 64);
		v |= (__u64)(c & 127) << shift;
		shift += 7;
	} while (c & 128);
	return v;
}

/* The bytes of len characters of base64; the caller frees them. */
static inline __u8 *from_base64(const char *s, size_t len, size_t *out_len)
{
	static const char *const digits =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	__u8 *out = malloc(len / 4 * 3 + 3);
	__u32 acc = 0, bits = 0;
	size_t n = 0, i;

	assert_non_null(out);
	assert_int_equal(len % 4, 0);
	for (i = 0; i < len && s[i] != '='; i++) {
		const char *d = strchr(digits, s[i]);

		assert_true(d && *d);
		acc = acc << 6 | (__u32)(d - digits);
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		out[n++] = (__u8)(acc >> bits);
	}
	for (; i < len; i++)
		assert_int_equal(s[i], '=');
	*out_len = n;
	return out;
}

/* What a blob was made of; the caller frees it. */
static inline __u8 *from_blob(const char *s, size_t len, size_t *out_len)
{
	size_t n, cap = 1 << 16;
	__u8 *z = from_base64(s, len, &n), *out = NULL;
	z_stream st = {0};
	int rc;

	assert_int_equal(inflateInit(&st), Z_OK);
	st.next_in = z;
	st.avail_in = (uInt)n;
	do {
		cap *= 2;
		out = realloc(out, cap);
		assert_non_null(out);
		st.next_out = out + st.total_out;
		st.avail_out = (uInt)(cap - st.total_out);
		rc = inflate(&st, Z_NO_FLUSH);
		assert_true(rc == Z_OK || rc == Z_STREAM_END);
	} while (rc != Z_STREAM_END);
	assert_int_equal(st.avail_in, 0);
	*out_len = st.total_out;
	inflateEnd(&st);
	free(z);
	return out;
}

/* A span of a thread's or a core's lane. */
struct got {
	__u64 at, len;
	__u8 tag;   /* state, or a core's tag */
	__u8 flags; /* bits 4 to 7 of a thread's */
	__u64 cpu, waker, wake, lock, node, thr;
	__u8 share[16]; /* mixed: by state; of a core gil, free, spin, others */
};

static inline void got_thread(struct in *r, __u64 *at, struct got *g)
{
	__u8 b = in_u8(r);

	memset(g, 0, sizeof(*g));
	g->tag = b & 15;
	g->flags = b & 0xf0;
	g->at = *at;
	g->len = in_v(r);
	*at += g->len;
	if (g->tag <= 2)
		g->cpu = in_v(r);
	if (g->tag == 14) {
		for (__u64 n = in_v(r); n; n--) {
			__u8 state = in_u8(r);

			assert_true(state < 14 && !g->share[state]);
			g->share[state] = in_u8(r);
			assert_true(g->share[state]);
		}
	}
	if (g->flags & 0x40) {
		assert_true(g->tag == 3 || g->tag == 5);
		g->waker = in_v(r);
		g->wake = in_v(r);
	}
	if (g->tag == 5)
		g->lock = in_v(r);
	if (g->flags & 0x80)
		g->node = in_v(r);
}

static inline void got_core(struct in *r, __u64 *at, struct got *g)
{
	memset(g, 0, sizeof(*g));
	g->tag = in_u8(r);
	g->at = *at;
	g->len = in_v(r);
	*at += g->len;
	switch (g->tag) {
	case 0:
	case 1:
	case 2:
		g->thr = in_v(r);
		break;
	case 3:
		g->share[3] = in_u8(r);
		break;
	case 13:
		break;
	case 14:
		g->thr = in_v(r);
		for (int i = 0; i < 4; i++)
			g->share[i] = in_u8(r);
		break;
	default:
		fail_msg("no such tag: %u", g->tag);
	}
}

#endif
