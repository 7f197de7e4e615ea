# SPDX-License-Identifier: BSD-2-Clause
"""Stacks of programs that a profiler would rather not meet, and options that it must refuse."""

import json
import os
import re
import tempfile
import unittest

import ftp
import stacks

FORMATS = ("folded", "svg", "html", "speedscope.json", "pb.gz", "firefox.json")
READERS = {"speedscope.json": "speedscope", "pb.gz": "pprof", "firefox.json": "firefox"}


class Bad(unittest.TestCase):
    def setUp(self):
        ftp.need_ftprof()

    def readable(self, path):
        """Every format can be written of a session, and other programs read it."""
        with tempfile.TemporaryDirectory() as where:
            for ending in FORMATS:
                out = os.path.join(where, f"x.{ending}")
                status, _, err = ftp.ftprof("report", path, "--of", "on-cpu", "-o", out)
                self.assertEqual(status, 0, f"{ending}: {err[-2000:]}")
                if ending in READERS:
                    self.assertTrue(ftp.read_profile(READERS[ending], out))
                elif ending == "folded":
                    with open(out, encoding="utf-8") as file:
                        for line in file.read().split("\n")[:-1]:
                            self.assertRegex(line, r"^.+ [0-9]+$")

    def watch(self, kind, what, seconds=4, readable=False, options=("-F", 997)):
        with ftp.start(kind, "badinput.py", what, seconds, urgent=True) as load:
            return stacks.watch(load, *options, during=self.readable if readable else None)

    def numbered(self, kind, what, least):
        """Addresses are used again at once: an old name never stands for a new function."""
        _, session, truth = self.watch(kind, what, 5)
        told = f"{session.counters()} {truth['made']} made"
        seen = gone = 0
        for frame in session.frames:
            if frame.kind == stacks.MARK:
                gone += frame.name == "[code object gone]"
            match = re.fullmatch(r"n([0-9]+)", frame.name)
            if match is None or frame.file != "fresh.py":
                continue
            number = int(match[1])
            seen += 1
            self.assertEqual(frame.first, number, f"{frame}\n{told}")
            self.assertIn(frame.line, (0, *range(number, number + truth["height"] + 1)),
                          f"{frame}\n{told}")
        print(told, f"{seen} frames")
        self.assertGreater(seen, least, told)
        errors, walked = session.errors()
        self.assertLess(errors, max(1, 0.001 * walked), told)
        # The code is copied when its stack is walked, so it is not missed by those who look later.
        self.assertLess(session.raw["unnamed"], 0.01 * walked, told)

    def test_fresh(self):
        for kind in ("gil", "ft", "gil313", "ft313"):
            with self.subTest(kind=kind):
                self.numbered(kind, "fresh", 500)

    def test_execs(self):
        for kind in ("gil", "ft"):
            with self.subTest(kind=kind):
                self.numbered(kind, "execs", 60)

    def test_names(self):
        """Names come through as they are; only what is no UTF-8 is written otherwise."""
        for kind in ("gil", "ft313"):
            with self.subTest(kind=kind):
                _, session, truth = self.watch(kind, "names", 6)
                ours = {frame.name for frame in session.frames if frame.kind == stacks.PYTHON}
                files = {frame.file for frame in session.frames}
                for name in truth["names"]:
                    # docs/record-format.md: no NUL, at most 4096 bytes
                    name = name.replace("\0", "\\x00")
                    self.assertIn(name, ours)
                for file in files:
                    self.assertLessEqual(len(file.encode()), 4096)
                long = [file for file in files if file.startswith("/d/")]
                self.assertEqual(len(long), 1, long)
                self.assertIn("...", long[0])
                self.assertTrue([file for file in files if file.startswith("/\u4e2d")])

    def test_names_in_all_formats(self):
        self.watch("gil", "names", 5, readable=True)

    def test_tables(self):
        """Line tables of garbage: a line may be wrong or missing, nothing else."""
        for kind in ("gil", "ft", "gil313", "ft313"):
            with self.subTest(kind=kind):
                _, session, truth = self.watch(kind, "tables", 5)
                told = f"{session.counters()} {truth}"
                errors, walked = session.errors()
                self.assertLess(errors, max(1, 0.001 * walked), told)
                share = (session.ns(stacks.ON_CORE, stacks.has("tabled")) /
                         session.all_ns(stacks.ON_CORE))
                self.assertGreater(share, 0.5, told)

    def test_tables_in_all_formats(self):
        self.watch("ft", "tables", 3, readable=True)

    def test_unmap(self):
        for kind in ("gil", "ft", "ft313"):
            with self.subTest(kind=kind):
                _, session, _ = self.watch(kind, "unmap", 5)
                errors, walked = session.errors()
                self.assertGreater(walked, 1000)
                self.assertLess(errors, 0.001 * walked, session.counters())

    def ends(self, what, end):
        """The target goes in the middle: a whole session all the same, with names."""
        with tempfile.TemporaryDirectory() as where:
            path = os.path.join(where, "s.ftprof")
            with ftp.start("gil", "badinput.py", what) as load:
                with ftp.Ftprof("record", "-v", "-p", load.pid, "-o", path) as run:
                    run.attached()
                    load.go()
                    status, _, err = run.wait(30)
            self.assertEqual(status, 0, err[-2000:])
            session = stacks.Session(path)
            seen = session.ns(stacks.ON_CORE, stacks.has("spin_until"))
            self.assertGreater(seen, 0.25e9, f"{session.counters()} {end}")
            self.readable(path)

    def test_exit(self):
        self.ends("leave", "exit")

    def test_exec(self):
        self.ends("replace", "exec")

    def test_frequencies(self):
        with ftp.start("gil", "single.py", 60.0) as load:
            load.go()
            for text in ("5001", "-1", "abc", "", "1e3", "99999999999999999999"):
                status, _, err = ftp.ftprof("record", "-p", load.pid, "-d", "1s", "-F", text)
                self.assertEqual(status, 2, f"-F {text}: {err}")
                self.assertIn("-F", err)
            with tempfile.TemporaryDirectory() as where:
                for hz in (0, 1, 5000):
                    path = os.path.join(where, f"{hz}.ftprof")
                    ftp.check_ftprof("record", "-p", load.pid, "-d", "2s", "-F", hz, "-o", path)
                    session = stacks.Session(path)
                    told = f"-F {hz}: {session.counters()}"
                    self.assertEqual(session.raw["stack_hz"], hz, told)
                    if not hz:
                        self.assertEqual((session.weights, session.raw["walked"]), ([], 0), told)
                        status, _, err = ftp.ftprof("report", path, "--of", "on-cpu", "-o",
                                                    os.path.join(where, "x.svg"))
                        self.assertEqual(status, 1, err)
                        self.assertIn("-F", err)
                        json.loads(ftp.check_ftprof("report", path, "--json"))
                        continue
                    rate = sum(row.cnt for row in session.weights if row.kind in stacks.ON_CORE)
                    rate /= session.state_ns(stacks.ON) / 1e9
                    self.assertGreater(rate, 0.4 * hz, told)
                    self.assertLess(rate, 2 * hz + 2, told)


if __name__ == "__main__":
    ftp.main()
