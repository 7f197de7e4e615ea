# SPDX-License-Identifier: BSD-2-Clause
"""Threads that change one shared list or dict: contention that only a free-threaded build has.

    locks.py [SECONDS [THREADS [list|dict|private]]]

Truth: with `list` and `dict` all threads use one object, whose lock they fight for when there is no
GIL; with `private` each has its own, and no lock is ever contended. ops is what got done.
"""

import sys
import time

import workload


def main():
    seconds, count = workload.arg(1, 5.0), workload.arg(2, 4)
    kind = sys.argv[3] if len(sys.argv) > 3 else "dict"
    if kind not in ("list", "dict", "private"):
        sys.exit("locks.py: the third argument is list, dict or private")
    shared_list, shared_dict = [0] * 64, dict.fromkeys(range(64), 0)
    deadline = 0
    ops = [0] * count

    def work(index):
        items = shared_list if kind == "list" else shared_dict
        if kind == "private":
            items = dict.fromkeys(range(64), 0)
        done = 0
        while time.monotonic_ns() < deadline:
            for i in range(1000):
                items[i & 63] = i
            done += 1000
        ops[index] = done

    start = workload.begin()
    deadline = start + int(seconds * 1e9)
    tids = workload.run_threads([lambda i=i: work(i) for i in range(count)])
    workload.end(start, tids=tids, ops=sum(ops), kind=kind)


main()
