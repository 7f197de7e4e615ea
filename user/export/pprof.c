/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pprof's profile.proto, gzip'ed. Samples have two values, how many and how long.
 *
 * A message may come in pieces: readers join what repeats. So a profile is written as many small
 * ones, a sample or a function each, and never stands in memory as a whole.
 */
#include "export/export.h"

#include <errno.h>
#include <profile.pb-c.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/array.h"
#include "export/tables.h"

#define NS_PER_S 1000000000
#define CHUNK (64u * 1024)
#define GZIP_BITS (MAX_WBITS + 16)

/* Packed pieces on their way through zlib. */
struct packer {
	z_stream z;
	struct ft_text *out;
	unsigned char *piece;
	size_t piece_cap;
	unsigned char *room; /* CHUNK bytes */
	int err;
};

static void deflate_bytes(struct packer *p, unsigned char *data, size_t n, int flush)
{
	uInt part;
	int ret;

	while (!p->err) {
		part = n > CHUNK ? CHUNK : (uInt)n;
		p->z.next_in = data;
		p->z.avail_in = part;
		data += part;
		n -= part;
		do {
			p->z.next_out = p->room;
			p->z.avail_out = CHUNK;
			ret = deflate(&p->z, n ? Z_NO_FLUSH : flush);
			/* Z_BUF_ERROR only says that there was nothing to do */
			if (ret != Z_OK && ret != Z_STREAM_END && ret != Z_BUF_ERROR) {
				p->err = -EIO;
				return;
			}
			ft_text_addn(p->out, (char *)p->room, CHUNK - p->z.avail_out);
			p->err = p->out->err;
		} while (!p->z.avail_out && !p->err);
		if (!n)
			return;
	}
}

static void emit(struct packer *p, const Ft__Pprof__Profile *profile)
{
	size_t n = ft__pprof__profile__get_packed_size(profile);
	void *piece = p->piece;

	if (p->err)
		return;
	p->err = ft_array_reserve(&piece, &p->piece_cap, n, 1);
	if (p->err)
		return;
	p->piece = piece;
	ft__pprof__profile__pack(profile, p->piece);
	deflate_bytes(p, p->piece, n, Z_NO_FLUSH);
}

/* The strings of the profile itself. */
struct words {
	__u32 samples, count, measure, nanoseconds, exe, comment;
};

static int add_words(struct ft_strings *strings, const struct ft_flame *f, struct words *w)
{
	struct ft_text safe = {0}, comment = {0};
	__u32 none;
	int err;

	/* the format's own: number 0 is "" */
	err = ft_strings_add(strings, "", &none);
	if (!err)
		err = ft_strings_add(strings, "samples", &w->samples);
	if (!err)
		err = ft_strings_add(strings, "count", &w->count);
	if (!err)
		err = ft_strings_add(strings, ft_measure_name(f->of), &w->measure);
	if (!err)
		err = ft_strings_add(strings, "nanoseconds", &w->nanoseconds);
	if (err)
		return err;
	/* pprof prints both as they are */
	ft_text_add_safe(&safe, f->info ? f->info->exe : "", sizeof(f->info->exe));
	ft_text_add(&comment, "ftprof " FTPROF_VERSION);
	if (f->info && f->info->cmdline[0]) {
		ft_text_add(&comment, ": ");
		ft_text_add_safe(&comment, f->info->cmdline, sizeof(f->info->cmdline));
	}
	err = safe.err ? safe.err : comment.err;
	if (!err)
		err = ft_strings_add(strings, safe.s, &w->exe);
	if (!err)
		err = ft_strings_add(strings, comment.s, &w->comment);
	ft_text_free(&safe);
	ft_text_free(&comment);
	return err;
}

/* Ticks come at a period; the stacks of sleeps do not. */
static bool has_period(enum ft_of of)
{
	return of == FT_OF_ON_CPU || of == FT_OF_GIL_BLAME || of == FT_OF_WALL ||
	       of == FT_OF_SHARED;
}

static void emit_head(struct packer *p, const struct ft_flame *f, const struct words *w)
{
	Ft__Pprof__ValueType cnt = FT__PPROF__VALUE_TYPE__INIT;
	Ft__Pprof__ValueType time = FT__PPROF__VALUE_TYPE__INIT;
	Ft__Pprof__Profile profile = FT__PPROF__PROFILE__INIT;
	Ft__Pprof__Mapping map = FT__PPROF__MAPPING__INIT;
	Ft__Pprof__ValueType *types[] = {&cnt, &time};
	Ft__Pprof__Mapping *maps[] = {&map};
	int64_t comment = w->comment;

	cnt.type = w->samples;
	cnt.unit = w->count;
	time.type = w->measure;
	time.unit = w->nanoseconds;
	/* one for all frames, whose files are already resolved: else pprof looks for symbols */
	map.id = 1;
	map.filename = w->exe;
	map.has_functions = map.has_filenames = map.has_line_numbers = true;
	profile.sample_type = types;
	profile.n_sample_type = 2;
	profile.mapping = maps;
	profile.n_mapping = 1;
	profile.default_sample_type = w->measure;
	profile.period_type = &time;
	profile.comment = &comment;
	profile.n_comment = 1;
	profile.duration_nanos = (int64_t)f->duration_ns;
	if (f->info) {
		profile.time_nanos = (int64_t)f->info->start_wall_ns;
		if (f->info->stack_hz && has_period(f->of))
			profile.period = NS_PER_S / f->info->stack_hz;
	}
	emit(p, &profile);
}

static void emit_strings(struct packer *p, const struct ft_strings *strings)
{
	Ft__Pprof__Profile profile = FT__PPROF__PROFILE__INIT;
	char *s;
	size_t i;

	profile.string_table = &s;
	profile.n_string_table = 1;
	for (i = 0; i < strings->cnt; i++) {
		s = (char *)strings->s[i];
		emit(p, &profile);
	}
}

static void emit_functions(struct packer *p, const struct ft_functions *fns)
{
	Ft__Pprof__Profile profile = FT__PPROF__PROFILE__INIT;
	Ft__Pprof__Function fn, *list[] = {&fn};
	size_t i;

	profile.function = list;
	profile.n_function = 1;
	for (i = 0; i < fns->cnt; i++) {
		ft__pprof__function__init(&fn);
		fn.id = i + 1;
		fn.name = fns->fn[i].name;
		/*
		 * No system_name: were it the name, pprof would try to demangle it, and to make
		 * C++ shorter it takes away what stands in <>, all of "<module>".
		 */
		fn.filename = fns->fn[i].file;
		fn.start_line = fns->fn[i].first_line;
		emit(p, &profile);
	}
}

/* A location for each frame: a function at a line. */
static void emit_locations(struct packer *p, const struct ft_dfs *tree,
			   const struct ft_functions *fns)
{
	Ft__Pprof__Profile profile = FT__PPROF__PROFILE__INIT;
	Ft__Pprof__Location location, *locations[] = {&location};
	Ft__Pprof__Line line, *lines[] = {&line};
	size_t i;

	profile.location = locations;
	profile.n_location = 1;
	for (i = 0; i < tree->frame_cnt; i++) {
		ft__pprof__line__init(&line);
		line.function_id = (__u64)fns->of_frame[i] + 1;
		line.line = tree->frame[i]->line;
		ft__pprof__location__init(&location);
		location.id = i + 1;
		location.mapping_id = 1;
		location.line = lines;
		location.n_line = 1;
		emit(p, &profile);
	}
}

/* path: scratch, max_depth + 1 */
static void emit_samples(struct packer *p, const struct ft_dfs *tree, uint64_t *path)
{
	const struct ft_flame_node *n = &tree->f->node[0];
	Ft__Pprof__Profile profile = FT__PPROF__PROFILE__INIT;
	Ft__Pprof__Sample sample = FT__PPROF__SAMPLE__INIT, *list[] = {&sample};
	__u32 node, depth;
	int64_t value[2];
	size_t i;

	profile.sample = list;
	profile.n_sample = 1;
	sample.value = value;
	sample.n_value = 2;
	if (tree->bare_frame != FT_NO_INDEX) {
		path[0] = (__u64)tree->bare_frame + 1;
		sample.location_id = path;
		sample.n_location_id = 1;
		value[0] = (int64_t)n->self_cnt;
		value[1] = (int64_t)n->self_ns;
		emit(p, &profile);
	}
	for (i = 0; i < tree->order_cnt && !p->err; i++) {
		node = tree->order[i];
		depth = tree->depth[node];
		n = &tree->f->node[node];
		/* innermost first: the path grows from the end of its room */
		path[tree->max_depth - depth] = (__u64)tree->frame_of[node] + 1;
		if (!n->self_ns && !n->self_cnt)
			continue;
		sample.location_id = &path[tree->max_depth - depth];
		sample.n_location_id = depth;
		value[0] = (int64_t)n->self_cnt;
		value[1] = (int64_t)n->self_ns;
		emit(p, &profile);
	}
}

int ft_export_pprof(const struct ft_flame *f, struct ft_text *out)
{
	struct packer p = {.out = out};
	struct ft_functions fns = {0};
	struct ft_strings strings = {0};
	struct ft_dfs tree = {0};
	uint64_t *path = NULL;
	bool deflating = false;
	struct words words;
	int err;

	err = ft_dfs_init(&tree, f);
	if (err)
		goto out;
	err = add_words(&strings, f, &words);
	if (!err)
		err = ft_functions_init(&fns, &tree, &strings, true);
	if (err)
		goto out;
	err = -ENOMEM;
	path = calloc((size_t)tree.max_depth + 1, sizeof(*path));
	p.room = malloc(CHUNK);
	/* zlib writes no time into the head unless asked to: same flame, same bytes */
	if (!path || !p.room ||
	    deflateInit2(&p.z, Z_BEST_SPEED, Z_DEFLATED, GZIP_BITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		goto out;
	deflating = true;
	emit_head(&p, f, &words);
	emit_strings(&p, &strings);
	emit_functions(&p, &fns);
	emit_locations(&p, &tree, &fns);
	emit_samples(&p, &tree, path);
	deflate_bytes(&p, p.room, 0, Z_FINISH);
	err = p.err;
out:
	if (deflating)
		deflateEnd(&p.z);
	free(path);
	free(p.piece);
	free(p.room);
	ft_functions_free(&fns);
	ft_strings_free(&strings);
	ft_dfs_free(&tree);
	return err;
}
