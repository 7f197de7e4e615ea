# SPDX-License-Identifier: BSD-2-Clause
"""Threads that each stand in a place that is known, for as long as the process lives.

Truth: `tids` by the name of the function a thread stands in, in the line that ends with a comment
of that name; `native` is a thread without any Python, `nap` one of a sub-interpreter. Once the
file that the first argument names is there, `holder` holds the GIL, asleep, and `spin` waits for
it; without a GIL `spin` runs.
"""

import ctypes
import os
import queue
import select
import socket
import sys
import threading
import time

import workload

try:
    from concurrent import interpreters
except ImportError:  # 3.13
    interpreters = None
    import _interpreters

lock, items, pair, tids = threading.Lock(), queue.Queue(), socket.socketpair(), {}
settled = threading.Event()
asleep = os.pipe()


def sleep():
    time.sleep(600)  # sleep


def locked():
    lock.acquire()  # locked


def take():
    return items.get()  # take


def take_too():
    return take()


def receive():
    return pair[0].recv(1)  # receive


def choose():
    select.select([pair[1]], [], [])  # choose


def spin():
    while True: pass  # spin


def holder():
    settled.wait()
    os.read(asleep[0], 1)  # the sub-interpreter is there too
    time.sleep(0.3)
    call = ctypes.PyDLL(None).sleep
    os.close(os.open(sys.argv[1], os.O_CREAT))
    call(600)  # holder


def nap():
    code = f"import os, time\nos.write({asleep[1]}, b'x')\ntime.sleep(600)"
    if interpreters:
        interpreters.create().exec(code)  # nap
    else:
        _interpreters.exec(_interpreters.create(), code)  # nap


def start_native():
    """pause() as a thread of its own; returns its id, the one that was not there before."""
    libc, handle = ctypes.CDLL(None), ctypes.c_ulong()
    before = set(os.listdir("/proc/self/task"))
    if libc.pthread_create(ctypes.byref(handle), None, libc.pause, None):
        raise OSError("pthread_create")
    return int((set(os.listdir("/proc/self/task")) - before).pop())


def main():
    start = workload.begin()
    lock.acquire()
    tids["native"] = start_native()
    places = (sleep, locked, take, take_too, take_too, receive, choose, nap, holder, spin)
    for place in places:
        thread = threading.Thread(target=place, daemon=True)
        thread.start()
        tids.setdefault(place.__name__, []).append(thread.native_id)
    settled.set()
    workload.end(start, tids=tids)  # main


main()
