/* SPDX-License-Identifier: BSD-2-Clause */
/* Weighted stacks for one question as a tree. */
#include "model/flame.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/flame_tree.h"
#include "model/flame_weigh.h"
#include "model/syscalls.h"

/* Frames of our own: a state (its enum ft_state), what is missing, and the system calls. */
enum {
	MARK_NO_STACK = FT_ST_CNT,
	MARK_HANDOVER,
	MARK_NOT_SEEN,
	MARK_SYSCALL,
	MARK_CNT = MARK_SYSCALL + FT_MAX_SYSCALLS,
	MARK_NONE,
};

static const char *const mark_names[MARK_SYSCALL] = {
	[FT_ST_ON] = "[on a core]",
	[FT_ST_GIL_WAIT] = "[waits GIL]",
	[FT_ST_GIL_SWITCH] = "[hands over the GIL]",
	[FT_ST_LOCK_WAIT] = "[waits lock]",
	[FT_ST_SYNC_WAIT] = "[own lock or queue]",
	[FT_ST_STW] = "[paused by interpreter]",
	[FT_ST_RUNQ] = "[waits core]",
	[FT_ST_BLOCKED] = "[asleep]",
	[FT_ST_FAULT] = "[page fault]",
	[FT_ST_STOPPED] = "[stopped]",
	[MARK_NO_STACK] = "[no stack]",
	[MARK_HANDOVER] = "[GIL free: hand-over]",
	[MARK_NOT_SEEN] = "[holder not seen]",
};

static const struct {
	const char *name;
	const char *title;
	const char *none; /* what a session without any such time is told */
} ofs[FT_OF_CNT] = {
	[FT_OF_ON_CPU] = {"on-cpu", "On CPU: where threads ran", "no thread ran on a core"},
	[FT_OF_GIL_WAIT] = {"gil-wait", "GIL wait: who waited for the GIL",
			    "no thread waited for the GIL"},
	[FT_OF_GIL_BLAME] = {"gil-blame", "GIL blame: who held it while others waited",
			     "no thread waited for the GIL"},
	[FT_OF_LOCK_WAIT] = {"lock-wait", "Lock wait: who waited for locks inside objects",
			     "no thread waited for a lock inside an object"},
	[FT_OF_BLOCKED] = {"blocked", "Blocked: where threads slept", "no thread slept"},
	[FT_OF_OFF_CPU] = {"off-cpu", "Off CPU: where threads were off a core",
			   "no thread was off its core"},
	[FT_OF_WALL] = {"wall", "Wall time: where threads were all the time", "no thread was seen"},
	[FT_OF_LOCK_OWNER] = {"lock-owner", "Lock owners: who ended the waits for locks",
			      "no thread was seen to end a wait for a lock"},
	[FT_OF_SHARED] = {"shared", "Sharing: reference counts that threads share",
			  "no time went on reference counts that threads share"},
	[FT_OF_PAUSE] = {"pause", "Pauses: who stopped all threads",
			 "no stop-the-world pause was seen"},
};

const char *ft_of_name(enum ft_of of)
{
	return (unsigned int)of < FT_OF_CNT ? ofs[of].name : "unknown";
}

const char *ft_of_title(enum ft_of of)
{
	return (unsigned int)of < FT_OF_CNT ? ofs[of].title : "unknown";
}

int ft_of_parse(const char *name, enum ft_of *out)
{
	int i;

	for (i = 0; i < FT_OF_CNT; i++) {
		if (!strcmp(name, ofs[i].name)) {
			*out = (enum ft_of)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* A flame while it is built. */
struct builder {
	const struct ft_stacks *stacks;
	const struct ft_weighing *in;
	struct ft_flame *out;
	struct ft_stack_tree tree;
	__u32 *class_of; /* with by_function: the frame of the flame, by frame of the session */
	__u32 mark[MARK_CNT];
	__u64 *ns;   /* by weight: its share */
	__u32 *node; /* by node of the session: that of the flame; FT_NO_STACK: not used */
};

static int __attribute__((format(printf, 3, 4)))
refuse(char *why, size_t why_sz, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (why_sz)
		vsnprintf(why, why_sz, fmt, ap);
	va_end(ap);
	return -ENODATA;
}

/* What the reader promises, and what would lead out of an array here if it were not so. */
static bool sane(const struct ft_stacks *s)
{
	size_t i;

	if (s->frame_cnt >= FT_NO_STACK - MARK_CNT || s->node_cnt >= FT_NO_STACK)
		return false;
	for (i = 0; i < s->node_cnt; i++)
		if (s->node[i].frame >= s->frame_cnt ||
		    (s->node[i].parent != FT_NO_STACK && s->node[i].parent >= i))
			return false;
	for (i = 0; i < s->frame_cnt; i++)
		if (!s->frame[i].name || !s->frame[i].file)
			return false;
	return true;
}

/* Copies the frames, and leaves room for marks. */
static int take_frames(struct builder *b, bool by_function)
{
	const struct ft_stacks *s = b->stacks;
	struct ft_flame *f = b->out;
	size_t i, class_cnt;
	int err;

	f->frame = malloc((s->frame_cnt + MARK_CNT) * sizeof(*f->frame));
	f->own_string = calloc(FT_MAX_SYSCALLS, sizeof(*f->own_string));
	if (!f->frame || !f->own_string)
		return -ENOMEM;
	for (i = 0; i < MARK_CNT; i++)
		b->mark[i] = FT_NO_STACK;
	if (!by_function) {
		if (s->frame_cnt)
			memcpy(f->frame, s->frame, s->frame_cnt * sizeof(*f->frame));
		f->frame_cnt = s->frame_cnt;
		return 0;
	}
	b->class_of = malloc((s->frame_cnt + 1) * sizeof(*b->class_of));
	if (!b->class_of)
		return -ENOMEM;
	err = ft_frame_classes(s->frame, s->frame_cnt, ft_frame_cmp_function, b->class_of,
			       &class_cnt);
	if (err)
		return err;
	for (i = 0; i < s->frame_cnt; i++) {
		f->frame[b->class_of[i]] = s->frame[i];
		f->frame[b->class_of[i]].line = 0;
	}
	f->frame_cnt = class_cnt;
	return 0;
}

/* The frame of a mark, made when it is first wanted. */
static int mark_frame(struct builder *b, unsigned int mark, __u32 *out)
{
	struct ft_flame *f = b->out;
	const char *name;
	char call[32], *own;
	int n;

	if (b->mark[mark] == FT_NO_STACK) {
		if (mark < MARK_SYSCALL) {
			name = mark_names[mark];
		} else {
			ft_syscall_name(mark - MARK_SYSCALL, call, sizeof(call));
			own = malloc(sizeof(call) + 16);
			if (!own)
				return -ENOMEM;
			n = snprintf(own, sizeof(call) + 16, "[asleep: %s]", call);
			if (n < 0)
				own[0] = '\0';
			f->own_string[f->own_string_cnt++] = own;
			name = own;
		}
		b->mark[mark] = (__u32)f->frame_cnt;
		f->frame[f->frame_cnt++] =
			(struct ft_frame){.name = name, .file = "", .kind = FT_FK_MARK};
	}
	*out = b->mark[mark];
	return 0;
}

static int add_mark(struct builder *b, __u32 parent, unsigned int mark, __u32 *out)
{
	__u32 frame = 0;
	int err = mark_frame(b, mark, &frame);

	return err ? err : ft_stack_tree_child(&b->tree, parent, frame, out);
}

/* The mark that says in which state a thread was, for questions about several. */
static unsigned int leaf_of(enum ft_of of, const struct ft_weight *w)
{
	bool told = of == FT_OF_LOCK_WAIT || of == FT_OF_BLOCKED || of == FT_OF_OFF_CPU ||
		    of == FT_OF_WALL;

	if (!told || w->kind >= FT_ST_CNT)
		return MARK_NONE;
	if (w->kind == FT_ST_BLOCKED && w->arg < FT_MAX_SYSCALLS)
		return MARK_SYSCALL + w->arg;
	return w->kind;
}

static void add_self(struct builder *b, __u32 node, __u64 ns, __u64 cnt)
{
	struct ft_flame_node *n = &b->tree.node[node];

	n->self_ns = ft_add_sat(n->self_ns, ns);
	n->self_cnt = ft_add_sat(n->self_cnt, cnt);
}

static int add_weight(struct builder *b, const struct ft_weight *w, __u64 ns, __u32 base)
{
	unsigned int leaf = leaf_of(b->out->of, w);
	__u32 node = base;
	int err = 0;

	if (w->stack != FT_NO_STACK)
		node = b->node[w->stack];
	else if (!base)
		err = add_mark(b, base, MARK_NO_STACK, &node);
	if (!err && leaf != MARK_NONE)
		err = add_mark(b, node, leaf, &node);
	if (!err)
		add_self(b, node, ns, w->cnt);
	return err;
}

/*
 * Adds the weights that stand below `base`, the root or the mark for a GIL that nobody held. The
 * session's nodes come parents first, so that one pass copies those that are needed.
 */
static int add_weights(struct builder *b, bool handover, __u32 base)
{
	const struct ft_stacks *s = b->stacks;
	const struct ft_weight *w;
	size_t i;
	int err = 0;

	for (i = 0; i < s->node_cnt; i++)
		b->node[i] = FT_NO_STACK;
	for (i = 0; i < b->in->cnt; i++) {
		w = &b->in->weight[i];
		if (b->ns[i] && (w->kind == FT_SK_BLAME_FREE) == handover &&
		    w->stack != FT_NO_STACK)
			b->node[w->stack] = 0;
	}
	for (i = s->node_cnt; i-- > 0;)
		if (b->node[i] != FT_NO_STACK && s->node[i].parent != FT_NO_STACK)
			b->node[s->node[i].parent] = 0;
	for (i = 0; i < s->node_cnt && !err; i++) {
		__u32 up = s->node[i].parent, frame = s->node[i].frame;

		if (b->node[i] == FT_NO_STACK)
			continue;
		err = ft_stack_tree_child(&b->tree, up == FT_NO_STACK ? base : b->node[up],
					  b->class_of ? b->class_of[frame] : frame, &b->node[i]);
	}
	for (i = 0; i < b->in->cnt && !err; i++) {
		w = &b->in->weight[i];
		if (b->ns[i] && (w->kind == FT_SK_BLAME_FREE) == handover)
			err = add_weight(b, w, b->ns[i], base);
	}
	return err;
}

/* Time that no weight tells of. */
static int add_missing(struct builder *b, const struct ft_scale *s)
{
	__u32 node = 0;
	__u8 k;
	int err = 0;

	for (k = 0; k < FT_SK_CNT && !err; k++) {
		/* not FT_ST_BLOCKED's first system call: which it was is not known */
		const struct ft_weight w = {
			.stack = FT_NO_STACK, .kind = k, .arg = FT_MAX_SYSCALLS};

		if (s->no_stack[k])
			err = add_weight(b, &w, s->no_stack[k], 0);
	}
	if (!err && s->not_seen) {
		err = add_mark(b, 0, MARK_NOT_SEEN, &node);
		if (!err)
			add_self(b, node, s->not_seen, 0);
	}
	return err;
}

static int grow(struct builder *b, const struct ft_flame_opts *o)
{
	struct ft_flame *f = b->out;
	bool handover = false;
	struct ft_scale scale;
	__u32 base = 0;
	size_t i;
	int err;

	b->ns = malloc((b->in->cnt + 1) * sizeof(*b->ns));
	b->node = malloc((b->stacks->node_cnt + 1) * sizeof(*b->node));
	if (!b->ns || !b->node)
		return -ENOMEM;
	err = take_frames(b, o->by_function);
	if (err)
		return err;
	ft_scale_init(&scale, o->of, b->in);
	for (i = 0; i < b->in->cnt; i++) {
		const struct ft_weight *w = &b->in->weight[i];

		if (w->stack != FT_NO_STACK && w->stack >= b->stacks->node_cnt)
			return -EINVAL;
		b->ns[i] = ft_scale_next(&scale, w);
		handover |= b->ns[i] && w->kind == FT_SK_BLAME_FREE;
	}
	f->sampled_ns = scale.sampled_ns;
	f->samples = scale.samples;
	f->factor = scale.factor;
	err = ft_stack_tree_init(&b->tree);
	if (!err)
		err = add_weights(b, false, 0);
	if (!err && handover)
		err = add_mark(b, 0, MARK_HANDOVER, &base);
	if (!err && handover)
		err = add_weights(b, true, base);
	if (!err)
		err = add_missing(b, &scale);
	if (!err)
		err = ft_stack_tree_finish(&b->tree, f->frame, f->frame_cnt);
	return err;
}

/* Weights of the stretch that was asked for. 0, -ENODATA with its reason, or -errno. */
static int weigh_range(struct ft_reader *r, const struct ft_model *m, const struct ft_flame_opts *o,
		       struct ft_weighing *in, struct ft_stretch **range, char *why, size_t why_sz)
{
	__u64 start = m->info->start_ns, end = start + m->duration_ns;
	__u64 to = o->to_ns && o->to_ns < m->duration_ns ? start + o->to_ns : end;

	if (!m->info->has_events)
		return refuse(why, why_sz,
			      "this session has no events, which --from and --to need: record it "
			      "without --no-timeline");
	if (o->of >= FT_OF_LOCK_OWNER)
		return refuse(why, why_sz,
			      "--of %s is known for the whole session only: leave --from and --to "
			      "out",
			      ofs[o->of].name);
	if (o->from_ns >= m->duration_ns || start + o->from_ns >= to)
		return refuse(why, why_sz,
			      "there is nothing between these times: the session has %.3f s",
			      (double)m->duration_ns / 1e9);
	return ft_stretch_weigh(r, m, start + o->from_ns, to, o->of == FT_OF_GIL_BLAME, in, range);
}

/* r is for the range alone. */
static int build(struct ft_reader *r, const struct ft_stacks *s, const struct ft_model *m,
		 const struct ft_flame_opts *o, struct ft_flame *out, char *why, size_t why_sz)
{
	struct ft_weighing in = {.gil_present = m->gil_present};
	struct builder b = {.stacks = s, .in = &in, .out = out};
	struct ft_stretch *range = NULL;
	int err;

	memset(out, 0, sizeof(*out));
	out->of = o->of;
	out->info = m->info;
	out->duration_ns = m->duration_ns;
	if ((unsigned int)o->of >= FT_OF_CNT)
		return -EINVAL;
	if (!m->info->stack_hz || !s)
		return refuse(why, why_sz,
			      "this session has no stacks: it was recorded with -F 0, or by an "
			      "ftprof that knew none; record it again");
	if (!sane(s))
		return -EINVAL;
	if (o->from_ns || o->to_ns) {
		err = weigh_range(r, m, o, &in, &range, why, why_sz);
		if (err)
			return err;
		if (o->to_ns && o->to_ns < out->duration_ns)
			out->duration_ns = o->to_ns;
		out->duration_ns -= o->from_ns < out->duration_ns ? o->from_ns : 0;
	} else {
		in.weight = s->weight;
		in.cnt = s->weight_cnt;
		ft_weigh_totals(m, in.total);
	}
	err = grow(&b, o);
	if (!err) {
		out->node = b.tree.node;
		out->node_cnt = b.tree.cnt;
		b.tree.node = NULL;
		out->total_ns = out->node[0].total_ns;
		if (!out->total_ns)
			err = refuse(why, why_sz, "%s%s, so there is nothing to show",
				     ofs[o->of].none,
				     o->from_ns || o->to_ns ? " in that time" : "");
	}
	ft_stack_tree_free(&b.tree);
	ft_stretch_free(range);
	free(b.class_of);
	free(b.ns);
	free(b.node);
	if (err)
		ft_flame_free(out);
	return err;
}

int ft_flame_build(struct ft_reader *r, const struct ft_model *m, const struct ft_flame_opts *o,
		   struct ft_flame *out, char *why, size_t why_sz)
{
	return build(r, ft_reader_stacks(r), m, o, out, why, why_sz);
}

int ft_flame_from(const struct ft_stacks *s, const struct ft_model *m,
		  const struct ft_flame_opts *o, struct ft_flame *out, char *why, size_t why_sz)
{
	memset(out, 0, sizeof(*out));
	if (o->from_ns || o->to_ns)
		return -EINVAL;
	return build(NULL, s, m, o, out, why, why_sz);
}

void ft_flame_free(struct ft_flame *f)
{
	size_t i;

	if (!f)
		return;
	for (i = 0; i < f->own_string_cnt; i++)
		free(f->own_string[i]);
	free(f->own_string);
	free(f->frame);
	free(f->node);
	memset(f, 0, sizeof(*f));
}
