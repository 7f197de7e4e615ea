/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads a session file that anybody may have written, cut or damaged. */
#include "record/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "base/units.h"
#include "record/chunk.h"
#include "record/chunk_table.h"
#include "record/codec.h"
#include "record/findings_json.h"
#include "record/info_json.h"
#include "record/stacks_codec.h"

#define PATH_COLS 200 /* of a file's name in a message */

struct ft_reader {
	int fd;
	struct ft_chunk_table table;
	struct ft_packer *packer;
	struct ft_codec *codec;
	struct ft_event *events; /* of one chunk */
	struct ft_session_info info;
	struct ft_totals totals;
	struct ft_thread_rec *threads;
	size_t thread_cnt;
	bool no_threads; /* no THREADS chunk */
	struct ft_stacks_dec stacks;
	struct ft_findings findings;
	__u64 odd_findings; /* whose stack is not there */
	__u64 event_cnt;
	/* by chunk of the table */
	__u32 *refused; /* events that were left out */
	__u32 *unnamed; /* events whose stack is not there */
	char damage[768];
};

/* Where a refusal is explained. */
struct complaint {
	char *buf;
	size_t sz;
	struct ft_text path; /* safe to print */
};

/* Puts "path: sentence" where the caller asked for it. Returns code. */
static int __attribute__((format(printf, 3, 4)))
refuse(struct complaint *c, int code, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (c->sz)
		snprintf(c->buf, c->sz, "%s %s", c->path.s ? c->path.s : "the file", what);
	return code;
}

static int refuse_errno(struct complaint *c, int err)
{
	switch (err) {
	case -ENOENT:
		return refuse(c, err, "is not there; check the name");
	case -EACCES:
	case -EPERM:
		return refuse(c, err,
			      "may not be read by you: a session belongs to the user who recorded "
			      "it; read it as that user or with sudo");
	case -ENOMEM:
		return refuse(c, err, "needs more memory than there is to be read");
	default:
		return refuse(c, err, "cannot be read: %s", strerror(-err));
	}
}

/* Opens a regular file. 0 or -errno, explained. */
static int open_file(struct complaint *c, const char *path, int *fd, __u64 *size)
{
	struct stat st;

	/* before open: merely opening a device may do something */
	if (stat(path, &st))
		return refuse_errno(c, -errno);
	if (S_ISDIR(st.st_mode))
		return refuse(c, -EISDIR, "is a directory; name a session file in it");
	if (!S_ISREG(st.st_mode))
		return refuse(c, -EINVAL,
			      "is not a regular file; save the session to one and read that");
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (*fd < 0)
		return refuse_errno(c, -errno);
	if (fstat(*fd, &st))
		return refuse_errno(c, -errno);
	if (!S_ISREG(st.st_mode))
		return refuse(c, -EINVAL, "was replaced while it was opened; try again");
	*size = (__u64)st.st_size;
	return 0;
}

static int check_head(struct complaint *c, int fd, __u64 size)
{
	struct ft_file_hdr h = {0};
	ssize_t n;
	int err;

	if (!size)
		return refuse(c, -EBADMSG, "is empty: nothing was recorded; record again");
	n = pread(fd, &h, sizeof(h), 0);
	if (n < 0)
		return refuse_errno(c, -errno);
	if (!memcmp(h.magic, "FTPROF", 6) && memcmp(h.magic, FT_FILE_MAGIC, sizeof(h.magic)) &&
	    n >= (ssize_t)sizeof(h.magic))
		return refuse(c, -EBADMSG,
			      "was changed by a copy in text mode; copy it again in binary mode");
	if (memcmp(h.magic, FT_FILE_MAGIC, n < 8 ? (size_t)n : 8))
		return refuse(c, -EBADMSG, "is not an ftprof session; make one with ftprof record");
	if (n < (ssize_t)sizeof(h))
		return refuse(c, -EBADMSG, "is cut off within its head; record again");
	err = ft_file_hdr_check(&h);
	if (err == -EPROTO)
		return refuse(c, err,
			      "has format %u.%u and this ftprof reads %u.%u; read it with the "
			      "ftprof that recorded it",
			      h.file_version, h.abi_version, FT_FILE_VERSION, FT_ABI_VERSION);
	if (err)
		return refuse(c, err, "has a damaged head; fetch it again or record again");
	return 0;
}

static bool thread_sane(const struct ft_thread_rec *r)
{
	const struct ft_thread *t = &r->t;

	return (t->state < FT_ST_CNT || t->state == FT_ST_DEAD) && t->gw_origin < FT_OR_CNT &&
	       t->last_off < FT_ST_CNT && memchr(r->name, 0, sizeof(r->name));
}

static int take_threads(struct ft_reader *r, const struct ft_chunk_hdr *h, const void *raw)
{
	struct ft_thread_rec *a;
	size_t i;

	if (h->raw_len % sizeof(*a) || h->raw_len / sizeof(*a) != h->cnt)
		return -EBADMSG;
	a = malloc(h->raw_len + (size_t)1);
	if (!a)
		return -ENOMEM;
	if (h->raw_len)
		memcpy(a, raw, h->raw_len);
	for (i = 0; i < h->cnt; i++) {
		if (!thread_sane(&a[i])) {
			free(a);
			return -EBADMSG;
		}
		a[i].t.comm[FT_COMM_LEN - 1] = 0;
	}
	r->threads = a;
	r->thread_cnt = h->cnt;
	return 0;
}

static int take_chunk(struct ft_reader *r, const struct ft_chunk_hdr *h, const void *raw)
{
	switch (h->type) {
	case FT_CHUNK_META:
		return ft_info_from_json(raw, h->raw_len, &r->info);
	case FT_CHUNK_TOTALS:
		if (h->raw_len != sizeof(r->totals))
			return -EBADMSG;
		memcpy(&r->totals, raw, sizeof(r->totals));
		return 0;
	case FT_CHUNK_THREADS:
		return take_threads(r, h, raw);
	case FT_CHUNK_FINDINGS:
		return ft_findings_from_json(raw, h->raw_len, &r->findings);
	case FT_CHUNK_WEIGHTS:
		return ft_stacks_get_weights(&r->stacks, h->cnt, raw, h->raw_len);
	case FT_CHUNK_FRAMES:
		return ft_stacks_get_frames(&r->stacks, h->first_ns, h->cnt, raw, h->raw_len);
	case FT_CHUNK_NODES:
		return ft_stacks_get_nodes(&r->stacks, h->first_ns, h->cnt, raw, h->raw_len);
	default:
		return -EBADMSG;
	}
}

/* Unpacks a chunk: *raw, valid until the next one. 0, -EBADMSG, -ENOMEM, -errno. */
static int load_chunk(struct ft_reader *r, const struct ft_index_entry *e, const void **raw)
{
	int err = ft_chunk_table_read(&r->table, r->fd, e);

	return err ? err : ft_chunk_unpack(r->packer, &e->h, r->table.buf, raw);
}

/* The last whole chunk of a type. 0, -ENOENT, -ENOMEM, -errno. */
static int load_last(struct ft_reader *r, enum ft_chunk_type type)
{
	const void *raw;
	size_t i;
	int err;

	for (i = r->table.cnt; i-- > 0;) {
		if (r->table.e[i].h.type != type)
			continue;
		err = load_chunk(r, &r->table.e[i], &raw);
		if (!err)
			err = take_chunk(r, &r->table.e[i].h, raw);
		if (err != -EBADMSG)
			return err;
		r->table.missing++;
	}
	return -ENOENT;
}

/* All whole chunks of a type. 0, -ENOMEM, -errno. */
static int load_all(struct ft_reader *r, enum ft_chunk_type type)
{
	const void *raw;
	size_t i;
	int err;

	for (i = 0; i < r->table.cnt; i++) {
		const struct ft_chunk_hdr *h = &r->table.e[i].h;

		if (h->type != type)
			continue;
		err = load_chunk(r, &r->table.e[i], &raw);
		if (!err)
			err = take_chunk(r, h, raw);
		if (err == -EBADMSG)
			ft_chunk_table_miss(&r->table, h);
		else if (err)
			return err;
	}
	return 0;
}

/* FRAMES, NODES and WEIGHTS. 0 or -errno, explained. */
static int load_stacks(struct complaint *c, struct ft_reader *r)
{
	int err;

	err = load_all(r, FT_CHUNK_FRAMES);
	if (!err)
		err = load_all(r, FT_CHUNK_NODES);
	if (!err)
		err = ft_stacks_lose_nodes(&r->stacks, r->table.nodes_end);
	if (!err)
		err = load_last(r, FT_CHUNK_WEIGHTS);
	/* a session without stacks */
	if (err == -ENOENT)
		err = 0;
	return err ? refuse_errno(c, err) : 0;
}

/* FINDINGS, after the stacks. 0 or -errno, explained. */
static int load_findings(struct complaint *c, struct ft_reader *r)
{
	int err = load_last(r, FT_CHUNK_FINDINGS);
	size_t i;

	if (err && err != -ENOENT)
		return refuse_errno(c, err);
	for (i = 0; i < r->findings.gil_cnt; i++) {
		__u32 *stack = &r->findings.gil[i].stack;

		if (*stack != FT_NO_STACK && *stack >= r->stacks.s.node_cnt) {
			*stack = FT_NO_STACK;
			r->odd_findings++;
		}
	}
	return 0;
}

/* META, TOTALS and THREADS. 0 or -errno, explained. */
static int load_summary(struct complaint *c, struct ft_reader *r)
{
	static const enum ft_chunk_type types[] = {FT_CHUNK_META, FT_CHUNK_TOTALS,
						   FT_CHUNK_THREADS};
	size_t i;
	int err;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		err = load_last(r, types[i]);
		if (err == -ENOENT && types[i] == FT_CHUNK_THREADS) {
			r->no_threads = true;
		} else if (err == -ENOENT) {
			return refuse(c, -EBADMSG,
				      "is cut off or damaged before its totals, so that nothing "
				      "can be reported from it; record again");
		} else if (err) {
			return refuse_errno(c, err);
		}
	}
	if (!r->info.cpu_cnt || r->totals.end_ns < r->info.start_ns)
		return refuse(c, -EBADMSG, "contradicts itself; record again");
	return 0;
}

/* Says in r->damage what is missing, as far as it is known now. */
static void tell_damage(struct ft_reader *r)
{
	__u64 refused = 0, unnamed = r->stacks.odd_cnt + r->odd_findings;
	char a[32];
	size_t i, n = 0;

	for (i = 0; i < r->table.cnt; i++) {
		refused += r->refused[i];
		unnamed += r->unnamed[i];
	}
	r->damage[0] = 0;
#define SAY(...)                                                                                   \
	do {                                                                                       \
		if (n)                                                                             \
			n += (size_t)snprintf(r->damage + n, sizeof(r->damage) - n, "; ");         \
		n += (size_t)snprintf(r->damage + n, sizeof(r->damage) - n, __VA_ARGS__);          \
	} while (0)
	/* all of it together is shorter than r->damage */
	if (r->table.no_end)
		SAY("the file has no end mark: its writer was killed, or it was cut off");
	if (r->table.trailing)
		SAY("something was added after the file's end mark");
	if (r->table.missing)
		SAY("%s damaged or incomplete chunk%s left out",
		    ft_format_count(r->table.missing, a, sizeof(a)),
		    r->table.missing == 1 ? " was" : "s were");
	if (r->table.lost_events)
		SAY("%s events are lost with that",
		    ft_format_count(r->table.lost_events, a, sizeof(a)));
	if (r->no_threads)
		SAY("its table of threads is missing");
	if (refused)
		SAY("%s events that cannot be true were left out",
		    ft_format_count(refused, a, sizeof(a)));
	if (r->stacks.lost_cnt)
		SAY("%s frames in its tree of stacks are lost",
		    ft_format_count(r->stacks.lost_cnt, a, sizeof(a)));
	if (unnamed)
		SAY("%s events, weights and findings have a stack that is not there",
		    ft_format_count(unnamed, a, sizeof(a)));
#undef SAY
}

static void count_events(struct ft_reader *r)
{
	size_t i;

	for (i = 0; i < r->table.cnt; i++) {
		if (r->table.e[i].h.type == FT_CHUNK_EVENTS)
			r->event_cnt += r->table.e[i].h.cnt;
	}
}

int ft_reader_open(const char *path, struct ft_reader **out, char *err_buf, size_t err_sz)
{
	struct complaint c = {err_buf, err_sz, {0}};
	struct ft_reader *r;
	__u64 size = 0;
	int err;

	*out = NULL;
	ft_text_add_safe(&c.path, path, PATH_COLS);
	r = calloc(1, sizeof(*r));
	if (!r) {
		err = refuse_errno(&c, -ENOMEM);
		goto out;
	}
	r->fd = -1;
	err = open_file(&c, path, &r->fd, &size);
	if (!err)
		err = check_head(&c, r->fd, size);
	if (err)
		goto out;
	err = ft_packer_new(&r->packer);
	if (!err)
		err = ft_chunk_table_fill(&r->table, r->fd, size, r->packer);
	if (!err && r->table.cnt) {
		r->refused = calloc(r->table.cnt, sizeof(*r->refused));
		r->unnamed = calloc(r->table.cnt, sizeof(*r->unnamed));
		if (!r->refused || !r->unnamed)
			err = -ENOMEM;
	}
	if (err) {
		refuse_errno(&c, err);
		goto out;
	}
	err = load_summary(&c, r);
	if (!err)
		err = load_stacks(&c, r);
	if (!err)
		err = load_findings(&c, r);
	if (err)
		goto out;
	count_events(r);
	tell_damage(r);
out:
	ft_text_free(&c.path);
	if (err)
		ft_reader_close(r);
	else
		*out = r;
	return err;
}

void ft_reader_close(struct ft_reader *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	ft_chunk_table_free(&r->table);
	ft_packer_free(r->packer);
	ft_codec_free(r->codec);
	free(r->events);
	free(r->threads);
	ft_stacks_dec_free(&r->stacks);
	ft_findings_free(&r->findings);
	free(r->refused);
	free(r->unnamed);
	free(r);
}

const struct ft_session_info *ft_reader_info(const struct ft_reader *r)
{
	return &r->info;
}

const struct ft_totals *ft_reader_totals(const struct ft_reader *r)
{
	return &r->totals;
}

const struct ft_thread_rec *ft_reader_threads(const struct ft_reader *r, size_t *cnt)
{
	*cnt = r->thread_cnt;
	return r->threads;
}

const struct ft_stacks *ft_reader_stacks(const struct ft_reader *r)
{
	return &r->stacks.s;
}

const struct ft_findings *ft_reader_findings(const struct ft_reader *r)
{
	return &r->findings;
}

const char *ft_reader_damage(const struct ft_reader *r)
{
	return r->damage[0] ? r->damage : NULL;
}

__u64 ft_reader_event_cnt(const struct ft_reader *r)
{
	return r->event_cnt;
}

/* Decodes an EVENTS chunk into r->events. 0, -EBADMSG, -ENOMEM, -errno. */
static int load_events(struct ft_reader *r, const struct ft_index_entry *e)
{
	const void *raw;
	int err;

	err = load_chunk(r, e, &raw);
	if (err)
		return err;
	return ft_codec_decode(r->codec, raw, e->h.raw_len, r->events, e->h.cnt);
}

/* Hands on the events of a decoded chunk; sets its counts in r. What cb returned. */
static int hand_on(struct ft_reader *r, size_t chunk, __u64 from, __u64 to, ft_event_cb cb,
		   void *ctx)
{
	__u32 i, bad = 0, unnamed = 0, cnt = r->table.e[chunk].h.cnt;
	int ret = 0;

	for (i = 0; i < cnt; i++) {
		struct ft_event *ev = &r->events[i];

		if (!ft_event_valid(ev, (__u32)r->thread_cnt, r->info.cpu_cnt)) {
			bad++;
			continue;
		}
		if (ev->stack != FT_NO_STACK && ev->stack >= r->stacks.s.node_cnt) {
			ev->stack = FT_NO_STACK;
			unnamed++;
		}
		if (ret || ev->ts < from || ft_event_begin(ev) > to)
			continue;
		ret = cb(ctx, ev);
	}
	r->refused[chunk] = bad;
	r->unnamed[chunk] = unnamed;
	return ret;
}

int ft_reader_events(struct ft_reader *r, __u64 from_ns, __u64 to_ns, ft_event_cb cb, void *ctx)
{
	size_t i;
	int err = 0;

	if (!r->codec) {
		err = ft_codec_new(&r->codec);
		if (err)
			return err;
	}
	if (!r->events) {
		r->events = malloc(FT_CODEC_MAX_EVENTS * sizeof(*r->events));
		if (!r->events)
			return -ENOMEM;
	}
	for (i = 0; i < r->table.cnt && !err; i++) {
		const struct ft_index_entry *e = &r->table.e[i];

		if (e->h.type != FT_CHUNK_EVENTS || e->h.last_ns < from_ns || e->h.first_ns > to_ns)
			continue;
		err = load_events(r, e);
		if (err == -EBADMSG) {
			/* a right checksum over nonsense, or the file changed under us */
			r->refused[i] = e->h.cnt;
			err = 0;
			continue;
		}
		if (!err)
			err = hand_on(r, i, from_ns, to_ns, cb, ctx);
	}
	tell_damage(r);
	return err;
}
