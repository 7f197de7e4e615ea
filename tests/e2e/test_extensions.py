# SPDX-License-Identifier: BSD-2-Clause
"""`ftprof check` tells which extension modules need the GIL.

The truth is the interpreter's: in a fresh free-threaded process that imports the one module, is the
GIL on? A build with a GIL cannot be asked, there it is how the module was built.
"""

import json
import os
import shutil
import tempfile
import time
import unittest

import ext
import ftp

NOT = "SLOT=Py_MOD_GIL_NOT_USED"
USED = "SLOT=Py_MOD_GIL_USED"
# name: (macros, compiler flags, stripped, what a build with a GIL can tell)
KINDS = {
    "ext_plain": ([], [], True, "used"),
    "ext_marked": ([NOT], [], False, "not_used"),
    "ext_cet": ([NOT], ["-fcf-protection=full"], True, "not_used"),
    "ext_noplt": ([NOT], ["-fno-plt", "-Wl,-z,now"], True, "not_used"),
    "ext_slow": ([NOT], ["-O0", "-fcf-protection=full"], True, "not_used"),
    "ext_says": ([USED], [], True, "used"),
    "ext_pointer": ([NOT, "POINTER"], [], True, "not_used"),
    "ext_heap": ([NOT, "HEAP"], [], True, "not_used"),
    "ext_late": ([NOT, "LATE"], [], True, "not_used"),
    "ext_other": ([NOT, "OTHER=Py_MOD_GIL_USED"], [], True, "not_used"),
    "ext_another": ([USED, "OTHER=Py_MOD_GIL_NOT_USED"], [], True, "used"),
    "ext_single": (["SINGLE"], [], True, "unknown"),
    "ext_single_not": (["SINGLE", "SET=Py_MOD_GIL_NOT_USED"], [], True, "unknown"),
    "ext_single_used": (["SINGLE", "SET=Py_MOD_GIL_USED"], [], True, "unknown"),
}
# What the interpreter went by stood in the module object alone, or the definition is found by it.
FORGOTTEN = ("ext_single_not", "ext_single_used", "ext_heap")


def check(load):
    """{path: row} of what ftprof says of a workload."""
    said = json.loads(ftp.check_ftprof("check", "-p", load.pid, "--json"))
    rows = {row["path"]: row for row in said["extensions"]}
    if len(rows) != len(said["extensions"]):
        raise AssertionError(f"a file twice: {said['extensions']}")
    return rows


def check_text(load):
    """What the text says from the table of modules on."""
    said = ftp.check_ftprof("check", "-p", load.pid)
    return said[said.index("\nextension modules: ") + 1:]


class Built(unittest.TestCase):
    """Modules of which everything is known."""

    def setUp(self):
        ftp.need_ftprof()
        self.where = os.path.realpath(self.enterContext(tempfile.TemporaryDirectory()))

    def build(self, python, *names):
        """{name: path}"""
        paths = {}
        for name in names:
            macros, flags, strip, _ = KINDS[name]
            paths[name] = ext.build(python, self.where, name, *macros, flags=flags, strip=strip)
        return paths

    def start(self, python, *orders, **more):
        return self.enterContext(ftp.start(python, "imports.py", self.where, *orders, **more))

    def truth(self, python, name):
        if "ft" not in python:
            return KINDS[name][3]
        on = ext.gil_after_import(python, [self.where], name)
        return "used" if on else "not_used"

    def kinds(self, python):
        paths = self.build(python, *KINDS)
        ext.distribute(self.where, "Ext-Pack", "1.2", paths["ext_plain"], paths["ext_marked"])
        expected = {name: self.truth(python, name) for name in KINDS}
        if "ft" in python:  # else the test has no teeth
            self.assertEqual(set(expected.values()), {"used", "not_used"})
        for how in ("import", "forget"):
            load = self.start(python, *(f"{how}:{name}" for name in KINDS))
            load.go()
            truth = load.result()
            rows = check(load)
            for name, path in paths.items():
                with self.subTest(how=how, name=name):
                    row = rows[path]
                    self.assertEqual(row["module"], name)
                    if how == "forget" and name in FORGOTTEN:
                        self.assertEqual(row["gil"], "unknown", row)
                    else:
                        self.assertEqual(row["gil"], expected[name], row)
                    self.assertTrue(row["how"])
                    self.assertFalse(row["stdlib"])
                    self.assertEqual(row["distribution"], "Ext-Pack 1.2" if name in
                                     ("ext_plain", "ext_marked") else "")
            for name, path in truth["modules"].items():
                self.assertIn(path, rows)
                self.assertEqual(rows[path]["module"], name)
            for path, row in rows.items():
                if path not in paths.values():
                    self.assertIn("lib-dynload", path)
                    self.assertTrue(row["stdlib"], row)
                    self.assertRegex(row["distribution"], r"^CPython 3\.1[34]\.\d+$")
            load.close()

    def test_gil(self):
        self.kinds("gil")

    def test_ft(self):
        self.kinds("ft")

    def test_gil313(self):
        self.kinds("gil313")

    def test_ft313(self):
        self.kinds("ft313")

    def loaded(self, python):
        """A file that is mapped and was never initialised: only its code leads to its slots."""
        names = [name for name in KINDS if name != "ext_late"]  # its slots are not written yet
        paths = self.build(python, *names)
        load = self.start(python, *(f"load:{path}" for path in paths.values()))
        rows = check(load)
        for name, path in paths.items():
            with self.subTest(name=name):
                expected = self.truth(python, name)
                if name in FORGOTTEN:
                    expected = "unknown"
                self.assertEqual(rows[path]["gil"], expected, rows[path])

    def test_loaded_gil(self):
        self.loaded("gil")

    def test_loaded_ft(self):
        self.loaded("ft")

    def test_loaded_ft313(self):
        self.loaded("ft313")

    def test_stable_abi(self):
        """In a file for the stable ABI a missing slot is no answer: 3.14t loads no such file."""
        paths = [ext.build("gil", self.where, "ext_old", suffix=".abi3.so"),
                 ext.build("gil", self.where, "ext_new", NOT, suffix=".abi3.so")]
        rows = check(self.start("gil", "import:ext_old", "import:ext_new").go())
        self.assertEqual([rows[path]["gil"] for path in paths], ["unknown", "not_used"])

    def test_deleted(self):
        """A file that an update has replaced: what is installed now is not what the process has."""
        paths = self.build("ft", "ext_plain", "ext_marked")
        ext.distribute(self.where, "ext", "1.0", *paths.values())
        load = self.start("ft", "import:ext_plain", "import:ext_marked")
        load.go().result()
        for path in paths.values():
            shutil.copy(path, path + ".new")
            os.rename(path + ".new", path)
        rows = check(load)
        self.assertEqual(rows[paths["ext_plain"]]["gil"], "used")
        self.assertEqual(rows[paths["ext_marked"]]["gil"], "not_used")
        self.assertEqual({rows[path]["distribution"] for path in paths.values()}, {""})

    def test_mount_namespace(self):
        """Files and their distribution are where the process sees them, and we do not."""
        ftp.need(shutil.which("unshare"), "unshare is not installed")
        paths = self.build("ft", "ext_plain", "ext_marked")
        ext.distribute(self.where, "ext", "1.0", *paths.values())
        inside = os.path.join(os.path.realpath(self.enterContext(tempfile.TemporaryDirectory())),
                              "site")
        os.mkdir(inside)
        hide = ("unshare", "-m", "sh", "-c",
                f'mount --bind {self.where} {inside} && exec "$@"', "sh")
        with ftp.start("ft", "imports.py", inside, "import:ext_plain", "import:ext_marked",
                       prefix=hide) as load:
            load.go().result()
            self.assertEqual(os.listdir(inside), [])
            rows = {row["module"]: row for row in check(load).values() if not row["stdlib"]}
        self.assertEqual({name: (row["gil"], row["distribution"], row["path"])
                          for name, row in rows.items()},
                         {name: (gil, "ext 1.0", path.replace(self.where, inside)) for
                          (name, path), gil in zip(paths.items(), ("used", "not_used"))})

    def test_stripped_interpreter(self):
        for python in ("ft", "ft313"):
            with self.subTest(python=python), tempfile.TemporaryDirectory() as where:
                copy, env = ftp.strip_copy(python, where)
                paths = self.build(python, "ext_plain", "ext_marked", "ext_single",
                                   "ext_single_not")
                with ftp.start(copy, "imports.py", self.where, *(f"import:{n}" for n in paths),
                               env=env) as load:
                    load.go().result()
                    rows = check(load)
                self.assertEqual([rows[path]["gil"] for path in paths.values()],
                                 ["used", "not_used", "used", "not_used"])

    def test_suspects(self):
        paths = self.build("ft", "ext_plain", "ext_marked", "ext_single")
        ext.distribute(self.where, "ext", "1.0", paths["ext_plain"])
        load = self.start("ft", *(f"import:{name}" for name in paths))
        self.assertTrue(load.go().result()["gil"])
        lines = check_text(load).splitlines()
        self.assertIn("the GIL is on: suspects: ext_plain (ext 1.0), ext_single;", lines[0])
        self.assertEqual([line.split()[0] for line in lines[2:6:2]], ["ext_plain", "ext_single"])
        self.assertIn("GIL used", lines[2])
        self.assertIn(paths["ext_plain"], lines[2])
        self.assertRegex(lines[6], r"^ +ext_marked +GIL not used")
        self.assertRegex(lines[-1], r"^ +\(\d+ of its own\) +CPython 3\.14\.6 +GIL not used +/")
        self.assertEqual(len(lines), 8)

    def test_nothing_to_suspect(self):
        self.build("ft", "ext_marked", "ext_plain")
        load = self.start("ft", "import:ext_marked")
        self.assertFalse(load.go().result()["gil"])
        self.assertIn("none of these brings the GIL back", check_text(load))
        load = self.start("ft", "import:ext_plain", env={**os.environ, "PYTHON_GIL": "0"})
        self.assertFalse(load.go().result()["gil"])
        self.assertRegex(check_text(load), "1 of these would bring .* off all the same .*ext_plain")
        load = self.start("ft", "import:ext_marked", env={**os.environ, "PYTHON_GIL": "1"})
        self.assertTrue(load.go().result()["gil"])
        self.assertIn("the GIL is on, but all of these say", check_text(load))

    def test_audit(self):
        paths = self.build("gil", "ext_plain", "ext_says", "ext_single", "ext_marked")
        ext.distribute(self.where, "ext", "1.0", paths["ext_plain"], paths["ext_says"])
        said = check_text(self.start("gil", *(f"import:{name}" for name in paths)).go())
        self.assertIn("2 extension modules would bring the GIL back on free-threaded Python: "
                      "update ext 1.0\n", said)
        self.assertIn("1 cannot be told from this build's files: ext_single\n", said)
        self.assertIn("other files of the same distributions (wheels for cp314t)", said)
        self.assertIn("\n      no Py_mod_gil slot in its definition\n", said)

    def test_before_3_13(self):
        old = shutil.which("python3.11", path="/usr/bin:/usr/local/bin") or \
            shutil.which("python3.12")
        ftp.need(old, "no Python of before 3.13 here")
        with ftp.start(old, "imports.py", "", "import:_ctypes") as load:
            truth = load.go().result()
            rows = check(load)
            said = check_text(load)
        self.assertTrue(truth["modules"])
        for path in truth["modules"].values():
            self.assertEqual(rows[path]["gil"], "unknown")
            self.assertTrue(rows[path]["stdlib"])
        self.assertIn("modules can say since Python 3.13", said)
        self.assertIn("cannot tell", said)


MANY = """
#include <Python.h>
#define M(n) \\
static PyModuleDef_Slot s##n[] = {{Py_mod_gil, (void *)(n % 2)}, {0, NULL}}; \\
static struct PyModuleDef d##n = {PyModuleDef_HEAD_INIT, .m_name = "many" #n, .m_slots = s##n}; \\
PyMODINIT_FUNC PyInit_many##n(void); \\
PyMODINIT_FUNC PyInit_many##n(void) { return PyModuleDef_Init(&d##n); }
"""


class Many(unittest.TestCase):
    """A process with hundreds of modules."""

    COUNT = 307

    def test_fast(self):
        ftp.need_ftprof()
        with tempfile.TemporaryDirectory() as where:
            where = os.path.realpath(where)
            source = os.path.join(where, "many.c")
            with open(source, "w", encoding="ascii") as file:
                file.write(MANY + "\n".join(f"M({i})" for i in range(self.COUNT)) + "\n")
            one = ext.build("ft", where, "many0", source=source)
            paths = [one.replace("many0.", f"many{i}.") for i in range(self.COUNT)]
            for path in paths[1:]:
                shutil.copy(one, path)
            ext.distribute(where, "many", "1.0", *paths)
            with ftp.start("ft", "imports.py", where, *(f"import:many{i}"
                                                        for i in range(self.COUNT))) as load:
                load.go().result()
                took = []
                for _ in range(3):
                    begin = time.monotonic()
                    rows = check(load)
                    took.append(time.monotonic() - begin)
        for i, path in enumerate(paths):
            self.assertEqual(rows[path]["gil"], "not_used" if i % 2 else "used")
            self.assertEqual(rows[path]["distribution"], "many 1.0")
        self.assertLess(min(took), 0.5, took)


class Real(unittest.TestCase):
    """What is in the registry: C (numpy), Cython (frozenlist, numpy.random), Rust (rpds), and one
    that is not marked (ujson)."""

    IMPORTS = ("numpy", "numpy.random", "numpy.fft", "numpy._core._umath_tests",
               "numpy._core._operand_flag_tests", "frozenlist", "rpds", "ujson")

    def rows(self, python):
        ftp.need_ftprof()
        site = os.path.realpath(ext.packages(python))
        with ftp.start(python, "imports.py", site, *(f"import:{n}" for n in self.IMPORTS)) as load:
            truth = load.go().result()
            rows = check(load)
            text = check_text(load)
        for name, path in truth["modules"].items():
            self.assertEqual(rows[path]["module"], name)
        self.assertLessEqual(set(rows), set(truth["modules"].values()))
        mine = {row["module"]: row for path, row in rows.items() if path.startswith(site + "/")}
        self.assertGreaterEqual(len(mine), 15)
        for row in mine.values():
            package = row["module"].split(".")[0]
            name = {"rpds": "rpds-py"}.get(package, package)
            self.assertRegex(row["distribution"], rf"^{name} \d[\d.]+$")
        return site, mine, text

    def test_ft(self):
        site, mine, text = self.rows("ft")
        for row in mine.values():
            on = ext.gil_after_import("ft", [site], row["module"])
            self.assertEqual(row["gil"], "used" if on else "not_used", row)
        self.assertEqual([name for name, row in mine.items() if row["gil"] == "used"], ["ujson"])
        self.assertIn("the GIL is on: suspects: ujson (ujson 5.10.0)", text)

    def test_gil(self):
        _, mine, text = self.rows("gil")
        for name in ("numpy._core._multiarray_umath", "rpds.rpds"):
            self.assertEqual(mine[name]["gil"], "not_used")
        # their files for 3.14t declare it, these cannot
        for name in ("numpy.random.mtrand", "frozenlist._frozenlist"):
            self.assertEqual(mine[name]["gil"], "unknown")
            self.assertIn("Cython", mine[name]["how"])
        for name in ("ujson", "numpy._core._umath_tests"):
            self.assertEqual(mine[name]["gil"], "unknown")
            self.assertIn("single phase", mine[name]["how"])
        self.assertIn("wheels for cp314t", text)


if __name__ == "__main__":
    ftp.main()
