# SPDX-License-Identifier: BSD-2-Clause
"""How sessions begin and end: attach, launch, exit, crash, exec, signals; and what they leave."""

import json
import os
import signal
import stat
import struct
import subprocess
import tempfile
import time
import unittest

import ftp

CRUNCH = os.path.join(ftp.WORKLOADS, "crunch.py")
SINGLE = os.path.join(ftp.WORKLOADS, "single.py")


def script(where, name, text):
    path = os.path.join(where, name)
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    os.chmod(path, 0o755)
    return path


class Base(unittest.TestCase):
    def setUp(self):
        ftp.need_ftprof()

    def tearDown(self):
        self.assertEqual(ftp.orphans(), [], "BPF programs were left behind")


class Launch(Base):
    """ftprof -- COMMAND, from the first instruction, whatever stands before the interpreter."""

    def check(self, report, kind="gil"):
        told = ftp.figures(report)
        self.assertTrue(report["target"]["python"]["version"].startswith("3.14"), told)
        self.assertEqual(report["session"]["end"], "exit", told)
        names = [row["name"] for row in report["threads"] if row["name"].startswith("Thread-")]
        self.assertEqual(len(names), 4, told)
        on = sum(ftp.on_core_ns(row) for row in report["threads"])
        self.assertGreater(on, 50e6, told)
        if kind == "gil":
            self.assertGreater(report["gil"]["wait_ns"], report["session"]["duration_ns"] / 2, told)
        else:
            self.assertEqual(report["gil"]["wait_ns"], 0, told)

    def test_direct(self):
        for kind in ("gil", "ft"):
            report, said = ftp.launch(ftp.PYTHON[kind], CRUNCH, "3000000", "4")
            self.assertRegex(said, r"\d\.\d\d s")
            self.check(report, kind)
            self.assertEqual(report["session"]["end_status"], 0)
            # it has exited when the session ends: its command is still known
            self.assertEqual(report["target"]["cmdline"],
                             f"{ftp.PYTHON[kind]} {CRUNCH} 3000000 4")
            self.assertEqual(report["target"]["exe"], os.path.realpath(ftp.PYTHON[kind]))

    def test_first_instruction(self):
        """The session has the start of the interpreter: its CPU time is the process's own."""
        code = "import os; t = os.times(); print('cpu', t.user + t.system)"
        report, said = ftp.launch(ftp.GIL, "-c", "sum(range(20_000_000));" + code)
        cpu = float(said.split("cpu", 1)[1].split()[0])
        on = sum(ftp.on_core_ns(row) for row in report["threads"]) / 1e9
        self.assertGreaterEqual(on, cpu - 0.015, ftp.figures(report))
        self.assertLessEqual(on, cpu + 0.05, ftp.figures(report))

    def test_env(self):
        self.check(ftp.launch("env", "A=1", ftp.GIL, CRUNCH, "3000000", "4")[0])

    def test_shell_exec(self):
        self.check(ftp.launch("sh", "-c", f"exec {ftp.GIL} {CRUNCH} 3000000 4")[0])

    def test_shim(self):
        """As pyenv's: a shell script that looks for the interpreter and execs it."""
        with tempfile.TemporaryDirectory() as where:
            shim = script(where, "python3", '#!/bin/sh\nset -e\nfound=$(ls -d "$REAL")\n'
                          'exec /usr/bin/env "$found" "$@"\n')
            env = ftp.plain_env(REAL=ftp.GIL, PATH=f"{where}:{os.environ['PATH']}")
            self.check(ftp.launch("python3", CRUNCH, "3000000", "4", env=env)[0])

    def test_launcher_that_stays(self):
        """As `uv run`: the interpreter is a child of what was started."""
        with tempfile.TemporaryDirectory() as where:
            run = script(where, "run", '#!/bin/sh\n"$@" &\nwait $!\nexit $?\n')
            self.check(ftp.launch(run, ftp.GIL, CRUNCH, "5000000", "4")[0])

    def test_exit_status_and_output_pass_through(self):
        report, said = ftp.launch(ftp.GIL, "-c", "print('hello'); raise SystemExit(7)")
        self.assertIn("hello", said)
        self.assertEqual(os.waitstatus_to_exitcode(report["session"]["end_status"]), 7)

    def test_runs_as_the_user_who_called_sudo(self):
        code = ("import os, time; print('ids', os.getuid(), os.getgid(), os.getgroups());"
                "time.sleep(.2)")
        # nobody must be able to run it, so the interpreter of the system
        python = "/usr/bin/python3"
        ftp.need(os.path.exists(python), "there is no /usr/bin/python3")
        with tempfile.TemporaryDirectory() as where:
            path = os.path.join(where, "s.ftprof")
            env = ftp.plain_env(SUDO_UID="65534", SUDO_GID="65534", SUDO_USER="nobody")
            _, out, err = ftp.ftprof("record", "-o", path, "--", python, "-c", code, env=env,
                                     cwd="/")
        self.assertIn("ids 65534 65534", out, err)
        self.assertNotIn("[0", out, err)

    def test_no_such_command(self):
        status, out, err = ftp.ftprof("--", "/no/such/program")
        self.assertEqual((status, out), (1, ""))
        self.assertIn("/no/such/program", err)
        self.assertEqual(len(err.strip().splitlines()), 1, err)

    def test_no_python(self):
        status, out, err = ftp.ftprof("--", "sleep", "0.2")
        self.assertEqual((status, out), (1, ""))
        self.assertIn("Python", err)


class Ends(Base):
    def attach(self, load, *args):
        """Starts a session in a file of its own and returns it, running."""
        self.where = tempfile.TemporaryDirectory()
        self.addCleanup(self.where.cleanup)
        self.path = os.path.join(self.where.name, "s.ftprof")
        run = ftp.Ftprof("record", "-v", "-p", load.pid, "-o", self.path, *args)
        self.addCleanup(run.__exit__)
        return run.attached()

    def report(self, run, end):
        status, _, err = run.wait(30)
        self.assertEqual(status, 0, err)
        report = json.loads(ftp.check_ftprof("report", self.path, "--json"))
        self.assertEqual(report["session"]["end"], end, ftp.figures(report))
        self.assertIsNone(report["session"]["damage"])
        self.assertEqual(os.listdir(self.where.name), ["s.ftprof"], "something is half-written")
        for row in report["threads"]:
            if row["lifetime_ns"] > 10e6:
                self.assertLess(abs(row["residual_ns"]), 0.005 * row["lifetime_ns"])
        return report

    def busy(self, kind="gil"):
        load = ftp.start(kind, "crunch.py", 10**10, 4, "--wait")
        self.addCleanup(load.close)
        return load

    def full(self, report):
        self.assertEqual(len(report["threads"]), 5, ftp.figures(report))
        self.assertGreater(sum(map(ftp.on_core_ns, report["threads"])), 0.2e9)
        self.assertEqual(report["target"]["python"]["version"], "3.14.6")

    def test_killed(self):
        """A target that is killed in the middle still gives its full report."""
        for number in (signal.SIGKILL, signal.SIGSEGV):
            with self.subTest(number):
                load = self.busy()
                run = self.attach(load)
                load.go()
                time.sleep(1)
                os.kill(load.pid, number)
                self.full(self.report(run, "exit"))

    def test_exit(self):
        load = ftp.start("gil", "crunch.py", 3_000_000, 4, "--wait")
        self.addCleanup(load.close)
        run = self.attach(load)
        load.go().result()
        load.process.stdin.close()
        load.process.wait()
        self.full(self.report(run, "exit"))

    def test_duration(self):
        load = self.busy()
        begin = time.monotonic()
        report = ftp.ftprof_json(load.go().pid, "-d", "1500ms")
        self.assertLess(time.monotonic() - begin, 6)
        self.assertAlmostEqual(report["session"]["duration_ns"], 1.5e9, delta=0.05e9)
        self.assertEqual(report["session"]["end"], "duration")
        self.full(report)
        self.assertTrue(load.running())

    def test_interrupt(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                load = self.busy()
                run = self.attach(load)
                load.go()
                time.sleep(1)
                run.signal(number)
                self.full(self.report(run, "interrupt"))
                self.assertTrue(load.running(), "the target did not survive")

    def test_interrupt_twice(self):
        """The second Ctrl-C ends at once, also when the first is not answered."""
        load = self.busy()
        run = self.attach(load)
        load.go()
        time.sleep(0.5)
        begin = time.monotonic()
        run.interrupt()
        run.interrupt()
        status, _, _ = run.wait(10)
        self.assertLess(time.monotonic() - begin, 2)
        self.assertIn(status, (0, 1, -signal.SIGINT, 128 + signal.SIGINT))
        self.assertTrue(load.running())

    def test_interrupt_of_a_launch(self):
        """Ctrl-C goes to the command; if it does not end by it, the second ends the session."""
        code = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(60)"
        with ftp.Ftprof("-v", "--", ftp.GIL, "-c", code) as run:
            run.attached()
            time.sleep(0.5)
            run.interrupt()
            time.sleep(0.5)
            self.assertIsNone(run.process.poll(), "the first one ended it")
            begin = time.monotonic()
            run.interrupt()
            status, out, err = run.wait(10)
            self.assertLess(time.monotonic() - begin, 3)
            self.assertEqual(status, 0, err)
            self.assertIn("pid", out)
            os.killpg(run.process.pid, signal.SIGKILL)

    def test_exec_ends_it(self):
        load = ftp.start("gil", "execs.py", 0.7)
        self.addCleanup(load.close)
        run = self.attach(load)
        load.go()
        report = self.report(run, "exec")
        self.assertAlmostEqual(report["session"]["duration_ns"], 0.7e9, delta=0.5e9)
        self.assertTrue(load.running())

    def test_exec_is_followed_in_a_launch(self):
        """The second program is seen too: it has the threads."""
        load = os.path.join(ftp.WORKLOADS, "execs.py")
        with tempfile.TemporaryDirectory() as where:
            path = os.path.join(where, "s.ftprof")
            # execs.py waits for its start: nothing comes from /dev/null but the end
            ftp.check_ftprof("record", "-o", path, "--", ftp.GIL, load, "0.3", CRUNCH, "3000000",
                             "4")
            report = json.loads(ftp.check_ftprof("report", path, "--json"))
        told = ftp.figures(report)
        self.assertEqual(report["session"]["end"], "exit", told)
        self.assertEqual(sum(row["name"].startswith("Thread-") for row in report["threads"]), 5,
                         told)
        self.assertGreater(report["gil"]["wait_ns"], 100e6, told)


class Leaves(Base):
    """What a session leaves behind: nothing in the target, one private file."""

    def test_no_probe_stays(self):
        endings = {"duration": ("-d", "1s"), "interrupt": (), "kill": ()}
        for ending, options in endings.items():
            with self.subTest(ending), ftp.start("gil", "crunch.py", 10**10, 4, "--wait") as load:
                load.go()
                with tempfile.TemporaryDirectory() as where:
                    path = os.path.join(where, "s.ftprof")
                    with ftp.Ftprof("record", "-v", "--exact=full", "-p", load.pid, "-o", path,
                                    *options) as run:
                        run.attached()
                        time.sleep(0.5)
                        if ending == "interrupt":
                            run.interrupt()
                        elif ending == "kill":
                            run.signal(signal.SIGKILL)
                        status, _, err = run.wait(30)
                        self.assertEqual(status, -9 if ending == "kill" else 0, err)
                time.sleep(0.3)
                self.assertFalse(self.patched(load.pid), "a breakpoint is left in take_gil")
                self.assertEqual(ftp.orphans(), [])
                before = ftp.schedstat(load.pid)
                time.sleep(0.5)
                after = ftp.schedstat(load.pid)
                self.assertGreater(sum(after[t][0] - before[t][0] for t in after), 0.1e9)

    @staticmethod
    def patched(pid):
        """Compares the interpreter's code in memory with its file: a uprobe is an int3 in it."""
        exe = os.path.realpath(f"/proc/{pid}/exe")
        with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
            rows = [line.split() for line in maps if line.rstrip().endswith(exe)]
        for row in rows:
            if "x" not in row[1]:
                continue
            begin, end = (int(x, 16) for x in row[0].split("-"))
            with open(f"/proc/{pid}/mem", "rb") as mem, open(exe, "rb") as file:
                mem.seek(begin)
                file.seek(int(row[2], 16))
                if mem.read(end - begin) != file.read(end - begin):
                    return True
        return False

    def test_passive_patches_nothing(self):
        with ftp.start("gil", "crunch.py", 10**10, 4, "--wait") as load:
            load.go()
            with ftp.Ftprof("-v", "-p", load.pid, "-d", "1s") as run:
                run.attached()
                time.sleep(0.3)
                self.assertFalse(self.patched(load.pid))
                self.assertEqual(run.wait()[0], 0)

    def test_exact_does_patch(self):
        """The other way round, so that the check above is known to see what it looks for."""
        with ftp.start("gil", "crunch.py", 10**10, 4, "--wait") as load:
            load.go()
            with ftp.Ftprof("-v", "--exact=full", "-p", load.pid, "-d", "1s") as run:
                run.attached()
                time.sleep(0.3)
                self.assertTrue(self.patched(load.pid))
                self.assertEqual(run.wait()[0], 0)

    def test_kept_session(self):
        """The live run's output again from the file it kept, byte for byte; nobody else reads it."""
        for options in ((), ("--json",), ("--threads", "--ascii")):
            with self.subTest(options), ftp.start("gil", "crunch.py", 10**10, 4, "--wait") as load:
                load.go()
                live = ftp.check_ftprof("-p", load.pid, "-d", "1s", *options)
            path = ftp.kept_sessions()[-1]
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode), 0o700)
            self.assertEqual(ftp.check_ftprof("report", *options), live)
            self.assertEqual(ftp.check_ftprof("report", path, *options), live)
        self.assertLessEqual(len(ftp.kept_sessions()), 8)

    def test_bytes_an_event(self):
        """At most six on the example: a transition of a thread is an event, a slice holds two.

        Of the whole file without stacks; with them, of what the events take with their stacks.
        """
        for kind, hz in (("gil", 0), ("ft", 0), ("gil", 199), ("ft", 199)):
            with self.subTest(kind, hz=hz), tempfile.TemporaryDirectory() as where:
                path = os.path.join(where, "s.ftprof")
                ftp.check_ftprof("record", "-o", path, "-F", hz, "--", ftp.PYTHON[kind], CRUNCH)
                done = subprocess.run([os.path.join(ftp.BUILD, "tools", "replay"), path],
                                      capture_output=True, text=True, check=False)
                sums = json.loads(done.stdout)
                size = event_bytes(path) if hz else os.stat(path).st_size
                report = json.loads(ftp.check_ftprof("report", path, "--json"))
                received = report["session"]["events"]["received"]
                events = received + sums["slices"]  # each slice is two transitions
                told = (f"{kind}, -F {hz}: {size} bytes, {received} records, {sums['slices']} slices: "
                        f"{size / events:.2f} bytes an event")
                print(told)
                self.assertLessEqual(size / events, 6, told)


def event_bytes(path):
    """What the chunks of events take, by docs/record-format.md."""
    size = 0
    with open(path, "rb") as file:
        file.seek(24)
        while head := file.read(48):
            kind, length = struct.unpack_from("<H", head, 4)[0], struct.unpack_from("<I", head, 36)[0]
            if kind == 4:
                size += len(head) + length
            file.seek(length, os.SEEK_CUR)
    return size


class Interpreters(Base):
    def test_each_with_its_own_gil(self):
        """Two at once on the GIL build, and nobody waits: each GIL has one user."""
        ftp.need_cores(2)
        with ftp.start("gil", "subinterp.py", 3, 3, urgent=True) as load:
            report, truth = ftp.watch(load)
        told = ftp.figures(report, truth)
        self.assertGreater(report["parallelism"]["mean"], 1.5, told)
        for tid in truth["tids"]:
            row = ftp.thread_of(report, tid)
            self.assertLess(row["state_ns"]["gil_wait"], 0.02 * row["lifetime_ns"], told)
            self.assertGreater(row["state_ns"]["on_gil"] + row["on_split_err_ns"],
                               0.95 * ftp.on_core_ns(row), told)
        self.assertIn(report["verdict"]["kind"], ("parallel", "cpu_starved"), told)

    def test_list(self):
        with ftp.start("gil", "single.py", 20) as one, ftp.start("ft", "single.py", 20) as two:
            out = ftp.check_ftprof("list")
            self.assertEqual(out, ftp.check_ftprof())
        for load, version, gil in ((one, "3.14.6", "on"), (two, "3.14.6t", "off")):
            rows = [line for line in out.splitlines() if line.split()[:1] == [str(load.pid)]]
            self.assertEqual(len(rows), 1, out)
            self.assertEqual(rows[0].split()[1:3], [version, gil], out)


if __name__ == "__main__":
    ftp.main()
