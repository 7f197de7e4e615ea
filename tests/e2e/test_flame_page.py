# SPDX-License-Identifier: BSD-2-Clause
"""Drawn flames in a browser: zoom, search, keys, colours, and names that want to be markup.

tests/tools/mkpicture.c makes them, tests/browser/flame.mjs drives the browser, and fails on any
message, request or dialog. What a page shows is compared with what is computed here from the
weights in its file.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

import ftp

MAKE = os.path.join(ftp.BUILD, "tools", "mkpicture")
DRIVER = os.path.join(ftp.ROOT, "tests", "browser", "flame.mjs")
SVG = "{http://www.w3.org/2000/svg}"
ROW = 18  # px a level
SIDE = 10  # px left and right of an SVG file's boxes

INFO = "document.getElementById('info').textContent"
FOUND = "document.getElementById('found').textContent"
# The name of the frame that the keys are at, in an SVG file.
FOCUS = "document.activeElement.querySelector('title').textContent.split('\\n')[0]"
SHOWN = "document.querySelectorAll('#frames > g.f:not(.off)').length"


class Node:
    """A drawn frame, with the place it must have, in parts of the whole's width."""

    def __init__(self, depth, name, total, self_ns, title=""):
        self.depth, self.name, self.total, self.self = depth, name, total, self_ns
        self.title = title
        self.x = 0
        self.children = []
        self.parent = None


def link(nodes):
    """Nodes depth first become a tree with left edges; returns them."""
    stack = []
    for node in nodes:
        del stack[node.depth:]
        if stack:
            node.parent = stack[-1]
            node.x = node.parent.x + sum(child.total for child in node.parent.children)
            node.parent.children.append(node)
        stack.append(node)
    return nodes


def read_svg(path):
    nodes = []
    for box in ElementTree.parse(path).getroot().find(f"{SVG}g[@id='frames']"):
        title = box.find(f"{SVG}title").text
        depth, total, self_ns = map(int, box.get("data-v").split()[:3])
        nodes.append(Node(depth, title.split("\n")[0], total, self_ns, title))
    return link(nodes)


def page_data(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    begin = '<script type="application/json" id="data">'
    return json.loads(text.split(begin, 1)[1].split("</script>", 1)[0])


def read_html(path):
    data = page_data(path)
    step = 6 if data["differs"] else 4
    nodes = []
    for at in range(0, len(data["nodes"]), step):
        depth, frame, total, self_ns = data["nodes"][at:at + 4]
        name = data["frames"][frame * 5 + 1] if at else "all"
        nodes.append(Node(depth, name, total, self_ns))
    return link(nodes)


def share(node, matches):
    """Time of the stacks from node on that hold a matching frame, by walking the tree."""
    if node.parent and matches(node.name):
        return node.total
    return sum(share(child, matches) for child in node.children)


def percent(part, whole):
    value = 100 * part / whole
    return "0 %" if not part else "<0.1 %" if value < 0.05 else f"{value:.1f} %"


class Pictures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        ftp.need(os.access(MAKE, os.X_OK), "build/tools/mkpicture is not built")
        ftp.need(shutil.which("node"), "node is not installed")
        ftp.need(shutil.which("chromium") or shutil.which("chromium-browser"),
                 "chromium is not installed")
        ftp.need(os.path.exists(os.path.join(ftp.BUILD, "readers", "node_modules",
                                             "playwright-core")),
                 "no playwright-core; scripts/get-readers brings it")
        cls.where = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.where.cleanup)

    def make(self, what, ending, *more):
        path = os.path.join(self.where.name, f"{what}.{ending}")
        subprocess.run([MAKE, what, *map(str, more), path], check=True)
        return path

    def drive(self, path, steps, **options):
        task = {"file": path, "steps": steps, **options}
        done = subprocess.run(["node", DRIVER], input=json.dumps(task), text=True, timeout=120,
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def values(self, path, steps, **options):
        """What the eval steps gave."""
        gave = self.drive(path, steps, **options)
        return [value for step, value in zip(steps, gave) if step[0] == "eval"]

    def one(self, nodes, name, nth=0):
        return [node for node in nodes if node.name == name][nth]

    # Where the middle of a frame is in the window, nothing being zoomed.

    def svg_place(self, nodes, node, width=1280):
        deepest = max(n.depth for n in nodes)
        scale = (width - 2 * SIDE) / nodes[0].total
        top = 106  # of the boxes: below title, facts and legend
        return [SIDE + (node.x + node.total / 2) * scale,
                top + (deepest - node.depth + 0.5) * ROW]

    def html_place(self, path, nodes, node):
        box, = self.values(path, [["eval", "(() => { const r = document.querySelector("
                                   "'#graph canvas').getBoundingClientRect(); "
                                   "return [r.left, r.top, r.width]; })()"]])
        deepest = max(n.depth for n in nodes)
        return [box[0] + (node.x + node.total / 2) * box[2] / nodes[0].total,
                box[1] + (deepest - node.depth + 0.5) * ROW]


class Svg(Pictures):
    def test_without_script(self):
        path = self.make("demo", "svg")
        nodes = read_svg(path)
        boxes, shown, buttons = self.values(path, [
            ["eval", "Array.from(document.querySelectorAll('#frames > g > rect'), "
             "(r) => { const b = r.getBBox(); return [b.x, b.width]; })"],
            ["eval", "document.querySelectorAll('#frames text').length"],
            ["eval", "document.querySelectorAll('[role=button]').length"],
        ], script=False)
        self.assertEqual(len(boxes), len(nodes))
        self.assertGreater(shown, 10)
        self.assertEqual(buttons, 0, "buttons that do nothing")
        for (x, width), node in zip(boxes, nodes):
            self.assertAlmostEqual(x, SIDE + 1180 * node.x / nodes[0].total, delta=0.06)
            self.assertAlmostEqual(width, 1180 * node.total / nodes[0].total, delta=0.56)

    def test_hover_and_zoom_by_mouse(self):
        path = self.make("demo", "svg")
        nodes = read_svg(path)
        node = self.one(nodes, "Store.fetch_all")
        place = self.svg_place(nodes, node)
        below = sum(1 for n in nodes if n is node or n.parent and self.inside(n, node))
        callers = node.depth
        hover, shown, width, zoomed, after = self.values(path, [
            ["move", *place], ["eval", INFO],
            ["press", *place], ["eval", SHOWN],
            ["eval", f"Array.from(document.querySelectorAll('#frames > g')).find("
             f"(g) => g.textContent.startsWith('{node.name}')).querySelector('rect')"
             ".getBBox().width"],
            ["eval", INFO], ["key", "Escape"], ["eval", SHOWN],
        ])
        self.assertEqual(hover, "Store.fetch_all, /srv/shop/store.py:204, 38.9 %, 4.8 s, "
                         "self 700 ms")
        self.assertEqual(hover, ", ".join(node.title.split("\n")))
        self.assertEqual(shown, below + callers)
        self.assertAlmostEqual(width, 1280 - 2 * SIDE, delta=1)
        self.assertEqual(zoomed, hover)
        self.assertEqual(after, len(nodes))

    @staticmethod
    def inside(node, of):
        while node:
            if node is of:
                return True
            node = node.parent
        return False

    def test_keyboard(self):
        path = self.make("demo", "svg")
        nodes = read_svg(path)
        module = self.one(nodes, "<module>")
        widest = max(module.children, key=lambda n: n.total)
        steps = [["key", "Tab"], ["eval", FOCUS]]
        for key in ("ArrowUp", "ArrowUp", "ArrowRight", "ArrowRight", "ArrowLeft", "ArrowDown"):
            steps += [["key", key], ["eval", FOCUS]]
        steps += [["key", "ArrowUp"], ["eval", FOCUS], ["key", "Enter"], ["eval", SHOWN],
                  ["eval", FOCUS], ["eval", INFO],
                  ["eval", "getComputedStyle(document.activeElement.querySelector('rect')).stroke"],
                  ["key", "Escape"], ["eval", SHOWN],
                  ["key", "i"], ["eval", "document.querySelector('#frames rect').getBBox().y"],
                  ["key", "i"], ["eval", "document.querySelector('#frames rect').getBBox().y"],
                  ["key", "?"], ["eval", "getComputedStyle(document.getElementById('help')).display"],
                  ["key", "Escape"],
                  ["eval", "getComputedStyle(document.getElementById('help')).display"]]
        got = self.values(path, steps)
        children = module.children
        at = children.index(widest)
        self.assertEqual(got[:3], ["all", "<module>", widest.name])
        self.assertEqual(got[3:6], [children[at + 1].name, children[at + 2].name,
                                    children[at + 1].name])
        self.assertEqual(got[6:8], ["<module>", widest.name])
        self.assertEqual(got[8], widest.depth + sum(self.inside(n, widest) for n in nodes))
        self.assertEqual(got[9], widest.name)
        self.assertTrue(got[10].startswith(widest.name))
        self.assertEqual(got[11], "rgb(0, 0, 0)")
        self.assertEqual(got[12], len(nodes))
        self.assertLess(got[13], got[14])
        self.assertEqual(got[15:], ["inline", "none"])

    def test_search(self):
        path = self.make("demo", "svg")
        nodes = read_svg(path)
        all_ns = nodes[0].total
        got = self.values(path, [
            ["key", "/"], ["type", "Page.render"], ["eval", FOUND],
            ["eval", "document.querySelectorAll('#frames .hit').length"],
            ["key", "Enter"], ["key", "Escape"], ["eval", FOUND],
            ["key", "Control+f"], ["type", "^(crc|vfs_)"], ["eval", FOUND],
            ["key", "Control+f"], ["type", "[asleep: epoll_wait]"], ["eval", FOUND],
            ["key", "Control+f"], ["type", "(("], ["eval", FOUND],
            ["key", "Escape"], ["eval", FOUND],
        ])
        truth = share(nodes[0], lambda name: "page.render" in name.lower())
        self.assertEqual(percent(truth, all_ns), "40.5 %")  # as mkpicture.c says
        self.assertEqual(got[0], "4 frames, matched 40.5 %")
        self.assertEqual(got[1], 4)
        self.assertEqual(got[2], "")
        truth = share(nodes[0], lambda name: re.match("crc|vfs_", name))
        self.assertEqual(got[3], f"2 frames, matched {percent(truth, all_ns)}")
        self.assertEqual(got[4], f"1 frame, matched {percent(805, 12345)}")
        self.assertEqual(got[5], "not a pattern")
        self.assertEqual(got[6], "")

    def test_search_in_a_large_one(self):
        path = self.make("big", "svg", 20000)
        nodes = read_svg(path)
        self.assertLess(os.path.getsize(path), 2_000_000)
        zoom = max(nodes[0].children[0].children[0].children, key=lambda n: n.total)
        steps = [["eval", "window.scrollY > 0"]]
        for word in ("module7.", "module1", "f2[0-4]+$"):
            steps += [["key", "/"], ["type", word], ["eval", FOUND], ["key", "Enter"]]
        got = self.values(path, steps)
        self.assertTrue(got[0], "the root is out of sight")
        self.assertGreater(zoom.total, 0)
        for word, said in zip((r"module7\.", "module1", "f2[0-4]+$"), got[1:]):
            pattern = re.compile(word)
            drawn = share(nodes[0], pattern.search)
            low, high = re.search(r"matched (\S+) %(?: to (\S+) %)?", said).groups()
            self.assertEqual(f"{low} %", percent(drawn, nodes[0].total))
            whole = read_html(self.make("big", "html", 20000))
            truth = 100 * share(whole[0], pattern.search) / whole[0].total
            self.assertLessEqual(float(low) - 0.06, truth)
            self.assertGreaterEqual(float(high or low) + 0.06, truth)

    def test_figures_are_those_of_the_titles(self):
        """The script's own words against those that were written with the file."""
        for what in ("demo", "diff"):
            path = self.make(what, "svg")
            nodes = read_svg(path)
            said, = self.values(path, [["eval", "Array.from(document.querySelectorAll("
                                        "'#frames > g.f'), (g) => { g.dispatchEvent(new "
                                        "MouseEvent('mouseover', {bubbles: true})); "
                                        f"return {INFO}; }})"]], width=2400)
            self.assertEqual(said, [", ".join(node.title.split("\n")) for node in nodes])

    def test_hostile(self):
        path = self.make("hostile", "svg")
        nodes = read_svg(path)
        names = ("path", "g", "svg", "title", "style", "defs", "pattern", "rect", "text", "tspan",
                 "script", "foreignObject", "input")
        steps = [["eval", "Array.from(new Set(Array.from(document.querySelectorAll('*'), "
                  "(e) => e.localName)))"],
                 ["eval", "document.querySelectorAll('script').length"],
                 ["eval", "Array.from(document.querySelectorAll('*')).some((e) => "
                  "Array.from(e.attributes).some((a) => a.name.startsWith('on')))"]]
        for node in nodes[1:]:
            steps.append(["move", *self.svg_place(nodes, node)])
        got = self.values(path, steps + [["press", *self.svg_place(nodes, nodes[1])]])
        self.assertEqual(set(got[0]) - set(names), set())
        self.assertEqual(got[1:], [1, False])

    def test_dark(self):
        path = self.make("demo", "svg")
        ground = "getComputedStyle(document.getElementById('bg')).fill"
        box = "getComputedStyle(document.querySelector('#frames .p rect')).fill"
        got = self.values(path, [["eval", ground], ["eval", box], ["scheme", "dark"],
                                 ["eval", ground], ["eval", box]])
        self.assertEqual(got[0], "rgb(255, 255, 255)")
        self.assertEqual(got[2], "rgb(22, 24, 28)")
        self.assertNotEqual(got[1], got[3])


class Html(Pictures):
    def test_hover_zoom_and_reset(self):
        path = self.make("demo", "html")
        nodes = read_html(path)
        node = self.one(nodes, "Store.fetch_all")
        place = self.html_place(path, nodes, node)
        child = self.one(nodes, "parse_json")
        zoomed = [place[0], place[1] - ROW]
        got = self.values(path, [
            ["move", *place], ["eval", INFO], ["press", *place],
            # its second child begins behind 1.1 of 4.8 s
            ["move", 40, zoomed[1]], ["eval", INFO], ["move", 1000, zoomed[1]], ["eval", INFO],
            ["click", "#reset"], ["move", *place], ["eval", INFO],
        ])
        self.assertEqual(got[0], "Store.fetch_all, /srv/shop/store.py:204, 38.9 %, 4.8 s, "
                         "self 700 ms")
        self.assertTrue(got[1].startswith("write, native, "), got[1])
        self.assertTrue(got[2].startswith(child.name), got[2])
        self.assertEqual(got[3], got[0])

    def test_keyboard_and_search(self):
        path = self.make("demo", "html")
        got = self.values(path, [
            ["eval", "document.getElementById('graph').focus()"],
            ["key", "ArrowUp"], ["eval", INFO], ["key", "ArrowUp"], ["eval", INFO],
            ["key", "ArrowRight"], ["key", "ArrowRight"], ["key", "Enter"],
            ["key", "/"], ["type", "render"], ["eval", FOUND], ["key", "Enter"],
            ["key", "Escape"], ["eval", FOUND], ["eval", INFO],
            ["key", "Escape"], ["key", "/"], ["type", "parse_json"], ["eval", FOUND],
            ["key", "Escape"], ["eval", FOUND],
            ["key", "?"], ["eval", "document.querySelector('dialog').open"],
            ["key", "Escape"], ["eval", "document.querySelector('dialog').open"],
        ])
        self.assertEqual(got[1], f"<module>, /srv/shop/app.py:1, {percent(11540, 12345)}, 11.5 s, "
                         "self 45 ms")
        self.assertTrue(got[2].startswith("Server.serve_forever, "), got[2])
        # zoomed into "helper": 1 of its 1.895 s is render
        self.assertEqual(got[3], "4 frames, matched 40.5 %, of what is shown "
                         f"{percent(1000, 1895)}")
        self.assertEqual(got[4], "")
        self.assertTrue(got[5].startswith("helper, "), got[5])
        self.assertEqual(got[6:], ["2 frames, matched 28.4 %", "", True, False])

    def test_table(self):
        path = self.make("demo", "html")
        nodes = read_html(path)
        data = page_data(path)
        column = "Array.from(document.querySelectorAll('tbody tr'), (r) => r.cells[%d].innerText)"
        got = self.values(path, [
            ["eval", column % 0], ["eval", column % 2],
            ["click", "th:nth-child(2) button"], ["eval", column % 2],
            ["eval", "document.querySelector('th:nth-child(2)').getAttribute('aria-sort')"],
            ["click", "th:nth-child(3) button"], ["eval", column % 2],
            ["click", "tbody tr:has-text('Page.render_row')"], ["eval", FOUND],
            ["eval", "document.querySelectorAll('tr.hit').length"],
        ])
        self.assertEqual(got[0][0].split(" ·")[0].strip(), "2.4 s")
        self.assertEqual(got[1][0], "Page.render")
        totals = {}
        for name in {node.name for node in nodes[1:]}:
            totals[name] = share(nodes[0], lambda other, name=name: other == name)
        frames = data["frames"]
        for at in range(0, len(data["funcs"]), 3):
            frame, _, total = data["funcs"][at:at + 3]
            self.assertEqual(total, totals[frames[frame * 5 + 1]])
        self.assertEqual(got[2][0], "<module>")
        self.assertEqual(got[3], "descending")
        plain = [re.sub(r"^(native|kernel)\s*", "", name) for name in got[4]]
        self.assertEqual(plain, sorted(plain))
        self.assertEqual(got[5], f"1 frame, matched {percent(2100, 12345)}")
        self.assertEqual(got[6], 1)

    def test_theme_and_print(self):
        path = self.make("demo", "html")
        page = "getComputedStyle(document.body).backgroundColor"
        # through another canvas: that the page's own is read often is worth a warning to Chromium
        pixel = ("(() => { const c = document.createElement('canvas').getContext('2d', "
                 "{willReadFrequently: true}); "
                 "c.drawImage(document.querySelector('#graph canvas'), -600, -80); "
                 "return Array.from(c.getImageData(0, 0, 1, 1).data).slice(0, 3); })()")
        steps = [["eval", page], ["eval", pixel], ["scheme", "dark"], ["eval", page],
                 ["eval", pixel], ["click", "#theme"], ["click", "#theme"], ["eval", page],
                 ["eval", pixel], ["print"], ["eval", page]]
        gave = self.drive(path, steps)
        self.assertGreater(gave[9], 5000)
        self.assertEqual(gave[0], "rgb(255, 255, 255)")
        self.assertEqual(gave[3], "rgb(22, 24, 28)")
        self.assertNotEqual(gave[1], gave[4])
        self.assertEqual(gave[7:9], gave[0:2])
        self.assertEqual(gave[10], gave[0])

    def test_difference(self):
        path = self.make("diff", "html")
        nodes = read_html(path)
        new = self.one(nodes, "parse_json", 1)
        got = self.values(path, [
            ["move", *self.html_place(path, nodes, new)], ["eval", INFO],
            ["key", "/"], ["type", "Cache.lookup"], ["eval", FOUND],
            ["click", "#base"], ["eval", FOUND],
            ["eval", "document.getElementById('legend').innerText"],
        ])
        self.assertTrue(got[0].endswith("; base 0 %, 0 ns: new"), got[0])
        self.assertEqual(got[1], "1 frame, matched 0 %")
        data = page_data(path)
        gone = next(data["nodes"][at + 4] for at in range(6, len(data["nodes"]), 6)
                    if data["frames"][data["nodes"][at + 1] * 5 + 1] == "Cache.lookup")
        self.assertEqual(got[2], f"1 frame, matched {percent(gone, data['nodes'][4])}")
        self.assertIn("more than in the base", got[3])

    def test_hostile(self):
        path = self.make("hostile", "html")
        rows = len(page_data(path)["funcs"]) // 3
        got = self.values(path, [
            ["eval", "document.querySelectorAll('img, b, i, svg, iframe, link').length"],
            ["eval", "document.querySelectorAll('script').length"],
            ["eval", "document.querySelectorAll('tbody tr').length"],
            ["eval", "document.title"],
            ["eval", "Array.from(document.querySelectorAll('*')).some((e) => "
             "Array.from(e.attributes).some((a) => a.name.startsWith('on')))"],
            ["click", "tbody tr:nth-child(2)"], ["eval", FOUND],
            ["key", "/"], ["type", "<script>"], ["eval", FOUND],
        ])
        # the header's <b> and the bars of the table are the page's own
        self.assertEqual(got[0], 1 + 2 * rows)
        self.assertEqual(got[1], 2)
        self.assertEqual(got[2], rows)
        self.assertIn("<b>\"&'\\x1b", got[3])
        self.assertFalse(got[4])
        self.assertRegex(got[5], r"^1 frame, matched")
        self.assertRegex(got[6], r"^4 frames, matched")

    def test_large(self):
        path = self.make("big", "html", 100_000)
        draw = ("(() => { const s = performance.now(); document.getElementById('invert').click(); "
                "return performance.now() - s; })()")
        got = self.values(path, [["eval", draw], ["eval", draw],
                                 ["key", "/"], ["type", "module7."], ["eval", FOUND]])
        nodes = read_html(path)
        self.assertGreater(len(nodes), 90_000)
        truth = share_deep(nodes, "module7.")
        self.assertTrue(got[2].split("matched ")[1].startswith(percent(truth, nodes[0].total)),
                        got[2])
        self.assertLess(min(got[:2]), 500, "ms for a drawing")


def share_deep(nodes, text):
    """As share(), for trees that are deeper than Python recurses."""
    found, until = 0, None
    for node in nodes[1:]:
        if until is not None and node.depth > until:
            continue
        until = None
        if text in node.name:
            found += node.total
            until = node.depth
    return found
