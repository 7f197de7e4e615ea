// SPDX-License-Identifier: BSD-2-Clause
/* A whole session in one file, written as it is made. */
#include "cmd/show_session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fileio.h"
#include "base/log.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/show.h"
#include "export/trace.h"
#include "model/funcs.h"
#include "view/report_json.h"

/* What is written, and of what. */
struct job {
	const struct ft_show_opts *o;
	const struct ft_page_side *side;
	int cnt;
	const char *compare;
};

/* A page of no time at all would look like a session in which nothing happened. */
static bool is_empty(const struct job *j)
{
	__u64 from = j->o->from_ns, to = j->o->to_ns;

	return from && (from >= j->side->m->duration_ns || (to && to <= from));
}

static int write_job(const struct job *j, struct ft_sink *out)
{
	const struct ft_page_side *s = j->side;
	struct ft_trace_opts t = {.from_ns = j->o->from_ns, .to_ns = j->o->to_ns};
	struct ft_page_opts p = {
		.from_ns = j->o->from_ns, .to_ns = j->o->to_ns, .compare = j->compare};

	switch (j->o->stacks.format) {
	case FT_FMT_PERFETTO:
		return ft_export_perfetto(s->r, s->m, &t, out);
	case FT_FMT_CSV:
		return ft_export_csv(s->r, s->m, &t, out);
	default:
		if (is_empty(j))
			return -ERANGE;
		return ft_export_page(s, j->cnt, &p, out);
	}
}

static int explain(const struct job *j, int err)
{
	const char *out = j->o->out ? j->o->out : "standard output";

	if (err == -ENODATA)
		return ft_err(err, "%s has no events, only totals: record it without --no-timeline",
			      j->side->path);
	if (err == -ERANGE)
		return ft_err(err, "%s: nothing of it lies in that time: it has %.3f s",
			      j->side->path, j->side->m->duration_ns / 1e9);
	return ft_err(err, "cannot write %s: %s", out, strerror(-err));
}

/* To standard output, or to a file that is whole or not there. Returns the exit status. */
static int run_job(const struct job *j)
{
	struct ft_sink *sink = malloc(sizeof(*sink));
	struct ft_outfile f = {.fd = -1};
	int err = sink ? 0 : ft_err(-ENOMEM, "out of memory");

	if (!err && j->o->out)
		err = ft_show_open_out(&f, j->o);
	if (err)
		goto out;
	ft_sink_init(sink, j->o->out ? f.fd : STDOUT_FILENO);
	err = write_job(j, sink);
	err = ft_sink_flush(sink) ?: err;
	if (!err && j->o->out)
		err = ft_outfile_commit(&f);
	if (err)
		explain(j, err);
out:
	ft_outfile_abort(&f);
	free(sink);
	return err ? FT_EXIT_FAILED : FT_EXIT_GOOD;
}

static int report_json(struct ft_reader *r, const struct ft_model *m, struct ft_text *out)
{
	struct ft_func_lists fn;
	int err = ft_func_lists_build(r, m, &fn);

	if (err)
		return err;
	err = ft_report_json(out, m, &fn);
	ft_func_lists_free(&fn);
	return err ? err : out->err;
}

int ft_session_export(struct ft_reader *r, const struct ft_model *m, const struct ft_show_opts *o,
		      const char *path)
{
	struct ft_page_side side = {.r = r, .m = m, .path = path};
	struct job j = {.o = o, .side = &side, .cnt = 1};
	struct ft_text json = {0};
	int status = FT_EXIT_FAILED, err = 0;

	if (o->stacks.format == FT_FMT_PAGE)
		err = report_json(r, m, &json);
	side.report = json.s;
	if (err)
		ft_err(err, "cannot make the figures of %s: %s", path, strerror(-err));
	else
		status = run_job(&j);
	ft_text_free(&json);
	return status;
}

int ft_session_page_pair(struct ft_page_side side[2], const char *compare,
			 const struct ft_show_opts *o)
{
	struct job j = {.o = o, .side = side, .cnt = 2, .compare = compare};
	struct ft_text json[2] = {{0}, {0}};
	int status = FT_EXIT_FAILED, err = 0;

	for (int i = 0; i < 2 && !err; i++) {
		err = report_json(side[i].r, side[i].m, &json[i]);
		side[i].report = json[i].s;
	}
	if (err)
		ft_err(err, "cannot make the figures: %s", strerror(-err));
	else
		status = run_job(&j);
	for (int i = 0; i < 2; i++) {
		side[i].report = NULL;
		ft_text_free(&json[i]);
	}
	return status;
}
