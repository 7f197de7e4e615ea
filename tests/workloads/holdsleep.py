# SPDX-License-Identifier: BSD-2-Clause
"""A C call that sleeps while it holds the GIL, as a badly written extension does.

    holdsleep.py [COUNT [MILLISECONDS [WAITERS]]]

ctypes.PyDLL calls usleep() without releasing the GIL, COUNT (a prime) times. Truth: the GIL is held
off core for at least COUNT * MILLISECONDS (asleep_min_ns); WAITERS other threads, which count in
pure Python, can do nothing meanwhile. Without waiters asleep_ns is what the calls took in all, an
upper bound; with waiters that includes a wait for the GIL right after each call.
"""

import ctypes
import threading
import time

import workload


def main():
    count, length_ms, waiters = workload.arg(1, 211), workload.arg(2, 7), workload.arg(3, 0)
    usleep = ctypes.PyDLL(None).usleep
    stop = threading.Event()
    spent = 0

    def wait():
        while not stop.is_set():
            for _ in range(10_000):
                pass

    threads = [threading.Thread(target=wait) for _ in range(waiters)]
    start = workload.begin()
    for thread in threads:
        thread.start()
    for _ in range(count):
        begin = time.perf_counter_ns()
        usleep(length_ms * 1000)
        spent += time.perf_counter_ns() - begin
    stop.set()
    for thread in threads:
        thread.join()
    workload.end(start, count=count, asleep_min_ns=count * length_ms * 1_000_000, asleep_ns=spent,
                 waiter_tids=[thread.native_id for thread in threads])


main()
