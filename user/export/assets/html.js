// SPDX-License-Identifier: BSD-2-Clause
// Draws the page: the graph on a canvas as large as what is seen of it, and the table.

(() => {
	const ROW = 18, GAP = 0.5, LEAST = 0.3, KINDS = "pnkm", WORDS = ["", "native", "kernel", ""];
	const data = JSON.parse(document.getElementById("data").textContent);
	const root = document.documentElement, main = document.getElementById("main");

	// Elements are made by hand and names are set as text: nothing of the data is ever markup.
	function make(parent, name, attributes, ...children) {
		const e = document.createElement(name);
		for (const [k, v] of Object.entries(attributes || {}))
			e.setAttribute(k, v);
		e.append(...children);
		if (parent)
			parent.append(e);
		return e;
	}

	const frames = [];
	for (let i = 0; i < data.frames.length; i += 5) {
		const [kind, name, file, line, tint] = data.frames.slice(i, i + 5);
		const place = file && line ? `${file}:${line}` : file;
		frames.push({ kind, name, tint, place, fill: KINDS[kind] + tint,
			      where: [WORDS[kind], place].filter(Boolean).join(", "),
			      func: `${kind}\n${name}\n${file}` });
	}
	const step = data.differs ? 6 : 4, n = data.nodes.length / step;
	const column = (k) => Float64Array.from({ length: n }, (_, i) => data.nodes[i * step + k]);
	const frame = Int32Array.from({ length: n }, (_, i) => data.nodes[i * step + 1]);
	const tree = new FT.Tree(column(0), column(2), column(3), data.differs ? column(4) : null,
				 data.differs ? column(5) : null);
	const top = { kind: 3, name: "all", where: "", fill: "m0" };
	const frameOf = (i) => i ? frames[frame[i]] : top;

	// The parts of the page.
	const bar = make(main, "div", { id: "bar", role: "toolbar", "aria-label": "Graph" });
	const input = make(bar, "input", { type: "search", id: "search", placeholder: "search: text or pattern",
					   "aria-label": "Search: a text, or a pattern", spellcheck: "false" });
	const found = make(bar, "span", { id: "found", role: "status" });
	const buttons = {};
	for (const [id, label] of [["reset", "Reset"], ["invert", "Invert"], ["base", "Widths: this session"],
				   ["theme", "Theme: system"], ["keys", "Keys ?"]]) {
		if (id !== "base" || data.differs)
			buttons[id] = make(bar, "button", { type: "button", id }, label);
	}
	const graph = make(main, "div", { id: "graph", tabindex: "0", role: "application",
					  "aria-label": "Flame graph. Arrow keys move, Enter zooms, ? shows all keys.",
					  "aria-describedby": "info" });
	const spacer = make(graph, "div");
	const canvas = make(spacer, "canvas", { "aria-hidden": "true" });
	const info = make(main, "div", { id: "info", role: "status", "aria-live": "polite" });
	const legend = make(main, "div", { id: "legend" });
	const dialog = make(main, "dialog", { "aria-label": "Keys" });
	const keys = make(dialog, "dl");
	for (const [key, what] of FT.HELP) {
		make(keys, "dt", null, key);
		make(keys, "dd", null, what);
	}
	const pen = canvas.getContext("2d");
	let width = 0, height = 0, col = 7.2, hover = -1, colours = {}, fills = {}, paper = false;

	function weave(c, kind) {
		c.beginPath();
		if (kind === 1)
			for (const [a, b, d, e] of [[-1, 1, 1, -1], [0, 6, 6, 0], [5, 7, 7, 5]])
				c.moveTo(a, b), c.lineTo(d, e);
		else if (kind === 2)
			c.moveTo(0, 3), c.lineTo(6, 3), c.moveTo(3, 0), c.lineTo(3, 6);
		else
			c.moveTo(1, 1), c.lineTo(2, 1), c.moveTo(4, 4), c.lineTo(5, 4);
		c.stroke();
	}

	// The fill of a box: its colour, and over it what tells its kind.
	function fillOf(kind, name) {
		const key = `${kind}${name}`;
		if (fills[key])
			return fills[key];
		const colour = colours[name];
		if (!kind)
			return (fills[key] = colour);
		const ratio = window.devicePixelRatio || 1, tile = document.createElement("canvas");
		tile.width = tile.height = Math.round(6 * ratio);
		const c = tile.getContext("2d");
		c.fillStyle = colour;
		c.fillRect(0, 0, tile.width, tile.height);
		c.scale(tile.width / 6, tile.width / 6);
		c.strokeStyle = colours.weave;
		weave(c, kind);
		const pattern = pen.createPattern(tile, "repeat");
		pattern.setTransform(new DOMMatrix().scale(6 / tile.width));
		return (fills[key] = pattern);
	}

	function readColours() {
		const style = getComputedStyle(root);
		colours = {};
		fills = {};
		for (const name of ["page", "ink", "soft", "hit", "hit-text", "text"])
			colours[name] = style.getPropertyValue(`--${name}`).trim();
		colours.weave = style.getPropertyValue(data.differs ? "--weave-d" : "--weave").trim();
		for (const letter of KINDS)
			for (let i = 0; i < 8; i++)
				colours[letter + i] = style.getPropertyValue(`--${letter}${i}`).trim();
		for (let i = 0; i < 11; i++)
			colours[`d${i}`] = style.getPropertyValue(`--d${i}`).trim();
	}

	const view = {
		name: (i) => frameOf(i).name,
		where: (i) => frameOf(i).where,

		scale() {
			const w = tree.weight[control.zoomed];
			return w ? width / w : 0;
		},

		width: (i) => tree.weight[i] * view.scale(),

		// Where a box is: x, y, width, of the whole graph.
		box(i) {
			const z = control.zoomed, k = view.scale(), d = tree.depth[i];
			const y = (control.inverted ? d : tree.deepest - d) * ROW;
			return i < z ? [0, y, width] : [(tree.x[i] - tree.x[z]) * k, y, tree.weight[i] * k];
		},

		draw() {
			const ratio = window.devicePixelRatio || 1;
			width = graph.clientWidth;
			const whole = (tree.deepest + 1) * ROW;
			spacer.style.height = `${whole}px`;
			height = paper ? Math.min(whole, 16000) : Math.min(graph.clientHeight, whole);
			canvas.width = Math.max(1, Math.round(width * ratio));
			canvas.height = Math.max(1, Math.round(height * ratio));
			canvas.style.width = `${width}px`;
			canvas.style.height = `${height}px`;
			pen.setTransform(ratio, 0, 0, ratio, 0, paper ? 0 : -graph.scrollTop * ratio);
			pen.textBaseline = "middle";
			pen.font = `12px ${getComputedStyle(root).getPropertyValue("--mono")}`;
			col = pen.measureText("m".repeat(100)).width / 100 || col;
			const z = control.zoomed, k = view.scale();
			for (let i = z; i > 0; i = tree.parent[i])
				if (i !== z)
					view.paint(i);
			if (z)
				view.paint(0);
			for (let i = z; i < tree.end[z];) {
				if (tree.weight[i] * k < LEAST && i !== z) {
					i = tree.end[i];
					continue;
				}
				view.paint(i);
				i++;
			}
			view.outline();
			view.line();
		},

		paint(i) {
			const [x, y, w] = view.box(i), f = frameOf(i), up = i < control.zoomed;
			const from = paper ? 0 : graph.scrollTop;
			if (y + ROW < from || y > from + height)
				return;
			const hit = control.hits && control.hits[i];
			const shade = data.differs ? `d${FT.step(tree.total[i], tree.base[i])}` : f.fill;
			pen.fillStyle = hit ? colours.hit : fillOf(f.kind, shade);
			pen.globalAlpha = up ? 0.55 : 1;
			pen.fillRect(x, y, w > 3 ? w - GAP : w, ROW - 1);
			pen.globalAlpha = 1;
			const label = FT.clip(f.name, Math.floor((w - 6) / col));
			if (!label)
				return;
			const style = `${hit ? "bold " : ""}${f.kind === 3 ? "italic " : ""}`;
			const font = `${style}12px ${getComputedFont()}`;
			if (pen.font !== font)
				pen.font = font;
			pen.fillStyle = hit ? colours["hit-text"] : colours.text;
			pen.fillText(label, x + 3, y + ROW / 2 + 0.5);
		},

		// Round the frame under the mouse, and the one that the keys are at.
		outline() {
			const focused = document.activeElement === graph;
			for (const [i, thick] of [[hover, 1], [focused ? control.at : -1, 2]]) {
				if (i < 0 || !tree.shown(i, control.zoomed))
					continue;
				const [x, y, w] = view.box(i);
				pen.strokeStyle = colours.ink;
				pen.lineWidth = thick;
				pen.strokeRect(x + thick / 2, y + thick / 2, Math.max(w - thick - GAP, 1),
					       ROW - 1 - thick);
			}
		},

		moved(i) {
			hover = -1;
			const [, y] = view.box(i);
			if (y < graph.scrollTop)
				graph.scrollTop = y;
			else if (y + ROW > graph.scrollTop + graph.clientHeight)
				graph.scrollTop = y + ROW - graph.clientHeight;
			graph.focus({ preventScroll: true });
			view.draw();
		},

		said(text) {
			found.textContent = text;
		},

		line() {
			const i = hover >= 0 ? hover : document.activeElement === graph ? control.at :
				control.zoomed;
			const text = control.tip(i);
			if (info.textContent !== text)
				info.textContent = text;
		},

		openSearch() {
			input.focus();
			input.select();
		},

		closeSearch() {
			if (document.activeElement !== input)
				return false;
			graph.focus();
			return true;
		},

		help(on) {
			if (on)
				dialog.showModal();
			else
				dialog.close();
		},

		// The frame at a place of the graph, -1: none.
		find(px, py) {
			const row = Math.floor(py / ROW), z = control.zoomed, k = view.scale();
			const depth = control.inverted ? row : tree.deepest - row;
			if (depth < 0)
				return -1;
			let i = z;
			while (i > 0 && tree.depth[i] > depth)
				i = tree.parent[i];
			if (tree.depth[i] === depth)
				return i;
			const ns = k ? px / k + tree.x[z] : -1;
			for (i = z; i >= 0 && tree.depth[i] < depth;) {
				let c = i + 1;
				while (c < tree.end[i] && tree.x[c] + tree.weight[c] <= ns)
					c = tree.end[c];
				i = c < tree.end[i] && tree.x[c] <= ns ? c : -1;
			}
			return i;
		},
	};
	const control = new FT.Control(tree, view);
	let mono = "";
	const getComputedFont = () => mono || (mono = getComputedStyle(root).getPropertyValue("--mono"));

	// The legend.
	function swatch(parent, kind, shade) {
		const c = make(parent, "canvas", { width: 48, height: 24, "aria-hidden": "true" }), p = c.getContext("2d");
		p.scale(2, 2);
		p.fillStyle = colours[shade];
		p.fillRect(0, 0, 24, 12);
		p.strokeStyle = colours.weave;
		for (let x = 0; kind && x < 24; x += 6)
			for (let y = 0; y < 12; y += 6) {
				p.save();
				p.beginPath();
				p.rect(x, y, 6, 6);
				p.clip();
				p.translate(x, y);
				weave(p, kind);
				p.restore();
			}
	}

	function drawLegend() {
		legend.replaceChildren();
		["Python", "native", "kernel", "no function: says why"].forEach((word, kind) => {
			const s = make(legend, "span");
			swatch(s, kind, data.differs ? "d5" : `${KINDS[kind]}${kind ? 2 : 0}`);
			s.append(word);
		});
		if (!data.differs)
			return;
		const s = make(legend, "span", { class: "ramp" });
		make(s, "i", null, "less");
		for (let i = 0; i < 11; i++)
			swatch(s, 0, `d${i}`);
		make(s, "i", null, "more than in the base");
	}

	// The table.
	const columns = [
		{ id: "self", label: "Self", get: (r) => r.self },
		{ id: "total", label: "Total", get: (r) => r.total },
		{ id: "baseSelf", label: "Self, base", get: (r) => r.baseSelf, differs: true },
		{ id: "base", label: "Total, base", get: (r) => r.base, differs: true },
		{ id: "change", label: "Total, change", get: (r) => r.total - r.base, differs: true },
		{ id: "name", label: "Function", get: (r) => r.f.name, text: true },
		{ id: "where", label: "Where", get: (r) => r.f.place, text: true },
	].filter((c) => data.differs || !c.differs);
	const rows = [], per = data.differs ? 5 : 3;
	for (let i = 0; i < data.funcs.length; i += per) {
		const [f, self, total, baseSelf, base] = data.funcs.slice(i, i + per);
		rows.push({ f: frames[f], self, total, baseSelf, base });
	}
	make(main, "h2", { id: "top" }, "Functions");
	const table = make(make(main, "div", { class: "table" }), "table", { "aria-labelledby": "top" });
	const headRow = make(make(table, "thead"), "tr"), body = make(table, "tbody");
	let order = { id: "self", down: true }, chosen = "";
	for (const c of columns) {
		c.th = make(headRow, "th", { scope: "col", class: c.text ? "" : "n" });
		c.button = make(c.th, "button", { type: "button" }, c.label);
		c.button.addEventListener("click", () => {
			order = { id: c.id, down: order.id === c.id ? !order.down : !c.text };
			drawTable();
		});
	}

	function numberCell(tr, v, signed) {
		const all = tree.total[0], size = Math.abs(v);
		const sign = signed && v ? (v < 0 ? "\u2212" : "+") : "";
		const td = make(tr, "td", { class: "n" }, `${sign}${FT.ns(size)} \u00b7 ${FT.percent(size, all).replace(/^\d/, `${sign}$&`)}`);
		if (!data.differs) {
			const share = make(td, "span", { class: "share", "aria-hidden": "true" });
			make(share, "i").style.width = `${all ? Math.min(100, 100 * size / all) : 0}%`;
		}
	}

	function drawTable() {
		const by = columns.find((c) => c.id === order.id), sign = order.down ? -1 : 1;
		rows.sort((a, b) => {
			const x = by.get(a), y = by.get(b);
			return (x < y ? -1 : x > y ? 1 : 0) * sign;
		});
		for (const c of columns)
			c.th.setAttribute("aria-sort", c !== by ? "none" : order.down ? "descending" : "ascending");
		for (const c of columns)
			c.button.textContent = c.label + (c !== by ? "" : order.down ? " \u2193" : " \u2191");
		body.replaceChildren(...rows.map((r) => {
			const tr = make(null, "tr", { class: r.f.func === chosen ? "hit" : "" });
			for (const c of columns) {
				if (!c.text) {
					numberCell(tr, c.get(r), c.id === "change");
				} else if (c.id === "name") {
					const td = make(make(tr, "td", { class: "name" }), "div");
					if (WORDS[r.f.kind])
						make(td, "span", { class: "kind" }, WORDS[r.f.kind]);
					make(td, "button", { type: "button" }, r.f.name);
				} else {
					make(make(tr, "td", { class: "where" }), "div", null, r.f.place);
				}
			}
			tr.addEventListener("click", () => choose(r.f.func, r.f.name));
			return tr;
		}));
	}

	// Highlights one function of the table, or none when it is the one that already is.
	function choose(func, name) {
		chosen = func === chosen ? "" : func;
		input.value = chosen ? name : "";
		control.query = input.value;
		control.bad = false;
		control.hits = chosen ? Uint8Array.from({ length: tree.n }, (_, i) =>
			i && frameOf(i).func === chosen ? 1 : 0) : null;
		control.found();
		view.draw();
		drawTable();
	}

	// Theme, events.
	function recolour() {
		readColours();
		drawLegend();
		view.draw();
	}

	const themes = ["system", "dark", "light"];
	let theme = 0;
	buttons.theme.addEventListener("click", () => {
		theme = (theme + 1) % themes.length;
		buttons.theme.textContent = `Theme: ${themes[theme]}`;
		if (theme)
			root.dataset.theme = themes[theme];
		else
			delete root.dataset.theme;
		recolour();
	});
	window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
	function print(on) {
		paper = on;
		if (on)
			root.dataset.theme = "light";
		else if (theme)
			root.dataset.theme = themes[theme];
		else
			delete root.dataset.theme;
		recolour();
	}
	window.addEventListener("beforeprint", () => print(true));
	window.addEventListener("afterprint", () => print(false));

	function clear() {
		input.value = "";
		chosen = "";
		control.search("");
		drawTable();
	}
	buttons.reset.addEventListener("click", () => {
		clear();
		control.reset();
	});
	buttons.invert.addEventListener("click", () => {
		control.invert();
		graph.scrollTop = control.inverted ? 0 : graph.scrollHeight;
	});
	if (buttons.base)
		buttons.base.addEventListener("click", () => {
			tree.weight = tree.weight === tree.total ? tree.base : tree.total;
			tree.place();
			buttons.base.textContent = tree.weight === tree.base ? "Widths: base" : "Widths: this session";
			control.found();
			view.draw();
		});
	buttons.keys.addEventListener("click", () => control.toggleHelp());
	dialog.addEventListener("close", () => {
		control.helping = false;
	});
	dialog.addEventListener("click", () => dialog.close());

	const at = (e) => {
		const r = canvas.getBoundingClientRect();
		return view.find(e.clientX - r.left, e.clientY - r.top + graph.scrollTop);
	};
	canvas.addEventListener("mousemove", (e) => {
		const i = at(e);
		if (i === hover)
			return;
		hover = i;
		graph.classList.toggle("on", i >= 0);
		view.draw();
	});
	canvas.addEventListener("mouseleave", () => {
		hover = -1;
		view.draw();
	});
	canvas.addEventListener("click", (e) => {
		const i = at(e);
		if (i < 0)
			return;
		control.at = i;
		control.zoom(i);
	});
	graph.addEventListener("focus", () => view.draw());
	graph.addEventListener("blur", () => view.draw());
	graph.addEventListener("scroll", () => view.draw());
	input.addEventListener("input", () => {
		chosen = "";
		control.search(input.value);
		drawTable();
	});
	input.addEventListener("keydown", (e) => {
		if (e.key === "Enter" || e.key === "Escape") {
			if (e.key === "Escape")
				clear();
			graph.focus();
			e.preventDefault();
			e.stopPropagation();
		} else if (!e.ctrlKey) {
			e.stopPropagation();
		}
	});
	window.addEventListener("keydown", (e) => {
		const inside = e.target === graph || e.target === document.body;
		const anywhere = e.key === "/" || e.key === "?" || e.key === "Escape" || (e.ctrlKey && e.key === "f");
		if (dialog.open || !(inside || anywhere))
			return;
		if (e.key === "Escape" && control.query)
			clear(), e.preventDefault();
		else if (control.key(e))
			e.preventDefault();
	});
	new ResizeObserver(() => view.draw()).observe(graph);
	readColours();
	drawLegend();
	drawTable();
	view.draw();
	graph.scrollTop = graph.scrollHeight;
})();
