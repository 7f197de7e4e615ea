# SPDX-License-Identifier: BSD-2-Clause
"""Two locks of different cost, with two threads each that fight for it.

    ft_two_locks.py sleep|compute [SECONDS]

`sleep`: whoever holds a lock sleeps, so cores are free all the time, and a thread that waits is
waiting for the lock and for nothing else. `compute`: two threads in all fight for one lock, then
for the other, PHASE_NS each in turn, and compute while they hold it; with two cores nobody waits
for a core.

Truth: of each lock ("costly", "cheap") wait_ns, the time inside acquire() beyond what it takes when
nobody has the lock, by time.perf_counter_ns(), less what the thread waited for a core meanwhile, by
the kernel's books (schedstat): runq_ns; acquires, those that had to wait, and the line.
"""

import os
import statistics
import sys
import threading
import time

import workload

PHASE_NS = 250_000_000
WAITED_NS = 2_000  # beyond what a free lock takes; what an interrupt takes counts as waiting too


class Timed:
    """A lock, and what its threads noted of it: (time in acquire(), of it waiting for a core)."""

    def __init__(self, free_ns):
        self.lock = threading.Lock()
        self.free_ns = free_ns
        self.took = []

    def truth(self, line):
        waits = [(took - self.free_ns, runq) for took, runq in self.took
                 if took - self.free_ns > WAITED_NS]
        return {"wait_ns": sum(max(0, took - runq) for took, runq in waits), "waits": len(waits),
                "runq_ns": sum(runq for _, runq in waits), "acquires": len(self.took),
                "line": line}


class Books:
    """What the kernel says of the calling thread: time that it was ready to run and had no core."""

    def __init__(self):
        self.file = os.open("/proc/thread-self/schedstat", os.O_RDONLY)

    def runq_ns(self):
        return int(os.pread(self.file, 64, 0).split()[1])


def take_costly(timed, took, books):
    clock, before = time.perf_counter_ns, books.runq_ns()
    begin = clock()
    timed.lock.acquire()
    took.append((clock() - begin, books.runq_ns() - before))


def take_cheap(timed, took, books):
    clock, before = time.perf_counter_ns, books.runq_ns()
    begin = clock()
    timed.lock.acquire()
    took.append((clock() - begin, books.runq_ns() - before))


def free_ns():
    """What a lock that is free takes."""
    timed, took, books = Timed(0), [], Books()
    for _ in range(10_000):
        take_costly(timed, took, books)
        timed.lock.release()
    return int(statistics.median(ns for ns, _ in took))


def compute(count):
    for _ in range(count):
        pass


def sleepers(timed, take, hold_s, rest_s, deadline):
    """Two threads that sleep while they hold the lock."""
    def work():
        took, books = [], Books()
        while time.monotonic_ns() < deadline:
            take(timed, took, books)
            time.sleep(hold_s)
            timed.lock.release()
            time.sleep(rest_s)
        timed.took += took

    return [work, work]


def computers(costly, cheap, deadline):
    """Two threads that fight for one lock, and after a while for the other."""
    def work():
        long, short, books = [], [], Books()
        while time.monotonic_ns() < deadline:
            if time.monotonic_ns() // PHASE_NS % 2 == 0:
                take_costly(costly, long, books)
                compute(600_000)
                costly.lock.release()
                compute(40_000)
            else:
                take_cheap(cheap, short, books)
                compute(200_000)
                cheap.lock.release()
                compute(120_000)
        costly.took += long
        cheap.took += short

    return [work, work]


def main():
    how, seconds = sys.argv[1], workload.arg(2, 4.0)
    if how not in ("sleep", "compute"):
        sys.exit("ft_two_locks.py: the first argument is sleep or compute")
    free = free_ns()
    costly, cheap = Timed(free), Timed(free)
    start = workload.begin()
    deadline = start + int(seconds * 1e9)
    if how == "sleep":
        work = [*sleepers(costly, take_costly, 0.012, 0.001, deadline),
                *sleepers(cheap, take_cheap, 0.004, 0.0025, deadline)]
    else:
        work = computers(costly, cheap, deadline)
    workload.run_threads(work)
    workload.end(start, free_ns=free, costly=costly.truth(take_costly.__code__.co_firstlineno + 3),
                 cheap=cheap.truth(take_cheap.__code__.co_firstlineno + 3), file=__file__)


main()
