# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of scaling share: how a workload is watched, and what is read from its report."""

import json
import os
import time

import ftp

HZ = 997  # short sessions need many ticks
DISTURBED = 0.1  # of the cores: what other processes may have without a word
BUILDS = ("ft", "ft313")


def watch(kind, script, *args, env=None, session=None):
    """(report, truth) of a workload that goes before the machine's other work.

    truth["disturbed"] says what of the cores other processes had all the same. session names the
    file to keep it in.
    """
    def once():
        if session and os.path.exists(session):
            os.remove(session)
        begin, busy = time.monotonic_ns(), ftp.busy_ns()
        with ftp.start(kind, script, *args, env=env, urgent=True) as load:
            report, truth = ftp.watch(load, "-F", HZ, session=session)
        busy = ftp.busy_ns() - busy - report["target"]["cpu_ns"] - report["cost"]["ftprof_cpu_ns"]
        truth["disturbed"] = busy / (ftp.CORES * (time.monotonic_ns() - begin))
        return report, truth

    return ftp.attempts(once, lambda seen: seen[1]["disturbed"] > DISTURBED, tries=2)


def verdicts(truth, *kinds):
    """The verdicts that are right: with cores in other hands also that there are too few."""
    return (*kinds, "cpu_starved", "inconclusive") if truth["disturbed"] > DISTURBED else kinds


def scales(truth):
    """How a workload scales, as it says itself; None when others may have had its cores."""
    return None if truth["disturbed"] > DISTURBED else truth["scaling"]


def budget_ns(report):
    return report["session"]["duration_ns"] * ftp.CORES


def site(truth, part=None):
    """How the report writes the line of a workload's truth."""
    name = truth["file"].rsplit("/", 1)[-1]
    return f"{name}:{(part or truth)['line']}"


def says_site(text, truth, part=None):
    """Whether a text of the report names that line, and not one that its number begins."""
    at = site(truth, part)
    rest = (text or "").partition(at)
    return bool(rest[1]) and not rest[2][:1].isdigit()


def burnt_ns(row):
    """What a lock's row stands for: asleep for it, and on a core trying."""
    return row["wait_ns"] + row["spin_ns"]


def told(report, truth):
    """The part of a report that these tests look at, for a failure's message."""
    names = ("verdict", "locks", "stop_the_world", "gil_history", "sharing", "scaling", "core_time")
    part = {name: report.get(name) for name in names}
    part["locks"] = (report.get("locks") or [])[:4]
    part["python"] = report["target"]["python"]
    return json.dumps({"truth": truth, **part}, indent=1)
