# SPDX-License-Identifier: BSD-2-Clause
"""Stacks of sleeps, against a program that knows how long it slept where."""

import unittest

import ftp
import stacks

KINDS = {"nap": stacks.BLOCKED, "choose": stacks.BLOCKED, "listen": stacks.BLOCKED,
         "knock": stacks.SYNC_WAIT}
ALL = (stacks.GIL_WAIT, stacks.GIL_SWITCH, stacks.LOCK_WAIT, stacks.SYNC_WAIT, stacks.BLOCKED,
       stacks.RUNQ)


class Asleep(unittest.TestCase):
    def setUp(self):
        ftp.need_ftprof()

    def measure(self, kind, seconds, rounds):
        def once():
            with ftp.start(kind, "sleeps.py", seconds, rounds, urgent=True) as load:
                return stacks.watch(load)

        return ftp.undisturbed(once)

    def sleeps(self, session, truth, bound, told):
        """The weight of each kind of sleep is what the program says, to a share."""
        for name, row in truth["sleeps"].items():
            ours = session.ns((KINDS[name],), stacks.has(name))
            told.append(f"{name}: {ours} in {row['count']}, {row['least_ns']} to {row['most_ns']}")
            self.assertGreater(row["count"], 20)
            if not (1 - bound) * row["least_ns"] <= ours <= (1 + bound) * row["most_ns"]:
                told.append(f"-> weight of {name}")
            elsewhere = session.ns((*ALL,), stacks.has(name)) - ours
            if elsewhere > bound * row["most_ns"] + row["most_ns"] - row["least_ns"]:
                told.append(f"-> {name} in other states: {elsewhere}")

    def test_few(self):
        """Long sleeps alone: all of them are walked, so they are right within 1 %."""
        for kind in ("gil", "ft"):
            with self.subTest(kind=kind):
                _, session, truth = self.measure(kind, 6, 0)
                told = [str(session.counters())]
                self.sleeps(session, truth, 0.01, told)
                for state in (stacks.BLOCKED, stacks.SYNC_WAIT):
                    total = session.state_ns(state)
                    told.append(f"state {state}: {session.all_ns((state,))} of {total}")
                    if abs(session.ns((state,)) - total) > 0.01 * total:
                        told.append("-> total")
                print("\n".join(told))
                self.assertNotIn("->", "".join(told), "\n".join(told))

    def test_many(self):
        """20,000 switches a second and more: one in n is walked, and the long sleeps stay right."""
        for kind in ("gil", "ft"):
            with self.subTest(kind=kind):
                report, session, truth = self.measure(kind, 8, 20)
                switches = sum(row["switches"] for row in report["threads"])
                rate = switches / report["session"]["duration_ns"] * 1e9
                told = [str(session.counters()), f"{rate:.0f} switches a second"]
                self.assertGreater(rate, 20_000, told)
                self.assertGreater(session.raw["skipped"], 0, told)
                self.sleeps(session, truth, 0.15, told)
                # What was sampled stands for all of it.
                for state in (stacks.BLOCKED, stacks.SYNC_WAIT):
                    total = session.state_ns(state)
                    ours = session.ns((state,))
                    raw = session.ns((state,), field="raw_ns")
                    told.append(f"state {state}: {ours / total:.3f} of {total}, seen "
                                f"{raw / total:.3f}")
                    if abs(ours - total) > 0.15 * total:
                        told.append("-> total")
                    if not 0 < raw < 1.001 * total:
                        told.append("-> more seen than there was")
                print("\n".join(told))
                self.assertNotIn("->", "".join(told), "\n".join(told))


if __name__ == "__main__":
    ftp.main()
