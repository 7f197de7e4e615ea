# SPDX-License-Identifier: BSD-2-Clause
"""Who waits for the GIL, and who is to blame for it."""

import unittest

import ftp
import stacks

BLAME = (stacks.BLAME, stacks.BLAME_OFF, stacks.BLAME_FREE)
WANT = HOLD = 0.95
SUM = 0.03


class Blame(unittest.TestCase):
    def setUp(self):
        ftp.need_ftprof()

    def measure(self, *workload, python="gil"):
        """All that is compared, after the checks that hold for every program."""
        def once():
            with ftp.start(python, *workload, urgent=True) as load:
                return stacks.watch(load)

        report, session, truth = ftp.undisturbed(once)
        wait_ns = report["gil"]["wait_ns"]
        waits = session.all_ns((stacks.GIL_WAIT,))
        parts = {kind: session.all_ns((kind,)) for kind in BLAME}
        told = (f"{session.counters()}\ngil wait {wait_ns}, stacks {waits / wait_ns:.4f} of it, "
                f"blame {sum(parts.values()) / wait_ns:.4f}: " +
                ", ".join(f"{ns / wait_ns:.4f}" for ns in parts.values()) +
                " (on core by ticks, off core, nobody)\n" + ftp.figures(report, truth))
        print(told)
        self.assertGreater(wait_ns, 1_000_000_000, told)
        # What ticks saw of the holder is not scaled here: this is its true error.
        self.assertLessEqual(abs(sum(parts.values()) - wait_ns), SUM * wait_ns, told)
        self.assertLessEqual(abs(waits - wait_ns), SUM * wait_ns, told)
        return session, truth, wait_ns, told

    def compare(self, python):
        session, truth, _, told = self.measure("blame.py", 10, 2, python=python)
        self.assertGreater(truth["shortest_ns"], 20_000_000, told)
        want = session.ns((stacks.GIL_WAIT,), stacks.has("want"))
        self.assertGreaterEqual(want, WANT * session.all_ns((stacks.GIL_WAIT,)), told)
        hold = session.ns(BLAME, stacks.has("hold"))
        self.assertGreaterEqual(hold, HOLD * session.all_ns(BLAME), told)

    def test_hold(self):
        self.compare("gil")

    def test_hold_3_13(self):
        self.compare("gil313")

    def test_hold_off_core(self):
        """A holder that sleeps: its stack has the exact time that others waited meanwhile."""
        session, truth, _, told = self.measure("holdsleep.py", 211, 17, 2)
        truly = 2 * truth["asleep_min_ns"]
        ours = session.ns((stacks.BLAME_OFF,), lambda stack: stacks.leaf(stack).name == "main")
        told += f"\nblame off core below main {ours}, truly {truly}"
        print(told)
        self.assertGreaterEqual(ours, 0.97 * truly, told)
        self.assertLessEqual(ours, 1.03 * truly, told)
        # The others had it off core only when they were preempted, with counting for their stack.
        rest = session.ns((stacks.BLAME_OFF,),
                          lambda stack: stacks.leaf(stack).name not in ("main", "wait"))
        self.assertLessEqual(rest, 0.02 * truly, told)


if __name__ == "__main__":
    ftp.main()
