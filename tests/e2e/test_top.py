# SPDX-License-Identifier: BSD-2-Clause
"""The live screen, in a terminal multiplexer: keys, figures, resize, signals, the target's end."""

import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import ftp

FOREVER = 2_000_000_000  # rounds of crunch.py: longer than any test
SHOWN_S = 60  # until a screen shows something: others may use the machine
ODD_NAME = """
import sys, threading, time
threading.Thread(target=time.sleep, args=(600,), name="\\x1b[31m\\x07\\u202ename").start()
print("ready", flush=True)
time.sleep(600)
"""


class Terminal:
    """A shell in a terminal of its own; use it as a context manager."""

    def __init__(self, cols=100, rows=30, env=None):
        ftp.need(shutil.which("tmux"), "tmux is not installed")
        self.where = tempfile.TemporaryDirectory(prefix="ftprof-tmux-")
        self.argv = ["tmux", "-S", os.path.join(self.where.name, "socket"), "-f", "/dev/null"]
        env = env or ftp.plain_env(LC_ALL="C.UTF-8")
        subprocess.run([*self.argv, "new-session", "-d", "-x", str(cols), "-y", str(rows),
                        "-c", self.where.name, "bash --norc --noprofile"], check=True, env=env)
        self.tmux("set-option", "-g", "status", "off")
        self.tmux("set-option", "-g", "window-size", "manual")
        self.command("PS1='$ '; stty -a >before")

    def tmux(self, *args):
        done = subprocess.run([*self.argv, *args], capture_output=True, text=True, check=True)
        return done.stdout

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def command(self, line):
        self.tmux("send-keys", "-l", line)
        self.keys("Enter")

    def text(self, *options):
        return self.tmux("capture-pane", "-p", *options)

    def value(self, name):
        return self.tmux("display-message", "-p", f"#{{{name}}}").strip()

    def wait(self, pattern, timeout=SHOWN_S):
        """The screen as soon as it shows the pattern, and the match."""
        deadline = time.monotonic() + timeout
        while True:
            text = self.text()
            match = re.search(pattern, text, re.MULTILINE)
            if match:
                return text, match
            if time.monotonic() > deadline:
                raise AssertionError(f"no {pattern!r} on the screen:\n{text}")
            time.sleep(0.05)

    def path(self, name):
        return os.path.join(self.where.name, name)

    def top(self, pid, *options):
        """Starts ftprof top and waits for its screen; the shell tells how it ended in `status`."""
        self.command(f"clear; {ftp.FTPROF} top -p {pid} {' '.join(options)}; echo $? >status; "
                     "stty -a >after")
        return self.wait(r"TID")[0]

    def top_pid(self):
        shell = int(self.value("pane_pid"))
        done = subprocess.run(["pgrep", "-P", str(shell), "ftprof"], capture_output=True, text=True,
                              check=True)
        return int(done.stdout.split()[0])

    def ended(self, timeout=30):
        """The exit status of top; fails unless the terminal is as it was found."""
        deadline = time.monotonic() + timeout
        while not os.path.exists(self.path("after")) or not os.path.getsize(self.path("after")):
            if time.monotonic() > deadline:
                raise AssertionError(f"top did not end:\n{self.text()}")
            time.sleep(0.05)
        with open(self.path("status"), encoding="ascii") as file:
            status = int(file.read())
        with open(self.path("before"), encoding="ascii") as a, \
             open(self.path("after"), encoding="ascii") as b:
            before, after = a.read(), b.read()
        if before != after:
            raise AssertionError(f"the terminal was left as\n{after}\nand found as\n{before}")
        if (self.value("alternate_on"), self.value("cursor_flag")) != ("0", "1"):
            raise AssertionError("the alternate screen, or no cursor, was left behind")
        os.unlink(self.path("after"))
        return status

    def close(self):
        subprocess.run([*self.argv, "kill-server"], check=False, capture_output=True)
        self.where.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def rows_of(text):
    """{tid: row} of the threads on a screen."""
    found = re.findall(r"^[■*>] (.*?) +(\d+) +([-\d.]+) +([-\d.]+) ", text, re.MULTILINE)
    return {int(tid): (name, 0.0 if cpu == "-" else float(cpu)) for name, tid, cpu, _ in found}


class Top(unittest.TestCase):
    def setUp(self):
        ftp.need_ftprof()

    def crunch(self, python="gil", count=4, rounds=FOREVER):
        load = ftp.start(python, "crunch.py", rounds, count, "--wait")
        self.addCleanup(load.close)
        return load.go()

    def open(self, **how):
        term = Terminal(**how)
        self.addCleanup(term.close)
        return term

    def test_figures_and_keys(self):
        load, term = self.crunch(), self.open()
        text = term.top(load.pid)
        self.assertIn(f"pid {load.pid}", text)
        self.assertIn("GIL on", text)
        text, _ = term.wait(r"GIL-BOUND")
        self.assertRegex(text, r"cores \d\.\d\d of \d")
        self.assertRegex(text, r"GIL wait [1-3]\.\d\d s/s")
        self.assertRegex(text, r"cpu 0 ")
        self.assertRegex(text, r"\d% +crunch +")
        self.assertEqual(len(rows_of(text)), 5, text)
        term.wait("▼%CPU")
        term.keys("g")
        term.wait("▼%WGIL")
        term.keys("g")
        term.wait("▲%WGIL")
        term.keys("t")
        text, _ = term.wait("▼TID")
        self.assertEqual(list(rows_of(text)), sorted(rows_of(text)), text)
        term.keys("?")
        text, _ = term.wait("Sort by")
        self.assertIn("once more: end it", text)
        term.keys("?")
        term.wait("TID")
        term.keys("d")
        term.wait(r"\A(?![\s\S]*TOP FUNCTIONS)")
        term.keys("q")
        self.assertEqual(term.ended(), 0)

    def test_pause(self):
        load, term = self.crunch(), self.open()
        term.top(load.pid)
        term.keys("p")
        before, _ = term.wait("PAUSED")
        time.sleep(2.5)
        self.assertEqual(term.text(), before)
        term.keys("p")
        term.wait(r"\A(?![\s\S]*PAUSED)")
        time.sleep(1.5)
        self.assertNotEqual(term.text(), before.replace("  PAUSED", ""))
        term.keys("q")
        self.assertEqual(term.ended(), 0)

    def test_stack(self):
        load, term = self.crunch(), self.open()
        term.top(load.pid)
        # by id: the first is the main thread, the second one of those that count
        term.keys("t", "Down", "Down", "Enter")
        text, match = term.wait(r"^(\d+) Thread-\d")
        tid = int(match.group(1))
        self.assertRegex(text, r"crunch \(.*crunch\.py:\d+\)")
        self.assertRegex(text, r"Thread\.run")
        self.assertRegex(text, "waits for the GIL|runs, or is ready to")
        frozen = term.text()
        time.sleep(1.5)
        self.assertEqual(term.text(), frozen)
        term.keys("Escape")
        text, _ = term.wait("TID")
        self.assertIn(tid, rows_of(text))
        term.keys("q")
        self.assertEqual(term.ended(), 0)

    def test_record(self):
        load, term = self.crunch(), self.open()
        term.top(load.pid)
        term.keys("r")
        _, match = term.wait(r"REC (ftprof-\d+-[-\d]+\.ftprof) (?!0 )[\d.]+ kB")
        time.sleep(2)
        term.keys("r")
        term.wait(r"recorded ftprof-")
        self.check_session(term.path(match.group(1)), load.pid)
        term.keys("r")
        _, again = term.wait(r"REC (ftprof-\d+-[-\d]+\.ftprof) (?!0 )[\d.]+ kB")
        self.assertNotEqual(again.group(1), match.group(1))
        # it ends with the screen, as a whole file
        term.keys("q")
        self.assertEqual(term.ended(), 0)
        self.assertIn(f"recorded {again.group(1)}", term.text("-J"))
        self.check_session(term.path(again.group(1)), load.pid)
        self.assertEqual(glob.glob(term.path("*.tmp-*")), [])

    def check_session(self, path, pid):
        report = json.loads(ftp.check_ftprof("report", path, "--json"))
        self.assertEqual(report["target"]["pid"], pid)
        self.assertGreater(report["session"]["duration_ns"], 0.3e9)

    def test_resize(self):
        load, term = self.crunch(), self.open()
        term.top(load.pid)
        for cols, rows in ((20, 5), (2, 2), (80, 24), (400, 120), (37, 11), (100, 30)):
            term.tmux("resize-window", "-x", str(cols), "-y", str(rows))
            time.sleep(1.3)
            lines = term.text().rstrip("\n").split("\n")
            self.assertLessEqual(len(lines), rows)
            if cols >= 20:
                self.assertIn("python3", lines[0])
            term.keys("?", "?", "Down")
        text, _ = term.wait("TID")
        self.assertEqual(len(rows_of(text)), 5, text)
        term.keys("q")
        self.assertEqual(term.ended(), 0)

    def test_signals(self):
        load, term = self.crunch(), self.open()
        for number, status in ((signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 0),
                               (signal.SIGSEGV, 139), (signal.SIGABRT, 134),
                               (signal.SIGQUIT, 131)):
            with self.subTest(signal=number.name):
                term.command("ulimit -c 0")
                term.top(load.pid)
                self.assertEqual(term.value("alternate_on"), "1")
                os.kill(term.top_pid(), number)
                self.assertEqual(term.ended(), status)
        self.assertEqual(ftp.orphans(), [])

    def test_terminal_gone(self):
        """Its terminal is closed, and the signal that says so is ignored, as nohup does."""
        load, term = self.crunch(), self.open()
        term.command("trap '' HUP")
        term.top(load.pid)
        pid = term.top_pid()
        term.tmux("kill-server")
        deadline = time.monotonic() + 30
        while os.path.exists(f"/proc/{pid}"):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                self.fail("top outlives its terminal")
            time.sleep(0.05)

    def test_suspend(self):
        load, term = self.crunch(), self.open()
        term.command("set -m")
        term.command(f"{ftp.FTPROF} top -p {load.pid}")
        term.wait("TID")
        term.keys("C-z")
        term.wait("Stopped")
        self.assertEqual(term.value("alternate_on"), "0")
        term.command("clear; stty -a | diff before - && echo the same")
        term.wait("^the same")
        term.command("fg; echo $? >status; stty -a >after")
        term.wait("TID")
        term.keys("q")
        self.assertEqual(term.ended(), 0)

    def test_target_exit(self):
        load, term = self.crunch(rounds=30_000_000), self.open()
        term.top(load.pid)
        load.result()
        load.close()
        text, _ = term.wait("has ended; any key leaves")
        self.assertIn("ENDED", text)
        self.assertEqual(term.value("alternate_on"), "1")
        term.keys("x")
        self.assertEqual(term.ended(), 0)
        term.wait(f"process {load.pid} has ended")

    def test_target_exit_then_signal(self):
        load, term = self.crunch(rounds=30_000_000), self.open()
        term.top(load.pid)
        load.result()
        load.close()
        term.wait("any key leaves")
        os.kill(term.top_pid(), signal.SIGTERM)
        self.assertEqual(term.ended(), 143)

    def test_colour(self):
        load = self.crunch()
        for env, colour in (({"TERM": "tmux-256color"}, True), ({"NO_COLOR": "1"}, False)):
            with self.subTest(env=env):
                term = self.open(env=ftp.plain_env(LC_ALL="C.UTF-8", **env))
                term.top(load.pid)
                text, _ = term.wait("GIL-BOUND")
                styled = term.text("-e")
                self.assertEqual(bool(re.search(r"\x1b\[[\d;]*[34]8[;:]5", styled)), colour, text)
                term.keys("q")
                self.assertEqual(term.ended(), 0)

    def test_ascii(self):
        load = self.crunch()
        for env, options in (({"LC_ALL": "C"}, ()), ({"LC_ALL": "C.UTF-8"}, ("--ascii",))):
            term = self.open(env=ftp.plain_env(**env))
            term.top(load.pid, *options)
            text, _ = term.wait("GIL-BOUND")
            self.assertTrue(text.isascii(), text)
            term.keys("q")
            self.assertEqual(term.ended(), 0)

    def test_names_are_harmless(self):
        with subprocess.Popen([ftp.GIL, "-c", ODD_NAME], stdout=subprocess.PIPE) as process:
            self.addCleanup(process.kill)
            process.stdout.readline()
            out = ftp.check_ftprof("top", "-p", process.pid, "--batch", 2, "-i", 0.3)
            term = self.open(env=ftp.plain_env(LC_ALL="C.UTF-8", NO_COLOR="1"))
            term.top(process.pid)
            text, _ = term.wait(r"\?\[31m")
            term.keys("t", "Down", "Down", "Enter")
            term.wait(r"^\d+ \?\[31m")
            term.keys("Escape", "q")
            self.assertEqual(term.ended(), 0)
            process.kill()
        self.assertIn("?[31m??name", out)
        self.assertFalse(re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", out), out)
        self.assertNotIn("\u202e", text)

    def test_free_threaded(self):
        ftp.need_cores(2)
        load, term = self.crunch("ft", count=2), self.open()
        text = term.top(load.pid)
        self.assertIn("GIL off", text)
        text, _ = term.wait("parallel|INCONCLUSIVE|OTHERS|core")
        self.assertRegex(text, "spinning")
        self.assertNotIn("%WGIL", text)
        term.keys("q")
        self.assertEqual(term.ended(), 0)

    def test_cpu_is_the_kernels(self):
        """The second screen covers the time since the first: what the kernel's books say of it."""
        load = self.crunch()
        with ftp.Ftprof("top", "-p", load.pid, "-i", "6", "--batch", 2, "--width", 120) as run:
            books = []
            for count in (1, 2):
                self.screens(run, count)
                books.append((time.monotonic(), ftp.schedstat(load.pid)))
            status, out, err = run.wait()
        self.assertEqual(status, 0, err)
        screen = out[out.rindex("THREADS"):]
        seconds = books[1][0] - books[0][0]
        self.assertAlmostEqual(float(re.findall(r"last ([\d.]+) s", out)[1]), seconds, delta=0.3)
        rows = rows_of(screen)
        self.assertEqual(set(rows), set(books[0][1]), out)
        for tid, (_, percent) in rows.items():
            kernel = (books[1][1][tid][0] - books[0][1][tid][0]) / 1e7 / seconds
            self.assertAlmostEqual(percent, kernel, delta=1 + 0.03 * kernel, msg=out)

    def test_cost(self):
        """ftprof's own CPU time, of the kernel's books, beside the example; attaching is not in it."""
        load = self.crunch()
        with ftp.Ftprof("top", "-p", load.pid, "--batch", 13) as run:
            books = []
            for count in (2, 12):
                self.screens(run, count)
                used = sum(row[0] for row in ftp.schedstat(run.process.pid).values())
                books.append((time.monotonic(), used))
            self.assertEqual(run.wait()[0], 0)
        (begin, used), (end, more) = books
        self.assertLess((more - used) / 1e9, 0.03 * (end - begin))

    def screens(self, run, count):
        """Returns as soon as so many screens are printed."""
        deadline = time.monotonic() + 60
        while run._text(run.out).count("THREADS") < count:
            self.assertLess(time.monotonic(), deadline)
            self.assertIn(run.process.poll(), (None, 0))
            time.sleep(0.002)

    def refused(self, *args, status=1, **how):
        got, out, err = ftp.ftprof("top", *args, **how)
        self.assertEqual((got, out), (status, ""), err)
        self.assertEqual(len(err.strip().split("\n")), 1, err)
        self.assertTrue(err.startswith("ftprof: "), err)
        return err

    def test_refusals(self):
        self.assertIn("-p PID", self.refused(status=2))
        self.assertIn("process id", self.refused("-p", "x", status=2))
        self.assertIn("100ms", self.refused("-p", 1, "-i", "0", status=2))
        self.assertIn("--batch", self.refused("-p", os.getpid()))
        with subprocess.Popen(["sleep", "60"]) as process:
            self.refused("-p", process.pid, "--batch", 1)
            process.kill()
        nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        self.refused("-p", os.getpid(), "--batch", 1, prefix=nobody)


if __name__ == "__main__":
    sys.exit(unittest.main())
