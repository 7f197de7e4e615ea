# SPDX-License-Identifier: BSD-2-Clause
"""What the workloads share: the protocol with the test that runs them.

A workload prints "ready PID", waits for a line on its standard input so that a profiler can be
attached, runs, and prints what it knows of its own truth as one line of JSON, the last it prints.
It then waits for the end of its standard input: a profiler must be able to read the process as
long as the test wants it to.
"""

import json
import os
import sys
import threading
import time


def begin():
    """Announces the process and waits for the start; returns the start in CLOCK_MONOTONIC ns."""
    print("ready", os.getpid(), flush=True)
    sys.stdin.readline()
    return time.monotonic_ns()


def end(start_ns, **truth):
    """Prints the truth, with the wall time and the CPU time, and waits to be dismissed."""
    stop_ns = time.monotonic_ns()
    truth.update(wall_ns=stop_ns - start_ns, start_ns=start_ns, stop_ns=stop_ns,
                 cpu_ns=time.process_time_ns(), main_tid=threading.get_native_id())
    print(json.dumps(truth), flush=True)
    sys.stdin.read()


def arg(index, default):
    """The index-th argument as a number of the default's type, or the default."""
    return type(default)(sys.argv[index]) if len(sys.argv) > index else default


def spin_until(deadline_ns):
    """Pure Python on a core until a CLOCK_MONOTONIC time; returns the iterations."""
    count = 0
    while time.monotonic_ns() < deadline_ns:
        for _ in range(1000):
            count += 1
    return count


def run_threads(targets):
    """Runs the functions in a thread each, until all are done; returns their native ids."""
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    ids = [thread.native_id for thread in threads]
    for thread in threads:
        thread.join()
    return ids
