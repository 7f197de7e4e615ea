// SPDX-License-Identifier: BSD-2-Clause
// What the timeline does with its cursor: lanes, spans, hand-overs of the GIL, ranges and markers.

(() => {
	const GIL_WAIT = 3, { make } = FTParts;
	const MOST = 6; // holders of the GIL that are named in one line
	const LEAST_WAIT = 200; // ns; so that a wait of none can be zoomed to
	const lanes = (time) => time.views.flatMap((view) => view.rows.filter((r) => r.lane)
		.map((row) => ({ view, row })));

	const METHODS = {
		// A range, while it is drawn and when it stands.
		setBrush(view, a, b, done) {
			view.brush = a === b ? null : [Math.min(a, b), Math.max(a, b)];
			if (done)
				this.told(view);
			this.redraw();
		},

		told(view) {
			const [a, b] = view.brush || [null, null];
			if (view.brush)
				this.say([`range of ${FT.ns(b - a)} from ${FTWords.exact(a)} to ${FTWords.exact(b)}`]);
			else
				this.say(["no range"]);
			if (this.on.brush)
				this.on.brush(view.index, a, b);
		},

		brushShown() {
			const view = this.cursor ? this.cursor.view : this.views[0];
			const [a, b] = this.range(view.index);
			this.setBrush(view, Math.max(a, 0), Math.min(b, view.side.ns), true);
		},

		// A lane and a time in it under the cursor.
		moveTo(view, row, t, quiet) {
			this.cursor = { view, row, t: Math.min(Math.max(t, 0), view.side.ns) };
			const { scroller, height } = view, top = row.y - FTTime.AXIS - 4, end = row.y + row.h + 4;
			if (scroller.scrollTop > top)
				scroller.scrollTop = top;
			else if (scroller.scrollTop + height < end)
				scroller.scrollTop = end - height;
			this.redraw();
			if (!quiet)
				this.say(this.words(view, row, this.cursor.t));
		},

		choose(view, row) {
			if (row && row.lane)
				this.moveTo(view, row, this.cursor ? this.cursor.t : this.from + view.off + this.span / 2);
		},

		seen(t) {
			const c = t - this.cursor.view.off;
			if (c < this.from || c > this.from + this.span)
				this.show(c - this.span / 2, this.span);
		},

		// Whether keys were used last: they have a cursor that is seen, the pointer is one.
		keyboard(on) {
			if (this.byKeys !== on)
				this.redraw();
			this.byKeys = on;
			this.root.style.outline = on ? "" : "none";
		},

		focused() {
			const all = lanes(this);
			if (!this.cursor && all.length)
				this.moveTo(all[0].view, all[0].row, this.from + all[0].view.off + this.span / 2, true);
			this.redraw();
		},

		step(dir) {
			if (!this.cursor)
				return;
			const { view, row, t } = this.cursor, to = t + dir * this.span / 50;
			this.moveTo(view, row, to);
			const c = this.cursor.t - view.off;
			if (c < this.from || c > this.from + this.span)
				this.show(this.from + dir * this.span / 8, this.span);
		},

		// False at the ends when they are to be left.
		lane(dir, leave) {
			const all = lanes(this), c = this.cursor;
			const i = all.findIndex(({ row }) => c && row === c.row) + dir;
			if (!all[i])
				return !leave;
			// At one place of the screen, also when the other side is shifted.
			const t = c ? c.t - c.view.off + all[i].view.off : 0;
			this.moveTo(all[i].view, all[i].row, t);
			return true;
		},

		edge(dir) {
			if (!this.cursor)
				return;
			const { view, row } = this.cursor;
			this.moveTo(view, row, dir < 0 ? 0 : view.side.ns - 1);
			this.seen(this.cursor.t);
		},

		nextSpan(dir) {
			if (!this.cursor)
				return;
			const { view, row, t } = this.cursor, { lane } = row;
			let i = lane.find(t);
			if (i < 0)
				i = t < lane.at[0] * lane.unit ? -1 : lane.n;
			for (i += dir; i > 0 && i < lane.n - 1 && lane.at[i] === lane.at[i + 1];)
				i += dir;
			if (i < 0 || i >= lane.n)
				return;
			const [from, to] = lane.times(i);
			this.moveTo(view, row, (from + to) / 2);
			this.seen(this.cursor.t);
		},

		zoomSpan(view, row, t) {
			const i = row && row.lane ? row.lane.find(t) : -1;
			if (i < 0)
				return;
			const [from, to] = row.lane.times(i), room = Math.max(to - from, 1) / 8;
			this.show(from - view.off - room, to - from + 2 * room);
		},

		zoomCursor() {
			if (this.cursor)
				this.zoomSpan(this.cursor.view, this.cursor.row, this.cursor.t);
		},

		pickCursor() {
			if (this.cursor)
				this.pick(this.cursor.view, this.cursor.row, this.cursor.t);
		},

		pick(view, row, t) {
			const i = row && row.lane ? row.lane.find(t) : -1;
			if (i < 0) {
				this.unpick();
				return;
			}
			this.moveTo(view, row, t, true);
			this.pickSpan(view, row, row.lane.span(i), t);
		},

		pickSpan(view, row, span, t) {
			this.picked = { view, row, span, held: null, arrow: null };
			if (span.waker >= 0)
				this.picked.arrow = { thr: span.waker, from: span.wake, to: span.to };
			if (row.type === "thread" && span.state === GIL_WAIT)
				this.wait(view, row, span);
			else
				this.describe(this.words(view, row, t));
			this.redraw();
			if (this.on.pick)
				this.on.pick(view.index, { type: row.type, i: row.i, span });
		},

		unpick() {
			const was = this.picked;
			this.picked = null;
			this.panel.hidden = true;
			this.say([]);
			this.redraw();
			if (was && this.on.pick)
				this.on.pick(was.view.index, null);
		},

		describe(lines) {
			this.panel.replaceChildren();
			this.panel.hidden = false;
			make(this.panel, "p", { class: "ftt-head" }, lines[0]);
			for (const line of lines.slice(1))
				make(this.panel, "p", null, line);
			for (const p of this.panel.children)
				Object.assign(p.style, { margin: "2px 0", unicodeBidi: "isolate", overflowWrap: "anywhere" });
			this.panel.firstChild.style.fontWeight = 600;
			this.whisper(lines);
		},

		// A wait for the GIL: who held it meanwhile, and who let it go.
		wait(view, row, span) {
			const { side } = view, name = (thr) => FTWords.thread(side, thr), all = span.to - span.from;
			const who = FTWords.holders(side, span.from, span.to);
			const by = span.waker >= 0 ? span.waker : who.last ? who.last.thr : -1;
			this.picked.held = who.list;
			if (by >= 0 && span.wake < 0) {
				const own = who.of(by);
				this.picked.arrow = { thr: by, from: own ? own.to : span.to, to: span.to };
			}
			const sums = who.by.slice(0, MOST).map(([thr, ns]) =>
				`${name(thr)} ${FT.ns(ns)} (${FT.percent(ns, all)})`);
			if (who.by.length > MOST)
				sums.push(`${FT.count(who.by.length - MOST)} more ` +
					  FT.ns(who.by.slice(MOST).reduce((sum, [, ns]) => sum + ns, 0)));
			if (who.nobody >= 1)
				sums.push(`nobody ${FT.ns(who.nobody)} (${FT.percent(who.nobody, all)})`);
			const lines = [`${row.label} waited for the GIL for ${FT.ns(all)}`, FTWords.when(span.from, span.to),
				       `held by ${sums.join(", ")}`];
			// Several interpreters may have a GIL each. Of one, a holder off its core is known from
			// the target's memory, but a short stay on a core without a tick is judged by what it follows.
			if (who.over)
				lines.push("this is more than the wait: several GILs, or a thread that ran without it meanwhile");
			if (by >= 0)
				lines.push(`handed over by ${name(by)}` + (span.wake >= 0 && span.to > span.wake ?
					`, which woke it ${FT.ns(span.to - span.wake)} before it ran` : ""));
			this.describe(lines);
			const list = make(this.panel, "ol", { class: "ftt-held" });
			Object.assign(list.style, { margin: "4px 0", paddingLeft: "2em" });
			for (const h of who.list)
				make(list, "li", null, `${name(h.thr)}: ${FT.ns(h.ns)} from ` +
				     `${FTWords.exact(h.from, all >= 1e6 ? 1e3 : 1)}${h.off ? ", while off its core" : ""}` +
				     (h.share < 1 ? `, mixed with others in ${FT.ns(h.to - h.from)}` : ""));
			if (who.more)
				make(list, "li", null, `and ${FT.count(who.more)} shorter ones`);
		},

		// The next end of a wait for the GIL, or the one before: picked, and large enough to be seen.
		handOver(dir) {
			const p = this.picked, c = this.cursor;
			const view = p ? p.view : c ? c.view : this.views.find((v) => v.gil);
			if (!view)
				return;
			const t = p ? p.span.to : c && c.view === view ? c.t : Math.max(this.from + view.off, 0);
			const found = view.side.gilWait(t, dir);
			if (!found) {
				this.say([dir > 0 ? "no later hand-over" : "no earlier hand-over"]);
				return;
			}
			const row = view.rows.find((r) => r.type === "thread" && r.i === found.thr);
			const span = row.lane.span(found.i), long = Math.max(span.to - span.from, LEAST_WAIT);
			this.moveTo(view, row, Math.max(span.to - 1, span.from), true);
			const at = (span.to - view.off - this.from) / this.span;
			if (long / this.px(view) < 24 || long > this.span)
				this.show(span.to - view.off - 3 * long, 5 * long);
			else if (at < 0.1 || at > 0.9)
				this.show(span.to - view.off - this.span / 2, this.span);
			this.pickSpan(view, row, span, this.cursor.t);
		},

		// A marker where the pointer or the cursor is, in that side.
		mark() {
			const at = this.tip.style.display === "block" ? this.hovered : this.cursor;
			if (!at)
				return;
			at.view.marker = at.t;
			this.say([`marker at ${FTWords.exact(at.t)}`]);
			this.redraw();
		},

		align() {
			const [a, b] = this.views;
			if (!b)
				return;
			if (this.views.some((v) => v.off)) {
				b.off = 0;
				this.say(["aligned at the starts"]);
			} else if (a.marker !== null || b.marker !== null) {
				b.off = (b.marker || 0) - (a.marker || 0);
				this.say(["aligned at the markers"]);
			} else {
				this.say(["no markers: m sets one at the cursor of each side"]);
			}
			this.show(this.from, this.span);
		},

		clear() {
			if (this.picked)
				this.unpick();
			for (const view of this.views)
				if (view.brush)
					this.setBrush(view, 0, 0, true);
		},

		escape() {
			if (this.tip.style.display === "block")
				this.hide();
			else if (this.picked)
				this.unpick();
			else if (this.views.some((v) => v.brush))
				this.clear();
			else
				return false;
			return true;
		},
	};
	Object.assign(FTTime.Timeline.prototype, METHODS);
})();
