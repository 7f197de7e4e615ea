# SPDX-License-Identifier: BSD-2-Clause
"""Code objects that a profiler would rather not meet.

    badinput.py KIND [SECONDS]

fresh: functions that are freed at once, each with a name n<NNN> whose number is its first line; at
least 100,000 of them. execs: the same by exec(), fewer and with lower numbers. names: names and file
names with every character that some format means something by, and one of 64 KiB; truth: names.
tables: line tables that are empty or garbage. unmap: memory that comes and goes all the time, with
a thread for each. leave and replace: the process exits, or becomes another program, half a second
after its go.
"""

import mmap
import os
import random
import sys
import threading
import time

import workload

NAMES = ("semi;colon", "new\nline", "tab\tname", 'quote"double', "quote'single", "<script>alert(1)",
         "&amp;", "back\\slash", "per%cent", "space name ", os.fsdecode(b"sur\xffrogate"),
         "\U0001f40d snake", "\u202eltr", "null\0byte", "\x1b[31mred", "\u00e9\u4e2d", "]]>", "{}[]",
         "a" * 4000)


def fresh(until):
    def body(k):
        total = 0
        for n in range(k):
            total += n
        return total

    number = made = 0
    function = type(body)
    while made < 100_000 or time.monotonic_ns() < until:
        number = number % 99_991 + 1
        code = body.__code__.replace(co_firstlineno=number, co_name=f"n{number}",
                                     co_qualname=f"n{number}", co_filename="fresh.py")
        function(code, {"range": range})(60)
        made += 1
    return {"made": made, "height": 4}


def execs(until):
    number = made = 0
    while time.monotonic_ns() < until:
        number = number % 97 + 1
        names = {}
        source = "\n" * (number - 1) + f"def n{number}(k): return sum(n for n in range(k))"
        exec(compile(source, "fresh.py", "exec"), names)  # pylint: disable=exec-used
        names[f"n{number}"](300)
        made += 1
    return {"made": made, "height": 0}


def spin(name, file, until):
    """A function of that name in that file, which counts."""
    def body(until, clock):
        total = 0
        while clock() < until:
            for n in range(1000):
                total += n
        return total

    code = body.__code__.replace(co_name=name, co_qualname=name, co_filename=file)
    type(body)(code, {"range": range})(until, time.monotonic_ns)


def names(until):
    begin = time.monotonic_ns()
    pairs = [(name, f"/srv/{name}.py") for name in NAMES]
    pairs += [("long", "/" + "d/" * 32767 + "m"), ("wide", "/\u4e2d" * 20_000)]
    for n, (name, file) in enumerate(pairs):
        spin(name, file, begin + (until - begin) * (n + 1) // len(pairs))
    return {"names": [name.encode("utf-8", "backslashreplace").decode() for name, _ in pairs]}


def tables(until):
    draw = random.Random(7)

    def body(until, clock):
        total = 0
        while clock() < until:
            for n in range(100):
                total += n
        return total

    whole = body.__code__.co_linetable
    count = 0
    while time.monotonic_ns() < until:
        length = draw.choice((0, 1, 2, len(whole), 5000))
        table = (bytes(draw.randrange(256) for _ in range(length)) if draw.random() < 0.7 else
                 whole[:draw.randrange(len(whole))])
        code = body.__code__.replace(co_linetable=table, co_name="tabled", co_qualname="tabled")
        type(body)(code, {"range": range})(time.monotonic_ns() + 3_000_000, time.monotonic_ns)
        count += 1
    return {"made": count}


def unmap(until):
    def churn():
        while time.monotonic_ns() < until:
            areas = [mmap.mmap(-1, 1 << 20) for _ in range(16)]
            for area in areas:
                area[0] = 1
                area.close()
            kept = [object() for _ in range(20_000)]
            del kept

    def short():
        while time.monotonic_ns() < until:
            one = threading.Thread(target=sum, args=(range(1000),))
            one.start()
            one.join()

    workload.run_threads([churn, churn, short])
    return {}


def half():
    until = time.monotonic_ns() + 500_000_000
    workload.spin_until(until)


def leave(_):
    half()
    os._exit(0)


def replace(_):
    half()
    os.execv("/bin/sleep", ["sleep", "1"])


def main():
    kind, seconds = sys.argv[1], workload.arg(2, 4.0)
    start = workload.begin()
    truth = globals()[kind](start + int(seconds * 1e9))
    workload.end(start, **truth)


main()
