# SPDX-License-Identifier: BSD-2-Clause
"""Stop-the-world pauses, against bpftrace on the interpreter's functions in the same run."""

import os
import unittest

import ftp
import scaling

SECONDS = 4.0
BOUND = 0.05
PROBE_NS = 6_000  # the return probe stands between what is the begin for it and what is for us
# stop_the_world() returns when all threads stand. The longest pause is of one cause as well.
SCRIPT = """
uprobe:%(python)s:stop_the_world /pid == %(pid)d/ { @asked[tid] = nsecs; }
uretprobe:%(python)s:stop_the_world /@asked[tid]/ {
    @to_stop = sum(nsecs - @asked[tid]); @stood[tid] = nsecs; delete(@asked[tid]);
}
uprobe:%(python)s:start_the_world /@stood[tid]/ {
    @pauses = count(); @stopped = sum(nsecs - @stood[tid]);
    @longest = max(nsecs - @stood[tid]); delete(@stood[tid]);
}
END { clear(@asked); clear(@stood); }
"""


class Pauses(unittest.TestCase):
    def setUp(self):
        ftp.need_ftprof()
        ftp.need_bpftrace()
        ftp.need_cores(2)

    def watch(self, build, cause):
        """(report, truth, what bpftrace counted). Its probes go in first and out last."""
        python = os.path.realpath(ftp.PYTHON[build])
        with ftp.start(build, "ft_pauses.py", cause, SECONDS, urgent=True) as load:
            with ftp.Bpftrace(SCRIPT % {"python": python, "pid": load.pid}) as trace:
                report, truth = ftp.watch(load, "-F", scaling.HZ)
                counted = trace.stop()
        del counted["printed"]
        return report, truth, counted

    def compare(self, build, cause, per_call):
        def allowed(counted):
            return BOUND * counted["@stopped"] + PROBE_NS * counted["@pauses"]

        def off(result):
            report, _, counted = result
            return abs(report["stop_the_world"]["stopped_ns"] - counted["@stopped"]) > \
                allowed(counted)

        report, truth, counted = ftp.attempts(lambda: self.watch(build, cause), off)
        ours = report["stop_the_world"]
        print(f"{build} {cause}: {truth['asked']} calls; bpftrace {counted}; ours "
              f"{ {key: value for key, value in ours.items() if key != 'by_cause'} }")
        message = f"bpftrace: {counted}\n{scaling.told(report, truth)}"
        # How many there are is known before anybody counts them.
        self.assertGreaterEqual(counted["@pauses"], per_call * truth["asked"], message)
        self.assertAlmostEqual(ours["pauses"] / counted["@pauses"], 1, delta=BOUND, msg=message)
        self.assertAlmostEqual(ours["stopped_ns"], counted["@stopped"], delta=allowed(counted),
                               msg=message)
        first = max(ours["by_cause"], key=lambda row: row["pauses"])
        self.assertEqual(first["cause"], cause, message)
        self.assertGreaterEqual(first["pauses"], 0.95 * per_call * truth["asked"], message)
        self.assertEqual(sum(row["pauses"] for row in ours["by_cause"]), ours["pauses"], message)
        return report, truth, counted, message

    def collections(self, build):
        report, truth, counted, message = self.compare(build, "gc", 2)
        ours = report["stop_the_world"]
        # From asking until all stand: a probe in the way costs both observers.
        self.assertAlmostEqual(ours["to_stop_ns"] / counted["@to_stop"], 1, delta=0.25, msg=message)
        self.assertAlmostEqual(ours["stopped_ns"] / counted["@stopped"], 1, delta=BOUND,
                               msg=message)
        self.assertAlmostEqual(ours["max_ns"] / counted["@longest"], 1, delta=BOUND, msg=message)
        rows = [row for row in report["scaling"] if row["cause"] == "stw"]
        self.assertTrue(rows and "gc" in rows[0]["advice"], message)
        row = next(row for row in ours["by_cause"] if row["cause"] == "gc")
        self.assertTrue(scaling.says_site(row.get("site"), truth), message)
        self.assertGreaterEqual(sum(report["gc"]["runs"]), truth["asked"] - 1, message)
        self.assertLessEqual(sum(report["gc"]["runs"]), truth["asked"] + 1, message)

    def test_collections(self):
        self.collections("ft")

    def test_collections_3_13(self):
        self.collections("ft313")

    def test_trace(self):
        self.compare("ft", "trace", 1)

    def test_trace_3_13(self):
        self.compare("ft313", "trace", 1)

    def test_class(self):
        self.compare("ft", "class", 1)

    def test_fork(self):
        self.compare("ft", "fork", 1)

    def test_inspect(self):
        self.compare("ft", "inspect", 1)

    def test_none(self):
        with ftp.start("ft", "ft_pauses.py", "none", 2.0, urgent=True) as load:
            report, truth = ftp.watch(load, "-F", scaling.HZ)
        message = scaling.told(report, truth)
        self.assertEqual([row for row in report["scaling"] if row["cause"] == "stw"], [], message)
        self.assertLess(report["stop_the_world"]["pauses"], 5, message)


if __name__ == "__main__":
    ftp.main()
