# SPDX-License-Identifier: BSD-2-Clause
"""Collections of each generation, asked for.

    collect.py [COUNT [OBJECTS]]

Truth: COUNT collections of generation 0, half as many of generation 1 and a quarter of generation 2,
and no others; each has OBJECTS new containers to look at. collect_ns by generation is the time in
gc.collect(): an upper bound.
"""

import gc
import time

import workload


def main():
    count, objects = workload.arg(1, 40), workload.arg(2, 20_000)
    gc.collect()
    gc.disable()
    times, spent = [count, count // 2, count // 4], [0, 0, 0]
    start = workload.begin()
    for generation, runs in enumerate(times):
        for _ in range(runs):
            young = [[] for _ in range(objects)]
            begin = time.perf_counter_ns()
            gc.collect(generation)
            spent[generation] += time.perf_counter_ns() - begin
            del young
    workload.end(start, collections=times, collect_ns=spent)


main()
