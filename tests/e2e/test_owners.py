# SPDX-License-Identifier: BSD-2-Clause
"""Whose stack it is: of which program of a process, and of which interpreter of a thread."""

import os
import tempfile
import unittest

import ftp


def folded(path, of="on-cpu"):
    """The stacks of a session with their microseconds: {(function, ...): us}, outermost first."""
    stacks = {}
    out = ftp.check_ftprof("report", path, "--format", "folded", "--by", "function", "--of", of)
    for line in out.splitlines():
        stack, us = line.rsplit(" ", 1)
        names = tuple(frame.split(" (")[0] for frame in stack.split(";"))
        stacks[names] = stacks.get(names, 0) + int(us)
    return stacks


def share(stacks, name):
    """The part of the time that has this function in its stack."""
    return sum(us for names, us in stacks.items() if name in names) / sum(stacks.values())


@unittest.skipUnless(os.access("/usr/bin/setarch", os.X_OK), "setarch is not installed")
class Programs(unittest.TestCase):
    def test_same_addresses(self):
        """After an exec code objects stand where others stood before, and look the same."""
        with open(os.path.join(ftp.WORKLOADS, "again.py"), encoding="utf-8") as file:
            text = file.read()
        for kind in ("gil", "ft"):
            with self.subTest(kind), tempfile.TemporaryDirectory() as where:
                names = ("spin_once", "spin_more")
                paths = [os.path.join(where, f"{n}.py") for n in (1, 2)]
                for path, name in zip(paths, names):
                    with open(path, "w", encoding="utf-8") as file:
                        file.write(text.replace("spin_here", name))
                session = os.path.join(where, "s.ftprof")
                # the same environment and hashes, so that both allocate the same
                env = ftp.plain_env(PYTHONHASHSEED="0", PYTHONDONTWRITEBYTECODE="1")
                ftp.check_ftprof("record", "-o", session, "--", "setarch", "-R",
                                 ftp.PYTHON[kind], *paths, env=env)
                stacks = folded(session)
                for name in names:
                    self.assertAlmostEqual(share(stacks, name), 0.48, delta=0.08, msg=stacks)


class Interpreters(unittest.TestCase):
    def test_code_of_another_interpreter(self):
        """A thread that runs another interpreter's code has two thread states: the inner counts."""
        self.guest()

    def test_many_interpreters(self):
        """Newer ones stand before it in the list, more than the BPF side looks through."""
        stacks = self.record("on-cpu", 20)[1]
        self.assertGreater(share(stacks, "spin_outside"), 0.25, stacks)

    def record(self, of, idle):
        with tempfile.TemporaryDirectory() as where:
            session = os.path.join(where, "s.ftprof")
            with ftp.start("gil", "guest.py", 4, idle, urgent=True) as load:
                _, truth = ftp.watch(load, session=session)
            return truth, folded(session, of)

    def guest(self):
        with tempfile.TemporaryDirectory() as where:
            session = os.path.join(where, "s.ftprof")
            with ftp.start("gil", "guest.py", 4, urgent=True) as load:
                _, truth = ftp.watch(load, session=session)
            for of in ("on-cpu", "blocked"):
                stacks = folded(session, of)
                inside = "spin_inside" if of == "on-cpu" else "sleep_inside"
                outside = "spin_outside" if of == "on-cpu" else "sleep_outside"
                both = share(stacks, inside), share(stacks, outside)
                told = (of, truth, both, stacks)
                self.assertAlmostEqual(both[0] / sum(both), truth[of], delta=0.05, msg=told)
                if of == "on-cpu":
                    self.assertGreater(sum(both), 0.9, told)


if __name__ == "__main__":
    ftp.main()
