// SPDX-License-Identifier: BSD-2-Clause
// What the timeline says in words: times, spans, stacks, and who held the GIL.

const FTWords = (() => {
	const FRAMES = 8, KINDS = ["", " (native)", " (kernel)", ""];

	// A time to the last ns that counts: "1 s 234 ms 567 us"; units below `fine` are left out.
	function exact(t, fine = 1) {
		const parts = [];
		let rest = Math.max(Math.round(t / fine) * fine, 0);
		for (const unit of [1e9, 1e6, 1e3, 1]) {
			const v = Math.floor(rest / unit);
			if (v)
				parts.push(FT.ns(v * unit));
			rest -= v * unit;
		}
		return parts.join(" ") || FT.ns(0);
	}

	// As exact as its length asks for.
	function when(from, to) {
		const fine = to - from >= 1e6 ? 1e3 : 1;
		return `from ${exact(from, fine)} to ${exact(to, fine)}`;
	}

	function state(side, s) {
		if (s === FTData.GAP)
			return "events lost: what it did is not known";
		if (s === FTData.ABSENT)
			return "not there";
		return side.words[s] || "unknown";
	}

	function thread(side, thr) {
		const t = side.threads[thr];
		return t ? t.name || `thread ${t.tid}` : "a thread without a lane";
	}

	function lock(side, i) {
		const l = side.locks[i];
		return l ? [l.name, l.where].filter(Boolean).join(", ") : "";
	}

	// The stack of a node, innermost first.
	function stack(side, node) {
		const lines = [], { nodes, frames } = side;
		let more = 0;
		// Parents come first, so that this ends.
		for (let n = node, below = Infinity; n >= 0 && n < below && 2 * n + 1 < nodes.length;) {
			const [kind, name, file, line] = frames.slice(5 * nodes[2 * n + 1], 5 * nodes[2 * n + 1] + 4);
			const place = file ? `, ${file}${line ? `:${line}` : ""}` : "";
			if (lines.length < FRAMES)
				lines.push(`${name}${place}${KINDS[kind] || ""}`);
			else
				more++;
			below = n;
			n = nodes[2 * n] - 1;
		}
		if (more)
			lines.push(`and ${FT.count(more)} more`);
		return lines;
	}

	const shares = (list) => list.map(([what, share]) => `${what} ${FT.percent(share, 1)}`).join(", ");

	function inUse(side, t) {
		const n = side.onCores(t), all = side.cores.length;
		return `${Math.round(n * 100) / 100} of ${all} ${all === 1 ? "core" : "cores"} in use then`;
	}

	function threadSpan(side, thr, s, t) {
		const lines = [], length = FT.ns(s.to - s.from);
		if (s.mix)
			lines.push(`${s.mix.length} states mixed in ${length}: ` +
				   shares(s.mix.map(([k, x]) => [state(side, k), x])));
		else
			lines.push(`${state(side, s.state)}, ${length}`);
		lines.push(when(s.from, s.to));
		if (s.held)
			lines.push("held the GIL while off its core");
		if (s.cpu >= 0 && s.state <= 2)
			lines.push(`on core ${s.cpu}`);
		if (s.lock >= 0)
			lines.push(`lock: ${lock(side, s.lock)}`);
		if (s.wake >= 0) {
			const late = s.to - s.wake;
			lines.push(`woken by ${thread(side, s.waker)}` +
				   (late > 0 ? `, ran ${FT.ns(late)} later` : ""));
		}
		lines.push(inUse(side, t));
		return s.node >= 0 ? lines.concat(stack(side, s.node)) : lines;
	}

	const CORE = ["holds the GIL", "runs without the GIL", "spins for a lock"];

	function coreSpan(side, s, t, gil) {
		const lines = [], length = FT.ns(s.to - s.from);
		if (s.state <= 2)
			lines.push(thread(side, s.thr), `${s.state === 1 && !gil ? "runs" : CORE[s.state]}, ${length}`);
		else if (s.state === FTData.GAP)
			lines.push(`events lost, ${length}: who ran is not known`);
		else if (s.mix)
			lines.push(`several spans mixed in ${length}, most of it ${thread(side, s.thr)}: ` +
				   shares(s.mix.map(([k, x]) => [CORE[k] || "other processes", x]).filter(([, x]) => x)));
		else
			lines.push(`${s.others ? `other processes ${FT.percent(s.others, 1)} of` : "idle"} ${length}`);
		lines.push(when(s.from, s.to), inUse(side, t));
		return lines;
	}

	// Several spans in [a, b): what they are, the most of it first.
	function several(side, row, gil, a, b) {
		const v = row.lane.shares(a, b), list = [];
		if (row.type === "thread") {
			for (let s = 0; s <= FTData.GAP; s++)
				list.push([s === FTData.GAP ? "events lost" : state(side, s), v[s] / (b - a)]);
		} else {
			const add = (what, from) => {
				let sum = 0;
				for (let c = 0; c <= FTData.COLOURS; c++)
					sum += v[3 * c + from];
				list.push([what, sum / (b - a)]);
			};
			CORE.forEach((what, k) => add(k === 1 && !gil ? "runs" : what, k));
			list.push(["other processes", v[FTData.OTHERS] / (b - a)],
				  ["events lost", v[FTData.CORE_GAP] / (b - a)]);
			list.push(["idle", 1 - list.reduce((sum, [, x]) => sum + x, 0)]);
		}
		const some = list.filter(([, x]) => x > 1e-6).sort((x, y) => y[1] - x[1]);
		return [`several spans in ${FT.ns(b - a)}: ${shares(some)}`, when(a, b)];
	}

	// What is at a time of a row, as lines; px: the ns of a pixel.
	function tip(side, row, gil, t, px) {
		if (row.type === "curve") {
			const v = row.curve.mean(t - px / 2, t + px / 2);
			return [row.words, `${v.toFixed(2)} at ${exact(t)}`];
		}
		const head = row.type === "core" ? `core ${side.cores[row.i].cpu}` :
			`${thread(side, row.i)} (${side.threads[row.i].tid})`;
		const i = row.lane.find(t);
		if (i < 0)
			return [head, "nothing here"];
		const [from, to] = row.lane.times(i);
		if (to - from < px)
			return [head, ...several(side, row, gil, Math.max(t - px / 2, 0), Math.min(t + px / 2, side.ns))];
		const s = row.lane.span(i);
		return [head, ...(row.type === "core" ? coreSpan(side, s, t, gil) : threadSpan(side, row.i, s, t))];
	}

	// Who held the GIL during a wait: the longest times in their order, the sum by thread, and what is
	// in neither; last: the thread that held it at the end.
	function holders(side, from, to, most = 12) {
		const all = side.holder(from, to), by = new Map();
		let sum = 0;
		for (const h of all) {
			h.ns = (h.to - h.from) * h.share;
			by.set(h.thr, (by.get(h.thr) || 0) + h.ns);
			sum += h.ns;
		}
		const list = [...all].sort((x, y) => y.ns - x.ns).slice(0, most).sort((x, y) => x.from - y.from);
		return { list, more: all.length - list.length, by: [...by].sort((x, y) => y[1] - x[1]),
			 nobody: Math.max(to - from - sum, 0), over: sum > 1.01 * (to - from), last: all.reduce((l, h) => !l || h.to >= l.to ? h : l, null),
			 of: (thr) => all.filter((h) => h.thr === thr).pop() };
	}

	return { exact, when, state, thread, tip, holders };
})();
