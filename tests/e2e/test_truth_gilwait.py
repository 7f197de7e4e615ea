# SPDX-License-Identifier: BSD-2-Clause
"""GIL waits against bpftrace on the entry and the return of take_gil(), in the same run."""

import os
import unittest

import ftp

# A wait is a take_gil() in which the thread went to sleep; the other calls found the GIL free and
# take what the two probes take.
SCRIPT = """
uprobe:%(exe)s:take_gil /pid == $1/ { @t[tid] = nsecs; }
uretprobe:%(exe)s:take_gil /@t[tid]/ {
    $ns = nsecs - @t[tid];
    @calls = count();
    @all_ns = sum($ns);
    if (@slept[tid]) { @waits = count(); @wait_ns = sum($ns); @longest_ns = max($ns); }
    delete(@t[tid]);
    delete(@slept[tid]);
}
tracepoint:sched:sched_switch /@t[args->prev_pid] && args->prev_state & 3/ {
    @slept[args->prev_pid] = 1;
}
"""
PER_CALL_NS = 3000  # what bpftrace itself adds to a call


class GilWait(unittest.TestCase):
    def setUp(self):
        ftp.need_ftprof()
        ftp.need_bpftrace()

    def measure(self, *workload, options=()):
        exe = os.path.realpath(ftp.GIL)
        with ftp.start("gil", *workload, urgent=True) as load:
            with ftp.Bpftrace(SCRIPT % {"exe": exe}, load.pid) as trace:
                report, truth = ftp.watch(load, *options)
                theirs = trace.stop()
        return report, truth, {name: int(value) for name, value in theirs.items()
                               if name in ("@calls", "@all_ns", "@waits", "@wait_ns",
                                           "@longest_ns")}

    def compare(self, *workload, options=()):
        report, truth, theirs = ftp.attempts(
            lambda: self.measure(*workload, options=options),
            lambda result: result[0]["session"]["events"]["repaired"] > 0)
        gil = report["gil"]
        self.assertGreater(theirs["@waits"], 20)
        mean = theirs["@wait_ns"] / theirs["@waits"]
        slack = 0.02 * theirs["@wait_ns"]
        if mean < 1_000_000:
            slack += PER_CALL_NS * theirs["@calls"]
        told = (f"ours {gil['wait_ns']} ns in {gil['waits']} ({gil['waits_lo']} to "
                f"{gil['waits_hi']}), bpftrace {theirs}, mean {mean:.0f} ns, off "
                f"{gil['wait_ns'] - theirs['@wait_ns']} ns, slack {slack:.0f} ns\n")
        print(told)
        told += ftp.figures(report, truth)
        self.assertLessEqual(abs(gil["wait_ns"] - theirs["@wait_ns"]), slack, told)
        self.assertLessEqual(gil["waits_lo"], theirs["@waits"], told)
        self.assertGreaterEqual(gil["waits_hi"], theirs["@waits"], told)
        return mean

    def test_long_waits(self):
        """Threads that count: forced switches, each wait takes several switch intervals."""
        self.assertGreater(self.compare("crunch.py", 30_000_000, 4, "--wait"), 1_000_000)

    def test_handoff(self):
        self.assertGreater(self.compare("handoff.py", 499), 1_000_000)

    def test_after_io(self):
        """Sleepers beside one thread that counts: each wait follows a system call."""
        self.compare("afterio.py", 4)

    def test_short_waits(self):
        """Waits of microseconds, and many calls that never wait."""
        self.compare("gilio.py", 2, 40_000)


if __name__ == "__main__":
    ftp.main()
