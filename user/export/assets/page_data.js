// SPDX-License-Identifier: BSD-2-Clause
// Reads what the page embeds (docs/page-format.md) into typed arrays that answer what was when.
//
//   FTData.load(): Promise<{compare, sides: [Side]}>
//   Side    json, report, ns, unit, threads, cores, words, locks, frames, nodes as they are embedded;
//           lanes.thread, lanes.core: [Lane]; curves: {name: Curve}; samples: {t, what, node, w};
//           sums(a, b), waiters(t), onCores(t), holder(a, b), gilWait(t, dir)
//   Lane    n spans; find(t), span(i), shares(a, b, out), sweep(...)
//
// Times are Numbers, ns from the side's start. Shares are exact: whole blocks of spans are added up
// beforehand, so that an interval costs a few dozen steps however many spans are in it.

const FTData = (() => {
	const BLOCK = 16;
	// States, and the slots of a thread lane's shares: mixed spans are counted as what they mix,
	// and their place is free for nothing; HELD is time off a core with the GIL.
	const GIL_WAIT = 3, GIL_SWITCH = 4, LOCK_WAIT = 5, AWAY = 3, ABSENT = 12, GAP = 13, MIXED = 14, HELD = 15;
	const SLOTS = 16;
	// The slots of a core lane's shares: three (holds the GIL, GIL-free, spins) of each colour
	// of threads, the last for threads without a lane.
	const COLOURS = 8, OTHERS = 27, CORE_GAP = 28, CORE_SLOTS = 29;
	const colourOf = (thr) => thr < 0 ? COLOURS : thr % COLOURS;

	class Lane {
		constructor(bytes, unit, slots, n) {
			Object.assign(this, { bytes, unit, slots, n, last: 0, blocks: null });
			this.at = new Float64Array(n + 1); // in units; the last: where the lane ends
			this.tag = new Uint8Array(n);
			this.who = new Int32Array(n).fill(-1); // the core, or the thread; -1: not known
			this.pos = new Uint32Array(n); // of what follows the length
		}

		// Sums up to the beginning of each block.
		sum() {
			const { n, slots, at } = this, cnt = Math.ceil(n / BLOCK);
			const sums = new Float64Array((cnt + 1) * slots);
			for (let i = 0, o = 0; i < n; i++) {
				if (i % BLOCK === 0) {
					sums.copyWithin(o + slots, o, o + slots);
					o += slots;
				}
				this.add(i, at[i + 1] - at[i], sums, o);
			}
			this.blocks = sums;
		}

		// The last span that begins at or before u (in units), looked for from span i on.
		index(u, i) {
			const { at, n } = this;
			let lo, hi, step = 1;
			if (at[i] <= u) {
				lo = i;
				for (hi = i + 1; hi < n && at[hi] <= u; step *= 2) {
					lo = hi;
					hi += step;
				}
				hi = Math.min(hi, n);
			} else {
				hi = i;
				for (lo = i - 1; lo > 0 && at[lo] > u; step *= 2) {
					hi = lo;
					lo -= step;
				}
				lo = Math.max(lo, 0);
			}
			while (hi - lo > 1) {
				const mid = (lo + hi) >> 1;
				if (at[mid] <= u)
					lo = mid;
				else
					hi = mid;
			}
			return lo;
		}

		// The span at a time, -1: none.
		find(t) {
			const u = t / this.unit;
			if (!this.n || u < this.at[0] || u >= this.at[this.n])
				return -1;
			return (this.last = this.index(u, this.last));
		}

		// Adds the spans from..to-1.
		whole(from, to, out, o) {
			const { at, slots } = this;
			const first = Math.ceil(from / BLOCK), last = Math.floor(to / BLOCK);
			if (last <= first) {
				for (let i = from; i < to; i++)
					this.add(i, at[i + 1] - at[i], out, o);
				return;
			}
			for (let i = from; i < first * BLOCK; i++)
				this.add(i, at[i + 1] - at[i], out, o);
			if (!this.blocks)
				this.sum();
			for (let s = 0, a = first * slots, b = last * slots; s < slots; s++)
				out[o + s] += this.blocks[b + s] - this.blocks[a + s];
			for (let i = last * BLOCK; i < to; i++)
				this.add(i, at[i + 1] - at[i], out, o);
		}

		// Adds to out the time by slot, in units, of `cols` columns of `step` ns from t on; one gets
		// the span that a column lies in (-1: several, -2: none).
		sweep(t, step, cols, out, one) {
			const { at, n, unit, slots } = this;
			one.fill(-2, 0, cols);
			if (!n)
				return;
			const begin = at[0], end = at[n];
			let i = this.index(Math.max(t / unit, begin), this.last);
			this.last = i;
			for (let c = 0; c < cols; c++) {
				const from = Math.max((t + c * step) / unit, begin);
				const to = Math.min((t + (c + 1) * step) / unit, end);
				if (to <= from)
					continue;
				const o = c * slots;
				if (at[i + 1] <= from)
					i = this.index(from, i);
				if (at[i + 1] >= to) {
					one[c] = i;
					this.add(i, to - from, out, o);
				} else {
					const j = Math.min(this.index(to, i), n - 1);
					one[c] = -1;
					this.add(i, at[i + 1] - from, out, o);
					this.whole(i + 1, j, out, o);
					this.add(j, to - at[j], out, o);
					i = j;
				}
			}
		}

		// ns by slot in [a, b).
		shares(a, b, out = new Float64Array(this.slots)) {
			out.fill(0);
			this.sweep(a, Math.max(b - a, 0), 1, out, ONE);
			for (let s = 0; s < out.length; s++)
				out[s] *= this.unit;
			return out;
		}

		times(i) {
			return [this.at[i] * this.unit, this.at[i + 1] * this.unit];
		}
	}
	const ONE = new Int32Array(1);

	function varint(bytes, p) {
		let v = 0, k = 1;
		for (;;) {
			const b = bytes[p++];
			v += (b & 127) * k;
			if (!(b & 128))
				return [v, p];
			k *= 128;
		}
	}

	class ThreadLane extends Lane {
		constructor(bytes, unit, n) {
			super(bytes, unit, SLOTS, n);
		}

		add(i, u, out, o) {
			const tag = this.tag[i], state = tag & 15;
			if (tag & 32)
				out[o + HELD] += u;
			if (state !== MIXED) {
				out[o + state] += u;
				return;
			}
			const { bytes } = this, p = this.pos[i] + 1, end = p + bytes[p - 1] * 2;
			let all = 0;
			for (let k = p; k < end; k += 2)
				all += bytes[k + 1];
			for (let k = p; k < end; k += 2)
				out[o + (bytes[k] & 15)] += u * bytes[k + 1] / (all || 1);
		}

		// All that is known of a span.
		span(i) {
			const tag = this.tag[i], state = tag & 15, [from, to] = this.times(i), b = this.bytes;
			const s = { i, from, to, state, cpu: this.who[i], first: !!(tag & 16), held: !!(tag & 32),
				    waker: -1, wake: -1, lock: -1, node: -1, mix: null };
			let p = this.pos[i], v;
			if (state === MIXED) {
				s.mix = [];
				const all = this.shares(from, to);
				for (let k = 0, cnt = b[p++]; k < cnt; k++, p += 2)
					s.mix.push([b[p], to > from ? all[b[p]] / (to - from) : 0]);
				s.mix.sort((x, y) => y[1] - x[1]);
			} else if (state <= 2) {
				[v, p] = varint(b, p);
			}
			if ((state === GIL_WAIT || state === LOCK_WAIT) && tag & 64) {
				[v, p] = varint(b, p);
				s.waker = v - 1;
				[v, p] = varint(b, p);
				s.wake = from + v * this.unit;
			}
			if (state === LOCK_WAIT) {
				[v, p] = varint(b, p);
				s.lock = v - 1;
			}
			if (tag & 128)
				[s.node] = varint(b, p);
			return s;
		}
	}

	class CoreLane extends Lane {
		constructor(bytes, unit, n) {
			super(bytes, unit, CORE_SLOTS, n);
		}

		add(i, u, out, o) {
			const state = this.tag[i], { bytes } = this;
			const p = this.pos[i];
			if (state <= 2) {
				out[o + 3 * colourOf(this.who[i]) + state] += u;
			} else if (state === AWAY) {
				out[o + OTHERS] += u * bytes[p] / 255;
			} else if (state === GAP) {
				out[o + CORE_GAP] += u;
			} else {
				const all = Math.max(bytes[p] + bytes[p + 1] + bytes[p + 2] + bytes[p + 3], 255);
				const c = o + 3 * colourOf(this.who[i]);
				for (let k = 0; k < 3; k++)
					out[c + k] += u * bytes[p + k] / all;
				out[o + OTHERS] += u * bytes[p + 3] / all;
			}
		}

		span(i) {
			const state = this.tag[i], [from, to] = this.times(i), p = this.pos[i];
			const s = { i, from, to, state, thr: this.who[i], others: 0, mix: null };
			if (state === AWAY)
				s.others = this.bytes[p] / 255;
			else if (state === MIXED)
				s.mix = [0, 1, 2, 3].map((k) => [k, this.bytes[p + k] / 255]);
			return s;
		}
	}

	// Reads lanes, which follow each other; part(state, tag, p) is what a span has behind its length:
	// it gives the place behind that.
	function readLanes(bytes, unit, cnt, isCore) {
		const lanes = [], end = bytes.length;
		let p = 0;
		const read = () => {
			let b = bytes[p++];
			if (b < 128)
				return b;
			let v = b & 127;
			for (let k = 128; b & 128 && p < end; k *= 128) {
				b = bytes[p++];
				v += (b & 127) * k;
			}
			return v;
		};
		for (let l = 0; l < cnt; l++) {
			const n = read();
			if (n > end)
				throw new Error("a lane is broken off");
			const lane = isCore ? new CoreLane(bytes, unit, n) : new ThreadLane(bytes, unit, n);
			const { at, tag, who, pos } = lane;
			let t = read();
			for (let i = 0; i < n; i++) {
				const tg = bytes[p++], state = tg & 15;
				at[i] = t;
				tag[i] = isCore ? state : tg;
				t += read();
				pos[i] = p;
				if (state <= 2) {
					who[i] = read() - 1;
				} else if (isCore) {
					if (state === AWAY) {
						p++;
					} else if (state === MIXED) {
						who[i] = read() - 1;
						pos[i] = p;
						p += 4;
					}
				} else {
					if (state === MIXED)
						p += 1 + 2 * bytes[p];
					if (tg & 64 && (state === GIL_WAIT || state === LOCK_WAIT)) {
						read();
						read();
					}
					if (state === LOCK_WAIT)
						read();
				}
				if (!isCore && tg & 128)
					read();
			}
			at[n] = t;
			if (p > end)
				throw new Error("a lane is broken off");
			lanes.push(lane);
		}
		return lanes;
	}

	// A figure over time, the mean of each of equal columns.
	class Curve {
		constructor(values, ns) {
			const n = values.length;
			Object.assign(this, { values, ns, col: ns / n, most: 0, sum: new Float64Array(n + 1) });
			for (let i = 0; i < n; i++) {
				this.sum[i + 1] = this.sum[i] + values[i];
				this.most = Math.max(this.most, values[i]);
			}
		}

		until(t) {
			const x = Math.min(Math.max(t / this.col, 0), this.values.length), i = Math.floor(x);
			return this.sum[i] + (x > i ? (x - i) * this.values[i] : 0);
		}

		mean(a, b) {
			a = Math.max(a, 0);
			b = Math.min(b, this.ns);
			return b > a ? Math.max((this.until(b) - this.until(a)) * this.col / (b - a), 0) : 0;
		}

		max(a, b) {
			const to = Math.min(Math.ceil(b / this.col), this.values.length);
			let most = 0;
			for (let i = Math.max(Math.floor(a / this.col), 0); i < to; i++)
				most = Math.max(most, this.values[i]);
			return most;
		}
	}

	function readCurves(bytes, { cols, names }, ns) {
		const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length), curves = {};
		names.forEach((name, k) => {
			const values = new Float32Array(cols);
			for (let i = 0; i < cols; i++)
				values[i] = view.getUint16(2 * (k * cols + i), true) / 256;
			curves[name] = new Curve(values, ns);
		});
		return curves;
	}

	function readSamples(bytes, unit) {
		let [n, p] = varint(bytes, 0), at = 0, v;
		if (n > bytes.length)
			throw new Error("the samples are broken off");
		const s = { t: new Float64Array(n), what: new Uint8Array(n), node: new Int32Array(n),
			    w: new Float64Array(n) };
		for (let i = 0; i < n; i++) {
			[v, p] = varint(bytes, p);
			s.t[i] = (at += v) * unit;
			s.what[i] = bytes[p++];
			[s.node[i], p] = varint(bytes, p);
			[s.w[i], p] = varint(bytes, p);
		}
		return s;
	}

	class Side {
		constructor(json, blobs) {
			const { report, threads, cores, words, locks, frames, nodes, unit_ns: unit } = json;
			Object.assign(this, { json, report, threads, cores, words, locks, frames, nodes, unit });
			this.ns = json.length * unit;
			// What is in the blobs stands in their order.
			const [t, c, k, s] = blobs;
			this.lanes = { thread: t ? readLanes(t, unit, threads.length, false) : [],
				       core: c ? readLanes(c, unit, cores.length, true) : [] };
			this.curves = k ? readCurves(k, json.curves, this.ns) : {};
			this.samples = s ? readSamples(s, unit) : readSamples(new Uint8Array(1), unit);
		}

		// ns by state over all threads with a lane; [15]: off a core with the GIL.
		sums(a, b) {
			const all = new Float64Array(SLOTS), one = new Float64Array(SLOTS);
			for (const lane of this.lanes.thread) {
				lane.shares(a, b, one);
				for (let s = 0; s < SLOTS; s++)
					all[s] += one[s];
			}
			return all;
		}

		// When events of any thread were lost: [[from, to]] in order of time, none touches the next.
		gaps() {
			const all = [], out = [];
			for (const lane of this.lanes.thread)
				for (let i = 0; i < lane.n; i++)
					if ((lane.tag[i] & 15) === GAP)
						all.push(lane.times(i));
			for (const [a, b] of all.sort((x, y) => x[0] - y[0])) {
				const last = out[out.length - 1];
				if (last && a <= last[1])
					last[1] = Math.max(last[1], b);
				else
					out.push([a, b]);
			}
			return out;
		}

		// How many threads with a lane were in one of the states at t; of mixed spans, their share.
		count(lanes, t, is, parts) {
			let cnt = 0;
			for (const lane of lanes) {
				const i = lane.find(t);
				if (i >= 0 && (lane.tag[i] & 15) === MIXED)
					cnt += lane.span(i).mix.reduce((sum, [k, x]) => sum + (is(k) ? x : 0), 0);
				else if (i >= 0)
					cnt += is(lane.tag[i] & 15) ? 1 : 0;
			}
			return cnt;
		}

		waiters(t) {
			return this.count(this.lanes.thread, t, (k) => k === GIL_WAIT || k === GIL_SWITCH);
		}

		onCores(t) {
			return this.count(this.lanes.core, t, (k) => k <= 2);
		}

		// Who held the GIL in [a, b): [{thr, from, to, off}] in order of time; thr -1: threads
		// without a lane; off: while not on a core; share: of a span in which several are mixed.
		holder(a, b) {
			const list = [];
			const look = (lanes, part) => lanes.forEach((lane, thr) => {
				if (!lane.n)
					return;
				const { at, unit, n } = lane;
				let last = null;
				for (let i = Math.max(lane.find(Math.max(a, at[0] * unit)), 0);
				     i < n && at[i] * unit < b; i++) {
					const off = !!(lane.tag[i] & 32 && lanes === this.lanes.thread);
					const share = part(lane, i);
					const [from, to] = lane.times(i);
					if ((!share && !off) || to <= a || to === from)
						continue;
					const h = { thr: lanes === this.lanes.thread ? thr : -1, off, share: off ? 1 : share,
						    from: Math.max(from, a), to: Math.min(to, b) };
					if (last && last.to === h.from && last.off === off && last.share === 1 &&
					    h.share === 1)
						last.to = h.to;
					else
						list.push(last = h);
				}
			});
			look(this.lanes.thread, (lane, i) => {
				const state = lane.tag[i] & 15;
				if (state !== MIXED)
					return state === 0 ? 1 : 0;
				const gil = lane.span(i).mix.find(([k]) => k === 0);
				return gil ? gil[1] : 0;
			});
			look(this.lanes.core, (lane, i) => lane.tag[i] === 0 && lane.who[i] < 0 ? 1 : 0);
			return list.sort((x, y) => x.from - y.from);
		}

		// The GIL wait, of any thread, that ended next after (dir 1) or last before (-1) a time:
		// {thr, i}, null: none. Blocks without a wait are passed over by their sums.
		gilWait(t, dir) {
			let best = null, end = 0;
			this.lanes.thread.forEach((lane, thr) => {
				const i = nextWait(lane, t, dir);
				const to = i < 0 ? 0 : lane.at[i + 1];
				if (i >= 0 && (!best || (dir > 0 ? to < end : to > end)))
					[best, end] = [{ thr, i }, to];
			});
			return best;
		}
	}

	function nextWait(lane, t, dir) {
		const { at, n, unit, slots, tag } = lane;
		if (!n)
			return -1;
		if (!lane.blocks)
			lane.sum();
		const { blocks } = lane, u = t / unit;
		let i = lane.index(Math.min(Math.max(u, at[0]), at[n]), lane.last);
		for (; i >= 0 && i < n; i += dir) {
			if ((tag[i] & 15) === GIL_WAIT && (dir > 0 ? at[i + 1] > u : at[i + 1] < u))
				return i;
			const k = Math.floor(i / BLOCK), edge = dir > 0 ? k * BLOCK : k * BLOCK + BLOCK - 1;
			if (i === edge && blocks[(k + 1) * slots + GIL_WAIT] === blocks[k * slots + GIL_WAIT])
				i += dir * (BLOCK - 1);
		}
		return -1;
	}

	async function inflate(text) {
		const raw = atob(text.trim()), bytes = new Uint8Array(raw.length);
		for (let i = 0; i < raw.length; i++)
			bytes[i] = raw.charCodeAt(i);
		const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
		return new Uint8Array(await new Response(stream).arrayBuffer());
	}

	async function load() {
		const data = JSON.parse(document.getElementById("data").textContent);
		const sides = await Promise.all(data.sides.map(async (json) => {
			const blobs = (json.blobs || []).map((id) => inflate(document.getElementById(id).textContent));
			return new Side(json, await Promise.all(blobs));
		}));
		return { compare: data.compare, sides };
	}

	return { load, COLOURS, OTHERS, CORE_GAP, ABSENT, GAP, MIXED, HELD, colourOf };
})();
