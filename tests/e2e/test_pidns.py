# SPDX-License-Identifier: BSD-2-Clause
"""Targets in namespaces of their own, watched from the host."""

import os
import shutil
import subprocess
import tempfile
import unittest

import ftp


def only_child(pid, depth=3):
    """The process at the end of a line of single children."""
    for _ in range(depth):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = file.read().split()
        if len(children) != 1:
            break
        pid = int(children[0])
    return pid


class Namespaces(unittest.TestCase):
    def setUp(self):
        ftp.need_ftprof()
        ftp.need(shutil.which("unshare"), "there is no unshare")

    def check(self, prefix, env=None, python="gil"):
        with ftp.start(python, "crunch.py", 8_000_000, 4, "--wait", prefix=prefix, env=env,
                       urgent=True) as load:
            load.pid = only_child(load.process.pid)
            self.assertIn("python3", os.readlink(f"/proc/{load.pid}/exe"))
            report, truth = ftp.watch(load)
        told = ftp.figures(report, truth)
        rows = [row for row in report["threads"] if row["ns_tid"] in truth["tids"]]
        self.assertEqual(len(rows), 4, told)
        self.assertGreater(sum(row["state_ns"]["gil_wait"] for row in rows),
                           1.5 * truth["wall_ns"], told)
        on = sum(map(ftp.on_core_ns, rows))
        err = sum(row["on_split_err_ns"] for row in rows)
        self.assertGreater(sum(row["state_ns"]["on_gil"] for row in rows) + err, 0.95 * on, told)
        self.assertEqual(report["verdict"]["kind"], "gil_bound", told)
        return report, truth

    def test_pid_namespace(self):
        report, truth = self.check(("unshare", "--pid", "--fork", "--mount-proc"))
        self.assertEqual(truth["main_tid"], 1)
        self.assertEqual({row["ns_tid"] for row in report["threads"]},
                         {1, *truth["tids"]}, report["threads"])
        self.assertNotIn(1, [row["tid"] for row in report["threads"]])

    def test_nested_pid_namespaces(self):
        twice = ("unshare", "--pid", "--fork", "--mount-proc") * 2
        self.assertEqual(self.check(twice)[1]["main_tid"], 1)

    def test_interpreter_that_the_host_cannot_see(self):
        """Its file lies on a tmpfs of a mount namespace, where the host has an empty folder."""
        real = os.path.realpath(ftp.GIL)
        prefix = subprocess.run([real, "-I", "-c", "import sys; print(sys.base_prefix)"],
                                check=True, capture_output=True, text=True).stdout.strip()
        with tempfile.TemporaryDirectory() as where:
            inside = os.path.join(where, "python3")
            mount = (f'mount -t tmpfs none {where} && cp {real} {inside} && '
                     f'shift && exec {inside} "$@"')
            with ftp.Workload(["unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-c",
                               mount, "sh", "-", f"{ftp.WORKLOADS}/crunch.py", "8000000", "4",
                               "--wait"],
                              env={**os.environ, "PYTHONHOME": prefix}) as load:
                load.pid = only_child(load.process.pid)
                self.assertEqual(os.readlink(f"/proc/{load.pid}/exe"), inside)
                self.assertFalse(os.path.exists(inside), "the host does see it")
                report, truth = ftp.watch(load)
        told = ftp.figures(report, truth)
        self.assertEqual(report["target"]["python"]["version"], "3.14.6", told)
        self.assertGreater(report["gil"]["wait_ns"], 1.5 * truth["wall_ns"], told)

    def test_chroot(self):
        """All of the system below another root, by bind mounts that only the target has."""
        with tempfile.TemporaryDirectory() as where:
            binds = " && ".join(f"mkdir -p {where}{d} && mount --rbind {d} {where}{d}"
                                for d in self.needed())
            enter = f'mount -t tmpfs none {where} && {binds} && exec chroot {where} "$@"'
            with ftp.Workload(["unshare", "--mount", "sh", "-c", enter, "sh",
                               os.path.realpath(ftp.GIL), f"{ftp.WORKLOADS}/crunch.py", "8000000",
                               "4", "--wait"]) as load:
                self.assertEqual(os.readlink(f"/proc/{load.pid}/root"), where)
                report, truth = ftp.watch(load)
        told = ftp.figures(report, truth)
        self.assertGreater(report["gil"]["wait_ns"], 1.5 * truth["wall_ns"], told)
        for tid in truth["tids"]:
            ftp.thread_of(report, tid)

    @staticmethod
    def needed():
        tops = {"/usr", "/lib", "/lib64", "/proc", "/dev", ftp.WORKLOADS,
                os.path.dirname(os.path.dirname(os.path.realpath(ftp.GIL)))}
        return sorted(d for d in tops if os.path.isdir(d))


class Quota(unittest.TestCase):
    def test_affinity_is_the_cores(self):
        """One allowed core: no core can idle while threads want the GIL."""
        ftp.need_ftprof()
        with ftp.start("gil", "crunch.py", 5_000_000, 4, "--wait", prefix=("taskset", "-c", "0"),
                       urgent=True) as load:
            report, truth = ftp.watch(load)
        told = ftp.figures(report, truth)
        self.assertEqual(report["session"]["cpus"], [0])
        self.assertEqual(report["session"]["cores"], 1)
        self.assertLess(report["parallelism"]["lost_ns"], 0.02 * truth["wall_ns"], told)


if __name__ == "__main__":
    ftp.main()
