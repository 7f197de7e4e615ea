// SPDX-License-Identifier: BSD-2-Clause
/* A comparison in words: values with their units, and the sentences of the summary. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "model/compare_part.h"

#define WORTH_SAYING 0.01 /* of the CPU time: waits that changed by less are for the table */
#define LARGE_NOISE 1.1	  /* what an interval may leave open without a word */

const char *ft_cmp_unit_name(enum ft_cmp_unit u)
{
	static const char *const names[] = {"ns", "count", "cores", "core_share", "ns/s", "1/s"};

	return (unsigned int)u < 6 ? names[u] : "count";
}

char *ft_cmp_format(double v, enum ft_cmp_unit u, char *buf, size_t sz)
{
	char sign[2] = {v < 0 ? '-' : 0, 0}, num[48];
	double abs = fmin(fabs(v), 1.8e19);
	__u64 whole = (__u64)(abs + 0.5);

	switch (u) {
	case FT_CU_NS:
		snprintf(buf, sz, "%s%s", sign, ft_format_ns(whole, num, sizeof(num)));
		break;
	case FT_CU_NS_RATE:
		snprintf(buf, sz, "%s%s/s", sign, ft_format_ns(whole, num, sizeof(num)));
		break;
	case FT_CU_COUNT:
		snprintf(buf, sz, "%s%s", sign, ft_format_count(whole, num, sizeof(num)));
		break;
	case FT_CU_CNT_RATE:
		if (abs < 100)
			snprintf(num, sizeof(num), "%.3g", abs);
		else
			ft_format_count(whole, num, sizeof(num));
		snprintf(buf, sz, "%s%s/s", sign, num);
		break;
	case FT_CU_SHARE:
		snprintf(buf, sz, "%s%.2g %%", sign, abs * 100);
		break;
	default:
		snprintf(buf, sz, "%s%.2f", sign, abs);
	}
	return buf;
}

char *ft_cmp_format_ratio(double v, char *buf, size_t sz)
{
	/* just above 1 too: two digits would say that nothing changed */
	if (v > 0 && v < 0.001)
		snprintf(buf, sz, "<0.001");
	else if (v >= 0.1 && v < 1.1)
		snprintf(buf, sz, "%.3f", v);
	else if (v >= 1 && v < 10)
		snprintf(buf, sz, "%.2f", v);
	else
		snprintf(buf, sz, "%.3g", v);
	return buf;
}

char *ft_cmp_format_coverage(double coverage, char *buf, size_t sz)
{
	/* rounded down: 99.98 % is not 100 % */
	snprintf(buf, sz, "%.1f %%", floor(coverage * 1000) / 10);
	return buf;
}

/* "0.61 to 0.64", of a ratio or its inverse. */
static const char *span(double lo, double hi, char *buf, size_t sz)
{
	char a[32], b[32];

	snprintf(buf, sz, "%s to %s", ft_cmp_format_ratio(lo, a, sizeof(a)),
		 ft_cmp_format_ratio(hi, b, sizeof(b)));
	return buf;
}

/* "1.98 times the CPU time (1.95 to 2.01)" */
static void cpu_times(struct ft_text *out, const struct ft_cmp_row *cpu)
{
	char buf[80], mid[32];

	ft_text_printf(out, "%s times the CPU time",
		       ft_cmp_format_ratio(cpu->est.mid, mid, sizeof(mid)));
	if (cpu->verdict != FT_CV_UNKNOWN)
		ft_text_printf(out, " (%s)", span(cpu->est.lo, cpu->est.hi, buf, sizeof(buf)));
}

static void too_few(struct ft_text *out, const struct ft_compare *c)
{
	ft_text_printf(out, "%s to tell a difference from noise: 4 a side at least.",
		       c->row[0].side[0].cnt == 1 && c->row[0].side[1].cnt == 1
			       ? "One run of each is too few"
			       : "Too few runs");
}

static void say_unknown(struct ft_compare *c, const struct ft_cmp_row *wall,
			const struct ft_cmp_row *cpu)
{
	struct ft_text *out = &c->summary;
	char mid[32];

	if (wall)
		ft_text_printf(out, "B took %s times as long as A%s",
			       ft_cmp_format_ratio(wall->est.mid, mid, sizeof(mid)),
			       cpu ? ", with " : "");
	else if (cpu)
		ft_text_add(out, "In the same time B took ");
	if (cpu)
		cpu_times(out, cpu);
	if (wall || cpu)
		ft_text_add(out, ". ");
	too_few(out, c);
}

static void say_wall(struct ft_compare *c, const struct ft_cmp_row *wall,
		     const struct ft_cmp_row *cpu)
{
	const struct ft_estimate *e = &wall->est;
	struct ft_text *out = &c->summary;
	bool less = wall->verdict == FT_CV_LESS;
	char buf[80], mid[32], level[16];

	ft_cmp_format_coverage(e->coverage, level, sizeof(level));
	if (wall->verdict == FT_CV_SAME)
		ft_text_printf(out, "The wall time is the same within noise (%s, %s interval)",
			       span(e->lo, e->hi, buf, sizeof(buf)), level);
	else if (less)
		ft_text_printf(out, "B is %s times as fast as A (%s, %s interval)",
			       ft_cmp_format_ratio(1 / e->mid, mid, sizeof(mid)),
			       span(1 / e->hi, 1 / e->lo, buf, sizeof(buf)), level);
	else
		ft_text_printf(out, "B takes %s times as long as A (%s, %s interval)",
			       ft_cmp_format_ratio(e->mid, mid, sizeof(mid)),
			       span(e->lo, e->hi, buf, sizeof(buf)), level);
	if (!cpu) {
		ft_text_add(out, ".");
		return;
	}
	if (cpu->verdict == FT_CV_SAME) {
		ft_text_add(out, "; CPU time is the same within noise.");
		return;
	}
	ft_text_add(out, wall->verdict == FT_CV_SAME	      ? ", but B takes "
			 : less && cpu->verdict == FT_CV_MORE ? ", at the price of "
							      : ", with ");
	cpu_times(out, cpu);
	ft_text_add(out, ".");
}

static void say_cpu(struct ft_compare *c, const struct ft_cmp_row *cpu)
{
	struct ft_text *out = &c->summary;
	char buf[80], level[16];

	ft_cmp_format_coverage(cpu->est.coverage, level, sizeof(level));
	if (cpu->verdict == FT_CV_SAME) {
		ft_text_printf(out,
			       "No difference in CPU time%s: it is within noise (B / A from %s, %s "
			       "interval).",
			       c->rates ? " a second" : "",
			       span(cpu->est.lo, cpu->est.hi, buf, sizeof(buf)), level);
		return;
	}
	ft_text_add(out, c->rates ? "In the same time B takes " : "B takes ");
	cpu_times(out, cpu);
	ft_text_printf(out, ", %s interval.", level);
}

/* Many figures, each wrong once in a hundred: what of the others is to be expected. */
static void say_others(struct ft_compare *c)
{
	size_t differ = 0, i;

	for (i = 0; i < c->row_cnt; i++)
		differ += c->row[i].verdict == FT_CV_MORE || c->row[i].verdict == FT_CV_LESS;
	if (differ)
		ft_text_printf(&c->summary,
			       " %zu of the other %zu figures differ%s; by chance alone %.1f "
			       "would.",
			       differ, c->row_cnt - 2, differ == 1 ? "s" : "",
			       (double)(c->row_cnt - 2) * (1 - c->rank.coverage));
}

static void say_same(struct ft_compare *c, const struct ft_cmp_row *wall,
		     const struct ft_cmp_row *cpu)
{
	double hidden = fmax(wall->est.hi, 1 / wall->est.lo);
	char x[80], y[80], level[16];

	ft_text_printf(&c->summary,
		       "No difference%s: wall time (B / A %s) and CPU time (%s) are within noise, "
		       "%s intervals.",
		       hidden > LARGE_NOISE ? " can be told" : "",
		       span(wall->est.lo, wall->est.hi, x, sizeof(x)),
		       span(cpu->est.lo, cpu->est.hi, y, sizeof(y)),
		       ft_cmp_format_coverage(c->rank.coverage, level, sizeof(level)));
	if (hidden > LARGE_NOISE)
		ft_text_printf(&c->summary,
			       " The runs of a side differ so much that a factor of %s may hide in "
			       "it: more runs, or a quieter machine, would tell.",
			       ft_cmp_format_ratio(hidden, x, sizeof(x)));
	say_others(c);
}

/* What threads wait for: the one that changed most, one way. */
static void say_wait(struct ft_compare *c, const struct ft_cmp_row *cpu, int sign)
{
	static const struct {
		const char *name, *words;
	} waits[] = {
		{"gil_wait_ns", "waiting for the GIL"}, {"lock_wait_ns", "waiting for inner locks"},
		{"spin_ns", "spinning for locks"},	{"stw_ns", "standing still for pauses"},
		{"runq_ns", "waiting for a core"},
	};
	const struct ft_cmp_row *best = NULL;
	double most = WORTH_SAYING * fmax(cpu->side[0].median, cpu->side[1].median);
	const char *words = "";
	char x[48], y[48];
	size_t i;

	for (i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		const struct ft_cmp_row *r = ft_compare_row(c, waits[i].name);
		double by = r ? sign * (r->side[1].median - r->side[0].median) : 0;

		if (!r || r->verdict == FT_CV_SAME || by <= most)
			continue;
		most = by;
		best = r;
		words = waits[i].words;
	}
	if (best)
		ft_text_printf(&c->summary, " %s %s: %s in A, %s in B.", sign < 0 ? "Less" : "More",
			       words, ft_cmp_format(best->side[0].median, best->unit, x, sizeof(x)),
			       ft_cmp_format(best->side[1].median, best->unit, y, sizeof(y)));
}

void ft_compare_summary(struct ft_compare *c)
{
	const struct ft_cmp_row *wall = ft_compare_row(c, "wall_ns");
	const struct ft_cmp_row *cpu = ft_compare_row(c, "cpu_ns");

	if (cpu && !cpu->est.ratio) /* no CPU time at all */
		cpu = NULL;
	if (!c->row_cnt) {
		ft_text_add(&c->summary, "These sessions cannot be compared.");
		return;
	}
	if (!c->rank.k)
		say_unknown(c, wall, cpu);
	else if (wall && cpu && wall->verdict == FT_CV_SAME && cpu->verdict == FT_CV_SAME)
		say_same(c, wall, cpu);
	else if (wall)
		say_wall(c, wall, cpu);
	else if (cpu)
		say_cpu(c, cpu);
	else
		ft_text_add(&c->summary, "Neither wall time nor CPU time can be compared.");
	if (cpu && (cpu->verdict != FT_CV_SAME || (wall && wall->verdict != FT_CV_SAME))) {
		say_wait(c, cpu, -1);
		say_wait(c, cpu, 1);
	}
}
