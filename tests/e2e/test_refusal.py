# SPDX-License-Identifier: BSD-2-Clause
"""Bad input: one clear line on standard error, the right exit status, nothing half-written."""

import glob
import json
import os
import random
import shutil
import subprocess
import tempfile
import time
import unittest
import zlib

import ftp

GOOD, FAILED, USAGE, LOSS = range(4)
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


class Base(unittest.TestCase):
    def setUp(self):
        ftp.need_ftprof()
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.where = self.dir.name

    def path(self, name):
        return os.path.join(self.where, name)

    def refused(self, status, words, *args, **more):
        """Runs ftprof, which must refuse in one line that has the words; returns the line."""
        before = set(os.listdir(self.where)), ftp.kept_sessions()
        code, out, err = ftp.ftprof(*args, **more)
        told = f"{args}: status {code}\n{out}{err}"
        self.assertEqual(code, status, told)
        self.assertEqual(out, "", told)
        self.assertEqual(len(err.strip().splitlines()), 1, told)
        self.assertTrue(err.startswith("ftprof: "), told)
        for word in (words,) if isinstance(words, str) else words:
            self.assertIn(word, err, told)
        self.assertEqual((set(os.listdir(self.where)), ftp.kept_sessions()), before, told)
        return err


class Targets(Base):
    def test_no_such_pid(self):
        with open("/proc/sys/kernel/pid_max", encoding="ascii") as file:
            self.refused(FAILED, "no process", "-p", int(file.read()) - 1)

    def test_not_python(self):
        with subprocess.Popen(["sleep", "30"]) as other:
            self.refused(FAILED, "Python", "-p", other.pid)
            other.kill()

    def test_kernel_thread(self):
        self.refused(FAILED, "2", "-p", 2)

    def test_thread_id(self):
        with ftp.start("gil", "idlepool.py", 30, 2) as load:
            tid = max(map(int, os.listdir(f"/proc/{load.pid}/task")))
            self.refused(FAILED, (str(tid), f"-p {load.pid}"), "-p", tid)

    def test_zombie(self):
        with subprocess.Popen(["true"]) as dead:
            time.sleep(0.2)
            self.refused(FAILED, "exited", "-p", dead.pid)

    def test_exits_during_attach(self):
        """At any moment of the attachment: an error or a short report, never a hang or a crash."""
        for delay in (0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4):
            with self.subTest(delay), ftp.start("gil", "single.py", 30) as load:
                with ftp.Ftprof("-p", load.pid, "-d", "2s") as run:
                    time.sleep(delay)
                    load.process.kill()
                    load.process.wait()
                    code, out, err = run.wait(20)
                told = f"{code}\n{out}{err}"
                if code == FAILED:
                    self.assertEqual(len(err.strip().splitlines()), 1, told)
                    self.assertEqual(out, "", told)
                else:
                    self.assertEqual(code, GOOD, told)
                    self.assertIn("it exited", out, told)

    def test_musl(self):
        found = glob.glob("/lib/ld-musl-*") and shutil.which("python3-musl")
        ftp.need(found, "no Python linked with musl is installed; the unit tests have it")
        with ftp.start(found, "single.py", 30) as load:
            self.refused(FAILED, "musl", "-p", load.pid, "-d", "1s")

    def test_two_at_once(self):
        """Two ftprof on one target: each sees all of it."""
        with ftp.start("gil", "crunch.py", 10**10, 4, "--wait") as load:
            load.go()
            runs = [ftp.Background(ftp.ftprof_json, load.pid, "-d", "2s", *options)
                    for options in ((), ("--exact=full",))]
            for run in runs:
                report = run.join()
                self.assertEqual(len(report["threads"]), 5)
                self.assertGreater(report["gil"]["wait_ns"], 3e9, ftp.figures(report))
            self.assertTrue(load.running())


class Privilege(Base):
    def setUp(self):
        super().setUp()
        ftp.need(shutil.which("setpriv"), "there is no setpriv")
        # Others must be able to reach the program.
        self.open = tempfile.TemporaryDirectory(dir="/tmp")
        self.addCleanup(self.open.cleanup)
        os.chmod(self.open.name, 0o755)
        self.program = os.path.join(self.open.name, "ftprof")
        shutil.copy2(ftp.FTPROF, self.program)

    def as_nobody(self, *args):
        done = subprocess.run([*NOBODY, self.program, *map(str, args)], capture_output=True,
                              text=True, check=False, cwd="/", timeout=60,
                              env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"})
        return done.returncode, done.stdout, done.stderr

    def test_no_privilege(self):
        with ftp.start("gil", "single.py", 30) as load:
            code, out, err = self.as_nobody("-p", load.pid)
        self.assertEqual((code, out), (FAILED, ""), err)
        self.assertEqual(len(err.strip().splitlines()), 1, err)
        for word in ("CAP_BPF", "CAP_PERFMON", "CAP_SYS_PTRACE", "sudo"):
            self.assertIn(word, err)

    def test_a_part_of_the_privileges(self):
        """Only the capability that is missing is named."""
        caps = "+bpf,+perfmon"
        with ftp.start("gil", "single.py", 30) as load:
            done = subprocess.run(
                ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                 "--inh-caps=-all," + caps, "--ambient-caps=-all," + caps, self.program, "-p",
                 str(load.pid)], capture_output=True, text=True, check=False, cwd="/")
        ftp.need("setpriv:" not in done.stderr, f"setpriv cannot: {done.stderr}")
        self.assertEqual(done.returncode, FAILED, done.stderr)
        self.assertIn("CAP_SYS_PTRACE", done.stderr)
        self.assertNotIn("CAP_BPF", done.stderr)

    def test_process_of_another_user(self):
        """check looks at a process without loading anything: root's is not to be read."""
        with ftp.start("gil", "single.py", 30) as load:
            code, out, err = self.as_nobody("check", "-p", load.pid)
        self.assertEqual(code, FAILED, out + err)
        self.assertLess(code, 128)
        self.assertTrue(err.strip(), "it says nothing")
        self.assertEqual(len(err.strip().splitlines()), 1, err)

    def test_list_needs_none(self):
        code, out, err = self.as_nobody("list")
        self.assertEqual(code, GOOD, err)
        self.assertTrue("PID" in out or not out.strip(), out)

    def test_report_needs_none(self):
        session = os.path.join(self.open.name, "s.ftprof")
        with ftp.start("gil", "single.py", 30) as load:
            load.go()
            ftp.check_ftprof("record", "-p", load.pid, "-d", "500ms", "-o", session)
        os.chmod(session, 0o644)
        code, out, err = self.as_nobody("report", session)
        self.assertEqual(code, GOOD, err)
        self.assertIn("one thread does the work", out)

    def test_check(self):
        """As root all that is needed is there; as nobody it names what is not."""
        status, out, err = ftp.ftprof("check", "--json")
        checks = json.loads(out)["checks"]
        self.assertEqual(status, GOOD, out + err)
        for check in checks:
            self.assertTrue(check["ok"] or not check["needed"], check)
        said = " ".join(check["name"] + " " + check["text"] for check in checks).lower()
        for word in ("btf", "kernel", "lockdown"):
            self.assertIn(word, said)
        code, out, err = self.as_nobody("check")
        self.assertEqual(code, FAILED, out + err)
        self.assertIn("CAP_BPF", out)


class Usage(Base):
    def test_durations(self):
        for text in ("-1", "-5s", "1e99", "abc", "", "10x", "nan", "inf", "1e18s"):
            with self.subTest(text):
                self.refused(USAGE, ("-d", "10s"), "-p", os.getpid(), "-d", text)

    def test_widths(self):
        for text in ("1", "0", "-1", "39", "1001", "1e9", "abc", ""):
            with self.subTest(text):
                self.refused(USAGE, "--width", "report", "--width", text)

    def test_pids(self):
        for text in ("0", "-1", "abc", "1.5", "99999999999999999999", ""):
            with self.subTest(text):
                self.refused(USAGE, "-p", "-p", text)

    def test_other_numbers(self):
        for option, text in (("--ticks", "-1"), ("--ticks", "99999"), ("--max-size", "0"),
                             ("--max-size", "x"), ("--max-overhead", "0"),
                             ("--max-overhead", "nan"), ("--max-loss", "101"),
                             ("--exact", "no"), ("--from", "x"), ("--to", "-1s"),
                             ("--color", "blue")):
            with self.subTest(option=option, text=text):
                self.refused(USAGE, option, "-p", os.getpid(), f"{option}={text}")

    def test_unknown(self):
        """getopt's own messages have two lines: what is wrong and where help is."""
        for args in (("--no-such-option",), ("report", "--no-such-option"), ("-p",),
                     ("record", "-Z")):
            with self.subTest(args):
                code, out, err = ftp.ftprof(*args)
                self.assertEqual((code, out), (USAGE, ""), err)
                self.assertIn("--help", err)

    def test_nothing_to_do(self):
        self.refused(USAGE, "-p PID", "record")
        self.refused(USAGE, "exclude", "-p", os.getpid(), "--", "true")
        self.refused(USAGE, "nonsense", "nonsense")

    def test_ending_that_is_no_format(self):
        session = self.path("s.ftprof")
        with ftp.start("gil", "single.py", 30) as load:
            load.go()
            ftp.check_ftprof("record", "-p", load.pid, "-d", "300ms", "-o", session)
        for name in ("x.foo", "x", "x.txt.gz"):
            self.refused(USAGE, (".txt", ".json"), "report", session, "-o", self.path(name))


class Output(Base):
    """Where reports and sessions may go."""

    def setUp(self):
        super().setUp()
        self.session = self.path("s.ftprof")
        with ftp.start("gil", "single.py", 30) as load:
            load.go()
            ftp.check_ftprof("record", "-p", load.pid, "-d", "500ms", "-o", self.session)

    def record(self, load, path, *more):
        return ("record", "-p", load.pid, "-d", "300ms", "-o", path, *more)

    def each(self, status, words, name):
        """The same for a report and for a session."""
        self.refused(status, words, "report", self.session, "-o", self.path(name + ".txt"))
        with ftp.start("gil", "single.py", 30) as load:
            self.refused(status, words, *self.record(load, self.path(name + ".ftprof")))

    def test_exists(self):
        for name in ("old.txt", "old.ftprof"):
            with open(self.path(name), "w", encoding="ascii") as file:
                file.write("precious")
        self.each(FAILED, ("exists", "--force"), "old")
        for name in ("old.txt", "old.ftprof"):
            with open(self.path(name), encoding="ascii") as file:
                self.assertEqual(file.read(), "precious")
        ftp.check_ftprof("report", self.session, "-o", self.path("old.txt"), "--force")
        with ftp.start("gil", "single.py", 30) as load:
            ftp.check_ftprof(*self.record(load, self.path("old.ftprof"), "--force"))
        ftp.check_ftprof("report", self.path("old.ftprof"))

    def test_link(self):
        """Never through a link, --force or not: neither a live nor a dangling one."""
        with open(self.path("target"), "w", encoding="ascii") as file:
            file.write("precious")
        for aim in ("target", "nowhere"):
            for ending in (".txt", ".ftprof"):
                os.symlink(self.path(aim), self.path("link-" + aim + ending))
            self.each(FAILED, "link", "link-" + aim)
            for force in ((), ("--force",)):
                self.refused(FAILED, "link", "report", self.session, "-o",
                             self.path("link-" + aim + ".txt"), *force)
        with open(self.path("target"), encoding="ascii") as file:
            self.assertEqual(file.read(), "precious")

    def test_directory(self):
        for ending in (".txt", ".ftprof"):
            os.mkdir(self.path("dir" + ending))
        self.each(FAILED, "dir", "dir")

    def test_no_such_directory(self):
        self.each(FAILED, "no/such", "no/such/name")

    def test_full_disk(self):
        """A file system of 64 KiB: an error, no file, no session that looks whole."""
        small = self.path("small")
        os.mkdir(small)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small], check=True)
        try:
            with open(os.path.join(small, "fill"), "wb") as file:
                file.write(bytes(60 << 10))
            with ftp.start("ft", "locks.py", 30, ftp.CORES, "dict") as load:
                load.go()
                for ending, args in (("ftprof", ("record", "-p", load.pid, "-d", "2s")),
                                     ("json", ("report", self.session, "--threads"))):
                    path = os.path.join(small, "out." + ending)
                    if ending == "json":
                        with open(os.path.join(small, "fill"), "ab") as file:
                            try:
                                file.write(bytes(4 << 10))
                                file.flush()
                            except OSError:
                                pass
                    code, out, err = ftp.ftprof(*args, "-o", path)
                    self.assertEqual((code, out), (FAILED, ""), err)
                    self.assertIn("No space", err)
                    self.assertEqual(len(err.strip().splitlines()), 1, err)
                    self.assertEqual(os.listdir(small), ["fill"])
        finally:
            subprocess.run(["umount", small], check=True)

    def test_standard_output_is_full(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([ftp.FTPROF, "report", self.session], stdout=full,
                                  stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, FAILED, done.stderr)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)


class Files(Base):
    """Session files that are damaged, or none at all."""

    @classmethod
    def setUpClass(cls):
        ftp.need_ftprof()
        cls.shared = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.shared.cleanup)
        path = os.path.join(cls.shared.name, "s.ftprof")
        with ftp.start("gil", "crunch.py", 3_000_000, 4, "--wait") as load:
            ftp.watch(load, session=path)
        with open(path, "rb") as file:
            cls.whole = file.read()

    def put(self, data):
        with open(self.path("d.ftprof"), "wb") as file:
            file.write(data)
        return self.path("d.ftprof")

    def read(self, data, *options):
        """A clean refusal, or a report that says that it is not all."""
        status, out, err = ftp.ftprof("report", self.put(data), *options)
        told = f"status {status}\n{out[:500]}\n{err[:500]}"
        self.assertIn(status, (GOOD, FAILED, LOSS), told)
        if status == FAILED:
            self.assertEqual(out, "", told)
            self.assertEqual(len(err.strip().splitlines()), 1, told)
        return status, out, err

    def test_truncated(self):
        """At every length of the first bytes, and at a hundred others."""
        size = len(self.whole)
        rng = random.Random(3)
        cuts = sorted({*range(0, 80, 7), *(size - i for i in range(1, 120, 11)),
                       *(rng.randrange(size) for _ in range(60))})
        reports = 0
        for cut in cuts:
            status, out, _ = self.read(self.whole[:cut], "--json")
            if status == GOOD:
                reports += 1
                self.assertTrue(json.loads(out)["session"]["damage"], f"cut at {cut}: not told")
        self.assertGreater(reports, 0, "no cut left anything to report")
        _, out, _ = self.read(self.whole[:-40])
        self.assertRegex(out, "(?i)incomplete|damaged|cut|missing|end", out[:600])

    def test_flipped_bits(self):
        rng = random.Random(5)
        whole = self.read(self.whole, "--json")[1]
        for _ in range(120):
            data = bytearray(self.whole)
            at = rng.randrange(len(data))
            data[at] ^= 1 << rng.randrange(8)
            status, out, _ = self.read(bytes(data), "--json")
            if status == GOOD and not json.loads(out)["session"]["damage"]:
                self.assertEqual(out, whole, f"byte {at} changed the report and nothing is said")

    def test_noise(self):
        """Blocks overwritten, swapped and doubled."""
        rng = random.Random(7)
        for _ in range(30):
            data = bytearray(self.whole)
            at, length = rng.randrange(len(data)), rng.randrange(1, 400)
            what = rng.randrange(3)
            if what == 0:
                data[at:at + length] = rng.randbytes(length)
            elif what == 1:
                data[at:at] = data[at:at + length]
            else:
                del data[at:at + length]
            self.read(bytes(data))

    def test_other_version(self):
        """The version stands after the magic; the head's checksum is made right again."""
        data = bytearray(self.whole)
        data[8] = 99
        data[20:24] = zlib.crc32(bytes(data[:20])).to_bytes(4, "little")
        status, _, err = self.read(bytes(data))
        self.assertEqual(status, FAILED)
        self.assertIn("has format 99.", err)

    def test_not_ours(self):
        for data in (b"", b"\0", b"\x7fELF" + bytes(1000), b"FTPROF\n\n" + bytes(500),
                     b"{}\n", random.Random(9).randbytes(5000)):
            status, _, err = self.read(data)
            self.assertEqual(status, FAILED, err)

    def test_no_files(self):
        os.mkfifo(self.path("fifo"))
        os.mkdir(self.path("dir"))
        os.symlink("loop", self.path("loop"))
        for name in ("missing", "dir", "fifo", "loop"):
            with self.subTest(name):
                self.refused(FAILED, name, "report", self.path(name), timeout=10)
        self.refused(FAILED, "/dev/zero", "report", "/dev/zero", timeout=10)

    def test_no_session_kept(self):
        env = ftp.plain_env(XDG_STATE_HOME=self.path("empty"))
        self.refused(FAILED, "sudo ftprof -p PID", "report", env=env)

    def test_killed_writer(self):
        """ftprof killed by SIGKILL: the session reads up to its last whole chunk, and says so."""
        path = self.path("k.ftprof")
        with ftp.start("gil", "crunch.py", 10**10, 4, "--wait") as load:
            load.go()
            with ftp.Ftprof("record", "-v", "-p", load.pid, "-o", path) as run:
                run.attached()
                time.sleep(5)
                run.process.kill()
                run.process.wait()
        left = [name for name in os.listdir(self.where)]
        self.assertEqual(len(left), 1, left)
        self.assertFalse(os.path.exists(path), "it looks whole")
        status, out, err = ftp.ftprof("report", self.path(left[0]), "--json")
        self.assertEqual(status, GOOD, err)
        report = json.loads(out)
        self.assertTrue(report["session"]["damage"])
        self.assertGreater(report["session"]["duration_ns"], 1.5e9)
        self.assertGreater(report["gil"]["wait_ns"], 2e9)


if __name__ == "__main__":
    ftp.main()
