// SPDX-License-Identifier: BSD-2-Clause
// The tables of a page: what the JSON of a report, and of a comparison, says. Nothing is computed
// here but shares and bars.

const FTTables = (() => {
	const { make } = FTParts;
	const STATES = ["on_gil", "on_free", "on_spin", "gil_wait", "gil_switch", "lock_wait", "sync_wait", "stw",
			"runq", "blocked", "fault", "stopped"];
	// Sleep of the program's own choosing: a state of it is worth a column after the others.
	const ASLEEP = ["sync_wait", "blocked", "fault", "stopped"];
	const NOTABLE = 0.005, ROWS = 30;
	let ids = 0;

	const share = (part, whole) => whole ? part / whole : 0;
	const near = (v, digits) => Number(v.toPrecision(digits));
	// A figure is never broken from its unit.
	const unbroken = (text) => text.replace(/ /g, "\u00a0");
	const plural = (n, word) => `${FT.count(n)} ${word}${n === 1 ? "" : "s"}`;

	// A heading with its table, and words before it; null rows of it: no section.
	function section(parent, title, note) {
		const s = make(parent, "section"), id = `h${++ids}`;
		make(s, "h3", { id }, title);
		if (note)
			make(s, "p", { class: "note" }, note);
		return { s, id };
	}

	function table(parent, title, note, columns, rows) {
		const { s, id } = section(parent, title, note);
		// Words that no row has get no column.
		const used = columns.filter((c) => !c.text || rows.some((r) => c.get(r)));
		return new FTParts.Table(s, { labelledby: id, columns: used, rows, limit: ROWS });
	}

	// Columns.
	const text = (id, label, get, kind) => ({ id, label, get, text: true, kind });
	const place = (id, label, get) => text(id, label, get, "where");
	const name = (id, label, get) => text(id, label, get, "name");
	const count = (id, label, get, title) =>
		({ id, label, get, title, cell: (td, r) => td.append(FT.count(get(r))) });
	const ns = (id, label, get, title) =>
		({ id, label, get, title, cell: (td, r) => td.append(unbroken(FT.ns(get(r)))) });

	// A time and its share of the whole.
	function both(td, v, whole) {
		td.append(v ? `${unbroken(FT.ns(v))}\u00a0\u00b7 ${unbroken(FT.percent(v, whole))}` : "\u2013");
	}

	// The same with a bar.
	const part = (id, label, get, whole, title) => ({
		id, label, get, title,
		cell(td, r) {
			both(td, get(r), whole(r));
			FTParts.bar(td, share(get(r), whole(r)));
		},
	});

	// Pairs of a word and its figure.
	function facts(parent, title, pairs) {
		const list = pairs.filter(Boolean);
		if (!list.length)
			return;
		const { s } = section(parent, title), dl = make(s, "dl", { class: "facts" });
		for (const [what, ...words] of list) {
			const row = make(dl, "div");
			make(row, "dt", null, what);
			make(row, "dd", null, ...words);
		}
	}

	// Threads.

	const notable = (report, state) => {
		const whole = report.threads.reduce((sum, t) => sum + t.lifetime_ns, 0);
		return share(report.threads.reduce((sum, t) => sum + t.state_ns[state], 0), whole) >= NOTABLE;
	};

	// A thread's time as one bar of its states; the same colours and order as in the timeline.
	function stateBar(td, t, words) {
		const bar = make(td, "span", { class: "states", role: "img" }), said = [];
		STATES.forEach((state, k) => {
			const part = share(t.state_ns[state], t.lifetime_ns);
			if (!part)
				return;
			make(bar, "i", { class: `s${k}` }).style.width = `${100 * part}%`;
			said.push(`${words[k]} ${FT.percent(t.state_ns[state], t.lifetime_ns)}`);
		});
		bar.title = said.join(", ");
		bar.setAttribute("aria-label", bar.title);
	}

	function nameOfThread(t) {
		return t.name + (t.main ? " (main)" : t.python ? "" : " (native)");
	}

	function threads(parent, report, words) {
		if (!report.threads.length)
			return;
		const shown = STATES.filter((state) => notable(report, state));
		const asleep = shown.filter((state) => ASLEEP.includes(state));
		const columns = [
			{ ...name("name", "Thread", nameOfThread) },
			{ id: "tid", label: "Id", get: (t) => t.tid, cell: (td, t) => td.append(String(t.tid)) },
			{ id: "states", label: "Where its time went", get: (t) => t.on_ns, kind: "bars",
			  title: "sorts by time on cores", cell: (td, t) => stateBar(td, t, words) },
			ns("life", "Lived", (t) => t.lifetime_ns, "the part of its life that lies in the session"),
			...[...shown.filter((state) => !asleep.includes(state)), ...asleep].map((state) => ({
				id: state, label: words[STATES.indexOf(state)], get: (t) => t.state_ns[state],
				cell: (td, t) => both(td, t.state_ns[state], t.lifetime_ns) })),
		];
		if (report.gil.waits)
			columns.push(count("waits", "GIL waits", (t) => t.gil_waits),
				     ns("max", "Longest", (t) => t.gil_wait_max_ns, "the longest wait for the GIL"));
		columns.push(count("switches", "Switches", (t) => t.switches, "times it was put on a core"));
		const t = table(parent, "Threads", `${plural(report.threads.length, "thread")}, the part of each one's ` +
				"life that lies in the session. All times are exact, but for how time on cores is divided.",
				columns, report.threads);
		legend(t.box, shown, words);
	}

	function legend(box, shown, words) {
		const l = make(null, "p", { class: "legend" });
		box.before(l);
		for (const state of shown) {
			const k = STATES.indexOf(state), s = make(l, "span");
			make(s, "i", { class: `s${k}`, "aria-hidden": "true" });
			s.append(words[k]);
		}
	}

	// What a program without the GIL is kept by.

	function scaling(parent, report) {
		const { scaling: rows, core_time: time } = report;
		if (!rows.length)
			return;
		table(parent, "What keeps this from scaling",
		      `${FT.ns(time.lost_ns)} of ${FT.ns(time.budget_ns)} core time was lost.`,
		      [part("lost", "Core time lost", (r) => r.lost_ns, () => time.budget_ns),
		       text("cause", "Cause", (r) => CAUSES[r.cause] || r.cause),
		       name("where", "Where", (r) => r.where), text("advice", "What to do", (r) => r.advice, "wide")],
		      rows);
	}
	const CAUSES = { lock: "lock", stw: "pauses", gil_reenabled: "the GIL came back", runq: "no core",
			 single_thread: "few threads", refcount: "sharing" };

	function locks(parent, report) {
		if (!report.locks.length)
			return;
		table(parent, "Contended locks", "",
		      [{ ...name("name", "Lock", (l) => l.name + (l.part_of ? ` of ${l.part_of}` : "")) },
		       text("kind", "Kind", (l) => l.kind),
		       ns("wait", "Asleep for it", (l) => l.wait_ns), ns("max", "Longest", (l) => l.wait_max_ns),
		       count("waits", "Sleeps", (l) => l.waits, "idle waiting included"),
		       ns("spin", "Spinning", (l) => l.spin_ns), ns("line", "Cache line", (l) => l.line_ns,
				"on a core, waiting for the cache line that the lock is in"),
		       count("yields", "Yields", (l) => l.yields, "estimated from windows"),
		       count("threads", "Threads", (l) => l.threads),
		       place("waiter", "Waited at", (l) => l.waiter_site || ""),
		       place("owner", "Let go at", (l) => l.owner_site || "")], report.locks);
	}

	function pauses(parent, report) {
		const p = report.stop_the_world;
		if (!p.probed_ns)
			return;
		const partly = p.probed_ns < 0.9 * report.session.duration_ns ?
			" The probes were in place for a part of the session: counts and times are estimated." : "";
		table(parent, "Pauses of all threads", `${plural(p.pauses, "pause")}, ${FT.ns(p.stopped_ns)} stopped ` +
		      `(median ${FT.ns(p.p50_ns)}, p99 ${FT.ns(p.p99_ns)}, longest ${FT.ns(p.max_ns)}); until all ` +
		      `stood ${FT.ns(p.to_stop_ns)}.${partly}`,
		      [text("cause", "Cause", (c) => c.cause), count("pauses", "Pauses", (c) => c.pauses),
		       part("stopped", "Stopped", (c) => c.stopped_ns, () => report.session.duration_ns),
		       ns("max", "Longest", (c) => c.max_ns), ns("to", "Until all stood", (c) => c.to_stop_ns),
		       count("threads", "Threads stopped", (c) => c.threads_stopped),
		       place("by", "Asked by", (c) => c.asked_by || ""), place("site", "At", (c) => c.site || "")],
		      p.by_cause.filter((c) => c.pauses));
	}

	function sharing(parent, report) {
		const { sharing: s } = report;
		if (!s.places.length)
			return;
		table(parent, "Reference counts that threads share",
		      `${FT.ns(s.shared_ns)} (\u00b1 ${FT.ns(s.shared_err_ns)}) of the time on cores, by ticks.`,
		      [name("type", "Type", (p) => p.type || "not known"), place("site", "At", (p) => p.site || ""),
		       part("on", "On cores", (p) => p.on_ns, () => report.target.cpu_ns),
		       part("hot", "Of objects in use by several", (p) => p.hot_ns, () => report.target.cpu_ns),
		       count("samples", "Ticks", (p) => p.samples)], s.places);
	}

	function extensions(parent, report) {
		const rows = report.extensions.filter((e) => e.gil === "used");
		if (!rows.length)
			return;
		table(parent, "Extensions that need the GIL",
		      "They do not declare Py_mod_gil: importing one brings the GIL back in a free-threaded build.",
		      [name("module", "Module", (e) => e.module),
		       text("from", "Distribution", (e) => e.distribution || (e.stdlib ? "CPython" : "not known")),
		       place("path", "File", (e) => e.path)], rows);
	}

	// Functions.

	function functions(parent, report) {
		const lists = [["On cores", "on_cpu", report.target.cpu_ns], ["Waiting for the GIL", "gil_wait",
				report.gil.wait_ns], ["Holding the GIL while others waited", "gil_blame",
				report.gil.wait_ns]].filter(([, key]) => report.functions[key].length);
		if (!lists.length)
			return;
		const { s } = section(parent, "Top functions", "By their own time; ticks and sampled switches tell " +
				      "shares. With the functions that each calls: total.");
		for (const [label, key, whole] of lists) {
			const id = `h${++ids}`;
			make(s, "h4", { id }, `${label}, ${FT.ns(whole)}`);
			new FTParts.Table(s, { labelledby: id, limit: 10, rows: report.functions[key], columns: [
				part("self", "Self", (f) => f.self_ns, () => whole),
				part("total", "Total", (f) => f.total_ns, () => whole),
				{ ...name("name", "Function", (f) => f.name), cell: functionName },
				place("where", "Where", (f) => f.line ? `${f.file}:${f.line}` : f.file) ] });
		}
	}

	function functionName(td, f) {
		const box = make(td, "div");
		if (f.kind !== "python")
			make(box, "span", { class: "kind" }, f.kind);
		box.append(f.name);
	}

	// The GIL, parallelism, and what the session says of itself.

	function gil(parent, report) {
		const { gil: g, session } = report, seconds = session.duration_ns / 1e9;
		if (!g.waits && !g.held_ns)
			return;
		const origin = (label, o) => o.waits ?
			[label, `${FT.count(o.waits)}, median ${FT.ns(o.p50_ns)}, p99 ${FT.ns(o.p99_ns)}`] : null;
		facts(parent, "The GIL", [
			["held", `${FT.ns(g.held_ns)}, ${FT.percent(g.held_ns, session.duration_ns)} of the time; ` +
			 `off core ${FT.ns(g.held_off_core_ns)}`],
			["threads waited", FT.ns(g.wait_ns)],
			["waits", `${FT.count(g.waits)}` + (g.waits_lo === g.waits_hi ? "" :
				` (${FT.count(g.waits_lo)} to ${FT.count(g.waits_hi)})`)],
			g.waits ? ["a wait", `median ${FT.ns(g.wait_p50_ns)}, p99 ${FT.ns(g.wait_p99_ns)}, longest ` +
				   FT.ns(g.wait_max_ns)] : null,
			origin("after a blocking call", g.after_blocking),
			origin("after a forced switch", g.after_forced_switch),
			origin("first of a thread", g.at_start),
			origin("otherwise", g.otherwise),
			["some thread waited", `${FT.ns(g.wait_any_ns)}, ${FT.percent(g.wait_any_ns, session.duration_ns)} ` +
			 "of the time"],
			["hand-overs", `${FT.count(g.handoffs)}, ${near(share(g.handoffs, seconds), 3)} a second`],
			g.hold_p99_ns ? ["held at a time", `median ${FT.ns(g.hold_p50_ns)}, p99 ${FT.ns(g.hold_p99_ns)}`] : null,
			["idle for the GIL", `${FT.ns(report.parallelism.lost_ns)} of core time`],
		]);
	}

	function history(parent, report) {
		if (report.gil_history.length < 2)
			return;
		const words = { on: "on", off: "off", enabled_by_import: "switched on by an import" };
		facts(parent, "The GIL over time", report.gil_history.map((h) => [
			`${h.exact ? "at" : "by"} ${FT.ns(Math.max(0, h.ts_ns - report.session.start_ns))}`,
			`${words[h.state] || h.state}${h.module ? ` (${h.module})` : ""}`]));
	}

	function parallelism(parent, report) {
		const { parallelism: p, session } = report;
		const rows = p.ns_by_level.map((v, level) => ({ v, level })).filter((r) => r.v || !r.level);
		if (!p.ns_by_level.length)
			return;
		table(parent, "Threads on cores at once",
		      `Mean ${near(p.mean, 3)} while any was, of ${plural(session.cores, "core")} that it may use; ` +
		      `${near(p.cores_used, 3)} cores used over all of the time.`,
		      [{ id: "level", label: "At once", get: (r) => r.level, cell: (td, r) => td.append(String(r.level)) },
		       part("ns", "Time", (r) => r.v, () => session.duration_ns)], rows);
	}

	function other(parent, report) {
		const { gc, memory, syscalls } = report;
		if (syscalls.length)
			table(parent, "Asleep in system calls", "",
			      [name("name", "Call", (s) => s.name), ns("ns", "Threads' time", (s) => s.asleep_ns)],
			      syscalls);
		const last = memory.points[memory.points.length - 1];
		facts(parent, "Garbage collection and memory", [
			gc.runs_known ? ["collections", `generation 0: ${FT.count(gc.runs[0])}, 1: ${FT.count(gc.runs[1])}, ` +
					 `2: ${FT.count(gc.runs[2])}`] : null,
			gc.timed ? ["their time", gc.ns.map((v, i) => `${i}: ${FT.ns(v)} (longest ` +
				    `${FT.ns(gc.max_ns[i])})`).join(", ")] : null,
			gc.on_ns ? ["on cores, collecting", `${FT.ns(gc.on_ns)} \u00b1 ${FT.ns(gc.on_err_ns)}`] : null,
			last ? ["resident at the end", `${FT.count(Math.round(last.rss_bytes / 1048576))} MiB`] : null,
			memory.bytecode_copies ? ["copies of bytecode", `${FT.count(memory.bytecode_copies)}, ` +
				`${FT.count(Math.round(memory.bytecode_copy_bytes / 1024))} KiB`] : null,
		]);
	}

	function cost(parent, report) {
		const { cost: c, session, stacks } = report, { events: e } = session;
		const lost = Object.entries(e.lost_by).filter(([, v]) => v)
			.map(([k, v]) => `${k.replace(/_/g, " ")} ${FT.count(v)}`).join(", ");
		facts(parent, "What it cost, and what is missing", [
			["ftprof", `${FT.percent(c.core_share, 1)} of a core: ${FT.ns(c.ftprof_cpu_ns)} of its own` +
			 (c.bpf_ns ? `, ${FT.ns(c.bpf_ns)} in the kernel` : ", its programs in the kernel not counted") +
			 `; ${FT.count(Math.round(c.rss_bytes / 1048576))} MiB`],
			["probes in the target", c.probes_in_target ?
				`${FT.count(c.probes_in_target)}, hit ${FT.count(c.probe_hits)} times` : "none"],
			...c.sites.map((site) => ["", site]),
			["events", e.recorded ? `${FT.count(e.lost)} of ${FT.count(e.received + e.lost)} lost` +
				(lost ? `: ${lost}` : "") : "not recorded"],
			e.missed_threads ? ["threads without room", `${FT.count(e.missed_threads)}, in no figure`] : null,
			e.skipped_programs ? ["programs skipped by the kernel", FT.count(e.skipped_programs)] : null,
			e.repaired ? ["switches made good", FT.count(e.repaired)] : null,
			stacks.walked ? ["stacks", `${FT.count(stacks.walked)}, ${FT.count(stacks.errors)} with an error, ` +
				`${FT.count(stacks.truncated)} cut` + (stacks.switches_walked_share < 1 ?
				`; ${FT.percent(stacks.switches_walked_share, 1)} of the switches were sampled, the ` +
				"others counted with them" : "")] : ["stacks", "none"],
			session.throttled_ns ? ["stopped by its quota", FT.ns(session.throttled_ns)] : null,
			report.target.children ? ["Python children", `${report.target.children}, in no figure`] : null,
			...session.limits.map((s) => ["not measured", s]),
			session.damage ? ["damaged file", session.damage] : null,
			["measured by", `ftprof ${session.ftprof} on ${session.host}, Linux ${session.kernel}`],
		]);
	}

	// Two sides.

	function value(v, unit) {
		const size = Math.abs(v), sign = v < 0 ? "\u2212" : "";
		switch (unit) {
		case "ns":
			return sign + FT.ns(size);
		case "ns/s":
			return `${sign}${FT.ns(size)}/s`;
		case "count":
			return sign + FT.count(Math.round(size));
		case "1/s":
			return `${sign}${size < 100 ? near(size, 3) : FT.count(Math.round(size))}/s`;
		case "core_share":
			return `${sign}${near(100 * size, 2)} %`;
		default:
			return sign + size.toFixed(2);
		}
	}

	// As in a terminal: just above 1 too, two digits would say that nothing changed.
	function ratio(v) {
		if (v > 0 && v < 0.001)
			return "<0.001";
		return v >= 0.1 && v < 1.1 ? v.toFixed(3) : v >= 1 && v < 10 ? v.toFixed(2) : String(near(v, 3));
	}

	const VERDICTS = { more: "more", less: "less", same: "within noise", unknown: "too few runs to tell" };

	// A value of a side with its interval, and a bar as long as it is beside the other side's.
	const valueCell = (which) => (td, r) => {
		const v = r[which], most = Math.max(Math.abs(r.a.median), Math.abs(r.b.median));
		td.append(value(v.median, r.unit));
		if (v.values.length > 1)
			make(td, "small", null, ` ${value(v.lo, r.unit)} to ${value(v.hi, r.unit)}`);
		FTParts.bar(td, share(Math.abs(v.median), most));
	};

	function change(td, r) {
		const isRatio = typeof r.ratio === "number", key = isRatio ? "ratio" : "difference";
		if (typeof r[key] !== "number")
			return;
		// of a share: not to be taken for a change by so many per cent
		const show = (v) => isRatio ? ratio(v) : r.unit === "core_share" ?
			value(v, r.unit).replace("%", "points") : value(v, r.unit);
		td.append(isRatio ? `${show(r.ratio)} times` : `${r[key] > 0 ? "+" : ""}${show(r[key])}`);
		if (typeof r[`${key}_lo`] === "number" && r.verdict !== "unknown")
			make(td, "small", null, ` ${show(r[`${key}_lo`])} to ${show(r[`${key}_hi`])}`);
	}

	// The comparison, of the JSON of `ftprof compare --json`; a and b: what the sides are called.
	function compare(parent, c, a, b) {
		const note = c.per_second ? "The sessions had a length of their own: times and counts are per second." : "";
		const { s } = section(parent, "A and B");
		if (c.summary)
			make(s, "p", { class: "answer" }, c.summary);
		for (const line of [note, ...(c.notes || []), ...(c.not_compared || [])])
			if (line)
				make(s, "p", { class: "note" }, line);
		const id = `h${ids}`, most = (which) => (r) => r[which].median;
		new FTParts.Table(s, { labelledby: id, rows: c.rows, columns: [
			text("title", "Figure", (r) => r.title, "figure"),
			{ id: "a", label: a, get: most("a"), cell: valueCell("a") },
			{ id: "b", label: b, get: most("b"), cell: valueCell("b") },
			{ id: "ratio", label: "B against A", get: (r) => r.ratio ?? -1, cell: change },
			text("verdict", "Which is", (r) => VERDICTS[r.verdict] || r.verdict, "figure") ] });
	}

	// What each table is made of. A report of another version may lack it, and the others stand.
	const ALL = [
		[scaling, "scaling", "core_time"], [threads, "threads", "gil"], [locks, "locks"],
		[pauses, "stop_the_world"], [sharing, "sharing"], [extensions, "extensions"],
		[functions, "functions", "gil"], [gil, "gil", "parallelism"], [history, "gil_history"],
		[parallelism, "parallelism"], [other, "gc", "memory", "syscalls"], [cost, "cost", "stacks"],
	];

	// All tables of a side.
	function side(parent, { report, words }) {
		for (const [draw, ...needs] of ALL)
			if (needs.every((key) => report[key]))
				draw(parent, report, words);
	}

	return { side, compare, plural };
})();
