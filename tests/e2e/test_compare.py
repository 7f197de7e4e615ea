# SPDX-License-Identifier: BSD-2-Clause
"""ftprof compare: real runs told apart, or not, and what it says of sessions that do not match.

The truth of the speed-up is the programs' own clock; whether an interval is right is computed here,
pair by pair.
"""

import json
import math
import os
import signal
import statistics
import subprocess
import tempfile
import time
import unittest

import ftp

CRUNCH = os.path.join(ftp.WORKLOADS, "crunch.py")
N = 2_000_000  # some 0.2 s on one core
RUNS = 5
RUN_S = 300


def command(kind, n=N):
    return f"'{ftp.PYTHON[kind]}' '{CRUNCH}' {n} 4"


def left_behind(where):
    return [name for name in os.listdir(where) if name.startswith("ftprof-compare-")]


def row_of(result, name):
    rows = [row for row in result["rows"] if row["name"] == name]
    if len(rows) != 1:
        raise AssertionError(f"{len(rows)} rows {name}: {result}")
    return rows[0]


def interval(a, b):
    """The 99 % interval of the ratio of five and five: the outermost of all pairs."""
    ratios = sorted(y / x for x in a for y in b)
    return statistics.median(ratios), ratios[0], ratios[-1]


class Runs(unittest.TestCase):
    def setUp(self):
        ftp.need_ftprof()
        for kind in ("gil", "ft"):
            ftp.need(os.access(ftp.PYTHON[kind], os.X_OK), "no interpreters")
        where = tempfile.TemporaryDirectory()
        self.addCleanup(where.cleanup)
        self.where = where.name
        self.env = ftp.plain_env(TMPDIR=self.where)

    def compare(self, *args, timeout=RUN_S):
        return ftp.ftprof("compare", *args, env=self.env, timeout=timeout)

    def test_same_build(self):
        """No difference between two sets of runs of one build: in 99 of 100 comparisons."""
        said = []
        for _ in range(2):
            status, out, err = self.compare("--run", command("gil"), "--run", command("gil"),
                                            "--json")
            self.assertEqual(status, 0, err)
            result = json.loads(out)
            said.append(result["summary"])
            if result["summary"].startswith("No difference"):
                break
        self.assertTrue(said[-1].startswith("No difference"), said)
        self.assertEqual({row_of(result, name)["verdict"] for name in ("wall_ns", "cpu_ns")},
                         {"same"})
        self.assertEqual(err.count("run "), 2 * RUNS)
        self.assertEqual(err.count("warm-up"), 2)
        self.assertEqual(left_behind(self.where), [])

    def test_speed_up(self):
        """The example on both builds: the speed-up with its interval, in JSON and in words."""
        ftp.need_cores(2)
        kept = os.path.join(self.where, "kept")
        begin, busy = time.monotonic_ns(), ftp.busy_ns()
        status, out, err = self.compare("--run", command("gil", 4 * N), "--run",
                                        command("ft", 4 * N), "-n", RUNS, "--keep", kept,
                                        "--json")
        took, busy = time.monotonic_ns() - begin, ftp.busy_ns() - busy
        self.assertEqual(status, 0, err)
        result = json.loads(out)
        self.assertEqual(result["schema"], "ftprof-compare/1")
        wall = row_of(result, "wall_ns")
        self.assertAlmostEqual(wall["coverage"], 1 - 2 / 252)
        for side in "ab":
            self.assertEqual(len(wall[side]["values"]), RUNS)
            self.assertEqual(wall[side]["median"], statistics.median(wall[side]["values"]))
        mid, low, high = interval(wall["a"]["values"], wall["b"]["values"])
        self.assertTrue(math.isclose(wall["ratio"], mid, rel_tol=1e-9), wall)
        self.assertTrue(math.isclose(wall["ratio_lo"], low, rel_tol=1e-9), wall)
        self.assertTrue(math.isclose(wall["ratio_hi"], high, rel_tol=1e-9), wall)
        verdict = "less" if high < 1 else "more" if low > 1 else "same"
        self.assertEqual(wall["verdict"], verdict)
        self.assertEqual(row_of(result, "gil_wait_ns")["verdict"], "less", result["summary"])
        self.assertEqual([s["free_threaded"] for s in result["b"]["sessions"]], [True] * RUNS)
        # The sessions that were kept say the same, also without root and in words.
        files = [sorted(os.path.join(kept, name) for name in os.listdir(kept) if name[0] == side)
                 for side in "ab"]
        self.assertEqual([len(each) for each in files], [RUNS, RUNS])
        self.check_kept(files, result, wall)
        if verdict != "less":
            # A speed-up needs the second core; with the warm-up it had 6 runs for every 5.
            own = sum(sum(row_of(result, "cpu_ns")[side]["values"]) for side in "ab") * 6 / 5
            others = (busy - own) / (took * ftp.CORES)
            ftp.need(others < 0.3, f"others had {others:.0%} of the cores: {result['summary']}")
        self.assertEqual(verdict, "less", result["summary"])

    def check_kept(self, files, result, wall):
        again = json.loads(ftp.check_ftprof("compare", "--a", *files[0], "--b", *files[1],
                                            "--json"))
        self.assertEqual(again["rows"], result["rows"])
        durations = []
        for path in files[0]:
            report = json.loads(ftp.check_ftprof("report", path, "--json"))
            durations.append(report["session"]["duration_ns"])
        self.assertEqual(sorted(durations), sorted(wall["a"]["values"]))
        text = ftp.check_ftprof("compare", "--a", *files[0], "--b", *files[1])
        flat = " ".join(text.split())
        self.assertIn(result["summary"], flat)
        self.assertIn("(99.2 % interval)", flat)
        self.assertIn("A python3 GIL on", flat)
        self.assertIn("B python3 GIL off", flat)
        if wall["verdict"] == "less":
            self.assertIn(f"B is {1 / wall['ratio']:.2f} times as fast as A (", flat)
        swapped = json.loads(ftp.check_ftprof("compare", "--a", *files[1], "--b", *files[0],
                                              "--json"))
        self.assertAlmostEqual(row_of(swapped, "wall_ns")["ratio"] * wall["ratio"], 1)
        # Three of each are too few to tell.
        few = json.loads(ftp.check_ftprof("compare", "--a", *files[0][:3], "--b", *files[1][:3],
                                          "--json"))
        self.assertEqual({row["verdict"] for row in few["rows"]}, {"unknown"})
        self.assertIn("Too few runs to tell a difference from noise: 4 a side at least",
                      few["summary"])

    def test_sees_a_difference(self):
        """Four times the work is found, without events and stacks too."""
        status, out, err = self.compare("--run", command("gil"), "--run", command("gil", 4 * N),
                                        "--json", "-F", 0, "--no-timeline", "--warm-up", 0)
        self.assertEqual(status, 0, err)
        result = json.loads(out)
        cpu = row_of(result, "cpu_ns")
        self.assertEqual(cpu["verdict"], "more", result["summary"])
        self.assertLess(cpu["ratio_lo"], 4)  # its start does not grow
        self.assertGreater(cpu["ratio_hi"], 2)
        self.assertIn("times as long as A", result["summary"])
        self.assertNotIn("warm-up", err)

    def test_own_output_stays_clean(self):
        """What the commands print is not in the report, and they get no input."""
        noisy = (f"'{ftp.GIL}' -c 'import sys; print(\"from\", \"the\", \"program\"); "
                 "print(repr(sys.stdin.read()), file=sys.stderr)'")
        status, out, err = self.compare("--run", noisy, "--run", noisy, "-n", 1, "--warm-up", 0,
                                        "--json")
        self.assertEqual(status, 0, err)
        self.assertFalse("from the program" in out + err)
        self.assertEqual(err.count("''"), 2)
        self.assertEqual(json.loads(out)["a"]["sessions"][0]["command"], noisy)

    def test_order(self):
        """A B B A: each command writes down its turn."""
        log = os.path.join(self.where, "turns")
        turn = "'{}' -c 'import time; open(\"{}\", \"a\").write(\"{}\"); time.sleep(.1)'"
        status, _, err = self.compare("--run", turn.format(ftp.GIL, log, "A"), "--run",
                                      turn.format(ftp.GIL, log, "B"), "-n", 3, "--no-drawing")
        self.assertEqual(status, 0, err)
        with open(log, encoding="ascii") as file:
            self.assertEqual(file.read(), "ABBAABBA")

    def test_failures(self):
        """A command that fails, or cannot start, ends it with one clear line."""
        fails = f"'{ftp.GIL}' -c 'import sys, time; time.sleep(.2); sys.exit(3)'"
        for bad, line in ((fails, "failed with exit status 3"),
                          (os.path.join(self.where, "nothing"), "cannot run"),
                          ("true", "never ran a Python interpreter")):
            status, out, err = self.compare("--run", bad, "--run", command("gil", 1000), "-n", 2)
            said = [each for each in err.splitlines() if "warm-up: " not in each]
            self.assertEqual(status, 1, err)
            self.assertEqual(out, "")
            self.assertEqual(len(said), 1, err)
            self.assertIn(line, said[0])
            self.assertEqual(left_behind(self.where), [])

    def test_fails_later(self):
        """Its fifth run fails, which counts: nothing is left of it, and what is kept is whole."""
        log, kept = os.path.join(self.where, "runs"), os.path.join(self.where, "kept")
        program = (f"'{ftp.GIL}' -c 'import sys, time; open(\"{log}\", \"a\").write(\"x\"); "
                   f"time.sleep(.1); sys.exit(len(open(\"{log}\").read()) % 5 == 0)'")
        for args in ((), ("--keep", kept)):
            status, out, err = self.compare("--run", program, "--run", program, *args)
            self.assertEqual((status, out), (1, ""), err)
            self.assertIn("failed with exit status 1", err)
            self.assertEqual(left_behind(self.where), [])
        self.assertEqual(sorted(os.listdir(kept)), ["a1.ftprof", "b1.ftprof"])

    def interrupt(self, how):
        pid_file = os.path.join(self.where, f"pid-{how}")
        program = (f"'{ftp.GIL}' -c 'import os, time; "
                   f"open(\"{pid_file}\", \"w\").write(str(os.getpid())); time.sleep(60)'")
        with ftp.Ftprof("compare", "--run", program, "--run", program, env=self.env) as run:
            deadline = time.monotonic() + ftp.ATTACHED_S
            while not (os.path.exists(pid_file) and os.path.getsize(pid_file)):
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)
            time.sleep(0.5)
            how(run.process.pid)
            status, out, err = run.wait(30)
        self.assertEqual(status, 1, err)
        self.assertEqual(out, "")
        self.assertIn("interrupted", err)
        self.assertEqual(left_behind(self.where), [])
        with open(pid_file, encoding="ascii") as file:
            self.assertFalse(os.path.exists(f"/proc/{file.read()}"), "the command still runs")

    def test_ctrl_c(self):
        """As a terminal does it: to the whole group."""
        self.interrupt(lambda pid: os.killpg(pid, signal.SIGINT))

    def test_terminated(self):
        """ftprof alone is told to end: its command goes with it."""
        self.interrupt(lambda pid: os.kill(pid, signal.SIGTERM))

    def test_user_behind_sudo(self):
        """The commands run as who called sudo, and what is kept is theirs."""
        python = "/usr/bin/python3"  # one that everybody may read
        ftp.need(os.path.exists(python), f"there is no {python}")
        os.chmod(self.where, 0o777)
        env = ftp.plain_env(TMPDIR=self.where, SUDO_UID="65534", SUDO_GID="65534",
                            SUDO_USER="nobody")
        log, kept = os.path.join(self.where, "who"), os.path.join(self.where, "kept")
        program = f"{python} -c 'import os; open(\"{log}\", \"a\").write(f\"{{os.getuid()}} \")'"
        status, out, err = ftp.ftprof("compare", "--run", program, "--run", program, "-n", 1,
                                      "--keep", kept, "--json", env=env, cwd="/")
        if status and "passive engine" in err:
            self.skipTest(err)  # it is an old Python
        self.assertEqual(status, 0, err)
        with open(log, encoding="ascii") as file:
            self.assertEqual(file.read().split(), ["65534"] * 4)
        self.assertEqual(sorted(os.listdir(kept)), ["a1.ftprof", "b1.ftprof"])
        for path in (kept, *(os.path.join(kept, name) for name in os.listdir(kept))):
            self.assertEqual(os.stat(path).st_uid, 65534, path)
        self.assertEqual(left_behind(self.where), [])
        paths = [json.loads(out)[side]["sessions"][0]["path"] for side in "ab"]
        self.assertEqual(paths, [os.path.join(kept, name) for name in ("a1.ftprof", "b1.ftprof")])
        # They are not replaced unasked.
        status, _, err = ftp.ftprof("compare", "--run", program, "--run", program, "-n", 1,
                                    "--keep", kept, env=env, cwd="/")
        self.assertEqual(status, 1)
        self.assertIn("a1.ftprof exists: choose another directory or add --force", err)
        self.assertNotIn("warm-up", err)
        status, _, err = ftp.ftprof("compare", "--run", program, "--run", program, "-n", 1,
                                    "--keep", kept, "--force", env=env, cwd="/")
        self.assertEqual(status, 0, err)

    def test_launcher(self):
        """A launcher that stays: its end is waited for, and its status counts."""
        program = (f"sh -c '\"{ftp.GIL}\" -c \"import time; time.sleep(.3)\"; sleep .2; "
                   "exit 4'")
        status, _, err = self.compare("--run", program, "--run", program, "-n", 1)
        self.assertEqual(status, 1, err)
        self.assertIn("exit status 4", err)


class Files(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        ftp.need_ftprof()
        cls.place = tempfile.TemporaryDirectory()
        cls.file = {}
        short = [ftp.GIL, CRUNCH, "200000", "2"]
        for name, options, argv in (
                ("one", (), short), ("two", (), short), ("bare", ("--no-timeline",), short),
                ("ticks", ("--ticks", "997"), short),
                ("cut", ("-d", "300ms"), [ftp.GIL, "-c", "while True: pass"])):
            cls.file[name] = os.path.join(cls.place.name, name + ".ftprof")
            # timeout: the endless one is not ended by ftprof
            status, _, err = ftp.ftprof("record", "-o", cls.file[name], *options, "--",
                                        "timeout", "3", *argv)
            if status != 0:
                raise AssertionError(err)

    @classmethod
    def tearDownClass(cls):
        cls.place.cleanup()

    def compare(self, a, b, *args):
        return json.loads(ftp.check_ftprof("compare", "--json", *args, self.file[a],
                                           self.file[b]))

    def names(self, result):
        return {row["name"] for row in result["rows"]}

    def test_one_of_each(self):
        result = self.compare("one", "two")
        self.assertEqual(result["per_second"], False)
        self.assertIn("One run of each is too few", result["summary"])
        wall = row_of(result, "wall_ns")
        self.assertEqual((wall["verdict"], wall["coverage"]), ("unknown", 0))
        self.assertTrue(math.isclose(wall["ratio"],
                                     wall["b"]["values"][0] / wall["a"]["values"][0]))

    def test_settings_differ(self):
        result = self.compare("one", "ticks")
        self.assertNotIn("gil_held_ns", self.names(result))
        self.assertIn("wall_ns", self.names(result))
        self.assertIn("tick rates (499 a second and 997 a second)",
                      " ".join(result["not_compared"]))
        result = self.compare("one", "bare")
        self.assertIn("With and without events", " ".join(result["not_compared"]))
        status, out, err = ftp.ftprof("compare", self.file["one"], self.file["bare"])
        self.assertEqual(status, 0)
        self.assertIn("no timelines are drawn", err)
        self.assertIn("CPU time", out)

    def test_cut_short(self):
        """-d ended one of them: wall time says nothing, the rest is per second."""
        result = self.compare("one", "cut")
        self.assertEqual(result["per_second"], True)
        self.assertNotIn("wall_ns", self.names(result))
        cpu = row_of(result, "cpu_ns")
        self.assertEqual(cpu["unit"], "ns/s")
        session = result["b"]["sessions"][0]
        report = json.loads(ftp.check_ftprof("report", self.file["cut"], "--json"))
        on_core = sum(ftp.on_core_ns(row) for row in report["threads"])
        self.assertTrue(math.isclose(cpu["b"]["values"][0],
                                     on_core * 1e9 / session["duration_ns"], rel_tol=1e-9))
        self.assertIn("wall time says nothing", " ".join(result["not_compared"]))

    def test_output(self):
        where = self.place.name
        for name in ("x.json", "x.txt"):
            ftp.check_ftprof("compare", self.file["one"], self.file["two"], "-o",
                             os.path.join(where, name))
        with open(os.path.join(where, "x.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file)["schema"], "ftprof-compare/1")
        with open(os.path.join(where, "x.txt"), encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(text, ftp.check_ftprof("compare", self.file["one"], self.file["two"]))
        for width in (40, 60, 76, 80, 130):
            out = ftp.check_ftprof("compare", "--no-drawing", "--ascii", "--width", width,
                                   self.file["one"], self.file["two"])
            self.assertTrue(out.isascii())
            self.assertLessEqual(max(map(len, out.splitlines())), width, out)
        status, _, err = ftp.ftprof("compare", self.file["one"], self.file["two"], "-o",
                                    os.path.join(where, "x.txt"))
        self.assertEqual(status, 1)
        self.assertIn("exists", err)

    def test_usage(self):
        one, two = self.file["one"], self.file["two"]
        for args in ((one,), (one, two, one), ("--a", one), ("--b", one), (one, "--a", two),
                     ("--run", "a"), ("--run", "a", "--run", "b", one), ("-n", "3", one, two),
                     ("-F", "9", one, two), ("--keep", "d", one, two),
                     ("--run", "a | b", "--run", "c"), ("--run", "'a", "--run", "c"),
                     ("--run", "", "--run", "c"), ("--run", "a", "--run", "b", "--run", "c"),
                     ("-n", "0", "--run", "a", "--run", "b"), ("-d", "1s", "--run", "a"),
                     ("-o", "x.svg", "--json", one, two), ("-o", "x.folded", one, two),
                     ["--a"] + [one] * 65 + ["--b", two]):
            status, out, err = ftp.ftprof("compare", *args)
            self.assertEqual((status, out), (2, ""), args)
            self.assertTrue(err.startswith("ftprof"), err)

    def test_bad_file(self):
        junk = os.path.join(self.place.name, "junk.ftprof")
        with open(junk, "wb") as file:
            file.write(os.urandom(5000))
        for args in ((junk, self.file["one"]), ("--a", self.file["one"], junk, "--b",
                                                self.file["two"])):
            status, out, err = ftp.ftprof("compare", *args)
            self.assertEqual((status, out), (1, ""))
            self.assertIn("junk.ftprof", err)

    def test_truncated(self):
        """What is left of a file is in no figure, and that is said."""
        cut = os.path.join(self.place.name, "half.ftprof")
        with open(self.file["one"], "rb") as file:
            whole = file.read()
        with open(cut, "wb") as file:
            file.write(whole[:-40])
        done = subprocess.run([ftp.FTPROF, "compare", "--json", "--a", self.file["one"], cut,
                               "--b", self.file["two"]], capture_output=True, check=True,
                              text=True)
        result = json.loads(done.stdout)
        self.assertEqual([each["used"] for each in result["a"]["sessions"]], [True, False])
        self.assertEqual(len(row_of(result, "cpu_ns")["a"]["values"]), 1)
        self.assertIn("half.ftprof: damaged", " ".join(result["not_compared"]))


if __name__ == "__main__":
    ftp.main()
