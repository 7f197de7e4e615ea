// SPDX-License-Identifier: BSD-2-Clause
// Paints lanes and curves into pixels: each column of pixels shows its exact shares, stacked.
//
// Colours are custom properties, in light and dark; what page.css does not set is taken from COLOURS:
//   --page, --ink, --soft, --rule, --accent   as in html.css
//   --lane                                    the ground of a lane: idle, or not there
//   --s0 .. --s11                             states; --gap: events were lost
//   --t0 .. --t7, --t8                        threads on cores; t8: those without a lane
//   --others                                  a core given to other processes
// Whatever differs by colour differs by pattern or by name too.

const FTLanes = (() => {
	const LIGHT = {
		page: "#ffffff", ink: "#1a1a1a", soft: "#565a61", rule: "#d5d8dd", accent: "#0b57d0", lane: "#f3f4f6",
		s0: "#0072b2", s1: "#009e73", s2: "#d55e00", s3: "#e69f00", s4: "#b98000", s5: "#b5528f",
		s6: "#b9c4d0", s7: "#3d3d3d", s8: "#a89a00", s9: "#e2e5ea", s10: "#7a5195", s11: "#8c8c8c",
		gap: "#8c8c8c", others: "#b4b8be",
		t0: "#332288", t1: "#cc6677", t2: "#44aa99", t3: "#c2a92f", t4: "#882255", t5: "#55b0dd",
		t6: "#117733", t7: "#8a8a2e", t8: "#70757d",
	};
	const DARK = {
		page: "#16181c", ink: "#f4f4f4", soft: "#b3b7be", rule: "#3a3e45", accent: "#8ab4f8", lane: "#22262b",
		s0: "#3d9be0", s1: "#22b98e", s2: "#f07b2b", s3: "#f0b030", s4: "#c08a20", s5: "#d67fb4",
		s6: "#4a5768", s7: "#d8d8d8", s8: "#d0c23a", s9: "#2f343b", s10: "#a684c4", s11: "#8c8c8c",
		gap: "#8c8c8c", others: "#565b63",
		t0: "#8f83e6", t1: "#e08a96", t2: "#44aa99", t3: "#ddcc77", t4: "#c8589a", t5: "#88ccee",
		t6: "#3fa864", t7: "#b0b04c", t8: "#8b9099",
	};
	// Patterns on tiles of 8 x 8: whether a point has the full colour, or that of the ground.
	const PATTERNS = {
		solid: () => true,
		none: () => false,
		hatch: (x, y) => ((x + y) & 7) < 3,
		cross: (x, y) => ((x + y) & 7) < 2 || ((x - y) & 7) < 2,
		dots: (x, y) => (x & 3) < 2 && (y & 3) < 2,
		few: (x, y) => (x & 7) < 2 && (y & 3) < 2,
		lines: (x, y) => (y & 3) < 2,
		rare: (x, y) => (y & 7) < 1,
		bars: (x) => (x & 3) < 2,
		back: (x, y) => ((x - y) & 7) < 3,
		check: (x, y) => (((x >> 1) ^ (y >> 1)) & 1) === 0,
		posts: (x) => (x & 7) < 2,
	};
	const STATE_PATTERN = ["solid", "hatch", "cross", "dots", "few", "lines", "rare", "bars", "back", "solid",
			       "check", "posts"];
	// Threads beyond the eight colours have the same again, with these over them.
	const AGAIN = ["solid", "lines", "bars", "check"];
	// From bottom to top: what runs, what wants to run, what does not.
	const ORDER = [0, 2, 1, 3, 4, 5, 7, 8, 10, 6, 11, 9, FTData.GAP];

	// By thread, and of each what holds the GIL, what spins, what has no GIL; then who else ran.
	const CORE_ORDER = [];
	for (let c = 0; c <= FTData.COLOURS; c++)
		CORE_ORDER.push(3 * c, 3 * c + 2, 3 * c + 1);
	CORE_ORDER.push(FTData.OTHERS, FTData.CORE_GAP);

	// "#rgb", "#rrggbb" or "rgb(...)" as [r, g, b]; null: anything else.
	function parse(text) {
		let m = /^#([0-9a-f]{6})$/i.exec(text);
		if (m)
			return [16, 8, 0].map((k) => (parseInt(m[1], 16) >> k) & 255);
		m = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/i.exec(text);
		if (m)
			return m.slice(1).map((c) => parseInt(c, 16) * 17);
		m = /^rgb\((\d+)[, ]+(\d+)[, ]+(\d+)\)$/.exec(text);
		return m ? m.slice(1).map(Number) : null;
	}

	const mix = (a, b, share) => a.map((v, i) => Math.round(v * share + b[i] * (1 - share)));
	// A pixel as a little-endian word.
	const pixel = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;

	class Painter {
		constructor() {
			this.scale = 1;
			this.size = 8;
			this.image = null;
			this.readColours();
		}

		// Dark or light is what the page's own ground is.
		readColours() {
			const style = getComputedStyle(document.documentElement);
			const own = (name) => style.getPropertyValue(`--${name}`).trim();
			const page = parse(own("page")) || (matchMedia("(prefers-color-scheme: dark)").matches ?
				parse(DARK.page) : parse(LIGHT.page));
			this.dark = page[0] + page[1] + page[2] < 384;
			const base = this.dark ? DARK : LIGHT;
			this.rgb = {};
			this.css = {};
			for (const name of Object.keys(base)) {
				this.rgb[name] = parse(own(name)) || parse(base[name]);
				this.css[name] = `rgb(${this.rgb[name].join(",")})`;
			}
			this.mono = own("mono") || "monospace";
			this.forget();
		}

		forget() {
			this.tiles = {};
			this.states = [];
			this.threads = [];
		}

		// A buffer of w x h device pixels, filled with the page's ground.
		begin(w, h, scale) {
			if (!this.image || this.image.width !== w || this.image.height !== h)
				this.image = new ImageData(w, h);
			if (scale !== this.scale)
				this.forget();
			this.scale = scale;
			this.size = 8 * Math.max(1, Math.round(scale)); // of a tile
			this.words = new Uint32Array(this.image.data.buffer);
			this.words.fill(pixel(this.rgb.page));
			this.w = w;
			this.h = h;
		}

		tile(colour, pattern, weak) {
			const key = `${colour} ${pattern} ${weak}`, { size, tiles } = this;
			if (tiles[key])
				return tiles[key];
			const k = size / 8, test = PATTERNS[pattern], t = new Uint32Array(size * size);
			const full = pixel(this.rgb[colour]), rest = pixel(mix(this.rgb[colour], this.rgb.page, weak));
			for (let y = 0; y < size; y++)
				for (let x = 0; x < size; x++)
					t[y * size + x] = test(Math.floor(x / k), Math.floor(y / k)) ? full : rest;
			// Of one colour (all have an alpha of 255, none is 0), or not.
			return (tiles[key] = { words: t, flat: t.every((v) => v === t[0]) ? t[0] : 0 });
		}

		// A colour as it is behind itself.
		weak(colour) {
			return this.tile(colour, "none", 0.35);
		}

		// These are asked for with every span, so they are kept by number.
		state(s, gil) {
			const key = 2 * s + (gil ? 1 : 0);
			return this.states[key] || (this.states[key] = this.newState(s, gil));
		}

		newState(s, gil) {
			if (s === FTData.GAP)
				return this.tile("gap", "hatch", 0.15);
			if (s >= FTData.ABSENT)
				return this.tile("lane", "solid", 1);
			return this.tile(`s${s}`, s === 1 && !gil ? "solid" : STATE_PATTERN[s], 0.4);
		}

		// kind: 0 holds the GIL, 1 GIL-free, 2 spins.
		thread(thr, kind, gil) {
			const key = ((thr < 0 ? 32 : thr & 31) * 3 + kind) * 2 + (gil ? 1 : 0);
			return this.threads[key] || (this.threads[key] = this.newThread(thr, kind, gil));
		}

		newThread(thr, kind, gil) {
			const name = `t${FTData.colourOf(thr)}`;
			if (kind === 0 || (kind === 1 && !gil))
				return this.tile(name, thr < 0 ? "solid" : AGAIN[(thr >> 3) & 3], 0.65);
			return this.tile(name, kind === 1 ? "hatch" : "cross", 0.35);
		}

		// Rows y0 to y1-1 of columns x0 to x1-1 with a tile; what is outside of the buffer is left.
		fill(x0, x1, y0, y1, tile) {
			const { w, h, words, size } = this, { flat } = tile, first = x0 % size;
			x1 = Math.min(x1, w);
			y1 = Math.min(y1, h);
			for (let y = Math.max(y0, 0); y < y1; y++) {
				const end = y * w + x1, t = (y % size) * size;
				if (flat) {
					words.fill(flat, y * w + x0, end);
					continue;
				}
				for (let i = y * w + x0, k = first; i < end; i++) {
					words[i] = tile.words[t + k];
					if (++k === size)
						k = 0;
				}
			}
		}

		// One column of it.
		column(x, y0, y1, { words: from }) {
			const { w, words, size } = this, all = size * size, top = Math.max(y0, 0);
			const end = Math.min(y1, this.h) * w + x;
			for (let i = top * w + x, k = (top % size) * size + x % size; i < end; i += w) {
				words[i] = from[k];
				k += size;
				if (k >= all)
					k -= all;
			}
		}

		// A lane: box {x, y, w, h} in device pixels, its columns begin at `from` and take `step` ns.
		// tileOf(i): the tile of a span that is not mixed, null: it is; stack: slots from below, tiles: theirs.
		// runs gets [x0, x1, i] of the spans at least `wide` pixels long.
		lane(lane, box, from, step, tileOf, stack, tiles, wide, runs) {
			const cols = box.w, { slots } = lane;
			if (!this.out || this.out.length < cols * slots)
				this.out = new Float64Array(cols * slots);
			if (!this.one || this.one.length < cols)
				this.one = new Int32Array(cols);
			const { out, one } = this;
			out.fill(0, 0, cols * slots);
			lane.sweep(from, step, cols, out, one);
			step /= lane.unit;
			const ground = this.tile("lane", "solid", 1), bottom = box.y + box.h;
			this.fill(box.x, box.x + cols, box.y, bottom, ground);
			for (let c = 0; c < cols;) {
				const i = one[c];
				if (i === -2) {
					c++;
					continue;
				}
				const tile = i >= 0 ? tileOf(i) : null;
				if (tile) {
					// The first and the last column of a lane may be covered in part only.
					let end = c + 1;
					while (end < cols && one[end] === i)
						end++;
					if (tile !== ground)
						this.fill(box.x + c, box.x + end, box.y, bottom, tile);
					if (end - c >= wide)
						runs.push([c, end, i]);
					c = end;
					continue;
				}
				let sum = 0, y = bottom;
				for (let k = 0; k < stack.length; k++) {
					const v = out[c * slots + stack[k]];
					if (!v)
						continue;
					sum += v;
					const top = bottom - Math.round(Math.min(sum / step, 1) * box.h);
					this.column(box.x + c, top, y, tiles[k]);
					y = top;
				}
				c++;
			}
		}

		threadLane(lane, gil, box, from, step, wide, runs) {
			this.lane(lane, box, from, step, (i) => {
				const s = lane.tag[i] & 15;
				return s === FTData.MIXED ? null : this.state(s, gil);
			}, ORDER, ORDER.map((s) => this.state(s, gil)), wide, runs);
		}

		coreLane(lane, gil, box, from, step, wide, runs) {
			const tiles = CORE_ORDER.map((slot) => slot === FTData.CORE_GAP ? this.state(FTData.GAP, gil) :
				slot === FTData.OTHERS ? this.tile("others", "solid", 1) :
				this.thread(slot < 3 * FTData.COLOURS ? Math.floor(slot / 3) : -1, slot % 3, gil));
			this.lane(lane, box, from, step, (i) => {
				const s = lane.tag[i];
				return s <= 2 ? this.thread(lane.who[i], s, gil) :
					s === FTData.GAP ? this.state(s, gil) : null;
			}, CORE_ORDER, tiles, wide, runs);
		}

		// A curve: values of columns, filled from below; most is the height of the box.
		curve(values, most, box, tile) {
			for (let c = 0; c < box.w; c++) {
				const v = values[c];
				if (!(v > 0))
					continue;
				const h = Math.max(Math.round(Math.min(v / most, 1) * box.h), 1);
				this.column(box.x + c, box.y + box.h - h, box.y + box.h, tile);
			}
		}

		// What a tile looks like, for a legend.
		swatch(canvas, tile) {
			const w = canvas.width, h = canvas.height, image = new ImageData(w, h);
			const words = new Uint32Array(image.data.buffer), { size } = this;
			for (let i = 0; i < words.length; i++)
				words[i] = tile.words[(Math.floor(i / w) % size) * size + (i % w) % size];
			canvas.getContext("2d").putImageData(image, 0, 0);
		}
	}

	return { Painter, ORDER };
})();
