# SPDX-License-Identifier: BSD-2-Clause
"""Stacks of every form: hardly one of them is an error, and none is one that cannot be.

Two oracles: the pairs of caller and callee that sys.monitoring saw in the same program, and a
second walk, from user space, of a program that stands still.
"""

import json
import os
import tempfile
import time
import unittest

import ftp
import stacks

KINDS = ("gil", "ft", "gil313", "ft313")
ERRORS = 0.001  # of the stacks that were walked
OWN = ("begin", "end")  # of workload.py: the program's own talk with the test, before and after
STOPS = 25


def key(frame):
    return (frame.name, frame.file, frame.first)


class Zoo(unittest.TestCase):
    def setUp(self):
        ftp.need_ftprof()

    def judge(self, session, truth, told):
        errors, walked = session.errors()
        unnamed, undescribed = session.raw["unnamed"], session.raw["undescribed"]
        self.assertGreater(walked, 500, told)
        self.assertLess(errors + undescribed + unnamed, max(1, ERRORS * walked), told)
        known = {(tuple(caller), tuple(callee)) for caller, callee in truth["pairs"]}
        lines = {tuple(function): set(lines) for function, lines in truth["lines"]}
        checked, no_line, wrong = 0, 0, {}
        for row in session.weights:
            if not row.stack:
                continue
            frames = stacks.python(row.stack)
            if any(frame.name in OWN and frame.file.endswith("workload.py") for frame in frames):
                continue
            for frame in frames:
                if frame.line not in lines.get(key(frame), ()):
                    wrong.setdefault(f"{key(frame)} at {frame.line}", stacks.text(frames)[-300:])
                no_line += 0 if frame.line else row.cnt
            for caller, callee in zip(frames, frames[1:]):
                checked += row.cnt
                if (key(caller), key(callee)) not in known:
                    wrong.setdefault(f"{key(caller)} calls {key(callee)}",
                                     stacks.text(frames)[-300:])
        told += (f"\n{checked} pairs checked, {len(known)} known, {no_line} frames without a line\n"
                 + "\n".join(f"-> {what}: {stack}" for what, stack in list(wrong.items())[:12]))
        self.assertGreater(checked, 500, told)
        self.assertFalse(wrong, told)
        return told

    def compare(self, what, kind, seconds=5):
        """The pairs of the stacks are pairs that the program has."""
        with tempfile.NamedTemporaryFile(mode="r", encoding="utf-8") as file:
            with ftp.start(kind, "zoo.py", what, seconds, file.name, urgent=True) as load:
                _, session, truth = stacks.watch(load, "-F", 997)
            truth.update(json.load(file))
        told = f"{what} on {kind}: {session.counters()}, {truth['rounds']} rounds"
        told = self.judge(session, truth, told)
        print(told)
        return session, told

    def all(self, what, after=None, seconds=5):
        for kind in KINDS:
            with self.subTest(kind=kind):
                session, told = self.compare(what, kind, seconds)
                if after:
                    after(session, told)

    def test_deep(self):
        """100,000 frames: what is too deep is cut and marked, which is no error."""
        def after(session, told):
            cut = [row for row in session.weights if row.stack and row.stack[0].kind == stacks.MARK
                   and row.stack[0].name.startswith("[deeper than")]
            self.assertGreater(sum(row.cnt for row in cut), 50, told)
            for row in cut:
                self.assertEqual(len(stacks.python(row.stack)), 128, told)

        self.all("deep", after)

    def test_hundred(self):
        """100 frames are all there, each with the line of its call."""
        def after(session, told):
            whole = [stacks.python(row.stack) for row in session.weights
                     if row.stack and stacks.has("bottom")(row.stack)]
            self.assertTrue(whole, told)
            for stack in whole:
                sinks = [frame for frame in stack if frame.name == "sink"]
                self.assertEqual(len(sinks), 101, stacks.text(stack))
                self.assertEqual({frame.line - frame.first for frame in sinks[:-1]}, {2},
                                 stacks.text(stack))
                self.assertEqual(sinks[-1].line - sinks[-1].first, 3, stacks.text(stack))

        self.all("hundred", after)

    def test_generators(self):
        self.all("generators")

    def test_tasks(self):
        self.all("tasks")

    def test_pool(self):
        self.all("pool")

    def test_mixed(self):
        self.all("mixed")

    def test_classes(self):
        self.all("classes")

    def test_interpreters(self):
        self.all("interps")

    def large(self, kind):
        ftp.need(os.path.isdir(os.path.join(ftp.BUILD, "packages", "sympy")),
                 "no packages; scripts/get-packages brings them")
        session, told = self.compare("sympy", kind, 8)
        self.assertGreater(len({stack for row in session.weights if (stack := row.stack)}), 500,
                           told)

    def test_large_3_14(self):
        self.large("gil")

    def test_large_3_14t(self):
        self.large("ft")

    def test_large_3_13(self):
        self.large("gil313")

    def test_large_3_13t(self):
        self.large("ft313")


class Stopped(unittest.TestCase):
    """Stopped again and again, the program is walked a second time each time."""

    def setUp(self):
        ftp.need_ftprof()

    def compare(self, kind, what, least):
        moments = []
        with ftp.start(kind, "zoo.py", what, 8, "/dev/null", urgent=True) as load:
            def stop():
                for _ in range(STOPS):
                    time.sleep(0.11)
                    with stacks.Stopped(load.pid):
                        begin = time.monotonic_ns()
                        walked = stacks.walk(load.pid)
                        moments.append((begin, time.monotonic_ns(), walked))

            def watched():
                load.go()
                stop()
                return self

            session = self.record(load, watched)
        told, compared, missing = [str(session.counters())], 0, 0
        stopped = {}
        for event in session.events:
            if event.type == stacks.SLICE and event.state == stacks.STOPPED:
                stopped.setdefault(event.tid, []).append(event)
        for begin, end, walked in moments:
            for tid in {tid for tid, _ in walked}:
                rows = [event for event in stopped.get(tid, ())
                        if event.out_ns <= begin and end <= event.ts]
                if len(rows) != 1 or rows[0].stack is None:
                    missing += 1
                    continue
                compared += 1
                ours = self.plain(rows[0].stack)
                theirs = [self.plain(stack) for other, stack in walked if other == tid]
                if ours not in theirs:
                    told.append(f"-> {ours}\nis  {theirs}")
        told.append(f"{len(moments)} stops, {compared} stacks compared, {missing} without")
        print("\n".join(told))
        self.assertNotIn("->", "".join(told), "\n".join(told[:8]))
        self.assertGreaterEqual(compared, least, told)
        # Below the budget every switch is walked; some kernels do not report every one.
        if not session.raw["skipped"]:
            self.assertLessEqual(missing, 0.1 * (compared + missing), told)

    @staticmethod
    def plain(stack):
        """What both know: names and lines, and errors; entries from C are the walk's alone."""
        return [(frame.name, frame.file, frame.line, frame.first if frame.kind == stacks.PYTHON
                 else 0) for frame in stack if frame.kind in (stacks.PYTHON, stacks.MARK)
                and frame.name not in ("[called from C]", "[no Python frames]")]

    @staticmethod
    def record(load, run):
        """A session with events around run(); what the program says in the end is of no interest."""
        with tempfile.TemporaryDirectory() as where:
            path = os.path.join(where, "s.ftprof")
            with ftp.Ftprof("record", "-v", "-p", load.pid, "-o", path) as ours:
                ours.attached()
                run()
                ours.interrupt()
                status, _, err = ours.wait()
            if status != 0:
                raise AssertionError(f"ftprof record: status {status}: {err[-2000:]}")
            return stacks.Session(path, events=True)

    def test_hundred(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                self.compare(kind, "hundred", STOPS // 2)

    def test_deep(self):
        self.compare("gil", "deep", STOPS // 2)
        self.compare("ft", "deep", STOPS // 2)

    def test_pool(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                self.compare(kind, "pool", STOPS)

    def test_mixed(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                self.compare(kind, "mixed", STOPS // 2)

    def test_classes(self):
        self.compare("gil", "classes", STOPS // 2)
        self.compare("ft", "classes", STOPS // 2)

    def test_tasks(self):
        self.compare("gil", "tasks", STOPS // 2)
        self.compare("ft313", "tasks", STOPS // 2)

    def test_interpreters(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                self.compare(kind, "interps", STOPS)


if __name__ == "__main__":
    ftp.main()
