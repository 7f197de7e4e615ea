// SPDX-License-Identifier: BSD-2-Clause
// Puts the page of a timeline together: the timeline, the flame graph of a range of it, the tables.

FTData.load().then(async (page) => {
	const { make, button } = FTParts, { sides } = page;
	const main = document.getElementById("main");
	const two = sides.length > 1;
	const SEEN = 0.9; // of the time: samples that saw less say so

	// What a side is called: its build; of two, the letter that the comparison has for it too.
	function nameOf(side, i) {
		const { version, free_threaded: ft, gil } = side.report.target.python;
		const state = { on: ", GIL on", off: ", GIL off", enabled_by_import: ", GIL switched on" }[gil] || "";
		return (two ? `${"AB"[i]}: ` : "") + (version ? `${version}${ft ? "t" : ""}${state}` : side.json.path);
	}
	const names = sides.map(nameOf);

	// The timeline.
	const bar = make(main, "div", { id: "tools", role: "toolbar", "aria-label": "Page" });
	const time = make(main, "section", { id: "time", "aria-label": "Timeline" });
	let timeline = null;

	// The flame graph.
	const chosen = { side: 0, range: null, measure: "" };
	const hasStacks = sides.some((side) => side.samples.t.length);
	const stacks = [];
	let flame = null, note = null, pick = {};

	const stacksOf = (i) => stacks[i] || (stacks[i] = new FTStacks.Stacks(sides[i]));
	const rangeOf = () => chosen.range || [0, sides[chosen.side].ns];

	function select(parent, id, label, options, value, changed) {
		const box = make(parent, "label", null, `${label} `), s = make(box, "select", { id });
		for (const [v, text] of options)
			make(s, "option", { value: v }, text);
		s.value = value;
		s.addEventListener("change", () => changed(s.value));
		return s;
	}

	// What there is to see at first: waits for the GIL, where it is on and waited for.
	function firstMeasure() {
		const sums = sides[0].sums(0, sides[0].ns);
		return sums[3] > sums[0] ? "gil-blame" : "on-cpu";
	}

	function flames() {
		const s = make(main, "section", { id: "flames" });
		make(s, "h2", null, "Stacks");
		if (!hasStacks) {
			make(s, "p", { class: "note" }, "The session has no stacks with a time: none were taken (-F 0), or it " +
			     "recorded no events.");
			return;
		}
		const choice = make(s, "div", { class: "choice" });
		if (two)
			pick.side = select(choice, "of-side", "of", names.map((n, i) => [i, n]), 0, (v) => {
				chosen.side = Number(v);
				chosen.range = ranges[chosen.side];
				drawFlame();
			});
		chosen.measure = firstMeasure();
		pick.measure = select(choice, "of-what", "weighed by", FTStacks.MEASURES.map((m) => [m.id, m.label]),
				      chosen.measure, (v) => {
					      chosen.measure = v;
					      drawFlame();
				      });
		pick.all = button(choice, "of-all", "All of the time", () => timeline.clear());
		note = make(s, "p", { id: "of-note", class: "note", role: "status" });
		flame = FTFlame.create(s, { differs: false, alone: false, help: showHelp, searched: () => {} });
		drawFlame();
	}

	function drawFlame() {
		if (!flame)
			return;
		const m = FTStacks.MEASURES.find((x) => x.id === chosen.measure), [a, b] = rangeOf();
		const side = sides[chosen.side], got = stacksOf(chosen.side).tree(m, a, b);
		pick.all.hidden = !chosen.range;
		if (pick.side)
			pick.side.value = String(chosen.side);
		const where = chosen.range ? `from ${FT.ns(a)} to ${FT.ns(b)}, ${FT.ns(b - a)}` :
			`all of the time, ${FT.ns(b)}`;
		const least = side.json.least_ns;
		const words = [`${where}: ${FT.ns(got.ns)} of threads' time, from ${FTTables.plural(got.cnt, "sample")}` +
			       `${least ? `, of which those below ${FT.ns(least)} stand for others too` : ""}.`];
		if (got.ns && got.seen < SEEN * got.ns)
			words.push(`They saw ${FT.percent(got.seen, got.ns)} of it, and stand for the others.`);
		if (got.none)
			words.push(`No sample stands for ${FT.percent(got.none, got.ns)} of it.`);
		const more = side.json.more_threads.cnt;
		if (more)
			words.push(`The time of ${FTTables.plural(more, "thread")} without a lane is not in it.`);
		if (!chosen.range)
			words.push("Brush a range in the timeline to see its stacks alone.");
		note.textContent = words.join(" ");
		Object.assign(note.dataset, { ns: got.ns, from: a, to: b });
		flame.show(got.tree, got.frameOf);
	}

	// Brushing draws as often as the screen does, and not more.
	const ranges = sides.map(() => null);
	let waiting = false;
	function brushed(i, a, b) {
		ranges[i] = a == null || !(b > a) ? null : [a, b];
		chosen.side = i;
		chosen.range = ranges[i];
		if (waiting)
			return;
		waiting = true;
		requestAnimationFrame(() => {
			waiting = false;
			drawFlame();
		});
	}

	// The dialog, the theme.
	const groups = [["Timeline", FTTime.HELP], ["Stacks", FT.HELP.filter(([key]) => key !== "?")],
			["Everywhere", [["Tab", "to the next control, lane or table"], ["?", "this text"]]]];
	const dialog = FTParts.help(main, groups, () => flame && flame.helped());
	function showHelp(on) {
		if (on && !dialog.open)
			dialog.showModal();
		else if (!on)
			dialog.close();
	}
	FTParts.theme(button(bar, "theme", ""), (paper) => flame && flame.recolour(paper));
	button(bar, "keys", "Keys ?", () => showHelp(true));
	window.addEventListener("keydown", (e) => {
		if (dialog.open || e.defaultPrevented)
			return;
		const typing = e.target.matches("input, select, textarea");
		if (flame && !(typing && e.key !== "Escape") && flame.key(e))
			e.preventDefault();
		else if (e.key === "?" && !typing)
			showHelp(true);
	});

	timeline = FTTime.create(time, page, { brush: brushed, pick: () => {} });
	// Names as in the headings above; of one session none is needed.
	sides.forEach((side, i) => {
		const detail = side.json.detail_ns;
		if (detail)
			make(main, "p", { class: "note detail" }, `${sides.length > 1 ? `${names[i]}: spans` : "Spans"} shorter ` +
			     `than ${FT.ns(detail)} were merged with their neighbours, with their shares; the longest waits for ` +
			     "the GIL are exact. A page of less time (report --from --to) shows more.");
	});
	// The timeline is seen while the rest is made; a page that nobody sees has no frames.
	await new Promise((done) => {
		requestAnimationFrame(() => setTimeout(done));
		setTimeout(done, 300);
	});
	if (page.compare)
		FTTables.compare(main, page.compare, ...names);
	flames();
	sides.forEach((side, i) => {
		const off = side.report.target.python.gil === "off";
		const s = make(main, "section", { class: off ? "figures nogil" : "figures", "data-side": i });
		make(s, "h2", null, two ? names[i] : "Figures");
		FTTables.side(s, side);
	});
	document.documentElement.dataset.ready = "1";
}).catch((e) => {
	const p = document.createElement("p");
	p.textContent = `This page cannot be shown: ${e.message}. A browser of 2023 or later is needed.`;
	document.getElementById("main").append(p);
	throw e;
});
