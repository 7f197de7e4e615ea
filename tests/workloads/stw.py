# SPDX-License-Identifier: BSD-2-Clause
"""Collections that stop the world, beside threads that compute.

    stw.py [COUNT [THREADS [OBJECTS]]]

Truth: COUNT (a prime) full collections over a heap of OBJECTS containers. On a free-threaded build
every other thread is suspended for a part of each; collect_ns is the time spent in gc.collect(), an
upper bound of the pauses of any one thread. Under the GIL there is no such pause.
"""

import gc
import threading
import time

import workload


def main():
    count, others, objects = workload.arg(1, 101), workload.arg(2, 2), workload.arg(3, 200_000)
    gc.disable()
    heap = [[i] for i in range(objects)]
    stop = threading.Event()
    collect_ns = 0

    def compute():
        while not stop.is_set():
            for _ in range(10_000):
                pass

    threads = [threading.Thread(target=compute) for _ in range(others)]
    start = workload.begin()
    for thread in threads:
        thread.start()
    for _ in range(count):
        begin = time.perf_counter_ns()
        gc.collect()
        collect_ns += time.perf_counter_ns() - begin
        time.sleep(0.003)
    stop.set()
    for thread in threads:
        thread.join()
    workload.end(start, count=count, collect_ns=collect_ns, objects=len(heap),
                 compute_tids=[thread.native_id for thread in threads])


main()
