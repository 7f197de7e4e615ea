/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A session as a table (RFC 4180): a line a span. Spreadsheets take a cell that begins with = + - @
 * for a formula, whatever it is quoted with; so a stranger's text that does gets a ' in front of
 * it.
 */
#include "export/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "export/escape.h"
#include "export/trace_parts.h"
#include "model/spans.h"
#include "model/syscalls.h"

#define EOL "\r\n"
#define COLUMNS                                                                                    \
	"from_ns,to_ns,duration_ns,thread,tid,name,type,state,core,wake_ns,waker_tid,system_call," \
	"lock,lock_address,on_gil,on_free,on_spin,others_ns"

struct csv {
	struct ft_sink *out;
	const struct ft_model *m;
	const struct ft_thread_rec *recs;
	size_t rec_cnt;
	struct ft_trace_locks locks;
	char **name;	     /* [rec_cnt] as it stands in a cell */
	struct ft_text cell; /* scratch */
	__u64 from, to;
};

/* s, which is safe to show, as the content of a cell. */
static void add_cell(struct ft_text *out, const char *s)
{
	size_t n = strlen(s), i;
	bool quote = strpbrk(s, ",\" ") != NULL;

	if (quote)
		ft_text_add(out, "\"");
	/* the last two begin as the first four do where Chinese and Japanese are typed */
	if (*s && (strchr("=+-@\t\r", *s) || !strncmp(s, "\xef\xbc\x9d", 3) ||
		   !strncmp(s, "\xef\xbc\x8b", 3) || !strncmp(s, "\xef\xbc\x8d", 3) ||
		   !strncmp(s, "\xef\xbc\xa0", 3)))
		ft_text_add(out, "'");
	for (i = 0; i < n; i++) {
		if (s[i] == '"')
			ft_text_add(out, "\"");
		ft_text_addn(out, &s[i], 1);
	}
	if (quote)
		ft_text_add(out, "\"");
}

static int name_threads(struct csv *c)
{
	struct ft_text safe = {0}, cell = {0};
	int err = 0;

	c->name = calloc(c->rec_cnt + 1, sizeof(*c->name));
	if (!c->name)
		return -ENOMEM;
	for (size_t i = 0; i < c->rec_cnt && !err; i++) {
		safe.len = cell.len = 0;
		ft_text_add(&safe, "");
		ft_esc_add(&safe, FT_ESC_NONE, c->recs[i].name, FT_ESC_ALL);
		ft_text_add(&cell, "");
		if (!safe.err)
			add_cell(&cell, safe.s);
		err = safe.err ? safe.err : cell.err;
		c->name[i] = err ? NULL : strdup(cell.s);
		if (!c->name[i])
			err = -ENOMEM;
	}
	ft_text_free(&safe);
	ft_text_free(&cell);
	return err;
}

static const char *type_name(__u8 type)
{
	static const char *const names[] = {
		[FT_SPAN_ON] = "on",	 [FT_SPAN_OFF] = "off",	     [FT_SPAN_GAP] = "lost",
		[FT_SPAN_TICK] = "tick", [FT_SPAN_OTHER] = "others",
	};

	return names[type];
}

/* ",system_call,lock,lock_address" of a span */
static int put_cause(struct csv *c, const struct ft_span *s)
{
	struct ft_text label = {0};
	char call[32];
	int err;

	if (s->type == FT_SPAN_OFF && s->state == FT_R_BLOCKED) {
		ft_syscall_name((__u32)s->arg, call, sizeof(call));
		ft_sink_printf(c->out, ",%s,,", call);
		return 0;
	}
	if (s->type != FT_SPAN_OFF || !s->arg ||
	    (s->state != FT_R_LOCK_WAIT && s->state != FT_R_SYNC_WAIT)) {
		ft_sink_add(c->out, ",,,", 3);
		return 0;
	}
	c->cell.len = 0;
	ft_text_add(&c->cell, "");
	ft_trace_lock_label(&c->locks, s->arg, &label);
	if (label.len)
		add_cell(&c->cell, label.s);
	err = label.err ? label.err : c->cell.err;
	if (!err)
		ft_sink_printf(c->out, ",,%s,0x%llx", c->cell.s, (unsigned long long)s->arg);
	ft_text_free(&label);
	return err;
}

/* ",on_gil,on_free,on_spin,others_ns" and the line's end */
static void put_shares(struct csv *c, const struct ft_span *s, __u64 from, __u64 to)
{
	double all = (double)(s->to_ns - s->from_ns);

	if (s->type == FT_SPAN_ON)
		ft_sink_printf(c->out, ",%.6g,%.6g,%.6g," EOL, (double)s->split[FT_ON_GIL],
			       (double)s->split[FT_ON_FREE], (double)s->split[FT_ON_SPIN]);
	else if (s->type == FT_SPAN_OTHER)
		ft_sink_printf(
			c->out, ",,,,%llu" EOL,
			(unsigned long long)(all > 0 ? (double)s->arg * (double)(to - from) / all
						     : 0));
	else
		ft_sink_printf(c->out, ",,,," EOL);
}

static int take(void *ctx, const struct ft_span *s)
{
	struct csv *c = ctx;
	__u64 from = s->from_ns, to = s->to_ns, start = c->m->info->start_ns;
	bool timed = s->type == FT_SPAN_ON || s->type == FT_SPAN_OFF || s->type == FT_SPAN_OTHER;
	int err;

	if (!ft_trace_cut(c->from, c->to, &from, &to) || (timed && from == to))
		return 0;
	ft_sink_printf(c->out, "%llu,%llu,%llu,", (unsigned long long)(from - start),
		       (unsigned long long)(to - start), (unsigned long long)(to - from));
	if (s->thr < c->rec_cnt)
		ft_sink_printf(c->out, "%u,%u,%s", s->thr, c->recs[s->thr].t.tid, c->name[s->thr]);
	else
		ft_sink_add(c->out, ",,", 2);
	ft_sink_printf(c->out, ",%s,%s,", type_name(s->type),
		       s->type == FT_SPAN_GAP || s->type == FT_SPAN_OTHER
			       ? ""
			       : ft_rstate_name((enum ft_rstate)s->state));
	if (s->cpu != FT_SPAN_NO_CPU)
		ft_sink_printf(c->out, "%u", s->cpu);
	if (s->type == FT_SPAN_OFF && s->wake_ns >= start)
		ft_sink_printf(c->out, ",%llu", (unsigned long long)(s->wake_ns - start));
	else
		ft_sink_add(c->out, ",", 1);
	if (s->type == FT_SPAN_OFF && s->waker < c->rec_cnt)
		ft_sink_printf(c->out, ",%u", c->recs[s->waker].t.tid);
	else
		ft_sink_add(c->out, ",", 1);
	err = put_cause(c, s);
	put_shares(c, s, from, to);
	return err ? err : c->out->err;
}

int ft_export_csv(struct ft_reader *r, const struct ft_model *m, const struct ft_trace_opts *o,
		  struct ft_sink *out)
{
	struct csv c = {.out = out, .m = m};
	int err = ft_trace_window(r, m, o, &c.from, &c.to);

	if (err)
		return err;
	c.recs = ft_reader_threads(r, &c.rec_cnt);
	err = ft_trace_locks_init(&c.locks, ft_reader_findings(r));
	if (!err)
		err = name_threads(&c);
	if (!err) {
		ft_sink_printf(out, COLUMNS EOL);
		err = ft_spans_read(r, m, take, &c);
	}
	if (!err)
		err = ft_sink_flush(out);
	for (size_t i = 0; c.name && i < c.rec_cnt; i++)
		free(c.name[i]);
	free(c.name);
	ft_trace_locks_free(&c.locks);
	ft_text_free(&c.cell);
	return err;
}
