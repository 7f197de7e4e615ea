# SPDX-License-Identifier: BSD-2-Clause
"""What other processes had of the cores, against the kernel's own books, /proc/PID/schedstat."""

import csv
import os
import subprocess
import sys
import tempfile
import time
import unittest

import ftp

SECONDS = 2
BURN = "while True: pass"
# Wakes up on no core that matters, and only after the session.
SLEEP = "import time; time.sleep(600)"


def ran_ns(pid):
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0])


class Others(unittest.TestCase):
    def setUp(self):
        ftp.need_root()
        ftp.need_ftprof()
        ftp.need_cores(2)
        where = tempfile.TemporaryDirectory()
        self.addCleanup(where.cleanup)
        self.path = os.path.join(where.name, "s.ftprof")

    def spawn(self, *argv):
        process = subprocess.Popen(argv)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process.pid

    def test_one_that_never_leaves(self):
        """Nothing switches on its core: not at the begin, not at the end."""
        core = max(os.sched_getaffinity(0))
        stranger = self.spawn(sys.executable, "-c", BURN)
        os.sched_setaffinity(stranger, {core})
        target = self.spawn(ftp.GIL, "-c", SLEEP)
        time.sleep(0.5)
        with ftp.Ftprof("record", "-v", "-p", target, "-o", self.path) as run:
            run.attached()
            begin = ran_ns(stranger)
            time.sleep(SECONDS)
            truth = ran_ns(stranger) - begin
            run.interrupt()
            self.assertEqual(run.wait()[0], 0)
        rows = list(csv.DictReader(ftp.check_ftprof("report", self.path, "--format", "csv")
                                   .splitlines()))
        told = sum(int(row["others_ns"]) for row in rows
                   if row["type"] == "others" and int(row["core"]) == core)
        # what is told late is less than 25 ms; the session is longer than the truth's window
        self.assertGreaterEqual(told, truth - 25_000_000)
        self.assertLessEqual(told, max(int(row["to_ns"]) for row in rows))
        ends = sorted((int(row["from_ns"]), int(row["to_ns"])) for row in rows
                      if row["type"] == "others" and int(row["core"]) == core)
        for one, two in zip(ends, ends[1:]):
            self.assertLessEqual(one[1], two[0], "the same time twice")


if __name__ == "__main__":
    ftp.main()
