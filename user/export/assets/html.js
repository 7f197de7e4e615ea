// SPDX-License-Identifier: BSD-2-Clause
// Puts the page of a flame graph together: the graph, and the table of functions.

(() => {
	const { make, button } = FTParts;
	const data = JSON.parse(document.getElementById("data").textContent);
	const main = document.getElementById("main");
	const frames = FTFlame.frames(data.frames);
	const step = data.differs ? 6 : 4, n = data.nodes.length / step;
	const column = (k) => Float64Array.from({ length: n }, (_, i) => data.nodes[i * step + k]);
	const frame = Int32Array.from({ length: n }, (_, i) => data.nodes[i * step + 1]);
	const tree = new FT.Tree(column(0), column(2), column(3), data.differs ? column(4) : null,
				 data.differs ? column(5) : null);
	const frameOf = (i) => i ? frames[frame[i]] : FTFlame.ALL;
	let chosen = "";

	const flame = FTFlame.create(main, {
		differs: data.differs,
		alone: true,
		help: (on) => on ? dialog.showModal() : dialog.close(),
		searched() {
			chosen = "";
			table.draw();
		},
	});
	if (data.differs) {
		const base = button(flame.bar, "base", "Widths: this session", () => {
			tree.weight = tree.weight === tree.total ? tree.base : tree.total;
			tree.place();
			base.textContent = tree.weight === tree.base ? "Widths: base" : "Widths: this session";
			flame.find();
			flame.draw();
		});
	}
	FTParts.theme(button(flame.bar, "theme", ""), flame.recolour);
	button(flame.bar, "keys", "Keys ?", flame.toggleHelp);
	const dialog = FTParts.help(main, [["", FT.HELP]], flame.helped);

	// The table.
	function figure(td, v, signed) {
		const all = tree.total[0], size = Math.abs(v);
		const sign = signed && v ? (v < 0 ? "\u2212" : "+") : "";
		td.append(`${sign}${FT.ns(size)} \u00b7 ${FT.percent(size, all).replace(/^\d/, `${sign}$&`)}`);
		if (!data.differs)
			FTParts.bar(td, all ? size / all : 0);
	}

	function nameCell(td, r) {
		const box = make(td, "div");
		if (r.f.word)
			make(box, "span", { class: "kind" }, r.f.word);
		button(box, null, r.f.name);
	}

	const number = (id, label, get, signed) =>
		({ id, label, get, cell: (td, r) => figure(td, get(r), signed) });
	const columns = [number("self", "Self", (r) => r.self), number("total", "Total", (r) => r.total)];
	if (data.differs)
		columns.push(number("baseSelf", "Self, base", (r) => r.baseSelf),
			     number("base", "Total, base", (r) => r.base),
			     number("change", "Total, change", (r) => r.total - r.base, true));
	columns.push({ id: "name", label: "Function", get: (r) => r.f.name, text: true, kind: "name",
		       cell: nameCell },
		     { id: "where", label: "Where", get: (r) => r.f.place, text: true, kind: "where" });
	const rows = [], per = data.differs ? 5 : 3;
	for (let i = 0; i < data.funcs.length; i += per) {
		const [f, self, total, baseSelf, base] = data.funcs.slice(i, i + per);
		rows.push({ f: frames[f], self, total, baseSelf, base });
	}
	make(main, "h2", { id: "top" }, "Functions");
	const table = new FTParts.Table(main, {
		labelledby: "top", columns, rows, by: "self",
		row(tr, r) {
			tr.className = r.f.func === chosen ? "hit" : "";
			tr.addEventListener("click", () => choose(r.f.func, r.f.name));
		},
	});

	// Highlights one function of the table, or none when it is the one that already is.
	function choose(func, name) {
		chosen = func === chosen ? "" : func;
		flame.mark(chosen ? name : "", (i) => frameOf(i).func === chosen);
		table.draw();
	}

	window.addEventListener("keydown", (e) => {
		if (!dialog.open && flame.key(e))
			e.preventDefault();
	});
	flame.show(tree, frameOf);
})();
