/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes a session file. */
#include "record/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/asuser.h"
#include "base/fileio.h"
#include "base/text.h"
#include "record/chunk.h"
#include "record/codec.h"
#include "record/findings_json.h"
#include "record/info_json.h"
#include "record/stacks_codec.h"

#define DEFAULT_LEVEL 1

struct ft_writer {
	struct ft_outfile file;
	/* whose rights open, rename and remove the file */
	bool as_user;
	unsigned int uid;
	unsigned int gid;
	int err; /* the first error; nothing is written after it */
	int level;
	bool full; /* the cap was reached: events are only counted */
	__u64 max_bytes;
	__u64 bytes;
	__u64 events; /* taken, in the file or buffered */
	__u64 dropped;
	struct ft_event *buf;
	size_t buf_cnt;
	struct ft_codec *codec;
	struct ft_stacks_enc stacks;
	struct ft_packer *packer;
	struct ft_index_entry *index;
	size_t index_cnt;
	size_t index_cap;
};

static void writer_free(struct ft_writer *w)
{
	struct ft_as_user as;

	/* without the user's rights the temporary file stays: better than removing by ours */
	if (w->file.fd >= 0 && !ft_as_user_begin(&as, w->as_user, w->uid, w->gid)) {
		ft_outfile_abort(&w->file);
		ft_as_user_end(&as);
	}
	free(w->buf);
	ft_codec_free(w->codec);
	ft_stacks_enc_free(&w->stacks);
	ft_packer_free(w->packer);
	free(w->index);
	free(w);
}

static int write_bytes(struct ft_writer *w, const void *p, size_t n)
{
	int err = ft_write_all(w->file.fd, p, n);

	if (!err)
		w->bytes += n;
	return err;
}

int ft_writer_open(const struct ft_writer_opts *opts, struct ft_writer **out)
{
	struct ft_file_hdr head;
	struct ft_as_user as;
	struct ft_writer *w;
	int err;

	*out = NULL;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->file.fd = -1;
	w->as_user = opts->own && opts->as_user;
	w->uid = opts->uid;
	w->gid = opts->gid;
	w->max_bytes = opts->max_bytes;
	w->level = opts->zstd_level ? opts->zstd_level : DEFAULT_LEVEL;
	w->buf = malloc(FT_CODEC_MAX_EVENTS * sizeof(*w->buf));
	if (!w->buf) {
		err = -ENOMEM;
		goto out;
	}
	err = ft_codec_new(&w->codec);
	if (err)
		goto out;
	err = ft_packer_new(&w->packer);
	if (err)
		goto out;
	err = ft_as_user_begin(&as, w->as_user, w->uid, w->gid);
	if (err)
		goto out;
	err = ft_outfile_open(&w->file, opts->path, opts->force);
	ft_as_user_end(&as);
	if (err)
		goto out;
	if (opts->own && fchown(w->file.fd, opts->uid, opts->gid)) {
		err = -errno;
		goto out;
	}
	ft_file_hdr_fill(&head);
	err = write_bytes(w, &head, sizeof(head));
out:
	if (err)
		writer_free(w);
	else
		*out = w;
	return err;
}

/* Whether a chunk of n bytes would make the file longer than it may be. */
static bool over_cap(const struct ft_writer *w, size_t n)
{
	return w->max_bytes && (w->bytes > w->max_bytes || n > w->max_bytes - w->bytes);
}

/* Events above the cap are not written: w->full tells. 0 or -errno; sets no sticky error. */
static int put_chunk(struct ft_writer *w, struct ft_chunk_in *in)
{
	struct ft_index_entry entry = {.off = w->bytes};
	const void *bytes;
	void *p = w->index;
	size_t len;
	int err;

	in->no = (__u32)w->index_cnt;
	err = ft_chunk_pack(w->packer, in, &bytes, &len, &entry.h);
	if (err)
		return err;
	if (in->type == FT_CHUNK_EVENTS && over_cap(w, len)) {
		w->full = true;
		return 0;
	}
	err = ft_array_reserve(&p, &w->index_cap, w->index_cnt + 1, sizeof(*w->index));
	if (err)
		return err;
	w->index = p;
	err = write_bytes(w, bytes, len);
	if (!err)
		w->index[w->index_cnt++] = entry;
	return err;
}

/* Remembers the first error. Returns it. */
static int note(struct ft_writer *w, int err)
{
	if (err && !w->err)
		w->err = err;
	return w->err;
}

static int flush_events(struct ft_writer *w)
{
	struct ft_chunk_in in = {.type = FT_CHUNK_EVENTS, .level = w->level};
	struct ft_codec_out enc;
	int err = w->err;

	if (!w->buf_cnt)
		return err;
	if (!err && !w->full) {
		err = ft_codec_encode(w->codec, w->buf, w->buf_cnt, &enc);
		if (!err) {
			in.cnt = (__u32)w->buf_cnt;
			in.first_ns = enc.first_ns;
			in.last_ns = enc.last_ns;
			in.data = enc.bytes;
			in.len = enc.len;
			in.column_end = enc.column_end;
			in.column_cnt = enc.column_cnt;
			err = put_chunk(w, &in);
		}
	}
	if (err || w->full) {
		w->dropped += w->buf_cnt;
		w->events -= w->buf_cnt;
	}
	w->buf_cnt = 0;
	return note(w, err);
}

int ft_writer_event(struct ft_writer *w, const struct ft_event *ev)
{
	if (w->err || w->full) {
		w->dropped++;
		return w->err;
	}
	if (!ft_event_valid(ev, FT_NO_THREAD, FT_MAX_CPUS)) {
		w->dropped++;
		return -EINVAL;
	}
	w->buf[w->buf_cnt++] = *ev;
	w->events++;
	return w->buf_cnt == FT_CODEC_MAX_EVENTS ? flush_events(w) : 0;
}

int ft_writer_flush(struct ft_writer *w)
{
	return flush_events(w);
}

/* A chunk of JSON, unless making it failed with err. Frees json. */
static int put_json(struct ft_writer *w, enum ft_chunk_type type, struct ft_text *json, int err)
{
	struct ft_chunk_in in = {.type = type, .cnt = 1, .level = w->level};

	if (!err) {
		in.data = json->s;
		in.len = json->len;
		err = put_chunk(w, &in);
	}
	ft_text_free(json);
	return note(w, err);
}

int ft_writer_info(struct ft_writer *w, const struct ft_session_info *info)
{
	struct ft_text json = {0};

	return w->err ? w->err : put_json(w, FT_CHUNK_META, &json, ft_info_to_json(info, &json));
}

int ft_writer_findings(struct ft_writer *w, const struct ft_findings *f)
{
	struct ft_text json = {0};

	return w->err ? w->err
		      : put_json(w, FT_CHUNK_FINDINGS, &json, ft_findings_to_json(f, &json));
}

int ft_writer_threads(struct ft_writer *w, const struct ft_thread_rec *recs, size_t cnt)
{
	struct ft_chunk_in in = {.type = FT_CHUNK_THREADS, .level = w->level};

	if (w->err)
		return w->err;
	if (cnt > 0xffffffffu / sizeof(*recs))
		return note(w, -EFBIG);
	in.cnt = (__u32)cnt;
	in.data = recs;
	in.len = cnt * sizeof(*recs);
	return note(w, put_chunk(w, &in));
}

static int put_stacks(struct ft_writer *w, enum ft_chunk_type type, const struct ft_stacks_out *enc)
{
	struct ft_chunk_in in = {.type = type, .level = w->level};

	in.cnt = (__u32)enc->cnt;
	in.first_ns = enc->first;
	in.data = enc->bytes;
	in.len = enc->len;
	in.column_end = enc->column_end;
	in.column_cnt = enc->column_cnt;
	return put_chunk(w, &in);
}

int ft_writer_stacks(struct ft_writer *w, const struct ft_stacks *s)
{
	struct ft_stacks_out enc;
	int err;

	if (w->err)
		return w->err;
	err = ft_stacks_check(&w->stacks, s);
	if (err)
		return note(w, err);
	do {
		err = ft_stacks_put_frames(&w->stacks, s, &enc);
		if (!err && enc.cnt)
			err = put_stacks(w, FT_CHUNK_FRAMES, &enc);
	} while (!err && enc.cnt);
	do {
		if (!err)
			err = ft_stacks_put_nodes(&w->stacks, s, &enc);
		if (!err && enc.cnt)
			err = put_stacks(w, FT_CHUNK_NODES, &enc);
	} while (!err && enc.cnt);
	if (!err && s->weight) {
		err = ft_stacks_put_weights(&w->stacks, s, &enc);
		if (!err)
			err = put_stacks(w, FT_CHUNK_WEIGHTS, &enc);
	}
	return note(w, err);
}

int ft_writer_totals(struct ft_writer *w, struct ft_totals *totals)
{
	struct ft_chunk_in in = {.type = FT_CHUNK_TOTALS, .cnt = 1, .level = w->level};
	int err;

	/* what is buffered may yet have to be dropped */
	err = flush_events(w);
	totals->events_dropped = w->dropped;
	if (err)
		return err;
	in.data = totals;
	in.len = sizeof(*totals);
	return note(w, put_chunk(w, &in));
}

static int put_end(struct ft_writer *w)
{
	struct ft_chunk_in in = {.type = FT_CHUNK_INDEX, .level = w->level};
	struct ft_end_rec end = {.index_off = w->bytes};
	int err;

	in.cnt = (__u32)w->index_cnt;
	in.data = w->index;
	in.len = w->index_cnt * sizeof(*w->index);
	err = put_chunk(w, &in);
	if (err)
		return err;
	end.file_len = w->bytes + FT_END_LEN;
	end.chunk_cnt = (__u32)w->index_cnt + 1;
	in = (struct ft_chunk_in){.type = FT_CHUNK_END, .cnt = 1};
	in.data = &end;
	in.len = sizeof(end);
	return put_chunk(w, &in);
}

int ft_writer_finish(struct ft_writer *w)
{
	struct ft_as_user as;
	int err = flush_events(w);

	if (!err)
		err = put_end(w);
	if (!err)
		err = ft_as_user_begin(&as, w->as_user, w->uid, w->gid);
	if (!err) {
		err = ft_outfile_commit(&w->file);
		ft_as_user_end(&as);
	}
	writer_free(w);
	return err;
}

void ft_writer_abort(struct ft_writer *w)
{
	if (w)
		writer_free(w);
}

__u64 ft_writer_bytes(const struct ft_writer *w)
{
	return w->bytes;
}

__u64 ft_writer_events(const struct ft_writer *w)
{
	return w->events;
}
