/* SPDX-License-Identifier: BSD-2-Clause */
/* LDFLAGS: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* Tests of whose file a file is, in a root made up in a temporary folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oom.h"
#include "os/distribution.h"

#define SITE "/usr/lib/python3.14/site-packages"

struct tree {
	char top[64];
	struct ft_dists *d;
};

/* A file below the root, with the folders that it needs. */
static void put(struct tree *t, const char *path, const char *text)
{
	char full[PATH_MAX], *slash;
	FILE *f;

	assert_true(snprintf(full, sizeof(full), "%s/root%s", t->top, path) < (int)sizeof(full));
	for (slash = strchr(full + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		assert_true(!mkdir(full, 0755) || errno == EEXIST);
		*slash = '/';
	}
	f = fopen(full, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void put_link(struct tree *t, const char *path, const char *to)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s/root%s", t->top, path);
	assert_int_equal(symlink(to, full), 0);
}

static int make_tree(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));
	char path[PATH_MAX], root[PATH_MAX];

	assert_non_null(t);
	strcpy(t->top, "/tmp/ftprof-dist-XXXXXX");
	assert_non_null(mkdtemp(t->top));
	snprintf(path, sizeof(path), "%s/proc", t->top);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/proc/7", t->top);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/proc/7/root", t->top);
	snprintf(root, sizeof(root), "%s/root", t->top);
	assert_int_equal(mkdir(root, 0755), 0);
	assert_int_equal(symlink(root, path), 0);
	snprintf(path, sizeof(path), "%s/proc", t->top);
	assert_int_equal(ft_dists_open(path, 7, &t->d), 0);
	assert_int_equal(ft_dists_open(path, 8, &(struct ft_dists *){NULL}), -ENOENT);
	*state = t;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int free_tree(void **state)
{
	struct tree *t = *state;

	ft_dists_close(t->d);
	ft_dists_close(NULL);
	assert_int_equal(nftw(t->top, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	free(t);
	return 0;
}

static void owner(struct tree *t, const char *path, const char *expected)
{
	char buf[128];
	int err = ft_dists_owner(t->d, path, buf, sizeof(buf));

	assert_string_equal(buf, expected);
	assert_int_equal(err, expected[0] ? 0 : -ENOENT);
}

static void test_plain(void **state)
{
	struct tree *t = *state;

	put(t, SITE "/numpy-2.3.4.dist-info/RECORD",
	    "numpy/__init__.py,sha256=a,1\nnumpy/_core/_umath.cpython-314.so,sha256=b,2\n"
	    "numpy-2.3.4.dist-info/RECORD,,\n");
	put(t, SITE "/numpy-2.3.4.dist-info/METADATA",
	    "Metadata-Version: 2.4\nName: numpy\nVersion: 2.3.4\nSummary: x\n\nName: not this\n");
	put(t, SITE "/other-1.dist-info/RECORD", "other/x.so,,");
	put(t, SITE "/other-1.dist-info/METADATA",
	    "Metadata-Version: 2.4\r\nversion:1.0.1 \r\nname:\tOther \r\n\r\n");
	owner(t, SITE "/numpy/_core/_umath.cpython-314.so", "numpy 2.3.4");
	owner(t, SITE "/numpy/_core/_umath.cpython-314.so", "numpy 2.3.4");
	owner(t, SITE "/other/x.so", "Other 1.0.1");
	owner(t, SITE "/numpy/_core/mine.so", "");
	owner(t, SITE "/numpy/_core/mine.so", "");
	owner(t, "/srv/app/mine.so", "");
	owner(t, "/mine.so", "");
	owner(t, "relative.so", "");
	owner(t, "", "");
	owner(t, "/", "");
}

static void test_names(void **state)
{
	struct tree *t = *state;

	/* no METADATA, or none that says it: the folder's name has both */
	put(t, SITE "/a_b-1.2.post3.dist-info/RECORD", "a_b.so,,\n");
	put(t, SITE "/c-4.dist-info/RECORD", "c.so,,\n");
	put(t, SITE "/c-4.dist-info/METADATA", "Name: c\n\nVersion: 9\n");
	put(t, SITE "/plain.dist-info/RECORD", "plain.so,,\n");
	/* quotes, blanks, a path of its own */
	put(t, SITE "/q-1.dist-info/RECORD",
	    "\"q/a,\"\"b\"\".so\",sha256=x,3\n./q/dot.so,,\n/opt/q/far.so,,\n../../../bin/q.so,,\n"
	    "\"q/open.so\nq/bare.so");
	owner(t, SITE "/a_b.so", "a_b 1.2.post3");
	owner(t, SITE "/c.so", "c 4");
	owner(t, SITE "/plain.so", "plain");
	owner(t, SITE "/q/a,\"b\".so", "q 1");
	owner(t, SITE "/q/dot.so", "q 1");
	owner(t, SITE "/q/open.so", "q 1");
	owner(t, SITE "/q/bare.so", "q 1");
	/* its folder has no distributions */
	owner(t, "/opt/q/far.so", "");
}

/* A package's copies of others' distributions: the outer one may own the file too. */
static void test_nested(void **state)
{
	struct tree *t = *state;

	put(t, SITE "/big-1.dist-info/RECORD", "big/_vendor/in.so,,\nbig/_vendor/out.so,,\n");
	put(t, SITE "/big/_vendor/small-2.dist-info/RECORD", "in.so,,\n");
	owner(t, SITE "/big/_vendor/in.so", "small 2");
	owner(t, SITE "/big/_vendor/out.so", "big 1");
}

/* Links are the container's: absolute ones begin at its root, and none leads out of it. */
static void test_links(void **state)
{
	struct tree *t = *state;
	char out[PATH_MAX], up[PATH_MAX];
	FILE *f;

	put(t, "/opt/real/a-1.dist-info/RECORD", "a.so,,\n");
	put(t, "/usr/lib/x", "");
	put_link(t, "/usr/lib/site", "/opt/real");
	owner(t, "/usr/lib/site/a.so", "a 1");
	/* the same, outside */
	snprintf(out, sizeof(out), "%s/b-1.dist-info", t->top);
	assert_int_equal(mkdir(out, 0755), 0);
	strcat(out, "/RECORD");
	f = fopen(out, "w");
	assert_non_null(f);
	assert_true(fputs("b.so,,\n", f) >= 0);
	assert_int_equal(fclose(f), 0);
	put_link(t, "/usr/lib/abs", t->top);
	owner(t, "/usr/lib/abs/b.so", "");
	snprintf(up, sizeof(up), "../../../../../../../..%s", t->top);
	put_link(t, "/usr/lib/rel", up);
	owner(t, "/usr/lib/rel/b.so", "");
	put(t, "/usr/lib/site2/c-1.dist-info/x", "");
	put_link(t, "/usr/lib/site2/c-1.dist-info/RECORD", out);
	owner(t, "/usr/lib/site2/b.so", "");
	put_link(t, "/usr/lib/loop", "loop");
	owner(t, "/usr/lib/loop/a.so", "");
}

/* What is no plain file, or far too large, is passed over; and the rest still counts. */
static void test_hostile(void **state)
{
	struct tree *t = *state;
	char path[PATH_MAX];

	put(t, SITE "/good-1.dist-info/RECORD", "good.so,,\n");
	put(t, SITE "/fifo-1.dist-info/x", "");
	snprintf(path, sizeof(path), "%s/root" SITE "/fifo-1.dist-info/RECORD", t->top);
	assert_int_equal(mkfifo(path, 0644), 0);
	put(t, SITE "/dir-1.dist-info/RECORD/x", "");
	put(t, SITE "/huge-1.dist-info/RECORD", "huge.so,,\n");
	snprintf(path, sizeof(path), "%s/root" SITE "/huge-1.dist-info/RECORD", t->top);
	assert_int_equal(truncate(path, 1ll << 40), 0);
	put(t, SITE "/file-1.dist-info", "good.so,,\n");
	put(t, SITE "/.dist-info/RECORD", "dot.so,,\n");
	put(t, SITE "/empty-1.dist-info/RECORD", "");
	put(t, SITE "/odd-1.dist-info/RECORD",
	    "\n\n,,\n\"\n\"\"\n\".so\"\",,\n\".so\"\n,.so\n\"odd.so");
	owner(t, SITE "/good.so", "good 1");
	owner(t, SITE "/huge.so", "");
	owner(t, SITE "/dot.so", "");
	owner(t, SITE "/odd.so", "odd 1");
}

static void test_short_buffer(void **state)
{
	struct tree *t = *state;
	char buf[6] = "xxxxx";

	put(t, SITE "/longname-1.dist-info/RECORD", "a.so,,\n");
	assert_int_equal(ft_dists_owner(t->d, SITE "/a.so", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "longn");
	assert_int_equal(ft_dists_owner(t->d, SITE "/a.so", buf, 0), -EINVAL);
}

static void test_no_memory(void **state)
{
	struct tree *t = *state;
	char proc[PATH_MAX], buf[64];
	struct ft_dists *d;
	long n;
	int err;

	put(t, SITE "/a-1.dist-info/RECORD", "a.so,,\n");
	put(t, SITE "/a-1.dist-info/METADATA", "Name: a\nVersion: 1\n");
	snprintf(proc, sizeof(proc), "%s/proc", t->top);
	for (n = 1;; n++) {
		countdown = n;
		failed = false;
		err = ft_dists_open(proc, 7, &d);
		if (!err)
			err = ft_dists_owner(d, SITE "/a.so", buf, sizeof(buf));
		countdown = 0;
		if (failed && d) {
			/* nothing half done stays: asked again it knows */
			assert_int_equal(err, -ENOMEM);
			assert_int_equal(ft_dists_owner(d, SITE "/a.so", buf, sizeof(buf)), 0);
			assert_string_equal(buf, "a 1");
		}
		ft_dists_close(d);
		if (!failed)
			break;
	}
	assert_true(n > 5);
	assert_int_equal(err, 0);
	assert_string_equal(buf, "a 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plain, make_tree, free_tree),
		cmocka_unit_test_setup_teardown(test_names, make_tree, free_tree),
		cmocka_unit_test_setup_teardown(test_nested, make_tree, free_tree),
		cmocka_unit_test_setup_teardown(test_links, make_tree, free_tree),
		cmocka_unit_test_setup_teardown(test_hostile, make_tree, free_tree),
		cmocka_unit_test_setup_teardown(test_short_buffer, make_tree, free_tree),
		cmocka_unit_test_setup_teardown(test_no_memory, make_tree, free_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
