# SPDX-License-Identifier: BSD-2-Clause
"""One thread whose CPU time is split in a known way: by default 70 % with the GIL, 30 % without.

    mixed.py [SECONDS [PERCENT_WITH_GIL]]

With the GIL: sum(range(n)), one C call that never looks at the eval breaker. Without: sha256 over a
big buffer, which hashlib does with the GIL released. The phases have random lengths of 0.3 to 7 ms,
so that no timer can beat with them. Truth: free_ns is the thread's CPU time (CLOCK_THREAD_CPUTIME)
between just before and just after the hash calls, gil_ns all the rest of the loop's CPU time.
"""

import hashlib
import random
import time

import workload

SHORTEST_NS = 300_000
LONGEST_NS = 7_000_000


def best_rate(call, size):
    """Units of `size` a nanosecond, the best of a few: the first calls touch cold memory."""
    best = 0.0
    for _ in range(7):
        begin = time.thread_time_ns()
        call(size)
        best = max(best, size / (time.thread_time_ns() - begin))
    return best


def main():
    seconds, percent = workload.arg(1, 5.0), workload.arg(2, 70.0)
    rng = random.Random(20250711)
    buffer = memoryview(bytearray(32 << 20))

    def hold(n):
        return sum(range(n))

    def free(n):
        return hashlib.sha256(buffer[:n])

    hold_rate = best_rate(hold, 200_000)
    free_rate = best_rate(free, 1 << 20)
    start = workload.begin()
    deadline = start + int(seconds * 1e9)
    cpu_start = time.thread_time_ns()
    free_ns = free_calls = hold_calls = 0
    while time.monotonic_ns() < deadline:
        length = rng.uniform(SHORTEST_NS, LONGEST_NS)
        total = time.thread_time_ns() - cpu_start
        # Whichever part is behind its share goes next.
        if free_ns * 100 < total * (100 - percent):
            size = min(max(int(length * free_rate), 4096), len(buffer))
            begin = time.thread_time_ns()
            free(size)
            free_ns += time.thread_time_ns() - begin
            free_calls += 1
        else:
            hold(int(length * hold_rate))
            hold_calls += 1
    total = time.thread_time_ns() - cpu_start
    workload.end(start, gil_ns=total - free_ns, free_ns=free_ns, thread_ns=total,
                 free_calls=free_calls, hold_calls=hold_calls)


main()
