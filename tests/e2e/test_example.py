# SPDX-License-Identifier: BSD-2-Clause
"""The example program: four threads that count, under both builds and without symbols."""

import tempfile
import unittest

import ftp


def measure(python, env=None):
    def once():
        with ftp.start(python, "crunch.py", 10_000_000, 4, "--wait", env=env, urgent=True) as load:
            return ftp.watch(load)

    # Starting the interpreter, ftprof and its report count as foreign, and take a fifth.
    return ftp.undisturbed(once, 0.4)


class Example(unittest.TestCase):
    def setUp(self):
        ftp.need_ftprof()

    def check_gil(self, report, truth):
        waited = sum(ftp.thread_of(report, tid)["state_ns"]["gil_wait"] for tid in truth["tids"])
        told = ftp.figures(report, truth)
        self.assertEqual(report["target"]["python"]["gil"], "on")
        self.assertAlmostEqual(report["parallelism"]["mean"], 1.0, delta=0.1, msg=told)
        self.assertGreater(waited, 2 * truth["wall_ns"], told)
        self.assertEqual(report["verdict"]["kind"], "gil_bound", told)
        self.assertEqual(report["session"]["events"]["lost"], 0, told)
        self.assertEqual(report["cost"]["probes_in_target"], 0)

    def check_ft(self, report, truth):
        told = ftp.figures(report, truth)
        self.assertEqual(report["target"]["python"]["gil"], "off")
        self.assertGreater(report["parallelism"]["mean"], 0.85 * ftp.CORES, told)
        self.assertEqual(sum(row["state_ns"]["gil_wait"] for row in report["threads"]), 0, told)
        self.assertEqual(report["gil"]["waits"], 0, told)
        self.assertIn(report["verdict"]["kind"], ("parallel", "cpu_starved"), told)

    def test_gil(self):
        ftp.need_cores(2)
        self.check_gil(*measure("gil"))

    def test_ft(self):
        self.check_ft(*measure("ft"))

    def test_gil_stripped(self):
        ftp.need_cores(2)
        with tempfile.TemporaryDirectory() as where:
            self.check_gil(*measure(*ftp.strip_copy("gil", where)))

    def test_ft_stripped(self):
        with tempfile.TemporaryDirectory() as where:
            self.check_ft(*measure(*ftp.strip_copy("ft", where)))


if __name__ == "__main__":
    ftp.main()
