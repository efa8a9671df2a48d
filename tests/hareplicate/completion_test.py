#!/usr/bin/env python3
"""The bash completion, sourced in a real bash, completes verbs, flags, values and names.

    completion_test.py HAREPLICATE HAREPLICATE.BASH
"""

import os
import shlex
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM, SCRIPT = (os.path.abspath(path) for path in sys.argv[1:3])
CLUSTER = """
[[site]]
name = "fra1"
[[site]]
name = "nyc1"
[[set]]
name = "etc"
[[set]]
name = "voicemail"
[[set]]
name = "$(touch pwned)"
[[set]]
name = "with blank"
"""


class Completion(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.cluster = os.path.join(self.folder.name, "my cluster.toml")
        with open(self.cluster, "w", encoding="utf-8") as out:
            out.write(CLUSTER)

    def complete(self, *words, config=True):
        """What bash offers for the last word."""
        line = [PROGRAM, *words]
        if config:
            line[1:1] = ["-c", self.cluster]
        script = (f"source {shlex.quote(SCRIPT)}; COMP_WORDS=({' '.join(map(shlex.quote, line))}); "
                  f"COMP_CWORD={len(line) - 1}; _hareplicate; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
        done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, timeout=20,
                              check=False, cwd=self.folder.name)
        self.assertEqual(done.stderr, "")
        return [word for word in done.stdout.split("\n") if word]

    def test_it_is_registered_for_the_program(self):
        script = f"source {shlex.quote(SCRIPT)}; complete -p hareplicate"
        done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, timeout=20,
                              check=True)
        self.assertIn("-F _hareplicate hareplicate", done.stdout)

    def test_verbs_and_their_second_words(self):
        self.assertEqual(self.complete("sta"), ["status"])
        self.assertIn("init", self.complete(""))
        self.assertNotIn("names", self.complete("completion", ""))
        self.assertEqual(self.complete("config", ""), ["check", "show", "diff", "push", "confirm", "undo"])
        self.assertEqual(self.complete("config", "c"), ["check", "confirm"])
        self.assertEqual(self.complete("--json", "jobs", "f"), ["follow"])

    def test_flags_of_the_verb_and_of_all(self):
        self.assertEqual(self.complete("resync", "--fu"), ["--full"])
        self.assertEqual(self.complete("status", "--he"), ["--help"])
        self.assertNotIn("--deep", self.complete("resync", "--"))
        self.assertEqual(self.complete("init", "--from-a"), ["--from-asterisk"])

    def test_choices_of_a_value(self):
        self.assertEqual(self.complete("status", "-o", ""), ["table", "json", "fields"])
        self.assertEqual(self.complete("status", "--color", "a"), ["auto", "always"])
        self.assertEqual(self.complete("status", "--output", "=", "j"), ["json"])
        self.assertEqual(self.complete("status", "--output", "="), ["table", "json", "fields"])
        self.assertEqual(self.complete("help", "st"), ["states"])

    def test_names_of_sets_and_sites_come_from_the_configuration_on_the_line(self):
        self.assertEqual(self.complete("status", ""), ["etc", "voicemail"])
        self.assertEqual(self.complete("status", "etc", "v"), ["voicemail"])
        self.assertEqual(self.complete("resync", "etc", "--to", ""), ["fra1", "nyc1"])
        self.assertEqual(self.complete("config", "diff", ""), ["fra1", "nyc1"])
        self.assertEqual(self.complete("config", "push", "--without", ""), ["fra1", "nyc1"])
        self.assertEqual(self.complete("resync", "--to", "nyc1", ""), ["etc", "voicemail"])
        self.assertEqual(self.complete("resync", "etc", ""), [])

    def test_a_name_is_never_run_by_the_shell(self):
        self.complete("status", "")
        self.assertFalse(os.path.exists(os.path.join(self.folder.name, "pwned")))

    def test_files_with_blanks(self):
        self.assertEqual(self.complete("keys", "new", "my", config=False), ["my cluster.toml"])
        self.assertEqual(self.complete("-c", "my", config=False), ["my cluster.toml"])
        self.assertEqual(self.complete("init", "--output", "my", config=False), ["my cluster.toml"])

    def test_what_is_wrong_is_silent(self):
        os.unlink(self.cluster)
        self.assertEqual(self.complete("status", ""), [])
        with open(self.cluster, "w", encoding="utf-8") as out:
            out.write("not [ toml")
        self.assertEqual(self.complete("status", ""), [])

    def test_it_is_quick(self):
        started = time.monotonic()
        subprocess.run([PROGRAM, "-c", self.cluster, "completion", "names", "sets"], check=True,
                       stdout=subprocess.DEVNULL)
        self.assertLess(time.monotonic() - started, 2)  # 10 ms; this is for a loaded machine and sanitizers


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
