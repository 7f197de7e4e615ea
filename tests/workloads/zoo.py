# SPDX-License-Identifier: BSD-2-Clause
"""Programs whose stacks take every form that CPython knows, and the calls that they can make.

    zoo.py KIND SECONDS FILE

KIND: deep (100,000 frames), hundred (100), generators, tasks (1,000 of asyncio), pool, interps
(interpreters beside the main one), mixed (C that calls Python that calls C), classes (class bodies,
exec, comprehensions, decorators, __del__), sympy (a large program; needs build/packages).

Truth, as JSON in FILE: "pairs", all (caller, callee) of Python functions, each [name, file, first
line], seen by sys.monitoring in a first run of the same work, before the process says that it is
ready; and "lines", [function, its lines], by code.co_lines(), with 0 where an instruction has none
(the first ones of a function with cells). Between its go and its result it repeats that work.
"""

import asyncio
import concurrent.futures
import functools
import gc
import json
import os
import re
import sys
import time
import types

import workload

PACKAGES = os.path.join(os.path.dirname(__file__), "../../build/packages")


# deep, hundred


def sink(depth):
    if depth:
        return sink(depth - 1) + 1
    return bottom()


def bottom():
    total = 0
    for _ in range(20_000):
        total += 1
    return 0


def deep():
    sys.setrecursionlimit(200_000)
    sink(100_000)


def hundred():
    sink(100)


# generators


def numbers(depth):
    if depth:
        yield from numbers(depth - 1)
    else:
        yield from leaf_numbers()


def leaf_numbers():
    for n in range(50):
        total = 0
        for _ in range(300):
            total += n
        yield total


def squares():
    return (square(n) for n in numbers(40))


def square(n):
    return sum(n * k for k in range(100))


def sender():
    got = 0
    while got is not None:
        got = yield square(got % 7)


def generators():
    total = 0
    for n in squares():
        total += n
    talk = sender()
    next(talk)
    for n in range(100):
        talk.send(n)
    try:
        talk.send(None)
    except StopIteration:
        pass
    return total


# tasks


async def inner(n):
    total = 0
    for _ in range(50):
        total += n
    await asyncio.sleep(0.0001 * (n % 7))
    return total


async def outer(n, agen):
    async for k in agen(n):
        await inner(k)
    return n


async def agen(n):
    for k in range(2):
        await asyncio.sleep(0)
        yield n + k


async def everything():
    await asyncio.gather(*(outer(n, agen) for n in range(1000)))


def tasks():
    asyncio.run(everything())


# pool


def job(n):
    total = 0
    for k in range(2000):
        total += k * n
    if n % 10 == 0:
        time.sleep(0.0005)
    return total


def pool():
    with concurrent.futures.ThreadPoolExecutor(5) as workers:
        futures = [workers.submit(job, n) for n in range(60)]
        sum(future.result() for future in concurrent.futures.as_completed(futures))
        list(workers.map(job, range(60)))


# mixed


class Item:
    def __init__(self, value):
        self.value = self.prepare(value)

    def prepare(self, value):
        return value * 7919 % 1009

    def __lt__(self, other):
        return self.key() < other.key()

    def key(self):
        return self.value

    def __del__(self):
        self.value = None


def add(left, right):
    return left + functools.reduce(multiply, (right, 2, 3))


def multiply(left, right):
    return left * right % 65537


def swap(match):
    return str(functools.reduce(add, sorted(map(int, match.group()), key=negative)))


def negative(digit):
    return -digit


def mixed():
    items = [Item(n) for n in range(500)]
    items.sort()
    sorted(items, key=Item.key)
    re.sub(r"[0-9]+", swap, "a12345b67890c1234567890 " * 20)
    functools.reduce(add, range(500))


# classes


def classes():
    for n in range(20):
        names = {}
        exec(SOURCE, names)  # pylint: disable=exec-used
        names["run"](n)
    gc.collect()


SOURCE = """
def decorate(function):
    def wrapper(*args):
        return function(*args)
    return wrapper

class Meta(type):
    def __call__(cls, *args):
        return super().__call__(*args)

class Made(metaclass=Meta):
    table = {n: [k for k in range(30)] for n in range(30)}
    total = 0
    for n in range(500):
        total += n

    def __init__(self, n):
        self.n = n
        self.me = self

    @decorate
    def method(self):
        return [self.value(k) for k in range(100)]

    def value(self, k):
        total = 0
        for _ in range(20):
            total += k
        return total

    @property
    def attribute(self):
        return self.value(1)

    def __getattr__(self, name):
        return self.value(2)

    def __del__(self):
        self.value(3)

def run(n):
    for k in range(5):
        made = Made(n)
        made.method()
        made.attribute
        made.missing
        with_lambda = sorted(range(50), key=lambda v: made.value(v))
"""


# interps: each says its own pairs


INTERPRETER = """
import sys

def one(n):
    return two(n) + 1

def two(n):
    total = 0
    for k in sorted(range(200), key=lambda v: -v):
        total += k
    return total

def spin(seconds):
    import time
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for n in range(20):
            one(n)

pairs = set()
def key(code):
    return (code.co_qualname, code.co_filename, code.co_firstlineno)
def hook(frame, event, arg):
    if event == "call" and frame.f_back:
        pairs.add((frame.f_back.f_code, frame.f_code))
sys.setprofile(hook)
spin(0.2)
sys.setprofile(None)
import json, os
codes = {code for pair in pairs for code in pair}
pairs = [(key(caller), key(callee)) for caller, callee in pairs]
# What the threads of the session run is of another source than this.
pairs += [(("<module>", name, 1), key(spin.__code__)) for name in ("<string>", "<script>")]
lines = [(key(code), sorted({line or 0 for _, _, line in code.co_lines()})) for code in codes]
lines += [(("<module>", name, 1), [0, 1]) for name in ("<string>", "<script>")]
os.write(PIPE, (json.dumps((pairs, lines)) + "\\n").encode())
"""


class Interpreters:
    """Interpreters with a GIL each, which spin in threads of their own."""

    def __init__(self, count=3):
        try:
            from concurrent import interpreters  # pylint: disable=import-outside-toplevel

            made = [interpreters.create() for _ in range(count)]
            self.execs = [one.exec for one in made]
        except ImportError:  # 3.13
            import _interpreters  # pylint: disable=import-outside-toplevel

            ids = [_interpreters.create() for _ in range(count)]
            self.execs = [functools.partial(_interpreters.exec, one) for one in ids]
        self.pairs, self.lines = [], []
        source, sink_end = os.pipe()
        with os.fdopen(source) as file:
            for execute in self.execs:
                execute(INTERPRETER.replace("PIPE", str(sink_end)))
                pairs, lines = json.loads(file.readline())
                self.pairs += pairs
                self.lines += lines
        os.close(sink_end)

    def run(self, seconds):
        workload.run_threads([functools.partial(execute, f"spin({seconds})")
                              for execute in self.execs])


# sympy


def sympy_work():
    """Builds polynomials and integrals anew: its caches are emptied, its dice are thrown again."""
    import sympy  # pylint: disable=import-outside-toplevel
    from sympy.core.cache import clear_cache  # pylint: disable=import-outside-toplevel
    from sympy.core.random import seed  # pylint: disable=import-outside-toplevel

    seed(7)  # it asks in a random order, so calls would differ from round to round
    x, y = sympy.symbols("x y")
    clear_cache()
    expression = sympy.expand((x + y + 1) ** 5)
    sympy.factor(expression)
    sympy.integrate(sympy.sin(x) * sympy.exp(x), x)
    sympy.Matrix([[x, 1, y], [y, x, 1], [1, y, x]]).det()
    sympy.solve(x ** 3 - 6 * x ** 2 + 11 * x - 6, x)


class Pairs:
    """Who calls whom, by sys.monitoring, in all threads of this interpreter."""

    def __init__(self):
        self.seen, self.made = set(), set()

    @staticmethod
    def key(code):
        return (code.co_qualname, code.co_filename, code.co_firstlineno)

    def began(self, *_):
        """A function began or goes on; its frame is the caller of this one."""
        frame = sys._getframe(1)
        while frame.f_back is not None:
            pair = (frame.f_back.f_code, frame.f_code)
            if pair in self.seen:
                return
            self.seen.add(pair)
            frame = frame.f_back

    def called(self, code, _, function, *__):
        """A generator or coroutine is made by its own code, which does not count as its begin."""
        called = getattr(function, "__code__", None)
        if isinstance(called, types.CodeType):
            self.made.add((code, called))

    def __enter__(self):
        tool, event = sys.monitoring, sys.monitoring.events
        tool.use_tool_id(tool.PROFILER_ID, "pairs")
        for what in (event.PY_START, event.PY_RESUME, event.PY_THROW):
            tool.register_callback(tool.PROFILER_ID, what, self.began)
        tool.register_callback(tool.PROFILER_ID, event.CALL, self.called)
        tool.set_events(tool.PROFILER_ID, event.PY_START | event.PY_RESUME | event.PY_THROW |
                        event.CALL)
        return self

    def __exit__(self, *exc):
        sys.monitoring.set_events(sys.monitoring.PROFILER_ID, 0)
        sys.monitoring.free_tool_id(sys.monitoring.PROFILER_ID)

    def truth(self):
        pairs = self.seen | self.made
        codes = {code for pair in pairs for code in pair}
        return ([[self.key(caller), self.key(callee)] for caller, callee in pairs],
                [[self.key(code), sorted({line or 0 for _, _, line in code.co_lines()})]
                 for code in codes])


def repeat(work, seconds):
    until = time.monotonic() + seconds
    rounds = 0
    while time.monotonic() < until:
        work()
        rounds += 1
    return rounds


def write(path, truth):
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"pairs": truth[0], "lines": truth[1]}, file)


def main():
    kind, seconds, path = sys.argv[1], float(sys.argv[2]), sys.argv[3]
    rounds = 1
    if kind == "interps":
        own = Interpreters()
        with Pairs() as pairs:
            for _ in range(5):
                own.run(0.1)
        truth = pairs.truth()
        write(path, (truth[0] + own.pairs, truth[1] + own.lines))
        start = workload.begin()
        own.run(seconds)
        workload.end(start, rounds=rounds)
        return
    if kind == "sympy":
        sys.path.insert(0, PACKAGES)
        work = sympy_work
    else:
        work = globals()[kind]
    sys.setrecursionlimit(200_000)
    with Pairs() as pairs:
        repeat(work, 1)
        work()
        work()
    write(path, pairs.truth())
    start = workload.begin()
    rounds = repeat(work, seconds)
    workload.end(start, rounds=rounds)


main()
