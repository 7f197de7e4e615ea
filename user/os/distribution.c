/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Distributions and their files, by *.dist-info/RECORD in the folders above a file.
 *
 * The folders are a stranger's: nothing is opened outside the process's root, only plain files are
 * read, and of those no more than READ_MAX bytes in all.
 */
#include "os/distribution.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/array.h"
#include "base/fileio.h"
#include "base/strset.h"

#define FILE_MAX (16u * 1024 * 1024)
#define READ_MAX (256u * 1024 * 1024)
#define ENTRIES_MAX 100000u /* of a folder */
#define FOLDERS_MAX 16384u
#define UP_MAX 64 /* folders above a file */

static const char suffix[] = ".dist-info";
#define SUFFIX_LEN (sizeof(suffix) - 1)

struct dist {
	char *folder; /* "numpy-2.3.4.dist-info" */
	char *title;  /* "numpy 2.3.4", once asked for */
};

/* A folder that may hold distributions: site-packages, and all others above a file. */
struct site {
	char *dir; /* absolute, "" for the root */
	struct dist *dist;
	size_t cnt, cap;
	bool loaded;
	struct ft_strset files; /* what the RECORDs list, as far as it contains ".so" */
	__u32 *owner;		/* by the number of the file: index into dist */
	size_t owner_cap;
};

struct ft_dists {
	int root;
	size_t left; /* bytes that may still be read */
	struct site *site;
	size_t cnt, cap;
};

int ft_dists_open(const char *proc, int pid, struct ft_dists **out)
{
	char path[PATH_MAX];
	struct ft_dists *d;
	int err;

	*out = NULL;
	if (snprintf(path, sizeof(path), "%s/%d/root", proc, pid) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->left = READ_MAX;
	d->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (d->root < 0) {
		err = -errno;
		free(d);
		return err;
	}
	*out = d;
	return 0;
}

static void site_free(struct site *s)
{
	size_t i;

	for (i = 0; i < s->cnt; i++) {
		free(s->dist[i].folder);
		free(s->dist[i].title);
	}
	free(s->dist);
	free(s->dir);
	free(s->owner);
	ft_strset_free(&s->files);
}

void ft_dists_close(struct ft_dists *d)
{
	size_t i;

	if (!d)
		return;
	for (i = 0; i < d->cnt; i++)
		site_free(&d->site[i]);
	free(d->site);
	close(d->root);
	free(d);
}

/* Opens what the process would find at an absolute path; its links lead nowhere else. */
static int open_in_root(const struct ft_dists *d, const char *path, int flags)
{
	struct open_how how = {.flags = (__u64)(flags | O_CLOEXEC),
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	int fd = (int)syscall(SYS_openat2, d->root, path[0] ? path : "/", &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* The text of a file of a distribution; NULL when there is none that is any good. 0 or -ENOMEM. */
static int read_part(struct ft_dists *d, const struct site *s, const struct dist *dist,
		     const char *name, char **text, size_t *len)
{
	char path[PATH_MAX], link[64];
	struct stat st;
	int fd, err = 0;

	*text = NULL;
	if (snprintf(path, sizeof(path), "%s/%s/%s", s->dir, dist->folder, name) >=
	    (int)sizeof(path))
		return 0;
	/* O_PATH: merely opening a device or a FIFO can do something */
	fd = open_in_root(d, path, O_PATH);
	if (fd < 0)
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX &&
	    (size_t)st.st_size <= d->left)
		err = ft_read_file(link, FILE_MAX, text, len);
	close(fd);
	if (*text)
		d->left -= *len < d->left ? *len : d->left;
	return err == -ENOMEM ? err : 0;
}

static int add_dist(struct site *s, const char *folder)
{
	void *p = s->dist;
	int err = ft_array_reserve(&p, &s->cap, s->cnt + 1, sizeof(*s->dist));

	s->dist = p;
	if (err)
		return err;
	s->dist[s->cnt].folder = strdup(folder);
	if (!s->dist[s->cnt].folder)
		return -ENOMEM;
	s->cnt++;
	return 0;
}

/* Which distributions lie in a folder; none when it cannot be read. 0 or -ENOMEM. */
static int list_dists(const struct ft_dists *d, struct site *s)
{
	size_t seen = 0, len;
	struct dirent *e;
	DIR *dir;
	int err = 0;
	int fd = open_in_root(d, s->dir, O_RDONLY | O_DIRECTORY | O_NONBLOCK);

	if (fd < 0)
		return 0;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return 0;
	}
	while (!err && seen++ < ENTRIES_MAX && (e = readdir(dir))) {
		len = strlen(e->d_name);
		if (len > SUFFIX_LEN && !strcmp(e->d_name + len - SUFFIX_LEN, suffix))
			err = add_dist(s, e->d_name);
	}
	closedir(dir);
	return err;
}

/* The folder that is the first `len` bytes of path. 0 or -errno. */
static int get_site(struct ft_dists *d, const char *path, size_t len, struct site **out)
{
	struct site *s;
	void *p = d->site;
	size_t i;
	int err;

	for (i = 0; i < d->cnt; i++) {
		if (!strncmp(d->site[i].dir, path, len) && !d->site[i].dir[len]) {
			*out = &d->site[i];
			return 0;
		}
	}
	if (d->cnt == FOLDERS_MAX)
		return -E2BIG;
	err = ft_array_reserve(&p, &d->cap, d->cnt + 1, sizeof(*d->site));
	d->site = p;
	if (err)
		return err;
	s = &d->site[d->cnt];
	memset(s, 0, sizeof(*s));
	s->dir = strndup(path, len);
	if (!s->dir)
		return -ENOMEM;
	err = list_dists(d, s);
	if (err) {
		site_free(s);
		return err;
	}
	d->cnt++;
	*out = s;
	return 0;
}

static int add_file(struct site *s, const char *name, size_t len, __u32 dist)
{
	size_t before = s->files.cnt;
	void *p = s->owner;
	__u32 no;
	int err;

	while (len > 2 && name[0] == '.' && name[1] == '/') {
		name += 2;
		len -= 2;
	}
	err = ft_array_reserve(&p, &s->owner_cap, before + 1, sizeof(*s->owner));
	s->owner = p;
	if (!err)
		err = ft_strset_add(&s->files, name, len, &no);
	if (!err && s->files.cnt > before)
		s->owner[no] = dist;
	return err;
}

/* The first field of a line of CSV, unquoted in place; its length. */
static size_t first_field(char *line, size_t len)
{
	size_t i, n = 0;
	char *comma;

	if (!len || line[0] != '"') {
		comma = memchr(line, ',', len);
		return comma ? (size_t)(comma - line) : len;
	}
	for (i = 1; i < len; i++) {
		if (line[i] == '"' && (i + 1 == len || line[++i] != '"'))
			break;
		line[n++] = line[i];
	}
	return n;
}

static int load_record(struct site *s, __u32 dist, char *text, size_t len)
{
	char *line = text, *end = text + len, *eol;
	size_t n;
	int err = 0;

	for (; !err && line < end; line = eol + 1) {
		eol = memchr(line, '\n', (size_t)(end - line));
		if (!eol)
			eol = end;
		n = first_field(line, (size_t)(eol - line));
		if (n < PATH_MAX && memmem(line, n, ".so", 3))
			err = add_file(s, line, n, dist);
	}
	return err;
}

/* 0 or -ENOMEM; a RECORD that is missing or too long lists nothing. */
static int load_site(struct ft_dists *d, struct site *s)
{
	size_t i, len = 0;
	char *text;
	int err = 0;

	for (i = 0; i < s->cnt && !err; i++) {
		err = read_part(d, s, &s->dist[i], "RECORD", &text, &len);
		if (text)
			err = load_record(s, (__u32)i, text, len);
		free(text);
	}
	if (err == -EFBIG)
		err = 0;
	s->loaded = !err;
	return err;
}

/* The value of a header field of METADATA, which ends at the first empty line. */
static bool get_field(const char *text, const char *name, char *buf, size_t sz)
{
	size_t len = strlen(name), n;

	buf[0] = 0;
	while (*text && *text != '\n' && *text != '\r') {
		n = strcspn(text, "\r\n");
		if (!strncasecmp(text, name, len) && n > len && text[len] == ':') {
			text += len + 1;
			n -= len + 1;
			while (n && (*text == ' ' || *text == '\t')) {
				text++;
				n--;
			}
			while (n && (text[n - 1] == ' ' || text[n - 1] == '\t'))
				n--;
			snprintf(buf, sz, "%.*s", (int)(n < sz ? n : sz), text);
			return n > 0;
		}
		text += n;
		text += *text == '\r';
		text += *text == '\n';
	}
	return false;
}

static int make_title(struct ft_dists *d, const struct site *s, struct dist *dist)
{
	char name[128] = "", version[64] = "", title[sizeof(name) + sizeof(version) + 1], *dash;
	char *text;
	size_t len;
	int err = read_part(d, s, dist, "METADATA", &text, &len);

	if (err)
		return err;
	if (text && get_field(text, "Name", name, sizeof(name)) &&
	    get_field(text, "Version", version, sizeof(version))) {
		snprintf(title, sizeof(title), "%s %s", name, version);
	} else {
		snprintf(title, sizeof(title), "%.*s", (int)(strlen(dist->folder) - SUFFIX_LEN),
			 dist->folder);
		dash = strrchr(title, '-');
		if (dash)
			*dash = ' ';
	}
	free(text);
	dist->title = strdup(title);
	return dist->title ? 0 : -ENOMEM;
}

/* Whether the distributions of a folder say that the file is theirs. 0, -ENOENT, -ENOMEM. */
static int find_in(struct ft_dists *d, struct site *s, const char *path, char *buf, size_t sz)
{
	const char *name[] = {path + strlen(s->dir) + 1, path};
	struct dist *dist;
	size_t i;
	__u32 no = 0;
	int err = 0;

	if (!s->loaded)
		err = load_site(d, s);
	for (i = 0; !err && i < 2; i++) {
		/* what was not there before belongs to nobody */
		err = add_file(s, name[i], strlen(name[i]), (__u32)s->cnt);
		if (!err)
			err = ft_strset_add(&s->files, name[i], strlen(name[i]), &no);
		if (!err && s->owner[no] < s->cnt)
			break;
	}
	if (err)
		return err;
	if (i == 2)
		return -ENOENT;
	dist = &s->dist[s->owner[no]];
	if (!dist->title)
		err = make_title(d, s, dist);
	if (!err)
		snprintf(buf, sz, "%s", dist->title);
	return err;
}

int ft_dists_owner(struct ft_dists *d, const char *path, char *buf, size_t sz)
{
	size_t len = strlen(path);
	struct site *s;
	int up, err;

	if (!sz)
		return -EINVAL;
	buf[0] = 0;
	if (path[0] != '/' || len >= PATH_MAX)
		return -ENOENT;
	for (up = 0; up < UP_MAX && len; up++) {
		while (path[--len] != '/')
			;
		err = get_site(d, path, len, &s);
		if (!err)
			err = s->cnt ? find_in(d, s, path, buf, sz) : -ENOENT;
		if (err != -ENOENT)
			return err;
	}
	return -ENOENT;
}
