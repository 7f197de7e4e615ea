# SPDX-License-Identifier: BSD-2-Clause
"""What every format's own reader says of real sessions, against programs that know their own."""

import collections
import os
import re
import tempfile
import unittest

import ftp
import stacks
import test_flame_page

BOUND = 0.02
READERS = {"pb.gz": "pprof", "speedscope.json": "speedscope", "firefox.json": "firefox"}
ENDINGS = ("folded", "svg", "html", *READERS)


def functions(path):
    """{name: own time, nanoseconds} and the whole, as the format's reader has it."""
    own = collections.Counter()
    ending = path.split(".", 1)[1]
    if ending in READERS:
        got = ftp.read_profile(READERS[ending], path)
        for row in got["functions"]:
            own[row["name"]] += row["self"]
        return own, got["total"]
    if ending == "folded":
        with open(path, encoding="utf-8") as file:
            for line in file:
                stack, _, weight = line.rstrip("\n").rpartition(" ")
                own[re.sub(r" \([^()]*:[0-9]+\)$", "", stack.split(";")[-1])] += 1000 * int(weight)
        return own, sum(own.values())
    read = test_flame_page.read_svg if ending == "svg" else test_flame_page.read_html
    nodes = read(path)
    for node in nodes:
        own[node.name] += node.self
    return own, nodes[0].total


class Formats(unittest.TestCase):
    def setUp(self):
        ftp.need_ftprof()

    def each(self, session, of):
        """Yields (ending, own times, whole) of each format."""
        with tempfile.TemporaryDirectory() as where:
            for ending in ENDINGS:
                path = os.path.join(where, f"x.{ending}")
                ftp.check_ftprof("report", session, "--of", of, "-o", path)
                yield ending, *functions(path)

    def shares(self, kind, threads, seconds, hz):
        with tempfile.TemporaryDirectory() as where:
            path = os.path.join(where, "s.ftprof")
            with ftp.start(kind, "shares.py", seconds, threads, urgent=True) as load:
                report, truth = ftp.watch(load, "-F", hz, session=path)
            true = truth["f_ns"] / (truth["f_ns"] + truth["g_ns"])
            whole = sum(ftp.on_core_ns(row) for row in report["threads"])
            told = []
            for ending, own, total in self.each(path, "on-cpu"):
                ours = own["f"] / (own["f"] + own["g"])
                told.append(f"{ending}: f {ours:.4f}, true {true:.4f}; {total} of {whole}")
                if abs(ours - true) > BOUND:
                    told.append("-> share")
                # A folded line is in microseconds.
                if abs(total - whole) > 0.001 * whole:
                    told.append("-> total")
            rows = {row["name"]: row for row in report["functions"]["on_cpu"]}
            ours = rows["f"]["self_ns"] / (rows["f"]["self_ns"] + rows["g"]["self_ns"])
            told.append(f"json: f {ours:.4f}")
            if abs(ours - true) > BOUND:
                told.append("-> share")
            # The line where most of it is.
            for name in "fg":
                most = max((loop for loop in truth["loops"] if loop[0] == name),
                           key=lambda loop: loop[1])
                if rows[name]["line"] not in most[2] or rows[name]["file"] != truth["file"]:
                    told.append(f"-> {rows[name]} is not {most}")
        print("\n".join(told))
        self.assertNotIn("->", "".join(told), "\n".join(told))

    def test_shares_gil(self):
        self.shares("gil", 1, 10, 997)

    def test_shares_ft(self):
        self.shares("ft", 4, 4, 997)

    def test_shares_3_13t(self):
        self.shares("ft313", 4, 4, 997)

    def test_blame(self):
        """Waits stand below want(), blame below hold(), and each adds up to the report's waits."""
        def once():
            with ftp.start("gil", "blame.py", 10, 2, urgent=True) as load:
                report, truth = ftp.watch(load, session=path)
            return report, truth

        with tempfile.TemporaryDirectory() as where:
            path = os.path.join(where, "s.ftprof")
            report, _ = once()
            wait = report["gil"]["wait_ns"]
            told = [f"factor {report['stacks']['gil_blame_factor']:.3f}"]
            for of, name in (("gil-wait", "want"), ("gil-blame", "hold")):
                for ending, own, total in self.each(path, of):
                    # want() waits at the end of time.sleep(), which has no frame of Python.
                    ours = sum(ns for function, ns in own.items() if name in function)
                    told.append(f"{of} {ending}: {ours / total:.4f} {name}, sum "
                                f"{total / wait:.4f}; {own.most_common(4)}")
                    if abs(total - wait) > 0.03 * wait:
                        told.append("-> sum")
                    if of == "gil-blame" and ours < 0.95 * total:
                        told.append("-> share")
                rows = report["functions"][of.replace("-", "_")]
                share = sum(row["total_ns"] for row in rows if row["name"] == name) / wait
                told.append(f"{of}: {share:.4f} {name}")
                if share < 0.95:
                    told.append("-> share in the report")
        print("\n".join(told))
        self.assertNotIn("->", "".join(told), "\n".join(told))

    def test_asleep(self):
        """Sums are the report's own totals of the states, also with 20,000 switches a second."""
        with tempfile.TemporaryDirectory() as where:
            path = os.path.join(where, "s.ftprof")
            with ftp.start("gil", "sleeps.py", 6, 20, urgent=True) as load:
                report, _ = ftp.watch(load, session=path)
            states = collections.Counter()
            for row in report["threads"]:
                states.update(row["state_ns"])
            blocked = sum(states[name] for name in ("blocked", "sync_wait", "fault", "stopped"))
            off = sum(ns for name, ns in states.items() if not name.startswith("on_"))
            whole = sum(states.values())
            told = []
            for of, true in (("blocked", blocked), ("off-cpu", off), ("wall", whole)):
                for ending, _, total in self.each(path, of):
                    told.append(f"{of} {ending}: {total} of {true}")
                    if abs(total - true) > 0.001 * true:
                        told.append("-> sum")
            share = report["stacks"]["switches_walked_share"]
            told.append(f"{share} of the switches walked")
            if not 0 < share < 1 or report["stacks"]["switches_skipped"] == 0:
                told.append("-> share of the switches that were walked")
        print("\n".join(told))
        self.assertNotIn("->", "".join(told), "\n".join(told))


if __name__ == "__main__":
    ftp.main()
