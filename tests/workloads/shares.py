# SPDX-License-Identifier: BSD-2-Clause
"""Known shares of CPU time: 70 % in f(), of which a part on each of two lines, and 30 % in g().

    shares.py [SECONDS [THREADS]]

Pieces of some milliseconds, of changing length so that no sampling can keep step with them, in turn
until SECONDS of CPU time are used in each thread. Truth: cpu_ns by function and by loop, from
time.thread_time_ns() around each loop, and the lines that each loop runs on.
"""

import random
import threading
import time

import workload

PIECE_NS = 3_000_000


def f(first, second, clock):
    begin = clock()
    for _ in range(first):
        pass
    middle = clock()
    while second > 0:
        second -= 1
    return middle - begin, clock() - middle


def g(count, clock):
    begin = clock()
    total = 0
    for n in range(count):
        total += n
    return clock() - begin


def share(seconds, seed, totals):
    """Which loop gets how much follows from what they took so far, so that the shares hold."""
    clock = time.thread_time_ns
    draw = random.Random(seed)
    rate = [0.1, 0.05, 0.05]  # iterations a nanosecond
    want = (0.45, 0.25, 0.30)
    spent = [1, 1, 1]
    until = clock() + int(seconds * 1e9)
    while clock() < until:
        length = PIECE_NS * draw.uniform(0.5, 1.5)
        all_ns = sum(spent) + length
        count = [max(0, int((share * all_ns - ns) * speed))
                 for share, ns, speed in zip(want, spent, rate)]
        took = (*f(count[0], count[1], clock), g(count[2], clock))
        for n, ns in enumerate(took):
            spent[n] += ns
            if count[n] > 1000:
                rate[n] = count[n] / ns
    totals.append(spent)


def main():
    seconds, threads = workload.arg(1, 10.0), workload.arg(2, 1)
    totals = []
    first, second = f.__code__.co_firstlineno, g.__code__.co_firstlineno
    start = workload.begin()
    if threads == 1:
        share(seconds, 1, totals)
    else:
        workload.run_threads([lambda seed=seed: share(seconds, seed, totals)
                              for seed in range(threads)])
    one, two, three = (sum(column) for column in zip(*totals))
    workload.end(start, f_ns=one + two, g_ns=three, file=__file__,
                 loops=[["f", one, [first + 2, first + 3]], ["f", two, [first + 5, first + 6]],
                        ["g", three, [second + 3, second + 4]]])


main()
