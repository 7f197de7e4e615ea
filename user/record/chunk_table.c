/* SPDX-License-Identifier: BSD-2-Clause */
/* Which chunks of a session file are whole. */
#include "record/chunk_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"

#define SEARCH_BYTES (64u << 10)

/* Exactly n bytes at off. 0, -EBADMSG when the file ends before, -errno. */
static int read_at(int fd, void *buf, size_t n, __u64 off)
{
	char *p = buf;
	ssize_t got;

	while (n) {
		got = pread(fd, p, n, (off_t)off);
		if (got < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (!got)
			return -EBADMSG;
		p += got;
		off += (__u64)got;
		n -= (size_t)got;
	}
	return 0;
}

/* The header at off, if it is one and its payload lies before end. 0, -EBADMSG, -errno. */
static int header_at(int fd, __u64 off, __u64 end, struct ft_index_entry *e)
{
	__u8 bytes[sizeof(struct ft_chunk_hdr)];
	int err;

	if (off > end || end - off < sizeof(bytes))
		return -EBADMSG;
	err = read_at(fd, bytes, sizeof(bytes), off);
	if (err)
		return err;
	e->off = off;
	return ft_chunk_hdr_read(bytes, &e->h);
}

static __u64 entry_end(const struct ft_index_entry *e)
{
	return e->off + sizeof(e->h) + e->h.len;
}

int ft_chunk_table_read(struct ft_chunk_table *t, int fd, const struct ft_index_entry *e)
{
	int err;

	err = ft_array_reserve(&t->buf, &t->buf_cap, e->h.len + (size_t)1, 1);
	if (err)
		return err;
	err = read_at(fd, t->buf, e->h.len, e->off + sizeof(e->h));
	if (err)
		return err;
	return ft_chunk_payload_ok(&e->h, t->buf) ? 0 : -EBADMSG;
}

void ft_chunk_table_miss(struct ft_chunk_table *t, const struct ft_chunk_hdr *h)
{
	t->missing++;
	if (h->type == FT_CHUNK_EVENTS)
		t->lost_events += h->cnt;
	if (h->type == FT_CHUNK_NODES && h->first_ns + h->cnt > t->nodes_end)
		t->nodes_end = h->first_ns + h->cnt;
}

static int append(struct ft_chunk_table *t, const struct ft_index_entry *e)
{
	void *p = t->e;
	int err;

	if (e->h.type == FT_CHUNK_INDEX || e->h.type == FT_CHUNK_END)
		return 0;
	err = ft_array_reserve(&p, &t->cap, t->cnt + 1, sizeof(*t->e));
	if (err)
		return err;
	t->e = p;
	t->e[t->cnt++] = *e;
	return 0;
}

/* Reads the payload and takes the chunk if it is whole, else counts it. 0 or -errno. */
static int take(struct ft_chunk_table *t, int fd, const struct ft_index_entry *e)
{
	int err = ft_chunk_table_read(t, fd, e);

	if (err == -EBADMSG) {
		ft_chunk_table_miss(t, &e->h);
		return 0;
	}
	return err ? err : append(t, e);
}

/* The end mark, when it stands at the end of the file. 0, -EBADMSG, -errno. */
static int read_end(struct ft_chunk_table *t, int fd, __u64 size, struct ft_end_rec *end)
{
	struct ft_index_entry e;
	int err;

	if (size < sizeof(struct ft_file_hdr) + FT_END_LEN)
		return -EBADMSG;
	err = header_at(fd, size - FT_END_LEN, size, &e);
	if (err)
		return err;
	if (e.h.type != FT_CHUNK_END || e.h.comp != FT_COMP_NONE || e.h.len != sizeof(*end))
		return -EBADMSG;
	err = ft_chunk_table_read(t, fd, &e);
	if (err)
		return err;
	memcpy(end, t->buf, sizeof(*end));
	return end->file_len == size ? 0 : -EBADMSG;
}

/*
 * The index as an array in *idx (to be freed), when it is whole and its chunks fill the file from
 * the head to the index without gaps. 0, -EBADMSG, -errno.
 */
static int read_index(struct ft_chunk_table *t, int fd, __u64 size, struct ft_packer *p,
		      struct ft_index_entry **idx, size_t *cnt)
{
	__u64 off = sizeof(struct ft_file_hdr);
	struct ft_chunk_hdr h;
	struct ft_index_entry e, *a;
	struct ft_end_rec end;
	const void *raw;
	size_t i;
	int err;

	err = read_end(t, fd, size, &end);
	if (err)
		return err;
	err = header_at(fd, end.index_off, size - FT_END_LEN, &e);
	if (err)
		return err;
	if (e.h.type != FT_CHUNK_INDEX || entry_end(&e) != size - FT_END_LEN ||
	    e.h.raw_len % sizeof(*a) || e.h.raw_len / sizeof(*a) != e.h.cnt)
		return -EBADMSG;
	err = ft_chunk_table_read(t, fd, &e);
	if (err)
		return err;
	err = ft_chunk_unpack(p, &e.h, t->buf, &raw);
	if (err)
		return err;
	a = malloc(e.h.raw_len + (size_t)1);
	if (!a)
		return -ENOMEM;
	memcpy(a, raw, e.h.raw_len);
	for (i = 0; i < e.h.cnt; i++) {
		if (a[i].off != off || ft_chunk_hdr_read(&a[i].h, &h) || h.no != i)
			break;
		off = entry_end(&a[i]);
		if (off > end.index_off)
			break;
	}
	if (i < e.h.cnt || off != end.index_off) {
		free(a);
		return -EBADMSG;
	}
	*idx = a;
	*cnt = e.h.cnt;
	return 0;
}

static int fill_by_index(struct ft_chunk_table *t, int fd, const struct ft_index_entry *idx,
			 size_t cnt)
{
	struct ft_index_entry e;
	size_t i;
	int err;

	for (i = 0; i < cnt; i++) {
		err = header_at(fd, idx[i].off, ~0ull, &e);
		if (err == -EBADMSG || (!err && memcmp(&e.h, &idx[i].h, sizeof(e.h)))) {
			ft_chunk_table_miss(t, &idx[i].h);
			continue;
		}
		if (!err)
			err = take(t, fd, &idx[i]);
		if (err)
			return err;
	}
	return 0;
}

/* The next header at or after *off. 0 and *off at it, -ENOENT, -ENOMEM, -errno. */
static int find_header(int fd, __u64 *off, __u64 size, struct ft_index_entry *e)
{
	static const __u32 magic = FT_CHUNK_MAGIC;
	size_t n, overlap = sizeof(magic) - 1;
	char *buf = malloc(SEARCH_BYTES), *p;
	__u64 at = *off;
	int err = 0;

	if (!buf)
		return -ENOMEM;
	while (!err && size - at >= sizeof(e->h)) {
		n = size - at < SEARCH_BYTES ? (size_t)(size - at) : SEARCH_BYTES;
		err = read_at(fd, buf, n, at);
		if (err)
			break;
		for (p = buf; (p = memmem(p, n - (size_t)(p - buf), &magic, sizeof(magic))); p++) {
			err = header_at(fd, at + (__u64)(p - buf), size, e);
			if (!err) {
				*off = e->off;
				goto out;
			}
			if (err != -EBADMSG)
				goto out;
		}
		err = 0;
		at += n > overlap ? n - overlap : n;
		if (n < SEARCH_BYTES)
			break;
	}
	if (!err || err == -EBADMSG)
		err = -ENOENT;
out:
	free(buf);
	return err;
}

static int fill_by_scan(struct ft_chunk_table *t, int fd, __u64 size)
{
	__u64 off = sizeof(struct ft_file_hdr);
	struct ft_index_entry e;
	__u32 want = 0; /* number of the next chunk */
	int err;

	t->no_end = true;
	while (off < size) {
		err = header_at(fd, off, size, &e);
		if (err == -EBADMSG) {
			off++;
			err = find_header(fd, &off, size, &e);
			if (err == -ENOENT)
				break;
		}
		if (err)
			return err;
		if (e.h.no < want) { /* bytes that look like a header */
			off++;
			continue;
		}
		t->missing += e.h.no - want;
		want = e.h.no + 1;
		if (entry_end(&e) > size) {
			ft_chunk_table_miss(t, &e.h);
			break;
		}
		err = take(t, fd, &e);
		if (err)
			return err;
		off = entry_end(&e);
		if (e.h.type == FT_CHUNK_END) {
			t->no_end = false;
			t->trailing = off < size;
			break;
		}
	}
	return 0;
}

int ft_chunk_table_fill(struct ft_chunk_table *t, int fd, __u64 size, struct ft_packer *p)
{
	struct ft_index_entry *idx = NULL;
	size_t cnt = 0;
	int err;

	err = read_index(t, fd, size, p, &idx, &cnt);
	if (!err)
		err = fill_by_index(t, fd, idx, cnt);
	else if (err == -EBADMSG)
		err = fill_by_scan(t, fd, size);
	free(idx);
	return err;
}

void ft_chunk_table_free(struct ft_chunk_table *t)
{
	free(t->e);
	free(t->buf);
	memset(t, 0, sizeof(*t));
}
