// SPDX-License-Identifier: BSD-2-Clause
// Mouse, wheel, touch and keys of the timeline.

const FTInput = (() => {
	const CLICK = 4; // px that a click may move

	// Two fingers: what was under each stays under it.
	function pinch(time, view, points, start) {
		const [p, q] = [...points.values()], rect = view.canvas.getBoundingClientRect();
		const a = start.times[0], b = start.times[1], width = view.plot;
		const x0 = p.x - rect.left - view.left, x1 = q.x - rect.left - view.left;
		if (Math.abs(x1 - x0) < 8 || a === b)
			return;
		const px = Math.abs((b - a) / (x1 - x0));
		time.show(Math.min(a, b) - Math.min(x0, x1) * px, px * width);
	}

	function pointers(time, view) {
		const { canvas } = view, points = new Map();
		let drag = null, fingers = null;
		canvas.addEventListener("pointerdown", (e) => {
			if (e.button > 0)
				return;
			time.keyboard(false);
			time.root.focus({ preventScroll: true });
			canvas.setPointerCapture(e.pointerId);
			points.set(e.pointerId, { x: e.clientX, y: e.clientY });
			const at = time.place(view, e);
			drag = { id: e.pointerId, x: e.clientX, y: e.clientY, from: time.from, moved: false, at,
				 brush: e.shiftKey || at.axis };
			if (points.size === 2) {
				drag = null;
				fingers = { times: [...points.values()].map((p) => time.timeAt(view, p.x)) };
			}
			time.hide();
		});
		canvas.addEventListener("pointermove", (e) => {
			if (points.has(e.pointerId))
				points.set(e.pointerId, { x: e.clientX, y: e.clientY });
			if (fingers && points.size === 2) {
				pinch(time, view, points, fingers);
			} else if (drag && drag.id === e.pointerId) {
				const dx = e.clientX - drag.x;
				if (!drag.moved && Math.hypot(dx, e.clientY - drag.y) < CLICK)
					return;
				drag.moved = true;
				if (drag.brush)
					time.setBrush(view, drag.at.t, time.place(view, e).t, false);
				else
					time.show(drag.from - dx * time.px(view), time.span);
			} else if (e.pointerType !== "touch") {
				time.hover(view, e);
			}
		});
		const up = (e) => {
			const was = drag;
			points.delete(e.pointerId);
			if (points.size < 2)
				fingers = null;
			drag = null;
			if (!was || was.id !== e.pointerId)
				return;
			if (was.moved && was.brush)
				time.setBrush(view, was.at.t, time.place(view, e).t, true);
			else if (!was.moved && e.type === "pointerup" && was.at.label)
				time.choose(view, was.at.row);
			else if (!was.moved && e.type === "pointerup")
				time.pick(view, was.at.row, was.at.t);
		};
		canvas.addEventListener("pointerup", up);
		canvas.addEventListener("pointercancel", up);
		canvas.addEventListener("pointerleave", () => time.hide());
		canvas.addEventListener("dblclick", (e) => {
			const at = time.place(view, e);
			time.zoomSpan(view, at.row, at.t);
			e.preventDefault();
		});
		canvas.addEventListener("wheel", (e) => {
			const at = time.place(view, e), unit = e.deltaMode === 1 ? 20 : e.deltaMode === 2 ? 400 : 1;
			const dx = e.deltaX * unit, dy = e.deltaY * unit;
			// Beside the lanes, and when all is shown, the wheel scrolls as elsewhere.
			if (at.label || (!e.shiftKey && !e.ctrlKey && dy > 0 && time.all()))
				return;
			e.preventDefault();
			if (e.shiftKey || Math.abs(dx) > Math.abs(dy))
				time.show(time.from + (Math.abs(dx) > Math.abs(dy) ? dx : dy) * time.px(view),
					  time.span);
			else
				time.zoom(Math.exp(Math.max(-1, Math.min(1, dy * (e.ctrlKey ? 0.01 : 0.002)))),
					  at.common);
		}, { passive: false });
	}

	const KEYS = {
		ArrowLeft: (time, e) => e.shiftKey ? time.show(time.from - time.span / 8, time.span) : time.step(-1),
		ArrowRight: (time, e) => e.shiftKey ? time.show(time.from + time.span / 8, time.span) : time.step(1),
		ArrowUp: (time) => time.lane(-1),
		ArrowDown: (time) => time.lane(1),
		"+": (time) => time.zoom(1 / 1.5),
		"=": (time) => time.zoom(1 / 1.5),
		"-": (time) => time.zoom(1.5),
		"0": (time) => time.showAll(),
		Home: (time) => time.edge(-1),
		End: (time) => time.edge(1),
		Enter: (time) => time.pickCursor(),
		" ": (time) => time.pickCursor(),
		z: (time) => time.zoomCursor(),
		n: (time) => time.nextSpan(1),
		p: (time) => time.nextSpan(-1),
		"]": (time) => time.handOver(1),
		"[": (time) => time.handOver(-1),
		b: (time) => time.brushShown(),
		m: (time) => time.mark(),
		a: (time) => time.align(),
		Escape: (time) => time.escape(),
	};

	function keys(time) {
		time.root.addEventListener("keydown", (e) => {
			if (e.altKey || e.metaKey || e.ctrlKey || e.target !== time.root)
				return;
			time.keyboard(true);
			// Tab goes through the lanes, and on from the last.
			const done = e.key === "Tab" ? time.lane(e.shiftKey ? -1 : 1, true) :
				KEYS[e.key] ? KEYS[e.key](time, e) !== false : false;
			if (done) {
				e.preventDefault();
				e.stopPropagation();
			}
		});
		// From the buttons too.
		time.box.addEventListener("keydown", (e) => {
			if (e.key === "Escape" && !e.defaultPrevented && time.escape())
				e.preventDefault();
		});
		time.root.addEventListener("focus", () => time.focused());
		time.root.addEventListener("blur", () => time.keyboard(false));
	}

	const HELP = [
		["wheel, + and -", "zoom about the pointer, about the cursor"],
		["drag, Shift-wheel, Shift-arrows", "move to earlier or later"],
		["0", "show all"],
		["hover", "what is there"],
		["click, Enter", "pick a span; of a wait for the GIL: who held it"],
		["double click, z", "zoom to a span"],
		["[ and ]", "the hand-over of the GIL before, and after"],
		["Shift-drag, drag on the axis, b", "choose a range (b: what is shown) for the flame graph"],
		["left, right, Home, End", "move the cursor"],
		["up, down, Tab", "choose a lane"],
		["n, p", "the next span of the lane, the one before"],
		["m, a", "set a marker at the cursor; align two sides at their markers, or at their starts"],
		["Escape", "forget what was picked, then the range"],
	];

	function attach(time) {
		for (const view of time.views)
			pointers(time, view);
		keys(time);
	}

	return { attach, HELP };
})();
