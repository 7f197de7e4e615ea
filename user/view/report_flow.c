/* SPDX-License-Identifier: BSD-2-Clause */
/* Line filling for the text report. */
#include "view/report_flow.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int ft_report_width(int width)
{
	if (width <= 0)
		return FT_WIDTH_DEFAULT;
	if (width < FT_WIDTH_MIN)
		return FT_WIDTH_MIN;
	return width > FT_WIDTH_MAX ? FT_WIDTH_MAX : width;
}

const char *ft_report_seconds(__u64 ns, char *buf, size_t sz)
{
	double s = (double)ns / 1e9, h = s / 3600;

	if (s < 9.995)
		snprintf(buf, sz, "%.2fs", s);
	else if (s < 99.95)
		snprintf(buf, sz, "%.1fs", s);
	else if (s < 9999.5)
		snprintf(buf, sz, "%.0fs", s);
	else if (h < 9999.5)
		snprintf(buf, sz, "%.0fh", h);
	else
		snprintf(buf, sz, ">1y");
	return buf;
}

size_t ft_text_cols(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		if (((unsigned char)*s & 0xc0) != 0x80)
			n++;
	return n;
}

void ft_safe_text(struct ft_text *out, const char *s, size_t max_cols, bool ascii)
{
	struct ft_text safe = {0};
	size_t i;

	if (!ascii) {
		ft_text_add_safe(out, s, max_cols);
		return;
	}
	ft_text_add_safe(&safe, s, max_cols);
	if (safe.err) {
		out->err = out->err ? out->err : safe.err;
	} else {
		for (i = 0; i < safe.len; i++) {
			unsigned char c = (unsigned char)safe.s[i];

			if (c < 0x80)
				ft_text_addn(out, &safe.s[i], 1);
			else if ((c & 0xc0) != 0x80)
				ft_text_add(out, "?");
		}
	}
	ft_text_free(&safe);
}

void ft_flow_begin(struct ft_flow *f, struct ft_text *out, int width, bool ascii, int indent)
{
	f->out = out;
	f->width = width;
	f->indent = indent;
	f->col = 0;
	f->ascii = ascii;
	f->fresh = true;
}

static void new_line(struct ft_flow *f)
{
	ft_text_add(f->out, "\n");
	ft_text_pad(f->out, ' ', (size_t)f->indent);
	f->col = f->indent;
	f->fresh = true;
}

static void put_words(struct ft_flow *f, const char *s, bool glue);

void ft_flow_item(struct ft_flow *f, int gap, const char *item)
{
	struct ft_text safe = {0};
	int len;

	ft_safe_text(&safe, item, (size_t)(f->width - f->indent), f->ascii);
	if (safe.err) {
		f->out->err = f->out->err ? f->out->err : safe.err;
		goto out;
	}
	if (!safe.len)
		goto out;
	len = (int)ft_text_cols(safe.s);
	if (len == f->width - f->indent && strchr(safe.s, ' ')) {
		/* too wide for any line, so break it after all */
		put_words(f, item, false);
		goto out;
	}
	if (f->fresh)
		gap = 0;
	if (f->col + gap + len > f->width && f->col > f->indent) {
		new_line(f);
		gap = 0;
	}
	/* the first line may start further right than the rest */
	if (f->col + gap + len > f->width)
		new_line(f);
	ft_text_pad(f->out, ' ', (size_t)gap);
	ft_text_addn(f->out, safe.s, safe.len);
	f->col += gap + len;
	f->fresh = false;
out:
	ft_text_free(&safe);
}

void ft_flow_printf(struct ft_flow *f, int gap, const char *fmt, ...)
{
	char buf[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	ft_flow_item(f, gap, buf);
}

/* Whether the word at s belongs to the number before it. */
static bool is_unit(const char *s, size_t len)
{
	static const char *const units[] = {"ns", "us", "ms", "s", "%", "cores", "core", NULL};
	size_t i;

	while (len && strchr(".,;:)", s[len - 1]))
		len--;
	for (i = 0; units[i]; i++)
		if (strlen(units[i]) == len && !memcmp(units[i], s, len))
			return true;
	return false;
}

static void put_words(struct ft_flow *f, const char *s, bool glue)
{
	char item[256];
	size_t len;

	while (*s) {
		if (*s == '\n') {
			new_line(f);
			s++;
			continue;
		}
		if (*s == ' ') {
			s++;
			continue;
		}
		len = strcspn(s, " \n");
		if (glue && s[len] == ' ' && isdigit((unsigned char)s[len - 1])) {
			size_t next = strcspn(s + len + 1, " \n");

			if (is_unit(s + len + 1, next))
				len += 1 + next;
		}
		if (len >= sizeof(item))
			len = sizeof(item) - 1;
		memcpy(item, s, len);
		item[len] = '\0';
		ft_flow_item(f, 1, item);
		s += len;
	}
}

void ft_flow_words(struct ft_flow *f, const char *s)
{
	put_words(f, s, true);
}

void ft_flow_end(struct ft_flow *f)
{
	if (f->col > 0)
		ft_text_add(f->out, "\n");
	f->col = 0;
	f->fresh = true;
}
