# SPDX-License-Identifier: BSD-2-Clause
"""Programs whose trouble is known get the verdict that names it."""

import unittest

import ftp


class Verdicts(unittest.TestCase):
    def setUp(self):
        ftp.need_ftprof()

    def see(self, kind, *workload, urgent=True):
        with ftp.start(kind, *workload, urgent=urgent) as load:
            return ftp.watch(load)

    def check(self, kind, expected, *workload):
        def once():
            return self.see(kind, *workload)

        def noisy(result):
            rows = result[0]["threads"]
            on = sum(ftp.on_core_ns(row) for row in rows)
            return sum(row["state_ns"]["runq"] for row in rows) > 0.3 * on

        report, truth = ftp.attempts(once, noisy)
        self.assertIn(report["verdict"]["kind"], expected, ftp.figures(report, truth))
        return report, truth

    def test_io_bound(self):
        for kind in ("gil", "ft"):
            with self.subTest(kind=kind):
                report, truth = self.check(kind, ("io_bound",), "iobound.py", 4, 100)
                slept = sum(ftp.thread_of(report, tid)["state_ns"]["blocked"]
                            for tid in truth["sleeper_tids"] + truth["receiver_tids"])
                lived = sum(ftp.thread_of(report, tid)["lifetime_ns"]
                            for tid in truth["sleeper_tids"] + truth["receiver_tids"])
                self.assertGreater(slept, 0.9 * lived, ftp.figures(report, truth))
                names = {row["name"] for row in report["syscalls"]}
                self.assertTrue({"clock_nanosleep", "recvfrom"} <= names, names)

    def test_single_threaded(self):
        for kind in ("gil", "ft"):
            with self.subTest(kind=kind):
                report, truth = self.check(kind, ("single_threaded",), "single.py", 3)
                row = ftp.thread_of(report, truth["main_tid"])
                self.assertEqual(report["gil"]["waits"], 0, ftp.figures(report, truth))
                self.assertGreater(ftp.on_core_ns(row), 0.8 * truth["wall_ns"])

    def test_idle_pool_is_no_contention(self):
        for kind in ("gil", "ft"):
            with self.subTest(kind=kind):
                report, truth = self.check(kind, ("single_threaded", "parallel"), "idlepool.py", 3)
                told = ftp.figures(report, truth)
                for tid in truth["idle_tids"]:
                    state = ftp.thread_of(report, tid)["state_ns"]
                    self.assertGreater(state["sync_wait"], 0.95 * truth["wall_ns"], told)
                    self.assertLess(state["lock_wait"] + state["on_spin"],
                                    0.01 * truth["wall_ns"], told)

    def test_hogs_beside_the_example(self):
        """The run queue is told from the GIL: without hogs, and with four of them."""
        ftp.need_cores(2)
        calm, _ = self.check("gil", ("gil_bound",), "crunch.py", 10_000_000, 4, "--wait")
        with ftp.start(None, "hogs", 4, 60) as hogs:
            hogs.go()
            report, truth = self.see("gil", "crunch.py", 10_000_000, 4, "--wait", urgent=False)
        told = ftp.figures(report, truth)

        def runq(seen):
            return (sum(row["state_ns"]["runq"] for row in seen["threads"]) /
                    seen["session"]["duration_ns"])

        def waits(seen):
            return (sum(row["state_ns"]["gil_wait"] for row in seen["threads"]) /
                    seen["session"]["duration_ns"])

        self.assertGreater(runq(report), runq(calm) + 0.2, told)
        self.assertGreater(waits(report), 1.5, told)
        self.assertEqual(report["verdict"]["kind"], "gil_bound", told)
        self.assertIn("run queue", report["verdict"]["text"], told)

    def test_hogs_beside_free_threads(self):
        """The same hogs beside the build without a GIL: it is the cores."""
        with ftp.start(None, "hogs", 2 * ftp.CORES, 60) as hogs:
            hogs.go()
            report, truth = self.see("ft", "crunch.py", 10_000_000, 4, "--wait", urgent=False)
        told = ftp.figures(report, truth)
        self.assertEqual(report["verdict"]["kind"], "cpu_starved", told)
        self.assertEqual(report["gil"]["wait_ns"], 0, told)

    def test_shared_dict_without_a_gil(self):
        ftp.need_cores(2)
        report, truth = self.see("ft", "locks.py", 3, ftp.CORES, "dict")
        told = ftp.figures(report, truth)
        self.assertEqual(report["verdict"]["kind"], "lock_bound", told)
        report, truth = self.see("ft", "locks.py", 3, ftp.CORES, "private")
        self.assertIn(report["verdict"]["kind"], ("parallel", "cpu_starved"),
                      ftp.figures(report, truth))

    def test_gil_switched_on_in_a_free_threaded_build(self):
        ftp.need_cores(2)
        with ftp.Workload([ftp.FT, "-X", "gil=1", f"{ftp.WORKLOADS}/crunch.py", "10000000", "4",
                           "--wait"], urgent=True) as load:
            report, truth = ftp.watch(load)
        told = ftp.figures(report, truth)
        self.assertEqual(report["target"]["python"]["gil"], "enabled_by_import", told)
        self.assertEqual(report["verdict"]["kind"], "gil_returned", told)
        self.assertAlmostEqual(report["parallelism"]["mean"], 1.0, delta=0.1, msg=told)


if __name__ == "__main__":
    ftp.main()
