// SPDX-License-Identifier: BSD-2-Clause
/* ftprof check [-p PID]: what would be loaded, read and needed, before anything is. */
#include <argp.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "base/units.h"
#include "capture/exact.h"
#include "cmd/cmd.h"
#include "cmd/show.h"
#include "os/caps.h"
#include "os/cgroup.h"
#include "os/kernel.h"
#include "os/procfs.h"
#include "python/extensions.h"
#include "python/runtime.h"
#include "python/ftsites.h"
#include "python/sites.h"
#include "view/check_extensions.h"

struct opts {
	struct ft_show_opts show;
	int pid;
};

/* One finding: a line of text or an object of JSON. */
struct finding {
	const char *name;
	bool ok;
	bool fatal; /* no session can run while it is not ok */
	char text[640];
};

struct findings {
	struct finding v[24];
	size_t cnt;
	bool has_extensions;
	struct ft_check_extensions extensions;
	struct ft_extension *list; /* of those; owned */
};

static struct finding *add(struct findings *f, const char *name, bool ok, bool fatal)
{
	static struct finding spill;
	struct finding *x = f->cnt < sizeof(f->v) / sizeof(f->v[0]) ? &f->v[f->cnt++] : &spill;

	x->name = name;
	x->ok = ok;
	x->fatal = fatal;
	x->text[0] = 0;
	return x;
}

static void check_host(struct findings *f)
{
	struct ft_check k[FT_KC_CNT];
	struct ft_caps caps;
	struct finding *x;
	int i;

	ft_kernel_checks("", k);
	for (i = 0; i < FT_KC_CNT; i++) {
		x = add(f, k[i].name, k[i].ok, k[i].fatal);
		snprintf(x->text, sizeof(x->text), "%s%s%s", k[i].why,
			 k[i].ok || !k[i].remedy[0] ? "" : ". ", k[i].ok ? "" : k[i].remedy);
	}
	if (ft_caps_get(&caps))
		return;
	x = add(f, "capabilities", ft_caps_enough(&caps), true);
	if (x->ok)
		snprintf(x->text, sizeof(x->text), "BPF, perf events and other processes' memory");
	else
		ft_caps_explain(&caps, "ftprof", x->text, sizeof(x->text));
}

static void check_sites(struct findings *f, int pid, const struct ft_runtime *rt)
{
	struct ft_sites *s = calloc(1, sizeof(*s));
	struct finding *x;
	char why[256] = "";
	int i, err;

	if (!s)
		return;
	err = ft_sites_find(pid, rt, s, why, sizeof(why));
	for (i = 0; i < FT_SITE_CNT; i++) {
		if (i == FT_SITE_DROP && s->found[FT_SITE_SIGNAL])
			continue; /* not used when pthread_cond_signal is there */
		x = add(f, "GIL probe site", s->found[i], false);
		if (s->found[i])
			ft_site_describe(&s->site[i], x->text, sizeof(x->text));
		else
			snprintf(x->text, sizeof(x->text), "%s", s->missing[i]);
	}
	x = add(f, "uprobe engine", !err && s->found[FT_SITE_SIGNAL], false);
	if (x->ok)
		snprintf(x->text, sizeof(x->text),
			 "works; plants %d probes, only with --exact, at about %.1f us a hit", 2,
			 FT_PROBE_HIT_NS / 1e3);
	else
		snprintf(x->text, sizeof(x->text), "%s", why[0] ? why : "does not work here");
	free(s);
}

/* What a session with a free-threaded interpreter plants unless --no-probes is given. */
static void check_free(struct findings *f, int pid, const struct ft_runtime *rt)
{
	static const char *const names[FT_FTSITE_CNT] = {"pause begins", "pause ends",
							 "GIL returns"};
	struct ft_ftsites *s = malloc(sizeof(*s));
	char why[256];
	int i;

	if (!rt->free_threaded || !s || ft_ftsites_find(pid, rt, s, why, sizeof(why))) {
		free(s);
		return;
	}
	for (i = 0; i < FT_FTSITE_CNT; i++) {
		struct finding *x = add(f, names[i], s->found[i], false);

		if (x->ok)
			ft_ftsite_describe(&s->site[i], x->text, sizeof(x->text));
		else
			snprintf(x->text, sizeof(x->text), "%s", s->missing[i]);
	}
	free(s);
}

static void check_cores(struct findings *f, int pid)
{
	struct ft_cores *c = calloc(1, sizeof(*c));
	struct finding *x;

	if (c && !ft_cgroup_cores(pid, c)) {
		x = add(f, "cores", true, false);
		if (c->quota > 0)
			snprintf(x->text, sizeof(x->text), "%u allowed, %.2f at once by %s", c->cnt,
				 c->quota, c->quota_from);
		else
			snprintf(x->text, sizeof(x->text), "%u allowed, no quota", c->cnt);
	}
	free(c);
}

/* 0 or -errno (logged). */
static int check_extensions(struct findings *f, int pid, const struct ft_runtime *rt,
			    enum ft_pygil gil)
{
	char why[256];
	int err;

	err = ft_extensions_list(pid, rt, &f->list, &f->extensions.cnt, why, sizeof(why));
	if (err)
		return ft_err(err, "%s", why);
	f->has_extensions = true;
	f->extensions.ext = f->list;
	f->extensions.minor = rt->hex >> 16 & 255;
	f->extensions.free_threaded = rt->free_threaded;
	f->extensions.old = rt->no_offsets;
	f->extensions.gil = gil;
	return 0;
}

/* 0 or -errno (logged). */
static int check_process(struct findings *f, int pid)
{
	struct ft_runtime *rt = calloc(1, sizeof(*rt));
	struct ft_pystate st = {0};
	enum ft_pygil gil;
	struct finding *x;
	char why[256];
	int err;

	if (!rt)
		return ft_err(-ENOMEM, "out of memory");
	err = ft_runtime_find(pid, rt, why, sizeof(why));
	if (err) {
		ft_err(err, "%s", why);
		goto out;
	}
	x = add(f, "interpreter", true, true);
	snprintf(x->text, sizeof(x->text), "Python %s%s, %s", rt->version,
		 rt->free_threaded ? " free-threaded" : "", rt->how);
	x = add(f, "passive engine", !rt->no_offsets && !rt->limit[0], false);
	snprintf(x->text, sizeof(x->text), "%s",
		 rt->limit[0]	  ? rt->limit
		 : rt->no_offsets ? "the interpreter publishes no offsets (3.13 and later do)"
		 : rt->free_threaded
			 ? "works; the three probes below are planted unless --no-probes is given"
			 : "works; nothing is planted in the process");
	if (!ft_runtime_state(pid, rt, &st)) {
		x = add(f, "GIL", true, false);
		snprintf(x->text, sizeof(x->text),
			 "%s, %u interpreter%s, %zu Python thread%s, switch interval %u us",
			 st.gil == FT_PYGIL_OFF	      ? "off"
			 : st.gil == FT_PYGIL_ENABLED ? "on, in a free-threaded build"
						      : "on",
			 st.interp_cnt, st.interp_cnt == 1 ? "" : "s", st.thread_cnt,
			 st.thread_cnt == 1 ? "" : "s", st.switch_interval_us);
	}
	gil = st.gil;
	ft_pystate_free(&st);
	check_sites(f, pid, rt);
	check_free(f, pid, rt);
	check_cores(f, pid);
	err = check_extensions(f, pid, rt, gil);
out:
	free(rt);
	return err;
}

static int as_json(struct ft_text *out, const struct findings *f)
{
	struct json_object *root = json_object_new_object(), *a = json_object_new_array();
	size_t i;

	json_object_object_add(root, "schema", json_object_new_string("ftprof-check/1"));
	for (i = 0; i < f->cnt; i++) {
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "name", json_object_new_string(f->v[i].name));
		json_object_object_add(o, "ok", json_object_new_boolean(f->v[i].ok));
		json_object_object_add(o, "needed", json_object_new_boolean(f->v[i].fatal));
		json_object_object_add(o, "text", json_object_new_string(f->v[i].text));
		json_object_array_add(a, o);
	}
	json_object_object_add(root, "checks", a);
	if (f->has_extensions)
		json_object_object_add(root, "extensions",
				       ft_check_extensions_json(&f->extensions));
	ft_text_add(out, json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY));
	ft_text_add(out, "\n");
	json_object_put(root);
	return out->err;
}

static const char what_text[] =
	"\nA session loads BPF programs on sched_switch, sched_waking, fork, exec and a software\n"
	"timer on the allowed cores; reads the process's memory (the GIL, parked locks, thread\n"
	"ids), its /proc files and its ELF files; writes nothing to it, and never stops it. "
	"Probes\n"
	"are planted with --exact only, and in a free-threaded interpreter three (on pauses and "
	"on\n"
	"the GIL's return) unless --no-probes is given; with them two on garbage collections "
	"where\n"
	"the interpreter has USDT probes there. All of it is gone when ftprof ends.\n";

static void as_text(struct ft_text *out, const struct findings *f)
{
	size_t i;

	for (i = 0; i < f->cnt; i++) {
		const struct finding *x = &f->v[i];

		ft_text_printf(out, "%-4s %-18s ", x->ok ? "ok" : x->fatal ? "NO" : "no", x->name);
		ft_text_add_safe(out, x->text, sizeof(x->text));
		ft_text_add(out, "\n");
	}
	ft_text_add(out, what_text);
	if (f->has_extensions)
		ft_check_extensions_text(out, &f->extensions);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct opts *o = state->input;
	long n;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->show;
		break;
	case 'p':
		if (ft_parse_long(arg, 1, 1 << 22, &n))
			ft_usage("check", "-p %s: a process id is needed (`ftprof` lists them)",
				 arg);
		o->pid = n;
		break;
	case ARGP_KEY_ARG:
		ft_usage("check", "%s: no such argument (-p PID)", arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

int ft_cmd_check(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"pid", 'p', "PID", 0, "Look at this process too", 10},
		{0},
	};
	static const struct argp_child children[] = {{&ft_out_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.children = children,
		.doc = "Says whether a session can run here and what it would load, read and "
		       "plant; "
		       "loads nothing.\v"
		       "Exit status 1 when something that is needed is missing.\n\n"
		       "EXAMPLES:\n  ftprof check\n  sudo ftprof check -p 4312\n",
	};
	struct findings *f = calloc(1, sizeof(*f));
	struct ft_text out = {0};
	struct opts o = {0};
	int status = FT_EXIT_FAILED;
	bool bad;
	size_t i;

	if (!f) {
		ft_err(-ENOMEM, "out of memory");
		return FT_EXIT_FAILED;
	}
	ft_show_defaults(&o.show, "check");
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	check_host(f);
	/* what was found of the host is told all the same */
	bad = o.pid && check_process(f, o.pid);
	if (o.show.json)
		as_json(&out, f);
	else
		as_text(&out, f);
	status = ft_show_write(&o.show, &out);
	if (bad && status == FT_EXIT_GOOD)
		status = FT_EXIT_FAILED;
	for (i = 0; i < f->cnt && status == FT_EXIT_GOOD; i++)
		if (!f->v[i].ok && f->v[i].fatal)
			status = FT_EXIT_FAILED;
	ft_text_free(&out);
	free(f->list);
	free(f);
	return status;
}
