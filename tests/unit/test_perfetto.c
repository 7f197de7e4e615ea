/* SPDX-License-Identifier: BSD-2-Clause */
/* Perfetto traces: the switches of each core chain up, whatever the events are like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <perfetto.pb-c.h>
#include <zlib.h>

#include "trace_session.h"

#define CORES 2
#define THREADS 4
#define RAW (8u << 20)

struct sw {
	__u64 ts;
	size_t at; /* in the file */
	uint32_t cpu;
	int prev, next;
	long long state;
};

struct seen {
	struct sw *sw;
	size_t sw_cnt;
	__u64 elsewhere; /* time on no core that is known */
	size_t lost, flows_out, flows_in;
	uint64_t place; /* iid of the name of that */
	uint64_t lost_name;
	int tid[16];
	size_t tid_cnt;
	char name[16][64];
	long balance; /* slices begun and not ended */
};

static void see_names(struct seen *s, const Ft__Perfetto__InternedData *d)
{
	for (size_t i = 0; d && i < d->n_event_names; i++) {
		if (!strcmp(d->event_names[i]->name, "on some core"))
			s->place = d->event_names[i]->iid;
		if (!strcmp(d->event_names[i]->name, "events lost"))
			s->lost_name = d->event_names[i]->iid;
	}
}

static void see(struct seen *s, const Ft__Perfetto__TracePacket *p)
{
	const Ft__Perfetto__TrackEvent *ev = p->track_event;
	static __u64 begun;
	static bool inside;

	see_names(s, p->interned_data);
	for (size_t i = 0; p->process_tree && i < p->process_tree->n_threads; i++) {
		assert_true(s->tid_cnt < 16);
		snprintf(s->name[s->tid_cnt], sizeof(s->name[0]), "%s",
			 p->process_tree->threads[i]->name);
		s->tid[s->tid_cnt++] = p->process_tree->threads[i]->tid;
	}
	for (size_t i = 0; p->ftrace_events && i < p->ftrace_events->n_event; i++) {
		const Ft__Perfetto__FtraceEvent *e = p->ftrace_events->event[i];

		if (!e->sched_switch)
			continue;
		s->sw[s->sw_cnt] = (struct sw){.ts = e->timestamp,
					       .at = s->sw_cnt,
					       .cpu = p->ftrace_events->cpu,
					       .prev = e->sched_switch->prev_pid,
					       .next = e->sched_switch->next_pid,
					       .state = e->sched_switch->prev_state};
		s->sw_cnt++;
	}
	if (!ev)
		return;
	s->flows_out += ev->n_flow_ids;
	s->flows_in += ev->n_terminating_flow_ids;
	s->balance += ev->type == 1 ? 1 : ev->type == 2 ? -1 : 0;
	s->lost += ev->type == 1 && ev->name_iid == s->lost_name;
	/* such a slice is written at once: its end is the next packet */
	if (inside && ev->type == 2)
		s->elsewhere += p->timestamp - begun;
	inside = ev->type == 1 && s->place && ev->name_iid == s->place;
	begun = p->timestamp;
}

static void decode(struct seen *s, const char *bytes, size_t len)
{
	Ft__Perfetto__Trace *outer, *inner;
	uint8_t *raw = malloc(RAW);
	uLongf n;

	memset(s, 0, sizeof(*s));
	s->sw = calloc(100000, sizeof(*s->sw));
	assert_true(raw && s->sw);
	outer = ft__perfetto__trace__unpack(NULL, len, (const uint8_t *)bytes);
	assert_non_null(outer);
	for (size_t i = 0; i < outer->n_packet; i++) {
		const ProtobufCBinaryData *z = &outer->packet[i]->compressed_packets;

		n = RAW;
		assert_int_equal(uncompress(raw, &n, z->data, z->len), Z_OK);
		inner = ft__perfetto__trace__unpack(NULL, n, raw);
		assert_non_null(inner);
		for (size_t k = 0; k < inner->n_packet; k++)
			see(s, inner->packet[k]);
		ft__perfetto__trace__free_unpacked(inner, NULL);
	}
	ft__perfetto__trace__free_unpacked(outer, NULL);
	free(raw);
	assert_int_equal(s->balance, 0);
}

/* As its readers sort: by time, and what is of one time as it stands in the file. */
static int by_core_and_time(const void *a, const void *b)
{
	const struct sw *x = a, *y = b;

	if (x->cpu != y->cpu)
		return x->cpu < y->cpu ? -1 : 1;
	if (x->ts != y->ts)
		return x->ts < y->ts ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* Who leaves a core is who came last. on[]: what each tid ran. */
static void check_chain(struct seen *s, const int *tid, __u64 *on, size_t cnt)
{
	__u64 since = 0;
	int there = 0;

	qsort(s->sw, s->sw_cnt, sizeof(*s->sw), by_core_and_time);
	for (size_t i = 0; i < s->sw_cnt; i++) {
		const struct sw *w = &s->sw[i];

		if (!i || w->cpu != s->sw[i - 1].cpu) {
			there = 0;
			since = w->ts;
		}
		if (w->prev != there)
			print_message("core %u at %llu: %d leaves, %d was there\n", w->cpu,
				      (unsigned long long)(w->ts - T0), w->prev, there);
		assert_int_equal(w->prev, there);
		assert_int_not_equal(w->prev, w->next);
		for (size_t k = 0; k < cnt; k++)
			if (there && tid[k] == there)
				on[k] += w->ts - since;
		there = w->next;
		since = w->ts;
	}
	assert_int_equal(there, 0);
}

static void make_recs(struct ft_thread_rec *r, const __u32 *seq, __u64 end)
{
	memset(r, 0, THREADS * sizeof(*r));
	for (__u32 i = 0; i < THREADS; i++) {
		r[i].t.tid = 100 + i;
		r[i].t.start_ns = T0;
		r[i].t.since_ns = T0 + end;
		r[i].t.state = FT_ST_ON;
		r[i].t.seq = seq[i];
		snprintf(r[i].name, sizeof(r[i].name), "t%u", i);
	}
	r[3].t.tid = 101; /* used again */
	strcpy(r[2].name, "x\xff\n\xe2\x80\xae");
}

/* A leaves at 100 and comes back at 900; B comes at 100 and leaves at 300, C at 300, A at 900. */
static void test_direct_switches(void **state)
{
	const struct ft_event ev[] = {
		start(0, 0, FT_ST_RUNQ, 0),
		start(1, 0, FT_ST_GIL_WAIT, 0),
		start(2, 0, FT_ST_BLOCKED, 0),
		slice(0, 0, 0, 0, 10, 0, FT_ST_RUNQ),
		slice(1, 0, 0, 90, 100, 0, FT_ST_GIL_WAIT),
		slice(2, 0, 0, 250, 300, 0, FT_ST_BLOCKED),
		slice(0, 1, 100, 700, 900, 0, FT_ST_BLOCKED),
		slice(1, 1, 300, 0, 950, 1, FT_ST_RUNQ),
	};
	static const __u32 seq[THREADS] = {2, 2, 1, 0};
	static const int tid[] = {100, 101, 102};
	struct ft_thread_rec recs[THREADS];
	__u64 on[3] = {0};
	struct seen s;
	char *bytes;
	size_t len;

	(void)state;
	make_recs(recs, seq, 1000);
	recs[2].t.state = FT_ST_BLOCKED;
	recs[2].t.state_ns[FT_ST_ON] = 500;
	recs[3].t.since_ns = recs[3].t.start_ns;
	assert_int_equal(export_session(ev, 8, recs, THREADS, NULL, 1000, false, &bytes, &len), 0);
	decode(&s, bytes, len);
	check_chain(&s, tid, on, 3);
	assert_int_equal(on[0], 90 + 100);
	assert_int_equal(on[1], 200 + 50);
	assert_int_equal(on[2], 500);
	/* 0->A, A->B, B->C, C->0, 0->A, A->0 on core 0; 0->B, B->0 on core 1 */
	assert_int_equal(s.sw_cnt, 8);
	assert_int_equal(s.sw[1].prev, 100);
	assert_int_equal(s.sw[1].next, 101);
	assert_int_equal(s.sw[1].state, 1);
	assert_int_equal(s.sw[2].state, 0);
	assert_int_equal(s.elsewhere, 0);
	assert_int_equal(s.tid_cnt, THREADS);
	assert_int_equal(s.tid[3], 4194304 + 3);
	assert_string_equal(s.name[2], "x\\xff\\n\\u202e");
	free(s.sw);
	free(bytes);
}

static __u64 rnd(__u64 *seed, __u64 below)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (*seed >> 33) % below;
}

/* Any events that a file can hold: moves that were not told, cores with two threads, gaps. */
static void test_any_events(void **state)
{
	static const int tid[THREADS] = {100, 101, 102, 4194304 + 3};
	static struct ft_event ev[600];
	struct ft_thread_rec recs[THREADS];
	__u32 seq[THREADS];
	struct seen s;
	char *bytes;
	size_t len;

	(void)state;
	for (__u64 round = 1; round <= 150; round++) {
		__u64 seed = round, at[THREADS] = {0}, now = 0, on[THREADS] = {0}, sum = 0;
		size_t cnt = 0;

		memset(seq, 0, sizeof(seq));
		for (__u32 i = 0; i < THREADS; i++)
			ev[cnt++] = start(i, 0, FT_ST_ON, (__u16)rnd(&seed, CORES));
		while (cnt < 100 + round) {
			__u32 thr = (__u32)rnd(&seed, THREADS);
			__u64 out, wake;

			now += rnd(&seed, 3) * 5;
			out = at[thr] + (rnd(&seed, 3) ? now - at[thr] : rnd(&seed, 50));
			out = out > now ? now : out;
			wake = rnd(&seed, 2) ? out + rnd(&seed, now - out + 1) : 0;
			if (!rnd(&seed, 8)) {
				ev[cnt] = start(thr, now, (__u8)rnd(&seed, 3),
						(__u16)rnd(&seed, CORES));
				ev[cnt++].type = FT_EV_TICK;
				continue;
			}
			seq[thr] += !rnd(&seed, 20);
			ev[cnt] = slice(thr, seq[thr]++, out, wake, now, (__u16)rnd(&seed, CORES),
					(__u8)(1 + rnd(&seed, 9)));
			ev[cnt].waker = (__u32)rnd(&seed, THREADS);
			ev[cnt++].flags = (__u8)rnd(&seed, 16);
			at[thr] = now;
		}
		make_recs(recs, seq, now + 20);
		assert_int_equal(
			export_session(ev, cnt, recs, THREADS, NULL, now + 20, false, &bytes, &len),
			0);
		decode(&s, bytes, len);
		check_chain(&s, tid, on, THREADS);
		assert_int_equal(s.flows_out, s.flows_in);
		for (__u32 i = 0; i < THREADS; i++)
			sum += on[i];
		free(bytes);
		/* the table has the same spans: what ran there ran here */
		assert_int_equal(
			export_session(ev, cnt, recs, THREADS, NULL, now + 20, true, &bytes, &len),
			0);
		for (char *line = strtok(bytes, "\r\n"); line; line = strtok(NULL, "\r\n")) {
			unsigned long long from, to, ns;

			if (sscanf(line, "%llu,%llu,%llu", &from, &to, &ns) == 3 &&
			    strstr(line, ",on,"))
				sum -= ns;
		}
		assert_int_equal(sum + s.elsewhere, 0);
		free(bytes);
		free(s.sw);
	}
}

static void test_none(void **state)
{
	static const __u32 seq[THREADS];
	struct ft_thread_rec recs[THREADS];
	char *bytes;
	size_t len;

	(void)state;
	make_recs(recs, seq, 10);
	assert_int_equal(export_session(NULL, 0, recs, THREADS, NULL, 10, false, &bytes, &len),
			 -ENODATA);
	free(bytes);
}

/* A file that says it lasted for centuries: the counters have no more columns than any other. */
static void test_centuries(void **state)
{
	static const __u32 seq[THREADS];
	__u64 end = ~0ull - T0;
	struct ft_event ev[THREADS + 1];
	struct ft_thread_rec recs[THREADS];
	struct seen s;
	char *bytes;
	size_t len;

	(void)state;
	for (__u32 i = 0; i < THREADS; i++)
		ev[i] = start(i, 0, FT_ST_ON, (__u16)i);
	ev[THREADS] = slice(0, 0, end - 2, 0, end - 1, 0, FT_ST_GIL_WAIT);
	make_recs(recs, seq, end);
	assert_int_equal(
		export_session(ev, THREADS + 1, recs, THREADS, NULL, end, false, &bytes, &len), 0);
	assert_in_range(len, 1, 1000000);
	decode(&s, bytes, len);
	free(s.sw);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_direct_switches),
		cmocka_unit_test(test_any_events),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_centuries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
