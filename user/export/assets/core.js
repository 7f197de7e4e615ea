// SPDX-License-Identifier: BSD-2-Clause
// What the SVG file and the HTML page share: figures in words, the tree, search, zoom and keys.
"use strict";

const FT = (() => {
	const UNITS = ["ns", "us", "ms", "s"];

	// Three significant digits, as ft_format_ns() rounds.
	function ns(v) {
		if (v < 1000)
			return `${Math.round(v)} ns`;
		for (let u = 1, unit = 1000; ; u++, unit *= 1000) {
			for (const steps of [100, 10, 1]) {
				const q = Math.round(v / unit * steps);
				if (q < 1000 || (u === 3 && steps === 1))
					return `${q / steps} ${UNITS[u]}`;
			}
		}
	}

	function percent(part, whole) {
		const p = whole ? 100 * part / whole : 0;
		return p === 0 ? "0 %" : p < 0.05 ? "<0.1 %" : `${p.toFixed(1)} %`;
	}

	function count(n) {
		return String(n).replace(/\B(?=(\d{3})+$)/g, ",");
	}

	function change(now, base) {
		if (!base)
			return now ? ": new" : "";
		if (!now)
			return ": gone";
		const p = 100 * (now - base) / base;
		return Math.abs(p) < 0.05 ? ": the same" :
			`: ${Math.abs(p).toFixed(1)} % ${p < 0 ? "less" : "more"}`;
	}

	// The step of a difference's scale, as ft_pal_step_of().
	function step(now, base) {
		const most = Math.max(now, base);
		return most ? Math.floor(((now - base) / most + 1) * 5 + 0.5) : 5;
	}

	// As much of a name as goes into cols columns; what is not ASCII may be two wide.
	function clip(name, cols) {
		if (cols < 3)
			return "";
		if (name.length <= cols && !/[^\x20-\x7e]/.test(name))
			return name;
		let out = "", used = 0, fits = "";
		for (const c of name) {
			used += c > "~" ? 2 : 1;
			if (used > cols)
				return `${fits}\u2026`;
			out += c;
			if (used < cols)
				fits = out;
		}
		return out;
	}

	// A text that stands in some name is looked for as it is, anything else, and /text/, is a
	// pattern; capitals count when there are some. null: neither.
	function matcher(text, names) {
		const slashes = /^\/(.+)\/$/.exec(text);
		const fold = text === text.toLowerCase();
		const low = fold ? (s) => s.toLowerCase() : (s) => s;
		if (!slashes && names.some((s) => low(s).includes(text)))
			return { test: (s) => low(s).includes(text), pattern: false };
		try {
			const re = new RegExp(slashes ? slashes[1] : text, fold ? "iu" : "u");
			return { test: (s) => re.test(s), pattern: true };
		} catch {
			return null;
		}
	}

	// A tree, depth first: a frame's descendants are those from i + 1 to end[i] - 1.
	class Tree {
		constructor(depth, total, self, base, baseSelf) {
			const n = depth.length, open = [];
			Object.assign(this, { n, depth, total, self, base, baseSelf, weight: total });
			this.parent = new Int32Array(n).fill(-1);
			this.end = new Int32Array(n).fill(n);
			this.deepest = 0;
			for (let i = 0; i < n; i++) {
				while (open.length > depth[i])
					this.end[open.pop()] = i;
				if (open.length)
					this.parent[i] = open[open.length - 1];
				open.push(i);
				this.deepest = Math.max(this.deepest, depth[i]);
			}
			this.place();
		}

		// Left edges, in the measure of the weights.
		place() {
			const { n, parent, weight } = this, at = new Float64Array(n);
			this.x = new Float64Array(n);
			for (let i = 1; i < n; i++) {
				const p = parent[i];
				this.x[i] = at[i] = at[p];
				at[p] += weight[i];
			}
		}

		// Shown when z is zoomed into: its callers, itself, and what it calls.
		shown(i, z) {
			return i < z ? this.end[i] > z : i < this.end[z];
		}

		// Time of the stacks that hold a frame for which hit[i], each counted once, below z;
		// and how much more it may be: time whose frames were left out.
		matched(hit, z) {
			let sum = 0, open = 0;
			for (let i = z; i < this.end[z];) {
				if (hit[i]) {
					sum += this.weight[i];
					i = this.end[i];
				} else {
					let rest = this.weight[i] - (this.weight === this.base ?
						this.baseSelf[i] : this.self[i]);
					for (let c = i + 1; c < this.end[i]; c = this.end[c])
						rest -= this.weight[c];
					open += Math.max(rest, 0);
					i++;
				}
			}
			return { sum, open };
		}
	}

	// Zoom, search and keys of a tree. `view` draws: draw(), moved(i, focus), said(text),
	// name(i), where(i), width(i) in px, openSearch(), closeSearch(), help(on).
	class Control {
		constructor(tree, view) {
			Object.assign(this, { tree, view, zoomed: 0, at: 0, hits: null, query: "",
					      inverted: false, helping: false, foundText: "" });
		}

		tip(i) {
			const t = this.tree, all = t.total[0];
			const parts = [this.view.name(i)];
			if (this.view.where(i))
				parts.push(this.view.where(i));
			parts.push(percent(t.total[i], all), ns(t.total[i]), `self ${ns(t.self[i])}`);
			let text = parts.join(", ");
			if (t.base)
				text += `; base ${percent(t.base[i], all)}, ${ns(t.base[i])}` +
					change(t.total[i], t.base[i]);
			return text;
		}

		zoom(i) {
			this.zoomed = i;
			if (!this.tree.shown(this.at, i))
				this.at = i;
			this.found();
			this.view.draw();
		}

		reset() {
			this.zoom(0);
		}

		search(text) {
			const { tree, view } = this;
			this.query = text;
			this.hits = null;
			this.bad = false;
			if (text) {
				const names = [];
				for (let i = 0; i < tree.n; i++)
					names.push(view.name(i));
				const m = matcher(text, names);
				this.bad = !m;
				if (m)
					this.hits = Uint8Array.from(names, (s, i) => i && m.test(s) ? 1 : 0);
			}
			this.found();
			view.draw();
		}

		// What the search has found, in words.
		found() {
			const { tree, hits, zoomed } = this;
			this.foundText = this.bad ? "not a pattern" : "";
			if (hits) {
				const share = (z) => {
					const { sum, open } = tree.matched(hits, z);
					const low = percent(sum, tree.weight[z]);
					const high = percent(sum + open, tree.weight[z]);
					return low === high ? low : `${low} to ${high}`;
				};
				const n = hits.reduce((a, b) => a + b, 0);
				this.foundText = `${count(n)} ${n === 1 ? "frame" : "frames"}, ` +
					`matched ${share(0)}` + (zoomed ? `, of what is shown ${share(zoomed)}` : "");
			}
			this.view.said(this.foundText);
		}

		move(i) {
			if (i < 0 || i >= this.tree.n)
				return;
			this.at = i;
			this.view.moved(i);
		}

		// The nearest frame of the same depth to the left (-1) or right (1) that can be seen.
		beside(dir) {
			const { tree, at, zoomed, view } = this;
			for (let i = at + dir; i > zoomed && i < tree.end[zoomed]; i += dir) {
				if (tree.depth[i] === tree.depth[at] && view.width(i) >= 0.3)
					return i;
			}
			return at;
		}

		child() {
			const { tree, at, zoomed } = this;
			let best = -1;
			for (let c = at + 1; c < tree.end[at]; c = tree.end[c]) {
				if (tree.shown(c, zoomed) && (best < 0 || tree.weight[c] > tree.weight[best]))
					best = c;
			}
			return best;
		}

		// True when the key meant something here.
		key(e) {
			if (e.altKey || e.metaKey)
				return false;
			if (e.key === "Escape") {
				if (this.helping)
					this.toggleHelp();
				else if (this.view.closeSearch())
					;
				else if (this.query)
					this.search("");
				else
					this.reset();
				return true;
			}
			if ((e.ctrlKey && e.key === "f") || (!e.ctrlKey && e.key === "/")) {
				this.view.openSearch();
				return true;
			}
			if (e.ctrlKey)
				return false;
			switch (e.key) {
			case "ArrowUp":
			case "ArrowDown":
				this.move((e.key === "ArrowUp") !== this.inverted ? this.child() :
					  this.tree.parent[this.at]);
				return true;
			case "ArrowLeft":
				this.move(this.beside(-1));
				return true;
			case "ArrowRight":
				this.move(this.beside(1));
				return true;
			case "Home":
				this.move(this.zoomed);
				return true;
			case "Enter":
			case " ":
				this.zoom(this.at);
				this.move(this.at);
				return true;
			case "Backspace":
				this.zoom(Math.max(this.tree.parent[this.zoomed], 0));
				this.move(this.zoomed);
				return true;
			case "i":
				this.invert();
				return true;
			case "?":
				this.toggleHelp();
				return true;
			}
			return false;
		}

		invert() {
			this.inverted = !this.inverted;
			this.view.draw();
			this.view.moved(this.at);
		}

		toggleHelp() {
			this.helping = !this.helping;
			this.view.help(this.helping);
		}
	}

	const HELP = [
		["click, Enter", "zoom into a frame"],
		["Escape", "end the search, then zoom out"],
		["Backspace", "zoom out by one frame"],
		["arrows", "move to what a frame calls, its caller, its neighbours"],
		["Home", "move to the widest frame shown"],
		["/, Ctrl-F", "search: a text, or a pattern"],
		["i", "put the root on top, or at the bottom"],
		["?", "this text"],
	];

	return { ns, percent, count, change, step, clip, matcher, Tree, Control, HELP };
})();
