# SPDX-License-Identifier: BSD-2-Clause
"""The two interpreters are what they claim, and so are the workloads and the helpers."""

import json
import os
import subprocess
import tempfile
import unittest

import ftp

FACTS = """
import json, sys, sysconfig, os
print(json.dumps({
    "version": list(sys.version_info[:2]),
    "free": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "gil": sys._is_gil_enabled(),
    "interval": sys.getswitchinterval(),
}))
"""


def facts(kind, *options):
    ftp.need(os.access(ftp.PYTHON[kind], os.X_OK), "no interpreter; scripts/get-pythons brings it")
    done = subprocess.run([ftp.PYTHON[kind], *options, "-c", FACTS], check=True, text=True,
                          capture_output=True)
    return json.loads(done.stdout)


class Pythons(unittest.TestCase):
    def test_gil(self):
        self.assertEqual(facts("gil"), {"version": [3, 14], "free": False, "gil": True,
                                        "interval": 0.005})

    def test_ft(self):
        self.assertEqual(facts("ft"), {"version": [3, 14], "free": True, "gil": False,
                                       "interval": 0.005})

    def test_gil_3_13(self):
        self.assertEqual(facts("gil313"), {"version": [3, 13], "free": False, "gil": True,
                                           "interval": 0.005})

    def test_ft_3_13(self):
        self.assertEqual(facts("ft313"), {"version": [3, 13], "free": True, "gil": False,
                                          "interval": 0.005})

    def test_ft_with_gil(self):
        self.assertTrue(facts("ft", "-X", "gil=1")["gil"])

    def test_cores(self):
        """The same program keeps one core busy under one build and all under the other."""
        ftp.need_cores(2)
        for kind in ("gil", "ft"):
            with ftp.start(kind, "locks.py", 2, 2, "private") as load:
                before = ftp.schedstat(load.pid)[load.pid][0]
                truth = load.go().result()
                busy = (truth["cpu_ns"] - before) / truth["wall_ns"]
            with self.subTest(kind=kind, busy=busy):
                if kind == "gil":
                    self.assertLess(busy, 1.1)
                else:
                    self.assertGreater(busy, 1.2)

    def test_mixed_keeps_its_shares(self):
        with ftp.start("gil", "mixed.py", 2, 70) as load:
            truth = load.go().result()
        self.assertEqual(truth["gil_ns"] + truth["free_ns"], truth["thread_ns"])
        self.assertAlmostEqual(truth["gil_ns"] / truth["thread_ns"], 0.70, delta=0.01)

    def test_stripped(self):
        with tempfile.TemporaryDirectory() as where:
            path, env = ftp.strip_copy("gil", where)
            symbols = subprocess.run(["nm", path], capture_output=True, text=True, check=False)
            self.assertNotIn("take_gil", symbols.stdout)
            with ftp.start(path, "single.py", 0.2, env=env) as load:
                self.assertEqual(os.path.realpath(f"/proc/{load.pid}/exe"), path)
                self.assertGreater(load.go().result()["spins"], 0)


if __name__ == "__main__":
    ftp.main()
