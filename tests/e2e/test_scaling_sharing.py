# SPDX-License-Identifier: BSD-2-Clause
"""Cores that are busy with each other's reference counts: sharing_bound, and its line."""

import unittest

import ftp
import scaling

SECONDS = 2.5
# What is shared, how many threads, what the first row may name. With two threads for two cores
# those that read and write spin less: perf's samples say 40 % sharing and 14 % spinning.
SHARED = {"read": (4, ("object", "Plain")), "closure": (4, ("object", "cell", "function")),
          "mixed": (2, ("object", "Plain"))}
NOISE = 0.04  # of on-core time: shutting threads down and looking at the clock share a little


class Sharing(unittest.TestCase):
    def setUp(self):
        ftp.need_ftprof()
        ftp.need_cores(2)

    def watch(self, build, kind, sharing):
        report, truth = scaling.watch(build, "ft_shared.py", kind, SECONDS, SHARED[kind][0],
                                      sharing)
        on_core = sum(ftp.on_core_ns(row) for row in report["threads"])
        share = report["sharing"]["hot_ns"] / on_core
        print(f"{build} {kind} {sharing}: {share:.3f} shared, "
              f"{report['sharing']['shared_ns'] / on_core:.3f} in its instructions, scales "
              f"{truth['scaling']:.2f}")
        return report, truth, share, scaling.told(report, truth)

    def shared(self, build, kind):
        report, truth, _, message = self.watch(build, kind, "one")
        self.assertLess(scaling.scales(truth) or 0, 1.5, message)
        self.assertIn(report["verdict"]["kind"], scaling.verdicts(truth, "sharing_bound"), message)
        rows = [row for row in report["scaling"] if row["cause"] == "refcount"]
        self.assertTrue(rows, message)
        # A closure's line is the call's, or the one inside of it.
        self.assertTrue(any(name in rows[0]["where"] for name in SHARED[kind][1]), message)
        self.assertTrue(any(scaling.site(truth).rsplit(":", 1)[0] in row["where"] for row in rows),
                        message)
        if kind == "read":
            self.assertTrue(scaling.says_site(rows[0]["where"], truth), message)
        self.assertTrue(rows[0]["advice"], message)

    def private(self, build, kind, sharing):
        report, truth, share, message = self.watch(build, kind, sharing)
        self.assertGreater(scaling.scales(truth) or 2, 1.3, message)
        self.assertIn(report["verdict"]["kind"], scaling.verdicts(truth, "parallel"), message)
        self.assertEqual([row for row in report["scaling"] if row["cause"] == "refcount"], [],
                         message)
        return share, message

    def test_read(self):
        self.shared("ft", "read")

    def test_read_3_13(self):
        self.shared("ft313", "read")

    def test_closure(self):
        self.shared("ft", "closure")

    def test_read_and_write(self):
        self.shared("ft", "mixed")

    def both(self, kind):
        """In 3.13 a cell has a lock, and an attribute is read under its object's more often: perf's
        samples say 36 % sharing and 34 % spinning. One of the two it is, in that line.
        """
        report, truth, share, message = self.watch("ft313", kind, "one")
        self.assertIn(report["verdict"]["kind"],
                      scaling.verdicts(truth, "sharing_bound", "lock_bound"), message)
        self.assertGreater(share, 0.15, message)
        causes = {row["cause"] for row in report["scaling"]}
        self.assertLessEqual({"lock", "refcount"}, causes, message)
        self.assertLess(scaling.scales(truth) or 0, 1.5, message)

    def test_closure_3_13(self):
        self.both("closure")

    def test_read_and_write_3_13(self):
        self.both("mixed")

    def test_private(self):
        for build in scaling.BUILDS:
            for kind in SHARED:
                with self.subTest(build=build, kind=kind):
                    share, message = self.private(build, kind, "own")
                    self.assertLess(share, NOISE, message)

    def test_given(self):
        """Another thread's objects that one thread alone uses: its instructions wait for nobody."""
        for kind in SHARED:
            with self.subTest(kind):
                self.private("ft", kind, "given")


if __name__ == "__main__":
    ftp.main()
