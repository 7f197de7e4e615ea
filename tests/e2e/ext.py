# SPDX-License-Identifier: BSD-2-Clause
"""Extension modules for tests: built from tests/workloads/ext_gil.c, or real ones from packages."""

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile

import ftp

SOURCE = os.path.join(ftp.WORKLOADS, "ext_gil.c")
PINS = os.path.join(ftp.ROOT, "tests", "extensions.txt")


@functools.lru_cache(maxsize=None)
def _facts(python):
    """(folder of its headers, suffix of its modules)"""
    path = ftp.PYTHON.get(python, python)
    ftp.need(os.access(path, os.X_OK), f"{path} is not there; scripts/get-pythons brings it")
    said = subprocess.run([path, "-I", "-c", "import sysconfig as s; print(s.get_paths()['include'])"
                           "; print(s.get_config_var('EXT_SUFFIX'))"], check=True,
                          capture_output=True, text=True).stdout.split("\n")
    ftp.need(os.path.exists(os.path.join(said[0], "Python.h")), f"{path} has no headers")
    return said[0], said[1]


def build(python, where, name, *macros, flags=(), suffix=None, strip=False, source=SOURCE):
    """Builds ext_gil.c as a module of that name into a folder; macros as it tells of them."""
    include, own = _facts(python)
    path = os.path.join(where, name + (suffix or own))
    ftp.need(shutil.which("gcc"), "gcc is not installed")
    subprocess.run(["gcc", "-std=gnu11", "-O2", "-shared", "-fPIC", "-Wall", f"-I{include}",
                    f"-DEXT_NAME={name}", *(f"-DEXT_{macro}" for macro in macros), *flags, "-o", path,
                    source], check=True)
    if strip:
        subprocess.run(["strip", "--strip-all", path], check=True)
    return path


def distribute(where, name, version, *files):
    """Makes files in a folder those of an installed distribution."""
    info = os.path.join(where, f"{name}-{version}.dist-info")
    os.mkdir(info)
    with open(os.path.join(info, "METADATA"), "w", encoding="utf-8") as file:
        file.write(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nName: no\n")
    with open(os.path.join(info, "RECORD"), "w", encoding="utf-8") as file:
        for path in files:
            file.write(f"{os.path.relpath(path, where)},sha256=x,{os.path.getsize(path)}\n")
        file.write(f"{name}-{version}.dist-info/RECORD,,\n")


def gil_after_import(python, folders, name):
    """Whether the GIL is on in a fresh free-threaded process that imported that module alone."""
    code = (f"import sys, importlib; sys.path[:0] = {list(folders)!r}; "
            f"importlib.import_module({name!r}); print(sys._is_gil_enabled())")
    said = subprocess.run([ftp.PYTHON.get(python, python), "-I", "-W", "ignore", "-c", code],
                          check=True, capture_output=True, text=True).stdout
    return {"True": True, "False": False}[said.strip()]


def packages(python):
    """The folder of the packages of tests/extensions.txt for an interpreter; skips without it.

    pip installs them once, from where it is configured to, into the cache of get-pythons.
    """
    path = ftp.PYTHON[python]
    _facts(python)
    with open(PINS, "rb") as file:
        pins = hashlib.sha256(file.read()).hexdigest()[:12]
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    cache = os.path.join(cache, "ftprof")
    os.makedirs(cache, exist_ok=True)
    final = os.path.join(cache, f"extensions-{python}-{pins}")
    with open(os.path.join(cache, ".lock-extensions"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.isdir(final):
            return final
        with tempfile.TemporaryDirectory(dir=cache, prefix=".extensions.") as stage:
            done = subprocess.run(
                [path, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps",
                 "--only-binary", ":all:", "--no-binary", "ujson", "--target",
                 os.path.join(stage, "site"), "-r", PINS],
                capture_output=True, text=True, check=False, timeout=280,
                env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1",
                     "PIP_ROOT_USER_ACTION": "ignore"})
            ftp.need(done.returncode == 0, f"pip cannot install them: {done.stderr[-500:]}")
            os.rename(os.path.join(stage, "site"), final)
    return final
