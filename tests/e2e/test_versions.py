# SPDX-License-Identifier: BSD-2-Clause
"""Other versions of CPython: figures where they can be had, else a sentence that says how."""

import glob
import os
import unittest

import ftp


def find(version):
    """An interpreter of that version: pyenv's or the system's."""
    homes = {os.path.expanduser("~"), "/root"}
    sudo_user = os.environ.get("SUDO_USER")
    if sudo_user:
        homes.add(os.path.expanduser(f"~{sudo_user}"))
    found = []
    for home in homes:
        found += glob.glob(f"{home}/.pyenv/versions/{version}.*/bin/python{version}")
    found += [path for path in (f"/usr/bin/python{version}", f"/usr/local/bin/python{version}")
              if os.path.exists(path)]
    ftp.need(found, f"no Python {version} is installed")
    return found[0]


class Versions(unittest.TestCase):
    def setUp(self):
        ftp.need_ftprof()

    def example(self, version, *options):
        with ftp.start(find(version), "crunch.py", 8_000_000, 4, "--wait", urgent=True) as load:
            return ftp.watch(load, *options)

    def gil_bound(self, version, report, truth):
        told = ftp.figures(report, truth)
        # Before 3.11 no symbol tells the last part of the version.
        self.assertEqual(report["target"]["python"]["version"].split(".")[:2], version.split("."))
        waited = sum(ftp.thread_of(report, tid)["state_ns"]["gil_wait"] for tid in truth["tids"])
        self.assertGreater(waited, 1.5 * truth["wall_ns"], told)
        self.assertAlmostEqual(report["parallelism"]["mean"], 1.0, delta=0.1, msg=told)
        self.assertEqual(report["verdict"]["kind"], "gil_bound", told)
        on = sum(ftp.on_core_ns(ftp.thread_of(report, tid)) for tid in truth["tids"])
        held = sum(ftp.thread_of(report, tid)["state_ns"]["on_gil"] for tid in truth["tids"])
        self.assertGreater(held, 0.9 * on, told)

    def test_3_13(self):
        """Publishes its offsets: nothing need be planted."""
        report, truth = self.example("3.13")
        self.gil_bound("3.13", report, truth)
        self.assertEqual(report["cost"]["probes_in_target"], 0)

    def old(self, version):
        python = find(version)
        with ftp.start(python, "single.py", 30) as load:
            status, out, err = ftp.ftprof("-p", load.pid, "-d", "1s")
            self.assertEqual((status, out), (1, ""), err)
            self.assertEqual(len(err.strip().splitlines()), 1, err)
            self.assertIn(version, err)
            self.assertIn("--exact=full", err)
        report, truth = self.example(version, "--exact=full")
        self.gil_bound(version, report, truth)
        self.assertEqual(report["session"]["engine"], "uprobe")
        self.assertGreater(report["cost"]["probes_in_target"], 0)
        self.assertIn("publishes no offsets", " ".join(report["session"]["limits"]))

    def test_3_12(self):
        self.old("3.12")

    def test_3_11(self):
        self.old("3.11")

    def test_3_10(self):
        self.old("3.10")

    def test_3_9(self):
        self.old("3.9")


if __name__ == "__main__":
    ftp.main()
