# SPDX-License-Identifier: BSD-2-Clause
"""Sleeps of known length in known functions and system calls, one thread for each kind.

    sleeps.py [SECONDS [ROUNDS]]

nap() is time.sleep(), listen() reads a pipe, choose() waits in select(), knock() for a lock: 53 ms
each time, until SECONDS have gone. With ROUNDS two threads pass a byte back and forth beside them,
in ping() and pong(), that often each millisecond. Truth by function: least_ns, what was asked for,
and most_ns, what it took; count; tid.
"""

import os
import select
import threading
import time

import workload

LENGTH = 0.053
SPENT = {}


def nap():
    time.sleep(LENGTH)


def listen(pipe):
    os.read(pipe, 1)


def choose(pipe):
    select.select([pipe], [], [], LENGTH)


def knock(lock):
    lock.acquire()


def ping(source, sink):
    os.write(sink, b"x")
    os.read(source, 1)


def pong(source, sink):
    if os.read(source, 1) != b"x":
        return False
    os.write(sink, b"x")
    return True


def repeat(name, sleep, until):
    """Runs sleep() again and again and adds up what it took."""
    count = spent = 0
    while time.monotonic_ns() < until:
        begin = time.monotonic_ns()
        sleep()
        spent += time.monotonic_ns() - begin
        count += 1
    SPENT[name] = {"least_ns": int(count * LENGTH * 1e9), "most_ns": spent, "count": count,
                   "tid": threading.get_native_id()}


def waking(name, wait, wake, until):
    """The same for a sleep that another thread ends, and that is as long as it asks for."""
    ready, done = threading.Event(), threading.Event()
    times = []

    def waker():
        while True:
            ready.wait()
            ready.clear()
            if done.is_set():
                return
            time.sleep(LENGTH)
            times.append(time.monotonic_ns())
            wake()

    other = threading.Thread(target=waker)
    other.start()
    count = least = most = 0
    while time.monotonic_ns() < until:
        ready.set()
        begin = time.monotonic_ns()
        wait()
        end = time.monotonic_ns()
        least += times.pop() - begin
        most += end - begin
        count += 1
    done.set()
    ready.set()
    other.join()
    SPENT[name] = {"least_ns": least, "most_ns": most, "count": count,
                   "tid": threading.get_native_id()}


def traffic(rounds, until):
    """Two threads that wake each other; each round is two sleeps."""
    there, back = os.pipe(), os.pipe()

    def one():
        while time.monotonic_ns() < until:
            for _ in range(rounds):
                ping(back[0], there[1])
            time.sleep(0.001)
        os.write(there[1], b"e")

    def two():
        while pong(there[0], back[1]):
            pass

    return [one, two]


def main():
    seconds, rounds = workload.arg(1, 6.0), workload.arg(2, 0)
    start = workload.begin()
    until = start + int(seconds * 1e9)
    lock, pipe, silent = threading.Lock(), os.pipe(), os.pipe()
    lock.acquire()
    threads = [lambda: repeat("nap", nap, until),
               lambda: repeat("choose", lambda: choose(silent[0]), until),
               lambda: waking("listen", lambda: listen(pipe[0]), lambda: os.write(pipe[1], b"x"),
                              until),
               lambda: waking("knock", lambda: knock(lock), lock.release, until)]
    if rounds:
        threads += traffic(rounds, until)
    workload.run_threads(threads)
    workload.end(start, sleeps=SPENT)


main()
