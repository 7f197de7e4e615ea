# SPDX-License-Identifier: BSD-2-Clause
"""The documents say what the program does: JSON fields, options, verdicts."""

import json
import os
import re
import subprocess
import tempfile
import unittest

import ftp

SCHEMA = os.path.join(ftp.ROOT, "docs", "json-schema.md")
MAN = os.path.join(ftp.ROOT, "man", "ftprof.1")
OTHERS = ("list", "check", "look", "compare")  # schemas of their own
VERBS = ("", "record", "report", "compare", "check", "list")


def documented(prefix):
    """Paths in the first column of the tables whose first part is, or is not, one of OTHERS."""
    with open(SCHEMA, encoding="utf-8") as file:
        paths = re.findall(r"^\| `([a-z][a-z0-9_.\[\]]*)` \|", file.read(), re.MULTILINE)
    repeated = {path for path in paths if paths.count(path) > 1}
    if repeated:
        raise AssertionError(f"documented twice: {sorted(repeated)}")
    own = {path for path in paths if path.split(".")[0] == prefix}
    if prefix in OTHERS:
        return {path.split(".", 1)[1] for path in own}
    return {path for path in paths if path.split(".")[0] not in OTHERS}


def fields(value, path=""):
    """Paths of all leaves: a.b, a[].b; an empty array counts as one element."""
    if isinstance(value, dict):
        return set().union(*(fields(v, f"{path}.{k}" if path else k) for k, v in value.items()))
    if isinstance(value, list):
        if not value:
            return {f"{path}[]"}
        return set().union(*(fields(v, f"{path}[]") for v in value))
    return {path}


class JsonSchema(unittest.TestCase):
    """docs/json-schema.md and what is really written, both ways."""

    def same(self, report, prefix):
        there, known = fields(report), documented(prefix)
        empty = {path for path in there if path.endswith("[]") and
                 any(k.startswith(path + ".") for k in known)}
        self.assertEqual(sorted(there - known - empty), [], "fields without a row")
        rest = {k for k in known - there if not any(k.startswith(e) for e in empty)}
        self.assertEqual(sorted(rest), [], "rows without a field")

    def profile(self, python, *options):
        ftp.need_ftprof()
        with ftp.start(python, "crunch.py", 3_000_000, 2, "--wait") as load:
            watcher = ftp.Ftprof("-p", load.pid, "--json", "-d", "1s", *options)
            load.go()
            status, out, err = watcher.wait()
        self.assertEqual(status, 0, err)
        return json.loads(out)

    def test_report_gil(self):
        self.same(self.profile("gil"), "report")

    def test_report_free_threaded(self):
        self.same(self.profile("ft"), "report")

    def test_report_exact(self):
        report = self.profile("gil", "--exact=full")
        self.same(report, "report")
        self.assertTrue(report["cost"]["sites"], "no sites although there are probes")

    def test_report_without_events(self):
        self.same(self.profile("gil", "--no-timeline"), "report")

    def test_look(self):
        with ftp.start("gil", "crunch.py", 30_000_000, 2, "--wait") as load:
            load.go()
            out = subprocess.run([ftp.FTPROF, "-p", str(load.pid), "-d", "0", "--json"], check=True,
                                 capture_output=True, text=True).stdout
        self.same(json.loads(out), "look")

    def test_list(self):
        ftp.need_ftprof()
        with ftp.start("gil", "crunch.py", 1000, 1, "--wait"):
            self.same(json.loads(ftp.check_ftprof("list", "--json")), "list")

    def test_compare(self):
        """Both sides of a comparison have the same fields: one of them is in the document."""
        ftp.need_ftprof()
        with tempfile.TemporaryDirectory() as where:
            path = os.path.join(where, "s.ftprof")
            ftp.check_ftprof("record", "-o", path, "--", ftp.GIL, "-c",
                             "import time; time.sleep(.1)")
            result = json.loads(ftp.check_ftprof("compare", "--json", path, path))
        for pair in [result, *result["rows"]]:
            self.assertEqual(fields(pair["a"]), fields(pair["b"]))
            del pair["b"]
        self.same(result, "compare")

    def test_check(self):
        ftp.need_ftprof()
        with ftp.start("gil", "crunch.py", 1000, 1, "--wait") as load:
            self.same(json.loads(ftp.check_ftprof("check", "-p", load.pid, "--json")), "check")

    def test_an_unknown_field_is_found(self):
        ftp.need_ftprof()
        with ftp.start("gil", "crunch.py", 1000, 1, "--wait"):
            listed = json.loads(ftp.check_ftprof("list", "--json"))
        listed["processes"][0]["surprise"] = 1
        with self.assertRaises(AssertionError):
            self.same(listed, "list")

    def test_states_are_documented(self):
        known = documented("report")
        for state in ftp.STATES:
            self.assertIn(f"threads[].state_ns.{state}", known)


class ManPage(unittest.TestCase):
    """The man page and --help name the same options."""

    @staticmethod
    def help_of(verb):
        ftp.need(os.access(ftp.FTPROF, os.X_OK), "build/ftprof is not built")
        done = subprocess.run([ftp.FTPROF, *([verb] if verb else []), "--help"], check=True,
                              capture_output=True, text=True)
        return done.stdout

    def test_options(self):
        with open(MAN, encoding="utf-8") as file:
            page = file.read().replace("\\-", "-")
        for verb in VERBS:
            text = self.help_of(verb)
            options = re.findall(r"^ +(?:-., )?(--[a-z-]+)", text, re.MULTILINE)
            self.assertGreater(len(options), 5)
            for option in options:
                self.assertRegex(page, rf"(?<![\w-]){option}(?![\w-])", f"ftprof {verb}")

    def test_guide_uses_what_there_is(self):
        known = set()
        for verb in VERBS:
            known.update(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", self.help_of(verb)))
        with open(os.path.join(ftp.ROOT, "docs", "usage.md"), encoding="utf-8") as file:
            commands = re.findall(r"^    \$ (?:sudo )?ftprof(.*)$", file.read(), re.MULTILINE)
        self.assertGreater(len(commands), 5)
        for command in commands:
            words = command.split("#")[0].split()
            used = [word.split("=")[0] for word in words if word.startswith("-")]
            self.assertEqual([word for word in used if word not in known], [], command)

    def test_verbs_have_examples(self):
        for verb in VERBS:
            self.assertIn("EXAMPLES:", self.help_of(verb))

    def test_verdicts_and_states(self):
        with open(MAN, encoding="utf-8") as file:
            page = file.read().replace("\\-", "-")
        with open(os.path.join(ftp.ROOT, "user", "model", "names.c"), encoding="utf-8") as file:
            names = re.findall(r'\[FT_[RV]_[A-Z_]+\] = "([a-z_]+)"', file.read())
        self.assertGreater(len(names), 20)
        for name in names:
            self.assertRegex(page, rf"(?<!\w){name}(?!\w)")


class Files(unittest.TestCase):
    """What the man page says of files and exit statuses."""

    def test_existing_output_is_kept(self):
        ftp.need_ftprof()
        with tempfile.TemporaryDirectory() as where:
            name = os.path.join(where, "list.json")
            self.assertEqual(ftp.ftprof("list", "-o", name, "--json")[0], 0)
            status, _, err = ftp.ftprof("list", "-o", name, "--json")
            self.assertEqual(status, 1)
            self.assertIn("--force", err)
            self.assertEqual(ftp.ftprof("list", "-o", name, "--json", "--force")[0], 0)

    def test_wrong_usage(self):
        self.assertEqual(ftp.ftprof("list", "--no-such-option")[0], 2)
        self.assertEqual(ftp.ftprof("report", "-o", "x.png", "/dev/null")[0], 2)
