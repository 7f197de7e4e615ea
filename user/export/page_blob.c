/* SPDX-License-Identifier: BSD-2-Clause */
/* The bytes of a page: variable-length numbers, deflate, base64, shares, times. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/array.h"
#include "export/page_priv.h"

#define LEVEL 6 /* a higher one takes longer than it is worth */

void ft_bytes_add(struct ft_bytes *b, const void *p, size_t n)
{
	void *q = b->p;

	if (b->err || !n)
		return;
	if (n > b->cap - b->len) {
		b->err = ft_array_reserve(&q, &b->cap, b->len + n, 1);
		b->p = q;
		if (b->err)
			return;
	}
	memcpy(b->p + b->len, p, n);
	b->len += n;
}

void ft_bytes_u8(struct ft_bytes *b, __u8 v)
{
	ft_bytes_add(b, &v, 1);
}

void ft_bytes_v(struct ft_bytes *b, __u64 v)
{
	__u8 buf[10];
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		buf[n++] = (__u8)(v | 0x80);
	buf[n++] = (__u8)v;
	ft_bytes_add(b, buf, n);
}

void ft_bytes_free(struct ft_bytes *b)
{
	free(b->p);
	memset(b, 0, sizeof(*b));
}

void ft_page_base64(const __u8 *p, size_t n, struct ft_text *out)
{
	static const char digit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char buf[1024];
	size_t len = 0;

	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i < 3 ? n - i : 3;
		__u32 v = (__u32)p[i] << 16;

		if (left > 1)
			v |= (__u32)p[i + 1] << 8;
		if (left > 2)
			v |= p[i + 2];
		buf[len++] = digit[v >> 18];
		buf[len++] = digit[v >> 12 & 63];
		buf[len++] = left > 1 ? digit[v >> 6 & 63] : '=';
		buf[len++] = left > 2 ? digit[v & 63] : '=';
		if (len == sizeof(buf)) {
			ft_text_addn(out, buf, len);
			len = 0;
		}
	}
	ft_text_addn(out, buf, len);
}

int ft_page_blob(const struct ft_bytes *b, struct ft_text *out)
{
	uLongf len = compressBound(b->len);
	static const __u8 none;
	__u8 *z;
	int rc;

	if (b->err)
		return b->err;
	z = malloc(len);
	if (!z)
		return -ENOMEM;
	/* the bound is enough: all that can fail is its memory */
	rc = compress2(z, &len, b->p ? b->p : &none, b->len, LEVEL);
	if (rc == Z_OK)
		ft_page_base64(z, len, out);
	free(z);
	return rc == Z_OK ? out->err : -ENOMEM;
}

void ft_page_json(struct ft_text *out, const char *json)
{
	size_t n;

	for (; *json; json += n) {
		n = strcspn(json, "<>&");
		ft_text_addn(out, json, n);
		if (json[n])
			ft_text_printf(out, "\\u%04x", (unsigned int)json[n++]);
	}
}

void ft_page_axis_init(struct ft_page_axis *x, __u64 from_ns, __u64 to_ns)
{
	__u64 len = to_ns > from_ns ? to_ns - from_ns : 0;

	x->from_ns = from_ns;
	x->to_ns = from_ns + len;
	x->unit_ns = len / (1ull << 31) + 1;
	x->length = (__u32)(len / x->unit_ns);
}

__u32 ft_page_time(const struct ft_page_axis *x, __u64 ns)
{
	if (ns <= x->from_ns)
		return 0;
	return ns >= x->to_ns ? x->length : (__u32)((ns - x->from_ns) / x->unit_ns);
}

void ft_page_share(struct ft_page_shares *s, const __u32 *part, __u32 cnt, __u32 len, bool whole,
		   __u8 *out)
{
	double want[FT_PAGE_STATES + 1], back;
	__u32 left = 255, best = 0;

	for (__u32 i = 0; i < cnt; i++) {
		want[i] = 0;
		out[i] = 0;
		if (!len || !part[i])
			continue;
		want[i] = 255.0 * part[i] / len;
		/* what a long span left over must not turn a short one over */
		back = s->carry[i] * 255.0 / len;
		want[i] += back < -1 ? -1 : back > 1 ? 1 : back;
		if (want[i] + 0.5 > 0)
			out[i] = want[i] + 0.5 < left ? (__u8)(want[i] + 0.5) : (__u8)left;
		left -= out[i];
		if (!part[best] || want[i] - out[i] > want[best] - out[best])
			best = i;
	}
	if (whole && cnt)
		out[best] = (__u8)(out[best] + left);
	for (__u32 i = 0; i < cnt; i++)
		s->carry[i] += part[i] - (double)out[i] * len / 255.0;
}
