# SPDX-License-Identifier: BSD-2-Clause
"""States add up to lifetimes, events to totals, and no figure exceeds what there is of it."""

import json
import os
import subprocess
import tempfile
import unittest

import ftp

REPLAY = os.path.join(ftp.BUILD, "tools", "replay")
RESIDUAL = 0.005  # of a thread's life
LIVED_NS = 10_000_000


class Identity(unittest.TestCase):
    def setUp(self):
        ftp.need_ftprof()

    def check(self, report, truth, unseen_ns):
        told = ftp.figures(report, truth)
        duration = report["session"]["duration_ns"]
        self.assertTrue(report["threads"])
        for row in report["threads"]:
            states = sum(row["state_ns"][name] for name in ftp.STATES)
            self.assertEqual(set(row["state_ns"]), set(ftp.STATES))
            self.assertEqual(row["residual_ns"], row["lifetime_ns"] - states, row)
            self.assertLessEqual(row["lifetime_ns"], duration + 1, row)
            if row["lifetime_ns"] >= LIVED_NS:
                self.assertLessEqual(abs(row["residual_ns"]), RESIDUAL * row["lifetime_ns"], row)
        levels = report["parallelism"]["ns_by_level"]
        self.assertAlmostEqual(sum(levels) / duration, 1, delta=0.001, msg=told)
        on = sum(ftp.on_core_ns(row) for row in report["threads"])
        self.assertLessEqual(abs(sum(k * ns for k, ns in enumerate(levels)) - on),
                             0.002 * on + unseen_ns, told)
        err = sum(row["on_split_err_ns"] for row in report["threads"])
        if report["target"]["python"]["gil"] == "on":
            self.assertLessEqual(report["gil"]["held_ns"], duration + err, told)
        else:
            self.assertEqual(report["gil"]["wait_ns"], 0, told)
        self.assertEqual(report["session"]["events"]["lost"], 0, told)
        self.assertEqual(report["session"]["events"]["missed_threads"], 0, told)

    def replay(self, path):
        """Adds the events up with code that is not ftprof's, and compares to the nanosecond."""
        ftp.need(os.access(REPLAY, os.X_OK), "build/tools/replay is not built")
        done = subprocess.run([REPLAY, path], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        sums = json.loads(done.stdout)
        self.assertEqual((sums["mismatches"], sums["gaps"], sums["backward"]), (0, 0, 0), sums)
        # The levels come from one word that all cores share, in units of 64 ns. It is kept as
        # things happen: a switch that the kernel did not report is put right in the events only.
        slack = 0.001 * sum(sums["levels_in_total"]) + sums["unseen_ns"]
        pairs = zip(sums["levels_by_events"] + [0] * 8, sums["levels_in_total"])
        for level, (by_events, in_total) in enumerate(pairs):
            self.assertLessEqual(abs(by_events - in_total), slack, (level, sums))
        return sums

    def run_one(self, kind, *workload, options=()):
        with tempfile.TemporaryDirectory() as where:
            path = os.path.join(where, "s.ftprof")

            with ftp.start(kind, *workload, urgent=True) as load:
                report, truth = ftp.watch(load, *options, session=path)
            sums = self.replay(path)
            self.check(report, truth, sums["unseen_ns"])
            return report, truth, sums

    def test_example(self):
        for kind in ("gil", "ft"):
            with self.subTest(kind=kind):
                _, truth, sums = self.run_one(kind, "crunch.py", 5_000_000, 4, "--wait")
                self.assertEqual(sums["exited"], 4)
                self.assertEqual(sums["threads"], 5, truth)

    def test_mixed_and_asleep(self):
        """Threads of all kinds, one of which sleeps from the first to the last instant."""
        for kind in ("gil", "ft"):
            with self.subTest(kind=kind):
                report, truth, _ = self.run_one(kind, "shifts.py", 2)
                row = ftp.thread_of(report, truth["kinds"]["rest"])
                self.assertAlmostEqual(row["lifetime_ns"], report["session"]["duration_ns"],
                                       delta=1000)
                self.assertGreater(row["state_ns"]["sync_wait"], 0.95 * row["lifetime_ns"], row)

    def test_churn(self):
        """997 threads, five at a time, some of which live for less than a millisecond."""
        for kind in ("gil", "ft"):
            with self.subTest(kind=kind):
                report, truth, sums = self.run_one(kind, "churn.py", 997, 5)
                self.assertEqual(len(report["threads"]), truth["count"] + 1)
                self.assertEqual(sums["exited"], truth["count"])

    def test_many_at_once(self):
        """1009 threads that come in one burst and go in one burst."""
        report, truth, sums = self.run_one("gil", "churn.py", 1009, 1009)
        self.assertEqual(len(report["threads"]), truth["count"] + 1)
        self.assertEqual(sums["exited"], truth["count"])

    def test_locks(self):
        """Hundreds of thousands of switches a second."""
        self.run_one("ft", "locks.py", 2, ftp.CORES, "dict")

    def test_stop_the_world(self):
        """On the free-threaded build the others are suspended; under the GIL there is no such."""
        report, truth, _ = self.run_one("ft", "stw.py", 51, 2)
        paused = max(ftp.thread_of(report, tid)["state_ns"]["stw"]
                     for tid in truth["compute_tids"])
        self.assertGreater(paused, 0)
        self.assertLessEqual(paused, truth["collect_ns"], ftp.figures(report, truth))
        report, truth, _ = self.run_one("gil", "stw.py", 11, 2)
        self.assertEqual(sum(row["state_ns"]["stw"] for row in report["threads"]), 0)

    def test_parallelism_of_known_truth(self):
        """One thread: never two at once. Two interpreters or threads without a GIL: both cores."""
        ftp.need_cores(2)
        report, truth, _ = self.run_one("gil", "single.py", 2)
        levels = report["parallelism"]["ns_by_level"]
        self.assertLess(sum(levels[2:]), 0.002 * truth["wall_ns"], ftp.figures(report, truth))
        report, truth, _ = ftp.undisturbed(
            lambda: self.run_one("ft", "locks.py", 2, ftp.CORES, "private"), 0.15)
        levels = report["parallelism"]["ns_by_level"]
        self.assertGreater(levels[ftp.CORES], 0.8 * truth["wall_ns"], ftp.figures(report, truth))
        self.assertEqual(sum(levels[ftp.CORES + 1:]), 0, levels)

    def test_one_holder_at_a_time(self):
        """By the probes, which see every acquisition: held on and off core within the time."""
        report, truth, _ = self.run_one("gil", "crunch.py", 10_000_000, 4, "--wait",
                                        options=("--exact=full",))
        held = report["gil"]["held_ns"]
        told = ftp.figures(report, truth)
        self.assertLessEqual(held, 1.001 * report["session"]["duration_ns"], told)
        self.assertGreater(held, 0.9 * truth["wall_ns"], told)

    def test_engines_agree(self):
        """The same work, watched without and with probes: alike in what the work decides."""
        seen = {}
        for options in ((), ("--exact=full",)):
            # The receiver must be awake in time to wait, so it needs a core when it is woken.
            report, truth, _ = ftp.attempts(
                lambda chosen=options: self.run_one("gil", "handoff.py", 499, options=chosen),
                lambda result: result[0]["gil"]["waits_hi"] < 499)
            told = ftp.figures(report, truth)
            gil = report["gil"]
            seen[options] = gil["wait_ns"] / truth["hold_ns"]
            self.assertAlmostEqual(seen[options], 1, delta=0.02, msg=told)
            # Starting and joining may add one or two a thread.
            self.assertLessEqual(gil["waits_lo"], 499 + 6, told)
            self.assertGreaterEqual(gil["waits_hi"], 499, told)
        self.assertAlmostEqual(seen[()], seen[("--exact=full",)], delta=0.02)

    def test_probed_waits_are_in_the_interval(self):
        """In one run both engines' counts: what the probes count lies in the interval printed."""
        report, truth, _ = self.run_one("gil", "afterio.py", 3, options=("--exact=full",))
        gil = report["gil"]
        told = ftp.figures(report, truth)
        self.assertGreater(gil["probed_waits"], truth["sleeps"] / 2, told)
        self.assertLessEqual(abs(gil["waits"] - gil["probed_waits"]), 2, told)


if __name__ == "__main__":
    ftp.main()
