# SPDX-License-Identifier: BSD-2-Clause
"""Context switches and nothing else: pairs of threads that pass a byte back and forth in C.

    pipes.py pass ROUNDS PAIRS [pin]     2 * ROUNDS * PAIRS hand-overs; pin: each pair on one core
    pipes.py naps COUNT THREADS NS       COUNT * THREADS short sleeps

Truth: that many switches of threads that hold no GIL.
"""

import ctypes
import os
import sys

import workload

lib = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "../../build/workloads/libpipes.so"))
lib.pass_bytes.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_int)
lib.take_naps.argtypes = (ctypes.c_long, ctypes.c_long)

mode, count, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
pin = "pin" in sys.argv[4:]
cpus = sorted(os.sched_getaffinity(0))
targets = []


def side(pair, source, sink, starts):
    if pin:
        os.sched_setaffinity(0, {cpus[pair % len(cpus)]})
    lib.pass_bytes(source, sink, count, starts)


for n in range(threads):
    if mode == "naps":
        targets.append(lambda: lib.take_naps(count, int(sys.argv[4])))
        continue
    there, back = os.pipe(), os.pipe()
    targets.append(lambda n=n, r=back[0], w=there[1]: side(n, r, w, 1))
    targets.append(lambda n=n, r=there[0], w=back[1]: side(n, r, w, 0))
start = workload.begin()
workload.run_threads(targets)
workload.end(start, switches=count * threads * (1 if mode == "naps" else 2))
