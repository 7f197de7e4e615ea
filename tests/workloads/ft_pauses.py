# SPDX-License-Identifier: BSD-2-Clause
"""Stop-the-world pauses of one cause, beside three threads that compute.

    ft_pauses.py CAUSE [SECONDS [OBJECTS]]

CAUSE: gc (gc.collect() over OBJECTS containers), trace (sys.settrace()), fork, class (an object's
__class__ is set), inspect (sys._current_frames()) or none. The main thread asks for them, every few
milliseconds.

Truth: asked, how often (a collection takes two pauses, the others one); asked_ns, the time in those
calls, an upper bound of the pauses; the line they come from.
"""

import gc
import os
import sys
import threading
import time

import workload


class One:
    """What an object is."""


class Other:
    """What it becomes."""


def collect(_):
    gc.collect()


def trace(_):
    sys.settrace(None)


def fork(_):
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def change(shared):
    shared[0].__class__ = Other if type(shared[0]) is One else One


def inspect(_):
    sys._current_frames()


def nothing(_):
    pass


CAUSES = {"gc": collect, "trace": trace, "fork": fork, "class": change, "inspect": inspect,
          "none": nothing}


def main():
    cause, seconds, objects = sys.argv[1], workload.arg(2, 4.0), workload.arg(3, 100_000)
    ask = CAUSES[cause]
    gc.disable()
    heap = [[n] for n in range(objects if cause == "gc" else 0)]
    shared = [One()]  # with one reference only it would be changed without a pause
    also = shared[0]
    stop = threading.Event()

    def compute():
        while not stop.is_set():
            for _ in range(10_000):
                pass

    threads = [threading.Thread(target=compute) for _ in range(3)]
    start = workload.begin()
    for thread in threads:
        thread.start()
    deadline = start + int(seconds * 1e9)
    asked = asked_ns = 0
    while time.monotonic_ns() < deadline:
        begin = time.perf_counter_ns()
        ask(shared)
        asked_ns += time.perf_counter_ns() - begin
        asked += 1
        time.sleep(0.003)
    stop.set()
    for thread in threads:
        thread.join()
    workload.end(start, asked=asked, asked_ns=asked_ns, heap=len(heap), kept=also is shared[0],
                 line=ask.__code__.co_firstlineno + 1, function=ask.__name__, file=__file__)


main()
