# SPDX-License-Identifier: BSD-2-Clause
"""A session's stacks, read without the code that reports and exports them (tests/tools/stacks.c)."""

import collections
import json
import os
import signal
import subprocess
import tempfile
import time

import ftp

TOOLS = os.path.join(ftp.BUILD, "tools")
PYTHON, NATIVE, KERNEL, MARK = range(4)
# enum ft_state, FT_SK_*
(ON, GIL_WAIT, GIL_SWITCH, LOCK_WAIT, SYNC_WAIT, STW, RUNQ, BLOCKED, FAULT, STOPPED) = range(10)
ON_CORE = (16, 17, 18)
BLAME, BLAME_OFF, BLAME_FREE = 24, 25, 26
# enum ft_pymark: those that stand for a walk that went wrong
ERROR_MARKS = (3, 4, 5, 6, 7)
TICK, SLICE = 2, 1

Frame = collections.namedtuple("Frame", "name file line first kind error")
Weight = collections.namedtuple("Weight", "stack kind arg ns raw_ns cnt")
Event = collections.namedtuple("Event", "tid type out_ns wake_ns ts state stack")


class Session:
    """stacks are tuples of frames, outermost first; None where there is none."""

    def __init__(self, path, events=False):
        tool = os.path.join(TOOLS, "stacks")
        ftp.need(os.access(tool, os.X_OK), "build/tools/stacks is not built")
        done = subprocess.run([tool, *(["-e"] if events else []), path], capture_output=True,
                              check=True, timeout=120)
        self.raw = json.loads(done.stdout)
        self.frames = [Frame(*row) for row in self.raw["frames"]]
        self.known = {-1: None}
        self.weights = [Weight(self.stack(row[0]), *row[1:]) for row in self.raw["weights"]]
        self.threads = self.raw["threads"]
        self.events = [Event(self.threads[row[0]][0], *row[1:6], self.stack(row[6]))
                       for row in self.raw.get("events", ())]

    def stack(self, node):
        """The frames of a node."""
        path = []
        at = node
        while at not in self.known:
            path.append(at)
            at = self.raw["nodes"][at][0]
        for at in reversed(path):
            parent, frame = self.raw["nodes"][at]
            self.known[at] = (self.known[parent] or ()) + (self.frames[frame],)
        return self.known[node]

    def ns(self, kinds, holds=lambda stack: True, field="ns"):
        """The weight of these kinds whose stack (not None) holds."""
        return sum(getattr(row, field) for row in self.weights
                   if row.kind in kinds and row.stack is not None and holds(row.stack))

    def all_ns(self, kinds):
        """With what has no stack."""
        return sum(row.ns for row in self.weights if row.kind in kinds)

    def state_ns(self, state):
        """The exact time of all threads in a state."""
        return sum(row[2][state] for row in self.threads)

    def errors(self):
        """Stacks with a mark of an error, and all that were walked."""
        return sum(self.raw["marks"][mark] for mark in ERROR_MARKS), self.raw["walked"]

    def counters(self):
        """What to print with a failure."""
        return {name: value for name, value in self.raw.items()
                if name not in ("frames", "nodes", "weights", "threads", "events")}


def python(stack):
    """The Python frames of a stack."""
    return tuple(frame for frame in stack if frame.kind == PYTHON)


def has(name):
    """Whether a stack has a function of that name."""
    return lambda stack: any(frame.name == name for frame in stack)


def leaf(stack):
    """The innermost Python frame, or None."""
    for frame in reversed(stack):
        if frame.kind == PYTHON:
            return frame
    return None


def text(stack):
    """A stack in one line."""
    return ";".join(f"{frame.name}:{frame.line}" for frame in stack or ())


def watch(load, *options, events=False, timeout=120, during=None):
    """Profiles a workload from before its go until after its result.

    Returns (report, session, truth); during(path) runs while the session is still on disk.
    """
    with tempfile.TemporaryDirectory() as where:
        path = os.path.join(where, "s.ftprof")
        report, truth = ftp.watch(load, *options, session=path, timeout=timeout)
        session = Session(path, events)
        if during:
            during(path)
    return report, session, truth


def walk(pid):
    """[(tid, stack)] by a walk from user space; of a process that stands still.

    A thread has a thread state, and so a stack, in each interpreter that it ran.
    """
    tool = os.path.join(TOOLS, "walk")
    ftp.need(os.access(tool, os.X_OK), "build/tools/walk is not built")
    done = subprocess.run([tool, str(pid)], capture_output=True, check=True, timeout=60)
    got = json.loads(done.stdout)
    if got["torn"]:
        raise AssertionError("the thread list changed although the process stands still")
    return [(tid, tuple(Frame(name, file or "", line, 0 if file is None else first,
                              MARK if file is None else PYTHON, first if file is None else 0)
                        for name, file, line, first in stack))
            for tid, stack in got["threads"]]


class Stopped:
    """Holds a workload of ours still: every thread is stopped inside the with."""

    def __init__(self, pid):
        self.pid = pid

    def states(self):
        """The letter of each thread's state."""
        letters = set()
        for tid in os.listdir(f"/proc/{self.pid}/task"):
            try:
                with open(f"/proc/{self.pid}/task/{tid}/stat", encoding="utf-8",
                          errors="replace") as file:
                    letters.add(file.read().rpartition(")")[2].split()[0])
            except (FileNotFoundError, ProcessLookupError):
                pass
        return letters

    def __enter__(self):
        os.kill(self.pid, signal.SIGSTOP)
        deadline = time.monotonic() + 10
        while self.states() != {"T"}:
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGCONT)
                raise AssertionError(f"not stopped: {self.states()}")
            time.sleep(0.001)
        return self

    def __exit__(self, *exc):
        os.kill(self.pid, signal.SIGCONT)
