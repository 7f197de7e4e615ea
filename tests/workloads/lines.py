# SPDX-License-Identifier: BSD-2-Clause
"""Threads that run the same functions, each on lines of its own.

    lines.py [SECONDS [THREADS]]

Each thread spends nearly all its time in one arm of chain(), a long function, and some of it in
hot(), whose one line of work all share. Truth: "lines", [tid, the lines of its arm]; "before", the
lines of chain() that all pass on their way to their arm; "hot", those of hot(). On builds without
the GIL from 3.14 on each thread runs a copy of the bytecode of its own.
"""

import threading
import time

import workload

ARMS = 8


def hot(n):
    total = 0
    while total < n: total += 1  # noqa: E701
    return total


def chain(arm, n):
    total = 0
    match arm:
        case 0:
            for k in range(n):
                total += k
        case 1:
            for k in range(n):
                total -= k
        case 2:
            for k in range(n):
                total ^= k
        case 3:
            for k in range(n):
                total |= k
        case 4:
            for k in range(n):
                total &= k
        case 5:
            for k in range(n):
                total += k & 7
        case 6:
            for k in range(n):
                total -= k | 1
        case 7:
            for k in range(n):
                total = k - total
    return total


def spend(arm, until, lines):
    first = chain.__code__.co_firstlineno + 4 + 3 * arm
    lines.append([threading.get_native_id(), [first, first + 1]])
    while time.monotonic_ns() < until:
        chain(arm, 20_000)
        hot(2_000)


def main():
    seconds, threads = workload.arg(1, 6.0), workload.arg(2, ARMS)
    lines = []
    start = workload.begin()
    until = start + int(seconds * 1e9)
    workload.run_threads([lambda arm=arm: spend(arm % ARMS, until, lines)
                          for arm in range(threads)])
    first = chain.__code__.co_firstlineno
    workload.end(start, lines=lines, chain=first, hot=hot.__code__.co_firstlineno,
                 before=[first, first + 1, first + 2] + [first + 3 + 3 * n for n in range(ARMS)],
                 after=[first + 3 + 3 * ARMS])


main()
