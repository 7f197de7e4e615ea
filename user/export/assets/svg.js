// SPDX-License-Identifier: BSD-2-Clause
// Makes the boxes of an SVG file answer to mouse and keyboard.

(() => {
	const NS = "http://www.w3.org/2000/svg", ROW = 18, SIDE = 10, BOTTOM = 30, GAP = 0.5;
	const LEAST = 920; // px that head and legend need; a narrower window scrolls
	const svg = document.documentElement;
	if (svg.localName !== "svg")
		return; // inside a page of somebody else: the boxes and their titles do without
	const holder = document.getElementById("frames");
	const boxes = Array.from(holder.children, (g) => {
		const [title, rect, text] = g.children;
		const lines = title.textContent.split("\n");
		return { g, rect, text, v: g.dataset.v.split(" ").map(Number), name: lines[0],
			 where: lines.length > 2 ? lines[1] : "" };
	});
	const column = (k) => Float64Array.from(boxes, (b) => b.v[k]);
	const differs = boxes[0].v.length > 3;
	const tree = new FT.Tree(column(0), column(1), column(2), differs ? column(3) : null,
				 differs ? column(4) : null);
	const top = Number(svg.getAttribute("height")) - BOTTOM - (tree.deepest + 1) * ROW;
	const height = Number(svg.getAttribute("height"));
	let width = 1200, col = 7.3, hover = -1, said = "";

	function make(parent, name, attributes, text) {
		const e = document.createElementNS(NS, name);
		for (const [k, v] of Object.entries(attributes || {}))
			e.setAttribute(k, v);
		if (text !== undefined)
			e.textContent = text;
		parent.append(e);
		return e;
	}

	const view = {
		name: (i) => boxes[i].name,
		where: (i) => boxes[i].where,

		scale() {
			const w = tree.total[control.zoomed];
			return w ? (width - 2 * SIDE) / w : 0;
		},

		width(i) {
			return tree.total[i] * view.scale();
		},

		draw() {
			const z = control.zoomed, k = view.scale(), left = tree.x[z];
			for (let i = 0; i < tree.n; i++) {
				const b = boxes[i], shown = tree.shown(i, z), up = i < z && shown;
				b.g.classList.toggle("off", !shown);
				if (!shown)
					continue;
				const x = up ? SIDE : SIDE + (tree.x[i] - left) * k;
				const w = up ? width - 2 * SIDE : tree.total[i] * k;
				const y = control.inverted ? top + tree.depth[i] * ROW :
					height - BOTTOM - (tree.depth[i] + 1) * ROW;
				b.g.classList.toggle("up", up);
				b.g.classList.toggle("hit", !!control.hits && control.hits[i] === 1);
				b.rect.setAttribute("x", x.toFixed(2));
				b.rect.setAttribute("y", y);
				b.rect.setAttribute("width", (w > 3 ? w - GAP : w).toFixed(2));
				const label = FT.clip(b.name, Math.floor((w - 6) / col));
				if (!b.text && label)
					b.text = make(b.g, "text");
				if (b.text) {
					b.text.setAttribute("x", (x + 3).toFixed(2));
					b.text.setAttribute("y", y + 13);
					if (b.text.textContent !== label)
						b.text.textContent = label;
				}
			}
			view.line();
		},

		moved(i) {
			for (const b of boxes)
				if (b.g.tabIndex === 0)
					b.g.tabIndex = -1;
			boxes[i].g.tabIndex = 0;
			boxes[i].g.focus();
			view.line();
		},

		said(text) {
			said = text;
			view.line();
		},

		line() {
			const i = hover >= 0 ? hover : document.activeElement === boxes[control.at].g ?
				control.at : control.zoomed;
			const cols = Math.floor((width - 2 * SIDE - 16) / col);
			const right = said.length > cols - 20 ? FT.clip(said, cols - 20) : said;
			info.textContent = FT.clip(control.tip(i), cols - right.length - (right ? 2 : 0));
			found.textContent = right;
			found.setAttribute("x", width - SIDE - 8);
		},

		openSearch() {
			find.style.display = "";
			input.focus();
			input.select();
		},

		// True when it was open.
		closeSearch() {
			if (find.style.display === "none")
				return false;
			find.style.display = "none";
			boxes[control.at].g.focus();
			return true;
		},

		help(on) {
			help.style.display = on ? "" : "none";
		},
	};
	const control = new FT.Control(tree, view);

	// The parts that a file without script has no use for.
	const bar = make(svg, "g", { id: "bar" });
	const line = make(svg, "g", { id: "line" });
	const lineBox = make(line, "rect", { x: SIDE, y: 0, height: 22 });
	const info = make(line, "text", { id: "info", x: SIDE + 8, y: 15, role: "status" });
	const found = make(line, "text", { id: "found", y: 15, "text-anchor": "end", role: "status" });
	const find = make(bar, "foreignObject", { id: "find", x: -320, y: 0, width: 310, height: 26 });
	const input = document.createElementNS("http://www.w3.org/1999/xhtml", "input");
	input.setAttribute("type", "search");
	input.setAttribute("aria-label", "Search: a text, or a pattern");
	input.setAttribute("placeholder", "text or pattern");
	input.setAttribute("spellcheck", "false");
	find.append(input);
	find.style.display = "none";
	const help = make(svg, "g", { id: "help", role: "dialog", "aria-label": "Keys" });
	make(help, "rect", { width: 540, height: FT.HELP.length * 20 + 24 });
	FT.HELP.forEach(([keys, what], i) => {
		make(help, "text", { x: 16, y: 28 + i * 20 }, keys);
		make(help, "text", { x: 124, y: 28 + i * 20 }, what);
	});
	help.style.display = "none";

	let right = 0;
	for (const [label, w, act] of [["Search", 64, () => view.openSearch()],
				       ["Reset", 58, () => { control.search(""); control.reset(); }],
				       ["Invert", 58, () => control.invert()],
				       ["?", 26, () => control.toggleHelp()]]) {
		const b = make(bar, "g", { class: "k", role: "button", tabindex: 0,
					   "aria-label": label === "?" ? "Keys" : label });
		make(b, "rect", { class: "k", x: right, y: 0, width: w, height: 24 });
		make(b, "text", { class: "t", x: right + w / 2, y: 16, "text-anchor": "middle" }, label);
		b.addEventListener("click", act);
		b.addEventListener("keydown", (e) => {
			if (e.key === "Enter" || e.key === " ") {
				e.preventDefault();
				e.stopPropagation();
				act();
			}
		});
		right += w + 6;
	}

	// Bar, line and help stay in sight while a tall graph scrolls.
	function stay() {
		const y = window.scrollY, h = Math.min(window.innerHeight, height);
		bar.setAttribute("transform", `translate(${width - SIDE - right + 6},${y + 8})`);
		line.setAttribute("transform", `translate(0,${y + h - 24})`);
		help.setAttribute("transform", `translate(${Math.max(SIDE, width / 2 - 270)},${y + 60})`);
	}

	function fit() {
		// at least the window, so that nothing that lies over a low graph is cut off
		svg.setAttribute("height", Math.max(height, window.innerHeight));
		svg.setAttribute("width", window.innerWidth < LEAST ? LEAST : "100%");
		width = svg.getBoundingClientRect().width;
		lineBox.setAttribute("width", width - 2 * SIDE);
		stay();
		view.draw();
	}

	svg.removeAttribute("viewBox");
	const probe = make(holder, "g", { class: "f" });
	col = make(probe, "text", {}, "m".repeat(100)).getComputedTextLength() / 100 || col;
	probe.remove();
	holder.setAttribute("role", "tree");
	holder.setAttribute("aria-label", "Frames");
	const index = new Map();
	boxes.forEach((b, i) => {
		index.set(b.g, i);
		b.g.setAttribute("role", "treeitem");
		b.g.setAttribute("aria-level", tree.depth[i] + 1);
		b.g.tabIndex = i ? -1 : 0;
	});

	const boxOf = (e) => {
		const g = e.target.closest && e.target.closest(".f");
		return g && index.has(g) ? index.get(g) : -1;
	};
	holder.addEventListener("click", (e) => {
		const i = boxOf(e);
		if (i < 0)
			return;
		control.at = i;
		control.zoom(i);
		view.moved(i);
	});
	holder.addEventListener("mouseover", (e) => {
		hover = boxOf(e);
		view.line();
	});
	holder.addEventListener("mouseleave", () => {
		hover = -1;
		view.line();
	});
	holder.addEventListener("focusin", (e) => {
		const i = boxOf(e);
		if (i >= 0)
			control.at = i;
		hover = -1;
		view.line();
	});
	input.addEventListener("input", () => control.search(input.value));
	input.addEventListener("keydown", (e) => {
		e.stopPropagation();
		if (e.key === "Enter") {
			view.closeSearch();
		} else if (e.key === "Escape") {
			input.value = "";
			control.search("");
			view.closeSearch();
		} else if (e.ctrlKey && e.key === "f") {
			input.select();
		} else {
			return;
		}
		e.preventDefault();
	});
	window.addEventListener("keydown", (e) => {
		if (control.key(e))
			e.preventDefault();
	});
	window.addEventListener("scroll", stay);
	window.addEventListener("resize", fit);
	fit();
	if (height > window.innerHeight)
		window.scrollTo(0, height);
})();
