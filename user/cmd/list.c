// SPDX-License-Identifier: BSD-2-Clause
/* ftprof: the Python processes of this host. */
#include <argp.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/show.h"
#include "python/list.h"

static const char *gil_words(const struct ft_pyproc *p)
{
	switch (p->gil) {
	case FT_PYGIL_ON:
		return "on";
	case FT_PYGIL_OFF:
		return "off";
	case FT_PYGIL_ENABLED:
		return "on (t)"; /* a free-threaded build that has it back */
	default:
		return p->free_threaded ? "?" : "on";
	}
}

static void as_text(struct ft_text *out, const struct ft_pylist *l, int width)
{
	size_t i;

	if (l->cnt)
		ft_text_printf(out, "%8s  %-10s %-6s %7s  %s\n", "PID", "PYTHON", "GIL", "THREADS",
			       "COMMAND");
	for (i = 0; i < l->cnt; i++) {
		const struct ft_pyproc *p = &l->proc[i];
		char version[32];
		size_t used = 38;

		snprintf(version, sizeof(version), "%s%s", p->version[0] ? p->version : "?",
			 p->free_threaded ? "t" : "");
		ft_text_printf(out, "%8d  %-10s %-6s %7u  ", p->pid, version, gil_words(p),
			       p->threads);
		if (p->container[0]) {
			ft_text_printf(out, "[%s] ", p->container);
			used += strlen(p->container) + 3;
		}
		if (p->children) {
			char c[32];

			used += snprintf(c, sizeof(c), "(+%u child%s) ", p->children,
					 p->children == 1 ? "" : "ren");
			ft_text_add(out, c);
		}
		ft_text_add_safe(out, p->cmdline[0] ? p->cmdline : p->name,
				 (size_t)width > used + 8 ? width - used : 8);
		ft_text_add(out, "\n");
	}
}

static int as_json(struct ft_text *out, const struct ft_pylist *l)
{
	struct json_object *root = json_object_new_object(), *a = json_object_new_array();
	size_t i;

	json_object_object_add(root, "schema", json_object_new_string("ftprof-list/1"));
	for (i = 0; i < l->cnt; i++) {
		const struct ft_pyproc *p = &l->proc[i];
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "pid", json_object_new_int(p->pid));
		json_object_object_add(o, "ppid", json_object_new_int(p->ppid));
		json_object_object_add(o, "uid", json_object_new_int64(p->uid));
		json_object_object_add(o, "python", json_object_new_string(p->version));
		json_object_object_add(o, "free_threaded",
				       json_object_new_boolean(p->free_threaded));
		json_object_object_add(o, "gil", json_object_new_string(gil_words(p)));
		json_object_object_add(o, "threads", json_object_new_int64(p->threads));
		json_object_object_add(o, "children", json_object_new_int64(p->children));
		json_object_object_add(o, "container", json_object_new_string(p->container));
		json_object_object_add(o, "name", json_object_new_string(p->name));
		json_object_object_add(o, "cmdline", json_object_new_string(p->cmdline));
		json_object_array_add(a, o);
	}
	json_object_object_add(root, "processes", a);
	json_object_object_add(root, "unreadable", json_object_new_int64(l->unreadable));
	ft_text_add(out, json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY));
	ft_text_add(out, "\n");
	json_object_put(root);
	return out->err;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = state->input;
		break;
	case ARGP_KEY_ARG:
		ft_usage("list", "%s: no argument is taken", arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

int ft_cmd_list(int argc, char **argv)
{
	static const struct argp_child children[] = {{&ft_out_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		.parser = parse,
		.children = children,
		.doc = "Lists the Python processes of this host.\v"
		       "EXAMPLES:\n  ftprof\n  sudo ftprof          those of other users too\n"
		       "  ftprof list --json\n",
	};
	struct ft_pylist l = {0};
	struct ft_text out = {0};
	struct ft_show_opts o;
	int err, status = FT_EXIT_FAILED;

	ft_show_defaults(&o, "list");
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	err = ft_list_python(&l);
	if (err) {
		ft_err(err, "cannot list processes: %s", strerror(-err));
		goto out;
	}
	if (ft_show_choose_format(&o)) {
		status = FT_EXIT_USAGE;
		goto out;
	}
	if (o.json)
		err = as_json(&out, &l);
	else
		as_text(&out, &l, ft_show_width(&o));
	status = ft_show_write(&o, &out);
	if (!l.cnt && !o.json)
		ft_info("no Python process was found");
	if (l.unreadable && geteuid())
		ft_info("%zu of other users' processes were not looked at: `sudo ftprof` sees them",
			l.unreadable);
	else if (l.unreadable)
		ft_debug("%zu processes do not let themselves be looked at", l.unreadable);
out:
	ft_text_free(&out);
	ft_pylist_free(&l);
	return status;
}
