// SPDX-License-Identifier: BSD-2-Clause
// A flame graph on a canvas as large as what is seen of it, with its search, line and legend.

const FTFlame = (() => {
	const ROW = 18, GAP = 0.5, LEAST = 0.3, KINDS = "pnkm", WORDS = ["", "native", "kernel", ""];
	const { make, button } = FTParts, root = document.documentElement;

	// Of what lies under all frames.
	const ALL = { kind: 3, name: "all", where: "", fill: "m0", func: "" };

	// Frames from a flat list: kind, name, file, line, tint.
	function frames(flat) {
		const list = [];
		for (let i = 0; i < flat.length; i += 5) {
			const [kind, name, file, line, tint] = flat.slice(i, i + 5);
			const place = file && line ? `${file}:${line}` : file;
			list.push({ kind, name, place, fill: KINDS[kind] + tint, word: WORDS[kind],
				    where: [WORDS[kind], place].filter(Boolean).join(", "),
				    func: `${kind}\n${name}\n${file}` });
		}
		return list;
	}

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

	// Puts a graph into parent. o: differs (the tree has a base), alone (the page has nothing else),
	// help(on), searched() when a text is searched for, or nothing any more. show() must follow
	// before anything else.
	function create(parent, o) {
		const bar = make(parent, "div", { id: "bar", role: "toolbar", "aria-label": "Flame graph" });
		const input = make(bar, "input", { type: "search", id: "search", placeholder: "search: text or pattern",
						   "aria-label": "Search: a text, or a pattern", spellcheck: "false" });
		const found = make(bar, "span", { id: "found", role: "status" });
		const graph = make(parent, "div", { id: "graph", tabindex: "0", role: "application",
						    "aria-label": "Flame graph. Arrow keys move, Enter zooms, ? shows all keys.",
						    "aria-describedby": "info" });
		const spacer = make(graph, "div");
		const canvas = make(spacer, "canvas", { "aria-hidden": "true" });
		const info = make(parent, "div", { id: "info", role: "status", "aria-live": "polite" });
		const legend = make(parent, "div", { id: "legend" });
		const pen = canvas.getContext("2d");
		let tree = null, frameOf = null, control = null;
		let width = 0, height = 0, col = 7.2, hover = -1, colours = {}, fills = {}, mono = "", paper = false;

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
			mono = style.getPropertyValue("--mono").trim();
			for (const name of ["page", "ink", "soft", "hit", "hit-text", "text"])
				colours[name] = style.getPropertyValue(`--${name}`).trim();
			colours.weave = style.getPropertyValue(o.differs ? "--weave-d" : "--weave").trim();
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
				pen.font = `12px ${mono}`;
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
				const shade = o.differs ? `d${FT.step(tree.total[i], tree.base[i])}` : f.fill;
				pen.fillStyle = hit ? colours.hit : fillOf(f.kind, shade);
				pen.globalAlpha = up ? 0.55 : 1;
				pen.fillRect(x, y, w > 3 ? w - GAP : w, ROW - 1);
				pen.globalAlpha = 1;
				const label = FT.clip(f.name, Math.floor((w - 6) / col));
				if (!label)
					return;
				const style = `${hit ? "bold " : ""}${f.kind === 3 ? "italic " : ""}`;
				const font = `${style}12px ${mono}`;
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

			help: (on) => o.help(on),

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
				swatch(s, kind, o.differs ? "d5" : `${KINDS[kind]}${kind ? 2 : 0}`);
				s.append(word);
			});
			if (!o.differs)
				return;
			const s = make(legend, "span", { class: "ramp" });
			make(s, "i", null, "less");
			for (let i = 0; i < 11; i++)
				swatch(s, 0, `d${i}`);
			make(s, "i", null, "more than in the base");
		}

		function listen() {
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
			new ResizeObserver(() => view.draw()).observe(graph);
			input.addEventListener("input", () => {
				control.search(input.value);
				o.searched();
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
		}

		// Shows a tree; frameOf(i) is the frame of node i, and of node 0 too.
		function show(t, of) {
			[tree, frameOf, hover] = [t, of, -1];
			if (control) {
				Object.assign(control, { tree, zoomed: 0, at: 0 });
				control.search(control.query);
			} else {
				control = new FT.Control(tree, view);
				listen();
			}
			drawLegend();
			view.draw();
			graph.scrollTop = control.inverted ? 0 : graph.scrollHeight;
		}

		function recolour(onPaper) {
			paper = onPaper;
			readColours();
			if (!control)
				return;
			drawLegend();
			view.draw();
		}

		function clear() {
			input.value = "";
			control.search("");
			o.searched();
		}

		// Marks the frames for which test(i), as a search for `text` would; no text: none.
		function mark(text, test) {
			input.value = control.query = text;
			control.bad = false;
			control.hits = text ? Uint8Array.from({ length: tree.n }, (_, i) => i && test(i) ? 1 : 0) : null;
			control.found();
			view.draw();
		}

		// True when a key meant something here. Most do in the graph only, or, where it is all that
		// the page has, wherever nothing else has the keys.
		function key(e) {
			const anywhere = e.key === "/" || e.key === "?" || (e.ctrlKey && e.key === "f");
			const inside = e.target === graph ||
				(o.alone && (e.target === document.body || e.key === "Escape"));
			if (!anywhere && !inside)
				return false;
			if (e.key === "Escape" && control.query) {
				clear();
				return true;
			}
			return control.key(e);
		}

		button(bar, "reset", "Reset", () => {
			clear();
			control.reset();
		});
		button(bar, "invert", "Invert", () => {
			control.invert();
			graph.scrollTop = control.inverted ? 0 : graph.scrollHeight;
		});
		readColours();
		return { bar, show, recolour, mark, key, draw: () => view.draw(), find: () => control.found(),
			 toggleHelp: () => control.toggleHelp(), helped: () => (control.helping = false) };
	}

	return { frames, ALL, create };
})();
