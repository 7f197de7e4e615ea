// SPDX-License-Identifier: BSD-2-Clause
// A frame of the timeline: the rows in pixels, and over them axis, labels, range, marks and arrows.

const FTDraw = (() => {
	const LETTERS = 20; // px from which on a span of a core has a thread's name in it
	const STATE = 56; // px from which on a span of a thread says its state

	// The values of a curve for each column, exact at any zoom: from what is embedded while a column of it
	// is no wider than a pixel; closer, from the lanes, when they are all there is.
	function curveValues(time, view, row, from, step, cols) {
		const values = new Float32Array(cols), { side } = view, { curve } = row;
		if (step >= curve.col || side.json.more_threads.cnt || side.lanes.thread.length > 64) {
			for (let c = 0; c < cols; c++)
				values[c] = curve.mean(from + c * step, from + (c + 1) * step);
			return values;
		}
		const slots = { on: [0, 1, 2], wait_gil: [3, 4], held: [0, FTData.HELD], stw: [7], lock: [5] }[row.name];
		const sums = fineSums(view, from, step, cols);
		for (let c = 0; c < cols; c++)
			for (const s of slots)
				values[c] += sums[c * 16 + s] * side.unit / step;
		return values;
	}

	// The states of all threads in each column; kept for the other curves of this frame.
	function fineSums(view, from, step, cols) {
		const key = `${from} ${step} ${cols}`;
		if (view.fineKey === key)
			return view.fineSums;
		if (!view.fineSums || view.fineSums.length !== cols * 16)
			view.fineSums = new Float64Array(cols * 16);
		const one = new Int32Array(cols);
		view.fineSums.fill(0);
		for (const lane of view.side.lanes.thread)
			lane.sweep(from, step, cols, view.fineSums, one);
		view.fineKey = key;
		return view.fineSums;
	}

	// Times of which events were lost, behind a curve that does not count them.
	function gaps(time, v, box, from, step) {
		const { painter } = time, tile = painter.state(FTData.GAP, v.gil);
		for (const [a, b] of v.gaps) {
			const x0 = Math.floor((a - from) / step), x1 = Math.ceil((b - from) / step);
			if (x1 > 0 && x0 < box.w)
				painter.fill(box.x + Math.max(x0, 0), box.x + Math.min(x1, box.w), box.y,
					     box.y + box.h, tile);
		}
	}

	function view(time, v) {
		const { painter, ratio } = time, { canvas, pen, side } = v;
		const w = Math.max(Math.round(v.width * ratio), 1), h = Math.max(Math.round(v.height * ratio), 1);
		if (canvas.width !== w || canvas.height !== h) {
			canvas.width = w;
			canvas.height = h;
		}
		painter.begin(w, h, ratio);
		const scroll = time.paper ? 0 : v.scroller.scrollTop;
		const from = time.from + v.off, step = time.span / Math.round(v.plot * ratio);
		const to = Math.min(from + time.span, side.ns), seen = Math.max(to - Math.max(from, 0), 0);
		const texts = [];
		for (const row of v.rows) {
			const y = row.y - scroll;
			if (y + row.h <= FTTime.AXIS || y >= v.height)
				continue;
			const box = { x: Math.round(v.left * ratio), y: Math.round(y * ratio), w: Math.round(v.plot * ratio),
				      h: Math.round(row.h * ratio) };
			const runs = [];
			if (row.type === "curve")
				drawCurve(time, v, row, box, from, step);
			else if (row.type === "core")
				painter.coreLane(row.lane, v.gil, box, from, step, LETTERS * ratio, runs);
			else
				painter.threadLane(row.lane, v.gil, box, from, step, STATE * ratio, runs);
			for (const [a, b, i] of runs) {
				const text = (row.type === "core" ? coreText : threadText)(side, row, v.gil, i);
				if (text)
					texts.push([v.left + a / ratio, (b - a) / ratio, y, row.h, ...text]);
			}
			row.figure = figure(time, row, from, to, seen);
		}
		pen.setTransform(1, 0, 0, 1, 0, 0);
		pen.putImageData(painter.image, 0, 0);
		pen.setTransform(ratio, 0, 0, ratio, 0, 0);
		pen.font = `11px ${painter.mono}`;
		pen.textBaseline = "middle";
		time.col = time.col || pen.measureText("m".repeat(50)).width / 50 || 6.6;
		inside(time, v, texts);
		over(time, v, scroll);
		labels(time, v, scroll);
		axis(time, v);
	}

	function drawCurve(time, v, row, box, from, step) {
		const { painter } = time, most = time.mosts[row.name];
		const values = curveValues(time, v, row, from, step, box.w);
		// Running without a GIL has its own colour, as in the lanes.
		const colour = row.name === "on" && v.gil ? "s0" : row.colour;
		painter.fill(box.x, box.x + box.w, box.y, box.y + box.h, painter.tile("lane", "solid", 1));
		gaps(time, v, box, from, step);
		const high = row.name === "on" && v.side.curves.on_max;
		if (high && step >= high.col / 4) {
			const peaks = values.map((_, c) => high.max(from + c * step, from + (c + 1) * step));
			painter.curve(peaks, most, box, painter.weak(colour));
		}
		painter.curve(values, most, box, painter.tile(colour, "solid", 1));
	}

	// What stands beside a row's name: of the time that is shown.
	function figure(time, row, from, to, seen) {
		if (seen <= 0)
			return "";
		if (row.type === "curve") {
			const v = row.curve.mean(from, to);
			return v.toFixed(v < 10 ? 2 : v < 100 ? 1 : 0);
		}
		const s = row.lane.shares(Math.max(from, 0), to);
		let on = 0;
		const cnt = row.type === "core" ? FTData.OTHERS : 3;
		for (let k = 0; k < cnt; k++)
			on += s[k];
		return `${Math.round(100 * on / seen)} %`;
	}

	// Black or white, what has more contrast to a colour.
	function ink(colour) {
		const [r, g, b] = colour.map((v) => (v / 255) ** 2.2);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
	}

	// Words inside of spans, the longest that fit; over patterns they have a ground of their own.
	function inside(time, v, texts) {
		const { pen } = v, { css, rgb } = time.painter;
		for (const [x, w, y, h, words, solid] of texts) {
			const cols = Math.floor((w - 12) / time.col);
			const label = words.find((t) => FT.clip(t, cols) === t);
			if (!label || y + h / 2 < FTTime.AXIS + 4)
				continue;
			const at = Math.max(x, v.left) + 6;
			if (!solid) {
				pen.fillStyle = css.page;
				pen.fillRect(at - 3, y + 2, pen.measureText(label).width + 6, h - 4);
			}
			pen.fillStyle = !solid ? css.ink : solid === "s9" ? css.soft : ink(rgb[solid]);
			pen.fillText(label, at, y + h / 2 + 0.5);
		}
	}

	function coreText(side, row, gil, i) {
		const s = row.lane.tag[i], thr = row.lane.who[i];
		if (s > 2)
			return null;
		const name = FTWords.thread(side, thr), short = /\d+$/.exec(name);
		return [[name, ...(short ? [short[0]] : [])],
			s === 0 || (s === 1 && !gil) ? thr < 8 && `t${FTData.colourOf(thr)}` : ""];
	}

	function threadText(side, row, gil, i) {
		const s = row.lane.tag[i] & 15, [from, to] = row.lane.times(i), ns = FT.ns(to - from);
		if (s === FTData.ABSENT || s === FTData.MIXED)
			return null;
		const word = s === FTData.GAP ? "events lost" : FTWords.state(side, s);
		return [[`${word} ${ns}`, word, ns], s === 0 || s === 9 || (s === 1 && !gil) ? `s${s}` : ""];
	}

	function labels(time, v, scroll) {
		const { pen, side } = v, { css } = time.painter;
		pen.fillStyle = css.page;
		pen.fillRect(0, 0, v.left, v.height);
		const cursor = time.cursor && time.cursor.view === v ? time.cursor.row : null;
		for (const row of v.rows) {
			const y = row.y - scroll + row.h / 2;
			if (y + row.h < FTTime.AXIS || y > v.height + row.h)
				continue;
			const indent = row.type === "thread" ? 14 : 0, whole = Math.floor((v.left - 10 - indent) / time.col);
			// Where it is narrow a name is worth more than a figure.
			const figure = row.label.length > whole - 6 && whole < 15 ? "" : row.figure || "";
			const room = whole - (figure ? figure.length + 1 : 0);
			if (indent) {
				pen.fillStyle = css[`t${FTData.colourOf(row.i)}`];
				pen.fillRect(2, y - 5, 9, 10);
			}
			pen.fillStyle = css.ink;
			pen.font = `${row === cursor ? "bold " : ""}11px ${time.painter.mono}`;
			pen.fillText(FT.clip(row.label, room), 2 + indent, y + 0.5);
			pen.font = `11px ${time.painter.mono}`;
			pen.fillStyle = css.soft;
			pen.textAlign = "right";
			pen.fillText(figure, v.left - 6, y + 0.5);
			pen.textAlign = "left";
		}
		const more = side.json.more_threads;
		if (more.cnt && v.whole - scroll <= v.height + 1)
			pen.fillText(`and ${FT.count(more.cnt)} more threads`, 2, v.height - 3);
	}

	function axis(time, v) {
		const { pen, side } = v, { css } = time.painter, high = FTTime.AXIS;
		pen.fillStyle = css.page;
		pen.fillRect(0, 0, v.width, high - 1);
		const from = time.from + v.off, to = from + time.span, step = FTTime.tickStep(time.span, v.plot / 96);
		const first = Math.max(Math.ceil(from / step) * step, 0);
		// Three digits tell ticks apart, or they are told from the first one.
		const plain = to / step <= 999;
		pen.fillStyle = css.soft;
		pen.strokeStyle = css.rule;
		pen.lineWidth = 1;
		pen.beginPath();
		for (let t = first; t <= Math.min(to, side.ns) + step / 1e6; t += step) {
			const x = Math.round(time.x(v, t)) + 0.5;
			pen.moveTo(x, high - 6);
			pen.lineTo(x, high);
			const label = plain ? FT.ns(t) : t === first ? FTWords.exact(t, 1) : `+${FT.ns(t - first)}`;
			const width = pen.measureText(label).width;
			if (!plain && t > first && x < time.x(v, first) + pen.measureText(FTWords.exact(first)).width + 12)
				continue;
			if (x + width + 3 < v.width)
				pen.fillText(label, x + 3, high / 2 - 2);
		}
		pen.moveTo(v.left, high - 0.5);
		pen.lineTo(v.left + v.plot, high - 0.5);
		pen.stroke();
		if (v.brush)
			brushOnAxis(time, v);
	}

	function brushOnAxis(time, v) {
		const { pen } = v, { css } = time.painter, edge = v.left + v.plot;
		const a = Math.max(time.x(v, v.brush[0]), v.left), b = Math.min(time.x(v, v.brush[1]), edge);
		if (b < v.left || a > edge)
			return;
		pen.fillStyle = css.accent;
		pen.fillRect(a, FTTime.AXIS - 5, Math.max(b - a, 1), 4);
		const label = `range ${FT.ns(v.brush[1] - v.brush[0])}`, width = pen.measureText(label).width;
		const x = Math.min(Math.max((a + b - width) / 2, v.left + 2), edge - width - 2);
		pen.fillStyle = css.page;
		pen.fillRect(x - 3, 0, width + 6, FTTime.AXIS - 6);
		pen.fillStyle = css.accent;
		pen.fillText(label, x, FTTime.AXIS / 2 - 2);
	}

	// What lies over the rows: the end, the range, markers, cursor, what was picked.
	function over(time, v, scroll) {
		const { pen, side } = v, { css } = time.painter, high = FTTime.AXIS, edge = v.left + v.plot;
		pen.save();
		pen.beginPath();
		pen.rect(v.left, high, v.plot, v.height);
		pen.clip();
		const end = time.x(v, side.ns);
		if (end < edge - 1) {
			pen.fillStyle = css.page;
			pen.fillRect(end, high, edge - end, v.height);
			pen.fillStyle = css.soft;
			pen.fillRect(end, high, 1, v.height);
			const room = pen.measureText(`ends after ${FT.ns(side.ns)}`).width + 8;
			if (v.rows.length && end + room < edge)
				pen.fillText(`ends after ${FT.ns(side.ns)}`, end + 5, high + 12);
		}
		const begin = time.x(v, 0);
		if (begin > v.left) {
			pen.fillStyle = css.page;
			pen.fillRect(v.left, high, begin - v.left, v.height);
		}
		if (v.brush) {
			const a = time.x(v, v.brush[0]), b = time.x(v, v.brush[1]);
			pen.fillStyle = css.page;
			pen.globalAlpha = 0.55;
			pen.fillRect(v.left, high, Math.max(a - v.left, 0), v.height);
			pen.fillRect(b, high, Math.max(edge - b, 0), v.height);
			pen.globalAlpha = 1;
			pen.fillStyle = css.accent;
			pen.fillRect(a - 1, high, 1, v.height);
			pen.fillRect(b, high, 1, v.height);
		}
		if (v.marker !== null)
			upright(v, time.x(v, v.marker), css.accent, [4, 3]);
		if (time.cursor && time.cursor.view === v && time.byKeys)
			cursor(time, v, scroll);
		if (time.picked && time.picked.view === v)
			picked(time, v, scroll);
		pen.restore();
	}

	function upright(v, x, colour, dash) {
		const { pen } = v;
		pen.strokeStyle = colour;
		pen.lineWidth = 1;
		pen.setLineDash(dash);
		pen.beginPath();
		pen.moveTo(Math.round(x) + 0.5, FTTime.AXIS);
		pen.lineTo(Math.round(x) + 0.5, v.height);
		pen.stroke();
		pen.setLineDash([]);
	}

	function cursor(time, v, scroll) {
		const { t, row } = time.cursor, { pen } = v, { css } = time.painter;
		upright(v, time.x(v, t), css.ink, []);
		pen.strokeStyle = css.accent;
		pen.lineWidth = 2;
		pen.strokeRect(v.left + 1, row.y - scroll - 1, v.plot - 2, row.h + 2);
	}

	function frameSpan(time, v, row, from, to, scroll, colour, thick) {
		const { pen } = v, x = time.x(v, from), w = Math.max(time.x(v, to) - x, 2);
		pen.strokeStyle = colour;
		pen.lineWidth = thick;
		pen.strokeRect(x, row.y - scroll, w, row.h);
	}

	// The span, those who held the GIL during it, and an arrow from who released it.
	function picked(time, v, scroll) {
		const { row, span, held, arrow } = time.picked, { pen } = v, { css } = time.painter;
		const rowOf = (thr) => v.rows.find((r) => r.type === "thread" && r.i === thr);
		for (const h of held || []) {
			const r = rowOf(h.thr);
			if (r && time.x(v, h.to) > v.left && time.x(v, h.from) < v.left + v.plot)
				frameSpan(time, v, r, h.from, h.to, scroll, css.ink, 1.5);
		}
		frameSpan(time, v, row, span.from, span.to, scroll, css.accent, 2.5);
		const from = arrow && rowOf(arrow.thr);
		if (!from || from === row)
			return;
		const down = row.y > from.y, x0 = time.x(v, arrow.from), x1 = time.x(v, arrow.to);
		const y0 = from.y - scroll + (down ? from.h : 0), y1 = row.y - scroll + (down ? 0 : row.h);
		// A hand-over takes microseconds: so that the arrow is seen at any zoom, it swings out.
		const bend = Math.max(18, Math.abs(x1 - x0) / 2), k = down ? 1 : -1;
		pen.lineCap = "round";
		for (const [colour, thick] of [[css.page, 5], [css.accent, 2.5]]) {
			pen.strokeStyle = colour;
			pen.lineWidth = thick;
			pen.beginPath();
			pen.moveTo(x0, y0);
			pen.bezierCurveTo(x0 + bend, y0 + 6 * k, x1 + bend, y1 - 10 * k, x1, y1);
			pen.moveTo(x1 + 9, y1 - 6 * k);
			pen.lineTo(x1, y1);
			pen.lineTo(x1 + 1, y1 - 10 * k);
			pen.stroke();
		}
		pen.lineCap = "butt";
	}

	return { view };
})();
