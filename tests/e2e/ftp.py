# SPDX-License-Identifier: BSD-2-Clause
"""Helpers of the end-to-end tests: workloads, ftprof, interpreters, and oracles to compare with."""

import atexit
import glob
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build")
FTPROF = os.path.join(BUILD, "ftprof")
WORKLOADS = os.path.join(ROOT, "tests", "workloads")
PYTHON = {kind: os.path.join(BUILD, "python", kind, "bin", "python3")
          for kind in ("gil", "ft", "gil313", "ft313")}
GIL = PYTHON["gil"]
FT = PYTHON["ft"]
CORES = len(os.sched_getaffinity(0))

READY_S = 30  # until a workload says that it is ready
ATTACHED_S = 60  # until ftprof says that it is attached; others may use the machine
STATES = ("on_gil", "on_free", "on_spin", "gil_wait", "gil_switch", "lock_wait", "sync_wait", "stw",
          "runq", "blocked", "fault", "stopped")


def need(condition, reason):
    """Skips the test unless the condition holds."""
    if not condition:
        raise unittest.SkipTest(reason)


def need_root():
    need(os.geteuid() == 0, "not root")


def need_ftprof():
    need_root()
    need(os.access(FTPROF, os.X_OK), "build/ftprof is not built")


def need_cores(count):
    need(CORES >= count, f"needs {count} cores, has {CORES}")


def need_bpftrace():
    need_root()
    need(shutil.which("bpftrace"), "bpftrace is not installed")


def favour(process):
    """Puts a process before others of the machine; among its own threads nothing changes.

    It must lead a session: that has a scheduling group of its own, if the kernel makes such groups.
    """
    path = f"/proc/{process.pid}/autogroup"
    if os.path.exists(path) and os.geteuid() == 0:
        try:
            with open(path, "w", encoding="ascii") as file:
                file.write("-10")
        except OSError:
            pass  # only a measure against noise


class Workload:
    """A running workload; use it as a context manager so that it never outlives its test.

    start() only starts it; go() lets it run, result() waits for its truth. It stays alive after
    that, until close(), so that its /proc files can be read.
    """

    def __init__(self, argv, env=None, urgent=False):
        self.argv = argv
        self.finished = False
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors, env=env, start_new_session=True)
        if urgent:
            favour(self.process)
        self.pid = None
        try:
            word, pid = self._line(READY_S).split()
            if word != "ready":
                raise RuntimeError(f"{argv}: said {word!r}, not ready")
            self.pid = int(pid)
        except BaseException:
            self.close()
            raise

    def _line(self, timeout):
        line = b""
        deadline = time.monotonic() + timeout
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise TimeoutError(f"{self.argv}: no line within {timeout} s: {self._said()}")
            # One byte a time: nothing may be read beyond the line, and the lines are few.
            byte = os.read(self.process.stdout.fileno(), 1)
            if not byte:
                raise RuntimeError(f"{self.argv}: ended: {self._said()}")
            line += byte
        return line.decode()

    def _said(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")[-2000:]

    def go(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        return self

    def result(self, timeout=120):
        """The truth: the line of JSON. Lines before it are passed over."""
        deadline = time.monotonic() + timeout
        while True:
            line = self._line(max(deadline - time.monotonic(), 0.001))
            if line.startswith("{"):
                self.finished = True
                return json.loads(line)

    def running(self):
        return self.process.poll() is None

    def close(self):
        if self.process.stdin:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass
        try:
            self.process.wait(timeout=2 if self.finished else 0.05)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def start(python, script, *args, env=None, prefix=(), urgent=False):
    """Starts a workload: python "gil", "ft" or a path, or None for a C workload.

    prefix goes before the command: ("taskset", "-c", "0"), ("unshare", ...) and the like. urgent
    favours it over the other processes of the machine.
    """
    if python is None:
        argv = [os.path.join(BUILD, "workloads", script)]
    else:
        path = PYTHON.get(python, python)
        need(os.access(path, os.X_OK), f"{path} is not there; scripts/get-pythons brings it")
        argv = [path, os.path.join(WORKLOADS, script)]
    return Workload([*prefix, *argv, *map(str, args)], env=env, urgent=urgent)


def read_profile(reader, path, *options):
    """What another's program understands of an exported profile: the dict that tests/readers/ tells
    of. reader is "pprof", "speedscope" or "firefox". It raises CalledProcessError when that program
    refuses the file.
    """
    need(os.path.exists(os.path.join(BUILD, "readers", "bin", "pprof")),
         "no readers; scripts/get-readers brings them")
    readers = os.path.join(ROOT, "tests", "readers")
    if reader == "pprof":
        argv = [sys.executable, os.path.join(readers, "pprof.py")]
    else:
        need(shutil.which("node"), "node is not installed")
        argv = ["node", os.path.join(readers, f"{reader}.mjs")]
    done = subprocess.run([*argv, *options, path], check=True, capture_output=True, text=True,
                          timeout=120)
    return json.loads(done.stdout)


# Sessions that live runs keep go here, not to the home of whoever runs the tests.
_STATE = tempfile.TemporaryDirectory(prefix="ftprof-state-")
atexit.register(_STATE.cleanup)


def plain_env(**more):
    """An environment in which ftprof is nobody's but ours, and its output always the same."""
    dropped = ("SUDO_UID", "SUDO_GID", "SUDO_USER", "SUDO_COMMAND", "NO_COLOR", "COLUMNS")
    env = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**env, "XDG_STATE_HOME": _STATE.name, **more}


def kept_sessions():
    """The files that live runs kept, the newest last."""
    where = os.path.join(_STATE.name, "ftprof")
    if not os.path.isdir(where):
        return []
    return sorted(os.path.join(where, name) for name in os.listdir(where))


class Ftprof:
    """A running ftprof. wait() returns (exit status, stdout, stderr)."""

    def __init__(self, *args, env=None, prefix=(), cwd=None):
        self.argv = [*prefix, FTPROF, *map(str, args)]
        self.out = tempfile.TemporaryFile()
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=self.out,
                                        stderr=self.errors, env=env or plain_env(), cwd=cwd,
                                        start_new_session=True)
        favour(self.process)  # else it starves beside a favoured workload, and loses events

    @staticmethod
    def _text(file):
        # pread: the child writes through the same file offset.
        return os.pread(file.fileno(), 1 << 28, 0).decode(errors="replace")

    def attached(self, timeout=ATTACHED_S):
        """Returns when the session runs; needs -v among the arguments."""
        deadline = time.monotonic() + timeout
        while "attached in" not in self._text(self.errors):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"{self.argv}: did not attach, status "
                                     f"{self.process.returncode}: {self._text(self.errors)}")
            time.sleep(0.005)
        return self

    def signal(self, number):
        self.process.send_signal(number)

    def interrupt(self):
        self.signal(signal.SIGINT)

    def wait(self, timeout=120):
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise TimeoutError(f"{self.argv}: not done in {timeout} s: "
                               f"{self._text(self.errors)[-2000:]}") from None
        return self.process.returncode, self._text(self.out), self._text(self.errors)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.kill()
        self.out.close()
        self.errors.close()


def ftprof(*args, env=None, timeout=120, prefix=(), cwd=None):
    """Runs ftprof to its end: (exit status, stdout, stderr)."""
    with Ftprof(*args, env=env, prefix=prefix, cwd=cwd) as run:
        return run.wait(timeout)


def check_ftprof(*args, env=None, timeout=120, prefix=()):
    """Runs ftprof, which must succeed; returns its stdout."""
    status, out, err = ftprof(*args, env=env, timeout=timeout, prefix=prefix)
    if status != 0:
        raise AssertionError(f"ftprof {' '.join(map(str, args))}: status {status}: {err[-2000:]}")
    return out


def ftprof_json(pid, *args, timeout=120):
    """Profiles a process and returns the report: ftprof -p PID --json ARGS."""
    return json.loads(check_ftprof("-p", pid, "--json", *args, timeout=timeout))


def watch(load, *args, session=None, after=None, timeout=120):
    """Profiles a workload from before its go until after its result: (report, truth).

    The workload rests at both ends of the session, so whatever it did lies inside. session names
    the file to keep it in; after() is called while the session still runs.
    """
    with tempfile.TemporaryDirectory() as where:
        path = session or os.path.join(where, "s.ftprof")
        with Ftprof("record", "-v", "-p", load.pid, "-o", path, *args) as run:
            run.attached()
            truth = load.go().result(timeout)
            if after:
                after()
            run.interrupt()
            status, _, err = run.wait()
        if status != 0:
            raise AssertionError(f"ftprof record: status {status}: {err[-2000:]}")
        return json.loads(check_ftprof("report", path, "--json")), truth


def launch(*argv, options=(), env=None, timeout=120, prefix=(), cwd=None):
    """ftprof --json -- ARGV: (report, what the command and ftprof printed beside it)."""
    with tempfile.TemporaryDirectory() as where:
        path = os.path.join(where, "s.ftprof")
        status, out, err = ftprof("record", "-o", path, *options, "--", *argv, env=env,
                                  timeout=timeout, prefix=prefix, cwd=cwd)
        if status != 0:
            raise AssertionError(f"ftprof record -- {argv}: status {status}: {err[-2000:]}")
        return json.loads(check_ftprof("report", path, "--json")), out + err


def attempts(measure, noisy, tries=3):
    """Measures again, twice at most, while noisy(result) says that other processes broke a premise.

    The bounds are the caller's, and hold for the last measurement whatever it is.
    """
    for _ in range(tries - 1):
        result = measure()
        if not noisy(result):
            return result
    return measure()


def undisturbed(measure, share=0.05):
    """measure() -> (report, ...), again when other processes had more than a share of the cores.

    What they get is what all cores were busy with, less the target's and ftprof's own.
    """
    def once():
        begin, busy = time.monotonic_ns(), busy_ns()
        result = measure()
        report = result[0]
        busy = busy_ns() - busy - report["target"]["cpu_ns"] - report["cost"]["ftprof_cpu_ns"]
        return result, busy / (CORES * (time.monotonic_ns() - begin))

    return attempts(once, lambda seen: seen[1] > share)[0]


def figures(report, *more):
    """The figures to print with a failure: short enough to read."""
    rows = [{"tid": row["tid"], "name": row["name"], "life": row["lifetime_ns"],
             "residual": row["residual_ns"], "waits": row["gil_waits"],
             **{name: ns for name, ns in row["state_ns"].items() if ns}}
            for row in report["threads"][:12]]
    return json.dumps({"verdict": report["verdict"], "parallelism": report["parallelism"],
                       "gil": report["gil"], "events": report["session"]["events"],
                       "duration_ns": report["session"]["duration_ns"], "threads": rows,
                       "more": more}, indent=1)


def thread_of(report, tid):
    """The report's row of a thread id."""
    rows = [row for row in report["threads"] if row["tid"] == tid]
    if len(rows) != 1:
        raise AssertionError(f"{len(rows)} rows for thread {tid}")
    return rows[0]


def on_core_ns(row):
    state = row["state_ns"]
    return state["on_gil"] + state["on_free"] + state["on_spin"]


def schedstat(pid):
    """{tid: (on-core ns, run-queue ns, times on a core)} from the kernel's own books."""
    stats = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{tid}/schedstat", encoding="ascii") as file:
                stats[int(tid)] = tuple(map(int, file.read().split()))
        except (FileNotFoundError, ProcessLookupError):
            pass  # the thread ended meanwhile
    return stats


def held_programs():
    """The ids of the BPF programs that some process holds, by itself or through a link."""
    held = set()
    for path in glob.glob("/proc/[0-9]*/fdinfo/*"):
        try:
            with open(path, encoding="ascii", errors="replace") as file:
                held |= {int(line.split()[1]) for line in file if line.startswith("prog_id:")}
        except OSError:
            pass  # it ended meanwhile
    return held


def orphans(timeout=3):
    """BPF programs of ours that the kernel keeps although no process holds them.

    Others may run ftprof at the same time; theirs have an owner. The kernel takes a moment to let
    a program go.
    """
    names = ("sched_switch", "sched_waking", "sched_process_", "tick", "touch", "seed",
             "probe_take_gil", "probe_cond_sig", "probe_drop_gil")
    deadline = time.monotonic() + timeout
    while True:
        done = subprocess.run([bpftool(), "-j", "prog", "list"], capture_output=True, text=True,
                              check=True)
        held = held_programs()
        left = [row for row in json.loads(done.stdout or "[]")
                if row["id"] not in held and row["type"] != "tracepoint"
                and row.get("name", "").startswith(names)]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)


def bpftool():
    """The bpftool that works here; skips the test when there is none."""
    done = subprocess.run([os.path.join(ROOT, "scripts", "find-tool"), "bpftool"],
                          capture_output=True, text=True, check=False)
    need(done.returncode == 0, "there is no bpftool that works")
    return done.stdout.strip()


def busy_ns():
    """Time that all cores together were not idle since boot, whoever had them."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    ticks = user + nice + system + irq + softirq + steal
    return ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def steal_ns():
    """Steal time of all cores since boot: schedstat leaves it out, ftprof cannot."""
    with open("/proc/stat", encoding="ascii") as file:
        fields = file.readline().split()
    return int(fields[8]) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def strip_copy(python, where):
    """A copy of an interpreter without any symbol that its stdlib's absence does not break.

    Returns (path, environment to run it with). `where` is a directory of the caller's.
    """
    real = os.path.realpath(PYTHON.get(python, python))
    copy = os.path.join(where, os.path.basename(real))
    shutil.copy2(real, copy)
    subprocess.run(["strip", "--strip-all", copy], check=True)
    prefix = subprocess.run([real, "-I", "-c", "import sys; print(sys.base_prefix)"], check=True,
                            capture_output=True, text=True).stdout.strip()
    return copy, {**os.environ, "PYTHONHOME": prefix}


class Bpftrace:
    """A bpftrace script beside a test: an oracle that shares no code with ftprof.

    Starting returns once its probes are attached; stop() ends it and returns its maps as
    {name: value}, and what it printed as "printed".
    """

    def __init__(self, script, *args, timeout=60):
        need_bpftrace()
        self.out = tempfile.TemporaryFile(mode="w+")
        self.errors = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(
            ["bpftrace", "-f", "json", "-e", script, *map(str, args)], text=True,
            stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.errors, start_new_session=True)
        favour(self.process)
        deadline = time.monotonic() + timeout
        while "attached_probes" not in self._text(self.out):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                self.process.wait()
                said = self._text(self.errors)
                self.close()
                raise RuntimeError(f"bpftrace did not attach: {said[-2000:]}")
            time.sleep(0.05)

    @staticmethod
    def _text(file):
        # pread: the child writes through the same file offset.
        return os.pread(file.fileno(), 1 << 24, 0).decode(errors="replace")

    def stop(self, timeout=60):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        results = {"printed": []}
        for line in self._text(self.out).splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue  # bpftrace's own talk is not all JSON
            if row.get("type") in ("map", "stats", "hist"):
                results.update(row["data"])
            elif row.get("type") == "printf":
                results["printed"].append(row["data"])
        self.close()
        return results

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.out.close()
        self.errors.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


class Background:
    """Runs a function in a thread and hands on its result, or its exception."""

    def __init__(self, function, *args, **kwargs):
        self.outcome = None
        self.error = None
        self.thread = threading.Thread(target=self._run, args=(function, args, kwargs))
        self.thread.start()

    def _run(self, function, args, kwargs):
        try:
            self.outcome = function(*args, **kwargs)
        except BaseException as error:  # pylint: disable=broad-except
            self.error = error

    def join(self):
        self.thread.join()
        if self.error is not None:
            raise self.error
        return self.outcome


def main():
    """What `python3 tests/e2e/test_x.py` does; tests/run loads the module itself."""
    sys.exit(unittest.main(verbosity=2))
