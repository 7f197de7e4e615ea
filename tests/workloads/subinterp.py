# SPDX-License-Identifier: BSD-2-Clause
"""Interpreters with a GIL of their own, each busy in a thread of its own.

    subinterp.py [SECONDS [INTERPRETERS]]

Truth: under the GIL build the threads run at once all the same, and none ever waits for a GIL,
since each interpreter's GIL has one user. A profiler that knows one GIL a process gets this wrong.
"""

from concurrent import interpreters

import workload

CODE = """
import time
count = 0
while time.monotonic_ns() < {deadline}:
    for _ in range(1000):
        count += 1
"""


def main():
    seconds, count = workload.arg(1, 5.0), workload.arg(2, 3)
    own = [interpreters.create() for _ in range(count)]
    start = workload.begin()
    code = CODE.format(deadline=start + int(seconds * 1e9))
    tids = workload.run_threads([lambda i=i: i.exec(code) for i in own])
    workload.end(start, tids=tids, interpreters=count)


main()
