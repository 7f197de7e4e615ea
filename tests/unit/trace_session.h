/* SPDX-License-Identifier: BSD-2-Clause */
/* Small sessions for the tests of formats that are written span by span. */
#ifndef FT_TESTS_TRACE_SESSION_H
#define FT_TESTS_TRACE_SESSION_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "export/trace.h"

#define T0 1000000000ull

static inline struct ft_event slice(__u32 thr, __u32 seq, __u64 out, __u64 wake, __u64 ts,
				    __u16 cpu, __u8 state)
{
	return (struct ft_event){.type = FT_EV_SLICE,
				 .thr = thr,
				 .seq = seq,
				 .out_ns = T0 + out,
				 .wake_ns = wake ? T0 + wake : 0,
				 .ts = T0 + ts,
				 .cpu = cpu,
				 .state = state,
				 .waker = FT_NO_THREAD,
				 .stack = FT_NO_STACK};
}

static inline struct ft_event start(__u32 thr, __u64 ts, __u8 state, __u16 cpu)
{
	return (struct ft_event){.type = FT_EV_START,
				 .thr = thr,
				 .ts = T0 + ts,
				 .cpu = cpu,
				 .state = state,
				 .waker = FT_NO_THREAD,
				 .stack = FT_NO_STACK};
}

/* Writes the events as a session of end_ns, exports it and gives the bytes. 0 or the error. */
static inline int export_session(const struct ft_event *ev, size_t cnt,
				 const struct ft_thread_rec *recs, size_t rec_cnt,
				 const struct ft_findings *found, __u64 end_ns, bool csv,
				 char **bytes, size_t *len)
{
	struct ft_session_info *info = calloc(1, sizeof(*info));
	struct ft_totals *tot = calloc(1, sizeof(*tot));
	struct ft_sink *sink = calloc(1, sizeof(*sink));
	char path[] = "/tmp/ft-trace-XXXXXX", why[512];
	struct ft_writer_opts o = {.path = path, .force = true};
	struct ft_trace_opts whole = {0};
	struct ft_reader *r = NULL;
	struct ft_writer *w;
	struct ft_model m;
	int fd = mkstemp(path), err;

	assert_true(info && tot && sink && fd >= 0);
	close(fd);
	strcpy(info->name, "app");
	strcpy(info->cmdline, "python app.py");
	info->start_ns = T0;
	info->cpu_cnt = 4;
	info->pid = 100;
	info->gil = FT_GIL_ON;
	info->has_events = true;
	tot->end_ns = T0 + end_ns;
	assert_int_equal(ft_writer_open(&o, &w), 0);
	assert_int_equal(ft_writer_info(w, info), 0);
	for (size_t i = 0; i < cnt; i++)
		assert_int_equal(ft_writer_event(w, &ev[i]), 0);
	assert_int_equal(ft_writer_threads(w, recs, rec_cnt), 0);
	if (found)
		assert_int_equal(ft_writer_findings(w, found), 0);
	assert_int_equal(ft_writer_totals(w, tot), 0);
	assert_int_equal(ft_writer_finish(w), 0);
	assert_int_equal(ft_reader_open(path, &r, why, sizeof(why)), 0);
	assert_int_equal(ft_model_build(r, &m), 0);
	fd = memfd_create("trace", MFD_CLOEXEC);
	assert_true(fd >= 0);
	ft_sink_init(sink, fd);
	err = csv ? ft_export_csv(r, &m, &whole, sink) : ft_export_perfetto(r, &m, &whole, sink);
	*len = (size_t)sink->bytes;
	*bytes = calloc(1, *len + 1);
	assert_non_null(*bytes);
	assert_int_equal(pread(fd, *bytes, *len, 0), err ? 0 : *len);
	close(fd);
	ft_model_free(&m);
	ft_reader_close(r);
	unlink(path);
	free(sink);
	free(tot);
	free(info);
	return err;
}

#endif
