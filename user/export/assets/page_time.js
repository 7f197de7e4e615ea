// SPDX-License-Identifier: BSD-2-Clause
// The timeline: curves, cores and threads of a side over one time axis, of two sides on one scale.
//
//   FTTime.create(root, page, on) -> timeline
//       on.brush(side, a, b)   a range was chosen (ns of that side; null, null: none any more)
//       on.pick(side, what)    {type: "core" or "thread", i, span} was picked; null: nothing any more
//   timeline.setRange(side, a, b) shows a range, timeline.range(side) is [a, b] of what is shown,
//   timeline.brush is [a, b] or null of each side, timeline.stats counts and times what was drawn
//   FTTime.HELP: [[keys, what they do]]
//
// Times of the screen are "common": a side's own time less its offset, which is 0 or what
// aligns it at a marker. Classes for page.css: ftt (all of it), ftt-bar, ftt-title, ftt-box (scrolls),
// ftt-tip, ftt-info, ftt-legend, ftt-pick. Custom properties of the drawing: see page_lanes.js.

const FTTime = (() => {
	const AXIS = 22, GAP = 2, SPACE = 6;
	const HIGH = { first: 30, curve: 18, core: 22, thread: 18 }, LOW = { first: 26, curve: 14, core: 20, thread: 15 };
	const LEAST = 200; // ns on the screen
	const CURVES = [["on", "at once", "s1", "threads on cores at once"],
			["wait_gil", "GIL waits", "s3", "threads that wait for the GIL"],
			["held", "GIL held", "s0", "GILs held, on a core or off"],
			["stw", "paused", "s7", "threads paused by the interpreter"],
			["lock", "lock waits", "s5", "threads that wait for locks"]];

	const { make } = FTParts;

	// Rows of a side from top to bottom: {type, y, h, label, and what is drawn}; the first is higher.
	function rowsOf(view, high) {
		const { side } = view, rows = [];
		let y = AXIS;
		const add = (row, h) => {
			rows.push({ ...row, y, h });
			y += h + GAP;
		};
		for (const [name, label, colour, words] of CURVES) {
			const curve = side.curves[name];
			if (curve && (name === "on" || curve.most >= 0.5 || curve.mean(0, side.ns) >= 0.005))
				add({ type: "curve", name, label, colour, words, curve }, name === "on" ? high.first : high.curve);
		}
		y += SPACE;
		side.lanes.core.forEach((lane, i) => add({ type: "core", i, lane, label: `cpu ${side.cores[i].cpu}` },
						 high.core));
		y += SPACE;
		side.lanes.thread.forEach((lane, i) => add({ type: "thread", i, lane, label: FTWords.thread(side, i) },
							   high.thread));
		view.whole = y + GAP;
		return rows;
	}

	// Steps of 1, 2 or 5 that leave room for their labels.
	function tickStep(ns, room) {
		for (let unit = 1; ; unit *= 10)
			for (const k of [1, 2, 5])
				if (k * unit * room >= ns)
					return k * unit;
	}

	class Timeline {
		constructor(root, page, on) {
			Object.assign(this, { page, on: on || {}, painter: new FTLanes.Painter(), picked: null, cursor: null,
					      values: new Float32Array(1), waiting: 0, ratio: 1 });
			this.stats = { frames: 0, last: 0, worst: 0, first: 0 };
			this.box = make(root, "div", { class: "ftt" });
			this.box.style.position = "relative";
			this.box.timeline = this; // for who has the element only
			this.views = page.sides.map((side, index) => ({ side, index, off: 0, marker: null, brush: null,
									gil: hasGil(side) }));
			this.bar();
			this.root = make(this.box, "div", { class: "ftt-stage", tabindex: "0", role: "application",
							    "aria-label": "Timeline. Arrow keys move, plus and minus zoom, Enter picks." });
			this.views.forEach((view) => this.addView(view));
			for (const view of this.views) {
				view.rows = rowsOf(view, this.views.length > 1 ? LOW : HIGH);
				view.gaps = view.side.gaps();
			}
			this.most();
			this.info = make(this.box, "div", { class: "ftt-info", role: "status", "aria-live": "polite" });
			this.root.setAttribute("aria-describedby", this.info.id = "ftt-info");
			this.panel = make(this.box, "section", { class: "ftt-pick", "aria-label": "What was picked" });
			this.legend = make(this.box, "div", { class: "ftt-legend" });
			this.panel.hidden = true;
			this.tip = make(this.box, "div", { class: "ftt-tip", "aria-hidden": "true" });
			this.line = make(this.box, "div", { class: "ftt-line", "aria-hidden": "true" });
			this.dress();
			this.showAll();
			this.draw();
			this.stats.first = performance.now();
			this.stats.worst = 0;
			this.drawLegend();
			FTInput.attach(this);
			this.watch();
		}

		// What must be so for it to work; the rest is up to page.css.
		dress() {
			const { css } = this.painter;
			Object.assign(this.tip.style, { position: "absolute", display: "none", pointerEvents: "none", zIndex: 3,
				maxWidth: "min(420px, 90%)", padding: "6px 9px", borderRadius: "6px", font: "12px/1.45 var(--mono, monospace)",
				background: `var(--panel, ${css.page})`, color: css.ink, border: `1px solid ${css.soft}`,
				overflowWrap: "anywhere", whiteSpace: "pre-line", unicodeBidi: "isolate" });
			Object.assign(this.line.style, { position: "absolute", display: "none", pointerEvents: "none", width: "1px",
				background: css.ink, opacity: 0.5, zIndex: 2 });
			Object.assign(this.info.style, { font: "12px/1.5 var(--mono, monospace)", minHeight: "1.5em",
				overflowWrap: "anywhere", unicodeBidi: "isolate" });
			Object.assign(this.legend.style, { display: "flex", flexWrap: "wrap", gap: "4px 16px", fontSize: "12px",
							   color: css.soft });
		}

		bar() {
			const bar = make(this.box, "div", { class: "ftt-bar", role: "toolbar", "aria-label": "Timeline" });
			Object.assign(bar.style, { display: "flex", flexWrap: "wrap", gap: "6px", margin: "4px 0" });
			const two = this.views.length > 1;
			const buttons = [["all", "All", () => this.showAll()], ["in", "+", () => this.zoom(1 / 1.5), "Zoom in"],
				["out", "\u2212", () => this.zoom(1.5), "Zoom out"],
				["before", "\u2190 hand-over", () => this.handOver(-1), "The hand-over of the GIL before"],
				["after", "hand-over \u2192", () => this.handOver(1), "The next hand-over of the GIL"],
				["brush", "Range", () => this.brushShown(), "Choose what is shown as a range"],
				["clear", "Clear", () => this.clear(), "Forget range and pick"]];
			if (two)
				buttons.push(["mark", "Marker", () => this.mark(), "Set a marker at the cursor"],
					     ["align", "Align", () => this.align(), "Align at the markers, or at the starts"]);
			for (const [id, label, run, title] of buttons) {
				if (["before", "after"].includes(id) && !this.views.some((v) => v.gil))
					continue;
				const b = FTParts.button(bar, `ftt-${id}`, label, run);
				if (title) {
					b.title = title;
					b.setAttribute("aria-label", title);
				}
			}
		}

		addView(view) {
			const { side } = view, python = ((side.report || {}).target || {}).python || {};
			if (this.views.length > 1) {
				const words = [side.json.path.split("/").pop(), python.version && `CPython ${python.version}`,
					       python.gil === "unknown" ? "" : view.gil ? "with the GIL" : "without the GIL",
					       FT.ns(side.ns)];
				const title = make(this.root, "div", { class: "ftt-title" }, words.filter(Boolean).join("  \u00b7  "));
				Object.assign(title.style, { fontWeight: 600, margin: "8px 0 2px", unicodeBidi: "isolate" });
			}
			if (!side.lanes.core.length && !side.lanes.thread.length)
				make(this.root, "p", null, "No timeline: the session holds totals only, no events.");
			view.scroller = make(this.root, "div", { class: "ftt-box" });
			const high = this.views.length > 1 ? 38 : 62;
			Object.assign(view.scroller.style, { position: "relative", overflowY: "auto", overflowX: "hidden",
							     maxHeight: `max(${high}vh, 240px)` });
			view.spacer = make(view.scroller, "div");
			view.canvas = make(view.spacer, "canvas", { "aria-hidden": "true" });
			Object.assign(view.canvas.style, { position: "sticky", top: 0, display: "block", touchAction: "pan-y" });
			view.pen = view.canvas.getContext("2d", { alpha: false, willReadFrequently: true });
			view.scroller.addEventListener("scroll", () => this.redraw());
		}

		// One scale for what is compared.
		most() {
			this.mosts = {};
			for (const view of this.views)
				for (const row of view.rows) {
					if (row.type !== "curve")
						continue;
					const peak = row.name === "on" ? Math.max(view.side.cores.length, row.curve.most) :
						row.name === "held" ? 1 : Math.ceil(row.curve.most);
					this.mosts[row.name] = Math.max(this.mosts[row.name] || 1, peak);
				}
		}

		watch() {
			new ResizeObserver(() => this.resized()).observe(this.root);
			window.addEventListener("resize", () => this.resized());
			const recolour = () => this.recolour();
			matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
			new MutationObserver(recolour).observe(document.documentElement, { attributeFilter: ["data-theme"] });
			const paper = (on) => () => {
				this.paper = on;
				for (const { scroller } of this.views)
					scroller.style.overflowY = on ? "visible" : "auto";
				recolour();
				this.resized();
				this.draw();
			};
			window.addEventListener("beforeprint", paper(true));
			window.addEventListener("afterprint", paper(false));
		}

		recolour() {
			this.painter.readColours();
			this.dress();
			this.drawLegend();
			this.redraw();
		}

		// Sizes are taken when they change, not with every frame.
		resized() {
			const width = Math.max(this.root.clientWidth, 200);
			this.ratio = window.devicePixelRatio || 1;
			for (const view of this.views) {
				view.left = Math.round(Math.min(190, Math.max(112, width * 0.18)));
				view.spacer.style.height = `${view.whole}px`;
				view.canvas.style.height = "0";
				view.width = view.scroller.clientWidth || width;
				view.plot = view.width - view.left - 8;
				view.height = this.paper ? Math.min(view.whole, 6000) :
					Math.min(view.whole, view.scroller.clientHeight || view.whole);
				view.canvas.style.width = `${view.width}px`;
				view.canvas.style.height = `${view.height}px`;
			}
			this.measured = true;
			this.redraw();
		}

		redraw() {
			if (!this.waiting)
				this.waiting = requestAnimationFrame(() => {
					this.waiting = 0;
					this.draw();
				});
		}

		// Ends of what can be shown, in common time.
		ends() {
			return [Math.min(...this.views.map((v) => -v.off)),
				Math.max(...this.views.map((v) => v.side.ns - v.off), 1)];
		}

		px(view) {
			return this.span / view.plot;
		}

		all() {
			const [a, b] = this.ends();
			return this.span >= b - a;
		}

		show(from, span) {
			const [a, b] = this.ends();
			this.span = Math.min(Math.max(span, LEAST), Math.max(b - a, LEAST));
			this.from = Math.max(Math.min(from, b - this.span), a);
			this.hide();
			this.redraw();
		}

		showAll() {
			const [a, b] = this.ends();
			this.show(a, b - a);
		}

		// About a time that stays where it is: that of the cursor when it is seen, else the middle.
		zoom(factor, about) {
			const c = this.cursor && this.cursor.t - this.cursor.view.off;
			if (about === undefined)
				about = this.cursor && c >= this.from && c <= this.from + this.span ? c :
					this.from + this.span / 2;
			const [a, b] = this.ends(), span = Math.min(Math.max(this.span * factor, LEAST), b - a);
			this.show(about - (about - this.from) * span / this.span, span);
		}

		setRange(side, a, b) {
			this.show(a - this.views[side].off, b - a);
		}

		range(side) {
			const { off } = this.views[side];
			return [this.from + off, this.from + this.span + off];
		}

		get brush() {
			return this.views.map((v) => v.brush);
		}

		x(view, t) {
			return view.left + (t - view.off - this.from) / this.px(view);
		}

		timeAt(view, clientX) {
			const x = clientX - view.canvas.getBoundingClientRect().left - view.left;
			return this.from + x * this.px(view);
		}

		// What is at a place of the window.
		place(view, e) {
			const rect = view.canvas.getBoundingClientRect(), x = e.clientX - rect.left, y = e.clientY - rect.top;
			const common = this.timeAt(view, Math.min(Math.max(e.clientX, rect.left + view.left),
								 rect.left + view.left + view.plot));
			const deep = y + view.scroller.scrollTop;
			const row = y < AXIS ? null : view.rows.find((r) => deep >= r.y && deep < r.y + r.h + GAP) || null;
			return { common, t: Math.min(Math.max(common + view.off, 0), view.side.ns), row, axis: y < AXIS,
				 label: x < view.left };
		}

		draw() {
			const begin = performance.now();
			if (!this.measured)
				this.resized();
			for (const view of this.views)
				if (view.height > 0)
					FTDraw.view(this, view);
			const took = performance.now() - begin;
			this.stats.frames++;
			this.stats.last = took;
			this.stats.worst = Math.max(this.stats.worst, took);
		}

		drawLegend() {
			const { painter } = this, gil = this.views.some((v) => v.gil), said = new Set();
			const sums = this.views.map(({ side }) => side.sums(0, side.ns));
			this.legend.replaceChildren();
			const add = (tile, label) => {
				const item = make(this.legend, "span", null);
				Object.assign(item.style, { display: "inline-flex", alignItems: "center", gap: "5px" });
				const k = painter.size / 8;
				const canvas = make(item, "canvas", { width: 24 * k, height: 12 * k, "aria-hidden": "true" });
				Object.assign(canvas.style, { width: "24px", height: "12px" });
				painter.swatch(canvas, tile);
				item.append(label);
			};
			for (const s of FTLanes.ORDER)
				this.views.forEach((view, k) => {
					const label = s === FTData.GAP ? "events lost" : FTWords.state(view.side, s);
					if (sums[k][s] > 0 && !said.has(label))
						add(painter.state(s, view.gil), label);
					if (sums[k][s] > 0)
						said.add(label);
				});
			if (!this.views.some((v) => v.side.lanes.core.length))
				return;
			add(painter.thread(0, 0, gil), gil ? "on cores: a thread's colour, holds the GIL" : "on cores: a thread's colour");
			if (gil)
				add(painter.thread(0, 1, gil), "without the GIL");
			if (sums.some((v) => v[2] > 0))
				add(painter.thread(0, 2, gil), "spins");
			add(painter.tile("others", "solid", 1), "other processes");
		}

		say(lines) {
			const text = lines.join(". ");
			if (this.info.textContent !== text)
				this.info.textContent = text;
			this.info.style.clipPath = "";
			this.info.style.position = "";
		}

		// Told to who listens only: it can be read elsewhere.
		whisper(lines) {
			this.say(lines);
			this.info.style.clipPath = "inset(50%)";
			this.info.style.position = "absolute";
		}

		hide() {
			if (this.tip)
				this.tip.style.display = this.line.style.display = "none";
		}

		hover(view, e) {
			const at = this.place(view, e);
			this.hovered = { view, t: at.t };
			view.canvas.style.cursor = at.axis ? "col-resize" : at.row && at.row.type !== "curve" ? "pointer" : "default";
			if (at.label && at.row) {
				this.line.style.display = "none";
				this.tip.textContent = at.row.words || at.row.label;
			} else if (at.row) {
				this.tip.textContent = this.words(view, at.row, at.t).join("\n");
			} else if (at.axis && !at.label) {
				this.tip.textContent = FTWords.exact(at.t, this.fine(view));
			} else {
				this.hide();
				return;
			}
			const box = this.box.getBoundingClientRect(), canvas = view.canvas.getBoundingClientRect();
			const { tip, line } = this;
			tip.style.display = "block";
			const x = e.clientX - box.left, y = e.clientY - box.top;
			const left = x + 14 + tip.offsetWidth > box.width ? x - 14 - tip.offsetWidth : x + 14;
			const below = e.clientY + 16 + tip.offsetHeight < window.innerHeight;
			tip.style.left = `${Math.max(left, 0)}px`;
			tip.style.top = `${below ? y + 16 : y - 10 - tip.offsetHeight}px`;
			Object.assign(line.style, { display: at.label ? "none" : "block", left: `${Math.round(x)}px`,
						    top: `${canvas.top - box.top}px`, height: `${canvas.height}px` });
		}

		// The unit that a pixel is worth being told in.
		fine(view) {
			const px = this.px(view);
			return px >= 1e6 ? 1e6 : px >= 1e3 ? 1e3 : 1;
		}

		words(view, row, t) {
			return FTWords.tip(view.side, row, view.gil, t, this.px(view));
		}
	}

	// A build whose GIL is off has no threads that hold it.
	function hasGil(side) {
		const { gil } = ((side.report || {}).target || {}).python || {};
		return gil ? gil !== "off" : side.sums(0, side.ns)[0] > 0;
	}

	function create(root, page, on) {
		return new Timeline(root, page, on);
	}

	return { create, tickStep, Timeline, AXIS, HELP: FTInput.HELP };
})();
