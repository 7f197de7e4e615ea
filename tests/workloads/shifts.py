# SPDX-License-Identifier: BSD-2-Clause
"""Threads of different kinds side by side, all at rest before the start and after the end.

    shifts.py [SECONDS]

Two count in pure Python, one hashes (GIL released), one sleeps and works in turns, two hand a byte
back and forth through pipes, one sleeps all along. Truth: the threads, of which `kinds` has the ids,
live and sleep in their own lock before the start and after the end, so that the kernel's books on
them (/proc/PID/task/TID/schedstat) are closed at both ends.
"""

import hashlib
import os
import threading
import time

import workload


def main():
    seconds = workload.arg(1, 5.0)
    go, dismissed = threading.Event(), threading.Event()
    deadline = 0
    buffer = bytes(1 << 20)
    pipes = [os.pipe(), os.pipe()]

    def count():
        workload.spin_until(deadline)

    def digest():
        while time.monotonic_ns() < deadline:
            hashlib.sha256(buffer).digest()

    def turns():
        while time.monotonic_ns() < deadline:
            time.sleep(0.02)
            sum(range(200_000))

    def ping():
        while time.monotonic_ns() < deadline:
            os.write(pipes[0][1], b"x")
            os.read(pipes[1][0], 1)
            time.sleep(0.02)
        os.write(pipes[0][1], b".")

    def pong():
        while os.read(pipes[0][0], 1) != b".":
            os.write(pipes[1][1], b"x")

    done = threading.Barrier(7)

    def shift(work):
        go.wait()
        work()
        done.wait()
        dismissed.wait()

    kinds = {"count 1": count, "count 2": count, "digest": digest, "turns": turns, "ping": ping,
             "pong": pong}
    threads = {name: threading.Thread(target=shift, args=(work,), name=name, daemon=True)
               for name, work in kinds.items()}
    # Not through go and done: at those the threads of a free-threaded build meet in one lock, and
    # yield forty times each before they sleep, a scheduler's slice at a time.
    threads["rest"] = threading.Thread(target=dismissed.wait, name="rest", daemon=True)
    for thread in threads.values():
        thread.start()
    time.sleep(0.2)
    start = workload.begin()
    deadline = start + int(seconds * 1e9)
    go.set()
    done.wait()
    time.sleep(0.05)
    workload.end(start, kinds={name: thread.native_id for name, thread in threads.items()})


main()
