# SPDX-License-Identifier: BSD-2-Clause
"""Lines by thread: eight threads in one function, each with a copy of its bytecode on 3.14t."""

import collections
import unittest

import ftp
import stacks


class Lines(unittest.TestCase):
    def setUp(self):
        ftp.need_ftprof()

    def compare(self, kind):
        with ftp.start(kind, "lines.py", 8, 8, urgent=True) as load:
            _, session, truth = stacks.watch(load, "-F", 997, events=True)
        own = {tid: set(lines) for tid, lines in truth["lines"]}
        self.assertEqual(len(own), 8)
        passed = set(truth["before"]) | set(truth["after"])
        hot = {truth["hot"] + n for n in range(4)}
        seen = collections.defaultdict(collections.Counter)
        told = [str(session.counters())]
        for event in session.events:
            frame = stacks.leaf(event.stack or ())
            if frame is None or event.tid not in own:
                continue
            if frame.name == "chain":
                where = ("own" if frame.line in own[event.tid] else
                         "passed" if frame.line in passed else "WRONG")
            elif frame.name == "hot":
                where = "hot" if frame.line in hot else "WRONG"
                if event.type == stacks.TICK and frame.line == truth["hot"] + 2:
                    seen[event.tid]["hot line"] += 1
            else:
                continue
            kind_of = "tick" if event.type == stacks.TICK else "switch"
            seen[event.tid][f"{kind_of} {where}"] += 1
            if where == "WRONG" and len(told) < 20:
                told.append(f"-> thread {event.tid}: {frame}, its lines {own[event.tid]}")
        told += [f"{tid}: {dict(counts)}" for tid, counts in seen.items()]
        print("\n".join(told))
        self.assertNotIn("->", "".join(told), "\n".join(told))
        self.assertEqual(len(seen), 8, told)
        for counts in seen.values():
            self.assertGreater(counts["tick own"], 50, told)
            self.assertGreater(counts["tick own"], 20 * counts["tick passed"], told)
            self.assertGreater(counts["hot line"], 0.9 * counts["tick hot"], told)

    def test_3_14t(self):
        self.compare("ft")

    def test_3_13t(self):
        self.compare("ft313")

    def test_3_14(self):
        self.compare("gil")

    def test_3_13(self):
        self.compare("gil313")


if __name__ == "__main__":
    ftp.main()
