/* SPDX-License-Identifier: BSD-2-Clause */
/* A session of made-up threads, and the page of it, for tests. */
#ifndef FT_TESTS_PAGE_SESSION_H
#define FT_TESTS_PAGE_SESSION_H

#include "page_read.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <unistd.h>

#include "../tools/session_world.h"
#include "base/fileio.h"
#include "export/page.h"
#include "model/model.h"

#define THREADS 5u

static char dir[] = "/tmp/ft-page-XXXXXX";
static char path[64], html_path[64];

static inline int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/s.ftprof", dir);
	snprintf(html_path, sizeof(html_path), "%s/p.html", dir);
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	unlink(path);
	unlink(html_path);
	return rmdir(dir);
}

struct made {
	__u32 threads, rounds;
	bool events, odd_names;
};

/* Threads with a core each and one turn after another, of every state there is. */
static inline void turns(struct world *w, const struct made *m)
{
	static const __u8 states[] = {FT_ST_GIL_WAIT,  FT_ST_GIL_SWITCH, FT_ST_LOCK_WAIT,
				      FT_ST_SYNC_WAIT, FT_ST_STW,	 FT_ST_RUNQ,
				      FT_ST_BLOCKED,   FT_ST_FAULT,	 FT_ST_STOPPED};
	__u64 end = START;

	for (__u32 k = 0; k < m->threads; k++) {
		__u64 at = START + 100 + rnd(w, 5 * US);

		appear(w, k, at, FT_ST_ON, (__u16)k, false);
		for (__u32 i = 0; i < m->rounds; i++) {
			struct away a = {.thr = k, .cpu = (__u16)k, .waker = FT_NO_THREAD};

			a.state = states[rnd(w, 9)];
			a.out = at + 1 + rnd(w, rnd(w, 5) ? 50 * US : 5 * MS);
			a.ts = a.out + 1 + rnd(w, rnd(w, 5) ? 50 * US : 5 * MS);
			a.wake = rnd(w, 4) ? a.out + rnd(w, a.ts - a.out + 1) : 0;
			a.arg = a.state == FT_ST_BLOCKED ? 232 : rnd(w, 2) ? LOCK_A : LOCK_B;
			a.waker = rnd(w, 2) ? (__u32)rnd(w, m->threads) : FT_NO_THREAD;
			a.stack = rnd(w, 2) ? some_stack(w, k) : FT_NO_STACK;
			a.flags = rnd(w, 8) ? 0 : FT_SF_HELD;
			ticks(w, k, a.out, (__u8)rnd(w, 3));
			away(w, &a);
			at = a.ts;
		}
		end = at > end ? at : end;
	}
	w->tot->end_ns = end + 10 * US;
	for (__u32 k = 0; k < m->threads; k++)
		stay(w, k, 0, 0, w->tot->end_ns);
}

static inline void make_session(const struct made *m)
{
	struct ft_writer_opts opts = {.path = path, .force = true};
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->seed = 88172645463325252ull;
	w->thr_cnt = m->threads;
	w->info = calloc(1, sizeof(*w->info));
	w->tot = calloc(1, sizeof(*w->tot));
	w->rec = calloc(m->threads + 1, sizeof(*w->rec));
	w->thr = calloc(m->threads + 1, sizeof(*w->thr));
	assert_true(w->info && w->tot && w->rec && w->thr);
	assert_int_equal(ft_writer_open(&opts, &w->w), 0);
	make_stacks(w);
	w->info->start_ns = START;
	w->info->cpus_cnt = 8;
	w->info->cpu_cnt = 512;
	for (__u16 i = 0; i < 8; i++)
		w->info->cpus[i] = i;
	w->info->tick_hz = 499;
	w->info->stack_hz = 199;
	w->info->has_events = m->events;
	w->info->pid = 4321;
	w->info->gil = FT_GIL_ON;
	snprintf(w->info->python, sizeof(w->info->python), "3.14.6");
	snprintf(w->info->name, sizeof(w->info->name), m->odd_names ? "</title><b>" : "made.py");
	snprintf(w->info->cmdline, sizeof(w->info->cmdline), "python3 </script><b> \x01\xff");
	for (__u32 i = 0; i < m->threads; i++)
		snprintf(w->rec[i].name, sizeof(w->rec[i].name), "%s%u",
			 m->odd_names ? "</script>\xff\x01\"" : "t", i);
	for (__u32 i = 0; m->odd_names && i < FRAMES; i++) {
		snprintf(w->name[i], sizeof(w->name[i]), "</script><!--%u\"\\", i);
		w->frame[i].file = "]]>\xe2\x80\xa8</script>";
	}
	turns(w, m);
	sum_edges(w);
	assert_int_equal(w->err, 0);
	assert_int_equal(ft_writer_info(w->w, w->info), 0);
	assert_int_equal(ft_writer_threads(w->w, w->rec, w->thr_cnt), 0);
	assert_int_equal(put_stacks(w), 0);
	assert_int_equal(put_locks(w), 0);
	assert_int_equal(ft_writer_totals(w->w, w->tot), 0);
	assert_int_equal(ft_writer_finish(w->w), 0);
	free(w->edge);
	free(w->thr);
	free(w->rec);
	free(w->tot);
	free(w->info);
	free(w);
}

struct opened {
	struct ft_reader *r;
	struct ft_model m;
};

static inline void open_session(struct opened *s)
{
	char err[256] = "";

	if (ft_reader_open(path, &s->r, err, sizeof(err)))
		fail_msg("%s", err);
	assert_int_equal(ft_model_build(s->r, &s->m), 0);
}

static inline void close_session(struct opened *s)
{
	ft_model_free(&s->m);
	ft_reader_close(s->r);
}

/* Writes the page of s (twice: of two sides). What ft_export_page() returned. */
static inline int write_page(const struct opened *s, int cnt, const struct ft_page_opts *o)
{
	const struct ft_page_side side = {
		.r = s->r, .m = &s->m, .path = "a</script>b", .report = "{\"a\":\"</script>\"}"};
	struct ft_page_side both[2] = {side, side};
	static struct ft_sink out;
	int fd = open(html_path, O_WRONLY | O_CREAT | O_TRUNC, 0600), err;

	assert_true(fd >= 0);
	ft_sink_init(&out, fd);
	err = ft_export_page(both, cnt, o, &out);
	close(fd);
	return err;
}

/* A page as it is read again. */
struct page {
	char *html;
	size_t len;
	struct json_object *root;
};

static inline const char *script(const char *html, const char *id, size_t *len)
{
	const char *s = strstr(html, id), *end;

	assert_non_null(s);
	s = strchr(s, '>') + 1;
	end = strstr(s, "</script>");
	assert_non_null(end);
	*len = (size_t)(end - s);
	return s;
}

static inline void read_page(struct page *p)
{
	const char *s;
	char *json;
	size_t len;

	assert_int_equal(ft_read_file(html_path, 64 << 20, &p->html, &p->len), 0);
	assert_int_equal(strlen(p->html), p->len);
	s = script(p->html, "id=\"data\"", &len);
	json = strndup(s, len);
	p->root = json_tokener_parse(json);
	free(json);
	assert_non_null(p->root);
}

static inline void free_page(struct page *p)
{
	json_object_put(p->root);
	free(p->html);
}

static inline struct json_object *side_of(const struct page *p, int no)
{
	return json_object_array_get_idx(json_object_object_get(p->root, "sides"), (size_t)no);
}

/* The blob of a side by its place among them; the caller frees it. */
static inline __u8 *blob_of(const struct page *p, int no, int which, size_t *len)
{
	struct json_object *names = json_object_object_get(side_of(p, no), "blobs");
	char id[64];
	const char *s;

	snprintf(id, sizeof(id), "id=\"%s\"",
		 json_object_get_string(json_object_array_get_idx(names, (size_t)which)));
	s = script(p->html, id, len);
	return from_blob(s, *len, len);
}

static inline __s64 number_of(struct json_object *o, const char *key)
{
	return json_object_get_int64(json_object_object_get(o, key));
}

#endif
