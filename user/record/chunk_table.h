/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds the whole chunks of a session file, by its index or, where that is gone, by looking. */
#ifndef FT_RECORD_CHUNK_TABLE_H
#define FT_RECORD_CHUNK_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include "record/chunk.h"

struct ft_chunk_table {
	struct ft_index_entry *e; /* all but INDEX and END, in the order of the file */
	size_t cnt;
	size_t cap;
	__u64 missing;	   /* chunks that are known to have been there and are not whole */
	__u64 lost_events; /* in those of them whose headers could be read */
	__u64 nodes_end;   /* behind the last node of those of them; 0: none */
	bool no_end;	   /* no end mark: killed, cut off, or the mark is damaged */
	bool trailing;	   /* bytes after the end mark */
	void *buf;	   /* a payload */
	size_t buf_cap;
};

/*
 * Reads and checks all of fd, a session file of `size` bytes whose head is good. What is damaged
 * is counted and is no error: 0, -ENOMEM, or -errno of a read.
 */
int ft_chunk_table_fill(struct ft_chunk_table *t, int fd, __u64 size, struct ft_packer *p);
/*
 * Reads and checks the payload of a chunk into t->buf. 0, -EBADMSG when it is not whole (any more),
 * -ENOMEM, -errno.
 */
int ft_chunk_table_read(struct ft_chunk_table *t, int fd, const struct ft_index_entry *e);
/* Counts a chunk with that header as one that was there and is not whole. */
void ft_chunk_table_miss(struct ft_chunk_table *t, const struct ft_chunk_hdr *h);
void ft_chunk_table_free(struct ft_chunk_table *t);

#endif
