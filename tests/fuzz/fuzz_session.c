/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Feeds bytes to the session reader, and what it takes for a session to what makes pages, traces
 * and tables of it: a libFuzzer target. With -DFT_FUZZ_MAIN, where there is no libFuzzer, it has a
 * main() that runs the files and directories that it is given, as a regression of a corpus, and
 * with --mutate N sessions of its own making, N in all: with random changes, or odd in themselves.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "base/fileio.h"
#include "base/units.h"
#include "export/page.h"
#include "export/trace.h"
#include "model/funcs.h"
#include "record/chunk.h"
#include "record/codec.h"
#include "record/findings_json.h"
#include "record/session.h"
#include "record/stacks_codec.h"
#include "view/report_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct limits {
	size_t threads;
	size_t nodes;
	__u32 cpus;
};

/* What the reader promises of every event. */
static int check_event(void *ctx, const struct ft_event *ev)
{
	const struct limits *l = ctx;

	if (!ft_event_valid(ev, (__u32)l->threads, l->cpus) ||
	    (ev->stack != FT_NO_STACK && ev->stack >= l->nodes))
		abort();
	return 0;
}

/* What the reader promises of the stacks. */
static void check_stacks(const struct ft_stacks *s)
{
	size_t i;

	for (i = 0; i < s->frame_cnt; i++) {
		const struct ft_frame *f = &s->frame[i];

		if (!*f->name || !ft_stacks_string_ok(f->name, strlen(f->name)) ||
		    !ft_stacks_string_ok(f->file, strlen(f->file)) || f->kind >= FT_FK_CNT ||
		    f->error > 1)
			abort();
	}
	for (i = 0; i < s->node_cnt; i++) {
		const struct ft_node *n = &s->node[i];

		if (n->frame >= s->frame_cnt || (n->parent != FT_NO_STACK && n->parent >= i))
			abort();
	}
	for (i = 0; i < s->weight_cnt; i++) {
		const struct ft_weight *w = &s->weight[i];

		if (!ft_stacks_kind_ok(w->kind) ||
		    (w->stack != FT_NO_STACK && w->stack >= s->node_cnt))
			abort();
	}
}

/* What the reader promises of findings: what the writer takes, with stacks that are there. */
static void check_findings(const struct ft_findings *f, size_t nodes)
{
	struct ft_text json = {0};
	size_t i;

	if (ft_findings_to_json(f, &json))
		abort();
	ft_text_free(&json);
	for (i = 0; i < f->gil_cnt; i++) {
		if (f->gil[i].stack != FT_NO_STACK && f->gil[i].stack >= nodes)
			abort();
	}
}

/* A model's figures as JSON. 0 or -errno. */
static int report_of(struct ft_reader *r, const struct ft_model *m, struct ft_text *json)
{
	struct ft_func_lists fn;
	int err = ft_func_lists_build(r, m, &fn);

	if (err)
		return err;
	err = ft_report_json(json, m, &fn);
	ft_func_lists_free(&fn);
	return err;
}

/* What is made of a stranger's session span by span: nothing that it says may harm us. */
static void export_all(struct ft_reader *r)
{
	static struct ft_sink sink;
	const struct ft_trace_opts all = {0}, part = {.from_ns = 100000, .to_ns = 5000000};
	const struct ft_page_opts page = {0};
	struct ft_text json = {0};
	struct ft_page_side side;
	struct ft_model m;
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		abort();
	if (ft_model_build(r, &m))
		goto out;
	ft_sink_init(&sink, fd);
	ft_export_csv(r, &m, &all, &sink);
	ft_sink_init(&sink, fd);
	ft_export_perfetto(r, &m, &all, &sink);
	ft_sink_init(&sink, fd);
	ft_export_perfetto(r, &m, &part, &sink);
	if (!report_of(r, &m, &json)) {
		side = (struct ft_page_side){.r = r, .m = &m, .path = "x", .report = json.s};
		ft_sink_init(&sink, fd);
		ft_export_page(&side, 1, &page, &sink);
	}
	ft_text_free(&json);
	ft_model_free(&m);
out:
	close(fd);
}

static void read_bytes(const uint8_t *data, size_t size)
{
	struct ft_reader *r = NULL;
	char path[64], err[256] = "";
	const struct ft_thread_rec *recs;
	struct limits l;
	size_t i;
	int fd;

	fd = memfd_create("session", MFD_CLOEXEC);
	if (fd < 0 || ft_write_all(fd, data, size))
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (ft_reader_open(path, &r, err, sizeof(err))) {
		if (!err[0] || strchr(err, '\n'))
			abort();
		goto out;
	}
	recs = ft_reader_threads(r, &l.threads);
	for (i = 0; i < l.threads; i++) {
		if (!memchr(recs[i].name, 0, sizeof(recs[i].name)))
			abort();
	}
	check_stacks(ft_reader_stacks(r));
	l.nodes = ft_reader_stacks(r)->node_cnt;
	check_findings(ft_reader_findings(r), l.nodes);
	l.cpus = ft_reader_info(r)->cpu_cnt;
	ft_reader_events(r, 0, ~0ull, check_event, &l);
	ft_reader_events(r, ~0ull / 2, ~0ull, check_event, &l);
	export_all(r);
out:
	ft_reader_close(r);
	close(fd);
}

/*
 * A checksum stops nearly every change of a fuzzer, so the bytes are tried a second time with all
 * checksums made right: what lies behind them must stand by itself.
 */
static void seal(uint8_t *p, size_t size)
{
	struct ft_file_hdr f;
	struct ft_chunk_hdr h;
	size_t off;

	if (size < sizeof(f))
		return;
	memcpy(&f, p, sizeof(f));
	memcpy(f.magic, FT_FILE_MAGIC, sizeof(f.magic));
	f.crc = (__u32)crc32(0, (const Bytef *)&f, offsetof(struct ft_file_hdr, crc));
	memcpy(p, &f, sizeof(f));
	for (off = sizeof(f); size - off >= sizeof(h); off += sizeof(h) + h.len) {
		memcpy(&h, p + off, sizeof(h));
		if (h.len > size - off - sizeof(h))
			h.len = (__u32)(size - off - sizeof(h));
		h.magic = FT_CHUNK_MAGIC;
		h.payload_crc = (__u32)crc32(0, p + off + sizeof(h), h.len);
		h.hdr_crc =
			(__u32)crc32(0, (const Bytef *)&h, offsetof(struct ft_chunk_hdr, hdr_crc));
		memcpy(p + off, &h, sizeof(h));
	}
}

/* The codec alone, without zstd in front of it. */
static void decode_bytes(const uint8_t *data, size_t size)
{
	static struct ft_event ev[FT_CODEC_MAX_EVENTS];
	size_t cnt, i;
	struct ft_codec *c;

	if (size < 2 || ft_codec_new(&c))
		return;
	cnt = (data[0] | (size_t)data[1] << 8) % (FT_CODEC_MAX_EVENTS + 1);
	if (!ft_codec_decode(c, data + 2, size - 2, ev, cnt)) {
		for (i = 0; i < cnt; i++) {
			if (!ft_event_valid(&ev[i], FT_NO_THREAD, FT_MAX_CPUS))
				abort();
		}
	}
	ft_codec_free(c);
}

/* The same of stacks: three payloads, each with its type, first number and count. */
static void decode_stacks(const uint8_t *data, size_t size)
{
	struct ft_stacks_dec d = {0};
	size_t n, first, cnt, len;

	for (n = 0; n < 3 && size >= 4; n++) {
		first = data[1] & 15u;
		cnt = data[2];
		len = data[3] < size - 4 ? data[3] : size - 4;
		if (data[0] % 3 == 0 && n == 0)
			ft_stacks_get_frames(&d, first, cnt, data + 4, len);
		else if (data[0] % 3 <= 1 && n <= 1)
			ft_stacks_get_nodes(&d, first, cnt, data + 4, len);
		else
			ft_stacks_get_weights(&d, cnt, data + 4, len);
		data += 4 + len;
		size -= 4 + len;
	}
	check_stacks(&d.s);
	ft_stacks_dec_free(&d);
}

static void decode_findings(const uint8_t *data, size_t size)
{
	struct ft_findings f;

	if (!ft_findings_from_json((const char *)data, size, &f))
		check_findings(&f, ~(size_t)0);
	ft_findings_free(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	read_bytes(data, size);
	decode_bytes(data, size);
	decode_stacks(data, size);
	decode_findings(data, size);
	copy = malloc(size + 1);
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	seal(copy, size);
	read_bytes(copy, size);
	free(copy);
	return 0;
}

#ifdef FT_FUZZ_MAIN
#define MAX_FILE_BYTES (16u << 20)

static int run_file(const char *path)
{
	char *s;
	size_t len;
	int err;

	err = ft_read_file(path, MAX_FILE_BYTES, &s, &len);
	if (err) {
		fprintf(stderr, "%s: %s\n", path, strerror(-err));
		return err;
	}
	LLVMFuzzerTestOneInput((const uint8_t *)s, len);
	free(s);
	return 0;
}

static int run_path(const char *path, long *cnt)
{
	struct dirent *e;
	char file[4096];
	int err = 0;
	DIR *d = opendir(path);

	if (!d) {
		++*cnt;
		return run_file(path);
	}
	while (!err && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		if ((size_t)snprintf(file, sizeof(file), "%s/%s", path, e->d_name) >= sizeof(file))
			err = -ENAMETOOLONG;
		else
			err = run_path(file, cnt);
	}
	closedir(d);
	return err;
}

static uint64_t rnd(void)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

#define STACKS 60
#define THREADS 5

/* Frames, nodes and weights that grow with every call. */
static void put_stacks(struct ft_writer *w, unsigned int part)
{
	static const char *const names[] = {"main", "caf\xc3\xa9;<b>", "C.run", "epoll_wait"};
	static struct ft_frame frame[STACKS];
	static struct ft_node node[STACKS];
	static struct ft_weight weight[STACKS];
	struct ft_stacks s = {frame, part * 20, node, part * 20, weight, part * 20};
	unsigned int i;

	for (i = part * 20 - 20; i < part * 20; i++) {
		frame[i] = (struct ft_frame){.name = names[rnd() % 4], .file = i % 5 ? "a.py" : ""};
		frame[i].line = i;
		frame[i].kind = (__u8)(rnd() % FT_FK_CNT);
		node[i].frame = i;
		node[i].parent = i % 7 ? (__u32)(rnd() % i) : FT_NO_STACK;
		weight[i] = (struct ft_weight){.stack = i, .kind = (__u8)(i % FT_ST_CNT)};
		weight[i].ns = rnd() >> rnd() % 64;
		weight[i].raw_ns = weight[i].ns / 3;
		weight[i].cnt = rnd() % 1000;
	}
	ft_writer_stacks(w, &s);
}

static void put_findings(struct ft_writer *w)
{
	static struct ft_lock_rec lock[2] = {{.id = 1, .kind = FT_LK_OBJECT, .name = "list"},
					     {.id = 2, .kind = FT_LK_RUNTIME, .name = "<lock>"}};
	static struct ft_pause_rec pause = {.id = 1, .cause = FT_PC_GC, .cnt = 7};
	static struct ft_ext_rec ext = {.module = "x", .path = "/x.so", .gil = FT_EG_USED};
	static struct ft_gil_rec gil = {.ts_ns = 2000, .state = FT_GIL_OFF, .stack = 7};
	static struct ft_memory_rec memory[2] = {{2000, 4096}, {3000, 8192}};
	static struct ft_pmu_rec pmu = {.tid = 7, .cycles = 1000000};
	struct ft_findings f = {.pmu_ok = true, .pmu_why = "", .pause_hist = {7, 0, 11}};

	f.lock = lock;
	f.lock_cnt = 2;
	f.pause = &pause;
	f.pause_cnt = 1;
	f.ext = &ext;
	f.ext_cnt = 1;
	f.gil = &gil;
	f.gil_cnt = 1;
	f.memory = memory;
	f.memory_cnt = 2;
	f.pmu = &pmu;
	f.pmu_cnt = 1;
	ft_writer_findings(w, &f);
}

/* A time: as a rule in the session, or anywhere. */
static uint64_t odd(uint64_t ns, bool wild)
{
	return !wild || rnd() % 4 ? ns : rnd() % 2 ? ~0ull - rnd() % 4096 : rnd() >> rnd() % 64;
}

static void make_event(struct ft_event *ev, uint64_t ts, uint32_t *seq, bool wild)
{
	*ev = (struct ft_event){.waker = FT_NO_THREAD, .ts = odd(ts, wild)};
	ev->type = (__u8)(1 + rnd() % FT_EV_FORK);
	ev->cpu = (__u16)(rnd() % 4);
	ev->thr = (__u32)(rnd() % THREADS);
	ev->state = (__u8)(rnd() % (ev->type == FT_EV_SLICE ? FT_ST_CNT : FT_ON_CNT));
	ev->stack = rnd() % 3 ? (__u32)(rnd() % STACKS) : FT_NO_STACK;
	if (ev->type == FT_EV_SLICE) {
		ev->out_ns = ev->ts - odd(rnd() % 200000, wild) % (ev->ts | 1);
		ev->wake_ns = rnd() % 2 ? ev->ts : 0;
		ev->flags = (__u8)(rnd() & FT_SF_HELD);
		ev->arg = rnd() % 8;
	} else if (ev->type == FT_EV_CPU) {
		ev->wake_ns = ev->ts - odd(100000, wild) % (ev->ts | 1);
		ev->out_ns = (ev->ts - ev->wake_ns) / (1 + rnd() % 4);
	}
	if (ev->type == FT_EV_SLICE || ev->type == FT_EV_EXIT)
		ev->seq = seq[ev->thr];
	if (ev->type == FT_EV_SLICE)
		seq[ev->thr] += 1 + !(rnd() % 16);
}

static void put_threads(struct ft_writer *w, const struct ft_session_info *info, uint64_t end,
			const uint32_t *seq, bool wild)
{
	static struct ft_thread_rec recs[THREADS];
	unsigned int i;

	memset(recs, 0, sizeof(recs));
	for (i = 0; i < THREADS; i++) {
		struct ft_thread *t = &recs[i].t;

		snprintf(recs[i].name, sizeof(recs[i].name), "=<b>\"\x9b\n%u", i);
		t->tid = i % 3 ? 7 + i : (__u32)odd(7, wild);
		t->start_ns = odd(info->start_ns, wild);
		t->since_ns = odd(end, wild);
		t->state = (__u8)(rnd() % FT_ST_CNT);
		t->seq = seq[i];
		for (int k = 0; k < FT_ST_CNT; k++)
			t->state_ns[k] = odd(rnd() % 1000000, wild);
		t->tick_cnt[rnd() % FT_ON_CNT] = odd(rnd() % 1000, wild);
	}
	ft_writer_threads(w, recs, THREADS);
}

/*
 * A small session with every type of chunk and event, uncompressed enough to be worth changing;
 * wild: with times and sums that contradict each other.
 */
static int make_session(const char *path, bool wild)
{
	struct ft_writer_opts o = {.path = path, .force = true};
	struct ft_session_info info = {.cpu_cnt = 4, .start_ns = 1000, .name = "python3"};
	static struct ft_totals totals;
	uint32_t seq[THREADS] = {0};
	struct ft_writer *w;
	uint64_t ts = 2000;
	int err, i;

	err = ft_writer_open(&o, &w);
	if (err)
		return err;
	info.has_events = true;
	info.tick_hz = wild && rnd() % 2 ? (__u32)rnd() : 499;
	info.stack_hz = wild && rnd() % 2 ? (__u32)rnd() : 199;
	info.gil = (__u32)(rnd() % 3);
	info.start_ns = odd(info.start_ns, wild);
	ft_writer_info(w, &info);
	for (i = 0; i < 300; i++) {
		struct ft_event ev;

		ts += rnd() % 100000;
		make_event(&ev, ts, seq, wild);
		ft_writer_event(w, &ev);
		if (i % 100 == 99) {
			put_stacks(w, (unsigned int)i / 100 + 1);
			ft_writer_flush(w);
		}
	}
	put_findings(w);
	totals.end_ns = odd(ts, wild);
	if (totals.end_ns < info.start_ns)
		totals.end_ns = ~0ull;
	put_threads(w, &info, totals.end_ns, seq, wild);
	ft_writer_totals(w, &totals);
	return ft_writer_finish(w);
}

/* Makes a session; its bytes are malloc'ed. */
static int make_bytes(bool wild, char **s, size_t *len)
{
	char path[] = "/tmp/ft-fuzz-XXXXXX";
	int fd = mkstemp(path), err;

	if (fd < 0)
		return -errno;
	close(fd);
	err = make_session(path, wild);
	if (!err)
		err = ft_read_file(path, MAX_FILE_BYTES, s, len);
	unlink(path);
	return err;
}

/* One of two rounds changes the bytes of a session, the other makes one that is odd in itself. */
static int mutate(long rounds)
{
	char *s = NULL, *own;
	uint8_t *copy = NULL;
	size_t len = 0, own_len, n;
	int err, k;
	long i;

	err = make_bytes(false, &s, &len);
	if (!err) {
		copy = malloc(len);
		if (!copy)
			err = -ENOMEM;
	}
	for (i = 0; i < rounds && !err; i++) {
		if (i % 2) {
			err = make_bytes(true, &own, &own_len);
			if (err)
				break;
			LLVMFuzzerTestOneInput((const uint8_t *)own, own_len);
			free(own);
			continue;
		}
		memcpy(copy, s, len);
		for (k = (int)(rnd() % 8); k >= 0; k--)
			copy[rnd() % len] = (uint8_t)(rnd() % 4 ? rnd() : 0xff * (rnd() & 1));
		n = rnd() % 4 ? len : rnd() % len;
		LLVMFuzzerTestOneInput(copy, n);
	}
	free(copy);
	free(s);
	return err;
}

int main(int argc, char **argv)
{
	long cnt = 0, rounds;
	int i, err = 0;

	if (argc == 3 && !strcmp(argv[1], "--mutate")) {
		if (ft_parse_long(argv[2], 1, 1000000000, &rounds)) {
			fprintf(stderr, "not a count: %s\n", argv[2]);
			return 2;
		}
		err = mutate(rounds);
		cnt = rounds;
	} else {
		for (i = 1; i < argc && !err; i++)
			err = run_path(argv[i], &cnt);
	}
	printf("%ld inputs\n", cnt);
	return err ? 1 : 0;
}
#endif
