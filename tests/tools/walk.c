// SPDX-License-Identifier: BSD-2-Clause
/*
 * Walks the Python stacks of all threads of a process from user space and prints them as JSON:
 *
 *     walk PID     {"threads": [[tid, [[name, file, line, first line], ... outermost first]], ...]}
 *
 * For a process that was stopped: what a profiler said of that moment can be compared with it. A
 * mark is a frame whose file is null.
 */
#include <errno.h>
#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "python/code.h"
#include "python/runtime.h"
#include "python/walk.h"

static int print_string(const char *s)
{
	json_object *o = json_object_new_string(s);

	if (!o)
		return -ENOMEM;
	fputs(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), stdout);
	json_object_put(o);
	return 0;
}

static int print_frame(int pid, const struct ft_pylayout *l, const struct ft_pyframe *f)
{
	struct ft_code c = {0};
	int err, error;
	__u32 line = 0;

	putchar('[');
	if (!f->code) {
		err = print_string(ft_py_mark((enum ft_pymark)f->ident, &error));
		if (!err)
			printf(", null, 0, %d]", error);
		return err;
	}
	err = ft_code_read(pid, l, f->code, f->ident, &c);
	if (err)
		return err;
	err = print_string(c.name);
	if (err)
		goto out;
	printf(", ");
	err = print_string(c.file);
	if (err)
		goto out;
	if (f->at != FT_PY_NO_AT)
		line = ft_code_line(c.lines, c.lines_len, c.firstlineno, f->at);
	printf(", %u, %u]", line, c.firstlineno);
out:
	ft_code_free(&c);
	return err;
}

static int print_thread(int pid, const struct ft_pylayout *l, const struct ft_pythread *t)
{
	struct ft_pyframe f[FT_PY_ELEMS];
	int cnt, i, err = 0;

	cnt = ft_py_walk(pid, l, t->tstate, f);
	if (cnt < 0)
		return cnt;
	printf("[%u, [", t->tid);
	for (i = cnt - 1; i >= 0 && !err; i--) {
		err = print_frame(pid, l, &f[i]);
		if (i)
			putchar(',');
	}
	printf("]]");
	return err;
}

static int walk(int pid, struct ft_runtime *rt)
{
	struct ft_pystate state = {0};
	struct ft_target t = {0};
	char why[512] = "";
	size_t i;
	int err;

	err = ft_runtime_find(pid, rt, why, sizeof(why));
	if (err) {
		fprintf(stderr, "walk: %s\n", why);
		return err;
	}
	err = ft_runtime_target(rt, &t);
	if (err)
		return err;
	err = ft_runtime_state(pid, rt, &state);
	if (err)
		return err;
	printf("{\"torn\": %s, \"threads\": [", state.torn ? "true" : "false");
	for (i = 0; i < state.thread_cnt && !err; i++) {
		printf("%s\n", i ? "," : "");
		err = print_thread(pid, &t.py, &state.threads[i]);
	}
	printf("]}\n");
	ft_pystate_free(&state);
	if (!err && (fflush(stdout) || ferror(stdout)))
		err = -EIO;
	return err;
}

int main(int argc, char **argv)
{
	struct ft_runtime *rt;
	int err;

	if (argc != 2 || atoi(argv[1]) <= 0) {
		fprintf(stderr, "usage: walk PID\n");
		return 2;
	}
	rt = calloc(1, sizeof(*rt));
	if (!rt)
		return 1;
	err = walk(atoi(argv[1]), rt);
	if (err)
		fprintf(stderr, "walk: %s\n", strerror(-err));
	free(rt);
	return err ? 1 : 0;
}
