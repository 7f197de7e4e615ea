# SPDX-License-Identifier: BSD-2-Clause
"""Threads that come and go quickly, some within less than a millisecond.

    churn.py [COUNT [AT_ONCE]]

Truth: exactly COUNT (a prime) threads are made beside the main thread, AT_ONCE of them at a time.
Every third does nothing, the others count for up to 5 ms. Their ids are reused by the kernel sooner
or later: a profiler that keys by id mixes them up.
"""

import random
import threading

import workload


def main():
    count, at_once = workload.arg(1, 997), workload.arg(2, 5)
    rng = random.Random(997)
    tids = []

    def work(n):
        for _ in range(n):
            pass

    start = workload.begin()
    made = 0
    while made < count:
        batch = []
        for _ in range(min(at_once, count - made)):
            n = 0 if made % 3 == 0 else rng.randrange(1000, 100_000)
            batch.append(threading.Thread(target=work, args=(n,)))
            made += 1
        for thread in batch:
            thread.start()
        for thread in batch:
            thread.join()
            tids.append(thread.native_id)
    workload.end(start, count=made, distinct_tids=len(set(tids)))


main()
