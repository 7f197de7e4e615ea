# SPDX-License-Identifier: BSD-2-Clause
"""Threads that count at the end of deep stacks, a fixed amount of work.

    nested.py [COUNT [DEPTH [THREADS]]]

Each thread counts to COUNT below DEPTH calls. Truth: every stack on a core is DEPTH deep and some
frames more; wall_ns is what the work takes, so that it can be compared with and without a profiler.
"""

import sys

import workload


def below(depth, count):
    if depth:
        return below(depth - 1, count)
    total = 0
    for n in range(count):
        total += n
    return total


def main():
    count, depth, threads = workload.arg(1, 10_000_000), workload.arg(2, 30), workload.arg(3, 2)
    sys.setrecursionlimit(10_000)
    start = workload.begin()
    workload.run_threads([lambda: below(depth, count)] * threads)
    workload.end(start, depth=depth)


main()
