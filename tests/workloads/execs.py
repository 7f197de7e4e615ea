# SPDX-License-Identifier: BSD-2-Clause
"""Replaces its program in the middle of its work.

    execs.py [SECONDS [SCRIPT [ARGS...]]]

Counts for SECONDS beside a thread that waits, then execs the same interpreter with SCRIPT (default:
single.py with 30 seconds). Truth: the process id stays, everything else changes.
"""

import os
import sys
import threading
import time

import workload

seconds = workload.arg(1, 0.5)
rest = sys.argv[2:] or [os.path.join(os.path.dirname(os.path.abspath(__file__)), "single.py"), "30"]
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
start = workload.begin()
workload.spin_until(start + int(seconds * 1e9))
os.execv(sys.executable, [sys.executable, *rest])
