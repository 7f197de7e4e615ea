# SPDX-License-Identifier: BSD-2-Clause
"""Threads that all use one object, or one each, in a single known line.

    ft_shared.py KIND [SECONDS [THREADS [one|own|given]]]

KIND is what the line does: append (to a list), dict, set, deque, write (an attribute), read (an
attribute whose value is a plain object), mixed (reads and writes one attribute, eight to one),
closure (calls one), lock (a threading.Lock), queue (queue.Queue) or class (changes one).

Truth: "name", what is shared; "line", "function" and "file" of the line that uses it. With `one`
all threads use the same object, with `own` each has one that nobody else touches, and nothing is
shared. With `given` too, but the main thread made them: their counts are changed by locked
instructions that wait for nobody. All classes have one lock: changing them never scales. ops is
what got done, scaling that as a multiple of what one such thread got done in the tenth of the time
before.
"""

import collections
import queue
import sys
import threading
import time

import workload

BATCH = 1000
APART = 32  # objects from one that is used to the next: never two on one cache line
LONG = 20_000  # elements: what grows is emptied before it is a matter of memory


class Plain:
    """An instance to share, with an attribute."""

    def __init__(self):
        self.value = object()  # mortal: None and small integers have no count to share


def append(items):
    for _ in range(BATCH):
        items.append(None)  # here
    if len(items) > LONG:
        items.clear()


def change_dict(table):
    for n in range(BATCH):
        table[n & 63] = None  # here


def change_set(found):
    for n in range(BATCH):
        found.add(n & 63)  # here


def change_deque(items):
    for _ in range(BATCH):
        items.append(None)  # here


def write(thing):
    for _ in range(BATCH):
        thing.value = None  # here


def read(thing):
    for _ in range(BATCH):
        thing.value  # here


def mixed(thing):
    for n in range(BATCH // 4):
        thing.value = (thing.value, thing.value, thing.value, thing.value,
                       thing.value, thing.value, thing.value, thing.value)[n & 7]  # here


def call(function):
    for _ in range(BATCH):
        function()  # here


def hold(lock):
    for _ in range(BATCH):
        with lock:  # here
            for _ in range(20):
                pass


def put(jobs):
    for _ in range(BATCH // 10):
        jobs.put(None)  # here
        jobs.get()


def change_class(cls):
    for n in range(BATCH // 10):
        cls.changing = n  # here


def closure():
    """A function whose cell holds a plain object."""
    held = object()

    def inner():
        return held

    return inner


def new_class():
    """A class with some that inherit from it."""
    base = type("Base", (), {})
    base.children = [type("Child", (base,), {}) for _ in range(4)]
    return base


KINDS = {
    # what makes an object, what uses it, its name
    "append": (list, append, "list"),
    "dict": (dict, change_dict, "dict"),
    "set": (set, change_set, "set"),
    "deque": (lambda: collections.deque(maxlen=64), change_deque, "collections.deque"),
    "write": (Plain, write, "Plain"),
    "read": (Plain, read, "Plain"),
    "mixed": (Plain, mixed, "Plain"),
    "closure": (closure, call, "function"),
    "lock": (threading.Lock, hold, "_thread.lock"),
    "queue": (queue.Queue, put, "queue.Queue"),
    "class": (new_class, change_class, "type lock"),
}


def line_of(function):
    """The line that the comment marks."""
    with open(__file__, encoding="utf-8") as file:
        lines = file.read().splitlines()
    first = function.__code__.co_firstlineno
    return first + next(n for n, line in enumerate(lines[first - 1:]) if line.endswith("# here"))


def main():
    kind, seconds, count = sys.argv[1], workload.arg(2, 4.0), workload.arg(3, 4)
    sharing = sys.argv[4] if len(sys.argv) > 4 else "one"
    if sharing not in ("one", "own", "given"):
        sys.exit("ft_shared.py: the fourth argument is one, own or given")
    make, use, name = KINDS[kind]
    shared = make()
    given = [make() for _ in range(APART * (count + 1))]
    ops = [0] * (count + 1)
    deadline = 0

    def work(index):
        if sharing == "own":
            thing = make()
        else:
            thing = shared if sharing == "one" else given[APART * index]
        done = 0
        while time.monotonic_ns() < deadline:
            use(thing)
            done += 1
        ops[index] = done

    start = workload.begin()
    deadline = time.monotonic_ns() + int(seconds * 1e8)
    workload.run_threads([lambda: work(count)])
    alone = ops[count] * 10
    ops[count] = 0
    deadline = time.monotonic_ns() + int(seconds * 1e9)
    tids = workload.run_threads([lambda i=i: work(i) for i in range(count)])
    workload.end(start, tids=tids, ops=sum(ops), scaling=sum(ops) / alone, name=name,
                 line=line_of(use), function=use.__name__, file=__file__)


main()
