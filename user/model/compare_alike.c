// SPDX-License-Identifier: BSD-2-Clause
/* Which sessions can be compared in what, and how that is said. */
#include <stdio.h>
#include <string.h>

#include "model/compare_part.h"

#define KEY_LEN 544  /* the longest member, and a few words */
#define NAME_COLS 80 /* of a stranger's string in a sentence */

typedef void (*key_fn)(const struct ft_model *m, char buf[KEY_LEN]);

static void host(const struct ft_model *m, char buf[KEY_LEN])
{
	snprintf(buf, KEY_LEN, "%s", m->info->host);
}

static void kernel(const struct ft_model *m, char buf[KEY_LEN])
{
	snprintf(buf, KEY_LEN, "%s", m->info->kernel);
}

static void cpu_cnt(const struct ft_model *m, char buf[KEY_LEN])
{
	snprintf(buf, KEY_LEN, "%u", m->info->cpu_cnt);
}

static void cores(const struct ft_model *m, char buf[KEY_LEN])
{
	snprintf(buf, KEY_LEN, "%g", m->core_limit);
}

static void version(const struct ft_model *m, char buf[KEY_LEN])
{
	snprintf(buf, KEY_LEN, "%s", m->info->ftprof_version);
}

static void tick_hz(const struct ft_model *m, char buf[KEY_LEN])
{
	snprintf(buf, KEY_LEN, "%u a second", m->info->tick_hz);
}

static void engine(const struct ft_model *m, char buf[KEY_LEN])
{
	snprintf(buf, KEY_LEN, "%s",
		 m->info->engine == FT_ENGINE_PASSIVE ? "passive" : "with GIL probes");
}

static void events(const struct ft_model *m, char buf[KEY_LEN])
{
	snprintf(buf, KEY_LEN, "%s", m->info->has_events ? "with" : "without");
}

static void python(const struct ft_model *m, char buf[KEY_LEN])
{
	snprintf(buf, KEY_LEN, "%s%s%s", m->info->python, m->info->free_threaded ? "t" : "",
		 m->info->gil == FT_GIL_ENABLED ? ", GIL switched on" : "");
}

/* Without the interpreter's name: that is what differs between two builds. */
static void program(const struct ft_model *m, char buf[KEY_LEN])
{
	const char *args = strchr(m->info->cmdline, ' ');

	snprintf(buf, KEY_LEN, "%s", args ? args + 1 : m->info->cmdline);
}

static void command(const struct ft_model *m, char buf[KEY_LEN])
{
	snprintf(buf, KEY_LEN, "%s", m->info->cmdline);
}

static const struct {
	key_fn key;
	unsigned int fails;
	const char *what;
	const char *left_out;
} conditions[] = {
	{host, FT_CD_MACHINE, "Different machines", "times and counts are not compared"},
	{kernel, FT_CD_MACHINE, "Different kernels", "times and counts are not compared"},
	{cpu_cnt, FT_CD_MACHINE, "Machines with different numbers of CPUs",
	 "times and counts are not compared"},
	{cores, FT_CD_CORES, "Different numbers of usable cores",
	 "wall time and waits, which hang on them, are not compared"},
	{version, FT_CD_VERSION, "Recorded by different versions of ftprof",
	 "what they may define differently (locks, pauses, sleeps, lost time) is not compared"},
	{tick_hz, FT_CD_TICKS, "Different tick rates",
	 "how on-core time is divided (GIL held, spinning, shared objects) is not compared"},
	{engine, FT_CD_TICKS | FT_CD_WAITS, "Different engines",
	 "GIL held, and single GIL waits, are not compared"},
	{events, FT_CD_EVENTS, "With and without events",
	 "core time lost by cause is not compared"},
};

/*
 * The keys of the first two sessions that differ in it; false when all used ones agree. An empty
 * one is not known (the command line of a process that lived for milliseconds): it agrees.
 */
static bool differ(const struct ft_compare *c, int side_from, int side_to, key_fn key,
		   char first[KEY_LEN], char other[KEY_LEN])
{
	bool any = false;
	int side;
	size_t i;

	for (side = side_from; side <= side_to; side++) {
		for (i = 0; i < c->cnt[side]; i++) {
			if (c->session[side][i].unused)
				continue;
			key(c->session[side][i].m, any ? other : first);
			if (any && other[0] && strcmp(first, other))
				return true;
			any = any || first[0];
		}
	}
	return false;
}

static void add_pair(struct ft_text *out, const char *what, const char *a, const char *b)
{
	ft_text_printf(out, "%s (", what);
	ft_text_add_safe(out, a, NAME_COLS);
	ft_text_add(out, " and ");
	ft_text_add_safe(out, b, NAME_COLS);
	ft_text_add(out, ")");
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_damaged(const struct ft_model *m)
{
	return m->damage != NULL;
}

static bool is_empty(const struct ft_model *m)
{
	return !m->damage && !m->duration_ns;
}

static bool is_lossy(const struct ft_model *m)
{
	return m->lost != 0;
}

static bool is_blind(const struct ft_model *m)
{
	return m->missed_threads != 0;
}

static bool is_without_gil(const struct ft_model *m)
{
	return m->info->gil == FT_GIL_UNKNOWN;
}

static bool is_failed(const struct ft_model *m)
{
	return m->info->end == FT_END_EXIT && m->info->end_status > 0;
}

/* What is wrong with a session by itself. Those of the first rows are in no figure. */
static const struct {
	bool (*is)(const struct ft_model *m);
	unsigned int fails;
	bool unused;
	const char *words;
} troubles[] = {
	{is_damaged, 0, true, "damaged, so in no figure"},
	{is_empty, 0, true, "without any length, so in no figure"},
	{is_lossy, FT_CD_EVENTS, false,
	 "events were lost: timelines have gaps, and core time lost by cause is not compared"},
	{is_blind, FT_CD_THREADS, false,
	 "some threads were not seen: sums over threads are not compared"},
	{is_without_gil, FT_CD_GIL, false,
	 "the GIL was not seen: what is about the GIL is not compared"},
	{is_failed, 0, false, "the program failed"},
};

/* One sentence for all sessions with the same trouble. Returns the FT_CD_* that fail. */
static unsigned int trouble(struct ft_compare *c, size_t no)
{
	const struct ft_cmp_session *first = NULL;
	struct ft_text *out;
	size_t cnt = 0, i;
	int side;

	for (side = 0; side < 2; side++) {
		for (i = 0; i < c->cnt[side]; i++) {
			struct ft_cmp_session *s = &c->session[side][i];

			if (s->unused || !troubles[no].is(s->m))
				continue;
			first = first ? first : s;
			cnt++;
			s->unused = troubles[no].unused;
		}
	}
	if (!cnt)
		return 0;
	out = troubles[no].fails || troubles[no].unused ? &c->not_compared : &c->notes;
	ft_text_add_safe(out, base_name(first->path), NAME_COLS);
	if (cnt > 1)
		ft_text_printf(out, " and %zu more", cnt - 1);
	ft_text_printf(out, ": %s.\n", troubles[no].words);
	return troubles[no].fails;
}

/* Does every session last as long as its program? */
static bool whole_runs(const struct ft_compare *c)
{
	int side;
	size_t i;

	for (side = 0; side < 2; side++)
		for (i = 0; i < c->cnt[side]; i++)
			if (!c->session[side][i].unused &&
			    c->session[side][i].m->info->end != FT_END_EXIT)
				return false;
	return true;
}

/* Core-seconds by cause are known of free-threaded builds, single waits where there are some. */
static unsigned int by_build(struct ft_compare *c)
{
	size_t with_waits = 0, free_threaded = 0, all = 0, i;
	unsigned int fails = 0;
	int side;

	for (side = 0; side < 2; side++) {
		for (i = 0; i < c->cnt[side]; i++) {
			const struct ft_cmp_session *s = &c->session[side][i];

			if (s->unused)
				continue;
			all++;
			free_threaded += s->m->info->free_threaded;
			with_waits += s->m->waits != 0;
		}
	}
	if (free_threaded < all)
		fails |= FT_CD_LOSSES;
	if (with_waits < all)
		fails |= FT_CD_WAITS;
	if (free_threaded && free_threaded < all)
		ft_text_add(&c->not_compared, "Core time lost by cause is known of free-threaded "
					      "builds only: it is not compared.\n");
	if (with_waits && with_waits < all)
		ft_text_add(&c->not_compared, "Not all sessions have GIL waits: how long one "
					      "takes is not compared.\n");
	return fails;
}

static void notes(struct ft_compare *c)
{
	char a[KEY_LEN], b[KEY_LEN];
	bool mixed = false;
	int side;

	for (side = 0; side < 2; side++) {
		if (differ(c, side, side, command, a, b)) {
			mixed = true;
			ft_text_printf(&c->notes, "Side %c mixes ", "AB"[side]);
			add_pair(&c->notes, "commands", a, b);
			ft_text_add(&c->notes, ": what differs among them counts as noise.\n");
		}
		if (differ(c, side, side, python, a, b)) {
			ft_text_printf(&c->notes, "Side %c mixes ", "AB"[side]);
			add_pair(&c->notes, "builds", a, b);
			ft_text_add(&c->notes, ": what differs among them counts as noise.\n");
		}
	}
	if (!mixed && differ(c, 0, 1, program, a, b)) {
		add_pair(&c->notes, "Different programs", a, b);
		ft_text_add(&c->notes, ": that they do the same work is for you to know.\n");
	}
}

unsigned int ft_compare_alike(struct ft_compare *c)
{
	char a[KEY_LEN], b[KEY_LEN];
	unsigned int fails = 0;
	size_t i;

	for (i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++)
		fails |= trouble(c, i);
	c->rates = !whole_runs(c);
	for (i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
		if (!differ(c, 0, 1, conditions[i].key, a, b))
			continue;
		fails |= conditions[i].fails;
		add_pair(&c->not_compared, conditions[i].what, a, b);
		ft_text_printf(&c->not_compared, ": %s.\n", conditions[i].left_out);
	}
	fails |= by_build(c);
	if (c->rates) {
		fails |= FT_CD_LENGTH;
		ft_text_add(&c->not_compared,
			    "Not every session ends with its program: wall time says nothing, "
			    "and times and counts are compared per second.\n");
	}
	notes(c);
	return fails;
}
