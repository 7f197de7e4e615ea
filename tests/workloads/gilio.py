# SPDX-License-Identifier: BSD-2-Clause
"""Releases and takes the GIL as often as Python can: a write and a read of one byte a round.

    gilio.py [THREADS [ROUNDS]]

Truth: 2 * THREADS * ROUNDS releases of the GIL around system calls that never block. With one
thread none of them is ever waited for. The worst case for a profiler that probes the GIL.
"""

import os

import workload


def work(rounds):
    reader, writer = os.pipe()
    for _ in range(rounds):
        os.write(writer, b"x")
        os.read(reader, 1)
    os.close(reader)
    os.close(writer)


count, rounds = workload.arg(1, 1), workload.arg(2, 200_000)
start = workload.begin()
tids = workload.run_threads([lambda: work(rounds)] * count)
workload.end(start, tids=tids, threads=count, rounds=rounds, releases=2 * count * rounds)
