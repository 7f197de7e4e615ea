/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the session file: round trip, every cut, every flipped bit, every refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/fileio.h"
#include "record/chunk.h"
#include "record/info_json.h"
#include "record/session.h"

#define THREADS 3
#define EVENTS 60 /* of the small file, in three chunks */

static char dir[] = "/tmp/ft-session-XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[4][256];
	static unsigned int turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

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

static void make_info(struct ft_session_info *info)
{
	memset(info, 0, sizeof(*info));
	strcpy(info->ftprof_version, "0.1");
	strcpy(info->host, "h\"o\\st");
	strcpy(info->name, "caf\xc3\xa9");
	strcpy(info->cmdline, "python app.py\t--x\n/y");
	info->start_wall_ns = ~0ull;
	info->start_ns = 1000;
	info->engine = FT_ENGINE_MIXED;
	info->cpu_cnt = 8;
	info->cpus[0] = 1;
	info->cpus[1] = 7;
	info->cpus_cnt = 2;
	info->quota = 1.5;
	info->tick_hz = 199;
	info->has_events = true;
	info->stack_hz = 211;
	info->native_frames = true;
	strcpy(info->cut, "libblas.so.3: no frame pointers\nlibx.so");
	info->pid = 4312;
	info->python_hex = 0x030e06f0;
	info->gil = FT_GIL_ENABLED;
	info->end = FT_END_EXIT;
	info->end_status = -1;
	memset(info->limits, 'l', sizeof(info->limits) - 1);
}

static void make_totals(struct ft_totals *t)
{
	memset(t, 0, sizeof(*t));
	t->end_ns = 1000000;
	t->level_ns[FT_MAX_CPUS] = 5;
	t->throttled_ns = 77;
}

static struct ft_event make_event(size_t i)
{
	struct ft_event ev = {.type = FT_EV_SLICE, .waker = FT_NO_THREAD, .stack = FT_NO_STACK};

	ev.ts = 2000 + i * 100;
	ev.out_ns = ev.ts - 70;
	ev.wake_ns = i % 2 ? ev.ts - 10 : 0;
	ev.arg = i % 5;
	ev.thr = (__u32)(i % THREADS);
	ev.seq = (__u32)(i / THREADS);
	ev.cpu = (__u16)(i % 8);
	ev.state = FT_ST_BLOCKED;
	return ev;
}

static void make_threads(struct ft_thread_rec *t)
{
	size_t i;

	memset(t, 0, THREADS * sizeof(*t));
	for (i = 0; i < THREADS; i++) {
		t[i].t.tid = (__u32)(100 + i);
		t[i].t.state = i ? FT_ST_ON : FT_ST_DEAD;
		snprintf(t[i].name, sizeof(t[i].name), "thread \xff%zu", i);
	}
}

static struct ft_writer *start(const char *path, bool force, __u64 max_bytes)
{
	struct ft_writer_opts o = {.path = path, .force = force, .max_bytes = max_bytes};
	struct ft_session_info info;
	struct ft_writer *w;

	assert_int_equal(ft_writer_open(&o, &w), 0);
	make_info(&info);
	assert_int_equal(ft_writer_info(w, &info), 0);
	return w;
}

static __u64 put_totals(struct ft_writer *w)
{
	struct ft_thread_rec recs[THREADS];
	struct ft_totals totals;

	make_threads(recs);
	make_totals(&totals);
	assert_int_equal(ft_writer_threads(w, recs, THREADS), 0);
	assert_int_equal(ft_writer_totals(w, &totals), 0);
	return totals.events_dropped;
}

/* The small file. `early`: its totals stand before the events, too. */
static void write_small(const char *path, bool early)
{
	struct ft_writer *w = start(path, true, 0);
	struct ft_event ev;
	size_t i;

	if (early)
		put_totals(w);
	for (i = 0; i < EVENTS; i++) {
		ev = make_event(i);
		assert_int_equal(ft_writer_event(w, &ev), 0);
		if (i % (EVENTS / 3) == EVENTS / 3 - 1)
			assert_int_equal(ft_writer_flush(w), 0);
	}
	assert_int_equal(ft_writer_events(w), EVENTS);
	if (!early)
		put_totals(w);
	assert_int_equal(ft_writer_finish(w), 0);
}

struct seen {
	size_t cnt;
	size_t wrong;
	int stop_after;
};

static int see(void *ctx, const struct ft_event *ev)
{
	struct seen *s = ctx;
	size_t i = (size_t)(ev->ts - 2000) / 100;
	struct ft_event want = make_event(i);

	s->cnt++;
	if (i >= EVENTS || memcmp(&want, ev, sizeof(want)))
		s->wrong++;
	return s->stop_after && s->cnt == (size_t)s->stop_after ? 42 : 0;
}

static void expect_summary(const struct ft_reader *r)
{
	struct ft_session_info info;
	const struct ft_thread_rec *got;
	struct ft_thread_rec recs[THREADS];
	struct ft_totals totals;
	size_t cnt;

	make_info(&info);
	assert_memory_equal(ft_reader_info(r), &info, sizeof(info));
	make_totals(&totals);
	assert_memory_equal(ft_reader_totals(r), &totals, sizeof(totals));
	got = ft_reader_threads(r, &cnt);
	if (cnt || !ft_reader_damage(r)) {
		make_threads(recs);
		assert_int_equal(cnt, THREADS);
		assert_memory_equal(got, recs, sizeof(recs));
	}
}

static struct ft_reader *reopen(const char *path)
{
	struct ft_reader *r = NULL;
	char err[256] = "";

	if (ft_reader_open(path, &r, err, sizeof(err)))
		fail_msg("%s", err);
	return r;
}

static void test_round_trip(void **state)
{
	struct seen s = {0}, stop = {.stop_after = 5}, some = {0};
	const char *path = in_dir("a.ftprof");
	struct ft_reader *r;
	struct stat st;

	(void)state;
	write_small(path, false);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	r = reopen(path);
	assert_null(ft_reader_damage(r));
	expect_summary(r);
	assert_int_equal(ft_reader_event_cnt(r), EVENTS);
	assert_int_equal(ft_reader_events(r, 0, ~0ull, see, &s), 0);
	assert_int_equal(s.cnt, EVENTS);
	assert_int_equal(s.wrong, 0);
	assert_int_equal(ft_reader_events(r, 0, ~0ull, see, &stop), 42);
	assert_int_equal(stop.cnt, 5);
	/* from the ts of event 10 to the out of event 39: both ends belong to it */
	assert_int_equal(ft_reader_events(r, 3000, 2000 + 3900 - 70, see, &some), 0);
	assert_int_equal(some.cnt, 30);
	assert_null(ft_reader_damage(r));
	ft_reader_close(r);
	ft_reader_close(NULL);
	assert_int_equal(entries(), 1);
	unlink(path);
}

static void test_empty_session(void **state)
{
	const char *path = in_dir("e.ftprof");
	struct ft_totals totals;
	struct ft_writer *w;
	struct ft_reader *r;
	struct seen s = {0};
	size_t cnt = 9;

	(void)state;
	w = start(path, false, 0);
	make_totals(&totals);
	assert_int_equal(ft_writer_threads(w, NULL, 0), 0);
	assert_int_equal(ft_writer_totals(w, &totals), 0);
	assert_int_equal(ft_writer_finish(w), 0);
	r = reopen(path);
	assert_null(ft_reader_damage(r));
	ft_reader_threads(r, &cnt);
	assert_int_equal(cnt, 0);
	assert_int_equal(ft_reader_events(r, 0, ~0ull, see, &s), 0);
	assert_int_equal(s.cnt, 0);
	ft_reader_close(r);
	unlink(path);
}

static __u8 *slurp(const char *path, size_t *len)
{
	char *s = NULL;

	assert_int_equal(ft_read_file(path, 1 << 20, &s, len), 0);
	return (__u8 *)s;
}

static void put_bytes(const char *path, const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ft_write_all(fd, p, n), 0);
	close(fd);
}

/*
 * Opens a damaged file: either refused with a sentence, or opened with a damage sentence, a true
 * summary and none but true events. Returns how many, or -1.
 */
static int open_damaged(const char *path)
{
	struct seen s = {0};
	struct ft_reader *r;
	char err[256] = "";
	int ret;

	ret = ft_reader_open(path, &r, err, sizeof(err));
	if (ret) {
		assert_true(ret == -EBADMSG || ret == -EPROTO);
		assert_null(r);
		assert_true(strlen(err) > 20);
		assert_null(strchr(err, '\n'));
		return -1;
	}
	assert_non_null(ft_reader_damage(r));
	expect_summary(r);
	assert_int_equal(ft_reader_events(r, 0, ~0ull, see, &s), 0);
	assert_int_equal(s.wrong, 0);
	assert_true(s.cnt <= EVENTS);
	ft_reader_close(r);
	return (int)s.cnt;
}

static void test_cut_anywhere(void **state)
{
	const char *whole = in_dir("w.ftprof"), *cut = in_dir("c.ftprof");
	int got, best = -1, opened = 0, early;
	size_t len, i;
	__u8 *bytes;

	(void)state;
	for (early = 0; early < 2; early++) {
		write_small(whole, early);
		bytes = slurp(whole, &len);
		best = -1;
		for (i = 0; i < len; i++) {
			put_bytes(cut, bytes, i);
			got = open_damaged(cut);
			/* more of the file never gives less */
			assert_true(got >= best);
			best = got;
			opened += got >= 0;
		}
		assert_int_equal(best, EVENTS);
		free(bytes);
	}
	assert_true(opened > 300);
	unlink(whole);
	unlink(cut);
}

static void test_flip_anywhere(void **state)
{
	const char *whole = in_dir("w.ftprof"), *bad = in_dir("f.ftprof");
	size_t len, i, some = 0, all = 0, refused = 0;
	__u8 *bytes;
	int got;

	(void)state;
	write_small(whole, false);
	bytes = slurp(whole, &len);
	for (i = 0; i < len * 8; i++) {
		bytes[i / 8] ^= (__u8)(1u << (i % 8));
		put_bytes(bad, bytes, len);
		bytes[i / 8] ^= (__u8)(1u << (i % 8));
		got = open_damaged(bad);
		refused += got < 0;
		all += got == EVENTS;
		some += got == EVENTS * 2 / 3;
	}
	/* in the head, META or TOTALS; in INDEX or END; in an EVENTS chunk; THREADS leaves none */
	assert_true(refused > 100 && all > 100 && some > 100);
	free(bytes);
	unlink(whole);
	unlink(bad);
}

/* Rewrites the checksum of the file's head. */
static void seal_head(__u8 *bytes)
{
	struct ft_file_hdr h;

	memcpy(&h, bytes, sizeof(h));
	h.crc = (__u32)crc32(0, bytes, offsetof(struct ft_file_hdr, crc));
	memcpy(bytes, &h, sizeof(h));
}

static void expect_refusal(const char *path, int code, const char *word)
{
	struct ft_reader *r;
	char err[256] = "", tiny[4];

	assert_int_equal(ft_reader_open(path, &r, err, sizeof(err)), code);
	assert_null(r);
	if (!strstr(err, word))
		fail_msg("\"%s\" does not say \"%s\"", err, word);
	assert_null(strchr(err, '\n'));
	assert_int_equal(ft_reader_open(path, &r, tiny, sizeof(tiny)), code);
	assert_int_equal(ft_reader_open(path, &r, NULL, 0), code);
}

static void test_refused_input(void **state)
{
	const char *path = in_dir("x.ftprof");
	struct ft_reader *r;
	size_t len;
	__u8 *bytes;

	(void)state;
	expect_refusal(path, -ENOENT, "not there");
	expect_refusal(dir, -EISDIR, "directory");
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_refusal(path, -EINVAL, "regular file");
	unlink(path);
	expect_refusal("/dev/null", -EINVAL, "regular file");
	put_bytes(path, "", 0);
	expect_refusal(path, -EBADMSG, "empty");
	put_bytes(path, "PK\3\4 and so on and on and on", 28);
	expect_refusal(path, -EBADMSG, "not an ftprof session");
	put_bytes(path, "FTPROF\n and so on and on and on", 31);
	expect_refusal(path, -EBADMSG, "text mode");
	put_bytes(path, "FTPROF\r\n", 8);
	expect_refusal(path, -EBADMSG, "cut off");
	put_bytes(path, "F", 1);
	expect_refusal(path, -EBADMSG, "cut off");

	write_small(path, false);
	bytes = slurp(path, &len);
	bytes[8] = 9;
	put_bytes(path, bytes, len);
	expect_refusal(path, -EBADMSG, "damaged");
	seal_head(bytes);
	put_bytes(path, bytes, len);
	expect_refusal(path, -EPROTO, "format 9.");
	bytes[8] = FT_FILE_VERSION;
	seal_head(bytes);
	bytes = realloc(bytes, len + 5);
	assert_non_null(bytes);
	memcpy(bytes + len, "spam", 5);
	put_bytes(path, bytes, len + 5);
	r = reopen(path);
	assert_non_null(strstr(ft_reader_damage(r), "added"));
	ft_reader_close(r);
	free(bytes);
	unlink(path);
}

/* Whole and rightly summed, but made by somebody hostile. */
static void test_hostile(void **state)
{
	const char *path = in_dir("h.ftprof");
	struct ft_thread_rec recs[THREADS];
	struct ft_totals totals;
	struct ft_event ev;
	struct ft_writer *w;
	struct ft_reader *r;
	struct seen s = {0};
	int i;

	(void)state;
	/* events of a thread that is not listed, and of a core that is not there */
	w = start(path, false, 0);
	for (i = 0; i < 4; i++) {
		ev = make_event((size_t)i);
		if (i == 1)
			ev.thr = THREADS;
		if (i == 2)
			ev.cpu = 8;
		if (i == 3)
			ev.waker = THREADS + 7;
		assert_int_equal(ft_writer_event(w, &ev), 0);
	}
	put_totals(w);
	assert_int_equal(ft_writer_finish(w), 0);
	r = reopen(path);
	assert_null(ft_reader_damage(r));
	assert_int_equal(ft_reader_events(r, 0, ~0ull, see, &s), 0);
	assert_int_equal(s.cnt, 1);
	assert_non_null(strstr(ft_reader_damage(r), "3 events that cannot be true"));
	ft_reader_close(r);

	/* each kind of thread record that would send a reader out of bounds */
	for (i = 0; i < 4; i++) {
		w = start(path, true, 0);
		put_totals(w);
		make_threads(recs);
		if (i == 0)
			memset(recs[1].name, 'x', sizeof(recs[1].name));
		if (i == 1)
			recs[1].t.state = FT_ST_CNT;
		if (i == 2)
			recs[1].t.gw_origin = FT_OR_CNT;
		if (i == 3)
			recs[1].t.last_off = FT_ST_CNT;
		assert_int_equal(ft_writer_threads(w, recs, THREADS), 0);
		assert_int_equal(ft_writer_finish(w), 0);
		r = reopen(path);
		/* the table before it counts */
		assert_non_null(strstr(ft_reader_damage(r), "1 damaged"));
		expect_summary(r);
		ft_reader_close(r);
	}

	w = start(path, true, 0);
	make_totals(&totals);
	totals.end_ns = 999;
	assert_int_equal(ft_writer_totals(w, &totals), 0);
	assert_int_equal(ft_writer_finish(w), 0);
	expect_refusal(path, -EBADMSG, "contradicts");
	unlink(path);
}

static void test_bad_event(void **state)
{
	const char *path = in_dir("b.ftprof");
	struct ft_writer *w = start(path, false, 0);
	struct ft_event ev = make_event(0);

	(void)state;
	ev.out_ns = ev.ts + 1;
	assert_int_equal(ft_writer_event(w, &ev), -EINVAL);
	ev = make_event(0);
	assert_int_equal(ft_writer_event(w, &ev), 0);
	assert_int_equal(put_totals(w), 1);
	assert_int_equal(ft_writer_finish(w), 0);
	unlink(path);
}

static void test_output_rules(void **state)
{
	const char *path = in_dir("o.ftprof"), *link = in_dir("l.ftprof");
	struct ft_writer_opts o = {.path = path};
	struct ft_writer *w;

	(void)state;
	put_bytes(path, "mine", 4);
	assert_int_equal(ft_writer_open(&o, &w), -EEXIST);
	assert_null(w);
	assert_int_equal(symlink("o.ftprof", link), 0);
	o.path = link;
	o.force = true;
	assert_int_equal(ft_writer_open(&o, &w), -ELOOP);
	o.path = dir;
	assert_int_equal(ft_writer_open(&o, &w), -EISDIR);
	unlink(link);
	w = start(path, true, 0);
	assert_int_equal(entries(), 2);
	ft_writer_abort(w);
	ft_writer_abort(NULL);
	assert_int_equal(entries(), 1);
	o = (struct ft_writer_opts){.path = path, .force = true, .own = true};
	o.uid = getuid();
	o.gid = getgid();
	assert_int_equal(ft_writer_open(&o, &w), 0);
	assert_int_equal(ft_writer_finish(w), 0);
	assert_int_equal(entries(), 1);
	unlink(path);
}

static void test_cap(void **state)
{
	const char *path = in_dir("m.ftprof");
	__u64 dropped, kept, cnt = 100000, noise = 88172645463325252ull, i;
	struct ft_writer *w = start(path, false, 64 << 10);
	struct ft_reader *r;
	struct stat st;

	(void)state;
	for (i = 0; i < cnt; i++) {
		struct ft_event ev = make_event((size_t)i);

		noise ^= noise << 13;
		noise ^= noise >> 7;
		noise ^= noise << 17;
		ev.arg = noise; /* so that a chunk is more than the cap */
		ev.ts += i * 1001;
		ev.out_ns = ev.ts - i % 5;
		ev.wake_ns = 0;
		assert_int_equal(ft_writer_event(w, &ev), 0);
		if (i == 99)
			assert_int_equal(ft_writer_flush(w), 0);
	}
	dropped = put_totals(w);
	kept = ft_writer_events(w);
	assert_int_equal(kept, 100);
	assert_int_equal(kept + dropped, cnt);
	assert_int_equal(ft_writer_finish(w), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < (64 << 10) + 16384);
	r = reopen(path);
	assert_null(ft_reader_damage(r));
	assert_int_equal(ft_reader_event_cnt(r), kept);
	assert_int_equal(ft_reader_totals(r)->events_dropped, dropped);
	ft_reader_close(r);
	unlink(path);
}

/* The disk is full at any byte: finish() says so and nothing stays behind. */
static void test_disk_full(void **state)
{
	struct rlimit old, small;
	struct ft_session_info info;
	struct ft_totals totals;
	struct ft_writer_opts o = {0};
	struct ft_writer *w;
	struct ft_event ev;
	rlim_t limit;
	size_t i;
	int err = -1;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	o.path = in_dir("d.ftprof");
	make_info(&info);
	make_totals(&totals);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	for (limit = 1; err; limit += 37) {
		small = old;
		small.rlim_cur = limit;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
		err = ft_writer_open(&o, &w);
		if (!err) {
			ft_writer_info(w, &info);
			for (i = 0; i < EVENTS; i++) {
				ev = make_event(i);
				ft_writer_event(w, &ev);
			}
			ft_writer_flush(w);
			err = ft_writer_totals(w, &totals);
			assert_int_equal(ft_writer_events(w) + totals.events_dropped, EVENTS);
			err = ft_writer_finish(w);
		}
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
		assert_true(err == 0 || err == -EFBIG);
		assert_int_equal(entries(), err == 0);
		assert_true(limit < 100000);
	}
	assert_true(limit > 500);
	unlink(o.path);
}

static void test_json(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{",
		"null",
		"{\"start_ns\":1}",
		"{\"start_ns\":1,\"cpu_cnt\":2} x",
		"{\"start_ns\":\"1\",\"cpu_cnt\":2}",
		"{\"start_ns\":-1,\"cpu_cnt\":2}",
		"{\"start_ns\":1.5,\"cpu_cnt\":2}",
		"{\"start_ns\":null,\"cpu_cnt\":2}",
		"{\"start_ns\":1,\"cpu_cnt\":1025}",
		"{\"start_ns\":1,\"cpu_cnt\":2,\"engine\":3}",
		"{\"start_ns\":1,\"cpu_cnt\":2,\"gil\":4}",
		"{\"start_ns\":1,\"cpu_cnt\":2,\"end\":5}",
		"{\"start_ns\":1,\"cpu_cnt\":2,\"end_status\":3000000000}",
		"{\"start_ns\":1,\"cpu_cnt\":2,\"quota\":-1}",
		"{\"start_ns\":1,\"cpu_cnt\":2,\"quota\":NaN}",
		"{\"start_ns\":1,\"cpu_cnt\":2,\"has_events\":1}",
		"{\"start_ns\":1,\"cpu_cnt\":2,\"stack_hz\":1000001}",
		"{\"start_ns\":1,\"cpu_cnt\":2,\"native_frames\":\"\"}",
		"{\"start_ns\":1,\"cpu_cnt\":2,\"cut\":true}",
		"{\"start_ns\":1,\"cpu_cnt\":2,\"name\":7}",
		"{\"start_ns\":1,\"cpu_cnt\":2,\"name\":\"12345678901234567\"}",
		"{\"start_ns\":1,\"cpu_cnt\":2,\"name\":\"a\\u0000b\"}",
		"{\"start_ns\":1,\"cpu_cnt\":2,\"name\":\"\xff\"}",
		"{\"start_ns\":1,\"cpu_cnt\":2,\"cpus\":[2]}",
		"{\"start_ns\":1,\"cpu_cnt\":2,\"cpus\":[1,0]}",
		"{\"start_ns\":1,\"cpu_cnt\":2,\"cpus\":[0,0]}",
		"{\"start_ns\":1,\"cpu_cnt\":2,\"cpus\":[0,1,1]}",
		"{\"start_ns\":1,\"cpu_cnt\":2,\"cpus\":[\"0\"]}",
		"{\"start_ns\":1,\"cpu_cnt\":2,\"cpus\":{}}",
		"{\"start_ns\":1,\"cpu_cnt\":0,\"cpus\":[0]}",
		"{\"start_ns\":1,\"cpu_cnt\":2,\"x\":[[[[[[[[[[1]]]]]]]]]]}",
	};
	static const char good[] = "{\"start_ns\":1,\"cpu_cnt\":2,\"cpus\":[0,1],\"new\":[1]}";
	struct ft_session_info info, back;
	struct ft_text t = {0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (ft_info_from_json(bad[i], strlen(bad[i]), &info) != -EBADMSG)
			fail_msg("accepted: %s", bad[i]);
	}
	assert_int_equal(ft_info_from_json(good, strlen(good), &info), 0);
	assert_int_equal(info.cpus_cnt, 2);

	/* a name of the target's own making, and one that is not even terminated */
	make_info(&info);
	strcpy(info.name, "a\xff\x1b"
			  "b\xc3");
	memset(info.host, 'h', sizeof(info.host));
	assert_int_equal(ft_info_to_json(&info, &t), 0);
	assert_int_equal(ft_info_from_json(t.s, t.len, &back), 0);
	assert_string_equal(back.name, "a??b?");
	assert_int_equal(strlen(back.host), sizeof(back.host) - 1);
	ft_text_free(&t);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_empty_session),
		cmocka_unit_test(test_cut_anywhere),  cmocka_unit_test(test_flip_anywhere),
		cmocka_unit_test(test_refused_input), cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_bad_event),     cmocka_unit_test(test_output_rules),
		cmocka_unit_test(test_cap),	      cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
