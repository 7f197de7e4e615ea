# SPDX-License-Identifier: BSD-2-Clause
"""An idle ThreadPoolExecutor beside one thread that works.

    idlepool.py [SECONDS [POOL_THREADS]]

Truth: the pool's threads wait in the program's own synchronisation all the time (that is no
contention), worker_tid is on a core all the time, and the GIL is never waited for.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import workload


def main():
    seconds, count = workload.arg(1, 5.0), workload.arg(2, 8)
    barrier = threading.Barrier(count)

    def meet(_):
        barrier.wait()  # makes each thread take exactly one task, so all get started
        return threading.get_native_id()

    with ThreadPoolExecutor(count) as pool:
        tids = list(pool.map(meet, range(count)))
        time.sleep(0.1)
        start = workload.begin()
        spins = workload.spin_until(start + int(seconds * 1e9))
        workload.end(start, idle_tids=tids, worker_tid=threading.get_native_id(), spins=spins)


main()
