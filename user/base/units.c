/* SPDX-License-Identifier: BSD-2-Clause */
/* Durations and sizes as people write them; integers all through, so no locale and no rounding. */
#include "base/units.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NS_PER_S 1000000000ull
#define MAX_DURATION_NS (100ull * 365 * 86400 * NS_PER_S)
#define MAX_FRAC_DIGITS 9

struct decimal {
	__u64 whole;
	__u64 frac; /* of one, in units of 1 / frac_unit */
	__u64 frac_unit;
};

/* Reads digits with an optional fraction; *end is what follows. -EINVAL, -ERANGE. */
static int parse_decimal(const char *s, struct decimal *d, const char **end)
{
	int digits = 0, frac_digits = 0;

	d->whole = 0;
	d->frac = 0;
	d->frac_unit = 1;
	for (; *s >= '0' && *s <= '9'; s++, digits++) {
		if (__builtin_mul_overflow(d->whole, 10, &d->whole) ||
		    __builtin_add_overflow(d->whole, (__u64)(*s - '0'), &d->whole))
			return -ERANGE;
	}
	if (*s == '.') {
		for (s++; *s >= '0' && *s <= '9'; s++, digits++) {
			if (frac_digits++ >= MAX_FRAC_DIGITS)
				continue;
			d->frac = d->frac * 10 + (__u64)(*s - '0');
			d->frac_unit *= 10;
		}
		if (!frac_digits)
			return -EINVAL;
	}
	*end = s;
	return digits ? 0 : -EINVAL;
}

/* d times unit. -ERANGE above max. */
static int scale(const struct decimal *d, __u64 unit, __u64 max, __u64 *out)
{
	unsigned __int128 v = (unsigned __int128)d->whole * unit;

	v += (unsigned __int128)d->frac * unit / d->frac_unit;
	if (v > max)
		return -ERANGE;
	*out = (__u64)v;
	return 0;
}

int ft_parse_duration(const char *s, __u64 *ns)
{
	static const struct {
		const char *name;
		__u64 ns;
	} units[] = {
		{"", NS_PER_S},
		{"s", NS_PER_S},
		{"ms", 1000000},
		{"us", 1000},
		{"ns", 1},
		{"m", 60 * NS_PER_S},
		{"h", 3600 * NS_PER_S},
		{"d", 86400 * NS_PER_S},
	};
	struct decimal d;
	const char *end;
	size_t i;

	if (parse_decimal(s, &d, &end))
		return -EINVAL;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!strcmp(end, units[i].name))
			return scale(&d, units[i].ns, MAX_DURATION_NS, ns) ? -EINVAL : 0;
	}
	return -EINVAL;
}

int ft_parse_size(const char *s, __u64 *bytes)
{
	static const char letters[] = "kmgt";
	struct decimal d;
	const char *end, *p;
	__u64 unit = 1;
	int err;

	err = parse_decimal(s, &d, &end);
	if (err)
		return err;
	if (*end) {
		p = strchr(letters, *end | 0x20);
		if (p) {
			unit = 1ull << (10 * (p - letters + 1));
			end++;
			if (*end == 'i')
				end++;
		}
		if (*end == 'B' || (*end == 'b' && end[-1] != 'i'))
			end++;
		if (*end || (end[-1] == 'i'))
			return -EINVAL;
	}
	return scale(&d, unit, ~0ull, bytes);
}

int ft_parse_long(const char *s, long min, long max, long *out)
{
	int neg = *s == '-';
	unsigned long v = 0, lim = neg ? (unsigned long)LONG_MAX + 1 : LONG_MAX;
	long r;

	if (neg)
		s++;
	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		if (v <= lim && (__builtin_mul_overflow(v, 10, &v) ||
				 __builtin_add_overflow(v, (unsigned long)(*s - '0'), &v)))
			v = ULONG_MAX; /* go on: what follows may not even be a digit */
	}
	if (v > lim)
		return -ERANGE;
	r = neg ? -(long)(v - 1) - 1 : (long)v;
	if (neg && !v)
		r = 0;
	if (r < min || r > max)
		return -ERANGE;
	*out = r;
	return 0;
}

char *ft_format_ns(__u64 ns, char *buf, size_t sz)
{
	static const char *const names[] = {"ns", "us", "ms", "s"};
	static const unsigned int steps[] = {100, 10, 1}; /* a unit has so many steps */
	unsigned int frac, s;
	__u64 unit = 1, step, q;
	int u;

	if (ns < 1000) {
		snprintf(buf, sz, "%u ns", (unsigned int)ns);
		return buf;
	}
	for (u = 1;; u++) {
		unit *= 1000;
		for (s = 0; s < 3; s++) {
			step = unit / steps[s];
			q = ns / step + (ns % step >= step / 2);
			if (q < 1000 || (u == 3 && s == 2))
				goto found;
		}
	}
found:
	frac = (unsigned int)(q % steps[s]);
	q /= steps[s];
	if (!frac)
		snprintf(buf, sz, "%llu %s", (unsigned long long)q, names[u]);
	else if (s == 0 && frac % 10)
		snprintf(buf, sz, "%llu.%02u %s", (unsigned long long)q, frac, names[u]);
	else
		snprintf(buf, sz, "%llu.%u %s", (unsigned long long)q, s ? frac : frac / 10,
			 names[u]);
	return buf;
}

char *ft_format_count(__u64 n, char *buf, size_t sz)
{
	char tmp[32];
	size_t i = sizeof(tmp);
	int digits = 0;

	tmp[--i] = 0;
	do {
		if (digits && digits % 3 == 0)
			tmp[--i] = ',';
		tmp[--i] = (char)('0' + n % 10);
		n /= 10;
		digits++;
	} while (n);
	snprintf(buf, sz, "%s", tmp + i);
	return buf;
}
