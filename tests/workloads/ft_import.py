# SPDX-License-Identifier: BSD-2-Clause
"""Imports a module while threads compute.

    ft_import.py FOLDER MODULE [SECONDS [DELAY]]

FOLDER goes before everything else that modules come from; MODULE is imported DELAY seconds after
the start, or before the process says that it is ready when DELAY is negative.

Truth: imported_ns, CLOCK_MONOTONIC around the import (two of them), and gil, whether the GIL is on
after it. The computing threads go on until SECONDS after the start.
"""

import importlib
import sys
import threading
import time

import workload


def main():
    sys.path.insert(0, sys.argv[1])
    module, seconds, delay = sys.argv[2], workload.arg(3, 4.0), workload.arg(4, 2.0)

    def bring():
        begin = time.monotonic_ns()
        importlib.import_module(module)
        return [begin, time.monotonic_ns()]

    imported = bring() if delay < 0 else None
    start = workload.begin()
    deadline = start + int(seconds * 1e9)
    threads = [threading.Thread(target=workload.spin_until, args=(deadline,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    if delay >= 0:
        time.sleep(delay)
        imported = bring()
    for thread in threads:
        thread.join()
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    workload.end(start, imported_ns=imported, gil=gil, module=module)


main()
