// SPDX-License-Identifier: BSD-2-Clause
// What pages are put together from: elements, tables that can be sorted, the theme, the keys.

const FTParts = (() => {
	const THEMES = ["system", "dark", "light"];

	// Elements are made by hand and names are set as text: nothing of the data is ever markup.
	function make(parent, name, attributes, ...children) {
		const e = document.createElement(name);
		for (const [k, v] of Object.entries(attributes || {}))
			e.setAttribute(k, v);
		e.append(...children);
		if (parent)
			parent.append(e);
		return e;
	}

	function button(parent, id, label, pressed) {
		const b = make(parent, "button", { type: "button", ...(id ? { id } : {}) }, label);
		if (pressed)
			b.addEventListener("click", pressed);
		return b;
	}

	// A share as a bar beside a figure.
	function bar(parent, share) {
		const b = make(parent, "span", { class: "share", "aria-hidden": "true" });
		make(b, "i").style.width = `${100 * Math.min(1, Math.max(0, share || 0))}%`;
	}

	// A table whose heads sort it. columns: id, label, get(row) to sort by and to show, and where
	// that is not enough cell(td, row); text: sorts upwards first, kind: a class; title: in full.
	// o: columns, rows, labelledby, by (the column it is sorted by at first; none: as it is),
	// limit (rows at first), row(tr, row).
	class Table {
		constructor(parent, o) {
			Object.assign(this, { o, rows: Array.from(o.rows), limit: o.limit || Infinity });
			this.order = o.by ? { id: o.by, down: !o.columns.find((c) => c.id === o.by).text } : null;
			this.box = make(parent, "div", { class: "table", tabindex: "0", role: "region",
							 "aria-labelledby": o.labelledby });
			const table = make(this.box, "table", { "aria-labelledby": o.labelledby });
			const head = make(make(table, "thead"), "tr");
			this.body = make(table, "tbody");
			this.heads = o.columns.map((c) => {
				const th = make(head, "th", { scope: "col", class: c.text || c.kind ? "" : "n" });
				const b = button(th, null, c.label, () => this.sort(c));
				if (c.title)
					b.title = c.title;
				return { c, th, b };
			});
			this.more = button(parent, null, "", () => {
				this.limit = Infinity;
				this.draw();
			});
			this.more.className = "more";
			this.draw();
		}

		sort(c) {
			const { order } = this;
			this.order = { id: c.id, down: order && order.id === c.id ? !order.down : !c.text };
			this.draw();
		}

		draw() {
			const { o, order, rows } = this;
			const by = order && o.columns.find((c) => c.id === order.id);
			if (by) {
				const sign = order.down ? -1 : 1;
				rows.sort((a, b) => {
					const x = by.get(a), y = by.get(b);
					return (x < y ? -1 : x > y ? 1 : 0) * sign;
				});
			}
			for (const { c, th, b } of this.heads) {
				const on = c === by;
				th.setAttribute("aria-sort", !on ? "none" : order.down ? "descending" : "ascending");
				b.textContent = c.label + (!on ? "" : order.down ? " \u2193" : " \u2191");
			}
			this.body.replaceChildren(...rows.slice(0, this.limit).map((row) => this.line(row)));
			this.more.hidden = rows.length <= this.limit;
			this.more.textContent = `Show all ${FT.count(rows.length)} rows`;
		}

		line(row) {
			const tr = make(null, "tr");
			for (const c of this.o.columns) {
				const td = make(tr, "td", { class: c.kind || (c.text ? "" : "n") });
				if (c.cell)
					c.cell(td, row);
				else if (c.text)
					make(td, "div", null, c.get(row) ?? "");
				else
					td.append(c.get(row));
			}
			if (this.o.row)
				this.o.row(tr, row);
			return tr;
		}
	}

	// A button that goes through the themes, and paper, which is always light. changed(paper) is
	// called when colours may have changed.
	function theme(b, changed) {
		const root = document.documentElement;
		let at = 0;
		const set = (name) => {
			if (name)
				root.dataset.theme = name;
			else
				delete root.dataset.theme;
		};
		const own = () => set(at ? THEMES[at] : "");
		b.addEventListener("click", () => {
			at = (at + 1) % THEMES.length;
			b.textContent = `Theme: ${THEMES[at]}`;
			own();
			changed(false);
		});
		b.textContent = `Theme: ${THEMES[0]}`;
		window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => changed(false));
		window.addEventListener("beforeprint", () => {
			set("light");
			changed(true);
		});
		window.addEventListener("afterprint", () => {
			own();
			changed(false);
		});
	}

	// The dialog of keys: groups of a heading (or none) and pairs. A click closes it.
	function help(parent, groups, closed) {
		const dialog = make(parent, "dialog", { "aria-label": "Keys" });
		for (const [heading, pairs] of groups) {
			if (heading)
				make(dialog, "h2", null, heading);
			const list = make(dialog, "dl");
			for (const [key, what] of pairs) {
				make(list, "dt", null, key);
				make(list, "dd", null, what);
			}
		}
		dialog.addEventListener("click", () => dialog.close());
		dialog.addEventListener("close", closed);
		return dialog;
	}

	return { make, button, bar, Table, theme, help };
})();
