# SPDX-License-Identifier: BSD-2-Clause
"""What `report -o NAME.html` embeds, of sessions that were made and whose truth is known.

tests/tools/mksession makes the sessions; the page is decoded here, by docs/page-format.md alone.
"""

import base64
import json
import os
import re
import resource
import subprocess
import tempfile
import unittest
import zlib

import ftp

MKSESSION = os.path.join(ftp.BUILD, "tools", "mksession")
GAP, MIXED = 13, 14
LIMIT = 15_000_000  # bytes of a page


class Bytes:
    def __init__(self, data):
        self.data, self.at = data, 0

    def u8(self):
        self.at += 1
        return self.data[self.at - 1]

    def v(self):
        value = shift = 0
        while True:
            byte = self.u8()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value


class Side:
    def __init__(self, entry, blobs):
        self.json = entry
        self.unit = entry["unit_ns"]
        self.threads = self.lanes(blobs[entry["blobs"][0]], len(entry["threads"]), self.thread_span)
        self.cores = self.lanes(blobs[entry["blobs"][1]], len(entry["cores"]), self.core_span)
        self.curves = blobs[entry["blobs"][2]]

    @staticmethod
    def lanes(data, count, span):
        read, lanes = Bytes(data), []
        for _ in range(count):
            spans, at = read.v(), read.v()
            lane = []
            for _ in range(spans):
                one = {"at": at, **span(read)}
                at += one["len"]
                lane.append(one)
            lanes.append(lane)
        assert read.at == len(data)
        return lanes

    @staticmethod
    def thread_span(read):
        tag = read.u8()
        s = {"state": tag & 15, "len": read.v()}
        if s["state"] < 3:
            s["cpu"] = read.v() - 1
        if s["state"] == MIXED:
            s["shares"] = [(read.u8(), read.u8()) for _ in range(read.v())]
        if tag & 64:
            s["waker"], s["wake"] = read.v() - 1, read.v()
        if s["state"] == 5:
            s["lock"] = read.v() - 1
        if tag & 128:
            s["node"] = read.v()
        return s

    @staticmethod
    def core_span(read):
        tag = read.u8()
        s = {"state": tag, "len": read.v()}
        if tag < 3:
            s["thread"] = read.v() - 1
        elif tag == 3:
            s["others"] = read.u8()
        elif tag == MIXED:
            s["thread"], s["shares"] = read.v() - 1, [read.u8() for _ in range(4)]
        return s

    def state_ns(self):
        sums = [0.0] * 15
        for span in (s for lane in self.threads for s in lane):
            if span["state"] == MIXED:
                for state, share in span["shares"]:
                    sums[state] += span["len"] * share / 255
            else:
                sums[span["state"]] += span["len"]
        return [s * self.unit for s in sums]

    def core_ns(self):
        """On-core time by what it was, as the cores' lanes have it."""
        sums = [0.0] * 3
        for span in (s for lane in self.cores for s in lane):
            for k in range(3):
                if span["state"] == MIXED:
                    sums[k] += span["len"] * span["shares"][k] / 255
                elif span["state"] == k:
                    sums[k] += span["len"]
        return [s * self.unit for s in sums]


class Page:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.html = file.read()
        self.bytes = os.path.getsize(path)
        find = re.search(r'<script type="application/json" id="data">(.*?)</script>', self.html, re.S)
        self.data = json.loads(find.group(1))
        blobs = {name: zlib.decompress(base64.b64decode(text)) for name, text in re.findall(
            r'<script type="application/octet-stream" id="(\w+)">(.*?)</script>', self.html, re.S)}
        self.sides = [Side(entry, blobs) for entry in self.data["sides"]]


class MadePages(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)

    def page(self, kind, *args, n=None):
        session = os.path.join(self.dir.name, f"{kind}.ftprof")
        page = os.path.join(self.dir.name, f"{kind}.html")
        subprocess.run([MKSESSION, kind, session] + ([str(n)] if n else []), check=True)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([ftp.FTPROF, "report", session, "-o", page, *args], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Page(page)

    def expect_sums(self, side, near):
        """Each state of the threads with a lane, and all time on cores, is the report's."""
        report = {t["tid"]: t for t in side.json["report"]["threads"]}
        want = [sum(report[t["tid"]]["state_ns"][name] for t in side.json["threads"])
                for name in ftp.STATES]
        got = side.state_ns()
        whole = sum(want)
        for state in range(3, 12):
            self.assertAlmostEqual(got[state], want[state], delta=near * whole,
                                   msg=ftp.STATES[state])
        # ticks of the events and of the totals divide time on cores in ways of their own
        self.assertAlmostEqual(sum(got[:3]), sum(want[:3]), delta=near * whole)
        self.assertEqual(got[GAP], 0)
        on = sum(t["ns_on"] for t in side.json["threads"]) + side.json["more_threads"]["on_ns"]
        self.assertAlmostEqual(sum(side.core_ns()), on, delta=near * whole)

    def expect_cores(self, side):
        for lane in side.cores:
            self.assertEqual(sum(s["len"] for s in lane), side.json["length"])
            for span in lane:
                self.assertLessEqual(sum(span.get("shares", [])), 255)

    def test_handovers(self):
        """Each thread waits for 10.06 ms, and is woken 20 us before its end by the one before it."""
        side = self.page("gil", n=211).sides[0]
        names = [t["name"] for t in side.json["threads"]]
        self.assertEqual(side.json["detail_ns"], 0)
        self.assertEqual(sorted(names), ["main", "worker-1", "worker-2", "worker-3"])
        waits = []
        for name, lane in zip(names, side.threads):
            for span in lane:
                if "waker" in span:
                    self.assertEqual(span["state"], 3)
                    waits.append((span["at"], name, names[span["waker"]], span["len"],
                                  span["len"] - span["wake"]))
        waits.sort(key=lambda w: w[0] + w[3])
        self.assertEqual(len(waits), 210)
        for i, (_, name, waker, length, run) in enumerate(waits):
            self.assertEqual(name, f"worker-{(i + 1) % 3 + 1}")
            self.assertEqual(waker, f"worker-{i % 3 + 1}")
            self.assertAlmostEqual(run * side.unit, 20_000, delta=2 * side.unit)
            if i >= 2:  # the first of each thread begin when it appears
                self.assertAlmostEqual(length * side.unit, 10_060_000, delta=2 * side.unit)
        self.expect_sums(side, 1e-6)
        self.expect_cores(side)

    def test_free_threaded(self):
        side = self.page("ft").sides[0]
        stw = [s for lane in side.threads for s in lane if s["state"] == 7]
        self.assertEqual(len(stw), 2 * 13)
        self.assertEqual({s["len"] * side.unit for s in stw}, {500_000})
        locks = {side.json["locks"][s["lock"]]["name"] for lane in side.threads for s in lane
                 if s["state"] == 5}
        self.assertEqual(len(locks), 2)
        self.expect_sums(side, 1e-6)
        self.expect_cores(side)

    def test_odd(self):
        """Gaps are gaps, a clock that steps back breaks nothing, and little is little."""
        side = self.page("gaps").sides[0]
        self.assertGreater(side.state_ns()[GAP], 0)
        self.assertTrue(any(s["state"] == GAP for lane in side.cores for s in lane))
        self.expect_cores(side)
        self.expect_cores(self.page("clockjump").sides[0])
        side = self.page("one").sides[0]
        self.assertEqual([(s["at"], s["len"] * side.unit) for s in side.threads[0]], [(0, 10**9)])
        side = self.page("zero").sides[0]
        self.assertEqual((side.threads, len(side.cores)), ([], 2))

    def test_names(self):
        page = self.page("names")
        self.assertEqual(page.html.count("<script"), 6)
        self.assertEqual(page.html.count("</script"), 6)
        self.assertNotIn("<!--", page.html)
        self.assertNotIn("<img", page.html)
        self.assertTrue(any("</script>" in t["name"] for t in page.sides[0].json["threads"]))

    def test_many(self):
        page = self.page("threads10000")
        side = page.sides[0]
        self.assertEqual(len(side.threads), 200)
        self.assertEqual(side.json["more_threads"]["cnt"], 9800)
        self.assertEqual(len(side.json["report"]["threads"]), 200)
        self.expect_sums(side, 1e-6)
        self.expect_cores(side)
        page = self.page("cores256")
        self.assertEqual(len(page.sides[0].cores), 256)
        self.expect_sums(page.sides[0], 1e-6)
        self.expect_cores(page.sides[0])

    def test_range(self):
        side = self.page("gil", "--from", "1s", "--to", "1.5s").sides[0]
        self.assertEqual(side.json["from_ns"], 10**9)
        self.assertEqual(side.json["length"] * side.unit, 5 * 10**8)
        for lane in side.threads:
            self.assertEqual(sum(s["len"] for s in lane), side.json["length"])

    def test_big(self):
        """Five million events: within 10 s of one core, small, and no time of them is lost."""
        page = self.page("big")
        side = page.sides[0]
        self.assertGreater(side.json["report"]["session"]["events"]["received"], 5_000_000)
        self.assertLess(page.bytes, LIMIT)
        self.assertLessEqual(self.cpu_s, 10)
        self.assertGreater(side.json["detail_ns"], 0)
        self.assertLess(side.json["detail_ns"], 20_000_000)
        self.expect_sums(side, 1e-5)
        self.expect_cores(side)
        kept = sum("waker" in s and s["state"] == 3 for lane in side.threads for s in lane)
        self.assertGreaterEqual(kept, 1999)


if __name__ == "__main__":
    unittest.main()
