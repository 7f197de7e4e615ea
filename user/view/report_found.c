/* SPDX-License-Identifier: BSD-2-Clause */
/* The interpreter's block of the text report: pauses, collections, extensions, sharing, memory. */
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "model/scaling.h"
#include "view/report_part.h"

#define NUM FT_PCT_LEN
#define BOLD "\x1b[1m"
#define RESET "\x1b[0m"
#define EXTENSIONS_MAX 8
#define COUNTERS_MAX 4 /* threads whose hardware counters are shown */
#define NOTABLE 0.005  /* of the time on cores: below it there is nothing to say */

/* The block as it grows: its heading comes with its first line. */
struct block {
	struct ft_text *out;
	const struct ft_model *m;
	const struct ft_report_opts *o;
	bool begun;
};

static void line(struct block *b, struct ft_flow *f, const char *what)
{
	if (!b->begun)
		ft_text_printf(b->out, "\n%sINTERPRETER%s\n", b->o->color ? BOLD : "",
			       b->o->color ? RESET : "");
	b->begun = true;
	ft_report_label(f, b->out, b->o, what);
}

static const char *about(const struct ft_scaling *sc)
{
	return sc->pauses_estimated ? "about " : "";
}

static void put_pauses(struct block *b)
{
	const struct ft_scaling *sc = b->m->scaling;
	const struct ft_mpause *all = &sc->pauses;
	char num[NUM], ns[NUM];
	struct ft_flow f;
	__u32 n;

	if (!all->cnt)
		return;
	line(b, &f, "stop-the-world");
	ft_flow_printf(&f, 0, "%s%s pause%s,", about(sc),
		       ft_format_count(all->cnt, num, sizeof(num)), all->cnt == 1 ? "" : "s");
	ft_flow_printf(&f, 1, "%s stopped", ft_format_ns(all->stopped_ns, ns, sizeof(ns)));
	ft_flow_printf(&f, 1, "(%s of the session)",
		       ft_report_pct(ft_share(all->stopped_ns, b->m->duration_ns), num));
	ft_flow_printf(&f, 2, "median %s", ft_format_ns(sc->pause_p50_ns, ns, sizeof(ns)));
	ft_flow_printf(&f, 2, "p99 %s", ft_format_ns(sc->pause_p99_ns, ns, sizeof(ns)));
	ft_flow_printf(&f, 2, "max %s", ft_format_ns(all->max_ns, ns, sizeof(ns)));
	if (all->to_stop_ns)
		ft_flow_printf(&f, 2, "until all stood %s",
			       ft_format_ns(all->to_stop_ns, ns, sizeof(ns)));
	ft_flow_end(&f);
	for (n = 1; n <= FT_PC_CNT; n++) {
		__u32 i = n % FT_PC_CNT; /* FT_PC_OTHER last */
		const struct ft_mpause *p = &sc->pause[i];
		char label[32];

		if (!p->cnt)
			continue;
		snprintf(label, sizeof(label), " for %s", ft_pause_name(i));
		line(b, &f, label);
		ft_flow_item(&f, 0, ft_format_count(p->cnt, num, sizeof(num)));
		ft_flow_printf(&f, 2, "%s", ft_format_ns(p->stopped_ns, ns, sizeof(ns)));
		ft_flow_printf(&f, 2, "max %s", ft_format_ns(p->max_ns, ns, sizeof(ns)));
		if (p->site[0]) {
			ft_flow_item(&f, 2, "at");
			ft_flow_words(&f, p->site);
		}
		if (i == FT_PC_OTHER && p->func[0])
			ft_flow_printf(&f, 2, "by %s", p->func);
		ft_flow_end(&f);
	}
}

/*
 * Collections of a generation. The interpreter's own count is of its main interpreter, up to its
 * last look where the process ended before the session; the probes' is of all that they timed.
 */
static __u64 gc_runs(const struct ft_findings *found, int gen)
{
	__u64 told = found->gc_known ? found->gc_runs[gen] : 0;
	__u64 timed = found->gc_exact ? found->gc_timed[gen] : 0;

	return told > timed ? told : timed;
}

/* Collections by generation, and how long they took where that is known. */
static void put_gens(struct ft_flow *f, const struct ft_findings *found)
{
	__u64 runs[FT_GC_GENS], left = 0;
	char num[NUM], ns[NUM], max[NUM];
	int i;

	for (i = 0; i < FT_GC_GENS; i++)
		left += runs[i] = gc_runs(found, i);
	ft_flow_printf(f, 0, "%s run%s:", ft_format_count(left, num, sizeof(num)),
		       left == 1 ? "" : "s");
	for (i = 0; i < FT_GC_GENS; i++) {
		bool timed = found->gc_exact && found->gc_timed[i];

		if (!runs[i])
			continue;
		left -= runs[i];
		ft_flow_printf(f, 1, "%s of generation %d%s",
			       ft_format_count(runs[i], num, sizeof(num)), i,
			       left && !timed ? "," : "");
		if (!timed)
			continue;
		ft_flow_printf(
			f, 1, "(%s, max %s)%s", ft_format_ns(found->gc_ns[i], ns, sizeof(ns)),
			ft_format_ns(found->gc_max_ns[i], max, sizeof(max)), left ? "," : "");
	}
}

static void put_gc(struct block *b)
{
	const struct ft_scaling *sc = b->m->scaling;
	const struct ft_findings *found = sc->f;
	bool any = gc_runs(found, 0) || gc_runs(found, 1) || gc_runs(found, 2);
	double part = ft_share(sc->sharing.gc_ns, b->m->all.on_ns);
	struct ft_flow f;
	char p[NUM];

	if (!any && part < NOTABLE)
		return;
	line(b, &f, "garbage collection");
	if (any)
		put_gens(&f, found);
	if (part > 0) {
		ft_flow_printf(&f, 2, "%s", ft_report_pct(part, p));
		ft_flow_printf(&f, 1, "(%s %s)", b->o->ascii ? "+-" : "±",
			       ft_report_pct(ft_share(sc->sharing.gc_err_ns, b->m->all.on_ns), p));
		ft_flow_words(&f, "of the time on cores");
	}
	ft_flow_end(&f);
}

/* Only those that ask for the GIL, or that cannot be told. */
static void put_extensions(struct block *b)
{
	const struct ft_scaling *sc = b->m->scaling;
	size_t bad = sc->ext_used + sc->ext_unknown, shown = 0, i;
	struct ft_flow f;

	if (!bad)
		return;
	line(b, &f, "extension modules");
	ft_flow_printf(&f, 0, "%zu of %zu", bad, sc->f->ext_cnt);
	ft_flow_words(&f, b->m->info->free_threaded
				  ? "may bring the GIL back: update the distribution of"
				  : "may bring the GIL back in a free-threaded build:");
	for (i = 0; i < sc->f->ext_cnt && shown < EXTENSIONS_MAX; i++) {
		const struct ft_ext_rec *e = &sc->f->ext[i];

		if (e->stdlib || e->gil == FT_EG_NOT_USED)
			continue;
		shown++;
		ft_flow_item(&f, 1, e->module);
		if (e->distribution[0] || e->gil == FT_EG_UNKNOWN)
			ft_flow_printf(&f, 1, "(%s%s%s)%s", e->distribution,
				       e->distribution[0] && e->gil == FT_EG_UNKNOWN ? ", " : "",
				       e->gil == FT_EG_UNKNOWN ? "cannot tell" : "",
				       shown < bad ? "," : "");
		else if (shown < bad)
			ft_flow_item(&f, 0, ",");
	}
	if (shown < bad)
		ft_flow_printf(&f, 1, "and %zu more", bad - shown);
	ft_flow_end(&f);
}

static void put_gil(struct block *b)
{
	const struct ft_scaling *sc = b->m->scaling;
	__u64 start = b->m->info->start_ns;
	struct ft_flow f;

	if (!b->m->info->free_threaded || !sc->gil_on)
		return;
	line(b, &f, "GIL enabled");
	if (sc->gil_on->ts_ns > start)
		ft_flow_printf(&f, 0, "%sat +%.2f s", sc->gil_on->exact ? "" : "seen ",
			       (double)(sc->gil_on->ts_ns - start) / 1e9);
	else
		ft_flow_words(&f, "before the session");
	if (sc->gil_module[0]) {
		ft_flow_item(&f, 1, "by");
		ft_flow_item(&f, 1, sc->gil_module);
	}
	if (sc->gil_ext && sc->gil_ext->distribution[0])
		ft_flow_printf(&f, 1, "(%s)", sc->gil_ext->distribution);
	ft_flow_end(&f);
}

static void put_sharing(struct block *b)
{
	const struct ft_sharing *sh = &b->m->scaling->sharing;
	__u64 on = b->m->all.on_ns;
	const char *pm = b->o->ascii ? "+-" : "±";
	char p[NUM];
	struct ft_flow f;

	if (!b->m->info->free_threaded ||
	    ft_share(sh->shared_ns + sh->merge_ns + sh->delayed_ns, on) < NOTABLE)
		return;
	line(b, &f, "sharing");
	ft_flow_printf(&f, 0, "reference counts %s", ft_report_pct(ft_share(sh->shared_ns, on), p));
	ft_flow_printf(&f, 1, "(%s %s),", pm, ft_report_pct(ft_share(sh->shared_err_ns, on), p));
	ft_flow_printf(&f, 1, "%s of objects that several threads use,",
		       ft_report_pct(ft_share(sh->hot_ns, on), p));
	ft_flow_printf(&f, 1, "merging them %s,", ft_report_pct(ft_share(sh->merge_ns, on), p));
	ft_flow_printf(&f, 1, "delayed frees %s", ft_report_pct(ft_share(sh->delayed_ns, on), p));
	ft_flow_words(&f, "of the time on cores");
	ft_flow_end(&f);
}

static const char *thread_name(const struct ft_model *m, __u32 tid)
{
	size_t i;

	for (i = 0; i < m->thread_cnt; i++)
		if (m->threads[i].tid == tid && m->threads[i].name[0])
			return m->threads[i].name;
	return "thread";
}

/* Threads with the most cycles; without a PMU the sentence that says so. */
static void put_counters(struct block *b)
{
	const struct ft_findings *found = b->m->scaling->f;
	size_t i, k, top[COUNTERS_MAX], cnt = 0;
	struct ft_flow f;
	char num[NUM];

	if (!found->pmu_ok && !found->pmu_why[0])
		return;
	line(b, &f, "hardware counters");
	if (!found->pmu_ok) {
		ft_flow_words(&f, "not available here:");
		ft_flow_words(&f, found->pmu_why);
		ft_flow_end(&f);
		return;
	}
	for (i = 0; i < found->pmu_cnt; i++) {
		if (cnt == COUNTERS_MAX && found->pmu[top[cnt - 1]].cycles >= found->pmu[i].cycles)
			continue;
		cnt += cnt < COUNTERS_MAX;
		for (k = cnt - 1; k && found->pmu[top[k - 1]].cycles < found->pmu[i].cycles; k--)
			top[k] = top[k - 1];
		top[k] = i;
	}
	for (i = 0; i < cnt; i++) {
		const struct ft_pmu_rec *r = &found->pmu[top[i]];

		ft_flow_printf(&f, i ? 2 : 0, "%s (%u):", thread_name(b->m, r->tid), r->tid);
		ft_flow_printf(&f, 1, "%.2f instructions a cycle,",
			       ft_share(r->instructions, r->cycles));
		ft_flow_printf(&f, 1, "%s cache misses%s",
			       ft_format_count(r->cache_misses, num, sizeof(num)),
			       i + 1 < cnt ? ";" : "");
	}
	ft_flow_end(&f);
}

static void put_memory(struct block *b)
{
	const struct ft_findings *found = b->m->scaling->f;
	const struct ft_memory_rec *v = found->memory;
	__u64 max = 0;
	struct ft_flow f;
	char num[NUM];
	size_t i;

	if (!found->memory_cnt && !found->bytecode_copies)
		return;
	line(b, &f, "memory");
	for (i = 0; i < found->memory_cnt; i++)
		max = v[i].rss_bytes > max ? v[i].rss_bytes : max;
	if (found->memory_cnt) {
		ft_flow_printf(&f, 0, "%.1f MiB at first,", (double)v[0].rss_bytes / (1 << 20));
		ft_flow_printf(&f, 1, "%.1f at most,", (double)max / (1 << 20));
		ft_flow_printf(&f, 1, "%.1f at last",
			       (double)v[found->memory_cnt - 1].rss_bytes / (1 << 20));
	}
	if (found->bytecode_copies) {
		ft_flow_printf(&f, 2, "%s copies of bytecode for threads",
			       ft_format_count(found->bytecode_copies, num, sizeof(num)));
		ft_flow_printf(&f, 1, "(%.1f KiB)", (double)found->bytecode_copy_bytes / 1024);
	}
	ft_flow_end(&f);
}

void ft_report_found(struct ft_text *out, const struct ft_model *m, const struct ft_report_opts *o)
{
	struct block b = {.out = out, .m = m, .o = o};

	put_gil(&b);
	put_pauses(&b);
	put_gc(&b);
	put_extensions(&b);
	put_sharing(&b);
	if (m->info->free_threaded)
		put_counters(&b);
	put_memory(&b);
}
