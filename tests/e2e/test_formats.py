# SPDX-License-Identifier: BSD-2-Clause
"""Formats of other tools: what their own readers understand, against the stacks that were written.

The stacks are made up here, and so is the truth; build/tools/mkflame only writes them. Those of
real sessions come from ftprof itself. pprof, speedscope and the Firefox profiler read them, through
the drivers in tests/readers.
"""

import collections
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

import ftp

MKFLAME = os.path.join(ftp.BUILD, "tools", "mkflame")
READERS = os.path.join(ftp.ROOT, "tests", "readers")
PPROF = os.path.join(ftp.BUILD, "readers", "bin", "pprof")
MODULES = os.path.join(ftp.BUILD, "readers", "node_modules")
EXPORT_MS = 1000  # of 100,000 nodes
PYTHON, NATIVE, KERNEL, MARK = range(4)
# In the order of enum ft_of, as pprof is told what a sample measures.
MEASURES = ("cpu", "gil_wait", "gil_blame", "lock_wait", "blocked", "off_cpu", "wall")

# Names that mean something in some format, and what stands for them where a terminal must not obey
# them (pprof) or where ';', blanks and digits divide (folded); None: they stay as they are.
HOSTILE = [
    # name, in pprof, in folded
    ("<module>", None, None),
    ("Outer.<locals>.<lambda>", None, None),
    ("std::map<int, char>::at(int const&) [clone .cold]", None, None),
    ("_ZN4core3fmt9Formatter3padE", None, None),
    ("semi;colon;", None, "semi:colon:"),
    ("new\nline", "new?line", "new?line"),
    ("carriage\rreturn\r\n", "carriage?return??", "carriage?return??"),
    ("tab\tulator", "tab?ulator", "tab?ulator"),
    ('quo"te\'s \\ back\\slash\\', None, None),
    ("<script>alert(1)</script><!-- ]]> --> &amp;", None,
     "<script>alert(1)</script><!-- ]]> --> &amp:"),
    ("\x1b[31mred\x1b]0;title\x07", "?[31mred?]0;title?", "?[31mred?]0:title?"),
    ("\x7f\x80\x9f", "???", "???"),
    ("right\u202eleft\u2066\u200f", "right?left??", "right?left??"),
    ("line\u2028paragraph\u2029", "line?paragraph?", "line?paragraph?"),
    ("\ufeffmark", "?mark", "?mark"),
    ("\u00e9\u4e2d\U0001f40d\U0010ffff", None, None),
    ("ends in digits 12", None, "ends in digits_12"),
    ("ends in two 12 3.5", None, "ends in two 12_3.5"),
    ("trailing  ", None, "trailing__"),
    ("%s%n%d ${x} {{y}}", None, None),
    ("__proto__", None, None),
    ("constructor", None, None),
    ("(root)", None, None),
    ("null", None, None),
    ("-", None, None),
    ("[asleep: epoll_wait]", None, None),
    ("x" * 4096, None, None),
    ("\u4e2d" * 1365, None, None),
]

Frame = collections.namedtuple("Frame", "name file line first_line kind")
Stack = collections.namedtuple("Stack", "frames ns cnt")


def frame(name, file="", line=0, first_line=0, kind=PYTHON):
    return Frame(name, file, line, first_line, kind)


def add_up(stacks, key, weight="ns"):
    """{key of a frame: [self, total]}; a stack counts once in a total. Keys None do not count."""
    sums = collections.defaultdict(lambda: [0, 0])
    for stack in stacks:
        keys = [key(each) for each in stack.frames]
        sums[keys[-1]][0] += getattr(stack, weight)
        for each in set(keys):
            sums[each][1] += getattr(stack, weight)
    sums.pop(None, None)
    return dict(sums)


def no_twins(pairs):
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)):
        raise AssertionError(f"a key stands twice in one object: {names}")
    return dict(pairs)


class Formats(unittest.TestCase):
    def setUp(self):
        ftp.need(os.access(MKFLAME, os.X_OK), "build/tools/mkflame is not built")
        ftp.need(os.access(PPROF, os.X_OK) and os.path.isdir(MODULES),
                 "build/readers is not there: scripts/get-readers")
        ftp.need(shutil.which("node"), "node is not installed")
        self.folder = tempfile.mkdtemp(prefix="ftprof-formats-")
        self.addCleanup(shutil.rmtree, self.folder)

    def run_ok(self, *argv, env=None):
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              env=env, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr.decode(errors="replace")[-2000:])
        return done

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, fmt, ending, stacks, of=0):
        """A file in a format, made from stacks; its path."""
        frames = sorted({each for stack in stacks for each in stack.frames})
        number = {each: index for index, each in enumerate(frames)}
        with open(self.path("stacks.json"), "w", encoding="utf-8") as file:
            json.dump({"of": of, "frames": [each._asdict() for each in frames],
                       "stacks": [{"frames": [number[each] for each in stack.frames],
                                   "ns": stack.ns, "cnt": stack.cnt} for stack in stacks]}, file)
        return self.save(ending, self.run_ok(MKFLAME, fmt, self.path("stacks.json")).stdout)

    def save(self, ending, data):
        path = self.path("profile" + ending)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def pprof(self, path, *options):
        driver = os.path.join(READERS, "pprof.py")
        return json.loads(self.run_ok(sys.executable, driver, *options, path).stdout)

    def node(self, driver, *args):
        return json.loads(self.run_ok("node", os.path.join(READERS, driver), *args).stdout)

    def same(self, functions, truth, key):
        """A reader's functions against pairs of (key, [self, total])."""
        read = collections.Counter((key(each), each["self"], each["total"]) for each in functions)
        want = collections.Counter((name, *figures) for name, figures in truth)
        self.assertEqual(sorted((read - want).elements(), key=repr), [], "read, but not written")
        self.assertEqual(sorted((want - read).elements(), key=repr), [], "written, but not read")

    def check_pprof(self, stacks, shown=lambda name: name):
        path = self.write("pprof", ".pb.gz", stacks)
        for index, weight in (("cpu", "ns"), ("samples", "cnt")):
            read = self.pprof(path, "--index", index)
            self.assertEqual(read["types"], ["samples/count", "cpu/nanoseconds"])
            self.assertEqual(read["total"], sum(getattr(each, weight) for each in stacks))
            # pprof's rows are functions of a file, whatever their first line
            self.same(read["functions"],
                      add_up(stacks, lambda f: (shown(f.name), shown(f.file)), weight).items(),
                      lambda f: (f["name"], f["file"] or ""))
        first = {}
        for stack in stacks:
            for each in stack.frames:
                first.setdefault((shown(each.name), shown(each.file)), set()).add(each.first_line)
        for each in read["functions"]:
            self.assertIn(each["line"] or 0, first[each["name"], each["file"] or ""], each)

    def check_speedscope(self, stacks):
        path = self.write("speedscope", ".speedscope.json", stacks)
        with open(path, encoding="utf-8") as file:
            json.load(file, object_pairs_hook=no_twins)
        read = self.node("speedscope.mjs", path)
        self.assertEqual(read["unit"], "nanoseconds")
        self.assertEqual(read["total"], sum(stack.ns for stack in stacks))
        self.same(read["functions"],
                  add_up(stacks, lambda f: (f.name, f.file, f.line or f.first_line)).items(),
                  lambda f: (f["name"], f["file"] or "", f["line"] or 0))

    def check_firefox(self, stacks, files=False):
        path = self.write("firefox", ".firefox.json", stacks)
        with open(path, encoding="utf-8") as file:
            json.load(file, object_pairs_hook=no_twins)
        read = self.node("firefox.mjs", *(["--files"] if files else []), path)
        self.assertEqual(read["unit"], "nanoseconds")
        self.assertEqual(read["total"], sum(stack.ns for stack in stacks))
        truth = add_up(stacks, lambda f: (f.name, f.file, f.first_line, f.kind))
        self.same(read["functions"],
                  [((key[0], key[1] if files else ""), figures) for key, figures in truth.items()],
                  lambda f: (f["name"], f["file"] or ""))
        if files:
            lines = add_up(stacks, lambda f: (f.file, f.line) if f.file and f.line else None)
            found = {(file, each["line"]): [each["self"], each["total"]]
                     for file, rows in read["lines"].items() for each in rows}
            self.assertEqual(found, lines)

    def check_folded(self, stacks, shown=lambda name: name):
        """speedscope reads folded stacks too; a line is rounded to microseconds."""

        def label(f):
            line = f.line or f.first_line
            return shown(f.name + (f" ({f.file}:{line})" if line else f" ({f.file})")
                         if f.file else f.name)

        path = self.write("folded", ".folded", stacks)
        read = self.node("speedscope.mjs", path)
        whole = sum(stack.ns for stack in stacks)
        self.assertLessEqual(abs(read["total"] * 1000 - whole), 500)
        truth = add_up(stacks, label)
        self.assertEqual({each["name"] for each in read["functions"]}, set(truth))
        lines = len({stack.frames for stack in stacks})
        for each in read["functions"]:
            own, total = truth[each["name"]]
            self.assertLess(abs(each["self"] * 1000 - own), 1000 * lines)
            self.assertLess(abs(each["total"] * 1000 - total), 1000 * lines)
        with open(path, encoding="utf-8") as file:
            for line in file.read().split("\n")[:-1]:
                self.assertRegex(line, r"\A[^\x00-\x1f]*[^ ] [1-9][0-9]*\Z")
                # as flamegraph.pl takes it apart, and what it must not find then: another weight
                self.assertNotRegex(line.rpartition(" ")[0], r"\s+?\d+(?:\.\d*)?$")

    # Two lines of one function, recursion, one name in two files and at two places of one file.
    KNOWN = [
        Stack((frame("<module>", "/srv/app.py", 3, 1),), 1_500_000, 3),
        Stack((frame("<module>", "/srv/app.py", 3, 1), frame("f", "/srv/app.py", 12, 10)),
              2_500_007, 5),
        Stack((frame("<module>", "/srv/app.py", 3, 1), frame("f", "/srv/app.py", 14, 10),
               frame("g", "/srv/lib/f.py", 22, 20)), 3_500_011, 7),
        Stack((frame("<module>", "/srv/app.py", 3, 1), frame("f", "/srv/app.py", 12, 10),
               frame("f", "/srv/app.py", 14, 10), frame("f", "/srv/app.py", 12, 10),
               frame("push", "/usr/lib/libx.so", kind=NATIVE)), 4_500_013, 11),
        Stack((frame("f", "/srv/lib/f.py", 2, 1), frame("<lambda>", "/srv/app.py", 30, 30),
               frame("do_syscall_64", "[kernel]", kind=KERNEL)), 5_500_017, 13),
        Stack((frame("f", "/srv/lib/f.py", 2, 1), frame("<lambda>", "/srv/app.py", 31, 31),
               frame("[asleep: epoll_wait]", kind=MARK)), 6_500_019, 17),
    ]

    def test_known_pprof(self):
        self.check_pprof(self.KNOWN)

    def test_known_speedscope(self):
        self.check_speedscope(self.KNOWN)

    def test_known_firefox(self):
        self.check_firefox(self.KNOWN, files=True)

    def test_known_folded(self):
        self.check_folded(self.KNOWN)

    @staticmethod
    def hostile():
        """Each hostile name as a function and as a file, in the middle and as the innermost."""
        stacks = []
        for index, (name, _, _) in enumerate(HOSTILE):
            middle = frame(name, "/plain.py", 7, index + 1)
            leaf = frame(f"leaf_{index}", name, index + 3, index + 2)
            inner = frame(name, kind=NATIVE)
            stacks += [Stack((middle, leaf), 1_000_000 * (index + 2) + 7, index + 1),
                       Stack((middle, inner), 2_000_000 * (index + 3) + 11, index + 5)]
        return stacks

    def test_hostile_pprof(self):
        shown = {name: pprof or name for name, pprof, _ in HOSTILE}
        self.check_pprof(self.hostile(), lambda name: shown.get(name, name))

    def test_hostile_speedscope(self):
        self.check_speedscope(self.hostile())

    def test_hostile_firefox(self):
        self.check_firefox(self.hostile())

    def test_hostile_folded(self):
        table = {name: folded or name for name, _, folded in HOSTILE}
        stacks = [Stack((frame("outer", kind=NATIVE), frame(name, kind=NATIVE)), 1_000_000 + n, 1)
                  for n, (name, _, _) in enumerate(HOSTILE)]
        self.check_folded(stacks, lambda name: table.get(name, name))
        within = [Stack((frame(name, "/a.py", 3, 1), frame("inner", kind=NATIVE)), 1_000_000 + n, 1)
                  for n, (name, _, _) in enumerate(HOSTILE)]
        inside = {name: pprof or name for name, pprof, _ in HOSTILE}
        labels = {f"{name} (/a.py:3)": inside[name].replace(";", ":") + " (/a.py:3)"
                  for name, _, _ in HOSTILE}
        self.check_folded(within, lambda name: labels.get(name, name))

    def test_names_as_pprof_shows_them(self):
        """Without options pprof demangles names, and shortens what looks like C++: not ours."""
        path = self.write("pprof", ".pb.gz", [
            Stack((frame(name, "/a.py", 1, 1),), 1_000_000, 1)
            for name, pprof, _ in HOSTILE if pprof is None])
        env = {**os.environ, "PPROF_TMPDIR": self.folder, "PPROF_BINARY_PATH": self.folder}
        text = self.run_ok(PPROF, "-raw", path, env=env).stdout.decode()
        self.assertIn("\nDuration: 7s\n", text)
        for name, pprof, _ in HOSTILE:
            if pprof is None:
                self.assertIn(f" M=1 {name} /a.py:1:0 s=1()\n", text)

    def test_random(self):
        chance = random.Random(7919)
        frames = [frame(f"f{n % 211}", f"/srv/{n % 13}.py", n % 50 + 10 * (n % 211), 10 * (n % 211))
                  for n in range(601)]
        frames += [frame(f"native_{n}", f"/lib/lib{n % 5}.so", kind=NATIVE) for n in range(53)]
        stacks = [Stack(tuple(chance.choices(frames, k=chance.randint(1, 70))),
                        chance.randint(1, 10 ** chance.randint(1, 12)), chance.randint(1, 999))
                  for _ in range(1009)]
        self.check_pprof(stacks)
        self.check_speedscope(stacks)
        self.check_firefox(stacks)

    def test_views(self):
        for of, measure in enumerate(MEASURES):
            with self.subTest(measure):
                path = self.write("pprof", ".pb.gz", self.KNOWN, of)
                read = self.pprof(path)
                self.assertEqual(read["types"], ["samples/count", f"{measure}/nanoseconds"])
                self.assertEqual(read["unit"], "nanoseconds")
                self.assertEqual(read["total"], sum(stack.ns for stack in self.KNOWN))

    def grown(self, fmt, ending):
        """The path of a file with 100,000 nodes and a million samples, written within the limit."""
        path = self.path("grown" + ending)
        with open(path, "wb") as file:
            done = subprocess.run([MKFLAME, fmt, "-r", "100000"], stdout=file, check=True,
                                  stderr=subprocess.PIPE, timeout=120)
        self.assertLess(int(done.stderr), EXPORT_MS, fmt)
        return path

    def test_large(self):
        """Every reader gets the same out of many stacks that take no second to write."""
        whole = self.pprof(self.grown("pprof", ".pb.gz"))["total"]
        self.assertGreater(whole, 100_000_000_000)
        read = self.node("speedscope.mjs", self.grown("speedscope", ".speedscope.json"))
        self.assertEqual(read["total"], whole)
        read = self.node("firefox.mjs", self.grown("firefox", ".firefox.json"))
        self.assertEqual(read["total"], whole)
        with open(self.grown("folded", ".folded"), encoding="utf-8") as file:
            written = sum(int(line.rpartition(" ")[2]) for line in file)
        self.assertEqual(written, (whole + 500) // 1000)

    def session(self, kind):
        """A real session of crunch.py: its report, and the path of its file."""
        ftp.need_ftprof()
        path = self.path("s.ftprof")
        with ftp.start(kind, "crunch.py", 20_000_000, 2, "--wait") as load:
            report, _ = ftp.watch(load, session=path)
        return report, path

    def read_session(self, path, of):
        """What each reader has of a session's stacks: {reader: ...}."""
        read = {}
        for fmt, ending in (("pprof", ".pb.gz"), ("speedscope", ".speedscope.json"),
                            ("firefox", ".firefox.json")):
            name = self.path(f"{of}{ending}")
            ftp.check_ftprof("report", path, "--of", of, "-o", name)
            read[fmt] = self.pprof(name) if fmt == "pprof" else self.node(f"{fmt}.mjs", name)
        return read

    def check_session(self, kind):
        report, path = self.session(kind)
        on_ns = sum(thread["on_ns"] for thread in report["threads"])
        whole = {"on-cpu": on_ns, "gil-wait": report["gil"]["wait_ns"]}
        for of in ("on-cpu", "gil-wait") if kind == "gil" else ("on-cpu",):
            by_name = {}
            for reader, found in self.read_session(path, of).items():
                self.assertEqual(found["unit"], "nanoseconds")
                self.assertEqual(found["total"], whole[of], (reader, of))
                own = [each for each in found["functions"] if each["name"] == "crunch"]
                if reader != "firefox":  # which tells of files only one by one
                    self.assertEqual({each["file"] for each in own},
                                     {os.path.join(ftp.WORKLOADS, "crunch.py")})
                if reader == "speedscope":  # lines of crunch(): def, total, for, +=, return
                    self.assertLessEqual({each["line"] for each in own}, set(range(14, 20)))
                by_name[reader] = sum(each["self"] for each in own)
            self.assertEqual(len(set(by_name.values())), 1, by_name)
            # it is all that the threads do
            self.assertGreater(by_name["pprof"], 0.8 * whole[of], of)

    def test_session_gil(self):
        self.check_session("gil")

    def test_session_ft(self):
        self.check_session("ft")


if __name__ == "__main__":
    unittest.main()
