/* SPDX-License-Identifier: BSD-2-Clause */
/* The packets of a Perfetto trace: the head, tracks, names, events on tracks. */
#include "export/perfetto_priv.h"

#include <perfetto.pb-c.h>
#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "base/array.h"
#include "export/escape.h"

#define SEQUENCE 1
#define STATE_CLEARED 1
#define CLOCK_REALTIME_ID 1
#define CLOCK_MONOTONIC_ID 3
#define CLOCK_BOOTTIME_ID 6
#define SW_CPU_CLOCK 1
#define PERF_CLOCK_MONOTONIC 2
#define UNIT_COUNT 2
#define EXPLICIT_ORDER 3
#define TAG_PACKET 0x0a /* field 1 of Trace, a message */
#define TAG_MAX 11
#define RAW_BYTES (256u * 1024) /* packets that are compressed together */

enum { SLICE_BEGIN = 1, SLICE_END, INSTANT, COUNTER };

static const char *const arg_names[FT_PF_A_CNT] = {
	[FT_PF_A_LOCK] = "lock",
	[FT_PF_A_ADDR] = "address",
	[FT_PF_A_AT] = "at",
	[FT_PF_A_THREADS] = "pauses of threads",
};

/* How many bytes of head stand before a packet of a trace. */
static size_t put_tag(uint8_t *head, size_t len)
{
	size_t n = 0;

	head[n++] = TAG_PACKET;
	for (; len >= 0x80; len >>= 7)
		head[n++] = (uint8_t)(len | 0x80);
	head[n++] = (uint8_t)len;
	return n;
}

/* Packets repeat themselves much: as zlib data inside a packet they take a third of the room. */
void ft_pf_flush(struct ft_pf *pf)
{
	Ft__Perfetto__TracePacket p = FT__PERFETTO__TRACE_PACKET__INIT;
	uLongf len = compressBound(pf->raw_len);
	void *zip = pf->zip, *buf = pf->buf;
	uint8_t head[TAG_MAX];
	size_t n;

	if (pf->err || !pf->raw_len)
		return;
	pf->err = ft_array_reserve(&zip, &pf->zip_cap, len, 1);
	pf->zip = zip;
	if (pf->err)
		return;
	if (compress2(pf->zip, &len, pf->raw, pf->raw_len, Z_BEST_SPEED) != Z_OK) {
		pf->err = -ENOMEM;
		return;
	}
	pf->raw_len = 0;
	p.has_compressed_packets = true;
	p.compressed_packets.data = pf->zip;
	p.compressed_packets.len = len;
	n = ft__perfetto__trace_packet__get_packed_size(&p);
	pf->err = ft_array_reserve(&buf, &pf->buf_cap, n, 1);
	pf->buf = buf;
	if (pf->err)
		return;
	ft__perfetto__trace_packet__pack(&p, pf->buf);
	ft_sink_add(pf->out, head, put_tag(head, n));
	ft_sink_add(pf->out, pf->buf, n);
	pf->err = pf->out->err;
}

void ft_pf_put(struct ft_pf *pf, ProtobufCMessage *packet)
{
	Ft__Perfetto__TracePacket *p = (Ft__Perfetto__TracePacket *)packet;
	void *raw = pf->raw;
	size_t len;

	if (pf->err)
		return;
	p->has_trusted_packet_sequence_id = true;
	p->trusted_packet_sequence_id = SEQUENCE;
	len = ft__perfetto__trace_packet__get_packed_size(p);
	pf->err = ft_array_reserve(&raw, &pf->raw_cap, pf->raw_len + TAG_MAX + len, 1);
	pf->raw = raw;
	if (pf->err)
		return;
	pf->raw_len += put_tag(pf->raw + pf->raw_len, len);
	pf->raw_len += ft__perfetto__trace_packet__pack(p, pf->raw + pf->raw_len);
	if (pf->raw_len >= RAW_BYTES)
		ft_pf_flush(pf);
}

void ft_pf_put_at(struct ft_pf *pf, ProtobufCMessage *packet, __u64 ts)
{
	Ft__Perfetto__TracePacket *p = (Ft__Perfetto__TracePacket *)packet;

	p->has_timestamp = true;
	p->timestamp = ts;
	ft_pf_put(pf, packet);
}

__u64 ft_pf_uuid(enum ft_pf_track t, __u32 no)
{
	return (__u64)t << 32 | no;
}

const char *ft_pf_comm(const struct ft_pf *pf, __u32 thr)
{
	return pf->names.v[pf->thread[thr].comm].s;
}

__u64 ft_pf_name(struct ft_pf *pf, const char *s)
{
	Ft__Perfetto__InternedData data = FT__PERFETTO__INTERNED_DATA__INIT;
	Ft__Perfetto__EventName name = FT__PERFETTO__EVENT_NAME__INIT, *names[] = {&name};
	Ft__Perfetto__TracePacket p = FT__PERFETTO__TRACE_PACKET__INIT;
	__u32 no;

	if (pf->err)
		return 0;
	pf->err = ft_strset_add(&pf->names, s, strlen(s), &no);
	if (pf->err)
		return 0;
	for (; pf->name_cnt < pf->names.cnt; pf->name_cnt++) {
		name.has_iid = true;
		name.iid = pf->name_cnt + 1;
		name.name = (char *)pf->names.v[pf->name_cnt].s;
		data.n_event_names = 1;
		data.event_names = names;
		p.interned_data = &data;
		ft_pf_put(pf, &p.base);
	}
	return (__u64)no + 1;
}

void ft_pf_track(struct ft_pf *pf, __u64 uuid, __u64 parent, const char *name, const char *about,
		 const char *unit)
{
	Ft__Perfetto__CounterDescriptor counter = FT__PERFETTO__COUNTER_DESCRIPTOR__INIT;
	Ft__Perfetto__TrackDescriptor track = FT__PERFETTO__TRACK_DESCRIPTOR__INIT;
	Ft__Perfetto__TracePacket p = FT__PERFETTO__TRACE_PACKET__INIT;

	track.has_uuid = true;
	track.uuid = uuid;
	track.has_parent_uuid = parent != 0;
	track.parent_uuid = parent;
	track.name = (char *)name;
	track.description = (char *)about;
	track.has_sibling_order_rank = true;
	track.sibling_order_rank = (int32_t)(uuid >> 32);
	if (unit) {
		counter.unit_name = (char *)unit;
		track.counter = &counter;
	}
	p.track_descriptor = &track;
	ft_pf_put(pf, &p.base);
}

static void thread_track(struct ft_pf *pf, __u32 thr)
{
	Ft__Perfetto__ThreadDescriptor thread = FT__PERFETTO__THREAD_DESCRIPTOR__INIT;
	Ft__Perfetto__TrackDescriptor track = FT__PERFETTO__TRACK_DESCRIPTOR__INIT;
	Ft__Perfetto__TracePacket p = FT__PERFETTO__TRACE_PACKET__INIT;

	thread.has_pid = thread.has_tid = true;
	thread.pid = pf->pid;
	thread.tid = pf->thread[thr].tid;
	thread.thread_name = (char *)ft_pf_comm(pf, thr);
	track.has_uuid = true;
	track.uuid = ft_pf_uuid(FT_PF_T_THREAD, thr);
	track.thread = &thread;
	p.track_descriptor = &track;
	ft_pf_put(pf, &p.base);
}

__u64 ft_pf_thread_track(struct ft_pf *pf, enum ft_pf_track t, __u32 thr)
{
	struct ft_pf_thread *th = &pf->thread[thr];
	__u64 uuid = ft_pf_uuid(t, thr), parent = ft_pf_uuid(FT_PF_T_THREAD, thr);

	if (th->tracks & 1u << t)
		return uuid;
	th->tracks |= 1u << t;
	switch (t) {
	case FT_PF_T_THREAD:
		thread_track(pf, thr);
		break;
	case FT_PF_T_OFF:
		ft_pf_track(pf, uuid, parent, "off core", "why the thread was on no core", NULL);
		break;
	case FT_PF_T_LOST:
		ft_pf_track(pf, uuid, parent, "events lost",
			    "what the thread did here is not known", NULL);
		break;
	default:
		/* siblings of one name are one row to the viewer, as long as they do not overlap */
		ft_pf_track(pf, uuid, ft_pf_uuid(FT_PF_T_PROCESS, 0), "GIL holder",
			    "by timer ticks and switches; time without such evidence is left out",
			    NULL);
	}
	return uuid;
}

static void fill(Ft__Perfetto__TrackEvent *ev, const struct ft_pf_slice *s, uint64_t *cat,
		 uint64_t *flow)
{
	ev->has_type = ev->has_track_uuid = ev->has_name_iid = true;
	ev->track_uuid = s->track;
	ev->name_iid = s->name;
	if (s->cat < FT_R_CNT) {
		*cat = (uint64_t)s->cat + 1;
		ev->category_iids = cat;
		ev->n_category_iids = 1;
	}
	if (s->flow_out) {
		flow[0] = s->flow_out;
		ev->flow_ids = &flow[0];
		ev->n_flow_ids = 1;
	}
	if (s->flow_in) {
		flow[1] = s->flow_in;
		ev->terminating_flow_ids = &flow[1];
		ev->n_terminating_flow_ids = 1;
	}
}

static void fill_arg(Ft__Perfetto__DebugAnnotation *out, const struct ft_pf_arg *arg)
{
	ft__perfetto__debug_annotation__init(out);
	out->has_name_iid = true;
	out->name_iid = arg->name;
	out->string_value = (char *)arg->text;
	out->has_string_value_iid = arg->name == FT_PF_A_AT;
	out->string_value_iid = arg->no;
	out->has_pointer_value = arg->name == FT_PF_A_ADDR;
	out->pointer_value = arg->no;
	out->has_uint_value = arg->name == FT_PF_A_THREADS;
	out->uint_value = arg->no;
}

static void put_slice(struct ft_pf *pf, const struct ft_pf_slice *s, int32_t type)
{
	Ft__Perfetto__DebugAnnotation arg[FT_PF_ARGS_MAX], *args[FT_PF_ARGS_MAX];
	Ft__Perfetto__TrackEvent ev = FT__PERFETTO__TRACK_EVENT__INIT;
	Ft__Perfetto__TracePacket p = FT__PERFETTO__TRACE_PACKET__INIT;
	uint64_t cat, flow[2];

	for (size_t i = 0; i < s->arg_cnt; i++) {
		fill_arg(&arg[i], &s->arg[i]);
		args[i] = &arg[i];
	}
	ev.debug_annotations = args;
	ev.n_debug_annotations = s->arg_cnt;
	fill(&ev, s, &cat, flow);
	ev.type = type;
	p.track_event = &ev;
	p.has_sequence_flags = true;
	p.sequence_flags = FT_PF_NEEDS_STATE;
	ft_pf_put_at(pf, &p.base, s->ts);
}

void ft_pf_begin(struct ft_pf *pf, const struct ft_pf_slice *s)
{
	put_slice(pf, s, SLICE_BEGIN);
}

void ft_pf_instant(struct ft_pf *pf, const struct ft_pf_slice *s)
{
	put_slice(pf, s, INSTANT);
}

void ft_pf_end(struct ft_pf *pf, __u64 track, __u64 ts)
{
	Ft__Perfetto__TrackEvent ev = FT__PERFETTO__TRACK_EVENT__INIT;
	Ft__Perfetto__TracePacket p = FT__PERFETTO__TRACE_PACKET__INIT;

	ev.has_type = ev.has_track_uuid = true;
	ev.type = SLICE_END;
	ev.track_uuid = track;
	p.track_event = &ev;
	ft_pf_put_at(pf, &p.base, ts);
}

void ft_pf_counter(struct ft_pf *pf, __u64 track, __u64 ts, double value)
{
	Ft__Perfetto__TrackEvent ev = FT__PERFETTO__TRACK_EVENT__INIT;
	Ft__Perfetto__TracePacket p = FT__PERFETTO__TRACE_PACKET__INIT;

	ev.has_type = ev.has_track_uuid = ev.has_double_counter_value = true;
	ev.type = COUNTER;
	ev.track_uuid = track;
	ev.double_counter_value = value;
	p.track_event = &ev;
	ft_pf_put_at(pf, &p.base, ts);
}

/*
 * Times of the file are CLOCK_MONOTONIC, which is made the trace's own clock. Events of ftrace
 * cannot say so: they are on CLOCK_BOOTTIME to their reader. So the snapshot tells that the two are
 * the same; nothing else here is on that clock.
 */
static void put_clocks(struct ft_pf *pf)
{
	Ft__Perfetto__ClockSnapshot snapshot = FT__PERFETTO__CLOCK_SNAPSHOT__INIT;
	Ft__Perfetto__ClockSnapshot__Clock clock[3], *clocks[3];
	Ft__Perfetto__TracePacket p = FT__PERFETTO__TRACE_PACKET__INIT;
	const struct {
		uint32_t id;
		__u64 ns;
	} is[3] = {
		{CLOCK_MONOTONIC_ID, pf->info->start_ns},
		{CLOCK_BOOTTIME_ID, pf->info->start_ns},
		{CLOCK_REALTIME_ID, pf->info->start_wall_ns},
	};

	for (int i = 0; i < 3; i++) {
		ft__perfetto__clock_snapshot__clock__init(&clock[i]);
		clock[i].has_clock_id = clock[i].has_timestamp = true;
		clock[i].clock_id = is[i].id;
		clock[i].timestamp = is[i].ns;
		clocks[i] = &clock[i];
	}
	snapshot.clocks = clocks;
	snapshot.n_clocks = pf->info->start_wall_ns ? 3 : 2;
	snapshot.has_primary_trace_clock = true;
	snapshot.primary_trace_clock = CLOCK_MONOTONIC_ID;
	p.clock_snapshot = &snapshot;
	ft_pf_put(pf, &p.base);
}

/* The first packet: the sequence's defaults, and names that are known beforehand. */
static void put_first(struct ft_pf *pf)
{
	Ft__Perfetto__TracePacketDefaults defaults = FT__PERFETTO__TRACE_PACKET_DEFAULTS__INIT;
	Ft__Perfetto__PerfSampleDefaults samples = FT__PERFETTO__PERF_SAMPLE_DEFAULTS__INIT;
	Ft__Perfetto__PerfEvents__Timebase base = FT__PERFETTO__PERF_EVENTS__TIMEBASE__INIT;
	Ft__Perfetto__DebugAnnotationName arg[FT_PF_A_CNT], *args[FT_PF_A_CNT];
	Ft__Perfetto__InternedData data = FT__PERFETTO__INTERNED_DATA__INIT;
	Ft__Perfetto__EventCategory cat[FT_R_CNT], *cats[FT_R_CNT];
	Ft__Perfetto__TracePacket p = FT__PERFETTO__TRACE_PACKET__INIT;

	for (int i = 0; i < FT_R_CNT; i++) {
		ft__perfetto__event_category__init(&cat[i]);
		cat[i].has_iid = true;
		cat[i].iid = (uint64_t)i + 1;
		cat[i].name = (char *)ft_rstate_name((enum ft_rstate)i);
		cats[i] = &cat[i];
	}
	for (int i = 1; i < FT_PF_A_CNT; i++) {
		ft__perfetto__debug_annotation_name__init(&arg[i]);
		arg[i].has_iid = true;
		arg[i].iid = (uint64_t)i;
		arg[i].name = (char *)arg_names[i];
		args[i - 1] = &arg[i];
	}
	data.event_categories = cats;
	data.n_event_categories = FT_R_CNT;
	data.debug_annotation_names = args;
	data.n_debug_annotation_names = FT_PF_A_CNT - 1;
	base.has_frequency = base.has_counter = base.has_timestamp_clock = true;
	base.frequency = pf->info->stack_hz ? pf->info->stack_hz : 1;
	base.counter = SW_CPU_CLOCK;
	base.timestamp_clock = PERF_CLOCK_MONOTONIC;
	samples.timebase = &base;
	defaults.has_timestamp_clock_id = true;
	defaults.timestamp_clock_id = CLOCK_MONOTONIC_ID;
	defaults.perf_sample_defaults = &samples;
	p.trace_packet_defaults = &defaults;
	p.interned_data = &data;
	p.has_sequence_flags = p.has_first_packet_on_sequence = true;
	p.sequence_flags = STATE_CLEARED;
	p.first_packet_on_sequence = true;
	ft_pf_put(pf, &p.base);
}

/* The kernel's version says how its states of a thread are to be read. */
static void put_system(struct ft_pf *pf)
{
	Ft__Perfetto__SystemInfo sys = FT__PERFETTO__SYSTEM_INFO__INIT;
	Ft__Perfetto__Utsname uts = FT__PERFETTO__UTSNAME__INIT;
	Ft__Perfetto__TracePacket p = FT__PERFETTO__TRACE_PACKET__INIT;
	struct ft_text release = {0};

	ft_esc_add(&release, FT_ESC_NONE, pf->info->kernel, FT_ESC_ALL);
	if (!pf->err)
		pf->err = release.err;
	uts.sysname = (char *)"Linux";
	uts.release = release.s;
	uts.version = (char *)"";
	uts.machine = (char *)"";
	sys.utsname = &uts;
	sys.tracing_service_version = (char *)"ftprof " FTPROF_VERSION;
	sys.has_num_cpus = true;
	sys.num_cpus = pf->info->cpu_cnt;
	p.system_info = &sys;
	ft_pf_put(pf, &p.base);
	ft_text_free(&release);
}

/* The process; cmd: its command line as one string, since where it was divided is not known. */
static void put_process(struct ft_pf *pf, char *name, char *cmd)
{
	Ft__Perfetto__ProcessDescriptor process = FT__PERFETTO__PROCESS_DESCRIPTOR__INIT;
	Ft__Perfetto__TrackDescriptor track = FT__PERFETTO__TRACK_DESCRIPTOR__INIT;
	Ft__Perfetto__TracePacket p = FT__PERFETTO__TRACE_PACKET__INIT;

	process.has_pid = true;
	process.pid = pf->pid;
	process.process_name = name;
	process.cmdline = &cmd;
	process.n_cmdline = cmd && cmd[0];
	track.has_uuid = track.has_child_ordering = true;
	track.uuid = ft_pf_uuid(FT_PF_T_PROCESS, 0);
	track.process = &process;
	track.child_ordering = EXPLICIT_ORDER;
	p.track_descriptor = &track;
	ft_pf_put(pf, &p.base);
}

/* Thread ids belong to the process from the start, whatever comes first of a thread. */
static void put_tree(struct ft_pf *pf, char *cmd)
{
	Ft__Perfetto__ProcessTree__Process process = FT__PERFETTO__PROCESS_TREE__PROCESS__INIT;
	Ft__Perfetto__ProcessTree__Process *processes[] = {&process};
	Ft__Perfetto__ProcessTree__Thread thread, *threads[] = {&thread};
	Ft__Perfetto__ProcessTree tree = FT__PERFETTO__PROCESS_TREE__INIT;
	Ft__Perfetto__TracePacket p = FT__PERFETTO__TRACE_PACKET__INIT;

	process.has_pid = true;
	process.pid = pf->pid;
	process.cmdline = &cmd;
	process.n_cmdline = cmd && cmd[0];
	tree.processes = processes;
	tree.n_processes = 1;
	p.process_tree = &tree;
	ft_pf_put_at(pf, &p.base, pf->from);
	tree.n_processes = 0;
	tree.threads = threads;
	tree.n_threads = 1;
	for (size_t i = 0; i < pf->rec_cnt; i++) {
		ft__perfetto__process_tree__thread__init(&thread);
		thread.has_tid = thread.has_tgid = true;
		thread.tid = pf->thread[i].tid;
		thread.tgid = pf->pid;
		thread.name = (char *)ft_pf_comm(pf, (__u32)i);
		ft_pf_put_at(pf, &p.base, pf->from);
	}
}

void ft_pf_head(struct ft_pf *pf)
{
	struct ft_text name = {0}, cmd = {0};

	ft_esc_add(&name, FT_ESC_NONE, pf->info->name, FT_ESC_ALL);
	ft_esc_add(&cmd, FT_ESC_NONE, pf->info->cmdline, FT_ESC_ALL);
	if (!pf->err)
		pf->err = name.err ? name.err : cmd.err;
	put_first(pf);
	put_clocks(pf);
	put_system(pf);
	put_tree(pf, cmd.s);
	put_process(pf, name.s, cmd.s);
	for (size_t i = 0; i < pf->rec_cnt; i++)
		ft_pf_thread_track(pf, FT_PF_T_THREAD, (__u32)i);
	ft_text_free(&name);
	ft_text_free(&cmd);
}
