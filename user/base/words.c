// SPDX-License-Identifier: BSD-2-Clause
/* A command split into words. */
#include "base/words.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t"
#define FOR_A_SHELL "|&;<>()$`\n\r"

struct split {
	const char *s;
	char *to; /* where the next character goes */
	char *why;
	size_t why_sz;
};

static int refuse(struct split *p, const char *what)
{
	snprintf(p->why, p->why_sz, "%s", what);
	return -EINVAL;
}

static int for_a_shell(struct split *p)
{
	if (*p->s == '\n' || *p->s == '\r')
		return refuse(p, "a command is one line");
	snprintf(p->why, p->why_sz,
		 "'%c' is for a shell, and none is started: quote it, or write sh -c '...'", *p->s);
	return -EINVAL;
}

static int single_quoted(struct split *p)
{
	for (p->s++; *p->s != '\''; p->s++) {
		if (!*p->s)
			return refuse(p, "a ' has no second one");
		*p->to++ = *p->s;
	}
	p->s++;
	return 0;
}

static int double_quoted(struct split *p)
{
	for (p->s++; *p->s != '"'; p->s++) {
		if (*p->s == '\\' && p->s[1] && strchr("\\\"$`", p->s[1]))
			p->s++;
		else if (*p->s == '$' || *p->s == '`')
			return for_a_shell(p);
		if (!*p->s)
			return refuse(p, "a \" has no second one");
		*p->to++ = *p->s;
	}
	p->s++;
	return 0;
}

/* One word, which p->s stands at. */
static int word(struct split *p)
{
	int err = 0;

	while (*p->s && !strchr(BLANKS, *p->s) && !err) {
		if (*p->s == '\'') {
			err = single_quoted(p);
		} else if (*p->s == '"') {
			err = double_quoted(p);
		} else if (strchr(FOR_A_SHELL, *p->s)) {
			err = for_a_shell(p);
		} else {
			if (*p->s == '\\' && !*++p->s)
				return refuse(p, "nothing follows the last backslash");
			*p->to++ = *p->s++;
		}
	}
	*p->to++ = 0;
	return err;
}

int ft_words_split(const char *s, char ***argv, char *why, size_t why_sz)
{
	/* a word has one character or quote at least, and all but the last a blank after it */
	size_t len = strlen(s), most = len / 2 + 1, cnt = 0;
	char **v = malloc((most + 1) * sizeof(*v) + len + 1);
	struct split p = {.s = s, .why = why, .why_sz = why_sz};
	int err = 0;

	*argv = NULL;
	if (!v)
		return -ENOMEM;
	p.to = (char *)(v + most + 1);
	for (;;) {
		p.s += strspn(p.s, BLANKS);
		if (!*p.s || err)
			break;
		v[cnt++] = p.to;
		err = word(&p);
	}
	if (!err && (!cnt || !v[0][0]))
		err = refuse(&p, "there is no command in it");
	if (!err && strchr(v[0], '='))
		err = refuse(&p, "a variable is set by env: env NAME=VALUE COMMAND");
	if (err) {
		free(v);
		return err;
	}
	v[cnt] = NULL;
	*argv = v;
	return 0;
}
