# SPDX-License-Identifier: BSD-2-Clause
"""Many threads that only wait: half in time.sleep(), half in recv() on sockets.

    iobound.py [SECONDS [THREADS]]

Truth: nearly all the time of every thread is sleep in a system call (clock_nanosleep, recvfrom), a
few tens of microseconds of CPU time a message; the GIL limits nothing.
"""

import random
import socket
import threading
import time

import workload


def main():
    seconds, count = workload.arg(1, 5.0), workload.arg(2, 100)
    sleepers = count // 2
    pairs = [socket.socketpair() for _ in range(count - sleepers)]
    received = [0] * len(pairs)
    slept = [0] * sleepers
    deadline = 0

    def sleep(index):
        rng = random.Random(index)
        while time.monotonic_ns() < deadline:
            time.sleep(rng.uniform(0.020, 0.080))
            slept[index] += 1

    def receive(index):
        while pairs[index][0].recv(1):
            received[index] += 1

    start = workload.begin()
    deadline = start + int(seconds * 1e9)
    threads = [threading.Thread(target=sleep, args=(i,)) for i in range(sleepers)]
    threads += [threading.Thread(target=receive, args=(i,)) for i in range(len(pairs))]
    for thread in threads:
        thread.start()
    sent = 0
    while time.monotonic_ns() < deadline:
        time.sleep(0.002)
        pairs[sent % len(pairs)][1].send(b"x")
        sent += 1
    for pair in pairs:
        pair[1].close()
    for thread in threads:
        thread.join()
    workload.end(start, sent=sent, received=sum(received), sleeps=sum(slept),
                 sleeper_tids=[thread.native_id for thread in threads[:sleepers]],
                 receiver_tids=[thread.native_id for thread in threads[sleepers:]])


main()
