# SPDX-License-Identifier: BSD-2-Clause
"""The whole page in a browser: stacks of a brushed range, tables, comparison, theme, paper, names.

tests/browser/make_page.py makes pages of known spans from the page's own description; the reports in
them are of real sessions. tests/browser/flame.mjs drives the browser, and fails on any message,
request or dialog.
"""

import copy
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import ftp

sys.path.insert(0, os.path.join(ftp.ROOT, "tests", "browser"))
import make_page  # noqa: E402

DRIVER = os.path.join(ftp.ROOT, "tests", "browser", "flame.mjs")
CRUNCH = os.path.join(ftp.ROOT, "tests", "workloads", "crunch.py")
# Four threads, one dict: a lock that they all want.
WORDS = """
import threading, time
counts = {}
def count(end):
    while time.monotonic() < end:
        for word in ("a", "b", "c") * 100:
            counts[word] = counts.get(word, 0) + 1
end = time.monotonic() + 0.7
threads = [threading.Thread(target=count, args=(end,)) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
STATES = ("on_gil", "on_free", "on_spin", "gil_wait", "gil_switch", "lock_wait", "sync_wait", "stw", "runq",
          "blocked", "fault", "stopped")
READY = ["eval", "new Promise((done) => { const look = () => document.documentElement.dataset.ready ? "
         "done() : setTimeout(look, 20); look(); })"]
NOTE = "({...document.getElementById('of-note').dataset, text: document.getElementById('of-note').textContent})"
INFO = "document.getElementById('info').textContent"
FRAME = ["eval", "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))"]
# The table under a heading that begins so: its heads and its cells.
TABLE = """((title, nth) => {
	const h = Array.from(document.querySelectorAll("h3, h4")).filter((e) => e.textContent.startsWith(title))[nth];
	const t = document.querySelector(`table[aria-labelledby="${h.id}"]`);
	const text = (e) => e.innerText.replace(/\\s+/g, " ").trim();
	return { heads: Array.from(t.tHead.rows[0].cells, text),
		 rows: Array.from(t.tBodies[0].rows, (r) => Array.from(r.cells, text)) };
})(%s, %d)"""
FACTS = """((title) => {
	const h = Array.from(document.querySelectorAll("h3")).find((e) => e.textContent === title);
	return Array.from(h.parentNode.querySelectorAll("dl div"), (d) => [d.children[0].textContent,
		d.children[1].textContent]);
})(%s)"""
HOSTILE = '</script><img src=x onerror="alert(1)">\u202e"\'&lt;'


def table(title, nth=0):
    return ["eval", TABLE % (json.dumps(title), nth)]


def facts(title):
    return ["eval", FACTS % json.dumps(title)]


def ns(value):
    """Three digits and a unit, as people read times."""
    for unit, size in (("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9)):
        if size == 1 and value < 1000:
            return f"{round(value)} ns"
        if size == 1:
            continue
        for digits in (2, 1, 0):
            shown = round(value / size, digits)
            if shown < 10 ** (3 - digits) or (unit == "s" and not digits):
                return f"{shown:.{digits}f}".rstrip("0").rstrip(".") + f" {unit}" if digits else \
                    f"{shown:.0f} {unit}"
    return None


def percent(part, whole):
    value = 100 * part / whole if whole else 0
    return "0 %" if not value else "<0.1 %" if value < 0.05 else f"{value:.1f} %"


def both(part, whole):
    return f"{ns(part)} · {percent(part, whole)}" if part else "–"


def count(value):
    return f"{value:,}"


class Shell(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        ftp.need(shutil.which("node"), "node is not installed")
        ftp.need(shutil.which("chromium") or shutil.which("chromium-browser"), "chromium is not installed")
        ftp.need(os.path.exists(os.path.join(ftp.BUILD, "readers", "node_modules", "playwright-core")),
                 "no playwright-core; scripts/get-readers brings it")
        ftp.need_ftprof()
        cls.where = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.where.cleanup)
        cls.gil = ftp.launch(ftp.PYTHON["gil"], CRUNCH, "3000000", "4")[0]
        cls.ft = ftp.launch(ftp.PYTHON["ft"], "-c", WORDS)[0]

    def page(self, scene, reports=(), compare=None):
        """A page of a scene of make_page.py: (path, sides)."""
        sides = make_page.SCENES[scene]() if isinstance(scene, str) else scene
        for side, report in zip(sides, reports):
            side.report = lambda report=report: report
        path = os.path.join(self.where.name, f"{self.id().rsplit('.', 1)[1]}.html")
        make_page.write(sides, path, shell=True, compare=compare)
        return path, sides

    def drive(self, path, steps, **options):
        task = {"file": path, "steps": [READY, *steps], **options}
        done = subprocess.run(["node", DRIVER], input=json.dumps(task), text=True, timeout=120,
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)[1:]

    def values(self, path, steps, **options):
        """What the eval steps gave."""
        gave = self.drive(path, steps, **options)
        return [value for step, value in zip(steps, gave) if step[0] == "eval" and step != FRAME]

    def column(self, got, head):
        """A column of a table by its head, which may be sorted."""
        at = [name.rstrip(" ↑↓") for name in got["heads"]].index(head)
        return [row[at] for row in got["rows"]]


class Flames(Shell):
    MEASURES = {"on-cpu": (0, 1, 2), "gil-wait": (3,), "gil-blame": (3,), "lock-wait": (5,),
                "blocked": (6, 9, 10, 11), "off-cpu": range(3, 12), "wall": range(12)}

    @staticmethod
    def exact(side, states, begin, end):
        return sum(thread.ns(state, begin, end) for thread in side.threads for state in states)

    def choose(self, measure):
        return [["eval", "(() => { const s = document.getElementById('of-what'); s.value = "
                 f"'{measure}'; s.dispatchEvent(new Event('change')); }})()"], ["eval", NOTE], ["eval", INFO]]

    def check(self, side, begin, end, measure, note, info):
        truth = self.exact(side, self.MEASURES[measure], begin, end)
        self.assertAlmostEqual(float(note["ns"]), truth, delta=2 + truth * 1e-9, msg=(measure, note))
        self.assertTrue(info.startswith(f"all, {percent(truth, truth)}, {ns(truth)}, "), (measure, info))
        self.assertIn(f"{ns(truth)} of threads' time", note["text"])

    def test_whole_session(self):
        path, (side,) = self.page("gil")
        steps = []
        for measure in self.MEASURES:
            steps += self.choose(measure)
        got = self.values(path, steps)
        for k, measure in enumerate(self.MEASURES):
            _, note, info = got[3 * k:3 * k + 3]
            self.check(side, 0, side.length, measure, note, info)

    def test_brushed_range(self):
        """Total, share and number of samples of what was brushed are those of the range."""
        path, (side,) = self.page("gil")
        steps = [["eval", "document.querySelector('.ftt-stage').focus()"], ["key", "+"], ["key", "+"],
                 ["key", "b"], FRAME]
        for measure in self.MEASURES:
            steps += self.choose(measure)
        steps += self.choose("on-cpu")
        steps += [["eval", "document.getElementById('graph').focus()"], ["key", "ArrowUp"], ["eval", INFO],
                  ["key", "ArrowUp"], ["eval", INFO], ["click", "#of-all"], FRAME, ["eval", NOTE]]
        got = self.values(path, steps)[1:]
        for k, measure in enumerate(self.MEASURES):
            _, note, info = got[3 * k:3 * k + 3]
            begin, end = float(note["from"]), float(note["to"])
            self.assertLess(end - begin, side.length / 2)
            self.check(side, begin, end, measure, note, info)
        note = got[3 * len(self.MEASURES) + 1]
        begin, end = float(note["from"]), float(note["to"])
        inside = [s for s in side.samples if begin <= s[0] < end and s[1] <= 2]
        self.assertGreater(len(inside), 5)
        self.assertLess(len(inside), len(side.samples) / 2)
        self.assertIn(f"from {len(inside)} samples", note["text"])
        # Its samples are all of <module> calling work.
        truth = self.exact(side, self.MEASURES["on-cpu"], begin, end)
        module, work, after = got[-3:]
        self.assertEqual(module, f"<module>, app.py:1, 100.0 %, {ns(truth)}, self 0 ns")
        self.assertEqual(work, f"work, app.py:8, 100.0 %, {ns(truth)}, self {ns(truth)}")
        whole = self.exact(side, self.MEASURES["on-cpu"], 0, side.length)
        self.assertAlmostEqual(float(after["ns"]), whole, delta=2)

    def test_what_no_sample_stands_for(self):
        """Samples that saw little of a state, blame that ticks saw little of, a state without a sample."""
        sides = make_page.gil()
        side, = sides
        when = 10 * make_page.MS
        side.samples = [(when, make_page.GIL_WAIT, 1, 5 * make_page.MS), (when, make_page.ON_GIL, 1, 2 * make_page.MS)]
        path, _ = self.page(sides)
        first = [["eval", "document.getElementById('graph').focus()"], ["key", "ArrowUp"], ["eval", INFO]]
        got = self.values(path, [*self.choose("gil-wait"), *first, *self.choose("gil-blame"),
                                 *self.choose("blocked"), *first])
        wait = self.exact(side, (3,), 0, side.length)
        self.assertIn(f"They saw {percent(5e6, wait)} of it", got[1]["text"])
        self.assertEqual(got[4], f"<module>, app.py:1, 100.0 %, {ns(wait)}, self 0 ns")
        # two threads wait while the tick is taken
        self.assertIn(f"No sample stands for {percent(wait - 4e6, wait)} of it", got[6]["text"])
        self.assertIn("No sample stands for 100.0 % of it", got[9]["text"])
        self.assertTrue(got[-1].startswith("[no stack], "), got[-1])

    def test_weights_of_blame(self):
        """Who held the GIL weighs by how many waited meanwhile: by hand, two holders."""
        side = make_page.Side("blame.ftprof", 100, "on", [0])
        side.frames = [0, "few", "a.py", 1, 0, 0, "many", "a.py", 2, 1]
        side.nodes = [0, 0, 0, 1]
        one, two = side.thread("one"), side.thread("two")
        one.add(make_page.ON_GIL, 50, cpu=0).add(make_page.GIL_WAIT, 50)
        two.add(make_page.GIL_WAIT, 50).add(make_page.ON_GIL, 50, cpu=0)
        three = side.thread("three")
        three.add(make_page.BLOCKED, 50).add(make_page.GIL_WAIT, 50)
        side.samples = [(25, 0, 0, 50), (75, 0, 1, 50)]
        path, _ = self.page([side])
        got = self.values(path, [*self.choose("gil-blame"),
                                 ["eval", "document.getElementById('graph').focus()"], ["key", "ArrowUp"],
                                 ["eval", INFO], ["key", "ArrowLeft"], ["eval", INFO]])
        self.assertEqual(got[1]["ns"], "150")
        self.assertEqual(got[-2], "many, a.py:2, 66.7 %, 100 ns, self 100 ns")
        self.assertEqual(got[-1], "few, a.py:1, 33.3 %, 50 ns, self 50 ns")

    def test_sides(self):
        path, sides = self.page("two")
        side = ["eval", "(() => { const s = document.getElementById('of-side'); s.value = '1'; "
                "s.dispatchEvent(new Event('change')); return Array.from(s.options, (o) => o.text); })()"]
        got = self.values(path, [side, *self.choose("on-cpu")])
        self.assertEqual(got[0], ["A: 3.14.6, GIL on", "B: 3.14.6t, GIL off"])
        self.check(sides[1], 0, sides[1].length, "on-cpu", got[2], got[3])
        box, = self.values(path, [["eval", "(() => { const r = document.querySelectorAll('.ftt-box canvas')[1]"
                                   ".getBoundingClientRect(); return [r.left, r.top, r.right]; })()"]])
        left, right = box[0] + (box[2] - box[0]) * 0.3, box[0] + (box[2] - box[0]) * 0.5
        *_, note, info, of = self.values(path, [
            *self.choose("on-cpu"), ["drag", left, box[1] + 8, right, box[1] + 8], FRAME, ["eval", NOTE],
            ["eval", INFO], ["eval", "document.getElementById('of-side').value"]])
        self.assertEqual(of, "1")
        begin, end = float(note["from"]), float(note["to"])
        # One scale for both sides: the first, which is longer, is as wide as the plot.
        wide = sides[0].length * 0.2
        self.assertTrue(wide < end - begin < 1.3 * wide, (begin, end))
        self.check(sides[1], begin, end, "on-cpu", note, info)


class Real(Shell):
    """A recorded session from end to end: what the page computes is what the report says."""

    MAKE = os.path.join(ftp.BUILD, "tools", "mkpage")

    def test_session(self):
        ftp.need(os.access(self.MAKE, os.X_OK), "build/tools/mkpage is not built")
        session, path = (os.path.join(self.where.name, f"real.{end}") for end in ("ftprof", "html"))
        status, _, err = ftp.ftprof("record", "-o", session, "--", ftp.PYTHON["gil"], CRUNCH, "4000000", "4")
        self.assertEqual(status, 0, err)
        report = json.loads(ftp.check_ftprof("report", session, "--json"))
        subprocess.run([self.MAKE, path, session], check=True)
        found = "document.getElementById('found').textContent"
        steps = []
        for measure in ("on-cpu", "gil-wait"):
            steps += [["eval", f"(() => {{ const s = document.getElementById('of-what'); s.value = '{measure}'; "
                       "s.dispatchEvent(new Event('change')); })()"], ["eval", NOTE],
                      ["key", "/"], ["type", "crunch"], ["eval", found], ["key", "Escape"]]
        got = self.values(path, [*steps, table("Threads"), ["eval", "document.querySelector('.verdict').innerText"]])
        for k, (key, whole) in enumerate((("on_cpu", report["target"]["cpu_ns"]),
                                          ("gil_wait", report["gil"]["wait_ns"]))):
            note, said = got[3 * k + 1], got[3 * k + 2]
            self.assertAlmostEqual(float(note["ns"]), whole, delta=whole * 1e-4 + 1000, msg=key)
            function = next(f for f in report["functions"][key] if f["name"] == "crunch")
            shown = float(said.split("matched ")[1].split(" %")[0])
            self.assertAlmostEqual(shown, 100 * function["total_ns"] / whole, delta=1.5, msg=key)
        self.assertEqual(self.column(got[-2], "Id"), [str(t["tid"]) for t in report["threads"]])
        self.assertTrue(got[-1].startswith(report["verdict"]["text"]), got[-1])


class Tables(Shell):
    def test_threads(self):
        path, _ = self.page("gil", [self.gil])
        steps = [table("Threads"), ["click", "section.figures th:has-text('Lived') button"], table("Threads"),
                 ["click", "section.figures th:has-text('Lived') button"], table("Threads"),
                 ["eval", "document.querySelector('section.figures th[aria-sort]:not([aria-sort=none])').innerText"],
                 ["click", "section.figures th:has-text('Thread') button"], table("Threads")]
        first, down, up, head, named = self.values(path, steps)
        threads = self.gil["threads"]
        self.assertEqual(self.column(first, "Id"), [str(t["tid"]) for t in threads])
        self.assertEqual(self.column(first, "Thread"),
                         [(t["name"] + (" (main)" if t["main"] else "" if t["python"] else " (native)")).strip()
                          for t in threads])
        self.assertEqual(self.column(first, "Lived"), [ns(t["lifetime_ns"]) for t in threads])
        self.assertEqual(self.column(first, "GIL waits"), [count(t["gil_waits"]) for t in threads])
        for state, words in (("on_gil", "holds the GIL"), ("gil_wait", "waits for the GIL")):
            self.assertEqual(self.column(first, words),
                             [both(t["state_ns"][state], t["lifetime_ns"]) for t in threads])
        lives = [t["lifetime_ns"] for t in threads]
        self.assertEqual(self.column(down, "Lived"), [ns(v) for v in sorted(lives, reverse=True)])
        self.assertEqual(self.column(up, "Lived"), [ns(v) for v in sorted(lives)])
        self.assertIn("↑", head)
        names = self.column(named, "Thread")
        self.assertEqual(names, sorted(names))

    def test_many_threads(self):
        report = copy.deepcopy(self.gil)
        report["threads"] = [{**report["threads"][0], "tid": k, "name": f"t{k}"} for k in range(1000)]
        path, _ = self.page("gil", [report])
        few, all_of_them = self.values(path, [table("Threads"), ["click", "button.more"], table("Threads")])
        self.assertEqual(len(few["rows"]), 30)
        self.assertEqual(self.column(all_of_them, "Id"), [str(k) for k in range(1000)])

    def test_gil_and_functions(self):
        path, _ = self.page("gil", [self.gil])
        gil, on_cpu, wait, cost, levels = self.values(path, [
            facts("The GIL"), table("On cores"), table("Waiting for the GIL"),
            facts("What it cost, and what is missing"), table("Threads on cores at once")])
        g = self.gil["gil"]
        said = dict(gil)
        self.assertEqual(said["threads waited"], ns(g["wait_ns"]))
        self.assertEqual(said["a wait"], f"median {ns(g['wait_p50_ns'])}, p99 {ns(g['wait_p99_ns'])}, longest "
                                         f"{ns(g['wait_max_ns'])}")
        self.assertTrue(said["held"].startswith(f"{ns(g['held_ns'])}, "), said)
        self.assertTrue(said["hand-overs"].startswith(f"{count(g['handoffs'])}, "), said)
        for got, key, whole in ((on_cpu, "on_cpu", self.gil["target"]["cpu_ns"]),
                                (wait, "gil_wait", g["wait_ns"])):
            functions = self.gil["functions"][key][:10]
            self.assertTrue(functions)
            self.assertEqual(self.column(got, "Function"), [f["name"] for f in functions])
            self.assertEqual(self.column(got, "Self"), [both(f["self_ns"], whole) for f in functions])
            self.assertEqual(self.column(got, "Where"), [f"{f['file']}:{f['line']}" if f["line"] else f["file"]
                                                         for f in functions])
        said = dict(cost)
        self.assertEqual(said["events"].split(" lost")[0],
                         f"0 of {count(self.gil['session']['events']['received'])}")
        by_level = [(k, v) for k, v in enumerate(self.gil["parallelism"]["ns_by_level"]) if v or not k]
        self.assertEqual(self.column(levels, "At once"), [str(k) for k, _ in by_level])
        self.assertEqual(self.column(levels, "Time"),
                         [both(v, self.gil["session"]["duration_ns"]) for _, v in by_level])

    def test_free_threaded(self):
        path, _ = self.page("free", [self.ft])
        lost, locks, headings = self.values(path, [
            table("What keeps this from scaling"), table("Contended locks"),
            ["eval", "Array.from(document.querySelectorAll('h3'), (h) => h.textContent)"]])
        rows = self.ft["scaling"]
        self.assertTrue(rows)
        self.assertEqual(self.column(lost, "Where"), [" ".join(r["where"].split()) for r in rows])
        budget = self.ft["core_time"]["budget_ns"]
        self.assertEqual(self.column(lost, "Core time lost"), [both(r["lost_ns"], budget) for r in rows])
        self.assertEqual(self.column(lost, "What to do"), [" ".join(r["advice"].split()) for r in rows])
        self.assertTrue(self.ft["locks"], "no lock although all threads write to one dict")
        self.assertEqual(self.column(locks, "Spinning"), [ns(r["spin_ns"]) for r in self.ft["locks"]][:30])
        self.assertNotIn("The GIL", headings)

    def test_limits_and_extensions(self):
        report = copy.deepcopy(self.ft)
        report["session"]["limits"] = ["stacks of switches"]
        report["session"]["damage"] = "its last chunk is cut"
        report["session"]["events"].update(lost=7, lost_by={"slice": 7})
        report["extensions"] = [
            {"module": "old", "path": "/x/old.so", "distribution": "old 1.0", "gil": "used", "stdlib": False,
             "seen_ns": 0},
            {"module": "new", "path": "/x/new.so", "distribution": None, "gil": "not_used", "stdlib": False,
             "seen_ns": 0}]
        path, _ = self.page("free", [report])
        cost, extensions = self.values(path, [facts("What it cost, and what is missing"),
                                              table("Extensions that need the GIL")])
        said = dict(cost)
        self.assertEqual(said["not measured"], "stacks of switches")
        self.assertEqual(said["damaged file"], "its last chunk is cut")
        received = report["session"]["events"]["received"]
        self.assertEqual(said["events"], f"7 of {count(received + 7)} lost: slice 7")
        self.assertEqual(self.column(extensions, "Module"), ["old"])

    def test_comparison(self):
        def values(*v):
            return {"median": v[0], "lo": min(v), "hi": max(v), "values": list(v)}

        rows = [{"name": "wall_ns", "title": "wall time", "unit": "ns", "a": values(2e9, 1.9e9, 2.1e9),
                 "b": values(1e9, 0.9e9, 1.2e9), "ratio": 0.5, "ratio_lo": 0.45, "ratio_hi": 0.6, "verdict": "less"},
                {"name": "gil_wait_ns", "title": "waited for the GIL", "unit": "ns", "a": values(3e9),
                 "b": values(0), "ratio": None, "difference": -3e9, "difference_lo": None, "difference_hi": None,
                 "verdict": "unknown"},
                {"name": "par", "title": "cores used at once", "unit": "cores", "a": values(1.0),
                 "b": values(1.75), "ratio": 1.75, "ratio_lo": None, "ratio_hi": None, "verdict": "unknown"},
                {"name": "cost", "title": "ftprof, of one core", "unit": "core_share", "a": values(0.016),
                 "b": values(0.02), "ratio": None, "difference": 0.004, "difference_lo": None,
                 "difference_hi": None, "verdict": "unknown"}]
        compare = {"schema": "ftprof-compare/1", "rows": rows, "not_compared": [f"this {HOSTILE}"],
                   "notes": [], "summary": "Twice as fast."}
        path, _ = self.page("two", [self.gil, self.ft], compare)
        got, text, headings = self.values(path, [
            table("A and B"), ["eval", "document.getElementById('main').innerText"],
            ["eval", "Array.from(document.querySelectorAll('h2'), (h) => h.textContent)"]])
        self.assertEqual(got["rows"][0], ["wall time", "2 s 1.9 s to 2.1 s", "1 s 900 ms to 1.2 s",
                                          "0.500 times 0.450 to 0.600", "less"])
        self.assertEqual(got["rows"][1], ["waited for the GIL", "3 s", "0 ns", "−3 s", "too few runs to tell"])
        self.assertEqual(got["rows"][2][:4], ["cores used at once", "1.00", "1.75", "1.75 times"])
        # not a change by so many per cent
        self.assertEqual(got["rows"][3][1:4], ["1.6 %", "2 %", "+0.4 points"])
        self.assertIn("Twice as fast.", text)
        self.assertIn(f"this {HOSTILE}", text)
        self.assertEqual([h for h in headings if "3.14" in h], ["A: 3.14.6, GIL on", "B: 3.14.6t, GIL off"])

    def test_without_events(self):
        path, _ = self.page("none", [self.gil])
        text, rows = self.values(path, [["eval", "document.getElementById('main').innerText"],
                                        table("Threads")])
        self.assertIn("no stacks", text)
        self.assertEqual(len(rows["rows"]), len(self.gil["threads"]))


class Looks(Shell):
    def hostile(self, value):
        if isinstance(value, dict):
            return {k: v if k in ("gil", "version", "state", "kind") else self.hostile(v)
                    for k, v in value.items()}
        if isinstance(value, list):
            return [self.hostile(v) for v in value]
        return HOSTILE if isinstance(value, str) else value

    def test_hostile_names(self):
        for scene, report in (("gil", self.gil), ("free", self.ft)):
            sides = make_page.SCENES[scene]()
            sides[0].path = HOSTILE
            for thread in sides[0].threads:
                thread.name = HOSTILE
            sides[0].frames = [HOSTILE if isinstance(v, str) else v for v in sides[0].frames]
            sides[0].locks = [{"name": HOSTILE, "where": HOSTILE} for _ in sides[0].locks]
            path, _ = self.page(sides, [self.hostile(report)])
            steps = [
                ["eval", "Array.from(new Set(Array.from(document.querySelectorAll('body *'), (e) => e.localName)))"],
                ["eval", "document.querySelectorAll('script:not([type])').length"],
                ["eval", "Array.from(document.querySelectorAll('*')).some((e) => Array.from(e.attributes)"
                 ".some((a) => a.name.startsWith('on')))"],
                ["eval", "document.querySelector('td.name').textContent"],
                ["eval", "getComputedStyle(document.querySelector('td.name')).unicodeBidi"],
            ]
            if sides[0].samples:
                steps += [["eval", "document.getElementById('graph').focus()"], ["key", "ArrowUp"],
                          ["eval", INFO]]
            tags, scripts, handlers, name, isolate, *info = self.values(path, steps)
            self.assertEqual({"img", "iframe", "object", "style", "link"} & set(tags), set())
            self.assertEqual(scripts, 1)
            self.assertFalse(handlers)
            self.assertIn("<img src=x", name)
            self.assertEqual(isolate, "isolate")
            if sides[0].samples:
                self.assertTrue(info[1].startswith(f"{HOSTILE}, "), info)

    def test_theme(self):
        page = "getComputedStyle(document.body).backgroundColor"
        swatch = "getComputedStyle(document.querySelector('.legend .s0')).backgroundColor"
        label = "document.getElementById('theme').textContent"
        path, _ = self.page("gil", [self.gil])
        steps = []
        for _ in range(3):
            steps += [["eval", page], ["eval", swatch], ["eval", label], ["click", "#theme"], FRAME]
        steps += [["scheme", "dark"], FRAME, ["eval", page], ["eval", swatch]]
        got = self.values(path, steps)
        light, dark = ["rgb(255, 255, 255)", "rgb(0, 114, 178)"], ["rgb(22, 24, 28)", "rgb(61, 155, 224)"]
        self.assertEqual(got, [*light, "Theme: system", *dark, "Theme: dark", *light, "Theme: light", *dark])

    def test_contrast(self):
        """Words on their ground: 4.5 to 1 at least, in both themes."""
        worst = """(() => {
			const parse = (c) => /rgba?\\((\\d+), (\\d+), (\\d+)(?:, ([\\d.]+))?/.exec(c);
			const lum = (c) => c.slice(1, 4).map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 :
				((v + 0.055) / 1.055) ** 2.4).reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
			const ground = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
				if (c && c[4] !== "0") return c; } return parse("rgb(255, 255, 255)"); };
			let least = [99];
			for (const e of document.querySelectorAll("body *")) {
				if (!Array.from(e.childNodes).some((n) => n.nodeType === 3 && n.data.trim()) || !e.offsetParent)
					continue;
				const a = lum(parse(getComputedStyle(e).color)), b = lum(ground(e));
				const k = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
				if (k < least[0]) least = [k, e.outerHTML.slice(0, 100)];
			}
			return least; })()"""
        path, _ = self.page("gil", [self.gil])
        for scheme in ("light", "dark"):
            least, = self.values(path, [["eval", worst]], scheme=scheme)
            self.assertGreaterEqual(least[0], 4.5, (scheme, least))

    def test_narrow(self):
        for width in (360, 800):
            path, _ = self.page("two", [self.gil, self.ft])
            wide, shown = self.values(path, [["eval", "document.documentElement.scrollWidth"],
                                             ["eval", "Array.from(document.querySelectorAll('button, select, input'))"
                                              ".filter((e) => e.offsetParent && !e.closest('.table') && "
                                              "e.getBoundingClientRect().right > innerWidth + 1).length"]],
                                      width=width)
            self.assertLessEqual(wide, width)
            self.assertEqual(shown, 0, "controls out of sight")

    def test_print(self):
        path, _ = self.page("gil", [self.gil])
        page = "getComputedStyle(document.body).backgroundColor"
        gave = self.drive(path, [["click", "#theme"], ["print"], FRAME, ["eval", page],
                                 ["eval", "document.documentElement.dataset.theme"]])
        self.assertGreater(gave[1], 20000)
        seen = "Array.from(document.querySelectorAll('%s')).filter((e) => e.offsetParent).length"
        got = self.values(path, [["media", "print"], ["eval", "window.dispatchEvent(new Event('beforeprint'))"],
                                 FRAME, ["eval", seen % "button:not(th button), select, input, dialog"],
                                 ["eval", seen % ".ftt canvas, #graph canvas"], ["eval", seen % "table"],
                                 ["eval", "Array.from(document.querySelectorAll('.table')).filter((e) => "
                                  "getComputedStyle(e).overflowX !== 'visible').length"]], scheme="dark")
        self.assertEqual(got[1], 0, "controls on paper")
        self.assertGreaterEqual(got[2], 2)
        self.assertGreater(got[3], 3)
        self.assertEqual(got[4], 0, "tables are cut")
        self.assertEqual(gave[3:], ["rgb(22, 24, 28)", "dark"])

    def test_keys_and_focus(self):
        path, _ = self.page("gil", [self.gil])
        here = ("document.activeElement.id || document.activeElement.className || "
                "document.activeElement.textContent")
        steps = [["key", "?"], ["eval", "document.querySelector('dialog').open"],
                 ["eval", "document.querySelector('dialog').innerText"], ["key", "Escape"],
                 ["eval", "document.querySelector('dialog').open"],
                 ["click", "#keys"], ["eval", "document.querySelector('dialog').open"], ["key", "Escape"],
                 ["key", "/"], ["eval", here], ["type", "work"],
                 ["eval", "document.getElementById('found').textContent"], ["key", "Escape"],
                 ["eval", here], ["eval", "document.activeElement.blur()"]]
        seen = 60
        steps += [["key", "Tab"], ["eval", here]] * seen
        got = self.values(path, steps)
        self.assertEqual([got[0], got[2], got[3]], [True, False, True])
        for words in ("Timeline", "Stacks", "zoom into a frame"):
            self.assertIn(words, got[1])
        self.assertEqual(got[4], "search")
        self.assertTrue(got[5].startswith("1 frame, matched "), got[5])
        self.assertEqual(got[6], "graph")
        reached = set(got[-seen:])
        for wanted in ("theme", "keys", "ftt-stage", "of-what", "search", "graph", "reset", "table", "Lived"):
            self.assertIn(wanted, reached)
