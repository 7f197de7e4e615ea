# SPDX-License-Identifier: BSD-2-Clause
"""The drivers in tests/readers/ give what is in profiles made here by hand, and refuse what is none.

All profiles hold the same: in the thread Main, main -> a for 5 ms, main -> a -> b for 2.5 ms and
main -> b for 1.25 ms; in the thread Other, a function that calls itself, for 123 ns.
"""

import gzip
import json
import subprocess
import tempfile
import unittest

import ftp

FILE = "/srv/a b/m.py"
NAMES = ("main", "a (of a)", "b", "again")
# What main, a, b and again take alone and with what they call.
TIMES = {"main": (0, 8750000), "a (of a)": (5000000, 7500000), "b": (3750000, 3750000),
         "again": (123, 123)}
# Stacks as functions from the outermost, with nanoseconds.
MAIN = (((0, 1), 5000000), ((0, 1, 2), 2500000), ((0, 2), 1250000))
OTHER = (((3, 3), 123),)


def varint(number):
    done = bytearray()
    while number > 127:
        done.append(number & 127 | 128)
        number >>= 7
    return bytes(done) + bytes([number])


def number(field, value):
    return varint(field << 3) + varint(value)


def block(field, value):
    return varint(field << 3 | 2) + varint(len(value)) + value


def packed(field, values):
    return block(field, b"".join(map(varint, values)))


def pprof():
    """profile.proto: a function and its location have the same id, its place in NAMES plus one."""
    strings = ["", "samples", "count", "wall", "nanoseconds", FILE, *NAMES]
    out = block(1, number(1, 1) + number(2, 2)) + block(1, number(1, 3) + number(2, 4))
    for stack, time in MAIN + OTHER:
        out += block(2, packed(1, [at + 1 for at in reversed(stack)]) + packed(2, [1, time]))
    for at in range(len(NAMES)):
        out += block(4, number(1, at + 1) + block(4, number(1, at + 1) + number(2, 10 * at + 10)))
    for at in range(len(NAMES)):
        out += block(5, number(1, at + 1) + number(2, at + 6) + number(4, 5) + number(5, at + 1))
    return gzip.compress(out + b"".join(block(6, text.encode()) for text in strings))


def speedscope():
    def profile(name, stacks, unit, scale):
        weights = [time / scale for _, time in stacks]
        return {"type": "sampled", "name": name, "unit": unit, "startValue": 0,
                "endValue": sum(weights), "samples": [stack for stack, _ in stacks],
                "weights": weights}

    return json.dumps({
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "shared": {"frames": [{"name": name, "file": FILE, "line": at + 1}
                              for at, name in enumerate(NAMES)]},
        "profiles": [profile("Main", MAIN, "milliseconds", 1e6),
                     profile("Other", OTHER, "nanoseconds", 1)],
    }).encode()


def firefox():
    """The processed format's version 48: tables in each thread, and weights in milliseconds."""
    def thread(name, tid, stacks):
        prefix, frames, leaves, known = [], [], [], {}
        for stack, _ in stacks:
            at = None
            for function in stack:
                if (at, function) not in known:
                    known[at, function] = len(prefix)
                    prefix.append(at)
                    frames.append(function)
                at = known[at, function]
            leaves.append(at)
        count = len(NAMES)
        return {
            "processType": "default", "processStartupTime": 0, "processShutdownTime": None,
            "registerTime": 0, "unregisterTime": None, "pausedRanges": [], "name": name,
            "isMainThread": tid == 1, "pid": "1", "tid": tid,
            "samples": {"length": len(stacks), "stack": leaves, "time": list(range(len(stacks))),
                        "weight": [time / 1e6 for _, time in stacks], "weightType": "tracing-ms"},
            "markers": {"length": 0, "data": [], "name": [], "startTime": [], "endTime": [],
                        "phase": [], "category": []},
            "stackTable": {"length": len(prefix), "prefix": prefix, "frame": frames,
                           "category": [0] * len(prefix), "subcategory": [0] * len(prefix)},
            "frameTable": {"length": count, "address": [-1] * count, "inlineDepth": [0] * count,
                           "category": [0] * count, "subcategory": [0] * count,
                           "func": list(range(count)), "nativeSymbol": [None] * count,
                           "innerWindowID": [0] * count, "column": [None] * count,
                           "line": [10 * at + 10 for at in range(count)]},
            "funcTable": {"length": count, "name": list(range(count)), "isJS": [False] * count,
                          "relevantForJS": [False] * count, "resource": [-1] * count,
                          "fileName": [count] * count, "columnNumber": [None] * count,
                          "lineNumber": [at + 1 for at in range(count)]},
            "resourceTable": {"length": 0, "lib": [], "name": [], "host": [], "type": []},
            "nativeSymbols": {"length": 0, "address": [], "functionSize": [], "libIndex": [],
                              "name": []},
            "stringArray": [*NAMES, FILE],
        }

    return json.dumps({
        "meta": {"interval": 1, "startTime": 0, "processType": 0, "product": "none", "stackwalk": 1,
                 "version": 29, "preprocessedProfileVersion": 48, "debug": False,
                 "categories": [{"name": "Other", "color": "grey", "subcategories": ["Other"]}],
                 "markerSchema": [], "symbolicated": True, "abi": "", "misc": "", "oscpu": "",
                 "platform": "", "toolkit": ""},
        "libs": [], "threads": [thread("Main", 1, MAIN), thread("Other", 2, OTHER)],
    }).encode()


def expected(file=True, line=True, of=NAMES):
    functions = [{"name": name, "file": FILE if file else None,
                  "line": NAMES.index(name) + 1 if line else None,
                  "self": TIMES[name][0], "total": TIMES[name][1]} for name in of]
    return sorted(functions, key=lambda each: -each["total"])


class Readers(unittest.TestCase):
    maxDiff = None

    def read(self, reader, content, *options):
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            return ftp.read_profile(reader, file.name, *options)

    def check_refused(self, reader):
        for content in (b"", b"{}", b"no profile"):
            with self.assertRaises(subprocess.CalledProcessError) as caught:
                self.read(reader, content)
            self.assertEqual(caught.exception.returncode, 1)
            self.assertNotEqual(caught.exception.stderr, "")

    def check_threads(self, found, file, line):
        self.assertEqual([(each["name"], each["total"]) for each in found["threads"]],
                         [("Main", 8750000), ("Other", 123)])
        self.assertEqual(found["threads"][0]["functions"], expected(file, line, NAMES[:3]))
        self.assertEqual(found["threads"][1]["functions"], expected(file, line, NAMES[3:]))

    def test_pprof(self):
        found = self.read("pprof", pprof())
        self.assertEqual(found["functions"], expected())
        self.assertEqual(found["total"], 8750123)
        self.assertEqual(found["unit"], "nanoseconds")
        self.assertEqual(found["types"], ["samples/count", "wall/nanoseconds"])

    def test_pprof_index(self):
        found = self.read("pprof", pprof(), "--index", "samples")
        self.assertEqual((found["unit"], found["total"]), ("count", 4))
        self.assertEqual({each["name"]: (each["self"], each["total"])
                          for each in found["functions"]},
                         {"main": (0, 3), "a (of a)": (1, 2), "b": (2, 2), "again": (1, 1)})

    def test_speedscope(self):
        found = self.read("speedscope", speedscope())
        self.assertEqual((found["unit"], found["total"]), ("nanoseconds", 8750123))
        self.assertEqual(found["functions"], expected())
        self.check_threads(found, file=True, line=True)

    def test_firefox(self):
        found = self.read("firefox", firefox())
        self.assertEqual((found["unit"], found["total"]), ("nanoseconds", 8750123))
        self.assertEqual(found["functions"], expected(file=False, line=False))
        self.check_threads(found, file=False, line=False)

    def test_firefox_files(self):
        found = self.read("firefox", firefox(), "--files")
        self.assertEqual(found["functions"], expected(line=False))
        self.assertEqual(found["lines"], {FILE: [
            {"line": 10 * at + 10, "self": TIMES[name][0], "total": TIMES[name][1]}
            for at, name in enumerate(NAMES)]})

    def test_pprof_refuses(self):
        self.check_refused("pprof")

    def test_speedscope_refuses(self):
        self.check_refused("speedscope")

    def test_firefox_refuses(self):
        self.check_refused("firefox")
