# SPDX-License-Identifier: BSD-2-Clause
"""Two threads that hand the GIL to each other a known number of times.

    handoff.py [COUNT [SHORTEST_MS [LONGEST_MS]]]

The thread whose turn it is wakes the other (releases its lock), then holds the GIL in one C call of
random length, so that the other is certainly waiting for the GIL, and then blocks in its own lock.
The switch interval is far longer than the run: nothing is forced. Truth, under a GIL: COUNT (a
prime) hand-overs, each with exactly one GIL wait; together the waits take hold_ns, the time
between waking the other and blocking, less the COUNT wake-ups of some microseconds each. Starting
and joining the threads may add a wait or two for each of them, far shorter than hold_min_ns.
"""

import random
import sys
import threading
import time

import workload


def main():
    count = workload.arg(1, 499)
    shortest, longest = workload.arg(2, 1.0), workload.arg(3, 7.0)
    sys.setswitchinterval(1000.0)
    begin = time.thread_time_ns()
    sum(range(1_000_000))
    per_ms = 1_000_000 / ((time.thread_time_ns() - begin) / 1e6)
    rng = random.Random(499)
    work = [int(rng.uniform(shortest, longest) * per_ms) for _ in range(count)]
    work.append(0)  # the last hand-over's receiver has nobody left to keep waiting
    locks = [threading.Lock(), threading.Lock()]
    hold_ns = [0] * (count + 1)
    for lock in locks:
        lock.acquire()

    def run(me):
        mine, other = locks[me], locks[1 - me]
        for turn in range(me, count + 1, 2):
            mine.acquire()
            other.release()
            woken = time.perf_counter_ns()
            sum(range(work[turn]))
            hold_ns[turn] = time.perf_counter_ns() - woken

    start = workload.begin()
    threads = [threading.Thread(target=run, args=(me,)) for me in (0, 1)]
    for thread in threads:
        thread.start()
    locks[0].release()
    for thread in threads:
        thread.join()
    workload.end(start, count=count, hold_ns=sum(hold_ns[:count]),
                 hold_min_ns=min(hold_ns[:count]),
                 tids=[thread.native_id for thread in threads])


main()
