# SPDX-License-Identifier: BSD-2-Clause
"""One thread, pure Python, always on a core.

    single.py [SECONDS]

Truth: the main thread runs Python for all of the time; nobody waits for anything.
"""

import workload

seconds = workload.arg(1, 5.0)
start = workload.begin()
spins = workload.spin_until(start + int(seconds * 1e9))
workload.end(start, spins=spins)
