/* SPDX-License-Identifier: BSD-2-Clause */
/* What a drawn flame says of itself in words. */
#include "export/head.h"

#include <stdio.h>

#include "base/units.h"
#include "export/escape.h"

#define NUM 48
#define NAME_CHARS 80
#define DOT " \xc2\xb7 "

char *ft_head_percent(__u64 part, __u64 whole, char *buf, size_t sz)
{
	double p = whole ? 100.0 * (double)part / (double)whole : 0;

	if (!part || !whole)
		snprintf(buf, sz, "0 %%");
	else if (p < 0.05)
		snprintf(buf, sz, "<0.1 %%");
	else
		snprintf(buf, sz, "%.1f %%", p);
	return buf;
}

/* The percentage as XML: it may begin with a "<". */
static void add_percent(struct ft_text *out, __u64 part, __u64 whole)
{
	char num[NUM];

	ft_esc_add(out, FT_ESC_XML, ft_head_percent(part, whole, num, sizeof(num)), FT_ESC_ALL);
}

void ft_head_title(const struct ft_flame *f, struct ft_text *out)
{
	ft_esc_add(out, FT_ESC_XML, ft_of_title(f->of), FT_ESC_ALL);
	if (f->differs)
		ft_text_add(out, " \xe2\x80\x93 difference");
}

void ft_head_target(const struct ft_flame *f, struct ft_text *out)
{
	if (!f->info)
		return;
	if (f->info->name[0])
		ft_esc_add(out, FT_ESC_XML, f->info->name, NAME_CHARS);
	else
		ft_text_printf(out, "pid %u", f->info->pid);
}

static void python(const struct ft_session_info *info, struct ft_text *out)
{
	ft_text_printf(out, "pid %u" DOT, info->pid);
	if (info->python[0]) {
		ft_text_add(out, "Python ");
		ft_esc_add(out, FT_ESC_XML, info->python, NAME_CHARS);
	} else {
		ft_text_add(out, "Python version not known");
	}
	if (info->free_threaded)
		ft_text_add(out, " free-threaded");
	if (info->gil != FT_GIL_UNKNOWN)
		ft_text_printf(out, ", %s", ft_gil_words(info->gil));
	if (info->gil == FT_GIL_ENABLED && info->gil_enabled_by[0]) {
		ft_text_add(out, " by ");
		ft_esc_add(out, FT_ESC_XML, info->gil_enabled_by, NAME_CHARS);
	}
	ft_text_add(out, DOT);
}

/* GIL blame is in part seen by ticks, which are scaled to the waits that are known exactly. */
static void scaling(const struct ft_flame *f, struct ft_text *out)
{
	if (f->factor <= 0)
		return;
	if (f->factor >= 0.5 && f->factor <= 2)
		ft_text_printf(out, DOT "scaled by %.2f to the exact waits", f->factor);
	else
		ft_text_printf(out, DOT "not scaled: the exact waits are %.3g times as long",
			       f->factor);
}

/* The session that a difference is drawn against. */
static void base(const struct ft_flame *f, struct ft_text *out)
{
	char num[NUM];

	if (!f->differs || !f->base_info)
		return;
	ft_text_add(out, ". Base: ");
	python(f->base_info, out);
	if (f->base_duration_ns)
		ft_text_printf(out, "watched for %s" DOT,
			       ft_format_ns(f->base_duration_ns, num, sizeof(num)));
	ft_text_printf(out, "%s in all, scaled to ",
		       ft_format_ns(f->base_total_ns, num, sizeof(num)));
	ft_text_printf(out, "%s", ft_format_ns(f->total_ns, num, sizeof(num)));
}

void ft_head_facts(const struct ft_flame *f, struct ft_text *out)
{
	char num[NUM];

	if (f->info)
		python(f->info, out);
	if (f->duration_ns)
		ft_text_printf(out, "watched for %s" DOT,
			       ft_format_ns(f->duration_ns, num, sizeof(num)));
	ft_text_printf(out, "%s in all" DOT, ft_format_ns(f->total_ns, num, sizeof(num)));
	ft_text_printf(out, "%s %s" DOT, ft_format_count(f->samples, num, sizeof(num)),
		       f->samples == 1 ? "sample" : "samples");
	add_percent(out, f->sampled_ns, f->total_ns);
	ft_text_add(out, " seen with a stack");
	scaling(f, out);
	base(f, out);
}

void ft_head_hidden(const struct ft_flame *f, const struct ft_boxes *b, struct ft_text *out)
{
	char num[NUM];

	if (b->hidden_cnt) {
		ft_text_printf(out, "Too narrow to draw: %s ",
			       ft_format_count(b->hidden_cnt, num, sizeof(num)));
		ft_text_add(out, b->hidden_cnt == 1 ? "frame, " : "frames, ");
		add_percent(out, b->hidden_ns, f->total_ns);
		ft_text_add(out, " of the time. ");
	}
	if (b->gone_cnt) {
		ft_text_printf(out, "Only in the base: %s ",
			       ft_format_count(b->gone_cnt, num, sizeof(num)));
		ft_text_add(out, b->gone_cnt == 1 ? "frame, " : "frames, ");
		add_percent(out, b->gone_ns, f->total_ns);
		ft_text_add(out, " of its time.");
	}
}

/* How much more or less than in the base; the words are also those of the script. */
static void change(__u64 now, __u64 base, struct ft_text *out)
{
	double p;

	if (!base) {
		ft_text_add(out, now ? ": new" : "");
		return;
	}
	if (!now) {
		ft_text_add(out, ": gone");
		return;
	}
	p = 100.0 * ((double)now - (double)base) / (double)base;
	if (p > -0.05 && p < 0.05)
		ft_text_add(out, ": the same");
	else
		ft_text_printf(out, ": %.1f %% %s", p < 0 ? -p : p, p < 0 ? "less" : "more");
}

void ft_head_figures(const struct ft_flame *f, const struct ft_flame_node *n, struct ft_text *out)
{
	char ns[NUM];

	add_percent(out, n->total_ns, f->total_ns);
	ft_text_printf(out, ", %s, self ", ft_format_ns(n->total_ns, ns, sizeof(ns)));
	ft_text_add(out, ft_format_ns(n->self_ns, ns, sizeof(ns)));
	if (!f->differs)
		return;
	ft_text_add(out, "; base ");
	add_percent(out, n->base_ns, f->total_ns);
	ft_text_printf(out, ", %s", ft_format_ns(n->base_ns, ns, sizeof(ns)));
	change(n->total_ns, n->base_ns, out);
}
