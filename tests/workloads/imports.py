# SPDX-License-Identifier: BSD-2-Clause
"""Loads extension modules and stays.

    imports.py FOLDERS [import:NAME | forget:NAME | load:PATH]...

FOLDERS, joined by ":", are where modules are found. import: imports one; forget: imports one and
takes it out of sys.modules; load: maps a file without initialising it. Truth: "gil", whether the GIL
is on then (null where it cannot be off), and "modules", what the standard library's importer says of
each module with a file that ends in .so: {name: path}.
"""

import ctypes
import importlib
import sys

import workload


def main():
    sys.path[:0] = [folder for folder in sys.argv[1].split(":") if folder]
    kept = []
    for order in sys.argv[2:]:
        how, what = order.split(":", 1)
        if how == "load":
            kept.append(ctypes.CDLL(what))
            continue
        kept.append(importlib.import_module(what))
        if how == "forget":
            del sys.modules[what]
    enabled = getattr(sys, "_is_gil_enabled", None)
    start = workload.begin()
    workload.end(start, gil=enabled() if enabled else None, modules={
        name: module.__spec__.origin for name, module in list(sys.modules.items())
        if str(getattr(getattr(module, "__spec__", None), "origin", "")).endswith(".so")})


main()
