# SPDX-License-Identifier: BSD-2-Clause
"""Shares of CPU time by function and by line, against a program that measures its own."""

import collections
import unittest

import ftp
import stacks

BOUND = 0.02  # of all
RARE = 0.01  # of a function's time, outside the loops that it spends its time in


class Shares(unittest.TestCase):
    def setUp(self):
        ftp.need_ftprof()

    def compare(self, kind, threads, seconds, hz):
        with ftp.start(kind, "shares.py", seconds, threads, urgent=True) as load:
            report, session, truth = stacks.watch(load, "-F", hz)
        both = truth["f_ns"] + truth["g_ns"]
        ours = {name: session.ns(stacks.ON_CORE, stacks.has(name)) for name in "fg"}
        lines = collections.Counter()
        for row in session.weights:
            frame = stacks.leaf(row.stack) if row.kind in stacks.ON_CORE and row.stack else None
            if frame and frame.name in ours:
                self.assertEqual(frame.file, truth["file"])
                lines[frame.name, frame.line] += row.ns
        told = [f"{session.counters()}"]
        seen = sum(ours.values())
        for name, ns in (("f", truth["f_ns"]), ("g", truth["g_ns"])):
            told.append(f"{name}: {ours[name] / seen:.4f}, true {ns / both:.4f}")
            if abs(ours[name] / seen - ns / both) > BOUND:
                told.append("-> share of a function")
        for name, ns, where in truth["loops"]:
            loop = sum(lines.pop((name, line), 0) for line in where)
            told.append(f"{name} at {where}: {loop / seen:.4f}, true {ns / both:.4f}")
            if abs(loop / seen - ns / both) > BOUND:
                told.append("-> share of lines")
        told.append(f"elsewhere {dict(lines)}")
        if sum(lines.values()) > RARE * seen:
            told.append("-> lines that the time is not spent on")
        # What is on a core is sampled as often as was asked for, whatever the number of threads.
        on_core = session.state_ns(stacks.ON)
        samples = sum(row.cnt for row in session.weights if row.kind in stacks.ON_CORE)
        rate = samples / on_core * 1e9
        told.append(f"{samples} samples in {on_core / 1e9:.2f} s on core, {rate:.0f} a second")
        if not 0.9 * hz < rate < 1.1 * hz:
            told.append("-> rate")
        if seen < 0.97 * session.all_ns(stacks.ON_CORE):
            told.append("-> time outside f and g")
        print("\n".join(told))
        self.assertNotIn("->", "".join(told), "\n".join(told))
        return report, truth

    def test_gil_one(self):
        self.compare("gil", 1, 24, 199)

    def test_gil_four(self):
        self.compare("gil", 4, 3, 997)

    def test_ft_one(self):
        self.compare("ft", 1, 10, 997)

    def test_ft_four(self):
        self.compare("ft", 4, 8, 199)

    def test_3_13_four(self):
        self.compare("gil313", 4, 2, 997)

    def test_3_13t_four(self):
        self.compare("ft313", 4, 3, 997)


if __name__ == "__main__":
    ftp.main()
