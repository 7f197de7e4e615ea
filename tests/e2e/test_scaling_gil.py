# SPDX-License-Identifier: BSD-2-Clause
"""A GIL that comes back because of an extension: when, which one, and what to do."""

import os
import shutil
import tempfile
import unittest

import ext
import ftp
import scaling

SECONDS = 4.0
DELAY = 2.0
NEAR_NS = 100_000_000


class Returned(unittest.TestCase):
    def setUp(self):
        ftp.need_ftprof()
        self.where = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.where)

    def module(self, build, *macros):
        path = ext.build(build, self.where, "ext_plain", *macros)
        ext.distribute(self.where, "plainly", "1.2", path)

    def watch(self, build, delay, strip=False, name="ext_plain", folder=None):
        """(report, the report as text, truth)"""
        python, env = build, None
        if strip:
            python, env = ftp.strip_copy(build, self.where)
        session = os.path.join(self.where, "s.ftprof")
        report, truth = scaling.watch(python, "ft_import.py", folder or self.where, name, SECONDS,
                                      delay, env=env, session=session)
        return report, ftp.check_ftprof("report", session), truth

    def returned(self, build, strip=False):
        self.module(build)
        report, text, truth = self.watch(build, DELAY, strip)
        message = scaling.told(report, truth)
        self.assertTrue(truth["gil"], "the module did not bring the GIL back")
        self.assertEqual(report["verdict"]["kind"], "gil_returned", message)
        self.assertIn("ext_plain", report["target"]["python"]["gil_enabled_by"], message)
        rows = [row for row in report["gil_history"] if row["module"]]
        self.assertEqual([row["module"] for row in rows], ["ext_plain"], message)
        begin, end = truth["imported_ns"]
        self.assertGreater(rows[0]["ts_ns"], begin - NEAR_NS, message)
        self.assertLess(rows[0]["ts_ns"], end + NEAR_NS, message)
        for word in ("ext_plain", "plainly 1.2"):
            self.assertIn(word, " ".join(text.split()), text)
        # Two of four seconds with a GIL, two threads that wanted two cores. What other processes
        # take of the one that is left idle is not lost to the GIL.
        if truth["disturbed"] < scaling.DISTURBED:
            rows = [row for row in report["scaling"] if row["cause"] == "gil_reenabled"]
            self.assertEqual(len(rows), 1, message)
            self.assertIn("ext_plain", rows[0]["where"], message)
            self.assertIn("plainly 1.2", rows[0]["advice"], message)
            self.assertGreater(rows[0]["lost_ns"], 0.5e9, message)
            self.assertLess(rows[0]["lost_ns"], 2.5e9, message)

    def suspected(self, build, strip=False):
        """It was there before the session."""
        self.module(build)
        report, text, truth = self.watch(build, -1.0, strip)
        message = scaling.told(report, truth)
        self.assertTrue(truth["gil"])
        self.assertEqual(report["verdict"]["kind"], "gil_returned", message)
        suspects = [row for row in report["extensions"] if row["gil"] != "not_used"]
        self.assertEqual([(row["module"], row["distribution"]) for row in suspects],
                         [("ext_plain", "plainly 1.2")], message)
        self.assertIn("plainly 1.2", " ".join(text.split()), text)

    def test_returned(self):
        self.returned("ft")

    def test_returned_3_13(self):
        self.returned("ft313")

    def test_returned_stripped(self):
        self.returned("ft", strip=True)

    def test_returned_stripped_3_13(self):
        self.returned("ft313", strip=True)

    def test_suspected(self):
        self.suspected("ft")

    def test_suspected_3_13(self):
        self.suspected("ft313")

    def test_suspected_stripped(self):
        self.suspected("ft", strip=True)

    def test_marked(self):
        """One that says that it needs no GIL: a pause, and nothing comes back."""
        self.module("ft", "SLOT=Py_MOD_GIL_NOT_USED")
        report, _, truth = self.watch("ft", DELAY)
        message = scaling.told(report, truth)
        self.assertFalse(truth["gil"])
        self.assertNotEqual(report["verdict"]["kind"], "gil_returned", message)
        self.assertFalse(report["target"]["python"]["gil_enabled_by"], message)
        self.assertFalse([row for row in report["scaling"] if row["cause"] == "gil_reenabled"],
                         message)
        causes = {row["cause"]: row["pauses"] for row in report["stop_the_world"]["by_cause"]}
        self.assertGreaterEqual(causes.get("import", 0), 1, message)

    def test_numpy(self):
        report, _, truth = self.watch("ft", DELAY, name="numpy", folder=ext.packages("ft"))
        message = scaling.told(report, truth)
        self.assertFalse(truth["gil"])
        self.assertNotEqual(report["verdict"]["kind"], "gil_returned", message)
        found = [row for row in report["extensions"]
                 if (row["distribution"] or "").startswith("numpy ")]
        self.assertTrue(found, message)
        self.assertEqual({row["gil"] for row in found}, {"not_used"}, found)

    def test_unmarked(self):
        """ujson 5.10.0 says nothing about the GIL."""
        report, text, truth = self.watch("ft", DELAY, name="ujson", folder=ext.packages("ft"))
        message = scaling.told(report, truth)
        self.assertTrue(truth["gil"])
        self.assertEqual(report["verdict"]["kind"], "gil_returned", message)
        self.assertIn("ujson", report["target"]["python"]["gil_enabled_by"], message)
        self.assertIn("ujson 5.10.0", " ".join(text.split()), text)


if __name__ == "__main__":
    ftp.main()
