/* SPDX-License-Identifier: BSD-2-Clause */
/* LDFLAGS: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc */
/* The n-th allocation fails, for every n of a session written and read: -ENOMEM, and no leak. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/fileio.h"
#include "base/text.h"
#include "record/session.h"
#include "oom.h"

#define STACKS 200

static char dir[] = "/tmp/ft-oom-XXXXXX";
static char path[64];

static int entries(void)
{
	DIR *d = opendir(dir);
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static int ignore(void *ctx, const struct ft_event *ev)
{
	__u64 *cnt = ctx;

	(void)ev;
	++*cnt;
	return 0;
}

static struct ft_frame frames[STACKS];
static struct ft_node nodes[STACKS];
static struct ft_weight weights[STACKS];

static void make_stacks(void)
{
	static char names[STACKS][3000];
	__u32 i;

	for (i = 0; i < STACKS; i++) {
		memset(names[i], 'a' + (int)(i % 26), i < 40 ? 2999 : 20 + i / 26);
		frames[i] = (struct ft_frame){.name = names[i], .file = "x.py", .line = i};
		nodes[i] = (struct ft_node){i % 20 ? i - 1 : FT_NO_STACK, i};
		weights[i] = (struct ft_weight){.stack = i, .ns = 7, .raw_ns = 6, .cnt = 1};
	}
}

static int write_session(void)
{
	struct ft_writer_opts o = {.path = path, .force = true};
	struct ft_session_info info = {.cpu_cnt = 4, .start_ns = 1};
	struct ft_totals totals = {.end_ns = 1000000};
	struct ft_thread_rec recs[40] = {0};
	struct ft_event ev = {.type = FT_EV_SLICE, .waker = FT_NO_THREAD, .state = FT_ST_BLOCKED};
	struct ft_stacks stacks = {.frame = frames, .node = nodes, .weight = weights};
	struct ft_writer *w;
	int err, i;

	err = ft_writer_open(&o, &w);
	if (err)
		return err;
	/* whatever fails in between, finish() must tell */
	ft_writer_info(w, &info);
	for (i = 0; i < 400; i++) {
		ev.ts = 100 + (__u64)(i * 37 % 1000);
		ev.out_ns = ev.ts - 10;
		ev.thr = (__u32)(i % 40);
		ev.stack = i % 3 ? (__u32)(i % STACKS) : FT_NO_STACK;
		ft_writer_event(w, &ev);
		if (i % 100 == 99) {
			stacks.frame_cnt += STACKS / 4;
			stacks.node_cnt += STACKS / 4;
			stacks.weight_cnt += STACKS / 4;
			ft_writer_stacks(w, &stacks);
			ft_writer_flush(w);
		}
	}
	ft_writer_threads(w, recs, 40);
	ft_writer_totals(w, &totals);
	return ft_writer_finish(w);
}

static int read_session(__u64 *cnt)
{
	struct ft_reader *r;
	char msg[256];
	int err;

	*cnt = 0;
	err = ft_reader_open(path, &r, msg, sizeof(msg));
	if (err)
		return err;
	err = ft_reader_events(r, 0, ~0ull, ignore, cnt);
	if (!err && (ft_reader_damage(r) || ft_reader_stacks(r)->node_cnt != STACKS))
		err = -EIO; /* a lack of memory is no damage of the file */
	ft_reader_close(r);
	return err;
}

static void test_write(void **state)
{
	long n;
	int err;

	(void)state;
	for (n = 1; n < 10000; n++) {
		failed = false;
		unlink(path);
		countdown = n;
		err = write_session();
		countdown = 0;
		if (!failed)
			break;
		/* one that only makes the name durable may fail unseen */
		assert_true(err == -ENOMEM || err == 0);
		assert_int_equal(access(path, F_OK), err ? -1 : 0);
		assert_int_equal(entries(), err ? 0 : 1);
	}
	assert_int_equal(err, 0);
	assert_true(n > 15 && n < 10000);
}

static void test_read(void **state)
{
	__u64 cnt = 0;
	long n, refused = 0;
	int err = 0;

	(void)state;
	assert_int_equal(write_session(), 0);
	for (n = 1; n < 10000; n++) {
		failed = false;
		countdown = n;
		err = read_session(&cnt);
		countdown = 0;
		if (!failed)
			break;
		/* without the file's name for its messages a reader does well */
		assert_true(err == -ENOMEM || (err == 0 && cnt == 400));
		refused += err != 0;
	}
	assert_int_equal(err, 0);
	assert_int_equal(cnt, 400);
	assert_true(refused > 5);
	assert_true(n > 10);
	unlink(path);
}

static void test_base(void **state)
{
	struct ft_text t = {0};
	char *s = NULL;
	size_t len;
	long n;
	int err;

	(void)state;
	for (n = 1; n < 100; n++) {
		failed = false;
		countdown = n;
		ft_text_printf(&t, "%0500d", 7);
		ft_text_add_safe(&t, "more\n", 10);
		countdown = 0;
		err = t.err;
		ft_text_free(&t);
		if (!failed)
			break;
		assert_int_equal(err, -ENOMEM);
	}
	assert_int_equal(err, 0);
	for (n = 1; n < 100; n++) {
		failed = false;
		countdown = n;
		err = ft_read_file("/proc/self/maps", 1 << 20, &s, &len);
		countdown = 0;
		free(s);
		if (!failed)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_null(s);
	}
	assert_int_equal(err, 0);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/s.ftprof", dir);
	make_stacks();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_base),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
