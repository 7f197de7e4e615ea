# SPDX-License-Identifier: BSD-2-Clause
"""Durations of collections, from the USDT probes of interpreters built --with-dtrace.

Debian's python3.13 and later have them. FTPROF_PYTHON_USDT and FTPROF_PYTHON_USDT_FT name others, or
programs that start them (an interpreter of unpacked packages needs its own loader).
"""

import glob
import os
import shutil
import subprocess
import unittest

import ftp

SCRIPT = """
usdt:%(exe)s:python:gc__start { @begin[tid] = nsecs; @gen[tid] = (int32)arg0; }
usdt:%(exe)s:python:gc__done /@begin[tid]/ {
    $ns = nsecs - @begin[tid];
    @runs[@gen[tid]] = count();
    @ns[@gen[tid]] = sum($ns);
    @longest_ns[@gen[tid]] = max($ns);
    delete(@begin[tid]);
    delete(@gen[tid]);
}
"""
PROBED = "gc__start, gc__done: USDT"


def noted(path):
    """Whether a file has the probes."""
    notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True, check=False)
    return "gc__start" in notes.stdout


def probed_file(pid):
    """The mapped file that has the probes, or None."""
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as file:
        mapped = {line.split(maxsplit=5)[5].strip() for line in file if "/" in line}
    return next((path for path in sorted(mapped)
                 if "python" in os.path.basename(path) and noted(path)), None)


def find(kind):
    """An interpreter with the probes."""
    tag, suffix = {"gil": ("", ""), "ft": ("_FT", "t")}[kind]
    found = [os.environ.get("FTPROF_PYTHON_USDT" + tag, "")]
    found += sorted(glob.glob(f"/usr/bin/python3.1[3-9]{suffix}"), reverse=True)
    found += [ftp.PYTHON[kind], ftp.PYTHON[kind + "313"]]
    for path in found:
        if not os.access(path, os.X_OK):
            continue
        with ftp.start(path, "single.py", 0) as load:
            if probed_file(load.pid):
                return path
    raise unittest.SkipTest(f"no {kind} interpreter with USDT probes on collections")


class Durations(unittest.TestCase):
    def setUp(self):
        ftp.need_ftprof()
        ftp.need(shutil.which("readelf"), "readelf is not installed")

    def against_bpftrace(self, kind, *options):
        ftp.need_bpftrace()
        with ftp.start(find(kind), "collect.py", 40, urgent=True) as load:
            script = SCRIPT % {"exe": probed_file(load.pid)}
            with ftp.Bpftrace(script, "-p", load.pid) as trace:
                report, truth = ftp.watch(load, *options)
                theirs = trace.stop()
        gc = report["gc"]
        told = f"{gc}\n{theirs}\n{truth}\n"
        print(told)
        self.assertIn(PROBED, "\n".join(report["cost"]["sites"]), told)
        self.assertTrue(gc["timed"], told)
        self.assertEqual(gc["timed_runs"], truth["collections"], told)
        self.assertEqual(gc["runs"], truth["collections"], told)
        for generation in range(3):
            key = str(generation)
            self.assertEqual(gc["timed_runs"][generation], theirs["@runs"][key], told)
            for ours, name in (("ns", "@ns"), ("max_ns", "@longest_ns")):
                self.assertAlmostEqual(gc[ours][generation], theirs[name][key],
                                       delta=0.05 * theirs[name][key], msg=told)
            self.assertLessEqual(gc["ns"][generation], truth["collect_ns"][generation], told)
            self.assertLessEqual(gc["max_ns"][generation], gc["ns"][generation], told)
        return report

    def untimed(self, kind, *options):
        """A session that plants nothing on collections."""
        with ftp.start(kind, "collect.py", 8) as load:
            report, truth = ftp.watch(load, *options)
        self.assertEqual(report["gc"]["runs"], truth["collections"])
        self.assertFalse(report["gc"]["timed"])
        for name in ("timed_runs", "ns", "max_ns"):
            self.assertEqual(report["gc"][name], [0, 0, 0])
        self.assertNotIn("gc__", "\n".join(report["cost"]["sites"]))
        self.assertNotIn("collections", "\n".join(report["session"]["limits"]))
        return report["cost"]["probes_in_target"]

    def test_exact(self):
        self.against_bpftrace("gil", "--exact")

    def test_free_threaded(self):
        report = self.against_bpftrace("ft")
        self.assertGreaterEqual(report["cost"]["probes_in_target"], 2)

    def test_not_asked_for(self):
        """Without --exact nothing is planted in a process with a GIL, probes or not."""
        self.assertEqual(self.untimed(find("gil")), 0)

    def test_no_probes(self):
        self.assertEqual(self.untimed(find("ft"), "--no-probes"), 0)

    def test_without(self):
        """Builds without the probes: nothing is told of them, and the session is as ever."""
        for kind, options in (("gil", ("--exact=full",)), ("ft", ())):
            with self.subTest(kind=kind):
                with ftp.start(kind, "single.py", 0) as load:
                    ftp.need(not probed_file(load.pid), f"the {kind} interpreter has the probes")
                self.assertIn(self.untimed(kind, *options), (2, 3))

    def test_too_often(self):
        """Above their budget they go, and what they saw is not taken for the whole."""
        with ftp.start(find("gil"), "collect.py", 60_000, 0) as load:
            report, truth = ftp.watch(load, "--exact", "--max-overhead=0.1")
        self.assertEqual(report["gc"]["runs"], truth["collections"])
        self.assertFalse(report["gc"]["timed"])
        self.assertEqual(report["gc"]["timed_runs"], [0, 0, 0])
        self.assertIn("collections came too often", "\n".join(report["session"]["limits"]))


if __name__ == "__main__":
    ftp.main()
