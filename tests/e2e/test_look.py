# SPDX-License-Identifier: BSD-2-Clause
"""One look (-d 0) at a program whose threads are each in a known place."""

import json
import os
import re
import signal
import subprocess
import tempfile
import time
import unittest

import ftp

SOURCE = os.path.join(ftp.WORKLOADS, "places.py")
SETTLED_S = 30
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


def line_of(place):
    """The line of the source that ends with the name of the place."""
    with open(SOURCE, encoding="utf-8") as file:
        return {n for n, line in enumerate(file, 1) if line.endswith(f"# {place}\n")}


class Look(unittest.TestCase):
    def setUp(self):
        ftp.need_ftprof()

    def places(self, python):
        """The workload with all its threads in their places, and their ids."""
        where = tempfile.TemporaryDirectory()
        self.addCleanup(where.cleanup)
        held = os.path.join(where.name, "held")
        load = ftp.start(python, "places.py", held)
        self.addCleanup(load.close)
        tids = load.go().result()["tids"]
        deadline = time.monotonic() + SETTLED_S
        while not os.path.exists(held):
            self.assertLess(time.monotonic(), deadline, "the holder does not hold")
            time.sleep(0.05)
        time.sleep(0.3)
        return load, tids

    def row(self, report, tid):
        rows = [row for row in report["threads"] if row["tid"] == tid]
        self.assertEqual(len(rows), 1, f"{tid} in {json.dumps(report, indent=1)}")
        return rows[0]

    def check_places(self, report, tids, gil):
        blocked = {"sleep": "clock_nanosleep", "receive": "recvfrom", "choose": "pselect6",
                   "nap": "clock_nanosleep", "holder": "clock_nanosleep"}
        for place, ids in tids.items():
            if place == "native":
                continue
            for tid in ids:
                row = self.row(report, tid)
                told = f"{place}: {json.dumps(row, indent=1)}"
                state = "sync_wait"
                if place == "spin":
                    state = "gil_wait" if gil else "on"
                elif place in blocked:
                    state = "blocked"
                self.assertEqual((row["state"], row["syscall"]),
                                 (state, blocked.get(place, "")), told)
                self.assertTrue(row["python"], told)
                self.assertEqual(row["holds_gil"], gil and place == "holder", told)
                # what runs goes on, as does what asks for the GIL again and again
                if place != "spin":
                    self.assertFalse(row["changed"], told)
                self.check_stack(row, "take" if place == "take_too" else place, told)
                if place == "take_too":
                    names = [frame["name"] for frame in row["frames"]]
                    self.assertEqual(names[names.index("take") + 1], place, told)

    def check_stack(self, row, place, told):
        frames = row["frames"]
        if place == "nap":  # the sub-interpreter's own module
            self.assertEqual([(frame["name"], frame["line"]) for frame in frames],
                             [("<module>", 3)], told)
            return
        own = [frame for frame in frames if frame["file"] == SOURCE]
        self.assertEqual(own[0]["name"], place, told)
        self.assertIn(own[0]["line"], line_of(place), told)
        self.assertEqual(frames[-1]["name"], "Thread._bootstrap", told)
        self.assertFalse([frame for frame in frames if frame["mark"]], told)

    def check(self, python, gil):
        load, tids = self.places(python)
        for _ in range(10):
            report = ftp.ftprof_json(load.pid, "-d", "0")
            # who waits for the GIL asks again every few milliseconds, and is awake for a moment
            if self.row(report, tids["spin"][0])["state"] != "on" or not gil:
                break
        self.assertEqual(report["schema"], "ftprof-look/1")
        self.assertEqual((report["pid"], report["gil"]), (load.pid, "on" if gil else "off"))
        self.assertEqual(report["free_threaded"], not gil)
        self.assertEqual({row["tid"] for row in report["threads"]},
                         set(map(int, os.listdir(f"/proc/{load.pid}/task"))))
        self.check_places(report, tids, gil)
        native = self.row(report, tids["native"])
        self.assertEqual((native["python"], native["state"], native["syscall"], native["frames"]),
                         (False, "blocked", "pause", []))
        main = self.row(report, load.pid)
        self.assertEqual((main["state"], main["syscall"]), ("blocked", "read"))
        self.assertEqual([frame["name"] for frame in main["frames"]], ["end", "main", "<module>"])
        self.assertIn(main["frames"][1]["line"], line_of("main"))
        self.check_text(ftp.check_ftprof("-p", load.pid, "-d", "0"), load, tids, gil)
        self.check_stopped(load)

    def check_text(self, text, load, tids, gil):
        head, *blocks = text.split("\n\n")
        self.assertIn(f"pid {load.pid} ", head)
        if gil:
            self.assertIn(f"held by thread {tids['holder'][0]} ", head)
        self.assertIn(f"{len(os.listdir(f'/proc/{load.pid}/task'))} threads", head)
        told = {}
        for block in blocks:
            match = re.match(r"(\d+) .*?(?: and (\d+) more)?: (.*)\n", block)
            if match:
                told[int(match[1])] = match[3], int(match[2] or 0), block
        self.assertEqual(told[tids["sleep"][0]][:2], ("asleep in clock_nanosleep", 0))
        words, more, block = told[min(tids["take_too"])]
        self.assertEqual((words, more), ("waits in a lock or queue of the program", 1))
        self.assertRegex(block, rf" take \(.*places\.py:{line_of('take').pop()}\)\n")
        self.assertIn("[native thread]", told[tids["native"]][2])
        if gil:
            self.assertEqual(told[tids["holder"][0]][0],
                             "holds the GIL; asleep in clock_nanosleep")
            self.assertRegex(told[tids["spin"][0]][0], "^(waits for the GIL|runs, or is ready)")
        else:
            self.assertIn("runs, or is ready to", told[tids["spin"][0]][0])
        if not gil:
            self.assertIn("two moments", blocks[-1])

    def check_stopped(self, load):
        os.kill(load.pid, signal.SIGSTOP)
        try:
            time.sleep(0.3)
            report = ftp.ftprof_json(load.pid, "-d", "0")
        finally:
            os.kill(load.pid, signal.SIGCONT)
        self.assertEqual({row["state"] for row in report["threads"]}, {"stopped"})
        self.assertFalse(any(row["changed"] for row in report["threads"]))

    def test_gil(self):
        self.check("gil", True)

    def test_free_threaded(self):
        self.check("ft", False)

    def test_gil_3_13(self):
        self.check("gil313", True)

    def test_free_threaded_3_13(self):
        self.check("ft313", False)


class Refused(unittest.TestCase):
    def setUp(self):
        ftp.need_ftprof()

    def refused(self, status, words, *args, **more):
        code, out, err = ftp.ftprof(*args, **more)
        told = f"{args}: status {code}\n{out}{err}"
        self.assertEqual((code, out), (status, ""), told)
        self.assertEqual(len(err.strip().splitlines()), 1, told)
        self.assertIn(words, err, told)

    def test_usage(self):
        self.refused(2, "-d 0", "record", "-p", os.getpid(), "-d", "0")
        self.refused(2, "-d 0", "-d", "0", "--", "true")
        with tempfile.TemporaryDirectory() as where:
            for ending in ("svg", "html", "pb.gz"):
                self.refused(2, "-d 0", "-p", os.getpid(), "-d", "0", "-o", f"{where}/x.{ending}")
            self.assertEqual(os.listdir(where), [])
        for option in ("--native", "--kernel"):
            self.refused(2, option, "-p", os.getpid(), "-d", "0", option)

    def test_targets(self):
        with open("/proc/sys/kernel/pid_max", encoding="ascii") as file:
            self.refused(1, "no process", "-p", int(file.read()) - 1, "-d", "0")
        self.refused(1, "2", "-p", 2, "-d", "0")
        with subprocess.Popen(["sleep", "30"]) as other:
            self.refused(1, "Python", "-p", other.pid, "-d", "0")
            other.kill()

    def test_not_ours(self):
        with ftp.start("gil", "single.py", 30) as load:
            self.refused(1, str(load.pid), "-p", load.pid, "-d", "0", prefix=NOBODY)


if __name__ == "__main__":
    ftp.main()
