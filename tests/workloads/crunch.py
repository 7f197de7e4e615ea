# SPDX-License-Identifier: BSD-2-Clause
"""The example: threads that count, in pure Python and with nothing shared.

    crunch.py [N [THREADS]] [--wait]

Truth: under the GIL one thread runs at a time, however many cores there are; without it they all
run. With --wait it follows the protocol of workload.py, else it prints its wall time alone.
"""

import sys
import threading
import time


def crunch(n):
    total = 0
    for _ in range(n):
        total += 1
    return total


def run(n, count):
    threads = [threading.Thread(target=crunch, args=(n,)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [thread.native_id for thread in threads]


def main():
    args = [int(a) for a in sys.argv[1:] if a != "--wait"]
    n = args[0] if args else 10_000_000
    count = args[1] if len(args) > 1 else 4
    if "--wait" in sys.argv:
        import workload

        start = workload.begin()
        workload.end(start, tids=run(n, count), n=n, threads=count)
        return
    start = time.perf_counter()
    run(n, count)
    print(f"{time.perf_counter() - start:.2f} s")


main()
