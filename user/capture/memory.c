/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory of the target over time. */
#include "capture/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "os/procfs.h"

void ft_memory_init(struct ft_memory *m, const char *root, int pid)
{
	memset(m, 0, sizeof(*m));
	m->root = root;
	m->pid = pid;
	m->pace_ns = FT_MEMORY_PACE_NS;
}

/* Every second point goes, the first one stays; what follows comes at the pace of those left. */
static void thin_out(struct ft_memory *m)
{
	size_t i;

	for (i = 0; 2 * i < m->cnt; i++)
		m->rec[i] = m->rec[2 * i];
	m->cnt = i;
	m->pace_ns *= 2;
}

void ft_memory_step(struct ft_memory *m, __u64 now)
{
	__u64 rss;

	if (now < m->next_ns)
		return;
	m->next_ns = now + m->pace_ns;
	if (ft_proc_rss(m->root, m->pid, &rss) || !rss)
		return;
	if (m->cnt == FT_MEMORY_MAX) {
		thin_out(m);
		m->next_ns = now + m->pace_ns;
	}
	m->rec[m->cnt++] = (struct ft_memory_rec){now, rss};
}

int ft_memory_fill(const struct ft_memory *m, struct ft_findings *f)
{
	struct ft_memory_rec *rec = NULL;

	if (m->cnt) {
		rec = malloc(m->cnt * sizeof(*rec));
		if (!rec)
			return -ENOMEM;
		memcpy(rec, m->rec, m->cnt * sizeof(*rec));
	}
	free(f->memory);
	f->memory = rec;
	f->memory_cnt = m->cnt;
	return 0;
}
