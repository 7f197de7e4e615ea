// SPDX-License-Identifier: BSD-2-Clause
/* The terminal of the live screen, by ncurses. */
#define NCURSES_WIDECHAR 1
#include "cmd/top_term.h"

#include <curses.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

#include "base/log.h"

#define LEAVE_MAX 256

struct ft_term {
	SCREEN *screen;
	int errors;	 /* where standard error goes meanwhile */
	int saved_error; /* what it was */
	off_t said;	 /* of it, what was shown */
	bool color;
	chtype attr[FT_TS_THREAD + FT_TOP_PALETTE];
	struct sigaction old[NSIG];
};

/* What a signal's handler needs to give the terminal back: it may call next to nothing. */
static struct {
	volatile sig_atomic_t active;
	struct termios tio;
	char leave[LEAVE_MAX];
	size_t leave_len;
	int saved_error;
} rescue;

/* Those that end a session come here only when none runs: it reads them itself. */
static const int deadly[] = {SIGINT, SIGTERM, SIGHUP,  SIGSEGV, SIGBUS, SIGILL,
			     SIGFPE, SIGABRT, SIGQUIT, SIGSYS,	SIGTRAP};

static void give_back(int sig)
{
	ssize_t n;

	if (rescue.active) {
		rescue.active = 0;
		n = write(STDOUT_FILENO, rescue.leave, rescue.leave_len);
		(void)n;
		tcsetattr(STDIN_FILENO, TCSANOW, &rescue.tio);
		dup2(rescue.saved_error, STDERR_FILENO);
	}
	/* SA_RESETHAND: it ends us now, as it would have */
	raise(sig);
}

static int add_leave(int c)
{
	if (rescue.leave_len < LEAVE_MAX)
		rescue.leave[rescue.leave_len++] = (char)c;
	return c;
}

/* The words by which this terminal is left, made while stdio and malloc() may be used. */
static void prepare_rescue(const struct ft_term *t)
{
	static char *const names[] = {(char *)"sgr0", (char *)"op", (char *)"rmkx", (char *)"cnorm",
				      (char *)"rmcup"};

	rescue.leave_len = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *s = tigetstr(names[i]);

		if (s && s != (char *)-1)
			tputs(s, 1, add_leave);
	}
	rescue.saved_error = t->saved_error;
}

/* Before newterm(), which has handlers of its own for some: they would end us with a status. */
static void note_handlers(struct ft_term *t)
{
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		sigaction(deadly[i], NULL, &t->old[deadly[i]]);
}

static void catch_signals(void)
{
	struct sigaction sa = {.sa_handler = give_back, .sa_flags = (int)SA_RESETHAND | SA_NODEFER};

	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		sigaction(deadly[i], &sa, NULL);
	rescue.active = 1;
}

static void release_signals(struct ft_term *t)
{
	rescue.active = 0;
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		sigaction(deadly[i], &t->old[deadly[i]], NULL);
}

static short pair_of(struct ft_term *t, short *next, short color)
{
	if (!t->color || color >= COLORS || *next >= COLOR_PAIRS || init_pair(*next, color, -1))
		return 0;
	return (*next)++;
}

/* Attributes of the styles: 256 colours that the colour-blind can tell apart, or 8, or none. */
static void choose_attributes(struct ft_term *t)
{
	static const struct {
		short many, few;
		chtype attr;
	} looks[FT_TS_THREAD + FT_TOP_PALETTE] = {
		[FT_TS_PLAIN] = {-1, -1, 0},
		[FT_TS_BOLD] = {-1, -1, A_BOLD},
		[FT_TS_DIM] = {245, -1, 0},
		[FT_TS_BAR] = {-1, -1, A_REVERSE},
		[FT_TS_SORTED] = {-1, -1, A_REVERSE | A_BOLD | A_UNDERLINE},
		[FT_TS_CHOSEN] = {-1, -1, A_REVERSE},
		[FT_TS_KEY] = {-1, -1, A_BOLD},
		[FT_TS_GOOD] = {36, COLOR_GREEN, A_BOLD},
		[FT_TS_BAD] = {202, COLOR_RED, A_BOLD},
		[FT_TS_WARN] = {220, COLOR_YELLOW, A_BOLD},
		[FT_TS_GIL] = {36, COLOR_GREEN, 0},
		[FT_TS_FREE] = {74, COLOR_CYAN, 0},
		[FT_TS_SPIN] = {208, COLOR_YELLOW, 0},
		[FT_TS_WAIT] = {202, COLOR_RED, 0},
		[FT_TS_LOCK] = {175, COLOR_MAGENTA, 0},
		[FT_TS_CORE] = {214, COLOR_YELLOW, 0},
		[FT_TS_PAUSED] = {220, COLOR_YELLOW, 0},
		[FT_TS_OTHER] = {247, -1, 0},
		[FT_TS_THREAD] = {214, COLOR_YELLOW, 0},
		[FT_TS_THREAD + 1] = {75, COLOR_BLUE, 0},
		[FT_TS_THREAD + 2] = {36, COLOR_GREEN, 0},
		[FT_TS_THREAD + 3] = {175, COLOR_MAGENTA, 0},
		[FT_TS_THREAD + 4] = {220, COLOR_YELLOW, A_BOLD},
		[FT_TS_THREAD + 5] = {33, COLOR_CYAN, 0},
		[FT_TS_THREAD + 6] = {166, COLOR_RED, 0},
		[FT_TS_THREAD + 7] = {141, COLOR_MAGENTA, A_BOLD},
	};
	short next = 1;

	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		short color = COLORS >= 256 ? looks[i].many : looks[i].few;

		t->attr[i] = looks[i].attr;
		if (color >= 0)
			t->attr[i] |= COLOR_PAIR(pair_of(t, &next, color));
		else if (i == FT_TS_DIM && t->color)
			t->attr[i] |= A_DIM;
	}
}

int ft_term_open(bool color, struct ft_term **out)
{
	struct ft_term *t = calloc(1, sizeof(*t));

	*out = NULL;
	if (!t)
		return ft_err(-ENOMEM, "out of memory");
	t->errors = memfd_create("ftprof-errors", MFD_CLOEXEC);
	t->saved_error = dup(STDERR_FILENO);
	if (t->errors < 0 || t->saved_error < 0 || tcgetattr(STDIN_FILENO, &rescue.tio)) {
		int err = -errno;

		ft_term_close(t);
		return ft_err(err, "cannot use this terminal: %s", strerror(-err));
	}
	note_handlers(t);
	t->screen = newterm(NULL, stdout, stdin);
	if (!t->screen) {
		ft_term_close(t);
		return ft_err(-ENOTTY,
			      "the terminal TERM=%s is not known here: set TERM, or use --batch",
			      getenv("TERM") ? getenv("TERM") : "");
	}
	prepare_rescue(t);
	catch_signals();
	dup2(t->errors, STDERR_FILENO);
	t->color = color && has_colors() && start_color() == OK && use_default_colors() == OK;
	choose_attributes(t);
	cbreak();
	noecho();
	nonl();
	intrflush(stdscr, FALSE);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(50);
	curs_set(0);
	*out = t;
	return 0;
}

void ft_term_size(const struct ft_term *t, int *rows, int *cols)
{
	(void)t;
	*rows = LINES;
	*cols = COLS;
}

void ft_term_show(struct ft_term *t, const struct ft_top_grid *g)
{
	for (int r = 0; r < g->rows && r < LINES; r++) {
		for (int c = 0; c < g->cols && c < COLS; c++) {
			const struct ft_top_cell *cell = &g->cell[r * g->cols + c];
			chtype a = t->attr[cell->style < FT_TS_THREAD + FT_TOP_PALETTE ? cell->style
										       : 0];
			wchar_t w[2] = {(wchar_t)cell->cp, 0};
			cchar_t cc;

			if (!cell->cp)
				continue;
			setcchar(&cc, w, a & A_ATTRIBUTES & ~A_COLOR, (short)PAIR_NUMBER(a), NULL);
			mvadd_wch(r, c, &cc);
		}
	}
	refresh();
}

int ft_term_key(struct ft_term *t)
{
	wint_t key;

	(void)t;
	switch (get_wch(&key)) {
	case OK:
		return key == '\r' || key == '\n' ? FT_KEY_ENTER
		       : key == 27		  ? FT_KEY_ESCAPE
						  : (int)key;
	case KEY_CODE_YES:
		break;
	default:
		return FT_KEY_NONE;
	}
	switch (key) {
	case KEY_UP:
		return FT_KEY_UP;
	case KEY_DOWN:
		return FT_KEY_DOWN;
	case KEY_PPAGE:
		return FT_KEY_PAGE_UP;
	case KEY_NPAGE:
		return FT_KEY_PAGE_DOWN;
	case KEY_ENTER:
		return FT_KEY_ENTER;
	case KEY_RESIZE:
		return FT_KEY_RESIZE;
	default:
		return 0;
	}
}

bool ft_term_said(struct ft_term *t, char *buf, size_t sz)
{
	struct stat st;
	ssize_t n;
	char *line;

	if (fstat(t->errors, &st) || st.st_size <= t->said)
		return false;
	t->said = st.st_size;
	n = pread(t->errors, buf, sz - 1,
		  st.st_size > (off_t)sz - 1 ? st.st_size - (off_t)sz + 1 : 0);
	if (n <= 0)
		return false;
	buf[n] = 0;
	if (buf[n - 1] == '\n')
		buf[n - 1] = 0;
	line = strrchr(buf, '\n');
	if (line)
		memmove(buf, line + 1, strlen(line + 1) + 1);
	return true;
}

/* What was said while there was no place for it. */
static void pass_on(const struct ft_term *t)
{
	char buf[4096];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(t->errors, buf, sizeof(buf), at)) > 0) {
		if (write(STDERR_FILENO, buf, (size_t)n) != n)
			return;
		at += n;
	}
}

void ft_term_close(struct ft_term *t)
{
	if (!t)
		return;
	if (t->screen) {
		endwin();
		release_signals(t);
		tcsetattr(STDIN_FILENO, TCSADRAIN, &rescue.tio);
		dup2(t->saved_error, STDERR_FILENO);
		pass_on(t);
		delscreen(t->screen);
	}
	if (t->errors >= 0)
		close(t->errors);
	if (t->saved_error >= 0)
		close(t->saved_error);
	free(t);
}
