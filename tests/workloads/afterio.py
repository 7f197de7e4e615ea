# SPDX-License-Identifier: BSD-2-Clause
"""Threads that sleep and want the GIL back, beside one that never gives it up by itself.

    afterio.py [SECONDS [SLEEPERS]]

Truth: every return from a sleep (there are `sleeps` of them) waits for the GIL, for a switch
interval (5 ms) when the others sleep, longer when they wait too.
"""

import random
import threading
import time

import workload


def main():
    seconds, count = workload.arg(1, 4.0), workload.arg(2, 3)
    deadline = 0
    slept = [0] * count

    def sleep(index):
        rng = random.Random(index)
        while time.monotonic_ns() < deadline:
            time.sleep(rng.uniform(0.001, 0.03))
            slept[index] += 1

    start = workload.begin()
    deadline = start + int(seconds * 1e9)
    threads = [threading.Thread(target=sleep, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    workload.spin_until(deadline)
    for thread in threads:
        thread.join()
    workload.end(start, sleeps=sum(slept), sleeper_tids=[thread.native_id for thread in threads])


main()
