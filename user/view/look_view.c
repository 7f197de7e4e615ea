// SPDX-License-Identifier: BSD-2-Clause
/* One look at a process, as text and as JSON. */
#include "view/look_view.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "model/syscalls.h"

static const char *const state_names[FT_ST_CNT] = {
	[FT_ST_ON] = "on",
	[FT_ST_GIL_WAIT] = "gil_wait",
	[FT_ST_GIL_SWITCH] = "gil_switch",
	[FT_ST_LOCK_WAIT] = "lock_wait",
	[FT_ST_SYNC_WAIT] = "sync_wait",
	[FT_ST_STW] = "stw",
	[FT_ST_RUNQ] = "runq",
	[FT_ST_BLOCKED] = "blocked",
	[FT_ST_FAULT] = "fault",
	[FT_ST_STOPPED] = "stopped",
};

static void state_words(const struct ft_look_thread *t, char *buf, size_t sz)
{
	static const char *const words[FT_ST_CNT] = {
		[FT_ST_ON] = "runs, or is ready to",
		[FT_ST_GIL_WAIT] = "waits for the GIL",
		[FT_ST_GIL_SWITCH] = "hands the GIL over",
		[FT_ST_LOCK_WAIT] = "waits for a lock of an object or the interpreter",
		[FT_ST_SYNC_WAIT] = "waits in a lock or queue of the program",
		[FT_ST_STW] = "paused by the interpreter",
		[FT_ST_FAULT] = "waits for a page of memory",
		[FT_ST_STOPPED] = "stopped by a signal or a debugger",
	};
	char call[32];

	if (t->state == FT_ST_BLOCKED) {
		ft_syscall_name((__u32)t->arg, call, sizeof(call));
		snprintf(buf, sz, "asleep in %s", call);
		return;
	}
	snprintf(buf, sz, "%s", t->state < FT_ST_CNT && words[t->state] ? words[t->state] : "?");
}

/* Whether two threads look the same to a reader. */
static bool alike(const struct ft_look_thread *a, const struct ft_look_thread *b)
{
	size_t i;

	if (a->state != b->state || a->python != b->python || a->holds != b->holds ||
	    a->changed != b->changed || a->frame_cnt != b->frame_cnt ||
	    (a->state == FT_ST_BLOCKED && a->arg != b->arg))
		return false;
	for (i = 0; i < a->frame_cnt; i++)
		if (a->frames[i].line != b->frames[i].line ||
		    strcmp(a->frames[i].name, b->frames[i].name) ||
		    strcmp(a->frames[i].file, b->frames[i].file))
			return false;
	return true;
}

static void frame_text(struct ft_text *out, const struct ft_look_frame *f, int width)
{
	size_t name = strlen(f->name), len = strlen(f->file), room;
	const char *tail = f->file, *part;
	char line[16] = "";

	ft_text_add(out, "    ");
	if (f->mark) {
		ft_text_add_safe(out, f->name, (size_t)width - 4);
		ft_text_add(out, "\n");
		return;
	}
	if (f->line)
		snprintf(line, sizeof(line), ":%u", f->line);
	room = (size_t)width - strlen("     (.../)") - strlen(line);
	if (name > room / 2 && name + len > room)
		name = len < room - room / 2 ? room - len : room / 2;
	if (name < strlen(f->name)) {
		ft_text_add_safe(out, f->name, name - 3);
		ft_text_add(out, "...");
	} else {
		ft_text_add_safe(out, f->name, name);
	}
	/* the end of a path tells more than its beginning: whole names of it, if they fit */
	room -= name;
	if (len > room) {
		tail += len - room;
		part = strchr(tail, '/');
		tail = part ? part + 1 : tail;
	}
	while (tail != f->file && ((unsigned char)*tail & 0xc0) == 0x80)
		tail++;
	ft_text_add(out, tail == f->file ? " (" : " (.../");
	ft_text_add_safe(out, tail, room);
	ft_text_printf(out, "%s)\n", line);
}

static void head_text(struct ft_text *out, int pid, const struct ft_runtime *rt,
		      const struct ft_look *l)
{
	static const char *const gil[] = {"GIL not known", "GIL on", "GIL off",
					  "free-threaded, but the GIL is on"};
	size_t i;

	ft_text_printf(out, "pid %d  Python %s%s, %s", pid, rt->version,
		       rt->free_threaded ? "t" : "", gil[l->gil <= FT_PYGIL_ENABLED ? l->gil : 0]);
	for (i = 0; i < l->thread_cnt; i++)
		if (l->threads[i].holds)
			break;
	if (i < l->thread_cnt)
		ft_text_printf(out, ", held by thread %d", l->threads[i].tid);
	else if (l->gil == FT_PYGIL_ON || l->gil == FT_PYGIL_ENABLED)
		ft_text_add(out, ", free just now");
	ft_text_printf(out, "  %zu thread%s\n", l->thread_cnt, l->thread_cnt == 1 ? "" : "s");
}

void ft_look_text(struct ft_text *out, int pid, const struct ft_runtime *rt,
		  const struct ft_look *l, int only, int width)
{
	size_t i, j, same;
	bool moving = false;
	char words[96];

	head_text(out, pid, rt, l);
	for (i = 0; i < l->thread_cnt; i++) {
		const struct ft_look_thread *t = &l->threads[i];

		if (only && t->tid != only)
			continue;
		for (j = 0; !only && j < i; j++)
			if (alike(t, &l->threads[j]))
				break;
		if (!only && j < i)
			continue; /* shown with the first of its kind */
		moving |= t->changed && t->frame_cnt;
		state_words(t, words, sizeof(words));
		ft_text_printf(out, "\n%d ", t->tid);
		ft_text_add_safe(out, t->name, FT_COMM_LEN);
		for (same = 0, j = i + 1; !only && j < l->thread_cnt; j++)
			same += alike(t, &l->threads[j]);
		if (same)
			ft_text_printf(out, " and %zu more", same);
		ft_text_printf(out, ": %s%s%s\n", t->holds ? "holds the GIL; " : "", words,
			       t->changed && t->state != FT_ST_ON ? " (and went on meanwhile)"
								  : "");
		if (!t->python)
			ft_text_add(out, "    [native thread]\n");
		else if (!t->frame_cnt)
			ft_text_add(out, "    [no Python frames]\n");
		for (j = 0; j < t->frame_cnt; j++)
			frame_text(out, &t->frames[j], width);
	}
	if (moving)
		ft_text_add(out,
			    "\nNothing is stopped: what runs is read as it goes, and one stack "
			    "in a hundred\nmay be put together from two moments.\n");
}

static void add(struct json_object *o, const char *key, struct json_object *v)
{
	json_object_object_add(o, key, v);
}

static struct json_object *frames_json(const struct ft_look_thread *t)
{
	struct json_object *a = json_object_new_array(), *o;
	size_t i;

	for (i = 0; a && i < t->frame_cnt; i++) {
		o = json_object_new_object();
		add(o, "name", json_object_new_string(t->frames[i].name));
		add(o, "file", json_object_new_string(t->frames[i].file));
		add(o, "line", json_object_new_int64(t->frames[i].line));
		add(o, "mark", json_object_new_boolean(t->frames[i].mark));
		json_object_array_add(a, o);
	}
	return a;
}

static struct json_object *thread_json(const struct ft_look_thread *t)
{
	struct json_object *o = json_object_new_object();
	struct ft_text name = {0};
	char call[32] = "";

	ft_text_add_safe(&name, t->name, FT_COMM_LEN);
	if (t->state == FT_ST_BLOCKED)
		ft_syscall_name((__u32)t->arg, call, sizeof(call));
	add(o, "tid", json_object_new_int(t->tid));
	add(o, "name", json_object_new_string(name.s ? name.s : ""));
	add(o, "state", json_object_new_string(state_names[t->state % FT_ST_CNT]));
	add(o, "syscall", json_object_new_string(call));
	add(o, "python", json_object_new_boolean(t->python));
	add(o, "holds_gil", json_object_new_boolean(t->holds));
	add(o, "changed", json_object_new_boolean(t->changed));
	add(o, "frames", frames_json(t));
	ft_text_free(&name);
	return o;
}

int ft_look_json(struct ft_text *out, int pid, const struct ft_runtime *rt, const struct ft_look *l)
{
	static const char *const gil[] = {"unknown", "on", "off", "enabled"};
	struct json_object *root = json_object_new_object(), *a = json_object_new_array();
	const char *s;
	size_t i;

	add(root, "schema", json_object_new_string("ftprof-look/1"));
	add(root, "pid", json_object_new_int(pid));
	add(root, "python", json_object_new_string(rt->version));
	add(root, "free_threaded", json_object_new_boolean(rt->free_threaded));
	add(root, "gil", json_object_new_string(gil[l->gil <= FT_PYGIL_ENABLED ? l->gil : 0]));
	for (i = 0; i < l->thread_cnt; i++)
		json_object_array_add(a, thread_json(&l->threads[i]));
	add(root, "threads", a);
	s = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
							 JSON_C_TO_STRING_NOSLASHESCAPE);
	if (s)
		ft_text_add(out, s);
	ft_text_add(out, "\n");
	json_object_put(root);
	return s ? out->err : -ENOMEM;
}
