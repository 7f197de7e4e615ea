# SPDX-License-Identifier: BSD-2-Clause
"""Locks that keep a free-threaded program from scaling are named, placed and weighed rightly."""

import json
import subprocess
import unittest

import ftp
import scaling

SECONDS = 2.5
THREADS = 4
# name in the report, by what ft_shared.py shares; the object's own lock is what is fought for
NAMES = {"append": ("list",), "dict": ("dict",), "set": ("set",),
         "deque": ("collections.deque", "deque"), "write": ("Plain",),
         "lock": ("_thread.lock",), "queue": ("queue.Queue",)}


class Named(unittest.TestCase):
    """One shared object: its lock is the heaviest, with the line that uses it."""

    def setUp(self):
        ftp.need_ftprof()
        ftp.need_cores(2)

    def first_lock(self, build, kind, names, sharing="one"):
        report, truth = scaling.watch(build, "ft_shared.py", kind, SECONDS, THREADS, sharing)
        message = scaling.told(report, truth)
        self.assertTrue(report["locks"], message)
        first = max(report["locks"], key=scaling.burnt_ns)
        self.assertEqual(report["locks"][0], first, "not the heaviest first: " + message)
        self.assertIn(first["name"], names, message)
        if kind != "queue":  # its waits are inside of queue.py
            self.assertTrue(scaling.says_site(first["waiter_site"], truth), message)
        self.assertGreater(first["waits"] + first["yields"], 0, message)
        self.assertGreater(first["spin_ns"], 0.1 * report["session"]["duration_ns"], message)
        self.assertGreaterEqual(first["threads"], 2, message)
        return report, truth, first, message

    def check(self, kind):
        for build in scaling.BUILDS:
            with self.subTest(build):
                report, truth, _, message = self.first_lock(build, kind, NAMES[kind])
                # Cores that are busy at two threads' work, and get less than one done.
                self.assertLess(scaling.scales(truth) or 0, 1.5, message)
                self.assertNotIn(report["verdict"]["kind"], ("parallel", "io_bound", "idle"),
                                 message)

    def test_list(self):
        for build in scaling.BUILDS:
            with self.subTest(build):
                report, truth, _, message = self.first_lock(build, "append", NAMES["append"])
                self.assertIn(report["verdict"]["kind"], scaling.verdicts(truth, "lock_bound"),
                              message)
                row = report["scaling"][0]
                self.assertEqual(row["cause"], "lock", message)
                self.assertIn("list", row["where"], message)
                self.assertTrue(scaling.says_site(row["where"], truth), message)
                self.assertTrue(row["advice"], message)

    def test_many_threads(self):
        """Most of them wait for a core; those that have one fight for the list all the same."""
        report, truth = scaling.watch("ft", "ft_shared.py", "append", SECONDS, 16)
        message = scaling.told(report, truth)
        self.assertIn("list", report["scaling"][0]["where"], message)
        self.assertEqual(report["verdict"]["kind"], "lock_bound", message)

    def test_dict(self):
        self.check("dict")

    def test_set(self):
        self.check("set")

    def test_deque(self):
        self.check("deque")

    def test_attribute(self):
        self.check("write")

    def test_lock(self):
        self.check("lock")

    def test_queue(self):
        for build in scaling.BUILDS:
            with self.subTest(build):
                report, truth, first, message = self.first_lock(build, "queue", NAMES["queue"])
                self.assertEqual(first["kind"], "threading", message)
                where = [row["where"] for row in report["scaling"]] + [first["waiter_site"]]
                self.assertTrue(any("queue" in at for at in where), message)
                self.assertLess(scaling.scales(truth) or 0, 1.5, message)

    def test_classes(self):
        """Changing any class takes the one lock of all types, and the class's dict's own."""
        for build in scaling.BUILDS:
            with self.subTest(build):
                _, _, first, message = self.first_lock(build, "class", TypeLock(), "own")
                self.assertEqual(first["kind"], "runtime", message)

    def test_one_class(self):
        """type_setattro() takes both, the lower address first: that of the class's dict."""
        for build in scaling.BUILDS:
            with self.subTest(build):
                self.first_lock(build, "class", TypeLock("dict", "type"))


class TypeLock(tuple):
    """Names that begin with "type lock", and those given."""

    def __new__(cls, *names):
        return super().__new__(cls, names)

    def __contains__(self, name):
        return name.startswith("type lock") or super().__contains__(name)


class Private(unittest.TestCase):
    def setUp(self):
        ftp.need_ftprof()
        ftp.need_cores(2)

    def test_lists(self):
        """Four lists of four threads: no lock is worth a row."""
        for build in scaling.BUILDS:
            with self.subTest(build):
                report, truth = scaling.watch(build, "ft_shared.py", "append", SECONDS, THREADS,
                                              "own")
                message = scaling.told(report, truth)
                bound = 0.01 * scaling.budget_ns(report)
                self.assertEqual([row for row in report["locks"] if scaling.burnt_ns(row) > bound],
                                 [], message)
                self.assertEqual([row for row in report["scaling"] if row["cause"] == "lock"], [],
                                 message)
                self.assertIn(report["verdict"]["kind"], scaling.verdicts(truth, "parallel"),
                              message)


class Weighed(unittest.TestCase):
    """Two locks of different cost, against the workload's own clocks."""

    BOUND = 0.10

    def setUp(self):
        ftp.need_ftprof()
        ftp.need_cores(2)

    def compare(self, build, how):
        def measure():
            report, truth = scaling.watch(build, "ft_two_locks.py", how, 4.0)
            rows = {}
            for name in ("costly", "cheap"):
                rows[name] = [row for row in report["locks"]
                              if scaling.says_site(row["waiter_site"], truth, truth[name])]
            return report, truth, rows

        def off(result):
            _, truth, rows = result
            return [name for name in rows
                    if abs(sum(map(scaling.burnt_ns, rows[name])) / truth[name]["wait_ns"] - 1) >
                    self.BOUND]

        report, truth, rows = ftp.attempts(measure, off)
        message = scaling.told(report, truth)
        for name, found in rows.items():
            self.assertEqual(len(found), 1, f"{name}: {message}")
        self.assertEqual([rows["costly"][0], rows["cheap"][0]], report["locks"][:2], message)
        for name, found in rows.items():
            ratio = scaling.burnt_ns(found[0]) / truth[name]["wait_ns"]
            print(f"{build} {how} {name}: {scaling.burnt_ns(found[0]) / 1e9:.3f} s, true "
                  f"{truth[name]['wait_ns'] / 1e9:.3f} s ({ratio:.3f}), {found[0]['waits']} waits, "
                  f"true {truth[name]['waits']}")
            self.assertAlmostEqual(ratio, 1, delta=self.BOUND, msg=f"{name}: {message}")

    def test_asleep(self):
        """Who holds a lock sleeps, so nobody waits for a core."""
        for build in scaling.BUILDS:
            with self.subTest(build):
                self.compare(build, "sleep")

    def test_computing(self):
        """As many threads as cores."""
        for build in scaling.BUILDS:
            with self.subTest(build):
                self.compare(build, "compute")


class WithGil(unittest.TestCase):
    """A build with a GIL has none of it."""

    PROGRAMS = ("probe_stop_world", "probe_start_world", "probe_warn", "count_yield")

    def setUp(self):
        ftp.need_ftprof()

    def test_nothing_loaded(self):
        seen = []

        def look():
            done = subprocess.run([ftp.bpftool(), "-j", "prog", "list"], capture_output=True,
                                  text=True, check=True)
            names = self.names_of(run.process.pid, json.loads(done.stdout))
            seen.extend(names)

        with ftp.start("gil", "ft_shared.py", "append", 1.0, 2) as load:
            with ftp.Ftprof("-v", "-p", load.pid, "--json") as run:
                run.attached()
                load.go().result()
                look()
                run.interrupt()
                status, out, err = run.wait()
        self.assertEqual(status, 0, err)
        self.assertTrue(any(name.startswith("sched_switch") for name in seen), seen)
        # The kernel keeps 15 characters of a program's name.
        self.assertEqual([name for name in seen if any(name.startswith(program[:15])
                                                       for program in self.PROGRAMS)], [])
        report = json.loads(out)
        self.assertEqual(report["scaling"], [])
        sites = report["session"].get("sites") or []
        self.assertFalse([row for row in sites if "the_world" in row or "WarnFormat" in row], sites)

    @staticmethod
    def names_of(pid, programs):
        """Names of the programs that a process holds."""
        held = set()
        for fd in ftp.glob.glob(f"/proc/{pid}/fdinfo/*"):
            with open(fd, encoding="ascii", errors="replace") as file:
                held |= {int(line.split()[1]) for line in file if line.startswith("prog_id:")}
        return [row.get("name", "") for row in programs if row["id"] in held]

    def test_section_absent(self):
        with ftp.start("gil", "ft_shared.py", "append", 1.0, 2) as load:
            load.go()
            said = ftp.check_ftprof("-p", load.pid, "-d", "500ms")
        self.assertNotIn("keeps this from scaling", said.lower())
        self.assertNotIn("stop-the-world", said.lower())

    def test_section_there(self):
        """The same words without a GIL, so that the test above can fail."""
        with ftp.start("ft", "ft_shared.py", "append", 2.0, 4, urgent=True) as load:
            load.go()
            said = ftp.check_ftprof("-p", load.pid, "-d", "1s")
        self.assertIn("keeps this from scaling", said.lower())


if __name__ == "__main__":
    ftp.main()
