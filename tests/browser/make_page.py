# SPDX-License-Identifier: BSD-2-Clause
"""Pages of exactly known spans, encoded here from docs/page-format.md and from nothing else.

`make_page.py SCENE FILE [shell]` writes one; tests take a scene's sides to compute what a page must
show. The timeline stands alone in it unless `shell` asks for the whole page's script.
"""

import base64
import json
import os
import struct
import sys
import zlib

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
ASSETS = os.path.join(ROOT, "user", "export", "assets")
(ON_GIL, ON_FREE, ON_SPIN, GIL_WAIT, GIL_SWITCH, LOCK_WAIT, SYNC_WAIT, STW, RUNQ, BLOCKED, FAULT,
 STOPPED, ABSENT, GAP, MIXED) = range(15)
WORDS = ["holds the GIL", "GIL free", "spins for a lock", "waits for the GIL", "hands the GIL over",
         "waits for a lock", "waits in the program's own locks", "paused by the interpreter",
         "waits for a core", "asleep", "in a page fault", "stopped"]
MS = 1_000_000


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


class Thread:
    """A lane: spans [(from, to, state, more)], each beginning where the one before ended."""

    def __init__(self, name, tid, start=0, main=False):
        self.name, self.tid, self.start, self.main = name, tid, start, main
        self.spans = []

    @property
    def end(self):
        return self.spans[-1][1] if self.spans else self.start

    def add(self, state, length, **more):
        """more: cpu, waker, wake (after the begin), lock, node, held, mix [(state, share)]."""
        self.spans.append((self.end, self.end + length, state, more))
        return self

    def until(self, state, when, **more):
        return self.add(state, when - self.end, **more) if when > self.end else self

    def encode(self):
        out = [varint(len(self.spans)), varint(self.start)]
        for begin, end, state, more in self.spans:
            waker = "waker" in more and state in (GIL_WAIT, LOCK_WAIT)
            out.append(bytes([state | (state <= ON_SPIN) << 4 | bool(more.get("held")) << 5 |
                              waker << 6 | ("node" in more) << 7]))
            out.append(varint(end - begin))
            if state <= ON_SPIN:
                out.append(varint(more.get("cpu", -1) + 1))
            if state == MIXED:
                out.append(bytes([len(more["mix"])]) + bytes(v for pair in more["mix"] for v in pair))
            if waker:
                out.append(varint(more["waker"] + 1) + varint(more.get("wake", 0)))
            if state == LOCK_WAIT:
                out.append(varint(more.get("lock", -1) + 1))
            if "node" in more:
                out.append(varint(more["node"]))
        return b"".join(out)

    def ns(self, state, begin, end):
        """Time in a state, the sum over all spans: the slow way."""
        total = 0
        for first, last, what, more in self.spans:
            overlap = min(last, end) - max(first, begin)
            if overlap <= 0:
                continue
            if what == MIXED:
                parts = dict(more["mix"])
                total += overlap * parts.get(state, 0) / sum(parts.values())
            elif what == state:
                total += overlap
        return total


class Side:
    def __init__(self, path, length, gil, cpus, unit=1):
        self.path, self.length, self.gil, self.unit = path, length, gil, unit
        self.cpus, self.threads = cpus, []
        self.locks, self.frames, self.nodes, self.samples = [], [], [], []
        self.others = {}  # cpu: [(from, to, share of 255)]
        self.gaps = {}    # cpu: [(from, to)]
        self.words = WORDS if gil != "off" else WORDS[:1] + ["running"] + WORDS[2:]

    def thread(self, name, start=0):
        self.threads.append(Thread(name, 1000 + len(self.threads), start, not self.threads))
        return self.threads[-1]

    def core_spans(self, cpu):
        """(from, to, state, thread or share) of a core, by what the threads say."""
        busy = []
        for number, thread in enumerate(self.threads):
            busy += [(a, b, s, number) for a, b, s, more in thread.spans
                     if s <= ON_SPIN and more.get("cpu") == cpu and b > a]
        busy += [(a, b, GAP, None) for a, b in self.gaps.get(cpu, [])]
        busy += [(a, b, 3, share) for a, b, share in self.others.get(cpu, [])]
        at, out = 0, []
        for a, b, s, who in sorted(busy):
            if a < at:
                raise ValueError(f"two at once on core {cpu} at {a}")
            if a > at:
                out.append((at, a, 3, 0))
            out.append((a, b, s, who))
            at = b
        if at < self.length:
            out.append((at, self.length, 3, 0))
        return out

    def encode_core(self, cpu):
        spans = self.core_spans(cpu)
        out = [varint(len(spans)), varint(0)]
        for a, b, state, who in spans:
            out.append(bytes([state]) + varint(b - a))
            if state <= ON_SPIN:
                out.append(varint(who + 1))
            elif state == 3:
                out.append(bytes([who]))
        return b"".join(out)

    CURVES = {"on": (ON_GIL, ON_FREE, ON_SPIN), "wait_gil": (GIL_WAIT, GIL_SWITCH),
              "held": (ON_GIL,), "stw": (STW,), "lock": (LOCK_WAIT,)}

    def encode_curves(self, cols):
        rows = {name: [0.0] * cols for name in ("on", "on_max", "wait_gil", "held", "stw", "lock")}
        col = self.length / cols
        for thread in self.threads:
            for a, b, state, more in thread.spans:
                for name, states in self.CURVES.items():
                    part = float(state in states or name == "held" and bool(more.get("held")))
                    if state == MIXED:
                        parts = dict(more["mix"])
                        part = sum(parts.get(s, 0) for s in states) / sum(parts.values())
                    if not part:
                        continue
                    for k in range(int(a / col), min(int(b / col) + 1, cols)):
                        over = min(b, (k + 1) * col) - max(a, k * col)
                        rows[name][k] += part * max(over, 0) / col
        rows["on_max"] = [float(-(-value // 1)) for value in rows["on"]]
        return b"".join(struct.pack("<H", min(round(v * 256), 65535))
                        for row in rows.values() for v in row)

    def encode_samples(self):
        out, at = [varint(len(self.samples))], 0
        for when, what, node, weight in sorted(self.samples):
            out.append(varint(when - at) + bytes([what]) + varint(node) + varint(weight))
            at = when
        return b"".join(out)

    def on_ns(self, thread):
        return sum(thread.ns(s, 0, self.length) for s in (ON_GIL, ON_FREE, ON_SPIN)) * self.unit

    def report(self):
        return {"session": {"duration_ns": self.length * self.unit, "cpus": self.cpus},
                "target": {"python": {"version": "3.14.6", "free_threaded": self.gil == "off",
                                      "gil": self.gil}}, "threads": []}

    def entry(self, number, cols):
        return {"path": self.path, "report": self.report(), "from_ns": 0, "length": self.length,
                "unit_ns": self.unit, "has_events": True,
                "threads": [{"name": t.name, "tid": t.tid, "main": t.main,
                             "ns_on": round(self.on_ns(t))} for t in self.threads],
                "more_threads": {"cnt": 0, "on_ns": 0},
                "cores": [{"cpu": cpu, "allowed": True} for cpu in self.cpus],
                "words": self.words, "locks": self.locks, "detail_ns": 0, "least_ns": 0,
                "blobs": [f"{kind}{number}" for kind in ("threads", "cores", "curves", "samples")],
                "curves": {"cols": cols, "names": ["on", "on_max", "wait_gil", "held", "stw",
                                                   "lock"]},
                "frames": self.frames, "nodes": self.nodes}

    def blobs(self, cols):
        return [b"".join(t.encode() for t in self.threads),
                b"".join(self.encode_core(cpu) for cpu in self.cpus),
                self.encode_curves(cols), self.encode_samples()]


def stacks(side):
    """Three frames: <module> calls work, which calls read; nodes 0, 1, 2 in this order."""
    side.frames = [0, "<module>", "app.py", 1, 0, 0, "work", "app.py", 8, 3, 1, "read", "libc.so.6",
                   0, 2]
    side.nodes = [0, 0, 1, 1, 2, 2]


def gil():
    """Three workers hand the GIL round in turns of 5 ms for 600 ms; main waits for them.

    Worker k runs turns k, k + 3, ... on core turn % 2; turn n begins at 1 + 5 n ms until 301 ms. In the
    turn at 61 ms worker 0 is off its core for 2 ms with the GIL. From 301 to 331 ms the events of
    worker 0 are lost. From 451 ms on, for 15 ms, each worker's states are mixed.
    """
    side = Side("gil.ftprof", 600 * MS, "on", [0, 1])
    stacks(side)
    main = side.thread("MainThread")
    main.add(ON_GIL, MS, cpu=0).until(BLOCKED, 600 * MS, node=2)
    workers = [side.thread(f"worker-{k}", MS) for k in range(3)]
    turn, when = 0, MS
    while when < 600 * MS:
        if when == 301 * MS:
            workers[0].until(GIL_WAIT, 301 * MS).until(GAP, 331 * MS)
            for k in (1, 2):
                workers[k].until(GIL_WAIT, 331 * MS)
            when = 331 * MS
            continue
        if when == 451 * MS:
            for k, worker in enumerate(workers):
                worker.until(GIL_WAIT, 451 * MS)
                worker.add(MIXED, 15 * MS, mix=[(ON_GIL, 85), (GIL_WAIT, 150), (RUNQ, 20)])
            when = 466 * MS
            continue
        k, length = turn % 3, min(5 * MS, 600 * MS - when)
        before = (turn - 1) % 3
        # Each is woken 40 us before it runs.
        if when > workers[k].end:
            begin = workers[k].end
            more = {"waker": before + 1, "wake": when - begin - 40_000} if turn else {}
            workers[k].until(GIL_WAIT, when, node=1, **more)
        if when == 61 * MS:
            workers[k].add(ON_GIL, 2 * MS, cpu=turn % 2).add(RUNQ, 2 * MS, held=True)
            workers[k].add(ON_GIL, MS, cpu=turn % 2)
        else:
            workers[k].add(ON_GIL, length, cpu=turn % 2)
        side.samples.append((when + length // 2, ON_GIL, 1, length))
        turn, when = turn + 1, when + length
    for worker in workers:
        worker.until(GIL_WAIT, 600 * MS)
    side.gaps = {0: [(301 * MS, 331 * MS)]}
    side.others = {1: [(305 * MS, 325 * MS, 255)]}
    return [side]


def free():
    """Two cores, two workers running all the time but for what is said, one that waits for a lock."""
    side = Side("free.ftprof", 400 * MS, "off", [0, 1])
    stacks(side)
    side.locks = [{"name": "list", "where": "app.py:8 work"}]
    main = side.thread("MainThread")
    main.add(ON_FREE, 2 * MS, cpu=0).until(SYNC_WAIT, 400 * MS, node=0)
    one, two = side.thread("worker-0", 2 * MS), side.thread("worker-1", 2 * MS)
    one.add(ON_FREE, 98 * MS, cpu=0).add(STW, 4 * MS).add(ON_FREE, 196 * MS, cpu=0)
    one.add(ON_SPIN, 10 * MS, cpu=0).until(ON_FREE, 400 * MS, cpu=0)
    two.add(ON_FREE, 98 * MS, cpu=1).add(ON_FREE, 4 * MS, cpu=1)
    two.add(LOCK_WAIT, 50 * MS, waker=1, wake=49 * MS, lock=0, node=1).until(ON_FREE, 400 * MS, cpu=1)
    return [side]


def two():
    return gil() + free()


def many():
    """Sixty threads, sixteen cores, names that want to be markup."""
    side = Side("many.ftprof", 50 * MS, "off", list(range(16)))
    for k in range(60):
        thread = side.thread(f"<b>pool</b>{k}" if k else "MainThread")
        thread.until(RUNQ, (k // 16) * 10 * MS)
        thread.add(ON_FREE, 10 * MS, cpu=k % 16).until(BLOCKED, 50 * MS)
    return [side]


def none():
    """A side of totals only."""
    return [Side("none.ftprof", 5 * MS, "on", [])]


SCENES = {"gil": gil, "free": free, "two": two, "many": many, "none": none}


class Big(Side):
    """count spans in all, over threads that each repeat 1000 spans of known lengths."""

    def __init__(self, count, threads=16):
        super().__init__("big.ftprof", 0, "on", [0, 1, 2, 3], unit=10)
        for k in range(threads):
            self.thread(f"worker-{k}")
        self.rounds = count // threads // 1000
        self.block = b""
        length = 0
        for k in range(500):
            run, wait = 97 + k * 7 % 301, 211 + k * 13 % 401
            self.block += bytes([ON_GIL | 16]) + varint(run) + varint(k % 4 + 1)
            self.block += bytes([GIL_WAIT | 64]) + varint(wait) + varint(k % threads + 1) + varint(90)
            length += run + wait
        self.length = length * self.rounds
        self.core = b""
        for k in range(500):
            run, idle = 97 + k * 7 % 301, 211 + k * 13 % 401
            self.core += bytes([0]) + varint(run) + varint(k % threads + 1)
            self.core += bytes([3]) + varint(idle) + bytes([k % 256])

    def on_ns(self, thread):
        return 1

    def blobs(self, cols):
        head = varint(self.rounds * 1000) + varint(0)
        return [(head + self.block * self.rounds) * len(self.threads),
                (head + self.core * self.rounds) * len(self.cpus), bytes(2 * 6 * cols), varint(0)]


def asset(name):
    path = os.path.join(ASSETS, name)
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


# What stands in for the page's shell: what was told is kept for the test.
STUB = """
window.told = [];
const tell = (what) => (...args) => { window.told.push([what, ...args]); };
FTData.load().then((page) => {
	window.page = page;
	window.timeline = FTTime.create(document.getElementById("main"), page,
					{ brush: tell("brush"), pick: tell("pick") });
	window.opened = performance.now();
});
"""
STUB_STYLE = "body { padding: 8px 16px }\n"
TIMELINE = ("core.js", "parts.js", "page_data.js", "page_lanes.js", "page_words.js", "page_draw.js",
            "page_input.js", "page_time.js", "page_pick.js")
SHELL = ("flame.js", "page_tables.js", "page_flame.js", "page_shell.js")


def write(sides, path, shell=False, cols=4096, compare=None):
    data = {"format": 1, "compare": compare,
            "sides": [side.entry(number, cols) for number, side in enumerate(sides)]}
    text = json.dumps(data).replace("<", "\\u003c")
    # The stub is looked at with the style of the whole page too.
    parts = ["<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">",
             "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
             "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">",
             "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">",
             "<meta name=\"color-scheme\" content=\"light dark\"><title>timeline</title>",
             "<style>", asset("html.css"), asset("page.css"), STUB_STYLE, "</style></head>",
             "<body><main id=\"main\"></main>",
             f"<script type=\"application/json\" id=\"data\">{text}</script>"]
    for number, side in enumerate(sides):
        names = data["sides"][number]["blobs"]
        for name, blob in zip(names, side.blobs(cols)):
            parts.append(f"<script type=\"application/octet-stream\" id=\"{name}\">"
                         f"{base64.b64encode(zlib.compress(blob)).decode()}</script>")
    parts += ["<script>"] + [asset(name) for name in TIMELINE]
    parts += [asset(name) for name in SHELL] if shell else [STUB]
    parts += ["</script></body></html>\n"]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(parts))


def main():
    if len(sys.argv) < 3 or not (sys.argv[1] in SCENES or sys.argv[1].isdigit()):
        sys.exit(f"usage: make_page.py {'|'.join(SCENES)}|SPANS FILE [shell]")
    scene = sys.argv[1]
    sides = [Big(int(scene))] if scene.isdigit() else SCENES[scene]()
    write(sides, sys.argv[2], shell="shell" in sys.argv[3:])


if __name__ == "__main__":
    main()
