/* SPDX-License-Identifier: BSD-2-Clause */
/* Head, verdict and process block of the text report. */
#include "view/report_text.h"
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include "base/units.h"
#include "view/report_part.h"

#define NUM FT_PCT_LEN
#define BOLD "\x1b[1m"
#define DIM "\x1b[2m"
#define RESET "\x1b[0m"

const char *ft_report_pct(double share, char buf[FT_PCT_LEN])
{
	double p = share * 100;

	if (p > 0 && p < 0.1)
		snprintf(buf, FT_PCT_LEN, "<0.1 %%");
	else
		snprintf(buf, FT_PCT_LEN, p < 9.95 && p > 0 ? "%.1f %%" : "%.0f %%", p);
	return buf;
}

static void begin(struct ft_flow *f, struct ft_text *out, const struct ft_report_opts *o,
		  int indent)
{
	ft_flow_begin(f, out, ft_report_width(o->width), o->ascii, indent);
}

static void head_python(struct ft_flow *f, const struct ft_session_info *info)
{
	const char *build = info->free_threaded ? " free-threaded" : "";
	const char *gil = "";

	switch (info->gil) {
	case FT_GIL_ON:
		gil = ", GIL on";
		break;
	case FT_GIL_OFF:
		gil = ", GIL off";
		break;
	case FT_GIL_ENABLED:
		gil = ", GIL enabled";
		break;
	default:
		break;
	}
	if (info->python[0])
		ft_flow_printf(f, 2, "Python %s%s%s", info->python, build, gil);
	else
		ft_flow_item(f, 2, "no Python seen in it");
	if (info->gil == FT_GIL_ENABLED && info->gil_enabled_by[0])
		ft_flow_printf(f, 1, "(%s)", info->gil_enabled_by);
}

/* How the session ended, where that was not as planned. */
static void head_end(struct ft_flow *f, const struct ft_session_info *info)
{
	int st = info->end_status;

	switch (info->end) {
	case FT_END_RUNNING:
		ft_flow_item(f, 1, "(cut short)");
		break;
	case FT_END_INTERRUPT:
		ft_flow_item(f, 1, "(ended by Ctrl-C)");
		break;
	case FT_END_EXEC:
		ft_flow_item(f, 1, "(it started another program)");
		break;
	case FT_END_EXIT:
		if (st >= 0 && WIFSIGNALED(st))
			ft_flow_printf(f, 1, "(it died of signal %d)", WTERMSIG(st));
		else if (st >= 0 && WIFEXITED(st) && WEXITSTATUS(st))
			ft_flow_printf(f, 1, "(it exited with status %d)", WEXITSTATUS(st));
		else
			ft_flow_item(f, 1, "(it exited)");
		break;
	default:
		break;
	}
}

/* One line of the session's notes each, marked so that nobody reads over them. */
static void notes(struct ft_text *out, const struct ft_report_opts *o, const char *mark,
		  const char *lines)
{
	char line[FT_SITES_LEN];
	struct ft_flow f;

	while (*lines) {
		size_t len = strcspn(lines, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)len, lines);
		if (len) {
			begin(&f, out, o, 2);
			ft_flow_item(&f, 0, mark);
			ft_flow_words(&f, line);
			ft_flow_end(&f);
		}
		lines += len + (lines[len] == '\n');
	}
}

/* The functions that had a probe; where exactly, and how they were found, stands in the JSON. */
static void put_sites(struct ft_flow *f, const char *lines)
{
	char name[FT_SITES_LEN];

	ft_flow_item(f, 1, "on");
	while (*lines) {
		size_t len = strcspn(lines, "\n"), n = strcspn(lines, ":\n");
		bool more = lines[len] && lines[len + 1];

		snprintf(name, sizeof(name), "%.*s%s", (int)n, lines, more ? "," : "");
		ft_flow_words(f, name);
		lines += len + (lines[len] == '\n');
	}
}

static void head_cost(struct ft_text *out, const struct ft_model *m, const struct ft_report_opts *o)
{
	const struct ft_totals *tot = m->totals;
	char a[NUM], b[NUM], p[NUM];
	struct ft_flow f;

	begin(&f, out, o, 2);
	ft_flow_printf(&f, 0, "ftprof used %s of a core%s;", ft_report_pct(m->self_core_share, p),
		       tot->bpf_ns ? "" : ", its programs in the kernel not counted");
	ft_flow_printf(&f, 1, "%s of %s events lost;", ft_format_count(m->lost, a, sizeof(a)),
		       ft_format_count(m->received + m->lost, b, sizeof(b)));
	if (tot->probes_in_target)
		ft_flow_printf(&f, 1, "%s probe%s in target",
			       ft_format_count(tot->probes_in_target, a, sizeof(a)),
			       tot->probes_in_target == 1 ? "" : "s");
	else
		ft_flow_item(&f, 1, "no probes in target");
	if (tot->probes_in_target && m->info->sites[0])
		put_sites(&f, m->info->sites);
	ft_flow_end(&f);
}

/* What is wrong with the figures, most serious first. */
static void head_limits(struct ft_text *out, const struct ft_model *m,
			const struct ft_report_opts *o)
{
	char line[160], num[NUM];

	if (m->damage)
		notes(out, o, "Damaged file:", m->damage);
	if (m->missed_threads) {
		snprintf(line, sizeof(line), "%s threads were not followed: no room for them.",
			 ft_format_count(m->missed_threads, num, sizeof(num)));
		notes(out, o, "Missing:", line);
	}
	if (m->totals->recursion_misses) {
		snprintf(line, sizeof(line), "the kernel skipped ftprof's programs %s times.",
			 ft_format_count(m->totals->recursion_misses, num, sizeof(num)));
		notes(out, o, "Missing:", line);
	}
	notes(out, o, "Not measured:", m->info->limits);
	if (m->info->children) {
		snprintf(line, sizeof(line), "%u child process%s running Python %s not in it.",
			 m->info->children, m->info->children == 1 ? "" : "es",
			 m->info->children == 1 ? "is" : "are");
		notes(out, o, "Note:", line);
	}
	if (m->totals->sums.cnt[FT_CN_PAUSE_LOST]) {
		snprintf(line, sizeof(line), "%s pauses had more causes than there is room for.",
			 ft_format_count(m->totals->sums.cnt[FT_CN_PAUSE_LOST], num, sizeof(num)));
		notes(out, o, "Missing:", line);
	}
	if (m->totals->throttled_ns) {
		snprintf(line, sizeof(line), "its cgroup was throttled for %s.",
			 ft_format_ns(m->totals->throttled_ns, num, sizeof(num)));
		notes(out, o, "Note:", line);
	}
}

void ft_report_head(struct ft_text *out, const struct ft_model *m, const struct ft_report_opts *o)
{
	const struct ft_session_info *info = m->info;
	__u32 possible = info->cpu_cnt > info->cpus_cnt ? info->cpu_cnt : info->cpus_cnt;
	struct ft_flow f;

	if (o->color)
		ft_text_add(out, BOLD);
	begin(&f, out, o, 2);
	ft_flow_item(&f, 0, info->name[0] ? info->name : "(no name)");
	if (o->color)
		ft_text_add(out, RESET);
	ft_flow_printf(&f, 2, "pid %u", info->pid);
	head_python(&f, info);
	ft_flow_printf(&f, 2, "%.*f s", m->duration_ns < 100000000 ? 3 : 1,
		       (double)m->duration_ns / 1e9);
	head_end(&f, info);
	if (m->core_limit < m->cores || m->cores < info->cpus_cnt)
		ft_flow_printf(&f, 2, "%u of %u cores allowed, quota %.2g", info->cpus_cnt,
			       possible, m->core_limit);
	else
		ft_flow_printf(&f, 2, "%u of %u core%s allowed", m->cores, possible,
			       possible == 1 ? "" : "s");
	ft_flow_end(&f);
	head_cost(out, m, o);
	head_limits(out, m, o);
}

static const char *kind_color(enum ft_verdict_kind kind)
{
	switch (kind) {
	case FT_V_PARALLEL:
		return "\x1b[1;38;5;36m";
	case FT_V_GIL_BOUND:
	case FT_V_GIL_RETURNED:
	case FT_V_LOCK_BOUND:
	case FT_V_SHARING_BOUND:
	case FT_V_STW_BOUND:
		return "\x1b[1;38;5;202m";
	default:
		return "\x1b[1;38;5;220m";
	}
}

/* The part of a verdict that is its name: up to the first full stop, or the whole of it. */
static size_t headline_len(const char *s)
{
	const char *dot = strstr(s, ". ");

	return dot ? (size_t)(dot - s) + 1 : strlen(s);
}

void ft_report_verdict(struct ft_text *out, const struct ft_model *m,
		       const struct ft_report_opts *o)
{
	const char *s = m->verdict.text;
	size_t len = headline_len(s);
	char head[sizeof(m->verdict.text)];
	struct ft_flow f;

	snprintf(head, sizeof(head), "%.*s", (int)len, s);
	ft_text_add(out, "\n");
	begin(&f, out, o, 0);
	if (o->color)
		ft_text_add(out, kind_color(m->verdict.kind));
	ft_flow_words(&f, head);
	if (o->color)
		ft_text_add(out, RESET);
	ft_flow_words(&f, s + len);
	ft_flow_end(&f);
	for (s = m->verdict.advice; *s; s += len + (s[len] == '\n')) {
		len = strcspn(s, "\n");
		snprintf(head, sizeof(head), "%.*s", (int)len, s);
		begin(&f, out, o, 3);
		ft_flow_item(&f, 0, "->");
		ft_flow_words(&f, head);
		ft_flow_end(&f);
	}
}

void ft_report_label(struct ft_flow *f, struct ft_text *out, const struct ft_report_opts *o,
		     const char *what)
{
	int width = ft_report_width(o->width), indent = width < 60 ? 4 : 26;

	ft_flow_begin(f, out, width, o->ascii, indent);
	ft_text_pad(out, ' ', 2);
	if (o->color)
		ft_text_add(out, DIM);
	ft_text_add(out, what);
	if (o->color)
		ft_text_add(out, RESET);
	f->col = 2 + (int)strlen(what);
	if (f->col >= indent) {
		ft_text_add(out, "\n");
		f->col = 0;
	}
	ft_text_pad(out, ' ', (size_t)(indent - f->col));
	f->col = indent;
}

static void process_levels(struct ft_text *out, const struct ft_model *m,
			   const struct ft_report_opts *o)
{
	struct ft_level lv[FT_LEVELS_MAX];
	size_t cnt = ft_model_levels(m, lv), i;
	struct ft_flow f;
	char p[NUM];

	ft_report_label(&f, out, o, "cores used at once");
	for (i = 0; i < cnt; i++) {
		const char *end = i + 1 < cnt ? "," : "";

		ft_report_pct(ft_share(lv[i].ns, m->duration_ns), p);
		if (lv[i].lo == lv[i].hi)
			ft_flow_printf(&f, 1, "%u: %s%s", lv[i].lo, p, end);
		else
			ft_flow_printf(&f, 1, "%u-%u: %s%s", lv[i].lo, lv[i].hi, p, end);
	}
	ft_flow_printf(&f, 2, "mean %.2f while any was", m->par_mean);
	ft_flow_end(&f);
}

static void wait_figures(struct ft_flow *f, __u64 p50, __u64 p99)
{
	char num[NUM];

	ft_flow_printf(f, 2, "median %s", ft_format_ns(p50, num, sizeof(num)));
	ft_flow_printf(f, 2, "p99 %s", ft_format_ns(p99, num, sizeof(num)));
}

static void process_gil(struct ft_text *out, const struct ft_model *m,
			const struct ft_report_opts *o)
{
	static const char *const what[FT_OR_CNT] = {
		[FT_OR_BLOCKING] = " after a blocking call",
		[FT_OR_FORCED] = " after a forced switch",
		[FT_OR_START] = " first of a thread",
		[FT_OR_OTHER] = " otherwise",
	};
	char num[NUM], hi[NUM];
	struct ft_flow f;
	size_t i;

	ft_report_label(&f, out, o, "idle for the GIL");
	ft_flow_printf(&f, 0, "%.2f core-seconds", (double)m->lost_ns / 1e9);
	ft_flow_printf(&f, 1, "(%.2f cores at a time)", m->lost_cores);
	ft_flow_end(&f);
	ft_report_label(&f, out, o, "GIL waits");
	ft_flow_item(&f, 0, ft_format_count(m->waits, num, sizeof(num)));
	if (m->waits_lo != m->waits_hi)
		ft_flow_printf(&f, 1, "(%s to %s)", ft_format_count(m->waits_lo, num, sizeof(num)),
			       ft_format_count(m->waits_hi, hi, sizeof(hi)));
	if (m->waits) {
		wait_figures(&f, m->wait_p50_ns, m->wait_p99_ns);
		ft_flow_printf(&f, 2, "max %s", ft_format_ns(m->wait_max_ns, num, sizeof(num)));
	}
	ft_flow_end(&f);
	for (i = 0; i < FT_OR_CNT; i++) {
		/* the first is what a request feels; the others matter when there are several */
		if (!m->by_origin[i].waits || (i != FT_OR_BLOCKING && i != FT_OR_FORCED))
			continue;
		ft_report_label(&f, out, o, what[i]);
		ft_flow_item(&f, 0, ft_format_count(m->by_origin[i].waits, num, sizeof(num)));
		wait_figures(&f, m->by_origin[i].p50_ns, m->by_origin[i].p99_ns);
		ft_flow_end(&f);
	}
	ft_report_label(&f, out, o, "GIL handed over");
	ft_flow_printf(&f, 0, "%.*f times a second;", m->handoffs_per_sec < 10 ? 1 : 0,
		       m->handoffs_per_sec);
	ft_flow_printf(&f, 1, "held %s of the time,",
		       ft_report_pct(ft_share(m->held_ns, m->duration_ns), num));
	ft_flow_printf(&f, 1, "off core %s",
		       ft_report_pct(ft_share(m->held_off_ns, m->duration_ns), num));
	ft_flow_end(&f);
	if (m->hold_p50_ns || m->hold_p99_ns) {
		ft_report_label(&f, out, o, "GIL held at a time");
		wait_figures(&f, m->hold_p50_ns, m->hold_p99_ns);
		ft_flow_end(&f);
	}
}

void ft_report_process(struct ft_text *out, const struct ft_model *m,
		       const struct ft_report_opts *o)
{
	struct ft_flow f;
	char p[NUM];
	size_t i;

	ft_text_printf(out, "\n%sPROCESS%s\n", o->color ? BOLD : "", o->color ? RESET : "");
	process_levels(out, m, o);
	if (m->gil_present || m->waits)
		process_gil(out, m, o);
	if (!m->top_syscall_cnt)
		return;
	ft_report_label(&f, out, o, "asleep in");
	for (i = 0; i < m->top_syscall_cnt; i++)
		ft_flow_printf(
			&f, 1, "%s %s%s", m->top_syscalls[i].name,
			ft_report_pct(ft_share(m->top_syscalls[i].ns, m->all.lifetime_ns), p),
			i + 1 < m->top_syscall_cnt ? "," : "");
	ft_flow_item(&f, 1, "of all threads' time");
	ft_flow_end(&f);
}
