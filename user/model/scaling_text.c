/* SPDX-License-Identifier: BSD-2-Clause */
/* What a row of "What keeps this from scaling" says: where, and what to do about it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "model/scaling.h"

#define NUM 32
#define SUSPECTS 3 /* that a sentence names */

/* A word that a name begins with or holds, and what to do. */
struct remedy {
	const char *word;
	const char *advice;
};

static void __attribute__((format(printf, 3, 4))) append(char *buf, size_t sz, const char *fmt, ...)
{
	size_t len = strnlen(buf, sz);
	va_list ap;

	if (len + 1 >= sz)
		return;
	va_start(ap, fmt);
	vsnprintf(buf + len, sz - len, fmt, ap);
	va_end(ap);
}

static const char *plural(__u64 n)
{
	return n == 1 ? "" : "s";
}

/* A type's name without its module: "collections.deque" to "deque". */
static const char *last_part(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && dot[1] ? dot + 1 : name;
}

static bool is_one_of(const char *name, const char *const list[])
{
	for (; *list; list++)
		if (!strcmp(name, *list))
			return true;
	return false;
}

static const char *find_remedy(const char *name, const struct remedy *r)
{
	for (; r->word; r++)
		if (strcasestr(name, r->word))
			return r->advice;
	return NULL;
}

char *ft_lock_words(const struct ft_mlock *l, char *buf, size_t sz)
{
	switch (l->kind) {
	case FT_LK_THREADING:
		if (!strcmp(l->name, "_thread.lock"))
			snprintf(buf, sz, "threading.Lock");
		else if (!strcmp(l->name, "_thread.RLock"))
			snprintf(buf, sz, "threading.RLock");
		else
			snprintf(buf, sz, "%s", l->name);
		break;
	case FT_LK_OBJECT:
		snprintf(buf, sz, "%s%s%s", l->name, l->part_of[0] ? " of " : "", l->part_of);
		break;
	case FT_LK_NATIVE:
		snprintf(buf, sz, "lock in %s", l->name);
		break;
	case FT_LK_RUNTIME:
		snprintf(buf, sz, "interpreter's %s%s",
			 strstr(l->name, "lock") ? "" : "lock: ", l->name);
		break;
	default:
		snprintf(buf, sz, "locks that cannot be told apart");
		break;
	}
	return buf;
}

const char *ft_pause_words(__u32 cause)
{
	static const char *const words[FT_PC_CNT] = {
		[FT_PC_OTHER] = "pauses of the interpreter",
		[FT_PC_GC] = "garbage collection",
		[FT_PC_IMPORT] = "imports of extension modules",
		[FT_PC_FORK] = "fork",
		[FT_PC_TRACE] = "tracing or profiling switched on or off",
		[FT_PC_CLASS] = "changes of classes",
		[FT_PC_THREADS] = "more threads than ever before",
		[FT_PC_INSPECT] = "inspection of all threads or objects",
	};

	return words[cause < FT_PC_CNT ? cause : (__u32)FT_PC_OTHER];
}

/* Objects whose own lock is contended. */
static void advise_object(const struct ft_mlock *l, char *buf, size_t sz)
{
	static const char *const containers[] = {
		"list",	   "dict",	  "set",       "deque", "defaultdict",
		"Counter", "OrderedDict", "bytearray", "array", NULL};
	static const struct remedy remedies[] = {
		{"SimpleQueue", "Put several items at a time, or give each consumer a queue of its "
				"own."},
		{"iterator", "Give each thread an iterator of its own, or hand out the work in "
			     "chunks."},
		{"generator", "Give each thread a generator of its own, or hand out the work in "
			      "chunks."},
		{"itertools.", "Give each thread an iterator of its own, or hand out the work in "
			       "chunks."},
		{"_io.", "Let one thread do the writing, or collect what each thread has and write "
			 "it at once."},
		{"random", "One random.Random() per thread."},
		{NULL, NULL},
	};
	const char *name = last_part(l->name), *advice;

	if (!strcmp(l->name, "type") || !strncmp(l->part_of, "class ", 6)) {
		snprintf(buf, sz,
			 "A class is changed while threads run: set its attributes before "
			 "they start, or keep what changes in an object per thread.");
		return;
	}
	if (!strncmp(l->part_of, "globals ", 8)) {
		snprintf(buf, sz,
			 "Threads write a global variable: keep it in a local variable or an "
			 "object per thread, and store it once.");
		return;
	}
	if (is_one_of(name, containers)) {
		snprintf(buf, sz,
			 "One %s per thread, merged at the end. A Lock or more cores won't help.",
			 name);
		return;
	}
	advice = find_remedy(l->name, remedies);
	if (advice)
		snprintf(buf, sz, "%s", advice);
	else
		snprintf(buf, sz,
			 "One %s per thread, or collect in local variables and store once. A Lock "
			 "or more cores won't help.",
			 name);
}

static void advise_threading(const struct ft_mlock *l, char *buf, size_t sz)
{
	if (!strcmp(l->name, "queue.Queue"))
		snprintf(buf, sz,
			 "Put several items at a time, or use a queue per thread; "
			 "queue.SimpleQueue costs less.");
	else if (!strncmp(l->name, "concurrent.futures.", 19))
		snprintf(buf, sz,
			 "Submit larger pieces of work: fewer tasks, each with more to "
			 "do.");
	else
		snprintf(buf, sz, "Hold it shorter, or use a lock for each part of the data.");
	if (l->owner[0])
		append(buf, sz, " Who held it stood at %s.", l->owner);
}

static void advise_runtime(const struct ft_mlock *l, char *buf, size_t sz)
{
	static const char dropped[] = "Objects are dropped by other threads than made them: drop "
				      "them where they were made.";
	static const struct remedy remedies[] = {
		{"type lock", "Classes are changed while threads run (attributes set on a class, "
			      "__class__, new classes): do that before the threads start."},
		{"intern", "Threads make new names all the time (setattr() and getattr() with "
			   "computed names): make them once, before."},
		{"import", "Import before the threads start, not inside functions that they call."},
		{"tracemalloc", "Switch tracemalloc off: it has one lock for all allocations."},
		{"HEAD_LOCK", "Threads start and end all the time: keep them in a pool."},
		{"dict keys", "Objects of one class get their attributes at the same time: set "
			      "them all in __init__, always in the same order."},
		{"weakref", "Weak references to the same objects come and go in many threads: keep "
			    "one, or one per thread."},
		{"code", "The same functions are run for the first time, or instrumented, by many "
			 "threads: warm them up before the threads start."},
		{"gc", "Many threads collect garbage: gc.freeze() what stays, and raise "
		       "gc.set_threshold()."},
		{"qsbr", dropped},
		{"brc", dropped},
		{"free", dropped},
		{"trac", "Tracing is switched on or off while threads run: do that before they "
			 "start."},
		{NULL, NULL},
	};
	const char *advice = find_remedy(l->name, remedies);

	snprintf(buf, sz, "%s",
		 advice ? advice
			: "It is the interpreter's own: do what that line does once, or before the "
			  "threads start.");
}

void ft_advise_lock(const struct ft_mlock *l, char *buf, size_t sz)
{
	switch (l->kind) {
	case FT_LK_OBJECT:
		advise_object(l, buf, sz);
		break;
	case FT_LK_THREADING:
		advise_threading(l, buf, sz);
		break;
	case FT_LK_RUNTIME:
		advise_runtime(l, buf, sz);
		break;
	case FT_LK_NATIVE:
		snprintf(buf, sz,
			 "A mutex of %s itself: call it less often, with more work each time, or "
			 "give each thread a handle of its own.",
			 l->name);
		break;
	default:
		snprintf(buf, sz,
			 "Find what the threads share there: one for each thread, merged "
			 "at the end.");
		break;
	}
}

void ft_advise_share(const struct ft_mshare *sh, char *buf, size_t sz)
{
	static const char *const called[] = {"function",
					     "method",
					     "cell",
					     "code",
					     "classmethod",
					     "staticmethod",
					     "builtin_function_or_method",
					     "method_descriptor",
					     "wrapper_descriptor",
					     NULL};
	static const char *const values[] = {"int",   "float",	   "complex",  "str",	  "bytes",
					     "tuple", "frozenset", "datetime", "Decimal", NULL};
	static const char *const containers[] = {"list", "dict", "set", "deque", NULL};
	const char *name = sh ? last_part(sh->name) : "";

	if (is_one_of(name, called))
		snprintf(buf, sz,
			 "All threads call the same closure or method: make it a function of the "
			 "module (those are not counted), or build one in each thread.");
	else if (is_one_of(name, values))
		snprintf(buf, sz,
			 "All threads read the same value: bind a copy of it to a local "
			 "variable in each thread, outside the loop.");
	else if (is_one_of(name, containers))
		snprintf(buf, sz,
			 "All threads use the same %s: give each thread a copy, bound to a local "
			 "variable outside the loop.",
			 name);
	else
		snprintf(buf, sz,
			 "All threads use the same object: give each thread its own, or bind what "
			 "is read of it to a local variable outside the loop.");
}

const char *ft_advise_pause(__u32 cause)
{
	switch (cause) {
	case FT_PC_GC:
		return "Collect less often: no gc.collect() in a loop, a higher "
		       "gc.set_threshold(), "
		       "gc.freeze() for what stays, fewer container objects.";
	case FT_PC_IMPORT:
		return "Import extension modules before the threads start: each import stops all "
		       "of "
		       "them.";
	case FT_PC_FORK:
		return "Fork before the threads start, or start processes by spawn or forkserver: "
		       "os.fork() stops all threads.";
	case FT_PC_TRACE:
		return "Set tracing, profiling and sys.monitoring once, before the threads start.";
	case FT_PC_CLASS:
		return "Change classes (__class__, __bases__, __name__) before the threads start.";
	case FT_PC_THREADS:
		return "Start all threads at once, or keep them in a pool: tables for each thread "
		       "grow in a pause.";
	case FT_PC_INSPECT:
		return "Call sys._current_frames(), gc.get_objects() and the like less often: they "
		       "stop all threads.";
	default:
		return "Look at what that line calls: something in it stops all threads.";
	}
}

char *ft_gil_suspects(const struct ft_scaling *sc, char *buf, size_t sz)
{
	size_t i, shown = 0, all = sc->ext_used ? sc->ext_used : sc->ext_unknown;
	__u32 gil = sc->ext_used ? FT_EG_USED : FT_EG_UNKNOWN;

	if (sz)
		buf[0] = '\0';
	for (i = 0; i < sc->f->ext_cnt && shown < SUSPECTS; i++) {
		const struct ft_ext_rec *e = &sc->f->ext[i];

		if (e->stdlib || e->gil != gil)
			continue;
		append(buf, sz, "%s%.60s", shown ? ", " : "", e->module);
		if (e->distribution[0])
			append(buf, sz, " (%.40s)", e->distribution);
		shown++;
	}
	if (shown && all > shown)
		append(buf, sz, " and %zu more", all - shown);
	return buf;
}

static void say_lock(struct ft_loss *l)
{
	char words[128];

	if (!l->lock) {
		snprintf(l->where, sizeof(l->where), "%u more lock%s", l->others,
			 plural(l->others));
		snprintf(l->advice, sizeof(l->advice),
			 "Each costs less than 1 %% by itself: see the table of locks for the "
			 "heaviest.");
		return;
	}
	ft_lock_words(l->lock, words, sizeof(words));
	if (l->lock->objects > 1)
		snprintf(l->where, sizeof(l->where), "%u times %s", l->lock->objects, words);
	else
		snprintf(l->where, sizeof(l->where), "%s", words);
	if (l->lock->waiter[0])
		append(l->where, sizeof(l->where), " at %s", l->lock->waiter);
	ft_advise_lock(l->lock, l->advice, sizeof(l->advice));
}

static void say_share(struct ft_loss *l)
{
	const struct ft_mshare *sh = l->share;

	if (l->code == FT_CC_MERGE) {
		snprintf(l->where, sizeof(l->where),
			 "references dropped by other threads than own them");
		snprintf(l->advice, sizeof(l->advice),
			 "Drop objects in the thread that made them: hand over copies, or results "
			 "instead of objects.");
		return;
	}
	if (l->code == FT_CC_DELAYED) {
		snprintf(l->where, sizeof(l->where),
			 "memory that is freed only when no thread can look any more");
		snprintf(
			l->advice, sizeof(l->advice),
			"Shared dicts and lists grow and shrink all the time: one for each thread, "
			"or make them large once.");
		return;
	}
	if (sh)
		snprintf(l->where, sizeof(l->where), "%s%s%s",
			 sh->name[0] ? sh->name : "shared objects", sh->site[0] ? " at " : "",
			 sh->site);
	else if (l->others)
		snprintf(l->where, sizeof(l->where), "shared objects at %u more place%s", l->others,
			 plural(l->others));
	else
		snprintf(l->where, sizeof(l->where), "shared objects");
	ft_advise_share(sh, l->advice, sizeof(l->advice));
}

static void say_pause(const struct ft_scaling *sc, struct ft_loss *l)
{
	const struct ft_mpause *p = &sc->pause[l->pause];
	char num[NUM], max[NUM];

	snprintf(l->where, sizeof(l->where), "%s", ft_pause_words(l->pause));
	if (p->cnt)
		append(l->where, sizeof(l->where), ": %s%s pause%s, longest %s",
		       sc->pauses_estimated ? "about " : "",
		       ft_format_count(p->cnt, num, sizeof(num)), plural(p->cnt),
		       ft_format_ns(p->max_ns, max, sizeof(max)));
	if (p->site[0])
		append(l->where, sizeof(l->where), ", asked for at %s", p->site);
	snprintf(l->advice, sizeof(l->advice), "%s", ft_advise_pause(l->pause));
}

static void say_gil(const struct ft_model *m, const struct ft_scaling *sc, struct ft_loss *l)
{
	char suspects[160];

	if (!m->gil_present) {
		snprintf(l->where, sizeof(l->where), "the GIL, on for a while");
		snprintf(l->advice, sizeof(l->advice),
			 "Import extension modules before the threads start: the GIL is on during "
			 "each import.");
		return;
	}
	ft_gil_suspects(sc, suspects, sizeof(suspects));
	if (sc->gil_module[0]) {
		snprintf(l->where, sizeof(l->where), "%.80s enabled the GIL", sc->gil_module);
		if (sc->gil_on && sc->gil_on->ts_ns > m->info->start_ns)
			append(l->where, sizeof(l->where), " at +%.2f s",
			       (double)(sc->gil_on->ts_ns - m->info->start_ns) / 1e9);
	} else {
		snprintf(l->where, sizeof(l->where), "the GIL is on%s%s",
			 suspects[0] ? "; suspects: " : "", suspects);
	}
	if (sc->gil_ext && sc->gil_ext->distribution[0])
		snprintf(l->advice, sizeof(l->advice), "Update %.80s", sc->gil_ext->distribution);
	else if (sc->gil_module[0])
		snprintf(l->advice, sizeof(l->advice), "Update the distribution of %.80s",
			 sc->gil_module);
	else if (suspects[0])
		snprintf(l->advice, sizeof(l->advice), "Update the distributions of the suspects");
	else
		snprintf(l->advice, sizeof(l->advice), "Look for -X gil=1 and PYTHON_GIL=1");
	append(l->advice, sizeof(l->advice), "; PYTHON_GIL=0 if you know that it is safe.");
}

static void say_runq(const struct ft_model *m, const struct ft_scaling *sc, struct ft_loss *l)
{
	double others = ft_share(sc->others_ns, m->duration_ns);
	char num[NUM];

	if (m->totals->throttled_ns) {
		snprintf(l->where, sizeof(l->where), "its CPU quota stopped it for %s",
			 ft_format_ns(m->totals->throttled_ns, num, sizeof(num)));
		snprintf(l->advice, sizeof(l->advice), "Raise cpu.max, or start fewer threads.");
		return;
	}
	snprintf(l->where, sizeof(l->where), "other processes had %.2f of its cores", others);
	snprintf(l->advice, sizeof(l->advice), "Move them away, or measure again when they rest.");
}

static void say_single(const struct ft_model *m, struct ft_loss *l)
{
	const struct ft_mthread *top = NULL;
	size_t i;

	for (i = 0; i < m->thread_cnt; i++)
		if (!top || m->threads[i].want_ns > top->want_ns)
			top = &m->threads[i];
	if (top && (double)top->want_ns >= 0.9 * (double)m->all.want_ns)
		snprintf(l->where, sizeof(l->where), "%s (%u) does nearly all the work",
			 top->name[0] ? top->name : "one thread", top->tid);
	else
		snprintf(l->where, sizeof(l->where), "%.2f of %.2g cores used at once", m->par_mean,
			 m->core_limit);
	snprintf(l->advice, sizeof(l->advice),
		 "Nothing kept the other cores: split the work over more threads, or into smaller "
		 "pieces.");
}

void ft_loss_say(const struct ft_model *m, const struct ft_scaling *sc, struct ft_loss *l)
{
	switch (l->cause) {
	case FT_LOSS_LOCK:
		say_lock(l);
		break;
	case FT_LOSS_STW:
		say_pause(sc, l);
		break;
	case FT_LOSS_GIL:
		say_gil(m, sc, l);
		break;
	case FT_LOSS_RUNQ:
		say_runq(m, sc, l);
		break;
	case FT_LOSS_SINGLE:
		say_single(m, l);
		break;
	default:
		say_share(l);
		break;
	}
}
