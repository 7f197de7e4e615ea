# SPDX-License-Identifier: BSD-2-Clause
"""A thread that goes back and forth between its own interpreter and another one.

    guest.py [ROUNDS [IDLE]]

Five times a round it counts for 70 ms and sleeps for 30 ms here, then counts for 110 ms and sleeps
for 70 ms in the other interpreter; IDLE more interpreters do nothing. Truth: the parts of both
that belong to the other one.
"""

from concurrent import interpreters

import time

import workload

CODE = """
import time
def spin_inside(deadline):
    while time.monotonic() < deadline:
        for _ in range(1000):
            pass
def sleep_inside(seconds):
    time.sleep(seconds)
spin_inside(time.monotonic() + 0.11)
sleep_inside(0.07)
"""


def spin_outside(deadline):
    while time.monotonic() < deadline:
        for _ in range(1000):
            pass


def sleep_outside(seconds):
    time.sleep(seconds)


def main():
    other = interpreters.create()
    idle = [interpreters.create() for _ in range(workload.arg(2, 0))]

    def work():
        for _ in range(workload.arg(1, 4)):
            for _ in range(5):
                spin_outside(time.monotonic() + 0.07)
                sleep_outside(0.03)
                other.exec(CODE)

    start = workload.begin()
    tids = workload.run_threads([work])
    workload.end(start, tids=tids, idle=len(idle), **{"on-cpu": 11 / 18, "blocked": 7 / 10})


main()
