// SPDX-License-Identifier: BSD-2-Clause
/* ftprof top -p PID: a live screen. */
#include <argp.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fileio.h"
#include "base/log.h"
#include "base/units.h"
#include "capture/capture.h"
#include "cmd/cmd.h"
#include "cmd/session.h"
#include "cmd/show.h"
#include "cmd/top_record.h"
#include "cmd/top_term.h"
#include "os/procfs.h"
#include "python/look.h"
#include "view/look_view.h"
#include "view/top_screen.h"

#define TICK_HZ 499
#define STACK_HZ 199
#define SEC 1000000000ull
#define PERIOD_MIN_NS 100000000ull
#define PERIOD_MAX_NS (60 * SEC)
#define EVENTS_MAX 65536 /* 4 MB: what a timeline of a hundred columns is drawn from in 20 ms */
#define BATCH_ROWS 60
#define NOTE_SHOWN 6 /* looks */

enum { OPT_BATCH = 1000, OPT_ASCII, OPT_WIDTH, OPT_NO_PROBES };

static const __u64 windows[] = {SEC, 2 * SEC, 5 * SEC, 10 * SEC, 30 * SEC, 60 * SEC};

#define WINDOWS ((int)(sizeof(windows) / sizeof(windows[0])))
#define WINDOW_DEFAULT 2

struct opts {
	int pid;
	__u64 period_ns;
	long batch; /* screens, 0: a terminal */
	int width;
	bool no_probes;
	struct ft_show_opts show; /* for what the terminal can do */
};

struct top {
	const struct opts *o;
	struct ft_window *window;
	struct ft_term *term; /* NULL: not yet, or --batch */
	struct ft_top_ui ui;
	struct ft_runtime *rt; /* for looks at stacks; NULL until the first one */
	struct ft_text stack;
	struct ft_top_record record;
	int length; /* index into windows[] */
	long screens;
	bool ascii, color;
	int note_left;
	char note[512];
	char recording[512];
};

static const struct argp_option options[] = {
	{"pid", 'p', "PID", 0, "The process (`ftprof` lists them)", 10},
	{"interval", 'i', "SECONDS", 0, "Time between two screens (1; also 500ms)", 10},
	{"no-probes", OPT_NO_PROBES, NULL, 0,
	 "Plant nothing in a free-threaded process either: pauses are not counted then", 10},
	{"batch", OPT_BATCH, "N", 0, "Print N screens as text; needs no terminal", 20},
	{"width", OPT_WIDTH, "COLUMNS", 0, "Of a screen that is printed (80)", 20},
	{"ascii", OPT_ASCII, NULL, 0, "No characters beyond ASCII", 20},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct opts *o = state->input;
	long n;

	switch (key) {
	case 'p':
		if (ft_parse_long(arg, 1, 1 << 22, &n))
			ft_usage("top", "-p %s: a process id is needed (`ftprof` lists them)", arg);
		o->pid = (int)n;
		break;
	case 'i':
		if (ft_parse_duration(arg, &o->period_ns) || o->period_ns < PERIOD_MIN_NS ||
		    o->period_ns > PERIOD_MAX_NS)
			ft_usage("top", "-i %s: a time from 100ms to 60s is needed", arg);
		break;
	case OPT_BATCH:
		if (ft_parse_long(arg, 1, 1000000, &o->batch))
			ft_usage("top", "--batch %s: a number of screens is needed", arg);
		break;
	case OPT_WIDTH:
		if (ft_parse_long(arg, 20, 1000, &n))
			ft_usage("top", "--width %s: a number from 20 to 1000 is needed", arg);
		o->width = (int)n;
		break;
	case OPT_ASCII:
		o->show.ascii = 1;
		break;
	case OPT_NO_PROBES:
		o->no_probes = true;
		break;
	case ARGP_KEY_ARG:
		ft_usage("top", "%s: only options are known; the process is named by -p PID", arg);
	case ARGP_KEY_END:
		if (!o->pid)
			ft_usage("top", "a process (-p PID) is needed; `ftprof` lists them");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static void size_of(const struct top *t, int *rows, int *cols)
{
	*rows = BATCH_ROWS;
	*cols = t->o->width;
	if (t->term)
		ft_term_size(t->term, rows, cols);
}

static int print(const struct ft_top_grid *g, bool first)
{
	struct ft_text out = {0};
	int err;

	if (!first)
		ft_text_add(&out, "\n");
	ft_top_grid_text(g, &out);
	err = out.err;
	if (!err && out.len)
		err = ft_write_all(STDOUT_FILENO, out.s, out.len);
	ft_text_free(&out);
	return err;
}

/* 0 or -errno (logged). */
static int draw(struct top *t)
{
	struct ft_top_grid g;
	int rows, cols, err;

	size_of(t, &rows, &cols);
	t->ui.note = t->note[0] ? t->note : NULL;
	t->ui.record = t->recording[0] ? t->recording : NULL;
	t->ui.inspect = t->stack.len ? t->stack.s : NULL;
	t->ui.window_ns = ft_window_length(t->window);
	err = ft_top_grid_init(&g, rows, cols, t->ascii);
	if (!err)
		err = ft_top_screen(&g, ft_window_view(t->window), &t->ui);
	if (!err && t->term)
		ft_term_show(t->term, &g);
	else if (!err)
		err = print(&g, !t->screens);
	ft_top_grid_free(&g);
	return err ? ft_err(err, "cannot show a screen: %s", strerror(-err)) : 0;
}

static void say(struct top *t, const char *words)
{
	snprintf(t->note, sizeof(t->note), "%s", words);
	t->note_left = NOTE_SHOWN;
}

static int on_event(void *ctx, const struct ft_event *ev)
{
	return ft_window_event(((struct top *)ctx)->window, ev);
}

/* What happened beside the session. */
static void look_around(struct top *t)
{
	bool ended;

	if (t->note_left && !--t->note_left)
		t->note[0] = 0;
	ft_top_record_words(&t->record, t->recording, sizeof(t->recording), &ended);
	if (ended) {
		say(t, t->recording);
		t->recording[0] = 0;
	}
	if (t->term && ft_term_said(t->term, t->note, sizeof(t->note)))
		t->note_left = NOTE_SHOWN;
}

static int on_snapshot(void *ctx, const struct ft_snap *s)
{
	struct top *t = ctx;
	struct ft_model_src src = {
		.info = s->info,
		.totals = s->totals,
		.recs = s->recs,
		.cnt = s->cnt,
		.findings = s->findings,
		.stacks = &s->stacks,
	};
	int rows, cols, err;

	if (!t->term && !t->o->batch) {
		err = ft_term_open(t->color, &t->term);
		if (err)
			return err;
	}
	t->ui.ended = s->info->end == FT_END_EXIT || s->info->end == FT_END_EXEC;
	size_of(t, &rows, &cols);
	if (t->ui.paused || t->stack.len)
		err = ft_window_skip(t->window, &src);
	else
		err = ft_window_look(t->window, &src, ft_top_timeline_cols(cols));
	if (err)
		return ft_err(err, "cannot compute the figures: %s", strerror(-err));
	look_around(t);
	err = draw(t);
	t->screens++;
	if (!err && t->o->batch && t->screens >= t->o->batch)
		return FT_WATCH_END;
	return err;
}

/* Moves the choice by so many rows of the table. */
static void choose(struct top *t, int by)
{
	const struct ft_window_view *v = ft_window_view(t->window);
	size_t *order, i, n = v->m ? v->m->thread_cnt : 0;
	long at = -1;

	if (!n)
		return;
	order = ft_top_order(v->m, t->ui.sort, t->ui.reverse);
	for (i = 0; order && i < n; i++)
		if (v->number[v->m->threads[order[i]].thr] == t->ui.chosen)
			at = (long)i;
	if (order) {
		at = at < 0 ? (by > 0 ? by - 1 : 0) : at + by;
		at = at < 0 ? 0 : at >= (long)n ? (long)n - 1 : at;
		t->ui.chosen = v->number[v->m->threads[order[at]].thr];
	}
	free(order);
}

static const struct ft_mthread *chosen_thread(const struct top *t)
{
	const struct ft_window_view *v = ft_window_view(t->window);

	for (size_t i = 0; v->m && i < v->m->thread_cnt; i++)
		if (v->number[v->m->threads[i].thr] == t->ui.chosen)
			return &v->m->threads[i];
	return NULL;
}

/* The chosen thread's id as /proc here has it: its own where the process is in our PID namespace.
 */
static int tid_here(int pid, const struct ft_mthread *th)
{
	struct ft_proc_status st;

	if (!ft_proc_status(FT_PROC, pid, &st) && st.ns_cnt > 1)
		return (int)th->tid;
	return (int)th->ns_tid;
}

/* One thread's state and stack, by the view that `-d 0` has. 0 or -errno. */
static int look_at(struct top *t, const struct ft_mthread *th, struct ft_text *out)
{
	int pid = t->o->pid, tid = tid_here(pid, th), err, rows, cols;
	struct ft_look l = {0};
	bool found = false;
	char why[256];

	size_of(t, &rows, &cols);
	if (!t->rt) {
		t->rt = calloc(1, sizeof(*t->rt));
		err = t->rt ? ft_runtime_find(pid, t->rt, why, sizeof(why)) : -ENOMEM;
		if (err) {
			free(t->rt);
			t->rt = NULL;
			return err;
		}
	}
	err = t->rt->no_offsets ? -EOPNOTSUPP : ft_look(pid, t->rt, &l);
	for (size_t i = 0; !err && i < l.thread_cnt; i++)
		found |= l.threads[i].tid == tid;
	if (!err && !found)
		err = -ESRCH;
	if (!err) {
		ft_look_text(out, pid, t->rt, &l, tid, cols);
		ft_text_add(out,
			    "\nAs it was when you pressed the key.  u looks again, Escape goes "
			    "back.\n");
		err = out->err;
	}
	ft_look_free(&l);
	return err;
}

static void inspect(struct top *t)
{
	const struct ft_mthread *th;
	struct ft_text out = {0};
	char words[128];
	int err;

	if (t->ui.chosen == FT_NO_THREAD)
		choose(t, 1);
	th = chosen_thread(t);
	err = th ? look_at(t, th, &out) : -ESRCH;
	if (err) {
		snprintf(words, sizeof(words), "no stack: %s",
			 err == -ESRCH	      ? "the thread has ended"
			 : err == -EOPNOTSUPP ? "this Python publishes no offsets"
			 : err == -EAGAIN     ? "the interpreter is starting or ending"
					      : strerror(-err));
		say(t, words);
		ft_text_free(&out);
		return;
	}
	ft_text_free(&t->stack);
	t->stack = out;
	t->ui.scroll = 0;
}

static void record(struct top *t)
{
	char words[PATH_MAX + 128];

	if (t->record.pid) {
		say(t, ft_top_record_end(&t->record, words, sizeof(words)));
		t->recording[0] = 0;
	} else if (!ft_top_record_start(&t->record, t->o->pid)) {
		snprintf(t->recording, sizeof(t->recording), "REC %.200s", t->record.path);
	}
}

/* Fewer and fewer parts, then all again. */
static void next_parts(struct ft_top_ui *ui)
{
	static const __u32 order[] = {FT_TOP_PARTS, FT_TOP_CORES | FT_TOP_LOCKS, FT_TOP_CORES, 0};
	size_t i, n = sizeof(order) / sizeof(order[0]);

	for (i = 0; i < n && order[i] != ui->parts; i++)
		;
	ui->parts = order[(i + 1) % n];
}

static void change_window(struct top *t, int by)
{
	int to = t->length + by;

	if (to < 0 || to >= WINDOWS)
		return;
	t->length = to;
	ft_window_set_length(t->window, windows[to]);
}

/* Keys while a stack is shown. */
static void inspect_key(struct top *t, int key)
{
	switch (key) {
	case FT_KEY_UP:
		t->ui.scroll -= t->ui.scroll > 0;
		break;
	case FT_KEY_DOWN:
		t->ui.scroll++;
		break;
	case 'u':
		inspect(t);
		break;
	case 'q':
	case FT_KEY_ENTER:
	case FT_KEY_ESCAPE:
		ft_text_free(&t->stack);
		break;
	default:
		break;
	}
}

static bool sort_key(struct top *t, int key)
{
	for (int i = 0; i < FT_TOP_SORT_CNT; i++) {
		if (key != ft_top_sort_key((enum ft_top_sort)i))
			continue;
		t->ui.reverse = (int)t->ui.sort == i && !t->ui.reverse;
		t->ui.sort = (enum ft_top_sort)i;
		return true;
	}
	return false;
}

/* True when it is the key to quit. */
static bool take_key(struct top *t, int key)
{
	if (key == FT_KEY_RESIZE || !key)
		return false;
	t->note[0] = 0;
	if (t->stack.len) {
		inspect_key(t, key);
		return false;
	}
	switch (key) {
	case 'q':
		if (!t->ui.help)
			return true;
		t->ui.help = false;
		break;
	case 'h':
	case '?':
		t->ui.help = !t->ui.help;
		break;
	case 'p':
	case ' ':
		t->ui.paused = !t->ui.paused;
		break;
	case 'r':
		record(t);
		break;
	case 'd':
		next_parts(&t->ui);
		break;
	case '+':
	case '=':
		change_window(t, 1);
		break;
	case '-':
		change_window(t, -1);
		break;
	case FT_KEY_UP:
	case FT_KEY_DOWN:
		choose(t, key == FT_KEY_UP ? -1 : 1);
		break;
	case FT_KEY_PAGE_UP:
	case FT_KEY_PAGE_DOWN:
		choose(t, key == FT_KEY_PAGE_UP ? -10 : 10);
		break;
	case FT_KEY_ENTER:
		inspect(t);
		break;
	case FT_KEY_ESCAPE:
		t->ui.help = false;
		t->ui.chosen = FT_NO_THREAD;
		break;
	default:
		sort_key(t, key);
		break;
	}
	return false;
}

static int on_input(void *ctx)
{
	struct top *t = ctx;
	int key;

	if (!t->term)
		return 0; /* a key that came before the first screen */
	while ((key = ft_term_key(t->term)) != FT_KEY_NONE)
		if (take_key(t, key))
			return FT_WATCH_END;
	return draw(t);
}

/* The last screen stays until a key is pressed. */
static void rest(struct top *t, const struct ft_capture_result *res)
{
	struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLIN};
	int key;

	snprintf(t->note, sizeof(t->note), "process %d %s; any key leaves", t->o->pid,
		 res->end == FT_END_EXEC ? "replaced its program" : "has ended");
	t->note_left = 0;
	ft_text_free(&t->stack);
	t->ui.help = false;
	t->recording[0] = 0;
	for (;;) {
		if (draw(t))
			return;
		if (poll(&fd, 1, -1) < 0 && errno != EINTR)
			return;
		if (fd.revents & (POLLHUP | POLLERR | POLLNVAL))
			return;
		key = ft_term_key(t->term);
		if (key != FT_KEY_NONE && key != FT_KEY_RESIZE)
			return;
	}
}

/* Plain ASCII as the options and the locale say, and a locale that knows how wide characters are.
 */
static void choose_characters(struct top *t)
{
	setlocale(LC_CTYPE, "");
	t->ascii = ft_show_ascii(&t->o->show);
	if (!t->ascii && strcmp(nl_langinfo(CODESET), "UTF-8") != 0 &&
	    !setlocale(LC_CTYPE, "C.UTF-8"))
		t->ascii = true;
	t->color = ft_show_color(&t->o->show);
}

static int run(struct top *t)
{
	const struct opts *o = t->o;
	struct ft_watch watch = {
		.ctx = t,
		.period_ns = o->period_ns,
		.event = on_event,
		.snapshot = on_snapshot,
		.fd = o->batch ? -1 : STDIN_FILENO,
		.input = on_input,
		.keep_ns = windows[WINDOWS - 1] * 2,
	};
	struct ft_capture_opts cap = {
		.pid = o->pid,
		.max_overhead = 0.01,
		.no_probes = o->no_probes,
		.with_events = true,
		.tick_hz = TICK_HZ,
		.stack_hz = STACK_HZ,
		.watch = &watch,
	};
	struct ft_capture_result res = {0};
	char words[PATH_MAX + 128];
	int err = ft_capture_run(&cap, &res);

	ft_top_record_end(&t->record, words, sizeof(words));
	if (!err && t->term && (res.end == FT_END_EXIT || res.end == FT_END_EXEC))
		rest(t, &res);
	ft_term_close(t->term);
	t->term = NULL;
	if (words[0])
		ft_info("%s", words);
	if (!err && (res.end == FT_END_EXIT || res.end == FT_END_EXEC))
		ft_info("process %d %s", o->pid,
			res.end == FT_END_EXEC ? "replaced its program" : "has ended");
	if (!err && (res.signal == SIGTERM || res.signal == SIGHUP))
		raise(res.signal);
	return err ? FT_EXIT_FAILED : FT_EXIT_GOOD;
}

int ft_cmd_top(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "-p PID",
		.doc = "A live screen: what each core and each thread did in the last seconds, "
		       "what "
		       "kept them from running, and in which functions.\v"
		       "Keys: q quits, ? shows all of them.\n\n"
		       "EXAMPLES:\n"
		       "  sudo ftprof top -p 4312\n"
		       "  sudo ftprof top -p 4312 -i 5 --batch 12 >log    a minute of it as text\n",
	};
	struct opts o = {.period_ns = SEC, .width = 80};
	struct top t = {.o = &o, .length = WINDOW_DEFAULT};
	int status = FT_EXIT_FAILED;

	ft_show_defaults(&o.show, "top");
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	if (!o.batch && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))) {
		ft_err(-ENOTTY, "no terminal here: --batch N prints N screens as text");
		return FT_EXIT_FAILED;
	}
	if (ft_record_check_host())
		return FT_EXIT_FAILED;
	choose_characters(&t);
	t.ui = (struct ft_top_ui){
		.parts = FT_TOP_PARTS, .chosen = FT_NO_THREAD, .plain = o.batch > 0};
	ft_top_record_init(&t.record);
	if (ft_window_new(windows[t.length], EVENTS_MAX, &t.window))
		ft_err(-ENOMEM, "out of memory");
	else
		status = run(&t);
	ft_window_free(t.window);
	ft_text_free(&t.stack);
	free(t.rt);
	return status;
}
