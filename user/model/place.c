/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a stack stands, as a table says it. */
#include "model/place.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool starts(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* The last part of the path that ends at `end`; *begin: where it starts. */
static size_t part_before(const char *path, const char *end, const char **begin)
{
	const char *p = end;

	while (p > path && p[-1] != '/')
		p--;
	*begin = p;
	return (size_t)(end - p);
}

/*
 * Whether the folder whose path ends at `end` (its slash) is one in which CPython keeps its
 * library: lib/python3.14t, Lib of a source tree, python314.zip.
 */
static bool is_stdlib(const char *path, const char *end)
{
	const char *dir;
	size_t len = part_before(path, end, &dir);

	return (len > 7 && starts(dir, "python3") &&
		(dir[7] == '.' || isdigit((unsigned char)dir[7]))) ||
	       (len == 3 && starts(dir, "Lib"));
}

/* "threading", "queue", "concurrent.futures"; NULL: a file of any other kind. */
static const char *sync_module(const char *file)
{
	static const char futures[] = "/concurrent/futures/";
	const char *slash = strrchr(file, '/'), *at;

	if (!slash)
		return NULL;
	if (!strcmp(slash, "/threading.py") && is_stdlib(file, slash))
		return "threading";
	if (!strcmp(slash, "/queue.py") && is_stdlib(file, slash))
		return "queue";
	at = strstr(file, futures);
	if (at && is_stdlib(file, at))
		return "concurrent.futures";
	return NULL;
}

/* The import system: who imports is the line that says so. */
static bool imports(const char *file)
{
	const char *at = strstr(file, "/importlib/");

	return starts(file, "<frozen importlib") || starts(file, "<frozen zipimport") ||
	       (at && is_stdlib(file, at));
}

static bool is_any(const char *s, const char *const list[])
{
	for (; *list; list++)
		if (!strcmp(s, *list))
			return true;
	return false;
}

/* Methods in which the rest of a thread's stack stands. */
static bool is_bottom(const char *name)
{
	static const char *const bottom[] = {"Thread.run", "Thread._bootstrap",
					     "Thread._bootstrap_inner", NULL};

	return is_any(name, bottom);
}

static const struct ft_frame *frame_at(const struct ft_stacks *s, __u32 frame)
{
	const struct ft_frame *f = frame < s->frame_cnt ? &s->frame[frame] : NULL;

	return f && f->name && f->file ? f : NULL;
}

void ft_place_of(const struct ft_stacks *s, __u32 node, struct ft_place *out)
{
	const struct ft_frame *f;
	__u32 up, frame;

	*out = (struct ft_place){FT_NO_STACK, FT_NO_STACK, FT_NO_STACK};
	for (; node < s->node_cnt; node = up) {
		frame = s->node[node].frame;
		up = s->node[node].parent;
		if (up != FT_NO_STACK && up >= node)
			up = FT_NO_STACK;
		f = frame_at(s, frame);
		if (!f || f->kind != FT_FK_PYTHON)
			continue;
		if (out->inner == FT_NO_STACK)
			out->inner = frame;
		if (imports(f->file))
			continue;
		if (!sync_module(f->file)) {
			out->frame = frame;
			return;
		}
		if (strchr(f->name, '.') && !is_bottom(f->name))
			out->sync = frame;
	}
	out->frame = out->inner;
}

bool ft_place_waits(const struct ft_stacks *s, const struct ft_place *p)
{
	/* up to 3.12 join() slept in the second but last; Event.wait() ends in Condition.wait() */
	static const char *const waits[] = {"Condition.wait",
					    "Event.wait",
					    "Barrier.wait",
					    "Thread.join",
					    "Thread._wait_for_tstate_lock",
					    "_shutdown",
					    NULL};
	const struct ft_frame *f = frame_at(s, p->inner);
	const char *module = f ? sync_module(f->file) : NULL;

	return module && !strcmp(module, "threading") && is_any(f->name, waits);
}

char *ft_place_text(const struct ft_stacks *s, __u32 frame, char *buf, size_t sz)
{
	const struct ft_frame *f = frame_at(s, frame);
	const char *base, *slash, *dir;
	char line[16] = "";

	if (sz)
		buf[0] = '\0';
	if (!f)
		return buf;
	slash = strrchr(f->file, '/');
	base = slash ? slash + 1 : f->file;
	/* there are many of these: with its folder */
	if (slash && starts(base, "__")) {
		part_before(f->file, slash, &dir);
		base = dir;
	}
	if (f->line)
		snprintf(line, sizeof(line), ":%u", f->line);
	snprintf(buf, sz, "%s%s%s%s", base, line, *base ? " " : "", f->name);
	return buf;
}

char *ft_place_owner(const struct ft_stacks *s, const struct ft_place *p, char *buf, size_t sz)
{
	const struct ft_frame *f = frame_at(s, p->sync);
	const char *module = f ? sync_module(f->file) : NULL;

	if (sz)
		buf[0] = '\0';
	if (module)
		snprintf(buf, sz, "%s.%.*s", module, (int)strcspn(f->name, "."), f->name);
	return buf;
}
