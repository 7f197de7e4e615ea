/* SPDX-License-Identifier: BSD-2-Clause */
/* What the names of mapped files tell about an interpreter. */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "python/pypriv.h"

char *ft_py_safe(char *dst, size_t sz, const char *s)
{
	struct ft_text t = {0};
	size_t n;

	if (!sz)
		return dst;
	ft_text_add_safe(&t, s, sz);
	n = t.err || !t.s ? 0 : t.len;
	if (n >= sz) {
		n = sz - 1;
		/* not in the middle of a character */
		while (n && ((unsigned char)t.s[n] & 0xc0) == 0x80)
			n--;
	}
	memcpy(dst, n ? t.s : "", n);
	dst[n] = 0;
	ft_text_free(&t);
	return dst;
}

/* "3.N" at the beginning of s -> N, "2" -> 0, else -1. */
static int minor_of(const char *s)
{
	char *end;
	long v;

	if (s[0] == '2')
		return 0;
	if (s[0] != '3' || s[1] != '.' || s[2] < '0' || s[2] > '9')
		return -1;
	v = strtol(s + 2, &end, 10);
	return v < 100 ? (int)v : -1;
}

int ft_py_minor_of_path(const char *path)
{
	const char *base = ft_basename(path), *s;
	int minor;

	if (!strncmp(base, "libpython", 9))
		return minor_of(base + 9);
	if (!strncmp(base, "python", 6)) {
		minor = minor_of(base + 6);
		if (minor >= 0)
			return minor;
	}
	for (s = strstr(path, "/python"); s; s = strstr(s + 1, "/python")) {
		minor = minor_of(s + 7);
		if (minor > 0)
			return minor;
	}
	return -1;
}

bool ft_py_likely(const char *path)
{
	const char *base = ft_basename(path);

	return !strncmp(base, "libpython", 9) || !strncmp(base, "python", 6) ||
	       strstr(path, "/python3.") || strstr(base, ".cpython-3");
}
