// SPDX-License-Identifier: BSD-2-Clause
// Flame graphs of a range of time: samples become a tree whose whole is the exact time in it.

const FTStacks = (() => {
	const ON = [0, 1, 2], OFF = [3, 4, 5, 6, 7, 8, 9, 10, 11];
	// What can be weighed, as `ftprof report --of` has it. Each state is scaled on its own, as there.
	const MEASURES = [
		{ id: "on-cpu", label: "On CPU: where threads ran", states: ON },
		{ id: "gil-wait", label: "GIL wait: who waited for the GIL", states: [3] },
		{ id: "gil-blame", label: "GIL blame: who held it while others waited", states: [3], blame: true },
		{ id: "lock-wait", label: "Lock wait: who waited for locks inside objects", states: [5] },
		{ id: "blocked", label: "Blocked: where threads slept", states: [6, 9, 10, 11] },
		{ id: "off-cpu", label: "Off CPU: where threads were off a core", states: OFF },
		{ id: "wall", label: "Wall time: where threads were all the time", states: [...ON, ...OFF] },
	];
	// Samples stand for all of the time, as in the flame graphs of a session: switches above a
	// budget are not sampled, and the others count for them. Only of blame, ticks that saw less than
	// half of the waits stand for themselves.
	const TRUST = 2;
	const MOST = 2e5; // looks at lanes for the waiters of ticks, at most: a tenth of a second
	const NO_STACK = { kind: 3, name: "[no stack]", where: "time that no sample stands for", fill: "m1",
			   func: "3\n[no stack]\n" };

	// The stacks of a side.
	class Stacks {
		constructor(side) {
			const { frames, nodes } = side.json, n = nodes.length / 2;
			this.side = side;
			this.frames = FTFlame.frames(frames);
			this.parent = Int32Array.from({ length: n }, (_, i) => nodes[2 * i] - 1);
			this.frame = Int32Array.from({ length: n }, (_, i) => nodes[2 * i + 1]);
			// A node has its place among its like by name, so that it keeps it from range to range.
			const names = Array.from(this.frames.keys()).sort((a, b) => {
				const x = this.frames[a].name, y = this.frames[b].name;
				return x < y ? -1 : x > y ? 1 : a - b;
			});
			const rank = new Int32Array(this.frames.length);
			names.forEach((f, i) => (rank[f] = i));
			this.order = Int32Array.from({ length: n }, (_, i) => i)
				.sort((a, b) => rank[this.frame[b]] - rank[this.frame[a]] || b - a);
		}

		// What of a sample lies in [a, b), in ns. A short one may stand for others that were left out.
		part(i, a, b) {
			const { t, what, w } = this.side.samples, weight = Math.max(w[i], this.side.json.least_ns);
			if (what[i] <= 2)
				return t[i] >= a && t[i] < b ? weight : 0;
			const inside = Math.min(t[i] + w[i], b) - Math.max(t[i], a);
			return inside > 0 ? weight * inside / w[i] : 0;
		}

		// How many threads waited for the GIL when a tick was taken; asked once of each, as brushing
		// comes back to them.
		waiters(i) {
			const { side } = this;
			this.waits = this.waits || new Float32Array(side.samples.t.length).fill(-1);
			if (this.waits[i] < 0)
				this.waits[i] = side.waiters(side.samples.t[i]);
			return this.waits[i];
		}

		// Weights of nodes of one state: {self, sum, cnt}.
		weigh(state, a, b, blame) {
			const { side } = this, { samples } = side;
			const self = new Float64Array(this.parent.length), is = blame ? 0 : state;
			let sum = 0, cnt = 0, skip = 1, seen = 0;
			if (blame) {
				const ticks = samples.what.reduce((n, what) => n + (what === is), 0);
				skip = Math.ceil(ticks * side.lanes.thread.length / MOST) || 1;
			}
			for (let i = 0; i < samples.t.length; i++) {
				if (samples.what[i] !== is || samples.node[i] >= self.length)
					continue;
				let w = this.part(i, a, b);
				if (!w || seen++ % skip)
					continue;
				if (blame)
					w *= skip * this.waiters(i);
				if (!w)
					continue;
				self[samples.node[i]] += w;
				sum += w;
				cnt++;
			}
			return { self, sum, cnt };
		}

		// The tree of a measure over [a, b): {tree, frameOf, ns, cnt, seen, none}; ns is the exact time,
		// cnt on how many samples it stands, which saw `seen` ns of it; none what has no sample.
		tree(measure, a, b) {
			const exact = this.side.sums(a, b), n = this.parent.length;
			const self = new Float64Array(n);
			let ns = 0, cnt = 0, seen = 0, none = 0;
			for (const state of measure.states) {
				const part = exact[state];
				if (!part)
					continue;
				const got = this.weigh(state, a, b, measure.blame);
				let k = got.sum ? part / got.sum : 0;
				if (measure.blame)
					k = k > TRUST ? 1 : k;
				for (let i = 0; i < n; i++)
					self[i] += got.self[i] * k;
				ns += part;
				cnt += got.cnt;
				seen += Math.min(got.sum, part);
				none += Math.max(part - got.sum * k, 0);
			}
			// Rounding leaves less than that of a sum that is all there.
			if (none < ns * 1e-9)
				none = 0;
			return { ...this.grow(self, ns, none), ns, cnt, seen, none };
		}

		grow(self, ns, none) {
			const { parent, frame, frames, order } = this, n = parent.length;
			const total = self.slice(), first = new Int32Array(n + 1).fill(-1), next = new Int32Array(n);
			for (let i = n - 1; i >= 0; i--)
				if (parent[i] >= 0)
					total[parent[i]] += total[i];
			for (const i of order) {
				if (!total[i])
					continue;
				next[i] = first[parent[i] + 1];
				first[parent[i] + 1] = i;
			}
			const depth = [0], node = [-1];
			for (let i = first[0], d = 1; i >= 0;) {
				depth.push(d);
				node.push(i);
				if (first[i + 1] >= 0) {
					i = first[i + 1];
					d++;
					continue;
				}
				while (i >= 0 && next[i] < 0) {
					i = parent[i];
					d--;
				}
				if (i >= 0)
					i = next[i];
			}
			if (none) {
				depth.push(1);
				node.push(-2);
			}
			const of = (list) => Float64Array.from(node, (i) => i >= 0 ? list[i] : i === -2 ? none : 0);
			const totals = of(total);
			totals[0] = ns;
			const tree = new FT.Tree(Float64Array.from(depth), totals, of(self), null, null);
			const frameOf = (i) => node[i] >= 0 ? frames[frame[node[i]]] : i ? NO_STACK : FTFlame.ALL;
			return { tree, frameOf };
		}
	}

	return { MEASURES, Stacks };
})();
