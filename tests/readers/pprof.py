#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Prints how pprof itself understands a profile: `pprof.py [--index NAME] FILE` gives

    {"unit", "total", "functions": [{"name", "file", "line", "self", "total"}],
     "types": [NAME/UNIT, ...]}

The figures are those of `pprof -top`, one function of one file a row; "line" is the function's
first one, of `pprof -raw`, or null. --index chooses among the types of samples; pprof's default is
the profile's own, or the last. Times are in nanoseconds ("unit" is then "nanoseconds"). Largest
"total" first.
"""

import argparse
import json
import os
import re
import subprocess
import sys

PPROF = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/readers/bin/pprof")
# No symbols from files of this machine, and no guess which part of a file's path is of no interest:
# pprof cuts what precedes the last name of the source path, the working folder if none is given.
COMMON = ["-symbolize=none", "-source_path=/ftprof-no-source"]
EVERY_NODE = ["-nodecount=0", "-nodefraction=0", "-edgefraction=0"]
ROW = re.compile(r"\s*(-?[\d.]+)([^\d\s%]*)\s+\S+%\s+\S+%\s+(-?[\d.]+)([^\d\s%]*)\s+\S+%\s+(.*)")
TOTAL = re.compile(r"Showing nodes accounting for .*, \S+% of (-?[\d.]+)(\S*) total$")
# A location's line, or one more function inlined there; its own columns come before.
PLACE = re.compile(r"(?:\s*\d+: 0x[0-9a-f]+ (?:M=\d+ )?(?:\[F\] )?|\s+)(\S.*):-?\d+:-?\d+ s=(-?\d+)")
INLINED = re.compile(r" \((?:partial-)?inline\)$")


def run(args, file):
    env = {**os.environ, "PPROF_TMPDIR": "/nonexistent", "PPROF_BINARY_PATH": "/nonexistent"}
    done = subprocess.run([PPROF, *COMMON, *args, file], env=env, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"pprof.py: {done.stderr.strip()}")
    return done.stdout.splitlines()


def top(granularity, unit, index, file):
    """Rows (label, self, total) of -top, with the total of the profile."""
    lines = run(["-top", f"-{granularity}", f"-unit={unit}", *EVERY_NODE, *index], file)
    totals = [found for found in map(TOTAL.match, lines) if found]
    start = next(i for i, line in enumerate(lines) if line.split()[:2] == ["flat", "flat%"])
    rows = []
    for line in lines[start + 1:]:
        found = ROW.fullmatch(line)
        if not found:
            sys.exit(f"pprof.py: a line of pprof -top is not understood: {line!r}")
        for shown, number in ((found[2], found[1]), (found[4], found[3])):
            if float(number) and shown not in ("", "ns") or not float(number).is_integer():
                sys.exit(f"pprof.py: not a whole number of the unit: {line!r}")
        rows.append((INLINED.sub("", found[5]), int(float(found[1])), int(float(found[3]))))
    if len(totals) != 1:
        sys.exit("pprof.py: pprof -top gives no total")
    return rows, int(float(totals[0][1]))


def first_lines(raw):
    """The functions' first lines by "NAME FILE", as both -raw and -top write it."""
    begin = raw.index("Locations")
    end = raw.index("Mappings")
    found = {}
    for place in filter(None, map(PLACE.match, raw[begin + 1:end])):
        found.setdefault(place[1], int(place[2]))
    return found


def types_of(raw):
    at = raw.index("Samples:")
    return [name.removesuffix("[dflt]") for name in raw[at + 1].split()]


def split(label, names):
    """NAME and FILE of "NAME FILE": either may hold spaces, but the names are known."""
    fit = [name for name in names if label == name or label.startswith(name + " ")]
    if not fit:
        sys.exit(f"pprof.py: no function is called like the start of {label!r}")
    name = max(fit, key=len)
    return name, label[len(name) + 1:] or None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--index")
    parser.add_argument("file")
    options = parser.parse_args()
    index = [f"-sample_index={options.index}"] if options.index else []

    raw = run(["-raw"], options.file)
    types = types_of(raw)
    head = run(["-top", *EVERY_NODE, *index], options.file)
    chosen = next(line.removeprefix("Type: ") for line in head if line.startswith("Type: "))
    unit = next(name.split("/")[1] for name in types if name.split("/")[0] == chosen)
    timed = unit in ("nanoseconds", "microseconds", "milliseconds", "seconds")

    rows, total = top("filefunctions", "ns" if timed else unit, index, options.file)
    names = {label for label, _, _ in top("functions", "ns" if timed else unit, index,
                                          options.file)[0]}
    lines = first_lines(raw)
    functions = []
    for label, self, all_of_it in rows:
        name, file = split(label, names)
        functions.append({"name": name, "file": file, "line": lines.get(label) or None,
                          "self": self, "total": all_of_it})
    functions.sort(key=lambda each: (-each["total"], -each["self"], each["name"]))
    print(json.dumps({"unit": "nanoseconds" if timed else unit, "total": total,
                      "functions": functions, "types": types}))


if __name__ == "__main__":
    main()
