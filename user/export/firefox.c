/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The processed profile format of the Firefox Profiler (profiler.firefox.com), version 60: newer
 * readers upgrade what is older than they are and refuse what is newer, and since 60 all tables are
 * shared by the threads, so that the upgrade leaves them as they are.
 *
 * One thread with a sample for each stack that has time of its own, depth first, one after the
 * other on the time axis: what is drawn there is a flame graph, not when it happened.
 */
#include "export/export.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "export/json_out.h"
#include "export/tables.h"

#define FORMAT_VERSION 60
#define GECKO_VERSION 32 /* of the unprocessed format, as it was with that version */
#define NS_PER_MS 1000000u

struct firefox {
	struct ft_text *out;
	const struct ft_flame *f;
	struct ft_dfs tree;
	struct ft_strings strings;
	struct ft_functions fns;
	__u32 *source_of;   /* by number of a string: its row in the table of sources */
	__u32 *source_name; /* by row: number of its string */
	size_t source_cnt;
	__u32 *stack_of; /* by number of a node: its row in the table of stacks */
	__u32 *sampled;	 /* numbers of the nodes with time of their own, in the order of the file */
	size_t sampled_cnt;
};

/* A column of a table: writes what stands in its row i. */
struct column {
	const char *name;
	void (*put)(const struct firefox *x, size_t i);
};

static void put_null(const struct firefox *x, size_t i)
{
	(void)i;
	ft_text_addn(x->out, "null", 4);
}

static void put_zero(const struct firefox *x, size_t i)
{
	(void)i;
	ft_text_addn(x->out, "0", 1);
}

static void put_minus_one(const struct firefox *x, size_t i)
{
	(void)i;
	ft_text_addn(x->out, "-1", 2);
}

static void put_bool(const struct firefox *x, bool b)
{
	ft_text_add(x->out, b ? "true" : "false");
}

/* 0 stands for a line that is not known. */
static void put_line(const struct firefox *x, __u32 line)
{
	if (line)
		ft_json_u64(x->out, line);
	else
		put_null(x, 0);
}

static void put_columns(const struct firefox *x, const struct column *col, size_t cols, size_t rows)
{
	size_t c, i;

	for (c = 0; c < cols; c++) {
		ft_text_printf(x->out, "\"%s\":[", col[c].name);
		for (i = 0; i < rows; i++) {
			if (i)
				ft_text_addn(x->out, ",", 1);
			col[c].put(x, i);
		}
		ft_text_add(x->out, "],\n");
	}
	ft_text_printf(x->out, "\"length\":%zu", rows);
}

static void put_table(const struct firefox *x, const char *name, const struct column *col,
		      size_t cols, size_t rows)
{
	ft_text_printf(x->out, "\"%s\":{", name);
	put_columns(x, col, cols, rows);
	ft_text_add(x->out, "}");
}

#define COLUMNS(c) (c), sizeof(c) / sizeof((c)[0])

static void put_func_name(const struct firefox *x, size_t i)
{
	ft_json_u64(x->out, x->fns.fn[i].name);
}

/* What is "JavaScript" there is Python here: the reader shows it alone, or native code alone. */
static void put_func_is_js(const struct firefox *x, size_t i)
{
	put_bool(x, x->fns.fn[i].kind == FT_FK_PYTHON);
}

/* Marks say what a Python function waits for: they stay when it is shown alone. */
static void put_func_relevant(const struct firefox *x, size_t i)
{
	put_bool(x, x->fns.fn[i].kind == FT_FK_MARK);
}

static void put_func_source(const struct firefox *x, size_t i)
{
	__u32 source = x->source_of[x->fns.fn[i].file];

	if (source == FT_NO_INDEX)
		put_null(x, i);
	else
		ft_json_u64(x->out, source);
}

static void put_func_line(const struct firefox *x, size_t i)
{
	put_line(x, x->fns.fn[i].first_line);
}

static const struct column func_columns[] = {
	{"name", put_func_name},
	{"isJS", put_func_is_js},
	{"relevantForJS", put_func_relevant},
	{"resource", put_minus_one},
	{"source", put_func_source},
	{"lineNumber", put_func_line},
	{"columnNumber", put_null},
};

static void put_frame_category(const struct firefox *x, size_t i)
{
	ft_json_u64(x->out, x->tree.frame[i]->kind);
}

static void put_frame_func(const struct firefox *x, size_t i)
{
	ft_json_u64(x->out, x->fns.of_frame[i]);
}

static void put_frame_line(const struct firefox *x, size_t i)
{
	put_line(x, x->tree.frame[i]->line);
}

static const struct column frame_columns[] = {
	{"address", put_minus_one},  {"inlineDepth", put_zero}, {"category", put_frame_category},
	{"subcategory", put_zero},   {"func", put_frame_func},	{"nativeSymbol", put_null},
	{"innerWindowID", put_zero}, {"line", put_frame_line},	{"column", put_null},
};

/* Rows of the table of stacks are the nodes in the tree's order, then the root if it has time. */

static void put_stack_frame(const struct firefox *x, size_t i)
{
	ft_json_u64(x->out, x->tree.frame_of[i < x->tree.order_cnt ? x->tree.order[i] : 0]);
}

static void put_stack_prefix(const struct firefox *x, size_t i)
{
	__u32 parent = i < x->tree.order_cnt ? x->f->node[x->tree.order[i]].parent : 0;

	if (parent)
		ft_json_u64(x->out, x->stack_of[parent]);
	else
		put_null(x, i);
}

static const struct column stack_columns[] = {
	{"frame", put_stack_frame},
	{"prefix", put_stack_prefix},
};

static void put_source_name(const struct firefox *x, size_t i)
{
	ft_json_u64(x->out, x->source_name[i]);
}

static const struct column source_columns[] = {
	{"id", put_null},
	{"filename", put_source_name},
};

static const struct column resource_columns[] = {
	{"lib", put_null},
	{"name", put_zero},
	{"host", put_null},
	{"type", put_zero},
};

static const struct column symbol_columns[] = {
	{"libIndex", put_zero},
	{"address", put_zero},
	{"name", put_zero},
	{"functionSize", put_null},
};

static const struct column marker_columns[] = {
	{"data", put_null},    {"name", put_zero},  {"startTime", put_null},
	{"endTime", put_null}, {"phase", put_zero}, {"category", put_zero},
};

static void put_sample_stack(const struct firefox *x, size_t i)
{
	if (i < x->sampled_cnt)
		ft_json_u64(x->out, x->stack_of[x->sampled[i]]);
	else
		put_null(x, i);
}

static void put_sample_weight(const struct firefox *x, size_t i)
{
	ft_json_ms(x->out, i < x->sampled_cnt ? x->f->node[x->sampled[i]].self_ns : 0);
}

static const struct column sample_columns[] = {
	{"stack", put_sample_stack},
	{"weight", put_sample_weight},
};

static void put_samples(const struct firefox *x)
{
	__u64 at_ns = 0;
	size_t i;

	/*
	 * The time axis ends one interval behind the last sample, however much that weighs: an
	 * empty one at the end makes it as long as the whole.
	 */
	ft_text_add(x->out, "\"samples\":{\"weightType\":\"tracing-ms\",\n\"time\":[");
	for (i = 0; i < x->sampled_cnt; i++) {
		ft_json_ms(x->out, at_ns);
		ft_text_addn(x->out, ",", 1);
		at_ns += x->f->node[x->sampled[i]].self_ns;
	}
	ft_json_ms(x->out, at_ns);
	ft_text_add(x->out, "],\n");
	put_columns(x, COLUMNS(sample_columns), x->sampled_cnt + 1);
	ft_text_add(x->out, "}");
}

/* In the order of enum ft_frame_kind; the first grey one is also for what has no other. */
static const char categories[] =
	"\"categories\":["
	"{\"name\":\"Python\",\"color\":\"yellow\",\"subcategories\":[\"Other\"]},\n"
	"{\"name\":\"Native\",\"color\":\"blue\",\"subcategories\":[\"Other\"]},\n"
	"{\"name\":\"Kernel\",\"color\":\"orange\",\"subcategories\":[\"Other\"]},\n"
	"{\"name\":\"Mark\",\"color\":\"grey\",\"subcategories\":[\"Other\"]}]";

static bool is_python_only(const struct firefox *x)
{
	size_t i;

	for (i = 0; i < x->fns.cnt; i++)
		if (x->fns.fn[i].kind == FT_FK_NATIVE || x->fns.fn[i].kind == FT_FK_KERNEL)
			return false;
	return true;
}

static void put_meta(const struct firefox *x)
{
	const struct ft_session_info *info = x->f->info;
	struct ft_text *out = x->out;

	ft_text_add(out, "\"meta\":{\"interval\":");
	ft_json_ms(out, info && info->stack_hz ? 1000000000u / info->stack_hz : NS_PER_MS);
	ft_text_add(out, ",\"startTime\":");
	ft_json_ms(out, info ? info->start_wall_ns : 0);
	ft_text_printf(out,
		       ",\"processType\":0,\"product\":\"ftprof\",\"importedFrom\":\"ftprof %s\",\n"
		       "\"version\":%d,\"preprocessedProfileVersion\":%d,\"stackwalk\":1,",
		       FTPROF_VERSION, GECKO_VERSION, FORMAT_VERSION);
	/* names are resolved: else the reader asks a server on the network for symbols */
	ft_text_add(out, "\"debug\":false,\"symbolicated\":true,\"symbolicationNotSupported\":true,"
			 "\"sourceCodeIsNotOnSearchfox\":true,\"keepProfileThreadOrder\":true,\n"
			 "\"usesOnlyOneStackType\":");
	put_bool(x, is_python_only(x));
	if (info) {
		ft_text_add(out, ",\"platform\":\"Linux\",\"oscpu\":");
		ft_json_str(out, info->kernel);
		ft_text_add(out, ",\"arguments\":");
		ft_json_str(out, info->cmdline);
		ft_text_printf(out, ",\"logicalCPUs\":%u", info->cpu_cnt);
	}
	/* profilingEndTime would cut the time axis there, which is as long as all weights together
	 */
	if (x->f->duration_ns) {
		ft_text_add(out, ",\n\"extra\":[{\"label\":\"ftprof\",\"entries\":[{\"label\":"
				 "\"Duration\",\"format\":\"duration\",\"value\":");
		ft_json_ms(out, x->f->duration_ns);
		ft_text_add(out, "}]}]");
	}
	ft_text_add(out, ",\"markerSchema\":[],\n");
	ft_text_addn(out, categories, sizeof(categories) - 1);
	ft_text_add(out, "}");
}

static void put_shared(const struct firefox *x)
{
	struct ft_text *out = x->out;
	size_t i, stacks = x->tree.order_cnt + (x->tree.bare_frame != FT_NO_INDEX);

	ft_text_add(out, "\"shared\":{");
	put_table(x, "stackTable", COLUMNS(stack_columns), stacks);
	ft_text_add(out, ",\n");
	put_table(x, "frameTable", COLUMNS(frame_columns), x->tree.frame_cnt);
	ft_text_add(out, ",\n");
	put_table(x, "funcTable", COLUMNS(func_columns), x->fns.cnt);
	ft_text_add(out, ",\n");
	put_table(x, "resourceTable", COLUMNS(resource_columns), 0);
	ft_text_add(out, ",\n");
	put_table(x, "nativeSymbols", COLUMNS(symbol_columns), 0);
	ft_text_add(out, ",\n");
	put_table(x, "sources", COLUMNS(source_columns), x->source_cnt);
	ft_text_add(out, ",\n\"stringArray\":[");
	for (i = 0; i < x->strings.cnt; i++) {
		ft_text_add(out, i ? ",\n" : "\n");
		ft_json_str(out, x->strings.s[i]);
	}
	ft_text_add(out, "]}");
}

static int put_thread(const struct firefox *x)
{
	const struct ft_session_info *info = x->f->info;
	struct ft_text name = {0};
	__u32 pid = info ? info->pid : 0;

	ft_profile_name(x->f, &name);
	if (name.err) {
		ft_text_free(&name);
		return -ENOMEM;
	}
	ft_text_add(x->out, "{\"processType\":\"default\",\"processStartupTime\":0,"
			    "\"processShutdownTime\":null,\"registerTime\":0,"
			    "\"unregisterTime\":null,\"pausedRanges\":[],\"name\":");
	ft_json_str(x->out, name.s);
	ft_text_free(&name);
	ft_text_add(x->out, ",\"processName\":");
	ft_json_str(x->out, info ? info->name : "");
	ft_text_printf(x->out, ",\"isMainThread\":true,\"pid\":\"%u\",\"tid\":%u,\n", pid, pid);
	put_table(x, "markers", COLUMNS(marker_columns), 0);
	ft_text_add(x->out, ",\n");
	put_samples(x);
	ft_text_add(x->out, "}");
	return 0;
}

/* The tables that are made first: rows of stacks, samples and sources. */
static int fill(struct firefox *x)
{
	const struct ft_flame_node *node = x->f->node;
	size_t i;
	__u32 n;

	x->source_of = malloc((x->strings.cnt + 1) * sizeof(*x->source_of));
	x->source_name = calloc(x->strings.cnt + 1, sizeof(*x->source_name));
	x->stack_of = calloc(x->f->node_cnt, sizeof(*x->stack_of));
	x->sampled = calloc(x->f->node_cnt, sizeof(*x->sampled));
	if (!x->source_of || !x->source_name || !x->stack_of || !x->sampled)
		return -ENOMEM;
	memset(x->source_of, 0xff, (x->strings.cnt + 1) * sizeof(*x->source_of));
	for (i = 0; i < x->fns.cnt; i++) {
		n = x->fns.fn[i].file;
		if (!x->strings.s[n][0] || x->source_of[n] != FT_NO_INDEX)
			continue;
		x->source_of[n] = (__u32)x->source_cnt;
		x->source_name[x->source_cnt++] = n;
	}
	x->stack_of[0] = (__u32)x->tree.order_cnt;
	if (node[0].self_ns)
		x->sampled[x->sampled_cnt++] = 0;
	for (i = 0; i < x->tree.order_cnt; i++) {
		n = x->tree.order[i];
		x->stack_of[n] = (__u32)i;
		if (node[n].self_ns)
			x->sampled[x->sampled_cnt++] = n;
	}
	return 0;
}

int ft_export_firefox(const struct ft_flame *f, struct ft_text *out)
{
	struct firefox x = {.out = out, .f = f};
	int err;

	err = ft_dfs_init(&x.tree, f);
	if (!err)
		err = ft_functions_init(&x.fns, &x.tree, &x.strings, false);
	if (!err)
		err = fill(&x);
	if (err)
		goto out;
	ft_text_add(out, "{");
	put_meta(&x);
	ft_text_add(out, ",\n\"libs\":[],\n");
	put_shared(&x);
	ft_text_add(out, ",\n\"threads\":[");
	err = put_thread(&x);
	ft_text_add(out, "]}\n");
	if (!err)
		err = out->err;
out:
	free(x.source_of);
	free(x.source_name);
	free(x.stack_of);
	free(x.sampled);
	ft_functions_free(&x.fns);
	ft_strings_free(&x.strings);
	ft_dfs_free(&x.tree);
	return err;
}
