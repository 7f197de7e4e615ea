/* SPDX-License-Identifier: BSD-2-Clause */
/* JSON strings and numbers into a growing text. */
#include "export/json_out.h"

#include <stdbool.h>
#include <string.h>

static bool is_plain(__u32 c)
{
	if (c < 0x80)
		return c >= 0x20 && c != 0x7f && c != '"' && c != '\\';
	if (c <= 0x9f || c == 0x61c || c == 0xfeff)
		return false;
	return !(c >= 0x200b && c <= 0x200f) && !(c >= 0x2028 && c <= 0x202e) &&
	       !(c >= 0x2060 && c <= 0x206f);
}

void ft_json_str(struct ft_text *t, const char *s)
{
	size_t left = strlen(s), run = 0, len;
	__u32 c = 0;

	ft_text_addn(t, "\"", 1);
	while (run < left) {
		len = ft_utf8_seq(s + run, left - run, &c);
		if (len && is_plain(c)) {
			run += len;
			continue;
		}
		ft_text_addn(t, s, run);
		if (!len)
			ft_text_add(t, "\xef\xbf\xbd");
		else if (c == '"' || c == '\\')
			ft_text_printf(t, "\\%c", (char)c);
		else
			ft_text_printf(t, "\\u%04x", c); /* none of them is above U+FFFF */
		run += len ? len : 1;
		s += run;
		left -= run;
		run = 0;
	}
	ft_text_addn(t, s, run);
	ft_text_addn(t, "\"", 1);
}

void ft_json_u64(struct ft_text *t, __u64 v)
{
	char buf[20];
	size_t at = sizeof(buf);

	/* printf takes most of the time of a file with millions of numbers */
	do {
		buf[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	ft_text_addn(t, buf + at, sizeof(buf) - at);
}

void ft_json_ms(struct ft_text *t, __u64 ns)
{
	__u64 part = ns % 1000000;
	char buf[7] = ".000000";
	size_t at;

	ft_json_u64(t, ns / 1000000);
	for (at = sizeof(buf) - 1; at > 0; at--) {
		buf[at] = (char)('0' + part % 10);
		part /= 10;
	}
	ft_text_addn(t, buf, sizeof(buf));
}
