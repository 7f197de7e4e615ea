/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory map of a process: /proc/PID/maps. */
#include "os/procfs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "base/fileio.h"

#define MAPS_MAX (64u * 1024 * 1024)
#define DELETED " (deleted)"

/* A hexadecimal or decimal number that ends with `stop`, which is skipped. */
static int number(char **s, int base, char stop, __u64 *out)
{
	char *end;

	/* strtoull() would take blanks and a sign */
	if (!((**s >= '0' && **s <= '9') || (**s >= 'a' && **s <= 'f')))
		return -EBADMSG;
	errno = 0;
	*out = strtoull(*s, &end, base);
	if (errno || *end != stop)
		return -EBADMSG;
	*s = end + 1;
	return 0;
}

/* The kernel writes a newline in a name as \012, and nothing else that way. */
static void unescape(char *s)
{
	char *d = s;

	while (*s) {
		if (!strncmp(s, "\\012", 4)) {
			*d++ = '\n';
			s += 4;
		} else {
			*d++ = *s++;
		}
	}
	*d = 0;
}

/* "start-end perms offset major:minor inode   path" */
static int parse_line(char *s, struct ft_mapping *m)
{
	__u64 dev_major, dev_minor;
	char *end;
	size_t len;

	memset(m, 0, sizeof(*m));
	if (number(&s, 16, '-', &m->start) || number(&s, 16, ' ', &m->end) || m->end <= m->start)
		return -EBADMSG;
	if (strnlen(s, 5) < 5 || s[4] != ' ')
		return -EBADMSG;
	m->read = s[0] == 'r';
	m->write = s[1] == 'w';
	m->exec = s[2] == 'x';
	s += 5;
	if (number(&s, 16, ' ', &m->offset) || number(&s, 16, ':', &dev_major) ||
	    number(&s, 16, ' ', &dev_minor))
		return -EBADMSG;
	m->dev_major = (__u32)dev_major;
	m->dev_minor = (__u32)dev_minor;
	errno = 0;
	m->inode = strtoull(s, &end, 10);
	if (errno || end == s || (*end && *end != ' '))
		return -EBADMSG;
	s = end + strspn(end, " ");
	len = strlen(s);
	if (len > strlen(DELETED) && !strcmp(s + len - strlen(DELETED), DELETED)) {
		s[len - strlen(DELETED)] = 0;
		m->deleted = true;
	}
	unescape(s);
	m->path = s;
	return 0;
}

int ft_proc_maps(const char *root, int pid, struct ft_maps *out)
{
	char path[PATH_MAX], *line, *save = NULL;
	size_t cap = 0, len;
	int err;

	memset(out, 0, sizeof(*out));
	if (snprintf(path, sizeof(path), "%s/%d/maps", root, pid) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	err = ft_read_file(path, MAPS_MAX, &out->text, &len);
	if (err)
		return err == -ENOENT ? -ESRCH : err;
	for (line = strtok_r(out->text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct ft_mapping m;

		if (parse_line(line, &m)) {
			out->malformed++;
			continue;
		}
		err = ft_array_reserve((void **)&out->map, &cap, out->cnt + 1, sizeof(m));
		if (err) {
			ft_maps_free(out);
			return err;
		}
		out->map[out->cnt++] = m;
	}
	return 0;
}

void ft_maps_free(struct ft_maps *m)
{
	if (!m)
		return;
	free(m->map);
	free(m->text);
	memset(m, 0, sizeof(*m));
}

const struct ft_mapping *ft_maps_find(const struct ft_maps *m, __u64 addr)
{
	size_t i;

	for (i = 0; i < m->cnt; i++) {
		if (addr >= m->map[i].start && addr < m->map[i].end)
			return &m->map[i];
	}
	return NULL;
}
