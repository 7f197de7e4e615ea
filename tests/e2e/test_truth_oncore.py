# SPDX-License-Identifier: BSD-2-Clause
"""On-core time against the kernel's own books, /proc/PID/task/TID/schedstat."""

import threading
import time
import unittest

import ftp

BOUND = 0.005  # of the time in question
# The kernel often charges a woken thread from its wake-up on, not from the switch (__schedule()
# takes the clock of the wake-up when it just ran): some microseconds a switch, which ftprof calls
# the run queue. So on-core time is compared for threads that stay on a core for this long at a
# time, and for all of them on-core time and run queue together, which have no such border.
LONG_SLICE_NS = 1_000_000
BOTH_SLACK_NS = 2_000_000  # for threads that hardly ran
# On some virtual machines the kernel reports nothing while the host's agent has the core: no switch
# (ftprof counts those it made good), and no wake-up either, until the agent's turn ends.
UNSEEN_NS = 5_000_000


def ready_ns(row):
    """On a core, or ready for one."""
    return ftp.on_core_ns(row) + row["state_ns"]["runq"] + row["gil_wait_runq_ns"]


class Steps:
    """Reads schedstat again and again, with the time before and after each reading."""

    def __init__(self, pid, period):
        self.pid, self.period = pid, period
        self.rows = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.over.wait(self.period):
            begin = time.monotonic_ns()
            stats = ftp.schedstat(self.pid)
            self.rows.append((begin, time.monotonic_ns(), stats))

    def stop(self):
        self.over.set()
        self.thread.join()
        return self.rows


class OnCore(unittest.TestCase):
    def setUp(self):
        ftp.need_ftprof()

    def compare(self, kind):
        """All threads rest at both ends, where the kernel's books are exact."""
        def once():
            with ftp.start(kind, "shifts.py", 6, urgent=True) as load:
                books = [ftp.schedstat(load.pid)]
                steal = ftp.steal_ns()
                report, truth = ftp.watch(load, after=lambda: books.append(ftp.schedstat(load.pid)))
                return report, truth, books, ftp.steal_ns() - steal

        report, truth, books, steal = ftp.undisturbed(once)
        before, after = books
        self.assertEqual(report["session"]["events"]["lost"], 0)
        told = []
        for name, tid in truth["kinds"].items():
            row = ftp.thread_of(report, tid)
            kernel_on, kernel_runq, _ = (now - then for now, then in zip(after[tid], before[tid]))
            ours = ftp.on_core_ns(row)
            told.append(f"{name}: on core {ours} kernel {kernel_on} off {ours - kernel_on}, with "
                        f"run queue {ready_ns(row)} kernel {kernel_on + kernel_runq} off "
                        f"{ready_ns(row) - kernel_on - kernel_runq}, {row['switches']} switches")
            # Stolen time is in ours and not in the kernel's; whose it was nobody knows.
            slack = BOUND * kernel_on
            if (kernel_on / max(row["switches"], 1) >= LONG_SLICE_NS and
                    not kernel_on - slack <= ours <= kernel_on + slack + steal):
                told.append(f"-> {name}: on core")
            slack = (BOUND * (kernel_on + kernel_runq) + BOTH_SLACK_NS +
                     UNSEEN_NS * report["session"]["events"]["repaired"])
            if not -slack <= ready_ns(row) - kernel_on - kernel_runq <= slack + steal:
                told.append(f"-> {name}: with run queue")
        told.append(f"steal {steal}, missed {report['session']['events']['repaired']}")
        print("\n".join(told))
        self.assertNotIn("->", "".join(told), "\n".join(told))
        long = [tid for name, tid in truth["kinds"].items() if name.startswith("count")]
        kernel = sum(after[tid][0] - before[tid][0] for tid in long)
        ours = sum(ftp.on_core_ns(ftp.thread_of(report, tid)) for tid in long)
        self.assertGreater(kernel, 1e9)  # else the bound was never applied
        self.assertLessEqual(abs(ours - steal / 2 - kernel), BOUND * kernel + steal / 2,
                             "\n".join(told))

    def test_gil(self):
        self.compare("gil")

    def test_ft(self):
        self.compare("ft")

    def middle(self, kind):
        """A session whose both ends cut through running threads."""
        def once():
            with ftp.start(kind, "shifts.py", 9, urgent=True) as load:
                load.go()
                time.sleep(0.5)
                steps = Steps(load.pid, 0.003)
                steal = ftp.steal_ns()
                report = ftp.ftprof_json(load.pid, "-d", "6s")
                return report, steps.stop(), ftp.steal_ns() - steal, load.result()

        report, rows, steal, truth = ftp.undisturbed(once)
        begin, end = report["session"]["start_ns"], report["session"]["end_ns"]
        self.assertAlmostEqual(end - begin, 6e9, delta=0.1e9)
        # The readings next to each end, outside and inside; a running thread's are 4 ms stale.
        outer = ([row for row in rows if row[1] < begin - 4e6][-1],
                 [row for row in rows if row[0] > end + 4e6][0])
        inner = ([row for row in rows if row[0] > begin + 4e6][0],
                 [row for row in rows if row[1] < end - 4e6][-1])
        told = []
        for name, tid in truth["kinds"].items():
            row = ftp.thread_of(report, tid)
            ours = ftp.on_core_ns(row)
            most = outer[1][2][tid][0] - outer[0][2][tid][0]
            least = inner[1][2][tid][0] - inner[0][2][tid][0]
            told.append(f"{name}: ours {ours} kernel {least} to {most} steal {steal}")
            if most / max(row["switches"], 1) < LONG_SLICE_NS:
                continue
            slack = BOUND * most
            if not least - slack <= ours <= most + slack + steal:
                told.append(f"-> {name} is out of bounds")
        print("\n".join(told))
        self.assertNotIn("->", "".join(told), "\n".join(told))

    def test_gil_cut_through(self):
        self.middle("gil")

    def test_ft_cut_through(self):
        self.middle("ft")


if __name__ == "__main__":
    ftp.main()
