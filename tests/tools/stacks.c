// SPDX-License-Identifier: BSD-2-Clause
/*
 * Prints the stacks of a session as JSON, without any of the code that reports and exports them.
 *
 *     stacks FILE          frames, nodes and weights as they stand in the file, and the counters
 *     stacks -e FILE       the events that can have a stack, too
 *
 * "frames": [name, file, line, first line, kind, error]; "nodes": [parent, frame], parent -1 for an
 * outermost one; "weights": [node, kind, argument, ns, raw_ns, cnt], node -1 for none; "threads":
 * [tid, name, [ns by state]]; "events": [thread, type, out_ns, wake_ns, ts, state, node].
 */
#include <errno.h>
#include <inttypes.h>
#include <json.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "record/session.h"

static int print_string(const char *s)
{
	json_object *o = json_object_new_string(s);

	if (!o)
		return -ENOMEM;
	fputs(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), stdout);
	json_object_put(o);
	return 0;
}

static long long node_of(__u32 stack)
{
	return stack == FT_NO_STACK ? -1 : (long long)stack;
}

static int print_frames(const struct ft_stacks *s)
{
	size_t i;
	int err;

	printf(",\n\"frames\": [");
	for (i = 0; i < s->frame_cnt; i++) {
		const struct ft_frame *f = &s->frame[i];

		printf("%s\n[", i ? "," : "");
		err = print_string(f->name);
		if (err)
			return err;
		printf(", ");
		err = print_string(f->file);
		if (err)
			return err;
		printf(", %u, %u, %u, %u]", f->line, f->first_line, f->kind, f->error);
	}
	printf("],\n\"nodes\": [");
	for (i = 0; i < s->node_cnt; i++)
		printf("%s[%lld, %u]", i ? "," : "", node_of(s->node[i].parent), s->node[i].frame);
	printf("],\n\"weights\": [");
	for (i = 0; i < s->weight_cnt; i++) {
		const struct ft_weight *w = &s->weight[i];

		printf("%s[%lld, %u, %u, %" PRIu64 ", %" PRIu64 ", %" PRIu64 "]", i ? "," : "",
		       node_of(w->stack), w->kind, w->arg, (uint64_t)w->ns, (uint64_t)w->raw_ns,
		       (uint64_t)w->cnt);
	}
	putchar(']');
	return 0;
}

static int print_threads(struct ft_reader *r)
{
	const struct ft_thread_rec *rec;
	size_t cnt, i;
	int err, s;

	rec = ft_reader_threads(r, &cnt);
	printf(",\n\"threads\": [");
	for (i = 0; i < cnt; i++) {
		printf("%s\n[%u, ", i ? "," : "", rec[i].t.ns_tid);
		err = print_string(rec[i].name);
		if (err)
			return err;
		for (s = 0; s < FT_ST_CNT; s++)
			printf("%s%" PRIu64, s ? ", " : ", [", (uint64_t)rec[i].t.state_ns[s]);
		printf("]]");
	}
	putchar(']');
	return 0;
}

static void print_head(const struct ft_session_info *in, const struct ft_totals *t)
{
	const __u64 *cnt = t->sums.cnt;
	int i;

	printf("{\"start_ns\": %" PRIu64 ", \"end_ns\": %" PRIu64 ", \"tick_hz\": %u, "
	       "\"stack_hz\": %u, \"walked\": %" PRIu64 ", \"ticks\": %" PRIu64
	       ", \"lost\": %" PRIu64 ", \"full\": %" PRIu64 ", \"skipped\": %" PRIu64
	       ", \"distinct\": %" PRIu64 ", \"unnamed\": %" PRIu64 ", \"undescribed\": %" PRIu64
	       ", \"ring_lost\": %" PRIu64 ", \"rss\": %" PRIu64 ", \"marks\": [",
	       (uint64_t)in->start_ns, (uint64_t)t->end_ns, in->tick_hz, in->stack_hz,
	       (uint64_t)cnt[FT_CN_STACKS], (uint64_t)cnt[FT_CN_TICKS],
	       (uint64_t)cnt[FT_CN_LOST_STACK], (uint64_t)cnt[FT_CN_STACK_FULL],
	       (uint64_t)cnt[FT_CN_STACK_SKIPPED], (uint64_t)t->stacks_distinct,
	       (uint64_t)t->stacks_unnamed, (uint64_t)t->stacks_undescribed,
	       (uint64_t)cnt[FT_CN_LOST_RING], (uint64_t)t->rss_bytes);
	for (i = 0; i < FT_PM_CNT; i++)
		printf("%s%" PRIu64, i ? ", " : "", (uint64_t)cnt[FT_CN_STACK_MARK + i]);
	putchar(']');
}

static int print_event(void *ctx, const struct ft_event *ev)
{
	bool *more = ctx;

	if (ev->type != FT_EV_SLICE && ev->type != FT_EV_TICK)
		return 0;
	printf("%s\n[%u, %u, %" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %u, %lld]", *more ? "," : "",
	       ev->thr, ev->type, (uint64_t)ev->out_ns, (uint64_t)ev->wake_ns, (uint64_t)ev->ts,
	       ev->state, node_of(ev->stack));
	*more = true;
	return 0;
}

static int print_all(struct ft_reader *r, bool events)
{
	bool more = false;
	int err;

	print_head(ft_reader_info(r), ft_reader_totals(r));
	err = print_frames(ft_reader_stacks(r));
	if (!err)
		err = print_threads(r);
	if (!err && events) {
		printf(",\n\"events\": [");
		err = ft_reader_events(r, 0, ~0ull, print_event, &more);
		putchar(']');
	}
	printf("}\n");
	if (!err && (fflush(stdout) || ferror(stdout)))
		err = -EIO;
	return err;
}

int main(int argc, char **argv)
{
	bool events = argc == 3 && !strcmp(argv[1], "-e");
	struct ft_reader *r;
	char why[512];
	int err;

	if (argc != 2 && !events) {
		fprintf(stderr, "usage: stacks [-e] FILE\n");
		return 2;
	}
	err = ft_reader_open(argv[argc - 1], &r, why, sizeof(why));
	if (err) {
		fprintf(stderr, "stacks: %s\n", why);
		return 1;
	}
	err = print_all(r, events);
	if (!err && ft_reader_damage(r)) {
		fprintf(stderr, "stacks: %s\n", ft_reader_damage(r));
		err = -EBADMSG;
	}
	ft_reader_close(r);
	if (err)
		fprintf(stderr, "stacks: %s\n", strerror(-err));
	return err ? 1 : 0;
}
