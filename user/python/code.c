/* SPDX-License-Identifier: BSD-2-Clause */
/* Code objects: names, lines. */
#include "python/code.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "ftprof_pywalk.h"
#include "os/mem.h"

#define STRING_MAX 4096u      /* bytes of a name or file name that are kept */
#define CHARS_MAX (64u << 10) /* characters that are read for it */
#define LINES_MAX (4u << 20)  /* bytes of a line table; of a longer one the rest is lost */
#define HEAD_MAX 256u	      /* where the parts of a string lie (ft_offsets_parse) */

static const char dots[] = "...";
#define DOTS_LEN (sizeof(dots) - 1)

static __u32 char_at(const void *bytes, size_t i, int kind)
{
	__u16 two;
	__u32 four;

	switch (kind) {
	case 1:
		return ((const __u8 *)bytes)[i];
	case 2:
		memcpy(&two, (const __u8 *)bytes + 2 * i, sizeof(two));
		return two;
	default:
		memcpy(&four, (const __u8 *)bytes + 4 * i, sizeof(four));
		return four;
	}
}

static size_t escape(char out[10], char letter, int digits, __u32 c)
{
	static const char hex[] = "0123456789abcdef";
	int i;

	out[0] = '\\';
	out[1] = letter;
	for (i = 0; i < digits; i++)
		out[2 + i] = hex[c >> 4 * (digits - 1 - i) & 15];
	return 2 + (size_t)digits;
}

/* One character as it is written; its length in bytes. */
static size_t encode(__u32 c, char out[10])
{
	if (!c)
		return escape(out, 'x', 2, c);
	if (c >= 0xd800 && c <= 0xdfff)
		return escape(out, 'u', 4, c);
	if (c > 0x10ffff)
		return escape(out, 'U', 8, c);
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 63));
		out[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 63));
	out[2] = (char)(0x80 | (c >> 6 & 63));
	out[3] = (char)(0x80 | (c & 63));
	return 4;
}

static void add_chars(const void *bytes, size_t from, size_t to, int kind, struct ft_text *out)
{
	char buf[256];
	size_t used = 0;

	for (; from < to; from++) {
		if (used > sizeof(buf) - 10) {
			ft_text_addn(out, buf, used);
			used = 0;
		}
		used += encode(char_at(bytes, from, kind), buf + used);
	}
	ft_text_addn(out, buf, used);
}

/* How many characters from the front fit into max bytes; *sz: the bytes they take. */
static size_t fit_front(const void *bytes, size_t cnt, int kind, size_t max, size_t *sz)
{
	char buf[10];
	size_t i, n;

	for (i = 0, *sz = 0; i < cnt; i++, *sz += n) {
		n = encode(char_at(bytes, i, kind), buf);
		if (n > max - *sz)
			break;
	}
	return i;
}

/* The first of the characters behind `from` of which all up to the end fit into max bytes. */
static size_t fit_back(const void *bytes, size_t from, size_t cnt, int kind, size_t max)
{
	char buf[10];
	size_t n;

	while (cnt > from) {
		n = encode(char_at(bytes, cnt - 1, kind), buf);
		if (n > max)
			break;
		max -= n;
		cnt--;
	}
	return cnt;
}

void ft_code_string(const void *bytes, size_t len, int kind, size_t whole, size_t max,
		    struct ft_text *out)
{
	size_t cnt, front, sz;
	bool cut;

	if (kind != 1 && kind != 2 && kind != 4)
		return;
	cnt = len / (size_t)kind;
	if (cnt > whole)
		cnt = whole;
	cut = cnt < whole;
	if (fit_front(bytes, cnt, kind, max, &sz) == cnt && (!cut || max - sz >= DOTS_LEN)) {
		add_chars(bytes, 0, cnt, kind, out);
		if (cut)
			ft_text_addn(out, dots, DOTS_LEN);
		return;
	}
	if (max < DOTS_LEN) {
		ft_text_addn(out, dots, max);
		return;
	}
	max -= DOTS_LEN;
	/* of a string whose end is not there nothing is known that could stand behind the dots */
	front = fit_front(bytes, cnt, kind, cut ? max : max / 2, &sz);
	add_chars(bytes, 0, front, kind, out);
	ft_text_addn(out, dots, DOTS_LEN);
	if (!cut)
		add_chars(bytes, fit_back(bytes, front, cnt, kind, max - sz), cnt, kind, out);
}

/* A position in a line table. */
struct cursor {
	const __u8 *p, *end;
};

/* One byte behind an entry's first; those have no bit 7. */
static bool get_byte(struct cursor *c, __u8 *b)
{
	if (c->p == c->end || *c->p & 0x80)
		return false;
	*b = *c->p++;
	return true;
}

/* Six bits a byte, lowest first; bit 6: more follow. */
static bool get_varint(struct cursor *c, __u32 *v)
{
	unsigned int shift = 0;
	__u64 sum = 0;
	__u8 b;

	do {
		if (shift > 30 || !get_byte(c, &b))
			return false;
		sum |= (__u64)(b & 63) << shift;
		shift += 6;
	} while (b & 64);
	*v = (__u32)sum;
	return sum <= 0xffffffffull;
}

static bool get_svarint(struct cursor *c, __s64 *v)
{
	__u32 u;

	if (!get_varint(c, &u))
		return false;
	*v = u & 1 ? -(__s64)(u >> 1) : (__s64)(u >> 1);
	return true;
}

/* What follows the first byte of an entry (codes: Objects/locations.md). */
static bool get_entry(struct cursor *c, unsigned int code, __s64 *delta, bool *none)
{
	__u32 u;
	__u8 b;
	int i;

	*delta = 0;
	*none = false;
	switch (code) {
	case 15:
		*none = true;
		return true;
	case 14: /* line, and then end line, column, end column */
		if (!get_svarint(c, delta))
			return false;
		for (i = 0; i < 3; i++) {
			if (!get_varint(c, &u))
				return false;
		}
		return true;
	case 13:
		return get_svarint(c, delta);
	case 12:
	case 11:
	case 10:
		*delta = code - 10;
		return get_byte(c, &b) && get_byte(c, &b);
	default:
		return get_byte(c, &b);
	}
}

__u32 ft_code_line(const __u8 *table, size_t len, __u32 firstlineno, __u32 at)
{
	struct cursor c = {.p = table, .end = len ? table + len : table};
	__s64 line = firstlineno, delta;
	__u64 unit = 0;
	bool none;

	while (c.p != c.end) {
		__u8 first = *c.p++;

		if (!(first & 0x80) || !get_entry(&c, first >> 3 & 15, &delta, &none))
			return 0;
		line += delta;
		unit += (first & 7u) + 1;
		if (line < 0 || line > 0x7fffffff) /* an int in CPython */
			return 0;
		if (at < unit)
			return none ? 0 : (__u32)line;
	}
	return 0;
}

/* Reads the head of a code object and checks that it is the one that is asked for. */
static int read_head(int pid, const struct ft_pylayout *l, __u64 code, __u32 ident,
		     struct ft_pybuf *b)
{
	int err = ft_mem_read(pid, code, b->code, FT_PY_CODE_BYTES);

	if (err)
		return err;
	if (ft_pw_code64(b, l->ob_type) != l->code_type || ft_pw_ident(l, b) != ident)
		return -ESTALE;
	return 0;
}

static int read_string(int pid, const struct ft_pylayout *l, __u64 addr, char **out)
{
	__u8 head[HEAD_MAX];
	struct ft_text text = {0};
	__u64 length, data;
	void *bytes = NULL;
	__u32 state, kind;
	size_t chars;
	int err;

	/* the layout was checked: these lie below str_ascii, and that below HEAD_MAX */
	if (l->str_ascii > sizeof(head) || l->str_length + 8u > l->str_ascii ||
	    l->str_state + 4u > l->str_ascii)
		return -EINVAL;
	err = ft_mem_read(pid, addr, head, l->str_ascii);
	if (err)
		return err;
	memcpy(&length, head + l->str_length, sizeof(length));
	memcpy(&state, head + l->str_state, sizeof(state));
	kind = state >> l->str_kind_shift & 7;
	if ((kind != 1 && kind != 2 && kind != 4) || length >> 48)
		return -EFAULT;
	data = addr + l->str_compact;
	if (state >> l->str_compact_shift & 1) {
		if (state >> l->str_ascii_shift & 1)
			data = addr + l->str_ascii;
	} else {
		/* of a subclass of str: PyUnicodeObject adds a pointer to the characters */
		err = ft_mem_read(pid, data, &data, sizeof(data));
		if (err)
			return err;
	}
	chars = length < CHARS_MAX ? (size_t)length : CHARS_MAX;
	bytes = malloc(chars * kind + 1);
	if (!bytes)
		return -ENOMEM;
	err = ft_mem_read(pid, data, bytes, chars * kind);
	if (err)
		goto out;
	ft_text_add(&text, ""); /* also of an empty string there is one */
	ft_code_string(bytes, chars * kind, (int)kind, (size_t)length, STRING_MAX, &text);
	err = text.err;
	if (err)
		goto out;
	*out = text.s;
	text.s = NULL;
out:
	free(bytes);
	ft_text_free(&text);
	return err;
}

static int read_lines(int pid, const struct ft_pylayout *l, __u64 addr, struct ft_code *out)
{
	__u64 size;
	int err = ft_mem_read(pid, addr + l->bytes_size, &size, sizeof(size));

	if (err)
		return err;
	if (size >> 48)
		return -EFAULT;
	out->lines_len = size < LINES_MAX ? (size_t)size : LINES_MAX;
	out->lines = malloc(out->lines_len + 1);
	if (!out->lines)
		return -ENOMEM;
	return ft_mem_read(pid, addr + l->bytes_data, out->lines, out->lines_len);
}

int ft_code_read(int pid, const struct ft_pylayout *l, __u64 code, __u32 ident, struct ft_code *out)
{
	struct ft_pybuf b;
	int err, still;

	memset(out, 0, sizeof(*out));
	err = read_head(pid, l, code, ident, &b);
	if (err)
		return err;
	out->firstlineno = ft_pw_code32(&b, l->co_firstlineno);
	err = read_string(pid, l, ft_pw_code64(&b, l->co_qualname), &out->name);
	if (!err)
		err = read_string(pid, l, ft_pw_code64(&b, l->co_filename), &out->file);
	if (!err)
		err = read_lines(pid, l, ft_pw_code64(&b, l->co_linetable), out);
	if (!err || err == -EFAULT) {
		/* what could not be read may have gone together with the code object */
		still = read_head(pid, l, code, ident, &b);
		if (still)
			err = still == -EFAULT ? -ESTALE : still;
	}
	if (err)
		ft_code_free(out);
	return err;
}

void ft_code_free(struct ft_code *c)
{
	if (!c)
		return;
	free(c->name);
	free(c->file);
	free(c->lines);
	memset(c, 0, sizeof(*c));
}
