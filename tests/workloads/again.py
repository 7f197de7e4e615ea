# SPDX-License-Identifier: BSD-2-Clause
"""Replaces its program by one of the same shape: the same addresses, other names.

    again.py OTHER

Both programs are copies of this file in which alone the name spin_here differs. Each counts for a
second in that function; the first, whose name ends in "1.py", then execs OTHER. Truth: half of the
time belongs to each; without randomised addresses (setarch -R) their code objects stand in the same
places.
"""

import os
import sys
import time


def spin_here(deadline):
    while time.monotonic() < deadline:
        for _ in range(1000):
            pass


spin_here(time.monotonic() + 1)
if __file__.endswith("1.py"):
    os.execv(sys.executable, [sys.executable, sys.argv[1], sys.argv[1]])
