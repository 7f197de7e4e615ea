# SPDX-License-Identifier: BSD-2-Clause
"""One thread holds the GIL for long, two others want it.

    blame.py [SECONDS [WANTERS]]

The main thread adds up a range in one C call of some 40 ms after the other, in hold(); the others
sleep for a moment and then count a little, in want(). Truth: nearly all waits for the GIL stand
below want(), and nearly all of them hold() is to blame for. holds is the number of calls, held_ns
what they took.
"""

import threading
import time

import workload


def hold(numbers):
    return sum(numbers)


def want(stop):
    rounds = 0
    while not stop.is_set():
        time.sleep(0.001)
        for _ in range(100):
            rounds += 1


def main():
    seconds, wanters = workload.arg(1, 10.0), workload.arg(2, 2)
    size = 100_000
    while True:
        begin = time.perf_counter()
        hold(range(size))
        took = time.perf_counter() - begin
        if took > 0.005:
            break
        size *= 2
    numbers = range(int(size * 0.04 / took))
    stop = threading.Event()
    threads = [threading.Thread(target=want, args=(stop,)) for _ in range(wanters)]
    start = workload.begin()
    for thread in threads:
        thread.start()
    until = start + int(seconds * 1e9)
    holds = held = 0
    shortest, longest = 1 << 62, 0
    while time.monotonic_ns() < until:
        begin = time.perf_counter_ns()
        hold(numbers)
        length = time.perf_counter_ns() - begin
        held += length
        shortest, longest = min(shortest, length), max(longest, length)
        holds += 1
    stop.set()
    for thread in threads:
        thread.join()
    workload.end(start, holds=holds, held_ns=held, shortest_ns=shortest, longest_ns=longest,
                 wanter_tids=[thread.native_id for thread in threads])


main()
