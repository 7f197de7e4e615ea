# SPDX-License-Identifier: BSD-2-Clause
"""Stops at stacks that it tells of, one after another: a byte on standard input leads to the next.

For each it prints "stack NAME TID ENTRIES", then "frame LINE FIRSTLINE HEX HEX" (qualified name and
file name, as UTF-8 with what is none escaped) from the innermost frame on, then "end", and blocks
in os.read(0, 1) in that very line of that very frame. ENTRIES: how often C called the interpreter
in it, -1 where that depends on what is specialised. All stacks are shown in the main thread and in
another one, which in a free-threaded build runs copies of the bytecode.
"""

import _thread
import os
import sys

name = entries = None


def text(s):
    return s.encode("utf-8", "backslashreplace").replace(b"\0", b"\\x00").hex()


def say(frame):
    lines = [f"stack {name} {_thread.get_native_id()} {entries}"]
    while frame:
        code = frame.f_code
        lines.append(f"frame {frame.f_lineno} {code.co_firstlineno} {text(code.co_qualname)}"
                     f" {text(code.co_filename)}")
        frame = frame.f_back
    os.write(1, ("\n".join(lines) + "\nend\n").encode())


def stop(*_):
    say(sys._getframe()); os.read(0, 1)
    return 0


def recursion(n):
    if n:
        return recursion(n - 1) + 1
    return stop(
        n,
        n)


def numbers():
    for i in range(2):
        yield stop()


def delegating():
    yield 7
    yield from numbers()


def generator():
    total = sum(delegating())
    for i in delegating():
        total += i
    return total


def keys():
    def inner(x):
        return stop(x)

    return sorted([1], key=lambda x: sorted(
        [x],
        key=inner))


def class_body():
    class Outer:
        field = 1

        class Inner:
            value = stop()

    return Outer


def executed():
    code = compile("def f(x):\n\n  return g(x)\n\nf(1)\n",
                   "/odd/\u00e9\u7530\U0001f40d ;<a&b>\n\"x\" \ud800.py", "exec")
    exec(code, {"g": stop})


def renamed():
    def f():
        return stop()

    f.__code__ = f.__code__.replace(co_qualname="a\0b\udc80;\n", co_filename="", co_firstlineno=9)
    f()


def replaced_names():
    class Str(str):
        pass

    def f():
        return stop()

    f.__code__ = f.__code__.replace(co_qualname=Str("sub\u0394class"), co_filename=Str("s.py"))
    f()


class Awaitable:
    def __await__(self):
        stop()
        yield


async def inner_coroutine():
    await Awaitable()


async def coroutine():
    async def between():
        return (await
                inner_coroutine())

    await between()


def coroutines():
    coro = coroutine()
    coro.send(None)
    coro.close()


class Init:
    def __init__(self, hold):
        if hold:
            stop()


def initialised():
    # often enough that the call is specialised: a frame that is nobody's stands under __init__
    for i in range(200):
        Init(i == 199)


def handlers():
    try:
        raise ValueError
    except ValueError:
        try:
            [stop(
                x) for x in "a"]
        finally:
            (lambda: stop())()


def hot():
    # specialised and, where there is one, seen by the optimizer
    total = 0
    for i in range(20000):
        total += i
        if i == 19999:
            stop()
    return total


def deep():
    recursion(300)


STACKS = ((recursion, 0), (generator, -1), (keys, 2), (class_body, 2), (executed, 1), (renamed, 0),
          (replaced_names, 0), (coroutines, -1), (initialised, -1), (handlers, 0), (hot, 0),
          (deep, -1))


def show():
    global name, entries
    for function, count in STACKS:
        name = function.__name__
        entries = count + 1 if count >= 0 else -1
        if function is recursion:
            function(5)
        else:
            function()


sys.setrecursionlimit(3000)
show()
done = _thread.allocate_lock()
done.acquire()
# not threading: what lies under its target differs by version
_thread.start_new_thread(lambda: (show(), done.release()), ())
done.acquire()
os.write(1, b"done\n")
os.read(0, 1)
